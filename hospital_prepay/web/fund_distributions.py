"""``/finance/fund/grants/…/members``: what a lead hospital hands on to its members, and what becomes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask import Blueprint, redirect, render_template

from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.errors import Conflict, MalformedInput, RuleRefused, SecondPersonRequired
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.references import payment_reference
from hospital_prepay.domain.rules.fund.distribution import may_distribute
from hospital_prepay.domain.rules.fund.uses import UseLine
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.flash import say
from hospital_prepay.http.forms import Form, WrongForm, read_form, typed
from hospital_prepay.http.permission import requires
from hospital_prepay.schemas import fund_apply as schemas
from hospital_prepay.schemas.fund_forms import WrittenGroundSchema
from hospital_prepay.schemas.fund_seconds import CorrectionSchema
from hospital_prepay.services.fund import corrections, member_claims, member_uses, members, review
from hospital_prepay.services.fund import distribution as service
from hospital_prepay.services.fund.words import CATEGORIES
from hospital_prepay.web.fund_seconds_view import CORRECTION_STATES
from hospital_prepay.web.fund_words import grant_line, keyed, mark_of

blueprint = Blueprint("fund_distributions", __name__, url_prefix="/finance/fund/grants/<grant_id>/members")
_STATES = {
    "asked": {"kind": "wait", "word": "等财务审批"},
    "approved": {"kind": "info", "word": "已分配"},
    "rejected": {"kind": "idle", "word": "没有同意"},
}


@blueprint.get("")
@requires(Permission.FUND_VIEW)
def show_members(grant_id: str) -> str:
    """Every distribution of a grant, and the forms of the viewer's role."""
    return _page(grant_id)


@blueprint.post("")
@requires(Permission.FUND_PAY)
def ask(grant_id: str) -> Any:
    """Ask to hand money on."""

    def do() -> str:
        said = read_form(schemas.DistributionSchema())
        what = (said.member_code, said.amount, said.document, said.idempotency_key)
        command = service.AskDistribution(grant_id, *what)
        service.ask_distribution(current_context(), current_actor(), command)
        return f"已申请分出 {said.amount} 元。下一步：由财务审批同意{_by_whom(said.member_code)}。"

    return _act(grant_id, "", do)


@blueprint.post("/<distribution_id>/decide")
@requires(Permission.FUND_RESERVE)
def decide(grant_id: str, distribution_id: str) -> Any:
    """Agree or turn down: which, the button says."""

    def do() -> str:
        said = read_form(schemas.MemberDecisionSchema())
        approved = said.do is schemas.SaidOfMember.APPROVE
        command = service.DecideDistribution(distribution_id, approved, said.bank_reference, said.handed_on)
        service.decide_distribution(current_context(), current_actor(), command)
        return "已同意并入账：专款未用减少，应还医保不变。" if approved else "没有同意，没有入账。"

    return _act(grant_id, distribution_id, do)


@blueprint.post("/<distribution_id>/return")
@requires(Permission.FUND_RETURN)
def give_back(grant_id: str, distribution_id: str) -> Any:
    """Book what came back."""

    def do() -> str:
        said = read_form(schemas.MemberReturnSchema())
        what = (said.amount, said.bank_reference, said.idempotency_key, said.returned_on)
        service.return_distribution(
            current_context(), current_actor(), service.ReturnDistribution(distribution_id, *what)
        )
        return f"成员单位退回 {said.amount} 元，已入账。"

    return _act(grant_id, distribution_id, do, "return")


@blueprint.post("/<distribution_id>/use")
@requires(Permission.FUND_PAY)
def show_use(grant_id: str, distribution_id: str) -> Any:
    """Keep what a member paid."""

    def do() -> str:
        said = read_form(schemas.MemberUseSchema())
        line = UseLine(said.category, said.name, said.amount, said.code, said.order_no)
        command = service.ShowUse(distribution_id, line, said.document, said.idempotency_key)
        service.show_use(current_context(), current_actor(), command)
        return f"已记成员单位用款 {said.amount} 元。"

    return _act(grant_id, distribution_id, do, "use")


@blueprint.post("/<distribution_id>/use/<int:use_no>/withdraw")
@requires(Permission.FUND_RECORD)
def withdraw_use(grant_id: str, distribution_id: str, use_no: int) -> Any:
    """Take a use back that was typed wrongly."""

    def do() -> str:
        said = read_form(WrittenGroundSchema())
        command = member_uses.WithdrawUse(distribution_id, use_no, said.ground)
        member_uses.withdraw_use(current_context(), current_actor(), command)
        return "已撤回这一行用款，钱仍算在成员单位手里。"

    return _act(grant_id, distribution_id, do, f"withdraw-{use_no}")


@blueprint.post("/<distribution_id>/repay")
@requires(Permission.FUND_RETURN)
def repay(grant_id: str, distribution_id: str) -> Any:
    """Book what a member paid of the claim on it."""

    def do() -> str:
        said = read_form(schemas.MemberRepaymentSchema())
        what = (said.amount, said.bank_reference, said.idempotency_key, said.paid_on)
        member_claims.repay_claim(
            current_context(), current_actor(), member_claims.RepayClaim(distribution_id, *what)
        )
        return f"成员单位还款 {said.amount} 元，已入账。"

    return _act(grant_id, distribution_id, do, "repay")


@blueprint.post("/<distribution_id>/repay/<int:entry_no>/correct")
@requires(Permission.FUND_RETURN)
def correct_repayment(grant_id: str, distribution_id: str, entry_no: int) -> Any:
    """Ask for the red letter of a repayment that was typed wrongly."""

    def do() -> str:
        said = read_form(CorrectionSchema(), entry_no=str(entry_no), why=corrections.MISTYPED)
        what = (grant_id, entry_no, corrections.MISTYPED, said.ground, said.idempotency_key)
        corrections.ask_correction(current_context(), current_actor(), corrections.AskCorrection(*what))
        return "已申请更正，还没有入账。下一步：财务审批在这笔预付金里批准，另一个人办。"

    return _act(grant_id, distribution_id, do, f"correct-{entry_no}")


def _act(grant_id: str, opened: str, do: Callable[[], str], part: str = "") -> Any:
    """Do it; a form that comes back opens its row, and only the ``part`` of it that was sent shows what was typed.

    Raises :class:`NotFound` for a distribution of another grant than the address names."""
    if opened:
        service.require_of_grant(current_context(), current_actor(), grant_id, opened)
    try:
        words = do()
    except WrongForm as wrong:
        return _page(grant_id, opened, wrong.form, part), 422
    except MalformedInput as error:
        return _page(grant_id, opened, typed().with_error(error, str(error.details.get("field", ""))), part), 422
    except RuleRefused as error:
        return _page(grant_id, opened, typed().with_error(error, "category"), part), 422
    except SecondPersonRequired as error:
        return _page(grant_id, opened, typed().with_error(error), part), 403
    except Conflict as error:
        return _page(grant_id, opened, typed("idempotency_key").with_error(error), part), 409
    say("ok", words)
    return redirect(f"/finance/fund/grants/{grant_id}/members", 303)


def _by_whom(code: str) -> str:
    """Who can't agree, told when it is asked for: the two who entered a member don't hand on to it alone."""
    register = members.read_register(current_context(), current_actor())
    asked = payment_reference(code)
    member = next((one for one in register.standing if one.member_code == asked), None)
    # A form that was sent twice may find a member that left since.
    if member is None or not member.entered_by(current_actor().actor_id):
        return ""
    other = member.decided_by if member.proposed_by == current_actor().actor_id else member.proposed_by
    name = register.names.get(other or "", "")
    return f"；{name}和您登记、核对过这家成员单位，这次要由别人同意，或者换一位财务来申请"


def _state(one: service.DistributionRow) -> dict[str, str]:
    if one.state != "approved" or one.in_hand_fen:
        return _STATES[one.state]
    return {"kind": "ok", "word": "已用完" if one.used_fen else "已收回"}


def _row(one: service.DistributionRow, names: Mapping[str, str], account_no: str, claim: Money) -> dict[str, Any]:
    return {
        "id": one.distribution_id,
        "member": f"{one.member_name}（{one.member_code}）",
        "document": one.document,
        "account_no": account_no,
        "amount_fen": one.amount_fen,
        "used_fen": one.used_fen,
        "returned_fen": one.returned_fen,
        "repaid_fen": one.repaid_fen,
        "owed": member_claims.owed_by(one, claim),
        "left": Money(one.in_hand_fen),
        "state": _state(one),
        "by": names.get(one.asked_by, one.asked_by),
        "decides": one.state == "asked"
        and current_actor().may(Permission.FUND_RESERVE)
        and current_actor().actor_id != one.asked_by,
        "open": one.in_hand_fen > 0,
    }


def _use(one: service.UseRow, names: Mapping[str, str]) -> dict[str, Any]:
    return {
        "member": one.member_name,
        "what": f"{CATEGORIES[one.category]}：{one.name}",
        "code": one.code,
        "order_no": one.order_no,
        "amount_fen": one.amount_fen,
        "document": one.document,
        "by": names.get(one.recorded_by, one.recorded_by),
        "at": one.recorded_at,
        "id": one.distribution_id,
        "no": one.use_no,
        "withdrawn": one.withdrawn_by and names.get(one.withdrawn_by, one.withdrawn_by),
        "withdrawn_at": one.withdrawn_at,
        "ground": one.ground,
        "withdraws": one.withdrawn_by is None
        and current_actor().may(Permission.FUND_RECORD)
        and current_actor().actor_id != one.recorded_by,
    }


def _repayment(one: member_claims.Repayment, names: Mapping[str, str]) -> dict[str, Any]:
    row, asked = one.row, one.correction
    return {
        "member": row.member_name,
        "id": row.distribution_id,
        "entry_no": row.entry_no,
        "on": row.effective_on,
        "amount_fen": row.amount_fen,
        "slip": row.bank_reference,
        "by": names.get(row.recorded_by, row.recorded_by),
        "at": row.recorded_at,
        "undone": row.undone,
        "correction": asked
        and {
            "mark": mark_of(asked.state, CORRECTION_STATES),
            "by": names.get(asked.asked_by, asked.asked_by),
            "ground": asked.ground,
        },
        "corrects": asked is None and current_actor().may(Permission.FUND_RETURN),
    }


def _page(grant_id: str, opened: str = "", form: Form | None = None, part: str = "") -> str:
    context, actor = current_context(), current_actor()
    found = review.read_grant(context, actor, grant_id)
    rows = service.distributions_of(context, actor, grant_id)
    claim = member_claims.claim_of(context, actor, grant_id)
    register = members.read_register(context, actor).standing
    accounts = {one.member_code: one.account_no for one in register}
    return render_template(
        "pages/fund/members.html",
        grant=grant_line(found.grant),
        held_fen=sum(one.in_hand_fen for one in rows),
        claim_fen=claim.fen,
        booked_fen=found.grant.distributed_fen,
        today=context.clock.today(),
        rows=[_row(one, found.names, accounts.get(one.member_code, ""), claim) for one in rows],
        repayments=[_repayment(one, found.names) for one in member_claims.repayments_of(context, actor, grant_id)],
        uses=[_use(one, found.names) for one in service.uses_of(context, actor, grant_id)],
        members=[{"value": one.member_code, "label": f"{one.member_name}（{one.member_code}）"} for one in register],
        categories=[{"value": key, "label": CATEGORIES[key]} for key in ("drug", "consumable")],
        may_ask=actor.may(Permission.FUND_PAY)
        and found.grant.state == "received"
        and found.grant.kind == "basic"
        and may_distribute(found.grant.regime),
        may_return=actor.may(Permission.FUND_RETURN),
        opened=opened,
        part=part,
        form=keyed(form),
    )
