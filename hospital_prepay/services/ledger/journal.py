"""Reading the books: the journal, one entry with everything that belongs to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import LedgerFault, NotFound
from hospital_prepay.domain.ledger.entry import JournalEntry, Posting
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.numbers import LARGEST_NUMBER
from hospital_prepay.persistence.queries import journal as queries
from hospital_prepay.persistence.queries import people
from hospital_prepay.persistence.queries.journal import (
    EntryEvent,
    JournalFilter,
    JournalLine,
    JournalRow,
    JournalSide,
    JournalTotals,
)
from hospital_prepay.persistence.receipts import receipt_number, split_number
from hospital_prepay.services.context import Context

__all__ = ["EntryEvent", "JournalFilter", "JournalLine", "JournalRow", "JournalSide"]
PAGE_SIZE: Final = 50


@dataclass(frozen=True, slots=True)
class JournalPage:
    """One page of the entries that fit; ``totals`` are of all that fit. ``own`` has debit and credit in fen of each
    entry on the account that was looked for; without one it is empty."""

    entries: list[JournalRow]
    totals: JournalTotals
    own: Mapping[int, tuple[int, int]]
    sealed_to: int
    waiting: int


@dataclass(frozen=True, slots=True)
class EntryDetail:
    """One entry with its lines. ``hash_ok`` tells whether its content still hashes to what was stored with it."""

    row: JournalRow
    lines: tuple[JournalLine, ...]
    hash_ok: bool
    block_no: int | None
    reversed_by: int | None
    events: list[EntryEvent]
    names: Mapping[str, str]


def read_journal(context: Context, actor: Actor, wanted: JournalFilter, page: int) -> JournalPage:
    """Page ``page`` (from 1) of the entries that fit, newest first. Needs ``ledger.view``."""
    actor.require(Permission.LEDGER_VIEW)
    first = (max(page, 1) - 1) * PAGE_SIZE
    with context.database.reading() as connection:
        own = actor.institution_id
        rows = queries.journal_rows(connection, own, wanted, first=first, size=PAGE_SIZE)
        totals = queries.journal_totals(connection, own, wanted)
        sums = queries.account_sums(connection, own, wanted, [row.entry_no for row in rows])
        sealed = queries.sealed_to(connection, own)
        waiting, _ = queries.waiting_for_seal(connection, own, sealed)
    return JournalPage(rows, totals, sums, sealed, waiting)


def read_entry(context: Context, actor: Actor, entry_no: int) -> EntryDetail:
    """One entry with block, reversal, decision and audit events. Raises :class:`NotFound`."""
    actor.require(Permission.LEDGER_VIEW)
    with context.database.reading() as connection:
        known = 0 < entry_no <= LARGEST_NUMBER
        row = queries.journal_row(connection, actor.institution_id, entry_no) if known else None
        if row is None:
            raise NotFound(f"没有凭证 {entry_no}。请核对凭证号。")
        lines = queries.entry_lines(connection, actor.institution_id, entry_no)
        return EntryDetail(
            row=row,
            lines=lines,
            hash_ok=content_holds(actor.institution_id, row, lines),
            block_no=queries.block_of(connection, actor.institution_id, entry_no),
            reversed_by=queries.reversed_by(connection, actor.institution_id, entry_no),
            events=queries.entry_events(connection, row, actor.institution_id),
            names=people.names(connection, actor.institution_id),
        )


def receipt_of(row: JournalRow) -> str | None:
    """The number of the receipt that came of an entry."""
    return None if row.book is None or row.serial is None else receipt_number(row.book, row.serial)


def receipt_named(words: str) -> tuple[str, int] | None:
    """The book and serial that ``words`` may name; ``None`` when they are no receipt's number."""
    try:
        return split_number(words)
    except NotFound:
        return None


def content_holds(institution_id: str, row: JournalRow, lines: Sequence[JournalLine]) -> bool:
    """Whether what stands in the books hashes to the hash that was stored with it."""
    try:
        entry = JournalEntry(
            institution_id=institution_id,
            idempotency_key=row.idempotency_key,
            kind=row.kind,
            summary=row.summary,
            source=row.source,
            occurred_at=row.occurred_at,
            posted_at=row.posted_at,
            effective_on=row.effective_on,
            posted_by=row.posted_by,
            postings=tuple(
                Posting(line.account_id, Money(line.debit_fen), Money(line.credit_fen), line.fund) for line in lines
            ),
            reverses_no=row.reverses_no,
        )
    except LedgerFault:
        return False  # no longer balanced, so certainly not what was posted
    return entry.content_hash() == row.content_hash
