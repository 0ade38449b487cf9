"""A discharge whose insured class nobody named waits at the insurance office until a message or a person names it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from hospital_prepay.clock import FixedClock
from hospital_prepay.domain.access import Role
from hospital_prepay.domain.errors import Conflict, NotFound, NotPermitted
from hospital_prepay.domain.insured_class import InsuredClass
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.settlement.settling import Channel, SettlementKind
from hospital_prepay.domain.rules.settlement.stages import Stage, earlier_stages, next_stage, waits_for_class
from hospital_prepay.domain.visits import VisitEventKind
from hospital_prepay.persistence.database import Database
from hospital_prepay.services.inpatient.stays import ChangePlacement, Placement, change_placement
from hospital_prepay.services.settlement.board import BoardRow, Chosen, StepRow, board, discharges_of
from hospital_prepay.services.settlement.by_hand import WrittenDown, name_class, named_by_hand, write_down
from hospital_prepay.services.settlement.intake import feed, take_hl7
from hospital_prepay.services.settlement.progress import ClassUnknown, Seen, pass_on, pass_on_many, send_back
from hospital_prepay.services.settlement.settling import SettleStay, settle_stay
from tests.admissions import raw
from tests.hospital import CASHIER, INSTITUTION, OFFICER, Hospital, actor
from tests.services.settlement.test_progress import AUDIT, INSURANCE, NO, WARD, discharge

EMPLOYEE, SELF_PAY = InsuredClass.EMPLOYEE, InsuredClass.SELF_PAY


@pytest.mark.parametrize("stage", list(Stage))
def test_only_the_insurance_office_waits_and_only_for_what_nobody_named(stage: Stage) -> None:
    assert waits_for_class(stage, None) is (stage is Stage.INSURANCE)
    assert not any(waits_for_class(stage, one) for one in InsuredClass)


def test_what_nobody_named_goes_by_the_insurance_office() -> None:
    assert next_stage(Stage.AUDIT, None) is Stage.INSURANCE
    assert next_stage(Stage.AUDIT, SELF_PAY) is Stage.CASHIER
    assert earlier_stages(Stage.CASHIER, None) == (Stage.INSURANCE, Stage.AUDIT, Stage.WARD)
    assert earlier_stages(Stage.CASHIER, SELF_PAY) == (Stage.AUDIT, Stage.WARD)


def at_insurance(hospital: Hospital, insured: str = "07") -> None:
    discharge(hospital, insured=insured)
    for step, who in enumerate((WARD, AUDIT)):
        pass_on(hospital.context, who, Seen(NO, step))


def row(hospital: Hospital) -> BoardRow:
    return discharges_of(hospital.context, OFFICER, NO).records[0].row


def steps(hospital: Hospital) -> tuple[StepRow, ...]:
    return discharges_of(hospital.context, OFFICER, NO).records[0].steps


def say(hospital: Hospital, insured: str, at: str = "20260115100000") -> None:
    message = raw("A08", visit=NO, at=at, admitted="20260110080000", insured=insured)
    take_hl7(hospital.context, feed(INSTITUTION, "mllp"), message, "mllp")


@pytest.mark.parametrize("insured", ["07", ""])
def test_it_is_not_let_past_silently(hospital: Hospital, insured: str) -> None:
    at_insurance(hospital, insured)
    assert (row(hospital).stage, row(hospital).insured, row(hospital).insured_class) == (
        "insurance",
        None,
        "self_pay",
    )
    with pytest.raises(ClassUnknown, match="请先核实"):
        pass_on(hospital.context, INSURANCE, Seen(NO, 2))
    [passed] = pass_on_many(hospital.context, INSURANCE, [Seen(NO, 2)])
    assert (passed.to, "请先核实" in passed.problem) == (None, True)
    assert send_back(hospital.context, INSURANCE, Seen(NO, 2), Stage.WARD, "问患者").to is Stage.WARD


@pytest.mark.parametrize(("word", "insured"), [("310", EMPLOYEE), ("自费", SELF_PAY)])
def test_a_message_names_it(hospital: Hospital, clock: FixedClock, word: str, insured: InsuredClass) -> None:
    at_insurance(hospital)
    say(hospital, word)
    assert row(hospital).insured is insured
    assert pass_on(hospital.context, INSURANCE, Seen(NO, 2)).to is Stage.CASHIER


@pytest.mark.parametrize("who", [INSURANCE, CASHIER])
@pytest.mark.parametrize("insured", list(InsuredClass))
def test_the_insurance_office_or_the_counter_names_it(hospital: Hospital, who: Any, insured: InsuredClass) -> None:
    at_insurance(hospital)
    name_class(hospital.context, who, NO, insured)
    assert row(hospital).insured is insured
    assert hospital.count("audit_event", "action = 'discharge.name_class' AND outcome = 'done'") >= 1
    [*_, step] = steps(hospital)
    assert (step.note, step.taken_by) == (f"参保类型记为{insured.label}", who.actor_id)
    assert step.from_stage == step.to_stage == "insurance"
    with pytest.raises(Conflict, match="已经是"):
        name_class(hospital.context, who, NO, insured)
    assert pass_on(hospital.context, INSURANCE, Seen(NO, 3)).to is Stage.CASHIER


def test_what_a_person_named_is_named_anew_until_it_is_settled(hospital: Hospital, clock: FixedClock) -> None:
    at_insurance(hospital)
    assert not named_by_hand(hospital.context, INSURANCE, NO)
    name_class(hospital.context, CASHIER, NO, SELF_PAY)
    assert named_by_hand(hospital.context, INSURANCE, NO)
    clock.moment += timedelta(minutes=1)
    pass_on(hospital.context, INSURANCE, Seen(NO, 3))
    name_class(hospital.context, INSURANCE, NO, EMPLOYEE)
    assert (row(hospital).insured, row(hospital).stage) == (EMPLOYEE, "cashier")
    assert [step.note for step in steps(hospital)[-1:]] == ["参保类型由自费改为职工医保"]
    clock.moment += timedelta(minutes=1)
    name_class(hospital.context, INSURANCE, NO, SELF_PAY)
    told = SettleStay(NO, SettlementKind.DISCHARGE, Channel.WINDOW, "settle-it", self_pay_total=Money(100))
    assert settle_stay(hospital.context, CASHIER, told).number
    assert not named_by_hand(hospital.context, INSURANCE, NO)
    with pytest.raises(Conflict, match="已经结算"):
        name_class(hospital.context, INSURANCE, NO, EMPLOYEE)


def test_what_another_system_named_since_is_not_named_anew(hospital: Hospital, clock: FixedClock) -> None:
    at_insurance(hospital)
    name_class(hospital.context, INSURANCE, NO, SELF_PAY)
    clock.moment = clock.moment.replace(hour=23)
    message = raw("A08", visit=NO, at="20260115220000", admitted="20260110080000", insured="390")
    take_hl7(hospital.context, feed(INSTITUTION, "mllp"), message, "mllp")
    assert not named_by_hand(hospital.context, INSURANCE, NO)
    with pytest.raises(Conflict, match="不是这里记的"):
        name_class(hospital.context, INSURANCE, NO, EMPLOYEE)
    assert row(hospital).insured is InsuredClass.RESIDENT


def test_named_before_the_audit_is_done_self_pay_skips_the_insurance_office(hospital: Hospital) -> None:
    discharge(hospital, insured="")
    pass_on(hospital.context, WARD, Seen(NO, 0))
    name_class(hospital.context, CASHIER, NO, SELF_PAY)
    assert pass_on(hospital.context, AUDIT, Seen(NO, 2)).to is Stage.CASHIER


def test_a_later_message_corrects_what_was_named_by_hand(hospital: Hospital, clock: FixedClock) -> None:
    at_insurance(hospital)
    name_class(hospital.context, INSURANCE, NO, SELF_PAY)
    say(hospital, "")  # silent on the class: what was named holds
    assert row(hospital).insured is SELF_PAY
    clock.moment = clock.moment.replace(hour=23)
    message = raw("A08", visit=NO, at="20260115220000", admitted="20260110080000", insured="390")
    take_hl7(hospital.context, feed(INSTITUTION, "mllp"), message, "mllp")
    assert row(hospital).insured is InsuredClass.RESIDENT


@pytest.mark.parametrize("who", [WARD, AUDIT, OFFICER, actor(Role.AUDITOR)])
def test_nobody_else_names_it(hospital: Hospital, who: Any) -> None:
    at_insurance(hospital)
    with pytest.raises(NotPermitted):
        name_class(hospital.context, who, NO, EMPLOYEE)
    with pytest.raises(NotFound):
        name_class(hospital.context, INSURANCE, "NONE", EMPLOYEE)


@pytest.mark.clause("guizhou-deposit-2025/17.1")
def test_the_counter_names_it_with_the_stay_and_caps_stay_as_they_were(hospital: Hospital, clock: FixedClock) -> None:
    unknown = {"insured_class": "self_pay", "circumstance": "identity_unknown", "talk": "已说明"}
    hospital.admit(NO, **unknown)
    write_down(hospital.context, CASHIER, WrittenDown(NO, VisitEventKind.DISCHARGE, clock.moment))
    assert row(hospital).insured is None
    caps = hospital.count("stay_cap")
    known = Placement("J15.900", "细菌性肺炎", "resident")
    change_placement(hospital.context, CASHIER, ChangePlacement(NO, known, 1))
    assert row(hospital).insured is InsuredClass.RESIDENT
    assert hospital.count("stay_cap") == caps + 1


def test_a_stay_whose_class_the_counter_registered_is_known(hospital: Hospital, clock: FixedClock) -> None:
    hospital.admit(NO)
    write_down(hospital.context, CASHIER, WrittenDown(NO, VisitEventKind.DISCHARGE, clock.moment))
    assert row(hospital).insured is InsuredClass.RESIDENT
    assert board(hospital.context, OFFICER, Chosen()).groups[0].rows[0].insured is InsuredClass.RESIDENT


@pytest.mark.parametrize("stage", ["audit", "insurance"])
def test_raw_sql_passes_none_on_to_the_cashier(hospital: Hospital, database: Database, stage: str) -> None:
    at_insurance(hospital)
    if stage == "audit":
        send_back(hospital.context, INSURANCE, Seen(NO, 2), Stage.AUDIT, "对码")
    insert = sa.text(
        "INSERT INTO discharge_step SELECT institution_id, stay_no, discharged_at, step_no + 1, stage, 'cashier', '',"
        " 'x', stage_since FROM discharge"
    )
    with pytest.raises(sa.exc.DBAPIError), database.writing() as connection:
        connection.execute(insert)
    name_class(hospital.context, INSURANCE, NO, EMPLOYEE)
    with database.writing() as connection:
        connection.execute(insert)


@pytest.mark.parametrize("code", ["07", "999", ""])
def test_a_word_that_names_no_class_takes_nothing_away_from_one_that_does(hospital: Hospital, code: str) -> None:
    at_insurance(hospital, code)
    name_class(hospital.context, INSURANCE, NO, EMPLOYEE)
    say(hospital, code)
    assert row(hospital).insured is EMPLOYEE
    say(hospital, "390", at="20260115110000")  # one that names another class does
    assert row(hospital).insured is InsuredClass.RESIDENT
