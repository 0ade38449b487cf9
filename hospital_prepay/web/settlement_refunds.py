"""``/settlement/refunds``: refunds that aren't with their patients; ``/settlement/recalls``: recalls that wait."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from flask import Blueprint, redirect, render_template, request

from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.errors import Conflict, MalformedInput
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.flash import say
from hospital_prepay.http.forms import Form, WrongForm, read_form, typed
from hospital_prepay.http.permission import requires
from hospital_prepay.schemas.settlement_refunds import RefundForm, RefundSchema
from hospital_prepay.services.fund.held_files import drop_file, held_file, hold_file
from hospital_prepay.services.settlement import arrivals, recalls, refund_list
from hospital_prepay.services.settlement.arrival_file import said_lines, take_arrival_file
from hospital_prepay.services.settlement.arrivals import AskAgain, Awaited, BankAccount
from hospital_prepay.web import settlement_refunds_view as view

ROOT: Final = view.REFUNDS
blueprint = Blueprint("settlement_refunds", __name__)
_MOST_AT_ONCE: Final = 500


@blueprint.get(ROOT)
@requires(Permission.SETTLEMENT_VIEW)
def show_refunds() -> str:
    """What came back, what waits for a second person, what is on its way, what nobody has fetched."""
    return _list(Form())


@blueprint.post(f"{ROOT}/arrived")
@requires(Permission.SETTLEMENT_MANAGE)
def mark_arrived() -> Any:
    """Those that are ticked have arrived, by one statement."""
    seen = [_seen(one) for one in request.form.getlist("seen")[:_MOST_AT_ONCE]]
    if not seen:
        say("wait", "没有选中任何一笔。请先在名单里勾选。")
        return redirect(ROOT, 303)
    try:
        known = arrivals.mark_many_arrived(current_context(), current_actor(), seen, request.form.get("evidence", ""))
    except MalformedInput as error:
        return _list(typed().with_error(error, "evidence")), 422
    done = [one for one in known if not one.problem]
    if done:
        say("ok", f"已登记 {len(done)} 笔退款到账。")
    for one in (one for one in known if one.problem):
        say("stop", one.problem)
    return redirect(ROOT, 303)


@blueprint.post(f"{ROOT}/results")
@requires(Permission.SETTLEMENT_MANAGE, takes_file=True)
def take_results() -> Any:
    """Take in a table of results and tell what came of each line."""
    context, actor = current_context(), current_actor()
    given = request.files.get("file")
    if given is None or not given.filename:
        return _list(Form({}, {"file": "请选一个 CSV 或 XLSX 文件。"})), 422
    token = hold_file(context, actor, given.stream)
    try:
        lines = take_arrival_file(context, actor, held_file(context, actor, token))
    except MalformedInput as error:
        return _list(typed().with_error(error, "file")), 422
    finally:
        drop_file(context, actor, token)
    return render_template(
        "pages/settlement/refund_results.html", lines=view.told_lines(lines), numbers=said_lines(lines)
    )


@blueprint.get(f"{ROOT}/<number>")
@requires(Permission.SETTLEMENT_VIEW)
def show_refund(number: str) -> str:
    """One refund: every attempt, and what may be done."""
    return _page(number, Form())


@blueprint.post(f"{ROOT}/<number>/arrived")
@requires(Permission.SETTLEMENT_MANAGE)
def arrived(number: str) -> Any:
    """It has arrived."""

    def act(said: RefundForm) -> str:
        seen = Awaited(number, said.attempt_no)
        arrivals.mark_arrived(current_context(), current_actor(), seen, said.words)
        return f"{number} 已登记到账。"

    return _step(number, act, "evidence")


@blueprint.post(f"{ROOT}/<number>/failed")
@requires(Permission.SETTLEMENT_MANAGE)
def failed(number: str) -> Any:
    """It came back."""

    def act(said: RefundForm) -> str:
        arrivals.mark_failed(current_context(), current_actor(), Awaited(number, said.attempt_no), said.words)
        return f"{number} 已登记退回，钱记在其他应付款里。下一步：选一种方式再退给患者。"

    return _step(number, act, "words")


@blueprint.post(f"{ROOT}/<number>/again")
@requires(Permission.SETTLEMENT_VIEW)
def ask_again(number: str) -> Any:
    """Ask for it to go another way."""

    def act(said: RefundForm) -> str:
        if said.route is None:
            raise MalformedInput("请选怎么再退。", code="missing_value", details={"field": "route"})
        account = BankAccount(said.bank, said.card_no)
        command = AskAgain(Awaited(number, said.attempt_no), said.route, account)
        arrivals.ask_again(current_context(), current_actor(), command)
        return f"{number} 的改退已交另一个人确认，确认后才付款。"

    return _step(number, act, "route")


@blueprint.post(f"{ROOT}/<number>/again/decide")
@requires(Permission.SETTLEMENT_MANAGE)
def decide_again(number: str) -> Any:
    """Send it, or turn that down."""
    approve = request.form.get("act") == "approve"

    def act(said: RefundForm) -> str:
        seen = Awaited(number, said.attempt_no)
        slip = arrivals.decide_again(current_context(), current_actor(), seen, approve=approve, ground=said.words)
        if not approve:
            return f"{number} 的改退没有同意，请另选方式。"
        if slip is None:
            return f"{number} 已再退给患者。"
        return f"{number} 已确认改退现金，票据 {slip}。下一步：申请的收费员打印，付现金，请患者签字。"

    return _step(number, act, "ground")


@blueprint.get("/settlement/recalls")
@requires(Permission.SETTLEMENT_VIEW)
def show_recalls() -> str:
    """Recalls asked for, and settlements whose discharge was taken back."""
    found = recalls.waiting_recalls(current_context(), current_actor())
    return render_template("pages/settlement/recalls.html", **view.recalls_page(found))


def _step(number: str, act: Callable[[RefundForm], str], field: str) -> Any:
    try:
        say("ok", act(read_form(RefundSchema())))
    except WrongForm as wrong:
        return _page(number, wrong.form), 422
    except MalformedInput as error:
        return _page(number, typed().with_error(error, str(error.details.get("field", field)))), 422
    except Conflict as error:
        return _page(number, typed().with_error(error)), 409
    return redirect(f"{ROOT}/{number}", 303)


def _list(form: Form) -> str:
    found = refund_list.waiting_refunds(current_context(), current_actor())
    return render_template("pages/settlement/refunds.html", form=form, **view.refunds_page(found))


def _page(number: str, form: Form) -> str:
    found = refund_list.refund_of(current_context(), current_actor(), number)
    return render_template("pages/settlement/refund.html", form=form, **view.refund_page(found))


def _seen(text: str) -> Awaited:
    number, _, attempt_no = text.rpartition(":")
    if not number or not (attempt_no.isascii() and attempt_no.isdigit() and len(attempt_no) < 7):
        raise MalformedInput("名单里选中的内容读不懂。请刷新后重选。")
    return Awaited(number, int(attempt_no))
