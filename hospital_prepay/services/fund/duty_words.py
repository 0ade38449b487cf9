"""The Chinese words of duties; one place for the page, reminders, the subscribed calendar and the command line."""

from __future__ import annotations

from typing import Final

from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.fund.duty_states import DutyState, GrantFact, Standing
from hospital_prepay.domain.rules.fund.regime import DutyHolder
from hospital_prepay.services.fund.grants import FUND_NAMES, KIND_NAMES

STATES: Final = {
    DutyState.OPEN: ("idle", "未办"),
    DutyState.DUE_SOON: ("wait", "快到期"),
    DutyState.OVERDUE: ("stop", "已逾期"),
    DutyState.DONE: ("ok", "已办"),
    DutyState.NOT_OURS: ("idle", "非本院"),
    DutyState.NOT_APPLICABLE: ("idle", "不用办"),
}
FINISHED: Final = (DutyState.DONE, DutyState.NOT_APPLICABLE)
PROVISIONAL: Final = "暂定：那一年的放假安排还没有公布"


def duty_name(one: Standing, *, subject: bool = True) -> str:
    """``递交预付金申请（临溪市，职工医保）``; of a consequence with the ``subject`` it is about."""
    item = one.item
    parts = (item.pool_region, FUND_NAMES.get(item.fund, ""), item.subject if subject else "")
    about = [part for part in parts if part]
    return item.plain + (f"（{'，'.join(about)}）" if about else "")


def grant_name(grant: GrantFact) -> str:
    """``2026 年职工医保预付金``."""
    return f"{grant.year} 年{FUND_NAMES[grant.fund]}{KIND_NAMES['procurement' if grant.by_document else 'basic']}"


def left_words(one: Standing) -> str:
    """``还有 5 天，3 个工作日``, ``今天到期``, ``逾期 2 天``; nothing of what is done or needn't be."""
    if one.state in FINISHED:
        return ""
    left = one.days_left
    if left is None:
        return "估计"
    if left < 0:
        voluntary = one.item.name == "apply"  # late, but nobody's breach
        return f"逾期 {-left} 天" if one.is_ours and not voluntary else f"已过 {-left} 天"
    if left == 0:
        return "今天到期"
    working = one.working_days_left
    helps = working is not None and working < left <= 15
    return f"还有 {left} 天" + (f"，{working} 个工作日" if helps else "")


def state_words(one: Standing) -> tuple[str, str]:
    """Kind and word of the mark; what was done late says so."""
    kind, word = STATES[one.state]
    if one.state is DutyState.DONE and one.late:
        return "warn", "已办，逾期"
    if one.state is DutyState.OVERDUE and one.item.name == "apply":
        return kind, "已过期限"  # applying is voluntary: late, but nobody's breach
    return kind, word


def owed_words(one: Standing) -> str:
    """What is owed or left, or nothing."""
    left = one.known.left
    if left is not None:
        return f"还有 {left.count:,} {left.of}，{Money(left.fen)} 元"
    return f"应还 {Money(one.owed_fen)} 元" if one.known.owed else ""


def reminder_words(one: Standing) -> str:
    """One line that says what, when and how much."""
    parts = [f"{duty_name(one)}：{left_words(one)}", f"期限 {one.expected_on}", owed_words(one)]
    return "，".join(part for part in parts if part)


def whose(one: Standing) -> str:
    """Whose duty it is."""
    return "本院" if one.item.holder is DutyHolder.HOSPITAL else "非本院"
