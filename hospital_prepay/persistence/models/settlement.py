"""Discharges and what leads to them: the messages of visits, the clocks, who must do what next."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from hospital_prepay.persistence.models.base import Base, Fen, InstitutionId
from hospital_prepay.persistence.models.inpatient import CLASSES

STAGES = "('ward', 'audit', 'insurance', 'cashier', 'invoice', 'done')"
_STAY = ["institution_id", "stay_no"]
_DISCHARGE = [*_STAY, "discharged_at"]


class VisitMessage(Base):
    """One word of another system, or of a person, on a visit: read and applied, or kept aside with the reason.

    ``digest`` names it: the same bytes are the same message, however often they come. What it says is kept encrypted
    (``facts_enc``); its bytes (``raw_enc``) only as long as it stands aside.
    """

    __tablename__ = "visit_message"

    institution_id: Mapped[InstitutionId]
    message_id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    source: Mapped[str] = mapped_column(sa.String(6))
    sender: Mapped[str] = mapped_column(sa.String(80))
    control_no: Mapped[str] = mapped_column(sa.String(80))
    sequence_no: Mapped[int | None] = mapped_column(sa.BigInteger)
    event: Mapped[str] = mapped_column(sa.String(20))
    visit_no: Mapped[str | None] = mapped_column(sa.String(80))
    occurred_at: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    digest: Mapped[str] = mapped_column(sa.String(64))
    facts_enc: Mapped[str | None]
    raw_enc: Mapped[str | None]
    state: Mapped[str] = mapped_column(sa.String(11))
    reason_code: Mapped[str] = mapped_column(sa.String(40))
    reason: Mapped[str]
    received_at: Mapped[datetime]
    received_by: Mapped[str] = mapped_column(sa.String(40))
    decided_by: Mapped[str | None] = mapped_column(sa.String(40))
    decided_at: Mapped[datetime | None]

    __table_args__ = (
        sa.UniqueConstraint("institution_id", "digest"),
        sa.Index("ix_visit_message__visit", "institution_id", "visit_no"),
        sa.Index("ix_visit_message__received", "institution_id", "received_at"),
        sa.Index(
            "ix_visit_message__aside",
            "institution_id",
            "received_at",
            sqlite_where=sa.text("state = 'quarantined'"),
            postgresql_where=sa.text("state = 'quarantined'"),
        ),
        sa.CheckConstraint("source IN ('mllp', 'folder', 'api', 'csv', 'hand')", name="source"),
        sa.CheckConstraint("state IN ('applied', 'quarantined', 'dropped')", name="state"),
        sa.CheckConstraint(
            "state <> 'applied' OR (visit_no IS NOT NULL AND occurred_at IS NOT NULL AND sent_at IS NOT NULL "
            "AND facts_enc IS NOT NULL)",
            name="applied_says_what",
        ),
        sa.CheckConstraint("state <> 'quarantined' OR length(reason) > 0", name="aside_says_why"),
    )


class PatientMergeRow(Base):
    """A patient's number that goes on as another (A40)."""

    __tablename__ = "patient_merge"

    institution_id: Mapped[InstitutionId]
    digest: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    from_no: Mapped[str] = mapped_column(sa.String(80))
    into_no: Mapped[str] = mapped_column(sa.String(80))
    occurred_at: Mapped[datetime]
    recorded_at: Mapped[datetime]

    __table_args__ = (sa.Index("ix_patient_merge__from_no", "institution_id", "from_no"),)


class Discharge(Base):
    """One discharge of a stay and where its settlement stands: the board's row.

    ``class_known`` is false where nobody named the insured class: ``insured_class`` then is assumed, self-pay.
    ``due_on`` is ``NULL`` while it is provisional, and with ``expected_on`` where no rule was in force. ``ended_at``
    stands where the discharge was taken back; the row stays, as do its clocks and steps.
    """

    __tablename__ = "discharge"

    institution_id: Mapped[InstitutionId]
    stay_no: Mapped[str] = mapped_column(sa.String(40), primary_key=True)
    discharged_at: Mapped[datetime] = mapped_column(primary_key=True)
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str | None] = mapped_column(sa.String(20))
    disposition: Mapped[str] = mapped_column(sa.String(20))
    ward: Mapped[str]
    insured_class: Mapped[str] = mapped_column(sa.String(10))
    class_known: Mapped[bool] = mapped_column(server_default=sa.true())
    clock_no: Mapped[int]
    due_on: Mapped[date | None]
    expected_on: Mapped[date | None]
    target_at: Mapped[datetime | None]
    stage: Mapped[str] = mapped_column(sa.String(9))
    stage_since: Mapped[datetime]
    note: Mapped[str]
    step_no: Mapped[int]
    settled_at: Mapped[datetime | None]

    __table_args__ = (
        sa.ForeignKeyConstraint(_STAY, [f"stay.{one}" for one in _STAY], name="fk_discharge__stay"),
        sa.Index(
            "uq_discharge__standing",
            *_STAY,
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        ),
        sa.Index(
            "ix_discharge__open",
            "institution_id",
            "expected_on",
            "discharged_at",
            "stay_no",
            "stage",
            "ward",
            "insured_class",
            sqlite_where=sa.text("ended_at IS NULL AND settled_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL AND settled_at IS NULL"),
        ),
        sa.Index("ix_discharge__discharged_at", "institution_id", "discharged_at"),
        sa.Index(
            "ix_discharge__invoice",
            "institution_id",
            "stage_since",
            "stay_no",
            sqlite_where=sa.text("ended_at IS NULL AND stage = 'invoice'"),
            postgresql_where=sa.text("ended_at IS NULL AND stage = 'invoice'"),
        ),
        sa.Index(
            "ix_discharge__ended",
            "institution_id",
            "ended_at",
            sqlite_where=sa.text("ended_at IS NOT NULL"),
            postgresql_where=sa.text("ended_at IS NOT NULL"),
        ),
        # Reports of a year are read in these two alone.
        sa.Index(
            "ix_discharge__reported",
            "institution_id",
            "discharged_at",
            "stay_no",
            "ward",
            "insured_class",
            "due_on",
            "expected_on",
            "target_at",
            "settled_at",
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        ),
        sa.Index(
            "ix_discharge__settled",
            "institution_id",
            "settled_at",
            sqlite_where=sa.text("ended_at IS NULL AND settled_at IS NOT NULL"),
            postgresql_where=sa.text("ended_at IS NULL AND settled_at IS NOT NULL"),
        ),
        sa.CheckConstraint(CLASSES, name="insured_class"),
        sa.CheckConstraint(f"stage IN {STAGES}", name="stage"),
        sa.CheckConstraint("(ended_at IS NULL) = (ended_by IS NULL)", name="ended_by_something"),
        sa.CheckConstraint("due_on IS NULL OR expected_on = due_on", name="due_as_expected"),
    )


class DischargeClock(Base):
    """When a discharge must be settled, as it was reckoned, and by what. A new verdict stands beside the old one."""

    __tablename__ = "discharge_clock"

    institution_id: Mapped[InstitutionId]
    stay_no: Mapped[str] = mapped_column(sa.String(40), primary_key=True)
    discharged_at: Mapped[datetime] = mapped_column(primary_key=True)
    clock_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    starts_at: Mapped[datetime]
    due_on: Mapped[date | None]
    expected_on: Mapped[date | None]
    target_at: Mapped[datetime | None]
    working_days: Mapped[int | None]
    target_hours: Mapped[int | None]
    calendar_version: Mapped[str] = mapped_column(sa.String(64))
    rule_version: Mapped[str] = mapped_column(sa.String(40))
    moment_reading: Mapped[str] = mapped_column(sa.String(40))
    cause: Mapped[str] = mapped_column(sa.String(10))
    set_by: Mapped[str] = mapped_column(sa.String(40))
    set_at: Mapped[datetime]

    __table_args__ = (
        sa.ForeignKeyConstraint(
            _DISCHARGE, [f"discharge.{one}" for one in _DISCHARGE], name="fk_discharge_clock__discharge"
        ),
        sa.CheckConstraint("cause IN ('discharged', 'calendar', 'ordered')", name="cause"),
        sa.CheckConstraint("due_on IS NULL OR expected_on = due_on", name="due_as_expected"),
    )


class DischargeStep(Base):
    """Who passed a discharge on to whom, sent it back, or wrote down what it waits for (``from_stage`` stays)."""

    __tablename__ = "discharge_step"

    institution_id: Mapped[InstitutionId]
    stay_no: Mapped[str] = mapped_column(sa.String(40), primary_key=True)
    discharged_at: Mapped[datetime] = mapped_column(primary_key=True)
    step_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    from_stage: Mapped[str] = mapped_column(sa.String(9))
    to_stage: Mapped[str] = mapped_column(sa.String(9))
    note: Mapped[str]
    taken_by: Mapped[str] = mapped_column(sa.String(40))
    taken_at: Mapped[datetime]

    __table_args__ = (
        sa.ForeignKeyConstraint(
            _DISCHARGE, [f"discharge.{one}" for one in _DISCHARGE], name="fk_discharge_step__discharge"
        ),
        sa.CheckConstraint(f"from_stage IN {STAGES} AND to_stage IN {STAGES}", name="stages"),
        sa.CheckConstraint("from_stage <> to_stage OR length(note) > 0", name="remark_with_words"),
    )


class _Result:
    """What a result says, whose it is, and who took it."""

    stay_no: Mapped[str] = mapped_column(sa.String(40))
    mdtrt_id: Mapped[str] = mapped_column(sa.String(40))
    psn_no: Mapped[str] = mapped_column(sa.String(40))
    certificate_hash: Mapped[str | None] = mapped_column(sa.String(120))
    insutype: Mapped[str] = mapped_column(sa.String(6))
    med_type: Mapped[str] = mapped_column(sa.String(6))
    setl_time: Mapped[datetime]
    medfee_sumamt_fen: Mapped[Fen]
    fund_pay_sumamt_fen: Mapped[Fen]
    psn_part_amt_fen: Mapped[Fen]
    acct_pay_fen: Mapped[Fen]
    psn_cash_pay_fen: Mapped[Fen]
    hosp_part_amt_fen: Mapped[Fen]
    acct_mulaid_pay_fen: Mapped[Fen]
    source: Mapped[str] = mapped_column(sa.String(6))
    taken_by: Mapped[str] = mapped_column(sa.String(40))
    taken_at: Mapped[datetime]


class SettlementResult(_Result, Base):
    """What the insurance answered to the request for settlement (interface 2304), as it was taken. What was typed by
    hand, and nothing that stands rests on, may be written over: the database keeps it as :class:`ReplacedResult`."""

    __tablename__ = "settlement_result"

    institution_id: Mapped[InstitutionId]
    setl_id: Mapped[str] = mapped_column(sa.String(40), primary_key=True)

    __table_args__ = (
        sa.ForeignKeyConstraint(_STAY, [f"stay.{one}" for one in _STAY], name="fk_settlement_result__stay"),
        sa.Index("ix_settlement_result__stay", *_STAY),
        sa.CheckConstraint("source IN ('api', 'csv', 'hand')", name="source"),
    )


class ReplacedResult(_Result, Base):
    """What was typed by hand as a result until another took its place, counted for each number. Written by the
    database itself."""

    __tablename__ = "replaced_result"

    institution_id: Mapped[InstitutionId]
    setl_id: Mapped[str] = mapped_column(sa.String(40), primary_key=True)
    replaced_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    replaced_by: Mapped[str] = mapped_column(sa.String(40))
    replaced_at: Mapped[datetime]

    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["institution_id", "setl_id"],
            ["settlement_result.institution_id", "settlement_result.setl_id"],
            name="fk_replaced_result__settlement_result",
        ),
        sa.CheckConstraint("source = 'hand'", name="source"),
    )


class SettlementRow(Base):
    """A settlement of a stay: its cost, who bears it, what the deposit paid. Its number is the stay's and a count.

    ``discharged_at`` names the discharge it settles, none for an interim one. It is recalled by red letter, asked for
    by one person and done by another; then the columns of the recall stand, and another may take its place.
    """

    __tablename__ = "settlement"

    institution_id: Mapped[InstitutionId]
    stay_no: Mapped[str] = mapped_column(sa.String(40), primary_key=True)
    settlement_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(sa.String(9))
    discharged_at: Mapped[datetime | None]
    setl_id: Mapped[str | None] = mapped_column(sa.String(40))
    total_fen: Mapped[Fen]
    fund_fen: Mapped[Fen]
    account_fen: Mapped[Fen]
    cash_fen: Mapped[Fen]
    hospital_fen: Mapped[Fen]
    held_fen: Mapped[Fen]
    applied_fen: Mapped[Fen]
    shortfall_fen: Mapped[Fen]
    channel: Mapped[str] = mapped_column(sa.String(7))
    entry_no: Mapped[int | None] = mapped_column(sa.BigInteger)
    decision_id: Mapped[str] = mapped_column(sa.String(36))
    settled_by: Mapped[str] = mapped_column(sa.String(40))
    settled_at: Mapped[datetime]
    invoice_no: Mapped[str | None] = mapped_column(sa.String(40))
    invoiced_by: Mapped[str | None] = mapped_column(sa.String(40))
    invoiced_at: Mapped[datetime | None]
    recall_ground: Mapped[str | None]
    recall_asked_by: Mapped[str | None] = mapped_column(sa.String(40))
    recall_asked_at: Mapped[datetime | None]
    recalled_by: Mapped[str | None] = mapped_column(sa.String(40))
    recalled_at: Mapped[datetime | None]
    recall_entry_no: Mapped[int | None] = mapped_column(sa.BigInteger)
    token: Mapped[str | None] = mapped_column(sa.String(40))

    __table_args__ = (
        sa.ForeignKeyConstraint(_STAY, [f"stay.{one}" for one in _STAY], name="fk_settlement__stay"),
        sa.ForeignKeyConstraint(
            _DISCHARGE, [f"discharge.{one}" for one in _DISCHARGE], name="fk_settlement__discharge"
        ),
        sa.ForeignKeyConstraint(
            ["institution_id", "setl_id"],
            ["settlement_result.institution_id", "settlement_result.setl_id"],
            name="fk_settlement__settlement_result",
        ),
        sa.ForeignKeyConstraint(
            ["institution_id", "entry_no"],
            ["ledger_entry.institution_id", "ledger_entry.entry_no"],
            name="fk_settlement__ledger_entry",
        ),
        sa.Index(
            "uq_settlement__standing",
            *_STAY,
            unique=True,
            sqlite_where=sa.text("recalled_at IS NULL AND discharged_at IS NOT NULL"),
            postgresql_where=sa.text("recalled_at IS NULL AND discharged_at IS NOT NULL"),
        ),
        sa.Index(
            "uq_settlement__result",
            "institution_id",
            "setl_id",
            unique=True,
            sqlite_where=sa.text("recalled_at IS NULL AND setl_id IS NOT NULL"),
            postgresql_where=sa.text("recalled_at IS NULL AND setl_id IS NOT NULL"),
        ),
        sa.Index("uq_settlement__token", "token", unique=True),
        sa.Index("ix_settlement__entry", "institution_id", "entry_no"),
        sa.Index(
            "ix_settlement__to_recall",
            "institution_id",
            "recall_asked_at",
            sqlite_where=sa.text("recall_asked_at IS NOT NULL AND recalled_at IS NULL"),
            postgresql_where=sa.text("recall_asked_at IS NOT NULL AND recalled_at IS NULL"),
        ),
        sa.CheckConstraint("kind IN ('discharge', 'interim', 'no_charge')", name="kind"),
        sa.CheckConstraint("channel IN ('bedside', 'online', 'window')", name="channel"),
        sa.CheckConstraint("(kind = 'interim') = (discharged_at IS NULL)", name="interim_without_discharge"),
        sa.CheckConstraint("total_fen = fund_fen + account_fen + cash_fen + hospital_fen", name="borne_by_somebody"),
        sa.CheckConstraint("cash_fen = applied_fen + shortfall_fen", name="paid_or_owed"),
        sa.CheckConstraint(
            "fund_fen >= 0 AND account_fen >= 0 AND cash_fen >= 0 AND hospital_fen >= 0 AND applied_fen >= 0 "
            "AND shortfall_fen >= 0 AND applied_fen <= held_fen AND (shortfall_fen = 0 OR applied_fen = held_fen)",
            name="amounts",
        ),
        sa.CheckConstraint("(entry_no IS NULL) = (total_fen = 0)", name="posted"),
        sa.CheckConstraint("recalled_by IS NULL OR recalled_by <> recall_asked_by", name="second_person"),
    )
