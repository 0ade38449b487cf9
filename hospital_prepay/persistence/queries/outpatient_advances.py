"""What the hospital paid ahead for the treasury, for pages: claims with their lists, and the two sums."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from hospital_prepay.domain.ledger.chart import owed_refund_account
from hospital_prepay.persistence.models.ledger import LedgerAccount, LedgerEntry, LedgerPosting
from hospital_prepay.persistence.models.outpatient import OutpatientAccount
from hospital_prepay.persistence.models.outpatient_claims import OutpatientClaim, OutpatientPayout
from hospital_prepay.persistence.models.outpatient_escheat import (
    OutpatientAdvanceLine,
    OutpatientAdvanceList,
    OutpatientBatch,
    OutpatientBatchLine,
)
from hospital_prepay.persistence.outpatient_owners import name_then
from hospital_prepay.persistence.outpatient_treasury import advanced

_OWED: Final = owed_refund_account("")


@dataclass(frozen=True, slots=True)
class Advance:
    """A claim that the hospital paid ahead. ``gone_fen`` left its account for the treasury and wasn't paid on another
    claim, ``remitted_fen`` is with it by its voucher; ``advanced_at`` is when the hospital paid it ahead, whatever
    was paid again since; ``list_no`` is the list that it is on; ``owed_fen`` came back after the treasury gave the
    money, or was asked for it, and waits for the patient."""

    claim_id: str
    refund_no: str
    account_no: str
    holder_name: str
    amount_fen: int
    gone_fen: int
    remitted_fen: int
    advanced_at: datetime | None
    ground: str
    list_no: int | None
    list_state: str | None
    applied_fen: int | None
    owed_fen: int

    @property
    def own_cost_fen(self) -> int:
        """What was paid above it, for a miscount of our own: the hospital's cost."""
        return max(0, self.amount_fen - self.gone_fen)

    @property
    def may_apply_fen(self) -> int:
        """What the next year's budget may be asked for: what the treasury has got."""
        return min(self.amount_fen, self.remitted_fen)


def remitted_fen(connection: sa.Connection, institution_id: str, until: datetime | None = None) -> int:
    """Fen that were remitted in all; ``until`` is the last moment that counts, where there is one."""
    query = sa.select(sa.func.coalesce(sa.func.sum(OutpatientBatch.total_fen), 0)).where(
        OutpatientBatch.institution_id == institution_id, OutpatientBatch.state == "remitted"
    )
    if until is not None:
        query = query.where(OutpatientBatch.remitted_at <= until)
    return int(connection.scalar(query) or 0)


def treasury_sums(connection: sa.Connection, institution_id: str) -> tuple[int, int]:
    """Fen that were remitted in all, and fen that were applied for of it."""
    applied = connection.scalar(
        sa.select(sa.func.coalesce(sa.func.sum(OutpatientAdvanceLine.applied_fen), 0)).where(
            OutpatientAdvanceLine.institution_id == institution_id, OutpatientAdvanceLine.counts
        )
    )
    return remitted_fen(connection, institution_id), int(applied or 0)


def advances(
    connection: sa.Connection, institution_id: str, list_no: int | None = None, until: datetime | None = None
) -> list[Advance]:
    """Claims on remitted money that were paid, the newest first, each with its list, also where the bank sent the
    money back since; or the lines of one list, those that don't count any more among them, with what was paid ahead
    ``until`` it was made."""
    line, claim, advanced_at = OutpatientAdvanceLine, OutpatientClaim, _advanced_at(until)
    on = sa.and_(line.institution_id == claim.institution_id, line.claim_id == claim.claim_id)
    query = (
        sa.select(
            claim.claim_id,
            claim.refund_no,
            claim.account_no,
            # As the claim was accepted: what was applied for stays as it is.
            sa.func.coalesce(
                name_then(claim.account_no, claim.institution_id, claim.accepted_at), OutpatientAccount.holder_name
            ),
            claim.amount_fen,
            _with_treasury("approved", "booked", "remitted", until=until),
            _with_treasury("remitted", until=until),
            advanced_at.label("advanced_at"),
            claim.ground,
            line.list_no,
            OutpatientAdvanceList.state,
            line.applied_fen,
            sa.func.coalesce(_owed(), 0),
        )
        .join_from(claim, line, on if list_no is not None else sa.and_(on, line.counts), isouter=list_no is None)
        .join(
            OutpatientAdvanceList,
            sa.and_(
                OutpatientAdvanceList.institution_id == line.institution_id,
                OutpatientAdvanceList.list_no == line.list_no,
            ),
            isouter=True,
        )
        .join(
            OutpatientAccount,
            sa.and_(
                OutpatientAccount.institution_id == claim.institution_id,
                OutpatientAccount.account_no == claim.account_no,
            ),
        )
        .where(
            claim.institution_id == institution_id,
            claim.remitted,
            sa.or_(claim.state == "arrived", line.list_no.is_not(None), _owed() > 0),
        )
        .order_by(sa.desc("advanced_at"), claim.claim_id.desc())
    )
    if list_no is not None:
        # What left a list before it went isn't shown on it; what stood on one that was refused is.
        query = query.where(line.list_no == list_no, sa.or_(line.counts, OutpatientAdvanceList.state == "refused"))
    return [Advance(*tuple(row)) for row in connection.execute(query)]


def owed_fen(connection: sa.Connection, institution_id: str, on: date) -> int:
    """What had come back after the treasury gave it, or was asked for it, and was owed to patients at the end of
    ``on``."""
    line, entry = LedgerPosting, LedgerEntry
    query = (
        sa.select(sa.func.coalesce(sa.func.sum(line.credit_fen - line.debit_fen), 0))
        .join(entry, sa.and_(entry.institution_id == line.institution_id, entry.entry_no == line.entry_no))
        .where(
            line.institution_id == institution_id,
            line.account_id.startswith(_OWED),
            entry.effective_on <= on,
        )
    )
    return int(connection.scalar(query) or 0)


def _advanced_at(until: datetime | None) -> Any:
    """When a claim was paid ahead the last time: not when what came back of it was paid again."""
    payout, entry = OutpatientPayout, LedgerEntry
    by_then = () if until is None else (entry.posted_at <= until,)
    return (
        sa.select(sa.func.max(payout.sent_at, type_=payout.sent_at.type))
        .join(entry, sa.and_(entry.institution_id == payout.institution_id, entry.entry_no == payout.entry_no))
        .where(
            payout.institution_id == OutpatientClaim.institution_id,
            payout.claim_id == OutpatientClaim.claim_id,
            entry.kind == "outpatient_advance",
            *by_then,
        )
        .scalar_subquery()
    )


def _owed() -> Any:
    """What of a claim is owed to its patient."""
    return (
        sa.select(LedgerAccount.balance_fen)
        .where(
            LedgerAccount.institution_id == OutpatientClaim.institution_id,
            LedgerAccount.account_id == _OWED + OutpatientClaim.claim_id,
        )
        .scalar_subquery()
    )


def _with_treasury(*states: str, until: datetime | None) -> Any:
    """What of a claim's account stands in batches of ``states`` and wasn't paid on another of its claims ``until``
    then; whole fen, where PostgreSQL's sum is a decimal."""
    total = sa.func.coalesce(sa.func.sum(OutpatientBatchLine.balance_fen), 0)
    other = aliased(OutpatientClaim)
    elsewhere = (
        sa.select(sa.cast(sa.func.coalesce(sa.func.sum(advanced(other, until)), 0), sa.BigInteger))
        .where(
            other.institution_id == OutpatientClaim.institution_id,
            other.account_no == OutpatientClaim.account_no,
            other.claim_id != OutpatientClaim.claim_id,
            other.remitted,
        )
        .scalar_subquery()
    )
    gone = (
        sa.select(sa.cast(total, sa.BigInteger))
        .join(
            OutpatientBatch,
            sa.and_(
                OutpatientBatch.institution_id == OutpatientBatchLine.institution_id,
                OutpatientBatch.batch_no == OutpatientBatchLine.batch_no,
            ),
        )
        .where(
            OutpatientBatchLine.institution_id == OutpatientClaim.institution_id,
            OutpatientBatchLine.account_no == OutpatientClaim.account_no,
            OutpatientBatch.state.in_(states),
        )
        .scalar_subquery()
    )
    return gone - elsewhere
