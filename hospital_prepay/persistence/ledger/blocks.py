"""Blocks as rows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from hospital_prepay.domain.ledger.entry import utc_text
from hospital_prepay.domain.ledger.seal import Block
from hospital_prepay.persistence.models.ledger import LedgerBlock

_PAGE = 10_000


def insert_block(connection: sa.Connection, block: Block) -> None:
    """Store a block; the database refuses one that doesn't follow the last."""
    connection.execute(
        sa.insert(LedgerBlock).values(
            institution_id=block.institution_id,
            block_no=block.block_no,
            first_no=block.first_no,
            last_no=block.last_no,
            entry_count=block.entry_count,
            merkle_root=block.merkle_root,
            previous_hash=block.previous_hash,
            block_hash=block.block_hash(),
            sealed_at=datetime.fromisoformat(block.sealed_at),
        )
    )


def last_block(connection: sa.Connection, institution_id: str) -> tuple[Block, bytes] | None:
    """The newest block and the hash stored for it."""
    row = connection.execute(
        sa.select(LedgerBlock.__table__)
        .where(LedgerBlock.institution_id == institution_id)
        .order_by(LedgerBlock.block_no.desc())
        .limit(1)
    ).one_or_none()
    return None if row is None else (_block(row), row.block_hash)


def blocks_after(connection: sa.Connection, institution_id: str, block_no: int) -> Iterator[tuple[Block, bytes]]:
    """Blocks above ``block_no`` in order, each with the hash stored for it."""
    while True:
        rows = connection.execute(
            sa.select(LedgerBlock.__table__)
            .where(LedgerBlock.institution_id == institution_id, LedgerBlock.block_no > block_no)
            .order_by(LedgerBlock.block_no)
            .limit(_PAGE)
        ).all()
        for row in rows:
            yield _block(row), row.block_hash
        if len(rows) < _PAGE:
            return
        block_no = rows[-1].block_no


def _block(row: Any) -> Block:
    return Block(
        institution_id=row.institution_id,
        block_no=row.block_no,
        first_no=row.first_no,
        last_no=row.last_no,
        entry_count=row.entry_count,
        merkle_root=row.merkle_root,
        previous_hash=row.previous_hash,
        sealed_at=utc_text(row.sealed_at),
    )
