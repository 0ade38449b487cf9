"""Stays as other systems send and receive them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from marshmallow import ValidationError, fields, validates_schema
from marshmallow.validate import OneOf, Range

from hospital_prepay.clock import local
from hospital_prepay.domain.errors import MalformedInput
from hospital_prepay.domain.identity import resident_id
from hospital_prepay.domain.insured_class import InsuredClass
from hospital_prepay.domain.rules.inpatient.deposits import Circumstance
from hospital_prepay.domain.visits import STAY_NO
from hospital_prepay.schemas.base import BaseSchema, Choice, Fen, Text, of_this_century
from hospital_prepay.schemas.decisions import DecisionOut
from hospital_prepay.services.inpatient.stays import ChangePlacement, Placement, RegisterStay

_MOMENT: Final = re.compile(
    r"(19|20)[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})",
    re.ASCII,
)


class StayNumber(Text):
    """The number of a stay: letters, digits and dashes."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            longest=40,
            metadata={"pattern": f"^{STAY_NO}$", "minLength": 1, "description": "住院号", "example": "2601140001"},
            **options,
        )

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> str:
        text = super()._deserialize(value, attr, data, **options)
        if not re.fullmatch(STAY_NO, text, re.ASCII):
            raise ValidationError("住院号只用字母、数字和短横，最多 40 个。")
        return text


class Moment(fields.Field[datetime]):
    """A moment with its offset: ``2026-01-14T09:30:00+08:00``. Answers are in Shanghai time."""

    def __init__(self, **options: Any) -> None:
        more = {"type": "string", "format": "date-time", "example": "2026-01-14T09:30:00+08:00"}
        super().__init__(**{**options, "metadata": {**more, **options.get("metadata", {})}})

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> datetime:
        if not isinstance(value, str) or not _MOMENT.fullmatch(value):
            raise ValidationError("时间要带时区，例如 2026-01-14T09:30:00+08:00。")
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            raise ValidationError("这个时间不存在，请核对。") from None

    def _serialize(self, value: datetime | None, attr: str | None, obj: Any, **options: Any) -> str | None:
        return None if value is None else local(value).isoformat(timespec="seconds")


class PlacementIn(BaseSchema):
    """The disease and class a stay follows, and how it stands to article 17."""

    disease_code = Text(required=True, longest=80, metadata={"description": "病种编码", "minLength": 1})
    disease_name = Text(required=True, longest=120, metadata={"description": "病种名称", "minLength": 1})
    insured_class = Choice(InsuredClass, required=True, metadata={"description": "参保类型"})
    circumstance = Choice(
        Circumstance,
        load_default=Circumstance.PLAIN,
        metadata={
            "description": "第十七条的情形：plain 诊断明确；identity_unknown 医保身份未定；third_party 第三方纠纷；"
            "similar 参照相似病种；staged 分阶段收；changed 住院期间病种变化"
        },
    )
    similar_code = Text(
        load_default=None,
        allow_none=True,
        longest=80,
        metadata={
            "description": "参照的相似病种编码；只在 circumstance 为 similar 时有用，其他情形不看它",
            "minLength": 1,
        },
    )
    similar_ground = Text(
        load_default="",
        longest=200,
        lines=True,
        metadata={"description": "医生的依据；similar_code 不在本院相似病种表、同一分组、同一疾病章节里时必填"},
    )
    talk = Text(load_default="", longest=500, lines=True, metadata={"description": "与患者沟通的记录"})

    @staticmethod
    def placement(loaded: Mapping[str, Any]) -> Placement:
        """What the service takes."""
        return Placement(
            disease_code=loaded["disease_code"],
            disease_name=loaded["disease_name"],
            insured_class=loaded["insured_class"].value,
            circumstance=loaded["circumstance"].value,
            similar_code=loaded["similar_code"],
            talk=loaded["talk"],
            similar_ground=loaded["similar_ground"],
        )


class RegisterStayIn(PlacementIn):
    """One admission."""

    stay_no = StayNumber(required=True)
    patient_name = Text(required=True, longest=64, metadata={"description": "患者姓名", "minLength": 1})
    admitted_at = Moment(required=True, validate=of_this_century, metadata={"description": "入院时间"})
    sex = fields.String(load_default="", validate=OneOf(("", "F", "M"), error="填 F（女）、M（男）或不填。"))
    ward = Text(load_default="", longest=64, metadata={"description": "病区"})
    bed = Text(load_default="", longest=16, metadata={"description": "床号"})
    certificate = Text(load_default="", longest=32, metadata={"description": "证件号码，可不填；加密保存"})
    phone = Text(load_default="", longest=20, metadata={"description": "电话，可不填；加密保存"})

    @validates_schema(skip_on_field_errors=True)
    def check_certificate(self, data: Mapping[str, Any], **_options: Any) -> None:
        """Eighteen signs that look like an identity card must be one; other certificates are free."""
        number = data["certificate"]
        if len(number) == 18 and number[:17].isdigit():
            try:
                resident_id(number)
            except MalformedInput as error:
                raise ValidationError(error.message, "certificate") from error

    def command(self, loaded: Mapping[str, Any]) -> RegisterStay:
        """What the service takes."""
        names = ("stay_no", "patient_name", "admitted_at", "sex", "ward", "bed", "certificate", "phone")
        return RegisterStay(placement=self.placement(loaded), **{name: loaded[name] for name in names})


class ChangePlacementIn(PlacementIn):
    """A new disease, class or circumstance."""

    seen_version = fields.Integer(
        required=True,
        strict=True,
        validate=Range(1, 1_000_000, error="填看到的 cap_version。"),
        metadata={"description": "改之前看到的 cap_version；别人先改过就不办"},
    )

    def command(self, stay_no: str, loaded: Mapping[str, Any]) -> ChangePlacement:
        """What the service takes."""
        return ChangePlacement(stay_no, self.placement(loaded), loaded["seen_version"])


class StayOut(BaseSchema):
    """A stay with what binds it. Name, certificate and phone are masked."""

    stay_no = fields.String(required=True)
    patient_name = fields.String(required=True, metadata={"description": "已遮盖"})
    sex = fields.String(required=True)
    ward = fields.String(required=True)
    bed = fields.String(required=True)
    admitted_at = Moment(required=True)
    discharged_at = Moment(required=True, allow_none=True)
    certificate = fields.String(required=True, metadata={"description": "已遮盖，没有登记时为空"})
    phone = fields.String(required=True, metadata={"description": "已遮盖，没有登记时为空"})
    disease_code = fields.String(required=True)
    disease_name = fields.String(required=True)
    insured_class = Choice(InsuredClass, required=True)
    circumstance = Choice(Circumstance, required=True)
    similar_code = fields.String(required=True, allow_none=True)
    similar_ground = fields.String(
        required=True, metadata={"description": "自选相似病种时医生的依据；不是自选的为空"}
    )
    unposted = fields.Boolean(required=True, metadata={"description": "病种是否未公示（第十八条）"})
    cap_version = fields.Integer(required=True)
    cap_fen = Fen(
        required=True, allow_none=True, attribute="cap", metadata={"description": "可收额度；还没有额度时为 null"}
    )
    collected_fen = Fen(required=True, attribute="collected", metadata={"description": "已收"})
    room_fen = Fen(required=True, attribute="room", metadata={"description": "还可收"})
    decision_id = fields.String(required=True, metadata={"description": "定额度的决定编号"})


class StayDetail(StayOut):
    """A stay asked for by its number."""


class PlacedOut(BaseSchema):
    """What came of a registration or a change."""

    stay = fields.Nested(StayOut, required=True)
    excess_fen = Fen(required=True, metadata={"description": "超出新额度、已提请退款的金额"})
    decision = fields.Nested(DecisionOut, required=True)
    decision_id = fields.String(required=True)


class StaySearch(BaseSchema):
    """What to look for."""

    q = Text(
        required=True,
        longest=64,
        metadata={"description": "住院号开头、姓名、姓名首字母，或完整的证件号、电话", "minLength": 1},
    )


class StayList(BaseSchema):
    """Stays that fit, newest first, twenty at most."""

    stays = fields.List(fields.Nested(StayOut), required=True)
