"""Messages of visits end in one state of stays and discharges, whatever way and order they come in."""

from __future__ import annotations

import random
from datetime import date, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from hospital_prepay.clock import SHANGHAI, FixedClock
from hospital_prepay.domain.errors import Conflict
from hospital_prepay.domain.visits import VisitEventKind, VisitFacts
from hospital_prepay.services.publication.readings import NewChoice, change_reading
from hospital_prepay.services.settlement.intake import Outcome, Taken, feed, take_hl7, take_said
from tests.admissions import merge, raw
from tests.hospital import INSTITUTION, OFFICER, Hospital, require_named

FEED = feed(INSTITUTION, "mllp")


def take(hospital: Hospital, message: bytes) -> Taken:
    return take_hl7(hospital.context, FEED, message, "mllp")


def rows(hospital: Hospital, query: str) -> list[tuple[Any, ...]]:
    with hospital.context.database.reading() as connection:
        return [tuple(row) for row in connection.execute(sa.text(query))]


def board(hospital: Hospital) -> list[tuple[Any, ...]]:
    """Stays, discharges and their due days, as everybody sees them."""
    stays = "SELECT stay_no, patient_name, sex, bed, discharged_at, cancelled_at, ward FROM stay ORDER BY stay_no"
    discharges = (
        "SELECT stay_no, discharged_at, ended_at, ended_by, ward, insured_class, disposition, due_on, expected_on,"
        " target_at, stage FROM discharge ORDER BY stay_no, discharged_at"
    )
    return rows(hospital, stays) + rows(hospital, discharges)


def test_an_admission_registers_the_stay_with_its_cap(hospital: Hospital) -> None:
    assert take(hospital, raw("A01", at="20260115093000", admitted="20260115092000")) == Taken(
        Outcome.APPLIED, visit_no="Z2509001"
    )
    assert rows(hospital, "SELECT patient_name, ward, bed, patient_no FROM stay") == [
        ("石敏", "骨二病区", "12", "P1001")
    ]
    assert rows(hospital, "SELECT disease_code, insured_class, cap_fen FROM stay_cap") == [
        ("J15.900", "employee", 184000)
    ]
    require_named(hospital)


def test_a_discharge_starts_its_clocks(hospital: Hospital) -> None:
    take(hospital, raw("A03", at="20260115093000", discharged="20260115091500", admitted="20260110080000"))
    [(due, expected, target, stage)] = rows(hospital, "SELECT due_on, expected_on, target_at, stage FROM discharge")
    assert (str(due), str(expected), stage) == ("2026-01-20", "2026-01-20", "ward")
    assert str(target).startswith("2026-01-16")
    [(working_days, hours, version)] = rows(
        hospital, "SELECT working_days, target_hours, calendar_version FROM discharge_clock"
    )
    assert (working_days, hours, len(version)) == (3, 24, 64)


def test_the_same_bytes_are_taken_once(hospital: Hospital) -> None:
    message = raw("A01", at="20260115093000")
    assert [take(hospital, message).outcome for _ in range(3)] == [
        Outcome.APPLIED,
        Outcome.DUPLICATE,
        Outcome.DUPLICATE,
    ]
    assert hospital.count("visit_message") == 1


def a_day(of: str) -> list[bytes]:
    """A day's messages about three visits: one moves, is discharged, comes back and is discharged again; one was
    never admitted after all; of one nothing is known but that it came and went."""
    admitted, there = {"admitted": "20260112080000", "visit": f"{of}1"}, {"ward": "心内一病区"}
    one = {**admitted, "sex": "F", "patient": f"{of}P1"}
    two = {"visit": f"{of}2", "patient": f"{of}P2", "certificate": "", "insured": "390"}
    three = {"visit": f"{of}3", "patient": f"{of}P3", "certificate": "", "insured": "07", "disease": ""}
    return [
        raw("A01", at="20260112080000", **one),
        raw("A02", at="20260113090000", **one, **there),
        raw("A03", at="20260114093000", discharged="20260114092000", **one, **there),
        raw("A13", at="20260114100000", **one, **there),
        raw("A08", at="20260114103000", phone="13900001111", **one, **there),
        raw("A03", at="20260115080000", discharged="20260115075500", **one, **there),
        raw("A01", at="20260113110000", **two),
        raw("A11", at="20260113113000", **two),
        raw("A01", at="20260113120000", **three),
        raw("A03", at="20260114120000", **three),
        merge(f"{of}P3", f"{of}P1", at="20260114130000").encode(),
    ]


def board_of(hospital: Hospital, of: str) -> list[tuple[Any, ...]]:
    """What :func:`board` shows of one day's visits, with the numbers of that day left out."""
    found = [row for row in board(hospital) if str(row[0]).startswith(of)]
    return [tuple(str(cell).replace(of, "") for cell in row) for row in found]


def test_a_shuffled_day_with_doubles_and_late_resending_ends_in_the_same_board(hospital: Hospital) -> None:
    for message in a_day("X-"):
        take(hospital, message)
    in_order = board_of(hospital, "X-")
    assert len(in_order) == 3 + 3  # the admission that was called off is a stay without a discharge
    for seed in range(12):
        chance, messages = random.Random(seed), a_day(f"S{seed}-")
        lost = chance.sample(messages, 3)
        arriving = [*(one for one in messages if one not in lost), *chance.choices(messages, k=4)]
        chance.shuffle(arriving)
        for message in (*arriving, *lost):
            assert take(hospital, message).outcome in (Outcome.APPLIED, Outcome.DUPLICATE)
        assert sorted(board_of(hospital, f"S{seed}-")) == sorted(in_order), seed
    assert hospital.count("visit_message") == 13 * len(a_day(""))


def test_a_cancelled_discharge_keeps_its_history_and_the_next_one_has_clocks_of_its_own(hospital: Hospital) -> None:
    for message in a_day("Z")[:6]:
        take(hospital, message)
    told = rows(hospital, "SELECT due_on, ended_by FROM discharge ORDER BY 1")
    assert [(str(due), ended) for due, ended in told] == [("2026-01-19", "cancelled"), ("2026-01-20", None)]
    assert hospital.count("discharge_clock") == 2


def test_a_stay_registered_at_the_desk_is_followed(hospital: Hospital) -> None:
    hospital.admit("Z2509001")
    take(hospital, raw("A03", at="20260115093000", discharged="20260115091500", ward="骨三病区", insured=""))
    assert rows(hospital, "SELECT ward, discharged_at IS NOT NULL FROM stay") == [("骨三病区", 1)]
    assert rows(hospital, "SELECT ward, insured_class FROM discharge") == [("骨三病区", "resident")]


def test_an_unknown_insurance_registers_a_stay_in_which_nothing_may_be_collected_yet(hospital: Hospital) -> None:
    take(hospital, raw("A01", at="20260115093000", insured="07"))
    assert rows(hospital, "SELECT insured_class, circumstance, cap_fen FROM stay_cap") == [
        ("self_pay", "identity_unknown", None)
    ]
    take(hospital, raw("A08", at="20260115094000", insured="310"))
    assert rows(hospital, "SELECT insured_class, cap_fen FROM stay_cap ORDER BY version_no DESC LIMIT 1") == [
        ("employee", 184000)
    ]


def test_a_cap_that_stands_is_not_moved_by_a_message(hospital: Hospital) -> None:
    take(hospital, raw("A01", at="20260115093000"))
    take(hospital, raw("A08", at="20260115094000", disease="G00.900^细菌性脑膜炎"))
    assert hospital.count("stay_cap") == 1


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (b"not a message", "unreadable_message"),
        (raw("A03", visit=""), "message_incomplete"),
        (raw("A03", discharged="20251301"), "not_a_date"),
        (raw("A01", visit="住院 1"), "wrong_stay_number"),
        (raw("A01", admitted="20990101080000", at="20260115093000"), "not_yet"),
    ],
)
def test_what_cannot_be_used_stands_aside_with_its_reason(hospital: Hospital, message: bytes, code: str) -> None:
    taken = take(hospital, message)
    assert (taken.outcome, taken.reason_code) == (Outcome.QUARANTINED, code)
    assert take(hospital, message).outcome is Outcome.QUARANTINED  # once more: it stands there once
    [(state, reason_code, raw_enc)] = rows(hospital, "SELECT state, reason_code, raw_enc FROM visit_message")
    assert (state, reason_code) == ("quarantined", code)
    assert "石敏" not in raw_enc
    assert hospital.count("stay") == 0


def test_what_is_not_ours_leaves_no_trace(hospital: Hospital) -> None:
    assert take(hospital, raw("A04")).outcome is Outcome.IGNORED
    assert take(hospital, raw("A03", patient_class="O")).outcome is Outcome.IGNORED
    assert hospital.count("visit_message") == 0


def test_a_discharge_from_before_the_rules_has_no_due_day(hospital: Hospital) -> None:
    take(hospital, raw("A03", at="20250629120000", admitted="20250601080000", discharged="20250629110000"))
    assert rows(hospital, "SELECT due_on, expected_on, target_at, clock_no FROM discharge") == [(None, None, None, 1)]
    [(working_days,)] = rows(hospital, "SELECT working_days FROM discharge_clock")
    assert working_days is None


@pytest.mark.parametrize(
    ("discharged", "expected"), [("20261229100000", "2027-01-01"), ("20270104100000", "2027-01-07")]
)
def test_a_discharge_that_needs_an_unannounced_year_is_provisional(
    hospital: Hospital, clock: FixedClock, discharged: str, expected: str
) -> None:
    clock.moment = datetime(2027, 1, 5, tzinfo=SHANGHAI)
    take(hospital, raw("A03", at=discharged, discharged=discharged, admitted="20260112080000"))
    [(due, estimate)] = rows(hospital, "SELECT due_on, expected_on FROM discharge")
    assert (due, str(estimate)) == (None, expected)
    assert date.fromisoformat(str(estimate)).year == 2027


def test_certificate_and_phone_are_never_in_the_clear(hospital: Hospital) -> None:
    take(hospital, raw("A01", at="20260115093000"))
    for table in ("visit_message", "stay", "audit_event", "decision"):
        for row in rows(hospital, f"SELECT * FROM {table}"):
            assert "11010519491231002X" not in str(row)
            assert "13800006620" not in str(row)


def test_two_desks_registering_at_once_is_told_to_the_sender_and_nothing_is_kept(
    hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    hospital.admit("Z2509001")
    monkeypatch.setattr("hospital_prepay.persistence.discharges.lock_stay", lambda *_: None)
    with pytest.raises(Conflict):
        take(hospital, raw("A01", at="20260115093000"))
    assert hospital.count("visit_message") == 0


def test_where_the_order_starts_the_clock_a_late_order_sets_a_new_one(hospital: Hospital) -> None:
    words = NewChoice("discharge_order", "医务部 1 月 5 日会议")
    change_reading(hospital.context, OFFICER, "discharge_moment", words)
    take(hospital, raw("A03", at="20260115093000", discharged="20260115091500", admitted="20260110080000"))
    ordered = datetime(2026, 1, 14, 16, tzinfo=SHANGHAI)
    for _ in range(2):
        take_said(
            hospital.context,
            FEED,
            VisitEventKind.UPDATE,
            "Z2509001",
            datetime(2026, 1, 15, 9, 40, tzinfo=SHANGHAI),
            VisitFacts(discharge_ordered_at=ordered),
            "api",
        )
    told = rows(hospital, "SELECT due_on, cause FROM discharge_clock ORDER BY clock_no")
    assert [(str(due), cause) for due, cause in told] == [("2026-01-20", "discharged"), ("2026-01-19", "ordered")]
    [(due,)] = rows(hospital, "SELECT due_on FROM discharge")
    assert str(due) == "2026-01-19"


@pytest.mark.parametrize("moment", ["20900101000000", "99991231235959", "00010101000000"])
def test_what_is_still_to_happen_or_never_can_stands_aside(hospital: Hospital, moment: str) -> None:
    assert take(hospital, raw("A03", visit="F1", at=moment)).outcome is Outcome.QUARANTINED
    assert hospital.count("stay") == 0


def test_nothing_unseen_comes_with_a_message(hospital: Hospital) -> None:
    for sequence in ("", "9" * 25):
        unseen = raw("A01", visit="N1", name="吴\x00甲", ward="儿\\X00\\科", at="20260112080000", sequence=sequence)
        assert take(hospital, unseen).outcome is Outcome.APPLIED
    assert hospital.count("stay", "patient_name = '吴甲' AND ward = '儿科'") == 1


def test_many_diagnoses_cost_no_time(hospital: Hospital) -> None:
    line = b"DG1|%d||J15.900^\xe7\xbb\x86\xe8\x8f\x8c\xe6\x80\xa7\xe8\x82\xba\xe7\x82\x8e|||A\r"
    message = raw("A01", visit="D1", at="20260112080000") + b"".join(line % number for number in range(5000))
    assert take(hospital, message).outcome is Outcome.APPLIED


def test_a_merge_of_patients_carries_over_in_any_order(hospital: Hospital) -> None:
    def numbers() -> dict[str, str]:
        with hospital.context.database.reading() as connection:
            rows = connection.execute(sa.text("SELECT stay_no, patient_no FROM stay ORDER BY stay_no"))
            return {row.stay_no: row.patient_no for row in rows}

    take(hospital, raw("A01", visit="M1", patient="P1", at="20260112080000"))
    take(hospital, merge("P2", "P3", at="20260113080000").encode())
    take(hospital, merge("P1", "P2", at="20260112090000").encode())
    assert numbers() == {"M1": "P3"}
    take(hospital, raw("A01", visit="M2", patient="P1", at="20260112080000"))
    assert numbers() == {"M1": "P3", "M2": "P3"}
    take(hospital, merge("P1", "P9", at="20260114080000").encode())  # the newest word counts
    assert numbers() == {"M1": "P9", "M2": "P9"}
