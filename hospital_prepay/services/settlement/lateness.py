"""Writing down why a settlement is late, and excuses: asked by one person, decided by another (article 25).

None of it touches a clock: what is late stays late, with its reason beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from hospital_prepay.clock import SHANGHAI, local
from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.decision import Decision
from hospital_prepay.domain.errors import Conflict, MalformedInput
from hospital_prepay.domain.rules.settlement.clocks import is_late
from hospital_prepay.domain.rules.settlement.lateness import ExcuseFacts, LateReason, excuse
from hospital_prepay.domain.rules.settlement.stages import OWNERS
from hospital_prepay.persistence import discharges, escalations, take_backs
from hospital_prepay.persistence import lateness as store
from hospital_prepay.persistence.database import Connection
from hospital_prepay.persistence.discharges import DischargeRow
from hospital_prepay.persistence.escalations import EscalationRow
from hospital_prepay.persistence.lateness import LateRow
from hospital_prepay.persistence.queries import lateness as queries
from hospital_prepay.persistence.queries import people
from hospital_prepay.persistence.queries.lateness import LateLine
from hospital_prepay.persistence.take_backs import TakeBackRow
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.services.context import Context
from hospital_prepay.services.publication.readings import reading_in_force, readings_within
from hospital_prepay.services.settlement.reports import span_of

__all__ = ["LateLine", "LateRow", "TakeBackRow"]
A_PAGE: Final = 50
_LONGEST: Final = 200


@dataclass(frozen=True, slots=True)
class WriteReason:
    """Why a discharge is late; ``asks_excuse`` where an excuse is asked for at once."""

    stay_no: str
    reason: LateReason
    words: str
    idempotency_key: str
    asks_excuse: bool = False


@dataclass(frozen=True, slots=True)
class Decided:
    """What became of an excuse; the rule's ``decision`` where it was to be accepted."""

    accepted: bool
    decision: Decision | None = None
    decision_id: str | None = None


@dataclass(frozen=True, slots=True)
class Beside:
    """What stands beside the clocks of a stay: every reason, what the rule would say now of each excuse that waits,
    by its number, what was brought to whom, every request to take a late discharge back, and the people's names.
    ``is_late``: the discharge that stands is late by now, or was settled late."""

    rows: tuple[LateRow, ...]
    previews: dict[int, Decision]
    escalations: tuple[EscalationRow, ...]
    take_backs: tuple[TakeBackRow, ...]
    names: dict[str, str]
    is_late: bool


def may_write(actor: Actor) -> bool:
    """Whoever does a part of a settlement, or looks after all, may say why it is late."""
    return actor.may(Permission.SETTLEMENT_MANAGE) or any(actor.may(one) for one in OWNERS.values())


def write_reason(context: Context, actor: Actor, command: WriteReason) -> int:
    """Write down why the standing discharge is, or will be, late; returns the reason's number.

    Needs a part of the settlement. The same key gives the same answer. Raises :class:`NotFound`,
    :class:`MalformedInput` without words, :class:`Conflict` for an excuse that can't be asked.
    """
    words = command.words.strip()
    if not 1 <= len(words) <= _LONGEST:
        raise MalformedInput(f"请写明情况，最多 {_LONGEST} 个字。", code="missing_value", details={"field": "words"})
    with context.work(actor, "settlement.late_reason", command.stay_no) as work:
        row = discharges.lock_standing(work.connection, work.institution_id, command.stay_no)
        _require_part(actor)
        payload = {
            "stay_no": row.stay_no,
            "reason": command.reason.value,
            "words": words,
            "asks": command.asks_excuse,
        }
        known = work.known_answer(command.idempotency_key, payload)
        if known is not None:
            return int(known["lateness_no"])
        if row.settled_at is not None and not _is_late(row, work.today):
            raise Conflict("这次出院是按时结算的，不用写逾期原因。")
        if command.asks_excuse:
            _refuse_hopeless(_judge(work, row, command.reason.value))
        number = 1 + sum(
            one.discharged_at == row.discharged_at
            for one in store.of_stay(work.connection, work.institution_id, row.stay_no)
        )
        asked = {"asked_by": actor.actor_id, "asked_at": work.now} if command.asks_excuse else {}
        store.add(
            work.connection,
            work.institution_id,
            {
                "stay_no": row.stay_no,
                "discharged_at": row.discharged_at,
                "lateness_no": number,
                "reason_code": command.reason.value,
                "words": words,
                "written_by": actor.actor_id,
                "written_at": work.now,
                "excuse": "asked" if command.asks_excuse else "none",
                **asked,
            },
        )
        work.audit(detail={"reason": command.reason.value, "excuse_asked": command.asks_excuse})
        work.keep_answer(command.idempotency_key, payload, {"lateness_no": number})
        return number


def ask_excuse(context: Context, actor: Actor, stay_no: str, lateness_no: int) -> None:
    """Ask that a delay be excused, for a reason on record. Raises :class:`Conflict` where it was asked
    already, or the rule would say no."""
    with context.work(actor, "settlement.ask_excuse", stay_no) as work:
        row, one = _reason(work, stay_no, lateness_no)
        _require_part(actor)
        if one.excuse != "none":
            raise Conflict("这一条已经申请过容错。请刷新。")
        _refuse_hopeless(_judge(work, row, one.reason_code))
        asked = {"excuse": "asked", "asked_by": actor.actor_id, "asked_at": work.now}
        store.change(work.connection, work.institution_id, one, asked)
        work.audit(detail={"lateness_no": lateness_no, "reason": one.reason_code})


def decide_excuse(
    context: Context, actor: Actor, stay_no: str, lateness_no: int, *, accept: bool, answer: str = ""
) -> Decided:
    """Accept an excuse, or turn it down with words; by another person than asked. Needs ``settlement.manage``.

    What is accepted stays late and keeps its due day. A rule's "no" is the ``decision``, the excuse waits on then.
    """
    actor.require(Permission.SETTLEMENT_MANAGE)
    words = answer.strip()
    if not accept and not 1 <= len(words) <= _LONGEST:
        raise MalformedInput("请写明为什么不同意。", code="missing_value", details={"field": "answer"})
    action = "settlement.accept_excuse" if accept else "settlement.refuse_excuse"
    with context.work(actor, action, stay_no) as work:
        row, one = _reason(work, stay_no, lateness_no)
        if one.excuse != "asked" or one.asked_by is None:
            raise Conflict("没有人申请容错，或者已经有人办理过。请刷新。")
        actor.require_other_than(one.asked_by, "容错")
        decided = {"decided_by": actor.actor_id, "decided_at": work.now, "answer": words or None}
        detail = {"lateness_no": lateness_no, "reason": one.reason_code}
        if not accept:
            store.change(work.connection, work.institution_id, one, {"excuse": "refused", **decided})
            work.audit(detail={**detail, "answer": words})
            return Decided(False)
        decision = _judge(work, row, one.reason_code)
        decision_id = work.keep_decision(decision, work.today, readings_within(work, "settlement.late"))
        if not decision.permitted:
            work.audit(outcome="refused", decision_id=decision_id, detail=detail)
            return Decided(False, decision, decision_id)
        work.rows.write(work.connection)  # the excuse names its decision
        accepted = {"excuse": "accepted", "decision_id": decision_id, **decided}
        store.change(work.connection, work.institution_id, one, accepted)
        work.audit(decision_id=decision_id, detail=detail)
        return Decided(True, decision, decision_id)


def beside(context: Context, actor: Actor, stay_no: str) -> Beside:
    """What stands beside a stay's clocks. Needs ``settlement.view``."""
    actor.require(Permission.SETTLEMENT_VIEW)
    institution, today = actor.institution_id, context.clock.today()
    with context.database.reading() as connection:
        rows = tuple(store.of_stay(connection, institution, stay_no))
        standing = [one for one in discharges.of_stay(connection, institution, stay_no) if one.ended_at is None]
        previews = {
            one.lateness_no: excuse(
                _facts(connection, institution, standing[0], one.reason_code, today), context.rule_version
            )
            for one in rows
            if standing and one.excuse == "asked" and one.discharged_at == standing[0].discharged_at
        }
        told = tuple(escalations.of_stay(connection, institution, stay_no))
        asked = tuple(take_backs.of_stay(connection, institution, stay_no))
        late = any(_is_late(one, today) for one in standing)
        return Beside(rows, previews, told, asked, dict(people.names(connection, institution)), late)


@dataclass(frozen=True, slots=True)
class LateList:
    """A page of one list of late discharges, and how many each list holds."""

    today: date
    counts: dict[str, int]
    rows: tuple[LateLine, ...]
    names: dict[str, str]


def late_list(context: Context, actor: Actor, which: str, page: int) -> LateList:
    """The list ``open``, ``unexplained`` (of a year), ``excuses`` or ``take_backs``. Needs ``settlement.view``."""
    actor.require(Permission.SETTLEMENT_VIEW)
    institution, today = actor.institution_id, context.clock.today()
    since = datetime(today.year - 1, today.month, 1, tzinfo=SHANGHAI)
    counts, rows = {}, tuple[LateLine, ...]()
    with context.database.reading() as connection:
        for name in ("open", "unexplained", "excuses", "take_backs"):
            limit, offset = (A_PAGE, (page - 1) * A_PAGE) if name == which else (0, 0)
            if name == "open":
                number, found = queries.open_late(connection, institution, today, limit, offset)
            elif name == "unexplained":
                number, found = queries.settled_without_reason(connection, institution, since, today, limit, offset)
            elif name == "excuses":
                number, found = queries.excuses_asked(connection, institution, limit, offset)
            else:
                number, found = queries.take_backs_asked(connection, institution, limit, offset)
            counts[name] = number
            rows = tuple(found) if name == which else rows
        return LateList(today, counts, rows, dict(people.names(connection, institution)))


def _require_part(actor: Actor) -> None:
    if not may_write(actor):
        actor.require(Permission.SETTLEMENT_MANAGE)


def _reason(work: UnitOfWork, stay_no: str, lateness_no: int) -> tuple[DischargeRow, LateRow]:
    row = discharges.lock_standing(work.connection, work.institution_id, stay_no)
    return row, store.find(work.connection, work.institution_id, stay_no, row.discharged_at, lateness_no)


def _judge(work: UnitOfWork, row: DischargeRow, reason_code: str) -> Decision:
    return excuse(_facts(work.connection, work.institution_id, row, reason_code, work.today), work.rule_version)


def _facts(
    connection: Connection, institution_id: str, row: DischargeRow, reason_code: str, today: date
) -> ExcuseFacts:
    month = f"{local(row.discharged_at):%Y-%m}"
    since, until, _ = span_of(month, month)
    of_ward = store.ward_month(connection, institution_id, row.ward, (since, until), today)
    return ExcuseFacts(
        reason_code=reason_code,
        tolerated=str(reading_in_force(connection, institution_id, "tolerated_lateness")),
        is_late=_is_late(row, today),
        discharged=of_ward.discharged,
        late=of_ward.late,
        occasional_percent=int(str(reading_in_force(connection, institution_id, "occasional_share"))),
    )


def _is_late(row: DischargeRow, today: date) -> bool:
    """Whether a firm due day had passed when it was settled, or has by now."""
    through = today if row.settled_at is None else local(row.settled_at).date()
    return row.due_on is not None and is_late(row.due_on, through)


def _refuse_hopeless(decision: Decision) -> None:
    if not decision.permitted:
        raise Conflict("".join(reason.message for reason in decision.reasons))
