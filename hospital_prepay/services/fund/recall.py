"""A ground of recall from the day it is recorded to its end: everything returned, or lifted by a second person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.calendar import WorkingDayCalendar
from hospital_prepay.domain.decision import Decision
from hospital_prepay.domain.errors import Conflict, MalformedInput
from hospital_prepay.domain.references import plain_name
from hospital_prepay.domain.rules.fund.recall import RecallEvent, RecallFacts, facts_of, recall, withholding
from hospital_prepay.domain.rules.publication.scope import Ownership
from hospital_prepay.persistence import fund_recalls as store
from hospital_prepay.persistence import funds, institutions
from hospital_prepay.persistence.database import Connection
from hospital_prepay.persistence.fund_recalls import RecallState
from hospital_prepay.persistence.funds import GrantState
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.rulebook.loader import load_rulebook
from hospital_prepay.services.context import Context
from hospital_prepay.services.fund.slips import require_past
from hospital_prepay.services.publication.holidays import working_days
from hospital_prepay.services.publication.readings import reading_in_force, readings_within

_PLACE = "fund.recall"


@dataclass(frozen=True, slots=True)
class RecordRecall:
    """A ground that came about. ``ground`` is its number in the notice, ``None`` by the agreement alone."""

    regime: str
    ground: int | None
    what: str
    since_on: date
    document: str
    idempotency_key: str


@dataclass(frozen=True, slots=True)
class UrgeRecall:
    """The authority urged the return, on a day and by a document."""

    recall_id: str
    urged_on: date
    document: str


@dataclass(frozen=True, slots=True)
class LiftRecall:
    """The ground is gone, by a written ground and a document."""

    recall_id: str
    ground: str
    document: str


# What stands before the words of why a ground stands again.
AGAIN: Final = "\n"


@dataclass(frozen=True, slots=True)
class RecordedRecall:
    """The answer to :func:`record_recall`; ``recall_id`` is ``None`` when the ground doesn't bind this hospital."""

    decision: Decision
    recall_id: str | None

    def to_json(self) -> dict[str, Any]:
        """As stored for the next request with the same key."""
        return {"decision": self.decision.to_json(), "recall_id": self.recall_id}

    @classmethod
    def of_json(cls, stored: dict[str, Any]) -> RecordedRecall:
        """The opposite of :meth:`to_json`."""
        return cls(Decision.of_json(stored["decision"]), stored["recall_id"])


def record_recall(context: Context, actor: Actor, command: RecordRecall) -> RecordedRecall:
    """Write down a ground: spending stops from now on, and what isn't paid out is withheld where the notice says so.

    Raises :class:`MalformedInput` for a ground that isn't one, a day ahead or missing evidence, :class:`Conflict`
    when this ground stands already.
    """
    actor.require(Permission.FUND_RETURN)
    calendar = working_days(context, actor.institution_id)
    payload = {
        "regime": command.regime,
        "ground": command.ground,
        "what": command.what,
        "since": command.since_on.isoformat(),
        "document": command.document,
    }
    with context.work(actor, "fund.recall", f"recall:{command.regime}") as work:
        store.lock_grants_of(work.connection, work.institution_id, command.regime)
        known = work.known_answer(command.idempotency_key, payload)
        if known is not None:
            return RecordedRecall.of_json(known)
        _check(work, command)
        event = (command.ground, None)
        facts = recall_facts(work.connection, work.institution_id, command.regime, event, calendar)
        decision = recall(facts, work.rule_version)
        decision_id = work.keep_decision(decision, work.today, readings_within(work, _PLACE))
        recall_id = _write_down(work, command, facts, decision_id) if decision.permitted else None
        withheld = []
        if decision.permitted and facts.withholds_clause:
            withheld = _withhold_unpaid(work, command.regime, command.document)
        work.audit(
            outcome="done" if recall_id else "refused",
            subject=f"recall:{recall_id}" if recall_id else None,
            decision_id=decision_id,
            detail={"ground": command.ground, "document": command.document, "withheld": withheld},
        )
        answer = RecordedRecall(decision, recall_id)
        work.keep_answer(command.idempotency_key, payload, answer.to_json())
        return answer


def urge_recall(context: Context, actor: Actor, command: UrgeRecall) -> Decision:
    """The day the authority urged the return: where the notice has a term, its clock runs from here.

    Raises :class:`MalformedInput` for a day ahead or before the ground, :class:`Conflict` when it was urged before.
    """
    actor.require(Permission.FUND_RETURN)
    calendar = working_days(context, actor.institution_id)
    with context.work(actor, "fund.urge", f"recall:{command.recall_id}") as work:
        found = _standing(work, command.recall_id)
        _require_text(command.document, "document", "请填督促退回的文号或通知名称。")
        require_past(command.urged_on, work.today, "urged_on")
        if command.urged_on < found.since_on:
            words = f"督促日不能早于情形出现的 {found.since_on}，请核对。"
            raise MalformedInput(words, details={"field": "urged_on"})
        event = (found.ground, command.urged_on)
        facts = recall_facts(work.connection, work.institution_id, found.regime, event, calendar)
        decision = recall(facts, work.rule_version)
        decision_id = work.keep_decision(decision, work.today, readings_within(work, _PLACE))
        store.walk_recall(
            work.connection,
            work.institution_id,
            found.recall_id,
            urged_on=command.urged_on,
            urged_document=command.document.strip(),
            urged_by=actor.actor_id,
            urged_at=work.now,
        )
        detail = {"urged_on": command.urged_on.isoformat(), "due_on": decision.facts["due_on"]}
        work.audit(decision_id=decision_id, detail=detail)
        return decision


def lift_recall(context: Context, actor: Actor, command: LiftRecall) -> RecallState:
    """The ground no longer stands: by another person than who recorded it, with a written ground and a document.

    Raises :class:`SecondPersonRequired`, :class:`MalformedInput`, :class:`Conflict` when it ended already.
    """
    actor.require(Permission.FUND_RECORD)
    with context.work(actor, "fund.lift", f"recall:{command.recall_id}") as work:
        found = _standing(work, command.recall_id)
        actor.require_other_than(found.recorded_by, "解除收回情形")
        _require_text(command.ground, "ground", "请写明为什么解除。")
        _require_text(command.document, "document", "请填解除依据的文号或文件名。")
        store.walk_recall(
            work.connection,
            work.institution_id,
            found.recall_id,
            state="lifted",
            ended_by=actor.actor_id,
            ended_at=work.now,
            ended_ground=command.ground.strip(),
            ended_document=command.document.strip(),
        )
        work.audit(detail={"ground": command.ground, "document": command.document})
        return store.read_recall(work.connection, work.institution_id, found.recall_id)


def end_returned(work: UnitOfWork, regime: str) -> list[str]:
    """End the grounds of a place whose last grant was cleared in this act; their ids."""
    standing = store.lock_standing(work.connection, work.institution_id, regime)
    if not standing or store.has_open_grant(work.connection, work.institution_id, regime):
        return []
    ended = {"ended_by": work.act.actor.actor_id, "ended_at": work.now, "ended_ground": "应还医保全部还清"}
    for recall_id in standing:
        store.walk_recall(work.connection, work.institution_id, recall_id, state="returned", **ended)
    return standing


def stand_again(work: UnitOfWork, grant: GrantState, entry_no: int) -> list[str]:
    """Grounds that ended because everything was returned, and a return or offset of ``grant``, cleared by then, is
    taken back (``entry_no``): each is written down anew as it was, its clock running on. Returns their ids."""
    own, regime = work.institution_id, grant.regime
    if grant.kind != "basic":
        return []
    still = {(one.ground, one.document) for one in store.all_standing(work.connection, own, regime)}
    lifted = store.all_lifted(work.connection, own, regime)
    ended = [
        one
        for one in store.all_returned(work.connection, own, regime)
        if _ended_since(one, grant.cleared_at)
        and (one.ground, one.document) not in still
        # One that stood again since and was lifted by two people is gone.
        and not any(_is_again(one, other) for other in lifted)
    ]
    newest = {(one.ground, one.document): one for one in reversed(ended)}
    return [_write_down_again(work, one, entry_no) for one in newest.values()]


def require_no_recall(work: UnitOfWork, regime: str, what: str) -> None:
    """House rule: nothing is reserved or paid while a ground stands. Raises :class:`Conflict`."""
    found = store.standing(work.connection, work.institution_id, regime)
    if found is not None:
        words = f"收回情形还没有办结，按本院规定预付金暂停审批和付款（{basis_of(found)}）；本次没有{what}。"
        raise Conflict(f"{words}请先交回，或由另一个人登记解除。", code="recall_stands")


def basis_of(found: RecallState) -> str:
    """What a ground rests on: the clause as people cite it, or the agreement."""
    if not found.clause:
        return "依据服务协议，通知未作规定"
    rulebook = load_rulebook()
    clause = rulebook.clause(found.clause)
    return f"所依据的情形：{rulebook.instruments[clause.instrument].short_title} {clause.cited}"


def withheld_by(work: UnitOfWork, grant: GrantState) -> RecallState | None:
    """The ground that holds back what isn't paid out of this grant, where the notice says that it does."""
    if grant.kind != "basic" or withholding(load_rulebook().regime(grant.regime, grant.year)) is None:
        return None
    return store.standing(work.connection, work.institution_id, grant.regime)


def recall_facts(
    connection: Connection,
    institution_id: str,
    instrument: str,
    event: tuple[int | None, date | None],
    calendar: WorkingDayCalendar,
) -> RecallFacts:
    """The place's pack, the hospital's ownership and its books on a ground and the day of urging.

    Raises :class:`MalformedInput` for a ground that isn't one.
    """
    own = store.grants_of(connection, institution_id, instrument)
    regime = load_rulebook().regime(instrument, max(one.year for one in own) if own else None)
    hospital = institutions.by_id(connection, institution_id)
    public = hospital is None or hospital.ownership == Ownership.PUBLIC
    counts = reading_in_force(connection, institution_id, "recall_days") == "day_of_urging"
    owed = sum(one.owed_fen for one in own)
    unpaid = sum(one.approved_fen or 0 for one in own if one.state in ("approved", "withheld"))
    return facts_of(regime, RecallEvent(event[0], public, event[1], counts), owed, unpaid, calendar)


def _check(work: UnitOfWork, command: RecordRecall) -> None:
    _require_text(command.what, "what", "请写明发生了什么。")
    _require_text(command.document, "document", "请填依据的文号或文件名。")
    require_past(command.since_on, work.today, "since_on")
    standing = store.all_standing(work.connection, work.institution_id, command.regime)
    if any(one.ground == command.ground for one in standing):
        raise Conflict("这一种情形已经登记，还没有办结。请打开那一条，不要重复登记。")


def _write_down(work: UnitOfWork, command: RecordRecall, facts: RecallFacts, decision_id: str) -> str:
    recall_id = work.new_id()
    store.add_recall(
        work.connection,
        {
            "institution_id": work.institution_id,
            "recall_id": recall_id,
            "regime": command.regime,
            "ground": command.ground,
            "clause": facts.clause or "",
            "what": command.what.strip(),
            "since_on": command.since_on,
            "document": command.document.strip(),
            "state": "standing",
            "decision_id": decision_id,
            "recorded_by": work.act.actor.actor_id,
            "recorded_at": work.now,
        },
    )
    return recall_id


def _ended_since(ended: RecallState, cleared_at: datetime | None) -> bool:
    """Whether a ground ended when the grant was cleared or later; of a grant of which nobody knows when, always."""
    return ended.ended_at is not None and (cleared_at is None or ended.ended_at >= cleared_at)


def _is_again(ended: RecallState, other: RecallState) -> bool:
    same = (other.ground, other.document) == (ended.ground, ended.document)
    return same and ended.ended_at is not None and other.recorded_at >= ended.ended_at


def _write_down_again(work: UnitOfWork, ended: RecallState, entry_no: int) -> str:
    kept = ("regime", "ground", "clause", "since_on", "document", "decision_id", "recorded_by")
    what = ended.what.partition(AGAIN)[0]
    recall_id = work.new_id()
    values = {
        "institution_id": work.institution_id,
        "recall_id": recall_id,
        **{name: getattr(ended, name) for name in kept},
        "what": f"{what}{AGAIN}凭证 {entry_no} 已红字冲销，原已办结的情形重新成立。",
        "state": "standing",
        "recorded_at": work.now,
    }
    store.add_recall(work.connection, values)
    if ended.urged_on is not None:
        urged = ("urged_on", "urged_document", "urged_by")
        again = {name: getattr(ended, name) for name in urged}
        store.walk_recall(work.connection, work.institution_id, recall_id, **again, urged_at=work.now)
    if withholding(load_rulebook().regime(ended.regime)) is not None:
        _withhold_unpaid(work, ended.regime, ended.document)
    work.audit(subject=f"recall:{recall_id}", detail={"stands_again": ended.recall_id, "ground": ended.ground})
    return recall_id


def _withhold_unpaid(work: UnitOfWork, regime: str, document: str) -> list[str]:
    """What is approved and not paid out is withheld in the same act; lifting lets it go by the act for that."""
    ground = f"收回情形：{document.strip()}"
    own = store.grants_of(work.connection, work.institution_id, regime)
    unpaid = [one for one in own if one.state == "approved"]
    for one in unpaid:
        funds.walk_grant(work.connection, work.institution_id, one.grant_id, state="withheld", withheld_ground=ground)
    return [one.grant_id for one in unpaid]


def _standing(work: UnitOfWork, recall_id: str) -> RecallState:
    found = store.lock_recall(work.connection, work.institution_id, recall_id)
    if found.state != "standing":
        raise Conflict("这条收回已经办结。请刷新后再看；本次没有改动。")
    return found


def _require_text(text: str, field: str, words: str) -> None:
    if not plain_name(text):
        raise MalformedInput(words, code="missing_value", details={"field": field})
