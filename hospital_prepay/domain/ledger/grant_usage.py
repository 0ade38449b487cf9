"""What a line of the books did to a grant, in the words of a usage report. Nothing else decides it.

Each balance of a grant moves by its own movements; a kind of entry that isn't known here counts as ``other``, so that
opening and movements always come to the closing balance. What is owed and what is unspent are never added.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from hospital_prepay.domain.ledger.chart import CREDIT, DEBIT, earmark_account, owed_account, reserved_account


class Balance(StrEnum):
    """A balance of a grant. ``cash`` is all of the earmark, ``reserved`` what of it waits for approved payments."""

    OWED = "owed"
    CASH = "cash"
    RESERVED = "reserved"
    DISTRIBUTED = "distributed"


class Movement(StrEnum):
    """What moved a balance."""

    RECEIVED = "received"
    RESERVE = "reserve"
    UNRESERVE = "unreserve"
    USED = "used"
    RETURNED = "returned"
    OFFSET = "offset"
    NETTED = "netted"
    NETTED_OUT = "netted_out"
    DISTRIBUTED = "distributed"
    MEMBER_RETURN = "member_return"
    CLAIMED = "claimed"
    LET_GO = "let_go"
    OTHER = "other"


# By the account's name without its grant: the balances it belongs to, and its normal side.
_ACCOUNTS: Final[dict[str, tuple[tuple[Balance, ...], int]]] = {
    earmark_account(""): ((Balance.CASH,), DEBIT),
    reserved_account(""): ((Balance.CASH, Balance.RESERVED), DEBIT),
    owed_account(""): ((Balance.OWED,), CREDIT),
    "1218:distributed:": ((Balance.DISTRIBUTED,), DEBIT),
}
PAYMENTS: Final = ("fund_payment", "fund_payment_bounced")
_USES: Final = dict.fromkeys(PAYMENTS, Movement.USED)
# Reserving moves money within the earmark: in ``cash`` it comes to nothing, or shows as ``other``.
KINDS: Final[dict[Balance, dict[str, Movement]]] = {
    Balance.OWED: {
        "fund_receipt": Movement.RECEIVED,
        "fund_receipt_undone": Movement.RECEIVED,
        "fund_return": Movement.RETURNED,
        "fund_return_undone": Movement.RETURNED,
        "fund_offset": Movement.OFFSET,
        "fund_offset_undone": Movement.OFFSET,
        "fund_netting": Movement.NETTED,
    },
    Balance.CASH: {
        "fund_receipt": Movement.RECEIVED,
        "fund_receipt_undone": Movement.RECEIVED,
        **_USES,
        "fund_return": Movement.RETURNED,
        "fund_return_undone": Movement.RETURNED,
        "fund_offset": Movement.LET_GO,
        "fund_offset_undone": Movement.LET_GO,
        "fund_release": Movement.LET_GO,
        "fund_netting": Movement.NETTED,
        "fund_distribution": Movement.DISTRIBUTED,
        "fund_distribution_return": Movement.MEMBER_RETURN,
    },
    Balance.RESERVED: {
        "fund_reserve": Movement.RESERVE,
        "fund_unreserve": Movement.UNRESERVE,
        **_USES,
        "fund_release": Movement.LET_GO,
    },
    # What members used turns into a claim on them when the lead gives it back in their place.
    Balance.DISTRIBUTED: {
        "fund_distribution": Movement.DISTRIBUTED,
        "fund_distribution_return": Movement.MEMBER_RETURN,
        "fund_return": Movement.CLAIMED,
        "fund_return_undone": Movement.CLAIMED,
        "fund_offset": Movement.CLAIMED,
        "fund_offset_undone": Movement.CLAIMED,
    },
}
# Where uses are told by what was paid.
BY_CATEGORY: Final = frozenset({Balance.CASH})


@dataclass(frozen=True, slots=True)
class Turnover:
    """Lines of one account, kind and month (``2026-01``) together. ``category`` is empty for the books' own lines;
    what the payments among them were for is told a second time, by category, from the lines of their requests."""

    account_id: str
    kind: str
    month: str
    category: str
    debit_fen: int
    credit_fen: int
    line_count: int


@dataclass(frozen=True, slots=True)
class Column:
    """A movement, with the category of what was paid where :data:`BY_CATEGORY` tells it; uses of no known category
    have none."""

    movement: Movement
    category: str = ""


@dataclass(frozen=True, slots=True)
class Period:
    """Whole months from ``first`` to ``last``, both in."""

    first: str
    last: str

    @property
    def first_day(self) -> date:
        """The day it begins."""
        return date.fromisoformat(f"{self.first}-01")

    def holds(self, day: date) -> bool:
        """Whether the day lies in it."""
        return self.first <= month_of(day) <= self.last


@dataclass(frozen=True, slots=True)
class PeriodLine:
    """One balance over one period, in fen: ``opening_fen`` and ``moved`` come to ``closing_fen``."""

    period: Period
    opening_fen: int
    moved: Mapping[Column, int]
    closing_fen: int


Moves = dict[Balance, dict[str, dict[Column, int]]]


def is_of_grant(account_id: str) -> bool:
    """Whether a balance of a grant stands on the account."""
    return _split(account_id)[0] in _ACCOUNTS


def accounts_of(grant_id: str) -> tuple[str, ...]:
    """Every account that a balance of the grant stands on."""
    return tuple(f"{name}{grant_id}" for name in _ACCOUNTS)


def accounts_in(balance: Balance, grant_id: str) -> dict[str, int]:
    """The accounts of one balance with their normal side."""
    return {f"{name}{grant_id}": side for name, (balances, side) in _ACCOUNTS.items() if balance in balances}


def kinds_of(balance: Balance, movement: Movement) -> tuple[str, ...]:
    """The kinds of entry that make up a movement; for ``other`` nothing, it takes what no movement names."""
    movement = Movement.NETTED if movement is Movement.NETTED_OUT else movement
    return tuple(kind for kind, found in KINDS[balance].items() if found is movement)


def moves(turnovers: Iterable[Turnover]) -> dict[str, Moves]:
    """What moved each balance of each grant, month by month, signed: above zero where the balance grew."""
    found: dict[str, Moves] = {}
    for one in turnovers:
        name, grant_id = _split(one.account_id)
        if name not in _ACCOUNTS:
            continue
        balances, side = _ACCOUNTS[name]
        of_grant = found.setdefault(grant_id, defaultdict(lambda: defaultdict(lambda: defaultdict(int))))
        for balance in balances:
            if one.category and balance not in BY_CATEGORY:
                continue
            columns = of_grant[balance][one.month]
            for movement, fen in _told(KINDS[balance].get(one.kind, Movement.OTHER), side, one):
                columns[Column(movement, one.category)] += fen
                if one.category:
                    columns[Column(movement)] -= fen
    return found


def added(grants: Iterable[Moves]) -> Moves:
    """The moves of several grants together, each balance by itself."""
    total: Moves = defaultdict(lambda: defaultdict(lambda: defaultdict(int)))
    for of_grant in grants:
        for balance, months in of_grant.items():
            for month, columns in months.items():
                for column, fen in columns.items():
                    total[balance][month][column] += fen
    return total


def period_lines(months: Mapping[str, Mapping[Column, int]], periods: Sequence[Period]) -> list[PeriodLine]:
    """One balance over consecutive periods."""
    lines: list[PeriodLine] = []
    opening = sum(sum(columns.values()) for month, columns in months.items() if month < periods[0].first)
    for period in periods:
        moved: dict[Column, int] = defaultdict(int)
        for month, columns in months.items():
            if period.first <= month <= period.last:
                for column, fen in columns.items():
                    moved[column] += fen
        left = {column: fen for column, fen in moved.items() if fen}
        closing = opening + sum(left.values())
        lines.append(PeriodLine(period, opening, left, closing))
        opening = closing
    return lines


def periods_between(first: str, last: str, months: int) -> list[Period]:
    """The months, quarters (``months`` 3) or years (12) that lie between two months, the outer ones cut to them."""
    found: list[Period] = []
    at = _number(first)
    while at <= _number(last):
        end = at - at % months + months - 1
        found.append(Period(_month(at), _month(min(end, _number(last)))))
        at = end + 1
    return found


def month_of(day: date) -> str:
    """``2026-01``."""
    return f"{day.year:04}-{day.month:02}"


def _told(movement: Movement, side: int, one: Turnover) -> tuple[tuple[Movement, int], ...]:
    """What moved, signed. A netting is told by its direction: in and out of one year would vanish in their sum."""
    grew, fell = (one.debit_fen, one.credit_fen) if side == DEBIT else (one.credit_fen, one.debit_fen)
    if movement is Movement.NETTED:
        return (Movement.NETTED, grew), (Movement.NETTED_OUT, -fell)
    return ((movement, grew - fell),)


def _split(account_id: str) -> tuple[str, str]:
    name, mark, grant_id = account_id.rpartition(":")
    return name + mark, grant_id


def _number(month: str) -> int:
    year, _, number = month.partition("-")
    return int(year) * 12 + int(number) - 1


def _month(number: int) -> str:
    return f"{number // 12:04}-{number % 12 + 1:02}"
