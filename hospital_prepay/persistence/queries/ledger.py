"""Balances as frozen rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa

from hospital_prepay.persistence.models.ledger import LedgerAccount, LedgerEntry, LedgerPosting


@dataclass(frozen=True, slots=True)
class AccountBalance:
    """One account: its turnover on both sides and its balance on its normal side, in fen."""

    account_id: str
    name: str
    normal_side: int
    debit_fen: int
    credit_fen: int

    @property
    def balance_fen(self) -> int:
        """Debits less credits, or the other way round for an account whose normal side is credit."""
        return self.normal_side * (self.debit_fen - self.credit_fen)


def account_balances(
    connection: sa.Connection,
    institution_id: str,
    *,
    account_id: str | None = None,
    through: date | None = None,
) -> list[AccountBalance]:
    """Balances summed from the postings, by account id.

    One account, or all that have postings; a subject such as ``23050103`` stands for its sub-accounts too when it
    is asked for. ``through`` counts entries effective up to and on that day.
    """
    account, posting = LedgerAccount, LedgerPosting
    statement = (
        sa.select(
            account.account_id,
            account.name,
            account.normal_side,
            sa.func.sum(posting.debit_fen),
            sa.func.sum(posting.credit_fen),
        )
        .join(
            posting,
            sa.and_(posting.institution_id == account.institution_id, posting.account_id == account.account_id),
        )
        .where(account.institution_id == institution_id)
        .group_by(account.account_id, account.name, account.normal_side)
    )
    if account_id is not None:
        below = account.account_id.startswith(f"{account_id}:", autoescape=True)
        statement = statement.where(sa.or_(account.account_id == account_id, below))
    if through is not None:
        statement = statement.join(
            LedgerEntry,
            sa.and_(LedgerEntry.institution_id == posting.institution_id, LedgerEntry.entry_no == posting.entry_no),
        ).where(LedgerEntry.effective_on <= through)
    rows = [
        AccountBalance(found, name, side, int(debit), int(credit))
        for found, name, side, debit, credit in connection.execute(statement)
    ]
    return sorted(rows, key=lambda row: row.account_id)


@dataclass(frozen=True, slots=True)
class SubjectYear:
    """One subject with its sub-accounts: what stood at the start of the year and what came since, in fen."""

    subject: str
    normal_side: int
    before_debit_fen: int
    before_credit_fen: int
    debit_fen: int
    credit_fen: int

    @property
    def opening_fen(self) -> int:
        """The balance at the start of the year, on the normal side."""
        return self.normal_side * (self.before_debit_fen - self.before_credit_fen)

    @property
    def closing_fen(self) -> int:
        """The balance at the end of the day, on the normal side."""
        return self.opening_fen + self.normal_side * (self.debit_fen - self.credit_fen)


def subject_years(connection: sa.Connection, institution_id: str, through: date) -> list[SubjectYear]:
    """Every subject with postings up to and on ``through``, summed from the postings, by code."""
    account, posting, entry = LedgerAccount, LedgerPosting, LedgerEntry
    is_before = entry.effective_on < date(through.year, 1, 1)
    sums = [
        sa.func.sum(sa.case((condition, column), else_=0))
        for condition in (is_before, sa.not_(is_before))
        for column in (posting.debit_fen, posting.credit_fen)
    ]
    statement = (
        sa.select(account.subject, account.normal_side, *sums)
        .join_from(
            posting,
            entry,
            sa.and_(entry.institution_id == posting.institution_id, entry.entry_no == posting.entry_no),
        )
        .join(
            account,
            sa.and_(posting.institution_id == account.institution_id, posting.account_id == account.account_id),
        )
        .where(posting.institution_id == institution_id, entry.effective_on <= through)
        .group_by(account.subject, account.normal_side)
        .order_by(account.subject)
    )
    return [
        SubjectYear(subject, side, *(int(amount) for amount in amounts))
        for subject, side, *amounts in connection.execute(statement)
    ]


def account_exists(connection: sa.Connection, institution_id: str, account_id: str) -> bool:
    """Whether the account, or a sub-account of it, was opened."""
    below = LedgerAccount.account_id.startswith(f"{account_id}:", autoescape=True)
    found = connection.scalar(
        sa.select(sa.literal(1))
        .where(
            LedgerAccount.institution_id == institution_id,
            sa.or_(LedgerAccount.account_id == account_id, below),
        )
        .limit(1)
    )
    return found is not None


def institution_ids(connection: sa.Connection) -> list[str]:
    """Institutions that have opened accounts."""
    statement = sa.select(LedgerAccount.institution_id).distinct().order_by(LedgerAccount.institution_id)
    return list(connection.scalars(statement))
