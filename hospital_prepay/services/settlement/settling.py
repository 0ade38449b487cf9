"""Settling a stay: the insurance's result, the deposit applied, what is left given back, what is owed paid or kept.

One transaction: decide, post, number, give back, pass on to the invoice. The same key gives the same answer.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol

from hospital_prepay.crypto import new_token
from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.decision import Decision
from hospital_prepay.domain.errors import Conflict, NotFound
from hospital_prepay.domain.ledger.chart import (
    FROM_INSURANCE,
    IN_HOSPITAL,
    OWN_COST,
    arrears_account,
    stay_account,
)
from hospital_prepay.domain.ledger.entry import Posting
from hospital_prepay.domain.money import ZERO, Money
from hospital_prepay.domain.rules.settlement.result import ResultAmounts, parts_of, self_paid
from hospital_prepay.domain.rules.settlement.settling import (
    Channel,
    SettleFacts,
    SettlementKind,
    by_the_way_it_came,
    settle,
    share_of,
)
from hospital_prepay.domain.rules.settlement.stages import Stage
from hospital_prepay.persistence import discharges, stays
from hospital_prepay.persistence import settlements as store
from hospital_prepay.persistence.database import Connection
from hospital_prepay.persistence.discharges import DischargeRow
from hospital_prepay.persistence.stays import StayState
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.services.context import Context
from hospital_prepay.services.publication.readings import readings_within
from hospital_prepay.services.settlement.results import InsuranceResult, take_result
from hospital_prepay.services.settlement.slips import (
    TopUp,
    checked,
    give_back,
    open_arrears,
    settlement_entry,
    take_top_up,
)


@dataclass(frozen=True, slots=True)
class SettleStay:
    """Settle a stay by a result that was taken before (``setl_id``), by one that comes along (``result``), or, for
    somebody no insurance settles for, by the whole cost."""

    stay_no: str
    kind: SettlementKind
    channel: Channel
    idempotency_key: str
    seen_step: int | None = None
    setl_id: str = ""
    result: InsuranceResult | None = None
    self_pay_total: Money | None = None
    top_up: TopUp | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """The answer to a settlement, a refusal too. ``slips`` are the numbers of what was paid or given back."""

    decision: Decision
    decision_id: str
    number: str | None = None
    applied: Money = ZERO
    given_back: Money = ZERO
    owed: Money = ZERO
    slips: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As stored for the next request with the same key."""
        return {
            "decision": self.decision.to_json(),
            "decision_id": self.decision_id,
            "number": self.number,
            "applied_fen": self.applied.fen,
            "given_back_fen": self.given_back.fen,
            "owed_fen": self.owed.fen,
            "slips": list(self.slips),
        }

    @classmethod
    def of_json(cls, stored: dict[str, Any]) -> Settled:
        """The opposite of :meth:`to_json`."""
        return cls(
            Decision.of_json(stored["decision"]),
            stored["decision_id"],
            stored["number"],
            Money(stored["applied_fen"]),
            Money(stored["given_back_fen"]),
            Money(stored["owed_fen"]),
            tuple(stored["slips"]),
        )


def settle_stay(context: Context, actor: Actor, command: SettleStay) -> Settled:
    """Settle a stay. Needs ``settlement.settle``.

    Raises :class:`NotFound` for an unknown stay, discharge or result, :class:`Conflict` when somebody took a step
    since ``seen_step``, :class:`MalformedInput` for a payment above what is owed. A rule's "no" is the ``decision``.
    """
    actor.require(Permission.SETTLEMENT_SETTLE)
    if command.top_up is not None:
        command = replace(command, top_up=checked(command.top_up))
    with context.work(actor, "settlement.settle", command.stay_no) as work:
        state = stays.lock_stay(work.connection, work.institution_id, command.stay_no)
        payload = _payload(command)
        known = work.known_answer(command.idempotency_key, payload)
        if known is not None:
            return Settled.of_json(known)
        row = _discharge(work, command)
        setl_id, amounts, is_other = _result(context, work, command)
        facts = settle_facts(
            work.connection,
            work.institution_id,
            command.kind,
            state,
            row,
            (setl_id, amounts),
            has_other_patient=is_other,
        )
        decision = settle(facts, work.rule_version)
        decision_id = work.keep_decision(decision, work.today, readings_within(work, "settlement.board"))
        if decision.permitted:
            work.rows.write(work.connection)  # the settlement names its decision
            answer = _carry_out(work, command, state, row, (setl_id, amounts), (decision, decision_id))
        else:
            work.audit(outcome="refused", decision_id=decision_id)
            answer = Settled(decision, decision_id)
        work.keep_answer(command.idempotency_key, payload, answer.to_json())
        return answer


def _payload(command: SettleStay) -> dict[str, Any]:
    payload = asdict(command)
    if command.result is not None:
        payload["result"]["setl_time"] = command.result.setl_time.isoformat()
    payload["self_pay_total"] = command.self_pay_total and command.self_pay_total.fen
    if command.top_up is not None:
        payload["top_up"]["amount"] = command.top_up.amount.fen
    return payload


def _discharge(work: UnitOfWork, command: SettleStay) -> DischargeRow | None:
    if command.kind is SettlementKind.INTERIM:
        return None
    row = discharges.lock_standing(work.connection, work.institution_id, command.stay_no)
    if command.seen_step is not None and row.step_no != command.seen_step and row.stage == Stage.CASHIER:
        raise Conflict("刚有别人办过一步。请刷新后再结算；本次没有入账。")
    return row


def _result(context: Context, work: UnitOfWork, command: SettleStay) -> tuple[str | None, ResultAmounts, bool]:
    """The result that is settled by: its number, its amounts, and whether it is about somebody else."""
    if command.kind is SettlementKind.NO_CHARGE:
        return None, self_paid(0), False
    if command.self_pay_total is not None:
        return None, self_paid(command.self_pay_total.fen), False
    if command.result is not None:
        take_result(context, work, command.stay_no, command.result, "hand")
    setl_id = command.result.setl_id if command.result is not None else command.setl_id
    row = store.find_result(work.connection, work.institution_id, setl_id)
    if row is None:
        raise NotFound(f"没有收到结算流水号 {setl_id} 的结果。请先取医保结果，或者照结算单填写。")
    own = store.certificate_hash_of(work.connection, work.institution_id, command.stay_no)
    is_other = row.stay_no != command.stay_no or (
        None not in (own, row.certificate_hash) and own != row.certificate_hash
    )
    amounts = ResultAmounts(
        row.medfee_sumamt_fen,
        row.fund_pay_sumamt_fen,
        row.psn_part_amt_fen,
        row.acct_pay_fen,
        row.psn_cash_pay_fen,
        row.hosp_part_amt_fen,
        row.acct_mulaid_pay_fen,
    )
    return setl_id, amounts, is_other


def settle_facts(
    connection: Connection,
    institution_id: str,
    kind: SettlementKind,
    state: StayState,
    row: DischargeRow | None,
    by: tuple[str | None, ResultAmounts],
    *,
    has_other_patient: bool = False,
) -> SettleFacts:
    """What the rule looks at: the stay, its discharge (none for an interim settlement), and the number and amounts of
    the result."""
    setl_id, amounts = by
    known = store.of_stay(connection, institution_id, state.stay_no)
    return SettleFacts(
        kind=kind.value,
        is_discharged=state.discharged_at is not None,
        is_settled=row is not None
        and any(one.recalled_at is None and one.discharged_at == row.discharged_at for one in known),
        is_cancelled=state.cancelled_at is not None,
        stage=row.stage if row else "",
        held_fen=state.collected_fen,
        has_other_patient=has_other_patient,
        is_result_used=setl_id is not None and store.is_used(connection, institution_id, setl_id),
        **asdict(amounts),
    )


def _carry_out(
    work: UnitOfWork,
    command: SettleStay,
    state: StayState,
    row: DischargeRow | None,
    by: tuple[str | None, ResultAmounts],
    decided: tuple[Decision, str],
) -> Settled:
    setl_id, amounts = by
    decision, decision_id = decided
    parts = parts_of(amounts)
    share = share_of(state.collected_fen, parts.cash_fen)
    count = len(store.of_stay(work.connection, work.institution_id, command.stay_no)) + 1
    number = store.settlement_number(command.stay_no, count)
    paid_in = store.paid_in(work.connection, work.institution_id, command.stay_no)
    shares = Shares(**asdict(parts), applied_fen=share.applied_fen, shortfall_fen=share.shortfall_fen)
    if share.shortfall_fen:
        open_arrears(work, command.stay_no)
    entry_no = None
    if parts.total_fen:
        postings = posted_lines(command.stay_no, shares)
        entry_no = work.ledger.post(
            settlement_entry(work, "settlement", command.kind.label, number, command.stay_no, postings)
        )
    store.add(
        work.connection,
        {
            "institution_id": work.institution_id,
            "stay_no": command.stay_no,
            "settlement_no": count,
            "kind": command.kind.value,
            "discharged_at": row and row.discharged_at,
            "setl_id": setl_id,
            **asdict(shares),
            "held_fen": state.collected_fen,
            "channel": command.channel.value,
            "entry_no": entry_no,
            "decision_id": decision_id,
            "settled_by": work.act.actor.actor_id,
            "settled_at": work.now,
            "token": new_token(),
        },
    )
    slips = []
    if command.top_up is not None:
        slips.append(take_top_up(work, command.stay_no, command.top_up, share.shortfall_fen, f"{number}:topup"))
    given_back = 0
    if row is not None:
        for at, one in enumerate(by_the_way_it_came(share.left_fen, paid_in)):
            slips.append(give_back(work, command.stay_no, one, f"{number}:{at}"))
            given_back += one.amount_fen
        discharges.add_step(
            work.connection,
            work.institution_id,
            row,
            Stage.INVOICE.value,
            f"结算单 {number}",
            work.act.actor.actor_id,
            work.now,
        )
        discharges.change(work.connection, work.institution_id, row, {"settled_at": work.now})
    owed = store.owed_fen(work.connection, work.institution_id, command.stay_no)
    detail = {"number": number, "applied_fen": share.applied_fen, "given_back_fen": given_back, "owed_fen": owed}
    work.audit(decision_id=decision_id, entry_no=entry_no, detail=detail)
    return Settled(
        decision, decision_id, number, Money(share.applied_fen), Money(given_back), Money(owed), tuple(slips)
    )


class Posted(Protocol):
    """Who bears a settlement, in fen."""

    @property
    def total_fen(self) -> int: ...
    @property
    def fund_fen(self) -> int: ...
    @property
    def account_fen(self) -> int: ...
    @property
    def hospital_fen(self) -> int: ...
    @property
    def applied_fen(self) -> int: ...
    @property
    def shortfall_fen(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Shares:
    """A settlement's columns of money."""

    total_fen: int
    fund_fen: int
    account_fen: int
    cash_fen: int
    hospital_fen: int
    applied_fen: int
    shortfall_fen: int


def posted_lines(stay_no: str, of: Posted) -> tuple[Posting, ...]:
    """The lines of a settlement: what the deposit pays, what is owed by insurance and patient, what the hospital
    bears; against what the stay cost."""
    debits = (
        (stay_account(stay_no), of.applied_fen),
        (FROM_INSURANCE, of.fund_fen + of.account_fen),
        (arrears_account(stay_no), of.shortfall_fen),
        (OWN_COST, of.hospital_fen),
    )
    lines = [Posting(account, debit=Money(fen)) for account, fen in debits if fen]
    return (*lines, Posting(IN_HOSPITAL, credit=Money(of.total_fen)))
