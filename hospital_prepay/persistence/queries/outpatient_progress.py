"""How far refunding had come on a day: every deposit of the register with what its postings had moved by then."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

import sqlalchemy as sa

from hospital_prepay.domain.ledger.chart import OWN_COST, advance_account
from hospital_prepay.persistence.models.ledger import LedgerEntry, LedgerPosting
from hospital_prepay.persistence.models.outpatient import OutpatientAccount, OutpatientImport
from hospital_prepay.persistence.models.outpatient_claims import OutpatientClaim
from hospital_prepay.persistence.planning import in_bulk

_SUBJECT: Final = "23050102:"
_SUMS: Final = ("in_fen", "refunded_fen", "remitted_fen")
_REFUNDS: Final = ("outpatient_refund", "outpatient_refund_returned")
_AHEAD: Final = ("outpatient_advance", "outpatient_advance_returned")


@dataclass(frozen=True, slots=True)
class ProgressCell:
    """Deposits that agree in the first four: what came in (opening balances, corrections, deposits), what was
    refunded, what left for the treasury, and what was paid after that, in fen. ``year`` is 0 where the last movement
    isn't known."""

    standing: str
    year: int
    channel: str
    reach: str
    accounts: int
    in_fen: int
    refunded_fen: int
    remitted_fen: int
    paid_fen: int

    @property
    def balance_fen(self) -> int:
        """What was left on the day."""
        return self.in_fen - self.refunded_fen - self.remitted_fen


def progress_on(connection: sa.Connection, institution_id: str, on: date, ended_at: datetime) -> list[ProgressCell]:
    """Every deposit of the census that the books had by the end of ``on``, the moment ``ended_at``, added up in one
    pass; among them those that held nothing when they were counted. What article 6 lets the hospital keep is no stock
    to clear."""
    moved, paid = _moved(institution_id, on), _paid(institution_id, on)
    account, counted = OutpatientAccount, OutpatientImport
    left = moved.c.in_fen - moved.c.refunded_fen - moved.c.remitted_fen
    standing = sa.case(
        (moved.c.account_id.is_(None), "empty"),
        (sa.and_(left > 0, account.filed_on <= on), "filed"),
        (left > 0, "unfiled"),
        (moved.c.remitted_fen > 0, "remitted"),
        else_="refunded",
    )
    told = (
        sa.select(
            standing.label("standing"),
            sa.func.coalesce(sa.extract("year", account.last_movement_on), 0).label("year"),
            account.channel,
            account.reach,
            *(sa.func.coalesce(moved.c[name], 0).label(name) for name in _SUMS),
            sa.func.coalesce(paid.c.paid_fen, 0).label("paid_fen"),
        )
        .outerjoin(moved, moved.c.account_id == _SUBJECT + account.account_no)
        .outerjoin(paid, paid.c.account_no == account.account_no)
        .outerjoin(
            counted,
            sa.and_(counted.institution_id == account.institution_id, counted.import_no == account.import_no),
        )
        .where(
            account.institution_id == institution_id,
            account.kind == "outpatient_deposit",
            account.import_no.is_not(None),
            sa.or_(moved.c.account_id.is_not(None), counted.booked_at < ended_at),
        )
        .subquery("told")
    )
    by = (told.c.standing, told.c.year, told.c.channel, told.c.reach)
    sums = (sa.func.sum(told.c[name]) for name in (*_SUMS, "paid_fen"))
    with in_bulk(connection):
        rows = connection.execute(sa.select(*by, sa.func.count(), *sums).group_by(*by)).all()
    return [ProgressCell(row[0], int(row[1]), row[2], row[3], *(int(one) for one in row[4:])) for row in rows]


def _moved(institution_id: str, on: date) -> sa.Subquery:
    line, entry = LedgerPosting, LedgerEntry
    change = line.credit_fen - line.debit_fen
    refunded, remitted = entry.kind.in_(_REFUNDS), entry.kind == "outpatient_escheat"
    return (
        sa.select(
            line.account_id,
            sa.func.sum(sa.case((sa.or_(refunded, remitted), 0), else_=change)).label("in_fen"),
            sa.func.sum(sa.case((refunded, -change), else_=0)).label("refunded_fen"),
            sa.func.sum(sa.case((remitted, -change), else_=0)).label("remitted_fen"),
        )
        .join(entry, sa.and_(entry.institution_id == line.institution_id, entry.entry_no == line.entry_no))
        .where(
            line.institution_id == institution_id,
            line.account_id.startswith(_SUBJECT),
            entry.effective_on <= on,
        )
        .group_by(line.account_id)
        .subquery("moved")
    )


def _paid(institution_id: str, on: date) -> sa.Subquery:
    """What owners were paid after their money had gone to the treasury, with what went beyond it; what was reversed
    wasn't."""
    line, entry, claim = LedgerPosting, LedgerEntry, OutpatientClaim
    return (
        sa.select(claim.account_no, sa.func.sum(line.debit_fen - line.credit_fen).label("paid_fen"))
        .join(
            entry,
            sa.and_(
                entry.institution_id == claim.institution_id,
                entry.source == "outpatient_claim:" + claim.claim_id,
            ),
        )
        .join(line, sa.and_(line.institution_id == entry.institution_id, line.entry_no == entry.entry_no))
        .where(
            claim.institution_id == institution_id,
            claim.remitted,
            entry.kind.in_(_AHEAD),
            entry.effective_on <= on,
            sa.or_(line.account_id.startswith(advance_account("")), line.account_id == OWN_COST),
        )
        .group_by(claim.account_no)
        .subquery("paid")
    )
