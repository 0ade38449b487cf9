"""Offsets, corrections and late slips: what waits for a second person, and what became of it (see migration 0021)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
import sqlalchemy.orm

from hospital_prepay.domain.errors import NotFound
from hospital_prepay.domain.ledger.entry import Posting
from hospital_prepay.domain.money import Money
from hospital_prepay.persistence.models.fund_reconciliation import FundSettlement
from hospital_prepay.persistence.models.fund_returns import FundCorrection, FundOffset, FundSlipCheck
from hospital_prepay.persistence.models.ledger import LedgerEntry, LedgerPosting
from hospital_prepay.persistence.rows import refusing, rows_of

DOCUMENT_STANDS = "这张结算单已经登记冲抵过预付金，一张单只冲抵一次。请核对单号；本次没有登记。"
_WALK = "这一步现在不能办：别人刚办过。请刷新后再看；本次没有入账。"


@dataclass(frozen=True, slots=True)
class OffsetState:
    """An offset as it stands, in fen."""

    offset_id: str
    grant_id: str
    settlement_fen: int
    offset_fen: int
    document: str
    bank_reference: str
    value_on: date
    state: str
    recorded_by: str
    recorded_at: datetime
    decided_by: str | None
    decided_at: datetime | None


@dataclass(frozen=True, slots=True)
class CorrectionState:
    """A correction as it stands; ``why`` is ``mistyped`` or ``sent_back``."""

    correction_id: str
    grant_id: str
    entry_no: int
    why: str
    ground: str
    bank_reference: str
    value_on: date | None
    state: str
    asked_by: str
    asked_at: datetime
    decided_by: str | None
    decided_at: datetime | None


@dataclass(frozen=True, slots=True)
class Booked:
    """An entry of the books as a correction mirrors it."""

    entry_no: int
    kind: str
    summary: str
    source: str
    effective_on: date
    postings: tuple[Posting, ...]


def add_offset(connection: sa.Connection, values: dict[str, Any]) -> None:
    """An offset that waits; a :class:`Conflict` when its document stands already, for whatever grant."""
    with refusing(DOCUMENT_STANDS), connection.begin_nested():
        connection.execute(sa.insert(FundOffset).values(**values))


def offsets(connection: sa.Connection, institution_id: str, *where: sa.ColumnElement[bool]) -> list[OffsetState]:
    """Offsets, newest first."""
    order = (FundOffset.recorded_at.desc(), FundOffset.offset_id.desc())
    return rows_of(connection, FundOffset, OffsetState, institution_id, *where, order=order)


def offset_documents(connection: sa.Connection, institution_id: str) -> list[str]:
    """The documents of offsets that stand: not turned down, and not taken back."""
    offset, booked, mirror = FundOffset, LedgerEntry, sa.orm.aliased(LedgerEntry)
    taken_back = (
        sa.select(sa.literal(1))
        .select_from(booked)
        .join(mirror, sa.and_(mirror.institution_id == booked.institution_id, mirror.reverses_no == booked.entry_no))
        .where(
            booked.institution_id == offset.institution_id,
            booked.source == sa.literal("fund_offset:") + offset.offset_id,
        )
        .correlate(offset)
        .exists()
    )
    rows = connection.scalars(
        sa.select(offset.document).where(
            offset.institution_id == institution_id, offset.state != "rejected", ~taken_back
        )
    )
    return list(rows)


def offsets_of(connection: sa.Connection, institution_id: str, grant_id: str) -> list[OffsetState]:
    """Those of one grant, newest first."""
    return offsets(connection, institution_id, FundOffset.grant_id == grant_id)


def read_offset(connection: sa.Connection, institution_id: str, offset_id: str) -> OffsetState:
    """One of them. Raises :class:`NotFound`."""
    found = offsets(connection, institution_id, FundOffset.offset_id == offset_id)
    if not found:
        raise NotFound("没有这笔冲抵登记。请回到预付金查看。")
    return found[0]


def walk_offset(connection: sa.Connection, institution_id: str, offset_id: str, **values: Any) -> None:
    """Decide it; :class:`Conflict` when it was decided."""
    which = (FundOffset.institution_id == institution_id, FundOffset.offset_id == offset_id)
    with refusing(_WALK), connection.begin_nested():
        connection.execute(sa.update(FundOffset).where(*which).values(**values))


def add_correction(connection: sa.Connection, values: dict[str, Any]) -> None:
    """A correction that waits; a :class:`Conflict` when one of the same entry does, or was approved."""
    words = "这张凭证已经申请过更正，或者不能这样更正。请刷新后再看；本次没有登记。"
    with refusing(words), connection.begin_nested():
        connection.execute(sa.insert(FundCorrection).values(**values))


def corrections(
    connection: sa.Connection, institution_id: str, *where: sa.ColumnElement[bool]
) -> list[CorrectionState]:
    """Corrections, newest first."""
    order = (FundCorrection.asked_at.desc(), FundCorrection.correction_id.desc())
    return rows_of(connection, FundCorrection, CorrectionState, institution_id, *where, order=order)


def corrections_of(connection: sa.Connection, institution_id: str, grant_id: str) -> list[CorrectionState]:
    """Those of one grant, newest first."""
    return corrections(connection, institution_id, FundCorrection.grant_id == grant_id)


def read_correction(connection: sa.Connection, institution_id: str, correction_id: str) -> CorrectionState:
    """One of them. Raises :class:`NotFound`."""
    found = corrections(connection, institution_id, FundCorrection.correction_id == correction_id)
    if not found:
        raise NotFound("没有这份更正申请。请回到预付金查看。")
    return found[0]


def walk_correction(connection: sa.Connection, institution_id: str, correction_id: str, **values: Any) -> None:
    """Decide it; :class:`Conflict` when it was decided."""
    which = (FundCorrection.institution_id == institution_id, FundCorrection.correction_id == correction_id)
    with refusing(_WALK), connection.begin_nested():
        connection.execute(sa.update(FundCorrection).where(*which).values(**values))


def booked(connection: sa.Connection, institution_id: str, entry_no: int) -> Booked:
    """An entry with its lines. Raises :class:`NotFound`."""
    entry, line = LedgerEntry, LedgerPosting
    head = connection.execute(
        sa.select(entry.kind, entry.summary, entry.source, entry.effective_on).where(
            entry.institution_id == institution_id, entry.entry_no == entry_no
        )
    ).first()
    if head is None:
        raise NotFound("没有这张凭证。请回到预付金查看。")
    rows = connection.execute(
        sa.select(line.account_id, line.debit_fen, line.credit_fen, line.fund)
        .where(line.institution_id == institution_id, line.entry_no == entry_no)
        .order_by(line.line_no)
    )
    lines = tuple(Posting(row[0], debit=Money(row[1]), credit=Money(row[2]), fund=row[3]) for row in rows)
    return Booked(entry_no, str(head.kind), str(head.summary), str(head.source), head.effective_on, lines)


def undone(connection: sa.Connection, institution_id: str) -> frozenset[int]:
    """The numbers of entries that a correction mirrored."""
    rows = connection.scalars(
        sa.select(LedgerEntry.reverses_no).where(
            LedgerEntry.institution_id == institution_id, LedgerEntry.kind.like("fund\\_%\\_undone", escape="\\")
        )
    )
    return frozenset(int(number) for number in rows if number is not None)


def mistaken(connection: sa.Connection, institution_id: str) -> frozenset[int]:
    """The numbers of entries that were typed wrongly, and of the mirrors that took them back."""
    entry, correction = LedgerEntry, FundCorrection
    rows = connection.execute(
        sa.select(entry.entry_no, entry.reverses_no)
        .join(
            correction,
            sa.and_(
                correction.institution_id == entry.institution_id,
                sa.literal("fund_correction:") + correction.correction_id == entry.source,
            ),
        )
        .where(entry.institution_id == institution_id, correction.why == "mistyped")
    )
    return frozenset(int(number) for row in rows for number in row)


def add_slip_check(connection: sa.Connection, values: dict[str, Any]) -> None:
    """A day that a second person vouches for; :class:`Conflict` when it is already."""
    with refusing("这张回单的日期已经核对过。请刷新后再看。"), connection.begin_nested():
        connection.execute(sa.insert(FundSlipCheck).values(**values))


def checked_slips(connection: sa.Connection, institution_id: str) -> frozenset[int]:
    """The entries whose slip's day a second person vouches for."""
    rows = connection.scalars(sa.select(FundSlipCheck.entry_no).where(FundSlipCheck.institution_id == institution_id))
    return frozenset(int(number) for number in rows)


def settlement_references(connection: sa.Connection, institution_id: str) -> list[str]:
    """The bank's number of every settlement, as it was typed."""
    rows = connection.scalars(
        sa.select(FundSettlement.bank_reference).where(FundSettlement.institution_id == institution_id)
    )
    return list(rows)
