"""Whether a person's word closes a duty, and whether it was done in time. The verdict is kept: it doesn't change
when a calendar does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from hospital_prepay.domain.clauses import implements
from hospital_prepay.domain.decision import Decision, Outcome, Reason
from hospital_prepay.domain.rules import RULES
from hospital_prepay.domain.rules.fund.duty_states import BY_BOOKS, MAY_BE_NONE


@dataclass(frozen=True, slots=True)
class CloseFacts:
    """What :func:`close_duty` looks at, days in ISO. ``done_on`` is ``None`` for what isn't applicable, ``due_on``
    while the day isn't known; ``left`` is how much the books have that waits."""

    regime: str
    duty: str
    clause: str | None
    named_on: str
    due_on: str | None
    done_on: str | None
    left: int = 0


@implements(
    "weihai-prepay-2025/2.1",
    "weihai-prepay-2025/2.3",
    "xizang-prepay-2024/5.1",
    "xizang-prepay-2024/5.4",
    "zhejiang-prepay-2025/3.1",
    "zhejiang-prepay-2025/3.4",
    "henan-settlement-2023/3.1",
)
def close_duty(facts: CloseFacts, rule_version: str) -> Decision:
    """Done in time or late, or not applicable; refused where the books alone say when it is done (house rule).

    Whoever doesn't apply this year says so: applying is voluntary. So does who has no stock of outpatient deposits,
    as long as the books know of none. These alone may be not applicable.
    """
    reason = _reason(facts)
    outcome = Outcome.REFUSED if reason.code == "books_decide" else Outcome.PERMITTED
    stored = asdict(facts)
    if not facts.left:
        del stored["left"]  # as it was kept before the books could know of something left
    return Decision("fund.close_duty", rule_version, outcome, None, (reason,), stored)


def _reason(facts: CloseFacts) -> Reason:
    may_be_none = facts.duty in MAY_BE_NONE and not facts.left
    if facts.duty in BY_BOOKS and (facts.done_on is not None or not may_be_none):
        return Reason("books_decide", "这一项由账本认定，账上办了才算办结，不能手工登记。")
    if facts.done_on is None:
        return Reason("not_applicable", "这一项本院不用办，写明了理由。")
    if facts.due_on is None:
        return Reason("day_unknown", "已办；期限那一年的放假安排还没有公布，早晚不能判断。", facts.clause)
    if facts.done_on > facts.due_on:
        return Reason("late", f"期限 {facts.due_on}，{facts.done_on} 才办，已逾期。", facts.clause)
    return Reason("in_time", f"期限 {facts.due_on}，{facts.done_on} 办，在期限内。", facts.clause)


def _replay(stored: Mapping[str, Any], rule_version: str) -> Decision:
    return close_duty(CloseFacts(**stored), rule_version)


RULES["fund.close_duty"] = _replay
