"""Refunds that aren't with their patients yet: by what way, for how long, and whether that is too long."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hospital_prepay.clock import local
from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import NotFound
from hospital_prepay.domain.rules.settlement.refunds import days_on_the_way, is_overdue
from hospital_prepay.persistence import receipts as books
from hospital_prepay.persistence import refund_arrivals as store
from hospital_prepay.persistence import unclaimed
from hospital_prepay.persistence.queries import people
from hospital_prepay.persistence.refund_arrivals import Attempt
from hospital_prepay.persistence.unclaimed import Unclaimed
from hospital_prepay.services.context import Context
from hospital_prepay.services.publication.holidays import calendar_within
from hospital_prepay.services.publication.readings import reading_in_force
from hospital_prepay.services.settlement.arrivals import BankAccount, account_of

# Frozen rows that pages show, under the service's own name: pages know no tables.
__all__ = ["Attempt", "Unclaimed"]
LIMIT: Final = "refund_arrival_days"


@dataclass(frozen=True, slots=True)
class OnTheWay:
    """A refund that was sent: working days since, and whether that is above the hospital's limit."""

    attempt: Attempt
    days: int
    is_overdue: bool


@dataclass(frozen=True, slots=True)
class Refunds:
    """What isn't with patients: what came back, what waits for a second person, what is on its way (the longest
    first), and what nobody has fetched. ``limit`` is the hospital's own, in working days."""

    limit: int
    failed: tuple[Attempt, ...]
    asked: tuple[Attempt, ...]
    on_the_way: tuple[OnTheWay, ...]
    unclaimed: tuple[Unclaimed, ...]
    names: dict[str, str]


@dataclass(frozen=True, slots=True)
class RefundRecord:
    """Every attempt of one slip, the first one first; ``accounts`` are the bank accounts by attempt, ``slips`` the
    numbers of the slips that cash was paid on."""

    attempts: tuple[Attempt, ...]
    accounts: dict[int, BankAccount]
    slips: dict[int, str]
    names: dict[str, str]

    @property
    def now(self) -> Attempt:
        """The attempt that matters: the newest that wasn't turned down."""
        return [one for one in self.attempts if one.state != "dropped" or one.attempt_no == 1][-1]


def waiting_refunds(context: Context, actor: Actor) -> Refunds:
    """Every refund that isn't with its patient. Needs ``settlement.view``."""
    actor.require(Permission.SETTLEMENT_VIEW)
    institution, today = actor.institution_id, local(context.clock.now()).date()
    with context.database.reading() as connection:
        calendar = calendar_within(connection, institution)
        limit = int(str(reading_in_force(connection, institution, LIMIT)))
        found = store.awaited(connection, institution)
        left = unclaimed.waiting(connection, institution)
        names = dict(people.names(connection, institution))
    sent = []
    for one in found:
        if one.state == "sent" and one.sent_at is not None:
            days = days_on_the_way(local(one.sent_at).date(), today, calendar)
            sent.append(OnTheWay(one, days, is_overdue(days, limit)))
    return Refunds(
        limit,
        tuple(one for one in found if one.state == "failed"),
        tuple(one for one in found if one.state == "asked"),
        tuple(sorted(sent, key=lambda one: -one.days)),
        tuple(left),
        names,
    )


def refund_of(context: Context, actor: Actor, number: str) -> RefundRecord:
    """One slip's refund. Raises :class:`NotFound`."""
    actor.require(Permission.SETTLEMENT_VIEW)
    book, serial = books.split_number(number)
    institution = actor.institution_id
    with context.database.reading() as connection:
        found = store.of_slip(connection, institution, book, serial)
        paid = {
            one.attempt_no: books.number_of_entry(connection, institution, one.entry_no)
            for one in found
            if one.entry_no is not None and one.attempt_no > 1
        }
        names = dict(people.names(connection, institution))
    if not found:
        raise NotFound(f"票据 {number} 不是要等到账的退款。请核对票号。")
    accounts = {}
    for one in found:
        account = account_of(context, institution, one.account_enc)
        if account is not None:
            accounts[one.attempt_no] = account
    slips = {attempt_no: slip for attempt_no, slip in paid.items() if slip is not None}
    return RefundRecord(tuple(found), accounts, slips, names)


def refunds_of_stay(context: Context, actor: Actor, stay_no: str) -> tuple[list[Attempt], list[Unclaimed]]:
    """A stay's refunds, every attempt, and what nobody fetched of it, every turn."""
    actor.require(Permission.SETTLEMENT_VIEW)
    with context.database.reading() as connection:
        return (
            store.of_stay(connection, actor.institution_id, stay_no),
            unclaimed.of_stay(connection, actor.institution_id, stay_no),
        )
