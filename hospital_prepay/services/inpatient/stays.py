"""Registering a stay, and following what happens to its diagnosis and insured class.

Every change appends a ``stay_cap`` row with the decision behind it; the database moves the ceiling of the stay's
deposit account with it. What other systems say of a visit comes in through the same functions.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from hospital_prepay.clock import local
from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.decision import Decision
from hospital_prepay.domain.errors import Conflict, MalformedInput
from hospital_prepay.domain.initials import initials
from hospital_prepay.domain.ledger.chart import stay_account
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.inpatient.deposits import Circumstance, excess
from hospital_prepay.persistence import discharges
from hospital_prepay.persistence import stays as store
from hospital_prepay.persistence.ledger import open_account
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.services.context import Context
from hospital_prepay.services.inpatient.slips import propose_excess_refund
from hospital_prepay.services.inpatient.stay_caps import Days, Placement, StayCapFound, find_cap
from hospital_prepay.services.publication.readings import readings_within

# The stay's placement under the name of the acts that take it.
__all__ = ["ChangePlacement", "Placed", "Placement", "RegisterStay", "change_placement", "register_stay"]
# A change refused for one of these lacks what only the request can bring: the stay goes on as it was.
INCOMPLETE: Final = frozenset({"talk_missing", "similar_missing", "ground_missing"})


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
    patient_no: str = ""


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
        _refuse_second_stay(context, work, command.certificate)
        return admit(context, work, command)


def admit(context: Context, work: UnitOfWork, command: RegisterStay) -> Placed:
    """Register a stay inside another act: what the hospital's own system says of an admission is taken as it is.

    Raises what :func:`register_stay` raises, but for a second stay of one person: the other may be one whose
    discharge is still on its way.
    """
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
    days = Days.of(command.admitted_at, work.now)
    found = find_cap(work.connection, work.institution_id, command.placement, days, work.rule_version)
    return _place(work, command.stay_no, command.placement, found, version=1, collected=Money(0))


def find_first_cap(work: UnitOfWork, stay_no: str, placement: Placement) -> None:
    """Let a stay that has no cap and no money yet follow what is known of it by now, if that gives it one."""
    state = store.lock_stay(work.connection, work.institution_id, stay_no)
    same = (placement.disease_code, placement.insured_class) == (state.disease_code, state.insured_class)
    if same or state.cap_fen is not None or state.collected_fen:
        return
    days = Days.of(state.admitted_at, state.registered_at)
    found = find_cap(work.connection, work.institution_id, placement, days, work.rule_version)
    if found.decision.permitted:
        place(work, state, placement, found)


def change_placement(context: Context, actor: Actor, command: ChangePlacement) -> Placed:
    """Follow a change of disease, class or circumstance (17.1–17.3).

    Up: the room grows to the new cap. Down: what stands above it is proposed for refund at once (house rule). A
    change that lacks the talk, the similar disease or its ground is refused and leaves the stay as it was.
    Raises :class:`Conflict` when somebody else changed the stay since ``seen_version``.
    """
    actor.require(Permission.STAY_REGISTER)
    with context.work(actor, "stay.change", command.stay_no) as work:
        state = store.lock_stay(work.connection, work.institution_id, command.stay_no)
        if state.cap_version != command.seen_version:
            raise Conflict("这次住院的病种或参保类型刚被别人改过。请刷新后再改；本次没有改动。")
        days = Days.of(state.admitted_at, state.registered_at)
        found = find_cap(work.connection, work.institution_id, command.placement, days, work.rule_version)
        if not found.decision.permitted and found.decision.reasons[0].code in INCOMPLETE:
            return _leave(work, state, found)
        collected, version = Money(state.collected_fen), state.cap_version + 1
        placed = _place(work, command.stay_no, command.placement, found, version=version, collected=collected)
        if command.placement.circumstance != Circumstance.IDENTITY_UNKNOWN:
            discharges.know_class(
                work.connection, work.institution_id, command.stay_no, command.placement.insured_class
            )
        if placed.excess:
            propose_excess_refund(work, command.stay_no, placed.excess, placed.decision_id)
        return placed


def place(work: UnitOfWork, state: store.StayState, placement: Placement, found: StayCapFound) -> None:
    """Let a stay follow what was picked, inside another act, at once: the books' ceiling moves with it."""
    _place(
        work,
        state.stay_no,
        placement,
        found,
        version=state.cap_version + 1,
        collected=Money(state.collected_fen),
    )
    work.rows.write(work.connection)


def preview_placement(context: Context, actor: Actor, stay_no: str, placement: Placement) -> Decision:
    """The cap that :func:`change_placement` would determine now; nothing is stored."""
    actor.require(Permission.DESK_VIEW)
    with context.database.reading() as connection:
        state = store.read_stay(connection, actor.institution_id, stay_no)
        days = Days.of(state.admitted_at, state.registered_at)
        return find_cap(connection, actor.institution_id, placement, days, context.rule_version).decision


def _leave(work: UnitOfWork, state: store.StayState, found: StayCapFound) -> Placed:
    """Keep the refusal; the stay goes on under the cap it has."""
    decision_id = work.keep_decision(found.decision, work.today, readings_within(work, "inpatient.desk"))
    work.audit(outcome="refused", decision_id=decision_id)
    cap = None if state.cap_fen is None else Money(state.cap_fen)
    collected = Money(state.collected_fen)
    return Placed(state.stay_no, state.cap_version, cap, collected, Money(0), found.decision, decision_id)


def _place(
    work: UnitOfWork, stay_no: str, placement: Placement, found: StayCapFound, *, version: int, collected: Money
) -> Placed:
    decision = found.decision
    decision_id = work.keep_decision(decision, work.today, readings_within(work, "inpatient.desk"))
    cap_fen = decision.amount.fen if decision.permitted and decision.amount is not None else None
    store.add_cap(
        work.rows,
        {
            "institution_id": work.institution_id,
            "stay_no": stay_no,
            "version_no": version,
            "disease_code": placement.disease_code,
            "disease_name": placement.disease_name,
            "insured_class": placement.insured_class,
            "circumstance": placement.circumstance,
            "unposted": found.unposted,
            "similar_code": placement.picked,
            "similar_ground": placement.similar_ground.strip() if found.is_named else "",
            "cap_fen": cap_fen,
            "table_id": found.table_id,
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
            "circumstance": placement.circumstance,
            "cap_fen": cap_fen,
        },
    )
    cap = None if cap_fen is None else Money(cap_fen)
    return Placed(stay_no, version, cap, collected, excess(cap_fen, collected.fen), decision, decision_id)


def _require_admitted(work: UnitOfWork, admitted_at: datetime) -> None:
    if local(admitted_at).date() > work.today:
        raise MalformedInput(
            f"入院日期不能晚于今天（{work.today}）。请核对。", code="not_a_date", details={"field": "admitted_at"}
        )


def _refuse_second_stay(context: Context, work: UnitOfWork, certificate: str) -> None:
    """House rule: nobody lies in the same hospital twice at once, with a cap for each time."""
    if not certificate:
        return
    digest = context.keyed_hash.digest(certificate, institution=work.institution_id, field="certificate")
    other = store.open_stay_of(work.connection, work.institution_id, digest)
    if other is not None:
        raise Conflict(
            f"这个证件号已有一次住院还没有出院（住院号 {other}）。请用那个住院号；新生儿借用证件的，不填证件号。",
            code="already_admitted",
        )


def protected(context: Context, institution_id: str, *, certificate: str, phone: str) -> dict[str, str | None]:
    """A stay's certificate and phone as its table keeps them: encrypted, with a keyed hash; ``None`` for none."""
    values: dict[str, str | None] = {}
    for field, text in (("certificate", certificate), ("phone", phone)):
        place = {"institution": institution_id, "field": field}
        values[f"{field}_enc"] = context.cipher.encrypt(text, **place) if text else None
        values[f"{field}_hash"] = context.keyed_hash.digest(text, **place) if text else None
    return values


def _stay_values(context: Context, work: UnitOfWork, command: RegisterStay) -> dict[str, object]:
    return {
        "institution_id": work.institution_id,
        "stay_no": command.stay_no,
        "patient_name": command.patient_name,
        "initials": initials(command.patient_name, surname=True),
        "sex": command.sex,
        "ward": command.ward,
        "bed": command.bed,
        "admitted_at": command.admitted_at,
        "patient_no": command.patient_no or None,
        **protected(context, work.institution_id, certificate=command.certificate, phone=command.phone),
        "registered_by": work.act.actor.actor_id,
        "registered_at": work.now,
    }
