"""``/desk/refunds``: finding an outpatient account, taking a claim down, and its steps by the person whose it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, redirect, render_template, request

from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.errors import Conflict, MalformedInput
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.outpatient.claims import Claimant
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.flash import say
from hospital_prepay.http.forms import Form, WrongForm, read_form, typed
from hospital_prepay.http.paging import page_number
from hospital_prepay.http.permission import requires
from hospital_prepay.schemas import outpatient_claims as schemas
from hospital_prepay.schemas.desk import RevealSchema
from hospital_prepay.schemas.fund_forms import WrittenGround, WrittenGroundSchema
from hospital_prepay.services.outpatient import claim_review as review
from hospital_prepay.services.outpatient import claim_steps, claims, contradictions, payouts, requests, searches
from hospital_prepay.services.outpatient.overpayments import RecoverOverpayment, recover_overpayment
from hospital_prepay.web import outpatient_accept_view as accept_view
from hospital_prepay.web import outpatient_claim_bank as bank
from hospital_prepay.web import outpatient_claim_lists as lists
from hospital_prepay.web import outpatient_claim_view as view
from hospital_prepay.web.outpatient_filters import opened

ROOT = "/desk/refunds"
blueprint = Blueprint("outpatient_claims", __name__, url_prefix=ROOT)


@blueprint.get("")
@requires(Permission.OUTPATIENT_VIEW)
def find() -> str:
    """What was found of a search; without one, the form."""
    return _find(opened(request.args.get("s", "")))


@blueprint.post("")
@requires(Permission.OUTPATIENT_VIEW)
def search() -> Any:
    """Find an account by number, certificate, phone or name; the address of the answer shows none of them."""
    q = request.form.get("q", "").strip()[:80]
    if not q:
        return _find("", Form({}, {"q": "还没有填。请填账户号、证件号、手机号或完整姓名，再按“查找”。"})), 422
    sealed = searches.seal_search(current_context(), current_actor(), q)
    return redirect(f"{ROOT}?{urlencode({'s': sealed})}", 303)


@blueprint.get("/accounts/<path:account_no>")
@requires(Permission.OUTPATIENT_VIEW)
def show_account(account_no: str) -> str:
    """One account at the counter, with the form of a claim where one may be taken."""
    return _account(account_no, _claimant(request.args.get("claimant", "")), Form())


@blueprint.post("/accounts/<path:account_no>")
@requires(Permission.OUTPATIENT_ACCEPT)
def accept(account_no: str) -> Any:
    """Take a claim down; a button of 可以这样办 changes the way of payment, or who comes: then the form is shown anew
    with what was typed. So it is where the button counted in another sum than is asked: none is taken down unseen."""
    other = request.form.get("as", "")
    if other in list(Claimant):
        return _account(account_no, Claimant(other), typed("idempotency_key", "as"))
    instead = request.form.get("instead")
    changes = {"account_no": account_no, **({"route": instead} if instead else {})}
    claimant = _claimant(request.form.get("claimant", ""))
    try:
        command = read_form(schemas.AcceptClaimSchema(), **changes)
        if request.form.get("counted", "") != (command.beyond.plain() if command.beyond else ""):
            return _account(account_no, claimant, typed("idempotency_key"))
        answer = claims.accept_claim(current_context(), current_actor(), command)
    except WrongForm as wrong:
        return _account(account_no, claimant, wrong.form), 422
    except MalformedInput as error:
        form = Form({**typed().entered, **changes}).with_error(error, error.details.get("field", ""))
        return _account(account_no, claimant, form), 422
    except Conflict as error:
        return _account(account_no, claimant, typed("idempotency_key").with_error(error)), 409
    if answer.claim_id is None:
        entered = {**typed("idempotency_key").entered, **changes}
        return _account(account_no, claimant, Form(entered), (answer.decision, answer.decision_id)), 422
    say("ok", f"已受理，退款单号 {answer.refund_no}。下一步：审核，另一个人办。")
    for one in requests.waiting_for(current_context(), current_actor(), account_no):
        words = f"这个账户还有网上申请 {one.request.request_no} 在等受理。是同一件事的，请打开它办结。"
        say("wait", words, href=f"{ROOT}/requests/{one.request.request_id}", link_label="看网上申请")
    return redirect(f"{ROOT}/claims/{answer.claim_id}", 303)


@blueprint.get("/claims")
@requires(Permission.OUTPATIENT_VIEW)
def list_claims() -> str:
    """Claims by state: what waits for whom."""
    tab = lists.tab_of(request.args.get("tab", ""))
    found = review.list_claims(
        current_context(),
        current_actor(),
        tab.states,
        newest_first=tab.newest_first,
        start=(page_number() - 1) * lists.A_PAGE,
        size=lists.A_PAGE,
    )
    return render_template("pages/outpatient/claims.html", **lists.list_page(found, tab))


@blueprint.get("/claims/<claim_id>")
@requires(Permission.OUTPATIENT_VIEW)
def show_claim(claim_id: str) -> str:
    """One claim: its steps, papers, checks, attempts and entries, and the form of the next step."""
    return _page(claim_id)


@blueprint.get("/claims/<claim_id>/receipt")
@requires(Permission.OUTPATIENT_VIEW)
def print_receipt(claim_id: str) -> str:
    """The receipt form (领款单) to print and to sign."""
    found = review.read_claim(current_context(), current_actor(), claim_id)
    return render_template("print/outpatient_receipt.html", **view.receipt(found))


@blueprint.get("/claims/<claim_id>/identity")
@requires(Permission.REVEAL_IDENTITY)
def ask_identity(claim_id: str) -> str:
    """The form that asks why somebody wants to see everything."""
    return _identity(claim_id, Form(), None)


@blueprint.post("/claims/<claim_id>/identity")
@requires(Permission.REVEAL_IDENTITY)
def reveal(claim_id: str) -> Any:
    """Show what was asked for, once."""
    try:
        ground = read_form(RevealSchema()).ground
    except WrongForm as wrong:
        return _identity(claim_id, wrong.form, None), 422
    found = review.reveal_claim(current_context(), current_actor(), claim_id, ground)
    return _identity(claim_id, Form(), {"people": found, "ground": ground})


@blueprint.post("/claims/<claim_id>/review")
@requires(Permission.OUTPATIENT_REVIEW)
def review_step(claim_id: str) -> Any:
    """A second person looked at the papers."""

    def do() -> str:
        found = claim_steps.review_claim(current_context(), current_actor(), claim_id)
        return f"已审核 {Money(found.amount_fen)} 元。下一步：确认，第三个人办。"

    return _act(claim_id, "review", do)


@blueprint.post("/claims/<claim_id>/confirm")
@requires(Permission.OUTPATIENT_APPROVE)
def confirm(claim_id: str) -> Any:
    """A third person confirms it."""

    def do() -> str:
        said = read_form(schemas.ConfirmSchema())
        found = claim_steps.confirm_claim(
            current_context(), current_actor(), claim_id, said.ground, alarms_seen=said.alarms
        )
        return f"已确认 {Money(found.amount_fen)} 元。下一步：退款，审核和确认的人不能付。"

    return _act(claim_id, "confirm", do)


@blueprint.post("/claims/<claim_id>/pay")
@requires(Permission.OUTPATIENT_PAY)
def pay(claim_id: str) -> Any:
    """Pay in cash."""

    def do() -> str:
        said = read_form(schemas.CashPaidSchema())
        found = payouts.pay_cash(
            current_context(), current_actor(), claim_id, said.receipt, idempotency_key=said.idempotency_key
        )
        return f"已付现金 {Money(found.amount_fen)} 元，这一笔办结。"

    return _act(claim_id, "pay", do)


@blueprint.post("/claims/<claim_id>/reject")
@requires(Permission.OUTPATIENT_VIEW)
def reject(claim_id: str) -> Any:
    """Turn it down before it is confirmed; the service looks whose word that is."""

    def do() -> str:
        claim_steps.reject_claim(current_context(), current_actor(), claim_id, _ground().ground)
        return "已退回，没有付款。材料补齐后可以重新受理，什么时候来都可以。"

    return _act(claim_id, "reject", do)


@blueprint.post("/claims/<claim_id>/withdraw")
@requires(Permission.OUTPATIENT_ACCEPT)
def withdraw(claim_id: str) -> Any:
    """The claimant takes it back."""

    def do() -> str:
        claim_steps.withdraw_claim(current_context(), current_actor(), claim_id, _ground().ground)
        found = review.read_claim(current_context(), current_actor(), claim_id)
        back = any(one.state == "returned" for one in found.payouts)
        return f"已撤回，{'付过的钱银行已退回' if back else '没有付款'}。患者什么时候再来都可以办。"

    return _act(claim_id, "withdraw", do)


@blueprint.post("/claims/<claim_id>/redirect")
@requires(Permission.OUTPATIENT_REVIEW)
def another_way(claim_id: str) -> Any:
    """Another way for a refund that failed."""

    def do() -> str:
        said = read_form(schemas.AnotherWaySchema())
        claim_steps.redirect_claim(
            current_context(), current_actor(), claim_id, said.route, bank=said.bank, card_no=said.card_no
        )
        return f"已改为{said.route.label}，算您审核过。下一步：另一个人重新确认。"

    return _act(claim_id, "redirect", do)


@blueprint.post("/claims/<claim_id>/bounce")
@requires(Permission.OUTPATIENT_PAY)
def bounce(claim_id: str) -> Any:
    """The bank sent a refund back that had arrived."""

    def do() -> str:
        said = read_form(schemas.BouncedSchema())
        payouts.bounce_refund(current_context(), current_actor(), claim_id, said.ground, said.slip)
        return bank.bounced_words(review.read_claim(current_context(), current_actor(), claim_id))

    return _act(claim_id, "bounce", do)


@blueprint.post("/claims/<claim_id>/recover")
@requires(Permission.OUTPATIENT_PAY)
def recover(claim_id: str) -> Any:
    """What was paid too often came back; a form sent twice notes it once."""

    def do() -> str:
        said = read_form(schemas.RecoveredSchema())
        command = RecoverOverpayment(claim_id, said.attempt, said.way, said.reference, said.idempotency_key)
        recover_overpayment(current_context(), current_actor(), command)
        return "已登记追回，入了账。"

    return _act(claim_id, "recover", do)


@blueprint.post("/claims/<claim_id>/decide")
@requires(Permission.OUTPATIENT_APPROVE)
def decide(claim_id: str) -> Any:
    """What the bank meant that said two things of one payment."""

    def do() -> str:
        said = read_form(schemas.DecidedAnswerSchema())
        contradictions.decide_contradiction(
            current_context(), current_actor(), claim_id, said.number, said.verdict, said.ground
        )
        return bank.decided_words(review.read_claim(current_context(), current_actor(), claim_id), said.number)

    return _act(claim_id, "decide", do)


def _ground() -> WrittenGround:
    return read_form(WrittenGroundSchema())


def _act(claim_id: str, name: str, do: Callable[[], str]) -> Any:
    try:
        words = do()
    except WrongForm as wrong:
        return _page(claim_id, name, wrong.form), 422
    except MalformedInput as error:
        return _page(claim_id, name, typed().with_error(error, error.details.get("field", ""))), 422
    except Conflict as error:
        return _page(claim_id, name, typed("idempotency_key").with_error(error)), 409
    say("ok", words)
    return redirect(f"{ROOT}/claims/{claim_id}", 303)


def _claimant(text: str) -> Claimant:
    return Claimant(text) if text in list(Claimant) else Claimant.SELF


def _find(q: str, form: Form | None = None) -> str:
    context, actor = current_context(), current_actor()
    found = review.find_accounts(context, actor, q) if q else None
    shown = accept_view.find_page(q, found, requests.count_waiting(context, actor), form)
    return render_template("pages/outpatient/refunds.html", **shown)


def _account(account_no: str, claimant: Claimant, form: Form, refused: accept_view.Refused | None = None) -> str:
    owner = review.read_owner(current_context(), current_actor(), account_no)
    asked = requests.waiting_for(current_context(), current_actor(), account_no)
    shown = accept_view.account_page(owner, claimant, form, refused, asked)
    return render_template("pages/outpatient/refund_account.html", **shown)


def _page(claim_id: str, name: str = "", form: Form | None = None) -> str:
    found = review.read_claim(current_context(), current_actor(), claim_id)
    return render_template("pages/outpatient/claim.html", **view.claim_page(found, name, form))


def _identity(claim_id: str, form: Form, shown: dict[str, Any] | None) -> str:
    found = review.read_claim(current_context(), current_actor(), claim_id)
    return render_template("pages/outpatient/claim_identity.html", **view.identity_page(found, form, shown))
