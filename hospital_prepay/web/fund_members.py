"""``/finance/fund/members``: the register of a lead hospital's members, kept by two people."""

from __future__ import annotations

from typing import Any, Final

from flask import Blueprint, redirect, render_template

from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.errors import Conflict, MalformedInput, SecondPersonRequired
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.flash import say
from hospital_prepay.http.forms import Form, WrongForm, read_form, typed
from hospital_prepay.http.permission import requires
from hospital_prepay.schemas.fund_apply import ProposeMemberSchema
from hospital_prepay.schemas.fund_forms import WrittenGroundSchema
from hospital_prepay.services.fund import members

blueprint = Blueprint("fund_members", __name__, url_prefix="/finance/fund/members")
_NONE: Final = Form()
_STATES: Final = {
    "proposed": {"kind": "wait", "word": "等财务审批核对"},
    "confirmed": {"kind": "ok", "word": "在册"},
    "declined": {"kind": "idle", "word": "没有核对通过"},
    "left": {"kind": "idle", "word": "已移出"},
}


@blueprint.get("")
@requires(Permission.FUND_VIEW)
def show_register() -> str:
    """Every word on members, and the forms of the viewer's role."""
    return _page()


@blueprint.post("")
@requires(Permission.FUND_APPLY)
def propose() -> Any:
    """Write a member down."""
    try:
        command = read_form(ProposeMemberSchema())
        members.propose_member(current_context(), current_actor(), command)
    except WrongForm as wrong:
        return _page(wrong.form), 422
    except MalformedInput as error:
        return _page(typed().with_error(error, str(error.details.get("field", "")))), 422
    except Conflict as error:
        return _page(typed().with_error(error)), 409
    say("ok", f"已登记{command.member_name}。下一步：由财务审批核对，核对后才能分钱给它。")
    return redirect("/finance/fund/members", 303)


@blueprint.post("/<int:member_no>/confirm")
@requires(Permission.FUND_RECORD)
def confirm(member_no: int) -> Any:
    """Confirm what another person wrote down."""
    return _decided(member_no, confirmed=True, words="已核对，可以分钱给这家成员单位了。")


@blueprint.post("/<int:member_no>/decline")
@requires(Permission.FUND_RECORD)
def decline(member_no: int) -> Any:
    """Decline it."""
    return _decided(member_no, confirmed=False, words="没有核对通过，名册不变。写错的请财务重新登记。")


@blueprint.post("/<int:member_no>/end")
@requires(Permission.FUND_VIEW)
def end(member_no: int) -> Any:
    """Take a member off, with a ground: an officer or an approver, the service looks who."""
    try:
        said = read_form(WrittenGroundSchema())
        members.end_member(current_context(), current_actor(), member_no, said.ground)
    except WrongForm as wrong:
        return _page(ending=member_no, end_form=wrong.form), 422
    except Conflict as error:
        return _page(Form({}, {"": error.message})), 409
    say("ok", "已移出，从现在起不能再分钱给它；它手里的照样要收回或归还。")
    return redirect("/finance/fund/members", 303)


def _decided(member_no: int, *, confirmed: bool, words: str) -> Any:
    try:
        members.decide_member(current_context(), current_actor(), member_no, confirmed=confirmed)
    except SecondPersonRequired as error:
        return _page(Form({}, {"": error.message})), 403
    except Conflict as error:
        return _page(Form({}, {"": error.message})), 409
    say("ok", words)
    return redirect("/finance/fund/members", 303)


def _page(form: Form = _NONE, ending: int = 0, end_form: Form = _NONE) -> str:
    actor = current_actor()
    found = members.read_register(current_context(), actor)
    changes = actor.may(Permission.FUND_APPLY) or actor.may(Permission.FUND_RECORD)
    return render_template(
        "pages/fund/member_register.html",
        rows=[
            {
                "no": one.member_no,
                "name": one.member_name,
                "code": one.member_code,
                "account_no": one.account_no,
                "document": one.document,
                "state": _STATES[one.state],
                "by": found.names.get(one.proposed_by, one.proposed_by),
                "at": one.proposed_at,
                "decided": one.decided_by and found.names.get(one.decided_by, one.decided_by),
                "left": one.left_by and found.names.get(one.left_by, one.left_by),
                "left_at": one.left_at,
                "ground": one.left_ground,
                "decides": one.state == "proposed"
                and actor.may(Permission.FUND_RECORD)
                and actor.actor_id != one.proposed_by,
                "ends": one.state == "confirmed" and changes,
            }
            for one in found.rows
        ],
        standing=len(found.standing),
        may_propose=actor.may(Permission.FUND_APPLY),
        form=form,
        ending=ending,
        end_form=end_form,
    )
