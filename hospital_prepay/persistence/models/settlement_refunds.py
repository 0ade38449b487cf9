"""What becomes of money after a settlement: refunds on their way to the patient, and what nobody has fetched."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from hospital_prepay.persistence.models.base import Base, InstitutionId

_SLIP = ["institution_id", "book", "serial"]
_STAY = ["institution_id", "stay_no"]


class RefundArrival(Base):
    """One attempt to bring a slip's money to the patient by a way that isn't cash in the hand.

    The first is written down by the database with the slip. When it fails, the money is owed on 2307 of the stay
    (``back_entry_no``); another attempt is asked for by one person and sent by another (``entry_no``). ``evidence``
    is the number of a statement, or the words of a failure or a refusal; ``account_enc`` the patient's bank account.
    """

    __tablename__ = "refund_arrival"

    institution_id: Mapped[InstitutionId]
    book: Mapped[str] = mapped_column(sa.String(12), primary_key=True)
    serial: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    attempt_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    route: Mapped[str] = mapped_column(sa.String(10))
    account_enc: Mapped[str | None]
    state: Mapped[str] = mapped_column(sa.String(8))
    asked_by: Mapped[str | None] = mapped_column(sa.String(40))
    asked_at: Mapped[datetime | None]
    sent_by: Mapped[str | None] = mapped_column(sa.String(40))
    sent_at: Mapped[datetime | None]
    entry_no: Mapped[int | None] = mapped_column(sa.BigInteger)
    evidence: Mapped[str | None]
    known_by: Mapped[str | None] = mapped_column(sa.String(40))
    known_at: Mapped[datetime | None]
    back_entry_no: Mapped[int | None] = mapped_column(sa.BigInteger)

    __table_args__ = (
        sa.ForeignKeyConstraint(_SLIP, [f"receipt.{one}" for one in _SLIP], name="fk_refund_arrival__receipt"),
        sa.ForeignKeyConstraint(
            ["institution_id", "entry_no"],
            ["ledger_entry.institution_id", "ledger_entry.entry_no"],
            name="fk_refund_arrival__ledger_entry",
        ),
        # One is open at a time, and none comes after it arrived.
        sa.Index(
            "uq_refund_arrival__open",
            *_SLIP,
            unique=True,
            sqlite_where=sa.text("state IN ('asked', 'sent', 'arrived')"),
            postgresql_where=sa.text("state IN ('asked', 'sent', 'arrived')"),
        ),
        sa.Index(
            "uq_refund_arrival__entry",
            "institution_id",
            "entry_no",
            unique=True,
            sqlite_where=sa.text("entry_no IS NOT NULL"),
            postgresql_where=sa.text("entry_no IS NOT NULL"),
        ),
        sa.Index(
            "uq_refund_arrival__back_entry",
            "institution_id",
            "back_entry_no",
            unique=True,
            sqlite_where=sa.text("back_entry_no IS NOT NULL"),
            postgresql_where=sa.text("back_entry_no IS NOT NULL"),
        ),
        sa.Index(
            "ix_refund_arrival__waiting",
            "institution_id",
            "sent_at",
            sqlite_where=sa.text("state IN ('asked', 'sent', 'failed')"),
            postgresql_where=sa.text("state IN ('asked', 'sent', 'failed')"),
        ),
        sa.CheckConstraint("state IN ('asked', 'sent', 'arrived', 'failed', 'dropped')", name="state"),
        sa.CheckConstraint("route IN ('cash', 'card', 'wechat', 'alipay', 'transfer')", name="route"),
        sa.CheckConstraint("attempt_no > 0 AND (attempt_no = 1) = (asked_by IS NULL)", name="asked_for"),
        sa.CheckConstraint("sent_by IS NULL OR sent_by <> asked_by", name="second_person"),
        sa.CheckConstraint("(sent_at IS NULL) = (entry_no IS NULL)", name="sent_with_its_entry"),
        sa.CheckConstraint("state NOT IN ('sent', 'arrived', 'failed') OR sent_at IS NOT NULL", name="sent"),
        sa.CheckConstraint(
            "(state IN ('asked', 'sent')) = (known_at IS NULL) AND (known_at IS NULL) = (known_by IS NULL) "
            "AND (known_at IS NULL OR length(evidence) > 0)",
            name="known_by_something",
        ),
        sa.CheckConstraint("(state = 'failed') = (back_entry_no IS NOT NULL)", name="failed_with_its_entry"),
    )


class UnclaimedDeposit(Base):
    """What a settlement left of a stay's deposit because nobody was there to take it, until somebody comes.

    It is asked for (``asked``) with who came and by what paper (``claimant_enc``: name, kind and number of the paper,
    bank account), for an heir confirmed by another person, and paid on a slip. ``ended`` where it was turned down, or
    the settlement recalled.
    """

    __tablename__ = "unclaimed_deposit"

    institution_id: Mapped[InstitutionId]
    stay_no: Mapped[str] = mapped_column(sa.String(40), primary_key=True)
    turn_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    since: Mapped[datetime]
    noted_by: Mapped[str] = mapped_column(sa.String(40))
    state: Mapped[str] = mapped_column(sa.String(7))
    claimant: Mapped[str | None] = mapped_column(sa.String(7))
    relation: Mapped[str | None] = mapped_column(sa.String(40))
    claimant_enc: Mapped[str | None]
    tender: Mapped[str | None] = mapped_column(sa.String(10))
    asked_by: Mapped[str | None] = mapped_column(sa.String(40))
    asked_at: Mapped[datetime | None]
    decided_by: Mapped[str | None] = mapped_column(sa.String(40))
    decided_at: Mapped[datetime | None]
    ground: Mapped[str | None]
    book: Mapped[str | None] = mapped_column(sa.String(12))
    serial: Mapped[int | None] = mapped_column(sa.BigInteger)

    __table_args__ = (
        sa.ForeignKeyConstraint(_STAY, [f"stay.{one}" for one in _STAY], name="fk_unclaimed_deposit__stay"),
        sa.ForeignKeyConstraint(_SLIP, [f"receipt.{one}" for one in _SLIP], name="fk_unclaimed_deposit__receipt"),
        sa.Index(
            "uq_unclaimed_deposit__open",
            *_STAY,
            unique=True,
            sqlite_where=sa.text("state IN ('waiting', 'asked')"),
            postgresql_where=sa.text("state IN ('waiting', 'asked')"),
        ),
        sa.CheckConstraint("state IN ('waiting', 'asked', 'paid', 'ended')", name="state"),
        sa.CheckConstraint("claimant IN ('patient', 'heir')", name="claimant"),
        sa.CheckConstraint("tender IN ('cash', 'transfer')", name="tender"),
        sa.CheckConstraint(
            "(asked_by IS NULL) = (claimant IS NULL) AND (asked_by IS NULL) = (claimant_enc IS NULL) "
            "AND (asked_by IS NULL) = (relation IS NULL) AND (asked_by IS NULL) = (tender IS NULL) "
            "AND (asked_by IS NULL) = (asked_at IS NULL)",
            name="asked_with_papers",
        ),
        sa.CheckConstraint("state NOT IN ('asked', 'paid') OR asked_by IS NOT NULL", name="somebody_came"),
        sa.CheckConstraint(
            "(state IN ('paid', 'ended')) = (decided_by IS NOT NULL) AND (decided_by IS NULL) = (decided_at IS NULL)",
            name="decided",
        ),
        sa.CheckConstraint("(state = 'paid') = (serial IS NOT NULL)", name="paid_on_a_slip"),
        sa.CheckConstraint("(state = 'ended') = (ground IS NOT NULL)", name="ended_says_why"),
        sa.CheckConstraint(
            "state <> 'paid' OR claimant = 'patient' OR decided_by <> asked_by", name="second_person_for_an_heir"
        ),
    )
