"""Which version of the hospital's own deposit rules holds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from hospital_prepay.domain.clauses import implements


@dataclass(frozen=True, slots=True)
class DatedVersion:
    """A version by its number, the day from which it is meant to hold, and whether a second person approved it."""

    version_no: int
    effective_on: date
    is_approved: bool


@implements("guizhou-deposit-2025/4")
def version_in_force(versions: Iterable[DatedVersion], day: date) -> int | None:
    """The approved version with the latest day that has come; of two with the same day the later number."""
    held = [one for one in versions if one.is_approved and one.effective_on <= day]
    newest = max(held, key=lambda one: (one.effective_on, one.version_no), default=None)
    return None if newest is None else newest.version_no
