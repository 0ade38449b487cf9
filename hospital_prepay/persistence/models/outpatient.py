"""Outpatient accounts: the census that counted them, the accounts themselves, corrections of a miscount.

An account's balance stands in the books alone, on the sub-account of 23050102 (or 230502, for money that is no
deposit) that carries its number. What is known of its owner may be nothing at all.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from hospital_prepay.persistence.models.base import Base, Fen, InstitutionId

KINDS = (
    "'outpatient_deposit', 'registration_fee', 'treatment_course', 'group_checkup', 'pre_surgery', 'special_disease',"
    " 'other_not_deposit'"
)
Person = sa.String(40)


class OutpatientImport(Base):
    """One file of the census: counted by one person, confirmed by another, then booked part by part."""

    __tablename__ = "outpatient_import"

    institution_id: Mapped[InstitutionId]
    import_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    file_name: Mapped[str]
    sha256: Mapped[str] = mapped_column(sa.String(64))
    balances_on: Mapped[date]
    accepted: Mapped[int]
    rejected: Mapped[int]
    total_fen: Mapped[Fen]
    state: Mapped[str] = mapped_column(sa.String(9))
    imported_by: Mapped[str] = mapped_column(Person)
    imported_at: Mapped[datetime]
    decided_by: Mapped[str | None] = mapped_column(Person)
    decided_at: Mapped[datetime | None]
    booked_at: Mapped[datetime | None]
    doubts: Mapped[list[Any]] = mapped_column(default=[], server_default="[]")

    __table_args__ = (
        sa.Index(
            "uq_outpatient_import__file",
            "institution_id",
            "sha256",
            unique=True,
            sqlite_where=sa.text("state <> 'dropped'"),
            postgresql_where=sa.text("state <> 'dropped'"),
        ),
        sa.CheckConstraint("state IN ('counted', 'confirmed', 'booked', 'dropped')", name="state"),
        sa.CheckConstraint(
            "state IN ('counted', 'dropped') OR (decided_by IS NOT NULL AND decided_by <> imported_by)",
            name="second_person",
        ),
    )


class OutpatientRejection(Base):
    """A row of a census file that couldn't be taken, or was taken although something in it couldn't be read (by its
    ``code``), and what to do about it."""

    __tablename__ = "outpatient_rejection"

    institution_id: Mapped[InstitutionId]
    import_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    line: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    code: Mapped[str] = mapped_column(sa.String(40))
    message: Mapped[str]


class OutpatientAccount(Base):
    """One account. ``personal`` holds certificate number and phone, encrypted; the hashes find them again.

    ``person_id`` joins accounts that two people hold to be one person's; it begins as the account's own number.
    """

    __tablename__ = "outpatient_account"

    institution_id: Mapped[InstitutionId]
    account_no: Mapped[str] = mapped_column(sa.String(40), primary_key=True)
    import_no: Mapped[int | None]
    kind: Mapped[str] = mapped_column(sa.String(20))
    holder_name: Mapped[str]
    personal: Mapped[str] = mapped_column(sa.Text)
    certno_hash: Mapped[str] = mapped_column(sa.String(100))
    phone_hash: Mapped[str] = mapped_column(sa.String(100))
    reach: Mapped[str] = mapped_column(sa.String(8))
    channel: Mapped[str] = mapped_column(sa.String(8))
    patient_no: Mapped[str] = mapped_column(sa.String(80))
    opening_fen: Mapped[Fen]
    last_movement_on: Mapped[date | None]
    person_id: Mapped[str] = mapped_column(sa.String(40))
    state: Mapped[str] = mapped_column(sa.String(11))
    unclearable_reason: Mapped[str] = mapped_column(default="", server_default="")
    filed_on: Mapped[date | None]

    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["institution_id", "import_no"], ["outpatient_import.institution_id", "outpatient_import.import_no"]
        ),
        # Of hashes alone on PostgreSQL, without the key to the import, which a trigger looks up: see migration 0046.
        sa.Index(
            "ix_outpatient_account__certno",
            "institution_id",
            "certno_hash",
            sqlite_where=sa.text("certno_hash <> ''"),
            postgresql_where=sa.text("certno_hash <> ''"),
        ),
        sa.Index(
            "ix_outpatient_account__phone",
            "institution_id",
            "phone_hash",
            sqlite_where=sa.text("phone_hash <> ''"),
            postgresql_where=sa.text("phone_hash <> ''"),
        ),
        sa.Index(
            "ix_outpatient_account__person",
            "institution_id",
            "person_id",
            sqlite_where=sa.text("person_id <> account_no"),
            postgresql_where=sa.text("person_id <> account_no"),
        ),
        sa.Index(
            "ix_outpatient_account__state",
            "institution_id",
            "state",
            "account_no",
            "last_movement_on",
            "filed_on",
            sqlite_where=sa.text("state <> 'open'"),
            postgresql_where=sa.text("state <> 'open'"),
        ),
        sa.CheckConstraint(f"kind IN ({KINDS})", name="kind"),
        sa.CheckConstraint("opening_fen >= 0", name="opening_not_negative"),
        sa.CheckConstraint("reach IN ('phone', 'identity', 'name', 'none')", name="reach"),
        sa.CheckConstraint("channel IN ('cash', 'card', 'wechat', 'alipay', 'transfer', 'unknown')", name="channel"),
        sa.CheckConstraint(
            "state IN ('open', 'refunded', 'unclearable', 'filed', 'frozen', 'remitted', 'reclaimed')", name="state"
        ),
        sa.CheckConstraint(
            "kind = 'outpatient_deposit' OR state IN ('open', 'refunded')", name="only_deposits_are_filed"
        ),
        sa.CheckConstraint(
            "state NOT IN ('unclearable', 'filed', 'frozen', 'remitted', 'reclaimed')"
            " OR length(unclearable_reason) > 0",
            name="unclearable_with_reason",
        ),
        sa.CheckConstraint(
            "state NOT IN ('filed', 'frozen', 'remitted', 'reclaimed') OR filed_on IS NOT NULL", name="filed_with_day"
        ),
    )


class OutpatientCorrection(Base):
    """The balance of an account that was counted wrong: asked by one person, approved by another, booked once.

    ``answer`` says why it was turned down; those of before 0044 may say nothing.
    """

    __tablename__ = "outpatient_correction"

    institution_id: Mapped[InstitutionId]
    correction_id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    account_no: Mapped[str] = mapped_column(sa.String(40))
    change_fen: Mapped[Fen]
    ground: Mapped[str]
    state: Mapped[str] = mapped_column(sa.String(9))
    asked_by: Mapped[str] = mapped_column(Person)
    asked_at: Mapped[datetime]
    decided_by: Mapped[str | None] = mapped_column(Person)
    decided_at: Mapped[datetime | None]
    answer: Mapped[str] = mapped_column(default="", server_default="")

    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["institution_id", "account_no"], ["outpatient_account.institution_id", "outpatient_account.account_no"]
        ),
        sa.CheckConstraint("state IN ('asked', 'approved', 'rejected')", name="state"),
        sa.CheckConstraint("change_fen <> 0 AND length(ground) > 0", name="a_change_with_its_ground"),
        sa.CheckConstraint(
            "state = 'asked' OR (decided_by IS NOT NULL AND decided_by <> asked_by)", name="second_person"
        ),
    )


class OutpatientTaken(Base):
    """A deposit taken all the same: of a kind that is kept, filed and posted, with the patient's consent (6)."""

    __tablename__ = "outpatient_taken"

    institution_id: Mapped[InstitutionId]
    taken_id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    account_no: Mapped[str] = mapped_column(sa.String(40))
    amount_fen: Mapped[Fen]
    tender: Mapped[str] = mapped_column(sa.String(8))
    kept_kind: Mapped[str] = mapped_column(sa.String(40))
    filing_id: Mapped[str] = mapped_column(sa.String(36))
    consent: Mapped[str]
    decision_id: Mapped[str] = mapped_column(sa.String(36))
    taken_by: Mapped[str] = mapped_column(Person)
    taken_at: Mapped[datetime]

    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["institution_id", "account_no"], ["outpatient_account.institution_id", "outpatient_account.account_no"]
        ),
        sa.Index("ix_outpatient_taken__account", "institution_id", "account_no"),
        sa.CheckConstraint("amount_fen > 0 AND length(consent) > 0", name="with_consent"),
    )
