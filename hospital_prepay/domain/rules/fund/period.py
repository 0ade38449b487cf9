"""A month of reconciliation as a whole: its sums, its closing balances, and whether it may be closed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from hospital_prepay.domain.clauses import house_rule
from hospital_prepay.domain.decision import Decision, Outcome, Reason
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules import RULES
from hospital_prepay.domain.rules.fund.matching import Pairing
from hospital_prepay.domain.rules.fund.month_papers import MISSING_WORDS
from hospital_prepay.domain.rules.fund.movements import Event, Side


@dataclass(frozen=True, slots=True)
class Closing:
    """A balance at the end of the month as our books have it and as another paper has it (``None``: not at hand).
    Without a ``required`` one nothing is called reconciled. ``at_least``: the other may hold more, as an account may
    that holds other money, too."""

    item: str
    source: str
    ours_fen: int
    theirs_fen: int | None
    required: bool
    at_least: bool = False

    @property
    def agrees(self) -> bool | None:
        """Whether both are the same, or theirs covers ours; ``None`` while one isn't known."""
        return None if self.theirs_fen is None else not _apart(self.ours_fen, self.theirs_fen, self.at_least)


@dataclass(frozen=True, slots=True)
class SumRow:
    """One kind of movement in our books, at the bank and at the agency, each with its difference from ours; ``event``
    is ``None`` for bank lines that nobody could name. ``None`` where a side doesn't speak of it. Money out is below
    zero in all three columns."""

    event: Event | None
    ours_fen: int
    bank_fen: int | None
    agency_fen: int | None
    bank_difference_fen: int
    agency_difference_fen: int


@dataclass(frozen=True, slots=True)
class ClosingFacts:
    """What :func:`close_period` looks at: how many items are matched, and of each outcome that is open ``{"outcome",
    "count", "difference_fen"}`` (without signs); the closing balances as in :class:`Closing`; the kinds of statements
    that the month needs and nobody imported, or whose lines couldn't all be taken."""

    period: str
    over: bool
    matched: int
    open: Sequence[Mapping[str, Any]]
    closings: Sequence[Mapping[str, Any]]
    ground_recorded: bool
    missing: Sequence[str] = ()


@house_rule
def is_zero(pairings: Sequence[Pairing], closings: Sequence[Closing], missing: Sequence[str] = ()) -> bool:
    """Reconciled at zero difference: no statement missing, every item matched, every closing balance known that must
    be, all of them in agreement."""
    if missing or any(one.is_open for one in pairings):
        return False
    return all(one.agrees or (one.agrees is None and not one.required) for one in closings)


def sums(pairings: Iterable[Pairing]) -> tuple[SumRow, ...]:
    """The three columns by kind of movement. What ours and theirs add up to is what the pairings add up to."""
    found: dict[tuple[Event | None, Side], list[int]] = {}
    for one in pairings:
        event = one.ours[0].event if one.ours else one.theirs[0].event
        cell = found.setdefault((event, one.side), [0, 0])
        cell[0] += one.ours_fen
        cell[1] += one.theirs_fen
    return tuple(_row(event, found) for event in (*Event, None) if any((event, side) in found for side in Side))


def digest(period: str, pairings: Sequence[Pairing], closings: Sequence[Closing], missing: Sequence[str] = ()) -> str:
    """What a month held, as one number: another item, amount, balance or missing statement gives another."""
    rows = [
        [one.side.value, one.outcome.value, [_item(x) for x in one.ours], [_item(x) for x in one.theirs]]
        for one in pairings
    ]
    ends = [[one.item, one.source, one.ours_fen, one.theirs_fen] for one in closings]
    text = json.dumps([period, rows, ends, list(missing)], ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


@house_rule
def close_period(facts: ClosingFacts, rule_version: str) -> Decision:
    """Whether a month may be closed: over, and without a difference or with each of them named in a written ground.

    ``amount`` is what the differences add up to without their signs.
    """
    apart = sum(one["count"] for one in facts.open)
    known = [one for one in facts.closings if one["theirs_fen"] is not None]
    unsound = [one for one in known if _apart(one["ours_fen"], one["theirs_fen"], one.get("at_least", False))]
    unknown = [one for one in facts.closings if one["theirs_fen"] is None and one["required"]]
    outcome, reasons = Outcome.PERMITTED, []
    if not facts.over:
        outcome = Outcome.REFUSED
        reasons.append(Reason("period_not_over", f"{facts.period} 还没有过完，月末之后才能结账。"))
    if apart or unsound or unknown or facts.missing:
        named = _named(apart, len(unsound), len(unknown), facts.missing)
        if facts.ground_recorded:
            reasons.append(Reason("differences_named", f"{named}，已写明原因。"))
        else:
            outcome = Outcome.REFUSED
            reasons.append(Reason("differences_without_ground", f"{named}。请先核对，或写明原因再结账。"))
    else:
        reasons.append(Reason("zero_difference", "逐笔都对上，期末余额一致。"))
    amount = Money(sum(one["difference_fen"] for one in facts.open))
    return Decision("fund.close_period", rule_version, outcome, amount, tuple(reasons), asdict(facts))


def closing_facts(
    period: str,
    over: bool,
    pairings: Sequence[Pairing],
    closings: Sequence[Closing],
    missing: Sequence[str],
    ground: str,
) -> ClosingFacts:
    """The facts from what is open; differences by outcome."""
    found: dict[str, list[int]] = {}
    for one in pairings:
        if one.is_open:
            cell = found.setdefault(one.outcome.value, [0, 0])
            cell[0] += 1
            cell[1] += abs(one.difference_fen)
    opened = [{"outcome": name, "count": n, "difference_fen": fen} for name, (n, fen) in sorted(found.items())]
    matched = sum(not one.is_open for one in pairings)
    ends = [asdict(one) for one in closings]
    return ClosingFacts(period, over, matched, opened, ends, bool(ground.strip()), list(missing))


def _apart(ours_fen: int, theirs_fen: int, at_least: bool) -> bool:
    return theirs_fen < ours_fen if at_least else theirs_fen != ours_fen


def _named(apart: int, unsound: int, unknown: int, missing: Sequence[str]) -> str:
    parts = ((apart, "笔没有对上"), (unsound, "项期末余额不一致"), (unknown, "项期末余额还不知道"))
    words = [f"{count} {words}" for count, words in parts if count]
    return "，".join([*(f"还没有{MISSING_WORDS[kind]}" for kind in missing), *words])


def _row(event: Event | None, found: Mapping[tuple[Event | None, Side], list[int]]) -> SumRow:
    bank = found.get((event, Side.BANK))
    # The agency counts what comes back to it as above zero; beside the bank's column it is money out.
    sign = -1 if event is Event.RETURN else 1
    agency = [sign * fen for fen in found.get((event, Side.AGENCY), ())] or None
    ours = (bank or agency or [0])[0]
    return SumRow(
        event,
        ours,
        bank[1] if bank else None,
        agency[1] if agency else None,
        bank[1] - bank[0] if bank else 0,
        agency[1] - agency[0] if agency else 0,
    )


def _item(one: Any) -> list[Any]:
    return [one.key, one.day.isoformat(), one.amount_fen]


def _replay_close(stored: Mapping[str, Any], rule_version: str) -> Decision:
    """The decision again from its stored facts."""
    return close_period(ClosingFacts(**stored), rule_version)


RULES["fund.close_period"] = _replay_close
