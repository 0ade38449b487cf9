"""How soon discharges were settled: every figure of the report by hand, and that no excuse moves one."""

from __future__ import annotations

import io
from datetime import datetime

import pytest
from python_calamine import CalamineWorkbook

from hospital_prepay.clock import SHANGHAI, FixedClock
from hospital_prepay.domain.access import Role
from hospital_prepay.domain.errors import MalformedInput, NotPermitted
from hospital_prepay.domain.rules.settlement.lateness import LateReason
from hospital_prepay.domain.rules.settlement.settling import Channel
from hospital_prepay.domain.visits import VisitEventKind
from hospital_prepay.services.publication.readings import NewChoice, change_reading
from hospital_prepay.services.settlement.by_hand import WrittenDown, write_down
from hospital_prepay.services.settlement.lateness import WriteReason, decide_excuse, late_list, write_reason
from hospital_prepay.services.settlement.recalls import ask_recall, decide_recall
from hospital_prepay.services.settlement.reports import Report, late_file, read_report, report_file, share_words
from hospital_prepay.services.settlement.wall import read_wall
from tests.hospital import APPROVER, CASHIER, OFFICER, Hospital, actor
from tests.settled import discharged, settled

WARD, AUDIT = actor(Role.WARD), actor(Role.BILLING_AUDITOR)


def at(day: int, hour: int = 9, month: int = 1, minute: int = 0) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=SHANGHAI)


@pytest.fixture
def lived(hospital: Hospital, clock: FixedClock) -> Hospital:
    """January, seen on the 22nd in the morning.

    A: 23 hours; B: 24 hours and a minute, in time; C: on its due day, the 14th, at 23:30; D: the day after, late;
    E: open and late; F: open, in time, behind its 24 hours; G: of today; X: taken back; P: of December.
    """
    context = hospital.context
    settled(context, clock, "P", datetime(2025, 12, 31, 23, 30, tzinfo=SHANGHAI), 2, ward="儿科")
    settled(context, clock, "A", at(5), 23, channel=Channel.BEDSIDE, insured="自费", people=(WARD, AUDIT))
    settled(context, clock, "B", at(5), 24 + 1 / 60, channel=Channel.ONLINE, ward="儿科")
    settled(context, clock, "C", at(9), 5 * 24 + 14.5)
    settled(context, clock, "D", at(9), 6 * 24)
    discharged(context, clock, "E", at(13), ward="儿科")
    discharged(context, clock, "X", at(13, 10))
    clock.moment = at(13, 12)
    write_down(context, CASHIER, WrittenDown("X", VisitEventKind.CANCEL_DISCHARGE, at(13, 11)))
    discharged(context, clock, "F", at(20))
    discharged(context, clock, "G", at(22, 8))
    clock.moment = at(22, 10)
    return hospital


def report(hospital: Hospital) -> Report:
    return read_report(hospital.context, OFFICER, "2026-01", "2026-01")


@pytest.mark.clause("guizhou-deposit-2025/19")
def test_the_shares_of_a_month(lived: Hospital) -> None:
    whole = report(lived).whole
    assert (whole.discharged, whole.unruled, whole.provisional) == (7, 0, 0)
    assert (whole.kept_day, whole.by_day, whole.day_share) == (3, 5, "60.0%")  # A B C of A B C D E
    assert (whole.kept_target, whole.by_target, whole.target_share) == (1, 6, "16.6%")  # F is behind its target too
    assert whole.late == 2


def test_the_same_by_month_ward_class_and_channel(lived: Hospital) -> None:
    found = read_report(lived.context, OFFICER, "2025-12", "2026-01").tables
    told = {
        title: [(one.label, one.discharged, one.kept_day, one.late) for one in lines]
        for title, lines in found.items()
    }
    assert told == {
        "按出院月份": [("2026-01", 7, 3, 2), ("2025-12", 1, 1, 0)],
        "按病区": [("儿科", 3, 2, 1), ("骨二病区", 5, 2, 1)],
        "按参保类型": [("职工医保", 7, 3, 2), ("自费", 1, 1, 0)],
        "按结算渠道": [("床旁", 1, 1, 0), ("线上", 1, 1, 0), ("窗口", 3, 2, 1), ("还没有结算", 3, 0, 1)],
    }


def test_how_long_it_took(lived: Hospital) -> None:
    found = dict(report(lived).hours)
    assert {label: number for label, number in found.items() if number} == {
        "12 小时到 24 小时": 1,
        "24 小时到 2 天": 1,
        "3 天到 7 天": 2,
    }


@pytest.mark.clause("guizhou-deposit-2025/19", "guizhou-deposit-2025/25")
def test_an_excuse_is_counted_apart_and_changes_no_share(lived: Hospital) -> None:
    before = report(lived)
    assert (before.explained, before.excused, before.reasons) == (0, 0, ())
    unexplained = late_list(lived.context, OFFICER, "unexplained", 1)
    assert [one.stay_no for one in unexplained.rows] == ["D"]
    change_reading(lived.context, OFFICER, "occasional_share", NewChoice("100", "试"))
    for number, reason in enumerate((LateReason.INSURANCE_DOWN, LateReason.OWN_STAFF), 1):
        command = WriteReason("D", reason, "停机", f"key-{number:06}", asks_excuse=number == 1)
        write_reason(lived.context, WARD, command)
    asked = report(lived)
    assert (asked.explained, asked.excused) == (1, 0)
    decide_excuse(lived.context, APPROVER, "D", 1, accept=True)
    after = report(lived)
    assert (after.whole, after.tables, after.hours) == (before.whole, before.tables, before.hours)
    assert (after.explained, after.excused) == (1, 1)
    assert [(one.side, one.number, one.accepted) for one in after.reasons] == [("第三方", 1, 1), ("本院", 1, 0)]
    assert late_list(lived.context, OFFICER, "unexplained", 1).rows == ()


def test_what_was_recalled_is_not_settled(lived: Hospital) -> None:
    ask_recall(lived.context, CASHIER, "A", 1, "改项目")
    decide_recall(lived.context, OFFICER, "A", 1, approve=True)
    whole = report(lived).whole
    assert (whole.kept_day, whole.by_day, whole.late) == (2, 5, 3)


def test_an_estimated_due_day_is_said(lived: Hospital, clock: FixedClock) -> None:
    settled(lived.context, clock, "N", at(30, month=12), 2)
    found = read_report(lived.context, OFFICER, "2026-12", "2026-12").whole
    assert (found.by_day, found.kept_day, found.provisional, found.late) == (1, 1, 1, 0)


@pytest.mark.parametrize(
    ("part", "whole", "words"), [(0, 0, "—"), (1, 3, "33.3%"), (1999, 2000, "99.9%"), (2, 2, "100.0%")]
)
def test_a_share_is_rounded_down(part: int, whole: int, words: str) -> None:
    assert share_words(part, whole) == words


@pytest.mark.parametrize(
    ("first", "last"), [("2026-02", "2026-01"), ("2023-01", "2026-01"), ("x", ""), ("", "2026-13")]
)
def test_months_that_are_none_are_refused(hospital: Hospital, first: str, last: str) -> None:
    with pytest.raises(MalformedInput):
        read_report(hospital.context, OFFICER, first, last)
    with pytest.raises(NotPermitted):
        read_report(hospital.context, actor(Role.SYSTEM_ADMINISTRATOR))


def test_files_hold_what_the_page_says(lived: Hospital) -> None:
    with report_file(lived.context, OFFICER, "2026-01", "2026-01", "xlsx") as made:
        rows = CalamineWorkbook.from_filelike(io.BytesIO(made.read())).get_sheet_by_name("及时率").to_python()
    assert rows[1][:6] == ["按出院月份", "2026-01", 7, 5, 3, "60.0%"]
    assert rows[-1][0] == "合计"
    with late_file(lived.context, OFFICER, "2026-01", "2026-01", "xlsx") as made:
        rows = CalamineWorkbook.from_filelike(io.BytesIO(made.read())).get_sheet_by_name("逾期明细").to_python()
    assert [(row[0], row[5], row[8]) for row in rows[1:]] == [
        ("D", "2026-01-15 09:00", "没写原因"),
        ("E", "没有结算", "没写原因"),
    ]
    for make in (report_file, late_file):
        with make(lived.context, OFFICER, "2026-01", "2026-01", "pdf") as made:
            assert made.read(5) == b"%PDF-"


def test_the_wall_shows_the_most_urgent_and_the_month(lived: Hospital) -> None:
    found = read_wall(lived.context, OFFICER)
    assert [row.stay_no for row in found.urgent] == ["E", "F", "G"]
    assert (found.month.label, found.month.day_share, found.month.discharged) == ("2026-01", "60.0%", 7)
