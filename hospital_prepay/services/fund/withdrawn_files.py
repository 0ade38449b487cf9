"""A statement that was imported by mistake, with wrong columns or of a wrong account: taken out, with its lines."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import Conflict, MalformedInput
from hospital_prepay.domain.references import plain_name
from hospital_prepay.domain.rules.fund.accounts import account_key
from hospital_prepay.persistence import fund_counted, fund_reconciliation, fund_statements
from hospital_prepay.persistence.fund_statements import Statement, StatementLine
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.services.context import Context
from hospital_prepay.services.fund.months import month_of, reopen_for
from hospital_prepay.services.fund.reopening import reopen_changed
from hospital_prepay.services.fund.statement_lines import ReadStatement


def withdraw_statement(context: Context, actor: Actor, statement_id: str, ground: str) -> tuple[str, ...]:
    """Take a file out of the reconciliation: it stays on record, its lines count no longer, and it may be imported
    again. Closed months that held a line of it, or rested on it, are opened; returns which. Needs ``fund.reconcile``.

    Raises :class:`MalformedInput` without a ground, :class:`NotFound`, and :class:`Conflict` when it is withdrawn by
    now, while people's matches or words hold lines of it, or while a later file left out lines because this one had
    them.
    """
    actor.require(Permission.FUND_RECONCILE)
    with context.work(actor, "fund.withdraw_statement", f"statement:{statement_id}") as work:
        fund_reconciliation.lock_reconciliation(work.connection, work.institution_id)
        statement = fund_statements.read_statement(work.connection, work.institution_id, statement_id)
        if not plain_name(ground):
            raise MalformedInput("请写明为什么作废，例如列选错了。", details={"field": "ground"})
        if fund_statements.withdrawal_of(work.connection, work.institution_id, statement_id):
            raise Conflict("这份文件已经作废。请刷新后再看；本次没有改动。")
        lines = fund_statements.lines_of(work.connection, work.institution_id, statement_id)
        _require_unmatched(work, lines)
        _require_uncounted(work, lines)
        _require_last(work, statement)
        values = {
            "institution_id": work.institution_id,
            "statement_id": statement_id,
            "ground": ground.strip(),
            "withdrawn_by": actor.actor_id,
            "withdrawn_at": work.now,
        }
        fund_statements.add_withdrawal(work.connection, values)
        work.audit(detail={"file": statement.file_name, "lines": len(lines), "ground": ground.strip()})
        months = {month_of(one.on_day) for one in lines} | {statement.period}
        words = f"作废导入的“{statement.file_name}”：{ground.strip()}"
        reopened = reopen_for(work, months, words)
        since = min(months | {month_of(day) for day in (statement.first_on,) if day})
        return tuple(sorted({*reopened, *reopen_changed(work, since, words)}))


def named_anew(work: UnitOfWork, read: ReadStatement, sha256: str) -> tuple[ReadStatement, str]:
    """The file and its lines under names that no withdrawn file holds: what was withdrawn may come in again."""
    names = {name: name for name in (sha256, *(one.line_id for one in read.lines))}
    waiting = list(names)
    while waiting:
        asked = [names[one] for one in waiting]
        gone = fund_statements.names_of_withdrawn(work.connection, work.institution_id, asked)
        waiting = [one for one in waiting if names[one] in gone]
        names.update((one, hashlib.sha256(f"withdrawn\x1f{names[one]}".encode()).hexdigest()) for one in waiting)
    lines = tuple(replace(one, line_id=names[one.line_id]) for one in read.lines)
    return replace(read, lines=lines), names[sha256]


def _require_unmatched(work: UnitOfWork, lines: Sequence[StatementLine]) -> None:
    ids = {one.line_id for one in lines}
    matches = fund_reconciliation.matches(work.connection, work.institution_id)
    if any(ids & {*one.theirs} for one in fund_reconciliation.standing(matches)):
        raise Conflict("这份文件里有手工配对或拆开的明细。请先撤销那几条，再作废文件；本次没有改动。")


def _require_uncounted(work: UnitOfWork, lines: Sequence[StatementLine]) -> None:
    """What a person brought in is a difference that somebody named: it goes only by somebody's word."""
    said = fund_counted.newest(work.connection, work.institution_id)
    words = (said.get(fund_counted.line_subject(one.line_id)) for one in lines)
    if any(one is not None and one.counts for one in words):
        raise Conflict("这份文件里有人工算进对账的明细。请先撤销那几条，再作废文件；本次没有改动。")


def _require_last(work: UnitOfWork, statement: Statement) -> None:
    """A later file doesn't bring a line that this one has: without this one, the line would be in neither."""
    for one in fund_statements.statements(work.connection, work.institution_id):
        same = one.kind == statement.kind and _is_same_account(one.account, statement.account)
        later = one.statement_id != statement.statement_id and one.imported_at >= statement.imported_at
        if same and later and one.rows_known and _overlap(one, statement):
            words = f"后来导入的“{one.file_name}”有一部分行是这份文件先带来的。请先作废那一份；本次没有改动。"
            raise Conflict(words)


def _is_same_account(one: str, other: str) -> bool:
    """Files from before accounts were asked for name none: any other may have left out what they have."""
    return not one or not other or account_key(one) == account_key(other)


def _overlap(one: Statement, other: Statement) -> bool:
    if one.first_on is None or one.last_on is None or other.first_on is None or other.last_on is None:
        return False
    return one.first_on <= other.last_on and other.first_on <= one.last_on
