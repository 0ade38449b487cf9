from __future__ import annotations

import pytest
import sqlalchemy as sa

from hospital_prepay.persistence.database import Database


@pytest.mark.parametrize(("query", "threshold"), [("", 2), ("?pgbouncer=1", None)])
def test_the_word_for_pgbouncer_switches_prepared_statements_off(
    postgres_urls: tuple[str, str], query: str, threshold: int | None
) -> None:
    database = Database(postgres_urls[1] + query, pool_size=1)
    with database.reading() as connection:
        assert connection.scalar(sa.text("SELECT 1")) == 1
        assert connection.connection.driver_connection.prepare_threshold == threshold  # type: ignore[union-attr]
    database.close()
