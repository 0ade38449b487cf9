"""Tables out: CSV that spreadsheet programs open rightly and in which they find no formula."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import Final

# A negative amount is a number, not a formula.
_AMOUNT: Final = re.compile(r"-[0-9]+(\.[0-9]{1,2})?", re.ASCII)
_BEGINS_A_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def csv_text(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """UTF-8 text with its byte order mark; ``None`` is an empty cell, a would-be formula becomes plain text."""
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(header)
    table.writerows([_cell(value) for value in row] for row in rows)
    return "\ufeff" + text.getvalue()


def _cell(value: object) -> object:
    if value is None:
        return ""
    if isinstance(value, str) and value.startswith(_BEGINS_A_FORMULA) and not _AMOUNT.fullmatch(value):
        return f"'{value}"
    return value
