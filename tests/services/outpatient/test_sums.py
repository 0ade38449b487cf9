"""The sums of every file of outpatients' money, read back, against the books, over a history that has everything."""

from __future__ import annotations

import io
import re
from datetime import date
from pathlib import Path
from typing import IO, Any

import pypdfium2
import pytest
import sqlalchemy as sa
from python_calamine import CalamineWorkbook

from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.outpatient.claims import Route
from hospital_prepay.persistence.outpatient_register import Narrowed
from hospital_prepay.persistence.queries.outpatient_public import progress as public_progress
from hospital_prepay.services.outpatient import advances, corrections, payouts
from hospital_prepay.services.outpatient.advance_papers import advance_form, advance_list, advances_file
from hospital_prepay.services.outpatient.batch_files import batch_paper
from hospital_prepay.services.outpatient.filing_papers import filing_list
from hospital_prepay.services.outpatient.progress import progress_file
from hospital_prepay.services.outpatient.register_papers import register_file
from tests.hospital import INSTITUTION, Hospital
from tests.services.outpatient.conftest import APPROVER, OFFICER, PAYER, ROWS, Outpatients, answered
from tests.services.outpatient.test_duties import filed, remitted
from tests.services.outpatient.test_gate import asked, kept
from tests.services.outpatient.test_reports import at

pytestmark = pytest.mark.clause("guizhou-deposit-2025/7", "guizhou-deposit-2025/8")
BANK = {"route": Route.BANK, "bank": "某银行", "card_no": "6217000000000000001"}
MORE = (
    ("M006", "郑己", "", "13800000006", "77.70", "2019-06-01", "门诊预交金", "现金"),
    ("M007", "王庚", "", "13800000007", "8.80", "2018-06-01", "门诊预交金", "银行卡"),
)


class Books:
    """Debit less credit in fen of the accounts that begin with something, of entries of some kinds."""

    def __init__(self, hospital: Hospital) -> None:
        self._database = hospital.context.database

    def __call__(self, account: str, *kinds: str, numbers: tuple[str, ...] = ()) -> int:
        where = ["p.account_id LIKE :account"]
        given: dict[str, Any] = {"account": f"{account}%"}
        for name, field, values in (("k", "e.kind", kinds), ("n", "p.account_id", numbers)):
            if values:
                keys = {f"{name}{at}": value for at, value in enumerate(values)}
                where.append(f"{field} IN ({', '.join(f':{key}' for key in keys)})")
                given |= keys
        query = (
            "SELECT coalesce(sum(p.debit_fen - p.credit_fen), 0) FROM ledger_posting p JOIN ledger_entry e"
            " ON e.institution_id = p.institution_id AND e.entry_no = p.entry_no WHERE " + " AND ".join(where)
        )
        with self._database.reading() as connection:
            return int(connection.scalar(sa.text(query), given))


@pytest.fixture
def mixed(outpatients: Outpatients, tmp_path: Path) -> Outpatients:
    """Everything that can happen: a miscount, a kept deposit, refunds by cash and bank, one that bounced; remitted
    money paid ahead, more of it than the books had, back from the bank before and after it was applied for."""
    context = outpatients.context
    outpatients.census((*ROWS, *MORE))
    kept(outpatients)
    assert asked(outpatients).entry_no
    command = corrections.AskCorrection("M002", Money(11000), "凭条 9 号：少录 10 元", "c1")
    correction = corrections.ask_correction(context, OFFICER, command)
    corrections.approve_correction(context, APPROVER, correction)
    at(outpatients, 2025, 12, 31)
    filed(outpatients, "M001", "M003", "M006", "M007", on=date(2025, 12, 25))
    remitted(outpatients, 2025, date(2025, 12, 31))
    at(outpatients, 2026, 3, 2)
    first = outpatients.confirmed("M001", beyond=Money(500), ground="患者手里的凭条", **BANK)
    answered(outpatients, tmp_path, first)
    payouts.pay_cash(context, PAYER, outpatients.confirmed("M006", claimant_name="郑己"), "LK-6")
    made = advances.make_advance_list(context, OFFICER, 2027)
    advances.submit_advance_list(context, APPROVER, made.list_no, "文1", context.clock.today())
    advances.reimburse_advance_list(context, PAYER, made.list_no, "HD1", context.clock.today())
    payouts.bounce_refund(context, PAYER, first, "账户注销", "TH-83")
    second = outpatients.confirmed("M003", **BANK)
    answered(outpatients, tmp_path, second)
    payouts.bounce_refund(context, PAYER, second, "账户注销", "TH-86")
    third = outpatients.confirmed("M007", **BANK)
    answered(outpatients, tmp_path, third)
    advances.make_advance_list(context, OFFICER, 2027)
    plain = outpatients.confirmed("M002", **BANK)
    answered(outpatients, tmp_path, plain)
    payouts.bounce_refund(context, PAYER, plain, "账户注销", "TH-92")
    answered(outpatients, tmp_path, plain)
    return outpatients


@pytest.fixture
def books(hospital: Hospital) -> Books:
    return Books(hospital)


def sheets(made: IO[bytes]) -> tuple[dict[str, Any], list[list[Any]]]:
    """The facts on the cover by their label, and the rows of the list with headings and sums."""
    with made:
        book = CalamineWorkbook.from_filelike(io.BytesIO(made.read()))
    cover, rows = (book.get_sheet_by_name(name).to_python() for name in book.sheet_names[:2])
    return {str(row[0]): row[1] for row in cover if len(row) > 1}, rows


def fen(yuan: Any) -> int:
    return round(float(yuan) * 100)


def column(rows: list[list[Any]], heading: str) -> tuple[int, int | None]:
    """The sum of a column's lines, and what its last line says of it."""
    at_ = rows[0].index(heading)
    last = rows[-1][at_]
    lines = sum(fen(row[at_]) for row in rows[1:-1])
    return lines, None if last in ("", None) else fen(last)


def printed(made: IO[bytes] | bytes) -> str:
    """The text of a PDF without blanks."""
    content = made if isinstance(made, bytes) else made.read()
    pages = pypdfium2.PdfDocument(content)
    return re.sub(r"\s", "", "".join(page.get_textpage().get_text_bounded() for page in pages))


def yuan(amount: int) -> str:
    return str(Money(amount))


def test_the_register_is_what_the_books_owe(mixed: Outpatients, books: Books) -> None:
    facts, rows = sheets(register_file(mixed.context, OFFICER, Narrowed(), "xlsx"))
    owed = -books("23050102:") - books("230502:")
    assert owed == 500000 + 20000
    assert column(rows, rows[0][-1]) == (owed, owed)
    assert fen(facts["账上余额（元）"]) == owed
    assert facts["账户（个）"] == len(rows) - 2
    assert yuan(owed) in printed(register_file(mixed.context, OFFICER, Narrowed(), "pdf"))


def test_a_filing_and_a_batch_are_what_left_the_books(mixed: Outpatients, books: Books) -> None:
    gone = books("23050102:", "outpatient_escheat")
    assert gone == 6450 + 3000 + 7770 + 880
    assert -books("2103", "outpatient_escheat") == books("2103", "outpatient_remittance") == gone
    for made, heading, label in (
        (filing_list(mixed.context, OFFICER, 1), "余额（元）", "余额（元）"),
        (batch_paper(mixed.context, OFFICER, 1, "xlsx"), "金额（元）", "金额（元）"),
    ):
        facts, rows = sheets(made)
        headings = [one for one in rows[0] if "元" in one]
        assert column(rows, headings[0]) == (gone, gone), heading
        assert fen(facts[label]) == gone
    for paper in (filing_list(mixed.context, OFFICER, 1, "pdf"), batch_paper(mixed.context, OFFICER, 1, "pdf")):
        assert yuan(gone) in printed(paper)


def test_what_was_paid_ahead_is_what_the_books_say(mixed: Outpatients, books: Books) -> None:
    facts, rows = sheets(advances_file(mixed.context, OFFICER, "xlsx"))
    paid, own_cost = column(rows, "退还患者（元）"), column(rows, "其中本院承担（元）")
    ahead = books("1218:advance:", "outpatient_advance", "outpatient_advance_returned")
    beyond = books("5901", "outpatient_advance", "outpatient_advance_returned")
    assert (ahead, beyond) == (6450 + 7770 + 880, 500)
    assert paid == (ahead + beyond, ahead + beyond)
    assert own_cost == (beyond, beyond)
    assert fen(facts["垫付（元）"]) == ahead + beyond
    assert fen(facts["实际上缴财政（元）"]) == books("2103", "outpatient_remittance")
    assert fen(facts["银行退回、待再付患者（元）"]) == -books("2307:refund:") == 6950
    back = -books("1218:advance:", "outpatient_reimbursed")
    assert back == 6450 + 7770
    assert fen(facts["已申请（元）"]) == back + 880
    assert books("1218:advance:") == 880
    for list_no, total in ((1, back), (2, 880)):
        facts, rows = sheets(advance_list(mixed.context, OFFICER, list_no))
        assert column(rows, "申请（元）") == (total, total)
        assert fen(facts["申请（元）"]) == total
        assert yuan(total) in printed(advance_list(mixed.context, OFFICER, list_no, "pdf"))
        assert yuan(total) in printed(advance_form(mixed.context, OFFICER, list_no, "pdf"))
    text = printed(advances_file(mixed.context, OFFICER, "pdf"))
    assert yuan(ahead + beyond) in text


def test_what_patients_are_told_is_left_leaves_out_what_the_hospital_keeps(mixed: Outpatients, books: Books) -> None:
    with mixed.context.database.reading() as connection:
        told = public_progress(connection, INSTITUTION)
    counted = tuple(f"23050102:{row[0]}" for row in (*ROWS, *MORE))
    assert (told.left, told.left_fen) == (0, -books("23050102:", numbers=counted))
    assert -books("23050102:") == 20000, "the deposit that is kept"


@pytest.mark.parametrize("on", [None, date(2026, 3, 1)])
def test_the_progress_is_what_the_books_moved(mixed: Outpatients, books: Books, on: date | None) -> None:
    facts, rows = sheets(progress_file(mixed.context, OFFICER, on, "xlsx"))
    whole = dict(zip(rows[0], rows[-1], strict=True))
    counted = tuple(f"23050102:{row[0]}" for row in (*ROWS, *MORE))
    came = -books("23050102:", "outpatient_opening", "outpatient_correction", numbers=counted)
    refunded = books("23050102:", "outpatient_refund", "outpatient_refund_returned", numbers=counted)
    remitted_ = books("23050102:", "outpatient_escheat", numbers=counted)
    expected = (came, refunded if on is None else 0, remitted_)
    assert (came, refunded) == (6450 + 11000 + 3000 + 7770 + 880, 11000)
    told = tuple(fen(whole[one]) for one in ("清查入账（元）", "已退还（元）", "转财政（元）"))
    assert told == expected
    assert fen(whole["还有余额（元）"]) == came - expected[1] - remitted_
    for title in {row[0] for row in rows[1:-1]}:
        lines = [row for row in rows[1:-1] if row[0] == title]
        assert tuple(sum(fen(row[at_]) for row in lines) for at_ in (3, 4, 5)) == expected, title
    owed = -books("2307:refund:") if on is None else 0
    assert fen(facts.get("银行退回、待再付（元）", 0)) == owed
    paid = books("1218:advance:", "outpatient_advance", "outpatient_advance_returned") if on is None else 0
    paid += books("5901", "outpatient_advance", "outpatient_advance_returned") if on is None else 0
    assert fen(whole["上缴后退还（元）"]) == paid
    assert {
        sum(fen(row[7]) for row in rows[1:-1] if row[0] == title) for title in {row[0] for row in rows[1:-1]}
    } == {paid}
    if on is None:
        with mixed.context.database.reading() as connection:
            told_patients = public_progress(connection, INSTITUTION).refunded_fen
        assert expected[1] + paid - owed == told_patients == 11000 + 7770 + 880
    text = printed(progress_file(mixed.context, OFFICER, on, "pdf"))
    assert all(yuan(one) in text for one in (came, remitted_))
