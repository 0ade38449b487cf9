"""Published cap tables as other systems receive them."""

from __future__ import annotations

from marshmallow import fields

from hospital_prepay.schemas.base import BaseSchema, Day, Fen
from hospital_prepay.schemas.stays import Moment


class WindowOut(BaseSchema):
    """The days whose cases were measured."""

    first = Day(required=True, data_key="from")
    last = Day(required=True, data_key="to")


class CapTableOut(BaseSchema):
    """A published table without its rows."""

    version = fields.Integer(required=True, attribute="number")
    effective_on = Day(required=True)
    published_at = Moment(required=True)
    as_of = Day(required=True)
    window = fields.Nested(WindowOut, required=True)
    digest = fields.String(required=True, metadata={"description": "全部行的 SHA-256"})


class CapTableList(BaseSchema):
    """Every published version, newest first."""

    cap_tables = fields.List(fields.Nested(CapTableOut), required=True)


class CapRowOut(BaseSchema):
    """A disease with the caps of the three classes."""

    disease_code = fields.String(required=True)
    disease_name = fields.String(required=True)
    posted = fields.Boolean(required=True, metadata={"description": "是否在公示范围（第十八条）"})
    employee_fen = Fen(required=True, allow_none=True, attribute="employee")
    resident_fen = Fen(required=True, allow_none=True, attribute="resident")
    self_pay_fen = Fen(required=True, allow_none=True, attribute="self_pay")


class CapTableDetail(CapTableOut):
    """A published table with its rows."""

    rows = fields.List(fields.Nested(CapRowOut), required=True)
