"""The books: accounts, entries, postings, and the blocks that seal them.

The database itself holds the promises (see ``migrations/0001_*.sql``): an entry balances within each restricted
fund, nothing in the books is edited, a guarded balance stays between zero and its ceiling. Constraints marked for
SQLite alone are held by triggers on PostgreSQL, which ask once a statement where a constraint asks at every row.
"""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from hospital_prepay.persistence.models.base import Base, Fen, InstitutionId


class LedgerAccount(Base):
    """One account: a subject of the chart, alone or with a sub-account such as a stay.

    ``fund`` names the grant whose restricted money stands here, or is empty. ``guarded`` accounts carry their
    balance here, on their normal side, never below zero and never raised above
    ``ceiling_fen``. The others are summed when asked and lock nothing.
    """

    __tablename__ = "ledger_account"

    institution_id: Mapped[InstitutionId]
    account_id: Mapped[str] = mapped_column(sa.String(80), primary_key=True)
    subject: Mapped[str] = mapped_column(sa.String(12))
    name: Mapped[str]
    normal_side: Mapped[int] = mapped_column(sa.SmallInteger)
    guarded: Mapped[bool]
    balance_fen: Mapped[Fen] = mapped_column(default=0)
    ceiling_fen: Mapped[Fen | None] = mapped_column(sa.BigInteger)
    opened_at: Mapped[datetime]
    fund: Mapped[str] = mapped_column(sa.String(60), server_default="")

    __table_args__ = (
        sa.CheckConstraint("normal_side IN (1, -1)", name="normal_side").ddl_if(dialect="sqlite"),
        sa.CheckConstraint(
            "account_id = subject OR substr(account_id, 1, length(subject) + 1) = subject || ':'",
            name="named_by_its_subject",
        ).ddl_if(dialect="sqlite"),
        sa.CheckConstraint("NOT guarded OR balance_fen >= 0", name="balance_not_negative"),
        # Stays that owe, whose number is small beside all accounts.
        sa.Index(
            "ix_ledger_account__owed",
            "institution_id",
            "account_id",
            sqlite_where=sa.text("subject = '12120203'"),
            postgresql_where=sa.text("subject = '12120203'"),
        ),
        sa.CheckConstraint("guarded OR balance_fen = 0", name="only_guarded_accounts_carry_a_balance").ddl_if(
            dialect="sqlite"
        ),
        sa.CheckConstraint("guarded OR ceiling_fen IS NULL", name="only_guarded_accounts_have_a_ceiling").ddl_if(
            dialect="sqlite"
        ),
        sa.CheckConstraint(
            "subject <> '23050103' OR (guarded AND normal_side = -1 AND ceiling_fen IS NOT NULL)",
            name="inpatient_deposits_are_guarded",
        ).ddl_if(dialect="sqlite"),
    )


class LedgerEntry(Base):
    """A journal entry (记账凭证). Corrected only by a reversing entry (红字冲销) that names it."""

    __tablename__ = "ledger_entry"

    institution_id: Mapped[InstitutionId]
    entry_no: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(sa.String(40))
    summary: Mapped[str]
    source: Mapped[str] = mapped_column(sa.String(120))
    idempotency_key: Mapped[str] = mapped_column(sa.String(120))
    reverses_no: Mapped[int | None] = mapped_column(sa.BigInteger)
    line_count: Mapped[int] = mapped_column(sa.SmallInteger)
    occurred_at: Mapped[datetime]
    posted_at: Mapped[datetime]
    effective_on: Mapped[date]
    posted_by: Mapped[str] = mapped_column(sa.String(40))
    content_hash: Mapped[bytes] = mapped_column(sa.LargeBinary(32))

    __table_args__ = (
        sa.UniqueConstraint("institution_id", "idempotency_key"),
        # Holds all that is asked of an entry by its source: SQLite takes it for that.
        sa.Index("ix_ledger_entry__source", "institution_id", "source", "kind"),
        sa.Index(
            "uq_ledger_entry__reverses_no",
            "institution_id",
            "reverses_no",
            unique=True,
            sqlite_where=sa.text("reverses_no IS NOT NULL"),
            postgresql_where=sa.text("reverses_no IS NOT NULL"),
        ),
        sa.ForeignKeyConstraint(
            ["institution_id", "reverses_no"],
            ["ledger_entry.institution_id", "ledger_entry.entry_no"],
            name="fk_ledger_entry__reverses",
        ),
        sa.CheckConstraint("line_count >= 2", name="two_lines_at_least").ddl_if(dialect="sqlite"),
        sa.CheckConstraint("length(content_hash) = 32", name="hash_of_32_bytes").ddl_if(dialect="sqlite"),
    )


class LedgerPosting(Base):
    """One line of an entry (分录). Debit and credit stand apart; exactly one of them is above zero.

    A reversing entry carries its red figures as the opposite side. On PostgreSQL a trigger looks once a statement
    where SQLite has foreign keys.
    """

    __tablename__ = "ledger_posting"

    institution_id: Mapped[InstitutionId]
    entry_no: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    line_no: Mapped[int] = mapped_column(sa.SmallInteger, primary_key=True, autoincrement=False)
    account_id: Mapped[str] = mapped_column(sa.String(80))
    debit_fen: Mapped[Fen]
    credit_fen: Mapped[Fen]
    fund: Mapped[str] = mapped_column(sa.String(60), default="")

    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["institution_id", "account_id"],
            ["ledger_account.institution_id", "ledger_account.account_id"],
            name="fk_ledger_posting__ledger_account",
        ).ddl_if(dialect="sqlite"),
        sa.ForeignKeyConstraint(
            ["institution_id", "entry_no"],
            ["ledger_entry.institution_id", "ledger_entry.entry_no"],
            name="fk_ledger_posting__ledger_entry",
            deferrable=True,
            initially="DEFERRED",
        ).ddl_if(dialect="sqlite"),
        sa.Index("ix_ledger_posting__account", "institution_id", "account_id", "entry_no"),
        sa.CheckConstraint("debit_fen >= 0 AND credit_fen >= 0", name="sides_not_negative").ddl_if(dialect="sqlite"),
        sa.CheckConstraint("(debit_fen = 0) <> (credit_fen = 0)", name="exactly_one_side").ddl_if(dialect="sqlite"),
    )


class LedgerBlock(Base):
    """A sealed run of entries, linked to the block before it."""

    __tablename__ = "ledger_block"

    institution_id: Mapped[InstitutionId]
    block_no: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    first_no: Mapped[int] = mapped_column(sa.BigInteger)
    last_no: Mapped[int] = mapped_column(sa.BigInteger)
    entry_count: Mapped[int] = mapped_column(sa.BigInteger)
    merkle_root: Mapped[bytes] = mapped_column(sa.LargeBinary(32))
    previous_hash: Mapped[bytes] = mapped_column(sa.LargeBinary(32))
    block_hash: Mapped[bytes] = mapped_column(sa.LargeBinary(32))
    sealed_at: Mapped[datetime]
