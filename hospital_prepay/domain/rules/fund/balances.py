"""The balance at the end of a statement's days, whichever way round the bank prints the lines of a day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from hospital_prepay.domain.clauses import house_rule

# What a line did to the balance, and the balance printed beside it (``None``: none), in fen.
Printed = tuple[int, int | None]


@house_rule
def closing_balance(days: Iterable[Sequence[Printed]]) -> int | None:
    """The balance after the last of ``days`` (oldest first), in fen; ``None`` while it isn't known.

    Within a day each line leads from a balance to the next: the last one is the balance from which no line leads on.
    A day that ends where it began needs the day before to tell; lines that don't hang together tell nothing. Days
    without any printed balance are added to what was known.
    """
    found: int | None = None
    for lines in days:
        printed = [(fen, balance) for fen, balance in lines if balance is not None]
        if len(printed) == len(lines):
            found = _end_of_day(printed, found)
        elif printed or found is None:
            found = None
        else:
            found += sum(fen for fen, _ in lines)
    return found


def _end_of_day(lines: Sequence[tuple[int, int]], before: int | None) -> int | None:
    after = Counter(balance for _, balance in lines)
    since = Counter(balance - fen for fen, balance in lines)
    ends, begins = list((after - since).elements()), list((since - after).elements())
    if len(ends) == len(begins) == 1:
        return ends[0]
    if ends or begins:
        return None
    # It ended where it began: where that was, only the day before or a single balance tells.
    return before if before in after else next(iter(after)) if len(after) == 1 else None
