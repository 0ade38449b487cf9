"""Discharges written down by people, where no interface tells of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from hospital_prepay.clock import local
from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import Conflict, MalformedInput, NotFound
from hospital_prepay.domain.insured_class import InsuredClass
from hospital_prepay.domain.visits import VisitEventKind, VisitFacts
from hospital_prepay.persistence import discharges as store
from hospital_prepay.persistence import visits
from hospital_prepay.persistence.database import Connection
from hospital_prepay.services.context import Context
from hospital_prepay.services.settlement.intake import Taken, by_hand, take_event, take_within
from hospital_prepay.services.settlement.take_backs import require_writer
from hospital_prepay.services.settlement.visit_state import FACTS

KINDS: Final = (VisitEventKind.DISCHARGE, VisitEventKind.CANCEL_DISCHARGE, VisitEventKind.TRANSFER)


@dataclass(frozen=True, slots=True)
class WrittenDown:
    """What happened to a stay, and when. ``ward`` is where the patient went, for a move; ``disposition`` how the
    patient left, for a discharge."""

    stay_no: str
    kind: VisitEventKind
    at: datetime
    ward: str = ""
    disposition: str = ""


def write_down(context: Context, actor: Actor, event: WrittenDown) -> Taken:
    """Write down an event of a registered stay; it counts like a message of the hospital's own system.

    Raises :class:`NotFound` for an unknown stay, :class:`MalformedInput` for a moment that can't be,
    :class:`Conflict` for a discharge that stands already, or one to cancel that doesn't, and
    :class:`~hospital_prepay.services.settlement.intake.LateStands` for one to cancel that is late: see
    :mod:`~hospital_prepay.services.settlement.take_backs`.
    """
    require_writer(actor)
    _check(context, actor, event)
    now = context.clock.now()
    facts = VisitFacts(
        ward=event.ward or None,
        discharged_at=event.at if event.kind is VisitEventKind.DISCHARGE else None,
        disposition=event.disposition or None,
    )
    # A form that is sent twice says the same twice, which comes to the same: see visit_of.
    said = f"{event.at.isoformat()}|{event.ward}|{event.disposition}"
    return take_event(context, actor, *by_hand(actor, event.kind, event.stay_no, now, facts, said))


def may_name_class(actor: Actor) -> bool:
    """The insurance office, or the counter."""
    return actor.may(Permission.SETTLEMENT_INSURANCE) or actor.may(Permission.STAY_REGISTER)


def name_class(context: Context, actor: Actor, stay_no: str, insured: InsuredClass) -> None:
    """Name the insured class of a standing discharge that nobody named so far, or only somebody by this same act;
    it counts like a message, and stands among the steps of the discharge.

    Needs ``settlement.insurance`` or ``stay.register``. Raises :class:`NotFound` without a discharge,
    :class:`Conflict` where the discharge is settled, or the class is what another system or the counter registered.
    """
    with context.work(actor, "discharge.name_class", stay_no) as work:
        if not may_name_class(actor):
            actor.require(Permission.SETTLEMENT_INSURANCE)
        visits.hold_visit(work.connection, work.institution_id, stay_no)
        store.lock_stay(work.connection, work.institution_id, stay_no)  # before its discharge, as everywhere
        row = store.lock_standing(work.connection, work.institution_id, stay_no)
        if row.settled_at is not None:
            raise Conflict("这次出院已经结算，参保类型不能再改。有误的请先申请召回。")
        if row.insured is insured:
            raise Conflict(f"参保类型已经是{insured.label}，没有改动。")
        if row.insured is not None and not _is_by_hand(context, work.connection, work.institution_id, stay_no):
            raise Conflict(
                f"参保类型已经是{row.insured.label}，不是这里记的。接口传来的请对方系统改正；住院登记的请收费员改。"
            )
        facts = VisitFacts(insured=insured.value)
        said = by_hand(actor, VisitEventKind.UPDATE, stay_no, work.now, facts, insured.value)
        take_within(context, work, *said)
        was = f"由{row.insured.label}改为" if row.insured else "记为"
        row = store.lock_standing(work.connection, work.institution_id, stay_no)
        words = f"参保类型{was}{insured.label}"
        store.add_step(work.connection, work.institution_id, row, row.stage, words, actor.actor_id, work.now)
        work.audit(detail={"insured_class": insured.value})


def named_by_hand(context: Context, actor: Actor, stay_no: str) -> bool:
    """Whether the class of the standing discharge is what :func:`name_class` said, and may be named anew: it isn't
    settled. Needs ``settlement.view``."""
    actor.require(Permission.SETTLEMENT_VIEW)
    with context.database.reading() as connection:
        rows = store.of_stay(connection, actor.institution_id, stay_no)
        is_open = any(row.ended_at is None and row.settled_at is None and row.class_known for row in rows)
        return is_open and _is_by_hand(context, connection, actor.institution_id, stay_no)


def _is_by_hand(context: Context, connection: Connection, institution_id: str, stay_no: str) -> bool:
    """Whether the last word on the class, in the order in which messages count, came from somebody here."""
    said = visits.said_of(connection, institution_id, stay_no)
    if not any(one.source == "hand" and one.event == VisitEventKind.UPDATE for one in said):
        return False
    for one in sorted(said, key=lambda each: (each.occurred_at, each.sent_at, each.digest), reverse=True):
        facts = json.loads(context.cipher.decrypt(one.facts_enc, institution=institution_id, field=FACTS))
        if facts.get("insured") is not None:
            return one.source == "hand"
    return False


def _check(context: Context, actor: Actor, event: WrittenDown) -> None:
    if event.kind not in KINDS:
        raise MalformedInput("请选出院、取消出院或转科。", details={"field": "kind"})
    if event.at > context.clock.now():
        raise MalformedInput("时间还没有到。请核对。", code="not_a_date", details={"field": "at"})
    with context.database.reading() as connection:
        stay = store.find_stay(connection, actor.institution_id, event.stay_no)
    if stay is None:
        raise NotFound(f"没有找到住院号 {event.stay_no}。请核对住院号，或先登记这次住院。")
    if event.at < stay.admitted_at:
        words = f"{local(stay.admitted_at):%Y-%m-%d %H:%M}"
        raise MalformedInput(f"不能早于入院时间 {words}。请核对。", code="not_a_date", details={"field": "at"})
    if event.kind is VisitEventKind.TRANSFER and not event.ward.strip():
        raise MalformedInput("请填转到哪个病区。", code="missing_value", details={"field": "ward"})
    if event.kind is VisitEventKind.CANCEL_DISCHARGE and stay.discharged_at is None:
        raise Conflict("这次住院没有登记出院，不用取消。")
    if event.kind is VisitEventKind.DISCHARGE and stay.discharged_at is not None:
        words = f"{local(stay.discharged_at):%m-%d %H:%M}"
        raise Conflict(f"已经登记 {words} 出院。时间有误的，请先取消出院，再重新登记。")
