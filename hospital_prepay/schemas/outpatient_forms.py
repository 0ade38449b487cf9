"""Forms of outpatients' money: the day of a census, a ground in words, what an account should have."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import ClassVar

from hospital_prepay.domain.money import Money
from hospital_prepay.schemas.base import Choice, CommandSchema, Day, Text, Yuan
from hospital_prepay.schemas.fund_forms import FormKey


@dataclass(frozen=True, slots=True)
class CountForm:
    """The day that the balances of a file are of."""

    balances_on: date


class CountFormSchema(CommandSchema[CountForm]):
    """The day beside the file."""

    command: ClassVar = CountForm

    balances_on = Day(required=True)


@dataclass(frozen=True, slots=True)
class CorrectionForm:
    """What an account should have had altogether, and what shows it."""

    right_total: Money
    ground: str
    idempotency_key: str
    again: Money | None = None


class CorrectionFormSchema(CommandSchema[CorrectionForm]):
    """A sum and its ground."""

    command: ClassVar = CorrectionForm

    right_total = Yuan(required=True)
    again = Yuan(load_default=None)
    ground = Text(required=True, longest=300)
    idempotency_key = FormKey()


@dataclass(frozen=True, slots=True)
class TurnedDown:
    """Why a correction is turned down."""

    answer: str


class TurnedDownSchema(CommandSchema[TurnedDown]):
    """A ground that whoever asked is told."""

    command: ClassVar = TurnedDown

    answer = Text(required=True, longest=300)


@dataclass(frozen=True, slots=True)
class OwnerForm:
    """What should stand on record of a holder, empty where it stays, and what proves it."""

    name: str
    certno: str
    phone: str
    ground: str
    paper: str
    idempotency_key: str


class OwnerFormSchema(CommandSchema[OwnerForm]):
    """The holder as the papers have it."""

    command: ClassVar = OwnerForm

    name = Text(load_default="", longest=60)
    certno = Text(load_default="", longest=40)
    phone = Text(load_default="", longest=40)
    ground = Text(required=True, longest=300)
    paper = Text(required=True, longest=80)
    idempotency_key = FormKey()


class Answer(StrEnum):
    """Whether two accounts are one person's."""

    SAME = "same"
    APART = "apart"


@dataclass(frozen=True, slots=True)
class PairForm:
    """Two accounts, the answer, and what it rests on."""

    first_no: str
    second_no: str
    answer: Answer
    ground: str


class PairFormSchema(CommandSchema[PairForm]):
    """A pair with its answer."""

    command: ClassVar = PairForm

    first_no = Text(required=True, longest=40)
    second_no = Text(required=True, longest=40)
    answer = Choice(Answer, required=True)
    ground = Text(required=True, longest=300)
