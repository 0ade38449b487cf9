"""Kept totals say what the lines say, can't be changed, and are found out when somebody does."""

from __future__ import annotations

import sqlite3

import pytest
import sqlalchemy as sa

from hospital_prepay.domain.ledger.verification import Kind
from hospital_prepay.persistence.database import Database
from hospital_prepay.persistence.ledger import fund_totals
from hospital_prepay.persistence.queries.fund_usage import turnovers
from hospital_prepay.services.fund.usage import UsageQuery, read_usage
from hospital_prepay.services.ledger.seals import seal_ledger, verify_ledger
from tests.hospital import INSTITUTION, Hospital
from tests.services.fund.conftest import OFFICER, Year, line

RUN = 4


class Kept:
    """A year of eleven entries, two runs of four added up, three behind them."""

    def __init__(self, year: Year, owner: Database) -> None:
        self.year, self.owner = year, owner
        self.context = year.hospital.context
        year.arrived()
        for fen in (10_00, 20_00, 30_00):
            year.pay(year.reserve(line(fen), line(fen, category="consumable", code="C" + "B" * 26)))
        year.give_back(100_00)
        seal_ledger(self.context.database, self.context.settings.data_dir, self.context.clock)
        year.give_back(200_00)
        year.give_back(300_00)
        year.offset(500_00, 400_00)
        seal_ledger(self.context.database, self.context.settings.data_dir, self.context.clock)

    def runs(self) -> list[tuple[int, int]]:
        with self.context.database.reading() as connection:
            found = connection.execute(sa.text("SELECT after_no, through_no FROM fund_total_run ORDER BY 1"))
            return [(row[0], row[1]) for row in found]

    def findings(self) -> list[tuple[Kind, int | None, int | None]]:
        found = verify_ledger(self.context.database, self.context.settings.data_dir, self.context.clock)
        return [(one.kind, one.entry_no, one.last_no) for one in found.findings]

    def tamper(self, statement: str) -> None:
        tables = ("fund_total", "fund_total_run")
        if self.owner.is_postgresql:
            with self.owner.engine.begin() as connection:
                for table in tables:
                    connection.exec_driver_sql(f"ALTER TABLE {table} DISABLE TRIGGER USER")
                connection.exec_driver_sql(
                    "ALTER TABLE fund_total DROP CONSTRAINT IF EXISTS fk_fund_total__fund_total_run"
                )
                connection.exec_driver_sql(statement)
            return
        file = sqlite3.connect(str(self.owner.url.database))
        for table in tables:
            names = file.execute("SELECT name FROM sqlite_master WHERE type='trigger' AND tbl_name=?", (table,))
            for (name,) in names.fetchall():
                file.execute(f"DROP TRIGGER {name}")
        file.execute(statement)
        file.commit()
        file.close()


@pytest.fixture
def kept(hospital: Hospital, owner_database: Database, monkeypatch: pytest.MonkeyPatch) -> Kept:
    monkeypatch.setattr(fund_totals, "RUN_ENTRIES", RUN)
    return Kept(Year(hospital), owner_database)


def test_runs_follow_each_other_and_stop_before_what_is_no_whole_run(kept: Kept) -> None:
    assert kept.runs() == [(0, 4), (4, 8)]
    assert kept.findings() == []


def test_a_report_from_totals_and_what_lies_behind_them_is_the_report_from_all_lines(kept: Kept) -> None:
    context = kept.context
    query = UsageQuery("2026-01", "2026-01")
    report = read_usage(context, OFFICER, query)
    with context.database.reading() as connection:
        both = turnovers(connection, INSTITUTION)
        through, stored = fund_totals.stored_turnovers(connection, INSTITUTION)
        alone = fund_totals.grant_turnovers(connection, INSTITUTION)
    assert through == 8
    assert stored
    assert sum(one.debit_fen for one in both) == sum(one.debit_fen for one in alone)
    kept.tamper("DELETE FROM fund_total")
    kept.tamper("DELETE FROM fund_total_run")
    assert read_usage(context, OFFICER, query) == report


TAMPERINGS = {
    "an amount": ("UPDATE fund_total SET debit_fen = debit_fen + 1 WHERE through_no = 8 AND debit_fen > 0", 5, 8),
    "a month": ("UPDATE fund_total SET month = '2026-02' WHERE through_no = 4", 1, 4),
    "a category": ("UPDATE fund_total SET category = 'blood' WHERE category = 'drug' AND through_no = 4", 1, 4),
    "a total taken away": ("DELETE FROM fund_total WHERE through_no = 8 AND kind = 'fund_payment'", 5, 8),
    "totals of no run": ("DELETE FROM fund_total_run WHERE through_no = 8", 5, 8),
    "a run taken out": ("DELETE FROM fund_total_run WHERE through_no = 4", 1, 8),
    "a run stretched": ("UPDATE fund_total_run SET after_no = 3 WHERE through_no = 8", 5, 8),
}


@pytest.mark.parametrize(("statement", "first", "last"), TAMPERINGS.values(), ids=list(TAMPERINGS))
def test_a_tampered_total_is_found_where_it_stands(kept: Kept, statement: str, first: int, last: int) -> None:
    kept.tamper(statement)
    assert (Kind.TOTAL_WRONG, first, last) in kept.findings()


REFUSED = (
    "UPDATE fund_total SET debit_fen = 0",
    "DELETE FROM fund_total",
    "UPDATE fund_total_run SET after_no = 0",
    "DELETE FROM fund_total_run",
    # Over entries that no block holds, over a gap, over what is added up already.
    f"INSERT INTO fund_total_run VALUES ('{INSTITUTION}', 999, 8, '2026-01-15T00:00:00.000000+00:00')",
    f"INSERT INTO fund_total_run VALUES ('{INSTITUTION}', 11, 9, '2026-01-15T00:00:00.000000+00:00')",
    f"INSERT INTO fund_total_run VALUES ('{INSTITUTION}', 7, 4, '2026-01-15T00:00:00.000000+00:00')",
    # Behind what is added up, but without the totals of its lines.
    f"INSERT INTO fund_total_run VALUES ('{INSTITUTION}', 9, 8, '2026-01-15T00:00:00.000000+00:00')",
    # A total that joins a run which is complete.
    "INSERT INTO fund_total SELECT institution_id, through_no, account_id, kind, '2026-02', category, 1, 0, 1"
    " FROM fund_total WHERE through_no = 8 LIMIT 1",
)


@pytest.mark.parametrize("statement", REFUSED)
def test_the_database_keeps_totals_as_they_are(kept: Kept, statement: str) -> None:
    with pytest.raises(sa.exc.DBAPIError), kept.owner.writing() as connection:
        connection.execute(sa.text(statement.replace(":00", "\\:00")))


def test_a_row_is_not_pushed_out_by_another_with_its_key(kept: Kept) -> None:
    if kept.owner.is_postgresql:
        with pytest.raises(sa.exc.DBAPIError), kept.owner.writing() as connection:
            connection.execute(sa.text("INSERT INTO fund_total SELECT * FROM fund_total"))
        return
    # A connection of its own: without recursive triggers OR REPLACE asks no delete trigger.
    file = sqlite3.connect(str(kept.owner.url.database))
    with pytest.raises(sqlite3.IntegrityError, match="append_only"):
        file.execute("INSERT OR REPLACE INTO fund_total SELECT * FROM fund_total")
    file.close()
