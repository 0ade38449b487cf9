"""Events of visits as other systems send them over the API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from marshmallow import ValidationError, fields, validates_schema
from marshmallow.validate import OneOf

from hospital_prepay.domain.visits import Disposition, VisitEventKind, VisitFacts
from hospital_prepay.schemas.base import BaseSchema, Text
from hospital_prepay.schemas.stays import Moment, StayNumber

_KINDS: Final = [one.value for one in VisitEventKind if one is not VisitEventKind.MERGE]


class VisitEventIn(BaseSchema):
    """One event of a visit. What isn't given is left as it was said before."""

    event = fields.String(
        required=True,
        validate=OneOf(_KINDS, error="请从列出的事件里选。"),
        metadata={
            "description": "admit 入院；transfer 转科转床；discharge 出院；update 信息变更；"
            "cancel_admit 取消入院；cancel_discharge 取消出院",
            "enum": _KINDS,
        },
    )
    stay_no = StayNumber(required=True)
    occurred_at = Moment(required=True, metadata={"description": "事情发生的时间；先后按它排，不按到达"})
    patient_no = Text(load_default="", longest=80, metadata={"description": "患者号"})
    name = Text(load_default="", longest=64, metadata={"description": "姓名"})
    sex = fields.String(load_default="", validate=OneOf(("", "F", "M"), error="填 F（女）、M（男）或不填。"))
    certificate = Text(load_default="", longest=32, metadata={"description": "证件号码；加密保存"})
    phone = Text(load_default="", longest=20, metadata={"description": "电话；加密保存"})
    ward = Text(load_default="", longest=80, metadata={"description": "病区"})
    bed = Text(load_default="", longest=16, metadata={"description": "床号"})
    insured = Text(load_default="", longest=40, metadata={"description": "险种代码或参保类型，例如 310"})
    disease_code = Text(load_default="", longest=80, metadata={"description": "诊断编码"})
    disease_name = Text(load_default="", longest=80, metadata={"description": "诊断名称"})
    admitted_at = Moment(load_default=None, allow_none=True, metadata={"description": "入院时间"})
    discharged_at = Moment(load_default=None, allow_none=True, metadata={"description": "出院时间"})
    discharge_ordered_at = Moment(load_default=None, allow_none=True, metadata={"description": "出院医嘱时间"})
    disposition = fields.String(
        load_default="",
        validate=OneOf(("", *(one.value for one in Disposition)), error="填离院方式的代码，或不填。"),
        metadata={"description": "离院方式：" + "；".join(f"{one.value} {one.label}" for one in Disposition)},
    )

    @validates_schema(skip_on_field_errors=True)
    def check_order(self, data: Mapping[str, Any], **_options: Any) -> None:
        """Nobody leaves before they came."""
        admitted, discharged = data["admitted_at"], data["discharged_at"]
        if admitted is not None and discharged is not None and discharged < admitted:
            raise ValidationError("出院时间不能早于入院时间。", "discharged_at")

    @staticmethod
    def facts(loaded: Mapping[str, Any]) -> VisitFacts:
        """What the event says."""
        texts = ("patient_no", "name", "sex", "certificate", "phone", "ward", "bed", "insured")
        said: dict[str, Any] = {name: loaded[name] or None for name in (*texts, "disease_code", "disease_name")}
        moments = {name: loaded[name] for name in ("admitted_at", "discharged_at", "discharge_ordered_at")}
        return VisitFacts(**said, **moments, disposition=loaded["disposition"] or None)


class VisitTakenOut(BaseSchema):
    """What became of an event."""

    outcome = fields.String(
        required=True,
        validate=OneOf(("applied", "duplicate")),
        metadata={"description": "applied 收下；duplicate 收到过，没有重复处理"},
    )
    stay_no = fields.String(required=True)
