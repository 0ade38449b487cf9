"""How a posted table was computed, in words that follow the readings it was measured under."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from hospital_prepay.domain.rules.inpatient.caps import Window
from hospital_prepay.domain.rules.inpatient.readings import (
    Burden,
    MeanOverYears,
    Outliers,
    PastYears,
    PostedHalf,
    SelfPayClasses,
    StandardScope,
)

_HALVES: Final = {
    PostedHalf.BY_COST: "公示的是住院费用最高、合起来够一半的病种",
    PostedHalf.BY_ADMISSIONS: "公示的是住院人次最多、合起来够一半的病种",
    PostedHalf.OF_GROUPS: "公示的是按住院费用排在前一半的病种",
}
_USUAL_DAY: Final = "2025-06-30"


def window_words(window: Window, readings: Mapping[str, str]) -> str:
    """``2023–2025 年``, or the two days where the years aren't calendar years."""
    if readings.get("past_three_years") == PastYears.ROLLING:
        return " 至 ".join(f"{day.year} 年 {day.month} 月 {day.day} 日" for day in (window.first, window.last))
    return f"{window.first.year}–{window.last.year} 年"


def burden_words(readings: Mapping[str, str]) -> str:
    """What 自己花的钱 means in the table."""
    if readings.get("burden_measure") == Burden.COPAYMENT:
        return "「自己花的钱」是医保目录内的个人自付，不含目录外的自费；自费病人按全部费用算"
    return "「自己花的钱」是医保报销后的个人负担；自费病人按全部费用算"


def further_words(readings: Mapping[str, str]) -> list[str]:
    """What else was done otherwise than usual, a sentence each, without full stops."""
    day = readings.get("earlier_standard_day", _USUAL_DAY)
    said = [
        (
            readings.get("mean_over_years") == MeanOverYears.YEARLY,
            "先算每一年的平均，再把有病人的各年平均起来",
        ),
        (
            readings.get("outliers") == Outliers.DROPPED,
            "每种病、每类病人里，费用最高和最低的各百分之一不算进平均",
        ),
        (
            readings.get("earlier_standard_scope") == StandardScope.SAME_KEY,
            "医院原来不分病种的统一标准没有拿来比",
        ),
        (day != _USUAL_DAY, f"医院原来的标准，看 {day} 以前开始执行的"),
        (leaves_out(readings), "公费、商业保险、异地没有直接结算的病人没有算在内"),
    ]
    half = readings.get("posted_half", "")
    return [words for holds, words in said if holds] + [words for code, words in _HALVES.items() if code == half]


def leaves_out(readings: Mapping[str, str]) -> bool:
    """Whether the patients of article 14's "may" are none of the three classes of the table."""
    return readings.get("self_pay_classes") == SelfPayClasses.LEFT_OUT
