"""What stands beside the clocks of discharges, as people use it: reasons, excuses, reports, the wall."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime
from io import BytesIO
from typing import cast

import pytest

from hospital_prepay.clock import SHANGHAI, FixedClock
from hospital_prepay.domain.access import Role
from hospital_prepay.domain.rules.settlement.settling import Channel
from hospital_prepay.services.settlement.escalating import escalate
from hospital_prepay.services.settlement.intake import feed, take_hl7
from tests.admissions import raw
from tests.counter import Counter
from tests.people import INSTITUTION, Browser, House
from tests.settled import STEPS, discharged, settled

NO = "Z2509001"
STAY = f"/settlement/stays/{NO}"
Login = Callable[[Role], Browser]


@pytest.fixture
def late(counter: Counter, house: House, clock: FixedClock) -> House:
    """A discharge of 15 January, open on the 22nd: due on the 20th."""
    take_hl7(
        house.context,
        feed(INSTITUTION, "mllp"),
        raw("A03", visit=NO, at="20260115091500", admitted="20260110080000"),
        "mllp",
    )
    clock.moment = datetime(2026, 1, 22, 9, 0, tzinfo=SHANGHAI)
    return house


def reason(**said: str) -> dict[str, str]:
    return {"reason": "insurance_down", "words": "<b>停机</b>", "idempotency_key": str(uuid.uuid4()), **said}


def test_a_reason_is_written_and_its_excuse_decided_by_another(late: House, login_as: Login) -> None:
    ward, officer = login_as(Role.WARD), login_as(Role.FINANCE_OFFICER)
    assert NO in officer.get("/settlement/late").text
    assert ward.post(f"{STAY}/late", reason(asks_excuse="yes")).status_code == 303
    page = ward.get(STAY).text
    assert "&lt;b&gt;停机&lt;/b&gt;" in page
    assert "同意容错" not in page
    assert ward.post(f"{STAY}/late/1/decide", {"act": "accept"}).status_code == 403
    assert "去决定" in officer.get("/settlement/late?list=excuses").text
    page = officer.get(STAY).text
    assert "病区当月出院 1 人，逾期 1 人，院内上限 1 人" in page
    officer.post(f"{STAY}/late/1/decide", {"act": "refuse", "answer": ""})
    assert "请写明为什么不同意" in officer.get(STAY).text
    officer.post(f"{STAY}/late/1/decide", {"act": "accept"})
    page = officer.get(STAY).text
    assert "逾期，已容错" in page
    assert "逾期 2 个工作日" in page  # the clock stands as it stood
    assert "逾期，已容错" in officer.get("/settlement/late").text


def test_a_late_discharge_is_taken_back_by_two(late: House, login_as: Login) -> None:
    cashier, officer = login_as(Role.CASHIER), login_as(Role.FINANCE_OFFICER)
    form = {"stay_no": NO, "kind": "cancel_discharge", "at": "2026-01-22T08:30"}
    refused = cashier.post("/settlement/visits", form)
    assert refused.status_code == 422
    assert "请写明为什么取消，由财务里另一个人决定" in refused.text
    assert cashier.post("/settlement/visits", {**form, "ground": "<i>没走</i>"}).status_code == 303
    page = cashier.get(STAY).text
    assert "已申请，等财务里另一个人决定" in page
    assert "&lt;i&gt;没走&lt;/i&gt;" in page
    assert "同意取消出院" not in page
    assert cashier.post(f"{STAY}/take_back/1/decide", {"act": "agree"}).status_code == 403
    again = cashier.post("/settlement/visits", {**form, "ground": "再来"})
    assert again.status_code == 409
    assert "取消逾期的出院，等决定" in officer.get("/").text
    assert "去决定" in officer.get("/settlement/late?list=take_backs").text
    officer.post(f"{STAY}/take_back/1/decide", {"act": "refuse", "answer": ""})
    assert "请写明为什么不同意" in officer.get(STAY).text
    officer.post(f"{STAY}/take_back/1/decide", {"act": "agree"})
    page = officer.get(STAY).text
    assert "已同意，出院取消了" in page
    assert "逾期 2 个工作日" not in page
    assert "逾期后取消出院 1 人" in officer.get("/settlement/reports").text
    officer.post(f"{STAY}/take_back/1/decide", {"act": "agree"})
    assert "现在没有出院记录" in officer.get(STAY).text


def test_a_class_that_nobody_named_is_asked_for(counter: Counter, house: House, login_as: Login) -> None:
    said = raw("A03", visit=NO, at="20260115091500", admitted="20260110080000", insured="07")
    take_hl7(house.context, feed(INSTITUTION, "mllp"), said, "mllp")
    for step, role in enumerate((Role.WARD, Role.BILLING_AUDITOR)):
        assert login_as(role).post(f"{STAY}/pass", {"step_no": str(step), "note": ""}).status_code == 303
    clerk = login_as(Role.INSURANCE_CLERK)
    listed = clerk.get("/settlement").text
    assert "类型未知，暂按自费" in listed
    assert "参保类型未知，请先核实" in listed
    assert f'value="{NO}:2"' not in listed
    page = clerk.get(STAY).text
    assert "已办好，交给收费" not in page
    assert clerk.post(f"{STAY}/pass", {"step_no": "2", "note": ""}).status_code == 409
    assert clerk.post(f"{STAY}/class", {"insured": ""}).status_code == 422
    assert "记下参保类型" not in login_as(Role.WARD).get(STAY).text
    assert clerk.post(f"{STAY}/class", {"insured": "self_pay"}).status_code == 303
    page = clerk.get(STAY).text
    assert "已办好，交给收费" in page
    assert "类型未知" not in page
    for words in ("参保类型有误，改为", "医保备注", "参保类型记为自费"):
        assert words in page, words
    assert "参保类型有误，改为" not in login_as(Role.WARD).get(STAY).text
    assert clerk.post(f"{STAY}/class", {"insured": "self_pay"}).status_code == 409
    assert clerk.post(f"{STAY}/class", {"insured": "employee"}).status_code == 303
    assert "参保类型由自费改为职工医保" in clerk.get(STAY).text


def test_a_reason_without_words_or_by_who_does_no_part_is_not_taken(late: House, login_as: Login) -> None:
    ward = login_as(Role.WARD)
    ward.post(f"{STAY}/late", reason(words=" "))
    assert "没写原因" in ward.get("/settlement/late?list=open").text
    auditor = login_as(Role.AUDITOR)
    assert auditor.post(f"{STAY}/late", reason()).status_code == 403
    assert "为什么逾期" not in auditor.get(STAY).text


def test_the_officer_who_asked_sees_that_another_decides(late: House, login_as: Login) -> None:
    officer = login_as(Role.FINANCE_OFFICER)
    officer.post(f"{STAY}/late", reason())
    assert officer.post(f"{STAY}/late/1/ask", {}).status_code == 303
    page = officer.get(STAY).text
    assert "由财务里另一个人决定" in page
    officer.post(f"{STAY}/late/1/decide", {"act": "accept"})
    assert "要由另一个人办理" in officer.get(STAY).text


def test_the_lists_say_when_there_is_nothing(counter: Counter, login_as: Login) -> None:
    browser = login_as(Role.CASHIER)
    for which, words in (("open", "没有逾期未结的"), ("unexplained", "都写了原因"), ("excuses", "没有等决定的容错")):
        assert words in browser.get(f"/settlement/late?list={which}").text
    assert browser.get("/settlement/late?list=x&page=9").status_code == 200
    assert login_as(Role.SYSTEM_ADMINISTRATOR).get("/settlement/late").status_code == 403


def test_who_must_act_finds_it_on_the_home_page(late: House, login_as: Login) -> None:
    assert escalate(late.context, INSTITUTION) == "escalated"
    page = login_as(Role.WARD).get("/").text
    assert "出院结算快到期或已逾期，在病区" in page
    assert "/settlement?stage=ward" in page
    assert "出院结算快到期" not in login_as(Role.CASHIER).get("/").text
    page = login_as(Role.WARD).get(STAY).text
    assert "催办过" in page
    assert "病区（已逾期）" in page
    login_as(Role.WARD).post(f"{STAY}/late", reason(asks_excuse="yes"))
    assert "逾期的容错等决定" in login_as(Role.FINANCE_APPROVER).get("/").text


def test_what_will_probably_be_late_is_marked_on_the_board(counter: Counter, house: House, login_as: Login) -> None:
    clock = cast(FixedClock, house.context.clock)
    people = tuple(house.actor(role) for role in STEPS)
    for number in range(6):
        at = datetime(2026, 1, 5, 9, tzinfo=SHANGHAI)
        told = {"cashier": house.actor(Role.CASHIER), "people": people, "institution_id": INSTITUTION}
        settled(house.context, clock, f"P{number}", at, 28, **told)
    discharged(house.context, clock, "W1", datetime(2026, 1, 15, 9, tzinfo=SHANGHAI), INSTITUTION)
    clock.moment = datetime(2026, 1, 20, 12, tzinfo=SHANGHAI)
    page = login_as(Role.WARD).get("/settlement").text
    assert "可能逾期" in page
    assert "病区到结清通常 14 小时，还剩 6 小时（工作时间）" in page
    assert "W1" in login_as(Role.WARD).get("/settlement?risk=1").text
    assert "没有待结算的出院患者" in login_as(Role.WARD).get("/settlement?risk=1&stage=audit").text


@pytest.fixture
def reported(counter: Counter, house: House, clock: FixedClock) -> House:
    """Two settled in January, one of them late, and one open."""
    told = {
        "cashier": house.actor(Role.CASHIER),
        "people": tuple(house.actor(role) for role in STEPS),
        "institution_id": INSTITUTION,
    }
    settled(house.context, clock, "P1", datetime(2026, 1, 5, 9, tzinfo=SHANGHAI), 5, channel=Channel.BEDSIDE, **told)
    settled(house.context, clock, "P2", datetime(2026, 1, 5, 9, tzinfo=SHANGHAI), 200, **told)
    discharged(house.context, clock, "P3", datetime(2026, 1, 20, 9, tzinfo=SHANGHAI), INSTITUTION, ward="<儿科>")
    clock.moment = datetime(2026, 1, 20, 12, tzinfo=SHANGHAI)
    return house


def test_the_report_shows_shares_with_their_definitions_and_a_chart_in_words(
    reported: House, login_as: Login
) -> None:
    page = login_as(Role.AUDITOR).get("/settlement/reports").text
    for words in (
        "2025-02 至 2026-01 出院",
        "50.0%<small>1 / 2 人",
        'aria-label="2026-01：3 个工作日内 50.0%，24 小时内 50.0%"',
        "容错了的也是逾期",
        "&lt;儿科&gt;",
        "床旁",
    ):
        assert words in page, words
    assert "石敏" not in page
    wrong = login_as(Role.AUDITOR).get("/settlement/reports?first=2026-02&last=2026-01")
    assert (wrong.status_code, "请从早到晚选" in wrong.text) == (422, True)
    assert login_as(Role.DEPARTMENT_HEAD).get("/settlement/reports").status_code == 403


def test_a_stay_that_was_settled_late_says_so_at_once(reported: House, login_as: Login) -> None:
    auditor = login_as(Role.AUDITOR)
    assert '已结算</span><span class="mark stop">' in "".join(auditor.get("/settlement/stays/P2").text.split("\n"))
    assert "逾期 3 个工作日" in auditor.get("/settlement/stays/P2").text
    assert "逾期 " not in auditor.get("/settlement/stays/P1").text


def test_the_reports_are_files_too(reported: House, login_as: Login) -> None:
    browser = login_as(Role.FINANCE_OFFICER)
    for path in ("reports", "late"):
        for kind, start in (("xlsx", b"PK"), ("pdf", b"%PDF")):
            answer = browser.get(f"/settlement/{path}.{kind}?first=2026-01&last=2026-01")
            assert answer.data.startswith(start), path
        assert browser.get(f"/settlement/{path}.docx").status_code == 404
        assert browser.get(f"/settlement/{path}.xlsx?first=x").status_code == 422


def test_the_wall_has_no_names_and_fetches_itself_again(reported: House, login_as: Login) -> None:
    page = login_as(Role.CASHIER).get("/settlement/wall").text
    assert '<meta http-equiv="refresh" content="60">' in page
    assert "P3" in page
    assert "石" not in page
    assert "&lt;儿科&gt;" in page
    assert "<b>50.0%</b>" in page
    assert Browser(login_as(Role.CASHIER).app).get("/settlement/wall").status_code in (302, 303)


def test_counts_of_other_systems_are_written_by_hand_and_by_table(reported: House, login_as: Login) -> None:
    officer = login_as(Role.FINANCE_OFFICER)
    said = {
        "period": "2026-01",
        "service": "query",
        "bedside": "1",
        "online": "8",
        "window": "1",
        "source": "小程序",
        "idempotency_key": str(uuid.uuid4()),
    }
    assert officer.post("/settlement/channels", said).status_code == 303
    page = officer.get("/settlement/channels").text
    assert "90.0%" in page
    assert "其他系统报来，1 个月有数" in page
    assert "50.0%" in page  # of two settlements one at the bedside
    wrong = officer.post("/settlement/channels", {**said, "period": "2026-03", "idempotency_key": str(uuid.uuid4())})
    assert (wrong.status_code, "还没有到" in wrong.text, 'value="小程序"' in wrong.text) == (422, True, True)
    table = {
        "file": (BytesIO("月份,事项,渠道,件数\n2026-01,入院登记,线上,7\n".encode()), "counts.csv"),
        "source": "HIS",
        "idempotency_key": str(uuid.uuid4()),
        "csrf_token": officer.proof(),
    }
    assert officer.client.post("/settlement/channels/file", data=table).status_code == 303
    assert "已登记 1 个数字" in officer.get("/settlement/channels").text
    assert login_as(Role.CASHIER).post("/settlement/channels", said).status_code == 403
    assert "登记其他系统报来的件数" not in login_as(Role.CASHIER).get("/settlement/channels").text
