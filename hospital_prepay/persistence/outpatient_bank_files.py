"""Files that were made for the bank, and those that it answered with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from hospital_prepay.persistence.models.audit import AuditEvent
from hospital_prepay.persistence.models.outpatient_claims import (
    OutpatientBankFile,
    OutpatientPayout,
    OutpatientReturnFile,
)
from hospital_prepay.persistence.rows import rows_of

ANSWERS: Final = "outpatient.answers"


def last_file_no(connection: sa.Connection, institution_id: str) -> int:
    """The number of the newest bank file, 0 before the first."""
    query = sa.select(sa.func.max(OutpatientBankFile.file_no))
    return int(connection.scalar(query.where(OutpatientBankFile.institution_id == institution_id)) or 0)


def add_bank_file(connection: sa.Connection, values: dict[str, Any]) -> None:
    """Keep a file for the bank."""
    connection.execute(sa.insert(OutpatientBankFile).values(**values))


@dataclass(frozen=True, slots=True)
class BankFileRow:
    """A file that was made for the bank; ``content`` is encrypted."""

    file_no: int
    route: str
    payments: int
    total_fen: int
    sha256: str
    content: str
    made_by: str
    made_at: datetime


def bank_files(connection: sa.Connection, institution_id: str, file_no: int | None = None) -> list[BankFileRow]:
    """Every file for the bank, the newest first, or the one asked for."""
    where = () if file_no is None else (OutpatientBankFile.file_no == file_no,)
    order = (OutpatientBankFile.file_no.desc(),)
    return rows_of(connection, OutpatientBankFile, BankFileRow, institution_id, *where, order=order)


@dataclass(frozen=True, slots=True)
class BankFileHead:
    """A file that was made for the bank, without its content."""

    file_no: int
    route: str
    payments: int
    total_fen: int
    sha256: str
    made_by: str
    made_at: datetime


def bank_file_heads(connection: sa.Connection, institution_id: str) -> list[BankFileHead]:
    """Every file for the bank, the newest first."""
    order = (OutpatientBankFile.file_no.desc(),)
    return rows_of(connection, OutpatientBankFile, BankFileHead, institution_id, order=order)


def open_payouts(connection: sa.Connection, institution_id: str) -> dict[int, int]:
    """How many payments of each file wait for the bank's answer."""
    rows = connection.execute(
        sa.select(OutpatientPayout.file_no, sa.func.count())
        .where(
            OutpatientPayout.institution_id == institution_id,
            OutpatientPayout.state == "sent",
            OutpatientPayout.file_no.is_not(None),
        )
        .group_by(OutpatientPayout.file_no)
    )
    return {file_no: int(count) for file_no, count in rows if file_no is not None}


@dataclass(frozen=True, slots=True)
class ReturnFileRow:
    """A file that the bank answered with. ``unknown`` lines did nothing; of those ``held`` contradicted an earlier
    answer and were given to a person to decide."""

    sha256: str
    file_name: str
    arrived: int
    failed: int
    unknown: int
    imported_by: str
    imported_at: datetime
    held: int = 0


def return_files(connection: sa.Connection, institution_id: str) -> list[ReturnFileRow]:
    """Every file of the bank, the newest first."""
    table = OutpatientReturnFile
    names = [name for name in ReturnFileRow.__dataclass_fields__ if name != "held"]
    rows = connection.execute(
        sa.select(*(getattr(table, name) for name in names))
        .where(table.institution_id == institution_id)
        .order_by(table.imported_at.desc())
    )
    found = [ReturnFileRow(*row) for row in rows]
    held = _held(connection, institution_id, [return_subject(one.sha256) for one in found if one.unknown])
    return [replace(one, held=held.get((return_subject(one.sha256), one.imported_at), 0)) for one in found]


def return_subject(sha256: str) -> str:
    """What the audit trail calls a file of the bank."""
    return f"outpatient_return_file:{sha256[:12]}"


def _held(connection: sa.Connection, institution_id: str, subjects: Sequence[str]) -> dict[tuple[str, datetime], int]:
    """How many lines each reading of a file held, by when that was: a fact of the act, which the trail keeps."""
    event = AuditEvent
    query = sa.select(event.subject, event.at, event.detail).where(
        event.institution_id == institution_id, event.subject.in_(subjects), event.action == ANSWERS
    )
    return {(subject, at): int(detail.get("held", 0)) for subject, at, detail in connection.execute(query)}


def return_file_read_at(connection: sa.Connection, institution_id: str, sha256: str) -> datetime | None:
    """When these bytes of the bank were first read, ``None`` when they never were."""
    query = sa.select(OutpatientReturnFile.imported_at).where(
        OutpatientReturnFile.institution_id == institution_id, OutpatientReturnFile.sha256 == sha256
    )
    return connection.scalar(query)


def return_file_told(connection: sa.Connection, institution_id: str, sha256: str) -> tuple[str, list[Any]] | None:
    """The name of a file of the bank and what came of each of its lines, ``None`` for one that was never read."""
    table = OutpatientReturnFile
    query = sa.select(table.file_name, table.told).where(
        table.institution_id == institution_id, table.sha256 == sha256
    )
    row = connection.execute(query).first()
    return None if row is None else (row.file_name, row.told)


def keep_return_file(connection: sa.Connection, values: dict[str, Any]) -> None:
    """Note that a file of the bank was read; a second reading of the same bytes adds nothing."""
    there = sa.select(OutpatientReturnFile.sha256).where(
        OutpatientReturnFile.institution_id == values["institution_id"],
        OutpatientReturnFile.sha256 == values["sha256"],
    )
    if connection.scalar(there) is None:
        connection.execute(sa.insert(OutpatientReturnFile).values(**values))
