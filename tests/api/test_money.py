"""Money through the API, on both databases."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from hospital_prepay.domain.access import Actor, Permission, Role
from hospital_prepay.domain.errors import Conflict, NotPermitted
from hospital_prepay.persistence.case_store import add_diseases
from hospital_prepay.services.access.api_clients import ROLES
from hospital_prepay.services.inpatient.slips import DecideRequest, Done, decide_request
from tests.api.conftest import System
from tests.hospital import INSTITUTION, OFFICER, Hospital

STAY = "2601140001"
DEPOSITS = f"/stays/{STAY}/deposits"
CASH: dict[str, Any] = {"amount_fen": 120000, "tender": "cash"}


@pytest.fixture(autouse=True)
def admitted(hospital: Hospital) -> None:
    hospital.admit(STAY)


def test_a_deposit_within_the_cap_answers_with_its_receipt(cashier: System, hospital: Hospital) -> None:
    answer = cashier.post(DEPOSITS, CASH)
    assert answer.status_code == 201
    body = answer.get_json()
    assert {name: body[name] for name in ("receipt_no", "cap_fen", "collected_fen", "room_fen")} == {
        "receipt_no": "A01-000001",
        "cap_fen": 320000,
        "collected_fen": 120000,
        "room_fen": 200000,
    }
    assert body["decision"]["clauses"] == ["guizhou-deposit-2025/17", "guizhou-deposit-2025/12"]
    assert "/r/" in body["verify_url"]
    assert hospital.balance("1001").fen == 120000


def test_a_deposit_is_online_unless_the_system_says_where_it_stands(cashier: System) -> None:
    for said, shown in (({}, "online"), ({"channel": "bedside"}, "bedside")):
        number = cashier.post(DEPOSITS, {**CASH, "amount_fen": 10000, **said}).get_json()["receipt_no"]
        assert cashier.get(f"/receipts/{number}").get_json()["channel"] == shown
    for wrong in ("ward", None):
        assert cashier.post(DEPOSITS, {**CASH, "channel": wrong}).status_code == 422


def test_what_goes_over_the_cap_is_a_problem_with_clauses_room_and_decision(
    cashier: System, hospital: Hospital
) -> None:
    cashier.post(DEPOSITS, CASH)
    answer = cashier.post(DEPOSITS, {**CASH, "amount_fen": 200001})
    assert (answer.status_code, answer.mimetype) == (422, "application/problem+json")
    body = answer.get_json()
    assert body["code"] == "over_cap"
    assert body["clauses"] == ["guizhou-deposit-2025/17", "guizhou-deposit-2025/12"]
    assert body["amount_fen"] == 200000
    assert hospital.count("decision", f"decision_id = '{body['decision_id']}' AND outcome = 'refused'") == 1
    assert hospital.count("receipt") == 1


@pytest.mark.parametrize("amount", [120000, 900000])
def test_the_same_key_and_content_answer_the_same_status_and_body(
    cashier: System, hospital: Hospital, amount: int
) -> None:
    first, again = (cashier.post(DEPOSITS, {**CASH, "amount_fen": amount}, "the-same-key") for _ in range(2))
    assert (first.status_code, first.get_json()) == (again.status_code, again.get_json())
    assert hospital.count("receipt") == (1 if amount == 120000 else 0)
    assert hospital.count("decision", "rule = 'inpatient.collect'") == 1


def test_the_same_key_with_another_content_is_a_conflict(cashier: System, hospital: Hospital) -> None:
    cashier.post(DEPOSITS, CASH, "the-same-key")
    for other in ({**CASH, "amount_fen": 1}, {**CASH, "payer": "吴"}):
        answer = cashier.post(DEPOSITS, other, "the-same-key")
        assert (answer.status_code, answer.get_json()["code"]) == (409, "reused_key")
    answer = cashier.post(f"/stays/{STAY}/refund-requests", {**CASH, "ground": "退"}, "the-same-key")
    assert (answer.status_code, answer.get_json()["code"]) == (409, "reused_key")
    assert hospital.balance("1001").fen == 120000


def test_two_systems_may_use_the_same_key(system: Callable[[Role], System], hospital: Hospital) -> None:
    answers = [system(Role.CASHIER).post(DEPOSITS, CASH, "the-same-key") for _ in range(2)]
    assert [answer.get_json()["receipt_no"] for answer in answers] == ["A01-000001", "A02-000001"]
    assert hospital.balance("1001").fen == 240000


def test_a_payment_reference_is_booked_once(cashier: System) -> None:
    paid = {**CASH, "tender": "wechat", "payment_reference": "4200002788"}
    assert cashier.post(DEPOSITS, paid).status_code == 201
    answer = cashier.post(DEPOSITS, paid)
    assert (answer.status_code, answer.get_json()["code"]) == (409, "reference_in_use")


def decided(hospital: Hospital, request_id: str, *, approve: bool = True) -> Done:
    """A person's word on what a system asked for."""
    return decide_request(hospital.context, OFFICER, DecideRequest(request_id, approve, ground="票面没有错"))


def test_a_refund_is_asked_for_by_a_system_and_done_by_a_person(
    cashier: System, officer: System, hospital: Hospital
) -> None:
    cashier.post(DEPOSITS, CASH)
    ask = {"amount_fen": 20000, "tender": "cash", "ground": "出院退费"}
    first, again = (cashier.post(f"/stays/{STAY}/refund-requests", ask, "refund-key-1") for _ in range(2))
    assert (first.status_code, first.get_json()) == (201, again.get_json())
    assert cashier.post(f"/stays/{STAY}/refund-requests", ask).status_code == 409
    request_id = first.get_json()["request_id"]
    assert decided(hospital, request_id).receipt_no == "A01-000002"
    with pytest.raises(Conflict):
        decided(hospital, request_id)
    assert hospital.balance("1001").fen == 100000


@pytest.mark.parametrize("role", list(ROLES))
def test_no_system_is_a_second_person(hospital: Hospital, role: Role) -> None:
    system = Actor(INSTITUTION, "client:x", "HIS", frozenset({role}), is_system=True)
    for forbidden in (Permission.SLIP_APPROVE, Permission.CAPS_APPROVE, Permission.CAPS_PUBLISH):
        assert not system.may(forbidden)
    with pytest.raises(NotPermitted):
        decide_request(hospital.context, system, DecideRequest("any", True))


def test_a_refund_above_the_balance_is_refused_the_same_twice(cashier: System, hospital: Hospital) -> None:
    ask = {"amount_fen": 1, "tender": "cash", "ground": "退"}
    first, again = (cashier.post(f"/stays/{STAY}/refund-requests", ask, "refund-key-2") for _ in range(2))
    assert (first.status_code, first.get_json()["code"]) == (422, "above_balance")
    assert first.get_json() == again.get_json()
    assert hospital.count("slip_request") == 0


def test_a_void_turned_down_leaves_the_slip(cashier: System, officer: System, hospital: Hospital) -> None:
    number = cashier.post(DEPOSITS, CASH).get_json()["receipt_no"]
    asked = cashier.post(f"/receipts/{number}/void-requests", {"ground": "金额录错"}).get_json()
    assert decided(hospital, asked["request_id"], approve=False).receipt_no is None
    assert officer.get(f"/receipts/{number}").get_json()["cancelled_by"] is None
    assert hospital.balance("1001").fen == 120000


def test_a_void_carried_out_shows_on_the_slip(cashier: System, officer: System, hospital: Hospital) -> None:
    number = cashier.post(DEPOSITS, CASH).get_json()["receipt_no"]
    asked = cashier.post(f"/receipts/{number}/void-requests", {"ground": "金额录错"}).get_json()
    done = decided(hospital, asked["request_id"])
    assert cashier.get(f"/receipts/{number}").get_json()["cancelled_by"] == done.receipt_no == "A01-000002"
    listed = cashier.get(DEPOSITS).get_json()
    assert [one["kind"] for one in listed["receipts"]] == ["void", "deposit"]
    assert (listed["collected_fen"], listed["room_fen"]) == (0, 320000)
    assert hospital.balance("1001").fen == 0


def test_yesterdays_slip_is_not_voided(cashier: System, hospital: Hospital) -> None:
    number = cashier.post(DEPOSITS, CASH).get_json()["receipt_no"]
    hospital.context.clock.moment += timedelta(days=1)  # type: ignore[attr-defined]
    answer = cashier.post(f"/receipts/{number}/void-requests", {"ground": "录错"})
    assert (answer.status_code, answer.get_json()["code"]) == (422, "not_today")
    assert answer.get_json().get("clauses", []) == []


def test_a_request_that_may_no_longer_be_carried_out_is_refused_with_its_decision(
    cashier: System, officer: System, hospital: Hospital
) -> None:
    number = cashier.post(DEPOSITS, CASH).get_json()["receipt_no"]
    void = cashier.post(f"/receipts/{number}/void-requests", {"ground": "录错"}).get_json()["request_id"]
    ask = {"amount_fen": 120000, "tender": "cash", "ground": "退"}
    refund = cashier.post(f"/stays/{STAY}/refund-requests", ask).get_json()["request_id"]
    assert decided(hospital, refund).receipt_no
    answer = decided(hospital, void)
    assert answer.decision is not None
    assert (answer.receipt_no, answer.decision.reasons[0].code) == (None, "already_returned")
    assert hospital.count("decision", f"decision_id = '{answer.decision_id}'") == 1
    assert hospital.balance("1001").fen == 0


def test_an_admission_of_last_century_is_refused(cashier: System) -> None:
    stay = {
        "stay_no": "2601140099", "patient_name": "吴桂兰", "admitted_at": "1999-12-31T23:00:00+08:00",
        "disease_code": "J15.900", "disease_name": "细菌性肺炎", "insured_class": "resident",
    }  # fmt: skip
    answer = cashier.post("/stays", stay)
    assert answer.status_code == 422
    assert "2000" in answer.text


def test_a_payment_reference_is_whole_only_for_a_system_that_collects(cashier: System, officer: System) -> None:
    cashier.post(DEPOSITS, {**CASH, "tender": "wechat", "payment_reference": "4200002788202601150256"})
    assert "4200002788202601150256" in cashier.get(DEPOSITS).text
    seen = officer.get(DEPOSITS)
    assert seen.status_code == 200
    assert "0256" in seen.text
    assert "4200002788" not in seen.text


def test_a_disease_of_the_catalogue_keeps_its_own_name(cashier: System, hospital: Hospital) -> None:
    with hospital.context.database.writing() as connection:
        add_diseases(connection, INSTITUTION, {"J15.900": ("细菌性肺炎", "xjxfy")})
    stay = {
        "stay_no": "2601140098", "patient_name": "吴桂兰", "admitted_at": "2026-01-14T09:00:00+08:00",
        "disease_code": "J15.900", "disease_name": "随便写的", "insured_class": "resident",
    }  # fmt: skip
    assert cashier.post("/stays", stay).status_code == 201
    assert hospital.count("stay_cap", "stay_no = '2601140098' AND disease_name = '细菌性肺炎'") == 1
