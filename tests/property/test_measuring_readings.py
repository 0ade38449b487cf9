"""The service's measurement against plain fractions, case by case, under any combination of readings."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from itertools import cycle, pairwise, product
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hospital_prepay.domain.insured_class import InsuredClass
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.inpatient.readings import (
    Burden,
    MeanOverYears,
    MeasuringReadings,
    Outliers,
    PastYears,
    PostedHalf,
    SelfPayClasses,
    StandardScope,
)
from hospital_prepay.domain.rules.inpatient.standards import EarlierStandard
from hospital_prepay.persistence.bulk import bulk_connection
from hospital_prepay.services.inpatient.measure import MeasureOptions, measure_snapshot

pytestmark = pytest.mark.clause("guizhou-deposit-2025/12")

AS_OF, STEP = date(2026, 1, 15), 7
ROLLING = (date(2023, 1, 15), date(2024, 1, 15), date(2025, 1, 15), date(2026, 1, 15))
CALENDAR = (date(2023, 1, 1), date(2024, 1, 1), date(2025, 1, 1), date(2026, 1, 1))
ISSUED = (date(2025, 6, 30), date(2025, 3, 1))
HALVES = list(PostedHalf)
# Days on and beside each edge of both windows and of their years.
EDGES = sorted({day + timedelta(days=off) for day in (*ROLLING, *CALENDAR) for off in (-1, 0, 1)})


@dataclass(frozen=True)
class Case:
    day: date
    disease: str
    insured: str
    by_choice: bool
    cost: int
    share: int
    copayment: int


def _case(day, disease, insured, cost, parts):
    plain = insured in ("employee", "resident")
    share, copayment = (cost * parts[0] // 10, cost * parts[1] // 10) if plain else (cost, cost)
    return Case(
        day,
        disease,
        "self_pay" if insured == "by_choice" else insured,
        insured == "by_choice",
        cost,
        share,
        copayment,
    )


cases = st.builds(
    _case,
    st.one_of(st.sampled_from(EDGES), st.dates(date(2022, 12, 1), date(2026, 2, 1))),
    st.sampled_from(["A", "B", "C"]),
    st.sampled_from(["employee", "resident", "self_pay", "by_choice"]),
    st.integers(0, 40) | st.integers(0, 10**9),
    st.tuples(st.integers(0, 10), st.integers(0, 10)),
)
# Some cases come many times, so that a cell reaches a hundred and has outliers among equal costs.
case_sets = st.lists(st.tuples(cases, st.sampled_from([1, 1, 1, 2, 60, 101])), min_size=1, max_size=10).map(
    lambda drawn: [case for case, times in drawn for _ in range(times)]
)
standards = st.lists(
    st.builds(
        EarlierStandard,
        st.sampled_from(["A", "B", "*"]),
        st.sampled_from(InsuredClass),
        st.integers(0, 60).map(Money),
        st.sampled_from([date.min, date(2025, 2, 28), date(2025, 3, 1), date(2025, 6, 29), date(2025, 6, 30)]),
    ),
    max_size=6,
    unique_by=lambda one: (one.key, one.in_force_from),
)
readings = st.builds(
    MeasuringReadings,
    *map(
        st.sampled_from, (Burden, PastYears, MeanOverYears, Outliers, StandardScope, ISSUED, HALVES, SelfPayClasses)
    ),
)


def expected(
    found: list[Case], earlier: list[EarlierStandard], least: int, by: MeasuringReadings
) -> dict[str, object]:
    """The rows and the posted list by the words of the readings, one case at a time."""
    left_out = by.self_pay_classes is SelfPayClasses.LEFT_OUT
    counted = [case for case in found if not (left_out and case.by_choice)]
    edges = ROLLING if by.past_years is PastYears.ROLLING else CALENDAR
    cells: dict[tuple[str, str], list[Case]] = defaultdict(list)
    for case in counted:
        if edges[0] <= case.day < edges[-1]:
            cells[case.disease, case.insured].append(case)
    rows = {key: _cap(key, cell, earlier, least, by, edges) for key, cell in cells.items()}
    return {"rows": rows, "posted": _posted([case for case in counted if case.day.year == 2025], by.posted_half)}


def _share(case: Case, by: MeasuringReadings) -> int:
    return case.share if by.burden is Burden.WHOLE else case.copayment


def _cap(key, cell, earlier, least, by, edges):
    mean = _mean(cell, by, edges)
    standard = _standard(key, earlier, by)
    if len(cell) < least:
        amount, basis = None, "insufficient"
    elif standard is not None and standard < mean:
        amount, basis = standard // STEP * STEP, "legacy"
    else:
        amount, basis = int(mean / STEP) * STEP, "mean"
    return len(cell), sum(_share(case, by) for case in cell), standard, amount, basis, int(mean)


def _mean(cell, by, edges):
    ordered = sorted(cell, key=lambda case: (case.cost, _share(case, by), case.day))
    end = len(cell) // 100 if by.outliers is Outliers.DROPPED else 0
    kept = ordered[end : len(ordered) - end]
    years = [[case for case in kept if start <= case.day < stop] for start, stop in pairwise(edges)]
    groups = [year for year in years if year] if by.mean_over_years is MeanOverYears.YEARLY else [kept]
    means = [Fraction(sum(_share(case, by) for case in group), len(group)) for group in groups]
    return sum(means) / len(means)


def _standard(key, earlier, by):
    def of(disease):
        held = [one for one in earlier if one.key == (disease, key[1]) and one.in_force_from < by.issued_on]
        return max(held, key=lambda one: one.in_force_from).amount.fen if held else None

    own = of(key[0])
    return of("*") if own is None and by.standard_scope is StandardScope.EVERY_DISEASE else own


def _posted(found, half):
    costs, counts = defaultdict(int), defaultdict(int)
    for case in found:
        costs[case.disease] += case.cost
        counts[case.disease] += 1
    by_cost, by_count = _head(costs), _head(counts)
    groups = sorted(costs, key=lambda code: (-costs[code], code))[: (len(costs) + 1) // 2]
    return sorted(
        {
            PostedHalf.UNION: by_cost | by_count,
            PostedHalf.BY_COST: by_cost,
            PostedHalf.BY_ADMISSIONS: by_count,
            PostedHalf.OF_GROUPS: set(groups),
        }[half]
    )


def _head(sizes):
    order = sorted(sizes, key=lambda code: (-sizes[code], code))
    return next(
        set(order[:count])
        for count in range(len(order) + 1)
        if 2 * sum(sizes[code] for code in order[:count]) >= sum(sizes.values())
    )


def measured(path: Path, earlier: list[EarlierStandard], least: int, by: MeasuringReadings) -> dict[str, object]:
    """The same from the service."""
    found = measure_snapshot(path, MeasureOptions(AS_OF, least, Money(STEP), earlier, {}, by), spread=True)
    rows = {
        (row.statistics.disease_code, row.statistics.insured_class.value): (
            row.statistics.cases,
            row.statistics.sum_burden.fen,
            _fen(row.legacy),
            _fen(row.cap.amount),
            row.cap.basis.value,
            _fen(row.mean),
        )
        for row in found.rows
    }
    return {"rows": rows, "posted": list(found.posted)}


def _fen(amount: Money | None) -> int | None:
    return None if amount is None else amount.fen


def snapshot(folder: str, found: list[Case]) -> Path:
    """``found`` as the snapshot that the service measures from."""
    path = Path(folder) / "cases.parquet"
    names = ("day", "disease", "insured", "by_choice", "cost", "share", "copayment")
    columns = [[getattr(case, name) for case in found] for name in names]
    with bulk_connection() as connection:
        connection.execute(
            f"""COPY (SELECT 'n' AS case_no, unnest(?)::DATE AS discharged_on, unnest(?) AS disease_code,
                'name' AS disease_name, unnest(?) AS insured_class, unnest(?) AS self_pay_by_choice,
                unnest(?)::BIGINT AS total_cost_fen, unnest(?)::BIGINT AS burden_fen,
                unnest(?)::BIGINT AS copayment_fen, 1::BIGINT AS line) TO '{path}' (FORMAT parquet)""",
            columns,
        )
    return path


@settings(max_examples=60)
@given(case_sets, standards, st.integers(0, 3), readings)
def test_any_readings_measure_what_plain_fractions_say(found, earlier, least, by):
    with TemporaryDirectory() as folder:
        assert measured(snapshot(folder, found), earlier, least, by) == expected(found, earlier, least, by)


def test_every_combination_of_readings_that_the_database_follows_is_measured(tmp_path):
    """One set of cases on which every reading matters."""
    plain = [
        _case(
            EDGES[at % len(EDGES)], "ABC"[at % 3], ("employee", "self_pay", "by_choice")[at // 3 % 3], 90 + at, (7, 4)
        )
        for at in range(60)
    ]
    # The dearest bears nothing: outliers go by cost, not by burden.
    odd = {5: (7, 4), 9: (7, 4), 10**6: (1, 2), 10**7: (0, 0)}
    many = [_case(date(2024, 5, 1), "A", "employee", cost, odd.get(cost, (7, 4))) for cost in [50] * 200 + list(odd)]
    # Alone they make more than half of the cost of the year before, so the posted list tells whether they count.
    many += [_case(date(2025, 5, 1), "D", "by_choice", 10**6, (0, 0))]
    earlier = [
        EarlierStandard("A", InsuredClass.EMPLOYEE, Money(30), date(2025, 6, 1)),
        EarlierStandard("*", InsuredClass.SELF_PAY, Money(80)),
    ]
    path, answers = snapshot(str(tmp_path), plain + many), set()
    # The database's part in all combinations, the pure part beside it in turn.
    pure = cycle(product(StandardScope, ISSUED, PostedHalf))
    for burden, past, mean, outliers, left_out in product(Burden, PastYears, MeanOverYears, Outliers, SelfPayClasses):
        by = MeasuringReadings(burden, past, mean, outliers, *next(pure), left_out)
        found = measured(path, earlier, 0, by)
        assert found == expected(plain + many, earlier, 0, by), by
        answers.add(str(found))
    assert len(answers) == 32
