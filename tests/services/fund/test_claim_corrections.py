"""A member's repayment that was typed wrongly: a red letter that one asks for and another approves."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa

from hospital_prepay.domain.access import Actor, Role
from hospital_prepay.domain.errors import Conflict, MalformedInput, NotPermitted, PrepayError, SecondPersonRequired
from hospital_prepay.domain.ledger.entry import Posting
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.fund.regime import Fund
from hospital_prepay.persistence.ledger import ledger_on
from hospital_prepay.persistence.models.fund_members import FundClaimPayment
from hospital_prepay.persistence.models.fund_returns import FundCorrection
from hospital_prepay.persistence.models.ledger import LedgerEntry
from hospital_prepay.persistence.queries.fund_movements import our_movements
from hospital_prepay.services.fund import corrections, member_claims
from tests.books import plain_entry
from tests.hospital import INSTITUTION
from tests.services.fund.conftest import APPROVER, OFFICER, PAYER, Year
from tests.services.fund.test_distribution import M, hand_on, lead, show
from tests.services.fund.test_member_debts import HALF, claim, intact, owed, repay, withdraw

__all__ = ["lead"]
BOTH = Actor(INSTITUTION, OFFICER.actor_id, "b", frozenset({Role.FINANCE_OFFICER, Role.FINANCE_APPROVER}))


@pytest.fixture
def repaid(lead: Year) -> tuple[Year, str, int]:
    """A member used half, the hospital gave all back, and the member paid a tenth of it: typed ten times too high."""
    found = hand_on(lead, HALF)
    show(lead, found, HALF)
    lead.give_back(M)
    repay(lead, found, HALF, slip="CK-1")
    return lead, found, entry_no(lead)


def entry_no(lead: Year) -> int:
    query = sa.select(sa.func.max(LedgerEntry.entry_no)).where(LedgerEntry.kind == "fund_claim_repaid")
    with lead.hospital.context.database.reading() as connection:
        return int(connection.scalar(query) or 0)


def ask(lead: Year, number: int, who: Actor = OFFICER, key: str = "", **changes: Any) -> str:
    given: dict[str, Any] = {"why": "mistyped", "ground": "多打了一个零", **changes}
    command = corrections.AskCorrection(
        grant_id=given.pop("grant_id", lead.grant_id),
        entry_no=number,
        idempotency_key=key or lead.key,
        **given,
    )
    return corrections.ask_correction(lead.hospital.context, who, command)


def decide(lead: Year, correction_id: str, who: Actor = APPROVER, *, approved: bool = True) -> str:
    return corrections.decide_correction(lead.hospital.context, who, correction_id, approved=approved).state


def test_two_people_take_it_back_and_what_was_right_is_booked_under_the_same_slip(
    repaid: tuple[Year, str, int],
) -> None:
    lead, found, number = repaid
    assert (claim(lead), owed(lead)) == (0, 0)
    asked = ask(lead, number)
    assert claim(lead) == 0  # nothing is booked yet
    for who, error in ((BOTH, SecondPersonRequired), (PAYER, NotPermitted)):
        with pytest.raises(error):
            decide(lead, asked, who)
    decide(lead, asked)
    assert (claim(lead), owed(lead)) == (HALF, HALF)
    assert repay(lead, found, HALF // 10, slip="CK-1").repaid_fen == HALF // 10
    assert (claim(lead), owed(lead)) == (HALF - HALF // 10, HALF - HALF // 10)
    first, second = reversed(member_claims.repayments_of(lead.hospital.context, OFFICER, lead.grant_id))
    assert (first.row.undone, first.row.entry_no, first.row.amount_fen) == (True, number, HALF)
    assert first.correction is not None
    assert (first.correction.state, first.correction.ground) == ("approved", "多打了一个零")
    assert (second.row.undone, second.correction, second.row.bank_reference) == (False, None, "CK-1")
    assert lead.hospital.count("ledger_entry", "kind = 'fund_claim_repaid_undone'") == 1
    with lead.hospital.context.database.reading() as connection:
        seen = {one.entry_no for one in our_movements(connection, INSTITUTION, "2026-12")}
    assert seen & {number, number + 1, second.row.entry_no} == {second.row.entry_no}  # in the reconciliation, too
    assert intact(lead)


def test_one_that_is_turned_down_counts_on_and_may_be_asked_for_again(repaid: tuple[Year, str, int]) -> None:
    lead, found, number = repaid
    decide(lead, ask(lead, number), approved=False)
    assert claim(lead) == 0
    with pytest.raises(MalformedInput, match=r"应还本院 0\.00 元"):
        repay(lead, found, 1)
    asked = ask(lead, number)
    with pytest.raises(Conflict):
        ask(lead, number)
    decide(lead, asked)
    with pytest.raises(Conflict):
        ask(lead, number)
    with pytest.raises(Conflict, match="已经有人办过"):
        decide(lead, asked)
    assert claim(lead) == HALF


def test_a_use_may_go_once_the_repayment_for_it_is_gone(lead: Year) -> None:
    found = hand_on(lead, HALF)
    show(lead, found, 400)
    show(lead, found, 300, name="另一种药")
    lead.give_back(M - HALF + 400)  # in place of one of the uses
    repay(lead, found, 400)
    with pytest.raises(Conflict, match="还过本院"):
        withdraw(lead, found, 1)
    decide(lead, ask(lead, entry_no(lead)))
    withdraw(lead, found, 2)
    assert claim(lead) == 400


def test_only_of_its_own_grant_by_a_ground_and_not_as_sent_back(repaid: tuple[Year, str, int]) -> None:
    lead, _, number = repaid
    other = Year(lead.hospital, lead.regime, keys=500)
    other.apply(Fund.RESIDENT)
    sent_back = {"why": "sent_back", "bank_reference": "TH-1", "value_on": date(2026, 1, 15)}
    for error, told, changes in (
        (Conflict, "成员单位还款的凭证可以更正", {"grant_id": other.grant_id}),
        (MalformedInput, "请写明依据", {"ground": " "}),
        (MalformedInput, "只有交回会被银行退回", sent_back),
    ):
        with pytest.raises(error, match=told):
            ask(lead, number, **changes)
    with pytest.raises(NotPermitted):
        ask(lead, number, APPROVER)
    row = {
        "institution_id": INSTITUTION,
        "correction_id": "c",
        "grant_id": lead.grant_id,
        "entry_no": number,
        "why": "mistyped",
        "ground": "x",
        "bank_reference": "",
        "value_on": None,
        "state": "asked",
        "asked_by": OFFICER.actor_id,
        "asked_at": lead.hospital.context.clock.now(),
    }
    for changes in ({"grant_id": other.grant_id}, sent_back):
        with pytest.raises(sa.exc.DBAPIError, match="wrong_step: fund_correction"):
            insert(lead, FundCorrection, {**row, **changes})
    assert lead.hospital.count("fund_correction") == 0


def insert(lead: Year, table: Any, row: dict[str, Any]) -> None:
    with lead.hospital.context.database.writing() as connection:
        connection.execute(sa.insert(table).values(**row))


def test_the_books_mirror_it_by_an_approved_correction_alone(repaid: tuple[Year, str, int]) -> None:
    lead, found, number = repaid
    asked = ask(lead, number)
    sources = (f"fund_distribution:{found}", f"fund_correction:{asked}", "x")
    for kind, source, reverses in (
        *(("fund_claim_repaid_undone", source, number) for source in sources),
        *(("x", source, number) for source in sources),
        ("fund_claim_repaid_undone", f"fund_correction:{asked}", None),
    ):
        with pytest.raises((PrepayError, sa.exc.DBAPIError)):
            post(lead, kind, source, reverses)
    decide(lead, asked)
    with pytest.raises((PrepayError, sa.exc.DBAPIError)):
        post(lead, "fund_claim_repaid_undone", f"fund_correction:{asked}", None)
    assert (claim(lead), owed(lead)) == (HALF, HALF)
    row = {
        "institution_id": INSTITUTION,
        "distribution_id": found,
        "payment_no": 2,
        "bank_reference": "x",
        "recorded_by": OFFICER.actor_id,
        "recorded_at": lead.hospital.context.clock.now(),
    }
    with pytest.raises(sa.exc.DBAPIError, match="wrong_step: fund_claim_payment"):
        insert(lead, FundClaimPayment, {**row, "amount_fen": HALF + 1})
    insert(lead, FundClaimPayment, {**row, "amount_fen": HALF})  # the corrected one counts no more


def post(lead: Year, kind: str, source: str, reverses: int | None) -> None:
    now, half = lead.hospital.context.clock.now(), Money(HALF)
    lines = (Posting("1002", credit=half), Posting("1218", debit=half))
    day = lead.hospital.context.clock.today()
    own = {"source": source, "effective_on": day, "reverses_no": reverses}
    entry = plain_entry(INSTITUTION, lead.key, kind, now, lines, **own)
    with lead.hospital.context.database.writing() as connection:
        ledger_on(connection).post(entry)
