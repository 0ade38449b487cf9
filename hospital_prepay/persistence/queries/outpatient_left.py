"""Frozen lists for the treasury that can't go any more: somebody came for an account that stands on them, or the bank
sent back what had been paid of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from hospital_prepay.persistence.models.outpatient import OutpatientAccount
from hospital_prepay.persistence.models.outpatient_claims import OutpatientClaim, OutpatientPayout
from hospital_prepay.persistence.models.outpatient_escheat import OutpatientBatch, OutpatientBatchLine

_SHOWN: Final = 20
_UNDER_WAY: Final = ("accepted", "reviewed", "confirmed", "sent", "failed")
# Only a claim takes an account off a list, or what comes back of one. A claim that began before the freezing may have
# been written just after it.
_MARGIN: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class LeftAccount:
    """An account that left its list, with its latest claim; ``is_claimed`` while that claim is under way."""

    account_no: str
    claim_id: str
    is_claimed: bool


@dataclass(frozen=True, slots=True)
class Left:
    """How many accounts left a frozen list, and the first of them: while there is one, nobody approves the list."""

    count: int = 0
    first: tuple[LeftAccount, ...] = ()


def left_of_batch(connection: sa.Connection, institution_id: str, batch_no: int) -> Left:
    """The accounts of a batch that left its list since it was frozen; none of a batch that isn't frozen."""
    frozen_at = _frozen(connection, institution_id).get(batch_no)
    if frozen_at is None:
        return Left()
    claim, account = OutpatientClaim, OutpatientAccount
    claimed = claim.state.in_(_UNDER_WAY)
    where = _where(institution_id, batch_no, frozen_at)
    source = _sources()
    count = connection.scalar(
        sa.select(sa.func.count(sa.distinct(account.account_no))).select_from(source).where(*where)
    )
    query = (
        sa.select(account.account_no, claim.claim_id, claimed)
        .select_from(source)
        .where(*where)
        .order_by(account.account_no, claim.accepted_at.desc())
        .limit(5 * _SHOWN)
    )
    found: dict[str, LeftAccount] = {}
    for number, claim_id, is_claimed in connection.execute(query):
        found.setdefault(number, LeftAccount(number, claim_id, bool(is_claimed)))
    return Left(int(count or 0), tuple(found.values())[:_SHOWN])


def stale_batches(connection: sa.Connection, institution_id: str) -> frozenset[int]:
    """The frozen batches that some account left."""
    return frozenset(
        batch_no
        for batch_no, frozen_at in _frozen(connection, institution_id).items()
        if connection.scalar(
            sa.select(sa.literal(1))
            .select_from(_sources())
            .where(*_where(institution_id, batch_no, frozen_at))
            .limit(1)
        )
    )


def _frozen(connection: sa.Connection, institution_id: str) -> dict[int, datetime]:
    table = OutpatientBatch
    query = sa.select(table.batch_no, table.frozen_at).where(
        table.institution_id == institution_id, table.state == "frozen"
    )
    return {int(batch_no): frozen_at for batch_no, frozen_at in connection.execute(query) if frozen_at is not None}


def _sources() -> Any:
    claim, line, account = OutpatientClaim, OutpatientBatchLine, OutpatientAccount
    on_list = sa.and_(line.institution_id == claim.institution_id, line.account_no == claim.account_no)
    own = sa.and_(account.institution_id == claim.institution_id, account.account_no == claim.account_no)
    return sa.join(claim, line, on_list).join(account, own)


def _where(institution_id: str, batch_no: int, frozen_at: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    """Begins with the few claims since the freezing and the few that ever came back, however long the list is."""
    claim, payout = OutpatientClaim, OutpatientPayout
    came_back = sa.select(payout.claim_id).where(payout.institution_id == institution_id, payout.return_key != "")
    return (
        claim.institution_id == institution_id,
        sa.or_(claim.accepted_at >= frozen_at - _MARGIN, claim.claim_id.in_(came_back)),
        OutpatientBatchLine.batch_no == batch_no,
        sa.or_(OutpatientAccount.state != "frozen", claim.state.in_(_UNDER_WAY)),
    )
