"""Whether an application may go out: the institution eligible, its pool permitted, the amount within the size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from hospital_prepay.domain.clauses import implements
from hospital_prepay.domain.decision import Decision, Outcome, Reason
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules import RULES

_CONDITION_WORDS: Final = {"unmet": "不符合", "unknown": "还没有弄清", "waived": "过渡期内不要求", "met": "符合"}


@dataclass(frozen=True, slots=True)
class ConditionFact:
    """One condition as it was checked, in words."""

    id: str
    words: str
    clause: str | None
    outcome: str


@dataclass(frozen=True, slots=True)
class ApplicationFacts:
    """What :func:`apply` looks at, in fen. ``largest_fen`` is ``None`` where no ceiling is stated or known."""

    regime: str
    year: int
    fund: str
    amount_fen: int
    conditions: tuple[ConditionFact, ...]
    permitted: bool | None
    quota_fen: int | None
    largest_fen: int | None
    quota_clauses: tuple[str, ...]
    deregistered: bool = False


@implements(
    "weihai-prepay-2025/2.1",
    "weihai-prepay-2025/2.2",
    "xizang-prepay-2024/3",
    "xizang-prepay-2024/4.1",
    "zhejiang-prepay-2025/2.2",
    "zhejiang-prepay-2025/2.3",
)
def apply(facts: ApplicationFacts, rule_version: str) -> Decision:
    """Permitted, refused with every condition that isn't met, or held while a fact is unknown.

    What is refused can't be applied for; what is held waits for the fact. Above the largest size that is known the
    application is refused with that size as its amount. House rule: a hospital that is deregistered applies no more.
    """
    failed = [one for one in facts.conditions if one.outcome == "unmet"]
    open_ = [one for one in facts.conditions if one.outcome == "unknown"]
    reasons = [
        Reason(one.id, f"{one.words}：{_CONDITION_WORDS[one.outcome]}。", one.clause) for one in failed + open_
    ]
    clause = facts.quota_clauses[0] if facts.quota_clauses else None
    amount = Money(facts.amount_fen)
    outcome = Outcome.REFUSED if failed else Outcome.HELD if open_ else Outcome.PERMITTED
    if facts.permitted is False:
        reasons.append(Reason("pool_bars", "统筹基金结余不够，这个基金今年不能预付。", clause))
        outcome = Outcome.REFUSED
    elif facts.permitted is None:
        reasons.append(Reason("pool_unknown", "统筹基金能不能预付还没有弄清，请问医保部门。", clause))
        outcome = outcome if outcome is Outcome.REFUSED else Outcome.HELD
    if facts.largest_fen is not None and facts.amount_fen > facts.largest_fen and outcome is not Outcome.REFUSED:
        amount = Money(facts.largest_fen)
        reasons.append(Reason("above_largest", f"最多可以申请 {amount} 元。", clause))
        outcome = Outcome.REFUSED
    if facts.deregistered:
        reasons.append(Reason("deregistered", "已登记注销，不能再申请预付金（本院规定）。"))
        outcome = Outcome.REFUSED
    if outcome is Outcome.PERMITTED:
        reasons.append(Reason("eligible", "各项条件都符合。", clause))
    return Decision("fund.apply", rule_version, outcome, amount, tuple(reasons), asdict(facts))


def _replay(stored: Mapping[str, Any], rule_version: str) -> Decision:
    conditions = tuple(ConditionFact(**one) for one in stored["conditions"])
    rest = {**stored, "conditions": conditions, "quota_clauses": tuple(stored["quota_clauses"])}
    return apply(ApplicationFacts(**rest), rule_version)


RULES["fund.apply"] = _replay
