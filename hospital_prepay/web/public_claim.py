"""``/public/claim``: a patient's own balance and application on-line; a visit booked by a proxy or an heir.

Nobody is signed in here, not even staff who are: what is asked on this page is no step of a claim. Nothing is kept in
addresses or caches, and what is wrong with what was told is never said.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, make_response, render_template, request

from hospital_prepay.domain.access import Actor
from hospital_prepay.domain.errors import Conflict, MalformedInput, NotFound
from hospital_prepay.domain.rules.outpatient.claims import Claimant, Paper, needed_papers, to_bring
from hospital_prepay.http.csrf import csrf_token
from hospital_prepay.http.current import address, current_context
from hospital_prepay.http.forms import Form, WrongForm, read_form, typed
from hospital_prepay.http.permission import public
from hospital_prepay.http.public_cache import revalidated
from hospital_prepay.schemas import outpatient_public as schemas
from hospital_prepay.services.access.login import NOBODY
from hospital_prepay.services.outpatient import online
from hospital_prepay.services.outpatient.notice import notice_of
from hospital_prepay.services.outpatient.online import Booked, Looked, OwnDeposit
from hospital_prepay.services.publication.institution import Hospital
from hospital_prepay.services.publication.posted_table import hospital_by_code
from hospital_prepay.web.fund_words import keyed
from hospital_prepay.web.public_outpatient import links_of, phone_href

blueprint = Blueprint("public_claim", __name__, url_prefix="/public/claim")


@blueprint.get("")
@public
def ask() -> Response:
    """The form by which the owner looks."""
    return _page("claim.html", form=Form())


@blueprint.post("")
@public
def look() -> Response:
    """The owner's deposits, or one answer for every "no"."""
    try:
        told = read_form(schemas.IdentitySchema())
        found = online.look_up(current_context(), _actor(), told, csrf_token())
    except WrongForm as wrong:
        return _page("claim.html", 422, form=wrong.form)
    except MalformedInput as error:
        return _page("claim.html", 422, form=typed().with_error(error, error.details.get("field", "")))
    if not found.allowed:
        return _page("claim_wait.html", 429)
    if not found.deposits:
        return _page("claim_none.html")
    return _own(found, Form({"phone": told.phone}))


@blueprint.post("/ask")
@public
def ask_own() -> Response:
    """The owner applies for one of them."""
    sealed = request.form.get("sealed", "")
    try:
        command = read_form(schemas.AskOwnSchema())
        booked = online.ask_own(current_context(), _actor(), sealed, csrf_token(), command)
    except WrongForm as wrong:
        return _again(sealed, wrong.form, 422)
    except MalformedInput as error:
        if error.reason == "page_over":
            return _over(error)
        return _again(sealed, typed().with_error(error, error.details.get("field", "")), 422)
    except Conflict as error:
        return _again(sealed, typed().with_error(error), 409)
    return _booked(booked, Claimant.SELF)


@blueprint.get("/for-another")
@public
def ask_another() -> Response:
    """The form of a proxy or an heir."""
    claimant = request.args.get("claimant", "")
    known = claimant if claimant in (Claimant.PROXY, Claimant.HEIR) else Claimant.PROXY.value
    return _another(Form({"claimant": known}))


@blueprint.post("/for-another")
@public
def book_another() -> Response:
    """They book a visit; what the hospital knows of the patient isn't told."""
    try:
        command = read_form(schemas.AskForAnotherSchema())
        booked = online.ask_for_another(current_context(), _actor(), command)
    except WrongForm as wrong:
        return _another(wrong.form, 422)
    except MalformedInput as error:
        return _another(typed().with_error(error, error.details.get("field", "")), 422)
    except Conflict as error:
        return _another(typed("idempotency_key").with_error(error), 409)
    if booked is None:
        return _page("claim_wait.html", 429)
    return _booked(booked, command.claimant)


def _again(sealed: str, form: Form, status: int) -> Response:
    """The deposits with what is to be mended; a page that is over begins anew."""
    try:
        found = online.shown_again(current_context(), _actor(), sealed, csrf_token())
    except MalformedInput as error:
        return _over(error)
    if not found.deposits:
        return _page("claim_none.html")
    return _own(found, form, status)


def _over(error: MalformedInput) -> Response:
    """The page can't be used any more: the owner looks again, and reads why."""
    return _page("claim.html", 422, form=Form({}, {"": error.message}))


def _own(found: Looked, form: Form, status: int = 200) -> Response:
    open_ = [one for one in found.deposits if not one.waits]
    first = next((way.value for way, why in open_[0].ways if not why), "") if open_ else ""
    defaults = {"place": str(open_[0].place), "route": first} if open_ else {}
    return _page(
        "claim_own.html",
        status,
        deposits=[
            {
                "place": one.place,
                "tail": one.tail,
                "due_fen": one.due_fen,
                "waits": one.waits,
                "told": one.told,
                "original": any(not why for way, why in one.ways if way.value == "original"),
            }
            for one in found.deposits
        ],
        total_fen=sum(one.due_fen for one in found.deposits),
        by_card=found.by_card,
        may_ask=bool(open_),
        several=len(open_) > 1,
        ways=_ways(open_),
        sealed=found.sealed,
        form=Form({**defaults, **form.entered}, form.errors),
    )


def _ways(deposits: list[OwnDeposit]) -> list[dict[str, Any]]:
    """Ways that are open for one of the deposits at least, the likeliest first; each is looked at once more when it
    is sent."""
    notes = {
        "original": "退回您当时付款的微信、支付宝或银行卡",
        "bank": "只能是患者本人名下的卡",
        "cash": "本人带身份证原件到窗口领",
    }
    open_ = {way for one in deposits for way, why in one.ways if not why}
    order = [way for one in deposits[:1] for way, _ in one.ways]
    return [{"value": way.value, "label": way.label, "note": notes[way.value]} for way in order if way in open_]


def _booked(booked: Booked, claimant: Claimant) -> Response:
    return _page(
        "claim_booked.html",
        request_no=booked.request_no,
        papers=[to_bring(paper) for paper in booked.papers],
        claimant=claimant.label,
        is_own=claimant is Claimant.SELF,
    )


def _another(form: Form, status: int = 200) -> Response:
    lists = [
        {"label": one.label, "papers": [to_bring(paper) for paper in needed_papers(one, card_lost=False)]}
        for one in (Claimant.PROXY, Claimant.HEIR)
    ]
    choices = [
        {"value": Claimant.PROXY.value, "label": "代办", "note": "患者委托我来办"},
        {"value": Claimant.HEIR.value, "label": "继承", "note": "患者已经去世"},
    ]
    return _page(
        "claim_another.html", status, form=keyed(form), lists=lists, choices=choices, lost=Paper.LOST_CARD.label
    )


def _hospital() -> Hospital:
    found = hospital_by_code(current_context(), request.values.get("institution"))
    if not found.code:
        raise NotFound("还没有录入医院，请联系系统管理员。")
    return found


def _actor() -> Actor:
    """The public, of the institution the page speaks of; whoever is signed in isn't it."""
    return Actor(_hospital().code, NOBODY, "", frozenset(), address())


def _page(template: str, status: int = 200, **context: Any) -> Response:
    hospital = _hospital()
    notice = notice_of(current_context(), hospital)
    page = render_template(
        f"pages/publication/{template}",
        frame={"hospital": hospital, "demo": current_context().settings.is_demo},
        institution=hospital.code,
        notice=notice,
        phone_href=phone_href(notice.phone),
        links=links_of(hospital),
        **context,
    )
    return revalidated(make_response(page, status), keep=False)
