"""Forms of what a second person confirms of giving back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import ClassVar

from marshmallow import fields, validate

from hospital_prepay.schemas.base import CommandSchema, Number, PerhapsDay, Text
from hospital_prepay.schemas.fund_forms import FormKey


@dataclass(frozen=True, slots=True)
class Correction:
    """An entry to take back, why, and by which paper."""

    entry_no: int
    why: str
    ground: str
    bank_reference: str
    value_on: date | None
    idempotency_key: str


class CorrectionSchema(CommandSchema[Correction]):
    """Asking for a correction."""

    command: ClassVar = Correction

    entry_no = Number(required=True, error_messages={"invalid": "请选一张凭证。"})
    why = fields.String(required=True, validate=validate.OneOf(("mistyped", "sent_back"), error="请选原因。"))
    ground = Text(required=True, longest=300)
    bank_reference = Text(load_default="", longest=64)
    value_on = PerhapsDay()
    idempotency_key = FormKey()


@dataclass(frozen=True, slots=True)
class Checked:
    """What a second person looked at."""

    document: str


class CheckedSchema(CommandSchema[Checked]):
    """Checking the day of a slip."""

    command: ClassVar = Checked

    document = Text(required=True, longest=120)
