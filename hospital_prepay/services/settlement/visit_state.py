"""From the messages of a visit to its stay, its discharges and their clocks.

What stands in the tables afterwards follows from the set of messages alone (:func:`~hospital_prepay.domain.visits.
visit_of`), so that it makes no difference in which order, or how often, they came.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from hospital_prepay.domain.initials import initials
from hospital_prepay.domain.insured_class import InsuredClass, UnknownClass, insured_class_of
from hospital_prepay.domain.rules.inpatient.deposits import Circumstance
from hospital_prepay.domain.rules.settlement.stages import Stage
from hospital_prepay.domain.visits import (
    DischargeWord,
    Visit,
    VisitEvent,
    VisitEventKind,
    VisitFacts,
    merged_into,
    visit_of,
)
from hospital_prepay.persistence import discharges as store
from hospital_prepay.persistence import settlements, stays
from hospital_prepay.persistence import visits as messages
from hospital_prepay.persistence.discharges import DischargeRow, StayRow
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.services.context import Context
from hospital_prepay.services.inpatient.stay_caps import Placement
from hospital_prepay.services.inpatient.stays import RegisterStay, admit, find_first_cap, protected
from hospital_prepay.services.settlement.arrivals import count_as_settled
from hospital_prepay.services.settlement.clock_keeping import follow_order, set_clock

FACTS: Final = "visit_facts"
NO_NAME: Final = "未提供姓名"
NO_DISEASE: Final = ("待明确", "诊断待明确")
_LONGEST_DISPOSITION: Final = 20


def follow_visit(context: Context, work: UnitOfWork, visit_no: str) -> None:
    """Bring stay and discharges to what all messages of the visit add up to."""
    events = _events(context, work, visit_no)
    visit = visit_of(events)
    stay = store.lock_stay(work.connection, work.institution_id, visit_no)
    if stay is None:
        admit(context, work, _registration(visit_no, visit, events))
        work.rows.write(work.connection)
        stay = store.lock_stay(work.connection, work.institution_id, visit_no)
        assert stay is not None
    _follow_stay(context, work, visit_no, visit, stay)
    _follow_discharges(work, visit_no, visit, _shown(work, visit_no, visit))


def _events(context: Context, work: UnitOfWork, visit_no: str) -> list[VisitEvent]:
    def facts(sealed: str) -> VisitFacts:
        text = context.cipher.decrypt(sealed, institution=work.institution_id, field=FACTS)
        said = VisitFacts.of_json(json.loads(text))
        # A word that names no class takes nothing away from one that does.
        return replace(said, insured=said.insured if class_of(said.insured) else None)

    return [
        VisitEvent(
            VisitEventKind(one.event), visit_no, one.occurred_at, one.sent_at, one.digest, facts(one.facts_enc)
        )
        for one in messages.said_of(work.connection, work.institution_id, visit_no)
    ]


def goes_on_as(work: UnitOfWork, patient_no: str) -> str:
    """Under which number a patient goes on, after all merges (A40) that are known."""
    merges = messages.merges_from(work.connection, work.institution_id, patient_no)
    return merged_into(merges).get(patient_no, patient_no)


def class_of(insured: str | None) -> InsuredClass | None:
    """The class that a message's word for the insurance names; ``None`` for no word, and for one that names none."""
    try:
        return insured_class_of(insured) if insured else None
    except UnknownClass:
        return None


def _placement(facts: VisitFacts) -> Placement:
    """What the stay's cap follows: where the class isn't known the self-pay standard may be taken, once the patient
    was talked to (17.1)."""
    code, name = facts.disease_code or facts.disease_name, facts.disease_name or facts.disease_code
    known = class_of(facts.insured)
    return Placement(
        code or NO_DISEASE[0],
        name or NO_DISEASE[1],
        (known or InsuredClass.SELF_PAY).value,
        (Circumstance.PLAIN if known else Circumstance.IDENTITY_UNKNOWN).value,
    )


def _registration(visit_no: str, visit: Visit, events: Sequence[VisitEvent]) -> RegisterStay:
    facts = visit.facts
    return RegisterStay(
        stay_no=visit_no,
        patient_name=facts.name or NO_NAME,
        placement=_placement(facts),
        admitted_at=facts.admitted_at or min(one.occurred_at for one in events),
        sex=facts.sex or "",
        ward=facts.ward or "",
        bed=facts.bed or "",
        certificate=facts.certificate or "",
        phone=facts.phone or "",
        patient_no=facts.patient_no or "",
    )


def _follow_stay(context: Context, work: UnitOfWork, visit_no: str, visit: Visit, stay: StayRow) -> None:
    facts = visit.facts
    patient_no = goes_on_as(work, facts.patient_no) if facts.patient_no else None
    said: dict[str, Any] = {"ward": facts.ward, "bed": facts.bed, "sex": facts.sex, "patient_no": patient_no}
    if facts.name and facts.name != stay.patient_name:
        said |= {"patient_name": facts.name, "initials": initials(facts.name, surname=True)}
    sealed = protected(context, work.institution_id, certificate=facts.certificate or "", phone=facts.phone or "")
    for field, kept in (("certificate", stay.certificate_hash), ("phone", stay.phone_hash)):
        if sealed[f"{field}_hash"] is not None and sealed[f"{field}_hash"] != kept:
            said |= {f"{field}_enc": sealed[f"{field}_enc"], f"{field}_hash": sealed[f"{field}_hash"]}
    changes = {name: value for name, value in said.items() if value and value != getattr(stay, name, None)}
    for name, moment in (("discharged_at", facts.discharged_at), ("cancelled_at", visit.cancelled_at)):
        if moment != getattr(stay, name):
            changes[name] = moment
    if changes:
        store.change_stay(work.connection, work.institution_id, visit_no, changes)
    if facts.disease_code and class_of(facts.insured):
        find_first_cap(work, visit_no, _placement(facts))


def _shown(work: UnitOfWork, visit_no: str, visit: Visit) -> dict[str, Any]:
    """What the board shows of a visit's discharges: the messages' last word, else what the counter registered."""
    state = stays.read_stay(work.connection, work.institution_id, visit_no)
    stay = store.lock_stay(work.connection, work.institution_id, visit_no)
    named = class_of(visit.facts.insured)
    return {
        "ward": stay.ward if stay else "",
        "insured_class": named or state.insured_class,
        "class_known": named is not None or state.circumstance != Circumstance.IDENTITY_UNKNOWN,
    }


def _follow_discharges(work: UnitOfWork, visit_no: str, visit: Visit, shown: Mapping[str, Any]) -> None:
    known = {row.discharged_at: row for row in store.of_stay(work.connection, work.institution_id, visit_no)}
    # Those that were taken back first: one at most stands.
    for word in sorted(visit.discharges, key=lambda one: one.ended_at is None):
        row = known.get(word.discharged_at)
        if row is None:
            _add(work, visit_no, word, shown)
        else:
            _change(work, row, word, shown)
            follow_order(work, row, word.ordered_at)


def _add(work: UnitOfWork, visit_no: str, word: DischargeWord, shown: Mapping[str, Any]) -> None:
    values = {
        "stay_no": visit_no,
        "discharged_at": word.discharged_at,
        "stage_since": word.discharged_at,
        **shown,
        **_said_of(word),
    }
    store.add(work.connection, work.institution_id, values)
    rows = store.of_stay(work.connection, work.institution_id, visit_no)
    row = next(one for one in rows if one.discharged_at == word.discharged_at)
    set_clock(work, row, word.ordered_at, "discharged")
    work.audit(subject=visit_no, detail={"discharged_at": word.discharged_at.isoformat(), "ended": word.ended_by})


def _change(work: UnitOfWork, row: DischargeRow, word: DischargeWord, shown: Mapping[str, Any]) -> None:
    said = {**shown, **_said_of(word)}
    changes = {name: value for name, value in said.items() if value != getattr(row, name)}
    if changes:
        store.change(work.connection, work.institution_id, row, changes)
    if row.ended_by is not None and word.ended_by is None:
        _unsettled_again(work, row.stay_no, word)
        count_as_settled(work, row.stay_no)  # its refund may have arrived while it was taken back
    if "ended_by" in changes:
        detail = {"discharged_at": word.discharged_at.isoformat(), "ended": word.ended_by}
        work.audit(subject=row.stay_no, detail=detail)


def _unsettled_again(work: UnitOfWork, stay_no: str, word: DischargeWord) -> None:
    """A discharge that stands again goes back to the cashier, where its settlement was recalled meanwhile."""
    row = store.lock_standing(work.connection, work.institution_id, stay_no)
    documents = settlements.of_stay(work.connection, work.institution_id, stay_no)
    is_settled = any(one.recalled_at is None and one.discharged_at == word.discharged_at for one in documents)
    if row.stage in (Stage.INVOICE, Stage.DONE) and not is_settled:
        words, actor_id = "恢复出院；原来的结算单已召回", work.act.actor.actor_id
        store.add_step(work.connection, work.institution_id, row, Stage.CASHIER.value, words, actor_id, work.now)


def _said_of(word: DischargeWord) -> dict[str, Any]:
    return {
        "disposition": (word.disposition or "")[:_LONGEST_DISPOSITION],
        "ended_at": word.ended_at,
        "ended_by": None if word.ended_by is None else word.ended_by.value,
    }
