"""What the hospital paid ahead for the treasury (8): listed for the next year's budget, submitted, reimbursed.

What is applied for never exceeds what was remitted, of one account and in all: the database holds both. What goes
beyond, by our own miscount, is the hospital's cost and on no list.
"""

from __future__ import annotations

from datetime import date
from typing import Final

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import Conflict, MalformedInput, NotFound
from hospital_prepay.domain.ledger.chart import OWN_COST, advance_account
from hospital_prepay.domain.ledger.entry import JournalEntry, Posting
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.outpatient.life import ADVANCE_STEPS
from hospital_prepay.persistence import outpatient_advances as store
from hospital_prepay.persistence import outpatient_treasury as treasury
from hospital_prepay.persistence.locks import lock_name
from hospital_prepay.persistence.outpatient_advances import AdvanceListRow
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.services.context import Context
from hospital_prepay.services.outpatient.advance_slips import (
    require_new_application,
    require_new_reimbursement,
    slip_key,
)
from hospital_prepay.services.outpatient.filing import require_past_day
from hospital_prepay.services.outpatient.grounds import required_ground, required_line
from hospital_prepay.services.outpatient.once import keep_number, known_number
from hospital_prepay.services.outpatient.turns import refuse_last
from hospital_prepay.services.publication.readings import readings_within

AS_INCOME = "appropriation_income"
_MAKING: Final = (Permission.OUTPATIENT_FILE, "做申请表")


def budget_years(today: date) -> tuple[int, int]:
    """The years whose budget may be asked: the next (8), and that of the day for a form that is made late."""
    return today.year + 1, today.year


def make_advance_list(
    context: Context, actor: Actor, budget_year: int, *, idempotency_key: str = ""
) -> AdvanceListRow:
    """Put every claim that was paid ahead and stands on no list into one for ``budget_year``.

    Raises :class:`MalformedInput` for a year that isn't among :func:`budget_years`, :class:`Conflict` when there is
    no such claim, or none of its money is with the treasury yet.
    """
    actor.require(Permission.OUTPATIENT_FILE)
    with context.work(actor, "outpatient.list_advances", f"outpatient_budget:{budget_year}") as work:
        payload = {"budget_year": budget_year}
        lock_name(work.connection, f"outpatient_advance_list:{work.institution_id}")
        known = known_number(work, idempotency_key, payload)
        if known is not None:
            return _list(work, known)
        if budget_year not in budget_years(work.today):
            next_year, own_year = budget_years(work.today)
            words = f"垫付款列入下一年度预算，请填 {next_year}；补做上一年的申请，请填 {own_year}。"
            raise MalformedInput(words, details={"field": "budget_year"})
        applied = _to_apply_for(work)
        if not applied:
            raise Conflict("没有要申请的垫付款：垫付的都已列表，或对应的上缴还没有登记缴款。")
        refuse_last(work, actor, _MAKING, (Permission.OUTPATIENT_CONFIRM, "报送"))
        list_no = store.next_list_no(work.connection, work.institution_id)
        own = {"institution_id": work.institution_id, "list_no": list_no}
        total = sum(fen for _, _, fen in applied)
        values = {
            **own,
            "budget_year": budget_year,
            "state": "made",
            "claims": len(applied),
            "total_fen": total,
            "made_by": actor.actor_id,
            "made_at": work.now,
        }
        lines = [
            {**own, "claim_id": claim_id, "account_no": account_no, "applied_fen": fen, "counts": True}
            for claim_id, account_no, fen in applied
        ]
        store.add_advance_list(work.connection, values, lines)
        keep_number(work, idempotency_key, payload, list_no)
        work.audit(detail={"list": list_no, "claims": len(lines), "total_fen": total})
        return _list(work, list_no)


def submit_advance_list(
    context: Context,
    actor: Actor,
    list_no: int,
    document: str,
    submitted_on: date,
    *,
    idempotency_key: str = "",
) -> AdvanceListRow:
    """The list went to the health authority, by another person than made it. Raises :class:`SecondPersonRequired`."""
    actor.require(Permission.OUTPATIENT_CONFIRM)
    document = required_line(document, "请填申请的文号。", "document", "文号")
    with context.work(actor, "outpatient.submit_advances", f"outpatient_advance_list:{list_no}") as work:
        payload = {"list": list_no, "document": document, "on": submitted_on.isoformat()}
        found = _locked(work, list_no)
        if known_number(work, idempotency_key, payload) is not None:
            return found
        _require_step(found, "submitted")
        actor.require_other_than(found.made_by, "报送")
        require_past_day(submitted_on, work.today, "submitted_on")
        key = require_new_application(work, list_no, document)
        values = {
            "document": document,
            "document_key": key,
            "submitted_on": submitted_on,
            "submitted_by": actor.actor_id,
        }
        store.walk_advance_list(work.connection, work.institution_id, list_no, state="submitted", **values)
        keep_number(work, idempotency_key, payload, list_no)
        work.audit(detail={"list": list_no, "document": document})
        return _list(work, list_no)


def reimburse_advance_list(
    context: Context,
    actor: Actor,
    list_no: int,
    bank_reference: str,
    reimbursed_on: date,
    *,
    idempotency_key: str = "",
) -> AdvanceListRow:
    """The budget's money arrived (借 1002 贷 1218; or as appropriation income with its cost, as the reading says)."""
    actor.require(Permission.OUTPATIENT_PAY)
    slip_key(bank_reference)
    with context.work(actor, "outpatient.reimburse", f"outpatient_advance_list:{list_no}") as work:
        payload = {"list": list_no, "bank": bank_reference.strip(), "on": reimbursed_on.isoformat()}
        found = _locked(work, list_no)
        if known_number(work, idempotency_key, payload) is not None:
            return found
        _require_step(found, "reimbursed")
        require_past_day(reimbursed_on, work.today, "reimbursed_on")
        key = require_new_reimbursement(work, bank_reference)
        entry_no = work.ledger.post(_reimbursed(work, found))
        values = {
            "bank_reference": bank_reference.strip(),
            "slip_key": key,
            "reimbursed_on": reimbursed_on,
            "reimbursed_by": actor.actor_id,
        }
        store.walk_advance_list(work.connection, work.institution_id, list_no, state="reimbursed", **values)
        keep_number(work, idempotency_key, payload, list_no)
        work.audit(entry_no=entry_no, detail={"list": list_no, "total_fen": found.total_fen})
        return _list(work, list_no)


def refuse_advance_list(
    context: Context, actor: Actor, list_no: int, ground: str, *, idempotency_key: str = ""
) -> AdvanceListRow:
    """The list was taken back or turned down; its claims may stand on another."""
    actor.require(Permission.OUTPATIENT_FILE)
    ground = required_ground(ground, "请写明退回的原因。")
    with context.work(actor, "outpatient.refuse_advances", f"outpatient_advance_list:{list_no}") as work:
        payload = {"list": list_no, "ground": ground}
        found = _locked(work, list_no)
        if known_number(work, idempotency_key, payload) is not None:
            return found
        _require_step(found, "refused")
        ended = {"ended_by": actor.actor_id, "ended_at": work.now, "ground": ground}
        store.walk_advance_list(work.connection, work.institution_id, list_no, state="refused", **ended)
        store.uncount_lines(work.connection, work.institution_id, list_no)
        keep_number(work, idempotency_key, payload, list_no)
        work.audit(detail={"list": list_no, "ground": ground})
        return _list(work, list_no)


def _to_apply_for(work: UnitOfWork) -> list[tuple[str, str, int]]:
    """Each claim with what may be applied for of it: never above what the treasury has of its account."""
    left: dict[str, int] = {}
    applied = []
    for claim_id, account_no, fen in store.claims_to_apply_for(work.connection, work.institution_id):
        if account_no not in left:
            # Only what the treasury has got: a batch on its way isn't remitted yet.
            held = treasury.remitted_fen(work.connection, work.institution_id, account_no, ("remitted",))
            left[account_no] = held - store.applied_fen(work.connection, work.institution_id, account_no)
        amount = min(fen, left[account_no])
        if amount > 0:
            applied.append((claim_id, account_no, amount))
            left[account_no] -= amount
    return applied


def _reimbursed(work: UnitOfWork, found: AdvanceListRow) -> JournalEntry:
    total = Money(found.total_fen)
    lines = [
        Posting(advance_account(line.claim_id), credit=Money(line.applied_fen))
        for line in store.advance_lines(work.connection, work.institution_id, found.list_no)
    ]
    lines.append(Posting("1002", debit=total))
    if readings_within(work, "outpatient.claim").get("claim_reimbursement") == AS_INCOME:
        lines += [Posting("4001", credit=total), Posting(OWN_COST, debit=total)]
    return JournalEntry(
        institution_id=work.institution_id,
        idempotency_key=f"outpatient_reimbursed:{found.list_no}",
        kind="outpatient_reimbursed",
        summary="财政补回垫付的门诊预交金",
        source=f"outpatient_advance_list:{found.list_no}",
        occurred_at=work.now,
        posted_at=work.now,
        effective_on=work.today,
        posted_by=work.act.actor.actor_id,
        postings=tuple(lines),
    )


def _locked(work: UnitOfWork, list_no: int) -> AdvanceListRow:
    lock_name(work.connection, f"outpatient_advance_list:{work.institution_id}")
    return _list(work, list_no)


def _require_step(found: AdvanceListRow, target: str) -> None:
    if target not in ADVANCE_STEPS[found.state]:
        raise Conflict("这份申请现在不能办这一步。请刷新后再看；本次没有改动。")


def _list(work: UnitOfWork, list_no: int) -> AdvanceListRow:
    found = store.advance_lists(work.connection, work.institution_id, list_no)
    if not found:
        raise NotFound("没有这份申请表。请从垫付列表里打开。")
    return found[0]
