"""Stored decisions, read back as they were made."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa

from hospital_prepay.domain.decision import Decision, Outcome, Reason
from hospital_prepay.domain.errors import NotFound, RulebookFault
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
class UnreadableDecision:
    """A row that the program never writes: text that is no JSON, a date that is none, a reading of another kind."""

    decision_id: str
    institution_id: str


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
    """One decision with its circumstances. Raises :class:`NotFound`, :class:`RulebookFault` for an unreadable one."""
    row = connection.execute(
        _select(connection).where(
            DecisionRecord.institution_id == institution_id, DecisionRecord.decision_id == decision_id
        )
    ).one_or_none()
    if row is None:
        raise NotFound("没有这个决定。请核对决定号。")
    stored = _stored(row)
    if isinstance(stored, UnreadableDecision):
        raise RulebookFault(
            f"决定 {decision_id} 的内容读不出来，像是被改过。请保留现场，报审计和信息科。",
            code="decision_unreadable",
            details={"decision_id": decision_id, "institution_id": institution_id},
        )
    return stored


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
    """The latest decisions of an institution that can be read, newest first."""
    query = _select(connection).where(DecisionRecord.institution_id == institution_id)
    order = DecisionRecord.decided_at.desc(), DecisionRecord.decision_id.desc()
    for row in connection.execute(query.order_by(*order).limit(limit)):
        stored = _stored(row)
        if isinstance(stored, StoredDecision):
            yield stored


def count(connection: sa.Connection) -> int:
    """How many decisions are stored, of all institutions."""
    return connection.scalar(sa.select(sa.func.count()).select_from(DecisionRecord)) or 0


def every(connection: sa.Connection) -> Iterator[StoredDecision | UnreadableDecision]:
    """Every stored decision in the order of their ids, a batch at a time."""
    query = _select(connection).order_by(DecisionRecord.decision_id)
    for row in connection.execute(query.execution_options(yield_per=_BATCH)):
        yield _stored(row)


def _select(connection: sa.Connection) -> sa.Select[*tuple[Any, ...]]:
    """The columns as text, so that a value that isn't what its column should hold spoils its own row only. From
    SQLite as bytes: there a text may be no text either."""
    kind = sa.Text() if connection.dialect.name == "postgresql" else sa.LargeBinary()
    return sa.select(*(sa.cast(column, kind).label(column.name) for column in DecisionRecord.__table__.columns))


def _stored(row: sa.Row[*tuple[Any, ...]]) -> StoredDecision | UnreadableDecision:
    found = row._mapping
    try:
        return _read({name: _text(value) for name, value in found.items()})
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError):
        return UnreadableDecision(_text(found["decision_id"], "replace"), _text(found["institution_id"], "replace"))


def _read(found: Mapping[str, str]) -> StoredDecision:
    amount, readings = found["amount_fen"], found["readings"]
    decision = Decision(
        found["rule"],
        found["rule_version"],
        Outcome(found["outcome"]),
        Money(int(amount)) if amount else None,
        tuple(Reason(one["code"], one["message"], one["clause"]) for one in json.loads(found["reasons"])),
        _object(found["facts"]),
    )
    return StoredDecision(
        found["decision_id"],
        found["institution_id"],
        decision,
        {name: str(value) for name, value in _object(readings).items()} if readings else None,
        _moment(found["decided_at"]),
        date.fromisoformat(found["effective_on"]),
        found["actor"],
    )


def _text(value: object, errors: str = "strict") -> str:
    """A cell as text, empty for ``NULL``."""
    return value.decode(errors=errors) if isinstance(value, bytes) else str(value or "")


def _object(text: str) -> Mapping[str, Any]:
    found = json.loads(text)
    if not isinstance(found, dict):
        raise TypeError("not an object")
    return found


def _moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError("a moment without its zone")
    return found.astimezone(UTC)
