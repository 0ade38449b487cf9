"""Clauses in plain words for everybody, decisions for those who check them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import fields

import pytest
import sqlalchemy as sa

from hospital_prepay.domain.access import Role
from hospital_prepay.domain.rules import RULES
from hospital_prepay.domain.rules.fund.application import ApplicationFacts, ApprovalFacts
from hospital_prepay.domain.rules.fund.clearing import NettingFacts
from hospital_prepay.domain.rules.fund.duty_closing import CloseFacts
from hospital_prepay.domain.rules.fund.henan_month import FallbackFacts, MonthApplicationFacts
from hospital_prepay.domain.rules.fund.period import ClosingFacts
from hospital_prepay.domain.rules.fund.procurement import ProcurementFacts
from hospital_prepay.domain.rules.fund.recall import RecallFacts
from hospital_prepay.domain.rules.fund.spending import SpendFacts
from hospital_prepay.domain.rules.inpatient.deposits import CapFacts, CollectFacts
from hospital_prepay.domain.rules.inpatient.slips import RefundFacts, VoidFacts
from hospital_prepay.domain.rules.outpatient.claims import ClaimFacts
from hospital_prepay.domain.rules.outpatient.gate import GateFacts
from hospital_prepay.domain.rules.settlement.lateness import ExcuseFacts
from hospital_prepay.domain.rules.settlement.settling import SettleFacts
from hospital_prepay.rulebook.loader import load_rulebook
from hospital_prepay.services.publication.readings import NewChoice, change_reading
from hospital_prepay.web import decision_view
from tests.counter import NAME, STAY, Counter, collect, words
from tests.people import Browser

LoginAs = Callable[[Role], Browser]
CLAUSE = "/compliance/clauses/guizhou-deposit-2025/17"


@pytest.fixture
def auditor(counter: Counter, login_as: LoginAs) -> Browser:
    return login_as(Role.AUDITOR)


@pytest.fixture
def refused(counter: Counter, login_as: LoginAs) -> str:
    """The id of a refused collection."""
    collect(login_as(Role.CASHIER), "1500")
    collect(login_as(Role.CASHIER), "2000")
    return decision_of(counter, "rule = 'inpatient.collect' AND outcome = 'refused'")


def decision_of(counter: Counter, where: str) -> str:
    with counter.house.context.database.reading() as connection:
        return str(connection.scalar(sa.text(f"SELECT decision_id FROM decision WHERE {where}")))


@pytest.mark.parametrize("role", list(Role))
def test_the_chip_at_the_counter_leads_everybody_to_plain_words(login_as: LoginAs, role: Role) -> None:
    page = login_as(role).get(CLAUSE)
    assert page.status_code == 200
    shown = words(page.text)
    assert "贵州预交金细则 第十七条" in shown
    assert "几次加起来原则上不超过该病种的额度" in shown
    assert "这是本院的转述，原文以通知为准。" in shown
    assert 'href="/compliance/clauses/guizhou-deposit-2025/17.2"' in page.text


def test_every_clause_has_a_page(auditor: Browser) -> None:
    listing = auditor.get("/compliance").text
    hrefs = re.findall(r'class="row-link" href="(/compliance/clauses/[^"]+)"', listing)
    assert len(hrefs) == 172
    for href in hrefs[::7]:
        assert auditor.get(href).status_code == 200, href


def test_a_clause_that_is_not_there_is_not_found(auditor: Browser) -> None:
    for name in ("guizhou-deposit-2025/99", "nothing", "guizhou-deposit-2025/17/1"):
        assert auditor.get(f"/compliance/clauses/{name}").status_code == 404


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("instrument=guizhou-deposit-2025", 30),
        ("status=not_ours&instrument=guizhou-deposit-2025", 6),
        ("q=第十七条&instrument=guizhou-deposit-2025", 4),
        ("q=guizhou-deposit-2025/17", 4),
        ("q=国债", 0),
    ],
)
def test_clauses_are_found_by_notice_status_and_words(auditor: Browser, query: str, count: int) -> None:
    page = auditor.get(f"/compliance?{query}").text
    assert page.count('class="row-link"') == count
    assert ("没有这样的条款" in page) is (count == 0)


def test_who_checks_sees_values_readings_code_tests_and_decisions(auditor: Browser, refused: str) -> None:
    page = auditor.get(CLAUSE).text
    assert "domain.rules.inpatient.deposits.collect" in page
    assert "tests/rules/guizhou_deposit_2025/collect.yaml" in page
    assert f"/compliance/decisions/{refused}" in page
    measured = words(auditor.get("/compliance/clauses/guizhou-deposit-2025/12").text).replace(" ", "")
    assert "测算用前几年的病例3年" in measured
    assert "额度不得高于本院原标准是原则上" in measured
    assert "少于多少例就改按相似病种？10例" in measured


def test_at_the_counter_neither_code_nor_decisions_show(login_as: LoginAs, refused: str) -> None:
    cashier = login_as(Role.CASHIER)
    page = cashier.get(CLAUSE).text
    assert "domain.rules" not in page
    assert refused not in page
    assert cashier.get(f"/compliance/decisions/{refused}").status_code == 403
    assert f"/compliance/decisions/{refused}" not in cashier.get(f"/desk/stays/{STAY}").text


def test_a_decision_says_what_why_and_from_which_facts(auditor: Browser, refused: str) -> None:
    page = auditor.get(f"/compliance/decisions/{refused}").text
    shown = words(page)
    for part in (
        "不能收 2,000.00 元：超过额度 300.00 元",
        "多次收取合计不能超过额度，超出 300.00 元。",
        "额度 3,200.00 元",
        "已收 1,500.00 元",
        "本次 2,000.00 元",
        "情形 诊断明确",
        "收费员员",
        "住院 2601140001",
        "没有记账",
        "第十七条",
    ):
        assert part.replace(" ", "") in shown.replace(" ", "")
    assert NAME not in page
    assert 'href="/compliance/clauses/guizhou-deposit-2025/12"' in page


def test_a_decision_shows_the_readings_it_was_made_under(
    auditor: Browser, refused: str, counter: Counter, login_as: LoginAs
) -> None:
    officer = counter.house.actor(Role.FINANCE_OFFICER)
    change_reading(counter.house.context, officer, "similar_disease", NewChoice("table_only", "县里要求"))
    collect(login_as(Role.CASHIER), "2000")
    later = decision_of(counter, "rule = 'inpatient.collect' AND readings LIKE '%table_only%'")
    for decision_id, answer in ((refused, "先查本院相似病种表，再依次看同一分组"), (later, "只查本院相似病种表")):
        shown = words(auditor.get(f"/compliance/decisions/{decision_id}").text)
        assert f"相似病种怎么找？{answer}" in shown
    login_as(Role.CASHIER).post("/desk/receipts/A01-000001/void", {"reason": "金额录错"})
    void = decision_of(counter, "rule = 'inpatient.void_slip'")
    assert "这条规则不涉及读法" in words(auditor.get(f"/compliance/decisions/{void}").text)


def test_a_decision_from_before_readings_were_kept_says_that_they_are_unknown(
    auditor: Browser, counter: Counter
) -> None:
    with counter.house.context.database.writing() as connection:
        copied = "institution_id, rule, rule_version, outcome, reasons, facts, effective_on, decided_at, actor"
        connection.execute(
            sa.text(f"INSERT INTO decision (decision_id, {copied}) SELECT 'old', {copied} FROM decision LIMIT 1")
        )
    assert "未知：做这个决定时系统还没有留存读法" in words(auditor.get("/compliance/decisions/old").text)


def test_a_permitted_decision_leads_to_its_entry(auditor: Browser, refused: str, counter: Counter) -> None:
    collected = decision_of(counter, "rule = 'inpatient.collect' AND outcome = 'permitted'")
    page = auditor.get(f"/compliance/decisions/{collected}").text
    assert 'href="/finance/ledger/1"' in page
    assert "可以收 1,500.00 元" in page


def test_every_stored_decision_has_a_page_in_words(
    auditor: Browser, refused: str, counter: Counter, login_as: LoginAs
) -> None:
    cashier = login_as(Role.CASHIER)
    cashier.post("/desk/receipts/A01-000001/void", {"reason": "金额录错"})
    with counter.house.context.database.reading() as connection:
        ids = list(connection.scalars(sa.text("SELECT decision_id FROM decision")))
    assert len(ids) == 5
    for decision_id in ids:
        shown = words(auditor.get(f"/compliance/decisions/{decision_id}").text)
        assert not re.search(r"[a-z]+_[a-z_]+|True|False|None", shown), shown


def test_a_decision_is_found_by_the_number_people_read_out(auditor: Browser, refused: str) -> None:
    number = decision_view.decision_number(refused)
    for said in (number, number.lower(), number.removeprefix("D-")):
        found = auditor.get("/compliance/decisions", query_string={"number": said})
        assert found.location == f"/compliance/decisions/{refused}"
    for said in ("", "D-000000000000", "%"):
        assert auditor.get("/compliance/decisions", query_string={"number": said}).status_code == 404
    assert auditor.get("/compliance/decisions/nothing").status_code == 404


def test_a_decision_is_computed_again_and_that_is_on_record(auditor: Browser, refused: str, counter: Counter) -> None:
    page = auditor.post(f"/compliance/decisions/{refused}/replay").text
    assert "用当时的事实重新计算，结果相同。" in page
    event = f"action = 'decision.replay' AND outcome = 'done' AND decision_id = '{refused}'"
    assert counter.count("audit_event", event) == 1
    assert "2601140001" in page, "what it was about stays the first act, not the replay"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"cap_fen":320000', '"cap_fen":920000', "重新计算，结果不一样"),
        ('"cap_fen"', '"lid_fen"', "算不出来：规则或事实被改过"),
    ],
)
def test_a_tampered_fact_is_found_on_the_page(
    auditor: Browser, refused: str, counter: Counter, old: str, new: str, said: str
) -> None:
    with counter.house.context.database.writing() as connection:
        find = sa.text("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'decision'")
        for name in connection.scalars(find).all():
            connection.execute(sa.text(f'DROP TRIGGER "{name}"'))
        connection.execute(
            sa.text("UPDATE decision SET facts = replace(facts, :old, :new) WHERE decision_id = :id"),
            {"old": old, "new": new, "id": refused},
        )
    page = auditor.post(f"/compliance/decisions/{refused}/replay")
    assert page.status_code == 200
    assert said in page.text
    assert counter.count("audit_event", "action = 'decision.replay' AND outcome = 'failed'") == 1


def test_a_refusal_shown_to_finance_links_to_its_decision(login_as: LoginAs, refused: str) -> None:
    page = login_as(Role.SECURITY_ADMINISTRATOR).get("/security/log").text
    assert refused not in page, "the trail links a decision only for those who may open it"
    assert f"/compliance/decisions/{refused}" in login_as(Role.AUDITOR).get("/security/log").text


def test_every_fact_of_every_rule_has_chinese_words() -> None:
    kinds = {
        "inpatient.collect": CollectFacts,
        "inpatient.determine_cap": CapFacts,
        "inpatient.void_slip": VoidFacts,
        "inpatient.refund": RefundFacts,
        "fund.apply": ApplicationFacts,
        "fund.approve": ApprovalFacts,
        "fund.procurement": ProcurementFacts,
        "fund.spend": SpendFacts,
        "fund.recall": RecallFacts,
        "fund.net": NettingFacts,
        "fund.close_duty": CloseFacts,
        "fund.close_period": ClosingFacts,
        "fund.henan_apply": MonthApplicationFacts,
        "fund.henan_fallback": FallbackFacts,
        "outpatient.claim": ClaimFacts,
        "outpatient.gate": GateFacts,
        "settlement.settle": SettleFacts,
        "settlement.excuse": ExcuseFacts,
    }
    assert set(RULES) == set(kinds) == set(decision_view.RULES) == set(decision_view.FACTS)
    for rule, kind in kinds.items():
        assert [field.name for field in fields(kind)] == list(decision_view.FACTS[rule])


def test_every_clause_and_value_speaks_chinese() -> None:
    rulebook = load_rulebook()
    plain = [clause.plain for clause in rulebook.clauses]
    plain += [value.plain for dated in rulebook.values.values() for value in dated]
    for text in plain:
        assert re.search(r"[\u4e00-\u9fff]", text)
        assert not re.search(r"[A-Za-z]{2,}", text), text
