"""When the windows are open, and what stands out about a claim."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, time

import pytest

from hospital_prepay.domain.rules.outpatient.alarms import AlarmFacts, AlarmKind, Hours, alarms, opening_hours


@pytest.mark.parametrize(
    ("posted", "begins", "ends", "every_day"),
    [
        ("", time(8), time(18), False),
        ("每天 8:00–18:00", time(8), time(18), True),
        ("工作日 8:30-12:00，14：30-17：30", time(8, 30), time(17, 30), False),
        ("周一至周五上午8点至下午17点", time(8), time(17), False),
        ("24 小时", time.min, time.max, False),
        ("每日 0:00-24:00", time(0), time.max, True),
        ("请看大厅公告", time(8), time(18), False),
    ],
)
def test_the_hours_that_are_posted_are_read(posted: str, begins: time, ends: time, every_day: bool) -> None:
    assert opening_hours(posted) == Hours(begins, ends, every_day)


@pytest.mark.parametrize(
    ("at", "working_day", "open_"),
    [
        ("07:59", True, False),
        ("08:00", True, True),
        ("18:00", True, True),
        ("18:01", True, False),
        ("10:00", False, False),
    ],
)
def test_both_ends_of_the_hours_are_open(at: str, working_day: bool, open_: bool) -> None:
    hours = Hours(time(8), time(18), every_day=False)
    assert hours.holds(datetime.fromisoformat(f"2026-01-15T{at}"), working_day=working_day) is open_


PAIR = AlarmFacts(maker="甲", reviewer="乙", pair_shared=18, pair_reviewed=20, reviewers=2)
MANY = AlarmFacts(maker="甲", that_day=20)


@pytest.mark.parametrize(
    ("facts", "kinds"),
    [
        (AlarmFacts(), []),
        (MANY, [AlarmKind.MANY]),
        (replace(MANY, that_day=19), []),
        (replace(MANY, usual_a_day=13.3), [AlarmKind.MANY]),
        (replace(MANY, usual_a_day=13.4), []),
        (PAIR, [AlarmKind.PAIR]),
        (replace(PAIR, pair_shared=17), []),
        (replace(PAIR, pair_shared=19, pair_reviewed=19), []),
        (replace(PAIR, reviewers=1), []),
        (AlarmFacts(same_card=("TF1",), staff_card=True), [AlarmKind.STAFF_CARD, AlarmKind.SAME_CARD]),
    ],
)
def test_what_stands_out_and_what_just_doesnt(facts: AlarmFacts, kinds: list[AlarmKind]) -> None:
    assert [one.kind for one in alarms(facts)] == kinds


def test_many_claims_on_one_card_are_named_three_and_counted() -> None:
    (one,) = alarms(AlarmFacts(same_card=("TF1", "TF2", "TF3", "TF4")))
    assert one.words.endswith("TF1、TF2、TF3 等 4 笔")
