"""What settling a stay would come to, before anything is stored."""

from __future__ import annotations

from dataclasses import dataclass

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.decision import Decision
from hospital_prepay.domain.rules.settlement.result import Parts, ResultAmounts, parts_of
from hospital_prepay.domain.rules.settlement.settling import (
    GoesBack,
    Rest,
    SettlementKind,
    Share,
    by_the_way_it_came,
    settle,
    share_of,
)
from hospital_prepay.persistence import arrears, discharges, stays
from hospital_prepay.persistence import settlements as store
from hospital_prepay.persistence.database import Connection
from hospital_prepay.persistence.discharges import DischargeRow
from hospital_prepay.persistence.settlements import ResultRow, Settlement
from hospital_prepay.persistence.stays import StayState
from hospital_prepay.services.context import Context
from hospital_prepay.services.settlement.facts import settle_facts
from hospital_prepay.services.settlement.results import gives_way, require_same, usable_results

# Frozen rows that pages show, under the service's own name: pages know no tables.
__all__ = ["ResultRow", "Settlement"]


@dataclass(frozen=True, slots=True)
class Preview:
    """What a settlement would decide and move: nothing where it says no."""

    decision: Decision
    parts: Parts
    share: Share
    back: tuple[GoesBack, ...]


@dataclass(frozen=True, slots=True)
class StayMoney:
    """A stay's money around its settlement, in fen: what its deposits hold, what is still owed, what of that was
    written off and is taken all the same, every settlement and every result of the insurance, the newest first."""

    patient_name: str
    held_fen: int
    owed_fen: int
    written_off_fen: int
    settlements: tuple[Settlement, ...]
    results: tuple[ResultRow, ...]
    usable: tuple[ResultRow, ...]
    insured_class: str
    is_discharged: bool


def money_of(context: Context, actor: Actor, stay_no: str) -> StayMoney:
    """The money of a stay. Raises :class:`~hospital_prepay.domain.errors.NotFound`."""
    actor.require(Permission.SETTLEMENT_VIEW)
    institution = actor.institution_id
    with context.database.reading() as connection:
        state = stays.read_stay(connection, institution, stay_no)
        standing = arrears.standing_of(connection, institution, stay_no)
        return StayMoney(
            patient_name=state.patient_name,
            held_fen=state.collected_fen,
            owed_fen=standing.owed_fen,
            written_off_fen=standing.written_off_fen,
            settlements=tuple(store.of_stay(connection, institution, stay_no)),
            results=tuple(store.results_of(connection, institution, stay_no)),
            usable=tuple(usable_results(connection, institution, stay_no)),
            insured_class=state.insured_class,
            is_discharged=state.discharged_at is not None,
        )


def is_settled(context: Context, actor: Actor, stay_no: str) -> bool:
    """Whether a settlement of a discharge of the stay stands."""
    actor.require(Permission.SETTLEMENT_VIEW)
    with context.database.reading() as connection:
        known = store.of_stay(connection, actor.institution_id, stay_no)
    return any(one.recalled_at is None and one.discharged_at is not None for one in known)


def preview(
    context: Context,
    actor: Actor,
    stay_no: str,
    kind: SettlementKind,
    amounts: ResultAmounts,
    setl_id: str | None = None,
    rest: Rest = Rest.BACK,
) -> Preview:
    """What :func:`~hospital_prepay.services.settlement.settling.settle_stay` would decide now by these amounts.

    Raises :class:`~hospital_prepay.domain.errors.Conflict` where the number is on file with other amounts.
    """
    actor.require(Permission.SETTLEMENT_SETTLE)
    institution, is_interim = actor.institution_id, kind is SettlementKind.INTERIM
    with context.database.reading() as connection:
        state = stays.read_stay(connection, institution, stay_no)
        rows = () if is_interim else discharges.of_stay(connection, institution, stay_no)
        row = next((one for one in rows if one.ended_at is None), None)
        known = store.find_result(connection, institution, setl_id) if setl_id else None
        if known is not None and not gives_way(connection, institution, known):
            require_same(known, stay_no, amounts)
        by = (setl_id, amounts)
        return look(
            connection, institution, kind, state, row, by, rest=rest, rule_version=context.rule_version, is_typed=True
        )


def look(
    connection: Connection,
    institution_id: str,
    kind: SettlementKind,
    state: StayState,
    row: DischargeRow | None,
    by: tuple[str | None, ResultAmounts],
    *,
    rest: Rest,
    rule_version: str,
    is_typed: bool = False,
) -> Preview:
    """What a settlement comes to as things stand; ``row`` is its discharge, none for an interim one."""
    facts = settle_facts(connection, institution_id, kind, state, row, by, rest=rest, is_typed=is_typed)
    decision = settle(facts, rule_version)
    parts = parts_of(by[1])
    share = share_of(state.collected_fen, max(parts.cash_fen, 0))
    if not decision.permitted or row is None or rest is not Rest.BACK:
        return Preview(decision, parts, share, ())
    paid_in = store.paid_in(connection, institution_id, state.stay_no)
    return Preview(decision, parts, share, by_the_way_it_came(share.left_fen, paid_in))
