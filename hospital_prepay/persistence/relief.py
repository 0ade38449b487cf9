"""Applications to the emergency relief fund, and the stays that may need one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from hospital_prepay.domain.errors import NotFound
from hospital_prepay.persistence.models.arrears import ReliefApplication
from hospital_prepay.persistence.models.settlement import SettlementResult, SettlementRow


@dataclass(frozen=True, slots=True)
class ReliefRow:
    """An application as it stands; amounts in fen."""

    application_id: str
    stay_no: str
    amount_fen: int
    ground: str
    papers: str
    state: str
    made_by: str
    made_at: datetime
    submitted_by: str | None
    submitted_at: datetime | None
    answered_by: str | None
    answered_at: datetime | None
    granted_fen: int | None
    answer: str
    received_by: str | None
    received_at: datetime | None
    received_fen: int | None
    bank_reference: str | None
    entry_no: int | None
    returned_by: str | None
    returned_at: datetime | None
    return_reference: str | None
    return_entry_no: int | None


_COLUMNS = tuple(getattr(ReliefApplication, name) for name in ReliefRow.__dataclass_fields__)


def applications(connection: sa.Connection, institution_id: str, stay_no: str | None = None) -> list[ReliefRow]:
    """The applications of a stay, or all, the newest first."""
    query = sa.select(*_COLUMNS).where(ReliefApplication.institution_id == institution_id)
    if stay_no is not None:
        query = query.where(ReliefApplication.stay_no == stay_no)
    return [ReliefRow(*row) for row in connection.execute(query.order_by(ReliefApplication.application_id.desc()))]


def find(connection: sa.Connection, institution_id: str, application_id: str) -> ReliefRow:
    """One application. Raises :class:`NotFound`."""
    row = connection.execute(
        sa.select(*_COLUMNS).where(
            ReliefApplication.institution_id == institution_id, ReliefApplication.application_id == application_id
        )
    ).one_or_none()
    if row is None:
        raise NotFound("没有这份申请。请从应急救助页打开。")
    return ReliefRow(*row)


def add(connection: sa.Connection, values: dict[str, Any]) -> None:
    """Draft an application."""
    connection.execute(sa.insert(ReliefApplication).values(**values))


def change(connection: sa.Connection, institution_id: str, application_id: str, values: dict[str, Any]) -> None:
    """Take a step; the database holds the order."""
    connection.execute(
        sa.update(ReliefApplication)
        .where(ReliefApplication.institution_id == institution_id, ReliefApplication.application_id == application_id)
        .values(**values)
    )


def reference_in_use(connection: sa.Connection, institution_id: str, reference: str) -> bool:
    """Whether money with this bank reference was booked for an application already."""
    found = sa.select(ReliefApplication.application_id).where(
        ReliefApplication.institution_id == institution_id, ReliefApplication.bank_reference == reference
    )
    return connection.scalar(found.limit(1)) is not None


def settled_as(connection: sa.Connection, institution_id: str, med_type: str) -> set[str]:
    """Stays whose standing settlement rests on a result of this kind."""
    rows = connection.scalars(
        sa.select(SettlementRow.stay_no)
        .join(
            SettlementResult,
            sa.and_(
                SettlementResult.institution_id == SettlementRow.institution_id,
                SettlementResult.setl_id == SettlementRow.setl_id,
            ),
        )
        .where(
            SettlementRow.institution_id == institution_id,
            SettlementRow.recalled_at.is_(None),
            SettlementRow.shortfall_fen > 0,
            SettlementResult.med_type == med_type,
        )
    )
    return set(rows)
