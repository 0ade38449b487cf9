"""Our books held against the bank and the agency: every item once, the same answer in whatever order they come.

What people put together or apart comes first. Then every possible pair is ranked, and taken from the best on while
both are free: by reference, then by amount, day and payee. What names somebody on both sides, and not the same, is
left to a person. Ties go to the fewer days between them, then to the earlier of ours, the lower entry, the
earlier line and the lower line key.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import IntEnum, StrEnum
from typing import Any, Final

from hospital_prepay.domain.clauses import house_rule
from hospital_prepay.domain.references import payment_reference
from hospital_prepay.domain.rules.fund.movements import Leg, Line, Side, plain_name

DAYS_APART: Final = 3
# House rule: money that went out and came in on one side alone is settled by one person's word up to so much.
ONE_SIDED_AT_MOST_FEN: Final = 100_000
# Days since: up to each of these, then over the last.
_BANDS: Final = ((7, "0–7"), (30, "8–30"), (90, "31–90"))
OLDEST: Final = "90 以上"
_Ranked = tuple[tuple[Any, ...], Leg, Line]


class Outcome(StrEnum):
    """What came of an item."""

    MATCHED = "matched"
    AMOUNT_DIFFERS = "amount_differs"
    ONLY_OURS = "only_ours"
    ONLY_BANK = "only_bank"
    ONLY_AGENCY = "only_agency"
    ONE_SIDED = "one_sided"


class By(IntEnum):
    """Why two items belong together, the strongest first."""

    HAND = 0
    REFERENCE = 1
    REFERENCE_ONLY = 2
    PAYEE = 3
    AMOUNT_AND_DAY = 4
    LEFT_OVER = 5
    NOTHING = 6


@dataclass(frozen=True, slots=True)
class Hand:
    """What a person (``made_by``) said: these belong together, or (``together`` false) aren't to be paired."""

    match_id: str
    together: bool
    ours: tuple[str, ...]
    theirs: tuple[str, ...]
    made_by: str = ""


@dataclass(frozen=True, slots=True)
class Pairing:
    """Items that belong together, or one alone. ``difference_fen`` is theirs less ours."""

    side: Side
    outcome: Outcome
    by: By
    ours: tuple[Leg, ...]
    theirs: tuple[Line, ...]
    match_id: str = ""

    @property
    def keys(self) -> tuple[str, ...]:
        """Of both sides."""
        return (*(leg.key for leg in self.ours), *(line.key for line in self.theirs))

    @property
    def day(self) -> date:
        """The day under which it is shown: ours, else theirs."""
        return min(one.day for one in (self.ours or self.theirs))

    @property
    def ours_fen(self) -> int:
        """What our books say."""
        return sum(one.amount_fen for one in self.ours)

    @property
    def theirs_fen(self) -> int:
        """What the other side says."""
        return sum(one.amount_fen for one in self.theirs)

    @property
    def difference_fen(self) -> int:
        """Theirs less ours, to the fen."""
        return self.theirs_fen - self.ours_fen

    @property
    def is_open(self) -> bool:
        """Whether it is still to be explained."""
        return self.outcome is not Outcome.MATCHED


@house_rule
def match(legs: Iterable[Leg], lines: Iterable[Line], hands: Sequence[Hand] = ()) -> tuple[Pairing, ...]:
    """Every leg and every line that counts, in exactly one pairing; ordered by day, side and key.

    An item given twice is one item. What doesn't count and matches nothing is left out; a line not if its reference,
    or amount and day, fit something of ours that is still open.
    """
    ours = {leg.key: leg for leg in legs}
    theirs = {line.key: line for line in lines}
    found = list(_by_hand(ours, theirs, hands))
    used = {key for pairing in found for key in pairing.keys}
    apart = {(leg, line) for hand in hands if not hand.together for leg in hand.ours for line in hand.theirs}
    for side in Side:
        free = [leg for key, leg in sorted(ours.items()) if leg.side is side and key not in used]
        open_lines = [line for key, line in sorted(theirs.items()) if line.side is side and key not in used]
        found += _of_one_side(side, free, open_lines, apart)
    return tuple(sorted(found, key=_place))


def age_band(day: date, today: date) -> str:
    """How long an item has been open: 0–7, 8–30, 31–90 days, or over 90."""
    since = (today - day).days
    return next((words for most, words in _BANDS if since <= most), OLDEST)


def _by_hand(ours: dict[str, Leg], theirs: dict[str, Line], hands: Sequence[Hand]) -> Iterator[Pairing]:
    said: defaultdict[tuple[frozenset[str], frozenset[str]], list[Hand]] = defaultdict(list)
    for hand in sorted(hands, key=lambda one: one.match_id):
        if hand.together:
            said[frozenset(hand.ours), frozenset(hand.theirs)].append(hand)
    for (of_ours, of_theirs), same in said.items():
        legs = tuple(ours[key] for key in sorted(of_ours) if key in ours)
        lines = tuple(theirs[key] for key in sorted(of_theirs) if key in theirs)
        if legs or lines:
            outcome = _said_by_hand(legs, lines, {one.made_by for one in same})
            yield Pairing((legs or lines)[0].side, outcome, By.HAND, legs, lines, same[0].match_id)


def _said_by_hand(legs: Sequence[Leg], lines: Sequence[Line], people: set[str]) -> Outcome:
    """What comes of a pairing by hand. Money that went out and in on one side alone has nothing on the other to prove
    it, also beside something that has: above a small sum it stays open until a second person says the same."""
    if sum(leg.amount_fen for leg in legs) != sum(line.amount_fen for line in lines):
        return Outcome.AMOUNT_DIFFERS
    unproved = abs(sum(abs(leg.amount_fen) for leg in legs) - sum(abs(line.amount_fen) for line in lines)) // 2
    if unproved > ONE_SIDED_AT_MOST_FEN and len(people) < 2:
        return Outcome.ONE_SIDED
    return Outcome.MATCHED


def _of_one_side(side: Side, legs: list[Leg], lines: list[Line], apart: set[tuple[str, str]]) -> Iterator[Pairing]:
    ranked: list[_Ranked] = sorted(_ranked(side, legs, lines, apart), key=lambda one: one[0])
    used: set[str] = set()
    for (by, *_), leg, line in ranked:
        if leg.key not in used and line.key not in used:
            used |= {leg.key, line.key}
            yield _pair(By(by), leg, line)
    rest = [leg for leg in legs if leg.key not in used]
    left = [line for line in lines if line.key not in used]
    if side is Side.AGENCY:
        for leg, line in _left_over(rest, left, apart):
            used |= {leg.key, line.key}
            yield _pair(By.LEFT_OVER, leg, line)
    only = Outcome.ONLY_BANK if side is Side.BANK else Outcome.ONLY_AGENCY
    opened = [leg for leg in rest if leg.counts and leg.key not in used]
    yield from (Pairing(side, Outcome.ONLY_OURS, By.NOTHING, (leg,), ()) for leg in opened)
    for line in left:
        concerns = any(_fits(side, leg, line) or _same_reference(leg, line) for leg in opened)
        if line.key not in used and (line.counts or concerns):
            yield Pairing(side, only, By.NOTHING, (), (line,))


def _ranked(side: Side, legs: list[Leg], lines: list[Line], apart: set[tuple[str, str]]) -> Iterator[_Ranked]:
    """Every pair that may be, with its rank and what breaks ties. Lines are found by reference and by amount."""
    by_reference: defaultdict[str, list[Line]] = defaultdict(list)
    by_amount: defaultdict[int, list[Line]] = defaultdict(list)
    for line in lines:
        by_amount[line.amount_fen].append(line)
        if plain := payment_reference(line.reference):
            by_reference[plain].append(line)
    for leg in legs:
        named = by_reference.get(payment_reference(leg.reference), []) if leg.reference else []
        near = {line.key: line for line in (*named, *by_amount.get(leg.amount_fen, ()))}
        for line in near.values():
            by = _why(side, leg, line)
            if by is not None and (leg.key, line.key) not in apart:
                days = abs((leg.day - line.day).days)
                yield (by, days, leg.day, leg.entry_no, leg.key, line.day, line.key), leg, line


def _why(side: Side, leg: Leg, line: Line) -> By | None:
    """The strongest ground on which the two belong together, or ``None``."""
    if side is Side.AGENCY and leg.event is not line.event:
        return None
    ours, theirs = plain_name(leg.payee), plain_name(line.payee)
    if ours and theirs and ours != theirs:
        return None
    same_amount = leg.amount_fen == line.amount_fen
    if _same_reference(leg, line) and (leg.amount_fen > 0) == (line.amount_fen > 0):
        return By.REFERENCE if same_amount else By.REFERENCE_ONLY
    if not _fits(side, leg, line):
        return None
    names = (leg.fund, line.fund) if side is Side.AGENCY else (ours, theirs)
    if all(names):
        return By.PAYEE if names[0] == names[1] else None
    return By.AMOUNT_AND_DAY


def _same_reference(leg: Leg, line: Line) -> bool:
    reference = payment_reference(leg.reference)
    return bool(reference) and reference == payment_reference(line.reference)


def _fits(side: Side, leg: Leg, line: Line) -> bool:
    return leg.amount_fen == line.amount_fen and _near(side, leg, line)


def _near(side: Side, leg: Leg, line: Line) -> bool:
    if side is Side.AGENCY:
        return (leg.day.year, leg.day.month) == (line.day.year, line.day.month)
    return abs((leg.day - line.day).days) <= DAYS_APART


def _left_over(legs: list[Leg], lines: list[Line], apart: set[tuple[str, str]]) -> Iterator[tuple[Leg, Line]]:
    """One of ours and one of the agency's left for the same event, fund and month: the same thing, another amount."""
    groups: defaultdict[tuple[object, ...], tuple[list[Leg], list[Line]]] = defaultdict(lambda: ([], []))
    for leg in legs:
        groups[leg.event, leg.fund, leg.day.year, leg.day.month][0].append(leg)
    for line in lines:
        groups[line.event, line.fund, line.day.year, line.day.month][1].append(line)
    for ours, theirs in groups.values():
        if len(ours) == len(theirs) == 1 and ours[0].fund and (ours[0].key, theirs[0].key) not in apart:
            yield ours[0], theirs[0]


def _pair(by: By, leg: Leg, line: Line) -> Pairing:
    same = leg.amount_fen == line.amount_fen
    return Pairing(leg.side, Outcome.MATCHED if same else Outcome.AMOUNT_DIFFERS, by, (leg,), (line,))


def _place(pairing: Pairing) -> tuple[Any, ...]:
    first = (pairing.ours or pairing.theirs)[0]
    return pairing.day, pairing.side.value, first.key
