"""The hospital's profile, its own rules, its calendar and its readings."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from hospital_prepay.clock import FixedClock
from hospital_prepay.domain.access import Role
from hospital_prepay.domain.calendar import WrongSchedule
from hospital_prepay.domain.errors import Conflict, MalformedInput, NotFound, NotPermitted, SecondPersonRequired
from hospital_prepay.domain.rules.publication.scope import Binding, Ownership, binding
from hospital_prepay.services.publication import deposit_rules, holidays, institution, readings
from hospital_prepay.services.publication.deposit_rules import NewRules, State
from hospital_prepay.services.publication.institution import ChangedInstitution, NewInstitution
from hospital_prepay.services.publication.readings import NewChoice
from hospital_prepay.services.settlement.clock_keeping import recompute_clocks
from tests.people import INSTITUTION, House

DETAILS = ChangedInstitution("云岭县中医院", "0855-7654321", "周一至周五", "二楼", Ownership.PRIVATE, False)
RULES = NewRules("住院预交金管理办法", "第一条……\n第二条……", date(2026, 2, 1))


def notice(year: int, *, without: str = "") -> bytes:
    """A made-up notice with the days that every notice has."""
    days = [(1, 1), (5, 1), (5, 2), (10, 1), (10, 2), (10, 3)]
    lines = [f"{date(year, month, day)},放假,节日" for month, day in days]
    return ("日期,类型,名称\n" + "\n".join(line for line in lines if not without or without not in line)).encode()


def states(house: House) -> list[State]:
    return [one.state for one in deposit_rules.list_rules(house.context, INSTITUTION)]


@pytest.mark.clause("guizhou-deposit-2025/2")
def test_a_changed_profile_changes_the_rules_that_bind(house: House) -> None:
    before = institution.hospital_of(house.context, INSTITUTION)
    assert binding(before.profile) is Binding.BOUND
    institution.change_institution(house.context, house.actor(Role.SYSTEM_ADMINISTRATOR), DETAILS)
    after = institution.hospital_of(house.context, INSTITUTION)
    assert (after.name, after.phone_href) == ("云岭县中医院", "tel:08557654321")
    assert binding(after.profile) is Binding.BY_REFERENCE
    with house.context.database.reading() as connection:
        query = sa.text("SELECT detail FROM audit_event WHERE action = 'institution.change'")
        assert '"name":["云岭县人民医院","云岭县中医院"]' in connection.scalars(query).one()


def test_a_cashier_changes_nothing_of_the_hospital(house: House) -> None:
    cashier = house.actor(Role.CASHIER)
    with pytest.raises(NotPermitted):
        institution.change_institution(house.context, cashier, DETAILS)
    with pytest.raises(NotPermitted):
        deposit_rules.write_rules(house.context, cashier, RULES)
    with pytest.raises(NotPermitted):
        readings.change_reading(house.context, cashier, "minimum_cases", NewChoice("20", "试"))
    with pytest.raises(NotPermitted):
        holidays.check_notice(house.context, cashier, notice(2027), "通知")


@pytest.mark.parametrize("code", ["H5201030012", "h52010300125", "H520103001251", "H５２010300125"])
def test_an_institution_has_its_twelve_character_code(house: House, code: str) -> None:
    with pytest.raises(MalformedInput):
        institution.open_institution(house.context, NewInstitution(code, DETAILS))


def test_an_institution_is_entered_once(house: House) -> None:
    with pytest.raises(Conflict):
        institution.open_institution(house.context, NewInstitution(INSTITUTION, DETAILS))


@pytest.mark.clause("guizhou-deposit-2025/4")
def test_own_rules_hold_once_another_person_approved_and_their_day_has_come(house: House, clock: FixedClock) -> None:
    version = deposit_rules.write_rules(house.context, house.actor(Role.FINANCE_OFFICER), RULES)
    assert states(house) == [State.DRAFT]
    assert deposit_rules.rules_in_force(house.context, INSTITUTION) is None
    deposit_rules.approve_rules(house.context, house.actor(Role.FINANCE_APPROVER), version)
    assert states(house) == [State.COMING]
    clock.moment += timedelta(days=17)
    (held,) = deposit_rules.list_rules(house.context, INSTITUTION)
    assert (held.state, held.title, held.text) == (State.IN_FORCE, RULES.title, RULES.text)
    assert held.approved_by == "财务审批员"
    newer = replace(RULES, effective_on=date(2026, 2, 1))
    version = deposit_rules.write_rules(house.context, house.actor(Role.FINANCE_OFFICER), newer)
    deposit_rules.approve_rules(house.context, house.actor(Role.FINANCE_APPROVER), version)
    assert states(house) == [State.IN_FORCE, State.REPLACED]


@pytest.mark.clause("guizhou-deposit-2025/4")
def test_the_writer_cannot_approve_even_with_the_role(house: House) -> None:
    version = deposit_rules.write_rules(house.context, house.actor(Role.FINANCE_OFFICER), RULES)
    both = frozenset({Role.FINANCE_OFFICER, Role.FINANCE_APPROVER})
    with pytest.raises(SecondPersonRequired):
        deposit_rules.approve_rules(house.context, replace(house.actor(Role.FINANCE_OFFICER), roles=both), version)
    assert states(house) == [State.DRAFT]


@pytest.mark.clause("guizhou-deposit-2025/4")
def test_rules_are_approved_once_and_only_if_they_exist(house: House) -> None:
    version = deposit_rules.write_rules(house.context, house.actor(Role.FINANCE_OFFICER), RULES)
    approver = house.actor(Role.FINANCE_APPROVER)
    deposit_rules.approve_rules(house.context, approver, version)
    with pytest.raises(Conflict):
        deposit_rules.approve_rules(house.context, approver, version)
    with pytest.raises(NotFound):
        deposit_rules.approve_rules(house.context, approver, version + 1)


@pytest.mark.clause("guizhou-deposit-2025/4")
def test_rules_never_take_effect_in_the_past(house: House) -> None:
    yesterday = replace(RULES, effective_on=house.context.clock.today() - timedelta(days=1))
    with pytest.raises(MalformedInput):
        deposit_rules.write_rules(house.context, house.actor(Role.FINANCE_OFFICER), yesterday)


def test_an_imported_year_makes_deadlines_firm(house: House) -> None:
    day = date(2026, 12, 31)
    assert holidays.working_days(house.context, INSTITUTION).due(day, 3).provisional
    officer = house.actor(Role.FINANCE_OFFICER)
    announced = holidays.check_notice(house.context, officer, notice(2027), "国办发明电〔2026〕9号")
    assert 2027 not in holidays.known_years(house.context, INSTITUTION)
    holidays.import_year(house.context, officer, announced, recompute_clocks)
    assert holidays.working_days(house.context, INSTITUTION).due(day, 3).due_on == date(2027, 1, 6)
    known = holidays.known_years(house.context, INSTITUTION)[2027]
    assert (known.imported_by, known.announced.source) == ("财务员", "国办发明电〔2026〕9号")
    with pytest.raises(Conflict):
        holidays.import_year(house.context, officer, announced, recompute_clocks)


def test_a_corrected_notice_takes_the_place_of_the_first(house: House) -> None:
    officer = house.actor(Role.FINANCE_OFFICER)
    for extra in (b"", "\n2027-01-04,放假,元旦".encode()):
        holidays.import_year(
            house.context,
            officer,
            holidays.check_notice(house.context, officer, notice(2027) + extra, "通知"),
            recompute_clocks,
        )
    calendar = holidays.working_days(house.context, INSTITUTION)
    assert not calendar.is_working_day(date(2027, 1, 4))


def test_a_year_after_a_gap_and_a_notice_cut_short_are_refused(house: House) -> None:
    officer = house.actor(Role.FINANCE_OFFICER)
    with pytest.raises(WrongSchedule):
        holidays.check_notice(house.context, officer, notice(2028), "通知")
    with pytest.raises(WrongSchedule):
        holidays.check_notice(house.context, officer, notice(2027, without="10-02"), "通知")


def test_a_reading_holds_from_its_change_on_and_names_who_and_why(house: House) -> None:
    assert readings.chosen_readings(house.context, INSTITUTION)["minimum_cases"] == 10
    officer = house.actor(Role.FINANCE_OFFICER)
    readings.change_reading(house.context, officer, "minimum_cases", NewChoice("20", "县医院病例多"))
    readings.change_reading(house.context, officer, "posted_half", NewChoice("by_cost", "卫健委口头要求"))
    chosen = {one.reading.name: one for one in readings.list_readings(house.context, INSTITUTION)}
    assert (chosen["minimum_cases"].value, chosen["minimum_cases"].changed_by) == (20, "财务员")
    assert chosen["posted_half"].value == "by_cost"
    with house.context.work(officer, "setting.change") as work:
        assert readings.readings_within(work, "inpatient.measure")["minimum_cases"] == "20"
    with pytest.raises(Conflict):
        readings.change_reading(house.context, officer, "minimum_cases", NewChoice("20", "再来一次"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("minimum_cases", "-1"),
        ("minimum_cases", "1001"),
        ("minimum_cases", "12e3"),
        ("minimum_cases", "２０"),
        ("posted_half", "whatever"),
        ("earlier_standard_day", "2025-07-01"),
        ("earlier_standard_day", "2025-02-30"),
    ],
)
def test_an_answer_out_of_its_range_is_refused(house: House, name: str, value: str) -> None:
    with pytest.raises(MalformedInput):
        readings.change_reading(house.context, house.actor(Role.FINANCE_OFFICER), name, NewChoice(value, "试"))


def test_a_question_that_nobody_asks_is_not_found(house: House) -> None:
    with pytest.raises(NotFound):
        readings.change_reading(house.context, house.actor(Role.FINANCE_OFFICER), "nothing", NewChoice("1", "试"))
