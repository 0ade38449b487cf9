"""The desk's money paths, on both databases."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier

import pytest

from hospital_prepay.domain.access import Actor
from hospital_prepay.domain.decision import Outcome
from hospital_prepay.domain.errors import (
    Conflict,
    MalformedInput,
    NotFound,
    NotPermitted,
    ReusedKey,
    SecondPersonRequired,
)
from hospital_prepay.domain.ledger.chart import Tender
from hospital_prepay.domain.money import Money
from hospital_prepay.services.inpatient.deposits import CollectDeposit, Collected, collect_deposit
from hospital_prepay.services.inpatient.slips import (
    DecideRequest,
    RequestRefund,
    RequestVoid,
    decide_request,
    request_refund,
    request_void,
)
from hospital_prepay.services.inpatient.stays import (
    ChangePlacement,
    Placement,
    RegisterStay,
    change_placement,
    register_stay,
)
from tests.hospital import APPROVER, CASHIER, CASHIER_2, OFFICER, Hospital

keys = (f"key-{n}" for n in itertools.count())
STAY = "2601140001"


def pay(yuan: str, **changes: object) -> CollectDeposit:
    command = CollectDeposit(STAY, Money.of_yuan(yuan), Tender.CASH, next(keys))
    return replace(command, **changes)  # type: ignore[arg-type]


def collect(hospital: Hospital, yuan: str, **changes: object) -> Collected:
    return collect_deposit(hospital.context, CASHIER, pay(yuan, **changes))


@pytest.mark.clause("guizhou-deposit-2025/10", "guizhou-deposit-2025/17")
def test_a_deposit_within_the_cap_is_posted_and_numbered(hospital: Hospital) -> None:
    hospital.admit()
    done = collect(hospital, "1200")
    assert (done.decision.outcome, done.receipt_no, done.room) == (Outcome.PERMITTED, "A01-000001", Money(200000))
    assert hospital.balance("1001") == Money(120000)
    assert hospital.balance(f"23050103:{STAY}") == Money(-120000)


@pytest.mark.clause("guizhou-deposit-2025/12", "guizhou-deposit-2025/17")
def test_several_payments_together_never_pass_the_cap(hospital: Hospital) -> None:
    hospital.admit()
    collect(hospital, "3199.99")
    refused = collect(hospital, "0.02")
    assert refused.decision.outcome is Outcome.REFUSED
    assert refused.decision.clauses == ("guizhou-deposit-2025/17", "guizhou-deposit-2025/12")
    assert refused.decision.amount == Money(1)
    assert collect(hospital, "0.01").receipt_no == "A01-000002"
    assert hospital.balance("1001") == Money(320000)


def test_a_refusal_takes_no_number_and_is_on_record(hospital: Hospital) -> None:
    hospital.admit()
    collect(hospital, "5000")
    assert hospital.count("receipt") == 0
    assert hospital.count("decision", "rule = 'inpatient.collect' AND outcome = 'refused'") == 1
    assert hospital.count("audit_event", "action = 'deposit.collect' AND outcome = 'refused'") == 1


@pytest.mark.parametrize("yuan", ["1200", "9000"])
def test_the_same_key_and_content_give_the_same_answer(hospital: Hospital, yuan: str) -> None:
    hospital.admit()
    command = pay(yuan)
    first = collect_deposit(hospital.context, CASHIER, command)
    assert collect_deposit(hospital.context, CASHIER, command) == first
    assert hospital.count("receipt") == (1 if first.receipt_no else 0)


def test_the_same_key_with_another_amount_is_a_conflict(hospital: Hospital) -> None:
    hospital.admit()
    command = pay("100")
    collect_deposit(hospital.context, CASHIER, command)
    with pytest.raises(ReusedKey):
        collect_deposit(hospital.context, CASHIER, replace(command, amount=Money(20000)))
    with pytest.raises(ReusedKey):
        collect_deposit(hospital.context, CASHIER_2, command)
    assert hospital.balance("1001") == Money(10000)


def test_fifty_identical_requests_at_once_make_one_receipt(hospital: Hospital) -> None:
    hospital.admit()
    command = pay("100")
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: collect_deposit(hospital.context, CASHIER, command), range(50)))
    assert len({answer.receipt_no for answer in answers}) == 1
    assert hospital.count("receipt") == 1


@pytest.mark.clause("guizhou-deposit-2025/17")
def test_two_cashiers_at_once_never_pass_the_cap_together(hospital: Hospital) -> None:
    hospital.admit()
    commands = [pay("500") for _ in range(16)]
    people = itertools.cycle((CASHIER, CASHIER_2))
    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(lambda job: collect_deposit(hospital.context, *job), zip(people, commands, strict=False))
        )
    assert sum(a.receipt_no is not None for a in answers) == 6
    assert hospital.balance("1001") == Money(300000)
    numbers = sorted(a.receipt_no for a in answers if a.receipt_no)
    for book in ("A01", "A02"):
        serials = [int(n[4:]) for n in numbers if n.startswith(book)]
        assert serials == list(range(1, len(serials) + 1))


def test_another_way_of_paying_needs_a_reference_and_takes_it_once(hospital: Hospital) -> None:
    hospital.admit()
    with pytest.raises(MalformedInput, match="支付单号"):
        collect(hospital, "100", tender=Tender.WECHAT)
    collect(hospital, "100", tender=Tender.WECHAT, payment_reference="4200002788")
    assert hospital.balance("1021") == Money(10000)
    with pytest.raises(Conflict, match="A01-000001"):
        collect(hospital, "100", tender=Tender.WECHAT, payment_reference="4200002788")


def test_two_desks_at_once_never_book_one_payment_in_two_stays(hospital: Hospital) -> None:
    for n in range(4):
        stays = [f"26{n}{side}" for side in "ab"]
        for stay_no in stays:
            hospital.admit(stay_no)
        at_once = Barrier(2)

        def book(actor: Actor, stay_no: str, at_once: Barrier = at_once, reference: str = f"42000027{n}") -> str:
            at_once.wait()
            command = pay("100", stay_no=stay_no, tender=Tender.WECHAT, payment_reference=reference)
            try:
                return collect_deposit(hospital.context, actor, command).decision.outcome.value
            except Conflict as error:
                return error.reason

        with ThreadPoolExecutor(2) as pool:
            answers = pool.map(book, (CASHIER, CASHIER_2), stays)
            assert sorted(answers) == ["permitted", "reference_in_use"]


@pytest.mark.parametrize("amount", [0, -5])
def test_nothing_and_less_than_nothing_are_refused(hospital: Hospital, amount: int) -> None:
    hospital.admit()
    with pytest.raises(MalformedInput):
        collect_deposit(hospital.context, CASHIER, pay("1", amount=Money(amount)))


def test_an_unknown_stay_is_not_found_and_the_attempt_is_on_record(hospital: Hospital) -> None:
    with pytest.raises(NotFound):
        collect(hospital, "100", stay_no="9")
    assert hospital.count("audit_event", "outcome = 'refused' AND subject = '9'") == 1


def test_only_a_cashier_collects(hospital: Hospital) -> None:
    hospital.admit()
    for person in (OFFICER, APPROVER):
        with pytest.raises(NotPermitted):
            collect_deposit(hospital.context, person, pay("1"))


def test_a_stay_number_is_registered_once(hospital: Hospital) -> None:
    hospital.admit()
    with pytest.raises(Conflict, match="已经登记过"):
        hospital.admit()


# --- article 17 and 18 -------------------------------------------------------------------------------------------


@pytest.mark.clause("guizhou-deposit-2025/17.1")
def test_unknown_identity_takes_the_self_pay_cap_after_the_talk(hospital: Hospital) -> None:
    without = hospital.admit(circumstance="identity_unknown")
    assert without.cap is None
    assert without.decision.clauses == ("guizhou-deposit-2025/17.1",)
    assert collect(hospital, "1").receipt_no is None
    changed = change(hospital, 1, circumstance="identity_unknown", talk="已向家属说明按自费标准收")
    assert changed.cap == Money(600000)


@pytest.mark.clause("guizhou-deposit-2025/17.1")
def test_a_class_known_later_lowers_the_cap_and_the_excess_is_proposed_for_refund(hospital: Hospital) -> None:
    hospital.admit(circumstance="third_party", talk="已沟通")
    collect(hospital, "5000")
    changed = change(hospital, 1, circumstance="plain", insured_class="employee")
    assert (changed.cap, changed.excess) == (Money(184000), Money(316000))
    assert collect(hospital, "0.01").decision.outcome is Outcome.REFUSED
    request = waiting(hospital)
    done = decide_request(hospital.context, OFFICER, DecideRequest(request, approve=True))
    assert (done.receipt_no, done.amount) == ("A01-000002", Money(316000))
    assert hospital.balance("1001") == Money(184000)


@pytest.mark.clause("guizhou-deposit-2025/17.3")
def test_a_disease_that_changes_upwards_is_collected_up_to_the_new_cap_once_explained(hospital: Hospital) -> None:
    hospital.admit()
    collect(hospital, "3200")
    new = {"disease_code": "G00.900", "disease_name": "细菌性脑膜炎", "circumstance": "changed"}
    unexplained = change(hospital, 1, **new)
    assert (unexplained.decision.outcome, unexplained.cap, unexplained.cap_version) == (
        Outcome.REFUSED,
        Money(320000),
        1,
    )
    assert hospital.count("slip_request") == 0, "a change that didn't come about lowers nothing"
    assert change(hospital, 1, **new, talk="已向患者解释").cap == Money(684000)
    done = collect(hospital, "3640")
    assert done.decision.clauses == (
        "guizhou-deposit-2025/17",
        "guizhou-deposit-2025/12",
        "guizhou-deposit-2025/17.3",
    )
    assert done.room == Money(0)


@pytest.mark.clause("guizhou-deposit-2025/17.2")
def test_an_unclear_diagnosis_follows_the_similar_disease_or_is_collected_in_stages(hospital: Hospital) -> None:
    picked = {"circumstance": "similar", "similar_code": "G00.900", "similar_ground": "神经内科王医生：脑膜刺激征"}
    assert hospital.admit(**picked).cap == Money(684000)
    assert change(hospital, 1, circumstance="staged").cap == Money(320000)
    assert collect(hospital, "100").decision.reasons[0].code == "stage_missing"
    assert collect(hospital, "100", stage="入院检查").receipt_no


@pytest.mark.clause("guizhou-deposit-2025/18")
def test_an_unposted_disease_takes_the_lowest_of_its_similar_posted_ones_and_its_own(hospital: Hospital) -> None:
    unposted = {"disease_code": "A03.900", "disease_name": "细菌性痢疾"}
    assert hospital.admit(**unposted).cap == Money(200000)
    assert hospital.admit("2", **unposted, insured_class="self_pay").cap == Money(400000)
    nothing = hospital.admit("3", disease_code="A04.900", disease_name="细菌性肠炎")
    assert (nothing.cap, nothing.decision.clauses) == (None, ("guizhou-deposit-2025/18",))
    picked = hospital.admit("4", disease_code="X", disease_name="罕见病", similar_code="J15.900")
    assert picked.cap is None, "a similar disease is named for an unclear diagnosis only"


def test_a_stale_change_is_a_conflict(hospital: Hospital) -> None:
    hospital.admit()
    change(hospital, 1, insured_class="employee")
    with pytest.raises(Conflict, match="刚被别人改过"):
        change(hospital, 1, insured_class="self_pay")


# --- voids and refunds -------------------------------------------------------------------------------------------


def test_a_void_needs_a_second_person_and_reverses_the_entry(hospital: Hospital) -> None:
    hospital.admit()
    slip = collect(hospital, "500").receipt_no
    assert slip is not None
    asked = request_void(hospital.context, CASHIER, RequestVoid(slip, "金额录错"))
    with pytest.raises(NotPermitted):
        decide_request(hospital.context, CASHIER, DecideRequest(asked.request_id, approve=True))
    done = decide_request(hospital.context, OFFICER, DecideRequest(asked.request_id, approve=True))
    assert done.receipt_no == "A01-000002"
    assert hospital.balance("1001") == Money(0)
    assert collect(hospital, "3200").receipt_no == "A01-000003"
    with pytest.raises(Conflict):
        decide_request(hospital.context, APPROVER, DecideRequest(asked.request_id, approve=True))
    again = request_void(hospital.context, CASHIER, RequestVoid(slip, "再来一次"))
    assert [r.code for r in again.decision.reasons] == ["already_void"]


def test_the_person_who_asked_may_not_approve_even_with_the_permission(hospital: Hospital) -> None:
    hospital.admit()
    slip = collect(hospital, "500").receipt_no
    assert slip is not None
    both = replace(CASHIER, roles=CASHIER.roles | OFFICER.roles)
    asked = request_void(hospital.context, both, RequestVoid(slip, "录错"))
    with pytest.raises(SecondPersonRequired):
        decide_request(hospital.context, both, DecideRequest(asked.request_id, approve=True))
    assert hospital.balance("1001") == Money(50000)


def test_yesterdays_slip_is_refunded_not_voided(hospital: Hospital, clock: object) -> None:
    from datetime import timedelta

    hospital.admit()
    slip = collect(hospital, "500").receipt_no
    assert slip is not None
    hospital.context.clock.moment += timedelta(days=1)  # type: ignore[attr-defined]
    asked = request_void(hospital.context, CASHIER, RequestVoid(slip, "录错"))
    assert [r.code for r in asked.decision.reasons] == ["not_today"]


def test_a_refund_never_exceeds_what_the_stay_holds(hospital: Hospital) -> None:
    hospital.admit()
    collect(hospital, "500")
    too_much = RequestRefund(STAY, Money(50001), Tender.CASH, "出院退费")
    assert request_refund(hospital.context, CASHIER, too_much).decision.outcome is Outcome.REFUSED
    asked = request_refund(hospital.context, CASHIER, replace(too_much, amount=Money(50000)))
    with pytest.raises(Conflict, match="等复核"):
        request_refund(hospital.context, CASHIER, replace(too_much, amount=Money(1)))
    decide_request(hospital.context, OFFICER, DecideRequest(asked.request_id, approve=True))
    assert hospital.balance(f"23050103:{STAY}") == Money(0)


def test_a_refund_is_not_voided_back_above_a_cap_that_fell_meanwhile(hospital: Hospital) -> None:
    hospital.admit()
    collect(hospital, "3200")
    asked = request_refund(hospital.context, CASHIER, RequestRefund(STAY, Money(100000), Tender.CASH, "退"))
    refunded = decide_request(hospital.context, OFFICER, DecideRequest(asked.request_id, approve=True)).receipt_no
    waits = request_void(hospital.context, CASHIER, RequestVoid(refunded or "", "录错"))
    change(hospital, 1, insured_class="employee")
    done = decide_request(hospital.context, OFFICER, DecideRequest(waits.request_id, approve=True))
    assert done.decision is not None
    assert [reason.code for reason in done.decision.reasons] == ["over_cap"]
    assert hospital.count("decision", f"decision_id = '{done.decision_id}' AND outcome = 'refused'") == 1
    assert hospital.balance("1001") == Money(220000)


@pytest.mark.parametrize("days", [1, 365])
def test_an_admission_still_to_come_is_not_registered(hospital: Hospital, days: int) -> None:
    later = hospital.context.clock.now() + timedelta(days=days)
    placement = Placement("J15.900", "细菌性肺炎", "resident")
    with pytest.raises(MalformedInput, match="不能晚于今天"):
        register_stay(hospital.context, CASHIER, RegisterStay(STAY, "吴桂兰", placement, later))


def test_an_attempt_at_an_address_of_any_length_is_on_record(hospital: Hospital) -> None:
    with pytest.raises(NotFound):
        decide_request(hospital.context, OFFICER, DecideRequest("y" * 300, approve=True))
    assert hospital.count("audit_event", "action = 'slip.decide' AND outcome = 'refused'") == 1


def test_two_people_deciding_at_once_pay_once(hospital: Hospital) -> None:
    hospital.admit()
    collect(hospital, "500")
    asked = request_refund(hospital.context, CASHIER, RequestRefund(STAY, Money(50000), Tender.CASH, "退"))

    def approve(person: object) -> str:
        try:
            decide_request(hospital.context, person, DecideRequest(asked.request_id, approve=True))  # type: ignore[arg-type]
        except Conflict:
            return "conflict"
        return "done"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(approve, (OFFICER, APPROVER))) == ["conflict", "done"]
    assert hospital.balance("1001") == Money(0)


def change(hospital: Hospital, seen: int, **changes: object):  # type: ignore[no-untyped-def]
    placement = {"disease_code": "J15.900", "disease_name": "细菌性肺炎", "insured_class": "resident", **changes}
    command = ChangePlacement(STAY, Placement(**placement), seen)  # type: ignore[arg-type]
    return change_placement(hospital.context, CASHIER, command)


def waiting(hospital: Hospital) -> str:
    import sqlalchemy as sa

    with hospital.context.database.reading() as connection:
        return str(connection.scalar(sa.text("SELECT request_id FROM slip_request WHERE state = 'waiting'")))
