"""A member's use that was typed wrongly is taken back by another person, with a ground; the row itself stays."""

from __future__ import annotations

from dataclasses import dataclass

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import Conflict, MalformedInput, NotFound
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.references import plain_name
from hospital_prepay.persistence import fund_distributions as store
from hospital_prepay.persistence import funds
from hospital_prepay.persistence.fund_distributions import DistributionRow, UseRow
from hospital_prepay.persistence.models.fund_members import FundUseWithdrawn
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.services.context import Context


@dataclass(frozen=True, slots=True)
class WithdrawUse:
    """A use of a distribution by its number, and how it is known to be wrong."""

    distribution_id: str
    use_no: int
    ground: str


def withdraw_use(context: Context, actor: Actor, command: WithdrawUse) -> DistributionRow:
    """Take it back: the member holds so much again. Needs ``fund.record``; another person than who typed it.

    Raises :class:`MalformedInput` without a ground, :class:`NotFound`, :class:`SecondPersonRequired`,
    :class:`Conflict` when it is withdrawn, or when the hospital gave its money back in the member's place already.
    """
    actor.require(Permission.FUND_RECORD)
    if not plain_name(command.ground):
        raise MalformedInput("请写明哪里填错、依据是什么。", details={"field": "ground"})
    with context.work(actor, "fund.withdraw_use", f"distribution:{command.distribution_id}") as work:
        own = work.institution_id
        grant_id = store.find(work.connection, own, command.distribution_id).grant_id
        funds.lock_grant(work.connection, own, grant_id)
        use = _use(work, grant_id, command)
        actor.require_other_than(use.recorded_by, "撤回用款")
        _require_held_still(work, grant_id, command.distribution_id, use)
        values = {
            "institution_id": own,
            "distribution_id": command.distribution_id,
            "use_no": command.use_no,
            "ground": command.ground.strip(),
            "withdrawn_by": actor.actor_id,
            "withdrawn_at": work.now,
        }
        store.add(work.connection, FundUseWithdrawn, values)
        work.audit(detail={"use": command.use_no, "amount_fen": use.amount_fen, "ground": command.ground.strip()})
        return store.find(work.connection, own, command.distribution_id)


def _use(work: UnitOfWork, grant_id: str, command: WithdrawUse) -> UseRow:
    which = (command.distribution_id, command.use_no)
    for one in store.uses_of_grant(work.connection, work.institution_id, grant_id):
        if (one.distribution_id, one.use_no) == which:
            if one.withdrawn_by is not None:
                raise Conflict("这一行已经撤回过。请刷新后再看；本次没有改动。")
            return one
    raise NotFound("没有这一行用款。请刷新后再看。")


def _require_held_still(work: UnitOfWork, grant_id: str, distribution_id: str, use: UseRow) -> None:
    """What the hospital gave back in the member's place is the member's debt by now, not its to hold."""
    own = work.institution_id
    found = store.find(work.connection, own, distribution_id)
    if found.used_fen - use.amount_fen < found.repaid_fen:
        words = f"成员单位已经为它用掉的还过本院 {Money(found.repaid_fen)} 元，撤回后会对不上。请先核对还款。"
        raise Conflict(f"{words}本次没有改动。")
    grant = funds.read_grant(work.connection, own, grant_id)
    if store.in_hand(work.connection, own, grant_id) + use.amount_fen > grant.distributed_fen:
        words = "本院已经替成员单位归还了这笔钱。请先在预付金里更正那次交回或冲抵，再撤回这一行；本次没有改动。"
        raise Conflict(words, code="given_back_in_its_place")
