"""Where the hospital stands: a finance officer says it, a finance approver confirms it, nothing is written over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import Conflict, MalformedInput
from hospital_prepay.persistence import fund_duties as store
from hospital_prepay.persistence.fund_duties import PlaceRow
from hospital_prepay.persistence.queries import people
from hospital_prepay.rulebook.loader import load_rulebook
from hospital_prepay.services.context import Context
from hospital_prepay.services.fund.regions import known_region


@dataclass(frozen=True, slots=True)
class ProposePlace:
    """From ``from_year`` on the hospital ``stands`` under ``regime`` in ``pool_region``, or no longer does."""

    regime: str
    pool_region: str
    from_year: int
    stands: bool


@dataclass(frozen=True, slots=True)
class PlaceHistory:
    """Every word on places, newest first; ``names`` of people by id."""

    rows: list[PlaceRow]
    names: Mapping[str, str]


def propose_place(context: Context, actor: Actor, command: ProposePlace) -> int:
    """Write down where the hospital stands; returns the number. It counts once another person confirmed it.

    Raises :class:`MalformedInput` for a place or year without rules, :class:`Conflict` while the same waits.
    """
    actor.require(Permission.FUND_APPLY)
    with context.work(actor, "fund.place") as work:
        if command.regime not in load_rulebook().regimes:
            raise MalformedInput("没有这个地方的规定，请从列表里选。", details={"field": "regime"})
        region = known_region(work.connection, work.institution_id, command.pool_region)
        first = load_rulebook().regimes[command.regime][0].first_year
        if not first <= command.from_year <= work.today.year + 1:
            words = f"请填 {first} 到 {work.today.year + 1} 之间的年份。"
            raise MalformedInput(words, details={"field": "from_year"})
        pair = (command.regime, region)
        known = store.places(work.connection, work.institution_id)
        if any(one.state == "proposed" and (one.regime, one.pool_region) == pair for one in known):
            raise Conflict("这个统筹区已经有一条等着核对。请先请财务审批核对那一条。")
        number = store.add_place(
            work.connection,
            work.institution_id,
            regime=command.regime,
            pool_region=pair[1],
            from_year=command.from_year,
            stands=command.stands,
            proposed_by=actor.actor_id,
            proposed_at=work.now,
        )
        detail = {"regime": pair[0], "pool_region": pair[1], "from_year": command.from_year, "stands": command.stands}
        work.audit(subject=f"fund_place:{number}", detail=detail)
        return number


def decide_place(context: Context, actor: Actor, place_no: int, *, confirmed: bool) -> None:
    """Confirm what another person wrote down, or decline it.

    Raises :class:`SecondPersonRequired`, :class:`NotFound`, :class:`Conflict` when it was decided before.
    """
    actor.require(Permission.FUND_RECORD)
    with context.work(actor, "fund.place_decide", f"fund_place:{place_no}") as work:
        known = store.places(work.connection, work.institution_id)
        proposer = next((one.proposed_by for one in known if one.place_no == place_no), "")
        actor.require_other_than(proposer, "核对所在地")
        state = "confirmed" if confirmed else "declined"
        values = {"state": state, "decided_by": actor.actor_id, "decided_at": work.now}
        store.decide_place(work.connection, work.institution_id, place_no, **values)
        work.audit(detail={"state": state})


def place_history(context: Context, actor: Actor) -> PlaceHistory:
    """Every word on places. Needs ``fund.view``."""
    actor.require(Permission.FUND_VIEW)
    with context.database.reading() as connection:
        rows = store.places(connection, actor.institution_id)
        return PlaceHistory(rows[::-1], people.names(connection, actor.institution_id))
