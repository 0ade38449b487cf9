"""Reading applications for their pages: everything filed or refused, with evidence, module states and documents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.decision import Decision
from hospital_prepay.domain.errors import NotFound
from hospital_prepay.domain.rules.fund.readings import AssessmentReadings
from hospital_prepay.persistence import decisions
from hospital_prepay.persistence import fund_applications as kept
from hospital_prepay.persistence import fund_approvals as approvals
from hospital_prepay.persistence import funds as store
from hospital_prepay.persistence.database import Connection
from hospital_prepay.persistence.fund_applications import (
    ApplicationRow,
    EmergencyRow,
    EvidenceRow,
    ModuleRow,
    ProcurementRow,
)
from hospital_prepay.persistence.fund_approvals import WithdrawnApplication
from hospital_prepay.persistence.funds import GrantState
from hospital_prepay.persistence.queries import people
from hospital_prepay.services.context import Context
from hospital_prepay.services.publication.readings import assessment_readings

__all__ = ["ApplicationRow", "EmergencyRow", "EvidenceRow", "ModuleRow", "ProcurementRow"]


@dataclass(frozen=True, slots=True)
class ApplicationOverview:
    """Every application (newest first), the grants that came of them, what else is recorded of them, how the hospital
    reads what an assessment asks, and what was withdrawn, by its decision."""

    applications: list[ApplicationRow]
    grants: list[GrantState]
    emergencies: list[EmergencyRow]
    procurements: Mapping[str, ProcurementRow]
    module: list[ModuleRow]
    names: Mapping[str, str]
    readings: AssessmentReadings
    withdrawn: Mapping[str, WithdrawnApplication]

    def grant_of(self, decision_id: str) -> GrantState | None:
        """The grant that came of a decision, if one did."""
        return next((one for one in self.grants if one.decision_id == decision_id), None)

    def steps_of(self, grant_id: str) -> list[ModuleRow]:
        """The module's states of one grant."""
        return [one for one in self.module if one.grant_id == grant_id]


@dataclass(frozen=True, slots=True)
class ApplicationDetail:
    """One application with its decision, evidence and grant."""

    application: ApplicationRow
    decision: Decision
    evidence: list[EvidenceRow]
    grant: GrantState | None
    names: Mapping[str, str]
    withdrawn: WithdrawnApplication | None


def application_overview(context: Context, actor: Actor) -> ApplicationOverview:
    """All of it. Needs ``fund.view``."""
    actor.require(Permission.FUND_VIEW)
    with context.database.reading() as connection:
        own = actor.institution_id
        return ApplicationOverview(
            applications=kept.applications(connection, own),
            grants=store.grants(connection, own),
            emergencies=kept.emergencies(connection, own),
            procurements=kept.procurements(connection, own),
            module=kept.module_steps(connection, own),
            names=people.names(connection, own),
            readings=assessment_readings(connection, own),
            withdrawn=_withdrawn(connection, own),
        )


def read_application(context: Context, actor: Actor, decision_id: str) -> ApplicationDetail:
    """One application. Needs ``fund.view``. Raises :class:`NotFound`."""
    actor.require(Permission.FUND_VIEW)
    with context.database.reading() as connection:
        own = actor.institution_id
        found = kept.application_of(connection, own, decision_id)
        if found is None:
            raise NotFound("没有这份申请。请回到“自查与申请”查看。")
        grants = [one for one in store.grants(connection, own) if one.decision_id == decision_id]
        return ApplicationDetail(
            application=found,
            decision=decisions.find(connection, own, decision_id)[0],
            evidence=kept.evidence_of(connection, own, decision_id),
            grant=grants[0] if grants else None,
            names=people.names(connection, own),
            withdrawn=_withdrawn(connection, own).get(decision_id),
        )


def _withdrawn(connection: Connection, institution_id: str) -> dict[str, WithdrawnApplication]:
    return {one.decision_id: one for one in approvals.withdrawn_applications(connection, institution_id)}
