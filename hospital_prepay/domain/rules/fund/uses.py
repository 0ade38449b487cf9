"""May the earmark pay this: line by line, the worst line deciding. ``refused`` is final for every role.

What a category gets comes from the pack. The national code and the platform order number that drugs and consumables
must carry are rules of the house, and are never cited as law.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from hospital_prepay.domain.clauses import house_rule, implements
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.fund.regime import Regime, Use, UseOutcome

# 23 signs from X: western drugs; 20 from Z: Chinese patent drugs; 27 from C, or the 20 of its class: consumables.
CODE_SHAPES: Final[Mapping[str, re.Pattern[str]]] = {
    "drug": re.compile(r"X[0-9A-Z]{22}|Z[0-9A-Z]{19}", re.ASCII),
    "consumable": re.compile(r"C[0-9A-Z]{26}|C[0-9A-Z]{19}", re.ASCII),
}
_RANK: Final = {UseOutcome.PERMITTED: 0, UseOutcome.HELD: 1, UseOutcome.REFUSED: 2}
_CODE_OF: Final = {
    UseOutcome.PERMITTED: "medical_use",
    UseOutcome.HELD: "needs_two_person_decision",
    UseOutcome.REFUSED: "non_medical_use",
}


@dataclass(frozen=True, slots=True)
class UseLine:
    """One line of a request: what is bought or paid, under which code, for how much, by which platform order."""

    category: str
    name: str
    amount: Money
    code: str = ""
    order_no: str = ""


@dataclass(frozen=True, slots=True)
class LineReason:
    """Why a line got what it got. ``line`` counts from 1; ``clause`` is ``None`` for a rule of the house."""

    code: str
    line: int
    clause: str | None


@dataclass(frozen=True, slots=True)
class UseAnswer:
    """The outcome of the whole request, of each line, and the reasons."""

    outcome: UseOutcome
    lines: tuple[UseOutcome, ...]
    reasons: tuple[LineReason, ...]


@implements(
    "weihai-prepay-2025/1",
    "weihai-prepay-2025/3",
    "xizang-prepay-2024/9",
    "xizang-prepay-2024/12",
    "zhejiang-prepay-2025/1",
    "zhejiang-prepay-2025/5.3",
)
def check_use(regime: Regime, lines: tuple[UseLine, ...]) -> UseAnswer:
    """What each line gets, and the worst of it for the whole."""
    outcomes: list[UseOutcome] = []
    reasons: list[LineReason] = []
    for number, line in enumerate(lines, 1):
        outcome, found = _line(regime, number, line)
        outcomes.append(outcome)
        reasons += found
    return UseAnswer(max(outcomes, key=_RANK.__getitem__), tuple(outcomes), tuple(reasons))


def _line(regime: Regime, number: int, line: UseLine) -> tuple[UseOutcome, list[LineReason]]:
    use = regime.uses.get(line.category)
    if use is None:
        return UseOutcome.REFUSED, [LineReason("unknown_category", number, None)]
    silent = [LineReason("notice_silent", number, None)] if regime.uses_silent else []
    lacking = [LineReason(code, number, None) for code in lacking_evidence(line)]
    if use.outcome is UseOutcome.PERMITTED and lacking:
        return UseOutcome.HELD, [*silent, *lacking]
    return use.outcome, silent or [_reason(use, number)]


def _reason(use: Use, number: int) -> LineReason:
    return LineReason(_CODE_OF[use.outcome], number, use.provision.clause)


@house_rule
def lacking_evidence(line: UseLine) -> tuple[str, ...]:
    """What a drug or consumable must carry before it is paid: a national code of the right shape, and the order
    number of the provincial platform. Other categories carry neither."""
    shape = CODE_SHAPES.get(line.category)
    if shape is None:
        return ()
    found = []
    if not line.code:
        found.append("missing_national_code")
    elif not shape.fullmatch(line.code):
        found.append("malformed_national_code")
    if not line.order_no:
        found.append("missing_order_no")
    return tuple(found)
