"""A refund, its payments and their entries say one thing, whatever raw SQL says. Both databases."""

from __future__ import annotations

from pathlib import Path

import pytest

from hospital_prepay.domain.rules.outpatient.claims import Route
from hospital_prepay.services.outpatient import escheat, payouts
from tests.db.test_outpatient_books import BANK, Books, books, filed, outpatients, unchanged
from tests.services.outpatient.conftest import OFFICER, PAYER
from tests.services.outpatient.test_escheat import frozen

__all__ = ["books", "filed", "outpatients"]
pytestmark = pytest.mark.clause("guizhou-deposit-2025/8")


@pytest.fixture
def sent(books: Books) -> tuple[Books, str]:
    """A refund that the bank has on its way."""
    claim_id = books.outpatients.confirmed(**BANK)
    payouts.make_bank_file(books.context, PAYER, Route.BANK, [claim_id])
    return books, claim_id


@pytest.mark.parametrize("state", ["failed", "arrived", "withdrawn", "confirmed"])
def test_a_refund_stays_on_its_way_while_its_payment_is(sent: tuple[Books, str], state: str) -> None:
    held, claim_id = sent
    unchanged(held, "UPDATE outpatient_claim SET state = :s WHERE claim_id = :c", s=state, c=claim_id)
    assert held.outpatients.claim(claim_id).state == "sent"


def test_a_payment_names_no_entry_but_its_own(sent: tuple[Books, str], tmp_path: Path) -> None:
    held, claim_id = sent
    other = held.outpatients.confirmed("M004")
    payouts.pay_cash(held.context, PAYER, other, "LK-2")
    statement = (
        "UPDATE outpatient_payout SET state = :s, answered_at = sent_at, entry_no = :n WHERE claim_id = :c"
        " AND state = 'sent'"
    )
    for state in ("arrived", "failed"):
        for number in (held.number("outpatient_refund"), held.number("outpatient_opening"), 999_999):
            unchanged(held, statement, s=state, n=number, c=claim_id)
    path = tmp_path / "yes.csv"
    path.write_text(f"退款单号,金额,结果\n{held.outpatients.claim(claim_id).refund_no},64.50,成功\n", "utf-8")
    assert payouts.take_answers(held.context, PAYER, path, path.name).arrived == 1


@pytest.mark.parametrize("database_urls", ["postgres"], indirect=True)
def test_a_payment_doesnt_end_without_its_refund(sent: tuple[Books, str]) -> None:
    """SQLite looks at no row when a transaction ends; there ``ledger verify`` tells."""
    held, claim_id = sent
    statement = (
        "UPDATE outpatient_payout SET state = 'failed', answered_at = sent_at, failure = 'x' WHERE claim_id = :c"
    )
    unchanged(held, statement, c=claim_id)


def test_a_frozen_list_is_given_up_with_its_accounts_and_a_ground(filed: Books) -> None:
    batch_no = frozen(filed.outpatients)
    statement = "UPDATE outpatient_batch SET state = 'dropped', ended_ground = 'x' WHERE batch_no = :b"
    unchanged(filed, statement, b=batch_no)
    assert escheat.drop_batch(filed.context, OFFICER, batch_no, "名单要重做").state == "dropped"


@pytest.mark.parametrize("database_urls", ["sqlite"], indirect=True)
@pytest.mark.parametrize("column", ["last_movement_on", "filed_on"])
@pytest.mark.parametrize("text", ["x", "2020-13-01", "20200101", "", "2020-01-01 00:00"])
def test_a_day_of_an_account_is_a_day(books: Books, column: str, text: str) -> None:
    unchanged(books, f"UPDATE outpatient_account SET {column} = :t WHERE account_no = 'M001'", t=text)
