"""The forms of applications to the emergency relief fund."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from hospital_prepay.domain.money import Money
from hospital_prepay.schemas.base import CommandSchema, Text, Yuan
from hospital_prepay.schemas.fund_forms import FormKey, PositiveYuan

LONGEST: Final = 400


@dataclass(frozen=True, slots=True)
class DraftForm:
    """An application as it was typed."""

    amount: Money
    ground: str
    papers: str
    idempotency_key: str


class DraftSchema(CommandSchema[DraftForm]):
    """An application."""

    command: ClassVar = DraftForm

    amount = PositiveYuan(required=True)
    ground = Text(required=True, longest=LONGEST)
    papers = Text(required=True, longest=LONGEST)
    idempotency_key = FormKey()


@dataclass(frozen=True, slots=True)
class AnswerForm:
    """What the fund answered."""

    application_id: str
    granted: Money | None
    answer: str
    idempotency_key: str


class AnswerSchema(CommandSchema[AnswerForm]):
    """What the fund answered; the amount only where it grants one."""

    command: ClassVar = AnswerForm

    application_id = Text(required=True, longest=36)
    granted = Yuan(load_default=None, allow_none=True)
    answer = Text(longest=LONGEST, load_default="")
    idempotency_key = FormKey()

    def read(self, given: Mapping[str, Any]) -> AnswerForm:
        """The answer; an amount left empty is none."""
        return super().read({name: said for name, said in given.items() if said or name != "granted"})


@dataclass(frozen=True, slots=True)
class ReceiveForm:
    """Money of the fund in the bank."""

    application_id: str
    amount: Money
    bank_reference: str
    idempotency_key: str


class ReceiveSchema(CommandSchema[ReceiveForm]):
    """Money of the fund in the bank."""

    command: ClassVar = ReceiveForm

    application_id = Text(required=True, longest=36)
    amount = PositiveYuan(required=True)
    bank_reference = Text(required=True, longest=64)
    idempotency_key = FormKey()


@dataclass(frozen=True, slots=True)
class GiveBackForm:
    """Money that goes back to the fund."""

    application_id: str
    bank_reference: str
    idempotency_key: str


class GiveBackSchema(CommandSchema[GiveBackForm]):
    """Money that goes back to the fund."""

    command: ClassVar = GiveBackForm

    application_id = Text(required=True, longest=36)
    bank_reference = Text(required=True, longest=64)
    idempotency_key = FormKey()
