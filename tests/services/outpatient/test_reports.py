"""The register, filings, batches, advances and the progress as files: what stands in them, masked, bounded, exact."""

from __future__ import annotations

import io
import json
import tracemalloc
import zipfile
from datetime import UTC, date, datetime
from typing import IO, Any

import pytest
import sqlalchemy as sa
from python_calamine import CalamineWorkbook

from hospital_prepay.clock import SHANGHAI
from hospital_prepay.domain.errors import MalformedInput, NotFound
from hospital_prepay.domain.money import Money
from hospital_prepay.files import exports
from hospital_prepay.files.exports import Stream, stream_workbook
from hospital_prepay.persistence.outpatient_register import Narrowed
from hospital_prepay.services.outpatient import list_papers, payouts, register
from hospital_prepay.services.outpatient.advance_papers import advances_file
from hospital_prepay.services.outpatient.batch_files import batch_paper
from hospital_prepay.services.outpatient.filing_papers import filing_list
from hospital_prepay.services.outpatient.progress import progress_file, read_progress
from hospital_prepay.services.outpatient.register_papers import narrowed_words, register_file
from tests.hospital import Hospital
from tests.services.outpatient.conftest import CLERK, OFFICER, PAYER, Outpatients
from tests.services.outpatient.test_duties import filed, remitted

pytestmark = pytest.mark.clause("guizhou-deposit-2025/7", "guizhou-deposit-2025/8")


def sheet(made: IO[bytes], title: str) -> list[list[Any]]:
    with made:
        return CalamineWorkbook.from_filelike(made).get_sheet_by_name(title).to_python()


def at(outpatients: Outpatients, *moment: int) -> None:
    outpatients.context.clock.moment = datetime(*moment, 10, tzinfo=SHANGHAI).astimezone(UTC)  # type: ignore[arg-type,attr-defined]


def pdf(made: IO[bytes]) -> bytes:
    with made:
        content = made.read()
    assert content.startswith(b"%PDF")
    return content


def test_the_register_as_a_file_is_the_list_of_the_page(outpatients: Outpatients) -> None:
    outpatients.census()
    rows = sheet(register_file(outpatients.context, OFFICER, Narrowed(deposits=True), "xlsx"), "台账")
    listed = register.search(outpatients.context, OFFICER, Narrowed(deposits=True), 1)
    assert (
        [row[1] for row in rows[1:-1]]
        == [row.account_no for row, _ in listed.rows]
        == ["M001", "M002", "M003", "M005"]
    )
    assert [row[2:5] for row in rows[1:-1]] == [
        [row.holder_name, contact.certno, contact.phone] for row, contact in listed.rows
    ]
    assert rows[-1][-1] == 194.5
    narrowed = Narrowed(year=2019, state="open", text="", channel="card")
    assert [row[1] for row in sheet(register_file(outpatients.context, OFFICER, narrowed, "xlsx"), "台账")[1:-1]] == [
        "M003"
    ]
    assert narrowed_words(narrowed) == "待清退，2019 年最后变动，银行卡"
    found = Narrowed(text="13800000002")
    assert [row[1] for row in sheet(register_file(outpatients.context, OFFICER, found, "xlsx"), "台账")[1:-1]] == [
        "M002"
    ]


def test_names_and_numbers_are_masked_as_on_pages_and_every_file_is_on_record(
    outpatients: Outpatients, hospital: Hospital
) -> None:
    outpatients.census()
    masked = str(sheet(register_file(outpatients.context, OFFICER, Narrowed(), "xlsx"), "台账"))
    called = str(sheet(register_file(outpatients.context, CLERK, Narrowed(text="13800000001"), "xlsx"), "台账"))
    assert ("吴甲" in masked, "吴甲" in called) == (False, True)
    for made in (masked, called):
        assert "11010519491231002X" not in made
        assert "13800000001" not in made
    with hospital.context.database.reading() as connection:
        query = "SELECT detail FROM audit_event WHERE action = 'outpatient.export_register'"
        kept = [json.loads(one) if isinstance(one, str) else one for one in connection.scalars(sa.text(query))]
    assert {(one["accounts"], one["names"], one["narrowed"]) for one in kept} == {
        (5, False, "全部"),
        (1, True, "按查找内容"),
    }
    assert "13800000001" not in str(kept)


def test_text_that_begins_like_a_formula_stays_text() -> None:
    with stream_workbook([Stream("表", (("甲",),), [("=1+1",), ("+1",), ("-1",), ("@x",), (Money(5),)])]) as made:
        content = made.read()
        made.seek(0)
        rows = CalamineWorkbook.from_filelike(made).get_sheet_by_name("表").to_python()
    assert rows == [["甲"], ["=1+1"], ["+1"], ["-1"], ["@x"], [0.05]]
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert b"<f>" not in archive.read("xl/worksheets/sheet1.xml")


def test_rows_beyond_a_sheet_go_on_in_another_under_the_same_headings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "_ROWS_OF_A_SHEET", 2)
    with stream_workbook([Stream("名单", (("号",),), ((number,) for number in range(5)))]) as made:
        book = CalamineWorkbook.from_filelike(made)
        assert [book.get_sheet_by_name(name).to_python() for name in book.sheet_names] == [
            [["号"], [0.0], [1.0]],
            [["号"], [2.0], [3.0]],
            [["号"], [4.0]],
        ]


def test_memory_stays_flat_however_long_the_list() -> None:
    def peak(rows: int) -> int:
        tracemalloc.start()
        stream_workbook([Stream("名单", (), ((n, f"M{n:08}", "某某", Money(n)) for n in range(rows)))]).close()
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    few = peak(1_000)
    assert peak(40_000) < few + 1_000_000


def test_a_list_too_long_to_print_says_what_to_do(outpatients: Outpatients, monkeypatch: pytest.MonkeyPatch) -> None:
    outpatients.census()
    pdf(register_file(outpatients.context, OFFICER, Narrowed(), "pdf"))
    monkeypatch.setattr(list_papers, "PDF_ROWS", 3)
    with pytest.raises(MalformedInput, match=r"有 5 行，PDF 最多 3 行。请下载 XLSX，或者先筛选"):
        register_file(outpatients.context, OFFICER, Narrowed(), "pdf")
    pdf(register_file(outpatients.context, OFFICER, Narrowed(year=2019), "pdf"))
    register_file(outpatients.context, OFFICER, Narrowed(), "xlsx").close()
    monkeypatch.setattr(list_papers, "XLSX_ROWS", 4)
    with pytest.raises(MalformedInput, match=r"有 5 行，一个文件最多 4 行。请按年份"):
        register_file(outpatients.context, OFFICER, Narrowed(), "xlsx").close()
    register_file(outpatients.context, OFFICER, Narrowed(year=2019), "xlsx").close()
    with pytest.raises(NotFound):
        register_file(outpatients.context, OFFICER, Narrowed(), "docx")


@pytest.fixture
def gone(outpatients: Outpatients) -> Outpatients:
    """M001 and M003 remitted, M001 paid ahead afterwards."""
    outpatients.census()
    at(outpatients, 2025, 12, 31)
    filed(outpatients, "M001", "M003", on=date(2025, 12, 25))
    remitted(outpatients, 2025, date(2025, 12, 31))
    at(outpatients, 2026, 3, 2)
    payouts.pay_cash(outpatients.context, PAYER, outpatients.confirmed("M001"), "LK-9")
    return outpatients


def test_a_filing_is_printed_with_its_sum_and_masked(gone: Outpatients) -> None:
    pdf(filing_list(gone.context, OFFICER, 1, "pdf"))
    made = filing_list(gone.context, OFFICER, 1)
    rows = sheet(made, "名单")
    assert [row[1] for row in rows[1:-1]] == ["M001", "M003"]
    assert rows[-1][7] == 94.5
    assert "吴甲" not in str(rows)


def test_a_batch_is_printed_with_its_voucher_and_names_nobody(gone: Outpatients) -> None:
    pdf(batch_paper(gone.context, OFFICER, 1, "pdf"))
    made = batch_paper(gone.context, OFFICER, 1, "xlsx")
    cover = str(sheet(made, "说明"))
    assert "2025-12-31，缴款书 缴款书1" in cover
    assert "吴甲" not in str(sheet(batch_paper(gone.context, OFFICER, 1, "xlsx"), "名单"))


def test_what_was_paid_ahead_stands_with_its_list(gone: Outpatients) -> None:
    pdf(advances_file(gone.context, OFFICER, "pdf"))
    rows = sheet(advances_file(gone.context, OFFICER, "xlsx"), "先垫后补")
    assert rows[1][2] == "M001"
    assert rows[1][5:] == [64.5, 0.0, 64.5, "等列入"]
    assert rows[-1][5:7] == [64.5, 0.0]


def test_the_progress_of_a_past_day_reads_as_it_read_then(gone: Outpatients) -> None:
    def told(on: date) -> dict[str, tuple[int, int, int, int, int]]:
        found = read_progress(gone.context, OFFICER, on)
        assert all(
            [sum(getattr(line, name) for line in lines) for name in ("accounts", "in_fen", "balance_fen")]
            == [found.whole.accounts, found.whole.in_fen, found.whole.balance_fen]
            for lines in found.tables.values()
        )
        return {
            one.label: (one.accounts, one.in_fen, one.refunded_fen, one.remitted_fen, one.balance_fen)
            for one in found.tables["按清退情况"]
        }

    opened = gone.context.clock.today()
    assert told(date(2025, 1, 1)) == {}
    at(gone, 2027, 3, 3)
    claim_id = gone.confirmed("M002", claimant_name="李乙")
    payouts.pay_cash(gone.context, PAYER, claim_id, "LK-10")
    assert told(opened) == {
        "清查时没有余额": (1, 0, 0, 0, 0),
        "有余额，没有备案": (1, 10000, 0, 0, 10000),
        "已转应缴或上缴财政": (2, 9450, 0, 9450, 0),
    }
    assert told(date(2027, 3, 3)) == {
        "清查时没有余额": (1, 0, 0, 0, 0),
        "已退完": (1, 10000, 10000, 0, 0),
        "已转应缴或上缴财政": (2, 9450, 0, 9450, 0),
    }
    with pytest.raises(MalformedInput, match="还没有到"):
        read_progress(gone.context, OFFICER, date(2027, 3, 4))
    pdf(progress_file(gone.context, OFFICER, None, "pdf"))
    rows = sheet(progress_file(gone.context, OFFICER, opened, "xlsx"), "清退进度")
    assert rows[-1] == ["合计", "", 4.0, 194.5, 0.0, 94.5, 100.0, 64.5]
    later = read_progress(gone.context, OFFICER, None)
    assert [(one.label, one.paid_fen) for one in later.tables["按清退情况"] if one.paid_fen] == [
        ("已转应缴或上缴财政", 6450)
    ]
    assert later.whole.paid_fen == 6450


def test_what_is_filed_by_the_day_shows_as_filed(outpatients: Outpatients) -> None:
    outpatients.census()
    at(outpatients, 2026, 1, 19)
    filed(outpatients, "M003", on=date(2026, 1, 19))
    labels = {
        one.label: one.balance_fen for one in read_progress(outpatients.context, OFFICER, None).tables["按清退情况"]
    }
    assert labels == {"清查时没有余额": 0, "有余额，没有备案": 16450, "有余额，已备案": 3000}
    whole, shown = (
        read_progress(outpatients.context, OFFICER, None).whole,
        register.overview(outpatients.context, OFFICER),
    )
    assert (whole.accounts, whole.balance_fen) == (shown.whole.accounts, shown.whole.balance_fen)
