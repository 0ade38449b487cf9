"""What the rule files say, once read: frozen and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from fractions import Fraction
from typing import Final, TypeVar

from hospital_prepay.domain.errors import MalformedInput, RulebookFault
from hospital_prepay.domain.rules.force import in_force
from hospital_prepay.domain.rules.fund.regime import Regime, regime_of_year

Thing = TypeVar("Thing")
_UNITS: Final = {"cases": " 例", "years": " 岁", "percent": "%", "working_days": " 个工作日", "months": " 个月"}


class Addressee(StrEnum):
    """Whom a clause binds."""

    HOSPITAL = "hospital"
    AUTHORITY = "authority"
    BOTH = "both"


class Status(StrEnum):
    """What the program does about a clause."""

    ENFORCED = "enforced"  # a rule computes or refuses by it
    EVIDENCED = "evidenced"  # the record that it was done is kept
    REPORTED = "reported"  # it is shown in a report or a list of duties
    NOT_OURS = "not_ours"  # nothing for a hospital's program to do
    PLANNED = "planned"  # work that is open


@dataclass(frozen=True, slots=True)
class Instrument:
    """One notice. ``in_force_by`` is the clause that says so, ``None`` where unnumbered text does."""

    id: str
    title: str
    short_title: str
    number: str | None
    forwarded_by: str | None
    issuers: tuple[str, ...]
    addressees: tuple[str, ...]
    effective_on: date
    in_force_by: str | None
    numbered_by: str
    numbering: frozenset[str]
    until_on: date | None = None


@dataclass(frozen=True, slots=True)
class Clause:
    """One article or numbered item. ``says`` is our paraphrase, ``plain`` the same in Chinese for the people who
    use the program, ``cited`` how a Chinese sentence names it."""

    id: str
    instrument: str
    number: str
    title: str
    says: str
    plain: str
    addressee: Addressee
    status: Status
    cited: str


@dataclass(frozen=True, slots=True)
class DatedValue:
    """What a value is from ``effective_on`` on (through ``until_on``, if any).

    ``named_by`` tells whether the notice names it or our reading does; ``in_principle`` that the notice says so
    only in principle (原则上). ``plain`` names the value in Chinese.
    """

    key: str
    clause: str
    unit: str
    value: int | bool | Fraction
    effective_on: date
    until_on: date | None
    named_by: str
    in_principle: bool
    reading: str | None
    says: str
    plain: str

    def whole(self) -> int:
        """The value as a whole number of its unit; :class:`RulebookFault` when it is another kind."""
        if isinstance(self.value, bool) or not isinstance(self.value, int):
            raise RulebookFault(f"规则“{self.key}”不是整数。请核对规则文件。")
        return self.value

    def share(self) -> Fraction:
        """The value as an exact share; :class:`RulebookFault` when it is another kind."""
        if not isinstance(self.value, Fraction):
            raise RulebookFault(f"规则“{self.key}”不是比例。请核对规则文件。")
        return self.value

    def flag(self) -> bool:
        """The value as yes or no; :class:`RulebookFault` when it is another kind."""
        if not isinstance(self.value, bool):
            raise RulebookFault(f"规则“{self.key}”不是是非值。请核对规则文件。")
        return self.value


@dataclass(frozen=True, slots=True)
class Reading:
    """A question the notices leave open, with our default and what else may be chosen.

    Either ``choices`` (code → words for people) or ``bounds`` (least and most, numbers of ``unit`` or days).
    ``clauses`` is empty for questions that no notice raises.
    """

    name: str
    question: str
    clauses: tuple[str, ...]
    used_in: tuple[str, ...]
    default: str | int | date
    choices: Mapping[str, str]
    unit: str | None
    bounds: tuple[int, int] | tuple[date, date] | None

    def chosen(self, choice: str | int | date | None) -> str | int | date:
        """``choice`` if it is allowed, the default for ``None``; raises :class:`MalformedInput` otherwise."""
        if choice is None:
            return self.default
        if not self.allows(choice):
            raise MalformedInput(f"“{self.question}”不能选“{choice}”。请从列出的选项中选。")
        return choice

    def label(self, value: str) -> str:
        """The words for an answer as it is stored."""
        return self.choices.get(value, value + _UNITS.get(self.unit or "", ""))

    def allows(self, choice: object) -> bool:
        """Whether the setting may be ``choice``."""
        match self.bounds:
            case None:
                return isinstance(choice, str) and choice in self.choices
            case (date() as least, date() as most):
                return isinstance(choice, date) and least <= choice <= most
            case (int() as least, int() as most):
                return isinstance(choice, int) and not isinstance(choice, bool) and least <= choice <= most
        return False


@dataclass(frozen=True, slots=True)
class Rulebook:
    """All notices, clauses, dated values and readings, and the ``version`` that stored decisions name."""

    version: str
    instruments: Mapping[str, Instrument]
    entries: Mapping[str, Clause]
    values: Mapping[str, tuple[DatedValue, ...]]
    readings: Mapping[str, Reading]
    regimes: Mapping[str, tuple[Regime, ...]]

    @property
    def clauses(self) -> tuple[Clause, ...]:
        """Every clause, by instrument and then in the order of the notice."""
        return tuple(self.entries.values())

    def clause(self, clause_id: str) -> Clause:
        """The clause with this id; :class:`RulebookFault` when there is none."""
        return _known(self.entries, clause_id, "条款")

    def cite(self, clause_id: str) -> str:
        """How a Chinese sentence names the clause: ``《贵州预交金细则》第十七条第（二）项``."""
        clause = self.clause(clause_id)
        return f"《{self.instruments[clause.instrument].short_title}》{clause.cited}"

    def instrument_on(self, instrument_id: str, day: date) -> Instrument:
        """The notice, if it is in force on ``day``; raises :class:`NoRuleInForce` before."""
        return in_force((_known(self.instruments, instrument_id, "文件"),), day)

    def value_on(self, key: str, day: date) -> DatedValue:
        """The value ``key`` (``guizhou-deposit-2025/window_years``) as in force on ``day``.

        Raises :class:`NoRuleInForce` before its first effective date, :class:`RulebookFault` for an unknown key.
        """
        return in_force(_known(self.values, key, "规则值"), day)

    def reading(self, name: str) -> Reading:
        """The named reading; :class:`RulebookFault` when there is none."""
        return _known(self.readings, name, "口径")

    def regime(self, instrument_id: str, year: int | None = None) -> Regime:
        """What the notice says of prepayment for applications of ``year``, or as it stands last.

        Raises :class:`MalformedInput` for a notice that says nothing of it, :class:`NoRuleInForce` for a year before.
        """
        if instrument_id not in self.regimes:
            raise MalformedInput(f"没有“{instrument_id}”的预付规定。可选：{'、'.join(self.regimes)}。")
        editions = self.regimes[instrument_id]
        return editions[-1] if year is None else regime_of_year(editions, year)

    def answers(self, kept: Mapping[str, str]) -> list[tuple[str, str]]:
        """Question and answer in words for readings kept by name; one of another rulebook shows as it is stored."""
        found = ((self.readings.get(name), name, value) for name, value in kept.items())
        return [(name, value) if one is None else (one.question, one.label(value)) for one, name, value in found]


def _known(things: Mapping[str, Thing], name: str, kind: str) -> Thing:
    if name not in things:
        raise RulebookFault(f"规则库里没有这个{kind}：“{name}”。请核对后重试。")
    return things[name]
