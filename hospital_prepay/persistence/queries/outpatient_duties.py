"""The register of outpatients' deposits added up by age, for the calendar of duties."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Final

import sqlalchemy as sa

from hospital_prepay.domain.rules.outpatient.duties import Accounts
from hospital_prepay.persistence.models.ledger import LedgerAccount
from hospital_prepay.persistence.models.outpatient import OutpatientAccount
from hospital_prepay.persistence.models.outpatient_claims import OutpatientClaim
from hospital_prepay.persistence.planning import in_bulk

_UNDER_WAY: Final = ("accepted", "reviewed", "confirmed", "sent", "failed")


def accounts_by_age(
    connection: sa.Connection, institution_id: str, days: Sequence[tuple[date, date]]
) -> list[Accounts]:
    """Deposits that the books have, in one pass. ``days`` are the days of remitting, oldest first, each with the day
    before which an account must have moved last to be old on it."""
    account = OutpatientAccount
    old = [(account.last_movement_on < before, on.year) for on, before in days]
    due = [(sa.and_(account.last_movement_on < before, account.filed_on <= on), on.year) for on, before in days]
    told = (
        sa.select(
            account.state,
            account.import_no.is_not(None).label("is_stock"),
            OutpatientClaim.claim_id.is_not(None).label("is_claimed"),
            sa.case(*old, else_=0).label("old_since"),
            sa.case(*due, else_=0).label("due_since"),
            LedgerAccount.balance_fen,
            account.filed_on,
        )
        .join_from(account, LedgerAccount, _books())
        .outerjoin(OutpatientClaim, sa.and_(_claimed(), OutpatientClaim.state.in_(_UNDER_WAY)))
        .where(account.institution_id == institution_id, account.kind == "outpatient_deposit")
        .subquery("told")
    )
    # Grouped outside: PostgreSQL takes the same expression for another when its values are bound twice.
    by = (told.c.state, told.c.is_stock, told.c.is_claimed, told.c.old_since, told.c.due_since)
    query = sa.select(
        *by,
        sa.func.sum(sa.case((told.c.balance_fen > 0, 1), else_=0)).label("accounts"),
        sa.func.sum(told.c.balance_fen).label("fen"),
        sa.func.max(told.c.filed_on, type_=account.filed_on.type).label("filed_on"),
    ).group_by(*by)
    with in_bulk(connection):
        rows = connection.execute(query).all()
    return [
        Accounts(
            row.state,
            bool(row.is_stock),
            bool(row.is_claimed),
            int(row.old_since),
            int(row.due_since),
            int(row.accounts),
            int(row.fen),
            row.filed_on,
        )
        for row in rows
    ]


def last_refund(connection: sa.Connection, institution_id: str) -> datetime | None:
    """When the latest refund of a counted account was made that was never filed."""
    account, claim = OutpatientAccount, OutpatientClaim
    query = (
        sa.select(sa.func.max(claim.paid_at, type_=claim.paid_at.type))
        .join_from(claim, account, _claimed())
        .where(
            claim.institution_id == institution_id,
            claim.state == "arrived",
            account.import_no.is_not(None),
            account.filed_on.is_(None),
        )
    )
    with in_bulk(connection):
        found: datetime | None = connection.scalar(query)
    return found


def _books() -> sa.ColumnElement[bool]:
    return sa.and_(
        LedgerAccount.institution_id == OutpatientAccount.institution_id,
        LedgerAccount.account_id == "23050102:" + OutpatientAccount.account_no,
    )


def _claimed() -> sa.ColumnElement[bool]:
    return sa.and_(
        OutpatientClaim.institution_id == OutpatientAccount.institution_id,
        OutpatientClaim.account_no == OutpatientAccount.account_no,
    )
