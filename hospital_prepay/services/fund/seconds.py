"""What of one grant waits for a second person: offsets, corrections, and returns whose slip came days late."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hospital_prepay.clock import local
from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.persistence import fund_recalls as recalls
from hospital_prepay.persistence import fund_returns as store
from hospital_prepay.persistence.fund_recalls import Slip
from hospital_prepay.persistence.fund_returns import CorrectionState, OffsetState
from hospital_prepay.persistence.queries import people
from hospital_prepay.persistence.queries.funds import GrantEntry, grant_entries
from hospital_prepay.services.context import Context
from hospital_prepay.services.fund.corrections import KINDS
from hospital_prepay.services.fund.slips import is_late_slip

__all__ = ["CorrectionState", "GrantEntry", "OffsetState", "Slip"]


@dataclass(frozen=True, slots=True)
class Seconds:
    """Every offset and correction of a grant, newest first; ``late``: returns that count on the day on which they
    were booked until somebody checks their slip; ``correctable``: what may still be taken back."""

    offsets: list[OffsetState]
    corrections: list[CorrectionState]
    late: list[Slip]
    correctable: list[GrantEntry]
    names: Mapping[str, str]


def read_seconds(context: Context, actor: Actor, grant_id: str) -> Seconds:
    """All of it. Needs ``fund.view``."""
    actor.require(Permission.FUND_VIEW)
    own = actor.institution_id
    with context.database.reading() as connection:
        corrections = store.corrections_of(connection, own, grant_id)
        taken = {one.entry_no for one in corrections if one.state != "rejected"}
        slips, checked = recalls.slips(connection, own), store.checked_slips(connection, own)
        returned = [one for one in recalls.falls_of_owed(connection, own, grant_id) if one.kind == "fund_return"]
        return Seconds(
            offsets=store.offsets_of(connection, own, grant_id),
            corrections=corrections,
            late=[
                slips[one.entry_no]
                for one in returned
                if one.entry_no in slips
                and one.entry_no not in checked
                and is_late_slip(slips[one.entry_no].value_on, local(one.posted_at).date())
            ],
            correctable=[
                one
                for one in grant_entries(connection, own, grant_id)
                if one.kind in KINDS and one.entry_no not in taken
            ],
            names=people.names(connection, own),
        )
