"""What both databases refuse of members, their uses and what they pay back, whoever asks: raw SQL."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from hospital_prepay.clock import FixedClock
from hospital_prepay.domain.rules.fund.regime import Fund
from hospital_prepay.persistence.database import Database
from hospital_prepay.persistence.models.fund_apply import (
    FundDistribution,
    FundDistributionReturn,
    FundDistributionUse,
)
from hospital_prepay.persistence.models.fund_members import FundClaimPayment, FundMember, FundUseWithdrawn
from tests.db.test_fund_guards import MEMBER, add_grant, enter_member, hand_on, insert
from tests.db.test_restricted_fund import Books
from tests.hospital import INSTITUTION
from tests.services.fund.conftest import APPROVER, OFFICER, Year
from tests.services.fund.test_distribution import M, lead, show
from tests.services.fund.test_distribution import hand_on as give
from tests.services.fund.test_member_debts import HALF, repay

__all__ = ["lead"]


@pytest.fixture
def books(database: Database, clock: FixedClock) -> Books:
    return Books(database, clock)


@pytest.mark.parametrize(
    "changes",
    [
        {"member_code": "Ｈ52010000009"},
        {"member_code": "H5201\u3164"},
        {"member_code": "h52010000009"},
        {"member_name": "\t"},
        {"account_no": "\t\n"},
        {"document": "\n"},
        {"document": "\u3164\u2800 \u3000"},
    ],
)
def test_a_member_has_a_plain_code_and_words_to_be_seen(books: Books, changes: dict[str, str]) -> None:
    by = {"state": "proposed", "proposed_by": "a", "proposed_at": books.clock.now(), "left_ground": ""}
    with pytest.raises(sa.exc.DBAPIError):
        insert(books, FundMember, member_no=1, **{**MEMBER, "member_code": "H52010000009", **changes}, **by)
    enter_member(books, member_code="H52010000009", member_name="某镇卫生院", document="章程\t1")


def test_nothing_is_used_or_given_back_of_what_the_books_did_not_hand_on(books: Books) -> None:
    enter_member(books)
    add_grant(books, "weihai-prepay-2025", "w", "received")
    hand_on(books, "w")
    with books.database.writing() as connection:
        books.set(
            connection, FundDistribution, FundDistribution.distribution_id == "d1", state="approved", decided_by="c"
        )
    by = {"distribution_id": "d1", "amount_fen": 1, "recorded_by": "a", "recorded_at": books.clock.now()}
    use = {"use_no": 1, "category": "drug", "name": "x", "code": "", "order_no": "", "document": "x"}
    with pytest.raises(sa.exc.DBAPIError, match="wrong_step: fund_distribution_use"):
        insert(books, FundDistributionUse, **by, **use)
    with pytest.raises(sa.exc.DBAPIError, match="wrong_step: fund_distribution_return"):
        insert(books, FundDistributionReturn, **by, return_no=1, bank_reference="x")


def refused(lead: Year, table: Any, match: str, **values: Any) -> None:
    database = lead.hospital.context.database
    with pytest.raises(sa.exc.DBAPIError, match=match), database.writing() as connection:
        connection.execute(sa.insert(table).values(institution_id=INSTITUTION, **values))


def test_a_use_is_withdrawn_by_another_of_the_house_with_a_ground_and_stays_so(lead: Year) -> None:
    other = give_another(lead)
    found = give(lead, HALF)
    show(lead, found, HALF)
    database, now = lead.hospital.context.database, lead.hospital.context.clock.now()
    row = {
        "distribution_id": found,
        "use_no": 1,
        "ground": "x",
        "withdrawn_by": APPROVER.actor_id,
        "withdrawn_at": now,
    }
    for who in (OFFICER.actor_id, OFFICER.actor_id.upper(), "ghost"):
        refused(lead, FundUseWithdrawn, "second_person", **{**row, "withdrawn_by": who})
    for changes in ({"ground": " "}, {"use_no": 2}, {"distribution_id": "x"}):
        refused(lead, FundUseWithdrawn, "fund_use_withdrawn", **{**row, **changes})
    lead.give_back(M)
    refused(lead, FundUseWithdrawn, "wrong_step", **row)  # it became a claim
    assert lead.hospital.count("fund_use_withdrawn") == 0
    with database.writing() as connection:
        connection.execute(
            sa.insert(FundUseWithdrawn).values(institution_id=INSTITUTION, **{**row, "distribution_id": other})
        )
    refused(lead, FundUseWithdrawn, "fund_use_withdrawn", **{**row, "distribution_id": other})
    for statement in (sa.delete(FundUseWithdrawn), sa.update(FundUseWithdrawn).values(ground="y")):
        with pytest.raises(sa.exc.DBAPIError), database.writing() as connection:
            connection.execute(statement)


def give_another(lead: Year) -> str:
    other = Year(lead.hospital, "weihai-prepay-2025", keys=500)
    other.apply(Fund.RESIDENT)
    other.approve()
    other.receive()
    found = give(other, 1000)
    show(other, found, 400, name="另一种药")
    return found


def test_members_pay_no_more_than_the_claim_and_what_they_paid_stays(lead: Year) -> None:
    other = give_another(lead)
    found = give(lead, HALF)
    show(lead, found, HALF)
    database, now = lead.hospital.context.database, lead.hospital.context.clock.now()
    by = {"recorded_by": OFFICER.actor_id, "recorded_at": now, "bank_reference": "x"}
    row = {"distribution_id": found, "payment_no": 9, "amount_fen": 1, **by}
    refused(lead, FundClaimPayment, "wrong_step", **row)  # nothing was given back in its place yet
    lead.give_back(M)
    refused(lead, FundClaimPayment, "wrong_step", **{**row, "amount_fen": HALF + 1})
    for changes in ({"amount_fen": 0}, {"amount_fen": -1}, {"bank_reference": " "}, {"recorded_by": "ghost"}):
        refused(lead, FundClaimPayment, "fund_claim_payment", **{**row, **changes})
    of_another_grant = {**row, "distribution_id": other}
    refused(lead, FundClaimPayment, "fund_claim_payment", **of_another_grant)
    repay(lead, found, HALF - 1)
    refused(lead, FundClaimPayment, "wrong_step", **{**row, "amount_fen": 2})
    for statement in (sa.delete(FundClaimPayment), sa.update(FundClaimPayment).values(amount_fen=1)):
        with pytest.raises(sa.exc.DBAPIError), database.writing() as connection:
            connection.execute(statement)
    assert lead.hospital.count("fund_claim_payment") == 1
