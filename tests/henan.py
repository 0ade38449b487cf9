"""Henan's month for situations: facts as text, the rolled days from the pack and the calendar."""

from __future__ import annotations

from datetime import date
from typing import Any

from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.fund.henan_month import (
    FallbackFacts,
    application,
    fallback,
    left_to_settle,
    settled_month,
)
from hospital_prepay.domain.rules.fund.readings import HolidayRoll
from hospital_prepay.services.fund.henan_dates import facts_of_application


def application_of(period: str, applied_on: date) -> dict[str, Any]:
    """When the costs of ``period`` are settled that were applied for on a day."""
    decision = application(facts_of_application(period, applied_on, HolidayRoll.EVERY_NON_WORKING_DAY), "test")
    reasons = [(one.code, one.clause) for one in decision.reasons]
    return {
        "outcome": decision.outcome,
        "settled": settled_month(decision),
        "why": reasons[0][0],
        "by": reasons[0][1],
    }


def fallback_of(last_actual: Money | None, paid: Money) -> dict[str, Any]:
    """What is said of money that came ahead of a settlement."""
    last = None if last_actual is None else last_actual.fen
    decision = fallback(FallbackFacts("2026-03", "2026-02", last, paid.fen), "test")
    return {"amount": decision.amount, "why": decision.reasons[0].code}


def left_of(actual: Money, paid_ahead: Money) -> int:
    """What still moves, in fen: below zero back to the agency."""
    return left_to_settle(actual, paid_ahead).fen
