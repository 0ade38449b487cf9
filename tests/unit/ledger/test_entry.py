"""Journal entries as values."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hospital_prepay.clock import SHANGHAI, FixedClock
from hospital_prepay.domain.errors import LedgerFault
from hospital_prepay.domain.ledger.entry import (
    EntryHead,
    JournalEntry,
    Posting,
    ReadyEntry,
    reversing,
    shared_head,
    utc_text,
)
from hospital_prepay.domain.money import ZERO, Money
from tests.books import BANK, CASH, entry, head_of, line, ready, transfer
from tests.conftest import MOMENT


def test_an_unbalanced_entry_cannot_be_made(clock: FixedClock) -> None:
    with pytest.raises(LedgerFault):
        entry(clock, line(CASH, 5), line(BANK, -4))


def test_an_entry_balances_within_each_fund(clock: FixedClock) -> None:
    entry(clock, line(CASH, 5, "a"), line(BANK, -5, "a"), line(CASH, 3), line(BANK, -3))
    with pytest.raises(LedgerFault):
        entry(clock, line(CASH, 5, "a"), line(BANK, -5, "b"))


@pytest.mark.parametrize(
    "posting",
    [
        Posting(CASH),
        Posting(CASH, Money(1), Money(1)),
        Posting(CASH, Money(-1)),
        Posting(CASH, ZERO, Money(-1)),
    ],
)
def test_a_line_has_exactly_one_side_above_zero(clock: FixedClock, posting: Posting) -> None:
    with pytest.raises(LedgerFault):
        entry(clock, posting, line(BANK, -1), line(CASH, 1))


def test_no_entry_has_fewer_than_two_lines(clock: FixedClock) -> None:
    with pytest.raises(LedgerFault):
        entry(clock)
    with pytest.raises(LedgerFault):
        entry(clock, line(CASH, 1))


@pytest.mark.parametrize("control", ["\x00", "\x1e", "\x1f", "\n", "\x7f"])
def test_control_characters_are_refused_in_every_text(clock: FixedClock, control: str) -> None:
    good = transfer(clock, CASH, BANK, 5)
    for name in ("institution_id", "idempotency_key", "kind", "summary", "source", "posted_by"):
        with pytest.raises(LedgerFault):
            replace(good, **{name: f"a{control}b"})
    with pytest.raises(LedgerFault):
        entry(clock, line(CASH, 5, control), line(BANK, -5, control))
    with pytest.raises(LedgerFault):
        entry(clock, line(CASH + control, 5), line(BANK, -5))


def test_lines_stand_in_the_order_in_which_accounts_are_locked(clock: FixedClock) -> None:
    made = entry(clock, line("2307:b", 1), line("1001", 2), line("2307:A", -3), line("1001", 4), line("1001", -4))
    assert [posting.account_id for posting in made.postings] == ["1001", "1001", "1001", "2307:A", "2307:b"]
    assert [posting.debit.fen for posting in made.postings[:3]] == [2, 4, 0]


def test_every_field_changes_the_hash(clock: FixedClock) -> None:
    good = transfer(clock, CASH, BANK, 5, key="k")
    later = good.occurred_at + timedelta(microseconds=1)
    others = [
        replace(good, institution_id="other"),
        replace(good, idempotency_key="other"),
        replace(good, kind="other"),
        replace(good, summary="other"),
        replace(good, source="other"),
        replace(good, posted_by="other"),
        replace(good, reverses_no=1),
        replace(good, occurred_at=later),
        replace(good, posted_at=later),
        replace(good, effective_on=good.effective_on + timedelta(days=1)),
        replace(good, postings=transfer(clock, CASH, BANK, 6).postings),
        replace(good, postings=transfer(clock, BANK, CASH, 5).postings),
        replace(good, postings=(line(CASH, 5, "f"), line(BANK, -5, "f"))),
        replace(good, postings=(*good.postings, *good.postings)),
    ]
    hashes = {other.content_hash() for other in (good, *others)}
    assert len(hashes) == len(others) + 1


def test_the_hash_does_not_hang_on_the_time_zone(clock: FixedClock) -> None:
    good = transfer(clock, CASH, BANK, 5, key="k")
    local = good.occurred_at.astimezone(SHANGHAI)
    assert replace(good, occurred_at=local, posted_at=local).content_hash() == good.content_hash()
    assert utc_text(local) == "2026-01-15T02:00:00.000000+00:00"


def test_the_hash_stays_what_it_was() -> None:
    """The number that books on disk rely on: a change here is a change of the format."""
    clock = FixedClock(MOMENT)
    good = transfer(clock, CASH, BANK, 5, key="k")
    assert good.canonical().split(b"\x1e")[1] == b"1001\x1f5\x1f0\x1f"
    assert good.content_hash().hex() == "8830b36d7872d62dfac0f8a60075b6212edea7d32a9a6250075f580a00476e0c"


def test_a_reversal_exchanges_the_sides(clock: FixedClock) -> None:
    good = transfer(clock, CASH, BANK, 5)
    red = reversing(
        good, 7, idempotency_key="r", kind="void", summary="红字", at=clock.now(), day=good.effective_on, by="b"
    )
    assert red.reverses_no == 7
    assert [(posting.debit.fen, posting.credit.fen) for posting in red.postings] == [(0, 5), (5, 0)]


def test_entries_posted_together_share_their_head(clock: FixedClock) -> None:
    good = transfer(clock, CASH, BANK, 5)
    assert shared_head([good, transfer(clock, CASH, BANK, 6)]) is good
    with pytest.raises(LedgerFault):
        shared_head([good, replace(good, posted_by="other")])


_NUMBERS = st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=8)


@given(held=st.dictionaries(_NUMBERS, st.integers(1, 10**9), min_size=1, max_size=12))
def test_an_opening_is_the_entry_of_its_lines(held: dict[str, int]) -> None:
    accounts = {f"23050102:{number}": fen for number, fen in held.items()}
    made = entry(
        FixedClock(MOMENT), line(BANK, sum(held.values())), *(line(one, -fen) for one, fen in accounts.items())
    )
    assert ReadyEntry.opening(head_of(made), BANK, [*accounts], [*accounts.values()]) == ready(made)


@pytest.mark.parametrize(
    ("accounts", "fen"), [(["a"], [0]), (["a", "b"], [5, -5]), ([], []), (["a\x1f"], [5]), (["a\n"], [5])]
)
def test_an_opening_is_as_strict_as_an_entry(clock: FixedClock, accounts: list[str], fen: list[int]) -> None:
    head = head_of(transfer(clock, CASH, BANK, 5))
    with pytest.raises(LedgerFault):
        ReadyEntry.opening(head, BANK, accounts, fen)
    with pytest.raises(LedgerFault):
        JournalEntry(
            **{name: getattr(head, name) for name in EntryHead.__dataclass_fields__},
            postings=(Posting(BANK, Money(sum(fen))), *map(Posting, accounts, [ZERO] * len(fen), map(Money, fen))),
        )
