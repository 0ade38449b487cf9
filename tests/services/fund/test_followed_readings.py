"""What a hospital answers to the notices' open questions is followed by its fund, and kept with what was decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from fractions import Fraction
from typing import Any

import pytest

from hospital_prepay.clock import SHANGHAI, FixedClock
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.fund.facts import AssessmentFacts, PoolFacts
from hospital_prepay.domain.rules.fund.regime import Fund
from hospital_prepay.persistence import decisions
from hospital_prepay.rulebook.loader import load_rulebook
from hospital_prepay.services.compliance.replay import replay_decisions
from hospital_prepay.services.fund import application_review, applications, duties, henan, recall
from hospital_prepay.services.fund.application_command import Applied
from hospital_prepay.services.publication.readings import NewChoice, change_reading, list_readings
from tests.funding import GOOD, MILLION_YUAN, application, apply_one, good_facts
from tests.hospital import INSTITUTION, Hospital
from tests.services.fund.conftest import OFFICER, Year

HENAN, XIZANG, WEIHAI = "henan-settlement-2023", "xizang-prepay-2024", "weihai-prepay-2025"
SHORT_RESIDENTS = (
    PoolFacts(Fund.EMPLOYEE, Fraction("13.2"), False, False),
    PoolFacts(Fund.RESIDENT, Fraction(5), False, False),
)


def choose(hospital: Hospital, name: str, value: str) -> None:
    change_reading(hospital.context, OFFICER, name, NewChoice(value, "市医保局 1 月 5 日电话答复"))


def kept(hospital: Hospital, decision_id: str) -> Mapping[str, str]:
    with hospital.context.database.reading() as connection:
        return decisions.find_stored(connection, INSTITUTION, decision_id).readings or {}


def ask(hospital: Hospital, regime: str, facts: AssessmentFacts, fen: int = MILLION_YUAN) -> Applied:
    command = application(regime, "x", "employee", Money(fen), facts, f"ask-{regime}-{fen}")
    (previewed,) = applications.preview_funds(hospital.context, OFFICER, command)
    answer = apply_one(hospital.context, OFFICER, command)
    assert answer.decision.outcome is previewed.outcome
    return answer


@pytest.mark.clause("xizang-prepay-2024/10")
@pytest.mark.parametrize(("value", "permitted"), [("each_for_itself", True), ("either_bars_both", False)])
def test_the_other_funds_months_bar_only_where_the_hospital_reads_it_so(
    hospital: Hospital, value: str, permitted: bool
) -> None:
    if not permitted:
        choose(hospital, "pool_solvency", value)
    answer = ask(hospital, XIZANG, good_facts(2026, pools=SHORT_RESIDENTS))
    assert answer.decision.permitted is permitted
    assert ("pool_bars" in [reason.code for reason in answer.decision.reasons]) is not permitted
    assert kept(hospital, answer.decision_id)["pool_solvency"] == value
    assert replay_decisions(hospital.context.database).different == 0


@pytest.mark.clause("weihai-prepay-2025/2.2")
@pytest.mark.parametrize(("value", "permitted"), [("strict_from_2026", False), ("strict_from_2027", True)])
def test_a_penalty_is_excused_as_long_as_the_hospital_reads_the_transition(
    hospital: Hospital, value: str, permitted: bool
) -> None:
    if permitted:
        choose(hospital, "penalty_transition", value)
    facts = good_facts(2026, institution=replace(GOOD, penalised_in_12_months=True))
    answer = ask(hospital, WEIHAI, facts)
    assert answer.decision.permitted is permitted
    assert kept(hospital, answer.decision_id)["penalty_transition"] == value


@pytest.mark.clause("xizang-prepay-2024/4.1")
@pytest.mark.parametrize(("value", "base_fen"), [("down", MILLION_YUAN), ("nearest", MILLION_YUAN + 1)])
def test_half_a_fen_of_the_base_goes_where_the_hospital_reads_it(
    hospital: Hospital, value: str, base_fen: int
) -> None:
    if value != "down":
        choose(hospital, "quota_rounding", value)
    facts = good_facts(2026)
    paid = tuple(replace(one, amount=Money(one.amount.fen + (18 if one.year == 2023 else 0))) for one in facts.paid)
    answer = ask(hospital, XIZANG, replace(facts, paid=paid))
    found = application_review.read_application(hospital.context, OFFICER, answer.decision_id)
    assert found.application.base_fen == base_fen
    assert answer.decision.facts["quota_fen"] == base_fen


@pytest.mark.clause("henan-settlement-2023/2.2", "henan-settlement-2023/3.1")
@pytest.mark.parametrize(
    ("value", "due_on", "settled_in"),
    [
        ("every_non_working_day", date(2026, 7, 6), "2026-07"),
        ("statutory_holidays", date(2026, 7, 5), "2026-08"),
    ],
)
def test_a_sunday_moves_the_fifth_only_where_the_hospital_reads_it_so(
    year: Year, clock: FixedClock, value: str, due_on: date, settled_in: str
) -> None:
    year.regime = HENAN
    year.arrived()
    context = year.hospital.context
    if settled_in == "2026-08":
        choose(year.hospital, "holiday_roll", value)
    clock.moment = datetime(2026, 7, 6, 9, 0, tzinfo=SHANGHAI)
    duty = duties.find_duty(duties.read_duties(context, OFFICER), f"{HENAN}/reconcile/2026-07-05")
    assert duty.item.due_on == due_on
    seen = henan.read_henan_month(context, OFFICER, "2026-06").apply_by
    assert seen is not None
    assert seen.due_on == due_on
    applied = henan.apply_reconciliation(context, OFFICER, "2026-06", date(2026, 7, 6), "申请 6")
    assert applied.settled_in == settled_in
    assert kept(year.hospital, applied.decision_id) == {"holiday_roll": value}


def test_an_unannounced_weekend_is_an_estimate_only_where_weekends_move_a_day(year: Year, clock: FixedClock) -> None:
    year.regime = HENAN
    year.arrived()
    clock.moment = datetime(2026, 12, 1, 9, 0, tzinfo=SHANGHAI)
    key = f"{HENAN}/reconcile/2027-06-05"
    found = [duties.find_duty(duties.read_duties(year.hospital.context, OFFICER), key)]
    choose(year.hospital, "holiday_roll", "statutory_holidays")
    found.append(duties.find_duty(duties.read_duties(year.hospital.context, OFFICER), key))
    assert [(one.item.due_on, one.expected_on) for one in found] == [
        (None, date(2027, 6, 7)),
        (None, date(2027, 6, 5)),
    ]


@pytest.mark.clause("xizang-prepay-2024/7")
def test_five_working_days_begin_with_the_day_of_urging_where_the_hospital_reads_it_so(
    hospital: Hospital, clock: FixedClock
) -> None:
    Year(hospital, XIZANG).arrived()
    choose(hospital, "recall_days", "day_of_urging")
    command = recall.RecordRecall(XIZANG, 4, "x", date(2026, 1, 12), "藏医保函〔2026〕1号", "ground-1")
    recall_id = recall.record_recall(hospital.context, OFFICER, command).recall_id
    assert recall_id is not None
    clock.moment = datetime(2026, 1, 16, 9, 0, tzinfo=SHANGHAI)
    decision = recall.urge_recall(hospital.context, OFFICER, recall.UrgeRecall(recall_id, date(2026, 1, 16), "x"))
    assert decision.facts["due_on"] == "2026-01-22"


def test_the_settings_offer_nothing_of_the_fund_that_nothing_follows(hospital: Hospital) -> None:
    of_fund = [one for one in list_readings(hospital.context, INSTITUTION) if _is_of_fund(one.reading.used_in)]
    assert {one.reading.name for one in of_fund} == {
        "pool_solvency",
        "penalty_transition",
        "quota_rounding",
        "holiday_roll",
        "recall_days",
    }
    assert all(one.is_followed for one in of_fund)


def _is_of_fund(places: Any) -> bool:
    return any(place.startswith("fund.") for place in places)


def test_an_answer_that_is_offered_no_longer_stops_nothing(hospital: Hospital) -> None:
    assert "penalty_window" not in load_rulebook().readings
    with hospital.context.database.writing() as connection:
        connection.exec_driver_sql(
            "INSERT INTO setting_value (institution_id, name, version_no, value, ground, changed_by, changed_at)"
            f" VALUES ('{INSTITUTION}', 'penalty_window', 1, 'application_by_conduct', '', 'x',"
            " '2026-01-01T00:00:00+00:00')"
        )
    assert ask(hospital, XIZANG, good_facts(2026)).decision.permitted
