"""The rows of a cap table beside those they replace: what rises, falls, is lost or gained, and what looks unusual."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from hospital_prepay.domain.insured_class import InsuredClass
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.inpatient.evidence import unusual_order
from hospital_prepay.persistence.cap_tables import TableRow


@dataclass(frozen=True, slots=True)
class ReviewedRow:
    """One cap beside the one it replaces. ``warning`` is worth a look and refuses nothing."""

    row: TableRow
    previous: Money | None
    warning: str | None
    few: int | None

    @property
    def cap(self) -> Money | None:
        """The cap of this table."""
        return None if self.row.cap_fen is None else Money(self.row.cap_fen)

    @property
    def change(self) -> Money | None:
        """How much it rises; ``None`` where one side is missing."""
        return None if self.cap is None or self.previous is None else self.cap - self.previous

    @property
    def is_lost(self) -> bool:
        """Whether the version before had a cap here and this one has none."""
        return self.previous is not None and self.cap is None

    @property
    def is_above_own_mean(self) -> bool:
        """Whether a cap taken over from a similar disease passes what the cell's own few patients bore."""
        own = self.row.mean_burden_fen
        is_similar = self.row.basis == "similar" and self.row.cap_fen is not None
        return is_similar and own is not None and (self.row.cap_fen or 0) > own

    @property
    def is_above_legacy(self) -> bool:
        """Whether the cap passes the hospital's earlier standard."""
        legacy, cap = self.row.legacy_fen, self.row.cap_fen
        return legacy is not None and cap is not None and cap > legacy


def compared(rows: list[TableRow], earlier: list[TableRow], least: int | None) -> tuple[ReviewedRow, ...]:
    """Every row beside the one of the ``earlier`` table; ``least`` is the number of cases a cap of its own takes."""
    before = {(row.disease_code, row.insured_class): row.cap_fen for row in earlier}
    warnings = _warnings(rows)
    found = []
    for row in rows:
        key = (row.disease_code, row.insured_class)
        fen = before.get(key)
        few = least if least and row.cases < least else None
        found.append(ReviewedRow(row, None if fen is None else Money(fen), warnings.get(key), few))
    return tuple(found)


def gone_since(rows: list[TableRow], earlier: list[TableRow]) -> tuple[ReviewedRow, ...]:
    """The caps of the ``earlier`` table whose disease and class have no row any more: they are lost as well."""
    kept = {(row.disease_code, row.insured_class) for row in rows}
    return tuple(
        ReviewedRow(_emptied(row), Money(row.cap_fen), None, None)
        for row in earlier
        if row.cap_fen is not None and (row.disease_code, row.insured_class) not in kept
    )


def tally(rows: Iterable[ReviewedRow]) -> Counter[str]:
    """How many rows rise, fall, stay, are new or have no cap (``lost``: of these, once had one); how many rest on
    what; how many carry a warning."""
    found: Counter[str] = Counter()
    for one in rows:
        change = one.change
        found[one.row.basis] += 1
        if one.cap is None:
            found["none"] += 1
        elif change is None:
            found["new"] += 1
        else:
            found["up" if change.fen > 0 else "down" if change.fen < 0 else "same"] += 1
        found["lost"] += one.is_lost
        found["warned"] += one.warning is not None
        found["above_mean"] += one.is_above_own_mean
        found["few"] += one.few is not None
        found["above_legacy"] += one.is_above_legacy
        found["same_legacy"] += change is not None and not change and one.row.basis == "legacy"
    return found


def _emptied(row: TableRow) -> TableRow:
    nothing = replace(row, cases=0, sum_cost_fen=0, sum_burden_fen=0, legacy_fen=None, cap_fen=None, mean_fen=None)
    return replace(nothing, basis="gone", quantiles=[], posted=False)


def _warnings(rows: list[TableRow]) -> dict[tuple[str, str], str]:
    caps: dict[str, dict[str, Money]] = {}
    for row in rows:
        if row.cap_fen is not None:
            caps.setdefault(row.disease_code, {})[row.insured_class] = Money(row.cap_fen)
    found: dict[tuple[str, str], str] = {}
    for code, classes in caps.items():
        resident, self_pay = unusual_order(*(classes.get(one.value) for one in InsuredClass))
        if resident:
            found[code, InsuredClass.RESIDENT.value] = "居民低于职工"
        if self_pay:
            found[code, InsuredClass.SELF_PAY.value] = "自费低于医保"
    return found
