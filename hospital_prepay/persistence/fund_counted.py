"""What people said of whether bank lines are to be explained: of one, or of all of a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from hospital_prepay.persistence.fund_statements import Statement
from hospital_prepay.persistence.models.fund_counted import FundCounted
from hospital_prepay.persistence.rows import refusing, rows_of


@dataclass(frozen=True, slots=True)
class Counted:
    """The newest word on a subject."""

    subject: str
    step_no: int
    counts: bool
    ground: str
    said_by: str
    said_at: datetime


def line_subject(line_id: str) -> str:
    """The subject of one line."""
    return f"line:{line_id}"


def statement_subject(statement_id: str) -> str:
    """The subject of every line of a file."""
    return f"statement:{statement_id}"


def is_dedicated(statement: Statement, spoken: Mapping[str, Counted]) -> bool:
    """Whether the account of a file holds nothing but prepayments: by the newest word, else that of its import."""
    word = spoken.get(statement_subject(statement.statement_id))
    return statement.dedicated if word is None else word.counts


def newest(connection: sa.Connection, institution_id: str) -> dict[str, Counted]:
    """The word that holds for each subject that people spoke of."""
    order = (FundCounted.subject, FundCounted.step_no)
    return {one.subject: one for one in rows_of(connection, FundCounted, Counted, institution_id, order=order)}


def add_counted(connection: sa.Connection, values: dict[str, Any]) -> None:
    """The next word on a subject; ``Conflict`` when the one before says the same."""
    with refusing("这一条别人刚改过。请刷新后再看；本次没有改动。"), connection.begin_nested():
        connection.execute(sa.insert(FundCounted).values(**values))
