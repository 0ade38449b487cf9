"""Members' uses that were typed wrongly, and what members owe where the hospital gave back in their place."""

from __future__ import annotations

from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from hospital_prepay.clock import SHANGHAI, FixedClock
from hospital_prepay.domain.access import Role
from hospital_prepay.domain.errors import (
    Conflict,
    MalformedInput,
    NotFound,
    NotPermitted,
    RuleRefused,
    SecondPersonRequired,
)
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.fund.regime import Fund
from hospital_prepay.persistence import fund_distributions as store
from hospital_prepay.persistence import institutions
from hospital_prepay.services.fund import corrections, member_claims, member_uses, spending
from hospital_prepay.services.fund import distribution as service
from hospital_prepay.services.fund.reconciliation import read_month
from hospital_prepay.services.fund.statement_columns import StatementKind
from hospital_prepay.services.fund.usage import UsageQuery, read_usage
from hospital_prepay.services.fund.usage_papers import usage_paper
from hospital_prepay.services.ledger.seals import seal_ledger, verify_ledger
from tests.funding import enter_member
from tests.hospital import INSTITUTION, actor
from tests.services.fund.conftest import APPROVER, OFFICER, PAYER, SUPPLIER, Year, line
from tests.services.fund.test_distribution import MEMBER, M, ask, decide, give_back, hand_on, held, lead, show
from tests.services.fund.test_seconds import correct
from tests.statements import take

__all__ = ["lead"]
pytestmark = pytest.mark.clause("weihai-prepay-2025/2.3")
HALF = 50_000_000


def withdraw(lead: Year, found: str, number: int = 1, who: Any = APPROVER, ground: str = "多打了两个零") -> Any:
    command = member_uses.WithdrawUse(found, number, ground)
    return member_uses.withdraw_use(lead.hospital.context, who, command)


def repay(lead: Year, found: str, fen: int, key: str = "", slip: str = "", on: date | None = None) -> Any:
    key = key or lead.key
    command = member_claims.RepayClaim(found, Money(fen), slip or f"CK-{key}", key, on)
    return member_claims.repay_claim(lead.hospital.context, OFFICER, command)


def claim(lead: Year) -> int:
    return member_claims.claim_of(lead.hospital.context, OFFICER, lead.grant_id).fen


def owed(lead: Year) -> int:
    return lead.hospital.balance("1218").fen


def intact(lead: Year) -> bool:
    context = lead.hospital.context
    seal_ledger(context.database, context.settings.data_dir, context.clock)
    return verify_ledger(context.database, context.settings.data_dir, context.clock).intact


# -- A use that was typed wrongly -----------------------------------------------------------------------------------


def test_a_use_that_was_typed_wrongly_is_taken_back_and_the_member_gives_the_rest_back(lead: Year) -> None:
    found = hand_on(lead, HALF)
    show(lead, found, HALF)  # 5 000.00 was meant
    with pytest.raises(MalformedInput):
        give_back(lead, found, 49_500_000)
    assert withdraw(lead, found).in_hand_fen == HALF
    assert show(lead, found, 500_000).used_fen == 500_000
    assert give_back(lead, found, 49_500_000).in_hand_fen == 0
    assert held(lead) == 500_000
    assert lead.hospital.count("fund_distribution_use") == 2
    newest, first = service.uses_of(lead.hospital.context, OFFICER, lead.grant_id)
    assert (newest.use_no, newest.withdrawn_by) == (2, None)
    assert (first.use_no, first.withdrawn_by, first.ground) == (1, APPROVER.actor_id, "多打了两个零")


def test_it_is_another_person_with_a_ground_and_once(lead: Year) -> None:
    found = hand_on(lead, 1000)
    show(lead, found, 400)
    with pytest.raises(MalformedInput):
        withdraw(lead, found, ground=" ")
    both = actor(Role.FINANCE_APPROVER)
    same = type(both)(INSTITUTION, OFFICER.actor_id, "x", both.roles)
    with pytest.raises(SecondPersonRequired):
        withdraw(lead, found, who=same)
    with pytest.raises(NotPermitted):
        withdraw(lead, found, who=PAYER)
    with pytest.raises(NotFound):
        withdraw(lead, found, 2)
    withdraw(lead, found)
    with pytest.raises(Conflict, match="撤回过"):
        withdraw(lead, found)
    assert store_row(lead, found).in_hand_fen == 1000


def store_row(lead: Year, found: str) -> store.DistributionRow:
    with lead.hospital.context.database.reading() as connection:
        return store.find(connection, INSTITUTION, found)


def test_what_the_hospital_gave_back_in_its_place_is_not_the_members_to_hold(lead: Year) -> None:
    found = hand_on(lead, HALF)
    show(lead, found, HALF)
    lead.give_back(M)
    with pytest.raises(Conflict, match="更正那次交回"):
        withdraw(lead, found)
    correct(lead, "fund_return")
    assert withdraw(lead, found).in_hand_fen == HALF
    assert held(lead) == HALF


# -- One document proves one line once ------------------------------------------------------------------------------


def shown(lead: Year, found: str, document: str, **changes: str) -> Any:
    command = service.ShowUse(found, line(100, **changes), document, lead.key)
    return service.show_use(lead.hospital.context, OFFICER, command)


@pytest.mark.parametrize("name", ["注射用 头孢曲松", "注射用头孢曲松\u200b", "注射用头孢曲松\u3164"])
def test_a_document_proves_a_line_once_however_it_is_spelled_and_of_whatever_grant(lead: Year, name: str) -> None:
    of = partial(shown, lead)
    found = hand_on(lead, 10_000)
    of(found, "FP-1")
    with pytest.raises(Conflict, match="已经用这张单据"):
        of(found, "fp 1号", name=name)
    other = Year(lead.hospital, "weihai-prepay-2025", keys=500)
    other.apply(Fund.RESIDENT)
    other.approve()
    other.receive()
    elsewhere = hand_on(other, 10_000)
    with pytest.raises(Conflict, match="已经用这张单据"):
        of(elsewhere, "FP1", name=name)
    withdraw(lead, found)
    assert of(elsewhere, "FP1", name=name).used_fen == 100


@pytest.mark.parametrize("changes", [{}, {"name": "注射用 头孢曲松"}, {"name": "头孢"}])
def test_an_invoice_that_proves_the_hospitals_payment_proves_no_members_use(
    lead: Year, changes: dict[str, str]
) -> None:
    request = lead.reserve(line(400))
    lead.pay(request)
    found = hand_on(lead, 10_000)
    invoice = spending.RecordEvidence(request, 1, "FP-00012345", Money(400))
    spending.record_evidence(lead.hospital.context, OFFICER, invoice)
    for number in ("FP-00012345", "fp 00012345号"):
        with pytest.raises(Conflict, match="证明过本院自己的付款"):
            shown(lead, found, number, **changes)
    assert store_row(lead, found).used_fen == 0
    assert shown(lead, found, "FP-00012345", code="X" + "B" * 22).used_fen == 100, (
        "another supplier's for another drug"
    )
    assert shown(lead, found, "FP-00012346").used_fen == 200


@pytest.mark.parametrize("changes", [{}, {"name": "注射用 头孢曲松"}, {"name": "头孢"}])
def test_an_invoice_that_a_member_showed_proves_no_payment_of_the_hospital(
    lead: Year, changes: dict[str, str]
) -> None:
    found = hand_on(lead, 10_000)
    shown(lead, found, "fp 00012345号", **changes)
    shown(lead, found, "FP-7", code="X" + "B" * 22)
    request = lead.reserve(line(400))
    lead.pay(request)
    invoice = spending.RecordEvidence(request, 1, "FP-00012345", Money(300))
    with pytest.raises(Conflict, match=MEMBER[1]) as caught:
        spending.record_evidence(lead.hospital.context, OFFICER, invoice)
    assert caught.value.reason == "invoice_used"
    assert lead.hospital.count("fund_evidence") == 0
    other = spending.RecordEvidence(request, 1, "FP-7", Money(100))
    spending.record_evidence(lead.hospital.context, OFFICER, other)
    withdraw(lead, found)
    assert spending.record_evidence(lead.hospital.context, OFFICER, invoice).state == "evidenced"


# -- What members owe -----------------------------------------------------------------------------------------------


def test_a_member_pays_back_what_the_hospital_gave_in_its_place_and_no_more(lead: Year) -> None:
    found = hand_on(lead, HALF)
    show(lead, found, HALF)
    with pytest.raises(MalformedInput, match=r"应还本院 0\.00 元"):
        repay(lead, found, 1)
    lead.give_back(M)
    assert claim(lead) == HALF
    before = lead.hospital.balance("1002")
    assert repay(lead, found, 30_000_000, "same-key").repaid_fen == 30_000_000
    repay(lead, found, 30_000_000, "same-key")
    assert claim(lead) == 20_000_000
    for fen in (20_000_001, 0):
        with pytest.raises(MalformedInput, match=r"应还本院 200,000\.00 元"):
            repay(lead, found, fen)
    with pytest.raises(Conflict, match="银行回单"):
        repay(lead, found, 1, slip="ck same key")
    with pytest.raises(MalformedInput):
        repay(lead, found, 1, on=date(2026, 1, 16))
    with pytest.raises(MalformedInput):
        repay(lead, found, 1, on=date(2026, 1, 14))
    repay(lead, found, 20_000_000)
    assert (claim(lead), owed(lead), (lead.hospital.balance("1002") - before).fen) == (0, 0, HALF)
    assert lead.standing == (0, 0, 0)
    assert intact(lead)


def test_the_usage_report_tells_what_members_used_by_month_and_kind(lead: Year, clock: FixedClock) -> None:
    found = hand_on(lead, HALF)
    show(lead, found, 30_000_000)
    clock.moment = datetime(2026, 2, 3, 9, 0, tzinfo=SHANGHAI)
    show(lead, found, 10_000_000, category="consumable", code="C" + "B" * 26)
    show(lead, found, 500, category="consumable", code="C" + "A" * 26)
    withdraw(lead, found, 3)
    context = lead.hospital.context
    report = read_usage(context, OFFICER, UsageQuery("2026-01", "2026-03"))
    told = [(one.count, one.fen, dict(one.by_category)) for one in report.total.members]
    assert told == [(1, 30_000_000, {"drug": 30_000_000}), (1, 10_000_000, {"consumable": 10_000_000})]
    paper = usage_paper(context, OFFICER, UsageQuery("2026-01", "2026-03"))
    [table] = [one for one in paper.tables if one.title == "成员单位用款"]
    assert [str(cell) for cell in table.rows[-1]] == ["合计", "2", "100,000.00", "300,000.00", "400,000.00"]


def test_the_banks_line_of_a_repayment_is_explained_by_it(lead: Year, tmp_path: Path) -> None:
    found = hand_on(lead, HALF)
    show(lead, found, HALF)
    lead.give_back(M)
    repay(lead, found, 30_000_000, slip="CK-77")
    context = lead.hospital.context
    shown = [
        one for one in read_month(context, OFFICER, "2026-01").pairings if one.ours and one.ours[0].event == "claim"
    ]
    assert shown == [], "it asks for no line: the money may be on another account"
    bank_line = f"2026-01-15,300000.00,,300000.00,{MEMBER[1]},归还医保预付金垫款,ck 77"
    take(context, OFFICER, tmp_path, StatementKind.BANK, "2026-01", bank_line)
    [pair] = [one for one in read_month(context, OFFICER, "2026-01").pairings if one.theirs_fen == 30_000_000]
    assert (pair.outcome, [leg.event for leg in pair.ours]) == ("matched", ["claim"])


def test_a_return_that_stood_in_for_a_member_comes_back_with_the_claim(lead: Year, clock: FixedClock) -> None:
    found = hand_on(lead, HALF)
    show(lead, found, HALF)
    lead.give_back(M)
    clock.moment = datetime(2026, 1, 20, 9, tzinfo=SHANGHAI)
    sent_back = {"why": corrections.SENT_BACK, "bank_reference": "TH-1", "value_on": date(2026, 1, 20)}
    correct(lead, "fund_return", **sent_back)
    assert (claim(lead), held(lead), lead.standing) == (0, HALF, (HALF, 0, M))
    lead.give_back(M)
    assert (claim(lead), held(lead), lead.standing) == (HALF, 0, (0, 0, 0))
    assert intact(lead)


def test_what_a_member_paid_for_a_return_that_is_taken_back_counts_for_the_next(lead: Year) -> None:
    found = hand_on(lead, HALF)
    show(lead, found, HALF)
    lead.give_back(M)
    repay(lead, found, 30_000_000)
    correct(lead, "fund_return")
    assert claim(lead) == 0
    with pytest.raises(MalformedInput):
        repay(lead, found, 1)
    with pytest.raises(Conflict, match="还过本院"):
        withdraw(lead, found)
    lead.give_back(M)
    assert claim(lead) == 20_000_000
    repay(lead, found, 20_000_000)
    assert (owed(lead), lead.standing) == (0, (0, 0, 0))
    assert intact(lead)


# -- Days -----------------------------------------------------------------------------------------------------------


def test_nothing_comes_back_from_a_member_before_it_was_handed_on(lead: Year, clock: FixedClock) -> None:
    clock.moment = datetime(2026, 2, 18, 9, tzinfo=SHANGHAI)
    found = ask(lead, 1000)
    clock.moment = datetime(2026, 2, 20, 9, tzinfo=SHANGHAI)
    decide(lead, found, handed_on=date(2026, 2, 18))
    for day, told in ((date(2026, 2, 17), "分配转账日"), (date(2026, 2, 18), "")):
        command = service.ReturnDistribution(found, Money(100), f"HD-{day}", lead.key, day)
        if told:
            with pytest.raises(MalformedInput, match=told) as error:
                service.return_distribution(lead.hospital.context, OFFICER, command)
            assert error.value.details["field"] == "returned_on"
        else:
            assert service.return_distribution(lead.hospital.context, OFFICER, command).returned_fen == 100
    show(lead, found, 900)
    lead.send_back(lead.return_command(M, returned_on=date(2026, 2, 18)))
    with pytest.raises(MalformedInput, match="分配转账日"):
        repay(lead, found, 900, on=date(2026, 2, 17))
    assert repay(lead, found, 900, on=date(2026, 2, 18)).repaid_fen == 900


def test_no_member_pays_back_before_the_hospital_gave_back_in_its_place(lead: Year, clock: FixedClock) -> None:
    found = hand_on(lead, 1000)
    show(lead, found, 1000)
    clock.moment = datetime(2026, 2, 20, 9, tzinfo=SHANGHAI)
    lead.send_back(lead.return_command(M - 600, returned_on=date(2026, 2, 10)))
    lead.send_back(lead.return_command(600, returned_on=date(2026, 2, 12)))
    for fen, day in ((1, date(2026, 2, 9)), (401, date(2026, 2, 10)), (401, date(2026, 2, 11))):
        with pytest.raises(MalformedInput, match="本院还没有替它归还更多") as error:
            repay(lead, found, fen, on=day)
        assert (error.value.reason, error.value.details) == ("day_too_early", {"field": "paid_on"})
    assert repay(lead, found, 100, on=date(2026, 2, 12)).repaid_fen == 100
    assert repay(lead, found, 400, on=date(2026, 2, 11)).repaid_fen == 500, "what came later stands in no one's way"
    with pytest.raises(MalformedInput, match=r"只有 0\.00 元"):
        repay(lead, found, 1, on=date(2026, 2, 11))
    assert repay(lead, found, 500, on=date(2026, 2, 12)).repaid_fen == 1000
    assert (claim(lead), owed(lead)) == (0, 0)


def test_what_was_taken_back_is_owed_on_no_day(lead: Year, clock: FixedClock) -> None:
    found = hand_on(lead, 1000)
    show(lead, found, 1000)
    lead.give_back(M)
    clock.moment = datetime(2026, 2, 20, 9, tzinfo=SHANGHAI)
    correct(lead, "fund_return")
    lead.send_back(lead.return_command(M, returned_on=date(2026, 2, 10)))
    with pytest.raises(MalformedInput, match="本院还没有替它归还更多"):
        repay(lead, found, 1000, on=date(2026, 2, 9))
    assert repay(lead, found, 1000, on=date(2026, 2, 10)).repaid_fen == 1000


def test_nothing_is_handed_on_before_it_was_asked_for(lead: Year, clock: FixedClock) -> None:
    clock.moment = datetime(2026, 1, 20, 0, 30, tzinfo=SHANGHAI)  # the evening before, by the clock of Greenwich
    found = ask(lead, 1000)
    with pytest.raises(MalformedInput, match="申请分配日（2026-01-20）") as error:
        decide(lead, found, handed_on=date(2026, 1, 19))
    assert error.value.details["field"] == "handed_on"
    assert held(lead) == 0
    assert decide(lead, found, handed_on=date(2026, 1, 20)).state == "approved"


def test_nothing_is_handed_on_before_the_member_was_confirmed(lead: Year, clock: FixedClock) -> None:
    clock.moment = datetime(2026, 1, 20, 9, tzinfo=SHANGHAI)
    enter_member(lead.hospital.context, PAYER, APPROVER, "H37100000003", "另一卫生院")
    found = ask(lead, 1000, member_code="H37100000003")
    with pytest.raises(MalformedInput, match="成员单位核对日") as error:
        decide(lead, found, handed_on=date(2026, 1, 19))
    assert error.value.details["field"] == "handed_on"
    assert decide(lead, found, handed_on=date(2026, 1, 20)).state == "approved"


# -- Payments of the hospital itself --------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ["", " ", "无", "--", "\u3164"])
def test_an_order_number_has_a_letter_or_digit(lead: Year, order: str) -> None:
    answer = lead.ask(line(100, order_no=order)).decision
    assert "missing_order_no" in {one.code for one in answer.reasons}
    with pytest.raises(RuleRefused, match="订单号"):
        show(lead, hand_on(lead, 100), 100, order_no=order)


def test_the_hospital_is_no_supplier_of_its_own(lead: Year) -> None:
    with lead.hospital.context.database.reading() as connection:
        house = institutions.by_id(connection, INSTITUTION)
    assert house is not None
    for name in (house.name, f" {house.name[:2]} {house.name[2:]}\u200b"):
        command = spending.AskPayment(lead.grant_id, name, SUPPLIER[1], "x", (line(100),), lead.key)
        with pytest.raises(MalformedInput, match="不能是本院") as error:
            spending.ask_payment(lead.hospital.context, OFFICER, command)
        assert error.value.details["field"] == "payee_name"


def test_an_invoice_counts_once_on_a_line_however_it_is_spelled(lead: Year) -> None:
    request = lead.reserve(line(1000), line(500, name="y"))
    lead.pay(request)

    def record(number: int, invoice: str) -> Any:
        command = spending.RecordEvidence(request, number, invoice, Money(100))
        return spending.record_evidence(lead.hospital.context, OFFICER, command)

    record(1, "FP1")
    for invoice in ("FP1", "fp1", "FP 1", "ＦＰ－1", "FP1\u200b", "FP1号"):
        with pytest.raises(Conflict, match="记在这一行"):
            record(1, invoice)
    record(2, "fp 1")  # two lines of one request may share an invoice
    record(1, "FP2")
    assert lead.hospital.count("fund_evidence") == 3
