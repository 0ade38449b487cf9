"""Sealing and checking honest books."""

from __future__ import annotations

import json
import threading
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from hospital_prepay.clock import FixedClock
from hospital_prepay.domain.ledger.seal import Block
from hospital_prepay.domain.ledger.verification import InstitutionReport
from hospital_prepay.persistence.database import Database
from hospital_prepay.persistence.ledger import ledger_on
from hospital_prepay.persistence.ledger import seals as sealer
from hospital_prepay.persistence.ledger.heads import SealHeads
from hospital_prepay.services.ledger.seals import seal_ledger, verify_ledger
from tests.books import BANK, CASH, HOSPITAL, entry, line, open_books, open_stay, post, transfer


@pytest.fixture
def stay(database: Database, clock: FixedClock) -> str:
    """A stay with room for everything."""
    open_books(database, clock)
    return open_stay(database, clock, "S1", 10**12)


def seal(database: Database, clock: FixedClock, tmp_path: Path) -> list[Block]:
    """Seal a minute later."""
    clock.moment += timedelta(seconds=60)
    return seal_ledger(database, tmp_path, clock)


def report(database: Database, clock: FixedClock, tmp_path: Path) -> InstitutionReport:
    """The check of the one institution."""
    found = verify_ledger(database, tmp_path, clock)
    (only,) = found.institutions
    return only


def test_nothing_to_seal_makes_no_block(database: Database, clock: FixedClock, tmp_path: Path) -> None:
    assert seal(database, clock, tmp_path) == []
    assert verify_ledger(database, tmp_path, clock).institutions == ()


def test_entries_are_sealed_and_heads_written_outside(
    database: Database, clock: FixedClock, tmp_path: Path, stay: str
) -> None:
    numbers = post(database, *(transfer(clock, CASH, stay, n) for n in (1, 2, 3)))
    (first,) = seal(database, clock, tmp_path)
    assert (first.block_no, first.first_no, first.last_no, first.entry_count) == (1, 1, numbers[-1], 3)
    post(database, transfer(clock, BANK, stay, 4))
    (second,) = seal(database, clock, tmp_path)
    assert second.follows(first)
    lines = (tmp_path / "seals" / f"{HOSPITAL}.jsonl").read_text().splitlines()
    assert [Block.from_head(json.loads(text)) for text in lines] == [first, second]
    found = report(database, clock, tmp_path)
    assert (found.entries, found.blocks, found.head) == (4, 2, second.block_hash().hex())
    assert found.unsealed.count == 0
    assert found.findings == ()


def test_the_unsealed_window_is_named_with_what_stands_in_it(
    database: Database, clock: FixedClock, tmp_path: Path, stay: str
) -> None:
    post(database, transfer(clock, CASH, stay, 1))
    seal(database, clock, tmp_path)
    at = clock.moment
    numbers = post(database, transfer(clock, CASH, stay, 2), transfer(clock, CASH, stay, 3))
    found = verify_ledger(database, tmp_path, clock)
    window = found.institutions[0].unsealed
    assert found.window_seconds == 60
    assert (window.count, window.first_no, window.last_no) == (2, numbers[0], numbers[1])
    assert window.oldest_posted_at == at
    assert not window.overdue
    clock.moment += timedelta(minutes=10)
    assert report(database, clock, tmp_path).unsealed.overdue


def test_texts_of_every_kind_hash_the_same_from_the_stored_columns(
    database: Database, clock: FixedClock, tmp_path: Path, stay: str
) -> None:
    clock.moment = clock.moment.replace(microsecond=7)
    post(
        database,
        entry(clock, line(CASH, 5), line(stay, -5), source=""),
        entry(clock, line(CASH, 5, "甲|'\""), line(stay, -5, "甲|'\""), source="收据:😀 \\ % : 一", key="键 1"),
        entry(clock, line(CASH, 7, "a"), line(BANK, 3), line(CASH, -7, "a"), line(BANK, -3)),
    )
    assert report(database, clock, tmp_path).findings == ()


def test_a_large_run_is_sealed_in_blocks_of_bounded_size(
    database: Database, clock: FixedClock, tmp_path: Path, stay: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealer, "BLOCK_ENTRIES", 4)
    post(database, *(transfer(clock, CASH, stay, 1) for _ in range(9)))
    blocks = seal(database, clock, tmp_path)
    assert [block.entry_count for block in blocks] == [4, 4, 1]
    assert report(database, clock, tmp_path).findings == ()


def test_pages_may_end_anywhere(
    database: Database, clock: FixedClock, tmp_path: Path, stay: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for count in (3, 1, 4):
        post(database, *(transfer(clock, CASH, stay, 1) for _ in range(count)))
        seal(database, clock, tmp_path)
    post(database, transfer(clock, CASH, stay, 1))
    for size in (1, 2, 3, 5, 8, 9, 10):
        monkeypatch.setattr("hospital_prepay.persistence.ledger.stream.PAGE_ENTRIES", size)
        found = report(database, clock, tmp_path)
        assert (found.findings, found.entries, found.blocks, found.unsealed.count) == ((), 9, 3, 1)


def test_institutions_are_sealed_apart(database: Database, clock: FixedClock, tmp_path: Path, stay: str) -> None:
    open_books(database, clock, "H52020000002")
    post(
        database,
        transfer(clock, CASH, stay, 1),
        transfer(clock, CASH, BANK, 1, institution_id="H52020000002"),
        transfer(clock, CASH, stay, 1),
    )
    blocks = seal(database, clock, tmp_path)
    assert [(block.institution_id, block.entry_count) for block in blocks] == [(HOSPITAL, 2), ("H52020000002", 1)]
    assert verify_ledger(database, tmp_path, clock).intact


def test_a_crash_after_the_commit_is_healed_by_the_next_sealing(
    database: Database, clock: FixedClock, tmp_path: Path, stay: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    post(database, transfer(clock, CASH, stay, 1))
    seal(database, clock, tmp_path)
    post(database, transfer(clock, CASH, stay, 2))

    def die(*_: object) -> None:
        raise OSError("no space left")

    with monkeypatch.context() as broken:
        broken.setattr(SealHeads, "append", die)
        with pytest.raises(OSError, match="no space"):
            seal(database, clock, tmp_path)
    found = report(database, clock, tmp_path)
    assert (found.blocks, found.heads_behind, found.findings) == (2, 1, ())
    assert seal(database, clock, tmp_path) == []
    found = report(database, clock, tmp_path)
    assert (found.blocks, found.heads_behind, found.findings) == (2, 0, ())


def test_a_crash_of_the_very_first_sealing_is_healed(
    database: Database, clock: FixedClock, tmp_path: Path, stay: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    post(database, transfer(clock, CASH, stay, 1))
    with monkeypatch.context() as broken:
        broken.setattr(SealHeads, "append", lambda *_: (_ for _ in ()).throw(OSError("gone")))
        with pytest.raises(OSError, match="gone"):
            seal(database, clock, tmp_path)
    assert report(database, clock, tmp_path).findings == ()
    seal(database, clock, tmp_path)
    assert report(database, clock, tmp_path).heads_behind == 0


def test_a_head_cut_in_the_middle_of_its_line_is_written_again(
    database: Database, clock: FixedClock, tmp_path: Path, stay: str
) -> None:
    for _ in range(2):
        post(database, transfer(clock, CASH, stay, 1))
        seal(database, clock, tmp_path)
    path = tmp_path / "seals" / f"{HOSPITAL}.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    assert report(database, clock, tmp_path).heads_behind == 1
    seal(database, clock, tmp_path)
    assert path.read_bytes() == whole


def test_two_sealers_at_once_make_one_chain(database: Database, clock: FixedClock, tmp_path: Path, stay: str) -> None:
    failures: list[BaseException] = []
    done = threading.Event()

    def keep_sealing() -> None:
        try:
            while not done.is_set():
                seal_ledger(database, tmp_path, clock)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=keep_sealing) for _ in range(2)]
    for thread in threads:
        thread.start()
    post(database, *(transfer(clock, CASH, stay, 1) for _ in range(40)))
    done.set()
    for thread in threads:
        thread.join()
    assert failures == []
    seal_ledger(database, tmp_path, clock)
    found = report(database, clock, tmp_path)
    assert (found.entries, found.unsealed.count, found.findings) == (40, 0, ())


@pytest.mark.postgres
def test_the_sealer_waits_for_a_posting_that_has_its_number_but_not_its_commit(
    postgres_database: Database, clock: FixedClock, tmp_path: Path
) -> None:
    database = postgres_database
    open_books(database, clock)
    with database.engine.connect() as slow:
        transaction = slow.begin()
        slow_number = ledger_on(slow).post(transfer(clock, CASH, BANK, 1))
        (later,) = post(database, transfer(clock, CASH, BANK, 2))
        assert later > slow_number
        sealed: list[Block] = []
        thread = threading.Thread(target=lambda: sealed.extend(seal_ledger(database, tmp_path, clock)))
        thread.start()
        thread.join(0.5)
        assert thread.is_alive()
        transaction.commit()
        thread.join(10)
    assert [block.entry_count for block in sealed] == [2]
    assert report(database, clock, tmp_path).findings == ()


@pytest.mark.postgres
def test_a_posting_that_has_its_number_but_wrote_nothing_yet_is_waited_for(
    postgres_database: Database, postgres_urls: tuple[str, str], clock: FixedClock, tmp_path: Path
) -> None:
    database = postgres_database
    open_books(database, clock)
    owner = Database(postgres_urls[0])
    with owner.engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE FUNCTION nap() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN PERFORM pg_sleep(1.5); RETURN NEW; END $$"
        )
        connection.exec_driver_sql(
            "CREATE TRIGGER aa BEFORE INSERT ON ledger_posting FOR EACH ROW"
            " WHEN (NEW.fund = 'slow' AND NEW.line_no = 1) EXECUTE FUNCTION nap()"
        )
    owner.close()
    post(database, transfer(clock, CASH, BANK, 1))  # now the sequence has values in hand and takes no transaction id
    slow = entry(clock, line(CASH, 1, "slow"), line(BANK, -1, "slow"))
    thread = threading.Thread(target=lambda: post(database, slow))
    thread.start()
    while True:
        with database.reading() as connection:
            if connection.exec_driver_sql("SELECT last_value FROM ledger_entry_no").scalar_one() == 2:
                break
    post(database, transfer(clock, CASH, BANK, 2))
    (block,) = seal_ledger(database, tmp_path, clock)
    thread.join()
    assert block.entry_count == 3
    assert report(database, clock, tmp_path).findings == ()


@pytest.mark.postgres
def test_a_transaction_that_never_ends_delays_the_sealing_and_nothing_else(
    postgres_database: Database, clock: FixedClock, tmp_path: Path
) -> None:
    database = postgres_database
    open_books(database, clock)
    heads = SealHeads(tmp_path / "seals")
    with database.engine.connect() as slow:
        ledger_on(slow).post(transfer(clock, CASH, BANK, 1))
        with pytest.raises(sealer.SealingDelayed):
            sealer.seal(database, heads, clock.now(), patience_seconds=0.1)
        slow.rollback()
    assert sealer.seal(database, heads, clock.now()) == []


@pytest.mark.postgres
def test_a_number_left_by_a_rollback_belongs_to_the_block_around_it(
    postgres_database: Database, clock: FixedClock, tmp_path: Path
) -> None:
    database = postgres_database
    open_books(database, clock)
    with database.engine.connect() as undone:
        ledger_on(undone).post(transfer(clock, CASH, BANK, 1))
        undone.rollback()
    (number,) = post(database, transfer(clock, CASH, BANK, 2))
    with database.engine.connect() as undone:
        ledger_on(undone).post(transfer(clock, CASH, BANK, 3))
        undone.rollback()
    (block,) = seal_ledger(database, tmp_path, clock)
    assert (block.first_no, block.last_no, block.entry_count) == (1, number + 1, 1)
    with database.reading() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM ledger_entry")) == 1
