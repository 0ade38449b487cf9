"""Clocks and stages of discharges in words, as the board and the record show them."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any, Final

from hospital_prepay.clock import local
from hospital_prepay.domain.calendar import WorkingDayCalendar
from hospital_prepay.domain.errors import CalendarUnknown
from hospital_prepay.domain.insured_class import InsuredClass
from hospital_prepay.domain.rules.settlement.clocks import is_late, working_days_late
from hospital_prepay.domain.rules.settlement.forecast import Forecast
from hospital_prepay.domain.rules.settlement.stages import OPEN_STAGES, Stage
from hospital_prepay.services.settlement.board import BoardRow

# Who bears what a stay cost: the columns of a settlement, and their words.
PARTS: Final = (
    ("total", "医疗费总额"),
    ("fund", "基金支付"),
    ("account", "个人账户和共济"),
    ("hospital", "医院负担"),
    ("cash", "个人应付"),
)
TAKE_BACK_ASKED: Final = "已申请取消这次出院，等另一个人决定"
_CIRCLE: Final = 50.3
_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)
_SOON: Final = 6


def due_badge(row: BoardRow, calendar: WorkingDayCalendar, today: date) -> dict[str, Any]:
    """The legal due day as a clock: ``kind`` and ``words``, and how much of the dial is left."""
    if row.expected_on is None:
        return _badge("idle", "当时没有规定", None)
    if row.due_on is None:
        return _badge("held", f"暂定 · 估计 {_short(row.expected_on, today)}", None)
    if row.due_on < today:
        late = working_days_late(row.due_on, today, calendar)
        return _badge("stop", f"逾期 {late} 个工作日" if late else "已过期限，今天休息", 1.0)
    left = _working_days(calendar, today, row.due_on)
    if row.due_on == today:
        return _badge("wait", f"今天 · 第 {_day_number(row, calendar, today)} 日", 0.33)
    if row.due_on == today + _DAY:
        return _badge("info", f"明天 · 第 {_day_number(row, calendar, today)} 日", 0.6)
    if left == 1:
        return _badge("info", f"{_short(row.due_on, today)} · 下个工作日", 0.6)
    return _badge("ok", f"{_short(row.due_on, today)} · 还有 {left} 个工作日", min(1.0, 0.3 * left))


def settled_late(row: BoardRow, calendar: WorkingDayCalendar) -> str:
    """By how much a settled discharge was late; nothing where it was in time, or no day was firm."""
    settled_on = local(row.settled_at).date() if row.settled_at else None
    if settled_on is None or row.due_on is None or not is_late(row.due_on, settled_on):
        return ""
    late = working_days_late(row.due_on, settled_on, calendar)
    return f"逾期 {late} 个工作日" if late else "逾期，过了期限后的休息日"


def settled_badge() -> dict[str, Any]:
    """Of what is settled no time is left to be told."""
    return _badge("ok", "已结算", None)


def target_badge(row: BoardRow, now: datetime, today: date) -> dict[str, Any]:
    """The target of 24 hours."""
    if row.target_at is None:
        return {"kind": "idle", "words": "—"}
    if row.target_at <= now:
        return {"kind": "idle", "words": f"{_short(local(row.target_at).date(), today)} 已过"}
    hours, minutes = divmod(int((row.target_at - now).total_seconds()) // 60, 60)
    words = f"剩 {hours} 小时 {minutes} 分" if hours else f"剩 {minutes} 分钟"
    return {"kind": "wait" if hours < _SOON else "ok", "words": words}


def risk_words(forecast: Forecast, stage: Stage, expected_on: date | None) -> str:
    """Why a discharge will probably be late; nothing where it won't, or is."""
    if expected_on is None or not forecast.is_at_risk(stage, expected_on):
        return ""
    usual, left = (_hours(minutes) for minutes in (forecast.usual[stage], forecast.left(expected_on)))
    return f"{stage.label}到结清通常 {usual}，还剩 {left}（工作时间）"


def _hours(minutes: int) -> str:
    return f"{minutes // 60} 小时" if minutes >= 60 else f"{minutes} 分钟"


def dots(stage: str) -> list[str]:
    """The five steps: done, now, still to come."""
    stages = list(Stage)
    at = stages.index(Stage(stage))
    return ["done" if place < at else "now" if place == at else "" for place in range(len(OPEN_STAGES))]


def class_words(insured: InsuredClass | None) -> str:
    """The insured class; where nobody named it, what is assumed."""
    return "类型未知，暂按自费" if insured is None else insured.label


def waited(since: datetime, now: datetime) -> str:
    """How long a discharge has lain with its stage: ``40 分钟``, ``26 小时``, ``3 天``."""
    span = now - since
    if span < _HOUR:
        return f"{max(int(span.total_seconds()) // 60, 0)} 分钟"
    hours = int(span / _HOUR)
    return f"{hours} 小时" if hours < 48 else f"{hours // 24} 天"


def _day_number(row: BoardRow, calendar: WorkingDayCalendar, today: date) -> int:
    return _working_days(calendar, local(row.discharged_at).date(), today)


def _working_days(calendar: WorkingDayCalendar, after: date, through: date) -> int:
    try:
        return calendar.count_working_days(after, through)
    except CalendarUnknown:
        return (through - after).days


def _badge(kind: str, words: str, left: float | None) -> dict[str, Any]:
    dial = None if left is None else f"{_CIRCLE * left:.1f} {_CIRCLE}"
    return {"kind": kind, "words": words, "dial": dial}


def _short(day: date, today: date) -> str:
    return f"{day:%m-%d}" if day.year == today.year else day.isoformat()
