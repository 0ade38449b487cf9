"""Moments as Shanghai's wall shows them, inside a query, on either database."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from hospital_prepay.persistence.models.base import UtcMoment


class EndOf(FunctionElement[Any]):
    """The moment in which a day ends: what is before it lies on the day or earlier."""

    type = UtcMoment()
    inherit_cache = True


class MonthOf(FunctionElement[Any]):
    """The month of a moment, ``2025-10``."""

    type = sa.String()
    inherit_cache = True


class HoursBetween(FunctionElement[Any]):
    """Whole hours from the first moment to the second, rounded down."""

    type = sa.Integer()
    inherit_cache = True


# China keeps one time without summer time: eight hours before UTC, all year.
@compiles(EndOf, "sqlite")
def _end_sqlite(element: EndOf, compiler: Any, **options: Any) -> str:
    # Moments are kept as texts that sort, so that no date is worked out for a row.
    return f"({compiler.process(element.clauses, **options)} || 'T16:00')"


@compiles(EndOf, "postgresql")
def _end_postgresql(element: EndOf, compiler: Any, **options: Any) -> str:
    return f"timezone('Asia/Shanghai', CAST({compiler.process(element.clauses, **options)} + 1 AS timestamp))"


@compiles(MonthOf, "sqlite")
def _month_sqlite(element: MonthOf, compiler: Any, **options: Any) -> str:
    return f"substr(date({compiler.process(element.clauses, **options)}, '+8 hours'), 1, 7)"


@compiles(MonthOf, "postgresql")
def _month_postgresql(element: MonthOf, compiler: Any, **options: Any) -> str:
    return f"to_char(timezone('Asia/Shanghai', {compiler.process(element.clauses, **options)}), 'YYYY-MM')"


@compiles(HoursBetween, "sqlite")
def _hours_sqlite(element: HoursBetween, compiler: Any, **options: Any) -> str:
    start, end = (compiler.process(one, **options) for one in element.clauses)
    return f"((unixepoch({end}) - unixepoch({start})) / 3600)"


@compiles(HoursBetween, "postgresql")
def _hours_postgresql(element: HoursBetween, compiler: Any, **options: Any) -> str:
    start, end = (compiler.process(one, **options) for one in element.clauses)
    return f"CAST(floor(extract(epoch FROM {end} - {start}) / 3600) AS integer)"
