"""Stored decisions for those who check them: what was decided about what, and the same computed again."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import NotFound
from hospital_prepay.persistence import decisions as store
from hospital_prepay.persistence.decisions import Occasion, StoredDecision
from hospital_prepay.persistence.queries import people
from hospital_prepay.services.compliance.replay import Difference, compare
from hospital_prepay.services.context import Context

__all__ = ["Occasion", "StoredDecision"]
# Citations are counted and listed among the latest decisions: a page must not walk through years of them.
LATEST: Final = 2_000
SHOWN: Final = 10


@dataclass(frozen=True, slots=True)
class DecisionDetail:
    """A decision with the act it was made for, if the audit trail knows it, and who made it."""

    stored: StoredDecision
    occasion: Occasion | None
    by: str


def read_decision(context: Context, actor: Actor, decision_id: str) -> DecisionDetail:
    """One decision of the actor's institution. Needs ``compliance.view``. Raises :class:`NotFound`."""
    actor.require(Permission.COMPLIANCE_VIEW)
    with context.database.reading() as connection:
        stored = store.find_stored(connection, actor.institution_id, decision_id)
        occasion = store.occasion_of(connection, stored)
        names = people.names(connection, actor.institution_id)
    by = (occasion.actor_name if occasion else "") or names.get(stored.actor, stored.actor)
    return DecisionDetail(stored, occasion, by)


def replay_decision(context: Context, actor: Actor, decision_id: str) -> Difference | None:
    """Compute one decision again from its stored facts, and keep in the audit trail what came of it.

    ``None`` when it came out the same. Needs ``compliance.view``. Raises :class:`NotFound`.
    """
    actor.require(Permission.COMPLIANCE_VIEW)
    with context.work(actor, "decision.replay", decision_id) as work:
        found = compare(store.find_stored(work.connection, work.institution_id, decision_id))
        work.audit(outcome="failed" if found else "done", decision_id=decision_id)
    return found


def find_by_number(context: Context, actor: Actor, ending: str) -> str:
    """The id of the decision that ends so; people read out the end only. Raises :class:`NotFound`."""
    actor.require(Permission.COMPLIANCE_VIEW)
    with context.database.reading() as connection:
        found = store.ending(connection, actor.institution_id, ending.lower()) if ending else None
    if found is None:
        raise NotFound("没有这个决定号。请核对后再查，例如 D-1A2B3C4D5E6F。")
    return found


def citing(context: Context, actor: Actor, clause_id: str) -> list[StoredDecision]:
    """The newest of the latest decisions that cite a clause. Needs ``compliance.view``."""
    actor.require(Permission.COMPLIANCE_VIEW)
    found: list[StoredDecision] = []
    with context.database.reading() as connection:
        for stored in store.latest(connection, actor.institution_id, LATEST):
            if clause_id in stored.decision.clauses:
                found.append(stored)
                if len(found) == SHOWN:
                    break
    return found


def citations(context: Context, actor: Actor) -> Counter[str]:
    """How many of the latest decisions cite each clause. Needs ``compliance.view``."""
    actor.require(Permission.COMPLIANCE_VIEW)
    count = Counter[str]()
    with context.database.reading() as connection:
        for stored in store.latest(connection, actor.institution_id, LATEST):
            count.update(stored.decision.clauses)
    return count
