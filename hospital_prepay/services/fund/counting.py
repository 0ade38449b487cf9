"""Bank lines that the rule leaves out of a month: each within reach, and brought in by a person with a ground."""

from __future__ import annotations

from collections.abc import Iterable

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import Conflict, MalformedInput, NotFound
from hospital_prepay.domain.references import plain_name
from hospital_prepay.domain.rules.fund.matching import By
from hospital_prepay.persistence import fund_counted as store
from hospital_prepay.persistence import fund_reconciliation, fund_statements
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.services.context import Context
from hospital_prepay.services.fund.months import is_shut, month_of, reopen_for
from hospital_prepay.services.fund.reconciliation import MonthReading, every_pairing, month_on


def count_line(context: Context, actor: Actor, period: str, line_id: str, ground: str) -> None:
    """Say that a line which the rule left out is to be explained after all.

    Raises :class:`MalformedInput` without a ground, :class:`NotFound`, and :class:`Conflict` when it counts by now or
    its month is closed.
    """
    actor.require(Permission.FUND_RECONCILE)
    with context.work(actor, "fund.count_line", f"line:{line_id}") as work:
        found = _open_month(work, period, line_id)
        if line_id not in {one.key for one in found.left_out}:
            raise Conflict("这一笔已经在对账里了。请刷新后再看；本次没有改动。")
        _say(work, store.line_subject(line_id), counts=True, ground=_ground(ground))


def leave_line(context: Context, actor: Actor, period: str, line_id: str, ground: str) -> None:
    """Take that back. Raises as :func:`count_line`; first a match by hand that holds the line must be undone."""
    actor.require(Permission.FUND_RECONCILE)
    with context.work(actor, "fund.leave_line", f"line:{line_id}") as work:
        found = _open_month(work, period, line_id)
        if line_id not in {one.line.key for one in found.brought_in}:
            raise Conflict("这一笔不是由人算进来的。请刷新后再看；本次没有改动。")
        every = every_pairing(work.connection, work.institution_id, work.today)
        if any(one.by is By.HAND and line_id in one.keys for one in every):
            raise Conflict("这一笔已手工配对。请先撤销配对，再撤销算进来；本次没有改动。")
        _say(work, store.line_subject(line_id), counts=False, ground=_ground(ground))


def count_files(
    work: UnitOfWork, statement_ids: Iterable[str], *, dedicated: bool, ground: str
) -> tuple[bool, tuple[str, ...]]:
    """Files whose account turns out to hold nothing but prepayments, or more than that: all their lines are read so
    from now on. Returns whether there were any, and the closed months that were opened for it."""
    wanted, spoken = set(statement_ids), store.newest(work.connection, work.institution_id)
    turned = [
        one
        for one in fund_statements.statements(work.connection, work.institution_id)
        if one.statement_id in wanted and store.is_dedicated(one, spoken) is not dedicated
    ]
    for one in turned:
        _say(work, store.statement_subject(one.statement_id), counts=dedicated, ground=ground)
    ids = {one.statement_id for one in turned}
    lines = fund_statements.statement_lines(work.connection, work.institution_id)
    return bool(ids), reopen_for(work, {month_of(one.on_day) for one in lines if one.statement_id in ids}, ground)


def _open_month(work: UnitOfWork, period: str, line_id: str) -> MonthReading:
    fund_reconciliation.lock_reconciliation(work.connection, work.institution_id)
    if not fund_statements.known_lines(work.connection, work.institution_id, [line_id]):
        raise NotFound("没有这一笔明细。请刷新后再看。")
    found = month_on(work.connection, work.institution_id, period, work.today)
    if is_shut(found.steps):
        raise Conflict(f"{period} 已经结账。要改请先由财务审批重开这个月；本次没有改动。")
    return found


def _say(work: UnitOfWork, subject: str, *, counts: bool, ground: str) -> None:
    before = store.newest(work.connection, work.institution_id).get(subject)
    store.add_counted(
        work.connection,
        {
            "institution_id": work.institution_id,
            "subject": subject,
            "step_no": before.step_no + 1 if before else 1,
            "counts": counts,
            "ground": ground,
            "said_by": work.act.actor.actor_id,
            "said_at": work.now,
        },
    )
    work.audit(subject=subject, detail={"counts": counts, "ground": ground})


def _ground(text: str) -> str:
    if not plain_name(text):
        raise MalformedInput("请写明依据，例如回单或对方的说明。", code="missing_value", details={"field": "ground"})
    return text.strip()
