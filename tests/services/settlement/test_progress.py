"""Who passes a discharge on to whom, and who may not; what the board then shows."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

import pytest
import sqlalchemy as sa

from hospital_prepay.clock import SHANGHAI, FixedClock
from hospital_prepay.domain.access import Role
from hospital_prepay.domain.calendar import AnnouncedYear
from hospital_prepay.domain.errors import Conflict, MalformedInput, NotFound, NotPermitted
from hospital_prepay.domain.rules.settlement.stages import DISCHARGE_STEPS, Stage
from hospital_prepay.domain.visits import VisitEventKind
from hospital_prepay.persistence.database import Database
from hospital_prepay.services.publication.holidays import import_year
from hospital_prepay.services.settlement.board import Bucket, Chosen, board, discharges_of
from hospital_prepay.services.settlement.by_hand import WrittenDown, write_down
from hospital_prepay.services.settlement.clock_keeping import recompute_clocks
from hospital_prepay.services.settlement.intake import feed, take_hl7
from hospital_prepay.services.settlement.progress import NotByHand, Seen, pass_on, pass_on_many, remark, send_back
from tests.admissions import raw
from tests.hospital import INSTITUTION, Hospital, actor

WARD, AUDIT, INSURANCE = actor(Role.WARD), actor(Role.BILLING_AUDITOR), actor(Role.INSURANCE_CLERK)
CASHIER, OFFICER = actor(Role.CASHIER), actor(Role.FINANCE_OFFICER)
NO = "Z2509001"


def discharge(hospital: Hospital, stay_no: str = NO, at: str = "20260115091500", **said: str) -> None:
    message = raw("A03", visit=stay_no, at=at, discharged=at, admitted="20260110080000", **said)
    take_hl7(hospital.context, feed(INSTITUTION, "mllp"), message, "mllp")


def stage(hospital: Hospital, stay_no: str = NO) -> tuple[str, int]:
    row = discharges_of(hospital.context, OFFICER, stay_no).records[0].row
    return row.stage, row.step_no


def test_a_discharge_goes_from_the_ward_to_the_cashier(hospital: Hospital) -> None:
    discharge(hospital)
    for step, who in enumerate((WARD, AUDIT, INSURANCE)):
        pass_on(hospital.context, who, Seen(NO, step))
    assert stage(hospital) == ("cashier", 3)
    record = discharges_of(hospital.context, OFFICER, NO).records[0]
    assert [(one.from_stage, one.to_stage, one.taken_by) for one in record.steps] == [
        ("ward", "audit", "ward-1"),
        ("audit", "insurance", "billing_auditor-1"),
        ("insurance", "cashier", "insurance_clerk-1"),
    ]
    with pytest.raises(NotByHand):
        pass_on(hospital.context, CASHIER, Seen(NO, 3))


def test_a_self_pay_patient_needs_no_insurance_office(hospital: Hospital) -> None:
    discharge(hospital, insured="自费")
    pass_on(hospital.context, WARD, Seen(NO, 0))
    assert pass_on(hospital.context, AUDIT, Seen(NO, 1)).to is Stage.CASHIER


@pytest.mark.parametrize(
    "who", [AUDIT, INSURANCE, CASHIER, OFFICER, actor(Role.AUDITOR), actor(Role.DEPARTMENT_HEAD)]
)
def test_nobody_does_another_ones_part(hospital: Hospital, who: object) -> None:
    discharge(hospital)
    with pytest.raises(NotPermitted):
        pass_on(hospital.context, who, Seen(NO, 0))  # type: ignore[arg-type]
    assert stage(hospital) == ("ward", 0)
    assert hospital.count("audit_event", "action = 'discharge.step' AND outcome = 'refused'") == 1


def test_it_is_sent_back_with_the_reason(hospital: Hospital) -> None:
    discharge(hospital)
    pass_on(hospital.context, WARD, Seen(NO, 0))
    with pytest.raises(MalformedInput):
        send_back(hospital.context, AUDIT, Seen(NO, 1), Stage.WARD, " ")
    with pytest.raises(Conflict):
        send_back(hospital.context, AUDIT, Seen(NO, 1), Stage.CASHIER, "向前不行")
    send_back(hospital.context, AUDIT, Seen(NO, 1), Stage.WARD, "出院医嘱没有停完")
    assert stage(hospital) == ("ward", 2)
    assert board(hospital.context, OFFICER, Chosen()).groups[0].rows[0].note == "出院医嘱没有停完"


def test_a_remark_says_what_it_waits_for_and_the_clock_runs_on(hospital: Hospital, clock: FixedClock) -> None:
    discharge(hospital)
    before = discharges_of(hospital.context, OFFICER, NO).records[0].row
    clock.moment += timedelta(hours=5)
    remark(hospital.context, OFFICER, Seen(NO, 0), "等病理报告")
    after = discharges_of(hospital.context, OFFICER, NO).records[0].row
    assert (after.note, after.stage_since, after.due_on) == ("等病理报告", before.stage_since, before.due_on)
    with pytest.raises(NotPermitted):
        remark(hospital.context, CASHIER, Seen(NO, 1), "不归收费")
    with pytest.raises(MalformedInput):
        remark(hospital.context, OFFICER, Seen(NO, 1), "长" * 201)


def test_of_two_at_once_one_is_told_that_the_other_was_first(hospital: Hospital) -> None:
    discharge(hospital)
    pass_on(hospital.context, WARD, Seen(NO, 0))
    with pytest.raises(Conflict):
        pass_on(hospital.context, WARD, Seen(NO, 0))
    assert stage(hospital) == ("audit", 1)


def test_of_many_passed_on_one_that_cannot_keeps_no_other_back(hospital: Hospital) -> None:
    discharge(hospital)
    discharge(hospital, "Z2", certificate="")
    passed = pass_on_many(hospital.context, WARD, [Seen(NO, 7), Seen("Z2", 0), Seen("Z404", 0)])
    assert [one.to for one in passed] == [None, Stage.AUDIT, None]
    assert all(one.problem for one in passed if one.to is None)


def test_a_cancelled_discharge_takes_no_step(hospital: Hospital) -> None:
    discharge(hospital)
    write_down(
        hospital.context, CASHIER, WrittenDown(NO, VisitEventKind.CANCEL_DISCHARGE, hospital.context.clock.now())
    )
    with pytest.raises(NotFound):
        pass_on(hospital.context, WARD, Seen(NO, 0))
    assert board(hospital.context, OFFICER, Chosen()).number == 0


def test_the_board_sorts_by_the_time_that_is_left(hospital: Hospital, clock: FixedClock) -> None:
    clock.moment = datetime(2026, 1, 16, 10, tzinfo=SHANGHAI)  # a Friday
    for number, day in enumerate(("12", "13", "14", "15", "16")):
        discharge(hospital, f"Z{number}", f"202601{day}080000", certificate="", ward=f"{number % 2}病区")
    discharge(hospital, "OLD", "20250629080000", certificate="", ward="旧病区")
    found = board(hospital.context, OFFICER, Chosen())
    assert [(one.bucket, [row.stay_no for row in one.rows]) for one in found.groups] == [
        (Bucket.LATE, ["Z0"]),
        (Bucket.TODAY, ["Z1"]),
        (Bucket.NEXT, ["Z2"]),
        (Bucket.LATER, ["Z3", "Z4"]),
        (Bucket.UNRULED, ["OLD"]),
    ]
    assert (found.number, found.wards) == (6, ("0病区", "1病区", "旧病区"))
    assert (found.stages[0].number, found.stages[0].pressing) == (6, 2)
    one_ward = board(hospital.context, OFFICER, Chosen(ward="1病区"))
    assert (one_ward.number, one_ward.counts[Bucket.TODAY]) == (2, 1)
    assert board(hospital.context, OFFICER, Chosen(insured_class="resident")).number == 0
    assert [row.stay_no for row in board(hospital.context, OFFICER, Chosen(Bucket.LATER)).groups[0].rows] == [
        "Z3",
        "Z4",
    ]


def test_a_discharge_by_hand_counts_like_a_message(hospital: Hospital, clock: FixedClock) -> None:
    hospital.admit(NO)
    at = hospital.context.clock.now() - timedelta(hours=2)
    command = WrittenDown(NO, VisitEventKind.DISCHARGE, at, disposition="4")
    write_down(hospital.context, WARD, command)
    row = discharges_of(hospital.context, OFFICER, NO).records[0].row
    assert (row.discharged_at, row.disposition, row.insured_class) == (at, "4", "resident")
    with pytest.raises(Conflict):
        write_down(hospital.context, WARD, command)
    clock.moment += timedelta(minutes=1)
    cancel = WrittenDown(NO, VisitEventKind.CANCEL_DISCHARGE, hospital.context.clock.now())
    write_down(hospital.context, CASHIER, cancel)
    clock.moment += timedelta(minutes=1)
    write_down(hospital.context, CASHIER, command)  # the same moment again
    assert [one.row.ended_at for one in discharges_of(hospital.context, OFFICER, NO).records] == [None]


@pytest.mark.parametrize(
    ("command", "error"),
    [
        (WrittenDown("NONE", VisitEventKind.DISCHARGE, datetime(2026, 1, 15, 9, tzinfo=SHANGHAI)), NotFound),
        (WrittenDown(NO, VisitEventKind.DISCHARGE, datetime(2026, 1, 15, 11, tzinfo=SHANGHAI)), MalformedInput),
        (WrittenDown(NO, VisitEventKind.DISCHARGE, datetime(2026, 1, 13, 9, tzinfo=SHANGHAI)), MalformedInput),
        (WrittenDown(NO, VisitEventKind.TRANSFER, datetime(2026, 1, 15, 9, tzinfo=SHANGHAI)), MalformedInput),
        (WrittenDown(NO, VisitEventKind.ADMIT, datetime(2026, 1, 15, 9, tzinfo=SHANGHAI)), MalformedInput),
        (WrittenDown(NO, VisitEventKind.CANCEL_DISCHARGE, datetime(2026, 1, 15, 9, tzinfo=SHANGHAI)), Conflict),
    ],
)
def test_what_cannot_have_happened_is_refused(
    hospital: Hospital, command: WrittenDown, error: type[Exception]
) -> None:
    hospital.admit(NO)
    with pytest.raises(error):
        write_down(hospital.context, CASHIER, command)
    with pytest.raises(NotPermitted):
        write_down(hospital.context, actor(Role.AUDITOR), command)
    assert hospital.count("discharge") == 0


@pytest.mark.clause("guizhou-deposit-2025/19")
def test_a_provisional_due_day_becomes_firm_with_the_notice_and_the_old_verdict_stays(
    hospital: Hospital, clock: FixedClock
) -> None:
    clock.moment = datetime(2026, 12, 30, tzinfo=SHANGHAI)
    discharge(hospital, at="20261229100000")
    discharge(hospital, "Z2", "20261228100000", certificate="")
    year = {f"2027-{day}": "元旦" for day in ("01-01", "01-02", "01-03", "05-01", "05-02", "10-01", "10-02", "10-03")}
    off = {datetime.fromisoformat(day).date(): name for day, name in year.items()}
    import_year(hospital.context, OFFICER, AnnouncedYear(2027, off, {}, "通知"), recompute_clocks)
    clocks = discharges_of(hospital.context, OFFICER, NO).records[0].clocks
    assert [(str(one.due_on), one.cause) for one in clocks] == [("None", "discharged"), ("2027-01-04", "calendar")]
    assert len({one.calendar_version for one in clocks}) == 2
    assert len(discharges_of(hospital.context, OFFICER, "Z2").records[0].clocks) == 1  # nothing changed for it


def test_the_database_walks_the_same_table(hospital: Hospital, database: Database) -> None:
    """Every pair of stages up to the cashier, the forbidden ones too, said to the database itself; what follows rests
    on a settlement: see test_settling.py."""
    for source in (Stage.WARD, Stage.AUDIT, Stage.INSURANCE, Stage.CASHIER):
        for target in Stage:
            stay_no = f"W-{source.value}-{target.value}"
            discharge(hospital, stay_no, certificate="")
            _put_at(database, stay_no, source)
            words = "x" if source is target else ""
            unsettled = target is not Stage.INVOICE
            allowed = unsettled and target.value in DISCHARGE_STEPS[source.value]
            if allowed:
                _step(database, stay_no, source, target, words)
            else:
                with pytest.raises(sa.exc.DBAPIError):
                    _step(database, stay_no, source, target, words)


_PATHS = {
    Stage.WARD: [],
    Stage.AUDIT: [Stage.WARD],
    Stage.INSURANCE: [Stage.WARD, Stage.AUDIT],
    Stage.CASHIER: [Stage.WARD, Stage.AUDIT],
}


def _put_at(database: Database, stay_no: str, stage: Stage) -> None:
    path = [*_PATHS[stage], stage]
    for source, target in pairwise(path):
        _step(database, stay_no, source, target, "")


def _step(database: Database, stay_no: str, source: Stage, target: Stage, note: str) -> None:
    with database.writing() as connection:
        found = connection.execute(
            sa.text("SELECT step_no, discharged_at, stage_since FROM discharge WHERE stay_no = :no"), {"no": stay_no}
        ).one()
        since = found.stage_since if source is target else found.discharged_at
        values = {"no": stay_no, "step": found.step_no + 1, "from": source.value, "to": target.value, "note": note}
        connection.execute(
            sa.text(
                "INSERT INTO discharge_step SELECT institution_id, stay_no, discharged_at, :step, :from, :to, :note,"
                " 'x', discharged_at FROM discharge WHERE stay_no = :no"
            ),
            values,
        )
        connection.execute(
            sa.text(
                "UPDATE discharge SET stage = :to, step_no = :step, note = :note, stage_since = :since"
                " WHERE stay_no = :no"
            ),
            {**values, "since": since},
        )


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE discharge SET stage = 'done'",
        "UPDATE discharge SET note = 'x'",
        "UPDATE discharge SET due_on = '2099-12-31', expected_on = '2099-12-31'",
        "UPDATE discharge SET clock_no = clock_no + 1",
        "UPDATE discharge SET discharged_at = ended_at",
        "UPDATE discharge_clock SET due_on = '2099-12-31', expected_on = '2099-12-31'",
        "DELETE FROM discharge_clock",
        "DELETE FROM discharge_step",
        "DELETE FROM discharge",
        "DELETE FROM visit_message",
        "UPDATE visit_message SET state = 'dropped', decided_by = 'x', decided_at = received_at",
        "UPDATE stay SET admitted_at = registered_at",
        "UPDATE stay SET patient_name = '别人' WHERE stay_no = 'DESK'",
    ],
)
def test_raw_sql_cannot_move_a_clock_or_a_step(hospital: Hospital, owner_database: Database, statement: str) -> None:
    discharge(hospital)
    pass_on(hospital.context, WARD, Seen(NO, 0))
    hospital.admit("DESK")
    with pytest.raises(sa.exc.DBAPIError), owner_database.writing() as connection:
        connection.execute(sa.text(statement))
