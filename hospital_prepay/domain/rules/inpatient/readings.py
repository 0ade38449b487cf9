"""How a hospital reads what article 12, 14 and 18 leave open about measuring caps: its named readings as values.

The codes are those of ``readings.yaml``; what each choice means in days, cases and amounts is said here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Burden(StrEnum):
    """Which figure of the settlement list is read as 个人自付 of article 12: all that the patient bears (the
    default reading), or the copayment alone."""

    WHOLE = "psn_part_amt"
    COPAYMENT = "psn_selfpay"


class PastYears(StrEnum):
    """Which discharges are those of 既往三年: of the full calendar years before the year of measuring, or of as many
    months up to the day before it. Cases hold no day of settlement, so there is no reading by that."""

    CALENDAR = "calendar_years_by_discharge"
    ROLLING = "rolling_months_by_discharge"


class MeanOverYears(StrEnum):
    """One mean over all cases, or the mean of the yearly means."""

    POOLED = "pooled"
    YEARLY = "mean_of_yearly_means"


class Outliers(StrEnum):
    """Whether the dearest and the cheapest hundredth of a cell's cases count in its mean."""

    SHOWN = "shown"
    DROPPED = "dropped"


class StandardScope(StrEnum):
    """Whether a uniform earlier standard binds every disease that has none of its own, or only a disease of the very
    same name, which is none."""

    EVERY_DISEASE = "every_disease_covered"
    SAME_KEY = "same_key_only"


class PostedHalf(StrEnum):
    """Which diseases are the first half of article 18."""

    UNION = "union_of_smallest_sets"
    BY_COST = "by_cost"
    BY_ADMISSIONS = "by_admissions"
    OF_GROUPS = "first_half_of_groups"


class SelfPayClasses(StrEnum):
    """Whether the patients whom article 14 lets be put with self-pay are, or stay out of the measurement."""

    PUT = "put_with_self_pay"
    LEFT_OUT = "left_out"


@dataclass(frozen=True, slots=True)
class MeasuringReadings:
    """The readings a table is measured under; without an argument the defaults of the rulebook.

    ``issued_on`` is the day on which the rules were issued: a standard from before that day is an earlier one.
    """

    burden: Burden = Burden.WHOLE
    past_years: PastYears = PastYears.CALENDAR
    mean_over_years: MeanOverYears = MeanOverYears.POOLED
    outliers: Outliers = Outliers.SHOWN
    standard_scope: StandardScope = StandardScope.EVERY_DISEASE
    issued_on: date = date(2025, 6, 30)
    posted_half: PostedHalf = PostedHalf.UNION
    self_pay_classes: SelfPayClasses = SelfPayClasses.PUT

    @property
    def is_plain_mean(self) -> bool:
        """Whether a cell's mean is its sum of burdens by its cases."""
        return self.mean_over_years is MeanOverYears.POOLED and self.outliers is Outliers.SHOWN


USUAL = MeasuringReadings()
