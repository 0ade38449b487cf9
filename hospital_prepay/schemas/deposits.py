"""Deposits and receipts as other systems send and receive them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from marshmallow import ValidationError, fields
from marshmallow.validate import OneOf

from hospital_prepay.domain.ledger.chart import Tender
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.settlement.settling import Channel
from hospital_prepay.schemas.base import BaseSchema, Choice, Fen, Text
from hospital_prepay.schemas.decisions import DecisionOut
from hospital_prepay.schemas.stays import Moment
from hospital_prepay.services.inpatient.deposits import CollectDeposit

KEY_HEADER: Final = "Idempotency-Key"
_KEY: Final = r"[0-9A-Za-z._~-]{8,64}"


class KeyHeader(BaseSchema):
    """The name a calling system gives to one payment; sent again with the same content it gets the same answer."""

    key = fields.String(
        required=True,
        data_key=KEY_HEADER,
        error_messages={"required": f"请在请求头 {KEY_HEADER} 里给这一笔编一个号，重发时用同一个号。"},
        metadata={
            "description": "这一笔业务的编号，由调用方定，8 到 64 个字母、数字或 . _ ~ -。同一个号、同样的内容重发，"
            "得到同样的答复，规则不允许也一样；内容不同则是 409。只记住办理过的和被规则拒绝的请求",
            "pattern": f"^{_KEY}$",
            "minLength": 8,
            "maxLength": 64,
            "example": "his-20260114-000387",
        },
        validate=lambda value: _check_key(value),
    )


class PositiveFen(Fen):
    """An amount above zero."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "metadata": {"minimum": 1, **options.get("metadata", {})}})

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Money:
        amount = super()._deserialize(value, attr, data, **options)
        if not amount:
            raise ValidationError("金额要大于零。")
        return amount


class PreviewIn(BaseSchema):
    """An amount to try out."""

    amount_fen = PositiveFen(required=True, metadata={"description": "金额（分）"})
    stage = Text(load_default="", longest=60, metadata={"description": "分阶段收款时，这一次是哪个诊疗阶段"})


class CollectIn(PreviewIn):
    """Money a patient pays ahead."""

    tender = Choice(Tender, required=True, metadata={"description": "支付方式"})
    payment_reference = Text(
        load_default="", longest=64, metadata={"description": "支付单号；现金以外必填，一个单号只入账一次"}
    )
    payer = Text(load_default="", longest=32, metadata={"description": "交款人"})
    channel = Choice(Channel, metadata={"description": "在哪里收的：床旁、线上或窗口；不填是线上"})

    @staticmethod
    def command(stay_no: str, key: str, loaded: Mapping[str, Any]) -> CollectDeposit:
        """What the service takes."""
        return CollectDeposit(
            stay_no=stay_no,
            amount=loaded["amount_fen"],
            tender=loaded["tender"],
            idempotency_key=key,
            payment_reference=loaded["payment_reference"],
            payer=loaded["payer"],
            stage=loaded["stage"],
            channel=loaded.get("channel"),
        )


class PreviewOut(BaseSchema):
    """What would be decided now."""

    decision = fields.Nested(DecisionOut, required=True)
    cap_fen = Fen(required=True, allow_none=True, attribute="cap")
    collected_fen = Fen(required=True, attribute="collected")
    room_fen = Fen(required=True, attribute="room")


class CollectedOut(PreviewOut):
    """A deposit taken, with its receipt."""

    receipt_no = fields.String(required=True, metadata={"description": "票号"})
    verify_url = fields.String(required=True, metadata={"description": "二维码里的验真地址"})
    entry_no = fields.Integer(required=True, metadata={"description": "记账凭证号"})
    decision_id = fields.String(required=True)


class ReceiptOut(BaseSchema):
    """A slip of money: taken (deposit) or given back (refund), what a settlement left owing (topup) or over (return),
    a refund that came back and was paid in cash (again), or one of these undone (void)."""

    receipt_no = fields.String(required=True, attribute="number")
    kind = fields.String(
        required=True,
        validate=OneOf(("deposit", "refund", "void", "topup", "return", "again")),
        metadata={"description": "收款、退款、作废、补交结算款、结算退款、退款被退回后改退现金"},
    )
    stay_no = fields.String(required=True)
    amount_fen = Fen(required=True, attribute="amount")
    tender = Choice(Tender, required=True)
    channel = Choice(Channel, required=True, metadata={"description": "在哪里办的：床旁、线上或窗口"})
    payment_reference = fields.String(required=True)
    payer = fields.String(required=True, metadata={"description": "已遮盖"})
    ground = fields.String(required=True)
    entry_no = fields.Integer(required=True)
    issued_at = Moment(required=True)
    cancelled_by = fields.String(required=True, allow_none=True, metadata={"description": "把它作废的票号"})
    verify_url = fields.String(required=True)


class DepositList(BaseSchema):
    """Every slip of a stay, newest first, and where its deposits stand."""

    stay_no = fields.String(required=True)
    cap_fen = Fen(required=True, allow_none=True, attribute="cap")
    collected_fen = Fen(required=True, attribute="collected")
    room_fen = Fen(required=True, attribute="room")
    receipts = fields.List(fields.Nested(ReceiptOut), required=True)


def _check_key(value: str) -> None:
    if not re.fullmatch(_KEY, value, re.ASCII):
        raise ValidationError("编号要 8 到 64 个字符，只用字母、数字和 . _ ~ -。")
