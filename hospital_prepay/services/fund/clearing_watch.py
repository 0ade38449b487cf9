"""What will lack on the day of clearing, told while there is still time to find it."""

from __future__ import annotations

from collections.abc import Sequence

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.fund.duty_states import REMIND_BEFORE
from hospital_prepay.persistence import funds
from hospital_prepay.persistence.queries.waiting import Pile
from hospital_prepay.services.access.home import Task
from hospital_prepay.services.context import Context
from hospital_prepay.services.fund.recall_review import Outlook, outlook


def short_clearings(context: Context, actor: Actor) -> Sequence[Outlook]:
    """Every grant for whose day of clearing or return money lacks, within the days of the first reminder; the nearest
    day first. Needs ``fund.view``."""
    actor.require(Permission.FUND_VIEW)
    with context.database.reading() as connection:
        owed = [one for one in funds.grants(connection, actor.institution_id) if one.owed_fen]
    looked = [found for one in owed if (found := outlook(context, actor, one.grant_id)) is not None]
    near = [one for one in looked if (one.forecast.clear_on - one.facts.today).days <= max(REMIND_BEFORE)]
    return sorted((one for one in near if one.forecast.alarm), key=lambda one: one.forecast.clear_on)


def clearing_tasks(context: Context, actor: Actor) -> list[Task]:
    """The same on the home page of whoever gives the money back."""
    found = short_clearings(context, actor) if actor.may(Permission.FUND_RETURN) else ()
    if not found:
        return []
    lacks = Money(sum(one.forecast.gap.fen for one in found))
    return [Task("fund_short", Pile(len(found), found[0].forecast.clear_on), f"共差 {lacks} 元")]
