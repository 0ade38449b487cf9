"""The forms of arrears and of what is done about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from marshmallow import ValidationError

from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.settlement.arrears import ActKind, Instalment
from hospital_prepay.schemas.base import Choice, CommandSchema, PerhapsDay, Text, Yuan
from hospital_prepay.schemas.fund_forms import FormKey, PositiveYuan

LONGEST: Final = 200
INSTALMENTS: Final = 6


@dataclass(frozen=True, slots=True)
class PromiseForm:
    """A plan as it was typed."""

    instalments: tuple[Instalment, ...]
    note: str
    idempotency_key: str


class PromiseSchema(CommandSchema[PromiseForm]):
    """A plan of up to six instalments (``due_1``, ``amount_1`` …); empty lines count for nothing."""

    note = Text(longest=LONGEST, load_default="")
    idempotency_key = FormKey()

    def read(self, given: Mapping[str, Any]) -> PromiseForm:
        """The plan. Raises ``ValidationError`` for half a line."""
        found = self.load(given)
        parts, wrong = [], {}
        day, yuan = PerhapsDay(), Yuan()
        for number in range(1, INSTALMENTS + 1):
            due, amount = (str(given.get(f"{name}_{number}", "")).strip() for name in ("due", "amount"))
            if not due and not amount:
                continue
            try:
                due_on = day.deserialize(due)
                if due_on is None:
                    raise ValidationError("请填日期。")
                parts.append(Instalment(due_on, yuan.deserialize(amount).fen))
            except ValidationError as error:
                wrong["instalments"] = [f"第 {number} 期：{error.messages[0]}"]
        if wrong:
            raise ValidationError(wrong)
        return PromiseForm(tuple(parts), found["note"], found["idempotency_key"])


@dataclass(frozen=True, slots=True)
class ContactForm:
    """A contact as it was typed."""

    way: str
    words: str
    idempotency_key: str


class ContactSchema(CommandSchema[ContactForm]):
    """A contact."""

    command: ClassVar = ContactForm

    way = Text(required=True, longest=6)
    words = Text(longest=LONGEST, load_default="")
    idempotency_key = FormKey()


@dataclass(frozen=True, slots=True)
class ActForm:
    """A provision, release or write-off that is asked for."""

    kind: ActKind
    amount: Money
    ground: str
    evidence: str
    idempotency_key: str


class ActSchema(CommandSchema[ActForm]):
    """A provision, release or write-off."""

    command: ClassVar = ActForm

    kind = Choice(ActKind, required=True)
    amount = PositiveYuan(required=True)
    ground = Text(required=True, longest=LONGEST)
    evidence = Text(required=True, longest=LONGEST)
    idempotency_key = FormKey()


@dataclass(frozen=True, slots=True)
class DecideForm:
    """The second person's word."""

    act_id: str
    answer: str
    idempotency_key: str


class DecideSchema(CommandSchema[DecideForm]):
    """The second person's word."""

    command: ClassVar = DecideForm

    act_id = Text(required=True, longest=36)
    answer = Text(longest=LONGEST, load_default="")
    idempotency_key = FormKey()


@dataclass(frozen=True, slots=True)
class AssessForm:
    """Findings and measures as they were typed."""

    findings: str
    measures: str
    idempotency_key: str


class AssessSchema(CommandSchema[AssessForm]):
    """Findings and measures of a period."""

    command: ClassVar = AssessForm

    findings = Text(required=True, longest=2000, lines=True)
    measures = Text(required=True, longest=2000, lines=True)
    idempotency_key = FormKey()
