"""Proving what was paid: invoices, line by line."""

from __future__ import annotations

from dataclasses import dataclass

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import Conflict, MalformedInput
from hospital_prepay.domain.money import Money
from hospital_prepay.persistence import funds as store
from hospital_prepay.persistence.funds import RequestState
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.services.context import Context
from hospital_prepay.services.fund.spending.requests import locked


@dataclass(frozen=True, slots=True)
class RecordEvidence:
    """An invoice for one paid line."""

    request_id: str
    line_no: int
    invoice_no: str
    amount: Money
    note: str = ""


def record_evidence(context: Context, actor: Actor, command: RecordEvidence) -> RequestState:
    """An invoice for a paid line; when every line is proved to the fen, the request is complete.

    Raises :class:`MalformedInput` for more than the line, :class:`Conflict` for an invoice recorded before.
    """
    actor.require(Permission.FUND_PAY)
    with context.work(actor, "fund.evidence", f"fund_request:{command.request_id}") as work:
        _, request = locked(work, command.request_id, "paid")
        lines = {
            line.line_no: line for line in store.lines_of(work.connection, work.institution_id, request.request_id)
        }
        proved = store.evidenced_fen(work.connection, work.institution_id, request.request_id)
        line = lines.get(command.line_no)
        if line is None:
            raise MalformedInput("没有这一行，请核对行号。", details={"field": "line_no"})
        if proved.get(line.line_no, 0) + command.amount.fen > line.amount_fen or not command.amount:
            left = Money(line.amount_fen - proved.get(line.line_no, 0))
            raise MalformedInput(f"这一行还差 {left} 元的发票，请核对金额。", details={"field": "amount"})
        _add_invoice(work, command)
        proved[line.line_no] = proved.get(line.line_no, 0) + command.amount.fen
        if all(proved.get(one.line_no, 0) == one.amount_fen for one in lines.values()):
            store.walk_request(work.connection, work.institution_id, request.request_id, state="evidenced")
        work.audit(detail={"line": command.line_no, "invoice": command.invoice_no, "amount_fen": command.amount.fen})
        return store.read_request(work.connection, work.institution_id, request.request_id)


def _add_invoice(work: UnitOfWork, command: RecordEvidence) -> None:
    store.add_evidence(
        work.connection,
        {
            "institution_id": work.institution_id,
            "request_id": command.request_id,
            "line_no": command.line_no,
            "invoice_no": command.invoice_no,
            "amount_fen": command.amount.fen,
            "detail": {"note": command.note},
            "recorded_by": work.act.actor.actor_id,
            "recorded_at": work.now,
        },
    )
