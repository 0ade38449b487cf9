"""A day's messages end in the same visits however they are shuffled, doubled, lost and sent again."""

from __future__ import annotations

import random
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hospital_prepay.domain.visits import (
    Ended,
    PatientMerge,
    VisitEvent,
    VisitEventKind,
    VisitFacts,
    merged_into,
    visit_of,
)

SHANGHAI = timezone(timedelta(hours=8))
START = datetime(2025, 9, 29, 8, tzinfo=SHANGHAI)
KINDS = [kind for kind in VisitEventKind if kind is not VisitEventKind.MERGE]


def minutes(number: int) -> datetime:
    return START + timedelta(minutes=number)


@st.composite
def days(draw: st.DrawFn) -> list[VisitEvent]:
    """Any events at all of one visit, many at the same minute."""
    events = []
    for at in range(draw(st.integers(1, 9))):
        moment = minutes(draw(st.integers(0, 6)))
        facts = VisitFacts(
            ward=draw(st.none() | st.sampled_from(["骨二病区", "心内一病区"])),
            name=draw(st.none() | st.just("石敏")),
            discharged_at=draw(st.none() | st.integers(0, 3).map(minutes)),
            no_discharge=draw(st.booleans()),
        )
        events.append(VisitEvent(draw(st.sampled_from(KINDS)), "Z1", moment, moment, f"{at:02d}", facts))
    return events


@given(days(), st.randoms(use_true_random=False), st.data())
def test_order_and_number_of_messages_make_no_difference(
    events: list[VisitEvent], chance: random.Random, data: Any
) -> None:
    again = data.draw(st.lists(st.sampled_from(events)))
    lost = data.draw(st.lists(st.sampled_from(events)))
    arrived = [one for one in events if one not in lost] + again + lost  # what was lost is sent again
    chance.shuffle(arrived)
    assert visit_of(arrived) == visit_of(events)


@given(days())
def test_a_discharge_once_spoken_of_is_never_forgotten_and_one_stands_at_most(events: list[VisitEvent]) -> None:
    spoken: set[datetime] = set()
    for count in range(1, len(events) + 1):
        visit = visit_of(events[:count])
        moments = {one.discharged_at for one in visit.discharges}
        assert spoken <= moments
        spoken = moments
        assert sum(one.ended_at is None for one in visit.discharges) <= 1
        standing = visit.standing
        assert visit.facts.discharged_at == (standing and standing.discharged_at)


def snapshot(kind: VisitEventKind, at: int, ward: str, **more: Any) -> VisitEvent:
    facts = VisitFacts(name="石敏", ward=ward, insured="310", admitted_at=minutes(0), **more)
    return VisitEvent(kind, "Z1", minutes(at), minutes(at), f"{kind}{at}", facts)


STAY = [
    snapshot(VisitEventKind.ADMIT, 0, "骨二病区"),
    snapshot(VisitEventKind.TRANSFER, 10, "心内一病区"),
    snapshot(VisitEventKind.UPDATE, 20, "心内一病区", disease_code="I21.900"),
    snapshot(VisitEventKind.DISCHARGE, 30, "心内一病区", disease_code="I21.900", discharged_at=minutes(29)),
]


@pytest.mark.parametrize("lost", range(3))
def test_a_lost_message_is_healed_by_the_next_one(lost: int) -> None:
    left = [one for at, one in enumerate(STAY) if at != lost]
    healed, whole = visit_of(left), visit_of(STAY)
    assert (healed.facts, healed.discharges) == (whole.facts, whole.discharges)
    assert healed.admission_seen == (lost != 0)


def test_an_update_tells_of_a_discharge_whose_message_was_lost() -> None:
    told = snapshot(VisitEventKind.UPDATE, 40, "心内一病区", discharged_at=minutes(29))
    assert visit_of([*STAY[:3], told]).discharges == visit_of(STAY).discharges


def test_an_update_from_before_the_cancelling_brings_no_discharge_back() -> None:
    cancelled = snapshot(VisitEventKind.CANCEL_DISCHARGE, 50, "心内一病区")
    stale = snapshot(VisitEventKind.UPDATE, 60, "心内一病区", discharged_at=minutes(29))
    visit = visit_of([*STAY, cancelled, stale])
    assert visit.standing is None
    assert [(one.discharged_at, one.ended_at, one.ended_by) for one in visit.discharges] == [
        (minutes(29), minutes(50), Ended.CANCELLED)
    ]


def test_a_cancelled_discharge_rewinds_and_a_second_one_stands_beside_it() -> None:
    cancelled = snapshot(VisitEventKind.CANCEL_DISCHARGE, 50, "心内一病区")
    again = snapshot(VisitEventKind.DISCHARGE, 90, "心内一病区", discharged_at=minutes(88))
    visit = visit_of([*STAY, cancelled, again])
    assert [(one.discharged_at, one.ended_by) for one in visit.discharges] == [
        (minutes(29), Ended.CANCELLED),
        (minutes(88), None),
    ]


def test_a_corrected_moment_of_discharge_replaces_the_one_before() -> None:
    corrected = snapshot(VisitEventKind.DISCHARGE, 35, "心内一病区", discharged_at=minutes(25))
    visit = visit_of([*STAY, corrected])
    assert [(one.discharged_at, one.ended_by) for one in visit.discharges] == [
        (minutes(25), None),
        (minutes(29), Ended.CORRECTED),
    ]


def test_a_cancelled_admission_ends_everything_until_it_is_admitted_again() -> None:
    cancelled = visit_of([*STAY, snapshot(VisitEventKind.CANCEL_ADMIT, 50, "心内一病区")])
    assert (cancelled.cancelled_at, cancelled.standing) == (minutes(50), None)
    assert [one.ended_by for one in cancelled.discharges] == [Ended.ADMISSION_CANCELLED]
    back = snapshot(VisitEventKind.ADMIT, 60, "骨二病区")
    again = visit_of([*STAY, snapshot(VisitEventKind.CANCEL_ADMIT, 50, "心内一病区"), back])
    assert (again.cancelled_at, again.facts.ward) == (None, "骨二病区")


@given(
    st.lists(st.tuples(st.sampled_from("ABCD"), st.sampled_from("ABCD"), st.integers(0, 5)), max_size=8),
    st.randoms(use_true_random=False),
)
def test_merges_lead_to_one_number_in_whatever_order_they_come(
    told: list[tuple[str, str, int]], chance: random.Random
) -> None:
    merges = [PatientMerge(a, b, minutes(at), f"{number}") for number, (a, b, at) in enumerate(told)]
    into = merged_into(merges)
    assert all(into.get(end, end) == end for end in into.values())
    shuffled = [*merges, *merges[:3]]
    chance.shuffle(shuffled)
    assert merged_into(shuffled) == into


def test_merges_are_followed_to_the_end() -> None:
    chain = [PatientMerge("A", "B", minutes(0), "1"), PatientMerge("B", "C", minutes(1), "2")]
    assert dict(merged_into(chain)) == {"A": "C", "B": "C"}
    back = PatientMerge("C", "A", minutes(2), "3")
    assert set(merged_into([*chain, back]).values()) == {"A"}
