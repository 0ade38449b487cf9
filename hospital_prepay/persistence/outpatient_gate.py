"""Filings of kept kinds, where they are posted, what was taken under them; kinds of money that are no deposits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from hospital_prepay.persistence.models.outpatient import OutpatientAccount, OutpatientTaken
from hospital_prepay.persistence.models.outpatient_gate import OutpatientKept, OutpatientOtherKind, OutpatientPosting
from hospital_prepay.persistence.rows import refusing, rows_of

_STALE = "这一步刚被别人办了，或现在不能办。请刷新后再看；本次没有改动。"


@dataclass(frozen=True, slots=True)
class KeptRow:
    """A filing of kept kinds as it stands."""

    filing_id: str
    document: str
    authority: str
    filed_on: date
    kinds: list[dict[str, Any]]
    state: str
    proposed_by: str
    proposed_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    ended_by: str | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class PostingRow:
    """Where a filing stands posted."""

    filing_id: str
    place: str
    posted_on: date
    proof: str
    recorded_by: str
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class OtherKindRow:
    """A kind of money that is no deposit by the hospital's own decision."""

    kind_id: str
    label: str
    ground: str
    state: str
    proposed_by: str
    proposed_at: datetime
    decided_by: str | None
    decided_at: datetime | None


def kept(connection: sa.Connection, institution_id: str, filing_id: str | None = None) -> list[KeptRow]:
    """Every filing of kept kinds, the newest first, or the one asked for."""
    where = () if filing_id is None else (OutpatientKept.filing_id == filing_id,)
    order = (OutpatientKept.proposed_at.desc(),)
    return rows_of(connection, OutpatientKept, KeptRow, institution_id, *where, order=order)


def kept_in_force(connection: sa.Connection, institution_id: str) -> KeptRow | None:
    """The filing that is in force, ``None`` where none is: then nothing is kept."""
    where = OutpatientKept.state == "approved"
    return next(iter(rows_of(connection, OutpatientKept, KeptRow, institution_id, where)), None)


def postings(connection: sa.Connection, institution_id: str, filing_id: str) -> list[PostingRow]:
    """Where the filing stands posted."""
    where = OutpatientPosting.filing_id == filing_id
    return rows_of(connection, OutpatientPosting, PostingRow, institution_id, where, order=(OutpatientPosting.place,))


def other_kinds(connection: sa.Connection, institution_id: str, kind_id: str | None = None) -> list[OtherKindRow]:
    """Every kind that was proposed, the newest first, or the one asked for."""
    where = () if kind_id is None else (OutpatientOtherKind.kind_id == kind_id,)
    order = (OutpatientOtherKind.proposed_at.desc(),)
    return rows_of(connection, OutpatientOtherKind, OtherKindRow, institution_id, *where, order=order)


def add_kept(connection: sa.Connection, values: dict[str, Any]) -> None:
    """Write a proposed filing down."""
    connection.execute(sa.insert(OutpatientKept).values(**values))


def walk_kept(connection: sa.Connection, institution_id: str, filing_id: str, **values: Any) -> None:
    """Let a filing go its next step. Raises :class:`Conflict` when the database refuses it."""
    with refusing("已有一份备案在施行，先停用那一份再启用这一份；本次没有改动。"):
        connection.execute(
            sa.update(OutpatientKept)
            .where(OutpatientKept.institution_id == institution_id, OutpatientKept.filing_id == filing_id)
            .values(**values)
        )


def add_posting(connection: sa.Connection, values: dict[str, Any]) -> None:
    """Note where a filing stands posted, once a place."""
    with refusing("这个地方的公示已经登记过。"):
        connection.execute(sa.insert(OutpatientPosting).values(**values))


def add_other_kind(connection: sa.Connection, values: dict[str, Any]) -> None:
    """Write a proposed kind down."""
    connection.execute(sa.insert(OutpatientOtherKind).values(**values))


def walk_other_kind(connection: sa.Connection, institution_id: str, kind_id: str, **values: Any) -> None:
    """Let a kind go its next step."""
    with refusing(_STALE):
        connection.execute(
            sa.update(OutpatientOtherKind)
            .where(OutpatientOtherKind.institution_id == institution_id, OutpatientOtherKind.kind_id == kind_id)
            .values(**values)
        )


def add_account(connection: sa.Connection, values: dict[str, Any]) -> None:
    """Open an account for a deposit that is kept; it begins empty."""
    with refusing("这个账户号已经有了。请核对。"):
        connection.execute(sa.insert(OutpatientAccount).values(**values))


def add_taken(connection: sa.Connection, values: dict[str, Any]) -> None:
    """Write a taken deposit down; the database asks for a filing in force that is posted."""
    with refusing("备案没有施行或没有公示，不能收；本次没有入账。"):
        connection.execute(sa.insert(OutpatientTaken).values(**values))
