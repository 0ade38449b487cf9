"""The questions that the notices on prepayment leave open, each with every answer that the rules follow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class PoolSolvency(StrEnum):
    """Where a notice names the months of both funds in one breath: each bars itself, or either bars both."""

    EACH_FOR_ITSELF = "each_for_itself"
    EITHER_BARS_BOTH = "either_bars_both"


class PenaltyTransition(StrEnum):
    """From which year's applications on a penalty isn't excused any more."""

    STRICT_FROM_2026 = "strict_from_2026"
    STRICT_FROM_2027 = "strict_from_2027"


class QuotaRounding(StrEnum):
    """What becomes of a part of a fen, at the base and at the product."""

    DOWN = "down"
    NEAREST = "nearest"


class HolidayRoll(StrEnum):
    """Which days move a day that the notice lets roll (遇节假日顺延)."""

    EVERY_NON_WORKING_DAY = "every_non_working_day"
    STATUTORY_HOLIDAYS = "statutory_holidays"


@dataclass(frozen=True, slots=True)
class AssessmentReadings:
    """What an assessment asks; the defaults are those of the rulebook."""

    pool_solvency: PoolSolvency = PoolSolvency.EACH_FOR_ITSELF
    penalty_transition: PenaltyTransition = PenaltyTransition.STRICT_FROM_2026
    quota_rounding: QuotaRounding = QuotaRounding.DOWN

    @classmethod
    def of(cls, answers: Mapping[str, str]) -> AssessmentReadings:
        """From answers by the name of their question, as they are kept with a decision."""
        return cls(
            PoolSolvency(answers["pool_solvency"]),
            PenaltyTransition(answers["penalty_transition"]),
            QuotaRounding(answers["quota_rounding"]),
        )


DEFAULTS: Final = AssessmentReadings()
