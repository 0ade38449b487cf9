"""Taking an application back while nobody recorded what became of it; a new one of the same year takes its place.

The books don't know an application, so no second person is needed: nothing was promised or paid. What was filed
stays, with who took it back and why.
"""

from __future__ import annotations

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import Conflict, MalformedInput, NotFound
from hospital_prepay.domain.references import plain_name
from hospital_prepay.persistence import fund_approvals as kept
from hospital_prepay.persistence import funds as store
from hospital_prepay.persistence.funds import GrantState
from hospital_prepay.services.context import Context


def withdraw_application(context: Context, actor: Actor, decision_id: str, ground: str) -> GrantState:
    """Take an application back: by whoever filed it, or another who may. Needs ``fund.apply``.

    Raises :class:`NotFound`, :class:`MalformedInput` without a ground, :class:`Conflict` once it was decided or taken
    back.
    """
    actor.require(Permission.FUND_APPLY)
    with context.work(actor, "fund.withdraw_application", f"application:{decision_id}") as work:
        own = work.institution_id
        known = [one for one in store.grants(work.connection, own) if one.decision_id == decision_id]
        if not known:
            raise NotFound("没有这份申请，或它没有递交。请回到“自查与申请”查看。")
        grant = store.lock_grant(work.connection, own, known[0].grant_id)
        if not plain_name(ground):
            raise MalformedInput("请写明为什么撤回，备查。", code="missing_value", details={"field": "ground"})
        if grant.state != "applied" or grant.kind != "basic" or grant.decision_id != decision_id:
            raise Conflict("只有还没有登记批复的申请能撤回。请刷新后再看；本次没有改动。")
        earlier = [one for one in kept.withdrawn_applications(work.connection, own) if one.grant_id == grant.grant_id]
        values = {
            "institution_id": own,
            "withdrawn_no": len(earlier) + 1,
            **{name: getattr(grant, name) for name in ("grant_id", "decision_id", "applied_fen")},
            **{name: getattr(grant, name) for name in ("applied_by", "applied_at")},
            "ground": ground.strip(),
            "withdrawn_by": actor.actor_id,
            "withdrawn_at": work.now,
        }
        kept.add_withdrawn_application(work.connection, values)
        store.walk_grant(work.connection, own, grant.grant_id, state="declined")
        work.audit(decision_id=decision_id, detail={"applied_fen": grant.applied_fen, "ground": ground.strip()})
        return store.read_grant(work.connection, own, grant.grant_id)
