"""A house with people, on SQLite and on PostgreSQL."""

from __future__ import annotations

from pathlib import Path

import pytest

from hospital_prepay.clock import FixedClock
from hospital_prepay.persistence.database import Database
from tests.people import House


@pytest.fixture
def house(database: Database, clock: FixedClock, tmp_path: Path) -> House:
    """One person of each role."""
    return House.built(database, clock, tmp_path)
