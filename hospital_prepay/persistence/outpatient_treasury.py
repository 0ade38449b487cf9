"""What went to the treasury of an account, and what of it was paid ahead to its owner since (8)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from hospital_prepay.domain.ledger.chart import advance_account
from hospital_prepay.persistence.models.ledger import LedgerEntry, LedgerPosting
from hospital_prepay.persistence.models.outpatient_claims import OutpatientClaim
from hospital_prepay.persistence.models.outpatient_escheat import OutpatientBatch, OutpatientBatchLine

REMITTED: Final = ("approved", "booked", "remitted")


def remitted_fen(
    connection: sa.Connection, institution_id: str, account_no: str, states: Sequence[str] = REMITTED
) -> int:
    """What went, or irrevocably goes, to the treasury of this account: in batches that stand in ``states``."""
    total = sa.select(sa.func.coalesce(sa.func.sum(OutpatientBatchLine.balance_fen), 0))
    query = total.join(
        OutpatientBatch,
        sa.and_(
            OutpatientBatch.institution_id == OutpatientBatchLine.institution_id,
            OutpatientBatch.batch_no == OutpatientBatchLine.batch_no,
        ),
    ).where(
        OutpatientBatchLine.institution_id == institution_id,
        OutpatientBatchLine.account_no == account_no,
        OutpatientBatch.state.in_(states),
    )
    return int(connection.scalar(query) or 0)


def left_with_treasury(connection: sa.Connection, institution_id: str, account_no: str, claim_id: str = "") -> int:
    """What the treasury has of this account and nobody was paid ahead, in fen; what was paid on ``claim_id`` itself
    counts as left."""
    claim = OutpatientClaim
    paid = connection.scalar(
        sa.select(sa.func.coalesce(sa.func.sum(advanced()), 0)).where(
            claim.institution_id == institution_id,
            claim.account_no == account_no,
            claim.remitted,
            claim.claim_id != claim_id,
        )
    )
    return remitted_fen(connection, institution_id, account_no) - int(paid or 0)


def advanced_fen(connection: sa.Connection, institution_id: str, claim_id: str) -> int:
    """What was paid ahead for the treasury on one claim and stands, in fen."""
    claim = OutpatientClaim
    query = sa.select(advanced()).where(claim.institution_id == institution_id, claim.claim_id == claim_id)
    return int(connection.scalar(query) or 0)


def advanced(claim: Any = OutpatientClaim, until: datetime | None = None) -> sa.ScalarSelect[int]:
    """What was paid ahead for the treasury on each of a query's claims, in fen; what was reversed isn't. ``until`` is
    the last moment that counts, where there is one."""
    line, entry = LedgerPosting, LedgerEntry
    by_then = () if until is None else (entry.posted_at <= until,)
    total = sa.func.coalesce(sa.func.sum(line.debit_fen - line.credit_fen), 0)
    return (
        sa.select(sa.cast(total, sa.BigInteger))
        .join(entry, sa.and_(entry.institution_id == line.institution_id, entry.entry_no == line.entry_no))
        .where(
            line.institution_id == claim.institution_id,
            line.account_id == advance_account("") + claim.claim_id,
            entry.kind.in_(("outpatient_advance", "outpatient_advance_returned")),
            *by_then,
        )
        .correlate(claim)
        .scalar_subquery()
    )
