"""``/finance/fund/usage``: the usage report, and the entries behind each of its figures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from flask import Blueprint, Response, redirect, render_template, request
from marshmallow import ValidationError

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import MalformedInput, NotFound
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.flash import say
from hospital_prepay.http.forms import Form, WrongForm, read_form, typed
from hospital_prepay.http.paging import page_number, page_of
from hospital_prepay.http.permission import requires
from hospital_prepay.schemas.base import messages_of
from hospital_prepay.schemas.fund_reports import DisclosureSchema, FigureSchema, UsageQuerySchema
from hospital_prepay.services.context import Context
from hospital_prepay.services.fund import review
from hospital_prepay.services.fund.disclosure import PUBLISHED_KIND, held_against, record_disclosure
from hospital_prepay.services.fund.grants import FUND_NAMES
from hospital_prepay.services.fund.usage import ENTRIES_A_PAGE, UsageQuery, last_year_moved, read_figure, read_usage
from hospital_prepay.services.fund.usage_papers import usage_pdf, usage_workbook
from hospital_prepay.web import fund_usage_view as view

blueprint = Blueprint("fund_usage", __name__, url_prefix="/finance/fund/usage")


@blueprint.get("")
@requires(Permission.FUND_VIEW)
def show_usage() -> Any:
    """The report: the last year in which something moved, by month, unless other months are asked for."""
    return _page(Form())


@blueprint.get("/report.xlsx")
@requires(Permission.FUND_VIEW)
def download_workbook() -> Any:
    """The same figures as a workbook."""
    return _download(usage_workbook, "xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")


@blueprint.get("/report.pdf")
@requires(Permission.FUND_VIEW)
def download_paper() -> Any:
    """The same figures on paper."""
    return _download(usage_pdf, "pdf", "application/pdf")


@blueprint.post("/disclosure")
@requires(Permission.FUND_APPLY)
def record_published() -> Any:
    """Write down what the authority published at the end of a year."""
    try:
        said = read_form(DisclosureSchema())
        record_disclosure(current_context(), current_actor(), said)
    except WrongForm as wrong:
        return _page(wrong.form), 422
    except MalformedInput as error:
        return _page(typed().with_error(error, str(error.details.get("field", "")))), 422
    say("ok", "已登记公布数。下面列出与本院账上的差额。")
    return redirect("/finance/fund/usage#h-published", 303)


def _page(published: Form) -> Any:
    query, form = asked_query()
    context, actor = current_context(), current_actor()
    report = read_usage(context, actor, query)
    grants = review.fund_overview(context, actor).grants
    held, names = held_against(context, actor)
    asked = [one.ours for one in held if one.ours.kind == PUBLISHED_KIND]
    page = render_template(
        "pages/fund/usage.html",
        **view.usage_page(report, grants, form),
        held=[view.held_line(one, names) for one in held],
        published=published,
        may_record=actor.may(Permission.FUND_APPLY),
        funds=[{"value": name, "label": FUND_NAMES[name]} for name in sorted({one.fund for one in asked})],
        years=[{"value": year, "label": f"{year} 年"} for year in sorted({one.year for one in asked})],
    )
    return (page, 422) if form.errors else page


def _download(make: Callable[[Context, Actor, UsageQuery], bytes], ending: str, mimetype: str) -> Any:
    query, form = asked_query()
    if form.errors:
        return _page(Form())
    made = make(current_context(), current_actor(), query)
    name = quote(f"预付金使用报表-{query.first}至{query.last}.{ending}")
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{name}"}
    return Response(made, mimetype=mimetype, headers=headers)


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
    return render_template(
        "pages/fund/usage_entries.html",
        **view.entries_page(found, grants, paid=request.args.get("as") == "paid"),
        page=page,
    )


def asked_query() -> tuple[UsageQuery, Form]:
    """What the address asks for, and the form that shows it; what is wrong with it is told beside its field."""
    year = last_year_moved(current_context(), current_actor())
    usual = {"first": f"{year}-01", "last": f"{year}-12", "by": "month", "grant": ""}
    given = {name: request.args.get(name, "").strip() or standard for name, standard in usual.items()}
    try:
        return UsageQuerySchema().read(given), Form(given)
    except ValidationError as error:
        errors = {name: str(told[0]) for name, told in messages_of(error).items()}
        return UsageQuerySchema().read(usual), Form(given, errors)
