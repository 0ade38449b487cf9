"""How a decision and a problem look in JSON."""

from __future__ import annotations

from typing import ClassVar

from marshmallow import INCLUDE, fields
from marshmallow.types import UnknownOption

from hospital_prepay.domain.decision import Outcome
from hospital_prepay.schemas.base import BaseSchema, Choice, Fen


class ReasonOut(BaseSchema):
    """One ground of a decision."""

    code = fields.String(required=True, metadata={"description": "理由代码，不变"})
    clause = fields.String(required=True, allow_none=True, metadata={"description": "条款编号；本院规定为 null"})
    message = fields.String(required=True, metadata={"description": "给人看的一句话"})


class DecisionOut(BaseSchema):
    """A rule's answer."""

    outcome = Choice(Outcome, required=True)
    amount_fen = Fen(
        required=True, allow_none=True, attribute="amount", metadata={"description": "允许办理的金额（分）"}
    )
    clauses = fields.List(fields.String(), required=True, metadata={"description": "依据的条款"})
    reasons = fields.List(fields.Nested(ReasonOut), required=True)
    rule_version = fields.String(required=True, metadata={"description": "作出决定时的规则版本"})


class ProblemOut(BaseSchema):
    """A problem as RFC 9457 describes it. ``code`` is stable; ``detail`` says in words what to do next."""

    class Meta(BaseSchema.Meta):
        # Problems may carry more about themselves (RFC 9457, 3.2).
        unknown: ClassVar[UnknownOption] = INCLUDE

    type = fields.String(required=True)
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String(required=True, metadata={"description": "原因和下一步"})
    code = fields.String(required=True, metadata={"description": "原因代码，不变"})
    errors = fields.Dict(keys=fields.String(), values=fields.String(), metadata={"description": "按字段说明哪里要改"})
    clauses = fields.List(fields.String(), metadata={"description": "规则不允许时依据的条款"})
    decision_id = fields.String(metadata={"description": "规则不允许时已存决定的编号"})
    outcome = Choice(Outcome)
    amount_fen = Fen(allow_none=True, metadata={"description": "规则不允许时，最多可办的金额（分）"})
    rule_version = fields.String()
    number = fields.String(metadata={"description": "系统故障的编号，报给信息科"})
