"""Forms of the restricted fund: what the authority decided, money in and out, and the steps of a request."""

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
from hospital_prepay.domain.money import Money, NegativeAmount
from hospital_prepay.schemas.base import Choice, CommandSchema, Day, Number, Text, Ticked, Yuan

_KEY: Final = re.compile(r"[A-Za-z0-9._:-]{8,100}", re.ASCII)


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
        above = "金额要大于零，例如 120.00。"
        try:
            amount = super()._deserialize(value, attr, data, **options)
        except ValidationError as error:
            if isinstance(error.__cause__, NegativeAmount):  # whose words would let zero pass
                raise ValidationError(above) from error
            raise
        if not amount:
            raise ValidationError(above)
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
    bank_reference: str
    value_on: date
    idempotency_key: str
    unusual: bool = False


class OffsetSchema(CommandSchema[Offset]):
    """An offset in a monthly settlement."""

    command: ClassVar = Offset

    settlement = PositiveYuan(required=True)
    offset = PositiveYuan(required=True)
    document = Text(required=True, longest=120)
    bank_reference = Text(load_default="", longest=64)
    value_on = Day(required=True)
    idempotency_key = FormKey()
    unusual = Ticked()

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

    line_no = Number(required=True, error_messages={"invalid": "请选一行。"})
    invoice_no = Text(required=True, longest=40)
    amount = PositiveYuan(required=True)


@dataclass(frozen=True, slots=True)
class WithdrawnInvoice:
    """An invoice that was typed wrongly, as it is recorded, and why."""

    line_no: int
    invoice_no: str
    attempt: int
    ground: str


class WithdrawnInvoiceSchema(CommandSchema[WithdrawnInvoice]):
    """An invoice that is withdrawn."""

    command: ClassVar = WithdrawnInvoice

    line_no = Number(required=True)
    invoice_no = Text(required=True, longest=40)
    attempt = Number(required=True)
    ground = Text(required=True, longest=300)
