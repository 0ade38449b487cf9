"""Voids and refunds as other systems send and receive them."""

from __future__ import annotations

from marshmallow import fields

from hospital_prepay.domain.ledger.chart import Tender
from hospital_prepay.schemas.base import BaseSchema, Choice, Text
from hospital_prepay.schemas.decisions import DecisionOut
from hospital_prepay.schemas.deposits import PositiveFen


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
