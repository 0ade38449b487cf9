"""``/finance/fund/requests``: asking to pay from a grant, and every step of a request by the person whose it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, redirect, render_template, request

from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.decision import Outcome
from hospital_prepay.domain.errors import Conflict, InsufficientFund, MalformedInput
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.flash import say
from hospital_prepay.http.forms import Form, WrongForm, read_form, typed
from hospital_prepay.http.permission import requires
from hospital_prepay.schemas import fund_forms as schemas
from hospital_prepay.schemas.fund_request_forms import PaymentRequest, PaymentRequestSchema, PreviewSchema
from hospital_prepay.services.fund import review, spending
from hospital_prepay.web import fund_request_form as form_view
from hospital_prepay.web import fund_request_view as view
from hospital_prepay.web.fund_confirmation import Confirmation, confirm_payment

blueprint = Blueprint("fund_requests", __name__, url_prefix="/finance/fund/requests")


@blueprint.get("")
@requires(Permission.FUND_VIEW)
def list_requests() -> str:
    """Every request by state; the refused ones have a tab of their own. The usage report names months and grant."""
    found = review.fund_overview(current_context(), current_actor())
    tab, *narrowed = (request.args.get(name, "") for name in ("tab", "first", "last", "grant"))
    return render_template("pages/fund/requests.html", **view.list_page(found, tab, view.Narrowed(*narrowed)))


@blueprint.get("/new")
@requires(Permission.FUND_ASK)
def new_request() -> str:
    """The form of a request."""
    return _form_page(request.args.get("grant", ""), Form())


@blueprint.post("/new")
@requires(Permission.FUND_ASK)
def ask() -> Any:
    """Check the lines, add a row, keep only what can be paid, or ask: which, the button says."""
    grant_id = request.form.get("grant", "")
    step = request.form.get("do", "ask")
    if step not in ("ask", "check", "more", "split"):
        error = MalformedInput("不认识这个按钮。请刷新这一页再办；没有申请。", details={"field": ""})
        return _form_page(grant_id, typed().with_error(error, "")), 422
    if step in ("more", "split"):
        rows = form_view.with_row(typed()) if step == "more" else form_view.payable_only(grant_id, typed())
        return _form_page(grant_id, rows)
    try:
        if step == "check":
            lines = read_form(PreviewSchema())
            decision = review.preview_payment(current_context(), current_actor(), grant_id, lines)
            return _form_page(grant_id, typed(), form_view.Answer(decision))
        return _ask(grant_id, read_form(PaymentRequestSchema()))
    except WrongForm as wrong:
        return _form_page(grant_id, wrong.form), 422
    except MalformedInput as error:
        return _form_page(grant_id, typed().with_error(error, error.details.get("field", ""))), 422
    except Conflict as error:
        return _form_page(grant_id, typed("idempotency_key").with_error(error)), 409


@blueprint.get("/<request_id>")
@requires(Permission.FUND_VIEW)
def show_request(request_id: str) -> str:
    """One request: its lines with clauses, its steps, and the form of the next one."""
    return _page(request_id)


@blueprint.post("/<request_id>/agree")
@requires(Permission.FUND_AGREE)
def agree(request_id: str) -> Any:
    """The department's word."""

    def do(said: schemas.WrittenGround) -> str:
        spending.agree_request(current_context(), current_actor(), request_id, said.ground)
        return "已同意。下一步：财务审批，另一个人办。"

    return _act(request_id, "agree", schemas.PerhapsGroundSchema, do)


@blueprint.post("/<request_id>/reserve")
@requires(Permission.FUND_RESERVE)
def reserve(request_id: str) -> Any:
    """Finance approves, and the money is reserved."""

    def do(_said: schemas.WrittenGround) -> str:
        found = spending.reserve_request(current_context(), current_actor(), request_id)
        days = spending.RESERVED_FOR.days
        return f"已预留 {view.total(found)} 元。下一步：财务付款，另一个人办；{days} 天不付自动退回。"

    return _act(request_id, "reserve", schemas.PerhapsGroundSchema, do)


@blueprint.post("/<request_id>/pay")
@requires(Permission.FUND_PAY)
def pay(request_id: str) -> Any:
    """Book the payment that the bank made; asked once more with the amount."""
    found = review.read_request(current_context(), current_actor(), request_id)
    if request.form.get("confirmed") != "yes" and "pay" in view.offered_forms(found):
        return _ask_once_more(found)

    def do(said: schemas.BankPayment) -> str:
        command = spending.PayRequest(request_id, said.bank_reference, said.idempotency_key, said.paid_on)
        found = spending.pay_request(current_context(), current_actor(), command)
        return f"已付 {view.total(found)} 元，应还医保不变。下一步：逐行补发票。"

    return _act(request_id, "pay", schemas.BankPaymentSchema, do)


@blueprint.post("/<request_id>/invoice")
@requires(Permission.FUND_PAY)
def add_invoice(request_id: str) -> Any:
    """Record an invoice for one line."""

    def do(said: schemas.InvoiceForm) -> str:
        command = spending.RecordEvidence(request_id, said.line_no, said.invoice_no, said.amount)
        found = spending.record_evidence(current_context(), current_actor(), command)
        done = found.state == "evidenced"
        return "票据齐了，这份申请办结。" if done else f"已记发票 {said.amount} 元。下一步：补齐其余的票据。"

    return _act(request_id, "invoice", schemas.InvoiceFormSchema, do)


@blueprint.post("/<request_id>/invoice/withdraw")
@requires(Permission.FUND_PAY)
def withdraw_invoice(request_id: str) -> Any:
    """Take back an invoice that was typed wrongly."""

    def do(said: schemas.WithdrawnInvoice) -> str:
        command = spending.WithdrawEvidence(request_id, said.line_no, said.invoice_no, said.attempt, said.ground)
        spending.withdraw_evidence(current_context(), current_actor(), command)
        return f"发票 {said.invoice_no} 已作废，不再算数。下一步：照发票重新记。"

    return _act(request_id, "withdraw", schemas.WithdrawnInvoiceSchema, do)


@blueprint.post("/<request_id>/reject")
@requires(Permission.FUND_VIEW)
def reject(request_id: str) -> Any:
    """Turn it down before anything is reserved: the department's or finance's word, the service looks whose."""

    def do(said: schemas.WrittenGround) -> str:
        spending.reject_request(current_context(), current_actor(), request_id, said.ground)
        return "已退回，没有预留，没有付款。申请人可以改好后重新申请。"

    return _act(request_id, "reject", schemas.WrittenGroundSchema, do)


@blueprint.post("/<request_id>/release")
@requires(Permission.FUND_VIEW)
def release(request_id: str) -> Any:
    """Give a reservation back before it is paid; the service looks whose step that is."""

    def do(said: schemas.WrittenGround) -> str:
        found = spending.release_request(current_context(), current_actor(), request_id, said.ground)
        return f"已退回预留 {view.total(found)} 元，可以重新申请。"

    return _act(request_id, "release", schemas.WrittenGroundSchema, do)


@blueprint.post("/<request_id>/bounce")
@requires(Permission.FUND_PAY)
def bounce(request_id: str) -> Any:
    """The bank sent the money back."""

    def do(said: schemas.Bounced) -> str:
        found = spending.bounce_payment(
            current_context(),
            current_actor(),
            request_id,
            said.ground,
            bank_reference=said.bank_reference,
            bounced_on=said.bounced_on,
        )
        return f"已用红字冲销付款 {view.total(found)} 元，预留也退回了。要再付，请重新申请。"

    return _act(request_id, "bounce", schemas.BouncedSchema, do)


def _ask(grant_id: str, said: PaymentRequest) -> Any:
    command = spending.AskPayment(
        grant_id, said.payee_name, said.payee_credit_code, said.purpose, said.lines, said.idempotency_key
    )
    asked = spending.ask_payment(current_context(), current_actor(), command)
    if asked.decision.outcome is Outcome.REFUSED:
        answer = form_view.Answer(asked.decision, asked.decision_id, asked.request_id)
        return _form_page(grant_id, typed("idempotency_key"), answer), 422
    held = asked.decision.outcome is Outcome.HELD
    say(
        "wait" if held else "ok",
        "已挂起：科室负责人写明理由、财务审批后才能付。" if held else "已提交。下一步：科室负责人同意。",
    )
    return redirect(f"/finance/fund/requests/{asked.request_id}", 303)


def _ask_once_more(found: review.RequestDetail) -> Any:
    request_id = found.request.request_id
    try:
        said = read_form(schemas.BankPaymentSchema())
    except WrongForm as wrong:
        return _page(request_id, "pay", wrong.form), 422
    return _page(request_id, "pay", typed(), confirm_payment(found, said, current_context().clock.today()))


def _act(request_id: str, name: str, schema: Callable[[], Any], do: Callable[[Any], str]) -> Any:
    try:
        words = do(read_form(schema()))
    except WrongForm as wrong:
        return _page(request_id, name, wrong.form), 422
    except MalformedInput as error:
        return _page(request_id, name, typed().with_error(error, error.details.get("field", ""))), 422
    except InsufficientFund as error:
        return _page(request_id, name, typed().with_error(error)), 422
    except Conflict as error:
        return _page(request_id, name, typed("idempotency_key").with_error(error)), 409
    say("ok", words)
    return redirect(f"/finance/fund/requests/{request_id}", 303)


def _form_page(grant_id: str, form: Form, answer: form_view.Answer | None = None) -> str:
    found = review.fund_overview(current_context(), current_actor())
    return render_template("pages/fund/request_form.html", **form_view.form_page(found, grant_id, form, answer))


def _page(request_id: str, name: str = "", form: Form | None = None, confirm: Confirmation | None = None) -> str:
    found = review.read_request(current_context(), current_actor(), request_id)
    return render_template("pages/fund/request.html", **view.request_page(found, name, form), confirm=confirm)
