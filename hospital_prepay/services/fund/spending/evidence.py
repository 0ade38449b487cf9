"""Proving what was paid: invoices, line by line; one that was typed wrongly is withdrawn with a ground."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import Conflict, MalformedInput, NotFound
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.references import narrow_number, payment_reference, plain_name
from hospital_prepay.domain.rules.fund.uses import is_same_thing
from hospital_prepay.persistence import fund_distributions as distributions
from hospital_prepay.persistence import fund_evidence as invoices
from hospital_prepay.persistence import funds as store
from hospital_prepay.persistence.fund_evidence import Invoice
from hospital_prepay.persistence.funds import LineState, RequestState
from hospital_prepay.persistence.locks import lock_name
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.services.context import Context
from hospital_prepay.services.fund.spending.requests import locked, request_number

LONGEST_INVOICE_NO: Final = 40


@dataclass(frozen=True, slots=True)
class RecordEvidence:
    """An invoice for one paid line."""

    request_id: str
    line_no: int
    invoice_no: str
    amount: Money
    note: str = ""


@dataclass(frozen=True, slots=True)
class WithdrawEvidence:
    """An invoice as it was recorded, ``attempt`` telling it from earlier ones of its number; and why it is wrong."""

    request_id: str
    line_no: int
    invoice_no: str
    attempt: int
    ground: str


def record_evidence(context: Context, actor: Actor, command: RecordEvidence) -> RequestState:
    """An invoice for a paid line; when every line is proved to the fen, the request is complete.

    Raises :class:`MalformedInput` for more than the line or a number without a letter or digit, :class:`Conflict` for
    an invoice recorded before and not withdrawn: on this line, for another request to the same supplier that wasn't
    given back, or as a member's use of the same thing. Two lines of one request may share an invoice.
    """
    actor.require(Permission.FUND_PAY)
    command = replace(command, invoice_no=narrow_number(command.invoice_no))
    with context.work(actor, "fund.evidence", f"fund_request:{command.request_id}") as work:
        _, request = locked(work, command.request_id, "paid")
        lines = {
            line.line_no: line for line in store.lines_of(work.connection, work.institution_id, request.request_id)
        }
        proved = invoices.evidenced_fen(work.connection, work.institution_id, request.request_id)
        line = lines.get(command.line_no)
        if line is None:
            raise MalformedInput("没有这一行，请核对行号。", details={"field": "line_no"})
        if proved.get(line.line_no, 0) + command.amount.fen > line.amount_fen or not command.amount:
            left = Money(line.amount_fen - proved.get(line.line_no, 0))
            raise MalformedInput(f"这一行还差 {left} 元的发票，请核对金额。", details={"field": "amount"})
        known = invoices.invoices_of(work.connection, work.institution_id, request.request_id)
        _require_unused(work, request, known, command)
        _require_no_members_use(work, line, command)
        _add_invoice(work, known, command)
        proved[line.line_no] = proved.get(line.line_no, 0) + command.amount.fen
        if all(proved.get(one.line_no, 0) == one.amount_fen for one in lines.values()):
            store.walk_request(work.connection, work.institution_id, request.request_id, state="evidenced")
        work.audit(detail={"line": command.line_no, "invoice": command.invoice_no, "amount_fen": command.amount.fen})
        return store.read_request(work.connection, work.institution_id, request.request_id)


def withdraw_evidence(context: Context, actor: Actor, command: WithdrawEvidence) -> RequestState:
    """Take back an invoice that was typed wrongly: it proves nothing any more, its number is free, and a request that
    was complete waits for its invoices again. Needs ``fund.pay``; no money moves, so one person is enough.

    Raises :class:`MalformedInput` without a ground, :class:`NotFound`, :class:`Conflict` when it was withdrawn, or
    when the payment was taken back since.
    """
    actor.require(Permission.FUND_PAY)
    if not plain_name(command.ground):
        words = "请写明哪里填错，备查。"
        raise MalformedInput(words, code="missing_value", details={"field": "ground"})
    with context.work(actor, "fund.withdraw_evidence", f"fund_request:{command.request_id}") as work:
        own = work.institution_id
        _, request = locked(work, command.request_id, "paid", "evidenced")
        found = _standing(invoices.invoices_of(work.connection, own, request.request_id), command)
        values = {
            "institution_id": own,
            "request_id": request.request_id,
            "line_no": found.line_no,
            "invoice_no": found.invoice_no,
            "attempt": found.attempt,
            "ground": command.ground.strip(),
            "withdrawn_by": actor.actor_id,
            "withdrawn_at": work.now,
        }
        # The database opens the request again in the same step: see migration 0035.
        invoices.withdraw(work.connection, values)
        what = {"line": found.line_no, "invoice": found.invoice_no, "amount_fen": found.amount_fen}
        work.audit(detail={**what, "ground": command.ground.strip()})
        return store.read_request(work.connection, own, request.request_id)


def _standing(known: list[Invoice], command: WithdrawEvidence) -> Invoice:
    which = (command.line_no, command.invoice_no, command.attempt)
    for one in known:
        if (one.line_no, one.invoice_no, one.attempt) == which:
            if not one.stands:
                raise Conflict("这张发票已经作废过。请刷新后再看；本次没有改动。")
            return one
    raise NotFound("这份申请没有记过这张发票。请刷新后再看。")


def _require_unused(work: UnitOfWork, request: RequestState, known: list[Invoice], command: RecordEvidence) -> None:
    plain = payment_reference(command.invoice_no)
    if any(sign.isalpha() and "\x7f" < sign < "\u2e80" for sign in command.invoice_no):
        words = "发票号码里有数字、英文字母和汉字以外的字母，请照发票填写。"
        raise MalformedInput(words, details={"field": "invoice_no"})
    if not plain or len(command.invoice_no) > LONGEST_INVOICE_NO:
        words = f"发票号码里没有数字或字母，或超过 {LONGEST_INVOICE_NO} 个字，请照发票填写。"
        raise MalformedInput(words, details={"field": "invoice_no"})
    for one in known:
        if one.stands and one.line_no == command.line_no and payment_reference(one.invoice_no) == plain:
            raise Conflict("这张发票已经记在这一行上。请核对发票号码；本次没有记。", code="invoice_used")
    supplier = request.payee_credit_code
    lock_name(work.connection, f"fund_evidence:{work.institution_id}:{supplier}")
    for other, number in invoices.invoices_of_supplier(work.connection, work.institution_id, supplier):
        if other != request.request_id and payment_reference(number) == plain:
            words = f"这张发票已经记在申请 {request_number(other)} 上。请核对发票号码；本次没有记。"
            raise Conflict(words, code="invoice_used", details={"request": other})


def _require_no_members_use(work: UnitOfWork, line: LineState, command: RecordEvidence) -> None:
    """What a member showed as its own payment doesn't prove the hospital's. A use names no supplier, and suppliers
    number their invoices each for itself: it is the same document only for the same thing."""
    plain = payment_reference(command.invoice_no)
    invoices.lock_document(work.connection, work.institution_id, plain)
    for one in distributions.uses_that_stand(work.connection, work.institution_id):
        same = payment_reference(one.document) == plain
        if same and is_same_thing((one.code, one.name), (line.code, line.name)):
            words = f"这张发票已经作为{one.member_name}的用款记过“{one.name}”。请核对发票号码；本次没有记。"
            raise Conflict(words, code="invoice_used", details={"distribution": one.distribution_id})


def _add_invoice(work: UnitOfWork, known: list[Invoice], command: RecordEvidence) -> None:
    which = (command.line_no, command.invoice_no)
    earlier = [one.attempt for one in known if (one.line_no, one.invoice_no) == which]
    invoices.add_evidence(
        work.connection,
        {
            "institution_id": work.institution_id,
            "request_id": command.request_id,
            "line_no": command.line_no,
            "invoice_no": command.invoice_no,
            "attempt": max(earlier, default=0) + 1,
            "amount_fen": command.amount.fen,
            "detail": {"note": command.note},
            "recorded_by": work.act.actor.actor_id,
            "recorded_at": work.now,
        },
    )
