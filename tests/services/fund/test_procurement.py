"""Central-procurement prepayment: its own accounts, its own goods, never mixed with a basic grant."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa

from hospital_prepay.domain.decision import Outcome
from hospital_prepay.domain.errors import Conflict, InsufficientFund, MalformedInput, PrepayError
from hospital_prepay.domain.ledger.chart import earmark_account, owed_account
from hospital_prepay.domain.ledger.entry import JournalEntry, Posting
from hospital_prepay.domain.money import Money
from hospital_prepay.persistence.ledger import ledger_on
from hospital_prepay.persistence.models.fund import FundRequest, FundRequestLine
from hospital_prepay.persistence.models.fund_apply import FundProcurement
from hospital_prepay.services.compliance.replay import replay_decisions
from hospital_prepay.services.fund import disclosure, returns
from hospital_prepay.services.fund.procurement import RecordProcurement, record_procurement
from tests.hospital import INSTITUTION, Hospital
from tests.services.fund.conftest import OFFICER, Year, line

FEN = 30_000_000


def recorded(hospital: Hospital, regime: str = "zhejiang-prepay-2025", **changes: Any) -> str:
    given: dict[str, Any] = {
        "pool_region": "x",
        "fund": "employee",
        "year": 2026,
        "amount": Money(FEN),
        "document": "医保〔2026〕3号",
        "issued_on": date(2026, 1, 12),
        "batch": "国家第十批",
        "return_on": date(2026, 11, 30),
        "idempotency_key": "p-1",
        **changes,
    }
    return record_procurement(hospital.context, OFFICER, RecordProcurement(regime, **given))


@pytest.fixture
def special(hospital: Hospital) -> Year:
    """A procurement prepayment that arrived."""
    found = Year(hospital, grant_id=recorded(hospital), keys=100)
    found.approve(FEN)
    found.receive()
    return found


@pytest.mark.parametrize(
    ("regime", "clause"),
    [
        ("weihai-prepay-2025", "weihai-prepay-2025/1"),
        ("xizang-prepay-2024", "xizang-prepay-2024/2"),
        ("zhejiang-prepay-2025", "zhejiang-prepay-2025/1"),
        ("henan-settlement-2023", None),
    ],
)
@pytest.mark.clause("weihai-prepay-2025/1", "xizang-prepay-2024/2", "zhejiang-prepay-2025/1")
def test_it_is_recorded_on_its_own_document_without_a_self_check(
    hospital: Hospital, regime: str, clause: str | None
) -> None:
    recorded(hospital, regime)
    with hospital.context.database.reading() as connection:
        reasons = connection.scalar(sa.text("SELECT reasons FROM decision"))
    assert (f'"clause":"{clause}"' if clause else '"clause":null') in reasons
    assert replay_decisions(hospital.context.database).first is None


def test_one_fund_has_one_of_each_kind(hospital: Hospital) -> None:
    first = recorded(hospital)
    assert recorded(hospital) == first
    with pytest.raises(Conflict):
        recorded(hospital, idempotency_key="p-2")
    assert Year(hospital).apply().grant_id


@pytest.mark.parametrize(
    "changes",
    [{"document": " "}, {"batch": ""}, {"amount": Money(0)}, {"issued_on": date(2026, 1, 16)}, {"fund": "x"}],
)
def test_what_is_wrong_is_not_recorded(hospital: Hospital, changes: dict[str, Any]) -> None:
    with pytest.raises(MalformedInput):
        recorded(hospital, **changes)
    assert hospital.count("fund_grant") == 0


@pytest.mark.clause("weihai-prepay-2025/1", "xizang-prepay-2024/2", "zhejiang-prepay-2025/1")
def test_it_pays_only_procured_drugs_and_consumables_with_their_order(special: Year) -> None:
    assert special.ask(line(100, batch="国家第十批")).decision.outcome is Outcome.PERMITTED
    for changes, code in (
        ({}, "not_procured"),
        ({"batch": "国家第九批"}, "other_batch"),
        ({"batch": "国家第十批", "order_no": ""}, "missing_order_no"),
        ({"batch": "国家第十批", "category": "reagent"}, "procurement_only"),
        ({"batch": "国家第十批", "category": "supplier_arrears"}, "procurement_only"),
        ({"batch": "国家第十批", "category": "payroll"}, "procurement_only"),
    ):
        decision = special.ask(line(100, **changes)).decision
        assert decision.outcome is Outcome.REFUSED
        assert [reason.code for reason in decision.reasons] == [code]
        assert decision.clauses == ()
    assert special.ask(line(100, batch=" 国家 第十批")).decision.outcome is Outcome.PERMITTED
    assert special.ask(line(100, batch="国家第十批", code="")).decision.outcome is Outcome.HELD
    assert replay_decisions(special.hospital.context.database).first is None


def test_it_is_paid_and_given_back_by_itself(special: Year) -> None:
    basic = Year(special.hospital).arrived()
    before = basic.standing
    special.pay(special.reserve(line(10_000_000, batch="国家第十批")))
    assert special.standing == (FEN - 10_000_000, 0, FEN)
    with pytest.raises(MalformedInput):
        special.give_back(FEN + 1)
    assert special.give_back(FEN).state == "cleared"
    assert basic.standing == before


def test_no_entry_moves_money_between_the_two(special: Year) -> None:
    basic = Year(special.hospital).arrived()
    clock = special.hospital.context.clock

    def post(*lines: tuple[str, int, int, str]) -> None:
        entry = JournalEntry(
            institution_id=INSTITUTION,
            idempotency_key="x",
            kind="fund_return",
            summary="x",
            source="x",
            occurred_at=clock.now(),
            posted_at=clock.now(),
            effective_on=clock.today(),
            posted_by="x",
            postings=tuple(Posting(a, Money(d), Money(c), fund) for a, d, c, fund in lines),
        )
        with special.hospital.context.database.writing() as connection:
            ledger_on(connection).post(entry)

    one, other = special.grant_id, basic.grant_id
    for fund in (one, other, ""):
        with pytest.raises(PrepayError):
            post((earmark_account(other), 100, 0, fund), (earmark_account(one), 0, 100, fund))
        with pytest.raises(PrepayError):
            post((owed_account(other), 100, 0, fund), (earmark_account(one), 0, 100, fund))
    through = (("1002", 100, 0, one), (earmark_account(one), 0, 100, one))
    with pytest.raises(InsufficientFund):
        post(*through, (earmark_account(other), 100, 0, other), ("1002", 0, 100, other))


@pytest.mark.parametrize(
    "changes",
    [{"batch": ""}, {"batch": "国家第九批"}, {"order_no": ""}, {"category": "reagent", "outcome": "held"}],
)
def test_the_database_takes_no_other_line(special: Year, changes: dict[str, str]) -> None:
    context = special.hospital.context
    request = {
        "institution_id": INSTITUTION,
        "request_id": "r",
        "grant_id": special.grant_id,
        "payee_name": "x",
        "payee_credit_code": "x",
        "purpose": "x",
        "total_fen": 1,
        "state": "asked",
        "decision_id": "d",
        "held": False,
        "asked_by": OFFICER.actor_id,
        "asked_at": context.clock.now(),
    }
    sound = {
        "category": "drug",
        "name": "x",
        "code": "",
        "order_no": "P",
        "batch": "国家第十批",
        "outcome": "permitted",
    }
    row = {"institution_id": INSTITUTION, "request_id": "r", "line_no": 1, "amount_fen": 1, **sound, **changes}
    with context.database.writing() as connection:
        connection.execute(sa.insert(FundRequest).values(**request))
    with pytest.raises(sa.exc.DBAPIError), context.database.writing() as connection:
        connection.execute(sa.insert(FundRequestLine).values(**row))
    with context.database.writing() as connection:
        connection.execute(sa.insert(FundRequestLine).values(**row | sound))


def test_no_basic_grant_has_a_procurement_document(year: Year) -> None:
    year.apply()
    values = {
        "institution_id": INSTITUTION,
        "grant_id": year.grant_id,
        "document": "x",
        "issued_on": date(2026, 1, 1),
        "batch": "x",
        "recorded_by": OFFICER.actor_id,
        "recorded_at": year.hospital.context.clock.now(),
    }
    with pytest.raises(sa.exc.DBAPIError), year.hospital.context.database.writing() as connection:
        connection.execute(sa.insert(FundProcurement).values(**values))


def test_no_more_is_approved_than_its_document_grants(hospital: Hospital) -> None:
    year = Year(hospital)
    year.grant_id = recorded(hospital)
    with pytest.raises(MalformedInput, match="批复不能超过它"):
        year.approve(FEN + 1)
    assert year.approve(FEN).approved_fen == FEN


@pytest.mark.clause("zhejiang-prepay-2025/4.5")
def test_the_figures_of_a_year_keep_the_kinds_apart(special: Year) -> None:
    context = special.hospital.context
    basic = Year(special.hospital, keys=200).arrived()
    given_back = returns.ReturnGrant(basic.grant_id, Money(500), "R-1", "given-back-1")
    returns.return_grant(context, OFFICER, given_back)
    published = disclosure.RecordDisclosure(
        2026, "employee", Money(100_000_000), Money(500), Money(99_999_500), date(2026, 1, 15), "医保局网站"
    )
    disclosure.record_disclosure(context, OFFICER, published)
    found = [(one.ours, one.differences) for one in disclosure.held_against(context, OFFICER)[0]]
    assert found == [
        (disclosure.YearFigures(2026, "employee", "basic", 100_000_000, 500, 99_999_500), (0, 0, 0)),
        (disclosure.YearFigures(2026, "employee", "procurement", FEN, 0, FEN), None),
    ]


def test_nothing_is_published_of_a_procurement_prepayment(special: Year) -> None:
    command = disclosure.RecordDisclosure(
        2026, "employee", Money(FEN), Money(0), Money(FEN), date(2026, 1, 15), "医保局网站"
    )
    with pytest.raises(MalformedInput, match="没有这个基金的预付金"):
        disclosure.record_disclosure(special.hospital.context, OFFICER, command)
