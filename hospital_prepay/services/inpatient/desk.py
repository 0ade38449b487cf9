"""What the counter reads around a stay: diseases, caps, colleagues. Nothing here moves money or locks anything."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from hospital_prepay.clock import local
from hospital_prepay.domain.access import GRANTS, Actor, Permission, Role
from hospital_prepay.domain.audit import ABOUT_STAYS
from hospital_prepay.domain.decision import Decision
from hospital_prepay.domain.errors import NotFound
from hospital_prepay.domain.insured_class import InsuredClass
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.inpatient.cap_origin import CapOrigin, cap_origin
from hospital_prepay.domain.rules.inpatient.deposits import excess
from hospital_prepay.domain.rules.inpatient.similar import TableCap
from hospital_prepay.persistence import decisions, settlements
from hospital_prepay.persistence import stays as store
from hospital_prepay.persistence.database import Connection
from hospital_prepay.persistence.queries import inpatient as queries
from hospital_prepay.persistence.queries.inpatient import BookDay, CapSource, DiseaseHit, StayCard
from hospital_prepay.persistence.receipts import Slip
from hospital_prepay.services.context import Context
from hospital_prepay.services.hardship.asking import Asking, asking_of
from hospital_prepay.services.inpatient import lookup
from hospital_prepay.services.inpatient.lookup import DecidedRequest
from hospital_prepay.services.inpatient.stay_caps import Days, Placement, find_cap, similar_rows

# Frozen rows that pages show, under the service's own name: pages know no tables.
__all__ = ["BookDay", "CapSource", "Choice", "DeskStay", "DiseaseHit"]


# How long a "no" to a void or refund stands at the stay.
_DECLINED_FOR: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Choice:
    """A disease and class picked at the desk before the first receipt."""

    disease_code: str
    insured_class: str


@dataclass(frozen=True, slots=True)
class DeskStay:
    """A stay as the counter needs it. ``cap_decision`` is about ``placement``, perhaps a choice not yet stored;
    ``origin`` is the row
    that the cap came from; ``waiting_voids`` are the numbers of the slips whose void waits for a second person.
    """

    card: StayCard
    slips: list[Slip]
    locked: bool
    placement: Placement
    cap_decision: Decision
    class_caps: dict[InsuredClass, Money | None]
    origin: CapOrigin | None
    source: CapSource | None
    excess: Money
    applied: Money
    waiting_refund: bool
    waiting_voids: frozenset[str]
    declined: list[DecidedRequest]
    asking: Asking

    @property
    def cap(self) -> Money | None:
        """The cap of the placement, ``None`` while something must be done first."""
        return self.cap_decision.amount if self.cap_decision.permitted else None

    @property
    def collected(self) -> Money:
        """What the stay's deposits hold."""
        return self.card.collected

    @property
    def taken(self) -> Money:
        """What counts within the cap: what the deposits hold, and what settlements that stand took of them."""
        return self.collected + self.applied

    @property
    def room(self) -> Money:
        """What may still be collected."""
        return Money(max(0, (self.cap or Money(0)).fen - self.taken.fen))

    @property
    def asked(self) -> Money:
        """What is asked for now: nothing of who pays later, never more than there is room for."""
        asked = self.asking.asked_fen((self.cap or Money(0)).fen, self.taken.fen)
        return Money(min(asked, self.room.fen))


def desk_stay(context: Context, actor: Actor, stay_no: str, choice: Choice | None = None) -> DeskStay:
    """Everything the counter shows of one stay. Raises :class:`NotFound`."""
    card = lookup.find_stay(context, actor, stay_no)
    slips = lookup.slips_of_stay(context, actor, stay_no)
    waiting = lookup.waiting_requests(context, actor, stay_no)
    decided = lookup.requests_decided(context, actor, context.clock.now() - _DECLINED_FOR, stay_no)
    with context.database.reading() as connection:
        placement = _placement(card)
        if choice and not slips:
            name = queries.disease_name(connection, actor.institution_id, choice.disease_code)
            placement = replace(
                placement,
                disease_code=choice.disease_code,
                disease_name=name or choice.disease_code,
                insured_class=choice.insured_class,
            )
        decision, table_id = _cap(context, connection, actor, card, placement)
        origin = cap_origin(decision)
        source = _source(connection, actor, placement, table_id, origin)
        class_caps = _class_caps(context, connection, actor, card, placement)
        admitted_on = local(card.admitted_at).date()
        documents = settlements.of_stay(connection, actor.institution_id, stay_no)
        applied = Money(sum(one.applied_fen for one in documents if one.recalled_at is None))
        asking = asking_of(context, connection, actor.institution_id, stay_no, admitted_on)
    return DeskStay(
        card=card,
        slips=slips,
        locked=bool(slips),
        placement=placement,
        cap_decision=decision,
        class_caps=class_caps,
        origin=origin,
        source=source,
        excess=excess(card.cap_fen, card.collected_fen),
        applied=applied,
        waiting_refund=any(one.kind == "refund" for one in waiting),
        waiting_voids=frozenset(one.number for one in waiting if one.number),
        declined=[one for one in decided if not one.approved],
        asking=asking,
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


def similar_choices(context: Context, actor: Actor, card: StayCard) -> list[TableCap]:
    """The similar diseases of a stay's disease that have a cap, by step, within a step the lowest first (17.2)."""
    actor.require(Permission.DESK_VIEW)
    with context.database.reading() as connection:
        insured_class = _placement(card).followed_class
        rows = similar_rows(connection, actor.institution_id, card.disease_code, insured_class, _days(card))
    return [row for row in rows if row.cap_fen is not None]


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


def decision_of_stay(context: Context, actor: Actor, stay_no: str, decision_id: str) -> tuple[Decision, datetime]:
    """A decision that was made about this stay, and when. Raises :class:`NotFound` for one about anything else."""
    actor.require(Permission.DESK_VIEW)
    with context.database.reading() as connection:
        stored = decisions.find_stored(connection, actor.institution_id, decision_id)
        occasion = decisions.occasion_of(connection, stored)
    if occasion is None or occasion.action not in ABOUT_STAYS or occasion.subject != stay_no:
        raise NotFound("这个决定不是这次住院的。请从收款台打开这次住院，再打印它的说明。")
    return stored.decision, stored.decided_at


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
        similar_ground=card.similar_ground,
    )


def _days(card: StayCard) -> Days:
    return Days.of(card.admitted_at, card.registered_at)


def _source(
    connection: Connection, actor: Actor, placement: Placement, table_id: str | None, origin: CapOrigin | None
) -> CapSource | None:
    """The measured row behind the cap: that of the disease it came from, which may be another one."""
    if table_id is None or origin is None:
        return None
    code = origin.row.disease_code
    return queries.cap_source(connection, actor.institution_id, table_id, code, placement.followed_class)


def _cap(
    context: Context, connection: Connection, actor: Actor, card: StayCard, placement: Placement
) -> tuple[Decision, str | None]:
    """The decision that binds, and its table: the stored one, or what would be decided now for a choice not yet
    stored and for a stay that has no cap so far."""
    if card.cap_fen is not None and placement == _placement(card):
        return decisions.find(connection, actor.institution_id, card.decision_id)[0], card.table_id
    found = find_cap(connection, actor.institution_id, placement, _days(card), context.rule_version)
    return found.decision, found.table_id


def _class_caps(
    context: Context, connection: Connection, actor: Actor, card: StayCard, placement: Placement
) -> dict[InsuredClass, Money | None]:
    caps: dict[InsuredClass, Money | None] = {}
    for insured in InsuredClass:
        decision, _ = _cap(context, connection, actor, card, replace(placement, insured_class=insured.value))
        caps[insured] = decision.amount if decision.permitted else None
    return caps
