from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from hospital_prepay.domain.errors import DatabaseFault
from hospital_prepay.persistence.database import Database
from hospital_prepay.persistence.leader import leadership
from hospital_prepay.services.context import Context
from hospital_prepay.services.ledger.seals import seal_ledger
from tests.books import open_books, post, transfer


def test_of_two_schedulers_exactly_one_leads_and_the_other_follows_it(
    database_urls: tuple[str, str], tmp_path: Path
) -> None:
    first, second = Database(database_urls[1]), Database(database_urls[1])
    lock = tmp_path / "scheduler.lock"
    with leadership(first, lock) as leader:
        assert leader is not None
        assert leader.is_held()
        with leadership(second, lock) as other:
            assert other is None
    with leadership(second, lock) as leader:
        assert leader is not None
    first.close()
    second.close()


@pytest.mark.timeout(30)
def test_the_books_are_sealed_and_verified_while_a_scheduler_leads(context: Context, tmp_path: Path) -> None:
    open_books(context.database, context.clock)
    post(context.database, transfer(context.clock, "1001", "1002", 100))
    leading = Database(context.database.url.render_as_string(hide_password=False))
    with leadership(leading, tmp_path / "scheduler.lock") as leader:
        assert leader is not None
        assert seal_ledger(context.database, tmp_path, context.clock)
    leading.close()


@pytest.mark.postgres
def test_a_broken_connection_gives_the_leadership_up(postgres_urls: tuple[str, str], tmp_path: Path) -> None:
    first, second = Database(postgres_urls[1]), Database(postgres_urls[1])
    lock = tmp_path / "scheduler.lock"
    with leadership(first, lock) as leader:
        assert leader is not None
        with second.writing() as connection:
            others = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
            connection.execute(sa.text(others))
        assert not leader.is_held()
        with leadership(second, lock) as successor:
            assert successor is not None
    first.close()
    second.close()


def test_a_database_that_cannot_be_reached_is_said_so(tmp_path: Path) -> None:
    nowhere = Database("postgresql+psycopg://prepay@127.0.0.1:1/prepay?connect_timeout=2")
    with pytest.raises(DatabaseFault, match="连不上"), leadership(nowhere, tmp_path / "scheduler.lock"):
        pass
