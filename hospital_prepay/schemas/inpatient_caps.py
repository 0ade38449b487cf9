"""Forms of measuring and publishing caps."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar

from marshmallow import ValidationError, fields

from hospital_prepay.domain.money import ZERO, Money
from hospital_prepay.schemas.base import CommandSchema, Day, Text, Ticked, Yuan


@dataclass(frozen=True, slots=True)
class MeasureForm:
    """What the form says of a measurement; the measure of the burden is a reading, not a field."""

    as_of: date
    min_cases: int
    round_down_to: Money


@dataclass(frozen=True, slots=True)
class PublishForm:
    """From which day on."""

    effective_on: date


@dataclass(frozen=True, slots=True)
class RejectForm:
    """Why a draft goes back."""

    reason: str


class Count(fields.Field[int]):
    """A whole number from 0 to ``most`` as people type it."""

    def __init__(self, *, most: int, **options: Any) -> None:
        super().__init__(**options)
        self.most = most

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> int:
        text = str(value).strip()
        if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) <= self.most):
            raise ValidationError(f"请填 0 到 {self.most} 的整数，例如 10。")
        return int(text)


def _above_zero(amount: Money) -> None:
    if amount <= ZERO:
        raise ValidationError("取整单位要大于零，例如 10。")


class MeasureSchema(CommandSchema[MeasureForm]):
    """A measurement."""

    command: ClassVar = MeasureForm

    as_of = Day(required=True)
    min_cases = Count(most=1000, required=True)
    round_down_to = Yuan(required=True, validate=_above_zero)


class PublishSchema(CommandSchema[PublishForm]):
    """A publication."""

    command: ClassVar = PublishForm

    effective_on = Day(required=True)


class RejectSchema(CommandSchema[RejectForm]):
    """A draft sent back."""

    command: ClassVar = RejectForm

    reason = Text(required=True, longest=500, lines=True)


@dataclass(frozen=True, slots=True)
class SheetForm:
    """A posted sheet to take over: which heading holds what (no name: as the headings suggest), and what for."""

    source: str
    effective_on: date
    name: str
    code: str
    employee: str
    resident: str
    self_pay: str
    catalogue: str
    as_standards: bool
    as_table: bool


class SheetSchema(CommandSchema[SheetForm]):
    """A posted sheet."""

    command: ClassVar = SheetForm

    source = Text(required=True, longest=200)
    effective_on = Day(required=True)
    name = Text(longest=60, load_default="")
    code = Text(longest=60, load_default="")
    employee = Text(longest=60, load_default="")
    resident = Text(longest=60, load_default="")
    self_pay = Text(longest=60, load_default="")
    catalogue = Text(longest=40, load_default="")
    as_standards = Ticked()
    as_table = Ticked()
