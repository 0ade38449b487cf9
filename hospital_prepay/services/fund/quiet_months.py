"""A month in which bank or agency have no line: nothing can be imported of it, so that a person says it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import Conflict, MalformedInput
from hospital_prepay.domain.plain_text import check_ground
from hospital_prepay.domain.references import plain_name
from hospital_prepay.domain.rules.fund.accounts import account_on, is_of_prepayments
from hospital_prepay.domain.rules.fund.month_papers import BANK, STATEMENTS
from hospital_prepay.persistence import fund_accounts as store
from hospital_prepay.persistence import fund_statements
from hospital_prepay.persistence.fund_accounts import QuietMonth
from hospital_prepay.persistence.fund_reconciliation import lock_reconciliation, period_steps
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.services.context import Context
from hospital_prepay.services.fund.months import first_and_last, is_shut, month_of


def say_quiet(context: Context, actor: Actor, period: str, kind: str, ground: str, *, quiet: bool = True) -> None:
    """Say that the bank's or the agency's statement of ``period`` has no line, or (``quiet`` false) take it back.

    Raises :class:`MalformedInput` without a ground or while the month isn't over, :class:`Conflict` when it is said
    already, the month is closed, or a line of it came in.
    """
    actor.require(Permission.FUND_RECONCILE)
    _, last = first_and_last(period)
    with context.work(actor, "fund.say_quiet", f"month:{period}") as work:
        lock_reconciliation(work.connection, work.institution_id)
        if kind not in STATEMENTS:
            raise _wrong("kind", "请选银行流水或医保对账单。")
        if not plain_name(ground):
            raise _wrong("ground", "请写明怎么知道没有明细，例如网银查询页或医保方的回复。")
        if last >= work.today:
            raise _wrong("kind", f"{period} 还没有过完，月末之后才能说没有明细。")
        if is_shut(period_steps(work.connection, work.institution_id, period)):
            raise Conflict(f"{period} 已经结账。要改请先由财务审批重开这个月；本次没有改动。")
        check_ground(ground.strip())
        before = store.quiet_months(work.connection, work.institution_id, period).get(kind)
        if (before is not None and before.quiet) is quiet:
            raise Conflict("这个月已经这样记了。请刷新后再看；本次没有改动。")
        if quiet and _has_lines(work, period, kind, last):
            words = f"已导入的{STATEMENTS[kind]}里有 {period} 的明细，不能说没有。请导入整月的；本次没有改动。"
            raise Conflict(words)
        _add(work, period, kind, before, quiet=quiet, ground=ground.strip())


def take_back(work: UnitOfWork, periods: Iterable[str], kind: str, ground: str) -> None:
    """The word that these months have no line of ``kind`` holds no longer: a line came in, or the prepayments lie on
    another account."""
    for period in sorted(set(periods)):
        before = store.quiet_months(work.connection, work.institution_id, period).get(kind)
        if before is not None and before.quiet:
            _add(work, period, kind, before, quiet=False, ground=ground)


def _has_lines(work: UnitOfWork, period: str, kind: str, last: date) -> bool:
    named = [one.named for one in store.prepay_accounts(work.connection, work.institution_id)]
    holds = account_on(named, last)
    files = {
        one.statement_id
        for one in fund_statements.statements(work.connection, work.institution_id)
        if one.kind == kind and (kind != BANK or is_of_prepayments(one.account, holds))
    }
    rows = fund_statements.statement_lines(work.connection, work.institution_id)
    return any(month_of(one.on_day) == period for one in rows if one.statement_id in files)


def _add(work: UnitOfWork, period: str, kind: str, before: QuietMonth | None, *, quiet: bool, ground: str) -> None:
    store.add_quiet_month(
        work.connection,
        {
            "institution_id": work.institution_id,
            "period": period,
            "kind": kind,
            "step_no": before.step_no + 1 if before else 1,
            "quiet": quiet,
            "ground": ground,
            "said_by": work.act.actor.actor_id,
            "said_at": work.now,
        },
    )
    work.audit(subject=f"month:{period}", detail={"kind": kind, "quiet": quiet, "ground": ground})


def _wrong(field: str, message: str) -> MalformedInput:
    return MalformedInput(message, code="missing_value", details={"field": field})
