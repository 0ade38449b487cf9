"""Every route, every role: what the table of grants allows is open, everything else is shut and written down."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from apiflask import APIFlask
from flask import Flask
from werkzeug.routing import Rule

from hospital_prepay.domain.access import GRANTS, Permission, Role
from hospital_prepay.http.permission import Access, UnguardedRoute, access_of, guard, public, requires
from hospital_prepay.services.access.sessions import Stage
from tests.people import Browser, House


def routes(app: Flask) -> list[tuple[Rule, str, Access]]:
    """Every route of the site with a method and what it says about itself."""
    found = []
    for rule in app.url_map.iter_rules():
        access = access_of(app.view_functions[rule.endpoint])
        assert access is not None
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            found.append((rule, method, access))
    return found


def path_of(rule: Rule) -> str:
    """An address of the route; what it names doesn't exist."""
    values = {name: 1 if name.endswith("_no") else "nothing" for name in rule.arguments}
    adapter_path = rule.rule
    for name, value in values.items():
        for converter in ("", "int:", "path:", "string:"):
            adapter_path = adapter_path.replace(f"<{converter}{name}>", str(value))
    return adapter_path


def send(browser: Browser, method: str, path: str) -> int:
    return (browser.get(path) if method == "GET" else browser.post(path)).status_code


def refusals(house: House, role: Role) -> int:
    with house.context.database.reading() as connection:
        query = sa.text("SELECT count(*) FROM audit_event WHERE actor = :actor AND action = 'access.open'")
        return connection.scalar(query, {"actor": house.ids[role]}) or 0


@pytest.mark.parametrize("role", list(Role))
def test_a_role_enters_exactly_what_it_is_granted(
    app: APIFlask, house: House, login_as: Callable[[Role], Browser], role: Role
) -> None:
    tried = shut = 0
    for rule, method, access in routes(app):
        if access.permission is None or rule.rule.startswith("/api/") or rule.rule == "/logout":
            continue
        if Stage.FULL not in access.stages:
            continue  # a page of sign-in itself
        status = send(login_as(role), method, path_of(rule))
        tried += 1
        if access.permission in GRANTS[role]:
            assert status in {200, 303, 404, 422}, f"{method} {rule.rule} is {status} for {role.label}"
        else:
            shut += 1
            assert status == 403, f"{method} {rule.rule} is {status} for {role.label}"
            assert refusals(house, role) == shut, f"{method} {rule.rule} was shut but not written down"
    assert tried > 20
    assert 0 < shut < tried


def test_nobody_enters_a_page_of_staff(app: APIFlask) -> None:
    for rule, method, access in routes(app):
        if access.permission is None or not access.stages or rule.rule.startswith("/api/"):
            continue
        browser = Browser(app)
        response = browser.get(path_of(rule)) if method == "GET" else browser.post(path_of(rule))
        assert response.status_code == 303, f"{method} {rule.rule}"
        assert response.headers["Location"].startswith("/login"), f"{method} {rule.rule}"


def test_before_the_second_factor_only_its_own_page_is_open(app: APIFlask, house: House) -> None:
    for rule, method, access in routes(app):
        if access.permission is None or rule.rule.startswith("/api/") or Stage.CODE in access.stages:
            continue
        for role in set(Role) - {Role.CASHIER}:
            if access.permission not in GRANTS[role]:
                continue
            browser = Browser(app).signed_in(house.session(role, complete=False))
            response = browser.get(path_of(rule)) if method == "GET" else browser.post(path_of(rule))
            assert (response.status_code, response.headers.get("Location")) == (303, "/login/code"), rule.rule
            break


def test_every_permission_is_held_by_somebody_and_every_role_has_an_own_account() -> None:
    held = frozenset[Permission]().union(*GRANTS.values())
    assert set(Permission) - held == {Permission.METRICS_READ}, "no person reads the metrics"
    assert all(Permission.ACCOUNT_OWN in granted for granted in GRANTS.values())


def test_no_administrator_and_no_auditor_can_move_money() -> None:
    moving = {
        Permission.DEPOSIT_COLLECT,
        Permission.SLIP_REQUEST,
        Permission.SLIP_APPROVE,
        Permission.CAPS_APPROVE,
        Permission.CAPS_PUBLISH,
    }
    for role in (Role.AUDITOR, Role.SYSTEM_ADMINISTRATOR, Role.SECURITY_ADMINISTRATOR):
        assert not GRANTS[role] & moving


def test_an_application_with_a_silent_route_is_not_built() -> None:
    app = Flask("silent", static_folder=None)
    app.add_url_rule("/open", "open", public(lambda: "open"))
    app.add_url_rule("/desk", "desk", requires(Permission.DESK_VIEW)(lambda: "desk"))
    app.add_url_rule("/forgotten", "forgotten", lambda: "forgotten")
    with pytest.raises(UnguardedRoute, match="forgotten"):
        guard(app)
