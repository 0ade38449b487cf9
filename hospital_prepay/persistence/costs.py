"""Costs of stays so far, and the stays in hospital with their newest."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from hospital_prepay.persistence.models.arrears import StayCost
from hospital_prepay.persistence.models.inpatient import Stay, StayCap
from hospital_prepay.persistence.models.ledger import LedgerAccount
from hospital_prepay.persistence.models.settlement import SettlementRow


@dataclass(frozen=True, slots=True)
class CostRow:
    """A stay in hospital with its newest costs; amounts in fen. ``collected_fen`` is all that was collected in the
    stay and not given back, with what interim settlements took of it."""

    stay_no: str
    patient_name: str
    ward: str
    admitted_at: datetime
    insured_class: str
    cap_fen: int | None
    as_of: datetime
    total_fen: int
    own_fen: int
    held_fen: int
    applied_fen: int

    @property
    def collected_fen(self) -> int:
        """What the patient has paid in."""
        return self.held_fen + self.applied_fen


def find(connection: sa.Connection, institution_id: str, stay_no: str, as_of: datetime) -> tuple[int, int] | None:
    """Total and own share that were told of a stay at a moment."""
    row = connection.execute(
        sa.select(StayCost.total_fen, StayCost.own_fen).where(
            StayCost.institution_id == institution_id, StayCost.stay_no == stay_no, StayCost.as_of == as_of
        )
    ).one_or_none()
    return None if row is None else (row.total_fen, row.own_fen)


def add(connection: sa.Connection, values: dict[str, Any]) -> None:
    """Keep what was told."""
    connection.execute(sa.insert(StayCost).values(**values))


def in_hospital(connection: sa.Connection, institution_id: str) -> list[CostRow]:
    """Stays in hospital whose costs are known, by ward and number."""
    newest = (
        sa.select(StayCost.stay_no, sa.func.max(StayCost.as_of).label("as_of"))
        .where(StayCost.institution_id == institution_id)
        .group_by(StayCost.stay_no)
        .subquery()
    )
    version = (
        sa.select(sa.func.max(StayCap.version_no))
        .where(StayCap.institution_id == Stay.institution_id, StayCap.stay_no == Stay.stay_no)
        .correlate(Stay)
        .scalar_subquery()
    )
    applied = (
        sa.select(sa.func.coalesce(sa.func.sum(SettlementRow.applied_fen), 0))
        .where(
            SettlementRow.institution_id == Stay.institution_id,
            SettlementRow.stay_no == Stay.stay_no,
            SettlementRow.recalled_at.is_(None),
        )
        .scalar_subquery()
    )
    rows = connection.execute(
        sa.select(
            Stay.stay_no,
            Stay.patient_name,
            Stay.ward,
            Stay.admitted_at,
            StayCap.insured_class,
            StayCap.cap_fen,
            StayCost.as_of,
            StayCost.total_fen,
            StayCost.own_fen,
            LedgerAccount.balance_fen,
            sa.cast(applied, sa.BigInteger),
        )
        .join(newest, newest.c.stay_no == Stay.stay_no)
        .join(
            StayCost,
            sa.and_(
                StayCost.institution_id == Stay.institution_id,
                StayCost.stay_no == Stay.stay_no,
                StayCost.as_of == newest.c.as_of,
            ),
        )
        .join(
            StayCap,
            sa.and_(
                StayCap.institution_id == Stay.institution_id,
                StayCap.stay_no == Stay.stay_no,
                StayCap.version_no == version,
            ),
        )
        .join(
            LedgerAccount,
            sa.and_(
                LedgerAccount.institution_id == Stay.institution_id,
                LedgerAccount.account_id == "23050103:" + Stay.stay_no,
            ),
        )
        .where(Stay.institution_id == institution_id, Stay.discharged_at.is_(None), Stay.cancelled_at.is_(None))
        .order_by(Stay.ward, Stay.stay_no)
    )
    return [CostRow(*row) for row in rows]
