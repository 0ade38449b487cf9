"""Papers of what was taken back, refused or not approved say so at their head; what is checked by machines stays."""

from __future__ import annotations

import hashlib
import io
import zipfile
from datetime import date
from typing import IO

import pytest
from docx import Document
from python_calamine import CalamineWorkbook

from hospital_prepay.domain.errors import Conflict
from hospital_prepay.services.outpatient import advances, escheat, filing, payouts, proposals
from hospital_prepay.services.outpatient.advance_papers import advance_form, advance_list
from hospital_prepay.services.outpatient.batch_files import batch_list, batch_paper, list_mark
from hospital_prepay.services.outpatient.ended import ended_words
from hospital_prepay.services.outpatient.filing_papers import filing_letter, filing_list, reveal_filing
from tests.services.outpatient.conftest import APPROVER, OFFICER, OWN, PAYER, Outpatients
from tests.services.outpatient.test_duties import REMITTER, REVIEWERS, at, filed, frozen
from tests.services.outpatient.test_sums import printed

pytestmark = pytest.mark.clause("guizhou-deposit-2025/8")


def cover(made: IO[bytes]) -> tuple[list[str], str]:
    """The first cells of the first sheet, and the top of the other sheet's printed pages."""
    with made:
        content = made.read()
    rows = CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0).to_python()
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        sheet = parts.read("xl/worksheets/sheet2.xml").decode()
    return [str(row[0]) for row in rows], sheet.partition("<oddHeader>")[2].partition("</oddHeader>")[0]


def stamped(words: str, book: IO[bytes], *pdfs: IO[bytes] | bytes) -> None:
    """The workbook has ``words`` under its title and above each printed page, a PDF near its top."""
    labels, over = cover(book)
    assert labels[1] == words
    assert over.endswith(words)
    for pdf in pdfs:
        assert words.replace(" ", "") in printed(pdf)[: len(words) + 60]


def lines(docx: bytes) -> list[str]:
    return [one.text for one in Document(io.BytesIO(docx)).paragraphs]


@pytest.fixture
def due(outpatients: Outpatients) -> Outpatients:
    """M001 and M003 filed, on the day of remitting."""
    outpatients.census()
    at(outpatients, 2025, 12, 31)
    filed(outpatients, "M001", "M003", on=date(2025, 12, 25))
    return outpatients


@pytest.fixture
def paid(due: Outpatients) -> Outpatients:
    """Both remitted, M001 paid ahead and on the first form."""
    batch_no = frozen(due, 2025)
    for part, reviewer in zip(escheat.Part, REVIEWERS, strict=True):
        escheat.review_batch(due.context, reviewer, batch_no, part, "核对无误")
    escheat.approve_batch(due.context, APPROVER, batch_no)
    slip = escheat.Remittance("缴款书1", "回单1", date(2025, 12, 31))
    escheat.remit_batch(due.context, REMITTER, batch_no, slip)
    at(due, 2026, 3, 2)
    payouts.pay_cash(due.context, PAYER, due.confirmed("M001"), "LK-9")
    advances.make_advance_list(due.context, OFFICER, 2027)
    return due


def test_a_list_that_is_not_approved_says_so_and_one_that_was_dropped_by_whom_when_and_why(due: Outpatients) -> None:
    context, batch_no = due.context, frozen(due, 2025)
    text = b"".join(batch_list(context, OFFICER, batch_no))

    def papers() -> tuple[IO[bytes], IO[bytes]]:
        return batch_paper(context, OFFICER, batch_no, "xlsx"), batch_paper(context, OFFICER, batch_no, "pdf")

    with batch_paper(context, OFFICER, batch_no, "xlsx") as made:
        rows = CalamineWorkbook.from_filelike(made).get_sheet_by_name("名单").to_python()
    stamped("未批准，不能作为上缴依据", *papers())
    assert list_mark(context, OFFICER, batch_no) == "未批准"
    escheat.drop_batch(context, OFFICER, batch_no, "名单里有人来领")
    words = f"已作废：2025-12-31 由{OFFICER.actor_id}登记；原因：名单里有人来领"
    stamped(words, *papers())
    assert list_mark(context, OFFICER, batch_no) == "已作废"
    with batch_paper(context, OFFICER, batch_no, "xlsx") as made:
        book = CalamineWorkbook.from_filelike(made)
    assert ["缴款", "已作废，不缴款"] in [row[:2] for row in book.get_sheet_by_name("说明").to_python()]
    after = book.get_sheet_by_name("名单").to_python()
    assert [row[:4] for row in after] == [row[:4] for row in rows], "columns, order and sums stay"
    assert after[0] == rows[0]
    assert b"".join(batch_list(context, OFFICER, batch_no)) == text
    assert hashlib.sha256(text).hexdigest() in str(book.get_sheet_by_name("说明").to_python())


def test_a_list_that_was_approved_is_stamped_with_nothing(paid: Outpatients) -> None:
    labels, over = cover(batch_paper(paid.context, OFFICER, 1, "xlsx"))
    assert (labels[1], over) == ("医疗机构", "")
    text = printed(batch_paper(paid.context, OFFICER, 1, "pdf"))
    assert "未批准" not in text
    assert "已作废" not in text
    assert list_mark(paid.context, OFFICER, 1) == ""


def test_a_batch_that_was_dropped_before_it_was_frozen_has_no_list_to_freeze(due: Outpatients) -> None:
    proposed = proposals.propose_batch(due.context, OFFICER, date(2025, 12, 31))
    assert proposed is not None
    escheat.drop_batch(due.context, OFFICER, proposed.batch_no, "提早了")
    with pytest.raises(Conflict, match="请打开重新提出的那一批"):
        batch_paper(due.context, OFFICER, proposed.batch_no, "pdf")


def test_letter_and_list_of_a_withdrawn_filing_say_so(outpatients: Outpatients) -> None:
    outpatients.census()
    at(outpatients, 2025, 12, 20)
    filed(outpatients, "M001", on=date(2025, 12, 19))
    context = outpatients.context
    assert "已撤回" not in str(lines(filing_letter(context, OFFICER, 1, "docx")))
    assert cover(filing_list(context, OFFICER, 1))[0][1] == "医疗机构"
    marked = filing.MarkUnclearable(filing.Reason.DIED, "家属告知", account_nos=("M003",))
    filing.mark_unclearable(context, OFFICER, marked)
    made = filing.make_filing(context, OFFICER, "随到随退。")
    filing.withdraw_filing(context, OFFICER, made.filing_no, f"漏了 {OWN} 那一户")
    own = (context, OFFICER, made.filing_no)
    words = f"已撤回：2025-12-20 由{OFFICER.actor_id}登记；原因：漏了 1101 **** 002X 那一户"
    assert lines(filing_letter(*own, "docx"))[1] == words, "right under the title, and no number in full"
    stamped(words, filing_list(*own), filing_list(*own, "pdf"), filing_letter(*own, "pdf"))
    stamped(words, reveal_filing(*own, "审计要核对"))


def test_the_papers_of_a_refused_application_say_so(paid: Outpatients) -> None:
    context, own = paid.context, (paid.context, OFFICER, 1)
    advances.submit_advance_list(context, APPROVER, 1, "请1号", date(2026, 3, 2))
    assert "已退回" not in str(lines(advance_form(*own, "docx")))
    assert cover(advance_list(*own))[0][1] == "医疗机构"
    at(paid, 2026, 3, 4)
    advances.refuse_advance_list(context, OFFICER, 1, "漏附缴款书")
    words = f"已退回：2026-03-04 由{OFFICER.actor_id}登记；原因：漏附缴款书"
    assert lines(advance_form(*own, "docx"))[1] == words
    stamped(words, advance_list(*own), advance_list(*own, "pdf"), advance_form(*own, "pdf"))


def test_an_application_that_its_maker_took_back_before_it_went_reads_so(paid: Outpatients) -> None:
    own = (paid.context, OFFICER, 1)
    assert advances.refuse_advance_list(*own, "做早了").is_withdrawn
    words = f"已撤回：2026-03-02 由{OFFICER.actor_id}登记；原因：做早了"
    assert lines(advance_form(*own, "docx"))[1] == words
    stamped(words, advance_list(*own), advance_list(*own, "pdf"), advance_form(*own, "pdf"))
    advances.make_advance_list(paid.context, OFFICER, 2027)
    other = REVIEWERS[0]
    assert not advances.refuse_advance_list(paid.context, other, 2, "笔数不对").is_withdrawn


def test_of_what_is_not_on_record_nothing_is_made_up() -> None:
    assert ended_words("已作废", None, None, "", {}) == "已作废：经办人和原因没有记录"
    assert ended_words("已作废", None, None, "重来", {}) == "已作废：原因：重来"
