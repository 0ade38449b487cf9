"""A census is counted by one person, confirmed by another and booked part by part, whatever file it comes in."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable
from concurrent.futures import Future
from datetime import date, datetime
from io import StringIO
from pathlib import Path
from typing import Any, cast

import pytest
import sqlalchemy as sa
import xlsxwriter

from hospital_prepay.domain.access import Actor, Role
from hospital_prepay.domain.errors import (
    Conflict,
    MalformedInput,
    NotFound,
    NotPermitted,
    NoUsableRow,
    SecondPersonRequired,
)
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.outpatient.reach import Doubt
from hospital_prepay.files.tables import open_table
from hospital_prepay.persistence import late_indexes
from hospital_prepay.persistence import outpatient_accounts as store
from hospital_prepay.persistence.outpatient_accounts import ImportState
from hospital_prepay.services.context import Context
from hospital_prepay.services.outpatient import census, census_intake, census_parts, register, sealing
from hospital_prepay.services.outpatient.account_rows import AccountReader
from hospital_prepay.services.outpatient.census import confirm_import, count_accounts, drop_import, refuse_import
from hospital_prepay.services.outpatient.sealing import CERTNO, PERSONAL, PHONE, Sealer
from tests.hospital import INSTITUTION, Hospital, actor
from tests.services.outpatient.conftest import APPROVER, CLERK, HEADER, OFFICER, OWN, ROWS, Outpatients

DAY = date(2025, 12, 1)


def count(outpatients: Outpatients, path: Path, name: str = "清查.csv") -> census.CountedAccounts:
    return count_accounts(outpatients.context, OFFICER, path, name, DAY)


def rejected(context: Context, import_no: int = 1) -> list[tuple[int, str]]:
    query = "SELECT line, code FROM outpatient_rejection WHERE import_no = :no ORDER BY line"
    with context.database.reading() as connection:
        return [(int(line), str(code)) for line, code in connection.execute(sa.text(query), {"no": import_no})]


def state(context: Context, import_no: int = 1) -> str:
    with context.database.reading() as connection:
        return next(one.state for one in store.read_imports(connection, INSTITUTION) if one.import_no == import_no)


def text_of(rows: tuple[tuple[str, ...], ...] = ROWS) -> str:
    target = StringIO(newline="")
    csv.writer(target).writerows([HEADER, *rows])
    return target.getvalue()


def test_nothing_is_booked_before_another_person_confirms(outpatients: Outpatients, hospital: Hospital) -> None:
    counted = count(outpatients, outpatients.file())
    assert (counted.import_no, counted.accepted, counted.rejected, counted.total) == (1, 5, 0, Money(519450))
    assert hospital.count("ledger_entry") == 0
    assert not outpatients.account("M001").is_open
    with pytest.raises(Conflict, match="还没有入账"):
        outpatients.accept("M001")
    confirm_import(outpatients.context, APPROVER, 1)
    assert state(outpatients.context) == "booked"
    assert hospital.balance("1002") == Money(519450)
    assert hospital.balance("23050102:M001") == Money(-6450)
    assert hospital.balance("230502:M004") == Money(-500000)
    assert outpatients.account("M005").is_open
    assert outpatients.accept("M001").claim_id


def test_nothing_moves_after_the_day_of_the_balances(outpatients: Outpatients, hospital: Hospital) -> None:
    """Such a day would put the three years off: the row is set aside, the day itself is none."""
    rows = tuple((f"D{at}", "某", "", "", "1.00", f"2025-12-0{at}", "", "") for at in (1, 2))
    counted = count(outpatients, outpatients.file(rows))
    assert (counted.accepted, counted.rejected) == (1, 1)
    assert hospital.count("outpatient_rejection", "code = 'date_ahead' AND line = 3") == 1


def test_a_shifted_row_keeps_no_number_of_a_person(outpatients: Outpatients, hospital: Hospital) -> None:
    rows = (
        ("S1", "某", "", "", "1.00", "2025-11-01", "11010519491231002X", ""),
        ("S2", "某", "", "", "13800000001", "2025-11-01", "110105491231002", ""),
        ("S3", "某", "", "", "11010519491231002X", "", "", ""),
        ("S4", "某", "", "", "1.00", "2025-11-01", "", ""),
    )
    assert count(outpatients, outpatients.file(rows)).rejected == 3
    for number in ("11010519491231002", "110105491231002", "13800000001"):
        assert hospital.count("outpatient_rejection", f"message LIKE '%{number}%'") == 0


def test_a_helping_process_that_is_lost_stores_nothing_and_says_so(
    outpatients: Outpatients, hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Lost(census_intake.ProcessPoolExecutor):
        def submit(self, *_: object, **__: object) -> Future[Any]:  # type: ignore[override]
            return super().submit(os._exit, 1)

    monkeypatch.setattr(census_intake, "ProcessPoolExecutor", Lost)
    monkeypatch.setattr(census_intake, "_LONG", 0)
    monkeypatch.setattr(census_intake.os, "sched_getaffinity", lambda _: {0, 1})
    with pytest.raises(Conflict, match="一条也没有存"):
        count(outpatients, outpatients.file())
    assert hospital.count("outpatient_account") == 0


def test_a_files_name_keeps_no_number_of_a_patient(outpatients: Outpatients, hospital: Hospital) -> None:
    count_accounts(outpatients.context, OFFICER, outpatients.file(), "吴甲11010519491231002X.csv", DAY)
    assert hospital.count("outpatient_import", "file_name LIKE '%11010519491231002X%'") == 0
    assert hospital.count("audit_event", "subject LIKE '%11010519491231002X%'") == 0


def test_whoever_counted_doesnt_confirm_and_a_clerk_does_neither(outpatients: Outpatients) -> None:
    both = type(OFFICER)(INSTITUTION, OFFICER.actor_id, "两职", OFFICER.roles | APPROVER.roles)
    count(outpatients, outpatients.file())
    with pytest.raises(SecondPersonRequired):
        confirm_import(outpatients.context, both, 1)
    with pytest.raises(SecondPersonRequired):
        refuse_import(outpatients.context, both, 1, "数错了")
    with pytest.raises(NotPermitted):
        refuse_import(outpatients.context, OFFICER, 1, "数错了")
    with pytest.raises(NotPermitted):
        confirm_import(outpatients.context, OFFICER, 1)
    with pytest.raises(NotPermitted):
        count_accounts(outpatients.context, CLERK, outpatients.file(), "x", DAY)
    assert state(outpatients.context) == "counted"


def test_a_booking_cut_short_between_parts_goes_on_where_it_stopped(
    outpatients: Outpatients, hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(census, "ACCOUNTS_AN_ENTRY", 2)
    monkeypatch.setattr(census, "PARTS_AT_ONCE", 1)
    count(outpatients, outpatients.file())

    def die(done: int, whole: int) -> None:
        if done >= 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        confirm_import(outpatients.context, APPROVER, 1, die)
    assert state(outpatients.context) == "confirmed"
    assert hospital.count("ledger_entry") == 2
    with pytest.raises(Conflict):
        drop_import(outpatients.context, OFFICER, 1, "不要了")
    told: list[tuple[int, int]] = []
    confirm_import(outpatients.context, actor(Role.FINANCE_APPROVER, "2"), 1, lambda *at: told.append(at))
    assert told == [(5, 5)]
    assert state(outpatients.context) == "booked"
    assert hospital.balance("1002") == Money(519450)
    assert hospital.count("ledger_posting", "account_id LIKE '23050102:%' OR account_id LIKE '230502:%'") == 4
    with pytest.raises(Conflict):
        confirm_import(outpatients.context, APPROVER, 1)
    assert hospital.balance("1002") == Money(519450)


@pytest.mark.parametrize("at_once", [1, 2])
def test_a_booking_that_somebody_else_takes_over_passes_over_what_they_opened(
    outpatients: Outpatients, hospital: Hospital, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(census, "ACCOUNTS_AN_ENTRY", 2 if at_once == 1 else 1)
    monkeypatch.setattr(census, "PARTS_AT_ONCE", at_once)
    count(outpatients, outpatients.file())
    told: list[tuple[int, int]] = []

    def take_over(done: int, whole: int) -> None:
        # The other opens one part and dies; this one holds that part ready already.
        told.append((done, whole))
        if len(told) == 1:
            with pytest.raises(KeyboardInterrupt):
                confirm_import(outpatients.context, actor(Role.FINANCE_APPROVER, "2"), 1, die)

    def die(done: int, whole: int) -> None:
        raise KeyboardInterrupt

    confirm_import(outpatients.context, APPROVER, 1, take_over)
    if at_once == 1:
        assert told == [(2, 5), (3, 5)]
    assert state(outpatients.context) == "booked"
    assert hospital.balance("1002") == Money(519450)
    assert hospital.count("ledger_posting", "account_id LIKE '23050102:%' OR account_id LIKE '230502:%'") == 4


def test_parts_opened_at_once_come_to_the_same_books_and_one_that_fails_leaves_the_others(
    outpatients: Outpatients, hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(census, "ACCOUNTS_AN_ENTRY", 1)
    count(outpatients, outpatients.file())
    real = census._open_part

    def fail_once(context: Context, actor: Actor, found: ImportState, part: Any) -> bool:
        if part.first == "M002":
            raise RuntimeError("the line was lost")
        return real(context, actor, found, part)

    monkeypatch.setattr(census, "_open_part", fail_once)
    with pytest.raises(RuntimeError):
        confirm_import(outpatients.context, APPROVER, 1)
    assert state(outpatients.context) == "confirmed"
    assert hospital.count("ledger_account", "account_id = '23050102:M002'") == 0
    monkeypatch.setattr(census, "_open_part", real)
    confirm_import(outpatients.context, APPROVER, 1)
    assert state(outpatients.context) == "booked"
    assert hospital.balance("1002") == Money(519450)
    assert hospital.count("ledger_posting", "account_id LIKE '23050102:%' OR account_id LIKE '230502:%'") == 4


FORMS: dict[str, Callable[[str], bytes]] = {
    "plain": str.encode,
    "lines of another kind": lambda text: text.replace("\r\n", "\n").encode("utf-8-sig"),
    "quoted": lambda text: text.replace("李某1,", '"李某1",').encode(),
    "of another encoding": lambda text: text.encode("gb18030"),
    "with empty rows": lambda text: text.replace("L00007,", ",,,,,,,\r\nL00007,").encode(),
    "with blank lines": lambda text: text.replace("L00007,", "\r\n\r\nL00007,").encode(),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_long_file_is_read_by_several_processes_as_by_one(
    outpatients: Outpatients, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    rows = tuple(
        (f"L{n:05}", f"李某{n}", "", "", f"{n % 90}.{n % 100:02}", "2019-01-05", "", "现金") for n in range(2_500)
    )
    wrong = (
        *ROWS,
        *DOUBTFUL,
        *rows[:1_200],
        ("L00001", "李某", "", "", "1.00", "", "", ""),
        *rows[1_200:],
        ("", "无号", "", "", "1", "", "", ""),
    )
    path = tmp_path / "long.csv"
    path.write_bytes(FORMS[form](text_of(wrong)))
    seen = []
    for long in (10**12, 0):
        monkeypatch.setattr(census_intake, "_LONG", long)
        folder = tmp_path / str(long)
        folder.mkdir()
        intake = census_intake.Intake(folder)
        with open_table(path) as table:
            sealer = Sealer(AccountReader(table), outpatients.context.settings, INSTITUTION)
            parts = census_intake.sealed_parts(sealer, table, None)
            taken = b"".join([intake.take(part) for part in census_intake.spooled(parts, folder / "parts.bin")])
            taken += b"".join(intake.rest())
        cells = sorted(line.split("\t") for line in taken.decode().splitlines())
        # Of the encrypted cell only whether there is one: its nonce differs each time.
        lines = [[*cell[:4], cell[4] != "", *cell[5:]] for cell in cells]
        seen.append((intake.accepted, intake.total_fen, intake.rejected, table.sha256, lines, intake.doubts))
    assert seen[0] == seen[1]
    assert seen[0][0] == len(ROWS) + 5 + 2_500
    codes = [one.code for one in seen[0][2]]
    assert codes == ["duplicate_account", "duplicate_account", "missing_value"]
    assert [one.rows for one in seen[0][5]] == [2, 1, 2, 2, 1]


@pytest.mark.parametrize("checksums", [1, 3])
def test_numbers_that_share_a_checksum_all_go_in_and_repeated_ones_are_told(
    outpatients: Outpatients, hospital: Hospital, monkeypatch: pytest.MonkeyPatch, checksums: int
) -> None:
    monkeypatch.setattr(sealing, "CHECKSUMS", checksums)
    monkeypatch.setattr(census_intake, "CHECKSUMS", checksums)
    monkeypatch.setattr(census_intake, "_PART", 2)
    again = (*ROWS, ("M002", "某", "", "", "9.00", "2020-01-05", "", ""), ("M001", "某", "", "", "9.00", "", "", ""))
    counted = count(outpatients, outpatients.file(again))
    assert (counted.accepted, counted.rejected) == (len(ROWS), 2)
    assert hospital.count("outpatient_account") == len(ROWS)
    assert hospital.count("outpatient_account", "opening_fen = 900") == 0
    assert hospital.count("outpatient_rejection", "code = 'duplicate_account'") == 2
    confirm_import(outpatients.context, APPROVER, 1)
    assert state(outpatients.context) == "booked"


def test_parts_that_another_process_reads_ahead_come_to_the_same_books(
    outpatients: Outpatients, hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(census, "ACCOUNTS_AN_ENTRY", 2)
    monkeypatch.setattr(census_parts, "_LONG", 0)
    monkeypatch.setattr(census_parts.os, "sched_getaffinity", lambda _: {0, 1})
    asked: list[str] = []

    class Ahead(census_parts.Ahead):
        def _submit(self, after: str, now: datetime) -> Future[census_parts.Part | None]:
            if self._process and self._started:
                self._started.result()
                asked.append(after)
            return super()._submit(after, now)

    monkeypatch.setattr(census_parts, "Ahead", Ahead)
    count(outpatients, outpatients.file())
    confirm_import(outpatients.context, APPROVER, 1)
    # Where several write at once, threads do it.
    assert asked == (["", "M002", "M004", "M005"] if outpatients.context.database.writers == 1 else [])
    assert state(outpatients.context) == "booked"
    assert hospital.balance("1002") == Money(519450)
    assert hospital.balance("23050102:M001") == Money(-6450)
    assert hospital.count("ledger_posting", "account_id LIKE '23050102:%' OR account_id LIKE '230502:%'") == 4


def test_a_process_that_is_lost_is_done_without(outpatients: Outpatients, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(census, "ACCOUNTS_AN_ENTRY", 2)
    monkeypatch.setattr(census_parts, "_LONG", 0)
    monkeypatch.setattr(census_parts.os, "sched_getaffinity", lambda _: {0, 1})
    lost: list[str] = []

    class Ahead(census_parts.Ahead):
        def _submit(self, after: str, now: datetime) -> Future[census_parts.Part | None]:
            if self._process and self._started and not lost:
                self._started.result()
                lost.append(after)
                return cast("Future[census_parts.Part | None]", self._process.submit(os._exit, 1))
            return super()._submit(after, now)

    monkeypatch.setattr(census_parts, "Ahead", Ahead)
    count(outpatients, outpatients.file())
    confirm_import(outpatients.context, APPROVER, 1)
    assert lost == ([""] if outpatients.context.database.writers == 1 else [])
    assert state(outpatients.context) == "booked"


@pytest.mark.parametrize("database_urls", ["sqlite"], indirect=True)
def test_look_up_indexes_are_there_again_after_many_accounts(
    outpatients: Outpatients, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = outpatients.context.database
    query = sa.text("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'outpatient_account'")
    with database.reading() as connection:
        before = sorted((str(name), str(text)) for name, text in connection.execute(query))
    monkeypatch.setattr(late_indexes, "_MANY", 1)
    made: list[str] = []
    real = late_indexes._look_ups
    monkeypatch.setattr(
        late_indexes, "_look_ups", lambda *at: made.extend(name for name, _ in real(*at)) or real(*at)
    )
    count(outpatients, outpatients.file())
    assert set(made) == {"ix_outpatient_account__certno", "ix_outpatient_account__phone"}
    with database.reading() as connection:
        assert sorted((str(name), str(text)) for name, text in connection.execute(query)) == before
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
    # Fewer than are there already: the indexes grow.
    made.clear()
    count(outpatients, outpatients.file((("N1", "新", "", "", "1.00", "2024-01-01", "", ""),)))
    assert made == []


@pytest.mark.parametrize("account_no", ["M001", "M004"])
def test_nobody_claims_while_the_import_is_booked_in_part(
    outpatients: Outpatients, hospital: Hospital, monkeypatch: pytest.MonkeyPatch, account_no: str
) -> None:
    monkeypatch.setattr(census, "ACCOUNTS_AN_ENTRY", 4)
    count(outpatients, outpatients.file())

    def die(done: int, whole: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        confirm_import(outpatients.context, APPROVER, 1, die)
    with pytest.raises(Conflict):
        outpatients.accept(account_no, certno="")
    assert hospital.count("outpatient_claim") == 0


def test_the_same_file_is_counted_once_until_it_is_dropped(outpatients: Outpatients, hospital: Hospital) -> None:
    path = outpatients.file()
    count(outpatients, path)
    with pytest.raises(Conflict, match="已经导入过"):
        count(outpatients, path, "换了名字.csv")
    with pytest.raises(MalformedInput, match="为什么作废"):
        drop_import(outpatients.context, OFFICER, 1, "  ")
    drop_import(outpatients.context, OFFICER, 1, "传错了文件")
    assert hospital.count("outpatient_account") == 0
    assert state(outpatients.context) == "dropped"
    with pytest.raises(Conflict):
        confirm_import(outpatients.context, APPROVER, 1)
    assert count(outpatients, path).import_no == 2
    with pytest.raises(NotFound):
        confirm_import(outpatients.context, APPROVER, 3)


def test_accounts_that_are_there_are_set_aside_and_the_rest_is_taken(outpatients: Outpatients) -> None:
    outpatients.census()
    second = count(outpatients, outpatients.file((*ROWS[:2], ("N1", "新", "", "", "1.00", "2024-01-01", "", ""))))
    assert (second.import_no, second.accepted, second.rejected, second.total) == (2, 1, 2, Money(100))
    assert rejected(outpatients.context, 2) == [(2, "known_account"), (3, "known_account")]
    confirm_import(outpatients.context, APPROVER, 2)
    assert outpatients.account("M001").balance_fen == 6450
    assert outpatients.account("N1").balance_fen == 100
    with pytest.raises(NoUsableRow) as refused:
        count(outpatients, outpatients.file(ROWS[:1]))
    assert "以前已经导入" in refused.value.details["lines"][0]


@pytest.mark.parametrize("heading", ["病人ID", "患者id", " 患者号 "])
def test_a_heading_is_known_however_its_letters_are_written(outpatients: Outpatients, heading: str) -> None:
    rows = [(*ROWS[0], "P0001")]
    confirm_import(
        outpatients.context, APPROVER, count(outpatients, outpatients.file(rows, (*HEADER, heading))).import_no
    )
    assert outpatients.account("M001").patient_no == "P0001"


def test_each_row_that_cant_be_taken_is_told_with_its_reason(outpatients: Outpatients) -> None:
    rows = (
        ("A1", "甲", "", "", "-3.00", "2020-01-01", "", ""),
        ("", "乙", "", "", "3.00", "2020-01-01", "", ""),
        ("A2", "丙", "", "", "", "2020-01-01", "", ""),
        ("A3", "丁", "", "", "三元", "2020-01-01", "", ""),
        ("A4", "戊", "", "", "3.00", "2020-01-01", "彩票", ""),
        ("A5", "=cmd()", "", "", "3.00", "2020-01-01", "", ""),
        ("A6", "己", "", "", "3.00", "很久以前", "", ""),
        ("A6", "己", "", "", "4.00", "2020-01-01", "", ""),
        ("A7", "庚", "", "", "1,234.50", "2020-01-01", "", ""),
        ("A8", "辛", "", "", "0.001", "2020-01-01", "", ""),
    )
    counted = count(outpatients, outpatients.file(rows))
    assert (counted.accepted, counted.total) == (2, Money(300 + 123450))
    codes = dict(rejected(outpatients.context))
    assert codes[2] == "negative_amount"
    assert codes[3] == codes[4] == "missing_value"
    assert codes[6] == "unknown_kind"
    assert codes[7] == "formula"
    assert codes[9] == "duplicate_account"
    assert set(codes) == {2, 3, 4, 5, 6, 7, 8, 9, 11}
    assert codes[8] == "unreadable_day", "taken, and named"
    assert (counted.rejected, counted.doubtful) == (8, 1)
    assert outpatients.account("A6").last_movement_on is None


def test_a_file_without_one_usable_row_leaves_nothing_but_the_refusal(
    outpatients: Outpatients, hospital: Hospital
) -> None:
    with pytest.raises(NoUsableRow):
        count(outpatients, outpatients.file((("A1", "甲", "", "", "-3", "", "", ""),)))
    with pytest.raises(MalformedInput, match="今天之后"):
        count_accounts(outpatients.context, OFFICER, outpatients.file(), "x.csv", date(2026, 1, 16))
    assert hospital.count("outpatient_import") == 0
    assert hospital.count("audit_event", "action = 'outpatient.count' AND outcome = 'refused'") == 2


def test_an_old_number_and_a_new_one_are_one_person_and_are_kept_as_written(outpatients: Outpatients) -> None:
    rows = (
        ("A1", "甲", "110105491231002", "+86 138-0000-0001", "1", "2020-01-01", "", ""),
        ("A2", "甲", "11010519491231002x", "13800000001", "1", "2020-01-01", "", ""),
        ("A3", "甲", "11010519491231002X", "１３８", "1", "2020-01-01", "", ""),
        ("A4", "SMITH JOHN", "E12345678", "", "1", "2020-01-01", "", ""),
        ("A5", "吴甲之女", "", "0851-12345678", "1", "2020-01-01", "", ""),
        ("A6", "", "", "", "1", "2020-01-01", "", ""),
    )
    count(outpatients, outpatients.file(rows))
    found = {number: outpatients.account(number) for number in ("A1", "A2", "A3", "A4", "A5", "A6")}
    hashes = outpatients.context.keyed_hash.candidates("11010519491231002X", institution=INSTITUTION, field=CERTNO)
    assert {found[number].certno_hash in hashes for number in ("A1", "A2", "A3")} == {True}
    assert found["A1"].certno_hash == found["A2"].certno_hash == found["A3"].certno_hash
    phone = outpatients.context.keyed_hash.candidates("13800000001", institution=INSTITUTION, field=PHONE)
    assert found["A1"].phone_hash in phone
    assert found["A1"].phone_hash == found["A2"].phone_hash
    assert (found["A3"].phone_hash, found["A3"].reach) == ("", "identity")
    assert found["A4"].certno_hash != ""
    assert found["A4"].reach == "identity"
    assert (found["A5"].certno_hash, found["A5"].reach) == ("", "phone")
    assert (found["A6"].personal, found["A6"].reach) == ("", "none")
    assert "110105" not in found["A1"].personal
    plain = outpatients.context.cipher.decrypt(found["A1"].personal, institution=INSTITUTION, field=PERSONAL)
    assert '"110105491231002"' in plain


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_every_encoding_gives_the_same_accounts(outpatients: Outpatients, tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(text_of().encode(encoding))
    assert count(outpatients, path).total == Money(519450)
    assert outpatients.account("M003").holder_name == "罗丙之子"
    assert outpatients.account("M004").kind == "group_checkup"


def test_a_workbook_gives_the_same_accounts(outpatients: Outpatients, tmp_path: Path) -> None:
    path = tmp_path / "x.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        day = book.add_format({"num_format": "yyyy/m/d"})
        sheet.write_row(0, 0, HEADER)
        for at, (number, name, certno, phone, balance, moved, kind, channel) in enumerate(ROWS, 1):
            sheet.write_row(at, 0, (number, name, certno, phone))
            sheet.write_number(at, 4, float(balance))
            sheet.write_datetime(at, 5, datetime.fromisoformat(moved), day)
            sheet.write_row(at, 6, (kind, channel))
    assert count(outpatients, path, "x.xlsx").total == Money(519450)
    found = outpatients.account("M001")
    assert (found.last_movement_on, found.channel) == (date(2020, 3, 1), "cash")


def test_letters_that_need_care_in_a_line_come_back_as_they_were(outpatients: Outpatients) -> None:
    rows = (
        (r"A\1", r"反\斜", "", "", "1", "2020-01-01", "", ""),
        ("A:2", r"\N", "", "", "2", "2020-01-01", "", ""),
        ("A'3", "引'号", "", "", "3", "2020-01-01", "", ""),
        ("a:2", "大小写不同是两个账户", "", "", "4", "2020-01-01", "", ""),
    )
    outpatients.census(rows)
    for number, name, *_, fen in (
        (r"A\1", r"反\斜", 100),
        ("A:2", r"\N", 200),
        ("A'3", "引'号", 300),
        ("a:2", "大小写不同是两个账户", 400),
    ):
        found = outpatients.account(number)
        assert (found.holder_name, found.balance_fen) == (name, fen)


def test_one_account_has_one_number_however_it_is_typed(outpatients: Outpatients) -> None:
    row = ROWS[0][1:]
    numbers = ("M001", "Ｍ００１", "M 001", "M　001", "M001\u200b", "M-001")
    path = outpatients.file([(number, *row) for number in numbers])
    counted = count_accounts(outpatients.context, OFFICER, path, "x.csv", date(2025, 12, 1))
    assert (counted.accepted, counted.rejected) == (2, 4)
    assert outpatients.account("M001").opening_fen == outpatients.account("M-001").opening_fen == 6450


DOUBTFUL = (
    ("Q1", "甲", "110105194912310021", "12345", "1.00", "2020-01-01", "", "一卡通"),
    ("Q2", "乙", "123", "000-00000000", "2.00", "2020-01-01", "", "医院卡13800000001"),
    ("Q2", "乙", "124", "12", "2.00", "2020-01-01", "", "花呗"),
    ("Q3", "丙", "110105491331002", "13800000001", "4.00", "2020-01-01", "", "不详"),
    ("Q4", "丁", OWN, "0851-85550000", "8.00", "", "", "POS"),
    ("Q5", "戊", "", "", "0.00", "2020/13/1", "", ""),
)


@pytest.mark.clause("guizhou-deposit-2025/7")
def test_what_doesnt_look_right_is_taken_and_told_before_it_is_confirmed(outpatients: Outpatients) -> None:
    """Nobody loses money by a slip of a legacy register; what isn't taken is told of by its own reason alone."""
    counted = count(outpatients, outpatients.file(DOUBTFUL))
    assert (counted.accepted, counted.rejected, counted.total) == (5, 1, Money(1500))
    assert [(one.kind, one.rows, one.lines) for one in counted.doubts] == [
        (Doubt.RESIDENT_ID, 2, (2, 5)),
        (Doubt.CERTNO, 1, (3,)),
        (Doubt.PHONE, 2, (2, 3)),
        (Doubt.CHANNEL, 2, (2, 3)),
        (Doubt.NO_DAY, 1, (6,)),
    ]
    assert counted.doubtful == 1, "a day that can't be read is told by its row"
    assert counted.doubts[3].words[:1] == ("一卡通",)
    assert "13800000001" not in counted.doubts[3].what
    assert register.review_import(outpatients.context, APPROVER, 1, 1).doubted == counted.doubts
    confirm_import(outpatients.context, APPROVER, 1)
    found = [outpatients.account(number) for number in ("Q1", "Q2", "Q3", "Q4")]
    assert [(one.balance_fen, one.reach, one.channel) for one in found] == [
        (100, "identity", "unknown"),
        (200, "identity", "unknown"),
        (400, "phone", "unknown"),
        (800, "phone", "card"),
    ]


def test_many_doubts_are_a_number_and_their_first_lines(outpatients: Outpatients, hospital: Hospital) -> None:
    rows = [(f"N{n:03}", "某", "", "12345", "1.00", "2020-01-01", "", f"途径{n}") for n in range(50)]
    phones, channels = count(outpatients, outpatients.file(rows)).doubts
    assert (phones.rows, phones.lines, phones.words) == (50, tuple(range(2, 12)), ())
    assert channels.words == tuple(f"途径{n}" for n in range(5))
    assert phones.where.endswith("、11 行 等")
    assert hospital.count("outpatient_rejection") == 0
