"""Cases, caps, stays and the receipts of the desk."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from hospital_prepay.persistence.models.base import Base, Fen, InstitutionId

CLASSES = "insured_class IN ('employee', 'resident', 'self_pay')"


class CaseImport(Base):
    """One case file taken in. The same file (by SHA-256) counts once."""

    __tablename__ = "case_import"

    institution_id: Mapped[InstitutionId]
    import_id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    file_name: Mapped[str]
    file_sha256: Mapped[str] = mapped_column(sa.String(64))
    rows_read: Mapped[int]
    rows_accepted: Mapped[int]
    rows_rejected: Mapped[int]
    rows_known: Mapped[int]
    imported_by: Mapped[str] = mapped_column(sa.String(40))
    imported_at: Mapped[datetime]

    __table_args__ = (sa.UniqueConstraint("institution_id", "file_sha256"),)


class RejectedRow(Base):
    """A row kept aside at import, with its line and what to do about it.

    ``field`` and ``original`` are the column at fault and its cell as it stood, empty when the whole row is at fault;
    ``NULL`` in rows from before they were kept.
    """

    __tablename__ = "case_import_rejection"

    institution_id: Mapped[InstitutionId]
    import_id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    line: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    code: Mapped[str] = mapped_column(sa.String(40))
    message: Mapped[str]
    field: Mapped[str | None] = mapped_column(sa.String(40))
    original: Mapped[str | None]


class InpatientCase(Base):
    """One discharge of the past years, the ground of the caps (article 12).

    ``self_pay_by_choice``: a class that article 14 lets be put with self-pay; unknown of cases stored before it was
    written down.
    """

    __tablename__ = "inpatient_case"

    institution_id: Mapped[InstitutionId]
    case_no: Mapped[str] = mapped_column(sa.String(80), primary_key=True)
    discharged_on: Mapped[date]
    disease_code: Mapped[str] = mapped_column(sa.String(80))
    disease_name: Mapped[str]
    insured_class: Mapped[str] = mapped_column(sa.String(10))
    total_cost_fen: Mapped[Fen]
    burden_fen: Mapped[Fen]
    copayment_fen: Mapped[Fen | None] = mapped_column(sa.BigInteger)
    import_id: Mapped[str] = mapped_column(sa.String(36))
    self_pay_by_choice: Mapped[bool | None]

    __table_args__ = (
        sa.CheckConstraint(CLASSES, name="insured_class"),
        sa.CheckConstraint("total_cost_fen >= 0 AND burden_fen >= 0", name="amounts_not_negative"),
    )


class Disease(Base):
    """A disease of the hospital's catalogue (article 11), findable by name, code and initials."""

    __tablename__ = "disease"

    institution_id: Mapped[InstitutionId]
    disease_code: Mapped[str] = mapped_column(sa.String(80), primary_key=True)
    name: Mapped[str]
    initials: Mapped[str] = mapped_column(default="")
    catalogue: Mapped[str] = mapped_column(sa.String(40), default="")


class EarlierStandard(Base):
    """The hospital's own standard from before the rules were issued (article 12), and since when it was in force."""

    __tablename__ = "earlier_standard"

    institution_id: Mapped[InstitutionId]
    disease_code: Mapped[str] = mapped_column(sa.String(80), primary_key=True)
    insured_class: Mapped[str] = mapped_column(sa.String(10), primary_key=True)
    in_force_from: Mapped[date] = mapped_column(primary_key=True)
    standard_fen: Mapped[Fen]
    source: Mapped[str] = mapped_column(default="")
    recorded_by: Mapped[str] = mapped_column(sa.String(40))
    recorded_at: Mapped[datetime]

    __table_args__ = (sa.CheckConstraint(CLASSES, name="insured_class"),)


class SimilarDisease(Base):
    """The hospital's table of similar diseases (articles 17.2 and 18)."""

    __tablename__ = "similar_disease"

    institution_id: Mapped[InstitutionId]
    disease_code: Mapped[str] = mapped_column(sa.String(80), primary_key=True)
    similar_to: Mapped[str] = mapped_column(sa.String(80), primary_key=True)


class CapTable(Base):
    """A measured table of caps: draft, approved by a second person, published. Every version is kept."""

    __tablename__ = "cap_table"

    institution_id: Mapped[InstitutionId]
    table_id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    state: Mapped[str] = mapped_column(sa.String(10))
    version_no: Mapped[int | None]
    as_of: Mapped[date]
    window_from: Mapped[date]
    window_to: Mapped[date]
    parameters: Mapped[dict[str, Any]]
    cases_read: Mapped[int]
    cases_used: Mapped[int]
    row_count: Mapped[int]
    rule_version: Mapped[str] = mapped_column(sa.String(40))
    digest: Mapped[str] = mapped_column(sa.String(64))
    measured_by: Mapped[str] = mapped_column(sa.String(40))
    measured_at: Mapped[datetime]
    approved_by: Mapped[str | None] = mapped_column(sa.String(40))
    approved_at: Mapped[datetime | None]
    rejected_by: Mapped[str | None] = mapped_column(sa.String(40))
    rejected_ground: Mapped[str] = mapped_column(default="")
    published_by: Mapped[str | None] = mapped_column(sa.String(40))
    published_at: Mapped[datetime | None]
    effective_on: Mapped[date | None]

    __table_args__ = (
        sa.UniqueConstraint("institution_id", "version_no"),
        sa.CheckConstraint("state IN ('draft', 'approved', 'rejected', 'published')", name="state"),
        sa.CheckConstraint("approved_by IS NULL OR approved_by <> measured_by", name="second_person"),
        sa.CheckConstraint(
            "state IN ('draft', 'rejected') OR (approved_by IS NOT NULL AND approved_at IS NOT NULL)",
            name="approved_before_published",
        ),
        sa.CheckConstraint(
            "state <> 'published' OR (published_by IS NOT NULL AND published_at IS NOT NULL "
            "AND effective_on IS NOT NULL AND version_no IS NOT NULL)",
            name="published_with_version",
        ),
    )


class CapRow(Base):
    """One cap: a disease and an insured class in one table.

    ``mean_fen`` is the mean, rounded down, where the readings make it another one than the burdens by the cases;
    ``evidence`` is what the row rests on beside its sums.
    """

    __tablename__ = "cap_row"

    institution_id: Mapped[InstitutionId]
    table_id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    disease_code: Mapped[str] = mapped_column(sa.String(80), primary_key=True)
    insured_class: Mapped[str] = mapped_column(sa.String(10), primary_key=True)
    disease_name: Mapped[str]
    cases: Mapped[int]
    sum_cost_fen: Mapped[Fen]
    sum_burden_fen: Mapped[Fen]
    legacy_fen: Mapped[Fen | None] = mapped_column(sa.BigInteger)
    cap_fen: Mapped[Fen | None] = mapped_column(sa.BigInteger)
    basis: Mapped[str] = mapped_column(sa.String(12))
    clauses: Mapped[list[Any]]
    quantiles: Mapped[list[Any]]
    posted: Mapped[bool]
    mean_fen: Mapped[Fen | None] = mapped_column(sa.BigInteger)
    evidence: Mapped[dict[str, Any] | None]

    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["institution_id", "table_id"],
            ["cap_table.institution_id", "cap_table.table_id"],
            name="fk_cap_row__cap_table",
        ),
        sa.CheckConstraint(CLASSES, name="insured_class"),
        sa.CheckConstraint("basis IN ('mean', 'legacy', 'similar', 'insufficient')", name="basis"),
        sa.CheckConstraint("(basis = 'insufficient') = (cap_fen IS NULL)", name="cap_unless_insufficient"),
    )


class Stay(Base):
    """One inpatient stay (住院), by its number. Certificate and phone are optional and encrypted."""

    __tablename__ = "stay"

    institution_id: Mapped[InstitutionId]
    stay_no: Mapped[str] = mapped_column(sa.String(40), primary_key=True)
    patient_name: Mapped[str]
    initials: Mapped[str] = mapped_column(default="")
    sex: Mapped[str] = mapped_column(sa.String(1), default="")
    ward: Mapped[str] = mapped_column(default="")
    bed: Mapped[str] = mapped_column(default="")
    admitted_at: Mapped[datetime]
    discharged_at: Mapped[datetime | None]
    cancelled_at: Mapped[datetime | None]
    patient_no: Mapped[str | None] = mapped_column(sa.String(80))
    certificate_enc: Mapped[str | None]
    certificate_hash: Mapped[str | None] = mapped_column(sa.String(120))
    phone_enc: Mapped[str | None]
    phone_hash: Mapped[str | None] = mapped_column(sa.String(120))
    registered_by: Mapped[str] = mapped_column(sa.String(40))
    registered_at: Mapped[datetime]

    __table_args__ = (
        sa.Index("ix_stay__certificate_hash", "institution_id", "certificate_hash"),
        sa.Index("ix_stay__admitted_at", "institution_id", "admitted_at"),
        sa.Index(
            "ix_stay__patient_no",
            "institution_id",
            "patient_no",
            sqlite_where=sa.text("patient_no IS NOT NULL"),
            postgresql_where=sa.text("patient_no IS NOT NULL"),
        ),
    )


class StayCap(Base):
    """What may be collected in a stay, version by version: the disease and class it follows and why.

    ``circumstance`` is ``plain`` or one of the special cases of article 17 and 18. A new row moves the ceiling of
    the stay's deposit account (by trigger), so that the database itself refuses what goes over the cap.
    ``similar_ground`` stands only where the counter named a similar disease outside those found.
    """

    __tablename__ = "stay_cap"

    institution_id: Mapped[InstitutionId]
    stay_no: Mapped[str] = mapped_column(sa.String(40), primary_key=True)
    version_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    disease_code: Mapped[str] = mapped_column(sa.String(80))
    disease_name: Mapped[str]
    insured_class: Mapped[str] = mapped_column(sa.String(10))
    circumstance: Mapped[str] = mapped_column(sa.String(24))
    unposted: Mapped[bool]
    similar_code: Mapped[str | None] = mapped_column(sa.String(80))
    similar_ground: Mapped[str] = mapped_column(default="")
    cap_fen: Mapped[Fen | None] = mapped_column(sa.BigInteger)
    table_id: Mapped[str | None] = mapped_column(sa.String(36))
    talk: Mapped[str] = mapped_column(default="")
    decision_id: Mapped[str] = mapped_column(sa.String(36))
    recorded_by: Mapped[str] = mapped_column(sa.String(40))
    recorded_at: Mapped[datetime]

    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["institution_id", "stay_no"], ["stay.institution_id", "stay.stay_no"], name="fk_stay_cap__stay"
        ),
        sa.ForeignKeyConstraint(
            ["institution_id", "decision_id"],
            ["decision.institution_id", "decision.decision_id"],
            name="fk_stay_cap__decision",
        ),
        sa.Index("ix_stay_cap__decision", "institution_id", "decision_id"),
        sa.Index(
            "ix_stay_cap__named",
            "institution_id",
            "recorded_at",
            sqlite_where=sa.text("similar_ground <> ''"),
            postgresql_where=sa.text("similar_ground <> ''"),
        ),
        sa.CheckConstraint(CLASSES, name="insured_class"),
        sa.CheckConstraint("cap_fen IS NULL OR cap_fen >= 0", name="cap_not_negative"),
    )


class ReceiptBook(Base):
    """A cashier's book: its receipts count on without a gap, whatever other desks do."""

    __tablename__ = "receipt_book"

    institution_id: Mapped[InstitutionId]
    book: Mapped[str] = mapped_column(sa.String(12), primary_key=True)
    holder: Mapped[str] = mapped_column(sa.String(40))
    last_serial: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]


class Receipt(Base):
    """A slip: money taken (deposit) or given back (refund), what a settlement left owing (topup) or over (return), a
    refund that came back and is paid in cash (again), or a slip undone (void). ``channel`` is where it was done."""

    __tablename__ = "receipt"

    institution_id: Mapped[InstitutionId]
    book: Mapped[str] = mapped_column(sa.String(12), primary_key=True)
    serial: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(sa.String(8))
    stay_no: Mapped[str] = mapped_column(sa.String(40))
    amount_fen: Mapped[Fen]
    tender: Mapped[str] = mapped_column(sa.String(10))
    payment_reference: Mapped[str] = mapped_column(default="")
    payer: Mapped[str] = mapped_column(default="")
    ground: Mapped[str] = mapped_column(default="")
    cancels_book: Mapped[str | None] = mapped_column(sa.String(12))
    cancels_serial: Mapped[int | None] = mapped_column(sa.BigInteger)
    entry_no: Mapped[int] = mapped_column(sa.BigInteger)
    decision_id: Mapped[str | None] = mapped_column(sa.String(36))
    token: Mapped[str] = mapped_column(sa.String(32))
    issued_at: Mapped[datetime]
    issued_by: Mapped[str] = mapped_column(sa.String(40))
    approved_by: Mapped[str | None] = mapped_column(sa.String(40))
    channel: Mapped[str] = mapped_column(sa.String(7), server_default="window")

    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["institution_id", "stay_no"], ["stay.institution_id", "stay.stay_no"], name="fk_receipt__stay"
        ),
        sa.ForeignKeyConstraint(
            ["institution_id", "entry_no"],
            ["ledger_entry.institution_id", "ledger_entry.entry_no"],
            name="fk_receipt__ledger_entry",
        ),
        sa.UniqueConstraint("token"),
        sa.UniqueConstraint("institution_id", "entry_no"),
        sa.Index(
            "uq_receipt__cancels",
            "institution_id",
            "cancels_book",
            "cancels_serial",
            unique=True,
            sqlite_where=sa.text("cancels_serial IS NOT NULL"),
            postgresql_where=sa.text("cancels_serial IS NOT NULL"),
        ),
        sa.Index("ix_receipt__stay", "institution_id", "stay_no"),
        sa.CheckConstraint("kind IN ('deposit', 'refund', 'void', 'topup', 'return', 'again')", name="kind"),
        sa.CheckConstraint("channel IN ('bedside', 'online', 'window')", name="channel"),
        sa.CheckConstraint("tender IN ('cash', 'card', 'wechat', 'alipay', 'transfer')", name="tender"),
        sa.CheckConstraint("amount_fen > 0", name="amount_above_zero"),
        sa.CheckConstraint("(kind = 'void') = (cancels_serial IS NOT NULL)", name="void_names_its_slip"),
        sa.CheckConstraint(
            "kind IN ('deposit', 'topup', 'return') OR (approved_by IS NOT NULL AND approved_by <> issued_by)",
            name="second_person",
        ),
    )


class SlipRequest(Base):
    """A void or a refund asked for by one person and waiting for another; one open request a ``source``."""

    __tablename__ = "slip_request"

    institution_id: Mapped[InstitutionId]
    request_id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    kind: Mapped[str] = mapped_column(sa.String(8))
    source: Mapped[str] = mapped_column(sa.String(60))
    stay_no: Mapped[str] = mapped_column(sa.String(40))
    book: Mapped[str | None] = mapped_column(sa.String(12))
    serial: Mapped[int | None] = mapped_column(sa.BigInteger)
    amount_fen: Mapped[Fen]
    tender: Mapped[str] = mapped_column(sa.String(10))
    payment_reference: Mapped[str] = mapped_column(default="")
    ground: Mapped[str]
    requested_by: Mapped[str] = mapped_column(sa.String(40))
    requested_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(sa.String(10))
    decided_by: Mapped[str | None] = mapped_column(sa.String(40))
    decided_at: Mapped[datetime | None]
    receipt_book: Mapped[str | None] = mapped_column(sa.String(12))
    receipt_serial: Mapped[int | None] = mapped_column(sa.BigInteger)

    __table_args__ = (
        sa.CheckConstraint("kind IN ('refund', 'void')", name="kind"),
        sa.CheckConstraint("state IN ('waiting', 'approved', 'rejected')", name="state"),
        sa.CheckConstraint("decided_by IS NULL OR decided_by <> requested_by", name="second_person"),
        sa.CheckConstraint("(state = 'waiting') = (decided_by IS NULL)", name="decided_by_somebody"),
        sa.Index(
            "uq_slip_request__open",
            "institution_id",
            "source",
            unique=True,
            sqlite_where=sa.text("state = 'waiting'"),
            postgresql_where=sa.text("state = 'waiting'"),
        ),
    )
