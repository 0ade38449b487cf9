"""Accounts that can't be refunded, moved in whole statements: marked, filed, frozen for the treasury, remitted.

What the rule of article 8 says of one account is said here for a million of them; a property test holds the two
together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

import sqlalchemy as sa

from hospital_prepay.persistence.models.ledger import LedgerAccount
from hospital_prepay.persistence.models.outpatient import OutpatientAccount
from hospital_prepay.persistence.models.outpatient_claims import OutpatientClaim
from hospital_prepay.persistence.models.outpatient_escheat import (
    OutpatientBatch,
    OutpatientBatchLine,
    OutpatientBatchReview,
    OutpatientFiling,
    OutpatientFilingLine,
)
from hospital_prepay.persistence.outpatient_contradictions import doubted_accounts
from hospital_prepay.persistence.planning import in_bulk
from hospital_prepay.persistence.rows import refusing, rows_of

_UNDER_WAY: Final = ("accepted", "reviewed", "confirmed", "sent", "failed")
_AT_ONCE: Final = 10_000
_STALE: Final = "这一步刚被别人办了，或现在不能办。请刷新后再看；本次没有改动。"


@dataclass(frozen=True, slots=True)
class FilingRow:
    """A filing as it stands."""

    filing_no: int
    accounts: int
    total_fen: int
    sha256: str
    risk_note: str
    state: str
    made_by: str
    made_at: datetime
    authority: str
    submitted_on: date | None
    submitted_by: str | None
    acknowledgement_no: str
    acknowledged_on: date | None
    recorded_by: str | None
    ended_by: str | None
    ended_at: datetime | None
    ended_ground: str


@dataclass(frozen=True, slots=True)
class BatchRow:
    """A batch as it stands."""

    batch_no: int
    on_day: date
    state: str
    accounts: int
    total_fen: int
    sha256: str
    proposed_by: str
    proposed_at: datetime
    frozen_by: str | None
    frozen_at: datetime | None
    approved_by: str | None
    approved_at: datetime | None
    remitted_by: str | None
    remitted_on: date | None
    voucher_no: str
    bank_reference: str
    ended_by: str | None
    ended_at: datetime | None
    ended_ground: str


@dataclass(frozen=True, slots=True)
class ReviewRow:
    """One review of a batch."""

    part: str
    reviewed_by: str
    reviewed_at: datetime
    note: str


@dataclass(frozen=True, slots=True)
class ListedAccount:
    """An account on a list: number, fen, and its last movement or the reason."""

    account_no: str
    balance_fen: int
    last_movement_on: date | None
    reason: str


def next_number(connection: sa.Connection, institution_id: str, table: Any, column: Any) -> int:
    """One above the newest number of a table."""
    return 1 + int(
        connection.scalar(sa.select(sa.func.max(column)).where(table.institution_id == institution_id)) or 0
    )


def next_filing_no(connection: sa.Connection, institution_id: str) -> int:
    """The number of the next filing."""
    return next_number(connection, institution_id, OutpatientFiling, OutpatientFiling.filing_no)


def next_batch_no(connection: sa.Connection, institution_id: str) -> int:
    """The number of the next batch."""
    return next_number(connection, institution_id, OutpatientBatch, OutpatientBatch.batch_no)


def unfiled(connection: sa.Connection, institution_id: str) -> Iterator[ListedAccount]:
    """Accounts that are marked and in no filing under way, by number, with their balance."""
    query = (
        sa.select(
            OutpatientAccount.account_no,
            LedgerAccount.balance_fen,
            OutpatientAccount.last_movement_on,
            OutpatientAccount.unclearable_reason,
        )
        .join(LedgerAccount, _books())
        .where(*_to_file(institution_id))
        .order_by(OutpatientAccount.account_no)
    )
    for row in connection.execute(query.execution_options(yield_per=5_000)):
        yield ListedAccount(*row)


def unfiled_sum(connection: sa.Connection, institution_id: str) -> tuple[int, int]:
    """How many accounts the next filing would hold, and their fen."""
    query = (
        sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(LedgerAccount.balance_fen), 0))
        .join_from(OutpatientAccount, LedgerAccount, _books())
        .where(*_to_file(institution_id))
    )
    count, fen = connection.execute(query).one()
    return int(count), int(fen)


def add_filing(
    connection: sa.Connection, institution_id: str, values: dict[str, Any], listed: Sequence[ListedAccount]
) -> None:
    """Write a filing down with its accounts."""
    connection.execute(sa.insert(OutpatientFiling).values(institution_id=institution_id, **values))
    rows = [
        {
            "institution_id": institution_id,
            "filing_no": values["filing_no"],
            "account_no": one.account_no,
            "balance_fen": one.balance_fen,
            "reason": one.reason,
        }
        for one in listed
    ]
    for start in range(0, len(rows), 10_000):
        connection.execute(sa.insert(OutpatientFilingLine), rows[start : start + 10_000])


def filings(connection: sa.Connection, institution_id: str, filing_no: int | None = None) -> list[FilingRow]:
    """Every filing, the newest first, or the one asked for."""
    where = () if filing_no is None else (OutpatientFiling.filing_no == filing_no,)
    order = (OutpatientFiling.filing_no.desc(),)
    return rows_of(connection, OutpatientFiling, FilingRow, institution_id, *where, order=order)


def walk_filing(connection: sa.Connection, institution_id: str, filing_no: int, **values: Any) -> None:
    """Let a filing go its next step; the database refuses any other."""
    with refusing(_STALE):
        connection.execute(
            sa.update(OutpatientFiling)
            .where(OutpatientFiling.institution_id == institution_id, OutpatientFiling.filing_no == filing_no)
            .values(**values)
        )


def file_accounts(connection: sa.Connection, institution_id: str, filing_no: int, filed_on: date) -> int:
    """The accounts of an acknowledged filing that still wait are filed from ``filed_on``, those that hold what was
    filed: of any other something stands on no filing (8). Returns how many."""
    line = OutpatientFilingLine
    of_line = sa.and_(
        LedgerAccount.institution_id == line.institution_id,
        LedgerAccount.account_id == "23050102:" + line.account_no,
        LedgerAccount.balance_fen == line.balance_fen,
    )
    listed = (
        sa.select(line.account_no)
        .join(LedgerAccount, of_line)
        .where(line.institution_id == institution_id, line.filing_no == filing_no)
    )
    with refusing(_STALE), in_bulk(connection):
        done = connection.execute(
            sa.update(OutpatientAccount)
            .where(
                OutpatientAccount.institution_id == institution_id,
                OutpatientAccount.state == "unclearable",
                OutpatientAccount.account_no.in_(listed),
            )
            .values(state="filed", filed_on=filed_on)
        )
    return done.rowcount


def middle_number(connection: sa.Connection, institution_id: str) -> str:
    """A text that parts the account numbers in two, about in the middle where they count on; empty without any."""
    number = OutpatientAccount.account_no
    own = sa.select(number).where(OutpatientAccount.institution_id == institution_id).limit(1)
    ends = [connection.scalar(own.order_by(order)) for order in (number, number.desc())]
    low, high = (str(end or "") for end in ends)
    return _between(low, high)


def _between(low: str, high: str) -> str:
    """``high`` up to where it parts from ``low``, and the sign half-way between the two there; beyond ASCII, where
    not every number is a sign, that of ``high``."""
    at = next((at for at, (one, other) in enumerate(zip(low, high, strict=False)) if one != other), len(low))
    if not high[at:]:
        return high
    half = (ord(low[at:][:1] or "0") + ord(high[at]) + 1) // 2
    return high[:at] + (chr(half) if half < 128 else high[at])


def due_sum(
    connection: sa.Connection, institution_id: str, on: date, before: date, low: str = "", high: str | None = None
) -> tuple[int, int]:
    """How many filed accounts are due on ``on``, and their fen: moved before ``before``, with money, unclaimed. Only
    those from the number ``low`` on, and before ``high``, if there is one."""
    among = [OutpatientAccount.account_no >= low]
    if high is not None:
        among.append(OutpatientAccount.account_no < high)
    with in_bulk(connection):
        row = connection.execute(
            sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(LedgerAccount.balance_fen), 0))
            .select_from(OutpatientAccount)
            .join(LedgerAccount, _books())
            .where(*_due(institution_id, on, before), *among)
        ).one()
    return int(row[0]), int(row[1])


def held_back(connection: sa.Connection, institution_id: str, before: date) -> dict[str, tuple[int, int]]:
    """Old deposits with money that aren't filed, by their state: how many and their fen. Each is an overdue duty."""
    query = (
        sa.select(OutpatientAccount.state, sa.func.count(), sa.func.sum(LedgerAccount.balance_fen))
        .join(LedgerAccount, _books())
        .where(
            OutpatientAccount.institution_id == institution_id,
            OutpatientAccount.kind == "outpatient_deposit",
            OutpatientAccount.state.in_(("open", "unclearable")),
            OutpatientAccount.last_movement_on < before,
            LedgerAccount.balance_fen > 0,
        )
        .group_by(OutpatientAccount.state)
    )
    with in_bulk(connection):
        rows = connection.execute(query).all()
    return {state: (int(count), int(fen)) for state, count, fen in rows}


def add_batch(connection: sa.Connection, values: dict[str, Any]) -> None:
    """Write a proposal down. Raises :class:`Conflict` when its day has a batch under way."""
    with refusing("这一天的上缴批次已经有人在办。请打开那一批；本次没有新建。"):
        connection.execute(sa.insert(OutpatientBatch).values(**values))


def batches(connection: sa.Connection, institution_id: str, batch_no: int | None = None) -> list[BatchRow]:
    """Every batch, the newest first, or the one asked for."""
    where = () if batch_no is None else (OutpatientBatch.batch_no == batch_no,)
    order = (OutpatientBatch.batch_no.desc(),)
    return rows_of(connection, OutpatientBatch, BatchRow, institution_id, *where, order=order)


def lock_batch(connection: sa.Connection, institution_id: str, batch_no: int) -> BatchRow | None:
    """The batch, held until the transaction ends."""
    connection.execute(
        sa.select(OutpatientBatch.batch_no)
        .where(OutpatientBatch.institution_id == institution_id, OutpatientBatch.batch_no == batch_no)
        .with_for_update()
    )
    found = batches(connection, institution_id, batch_no)
    return found[0] if found else None


def walk_batch(connection: sa.Connection, institution_id: str, batch_no: int, **values: Any) -> None:
    """Let a batch go its next step; the database refuses any other."""
    with refusing(_STALE):
        connection.execute(
            sa.update(OutpatientBatch)
            .where(OutpatientBatch.institution_id == institution_id, OutpatientBatch.batch_no == batch_no)
            .values(**values)
        )


def batch_with(connection: sa.Connection, institution_id: str, column: str, key: str) -> int | None:
    """The number of the batch that has this ``voucher_key`` or ``slip_key``."""
    where = (OutpatientBatch.institution_id == institution_id, getattr(OutpatientBatch, column) == key)
    return connection.scalar(sa.select(OutpatientBatch.batch_no).where(*where))


def fill_batch(connection: sa.Connection, institution_id: str, batch_no: int, on: date, before: date) -> None:
    """Put every due account on the list of a proposed batch and freeze it."""
    source = (
        sa.select(
            OutpatientAccount.institution_id,
            sa.literal(batch_no),
            OutpatientAccount.account_no,
            LedgerAccount.balance_fen,
            OutpatientAccount.last_movement_on,
        )
        .join(LedgerAccount, _books())
        .where(*_due(institution_id, on, before))
    )
    names = ("institution_id", "batch_no", "account_no", "balance_fen", "last_movement_on")
    with in_bulk(connection):
        connection.execute(sa.insert(OutpatientBatchLine).from_select(names, source, include_defaults=False))
    _walk_lines(connection, institution_id, batch_no, "filed", "frozen")
    _leave_out_claimed(connection, institution_id, batch_no)


def _leave_out_claimed(connection: sa.Connection, institution_id: str, batch_no: int) -> None:
    """Look again when every account is held: one that was claimed, or left the filed ones, just before stays out."""
    claimed = sa.select(OutpatientClaim.account_no).where(
        OutpatientClaim.institution_id == institution_id, OutpatientClaim.state.in_(_UNDER_WAY)
    )
    query = (
        sa.select(OutpatientBatchLine.account_no, OutpatientAccount.state)
        .join(
            OutpatientAccount,
            sa.and_(
                OutpatientAccount.institution_id == OutpatientBatchLine.institution_id,
                OutpatientAccount.account_no == OutpatientBatchLine.account_no,
            ),
        )
        .where(
            OutpatientBatchLine.institution_id == institution_id,
            OutpatientBatchLine.batch_no == batch_no,
            sa.or_(
                OutpatientAccount.state != "frozen",
                OutpatientBatchLine.account_no.in_(claimed),
                OutpatientBatchLine.account_no.in_(doubted_accounts(institution_id)),
            ),
        )
    )
    with in_bulk(connection):
        out = connection.execute(query).all()
    for account_no, state in out:
        own = (OutpatientAccount.institution_id == institution_id, OutpatientAccount.account_no == account_no)
        if state == "frozen":
            connection.execute(sa.update(OutpatientAccount).where(*own).values(state="filed"))
        connection.execute(
            sa.delete(OutpatientBatchLine).where(
                OutpatientBatchLine.institution_id == institution_id,
                OutpatientBatchLine.batch_no == batch_no,
                OutpatientBatchLine.account_no == account_no,
            )
        )


def changed_on_batch(connection: sa.Connection, institution_id: str, batch_no: int) -> list[str]:
    """The first few accounts of a frozen list that aren't frozen, or don't have what the list says."""
    line, account = OutpatientBatchLine, OutpatientAccount
    query = (
        sa.select(line.account_no)
        .join(account, sa.and_(account.institution_id == line.institution_id, account.account_no == line.account_no))
        .outerjoin(LedgerAccount, _books())
        .where(
            line.institution_id == institution_id,
            line.batch_no == batch_no,
            sa.or_(account.state != "frozen", LedgerAccount.balance_fen.is_distinct_from(line.balance_fen)),
        )
        .order_by(line.account_no)
        .limit(5)
    )
    return list(connection.scalars(query))


def release_batch(connection: sa.Connection, institution_id: str, batch_no: int) -> None:
    """Give the accounts of a batch that is dropped back to the filed ones."""
    _walk_lines(connection, institution_id, batch_no, "frozen", "filed")


def batch_lines(
    connection: sa.Connection, institution_id: str, batch_no: int, after: str, size: int
) -> list[ListedAccount]:
    """The next ``size`` lines of a batch after the number ``after``."""
    query = (
        sa.select(
            OutpatientBatchLine.account_no,
            OutpatientBatchLine.balance_fen,
            OutpatientBatchLine.last_movement_on,
            sa.literal(""),
        )
        .where(
            OutpatientBatchLine.institution_id == institution_id,
            OutpatientBatchLine.batch_no == batch_no,
            OutpatientBatchLine.account_no > after,
        )
        .order_by(OutpatientBatchLine.account_no)
        .limit(size)
    )
    return [ListedAccount(*row) for row in connection.execute(query)]


def batch_sum(connection: sa.Connection, institution_id: str, batch_no: int) -> tuple[int, int]:
    """How many lines a batch has, and their fen."""
    row = connection.execute(
        sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(OutpatientBatchLine.balance_fen), 0)).where(
            OutpatientBatchLine.institution_id == institution_id, OutpatientBatchLine.batch_no == batch_no
        )
    ).one()
    return int(row[0]), int(row[1])


def every_batch_line(connection: sa.Connection, institution_id: str, batch_no: int) -> Iterator[ListedAccount]:
    """All lines of a batch by number, a part at a time, however many there are."""
    after = ""
    while part := batch_lines(connection, institution_id, batch_no, after, _AT_ONCE):
        yield from part
        after = part[-1].account_no


def remit_lines(connection: sa.Connection, institution_id: str, first: str, last: str, batch_no: int) -> int:
    """The accounts of a batch from ``first`` to ``last`` are remitted: their money left their accounts. Returns how
    many."""
    return _walk_lines(connection, institution_id, batch_no, "frozen", "remitted", first, last)


def is_remitted(connection: sa.Connection, institution_id: str, account_no: str) -> bool:
    """Whether the account's money left for the treasury."""
    query = sa.select(OutpatientAccount.state).where(
        OutpatientAccount.institution_id == institution_id, OutpatientAccount.account_no == account_no
    )
    return connection.scalar(query) in ("remitted", "reclaimed")


def add_review(connection: sa.Connection, values: dict[str, Any]) -> None:
    """Write one review down; the database takes each part and each person once."""
    with refusing("这一部分已经有人复核，或您已经复核过别的部分：三个部分要由三个人复核。"):
        connection.execute(sa.insert(OutpatientBatchReview).values(**values))


def reviews_of(connection: sa.Connection, institution_id: str, batch_no: int) -> list[ReviewRow]:
    """The reviews of a batch."""
    where = OutpatientBatchReview.batch_no == batch_no
    order = (OutpatientBatchReview.reviewed_at,)
    return rows_of(connection, OutpatientBatchReview, ReviewRow, institution_id, where, order=order)


def _walk_lines(
    connection: sa.Connection,
    institution_id: str,
    batch_no: int,
    before: str,
    after: str,
    first: str | None = None,
    last: str | None = None,
) -> int:
    listed = sa.select(OutpatientBatchLine.account_no).where(
        OutpatientBatchLine.institution_id == institution_id, OutpatientBatchLine.batch_no == batch_no
    )
    if first is not None and last is not None:
        listed = listed.where(OutpatientBatchLine.account_no.between(first, last))
    with refusing(_STALE), in_bulk(connection):
        done = connection.execute(
            sa.update(OutpatientAccount)
            .where(
                OutpatientAccount.institution_id == institution_id,
                OutpatientAccount.state == before,
                OutpatientAccount.account_no.in_(listed),
            )
            .values(state=after)
        )
    return done.rowcount


def _to_file(institution_id: str) -> tuple[sa.ColumnElement[bool], ...]:
    under_way = (
        sa.select(OutpatientFilingLine.account_no)
        .join(
            OutpatientFiling,
            sa.and_(
                OutpatientFiling.institution_id == OutpatientFilingLine.institution_id,
                OutpatientFiling.filing_no == OutpatientFilingLine.filing_no,
            ),
        )
        .where(
            OutpatientFilingLine.institution_id == institution_id,
            OutpatientFilingLine.account_no == OutpatientAccount.account_no,
            OutpatientFiling.state.in_(("made", "submitted")),
        )
    )
    return (
        OutpatientAccount.institution_id == institution_id,
        OutpatientAccount.state == "unclearable",
        LedgerAccount.balance_fen > 0,
        ~_is_claimed(),
        ~under_way.exists(),
    )


def _due(institution_id: str, on: date, before: date) -> tuple[sa.ColumnElement[bool], ...]:
    """Only deposits are ever filed, so that their kind needn't be looked at."""
    claimed = sa.select(OutpatientClaim.account_no).where(
        OutpatientClaim.institution_id == institution_id, OutpatientClaim.state.in_(_UNDER_WAY)
    )
    return (
        OutpatientAccount.institution_id == institution_id,
        OutpatientAccount.state == "filed",
        # Said in these words, SQLite sees that the index of accounts that aren't open has them all.
        OutpatientAccount.state != sa.literal_column("'open'"),
        OutpatientAccount.last_movement_on < before,
        OutpatientAccount.filed_on <= on,
        LedgerAccount.balance_fen > 0,
        OutpatientAccount.account_no.not_in(claimed),
        OutpatientAccount.account_no.not_in(doubted_accounts(institution_id)),
    )


def doubted_on_batch(connection: sa.Connection, institution_id: str, batch_no: int) -> list[str]:
    """Accounts of a list whose money the bank may have paid beside the books."""
    query = (
        sa.select(OutpatientBatchLine.account_no)
        .where(
            OutpatientBatchLine.institution_id == institution_id,
            OutpatientBatchLine.batch_no == batch_no,
            OutpatientBatchLine.account_no.in_(doubted_accounts(institution_id)),
        )
        .order_by(OutpatientBatchLine.account_no)
    )
    return list(connection.scalars(query))


def _books() -> sa.ColumnElement[bool]:
    """The ledger account of a deposit."""
    return sa.and_(
        LedgerAccount.institution_id == OutpatientAccount.institution_id,
        LedgerAccount.account_id == "23050102:" + OutpatientAccount.account_no,
    )


def _is_claimed() -> sa.ColumnElement[bool]:
    return (
        sa.select(OutpatientClaim.claim_id)
        .where(
            OutpatientClaim.institution_id == OutpatientAccount.institution_id,
            OutpatientClaim.account_no == OutpatientAccount.account_no,
            OutpatientClaim.state.in_(_UNDER_WAY),
        )
        .exists()
    )
