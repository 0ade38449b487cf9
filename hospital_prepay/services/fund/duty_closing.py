"""Closing a duty by a person's word, with the document that proves it; a wrong word is withdrawn by another."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.decision import Decision
from hospital_prepay.domain.errors import Conflict, MalformedInput
from hospital_prepay.domain.rules.fund.duty_closing import CloseFacts, close_duty
from hospital_prepay.domain.rules.fund.duty_states import Standing
from hospital_prepay.persistence import fund_duties as store
from hospital_prepay.services.context import Context
from hospital_prepay.services.fund.duties import duty_book, find_duty


@dataclass(frozen=True, slots=True)
class CloseDuty:
    """Done on ``done_on`` as ``words`` (document and number) prove, or not applicable on the ground in ``words``
    where ``done_on`` is ``None``."""

    key: str
    done_on: date | None
    words: str


@dataclass(frozen=True, slots=True)
class Closed:
    """The answer: a refusal is on record, too."""

    decision: Decision
    decision_id: str


def record_closure(context: Context, actor: Actor, command: CloseDuty) -> Closed:
    """Write down that a duty was done, or isn't applicable. What the books decide is refused (house rule).

    Raises :class:`MalformedInput` without words or for a day ahead, :class:`NotFound`, :class:`Conflict` when it is
    closed already.
    """
    actor.require(Permission.FUND_DUTY)
    found = find_duty(duty_book(context, actor.institution_id).for_actor(actor), command.key)
    with context.work(actor, "fund.duty", f"duty:{command.key}") as work:
        if not command.words.strip():
            raise MalformedInput("请填写，备查。", code="missing_value", details={"field": "words"})
        if command.done_on is not None and command.done_on > work.today:
            raise MalformedInput("办理日不能晚于今天。", details={"field": "done_on"})
        decision = close_duty(_facts(found, command.done_on), work.rule_version)
        decision_id = work.keep_decision(decision, work.today, {})
        if decision.permitted:
            earlier = store.steps(work.connection, work.institution_id, command.key)
            if store.live(earlier):
                raise Conflict("这一项已经登记过。要改，请先撤回原来的登记。")
            store.add_step(
                work.connection,
                work.institution_id,
                duty_key=command.key,
                step_no=len(earlier) + 1,
                kind="not_applicable" if command.done_on is None else "done",
                done_on=command.done_on,
                words=command.words.strip(),
                decision_id=decision_id,
                recorded_by=actor.actor_id,
                recorded_at=work.now,
            )
        outcome = "done" if decision.permitted else "refused"
        detail = {**asdict(command), "done_on": _iso(command.done_on)}
        work.audit(outcome=outcome, decision_id=decision_id, detail=detail)
        return Closed(decision, decision_id)


def withdraw_closure(context: Context, actor: Actor, key: str, ground: str) -> None:
    """Take back what was recorded of a duty, with a ground; both words stay on record.

    Raises :class:`MalformedInput` without a ground, :class:`Conflict` when nothing is recorded.
    """
    actor.require(Permission.FUND_DUTY)
    with context.work(actor, "fund.duty_withdraw", f"duty:{key}") as work:
        if not ground.strip():
            raise MalformedInput("请写明为什么撤回。", code="missing_value", details={"field": "ground"})
        earlier = store.steps(work.connection, work.institution_id, key)
        if not store.live(earlier):
            raise Conflict("这一项没有可以撤回的登记。请刷新后再看。")
        store.add_step(
            work.connection,
            work.institution_id,
            duty_key=key,
            step_no=len(earlier) + 1,
            kind="withdrawn",
            done_on=None,
            words=ground.strip(),
            decision_id=None,
            recorded_by=actor.actor_id,
            recorded_at=work.now,
        )
        work.audit(detail={"ground": ground})


def _facts(found: Standing, done_on: date | None) -> CloseFacts:
    item, left = found.item, found.known.left
    return CloseFacts(
        regime=item.regime,
        duty=item.name,
        clause=item.clause,
        named_on=item.named_on.isoformat(),
        due_on=_iso(item.due_on),
        done_on=_iso(done_on),
        left=0 if left is None else left.count,
    )


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
