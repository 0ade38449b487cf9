"""What the audit trail holds of one claim or account: the acts that were done, in the order in which they were."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from hospital_prepay.persistence.models.audit import AuditEvent

ACCEPT: Final = "outpatient.accept"
ANSWER: Final = "outpatient.answer"
DROP: Final = "outpatient.drop"
UNMARK: Final = "outpatient.unmark"
REVEAL_CHANGE: Final = "outpatient.reveal_owner"
# Looking at what is masked is no step of the refund.
_NO_STEPS: Final = ("identity.reveal",)


@dataclass(frozen=True, slots=True)
class RecordEvent:
    """One act on a claim or account; ``detail`` is what the act wrote down of itself."""

    at: datetime
    actor: str
    actor_name: str
    action: str
    entry_no: int | None
    detail: dict[str, Any]


def record_of(
    connection: sa.Connection,
    institution_id: str,
    claim_id: str,
    refund_no: str,
    account_no: str,
    moments: Sequence[datetime],
) -> list[RecordEvent]:
    """Every act on a claim, the first first; refusals changed nothing and aren't among them.

    Its acceptance has its account for a subject, and an answer of the bank the refund's number as it stood in the
    bank's file: an answer is found by its ``moments`` too, which its attempt or contradiction keeps.
    """
    event = AuditEvent
    query = (
        _events()
        .where(
            event.institution_id == institution_id,
            event.outcome == "done",
            event.action.not_in(_NO_STEPS),
            sa.or_(
                event.subject.in_([f"outpatient_claim:{claim_id}", f"outpatient_refund:{refund_no}"]),
                sa.and_(event.subject == f"outpatient_account:{account_no}", event.action == ACCEPT),
                sa.and_(event.at.in_(list(moments)), event.action == ANSWER),
            ),
        )
        .order_by(event.at, event.event_id)
    )
    found = [RecordEvent(*row) for row in connection.execute(query)]
    return [one for one in found if _is_about(one, claim_id, refund_no)]


def unmarks_of(connection: sa.Connection, institution_id: str, account_no: str) -> list[RecordEvent]:
    """Every time that the account's owner was found after all and its mark taken back, the newest first."""
    event = AuditEvent
    query = (
        _events()
        .where(
            event.institution_id == institution_id,
            event.subject == f"outpatient_account:{account_no}",
            event.action == UNMARK,
            event.outcome == "done",
        )
        .order_by(event.at.desc(), event.event_id.desc())
    )
    return [RecordEvent(*row) for row in connection.execute(query)]


def looked_at(connection: sa.Connection, institution_id: str, actor: str, change_no: int) -> bool:
    """Whether somebody had a correction of a holder shown to them in full."""
    event = AuditEvent
    query = sa.select(event.event_id).where(
        event.institution_id == institution_id,
        event.subject == f"outpatient_owner_change:{change_no}",
        event.actor == actor,
        event.action == REVEAL_CHANGE,
        event.outcome == "done",
    )
    return connection.scalar(query.limit(1)) is not None


def dropped_imports(connection: sa.Connection, institution_id: str) -> dict[int, tuple[str, datetime, str]]:
    """Who took back each import of the census that was taken back, when and why, by its number."""
    event = AuditEvent
    query = sa.select(event.subject, event.actor, event.at, event.detail).where(
        event.institution_id == institution_id, event.action == DROP, event.outcome == "done"
    )
    return {
        int(subject.rpartition(":")[2]): (actor, at, str(detail.get("ground", "")))
        for subject, actor, at, detail in connection.execute(query)
    }


def _events() -> sa.Select[Any]:
    return sa.select(*(getattr(AuditEvent, name) for name in RecordEvent.__dataclass_fields__))


def _is_about(event: RecordEvent, claim_id: str, refund_no: str) -> bool:
    if event.action == ACCEPT:
        return event.detail.get("claim") == claim_id
    return event.action != ANSWER or event.detail.get("refund_no") == refund_no
