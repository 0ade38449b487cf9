"""Admissions and discharges over the API; SQLite."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hospital_prepay.domain.access import Role
from tests.api.conftest import System
from tests.hospital import Hospital

EVENT: dict[str, Any] = {
    "event": "discharge",
    "stay_no": "2601140001",
    "occurred_at": "2026-01-15T09:30:00+08:00",
    "name": "吴桂兰",
    "certificate": "522601196403180422",
    "ward": "呼吸内科",
    "insured": "390",
    "disease_code": "J15.900",
    "disease_name": "细菌性肺炎",
    "admitted_at": "2026-01-12T08:00:00+08:00",
    "discharged_at": "2026-01-15T09:20:00+08:00",
    "disposition": "1",
}


@pytest.fixture
def hospital(small_hospital: Hospital) -> Hospital:
    """One database is enough here."""
    return small_hospital


def test_a_discharge_registers_the_stay_and_starts_its_clocks(cashier: System, hospital: Hospital) -> None:
    answer = cashier.post("/visits", EVENT)
    assert (answer.status_code, answer.get_json()) == (200, {"outcome": "applied", "stay_no": "2601140001"})
    assert cashier.post("/visits", EVENT).get_json()["outcome"] == "duplicate"
    stay = cashier.get("/stays/2601140001").get_json()
    assert stay["discharged_at"] == "2026-01-15T09:20:00+08:00"
    assert hospital.count("discharge", "due_on = '2026-01-20'") == 1
    assert hospital.count("visit_message", "source = 'api'") == 1


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"event": "merge"}, "event"),
        ({"event": "leave"}, "event"),
        ({"stay_no": "住院 1"}, "stay_no"),
        ({"occurred_at": "2026-01-15 09:30"}, "occurred_at"),
        ({"discharged_at": "2026-01-11T09:20:00+08:00"}, "discharged_at"),
        ({"disposition": "7"}, "disposition"),
        ({"sex": "X"}, "sex"),
        ({"unknown": "1"}, "unknown"),
    ],
)
def test_what_is_wrong_is_named_by_its_field(
    cashier: System, hospital: Hospital, changes: dict[str, Any], field: str
) -> None:
    answer = cashier.post("/visits", {**EVENT, **changes})
    assert answer.status_code in (400, 422)
    assert field in str(answer.get_json())
    assert hospital.count("visit_message") == 0


def test_an_admission_still_to_come_is_refused_and_nothing_is_kept(cashier: System, hospital: Hospital) -> None:
    later = {"admitted_at": "2026-02-01T08:00:00+08:00", "discharged_at": None, "event": "admit"}
    assert cashier.post("/visits", {**EVENT, **later}).status_code == 422
    assert hospital.count("visit_message") == 0


RESULT: dict[str, Any] = {
    "setl_id": "520000G001",
    "setl_time": "2026-01-15T09:50:00+08:00",
    "certno": "522601196403180422",
    "insutype": "390",
    "med_type": "21",
    "medfee_sumamt_fen": 100000,
    "fund_pay_sumamt_fen": 60000,
    "psn_part_amt_fen": 40000,
    "acct_pay_fen": 0,
    "psn_cash_pay_fen": 40000,
}
WHERE = "/stays/2601140001/settlement-results"


@pytest.fixture
def insurance(system: Callable[[Role], System], cashier: System) -> System:
    """The insurance's interface; the stay has been told of."""
    cashier.post("/visits", EVENT)
    return system(Role.INSURANCE_CLERK)


def test_a_result_of_the_insurance_is_kept_once_and_said_to_tie(insurance: System, hospital: Hospital) -> None:
    answer = insurance.post(WHERE, RESULT)
    assert (answer.status_code, answer.get_json()) == (201, {"setl_id": "520000G001", "faults": []})
    assert insurance.post(WHERE, RESULT).status_code == 201
    assert insurance.post(WHERE, {**RESULT, "medfee_sumamt_fen": 100001}).status_code == 409
    assert hospital.count("settlement_result", "source = 'api' AND certificate_hash IS NOT NULL") == 1


def test_a_result_that_does_not_tie_is_kept_with_what_is_wrong(insurance: System) -> None:
    answer = insurance.post(WHERE, {**RESULT, "psn_cash_pay_fen": 39999}).get_json()
    assert [fault["code"] for fault in answer["faults"]] == ["burden_not_tied"]
    assert "差 0.01 元" in answer["faults"][0]["message"]


def test_a_result_needs_its_stay_its_amounts_and_the_insurance(insurance: System, cashier: System) -> None:
    assert insurance.post("/stays/NONE/settlement-results", RESULT).status_code == 404
    assert insurance.post(WHERE, {**RESULT, "psn_cash_pay_fen": None}).status_code == 422
    assert insurance.post(WHERE, {**RESULT, "psn_cash_pay_fen": 400.0}).status_code == 422
    assert cashier.post(WHERE, RESULT).status_code == 403


COSTS = {"as_of": "2026-01-15T09:50:00+08:00", "total_fen": 100000, "own_fen": 40000}


def test_costs_of_a_stay_are_kept_once(insurance: System, cashier: System, hospital: Hospital) -> None:
    where = "/stays/2601140001/costs"
    assert cashier.post(where, COSTS).get_json() == {"stay_no": "2601140001"}
    assert cashier.post(where, COSTS).status_code == 201
    assert cashier.post(where, {**COSTS, "own_fen": 1}).status_code == 409
    assert cashier.post(where, {**COSTS, "own_fen": -1}).status_code == 422
    assert cashier.post("/stays/NONE/costs", COSTS).status_code == 404
    assert insurance.post(where, COSTS).status_code == 403
    assert hospital.count("stay_cost", "source = 'api'") == 1
