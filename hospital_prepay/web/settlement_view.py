"""What the pages of discharges show."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from typing import Any, Final
from urllib.parse import urlencode

from flask import request

from hospital_prepay.clock import local
from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.insured_class import InsuredClass
from hospital_prepay.domain.ledger.chart import Tender
from hospital_prepay.domain.masking import mask_name
from hospital_prepay.domain.rules.settlement.settling import Channel, SettlementKind
from hospital_prepay.domain.rules.settlement.stages import OWNERS, Stage, earlier_stages, next_stage, waits_for_class
from hospital_prepay.domain.visits import DISPOSITION_LABELS, Disposition, Ended
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.filters import day, weekday
from hospital_prepay.http.forms import Form
from hospital_prepay.http.paging import page_of
from hospital_prepay.services.settlement.board import (
    A_PAGE,
    UNNAMED,
    Board,
    BoardRow,
    Bucket,
    Chosen,
    ClockRow,
    DischargeRecord,
    Group,
    StayDischarges,
    StepRow,
)
from hospital_prepay.services.settlement.by_hand import may_name_class
from hospital_prepay.services.settlement.preview import ResultRow, Settlement, StayMoney
from hospital_prepay.services.settlement.results import BY_HAND
from hospital_prepay.web.decision_view import decision_href
from hospital_prepay.web.settlement_words import (
    TAKE_BACK_ASKED,
    class_words,
    dots,
    due_badge,
    risk_words,
    settled_badge,
    settled_late,
    target_badge,
    waited,
)
from hospital_prepay.web.slip_lines import channel_choices

ROOT: Final = "/settlement"
_CAUSES: Final = {"discharged": "出院时计", "calendar": "放假安排变化后重算", "ordered": "出院医嘱补到后重算"}
_MOMENTS: Final = {"dscg_time": "出院时间", "discharge_order": "出院医嘱时间"}
_TABS: Final = {
    Bucket.LATE: "已逾期",
    Bucket.TODAY: "今天",
    Bucket.NEXT: "下个工作日",
    Bucket.LATER: "以后",
    Bucket.UNRULED: "当时没有规定",
    Bucket.INVOICE: "等开票据",
}


_SOURCES: Final = {"api": "医保接口", "csv": "表格导入", "hand": "手工录入"}


def board_page(board: Board, chosen: Chosen, now: datetime) -> dict[str, Any]:
    """The board: with whom they lie, the lists by time left, and the filters."""
    one_list = board.groups[0] if chosen.bucket is not None and board.groups else None
    groups = [_group(group, board, chosen, now) for group in board.groups]
    return {
        "today": board.today,
        "now": now,
        "number": board.number,
        "stages": [
            {
                "label": one.stage.label,
                "task": one.stage.task,
                "number": one.number,
                "pressing": one.pressing,
                "href": _href(chosen, stage="" if chosen.stage == one.stage.value else one.stage.value),
                "current": chosen.stage == one.stage.value,
            }
            for one in board.stages
        ],
        "tabs": [
            {
                "label": "全部",
                "href": _href(chosen, list=""),
                "current": chosen.bucket is None,
                "count": board.number,
            },
            *(
                {
                    "label": label,
                    "href": _href(chosen, list=bucket.value),
                    "current": chosen.bucket is bucket,
                    "count": board.counts[bucket],
                }
                for bucket, label in {**_TABS, Bucket.NEXT: _next_words(board)}.items()
                if bucket not in (Bucket.UNRULED, Bucket.INVOICE) or board.counts[bucket] or chosen.bucket is bucket
            ),
            {
                "label": "可能逾期",
                "href": _href(chosen, list="", risk="" if chosen.at_risk else "1"),
                "current": chosen.at_risk,
                "count": board.at_risk,
            },
        ],
        "groups": groups,
        "wards": [ward for ward in board.wards if ward],
        "classes": [*((one.value, one.label) for one in InsuredClass), (UNNAMED, "类型未知")],
        "chosen": chosen,
        "page": page_of(len(one_list.rows), one_list.number, "人", A_PAGE) if one_list else None,
        "may_manage": current_actor().may(Permission.SETTLEMENT_MANAGE),
        "may_write": current_actor().may(Permission.STAY_REGISTER) or current_actor().may(Permission.SETTLEMENT_WARD),
        "aside": board.aside,
        "to_recall": board.to_recall,
        "may_pass": any(row["may_pass"] for group in groups for row in group["rows"]),
        "refresh_href": _href(chosen),
    }


def _group(group: Group, board: Board, chosen: Chosen, now: datetime) -> dict[str, Any]:
    label = group.bucket.label
    if group.bucket is Bucket.NEXT:
        label = f"{_next_words(board)}到期"
    name = board.calendar.name_of(board.next_day)
    remark = f"（{board.next_day:%m-%d} {weekday(board.next_day)}{'，补班' if name else ''}）"
    return {
        "label": label,
        "number": group.number,
        "remark": remark if group.bucket is Bucket.NEXT else "",
        "href": _href(chosen, list=group.bucket.value)
        if group.number > len(group.rows) and not chosen.bucket
        else None,
        "rows": [row_line(row, board, now) for row in group.rows],
    }


def _next_words(board: Board) -> str:
    return "明天" if (board.next_day - board.today).days == 1 else "下个工作日"


def row_line(row: BoardRow, board: Board, now: datetime) -> dict[str, Any]:
    """A discharge in a list."""
    stage, actor = Stage(row.stage), current_actor()
    mine = stage in OWNERS and actor.may(OWNERS[stage])
    return {
        "stay_no": row.stay_no,
        "name": row.patient_name if actor.calls_patients else mask_name(row.patient_name),
        "discharged_at": row.discharged_at,
        "ward": row.ward or "没有病区",
        "class": class_words(row.insured),
        "due": settled_badge() if row.settled_at else due_badge(row, board.calendar, board.today),
        "target": settled_badge() if row.settled_at else target_badge(row, now, board.today),
        "risk": risk_words(board.forecast, stage, row.expected_on),
        "dots": dots(row.stage),
        "stage": stage.label,
        "note": _note(row),
        "waited": waited(row.stage_since, now),
        "step_no": row.step_no,
        "may_pass": mine and stage in _BY_HAND and not waits_for_class(stage, row.insured),
        "href": f"{ROOT}/stays/{row.stay_no}",
        "action": "办理" if mine else "查看",
        "warning": TAKE_BACK_ASKED if row.take_back_asked else "",
        "died": row.disposition == Disposition.DIED.value,
    }


def _note(row: BoardRow) -> str:
    stage = Stage(row.stage)
    if waits_for_class(stage, row.insured):
        return "；".join(filter(None, ("参保类型未知，请先核实", row.note)))
    return row.note or (f"待{stage.task}" if stage.task else "等退款到账")


def record_page(
    found: StayDischarges, money: StayMoney, form: Form, now: datetime, *, renames_class: bool
) -> dict[str, Any]:
    """One stay's discharges, what may be done with the one that stands, and everything on record.

    ``renames_class``: somebody here named the class, and may name it anew."""
    actor = current_actor()
    settles = actor.may(Permission.SETTLEMENT_SETTLE)
    by_hand = {one.setl_id for one in money.results if one.source == BY_HAND}
    return {
        "results": [_result(one, money) for one in money.results],
        "held_fen": money.held_fen,
        "owed_fen": money.owed_fen,
        "settlements": [_settlement(one, found, by_hand) for one in money.settlements],
        "may_pay": settles and money.owed_fen + money.written_off_fen > 0,
        "may_settle": settles,
        "tenders": [{"value": one.value, "label": one.label} for one in Tender],
        "channels": channel_choices(),
        "key": str(uuid.uuid4()),
        "stay_no": found.stay_no,
        "name": money.patient_name if actor.calls_patients else mask_name(money.patient_name),
        "about": " · ".join([*(one.row.ward for one in found.records[:1]), _class_of_stay(found, money)]),
        "may_write": current_actor().may(Permission.STAY_REGISTER) or current_actor().may(Permission.SETTLEMENT_WARD),
        "records": [_record(one, found, money, now) for one in found.records],
        "form": form,
        "classes": [(one.value, one.label) for one in InsuredClass],
        "renames_class": renames_class,
        "today": found.today,
    }


def _class_of_stay(found: StayDischarges, money: StayMoney) -> str:
    """As the discharge that stands has it, else as the counter registered it."""
    standing = next((one.row for one in found.records if one.row.ended_at is None), None)
    return InsuredClass(money.insured_class).label if standing is None else class_words(standing.insured)


def _result(one: ResultRow, money: StayMoney) -> dict[str, Any]:
    """A result of the insurance, and whether a settlement can rest on it."""
    used = any(each.setl_id == one.setl_id and each.recalled_at is None for each in money.settlements)
    if used:
        state = {"kind": "ok", "word": "已用来结算"}
    elif one in money.usable:
        state = {"kind": "info", "word": "可以结算"}
    elif one.source == BY_HAND:
        state = {"kind": "info", "word": "可以重新录入"}
    else:
        state = {"kind": "stop", "word": "对不平，或证件号不是患者的"}
    return {"one": one, "state": state, "from": _SOURCES[one.source]}


def _settlement(one: Settlement, found: StayDischarges, by_hand: set[str]) -> dict[str, Any]:
    actor = current_actor()
    stands = one.recalled_at is None
    settles, manages = actor.may(Permission.SETTLEMENT_SETTLE), actor.may(Permission.SETTLEMENT_MANAGE)
    asked = stands and one.recall_asked_by is not None
    state = {"kind": "ok", "word": "有效"} if stands else {"kind": "idle", "word": "已召回"}
    return {
        "one": one,
        "number": one.number,
        "kind": SettlementKind(one.kind).label,
        "channel": Channel(one.channel).label,
        "by": found.names.get(one.settled_by, one.settled_by),
        "state": {"kind": "held", "word": "召回待另一个人办理"} if asked else state,
        "asked_by": found.names.get(one.recall_asked_by or "", one.recall_asked_by),
        "recalled_by": found.names.get(one.recalled_by or "", one.recalled_by),
        "may_invoice": stands and settles and one.invoice_no is None,
        "may_ask": stands and settles and not asked,
        "may_decide": asked and manages and actor.actor_id != one.recall_asked_by,
        "decision_href": decision_href(one.decision_id),
        "by_hand": one.setl_id is not None and one.setl_id in by_hand,
        "print_href": f"{ROOT}/stays/{one.stay_no}/settlements/{one.settlement_no}/print"
        if actor.may(Permission.DESK_VIEW)
        else None,
    }


def _record(record: DischargeRecord, found: StayDischarges, money: StayMoney, now: datetime) -> dict[str, Any]:
    row, actor = record.row, current_actor()
    stage, insured = Stage(row.stage), row.insured
    stands = row.ended_at is None
    documents = [one.discharged_at for one in money.settlements if one.recalled_at is None]
    mine = stands and stage in OWNERS and actor.may(OWNERS[stage])
    waits = stands and waits_for_class(stage, insured)
    return {
        "name": row.patient_name if actor.calls_patients else mask_name(row.patient_name),
        "patient_no": row.patient_no,
        "ward": row.ward or "没有病区",
        "class": class_words(insured),
        "discharged_at": row.discharged_at,
        "disposition": DISPOSITION_LABELS.get(Disposition(row.disposition), "") if _is_known(row.disposition) else "",
        "ended": Ended(row.ended_by).label if row.ended_by else None,
        "ended_at": row.ended_at,
        "ended_through": found.names.get(record.ended_through, record.ended_through) or "接口",
        "due": due_badge(row, found.calendar, found.today),
        "target": target_badge(row, now, found.today),
        "stage": stage,
        "stands": stands,
        "note": row.note,
        "waited": waited(row.stage_since, now),
        "step_no": row.step_no,
        "settle_href": f"{ROOT}/stays/{row.stay_no}/settle" if mine and stage is Stage.CASHIER else None,
        "settled_at": row.settled_at,
        "settled_late": settled_late(row, found.calendar),
        "warning": TAKE_BACK_ASKED if row.take_back_asked else "",
        "to_recall": not stands and row.discharged_at in documents,
        "bar": _bar(stage, insured, record.steps, found),
        "pass_to": next_stage(stage, insured).label if mine and stage in _BY_HAND and not waits else None,
        "waits_for_class": waits,
        "class_unknown": insured is None,
        "may_name_class": stands and may_name_class(actor),
        "back_to": [(one.value, one.label) for one in earlier_stages(stage, insured)] if mine else [],
        "is_open": stands and stage is not Stage.DONE,
        "may_remark": stands and stage is not Stage.DONE and (mine or actor.may(Permission.SETTLEMENT_MANAGE)),
        "whose": None if mine or not stands else stage.label,
        "clocks": [_clock(one, found) for one in record.clocks],
        "steps": [_step(one, found) for one in reversed(record.steps)],
    }


_BY_HAND: Final = (Stage.WARD, Stage.AUDIT, Stage.INSURANCE)


def _is_known(disposition: str) -> bool:
    return disposition in {one.value for one in Disposition}


def _bar(
    stage: Stage, insured: InsuredClass | None, steps: tuple[StepRow, ...], found: StayDischarges
) -> list[dict[str, Any]]:
    order = [one for one in Stage if one is not Stage.DONE]
    if insured is InsuredClass.SELF_PAY and stage is not Stage.INSURANCE:
        order.remove(Stage.INSURANCE)
    at = list(Stage).index(stage)
    bar = []
    for one in order:
        left = next((step for step in reversed(steps) if step.from_stage == one and step.to_stage != one), None)
        is_done = list(Stage).index(one) < at
        lines = [one.task]
        if is_done and left is not None:
            lines = [f"{found.names.get(left.taken_by, left.taken_by)} {local(left.taken_at):%m-%d %H:%M}"]
        bar.append({"kind": "done" if is_done else "now" if one is stage else "", "title": one.label, "lines": lines})
    return bar


def _clock(clock: ClockRow, found: StayDischarges) -> dict[str, Any]:
    return {
        "cause": _CAUSES[clock.cause],
        "starts_at": clock.starts_at,
        "by": _MOMENTS.get(clock.moment_reading, clock.moment_reading),
        "due": _due_words(clock.due_on, clock.expected_on),
        "target_at": clock.target_at,
        "values": f"{clock.working_days} 个工作日，{clock.target_hours} 小时" if clock.working_days else "没有规定",
        "calendar": clock.calendar_version[:8],
        "set_at": clock.set_at,
        "set_by": found.names.get(clock.set_by, "系统" if ":" in clock.set_by else clock.set_by),
    }


def _due_words(due_on: date | None, expected_on: date | None) -> str:
    if due_on is not None:
        return f"{day(due_on)} {weekday(due_on)}"
    return "当时没有规定" if expected_on is None else f"暂定，估计 {day(expected_on)}"


def _step(step: StepRow, found: StayDischarges) -> dict[str, Any]:
    stages, frm, to = list(Stage), Stage(step.from_stage), Stage(step.to_stage)
    back = stages.index(to) < stages.index(frm)
    what = f"{frm.label}备注" if frm is to else f"{frm.label} {'退回' if back else '→'} {to.label}"
    return {
        "what": what,
        "note": step.note,
        "by": found.names.get(step.taken_by, step.taken_by),
        "at": step.taken_at,
        "back": back,
    }


def chosen_from_request() -> Chosen:
    """What somebody asked to see; what isn't known is as good as nothing said."""
    args = request.args
    bucket, stage, insured = args.get("list", ""), args.get("stage", ""), args.get("class", "")
    page = args.get("page", "1")
    return Chosen(
        bucket=Bucket(bucket) if bucket in set(Bucket) else None,
        ward=args.get("ward", "")[:80],
        insured_class=insured if insured in {*InsuredClass, UNNAMED} else "",
        stage=stage if stage in set(Stage) else "",
        page=max(int(page), 1) if page.isascii() and page.isdigit() and len(page) < 7 else 1,
        at_risk=args.get("risk") == "1",
    )


def _href(chosen: Chosen, **changes: str) -> str:
    said = {
        "list": chosen.bucket.value if chosen.bucket else "",
        "ward": chosen.ward,
        "class": chosen.insured_class,
        "stage": chosen.stage,
        "risk": "1" if chosen.at_risk else "",
        **changes,
    }
    query = urlencode({name: value for name, value in said.items() if value})
    return f"{ROOT}?{query}" if query else ROOT


def moment_now() -> datetime:
    """The present moment, once a page."""
    return current_context().clock.now()
