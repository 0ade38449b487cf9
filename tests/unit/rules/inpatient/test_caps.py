from datetime import date
from fractions import Fraction
from itertools import pairwise

import pytest

from hospital_prepay.domain.insured_class import InsuredClass
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.inpatient.caps import (
    Basis,
    Cell,
    DiseaseTotal,
    Window,
    measure_caps,
    measuring_window,
    posted_diseases,
    previous_year,
)
from hospital_prepay.domain.rules.inpatient.readings import PastYears

YUAN = Money(100)
FEN = Money(1)
HALF = Fraction(1, 2)
EMPLOYEE = InsuredClass.EMPLOYEE
MEAN, SIMILAR = "guizhou-deposit-2025/12", "guizhou-deposit-2025/18"


def cell(code="A", cases=1, burden=0, legacy=None, insured=EMPLOYEE):
    return Cell(code, insured, cases, Money(burden), None if legacy is None else Money(legacy))


def cap_of(*cells, similar=None, min_cases=0, step=YUAN, code="A"):
    return measure_caps(cells, similar or {}, min_cases, step)[code, EMPLOYEE]


@pytest.mark.clause("guizhou-deposit-2025/12")
def test_the_cap_is_the_mean_rounded_down_once():
    cap = cap_of(cell(cases=3, burden=100_099))
    assert (cap.amount, cap.basis, cap.clauses) == (Money(33_300), Basis.MEAN, (MEAN,))


def test_rounding_takes_the_step_asked_for():
    assert cap_of(cell(cases=3, burden=100_099), step=FEN).amount == Money(33_366)
    assert cap_of(cell(cases=3, burden=100_099), step=Money(10_000)).amount == Money(30_000)


def test_the_mean_is_not_rounded_before_it_is_compared():
    # mean 333.66⅓ against 333.66: the earlier standard is lower by a third of a fen.
    assert cap_of(cell(cases=3, burden=100_099, legacy=33_366), step=FEN).basis is Basis.LEGACY
    assert cap_of(cell(cases=3, burden=100_099, legacy=33_367), step=FEN).basis is Basis.MEAN


def test_equal_amounts_rest_on_the_mean():
    assert cap_of(cell(cases=2, burden=200_000, legacy=100_000)).basis is Basis.MEAN


@pytest.mark.clause("guizhou-deposit-2025/12")
def test_a_lower_earlier_standard_is_the_cap_and_is_rounded_down_too():
    cap = cap_of(cell(cases=2, burden=200_000, legacy=90_050))
    assert (cap.amount, cap.basis, cap.clauses) == (Money(90_000), Basis.LEGACY, (MEAN,))


@pytest.mark.clause("guizhou-deposit-2025/18")
def test_too_few_cases_take_the_lowest_similar_cap_of_the_same_class():
    resident = cell("B", 50, 50 * 10_000, insured=InsuredClass.RESIDENT)
    cap = cap_of(
        cell(cases=9, burden=10),
        resident,
        cell("B", 10, 500_000),
        cell("C", 10, 400_000),
        similar={"A": ("B", "C", "D")},
        min_cases=10,
    )
    assert (cap.amount, cap.basis, cap.clauses) == (Money(40_000), Basis.SIMILAR, (SIMILAR,))


def test_enough_cases_is_the_minimum_itself():
    assert cap_of(cell(cases=10, burden=100_000), cell("B", 10, 10), similar={"A": ("B",)}, min_cases=10).basis is (
        Basis.MEAN
    )


def test_a_similar_cap_never_passes_the_own_earlier_standard():
    cap = cap_of(cell(cases=1, burden=10, legacy=30_050), cell("B", 10, 400_000), similar={"A": ("B",)}, min_cases=10)
    assert (cap.amount, cap.basis, cap.clauses) == (Money(30_000), Basis.SIMILAR, (SIMILAR, MEAN))
    equal = cap_of(cell(cases=1, legacy=40_000), cell("B", 10, 400_000), similar={"A": ("B",)}, min_cases=10)
    assert equal.clauses == (SIMILAR,)


def test_a_reference_goes_one_step_only():
    cells = cell("A", 1), cell("B", 1), cell("C", 10, 100_000)
    cap = cap_of(*cells, similar={"A": ("B",), "B": ("C",)}, min_cases=10)
    assert (cap.amount, cap.basis, cap.clauses) == (None, Basis.INSUFFICIENT, (SIMILAR,))
    assert cap_of(*cells, similar={"A": ("B",), "B": ("C",)}, min_cases=10, code="B").basis is Basis.SIMILAR


def test_a_similar_disease_may_rest_on_its_earlier_standard():
    cap = cap_of(cell(cases=0), cell("B", 10, 400_000, legacy=20_000), similar={"A": ("B",)})
    assert (cap.amount, cap.basis) == (Money(20_000), Basis.SIMILAR)


def test_a_cell_without_cases_has_no_mean_even_without_a_minimum():
    assert cap_of(cell(cases=0, legacy=50_000)).basis is Basis.INSUFFICIENT


@pytest.mark.parametrize(
    ("as_of", "first", "last"),
    [
        (date(2025, 6, 30), date(2022, 1, 1), date(2024, 12, 31)),
        (date(2025, 12, 31), date(2022, 1, 1), date(2024, 12, 31)),
        (date(2026, 1, 1), date(2023, 1, 1), date(2025, 12, 31)),
    ],
)
def test_the_window_is_the_three_full_years_before(as_of, first, last):
    assert measuring_window(as_of, 3) == Window(first, last)
    assert previous_year(as_of) == Window(date(last.year, 1, 1), last)


@pytest.mark.parametrize(
    ("as_of", "first", "last"),
    [
        (date(2026, 1, 15), date(2023, 1, 15), date(2026, 1, 14)),
        (date(2026, 1, 1), date(2023, 1, 1), date(2025, 12, 31)),
        (date(2028, 2, 29), date(2025, 3, 1), date(2028, 2, 28)),
        (date(2028, 3, 1), date(2025, 3, 1), date(2028, 2, 29)),
    ],
)
def test_a_rolling_window_has_three_years_that_end_the_day_before(as_of, first, last):
    window = measuring_window(as_of, 3, PastYears.ROLLING)
    assert window == Window(first, last)
    assert len(window.years) == 3
    assert (window.years[0].first, window.years[-1].last) == (first, last)
    assert all((after.first - before.last).days == 1 for before, after in pairwise(window.years))


def test_the_years_of_calendar_years_are_these():
    years = measuring_window(date(2026, 7, 1), 3).years
    assert years == tuple(Window(date(year, 1, 1), date(year, 12, 31)) for year in (2023, 2024, 2025))


def test_the_window_is_as_long_as_the_rulebook_says():
    assert measuring_window(date(2026, 1, 1), 5).first == date(2021, 1, 1)


def total(code, cases, cost):
    return DiseaseTotal(code, cases, Money(cost))


@pytest.mark.clause("guizhou-deposit-2025/18")
def test_the_posted_list_is_the_union_of_the_two_shortest_heads():
    totals = [total("A", 1, 60), total("B", 5, 10), total("C", 3, 20), total("D", 1, 10)]
    assert posted_diseases(totals, HALF) == ("A", "B")


def test_a_head_that_reaches_exactly_half_is_long_enough():
    assert posted_diseases([total("A", 1, 50), total("B", 1, 30), total("C", 2, 20)], HALF) == ("A", "C")


def test_another_share_makes_another_head():
    totals = [total("A", 2, 60), total("B", 1, 30), total("C", 1, 10)]
    assert posted_diseases(totals, Fraction(9, 10)) == ("A", "B", "C")
    assert posted_diseases(totals, Fraction(1, 10)) == ("A",)


def test_ties_go_by_code():
    assert posted_diseases([total("C", 1, 10), total("B", 1, 10), total("A", 1, 10)], HALF) == ("A", "B")


def test_a_year_without_cases_posts_nothing():
    assert posted_diseases([], HALF) == ()
