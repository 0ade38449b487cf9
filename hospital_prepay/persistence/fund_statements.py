"""Statements of bank, agency and hospital: how their files are read, and their lines. Rows are appended only.

A file that was imported by mistake is withdrawn by a row beside it: it and its lines are found by nobody but who
looks at that very file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

import sqlalchemy as sa

from hospital_prepay.domain.errors import NotFound
from hospital_prepay.persistence.models.fund_reconciliation import (
    FundColumnMap,
    FundRejectionExplained,
    FundStatement,
    FundStatementLine,
    FundStatementRejection,
    FundStatementWithdrawn,
)
from hospital_prepay.persistence.rows import refusing, rows_of

_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class ColumnMap:
    """The newest mapping of a set of headings. ``doubted`` when a file of the kind was withdrawn since: then a person
    says again what the columns hold."""

    columns: dict[str, str]
    dedicated: bool
    doubted: bool = False


@dataclass(frozen=True, slots=True)
class Statement:
    """One imported file."""

    statement_id: str
    kind: str
    period: str
    file_name: str
    file_sha256: str
    dedicated: bool
    account: str
    first_on: date | None
    last_on: date | None
    rows_read: int
    rows_taken: int
    rows_known: int
    rows_rejected: int
    imported_by: str
    imported_at: datetime


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One line of it."""

    line_id: str
    statement_id: str
    line_no: int
    kind: str
    on_day: date
    amount_fen: int
    balance_fen: int | None
    event: str
    fund: str
    item: str
    reference: str
    payee: str
    remark: str


@dataclass(frozen=True, slots=True)
class Rejection:
    """A line that couldn't be taken; ``original`` is the cell at fault."""

    line_no: int
    code: str
    message: str
    original: str


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """A file taken out of the reconciliation, on what ground."""

    statement_id: str
    ground: str
    withdrawn_by: str
    withdrawn_at: datetime


@dataclass(frozen=True, slots=True)
class Explained:
    """What a person says of the lines of a file that couldn't be taken."""

    statement_id: str
    ground: str
    said_by: str
    said_at: datetime


def newest_map(connection: sa.Connection, institution_id: str, kind: str, headings_digest: str) -> ColumnMap | None:
    """How these headings were read the last time."""
    table = FundColumnMap
    row = connection.execute(
        sa.select(table.columns, table.dedicated, table.mapped_at)
        .where(
            table.institution_id == institution_id,
            table.kind == kind,
            table.headings_digest == headings_digest,
        )
        .order_by(table.mapped_at.desc(), table.map_id.desc())
        .limit(1)
    ).one_or_none()
    if row is None:
        return None
    gone = FundStatementWithdrawn
    of_kind = sa.select(sa.func.max(gone.withdrawn_at)).join(
        FundStatement,
        sa.and_(FundStatement.institution_id == gone.institution_id, FundStatement.statement_id == gone.statement_id),
    )
    last = connection.scalar(of_kind.where(gone.institution_id == institution_id, FundStatement.kind == kind))
    return ColumnMap(dict(row[0]), bool(row[1]), doubted=last is not None and last >= row[2])


def add_map(connection: sa.Connection, values: dict[str, Any]) -> None:
    """Remember how a set of headings is read."""
    connection.execute(sa.insert(FundColumnMap).values(**values))


def statement_of_file(connection: sa.Connection, institution_id: str, kind: str, sha256: str) -> Statement | None:
    """The statement that this very file became, if it was imported."""
    found = statements(connection, institution_id, FundStatement.kind == kind, FundStatement.file_sha256 == sha256)
    return found[0] if found else None


def read_statement(connection: sa.Connection, institution_id: str, statement_id: str) -> Statement:
    """One statement, withdrawn or not. Raises :class:`NotFound`."""
    key = FundStatement.statement_id == statement_id
    found = rows_of(connection, FundStatement, Statement, institution_id, key)
    if not found:
        raise NotFound("没有这份对账文件。请回到对账页查看。")
    return found[0]


def statements(connection: sa.Connection, institution_id: str, *where: sa.ColumnElement[bool]) -> list[Statement]:
    """Imported files that stand, newest first."""
    order = (FundStatement.imported_at.desc(), FundStatement.statement_id.desc())
    where = (*where, ~_withdrawn(FundStatement))
    return rows_of(connection, FundStatement, Statement, institution_id, *where, order=order)


def withdrawn_statements(
    connection: sa.Connection, institution_id: str, *where: sa.ColumnElement[bool]
) -> list[tuple[Statement, Withdrawal]]:
    """Files that stand no longer, newest first, each with its withdrawal."""
    by = {one.statement_id: one for one in rows_of(connection, FundStatementWithdrawn, Withdrawal, institution_id)}
    order = (FundStatement.imported_at.desc(), FundStatement.statement_id.desc())
    where = (*where, _withdrawn(FundStatement))
    found = rows_of(connection, FundStatement, Statement, institution_id, *where, order=order)
    return [(one, by[one.statement_id]) for one in found]


def withdrawn_of_month(
    connection: sa.Connection, institution_id: str, period: str
) -> list[tuple[Statement, Withdrawal]]:
    """Files of a month that stand no longer."""
    return withdrawn_statements(connection, institution_id, FundStatement.period == period)


def withdrawal_of(connection: sa.Connection, institution_id: str, statement_id: str) -> Withdrawal | None:
    """How a file was withdrawn, if it was."""
    key = FundStatementWithdrawn.statement_id == statement_id
    found = rows_of(connection, FundStatementWithdrawn, Withdrawal, institution_id, key)
    return found[0] if found else None


def add_withdrawal(connection: sa.Connection, values: dict[str, Any]) -> None:
    """Take a file out; ``Conflict`` when somebody was quicker."""
    with refusing("这份文件已经作废。请刷新后再看；本次没有改动。"), connection.begin_nested():
        connection.execute(sa.insert(FundStatementWithdrawn).values(**values))


def explained(connection: sa.Connection, institution_id: str) -> dict[str, Explained]:
    """What was said of the rejected lines of files, by file."""
    found = rows_of(connection, FundRejectionExplained, Explained, institution_id)
    return {one.statement_id: one for one in found}


def unread(connection: sa.Connection, institution_id: str) -> dict[str, list[date]]:
    """Files with lines that couldn't be taken and of which nobody said what they are, each with the days that could
    be read. In a paper of closing balances a line of another item is none of these: such papers hold the whole
    ledger."""
    line, file, word = FundStatementRejection, FundStatement, FundRejectionExplained
    its_file = (file.institution_id == line.institution_id, file.statement_id == line.statement_id)
    its_word = (word.institution_id == line.institution_id, word.statement_id == line.statement_id)
    rows = connection.execute(
        sa.select(line.statement_id, line.on_day)
        .join(file, sa.and_(*its_file))
        .where(line.institution_id == institution_id, ~sa.exists().where(*its_word))
        .where(sa.or_(file.kind != "totals", line.code != "unknown_item"))
        .distinct()
        .order_by(line.statement_id, line.on_day)
    )
    found: dict[str, list[date]] = {}
    for statement_id, day in rows:
        found.setdefault(statement_id, []).extend([] if day is None else [day])
    return found


def add_explained(connection: sa.Connection, values: dict[str, Any]) -> None:
    """Say what a file's rejected lines are; ``Conflict`` when it is said."""
    with refusing("这些行已经有人说明过。请刷新后再看；本次没有改动。"), connection.begin_nested():
        connection.execute(sa.insert(FundRejectionExplained).values(**values))


def names_of_withdrawn(connection: sa.Connection, institution_id: str, names: Sequence[str]) -> set[str]:
    """Which of these names, of lines or of whole files, belong to what was withdrawn."""
    taken: set[str] = set()
    for first in range(0, len(names), _AT_ONCE):
        some = names[first : first + _AT_ONCE]
        for table, name in ((FundStatementLine, "line_id"), (FundStatement, "file_sha256")):
            column = getattr(table, name)
            query = sa.select(column).where(
                table.institution_id == institution_id, column.in_(some), _withdrawn(table)
            )
            taken.update(connection.scalars(query))
    return taken


def known_lines(connection: sa.Connection, institution_id: str, line_ids: Sequence[str]) -> dict[str, str]:
    """Which of these lines came in before, each with the file that brought it."""
    table = FundStatementLine
    known: dict[str, str] = {}
    for first in range(0, len(line_ids), _AT_ONCE):
        some = line_ids[first : first + _AT_ONCE]
        query = sa.select(table.line_id, table.statement_id).where(
            table.institution_id == institution_id, table.line_id.in_(some)
        )
        known.update((row.line_id, row.statement_id) for row in connection.execute(query))
    return known


def add_statement(
    connection: sa.Connection,
    head: dict[str, Any],
    lines: Sequence[dict[str, Any]],
    rejections: Sequence[dict[str, Any]],
) -> None:
    """A file with its new lines and what was rejected of it."""
    key = {"institution_id": head["institution_id"], "statement_id": head["statement_id"]}
    connection.execute(sa.insert(FundStatement).values(**head))
    if lines:
        connection.execute(sa.insert(FundStatementLine), [{**key, **line} for line in lines])
    if rejections:
        connection.execute(sa.insert(FundStatementRejection), [{**key, **one} for one in rejections])


def statement_lines(connection: sa.Connection, institution_id: str) -> list[StatementLine]:
    """Every line that stands, in the order of days."""
    table = FundStatementLine
    order = (table.on_day, table.line_no, table.line_id)
    return rows_of(connection, table, StatementLine, institution_id, ~_withdrawn(table), order=order)


def lines_of(connection: sa.Connection, institution_id: str, statement_id: str) -> list[StatementLine]:
    """The lines that one file brought, withdrawn or not, in its order."""
    table = FundStatementLine
    key = table.statement_id == statement_id
    return rows_of(connection, table, StatementLine, institution_id, key, order=(table.line_no, table.line_id))


def rejections(connection: sa.Connection, institution_id: str, statement_id: str) -> list[Rejection]:
    """What of a file was rejected, by line."""
    table = FundStatementRejection
    return rows_of(
        connection, table, Rejection, institution_id, table.statement_id == statement_id, order=(table.line_no,)
    )


def _withdrawn(table: type[FundStatement] | type[FundStatementLine]) -> sa.ColumnElement[bool]:
    gone = FundStatementWithdrawn
    same = (gone.institution_id == table.institution_id, gone.statement_id == table.statement_id)
    return sa.exists().where(*same)
