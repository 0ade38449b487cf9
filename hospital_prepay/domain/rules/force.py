"""Which of several dated things is in force on a day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Protocol, TypeVar

from hospital_prepay.domain.clauses import implements
from hospital_prepay.domain.errors import NoRuleInForce


class Dated(Protocol):
    """In force from ``effective_on``, and through ``until_on`` where that isn't ``None``."""

    @property
    def effective_on(self) -> date: ...
    @property
    def until_on(self) -> date | None: ...


DatedThing = TypeVar("DatedThing", bound=Dated)


@implements("guizhou-deposit-2025/27", "xizang-prepay-2024/16", "zhejiang-prepay-2025/7.2")
def in_force(dated: Sequence[DatedThing], day: date) -> DatedThing:
    """The one of ``dated`` (ascending, not overlapping) that is in force on ``day``.

    The first effective day counts. Raises :class:`NoRuleInForce` before it and after the last day: a rule that
    doesn't exist is never read as zero.
    """
    for candidate in reversed(dated):
        if candidate.effective_on <= day:
            if candidate.until_on is not None and candidate.until_on < day:
                break
            return candidate
    raise NoRuleInForce(
        f"{_words(day)}没有施行中的规定。请改用{_words(dated[0].effective_on)}或之后的日期。"
        if day < dated[0].effective_on
        else f"{_words(day)}的规定已经失效，又没有新规定。请先更新规则库。",
        details={"on": day.isoformat(), "first_effective_on": dated[0].effective_on.isoformat()},
    )


def _words(day: date) -> str:
    return f"{day.year}年{day.month}月{day.day}日"
