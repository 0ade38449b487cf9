"""Balances and the trial balance, always summed from the postings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import MalformedInput, NotFound
from hospital_prepay.persistence.database import Database
from hospital_prepay.persistence.queries.ledger import (
    AccountBalance,
    SubjectYear,
    account_balances,
    account_exists,
    institution_ids,
    subject_years,
)
from hospital_prepay.services.context import Context


@dataclass(frozen=True, slots=True)
class TrialBalance:
    """Every account with postings. The two sums are equal in honest books."""

    institution_id: str
    rows: tuple[AccountBalance, ...]

    @property
    def debit_fen(self) -> int:
        """All debits."""
        return sum(row.debit_fen for row in self.rows)

    @property
    def credit_fen(self) -> int:
        """All credits."""
        return sum(row.credit_fen for row in self.rows)


def trial_balance(
    database: Database,
    institution_id: str | None = None,
    *,
    account_id: str | None = None,
    through: date | None = None,
) -> TrialBalance:
    """The trial balance (试算平衡) of an institution, or of one account with its sub-accounts.

    Without an institution the only one is taken. Raises :class:`NotFound` for an account that was never opened or
    an institution without books, :class:`MalformedInput` when there are several institutions to choose from.
    """
    with database.reading() as connection:
        institution_id = _choose(institution_ids(connection), institution_id)
        if account_id is not None and not account_exists(connection, institution_id, account_id):
            raise NotFound(f"没有科目 {account_id}，请核对科目代码。")
        rows = account_balances(connection, institution_id, account_id=account_id, through=through)
    return TrialBalance(institution_id, tuple(rows))


@dataclass(frozen=True, slots=True)
class YearBalance:
    """Every subject with postings: the start of the year, the year's turnover, the balance on a day."""

    on: date
    rows: tuple[SubjectYear, ...]

    @property
    def debit_fen(self) -> int:
        """All debits of the year."""
        return sum(row.debit_fen for row in self.rows)

    @property
    def credit_fen(self) -> int:
        """All credits of the year."""
        return sum(row.credit_fen for row in self.rows)

    @property
    def is_balanced(self) -> bool:
        """Whether debits equal credits, before the year and in it."""
        before = sum(row.before_debit_fen - row.before_credit_fen for row in self.rows)
        return before == 0 and self.debit_fen == self.credit_fen


def year_balance(context: Context, actor: Actor, on: date) -> YearBalance:
    """The trial balance (试算平衡) of the actor's institution at the end of a day. Needs ``ledger.view``."""
    actor.require(Permission.LEDGER_VIEW)
    with context.database.reading() as connection:
        return YearBalance(on, tuple(subject_years(connection, actor.institution_id, on)))


def _choose(known: list[str], wanted: str | None) -> str:
    if wanted is None and len(known) > 1:
        raise MalformedInput(f"账本里有几家机构（{'、'.join(known)}），请用 --institution 指明一家。")
    if not known or (wanted is not None and wanted not in known):
        raise NotFound("账本里没有这家机构，请核对机构代码。")
    return wanted or known[0]
