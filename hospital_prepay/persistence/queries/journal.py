"""The journal as frozen rows: entries, their lines, what belongs to an entry, and the blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from hospital_prepay.domain.ledger.chart import (
    advance_account,
    outpatient_account,
    overpaid_account,
    owed_refund_account,
    stay_account,
)
from hospital_prepay.domain.numbers import number_of
from hospital_prepay.persistence.models.audit import AuditEvent, JobRun
from hospital_prepay.persistence.models.inpatient import Receipt
from hospital_prepay.persistence.models.ledger import LedgerAccount, LedgerBlock, LedgerEntry, LedgerPosting
from hospital_prepay.persistence.models.outpatient_claims import OutpatientClaim
from hospital_prepay.persistence.models.outpatient_contradictions import OutpatientOverpayment

# A stay has a handful of entries; a number that finds more than this is no stay's.
_MOST_FOUND = 1000


@dataclass(frozen=True, slots=True)
class JournalFilter:
    """What is looked for. ``words`` is an entry number, a receipt's book and serial, a stay's
    number or an outpatient account's."""

    words: str = ""
    receipt: tuple[str, int] | None = None
    account_id: str = ""
    since: date | None = None
    until: date | None = None


@dataclass(frozen=True, slots=True)
class JournalLine:
    """One line (分录) with the name of its account."""

    account_id: str
    name: str
    debit_fen: int
    credit_fen: int
    fund: str


@dataclass(frozen=True, slots=True)
class JournalSide:
    """What the lines of one entry come to on one side of a subject (科目)."""

    subject: str
    lines: int
    debit_fen: int
    credit_fen: int


@dataclass(frozen=True, slots=True)
class JournalRow:
    """One entry as stored, its lines summed by subject and side, and the receipt that came of it, if any."""

    entry_no: int
    idempotency_key: str
    kind: str
    summary: str
    source: str
    reverses_no: int | None
    occurred_at: datetime
    posted_at: datetime
    effective_on: date
    posted_by: str
    content_hash: bytes
    book: str | None
    serial: int | None
    decision_id: str | None
    sides: tuple[JournalSide, ...]

    @property
    def debit_fen(self) -> int:
        """All debits, which are all credits."""
        return sum(side.debit_fen for side in self.sides)

    @property
    def credit_fen(self) -> int:
        """All credits."""
        return sum(side.credit_fen for side in self.sides)


@dataclass(frozen=True, slots=True)
class JournalTotals:
    """What was found: how many entries, and fen on either side; ``of_account`` where these are of an account's own
    lines, and not of whole entries."""

    entries: int
    debit_fen: int
    credit_fen: int
    of_account: bool


@dataclass(frozen=True, slots=True)
class EntryEvent:
    """What the audit trail says of an entry."""

    at: datetime
    actor: str
    actor_name: str
    action: str
    outcome: str


@dataclass(frozen=True, slots=True)
class BlockRow:
    """A sealed block."""

    block_no: int
    first_no: int
    last_no: int
    entry_count: int
    merkle_root: bytes
    previous_hash: bytes
    sealed_at: datetime


@dataclass(frozen=True, slots=True)
class CheckRow:
    """A check of the books that was run: by a person, or by the daily job, which keeps no ``detail``."""

    at: datetime
    outcome: str
    detail: dict[str, Any]


def journal_rows(
    connection: sa.Connection, institution_id: str, wanted: JournalFilter, *, first: int, size: int
) -> list[JournalRow]:
    """One page of the entries that fit, newest first."""
    fits = _fits(connection, institution_id, wanted)
    query = _entries().where(*fits).order_by(LedgerEntry.entry_no.desc()).offset(first).limit(size)
    rows = connection.execute(query).all()
    sides = _sides(connection, institution_id, [row.entry_no for row in rows])
    return [_row(row, sides) for row in rows]


def journal_totals(connection: sa.Connection, institution_id: str, wanted: JournalFilter) -> JournalTotals:
    """How many entries fit, and the sums of their lines: of the account alone that was looked for, where one was."""
    fits = _fits(connection, institution_id, wanted)
    count = connection.scalar(sa.select(sa.func.count()).select_from(LedgerEntry).where(*fits)) or 0
    own = _lines_asked_for(connection, institution_id, wanted)
    total = sa.select(
        sa.func.coalesce(sa.func.sum(LedgerPosting.debit_fen), 0),
        sa.func.coalesce(sa.func.sum(LedgerPosting.credit_fen), 0),
    )
    if len(fits) > 1:
        total = total.join(
            LedgerEntry,
            sa.and_(
                LedgerEntry.institution_id == LedgerPosting.institution_id,
                LedgerEntry.entry_no == LedgerPosting.entry_no,
            ),
        ).where(*fits)
    of_lines = () if own is None else (own,)
    debit_fen, credit_fen = connection.execute(
        total.where(LedgerPosting.institution_id == institution_id, *of_lines)
    ).one()
    return JournalTotals(count, int(debit_fen), int(credit_fen), of_account=own is not None)


def account_sums(
    connection: sa.Connection, institution_id: str, wanted: JournalFilter, numbers: Sequence[int]
) -> dict[int, tuple[int, int]]:
    """Debit and credit of each of these entries on the account that was looked for; empty where none was."""
    own = _lines_asked_for(connection, institution_id, wanted)
    if own is None:
        return {}
    query = (
        sa.select(LedgerPosting.entry_no, sa.func.sum(LedgerPosting.debit_fen), sa.func.sum(LedgerPosting.credit_fen))
        .where(LedgerPosting.institution_id == institution_id, LedgerPosting.entry_no.in_(numbers), own)
        .group_by(LedgerPosting.entry_no)
    )
    return {entry_no: (int(debit), int(credit)) for entry_no, debit, credit in connection.execute(query)}


def journal_row(connection: sa.Connection, institution_id: str, entry_no: int) -> JournalRow | None:
    """One entry, or ``None``."""
    query = _entries().where(LedgerEntry.institution_id == institution_id, LedgerEntry.entry_no == entry_no)
    row = connection.execute(query).one_or_none()
    return None if row is None else _row(row, _sides(connection, institution_id, [entry_no]))


def reversed_by(connection: sa.Connection, institution_id: str, entry_no: int) -> int | None:
    """The number of the red-letter entry that names this one."""
    return connection.scalar(
        sa.select(LedgerEntry.entry_no).where(
            LedgerEntry.institution_id == institution_id, LedgerEntry.reverses_no == entry_no
        )
    )


def entry_events(connection: sa.Connection, row: JournalRow, institution_id: str) -> list[EntryEvent]:
    """The audit events of the act that posted an entry: they carry the very moment of its transaction."""
    query = (
        sa.select(AuditEvent.at, AuditEvent.actor, AuditEvent.actor_name, AuditEvent.action, AuditEvent.outcome)
        .where(
            AuditEvent.institution_id == institution_id,
            AuditEvent.at == row.posted_at,
            AuditEvent.actor == row.posted_by,
            sa.or_(AuditEvent.entry_no == row.entry_no, AuditEvent.entry_no.is_(None)),
        )
        .order_by(AuditEvent.event_id)
    )
    return [EntryEvent(*found) for found in connection.execute(query)]


def sealed_to(connection: sa.Connection, institution_id: str) -> int:
    """The number up to which entries are sealed."""
    query = sa.select(sa.func.max(LedgerBlock.last_no)).where(LedgerBlock.institution_id == institution_id)
    return connection.scalar(query) or 0


def waiting_for_seal(connection: sa.Connection, institution_id: str, after: int) -> tuple[int, datetime | None]:
    """How many entries stand behind the last block, and when the oldest was posted."""
    query = sa.select(sa.func.count(), sa.func.min(LedgerEntry.posted_at))
    row = connection.execute(
        query.where(LedgerEntry.institution_id == institution_id, LedgerEntry.entry_no > after)
    ).one()
    return row[0], row[1]


def block_of(connection: sa.Connection, institution_id: str, entry_no: int) -> int | None:
    """The block that covers a number."""
    return connection.scalar(
        sa.select(LedgerBlock.block_no)
        .where(LedgerBlock.institution_id == institution_id, LedgerBlock.first_no <= entry_no)
        .where(LedgerBlock.last_no >= entry_no)
    )


def block_rows(
    connection: sa.Connection, institution_id: str, *, first: int, size: int
) -> tuple[list[BlockRow], int]:
    """One page of the blocks, newest first, and how many there are."""
    mine = LedgerBlock.institution_id == institution_id
    total = connection.scalar(sa.select(sa.func.count()).select_from(LedgerBlock).where(mine)) or 0
    columns = [getattr(LedgerBlock, name) for name in BlockRow.__dataclass_fields__]
    query = sa.select(*columns).where(mine).order_by(LedgerBlock.block_no.desc()).offset(first).limit(size)
    return [BlockRow(*row) for row in connection.execute(query)], total


def last_check(connection: sa.Connection, institution_id: str, subject: str, job: str) -> CheckRow | None:
    """The latest check of the books by a person (an audit event about ``subject``) or by the daily ``job``."""
    by_hand = connection.execute(
        sa.select(AuditEvent.at, AuditEvent.outcome, AuditEvent.detail)
        .where(AuditEvent.institution_id == institution_id, AuditEvent.subject == subject)
        .order_by(AuditEvent.at.desc())
        .limit(1)
    ).one_or_none()
    nightly = connection.execute(
        sa.select(JobRun.finished_at, JobRun.outcome)
        .where(JobRun.institution_id == institution_id, JobRun.job == job, JobRun.finished_at.is_not(None))
        .order_by(JobRun.business_date.desc())
        .limit(1)
    ).one_or_none()
    found = [CheckRow(*by_hand)] if by_hand else []
    if nightly and nightly.finished_at is not None:
        found.append(CheckRow(nightly.finished_at, nightly.outcome, {}))
    return max(found, key=lambda one: one.at, default=None)


def _entries() -> sa.Select[tuple[object, ...]]:
    stored = JournalRow.__dataclass_fields__.keys() & {column.key for column in LedgerEntry.__table__.columns}
    return sa.select(
        *(getattr(LedgerEntry, name) for name in sorted(stored)), Receipt.book, Receipt.serial, Receipt.decision_id
    ).outerjoin(
        Receipt,
        sa.and_(
            Receipt.institution_id == LedgerEntry.institution_id,
            Receipt.entry_no == LedgerEntry.entry_no,
        ),
    )


def _fits(connection: sa.Connection, institution_id: str, wanted: JournalFilter) -> list[sa.ColumnElement[bool]]:
    fits = [LedgerEntry.institution_id == institution_id]
    if wanted.words:
        fits.append(LedgerEntry.entry_no.in_(_numbers(connection, institution_id, wanted)))
    if wanted.account_id:
        on_account = sa.select(LedgerPosting.entry_no).where(
            LedgerPosting.institution_id == institution_id, _below(wanted.account_id)
        )
        fits.append(LedgerEntry.entry_no.in_(on_account))
    if wanted.since is not None:
        fits.append(LedgerEntry.effective_on >= wanted.since)
    if wanted.until is not None:
        fits.append(LedgerEntry.effective_on <= wanted.until)
    return fits


def _numbers(connection: sa.Connection, institution_id: str, wanted: JournalFilter) -> Sequence[int]:
    """The entries that the words name, found first: a few steps along indexes instead of a walk through all."""
    number = number_of(wanted.words)
    found = [] if number is None else [number]
    on_accounts = (
        sa.select(LedgerPosting.entry_no)
        .distinct()
        .where(
            LedgerPosting.institution_id == institution_id,
            LedgerPosting.account_id.in_(_named(connection, institution_id, wanted.words)),
        )
    )
    found += connection.scalars(on_accounts.limit(_MOST_FOUND))
    if wanted.receipt is not None:
        book, serial = wanted.receipt
        of_receipt = sa.select(Receipt.entry_no).where(
            Receipt.institution_id == institution_id, Receipt.book == book, Receipt.serial == serial
        )
        found += connection.scalars(of_receipt)
    return found


def _lines_asked_for(
    connection: sa.Connection, institution_id: str, wanted: JournalFilter
) -> sa.ColumnElement[bool] | None:
    """Which lines are of the account that was looked for: what a number names, within the subject that was chosen
    where it has any there, else the subject's; ``None`` where whole entries were looked for."""
    opened = sa.select(LedgerAccount.account_id).where(
        LedgerAccount.institution_id == institution_id,
        LedgerAccount.account_id.in_(_named(connection, institution_id, wanted.words) if wanted.words else []),
    )
    named = list(connection.scalars(opened))
    if not wanted.account_id:
        return LedgerPosting.account_id.in_(named) if named else None
    within = [one for one in named if f"{one}:".startswith(f"{wanted.account_id}:")]
    return LedgerPosting.account_id.in_(within) if within else _below(wanted.account_id)


def _below(account_id: str) -> sa.ColumnElement[bool]:
    below = LedgerPosting.account_id.startswith(f"{account_id}:", autoescape=True)
    return sa.or_(LedgerPosting.account_id == account_id, below)


def _named(connection: sa.Connection, institution_id: str, words: str) -> list[str]:
    """What the books call the stay, or the outpatient account, of a number."""
    return [stay_account(words), *_outpatient(connection, institution_id, words)]


def _outpatient(connection: sa.Connection, institution_id: str, account_no: str) -> list[str]:
    """What the books call an outpatient account, and what was paid ahead, is owed or was paid too often on its
    claims."""
    claims = sa.select(OutpatientClaim.claim_id).where(
        OutpatientClaim.institution_id == institution_id, OutpatientClaim.account_no == account_no
    )
    kinds = [outpatient_account(account_no, is_deposit=is_deposit) for is_deposit in (True, False)]
    of_claims = [name(one) for one in connection.scalars(claims) for name in (advance_account, owed_refund_account)]
    paid = sa.select(OutpatientOverpayment.claim_id, OutpatientOverpayment.attempt_no).where(
        OutpatientOverpayment.institution_id == institution_id, OutpatientOverpayment.claim_id.in_(claims)
    )
    return [*kinds, *of_claims, *(overpaid_account(*one) for one in connection.execute(paid))]


def entry_lines(connection: sa.Connection, institution_id: str, entry_no: int) -> tuple[JournalLine, ...]:
    """The lines of one entry in their order."""
    query = (
        _posted(
            institution_id,
            LedgerPosting.account_id,
            sa.func.coalesce(LedgerAccount.name, LedgerPosting.account_id),
            LedgerPosting.debit_fen,
            LedgerPosting.credit_fen,
            LedgerPosting.fund,
        )
        .where(LedgerPosting.entry_no == entry_no)
        .order_by(LedgerPosting.line_no)
    )
    return tuple(JournalLine(*row) for row in connection.execute(query))


def _posted(
    institution_id: str, *columns: sa.ColumnElement[Any] | sa.orm.InstrumentedAttribute[Any]
) -> sa.Select[Any]:
    of_line = sa.and_(
        LedgerAccount.institution_id == LedgerPosting.institution_id,
        LedgerAccount.account_id == LedgerPosting.account_id,
    )
    query = sa.select(*columns).select_from(LedgerPosting).outerjoin(LedgerAccount, of_line)
    return query.where(LedgerPosting.institution_id == institution_id)


def _sides(
    connection: sa.Connection, institution_id: str, numbers: Sequence[int]
) -> dict[int, tuple[JournalSide, ...]]:
    """Summed by the database: an opening of legacy accounts has thousands of lines on one subject."""
    subject = sa.func.coalesce(LedgerAccount.subject, LedgerPosting.account_id)
    is_debit = LedgerPosting.debit_fen > 0
    query = (
        _posted(
            institution_id,
            LedgerPosting.entry_no,
            subject,
            sa.func.count(),
            sa.func.sum(LedgerPosting.debit_fen),
            sa.func.sum(LedgerPosting.credit_fen),
        )
        .where(LedgerPosting.entry_no.in_(numbers))
        .group_by(LedgerPosting.entry_no, subject, is_debit)
        .order_by(LedgerPosting.entry_no, sa.func.min(LedgerPosting.line_no))
    )
    found: dict[int, list[JournalSide]] = {}
    for entry_no, code, lines, debit_fen, credit_fen in connection.execute(query):
        found.setdefault(entry_no, []).append(JournalSide(code, lines, int(debit_fen), int(credit_fen)))
    return {number: tuple(sides) for number, sides in found.items()}


def _row(row: Any, sides: dict[int, tuple[JournalSide, ...]]) -> JournalRow:
    return JournalRow(**row._mapping, sides=sides.get(row.entry_no, ()))
