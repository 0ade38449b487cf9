"""``/finance/fund/usage/lineage``: which grant paid which line, down to the invoice, and back from an invoice."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, request

from hospital_prepay.domain.access import Permission
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.filters import moment
from hospital_prepay.http.paging import page_number, page_of
from hospital_prepay.http.permission import requires
from hospital_prepay.services.fund.lineage import LINES_A_PAGE, Lineage, PaidLine, read_lineage
from hospital_prepay.services.fund.spending import request_number
from hospital_prepay.services.fund.words import CATEGORIES
from hospital_prepay.web.fund_invoice_view import invoice_words
from hospital_prepay.web.fund_words import grant_line

blueprint = Blueprint("fund_lineage", __name__, url_prefix="/finance/fund/usage/lineage")


@blueprint.get("")
@requires(Permission.FUND_VIEW)
def show_lineage() -> str:
    """The paid lines of one grant or of all, or those found by invoice, order number or national code."""
    given = {name: request.args.get(name, "").strip()[:80] for name in ("grant", "q")}
    found = read_lineage(current_context(), current_actor(), given["grant"] or None, given["q"], page_number())
    return render_template(
        "pages/fund/lineage.html",
        filters=given,
        grants=[{"value": one.grant_id, "label": _grant_words(grant_line(one))} for one in found.grants],
        lines=[_line(one, found) for one in found.lines],
        page=page_of(len(found.lines), found.sums.count, "行", LINES_A_PAGE),
        paid_fen=found.sums.paid_fen,
        proved_fen=found.sums.proved_fen,
        unproved_fen=found.sums.paid_fen - found.sums.proved_fen,
        booked_fen=found.booked_fen,
    )


def _grant_words(line: dict[str, Any]) -> str:
    return f"{line['place']} {line['region']} {line['title']}"


def _line(one: PaidLine, found: Lineage) -> dict[str, Any]:
    grant = grant_line(next(grant for grant in found.grants if grant.grant_id == one.grant_id))
    people = (("申请", one.asked_by), ("科室", one.department_by), ("审批", one.finance_by), ("付款", one.paid_by))
    return {
        "grant": {"title": grant["title"], "place": f"{grant['place']} {grant['region']}", "href": grant["href"]},
        "request": {
            "number": request_number(one.request_id),
            "href": f"/finance/fund/requests/{one.request_id}",
            "payee": one.payee_name,
        },
        "people": "；".join(f"{step} {found.names.get(who, who)}" for step, who in people),
        "paid_at": moment(one.paid_at),
        "entry": {
            "no": one.entry_no,
            "href": f"/finance/ledger/{one.entry_no}" if current_actor().may(Permission.LEDGER_VIEW) else None,
        },
        "category": CATEGORIES.get(one.category, one.category),
        "name": one.name,
        "code": one.code,
        "order_no": one.order_no,
        "fen": one.amount_fen,
        "invoices": [invoice_words(each, found.names) for each in one.invoices],
        "unproved_fen": one.unproved_fen,
    }
