"""Forms of what can't be refunded: marks, filings, batches for the treasury, lists of advances."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar, Final

from marshmallow import ValidationError, fields, validate

from hospital_prepay.domain.rules.outpatient.reach import Reach
from hospital_prepay.schemas.base import Choice, CommandSchema, Day, Text
from hospital_prepay.schemas.fund_forms import FormKey
from hospital_prepay.services.outpatient.escheat import Part, Remittance
from hospital_prepay.services.outpatient.filing import MOST_ACCOUNTS, MarkUnclearable, Reason

REACH: Final = "reach-"
_BETWEEN: Final = re.compile(r"[\s,，、;；]+")
_LONGEST_NUMBER: Final = 40


@dataclass(frozen=True, slots=True)
class MarkForm:
    """Accounts to mark, with the number of the form."""

    command: MarkUnclearable
    idempotency_key: str


class MarkSchema(CommandSchema[MarkForm]):
    """Numbers as they are pasted, a line each or with commas, or ``reach-<kind>`` ticked for all of a kind."""

    command: ClassVar = MarkForm

    reason = Choice(Reason, required=True)
    evidence = Text(required=True, longest=150)
    account_nos = Text(load_default="", longest=(_LONGEST_NUMBER + 1) * MOST_ACCOUNTS, lines=True)
    idempotency_key = FormKey()

    def read(self, given: Mapping[str, Any]) -> MarkForm:
        """Either numbers or kinds have to be there."""
        found = self.load(given)
        numbers = tuple(dict.fromkeys(one for one in _BETWEEN.split(found["account_nos"]) if one))
        kinds = tuple(kind for kind in Reach if given.get(f"{REACH}{kind.value}"))
        if bool(numbers) == bool(kinds):
            words = "账户号和联系情况，请选填其中一样。" if numbers else "请填账户号，或选联系情况。"
            raise ValidationError({"account_nos": [words]})
        if len(numbers) > MOST_ACCOUNTS:
            raise ValidationError({"account_nos": [f"一次最多 {MOST_ACCOUNTS} 个账户。"]})
        command = MarkUnclearable(found["reason"], found["evidence"], numbers, kinds)
        return MarkForm(command, found["idempotency_key"])


@dataclass(frozen=True, slots=True)
class KeyOnly:
    """A step that needs nothing but its form's number."""

    idempotency_key: str


class KeyOnlySchema(CommandSchema[KeyOnly]):
    """A button."""

    command: ClassVar = KeyOnly

    idempotency_key = FormKey()


@dataclass(frozen=True, slots=True)
class Noted:
    """A text in words, with the number of the form."""

    note: str
    idempotency_key: str


class NotedSchema(CommandSchema[Noted]):
    """A risk note, a ground, or what a review found."""

    command: ClassVar = Noted

    note = Text(required=True, longest=1000, lines=True)
    idempotency_key = FormKey()


class GroundSchema(CommandSchema[Noted]):
    """A ground in a line."""

    command: ClassVar = Noted

    note = Text(required=True, longest=200)
    idempotency_key = FormKey()


@dataclass(frozen=True, slots=True)
class Dated:
    """A number or name with the day of an act."""

    reference: str
    on: date
    idempotency_key: str


class DatedSchema(CommandSchema[Dated]):
    """To whom it was handed in, or the number of a paper, and the day."""

    command: ClassVar = Dated

    reference = Text(required=True, longest=80)
    on = Day(required=True)
    idempotency_key = FormKey()


@dataclass(frozen=True, slots=True)
class Proposed:
    """The 31 December of a batch."""

    on: date
    idempotency_key: str


class ProposeSchema(CommandSchema[Proposed]):
    """A day."""

    command: ClassVar = Proposed

    on = Day(required=True)
    idempotency_key = FormKey()


@dataclass(frozen=True, slots=True)
class Reviewed:
    """One of the three reviews."""

    part: Part
    note: str
    idempotency_key: str


class ReviewSchema(CommandSchema[Reviewed]):
    """What was looked at, and what it came to."""

    command: ClassVar = Reviewed

    part = Choice(Part, required=True)
    note = Text(required=True, longest=300)
    idempotency_key = FormKey()


@dataclass(frozen=True, slots=True)
class RemittedForm:
    """What shows that the money is with the treasury, with the number of the form."""

    remittance: Remittance
    idempotency_key: str


class RemitSchema(CommandSchema[RemittedForm]):
    """Voucher, bank slip and day."""

    command: ClassVar = RemittedForm

    voucher_no = Text(required=True, longest=60)
    bank_reference = Text(required=True, longest=60)
    remitted_on = Day(required=True)
    idempotency_key = FormKey()

    def read(self, given: Mapping[str, Any]) -> RemittedForm:
        """The evidence as the service takes it."""
        found = self.load(given)
        key = found.pop("idempotency_key")
        return RemittedForm(Remittance(**found), key)


@dataclass(frozen=True, slots=True)
class BudgetForm:
    """The year whose budget is asked."""

    budget_year: int
    idempotency_key: str


class BudgetSchema(CommandSchema[BudgetForm]):
    """A year."""

    command: ClassVar = BudgetForm

    budget_year = fields.Integer(required=True, validate=validate.Range(1000, 9999, error="请填四位数的年份。"))
    idempotency_key = FormKey()
