"""The restricted fund as other systems read it, and a request as they send it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import fields, validate

from hospital_prepay.domain.rules.fund.regime import UseOutcome
from hospital_prepay.domain.rules.fund.uses import UseLine
from hospital_prepay.schemas.base import BaseSchema, Choice, Fen, Text
from hospital_prepay.schemas.decisions import DecisionOut
from hospital_prepay.schemas.deposits import PositiveFen
from hospital_prepay.schemas.fund_forms import CreditCode
from hospital_prepay.schemas.fund_request_forms import MOST_LINES
from hospital_prepay.schemas.stays import Moment
from hospital_prepay.services.fund.spending import AskPayment


class GrantOut(BaseSchema):
    """A grant. What is owed back and what is unspent are two balances, never to be added up."""

    grant_id = fields.String(required=True)
    regime = fields.String(required=True, metadata={"description": "依据的通知"})
    pool_region = fields.String(required=True, metadata={"description": "统筹区"})
    fund = fields.String(required=True)
    year = fields.Integer(required=True)
    kind = fields.String(required=True, metadata={"description": "basic 预付金，procurement 集采专项预付"})
    state = fields.String(required=True)
    approved_fen = fields.Integer(required=True, allow_none=True, metadata={"description": "批复（分）"})
    owed_fen = fields.Integer(required=True, metadata={"description": "应还医保（分）"})
    unspent_fen = fields.Integer(required=True, metadata={"description": "专款未用（分）"})
    reserved_fen = fields.Integer(required=True, metadata={"description": "已预留（分）"})


class GrantList(BaseSchema):
    """Every grant of the hospital."""

    grants = fields.List(fields.Nested(GrantOut), required=True)


class UseLineIn(BaseSchema):
    """One line of a bill."""

    category = Text(required=True, longest=40, metadata={"description": "用途类别，例如 drug、consumable"})
    name = Text(required=True, longest=200, metadata={"description": "品名", "minLength": 1})
    amount_fen = PositiveFen(required=True)
    code = Text(load_default="", longest=40, metadata={"description": "国家编码"})
    order_no = Text(load_default="", longest=80, metadata={"description": "省平台订单号"})


class PaymentRequestIn(BaseSchema):
    """A supplier's bill to be paid from a grant."""

    payee_name = Text(required=True, longest=120, metadata={"description": "收款单位", "minLength": 1})
    payee_credit_code = CreditCode(required=True, longest=40, metadata={"description": "统一社会信用代码"})
    purpose = Text(required=True, longest=200, metadata={"description": "事由", "minLength": 1})
    lines = fields.List(
        fields.Nested(UseLineIn),
        required=True,
        validate=validate.Length(1, MOST_LINES, error=f"至少一行，最多 {MOST_LINES} 行。"),
        metadata={"description": "逐行写明用途"},
    )

    @staticmethod
    def command(grant_id: str, key: str, loaded: Mapping[str, Any]) -> AskPayment:
        """What the service takes."""
        lines = tuple(
            UseLine(one["category"], one["name"], one["amount_fen"], one["code"], one["order_no"])
            for one in loaded["lines"]
        )
        return AskPayment(grant_id, loaded["payee_name"], loaded["payee_credit_code"], loaded["purpose"], lines, key)


class AskedPaymentOut(BaseSchema):
    """A request that waits for people: the department, finance, and whoever pays."""

    request_id = fields.String(required=True)
    decision = fields.Nested(DecisionOut, required=True)
    decision_id = fields.String(required=True)


class RequestLineOut(BaseSchema):
    """One line with what it got."""

    line_no = fields.Integer(required=True)
    category = fields.String(required=True)
    name = fields.String(required=True)
    code = fields.String(required=True)
    order_no = fields.String(required=True)
    amount_fen = fields.Integer(required=True)
    outcome = Choice(UseOutcome, required=True)


class PaymentRequestOut(BaseSchema):
    """A request as it stands."""

    request_id = fields.String(required=True)
    grant_id = fields.String(required=True)
    payee_name = fields.String(required=True)
    purpose = fields.String(required=True)
    total_fen = Fen(required=True, attribute="total")
    state = fields.String(required=True)
    held = fields.Boolean(required=True, metadata={"description": "须两人书面决定"})
    asked_at = Moment(required=True)
    bank_reference = fields.String(required=True)
    lines = fields.List(fields.Nested(RequestLineOut), required=True)
