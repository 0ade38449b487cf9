"""The restricted fund through the API: a system reads and asks, people do the rest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hospital_prepay.domain.access import Actor, Permission, Role
from hospital_prepay.domain.errors import NotPermitted
from hospital_prepay.services.access.api_clients import ROLES
from hospital_prepay.services.fund import spending
from tests.api.conftest import System
from tests.hospital import INSTITUTION, Hospital
from tests.services.fund.conftest import APPROVER, HEAD, Year, line

DRUG = {"category": "drug", "name": "注射用头孢曲松", "amount_fen": 30000, "code": "X" + "A" * 22, "order_no": "P-1"}
BILL: dict[str, Any] = {"payee_name": "浙药", "payee_credit_code": "9144030071526726XG", "purpose": "一月药款"}
PEOPLES = [one for one in Permission if one.value.startswith("fund.") and one.value not in ("fund.view", "fund.ask")]


@pytest.fixture
def year(hospital: Hospital) -> Year:
    """A grant of a million yuan that arrived."""
    return Year(hospital).arrived()


def bill(*lines: dict[str, Any]) -> dict[str, Any]:
    return {**BILL, "lines": list(lines)}


def asked_at(year: Year) -> str:
    return f"/fund/grants/{year.grant_id}/requests"


def test_a_system_asks_and_people_pay(year: Year, officer: System) -> None:
    first, again = (officer.post(asked_at(year), bill(DRUG), "one-bill") for _ in range(2))
    assert (first.status_code, first.get_json()) == (201, again.get_json())
    request_id = first.get_json()["request_id"]
    spending.agree_request(year.hospital.context, HEAD, request_id)
    spending.reserve_request(year.hospital.context, APPROVER, request_id)
    year.pay(request_id)
    shown = officer.get(f"/fund/requests/{request_id}").get_json()
    assert (shown["state"], shown["total_fen"], shown["lines"][0]["outcome"]) == ("paid", 30000, "permitted")
    (grant,) = officer.get("/fund/grants").get_json()["grants"]
    assert (grant["owed_fen"], grant["unspent_fen"]) == (100_000_000, 100_000_000 - 30000)


def test_a_forbidden_line_is_a_problem_with_its_clause_and_the_attempt_is_on_record(
    year: Year, officer: System
) -> None:
    answer = officer.post(asked_at(year), bill(DRUG, {**DRUG, "category": "utilities", "name": "病区电费"}))
    body = answer.get_json()
    assert (answer.status_code, body["code"], body["clauses"]) == (422, "non_medical_use", ["zhejiang-prepay-2025/1"])
    assert year.hospital.count("fund_request", "state = 'refused'") == 1
    assert year.standing == (100_000_000, 0, 100_000_000)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("lines", []),
        ("lines", [{**DRUG, "amount_fen": 0}]),
        ("lines", [{**DRUG, "amount": "1.00"}]),
        ("lines", [DRUG] * 51),
        ("payee_credit_code", "9144030071526726XX"),
        ("payee_name", ""),
    ],
)
def test_a_bill_that_cant_be_is_refused_by_field(year: Year, officer: System, field: str, value: object) -> None:
    answer = officer.post(asked_at(year), {**bill(DRUG), field: value})
    assert answer.status_code == 422
    assert [name.partition(".")[0] for name in answer.get_json()["errors"]] == [field]
    assert year.hospital.count("fund_request") == 0


@pytest.mark.parametrize("role", [Role.CASHIER, Role.AUDITOR])
def test_only_an_officers_system_asks(year: Year, system: Callable[[Role], System], role: Role) -> None:
    assert system(role).post(asked_at(year), bill(DRUG)).status_code == 403


def test_what_isnt_there_is_not_found(year: Year, officer: System) -> None:
    assert officer.post("/fund/grants/nothing/requests", bill(DRUG)).status_code == 404
    assert officer.get("/fund/requests/nothing").status_code == 404


@pytest.mark.parametrize("role", list(ROLES))
def test_no_system_takes_a_persons_step(year: Year, role: Role) -> None:
    system = Actor(INSTITUTION, "client:x", "HIS", frozenset({role}), is_system=True)
    assert not any(system.may(one) for one in PEOPLES)
    request_id = year.reserve(line(30000))
    with pytest.raises(NotPermitted):
        year.pay(request_id, who=system)
    with pytest.raises(NotPermitted):
        year.receive(who=system)
