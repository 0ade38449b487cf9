"""An application's sums are those of its own time, whenever it is downloaded; which years it may be made for."""

from __future__ import annotations

import io
from datetime import date
from pathlib import Path

import pytest
from docx import Document

from hospital_prepay.domain.errors import MalformedInput
from hospital_prepay.services.outpatient import advances, claim_steps, escheat, payouts
from hospital_prepay.services.outpatient.advance_papers import advance_form, advance_list
from hospital_prepay.services.outpatient.advance_review import read_advance_list
from tests.services.outpatient.conftest import APPROVER, BANK_CARD, CLERK, OFFICER, PAYER, Outpatients, answered
from tests.services.outpatient.test_duties import REMITTER, REVIEWERS, at, filed, frozen
from tests.services.outpatient.test_sums import column, sheets

pytestmark = pytest.mark.clause("guizhou-deposit-2025/8")


def remitted(outpatients: Outpatients, year: int, *numbers: str) -> None:
    """Accounts filed and remitted on the 31 December of a year, under slips of their own."""
    at(outpatients, year, 12, 31)
    filed(outpatients, *numbers, on=date(year, 12, 25))
    batch_no = frozen(outpatients, year)
    for part, reviewer in zip(escheat.Part, REVIEWERS, strict=True):
        escheat.review_batch(outpatients.context, reviewer, batch_no, part, "核对无误")
    escheat.approve_batch(outpatients.context, APPROVER, batch_no)
    slip = escheat.Remittance(f"缴款书{year}", f"回单{year}", date(year, 12, 31))
    escheat.remit_batch(outpatients.context, REMITTER, batch_no, slip)


def listed(outpatients: Outpatients, account_no: str, receipt: str) -> int:
    """What was paid ahead on an account stands on a new form."""
    payouts.pay_cash(outpatients.context, PAYER, outpatients.confirmed(account_no), receipt)
    year = outpatients.context.clock.today().year + 1
    return advances.make_advance_list(outpatients.context, OFFICER, year).list_no


def sent(outpatients: Outpatients, list_no: int) -> None:
    today = outpatients.context.clock.today()
    advances.submit_advance_list(outpatients.context, APPROVER, list_no, f"请{list_no}号", today)


def figures(outpatients: Outpatients, list_no: int) -> list[str]:
    """Remitted, applied for on other forms, on this one, and what is left, as the form says."""
    form = Document(io.BytesIO(advance_form(outpatients.context, OFFICER, list_no, "docx")))
    return [row.cells[1].text for row in form.tables[0].rows][1:]


@pytest.fixture
def gone(outpatients: Outpatients) -> Outpatients:
    """M001 and M003 remitted: 64.50 and 30.00."""
    outpatients.census()
    remitted(outpatients, 2025, "M001", "M003")
    at(outpatients, 2026, 3, 2)
    return outpatients


def test_a_form_that_was_sent_says_what_it_said_whatever_is_made_after_it(gone: Outpatients) -> None:
    listed(gone, "M001", "LK-1")
    first = figures(gone, 1)
    assert first == ["94.50", "0.00", "64.50", "30.00"]
    sent(gone, 1)
    listed(gone, "M003", "LK-2")
    assert figures(gone, 1) == first
    assert figures(gone, 2) == ["94.50", "64.50", "30.00", "0.00"]


def test_a_refused_form_counts_no_later_one_and_no_later_one_counts_it(gone: Outpatients) -> None:
    listed(gone, "M001", "LK-1")
    first = figures(gone, 1)
    sent(gone, 1)
    at(gone, 2026, 3, 4)
    advances.refuse_advance_list(gone.context, OFFICER, 1, "格式不对")
    assert figures(gone, 1) == first
    advances.make_advance_list(gone.context, OFFICER, 2027)
    assert figures(gone, 1) == first
    assert figures(gone, 2) == first


def test_a_form_that_was_refused_after_another_went_stays_in_what_that_one_said(gone: Outpatients) -> None:
    listed(gone, "M001", "LK-1")
    sent(gone, 1)
    listed(gone, "M003", "LK-2")
    said = figures(gone, 2)
    assert said[1] == "64.50"
    sent(gone, 2)
    at(gone, 2026, 3, 4)
    advances.refuse_advance_list(gone.context, OFFICER, 1, "格式不对")
    assert figures(gone, 2) == said


def test_a_form_that_has_not_gone_counts_no_more_what_was_refused(gone: Outpatients) -> None:
    listed(gone, "M001", "LK-1")
    listed(gone, "M003", "LK-2")
    at(gone, 2026, 3, 4)
    advances.refuse_advance_list(gone.context, OFFICER, 1, "格式不对")
    assert figures(gone, 2) == ["94.50", "0.00", "30.00", "64.50"]
    at(gone, 2026, 3, 5)
    sent(gone, 2)
    assert figures(gone, 2) == ["94.50", "0.00", "30.00", "64.50"]


def test_what_was_remitted_after_a_form_was_made_is_not_in_it(outpatients: Outpatients) -> None:
    outpatients.census()
    remitted(outpatients, 2025, "M001")
    at(outpatients, 2026, 3, 2)
    listed(outpatients, "M001", "LK-1")
    remitted(outpatients, 2026, "M003")
    assert figures(outpatients, 1) == ["64.50", "0.00", "64.50", "0.00"]
    listed(outpatients, "M003", "LK-2")
    assert figures(outpatients, 2) == ["94.50", "64.50", "30.00", "0.00"]


def test_a_line_of_a_form_does_not_change_by_what_its_account_was_paid_later(
    gone: Outpatients, tmp_path: Path
) -> None:
    claim_id = gone.confirmed("M001", **BANK_CARD)
    answered(gone, tmp_path, claim_id)
    advances.make_advance_list(gone.context, OFFICER, 2027)
    advances.refuse_advance_list(gone.context, OFFICER, 1, "格式不对")

    def said() -> tuple[tuple[int, int | None], object, int]:
        rows = sheets(advance_list(gone.context, OFFICER, 1))[1]
        (line,) = read_advance_list(gone.context, OFFICER, 1).lines
        return column(rows, "其中本院承担（元）"), rows[1][4], line.own_cost_fen

    before = said()
    assert before == ((0, 0), "2026-03-02", 0)
    at(gone, 2026, 3, 4)
    payouts.bounce_refund(gone.context, PAYER, claim_id, "账户注销", "TH-1")
    claim_steps.withdraw_claim(gone.context, CLERK, claim_id, "改天再来")
    at(gone, 2026, 3, 5)
    payouts.pay_cash(gone.context, PAYER, gone.confirmed("M001"), "LK-3")
    assert said() == before


@pytest.mark.parametrize("year", [2020, 2025, 2028, 2035])
def test_a_form_is_for_the_next_year_or_that_of_the_day(gone: Outpatients, year: int) -> None:
    payouts.pay_cash(gone.context, PAYER, gone.confirmed("M001"), "LK-1")
    with pytest.raises(MalformedInput, match="请填 2027；补做上一年的申请，请填 2026。") as wrong:
        advances.make_advance_list(gone.context, OFFICER, year)
    assert wrong.value.details == {"field": "budget_year"}
    assert advances.make_advance_list(gone.context, OFFICER, 2026 if year < 2027 else 2027).list_no == 1
