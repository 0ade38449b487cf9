"""Reading what the hospital paid ahead for pages: every claim with its list, one list, and the two sums."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from hospital_prepay.clock import local
from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import NotFound
from hospital_prepay.persistence import outpatient_advances as store
from hospital_prepay.persistence.database import Connection
from hospital_prepay.persistence.outpatient_advances import AdvanceListRow
from hospital_prepay.persistence.queries import outpatient_advances as queries
from hospital_prepay.persistence.queries import outpatient_escheat as entries
from hospital_prepay.persistence.queries import people
from hospital_prepay.persistence.queries.outpatient_advances import Advance
from hospital_prepay.persistence.queries.outpatient_escheat import SourceEntry
from hospital_prepay.services.context import Context
from hospital_prepay.services.fund.review import Turn
from hospital_prepay.services.outpatient.register import shown_name
from hospital_prepay.services.outpatient.turns import turn_of

__all__ = ["Advance", "AdvanceListRow", "SourceEntry"]

ADVANCE_TURNS: Final = {"made": Permission.OUTPATIENT_CONFIRM, "submitted": Permission.OUTPATIENT_PAY}


@dataclass(frozen=True, slots=True)
class Advances:
    """Every claim that was paid ahead, the newest first; every list; fen remitted, and fen applied for, in all."""

    advances: list[Advance]
    lists: list[AdvanceListRow]
    remitted_fen: int
    applied_fen: int
    names: Mapping[str, str]

    @property
    def waiting(self) -> list[Advance]:
        """Those that the next list would hold; what came back waits until it arrived."""
        return [one for one in self.advances if one.list_no is None and one.may_apply_fen and not one.owed_fen]

    @property
    def owed(self) -> list[Advance]:
        """Those that came back and wait for their patients."""
        return [one for one in self.advances if one.owed_fen]


@dataclass(frozen=True, slots=True)
class AdvanceDetail:
    """One list with its claims, the entry of the money that came back, and whose step is next. ``remitted_fen`` and
    ``applied_fen`` are of now, in all; ``remitted_then_fen`` was with the treasury when the list was made, of which
    ``others_fen`` stood on the lists before it."""

    head: AdvanceListRow
    lines: list[Advance]
    entries: list[SourceEntry]
    remitted_fen: int
    applied_fen: int
    remitted_then_fen: int
    others_fen: int
    turn: Turn | None
    names: Mapping[str, str]


def list_advances(context: Context, actor: Actor) -> Advances:
    """Advances and lists. Needs ``outpatient.view``."""
    actor.require(Permission.OUTPATIENT_VIEW)
    own = actor.institution_id
    with context.database.reading() as connection:
        return Advances(
            _masked(actor, queries.advances(connection, own)),
            store.advance_lists(connection, own),
            *queries.treasury_sums(connection, own),
            people.names(connection, own),
        )


def read_advance_list(context: Context, actor: Actor, list_no: int) -> AdvanceDetail:
    """One list. Needs ``outpatient.view``. Raises :class:`NotFound`."""
    actor.require(Permission.OUTPATIENT_VIEW)
    own = actor.institution_id
    with context.database.reading() as connection:
        found = list_of(connection, own, list_no)
        return AdvanceDetail(
            found,
            _masked(actor, queries.advances(connection, own, list_no, found.made_at)),
            entries.entries_of(connection, own, f"outpatient_advance_list:{list_no}"),
            *queries.treasury_sums(connection, own),
            queries.remitted_fen(connection, own, found.made_at),
            sum(one.total_fen for one in store.advance_lists(connection, own) if _stood_before(one, found)),
            turn_of(
                connection,
                own,
                ADVANCE_TURNS.get(found.state),
                (found.made_by,) if found.state == "made" else (),
            ),
            people.names(connection, own),
        )


def _stood_before(one: AdvanceListRow, found: AdvanceListRow) -> bool:
    """Whether ``one``, made before ``found``, still asked for its sum when ``found`` went; now, while it hasn't."""
    if one.list_no >= found.list_no or one.state != "refused":
        return one.list_no < found.list_no
    if one.ended_at is None or found.submitted_on is None:
        return False
    return one.ended_at > found.made_at and local(one.ended_at).date() >= found.submitted_on


def list_of(connection: Connection, institution_id: str, list_no: int) -> AdvanceListRow:
    """One list. Raises :class:`NotFound`."""
    found = store.advance_lists(connection, institution_id, list_no)
    if not found:
        raise NotFound("没有这份申请表。请从垫付列表里打开。")
    return found[0]


def _masked(actor: Actor, rows: list[Advance]) -> list[Advance]:
    return [replace(one, holder_name=shown_name(actor, one.holder_name)) for one in rows]
