"""``/finance/fund/purchases``: the watch on all purchases of drugs and consumables."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, redirect, render_template, request

from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.errors import MalformedInput
from hospital_prepay.domain.ledger.grant_usage import Period
from hospital_prepay.domain.plain_text import spelled_out
from hospital_prepay.domain.rules.fund.purchases import Bought
from hospital_prepay.http.clauses import chip
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.errors import status_of
from hospital_prepay.http.flash import say
from hospital_prepay.http.forms import Form, typed
from hospital_prepay.http.paging import page_number, page_of
from hospital_prepay.http.permission import requires
from hospital_prepay.services.fund.purchases import (
    COLUMNS,
    GROUNDS,
    LINES_A_PAGE,
    RejectedLine,
    RejectedLines,
    read_watch,
    take_in_purchases,
)
from hospital_prepay.services.fund.usage_words import period_words
from hospital_prepay.services.fund.words import CATEGORIES
from hospital_prepay.web.fund_usage import asked_query

blueprint = Blueprint("fund_purchases", __name__, url_prefix="/finance/fund/purchases")


@blueprint.get("")
@requires(Permission.FUND_VIEW)
def show_purchases() -> Any:
    """What was bought off the platform, by month and supplier, with the lines to look at."""
    return _page(Form())


@blueprint.post("")
@requires(Permission.FUND_APPLY, takes_file=True)
def take_in() -> Any:
    """Take in a file of the purchasing system, all of it or nothing."""
    upload = request.files.get("file")
    try:
        if upload is None or not upload.filename:
            raise MalformedInput("请选一个 CSV 或 XLSX 文件。", code="missing_value")
        with tempfile.TemporaryDirectory(prefix="prepay-upload-") as folder:
            path = Path(folder) / "upload"
            upload.save(path)
            name = spelled_out(upload.filename)[:120]
            done = take_in_purchases(current_context(), current_actor(), path, name)
    except RejectedLines as error:
        return _page(typed().with_error(error, "file"), error.rejected)[0], 422
    except MalformedInput as error:
        return _page(typed().with_error(error, "file"))[0], status_of(error)
    known = f"，{done.known:,} 行以前导入过" if done.known else ""
    say("ok", f"导入了 {done.new:,} 行采购明细{known}。")
    return redirect("/finance/fund/purchases", 303)


def _page(form: Form, rejected: list[RejectedLine] | None = None) -> tuple[str, int]:
    query, asked = asked_query()
    supplier = request.args.get("supplier", "").strip()[:200]
    found = read_watch(current_context(), current_actor(), query.first, query.last, supplier, page_number())
    page = render_template(
        "pages/fund/purchases.html",
        filters=asked,
        labels={"first": "从", "last": "到"},
        form=form,
        columns=[{"label": one.label, "required": one.required} for one in COLUMNS.values()],
        rejected=rejected or [],
        span=period_words(Period(query.first, query.last)),
        supplier=supplier,
        clear_href=f"/finance/fund/purchases?{urlencode({'first': query.first, 'last': query.last})}",
        total=_sums("", found.total),
        months=[_sums(period_words(Period(month, month)), one) for month, one in found.by_month.items()],
        suppliers=[
            {**_sums(name, one), "href": _href(query.first, query.last, name)}
            for name, one in found.by_supplier.items()
        ],
        lines=[
            {
                "on": one.bought_on,
                "kind": CATEGORIES[one.kind],
                "name": one.name,
                "code": one.code,
                "supplier": one.supplier,
                "fen": one.amount_fen,
                "reason": one.reason,
            }
            for one in found.lines
        ],
        page=page_of(len(found.lines), found.line_count, "行", LINES_A_PAGE),
        clauses=[chip(clause, "收回情形第八项") for clause in found.clauses or GROUNDS.values()],
        is_own=bool(found.clauses),
        is_public=found.is_public,
        may_import=current_actor().may(Permission.FUND_APPLY),
    )
    return page, 422 if asked.errors else 200


def _href(first: str, last: str, supplier: str) -> str:
    return f"/finance/fund/purchases?{urlencode({'first': first, 'last': last, 'supplier': supplier})}#h-lines"


def _sums(label: str, one: Bought) -> Mapping[str, Any]:
    share = one.off_share
    per_ten_thousand = None if share is None else share.numerator * 10_000 // share.denominator
    return {
        "label": label,
        "lines": one.lines,
        "fen": one.fen,
        "off_lines": one.off_lines,
        "off_fen": one.off_fen,
        "more_returned": one.more_returned,
        "share": "—" if per_ten_thousand is None else f"{per_ten_thousand // 100}.{per_ten_thousand % 100:02d}%",
    }
