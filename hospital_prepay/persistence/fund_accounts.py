"""Which bank account holds the prepayments, and months said to be without a line. Rows are appended only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from hospital_prepay.domain.rules.fund.accounts import NamedAccount
from hospital_prepay.persistence.models.fund_accounts import FundPrepayAccount, FundQuietMonth
from hospital_prepay.persistence.rows import refusing, rows_of

_TURNED = "别人刚改过。请刷新后再看；本次没有改动。"


@dataclass(frozen=True, slots=True)
class PrepayAccount:
    """A word on which account holds the prepayments."""

    step_no: int
    account: str
    from_on: date
    ground: str
    named_by: str
    named_at: datetime

    @property
    def named(self) -> NamedAccount:
        """The same as the rule takes it."""
        return NamedAccount(self.account, self.from_on)


@dataclass(frozen=True, slots=True)
class QuietMonth:
    """The newest word on whether a month has no line of one kind."""

    period: str
    kind: str
    step_no: int
    quiet: bool
    ground: str
    said_by: str
    said_at: datetime


def prepay_accounts(connection: sa.Connection, institution_id: str) -> list[PrepayAccount]:
    """Every word, in the order in which it was said."""
    table = FundPrepayAccount
    return rows_of(connection, table, PrepayAccount, institution_id, order=(table.step_no,))


def add_prepay_account(connection: sa.Connection, values: dict[str, Any]) -> None:
    """The next word; ``Conflict`` when somebody was quicker."""
    with refusing(_TURNED), connection.begin_nested():
        connection.execute(sa.insert(FundPrepayAccount).values(**values))


def quiet_months(connection: sa.Connection, institution_id: str, period: str) -> dict[str, QuietMonth]:
    """The word that holds of ``period``, by kind of statement."""
    table = FundQuietMonth
    rows = rows_of(connection, table, QuietMonth, institution_id, table.period == period, order=(table.step_no,))
    return {one.kind: one for one in rows}


def quiet_periods(connection: sa.Connection, institution_id: str, kind: str) -> set[str]:
    """Every month that is said to have no line of ``kind``."""
    table = FundQuietMonth
    rows = rows_of(connection, table, QuietMonth, institution_id, table.kind == kind, order=(table.step_no,))
    return {period for period, newest in {one.period: one for one in rows}.items() if newest.quiet}


def add_quiet_month(connection: sa.Connection, values: dict[str, Any]) -> None:
    """The next word on a month; ``Conflict`` when the one before says the same."""
    with refusing(_TURNED), connection.begin_nested():
        connection.execute(sa.insert(FundQuietMonth).values(**values))
