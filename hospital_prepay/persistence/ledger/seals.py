"""The sealer: closes entries into blocks behind the desks, so that no desk waits for a chain.

**Which entries are complete.** On SQLite writers stand in line, so everything with a number is there. On
PostgreSQL a posting takes its number before it commits. Every posting holds a transaction id before it takes its
number; therefore: read the last number L, *then* take a transaction id X of our own, and wait until no transaction
below X is running. From then on each number up to L is either visible or was rolled back for good. (The upper end
of a snapshot would not do for X: it lies just above the last transaction that *ended*, and a posting may be running
above that.)

**Which range a block covers.** From the number after the last block's to L, holes included: a number that was
never used can't be used later without being found.

**What happens on a crash** stands in :mod:`hospital_prepay.persistence.ledger.heads`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime

import sqlalchemy as sa

from hospital_prepay.domain.errors import LedgerFault
from hospital_prepay.domain.ledger.entry import utc_text
from hospital_prepay.domain.ledger.seal import GENESIS, Block, leaf, merkle_root
from hospital_prepay.persistence.database import Database
from hospital_prepay.persistence.ledger.blocks import blocks_after, insert_block, last_block
from hospital_prepay.persistence.ledger.heads import SealHeads
from hospital_prepay.persistence.locks import AdvisoryLock
from hospital_prepay.persistence.models.ledger import LedgerEntry

# Entries in a block: bounds memory after an import, and the range that a finding names.
BLOCK_ENTRIES = 10_000
_POLL_SECONDS = 0.02


class SealingDelayed(LedgerFault):
    """A transaction that may hold a number has been open for too long; nothing was sealed."""

    code = "sealing_delayed"


def seal(
    database: Database, heads: SealHeads, now: datetime, *, adopt: bool = False, patience_seconds: float = 20.0
) -> list[Block]:
    """Seal every complete entry of every institution and write the heads out; returns the new blocks.

    Heads that a crash left out are written first. ``adopt`` also makes a heads file that is missing, from the
    blocks as they stand: only for a data folder that was moved on purpose. Raises :class:`LedgerFault` when the
    database and the heads contradict each other (nothing is sealed on top of that), :class:`SealingDelayed` when a
    transaction stays open.
    """
    with heads.locked():
        with database.reading() as connection:
            known = {*institutions(connection), *heads.sizes()}
            for institution_id in sorted(known):
                _write_heads(connection, heads, institution_id, adopt=adopt)
        with database.writing() as connection:
            ends = _complete_to(connection, patience_seconds)
            blocks = [
                block
                for institution_id in institutions(connection)
                for block in _seal_institution(connection, heads, institution_id, ends(institution_id), now)
            ]
        with database.reading() as connection:
            for institution_id in sorted({block.institution_id for block in blocks}):
                _write_heads(connection, heads, institution_id, adopt=False)
    return blocks


def institutions(connection: sa.Connection) -> list[str]:
    """Institutions with entries or blocks, each found by one step along an index."""
    return sorted(
        {found for table in ("ledger_entry", "ledger_block") for found in distinct_institutions(connection, table)}
    )


def distinct_institutions(connection: sa.Connection, table: str) -> list[str]:
    """Every institution that has a row in ``table`` (a name of ours, whose key it leads)."""
    found: list[str] = []
    statement = sa.text(f"SELECT min(institution_id) FROM {table} WHERE institution_id > :after")
    while (following := connection.scalar(statement, {"after": found[-1] if found else ""})) is not None:
        found.append(following)
    return found


def _complete_to(connection: sa.Connection, patience_seconds: float) -> Callable[[str], int]:
    """The highest number of an institution below which nothing can appear any more."""
    if connection.dialect.name == "postgresql":
        number = _wait_for_postings(connection, patience_seconds)
        return lambda _institution_id: number
    statement = sa.text("SELECT coalesce(max(entry_no), 0) FROM ledger_entry WHERE institution_id = :i")
    return lambda institution_id: int(connection.execute(statement, {"i": institution_id}).scalar_one())


def _wait_for_postings(connection: sa.Connection, patience_seconds: float) -> int:
    # Each statement below needs a snapshot of its own.
    connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
    connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": AdvisoryLock.SEALING})
    last, used = connection.exec_driver_sql("SELECT last_value, is_called FROM ledger_entry_no").one()
    below = connection.exec_driver_sql("SELECT pg_current_xact_id()::text::bigint").scalar_one()
    until = time.monotonic() + patience_seconds
    while True:
        oldest = connection.exec_driver_sql(
            "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
        ).scalar_one()
        if oldest >= below:
            return int(last) if used else 0
        if time.monotonic() > until:
            raise SealingDelayed("有业务长时间没有提交，这次没有封存。请让信息科检查数据库里停住的连接，稍后会再试。")
        time.sleep(_POLL_SECONDS)


def _seal_institution(
    connection: sa.Connection, heads: SealHeads, institution_id: str, to: int, now: datetime
) -> list[Block]:
    last = last_block(connection, institution_id)
    previous = last[0] if last else None
    if previous is None:
        heads.create(institution_id)
    blocks: list[Block] = []
    while True:
        after = previous.last_no if previous else 0
        rows = connection.execute(
            sa.select(LedgerEntry.entry_no, LedgerEntry.content_hash)
            .where(
                LedgerEntry.institution_id == institution_id,
                LedgerEntry.entry_no > after,
                LedgerEntry.entry_no <= to,
            )
            .order_by(LedgerEntry.entry_no)
            .limit(BLOCK_ENTRIES)
        ).all()
        if not rows:
            return blocks
        previous = Block(
            institution_id=institution_id,
            block_no=previous.block_no + 1 if previous else 1,
            first_no=after + 1,
            last_no=to if len(rows) < BLOCK_ENTRIES else rows[-1].entry_no,
            entry_count=len(rows),
            merkle_root=merkle_root(b"".join([leaf(row.entry_no, row.content_hash) for row in rows])),
            previous_hash=previous.block_hash() if previous else GENESIS,
            sealed_at=utc_text(now),
        )
        insert_block(connection, previous)
        blocks.append(previous)


def _write_heads(connection: sa.Connection, heads: SealHeads, institution_id: str, *, adopt: bool) -> None:
    """Bring the heads file up to the blocks, or refuse when the two contradict each other."""
    newest = last_block(connection, institution_id)
    if not heads.path(institution_id).exists():
        if newest is not None and not adopt:
            raise LedgerFault(
                "数据库外的封存记录不见了，没有继续封存。请先找回 seals 文件夹；"
                "如果是换了数据目录，核对账本后运行 hospital-prepay ledger seal --adopt。"
            )
        heads.create(institution_id)
    written = heads.last(institution_id)
    missing: list[Block] = []
    for block, stored_hash in blocks_after(connection, institution_id, (written.block_no if written else 1) - 1):
        if written is not None and block.block_no == written.block_no:
            if not stored_hash == block.block_hash() == written.block_hash():
                raise _contradiction(written)
            continue
        if not block.follows(missing[-1] if missing else written):
            raise _contradiction(block)
        missing.append(block)
    if written is not None and (newest is None or newest[0].block_no < written.block_no):
        raise _contradiction(written)
    # A crash leaves out the blocks of one sealing, which share its moment; more than that was cut from the file.
    if len({block.sealed_at for block in missing}) > 1 and not adopt:
        raise LedgerFault(
            "数据库外的封存记录少了几块，没有继续封存。请先找回 seals 文件夹；"
            "如果是换了数据目录，核对账本后运行 hospital-prepay ledger seal --adopt。"
        )
    if missing:
        heads.append(institution_id, missing)


def _contradiction(block: Block) -> LedgerFault:
    return LedgerFault(
        f"第 {block.block_no} 块与数据库外的封存记录对不上，没有继续封存。"
        "请运行 hospital-prepay ledger verify 查明。",
        details={"institution_id": block.institution_id, "block_no": block.block_no},
    )
