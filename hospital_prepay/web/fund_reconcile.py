"""``/finance/fund/reconcile``: a month held side by side, matched by hand, closed by two people."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from flask import Blueprint, redirect, render_template, request

from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.errors import Conflict, MalformedInput, SecondPersonRequired
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.flash import say
from hospital_prepay.http.forms import Form, WrongForm, read_form, typed
from hospital_prepay.http.permission import requires
from hospital_prepay.schemas.fund_forms import WrittenGroundSchema
from hospital_prepay.schemas.fund_reconciliation import AccountSchema, ClosingSchema, QuietSchema
from hospital_prepay.services.fund import accounts, closing, hand_matching, quiet_months
from hospital_prepay.services.fund.months import first_and_last, month_of
from hospital_prepay.services.fund.reconciliation import read_month
from hospital_prepay.services.fund.review import fund_overview
from hospital_prepay.web import fund_reconcile_view as view
from hospital_prepay.web.fund_match_view import matching_page

blueprint = Blueprint("fund_reconcile", __name__, url_prefix="/finance/fund/reconcile")
ROOT: Final = "/finance/fund/reconcile"


@blueprint.get("")
@requires(Permission.FUND_VIEW)
def show_month() -> str:
    """The three columns, the closing balances, what is open and how old it is."""
    return _page(asked_month())


@blueprint.post("/<period>/close")
@requires(Permission.FUND_RECONCILE)
def close(period: str) -> Any:
    """Close the month for a second person to check; what the rule refuses is shown and kept."""

    def do() -> str | Form:
        said = read_form(ClosingSchema())
        command = closing.ClosePeriod(period, said.digest, said.ground)
        done = closing.make_closing(current_context(), current_actor(), command)
        if not done.decision.permitted:
            return Form(typed().entered, {"ground": "".join(one.message for one in done.decision.reasons)})
        return f"{period} 已结账，等另一个人复核。"

    return _act(period, "close", do)


@blueprint.post("/<period>/check")
@requires(Permission.FUND_RECORD)
def check(period: str) -> Any:
    """Confirm a closing."""

    def do() -> str:
        said = read_form(ClosingSchema())
        closing.check_closing(current_context(), current_actor(), period, said.digest)
        zero = read_month(current_context(), current_actor(), period).zero
        return f"{period} 已复核，{'这个月结清了' if zero else '带着写明的差异结账了'}。"

    return _act(period, "check", do)


@blueprint.post("/<period>/reopen")
@requires(Permission.FUND_RECORD)
def reopen(period: str) -> Any:
    """Open a closed month again."""

    def do() -> str:
        said = read_form(WrittenGroundSchema())
        closing.reopen_period(current_context(), current_actor(), period, said.ground)
        return f"{period} 已重开。改好后由财务重新结账。"

    return _act(period, "reopen", do)


@blueprint.post("/<period>/account")
@requires(Permission.FUND_RECORD)
def name_account(period: str) -> Any:
    """Say that from this month on the prepayments lie on another account."""

    def do() -> str:
        said = read_form(AccountSchema())
        accounts.name_account(current_context(), current_actor(), period, said.account, said.ground)
        return f"已记下：从 {period} 起预付金存在账户 {said.account}。"

    return _act(period, "account", do)


@blueprint.post("/<period>/quiet")
@requires(Permission.FUND_RECONCILE)
def say_quiet(period: str) -> Any:
    """Say that bank or agency have no line of this month."""

    def do() -> str:
        said = read_form(QuietSchema())
        quiet_months.say_quiet(current_context(), current_actor(), period, said.kind.value, said.ground)
        return f"已记下：{period} 的{said.kind.label}没有明细。"

    return _act(period, "quiet", do)


@blueprint.post("/<period>/not-quiet")
@requires(Permission.FUND_RECONCILE)
def take_back_quiet(period: str) -> Any:
    """Say that bank or agency have lines of this month after all."""

    def do() -> str:
        said = read_form(QuietSchema())
        quiet_months.say_quiet(current_context(), current_actor(), period, said.kind.value, said.ground, quiet=False)
        return f"已撤回：{period} 的{said.kind.label}要导入。"

    return _act(period, "not-quiet", do)


@blueprint.get("/match")
@requires(Permission.FUND_VIEW)
def show_matching() -> str:
    """What is open on both sides, to be put together by hand; pairs, to be set apart."""
    return _matching(asked_month(), Form())


@blueprint.post("/match")
@requires(Permission.FUND_RECONCILE)
def put_together() -> Any:
    """Put the ticked items together."""
    command = hand_matching.PairByHand(
        tuple(request.form.getlist("ours")), tuple(request.form.getlist("theirs")), request.form.get("ground", "")
    )
    return _hand(
        lambda: hand_matching.put_together(current_context(), current_actor(), command), "已配在一起，依据记下了。"
    )


@blueprint.post("/apart")
@requires(Permission.FUND_RECONCILE)
def set_apart() -> Any:
    """Say that a pair is none."""
    command = hand_matching.PairByHand(
        tuple(request.form.getlist("ours")), tuple(request.form.getlist("theirs")), request.form.get("ground", "")
    )
    return _hand(lambda: hand_matching.set_apart(current_context(), current_actor(), command), "已拆开，依据记下了。")


@blueprint.post("/matches/<match_id>/undo")
@requires(Permission.FUND_RECONCILE)
def undo(match_id: str) -> Any:
    """Take back what a person said."""
    ground = request.form.get("ground", "")
    return _hand(
        lambda: hand_matching.undo_match(current_context(), current_actor(), match_id, ground),
        "已撤销，原来的记录还在。",
    )


def asked_month() -> str:
    """The month in the address, else the last one that is over; nonsense is the latter, too."""
    asked = request.values.get("period", "")
    try:
        first_and_last(asked)
    except MalformedInput:
        return view.month_before(month_of(current_context().clock.today()))
    return asked


def _act(period: str, name: str, do: Callable[[], str | Form]) -> Any:
    """Do a step of a month and say what came of it; the page again with what is wrong."""
    first_and_last(period)
    try:
        came = do()
    except WrongForm as wrong:
        return _page(period, name, wrong.form), 422
    except MalformedInput as error:
        return _page(period, name, typed().with_error(error, str(error.details.get("field", "")))), 422
    except SecondPersonRequired as error:
        return _page(period, name, typed().with_error(error)), 403
    except Conflict as error:
        return _page(period, name, typed("digest").with_error(error)), 409
    if isinstance(came, Form):
        return _page(period, name, came), 422
    say("ok", came)
    return redirect(f"{ROOT}?period={period}", 303)


def _hand(do: Callable[[], Any], words: str) -> Any:
    period = asked_month()
    try:
        do()
    except MalformedInput as error:
        return _matching(period, typed().with_error(error, "ground" if error.details else "")), 422
    except SecondPersonRequired as error:
        return _matching(period, typed().with_error(error)), 403
    except Conflict as error:
        return _matching(period, typed().with_error(error)), 409
    say("ok", words)
    return redirect(f"{ROOT}/match?period={period}", 303)


def _page(period: str, name: str = "", form: Form | None = None) -> str:
    found = read_month(current_context(), current_actor(), period)
    grants = fund_overview(current_context(), current_actor()).grants
    return render_template("pages/fund/reconcile.html", **view.month_page(found, grants, name, form))


def _matching(period: str, form: Form) -> str:
    found = read_month(current_context(), current_actor(), period)
    ticked = {*request.form.getlist("ours"), *request.form.getlist("theirs")}
    return render_template("pages/fund/reconcile_match.html", **matching_page(found, form, ticked))
