"""What follows from a ground of recall: what is due, by when, what the authority stops, and what the hospital stops.

A place whose notice names no ground can only be called back by the agreement: a house rule then, with no clause.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from typing import Any, Final

from hospital_prepay.domain.calendar import WorkingDayCalendar, weekday_after
from hospital_prepay.domain.clauses import implements
from hospital_prepay.domain.decision import Decision, Outcome, Reason
from hospital_prepay.domain.errors import MalformedInput
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules import RULES
from hospital_prepay.domain.rules.fund.regime import Absence, RecallGround, Regime, SettlementsStop, Stated

# 注销: the third ground of every notice that names grounds.
DEREGISTERED: Final = 3
_STOP_WORDS: Final = {
    SettlementsStop.UNTIL_RETURNED: "收回之前，医保部门停拨每月结算款。",
    SettlementsStop.WHEN_UNRECOVERABLE: "只在收不回来时，医保部门才停拨每月结算款。",
}


@dataclass(frozen=True, slots=True)
class RecallEvent:
    """What happened: which ground (``None``: by the agreement), and the day the authority urged the return, which
    counts itself under the reading ``day_of_urging``."""

    ground: int | None
    public: bool
    urged_on: date | None = None
    urging_counts: bool = False


@dataclass(frozen=True, slots=True)
class RecallFacts:
    """What :func:`recall` looks at: the ground, what the place's pack says of recall, the hospital's figures in fen,
    and the days as the calendar counted them (``expected_on`` without ``due_on`` is an estimate)."""

    regime: str
    ground: int | None
    clause: str | None
    public: bool
    public_only: bool
    owed_fen: int
    unpaid_fen: int
    urged_on: str | None
    recall_clause: str | None = None
    working_days: int | None = None
    working_days_clause: str | None = None
    due_on: str | None = None
    expected_on: str | None = None
    settlements_stop: str | None = None
    settlements_clause: str | None = None
    withholds_clause: str | None = None


def ground_of(regime: Regime, number: int | None) -> RecallGround | None:
    """The ground by its number; ``None`` by the agreement, and only there. Raises :class:`MalformedInput`."""
    if isinstance(regime.recall, Absence):
        if number is not None:
            raise MalformedInput("这里的通知没有写收回情形，只能按服务协议登记。", details={"field": "ground"})
        return None
    found = next((one for one in regime.recall.grounds if one.number == number), None)
    if found is None:
        raise MalformedInput("请从通知列出的情形里选一种。", details={"field": "ground"})
    return found


def facts_of(
    regime: Regime, event: RecallEvent, owed_fen: int, unpaid_fen: int, calendar: WorkingDayCalendar
) -> RecallFacts:
    """The pack's words and the calendar's days on one event. Raises :class:`MalformedInput` for a ground that isn't
    one, :class:`CalendarUnknown` for a day of urging before the announced years."""
    ground, own = ground_of(regime, event.ground), regime.recall
    facts = RecallFacts(
        regime=regime.instrument,
        ground=event.ground,
        clause=ground.provision.clause if ground else None,
        public=event.public,
        public_only=ground is not None and ground.public_only,
        owed_fen=owed_fen,
        unpaid_fen=unpaid_fen,
        urged_on=event.urged_on.isoformat() if event.urged_on else None,
    )
    if isinstance(own, Absence):
        return facts
    facts = replace(
        facts,
        recall_clause=own.provision.clause,
        settlements_stop=own.settlements_stop.value.value,
        settlements_clause=own.settlements_stop.provision.clause,
        withholds_clause=withholding(regime),
    )
    return facts if isinstance(own.working_days, Absence) else _with_term(facts, own.working_days, event, calendar)


def _with_term(
    facts: RecallFacts, days: Stated[int], event: RecallEvent, calendar: WorkingDayCalendar
) -> RecallFacts:
    facts = replace(facts, working_days=days.value, working_days_clause=days.provision.clause)
    if event.urged_on is None:
        return facts
    first = event.urged_on - timedelta(days=int(event.urging_counts))
    if first > calendar.last_day:  # a year whose holidays nobody has announced: provisional as at the end of the last
        return replace(facts, due_on=None, expected_on=weekday_after(first, days.value).isoformat())
    due = calendar.due(first, days.value)
    due_on = None if due.due_on is None else due.due_on.isoformat()
    return replace(facts, due_on=due_on, expected_on=due.expected_on.isoformat())


def withholding(regime: Regime) -> str | None:
    """The clause by which what isn't paid out yet stops on a ground; ``None`` where the notice doesn't say so."""
    own = regime.recall
    return (
        None if isinstance(own, Absence) or isinstance(own.withholds_unpaid, Absence) else own.withholds_unpaid.clause
    )


@implements(
    "weihai-prepay-2025/4",
    *(f"weihai-prepay-2025/4.{number}" for number in range(1, 10)),
    "xizang-prepay-2024/6",
    *(f"xizang-prepay-2024/6.{number}" for number in range(1, 10)),
    "xizang-prepay-2024/7",
    "xizang-prepay-2024/8",
    "zhejiang-prepay-2025/4.3",
    *(f"zhejiang-prepay-2025/4.3.{number}" for number in range(1, 10)),
    "zhejiang-prepay-2025/4.4",
)
def recall(facts: RecallFacts, rule_version: str) -> Decision:
    """All that is owed under the place is due, with what the authority stops; refused for a ground that binds public
    institutions only where the hospital is none. Where nothing is owed, nothing is due by any day.

    House rules: spending stops while a ground stands, and a hospital that is deregistered applies no more.
    """
    if facts.public_only and not facts.public:
        reason = Reason("public_only", "这一种情形只针对公立医疗机构，本院不是，不用登记。", facts.clause)
        return Decision("fund.recall", rule_version, Outcome.REFUSED, Money(0), (reason,), asdict(facts))
    owed = Money(facts.owed_fen)
    reasons = [_ground_reason(facts)]
    if owed:
        reasons.append(Reason("all_is_due", f"应还医保 {owed} 元要全部交回。", facts.recall_clause))
        reasons += _until(facts)
    else:
        words = "没有应还的预付金，不用退回。情形没有了，由另一个人登记解除。"
        reasons.append(Reason("nothing_is_due", words, facts.recall_clause))
    if owed and facts.settlements_stop is not None:
        stop = SettlementsStop(facts.settlements_stop)
        reasons.append(Reason(f"settlements_{stop.value}", _STOP_WORDS[stop], facts.settlements_clause))
    if facts.withholds_clause is not None and (owed or facts.unpaid_fen):
        words = f"还没拨付的停止拨付，现有 {Money(facts.unpaid_fen)} 元。"
        reasons.append(Reason("unpaid_withheld", words, facts.withholds_clause))
    reasons.append(Reason("spending_stops", "办结或解除之前，预付金暂停审批和付款（本院规定）。"))
    if facts.ground == DEREGISTERED:
        reasons.append(Reason("applies_no_more", "注销后不再申请预付金（本院规定）。"))
    return Decision("fund.recall", rule_version, Outcome.PERMITTED, owed, tuple(reasons), asdict(facts))


def _ground_reason(facts: RecallFacts) -> Reason:
    if facts.ground is None:
        words = "通知没有写收回情形，按服务协议的约定收回（本院规定）。"
        return Reason("by_agreement", words)
    return Reason("ground", f"出现通知列出的第 {facts.ground} 种收回情形。", facts.clause)


def _until(facts: RecallFacts) -> list[Reason]:
    """By when: counted, provisional, waiting to be urged, or not said."""
    clause, days = facts.working_days_clause, facts.working_days
    if days is None:
        if facts.recall_clause is None:
            return [Reason("no_term", "通知没有写退回期限，按服务协议办。")]
        return [Reason("promptly", "通知只写“及时收回”，没有写几天。", facts.recall_clause)]
    if facts.urged_on is None:
        return [Reason("not_urged", f"被督促之后 {days} 个工作日内退回；还没有登记督促。", clause)]
    if facts.due_on is None:
        words = f"被督促之后 {days} 个工作日内退回。那几天还没有公布放假安排，期限暂定，估计 {facts.expected_on}。"
        return [Reason("due_provisional", words, clause)]
    return [Reason("due", f"被督促之后 {days} 个工作日内退回，最迟 {facts.due_on}。", clause)]


def _replay(stored: Mapping[str, Any], rule_version: str) -> Decision:
    return recall(RecallFacts(**stored), rule_version)


RULES["fund.recall"] = _replay
