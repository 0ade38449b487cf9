"""Blocks and their Merkle roots."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hospital_prepay.domain.ledger.seal import GENESIS, LEAF_BYTES, WIDTH, Block, leaf, merkle_root

FIRST = Block("H1", 1, 1, 10, 7, hashlib.sha256(b"root").digest(), GENESIS, "2026-01-15T02:00:00.000000+00:00")
SECOND = replace(FIRST, block_no=2, first_no=11, last_no=12, entry_count=2, previous_hash=FIRST.block_hash())


def leaves(count: int) -> list[bytes]:
    """Leaves of honest entries 1 to ``count``."""
    return [leaf(number, hashlib.sha256(str(number).encode()).digest()) for number in range(1, count + 1)]


def test_a_leaf_holds_number_and_hash() -> None:
    assert len(leaf(1, GENESIS)) == LEAF_BYTES
    assert leaf(1, GENESIS) != leaf(2, GENESIS)


@given(st.integers(1, 600), st.data())
def test_any_edit_insertion_deletion_and_swap_changes_the_root(count: int, data: st.DataObject) -> None:
    honest = leaves(count)
    root = merkle_root(b"".join(honest))
    at = data.draw(st.integers(0, count - 1))
    other = data.draw(st.integers(0, count - 1))
    edited = [*honest[:at], honest[at][:-1] + bytes([honest[at][-1] ^ 1]), *honest[at + 1 :]]
    assert merkle_root(b"".join(edited)) != root
    assert merkle_root(b"".join(honest[:at] + honest[at + 1 :])) != root
    assert merkle_root(b"".join([*honest[:at], leaf(count + 1, GENESIS), *honest[at:]])) != root
    if at != other:
        honest[at], honest[other] = honest[other], honest[at]
        assert merkle_root(b"".join(honest)) != root


@pytest.mark.parametrize("count", [1, WIDTH - 1, WIDTH, WIDTH + 1, WIDTH**2, WIDTH**2 + 1])
def test_a_root_is_one_hash(count: int) -> None:
    assert len(merkle_root(b"".join(leaves(count)))) == 32


def test_a_node_does_not_pass_for_leaves() -> None:
    nodes = [hashlib.sha256(b"\x00" + text).digest() for text in leaves(WIDTH + 1)]
    assert merkle_root(b"".join(nodes)) != merkle_root(b"".join(leaves(WIDTH + 1)))


def test_nothing_has_the_root_of_nothing() -> None:
    assert merkle_root(b"") == GENESIS


def test_every_field_changes_the_block_hash() -> None:
    changes = [
        {"institution_id": "H2"}, {"block_no": 2}, {"first_no": 2}, {"last_no": 11}, {"entry_count": 8},
        {"merkle_root": GENESIS}, {"previous_hash": FIRST.merkle_root}, {"sealed_at": "x"},
    ]  # fmt: skip
    assert len({replace(FIRST, **change).block_hash() for change in changes} | {FIRST.block_hash()}) == 9


def test_a_block_follows_only_the_one_before_it() -> None:
    assert FIRST.follows(None)
    assert SECOND.follows(FIRST)
    assert not SECOND.follows(None)
    assert not FIRST.follows(FIRST)
    for change in ({"first_no": 12}, {"block_no": 3}, {"institution_id": "H2"}, {"previous_hash": GENESIS}):
        assert not replace(SECOND, **change).follows(FIRST)


def test_a_head_reads_back_and_a_changed_one_does_not() -> None:
    assert Block.from_head(SECOND.head()) == SECOND
    for name, value in SECOND.head().items():
        changed = {**SECOND.head(), name: value + 1 if isinstance(value, int) else value[:-1] + "f"[: len(value)]}
        if changed[name] == value:
            continue
        with pytest.raises(ValueError, match="hash"):
            Block.from_head(changed)
