"""When spending stops by rule of the house, and the days that bounce and urging go by; on both databases."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from hospital_prepay.clock import SHANGHAI, FixedClock
from hospital_prepay.domain.decision import Outcome
from hospital_prepay.domain.errors import Conflict, MalformedInput
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.fund.regime import Fund
from hospital_prepay.services.compliance.replay import replay_decisions
from hospital_prepay.services.fund import (
    distribution,
    grants,
    incidents,
    offsets,
    procurement,
    recall,
    review,
    spending,
)
from tests.funding import MILLION_YUAN, enter_member
from tests.hospital import Hospital
from tests.services.fund.conftest import APPROVER, HEAD, OFFICER, PAYER, Year, line

M = MILLION_YUAN
XIZANG, HENAN = "xizang-prepay-2024", "henan-settlement-2023"
LAST = {
    XIZANG: date(2026, 12, 10),
    "zhejiang-prepay-2025": date(2026, 12, 15),
    "weihai-prepay-2025": date(2026, 12, 31),
}


@pytest.mark.parametrize("regime", LAST)
def test_after_the_day_for_giving_back_nothing_is_asked_reserved_or_paid(
    hospital: Hospital, clock: FixedClock, regime: str
) -> None:
    year, context = Year(hospital, regime).arrived(), hospital.context
    clock.moment = datetime.combine(LAST[regime], datetime.max.time(), SHANGHAI)
    reserved, agreed = year.reserve(line(1000)), year.ask(line(1000)).request_id
    spending.agree_request(context, HEAD, agreed)
    clock.moment = datetime.fromordinal(LAST[regime].toordinal() + 1).replace(second=1, tzinfo=SHANGHAI)
    answer = year.ask(line(1000))
    [reason] = [one for one in answer.decision.reasons if one.code == "year_is_over"]
    assert (answer.decision.outcome, reason.clause) == (Outcome.REFUSED, None)
    assert "本院规定" in reason.message
    assert review.preview_payment(context, OFFICER, year.grant_id, (line(5),)).outcome is Outcome.REFUSED
    with pytest.raises(Conflict, match="不再审批和付款（本院规定）"):
        spending.reserve_request(context, APPROVER, agreed)
    with pytest.raises(Conflict, match="不再审批和付款（本院规定）"):
        year.pay(reserved)
    assert year.standing == (M - 1000, 1000, M)
    spending.release_request(context, APPROVER, reserved, "过期")
    assert year.give_back(M).state == "cleared"
    assert replay_decisions(context.database).first is None


def test_on_the_day_itself_money_is_still_paid(hospital: Hospital, clock: FixedClock) -> None:
    year = Year(hospital, XIZANG).arrived()
    clock.moment = datetime(2026, 12, 10, 23, 59, tzinfo=SHANGHAI)
    assert year.pay(year.reserve(line(1000))).state == "paid"


def test_henan_nets_and_has_no_such_day(hospital: Hospital, clock: FixedClock) -> None:
    year = Year(hospital, HENAN).arrived()
    clock.moment = datetime(2027, 6, 1, 9, 0, tzinfo=SHANGHAI)
    assert year.pay(year.reserve(line(1000))).state == "paid"


def test_a_procurement_prepayment_goes_by_its_document(hospital: Hospital, clock: FixedClock) -> None:
    context = hospital.context
    command = procurement.RecordProcurement(
        *(XIZANG, "x", "employee", 2026, Money(M), "文", date(2026, 1, 2), "第九批", date(2026, 3, 31), "proc-key-1")
    )
    year = Year(hospital, XIZANG, grant_id=procurement.record_procurement(context, OFFICER, command), keys=50)
    grants.record_approval(
        context, APPROVER, grants.RecordApproval(year.grant_id, Money(M), date(2026, 1, 15), "文", "")
    )
    year.receive()
    clock.moment = datetime(2026, 3, 31, 9, 0, tzinfo=SHANGHAI)
    reserved = year.reserve(line(1000, batch="第九批"))
    clock.moment = datetime(2026, 4, 1, 9, 0, tzinfo=SHANGHAI)
    with pytest.raises(Conflict, match="到 2026-03-31 应全部交回"):
        year.pay(reserved)


def test_what_one_grant_owes_is_not_paid_from_anothers_earmark(hospital: Hospital) -> None:
    first, second = Year(hospital).arrived(), Year(hospital, keys=100)
    second.apply(fund=Fund.RESIDENT)
    second.approve()
    second.receive()
    agreed = second.ask(line(1000)).request_id
    spending.agree_request(hospital.context, HEAD, agreed)
    reserved = second.reserve(line(1000))
    first.pay(first.reserve(line(600)))
    first.give_back(M)  # 600 of it from the hospital's own money, of which there is none
    for act in (
        lambda: spending.reserve_request(hospital.context, APPROVER, agreed),
        lambda: second.pay(reserved),
    ):
        with pytest.raises(Conflict, match=r"比专款少 6\.00 元.*（本院规定）"):
            act()
    assert second.standing == (M - 1000, 1000, M)
    offset_id = second.record_offset(700, 100)
    offsets.decide_offset(
        hospital.context, APPROVER, offset_id, confirmed=True
    )  # brings 6.00 of its own and 1.00 free
    assert spending.reserve_request(hospital.context, APPROVER, agreed).state == "reserved"
    assert second.pay(reserved).state == "paid"


def test_a_bounce_goes_by_the_slips_day_of_its_payment(hospital: Hospital, clock: FixedClock) -> None:
    year, context = Year(hospital).arrived(), hospital.context
    first, second = year.reserve(line(1000)), year.reserve(line(1000))
    clock.moment = datetime(2026, 1, 19, 9, 0, tzinfo=SHANGHAI)
    for request_id in (first, second):
        pay = spending.PayRequest(request_id, f"ZF-{request_id}", year.key, date(2026, 1, 16))
        spending.pay_request(context, PAYER, pay)
    with pytest.raises(MalformedInput, match="早于付款日"):
        spending.bounce_payment(context, PAYER, first, "户名不符", bounced_on=date(2026, 1, 15))
    for request_id, day in ((first, 16), (second, 17)):
        done = spending.bounce_payment(context, PAYER, request_id, "户名不符", bounced_on=date(2026, 1, day))
        assert done.state == "released"


@pytest.mark.clause("xizang-prepay-2024/7")
@pytest.mark.parametrize(
    ("urged_on", "expected_on"),
    [(date(2026, 12, 30), "2027-01-06"), (date(2027, 1, 4), "2027-01-11"), (date(2027, 3, 1), "2027-03-08")],
)
def test_an_urging_in_a_year_without_a_holiday_schedule_is_provisional(
    hospital: Hospital, clock: FixedClock, urged_on: date, expected_on: str
) -> None:
    year, context = Year(hospital, XIZANG).arrived(), hospital.context
    clock.moment = datetime.combine(urged_on, datetime.min.time(), SHANGHAI).replace(hour=9)
    command = recall.RecordRecall(XIZANG, 1, "事", urged_on, "文", year.key)
    recall_id = recall.record_recall(context, OFFICER, command).recall_id
    assert recall_id is not None
    facts = recall.urge_recall(context, OFFICER, recall.UrgeRecall(recall_id, urged_on, "督")).facts
    assert facts["due_on"] is None
    assert facts["expected_on"] == expected_on


def test_a_return_comes_after_the_money_and_a_loss_too(hospital: Hospital, clock: FixedClock) -> None:
    year = Year(hospital)
    year.apply()
    year.approve()
    clock.moment = datetime(2026, 1, 20, 9, 0, tzinfo=SHANGHAI)
    year.receive()
    clock.moment = datetime(2026, 1, 22, 9, 0, tzinfo=SHANGHAI)
    with pytest.raises(MalformedInput, match="早于到账日"):
        year.send_back(year.return_command(100, returned_on=date(2026, 1, 19)))
    assert year.send_back(year.return_command(100, returned_on=date(2026, 1, 20))).owed_fen == M - 100
    loss = incidents.RecordLoss(year.grant_id, Money(5), date(2026, 1, 19), "丢", "待查", "d", year.key)
    with pytest.raises(MalformedInput, match="早于到账日"):
        incidents.record_loss(hospital.context, OFFICER, loss)


def test_an_approval_has_a_day_and_an_amount_that_can_be(hospital: Hospital) -> None:
    year = Year(hospital)
    year.apply()
    good = grants.RecordApproval(year.grant_id, Money(M), date(1900, 1, 1), "文", "M-1", None, "先批")
    with pytest.raises(MalformedInput, match="早于上一年年初"):
        grants.record_approval(hospital.context, APPROVER, good)
    for fen in (0, -5):
        with pytest.raises(MalformedInput, match="大于零"):
            year.approve(fen)


def test_no_amount_below_zero_is_booked(hospital: Hospital) -> None:
    year = Year(hospital).arrived()
    with pytest.raises(MalformedInput, match="大于零"):
        year.give_back(-100)
    loss = incidents.RecordLoss(year.grant_id, Money(-5), date(2026, 1, 15), "丢", "待查", "d", year.key)
    with pytest.raises(MalformedInput, match="大于零"):
        incidents.record_loss(hospital.context, OFFICER, loss)
    assert year.standing == (M, 0, M)


def test_compensation_comes_after_the_loss_and_a_write_off_counts_once(hospital: Hospital) -> None:
    year, context = Year(hospital).arrived(), hospital.context
    loss = incidents.RecordLoss(year.grant_id, Money(500), date(2026, 1, 15), "丢", "待查", "d", year.key)
    incident_id = incidents.record_loss(context, OFFICER, loss)
    incidents.decide_loss(context, APPROVER, incident_id, confirmed=True)
    early = incidents.RecordCompensation(incident_id, Money(200), "C-1", date(1980, 1, 1), year.key)
    with pytest.raises(MalformedInput, match="早于发现日"):
        incidents.record_compensation(context, OFFICER, early)
    for number, document in enumerate(("文1", "文 1", "文１", "文01")):
        written = incidents.RecordWriteOff(year.grant_id, Money(10), date(2026, 1, 15), document)
        if number:
            with pytest.raises(Conflict, match="已经记在"):
                incidents.record_write_off(context, APPROVER, written)
        else:
            incidents.record_write_off(context, APPROVER, written)


def test_a_member_is_another_house_and_shows_an_invoice_once(hospital: Hospital) -> None:
    lead, context = Year(hospital, "weihai-prepay-2025").arrived(), hospital.context

    def ask(code: str, fen: int = 1000) -> str:
        command = distribution.AskDistribution(lead.grant_id, code, Money(fen), "协议", lead.key)
        return distribution.ask_distribution(context, OFFICER, command)

    own = OFFICER.institution_id
    for code in (own, own.lower(), f" {own}", own.replace("H", "Ｈ"), own[:4] + "-" + own[4:], " "):
        with pytest.raises(MalformedInput, match="不能是本院"):
            enter_member(context, PAYER, APPROVER, code)
    with pytest.raises(MalformedInput, match="H 加 11 位数字"):
        enter_member(context, PAYER, APPROVER, "H" * 13)
    enter_member(context, PAYER, APPROVER, "h3710-0000009")
    with pytest.raises(MalformedInput, match="请核对金额"):
        ask("H37100000009", -5)
    asked = ask("h37100000009")
    handed = distribution.DecideDistribution(asked, True, "Z-1", date(1990, 1, 1))
    with pytest.raises(MalformedInput, match="早于到账日"):
        distribution.decide_distribution(context, APPROVER, handed)
    handed = distribution.DecideDistribution(asked, True, "Z-1", None)
    assert distribution.decide_distribution(context, APPROVER, handed).member_code == "H37100000009"

    def show(document: str, **changes: str) -> int:
        command = distribution.ShowUse(asked, line(100, **changes), document, lead.key)
        return distribution.show_use(context, OFFICER, command).in_hand_fen

    assert show("FP1") == 900
    for document in ("fp1", "FP 1", "ＦＰ－1"):
        with pytest.raises(Conflict, match="已经用这张单据记过"):
            show(document)
    assert show("FP1", name="另一种药") == 800
