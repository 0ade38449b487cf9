"""Events of visits from a table, for systems that speak no HL7: a row each, read as a message would be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.days import NotADate, moment_of
from hospital_prepay.domain.errors import MalformedInput
from hospital_prepay.domain.visits import DISPOSITION_LABELS, EVENT_LABELS, VisitEventKind, VisitFacts
from hospital_prepay.files.tables import Column
from hospital_prepay.services.context import Context
from hospital_prepay.services.import_runs import Report
from hospital_prepay.services.settlement.intake import Outcome, take_said
from hospital_prepay.services.settlement.take_backs import takes_two
from hospital_prepay.services.settlement.taken_file import TakenFile, TakenRow, take_rows, untold

COLUMNS: Final[Mapping[str, Column]] = {
    "event": Column("事件", ("event", "事件", "事项")),
    "visit_no": Column("住院号", ("stay_no", "visit_no", "住院号", "就诊号")),
    "occurred_at": Column("发生时间", ("occurred_at", "发生时间", "时间", "操作时间")),
    "name": Column("姓名", ("name", "姓名", "患者姓名"), required=False),
    "sex": Column("性别", ("sex", "性别"), required=False),
    "patient_no": Column("患者号", ("patient_no", "患者号", "病人号"), required=False),
    "certificate": Column("证件号码", ("certno", "证件号码", "证件号", "身份证号"), required=False),
    "phone": Column("电话", ("phone", "电话", "手机号", "联系电话"), required=False),
    "ward": Column("病区", ("ward", "病区", "科室"), required=False),
    "bed": Column("床号", ("bed", "床号"), required=False),
    "insured": Column("参保类型", ("insutype", "insured_class", "参保类型", "险种"), required=False),
    "disease_code": Column("诊断编码", ("disease_code", "诊断编码", "病种编码"), required=False),
    "disease_name": Column("诊断名称", ("disease_name", "诊断名称", "病种名称", "诊断"), required=False),
    "admitted_at": Column("入院时间", ("admitted_at", "入院时间", "入院日期"), required=False),
    "discharged_at": Column("出院时间", ("dscg_time", "discharged_at", "出院时间"), required=False),
    "discharge_ordered_at": Column("出院医嘱时间", ("discharge_ordered_at", "出院医嘱时间"), required=False),
    "disposition": Column("离院方式", ("disposition", "离院方式"), required=False),
}
_KINDS: Final = {
    word: kind
    for kind, label in EVENT_LABELS.items()
    if kind is not VisitEventKind.MERGE
    for word in (kind.value, label)
} | {"转科": VisitEventKind.TRANSFER, "变更": VisitEventKind.UPDATE}
_SEXES: Final = {"男": "M", "女": "F", "M": "M", "F": "F"}
_DISPOSITIONS: Final = {label: one.value for one, label in DISPOSITION_LABELS.items()}
_LONGEST: Final = 80


def take_visit_file(context: Context, actor: Actor, path: Path, report: Report = untold) -> TakenFile:
    """Take in a file of events, row by row. Needs ``settlement.manage``; raises what reading a table raises."""
    actor.require(Permission.SETTLEMENT_MANAGE)

    # A backlog tells of a discharge and of its taking back at once: what didn't stand late before the file is a fact
    # of the file alone.
    stood_late: dict[str, bool] = {}

    def take(cells: Sequence[str], places: Mapping[str, int]) -> TakenRow:
        kind, visit_no, occurred_at, facts = _event(cells, places)
        if visit_no not in stood_late:
            stood_late[visit_no] = takes_two(context, actor, visit_no)
        may = not stood_late[visit_no]
        taken = take_said(context, actor, kind, visit_no, occurred_at, facts, "csv", may_end_late=may)
        aside = f"已搁置，见“接口消息”：{taken.reason}" if taken.outcome is Outcome.QUARANTINED else ""
        return TakenRow(taken.outcome is not Outcome.DUPLICATE, aside)

    return take_rows(path, COLUMNS, take, report)


def _event(cells: Sequence[str], places: Mapping[str, int]) -> tuple[VisitEventKind, str, datetime, VisitFacts]:
    said = {name: cells[place].strip()[:_LONGEST] for name, place in places.items() if place < len(cells)}
    kind = _KINDS.get(said.get("event", ""))
    if kind is None:
        words = "、".join(label for one, label in EVENT_LABELS.items() if one is not VisitEventKind.MERGE)
        raise MalformedInput(f"事件“{said.get('event', '')}”读不懂。请写{words}之一。")
    if not said.get("visit_no"):
        raise MalformedInput("没有住院号。请补上。")
    sex, disposition = said.get("sex", "").upper(), said.get("disposition", "")
    facts = VisitFacts(
        sex=_SEXES.get(sex),
        disposition=_DISPOSITIONS.get(disposition, disposition) or None,
        admitted_at=_moment(said, "admitted_at"),
        discharged_at=_moment(said, "discharged_at"),
        discharge_ordered_at=_moment(said, "discharge_ordered_at"),
        patient_no=said.get("patient_no") or None,
        name=said.get("name") or None,
        certificate=said.get("certificate", "").upper() or None,
        phone=said.get("phone") or None,
        ward=said.get("ward") or None,
        bed=said.get("bed") or None,
        insured=said.get("insured") or None,
        disease_code=said.get("disease_code") or None,
        disease_name=said.get("disease_name") or None,
    )
    occurred_at = _moment(said, "occurred_at")
    if occurred_at is None:
        raise MalformedInput("没有发生时间。请写 2025-10-10 09:30 这样的时间。")
    return kind, said["visit_no"], occurred_at, facts


def _moment(said: Mapping[str, str], name: str) -> datetime | None:
    text = said.get(name, "")
    try:
        return moment_of(text) if text else None
    except NotADate as error:
        raise MalformedInput(
            f"{COLUMNS[name].label}“{text[:30]}”读不懂。请写 2025-10-10 09:30 这样的时间。"
        ) from error
