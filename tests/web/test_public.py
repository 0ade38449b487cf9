"""What patients and programs are shown, and the pages in memory before Flask."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import jsonschema
import pytest
import sqlalchemy as sa
from apiflask import APIFlask

from hospital_prepay.clock import FixedClock
from hospital_prepay.domain.access import Role
from hospital_prepay.domain.rules.publication.scope import Ownership
from hospital_prepay.services.context import Context
from hospital_prepay.services.publication import posted_document as documents
from hospital_prepay.services.publication.announcement import announce
from hospital_prepay.services.publication.deposit_rules import NewRules, approve_rules, write_rules
from hospital_prepay.services.publication.institution import (
    ChangedInstitution,
    NewInstitution,
    change_institution,
    open_institution,
)
from tests.counter import STAY, Counter, collect
from tests.hospital import CAPS, publish_caps
from tests.people import INSTITUTION, Browser, House

PAGES = ["/public/deposits", "/public/screen", "/public/deposits/poster"]
SECOND = "H52010300999"
FIRST_DAY = date(2026, 1, 1)


def publish(
    house: House, caps: Any = CAPS, version: int = 1, effective_on: date = FIRST_DAY, institution: str = INSTITUTION
) -> None:
    """A published table, told to every worker as the service does it."""
    with house.context.database.writing() as connection:
        publish_caps(connection, house.context.clock, caps, version, effective_on, institution_id=institution)
    announce(house.context.settings.data_dir, institution, str(version))


@pytest.fixture
def posted(house: House) -> House:
    """The house with version 1 published."""
    publish(house)
    return house


@pytest.mark.parametrize("path", PAGES)
def test_before_anything_is_published_the_page_says_whom_to_ask(browser: Browser, path: str) -> None:
    page = browser.get(path).text
    assert "额度表还没有发布" in page
    assert "0855-1234567" in page
    assert browser.get("/public/deposits.json").status_code == 404


@pytest.mark.clause("guizhou-deposit-2025/18")
@pytest.mark.parametrize("path", PAGES)
def test_posted_diseases_show_their_three_classes_and_others_do_not(
    posted: House, browser: Browser, path: str
) -> None:
    page = browser.get(path).text
    assert "细菌性肺炎" in page
    assert all(amount in page for amount in ("1,840", "3,200", "6,000"))
    assert "细菌性痢疾" not in page  # measured but not posted
    assert "第 1 版" in page


@pytest.mark.parametrize("asked", ["脑膜炎", "G00", "g00.9", "xjxnmy"])
def test_search_without_script_finds_by_name_code_and_initials(posted: House, browser: Browser, asked: str) -> None:
    page = browser.get("/public/deposits", query_string={"q": asked}).text
    assert "细菌性脑膜炎" in page
    assert "找到 1 个病种" in page
    assert 'data-search="细菌性肺炎' not in page


def test_what_was_searched_for_is_shown_as_text(posted: House, browser: Browser) -> None:
    page = browser.get("/public/deposits", query_string={"q": "<b>x</b>"}).text
    assert "<b>x</b>" not in page
    assert "&lt;b&gt;x" in page


def test_the_document_and_its_schema_agree(posted: House, browser: Browser) -> None:
    schema = browser.get("/public/deposits.schema.json").get_json()
    made = browser.get("/public/deposits.json").get_json()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(made, schema)
    for name in made:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({key: value for key, value in made.items() if key != name}, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**made, "more": 1}, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**made, "rows": [{**made["rows"][0], "employee_fen": "1840.00"}]}, schema)


def test_the_document_has_the_shape_of_the_contract(posted: House, browser: Browser) -> None:
    made = browser.get("/public/deposits.json").get_json()
    assert list(made) == sorted(made)
    assert set(made) == {
        "schema", "institution", "version", "published_at", "effective_on", "approved_by", "window", "basis", "rows",
        "digest", "previous",
    }  # fmt: skip
    assert made["institution"] == {
        "code": INSTITUTION, "name": "云岭县人民医院", "phone": "0855-1234567", "hours": "每天 8:00–18:00",
    }  # fmt: skip
    assert (made["schema"], made["version"], made["effective_on"], made["previous"]) == ("1.0", 1, "2026-01-01", None)
    assert made["published_at"] == "2026-01-15T10:00:00+08:00"
    assert made["rows"][1] == {
        "disease_code": "J15.900", "disease_name": "细菌性肺炎", "catalogue": "", "employee_fen": 184000,
        "resident_fen": 320000, "self_pay_fen": 600000, "cases_band": "100-299",
    }  # fmt: skip
    assert made["digest"] == documents.digest_of(made)
    changed = {**made, "rows": [*made["rows"][:1], {**made["rows"][1], "employee_fen": 184001}]}
    assert made["digest"] != documents.digest_of(changed)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("cases", "band"),
    [(0, "0-9"), (9, "0-9"), (10, "10-29"), (29, "10-29"), (30, "30-99"), (999, "300-999"), (1000, "1000+")],
)
def test_counts_are_bands_and_few_patients_never_a_number(cases: int, band: str) -> None:
    assert documents.cases_band(cases) == band


def test_csv_is_for_spreadsheets_and_holds_no_formula(house: House, browser: Browser) -> None:
    publish(house, {"=1+1": ("@SUM(A1)", True, {"employee": 184050, "resident": None, "self_pay": 600000})})
    data = browser.get("/public/deposits.csv").data
    assert data.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"))))
    assert rows[1] == ["'=1+1", "'@SUM(A1)", "", "1840.50", "", "6000.00", "100–299"]


def test_every_version_stays_and_names_the_one_before(posted: House, browser: Browser) -> None:
    publish(posted, {"Z": ("新病种", True, CAPS["J15.900"][2])}, version=2, effective_on=date(2026, 1, 15))
    assert "新病种" in browser.get("/public/deposits").text
    old = browser.get("/public/deposits?version=1").text
    assert "这是以前的第 1 版" in old
    assert "细菌性肺炎" in old
    previous = browser.get("/public/deposits.json").get_json()["previous"]
    assert previous.endswith("/public/deposits.json?version=1")
    assert browser.get("/public/deposits.json?version=1").get_json()["version"] == 1
    assert browser.get("/public/deposits?version=9").status_code == 404


def test_the_index_chains_every_version(posted: House, browser: Browser) -> None:
    before = browser.get("/.well-known/deposit-table.json").get_json()["institutions"][0]["versions"]
    publish(posted, version=2, effective_on=date(2026, 1, 20))
    index = browser.get("/.well-known/deposit-table.json").get_json()["institutions"][0]
    assert index["current"] == 1
    assert index["versions"][0] == before[0]
    assert len({one["chain"] for one in index["versions"]}) == 2


def test_a_version_takes_effect_on_its_day(posted: House, browser: Browser, clock: FixedClock) -> None:
    publish(posted, {"Z": ("新病种", True, CAPS["J15.900"][2])}, version=2, effective_on=date(2026, 1, 20))
    assert "新病种" not in browser.get("/public/deposits").text
    assert "现在还没有执行" in browser.get("/public/deposits?version=2").text
    clock.moment += timedelta(days=5)
    announce(posted.context.settings.data_dir, INSTITUTION, "midnight")
    assert "新病种" in browser.get("/public/deposits").text


def test_each_institution_has_its_own_page(posted: House, browser: Browser) -> None:
    details = ChangedInstitution("龙泉医院", "028-5550000", "每天", "二楼", Ownership.PRIVATE, False)
    open_institution(posted.context, NewInstitution(SECOND, details))
    caps = {"Z": ("别的病", True, CAPS["J15.900"][2])}
    publish(posted, caps, version=1, institution=SECOND)
    page = browser.get(f"/public/deposits?institution={SECOND}").text
    assert "龙泉医院" in page
    assert "别的病" in page
    assert "细菌性肺炎" not in page
    assert f"/public/deposits.csv?version=1&amp;institution={SECOND}" in page
    assert "别的病" not in browser.get("/public/deposits").text
    assert "龙泉医院" in browser.get(f"/public/rules?institution={SECOND}").text
    assert browser.get("/public/deposits?institution=H00000000000").status_code == 404


def test_staff_and_receipts_lead_to_the_posted_table_of_their_own_hospital(
    counter: Counter, login_as: Callable[[Role], Browser], browser: Browser
) -> None:
    details = ChangedInstitution("龙泉医院", "028-5550000", "每天", "二楼", Ownership.PUBLIC, True)
    open_institution(counter.house.context, NewInstitution(SECOND, details))
    with counter.house.context.database.writing() as connection:
        for wanted in (False, True):
            which = sa.text("UPDATE institution SET is_default = :wanted WHERE (institution_id = :code) = :wanted")
            connection.execute(which, {"wanted": wanted, "code": SECOND})
    own = f"institution={INSTITUTION}"
    cashier = login_as(Role.CASHIER)
    collect(cashier, "100")
    home = cashier.get("/").text
    for name in ("deposits", "screen", "deposits.json", "deposits.csv"):
        assert f'href="/public/{name}?{own}"' in home
    assert f"/public/deposits?version=1&amp;{own}" in cashier.get(f"/desk/stays/{STAY}").text
    assert f'href="/public/deposits?{own}"' in login_as(Role.FINANCE_OFFICER).get("/finance/caps").text
    with counter.house.context.database.reading() as connection:
        token = connection.scalar(sa.text("SELECT token FROM receipt"))
    assert f'href="/public/deposits?{own}"' in browser.get(f"/r/{token}").text


@pytest.mark.clause("guizhou-deposit-2025/2", "guizhou-deposit-2025/4")
def test_patients_read_which_rules_bind_and_the_hospitals_own(house: House, browser: Browser) -> None:
    assert "本院适用" in browser.get("/public/rules").text
    context = house.context
    admin, approver = house.actor(Role.SYSTEM_ADMINISTRATOR), house.actor(Role.FINANCE_APPROVER)
    write_rules(context, admin, NewRules("预交金办法", "第一条 多退少补。", date(2026, 1, 15)))
    assert "多退少补" not in browser.get("/public/rules").text
    approve_rules(context, approver, 1)
    page = browser.get("/public/rules").text
    assert "多退少补" in page
    assert approver.name in page


def test_the_serial_of_a_table_tells_whether_it_is_current(posted: House, browser: Browser) -> None:
    page = browser.get("/r/t1-00000000")
    assert (page.status_code, "这张额度表是真的" in page.text) == (200, True)
    publish(posted, version=2, effective_on=date(2026, 1, 15))
    assert "已被新版代替" in browser.get("/r/t1-00000000").text


@pytest.mark.parametrize("token", ["t1-ffffffff", "t9-00000000", "x", "t1-%25%25%25%25", "t-", "no" * 40])
def test_a_paper_we_never_issued_is_not_found(posted: House, browser: Browser, token: str) -> None:
    page = browser.get(f"/r/{token}")
    assert page.status_code == 404
    assert "查不到这张单据" in page.text
    assert page.headers["Cache-Control"] == "no-store"


# In memory before Flask


@pytest.fixture
def asked(app: APIFlask) -> list[str]:
    """The paths that reached Flask."""
    seen: list[str] = []
    front = app.wsgi_app._inner  # type: ignore[attr-defined]
    inner: Callable[..., Any] = front._inner

    def listening(environ: Any, start: Any) -> Any:
        seen.append(environ["PATH_INFO"])
        return inner(environ, start)

    front._inner = listening
    return seen


def test_the_second_reader_is_answered_from_memory(posted: House, browser: Browser, asked: list[str]) -> None:
    first, second = browser.get("/public/deposits"), browser.get("/public/deposits")
    assert (first.data, first.headers["ETag"]) == (second.data, second.headers["ETag"])
    assert asked == ["/public/deposits"]
    head = browser.client.head("/public/deposits")
    assert (head.status_code, head.data, head.headers["Content-Length"]) == (200, b"", str(len(first.data)))
    assert len(asked) == 1


@pytest.mark.parametrize("tag", ["{}", "W/{}", '"other", {}', "*"])
def test_who_has_the_page_already_is_told_so(posted: House, browser: Browser, tag: str) -> None:
    etag = browser.get("/public/deposits").headers["ETag"]
    again = browser.get("/public/deposits", headers={"If-None-Match": tag.format(etag)})
    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", etag)
    assert "Content-Type" not in again.headers
    assert browser.get("/public/deposits", headers={"If-None-Match": '"other"'}).status_code == 200


def test_what_the_first_reader_brings_does_not_shape_the_page_for_others(
    posted: House, browser: Browser, asked: list[str]
) -> None:
    assert browser.get("/public/deposits", headers={"If-None-Match": "*"}).status_code == 304
    assert browser.get("/public/deposits").status_code == 200
    assert asked == ["/public/deposits"]


def test_headers_are_the_ones_of_flask(posted: House, browser: Browser, app: APIFlask) -> None:
    plain = browser.get("/public/deposits?class=").headers
    front = browser.get("/public/deposits").headers
    assert set(front) == set(plain)
    assert "Date" not in front  # the server dates each answer
    assert front["Cache-Control"] == "public, no-cache"
    assert front["ETag"].startswith('"')


def test_somebody_signed_in_gets_the_same_bytes_and_leaves_nothing_behind(
    posted: House, browser: Browser, login_as: Callable[[Role], Browser]
) -> None:
    cashier = login_as(Role.CASHIER)
    signed_in = cashier.get("/public/deposits")
    assert "Set-Cookie" not in signed_in.headers
    assert signed_in.data == browser.get("/public/deposits").data
    queried = cashier.get("/public/deposits?class=employee")
    assert posted.actor(Role.CASHIER).name not in queried.text


def test_a_change_shows_at_once_in_every_worker(posted: House, browser: Browser, app: APIFlask) -> None:
    from hospital_prepay.app import create_app

    other = Browser(create_app(posted.context))
    assert "0855-1234567" in browser.get("/public/deposits").text
    assert "0855-1234567" in other.get("/public/deposits").text
    details = ChangedInstitution("云岭县人民医院", "0855-7654321", "每天", "一楼", Ownership.PUBLIC, True)
    change_institution(posted.context, posted.actor(Role.SYSTEM_ADMINISTRATOR), details)
    assert "0855-7654321" in browser.get("/public/deposits").text
    assert "0855-7654321" in other.get("/public/deposits").text


def test_after_a_minute_it_is_made_again(posted: House, browser: Browser, app: APIFlask, asked: list[str]) -> None:
    moment = [0.0]
    app.wsgi_app._inner._seconds = lambda: moment[0]  # type: ignore[attr-defined]
    for moment[0] in (0.0, 59.0, 61.0, 62.0):
        browser.get("/public/deposits")
    assert len(asked) == 2


def test_other_methods_and_questions_go_on_to_flask(posted: House, browser: Browser, asked: list[str]) -> None:
    assert browser.client.post("/public/deposits").status_code == 405
    browser.get("/public/deposits?class=employee")
    assert len(asked) == 2


def test_a_page_that_failed_is_not_kept(house: House, browser: Browser, asked: list[str]) -> None:
    assert [browser.get("/public/deposits.json").status_code for _ in range(2)] == [404, 404]
    publish(house)
    assert browser.get("/public/deposits.json").status_code == 200


def test_in_production_the_front_sends_what_flask_sends(posted: House, clock: FixedClock) -> None:
    from hospital_prepay.app import create_app

    context = posted.context
    settings = replace(context.settings, mode="production")
    browser = Browser(create_app(Context(settings, context.database, clock)))
    assert "Strict-Transport-Security" in browser.get("/public/deposits").headers
