"""What one place's notice says about prepayment: data that the rules of this package read, never code of its own.

A place is a pack in the rulebook. Whatever a pack can't say is marked: :data:`SILENT` where its notice doesn't
speak of it, :data:`UNKNOWN` where we don't have the text. Neither is ever taken for a number or a permission.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from fractions import Fraction
from typing import Generic, TypeVar

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
    """Who says so: the notice in words, our reading of it, or others' report of a text that we don't have."""

    NOTICE = "notice"
    READING = "reading"
    REPORTED = "reported"


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
    """Where a value comes from. ``clause`` is ``None`` for a house rule and for a text we don't have;
    ``in_principle`` (原则上) is ``None`` for such a text, too."""

    clause: str | None
    named_by: NamedBy
    in_principle: bool | None = False


Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Stated(Generic[Value]):
    """One value and where it comes from."""

    provision: Provision
    value: Value


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition on the hospital. ``parameters`` are what its check compares with; in the years through
    ``waived_through`` a transition excuses it."""

    id: str
    provision: Provision
    parameters: Mapping[str, str]
    waived_through: Stated[int] | None = None


@dataclass(frozen=True, slots=True)
class Solvency:
    """When a pool may prepay: months payable per fund (at least), and what a deficit bars. ``apart_by`` tells who
    says that each fund is held against its own months."""

    months: Stated[Mapping[Fund, Fraction]]
    apart_by: NamedBy
    deficit_bars: Stated[DeficitBars]


@dataclass(frozen=True, slots=True)
class Base:
    """The monthly mean over how many past years of what the fund paid this hospital; ``counts`` says in Chinese what
    the place counts. ``together``: the place takes the institution as a whole, so that one application may stand for
    all funds."""

    provision: Provision
    years: int
    together: bool
    counts: str


@dataclass(frozen=True, slots=True)
class Raised:
    """The larger size, and the three facts that open it."""

    months: Fraction
    growth_at_most: Fraction


@dataclass(frozen=True, slots=True)
class Size:
    """Months of the base, in Chinese ``words`` as the place has them. ``largest`` is a fixed number of months, a
    :class:`Raised` size, or :data:`SILENT` where the notice states no ceiling."""

    provision: Provision
    months: Fraction
    words: str
    largest: Stated[Raised] | Stated[Fraction] | Absence


@dataclass(frozen=True, slots=True)
class DatedDuty:
    """A duty with its day in each of its ``months``; ``plain`` names it in Chinese.

    ``day`` 0 is the last of the month. ``rolls`` when the notice moves it past days that aren't working days,
    ``None`` where we don't have the text. ``holder_by`` tells who says whose duty it is.
    """

    id: str
    plain: str
    provision: Provision
    holder: DutyHolder
    holder_by: NamedBy
    months: tuple[int, ...]
    day: int
    rolls: bool | None


@dataclass(frozen=True, slots=True)
class RecallGround:
    """One ground on which the money is called back, as the notice numbers them."""

    number: int
    provision: Provision
    public_only: bool = False


class SettlementsStop(StrEnum):
    """When monthly settlements stop: from the ground on until the money is back, or only where it can't be
    recovered."""

    UNTIL_RETURNED = "until_returned"
    WHEN_UNRECOVERABLE = "when_unrecoverable"


@dataclass(frozen=True, slots=True)
class Recall:
    """What follows from a ground: working days to return the money after being urged, when settlements stop, and
    whether what isn't yet paid out is withheld."""

    provision: Provision
    grounds: tuple[RecallGround, ...]
    working_days: Stated[int] | Absence
    settlements_stop: Stated[SettlementsStop]
    withholds_unpaid: Provision | Absence


class Adjusts(StrEnum):
    """What may be eased in a public-health emergency."""

    CONDITIONS = "conditions"
    SIZE = "size"
    TIME = "time"


@dataclass(frozen=True, slots=True)
class Use:
    """What one category of spending gets, and from where."""

    category: str
    outcome: UseOutcome
    provision: Provision


@dataclass(frozen=True, slots=True)
class Regime:
    """One edition of one place's rules, for applications of ``first_year`` and later.

    ``number`` is that of the notice. A notice whose text we don't have is known from ``reported_by`` only: its
    ``in_force_on`` is ``None``, it cites no clause and permits nothing.
    """

    instrument: str
    number: str
    place: str
    reported_by: str | None
    in_force_on: date | None
    first_year: int
    conditions: tuple[Condition, ...] | Absence
    solvency: Solvency | Absence
    base: Base | Absence
    size: Size | Absence
    emergency: Stated[frozenset[Adjusts]] | Absence
    duties: tuple[DatedDuty, ...]
    recall: Recall | Absence
    uses: Mapping[str, Use]
    uses_silent: bool

    @property
    def text_at_hand(self) -> bool:
        """Whether we have read the notice itself."""
        return self.reported_by is None


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
