"""Reading recall and clearing for its pages: grounds with what follows, the cash forecast, the agency's memorandum
book, losses, and what waits to be netted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.calendar import WorkingDayCalendar
from hospital_prepay.domain.decision import Decision
from hospital_prepay.domain.errors import NotFound
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.fund.agency_books import AgencyEntry, agency_entries
from hospital_prepay.domain.rules.fund.clearing import bar_clause, clearing_duty, net
from hospital_prepay.domain.rules.fund.forecast import Forecast, ForecastFacts, forecast
from hospital_prepay.domain.rules.fund.readings import HolidayRoll
from hospital_prepay.domain.rules.fund.recall import RecallFacts, recall
from hospital_prepay.domain.rules.fund.regime import SettlementsStop
from hospital_prepay.persistence import decisions, fund_applications, funds
from hospital_prepay.persistence import fund_distributions as distributions
from hospital_prepay.persistence import fund_recalls as store
from hospital_prepay.persistence.database import Connection
from hospital_prepay.persistence.fund_recalls import BookedSettlement, IncidentState, RecallState, Slip, WriteOff
from hospital_prepay.persistence.funds import GrantState
from hospital_prepay.persistence.queries import funds as queries
from hospital_prepay.persistence.queries import people
from hospital_prepay.persistence.queries.funds import GrantEntry
from hospital_prepay.rulebook.loader import load_rulebook
from hospital_prepay.services.context import Context
from hospital_prepay.services.fund.incidents import standing_in_account
from hospital_prepay.services.fund.netting import KIND, netting_facts
from hospital_prepay.services.fund.predecessors import follows, nets, owed_predecessor
from hospital_prepay.services.fund.recall import recall_facts
from hospital_prepay.services.publication.holidays import working_days
from hospital_prepay.services.publication.readings import holiday_roll

__all__ = ["BookedSettlement", "GrantState", "IncidentState", "RecallState", "Slip", "WriteOff"]


@dataclass(frozen=True, slots=True)
class Pair:
    """A grant and the approved one of the next year that it is netted against."""

    old: GrantState
    new: GrantState
    decision: Decision


@dataclass(frozen=True, slots=True)
class Unready:
    """A grant that will be netted, and the next year's as far as it came: applied for, withheld, or not there."""

    old: GrantState
    new: GrantState | None


@dataclass(frozen=True, slots=True)
class RecallOverview:
    """Everything of the room; ``names`` of people by id."""

    recalls: list[RecallState]
    grants: list[GrantState]
    pairs: list[Pair]
    unready: list[Unready]
    incidents: list[IncidentState]
    names: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RecallDetail:
    """One ground with what follows from it today. ``again``: the ground that took its place when what had ended it
    was taken back; ``before``: the one whose place it took."""

    recall: RecallState
    again: RecallState | None
    before: RecallState | None
    decision: Decision
    grants: list[GrantState]
    names: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Loss:
    """One loss, and what of it is still to be claimed, in fen."""

    incident: IncidentState
    claimable_fen: int


@dataclass(frozen=True, slots=True)
class Mirrored:
    """One grant as the agency's memorandum book has it, in fen: never our books."""

    grant: GrantState
    paid_out_fen: int
    returned_fen: int
    offset_fen: int
    netted_fen: int
    balance_fen: int
    write_offs: tuple[WriteOff, ...]
    entries: tuple[AgencyEntry, ...]


@dataclass(frozen=True, slots=True)
class Outlook:
    """The forecast of one grant. ``stands``: the ground of recall, if any; ``expected``: the day is an estimate;
    ``document`` names the day where no notice does; ``last`` is the settlement that the estimate was taken from."""

    grant: GrantState
    forecast: Forecast
    facts: ForecastFacts
    stands: RecallState | None
    expected: bool
    clause: str | None
    bar: str | None
    document: str = ""
    last: BookedSettlement | None = None


@dataclass(frozen=True, slots=True)
class _Day:
    """The day on which a grant must be given back, and what names it."""

    on: date
    stands: RecallState | None = None
    expected: bool = False
    clause: str | None = None
    bar: str | None = None
    settlements_stopped: bool = False
    document: str = ""


def recall_overview(context: Context, actor: Actor) -> RecallOverview:
    """All of it, newest first. Needs ``fund.view``."""
    actor.require(Permission.FUND_VIEW)
    own, today = actor.institution_id, context.clock.today()
    with context.database.reading() as connection:
        grants = funds.grants(connection, own)
        return RecallOverview(
            recalls=store.recalls(connection, own),
            grants=grants,
            pairs=_pairs(grants, today, context.rule_version, holiday_roll(connection, own)),
            unready=_unready(grants),
            incidents=store.incidents(connection, own),
            names=people.names(connection, own),
        )


def read_recall(context: Context, actor: Actor, recall_id: str) -> RecallDetail:
    """One ground: what follows from it by today's books, or, once it ended, what was decided when it was recorded.

    Needs ``fund.view``. Raises :class:`NotFound`.
    """
    actor.require(Permission.FUND_VIEW)
    own, calendar = actor.institution_id, working_days(context, actor.institution_id)
    with context.database.reading() as connection:
        found = store.read_recall(connection, own, recall_id)
        if found.state == "standing":
            event = (found.ground, found.urged_on)
            decision = recall(recall_facts(connection, own, found.regime, event, calendar), context.rule_version)
        else:
            decision = decisions.find(connection, own, found.decision_id)[0]
        grants = store.grants_of(connection, own, found.regime)
        every = store.recalls(connection, own)
        before = next((one for one in every if (now := stands_again(one, every)) and now == found), None)
        return RecallDetail(
            found, stands_again(found, every), before, decision, grants, people.names(connection, own)
        )


def stands_again(ended: RecallState, every: Sequence[RecallState]) -> RecallState | None:
    """The ground that took the place of one that had ended by returning, the first of several; ``every`` newest
    first."""
    if ended.state != "returned" or ended.ended_at is None:
        return None
    key = (ended.regime, ended.ground, ended.document, ended.since_on)
    for one in reversed(every):
        same = (one.regime, one.ground, one.document, one.since_on) == key
        if same and one.recall_id != ended.recall_id and one.recorded_at >= ended.ended_at:
            return one
    return None


def losses(context: Context, actor: Actor) -> list[Loss]:
    """Every loss with what is still to be claimed. Needs ``ledger.view``: names are for finance and audit."""
    actor.require(Permission.LEDGER_VIEW)
    own = actor.institution_id
    with context.database.reading() as connection:
        left = store.balances(connection, own, standing_in_account(""))
        found = store.incidents(connection, own)
        return [Loss(one, left.get(standing_in_account(one.incident_id), 0)) for one in found]


def memorandum(context: Context, actor: Actor) -> list[Mirrored]:
    """What the agency's book must show of every grant that was paid out. Needs ``fund.view``."""
    actor.require(Permission.FUND_VIEW)
    own = actor.institution_id
    with context.database.reading() as connection:
        written_off = store.write_offs(connection, own)
        return [
            _mirrored(one, queries.grant_entries(connection, own, one.grant_id), written_off)
            for one in funds.grants(connection, own)
            if one.state in ("received", "cleared") and one.kind == "basic"
        ]


def outlook(
    context: Context, actor: Actor, grant_id: str, monthly: Money | None = None, own_cash: Money | None = None
) -> Outlook | None:
    """Will the money of this grant be there on its day; ``None`` where the place nets instead of clearing, or its own
    document names no day.

    ``monthly`` left out is what was offset from the last settlement of the same fund. Needs ``fund.view``.
    Raises :class:`NotFound`.
    """
    actor.require(Permission.FUND_VIEW)
    own, calendar = actor.institution_id, working_days(context, actor.institution_id)
    with context.database.reading() as connection:
        grant = funds.read_grant(connection, own, grant_id)
        if grant.kind != "basic":
            day = _day_of_document(connection, own, grant)
        else:
            day = _day_of_notice(connection, own, grant, calendar)
        settled = store.settlements(connection, own, grant) if grant.kind == "basic" else []
        in_hand = distributions.in_hand(connection, own, grant_id)
    if day is None:
        return None
    last = settled[0] if settled else None
    facts = ForecastFacts(
        today=context.clock.today(),
        clear_on=day.on,
        owed=Money(grant.owed_fen),
        unspent=grant.unspent,
        reserved=Money(grant.reserved_fen),
        monthly=Money(last.fen if last else 0) if monthly is None else monthly,
        own_cash=own_cash or Money(0),
        settlements_stopped=day.settlements_stopped,
        settled_on=tuple(one.booked_on for one in settled),
        members_hold=Money(in_hand),
        members_used=Money(grant.distributed_fen - in_hand),
    )
    named = (day.stands, day.expected, day.clause, day.bar, day.document)
    return Outlook(grant, forecast(facts), facts, *named, last=last)


def _day_of_document(connection: Connection, institution_id: str, grant: GrantState) -> _Day | None:
    """The day of return of a central-procurement prepayment: neither notice nor recall moves it."""
    document = fund_applications.procurements(connection, institution_id).get(grant.grant_id)
    if document is None or document.return_on is None:
        return None
    return _Day(document.return_on, document=document.document)


def _day_of_notice(
    connection: Connection, institution_id: str, grant: GrantState, calendar: WorkingDayCalendar
) -> _Day | None:
    """The day of clearing, or the end of the term of recall before it."""
    regime = load_rulebook().regime(grant.regime, grant.year)
    duty = clearing_duty(regime, grant.year, calendar)
    if duty is None or duty.due_on is None:
        return None
    stands = store.standing(connection, institution_id, grant.regime)
    called = None
    if stands is not None:
        event = (stands.ground, stands.urged_on)
        called = recall_facts(connection, institution_id, grant.regime, event, calendar)
    term = _term(called)
    by_term = term is not None and term <= duty.due_on
    return _Day(
        on=min(duty.due_on, term or duty.due_on),
        stands=stands,
        expected=by_term and called is not None and called.due_on is None,
        clause=called.working_days_clause if by_term and called else duty.clause,
        bar=bar_clause(regime),
        settlements_stopped=called is not None and called.settlements_stop == SettlementsStop.UNTIL_RETURNED,
    )


def netting_pair(context: Context, actor: Actor, old_id: str, new_id: str) -> Pair:
    """Two grants that are to be netted, and what would come of it today. Needs ``fund.view``.

    Raises :class:`NotFound` unless they wait for it.
    """
    found = recall_overview(context, actor)
    for one in found.pairs:
        if (one.old.grant_id, one.new.grant_id) == (old_id, new_id):
            return one
    raise NotFound("这两笔没有等着轧差：可能已经办过，或今年的额度还没有登记批复。请回到收回与清算查看。")


def _pairs(grants: list[GrantState], today: date, rule_version: str, roll: HolidayRoll) -> list[Pair]:
    """Old and new of one fund that wait to be netted, where the place nets."""
    found = []
    for new in (one for one in grants if one.state == "approved" and one.kind == "basic"):
        old = owed_predecessor(grants, new)
        if old is not None:
            found.append(Pair(old, new, net(netting_facts(old, new, today, roll), rule_version)))
    return found


def _unready(grants: list[GrantState]) -> list[Unready]:
    """What is owed in a place that nets and can't be netted yet, with the next year's grant as far as it came."""
    found = []
    for old in (one for one in grants if one.state == "received" and one.kind == "basic" and nets(one)):
        new = next((one for one in grants if follows(old, one) and one.state not in funds.ENDED), None)
        if new is None or new.state in ("applied", "withheld"):
            found.append(Unready(old, new))
    return found


def _term(called: RecallFacts | None) -> date | None:
    day = called and (called.due_on or called.expected_on)
    return date.fromisoformat(day) if day else None


def _mirrored(grant: GrantState, entries: list[GrantEntry], written_off: list[WriteOff]) -> Mirrored:
    def fell(kind: str) -> int:
        falls = sum(min(0, one.owed_fen) for one in entries if one.kind == kind)
        return -falls - sum(one.owed_fen for one in entries if one.kind == f"{kind}_undone")

    paid_out = sum(max(0, one.owed_fen) for one in entries if not one.kind.endswith("_undone"))
    paid_out += sum(one.owed_fen for one in entries if one.kind == "fund_receipt_undone")
    own = tuple(one for one in written_off if one.grant_id == grant.grant_id)
    return Mirrored(
        grant=grant,
        paid_out_fen=paid_out,
        returned_fen=fell("fund_return"),
        offset_fen=fell("fund_offset"),
        netted_fen=fell(KIND),
        balance_fen=grant.owed_fen,
        write_offs=own,
        entries=agency_entries(grant.regime),
    )
