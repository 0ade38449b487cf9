"""``/settlement``: discharges by the time that is left, and who must do what next."""

from __future__ import annotations

from typing import Any, Final

from flask import Blueprint, redirect, render_template, request

from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.errors import Conflict, MalformedInput
from hospital_prepay.http.current import current_actor, current_context, is_partial
from hospital_prepay.http.flash import say
from hospital_prepay.http.forms import Form, WrongForm, read_form, typed
from hospital_prepay.http.permission import requires
from hospital_prepay.schemas.settlement import NamedClassSchema, StepForm, StepSchema
from hospital_prepay.services.settlement import board as service
from hospital_prepay.services.settlement import by_hand, progress, refund_list
from hospital_prepay.services.settlement.preview import money_of
from hospital_prepay.services.settlement.progress import Passed, Seen
from hospital_prepay.web import settlement_view as view
from hospital_prepay.web.settlement_late import late_part
from hospital_prepay.web.settlement_refunds_view import stay_refunds

blueprint = Blueprint("settlement", __name__, url_prefix=view.ROOT)
_MOST_AT_ONCE: Final = 200


@blueprint.get("")
@requires(Permission.SETTLEMENT_VIEW)
def show_board() -> str:
    """The board, or the part of it that is fetched again every half minute."""
    chosen = view.chosen_from_request()
    found = service.board(current_context(), current_actor(), chosen)
    page = view.board_page(found, chosen, view.moment_now())
    return render_template(
        "partials/settlement/_board.html" if is_partial() else "pages/settlement/board.html", **page
    )


@blueprint.post("/steps")
@requires(Permission.SETTLEMENT_VIEW)
def pass_on_chosen() -> Any:
    """Pass on those that are ticked."""
    seen = [_seen(one) for one in request.form.getlist("seen")[:_MOST_AT_ONCE]]
    if not seen:
        say("wait", "没有选中任何一位。请先在名单里勾选。")
    passed = progress.pass_on_many(current_context(), current_actor(), seen)
    done = [one for one in passed if one.to is not None]
    if done:
        say("ok", f"已办好 {len(done)} 位，交给下一步。")
    for one in (one for one in passed if one.to is None):
        say("stop", f"{one.stay_no}：{one.problem}")
    back = request.form.get("back", "")
    return redirect(back if back.startswith(f"{view.ROOT}?") else view.ROOT, 303)


@blueprint.get("/stays/<stay_no>")
@requires(Permission.SETTLEMENT_VIEW)
def show_stay(stay_no: str) -> str:
    """One stay's discharges."""
    return _record(stay_no, Form())


@blueprint.post("/stays/<stay_no>/pass")
@requires(Permission.SETTLEMENT_VIEW)
def pass_on(stay_no: str) -> Any:
    """This stage has done its part."""
    return _step(
        stay_no, lambda form: progress.pass_on(current_context(), current_actor(), _of(stay_no, form), form.note)
    )


@blueprint.post("/stays/<stay_no>/back")
@requires(Permission.SETTLEMENT_VIEW)
def send_back(stay_no: str) -> Any:
    """Give it back to an earlier stage."""

    def take(form: StepForm) -> Passed:
        if form.to is None:
            raise MalformedInput("请选退回到哪一步。", code="missing_value", details={"field": "to"})
        return progress.send_back(current_context(), current_actor(), _of(stay_no, form), form.to, form.note)

    return _step(stay_no, take)


@blueprint.post("/stays/<stay_no>/remark")
@requires(Permission.SETTLEMENT_VIEW)
def remark(stay_no: str) -> Any:
    """Write down what it waits for."""
    return _step(
        stay_no, lambda form: progress.remark(current_context(), current_actor(), _of(stay_no, form), form.note)
    )


@blueprint.post("/stays/<stay_no>/class")
@requires(Permission.SETTLEMENT_VIEW)
def name_class(stay_no: str) -> Any:
    """Name the insured class that nobody, or only somebody here, named so far."""
    try:
        insured = read_form(NamedClassSchema()).insured
        by_hand.name_class(current_context(), current_actor(), stay_no, insured)
    except WrongForm as wrong:
        return _record(stay_no, wrong.form), 422
    except Conflict as error:
        return _record(stay_no, typed().with_error(error)), 409
    say("ok", f"{stay_no} 的参保类型已记为{insured.label}。")
    return redirect(f"{view.ROOT}/stays/{stay_no}", 303)


def _step(stay_no: str, take: Any) -> Any:
    try:
        passed = take(read_form(StepSchema()))
    except WrongForm as wrong:
        return _record(stay_no, wrong.form), 422
    except MalformedInput as error:
        return _record(stay_no, typed().with_error(error, str(error.details.get("field", "")))), 422
    except Conflict as error:
        return _record(stay_no, typed().with_error(error)), 409
    say("ok", f"{stay_no} 已交给{passed.to.label}。")
    return redirect(f"{view.ROOT}/stays/{stay_no}", 303)


def _record(stay_no: str, form: Form) -> str:
    found = service.discharges_of(current_context(), current_actor(), stay_no)
    money = money_of(current_context(), current_actor(), stay_no)
    refunds = stay_refunds(*refund_list.refunds_of_stay(current_context(), current_actor(), stay_no))
    page = view.record_page(
        found,
        money,
        form,
        view.moment_now(),
        renames_class=by_hand.named_by_hand(current_context(), current_actor(), stay_no),
    )
    return render_template("pages/settlement/record.html", late=late_part(stay_no), **page, **refunds)


def _of(stay_no: str, form: StepForm) -> Seen:
    return Seen(stay_no, form.step_no)


def _seen(text: str) -> Seen:
    stay_no, _, step_no = text.rpartition(":")
    if not stay_no or not (step_no.isascii() and step_no.isdigit() and len(step_no) < 7):
        raise MalformedInput("名单里选中的内容读不懂。请刷新后重选。")
    return Seen(stay_no, int(step_no))
