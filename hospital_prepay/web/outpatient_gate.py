"""``/finance/outpatient/gate``: the kept filing and its postings, deposits taken or refused, kinds that are none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from flask import Blueprint, redirect, render_template

from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.errors import Conflict, MalformedInput
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.outpatient.gate import PLACES
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.flash import say
from hospital_prepay.http.forms import Form, WrongForm, read_form, typed
from hospital_prepay.http.paging import page_number
from hospital_prepay.http.permission import requires
from hospital_prepay.schemas import outpatient_gate as schemas
from hospital_prepay.services.outpatient import gate, gate_review
from hospital_prepay.services.outpatient.gate import TakenDeposit
from hospital_prepay.web import outpatient_gate_view as view

ROOT: Final = "/finance/outpatient/gate"
blueprint = Blueprint("outpatient_gate", __name__, url_prefix=ROOT)
Answer = Any


@blueprint.get("")
@requires(Permission.OUTPATIENT_VIEW)
def show() -> str:
    """The gate: filings, postings, what was taken and refused."""
    return _gate()


@blueprint.post("")
@requires(Permission.OUTPATIENT_FILE)
def propose() -> Answer:
    """Write down what the authority's paper keeps."""

    def do() -> str:
        gate.propose_kept(current_context(), current_actor(), read_form(schemas.ProposeKeptSchema()))
        return "已登记备案，还没有施行。下一步：另一个人对照批件核对。"

    return _act("propose", do)


@blueprint.post("/<filing_id>/approve")
@requires(Permission.OUTPATIENT_APPROVE)
def approve(filing_id: str) -> Answer:
    """Another person compared it with the paper."""

    def do() -> str:
        gate.decide_kept(current_context(), current_actor(), filing_id, approved=True)
        return "备案已施行。三处都公示以后，窗口才能收。"

    return _act("decide", do)


@blueprint.post("/<filing_id>/reject")
@requires(Permission.OUTPATIENT_APPROVE)
def reject(filing_id: str) -> Answer:
    """It doesn't agree with the paper."""

    def do() -> str:
        gate.decide_kept(current_context(), current_actor(), filing_id, approved=False)
        return "已退回，没有施行。改好后重新登记。"

    return _act("decide", do)


@blueprint.post("/<filing_id>/end")
@requires(Permission.OUTPATIENT_APPROVE)
def end(filing_id: str) -> Answer:
    """It is no longer in force."""

    def do() -> str:
        gate.end_kept(current_context(), current_actor(), filing_id)
        return "备案已停用，从现在起不能再收。已经收的仍是患者的钱。"

    return _act("decide", do)


@blueprint.post("/<filing_id>/postings")
@requires(Permission.OUTPATIENT_FILE)
def post(filing_id: str) -> Answer:
    """It stands posted in one more place."""

    def do() -> str:
        said = read_form(schemas.PostedSchema())
        gate.record_posting(current_context(), current_actor(), filing_id, said.place, said.posted_on, said.proof)
        return f"已登记{PLACES[said.place]}的公示。"

    return _act("post", do)


@blueprint.get("/take")
@requires(Permission.OUTPATIENT_ACCEPT)
def ask_deposit() -> str:
    """The form of a deposit."""
    return _take(Form())


@blueprint.post("/take")
@requires(Permission.OUTPATIENT_ACCEPT)
def take() -> Answer:
    """Take a deposit, or say why not; a refusal is on record."""
    try:
        command = read_form(schemas.TakeDepositSchema())
        answer = gate.take_deposit(current_context(), current_actor(), command)
    except WrongForm as wrong:
        return _take(wrong.form), 422
    except MalformedInput as error:
        return _take(typed().with_error(error, error.details.get("field", ""))), 422
    except Conflict as error:
        return _take(typed("idempotency_key").with_error(error)), 409
    if answer.entry_no is None:
        return _take(typed("idempotency_key"), answer), 422
    say(
        "ok",
        f"已收 {Money(command.amount.fen)} 元，入账凭证 {answer.entry_no}。",
        href=view.account_href(command.account_no),
        link_label="看这个账户",
    )
    return redirect(f"{ROOT}/take", 303)


@blueprint.get("/kinds")
@requires(Permission.OUTPATIENT_VIEW)
def show_kinds() -> str:
    """What article 9 names, and what two people added to its open list."""
    return _kinds(Form())


@blueprint.post("/kinds")
@requires(Permission.OUTPATIENT_FILE)
def propose_kind() -> Answer:
    """Propose a kind with its ground."""
    try:
        said = read_form(schemas.OtherKindSchema())
        gate.propose_other_kind(current_context(), current_actor(), said.label, said.ground)
    except WrongForm as wrong:
        return _kinds(wrong.form), 422
    say("ok", f"已提出“{said.label}”，现在还按预交金算。下一步：另一个人认定。")
    return redirect(f"{ROOT}/kinds", 303)


@blueprint.post("/kinds/<kind_id>/approve")
@requires(Permission.OUTPATIENT_APPROVE)
def approve_kind(kind_id: str) -> Answer:
    """Another person holds it to be no deposit."""
    found = gate.decide_other_kind(current_context(), current_actor(), kind_id, approved=True)
    say("ok", f"已认定“{found.label}”不是门诊预交金。以后清查时按本院认定的其他款项记。")
    return redirect(f"{ROOT}/kinds", 303)


@blueprint.post("/kinds/<kind_id>/reject")
@requires(Permission.OUTPATIENT_APPROVE)
def reject_kind(kind_id: str) -> Answer:
    """Another person holds it to be one."""
    found = gate.decide_other_kind(current_context(), current_actor(), kind_id, approved=False)
    say("info", f"没有认定“{found.label}”，仍按门诊预交金退还。")
    return redirect(f"{ROOT}/kinds", 303)


def _act(name: str, do: Callable[[], str]) -> Answer:
    try:
        words = do()
    except WrongForm as wrong:
        return _gate(name, wrong.form), 422
    except MalformedInput as error:
        return _gate(name, typed().with_error(error, error.details.get("field", ""))), 422
    except Conflict as error:
        return _gate(name, typed().with_error(error)), 409
    say("ok", words)
    return redirect(ROOT, 303)


def _gate(name: str = "", form: Form | None = None) -> str:
    found = gate_review.read_gate(current_context(), current_actor(), page_number())
    return render_template("pages/outpatient/gate.html", **view.gate_page(found, name, form or Form()))


def _take(form: Form, refused: TakenDeposit | None = None) -> str:
    found = gate_review.read_gate(current_context(), current_actor())
    return render_template("pages/outpatient/gate_take.html", **view.take_page(found, form, refused))


def _kinds(form: Form) -> str:
    found, names = gate_review.other_kinds(current_context(), current_actor())
    return render_template("pages/outpatient/gate_kinds.html", **view.kinds_page(found, names, form))
