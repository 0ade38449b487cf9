"""What came of requests to void or refund, and the decisions they were made under: frozen rows, no locks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from hospital_prepay.persistence.models.access import User
from hospital_prepay.persistence.models.audit import AuditEvent
from hospital_prepay.persistence.models.inpatient import SlipRequest
from hospital_prepay.persistence.receipts import receipt_number


@dataclass(frozen=True, slots=True)
class DecidedRequest:
    """A request that a second person decided: the slip that came of it, or why it was turned down."""

    kind: str
    stay_no: str
    number: str | None
    amount_fen: int
    requested_by: str
    receipt_no: str | None
    decided_at: datetime
    asked_by: str | None
    decided_by: str | None
    ground: str

    @property
    def approved(self) -> bool:
        """Whether a slip came of it."""
        return self.receipt_no is not None


def decided_requests(
    connection: sa.Connection, institution_id: str, since: datetime, stay_no: str | None = None
) -> list[DecidedRequest]:
    """Requests decided since a moment, of one stay or of all, newest first. The ground of a "no" stands in its audit
    event, which carries the very moment of the decision."""
    asker, decider = sa.orm.aliased(User), sa.orm.aliased(User)
    of_stay = sa.true() if stay_no is None else SlipRequest.stay_no == stay_no
    statement: sa.Select[Any] = (
        sa.select(
            *SlipRequest.__table__.columns,
            AuditEvent.detail,
            asker.name.label("asked_by"),
            decider.name.label("decided_by_name"),
        )
        .join(asker, asker.user_id == SlipRequest.requested_by, isouter=True)
        .join(decider, decider.user_id == SlipRequest.decided_by, isouter=True)
        .join(
            AuditEvent,
            sa.and_(
                AuditEvent.institution_id == SlipRequest.institution_id,
                AuditEvent.subject == SlipRequest.source,
                AuditEvent.action == "slip.decide",
                AuditEvent.at == SlipRequest.decided_at,
            ),
            isouter=True,
        )
        .where(
            SlipRequest.institution_id == institution_id,
            SlipRequest.state != "waiting",
            SlipRequest.decided_at >= since,
            of_stay,
        )
        .order_by(SlipRequest.decided_at.desc())
    )
    return [_decided(row) for row in connection.execute(statement)]


def decision_of_request(
    connection: sa.Connection, institution_id: str, source: str, requested_at: datetime
) -> str | None:
    """The decision a request was made under, from the audit event of the moment."""
    return connection.scalar(
        sa.select(AuditEvent.decision_id)
        .where(
            AuditEvent.institution_id == institution_id,
            AuditEvent.subject == source,
            AuditEvent.at == requested_at,
            AuditEvent.decision_id.isnot(None),
        )
        .limit(1)
    )


def _decided(row: sa.Row[Any]) -> DecidedRequest:
    found = row._mapping
    number = receipt_number(found["book"], found["serial"]) if found["book"] else None
    issued = receipt_number(found["receipt_book"], found["receipt_serial"]) if found["receipt_book"] else None
    return DecidedRequest(
        kind=found["kind"],
        stay_no=found["stay_no"],
        number=number,
        amount_fen=found["amount_fen"],
        requested_by=found["requested_by"],
        receipt_no=issued,
        decided_at=found["decided_at"],
        asked_by=found["asked_by"],
        decided_by=found["decided_by_name"],
        ground=(found["detail"] or {}).get("ground", ""),
    )
