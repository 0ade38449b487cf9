"""Applications with their evidence, documents of an emergency, procurement documents and states of the module."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeVar

import sqlalchemy as sa

from hospital_prepay.domain.errors import NotFound
from hospital_prepay.persistence.models.fund_apply import (
    FundApplication,
    FundApplicationEvidence,
    FundEmergency,
    FundModuleStep,
    FundProcurement,
)
from hospital_prepay.persistence.rows import rows_of

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class ApplicationRow:
    """An application, by the id of its decision."""

    decision_id: str
    regime: str
    pool_region: str
    fund: str
    year: int
    amount_fen: int
    outcome: str
    base_fen: int | None
    months: str | None
    quota_fen: int | None
    facts: Mapping[str, Any]
    emergency_id: str | None
    applied_by: str
    applied_at: datetime


@dataclass(frozen=True, slots=True)
class EvidenceRow:
    """The document behind one condition, or the agreement."""

    item: str
    document: str
    number: str
    version: str
    issued_on: date | None
    recall_grounds: str
    recorded_by: str
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class EmergencyRow:
    """The authority's document in an emergency."""

    emergency_id: str
    regime: str
    year: int
    document: str
    issued_on: date
    adjusts: Sequence[str]
    recorded_by: str
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class ModuleRow:
    """One state of a grant in the national platform's module."""

    grant_id: str
    step_no: int
    step: str
    module_no: str
    on_day: date
    note: str
    recorded_by: str
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class ProcurementRow:
    """What a procurement prepayment rests on."""

    grant_id: str
    document: str
    issued_on: date
    batch: str
    return_on: date | None
    recorded_by: str
    recorded_at: datetime


def add(connection: sa.Connection, table: type[Any], values: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> None:
    """Append one row or several."""
    if values:
        connection.execute(sa.insert(table), values)


def add_application(
    connection: sa.Connection, values: Mapping[str, Any], evidence: Sequence[Mapping[str, Any]]
) -> None:
    """An application with its evidence."""
    add(connection, FundApplication, values)
    add(connection, FundApplicationEvidence, evidence)


def add_emergency(connection: sa.Connection, values: Mapping[str, Any]) -> None:
    """A document of an emergency."""
    add(connection, FundEmergency, values)


def add_module_step(connection: sa.Connection, values: Mapping[str, Any]) -> None:
    """A state of the module."""
    add(connection, FundModuleStep, values)


def add_procurement(connection: sa.Connection, values: Mapping[str, Any]) -> None:
    """The document of a procurement prepayment."""
    add(connection, FundProcurement, values)


def applications(connection: sa.Connection, institution_id: str) -> list[ApplicationRow]:
    """Every application, newest first; the refused among them."""
    order = (FundApplication.applied_at.desc(), FundApplication.decision_id.desc())
    return rows_of(connection, FundApplication, ApplicationRow, institution_id, order=order)


def application_of(connection: sa.Connection, institution_id: str, decision_id: str) -> ApplicationRow | None:
    """The application of a decision; ``None`` for a grant from before they were kept."""
    which = FundApplication.decision_id == decision_id
    return next(iter(rows_of(connection, FundApplication, ApplicationRow, institution_id, which)), None)


def evidence_of(connection: sa.Connection, institution_id: str, decision_id: str) -> list[EvidenceRow]:
    """The evidence of an application, by item."""
    which, order = FundApplicationEvidence.decision_id == decision_id, (FundApplicationEvidence.item,)
    return rows_of(connection, FundApplicationEvidence, EvidenceRow, institution_id, which, order=order)


def emergencies(connection: sa.Connection, institution_id: str) -> list[EmergencyRow]:
    """Every document of an emergency, newest first."""
    order = (FundEmergency.issued_on.desc(), FundEmergency.emergency_id.desc())
    return rows_of(connection, FundEmergency, EmergencyRow, institution_id, order=order)


def emergency(connection: sa.Connection, institution_id: str, emergency_id: str) -> EmergencyRow:
    """One of them. Raises :class:`NotFound`."""
    for one in emergencies(connection, institution_id):
        if one.emergency_id == emergency_id:
            return one
    raise NotFound("没有登记过这份特殊情形的文件。请先由财务审批登记。")


def module_steps(connection: sa.Connection, institution_id: str, grant_id: str | None = None) -> list[ModuleRow]:
    """The states of one grant or of all, in their order."""
    which = () if grant_id is None else (FundModuleStep.grant_id == grant_id,)
    order = (FundModuleStep.grant_id, FundModuleStep.step_no)
    return rows_of(connection, FundModuleStep, ModuleRow, institution_id, *which, order=order)


def procurements(connection: sa.Connection, institution_id: str) -> dict[str, ProcurementRow]:
    """The documents of the procurement prepayments, by grant."""
    found = rows_of(connection, FundProcurement, ProcurementRow, institution_id)
    return {one.grant_id: one for one in found}
