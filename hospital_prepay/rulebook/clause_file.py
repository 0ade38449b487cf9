"""Reads ``clauses.yaml``: an entry for every article and numbered item."""

from __future__ import annotations

from hospital_prepay.rulebook.citation import cite
from hospital_prepay.rulebook.fields import Fields, fault
from hospital_prepay.rulebook.model import Addressee, Clause, Instrument, Status
from hospital_prepay.rulebook.numbering import is_number, parent, sort_key
from hospital_prepay.rulebook.strict_yaml import Node


def read_clauses(document: Node, where: str, instrument: Instrument) -> dict[str, Clause]:
    """The entries by id, in the order of the notice; raises :class:`RulebookFault`."""
    with Fields(document, where) as fields:
        fields.word("instrument", (instrument.id,))
        entries = {clause_id: _clause(clause_id, node, instrument) for clause_id, node in fields.items("clauses")}
    for clause in entries.values():
        above = parent(clause.number)
        if above is not None and f"{instrument.id}/{above}" not in entries:
            raise fault(where, f"“{clause.id}”的上一级没有条目")
    return dict(sorted(entries.items(), key=lambda entry: sort_key(entry[1].number)))


def _clause(clause_id: str, node: Node, instrument: Instrument) -> Clause:
    owner, _, number = clause_id.partition("/")
    if owner != instrument.id or not is_number(number):
        raise fault(instrument.id, f"“{clause_id}”不是本文件的条款编号")
    has_items = any(other.startswith(f"{number}.") for other in instrument.numbering)
    with Fields(node, clause_id) as fields:
        return Clause(
            id=clause_id,
            instrument=instrument.id,
            number=number,
            title=fields.text("title"),
            says=fields.text("says"),
            plain=fields.text("plain"),
            addressee=Addressee(fields.word("addressee", tuple(Addressee))),
            status=Status(fields.word("status", tuple(Status))),
            cited=cite(number, instrument.numbered_by, has_items=has_items),
        )
