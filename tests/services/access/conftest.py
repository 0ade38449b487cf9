"""A house with people, on SQLite."""

from __future__ import annotations

from pathlib import Path

import pytest

from hospital_prepay.clock import FixedClock
from hospital_prepay.persistence.database import Database
from tests.people import House


@pytest.fixture
def house(sqlite_database: Database, clock: FixedClock, tmp_path: Path) -> House:
    """One person of each role."""
    return House.built(sqlite_database, clock, tmp_path)
