"""The calendar of duties: every place of the hospital, joined with what the books and people say, as of today."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from hospital_prepay.clock import local
from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.calendar import WorkingDayCalendar
from hospital_prepay.domain.errors import MalformedInput, NoRuleInForce, NotFound
from hospital_prepay.domain.rules.fund.duty_items import (
    OpenRequest,
    PlaceWord,
    items_of_documents,
    items_of_requests,
    items_of_year,
    places_in_year,
)
from hospital_prepay.domain.rules.fund.duty_states import (
    Closure,
    DatedItem,
    GrantFact,
    Known,
    Standing,
    books_say,
    standing,
)
from hospital_prepay.domain.rules.fund.readings import HolidayRoll
from hospital_prepay.domain.rules.outpatient.duties import Duty, outpatient_duties
from hospital_prepay.persistence import fund_applications, fund_reconciliation, funds
from hospital_prepay.persistence import fund_duties as store
from hospital_prepay.persistence.database import Connection
from hospital_prepay.persistence.fund_applications import ProcurementRow
from hospital_prepay.persistence.fund_duties import StepRow
from hospital_prepay.persistence.funds import GrantState, RequestState
from hospital_prepay.persistence.queries import fund_duties as queries
from hospital_prepay.persistence.queries import people
from hospital_prepay.rulebook.loader import load_rulebook
from hospital_prepay.services.context import Context
from hospital_prepay.services.fund.outpatient_facts import outpatient_facts
from hospital_prepay.services.publication.holidays import working_days
from hospital_prepay.services.publication.readings import holiday_roll

__all__ = ["StepRow"]

FIRST_YEAR: Final = 2000


@dataclass(frozen=True, slots=True)
class DutyBook:
    """All that duties are worked out from, read at once; ``steps`` oldest first. ``outpatient`` are the duties of
    outpatients' deposits, none where the rules of Guizhou don't bind the hospital."""

    grants: tuple[GrantFact, ...]
    requests: tuple[OpenRequest, ...]
    places: tuple[PlaceWord, ...]
    steps: tuple[StepRow, ...]
    calendar: WorkingDayCalendar
    today: date
    names: Mapping[str, str]
    applications: Mapping[str, date]
    roll: HolidayRoll
    outpatient: tuple[Duty, ...] = ()

    def for_actor(self, actor: Actor) -> DutyBook:
        """The duties that the actor may see: those of outpatients' deposits only with ``outpatient.view``."""
        return self if actor.may(Permission.OUTPATIENT_VIEW) else replace(self, outpatient=())

    def places_of(self, year: int) -> dict[str, tuple[str, ...]]:
        """The regimes that rule the hospital in ``year``, each with its pool regions."""
        granted = ((one.regime, one.pool_region, one.year) for one in self.grants if not one.by_document)
        return places_in_year(self.places, granted, year)

    def of_year(self, year: int) -> list[Standing]:
        """Every duty and consequence of ``year`` by its day; the hospital's own first."""
        own = [*items_of_requests(self.requests), *items_of_documents(self.grants)]
        items = [one for one in own if one.year == year]
        for name, regions in self.places_of(year).items():
            try:
                regime = load_rulebook().regime(name, year)
            except NoRuleInForce:
                continue
            items += items_of_year(regime, year, self.calendar, regions, self.roll)
        found = [self._standing(item) for item in items]
        found += [self._standing(item, known) for item, known in self.outpatient if item.year == year]
        return sorted(found, key=lambda one: (one.expected_on, not one.is_ours, one.item.key))

    def around(self) -> list[Standing]:
        """The duties of last year, this one and the next, and of every year of which something is owed or left."""
        years = {self.today.year + step for step in (-1, 0, 1)}
        years |= {one.return_on.year if one.return_on else one.year for one in self.grants if one.owed_fen}
        years |= {item.year for item, known in self.outpatient if not (known.done_on or known.nothing_due)}
        return [one for year in sorted(years) for one in self.of_year(year)]

    def steps_of(self, key: str) -> list[StepRow]:
        """What people recorded of one duty, oldest first."""
        return [one for one in self.steps if one.duty_key == key]

    def closure_of(self, key: str) -> StepRow | None:
        """The closure of a duty that counts."""
        return store.live(self.steps_of(key)).get(key)

    def _standing(self, item: DatedItem, said: Known | None = None) -> Standing:
        step = self.closure_of(item.key)
        closure = None if step is None else Closure(step.done_on, step.words)
        known = books_say(item, self.grants, self.applications) if said is None else said
        return standing(item, known, closure, self.calendar, self.today, self.roll)


def duty_book(context: Context, institution_id: str) -> DutyBook:
    """What an institution's duties are worked out from, for jobs and commands; pages ask :func:`read_duties`."""
    calendar = working_days(context, institution_id)
    today = context.clock.today()
    with context.database.reading() as connection:
        grants = funds.grants(connection, institution_id)
        received = queries.received_days(connection, institution_id, [one.grant_id for one in grants])
        requests = queries.waiting_requests(connection, institution_id)
        words = store.places(connection, institution_id)
        documents = fund_applications.procurements(connection, institution_id)
        return DutyBook(
            grants=tuple(_grant(one, received.get(one.grant_id), documents.get(one.grant_id)) for one in grants),
            requests=tuple(_request(one) for one in requests),
            places=tuple(
                PlaceWord(one.regime, one.pool_region, one.from_year, one.stands)
                for one in words
                if one.state == "confirmed"
            ),
            steps=tuple(store.steps(connection, institution_id)),
            calendar=calendar,
            today=today,
            names=people.names(connection, institution_id),
            applications={
                one.period: one.on_day
                for one in fund_reconciliation.month_events(connection, institution_id)
                if one.kind == "applied"
            },
            roll=holiday_roll(connection, institution_id),
            outpatient=tuple(_outpatient(connection, institution_id, today)),
        )


def _outpatient(connection: Connection, institution_id: str, today: date) -> list[Duty]:
    facts = outpatient_facts(connection, institution_id, today)
    return [] if facts is None else outpatient_duties(facts, today.year + 1)


def read_duties(context: Context, actor: Actor) -> DutyBook:
    """The same for a person. Needs ``fund.view``; what is of outpatients shows with ``outpatient.view``."""
    actor.require(Permission.FUND_VIEW)
    return duty_book(context, actor.institution_id).for_actor(actor)


def year_of_duties(book: DutyBook, year: int) -> list[Standing]:
    """The duties of a year that can be told. Raises :class:`MalformedInput` for another."""
    last = book.today.year + 1
    if not FIRST_YEAR <= year <= last:
        raise MalformedInput(f"只能看 {FIRST_YEAR} 到 {last} 年的期限，请换一年。")
    return book.of_year(year)


def find_duty(book: DutyBook, key: str) -> Standing:
    """One duty by its key. Raises :class:`NotFound`."""
    parts = key.split("/")
    years = {int(parts[2][:4])} if len(parts) > 2 and parts[2][:4].isdecimal() else set()
    for year in sorted(years | {book.today.year, book.today.year + 1}):
        for one in book.of_year(year) if 2000 <= year <= 2100 else ():
            if one.item.key == key:
                return one
    raise NotFound("没有这一项期限。请回到期限表查看。")


def pressing_duties(context: Context, actor: Actor) -> list[Standing]:
    """What the hospital has to see to now: due within a week, or late. Needs ``fund.view``."""
    return [one for one in read_duties(context, actor).around() if one.is_ours and one.is_pressing]


def _grant(one: GrantState, received_on: date | None, document: ProcurementRow | None) -> GrantFact:
    return GrantFact(
        grant_id=one.grant_id,
        regime=one.regime,
        pool_region=one.pool_region,
        fund=one.fund,
        year=one.year,
        declined=one.state in funds.ENDED,
        applied_on=local(one.applied_at).date(),
        received_on=received_on,
        owed_fen=one.owed_fen,
        cleared_on=None if one.cleared_at is None else local(one.cleared_at).date(),
        by_document="" if document is None else document.document,
        return_on=None if document is None else document.return_on,
    )


def _request(one: RequestState) -> OpenRequest:
    return OpenRequest(
        request_id=one.request_id,
        purpose=one.purpose,
        total_fen=one.total_fen,
        expires_on=None if one.expires_at is None else local(one.expires_at).date(),
        paid_on=None if one.state != "paid" or one.paid_at is None else local(one.paid_at).date(),
    )
