"""Proposing what goes to the treasury on a 31 December (8): by the scheduler or by a person; it moves nothing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from typing import Final

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import MalformedInput
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.outpatient.escheat import moved_before
from hospital_prepay.persistence import outpatient_escheat as store
from hospital_prepay.persistence.locks import lock_name
from hospital_prepay.persistence.outpatient_escheat import BatchRow
from hospital_prepay.rulebook.loader import load_rulebook
from hospital_prepay.services.context import Context
from hospital_prepay.services.outpatient.escheat_file import DORMANT_YEARS
from hospital_prepay.services.outpatient.once import keep_number, known_number

PROPOSED: Final = "proposed"
NOTHING: Final = "nothing"


@dataclass(frozen=True, slots=True)
class Proposal:
    """What would go to the treasury on a day; ``held_back`` are old accounts that aren't filed, by state: each of
    them is the hospital's overdue duty."""

    on: date
    accounts: int
    total: Money
    held_back: dict[str, tuple[int, int]]


def propose(context: Context, institution_id: str, on: date) -> Proposal:
    """Add up what is due on ``on``. Raises :class:`NoRuleInForce` before the rules.

    The register is added up in two halves at once; what moves between two looks at it is counted anew when the batch
    is frozen.
    """
    before = due_before(on)
    with context.database.reading() as connection:
        middle = store.middle_number(connection, institution_id)

    def half(low: str, high: str | None) -> tuple[int, int]:
        with context.database.reading() as connection:
            return store.due_sum(connection, institution_id, on, before, low, high)

    def held() -> dict[str, tuple[int, int]]:
        with context.database.reading() as connection:
            return store.held_back(connection, institution_id, before)

    with ThreadPoolExecutor(2, "proposal") as readers:
        lower, upper, held_back = (
            readers.submit(half, "", middle),
            readers.submit(half, middle, None),
            readers.submit(held),
        )
        accounts, fen = (sum(column) for column in zip(lower.result(), upper.result(), strict=True))
        return Proposal(on, accounts, Money(fen), held_back.result())


def propose_batch(context: Context, actor: Actor, on: date, *, idempotency_key: str = "") -> BatchRow | None:
    """Write the proposal for the 31 December ``on`` down, as the scheduler does once a year; it moves nothing.

    ``None`` when nothing is due; the same form sent again gets the batch that was made. Raises
    :class:`MalformedInput` for another day or a year that hasn't come, :class:`Conflict` when the day has a batch
    under way.
    """
    actor.require(Permission.OUTPATIENT_FILE)
    return _propose_batch(context, actor, on, idempotency_key)


def _propose_batch(context: Context, actor: Actor, on: date, key: str = "") -> BatchRow | None:
    if (on.month, on.day) != (12, 31):
        raise MalformedInput(
            "上缴日是每年 12 月 31 日，遇节假日不顺延。请改成 12 月 31 日。", details={"field": "on"}
        )
    if on.year > context.clock.today().year:
        raise MalformedInput(f"{on} 还早，等到那一年再提出。", code="day_ahead", details={"field": "on"})
    proposal = propose(context, actor.institution_id, on)
    if not proposal.accounts and not key:
        return None
    payload = {"on": on.isoformat()}
    with context.work(actor, "outpatient.propose", f"outpatient_batch:{on.isoformat()}") as work:
        lock_name(work.connection, f"outpatient_batch:{work.institution_id}")
        known = known_number(work, key, payload)
        if known is not None:
            return store.batches(work.connection, work.institution_id, known)[0]
        if not proposal.accounts:
            work.audit(outcome="refused", detail={"accounts": 0})
            return None
        batch_no = store.next_batch_no(work.connection, work.institution_id)
        values = {
            "institution_id": work.institution_id,
            "batch_no": batch_no,
            "on_day": on,
            "state": "proposed",
            "accounts": proposal.accounts,
            "total_fen": proposal.total.fen,
            "proposed_by": actor.actor_id,
            "proposed_at": work.now,
        }
        store.add_batch(work.connection, values)
        keep_number(work, key, payload, batch_no)
        work.audit(detail={"batch": batch_no, "accounts": proposal.accounts, "total_fen": proposal.total.fen})
        return store.batches(work.connection, work.institution_id, batch_no)[0]


def propose_for_the_year(context: Context, institution_id: str) -> str:
    """What the scheduler does every day: from the 31 December of a year on, propose its batch, once. Moves nothing.

    Returns ``proposed`` or ``nothing``. A day on which no scheduler ran is made up by the next.
    """
    today = context.clock.today()
    last = date(today.year if (today.month, today.day) == (12, 31) else today.year - 1, 12, 31)
    if last < load_rulebook().values[DORMANT_YEARS][0].effective_on:
        return NOTHING
    with context.database.reading() as connection:
        if any(batch.on_day == last for batch in store.batches(connection, institution_id)):
            return NOTHING
    scheduler = Actor(institution_id, "scheduler", "定时任务", frozenset())
    return NOTHING if _propose_batch(context, scheduler, last) is None else PROPOSED


def due_before(on: date) -> date:
    """The day before which an account must have moved last to be due on ``on``. Raises :class:`NoRuleInForce`."""
    return moved_before(on, load_rulebook().value_on(DORMANT_YEARS, on).whole())
