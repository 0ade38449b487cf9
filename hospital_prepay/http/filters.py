"""How templates write amounts, days, moments and personal data."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any, Final

from flask import Flask

from hospital_prepay.clock import local
from hospital_prepay.domain import masking
from hospital_prepay.domain.money import FEN_PER_YUAN, Money
from hospital_prepay.http.current import current_context

NOTHING: Final = "—"
WEEKDAYS: Final = ("周一", "周二", "周三", "周四", "周五", "周六", "周日")


def yuan(amount: Money | int | None) -> str:
    """``1,234.50``, from fen or :class:`Money`."""
    return NOTHING if amount is None else str(_money(amount))


def whole_yuan(amount: Money | int | None) -> str:
    """``1,234``: posted tables show whole yuan, and a part of one is left off, never added."""
    if amount is None:
        return NOTHING
    fen = _money(amount).fen
    return f"{'-' if fen < 0 else ''}{abs(fen) // FEN_PER_YUAN:,}"


def day(value: date | None) -> str:
    """``2025-10-10``; of a moment, its day in Shanghai."""
    return NOTHING if value is None else _day(value).isoformat()


def long_day(value: date | None) -> str:
    """``2025 年 10 月 10 日``, as documents write it."""
    if value is None:
        return NOTHING
    found = _day(value)
    return f"{found.year} 年 {found.month} 月 {found.day} 日"


def weekday(value: date) -> str:
    """``周五``."""
    return WEEKDAYS[_day(value).weekday()]


def moment(value: datetime | None) -> str:
    """``10-10 14:32`` within this year, ``2024-10-10 14:32`` otherwise."""
    if value is None:
        return NOTHING
    found = local(value)
    this_year = found.year == current_context().clock.today().year
    return f"{found:%m-%d %H:%M}" if this_year else f"{found:%Y-%m-%d %H:%M}"


def stamp(value: datetime | None) -> str:
    """``2025-10-10 14:32:05``."""
    return NOTHING if value is None else f"{local(value):%Y-%m-%d %H:%M:%S}"


FILTERS: Final[dict[str, Callable[..., Any]]] = {
    "yuan": yuan,
    "whole_yuan": whole_yuan,
    "day": day,
    "long_day": long_day,
    "weekday": weekday,
    "moment": moment,
    "stamp": stamp,
    "mask_name": masking.mask_name,
    "mask_phone": masking.mask_phone,
    "mask_certificate": masking.mask_certificate,
    "mask_card": masking.mask_card,
}


def add_filters(app: Flask) -> None:
    """Make them known to the templates of ``app``."""
    app.jinja_env.filters.update(FILTERS)


def _money(amount: Money | int) -> Money:
    return amount if isinstance(amount, Money) else Money(amount)


def _day(value: date) -> date:
    return local(value).date() if isinstance(value, datetime) else value
