"""Whole numbers that people type or follow in an address: entries, lines, versions, counts."""

from __future__ import annotations

from typing import Final

# What the narrowest whole column holds that such a number is compared with. SQLite's driver and PostgreSQL both fail
# on a wider one instead of finding nothing.
LARGEST_NUMBER: Final = 2**31 - 1
_DIGITS: Final = len(str(LARGEST_NUMBER))


def number_of(text: str) -> int | None:
    """The number that ``text`` writes in plain digits; ``None`` where it writes none, or one that nothing has."""
    # Length first: Python itself refuses to read thousands of digits.
    if not (text.isascii() and text.isdigit() and len(text.lstrip("0")) <= _DIGITS and len(text) < 100):
        return None
    found = int(text)
    return found if found <= LARGEST_NUMBER else None
