"""Costs of a stay so far, as other systems tell of them."""

from __future__ import annotations

from marshmallow import fields

from hospital_prepay.schemas.base import BaseSchema, Fen
from hospital_prepay.schemas.stays import Moment


class CostsIn(BaseSchema):
    """What a stay has cost up to a moment. It is kept once: the same moment with other amounts is refused."""

    as_of = Moment(required=True, metadata={"description": "截至时间"})
    total_fen = Fen(required=True, metadata={"description": "费用总额"})
    own_fen = Fen(required=True, metadata={"description": "预计个人负担"})


class CostsOut(BaseSchema):
    """That it is kept."""

    stay_no = fields.String(required=True)
