"""Sealed blocks: entries under a Merkle root, blocks linked by hash.

A leaf is the entry's number and content hash, so an edit, an insertion, a deletion and a swap of numbers each
change the root; a missing or cut block breaks the link or the count that the head outside the database names.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

GENESIS = bytes(32)


@dataclass(frozen=True, slots=True)
class Block:
    """One sealed run of entries of one institution."""

    institution_id: str
    block_no: int
    first_no: int
    last_no: int
    entry_count: int
    merkle_root: bytes
    previous_hash: bytes
    sealed_at: str

    def block_hash(self) -> bytes:
        """SHA-256 over every field."""
        text = "\x1f".join(
            (
                "block-v1",
                self.institution_id,
                str(self.block_no),
                str(self.first_no),
                str(self.last_no),
                str(self.entry_count),
                self.merkle_root.hex(),
                self.previous_hash.hex(),
                self.sealed_at,
            )
        )
        return hashlib.sha256(text.encode()).digest()

    def head(self) -> dict[str, Any]:
        """What is written outside the database."""
        return {
            "institution_id": self.institution_id,
            "block_no": self.block_no,
            "first_no": self.first_no,
            "last_no": self.last_no,
            "entry_count": self.entry_count,
            "sealed_at": self.sealed_at,
            "block_hash": self.block_hash().hex(),
        }


def leaf(entry_no: int, content_hash: bytes) -> bytes:
    """The leaf of an entry."""
    return hashlib.sha256(b"\x00" + entry_no.to_bytes(8, "big") + content_hash).digest()


def merkle_root(leaves: Iterable[bytes]) -> bytes:
    """Root of a binary tree; an odd node at the end of a level moves up unchanged."""
    level: Sequence[bytes] = list(leaves)
    if not level:
        return GENESIS
    while len(level) > 1:
        pairs = [hashlib.sha256(b"\x01" + level[i] + level[i + 1]).digest() for i in range(0, len(level) - 1, 2)]
        if len(level) % 2:
            pairs.append(level[-1])
        level = pairs
    return level[0]
