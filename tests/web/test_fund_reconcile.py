"""Reconciliation in the browser: files come in, a month is matched and closed by two people; and every no."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import pytest
from werkzeug.test import TestResponse

from hospital_prepay.clock import SHANGHAI, FixedClock
from hospital_prepay.domain.access import Role
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.fund.henan_month import HENAN
from hospital_prepay.domain.rules.fund.regime import Fund
from hospital_prepay.services.fund.henan import NegativePlan, record_negative_plan
from hospital_prepay.services.fund.returns import ReturnGrant, return_grant
from hospital_prepay.services.fund.review import fund_overview
from tests.funding import MILLION_YUAN, application, apply_one, good_facts
from tests.people import Browser, House
from tests.statements import ACCOUNT
from tests.web.test_fund import Fundhouse, line, words

OFFICER, APPROVER, AUDITOR = Role.FINANCE_OFFICER, Role.FINANCE_APPROVER, Role.AUDITOR
ROOT = "/finance/fund/reconcile"
DATA = Path(__file__).parents[1] / "data"
MONTH = {"period": "2026-01"}


@pytest.fixture
def fund(house: House, login_as: Callable[[Role], Browser], clock: FixedClock) -> Fundhouse:
    found = Fundhouse(house, login_as).received()
    request = found.asked(line("350000"))
    found.send(Role.DEPARTMENT_HEAD, f"{request}/agree")
    found.send(APPROVER, f"{request}/reserve")
    found.send(OFFICER, f"{request}/pay", bank_reference="B-9")
    clock.moment = datetime(2026, 2, 3, 9, 0, tzinfo=SHANGHAI)
    found.browsers.clear()
    return found


@pytest.fixture
def henan(fund: Fundhouse) -> Fundhouse:
    """The same house, under Henan's notice as well."""
    facts = good_facts(2026)
    command = application(HENAN, "x", Fund.EMPLOYEE, Money(MILLION_YUAN), facts, "apply-henan")
    assert apply_one(fund.house.context, fund.house.actor(OFFICER), command).grant_id
    return fund


def paper(kind: str) -> bytes:
    """The file of January, with the supplier of this house."""
    return (DATA / f"fund_{kind}_2026_01.csv").read_bytes().replace("黔药".encode(), "浙药".encode())


def upload(fund: Fundhouse, kind: str, content: bytes | None = None, role: Role = OFFICER) -> TestResponse:
    body = content if content is not None else paper(kind)
    data = {"kind": kind, **MONTH, "account": ACCOUNT, "file": (io.BytesIO(body), f"{kind}.csv")}
    return fund.as_(role).post(f"{ROOT}/import", data, content_type="multipart/form-data")


def fields(page: TestResponse) -> dict[str, str]:
    """What the mapping form carries: hidden fields and what is preselected."""
    found = dict(re.findall(r'<input type="hidden" name="([a-z_]+)" value="([^"]*)"', page.text))
    for name, body in re.findall(r'<select[^>]* name="(column-[a-z]+)"[^>]*>(.*?)</select>', page.text, re.DOTALL):
        chosen = re.search(r'value="([^"]*)" selected', body)
        found[name] = chosen[1] if chosen else ""
    found.pop("csrf_token", None)
    account = re.search(r'name="account"[^>]* value="([^"]*)"', page.text)
    return found if account is None else {**found, "account": account[1]}


def take(fund: Fundhouse, kind: str) -> TestResponse:
    page = upload(fund, kind)
    if page.status_code == 303:
        return page
    assert page.status_code == 200, words(page)
    return fund.as_(OFFICER).post(f"{ROOT}/import/columns", fields(page))


def digest(page: TestResponse) -> str:
    found = re.search(r'name="digest" value="([0-9a-f]{64})"', page.text)
    assert found
    return found[1]


def month(fund: Fundhouse, role: Role = OFFICER) -> TestResponse:
    return fund.as_(role).get(f"{ROOT}?period=2026-01")


def test_a_month_from_files_to_two_people(fund: Fundhouse) -> None:
    before = words(month(fund))
    assert "2026-01 还没有对平" in before
    assert "只在本院账上" in before
    page = upload(fund, "bank")
    assert "已按常见表头先选好" in words(page)
    assert fields(page)["column-credit"] == "贷方发生额"
    taken = fund.as_(OFFICER).post(f"{ROOT}/import/columns", fields(page))
    assert taken.status_code == 303
    told = words(fund.as_(OFFICER).get(taken.location))
    assert "收下 3 行，3 行没有收下" in told
    assert "=A1+1" in told
    explain = f"{taken.location}/explain"
    assert take(fund, "agency").status_code == 303
    assert "银行流水有没收下的行，可能也是钱" in words(month(fund))
    assert fund.as_(OFFICER).post(explain, {"ground": ""}).status_code == 422
    assert fund.as_(AUDITOR).post(explain, {"ground": "合计行"}).status_code == 403
    assert fund.as_(OFFICER).post(explain, {"ground": "合计行"}).status_code == 303
    assert fund.as_(OFFICER).post(explain, {"ground": "合计行"}).status_code == 409
    assert "已说明：合计行" in words(fund.as_(AUDITOR).get(taken.location))
    assert take(fund, "totals").status_code == 303
    seen = month(fund)
    assert "2026-01 零差异对平" in words(seen)
    assert "另有 1 笔与医保、预付金和供应商无关" in words(seen)
    assert "没有对上的原因" not in words(seen)
    closed = fund.as_(OFFICER).post(f"{ROOT}/2026-01/close", {"digest": digest(seen), "ground": ""})
    assert closed.status_code == 303
    assert "已结账，等复核" in words(month(fund))
    fund.as_(APPROVER).post(f"{ROOT}/2026-01/check", {"digest": digest(month(fund, APPROVER))})
    done = words(month(fund, AUDITOR))
    assert "已结账，已复核" in done
    assert "零差异" in done


def test_a_file_imported_by_mistake_is_withdrawn_with_a_ground_and_asked_anew(fund: Fundhouse) -> None:
    file = take(fund, "bank").location
    assert "作废这份文件" in words(fund.as_(OFFICER).get(file))
    assert "作废这份文件" not in words(fund.as_(AUDITOR).get(file))
    assert fund.as_(AUDITOR).post(f"{file}/withdraw", {"ground": "x"}).status_code == 403
    blank = fund.as_(OFFICER).post(f"{file}/withdraw", {"ground": " "})
    assert blank.status_code == 422
    assert "为什么作废" in words(blank)
    assert fund.as_(OFFICER).post(f"{file}/withdraw", {"ground": "列<b>选反"}).status_code == 303
    told = fund.as_(AUDITOR).get(file)
    assert "这份文件作废了" in words(told)
    assert "列&lt;b&gt;选反" in told.text
    listed = words(month(fund))
    assert "已作废，列&lt;b&gt;选反" in listed or "已作废，列<b>选反" in listed
    assert "还没有：银行流水" in listed
    twice = fund.as_(OFFICER).post(f"{file}/withdraw", {"ground": "再来"})
    assert twice.status_code == 409
    assert "已经作废" in words(twice)
    assert upload(fund, "bank").status_code == 200, "the columns are asked again"


def test_a_statement_of_another_account_says_that_it_does_not_count(fund: Fundhouse) -> None:
    take(fund, "bank")
    line = "交易日期,贷方发生额,借方发生额,余额,对方户名,摘要,流水号\n2026-01-20,5.00,,7.00,某某公司,租金,Z-1\n"
    data = {"kind": "bank", **MONTH, "account": "6222 9", "file": (io.BytesIO(line.encode()), "other.csv")}
    page = fund.as_(OFFICER).post(f"{ROOT}/import", data, content_type="multipart/form-data")
    if page.status_code == 200:
        page = fund.as_(OFFICER).post(f"{ROOT}/import/columns", fields(page))
    told = words(fund.as_(OFFICER).get(page.location))
    assert f"这份流水是账户 6222 9 的，预付金存放在账户 {ACCOUNT}" in told
    assert "账户 6222 9 的，不是存放预付金的账户，不算在对账里" in words(month(fund))


def test_a_month_said_to_be_quiet_is_taken_back(fund: Fundhouse) -> None:
    said = {"kind": "bank", "ground": "网银查询页"}
    assert fund.as_(OFFICER).post(f"{ROOT}/2026-01/quiet", said).status_code == 303
    assert "撤回“没有明细”" in words(month(fund))
    assert fund.as_(OFFICER).post(f"{ROOT}/2026-01/not-quiet", {**said, "ground": ""}).status_code == 422
    assert fund.as_(OFFICER).post(f"{ROOT}/2026-01/not-quiet", {**said, "ground": "补到一笔"}).status_code == 303
    assert "银行流水没有明细" not in words(month(fund))
    again = fund.as_(OFFICER).post(f"{ROOT}/2026-01/not-quiet", {**said, "ground": "补到一笔"})
    assert again.status_code == 409


def test_what_was_booked_after_the_month_is_named_with_its_day(fund: Fundhouse) -> None:
    assert "月末之后才入账的" not in words(month(fund))
    [grant] = fund_overview(fund.house.context, fund.house.actor(OFFICER)).grants
    command = ReturnGrant(grant.grant_id, Money(500), "R-1", "key-late", date(2026, 1, 30))
    return_grant(fund.house.context, fund.house.actor(OFFICER), command)
    page = words(month(fund))
    assert re.search(r"月末之后才入账的.*凭证 \d+：回单 2026-01-30，2026-02-03 入账", page), page
    behind = "/finance/fund/usage/entries?first=2026-01&last=2026-01&by=month&balance=owed&movement=returned"
    assert "2026-02-03 入账" in words(fund.as_(AUDITOR).get(behind))


def test_money_out_and_in_waits_on_the_page_for_another_person(fund: Fundhouse) -> None:
    take(fund, "agency")
    lent = "2026-01-20,,500000.00,某某建筑,医保借款,L-1\n2026-01-30,500000.00,,某某建筑,归还医保借款,L-2\n"
    page = upload(fund, "bank", ("交易日期,贷方发生额,借方发生额,对方户名,摘要,流水号\n" + lent).encode())
    fund.as_(OFFICER).post(f"{ROOT}/import/columns", fields(page))
    shown = fund.as_(OFFICER).get(f"{ROOT}/match?period=2026-01")
    theirs = re.findall(r'type="checkbox" name="theirs" value="([0-9a-f]{64})"', shown.text)
    assert len(theirs) == 2
    said = {**MONTH, "theirs": theirs, "ground": "对冲"}
    assert fund.as_(OFFICER).post(f"{ROOT}/match", said).status_code == 303
    after = fund.as_(OFFICER).get(f"{ROOT}/match?period=2026-01")
    assert "等另一人确认" in words(after)
    assert ">确认</button>" not in after.text, "whoever said it doesn't confirm it"
    assert "一进一出，等另一人确认" in words(month(fund))
    again = fund.as_(OFFICER).post(f"{ROOT}/match", said)
    assert again.status_code == 403


def test_the_agencys_entry_stands_beside_ours_and_is_called_theirs(fund: Fundhouse) -> None:
    page = words(month(fund, AUDITOR))
    assert "医保方的账，不是本院的账" in page
    assert "借 暂付款—医保预付金" in page


def test_the_same_file_again_and_known_headings_go_straight_through(fund: Fundhouse) -> None:
    first = take(fund, "agency")
    again = upload(fund, "agency")
    assert again.location == first.location
    assert "以前导入过，什么也没有改" in words(fund.as_(OFFICER).get(again.location))
    more = (DATA / "fund_agency_2026_01.csv").read_bytes() + "2026-01-16,罚款,职工医保,1,,YB-9,\n".encode()
    assert upload(fund, "agency", more).status_code == 303


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "空的"),
        (b"PK\x03\x04junk", "请"),
        ("交易日期,贷方发生额,借方发生额\n2026-01-15,1.00,\n".encode("utf-16"), "UTF-16"),
    ],
)
def test_a_bad_file_is_said_at_its_field_and_leaves_nothing(fund: Fundhouse, content: bytes, said: str) -> None:
    page = upload(fund, "bank", content)
    assert page.status_code == 422
    assert said in words(page)
    assert 'id="e-file"' in page.text
    assert fund.count("fund_statement") == 0
    folder = fund.house.context.settings.data_dir / "statements"
    assert [path for path in folder.rglob("*") if path.is_file()] == []


def test_wrong_forms_of_an_import(fund: Fundhouse) -> None:
    browser = fund.as_(OFFICER)
    assert browser.post(f"{ROOT}/import", {"kind": "bank", **MONTH}).status_code == 422
    assert browser.post(f"{ROOT}/import", {"kind": "gift", **MONTH}).status_code == 422
    assert browser.post(f"{ROOT}/import", {"kind": "bank", "period": "January"}).status_code == 422
    page = upload(fund, "bank")
    wrong = browser.post(f"{ROOT}/import/columns", {**fields(page), "column-payee": "摘要"})
    assert wrong.status_code == 422
    assert "选了两次" in words(wrong)
    missing = browser.post(f"{ROOT}/import/columns", {**fields(page), "column-day": ""})
    assert missing.status_code == 422
    assert 'id="e-column-day"' in missing.text
    for token in ("../../prepay.sqlite3", "0" * 36):
        gone = browser.post(f"{ROOT}/import/columns", {**fields(page), "token": token})
        assert gone.status_code == 422
    assert fund.count("fund_statement") == fund.count("fund_column_map") == 0


def test_items_are_matched_set_apart_and_undone_by_hand(fund: Fundhouse) -> None:
    late = "交易日期,贷方发生额,借方发生额,对方户名,摘要,流水号\n2026-01-25,1000000,,国库,医保款,Q-1\n"
    page = upload(fund, "bank", late.encode())
    fund.as_(OFFICER).post(f"{ROOT}/import/columns", fields(page))
    shown = fund.as_(OFFICER).get(f"{ROOT}/match?period=2026-01")
    ours = re.findall(r'name="ours" value="(bank:\d+:grant)"', shown.text)
    theirs = re.findall(r'name="theirs" value="([0-9a-f]{64})"', shown.text)
    data = {**MONTH, "ours": ours[:1], "theirs": theirs[:1], "ground": ""}
    refused = fund.as_(OFFICER).post(f"{ROOT}/match", data)
    assert refused.status_code == 422
    assert " checked" in refused.text, "what was ticked stays ticked"
    assert fund.as_(OFFICER).post(f"{ROOT}/match", {**data, "ground": "回单"}).status_code == 303
    again = fund.as_(OFFICER).post(f"{ROOT}/match", {**data, "ground": "回单"})
    assert again.status_code == 409
    shown = fund.as_(OFFICER).get(f"{ROOT}/match?period=2026-01")
    undo = re.search(rf'action="({ROOT}/matches/[^"]+/undo)"', shown.text)
    assert undo
    assert fund.as_(OFFICER).post(undo[1], {**MONTH, "ground": "看错"}).status_code == 303
    take(fund, "agency")
    shown = fund.as_(OFFICER).get(f"{ROOT}/match?period=2026-01")
    pair = re.search(
        r'name="ours" value="(agency:[^"]+)"><input type="hidden" name="theirs" value="([0-9a-f]{64})"', shown.text
    )
    assert pair
    apart = {**MONTH, "ours": pair[1], "theirs": pair[2], "ground": "不是同一笔"}
    assert fund.as_(OFFICER).post(f"{ROOT}/apart", apart).status_code == 303
    assert "只在医保" in words(month(fund))


def test_left_out_lines_are_listed_brought_in_and_left_again(fund: Fundhouse) -> None:
    take(fund, "bank")
    assert f'href="{ROOT}/left-out?period=2026-01"' in month(fund).text
    place = f"{ROOT}/left-out?period=2026-01"
    shown = fund.as_(OFFICER).get(place)
    assert "某某物业公司，物业费" in words(shown)
    [action] = re.findall(rf'action="({ROOT}/left-out/[0-9a-f]{{64}}/count)"', shown.text)
    wrong = fund.as_(OFFICER).post(action, {**MONTH, "ground": ""})
    assert wrong.status_code == 422
    assert 'id="e-ground"' in wrong.text
    assert fund.as_(OFFICER).post(action, {**MONTH, "ground": "回单"}).status_code == 303
    assert fund.as_(OFFICER).post(action, {**MONTH, "ground": "回单"}).status_code == 409
    assert "1 笔由人算进来" in words(month(fund))
    assert "某某物业公司" in words(fund.as_(OFFICER).get(f"{ROOT}/match?period=2026-01"))
    undo = action.replace("/count", "/leave")
    assert fund.as_(OFFICER).post(undo, {**MONTH, "ground": "看错"}).status_code == 303
    assert 'method="post" action="/finance/fund' not in fund.as_(AUDITOR).get(place).text
    assert fund.as_(AUDITOR).post(action, {**MONTH, "ground": "x"}).status_code == 403


def test_a_dedicated_account_said_later_takes_effect(fund: Fundhouse) -> None:
    take(fund, "bank")
    data = {"kind": "bank", **MONTH, "again": "yes", "account": ACCOUNT}
    body = paper("bank")
    sent = {**data, "file": (io.BytesIO(body), "bank.csv")}
    page = fund.as_(OFFICER).post(f"{ROOT}/import", sent, content_type="multipart/form-data")
    done = fund.as_(OFFICER).post(f"{ROOT}/import/columns", {**fields(page), "dedicated": "yes"})
    assert "以前收下的明细也按新的说明对" in words(fund.as_(OFFICER).get(done.location))
    assert "与医保、预付金和供应商无关" not in words(month(fund))


def test_a_bank_file_is_asked_for_its_account(fund: Fundhouse) -> None:
    page = upload(fund, "bank")
    wrong = fund.as_(OFFICER).post(f"{ROOT}/import/columns", {**fields(page), "account": ""})
    assert wrong.status_code == 422
    assert 'id="e-account"' in wrong.text
    assert fund.as_(OFFICER).post(f"{ROOT}/import/columns", fields(wrong) | {"account": ACCOUNT}).status_code == 303
    assert f"存放预付金的账户（{ACCOUNT}）月末余额 845,000.00 元" in words(month(fund))
    sent = {"kind": "bank", **MONTH, "file": (io.BytesIO(paper("bank")), "bank.csv")}
    known = fund.as_(OFFICER).post(f"{ROOT}/import", sent, content_type="multipart/form-data")
    assert known.status_code == 422
    assert 'id="e-account"' in known.text


def test_the_approver_says_which_account_holds_the_prepayments(fund: Fundhouse) -> None:
    take(fund, "bank")
    action = f"{ROOT}/2026-01/account"
    assert action not in month(fund, APPROVER).text, "there is one account only"
    sent = {"kind": "bank", **MONTH, "account": "6222 0000 1111", "file": (io.BytesIO(paper("bank")), "bank.csv")}
    assert fund.as_(OFFICER).post(f"{ROOT}/import", sent, content_type="multipart/form-data").status_code == 303
    assert action in month(fund, APPROVER).text
    assert action not in month(fund).text
    said = {"account": "6222 0000 1111", "ground": "换户批复 1 号"}
    assert fund.as_(OFFICER).post(action, said).status_code == 403
    wrong = fund.as_(APPROVER).post(action, {**said, "ground": ""})
    assert wrong.status_code == 422
    assert 'id="e-ground"' in wrong.text
    assert fund.as_(APPROVER).post(action, said).status_code == 303
    assert "存放预付金的账户（6222 0000 1111）" in words(month(fund))
    assert fund.as_(APPROVER).post(action, said).status_code == 409


def test_a_month_without_a_line_is_said_on_its_page(fund: Fundhouse) -> None:
    action = f"{ROOT}/2026-01/quiet"
    assert action in month(fund).text
    assert action not in month(fund, AUDITOR).text
    wrong = fund.as_(OFFICER).post(action, {"kind": "agency", "ground": ""})
    assert wrong.status_code == 422
    assert fund.as_(OFFICER).post(action, {"kind": "agency", "ground": "医保中心回复"}).status_code == 303
    assert "医保对账单没有明细：医保中心回复" in words(month(fund))
    assert "还没有 2026-01 的医保对账单" not in words(month(fund))


def test_a_closing_that_cannot_be_says_why(fund: Fundhouse) -> None:
    shown = month(fund)
    assert "还没有 2026-01 的银行流水：请从银行导出整月流水（要有余额一列）" in words(shown)
    assert "没有对上的原因" in words(shown)
    assert "没有对上的原因（可不填）" not in words(shown)
    seen = digest(shown)
    refused = fund.as_(OFFICER).post(f"{ROOT}/2026-01/close", {"digest": seen, "ground": ""})
    assert refused.status_code == 422
    assert "请先核对，或写明原因再结账" in words(refused)
    assert fund.count("fund_period_step") == 0
    take(fund, "agency")
    stale = fund.as_(OFFICER).post(f"{ROOT}/2026-01/close", {"digest": seen, "ground": "x"})
    assert stale.status_code == 409
    fresh = digest(month(fund))
    assert fund.as_(OFFICER).post(f"{ROOT}/2026-01/close", {"digest": fresh, "ground": "流水未到"}).status_code == 303
    fund.as_(APPROVER).post(f"{ROOT}/2026-01/check", {"digest": digest(month(fund, APPROVER))})
    closed = words(month(fund))
    assert "2026-01 带着 4 处差异结账" in closed, "two at the bank, its statement, one balance that nobody told"
    assert "写明的原因：流水未到" in closed
    assert "还没有对平" not in closed
    take(fund, "bank")
    reopened = words(month(fund))
    assert "没有结账" in reopened
    assert "导入“bank.csv”带来新明细" in reopened
    assert fund.as_(APPROVER).post(f"{ROOT}/2026-01/reopen", {"ground": "x"}).status_code == 409


def test_a_settlement_is_asked_once_more_and_booked_once(fund: Fundhouse) -> None:
    data = {
        "period": "2025-12",
        "fund": "resident",
        "amount": "1234.56",
        "paid_on": "2026-01-20",
        "bank_reference": "S-1",
        "remark": "2025年11月居民医保住院统筹结算款",
    }
    asked = fund.send(OFFICER, f"{ROOT}/settlements", confirmed="", **data)
    assert asked.status_code == 200
    assert "登记收到结算款 1,234.56 元？" in words(asked)
    assert fund.count("fund_settlement") == 0
    assert fund.send(OFFICER, f"{ROOT}/settlements", **data).status_code == 303
    assert fund.send(OFFICER, f"{ROOT}/settlements", **data).status_code == 409
    listed = words(fund.as_(OFFICER).get(f"{ROOT}/settlements?period=2025-12"))
    assert "2025-11，居民医保，住院统筹结算" in listed
    assert "备注写的是别的月" in listed
    wrong = fund.send(OFFICER, f"{ROOT}/settlements", **{**data, "paid_on": "2026-02-04", "amount": "1"})
    assert wrong.status_code == 422
    assert 'id="e-paid_on"' in wrong.text
    assert fund.send(OFFICER, f"{ROOT}/settlements", **{**data, "amount": "0"}).status_code == 422


def test_money_paid_ahead_and_its_difference(henan: Fundhouse) -> None:
    data = {
        "period": "2025-12",
        "fund": "employee",
        "amount": "900",
        "paid_on": "2026-01-20",
        "bank_reference": "S-2",
    }
    henan.send(OFFICER, f"{ROOT}/settlements", ahead="yes", **data)
    page = henan.as_(OFFICER).get(f"{ROOT}/settlements?period=2025-12")
    assert "还没有登记 2025-11 的实际结算金额" in words(page)
    action = re.search(rf'action="({ROOT}/settlements/[^"]+/actual)"', page.text)
    assert action
    actual = {"actual": "850", "document": "结算单", "paid_on": "2026-02-01", "bank_reference": "S-3", **MONTH}
    asked = henan.send(OFFICER, action[1], confirmed="", **actual)
    assert "退回 50.00 元" in words(asked)
    assert henan.send(OFFICER, action[1], **{**actual, "bank_reference": ""}).status_code == 422
    assert henan.send(OFFICER, action[1], **{**actual, "actual": "900"}).status_code == 422, "nothing moved by S-3"
    assert henan.send(OFFICER, action[1], **actual).status_code == 303
    assert henan.send(OFFICER, action[1], **actual).status_code == 409


def test_henans_month_is_kept_day_by_day(henan: Fundhouse) -> None:
    place = f"{ROOT}/henan"
    page = words(henan.as_(OFFICER).get(f"{place}?period=2025-12"))
    assert "非本院" in page
    late = henan.send(OFFICER, f"{place}/2025-12/apply", applied_on="2026-01-06")
    assert late.status_code == 303
    assert "顺延到 2026-02 结算" in words(henan.as_(OFFICER).get(f"{place}?period=2025-12"))
    assert henan.send(OFFICER, f"{place}/2025-12/apply", applied_on="2026-01-06").status_code == 409
    assert henan.send(OFFICER, f"{place}/2026-01/apply", applied_on="2026-02-04").status_code == 422
    day = {"day": "2025-12-03", "in_house": "40", "uploaded": "38", "last_upload_at": "2025-12-03T20:00"}
    assert henan.send(OFFICER, f"{place}/2025-12/uploads", **day).status_code == 303
    assert "差 2 份" in words(henan.as_(OFFICER).get(f"{place}?period=2025-12"))
    assert henan.send(OFFICER, f"{place}/2025-12/uploads", **{**day, "in_house": "x"}).status_code == 422
    body = "日期,在院人数,已上传份数,最后上传时间\n2025-12-04,1,x,\n".encode()
    data = {"file": (io.BytesIO(body), "u.csv")}
    bad = henan.as_(OFFICER).post(f"{place}/2025-12/uploads/file", data, content_type="multipart/form-data")
    assert bad.status_code == 422
    assert "第 2 行" in words(bad)
    step = {"step": "confirm_cross_region", "on_day": "2026-01-19", "document": "电话"}
    assert henan.send(OFFICER, f"{place}/2025-12/step", **step).status_code == 303
    assert re.search(r"01-19\s*报办，电话", words(henan.as_(OFFICER).get(f"{place}?period=2025-12")))


def test_a_negative_plan_is_paid_back_from_its_page(henan: Fundhouse) -> None:
    plan = NegativePlan("2025-12", "resident", Money(4_000), date(2026, 1, 20), None, "通知 12", "plan-1")
    plan_id = record_negative_plan(henan.house.context, henan.house.actor(OFFICER), plan)
    page = words(henan.as_(OFFICER).get(f"{ROOT}/henan?period=2025-12"))
    assert "要退回" in page
    assert "退回 40.00 元" in page
    data = {"bank_reference": "R-1", "paid_on": "2026-02-03", "document": "通知 12"}
    action = f"{ROOT}/henan/2025-12/plans/{plan_id}/repay"
    assert henan.send(OFFICER, action, **{**data, "document": ""}).status_code == 422
    assert henan.send(OFFICER, action, **data).status_code == 303
    assert "已退回" in words(henan.as_(OFFICER).get(f"{ROOT}/henan?period=2025-12"))


def test_the_room_is_on_the_bar_and_its_pages_open_for_those_who_look(fund: Fundhouse) -> None:
    for path in ("", "/match", "/settlements", "/henan"):
        page = fund.as_(AUDITOR).get(f"{ROOT}{path}?period=2026-01")
        assert page.status_code == 200, path
        assert f'href="{ROOT}"' in page.text
        posts = re.findall(rf'<form(?![^>]*method="get")[^>]*action="({ROOT}[^"]*)"', page.text)
        assert set(posts) <= {f"{ROOT}/match"}, "there is nothing to send but ticks that nobody sees"
    elsewhere = fund.as_(OFFICER).get(f"{ROOT}/henan?period=2026-01")
    assert "本院没有河南的预拨" in words(elsewhere)
    assert 'method="post"' not in elsewhere.text.split("<main", 1)[1]
    refused = fund.send(OFFICER, f"{ROOT}/henan/2025-12/apply", applied_on="2026-01-06")
    assert refused.status_code == 409
    assert fund.as_(AUDITOR).get(f"{ROOT}/import").status_code == 403
    assert fund.as_(AUDITOR).get(f"{ROOT}?period=nonsense").status_code == 200


def test_henans_month_begins_its_forms_in_the_month_and_blames_nobody_else(henan: Fundhouse) -> None:
    page = henan.as_(OFFICER).get(f"{ROOT}/henan?period=2025-10")
    assert 'value="2025-10-31"' in page.text, "a day of the month that is looked at"
    shown = words(page)
    assert "期限 2025-11-05（遇节假日顺延）" in shown
    assert "过期未报" not in shown
    assert "过了日子，没有消息" in shown


def test_an_open_application_of_henan_leads_to_its_month(henan: Fundhouse) -> None:
    duties = henan.as_(OFFICER).get("/finance/fund/duties?year=2026&show=open")
    assert "去河南月度办" in words(duties)
    assert 'href="/finance/fund/reconcile/henan?period=2026-02"' in duties.text
