"""Forged forms, errors in words, headers, and the API's tokens."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from apiflask import APIBlueprint, APIFlask
from flask import Blueprint
from marshmallow import ValidationError

from hospital_prepay import app as composition
from hospital_prepay.app import create_app
from hospital_prepay.domain import errors
from hospital_prepay.domain.access import Permission, Role
from hospital_prepay.http.current import current_actor
from hospital_prepay.http.errors import status_of
from hospital_prepay.http.permission import public, requires
from hospital_prepay.schemas.base import BaseSchema, Fen, Text
from hospital_prepay.services.access import api_clients
from hospital_prepay.services.access.api_clients import NewClient
from hospital_prepay.services.context import Context
from hospital_prepay.settings import SettingMissing
from tests.people import Browser, House, settings_for


class Payment(BaseSchema):
    """What the test's API takes."""

    amount_fen = Fen(required=True)
    payer = Text(required=True, longest=20)


FAILURES: dict[str, Exception] = {
    "malformed": errors.MalformedInput("第 3 行的金额不对。"),
    "missing": errors.NotFound("没有这次住院。"),
    "conflict": errors.Conflict("别人先改了。"),
    "refused": errors.RuleRefused("超过额度 300.00 元。", details={"clauses": ["guizhou-deposit-2025/17"]}),
    "insufficient": errors.InsufficientFund("余额不够。"),
    "permission": errors.SecondPersonRequired("要由另一个人办。"),
    "books": errors.LedgerFault("账目不平。"),
    "database": errors.DatabaseFault("数据库版本不对。"),
    "input": ValidationError({"amount": ["最多两位小数。"]}),
    "bug": ZeroDivisionError("secret detail"),
}
STATUS = {
    "malformed": 422,
    "missing": 404,
    "conflict": 409,
    "refused": 422,
    "insufficient": 422,
    "permission": 403,
    "books": 500,
    "database": 503,
    "input": 422,
    "bug": 500,
}


@pytest.fixture
def app(house: House, monkeypatch: pytest.MonkeyPatch) -> APIFlask:
    """The application with a page and an API that fail on demand."""
    pages = Blueprint("failing", __name__)
    api = APIBlueprint("failing_api", __name__, url_prefix="/api/v1/test")

    @pages.get("/fail/<kind>")
    @public
    def fail(kind: str) -> str:
        raise FAILURES[kind]

    @api.get("/fail/<kind>")
    @public
    def fail_api(kind: str) -> str:
        raise FAILURES[kind]

    @api.post("/payments")
    @requires(Permission.DEPOSIT_COLLECT)
    @api.input(Payment)
    def pay(json_data: dict[str, Any]) -> dict[str, Any]:
        return {"who": current_actor().name, "fen": json_data["amount_fen"].fen}

    monkeypatch.setattr(composition, "BLUEPRINTS", (*composition.BLUEPRINTS, pages, api))
    return create_app(house.context)


def count(house: House, action: str) -> int:
    with house.context.database.reading() as connection:
        query = sa.text("SELECT count(*) FROM audit_event WHERE action = :action AND outcome = 'refused'")
        return connection.scalar(query, {"action": action}) or 0


@pytest.mark.parametrize("kind", FAILURES)
def test_a_failure_is_told_in_words_on_a_page(browser: Browser, kind: str) -> None:
    response = browser.get(f"/fail/{kind}")
    assert response.status_code == STATUS[kind]
    assert response.mimetype == "text/html"
    assert "<title>" in response.text
    assert "secret detail" not in response.text
    error = FAILURES[kind]
    if isinstance(error, errors.PrepayError) and STATUS[kind] < 500:
        assert error.message in response.text


@pytest.mark.parametrize("kind", FAILURES)
def test_htmx_gets_the_words_alone_beside_the_form(browser: Browser, kind: str) -> None:
    response = browser.get(f"/fail/{kind}", headers={"HX-Request": "true"})
    assert response.status_code == STATUS[kind]
    assert "<html" not in response.text
    assert response.headers["HX-Retarget"] == "#problem"


@pytest.mark.parametrize("kind", FAILURES)
def test_a_failure_of_the_api_is_a_problem_document(browser: Browser, kind: str) -> None:
    response = browser.get(f"/api/v1/test/fail/{kind}")
    assert response.status_code == STATUS[kind]
    assert response.mimetype == "application/problem+json"
    body = response.get_json()
    assert body["status"] == STATUS[kind]
    assert {"type", "title", "detail", "code"} <= body.keys()
    assert "secret detail" not in response.text


def test_a_refusal_names_its_clause(browser: Browser) -> None:
    assert "第十七条" in browser.get("/fail/refused").text
    assert browser.get("/api/v1/test/fail/refused").get_json()["clauses"] == ["guizhou-deposit-2025/17"]


def test_a_fault_gets_a_number_that_stands_in_the_log(browser: Browser, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        body = browser.get("/api/v1/test/fail/bug").get_json()
    assert body["number"] in caplog.text
    assert "ZeroDivisionError" in caplog.text


def test_every_family_of_errors_has_a_status() -> None:
    families = {one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, errors.PrepayError)}
    assert {status_of(one("x")) for one in families} == {401, 403, 404, 409, 422, 500, 503}


@pytest.mark.parametrize("path", ["/nowhere", "/admin/nowhere", "/account/password"])
def test_an_address_that_leads_nowhere_says_so(browser: Browser, path: str) -> None:
    response = browser.get(path)
    assert response.status_code in {404, 405}
    assert "没有这一页" in response.text or "用页面上的按钮" in response.text


def test_a_form_without_its_proof_is_refused_in_words_and_written_down(
    app: APIFlask, house: House, login_as: Callable[[Role], Browser]
) -> None:
    browser = login_as(Role.SYSTEM_ADMINISTRATOR)
    form = {"login": "a0312", "name": "吴涛", "role": "auditor"}
    response = browser.client.post("/admin/users", data=form)
    assert response.status_code == 400
    assert "这张表单已经过期" in response.text
    assert count(house, "access.form") == 1
    assert browser.post("/admin/users", form).status_code == 200


def test_the_proof_of_another_session_is_no_proof(login_as: Callable[[Role], Browser]) -> None:
    mine, other = login_as(Role.CASHIER), login_as(Role.CASHIER)
    response = mine.client.post("/logout", data={"csrf_token": other.proof()})
    assert response.status_code == 400
    assert mine.get("/account").status_code == 200


def test_the_log_in_itself_needs_a_proof(app: APIFlask) -> None:
    response = app.test_client().post("/login", data={"login": "cashier", "password": "x"})
    assert response.status_code == 400


def test_htmx_may_bring_the_proof_as_a_header(login_as: Callable[[Role], Browser]) -> None:
    browser = login_as(Role.CASHIER)
    assert browser.client.post("/logout", headers={"X-CSRF-Token": browser.proof()}).status_code == 303


def test_every_answer_carries_the_policy(browser: Browser, login_as: Callable[[Role], Browser]) -> None:
    for response in (browser.get("/"), browser.get("/nowhere"), login_as(Role.CASHIER).get("/account")):
        policy = response.headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert "HX-Request" in response.headers["Vary"]
        assert "Strict-Transport-Security" not in response.headers


def test_pages_of_staff_are_never_kept_by_the_browser(login_as: Callable[[Role], Browser]) -> None:
    browser = login_as(Role.CASHIER)
    assert browser.get("/account").headers["Cache-Control"] == "no-store"
    assert browser.get("/").headers["Cache-Control"] == "no-store"


def test_production_keeps_to_https_and_shows_no_demonstration(house: House, tmp_path: Path) -> None:
    url = house.context.settings.database_url
    context = Context(settings_for(url, tmp_path, "production"), house.context.database, house.context.clock)
    client = create_app(context).test_client()
    response = client.get("/login", base_url="https://prepay.example")
    assert "演示" not in response.text
    assert response.headers["Strict-Transport-Security"].startswith("max-age=")
    (cookie,) = response.headers.getlist("Set-Cookie")
    assert cookie.startswith("__Host-prepay_form=")
    assert "Secure" in cookie


def test_production_without_secrets_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PREPAY_MODE", "PREPAY_SECRET_KEY", "PREPAY_FIELD_KEY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(SettingMissing):
        create_app()


def pay(app: APIFlask, token: str | None, body: object = None) -> Any:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    payment = {"amount_fen": 120000, "payer": "吴桂兰"} if body is None else body
    return app.test_client().post("/api/v1/test/payments", json=payment, headers=headers)


def token_of(house: House, role: Role) -> str:
    actor = house.actor(Role.SYSTEM_ADMINISTRATOR)
    return api_clients.create_client(house.context, actor, NewClient("HIS", role)).token


def test_a_system_acts_by_its_token_without_a_proof(app: APIFlask, house: House) -> None:
    response = pay(app, token_of(house, Role.CASHIER))
    assert response.get_json() == {"who": "HIS", "fen": 120000}


def test_a_system_without_token_or_with_a_wrong_one_is_told_so(app: APIFlask, house: House) -> None:
    for token, written in ((None, 0), ("prepay_wrong", 1)):
        response = pay(app, token, {"amount_fen": "nonsense"})
        assert response.status_code == 401, "before any word about the fields"
        assert response.headers["WWW-Authenticate"].startswith("Bearer")
        assert count(house, "access.token") == written


def test_a_system_is_held_to_its_role(app: APIFlask, house: House) -> None:
    response = pay(app, token_of(house, Role.AUDITOR))
    assert response.status_code == 403
    assert response.get_json()["code"] == "not_permitted"
    assert count(house, "access.open") == 1


def test_a_persons_session_opens_nothing_of_the_api(login_as: Callable[[Role], Browser]) -> None:
    browser = login_as(Role.CASHIER)
    response = browser.client.post("/api/v1/test/payments", json={"amount_fen": 1, "payer": "吴"})
    assert response.status_code == 401


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"amount_fen": "120000", "payer": "吴"}, "amount_fen"),
        ({"amount_fen": 12e3, "payer": "吴"}, "amount_fen"),
        ({"amount_fen": True, "payer": "吴"}, "amount_fen"),
        ({"amount_fen": -1, "payer": "吴"}, "amount_fen"),
        ({"payer": "吴"}, "amount_fen"),
        ({"amount_fen": 1, "payer": ""}, "payer"),
        ({"amount_fen": 1, "payer": None}, "payer"),
        ({"amount_fen": 1, "payer": "吴", "extra": 1}, "extra"),
    ],
)
def test_wrong_fields_are_named_in_chinese(app: APIFlask, house: House, body: object, field: str) -> None:
    response = pay(app, token_of(house, Role.CASHIER), body)
    assert response.status_code == 422
    words = response.get_json()["errors"][field]
    assert not any("a" <= sign <= "z" for sign in words.lower()), words


@pytest.mark.parametrize(
    ("path", "status"),
    [("/r/%00", 404), ("/r/a%00b", 404), ("/public/deposits?institution=%00", 422), ("/desk/stays?q=a%00b", 422)],
)
def test_an_address_with_a_nul_is_refused_before_a_database_sees_it(browser: Browser, path: str, status: int) -> None:
    assert browser.get(path).status_code == status


def test_a_way_back_that_is_no_address_leads_home(browser: Browser) -> None:
    assert browser.get("/login?next=//%5B").status_code == 200


def test_a_page_before_that_is_no_address_leads_to_the_plain_log_in(browser: Browser) -> None:
    answer = browser.client.post("/desk/stays", headers={"Referer": "http://["})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/login")


def test_a_form_with_a_nul_is_refused(login_as: Callable[[Role], Browser]) -> None:
    security = login_as(Role.SECURITY_ADMINISTRATOR)
    assert security.post("/security/second-factor/reset", {"login": "a\0b"}).status_code == 422


@pytest.mark.parametrize(
    ("role", "path", "status"),
    [
        (Role.SECURITY_ADMINISTRATOR, "/security/log?since=0001-01-01&until=9999-12-31", 200),
        (Role.SECURITY_ADMINISTRATOR, "/security/log.csv?until=9999-12-31", 200),
        (Role.FINANCE_OFFICER, "/finance/ledger/99999999999999999999", 404),
    ],
)
def test_the_ends_of_days_and_numbers_are_no_fault_of_ours(
    login_as: Callable[[Role], Browser], role: Role, path: str, status: int
) -> None:
    assert login_as(role).get(path).status_code == status


def test_an_admission_before_our_time_is_said_beside_the_field(login_as: Callable[[Role], Browser]) -> None:
    stay = {"stay_no": "S1", "name": "吴桂兰", "ward": "内科", "disease": "J15.900", "insured_class": "resident"}
    for moment in ("0001-01-01T00:00", "9999-12-31T23:59"):
        answer = login_as(Role.CASHIER).post("/desk/stays", {**stay, "admitted_at": moment})
        assert answer.status_code == 422
        assert "请核对年份" in answer.text
