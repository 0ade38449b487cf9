"""How much a request may bring: little to a form, much only where somebody may hand in a file."""

from __future__ import annotations

import io
import re
from collections.abc import Callable

from hospital_prepay.domain.access import Role
from hospital_prepay.http.permission import access_of
from hospital_prepay.settings import resource
from tests.people import Browser

LARGE = "x" * (256 * 1024)
Login = Callable[[Role], Browser]


def test_the_door_takes_no_large_form(browser: Browser) -> None:
    answer = browser.post("/login", {"login": "admin", "password": LARGE})
    assert answer.status_code == 413
    assert "填写的内容太多" in answer.text
    assert "256 KB" in answer.text


def test_nor_does_a_form_inside(login_as: Login) -> None:
    for role, path in ((Role.FINANCE_OFFICER, "/admin/settings/minimum_cases"), (Role.CASHIER, "/desk/stays")):
        answer = login_as(role).post(path, {"reason": LARGE})
        assert answer.status_code == 413
        assert "填写的内容太多" in answer.text


def test_a_file_may_be_larger_than_a_form(login_as: Login) -> None:
    rows = "结算流水号,出院日期,病种编码,病种名称,参保类型,住院总费用,个人负担\n" + "x,,,,,,\n" * 40_000
    form = {"file": (io.BytesIO(rows.encode()), "cases.csv")}
    browser = login_as(Role.FINANCE_OFFICER)
    answer = browser.post("/finance/caps/imports", form, content_type="multipart/form-data")
    assert answer.status_code in (303, 422)


def test_only_who_may_import_is_read_at_length(browser: Browser, login_as: Login) -> None:
    form = {"file": (io.BytesIO(LARGE.encode()), "cases.csv")}
    refused = login_as(Role.CASHIER).post("/finance/caps/imports", form, content_type="multipart/form-data")
    assert refused.status_code == 403


def test_every_form_with_a_file_says_so(browser: Browser) -> None:
    """The route of each form that sends a file takes one, and no other does."""
    targets = set()
    for path in resource("templates").rglob("*.html"):
        for form in re.findall(r"<form\b[^>]*>", path.read_text("utf-8")):
            if "multipart/form-data" in form:
                targets |= set(re.findall(r'action="([^"]+)"', form))
    views = browser.app.view_functions
    taking = {
        rule.rule
        for rule in browser.app.url_map.iter_rules()
        if (access := access_of(views[rule.endpoint])) is not None and access.takes_file
    }
    shapes = {target: re.sub(r"\\{\\{.*?\\}\\}", ".+", re.escape(target)) for target in targets}
    fitting = {
        rule: {rule} & targets or {target for target, shape in shapes.items() if re.fullmatch(shape, rule)}
        for rule in taking
    }
    assert all(len(found) == 1 for found in fitting.values()), fitting
    assert set().union(*fitting.values()) == targets
    assert len(targets) > 12
