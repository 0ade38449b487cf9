"""Statements come in once, line by line, whole or not at all. On both databases."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from hospital_prepay.clock import SHANGHAI, FixedClock
from hospital_prepay.domain.access import Role
from hospital_prepay.domain.errors import MalformedInput, NotATable, NotPermitted, NoUsableRow
from hospital_prepay.files.exports import xlsx_bytes
from hospital_prepay.persistence import fund_statements
from hospital_prepay.services.fund.statement_columns import StatementKind, guesses
from hospital_prepay.services.fund.statements import (
    Imported,
    ImportStatement,
    import_statement,
    look_at,
    review_statement,
)
from tests.hospital import Hospital, actor
from tests.statements import ACCOUNT

DATA = Path(__file__).parents[2] / "data"
OFFICER, OTHER = actor(Role.FINANCE_OFFICER), actor(Role.FINANCE_OFFICER, "2")
BANK, AGENCY, TOTALS = StatementKind.BANK, StatementKind.AGENCY, StatementKind.TOTALS
FILES = {kind: DATA / f"fund_{kind.value}_2026_01.csv" for kind in StatementKind}


@pytest.fixture(autouse=True)
def february(clock: FixedClock) -> None:
    clock.moment = datetime(2026, 2, 3, 9, 0, tzinfo=SHANGHAI)


def take(
    hospital: Hospital, path: Path, kind: StatementKind = BANK, mapped: bool = True, **changes: object
) -> Imported:
    """Import with the columns that are guessed, or as they were kept."""
    look = look_at(hospital.context, OFFICER, kind, path)
    columns = look.columns if mapped else None
    command = ImportStatement(kind, "2026-01", path, path.name, columns, account=ACCOUNT)
    return import_statement(hospital.context, OFFICER, replace(command, **changes))  # type: ignore[arg-type]


def written(tmp_path: Path, *lines: str, head: str = "交易日期,贷方发生额,借方发生额,对方户名,摘要,流水号") -> Path:
    path = tmp_path / f"bank-{len(list(tmp_path.iterdir()))}.csv"
    path.write_text("\n".join((head, *lines)) + "\n", "utf-8")
    return path


def rejected(hospital: Hospital, found: Imported) -> list[tuple[int, str]]:
    told = review_statement(hospital.context, OFFICER, found.statement.statement_id).rejected
    return [(one.line_no, one.code) for one in told]


def test_usual_headings_are_guessed_below_what_banks_print_above(hospital: Hospital) -> None:
    look = look_at(hospital.context, OFFICER, BANK, FILES[BANK])
    assert not look.known
    assert look.headings[0] == "交易日期"
    assert look.columns == {
        "day": "交易日期",
        "credit": "贷方发生额",
        "debit": "借方发生额",
        "balance": "余额",
        "payee": "对方户名",
        "remark": "摘要",
        "reference": "流水号",
    }
    assert look.sample[0][1] == "1,000,000.00"


@pytest.mark.parametrize(
    ("headings", "expected"),
    [
        (["日期", "借贷方向", "金额（元）"], {"day": "日期", "direction": "借贷方向", "amount": "金额（元）"}),
        (["记账日期", "收入(元)", "支出(元)"], {"day": "记账日期", "credit": "收入(元)", "debit": "支出(元)"}),
        (["a", "b"], {}),
    ],
)
def test_guesses(headings: list[str], expected: dict[str, str]) -> None:
    assert guesses(BANK, headings) == expected


def test_sound_lines_come_in_and_wrong_ones_are_told_by_line(hospital: Hospital) -> None:
    found = take(hospital, FILES[BANK])
    assert (found.statement.rows_read, found.statement.rows_taken, found.statement.rows_rejected) == (6, 3, 3)
    assert rejected(hospital, found) == [(7, "not_a_date"), (8, "formula"), (9, "not_a_date")]
    lines = review_statement(hospital.context, OFFICER, found.statement.statement_id).lines
    assert [(one.on_day, one.amount_fen, one.reference) for one in lines] == [
        (date(2026, 1, 15), 100_000_000, "HD-100"),
        (date(2026, 1, 15), -35_000_000, "B-9"),
        (date(2026, 1, 15), -500_000, "HD-102"),
    ]


def test_the_same_headings_go_straight_through_the_next_time(hospital: Hospital, tmp_path: Path) -> None:
    first = written(tmp_path, "2026-01-15,1.00,,甲,x,R1")
    with pytest.raises(MalformedInput) as caught:
        take(hospital, first, mapped=False)
    assert caught.value.reason == "columns_unknown"
    take(hospital, first)
    second = written(tmp_path, "2026-01-16,2.00,,甲,x,R2")
    assert look_at(hospital.context, OFFICER, BANK, second).known
    assert take(hospital, second, mapped=False).statement.rows_taken == 1
    other = written(tmp_path, "R3,2026-01-16,2.00,", head="流水号,交易日期,贷方发生额,借方发生额")
    assert not look_at(hospital.context, OFFICER, BANK, other).known


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_any_encoding_and_a_workbook_say_the_same(hospital: Hospital, tmp_path: Path, encoding: str) -> None:
    text = FILES[AGENCY].read_text("utf-8")
    path = tmp_path / "agency.csv"
    path.write_bytes(text.encode(encoding))
    found = take(hospital, path, AGENCY)
    rows = [line.split(",") for line in text.splitlines()]
    book = tmp_path / "agency.xlsx"
    book.write_bytes(xlsx_bytes("对账", rows[0], [[date(2026, 1, 15), *rows[1][1:3], 1000000, *rows[1][4:]]]))
    again = take(hospital, book, AGENCY)
    assert found.statement.rows_taken == 1
    assert (again.statement.rows_taken, again.statement.rows_known) == (0, 1)


def test_the_same_file_again_changes_nothing_and_says_so(hospital: Hospital) -> None:
    first = take(hospital, FILES[BANK])
    again = take(hospital, FILES[BANK])
    assert again.already_known
    assert again.statement == first.statement
    assert hospital.count("fund_statement") == 1
    assert hospital.count("fund_column_map") == 1


def test_overlapping_lines_are_taken_once(hospital: Hospital, tmp_path: Path) -> None:
    take(hospital, written(tmp_path, "2026-01-15,1.00,,甲,x,R1", "2026-01-16,,2.00,乙,y,R2"))
    found = take(hospital, written(tmp_path, "2026-01-16,,2.00,乙 公司,y,ｒ-2", "2026-01-17,3.00,,丙,z,R3"))
    assert (found.statement.rows_taken, found.statement.rows_known) == (1, 1)
    assert hospital.count("fund_statement_line") == 3


def test_doubled_lines_count_once_with_a_number_and_twice_without(hospital: Hospital, tmp_path: Path) -> None:
    numbered = take(hospital, written(tmp_path, *["2026-01-15,1.00,,甲,x,R1"] * 2))
    assert (numbered.statement.rows_taken, numbered.statement.rows_known) == (1, 1)
    same = ["2026-01-18,1.00,,甲,挂号,"] * 2
    bare = take(hospital, written(tmp_path, *same))
    assert bare.statement.rows_taken == 2
    longer = take(hospital, written(tmp_path, *same, "2026-01-19,1.00,,甲,挂号,"))
    assert (longer.statement.rows_taken, longer.statement.rows_known) == (1, 2)


def test_every_wrong_line_has_its_code(hospital: Hospital, tmp_path: Path) -> None:
    lines = [
        "2026-01-15,1.00,,甲,x,R1",
        "2026-02-04,1.00,,甲,x,R2",
        "2026-01-15,1.00,2.00,甲,x,R3",
        "2026-01-15,,,甲,x,R4",
        "2026-01-15,1.001,,甲,x,R5",
        "2026-01-15,-1,,甲,x,R6",
        "2026-01-15,1e3,,甲,x,R7",
        ",1,,甲,x,R8",
        "2026-01-15,1,,甲,x,R9,",
        "2026-01-15,1,000,,甲,x,R10",
        "2026-01-15,1,,甲\u200b,x,R11",
        f"2026-01-15,1,,甲,x,{'R' * 81}",
        "1999-12-31,1,,甲,x,R14",
        "0001-01-01,1,,甲,x,R15",
        "2000-01-01,1,,甲,x,R16",
    ]
    assert rejected(hospital, take(hospital, written(tmp_path, *lines))) == [
        (3, "future_date"),
        (4, "both_sides"),
        (5, "no_amount"),
        (6, "too_many_decimals"),
        (7, "negative_amount"),
        (8, "not_an_amount"),
        (9, "missing_value"),
        (11, "too_many_cells"),
        (12, "invisible_character"),
        (13, "too_long"),
        (14, "too_early"),
        (15, "too_early"),
    ]


def test_one_column_of_amounts_takes_its_sign_from_a_mark(hospital: Hospital, tmp_path: Path) -> None:
    head = "交易日期,借贷标志,金额,流水号"
    path = written(tmp_path, "2026-01-15,贷,5.00,R1", "2026-01-15,借,3.00,R2", "2026-01-15,?,1,R3", head=head)
    found = take(hospital, path)
    came = review_statement(hospital.context, OFFICER, found.statement.statement_id)
    lines, told = came.lines, came.rejected
    assert [one.amount_fen for one in lines] == [500, -300]
    assert [one.code for one in told] == ["unknown_direction"]
    signed = written(tmp_path, "2026-01-15,-3.00,R9", "2026-01-15,−2.00,R8", head="交易日期,发生额,流水号")
    lines = review_statement(hospital.context, OFFICER, take(hospital, signed).statement.statement_id).lines
    assert [one.amount_fen for one in lines] == [-300, -200]


def test_what_the_agency_and_the_totals_speak_of(hospital: Hospital, tmp_path: Path) -> None:
    head = "业务日期,业务类型,险种,金额"
    lines = [
        "2026-01-15,预付金收回,职工医保,10",
        "2026-01-15,结算冲抵预付金,390,20",
        "2026-01-15,月度结算拨付,城乡居民医保,30",
        "2026-01-15,异地清算,职工医保,-40",
        "2026-01-15,预付金收回,职工医保,-10",
        "2026-01-15,罚款,职工医保,10",
    ]
    found = take(hospital, written(tmp_path, *lines, head=head), AGENCY)
    came = review_statement(hospital.context, OFFICER, found.statement.statement_id)
    kept, told = came.lines, came.rejected
    assert [(one.event, one.fund, one.amount_fen) for one in kept] == [
        ("return", "employee", 1000),
        ("offset", "resident", 2000),
        ("settlement", "resident", 3000),
        ("settlement", "employee", -4000),
    ]
    assert [one.code for one in told] == ["negative_amount", "unknown_event"]
    totals = take(hospital, FILES[TOTALS], TOTALS)
    came = review_statement(hospital.context, OFFICER, totals.statement.statement_id)
    kept, told = came.lines, came.rejected
    assert [(one.item, one.amount_fen, one.on_day) for one in kept] == [
        ("owed", 100_000_000, date(2026, 1, 31)),
        ("earmark", 65_000_000, date(2026, 1, 31)),
    ]
    assert [one.code for one in told] == ["unknown_item"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"day": ""}, "column-day"),
        ({"credit": ""}, "column-credit"),
        ({"payee": "摘要"}, "column-payee"),
        ({"remark": "没有这列"}, "column-remark"),
    ],
)
def test_columns_that_do_not_fit_are_refused_at_the_field(
    hospital: Hospital, change: dict[str, str], field: str
) -> None:
    columns = {**look_at(hospital.context, OFFICER, BANK, FILES[BANK]).columns, **change}
    with pytest.raises(MalformedInput) as caught:
        take(hospital, FILES[BANK], columns=columns)
    assert caught.value.details["field"] in (field, "column-remark")
    assert hospital.count("fund_statement") == 0
    assert hospital.count("fund_column_map") == 0


def test_bad_files_leave_nothing(hospital: Hospital, tmp_path: Path) -> None:
    junk = tmp_path / "junk.xlsx"
    junk.write_bytes(b"PK\x03\x04 not a workbook")
    for path, error in (
        (junk, NotATable),
        (written(tmp_path), NoUsableRow),
        (written(tmp_path, "2026-13-01,1,,甲,x,R"), NoUsableRow),
        (written(tmp_path, '2026-01-15,1,,"甲,x,R'), NotATable),
    ):
        with pytest.raises(error):
            take(hospital, path)
    with pytest.raises(MalformedInput):
        take(hospital, FILES[BANK], period="2026-13")
    assert [hospital.count(name) for name in ("fund_statement", "fund_statement_line", "fund_column_map")] == [
        0,
        0,
        0,
    ]


def test_balances_of_a_month_that_runs_come_after_its_end(hospital: Hospital) -> None:
    with pytest.raises(MalformedInput, match="这个月还没有结束，期末余额请在月末之后导入") as caught:
        take(hospital, FILES[TOTALS], TOTALS, period="2026-02")
    assert caught.value.details["field"] == "period"
    assert hospital.count("fund_statement") == 0


def test_only_finance_imports(hospital: Hospital) -> None:
    for role in (Role.FINANCE_APPROVER, Role.AUDITOR, Role.DEPARTMENT_HEAD):
        with pytest.raises(NotPermitted):
            look_at(hospital.context, actor(role), BANK, FILES[BANK])


def test_killed_half_way_nothing_is_left(hospital: Hospital, monkeypatch: pytest.MonkeyPatch) -> None:
    class Killed(BaseException):
        """The process ends here."""

    whole = fund_statements.add_statement

    def die(*given: object) -> None:
        whole(*given)  # type: ignore[arg-type]
        raise Killed

    monkeypatch.setattr(fund_statements, "add_statement", die)
    with pytest.raises(Killed):
        take(hospital, FILES[BANK])
    assert [hospital.count(name) for name in ("fund_statement", "fund_statement_line", "fund_column_map")] == [
        0,
        0,
        0,
    ]
    monkeypatch.undo()
    assert take(hospital, FILES[BANK]).statement.rows_taken == 3


def test_two_people_who_import_the_same_file_at_once_import_it_once(hospital: Hospital) -> None:
    columns = look_at(hospital.context, OFFICER, BANK, FILES[BANK]).columns
    found: list[Imported] = []
    barrier = threading.Barrier(2)

    def go(who: object) -> None:
        barrier.wait()
        command = ImportStatement(BANK, "2026-01", FILES[BANK], "bank.csv", columns, account=ACCOUNT)
        found.append(import_statement(hospital.context, who, command))  # type: ignore[arg-type]

    threads = [threading.Thread(target=go, args=(who,)) for who in (OFFICER, OTHER)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(one.already_known for one in found) == [False, True]
    assert hospital.count("fund_statement") == 1
    assert hospital.count("fund_statement_line") == 3


@pytest.mark.parametrize(
    "table", ["fund_statement", "fund_statement_line", "fund_statement_rejection", "fund_column_map"]
)
@pytest.mark.parametrize("statement", ["UPDATE {0} SET institution_id = 'x'", "DELETE FROM {0}"])
def test_what_came_in_stays(hospital: Hospital, table: str, statement: str) -> None:
    take(hospital, FILES[BANK])
    with pytest.raises(sa.exc.DBAPIError), hospital.context.database.writing() as connection:
        connection.execute(sa.text(statement.format(table)))


def test_equal_balances_of_two_months_are_two_papers(hospital: Hospital, clock: FixedClock, tmp_path: Path) -> None:
    clock.moment = datetime(2026, 3, 2, 9, 0, tzinfo=SHANGHAI)
    path = written(tmp_path, "应还医保,0.00", head="项目,期末余额")
    columns = look_at(hospital.context, OFFICER, StatementKind.TOTALS, path).columns
    taken = [
        import_statement(
            hospital.context, OFFICER, ImportStatement(StatementKind.TOTALS, month, path, path.name, columns)
        )
        for month in ("2026-01", "2026-02", "2026-02")
    ]
    assert [one.already_known for one in taken] == [False, False, True]
    ids = [one.statement.statement_id for one in taken]
    assert [len(review_statement(hospital.context, OFFICER, one).lines) for one in ids] == [1, 1, 1]
