"""``/finance/fund``: the year of every grant, and what may be done with one now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from flask import Blueprint, redirect, render_template, request

from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.errors import Conflict, MalformedInput, RuleRefused
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.flash import say
from hospital_prepay.http.forms import Form, WrongForm, read_form, typed
from hospital_prepay.http.permission import requires
from hospital_prepay.schemas import fund_forms as schemas
from hospital_prepay.schemas.fund_apply import ModuleForm, ModuleSchema
from hospital_prepay.services.fund import approvals, grants, module, offsets, returns, review, seconds
from hospital_prepay.services.fund.slips import is_late_slip
from hospital_prepay.web import fund_approval_view as approval_view
from hospital_prepay.web import fund_grant_view as view
from hospital_prepay.web.fund_confirmation import Confirmation, confirmation
from hospital_prepay.web.fund_seconds_view import seconds_panel

blueprint = Blueprint("fund_grants", __name__, url_prefix="/finance/fund")
_CONFIRMED: Final = "yes"


@blueprint.get("")
@requires(Permission.FUND_VIEW)
def show_grants() -> str:
    """Every grant with its two balances, and what waits for whom."""
    found = review.fund_overview(current_context(), current_actor())
    return render_template("pages/fund/grants.html", **view.overview_page(found))


@blueprint.get("/grants/<grant_id>")
@requires(Permission.FUND_VIEW)
def show_grant(grant_id: str) -> str:
    """One grant: steps, balances, requests, entries, and the forms of the viewer's role."""
    return _page(grant_id)


@blueprint.post("/grants/<grant_id>/approval")
@requires(Permission.FUND_RECORD)
def record_approval(grant_id: str) -> Any:
    """Write down what the authority decided; asked once more with the amount."""
    return _act(grant_id, "approval", schemas.ApprovalSchema, _record)


@blueprint.post("/grants/<grant_id>/take_back")
@requires(Permission.FUND_VIEW)
def take_back(grant_id: str) -> Any:
    """Take a wrongly recorded approval back: the applicant or an approver, the service looks who."""
    return _act(grant_id, "take_back", schemas.WrittenGroundSchema, _take_back)


@blueprint.post("/grants/<grant_id>/withhold")
@requires(Permission.FUND_RECORD)
def withhold(grant_id: str) -> Any:
    """The authority holds the money back before it is paid out."""
    return _act(grant_id, "withhold", schemas.WrittenGroundSchema, _withhold)


@blueprint.post("/grants/<grant_id>/let-go")
@requires(Permission.FUND_RECORD)
def let_go(grant_id: str) -> Any:
    """The authority lets it go again."""
    return _act(grant_id, "let_go", schemas.WrittenGroundSchema, _let_go)


@blueprint.post("/grants/<grant_id>/receipt")
@requires(Permission.FUND_APPLY)
def receive(grant_id: str) -> Any:
    """Book the money as it arrived."""
    return _act(grant_id, "receipt", schemas.ReceivedSchema, _receive)


@blueprint.post("/grants/<grant_id>/module")
@requires(Permission.FUND_VIEW)
def add_module_step(grant_id: str) -> Any:
    """Write down what the national platform's module shows: the applicant or the approver, the service looks who."""
    return _act(grant_id, "module", ModuleSchema, _module)


@blueprint.post("/grants/<grant_id>/return")
@requires(Permission.FUND_RETURN)
def give_back(grant_id: str) -> Any:
    """Book a return by bank; asked once more with the amount."""
    return _act(grant_id, "return", schemas.ReturnedSchema, _give_back)


@blueprint.post("/grants/<grant_id>/offset")
@requires(Permission.FUND_RETURN)
def offset(grant_id: str) -> Any:
    """Book a settlement with an offset; asked once more with the amount."""
    return _act(grant_id, "offset", schemas.OffsetSchema, _offset)


def _act(grant_id: str, name: str, schema: Callable[[], Any], do: Callable[[str, Any], str]) -> Any:
    """Read the form, ask once more where the amount was typed, do it, say what came of it."""
    try:
        said = read_form(schema())
        if request.form.get("confirmed") != _CONFIRMED and (confirm := _asked_again(grant_id, said)) is not None:
            return _page(grant_id, name, typed(), confirm)
        words = do(grant_id, said)
    except WrongForm as wrong:
        return _page(grant_id, name, wrong.form), 422
    except MalformedInput as error:
        return _page(grant_id, name, typed().with_error(error, _field(name, error))), 422
    except RuleRefused as error:
        return _page(grant_id, name, typed().with_error(error, "approved")), 422
    except Conflict as error:
        return _page(grant_id, name, typed("idempotency_key").with_error(error)), 409
    say("ok", words)
    return redirect(f"/finance/fund/grants/{grant_id}", 303)


def _asked_again(grant_id: str, said: Any) -> Confirmation | None:
    """What is asked once more, where the form names an amount or books one."""
    _check(grant_id, said)
    if isinstance(said, schemas.Received):
        return approval_view.confirm_receipt(grants.find_grant(current_context(), current_actor(), grant_id), said)
    confirm = confirmation(said)
    if confirm is None or not isinstance(said, schemas.Approval) or said.approved is None:
        return confirm
    sizes = approvals.sizes_of(current_context(), current_actor(), grant_id)
    compared = approval_view.compared(said.approved, sizes, eased=bool(said.emergency))
    return replace(confirm, lines=(*compared, *confirm.lines))


def _check(grant_id: str, said: Any) -> None:
    """What can be known to be wrong is said at the first press, not after the confirmation."""
    match said:
        case schemas.Approval():
            grants.check_approval(current_context(), current_actor(), _approval(grant_id, said))
        case schemas.Received():
            command = _receipt(grant_id, said)
            grants.check_receipt(current_context(), current_actor(), command)
        case schemas.Returned():
            returns.check_return(current_context(), current_actor(), grant_id, said.amount)
        case schemas.Offset():
            offsets.check_offset(current_context(), current_actor(), _offset_command(grant_id, said))


def _approval(grant_id: str, said: schemas.Approval) -> grants.RecordApproval:
    what = (said.approved, said.approved_on, said.document, said.module_no, said.emergency or None, said.early)
    return grants.RecordApproval(grant_id, *what)


def _field(name: str, error: MalformedInput) -> str:
    field = str(error.details.get("field", ""))
    return "offset" if name == "offset" and field == "amount" else field


def _record(grant_id: str, said: schemas.Approval) -> str:
    grants.record_approval(current_context(), current_actor(), _approval(grant_id, said))
    if said.approved is None:
        return "已登记：没有批准，这笔申请到此为止。"
    return f"已登记批复 {said.approved} 元。下一步：到账后由财务记银行回单。"


def _module(grant_id: str, said: ModuleForm) -> str:
    command = module.RecordModuleStep(grant_id, said.step, said.module_no, said.on_day, said.note)
    module.record_module_step(current_context(), current_actor(), command)
    return f"已登记国家平台状态：{module.STEPS[said.step]}。"


def _withhold(grant_id: str, said: schemas.WrittenGround) -> str:
    grants.withhold_grant(current_context(), current_actor(), grant_id, said.ground, withheld=True)
    return "已登记暂停拨付，现在不能记到账。恢复后请在这里登记。"


def _let_go(grant_id: str, said: schemas.WrittenGround) -> str:
    grants.withhold_grant(current_context(), current_actor(), grant_id, said.ground, withheld=False)
    return "已登记恢复拨付。下一步：到账后由财务记银行回单。"


def _take_back(grant_id: str, said: schemas.WrittenGround) -> str:
    approvals.withdraw_approval(current_context(), current_actor(), grant_id, said.ground)
    return "已撤回批复，原来的登记留着备查。下一步：由申请人以外的人按批复文件重新登记。"


def _receipt(grant_id: str, said: schemas.Received) -> grants.ReceiveGrant:
    return grants.ReceiveGrant(grant_id, said.bank_reference, said.received_on, said.idempotency_key, said.in_full)


def _receive(grant_id: str, said: schemas.Received) -> str:
    found = grants.receive_grant(current_context(), current_actor(), _receipt(grant_id, said))
    return f"已入账 {found.unspent} 元，应还医保同额增加。下一步：申请用款。"


def _give_back(grant_id: str, said: schemas.Returned) -> str:
    command = returns.ReturnGrant(grant_id, said.amount, said.bank_reference, said.idempotency_key, said.returned_on)
    found = returns.return_grant(current_context(), current_actor(), command)
    late = said.returned_on is not None and is_late_slip(said.returned_on, current_context().clock.today())
    words = "回单日期早了好几天，要由财务审批核对，才按回单那天算。" if late else ""
    return f"已交回 {said.amount} 元。{words}{view.left_words(found)}"


def _offset(grant_id: str, said: schemas.Offset) -> str:
    offsets.record_offset(current_context(), current_actor(), _offset_command(grant_id, said))
    return f"已登记冲抵 {said.offset} 元，还没有入账。下一步：财务审批确认，另一个人办。"


def _offset_command(grant_id: str, said: schemas.Offset) -> offsets.OffsetGrant:
    what = (said.settlement, said.offset, said.document, said.bank_reference, said.value_on)
    return offsets.OffsetGrant(grant_id, *what, said.idempotency_key, said.unusual)


def _page(grant_id: str, name: str = "", form: Form | None = None, confirm: Confirmation | None = None) -> str:
    return grant_html(grant_id, name, form, confirm)


def grant_html(grant_id: str, name: str, form: Form | None, confirm: Confirmation | None = None) -> str:
    """The page of a grant; ``name`` is the form that came back."""
    context, actor = current_context(), current_actor()
    found, waits = review.read_grant(context, actor, grant_id), seconds.read_seconds(context, actor, grant_id)
    page = view.grant_page(found, context.clock.today(), name, form, confirm)
    taken_back = approval_view.taken_back(approvals.withdrawn_approvals(context, actor, grant_id), found.names)
    beside = {"seconds": seconds_panel(waits, name, form), "taken_back": taken_back}
    return render_template("pages/fund/grant.html", **page, **beside)
