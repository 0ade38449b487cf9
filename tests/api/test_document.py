"""The description of the API is complete, valid and open to a browser."""

from __future__ import annotations

from typing import Any

import pytest
from apiflask import APIFlask
from openapi_spec_validator import validate

from hospital_prepay.http.permission import access_of
from tests.hospital import Hospital

UNDESCRIBED = {"openapi.spec", "api_docs.show_docs"}


@pytest.fixture
def hospital(small_hospital: Hospital) -> Hospital:
    """One database is enough here."""
    return small_hospital


@pytest.fixture
def spec(app: APIFlask) -> dict[str, Any]:
    answer = app.test_client().get("/api/v1/openapi.json")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.get_json()
    return found


def operations(spec: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (method.upper(), path): operation
        for path, methods in spec["paths"].items()
        for method, operation in methods.items()
    }


def test_the_description_is_valid_openapi(spec: dict[str, Any]) -> None:
    validate(spec)


def test_every_route_of_the_api_is_described(app: APIFlask, spec: dict[str, Any]) -> None:
    described = {(method, path) for method, path in operations(spec)}
    for rule in app.url_map.iter_rules():
        if not rule.rule.startswith("/api/") or rule.endpoint in UNDESCRIBED:
            continue
        path = "".join("{" + part + "}" if is_name else part for is_name, part in rule._trace if part != "|")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            assert (method, path) in described, f"{method} {path} has no description"


def test_every_operation_says_what_it_does_who_may_and_how_it_fails(app: APIFlask, spec: dict[str, Any]) -> None:
    for (method, path), operation in operations(spec).items():
        assert operation["summary"], path
        assert "需要权限" in operation["description"], path
        assert operation["security"] == [{"token": []}]
        needed = {"401", "403", "500"}
        if method == "POST":
            assert operation["requestBody"]["required"] is True
            needed |= {"400", "413", "415", "422"}
        if "{" in path:
            needed |= {"404"}
        assert needed <= set(operation["responses"]), path
        for status, response in operation["responses"].items():
            if status >= "400":
                assert list(response["content"]) == ["application/problem+json"], (path, status)


def test_every_operation_that_moves_money_takes_a_key(spec: dict[str, Any]) -> None:
    keyed = {
        path
        for (method, path), operation in operations(spec).items()
        if any(one["name"] == "Idempotency-Key" and one["required"] for one in operation["parameters"])
    }
    assert keyed == {
        "/api/v1/stays/{stay_no}/deposits",
        "/api/v1/stays/{stay_no}/refund-requests",
        "/api/v1/fund/grants/{grant_id}/requests",
        "/api/v1/receipts/{receipt_no}/void-requests",
    }


def test_every_amount_is_a_whole_number_of_fen(spec: dict[str, Any]) -> None:
    amounts = 0
    for name, schema in spec["components"]["schemas"].items():
        for field, described in schema["properties"].items():
            types = described.get("type", [])
            assert "number" not in types, f"{name}.{field}"
            if field.endswith("_fen"):
                amounts += 1
                assert set([types] if isinstance(types, str) else types) <= {"integer", "null"}, f"{name}.{field}"
    assert amounts > 10


def test_every_operation_is_guarded(app: APIFlask) -> None:
    for endpoint, view in app.view_functions.items():
        access = access_of(view)
        assert access is not None
        rules = [rule.rule for rule in app.url_map.iter_rules(endpoint)]
        if rules[0].startswith("/api/v1/") and endpoint not in UNDESCRIBED:
            assert access.permission is not None, rules


def test_the_page_of_the_description_needs_nothing_from_outside(app: APIFlask) -> None:
    page = app.test_client().get("/api/docs")
    assert page.status_code == 200
    text = page.get_data(as_text=True)
    assert 'data-url="/api/v1/openapi.json"' in text
    assert "http://" not in text
    assert "https://" not in text
    assert "unsafe" not in page.headers["Content-Security-Policy"]


def test_health_and_readiness_answer_without_a_token(app: APIFlask) -> None:
    for path, status in (("/healthz", "ok"), ("/readyz", "ready")):
        answer = app.test_client().get(path)
        assert (answer.status_code, answer.get_json()["status"]) == (200, status)
        assert answer.headers["Cache-Control"] == "no-store"
