"""The self-check: the calculator's own answer on a page, each gap named, nothing stored."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from hospital_prepay.domain.access import Role
from hospital_prepay.schemas.fund_form import FundFormSchema
from hospital_prepay.services.fund.assess import AssessFund
from tests.funding import good_facts
from tests.people import Browser, House

LoginAs = Callable[[Role], Browser]
ASSESS = "/finance/fund/assess"
NO = (
    *("penalised_in_12_months", "referred_for_fraud_in_12_months", "debts_to_agency", "assets_preserved"),
    *("unperformed_judgment", "enforcement_pending"),
)
YES = (
    *("inpatient", "sound_finance", "cooperates_with_inspections", "tracing_codes_complete"),
    *("convenience_services", "repays_procurement_shortfall", "cleared_last_year"),
)
GOOD: dict[str, str] = {
    "regime": "zhejiang-prepay-2025",
    "year": "2026",
    "level": "3",
    "full_years_settled": "3",
    "assessment": "excellent",
    "credit_grade": "A",
    "priority_work": "outstanding",
    "growth": "4.3",
    **dict.fromkeys(YES, "yes"),
    **dict.fromkeys(NO, "no"),
    **{f"{fund}_months": "13.2" for fund in ("employee", "resident")},
    **{f"{fund}_deficit_{when}": "no" for fund in ("employee", "resident") for when in ("last_year", "forecast")},
    **{f"{fund}_paid_{back}": "12,000,000.00" for fund in ("employee", "resident") for back in (1, 2, 3)},
}


@pytest.fixture
def officer(login_as: LoginAs) -> Browser:
    return login_as(Role.FINANCE_OFFICER)


def shown(browser: Browser, **changes: str) -> str:
    page = browser.post(ASSESS, {**GOOD, **changes})
    assert page.status_code == 200
    return page.text


def read(part: str) -> str:
    return html.unescape(" ".join(re.sub(r"<[^>]*>", " ", part).split()))


def row(page: str, label: str) -> str:
    found = re.search(rf'<tr><th scope="row">{label}.*?</tr>', page, re.DOTALL)
    assert found, label
    return read(found.group(0))


def test_the_form_gives_the_very_facts_of_the_file(officer: Browser) -> None:
    facts = good_facts(2026)
    read_facts = FundFormSchema().read(GOOD)
    assert isinstance(read_facts, AssessFund)
    assert read_facts.regime == "zhejiang-prepay-2025"
    assert read_facts.facts.growth == facts.growth
    assert read_facts.facts.pools == facts.pools
    assert set(read_facts.facts.paid) == set(facts.paid)
    own = read_facts.facts.institution
    assert {name: getattr(own, name) for name in own.__slots__ if name != "public"} == {
        name: getattr(facts.institution, name) for name in own.__slots__ if name != "public"
    }


def test_a_hospital_without_a_flaw(officer: Browser) -> None:
    page = shown(officer)
    assert "浙江省 2026 年：条件都符合" in read(page)
    assert row(page, "职工医保") == "职工医保 可预付 1,000,000.00 1 1,000,000.00 2,000,000.00"
    assert "还缺：" not in page
    assert 'href="/compliance/clauses/zhejiang-prepay-2025/2.2.6"' in page
    assert "2026-12-15 交回或抵扣全部预付金 第三部分第（四）项 本院" in read(page)
    assert "2026-12-31 收回的预付金缴回财政专户 第三部分第（四）项 非本院" in read(page)


@pytest.mark.parametrize("fact", [*YES, *NO, "full_years_settled", "assessment", "priority_work", "growth"])
def test_a_blank_is_unknown_and_the_page_leads_to_its_field(officer: Browser, fact: str) -> None:
    page = shown(officer, **{fact: ""})
    asked = fact not in ("inpatient", "repays_procurement_shortfall")
    assert (f'<a href="#f-{fact}">' in page) is asked
    assert f'id="f-{fact}"' in page
    doubtful = asked and fact != "growth"
    assert ("还有没弄清的条件，暂时不能下结论" in page) is doubtful
    assert ("条件都符合" in page) is not doubtful


def test_each_gap_of_a_fund_is_named(officer: Browser) -> None:
    page = shown(
        officer,
        regime="xizang-prepay-2024",
        employee_paid_3="",
        resident_deficit_forecast="",
        resident_months="5",
        resident_paid_2="",
    )
    own = re.search(r"职工医保</th>.*?<tr class=\"sub\">(.*?)</tr>", page, re.DOTALL)
    assert own
    # The other fund's deficit counts for the whole region; a fund that is barred waits for nothing.
    assert re.findall(r'href="#f-(\w+)"', own.group(1)) == ["resident_deficit_forecast", "employee_paid_3"]
    assert row(page, "居民医保").startswith("居民医保 不能预付")
    assert page.count("还缺：") == 1


def test_an_unmet_condition_stops_the_whole(officer: Browser) -> None:
    page = shown(officer, assets_preserved="yes")
    assert "有条件不符合，不能预付" in page
    assert "不符合" in row(page, "没有财产被保全")
    assert row(page, "职工医保").endswith("0.00 0.00")


def test_what_was_typed_stays_also_when_it_is_wrong(officer: Browser) -> None:
    wrong: dict[str, Any] = {"growth": "4.3%", "employee_paid_1": "12e3", "full_years_settled": "-1", "level": "9"}
    page = officer.post(ASSESS, {**GOOD, **wrong})
    assert page.status_code == 422
    assert "有 4 处要改" in page.text
    for name in wrong:
        assert f'href="#f-{name}"' in page.text
    assert 'value="12e3"' in page.text
    assert 'value="13.2"' in page.text
    assert re.search(r'<option value="excellent" selected>', page.text)


@pytest.mark.parametrize(
    ("typed", "status"), [("99.9", 200), ("-99.9", 200), ("100", 422), ("-100", 422), ("1043", 422)]
)
def test_no_fund_doubles_or_vanishes_within_a_year(officer: Browser, typed: str, status: int) -> None:
    page = officer.post(ASSESS, {**GOOD, "growth": typed})
    assert page.status_code == status
    assert (f"{typed} % 不像一年的增长率" in page.text) is (status == 422)


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"year": "2024"}, "year"), ({"regime": "nowhere"}, "regime"), ({"regime": ""}, "regime")],
)
def test_a_year_or_a_place_without_rules_is_said_beside_the_field(
    officer: Browser, changes: dict[str, str], field: str
) -> None:
    page = officer.post(ASSESS, {**GOOD, **changes})
    assert page.status_code == 422
    assert f'id="e-{field}"' in page.text


def test_a_place_without_text_gives_no_verdict(officer: Browser) -> None:
    page = shown(officer, regime="liaoning-prepay-2024")
    assert "还有没弄清的条件" in page
    assert "申请条件未知（没有原文）" in page
    assert row(page, "职工医保") == "职工医保 未知 1,000,000.00 — — —"
    assert page.count("据转载，没有原文") == 4
    assert "本院规定" not in page


def test_nothing_is_kept(house: House, officer: Browser) -> None:
    def rows() -> int:
        with house.context.database.reading() as connection:
            return sum(
                connection.scalar(sa.text(f"SELECT count(*) FROM {table}")) or 0
                for table in ("audit_event", "decision", "ledger_entry")
            )

    officer.get(ASSESS)
    before = rows()
    shown(officer)
    assert rows() == before


def test_the_calculator_belongs_to_the_room_of_applications(login_as: Callable[[Role], Browser]) -> None:
    page = login_as(Role.FINANCE_OFFICER).get("/finance/fund/assess").text
    assert '<a href="/finance/fund/apply" aria-current="page">自查与申请</a>' in page
    assert '<a href="/finance/fund" aria-current="page">总览</a>' not in page
