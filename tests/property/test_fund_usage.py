"""Whatever a year does to a grant: opening and movements come to the closing balance, and that to the books."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from unittest.mock import patch

import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hospital_prepay.clock import SHANGHAI, FixedClock
from hospital_prepay.domain.errors import PrepayError
from hospital_prepay.domain.ledger.grant_usage import Balance, accounts_in
from hospital_prepay.domain.rules.fund.regime import Fund
from hospital_prepay.persistence.database import Database
from hospital_prepay.persistence.ledger import fund_totals
from hospital_prepay.services.context import Context
from hospital_prepay.services.fund import spending
from hospital_prepay.services.fund.usage import Figure, Step, UsageQuery, days_of, read_figure, read_usage
from hospital_prepay.services.ledger.seals import seal_ledger
from hospital_prepay.settings import Settings
from tests.hospital import INSTITUTION, open_hospital
from tests.services.fund.conftest import OFFICER, PAYER, Year, line

ACTS = ("pay", "reserve", "bounce", "release", "return", "offset", "refused", "seal", "second")
KINDS = (
    {},
    {"category": "consumable", "code": "C" + "B" * 26},
    {"category": "reagent", "code": "", "order_no": ""},
)
acts = st.lists(
    st.tuples(st.sampled_from(ACTS), st.integers(1, 400_000_00), st.integers(0, 2), st.integers(0, 40)),
    min_size=1,
    max_size=12,
)


@contextmanager
def a_year(template: Path) -> Iterator[Year]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "prepay.sqlite3"
        shutil.copyfile(template, file)
        database = Database(f"sqlite:///{file}")
        environment = {"PREPAY_MODE": "demo", "PREPAY_DATA_DIR": folder}
        clock = FixedClock(datetime(2026, 1, 15, 10, tzinfo=SHANGHAI))
        hospital = open_hospital(Context(Settings.from_environment(environment), database, clock))
        yield Year(hospital).arrived()
        database.close()


def act(year: Year, what: str, fen: int, kind: int) -> None:
    context = year.hospital.context
    with context.database.reading() as connection:
        open_ones = connection.execute(sa.text("SELECT state, request_id FROM fund_request ORDER BY 2")).all()
    paid = [one.request_id for one in open_ones if one.state == "paid"]
    reserved = [one.request_id for one in open_ones if one.state == "reserved"]
    match what:
        case "pay":
            year.pay(year.reserve(line(fen, **KINDS[kind])))
        case "reserve":
            year.reserve(line(fen), line(7_00, **KINDS[1]))
        case "bounce" if paid:
            spending.bounce_payment(context, PAYER, paid[0], "账号有误")
        case "release" if reserved:
            spending.release_request(context, PAYER, reserved[0], "不付了")
        case "return":
            year.give_back(fen)
        case "offset":
            year.offset(fen + 5, fen)
        case "refused":
            year.ask(line(fen, category="utilities", code="", order_no=""))
        case "seal":
            seal_ledger(context.database, context.settings.data_dir, context.clock)
        case "second":
            year.apply(Fund.RESIDENT, fen)
            year.approve(fen)
            year.receive()


def balance_on(year: Year, balance: Balance, grant_id: str, day: date) -> int:
    """Straight from the lines, knowing nothing of kinds."""
    total = 0
    with year.hospital.context.database.reading() as connection:
        for account, side in accounts_in(balance, grant_id).items():
            moved = connection.scalar(
                sa.text(
                    "SELECT coalesce(sum(p.debit_fen - p.credit_fen), 0) FROM ledger_posting p JOIN ledger_entry e"
                    " USING (institution_id, entry_no) WHERE p.institution_id = :i AND p.account_id = :account"
                    " AND e.effective_on <= :day"
                ),
                {"i": INSTITUTION, "account": account, "day": day.isoformat()},
            )
            total += side * int(moved)
    return total


@given(acts)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_report_ties_with_the_books(sqlite_template: Path, history: list[tuple[str, int, int, int]]) -> None:
    with a_year(sqlite_template) as year, patch.object(fund_totals, "RUN_ENTRIES", 3):
        context = year.hospital.context
        for what, fen, kind, days in history:
            context.clock.moment += timedelta(days=days)  # type: ignore[attr-defined]
            try:
                act(year, what, fen, kind)
            except PrepayError:
                continue  # more than is left, a second application: nothing was booked
        for step in Step:
            check(year, step)


def check(year: Year, step: Step) -> None:
    context = year.hospital.context
    report = read_usage(context, OFFICER, UsageQuery("2026-01", "2027-12", step))
    for usage in report.grants:
        assert usage.grant is not None
        for balance, lines in usage.balances.items():
            before = 0
            for one in lines:
                _, last_day = days_of(one.period.first, one.period.last)
                assert one.opening_fen == before
                assert one.opening_fen + sum(one.moved.values()) == one.closing_fen
                assert one.closing_fen == balance_on(year, balance, usage.grant.grant_id, last_day)
                before = one.closing_fen
    for balance, lines in report.total.balances.items():
        each = [usage.balances[balance][-1].closing_fen for usage in report.grants]
        assert lines[-1].closing_fen == sum(each)
        for one in lines:
            for column, fen in one.moved.items():
                query = UsageQuery(one.period.first, one.period.last)
                assert read_figure(context, OFFICER, Figure(query, balance, column), 1).fen == fen


def test_the_oracle_sees_what_it_should(sqlite_template: Path) -> None:
    with a_year(sqlite_template) as year:
        assert balance_on(year, Balance.OWED, year.grant_id, date(2026, 1, 14)) == 0
        assert balance_on(year, Balance.OWED, year.grant_id, date(2026, 1, 15)) == 100_000_000
