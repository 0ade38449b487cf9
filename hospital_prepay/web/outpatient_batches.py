"""``/finance/outpatient/batches``: what goes to the treasury on a 31 December, past the people it takes."""

from __future__ import annotations

from io import BytesIO
from typing import Any, Final

from flask import Blueprint, Response, render_template, request, stream_with_context

from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.errors import Conflict
from hospital_prepay.domain.numbers import number_of
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.forms import Form, read_form
from hospital_prepay.http.permission import requires
from hospital_prepay.schemas import outpatient_escheat as schemas
from hospital_prepay.services.import_runs import ImportRun, State
from hospital_prepay.services.outpatient import batch_files, batch_review, escheat, proposals
from hospital_prepay.services.outpatient.import_runs import REMITTANCES
from hospital_prepay.web import outpatient_batch_lines as lines
from hospital_prepay.web import outpatient_batch_view as view
from hospital_prepay.web.outpatient_steps import act, attachment

ROOT: Final = view.ROOT
blueprint = Blueprint("outpatient_batches", __name__, url_prefix=ROOT)
# A small batch is booked before anybody looks; a large one goes on behind the page.
_PATIENCE: Final = 3.0


@blueprint.get("")
@requires(Permission.OUTPATIENT_VIEW)
def show() -> str:
    """What is due, what is held back, and every batch."""
    return _list()


@blueprint.post("")
@requires(Permission.OUTPATIENT_FILE)
def propose() -> Any:
    """Propose a batch, as the scheduler does by itself from the 31 December on."""

    def do() -> tuple[str, str]:
        said = read_form(schemas.ProposeSchema())
        made = proposals.propose_batch(
            current_context(), current_actor(), said.on, idempotency_key=said.idempotency_key
        )
        if made is None:
            raise Conflict(f"{said.on} 没有要上缴的账户：没有已备案且超过三年的。没有新建批次。")
        return f"{ROOT}/{made.batch_no}", "已提出，还没有动账。下一步：冻结名单。"

    return act(do, lambda form: _list("propose", form))


@blueprint.get("/<int:batch_no>")
@requires(Permission.OUTPATIENT_VIEW)
def show_batch(batch_no: int) -> str:
    """One batch: its steps, list, reviews and entries."""
    return _page(batch_no)


@blueprint.get("/<int:batch_no>/sample")
@requires(Permission.OUTPATIENT_VIEW)
def show_sample(batch_no: int) -> str:
    """Some accounts of the list that nobody chose, to look into."""
    size = number_of(request.args.get("size", "")) or batch_review.DRAWN
    batch, drawn = batch_review.draw_sample(current_context(), current_actor(), batch_no, size)
    return render_template("pages/outpatient/batch_sample.html", **lines.sample_page(batch, drawn))


@blueprint.post("/<int:batch_no>/freeze")
@requires(Permission.OUTPATIENT_FILE)
def freeze(batch_no: int) -> Any:
    """Fix the list."""

    def do() -> tuple[str, str]:
        key = read_form(schemas.KeyOnlySchema()).idempotency_key
        found = escheat.freeze_batch(current_context(), current_actor(), batch_no, idempotency_key=key)
        return f"{ROOT}/{batch_no}", f"名单已冻结，{found.accounts:,} 个账户。下一步：三个人各复核一部分。"

    return act(do, lambda form: _page(batch_no, "freeze", form))


@blueprint.post("/<int:batch_no>/review")
@requires(Permission.OUTPATIENT_REVIEW)
def review(batch_no: int) -> Any:
    """One of the three reviews."""

    def do() -> tuple[str, str]:
        said = read_form(schemas.ReviewSchema())
        context, actor, key = current_context(), current_actor(), said.idempotency_key
        done = escheat.review_batch(context, actor, batch_no, said.part, said.note, idempotency_key=key)
        left = len(escheat.Part) - len(done)
        after = f"还差 {left} 个人复核。" if left else _reviewed_words(batch_no)
        return f"{ROOT}/{batch_no}", f"已复核“{said.part.label}”。{after}"

    return act(do, lambda form: _page(batch_no, "review", form))


def _reviewed_words(batch_no: int) -> str:
    """What comes after three reviews: who approves, by name, or that nobody can."""
    found = batch_review.read_batch(current_context(), current_actor(), batch_no)
    able = "、".join(found.names.get(one, one) for one in found.turn.holders) if found.turn else ""
    if not able:
        return "三个部分都复核了，但没有人能批准：请系统管理开账号，或作废这一批，由别人重做。"
    return f"三个部分都复核了。下一步：批准，由 {able} 办。"


@blueprint.post("/<int:batch_no>/approve")
@requires(Permission.OUTPATIENT_APPROVE)
def approve(batch_no: int) -> Any:
    """Approve the list, and book it."""

    def do() -> tuple[str, str]:
        key = read_form(schemas.KeyOnlySchema()).idempotency_key
        escheat.approve_list(current_context(), current_actor(), batch_no, idempotency_key=key)
        return f"{ROOT}/{batch_no}", _booked(batch_no)

    return act(do, lambda form: _page(batch_no, "approve", form))


@blueprint.post("/<int:batch_no>/book")
@requires(Permission.OUTPATIENT_APPROVE)
def book(batch_no: int) -> Any:
    """Go on with a booking that was cut short."""

    def do() -> tuple[str, str]:
        return f"{ROOT}/{batch_no}", _booked(batch_no)

    return act(do, lambda form: _page(batch_no, "book", form))


@blueprint.post("/<int:batch_no>/remit")
@requires(Permission.OUTPATIENT_REMIT)
def remit(batch_no: int) -> Any:
    """The money is with the treasury."""

    def do() -> tuple[str, str]:
        said = read_form(schemas.RemitSchema())
        context, actor, key = current_context(), current_actor(), said.idempotency_key
        escheat.remit_batch(context, actor, batch_no, said.remittance, idempotency_key=key)
        return f"{ROOT}/{batch_no}", "已登记上缴。患者以后来了，照样受理，由医院先垫付。"

    return act(do, lambda form: _page(batch_no, "remit", form))


@blueprint.post("/<int:batch_no>/drop")
@requires(Permission.OUTPATIENT_VIEW)
def drop(batch_no: int) -> Any:
    """Give the list up; the service looks whose word that is."""

    def do() -> tuple[str, str]:
        said = read_form(schemas.GroundSchema())
        context, actor, key = current_context(), current_actor(), said.idempotency_key
        escheat.drop_batch(context, actor, batch_no, said.note, idempotency_key=key)
        return ROOT, f"第 {batch_no} 批已作废，账户仍是已备案，账上没有变。"

    return act(do, lambda form: _page(batch_no, "drop", form), {"ground": "note"})


@blueprint.get("/<int:batch_no>/list.csv")
@requires(Permission.OUTPATIENT_VIEW)
def download_list(batch_no: int) -> Response:
    """The very text that the digest was made of."""
    text = batch_files.batch_list(current_context(), current_actor(), batch_no)
    return attachment(stream_with_context(text), f"门诊预交金上缴名单第{batch_no}批{_mark(batch_no)}", "csv")


@blueprint.get("/<int:batch_no>/list.<kind>")
@requires(Permission.OUTPATIENT_VIEW)
def download_paper(batch_no: int, kind: str) -> Response:
    """The same to read and to print."""
    made = batch_files.batch_paper(current_context(), current_actor(), batch_no, kind)
    return attachment(made, f"门诊预交金上缴清单第{batch_no}批{_mark(batch_no)}", kind)


def _mark(batch_no: int) -> str:
    """What a file's name says of a list that doesn't hold: the CSV itself stays what the digest was made of."""
    found = batch_files.list_mark(current_context(), current_actor(), batch_no)
    return f"（{found}）" if found else ""


def _booked(batch_no: int) -> str:
    context, actor = current_context(), current_actor()
    if _running(batch_no) is not None:
        return "正在入账，可以离开本页，过一会儿刷新。"
    state = batch_review.read_batch(context, actor, batch_no).batch.state
    if state in ("booked", "remitted"):
        return "已经入账。下一步：缴款后登记缴款书，由另一个人办。"
    if state != "approved":
        raise Conflict("这一批还没有批准，不能入账。请刷新后再看；本次没有改动。")
    options = {"batch_no": str(batch_no)}
    run = REMITTANCES.start(context, actor, BytesIO(), f"第 {batch_no} 批", options=options, patience=_PATIENCE)
    if run.state is State.FAILED:
        raise Conflict(f"已批准，但没有入账完：{run.message}")
    if run.state is State.DONE:
        return "已批准并入账，转到应缴财政款。下一步：缴款后登记缴款书，由另一个人办。"
    return "已批准，正在入账，可以离开本页，过一会儿刷新。"


def _running(batch_no: int) -> ImportRun | None:
    runs = REMITTANCES.open_runs(current_context(), current_actor())
    mine = (run for run in runs if run.options.get("batch_no") == str(batch_no))
    return next((run for run in mine if run.state is State.RUNNING), None)


def _list(opened: str = "", form: Form | None = None) -> str:
    found = batch_review.list_batches(current_context(), current_actor())
    return render_template("pages/outpatient/batches.html", **view.list_page(found, opened, form))


def _page(batch_no: int, opened: str = "", form: Form | None = None) -> str:
    after, reason = request.args.get("after", "")[:40], lines.reason_of(request.args.get("reason", ""))
    found = batch_review.read_batch(current_context(), current_actor(), batch_no, after, reason)
    running = _running(batch_no) if found.batch.state == "approved" else None
    shown = view.batch_page(found, opened, form, None if running is None else running.rows)
    listed = lines.list_of_lines(found.batch, found.lines, after, reason)
    return render_template("pages/outpatient/batch.html", **shown, **listed)
