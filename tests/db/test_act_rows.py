"""The rows of an act: written together just before its commit."""

from __future__ import annotations

from datetime import date

import pytest
import sqlalchemy as sa

from hospital_prepay.clock import FixedClock
from hospital_prepay.domain.access import Actor, Role
from hospital_prepay.domain.decision import Decision, Outcome
from hospital_prepay.domain.errors import ReusedKey
from hospital_prepay.persistence.database import Database
from hospital_prepay.persistence.unit_of_work import Act, UnitOfWork
from tests.books import HOSPITAL, open_books

ACTOR = Actor(HOSPITAL, "c1", "收费员", frozenset({Role.CASHIER}))
REFUSED = Decision(rule="test", rule_version="1", outcome=Outcome.REFUSED, amount=None, reasons=(), facts={})


def refuse(database: Database, clock: FixedClock, key: str) -> None:
    """An act that decides, answers and notes it, without asking first whether the key was used."""
    with UnitOfWork(database, clock, Act("deposit.collect", ACTOR, "S1"), "test") as work:
        decision_id = work.keep_decision(REFUSED, date(2026, 1, 15), {})
        work.keep_answer(key, {}, {"no": 2**40})
        work.audit(outcome="refused", decision_id=decision_id, entry_no=2**40)


def counts(database: Database) -> list[int]:
    """Decisions, answers, audit events."""
    with database.reading() as connection:
        tables = ("decision", "idempotency_key", "audit_event")
        return [int(connection.scalar(sa.text(f"SELECT count(*) FROM {table}")) or 0) for table in tables]


def test_an_act_writes_all_its_rows_once(database: Database, clock: FixedClock) -> None:
    open_books(database, clock)
    for key in ("k1", "k2", "k3", "k4"):  # from the third on prepared
        refuse(database, clock, key)
    assert counts(database) == [4, 4, 4]
    with UnitOfWork(database, clock, Act("deposit.collect", ACTOR, "S1"), "test") as work:
        assert work.known_answer("k4", {}) == {"no": 2**40}


def test_a_key_taken_meanwhile_undoes_the_act_and_is_noted(database: Database, clock: FixedClock) -> None:
    open_books(database, clock)
    refuse(database, clock, "k1")
    with pytest.raises(ReusedKey, match="正被另一笔业务使用"):
        refuse(database, clock, "k1")
    assert counts(database) == [1, 1, 2]
    with database.reading() as connection:
        noted = connection.scalar(sa.text("SELECT count(*) FROM audit_event WHERE detail LIKE '%reused_key%'"))
    assert noted == 1
