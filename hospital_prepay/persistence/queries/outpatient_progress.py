"""How far refunding had come on a day: every deposit of the register with what its postings had moved by then."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

import sqlalchemy as sa

from hospital_prepay.persistence.models.ledger import LedgerEntry, LedgerPosting
from hospital_prepay.persistence.models.outpatient import OutpatientAccount
from hospital_prepay.persistence.planning import in_bulk

_SUBJECT: Final = "23050102:"
_REFUNDS: Final = ("outpatient_refund", "outpatient_refund_returned")


@dataclass(frozen=True, slots=True)
class ProgressCell:
    """Deposits that agree in the first four: what came in (opening balances, corrections, deposits), what was
    refunded, what left for the treasury, in fen. ``year`` is 0 where the last movement isn't known."""

    standing: str
    year: int
    channel: str
    reach: str
    accounts: int
    in_fen: int
    refunded_fen: int
    remitted_fen: int

    @property
    def balance_fen(self) -> int:
        """What was left on the day."""
        return self.in_fen - self.refunded_fen - self.remitted_fen


def progress_on(connection: sa.Connection, institution_id: str, on: date) -> list[ProgressCell]:
    """Every deposit that the books had by the end of ``on``, added up in one pass."""
    moved = _moved(institution_id, on)
    account = OutpatientAccount
    left = moved.c.in_fen - moved.c.refunded_fen - moved.c.remitted_fen
    standing = sa.case(
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
            moved.c.in_fen,
            moved.c.refunded_fen,
            moved.c.remitted_fen,
        )
        .join(moved, moved.c.account_id == _SUBJECT + account.account_no)
        .where(account.institution_id == institution_id, account.kind == "outpatient_deposit")
        .subquery("told")
    )
    by = (told.c.standing, told.c.year, told.c.channel, told.c.reach)
    sums = (sa.func.sum(told.c[name]) for name in ("in_fen", "refunded_fen", "remitted_fen"))
    with in_bulk(connection):
        rows = connection.execute(sa.select(*by, sa.func.count(), *sums).group_by(*by)).all()
    return [
        ProgressCell(row[0], int(row[1]), row[2], row[3], int(row[4]), int(row[5]), int(row[6]), int(row[7]))
        for row in rows
    ]


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
