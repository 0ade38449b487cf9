"""A disease and class picked at the counter become the stay's with the first money, and only with it."""

from __future__ import annotations

import pytest

from hospital_prepay.domain.errors import Conflict
from hospital_prepay.domain.ledger.chart import Tender
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.references import payment_reference
from hospital_prepay.services.inpatient.deposits import CollectDeposit, Collected, collect_deposit
from hospital_prepay.services.inpatient.stays import (
    ChangePlacement,
    Placement,
    RegisterStay,
    change_placement,
    register_stay,
)
from tests.hospital import ADMITTED, CASHIER, CASHIER_2, Hospital

STAY = "2601140001"
DEAR = Placement("G00.900", "细菌性脑膜炎", "self_pay")


def take(hospital: Hospital, fen: int, key: str, placement: Placement | None = DEAR, **more: str) -> Collected:
    tender = Tender(more.pop("tender", "cash"))
    command = CollectDeposit(STAY, Money(fen), tender, key, placement=placement, **more)
    return collect_deposit(hospital.context, CASHIER, command)


def follows(hospital: Hospital) -> int:
    return hospital.count("stay_cap", f"stay_no = '{STAY}' AND disease_code = 'G00.900'")


def test_money_that_is_refused_changes_nothing_about_the_stay(hospital: Hospital) -> None:
    hospital.admit(STAY)
    refused = take(hospital, 900001, "key-1")
    assert (refused.receipt_no, refused.decision.amount) == (None, Money(900000))
    assert follows(hospital) == 0
    assert take(hospital, 320001, "key-2", None).decision.amount == Money(320000)


def test_money_that_is_taken_takes_the_choice_with_it(hospital: Hospital) -> None:
    hospital.admit(STAY)
    taken = take(hospital, 900000, "key-1")
    assert taken.receipt_no == "A01-000001"
    assert (taken.cap, taken.room) == (Money(900000), Money(0))
    assert follows(hospital) == 1
    assert take(hospital, 900000, "key-1").receipt_no == "A01-000001"
    assert hospital.count("receipt") == 1


def test_after_the_first_slip_a_choice_counts_no_more(hospital: Hospital) -> None:
    hospital.admit(STAY)
    take(hospital, 100, "key-1", None)
    assert take(hospital, 320000, "key-2").decision.amount == Money(319900)
    assert follows(hospital) == 0


@pytest.mark.parametrize("typed", ["4200a1", "４２００Ａ１", " 4200 a1", "4200-A1", "4200A1\u3000"])
@pytest.mark.parametrize("tender", ["wechat", "alipay", "cash"])
def test_one_payment_has_one_reference_however_it_is_typed(hospital: Hospital, typed: str, tender: str) -> None:
    assert payment_reference(typed) == "4200A1"
    hospital.admit(STAY)
    take(hospital, 100, "key-1", None, tender="wechat", payment_reference="4200A1")
    with pytest.raises(Conflict, match="A01-000001"):
        take(hospital, 100, "key-2", None, tender=tender, payment_reference=typed)


def test_an_unclear_diagnosis_follows_posted_diseases_only(hospital: Hospital) -> None:
    hospital.admit(STAY)
    unposted = Placement(
        "R10.400", "腹痛", "resident", "similar", similar_code="A03.900", similar_ground="李医生：疑似痢疾"
    )
    placed = change_placement(hospital.context, CASHIER_2, ChangePlacement(STAY, unposted, 1))
    assert placed.decision.reasons[0].code == "similar_missing"
    assert placed.cap == Money(320000)


@pytest.mark.parametrize("talk", [".", "。", " — ", ""])
def test_a_full_stop_is_no_talk(hospital: Hospital, talk: str) -> None:
    hospital.admit(STAY)
    unknown = Placement("J15.900", "细菌性肺炎", "resident", "identity_unknown", talk=talk)
    placed = change_placement(hospital.context, CASHIER, ChangePlacement(STAY, unknown, 1))
    assert placed.decision.reasons[0].code == "talk_missing"


def test_nobody_lies_in_the_hospital_twice_at_once(hospital: Hospital) -> None:
    def register(stay_no: str, certificate: str) -> None:
        command = RegisterStay(stay_no, "吴桂兰", DEAR, ADMITTED, certificate=certificate)
        register_stay(hospital.context, CASHIER, command)

    register("1", "11010519491231002X")
    with pytest.raises(Conflict, match="住院号 1"):
        register("2", "11010519491231002X")
    register("2", "")
    register("3", "")
