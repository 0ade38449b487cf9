"""An application from its page: what is missing is named, what was typed stays, what is filed has its evidence."""

from __future__ import annotations

import html
import io
import re
import zipfile
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from werkzeug.test import TestResponse

from hospital_prepay.clock import FixedClock
from hospital_prepay.domain.access import Role
from hospital_prepay.domain.rules.fund.regime import Absence
from hospital_prepay.rulebook.loader import load_rulebook
from tests.funding import enter_member
from tests.people import Browser, House
from tests.web.test_fund_assess import GOOD

LoginAs = Callable[[Role], Browser]
APPLY, NEW = "/finance/fund/apply", "/finance/fund/apply/new"


def filled(regime: str = "zhejiang-prepay-2025", **changes: str) -> dict[str, str]:
    """The whole form for the good hospital."""
    conditions = load_rulebook().regime(regime, 2026).conditions
    assert not isinstance(conditions, Absence)
    items = [one.id for one in conditions] + ["agreement"]
    return {
        **GOOD,
        "regime": regime,
        "pool_region": "临溪市",
        "amount_employee": "1,000,000",
        "idempotency_key": "apply-key-0001",
        "do": "file",
        **{f"document-{one}": f"{one}材料" for one in items},
        "version-agreement": "2026 版",
        "issued_on-agreement": "2026-01-01",
        "recall_grounds-agreement": "连续三个月没有上传清单",
        **changes,
    }


def words(page: TestResponse) -> str:
    main = re.search(r"<main.*?</main>", page.text, re.DOTALL)
    assert main is not None
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", "", main.group())))


def grant_of(page: TestResponse) -> str:
    found = re.search(r'href="(/finance/fund/grants/[0-9a-f-]{36})"', page.text)
    assert found
    return found[1]


def count(house: House, table: str) -> int:
    with house.context.database.reading() as connection:
        return int(connection.scalar(sa.text(f"SELECT count(*) FROM {table}")) or 0)


@pytest.fixture
def officer(login_as: LoginAs) -> Browser:
    return login_as(Role.FINANCE_OFFICER)


def test_an_application_is_filed_from_the_page_and_found_again(house: House, officer: Browser) -> None:
    assert "还没有申请" in words(officer.get(APPLY))
    assert "自查与申请" in officer.get("/finance/fund").text
    opened = officer.post(NEW, {**GOOD, "do": "open"})
    assert "服务协议" in opened.text
    preview = officer.post(NEW, filled(do="check"))
    assert "职工医保 1,000,000.00 元：可以申请" in words(preview)
    assert count(house, "fund_application") == 0
    answer = officer.post(NEW, filled())
    assert answer.status_code == 303, words(answer)
    page = words(officer.get(answer.location))
    for text in (
        "申请 1,000,000.00 元",
        "壹佰万元整",
        "连续三个月没有上传清单",
        "2026 版",
        "tracing_codes材料",
        "等批复",
        "月基数（元）1,000,000.00",
        "职工医保累计结余可支付月数13.2",
        "居民医保上年出现当期赤字否",
        "2025 年职工医保付给本院12,000,000.00 元",
        "2023 年居民医保付给本院12,000,000.00 元",
        "基金支出增长率4.3 %",
        "最近一次考核或综合清算优秀",
    ):
        assert text in page
    listed = words(officer.get(APPLY))
    assert "2026 年职工医保" in listed
    grant = grant_of(officer.get(answer.location))
    assert "申请和材料" in words(officer.get(grant))
    # The same form again is the same application.
    assert officer.post(NEW, filled()).location == answer.location
    assert count(house, "fund_grant") == 1


def test_every_document_that_is_not_named_is_told_at_once(house: House, officer: Browser) -> None:
    lacking = {"document-tracing_codes": "", "document-cooperation": " ", "document-agreement": ""}
    preview = officer.post(NEW, filled(do="check", **lacking))
    assert "递交前还要填材料名称" in words(preview)
    page = officer.post(NEW, filled(**lacking))
    assert page.status_code == 422
    for name in lacking:
        assert f'<a href="#f-{name}">' in preview.text
        assert f'href="#f-{name}"' in page.text
    assert page.text.count("请填证明材料的名称。") >= len(lacking)
    assert "#f-document-honest" not in page.text
    assert count(house, "fund_application") == 0


def test_what_was_applied_for_already_is_told_before_it_is_sent(officer: Browser) -> None:
    filed = officer.post(NEW, filled())
    preview = officer.post(NEW, filled(do="check", idempotency_key="apply-key-0002"))
    assert "已经申请过，递交会被拒" in words(preview)
    assert grant_of(officer.get(filed.location)) in preview.text
    other = officer.post(NEW, filled(do="check", pool_region="别处", idempotency_key="apply-key-0003"))
    assert "已经申请过" not in words(other)


def test_too_much_cites_the_clause_of_the_size(officer: Browser) -> None:
    page = officer.post(NEW, filled(amount_employee="3000000"))
    chip = re.search(r'href="/compliance/clauses/([^"]+)"[^>]*>(?:(?!</a>).)*最多可以申请', page.text, re.DOTALL)
    assert chip
    assert chip[1] == "zhejiang-prepay-2025/2.3"


def test_the_books_say_why_they_answer_otherwise(
    house: House, officer: Browser, login_as: LoginAs, clock: FixedClock
) -> None:
    filed = officer.post(NEW, filled())
    grant = grant_of(officer.get(filed.location))
    approval = {"granted": "yes", "approved": "1000000", "document": "批 1", "approved_on": "2026-01-15"}
    login_as(Role.FINANCE_APPROVER).post(f"{grant}/approval", {**approval, "confirmed": "yes"})
    receipt = {"bank_reference": "HD-1", "received_on": "2026-01-15", "idempotency_key": "receipt-key-1"}
    assert officer.post(f"{grant}/receipt", {**receipt, "confirmed": "yes"}).status_code == 303
    clock.moment += timedelta(days=370)
    later = login_as(Role.FINANCE_OFFICER)
    page = later.post(NEW, filled(year="2027", do="check", idempotency_key="apply-key-0009"))
    assert "“上年预付金已清算”按本院的账回答：不是" in words(page)
    assert "2026 年职工医保预付金 还欠 1,000,000.00 元" in words(page)
    assert f'href="{grant}"' in page.text


def test_both_funds_go_out_together(house: House, officer: Browser) -> None:
    answer = officer.post(NEW, filled(amount_resident="500000"))
    assert answer.location == APPLY
    assert count(house, "fund_grant") == 2
    assert "已递交 2 份申请" in officer.get(APPLY).text


def test_what_is_unknown_is_named_and_nothing_is_kept(house: House, officer: Browser) -> None:
    page = officer.post(NEW, filled(assessment="", employee_months=""))
    assert page.status_code == 422
    assert "还不能递交" in words(page)
    assert '<a href="#f-assessment">' in page.text
    assert '<a href="#f-employee_months">' in page.text
    assert 'value="tracing_codes材料"' in page.text
    assert [count(house, table) for table in ("fund_application", "fund_grant", "decision")] == [0, 0, 0]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"document-tracing_codes": ""}, "document-tracing_codes"),
        ({"document-agreement": ""}, "document-agreement"),
        ({"issued_on-agreement": "2026-01-16"}, "issued_on-agreement"),
        ({"issued_on-cooperation": "16.1."}, "issued_on-cooperation"),
        ({"amount_employee": ""}, "amount_employee"),
        ({"amount_employee": "0"}, "amount_employee"),
        ({"amount_all": "1000000"}, "amount_all"),
        ({"pool_region": ""}, "pool_region"),
        ({"year": "2024"}, "year"),
        ({"growth": "much"}, "growth"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(
    house: House, officer: Browser, changes: dict[str, str], field: str
) -> None:
    page = officer.post(NEW, filled(**changes))
    assert page.status_code == 422
    assert f'href="#f-{field}"' in page.text
    assert 'value="cooperation材料"' in page.text or field == "year"
    assert count(house, "fund_application") == 0


def test_a_refusal_is_kept_with_its_number_and_the_form_stays(house: House, officer: Browser) -> None:
    page = officer.post(NEW, filled(amount_employee="3000000"))
    assert page.status_code == 422
    assert "最多可以申请 2,000,000.00 元" in words(page)
    assert "已留存备查" in words(page)
    assert count(house, "fund_application") == 1
    assert count(house, "fund_grant") == 0
    assert "没有递交" in words(officer.get(APPLY))
    key = re.search(r'name="idempotency_key" value="([^"]+)"', page.text)
    assert key
    assert key[1] != "apply-key-0001"
    assert officer.post(NEW, filled(idempotency_key=key[1])).status_code == 303


def test_after_the_day_the_page_warns_and_files_all_the_same(login_as: LoginAs, clock: FixedClock) -> None:
    officer = login_as(Role.FINANCE_OFFICER)
    assert "请在 2026-01-15 前递交" in words(officer.get(f"{NEW}?regime=zhejiang-prepay-2025"))
    clock.moment += timedelta(days=2)
    officer = login_as(Role.FINANCE_OFFICER)
    page = words(officer.get(f"{NEW}?regime=zhejiang-prepay-2025"))
    assert "已过 2 天" in page
    assert "第三部分第（一）项" in page
    answer = officer.post(NEW, filled())
    assert answer.status_code == 303
    assert "收不收由医保部门定" in words(officer.get(answer.location))


def test_a_document_of_an_emergency_is_recorded_by_the_approver_and_chosen_by_the_applicant(
    house: House, officer: Browser, login_as: LoginAs
) -> None:
    approver = login_as(Role.FINANCE_APPROVER)
    given: dict[str, Any] = {
        "eased_regime": "zhejiang-prepay-2025",
        "eased_year": "2026",
        "eased_document": "浙医保发〔2026〕9号",
        "eased_on": "2026-01-10",
    }
    assert approver.post(f"{APPLY}/emergency", given).status_code == 422
    assert (
        approver.post(f"{APPLY}/emergency", {**given, "adjusts_size": "yes", "eased_on": "2027-01-01"}).status_code
        == 422
    )
    assert approver.post(f"{APPLY}/emergency", {**given, "adjusts_size": "yes"}).status_code == 303
    assert officer.post(f"{APPLY}/emergency", given).status_code == 403
    page = officer.get(f"{NEW}?regime=zhejiang-prepay-2025")
    found = re.search(r'<option value="([0-9a-f-]{36})">浙医保发', page.text)
    assert found
    answer = officer.post(NEW, filled(amount_employee="3000000", emergency=found[1]))
    assert answer.status_code == 303, words(answer)
    assert "超过最高规模 2,000,000.00 元，按浙医保发〔2026〕9号（2026-01-10）调整" in words(
        officer.get(answer.location)
    )
    grant = grant_of(officer.get(answer.location))
    approval = {
        "granted": "yes",
        "approved": "3000000",
        "document": "批 1",
        "approved_on": "2026-01-15",
        "confirmed": "yes",
    }
    refused = approver.post(f"{grant}/approval", approval)
    assert refused.status_code == 422
    assert "最多可以批复 2,000,000.00 元" in words(refused)
    assert approver.post(f"{grant}/approval", {**approval, "emergency": found[1]}).status_code == 303


def test_weihai_takes_all_funds_together_and_asks_its_own_conditions(officer: Browser) -> None:
    page = officer.get(f"{NEW}?regime=weihai-prepay-2025").text
    assert 'name="amount_all"' in page
    assert 'name="credit_grade"' in page
    assert 'name="debts_to_agency"' not in page
    answer = officer.post(NEW, filled("weihai-prepay-2025", amount_employee="", amount_all="2000000"))
    assert answer.status_code == 303, words(answer)
    assert "各基金合计" in words(officer.get(answer.location))


def test_the_size_by_the_notice_stands_beside_the_amount(officer: Browser) -> None:
    within = filled("weihai-prepay-2025", do="check")
    page = words(officer.post(NEW, within))
    assert "可以申请这是预览，没有递交。按通知算的一般额度 1,000,000.00 元。" in page
    above = words(officer.post(NEW, {**within, "amount_employee": "9000000"}))
    assert "职工医保 9,000,000.00 元：可以申请，但超过一般额度" in above
    assert "填的金额比一般额度多 8,000,000.00 元，请再核对" in above


def test_what_the_fund_paid_is_asked_for_by_the_year(officer: Browser) -> None:
    page = words(officer.get(f"{NEW}?regime=weihai-prepay-2025"))
    assert "职工医保上年付给本院（全年合计）" in page
    assert "通知按上年度医保基金月平均结算支出额算，由程序求月平均" in page


def test_a_place_that_says_nothing_of_pools_asks_nothing_of_them(officer: Browser) -> None:
    assert "累计结余可支付月数" in words(officer.get(f"{NEW}?regime=zhejiang-prepay-2025"))
    page = words(officer.get(f"{NEW}?regime=henan-settlement-2023"))
    assert "累计结余可支付月数" not in page
    assert "职工医保上年付给本院（全年合计）" in page


def test_a_place_without_text_is_never_filed(house: House, officer: Browser) -> None:
    given = {**filled(), "regime": "liaoning-prepay-2024"}
    page = officer.post(NEW, given)
    assert page.status_code == 422
    assert count(house, "fund_grant") == 0


def test_the_forms_are_downloaded_from_both_pages(officer: Browser, login_as: LoginAs) -> None:
    where = officer.post(NEW, filled()).location
    page = officer.get(where).text
    files = re.findall(r'href="(/finance/fund/apply/[^"]+/papers/[^"]+)"', page)
    assert len(files) == 4
    grant = officer.get(grant_of(officer.get(where))).text
    assert all(one in grant for one in files)
    for one in files:
        answer = officer.get(one)
        assert answer.data.startswith(b"%PDF" if one.endswith("pdf") else b"PK")
        assert "filename*=UTF-8" in answer.headers["Content-Disposition"]
    assert officer.get(f"{where}/papers/other.pdf").status_code == 404
    assert login_as(Role.CASHIER).get(files[0]).status_code == 403


PROCUREMENT = {
    "regime": "zhejiang-prepay-2025",
    "pool_region": "临溪市",
    "fund": "employee",
    "year": "2026",
    "amount": "300000",
    "document": "临医保〔2026〕3号",
    "issued_on": "2026-01-12",
    "batch": "国家第十批",
    "return_on": "2026-11-30",
    "idempotency_key": "procurement-1",
}


def test_a_procurement_prepayment_is_recorded_beside_and_spent_on_its_own_goods_only(
    house: House, officer: Browser, login_as: LoginAs
) -> None:
    approver = login_as(Role.FINANCE_APPROVER)
    for changes in ({"batch": ""}, {"issued_on": "2026-01-16"}, {"return_on": "2026-01-01"}, {"fund": "x"}):
        page = officer.post(f"{APPLY}/procurement", {**PROCUREMENT, **changes})
        assert page.status_code == 422
        assert f'href="#f-{next(iter(changes))}"' in page.text
    where = officer.post(f"{APPLY}/procurement", PROCUREMENT).location
    assert officer.post(f"{APPLY}/procurement", PROCUREMENT).location == where
    assert "2026 年职工医保集采专项预付" in words(officer.get(APPLY))
    assert approver.post(f"{APPLY}/procurement", PROCUREMENT).status_code == 403
    approval = {"granted": "yes", "approved": "300000", "document": "临医保〔2026〕3号", "approved_on": "2026-01-13"}
    assert officer.post(f"{where}/approval", {**approval, "confirmed": "yes"}).status_code == 403
    assert approver.post(f"{where}/approval", {**approval, "confirmed": "yes"}).status_code == 303
    receipt = {"bank_reference": "HD-1", "received_on": "2026-01-14", "idempotency_key": "receipt-key-1"}
    assert officer.post(f"{where}/receipt", {**receipt, "confirmed": "yes"}).status_code == 303
    page = words(officer.get(where))
    assert "文件写的归还日2026-11-30" in page
    assert "申请和材料" not in page
    # A basic application of the same fund and year stands beside it.
    assert officer.post(NEW, filled()).status_code == 303
    form = officer.get(f"/finance/fund/requests/new?grant={where.rpartition('/')[2]}").text
    assert 'name="batch-1"' in form
    line = {"category-1": "drug", "name-1": "x", "amount-1": "100", "code-1": "X" + "A" * 22, "order_no-1": "P-1"}
    head = {"payee_name": "x", "payee_credit_code": "9144030071526726XG", "purpose": "x", "do": "check"}
    asked = {"grant": where.rpartition("/")[2], **head, **line}
    refused = officer.post("/finance/fund/requests/new", asked)
    assert "请写集采批次" in words(refused)
    assert words(refused).index("补上集采批次再看") < words(refused).index("改由医院自有资金付"), (
        "the likeliest first"
    )
    assert 'href="#f-batch-1"' in refused.text
    assert "可以提交" in words(officer.post("/finance/fund/requests/new", {**asked, "batch-1": "国家第十批"}))


@pytest.mark.clause(
    "weihai-prepay-2025/5",
    "weihai-prepay-2025/5.3",
    "zhejiang-prepay-2025/6",
    "zhejiang-prepay-2025/6.2",
)
def test_the_platforms_states_are_recorded_and_exported(house: House, officer: Browser, login_as: LoginAs) -> None:
    where = grant_of(officer.get(officer.post(NEW, filled()).location))
    step = {"step": "submitted", "platform_no": "YF-7", "on_day": "2026-01-14", "note": "网上提交"}
    for changes in ({"step": "x"}, {"platform_no": ""}, {"on_day": "2026-01-16"}):
        page = officer.post(f"{where}/module", {**step, **changes})
        assert page.status_code == 422
        assert f'href="#f-{next(iter(changes))}"' in page.text
    assert officer.post(f"{where}/module", step).status_code == 303
    assert officer.post(f"{where}/module", {**step, "on_day": "2026-01-13"}).status_code == 422
    approver = login_as(Role.FINANCE_APPROVER)
    assert approver.post(f"{where}/module", {**step, "step": "accepted", "on_day": "2026-01-15"}).status_code == 303
    assert login_as(Role.AUDITOR).post(f"{where}/module", step).status_code == 403
    page = words(officer.get(where))
    assert "提交网上提交" in page
    assert "受理" in page
    text = officer.get(f"{APPLY}/module.csv").text
    assert text.splitlines()[1] == (
        "H52010300125,云岭县人民医院,三级,临溪市,职工医保,2026,预付金,1000000.00,1,1000000.00,1000000.00,,,,,"
        "YF-7,受理,2026-01-15"
    )
    with zipfile.ZipFile(io.BytesIO(officer.get(f"{APPLY}/module.xlsx").data)) as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
    numbers = re.findall(r'<c r="[A-Z]+2"(?: s="\d+")?><v>([^<]+)</v>', sheet)
    assert {"2026", "1000000.00"} <= set(numbers), "amounts can be added up"
    assert login_as(Role.CASHIER).get(f"{APPLY}/module.csv").status_code == 403


def test_a_lead_hospital_hands_on_and_takes_back_from_the_page(
    officer: Browser, login_as: LoginAs, house: House
) -> None:
    approver = login_as(Role.FINANCE_APPROVER)
    where = grant_of(officer.get(officer.post(NEW, filled("weihai-prepay-2025")).location))
    approval = {"granted": "yes", "approved": "1000000", "document": "x", "approved_on": "2026-01-15"}
    assert approver.post(f"{where}/approval", {**approval, "confirmed": "yes"}).status_code == 303
    receipt = {"bank_reference": "HD-1", "received_on": "2026-01-15", "idempotency_key": "receipt-key-1"}
    assert officer.post(f"{where}/receipt", {**receipt, "confirmed": "yes"}).status_code == 303
    members = f"{where}/members"
    shown = words(officer.get(members))
    assert "还没有分给成员单位" in shown
    assert "名册里还没有成员单位" in shown
    ask = {
        "member_code": "H37100000002",
        "member_amount": "1000",
        "agreement": "医共体协议",
        "idempotency_key": "member-key-1",
    }
    enter_member(house.context, house.actor(Role.FINANCE_OFFICER), house.actor(Role.FINANCE_APPROVER), "H37100000002")
    for changes in ({"member_amount": "2000000"}, {"agreement": ""}, {"member_code": ""}, {"member_code": "H3"}):
        page = officer.post(members, {**ask, **changes})
        assert page.status_code == 422
        assert f'href="#f-{next(iter(changes))}"' in page.text
    assert officer.post(members, ask).status_code == 303
    assert "换一位财务来申请" in officer.get(members).text
    found = re.search(r"members/([0-9a-f-]{36})/decide", approver.get(members).text)
    assert found
    one = f"{members}/{found[1]}"
    yes = {"do": "approve", "bank_reference": "ZZ-1", "handed_on": "2026-01-15"}
    assert officer.post(f"{one}/decide", yes).status_code == 403
    third = approver.post(f"{one}/decide", yes)
    assert (third.status_code, "请第三个人来同意" in third.text) == (403, True)
    approver = Browser(approver.app).signed_in(house.session(house.another(Role.FINANCE_APPROVER)))
    for changes, told in (
        ({"bank_reference": ""}, "请填转账的银行回单号"),
        ({"handed_on": "2026-01-16"}, "还没有到"),
    ):
        wrong = approver.post(f"{one}/decide", {**yes, **changes})
        assert (wrong.status_code, told in wrong.text) == (422, True)
    for do in ("aprove", "", "no"):
        assert approver.post(f"{one}/decide", {**yes, "do": do}).status_code == 422, "neither a yes nor a no"
    assert approver.post(f"{one}/decide", yes).status_code == 303
    assert approver.post(f"{one}/decide", yes).status_code == 409
    assert "账上分给成员单位1,000.00 元" in words(officer.get(where))
    outlook = words(officer.get(f"/finance/fund/recall/forecast/{where.rpartition('/')[2]}"))
    assert "手里没用的 1,000.00 元，请在清算日之前收回；已经用掉的 0.00 元" in outlook
    assert "都收到了，还差 0.00 元" in outlook
    use = {
        **{"category": "drug", "name": "头孢", "amount": "400", "code": "X" + "A" * 22, "order_no": "P-1"},
        **{"document": "FP-1", "idempotency_key": "member-key-2"},
    }
    for changes in ({"category": "payroll"}, {"amount": "1000.01"}, {"document": ""}):
        wrong = officer.post(f"{one}/use", {**use, **changes})
        assert wrong.status_code == 422
        assert re.findall(r'id="r-amount-[^"]+"[^>]* value="([^"]*)"', wrong.text) == [""], (
            "it belongs to the other form"
        )
    assert officer.post(f"{one}/use", use).status_code == 303
    shown = words(officer.get(members))
    assert "成员单位手里 600.00 元" in shown
    assert "成员单位用款不改变本院的账" in shown
    assert "药品：头孢" in shown
    back = {"bank_reference": "HD-2", "returned_on": "2026-01-15", "idempotency_key": "member-key-3"}
    assert officer.post(f"{one}/return", {**back, "amount": "600.01"}).status_code == 422
    assert officer.post(f"{one}/return", {**back, "amount": "600"}).status_code == 303
    shown = words(officer.get(members))
    assert "成员单位手里 0.00 元" in shown
    assert "已用完" in shown
    assert "应还本院 400.00" not in shown
    assert "/withdraw" not in officer.get(members).text, "another person takes it back"
    assert officer.post(f"{one}/use/1/withdraw", {"ground": "x"}).status_code == 403
    assert approver.post(f"{one}/use/2/withdraw", {"ground": "x"}).status_code == 404
    nothing = approver.post(f"{one}/use/1/withdraw", {"ground": ""})
    assert nothing.status_code == 422
    assert re.search(r'<details[^>]* id="w-[0-9a-f-]+-1" open>', nothing.text)
    assert approver.post(f"{one}/use/1/withdraw", {"ground": "多打了一个零"}).status_code == 303
    assert approver.post(f"{one}/use/1/withdraw", {"ground": "多打了一个零"}).status_code == 409
    shown = words(officer.get(members))
    assert "成员单位手里 400.00 元" in shown
    assert "已撤回" in shown
    assert "多打了一个零" in shown
    assert officer.post(f"{one}/use", {**use, "idempotency_key": "member-key-4"}).status_code == 303
    whole = {"amount": "1000000", "bank_reference": "HD-3", "idempotency_key": "whole-key-1", "confirmed": "yes"}
    assert officer.post(f"{where}/return", {**whole, "returned_on": "2026-01-15"}).status_code == 303
    assert "成员单位应还本院 400.00 元" in words(officer.get(members))
    late = approver.post(f"{one}/use/2/withdraw", {"ground": "x"})
    assert (late.status_code, "更正那次交回" in late.text) == (409, True)
    paid = {"bank_reference": "HD-4", "paid_on": "2026-01-15", "idempotency_key": "member-key-5"}
    assert approver.post(f"{one}/repay", {**paid, "amount": "1"}).status_code == 403
    for changes in ({"amount": "400.01"}, {"amount": "1", "bank_reference": ""}, {"amount": "1", "paid_on": "x"}):
        wrong = officer.post(f"{one}/repay", {**paid, **changes})
        assert wrong.status_code == 422
        assert 'class="field-error"' in wrong.text
    assert officer.post(f"{one}/repay", {**paid, "amount": "150"}).status_code == 303
    shown = words(officer.get(members))
    assert "成员单位应还本院 250.00 元" in shown
    assert "已还 150.00" in shown
    with house.context.database.reading() as connection:
        query = "SELECT entry_no FROM ledger_entry WHERE kind = 'fund_claim_repaid'"
        number = connection.exec_driver_sql(query).scalar_one()
    entry = officer.get(f"/finance/ledger/{number}")
    assert "成员还款" in words(entry).split("分录")[0]
    assert "grants//" not in entry.text
    _correct_repayment(officer, approver, members, where, f"{one}/repay/{number}/correct", number)


def _correct_repayment(
    officer: Browser, approver: Browser, members: str, grant: str, correct: str, number: int
) -> None:
    """Typed wrongly: the officer asks on the page of the members, another approves on that of the grant."""
    said = {"ground": "应为 15.00 元", "idempotency_key": "member-key-6"}
    assert f'action="{correct}"' in officer.get(members).text
    assert f'action="{correct}"' not in approver.get(members).text
    assert approver.post(correct, said).status_code == 403
    for changes in ({"ground": " "}, {"ground": "x" * 301}):
        wrong = officer.post(correct, {**said, **changes})
        assert wrong.status_code == 422
        assert re.search(rf'<details[^>]* id="c-{number}" open>', wrong.text)
        assert 'class="field-error"' in wrong.text
    assert officer.post(correct, said).location == members
    assert officer.post(correct, {**said, "idempotency_key": "member-key-7"}).status_code == 409
    shown = officer.get(members)
    assert "等批准" in words(shown)
    assert f'action="{correct}"' not in shown.text
    assert "应还本院 250.00 元" in words(shown)
    found = re.search(rf'action="({grant}/corrections/[^"]+/confirm)"', approver.get(grant).text)
    assert found
    assert approver.post(found[1], {}).status_code == 303
    shown = officer.get(members)
    assert "成员单位应还本院 400.00 元" in words(shown)
    assert "已冲销" in words(shown)
    assert "应为 15.00 元" in words(shown)
    assert "<s>150.00</s>" in shown.text
    red = officer.get(f"/finance/ledger/{number + 1}")
    assert "成员还款冲销" in words(red)
    assert "grants//" not in red.text
    again = {"bank_reference": "HD-4", "paid_on": "2026-01-15", "idempotency_key": "member-key-8", "amount": "15"}
    assert officer.post(correct.rpartition("/repay/")[0] + "/repay", again).status_code == 303
    assert "成员单位应还本院 385.00 元" in words(officer.get(members))


def test_an_application_is_withdrawn_with_a_ground_and_filed_again_from_the_page(
    officer: Browser, login_as: LoginAs, house: House
) -> None:
    where = officer.post(NEW, filled()).location
    grant = grant_of(officer.get(where))
    assert "撤回这份申请" in words(officer.get(where))
    approver = login_as(Role.FINANCE_APPROVER)
    assert "撤回这份申请" not in words(approver.get(where))
    assert approver.post(f"{where}/withdraw", {"ground": "x"}).status_code == 403
    blank = officer.post(f"{where}/withdraw", {"ground": " "})
    assert (blank.status_code, 'href="#f-ground"' in blank.text) == (422, True)
    assert officer.post(f"{where}/withdraw", {"ground": "金额填错"}).location == where
    for browser in (officer, login_as(Role.AUDITOR)):
        page = words(browser.get(where))
        assert "这份申请已撤回：金额填错" in page
        assert "撤回这份申请" not in page
        assert "申请已撤回" in words(browser.get(APPLY))
        assert "申请已撤回；要的话重新申请" in words(browser.get(grant))
        assert "申请已撤回" in words(browser.get("/finance/fund"))
    twice = officer.post(f"{where}/withdraw", {"ground": "再撤"})
    assert (twice.status_code, "只有还没有登记批复的申请能撤回" in words(twice)) == (409, True)
    assert "已经有申请" not in words(officer.post(NEW, filled(do="check", amount_employee="500000")))
    again = officer.post(NEW, filled(amount_employee="500000", idempotency_key="apply-again-1"))
    assert again.status_code == 303, words(again)
    assert again.location != where
    assert "等批复" in words(officer.get(grant))
    assert "没有递交" not in words(officer.get(where))
    assert count(house, "fund_grant") == 1
