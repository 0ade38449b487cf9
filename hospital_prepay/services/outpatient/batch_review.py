"""Reading batches for pages: what is due, one batch with its list, reviews, entries, and whose step is next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import Conflict, NotFound
from hospital_prepay.persistence import outpatient_escheat as store
from hospital_prepay.persistence.database import Connection
from hospital_prepay.persistence.outpatient_escheat import BatchRow, ReviewRow
from hospital_prepay.persistence.queries import outpatient_batch_lines as lines
from hospital_prepay.persistence.queries import outpatient_escheat as queries
from hospital_prepay.persistence.queries import outpatient_left, people
from hospital_prepay.persistence.queries.outpatient_batch_lines import LastTried, LinePage, ReviewedLine
from hospital_prepay.persistence.queries.outpatient_escheat import SourceEntry
from hospital_prepay.persistence.queries.outpatient_left import Left
from hospital_prepay.services.context import Context
from hospital_prepay.services.fund.review import Turn
from hospital_prepay.services.outpatient.filing import Reason
from hospital_prepay.services.outpatient.proposals import Proposal, due_before, propose
from hospital_prepay.services.outpatient.turns import only_one_left, turn_of

__all__ = ["BatchRow", "LastTried", "LinePage", "ReviewRow", "ReviewedLine", "SourceEntry"]

PAGE: Final = 50
DRAWN: Final = 30
MOST_DRAWN: Final = 200
BATCH_TURNS: Final = {
    "proposed": Permission.OUTPATIENT_FILE,
    "frozen": Permission.OUTPATIENT_APPROVE,
    "approved": Permission.OUTPATIENT_APPROVE,
    "booked": Permission.OUTPATIENT_REMIT,
}


@dataclass(frozen=True, slots=True)
class Batches:
    """What would go on the next day of remitting, and every batch, the newest first. ``stale`` are frozen ones that
    an account left, so that nobody can approve them; ``missed`` counts for a frozen one what was filed since and is
    due on its day."""

    proposal: Proposal
    batches: list[BatchRow]
    names: Mapping[str, str]
    stale: frozenset[int] = frozenset()
    missed: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BatchDetail:
    """One batch. ``lines`` are a page of its list, with how each was filed and what was tried. ``left`` are accounts
    that somebody came for since it was frozen, each with the claim; ``missed`` were filed since and are due on its
    day. ``review`` is whose the next review is, ``turn`` the step after; ``kept`` alone may still approve, and so
    doesn't review."""

    batch: BatchRow
    lines: LinePage
    reviews: list[ReviewRow]
    entries: list[SourceEntry]
    left: Left
    missed: int
    review: Turn | None
    turn: Turn | None
    kept: str
    names: Mapping[str, str]


def list_batches(context: Context, actor: Actor) -> Batches:
    """What is due on this year's 31 December, and the batches. Needs ``outpatient.view``."""
    actor.require(Permission.OUTPATIENT_VIEW)
    own = actor.institution_id
    with context.database.reading() as connection:
        found, names = store.batches(connection, own), people.names(connection, own)
        stale = outpatient_left.stale_batches(connection, own)
        missed = {one.batch_no: _missed(connection, own, one) for one in found if one.state == "frozen"}
    return Batches(propose(context, own, _day_of_interest(context, found)), found, names, stale, missed)


def read_batch(
    context: Context, actor: Actor, batch_no: int, after: str = "", reason: Reason | None = None
) -> BatchDetail:
    """One batch with the lines after the number ``after``, those of one ``reason`` where it is given. Needs
    ``outpatient.view``. Raises :class:`NotFound`."""
    actor.require(Permission.OUTPATIENT_VIEW)
    own = actor.institution_id
    with context.database.reading() as connection:
        found = batch_of(connection, own, batch_no)
        reviews = store.reviews_of(connection, own, batch_no)
        barred = barred_from(found, reviews)
        is_frozen = found.state == "frozen"
        kept = only_one_left(connection, own, Permission.OUTPATIENT_APPROVE, barred) if is_frozen else ""
        review = turn_of(connection, own, Permission.OUTPATIENT_REVIEW, barred) if is_frozen else None
        return BatchDetail(
            found,
            lines.page_of_lines(connection, own, batch_no, after, PAGE, reason.prefix if reason else ""),
            reviews,
            queries.entries_of(connection, own, f"outpatient_batch:{batch_no}"),
            outpatient_left.left_of_batch(connection, own, batch_no),
            _missed(connection, own, found) if is_frozen else 0,
            review and replace(review, holders=tuple(one for one in review.holders if one != kept)),
            turn_of(connection, own, BATCH_TURNS.get(found.state), barred),
            kept,
            people.names(connection, own),
        )


def draw_sample(context: Context, actor: Actor, batch_no: int, size: int) -> tuple[BatchRow, list[ReviewedLine]]:
    """``size`` accounts of a frozen list, drawn so that whoever draws again draws the same; :data:`MOST_DRAWN` at the
    most. Needs ``outpatient.view``. Raises :class:`NotFound`, :class:`Conflict` before the list is frozen."""
    actor.require(Permission.OUTPATIENT_VIEW)
    with context.database.reading() as connection:
        found = batch_of(connection, actor.institution_id, batch_no)
        if not found.sha256:
            raise Conflict("名单还没有冻结，不能抽查。请先冻结名单。")
        size = max(1, min(size, MOST_DRAWN))
        return found, lines.sample_lines(connection, actor.institution_id, batch_no, size)


def _missed(connection: Connection, institution_id: str, batch: BatchRow) -> int:
    return store.due_sum(connection, institution_id, batch.on_day, due_before(batch.on_day))[0]


def batch_of(connection: Connection, institution_id: str, batch_no: int) -> BatchRow:
    """One batch. Raises :class:`NotFound`."""
    found = store.batches(connection, institution_id, batch_no)
    if not found:
        raise NotFound("没有这一批。请从上缴列表里打开。")
    return found[0]


def barred_from(batch: BatchRow, reviews: list[ReviewRow]) -> tuple[str, ...]:
    """Who may not take the batch's next step for having taken an earlier one."""
    if batch.state == "frozen":
        return (batch.frozen_by or "", *(one.reviewed_by for one in reviews))
    return (batch.approved_by or "",) if batch.state == "booked" else ()


def _day_of_interest(context: Context, found: list[BatchRow]) -> date:
    """This year's 31 December, or last year's while the year is young and its batch isn't under way."""
    today = context.clock.today()
    last = date(today.year - 1, 12, 31)
    settled = any(one.on_day == last and one.state != "dropped" for one in found)
    return date(today.year, 12, 31) if settled or last < _FIRST else last


_FIRST: Final = date(2025, 12, 31)
