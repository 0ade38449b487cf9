"""The demonstration's whole years, one under each notice, on both databases: from application to zero."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from hospital_prepay.clock import SHANGHAI, FixedClock
from hospital_prepay.domain.access import Role
from hospital_prepay.persistence.database import Database
from hospital_prepay.services.context import Context
from hospital_prepay.services.demonstration.fund_years import YEARS, PastYear, lead_through_past_years
from hospital_prepay.services.demonstration.stage import Stage
from hospital_prepay.services.fund.review import GrantDetail, fund_overview, read_grant
from hospital_prepay.settings import Settings


@pytest.fixture
def context(database: Database, tmp_path: Path) -> Context:
    """Every year led to its end, a year later."""
    settings = Settings.from_environment({"PREPAY_MODE": "demo", "PREPAY_DATA_DIR": str(tmp_path)})
    context = Context(settings, database, FixedClock(datetime(2026, 11, 25, 9, 0, tzinfo=SHANGHAI)))
    lead_through_past_years(context)
    return context


def details(context: Context, past: PastYear) -> list[GrantDetail]:
    auditor = Stage(context, past.house).actor(Role.AUDITOR)
    found = fund_overview(context, auditor).grants
    return [read_grant(context, auditor, one.grant_id) for one in found]


def test_every_year_comes_to_zero_and_its_payments_are_proved(context: Context) -> None:
    for past in YEARS:
        (found,) = details(context, past)
        grant = found.grant
        assert (grant.regime, grant.state) == (past.grant.regime, "cleared")
        assert (grant.owed_fen, grant.unspent_fen, grant.reserved_fen) == (0, 0, 0)
        assert {one.state for one in found.requests} == {"evidenced"}
        moved = [sum(getattr(one, name) for one in found.entries) for name in ("owed_fen", "unspent_fen")]
        assert moved == [0, 0]


def test_a_loading_that_is_taken_up_again_changes_nothing(context: Context) -> None:
    before = [details(context, past) for past in YEARS]
    lead_through_past_years(context)
    assert [details(context, past) for past in YEARS] == before


@pytest.mark.clause("weihai-prepay-2025/2.3", "xizang-prepay-2024/5.4", "zhejiang-prepay-2025/3.4")
def test_every_year_is_cleared_by_its_day(context: Context) -> None:
    last = {"weihai-prepay-2025": (12, 31), "xizang-prepay-2024": (12, 10), "zhejiang-prepay-2025": (12, 15)}
    for past in YEARS:
        (found,) = details(context, past)
        cleared = found.grant.cleared_at
        assert cleared is not None
        day = cleared.astimezone(SHANGHAI)
        assert (day.month, day.day) <= last[past.grant.regime]
