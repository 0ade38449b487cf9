"""What tests of the databases share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
import sqlalchemy as sa

from hospital_prepay.persistence.database import Database
from tests import servers
from tests.conftest import BOTH

# Migration 0068: by table.
_PROOFS: Final = {
    "ledger_entry": "outpatient_entry_has_its_act",
    "outpatient_taken": "outpatient_taken_has_its_entry",
    "outpatient_correction": "outpatient_correction_has_its_entry",
    "outpatient_payout": "outpatient_payout_in_step",
    "outpatient_claim": "outpatient_claim_in_step",
}


@pytest.fixture(params=BOTH)
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database of the owner's without a table."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'old.sqlite3'}"
    else:
        url, _ = servers.new_database(request.getfixturevalue("postgres_server"))
    database = Database(url, pool_size=1)
    yield database
    database.close()


@pytest.fixture
def unproved(owner_database: Database) -> None:
    """When a transaction ends nobody asks whether outpatients' acts and entries have each other: what is refused
    before that, and what verification finds after it, is looked at by itself."""
    with owner_database.writing() as connection:
        for table, name in _PROOFS.items():
            if connection.dialect.name == "postgresql":
                connection.execute(sa.text(f"ALTER TABLE {table} DISABLE TRIGGER {name}"))
                continue
            # There is one for each way of writing.
            query = sa.text("SELECT name FROM sqlite_master WHERE type = 'trigger' AND name GLOB :like")
            for found in connection.scalars(query, {"like": f"{name}*"}).all():
                connection.execute(sa.text(f"DROP TRIGGER {found}"))
