"""``/settlement/arrears``: who owes since when, and what is done about it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlencode

from flask import Blueprint, Response, redirect, render_template, request

from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.errors import Conflict, MalformedInput
from hospital_prepay.domain.insured_class import InsuredClass
from hospital_prepay.domain.masking import mask_name
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.settlement.arrears import ActKind, Band, Kept
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.flash import say
from hospital_prepay.http.forms import Form, WrongForm, read_form, typed
from hospital_prepay.http.paging import page_number, page_of
from hospital_prepay.http.permission import requires
from hospital_prepay.schemas.arrears import INSTALMENTS, ActSchema, ContactSchema, DecideSchema, PromiseSchema
from hospital_prepay.services.settlement import arrears as service
from hospital_prepay.services.settlement import arrears_acts, arrears_papers
from hospital_prepay.services.settlement.arrears import A_PAGE, WAYS, Chosen, MakePromise, NoteContact, Owing
from hospital_prepay.services.settlement.arrears_acts import AskAct, DecideAct
from hospital_prepay.web.fund_words import keyed
from hospital_prepay.web.outpatient_steps import attachment

ROOT: Final = "/settlement/arrears"
blueprint = Blueprint("arrears", __name__, url_prefix=ROOT)
KEPT_MARKS: Final = {Kept.KEPT: "ok", Kept.OPEN: "info", Kept.BROKEN: "stop"}
_STATES: Final = {"waiting": ("wait", "等另一个人决定"), "done": ("ok", "已入账"), "refused": ("idle", "没有同意")}


@blueprint.get("")
@requires(Permission.SETTLEMENT_VIEW)
def show_list() -> str:
    """Who owes."""
    chosen = _chosen()
    found = service.list_arrears(current_context(), current_actor(), chosen, page=page_number())
    tabs = [_tab(chosen, None, "全部", sum(one.number for one in found.bands))]
    tabs += [_tab(chosen, one.band, one.band.label, one.number) for one in found.bands]
    return render_template(
        "pages/settlement/arrears.html",
        tabs=tabs,
        bands=found.bands,
        total_fen=sum(one.owed_fen for one in found.bands),
        found=found,
        rows=[_line(one) for one in found.rows],
        page=page_of(len(found.rows), found.number, "次", A_PAGE),
        chosen=chosen,
        classes=[(one.value, one.label) for one in InsuredClass],
        kept=[(one.value, one.label) for one in Kept],
        waiting=[
            {"act": one, "kind": ActKind(one.kind).label, "href": f"{ROOT}/{one.stay_no}"} for one in found.waiting
        ],
        written_off=[(stay_no, _name(name), fen) for stay_no, name, fen in found.written_off],
        file_href=_href(chosen, path=f"{ROOT}/list.xlsx"),
    )


@blueprint.get("/list.<kind>")
@requires(Permission.SETTLEMENT_VIEW)
def download(kind: str) -> Response:
    """The list as a file, narrowed like its page."""
    made = arrears_papers.arrears_file(current_context(), current_actor(), _chosen(), kind)
    return attachment(made, f"出院病人欠费{current_context().clock.today()}", kind)


@blueprint.get("/<stay_no>")
@requires(Permission.SETTLEMENT_VIEW)
def show_stay(stay_no: str) -> str:
    """One stay's arrears."""
    return _page(stay_no)


@blueprint.post("/<stay_no>/promises")
@requires(Permission.SETTLEMENT_MANAGE)
def promise(stay_no: str) -> Any:
    """Keep a plan of the patient."""

    def act() -> str:
        said = read_form(PromiseSchema())
        command = MakePromise(stay_no, said.instalments, said.note, said.idempotency_key)
        service.make_promise(current_context(), current_actor(), command)
        return "还款约定已记下。交款照常在结算页收。"

    return _done(stay_no, "promise", act)


@blueprint.post("/<stay_no>/contacts")
@requires(Permission.SETTLEMENT_MANAGE)
def contact(stay_no: str) -> Any:
    """Keep a contact, or write a letter."""

    def act() -> str:
        said = read_form(ContactSchema())
        command = NoteContact(stay_no, said.way, said.words, said.idempotency_key)
        service.note_contact(current_context(), current_actor(), command)
        return "催缴函已登记，请在联系记录里打印。" if said.way == "letter" else "联系已记下。"

    return _done(stay_no, "contact", act)


@blueprint.get("/<stay_no>/letters/<int:contact_no>.pdf")
@requires(Permission.SETTLEMENT_MANAGE)
def letter(stay_no: str, contact_no: int) -> Response:
    """A letter on record, to print."""
    made = arrears_papers.letter(current_context(), current_actor(), stay_no, contact_no)
    return attachment(made, f"催缴函{stay_no}-{contact_no}", "pdf")


@blueprint.post("/<stay_no>/acts")
@requires(Permission.SETTLEMENT_MANAGE)
def ask(stay_no: str) -> Any:
    """Ask for a provision, its release or a write-off."""

    def act() -> str:
        said = read_form(ActSchema())
        command = AskAct(stay_no, said.kind, said.amount, said.ground, said.evidence, said.idempotency_key)
        arrears_acts.ask_act(current_context(), current_actor(), command)
        return f"已申请{said.kind.label} {said.amount} 元，等财务里另一个人决定；现在没有入账。"

    return _done(stay_no, "act", act)


@blueprint.post("/<stay_no>/acts/decide")
@requires(Permission.SETTLEMENT_MANAGE)
def decide(stay_no: str) -> Any:
    """Do it, or turn it down."""
    approve = request.form.get("act") == "approve"

    def act() -> str:
        said = read_form(DecideSchema())
        command = DecideAct(stay_no, said.act_id, approve, said.answer, said.idempotency_key)
        arrears_acts.decide_act(current_context(), current_actor(), command)
        return "已同意，已入账。" if approve else "没有同意，没有入账。"

    return _done(stay_no, "decide", act)


def _done(stay_no: str, opened: str, act: Callable[[], str]) -> Any:
    try:
        words = act()
    except WrongForm as wrong:
        return _page(stay_no, opened, wrong.form), 422
    except MalformedInput as error:
        return _page(stay_no, opened, typed().with_error(error, str(error.details.get("field", "")))), 422
    except Conflict as error:
        return _page(stay_no, opened, typed("idempotency_key").with_error(error)), 409
    say("ok", words)
    return redirect(f"{ROOT}/{stay_no}", 303)


def _page(stay_no: str, opened: str = "", form: Form | None = None) -> str:
    context, actor = current_context(), current_actor()
    found = service.arrears_of(context, actor, stay_no)
    names, may = found.names, actor.may(Permission.SETTLEMENT_MANAGE)
    waiting = next((one for one in found.acts if one.state == "waiting"), None)
    kinds = [one for one in ActKind if found.standing.most_fen(one)]
    return render_template(
        "pages/settlement/arrears_stay.html",
        stay_no=stay_no,
        name=_name(found.state.patient_name),
        insured=InsuredClass(found.state.insured_class).label,
        standing=found.standing,
        paid_fen=found.paid_fen,
        promises=[
            {
                "one": one,
                "state": {"kind": KEPT_MARKS[one.kept], "word": one.kept.label}
                if number == 0
                else {"kind": "idle", "word": "已改约"},
                "by": names.get(one.row.made_by, one.row.made_by),
            }
            for number, one in enumerate(found.promises)
        ],
        contacts=[
            {"one": one, "way": WAYS[one.way], "by": names.get(one.made_by, one.made_by)} for one in found.contacts
        ],
        acts=[
            {
                "one": one,
                "kind": ActKind(one.kind).label,
                "state": dict(zip(("kind", "word"), _STATES[one.state], strict=True)),
                "asked_by": names.get(one.asked_by, one.asked_by),
                "decided_by": names.get(one.decided_by or "", one.decided_by),
                "entry_href": f"/finance/ledger/{one.entry_no}"
                if one.entry_no and actor.may(Permission.LEDGER_VIEW)
                else None,
            }
            for one in found.acts
        ],
        waiting=waiting,
        waiting_kind=ActKind(waiting.kind).label if waiting else "",
        waiting_amount=Money(waiting.amount_fen) if waiting else None,
        is_mine=waiting is not None and waiting.asked_by == actor.actor_id,
        kinds=[
            {"value": one.value, "label": f"{one.label}（最多 {Money(found.standing.most_fen(one))} 元）"}
            for one in kinds
        ],
        ways=[{"value": value, "label": label} for value, label in WAYS.items()],
        numbers=range(1, INSTALMENTS + 1),
        may_manage=may,
        may_pay=actor.may(Permission.SETTLEMENT_SETTLE),
        problem=form or Form(),
        forms={name: keyed(form if name == opened else None) for name in ("promise", "contact", "act", "decide")},
    )


def _chosen() -> Chosen:
    args = request.args
    insured, band, kept = args.get("class", ""), args.get("band", ""), args.get("kept", "")
    return Chosen(
        ward=args.get("ward", "")[:80],
        insured_class=insured if insured in set(InsuredClass) else "",
        band=Band(band) if band in set(Band) else None,
        kept=Kept(kept) if kept in set(Kept) else None,
    )


def _href(chosen: Chosen, *, path: str = ROOT, **changes: str) -> str:
    said = {
        "ward": chosen.ward,
        "class": chosen.insured_class,
        "band": chosen.band or "",
        "kept": chosen.kept or "",
        **changes,
    }
    query = urlencode({name: value for name, value in said.items() if value})
    return f"{path}?{query}" if query else path


def _tab(chosen: Chosen, band: Band | None, label: str, count: int) -> dict[str, Any]:
    return {"label": label, "count": count, "current": chosen.band is band, "href": _href(chosen, band=band or "")}


def _line(one: Owing) -> dict[str, Any]:
    return {
        "one": one,
        "name": _name(one.row.patient_name),
        "class": InsuredClass(one.row.insured_class).label,
        "kept": {"kind": KEPT_MARKS[one.kept], "word": one.kept.label} if one.kept else None,
        "way": WAYS[one.contact.way] if one.contact else "",
        "href": f"{ROOT}/{one.row.stay_no}",
    }


def _name(name: str) -> str:
    return name if current_actor().calls_patients else mask_name(name)
