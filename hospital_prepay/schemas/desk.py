"""Forms of the counter."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Final

from marshmallow import ValidationError, fields, validates_schema

from hospital_prepay.clock import SHANGHAI
from hospital_prepay.domain.errors import MalformedInput
from hospital_prepay.domain.identity import resident_id
from hospital_prepay.domain.insured_class import InsuredClass
from hospital_prepay.domain.ledger.chart import Tender
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.settlement.settling import Channel
from hospital_prepay.schemas.base import Choice, CommandSchema, Text, Yuan, of_this_century
from hospital_prepay.services.inpatient.stays import Placement, RegisterStay

_STAY_NO: Final = re.compile(r"[A-Za-z0-9-]{1,40}", re.ASCII)
_FIRST_YEAR, _LAST_YEAR = 1900, 2099
_KEY: Final = re.compile(r"[A-Za-z0-9._:-]{8,100}", re.ASCII)


class StayNumber(Text):
    """A stay's number: letters, digits and dashes."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> str:
        text = super()._deserialize(value, attr, data, **options)
        if not _STAY_NO.fullmatch(text):
            raise ValidationError("住院号只用字母、数字和短横，例如 2510100387。")
        return text


class LocalMoment(fields.Field[datetime]):
    """What a ``datetime-local`` field sends: wall time in Shanghai."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> datetime:
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            raise ValidationError("请填日期和时间，例如 2025-10-10 08:41。") from None
        if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
            raise ValidationError(f"请核对年份，写 {_FIRST_YEAR} 到 {_LAST_YEAR} 之间的。")
        return moment if moment.tzinfo else moment.replace(tzinfo=SHANGHAI)


@dataclass(frozen=True, slots=True)
class Payment:
    """The counter's form: what was typed, before it is about a stay."""

    amount: Money
    tender: Tender
    idempotency_key: str
    payment_reference: str
    payer: str
    stage: str
    disease: str
    insured_class: InsuredClass
    channel: Channel | None


class PaymentSchema(CommandSchema[Payment]):
    """A payment at the counter."""

    command: ClassVar = Payment

    amount = Yuan(required=True)
    tender = Choice(Tender, required=True)
    idempotency_key = Text(required=True, longest=100)
    payment_reference = Text(load_default="", longest=64)
    payer = Text(load_default="", longest=32)
    stage = Text(load_default="", longest=60)
    disease = Text(required=True, longest=80)
    insured_class = Choice(InsuredClass, required=True)
    channel = Choice(Channel, load_default=None)

    @validates_schema(skip_on_field_errors=True)
    def check_amount_and_reference(self, data: Mapping[str, Any], **_options: Any) -> None:
        """What a person would notice at once, said beside the field."""
        if not data["amount"]:
            raise ValidationError("收款金额要大于零，例如 500.00。", "amount")
        if data["tender"] is not Tender.CASH and not data["payment_reference"]:
            raise ValidationError(
                f"{data['tender'].label}付款要填支付单号，可以扫小票上的条码。", "payment_reference"
            )
        if not _KEY.fullmatch(data["idempotency_key"]):
            raise ValidationError("这一页已经过期，请刷新后重新填写。", "_schema")


class NewStaySchema(CommandSchema[RegisterStay]):
    """One admission."""

    command: ClassVar = RegisterStay

    stay_no = StayNumber(required=True, longest=40)
    name = Text(required=True, longest=64)
    sex = Text(load_default="", longest=6)
    ward = Text(required=True, longest=64)
    bed = Text(load_default="", longest=16)
    admitted_at = LocalMoment(required=True, validate=of_this_century)
    disease = Text(required=True, longest=80)
    insured_class = Choice(InsuredClass, required=True)
    certificate = Text(load_default="", longest=32)
    phone = Text(load_default="", longest=20)

    def read(self, given: Mapping[str, Any]) -> RegisterStay:
        """The command; the disease is still named by its code only."""
        loaded = self.load(given)
        return RegisterStay(
            stay_no=loaded["stay_no"],
            patient_name=loaded["name"],
            placement=Placement(loaded["disease"], loaded["disease"], loaded["insured_class"].value),
            admitted_at=loaded["admitted_at"],
            sex={"female": "F", "male": "M"}.get(loaded["sex"], ""),
            ward=loaded["ward"],
            bed=loaded["bed"],
            certificate=loaded["certificate"],
            phone=loaded["phone"],
        )

    @validates_schema(skip_on_field_errors=True)
    def check_certificate(self, data: Mapping[str, Any], **_options: Any) -> None:
        """Eighteen signs that look like an identity card must be one; other certificates are free."""
        number = data["certificate"]
        if len(number) == 18 and number[:17].isdigit():
            try:
                resident_id(number)
            except MalformedInput as error:
                raise ValidationError(error.message, "certificate") from error


@dataclass(frozen=True, slots=True)
class Change:
    """What is registered of article 17's cases; only the fields of the case are filled."""

    reason: str
    disease: str
    similar_to: str
    similar_other: str
    similar_ground: str
    insured_class: str
    talked_with: str
    talked_at: str
    talk: str


class ChangeSchema(CommandSchema[Change]):
    """A change during the stay, with the talk that goes with it."""

    command: ClassVar = Change

    reason = Text(load_default="", longest=20)
    disease = Text(load_default="", longest=80)
    similar_to = Text(load_default="", longest=80)
    similar_other = Text(load_default="", longest=80)
    similar_ground = Text(load_default="", longest=200, lines=True)
    insured_class = Text(load_default="", longest=10)
    talked_with = Text(required=True, longest=64)
    talked_at = Text(required=True, longest=20)
    talk = Text(required=True, longest=500, lines=True)


@dataclass(frozen=True, slots=True)
class Ground:
    """Why somebody asks."""

    reason: str


class GroundSchema(CommandSchema[Ground]):
    """A reason in words."""

    command: ClassVar = Ground

    reason = Text(required=True, longest=200)


@dataclass(frozen=True, slots=True)
class Refund:
    """How much is to be given back, why and by which route."""

    amount: Money
    ground: str
    route: str
    account: str


class RefundSchema(CommandSchema[Refund]):
    """Money to be given back from what a stay holds."""

    command: ClassVar = Refund

    amount = Yuan(required=True)
    ground = Text(required=True, longest=200)
    route = Text(required=True, longest=10)
    account = Text(load_default="", longest=64)


@dataclass(frozen=True, slots=True)
class Reveal:
    """Why somebody wants to see a certificate and a phone in full."""

    ground: str


class RevealSchema(CommandSchema[Reveal]):
    """One of the usual reasons, or another one in words."""

    command: ClassVar = Reveal

    reason = Text(required=True, longest=40)
    note = Text(load_default="", longest=120)

    def read(self, given: Mapping[str, Any]) -> Reveal:
        """Reason and note as one text for the audit trail."""
        if not str(given.get("reason") or "").strip():
            raise ValidationError({"reason": ["请从下面选一个。"]})
        loaded = self.load(given)
        return Reveal("：".join(part for part in (loaded["reason"], loaded["note"]) if part))

    @validates_schema(skip_on_field_errors=True)
    def check_note(self, data: Mapping[str, Any], **_options: Any) -> None:
        """ "Other" alone is no reason."""
        if data["reason"] == "其他" and not data["note"]:
            raise ValidationError("请写清楚为什么要看。", "note")
