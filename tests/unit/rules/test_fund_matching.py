"""Items of three papers find each other: the same answer whatever the order, each item once, to the fen."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hospital_prepay.domain.rules.fund.matching import By, Hand, Outcome, Pairing, age_band, match
from hospital_prepay.domain.rules.fund.movements import (
    Event,
    Leg,
    Line,
    Movement,
    OwedChange,
    Side,
    counts_for_the_fund,
    legs_of,
)
from hospital_prepay.domain.rules.fund.period import Closing, digest, is_zero, sums

DAY = date(2026, 3, 10)


def leg(key: str = "a", fen: int = -500, **changes: object) -> Leg:
    given_: dict[str, object] = {
        "key": key,
        "side": Side.BANK,
        "event": Event.PAYMENT,
        "entry_no": 1,
        "day": DAY,
        "amount_fen": fen,
        "summary": "付货款",
        "reference": "",
        "payee": "",
        "fund": "",
    }
    return Leg(**{**given_, **changes})  # type: ignore[arg-type]


def line(key: str = "x", fen: int = -500, **changes: object) -> Line:
    given_: dict[str, object] = {"key": key, "side": Side.BANK, "day": DAY, "amount_fen": fen}
    return Line(**{**given_, **changes})  # type: ignore[arg-type]


def only(legs: list[Leg], lines: list[Line], *hands: Hand) -> Pairing:
    [found] = match(legs, lines, hands)
    return found


def outcomes(legs: list[Leg], lines: list[Line], *hands: Hand) -> list[tuple[str, str, str]]:
    return [
        (one.outcome.value, ",".join(x.key for x in one.ours), ",".join(x.key for x in one.theirs))
        for one in match(legs, lines, hands)
    ]


def test_a_reference_finds_its_line_however_it_was_typed_and_long_after() -> None:
    found = only([leg(reference="HD-2026 01")], [line(reference="ｈｄ202601", day=DAY + timedelta(days=40))])
    assert (found.outcome, found.by) == (Outcome.MATCHED, By.REFERENCE)


def test_a_reference_with_another_amount_differs_to_the_fen() -> None:
    found = only([leg(fen=-50000, reference="B1")], [line(fen=-49999, reference="B1")])
    assert found.outcome is Outcome.AMOUNT_DIFFERS
    assert found.difference_fen == 1


def test_the_same_reference_in_the_other_direction_is_the_return_of_a_payment() -> None:
    found = outcomes([leg(reference="B1")], [line(fen=500, reference="B1")])
    assert found == [("only_ours", "a", ""), ("only_bank", "", "x")]


@pytest.mark.parametrize(("days", "outcome"), [(-3, "matched"), (3, "matched"), (4, "only_ours"), (-4, "only_bank")])
def test_amount_and_payee_match_within_three_days(days: int, outcome: str) -> None:
    named = {"payee": "浙药 医药（集团）有限公司"}
    found = outcomes([leg(**named)], [line(day=DAY + timedelta(days=days), payee="浙药医药(集团)有限公司")])
    assert found[0][0] == outcome


def test_another_payee_is_another_payment_and_an_unknown_one_may_be_the_same() -> None:
    assert outcomes([leg(payee="甲")], [line(payee="乙")])[0][0] == "only_ours"
    assert only([leg(payee="甲")], [line()]).by is By.AMOUNT_AND_DAY


def test_what_bears_the_reference_but_names_another_payee_waits_for_a_person() -> None:
    ours = [leg(reference="HD-77", payee="黔药医药有限公司")]
    theirs = [line(reference="HD-77", payee="某某建筑工程有限公司", counts=False)]
    assert outcomes(ours, theirs) == [("only_ours", "a", ""), ("only_bank", "", "x")]
    assert only(ours, theirs, Hand("m", True, ("a",), ("x",))).outcome is Outcome.MATCHED


@pytest.mark.parametrize("other", [{"fen": -499}, {"day": DAY + timedelta(days=40)}])
def test_a_line_with_our_reference_is_never_left_out(other: dict[str, object]) -> None:
    theirs = [line(reference="HD-77", payee="乙", counts=False, **other)]
    assert ("only_bank", "", "x") in outcomes([leg(reference="HD-77", payee="甲")], theirs)


def test_the_named_payee_and_the_nearer_day_come_first() -> None:
    legs = [leg("a", payee="甲"), leg("b", day=DAY + timedelta(days=1))]
    lines = [line("x", day=DAY + timedelta(days=1)), line("y", payee="甲", day=DAY + timedelta(days=2))]
    assert outcomes(legs, lines) == [("matched", "a", "y"), ("matched", "b", "x")]


def test_of_equal_lines_the_nearer_day_is_taken_and_then_the_lower_key() -> None:
    lines = [line("a", day=DAY - timedelta(days=2)), line("z", day=DAY + timedelta(days=1))]
    assert ("matched", "a", "z") in outcomes([leg()], lines)
    assert ("matched", "a", "k") in outcomes([leg()], [line("m"), line("k")])


def test_a_reference_goes_before_a_nearer_line_of_the_same_amount() -> None:
    lines = [line("near"), line("far", reference="B1", day=DAY + timedelta(days=9), fen=-501)]
    assert ("amount_differs", "a", "far") in outcomes([leg(reference="B1")], lines)


def test_a_line_that_does_not_count_is_left_out_unless_it_matches() -> None:
    assert outcomes([], [line(counts=False)]) == []
    assert outcomes([leg()], [line(counts=False)])[0][0] == "matched"


def test_a_line_whose_amount_and_day_fit_something_open_counts_by_itself() -> None:
    ours = [leg(payee="医保中心")]
    near = line("x", payee="财政零余额账户", counts=False)
    assert [one[0] for one in outcomes(ours, [near])] == ["only_ours", "only_bank"]
    far = line("x", payee="财政零余额账户", counts=False, day=DAY + timedelta(days=4))
    assert [one[0] for one in outcomes(ours, [far])] == ["only_ours"]
    taken = line("y", payee="医保中心")
    assert [one[0] for one in outcomes(ours, [near, taken])] == ["matched"]


def test_the_agency_speaks_of_events_funds_and_months() -> None:
    ours = leg(side=Side.AGENCY, event=Event.OFFSET, fen=900, fund="employee")
    theirs = line(side=Side.AGENCY, event=Event.OFFSET, fen=900, fund="employee", day=date(2026, 3, 31))
    assert only([ours], [theirs]).outcome is Outcome.MATCHED
    for change in ({"event": Event.RETURN}, {"fund": "resident"}, {"day": date(2026, 4, 1)}):
        other = line(**{**{n: getattr(theirs, n) for n in ("side", "event", "fund", "day")}, "fen": 900, **change})
        assert [one[0] for one in outcomes([ours], [other])] == ["only_ours", "only_agency"], change


def test_what_is_left_for_one_event_fund_and_month_is_the_same_thing_with_another_amount() -> None:
    same = {"side": Side.AGENCY, "event": Event.GRANT, "fund": "employee"}
    found = only([leg(fen=900, **same)], [line(fen=700, **same)])
    assert (found.outcome, found.by, found.difference_fen) == (Outcome.AMOUNT_DIFFERS, By.LEFT_OVER, -200)
    two = [line("x", fen=700, **same), line("y", fen=600, **same)]
    assert [one[0] for one in outcomes([leg(fen=900, **same)], two)] == ["only_ours", "only_agency", "only_agency"]


def test_people_put_together_and_apart() -> None:
    legs = [leg("a", fen=300), leg("b", fen=200)]
    together = Hand("m1", True, ("a", "b"), ("x",))
    assert outcomes(legs, [line(fen=500)], together) == [("matched", "a,b", "x")]
    assert outcomes(legs, [line(fen=400)], together) == [("amount_differs", "a,b", "x")]
    assert [o for o, *_ in outcomes([leg()], [line()], Hand("m2", False, ("a",), ("x",)))] == [
        "only_ours",
        "only_bank",
    ]
    assert outcomes([], [line("x", 500), line("y", -500)], Hand("m3", True, (), ("x", "y")))[0][0] == "matched"


@pytest.mark.parametrize(
    ("fen", "people", "outcome"),
    [
        (100_000, ("a",), "matched"),
        (100_001, ("a",), "one_sided"),
        (100_001, ("a", "a"), "one_sided"),
        (100_001, ("a", "b"), "matched"),
    ],
)
def test_money_out_and_in_on_one_side_alone_needs_two_people(fen: int, people: tuple[str, ...], outcome: str) -> None:
    keys = ("x", "y")
    hands = [Hand(f"m{at}", True, (), keys, by) for at, by in enumerate(people)]
    assert [found for found, *_ in outcomes([], [line("x", fen), line("y", -fen)], *hands)] == [outcome]


def test_something_small_beside_it_proves_nothing_of_it() -> None:
    both = [line("x", 50_000_500), line("y", -50_000_000)]
    hand = Hand("m", True, ("a",), ("x", "y"), "a")
    assert [found for found, *_ in outcomes([leg("a", 500)], both, hand)] == ["one_sided"]


@pytest.mark.parametrize(
    ("days", "band"),
    [(0, "0–7"), (7, "0–7"), (8, "8–30"), (30, "8–30"), (31, "31–90"), (90, "31–90"), (91, "90 以上")],
)
def test_age(days: int, band: str) -> None:
    assert age_band(DAY, DAY + timedelta(days=days)) == band


def moved(bank: int = 0, receivable: int = 0, owed: int = 0, restricted: bool = True) -> list[tuple[str, str, int]]:
    change = (OwedChange("g", "employee", owed),) if owed else ()
    found = legs_of(Movement(7, DAY, "x", bank, receivable, change, restricted))
    return [(one.side.value, one.event.value, one.amount_fen) for one in found]


def test_an_entry_is_known_by_what_it_moves() -> None:
    assert moved(bank=900, owed=900) == [("bank", "grant", 900), ("agency", "grant", 900)]
    assert moved(bank=-900, owed=-900) == [("bank", "return", -900), ("agency", "return", 900)]
    assert moved(bank=-500) == [("bank", "payment", -500)]
    assert moved(bank=500) == [("bank", "payment", 500)]
    offset = [("bank", "settlement", 600), ("agency", "offset", 400), ("agency", "settlement", 600)]
    assert moved(bank=600, receivable=-1000, owed=-400) == offset
    assert moved(receivable=-400, owed=-400) == [("agency", "offset", 400)]
    assert moved(bank=800, receivable=-800, restricted=False) == [
        ("bank", "settlement", 800),
        ("agency", "settlement", 800),
    ]
    assert moved(bank=-80, receivable=80, restricted=False) == [
        ("bank", "settlement", -80),
        ("agency", "settlement", -80),
    ]


def test_what_is_paid_on_a_claim_explains_a_bank_line_and_asks_for_none() -> None:
    [found] = legs_of(Movement(7, DAY, "x", 500, 0, (), restricted=False, reference="B1", on_claim=True))
    assert (found.side.value, found.event.value, found.amount_fen, found.counts) == ("bank", "claim", 500, False)
    assert match([found], []) == ()
    [pair] = match([found], [line("x", 500, reference="b-1")])
    assert (pair.outcome.value, pair.ours) == ("matched", (found,))
    # Nothing waits for it, so that a line of a shared account with the same amount stays nobody's business.
    far = line("y", 500, day=DAY + timedelta(days=40), counts=False)
    assert match([found], [far]) == ()


def test_patients_money_and_what_stays_inside_the_earmark_are_nobodys_business() -> None:
    assert moved(bank=700, restricted=False) == []
    assert moved(bank=700, receivable=300, restricted=False) == [], "a top-up at discharge"
    assert moved() == []


def test_of_a_shared_account_only_the_insurance_and_the_suppliers_count() -> None:
    suppliers = frozenset({"浙药有限公司"})
    assert counts_for_the_fund("某人", "工资", suppliers, dedicated=True)
    assert not counts_for_the_fund("某人", "工资", suppliers, dedicated=False)
    assert counts_for_the_fund("浙药 有限公司", "", suppliers, dedicated=False)
    assert counts_for_the_fund("临溪市医疗保障服务中心", "", suppliers, dedicated=False)
    assert counts_for_the_fund("某支付中心", "2026年3月居民医保结算", suppliers, dedicated=False)
    assert counts_for_the_fund("临溪市财政局", "预付", suppliers, dedicated=False)
    assert not counts_for_the_fund("临溪市财政局", "基建", suppliers, dedicated=False)
    assert not counts_for_the_fund("某人", "预付", suppliers, dedicated=False)


days = st.integers(0, 12).map(lambda n: DAY + timedelta(days=n))
fens = st.sampled_from([-500, -500, -300, 300, 500, 900])
names = st.sampled_from(["", "甲", "乙"])
references = st.sampled_from(["", "", "B1", "B2"])
sides = st.sampled_from(list(Side))
events = st.sampled_from([Event.GRANT, Event.OFFSET, Event.PAYMENT])
numbers = st.integers(0, 30)
legs_ = st.builds(
    lambda n, **rest: leg(f"o{n}", entry_no=n, **rest),
    numbers,
    fen=fens,
    side=sides,
    event=events,
    day=days,
    payee=names,
    reference=references,
    fund=st.sampled_from(["", "employee", "resident"]),
)
lines_ = st.builds(
    lambda n, **rest: line(f"t{n}", **rest),
    numbers,
    fen=fens,
    side=sides,
    event=events,
    day=days,
    payee=names,
    reference=references,
    fund=st.sampled_from(["", "employee", "resident"]),
)
unique_legs = st.lists(legs_, max_size=12, unique_by=lambda one: one.key)
unique_lines = st.lists(lines_, max_size=12, unique_by=lambda one: one.key)


@given(unique_legs, unique_lines, st.randoms())
def test_shuffled_and_doubled_the_answer_is_the_same(legs: list[Leg], lines: list[Line], random: object) -> None:
    expected = match(legs, lines)
    ours, theirs = legs + legs[:3], lines + lines[:3]
    random.shuffle(ours)  # type: ignore[attr-defined]
    random.shuffle(theirs)  # type: ignore[attr-defined]
    assert match(ours, theirs) == expected
    assert digest("2026-03", match(ours, theirs), ()) == digest("2026-03", expected, ())


@given(unique_legs, unique_lines)
def test_each_item_is_used_once_and_the_sums_tie_to_the_fen(legs: list[Leg], lines: list[Line]) -> None:
    found = match(legs, lines)
    assert sorted(x.key for one in found for x in one.ours) == sorted(x.key for x in legs)
    assert sorted(x.key for one in found for x in one.theirs) == sorted(x.key for x in lines)
    for side in Side:
        ours = sum(x.amount_fen for x in legs if x.side is side)
        theirs = sum(x.amount_fen for x in lines if x.side is side)
        mine = [one for one in found if one.side is side]
        assert sum(one.ours_fen for one in mine) == ours
        assert sum(one.theirs_fen for one in mine) == theirs
        assert sum(one.difference_fen for one in mine) == theirs - ours
    rows = sums(found)
    banks = [one for one in found if one.side is Side.BANK]
    assert sum(row.bank_fen or 0 for row in rows) == sum(one.theirs_fen for one in banks)
    assert sum(row.bank_difference_fen for row in rows) == sum(one.difference_fen for one in banks)


@given(unique_legs, unique_lines)
def test_matched_means_equal_and_the_same_way(legs: list[Leg], lines: list[Line]) -> None:
    for one in match(legs, lines):
        if one.outcome is Outcome.MATCHED:
            assert one.difference_fen == 0
        assert {x.side for x in (*one.ours, *one.theirs)} == {one.side}


def test_zero_is_said_only_when_everything_is_matched_and_the_balances_agree() -> None:
    sound = Closing("owed", "totals", 900, 900, required=True)
    matched = match([leg()], [line()])
    assert is_zero(matched, [sound])
    assert not is_zero(match([leg()], []), [sound])
    assert not is_zero(matched, [Closing("owed", "totals", 900, 901, required=True)])
    assert not is_zero(matched, [Closing("owed", "totals", 900, None, required=True)])
    assert is_zero(matched, [sound, Closing("owed", "agency", 900, None, required=False)])
    assert not is_zero(matched, [sound, Closing("owed", "agency", 900, 800, required=False)])
    assert not is_zero(matched, [sound], ["bank"])
    assert is_zero(matched, [Closing("earmark", "bank", 900, 901, required=True, at_least=True)])
    assert not is_zero(matched, [Closing("earmark", "bank", 900, 899, required=True, at_least=True)])
