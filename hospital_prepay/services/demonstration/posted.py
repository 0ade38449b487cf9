"""The tables that two real hospitals posted, each read by its own columns."""

from __future__ import annotations

from datetime import datetime

from hospital_prepay.services.demonstration.stage import Stage


def import_posted_tables(huzhou: Stage, longquanyi: Stage, moment: datetime) -> None:
    """Load each posted table as its institution's earlier standards and posted table."""
