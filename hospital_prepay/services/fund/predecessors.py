"""Grants that follow each other where a place nets: the old one goes out with the new one, in one entry."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from hospital_prepay.domain.rules.fund.clearing import netting_duty
from hospital_prepay.persistence.funds import GrantState
from hospital_prepay.rulebook.holidays import working_day_calendar
from hospital_prepay.rulebook.loader import load_rulebook


def nets(grant: GrantState) -> bool:
    """Whether the grant's place nets a new allocation against the old one."""
    regime = load_rulebook().regime(grant.regime, grant.year)
    return netting_duty(regime, grant.year, working_day_calendar()) is not None


def netting_day(grant: GrantState) -> date | None:
    """The day by which the notice nets what is owed against the next year, as it is named there; ``None`` for what is
    given back or offset instead."""
    if grant.kind != "basic":
        return None
    regime = load_rulebook().regime(grant.regime, grant.year)
    duty = netting_duty(regime, grant.year + 1, working_day_calendar())
    return None if duty is None else duty.named_on


def follows(old: GrantState, new: GrantState) -> bool:
    """Whether ``new`` is the next year's grant of the same place, pool, fund and kind."""
    same = (old.regime, old.pool_region, old.fund, old.kind, old.year + 1)
    return same == (new.regime, new.pool_region, new.fund, new.kind, new.year)


def owed_predecessor(grants: Iterable[GrantState], new: GrantState) -> GrantState | None:
    """The grant that ``new`` is to be netted against: the one before it, while it is owed, where the place nets."""
    if not nets(new):
        return None
    return next((old for old in grants if old.state == "received" and follows(old, new)), None)
