"""The messages of visits: what was said, by whom, and what stands aside."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from hospital_prepay.domain.errors import Conflict, NotFound
from hospital_prepay.domain.visits import PatientMerge
from hospital_prepay.persistence.locks import lock_name
from hospital_prepay.persistence.models.inpatient import Stay
from hospital_prepay.persistence.models.settlement import PatientMergeRow, VisitMessage
from hospital_prepay.persistence.query import Query


@dataclass(frozen=True, slots=True)
class KnownMessage:
    """A message that came before: its own id and what became of it."""

    message_id: str
    state: str


@dataclass(frozen=True, slots=True)
class SaidRow:
    """One applied message of a visit, its facts still encrypted."""

    source: str
    event: str
    occurred_at: datetime
    sent_at: datetime
    digest: str
    facts_enc: str


def hold_visit(connection: sa.Connection, institution_id: str, visit_no: str) -> None:
    """Let every other message of this visit wait until the transaction ends."""
    lock_name(connection, f"visit:{institution_id}:{visit_no}")


def known_message(connection: sa.Connection, institution_id: str, digest: str) -> KnownMessage | None:
    """The message with these very bytes, if one came before. Two at once wait for each other."""
    lock_name(connection, f"visit-message:{institution_id}:{digest}")
    row = connection.execute(
        sa.select(VisitMessage.message_id, VisitMessage.state).where(
            VisitMessage.institution_id == institution_id, VisitMessage.digest == digest
        )
    ).one_or_none()
    return None if row is None else KnownMessage(*row)


def add_message(connection: sa.Connection, values: dict[str, Any]) -> None:
    """Write down a message, applied or kept aside."""
    connection.execute(sa.insert(VisitMessage).values(**values))


def decide_message(connection: sa.Connection, institution_id: str, message_id: str, values: dict[str, Any]) -> None:
    """Write down what became of a message that stood aside."""
    connection.execute(
        sa.update(VisitMessage)
        .where(VisitMessage.institution_id == institution_id, VisitMessage.message_id == message_id)
        .values(**values)
    )


def said_of(connection: sa.Connection, institution_id: str, visit_no: str) -> list[SaidRow]:
    """Everything that was said of a visit, in no order."""
    columns = (getattr(VisitMessage, name) for name in SaidRow.__dataclass_fields__)
    rows = connection.execute(
        sa.select(*columns).where(
            VisitMessage.institution_id == institution_id,
            VisitMessage.visit_no == visit_no,
            VisitMessage.state == "applied",
            VisitMessage.event != "merge",
        )
    )
    return [SaidRow(*row) for row in rows]


def said_by(connection: sa.Connection, institution_id: str, visit_no: str, at: datetime) -> str:
    """The person who said what was said of a visit for a moment; nothing where another system did."""
    found = sa.select(VisitMessage.received_by).where(
        VisitMessage.institution_id == institution_id,
        VisitMessage.visit_no == visit_no,
        VisitMessage.state == "applied",
        VisitMessage.occurred_at == at,
        VisitMessage.source.in_(("hand", "csv")),
    )
    return connection.scalar(found.order_by(VisitMessage.received_at.desc()).limit(1)) or ""


def add_merge(connection: sa.Connection, institution_id: str, merge: PatientMerge, recorded_at: datetime) -> None:
    """Write down that a patient's number goes on as another."""
    connection.execute(
        sa.insert(PatientMergeRow).values(
            institution_id=institution_id,
            digest=merge.digest,
            from_no=merge.from_no,
            into_no=merge.into_no,
            occurred_at=merge.occurred_at,
            recorded_at=recorded_at,
        )
    )


def merges_from(connection: sa.Connection, institution_id: str, number: str) -> list[PatientMerge]:
    """The merges that lead on from a number, and from what they lead to."""
    found: list[PatientMerge] = []
    waiting, seen = [number], {number}
    while waiting:
        rows = connection.execute(
            sa.select(
                PatientMergeRow.from_no, PatientMergeRow.into_no, PatientMergeRow.occurred_at, PatientMergeRow.digest
            ).where(PatientMergeRow.institution_id == institution_id, PatientMergeRow.from_no == waiting.pop())
        )
        for row in rows:
            found.append(PatientMerge(*row))
            if row.into_no not in seen:
                seen.add(row.into_no)
                waiting.append(row.into_no)
    return found


def visits_of_patients(connection: sa.Connection, institution_id: str, numbers: Collection[str]) -> list[str]:
    """The visits, told of by messages, whose patients bear one of these numbers now."""
    return list(
        connection.scalars(
            sa.select(Stay.stay_no)
            .where(
                Stay.institution_id == institution_id,
                Stay.patient_no.in_(numbers),
                sa.exists().where(
                    VisitMessage.institution_id == institution_id,
                    VisitMessage.visit_no == Stay.stay_no,
                    VisitMessage.state == "applied",
                ),
            )
            .order_by(Stay.stay_no)
        )
    )


@dataclass(frozen=True, slots=True)
class AsideRow:
    """A message that stands aside, its bytes still encrypted."""

    message_id: str
    source: str
    sender: str
    control_no: str
    event: str
    reason_code: str
    reason: str
    received_at: datetime
    raw_enc: str | None
    state: str


def aside(connection: sa.Connection, institution_id: str, *, limit: int, offset: int = 0) -> list[AsideRow]:
    """Messages that stand aside, the newest first."""
    rows = connection.execute(
        sa.select(*_ASIDE)
        .where(VisitMessage.institution_id == institution_id, VisitMessage.state == "quarantined")
        .order_by(VisitMessage.received_at.desc(), VisitMessage.message_id.desc())
        .limit(limit)
        .offset(offset)
    )
    return [AsideRow(*row) for row in rows]


def aside_count(connection: sa.Connection, institution_id: str) -> int:
    """How many messages stand aside."""
    ((number,),) = _ASIDE_COUNT.all(connection, institution=institution_id)
    return int(number)


_ASIDE_COUNT: Final = Query(
    sa.select(sa.func.count()).where(
        VisitMessage.institution_id == sa.bindparam("institution"), VisitMessage.state == "quarantined"
    )
)


def lock_aside(connection: sa.Connection, institution_id: str, message_id: str) -> AsideRow:
    """A message that stands aside, locked. Raises :class:`NotFound`, and :class:`Conflict` when it no longer does."""
    row = connection.execute(
        sa.select(*_ASIDE)
        .where(VisitMessage.institution_id == institution_id, VisitMessage.message_id == message_id)
        .with_for_update()
    ).one_or_none()
    if row is None:
        raise NotFound("没有这条消息。请回到搁置的消息列表。")
    found = AsideRow(*row)
    if found.state != "quarantined":
        raise Conflict("这条消息已经有人处理过了。请刷新列表。")
    return found


@dataclass(frozen=True, slots=True)
class SourceCount:
    """How many messages a source brought since a moment, and when the last one came."""

    source: str
    sender: str
    number: int
    last_at: datetime


def sources_since(connection: sa.Connection, institution_id: str, since: datetime) -> list[SourceCount]:
    """What came since ``since``, by source and sender."""
    rows = connection.execute(
        sa.select(VisitMessage.source, VisitMessage.sender, sa.func.count(), sa.func.max(VisitMessage.received_at))
        .where(VisitMessage.institution_id == institution_id, VisitMessage.received_at >= since)
        .group_by(VisitMessage.source, VisitMessage.sender)
        .order_by(VisitMessage.source, VisitMessage.sender)
    )
    return [SourceCount(*row) for row in rows]


def sequence_numbers(
    connection: sa.Connection, institution_id: str, since: datetime, most: int
) -> list[tuple[str, int]]:
    """Sender and sequence number (MSH-13) of what came since ``since``, sorted; the newest ``most`` at most."""
    newest = (
        sa.select(VisitMessage.sender, VisitMessage.sequence_no)
        .where(
            VisitMessage.institution_id == institution_id,
            VisitMessage.received_at >= since,
            VisitMessage.sequence_no.is_not(None),
        )
        .order_by(VisitMessage.received_at.desc())
        .limit(most)
    )
    return sorted((sender, number) for sender, number in connection.execute(newest) if number is not None)


_ASIDE = tuple(getattr(VisitMessage, name) for name in AsideRow.__dataclass_fields__)
