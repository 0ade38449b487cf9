"""``/finance/outpatient/campaigns``: propose a campaign, release it, make its file, take in what came of it."""

from __future__ import annotations

from io import BytesIO
from typing import Any, Final

from flask import Blueprint, Response, make_response, redirect, render_template, request, send_file

from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.errors import MalformedInput, NotFound
from hospital_prepay.domain.plain_text import spelled_out
from hospital_prepay.domain.rules.outpatient.notice import PLACEHOLDERS
from hospital_prepay.domain.rules.outpatient.reach import Way
from hospital_prepay.http.current import current_actor, current_context, is_partial
from hospital_prepay.http.flash import say
from hospital_prepay.http.forms import Form, WrongForm, read_form, typed
from hospital_prepay.http.permission import requires
from hospital_prepay.schemas.outpatient_campaigns import CampaignFormSchema, ExportFormSchema, PhotoFormSchema
from hospital_prepay.schemas.outpatient_escheat import GroundSchema
from hospital_prepay.services.import_runs import Importer, ImportRun, State
from hospital_prepay.services.outpatient import campaigns
from hospital_prepay.services.outpatient.campaign_file import fetch_campaign_file
from hospital_prepay.services.outpatient.campaign_photos import prove_campaign, view_photo
from hospital_prepay.services.outpatient.campaigns import Who
from hospital_prepay.services.outpatient.contact_results import MOMENT_EXAMPLE, RESULT_WORDS
from hospital_prepay.services.outpatient.import_runs import EXPORTS, RELEASES, RESULTS
from hospital_prepay.web import outpatient_campaign_view as view
from hospital_prepay.web.fund_words import keyed
from hospital_prepay.web.outpatient_view import fresh_form

blueprint = Blueprint("outpatient_campaigns", __name__, url_prefix=view.ROOT)
# How long an answer waits for the end: most runs are through by then and need no progress bar.
_PATIENCE: Final = 2.0
_IMPORTERS: Final = {"release": RELEASES, "export": EXPORTS, "results": RESULTS}
_DONE: Final = {
    "release": "已放行，名单定下来了。",
    "export": "名单已导出，可以下载交给发送系统。",
    "results": "结果已导入，见下面的进展和导入记录。",
}
_WORDS: Final = {
    Way.SMS: "{医院}：您的门诊账户（尾号{尾号}）还有余额，带身份证到退款窗口就能退，什么时候来都可以。咨询{电话}。",
    Way.PHONE: "您好，这里是{医院}。您的门诊账户（尾号{尾号}）还有余额，带身份证到退款窗口就能退。咨询{电话}。",
    Way.WECHAT: "{医院}：您的门诊账户（尾号{尾号}）还有余额，带身份证到退款窗口就能退。咨询{电话}。",
    Way.BOARD: "本院正在清退门诊预交金。请带身份证到门诊退款窗口办理，什么时候来都可以。咨询电话：{电话}。",
}


@blueprint.get("")
@requires(Permission.OUTPATIENT_VIEW)
def list_campaigns() -> str:
    """Every campaign."""
    context, actor = current_context(), current_actor()
    found, names = campaigns.list_campaigns(context, actor)
    runs = [(kind, run) for kind, importer in _IMPORTERS.items() for run in importer.open_runs(context, actor)]
    return render_template(
        "pages/outpatient/campaigns.html",
        campaigns=[view.campaign_line(one, names) for one in found],
        runs=[{"href": _href(kind, run), **view.running(kind, run)} for kind, run in runs],
        may_propose=actor.may(Permission.OUTPATIENT_CONTACT),
    )


@blueprint.get("/new")
@requires(Permission.OUTPATIENT_CONTACT)
def new_campaign() -> str:
    """The form of a campaign."""
    entered = {"way": Way.SMS.value, "who": Who.NEXT.value, "text": _WORDS[Way.SMS]}
    return _new_page(fresh_form(Form(entered)))


@blueprint.post("")
@requires(Permission.OUTPATIENT_CONTACT)
def propose() -> Any:
    """Propose a campaign."""
    try:
        command = read_form(CampaignFormSchema())
        if command.text != _WORDS[command.way] and command.text in _WORDS.values():
            words = f"这还是另一个渠道的参考写法。请改成{command.way.label}的，右边有参考。"
            raise MalformedInput(words, details={"field": "text"})
        campaign_no = campaigns.propose_campaign(current_context(), current_actor(), command)
    except WrongForm as wrong:
        return _new_page(fresh_form(wrong.form)), 422
    except MalformedInput as error:
        return _new_page(fresh_form(typed()).with_error(error, error.details.get("field", ""))), 422
    say("ok", "已提出，还没有发。下一步：另一个人看过文字和人数后放行。")
    return redirect(f"{view.ROOT}/{campaign_no}", 303)


@blueprint.get("/<int:campaign_no>")
@requires(Permission.OUTPATIENT_VIEW)
def show_campaign(campaign_no: int) -> str:
    """One campaign and how far it got."""
    return _page(campaign_no)


@blueprint.post("/<int:campaign_no>/release")
@requires(Permission.OUTPATIENT_CONFIRM)
def release(campaign_no: int) -> Any:
    """Release it: whom it is for is fixed now."""
    head = campaigns.show_campaign(current_context(), current_actor(), campaign_no).head
    current_actor().require_other_than(head.proposed_by, "放行")
    return _start("release", campaign_no, BytesIO(), head.title)


@blueprint.post("/<int:campaign_no>/drop")
@requires(Permission.OUTPATIENT_CONTACT)
def drop(campaign_no: int) -> Any:
    """Take a proposal back, and say why."""
    context, actor = current_context(), current_actor()
    try:
        said = read_form(GroundSchema())
        campaigns.drop_campaign(context, actor, campaign_no, said.note, idempotency_key=said.idempotency_key)
    except WrongForm as wrong:
        return _page(campaign_no, wrong.form, "drop"), 422
    except MalformedInput as error:
        return _page(campaign_no, typed().with_error(error, "note"), "drop"), 422
    say("info", "已作废，没有发出任何通知。")
    return redirect(f"{view.ROOT}/{campaign_no}", 303)


@blueprint.post("/<int:campaign_no>/export")
@requires(Permission.OUTPATIENT_CONTACT)
def export(campaign_no: int) -> Any:
    """Make the file."""
    try:
        form = read_form(ExportFormSchema()).form
    except WrongForm as wrong:
        return _page(campaign_no, wrong.form), 422
    return _start("export", campaign_no, BytesIO(), f"第 {campaign_no} 次通知", form=form.value)


@blueprint.get("/<int:campaign_no>/file")
@requires(Permission.OUTPATIENT_CONTACT)
def download(campaign_no: int) -> Response:
    """The file, byte for byte as it was made."""
    found, content = fetch_campaign_file(current_context(), current_actor(), campaign_no)
    name = f"campaign-{campaign_no:04}.{found.form}"
    response = send_file(content, mimetype=view.MEDIA[found.form], as_attachment=True, download_name=name)
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.post("/<int:campaign_no>/results")
@requires(Permission.OUTPATIENT_CONTACT, takes_file=True)
def take_results(campaign_no: int) -> Any:
    """Take in a file of results."""
    given = request.files.get("file")
    if given is None or not given.filename:
        return _page(campaign_no, Form({}, {"file": "请选发送系统给的结果文件，CSV 或 XLSX。"})), 422
    head = campaigns.show_campaign(current_context(), current_actor(), campaign_no).head
    current_actor().require_other_than(head.proposed_by, "导入结果")
    return _start("results", campaign_no, given.stream, given.filename)


@blueprint.post("/<int:campaign_no>/photos")
@requires(Permission.OUTPATIENT_CONTACT, takes_file=True)
def prove(campaign_no: int) -> Any:
    """Keep a photo of the notice board."""
    given = request.files.get("file")
    if given is None or not given.filename:
        return _page(campaign_no, Form(dict(typed().entered), {"file": "请选公告栏的照片。"})), 422
    try:
        said = read_form(PhotoFormSchema())
        name = spelled_out(given.filename)
        prove_campaign(current_context(), current_actor(), campaign_no, said.place, said.seen_on, given.stream, name)
    except WrongForm as wrong:
        return _page(campaign_no, wrong.form), 422
    except MalformedInput as error:
        return _page(campaign_no, typed().with_error(error, error.details.get("field", "file"))), 422
    say("ok", "照片已存好，这些账户都算在公告栏告知过。")
    return redirect(f"{view.ROOT}/{campaign_no}", 303)


@blueprint.get("/<int:campaign_no>/photos/<int:proof_no>")
@requires(Permission.OUTPATIENT_VIEW)
def show_photo(campaign_no: int, proof_no: int) -> Response:
    """A photo as it came."""
    found = view_photo(current_context(), current_actor(), campaign_no, proof_no)
    return Response(found.content, mimetype=found.media_type, headers={"Cache-Control": "private, no-store"})


@blueprint.get("/runs/<kind>/<run_id>")
@requires(Permission.OUTPATIENT_VIEW)
def show_run(kind: str, run_id: str) -> Any:
    """A run at work, failed or interrupted; one that is done leads to its campaign."""
    run = _importer(kind).read(current_context(), current_actor(), run_id)
    return redirect(f"{view.ROOT}/{run.import_id}", 303) if run.state is State.DONE else _run_page(kind, run)


@blueprint.get("/runs/<kind>/<run_id>/progress")
@requires(Permission.OUTPATIENT_VIEW)
def show_progress(kind: str, run_id: str) -> Any:
    """The progress bar alone; when the run has ended, the way to its page."""
    run = _importer(kind).read(current_context(), current_actor(), run_id)
    if not is_partial():
        return redirect(_href(kind, run), 303)
    if run.state is State.RUNNING:
        return render_template("partials/outpatient/_import_progress.html", running=_running(kind, run))
    response = make_response("")
    response.headers["HX-Redirect"] = _href(kind, run)
    return response


@blueprint.post("/runs/<kind>/<run_id>/resume")
@requires(Permission.OUTPATIENT_VIEW)
def resume(kind: str, run_id: str) -> Any:
    """Take up a run whose process died; whoever may begin one may."""
    return _after(kind, _importer(kind).resume(current_context(), current_actor(), run_id, patience=_PATIENCE))


def _start(kind: str, campaign_no: int, stream: Any, name: str, **options: str) -> Any:
    options["campaign_no"] = str(campaign_no)
    run = _IMPORTERS[kind].start(
        current_context(), current_actor(), stream, name, options=options, patience=_PATIENCE
    )
    return _after(kind, run)


def _after(kind: str, run: ImportRun) -> Any:
    if run.state is State.FAILED:
        return _run_page(kind, run), 422
    if run.state is not State.DONE:
        return redirect(_href(kind, run), 303)
    say("ok", _DONE[kind])
    return redirect(f"{view.ROOT}/{run.import_id}", 303)


def _importer(kind: str) -> Importer:
    if kind not in _IMPORTERS:
        raise NotFound(campaigns.MISSING)
    return _IMPORTERS[kind]


def _href(kind: str, run: ImportRun) -> str:
    return f"{view.ROOT}/runs/{kind}/{run.run_id}"


def _running(kind: str, run: ImportRun) -> dict[str, Any]:
    return {**view.running(kind, run), "href": _href(kind, run), "poll_href": f"{_href(kind, run)}/progress"}


def _run_page(kind: str, run: ImportRun) -> str:
    return render_template(
        "pages/outpatient/campaign_run.html",
        form=Form(),
        result_words=RESULT_WORDS,
        moment_example=MOMENT_EXAMPLE,
        run={
            "file_name": run.file_name,
            "state": view.run_mark(run),
            "message": run.message,
            "lines": run.lines,
            "resume_href": f"{_href(kind, run)}/resume",
            "may_send_again": kind == "results" and run.state is State.FAILED,
        },
        campaign={"href": f"{view.ROOT}/{run.options['campaign_no']}"},
        running=_running(kind, run) if run.state is State.RUNNING else None,
        interrupted=run.state is State.INTERRUPTED,
        may_resume=current_actor().may(_IMPORTERS[kind].may_start),
    )


def _new_page(form: Form) -> str:
    return render_template(
        "pages/outpatient/campaign_new.html",
        form=form,
        ways=[{"value": one.value, "label": one.label, "note": None} for one in Way],
        whos=[{"value": one.value, "label": one.label} for one in Who],
        placeholders=PLACEHOLDERS,
        words={way.value: words for way, words in _WORDS.items()},
        examples=[{"label": way.label, "words": words} for way, words in _WORDS.items()],
    )


def _page(campaign_no: int, form: Form | None = None, opened: str = "") -> str:
    context, actor = current_context(), current_actor()
    found = campaigns.show_campaign(context, actor, campaign_no)
    entered = keyed(form or Form({"form": "csv", "seen_on": context.clock.today().isoformat()}))
    shown = view.campaign_page(found)
    return render_template("pages/outpatient/campaign.html", form=entered, opened=opened, **shown)
