"""``/finance/fund/reconcile/left-out``: bank lines that the rule leaves out, each of which a person may bring in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, redirect, render_template, request

from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.errors import Conflict, MalformedInput
from hospital_prepay.domain.rules.fund.movements import Line
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.flash import say
from hospital_prepay.http.forms import Form, typed
from hospital_prepay.http.permission import requires
from hospital_prepay.services.fund import counting
from hospital_prepay.services.fund.reconciliation import read_month
from hospital_prepay.web.fund_reconcile import ROOT, asked_month
from hospital_prepay.web.fund_reconcile_view import head_of, line_words

blueprint = Blueprint("fund_left_out", __name__, url_prefix=f"{ROOT}/left-out")


@blueprint.get("")
@requires(Permission.FUND_VIEW)
def show_left_out() -> str:
    """The left-out lines of the month, and those that people brought in."""
    return _page(asked_month(), Form(), "")


@blueprint.post("/<line_id>/count")
@requires(Permission.FUND_RECONCILE)
def count(line_id: str) -> Any:
    """Bring a line in."""
    return _act(line_id, counting.count_line, "已算进来，依据记下了。可以手工配对了。")


@blueprint.post("/<line_id>/leave")
@requires(Permission.FUND_RECONCILE)
def leave(line_id: str) -> Any:
    """Take back that a line was brought in."""
    return _act(line_id, counting.leave_line, "已撤销，原来的记录还在。")


def _act(line_id: str, do: Callable[..., None], words: str) -> Any:
    period = asked_month()
    try:
        do(current_context(), current_actor(), period, line_id, request.form.get("ground", ""))
    except MalformedInput as error:
        return _page(period, typed().with_error(error, "ground"), line_id), 422
    except Conflict as error:
        return _page(period, typed().with_error(error), ""), 409
    say("ok", words)
    return redirect(f"{ROOT}/left-out?period={period}", 303)


def _page(period: str, form: Form, at: str) -> str:
    found = read_month(current_context(), current_actor(), period)
    return render_template(
        "pages/fund/reconcile_left_out.html",
        **head_of(found, "/match"),
        lines=[_line(one, at) for one in found.left_out],
        total_fen=found.uncounted.fen,
        brought_in=[
            {
                **_line(one.line, at),
                "ground": one.said.ground,
                "by": found.names.get(one.said.said_by, one.said.said_by),
                "at": one.said.said_at,
            }
            for one in found.brought_in
        ],
        form=form,
        may=current_actor().may(Permission.FUND_RECONCILE),
        shut=bool(found.steps) and found.steps[-1].step != "reopened",
    )


def _line(line: Line, at: str) -> dict[str, Any]:
    return {
        "id": line.key,
        "day": line.day,
        "words": line_words(line),
        "fen": line.amount_fen,
        "wrong": line.key == at,
    }
