"""Passing a discharge on from one to the next, sending it back, and writing down what it waits for."""

from __future__ import annotations

from dataclasses import dataclass

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import Conflict, MalformedInput, PrepayError
from hospital_prepay.domain.rules.settlement.stages import OWNERS, Stage, earlier_stages, next_stage, waits_for_class
from hospital_prepay.persistence import discharges as store
from hospital_prepay.persistence.discharges import DischargeRow
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.services.context import Context

_LONGEST_NOTE = 200


@dataclass(frozen=True, slots=True)
class Seen:
    """A discharge as somebody had it before them: its stay, and how many steps it had."""

    stay_no: str
    step_no: int


@dataclass(frozen=True, slots=True)
class Passed:
    """Where a discharge went; of several at once, what kept one of them back."""

    stay_no: str
    to: Stage | None
    problem: str = ""


class NotByHand(Conflict):
    """The step comes with another act: settling, or the invoice."""

    code = "not_by_hand"


class ClassUnknown(Conflict):
    """Nobody named the insured class yet."""

    code = "class_unknown"


def pass_on(context: Context, actor: Actor, seen: Seen, note: str = "") -> Passed:
    """This stage has done its part. Needs the permission of the stage; raises :class:`Conflict` when somebody else
    took a step since, :class:`NotByHand` where settling or the invoice takes the step, :class:`ClassUnknown` at the
    insurance office until somebody named the class."""
    with context.work(actor, "discharge.step", seen.stay_no) as work:
        row = _found(work, seen)
        stage = Stage(row.stage)
        if stage is Stage.CASHIER:
            raise NotByHand("收费这一步在“结算”里办：结算单开好，就到票据。")
        if stage is Stage.INVOICE:
            raise NotByHand("请填电子票据号码；填好就办完了。")
        if waits_for_class(stage, row.insured):
            raise ClassUnknown("参保类型未知，请先核实：在这次住院的页面选职工医保、居民医保或自费，再交下一步。")
        to = next_stage(stage, row.insured)
        return _step(work, actor, row, to, note)


def send_back(context: Context, actor: Actor, seen: Seen, to: Stage, note: str) -> Passed:
    """Give a discharge back to an earlier stage, with the reason. Raises as :func:`pass_on` does."""
    if not note.strip():
        raise MalformedInput("请写明退回的原因，对方要照着办。", code="missing_value", details={"field": "note"})
    with context.work(actor, "discharge.step", seen.stay_no) as work:
        row = _found(work, seen)
        if to not in earlier_stages(Stage(row.stage), row.insured):
            raise Conflict(f"不能从{Stage(row.stage).label}退回{to.label}。请选前面的一步。")
        return _step(work, actor, row, to, note)


def remark(context: Context, actor: Actor, seen: Seen, note: str) -> Passed:
    """Write down what a discharge waits for; the clock runs on. Finance may do so at every stage."""
    if not note.strip():
        raise MalformedInput("请写明卡在哪里。", code="missing_value", details={"field": "note"})
    with context.work(actor, "discharge.step", seen.stay_no) as work:
        row = _found(work, seen)
        if not actor.may(Permission.SETTLEMENT_MANAGE):
            _require_owner(actor, row)
        return _step(work, actor, row, Stage(row.stage), note, is_checked=True)


def pass_on_many(context: Context, actor: Actor, seen: list[Seen]) -> list[Passed]:
    """:func:`pass_on` for each, one by one; what keeps one back keeps no other back."""
    passed = []
    for one in seen:
        try:
            passed.append(pass_on(context, actor, one))
        except PrepayError as error:
            passed.append(Passed(one.stay_no, None, error.message))
    return passed


def _found(work: UnitOfWork, seen: Seen) -> DischargeRow:
    row = store.lock_standing(work.connection, work.institution_id, seen.stay_no)
    if row.step_no != seen.step_no:
        raise Conflict(f"住院号 {seen.stay_no} 刚有别人办过一步，现在在{Stage(row.stage).label}。请刷新后再办。")
    return row


def _require_owner(actor: Actor, row: DischargeRow) -> None:
    actor.require(OWNERS.get(Stage(row.stage), Permission.SETTLEMENT_SETTLE))


def _step(
    work: UnitOfWork, actor: Actor, row: DischargeRow, to: Stage, note: str, *, is_checked: bool = False
) -> Passed:
    if not is_checked:
        _require_owner(actor, row)
    words = note.strip()
    if len(words) > _LONGEST_NOTE:
        raise MalformedInput(f"最多写 {_LONGEST_NOTE} 个字。", code="too_long", details={"field": "note"})
    store.add_step(work.connection, work.institution_id, row, to.value, words, actor.actor_id, work.now)
    work.audit(detail={"from": row.stage, "to": to.value, **({"note": words} if words else {})})
    return Passed(row.stay_no, to)
