"""Spending a grant: asked for, agreed to by the department, reserved by finance, paid, proved; by different people.

What the rule refuses is written down and goes nowhere: no role, no setting and no later step lets it through, and
the database would refuse it again. What is reserved counts against what is left; a reservation that runs out, or a
payment that bounces, is given back.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from typing import Any, Final

from hospital_prepay.clock import local
from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.decision import Decision, Outcome
from hospital_prepay.domain.errors import Conflict, MalformedInput
from hospital_prepay.domain.identity import is_credit_code
from hospital_prepay.domain.ledger.chart import earmark_account, reserved_account
from hospital_prepay.domain.ledger.entry import JournalEntry, Posting, reversing
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.fund.spending import SpendFacts, line_answers, spend
from hospital_prepay.domain.rules.fund.uses import UseLine
from hospital_prepay.persistence import fund_recalls as recalls
from hospital_prepay.persistence import funds as store
from hospital_prepay.persistence.fund_recalls import RecallState
from hospital_prepay.persistence.funds import GrantState, LineState, RequestState
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.rulebook.loader import load_rulebook
from hospital_prepay.services.context import Context
from hospital_prepay.services.fund.grants import fund_entry
from hospital_prepay.services.fund.recall import require_no_recall
from hospital_prepay.services.fund.slips import keep_slip, require_not_before, require_past
from hospital_prepay.services.fund.spendable import closed_since, require_spendable
from hospital_prepay.services.publication.readings import readings_within

# House rule: a reservation that nobody pays goes back by itself.
RESERVED_FOR: Final = timedelta(days=15)
_PAYMENT: Final = "用医保预付金付药品耗材款"
_STEPS: Final = {"asked": "科室同意", "department": "财务审批", "reserved": "付款", "paid": "补齐票据"}


@dataclass(frozen=True, slots=True)
class AskPayment:
    """A supplier's bill to be paid from a grant, line by line."""

    grant_id: str
    payee_name: str
    payee_credit_code: str
    purpose: str
    lines: tuple[UseLine, ...]
    idempotency_key: str


@dataclass(frozen=True, slots=True)
class PayRequest:
    """The bank's word that a reserved request was paid; on ``paid_on``, else today."""

    request_id: str
    bank_reference: str
    idempotency_key: str
    paid_on: date | None = None


@dataclass(frozen=True, slots=True)
class RecordEvidence:
    """An invoice for one paid line."""

    request_id: str
    line_no: int
    invoice_no: str
    amount: Money
    note: str = ""


@dataclass(frozen=True, slots=True)
class AskedPayment:
    """The answer to :func:`ask_payment`. A refused request has its number too: the attempt is on record."""

    decision: Decision
    decision_id: str
    request_id: str

    def to_json(self) -> dict[str, Any]:
        """As stored for the next request with the same key."""
        return {**asdict(self), "decision": self.decision.to_json()}

    @classmethod
    def of_json(cls, stored: dict[str, Any]) -> AskedPayment:
        """The opposite of :meth:`to_json`."""
        return cls(Decision.of_json(stored["decision"]), stored["decision_id"], stored["request_id"])


def ask_payment(context: Context, actor: Actor, command: AskPayment) -> AskedPayment:
    """Write down a request and decide whether it may go on to people.

    Raises :class:`MalformedInput` for a payee that can't be, :class:`NotFound`, :class:`Conflict` when the grant's
    money isn't there to spend. A rule's "no" is the ``decision`` of the answer, final for every role.
    """
    actor.require(Permission.FUND_ASK)
    _check_payee(command)
    payload = {**asdict(command), "lines": [asdict(line) | {"amount": line.amount.fen} for line in command.lines]}
    with context.work(actor, "fund.ask", f"grant:{command.grant_id}") as work:
        grant = store.lock_grant(work.connection, work.institution_id, command.grant_id)
        known = work.known_answer(command.idempotency_key, payload)
        if known is not None:
            return AskedPayment.of_json(known)
        if grant.state != "received":
            raise Conflict("这笔预付金还没有到账，或已经清算。请选一笔在用的预付金。")
        stands = recalls.standing(work.connection, work.institution_id, grant.regime)
        closed = closed_since(work.connection, work.institution_id, grant, work.today)
        facts = replace(spend_facts(grant, command.lines, stands), closed_since=closed)
        decision = spend(facts, work.rule_version)
        decision_id = work.keep_decision(decision, work.today, readings_within(work, "fund.spend"))
        request_id = _write_down(work, grant, command, decision, decision_id)
        outcome = "refused" if decision.outcome is Outcome.REFUSED else "done"
        detail = {"request": request_id, "amount_fen": _total(command.lines), "payee": command.payee_name}
        work.audit(outcome=outcome, decision_id=decision_id, detail=detail)
        answer = AskedPayment(decision, decision_id, request_id)
        work.keep_answer(command.idempotency_key, payload, answer.to_json())
        return answer


def agree_request(context: Context, actor: Actor, request_id: str, ground: str = "") -> RequestState:
    """The department's word. A held request goes on only with a written ground; finance must be a third person."""
    actor.require(Permission.FUND_AGREE)
    with context.work(actor, "fund.agree", f"fund_request:{request_id}") as work:
        _, request = _locked(work, request_id, "asked")
        actor.require_other_than(request.asked_by, "科室同意")
        values: dict[str, Any] = {"department_by": actor.actor_id, "department_at": work.now}
        if request.held:
            if not ground.strip():
                raise MalformedInput(
                    "这份申请里有通知没有点名的用途，请写明理由。", code="missing_value", details={"field": "ground"}
                )
            values |= {"ground": ground.strip(), "grounded_by": actor.actor_id}
        store.walk_request(work.connection, work.institution_id, request_id, state="department", **values)
        work.audit(detail={"ground": ground} if request.held else {})
        return store.read_request(work.connection, work.institution_id, request_id)


def reserve_request(context: Context, actor: Actor, request_id: str) -> RequestState:
    """Finance approves: the money is reserved, and only this request can take it until the reservation runs out.

    Raises :class:`SecondPersonRequired` for whoever asked or agreed, :class:`InsufficientFund` when too little is
    left, :class:`Conflict` when something forbids spending meanwhile.
    """
    actor.require(Permission.FUND_RESERVE)
    with context.work(actor, "fund.reserve", f"fund_request:{request_id}") as work:
        grant, request = _locked(work, request_id, "department")
        actor.require_other_than(request.asked_by, "财务审批")
        actor.require_other_than(request.department_by or "", "财务审批")
        require_no_recall(work, grant.regime, "预留")
        require_spendable(work, grant, "预留")
        amount = Money(request.total_fen)
        lines = (
            Posting(reserved_account(grant.grant_id), debit=amount),
            Posting(earmark_account(grant.grant_id), credit=amount),
        )
        entry_no = work.ledger.post(_entry(work, grant, "fund_reserve", "预留医保预付金", lines, request_id))
        store.walk_request(
            work.connection,
            work.institution_id,
            request_id,
            state="reserved",
            finance_by=actor.actor_id,
            finance_at=work.now,
            expires_at=work.now + RESERVED_FOR,
        )
        work.audit(entry_no=entry_no, detail={"amount_fen": amount.fen})
        return store.read_request(work.connection, work.institution_id, request_id)


def pay_request(context: Context, actor: Actor, command: PayRequest) -> RequestState:
    """Book the payment of a reserved request against what is owed to the supplier; what is owed back stays.

    Raises :class:`SecondPersonRequired` for whoever reserved it, :class:`MalformedInput` without a bank reference.
    """
    actor.require(Permission.FUND_PAY)
    if not command.bank_reference.strip():
        raise MalformedInput("请填银行付款回单号。", code="missing_value", details={"field": "bank_reference"})
    with context.work(actor, "fund.pay", f"fund_request:{command.request_id}") as work:
        grant_id = store.grant_of_request(work.connection, work.institution_id, command.request_id)
        grant = store.lock_grant(work.connection, work.institution_id, grant_id)
        request = store.read_request(work.connection, work.institution_id, command.request_id)
        payload = {**asdict(command), "paid_on": command.paid_on and command.paid_on.isoformat()}
        if work.known_answer(command.idempotency_key, payload) is not None:
            return request
        _require_state(request, "reserved")
        actor.require_other_than(request.finance_by or "", "付款")
        paid_on = command.paid_on or work.today
        require_past(paid_on, work.today, "paid_on")
        approved_on = local(request.finance_at).date() if request.finance_at else None
        require_not_before(paid_on, approved_on, "财务审批日", "paid_on")
        require_no_recall(work, grant.regime, "付款")
        require_spendable(work, grant, "付款")
        lines = _payment_lines(grant, request)
        entry_no = work.ledger.post(_entry(work, grant, "fund_payment", _PAYMENT, lines, request.request_id))
        keep_slip(work, "fund_payment", entry_no, command.bank_reference, paid_on)
        store.walk_request(
            work.connection,
            work.institution_id,
            request.request_id,
            state="paid",
            paid_by=actor.actor_id,
            paid_at=work.now,
            bank_reference=command.bank_reference.strip(),
        )
        work.audit(
            entry_no=entry_no, detail={"amount_fen": request.total_fen, "bank_reference": command.bank_reference}
        )
        work.keep_answer(command.idempotency_key, payload, {"entry_no": entry_no})
        return store.read_request(work.connection, work.institution_id, request.request_id)


def reject_request(context: Context, actor: Actor, request_id: str, ground: str) -> RequestState:
    """Turn down a request that isn't reserved yet; the department's or finance's word."""
    if not (actor.may(Permission.FUND_AGREE) or actor.may(Permission.FUND_RESERVE)):
        actor.require(Permission.FUND_AGREE)
    with context.work(actor, "fund.reject", f"fund_request:{request_id}") as work:
        _locked(work, request_id, "asked", "department")
        return _end(work, request_id, "rejected", ground)


def release_request(context: Context, actor: Actor, request_id: str, ground: str) -> RequestState:
    """Give a reservation back before it is paid. Needs ``fund.pay`` or ``fund.reserve``."""
    if not (actor.may(Permission.FUND_PAY) or actor.may(Permission.FUND_RESERVE)):
        actor.require(Permission.FUND_RESERVE)
    with context.work(actor, "fund.release", f"fund_request:{request_id}") as work:
        grant, request = _locked(work, request_id, "reserved")
        _give_back(work, grant, request)
        return _end(work, request_id, "released", ground)


def bounce_payment(
    context: Context,
    actor: Actor,
    request_id: str,
    ground: str,
    *,
    bank_reference: str = "",
    bounced_on: date | None = None,
) -> RequestState:
    """The bank sent the money back: a red-letter entry, the reservation given back; pay again by a new request.

    A bank that gives the return no number of its own returns it under the payment's. What is unspent above what is
    owed by then (an offset came in between) is let go in the same act.
    """
    actor.require(Permission.FUND_PAY)
    with context.work(actor, "fund.bounce", f"fund_request:{request_id}") as work:
        grant, request = _locked(work, request_id, "paid", "evidenced")
        value_on = bounced_on or work.today
        require_past(value_on, work.today, "bounced_on")
        payment_no = store.payment_entry_no(work.connection, work.institution_id, request_id)
        paid_slip = recalls.slips(work.connection, work.institution_id).get(payment_no)
        paid_on = paid_slip.value_on if paid_slip else None
        require_not_before(value_on, paid_on, "付款日", "bounced_on")
        original = _entry(work, grant, "fund_payment", _PAYMENT, _payment_lines(grant, request), request_id)
        red = reversing(
            original,
            payment_no,
            idempotency_key=f"fund_payment_bounced:{request_id}",
            kind="fund_payment_bounced",
            summary="付款被银行退回，红字冲销",
            at=work.now,
            day=work.today,
            by=work.act.actor.actor_id,
        )
        entry_no = work.ledger.post(red)
        keep_slip(work, red.kind, entry_no, bank_reference.strip() or request.bank_reference, value_on)
        after = store.read_grant(work.connection, work.institution_id, grant.grant_id)
        over = Money(max(0, after.unspent_fen + after.reserved_fen + after.distributed_fen - after.owed_fen))
        if over:
            lines = (Posting("1002", debit=over), Posting(reserved_account(grant.grant_id), credit=over))
            entry = _entry(work, grant, "fund_release", "超过应还的专款解除限定", lines, f"{request_id}:over")
            work.audit(entry_no=work.ledger.post(entry), detail={"let_go_fen": over.fen})
        _give_back(work, grant, request, Money(request.total_fen) - over)
        return _end(work, request_id, "released", ground, entry_no)


def release_expired(context: Context, actor: Actor) -> list[str]:
    """Give back every reservation that ran out; the scheduler's daily step. It frees money, it spends none."""
    with context.database.reading() as connection:
        waiting = store.expired(connection, actor.institution_id, context.clock.now())
    released = []
    for request_id in waiting:
        with context.work(actor, "fund.expire", f"fund_request:{request_id}") as work:
            grant, request = _locked(work, request_id, "reserved", quiet=True)
            if request.state == "reserved" and request.expires_at is not None and request.expires_at <= work.now:
                _give_back(work, grant, request)
                _end(work, request_id, "released", "预留到期没有付款，自动退回")
                released.append(request_id)
    return released


def record_evidence(context: Context, actor: Actor, command: RecordEvidence) -> RequestState:
    """An invoice for a paid line; when every line is proved to the fen, the request is complete.

    Raises :class:`MalformedInput` for more than the line, :class:`Conflict` for an invoice recorded before.
    """
    actor.require(Permission.FUND_PAY)
    with context.work(actor, "fund.evidence", f"fund_request:{command.request_id}") as work:
        _, request = _locked(work, command.request_id, "paid")
        lines = {
            line.line_no: line for line in store.lines_of(work.connection, work.institution_id, request.request_id)
        }
        proved = store.evidenced_fen(work.connection, work.institution_id, request.request_id)
        line = lines.get(command.line_no)
        if line is None:
            raise MalformedInput("没有这一行，请核对行号。", details={"field": "line_no"})
        if proved.get(line.line_no, 0) + command.amount.fen > line.amount_fen or not command.amount:
            left = Money(line.amount_fen - proved.get(line.line_no, 0))
            raise MalformedInput(f"这一行还差 {left} 元的发票，请核对金额。", details={"field": "amount"})
        _add_invoice(work, command)
        proved[line.line_no] = proved.get(line.line_no, 0) + command.amount.fen
        if all(proved.get(one.line_no, 0) == one.amount_fen for one in lines.values()):
            store.walk_request(work.connection, work.institution_id, request.request_id, state="evidenced")
        work.audit(detail={"line": command.line_no, "invoice": command.invoice_no, "amount_fen": command.amount.fen})
        return store.read_request(work.connection, work.institution_id, request.request_id)


def find_request(context: Context, actor: Actor, request_id: str) -> tuple[RequestState, list[LineState]]:
    """A request with its lines. Needs ``fund.view``. Raises :class:`NotFound`."""
    actor.require(Permission.FUND_VIEW)
    with context.database.reading() as connection:
        request = store.read_request(connection, actor.institution_id, request_id)
        return request, store.lines_of(connection, actor.institution_id, request_id)


def spend_facts(grant: GrantState, lines: tuple[UseLine, ...], stands: RecallState | None) -> SpendFacts:
    """What the rule looks at: the lines, what the grant's place gives their categories, what is left, and the ground
    of recall that stands."""
    regime = load_rulebook().regime(grant.regime, grant.year)
    asked = {line.category for line in lines}
    uses = tuple(use for name, use in sorted(regime.uses.items()) if name in asked)
    clause = None if stands is None else stands.clause
    return SpendFacts(grant.regime, lines, uses, regime.uses_silent, grant.unspent_fen, clause, grant.kind)


def _write_down(
    work: UnitOfWork, grant: GrantState, command: AskPayment, decision: Decision, decision_id: str
) -> str:
    request_id = work.new_id()
    values = {
        "institution_id": work.institution_id,
        "request_id": request_id,
        "grant_id": grant.grant_id,
        "payee_name": command.payee_name,
        "payee_credit_code": command.payee_credit_code,
        "purpose": command.purpose,
        "total_fen": _total(command.lines),
        "state": "refused" if decision.outcome is Outcome.REFUSED else "asked",
        "decision_id": decision_id,
        "held": decision.outcome is Outcome.HELD,
        "asked_by": work.act.actor.actor_id,
        "asked_at": work.now,
    }
    answers = line_answers(decision.facts)
    rows = [
        {
            "line_no": number,
            "category": line.category,
            "name": line.name,
            "code": line.code,
            "order_no": line.order_no,
            "amount_fen": line.amount.fen,
            "outcome": outcome.value,
            "batch": line.batch,
        }
        for number, (line, (outcome, _)) in enumerate(zip(command.lines, answers, strict=True), 1)
    ]
    store.add_request(work.connection, values, rows)
    return request_id


def _payment_lines(grant: GrantState, request: RequestState) -> tuple[Posting, ...]:
    """What is owed to the supplier falls; what is owed back doesn't."""
    amount = Money(request.total_fen)
    return Posting("2302", debit=amount), Posting(reserved_account(grant.grant_id), credit=amount)


def _locked(work: UnitOfWork, request_id: str, *states: str, quiet: bool = False) -> tuple[GrantState, RequestState]:
    """The grant first, then its request: the order in which every act locks."""
    grant_id = store.grant_of_request(work.connection, work.institution_id, request_id)
    grant = store.lock_grant(work.connection, work.institution_id, grant_id)
    request = store.read_request(work.connection, work.institution_id, request_id)
    if not quiet:
        _require_state(request, *states)
    return grant, request


def _require_state(request: RequestState, *states: str) -> None:
    if request.state not in states:
        now = _STEPS.get(request.state)
        what = f"现在等的是“{now}”" if now else "这份申请已经办结"
        raise Conflict(f"这一步现在不能办：{what}。请刷新后再看；本次没有改动。")


def _give_back(work: UnitOfWork, grant: GrantState, request: RequestState, amount: Money | None = None) -> None:
    amount = Money(request.total_fen) if amount is None else amount
    if amount:
        lines = (
            Posting(earmark_account(grant.grant_id), debit=amount),
            Posting(reserved_account(grant.grant_id), credit=amount),
        )
        entry = _entry(work, grant, "fund_unreserve", "退回预留的医保预付金", lines, request.request_id)
        work.audit(entry_no=work.ledger.post(entry), detail={"given_back_fen": amount.fen})


def _end(work: UnitOfWork, request_id: str, state: str, ground: str, entry_no: int | None = None) -> RequestState:
    if not ground.strip():
        raise MalformedInput("请写明原因，备查。", code="missing_value", details={"field": "ground"})
    by = {"ended_by": work.act.actor.actor_id, "ended_at": work.now, "ended_ground": ground.strip()}
    store.walk_request(work.connection, work.institution_id, request_id, state=state, **by)
    work.audit(entry_no=entry_no, detail={"ground": ground})
    return store.read_request(work.connection, work.institution_id, request_id)


def _add_invoice(work: UnitOfWork, command: RecordEvidence) -> None:
    store.add_evidence(
        work.connection,
        {
            "institution_id": work.institution_id,
            "request_id": command.request_id,
            "line_no": command.line_no,
            "invoice_no": command.invoice_no,
            "amount_fen": command.amount.fen,
            "detail": {"note": command.note},
            "recorded_by": work.act.actor.actor_id,
            "recorded_at": work.now,
        },
    )


def _entry(
    work: UnitOfWork, grant: GrantState, kind: str, summary: str, lines: tuple[Posting, ...], key: str
) -> JournalEntry:
    request_id = key.partition(":")[0]
    return fund_entry(work, grant, kind, summary, lines, key, source=f"fund_request:{request_id}")


def _check_payee(command: AskPayment) -> None:
    if not command.payee_name.strip():
        raise MalformedInput("请填收款单位。", code="missing_value", details={"field": "payee_name"})
    if not is_credit_code(command.payee_credit_code):
        raise MalformedInput("统一社会信用代码不对，请核对 18 位代码。", details={"field": "payee_credit_code"})
    if not command.lines or any(not line.amount for line in command.lines):
        raise MalformedInput("至少要有一行，金额要大于零。", details={"field": "lines"})


def _total(lines: tuple[UseLine, ...]) -> int:
    return sum(line.amount.fen for line in lines)
