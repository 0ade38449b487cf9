"""Whatever order people close and withdraw in, a duty stands as the last word of a plain model says."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

from hypothesis import given
from hypothesis import strategies as st

from hospital_prepay.domain.calendar import calendar_of
from hospital_prepay.domain.rules.fund.duty_items import items_of_year
from hospital_prepay.domain.rules.fund.duty_states import (
    Closure,
    DutyState,
    GrantFact,
    books_say,
    reminder_stage,
    standing,
)
from hospital_prepay.persistence.fund_duties import StepRow, live
from hospital_prepay.rulebook.holidays import announced_years
from hospital_prepay.rulebook.loader import load_rulebook

CALENDAR = calendar_of(announced_years().values())
ITEMS = [
    one
    for name in load_rulebook().regimes
    for one in items_of_year(load_rulebook().regime(name, 2026), 2026, CALENDAR, ("x",))
]
ACTS = st.lists(st.sampled_from(["done", "not_applicable", "withdrawn"]), max_size=12)
DAYS = st.dates(date(2025, 6, 1), date(2027, 6, 30))


@given(ACTS)
def test_the_last_step_that_was_in_turn_is_the_state(acts: list[str]) -> None:
    rows: list[StepRow] = []
    model = ""
    for act in acts:
        if (act == "withdrawn") is bool(model):  # the others are refused: see tests/db
            rows.append(StepRow("k", len(rows) + 1, act, None, "x", None, "a", datetime(2026, 1, 1, tzinfo=UTC)))
            model = "" if act == "withdrawn" else act
    found = live(rows).get("k")
    assert (found.kind if found else "") == model


@given(
    st.sampled_from(ITEMS),
    DAYS,
    st.one_of(st.none(), DAYS),
    st.lists(st.tuples(st.booleans(), st.booleans(), DAYS, st.integers(1, 10**9)), max_size=3),
)
def test_a_state_always_agrees_with_the_day_and_with_what_is_owed(
    item: object, today: date, said: date | None, given_grants: list[tuple[bool, bool, date, int]]
) -> None:
    one = replace(item)  # type: ignore[type-var]
    year = one.year - 1 if one.name == "net" else one.year
    grants = [
        GrantFact(
            grant_id=str(number),
            regime=one.regime,
            pool_region="x",
            fund="employee",
            year=year,
            declined=False,
            applied_on=day,
            received_on=day if arrived else None,
            owed_fen=fen if arrived and not cleared else 0,
            cleared_on=day if arrived and cleared else None,
        )
        for number, (arrived, cleared, day, fen) in enumerate(given_grants)
    ]
    closure = None if said is None else Closure(said, "x")
    found = standing(one, books_say(one, grants), closure, CALENDAR, today)
    if one.name in ("clear", "give_back", "net") and sum(grant.owed_fen for grant in grants):
        assert found.state not in (DutyState.DONE, DutyState.NOT_APPLICABLE)
        assert found.owed_fen == sum(grant.owed_fen for grant in grants)
    if found.state is DutyState.OVERDUE:
        assert one.due_on is not None
        assert today > one.due_on
        assert found.is_ours
        assert reminder_stage(found) == f"late-{(today - one.due_on).days}"
    if found.state is DutyState.DONE:
        assert found.done_on is not None
        assert found.late is (None if one.due_on is None else found.done_on > one.due_on)
        assert reminder_stage(found) is None
    if not found.is_ours:
        assert reminder_stage(found) is None
