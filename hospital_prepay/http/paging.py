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


def page_number(name: str = "page") -> int:
    """The page asked for, from 1; anything that is no number is the first. A second list has its own ``name``."""
    text = request.args.get(name, "1")
    return max(int(text), 1) if text.isascii() and text.isdigit() and len(text) < 7 else 1


def page_of(shown: int, total: int, unit: str, size: int, name: str = "page") -> Page:
    """The place of the present page, its neighbours with the same filters."""
    number = page_number(name)
    before = (number - 1) * size
    last = before + shown
    return Page(
        first=before + 1,
        last=last,
        total=total,
        unit=unit,
        previous_href=_href(number - 1, name) if number > 1 else None,
        next_href=_href(number + 1, name) if last < total and shown else None,
    )


def whole(total: int, unit: str) -> Page:
    """A list that is shown at once."""
    return Page(min(total, 1), total, total, unit)


def _href(number: int, name: str) -> str:
    kept = [(key, value) for key, value in request.args.items(multi=True) if key != name and value]
    return f"{request.path}?{urlencode([*kept, (name, str(number))])}"
