"""What discharged patients owe and what is done about it: promises, contacts, provision and write-off, the emergency
relief fund; the costs of stays before that; and the periodic assessment of the risk."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from hospital_prepay.persistence.models.base import Base, Fen, InstitutionId

_STAY = ["institution_id", "stay_no"]
_ENTRY = ["institution_id", "entry_no"]
_TO_ENTRY = [f"ledger_entry.{one}" for one in _ENTRY]


def _to_stay(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(_STAY, [f"stay.{one}" for one in _STAY], name=f"fk_{table}__stay")


class ArrearsAct(Base):
    """A provision (坏账准备), its release, or a write-off of what a stay owes: asked for by one person, decided by
    another, with one entry. A ``reopen`` is the claim coming back when money for it arrives; it waits for nobody."""

    __tablename__ = "arrears_act"

    institution_id: Mapped[InstitutionId]
    act_id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    stay_no: Mapped[str] = mapped_column(sa.String(40))
    kind: Mapped[str] = mapped_column(sa.String(9))
    amount_fen: Mapped[Fen]
    ground: Mapped[str]
    evidence: Mapped[str]
    state: Mapped[str] = mapped_column(sa.String(7))
    asked_by: Mapped[str] = mapped_column(sa.String(40))
    asked_at: Mapped[datetime]
    decided_by: Mapped[str | None] = mapped_column(sa.String(40))
    decided_at: Mapped[datetime | None]
    answer: Mapped[str] = mapped_column(default="")
    entry_no: Mapped[int | None] = mapped_column(sa.BigInteger)

    __table_args__ = (
        _to_stay("arrears_act"),
        sa.ForeignKeyConstraint(_ENTRY, _TO_ENTRY, name="fk_arrears_act__ledger_entry"),
        sa.Index("ix_arrears_act__stay", *_STAY),
        sa.Index("uq_arrears_act__entry", *_ENTRY, unique=True),
        sa.Index(
            "uq_arrears_act__waiting",
            *_STAY,
            unique=True,
            sqlite_where=sa.text("state = 'waiting'"),
            postgresql_where=sa.text("state = 'waiting'"),
        ),
        sa.CheckConstraint("kind IN ('provision', 'release', 'write_off', 'reopen')", name="kind"),
        sa.CheckConstraint("state IN ('waiting', 'done', 'refused')", name="state"),
        sa.CheckConstraint("amount_fen > 0", name="amount"),
        sa.CheckConstraint("kind = 'reopen' OR (ground <> '' AND evidence <> '')", name="grounded"),
        sa.CheckConstraint("(state = 'done') = (entry_no IS NOT NULL)", name="posted"),
        sa.CheckConstraint("decided_by IS NULL OR decided_by <> asked_by", name="second_person"),
    )


class ArrearsPromise(Base):
    """What a patient promised to pay and when: ``instalments`` are ``{due_on, amount_fen}``. The newest counts.
    ``paid_before_fen`` is what had come in by then: the promise is seen kept by what comes after."""

    __tablename__ = "arrears_promise"

    institution_id: Mapped[InstitutionId]
    stay_no: Mapped[str] = mapped_column(sa.String(40), primary_key=True)
    promise_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    instalments: Mapped[list[Any]]
    owed_fen: Mapped[Fen]
    paid_before_fen: Mapped[Fen]
    note: Mapped[str]
    made_by: Mapped[str] = mapped_column(sa.String(40))
    made_at: Mapped[datetime]

    __table_args__ = (_to_stay("arrears_promise"), sa.CheckConstraint("owed_fen > 0", name="owed"))


class ArrearsContact(Base):
    """One time that a patient was spoken or written to about what is owed."""

    __tablename__ = "arrears_contact"

    institution_id: Mapped[InstitutionId]
    stay_no: Mapped[str] = mapped_column(sa.String(40), primary_key=True)
    contact_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    way: Mapped[str] = mapped_column(sa.String(6))
    words: Mapped[str]
    owed_fen: Mapped[Fen]
    made_by: Mapped[str] = mapped_column(sa.String(40))
    made_at: Mapped[datetime]

    __table_args__ = (
        _to_stay("arrears_contact"),
        sa.CheckConstraint("way IN ('phone', 'sms', 'visit', 'letter')", name="way"),
    )


class StayCost(Base):
    """What a stay has cost so far, and what of it the patient is expected to bear, at a moment."""

    __tablename__ = "stay_cost"

    institution_id: Mapped[InstitutionId]
    stay_no: Mapped[str] = mapped_column(sa.String(40), primary_key=True)
    as_of: Mapped[datetime] = mapped_column(primary_key=True)
    total_fen: Mapped[Fen]
    own_fen: Mapped[Fen]
    source: Mapped[str] = mapped_column(sa.String(4))
    taken_by: Mapped[str] = mapped_column(sa.String(40))
    taken_at: Mapped[datetime]

    __table_args__ = (
        _to_stay("stay_cost"),
        sa.CheckConstraint("source IN ('api', 'csv')", name="source"),
        sa.CheckConstraint("own_fen >= 0 AND own_fen <= total_fen", name="amounts"),
    )


class ReliefApplication(Base):
    """An application to the emergency relief fund (疾病应急救助基金) for what a stay owes."""

    __tablename__ = "relief_application"

    institution_id: Mapped[InstitutionId]
    application_id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    stay_no: Mapped[str] = mapped_column(sa.String(40))
    amount_fen: Mapped[Fen]
    ground: Mapped[str]
    papers: Mapped[str]
    state: Mapped[str] = mapped_column(sa.String(9))
    made_by: Mapped[str] = mapped_column(sa.String(40))
    made_at: Mapped[datetime]
    submitted_by: Mapped[str | None] = mapped_column(sa.String(40))
    submitted_at: Mapped[datetime | None]
    answered_by: Mapped[str | None] = mapped_column(sa.String(40))
    answered_at: Mapped[datetime | None]
    granted_fen: Mapped[int | None] = mapped_column(sa.BigInteger)
    answer: Mapped[str] = mapped_column(default="")
    received_by: Mapped[str | None] = mapped_column(sa.String(40))
    received_at: Mapped[datetime | None]
    received_fen: Mapped[int | None] = mapped_column(sa.BigInteger)
    bank_reference: Mapped[str | None] = mapped_column(sa.String(64))
    entry_no: Mapped[int | None] = mapped_column(sa.BigInteger)
    returned_by: Mapped[str | None] = mapped_column(sa.String(40))
    returned_at: Mapped[datetime | None]
    return_reference: Mapped[str | None] = mapped_column(sa.String(64))
    return_entry_no: Mapped[int | None] = mapped_column(sa.BigInteger)

    __table_args__ = (
        _to_stay("relief_application"),
        sa.ForeignKeyConstraint(_ENTRY, _TO_ENTRY, name="fk_relief_application__ledger_entry"),
        sa.Index(
            "uq_relief_application__open",
            *_STAY,
            unique=True,
            sqlite_where=sa.text("state IN ('draft', 'submitted', 'granted')"),
            postgresql_where=sa.text("state IN ('draft', 'submitted', 'granted')"),
        ),
        sa.Index("uq_relief_application__entry", *_ENTRY, unique=True),
        sa.Index("uq_relief_application__bank", "institution_id", "bank_reference", unique=True),
        sa.CheckConstraint(
            "state IN ('draft', 'submitted', 'granted', 'refused', 'received', 'returned')", name="state"
        ),
        sa.CheckConstraint(
            "amount_fen > 0 AND (granted_fen IS NULL OR (granted_fen > 0 AND granted_fen <= amount_fen)) "
            "AND (received_fen IS NULL OR (received_fen > 0 AND received_fen <= granted_fen))",
            name="amounts",
        ),
        sa.CheckConstraint("ground <> '' AND papers <> ''", name="grounded"),
        sa.CheckConstraint("submitted_by IS NULL OR submitted_by <> made_by", name="second_person"),
        sa.CheckConstraint("(state IN ('received', 'returned')) = (entry_no IS NOT NULL)", name="posted"),
        sa.CheckConstraint("(state = 'returned') = (return_entry_no IS NOT NULL)", name="given_back"),
    )


class RiskAssessment(Base):
    """A periodic assessment (定期风险评估): the figures as the books gave them, findings and measures."""

    __tablename__ = "risk_assessment"

    institution_id: Mapped[InstitutionId]
    assessment_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    period_from: Mapped[date]
    period_to: Mapped[date]
    figures: Mapped[dict[str, Any]]
    findings: Mapped[str]
    measures: Mapped[str]
    assessed_by: Mapped[str] = mapped_column(sa.String(40))
    assessed_at: Mapped[datetime]
    approved_by: Mapped[str | None] = mapped_column(sa.String(40))
    approved_at: Mapped[datetime | None]

    __table_args__ = (
        sa.CheckConstraint("period_from <= period_to", name="period"),
        sa.CheckConstraint("findings <> '' AND measures <> ''", name="written"),
        sa.CheckConstraint("approved_by IS NULL OR approved_by <> assessed_by", name="second_person"),
    )
