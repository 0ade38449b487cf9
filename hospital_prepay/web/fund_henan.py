"""``/finance/fund/reconcile/henan``: Henan's month, the hospital's duties and, beside them, the authority's steps."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from flask import Blueprint, redirect, render_template, request

from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.errors import Conflict, MalformedInput
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.fund.henan_month import month_after
from hospital_prepay.http.clauses import chip, number_chip
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.flash import say
from hospital_prepay.http.forms import Form, WrongForm, read_form, typed
from hospital_prepay.http.permission import requires
from hospital_prepay.schemas import fund_reconciliation as schemas
from hospital_prepay.services.fund import henan, henan_uploads, settlements
from hospital_prepay.services.fund.grants import FUND_NAMES
from hospital_prepay.services.fund.months import first_and_last
from hospital_prepay.services.fund.words import UPLOAD_DAYS
from hospital_prepay.web.decision_view import decision_href
from hospital_prepay.web.fund_reconcile import ROOT, asked_month
from hospital_prepay.web.fund_reconcile_view import month_before, rooms
from hospital_prepay.web.fund_settlements import FUNDS, paper, settlement_line
from hospital_prepay.web.fund_words import keyed, mark_of

blueprint = Blueprint("fund_henan", __name__, url_prefix=f"{ROOT}/henan")
_CLAUSE: Final = "henan-settlement-2023/3.1"


@blueprint.get("")
@requires(Permission.FUND_VIEW)
def show_month() -> str:
    """A month of costs: uploads, application, settlement, plans, and the authority's steps of the month after."""
    return _page(asked_month())


@blueprint.post("/<period>/apply")
@requires(Permission.FUND_RECONCILE)
def apply(period: str) -> Any:
    """Record the day of the application."""

    def do() -> str:
        said = read_form(schemas.AppliedSchema())
        done = henan.apply_reconciliation(current_context(), current_actor(), period, said.applied_on, said.document)
        return "已登记。" + "".join(one.message for one in done.decision.reasons)

    return _act(period, "apply", do)


@blueprint.post("/<period>/plan")
@requires(Permission.FUND_RECONCILE)
def add_plan(period: str) -> Any:
    """Record a negative plan."""

    def do() -> str:
        said = read_form(schemas.PlanSchema())
        told = (said.told_on, said.due_on, said.document)
        plan = henan.NegativePlan(period, said.fund.value, said.amount, *told, said.idempotency_key)
        henan.record_negative_plan(current_context(), current_actor(), plan)
        return f"已登记负数计划 {said.amount} 元。下一步：退款后在这里记银行回单。"

    return _act(period, "plan", do)


@blueprint.post("/<period>/plans/<plan_id>/repay")
@requires(Permission.FUND_RETURN)
def repay(period: str, plan_id: str) -> Any:
    """Book the repayment of a plan: the amount stands on the button."""

    def do() -> str:
        said = read_form(schemas.RepaidSchema())
        command = settlements.RepayPlan(plan_id, said.document, paper(said))
        done = settlements.repay_plan(current_context(), current_actor(), command)
        return f"已退回 {Money(-done.moved_fen)} 元，应收医保款同额增加。"

    return _act(period, f"repay-{plan_id}", do)


@blueprint.post("/<period>/step")
@requires(Permission.FUND_RECONCILE)
def add_step(period: str) -> Any:
    """Write down that a step of the authority was reported done."""

    def do() -> str:
        said = read_form(schemas.StepSchema())
        henan.report_step(
            current_context(), current_actor(), month_after(period), said.step, said.on_day, said.document
        )
        return "已登记医保方的进度。"

    return _act(period, "step", do)


@blueprint.post("/<period>/uploads")
@requires(Permission.FUND_RECONCILE)
def add_uploads(period: str) -> Any:
    """The cost lists of one day."""

    def do() -> str:
        said = read_form(schemas.UploadSchema())
        row = henan_uploads.Uploads(said.day, said.in_house, said.uploaded, said.last_upload_at)
        henan_uploads.record_uploads(current_context(), current_actor(), [row])
        return f"已登记 {said.day} 的清单上传。"

    return _act(period, "uploads", do)


@blueprint.post("/<period>/uploads/file")
@requires(Permission.FUND_RECONCILE, takes_file=True)
def take_uploads(period: str) -> Any:
    """The cost lists of many days from a file."""

    def do() -> str:
        given = request.files.get("file")
        if given is None or not given.filename:
            raise MalformedInput("请选一个 CSV 或 XLSX 文件。", details={"field": "file"})
        with tempfile.TemporaryDirectory(prefix="prepay-upload-") as folder:
            path = Path(folder) / "upload"
            given.save(path)
            try:
                rows = henan_uploads.read_uploads(path)
            except MalformedInput as error:
                raise MalformedInput(error.message, code=error.reason, details={"field": "file"}) from error
        count = henan_uploads.record_uploads(current_context(), current_actor(), rows)
        return f"已登记 {count} 天的清单上传。"

    return _act(period, "file", do)


def _act(period: str, name: str, do: Callable[[], str]) -> Any:
    first_and_last(period)
    try:
        words = do()
    except WrongForm as wrong:
        return _page(period, name, wrong.form), 422
    except MalformedInput as error:
        return _page(period, name, typed().with_error(error, str(error.details.get("field", "")))), 422
    except Conflict as error:
        return _page(period, name, typed("idempotency_key").with_error(error)), 409
    say("ok", words)
    return redirect(f"{ROOT}/henan?period={period}", 303)


def _page(period: str, name: str = "", form: Form | None = None) -> str:
    found = henan.read_henan_month(current_context(), current_actor(), period)
    today = found.today.isoformat()
    uploaded_on = min(found.today, first_and_last(period)[1]).isoformat()
    defaults = {
        "apply": {"applied_on": today},
        "plan": {"told_on": today, "fund": "resident"},
        "step": {"on_day": today},
        "uploads": {"day": uploaded_on},
        "file": {},
    }
    forms = {one: form if one == name and form else Form(values) for one, values in defaults.items()}
    forms["plan"] = keyed(forms["plan"])
    states = Counter(one.state.value for one in found.days)
    return render_template(
        "pages/fund/henan.html",
        period=period,
        previous=month_before(period),
        following=month_after(period),
        next_month=found.next_month,
        concerns_us=found.concerns_us,
        rooms=rooms("/henan", period),
        clause=chip(_CLAUSE),
        apply_by=found.apply_by,
        applied=found.applied and {**_applied(found.applied), "late": _is_late(found)},
        state=_state(found),
        watched=len(found.days),
        counts=[{"mark": mark_of(state, UPLOAD_DAYS), "count": count} for state, count in sorted(states.items())],
        gaps=_gaps(found.days),
        steps=[_step(one, found) for one in found.steps],
        step_options=[{"value": one.duty.id, "label": one.duty.plain} for one in found.steps],
        plans=[_plan(one, repaid, name, form, today) for one, repaid in found.plans],
        settlements=[settlement_line(one, {one.settles for one in found.settlements}) for one in found.settlements],
        forms=forms,
        opened=name,
        funds=FUNDS,
        may_record=found.concerns_us and current_actor().may(Permission.FUND_RECONCILE),
        may_book=current_actor().may(Permission.FUND_RETURN),
    )


def _state(found: Any) -> dict[str, str]:
    if not found.concerns_us:
        return {"kind": "idle", "word": "本院用不到"}
    settled = [one for one in found.settlements if one.kind in ("settlement", "actual")]
    if settled:
        return {"kind": "ok", "word": "已结算"}
    if any(one.kind == "fallback" for one in found.settlements):
        return {"kind": "wait", "word": "先付了，等实际结算"}
    if found.applied is None:
        late = found.apply_by is not None and found.apply_by.due_on and found.today > found.apply_by.due_on
        return {"kind": "stop", "word": "没有申请，已过期限"} if late else {"kind": "wait", "word": "还没有申请对账"}
    month = found.applied.settled_in
    if not month:
        return {"kind": "wait", "word": "已申请，结算月未知"}
    kind = "wait" if _is_late(found) else "info"
    return {"kind": kind, "word": f"顺延到 {month} 结算" if kind == "wait" else f"{month} 结算"}


def _is_late(found: Any) -> bool:
    return bool(found.applied and found.applied.settled_in and found.applied.settled_in > found.next_month)


def _applied(one: Any) -> dict[str, Any]:
    return {
        "on": one.on_day,
        "settled_in": one.settled_in,
        "document": one.document,
        "href": decision_href(one.decision_id),
    }


def _gaps(days: Sequence[Any]) -> list[dict[str, Any]]:
    """Every day that isn't complete; days in a row with nothing recorded as one line."""
    lines: list[dict[str, Any]] = []
    for state, group in groupby(days, key=lambda one: one.state.value):
        found = [_day(one) for one in group]
        if state == "missing" and len(found) > 1:
            lines.append({**found[0], "until": found[-1]["day"], "lacking": f"{len(found)} 天"})
        elif state != "complete":
            lines += found
    return lines


def _day(one: Any) -> dict[str, Any]:
    lacking = f"差 {one.lacking} 份" if one.lacking else f"晚 {one.days_late} 天" if one.days_late else ""
    return {
        "day": one.day,
        "until": None,
        "in_house": one.in_house,
        "uploaded": one.uploaded,
        "mark": mark_of(one.state.value, UPLOAD_DAYS),
        "lacking": lacking,
    }


def _step(one: Any, found: Any) -> dict[str, Any]:
    duty = one.duty
    overdue = duty.due_on is not None and found.today > duty.due_on
    mark = ("ok", "已报办") if one.reported else ("idle", "过了日子，没有消息" if overdue else "还没有消息")
    return {
        "plain": duty.plain,
        "due_on": duty.due_on,
        "named_on": duty.named_on,
        "clause": duty.clause and number_chip(duty.clause),
        "mark": {"kind": mark[0], "word": mark[1]},
        "reported_on": one.reported and one.reported.on_day,
        "document": one.reported and one.reported.document,
    }


def _plan(one: Any, repaid: Any, name: str, form: Form | None, today: str) -> dict[str, Any]:
    return {
        "id": one.event_id,
        "amount_fen": one.amount_fen,
        "amount": str(Money(one.amount_fen)),
        "fund": FUND_NAMES[one.fund],
        "told_on": one.on_day,
        "due_on": one.due_on,
        "document": one.document,
        "repaid_on": repaid and repaid.paid_on,
        "reference": repaid and repaid.bank_reference,
        "form": keyed(form if name == f"repay-{one.event_id}" else None, paid_on=today, document=one.document),
        "opened": name == f"repay-{one.event_id}",
    }
