"""Asking to pay a supplier from a grant: the lines, what the rule says of them, and the request on record."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.decision import Decision, Outcome
from hospital_prepay.domain.errors import Conflict, MalformedInput
from hospital_prepay.domain.identity import is_credit_code
from hospital_prepay.domain.references import plain_name
from hospital_prepay.domain.rules.fund.regime import UseOutcome
from hospital_prepay.domain.rules.fund.spending import SpendFacts, line_answers, spend
from hospital_prepay.domain.rules.fund.uses import UseLine
from hospital_prepay.persistence import fund_applications as applications
from hospital_prepay.persistence import fund_recalls as recalls
from hospital_prepay.persistence import funds as store
from hospital_prepay.persistence import institutions
from hospital_prepay.persistence.database import Connection
from hospital_prepay.persistence.fund_recalls import RecallState
from hospital_prepay.persistence.funds import GrantState, LineState, RequestState
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.rulebook.loader import load_rulebook
from hospital_prepay.services.context import Context
from hospital_prepay.services.fund.spendable import closed_since
from hospital_prepay.services.publication.readings import readings_within


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
        _require_another(work, command.payee_name)
        if grant.state != "received":
            raise Conflict("这笔预付金还没有到账，或已经清算。请选一笔在用的预付金。")
        stands = recalls.standing(work.connection, work.institution_id, grant.regime)
        batch = batch_of(work.connection, work.institution_id, grant)
        closed = closed_since(work.connection, work.institution_id, grant, work.today)
        facts = replace(spend_facts(grant, command.lines, stands, batch), closed_since=closed)
        decision = spend(facts, work.rule_version)
        decision_id = work.keep_decision(decision, work.today, readings_within(work, "fund.spend"))
        request_id = _write_down(work, grant, command, decision, decision_id)
        outcome = "refused" if decision.outcome is Outcome.REFUSED else "done"
        detail = {"request": request_id, "amount_fen": _total(command.lines), "payee": command.payee_name}
        work.audit(outcome=outcome, decision_id=decision_id, detail=detail)
        answer = AskedPayment(decision, decision_id, request_id)
        work.keep_answer(command.idempotency_key, payload, answer.to_json())
        return answer


def find_request(context: Context, actor: Actor, request_id: str) -> tuple[RequestState, list[LineState]]:
    """A request with its lines. Needs ``fund.view``. Raises :class:`NotFound`."""
    actor.require(Permission.FUND_VIEW)
    with context.database.reading() as connection:
        request = store.read_request(connection, actor.institution_id, request_id)
        return request, store.lines_of(connection, actor.institution_id, request_id)


def batch_of(connection: Connection, institution_id: str, grant: GrantState) -> str | None:
    """The batch that the document of a procurement prepayment names; ``None`` for a basic grant."""
    if grant.kind != "procurement":
        return None
    found = applications.procurements(connection, institution_id).get(grant.grant_id)
    return found.batch if found else None


def spend_facts(
    grant: GrantState, lines: tuple[UseLine, ...], stands: RecallState | None, batch: str | None
) -> SpendFacts:
    """What the rule looks at: the lines, what the grant's place gives their categories, what is left, the ground
    of recall that stands, and the batch of the grant."""
    regime = load_rulebook().regime(grant.regime, grant.year)
    asked = {line.category for line in lines}
    uses = tuple(use for name, use in sorted(regime.uses.items()) if name in asked)
    clause = None if stands is None else stands.clause
    return SpendFacts(grant.regime, lines, uses, regime.uses_silent, grant.unspent_fen, clause, grant.kind, batch)


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
            # What goes on carries the batch as its document spells it: the database compares the two.
            "batch": line.batch if outcome is UseOutcome.REFUSED else decision.facts.get("batch", line.batch),
        }
        for number, (line, (outcome, _)) in enumerate(zip(command.lines, answers, strict=True), 1)
    ]
    store.add_request(work.connection, values, rows)
    return request_id


def _check_payee(command: AskPayment) -> None:
    if not command.payee_name.strip():
        raise MalformedInput("请填收款单位。", code="missing_value", details={"field": "payee_name"})
    if not is_credit_code(command.payee_credit_code):
        raise MalformedInput("统一社会信用代码不对，请核对 18 位代码。", details={"field": "payee_credit_code"})
    if not command.lines or any(not line.amount for line in command.lines):
        raise MalformedInput("至少要有一行，金额要大于零。", details={"field": "lines"})


def _require_another(work: UnitOfWork, payee_name: str) -> None:
    """The hospital pays nobody by paying itself: the money would only lose its purpose."""
    house = institutions.by_id(work.connection, work.institution_id)
    if house is not None and plain_name(house.name).casefold() == plain_name(payee_name).casefold():
        words = "收款单位不能是本院。请填供应商的名称。"
        raise MalformedInput(words, details={"field": "payee_name"})


def _total(lines: tuple[UseLine, ...]) -> int:
    return sum(line.amount.fen for line in lines)
