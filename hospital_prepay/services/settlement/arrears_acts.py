"""Provision (坏账准备) for arrears, its release, and write-off: asked for by one person, decided by another.

A write-off takes a claim out of the books and gives up nothing: money that comes later brings it back by itself
(:func:`~hospital_prepay.services.settlement.slips.reopen_for`), and two people may bring it back without. The cost of
a provision stands on 5901, a house setting that finance confirms.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import Conflict, MalformedInput
from hospital_prepay.domain.ledger.chart import OWN_COST, allowance_account, arrears_account
from hospital_prepay.domain.ledger.entry import Posting
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.settlement.arrears import ActKind
from hospital_prepay.persistence import arrears as store
from hospital_prepay.persistence import stays
from hospital_prepay.persistence.arrears import ActRow
from hospital_prepay.persistence.ledger import has_account, open_account
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.services.context import Context
from hospital_prepay.services.settlement.slips import settlement_entry


@dataclass(frozen=True, slots=True)
class AskAct:
    """Ask for a provision, release or write-off; ``evidence`` names the papers it rests on."""

    stay_no: str
    kind: ActKind
    amount: Money
    ground: str
    evidence: str
    idempotency_key: str


@dataclass(frozen=True, slots=True)
class DecideAct:
    """The second person's word; a "no" says why."""

    stay_no: str
    act_id: str
    approve: bool
    answer: str
    idempotency_key: str


def ask_act(context: Context, actor: Actor, command: AskAct) -> str:
    """Ask; returns the act's id. Needs ``settlement.manage``.

    Raises :class:`MalformedInput` for what is missing or above what may be moved, :class:`Conflict` while another
    act of the stay waits.
    """
    actor.require(Permission.SETTLEMENT_MANAGE)
    for field, said, words in (("ground", command.ground, "理由"), ("evidence", command.evidence, "凭据")):
        if not said.strip():
            raise MalformedInput(f"请写{words}。", code="missing_value", details={"field": field})
    with context.work(actor, f"arrears.ask_{command.kind.value}", command.stay_no) as work:
        stays.lock_stay(work.connection, work.institution_id, command.stay_no)
        payload = {**asdict(command), "amount": command.amount.fen}
        known = work.known_answer(command.idempotency_key, payload)
        if known is not None:
            return str(known["act_id"])
        _require_room(work, command.stay_no, command.kind, command.amount.fen)
        if any(
            one.state == "waiting" for one in store.acts_of(work.connection, work.institution_id, command.stay_no)
        ):
            raise Conflict("这笔欠费已有一项申请在等另一个人决定。请先决定那一项。")
        act_id = work.new_id()
        store.add_act(work.connection, _asked(work, command, act_id))
        work.audit(detail={"amount_fen": command.amount.fen, "ground": command.ground, "evidence": command.evidence})
        work.keep_answer(command.idempotency_key, payload, {"act_id": act_id})
        return act_id


def decide_act(context: Context, actor: Actor, command: DecideAct) -> None:
    """Do what was asked for, with its entry, or turn it down; by another person. Needs ``settlement.manage``.

    Raises :class:`SecondPersonRequired`, :class:`Conflict` when it was decided already, and :class:`MalformedInput`
    when by now less may be moved or a "no" has no reason.
    """
    actor.require(Permission.SETTLEMENT_MANAGE)
    if not command.approve and not command.answer.strip():
        raise MalformedInput("请写明为什么不同意。", code="missing_value", details={"field": "answer"})
    with context.work(actor, "arrears.decide", command.stay_no) as work:
        stays.lock_stay(work.connection, work.institution_id, command.stay_no)
        payload = asdict(command)
        if work.known_answer(command.idempotency_key, payload) is not None:
            return
        act = store.find_act(work.connection, work.institution_id, command.act_id)
        if act.state != "waiting" or act.stay_no != command.stay_no:
            raise Conflict("这项申请已经决定过。请刷新。")
        actor.require_other_than(act.asked_by, ActKind(act.kind).label)
        entry_no = _post(work, act) if command.approve else None
        values = {
            "state": "done" if command.approve else "refused",
            "decided_by": actor.actor_id,
            "decided_at": work.now,
            "answer": command.answer.strip(),
            "entry_no": entry_no,
        }
        store.decide_act(work.connection, work.institution_id, act.act_id, values)
        detail = {"kind": act.kind, "amount_fen": act.amount_fen, "approved": command.approve}
        work.audit(entry_no=entry_no, detail=detail)
        work.keep_answer(command.idempotency_key, payload, {"entry_no": entry_no})


def _asked(work: UnitOfWork, command: AskAct, act_id: str) -> dict[str, Any]:
    return {
        "institution_id": work.institution_id,
        "act_id": act_id,
        "stay_no": command.stay_no,
        "kind": command.kind.value,
        "amount_fen": command.amount.fen,
        "ground": command.ground.strip(),
        "evidence": command.evidence.strip(),
        "state": "waiting",
        "asked_by": work.act.actor.actor_id,
        "asked_at": work.now,
        "answer": "",
    }


def _require_room(work: UnitOfWork, stay_no: str, kind: ActKind, amount_fen: int) -> None:
    if amount_fen <= 0:
        raise MalformedInput("金额要大于零，例如 500.00。", code="not_an_amount", details={"field": "amount"})
    most = store.standing_of(work.connection, work.institution_id, stay_no).most_fen(kind)
    if amount_fen > most:
        words = f"{kind.label}最多 {Money(most)} 元。"
        if kind is ActKind.WRITE_OFF:
            words += "核销前要先计提坏账准备，也不能超过还欠的。"
        raise MalformedInput(words, code="above_owed", details={"field": "amount"})


def _post(work: UnitOfWork, act: ActRow) -> int:
    kind, amount = ActKind(act.kind), Money(act.amount_fen)
    _require_room(work, act.stay_no, kind, act.amount_fen)
    allowance = allowance_account(act.stay_no)
    if not has_account(work.connection, work.institution_id, allowance):
        name = f"坏账准备 {act.stay_no}"
        open_account(work.connection, work.institution_id, allowance, name=name, opened_at=work.now, guarded=True)
    debit, credit = {
        ActKind.PROVISION: (OWN_COST, allowance),
        ActKind.RELEASE: (allowance, OWN_COST),
        ActKind.WRITE_OFF: (allowance, arrears_account(act.stay_no)),
        ActKind.REOPEN: (arrears_account(act.stay_no), allowance),
    }[kind]
    postings = (Posting(debit, debit=amount), Posting(credit, credit=amount))
    return work.ledger.post(
        settlement_entry(work, f"arrears_{kind.value}", kind.label, act.act_id, act.stay_no, postings)
    )
