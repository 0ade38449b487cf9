"""Recalling a settlement (结算召回) by red letter, asked for by one person and done by another."""

from __future__ import annotations

from dataclasses import dataclass

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import Conflict, MalformedInput
from hospital_prepay.domain.rules.settlement.stages import Stage
from hospital_prepay.persistence import discharges, stays, unclaimed
from hospital_prepay.persistence import settlements as store
from hospital_prepay.persistence.queries import people
from hospital_prepay.persistence.settlements import Settlement
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.services.context import Context
from hospital_prepay.services.settlement.shares import posted_lines
from hospital_prepay.services.settlement.slips import Signed, give_top_up_back, settlement_entry
from hospital_prepay.services.settlement.unclaimed import end


@dataclass(frozen=True, slots=True)
class Recalls:
    """What waits: recalls asked for and not decided, and settlements whose discharge was taken back, that nobody has
    asked for yet. ``patients`` are the names by stay, ``names`` those of the staff."""

    asked: tuple[Settlement, ...]
    to_ask: tuple[Settlement, ...]
    patients: dict[str, str]
    names: dict[str, str]


def waiting_recalls(context: Context, actor: Actor) -> Recalls:
    """Every recall that waits. Needs ``settlement.view``."""
    actor.require(Permission.SETTLEMENT_VIEW)
    institution = actor.institution_id
    with context.database.reading() as connection:
        asked = store.recalls_asked(connection, institution)
        to_ask = [one for one in store.to_recall(connection, institution) if one.recall_asked_at is None]
        stay_nos = {one.stay_no for one in (*asked, *to_ask)}
        patients = store.names_of_stays(connection, institution, stay_nos)
        return Recalls(tuple(asked), tuple(to_ask), patients, dict(people.names(connection, institution)))


def ask_recall(context: Context, actor: Actor, stay_no: str, settlement_no: int, ground: str) -> None:
    """Ask for a settlement to be recalled (结算召回), with the ground. Needs ``settlement.settle``.

    Raises :class:`Conflict` where it was asked for, or recalled, already.
    """
    actor.require(Permission.SETTLEMENT_SETTLE)
    if not ground.strip():
        raise MalformedInput("请写明为什么召回。", code="missing_value", details={"field": "ground"})
    with context.work(actor, "settlement.ask_recall", stay_no) as work:
        one = _to_recall(work, stay_no, settlement_no)
        if one.recall_asked_at is not None:
            raise Conflict("已经申请过召回，在等另一个人办理。")
        values = {"recall_ground": ground.strip(), "recall_asked_by": actor.actor_id, "recall_asked_at": work.now}
        store.change(work.connection, work.institution_id, one, values)
        work.audit(detail={"number": one.number, "ground": ground.strip()})


def decide_recall(context: Context, actor: Actor, stay_no: str, settlement_no: int, *, approve: bool) -> None:
    """Recall a settlement by red letter, or turn the request down; by another person than asked.

    What the deposit had paid lies with the stay again, less what was given back; the discharge goes back to the
    cashier and is unsettled. Money that was paid towards it goes back first, by the way it came, on a red slip in
    the book of who asked.
    """
    actor.require(Permission.SETTLEMENT_MANAGE)
    action = "settlement.recall" if approve else "settlement.refuse_recall"
    with context.work(actor, action, stay_no) as work:
        one = _to_recall(work, stay_no, settlement_no)
        if one.recall_asked_by is None:
            raise Conflict("没有人申请召回这张结算单，或者已经有人办理过。请刷新。")
        actor.require_other_than(one.recall_asked_by, "召回结算")
        if not approve:
            nothing = {"recall_ground": None, "recall_asked_by": None, "recall_asked_at": None}
            store.change(work.connection, work.institution_id, one, nothing)
            work.audit(detail={"number": one.number})
            return
        _recall(work, one)


def _to_recall(work: UnitOfWork, stay_no: str, settlement_no: int) -> Settlement:
    stays.lock_stay(work.connection, work.institution_id, stay_no)
    one = store.find(work.connection, work.institution_id, stay_no, settlement_no)
    if one.recalled_at is not None:
        raise Conflict("这张结算单已经召回过。")
    return one


def _recall(work: UnitOfWork, one: Settlement) -> None:
    paid = sum(slip.amount_fen for slip in store.topups_of(work.connection, work.institution_id, one.stay_no))
    if store.owed_fen(work.connection, work.institution_id, one.stay_no) + paid < one.shortfall_fen:
        raise Conflict("这次结算的欠费核销过，或者由救助基金付过。请财务先恢复核销的、退回基金的钱，再召回。")
    actor_id = work.act.actor.actor_id
    slips = _give_top_ups_back(work, one)
    _end_unclaimed(work, one)
    store.change(work.connection, work.institution_id, one, {"recalled_by": actor_id, "recalled_at": work.now})
    entry_no = None
    if one.entry_no is not None:
        postings = tuple(posting.reversed() for posting in posted_lines(one.stay_no, one))
        summary = "红字冲销出院结算"
        entry_no = work.ledger.post(
            settlement_entry(work, "settlement_recall", summary, one.number, one.stay_no, postings, one.entry_no)
        )
        store.change(work.connection, work.institution_id, one, {"recall_entry_no": entry_no})
    row = next(
        (
            found
            for found in discharges.of_stay(work.connection, work.institution_id, one.stay_no)
            if found.discharged_at == one.discharged_at
        ),
        None,
    )
    # That it isn't settled any more the database wrote itself, with the recall.
    if row is not None and row.ended_at is None and row.stage in (Stage.INVOICE, Stage.DONE):
        words = f"召回结算单 {one.number}"
        discharges.add_step(work.connection, work.institution_id, row, Stage.CASHIER.value, words, actor_id, work.now)
    work.audit(entry_no=entry_no, detail={"number": one.number, "ground": one.recall_ground, "slips": slips})


def _give_top_ups_back(work: UnitOfWork, one: Settlement) -> list[str]:
    """As much of what was paid towards the stay's settlements as this one's shortfall needs, the newest first."""
    assert one.recall_asked_by is not None
    signed = Signed(one.recall_asked_by, work.act.actor.actor_id, f"召回结算单 {one.number}")
    slips = []
    for paid in store.topups_of(work.connection, work.institution_id, one.stay_no):
        if store.owed_fen(work.connection, work.institution_id, one.stay_no) >= one.shortfall_fen:
            break
        slips.append(give_top_up_back(work, paid, signed))
    return slips


def _end_unclaimed(work: UnitOfWork, one: Settlement) -> None:
    if one.discharged_at is None:
        return
    for left in unclaimed.of_stay(work.connection, work.institution_id, one.stay_no):
        if left.state in unclaimed.OPEN:
            end(work, left, f"召回结算单 {one.number}")
