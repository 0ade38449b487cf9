"""The national platform's prepayment module: its states as people read them there, and an export in its fields."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import MalformedInput
from hospital_prepay.domain.money import Money
from hospital_prepay.files.exports import Sheet, csv_text, workbook_bytes
from hospital_prepay.persistence import fund_applications as kept
from hospital_prepay.persistence import funds as store
from hospital_prepay.persistence import institutions
from hospital_prepay.persistence.funds import GrantState
from hospital_prepay.services.context import Context
from hospital_prepay.services.fund.application_review import ApplicationOverview, application_overview
from hospital_prepay.services.fund.grants import FUND_NAMES, KIND_NAMES

STEPS: Final = {
    "submitted": "提交",
    "accepted": "受理",
    "first_review": "初审",
    "second_review": "复审",
    "paid_out": "拨付",
    "recovered": "收回",
    "sent_back": "退回",
}
HEADER: Final = (
    *("定点医疗机构编码", "定点医疗机构名称", "医疗机构级别", "统筹区", "基金", "年度", "种类"),
    *("月基数（元）", "月数", "额度（元）", "申请（元）", "批复（元）", "拨付（元）", "收回（元）", "余额（元）"),
    *("平台编号", "平台状态", "状态日期"),
)
_LEVELS: Final = {1: "一级", 2: "二级", 3: "三级"}


@dataclass(frozen=True, slots=True)
class RecordModuleStep:
    """What the module shows of a grant, and the day of it."""

    grant_id: str
    step: str
    module_no: str
    on_day: date
    note: str = ""


def record_module_step(context: Context, actor: Actor, command: RecordModuleStep) -> None:
    """Append a state. Needs ``fund.record`` or ``fund.apply``.

    Raises :class:`MalformedInput` for an unknown state, without a number, with a day ahead of today or before the
    last one.
    """
    if not actor.may(Permission.FUND_RECORD):
        actor.require(Permission.FUND_APPLY)
    if command.step not in STEPS:
        raise MalformedInput("请从列出的状态里选。", details={"field": "step"})
    if not command.module_no.strip():
        raise MalformedInput("请填国家平台的编号。", code="missing_value", details={"field": "platform_no"})
    with context.work(actor, "fund.record_module", f"grant:{command.grant_id}") as work:
        grant = store.lock_grant(work.connection, work.institution_id, command.grant_id)
        earlier = kept.module_steps(work.connection, work.institution_id, grant.grant_id)
        if command.on_day > work.today:
            raise MalformedInput("日期不能晚于今天，请核对。", details={"field": "on_day"})
        if earlier and command.on_day < earlier[-1].on_day:
            words = f"上一个状态是 {earlier[-1].on_day}，不能早于它，请核对。"
            raise MalformedInput(words, details={"field": "on_day"})
        values = {
            "institution_id": work.institution_id,
            "grant_id": grant.grant_id,
            "step_no": len(earlier) + 1,
            "step": command.step,
            "module_no": command.module_no.strip(),
            "on_day": command.on_day,
            "note": command.note.strip(),
            "recorded_by": actor.actor_id,
            "recorded_at": work.now,
        }
        kept.add_module_step(work.connection, values)
        work.audit(detail={"step": command.step, "module_no": command.module_no, "on": command.on_day.isoformat()})


def export_csv(context: Context, actor: Actor) -> str:
    """Every grant in the module's fields, amounts in yuan."""
    rows = _rows(context, actor)
    return csv_text(HEADER, [[one.plain() if isinstance(one, Money) else one for one in row] for row in rows])


def export_xlsx(context: Context, actor: Actor) -> bytes:
    """The same as a workbook, amounts as numbers."""
    return workbook_bytes([Sheet("预付金", [HEADER, *_rows(context, actor)])])


def _rows(context: Context, actor: Actor) -> list[tuple[object, ...]]:
    found = application_overview(context, actor)
    with context.database.reading() as connection:
        own = institutions.by_id(connection, actor.institution_id)
    name, level = (own.name, _LEVELS.get(own.level or 0, "")) if own else ("", "")
    order = sorted(found.grants, key=lambda one: (one.year, one.pool_region, one.kind, one.fund, one.grant_id))
    return [(actor.institution_id, name, level, *_row(found, grant)) for grant in order]


def _row(found: ApplicationOverview, grant: GrantState) -> tuple[object, ...]:
    applied = next((one for one in found.applications if one.decision_id == grant.decision_id), None)
    steps = found.steps_of(grant.grant_id)
    paid_out = grant.approved_fen if grant.state in ("received", "cleared") else None
    return (
        grant.pool_region,
        FUND_NAMES[grant.fund],
        grant.year,
        KIND_NAMES[grant.kind],
        _yuan(applied.base_fen if applied else None),
        applied.months if applied else None,
        _yuan(applied.quota_fen if applied else None),
        _yuan(grant.applied_fen),
        _yuan(grant.approved_fen),
        _yuan(paid_out),
        _yuan(None if paid_out is None else paid_out - grant.owed_fen),
        _yuan(None if paid_out is None else grant.owed_fen),
        steps[-1].module_no if steps else grant.module_no,
        STEPS[steps[-1].step] if steps else "",
        steps[-1].on_day.isoformat() if steps else "",
    )


def _yuan(fen: int | None) -> Money | None:
    return None if fen is None else Money(fen)
