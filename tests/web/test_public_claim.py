"""Patients' pages of the refunds: nothing told to the wrong person, the counter behind them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from apiflask import APIFlask
from werkzeug.test import TestResponse

from hospital_prepay.app import create_app
from hospital_prepay.domain.access import Role
from hospital_prepay.services.outpatient import owners
from tests.people import Browser, House
from tests.told import approved
from tests.web.test_fund import words
from tests.web.test_outpatient_claims import APPROVER, AUDITOR, CASHIER, OFFICER, OWN, Desk

TRUE = {"name": "吴桂兰", "certno": OWN, "phone": "13800000001", "card": ""}
BANK = {"place": "0", "route": "bank", "bank": "某银行", "card_no": "6217000000000000001"}
CLAIM, PAGE, NOTICE = "/public/claim", "/public/outpatient", "/finance/outpatient/notice"
VISIT = {
    "claimant": "heir",
    "patient_name": "吴桂兰",
    "patient_certno": OWN,
    "patient_phone": "13800000001",
    "name": "吴乙",
    "certno": "H1234567",
    "phone": "13900000000",
    "idempotency_key": "visit-key-1",
}
pytestmark = pytest.mark.clause("guizhou-deposit-2025/7")


@pytest.fixture
def desk(house: House, login_as: Callable[[Role], Browser], tmp_path: Path) -> Desk:
    return Desk(house, login_as, tmp_path).counted()


def sealed(answer: TestResponse) -> str:
    found = re.search(r'name="sealed" value="([^"]+)"', answer.text)
    assert found, words(answer)
    return found[1]


def test_a_page_of_before_a_correction_says_so_and_begins_anew(desk: Desk, browser: Browser) -> None:
    """Whoever looked as the earlier holder isn't told that nothing was found, and nothing is stored."""
    page = sealed(browser.post(CLAIM, TRUE))
    context, (officer, approver) = desk.house.context, map(desk.house.actor, (OFFICER, APPROVER))
    command = owners.AskOwnerChange("M001", "", "", "13800000009", "手机号登记错了", "患者申请 1", "owner-1")
    approved(context, approver, owners.ask_owner_change(context, officer, command))
    over = browser.post(f"{CLAIM}/ask", {**BANK, "sealed": page})
    assert over.status_code == 422
    assert "更正过这个账户登记的资料" in words(over)
    assert 'name="certno"' in over.text, "the form by which the owner looks"
    with context.database.reading() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM outpatient_request")) == 0


def test_the_owner_sees_the_balance_applies_and_reads_how_far_it_is(desk: Desk, browser: Browser) -> None:
    found = browser.post(CLAIM, TRUE)
    assert "64.50" in words(found)
    assert OWN not in found.text
    assert "13800000001" not in re.sub(r'id="f-phone"[^>]*', "", found.text)
    assert found.headers["Cache-Control"] == "no-store"
    page = sealed(found)
    first = browser.post(f"{CLAIM}/ask", {**BANK, "sealed": page})
    assert first.status_code == 200
    number = re.search(r"SQ\d+", first.text)
    assert number
    assert browser.post(f"{CLAIM}/ask", {**BANK, "sealed": page}).text == first.text
    assert f"网上申请 {number[0]} 已收到，等医院受理" in words(browser.post(CLAIM, TRUE))
    assert desk.count("outpatient_claim") == 0
    assert "网上申请等受理" in words(desk.as_(CASHIER).get("/"))
    listed = desk.as_(CASHIER).get("/desk/refunds/requests")
    href = re.search(r'href="(/desk/refunds/requests/[0-9a-f-]{36})"', listed.text)
    assert href
    shown = desk.as_(OFFICER).get(href[1])
    assert OWN not in shown.text
    assert "6217000000000000001" not in shown.text
    refused = desk.send(CASHIER, f"{href[1]}/accept", account_no="M001", route="bank")
    assert refused.status_code == 422
    assert "还不能受理" in words(refused)
    form: dict[str, Any] = {"account_no": "M001", "route": "bank", "paper-own_id": "yes"}
    assert "申请人不用来窗口" in words(desk.as_(CASHIER).get(href[1]))
    unseen = desk.send(CASHIER, f"{href[1]}/accept", **form)
    assert unseen.status_code == 422
    assert "材料：请写明本人有效证件是怎么看的" in words(unseen)
    taken = desk.send(CASHIER, f"{href[1]}/accept", **form, **{"reference-own_id": "电话回访核对"})
    assert taken.status_code == 303, words(taken)
    assert "已受理，待审核" in words(browser.post(CLAIM, TRUE))
    assert desk.send(OFFICER, f"{taken.location}/review").status_code == 303
    assert desk.send(APPROVER, f"{taken.location}/confirm").status_code == 303


@pytest.mark.parametrize(
    ("told", "heading"),
    [
        (TRUE, "您的门诊余额"),
        ({**TRUE, "card": "M001"}, "这张卡上的门诊余额"),
        ({**TRUE, "phone": "", "card": "M001"}, "这张卡上的门诊余额"),
    ],
)
def test_who_looks_by_a_card_is_told_that_only_it_was_looked_up(
    desk: Desk, browser: Browser, told: dict[str, str], heading: str
) -> None:
    found = browser.post(CLAIM, told)
    again = browser.post(f"{CLAIM}/ask", {**BANK, "sealed": sealed(found), "card_no": "1"})
    browser.post(f"{CLAIM}/ask", {**BANK, "sealed": sealed(found)})
    for page in (found, again, browser.post(CLAIM, told)):
        assert f"{heading} 64.50" in words(page)
        assert ("只查了这张卡" in words(page)) is ("卡" in heading)
    over = browser.post(CLAIM, told)
    assert ("这张卡上的都已经在办" in words(over)) is ("卡" in heading)
    back = re.search(r'<a href="([^"]+)">退费公告</a>', over.text.partition("<main")[2])
    assert back, "a way back beside the phone"
    assert "门诊预交金退费" in words(browser.get(back[1]))


def test_wrong_name_number_phone_card_or_nobody_get_the_same_bytes(desk: Desk, app: APIFlask) -> None:
    wrong = [
        {**TRUE, "name": "吴桂花"},
        {**TRUE, "certno": "110105200001010016"},
        {**TRUE, "phone": "13800000002"},
        {**TRUE, "card": "M002"},
        {**TRUE, "phone": "", "card": "M002"},
        {"name": "张丁", "certno": "nobody", "phone": "", "card": "MZ/4"},
        {**TRUE, "name": "'; DROP TABLE outpatient_account; --"},
    ]
    answers = [Browser(app).post(CLAIM, told) for told in wrong]
    assert {one.status_code for one in answers} == {200}
    assert len({one.data for one in answers}) == 1
    assert "64.50" not in answers[0].text
    assert len({str(sorted((k, v) for k, v in one.headers if k != "Set-Cookie")) for one in answers}) == 1


def test_nothing_left_is_the_same_answer_as_nobody(desk: Desk, app: APIFlask) -> None:
    claim = desk.confirmed()
    assert desk.send(CASHIER, f"{claim}/pay", receipt="R1").status_code == 303
    left = Browser(app).post(CLAIM, TRUE)
    assert left.data == Browser(app).post(CLAIM, {**TRUE, "certno": "nobody"}).data


def test_an_heir_is_told_the_same_whoever_the_patient_is(desk: Desk, app: APIFlask) -> None:
    def book(number: int, **changes: str) -> str:
        told = {**VISIT, "idempotency_key": f"visit-key-{number}", **changes}
        answer = Browser(app).post(f"{CLAIM}/for-another", told)
        assert answer.status_code == 200, words(answer)
        return re.sub(r"SQ\d+", "SQ", answer.text)

    pages = {book(1), book(2, patient_certno="nobody"), book(3, patient_name="无名"), book(4, patient_phone="")}
    assert len(pages) == 1
    assert "64.50" not in pages.pop()
    assert desk.count("outpatient_request") == 4


def test_after_five_tries_of_a_number_everybody_waits(desk: Desk, app: APIFlask) -> None:
    statuses = [Browser(app).post(CLAIM, {**TRUE, "name": f"错{n}"}).status_code for n in range(5)]
    waits = Browser(app).post(CLAIM, TRUE)
    assert [*statuses, waits.status_code] == [200] * 5 + [429]
    assert "64.50" not in waits.text


@pytest.mark.parametrize("field", ["name", "certno", "phone", "card"])
@pytest.mark.parametrize("value", ["x" * 5_000, "吴\u202e桂兰", "吴\u200b桂兰", "a\tb\x07", "行\n行"])
def test_huge_fields_and_unseen_characters_are_told_beside_the_field(
    desk: Desk, browser: Browser, field: str, value: str
) -> None:
    answer = browser.post(CLAIM, {**TRUE, field: value})
    assert answer.status_code == 422
    assert desk.count("outpatient_attempt") == 0


def test_forged_forms_change_nothing(desk: Desk, browser: Browser, app: APIFlask) -> None:
    page = sealed(browser.post(CLAIM, TRUE))
    for changes in ({"place": "1"}, {"place": "-1"}, {"place": "x"}, {"route": "original"}, {"route": "gift"}):
        assert browser.post(f"{CLAIM}/ask", {**BANK, "sealed": page, **changes}).status_code == 422
    assert Browser(app).post(f"{CLAIM}/ask", {**BANK, "sealed": page}).status_code == 422, "another browser's page"
    assert browser.post(f"{CLAIM}/ask", {**BANK, "sealed": page + "x"}).status_code == 422
    assert browser.client.post(CLAIM, data=TRUE).status_code == 400, "without the form's proof"
    assert browser.post(f"{CLAIM}/ask", {**BANK, "sealed": page, "sealed_too": "x" * 300_000}).status_code == 413
    assert desk.count("outpatient_request") == 0


def test_staff_who_are_signed_in_are_the_public_here(desk: Desk) -> None:
    """What a cashier asks on this page isn't accepted by them."""
    found = desk.as_(CASHIER).post(CLAIM, TRUE)
    desk.as_(CASHIER).post(f"{CLAIM}/ask", {**BANK, "sealed": sealed(found)})
    with desk.house.context.database.reading() as connection:
        query = sa.text("SELECT DISTINCT actor FROM audit_event WHERE action LIKE '%online'")
        assert connection.scalars(query).all() == ["anonymous"]


def test_what_is_masked_shows_for_a_reason_that_is_kept(desk: Desk, browser: Browser) -> None:
    browser.post(f"{CLAIM}/ask", {**BANK, "sealed": sealed(browser.post(CLAIM, TRUE))})
    listed = desk.as_(CASHIER).get("/desk/refunds/requests").text
    href = re.search(r'href="(/desk/refunds/requests/[0-9a-f-]{36})"', listed)
    assert href
    assert desk.send(CASHIER, f"{href[1]}/identity").status_code == 422
    shown = desk.send(CASHIER, f"{href[1]}/identity", reason="与证件核对身份")
    assert OWN in shown.text
    with desk.house.context.database.reading() as connection:
        kept = connection.scalar(sa.text("SELECT detail FROM audit_event WHERE action = 'identity.reveal'"))
    assert "与证件核对身份" in str(kept)
    declined = desk.send(CASHIER, f"{href[1]}/decline", ground="请带身份证原件来")
    assert declined.status_code == 303
    assert "请带身份证原件来" in words(browser.post(CLAIM, TRUE))


def listed(desk: Desk) -> tuple[TestResponse, str]:
    """The list of applications that wait, and the first of them."""
    answer = desk.as_(CASHIER).get("/desk/refunds/requests")
    href = re.search(r'href="(/desk/refunds/requests/[0-9a-f-]{36})"', answer.text)
    assert href, words(answer)
    return answer, href[1]


@pytest.mark.parametrize("patient", [{}, {"patient_certno": "nobody"}])
def test_an_heirs_visit_is_taken_up_by_transfer_with_a_card_named_at_the_counter(
    desk: Desk, browser: Browser, patient: dict[str, str]
) -> None:
    browser.post(f"{CLAIM}/for-another", {**VISIT, **patient})
    wish = "网上没有问，到窗口时定"
    list_, href = listed(desk)
    shown = desk.as_(CASHIER).get(href)
    assert wish in words(list_)
    assert wish in words(shown)
    ways = re.findall(r'name="route" value="(\w+)"( checked)?( disabled)?', shown.text)
    assert ways == [("bank", " checked", ""), ("cash", "", ""), ("original", "", " disabled")]
    form: dict[str, Any] = {"account_no": "M001", "route": "bank", "patient_certno": OWN}
    for paper in ("heir_id", "death", "kinship"):
        form |= {f"paper-{paper}": "yes", f"reference-{paper}": "看过原件"}
    lacking = desk.send(CASHIER, f"{href}/accept", **form, bank="某银行")
    assert lacking.status_code == 422
    assert "请填银行卡号" in words(lacking)
    assert 'value="某银行"' in lacking.text
    assert desk.send(CASHIER, f"{href}/accept", **form, bank="某银行", card_no=BANK["card_no"]).status_code == 303


def test_the_counter_is_led_to_the_account_that_a_visit_is_about(desk: Desk, browser: Browser) -> None:
    booked = browser.post(f"{CLAIM}/for-another", {**VISIT, "patient_phone": ""})
    assert "M001" not in booked.text
    list_, href = listed(desk)
    shown = desk.as_(CASHIER).get(href)
    assert "没有找到" not in words(list_)
    assert "可能是的账户" in words(shown)
    assert re.search(r'name="account_no"[^>]* value="M001"', shown.text)
    assert "吴桂兰" not in desk.as_(Role.AUDITOR).get(href).text


@pytest.mark.parametrize("visit", [{}, {"patient_phone": ""}])
def test_a_claim_of_the_window_and_a_visit_of_the_same_account_name_each_other(
    desk: Desk, browser: Browser, visit: dict[str, str]
) -> None:
    browser.post(f"{CLAIM}/for-another", {**VISIT, **visit})
    _, href = listed(desk)
    number = re.search(r"SQ\d+", desk.as_(CASHIER).get(href).text)
    assert number
    account = "/desk/refunds/accounts/M001"
    assert (number[0] in desk.as_(CASHIER).get(f"{account}?claimant=heir").text) is (not visit)
    claim = desk.accepted()
    assert (number[0] in words(desk.as_(CASHIER).get(claim))) is (not visit), "as it was accepted"
    refund_no = desk.number(claim)
    page = desk.as_(CASHIER).get(href)
    assert f'href="{claim}"' in page.text
    ground = re.search(r'name="ground"[^>]* value="([^"]+)"', page.text)
    assert ground
    assert refund_no in ground[1]
    assert (f'action="{href}/accept"' in page.text) is bool(visit)
    assert desk.send(CASHIER, f"{href}/decline", ground=ground[1]).status_code == 303
    ended = words(desk.as_(CASHIER).get(href))
    assert f"没有受理：{ground[1]}" in ended
    assert number[0] not in desk.as_(CASHIER).get(account).text


def test_a_visit_after_the_refund_was_paid_says_that_nothing_is_left(desk: Desk, browser: Browser) -> None:
    browser.post(f"{CLAIM}/for-another", VISIT)
    _, href = listed(desk)
    claim = desk.confirmed()
    assert desk.send(CASHIER, f"{claim}/pay", receipt="R1").status_code == 303
    page = desk.as_(CASHIER).get(href)
    assert f'href="{claim}"' in page.text
    assert f'action="{href}/accept"' not in page.text


def test_applications_that_ended_say_who_ended_them_and_why(desk: Desk, browser: Browser) -> None:
    listed = "/desk/refunds/requests"
    assert "没有办过的网上申请" in words(desk.as_(AUDITOR).get(f"{listed}?tab=ended"))
    browser.post(f"{CLAIM}/ask", {**BANK, "sealed": sealed(browser.post(CLAIM, TRUE))})
    asked = re.search(r'href="(/desk/refunds/requests/[0-9a-f-]{36})"', desk.as_(CASHIER).get(listed).text)
    assert asked
    desk.send(CASHIER, f"{asked[1]}/decline", ground="电话 13985001236 打不通，请带证件到窗口")
    page = desk.as_(AUDITOR).get(f"{listed}?tab=ended")
    assert ">办过的网上申请</caption>" in page.text
    cashier = desk.house.actor(CASHIER).name
    assert re.search(rf"没有受理{cashier} [-0-9]+ [0-9:]+：电话 139 \*{{4}} 1236 打不通", words(page))
    browser.post(f"{CLAIM}/ask", {**BANK, "sealed": sealed(browser.post(CLAIM, TRUE))})
    asked = re.search(r'href="(/desk/refunds/requests/[0-9a-f-]{36})"', desk.as_(CASHIER).get(listed).text)
    assert asked
    assert cashier not in words(desk.as_(AUDITOR).get(listed))
    form = {"account_no": "M001", "route": "bank", "paper-own_id": "yes", "reference-own_id": "电话回访核对"}
    assert desk.send(CASHIER, f"{asked[1]}/accept", **form).status_code == 303
    assert re.search(rf"已受理{cashier} [-0-9]+ [0-9:]+", words(desk.as_(AUDITOR).get(f"{listed}?tab=ended")))


def test_the_pages_of_the_counter_lead_to_the_applications_and_back(desk: Desk, browser: Browser) -> None:
    find, rooms = "/desk/refunds", 'aria-label="门诊清退各页"'
    asked = 'href="/desk/refunds/requests"'
    assert asked in desk.as_(CASHIER).get(find).text
    browser.post(f"{CLAIM}/for-another", VISIT)
    assert "网上申请（1）" in words(desk.as_(CASHIER).get(find))
    for page in (f"{find}/claims", desk.accepted()):
        shown = desk.as_(CASHIER).get(page).text
        assert rooms in shown, page
        assert asked in shown, page
        assert 'href="/finance/outpatient"' in shown, page


@pytest.mark.parametrize("path", [PAGE, f"{CLAIM}/for-another"])
def test_an_heir_reads_that_one_of_the_proofs_of_death_is_enough(desk: Desk, browser: Browser, path: str) -> None:
    wanted = ("继承人有效证件", "死亡证明、火化证明、户口注销证明、社区证明，任一种即可", "亲属或继承关系证明")
    assert "".join(f"<li>{one}</li>" for one in wanted) in browser.get(path).text
    booked = browser.post(f"{CLAIM}/for-another", VISIT)
    assert f"<li>{wanted[1]}</li>" in booked.text


def test_the_announcement_is_one_page_kept_in_memory_until_it_changes(desk: Desk, browser: Browser) -> None:
    first = browser.get(PAGE)
    assert first.status_code == 200
    assert "Set-Cookie" not in first.headers
    assert browser.get(PAGE, headers={"If-None-Match": first.headers["ETag"]}).status_code == 304
    assert "0855-1234567" in words(first)
    assert "194.50" in words(first)
    for name in ("吴桂兰", "M001", "李乙"):
        assert name not in first.text
    told: dict[str, Any] = {
        "version_no": "0",
        "steps": "查一查",
        "windows": "门诊三号窗",
        "hours": "每天",
        "phone": "0855-99",
    }
    for text in ("年底前办，逾期作废", "过期视为放弃"):
        assert desk.send(OFFICER, NOTICE, **{**told, "steps": text}).status_code == 422
    assert desk.send(CASHIER, NOTICE, **told).status_code == 403
    assert desk.send(OFFICER, NOTICE, **told).status_code == 303
    assert desk.send(OFFICER, NOTICE, **told).status_code == 409
    again = browser.get(PAGE, headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 200
    assert "门诊三号窗" in words(again)
    assert "第 1 版" in words(desk.as_(Role.AUDITOR).get(NOTICE))


@pytest.mark.clause("guizhou-deposit-2025/8")
@pytest.mark.parametrize("path", [PAGE, CLAIM, f"{CLAIM}/for-another"])
def test_no_page_says_that_a_claim_lapses(desk: Desk, browser: Browser, path: str) -> None:
    page = browser.get(path)
    assert page.status_code == 200
    for said in ("作废", "视为放弃", "逾期"):
        assert said not in page.text


def test_another_institution_is_its_own(desk: Desk, browser: Browser) -> None:
    assert browser.get(CLAIM, query_string={"institution": "H99999999999"}).status_code == 404
    assert browser.post(CLAIM, {**TRUE, "institution": "H99999999999"}).status_code == 404


@pytest.mark.parametrize(("proxies", "known"), [(0, "127.0.0.1"), (1, "198.51.100.9"), (2, "203.0.113.5")])
def test_the_address_is_the_one_our_own_proxies_wrote(desk: Desk, proxies: int, known: str) -> None:
    context = replace(desk.house.context, settings=replace(desk.house.context.settings, proxies=proxies))
    browser = Browser(create_app(context))
    browser.post(CLAIM, TRUE, headers={"X-Forwarded-For": "10.9.9.9, 203.0.113.5, 198.51.100.9"})
    with context.database.reading() as connection:
        query = sa.text("SELECT DISTINCT address FROM audit_event WHERE action LIKE '%look_online'")
        assert connection.scalars(query).all() == [known]
