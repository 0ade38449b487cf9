"""Forms of the gate: the filing of kept kinds, where it is posted, a deposit, a kind that is no deposit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar, Final

from marshmallow import ValidationError

from hospital_prepay.domain.ledger.chart import Tender
from hospital_prepay.schemas.base import Choice, CommandSchema, Day, Text, Yuan
from hospital_prepay.schemas.fund_forms import FormKey
from hospital_prepay.services.outpatient.gate import MOST_KINDS, KeptKind, ProposeKept, TakeDeposit

KIND, ELDERLY = "kind-", "elderly-"
_LONGEST_LABEL: Final = 40


class ProposeKeptSchema(CommandSchema[ProposeKept]):
    """A filing; its kinds come as ``kind-<n>`` with ``elderly-<n>``, a line each, empty lines left out."""

    command: ClassVar = ProposeKept

    document = Text(required=True, longest=80)
    authority = Text(required=True, longest=60)
    filed_on = Day(required=True)

    def read(self, given: Mapping[str, Any]) -> ProposeKept:
        """The filing with its kinds in the order of the form."""
        found = self.load(given)
        kinds = []
        for number in range(1, MOST_KINDS + 1):
            name = f"{KIND}{number}"
            try:
                label = Text(longest=_LONGEST_LABEL).deserialize(str(given.get(name, "")))
            except ValidationError as error:
                raise ValidationError({name: error.messages}) from error
            if label:
                kinds.append(KeptKind(f"kind_{number}", label, bool(given.get(f"{ELDERLY}{number}"))))
        return ProposeKept(**found, kinds=tuple(kinds))


@dataclass(frozen=True, slots=True)
class Posted:
    """Where a filing stands since when, and what shows it."""

    place: str
    posted_on: date
    proof: str


class PostedSchema(CommandSchema[Posted]):
    """A posting with its proof."""

    command: ClassVar = Posted

    place = Text(required=True, longest=20)
    posted_on = Day(required=True)
    proof = Text(required=True, longest=300)


class TakeDepositSchema(CommandSchema[TakeDeposit]):
    """A deposit at the counter."""

    command: ClassVar = TakeDeposit

    account_no = Text(required=True, longest=40)
    holder_name = Text(required=True, longest=60)
    certno = Text(required=True, longest=40)
    phone = Text(load_default="", longest=40)
    kind = Text(load_default="", longest=40)
    amount = Yuan(required=True)
    tender = Choice(Tender, required=True)
    consent = Text(load_default="", longest=60)
    idempotency_key = FormKey()


@dataclass(frozen=True, slots=True)
class OtherKind:
    """A kind of money and why it is no deposit."""

    label: str
    ground: str


class OtherKindSchema(CommandSchema[OtherKind]):
    """A kind with its ground."""

    command: ClassVar = OtherKind

    label = Text(required=True, longest=40)
    ground = Text(required=True, longest=300)
