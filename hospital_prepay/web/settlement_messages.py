"""``/settlement/messages``: what other systems sent and stands aside; ``/settlement/visits``: events by hand."""

from __future__ import annotations

from typing import Any, Final

from flask import Blueprint, redirect, render_template, request

from hospital_prepay.clock import local
from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.errors import Conflict, MalformedInput, NotFound, NotPermitted, PrepayError
from hospital_prepay.domain.visits import Disposition, VisitEventKind
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.flash import say
from hospital_prepay.http.forms import Form, WrongForm, read_form, typed
from hospital_prepay.http.paging import page_number, page_of
from hospital_prepay.http.permission import requires
from hospital_prepay.schemas.settlement import DroppedSchema, HandEventSchema
from hospital_prepay.services.settlement import aside, take_backs
from hospital_prepay.services.settlement.by_hand import KINDS, WrittenDown, write_down
from hospital_prepay.services.settlement.intake import Outcome
from hospital_prepay.services.settlement.preview import is_settled

ROOT: Final = "/settlement/messages"
VISITS: Final = "/settlement/visits"
blueprint = Blueprint("settlement_messages", __name__)
_MOST_AT_ONCE: Final = 200
_SOURCES: Final = {
    "mllp": "MLLP 接口",
    "folder": "目录文件",
    "api": "程序接口",
    "csv": "表格导入",
    "hand": "人工登记",
}


@blueprint.get(ROOT)
@requires(Permission.SETTLEMENT_MANAGE)
def show_messages() -> str:
    """What came in a day, and what stands aside."""
    found = aside.look(current_context(), current_actor(), page_number())
    return render_template(
        "pages/settlement/messages.html",
        sources=[{"source": _SOURCES[one.source], "one": one} for one in found.sources],
        messages=[{"source": _SOURCES[one.source], "one": one} for one in found.messages],
        gaps=found.gaps,
        number=found.number,
        page=page_of(len(found.messages), found.number, "条", aside.A_PAGE),
    )


@blueprint.post(f"{ROOT}/again")
@requires(Permission.SETTLEMENT_MANAGE)
def take_again() -> Any:
    """Take in those that are ticked once more."""
    chosen = request.form.getlist("message")[:_MOST_AT_ONCE]
    if not chosen:
        say("wait", "没有选中任何一条。请先勾选。")
    answers = aside.take_all_again(current_context(), current_actor(), chosen)
    still = [one for one in answers if isinstance(one, PrepayError) or one.outcome is Outcome.QUARANTINED]
    if len(still) < len(answers):
        say("ok", f"重新处理了 {len(answers) - len(still)} 条。")
    for words in dict.fromkeys(one.message if isinstance(one, PrepayError) else one.reason for one in still):
        say("stop", f"还不能处理：{words}")
    return redirect(ROOT, 303)


@blueprint.post(f"{ROOT}/<message_id>/drop")
@requires(Permission.SETTLEMENT_MANAGE)
def drop(message_id: str) -> Any:
    """Give up one, with the ground."""
    try:
        aside.drop(current_context(), current_actor(), message_id, read_form(DroppedSchema()).ground)
    except (WrongForm, MalformedInput):
        say("stop", "请写明为什么作废，再按作废。")
    except Conflict as error:
        say("stop", error.message)
    else:
        say("ok", "已作废，留有记录。")
    return redirect(ROOT, 303)


@blueprint.get(f"{VISITS}/new")
@requires(Permission.SETTLEMENT_VIEW)
def new_event() -> Any:
    """The form of an event by hand, for whoever may send it; others are told who may."""
    try:
        take_backs.require_writer(current_actor())
    except NotPermitted as error:
        say("stop", error.message)
        return redirect("/settlement", 303)
    now = local(current_context().clock.now())
    said = {"stay_no": request.args.get("stay_no", "")[:40], "at": f"{now:%Y-%m-%dT%H:%M}", "kind": KINDS[0].value}
    return _event_form(Form(said))


@blueprint.post(VISITS)
@requires(Permission.SETTLEMENT_VIEW)
def write_event() -> Any:
    """Write down a discharge, its cancelling, or a move; cancelling a late discharge is asked for instead."""
    context, actor = current_context(), current_actor()
    try:
        said = read_form(HandEventSchema())
        command = WrittenDown(
            said.stay_no, said.kind, said.at, said.ward, said.disposition.value if said.disposition else ""
        )
        cancels = said.kind is VisitEventKind.CANCEL_DISCHARGE
        asks = cancels and take_backs.takes_two(context, actor, said.stay_no)
        if asks:
            take_backs.ask_take_back(context, actor, said.stay_no, said.ground)
        else:
            write_down(context, actor, command)
    except WrongForm as wrong:
        return _event_form(wrong.form), 422
    except MalformedInput as error:
        return _event_form(typed().with_error(error, str(error.details.get("field", "")))), 422
    except NotFound as error:
        return _event_form(typed().with_error(error, "stay_no")), 404
    except Conflict as error:
        return _event_form(typed().with_error(error)), 409
    if asks:
        say("wait", f"{said.stay_no} 已逾期：取消出院已申请，等财务里另一个人决定。期限照走。")
    else:
        say("ok", f"{said.stay_no} 已登记{said.kind.label}。")
    if cancels and not asks and is_settled(context, actor, said.stay_no):
        say("wait", "这次出院已经结算过，结算单还有效：请先申请召回，再重新结算。")
    return redirect(f"/settlement/stays/{said.stay_no}", 303)


def _event_form(form: Form) -> str:
    return render_template(
        "pages/settlement/event.html",
        form=form,
        kinds=[{"value": one.value, "label": one.label, "note": None} for one in KINDS],
        dispositions=[{"value": one.value, "label": one.label} for one in Disposition],
    )
