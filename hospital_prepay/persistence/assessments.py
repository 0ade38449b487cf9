"""Periodic risk assessments, and the figures that the books give for one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from hospital_prepay.domain.errors import NotFound
from hospital_prepay.persistence.models.arrears import ArrearsAct, RiskAssessment
from hospital_prepay.persistence.models.settlement import Discharge, SettlementRow


@dataclass(frozen=True, slots=True)
class AssessmentRow:
    """An assessment as it was written."""

    assessment_no: int
    period_from: date
    period_to: date
    figures: dict[str, Any]
    findings: str
    measures: str
    assessed_by: str
    assessed_at: datetime
    approved_by: str | None
    approved_at: datetime | None


_COLUMNS = tuple(getattr(RiskAssessment, name) for name in AssessmentRow.__dataclass_fields__)


def assessments(connection: sa.Connection, institution_id: str) -> list[AssessmentRow]:
    """Every assessment, the newest first."""
    rows = connection.execute(
        sa.select(*_COLUMNS)
        .where(RiskAssessment.institution_id == institution_id)
        .order_by(RiskAssessment.assessment_no.desc())
    )
    return [AssessmentRow(*row) for row in rows]


def find(connection: sa.Connection, institution_id: str, number: int) -> AssessmentRow:
    """One assessment. Raises :class:`NotFound`."""
    for one in assessments(connection, institution_id):
        if one.assessment_no == number:
            return one
    raise NotFound("没有这次评估。请从风险评估页打开。")


def add(connection: sa.Connection, values: dict[str, Any]) -> None:
    """Keep an assessment; its number counts on."""
    connection.execute(sa.insert(RiskAssessment).values(**values))


def approve(connection: sa.Connection, institution_id: str, number: int, values: dict[str, Any]) -> None:
    """The second person's word."""
    connection.execute(
        sa.update(RiskAssessment)
        .where(RiskAssessment.institution_id == institution_id, RiskAssessment.assessment_no == number)
        .values(**values)
    )


def settled_counts(
    connection: sa.Connection, institution_id: str, start: datetime, end: datetime
) -> tuple[int, list[tuple[date | None, datetime]], int, int]:
    """Of the settlements from ``start`` until before ``end`` that stand: how many, the due day and the moment of
    those of a discharge, how many left something owing, and how much in fen."""
    within = (
        SettlementRow.institution_id == institution_id,
        SettlementRow.recalled_at.is_(None),
        SettlementRow.settled_at >= start,
        SettlementRow.settled_at < end,
    )
    number, owing, owed = connection.execute(
        sa.select(
            sa.func.count(),
            sa.func.count().filter(SettlementRow.shortfall_fen > 0),
            sa.func.coalesce(sa.func.sum(SettlementRow.shortfall_fen), 0),
        ).where(*within)
    ).one()
    rows = connection.execute(
        sa.select(Discharge.due_on, SettlementRow.settled_at)
        .join(
            Discharge,
            sa.and_(
                Discharge.institution_id == SettlementRow.institution_id,
                Discharge.stay_no == SettlementRow.stay_no,
                Discharge.discharged_at == SettlementRow.discharged_at,
            ),
        )
        .where(*within)
    )
    return int(number), [(row.due_on, row.settled_at) for row in rows], int(owing), int(owed)


def acts_done(connection: sa.Connection, institution_id: str, start: datetime, end: datetime) -> dict[str, int]:
    """What was provided, released, written off and brought back from ``start`` until before ``end``: fen by kind."""
    moment = sa.func.coalesce(ArrearsAct.decided_at, ArrearsAct.asked_at, type_=ArrearsAct.asked_at.type)
    rows = connection.execute(
        sa.select(ArrearsAct.kind, sa.func.sum(ArrearsAct.amount_fen))
        .where(
            ArrearsAct.institution_id == institution_id,
            ArrearsAct.state == "done",
            moment >= start,
            moment < end,
        )
        .group_by(ArrearsAct.kind)
    )
    return {kind: int(fen) for kind, fen in rows}
