"""Sealed blocks: entries under a Merkle root, blocks linked by hash.

A leaf is the entry's number and content hash, so an edit, an insertion, a deletion and a swap of numbers each
change the root. A block covers a range of numbers that begins where the block before it ended, so that nothing can
be slipped into a hole later; a missing or cut block breaks the link, or misses the head outside the database.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Final

GENESIS: Final = bytes(32)
# How long an entry may stand unsealed while the scheduler runs.
WINDOW_SECONDS: Final = 60
# Sixteen to a node: one hash over 640 bytes costs little more than one over 40.
WIDTH: Final = 16
LEAF_BYTES: Final = 40
_HASH_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Block:
    """One sealed run of entries of one institution: every number from ``first_no`` to ``last_no``."""

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
        """What is written outside the database: enough to recompute the hash without it."""
        return {
            "institution_id": self.institution_id,
            "block_no": self.block_no,
            "first_no": self.first_no,
            "last_no": self.last_no,
            "entry_count": self.entry_count,
            "merkle_root": self.merkle_root.hex(),
            "previous_hash": self.previous_hash.hex(),
            "sealed_at": self.sealed_at,
            "block_hash": self.block_hash().hex(),
        }

    @classmethod
    def from_head(cls, head: dict[str, Any]) -> Block:
        """Read a head back. Raises :class:`ValueError`, :class:`KeyError` or :class:`TypeError` on a damaged one."""
        block = cls(
            institution_id=str(head["institution_id"]),
            block_no=int(head["block_no"]),
            first_no=int(head["first_no"]),
            last_no=int(head["last_no"]),
            entry_count=int(head["entry_count"]),
            merkle_root=bytes.fromhex(head["merkle_root"]),
            previous_hash=bytes.fromhex(head["previous_hash"]),
            sealed_at=str(head["sealed_at"]),
        )
        if block.block_hash().hex() != head["block_hash"]:
            raise ValueError("the head doesn't hash to what it names")
        return block

    def follows(self, previous: Block | None) -> bool:
        """Whether this block is the next one after ``previous``, or the first of all."""
        if previous is None:
            return self.block_no == 1 and self.previous_hash == GENESIS
        return (
            self.institution_id == previous.institution_id
            and self.block_no == previous.block_no + 1
            and self.first_no == previous.last_no + 1
            and self.previous_hash == previous.block_hash()
        )


def leaf(entry_no: int, content_hash: bytes) -> bytes:
    """The leaf of an entry: its number in eight bytes, then its content hash."""
    return entry_no.to_bytes(8, "big", signed=True) + content_hash


def merkle_root(leaves: bytes) -> bytes:
    """Root of a tree, sixteen to a node, over leaves that stand one after another in ``leaves``."""
    if not leaves:
        return GENESIS
    level = _level(b"\x00", leaves, LEAF_BYTES * WIDTH)
    while len(level) > _HASH_BYTES:
        level = _level(b"\x01", level, _HASH_BYTES * WIDTH)
    return level


def _level(mark: bytes, data: bytes, step: int) -> bytes:
    sha256 = hashlib.sha256
    return b"".join([sha256(mark + data[at : at + step]).digest() for at in range(0, len(data), step)])
