"""``/finance/outpatient/payments``: confirmed refunds into a file for the bank, and the bank's answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flask import Blueprint, Response, redirect, render_template, request

from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.errors import Conflict, MalformedInput
from hospital_prepay.domain.numbers import number_of
from hospital_prepay.domain.plain_text import spelled_out
from hospital_prepay.domain.rules.outpatient.claims import Route
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.flash import say
from hospital_prepay.http.forms import Form, WrongForm, read_form, typed
from hospital_prepay.http.permission import requires
from hospital_prepay.schemas.outpatient_claims import BankFileSchema
from hospital_prepay.services.fund.held_files import drop_file, held_file, hold_file
from hospital_prepay.services.outpatient import claim_review, payouts
from hospital_prepay.services.outpatient.bank_answers import HELD
from hospital_prepay.services.outpatient.claim_review import ListedClaim
from hospital_prepay.services.outpatient.payouts import MOST_PAYMENTS, Answered, FailedAttempt, ToldLine
from hospital_prepay.web.fund_words import keyed
from hospital_prepay.web.outpatient_claim_lists import claim_line

ROOT: Final = "/finance/outpatient/payments"
blueprint = Blueprint("outpatient_payments", __name__, url_prefix=ROOT)
_BY_BANK: Final = (Route.BANK, Route.ORIGINAL)
_LONGEST_NAME: Final = 120
_SHOWN: Final = 500
_RECENT: Final = 50
_OUTCOMES: Final = {
    "arrived": ("ok", "到账，已入账"),
    "failed": ("stop", "没退成"),
    "known": ("info", "以前已办"),
    "open": ("wait", "没有办"),
}


@blueprint.get("")
@requires(Permission.OUTPATIENT_VIEW)
def show() -> str:
    """What may be sent, what waits for an answer, and the files of either way."""
    return _page()


@blueprint.post("/files")
@requires(Permission.OUTPATIENT_PAY)
def make_file() -> Any:
    """Put the chosen claims into one file; a form sent twice makes one file."""
    try:
        said = read_form(BankFileSchema())
        made = payouts.make_bank_file(
            current_context(), current_actor(), said.route, said.claims, idempotency_key=said.idempotency_key
        )
    except WrongForm as wrong:
        return _page(wrong.form), 422
    except MalformedInput as error:
        return _page(typed().with_error(error, error.details.get("field", ""))), 422
    except Conflict as error:
        return _page(typed("idempotency_key").with_error(error)), 409
    say(
        "ok",
        f"第 {made.file_no} 号文件：{made.payments} 笔，{made.total} 元。钱还没有动，银行回单导入后才入账。",
        href=f"{ROOT}/files/{made.file_no}.csv",
        link_label="下载文件",
    )
    return redirect(ROOT, 303)


@blueprint.get("/files/<int:file_no>.csv")
@requires(Permission.OUTPATIENT_PAY)
def download(file_no: int) -> Response:
    """The file, byte for byte as it was made."""
    made = payouts.fetch_bank_file(current_context(), current_actor(), file_no)
    headers = {"Content-Disposition": f'attachment; filename="refunds-{file_no:04}.csv"', "Cache-Control": "no-store"}
    return Response(made.text.encode(), mimetype="text/csv", headers=headers)


@blueprint.post("/answers")
@requires(Permission.OUTPATIENT_PAY, takes_file=True)
def take_answers() -> Any:
    """Read the bank's file, and tell what came of each of its lines."""
    context, actor = current_context(), current_actor()
    given = request.files.get("file")
    if given is None or not given.filename:
        return _page(Form({}, {"file": "请选银行给的回单文件，CSV 或 XLSX。"})), 422
    name = spelled_out(given.filename)[:_LONGEST_NAME]
    token = hold_file(context, actor, given.stream)
    try:
        held = held_file(context, actor, token)
        answered = payouts.take_answers(context, actor, held, name, sent_file=_sent_file())
    except MalformedInput as error:
        return _page(typed().with_error(error, "file")), 422
    finally:
        drop_file(context, actor, token)
    return render_template("pages/outpatient/answers.html", **_answers_page(name, answered))


@blueprint.get("/answers/<sha256>")
@requires(Permission.OUTPATIENT_VIEW)
def show_answers(sha256: str) -> str:
    """What came of a file of the bank when it was read first."""
    name, answered = payouts.read_answers(current_context(), current_actor(), sha256)
    return render_template("pages/outpatient/answers.html", **_answers_page(name, answered))


def _sent_file() -> int | None:
    """Which of our files the bank answers, where somebody said so."""
    return number_of(request.form.get("file_no", ""))


def _page(form: Form | None = None) -> str:
    context, actor = current_context(), current_actor()
    found = payouts.list_payments(context, actor)
    ready = claim_review.list_claims(
        context, actor, ("confirmed", "failed"), routes=[one.value for one in _BY_BANK], size=MOST_PAYMENTS
    )
    return render_template(
        "pages/outpatient/payments.html",
        held=len(ready.held),
        ways=[
            _way(way, [one for one in ready.claims if one.route == way], ready.names, form, found.failed)
            for way in _BY_BANK
        ],
        overpaid=[
            {
                "refund_no": one.refund_no,
                "href": f"/desk/refunds/claims/{one.claim_id}",
                "amount_fen": one.amount_fen,
                "at": one.recorded_at,
            }
            for one in found.overpaid
        ],
        sent_files=[
            {"value": str(one.file_no), "label": f"第 {one.file_no} 号，等 {found.waiting.get(one.file_no, 0)} 笔"}
            for one in found.files[:_RECENT]
        ],
        files=[
            {
                "no": one.file_no,
                "route": Route(one.route).label,
                "payments": one.payments,
                "total_fen": one.total_fen,
                "who": found.names.get(one.made_by, one.made_by),
                "at": one.made_at,
                "waiting": found.waiting.get(one.file_no, 0),
                "href": f"{ROOT}/files/{one.file_no}.csv"
                if actor.may(Permission.OUTPATIENT_PAY) and found.waiting.get(one.file_no)
                else None,
            }
            for one in found.files
        ],
        answers=[
            {
                "name": one.file_name,
                "href": f"{ROOT}/answers/{one.sha256}",
                "arrived": one.arrived,
                "failed": one.failed,
                "unknown": one.unknown - one.held,
                "held": one.held,
                "who": found.names.get(one.imported_by, one.imported_by),
                "at": one.imported_at,
            }
            for one in found.answers
        ],
        form=form or Form(),
        may_pay=actor.may(Permission.OUTPATIENT_PAY),
        waiting=sum(found.waiting.values()),
    )


def _way(
    way: Route, claims: list[ListedClaim], names: Any, form: Form | None, failed: Mapping[str, FailedAttempt]
) -> dict[str, Any]:
    """The claims of one way, those that were never sent chosen beforehand. What the viewer reviewed, confirmed or
    sent last can't be chosen by them."""
    sent_back = form if form is not None and form.entered.get("route") == way.value else None
    rows = []
    for one in claims:
        last = failed.get(one.claim_id)
        typed_in = sent_back is not None and bool(sent_back.entered.get(f"claim-{one.claim_id}"))
        rows.append(
            {
                **claim_line(one, names),
                "why_not": _why_not(one, last),
                "failure": last.failure if last else "",
                "chosen": typed_in if sent_back is not None else last is None,
            }
        )
    chosen = [one for one in rows if one["chosen"] and not one["why_not"]]
    return {
        "value": way.value,
        "label": way.label,
        "claims": rows,
        "may_count": sum(1 for one in rows if not one["why_not"]),
        "chosen_count": len(chosen),
        "chosen_fen": sum(one["amount_fen"] for one in chosen),
        "form": keyed(sent_back),
    }


def _why_not(one: ListedClaim, last: FailedAttempt | None) -> str | None:
    me = current_actor().actor_id
    if me in (one.reviewed_by, one.confirmed_by):
        return "您审核或确认过，由另一个人送"
    return "上次是您送的，由另一个人再送" if last is not None and me == last.sent_by else None


def _answers_page(name: str, answered: Answered) -> dict[str, Any]:
    """What can't be used first: that is what somebody has to look at."""
    order = {"open": 0, "failed": 1, "arrived": 2, "known": 3}
    told = sorted(answered.told, key=lambda one: (order[one.outcome], one.line))
    numbers = [one.refund_no for one in told[:_SHOWN]]
    claims = claim_review.claims_of_numbers(current_context(), current_actor(), numbers)
    held = sum(1 for one in answered.told if one.words == HELD)
    return {
        "name": name,
        "arrived": answered.arrived,
        "failed": answered.failed,
        "known": answered.known,
        "open": len(answered.open_) - held,
        "held": held,
        "lines": [_line(one, claims.get(one.refund_no)) for one in told[:_SHOWN]],
        "more": max(0, len(told) - _SHOWN),
    }


def _line(one: ToldLine, claim_id: str | None) -> dict[str, Any]:
    kind, word = _OUTCOMES[one.outcome]
    return {
        "line": one.line,
        "refund_no": one.refund_no or "—",
        "href": f"/desk/refunds/claims/{claim_id}" if claim_id else None,
        "amount": one.amount,
        "mark": {"kind": kind, "word": word},
        "words": one.words,
    }
