"""Was last year cleared in time: our own books answer it wherever they hold a grant of it, or an older one owed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from hospital_prepay.clock import local
from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.rules.fund.clearing import bar_clause, cleared_in_time, clearing_duty
from hospital_prepay.domain.rules.fund.facts import AssessmentFacts
from hospital_prepay.persistence import fund_recalls as store
from hospital_prepay.persistence.database import Connection
from hospital_prepay.persistence.fund_recalls import Fall, Slip
from hospital_prepay.persistence.fund_returns import checked_slips
from hospital_prepay.persistence.funds import GrantState
from hospital_prepay.rulebook.holidays import working_day_calendar
from hospital_prepay.rulebook.loader import load_rulebook
from hospital_prepay.services.context import Context
from hospital_prepay.services.fund.slips import is_late_slip

# Grants that arrived; what never did isn't there to be cleared.
_PAID_OUT = ("received", "cleared")


@dataclass(frozen=True, slots=True)
class LastYear:
    """Whether every grant was cleared by ``due_on`` of the newest, with each one's day; ``None`` while it is owed."""

    cleared: bool
    due_on: date
    grants: tuple[tuple[GrantState, date | None], ...]


def with_books(
    connection: Connection, institution_id: str, instrument: str, facts: AssessmentFacts
) -> AssessmentFacts:
    """The facts with ``cleared_last_year`` from the books. Without a grant of that year the officer's word counts."""
    found = cleared_last_year(connection, institution_id, instrument, facts.year)
    return facts if found is None else replace(facts, institution=replace(facts.institution, cleared_last_year=found))


def cleared_last_year(connection: Connection, institution_id: str, instrument: str, year: int) -> bool | None:
    """Whether every grant of the year before was cleared by the notice's day, and nothing of an earlier one is owed;
    ``None`` where the place has no such bar, no rule for that year, or our books hold no such grant."""
    found = _last_year(connection, institution_id, instrument, year)
    return found.cleared if found else None


def last_year_in_books(context: Context, actor: Actor, instrument: str, year: int) -> LastYear | None:
    """What the books answer about the year before, with every grant of it and those of earlier years that are owed.
    Needs ``fund.view``."""
    actor.require(Permission.FUND_VIEW)
    with context.database.reading() as connection:
        return _last_year(connection, actor.institution_id, instrument, year)


def _last_year(connection: Connection, institution_id: str, instrument: str, year: int) -> LastYear | None:
    own = [
        one
        for one in store.grants_of(connection, institution_id, instrument)
        if one.state in _PAID_OUT and (one.year == year - 1 or (one.year < year and one.state != "cleared"))
    ]
    if not own:
        return None
    newest = max(one.year for one in own)
    regime = load_rulebook().regime(instrument, newest)
    duty = clearing_duty(regime, newest, working_day_calendar())
    if bar_clause(regime) is None or duty is None or duty.due_on is None:
        return None
    slips = store.slips(connection, institution_id)
    found = tuple((one, _cleared_on(connection, institution_id, one, slips)) for one in own)
    return LastYear(cleared_in_time(duty.due_on, tuple(day for _, day in found)), duty.due_on, found)


def _cleared_on(
    connection: Connection, institution_id: str, grant: GrantState, slips: dict[int, Slip]
) -> date | None:
    """The day on which the last of it was given back: by bank the slip's value day, in a settlement the settlement's,
    else the day of the entry in Shanghai.

    House rule: a return that was booked later than a few days after its slip's day counts on the day on which it
    was booked, until a second person held that day against the slip. An offset always has a second person.
    """
    if grant.state != "cleared":
        return None
    checked = checked_slips(connection, institution_id)
    falls = store.falls_of_owed(connection, institution_id, grant.grant_id)
    return max((_day(one, slips.get(one.entry_no), one.entry_no in checked) for one in falls), default=None)


def _day(fall: Fall, slip: Slip | None, checked: bool) -> date:
    if fall.kind == "fund_offset":
        return fall.effective_on
    booked_on = local(fall.posted_at).date()
    return booked_on if slip is None or (is_late_slip(slip.value_on, booked_on) and not checked) else slip.value_on
