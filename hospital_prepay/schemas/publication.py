"""Forms of the institution, its rules, its calendar and its readings."""

from __future__ import annotations

from typing import ClassVar

from hospital_prepay.domain.rules.publication.scope import Ownership
from hospital_prepay.schemas.base import Choice, CommandSchema, Day, Text, Ticked
from hospital_prepay.services.publication.deposit_rules import NewRules
from hospital_prepay.services.publication.institution import ChangedInstitution
from hospital_prepay.services.publication.readings import NewChoice


class InstitutionSchema(CommandSchema[ChangedInstitution]):
    """What patients read, and the two facts of article 2."""

    command: ClassVar = ChangedInstitution

    name = Text(required=True, longest=64)
    phone = Text(required=True, longest=32)
    hours = Text(required=True, longest=64)
    place = Text(required=True, longest=64)
    ownership = Choice(Ownership, required=True)
    designated = Ticked()


class RulesSchema(CommandSchema[NewRules]):
    """A version of the hospital's own rules."""

    command: ClassVar = NewRules

    title = Text(required=True, longest=128)
    text = Text(required=True, longest=60_000, lines=True)
    effective_on = Day(required=True)


class ChoiceSchema(CommandSchema[NewChoice]):
    """Another answer to an open question."""

    command: ClassVar = NewChoice

    value = Text(required=True, longest=60)
    reason = Text(required=True, longest=200)
