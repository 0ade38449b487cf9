"""Approvals that were taken back and applications that were withdrawn, as rows. The database holds when that may be
(see migrations 0022 and 0033)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from hospital_prepay.persistence.models.fund_approvals import FundApplicationWithdrawn, FundApprovalWithdrawn
from hospital_prepay.persistence.rows import refusing, rows_of


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """An approval as it was recorded, and who took it back and why."""

    withdrawn_no: int
    approved_fen: int
    approved_on: date
    approval_document: str
    recorded_by: str
    recorded_at: datetime
    ground: str
    withdrawn_by: str
    withdrawn_at: datetime


def add_withdrawn(connection: sa.Connection, values: dict[str, Any]) -> None:
    """Keep what is taken back; :class:`Conflict` when it doesn't stand any more."""
    with (
        refusing("这笔批复已经到账、暂停或撤回，现在不能撤回。请刷新后再看；本次没有改动。"),
        connection.begin_nested(),
    ):
        connection.execute(sa.insert(FundApprovalWithdrawn).values(**values))


def withdrawn(connection: sa.Connection, institution_id: str, grant_id: str) -> list[Withdrawn]:
    """Every approval of a grant that was taken back, oldest first."""
    table = FundApprovalWithdrawn
    of_grant = table.grant_id == grant_id
    return rows_of(connection, table, Withdrawn, institution_id, of_grant, order=(table.withdrawn_no,))


@dataclass(frozen=True, slots=True)
class WithdrawnApplication:
    """An application as it was filed, and who withdrew it and why."""

    grant_id: str
    withdrawn_no: int
    decision_id: str
    applied_fen: int
    applied_by: str
    applied_at: datetime
    ground: str
    withdrawn_by: str
    withdrawn_at: datetime


def add_withdrawn_application(connection: sa.Connection, values: dict[str, Any]) -> None:
    """Keep what is withdrawn; :class:`Conflict` when somebody decided it meanwhile."""
    with (
        refusing("这份申请已经登记过批复或撤回，现在不能撤回。请刷新后再看；本次没有改动。"),
        connection.begin_nested(),
    ):
        connection.execute(sa.insert(FundApplicationWithdrawn).values(**values))


def withdrawn_applications(connection: sa.Connection, institution_id: str) -> list[WithdrawnApplication]:
    """Every application that was withdrawn, in the order of its grant."""
    table = FundApplicationWithdrawn
    order = (table.grant_id, table.withdrawn_no)
    return rows_of(connection, table, WithdrawnApplication, institution_id, order=order)
