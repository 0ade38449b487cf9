"""Where a page stands in a long list."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from flask import request


@dataclass(frozen=True, slots=True)
class Page:
    """Numbers of the first and last line shown, how many there are, and the way to the neighbours."""

    first: int
    last: int
    total: int
    unit: str
    previous_href: str | None = None
    next_href: str | None = None


def page_number() -> int:
    """The page asked for, from 1; anything that is no number is the first."""
    text = request.args.get("page", "1")
    return max(int(text), 1) if text.isascii() and text.isdigit() and len(text) < 7 else 1


def page_of(shown: int, total: int, unit: str, size: int) -> Page:
    """The place of the present page, its neighbours with the same filters."""
    number = page_number()
    before = (number - 1) * size
    last = before + shown
    return Page(
        first=before + 1,
        last=last,
        total=total,
        unit=unit,
        previous_href=_href(number - 1) if number > 1 else None,
        next_href=_href(number + 1) if last < total and shown else None,
    )


def whole(total: int, unit: str) -> Page:
    """A list that is shown at once."""
    return Page(min(total, 1), total, total, unit)


def _href(number: int) -> str:
    kept = [(name, value) for name, value in request.args.items(multi=True) if name != "page" and value]
    return f"{request.path}?{urlencode([*kept, ('page', str(number))])}"
