"""What the desk's pages read: frozen rows, no locks."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Final

import sqlalchemy as sa

from hospital_prepay.domain.ledger.chart import stay_account
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.inpatient.slips import MONEY_OUT
from hospital_prepay.persistence.models.access import User
from hospital_prepay.persistence.models.inpatient import (
    CapRow,
    CapTable,
    Disease,
    Receipt,
    ReceiptBook,
    SlipRequest,
    Stay,
    StayCap,
)
from hospital_prepay.persistence.models.ledger import LedgerAccount
from hospital_prepay.persistence.receipts import Slip, receipt_number, slip, slips

_SHORTEST_ENDING: Final = 4


@dataclass(frozen=True, slots=True)
class StayCard:
    """A stay as the desk shows it. Amounts in fen; certificate and phone are encrypted as this room hands them on,
    and readable as far as somebody may see them once a service has: ``""`` when none was given."""

    stay_no: str
    patient_name: str
    sex: str
    ward: str
    bed: str
    admitted_at: datetime
    registered_at: datetime
    discharged_at: datetime | None
    cancelled_at: datetime | None
    certificate: str
    phone: str
    cap_version: int
    disease_code: str
    disease_name: str
    insured_class: str
    circumstance: str
    unposted: bool
    similar_code: str | None
    similar_ground: str
    talk: str
    cap_fen: int | None
    table_id: str | None
    decision_id: str
    collected_fen: int

    @property
    def state_words(self) -> str | None:
        """What became of the stay, ``None`` while the patient is in hospital."""
        return "已取消住院" if self.cancelled_at else "已出院" if self.discharged_at else None

    @property
    def cap(self) -> Money | None:
        """What may be collected in all, ``None`` while something must be done first."""
        return None if self.cap_fen is None else Money(self.cap_fen)

    @property
    def collected(self) -> Money:
        """What the stay's deposits hold."""
        return Money(self.collected_fen)

    @property
    def room(self) -> Money:
        """What may still be collected."""
        return Money(max(0, (self.cap_fen or 0) - self.collected_fen))


@dataclass(frozen=True, slots=True)
class DiseaseHit:
    """A disease found at the desk, with its cap in one class of one table."""

    disease_code: str
    name: str
    cap_fen: int | None
    posted: bool


@dataclass(frozen=True, slots=True)
class WaitingRequest:
    """A void or refund that waits for a second person."""

    request_id: str
    kind: str
    stay_no: str
    patient_name: str
    book: str | None
    serial: int | None
    amount_fen: int
    tender: str
    ground: str
    requested_by: str
    requested_by_name: str | None
    requested_at: datetime

    @property
    def number(self) -> str | None:
        """The slip to be voided; none for a refund."""
        return receipt_number(self.book, self.serial) if self.book and self.serial else None


@dataclass(frozen=True, slots=True)
class BookDay:
    """What a cashier's open book took in since a moment, net of voids; apart from it what the book paid: refunds that
    others approved, and what settlements gave back or was paid on a second way (``paid_out``, ``paid_out_fen``)."""

    book: str | None
    slips: int
    net_fen: int
    paid_out: int
    paid_out_fen: int


_ENCRYPTED = {
    name: sa.func.coalesce(getattr(Stay, f"{name}_enc"), "").label(name) for name in ("certificate", "phone")
}


def _cards(institution_id: str) -> sa.Select[tuple[object, ...]]:
    newest = (
        sa.select(StayCap.stay_no, sa.func.max(StayCap.version_no).label("version_no"))
        .where(StayCap.institution_id == institution_id)
        .group_by(StayCap.stay_no)
        .subquery()
    )
    stay_columns = _names(StayCard, before="cap_version")
    cap_columns = _names(StayCard, after="cap_version", before="collected_fen")
    return (
        sa.select(
            *(_ENCRYPTED[name] if name in _ENCRYPTED else getattr(Stay, name) for name in stay_columns),
            StayCap.version_no.label("cap_version"),
            *(getattr(StayCap, name) for name in cap_columns),
            LedgerAccount.balance_fen.label("collected_fen"),
        )
        .join(newest, newest.c.stay_no == Stay.stay_no)
        .join(
            StayCap,
            sa.and_(
                StayCap.institution_id == Stay.institution_id,
                StayCap.stay_no == Stay.stay_no,
                StayCap.version_no == newest.c.version_no,
            ),
        )
        .join(
            LedgerAccount,
            sa.and_(
                LedgerAccount.institution_id == Stay.institution_id,
                LedgerAccount.account_id == sa.literal(stay_account("")) + Stay.stay_no,
            ),
        )
        .where(Stay.institution_id == institution_id)
    )


def stay_card(connection: sa.Connection, institution_id: str, stay_no: str) -> StayCard | None:
    """One stay, or ``None``."""
    row = connection.execute(_cards(institution_id).where(Stay.stay_no == stay_no)).one_or_none()
    return None if row is None else StayCard(**row._mapping)


def find_stays(
    connection: sa.Connection, institution_id: str, text: str, hashes: tuple[str, ...], limit: int = 8
) -> list[StayCard]:
    """Stays by the beginning or the last four signs and more of their number, by name, initials of the name, or the
    keyed hash of a certificate or phone; newest first."""
    like = _like(text)
    where = sa.or_(
        Stay.stay_no.like(like + "%", escape="\\"),
        sa.and_(sa.literal(len(text) >= _SHORTEST_ENDING), Stay.stay_no.like("%" + like, escape="\\")),
        Stay.patient_name.like("%" + like + "%", escape="\\"),
        (" " + Stay.initials).like("% " + like.lower() + "%", escape="\\"),
        Stay.certificate_hash.in_(hashes),
        Stay.phone_hash.in_(hashes),
    )
    rows = connection.execute(
        _cards(institution_id)
        .where(where)
        .order_by(sa.or_(Stay.discharged_at.isnot(None), Stay.cancelled_at.isnot(None)), Stay.admitted_at.desc())
        .limit(limit)
    )
    return [StayCard(**row._mapping) for row in rows]


def find_diseases(
    connection: sa.Connection,
    institution_id: str,
    text: str,
    table_id: str | None,
    insured_class: str,
    limit: int = 8,
) -> list[DiseaseHit]:
    """Diseases by name, code or initials: those that begin so first, posted ones before others."""
    like = _like(text)
    begins = sa.or_(
        Disease.name.like(like + "%", escape="\\"),
        Disease.disease_code.like(like + "%", escape="\\"),
        (" " + Disease.initials).like("% " + like.lower() + "%", escape="\\"),
    )
    found = sa.or_(begins, Disease.name.like("%" + like + "%", escape="\\"))
    cap = sa.and_(
        CapRow.institution_id == Disease.institution_id,
        CapRow.table_id == table_id,
        CapRow.disease_code == Disease.disease_code,
        CapRow.insured_class == insured_class,
    )
    posted = sa.func.coalesce(CapRow.posted, sa.false())
    rows = connection.execute(
        sa.select(Disease.disease_code, Disease.name, CapRow.cap_fen, posted.label("posted"))
        .join(CapRow, cap, isouter=True)
        .where(Disease.institution_id == institution_id, found)
        .order_by(begins.desc(), posted.desc(), sa.func.length(Disease.name), Disease.disease_code)
        .limit(limit)
    )
    return [DiseaseHit(r.disease_code, r.name, r.cap_fen, bool(r.posted)) for r in rows]


def disease_name(connection: sa.Connection, institution_id: str, disease_code: str) -> str | None:
    """The catalogue's name of a code."""
    return connection.scalar(
        sa.select(Disease.name).where(Disease.institution_id == institution_id, Disease.disease_code == disease_code)
    )


def slips_of_stay(connection: sa.Connection, institution_id: str, stay_no: str) -> list[Slip]:
    """Every slip of a stay, newest first."""
    rows = connection.execute(
        slips()
        .where(Receipt.institution_id == institution_id, Receipt.stay_no == stay_no)
        .order_by(Receipt.issued_at.desc(), Receipt.serial.desc())
    )
    return [slip(row) for row in rows]


def slips_of_holder(connection: sa.Connection, institution_id: str, holder: str, since: datetime) -> list[Slip]:
    """What a cashier's books issued since a moment, newest first."""
    rows = connection.execute(
        slips()
        .where(Receipt.institution_id == institution_id, Receipt.issued_by == holder, Receipt.issued_at >= since)
        .order_by(Receipt.issued_at.desc(), Receipt.serial.desc())
    )
    return [slip(row) for row in rows]


def book_day(connection: sa.Connection, institution_id: str, holder: str, since: datetime) -> BookDay:
    """The head of the desk: the open book, how many slips and how much since a moment."""
    book = connection.scalar(
        sa.select(ReceiptBook.book)
        .where(
            ReceiptBook.institution_id == institution_id,
            ReceiptBook.holder == holder,
            ReceiptBook.closed_at.is_(None),
        )
        .order_by(ReceiptBook.book)
        .limit(1)
    )
    taken = slips_of_holder(connection, institution_id, holder, since)
    paid = [one for one in taken if one.kind in MONEY_OUT]
    back = [one for one in taken if one.cancels_kind in MONEY_OUT]
    own = [one for one in taken if one.kind not in MONEY_OUT and one.cancels_kind not in MONEY_OUT]
    paid_out = -sum(one.moved_fen for one in (*paid, *back))
    return BookDay(book, len(own), sum(one.moved_fen for one in own), len(paid), paid_out)


def waiting_requests(
    connection: sa.Connection, institution_id: str, stay_no: str | None = None
) -> list[WaitingRequest]:
    """Requests that wait for a second person, of one stay or of all, longest waiting first."""
    of_stay = sa.true() if stay_no is None else SlipRequest.stay_no == stay_no
    names = [name for name in _names(WaitingRequest) if name not in ("patient_name", "requested_by_name")]
    rows = connection.execute(
        sa.select(
            *(getattr(SlipRequest, name) for name in names),
            Stay.patient_name,
            User.name.label("requested_by_name"),
        )
        .join(
            Stay,
            sa.and_(Stay.institution_id == SlipRequest.institution_id, Stay.stay_no == SlipRequest.stay_no),
        )
        .join(
            User,
            sa.and_(User.institution_id == SlipRequest.institution_id, User.user_id == SlipRequest.requested_by),
            isouter=True,
        )
        .where(SlipRequest.institution_id == institution_id, SlipRequest.state == "waiting", of_stay)
        .order_by(SlipRequest.requested_at)
    )
    return [WaitingRequest(**row._mapping) for row in rows]


@dataclass(frozen=True, slots=True)
class CapSource:
    """What a cap rests on, for the sentence beneath it."""

    version_no: int | None
    window_from: date
    window_to: date
    cases: int
    sum_burden_fen: int
    mean_fen: int | None
    legacy_fen: int | None
    basis: str


def cap_source(
    connection: sa.Connection, institution_id: str, table_id: str, disease_code: str, insured_class: str
) -> CapSource | None:
    """The row of a table that a cap came from, or ``None`` when it has none of its own."""
    row = connection.execute(
        sa.select(
            CapTable.version_no,
            CapTable.window_from,
            CapTable.window_to,
            CapRow.cases,
            CapRow.sum_burden_fen,
            CapRow.mean_fen,
            CapRow.legacy_fen,
            CapRow.basis,
        )
        .join(CapRow, sa.and_(CapRow.institution_id == CapTable.institution_id, CapRow.table_id == CapTable.table_id))
        .where(
            CapTable.institution_id == institution_id,
            CapTable.table_id == table_id,
            CapRow.disease_code == disease_code,
            CapRow.insured_class == insured_class,
        )
    ).one_or_none()
    return None if row is None else CapSource(**row._mapping)


def wards(connection: sa.Connection, institution_id: str) -> list[str]:
    """Wards that stays name, for the list beside the field."""
    return list(
        connection.scalars(
            sa.select(Stay.ward)
            .where(Stay.institution_id == institution_id, Stay.ward != "")
            .distinct()
            .order_by(Stay.ward)
        )
    )


def staff_name(connection: sa.Connection, institution_id: str, user_id: str) -> tuple[str, str]:
    """A person's name and station; the id itself where nobody is known by it (a system, a job)."""
    row = connection.execute(
        sa.select(User.name, User.station).where(User.institution_id == institution_id, User.user_id == user_id)
    ).one_or_none()
    return (user_id, "") if row is None else (row.name, row.station)


def staff_with_roles(connection: sa.Connection, institution_id: str, roles: list[str], but: str) -> list[str]:
    """Names of active staff who hold one of some roles, without one person."""
    rows = connection.execute(
        sa.select(User.name, User.roles).where(
            User.institution_id == institution_id, User.is_active, User.user_id != but
        )
    )
    return [row.name for row in rows if set(row.roles) & set(roles)]


def diseases_of_table(connection: sa.Connection, institution_id: str, table_id: str, limit: int) -> list[DiseaseHit]:
    """The posted diseases of a table by code, each once."""
    rows = connection.execute(
        sa.select(CapRow.disease_code, CapRow.disease_name, CapRow.posted)
        .where(CapRow.institution_id == institution_id, CapRow.table_id == table_id)
        .distinct()
        .order_by(CapRow.posted.desc(), CapRow.disease_code)
        .limit(limit)
    )
    return [DiseaseHit(row.disease_code, row.disease_name, None, row.posted) for row in rows]


def _names(row: type, *, after: str | None = None, before: str | None = None) -> list[str]:
    """Field names of a frozen row, between two of them."""
    names = [field.name for field in fields(row)]
    return names[names.index(after) + 1 if after else 0 : names.index(before) if before else None]


def _like(text: str) -> str:
    """Escape what LIKE would read as a wildcard."""
    return text.strip().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
