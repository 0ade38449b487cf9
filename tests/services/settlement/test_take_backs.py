"""A late discharge is taken back by hand by two people, and stays counted; what another system says is a fact."""

from __future__ import annotations

import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from python_calamine import CalamineWorkbook

from hospital_prepay.clock import SHANGHAI, FixedClock
from hospital_prepay.domain.access import Role
from hospital_prepay.domain.errors import Conflict, MalformedInput, NotFound, NotPermitted, SecondPersonRequired
from hospital_prepay.domain.visits import VisitEventKind
from hospital_prepay.persistence.database import Database
from hospital_prepay.services.access.home import tasks
from hospital_prepay.services.publication.readings import NewChoice, change_reading
from hospital_prepay.services.settlement.board import StayDischarges, discharges_of
from hospital_prepay.services.settlement.by_hand import WrittenDown, write_down
from hospital_prepay.services.settlement.intake import LateStands, feed, take_hl7
from hospital_prepay.services.settlement.lateness import beside, late_list
from hospital_prepay.services.settlement.reports import late_file, read_report
from hospital_prepay.services.settlement.take_backs import ask_take_back, decide_take_back, takes_two
from hospital_prepay.services.settlement.visit_file import take_visit_file
from tests.admissions import raw
from tests.hospital import APPROVER, CASHIER, INSTITUTION, OFFICER, Hospital, actor
from tests.services.settlement.test_progress import NO, discharge

WARD = actor(Role.WARD)
DUE = datetime(2026, 1, 20, 23, 59, tzinfo=SHANGHAI)
LATE = datetime(2026, 1, 22, 9, 0, tzinfo=SHANGHAI)


@pytest.fixture
def late(hospital: Hospital, clock: FixedClock) -> Hospital:
    """A discharge of 15 January, due on the 20th, that is open on the 22nd."""
    discharge(hospital)
    clock.moment = LATE
    return hospital


def cancel(hospital: Hospital, who: Any = CASHIER) -> None:
    now = hospital.context.clock.now()
    write_down(hospital.context, who, WrittenDown(NO, VisitEventKind.CANCEL_DISCHARGE, now))


def found(hospital: Hospital) -> StayDischarges:
    return discharges_of(hospital.context, OFFICER, NO)


def stands(hospital: Hospital) -> bool:
    return found(hospital).records[0].row.ended_at is None


@pytest.mark.clause("guizhou-deposit-2025/19")
def test_up_to_the_end_of_its_due_day_one_person_takes_it_back(hospital: Hospital, clock: FixedClock) -> None:
    discharge(hospital)
    clock.moment = DUE
    assert not takes_two(hospital.context, CASHIER, NO)
    with pytest.raises(Conflict, match="没有逾期"):
        ask_take_back(hospital.context, CASHIER, NO, "患者没有走")
    cancel(hospital)
    assert not stands(hospital)
    assert hospital.count("take_back") == 0


@pytest.mark.clause("guizhou-deposit-2025/19")
def test_from_the_next_day_on_one_person_alone_takes_nothing_back(late: Hospital, clock: FixedClock) -> None:
    clock.moment = DUE + timedelta(minutes=1)
    with pytest.raises(LateStands):
        cancel(late)
    assert takes_two(late.context, CASHIER, NO)
    ask_take_back(late.context, CASHIER, NO, "患者没有走")
    assert stands(late)
    assert late.count("visit_message", "source = 'hand'") == 0


def test_another_person_agrees_and_the_next_discharge_has_a_clock_of_its_own(
    late: Hospital, clock: FixedClock
) -> None:
    before = found(late).records[0].clocks
    ask_take_back(late.context, WARD, NO, "登记错了人")
    clock.moment += timedelta(hours=1)
    decide_take_back(late.context, OFFICER, NO, 1, agree=True)
    row = found(late).records[0].row
    assert (row.ended_at, row.ended_by) == (clock.moment, "cancelled")
    clock.moment += timedelta(hours=1)
    write_down(late.context, CASHIER, WrittenDown(NO, VisitEventKind.DISCHARGE, clock.moment))
    newer, older = found(late).records
    assert (newer.row.ended_at, str(newer.row.due_on)) == (None, "2026-01-27")
    assert older.clocks == before
    with late.context.database.reading() as connection:
        [said] = connection.execute(
            sa.text("SELECT ground, asked_by, state, decided_by FROM take_back WHERE stay_no = :no"), {"no": NO}
        )
    assert tuple(said) == ("登记错了人", "ward-1", "agreed", "finance_officer-1")
    # What was agreed to, and the discharge that ended by it.
    assert late.count("audit_event", "action = 'discharge.agree_take_back' AND outcome = 'done'") == 2


def test_while_the_system_says_later_that_the_patient_left_nothing_is_agreed_to(
    late: Hospital, clock: FixedClock
) -> None:
    """A system whose clock is ahead said its last word after the moment in which somebody agrees."""
    said = raw("A03", visit=NO, at="20260122093000", admitted="20260110080000", discharged="20260115091500")
    take_hl7(late.context, feed(INSTITUTION, "mllp"), said, "mllp")
    ask_take_back(late.context, CASHIER, NO, "患者没有走")
    with pytest.raises(Conflict, match="系统在这之后又报了这次出院"):
        decide_take_back(late.context, OFFICER, NO, 1, agree=True)
    assert stands(late)
    assert [one.state for one in beside(late.context, OFFICER, NO).take_backs] == ["asked"]
    assert late.count("visit_message", "source = 'hand'") == 0
    clock.moment += timedelta(hours=1)
    decide_take_back(late.context, OFFICER, NO, 1, agree=True)
    assert not stands(late)


def test_nobody_agrees_to_their_own_request(late: Hospital) -> None:
    ask_take_back(late.context, CASHIER, NO, "患者没有走")
    with pytest.raises(NotPermitted):
        decide_take_back(late.context, CASHIER, NO, 1, agree=True)
    with pytest.raises(SecondPersonRequired):
        decide_take_back(late.context, replace(OFFICER, actor_id=CASHIER.actor_id), NO, 1, agree=True)
    assert stands(late)


def test_it_is_turned_down_with_words_and_may_be_asked_for_again(late: Hospital, clock: FixedClock) -> None:
    ask_take_back(late.context, CASHIER, NO, "患者没有走")
    with pytest.raises(Conflict, match="已经有人申请"):
        ask_take_back(late.context, WARD, NO, "同一件")
    with pytest.raises(MalformedInput):
        decide_take_back(late.context, OFFICER, NO, 1, agree=False)
    decide_take_back(late.context, OFFICER, NO, 1, agree=False, answer="病历写明已走")
    with pytest.raises(Conflict, match="决定过"):
        decide_take_back(late.context, APPROVER, NO, 1, agree=True)
    assert stands(late)
    assert ask_take_back(late.context, CASHIER, NO, "带来了证明") == 2
    with pytest.raises(NotFound):
        decide_take_back(late.context, OFFICER, NO, 3, agree=True)
    decide_take_back(late.context, OFFICER, NO, 2, agree=True)
    assert not stands(late)
    assert [one.state for one in beside(late.context, OFFICER, NO).take_backs] == ["refused", "agreed"]


@pytest.mark.parametrize("who", [OFFICER, actor(Role.AUDITOR), actor(Role.INSURANCE_CLERK)])
def test_only_the_counter_and_the_wards_ask(late: Hospital, who: Any) -> None:
    with pytest.raises(NotPermitted):
        ask_take_back(late.context, who, NO, "患者没有走")


@pytest.mark.parametrize("ground", ["", "  ", "长" * 201])
def test_it_is_asked_for_with_a_ground(late: Hospital, ground: str) -> None:
    with pytest.raises(MalformedInput):
        ask_take_back(late.context, CASHIER, NO, ground)


def test_what_the_hospitals_own_system_says_is_a_fact(late: Hospital) -> None:
    ask_take_back(late.context, CASHIER, NO, "患者没有走")
    said = raw("A13", visit=NO, at="20260122083000", admitted="20260110080000")
    take_hl7(late.context, feed(INSTITUTION, "mllp"), said, "mllp")
    assert not stands(late)
    with pytest.raises(NotFound):
        decide_take_back(late.context, OFFICER, NO, 1, agree=True)
    assert late_list(late.context, OFFICER, "take_backs", 1).counts["take_backs"] == 0
    assert tasks_of(late, OFFICER) == []


@pytest.mark.parametrize("row", [f"取消出院,{NO},2026-01-19 09:00,", f"出院,{NO},2026-01-21 09:00,2026-01-21 09:00"])
def test_a_table_that_somebody_takes_in_ends_no_late_discharge(late: Hospital, tmp_path: Path, row: str) -> None:
    path = tmp_path / "visits.csv"
    path.write_text(f"事件,住院号,发生时间,出院时间\n{row}\n", "utf-8")
    done = take_visit_file(late.context, OFFICER, path)
    assert (done.applied, len(done.rejected)) == (0, 1)
    assert "一个人不能取消" in done.rejected[0].message
    assert stands(late)


def tasks_of(hospital: Hospital, who: Any) -> list[int]:
    return [task.pile.count for task in tasks(hospital.context, who) if task.kind == "take_back"]


def test_it_waits_at_home_and_in_the_list_for_somebody_else(late: Hospital) -> None:
    ask_take_back(late.context, CASHIER, NO, "患者没有走")
    assert [tasks_of(late, who) for who in (OFFICER, APPROVER, CASHIER)] == [[1], [1], []]
    listed = late_list(late.context, OFFICER, "take_backs", 1)
    assert [(one.stay_no, one.ground, one.asked_by) for one in listed.rows] == [(NO, "患者没有走", "cashier-1")]
    assert late_list(late.context, OFFICER, "open", 1).rows[0].ground == ""
    decide_take_back(late.context, OFFICER, NO, 1, agree=True)
    assert tasks_of(late, APPROVER) == []


@pytest.mark.clause("guizhou-deposit-2025/19")
def test_taking_back_improves_no_share(late: Hospital, clock: FixedClock) -> None:
    def whole() -> tuple[Any, ...]:
        report = read_report(late.context, OFFICER, "2026-01", "2026-01")
        line = report.whole
        assert [sum(one.late for one in lines) for lines in report.tables.values()] == [line.late] * 4
        return line.discharged, line.by_day, line.kept_day, line.by_target, line.late, report.taken_back

    assert whole() == (1, 1, 0, 1, 1, 0)
    ask_take_back(late.context, CASHIER, NO, "患者没有走")
    decide_take_back(late.context, OFFICER, NO, 1, agree=True)
    assert whole() == (1, 1, 0, 1, 1, 1)
    with late_file(late.context, OFFICER, "2026-01", "2026-01", "xlsx") as made:
        rows = CalamineWorkbook.from_filelike(io.BytesIO(made.read())).get_sheet_by_name("逾期明细").to_python()
    assert [(row[0], row[7], row[8]) for row in rows[1:]] == [(NO, "逾期后取消出院：患者没有走", "已取消")]
    clock.moment += timedelta(minutes=1)
    write_down(late.context, CASHIER, WrittenDown(NO, VisitEventKind.DISCHARGE, clock.moment))
    assert whole() == (2, 1, 0, 1, 1, 1)


def test_what_stands_again_at_the_same_moment_is_counted_once(late: Hospital, clock: FixedClock) -> None:
    ask_take_back(late.context, CASHIER, NO, "患者没有走")
    decide_take_back(late.context, OFFICER, NO, 1, agree=True)
    clock.moment += timedelta(minutes=1)
    at = datetime(2026, 1, 15, 9, 15, tzinfo=SHANGHAI)
    write_down(late.context, CASHIER, WrittenDown(NO, VisitEventKind.DISCHARGE, at))
    report = read_report(late.context, OFFICER, "2026-01", "2026-01")
    assert (report.whole.discharged, report.whole.late, report.taken_back) == (1, 1, 0)
    with pytest.raises(LateStands):  # what was agreed to once is used up
        cancel(late)


def test_of_eight_that_decide_at_once_one_does(late: Hospital) -> None:
    ask_take_back(late.context, CASHIER, NO, "患者没有走")

    def decide(number: int) -> bool:
        who = actor(Role.FINANCE_OFFICER, ("1", "2", "3", "9")[number % 4])
        try:
            decide_take_back(late.context, who, NO, 1, agree=number % 2 == 0, answer="x")
        except (Conflict, NotFound):
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(decide, range(8))) == 1


def test_a_fault_anywhere_leaves_all_or_nothing(
    late: Hospital, broken: Callable[[int, Callable[[], Any]], bool]
) -> None:
    ask_take_back(late.context, CASHIER, NO, "患者没有走")
    number = 1
    while not broken(number, lambda: decide_take_back(late.context, OFFICER, NO, 1, agree=True)):
        assert stands(late)
        assert [one.state for one in beside(late.context, OFFICER, NO).take_backs] == ["asked"]
        number += 1
    assert number > 3
    assert not stands(late)


AGREE = "UPDATE take_back SET state = 'agreed', decided_at = asked_at, decided_by = "


@pytest.mark.parametrize(
    "statement",
    [
        f"{AGREE}asked_by",
        f"{AGREE}' Cashier-1 '",
        f"{AGREE}'nobody'",
        "UPDATE take_back SET state = 'refused', decided_by = 'finance_officer-1', decided_at = asked_at",
        "UPDATE take_back SET ground = 'x'",
        "UPDATE take_back SET asked_by = 'x'",
        "DELETE FROM take_back",
        "INSERT INTO take_back SELECT institution_id, stay_no, discharged_at, 3, ground, asked_by, asked_at, 'asked',"
        " NULL, NULL, NULL FROM take_back",
        "INSERT INTO take_back SELECT institution_id, stay_no, discharged_at, 2, ground, asked_by, asked_at,"
        " 'agreed', 'finance_officer-1', asked_at, NULL FROM take_back",
        "UPDATE discharge SET ended_at = stage_since, ended_by = 'cancelled'",
    ],
)
def test_raw_sql_takes_nothing_back(late: Hospital, database: Database, statement: str) -> None:
    ask_take_back(late.context, CASHIER, NO, "患者没有走")
    if "UPDATE discharge" in statement:  # a moment at which nobody said anything
        statement = statement.replace("stage_since", "(SELECT asked_at FROM take_back)")
    with pytest.raises(sa.exc.DBAPIError), database.writing() as connection:
        connection.execute(sa.text(statement))
    assert stands(late)


@pytest.mark.parametrize("event", ["cancel_discharge", "cancel_admit", "discharge"])
def test_raw_sql_writes_no_message_by_hand_that_would(late: Hospital, database: Database, event: str) -> None:
    """Neither does a request to which nobody agreed let one through, nor one that another person agreed to."""
    insert = (
        "INSERT INTO visit_message (institution_id, message_id, source, sender, control_no, event, visit_no,"
        " occurred_at, sent_at, digest, facts_enc, state, reason_code, reason, received_at, received_by)"
        " SELECT institution_id, 'x', 'hand', 'cashier-1', '', :event, stay_no, asked_at, asked_at, 'x', 'x',"
        " 'applied', '', '', asked_at, :by FROM take_back"
    )
    ask_take_back(late.context, CASHIER, NO, "患者没有走")
    with pytest.raises(sa.exc.DBAPIError), database.writing() as connection:
        connection.execute(sa.text(insert), {"event": event, "by": "finance_officer-1"})
    with database.writing() as connection:
        connection.execute(sa.text(f"{AGREE}'finance_officer-1'"))
    with pytest.raises(sa.exc.DBAPIError), database.writing() as connection:
        connection.execute(sa.text(insert), {"event": event, "by": "cashier-1"})
    with database.writing() as connection:  # the very same moment and person
        connection.execute(sa.text(insert), {"event": event, "by": "finance_officer-1"})


def table(tmp_path: Path, *rows: str) -> Path:
    path = tmp_path / "events.csv"
    path.write_text("\n".join(("事件,住院号,发生时间,出院时间,出院医嘱时间,病区", *rows)) + "\n", "utf-8")
    return path


@pytest.mark.parametrize("event", ["转科", "入院", "变更"])
def test_an_order_from_after_the_discharge_gives_it_no_time(late: Hospital, tmp_path: Path, event: str) -> None:
    change_reading(late.context, OFFICER, "discharge_moment", NewChoice("discharge_order", "医务部会议"))
    rows = table(tmp_path, f"{event},{NO},2026-01-22 08:00,,2026-01-22 07:00,骨科")
    assert take_visit_file(late.context, OFFICER, rows).applied == 1
    assert str(found(late).records[0].row.due_on) == "2026-01-20"
    with pytest.raises(LateStands):
        cancel(late)


def test_nobody_alone_moves_a_late_discharge_to_a_later_order(late: Hospital, tmp_path: Path) -> None:
    change_reading(late.context, OFFICER, "discharge_moment", NewChoice("discharge_order", "医务部会议"))
    earlier = table(tmp_path, f"变更,{NO},2026-01-22 08:00,,2026-01-13 07:00,")
    assert take_visit_file(late.context, OFFICER, earlier).applied == 1
    assert str(found(late).records[0].row.due_on) == "2026-01-16"
    refused = take_visit_file(
        late.context, OFFICER, table(tmp_path, f"变更,{NO},2026-01-22 08:30,,2026-01-15 07:00,")
    )
    assert (refused.applied, "已经逾期" in refused.rejected[0].message) == (0, True)
    assert str(found(late).records[0].row.due_on) == "2026-01-16"


def test_a_backlog_tells_of_a_discharge_and_of_its_taking_back_at_once(
    hospital: Hospital, clock: FixedClock, tmp_path: Path
) -> None:
    clock.moment = datetime(2026, 1, 28, 9, 0, tzinfo=SHANGHAI)
    rows = table(
        tmp_path,
        f"入院,{NO},2026-01-12 08:00,,,",
        f"出院,{NO},2026-01-15 09:00,2026-01-15 09:00,,",
        f"取消出院,{NO},2026-01-15 11:00,,,",
        f"出院,{NO},2026-01-27 09:00,2026-01-27 09:00,,",
    )
    first = take_visit_file(hospital.context, OFFICER, rows)
    assert (first.applied, first.rejected) == (4, ())
    assert [one.row.ended_by for one in found(hospital).records] == [None, "cancelled"]
    again = take_visit_file(hospital.context, OFFICER, rows)
    assert (again.applied, again.known, again.rejected) == (0, 4, ())
    clock.moment = datetime(2026, 2, 4, 9, 0, tzinfo=SHANGHAI)  # what stands late isn't ended by a second one
    later = take_visit_file(hospital.context, OFFICER, table(tmp_path, f"取消出院,{NO},2026-01-27 11:00,,,"))
    assert (later.applied, len(later.rejected)) == (0, 1)


def test_the_next_discharge_has_a_way_of_leaving_of_its_own(hospital: Hospital, clock: FixedClock) -> None:
    hospital.admit(NO)
    write_down(hospital.context, CASHIER, WrittenDown(NO, VisitEventKind.DISCHARGE, clock.moment, disposition="5"))
    clock.moment += timedelta(minutes=1)
    cancel(hospital)
    clock.moment += timedelta(minutes=1)
    write_down(hospital.context, CASHIER, WrittenDown(NO, VisitEventKind.DISCHARGE, clock.moment))
    assert [one.row.disposition for one in found(hospital).records] == ["", "5"]
