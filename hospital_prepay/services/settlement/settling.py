"""Settling a stay: the insurance's result, the deposit applied, what is left given back, what is owed paid or kept.

One transaction: decide, post, number, give back, pass on to the invoice. The same key gives the same answer.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, replace
from typing import Any

from hospital_prepay.crypto import new_token
from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.decision import Decision
from hospital_prepay.domain.errors import Conflict, NotFound
from hospital_prepay.domain.money import ZERO, Money
from hospital_prepay.domain.rules.settlement.refunds import Complete, is_complete
from hospital_prepay.domain.rules.settlement.result import ResultAmounts, self_paid
from hospital_prepay.domain.rules.settlement.settling import Channel, Rest, SettlementKind
from hospital_prepay.domain.rules.settlement.stages import Stage
from hospital_prepay.persistence import discharges, refund_arrivals, stays, unclaimed
from hospital_prepay.persistence import settlements as store
from hospital_prepay.persistence.discharges import DischargeRow
from hospital_prepay.persistence.models.base import canonical_json
from hospital_prepay.persistence.stays import StayState
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.services.context import Context
from hospital_prepay.services.publication.readings import readings_within
from hospital_prepay.services.settlement.preview import Preview, look
from hospital_prepay.services.settlement.results import BY_HAND, InsuranceResult, amounts_of, take_result
from hospital_prepay.services.settlement.shares import Shares, posted_lines
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
    somebody no insurance settles for, by the whole cost. ``rest`` says what becomes of what is left. ``seen`` is what
    was shown of it before (:func:`seen_of`), where something was."""

    stay_no: str
    kind: SettlementKind
    channel: Channel
    idempotency_key: str
    seen_step: int | None = None
    setl_id: str = ""
    result: InsuranceResult | None = None
    self_pay_total: Money | None = None
    top_up: TopUp | None = None
    rest: Rest = Rest.BACK
    seen: str | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """The answer to a settlement, a refusal too. ``slips`` are the numbers of what was paid or given back, ``left``
    what nobody was there to take."""

    decision: Decision
    decision_id: str
    number: str | None = None
    applied: Money = ZERO
    given_back: Money = ZERO
    owed: Money = ZERO
    slips: tuple[str, ...] = ()
    left: Money = ZERO

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
            "left_fen": self.left.fen,
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
            Money(stored.get("left_fen", 0)),
        )


def settle_stay(context: Context, actor: Actor, command: SettleStay) -> Settled:
    """Settle a stay. Needs ``settlement.settle``.

    Raises :class:`NotFound` for an unknown stay, discharge or result, :class:`Conflict` when somebody took a step
    since ``seen_step`` or it would come to something else than was ``seen``, :class:`MalformedInput` for a payment
    above what is owed. A rule's "no" is the ``decision``.
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
        by = _result(context, work, command)
        connection, institution = work.connection, work.institution_id
        found = look(
            connection, institution, command.kind, state, row, by, rest=command.rest, rule_version=work.rule_version
        )
        decision = found.decision
        _require_seen(command, found)
        readings = readings_within(work, "settlement.board")
        decision_id = work.keep_decision(decision, work.today, readings)
        if decision.permitted:
            work.rows.write(work.connection)  # the settlement names its decision
            complete = Complete(readings["settlement_complete"])
            answer = _carry_out(work, command, state, row, (by[0], found, decision_id), complete)
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


def seen_of(command: SettleStay, found: Preview) -> str:
    """A digest of what is to be settled, and one of what it comes to: equal as long as both are the same. What is
    paid at once comes after looking and isn't in it."""
    later = {"idempotency_key", "seen_step", "top_up", "seen"}
    said = {name: value for name, value in _payload(command).items() if name not in later}
    comes_to = {
        "parts": asdict(found.parts),
        "share": asdict(found.share),
        "back": [asdict(one) for one in found.back],
    }
    return ".".join(hashlib.sha256(canonical_json(part).encode()).hexdigest() for part in (said, comes_to))


def _require_seen(command: SettleStay, found: Preview) -> None:
    """What is settled is what was shown."""
    if command.seen is None or not found.decision.permitted:
        return
    now = seen_of(command, found)
    if command.seen != now:
        what = "预交金有变动" if command.seen.partition(".")[0] == now.partition(".")[0] else "内容改过"
        raise Conflict(f"{what}，已重新算。请核对后再按结算；本次没有入账。", code="changed_since_seen")


def _discharge(work: UnitOfWork, command: SettleStay) -> DischargeRow | None:
    if command.kind is SettlementKind.INTERIM:
        return None
    row = discharges.lock_standing(work.connection, work.institution_id, command.stay_no)
    if command.seen_step is not None and row.step_no != command.seen_step and row.stage == Stage.CASHIER:
        raise Conflict("刚有别人办过一步。请刷新后再结算；本次没有入账。")
    return row


def _result(context: Context, work: UnitOfWork, command: SettleStay) -> tuple[str | None, ResultAmounts]:
    """The result that is settled by: its number and amounts."""
    if command.kind is SettlementKind.NO_CHARGE:
        return None, self_paid(0)
    if command.self_pay_total is not None:
        return None, self_paid(command.self_pay_total.fen)
    if command.result is not None:
        take_result(context, work, command.stay_no, command.result, BY_HAND)
    setl_id = command.result.setl_id if command.result is not None else command.setl_id
    row = store.lock_result(work.connection, work.institution_id, setl_id)
    if row is None:
        raise NotFound(f"没有收到结算流水号 {setl_id} 的结果。请先取医保结果，或者照结算单填写。")
    return setl_id, amounts_of(row)


def _carry_out(
    work: UnitOfWork,
    command: SettleStay,
    state: StayState,
    row: DischargeRow | None,
    by: tuple[str | None, Preview, str],
    complete: Complete,
) -> Settled:
    setl_id, found, decision_id = by
    share = found.share
    count = len(store.of_stay(work.connection, work.institution_id, command.stay_no)) + 1
    number = store.settlement_number(command.stay_no, count)
    shares = Shares(**asdict(found.parts), applied_fen=share.applied_fen, shortfall_fen=share.shortfall_fen)
    if share.shortfall_fen:
        open_arrears(work, command.stay_no)
    entry_no = None
    if found.parts.total_fen:
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
        key, owed_fen = f"{number}:topup", share.shortfall_fen
        slips.append(take_top_up(work, command.stay_no, command.top_up, owed_fen, key, command.channel))
    given_back = left = 0
    if row is not None:
        back, given_back, left = _give_rest(work, command, found, number)
        slips += back
        _pass_on(work, row, number, complete)
    owed = store.owed_fen(work.connection, work.institution_id, command.stay_no)
    detail = {
        "number": number,
        "applied_fen": share.applied_fen,
        "given_back_fen": given_back,
        "left_fen": left,
        "owed_fen": owed,
        "settlement_complete": complete.value,
    }
    work.audit(decision_id=decision_id, entry_no=entry_no, detail=detail)
    return Settled(
        found.decision,
        decision_id,
        number,
        Money(share.applied_fen),
        Money(given_back),
        Money(owed),
        tuple(slips),
        Money(left),
    )


def _give_rest(work: UnitOfWork, command: SettleStay, found: Preview, number: str) -> tuple[list[str], int, int]:
    """What is left goes back by the ways it came, or lies with the stay until somebody comes: the slips, and how much
    went and stayed, in fen."""
    if command.rest is Rest.LEFT:
        if found.share.left_fen:
            unclaimed.note(work.connection, work.institution_id, command.stay_no, work.act.actor.actor_id, work.now)
        return [], 0, found.share.left_fen
    slips = [
        give_back(work, command.stay_no, one, f"{number}:{at}", channel=command.channel)
        for at, one in enumerate(found.back)
    ]
    return slips, sum(one.amount_fen for one in found.back), 0


def _pass_on(work: UnitOfWork, row: DischargeRow, number: str, complete: Complete) -> None:
    """The discharge goes on to its invoice, and counts as settled, unless a refund is awaited: then it does once that
    has arrived (``arrivals.count_as_settled``)."""
    connection, institution, actor_id = work.connection, work.institution_id, work.act.actor.actor_id
    words = f"结算单 {number}"
    discharges.add_step(connection, institution, row, Stage.INVOICE.value, words, actor_id, work.now)
    awaited = refund_arrivals.is_awaited(connection, institution, row.stay_no)
    if is_complete(complete, is_refund_awaited=awaited):
        discharges.change(connection, institution, row, {"settled_at": work.now})
