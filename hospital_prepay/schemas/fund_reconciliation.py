"""Forms of the reconciliation: files and their columns, closing a month, settlements, Henan's month."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, ClassVar, Final

from marshmallow import ValidationError, fields

from hospital_prepay.clock import SHANGHAI
from hospital_prepay.domain.money import Money
from hospital_prepay.schemas.base import Choice, CommandSchema, Day, Number, PerhapsDay, Text, Ticked, Yuan
from hospital_prepay.schemas.fund_forms import FormKey, PositiveYuan
from hospital_prepay.services.fund.accounts import LONGEST_ACCOUNT
from hospital_prepay.services.fund.statement_columns import StatementKind

_MONTH: Final = re.compile(r"20[0-9]{2}-(0[1-9]|1[0-2])", re.ASCII)
_MOMENT: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2})?", re.ASCII)


class SettledFund(StrEnum):
    """Whose money a settlement is."""

    EMPLOYEE = "employee"
    RESIDENT = "resident"
    ALL = "all"


class Month(Text):
    """A month as ``2026-03``."""

    def __init__(self) -> None:
        super().__init__(required=True, longest=7)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> str:
        text = super()._deserialize(value, attr, data, **options)
        if not _MONTH.fullmatch(text):
            raise ValidationError("请填月份，例如 2026-03。")
        return text


class PerhapsMoment(fields.Field[datetime]):
    """A moment in Shanghai as ``2026-03-01T18:30``, or nothing."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> datetime | None:  # type: ignore[override]
        text = str(value).strip()
        if not text:
            return None
        if not _MOMENT.fullmatch(text):
            raise ValidationError("请填时间，例如 2026-03-01 18:30。")
        try:
            return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)
        except ValueError:
            raise ValidationError("没有这个时间，请核对。") from None


@dataclass(frozen=True, slots=True)
class StatementForm:
    """What a file is, of which month, and of which account of the bank."""

    kind: StatementKind
    period: str
    account: str


class StatementSchema(CommandSchema[StatementForm]):
    """The head of an upload."""

    command: ClassVar = StatementForm

    kind = Choice(StatementKind, required=True)
    period = Month()
    account = Text(load_default="", longest=LONGEST_ACCOUNT)


@dataclass(frozen=True, slots=True)
class ColumnsForm:
    """A held file with what each of its columns is."""

    kind: StatementKind
    period: str
    token: str
    file_name: str
    dedicated: bool
    account: str
    columns: Mapping[str, str]


class ColumnsSchema(CommandSchema[ColumnsForm]):
    """The mapping of a held file."""

    command: ClassVar = ColumnsForm

    kind = Choice(StatementKind, required=True)
    period = Month()
    token = Text(required=True, longest=36)
    file_name = Text(required=True, longest=120)
    dedicated = Ticked()
    account = Text(load_default="", longest=LONGEST_ACCOUNT)

    def read(self, given: Mapping[str, Any]) -> ColumnsForm:
        """The columns stand in fields named ``column-day`` …"""
        columns = {
            name.removeprefix("column-"): str(value)
            for name, value in given.items()
            if name.startswith("column-") and value
        }
        return ColumnsForm(**self.load(given), columns=columns)


@dataclass(frozen=True, slots=True)
class AccountForm:
    """Which account holds the prepayments from a month on, and why."""

    account: str
    ground: str


class AccountSchema(CommandSchema[AccountForm]):
    """Naming the account."""

    command: ClassVar = AccountForm

    account = Text(required=True, longest=LONGEST_ACCOUNT)
    ground = Text(required=True, longest=300)


@dataclass(frozen=True, slots=True)
class QuietForm:
    """Of which statement a month has no line, and how one knows."""

    kind: StatementKind
    ground: str


class QuietSchema(CommandSchema[QuietForm]):
    """A month without a line."""

    command: ClassVar = QuietForm

    kind = Choice(StatementKind, required=True)
    ground = Text(required=True, longest=300)


@dataclass(frozen=True, slots=True)
class ClosingForm:
    """A month as it was seen, and what is said of what is open."""

    digest: str
    ground: str


class ClosingSchema(CommandSchema[ClosingForm]):
    """Closing a month."""

    command: ClassVar = ClosingForm

    digest = Text(required=True, longest=64)
    ground = Text(load_default="", longest=300)


@dataclass(frozen=True, slots=True)
class BankForm:
    """A payment as the bank shows it."""

    paid_on: date
    bank_reference: str
    payer: str
    remark: str
    idempotency_key: str


@dataclass(frozen=True, slots=True)
class SettlementForm(BankForm):
    """A settlement that arrived."""

    period: str
    fund: SettledFund
    amount: Money
    cross_region: bool
    ahead: bool
    unusual: bool


class SettlementSchema(CommandSchema[SettlementForm]):
    """A settlement that arrived."""

    command: ClassVar = SettlementForm

    period = Month()
    fund = Choice(SettledFund, required=True)
    amount = PositiveYuan(required=True)
    paid_on = Day(required=True)
    bank_reference = Text(required=True, longest=64)
    payer = Text(load_default="", longest=120)
    remark = Text(load_default="", longest=200)
    cross_region = Ticked()
    ahead = Ticked()
    unusual = Ticked()
    idempotency_key = FormKey()


@dataclass(frozen=True, slots=True)
class ActualForm(BankForm):
    """What was actually settled."""

    actual: Money
    document: str


class ActualSchema(CommandSchema[ActualForm]):
    """The actual settlement of money paid ahead; the bank's reference only where a difference moved."""

    command: ClassVar = ActualForm

    actual = Yuan(required=True)
    document = Text(required=True, longest=120)
    paid_on = Day(required=True)
    bank_reference = Text(load_default="", longest=64)
    payer = Text(load_default="", longest=120)
    remark = Text(load_default="", longest=200)
    idempotency_key = FormKey()


@dataclass(frozen=True, slots=True)
class RepaidForm(BankForm):
    """A negative plan paid back."""

    document: str


class RepaidSchema(CommandSchema[RepaidForm]):
    """A negative plan paid back."""

    command: ClassVar = RepaidForm

    document = Text(required=True, longest=120)
    paid_on = Day(required=True)
    bank_reference = Text(required=True, longest=64)
    payer = Text(load_default="", longest=120)
    remark = Text(load_default="", longest=200)
    idempotency_key = FormKey()


@dataclass(frozen=True, slots=True)
class AppliedForm:
    """The day of an application."""

    applied_on: date
    document: str


class AppliedSchema(CommandSchema[AppliedForm]):
    """An application for reconciliation."""

    command: ClassVar = AppliedForm

    applied_on = Day(required=True)
    document = Text(load_default="", longest=120)


@dataclass(frozen=True, slots=True)
class PlanForm:
    """A negative plan."""

    fund: SettledFund
    amount: Money
    told_on: date
    due_on: date | None
    document: str
    idempotency_key: str


class PlanSchema(CommandSchema[PlanForm]):
    """A negative plan as the agency's notice gives it."""

    command: ClassVar = PlanForm

    fund = Choice(SettledFund, required=True)
    amount = PositiveYuan(required=True)
    told_on = Day(required=True)
    due_on = PerhapsDay()
    document = Text(required=True, longest=120)
    idempotency_key = FormKey()


@dataclass(frozen=True, slots=True)
class StepForm:
    """A step of the authority."""

    step: str
    on_day: date
    document: str


class StepSchema(CommandSchema[StepForm]):
    """A step as it was reported."""

    command: ClassVar = StepForm

    step = Text(required=True, longest=30)
    on_day = Day(required=True)
    document = Text(load_default="", longest=120)


@dataclass(frozen=True, slots=True)
class UploadForm:
    """The cost lists of one day."""

    day: date
    in_house: int
    uploaded: int
    last_upload_at: datetime | None


class UploadSchema(CommandSchema[UploadForm]):
    """The cost lists of one day."""

    command: ClassVar = UploadForm

    day = Day(required=True)
    in_house = Number(required=True)
    uploaded = Number(required=True)
    last_upload_at = PerhapsMoment(load_default=None)
