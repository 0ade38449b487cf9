"""A balance moves without touching an index."""

from __future__ import annotations

import sqlalchemy as sa

from hospital_prepay.persistence.database import Database


def test_no_index_names_a_balance(postgres_database: Database) -> None:
    """PostgreSQL writes every index of a row anew when one of them names what changed, in its condition too."""
    query = "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'ledger_account'"
    with postgres_database.reading() as connection:
        found = dict(connection.execute(sa.text(query)).all())
    assert found
    assert [name for name, text in found.items() if "balance_fen" in text] == []
