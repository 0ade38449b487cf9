"""Stored decisions, read back as they were made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa

from hospital_prepay.domain.decision import Decision, Outcome, Reason
from hospital_prepay.domain.errors import NotFound
from hospital_prepay.domain.money import Money
from hospital_prepay.persistence.models.audit import AuditEvent, DecisionRecord

_BATCH = 1000


@dataclass(frozen=True, slots=True)
class StoredDecision:
    """A decision with its number and circumstances. ``readings`` is ``None`` for one from before they were kept."""

    decision_id: str
    institution_id: str
    decision: Decision
    readings: Mapping[str, str] | None
    decided_at: datetime
    effective_on: date
    actor: str


@dataclass(frozen=True, slots=True)
class Occasion:
    """The act that a decision was made for, from its audit event."""

    action: str
    subject: str
    actor_name: str
    entry_no: int | None


def find(connection: sa.Connection, institution_id: str, decision_id: str) -> tuple[Decision, datetime]:
    """One decision and when it was made. Raises :class:`NotFound`."""
    stored = find_stored(connection, institution_id, decision_id)
    return stored.decision, stored.decided_at


def find_stored(connection: sa.Connection, institution_id: str, decision_id: str) -> StoredDecision:
    """One decision with its circumstances. Raises :class:`NotFound`."""
    row = connection.execute(
        _select().where(DecisionRecord.institution_id == institution_id, DecisionRecord.decision_id == decision_id)
    ).one_or_none()
    if row is None:
        raise NotFound("没有这个决定。请核对决定号。")
    return _stored(row)


def occasion_of(connection: sa.Connection, stored: StoredDecision) -> Occasion | None:
    """The act of a decision: both carry the very moment of their transaction."""
    rows = connection.execute(
        sa.select(
            AuditEvent.action,
            AuditEvent.subject,
            AuditEvent.actor_name,
            AuditEvent.entry_no,
            AuditEvent.decision_id,
        )
        .where(
            AuditEvent.institution_id == stored.institution_id,
            AuditEvent.at == stored.decided_at,
            AuditEvent.actor == stored.actor,
        )
        .order_by(AuditEvent.event_id)
    ).all()
    named = [row for row in rows if row.decision_id == stored.decision_id]
    row = next(iter(named or [row for row in rows if row.decision_id is None]), None)
    return None if row is None else Occasion(row.action, row.subject, row.actor_name, row.entry_no)


def ending(connection: sa.Connection, institution_id: str, text: str) -> str | None:
    """The id of the newest decision whose id ends in ``text``."""
    query = sa.select(DecisionRecord.decision_id).where(
        DecisionRecord.institution_id == institution_id,
        DecisionRecord.decision_id.endswith(text, autoescape=True),
    )
    return connection.scalar(query.order_by(DecisionRecord.decision_id.desc()).limit(1))


def latest(connection: sa.Connection, institution_id: str, limit: int) -> Iterator[StoredDecision]:
    """The latest decisions of an institution, newest first."""
    query = _select().where(DecisionRecord.institution_id == institution_id)
    order = DecisionRecord.decided_at.desc(), DecisionRecord.decision_id.desc()
    for row in connection.execute(query.order_by(*order).limit(limit)):
        yield _stored(row)


def count(connection: sa.Connection) -> int:
    """How many decisions are stored, of all institutions."""
    return connection.scalar(sa.select(sa.func.count()).select_from(DecisionRecord)) or 0


def every(connection: sa.Connection) -> Iterator[StoredDecision]:
    """Every stored decision in the order of their ids, a batch at a time."""
    for row in connection.execute(_select().order_by(DecisionRecord.decision_id).execution_options(yield_per=_BATCH)):
        yield _stored(row)


def _select() -> sa.Select[tuple[object, ...]]:
    table = DecisionRecord.__table__
    return sa.select(*table.columns)


def _stored(row: sa.Row[tuple[object, ...]]) -> StoredDecision:
    found = row._mapping
    amount = found["amount_fen"]
    decision = Decision(
        found["rule"],
        found["rule_version"],
        Outcome(found["outcome"]),
        None if amount is None else Money(amount),
        tuple(Reason(one["code"], one["message"], one["clause"]) for one in found["reasons"]),
        found["facts"],
    )
    return StoredDecision(
        found["decision_id"],
        found["institution_id"],
        decision,
        found["readings"],
        found["decided_at"],
        found["effective_on"],
        found["actor"],
    )
