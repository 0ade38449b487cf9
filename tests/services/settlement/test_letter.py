"""The words of a letter about what is owed: friendly, complete, and no threat among them."""

from __future__ import annotations

from datetime import datetime

import pytest

from hospital_prepay.clock import SHANGHAI
from hospital_prepay.domain.errors import NotFound, NotPermitted
from hospital_prepay.files.papers import Cell, Grid
from hospital_prepay.persistence.arrears import ContactRow
from hospital_prepay.services.publication.institution import hospital_of
from hospital_prepay.services.settlement.arrears import NoteContact, note_contact
from hospital_prepay.services.settlement.arrears_papers import letter, letter_paper
from tests.hospital import CASHIER, OFFICER, Hospital
from tests.services.settlement.owing import leave_owing
from tests.services.settlement.test_settling import NO

pytestmark = pytest.mark.clause("guizhou-deposit-2025/25")


@pytest.mark.parametrize("database_urls", ["sqlite"], indirect=True)
def test_it_says_what_is_owed_how_to_pay_and_who_helps(hospital: Hospital) -> None:
    found = ContactRow(NO, 1, "letter", "可以分两次交", 53_100, "x", datetime(2026, 1, 15, tzinfo=SHANGHAI))
    paper = letter_paper(hospital_of(hospital.context, OFFICER.institution_id), "吴桂兰", found)
    cells = [cell for block in paper.blocks if isinstance(block, Grid) for row in block.rows for cell in row]
    text = "".join(part.text for part in (*paper.blocks, *cells) if not isinstance(part, Grid))
    assert all(isinstance(cell, Cell) for cell in cells)
    for words in (
        "吴桂兰",
        "531.00 元",
        "伍佰叁拾壹元",
        "不收利息",
        "应急救助基金",
        "电话",
        "可以分两次交",
        "2026 年 1 月",
    ):
        assert words in text, words
    for threat in ("起诉", "诉讼", "法律责任", "黑名单", "失信", "征信", "滞纳金", "停止治疗", "限期"):
        assert threat not in text, threat


@pytest.mark.parametrize("database_urls", ["sqlite"], indirect=True)
def test_only_a_letter_on_record_is_printed(hospital: Hospital) -> None:
    leave_owing(hospital)
    note_contact(hospital.context, OFFICER, NoteContact(NO, "phone", "x", "contact-1"))
    note_contact(hospital.context, OFFICER, NoteContact(NO, "letter", "", "contact-2"))
    assert letter(hospital.context, OFFICER, NO, 2).startswith(b"%PDF-")
    with pytest.raises(NotFound):
        letter(hospital.context, OFFICER, NO, 1)
    with pytest.raises(NotPermitted):
        letter(hospital.context, CASHIER, NO, 2)
