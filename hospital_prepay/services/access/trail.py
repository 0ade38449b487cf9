"""The audit trail as the security administrator and the auditor read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.persistence import cap_tables
from hospital_prepay.persistence.cap_tables import TableHead
from hospital_prepay.persistence.queries import access as queries
from hospital_prepay.persistence.queries import people
from hospital_prepay.persistence.queries.access import AuditFilter as AuditFilter
from hospital_prepay.persistence.queries.access import AuditRow as AuditRow
from hospital_prepay.persistence.queries.outpatient_claims import refund_numbers
from hospital_prepay.services.context import Context

PAGE_SIZE: Final = 50
EXPORT_SIZE: Final = 50_000
_CLAIM: Final = "outpatient_claim:"


@dataclass(frozen=True, slots=True)
class TrailPage:
    """Events of one page and how many fit in all; ``names`` of people, systems, cap tables and refunds by
    id."""

    events: list[AuditRow]
    total: int
    names: Mapping[str, str]


def read_trail(context: Context, actor: Actor, wanted: AuditFilter, page: int, size: int = PAGE_SIZE) -> TrailPage:
    """Page ``page`` (from 1) of the events that fit, newest first. Needs ``audit.view``."""
    actor.require(Permission.AUDIT_VIEW)
    with context.database.reading() as connection:
        events, total = queries.audit_events(
            connection, actor.institution_id, wanted, first=(max(page, 1) - 1) * size, size=size
        )
        names = people.names(connection, actor.institution_id)
        tables = cap_tables.heads(connection, actor.institution_id)
        claims = [one.subject.removeprefix(_CLAIM) for one in events if one.subject.startswith(_CLAIM)]
        refunds = refund_numbers(connection, actor.institution_id, claims)
    told = {claim_id: f"，退款单号 {number}" for claim_id, number in refunds.items()}
    return TrailPage(events, total, names | {one.table_id: _title(one) for one in tables} | told)


def _title(table: TableHead) -> str:
    if table.version_no is None:
        return f"未发布的额度表，按 {table.as_of} 以前三年的病例"
    return f"额度表第 {table.version_no} 版，{table.effective_on} 起执行"
