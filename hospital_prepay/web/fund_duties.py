"""``/finance/fund/duties``: what is due by when, what closes it, where the hospital stands; and a calendar of it."""

from __future__ import annotations

from typing import Any, Final

from flask import Blueprint, Response, make_response, redirect, render_template, request

from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.errors import Conflict, MalformedInput
from hospital_prepay.domain.rules.outpatient.duties import is_outpatient as is_outpatient_duty
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.flash import say
from hospital_prepay.http.forms import Form, WrongForm, read_form, typed
from hospital_prepay.http.permission import public, requires
from hospital_prepay.schemas.fund_duties import CloseDutySchema, ProposePlaceSchema
from hospital_prepay.schemas.fund_forms import WrittenGroundSchema
from hospital_prepay.services.fund import clearing_watch, duties, duty_calendar, duty_closing, places, reminders
from hospital_prepay.web import fund_duty_view as view

blueprint = Blueprint("fund_duties", __name__)
_NONE: Final = Form()


@blueprint.get("/finance/fund/duties")
@requires(Permission.FUND_VIEW)
def show_duties() -> str:
    """The duties of a year, by month."""
    return _list()


@blueprint.get("/finance/outpatient/duties")
@requires(Permission.FUND_VIEW)
def show_outpatient_duties() -> str:
    """Those of outpatients' deposits, in their rooms: the calendar is the same."""
    return _list(is_outpatient=True)


@blueprint.get("/finance/outpatient/duties/one")
@requires(Permission.FUND_VIEW)
def show_outpatient_duty() -> str:
    """One of them."""
    return _one(request.args.get("key", ""))


@blueprint.get("/finance/fund/duties/one")
@requires(Permission.FUND_VIEW)
def show_duty() -> str:
    """One duty: what is owed, what was recorded, and what may be recorded now."""
    return _one(request.args.get("key", ""))


@blueprint.post("/finance/outpatient/duties/close")
@blueprint.post("/finance/fund/duties/close")
@requires(Permission.FUND_DUTY)
def close_duty() -> Any:
    """Record that a duty was done, or isn't applicable."""
    key = request.form.get("key", "")
    try:
        command = read_form(CloseDutySchema())
        closed = duty_closing.record_closure(current_context(), current_actor(), command)
    except WrongForm as wrong:
        return _one(key, close=wrong.form), 422
    except MalformedInput as error:
        return _one(key, close=typed().with_error(error, str(error.details.get("field", "")))), 422
    except Conflict as error:
        return _one(key, close=typed().with_error(error)), 409
    words = closed.decision.reasons[0].message
    if not closed.decision.permitted:
        return _one(key, close=Form(typed().entered, {"": words})), 422
    say("ok", f"已登记：{words}")
    return redirect(view.address_of(key), 303)


@blueprint.post("/finance/outpatient/duties/withdraw")
@blueprint.post("/finance/fund/duties/withdraw")
@requires(Permission.FUND_DUTY)
def withdraw_closure() -> Any:
    """Take a wrong record back, with a ground."""
    key = request.form.get("key", "")
    try:
        said = read_form(WrittenGroundSchema())
        duty_closing.withdraw_closure(current_context(), current_actor(), key, said.ground)
    except WrongForm as wrong:
        return _one(key, withdraw=wrong.form), 422
    except Conflict as error:
        return _one(key, withdraw=typed().with_error(error)), 409
    say("ok", "已撤回，原来的登记仍留着备查。这一项重新算未办。")
    return redirect(view.address_of(key), 303)


@blueprint.post("/finance/fund/duties/places")
@requires(Permission.FUND_APPLY)
def propose_place() -> Any:
    """Say where the hospital stands."""
    try:
        command = read_form(ProposePlaceSchema())
        places.propose_place(current_context(), current_actor(), command)
    except WrongForm as wrong:
        return _list(place_form=wrong.form), 422
    except MalformedInput as error:
        return _list(place_form=typed().with_error(error, str(error.details.get("field", "")))), 422
    except Conflict as error:
        return _list(place_form=typed().with_error(error)), 409
    say("ok", "已登记所在地。下一步：由财务审批核对，核对后期限表才按它算。")
    return redirect(view.LIST, 303)


@blueprint.post("/finance/fund/duties/places/<int:place_no>/confirm")
@requires(Permission.FUND_RECORD)
def confirm_place(place_no: int) -> Any:
    """Confirm what another person said."""
    places.decide_place(current_context(), current_actor(), place_no, confirmed=True)
    say("ok", "已核对，期限表现在按这个地方算。")
    return redirect(view.LIST, 303)


@blueprint.post("/finance/fund/duties/places/<int:place_no>/decline")
@requires(Permission.FUND_RECORD)
def decline_place(place_no: int) -> Any:
    """Decline it."""
    places.decide_place(current_context(), current_actor(), place_no, confirmed=False)
    say("ok", "已退回这一条，期限表不变。请财务重新登记。")
    return redirect(view.LIST, 303)


@blueprint.post("/finance/fund/duties/calendar")
@requires(Permission.FUND_VIEW)
def open_calendar() -> str:
    """A fresh address of one's own, shown this once."""
    token = duty_calendar.open_calendar(current_context(), current_actor())
    return _list(address=f"{current_context().settings.public_url}/calendar/{token}/fund.ics")


@blueprint.post("/finance/fund/duties/calendar/end")
@requires(Permission.FUND_VIEW)
def end_calendar() -> Any:
    """Stop one's own subscription."""
    duty_calendar.end_calendar(current_context(), current_actor())
    say("ok", "日历订阅已停，原来的地址不再有用。")
    return redirect(view.LIST, 303)


@blueprint.get("/calendar/<token>/fund.ics")
@public
def read_calendar(token: str) -> Response:
    """The duties for whoever holds the address; kept by no cache on the way."""
    response = make_response(duty_calendar.read_calendar(current_context(), token))
    response.headers["Content-Type"] = "text/calendar; charset=utf-8"
    response.headers["Content-Disposition"] = 'inline; filename="fund.ics"'
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _list(place_form: Form = _NONE, address: str = "", *, is_outpatient: bool = False) -> str:
    context, actor = current_context(), current_actor()
    book = duties.read_duties(context, actor)
    asked = request.args.get("year", "")
    year = int(asked) if asked.isdecimal() and len(asked) == 4 else book.today.year
    duties.year_of_duties(book, year)
    found = reminders.read_reminders(context, actor)
    if is_outpatient:
        shown = view.duties_page(book, year, {**request.args, "area": "outpatient"})
        given = [view.reminder_line(row) for row in found.reminders if is_outpatient_duty(row.duty_key)]
        return render_template("pages/fund/duties.html", **view.of_one_room(shown), today=book.today, reminders=given)
    return render_template(
        "pages/fund/duties.html",
        **view.duties_page(book, year, request.args),
        layout=view.LAYOUT,
        whole_href=None,
        today=book.today,
        short=[view.short_line(one) for one in clearing_watch.short_clearings(context, actor)],
        recalled=[view.recall_line(one, book.today) for one in clearing_watch.called_back(context, actor)],
        panel=view.places_panel(places.place_history(context, actor), place_form),
        account=view.account_panel(found.now, found.check),
        reminders=[view.reminder_line(row) for row in found.reminders],
        calendar=duty_calendar.own_calendar(context, actor),
        address=address,
    )


def _one(key: str, close: Form = _NONE, withdraw: Form = _NONE) -> str:
    book = duties.read_duties(current_context(), current_actor())
    one = duties.find_duty(book, key)
    return render_template(
        "pages/fund/duty.html", **view.duty_page(book, one, {"close": close, "withdraw": withdraw}), today=book.today
    )
