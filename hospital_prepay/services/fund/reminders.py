"""The scheduler's daily steps: remind of duties, give back what ran out, look at the shared account.

The shared account is the hospital's bank deposits (1002): its own part, and the sub-accounts of the grants, free and
reserved. Its balance in the books is the sum of both, so that it covers the restricted money exactly as long as the
hospital's own part isn't below zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.fund.duty_states import reminder_stage
from hospital_prepay.domain.rules.outpatient.duties import is_outpatient
from hospital_prepay.persistence import fund_reminders as store
from hospital_prepay.persistence.fund_reminders import AccountCheck, ReminderRow
from hospital_prepay.persistence.queries import fund_duties as queries
from hospital_prepay.persistence.queries.waiting import Pile
from hospital_prepay.services.access.home import Task
from hospital_prepay.services.context import Context
from hospital_prepay.services.fund.duties import duty_book, pressing_duties
from hospital_prepay.services.fund.duty_words import reminder_words
from hospital_prepay.services.fund.spending import release_expired

__all__ = ["AccountCheck", "ReminderRow"]

SHARED_ACCOUNT: Final = "shared-account"
OUTPATIENT_DUTIES: Final = "outpatient_duties"
_SHOWN: Final = 8


@dataclass(frozen=True, slots=True)
class Reminded:
    """The newest reminder of each duty, the shared account ``now``, and its newest check of a night."""

    reminders: list[ReminderRow]
    check: AccountCheck | None
    now: AccountCheck


def remind(context: Context, institution_id: str) -> str:
    """Keep a reminder for every duty of the hospital that gets one today; each stage once. Moves no money."""
    book = duty_book(context, institution_id)
    due = [(one, stage) for one in book.around() if (stage := reminder_stage(one)) is not None]
    with context.work(scheduler(institution_id), "fund.remind", book.today.isoformat()) as work:
        given = store.given(work.connection, institution_id)
        fresh = [(one, stage) for one, stage in due if (one.item.key, stage) not in given]
        for one, stage in fresh:
            row = ReminderRow(one.item.key, stage, reminder_words(one), work.today, work.now)
            store.add_reminder(work.connection, institution_id, row)
        if fresh:
            work.audit(detail={"reminders": len(fresh)})
    return "reminded" if fresh else "nothing"


def give_back_expired(context: Context, institution_id: str) -> str:
    """Release the reservations that ran out: money goes from reserved to free within its grant, nowhere else."""
    return "released" if release_expired(context, scheduler(institution_id)) else "nothing"


def check_shared_account(context: Context, institution_id: str) -> str:
    """Keep the day's figure of the shared account; a reminder when it doesn't cover the restricted money."""
    with context.work(scheduler(institution_id), "fund.check_account", context.clock.today().isoformat()) as work:
        known = store.latest_check(work.connection, institution_id)
        if known is not None and known.business_date == work.today:
            return "short" if known.short_fen else "covered"
        general, restricted = queries.shared_account(work.connection, institution_id)
        check = AccountCheck(work.today, general, restricted, work.now)
        store.add_check(work.connection, institution_id, check)
        if check.short_fen:
            words = f"共用账户余额低于专款（含已预留）：账面 {_yuan(check.total_fen)} 元，专款 {_yuan(restricted)} 元"
            row = ReminderRow(SHARED_ACCOUNT, work.today.isoformat(), words, work.today, work.now)
            store.add_reminder(work.connection, institution_id, row)
        work.audit(detail={"general_fen": general, "restricted_fen": restricted})
        return "short" if check.short_fen else "covered"


def read_reminders(context: Context, actor: Actor) -> Reminded:
    """What was reminded of lately. Needs ``fund.view``."""
    actor.require(Permission.FUND_VIEW)
    with context.database.reading() as connection:
        own = actor.institution_id
        now = AccountCheck(context.clock.today(), *queries.shared_account(connection, own), context.clock.now())
        return Reminded(store.latest(connection, own, _SHOWN), store.latest_check(connection, own), now)


def duty_tasks(context: Context, actor: Actor) -> list[Task]:
    """What the calendar asks of the person on the home page: pressing duties of the fund, and of outpatients'
    deposits, each with the day of the first, and the shared account while it is short. Nothing for whoever may not
    close a duty."""
    if not actor.may(Permission.FUND_DUTY):
        return []
    pressing = pressing_duties(context, actor)
    of_fund = [one for one in pressing if not is_outpatient(one.item.key)]
    of_outpatients = [one for one in pressing if is_outpatient(one.item.key)]
    check = read_reminders(context, actor).check
    tasks = [
        Task(kind, Pile(len(found), min(one.expected_on for one in found)))
        for kind, found in (("fund_duties", of_fund), (OUTPATIENT_DUTIES, of_outpatients))
        if found
    ]
    if check is not None and check.short_fen:
        tasks.append(Task("fund_account", Pile(1, check.checked_at)))
    return tasks


def scheduler(institution_id: str) -> Actor:
    """The scheduler as the one who acts."""
    return Actor(institution_id, "scheduler", "定时任务", frozenset())


def _yuan(fen: int) -> str:
    return f"-{Money(-fen)}" if fen < 0 else str(Money(fen))
