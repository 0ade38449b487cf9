"""Forms of the restricted fund: what the authority decided, money in and out, and a request line by line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, ClassVar, Final

from marshmallow import ValidationError, fields, validates_schema

from hospital_prepay.domain.errors import MalformedInput
from hospital_prepay.domain.identity import credit_code
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.fund.uses import UseLine
from hospital_prepay.schemas.base import BaseSchema, Choice, CommandSchema, Day, Text, Yuan, messages_of

LINE_FIELDS: Final = ("category", "name", "amount", "code", "order_no", "batch")
MOST_LINES: Final = 50
_KEY: Final = re.compile(r"[A-Za-z0-9._:-]{8,100}", re.ASCII)
_LINE_FIELD: Final = re.compile(rf"({'|'.join(LINE_FIELDS)})-([1-9][0-9]?)", re.ASCII)


class Granted(StrEnum):
    """What the authority said."""

    YES = "yes"
    NO = "no"


class FormKey(Text):
    """The number of a form: sent twice, it counts once."""

    def __init__(self) -> None:
        super().__init__(required=True, longest=100)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> str:
        text = super()._deserialize(value, attr, data, **options)
        if not _KEY.fullmatch(text):
            raise ValidationError("这一页已经过期，请刷新后重新填写。")
        return text


class PositiveYuan(Yuan):
    """An amount above zero."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Money:
        amount = super()._deserialize(value, attr, data, **options)
        if not amount:
            raise ValidationError("金额要大于零，例如 120.00。")
        return amount


class CreditCode(Text):
    """A unified social credit code of 18 signs."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> str:
        try:
            return credit_code(super()._deserialize(value, attr, data, **options))
        except MalformedInput as error:
            raise ValidationError(error.message) from error


@dataclass(frozen=True, slots=True)
class Approval:
    """The authority's answer; ``approved`` is ``None`` for a no."""

    granted: Granted
    document: str
    module_no: str
    approved_on: date
    approved: Money | None
    emergency: str = ""
    early: str = ""


class ApprovalSchema(CommandSchema[Approval]):
    """What the authority decided."""

    command: ClassVar = Approval

    granted = Choice(Granted, required=True)
    document = Text(required=True, longest=120)
    module_no = Text(load_default="", longest=60)
    approved_on = Day(required=True)
    approved = fields.String(load_default="")
    emergency = Text(load_default="", longest=36)
    early = Text(load_default="", longest=300)

    def read(self, given: Mapping[str, Any]) -> Approval:
        """The amount counts with a yes only."""
        found = self.load(given)
        typed = str(found["approved"])
        try:
            amount = PositiveYuan(required=True).deserialize(typed) if found["granted"] is Granted.YES else None
        except ValidationError as error:
            raise ValidationError({"approved": error.messages}) from error
        return Approval(**{**found, "approved": amount})


@dataclass(frozen=True, slots=True)
class WrittenGround:
    """Why something is done, in words."""

    ground: str


class WrittenGroundSchema(CommandSchema[WrittenGround]):
    """A ground that must be there."""

    command: ClassVar = WrittenGround

    ground = Text(required=True, longest=300)


class PerhapsGroundSchema(CommandSchema[WrittenGround]):
    """A ground that only some acts need; the service says which."""

    command: ClassVar = WrittenGround

    ground = Text(load_default="", longest=300)


@dataclass(frozen=True, slots=True)
class Received:
    """Money that arrived; ``in_full`` says why all of it came where it is to be netted."""

    bank_reference: str
    received_on: date
    idempotency_key: str
    in_full: str = ""


class ReceivedSchema(CommandSchema[Received]):
    """The bank's word that the grant arrived."""

    command: ClassVar = Received

    bank_reference = Text(required=True, longest=64)
    received_on = Day(required=True)
    idempotency_key = FormKey()
    in_full = Text(load_default="", longest=300)


@dataclass(frozen=True, slots=True)
class Returned:
    """Money sent back by bank; today where no day is given."""

    amount: Money
    bank_reference: str
    idempotency_key: str
    returned_on: date | None


class ReturnedSchema(CommandSchema[Returned]):
    """A return by bank."""

    command: ClassVar = Returned

    amount = PositiveYuan(required=True)
    bank_reference = Text(required=True, longest=64)
    idempotency_key = FormKey()
    returned_on = Day(load_default=None)


@dataclass(frozen=True, slots=True)
class Offset:
    """A settlement with what the agency kept of it."""

    settlement: Money
    offset: Money
    document: str
    idempotency_key: str


class OffsetSchema(CommandSchema[Offset]):
    """An offset in a monthly settlement."""

    command: ClassVar = Offset

    settlement = PositiveYuan(required=True)
    offset = PositiveYuan(required=True)
    document = Text(required=True, longest=120)
    idempotency_key = FormKey()

    @validates_schema(skip_on_field_errors=True)
    def check_offset(self, data: Mapping[str, Any], **_options: Any) -> None:
        """No more is kept than is settled."""
        if data["offset"].fen > data["settlement"].fen:
            raise ValidationError("冲抵金额不能超过这次结算的金额，请核对。", "offset")


@dataclass(frozen=True, slots=True)
class BankPayment:
    """The bank's reference of a payment; today where no day is given."""

    bank_reference: str
    idempotency_key: str
    paid_on: date | None


class BankPaymentSchema(CommandSchema[BankPayment]):
    """A payment that the bank made."""

    command: ClassVar = BankPayment

    bank_reference = Text(required=True, longest=64)
    idempotency_key = FormKey()
    paid_on = Day(load_default=None)


@dataclass(frozen=True, slots=True)
class Bounced:
    """A payment that came back; under the payment's own reference unless the bank gave it another."""

    ground: str
    bank_reference: str
    bounced_on: date | None


class BouncedSchema(CommandSchema[Bounced]):
    """A payment that the bank sent back."""

    command: ClassVar = Bounced

    ground = Text(required=True, longest=300)
    bank_reference = Text(load_default="", longest=64)
    bounced_on = Day(load_default=None)


@dataclass(frozen=True, slots=True)
class InvoiceForm:
    """An invoice for one line."""

    line_no: int
    invoice_no: str
    amount: Money


class InvoiceFormSchema(CommandSchema[InvoiceForm]):
    """An invoice as it is recorded."""

    command: ClassVar = InvoiceForm

    line_no = fields.Integer(required=True)
    invoice_no = Text(required=True, longest=40)
    amount = PositiveYuan(required=True)


class _LineSchema(BaseSchema):
    category = Text(required=True, longest=40)
    name = Text(required=True, longest=200)
    amount = PositiveYuan(required=True)
    code = Text(load_default="", longest=40)
    order_no = Text(load_default="", longest=80)
    batch = Text(load_default="", longest=80)


class LinesSchema(CommandSchema[tuple[UseLine, ...]]):
    """The lines of a request from fields named ``name-1`` …; a row in which nothing stands is passed over."""

    def read(self, given: Mapping[str, Any]) -> tuple[UseLine, ...]:
        """The lines, in their order. Raises ``ValidationError`` by field."""
        lines, wrong = [], dict[str, Any]()
        for number, row in typed_lines(given).items():
            try:
                lines.append(UseLine(**_LineSchema().load(row)))
            except ValidationError as error:
                wrong |= {f"{name}-{number}": told for name, told in messages_of(error).items()}
        if not lines and not wrong:
            wrong["category-1"] = ["至少要填一行。"]
        if wrong:
            raise ValidationError(wrong)
        return tuple(lines)


@dataclass(frozen=True, slots=True)
class PaymentRequest:
    """A supplier's bill."""

    payee_name: str
    payee_credit_code: str
    purpose: str
    idempotency_key: str
    lines: tuple[UseLine, ...]


class PaymentRequestSchema(CommandSchema[PaymentRequest]):
    """A request with its payee and lines; everything that is wrong is said at once."""

    command: ClassVar = PaymentRequest

    payee_name = Text(required=True, longest=120)
    payee_credit_code = CreditCode(required=True, longest=40)
    purpose = Text(required=True, longest=200)
    idempotency_key = FormKey()

    def read(self, given: Mapping[str, Any]) -> PaymentRequest:
        """The command. Raises ``ValidationError``."""
        found, wrong = dict[str, Any](), dict[str, Any]()
        lines: tuple[UseLine, ...] = ()
        try:
            found = self.load(given)
        except ValidationError as error:
            wrong |= messages_of(error)
        try:
            lines = LinesSchema().read(given)
        except ValidationError as error:
            wrong |= messages_of(error)
        if wrong:
            raise ValidationError(wrong)
        return PaymentRequest(**found, lines=lines)


class PreviewSchema(CommandSchema[tuple[UseLine, ...]]):
    """The lines of a request that isn't sent yet; of the payee only what was typed is told, where it is wrong."""

    def read(self, given: Mapping[str, Any]) -> tuple[UseLine, ...]:
        """The lines, in their order. Raises ``ValidationError`` by field, for everything that is wrong at once."""
        try:
            return PaymentRequestSchema().read(given).lines
        except ValidationError as error:
            wrong = {
                name: told
                for name, told in messages_of(error).items()
                if name not in PaymentRequestSchema().fields or str(given.get(name, "")).strip()
            }
        if wrong:
            raise ValidationError(wrong)
        return LinesSchema().read(given)


def typed_lines(given: Mapping[str, Any]) -> dict[int, dict[str, str]]:
    """What stands in the rows of the form, by row; rows in which nothing was typed are left out."""
    rows: dict[int, dict[str, str]] = {}
    for key, value in given.items():
        found = _LINE_FIELD.fullmatch(key)
        if found and int(found[2]) <= MOST_LINES:
            rows.setdefault(int(found[2]), {})[found[1]] = str(value)
    return {number: row for number, row in sorted(rows.items()) if any(text.strip() for text in row.values())}
