"""Registering a stay, and following what happens to its diagnosis and insured class.

Every change appends a ``stay_cap`` row with the decision behind it; the database moves the ceiling of the stay's
deposit account with it. Feeds of later issues write through the same two functions.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from hospital_prepay.clock import local
from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.decision import Decision
from hospital_prepay.domain.errors import Conflict, MalformedInput
from hospital_prepay.domain.initials import initials
from hospital_prepay.domain.ledger.chart import stay_account
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.inpatient.deposits import CapFacts, Circumstance, determine_cap, excess
from hospital_prepay.persistence import stays as store
from hospital_prepay.persistence.database import Connection
from hospital_prepay.persistence.ledger import open_account
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.services.context import Context
from hospital_prepay.services.inpatient.slips import propose_excess_refund
from hospital_prepay.services.publication.readings import readings_within


@dataclass(frozen=True, slots=True)
class Placement:
    """The disease and class a stay follows, and how it stands to article 17."""

    disease_code: str
    disease_name: str
    insured_class: str
    circumstance: str = Circumstance.PLAIN.value
    similar_code: str | None = None
    talk: str = ""


@dataclass(frozen=True, slots=True)
class RegisterStay:
    """One admission. Certificate and phone are optional; they are encrypted before they are stored."""

    stay_no: str
    patient_name: str
    placement: Placement
    admitted_at: datetime
    sex: str = ""
    ward: str = ""
    bed: str = ""
    certificate: str = ""
    phone: str = ""


@dataclass(frozen=True, slots=True)
class ChangePlacement:
    """A new disease, class or circumstance; ``seen_version`` is the cap version the person had before them."""

    stay_no: str
    placement: Placement
    seen_version: int


@dataclass(frozen=True, slots=True)
class Placed:
    """What binds the stay now. ``excess`` is what stands above the cap and is proposed for refund."""

    stay_no: str
    cap_version: int
    cap: Money | None
    collected: Money
    excess: Money
    decision: Decision
    decision_id: str


def register_stay(context: Context, actor: Actor, command: RegisterStay) -> Placed:
    """Register a stay and determine its cap. A stay without a cap is registered all the same: nothing may be
    collected in it until one is found. Raises :class:`Conflict` when the number is taken, :class:`MalformedInput`
    for an admission still to come: the day of admission chooses the cap table.
    """
    actor.require(Permission.STAY_REGISTER)
    with context.work(actor, "stay.register", command.stay_no) as work:
        _require_admitted(work, command.admitted_at)
        store.add_stay(work.connection, _stay_values(context, work, command))
        open_account(
            work.connection,
            work.institution_id,
            stay_account(command.stay_no),
            name=f"住院预收款 {command.stay_no}",
            opened_at=work.now,
            guarded=True,
            ceiling_fen=0,
        )
        return _place(work, command.stay_no, command.admitted_at, command.placement, version=1, collected=Money(0))


def change_placement(context: Context, actor: Actor, command: ChangePlacement) -> Placed:
    """Follow a change of disease, class or circumstance (17.1–17.3).

    Up: the room grows to the new cap. Down: what stands above it is proposed for refund at once (house rule).
    Raises :class:`Conflict` when somebody else changed the stay since ``seen_version``.
    """
    actor.require(Permission.STAY_REGISTER)
    with context.work(actor, "stay.change", command.stay_no) as work:
        state = store.lock_stay(work.connection, work.institution_id, command.stay_no)
        if state.cap_version != command.seen_version:
            raise Conflict("这次住院的病种或参保类型刚被别人改过。请刷新后再改；本次没有改动。")
        collected = Money(state.collected_fen)
        placed = _place(
            work,
            command.stay_no,
            state.admitted_at,
            command.placement,
            version=state.cap_version + 1,
            collected=collected,
        )
        if placed.excess:
            propose_excess_refund(work, command.stay_no, placed.excess, placed.decision_id)
        return placed


def preview_placement(context: Context, actor: Actor, stay_no: str, placement: Placement) -> Decision:
    """The cap that :func:`change_placement` would determine now; nothing is stored."""
    actor.require(Permission.DESK_VIEW)
    with context.database.reading() as connection:
        state = store.read_stay(connection, actor.institution_id, stay_no)
        circumstance = Circumstance(placement.circumstance)
        insured_class = "self_pay" if circumstance.takes_self_pay else placement.insured_class
        day = local(state.admitted_at).date()
        table = store.table_in_force(connection, actor.institution_id, day)
        facts = _cap_facts(connection, actor.institution_id, placement, insured_class, table)
    return determine_cap(facts, context.rule_version)


def _place(
    work: UnitOfWork, stay_no: str, admitted_at: datetime, placement: Placement, *, version: int, collected: Money
) -> Placed:
    circumstance = Circumstance(placement.circumstance)
    insured_class = "self_pay" if circumstance.takes_self_pay else placement.insured_class
    table = store.table_in_force(work.connection, work.institution_id, local(admitted_at).date())
    facts = _cap_facts(work.connection, work.institution_id, placement, insured_class, table)
    decision = determine_cap(facts, work.rule_version)
    decision_id = work.keep_decision(decision, work.today, readings_within(work, "inpatient.desk"))
    cap_fen = decision.amount.fen if decision.permitted and decision.amount is not None else None
    store.add_cap(
        work.connection,
        {
            "institution_id": work.institution_id,
            "stay_no": stay_no,
            "version_no": version,
            "disease_code": placement.disease_code,
            "disease_name": placement.disease_name,
            "insured_class": placement.insured_class,
            "circumstance": circumstance.value,
            "unposted": facts.own is None or not facts.own.posted,
            "similar_code": placement.similar_code,
            "cap_fen": cap_fen,
            "table_id": None if table is None else table.table_id,
            "talk": placement.talk,
            "decision_id": decision_id,
            "recorded_by": work.act.actor.actor_id,
            "recorded_at": work.now,
        },
    )
    work.audit(
        decision_id=decision_id,
        detail={
            "version": version,
            "disease": placement.disease_code,
            "insured_class": placement.insured_class,
            "circumstance": circumstance.value,
            "cap_fen": cap_fen,
        },
    )
    cap = None if cap_fen is None else Money(cap_fen)
    return Placed(stay_no, version, cap, collected, excess(cap_fen, collected.fen), decision, decision_id)


def _cap_facts(
    connection: Connection,
    institution_id: str,
    placement: Placement,
    insured_class: str,
    table: store.TableInForce | None,
) -> CapFacts:
    talk_recorded = bool(placement.talk.strip())
    if table is None:
        return CapFacts(placement.disease_code, insured_class, placement.circumstance, talk_recorded, None, None)
    similar = store.similar_codes(connection, institution_id, placement.disease_code)
    # A similar disease picked at the desk joins the hospital's own table of similar ones.
    wanted = [placement.disease_code, *similar, *([placement.similar_code] if placement.similar_code else [])]
    rows = store.cap_rows(connection, institution_id, table.table_id, wanted, insured_class)
    chosen = rows.get(placement.similar_code) if placement.similar_code else None
    others = [rows[code] for code in wanted[1:] if code in rows]
    return CapFacts(
        disease_code=placement.disease_code,
        insured_class=insured_class,
        circumstance=placement.circumstance,
        talk_recorded=talk_recorded,
        table_version=table.version_no,
        own=rows.get(placement.disease_code),
        similar=tuple(dict.fromkeys(others)),
        chosen=chosen,
    )


def _require_admitted(work: UnitOfWork, admitted_at: datetime) -> None:
    if local(admitted_at).date() > work.today:
        raise MalformedInput(
            f"入院日期不能晚于今天（{work.today}）。请核对。", code="not_a_date", details={"field": "admitted_at"}
        )


def _stay_values(context: Context, work: UnitOfWork, command: RegisterStay) -> dict[str, object]:
    def protect(text: str, field: str) -> tuple[str | None, str | None]:
        if not text:
            return None, None
        place = {"institution": work.institution_id, "field": field}
        return context.cipher.encrypt(text, **place), context.keyed_hash.digest(text, **place)

    certificate, certificate_hash = protect(command.certificate, "certificate")
    phone, phone_hash = protect(command.phone, "phone")
    return {
        "institution_id": work.institution_id,
        "stay_no": command.stay_no,
        "patient_name": command.patient_name,
        "initials": initials(command.patient_name, surname=True),
        "sex": command.sex,
        "ward": command.ward,
        "bed": command.bed,
        "admitted_at": command.admitted_at,
        "certificate_enc": certificate,
        "certificate_hash": certificate_hash,
        "phone_enc": phone,
        "phone_hash": phone_hash,
        "registered_by": work.act.actor.actor_id,
        "registered_at": work.now,
    }
