"""The electronic invoice of a settlement: the last step of a discharge."""

from __future__ import annotations

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import Conflict, MalformedInput
from hospital_prepay.domain.rules.settlement.stages import Stage
from hospital_prepay.persistence import discharges, stays
from hospital_prepay.persistence import settlements as store
from hospital_prepay.services.context import Context


def number_invoice(context: Context, actor: Actor, stay_no: str, settlement_no: int, invoice_no: str) -> None:
    """Note the number of the electronic invoice: the last step. Needs ``settlement.settle``.

    Raises :class:`NotFound`, and :class:`Conflict` for a settlement that has one, or was recalled.
    """
    actor.require(Permission.SETTLEMENT_SETTLE)
    text = invoice_no.strip()
    if not (text.isascii() and text.isalnum() and 4 <= len(text) <= 40):
        words = "电子票据号码是 4 到 40 位字母或数字。"
        raise MalformedInput(words, code="not_a_number", details={"field": "invoice_no"})
    with context.work(actor, "settlement.invoice", stay_no) as work:
        stays.lock_stay(work.connection, work.institution_id, stay_no)
        one = store.find(work.connection, work.institution_id, stay_no, settlement_no)
        if one.recalled_at is not None:
            raise Conflict("这张结算单已经召回，不能开票。")
        if one.invoice_no is not None:
            raise Conflict(f"已经填过票据号码 {one.invoice_no}。开错的，请先召回结算。")
        values = {"invoice_no": text, "invoiced_by": actor.actor_id, "invoiced_at": work.now}
        store.change(work.connection, work.institution_id, one, values)
        if one.discharged_at is not None:
            row = discharges.lock_standing(work.connection, work.institution_id, stay_no)
            if row.discharged_at == one.discharged_at and row.stage == Stage.INVOICE:
                discharges.add_step(
                    work.connection, work.institution_id, row, Stage.DONE.value, "", actor.actor_id, work.now
                )
        work.audit(detail={"number": one.number, "invoice_no": text})
