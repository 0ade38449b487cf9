"""Reading the gate (6) and the open list of kinds (9) for pages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.persistence import outpatient_gate as store
from hospital_prepay.persistence.outpatient_gate import KeptRow, OtherKindRow, PostingRow
from hospital_prepay.persistence.queries import outpatient_gate as queries
from hospital_prepay.persistence.queries import people
from hospital_prepay.persistence.queries.outpatient_gate import RefusedDeposit, TakenRow
from hospital_prepay.services.context import Context

__all__ = ["KeptRow", "OtherKindRow", "PostingRow", "RefusedDeposit", "TakenRow"]
REFUSED_A_PAGE: Final = 20
_TAKEN: Final = 10


@dataclass(frozen=True, slots=True)
class GateState:
    """Filings with where each is posted, what was taken last, one page of what was refused."""

    filings: list[KeptRow]
    postings: Mapping[str, list[PostingRow]]
    taken: list[TakenRow]
    taken_count: int
    taken_fen: int
    refused: list[RefusedDeposit]
    refused_count: int
    names: Mapping[str, str]

    @property
    def in_force(self) -> KeptRow | None:
        """The filing that deposits are taken under."""
        return next((one for one in self.filings if one.state == "approved"), None)


def read_gate(context: Context, actor: Actor, page: int = 1) -> GateState:
    """The gate as it stands. Needs ``outpatient.view``."""
    actor.require(Permission.OUTPATIENT_VIEW)
    own = actor.institution_id
    with context.database.reading() as connection:
        filings = store.kept(connection, own)
        refused, count = queries.refused_deposits(connection, own, (page - 1) * REFUSED_A_PAGE, REFUSED_A_PAGE)
        taken, taken_count, taken_fen = queries.taken_deposits(connection, own, _TAKEN)
        return GateState(
            filings,
            {one.filing_id: store.postings(connection, own, one.filing_id) for one in filings},
            taken,
            taken_count,
            taken_fen,
            refused,
            count,
            people.names(connection, own),
        )


def other_kinds(context: Context, actor: Actor) -> tuple[list[OtherKindRow], dict[str, str]]:
    """Kinds of money that the hospital holds to be no deposit, the newest first, and the names of people."""
    actor.require(Permission.OUTPATIENT_VIEW)
    with context.database.reading() as connection:
        return store.other_kinds(connection, actor.institution_id), people.names(connection, actor.institution_id)
