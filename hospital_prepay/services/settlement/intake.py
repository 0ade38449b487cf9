"""Taking in what other systems, and people, say of visits: applied, known already, not ours, or kept aside.

A message that can't be used isn't lost: it stands aside with its bytes and the reason, and is taken again once that
is mended, or is dropped with a ground.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from hospital_prepay.clock import local
from hospital_prepay.domain.access import Actor
from hospital_prepay.domain.errors import Conflict, MalformedInput
from hospital_prepay.domain.rules.settlement.clocks import is_late
from hospital_prepay.domain.visits import STAY_NO, PatientMerge, VisitEvent, VisitEventKind, VisitFacts
from hospital_prepay.files.hl7_messages import (
    Header,
    NotForUs,
    UnreadableMessage,
    digest_of,
    read_header,
    read_message,
)
from hospital_prepay.persistence import discharges
from hospital_prepay.persistence import visits as store
from hospital_prepay.persistence.database import Connection
from hospital_prepay.persistence.discharges import DischargeRow
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.services.context import Context
from hospital_prepay.services.settlement.visit_state import FACTS, follow_visit, goes_on_as

RAW: Final = "visit_message"
LARGEST: Final = 1024 * 1024
HEAD: Final = 2000
# What clocks of two systems may differ by.
_CLOCKS_DIFFER: Final = timedelta(hours=1)
_NO_HEADER: Final = Header("", "", "", "", "", "", "P", "2.4", None)
# Tables are taken in by people; what other systems send is a fact.
_BY_PEOPLE: Final = ("hand", "csv")
_LATE_STANDS: Final = (
    "这次出院已经逾期，一个人不能取消，也不能改出院时间。请在“登记出院”里申请取消并写明原因，由财务里另一个人决定。"
)
_NOTHING: Final = {"facts_enc": None, "raw_enc": None, "reason_code": "", "reason": ""}


class Outcome(StrEnum):
    """What became of a message."""

    APPLIED = "applied"
    DUPLICATE = "duplicate"
    IGNORED = "ignored"
    QUARANTINED = "quarantined"


@dataclass(frozen=True, slots=True)
class Taken:
    """The answer to a message. ``reason`` says why it stands aside, or why nothing was to be done."""

    outcome: Outcome
    reason_code: str = ""
    reason: str = ""
    visit_no: str | None = None


class TooLong(MalformedInput):
    """A message longer than any about an admission is."""

    code = "too_long"


class WrongStayNumber(MalformedInput):
    """A visit whose number no stay may have."""

    code = "wrong_stay_number"


class LateStands(Conflict):
    """A late discharge that one person alone would end."""

    code = "late_discharge_stands"


class NotYet(MalformedInput):
    """An event that would still have to happen: nothing honest could undo it."""

    code = "not_yet"


def feed(institution_id: str, source: str) -> Actor:
    """Whoever speaks over an interface: nobody of the hospital, with no role."""
    return Actor(institution_id, f"feed:{source}", "接口", frozenset())


def take_hl7(context: Context, actor: Actor, raw: bytes, source: str) -> Taken:
    """Take in one HL7 v2 message. Raises :class:`~hospital_prepay.domain.errors.DatabaseFault` and
    :class:`~hospital_prepay.domain.errors.Conflict` only: then nothing was kept, and it may be sent again."""
    if len(raw) > LARGEST:
        return take_too_long(context, actor, raw[:HEAD], source)
    try:
        message = read_message(raw)
    except NotForUs as error:
        return Taken(Outcome.IGNORED, error.reason, error.message)
    except MalformedInput as error:
        return _set_aside(context, actor, raw, source, error)
    said = message.said
    try:
        if isinstance(said, PatientMerge):
            return _take_merge(context, actor, said, _columns(message.header, said.digest, source))
        return take_event(context, actor, said, _columns(message.header, said.digest, source))
    except MalformedInput as error:
        return _set_aside(context, actor, raw, source, error)


def take_too_long(context: Context, actor: Actor, head: bytes, source: str) -> Taken:
    """Keep the head of a message that is too long to be one of ours, so that somebody sees that it came."""
    error = TooLong(f"报文超过 {LARGEST // 1024} KB，没有收下。请让对方只发出入院消息，去掉附件。")
    return _set_aside(context, actor, head, source, error)


def take_event(
    context: Context, actor: Actor, event: VisitEvent, columns: dict[str, Any], *, may_end_late: bool = False
) -> Taken:
    """Take in one event of a visit, by whatever way it came; ``columns`` say which. Raises
    :class:`~hospital_prepay.domain.errors.MalformedInput` where it can't be used, and what :func:`take_within`
    raises."""
    if not re.fullmatch(STAY_NO, event.visit_no, re.ASCII):
        raise WrongStayNumber("住院号只用字母、数字和短横，最多 40 个。请让对方改正，再重新处理。")
    said_of = (
        event.occurred_at,
        event.facts.admitted_at,
        event.facts.discharged_at,
        event.facts.discharge_ordered_at,
    )
    latest = max(moment for moment in said_of if moment is not None)
    if latest > context.clock.now() + _CLOCKS_DIFFER:
        raise NotYet(f"时间 {local(latest):%Y-%m-%d %H:%M} 还没有到。请对方核对系统时钟，再重新处理。")
    with context.work(actor, "visit.take", event.visit_no) as work:
        taken = take_within(context, work, event, columns, may_end_late=may_end_late)
        if taken.outcome is Outcome.APPLIED:
            work.audit(detail={"event": event.kind.value, "source": columns["source"]})
        return taken


def take_within(
    context: Context, work: UnitOfWork, event: VisitEvent, columns: dict[str, Any], *, may_end_late: bool = False
) -> Taken:
    """Take in one event inside another act. Raises :class:`LateStands` where somebody by hand, or by a table, would
    end a late discharge or give it more time, unless that was agreed to by a second person (``may_end_late``)."""
    own, visit_no = work.institution_id, event.visit_no
    store.hold_visit(work.connection, own, visit_no)
    text = json.dumps(event.facts.to_json(), ensure_ascii=False)
    said = {
        "event": event.kind.value,
        "visit_no": visit_no,
        "occurred_at": event.occurred_at,
        "sent_at": event.sent_at,
        "facts_enc": context.cipher.encrypt(text, institution=own, field=FACTS),
    }
    if _is_known(work, columns):
        return Taken(Outcome.DUPLICATE, visit_no=visit_no)
    late = None
    if columns["source"] in _BY_PEOPLE and not may_end_late:
        late = late_standing(work.connection, own, visit_no, work.today)
    if late is not None and event.kind is VisitEventKind.CANCEL_DISCHARGE:
        raise LateStands(_LATE_STANDS)
    _keep(work, columns, said)
    follow_visit(context, work, visit_no)
    if late is not None and not _still_runs_out(_standing(work.connection, own, visit_no), late):
        raise LateStands(_LATE_STANDS)
    return Taken(Outcome.APPLIED, visit_no=visit_no)


def late_standing(connection: Connection, institution_id: str, visit_no: str, today: date) -> DischargeRow | None:
    """The standing discharge of a visit, if it is late by now, or was settled late; an estimated due day counts here
    as well."""
    for row in _standing(connection, institution_id, visit_no):
        through = today if row.settled_at is None else local(row.settled_at).date()
        if row.expected_on is not None and is_late(row.expected_on, through):
            return row
    return None


def _still_runs_out(standing: list[DischargeRow], late: DischargeRow) -> bool:
    """Whether a late discharge stands as it stood, and no later day was set for it."""
    return any(
        one.discharged_at == late.discharged_at
        and one.expected_on is not None
        and late.expected_on is not None
        and one.expected_on <= late.expected_on
        for one in standing
    )


def by_hand(
    actor: Actor, kind: VisitEventKind, visit_no: str, now: datetime, facts: VisitFacts, said: str
) -> tuple[VisitEvent, dict[str, Any]]:
    """What somebody writes down, as an event with its columns; ordered by when it was written down."""
    digest = hashlib.sha256(f"hand|{actor.actor_id}|{now.isoformat()}|{kind}|{visit_no}|{said}".encode()).hexdigest()
    columns = {"source": "hand", "sender": actor.actor_id, "control_no": "", "sequence_no": None, "digest": digest}
    return VisitEvent(kind, visit_no, now, now, digest, facts), columns


def _standing(connection: Connection, institution_id: str, visit_no: str) -> list[DischargeRow]:
    return [one for one in discharges.of_stay(connection, institution_id, visit_no) if one.ended_at is None]


def take_said(
    context: Context,
    actor: Actor,
    kind: VisitEventKind,
    visit_no: str,
    occurred_at: datetime,
    facts: VisitFacts,
    source: str,
    *,
    may_end_late: bool = False,
) -> Taken:
    """Take in an event that came as values, from a program or a table: the same values are the same event, however
    often they come. Raises as :func:`take_event` does."""
    said = {"event": kind.value, "visit_no": visit_no, "at": occurred_at.isoformat(), **facts.to_json()}
    digest = digest_of(json.dumps(said, ensure_ascii=False, sort_keys=True).encode())
    columns = _columns(Header(actor.actor_id, "", "", "", "", "", "", "", None), digest, source)
    event = VisitEvent(kind, visit_no, occurred_at, occurred_at, digest, facts)
    return take_event(context, actor, event, columns, may_end_late=may_end_late)


def _take_merge(context: Context, actor: Actor, merge: PatientMerge, columns: dict[str, Any]) -> Taken:
    with context.work(actor, "visit.take", merge.into_no) as work:
        text = json.dumps({"from_no": merge.from_no, "into_no": merge.into_no}, ensure_ascii=False)
        said = {
            "event": VisitEventKind.MERGE.value,
            "visit_no": merge.into_no,
            "occurred_at": merge.occurred_at,
            "sent_at": merge.occurred_at,
            "facts_enc": context.cipher.encrypt(text, institution=work.institution_id, field=FACTS),
        }
        if _is_known(work, columns):
            return Taken(Outcome.DUPLICATE)
        _keep(work, columns, said)
        before = {merge.from_no, goes_on_as(work, merge.from_no)}
        store.add_merge(work.connection, work.institution_id, merge, work.now)
        for visit_no in store.visits_of_patients(work.connection, work.institution_id, before):
            follow_visit(context, work, visit_no)
        work.audit(detail={"event": VisitEventKind.MERGE.value, "source": columns["source"]})
        return Taken(Outcome.APPLIED)


def _is_known(work: UnitOfWork, columns: dict[str, Any]) -> bool:
    """Whether these very bytes were applied, or dropped, before."""
    known = store.known_message(work.connection, work.institution_id, columns["digest"])
    return known is not None and known.state != "quarantined"


def _keep(work: UnitOfWork, columns: dict[str, Any], said: dict[str, Any]) -> None:
    """Write down what was said, or that what stood aside is applied now."""
    known = store.known_message(work.connection, work.institution_id, columns["digest"])
    if known is None:
        store.add_message(work.connection, {**_received(work), **columns, **_NOTHING, **said, "state": "applied"})
        return
    store.decide_message(
        work.connection, work.institution_id, known.message_id, {**_NOTHING, **said, **_decided(work, "applied")}
    )


def _set_aside(context: Context, actor: Actor, raw: bytes, source: str, error: MalformedInput) -> Taken:
    try:
        header = read_header(raw)
    except UnreadableMessage:
        header = _NO_HEADER
    with context.work(actor, "visit.set_aside", header.control_no) as work:
        columns = _columns(header, digest_of(raw), source)
        if store.known_message(work.connection, work.institution_id, columns["digest"]) is None:
            place = {"institution": work.institution_id, "field": RAW}
            values = {
                "event": header.trigger[:20],
                "visit_no": None,
                "occurred_at": None,
                "sent_at": None,
                "facts_enc": None,
                "raw_enc": context.cipher.encrypt(raw.decode("latin-1"), **place),
                "state": "quarantined",
                "reason_code": error.reason,
                "reason": error.message,
            }
            store.add_message(work.connection, {**_received(work), **columns, **values})
            work.audit(outcome="refused", detail={"code": error.reason, "source": source})
        return Taken(Outcome.QUARANTINED, error.reason, error.message)


def _columns(header: Header, digest: str, source: str) -> dict[str, Any]:
    return {
        "source": source,
        "sender": "|".join(part for part in (header.sender, header.sender_facility) if part)[:80],
        "control_no": header.control_no,
        "sequence_no": header.sequence_no,
        "digest": digest,
    }


def _received(work: UnitOfWork) -> dict[str, Any]:
    return {
        "institution_id": work.institution_id,
        "message_id": work.new_id(),
        "received_at": work.now,
        "received_by": work.act.actor.actor_id,
    }


def _decided(work: UnitOfWork, state: str) -> dict[str, Any]:
    return {"state": state, "decided_by": work.act.actor.actor_id, "decided_at": work.now}
