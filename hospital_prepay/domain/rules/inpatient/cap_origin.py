"""Where the cap of a stay comes from: the one row of the one table, read from the decision's own facts."""

from __future__ import annotations

from dataclasses import dataclass

from hospital_prepay.domain.decision import Decision
from hospital_prepay.domain.rules.inpatient.deposits import (
    CapFacts,
    Circumstance,
    binding_facts,
    cap_facts,
)
from hospital_prepay.domain.rules.inpatient.similar import TableCap, nearest


@dataclass(frozen=True, slots=True)
class CapOrigin:
    """``row`` gave the cap, in table ``table_version``; ``own`` is the row of the stay's own disease, if there is
    one. ``other_version`` is the table that the cap was compared with when the stay was registered late.
    """

    row: TableCap
    own: TableCap | None
    table_version: int
    other_version: int | None

    @property
    def is_own(self) -> bool:
        """Whether the disease follows its own row."""
        return self.row is self.own


def cap_origin(decision: Decision) -> CapOrigin | None:
    """The origin of the cap that ``decision`` determined; ``None`` when it determined none."""
    if not decision.permitted:
        return None
    facts = cap_facts(decision.facts)
    bound = binding_facts(facts)
    row = _row(bound)
    if row is None or bound.table_version is None:
        return None
    return CapOrigin(row, bound.own, bound.table_version, _other_version(facts, bound.table_version))


def lacks_cases(decision: Decision) -> bool:
    """Whether the stay's disease is posted and only its class has no amount, for it has too few cases."""
    own = binding_facts(cap_facts(decision.facts)).own
    return own is not None and own.posted and own.cap_fen is None


def _row(facts: CapFacts) -> TableCap | None:
    """The picked disease's row (17.2), else the own row of a posted disease (12), else the lowest of the nearest
    similar ones and the own one (18)."""
    if facts.circumstance == Circumstance.SIMILAR.value:
        return facts.chosen
    if facts.own is not None and facts.own.serves:
        return facts.own
    rows = [*nearest(facts.similar), *([] if facts.own is None else [facts.own])]
    return min((row for row in rows if row.cap_fen is not None), key=lambda row: row.cap_fen or 0, default=None)


def _other_version(facts: CapFacts, bound: int) -> int | None:
    versions = {facts.table_version, None if facts.late is None else facts.late.table_version}
    return next((one for one in versions if one is not None and one != bound), None)
