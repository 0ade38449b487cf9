"""The demonstration's whole years, one under each notice, on both databases: from application to zero."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from hospital_prepay.clock import SHANGHAI, FixedClock, local
from hospital_prepay.domain.access import Role
from hospital_prepay.domain.rules.fund.duty_states import DutyState
from hospital_prepay.persistence.database import Database
from hospital_prepay.services.context import Context
from hospital_prepay.services.demonstration.fund_plans import YEARS, PastYear
from hospital_prepay.services.demonstration.fund_years import lead_through_past_years
from hospital_prepay.services.demonstration.houses import LINXI
from hospital_prepay.services.demonstration.stage import Stage
from hospital_prepay.services.fund.distribution import distributions_of
from hospital_prepay.services.fund.duties import read_duties
from hospital_prepay.services.fund.members import read_register
from hospital_prepay.services.fund.reconciliation import MonthReading, read_month
from hospital_prepay.services.fund.review import GrantDetail, fund_overview, read_grant
from hospital_prepay.settings import Settings

# The day by which a grant of 2025 is to be cleared, under each notice.
NOTICES = {
    "weihai-prepay-2025": date(2025, 12, 31),
    "xizang-prepay-2024": date(2025, 12, 10),
    "zhejiang-prepay-2025": date(2025, 12, 15),
    "henan-settlement-2023": date(2026, 1, 15),
}


@pytest.fixture
def context(database: Database, tmp_path: Path) -> Context:
    """Every year led to its end, a year later."""
    settings = Settings.from_environment({"PREPAY_MODE": "demo", "PREPAY_DATA_DIR": str(tmp_path)})
    context = Context(settings, database, FixedClock(datetime(2026, 11, 25, 9, 0, tzinfo=SHANGHAI)))
    lead_through_past_years(context)
    return context


def details(context: Context, past: PastYear) -> dict[int, GrantDetail]:
    auditor = Stage(context, past.house).actor(Role.AUDITOR)
    found = fund_overview(context, auditor).grants
    return {one.year: read_grant(context, auditor, one.grant_id) for one in found}


def months_of(context: Context, past: PastYear) -> list[MonthReading]:
    auditor = Stage(context, past.house).actor(Role.AUDITOR)
    last = (2026, 1) if past.netted else (2025, 12)
    months = [f"{year}-{month:02}" for year in (2025, 2026) for month in range(1, 13) if (year, month) <= last]
    return [read_month(context, auditor, month) for month in months if month >= str(past.grant.applied_on)[:7]]


@pytest.mark.clause(
    "weihai-prepay-2025/2",
    "xizang-prepay-2024/5",
    "zhejiang-prepay-2025/2",
    "zhejiang-prepay-2025/3",
    "zhejiang-prepay-2025/5",
    "henan-settlement-2023/2",
    "henan-settlement-2023/2.1",
    "henan-settlement-2023/2.1.2",
)
def test_every_year_comes_to_zero_and_its_payments_are_proved(context: Context) -> None:
    assert {past.grant.regime for past in YEARS} == set(NOTICES)
    for past in YEARS:
        found = details(context, past)[2025]
        assert (found.grant.regime, found.grant.state) == (past.grant.regime, "cleared")
        assert (found.grant.owed_fen, found.grant.unspent_fen, found.grant.reserved_fen) == (0, 0, 0)
        assert {one.state for one in found.requests} == {"evidenced"}
        moved = [sum(getattr(one, name) for one in found.entries) for name in ("owed_fen", "unspent_fen")]
        assert moved == [0, 0]


@pytest.mark.clause("henan-settlement-2023/2.2")
def test_henans_allocation_is_netted_against_the_next(context: Context) -> None:
    (past,) = [one for one in YEARS if one.netted is not None]
    after = details(context, past)
    assert (after[2025].grant.state, after[2026].grant.state) == ("cleared", "received")
    assert after[2026].grant.owed_fen == after[2026].grant.unspent_fen == 390_000_000


@pytest.mark.clause(
    "henan-settlement-2023/3",
    "henan-settlement-2023/4",
)
def test_every_month_of_every_year_is_reconciled_at_zero_and_closed_by_two_people(context: Context) -> None:
    for past in YEARS:
        months = months_of(context, past)
        assert len(months) >= 8 if past.grant.applied_on.month == 3 else 12
        for month in months:
            assert month.zero, (past.house.name, month.period)
            assert [one.step for one in month.steps] == ["made", "checked"]
            assert len({one.taken_by for one in month.steps}) == 2


@pytest.mark.clause("weihai-prepay-2025/2.3")
def test_a_members_share_comes_back_or_is_claimed_from_it(context: Context) -> None:
    (past,) = [one for one in YEARS if one.member is not None]
    auditor = Stage(context, past.house).actor(Role.AUDITOR)
    (handed,) = distributions_of(context, auditor, details(context, past)[2025].grant.grant_id)
    assert (handed.amount_fen, handed.used_fen, handed.returned_fen) == (36_000_000, 24_816_050, 11_183_950)
    (member,) = read_register(context, auditor).standing
    people = {member.proposed_by, member.decided_by, handed.asked_by, handed.decided_by}
    assert (member.member_code, len(people)) == (handed.member_code, 3)
    own = "institution_id = :institution AND account_id = '1218'"
    query = sa.text(f"SELECT sum(debit_fen - credit_fen) FROM ledger_posting WHERE {own}")
    with context.database.reading() as connection:
        assert connection.scalar(query, {"institution": past.house.code}) == handed.used_fen


def test_a_loading_that_is_taken_up_again_changes_nothing(context: Context) -> None:
    before = [details(context, past) for past in YEARS]
    lead_through_past_years(context)
    assert [details(context, past) for past in YEARS] == before


@pytest.mark.clause("weihai-prepay-2025/2.3", "xizang-prepay-2024/5.4", "zhejiang-prepay-2025/3.4")
def test_every_year_is_cleared_by_its_day(context: Context) -> None:
    for past in YEARS:
        cleared = details(context, past)[2025].grant.cleared_at
        assert cleared is not None
        assert local(cleared).date() <= NOTICES[past.grant.regime]


def test_nothing_of_the_past_years_is_left_undone(context: Context) -> None:
    for past in YEARS:
        auditor = Stage(context, past.house).actor(Role.AUDITOR)
        late = [one for one in read_duties(context, auditor).around() if one.state is DutyState.OVERDUE]
        # This year's applications of the hospital that goes on are the demonstration's other part.
        ours = [one.item.key for one in late if one.is_ours and not (past.house is LINXI and one.item.year == 2026)]
        assert ours == []
