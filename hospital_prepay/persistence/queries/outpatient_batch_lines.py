"""The list of a batch with what its reviewers look at: how each account was filed, why, and what was tried last.

A list may have a million lines. It is read by its key, a bounded number of lines at a time, and what belongs to them
is looked up for those lines alone.
"""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

import sqlalchemy as sa

from hospital_prepay.persistence.models.outpatient import OutpatientAccount
from hospital_prepay.persistence.models.outpatient_contact import (
    OutpatientCampaign,
    OutpatientContact,
    OutpatientContactProof,
    OutpatientContactResult,
)
from hospital_prepay.persistence.models.outpatient_escheat import (
    OutpatientBatchLine,
    OutpatientFiling,
    OutpatientFilingLine,
)
from hospital_prepay.persistence.outpatient_told import same_attempt

# So many lines are looked through for one page of a reason, and no more: somebody waits for it.
SCANNED: Final = 20_000
_AT_ONCE: Final = 2_000


@dataclass(frozen=True, slots=True)
class LastTried:
    """The last attempt to find an account's owner; ``outcome`` is ``None`` while nothing is known of it."""

    channel: str
    at: datetime | None
    outcome: str | None


@dataclass(frozen=True, slots=True)
class ReviewedLine:
    """A line of a batch. ``reason`` stands as it was filed; ``filing_no`` and its day are those of the acknowledged
    filing, ``None`` where there is none. ``history`` are the attempts to find the owner, in their order."""

    account_no: str
    balance_fen: int
    last_movement_on: date
    state: str
    reason: str
    filing_no: int | None
    acknowledgement_no: str
    filed_on: date | None
    history: tuple[LastTried, ...]

    @property
    def attempts(self) -> int:
        """How many there were."""
        return len(self.history)

    @property
    def tried(self) -> LastTried | None:
        """The last of them."""
        return self.history[-1] if self.history else None


@dataclass(frozen=True, slots=True)
class LinePage:
    """Some lines by number; ``after`` is the number from which the rest goes on, empty at the end. A page of one
    reason may be short and have a rest all the same: it ends where looking through took long enough."""

    lines: list[ReviewedLine]
    after: str


@dataclass(frozen=True, slots=True)
class _Line:
    account_no: str
    balance_fen: int
    last_movement_on: date
    state: str
    reason: str


def page_of_lines(
    connection: sa.Connection, institution_id: str, batch_no: int, after: str, size: int, reason: str = ""
) -> LinePage:
    """The next lines after the number ``after``, those whose reason begins with ``reason`` where it says anything."""
    line = OutpatientBatchLine
    part = (
        sa.select(line.account_no, line.balance_fen, line.last_movement_on)
        .where(line.institution_id == institution_id, line.batch_no == batch_no, line.account_no > after)
        .order_by(line.account_no)
        .limit(SCANNED if reason else size + 1)
        .subquery("part")
    )
    query = _lines_of(institution_id, part).order_by(part.c.account_no).limit(size + 1)
    if reason:
        query = query.where(OutpatientAccount.unclearable_reason.startswith(reason, autoescape=True))
    found = [_Line(*row) for row in connection.execute(query)]
    if len(found) > size:
        return LinePage(_told(connection, institution_id, found[:size]), found[size - 1].account_no)
    last = connection.scalar(sa.select(part.c.account_no).order_by(part.c.account_no).offset(SCANNED - 1).limit(1))
    return LinePage(_told(connection, institution_id, found), str(last) if reason and last else "")


def sample_lines(connection: sa.Connection, institution_id: str, batch_no: int, size: int) -> list[ReviewedLine]:
    """``size`` lines that nobody chose, in the order in which they were drawn: those with the smallest SHA-256 of
    batch and account number, so that whoever draws again draws the same."""
    line = OutpatientBatchLine
    query = sa.select(line.account_no).where(line.institution_id == institution_id, line.batch_no == batch_no)
    numbers = connection.execute(query.execution_options(yield_per=10_000)).scalars()
    drawn = [number for _, number in heapq.nsmallest(size, ((lot(batch_no, one), one) for one in numbers))]
    part = (
        sa.select(line.account_no, line.balance_fen, line.last_movement_on)
        .where(line.institution_id == institution_id, line.batch_no == batch_no, line.account_no.in_(drawn))
        .subquery("part")
    )
    found = [_Line(*row) for row in connection.execute(_lines_of(institution_id, part))]
    told = {one.account_no: one for one in _told(connection, institution_id, found)}
    return [told[number] for number in drawn if number in told]


def lot(batch_no: int, account_no: str) -> bytes:
    """What an account draws in a batch: SHA-256 of ``batch:account``."""
    return hashlib.sha256(f"{batch_no}:{account_no}".encode()).digest()


def every_line(connection: sa.Connection, institution_id: str, batch_no: int) -> Iterator[ReviewedLine]:
    """All lines by number, a part at a time, however many there are."""
    after, more = "", True
    while more:
        page = page_of_lines(connection, institution_id, batch_no, after, _AT_ONCE)
        yield from page.lines
        after, more = page.after, bool(page.after)


def _lines_of(institution_id: str, part: sa.Subquery) -> sa.Select[Any]:
    account = OutpatientAccount
    on = sa.and_(account.institution_id == institution_id, account.account_no == part.c.account_no)
    columns = (part.c.account_no, part.c.balance_fen, part.c.last_movement_on)
    return sa.select(*columns, account.state, account.unclearable_reason).join_from(part, account, on)


def _told(connection: sa.Connection, institution_id: str, lines: Sequence[_Line]) -> list[ReviewedLine]:
    if not lines:
        return []
    numbers = [one.account_no for one in lines]
    filed, tried = _filed(connection, institution_id, numbers), _tried(connection, institution_id, numbers)
    return [_joined(one, filed.get(one.account_no), tried.get(one.account_no, [])) for one in lines]


def _joined(one: _Line, filed: Any, tried: list[LastTried]) -> ReviewedLine:
    head = (one.account_no, one.balance_fen, one.last_movement_on, one.state)
    if filed is None:
        return ReviewedLine(*head, one.reason, None, "", None, tuple(tried))
    return ReviewedLine(
        *head,
        filed.reason,
        filed.filing_no,
        filed.acknowledgement_no,
        filed.acknowledged_on,
        tuple(tried),
    )


def _filed(connection: sa.Connection, institution_id: str, numbers: Sequence[str]) -> dict[str, Any]:
    """The newest acknowledged filing of each account."""
    line, filing = OutpatientFilingLine, OutpatientFiling
    query = (
        sa.select(
            *(line.account_no, line.reason, line.filing_no, filing.acknowledgement_no, filing.acknowledged_on),
        )
        .join(filing, sa.and_(filing.institution_id == line.institution_id, filing.filing_no == line.filing_no))
        .where(line.institution_id == institution_id, line.account_no.in_(numbers), filing.state == "acknowledged")
    )
    # Sorted here: asked to sort, SQLite reads every line of the institution in its order.
    found = sorted(connection.execute(query), key=lambda row: int(row.filing_no))
    return {row.account_no: row for row in found}


def _tried(connection: sa.Connection, institution_id: str, numbers: Sequence[str]) -> dict[str, list[LastTried]]:
    """Every attempt of each account with its last result, in their order. A notice on the board was put up when its
    photo was taken."""
    contact, campaign, result = OutpatientContact, OutpatientCampaign, OutpatientContactResult
    proof = (
        sa.select(sa.func.max(OutpatientContactProof.seen_at, type_=OutpatientContactProof.seen_at.type))
        .where(
            OutpatientContactProof.institution_id == contact.institution_id,
            OutpatientContactProof.campaign_no == contact.campaign_no,
        )
        .scalar_subquery()
    )
    query = (
        sa.select(
            *(contact.account_no, contact.campaign_no, contact.channel),
            *(campaign.released_at, result.outcome, result.happened_at),
            sa.case((contact.channel == "board", proof), else_=None).label("seen_at"),
        )
        .join(
            campaign,
            sa.and_(campaign.institution_id == contact.institution_id, campaign.campaign_no == contact.campaign_no),
        )
        .outerjoin(result, same_attempt())
        .where(contact.institution_id == institution_id, contact.account_no.in_(numbers))
    )
    attempts: dict[tuple[str, int], LastTried] = {}
    for row in connection.execute(query):
        known = row.happened_at or row.seen_at
        outcome = row.outcome or ("sent" if row.seen_at else None)
        one = LastTried(row.channel, known or row.released_at, outcome)
        there = attempts.get((row.account_no, row.campaign_no))
        if there is None or _when(there) <= _when(one):
            attempts[row.account_no, row.campaign_no] = one
    found: dict[str, list[LastTried]] = {}
    for (account_no, _), one in sorted(attempts.items(), key=lambda item: (_when(item[1]), item[0][1])):
        found.setdefault(account_no, []).append(one)
    return found


def _when(one: LastTried) -> float:
    return one.at.timestamp() if one.at else 0.0
