"""The check of the books: every content hash, every seal, every guarded balance, recomputed from the rows.

The size of the heads file is taken before the database is looked at, so that a block sealed meanwhile isn't taken
for a lost one. The database is read in one snapshot.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from datetime import datetime, timedelta

import sqlalchemy as sa

from hospital_prepay.domain.ledger.seal import LEAF_BYTES, WINDOW_SECONDS, Block, merkle_root
from hospital_prepay.domain.ledger.verification import Finding, InstitutionReport, Kind, Unsealed, Verification
from hospital_prepay.persistence.database import Database
from hospital_prepay.persistence.ledger.blocks import blocks_after
from hospital_prepay.persistence.ledger.heads import HeadsDamaged, SealHeads
from hospital_prepay.persistence.ledger.seals import distinct_institutions
from hospital_prepay.persistence.ledger.soundness import across_tables, unsound
from hospital_prepay.persistence.ledger.stream import Page, pages
from hospital_prepay.persistence.models.ledger import LedgerEntry

_TABLES = ("ledger_account", "ledger_entry", "ledger_posting", "ledger_block")
_MOST = 20


def verify(database: Database, heads: SealHeads, now: datetime) -> Verification:
    """Check the books of every institution; the first broken place of each stands first in its report."""
    sizes = heads.sizes()
    with database.reading() as connection:
        if database.is_postgresql:
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        known = {found for table in _TABLES for found in distinct_institutions(connection, table)}
        known |= {institution_id for institution_id, size in sizes.items() if size}
        return Verification(
            tuple(
                _report(connection, institution_id, heads, sizes.get(institution_id), now)
                for institution_id in sorted(known)
            )
        )


def _report(
    connection: sa.Connection, institution_id: str, heads: SealHeads, heads_size: int | None, now: datetime
) -> InstitutionReport:
    try:
        return _Check(connection, institution_id).run(heads, heads_size, now)
    except (ValueError, TypeError, OverflowError) as error:
        # Only a file whose columns take any value can hold what the program never writes.
        text = f"账本里有程序写不出来的数据，无法继续核对（{str(error)[:80]}）。"
        finding = Finding(Kind.UNREADABLE, institution_id, text)
        return InstitutionReport(institution_id, 0, 0, 0, None, Unsealed(0), findings=(finding,))


class _Check:
    """The check of one institution, gathering findings on the way."""

    def __init__(self, connection: sa.Connection, institution_id: str) -> None:
        self._connection = connection
        self._institution_id = institution_id
        self._findings: list[Finding] = []
        self._stream = _EntryStream(self._looked_at())
        self._entries = 0
        self._lines = 0
        self._behind: list[Block] = []

    def run(self, heads: SealHeads, heads_size: int | None, now: datetime) -> InstitutionReport:
        sealed: Block | None = None
        for block in self._chain(heads.read(self._institution_id, heads_size)):
            numbers, leaves = self._stream.take_to(block.last_no)
            if not self._holds(block, numbers, leaves):
                break
            sealed = block
        self._stream.take_to(2**63)
        self._look_at_lag(heads_size)
        self._findings += across_tables(self._connection, self._institution_id, self._lines)
        return InstitutionReport(
            institution_id=self._institution_id,
            entries=self._entries,
            blocks=sealed.block_no if sealed else 0,
            sealed_to=sealed.last_no if sealed else 0,
            head=sealed.block_hash().hex() if sealed else None,
            unsealed=self._unsealed(sealed.last_no if sealed else 0, now),
            heads_behind=len(self._behind),
            findings=tuple(sorted(self._findings, key=lambda finding: finding.place)),
        )

    def _looked_at(self) -> Iterator[Page]:
        for page in pages(self._connection, self._institution_id):
            self._entries += len(page.numbers)
            self._lines += page.line_count
            for number in page.altered[:_MOST]:
                self._find(Kind.ENTRY_ALTERED, f"凭证 {number} 的内容被改过。", entry_no=number, last_no=number)
            if page.suspects:
                self._findings += unsound(self._connection, self._institution_id, page.after, page.to)
            yield page

    def _chain(self, heads: Iterator[Block]) -> Iterator[Block]:
        """Blocks that follow each other and agree with their heads; the first that doesn't ends the chain."""
        previous: Block | None = None
        for block, stored_hash in blocks_after(self._connection, self._institution_id, 0):
            expected = previous.block_no + 1 if previous else 1
            head = self._next(heads)
            if block.block_no != expected:
                self._find(
                    Kind.BLOCK_MISSING,
                    f"第 {expected} 块不见了。",
                    block_no=expected,
                    entry_no=previous.last_no + 1 if previous else 1,
                    last_no=block.first_no - 1,
                )
                return
            if block.block_hash() != stored_hash or not block.follows(previous):
                self._find_block(Kind.BLOCK_ALTERED, block, "被改过，或接不上前一块")
                return
            if head is None:
                self._behind.append(block)
            elif head.block_hash() != stored_hash:
                self._find_block(Kind.BLOCK_ALTERED, block, "与数据库外的封存记录不一致")
                return
            yield block
            previous = block
        if (head := self._next(heads)) is not None:
            self._find_block(Kind.BLOCK_MISSING, head, "不见了，数据库外的封存记录里还有它")

    def _next(self, heads: Iterator[Block]) -> Block | None:
        try:
            return next(heads, None)
        except HeadsDamaged as error:
            self._find(Kind.HEADS_DAMAGED, error.message)
            return None

    def _holds(self, block: Block, numbers: list[int], leaves: bytes) -> bool:
        if len(numbers) < block.entry_count:
            self._find_block(Kind.ENTRIES_MISSING, block, f"少了 {block.entry_count - len(numbers)} 张凭证")
        elif len(numbers) > block.entry_count:
            self._find_block(Kind.ENTRIES_ADDED, block, f"多出 {len(numbers) - block.entry_count} 张凭证")
        elif merkle_root(leaves) != block.merkle_root:
            self._find_block(Kind.ENTRIES_ALTERED, block, "里有凭证被改过或换过编号")
        else:
            return True
        return False

    def _look_at_lag(self, heads_size: int | None) -> None:
        # What a crash may leave out is told in heads.py; anything else was taken away.
        damaged = any(finding.kind is Kind.HEADS_DAMAGED for finding in self._findings)
        if heads_size is None and self._behind:
            self._find(Kind.HEADS_MISSING, "数据库外的封存记录不见了，不能证明账本完整。请找回 seals 文件夹。")
        elif len({block.sealed_at for block in self._behind}) > 1 and not damaged:
            self._find(Kind.HEADS_CUT, f"数据库外的封存记录少了最后 {len(self._behind)} 块。请用备份核对。")

    def _unsealed(self, sealed_to: int, now: datetime) -> Unsealed:
        row = self._connection.execute(
            sa.select(
                sa.func.count().label("n"),
                sa.func.min(LedgerEntry.entry_no).label("first_no"),
                sa.func.max(LedgerEntry.entry_no).label("last_no"),
                sa.func.min(LedgerEntry.posted_at).label("oldest"),
            ).where(LedgerEntry.institution_id == self._institution_id, LedgerEntry.entry_no > sealed_to)
        ).one()
        overdue = row.oldest is not None and now - row.oldest > timedelta(seconds=2 * WINDOW_SECONDS)
        return Unsealed(row.n, row.first_no, row.last_no, row.oldest, overdue)

    def _find_block(self, kind: Kind, block: Block, what: str) -> None:
        text = f"第 {block.block_no} 块（凭证 {block.first_no} 至 {block.last_no}）{what}。"
        self._find(kind, text, block_no=block.block_no, entry_no=block.first_no, last_no=block.last_no)

    def _find(
        self,
        kind: Kind,
        message: str,
        *,
        block_no: int | None = None,
        entry_no: int | None = None,
        last_no: int | None = None,
    ) -> None:
        self._findings.append(Finding(kind, self._institution_id, message, block_no, entry_no, last_no))


class _EntryStream:
    """Pages of entries, handed out block by block."""

    def __init__(self, source: Iterator[Page]) -> None:
        self._source = source
        self._numbers: list[int] = []
        self._leaves = b""
        self._start = 0

    def take_to(self, last_no: int) -> tuple[list[int], bytes]:
        """Numbers and leaves of every entry up to ``last_no`` that wasn't handed out yet."""
        numbers: list[int] = []
        leaves: list[bytes] = []
        while True:
            end = bisect_right(self._numbers, last_no, self._start)
            numbers += self._numbers[self._start : end]
            leaves.append(self._leaves[self._start * LEAF_BYTES : end * LEAF_BYTES])
            self._start = end
            if end < len(self._numbers):
                return numbers, b"".join(leaves)
            page = next(self._source, None)
            if page is None:
                return numbers, b"".join(leaves)
            self._numbers, self._leaves, self._start = list(page.numbers), page.leaves, 0
