"""Alarms on outpatient claims, what was answered to them, and the cards of staff."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from hospital_prepay.persistence.models.outpatient_alarms import (
    OutpatientAlarm,
    OutpatientAlarmAnswer,
    OutpatientStaffCard,
)
from hospital_prepay.persistence.models.outpatient_claims import OutpatientClaim
from hospital_prepay.persistence.rows import refusing, rows_of

_STALE: Final = "这一步刚被别人办了。请刷新后再看；本次没有改动。"


@dataclass(frozen=True, slots=True)
class AlarmRow:
    """One thing that was noticed about a claim."""

    claim_id: str
    alarm_no: int
    kind: str
    words: str
    raised_at: datetime


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """Why a claim was confirmed in spite of its ``alarms`` (so many there were)."""

    claim_id: str
    answer_no: int
    alarms: int
    ground: str
    answered_by: str
    answered_at: datetime


@dataclass(frozen=True, slots=True)
class StaffCard:
    """A bank card of a member of staff; ``removed_at`` tells since when it counts no more."""

    card_id: str
    card_hash: str
    tail: str
    holder: str
    added_by: str
    added_at: datetime
    removed_by: str | None
    removed_at: datetime | None
    ground: str


@dataclass(frozen=True, slots=True)
class ListedAlarm:
    """An alarm with the claim it is about."""

    claim_id: str
    refund_no: str
    state: str
    amount_fen: int
    accepted_by: str
    kind: str
    words: str
    raised_at: datetime


def alarms_of(connection: sa.Connection, institution_id: str, claim_id: str) -> list[AlarmRow]:
    """Everything noticed about a claim, the first first."""
    where = OutpatientAlarm.claim_id == claim_id
    return rows_of(connection, OutpatientAlarm, AlarmRow, institution_id, where, order=(OutpatientAlarm.alarm_no,))


def add_alarms(connection: sa.Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Note what was noticed."""
    with refusing(_STALE):
        connection.execute(sa.insert(OutpatientAlarm), list(rows))


def answers_of(connection: sa.Connection, institution_id: str, claim_id: str) -> list[AnswerRow]:
    """Every ground written for confirming a claim in spite of its alarms."""
    where = OutpatientAlarmAnswer.claim_id == claim_id
    order = (OutpatientAlarmAnswer.answer_no,)
    return rows_of(connection, OutpatientAlarmAnswer, AnswerRow, institution_id, where, order=order)


def add_answer(connection: sa.Connection, values: dict[str, Any]) -> None:
    """Keep a ground."""
    with refusing(_STALE):
        connection.execute(sa.insert(OutpatientAlarmAnswer).values(**values))


def list_alarms(
    connection: sa.Connection, institution_id: str, kind: str = "", *, start: int = 0, size: int = 50
) -> list[ListedAlarm]:
    """One page of all alarms, the newest first."""
    claim, alarm = OutpatientClaim, OutpatientAlarm
    query = (
        sa.select(
            *(claim.claim_id, claim.refund_no, claim.state, claim.amount_fen, claim.accepted_by),
            *(alarm.kind, alarm.words, alarm.raised_at),
        )
        .join(claim, sa.and_(claim.institution_id == alarm.institution_id, claim.claim_id == alarm.claim_id))
        .where(alarm.institution_id == institution_id, *((alarm.kind == kind,) if kind else ()))
        .order_by(alarm.raised_at.desc(), claim.refund_no.desc(), alarm.alarm_no.desc())
    )
    return [ListedAlarm(*row) for row in connection.execute(query.offset(start).limit(size))]


def count_alarms(connection: sa.Connection, institution_id: str) -> dict[str, int]:
    """How many alarms there are of each kind."""
    rows = connection.execute(
        sa.select(OutpatientAlarm.kind, sa.func.count())
        .where(OutpatientAlarm.institution_id == institution_id)
        .group_by(OutpatientAlarm.kind)
    )
    return {kind: int(count) for kind, count in rows}


def accepted_between(
    connection: sa.Connection, institution_id: str, maker: str, begins: datetime, ends: datetime
) -> int:
    """How many claims a person accepted from ``begins`` up to ``ends``."""
    query = sa.select(sa.func.count()).where(
        OutpatientClaim.institution_id == institution_id,
        OutpatientClaim.accepted_by == maker,
        OutpatientClaim.accepted_at >= begins,
        OutpatientClaim.accepted_at < ends,
    )
    return int(connection.scalar(query) or 0)


def reviews_since(
    connection: sa.Connection, institution_id: str, maker: str, reviewer: str, since: datetime
) -> tuple[int, int]:
    """Of the claims a person accepted since then and somebody reviewed: how many this reviewer did, and all."""
    by = sa.func.sum(sa.case((OutpatientClaim.reviewed_by == reviewer, 1), else_=0))
    row = connection.execute(
        sa.select(by, sa.func.count()).where(
            OutpatientClaim.institution_id == institution_id,
            OutpatientClaim.accepted_by == maker,
            OutpatientClaim.accepted_at >= since,
            OutpatientClaim.reviewed_by.is_not(None),
        )
    ).one()
    return int(row[0] or 0), int(row[1])


def staff_cards(connection: sa.Connection, institution_id: str) -> list[StaffCard]:
    """Every card of staff, those that count first."""
    order = (OutpatientStaffCard.removed_at.is_not(None), OutpatientStaffCard.holder, OutpatientStaffCard.card_id)
    return rows_of(connection, OutpatientStaffCard, StaffCard, institution_id, order=order)


def is_staff_card(connection: sa.Connection, institution_id: str, card_hashes: Sequence[str]) -> bool:
    """Whether one of the hashes is a card of staff that counts."""
    if not card_hashes:
        return False
    query = sa.select(OutpatientStaffCard.card_id).where(
        OutpatientStaffCard.institution_id == institution_id,
        OutpatientStaffCard.card_hash.in_(card_hashes),
        OutpatientStaffCard.removed_at.is_(None),
    )
    return connection.scalar(query.limit(1)) is not None


def staff_card_holders(connection: sa.Connection, institution_id: str) -> list[str]:
    """In whose names the cards of staff stand that count."""
    query = sa.select(OutpatientStaffCard.holder).where(
        OutpatientStaffCard.institution_id == institution_id, OutpatientStaffCard.removed_at.is_(None)
    )
    return list(connection.scalars(query.distinct()))


def add_staff_card(connection: sa.Connection, values: dict[str, Any]) -> None:
    """Enter a card. Raises :class:`Conflict` when it is there already."""
    with refusing("这张卡已经登记了，不用再登。"):
        connection.execute(sa.insert(OutpatientStaffCard).values(**values))


def end_staff_card(connection: sa.Connection, institution_id: str, card_id: str, **values: Any) -> bool:
    """Let a card count no more; whether there was one that counted."""
    with refusing(_STALE):
        done = connection.execute(
            sa.update(OutpatientStaffCard)
            .where(
                OutpatientStaffCard.institution_id == institution_id,
                OutpatientStaffCard.card_id == card_id,
                OutpatientStaffCard.removed_at.is_(None),
            )
            .values(**values)
        )
    return done.rowcount == 1
