"""Filing applications with their evidence, together or for all funds, in an emergency, after the day."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from hospital_prepay.clock import FixedClock
from hospital_prepay.domain.access import Actor, Role
from hospital_prepay.domain.decision import Outcome
from hospital_prepay.domain.errors import Conflict, MalformedInput, NotPermitted, RuleRefused, SecondPersonRequired
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.fund.facts import PoolFacts
from hospital_prepay.domain.rules.fund.regime import Absence, Fund
from hospital_prepay.persistence import fund_applications as kept
from hospital_prepay.persistence.models.fund_apply import FundApplication
from hospital_prepay.rulebook.loader import load_rulebook
from hospital_prepay.services.compliance.replay import replay_decisions
from hospital_prepay.services.fund import grants
from hospital_prepay.services.fund.application_command import AGREEMENT, ApplyForFunds, Evidence
from hospital_prepay.services.fund.application_review import application_overview, read_application
from hospital_prepay.services.fund.applications import apply_for_funds
from hospital_prepay.services.fund.emergencies import RecordEmergency, record_emergency
from tests.funding import GOOD, MILLION_YUAN, good_facts
from tests.hospital import INSTITUTION, Hospital, actor, enter_people
from tests.services.fund.conftest import APPROVER, OFFICER, Year

SECOND_APPROVER = actor(Role.FINANCE_APPROVER, "2")
M = MILLION_YUAN
GROUNDS = "连续三个月没有按时上传结算清单"


def evidence(regime: str, year: int = 2026) -> tuple[Evidence, ...]:
    """A document for every condition of the place, and its agreement."""
    conditions = load_rulebook().regime(regime, year).conditions
    assert not isinstance(conditions, Absence)
    rows = [Evidence(one.id, f"{one.id} 的材料", "2025-7", "", date(2025, 12, 31)) for one in conditions]
    return (*rows, Evidence(AGREEMENT, "医保服务协议", "XY-2026", "2026 版", date(2026, 1, 1), GROUNDS))


def command(regime: str = "zhejiang-prepay-2025", **changes: Any) -> ApplyForFunds:
    """An application for both funds, a million each."""
    given: dict[str, Any] = {
        "pool_region": "x",
        "amounts": (("employee", Money(M)), ("resident", Money(M))),
        "facts": good_facts(2026),
        "evidence": evidence(regime),
        "idempotency_key": "funds-1",
        **changes,
    }
    return ApplyForFunds(regime, **given)


@pytest.fixture
def file(hospital: Hospital) -> Callable[..., Any]:
    def _file(*, who: Actor = OFFICER, **changes: Any) -> Any:
        return apply_for_funds(hospital.context, who, command(**changes))

    return _file


@pytest.fixture
def document(hospital: Hospital) -> Callable[..., str]:
    def _document(*adjusts: str, regime: str = "zhejiang-prepay-2025", who: Actor = APPROVER) -> str:
        given = RecordEmergency(regime, 2026, "医保发〔2026〕9号", date(2026, 1, 10), adjusts)
        return record_emergency(hospital.context, who, given)

    return _document


def codes(answer: Any) -> list[str]:
    return [reason.code for reason in answer.decision.reasons]


@pytest.mark.clause("zhejiang-prepay-2025/2.2", "zhejiang-prepay-2025/4.2", "zhejiang-prepay-2025/4.3.9")
def test_several_funds_go_out_at_once_each_with_its_evidence(hospital: Hospital, file: Callable[..., Any]) -> None:
    answers = file()
    assert [one.decision.outcome for one in answers] == [Outcome.PERMITTED, Outcome.PERMITTED]
    found = read_application(hospital.context, OFFICER, answers[0].decision_id)
    assert found.grant is not None
    assert found.grant.grant_id == answers[0].grant_id
    assert len(found.evidence) == 12
    agreement = next(one for one in found.evidence if one.item == AGREEMENT)
    assert (agreement.version, agreement.recall_grounds) == ("2026 版", GROUNDS)
    assert found.application.base_fen == M
    assert found.application.facts["paid"][0] == {"year": 2025, "fund": "employee", "amount": 12 * M}
    assert [one.decision_id for one in file()] == [one.decision_id for one in answers]
    assert hospital.count("fund_application") == 2
    with pytest.raises(Conflict):
        file(idempotency_key="funds-2")


def test_a_held_application_keeps_nothing_at_all(hospital: Hospital, file: Callable[..., Any]) -> None:
    answers = file(facts=good_facts(2026, institution=replace(GOOD, assessment=None)))
    assert {one.decision.outcome for one in answers} == {Outcome.HELD}
    for table in ("fund_application", "fund_application_evidence", "fund_grant", "decision", "audit_event"):
        assert hospital.count(table) == 0, table


def test_a_refused_application_is_kept_with_its_evidence(hospital: Hospital, file: Callable[..., Any]) -> None:
    answers = file(amounts=(("employee", Money(3 * M)), ("resident", Money(M))))
    assert [one.decision.outcome for one in answers] == [Outcome.REFUSED, Outcome.PERMITTED]
    assert answers[0].grant_id is None
    found = read_application(hospital.context, OFFICER, answers[0].decision_id)
    assert found.grant is None
    assert found.application.outcome == "refused"
    assert len(found.evidence) == 12
    assert len(application_overview(hospital.context, OFFICER).applications) == 2


@pytest.mark.parametrize("item", ["tracing_codes", "cooperation", AGREEMENT])
def test_each_condition_needs_its_document(hospital: Hospital, file: Callable[..., Any], item: str) -> None:
    rest = tuple(one for one in evidence("zhejiang-prepay-2025") if one.item != item)
    with pytest.raises(MalformedInput) as caught:
        file(evidence=rest)
    assert caught.value.details["field"] == f"document-{item}"
    with pytest.raises(MalformedInput):
        file(evidence=(*rest, Evidence(item, "x", issued_on=date(2026, 1, 16))))
    assert hospital.count("fund_application") == 0


@pytest.mark.clause("weihai-prepay-2025/2.2")
def test_all_funds_together_where_the_place_takes_the_whole_institution(
    hospital: Hospital, file: Callable[..., Any]
) -> None:
    [answer] = file(regime="weihai-prepay-2025", amounts=(("all", Money(2 * M)),))
    assert answer.decision.outcome is Outcome.PERMITTED
    assert answer.decision.facts["quota_fen"] == 2 * M
    assert application_overview(hospital.context, OFFICER).grants[0].fund == "all"
    poor = replace(good_facts(2026), pools=(good_facts(2026).pools[0], PoolFacts(Fund.RESIDENT, None, True, False)))
    [barred] = file(regime="weihai-prepay-2025", amounts=(("all", Money(M)),), facts=poor, idempotency_key="funds-2")
    assert "pool_bars" in codes(barred)


@pytest.mark.parametrize("regime", ["zhejiang-prepay-2025", "xizang-prepay-2024"])
def test_elsewhere_each_fund_is_applied_for_by_itself(file: Callable[..., Any], regime: str) -> None:
    with pytest.raises(MalformedInput):
        file(regime=regime, amounts=(("all", Money(M)),), evidence=evidence(regime))


@pytest.mark.parametrize(("days", "late"), [(0, False), (1, True), (5, True)])
@pytest.mark.clause("zhejiang-prepay-2025/3.1")
def test_after_the_day_it_goes_out_with_that_on_record(
    hospital: Hospital, file: Callable[..., Any], clock: FixedClock, days: int, late: bool
) -> None:
    clock.moment += timedelta(days=days)
    for answer in file():
        assert answer.grant_id
        assert ("late" in codes(answer)) is late
    assert replay_decisions(hospital.context.database).first is None


@pytest.mark.clause("zhejiang-prepay-2025/2.3")
def test_an_emergency_eases_what_the_notice_lets_it_ease(
    hospital: Hospital, file: Callable[..., Any], document: Callable[..., str], clock: FixedClock
) -> None:
    bad = good_facts(2026, institution=replace(GOOD, tracing_codes_complete=False))
    amounts = (("employee", Money(3 * M)),)
    [refused] = file(facts=bad, amounts=amounts)
    assert refused.decision.outcome is Outcome.REFUSED
    clock.moment += timedelta(days=3)
    everything = document("conditions", "size", "time")
    [eased] = file(facts=bad, amounts=amounts, emergency_id=everything, idempotency_key="funds-2")
    assert eased.grant_id
    assert codes(eased) == ["eligible", "condition_eased", "size_eased", "late", "not_adjustable"]
    assert all("医保发〔2026〕9号" in one.message for one in eased.decision.reasons[1:3])
    assert {one.clause for one in eased.decision.reasons[1:3]} == {"zhejiang-prepay-2025/2.3"}
    assert replay_decisions(hospital.context.database).first is None


def test_what_no_emergency_eases_stays(file: Callable[..., Any], document: Callable[..., str]) -> None:
    one = document("conditions", "size", "time")
    uncleared = good_facts(2026, institution=replace(GOOD, cleared_last_year=False))
    [refused] = file(facts=uncleared, amounts=(("employee", Money(M)),), emergency_id=one)
    assert "cleared_last_year" in codes(refused)
    poor = good_facts(2026)
    poor = replace(poor, pools=(replace(poor.pools[0], deficit_forecast=True), poor.pools[1]))
    [barred] = file(facts=poor, amounts=(("employee", Money(M)),), emergency_id=one, idempotency_key="funds-2")
    assert barred.decision.outcome is Outcome.REFUSED


def test_the_document_of_an_emergency_is_recorded_by_somebody_else(
    hospital: Hospital, file: Callable[..., Any], document: Callable[..., str]
) -> None:
    with pytest.raises(NotPermitted):
        document("size", who=OFFICER)
    both = Actor(INSTITUTION, "both", "both", OFFICER.roles | APPROVER.roles)
    with hospital.context.database.writing() as connection:
        enter_people(connection, hospital.context.clock, INSTITUTION, "both")
    own = document("size", who=both)
    with pytest.raises(SecondPersonRequired):
        file(who=both, emergency_id=own)
    other = document("size", regime="weihai-prepay-2025")
    with pytest.raises(MalformedInput):
        file(emergency_id=other)
    # The same by raw SQL.
    values = {
        "institution_id": INSTITUTION,
        "decision_id": "d",
        "regime": "zhejiang-prepay-2025",
        "pool_region": "x",
        "fund": "employee",
        "year": 2026,
        "amount_fen": 1,
        "outcome": "permitted",
        "facts": {},
        "emergency_id": own,
        "applied_by": "both",
        "applied_at": hospital.context.clock.now(),
    }
    with pytest.raises(sa.exc.DBAPIError), hospital.context.database.writing() as connection:
        connection.execute(sa.insert(FundApplication).values(**values))


@pytest.mark.clause("zhejiang-prepay-2025/2.3")
def test_an_approval_above_the_largest_size_needs_the_document(year: Year, document: Callable[..., str]) -> None:
    year.apply()
    context = year.hospital.context

    def approve(fen: int, emergency_id: str | None = None) -> grants.GrantState:
        given = (year.grant_id, Money(fen), date(2026, 1, 15), "浙医保〔2026〕1号", "M-1", emergency_id)
        return grants.record_approval(context, SECOND_APPROVER, grants.RecordApproval(*given))

    own = grants.RecordApproval(
        year.grant_id, Money(M), date(2026, 1, 15), "浙医保〔2026〕1号", "M-1", document("size")
    )
    with pytest.raises(SecondPersonRequired):
        grants.record_approval(context, APPROVER, own)
    with pytest.raises(RuleRefused, match=r"2,000,000\.00"):
        approve(2 * M + 1)
    with pytest.raises(RuleRefused):
        approve(2 * M + 1, document("conditions"))
    assert approve(2 * M + 1, document("size")).state == "approved"
    assert replay_decisions(context.database).first is None


def test_nothing_is_dated_ahead_of_today(year: Year) -> None:
    year.apply()
    context, ahead = year.hospital.context, date(2026, 1, 16)
    approval = grants.RecordApproval(year.grant_id, Money(M), ahead, "x", "")
    with pytest.raises(MalformedInput) as caught:
        grants.record_approval(context, APPROVER, approval)
    assert caught.value.details["field"] == "approved_on"
    year.approve()
    receipt = grants.ReceiveGrant(year.grant_id, "B-1", ahead, "k-1")
    with pytest.raises(MalformedInput) as caught:
        grants.receive_grant(context, OFFICER, receipt)
    assert caught.value.details["field"] == "received_on"
    assert year.receive().state == "received"


@pytest.mark.parametrize("table", ["fund_application", "fund_application_evidence", "fund_emergency"])
@pytest.mark.parametrize("change", ["UPDATE {} SET institution_id = 'x'", "DELETE FROM {}"])
def test_what_was_filed_is_never_changed(
    hospital: Hospital, file: Callable[..., Any], document: Callable[..., str], table: str, change: str
) -> None:
    document("size")
    file()
    with pytest.raises(sa.exc.DBAPIError), hospital.context.database.writing() as connection:
        connection.execute(sa.text(change.format(table)))
    with hospital.context.database.reading() as connection:
        assert kept.applications(connection, INSTITUTION)
