"""When a discharge must be settled: the pure calculator, and the dated values that the service reckons with too."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from hospital_prepay.domain.days import day_of, has_time, moment_of
from hospital_prepay.domain.rules.settlement.clocks import SETTLED_IN_TIME, Clocks, ClockValues, clocks_of
from hospital_prepay.rulebook.holidays import working_day_calendar
from hospital_prepay.rulebook.loader import load_rulebook

WORKING_DAYS: Final = "guizhou-deposit-2025/settlement_working_days"
TARGET_HOURS: Final = "guizhou-deposit-2025/settlement_target_hours"


@dataclass(frozen=True, slots=True)
class SettlementDue:
    """The answer of the calculator. ``discharged_at`` is a bare day where no time of day was given."""

    discharged_at: date | datetime
    clocks: Clocks
    clauses: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The shape that is promised to programs."""
        due, target_at = self.clocks.due, self.clocks.target_at
        return {
            "discharged_at": self.discharged_at.isoformat(),
            "from": due.from_.isoformat(),
            "due_on": due.due_on and due.due_on.isoformat(),
            "provisional": due.provisional,
            "expected_on": due.expected_on.isoformat(),
            "working_days": [day.isoformat() for day in due.working_days],
            "target_at": target_at and target_at.isoformat(),
            "clauses": list(self.clauses),
        }


def compute_due(text: str) -> SettlementDue:
    """The clocks of a discharge at ``text``, a day or a moment (Shanghai's unless it carries an offset).

    Raises :class:`~hospital_prepay.domain.days.NotADate`, :class:`~hospital_prepay.domain.errors.NoRuleInForce`
    for a discharge before the rules, :class:`~hospital_prepay.domain.errors.CalendarUnknown`.
    """
    discharged = moment_of(text) if has_time(text) else day_of(text)
    day = discharged.date() if isinstance(discharged, datetime) else discharged
    clocks = clocks_of(discharged, values_on(day), working_day_calendar())
    return SettlementDue(discharged, clocks, (SETTLED_IN_TIME,))


def values_on(day: date) -> ClockValues:
    """The values of article 19 in force on ``day``. Raises :class:`~hospital_prepay.domain.errors.NoRuleInForce`."""
    rulebook = load_rulebook()
    return ClockValues(rulebook.value_on(WORKING_DAYS, day).whole(), rulebook.value_on(TARGET_HOURS, day).whole())
