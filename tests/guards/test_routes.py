"""Promises about every route: a permission, and a page title or an entry in the OpenAPI document."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from apiflask import APIFlask
from werkzeug.exceptions import MethodNotAllowed, NotFound

from hospital_prepay.app import create_app
from hospital_prepay.clock import FixedClock
from hospital_prepay.domain.access import Role
from hospital_prepay.domain.audit import ACTIONS
from hospital_prepay.http.permission import access_of
from hospital_prepay.persistence.database import Database
from hospital_prepay.settings import resource
from tests.people import Browser, House

SERVICES = Path(__file__).parents[2] / "hospital_prepay"


@pytest.fixture
def house(sqlite_database: Database, clock: FixedClock, tmp_path: Path) -> House:
    return House.built(sqlite_database, clock, tmp_path)


@pytest.fixture
def app(house: House) -> APIFlask:
    return create_app(house.context)


def test_every_route_says_who_may_enter(app: APIFlask) -> None:
    assert [name for name, view in app.view_functions.items() if access_of(view) is None] == []


def test_a_number_that_no_column_holds_is_an_address_that_does_not_exist(app: APIFlask) -> None:
    numbered = [rule for rule in app.url_map.iter_rules() if "<int:" in rule.rule]
    assert len(numbered) > 30
    for rule in numbered:
        for number, known in (("2147483647", True), ("2147483648", False), ("9" * 20, False), ("9" * 5000, False)):
            path = re.sub("<[^>]+>", "x", re.sub("<int:[^>]+>", number, rule.rule))
            method = "GET" if "GET" in (rule.methods or ()) else "POST"
            try:
                found = app.url_map.bind("localhost").match(path, method=method)[0] == rule.endpoint
            except (NotFound, MethodNotAllowed):
                found = False
            assert found is known, path


def test_every_page_has_a_title_and_every_call_of_the_api_an_entry(app: APIFlask, house: House) -> None:
    browsers = [Browser(app), *(Browser(app).signed_in(house.session(role)) for role in Role)]
    documented = {(path, method.upper()) for path, entry in app.spec["paths"].items() for method in entry}  # type: ignore[index]
    seen = 0
    for rule in app.url_map.iter_rules():
        if rule.endpoint in ("static", "openapi.spec"):
            continue
        methods = (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.rule.startswith("/api/"):
            path = re.sub(r"<(?:[a-z]+:)?(\w+)>", r"{\1}", rule.rule)
            hidden = "docs" in rule.rule
            assert hidden or {(path, method) for method in methods} <= documented, rule.rule
        elif methods == {"GET"} and not rule.arguments:
            answers = [browser.get(rule.rule) for browser in browsers]
            pages = [one for one in answers if one.status_code == 200 and one.mimetype == "text/html"]
            seen += bool(pages)
            for page in pages:
                assert re.search(r"<title>\S[^<]*</title>", page.text), rule.rule
                assert page.text.count("<h1") == 1, f"{rule.rule} has one main heading"
    assert seen >= 8


def templates() -> Iterator[tuple[str, str]]:
    folder = resource("templates")
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path.relative_to(folder).as_posix(), path.read_text("utf-8")


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        (r"\|\s*safe\b", "escaping is never switched off"),
        (r"autoescape\s+false", "escaping is never switched off"),
        (r"<script(?![^>]*\bsrc=)(?![^>]*type=\"application/json\")", "the policy refuses inline script"),
        (r"<style|\sstyle=\"", "the policy refuses inline style"),
        (r"\son[a-z]+=\"", "the policy refuses inline handlers"),
        (r"javascript:", "the policy refuses inline script"),
        (r"(?:src|href)=\"(?:https?:)?//", "nothing is loaded from outside"),
        (r"hx-on|hx-vals=['\"]js:", "htmx evaluates nothing"),
    ],
)
def test_templates_keep_to_the_content_security_policy(pattern: str, why: str) -> None:
    found = [name for name, text in templates() if re.search(pattern, text)]
    assert found == [], why


def test_every_form_that_changes_something_carries_its_proof() -> None:
    for name, text in templates():
        for form in re.findall(r"<form\b[^>]*method=\"post\".*?</form>", text, re.DOTALL):
            assert "csrf" in form, f"{name}: {form[:80]}"


def test_every_audited_action_has_words() -> None:
    named = set()
    for path in SERVICES.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call):
                named |= actions_of(node)
    assert len(named) > 20
    assert sorted(named - set(ACTIONS)) == []


def actions_of(call: ast.Call) -> set[str]:
    """Actions named as text in ``context.work(actor, …)`` and ``keep_refusal(context, actor, …)``."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    place = {"work": 1, "keep_refusal": 2, "Act": 0}.get(name)
    if place is None or len(call.args) <= place:
        return set()
    argument = call.args[place]
    return {argument.value} if isinstance(argument, ast.Constant) and isinstance(argument.value, str) else set()
