"""Lines of a statement that couldn't be taken: until a person says what they are, they may hold anything."""

from __future__ import annotations

from datetime import date

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import Conflict, MalformedInput
from hospital_prepay.domain.plain_text import check_ground
from hospital_prepay.domain.references import plain_name
from hospital_prepay.persistence import fund_reconciliation, fund_statements
from hospital_prepay.persistence.fund_statements import Statement
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.services.context import Context
from hospital_prepay.services.fund.reopening import changed_since


def explain_rejected(context: Context, actor: Actor, statement_id: str, ground: str) -> None:
    """Say that the rejected lines of a file hold no movement, or came in with another file. Needs ``fund.reconcile``.

    Raises :class:`MalformedInput` without a ground, :class:`NotFound`, :class:`Conflict` when it is said, when the
    file has no such line, when it is withdrawn, or while a month is closed that would hold something else by it.
    """
    actor.require(Permission.FUND_RECONCILE)
    with context.work(actor, "fund.explain_rejected", f"statement:{statement_id}") as work:
        own = work.institution_id
        fund_reconciliation.lock_reconciliation(work.connection, own)
        statement = fund_statements.read_statement(work.connection, own, statement_id)
        if not plain_name(ground):
            raise MalformedInput("请写明这些行是什么，例如合计行。", details={"field": "ground"})
        check_ground(ground.strip())
        if not statement.rows_rejected:
            raise Conflict("这份文件没有没收下的行。请刷新后再看；本次没有改动。")
        if fund_statements.withdrawal_of(work.connection, own, statement_id):
            raise Conflict("这份文件已经作废，不用再说明。请刷新后再看；本次没有改动。")
        values = {
            "institution_id": own,
            "statement_id": statement_id,
            "ground": ground.strip(),
            "said_by": actor.actor_id,
            "said_at": work.now,
        }
        since = min([statement.period, *(day.isoformat()[:7] for day in _days(work, statement))])
        before = changed_since(work, since)
        fund_statements.add_explained(work.connection, values)
        shut = [one for one in changed_since(work, since) if one not in before]
        if shut:
            words = f"{'、'.join(shut)} 已经结账，这一句会改变它。请先由财务审批重开，再说明；本次没有改动。"
            raise Conflict(words)
        work.audit(detail={"file": statement.file_name, "lines": statement.rows_rejected, "ground": ground.strip()})


def _days(work: UnitOfWork, statement: Statement) -> list[date]:
    unread = fund_statements.unread(work.connection, work.institution_id).get(statement.statement_id, [])
    return [day for day in (statement.first_on, *unread) if day is not None]
