"""Voids and refunds as other systems send and receive them."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields

from hospital_prepay.domain.ledger.chart import Tender
from hospital_prepay.schemas.base import BaseSchema, Choice, Text
from hospital_prepay.schemas.decisions import DecisionOut
from hospital_prepay.schemas.deposits import PositiveFen


class Truth(fields.Field[bool]):
    """``true`` or ``false``, and nothing that merely looks like it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "metadata": {"type": "boolean", **options.get("metadata", {})}})

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> bool:
        if type(value) is not bool:
            raise ValidationError("只填 true 或 false。")
        return value


class VoidIn(BaseSchema):
    """Why a slip of today is to be undone."""

    ground = Text(required=True, longest=200, metadata={"description": "作废原因", "minLength": 1})


class RefundIn(VoidIn):
    """How much is to be given back, how and why."""

    amount_fen = PositiveFen(required=True, metadata={"description": "退款金额（分）"})
    tender = Choice(Tender, required=True, metadata={"description": "退款方式"})
    payment_reference = Text(load_default="", longest=64, metadata={"description": "原支付单号"})


class AskedOut(BaseSchema):
    """A request that waits for another person."""

    request_id = fields.String(required=True)
    decision = fields.Nested(DecisionOut, required=True)
    decision_id = fields.String(required=True)
