"""What the rule can't see, a person says: these belong together, those don't. Each with a ground; undone by a row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import Conflict, MalformedInput, NotFound
from hospital_prepay.domain.rules.fund.matching import By, Outcome, Pairing
from hospital_prepay.persistence import fund_reconciliation as store
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.services.context import Context
from hospital_prepay.services.fund.months import is_shut, month_of
from hospital_prepay.services.fund.reconciliation import every_pairing


@dataclass(frozen=True, slots=True)
class PairByHand:
    """Keys of ours and theirs (:class:`Leg`, :class:`Line`) that belong together, or aren't to be paired."""

    ours: tuple[str, ...]
    theirs: tuple[str, ...]
    ground: str


def put_together(context: Context, actor: Actor, command: PairByHand) -> str:
    """Say that these are one thing: one side, none of them matched yet. Returns the id. Said again by a second person
    it settles money that went out and in with nothing on the other side.

    Raises :class:`MalformedInput` for a choice that can't be, :class:`Conflict` when one is matched by now or its
    month is closed, :class:`SecondPersonRequired` when the same person says it again.
    """
    actor.require(Permission.FUND_RECONCILE)
    with context.work(actor, "fund.match", "fund:match") as work:
        store.lock_reconciliation(work.connection, work.institution_id)
        ground = _ground(command.ground)
        if len(command.ours) + len(command.theirs) < 2:
            raise MalformedInput("请至少选两笔：一笔本院的和一笔对方的，或对方一进一出的两笔。", code="too_few")
        chosen = _chosen(work, command)
        if len({one.side for one in chosen}) > 1:
            raise MalformedInput("银行和医保的明细不能配在一起。请分开选。", code="two_sides")
        if _waits_for_another(chosen, command):
            actor.require_other_than(_maker(work, chosen[0].match_id), "确认这一进一出")
        elif any(not one.is_open or one.by is By.HAND for one in chosen):
            raise Conflict("选的里面有已经对上的。请刷新后再看；本次没有改动。")
        return _add(work, "together", command.ours, command.theirs, ground)


def set_apart(context: Context, actor: Actor, command: PairByHand) -> str:
    """Say that a pair found by the rule isn't one. Returns the id. Raises as :func:`put_together`."""
    actor.require(Permission.FUND_RECONCILE)
    with context.work(actor, "fund.set_apart", "fund:match") as work:
        store.lock_reconciliation(work.connection, work.institution_id)
        ground = _ground(command.ground)
        chosen = _chosen(work, command)
        if len(chosen) != 1 or not (chosen[0].ours and chosen[0].theirs) or chosen[0].by is By.HAND:
            raise Conflict("这一对已经不在一起了。请刷新后再看；本次没有改动。")
        return _add(work, "apart", command.ours, command.theirs, ground)


def undo_match(context: Context, actor: Actor, match_id: str, ground: str) -> None:
    """Take back what a person said before. Raises :class:`NotFound`, :class:`Conflict` when it is taken back."""
    actor.require(Permission.FUND_RECONCILE)
    with context.work(actor, "fund.undo_match", f"match:{match_id}") as work:
        store.lock_reconciliation(work.connection, work.institution_id)
        words = _ground(ground)
        known = {one.match_id: one for one in store.matches(work.connection, work.institution_id)}
        if match_id not in known or known[match_id].verb == "undo":
            raise NotFound("没有这一条手工配对。请刷新后再看。")
        before = known[match_id]
        keys = {*before.ours, *before.theirs}
        touched = [
            one for one in every_pairing(work.connection, work.institution_id, work.today) if keys & {*one.keys}
        ]
        _require_open_months(work, touched)
        _write(work, "undo", before.ours, before.theirs, words, undoes=match_id)


def _waits_for_another(chosen: Sequence[Pairing], command: PairByHand) -> bool:
    """Whether the choice is just what one person put together and a second has to confirm."""
    if len(chosen) != 1 or chosen[0].outcome is not Outcome.ONE_SIDED:
        return False
    return {*command.ours, *command.theirs} == {*chosen[0].keys}


def _maker(work: UnitOfWork, match_id: str) -> str:
    known = store.matches(work.connection, work.institution_id)
    return next(one.made_by for one in known if one.match_id == match_id)


def _chosen(work: UnitOfWork, command: PairByHand) -> list[Pairing]:
    wanted = {*command.ours, *command.theirs}
    every = every_pairing(work.connection, work.institution_id, work.today)
    chosen = [one for one in every if wanted & set(one.keys)]
    ours = {leg.key for one in chosen for leg in one.ours}
    theirs = {line.key for one in chosen for line in one.theirs}
    if not wanted or not (set(command.ours) <= ours and set(command.theirs) <= theirs):
        raise Conflict("选的明细里有找不到的。请刷新后再选；本次没有改动。")
    _require_open_months(work, chosen)
    return chosen


def _require_open_months(work: UnitOfWork, chosen: Sequence[Pairing]) -> None:
    for period in sorted({month_of(one.day) for one in chosen}):
        if is_shut(store.period_steps(work.connection, work.institution_id, period)):
            raise Conflict(f"{period} 已经结账。要改请先由财务审批重开这个月；本次没有改动。")


def _add(work: UnitOfWork, verb: str, ours: Sequence[str], theirs: Sequence[str], ground: str) -> str:
    return _write(work, verb, sorted(set(ours)), sorted(set(theirs)), ground)


def _write(
    work: UnitOfWork, verb: str, ours: Sequence[str], theirs: Sequence[str], ground: str, undoes: str | None = None
) -> str:
    match_id = work.new_id()
    values = {
        "institution_id": work.institution_id,
        "match_id": match_id,
        "verb": verb,
        "undoes": undoes,
        "ours": list(ours),
        "theirs": list(theirs),
        "ground": ground,
        "made_by": work.act.actor.actor_id,
        "made_at": work.now,
    }
    store.add_match(work.connection, values)
    work.audit(subject=f"match:{match_id}", detail={"ours": list(ours), "theirs": list(theirs), "ground": ground})
    return match_id


def _ground(text: str) -> str:
    if not text.strip():
        raise MalformedInput("请写明依据，例如回单或对方的说明。", code="missing_value", details={"field": "ground"})
    return text.strip()
