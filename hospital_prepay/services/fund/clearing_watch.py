"""What will lack on the day of clearing, told while there is still time to find it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.fund.duty_states import REMIND_BEFORE
from hospital_prepay.persistence import fund_recalls as recalls
from hospital_prepay.persistence import funds
from hospital_prepay.persistence.fund_recalls import RecallState
from hospital_prepay.persistence.queries.waiting import Pile
from hospital_prepay.services.access.home import Task
from hospital_prepay.services.context import Context
from hospital_prepay.services.fund.recall import recall_facts
from hospital_prepay.services.fund.recall_review import Outlook, outlook
from hospital_prepay.services.publication.holidays import working_days


def short_clearings(context: Context, actor: Actor) -> Sequence[Outlook]:
    """Every grant for whose day of clearing or return money lacks, within the days of the first reminder; the nearest
    day first. Needs ``fund.view``."""
    actor.require(Permission.FUND_VIEW)
    with context.database.reading() as connection:
        owed = [one for one in funds.grants(connection, actor.institution_id) if one.owed_fen]
    looked = [found for one in owed if (found := outlook(context, actor, one.grant_id)) is not None]
    near = [one for one in looked if (one.forecast.clear_on - one.facts.today).days <= max(REMIND_BEFORE)]
    return sorted((one for one in near if one.forecast.alarm), key=lambda one: one.forecast.clear_on)


@dataclass(frozen=True, slots=True)
class CalledBack:
    """A ground of recall that stands: what is owed at its place, in fen, and the day by which, as far as it is known;
    ``expected`` where that day is an estimate."""

    recall: RecallState
    owed_fen: int
    due_on: date | None
    expected: bool


def called_back(context: Context, actor: Actor) -> list[CalledBack]:
    """Every ground of recall that stands, the nearest day first, those without a day last. Needs ``fund.view``."""
    actor.require(Permission.FUND_VIEW)
    own, calendar = actor.institution_id, working_days(context, actor.institution_id)
    with context.database.reading() as connection:
        found = []
        for one in recalls.recalls(connection, own):
            if one.state == "standing":
                event = (one.ground, one.urged_on)
                facts = recall_facts(connection, own, one.regime, event, calendar)
                day = facts.due_on or facts.expected_on
                due_on = date.fromisoformat(day) if day else None
                found.append(CalledBack(one, facts.owed_fen, due_on, expected=not facts.due_on))
    return sorted(found, key=lambda one: (one.due_on is None, one.due_on or date.max, one.recall.recorded_at))


def clearing_tasks(context: Context, actor: Actor) -> list[Task]:
    """The same on the home page of whoever gives the money back."""
    found = short_clearings(context, actor) if actor.may(Permission.FUND_RETURN) else ()
    if not found:
        return []
    lacks = Money(sum(one.forecast.gap.fen for one in found))
    return [Task("fund_short", Pile(len(found), found[0].forecast.clear_on), f"共差 {lacks} 元")]
