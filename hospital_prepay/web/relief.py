"""``/settlement/relief``: the emergency relief fund, from the stay that owes to the money that came."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from flask import Blueprint, redirect, render_template, request

from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.errors import Conflict, MalformedInput
from hospital_prepay.domain.masking import mask_name
from hospital_prepay.domain.rules.settlement.relief import ReliefState
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.flash import say
from hospital_prepay.http.forms import Form, WrongForm, read_form, typed
from hospital_prepay.http.permission import requires
from hospital_prepay.schemas.relief import AnswerSchema, DraftSchema, GiveBackSchema, ReceiveSchema
from hospital_prepay.services.settlement import relief as service
from hospital_prepay.services.settlement.relief import Answer, Draft, GiveBack, Receive, ReliefRow
from hospital_prepay.web.fund_words import keyed

ROOT: Final = "/settlement/relief"
blueprint = Blueprint("relief", __name__, url_prefix=ROOT)
_MARKS: Final = {
    ReliefState.DRAFT: "wait",
    ReliefState.SUBMITTED: "info",
    ReliefState.GRANTED: "info",
    ReliefState.REFUSED: "idle",
    ReliefState.RECEIVED: "ok",
    ReliefState.RETURNED: "idle",
}


@blueprint.get("")
@requires(Permission.SETTLEMENT_VIEW)
def show_list() -> str:
    """Applications, and emergencies that owe and have none."""
    found = service.list_relief(current_context(), current_actor())
    return render_template(
        "pages/settlement/relief.html",
        days=found.days,
        candidates=[
            {"one": one, "name": _name(one.row.patient_name), "href": f"{ROOT}/{one.row.stay_no}"}
            for one in found.candidates
        ],
        listed=[
            {
                **_line(one.row, found.names),
                "due": one.due,
                "is_late": one.is_late,
                "href": f"{ROOT}/{one.row.stay_no}",
            }
            for one in found.listed
        ],
    )


@blueprint.get("/<stay_no>")
@requires(Permission.SETTLEMENT_VIEW)
def show_stay(stay_no: str) -> str:
    """One stay's applications."""
    return _page(stay_no)


@blueprint.post("/<stay_no>/drafts")
@requires(Permission.SETTLEMENT_MANAGE)
def draft(stay_no: str) -> Any:
    """Draft an application."""

    def act() -> str:
        said = read_form(DraftSchema())
        command = Draft(stay_no, said.amount, said.ground, said.papers, said.idempotency_key)
        service.draft(current_context(), current_actor(), command)
        return "申请已起草，等财务里另一个人核对、提交。"

    return _done(stay_no, "draft", act)


@blueprint.post("/<stay_no>/submit")
@requires(Permission.SETTLEMENT_MANAGE)
def submit(stay_no: str) -> Any:
    """Submit what another person drafted."""

    def act() -> str:
        application_id = request.form.get("application_id", "")[:36]
        service.submit(current_context(), current_actor(), stay_no, application_id)
        return "已登记提交。基金答复后，请回来登记。"

    return _done(stay_no, "submit", act)


@blueprint.post("/<stay_no>/answer")
@requires(Permission.SETTLEMENT_MANAGE)
def answer(stay_no: str) -> Any:
    """Note what the fund answered."""
    grants = request.form.get("act") == "grant"

    def act() -> str:
        said = read_form(AnswerSchema())
        if grants and said.granted is None:
            raise MalformedInput("请填同意的金额。", code="missing_value", details={"field": "granted"})
        granted = said.granted if grants else None
        command = Answer(stay_no, said.application_id, granted, said.answer, said.idempotency_key)
        service.answer(current_context(), current_actor(), command)
        return "已登记同意，等到账。" if grants else "已登记没有同意；欠费照旧。"

    return _done(stay_no, "answer", act)


@blueprint.post("/<stay_no>/receive")
@requires(Permission.SETTLEMENT_MANAGE)
def receive(stay_no: str) -> Any:
    """Book the fund's money."""

    def act() -> str:
        said = read_form(ReceiveSchema())
        command = Receive(stay_no, said.application_id, said.amount, said.bank_reference, said.idempotency_key)
        number = service.receive(current_context(), current_actor(), command)
        return f"已入账 {said.amount} 元，凭证 {number}，欠费相应减少。"

    return _done(stay_no, "receive", act)


@blueprint.post("/<stay_no>/give-back")
@requires(Permission.SETTLEMENT_MANAGE)
def give_back(stay_no: str) -> Any:
    """Give the fund's money back."""

    def act() -> str:
        said = read_form(GiveBackSchema())
        command = GiveBack(stay_no, said.application_id, said.bank_reference, said.idempotency_key)
        number = service.give_back(current_context(), current_actor(), command)
        return f"已退回基金，凭证 {number}；患者重新欠这笔钱，结算可以召回了。"

    return _done(stay_no, "give_back", act)


def _done(stay_no: str, opened: str, act: Callable[[], str]) -> Any:
    try:
        words = act()
    except WrongForm as wrong:
        return _page(stay_no, opened, wrong.form), 422
    except MalformedInput as error:
        return _page(stay_no, opened, typed().with_error(error, str(error.details.get("field", "")))), 422
    except Conflict as error:
        return _page(stay_no, opened, typed("idempotency_key").with_error(error)), 409
    say("ok", words)
    return redirect(f"{ROOT}/{stay_no}", 303)


def _page(stay_no: str, opened: str = "", form: Form | None = None) -> str:
    actor = current_actor()
    found = service.relief_of(current_context(), actor, stay_no)
    newest = found.rows[0] if found.rows else None
    state = ReliefState(newest.state) if newest else None
    may, is_mine = actor.may(Permission.SETTLEMENT_MANAGE), bool(newest and newest.made_by == actor.actor_id)
    is_open = state in (ReliefState.DRAFT, ReliefState.SUBMITTED, ReliefState.GRANTED)
    return render_template(
        "pages/settlement/relief_stay.html",
        stay_no=stay_no,
        name=_name(found.state.patient_name),
        owed_fen=found.owed_fen,
        due=found.due,
        rows=[_line(row, found.names) for row in found.rows],
        newest=newest,
        is_mine=is_mine,
        may_draft=may and not is_open and found.owed_fen > 0,
        may_submit=may and state is ReliefState.DRAFT and not is_mine,
        may_refuse=may and state in (ReliefState.DRAFT, ReliefState.SUBMITTED),
        may_grant=may and state is ReliefState.SUBMITTED,
        may_receive=may and state is ReliefState.GRANTED and not is_mine,
        may_give_back=may
        and newest is not None
        and state is ReliefState.RECEIVED
        and newest.received_by != actor.actor_id,
        waits_for_other=may and is_mine and state in (ReliefState.DRAFT, ReliefState.GRANTED),
        problem=form or Form(),
        forms={
            name: keyed(form if name == opened else None)
            for name in ("draft", "submit", "answer", "receive", "give_back")
        },
    )


def _line(row: ReliefRow, names: dict[str, str]) -> dict[str, Any]:
    state = ReliefState(row.state)
    sees = current_actor().may(Permission.LEDGER_VIEW)
    return {
        "one": row,
        "state": {"kind": _MARKS[state], "word": state.label},
        "made_by": names.get(row.made_by, row.made_by),
        "submitted_by": names.get(row.submitted_by or "", row.submitted_by),
        "entry_href": f"/finance/ledger/{row.entry_no}" if row.entry_no and sees else None,
    }


def _name(name: str) -> str:
    return name if current_actor().calls_patients else mask_name(name)
