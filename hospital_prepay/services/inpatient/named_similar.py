"""What finance looks at afterwards: similar diseases that the counter named outside those found.

The list is what stands now: a stay leaves it when its pair is added to the hospital's table of similar diseases, or
when the stay is placed otherwise. Nobody ticks anything off.
"""

from __future__ import annotations

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import NotFound
from hospital_prepay.persistence import cap_tables, case_store
from hospital_prepay.persistence.queries import named_similar as queries
from hospital_prepay.persistence.queries.named_similar import NamedSimilar
from hospital_prepay.services.context import Context

__all__ = ["NamedSimilar", "add_pair", "list_named"]


def list_named(context: Context, actor: Actor) -> list[NamedSimilar]:
    """The stays that rest on a similar disease of the counter's own, longest standing first."""
    actor.require(Permission.CAPS_VIEW)
    with context.database.reading() as connection:
        return queries.named_similar(connection, actor.institution_id)


def add_pair(context: Context, actor: Actor, stay_no: str) -> NamedSimilar:
    """Add the pair of a stay on the list to the hospital's table of similar diseases (17.2, 18).

    The stay itself stays as it is. Raises :class:`NotFound` when it doesn't stand on the list any more.
    """
    actor.require(Permission.CASES_IMPORT)
    with context.work(actor, "caps.similar_pair", stay_no) as work:
        case_store.lock_institution(work.connection, work.institution_id)
        listed = queries.named_similar(work.connection, work.institution_id)
        one = next((row for row in listed if row.stay_no == stay_no), None)
        if one is None:
            raise NotFound("这次住院已经不在列表里：相似病种表里有了，或者住院改过了。请回到列表查看。")
        pair = {"disease_code": one.disease_code, "similar_to": one.similar_code}
        cap_tables.add_similar(work.connection, [{"institution_id": work.institution_id, **pair}])
        work.audit(detail=pair)
    return one
