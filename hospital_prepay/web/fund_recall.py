"""``/finance/fund/recall``: grounds of recall, the cash for the day of clearing, and netting."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, redirect, render_template, request

from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.errors import Conflict, MalformedInput
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.flash import say
from hospital_prepay.http.forms import Form, WrongForm, read_form, typed
from hospital_prepay.http.permission import requires
from hospital_prepay.schemas import fund_recall_forms as schemas
from hospital_prepay.services.fund import netting, recall, recall_review
from hospital_prepay.web import fund_recall_view as view

blueprint = Blueprint("fund_recall", __name__, url_prefix="/finance/fund/recall")
Show = Callable[[str, Form | None], str]


@blueprint.get("")
@requires(Permission.FUND_VIEW)
def show_recall() -> str:
    """Grounds, what each grant needs on its day, and what waits to be netted."""
    context, actor = current_context(), current_actor()
    found = recall_review.recall_overview(context, actor)
    outlooks = [
        recall_review.outlook(context, actor, one.grant_id) for one in found.grants if one.state == "received"
    ]
    return render_template("pages/fund/recall.html", **view.overview_page(found, [one for one in outlooks if one]))


@blueprint.get("/new")
@requires(Permission.FUND_RETURN)
def new_recall() -> str:
    """The form of a ground; the place first, for each has grounds of its own."""
    return _new_page("", Form({"regime": request.args.get("regime", "")}))


@blueprint.post("/new")
@requires(Permission.FUND_RETURN)
def record_recall() -> Any:
    """Write down a ground: spending stops from now on."""

    def do() -> tuple[str, str]:
        said = read_form(schemas.RecallFormSchema())
        command = recall.RecordRecall(
            said.regime, said.ground, said.what, said.since_on, said.document, said.idempotency_key
        )
        answer = recall.record_recall(current_context(), current_actor(), command)
        if answer.recall_id is None:
            raise MalformedInput(answer.decision.reasons[0].message, details={"field": "ground"})
        words = "已登记，预付金暂停审批和付款（本院规定）。" + (
            "下一步：按下面的要求交回。" if answer.decision.amount else "没有应还的，不用退回。"
        )
        return words, f"/finance/fund/recall/{answer.recall_id}"

    return act("recall", _new_page, do)


@blueprint.get("/<recall_id>")
@requires(Permission.FUND_VIEW)
def show_ground(recall_id: str) -> str:
    """One ground: what follows from it, and the forms of the viewer's role."""
    return _ground_page(recall_id)("", None)


@blueprint.post("/<recall_id>/urge")
@requires(Permission.FUND_RETURN)
def urge(recall_id: str) -> Any:
    """The day the authority urged the return."""

    def do() -> tuple[str, str]:
        said = read_form(schemas.UrgedFormSchema())
        command = recall.UrgeRecall(recall_id, said.urged_on, said.document)
        decision = recall.urge_recall(current_context(), current_actor(), command)
        return view.urged_words(decision), f"/finance/fund/recall/{recall_id}"

    return act("urge", _ground_page(recall_id), do)


@blueprint.post("/<recall_id>/lift")
@requires(Permission.FUND_RECORD)
def lift(recall_id: str) -> Any:
    """The ground is gone; by another person than who recorded it."""

    def do() -> tuple[str, str]:
        said = read_form(schemas.LiftedFormSchema())
        recall.lift_recall(
            current_context(), current_actor(), recall.LiftRecall(recall_id, said.ground, said.document)
        )
        words = "已登记解除，可以继续审批和付款。暂停拨付的，请在那一笔里登记恢复。"
        return words, f"/finance/fund/recall/{recall_id}"

    return act("lift", _ground_page(recall_id), do)


@blueprint.get("/forecast/<grant_id>")
@requires(Permission.FUND_VIEW)
def show_forecast(grant_id: str) -> str:
    """Will the money be there, by the last settlement of the books."""
    found = recall_review.outlook(current_context(), current_actor(), grant_id)
    return _forecast_page(grant_id, found, None)


@blueprint.post("/forecast/<grant_id>")
@requires(Permission.FUND_VIEW)
def compute_forecast(grant_id: str) -> Any:
    """The same by what the officer expects. Nothing is stored."""
    context, actor = current_context(), current_actor()
    try:
        said = read_form(schemas.OutlookFormSchema())
    except WrongForm as wrong:
        return _forecast_page(grant_id, recall_review.outlook(context, actor, grant_id), wrong.form), 422
    found = recall_review.outlook(context, actor, grant_id, said.monthly, said.own_cash)
    return _forecast_page(grant_id, found, typed())


@blueprint.get("/netting/<old_id>/<new_id>")
@requires(Permission.FUND_VIEW)
def show_netting(old_id: str, new_id: str) -> str:
    """What a netting would do, before anything is booked."""
    return _netting_page(old_id, new_id)("", None)


@blueprint.post("/netting/<old_id>/<new_id>")
@requires(Permission.FUND_RETURN)
def net(old_id: str, new_id: str) -> Any:
    """Book the netting."""

    def do() -> tuple[str, str]:
        said = read_form(schemas.NettingFormSchema())
        command = netting.NetGrants(old_id, new_id, said.netted_on, said.bank_reference, said.idempotency_key)
        done = netting.net_grants(current_context(), current_actor(), command)
        words = f"已轧差，差额 {done.decision.amount} 元。上年这笔已清算，今年这笔在用。"
        return words, f"/finance/fund/grants/{new_id}"

    return act("netting", _netting_page(old_id, new_id), do)


def act(name: str, show: Show, do: Callable[[], tuple[str, str]]) -> Any:
    """Do it and say what came of it; or the page again with what was typed and what is wrong."""
    try:
        words, there = do()
    except WrongForm as wrong:
        return show(name, wrong.form), 422
    except MalformedInput as error:
        return show(name, typed().with_error(error, str(error.details.get("field", "")))), 422
    except Conflict as error:
        return show(name, typed("idempotency_key").with_error(error)), 409
    say("ok", words)
    return redirect(there, 303)


def _new_page(_name: str, form: Form | None) -> str:
    found = recall_review.recall_overview(current_context(), current_actor())
    today = current_context().clock.today()
    return render_template("pages/fund/recall_new.html", **view.new_page(found, form or Form(), today))


def _ground_page(recall_id: str) -> Show:
    def show(name: str, form: Form | None) -> str:
        found = recall_review.read_recall(current_context(), current_actor(), recall_id)
        today = current_context().clock.today()
        return render_template("pages/fund/recall_ground.html", **view.ground_page(found, today, name, form))

    return show


def _forecast_page(grant_id: str, found: recall_review.Outlook | None, form: Form | None) -> str:
    return render_template("pages/fund/forecast.html", **view.forecast_page(grant_id, found, form))


def _netting_page(old_id: str, new_id: str) -> Show:
    def show(_name: str, form: Form | None) -> str:
        pair = recall_review.netting_pair(current_context(), current_actor(), old_id, new_id)
        today = current_context().clock.today()
        return render_template("pages/fund/netting.html", **view.netting_page(pair, today, form))

    return show
