"""Taking back by hand a discharge that is late: asked by one person, decided by another (article 19).

The clock of a discharge that is late has run out; nobody sets it to the beginning alone. What another system says of
a visit is a fact and isn't asked for. A discharge that was taken back so stays counted as late: see the reports.
"""

from __future__ import annotations

from typing import Final

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import Conflict, MalformedInput, NotPermitted
from hospital_prepay.domain.visits import VisitEventKind, VisitFacts
from hospital_prepay.persistence import discharges, visits
from hospital_prepay.persistence import take_backs as store
from hospital_prepay.persistence.queries import discharges as queries
from hospital_prepay.services.context import Context
from hospital_prepay.services.settlement.intake import by_hand, late_standing, take_within

WHO: Final = (Permission.STAY_REGISTER, Permission.SETTLEMENT_WARD)
_LONGEST: Final = 200


def require_writer(actor: Actor) -> None:
    """Raise :class:`NotPermitted` for anybody but the counter and the wards: they write down what happened."""
    if not any(actor.may(one) for one in WHO):
        raise NotPermitted("登记出院由收费员或病区办理，您的账号没有这项权限。")


def takes_two(context: Context, actor: Actor, stay_no: str) -> bool:
    """Whether the standing discharge of a stay is late, so that one person alone can't take it back."""
    actor.require(Permission.SETTLEMENT_VIEW)
    with context.database.reading() as connection:
        return late_standing(connection, actor.institution_id, stay_no, context.clock.today()) is not None


def is_asked(context: Context, actor: Actor, stay_no: str) -> bool:
    """Whether somebody asks to take the standing discharge of a stay back, and nobody decided so far."""
    actor.require(Permission.SETTLEMENT_VIEW)
    with context.database.reading() as connection:
        return any(one.take_back_asked for one in queries.discharges_of(connection, actor.institution_id, stay_no))


def ask_take_back(context: Context, actor: Actor, stay_no: str, ground: str) -> int:
    """Ask that a late discharge be taken back, with the ground; returns the request's number.

    Needs what writing down a discharge needs. Raises :class:`NotFound`, :class:`MalformedInput` without a ground,
    :class:`Conflict` where it isn't late, or was asked already.
    """
    words = ground.strip()
    if not 1 <= len(words) <= _LONGEST:
        raise MalformedInput(
            "这次出院已经逾期。请写明为什么取消，由财务里另一个人决定。",
            code="missing_value",
            details={"field": "ground"},
        )
    with context.work(actor, "discharge.ask_take_back", stay_no) as work:
        require_writer(actor)
        row = discharges.lock_standing(work.connection, work.institution_id, stay_no)
        if late_standing(work.connection, work.institution_id, stay_no, work.today) is None:
            raise Conflict("这次出院没有逾期，不用申请：请直接登记取消出院。")
        asked = [
            one
            for one in store.of_stay(work.connection, work.institution_id, stay_no)
            if one.discharged_at == row.discharged_at
        ]
        if any(one.state == "asked" for one in asked):
            raise Conflict("已经有人申请取消这次出院，在等财务里另一个人决定。")
        said = {"ask_no": len(asked) + 1, "ground": words, "asked_by": actor.actor_id, "asked_at": work.now}
        place = {"stay_no": stay_no, "discharged_at": row.discharged_at}
        store.add(work.connection, work.institution_id, {**place, **said})
        work.audit(detail={"discharged_at": row.discharged_at.isoformat(), "ground": words})
        return len(asked) + 1


def decide_take_back(
    context: Context, actor: Actor, stay_no: str, ask_no: int, *, agree: bool, answer: str = ""
) -> None:
    """Take a late discharge back, or turn the request down with words; by another person than asked.

    Needs ``settlement.manage``. Raises :class:`Conflict` where it was decided on, or where the hospital's system,
    whose clock may be ahead, told of the discharge later than now; :class:`NotFound` where it doesn't stand any more.
    """
    actor.require(Permission.SETTLEMENT_MANAGE)
    words = answer.strip()
    if not agree and not 1 <= len(words) <= _LONGEST:
        raise MalformedInput("请写明为什么不同意。", code="missing_value", details={"field": "answer"})
    action = "discharge.agree_take_back" if agree else "discharge.refuse_take_back"
    with context.work(actor, action, stay_no) as work:
        visits.hold_visit(work.connection, work.institution_id, stay_no)
        discharges.lock_stay(work.connection, work.institution_id, stay_no)  # before its discharge, as everywhere
        row = discharges.lock_standing(work.connection, work.institution_id, stay_no)
        one = store.find(work.connection, work.institution_id, row, ask_no)
        if one.state != "asked":
            raise Conflict("这一条已经有人决定过。请刷新。")
        actor.require_other_than(one.asked_by, "取消逾期的出院")
        state = "agreed" if agree else "refused"
        decided = {"state": state, "decided_by": actor.actor_id, "decided_at": work.now, "answer": words or None}
        store.change(work.connection, work.institution_id, one, decided)
        if agree:
            said = by_hand(actor, VisitEventKind.CANCEL_DISCHARGE, stay_no, work.now, VisitFacts(), one.ground)
            take_within(context, work, *said, may_end_late=True)
            told = discharges.of_stay(work.connection, work.institution_id, stay_no)
            if any(one.ended_at is None and one.discharged_at == row.discharged_at for one in told):
                raise Conflict("系统在这之后又报了这次出院，请刷新后再看。")
        detail = {"discharged_at": row.discharged_at.isoformat(), "ground": one.ground}
        work.audit(detail={**detail, **({"answer": words} if words else {})})
