"""Whether an application may go out: the institution eligible, its pool permitted, the amount within the size.

In an emergency the authority's document may ease what the place's notice lets it ease, and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Final

from hospital_prepay.domain.clauses import house_rule, implements
from hospital_prepay.domain.decision import Decision, Outcome, Reason
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules import RULES

ALL_FUNDS: Final = "all"
ADJUSTED: Final = {"conditions": "申请条件", "size": "预付规模", "time": "时间"}
_CONDITION_WORDS: Final = {"unmet": "不符合", "unknown": "还没有弄清", "waived": "过渡期内不要求", "met": "符合"}
# Last year's clearing bars the acceptance of an application; it is none of the conditions that may be eased.
_NEVER_EASED: Final = frozenset({"cleared_last_year"})
_DECEMBER: Final = 12


@dataclass(frozen=True, slots=True)
class ConditionFact:
    """One condition as it was checked, in words."""

    id: str
    words: str
    clause: str | None
    outcome: str


@dataclass(frozen=True, slots=True)
class EmergencyFact:
    """The authority's document in an emergency: which of conditions, size and time it adjusts, which of them the
    notice lets it adjust (none where it is silent), and by which clause."""

    document: str
    issued_on: str
    adjusts: tuple[str, ...]
    allowed: tuple[str, ...]
    clause: str | None

    def eases(self, what: str) -> bool:
        """Whether the document adjusts ``what`` and the notice lets it."""
        return what in self.adjusts and what in self.allowed

    @property
    def words(self) -> str:
        """The document as a reason names it."""
        return f"{self.document}（{self.issued_on}）"


@dataclass(frozen=True, slots=True)
class ApplicationFacts:
    """What :func:`apply` looks at, in fen. ``largest_fen`` is ``None`` where no ceiling is stated or known, and
    ``apply_by`` where the notice names no day. ``years_open`` are those of :func:`open_years`; older decisions lack
    them."""

    regime: str
    year: int
    fund: str
    amount_fen: int
    conditions: tuple[ConditionFact, ...]
    permitted: bool | None
    quota_fen: int | None
    largest_fen: int | None
    quota_clauses: tuple[str, ...]
    filed_on: str | None = None
    apply_by: str | None = None
    apply_clause: str | None = None
    emergency: EmergencyFact | None = None
    deregistered: bool = False
    size_clause: str | None = None
    years_open: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class ApprovalFacts:
    """What :func:`approve` looks at, in fen. ``size_clause`` is the clause of the size; older decisions lack it and
    cite the first of ``quota_clauses``."""

    regime: str
    year: int
    fund: str
    approved_fen: int
    largest_fen: int | None
    quota_clauses: tuple[str, ...]
    emergency: EmergencyFact | None = None
    size_clause: str | None = None


@implements(
    "weihai-prepay-2025/2.1",
    "weihai-prepay-2025/2.2",
    "xizang-prepay-2024/3",
    "xizang-prepay-2024/4.1",
    "xizang-prepay-2024/4.2",
    "xizang-prepay-2024/5.1",
    "zhejiang-prepay-2025/2.2",
    "zhejiang-prepay-2025/2.3",
    "zhejiang-prepay-2025/3.1",
)
def apply(facts: ApplicationFacts, rule_version: str) -> Decision:
    """Permitted, refused with every condition that isn't met, or held while a fact is unknown.

    What is refused can't be applied for; what is held waits for the fact. Above the largest size that is known the
    application is refused with that size as its amount. After the day of the notice it goes out with that on
    record: whether it is accepted is the authority's word. A document of an emergency eases what the notice lets it
    ease; a pool that may not prepay and an uncleared year stay what they are. House rules: a hospital that is
    deregistered applies no more, and nobody applies for a year that isn't open.
    """
    amount = Money(facts.amount_fen)
    clause = _first(facts.quota_clauses)
    outcome, reasons = _conditions(facts)
    if facts.permitted is False:
        reasons.append(Reason("pool_bars", "统筹基金结余不够，这个基金今年不能预付。", clause))
        outcome = Outcome.REFUSED
    elif facts.permitted is None:
        reasons.append(Reason("pool_unknown", "统筹基金能不能预付还没有弄清，请问医保部门。", clause))
        outcome = outcome if outcome is Outcome.REFUSED else Outcome.HELD
    if outcome is not Outcome.REFUSED:
        above = _size(amount, facts.largest_fen, facts.emergency, facts.size_clause or clause, "申请")
        reasons += above[:1]
        if above and above[0].code == "above_largest":
            amount, outcome = Money(facts.largest_fen or 0), Outcome.REFUSED
    if facts.deregistered:
        reasons.append(Reason("deregistered", "已登记注销，不能再申请预付金（本院规定）。"))
        outcome = Outcome.REFUSED
    if facts.years_open and facts.year not in facts.years_open:
        years = "、".join(str(one) for one in facts.years_open)
        reasons.append(Reason("year_not_open", f"现在只能申请 {years} 年的预付金（本院规定）。"))
        outcome = Outcome.REFUSED
    if outcome is Outcome.PERMITTED:
        reasons.insert(0, Reason("eligible", "各项条件都符合。" if not reasons else "可以申请。", clause))
    reasons += _day(facts)
    reasons += _not_adjustable(facts.emergency)
    return Decision("fund.apply", rule_version, outcome, amount, tuple(reasons), asdict(facts))


@implements("weihai-prepay-2025/2.2", "xizang-prepay-2024/4.2", "zhejiang-prepay-2025/2.3")
def approve(facts: ApprovalFacts, rule_version: str) -> Decision:
    """Whether an approval may be recorded: above the largest size only by a document that adjusts the size."""
    amount, clause = Money(facts.approved_fen), facts.size_clause or _first(facts.quota_clauses)
    above = _size(amount, facts.largest_fen, facts.emergency, clause, "批复")
    outcome = Outcome.PERMITTED
    if above and above[0].code == "above_largest":
        amount, outcome = Money(facts.largest_fen or 0), Outcome.REFUSED
    reasons = (*(above or [Reason("within_size", "没有超过通知的规模。", clause)]), *_not_adjustable(facts.emergency))
    return Decision("fund.approve", rule_version, outcome, amount, reasons, asdict(facts))


@house_rule
def open_years(today: date) -> tuple[int, ...]:
    """The years for which an application may go out: the one that runs, and in December the next, for every notice
    has its applications in January. Any other year would slip past the bar of an uncleared one."""
    return (today.year, today.year + 1) if today.month == _DECEMBER else (today.year,)


def opens_on(year: int) -> date:
    """The first day on which :func:`open_years` has ``year``."""
    return date(year - 1, _DECEMBER, 1)


def _conditions(facts: ApplicationFacts) -> tuple[Outcome, list[Reason]]:
    unmet = [one for one in facts.conditions if one.outcome == "unmet"]
    unknown = [one for one in facts.conditions if one.outcome == "unknown"]
    emergency = facts.emergency
    eased = [one for one in unmet if emergency and emergency.eases("conditions") and one.id not in _NEVER_EASED]
    failed = [one for one in unmet if one not in eased]
    reasons = [
        Reason(one.id, f"{one.words}：{_CONDITION_WORDS[one.outcome]}。", one.clause) for one in failed + unknown
    ]
    if emergency:
        reasons += [
            Reason("condition_eased", f"{one.words}：不符合，按{emergency.words}调整。", emergency.clause)
            for one in eased
        ]
    return Outcome.REFUSED if failed else Outcome.HELD if unknown else Outcome.PERMITTED, reasons


def _size(
    amount: Money, largest_fen: int | None, emergency: EmergencyFact | None, clause: str | None, verb: str
) -> list[Reason]:
    if largest_fen is None or amount.fen <= largest_fen:
        return []
    largest = Money(largest_fen)
    if emergency is not None and emergency.eases("size"):
        words = f"超过最高规模 {largest} 元，按{emergency.words}调整。"
        return [Reason("size_eased", words, emergency.clause)]
    return [Reason("above_largest", f"最多可以{verb} {largest} 元。", clause)]


def _day(facts: ApplicationFacts) -> list[Reason]:
    if facts.filed_on is None or facts.apply_by is None or facts.filed_on <= facts.apply_by:
        return []
    emergency = facts.emergency
    if emergency is not None and emergency.eases("time"):
        return [Reason("time_eased", f"过了申请日 {facts.apply_by}，按{emergency.words}调整。", emergency.clause)]
    days = (date.fromisoformat(facts.filed_on) - date.fromisoformat(facts.apply_by)).days
    words = f"申请日是 {facts.apply_by}，已过 {days} 天；收不收由医保部门定。"
    return [Reason("late", words, facts.apply_clause)]


def _not_adjustable(emergency: EmergencyFact | None) -> list[Reason]:
    """What the document adjusts though the notice doesn't let it; it stays, and no clause is cited for that."""
    if emergency is None:
        return []
    rest = "、".join(ADJUSTED[one] for one in emergency.adjusts if one not in emergency.allowed)
    words = f"通知没有写特殊情形下可以调整{rest}，{emergency.words}的这一项照原规定办。"
    return [Reason("not_adjustable", words)] if rest else []


def _first(clauses: tuple[str, ...]) -> str | None:
    return clauses[0] if clauses else None


def _emergency_of(stored: Mapping[str, Any]) -> EmergencyFact | None:
    found = stored.get("emergency")
    if found is None:
        return None
    return EmergencyFact(**{**found, "adjusts": tuple(found["adjusts"]), "allowed": tuple(found["allowed"])})


def _replay(stored: Mapping[str, Any], rule_version: str) -> Decision:
    conditions = tuple(ConditionFact(**one) for one in stored["conditions"])
    rest = {**stored, "conditions": conditions, "quota_clauses": tuple(stored["quota_clauses"])}
    rest["years_open"] = tuple(stored.get("years_open", ()))
    return apply(ApplicationFacts(**{**rest, "emergency": _emergency_of(stored)}), rule_version)


def _replay_approval(stored: Mapping[str, Any], rule_version: str) -> Decision:
    rest = {**stored, "quota_clauses": tuple(stored["quota_clauses"]), "emergency": _emergency_of(stored)}
    return approve(ApprovalFacts(**rest), rule_version)


RULES["fund.apply"] = _replay
RULES["fund.approve"] = _replay_approval
