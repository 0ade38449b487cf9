"""Which dated job ran for which day."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa

from hospital_prepay.persistence.models.audit import JobRun


def begin(connection: sa.Connection, institution_id: str, job: str, business_date: date, at: datetime) -> bool:
    """Write down that ``job`` begins for ``business_date``; ``False`` when it has ended for that day already.

    A run that was broken off is begun again under its own row.
    """
    row = connection.execute(
        sa.select(JobRun.finished_at).where(*_key(institution_id, job, business_date)).with_for_update()
    ).one_or_none()
    if row is not None:
        return row.finished_at is None
    connection.execute(
        sa.insert(JobRun).values(
            institution_id=institution_id, job=job, business_date=business_date, started_at=at, outcome=""
        )
    )
    return True


def finish(
    connection: sa.Connection, institution_id: str, job: str, business_date: date, at: datetime, outcome: str
) -> None:
    """Write down how the run ended; it never begins again for that day."""
    connection.execute(
        sa.update(JobRun).where(*_key(institution_id, job, business_date)).values(finished_at=at, outcome=outcome)
    )


def _key(institution_id: str, job: str, business_date: date) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        JobRun.institution_id == institution_id,
        JobRun.job == job,
        JobRun.business_date == business_date,
    )
