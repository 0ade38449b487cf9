"""An approval beside what was applied for, and taken back while nothing of it was received.

A wrong figure would stand in the way of the right one: money is booked as the approval says. Two people see to that:
another than who recorded it takes it back, and another than the applicant records the right one.
"""

from __future__ import annotations

from dataclasses import dataclass

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import Conflict, MalformedInput, NotFound
from hospital_prepay.persistence import decisions
from hospital_prepay.persistence import fund_approvals as kept
from hospital_prepay.persistence import funds as store
from hospital_prepay.persistence.fund_approvals import Withdrawn
from hospital_prepay.persistence.funds import GrantState
from hospital_prepay.services.context import Context

__all__ = ["GrantState", "Withdrawn"]


@dataclass(frozen=True, slots=True)
class Sizes:
    """What an approval is held against, in fen. ``largest_fen`` is the largest size by the notice as it was worked
    out for the application; ``None`` where there is none."""

    applied_fen: int
    largest_fen: int | None


def sizes_of(context: Context, actor: Actor, grant_id: str) -> Sizes:
    """What was applied for and what the notice lets. Needs ``fund.record``. Raises :class:`NotFound`."""
    actor.require(Permission.FUND_RECORD)
    with context.database.reading() as connection:
        grant = store.read_grant(connection, actor.institution_id, grant_id)
        try:
            decision, _ = decisions.find(connection, actor.institution_id, grant.decision_id)
        except NotFound:
            return Sizes(grant.applied_fen, None)
    return Sizes(grant.applied_fen, decision.facts.get("largest_fen"))


def may_withdraw(actor: Actor) -> bool:
    """Whether the role allows taking an approval back: whoever applies, or records approvals."""
    return actor.may(Permission.FUND_RECORD) or actor.may(Permission.FUND_APPLY)


def withdraw_approval(context: Context, actor: Actor, grant_id: str, ground: str) -> GrantState:
    """Take an approval back that was recorded wrongly: the grant waits for its approval again, the accounts stay.

    Raises :class:`NotPermitted`, :class:`SecondPersonRequired` for who recorded it, :class:`MalformedInput` without
    a ground, :class:`Conflict` unless it is approved and nothing of it was received.
    """
    if not actor.may(Permission.FUND_RECORD):
        actor.require(Permission.FUND_APPLY)
    with context.work(actor, "fund.withdraw_approval", f"grant:{grant_id}") as work:
        grant = store.lock_grant(work.connection, work.institution_id, grant_id)
        if not ground.strip():
            raise MalformedInput("请写明为什么撤回，备查。", code="missing_value", details={"field": "ground"})
        if grant.state != "approved" or grant.recorded_by is None:
            words = "只有已批复、还没有到账的能撤回；暂停拨付的先登记恢复。本次没有改动。"
            raise Conflict(words)
        actor.require_other_than(grant.recorded_by, "撤回批复")
        number = len(kept.withdrawn(work.connection, work.institution_id, grant_id)) + 1
        values = {
            "institution_id": work.institution_id,
            "grant_id": grant_id,
            "withdrawn_no": number,
            **{name: getattr(grant, name) for name in ("approved_fen", "approved_on", "approval_document")},
            "recorded_by": grant.recorded_by,
            "recorded_at": grant.recorded_at,
            "ground": ground.strip(),
            "withdrawn_by": actor.actor_id,
            "withdrawn_at": work.now,
        }
        kept.add_withdrawn(work.connection, values)
        nothing = dict.fromkeys(("approved_fen", "approved_on", "recorded_by", "recorded_at"))
        state = {"state": "applied", "approval_document": "", **nothing}
        store.walk_grant(work.connection, work.institution_id, grant_id, **state)
        work.audit(detail={"approved_fen": grant.approved_fen, "ground": ground.strip()})
        return store.read_grant(work.connection, work.institution_id, grant_id)


def withdrawn_approvals(context: Context, actor: Actor, grant_id: str) -> list[Withdrawn]:
    """Every approval of a grant that was taken back, oldest first. Needs ``fund.view``."""
    actor.require(Permission.FUND_VIEW)
    with context.database.reading() as connection:
        return kept.withdrawn(connection, actor.institution_id, grant_id)
