"""Lines of a statement that couldn't be taken: until a person says what they are, they may hold anything."""

from __future__ import annotations

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import Conflict, MalformedInput
from hospital_prepay.domain.plain_text import LONGEST_NAME, check_text
from hospital_prepay.domain.references import plain_name
from hospital_prepay.persistence import fund_reconciliation, fund_statements
from hospital_prepay.services.context import Context


def explain_rejected(context: Context, actor: Actor, statement_id: str, ground: str) -> None:
    """Say that the rejected lines of a file hold no movement, or came in with another file. Needs ``fund.reconcile``.

    Raises :class:`MalformedInput` without a ground, :class:`NotFound`, :class:`Conflict` when it is said, when the
    file has no such line, or when it is withdrawn.
    """
    actor.require(Permission.FUND_RECONCILE)
    with context.work(actor, "fund.explain_rejected", f"statement:{statement_id}") as work:
        own = work.institution_id
        fund_reconciliation.lock_reconciliation(work.connection, own)
        statement = fund_statements.read_statement(work.connection, own, statement_id)
        if not plain_name(ground):
            raise MalformedInput("请写明这些行是什么，例如合计行。", details={"field": "ground"})
        check_text(ground.strip(), LONGEST_NAME)
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
        fund_statements.add_explained(work.connection, values)
        work.audit(detail={"file": statement.file_name, "lines": statement.rows_rejected, "ground": ground.strip()})
