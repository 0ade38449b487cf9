"""Reads ``instrument.yaml``: who issued a notice, for whom, from when, and how it is numbered."""

from __future__ import annotations

from hospital_prepay.rulebook.fields import Fields
from hospital_prepay.rulebook.model import Instrument
from hospital_prepay.rulebook.numbering import expand
from hospital_prepay.rulebook.strict_yaml import Node

UNNUMBERED = "unnumbered"


def read_instrument(document: Node, where: str) -> Instrument:
    """The notice in ``document``; raises :class:`RulebookFault`."""
    with Fields(document, where) as fields:
        in_force_by = fields.text("in_force_by")
        return Instrument(
            id=fields.text("instrument"),
            title=fields.text("title"),
            short_title=fields.text("short_title"),
            number=fields.text_or_none("number"),
            forwarded_by=fields.text_or_none("forwarded_by"),
            issuers=fields.texts("issuers"),
            addressees=fields.texts("addressees"),
            effective_on=fields.day("in_force_from"),
            in_force_by=None if in_force_by == UNNUMBERED else in_force_by,
            numbered_by=fields.word("numbered_by", ("articles", "sections")),
            numbering=expand(fields.text("numbering"), where),
        )
