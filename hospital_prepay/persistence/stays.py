"""Stays, the caps that bind them, and what was collected."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from hospital_prepay.domain.errors import Conflict, NotFound
from hospital_prepay.domain.ledger.chart import stay_account
from hospital_prepay.domain.rules.inpatient.similar import TableCap
from hospital_prepay.persistence.appending import AppendedRows
from hospital_prepay.persistence.choices import chosen_settings
from hospital_prepay.persistence.locks import lock_name
from hospital_prepay.persistence.models.inpatient import CapRow, CapTable, Disease, SimilarDisease, Stay, StayCap
from hospital_prepay.persistence.models.ledger import LedgerAccount
from hospital_prepay.persistence.models.settlement import SettlementRow
from hospital_prepay.persistence.query import Query


@dataclass(frozen=True, slots=True)
class StayState:
    """A stay as the rules see it, locked for the transaction that read it. Amounts in fen; ``collected_fen`` is what
    the deposits hold, ``applied_fen`` what settlements took of them; ``settings`` as
    :func:`~hospital_prepay.persistence.choices.values_of` reads them."""

    stay_no: str
    patient_name: str
    admitted_at: datetime
    registered_at: datetime
    discharged_at: datetime | None
    cancelled_at: datetime | None
    cap_version: int
    disease_code: str
    disease_name: str
    insured_class: str
    circumstance: str
    unposted: bool
    similar_code: str | None
    cap_fen: int | None
    collected_fen: int
    applied_fen: int
    settings: str | None


@dataclass(frozen=True, slots=True)
class TableInForce:
    """The cap table that binds a stay."""

    table_id: str
    version_no: int
    effective_on: date


def add_stay(connection: sa.Connection, values: dict[str, Any]) -> None:
    """Insert a stay; :class:`Conflict` when its number is taken."""
    try:
        with connection.begin_nested():
            connection.execute(sa.insert(Stay).values(**values))
    except sa.exc.IntegrityError as error:
        raise Conflict(f"住院号 {values['stay_no']} 已经登记过。请用住院号查找，不要重复登记。") from error


def open_stay_of(connection: sa.Connection, institution_id: str, certificate_hash: str) -> str | None:
    """The stay that somebody with this certificate hasn't been discharged from. Two registrations at once for one
    certificate wait for each other."""
    lock_name(connection, f"certificate:{institution_id}:{certificate_hash}")
    return connection.scalar(
        sa.select(Stay.stay_no)
        .where(
            Stay.institution_id == institution_id,
            Stay.certificate_hash == certificate_hash,
            Stay.discharged_at.is_(None),
            Stay.cancelled_at.is_(None),
        )
        .limit(1)
    )


def add_cap(rows: AppendedRows, values: dict[str, Any]) -> None:
    """Append what binds the stay from now on; the database moves the account's ceiling with it."""
    rows.add(StayCap, values)


def lock_stay(connection: sa.Connection, institution_id: str, stay_no: str) -> StayState:
    """Lock a stay against every other act on it and read its newest cap and balance. Raises :class:`NotFound`."""
    if _LOCK.first(connection, institution=institution_id, stay=stay_no) is None:
        raise NotFound(f"没有找到住院号 {stay_no}。请核对住院号，或先登记这次住院。")
    return read_stay(connection, institution_id, stay_no)


def read_stay(connection: sa.Connection, institution_id: str, stay_no: str) -> StayState:
    """The same without the lock, for previews."""
    row = _STATE.first(connection, institution=institution_id, stay=stay_no, account=stay_account(stay_no))
    if row is None:
        raise NotFound(f"没有找到住院号 {stay_no}。请核对住院号，或先登记这次住院。")
    return StayState(*row)


_LOCK = Query(
    sa.select(Stay.stay_no)
    .where(Stay.institution_id == sa.bindparam("institution"), Stay.stay_no == sa.bindparam("stay"))
    .with_for_update()
)
_NEWEST = (
    sa.select(StayCap.version_no)
    .where(StayCap.institution_id == sa.bindparam("institution"), StayCap.stay_no == sa.bindparam("stay"))
    .order_by(StayCap.version_no.desc())
    .limit(1)
    .scalar_subquery()
)
# In the order of StayState.
_STATE = Query(
    sa.select(
        Stay.stay_no,
        Stay.patient_name,
        Stay.admitted_at,
        Stay.registered_at,
        Stay.discharged_at,
        Stay.cancelled_at,
        StayCap.version_no.label("cap_version"),
        StayCap.disease_code,
        StayCap.disease_name,
        StayCap.insured_class,
        StayCap.circumstance,
        StayCap.unposted,
        StayCap.similar_code,
        StayCap.cap_fen,
        LedgerAccount.balance_fen.label("collected_fen"),
        sa.select(sa.cast(sa.func.coalesce(sa.func.sum(SettlementRow.applied_fen), 0), sa.BigInteger))
        .where(
            SettlementRow.institution_id == sa.bindparam("institution"),
            SettlementRow.stay_no == sa.bindparam("stay"),
            SettlementRow.recalled_at.is_(None),
        )
        .scalar_subquery()
        .label("applied_fen"),
        # The hospital's readings belong to the facts: read here, a collection needs no statement more for them.
        chosen_settings(sa.bindparam("institution")).label("settings"),
    ).where(
        Stay.institution_id == sa.bindparam("institution"),
        Stay.stay_no == sa.bindparam("stay"),
        StayCap.institution_id == Stay.institution_id,
        StayCap.stay_no == Stay.stay_no,
        StayCap.version_no == _NEWEST,
        LedgerAccount.institution_id == Stay.institution_id,
        LedgerAccount.account_id == sa.bindparam("account"),
    )
)


def table_in_force(connection: sa.Connection, institution_id: str, day: date) -> TableInForce | None:
    """The published table of the day; before the first one took effect, the first one (house rule)."""
    published = sa.select(CapTable.table_id, CapTable.version_no, CapTable.effective_on).where(
        CapTable.institution_id == institution_id, CapTable.state == "published"
    )
    row = connection.execute(
        published.where(CapTable.effective_on <= day)
        .order_by(CapTable.effective_on.desc(), CapTable.version_no.desc())
        .limit(1)
    ).one_or_none()
    row = (
        row
        or connection.execute(published.order_by(CapTable.effective_on, CapTable.version_no).limit(1)).one_or_none()
    )
    return None if row is None else TableInForce(**row._mapping)


def cap_rows(
    connection: sa.Connection, institution_id: str, table_id: str, insured_class: str, disease_code: str | None = None
) -> list[TableCap]:
    """The rows of one table in one class, or of one disease in it."""
    query = sa.select(CapRow.disease_code, CapRow.disease_name, CapRow.cap_fen, CapRow.posted).where(
        CapRow.institution_id == institution_id,
        CapRow.table_id == table_id,
        CapRow.insured_class == insured_class,
    )
    if disease_code is not None:
        query = query.where(CapRow.disease_code == disease_code)
    return [TableCap(**row._mapping) for row in connection.execute(query)]


def catalogues(connection: sa.Connection, institution_id: str) -> dict[str, str]:
    """Of each known disease what its catalogue is called."""
    rows = connection.execute(
        sa.select(Disease.disease_code, Disease.catalogue).where(Disease.institution_id == institution_id)
    )
    return {row.disease_code: row.catalogue for row in rows}


def similar_codes(connection: sa.Connection, institution_id: str, disease_code: str) -> list[str]:
    """The diseases that the hospital holds similar to this one."""
    return list(
        connection.scalars(
            sa.select(SimilarDisease.similar_to)
            .where(SimilarDisease.institution_id == institution_id, SimilarDisease.disease_code == disease_code)
            .order_by(SimilarDisease.similar_to)
        )
    )
