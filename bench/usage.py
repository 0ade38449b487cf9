"""The usage report over ten million postings on SQLite and PostgreSQL: from all lines, and from kept totals.

The books are filled by bulk statements with the triggers out of the way (a desk would need hours), with the very
shapes that the services post: six grants over three years, every payment with its reservation and its request. The
last run of totals is as old as it may get, so that the report has the most lines to add up by itself.
"""

from __future__ import annotations

import argparse
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import sqlalchemy as sa

from bench.bulk import without_triggers
from bench.contenders import HOSPITAL
from hospital_prepay.clock import Clock, FixedClock
from hospital_prepay.domain.ledger.chart import earmark_account, reserved_account
from hospital_prepay.persistence.database import Database
from hospital_prepay.persistence.ledger import fund_totals, open_chart
from hospital_prepay.persistence.migrate import upgrade
from hospital_prepay.services.fund.usage import Step, UsageQuery, UsageReport, usage_report
from tests import servers
from tests.hospital import enter_people

_GOAL_SECONDS = 1.0
_GRANTS = [(f"g{year}{fund[0]}", fund, year) for year in (2024, 2025, 2026) for fund in ("employee", "resident")]
_CLOCK = FixedClock(datetime(2026, 12, 31, 4, tzinfo=UTC))
_TABLES = ("ledger_account", "ledger_entry", "ledger_posting", "ledger_block", "fund_grant", "fund_request")
_LINES = "fund_request_line"
_INDEX = "bench_fund_lines"


@dataclass(frozen=True)
class Size:
    """How much there is: of 25 entries seven are of the fund, by turns a reservation and its payment."""

    postings: int

    @property
    def entries(self) -> int:
        """Two lines each, and as many behind the last run of totals as there can be."""
        run = fund_totals.RUN_ENTRIES
        return (self.postings // 2 + run - 1) // run * run + run - 1


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of this section."""
    parser.add_argument(
        "--usage-postings", type=int, default=10_000_000, help="postings that the report is made over"
    )


def run(options: argparse.Namespace) -> None:
    """Print the seconds of a report by month over three years, of six grants and in sum."""
    size = Size(options.usage_postings)
    with tempfile.TemporaryDirectory(prefix="prepay-usage-") as folder:
        for name, made in (("SQLite", _sqlite(Path(folder), size)), ("PostgreSQL", _postgresql(size))):
            with made as (database, owner):
                _measure(name, database, owner, options.repeats)


def _measure(name: str, database: Database, owner: Database, repeats: int) -> None:
    with database.reading() as connection:
        held = connection.execute(
            sa.text("SELECT count(*), sum(CASE WHEN fund <> '' THEN 1 ELSE 0 END) FROM ledger_posting")
        ).one()
        print(f"  {name}: {held[0]:,} postings, {held[1]:,} of them of the fund")
    plain = _timed(f"{name}: from all lines", repeats, lambda: _report(database))
    with owner.writing() as connection:
        connection.execute(sa.text(_covering(owner)))
    with owner.migrating() as connection:
        connection.execute(sa.text("ANALYZE ledger_posting"))
    covered = _timed(f"{name}: from all lines, covering partial index", repeats, lambda: _report(database))
    with owner.writing() as connection:
        connection.execute(sa.text(f"DROP INDEX {_INDEX}"))
    began, runs = time.perf_counter(), 0
    while _keep(database):
        runs += 1
    print(f"  {name}: kept {runs} runs of totals in {time.perf_counter() - began:.1f} s")
    with owner.writing() as connection:
        connection.execute(sa.text("ANALYZE fund_total"))
    ours = _timed(f"{name}: from totals and lines behind (ours)", repeats, lambda: _report(database), _GOAL_SECONDS)
    assert plain == covered == ours, "every way must come to the same report"


def _report(database: Database) -> UsageReport:
    return usage_report(database, _CLOCK, HOSPITAL, UsageQuery("2024-01", "2026-12", Step.MONTH))


def _keep(database: Database) -> bool:
    with database.writing() as connection:
        return fund_totals.keep_totals(connection, HOSPITAL, _CLOCK.now())


def _timed(what: str, repeats: int, work: Callable[[], UsageReport], goal: float | None = None) -> UsageReport:
    result, seconds = work(), []
    for _ in range(repeats):
        began = time.perf_counter()
        result = work()
        seconds.append(time.perf_counter() - began)
    middle = statistics.median(seconds)
    verdict = "" if goal is None else f", goal {goal:g} s: {'reached' if middle <= goal else 'missed'}"
    print(f"  {what:<58}{middle:>8.3f} s ({min(seconds):.3f} … {max(seconds):.3f}){verdict}", flush=True)
    return result


def _covering(database: Database) -> str:
    key = "institution_id, account_id, entry_no"
    columns = f"{key}) INCLUDE (debit_fen, credit_fen" if database.is_postgresql else f"{key}, debit_fen, credit_fen"
    return f"CREATE INDEX {_INDEX} ON ledger_posting ({columns}) WHERE fund <> ''"


def _fill(size: Size, postgresql: bool) -> Iterator[str]:
    """The statements that fill the books; the numbers of entries count from 1 without a hole."""
    count, i = size.entries, HOSPITAL
    if postgresql:
        source = f"generate_series(1::bigint, {count}) AS s(n)"
        day = f"date '2024-01-01' + (n * 1095 / {count})::int"
        moment, digest = "timestamptz '2026-12-31 04:00:00+00'", "decode(repeat('00', 32), 'hex')"
    else:
        counted = f"WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {count})"
        source = f"({counted} SELECT n FROM s)"
        day = f"date('2024-01-01', '+' || (n * 1095 / {count}) || ' days')"
        moment, digest = "'2026-12-31T04:00:00.000000+00:00'", "zeroblob(32)"
    fund, pays = "n % 25 < 7", "n % 2 = 0"
    grant = f"CASE n * 3 / {count + 1} WHEN 0 THEN 'g2024' WHEN 1 THEN 'g2025' ELSE 'g2026' END"
    grant += " || CASE WHEN n / 2 % 2 = 0 THEN 'e' ELSE 'r' END"
    true, false = ("true", "false") if postgresql else ("1", "0")
    for named, *_ in _GRANTS:
        for account in (earmark_account(named), reserved_account(named)):
            yield (
                "INSERT INTO ledger_account (institution_id, account_id, subject, name, normal_side, guarded,"
                " balance_fen, opened_at, fund)"
                f" VALUES ('{i}', '{account}', '1002', 'x', 1, {true}, 0, {moment}, '{named}')"
            )
    # A payment's number is even and its request is named for it.
    kind = f"CASE WHEN NOT {fund} THEN 'inpatient_deposit' WHEN {pays} THEN 'fund_payment' ELSE 'fund_reserve' END"
    yield (
        f"INSERT INTO ledger_entry SELECT '{i}', n, {kind}, '摘要', CASE WHEN {fund} AND {pays}"
        f" THEN 'fund_request:r' || n ELSE 'x' END, 'k' || n, NULL, 2, {moment}, {moment}, {day}, 'bench', {digest}"
        f" FROM {source}"
    )
    debit = f"CASE WHEN NOT {fund} THEN '1001' WHEN {pays} THEN '2302' ELSE '1002:reserved:' || {grant} END"
    credit = f"CASE WHEN NOT {fund} THEN '410101' WHEN {pays} THEN '1002:reserved:' || {grant}"
    credit += f" ELSE '1002:earmark:' || {grant} END"
    mark = f"CASE WHEN {fund} THEN {grant} ELSE '' END"
    for line, account, sides in ((1, debit, "n, 0"), (2, credit, "0, n")):
        yield f"INSERT INTO ledger_posting SELECT '{i}', n, {line}, {account}, {sides}, {mark} FROM {source}"
    paid = f"FROM {source} WHERE {fund} AND {pays}"
    yield (
        "INSERT INTO fund_request (institution_id, request_id, grant_id, payee_name, payee_credit_code, purpose,"
        " total_fen, state, decision_id, held, asked_by, asked_at, ground, department_by, finance_by, paid_by,"
        f" bank_reference, ended_ground) SELECT '{i}', 'r' || n, {grant}, 'x', '9144030071526726XG', 'x', n,"
        f" 'evidenced', 'd', {false}, 'a', {moment}, '', 'b', 'c', 'e', 'B', '' {paid}"
    )
    category = "CASE n % 3 WHEN 0 THEN 'consumable' ELSE 'drug' END"
    yield (
        "INSERT INTO fund_request_line (institution_id, request_id, line_no, category, name, code, order_no,"
        f" amount_fen, outcome) SELECT '{i}', 'r' || n, 1, {category}, 'x', '', '', n, 'permitted' {paid}"
    )
    yield (f"INSERT INTO ledger_block SELECT '{i}', 1, 1, {count}, {count}, {digest}, {digest}, {digest}, {moment}")


def _prepare(connection: sa.Connection) -> None:
    """Accounts and grants, as far as the report looks at them."""
    now = _CLOCK.now()
    open_chart(connection, HOSPITAL, now)
    enter_people(connection, _CLOCK, HOSPITAL, "a")
    for grant_id, fund, year in _GRANTS:
        filed = now.replace(year=year)
        connection.execute(
            sa.text(
                "INSERT INTO fund_grant (institution_id, grant_id, regime, pool_region, fund, year, kind, state,"
                " applied_fen, decision_id, applied_by, applied_at, module_no, approval_document, withheld_ground)"
                " VALUES (:i, :grant, 'zhejiang-prepay-2025', 'x', :fund, :year, 'basic', 'applied', 1, 'd', 'a',"
                " :now, '', '', '')"
            ),
            {
                "i": HOSPITAL,
                "grant": grant_id,
                "fund": fund,
                "year": year,
                "now": filed if connection.dialect.name == "postgresql" else filed.isoformat(),
            },
        )


@contextmanager
def _sqlite(folder: Path, size: Size) -> Iterator[tuple[Database, Database]]:
    file = folder / "usage.sqlite3"
    database = Database(f"sqlite:///{file}", pool_size=1)
    upgrade(database, app_role=None, backup_folder=folder, moment=Clock().now())
    with database.writing() as connection:
        _prepare(connection)
    database.close()
    raw = sqlite3.connect(file)
    with without_triggers(raw, (*_TABLES, _LINES)):
        for statement in _fill(size, postgresql=False):
            raw.execute(statement)
            raw.commit()
    raw.close()
    yield database, database
    database.close()


@contextmanager
def _postgresql(size: Size) -> Iterator[tuple[Database, Database]]:
    with servers.postgres_server() as server:
        owner_url, app_url = servers.new_database(server)
        owner = Database(owner_url, pool_size=1)
        upgrade(owner, app_role=sa.make_url(app_url).username, backup_folder=Path(), moment=Clock().now())
        with owner.writing() as connection:
            _prepare(connection)
        name = sa.make_url(owner_url).database
        with psycopg.connect(server.rsplit("/", 1)[0] + f"/{name}", autocommit=True) as admin:
            admin.execute("SET session_replication_role = replica")  # no triggers while the books are filled
            for statement in _fill(size, postgresql=True):
                admin.execute(statement)  # type: ignore[arg-type]
            admin.execute(f"SELECT setval('ledger_entry_no', {size.entries})")  # type: ignore[arg-type]
            admin.execute("VACUUM ANALYZE")
        database = Database(app_url, pool_size=1)
        yield database, owner
        database.close()
        owner.close()
