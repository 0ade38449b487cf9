"""Forms of recall and clearing: a ground, its urging and end, a netting, a loss, what the agency wrote off."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar

from marshmallow import ValidationError, fields

from hospital_prepay.domain.money import Money
from hospital_prepay.schemas.base import CommandSchema, Day, Text, Yuan
from hospital_prepay.schemas.fund_forms import FormKey, PositiveYuan


class Ground(fields.Field[int | None]):
    """The number of a ground; an empty choice is the agreement alone."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> int | None:
        if value == "":
            return None
        if not (isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 2):
            raise ValidationError("请从列出的情形里选。")
        return int(value)


@dataclass(frozen=True, slots=True)
class RecallForm:
    """A ground that came about."""

    regime: str
    ground: int | None
    what: str
    since_on: date
    document: str
    idempotency_key: str


class RecallFormSchema(CommandSchema[RecallForm]):
    """A ground with its evidence."""

    command: ClassVar = RecallForm

    regime = Text(required=True, longest=40)
    ground = Ground(load_default=None)
    what = Text(required=True, longest=500, lines=True)
    since_on = Day(required=True)
    document = Text(required=True, longest=120)
    idempotency_key = FormKey()


@dataclass(frozen=True, slots=True)
class UrgedForm:
    """The authority's word."""

    urged_on: date
    document: str


class UrgedFormSchema(CommandSchema[UrgedForm]):
    """The day on which the return was urged."""

    command: ClassVar = UrgedForm

    urged_on = Day(required=True)
    document = Text(required=True, longest=120)


@dataclass(frozen=True, slots=True)
class LiftedForm:
    """Why a ground is gone."""

    ground: str
    document: str


class LiftedFormSchema(CommandSchema[LiftedForm]):
    """The end of a ground by a second person."""

    command: ClassVar = LiftedForm

    ground = Text(required=True, longest=300)
    document = Text(required=True, longest=120)


@dataclass(frozen=True, slots=True)
class NettingForm:
    """The day of a netting and the bank's slip of its difference."""

    netted_on: date
    bank_reference: str
    idempotency_key: str


class NettingFormSchema(CommandSchema[NettingForm]):
    """A netting; the slip only where a difference moved, which the service knows."""

    command: ClassVar = NettingForm

    netted_on = Day(required=True)
    bank_reference = Text(load_default="", longest=64)
    idempotency_key = FormKey()


@dataclass(frozen=True, slots=True)
class LossForm:
    """A loss as it was found."""

    grant_id: str
    amount: Money
    found_on: date
    what: str
    persons: str
    document: str
    idempotency_key: str


class LossFormSchema(CommandSchema[LossForm]):
    """A loss with who answers for it."""

    command: ClassVar = LossForm

    grant_id = Text(required=True, longest=36)
    amount = PositiveYuan(required=True)
    found_on = Day(required=True)
    what = Text(required=True, longest=500, lines=True)
    persons = Text(required=True, longest=200)
    document = Text(load_default="", longest=120)
    idempotency_key = FormKey()


@dataclass(frozen=True, slots=True)
class CompensationForm:
    """Money that came back of a loss."""

    amount: Money
    bank_reference: str
    received_on: date
    idempotency_key: str


class CompensationFormSchema(CommandSchema[CompensationForm]):
    """A compensation by the bank's slip."""

    command: ClassVar = CompensationForm

    amount = PositiveYuan(required=True)
    bank_reference = Text(required=True, longest=64)
    received_on = Day(required=True)
    idempotency_key = FormKey()


@dataclass(frozen=True, slots=True)
class WriteOffForm:
    """What the agency wrote off."""

    grant_id: str
    amount: Money
    written_off_on: date
    document: str


class WriteOffFormSchema(CommandSchema[WriteOffForm]):
    """A write-off as the agency's memorandum book has it."""

    command: ClassVar = WriteOffForm

    grant_id = Text(required=True, longest=36)
    amount = PositiveYuan(required=True)
    written_off_on = Day(required=True)
    document = Text(required=True, longest=120)


@dataclass(frozen=True, slots=True)
class OutlookForm:
    """What the officer expects."""

    monthly: Money
    own_cash: Money


class OutlookFormSchema(CommandSchema[OutlookForm]):
    """The expected monthly settlement, and what the hospital can add of its own."""

    command: ClassVar = OutlookForm

    monthly = Yuan(required=True)
    own_cash = Yuan(required=True)
