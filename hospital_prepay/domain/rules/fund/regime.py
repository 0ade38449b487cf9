"""What one place's notice says about prepayment: data that the rules of this package read, never code of its own.

A place is a pack in the rulebook. Whatever a pack can't say is marked: :data:`SILENT` where its notice doesn't
speak of it, :data:`UNKNOWN` where we don't have the text. Neither is ever taken for a number or a permission.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import TypeVar

from hospital_prepay.domain.errors import MalformedInput, NoRuleInForce


class Absence(StrEnum):
    """Why a pack has no value."""

    SILENT = "silent"
    UNKNOWN = "unknown"


SILENT = Absence.SILENT
UNKNOWN = Absence.UNKNOWN


class Fund(StrEnum):
    """The two basic insurance funds that prepay. ``insutype`` 310 and 390."""

    EMPLOYEE = "employee"
    RESIDENT = "resident"

    @property
    def label(self) -> str:
        """The Chinese words on screens."""
        return "职工医保" if self is Fund.EMPLOYEE else "居民医保"


class NamedBy(StrEnum):
    """Who says so: the notice in words, or our reading of it."""

    NOTICE = "notice"
    READING = "reading"


class DutyHolder(StrEnum):
    """Whose duty it is."""

    HOSPITAL = "hospital"
    AUTHORITY = "authority"


class DeficitBars(StrEnum):
    """What a deficit in one fund bars: that fund, or every fund of the pool region."""

    FUND = "fund"
    REGION = "region"


class UseOutcome(StrEnum):
    """What a category of spending gets. ``HELD`` waits for two people and a written ground."""

    PERMITTED = "permitted"
    HELD = "held"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Provision:
    """Where a value comes from. ``clause`` is ``None`` for a house rule and for a text we don't have."""

    clause: str | None
    named_by: NamedBy
    in_principle: bool = False


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition on the hospital. ``parameters`` are what its check compares with; in the years through
    ``waived_through`` it is met by nobody's fault (a transition)."""

    id: str
    provision: Provision
    parameters: Mapping[str, str]
    waived_through: int | None = None


@dataclass(frozen=True, slots=True)
class Solvency:
    """When a pool may prepay: months payable per fund (at least), and what a deficit bars."""

    provision: Provision
    months: Mapping[Fund, Fraction]
    deficit_bars: DeficitBars


@dataclass(frozen=True, slots=True)
class Base:
    """The monthly mean over how many past years of what the fund paid this hospital."""

    provision: Provision
    years: int


@dataclass(frozen=True, slots=True)
class Raised:
    """The larger size, and the three facts that open it."""

    months: Fraction
    growth_at_most: Fraction


@dataclass(frozen=True, slots=True)
class Size:
    """Months of the base. ``largest`` is a fixed number of months, a :class:`Raised` size, or
    :data:`SILENT` where the notice states no ceiling."""

    provision: Provision
    months: Fraction
    largest: Raised | Fraction | Absence


@dataclass(frozen=True, slots=True)
class DatedDuty:
    """A duty with its day of every year, or of every month when ``month`` is ``None``.

    ``day`` 0 is the last of the month. ``rolls`` when the notice moves it past days that aren't working days.
    """

    id: str
    provision: Provision
    holder: DutyHolder
    month: int | None
    day: int
    rolls: bool


@dataclass(frozen=True, slots=True)
class RecallGround:
    """One ground on which the money is called back, as the notice numbers them."""

    number: int
    provision: Provision
    public_only: bool = False


@dataclass(frozen=True, slots=True)
class Recall:
    """What follows from a ground. ``working_days`` to return the money after being urged, where the notice says;
    ``settlements_stop``: from the ground on until it is back, or only where it can't be recovered."""

    provision: Provision
    grounds: tuple[RecallGround, ...]
    working_days: int | Absence
    settlements_stop: str
    withholds_unpaid: bool


@dataclass(frozen=True, slots=True)
class Use:
    """What one category of spending gets, and from where."""

    category: str
    outcome: UseOutcome
    provision: Provision


@dataclass(frozen=True, slots=True)
class Regime:
    """One edition of one place's rules, for applications of ``first_year`` and later."""

    instrument: str
    place: str
    first_year: int
    conditions: tuple[Condition, ...] | Absence
    solvency: Solvency | Absence
    base: Base | Absence
    size: Size | Absence
    duties: tuple[DatedDuty, ...]
    recall: Recall | Absence
    uses: Mapping[str, Use]
    uses_silent: bool


Value = TypeVar("Value")


def regime_of_year(editions: tuple[Regime, ...], year: int) -> Regime:
    """The edition that rules the applications of ``year``; ``editions`` ascend.

    Raises :class:`NoRuleInForce` for a year before the first, :class:`MalformedInput` for a year that is none.
    """
    if not 2000 <= year <= 2100:
        raise MalformedInput(f"{year} 不是年份，请写成 2026 这样。")
    for edition in reversed(editions):
        if edition.first_year <= year:
            return edition
    first = editions[0]
    raise NoRuleInForce(f"{first.place}的预付规定从 {first.first_year} 年起适用。请改用这一年或之后的年份。")
