"""What the counter reads around a stay: diseases, caps, colleagues. Nothing here moves money or locks anything."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from hospital_prepay.clock import local
from hospital_prepay.domain.access import GRANTS, Actor, Permission, Role
from hospital_prepay.domain.decision import Decision
from hospital_prepay.domain.insured_class import InsuredClass
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.inpatient.deposits import Circumstance, excess
from hospital_prepay.persistence import decisions
from hospital_prepay.persistence import stays as store
from hospital_prepay.persistence.queries import inpatient as queries
from hospital_prepay.persistence.queries.inpatient import BookDay, DiseaseHit, StayCard
from hospital_prepay.persistence.receipts import Slip
from hospital_prepay.services.context import Context
from hospital_prepay.services.inpatient import lookup
from hospital_prepay.services.inpatient.stays import Placement, preview_placement

# Frozen rows that pages show, under the service's own name: pages know no tables.
__all__ = ["BookDay", "Choice", "DeskStay", "DiseaseHit"]


@dataclass(frozen=True, slots=True)
class Choice:
    """A disease and class picked at the desk before the first receipt."""

    disease_code: str
    insured_class: str


@dataclass(frozen=True, slots=True)
class DeskStay:
    """A stay as the counter needs it. ``cap_decision`` is about ``placement``, perhaps a choice not yet stored;
    ``waiting_voids`` are the numbers of the slips whose void waits for a second person.
    """

    card: StayCard
    slips: list[Slip]
    locked: bool
    placement: Placement
    cap_decision: Decision
    class_caps: dict[InsuredClass, Money | None]
    source: queries.CapSource | None
    excess: Money
    waiting_refund: bool
    waiting_voids: frozenset[str]

    @property
    def cap(self) -> Money | None:
        """The cap of the placement, ``None`` while something must be done first."""
        return self.cap_decision.amount if self.cap_decision.permitted else None

    @property
    def collected(self) -> Money:
        """What the stay's deposits hold."""
        return self.card.collected

    @property
    def room(self) -> Money:
        """What may still be collected."""
        return Money(max(0, (self.cap or Money(0)).fen - self.card.collected_fen))


def desk_stay(context: Context, actor: Actor, stay_no: str, choice: Choice | None = None) -> DeskStay:
    """Everything the counter shows of one stay. Raises :class:`NotFound`."""
    card = lookup.find_stay(context, actor, stay_no)
    slips = lookup.slips_of_stay(context, actor, stay_no)
    waiting = lookup.waiting_requests(context, actor, stay_no)
    with context.database.reading() as connection:
        table = store.table_in_force(connection, actor.institution_id, local(card.admitted_at).date())
        placement = _placement(card)
        if choice and not slips:
            name = queries.disease_name(connection, actor.institution_id, choice.disease_code)
            placement = replace(
                placement,
                disease_code=choice.disease_code,
                disease_name=name or choice.disease_code,
                insured_class=choice.insured_class,
            )
        followed = "self_pay" if Circumstance(placement.circumstance).takes_self_pay else placement.insured_class
        code = placement.similar_code or placement.disease_code
        source = (
            None
            if table is None
            else queries.cap_source(connection, actor.institution_id, table.table_id, code, followed)
        )
    return DeskStay(
        card=card,
        slips=slips,
        locked=bool(slips),
        placement=placement,
        cap_decision=preview_placement(context, actor, stay_no, placement),
        class_caps=_class_caps(context, actor, stay_no, placement),
        source=source,
        excess=excess(card.cap_fen, card.collected_fen),
        waiting_refund=any(one.kind == "refund" for one in waiting),
        waiting_voids=frozenset(one.number for one in waiting if one.number),
    )


def find_diseases(
    context: Context, actor: Actor, text: str, admitted_at: datetime, insured_class: str
) -> list[DiseaseHit]:
    """Diseases by name, code or initials with their cap in one class, as it was on the day of admission."""
    actor.require(Permission.DESK_VIEW)
    if not text.strip():
        return []
    with context.database.reading() as connection:
        table = store.table_in_force(connection, actor.institution_id, local(admitted_at).date())
        table_id = None if table is None else table.table_id
        return queries.find_diseases(connection, actor.institution_id, text, table_id, insured_class)


def similar_choices(context: Context, actor: Actor, card: StayCard) -> list[DiseaseHit]:
    """The hospital's similar diseases of a stay's disease that have a cap, lowest first (17.2, 18)."""
    actor.require(Permission.DESK_VIEW)
    with context.database.reading() as connection:
        table = store.table_in_force(connection, actor.institution_id, local(card.admitted_at).date())
        if table is None:
            return []
        codes = store.similar_codes(connection, actor.institution_id, card.disease_code)
        rows = store.cap_rows(connection, actor.institution_id, table.table_id, codes, card.insured_class)
    hits = [
        DiseaseHit(row.disease_code, row.disease_name, row.cap_fen, row.posted)
        for row in rows.values()
        if row.cap_fen is not None
    ]
    return sorted(hits, key=lambda hit: (hit.cap_fen or 0, hit.disease_code))


def disease_name(context: Context, actor: Actor, code: str) -> str | None:
    """What the catalogue calls a code."""
    with context.database.reading() as connection:
        return queries.disease_name(connection, actor.institution_id, code)


def diseases_named(context: Context, actor: Actor, text: str) -> list[DiseaseHit]:
    """Diseases whose name holds ``text``: what somebody means who typed a name in place of a code."""
    actor.require(Permission.DESK_VIEW)
    with context.database.reading() as connection:
        hits = queries.find_diseases(connection, actor.institution_id, text, None, "")
    return [hit for hit in hits if text.casefold() in hit.name.casefold()]


def common_diseases(context: Context, actor: Actor, limit: int = 50) -> list[DiseaseHit]:
    """The posted diseases of the table in force today, by name: what a form offers before anything is typed."""
    with context.database.reading() as connection:
        table = store.table_in_force(connection, actor.institution_id, context.clock.today())
        if table is None:
            return []
        return queries.diseases_of_table(connection, actor.institution_id, table.table_id, limit)


def confirmers(context: Context, actor: Actor) -> list[str]:
    """Who may decide what this person asks for."""
    roles = [role.value for role in Role if Permission.SLIP_APPROVE in GRANTS[role]]
    with context.database.reading() as connection:
        return queries.staff_with_roles(connection, actor.institution_id, roles, actor.actor_id)


def stored_decision(context: Context, actor: Actor, decision_id: str) -> tuple[Decision, datetime]:
    """A decision as it was stored, and when. Raises :class:`NotFound`."""
    actor.require(Permission.DESK_VIEW)
    with context.database.reading() as connection:
        return decisions.find(connection, actor.institution_id, decision_id)


def known_wards(context: Context, actor: Actor) -> list[str]:
    """Wards to offer when a stay is registered."""
    with context.database.reading() as connection:
        return queries.wards(connection, actor.institution_id)


def book_today(context: Context, actor: Actor) -> BookDay:
    """The cashier's open book and what it took today."""
    with context.database.reading() as connection:
        return queries.book_day(connection, actor.institution_id, actor.actor_id, lookup.midnight(context))


def person(context: Context, actor: Actor, user_id: str) -> tuple[str, str]:
    """A colleague's name and station."""
    with context.database.reading() as connection:
        return queries.staff_name(connection, actor.institution_id, user_id)


def _placement(card: StayCard) -> Placement:
    return Placement(
        disease_code=card.disease_code,
        disease_name=card.disease_name,
        insured_class=card.insured_class,
        circumstance=card.circumstance,
        similar_code=card.similar_code,
        talk=card.talk,
    )


def _class_caps(
    context: Context, actor: Actor, stay_no: str, placement: Placement
) -> dict[InsuredClass, Money | None]:
    caps: dict[InsuredClass, Money | None] = {}
    for insured in InsuredClass:
        plain = replace(placement, insured_class=insured.value)
        decision = preview_placement(context, actor, stay_no, plain)
        caps[insured] = decision.amount if decision.permitted else None
    return caps
