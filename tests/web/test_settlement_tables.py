"""Tables taken in from the page, and a settlement on paper."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
import sqlalchemy as sa

from hospital_prepay.domain.access import Role
from hospital_prepay.services.import_runs import ImportRun, State
from hospital_prepay.services.settlement.table_runs import EVENTS
from tests.counter import STAY, Counter
from tests.people import Browser, House
from tests.web.test_settlement import at_cashier, press

__all__ = ["at_cashier"]
Login = Callable[[Role], Browser]
TABLE = """事件,住院号,发生时间,姓名,出院时间
入院,Z1,2026-01-12 08:00,吴甲,
出院,Z1,2026-01-15 09:30,,2026-01-15 09:20
回家,Z2,昨天,,
"""


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer to an upload waits for its end, however busy the machine is."""
    monkeypatch.setattr("hospital_prepay.web.settlement_tables._PATIENCE", 60.0)


def upload(browser: Browser, kind: str, text: str, name: str = "events.csv") -> str:
    files = {"kind": kind, "file": (io.BytesIO(text.encode()), name)}
    answer = browser.post("/settlement/tables", files, content_type="multipart/form-data")
    return answer.headers.get("Location", "") or answer.text


def test_events_are_taken_from_a_table_and_what_is_wrong_is_listed(counter: Counter, login_as: Login) -> None:
    officer = login_as(Role.FINANCE_OFFICER)
    page = officer.get("/settlement/tables").text
    assert "出入院事件" in page
    assert "医保结算结果" not in page
    told = officer.get(upload(officer, "events", TABLE)).text
    assert "收下 2 条，重复 0 条，要处理的 1 行。" in told
    assert "第 4 行：事件“回家”读不懂" in told
    assert "Z1" in officer.get("/settlement").text
    assert "收下 0 条，重复 2 条" in officer.get(upload(officer, "events", TABLE)).text


def test_results_are_for_the_insurance_office(counter: Counter, login_as: Login) -> None:
    clerk = login_as(Role.INSURANCE_CLERK)
    assert "结算流水号" in clerk.get("/settlement/tables").text
    told = clerk.get(upload(clerk, "results", "住院号,姓名\n1,2\n")).text
    assert "换一个文件" in told
    officer = login_as(Role.FINANCE_OFFICER)
    assert "没有这项权限" in upload(officer, "results", "住院号,姓名\n1,2\n")
    assert "您的账号不能导入表格" in login_as(Role.WARD).get("/settlement/tables").text


@pytest.mark.parametrize(("kind", "words"), [("", "请选导入的是什么"), ("events", "请选一个 CSV 或 XLSX 文件")])
def test_a_form_without_its_file_says_so(counter: Counter, login_as: Login, kind: str, words: str) -> None:
    answer = login_as(Role.FINANCE_OFFICER).post("/settlement/tables", {"kind": kind})
    assert answer.status_code == 422
    assert words in answer.text


def test_a_run_whose_process_died_is_taken_up_again(
    house: House, counter: Counter, login_as: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    officer = login_as(Role.FINANCE_OFFICER)
    href = upload(officer, "events", TABLE)
    run_id = href.rsplit("/", 1)[1]
    run = EVENTS.read(house.context, house.actor(Role.FINANCE_OFFICER), run_id)
    stopped = ImportRun(run_id, run.file_name, 1, run.started_by, run.started_at, State.INTERRUPTED)
    with monkeypatch.context() as patched:
        patched.setattr("hospital_prepay.services.import_runs._Files.read", lambda _self: stopped)
        page = officer.get(href).text
        assert "办到一半中断了" in page
        assert "接着办" in page
    again = officer.post(f"{href}/resume")
    assert again.status_code == 409  # it had ended
    assert officer.get("/settlement/tables/events/nothing").status_code == 404
    assert officer.get(f"/settlement/tables/else/{run_id}").status_code == 404
    partial = officer.get(f"{href}/progress", headers={"HX-Request": "true"})
    assert partial.headers["HX-Redirect"] == href


def test_a_settlement_is_printed_and_can_be_checked(at_cashier: Browser, login_as: Login) -> None:
    press(at_cashier, acct_pay="150", psn_cash_pay="250")
    href = f"/settlement/stays/{STAY}/settlements/1/print"
    assert href in at_cashier.get(f"/settlement/stays/{STAY}").text
    paper = at_cashier.get(href).text
    for words in (
        "出院结算单",
        f"{STAY}-1",
        "1,000.00",
        "600.00",
        "150.00",
        "250.00",
        "扫码核对真伪",
        "退款 · 现金",
        "照结算单录入",
    ):
        assert words in paper, words
    assert "只供核对" not in paper
    seen = login_as(Role.FINANCE_OFFICER).get(href).text
    assert "只供核对，不交患者" in seen
    assert at_cashier.get(f"/settlement/stays/{STAY}/settlements/2/print").status_code == 404
    assert login_as(Role.WARD).get(href).status_code == 403


def test_whoever_holds_the_paper_learns_whether_it_stands(
    at_cashier: Browser, house: House, login_as: Login, browser: Browser
) -> None:
    press(at_cashier)
    with house.context.database.reading() as connection:
        token = connection.scalar(sa.text("SELECT token FROM settlement"))
    page = browser.get(f"/r/{token}").text
    assert "这张结算单是真的" in page
    assert "1,000.00 元" in page
    assert "石" not in page.split("<h1>")[1]
    stay = f"/settlement/stays/{STAY}"
    at_cashier.post(f"{stay}/recall", {"settlement_no": "1", "ground": "医保退回"})
    login_as(Role.FINANCE_OFFICER).post(f"{stay}/recall/decide", {"settlement_no": "1", "act": "approve"})
    assert "这张结算单已召回" in browser.get(f"/r/{token}").text
    assert "已召回" in at_cashier.get(f"{stay}/settlements/1/print").text


def test_the_counter_leads_to_the_settlement(counter: Counter, login_as: Login) -> None:
    cashier = login_as(Role.CASHIER)
    assert "中途结算" in cashier.get(f"/desk/stays/{STAY}").text
    said = {"stay_no": STAY, "kind": "discharge", "at": "2026-01-15T09:30", "ward": "", "disposition": "1"}
    cashier.post("/settlement/visits", said)
    assert "看出院结算" in cashier.get(f"/desk/stays/{STAY}").text


def test_what_nobody_fetched_stands_on_the_paper(at_cashier: Browser) -> None:
    press(at_cashier, rest="left")
    paper = at_cashier.get(f"/settlement/stays/{STAY}/settlements/1/print").text
    assert "待领 ￥100.00" in paper
    assert "退款 · 现金" not in paper
