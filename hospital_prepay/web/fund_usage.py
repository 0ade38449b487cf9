"""``/finance/fund/usage``: the usage report, and the entries behind each of its figures."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, request
from marshmallow import ValidationError

from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.errors import NotFound
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.forms import Form
from hospital_prepay.http.paging import page_number, page_of
from hospital_prepay.http.permission import requires
from hospital_prepay.schemas.base import messages_of
from hospital_prepay.schemas.fund_reports import FigureSchema, UsageQuerySchema
from hospital_prepay.services.fund import review
from hospital_prepay.services.fund.usage import ENTRIES_A_PAGE, UsageQuery, read_figure, read_usage
from hospital_prepay.web import fund_usage_view as view

blueprint = Blueprint("fund_usage", __name__, url_prefix="/finance/fund/usage")


@blueprint.get("")
@requires(Permission.FUND_VIEW)
def show_usage() -> Any:
    """The report: this year by month, unless other months are asked for."""
    query, form = asked_query()
    report = read_usage(current_context(), current_actor(), query)
    grants = review.fund_overview(current_context(), current_actor()).grants
    page = render_template("pages/fund/usage.html", **view.usage_page(report, grants, form))
    return (page, 422) if form.errors else page


@blueprint.get("/entries")
@requires(Permission.FUND_VIEW)
def show_entries() -> str:
    """The entries behind one figure; their sum is the figure."""
    try:
        figure = FigureSchema().figure(request.args.to_dict())
    except ValidationError as error:
        raise NotFound("没有这个数字。请回到报表，从表里点开。") from error
    found = read_figure(current_context(), current_actor(), figure, page_number())
    grants = review.fund_overview(current_context(), current_actor()).grants
    page = page_of(len(found.entries), found.count, "笔", ENTRIES_A_PAGE)
    return render_template("pages/fund/usage_entries.html", **view.entries_page(found, grants), page=page)


def asked_query() -> tuple[UsageQuery, Form]:
    """What the address asks for, and the form that shows it; what is wrong with it is told beside its field."""
    year = current_context().clock.today().year
    usual = {"first": f"{year}-01", "last": f"{year}-12", "by": "month", "grant": ""}
    given = {name: request.args.get(name, "").strip() or standard for name, standard in usual.items()}
    try:
        return UsageQuerySchema().read(given), Form(given)
    except ValidationError as error:
        errors = {name: str(told[0]) for name, told in messages_of(error).items()}
        return UsageQuerySchema().read(usual), Form(given, errors)
