"""Taking in a statement of the bank, of the agency or of the hospital's own totals: all of a file, or nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import MalformedInput, NoUsableRow
from hospital_prepay.domain.rules.fund.accounts import is_of_prepayments
from hospital_prepay.persistence import fund_reconciliation, fund_statements
from hospital_prepay.persistence.fund_statements import (
    Explained,
    Rejection,
    Statement,
    StatementLine,
    Withdrawal,
)
from hospital_prepay.persistence.queries import people
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.services.context import Context
from hospital_prepay.services.fund.accounts import (
    account_of_file,
    holding_account,
    keep_first_account,
    named_account,
    of_account,
)
from hospital_prepay.services.fund.counting import count_files
from hospital_prepay.services.fund.months import first_and_last, month_of, reopen_for
from hospital_prepay.services.fund.quiet_months import take_back
from hospital_prepay.services.fund.reopening import reopen_changed
from hospital_prepay.services.fund.statement_columns import (
    Sheet,
    StatementKind,
    check_columns,
    guesses,
    open_statement,
    sample_of,
)
from hospital_prepay.services.fund.statement_lines import ReadLine, ReadStatement, RejectedLine, read_lines
from hospital_prepay.services.fund.statement_totals import settle_totals
from hospital_prepay.services.fund.withdrawn_files import named_anew

__all__ = ["Rejection", "Statement", "StatementLine"]


@dataclass(frozen=True, slots=True)
class Look:
    """A file before it is taken in: headings, first rows, and the columns kept from last time or guessed.

    ``known`` when a person said before what these headings hold, and no file of the kind was withdrawn since;
    ``account`` what the bank prints above them.
    """

    headings: tuple[str, ...]
    sample: Sequence[Sequence[str]]
    columns: Mapping[str, str]
    dedicated: bool
    known: bool
    account: str = ""


@dataclass(frozen=True, slots=True)
class ImportStatement:
    """A file of ``period``; ``columns`` is ``None`` to read it as these headings were read before. ``account`` is the
    bank's account that it is of; it may be empty where the file prints it above its headings."""

    kind: StatementKind
    period: str
    path: Path
    file_name: str
    columns: Mapping[str, str] | None = None
    dedicated: bool = False
    account: str = ""


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of it. ``already_known``: this very file was imported before; nothing came in. ``recounted``: lines
    that came in before are now read by another word on their account. ``held_by``: the account that holds the
    prepayments, when a bank's file is of another."""

    statement: Statement
    already_known: bool
    reopened: tuple[str, ...]
    recounted: bool = False
    held_by: str = ""


def look_at(context: Context, actor: Actor, kind: StatementKind, path: Path) -> Look:
    """The headings and first rows of a file. Raises ``NotATable`` for what is none."""
    actor.require(Permission.FUND_RECONCILE)
    with open_statement(path, kind) as sheet:
        headings, digest, account = sheet.headings, sheet.digest, sheet.account
        sample = sample_of(sheet)
    with context.database.reading() as connection:
        kept = fund_statements.newest_map(connection, actor.institution_id, kind.value, digest)
    if kept is not None and not kept.doubted:
        return Look(headings, sample, kept.columns, kept.dedicated, known=True, account=account)
    return Look(headings, sample, guesses(kind, headings), dedicated=False, known=False, account=account)


def import_statement(context: Context, actor: Actor, command: ImportStatement) -> Imported:
    """Take in a file: new lines are kept, known ones counted, wrong ones told; all in one transaction.

    The same file again changes nothing, unless a person says otherwise of its account: then the lines that came in
    before are read by that from now on. Closed months that get a new line, or no longer hold what was closed, are
    opened again, with the file as ground.
    Raises :class:`MalformedInput` for columns that don't fit or a bank's file of no account, :class:`NoUsableRow`
    when not one line can be read.
    """
    actor.require(Permission.FUND_RECONCILE)
    last_day = first_and_last(command.period)[1]
    if command.kind is StatementKind.TOTALS and last_day > context.clock.today():
        words = f"{command.period} 这个月还没有结束，期末余额请在月末之后导入。"
        raise MalformedInput(words, code="period_not_over", details={"field": "period"})
    with open_statement(command.path, command.kind) as sheet:
        account = account_of_file(command.account, sheet.account) if command.kind is StatementKind.BANK else ""
        sheet = _of_its_month(sheet, command)
        sha256, headings, digest = sheet.sha256, sheet.headings, sheet.digest
        columns, dedicated = _columns(context, actor, command, headings, digest)
        read = read_lines(sheet, command.kind, columns, last_day, context.clock.today())
        if command.kind is StatementKind.TOTALS:
            read = settle_totals(read)
    with context.work(actor, "fund.import_statement", f"statement:{command.kind.value}:{command.period}") as work:
        fund_reconciliation.lock_reconciliation(work.connection, work.institution_id)
        if account:
            keep_first_account(work, account)
            read, sha256 = of_account(work, account, read, sha256)
        read, sha256 = named_anew(work, read, sha256)
        before = fund_statements.statement_of_file(work.connection, work.institution_id, command.kind.value, sha256)
        if before is None and not read.lines:
            raise _nothing(read)
        if command.columns is not None:
            _keep_map(work, command, headings, digest, columns)
        recounted, opened = _recount(work, command, read, dedicated)
        if before is not None:
            work.audit(detail={"statement": before.statement_id, "known": True, "recounted": recounted})
            held_by = _held_elsewhere(work, before)
            return Imported(before, already_known=True, reopened=opened, recounted=recounted, held_by=held_by)
        statement_id, new = _store(work, replace(command, account=account, dedicated=dedicated), sha256, read)
        kind = command.kind.value
        told = [one for one in _months(command, new) if _speaks_of_prepayments(work, kind, account, one)]
        take_back(work, told, kind, f"导入的“{command.file_name}”里有明细")
        reopened = reopen_for(work, _months(command, new), f"导入“{command.file_name}”带来新明细")
        since = min([command.period, *(month_of(line.on_day) for line in read.lines)])
        reopened += reopen_changed(work, since, f"导入“{command.file_name}”改变了这个月所依据的流水")
        work.audit(detail={"statement": statement_id, "taken": len(new), "rejected": len(read.rejected)})
        statement = fund_statements.read_statement(work.connection, work.institution_id, statement_id)
        return Imported(
            statement,
            already_known=False,
            reopened=(*opened, *reopened),
            recounted=recounted,
            held_by=_held_elsewhere(work, statement),
        )


@dataclass(frozen=True, slots=True)
class FileReading:
    """A file, the lines that came from it, what of it was rejected and what was said of that, and whether it was
    withdrawn; ``names`` of people by id."""

    statement: Statement
    lines: Sequence[StatementLine]
    rejected: Sequence[Rejection]
    withdrawal: Withdrawal | None
    explained: Explained | None
    names: Mapping[str, str]


def review_statement(context: Context, actor: Actor, statement_id: str) -> FileReading:
    """A file with what became of it. Raises :class:`NotFound`."""
    actor.require(Permission.FUND_VIEW)
    own = actor.institution_id
    with context.database.reading() as connection:
        return FileReading(
            statement=fund_statements.read_statement(connection, own, statement_id),
            lines=fund_statements.lines_of(connection, own, statement_id),
            rejected=fund_statements.rejections(connection, own, statement_id),
            withdrawal=fund_statements.withdrawal_of(connection, own, statement_id),
            explained=fund_statements.explained(connection, own).get(statement_id),
            names=people.names(connection, own),
        )


def _of_its_month(sheet: Sheet, command: ImportStatement) -> Sheet:
    """Closing balances carry no day: what is equal to the last month's is another paper of this month."""
    if command.kind is not StatementKind.TOTALS:
        return sheet
    return replace(sheet, sha256=hashlib.sha256(f"{command.period}:{sheet.sha256}".encode()).hexdigest())


def _columns(
    context: Context, actor: Actor, command: ImportStatement, headings: tuple[str, ...], digest: str
) -> tuple[dict[str, str], bool]:
    if command.columns is not None:
        return check_columns(command.kind, command.columns, headings), command.dedicated
    with context.database.reading() as connection:
        kept = fund_statements.newest_map(connection, actor.institution_id, command.kind.value, digest)
    if kept is None:
        raise MalformedInput("第一次见到这样的表头。请先说明每一列是什么。", code="columns_unknown")
    if kept.doubted:
        raise MalformedInput("这类文件有一份作废了。请重新说明每一列是什么。", code="columns_unknown")
    return kept.columns, kept.dedicated


def _keep_map(
    work: UnitOfWork,
    command: ImportStatement,
    headings: tuple[str, ...],
    digest: str,
    columns: Mapping[str, str],
) -> None:
    before = fund_statements.newest_map(work.connection, work.institution_id, command.kind.value, digest)
    if before == fund_statements.ColumnMap(dict(columns), command.dedicated):
        return
    fund_statements.add_map(
        work.connection,
        {
            "institution_id": work.institution_id,
            "map_id": work.new_id(),
            "kind": command.kind.value,
            "headings_digest": digest,
            "headings": list(headings),
            "columns": dict(columns),
            "dedicated": command.dedicated,
            "mapped_by": work.act.actor.actor_id,
            "mapped_at": work.now,
        },
    )


def _recount(
    work: UnitOfWork, command: ImportStatement, read: ReadStatement, dedicated: bool
) -> tuple[bool, tuple[str, ...]]:
    """Lines that came in before, with a file of the same account, follow what is said of the account now."""
    if command.kind is not StatementKind.BANK or command.columns is None:
        return False, ()
    ids = [line.line_id for line in read.lines]
    files = fund_statements.known_lines(work.connection, work.institution_id, ids).values()
    words = "专门存放预付金" if dedicated else "还存放别的钱"
    return count_files(work, files, dedicated=dedicated, ground=f"导入“{command.file_name}”时说明：这个账户{words}")


def _store(
    work: UnitOfWork, command: ImportStatement, sha256: str, read: ReadStatement
) -> tuple[str, list[ReadLine]]:
    ids = [line.line_id for line in read.lines]
    known = fund_statements.known_lines(work.connection, work.institution_id, ids)
    new = [line for line in read.lines if line.line_id not in known]
    statement_id = work.new_id()
    head = {
        "institution_id": work.institution_id,
        "statement_id": statement_id,
        "kind": command.kind.value,
        "period": command.period,
        "file_name": command.file_name,
        "file_sha256": sha256,
        "dedicated": command.dedicated,
        "account": command.account,
        "first_on": min((line.on_day for line in read.lines), default=None),
        "last_on": max((line.on_day for line in read.lines), default=None),
        "rows_read": len(read.lines) + read.repeated + len(read.rejected),
        "rows_taken": len(new),
        "rows_known": len(known) + read.repeated,
        "rows_rejected": len(read.rejected),
        "imported_by": work.act.actor.actor_id,
        "imported_at": work.now,
    }
    lines = [_line_values(command.kind, line) for line in new]
    fund_statements.add_statement(work.connection, head, lines, [_rejection_values(one) for one in read.rejected])
    return statement_id, new


def _line_values(kind: StatementKind, line: ReadLine) -> dict[str, Any]:
    names = ("line_id", "line_no", "on_day", "amount_fen", "balance_fen", "event", "fund", "item")
    texts = ("reference", "payee", "remark")
    return {"kind": kind.value, **{name: getattr(line, name) for name in (*names, *texts)}}


def _rejection_values(one: RejectedLine) -> dict[str, Any]:
    return {
        "line_no": one.line_no,
        "code": one.code,
        "message": one.message,
        "original": one.original,
        "on_day": one.on_day,
    }


def _months(command: ImportStatement, lines: Iterable[ReadLine]) -> set[str]:
    if command.kind is StatementKind.TOTALS:
        return {command.period}
    return {month_of(line.on_day) for line in lines}


def _speaks_of_prepayments(work: UnitOfWork, kind: str, account: str, period: str) -> bool:
    """Whether a file says something of the prepayments in a month: the bank's only of the account that held them."""
    if kind != StatementKind.BANK:
        return kind == StatementKind.AGENCY
    return is_of_prepayments(account, holding_account(work, first_and_last(period)[1]))


def _held_elsewhere(work: UnitOfWork, statement: Statement) -> str:
    """The account of the prepayments, when a bank's file is of another one."""
    where = (statement.kind, statement.account, statement.period)
    if statement.kind != StatementKind.BANK or _speaks_of_prepayments(work, *where):
        return ""
    return named_account(work, first_and_last(statement.period)[1])


def _nothing(read: ReadStatement) -> NoUsableRow:
    first = read.rejected[0] if read.rejected else None
    words = f"第 {first.line_no} 行：{first.message}" if first else "表头下面没有内容。"
    return NoUsableRow(f"一行也没有收下，没有导入。{words}")
