"""Rows that can't be used, one fault each, as exports have them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Final

_CASE_NO, _DAY, _CODE, _NAME, _CLASS, _COST, _BURDEN, _COPAYMENT = 0, 1, 3, 4, 5, 6, 7, 8

Row = list[str]


def _missing_value(rng: Random, row: Row) -> None:
    row[rng.choice((_DAY, _CODE, _NAME, _CLASS, _COST, _BURDEN))] = ""


def _not_a_date(rng: Random, row: Row) -> None:
    row[_DAY] = rng.choice(("2023-02-29", "2024-02-30", "2024-13-05", "2025-06-31", "未出院", "2024-5"))


def _not_an_amount(rng: Random, row: Row) -> None:
    row[rng.choice((_COST, _BURDEN))] = rng.choice(("12e3", "壹万贰仟", "1.2万", "12 000", "待核", "约3200"))


def _negative_amount(rng: Random, row: Row) -> None:
    place = rng.choice((_COST, _BURDEN))
    row[place] = "-" + row[place]


def _too_many_decimals(rng: Random, row: Row) -> None:
    row[rng.choice((_COST, _BURDEN))] += str(rng.randrange(1, 10))


def _unknown_class(rng: Random, row: Row) -> None:
    row[_CLASS] = rng.choice(("待定", "999", "其他", "医保"))


def _duplicate_case(rng: Random, row: Row) -> None:
    """Nothing else is wrong with the row: it keeps the number of the one it was copied from."""


def _burden_above_cost(rng: Random, row: Row) -> None:
    row[_BURDEN] = f"{int(row[_COST].split('.')[0]) + rng.randrange(1, 3000)}.00"


def _formula(rng: Random, row: Row) -> None:
    row[_BURDEN] = f"=G{rng.randrange(2, 60_000)}*0.3"


_KINDS: Final[dict[str, Callable[[Random, Row], None]]] = {
    "missing_value": _missing_value,
    "not_a_date": _not_a_date,
    "not_an_amount": _not_an_amount,
    "negative_amount": _negative_amount,
    "too_many_decimals": _too_many_decimals,
    "unknown_class": _unknown_class,
    "duplicate_case": _duplicate_case,
    "burden_above_cost": _burden_above_cost,
    "formula": _formula,
}


def dirty_rows(rng: Random, usable: Sequence[Row], of_each_kind: int) -> Iterator[Row]:
    """``of_each_kind`` rows for each reason to reject one, made from usable rows of insured patients."""
    insured = [row for row in usable if row[_COPAYMENT]]
    for kind, spoil in _KINDS.items():
        chosen = rng.sample(insured, of_each_kind)
        for number, row in enumerate(chosen, 1):
            spoilt = list(row)
            if kind != "duplicate_case":
                spoilt[_CASE_NO] = f"DEMO-{kind}-{number:04d}"
            spoil(rng, spoilt)
            yield spoilt
