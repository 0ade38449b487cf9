"""Shorthand for tests of the books: a hospital with its chart, guarded accounts, entries in one line."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from hospital_prepay.clock import Clock, local
from hospital_prepay.domain.ledger.chart import earmark_account, owed_account, reserved_account, stay_account
from hospital_prepay.domain.ledger.entry import EntryHead, JournalEntry, Posting, ReadyEntry
from hospital_prepay.domain.money import ZERO, Money
from hospital_prepay.persistence.database import Database
from hospital_prepay.persistence.ledger import ledger_on, open_account, open_chart
from hospital_prepay.persistence.models.audit import DecisionRecord
from hospital_prepay.persistence.models.inpatient import Stay, StayCap
from hospital_prepay.persistence.models.publication import Institution

HOSPITAL = "H52010000001"
CASH = "1001"
BANK = "1002"
INCOME = "410101"

_serial = itertools.count(1)


def open_books(database: Database, clock: Clock, institution_id: str = HOSPITAL) -> None:
    """An institution with its whole chart opened."""
    with database.writing() as connection:
        connection.execute(
            sa.insert(Institution).values(
                institution_id=institution_id, name="测试医院", changed_at=clock.now(), changed_by="test"
            )
        )
        open_chart(connection, institution_id, clock.now())


def book_receipt(database: Database, clock: Clock, grant_id: str, fen: int) -> None:
    """The accounts of a grant of the restricted fund, and the entry by which it arrived."""
    earmark, owed = earmark_account(grant_id), owed_account(grant_id)
    now = clock.now()
    entry = JournalEntry(
        institution_id=HOSPITAL,
        idempotency_key=f"receipt-{grant_id}",
        kind="fund_receipt",
        summary="x",
        source=f"grant:{grant_id}",
        occurred_at=now,
        posted_at=now,
        effective_on=clock.today(),
        posted_by="x",
        postings=(Posting(earmark, Money(fen), ZERO, grant_id), Posting(owed, ZERO, Money(fen), grant_id)),
    )
    with database.writing() as connection:
        for account in (earmark, reserved_account(grant_id), owed):
            open_account(connection, HOSPITAL, account, name="x", opened_at=now, guarded=True, fund=grant_id)
        ledger_on(connection).post(entry)


def open_guarded(database: Database, clock: Clock, account_id: str, institution_id: str = HOSPITAL) -> str:
    """A guarded account without a ceiling, such as ``2302:A`` (credit side) or ``1218:A`` (debit side)."""
    with database.writing() as connection:
        open_account(connection, institution_id, account_id, name=account_id, opened_at=clock.now(), guarded=True)
    return account_id


def open_stay(
    database: Database, clock: Clock, stay_no: str, cap_fen: int | None, institution_id: str = HOSPITAL
) -> str:
    """A stay with its guarded deposit account under a cap; returns the account."""
    account = stay_account(stay_no)
    with database.writing() as connection:
        connection.execute(
            sa.insert(Stay).values(
                institution_id=institution_id,
                stay_no=stay_no,
                patient_name="测试患者",
                admitted_at=clock.now(),
                registered_by="test",
                registered_at=clock.now(),
            )
        )
        open_account(
            connection,
            institution_id,
            account,
            name=stay_no,
            opened_at=clock.now(),
            guarded=True,
            ceiling_fen=0,
        )
    set_cap(database, clock, stay_no, cap_fen, institution_id)
    return account


def set_cap(
    database: Database, clock: Clock, stay_no: str, cap_fen: int | None, institution_id: str = HOSPITAL
) -> None:
    """The next version of a stay's cap; the database moves the ceiling."""
    decision_id = f"test-{next(_serial)}"
    with database.writing() as connection:
        version = connection.scalar(
            sa.select(sa.func.count())
            .select_from(StayCap)
            .where(StayCap.institution_id == institution_id, StayCap.stay_no == stay_no)
        )
        connection.execute(
            sa.insert(DecisionRecord).values(
                institution_id=institution_id,
                decision_id=decision_id,
                rule="inpatient.determine_cap",
                rule_version="1",
                outcome="refused" if cap_fen is None else "permitted",
                amount_fen=cap_fen,
                reasons=[],
                facts={},
                effective_on=local(clock.now()).date(),
                decided_at=clock.now(),
                actor="test",
            )
        )
        connection.execute(
            sa.insert(StayCap).values(
                institution_id=institution_id,
                stay_no=stay_no,
                version_no=(version or 0) + 1,
                disease_code="I10",
                disease_name="高血压",
                insured_class="employee",
                circumstance="plain",
                unposted=False,
                cap_fen=cap_fen,
                decision_id=decision_id,
                recorded_by="test",
                recorded_at=clock.now(),
            )
        )


def line(account_id: str, fen: int, fund: str = "") -> Posting:
    """A posting from a signed amount: above zero is a debit, below a credit."""
    return Posting(account_id, Money(fen), ZERO, fund) if fen > 0 else Posting(account_id, ZERO, Money(-fen), fund)


def entry(
    clock: Clock,
    *lines: Posting,
    key: str | None = None,
    institution_id: str = HOSPITAL,
    at: datetime | None = None,
    source: str = "test:1",
) -> JournalEntry:
    """A journal entry of these lines, with a key of its own unless one is given."""
    moment = at or clock.now()
    return JournalEntry(
        institution_id=institution_id,
        idempotency_key=key or f"k{next(_serial)}",
        kind="test",
        summary="测试凭证",
        source=source,
        occurred_at=moment,
        posted_at=moment,
        effective_on=local(moment).date(),
        posted_by="tester",
        postings=tuple(lines),
    )


def transfer(
    clock: Clock, debit: str, credit: str, fen: int, *, key: str | None = None, institution_id: str = HOSPITAL
) -> JournalEntry:
    """An entry of two lines."""
    return entry(clock, line(debit, fen), line(credit, -fen), key=key, institution_id=institution_id)


def post(database: Database, *entries: JournalEntry) -> list[int]:
    """Post each entry in a transaction of its own; returns the numbers."""
    numbers = []
    for one in entries:
        with database.writing() as connection:
            numbers.append(ledger_on(connection).post(one))
    return numbers


def post_many(database: Database, entries: Sequence[JournalEntry]) -> list[int | None]:
    """Post entries in one call."""
    with database.writing() as connection:
        return ledger_on(connection).post_many(entries)


def balance(database: Database, account_id: str, institution_id: str = HOSPITAL) -> int:
    """The stored balance of a guarded account, in fen on its normal side."""
    with database.reading() as connection:
        return int(
            connection.execute(
                sa.text("SELECT balance_fen FROM ledger_account WHERE institution_id = :i AND account_id = :a"),
                {"i": institution_id, "a": account_id},
            ).scalar_one()
        )


def plain_entry(
    institution_id: str, key: str, kind: str, now: datetime, lines: Sequence[Posting], **more: Any
) -> JournalEntry:
    """An entry with next to nothing in its texts, of ``now``'s day."""
    texts = {"summary": "x", "source": "x", "posted_by": "x", "effective_on": local(now).date()}
    return JournalEntry(
        institution_id=institution_id,
        idempotency_key=key,
        kind=kind,
        occurred_at=now,
        posted_at=now,
        postings=tuple(lines),
        **(texts | more),
    )


def head_of(entry: JournalEntry) -> EntryHead:
    """An entry without its lines."""
    return EntryHead(**{field.name: getattr(entry, field.name) for field in fields(EntryHead)})


def ready(entry: JournalEntry) -> ReadyEntry:
    """The entry as one that only has to be written."""
    lines = entry.postings
    return ReadyEntry(
        **{field.name: getattr(entry, field.name) for field in fields(EntryHead)},
        content_hash=entry.content_hash(),
        account_ids=[line.account_id for line in lines],
        debits=[line.debit.fen for line in lines],
        credits=[line.credit.fen for line in lines],
        funds=[line.fund for line in lines],
    )
