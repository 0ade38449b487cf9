"""The account that holds the prepayments: the first bank statement names it, a change is an approver's word."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import date
from typing import Final

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import Conflict, MalformedInput
from hospital_prepay.domain.plain_text import check_text
from hospital_prepay.domain.references import plain_name
from hospital_prepay.domain.rules.fund.accounts import (
    account_key,
    account_on,
    account_spelling,
    is_same_account,
)
from hospital_prepay.persistence import fund_accounts as store
from hospital_prepay.persistence import fund_reconciliation, fund_statements
from hospital_prepay.persistence.database import Connection
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.services.context import Context
from hospital_prepay.services.fund.months import first_and_last, months_from, reopen_for
from hospital_prepay.services.fund.quiet_months import take_back
from hospital_prepay.services.fund.statement_lines import EARLIEST, ReadStatement

LONGEST_ACCOUNT: Final = 40
_FIRST: Final = "第一份银行流水的账户"


def account_of_file(typed: str, printed: str) -> str:
    """The account of a bank's file: as a person typed it, or as the file prints it.

    Raises :class:`MalformedInput` when neither says it, or they contradict each other.
    """
    account = typed.strip() or printed
    check_text(account, LONGEST_ACCOUNT)
    if len(account_key(account)) < 4:
        raise _wrong("请填这份流水是哪个银行账户的，写账号。对账只看存放预付金的那个账户。")
    if printed and account_key(printed) != account_key(account):
        raise _wrong(f"文件里印的账号是“{printed}”，和填的不一样。请核对。")
    return account


def keep_first_account(work: UnitOfWork, account: str) -> None:
    """The account of the first statement holds the prepayments, until an approver says otherwise."""
    if not store.prepay_accounts(work.connection, work.institution_id):
        _add(work, 1, account, EARLIEST, _FIRST)


def of_account(work: UnitOfWork, account: str, read: ReadStatement, sha256: str) -> tuple[ReadStatement, str]:
    """The file and its lines as those of ``account``. What was taken in by mistake for another account never stands
    in the way of the right one: only the first account's lines are known by what they say alone."""
    first = store.prepay_accounts(work.connection, work.institution_id)[0]
    if account_key(first.account) == account_key(account):
        return read, sha256
    spelled = _first_spelled(work, account)
    lines = tuple(replace(one, line_id=_apart(spelled, one.line_id)) for one in read.lines)
    return replace(read, lines=lines), _apart(spelled, sha256)


def _first_spelled(work: UnitOfWork, account: str) -> str:
    """An account as its first file has it: by that its lines are known, however later ones spell it."""
    files = fund_statements.statements(work.connection, work.institution_id)
    known = [one for one in files if one.account and account_key(one.account) == account_key(account)]
    return min(known, key=lambda one: (one.imported_at, one.statement_id)).account if known else account


def holding_account(work: UnitOfWork, day: date) -> str | None:
    """The key of the account that holds the prepayments on ``day``."""
    named = store.prepay_accounts(work.connection, work.institution_id)
    return account_on([one.named for one in named], day)


def is_own_account(connection: Connection, institution_id: str, account: str) -> bool:
    """Whether the hospital itself has ``account``: it holds the prepayments, or its statement was imported."""
    named = {one.account for one in store.prepay_accounts(connection, institution_id)}
    files = {one.account for one in fund_statements.statements(connection, institution_id)}
    return any(is_same_account(account, one) for one in named | files if one)


def named_account(work: UnitOfWork, day: date) -> str:
    """The account that holds the prepayments on ``day``, as it was typed; empty while nobody named one."""
    named = [one for one in store.prepay_accounts(work.connection, work.institution_id) if one.from_on <= day]
    return named[-1].account if named else ""


def name_account(context: Context, actor: Actor, period: str, account: str, ground: str) -> tuple[str, ...]:
    """Say that from the first day of ``period`` on the prepayments lie on ``account``; closed months from there on
    are opened again. Returns which. Needs ``fund.record``.

    Raises :class:`MalformedInput` without a ground or for an account of which no statement was imported,
    :class:`Conflict` when it is the one already.
    """
    actor.require(Permission.FUND_RECORD)
    first, last = first_and_last(period)
    with context.work(actor, "fund.name_account", f"month:{period}") as work:
        fund_reconciliation.lock_reconciliation(work.connection, work.institution_id)
        if not plain_name(ground):
            raise MalformedInput("请写明依据，例如换户的批准文件。", details={"field": "ground"})
        files = fund_statements.statements(work.connection, work.institution_id)
        if account_key(account) not in {account_key(one.account) for one in files if one.account}:
            raise _wrong("没有导入过这个账户的流水。请先导入，再说明预付金存在这个账户。")
        if holding_account(work, last) == account_key(account):
            raise Conflict(f"{period} 的预付金已经记在这个账户。请刷新后再看；本次没有改动。")
        known = store.prepay_accounts(work.connection, work.institution_id)
        _add(work, len(known) + 1, account.strip(), first, ground.strip())
        silent = store.quiet_periods(work.connection, work.institution_id, "bank")
        take_back(work, [one for one in silent if one >= period], "bank", "预付金换了账户")
        return reopen_for(work, months_from(work, period), f"从 {period} 起预付金存在账户 {account.strip()}")


def _add(work: UnitOfWork, step_no: int, account: str, from_on: date, ground: str) -> None:
    store.add_prepay_account(
        work.connection,
        {
            "institution_id": work.institution_id,
            "step_no": step_no,
            "account": account,
            "from_on": from_on,
            "ground": ground,
            "named_by": work.act.actor.actor_id,
            "named_at": work.now,
        },
    )
    work.audit(detail={"prepay_account": account, "from": from_on.isoformat(), "ground": ground})


def _apart(account: str, content: str) -> str:
    return hashlib.sha256(f"{account_spelling(account)}\x1f{content}".encode()).hexdigest()


def _wrong(message: str) -> MalformedInput:
    return MalformedInput(message, code="which_account", details={"field": "account"})
