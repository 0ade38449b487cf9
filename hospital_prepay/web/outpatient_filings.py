"""``/finance/outpatient/filings``: accounts that can't be refunded for now, and their filing packs."""

from __future__ import annotations

from typing import Any, Final

from flask import Blueprint, Response, render_template

from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.errors import NotFound
from hospital_prepay.domain.rules.outpatient.contact import Standing
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.forms import Form, WrongForm, read_form, typed
from hospital_prepay.http.paging import page_number
from hospital_prepay.http.permission import requires
from hospital_prepay.schemas import outpatient_escheat as schemas
from hospital_prepay.schemas.desk import RevealSchema
from hospital_prepay.services.outpatient import filing, filing_papers, filing_review
from hospital_prepay.services.outpatient.left_out import left_out, markable_standing
from hospital_prepay.web import outpatient_filing_view as view
from hospital_prepay.web.outpatient_steps import act, attachment
from hospital_prepay.web.outpatient_view import account_href

ROOT: Final = view.ROOT
blueprint = Blueprint("outpatient_filings", __name__, url_prefix=ROOT)


@blueprint.get("")
@requires(Permission.OUTPATIENT_VIEW)
def show() -> str:
    """What is marked and waits, and every pack."""
    return _list()


@blueprint.post("/marks")
@requires(Permission.OUTPATIENT_FILE)
def mark() -> Any:
    """Mark accounts with reason and evidence."""

    def do() -> tuple[str, str]:
        said = read_form(schemas.MarkSchema())
        context, actor, key = current_context(), current_actor(), said.idempotency_key
        done = filing.mark_unclearable(context, actor, said.command, idempotency_key=key)
        return ROOT, view.marked_words(done, len(said.command.account_nos))

    return act(do, lambda form: _list("mark", form))


@blueprint.post("/marks/look")
@requires(Permission.OUTPATIENT_FILE)
def look() -> Any:
    """How many accounts a mark would be for, and how many have ways left; nothing is marked."""
    try:
        command = read_form(schemas.MarkSchema()).command
    except WrongForm as wrong:
        return _list("mark", wrong.form), 422
    context, actor = current_context(), current_actor()
    counted, without = filing.count_markable(context, actor, command), left_out(context, actor, command)
    return _list("mark", typed(), view.markable(counted, without, len(command.account_nos)))


@blueprint.get("/marks/for/<path:account_no>")
@requires(Permission.OUTPATIENT_FILE)
def ask_mark(account_no: str) -> str:
    """The form of a mark with one account's number in it. Raises :class:`NotFound` for one that can't be marked."""
    standing = markable_standing(current_context(), current_actor(), account_no)
    if standing is None:
        raise NotFound("这个账户现在不能登记退不了：没有余额、正在办理，或还有渠道没试。请从清退台账里打开看。")
    reason = filing.Reason.NOT_COME.value if standing is Standing.REACHED else ""
    return _list("mark", Form({"account_nos": account_no, "reason": reason}))


@blueprint.get("/marks/of/<path:account_no>")
@requires(Permission.OUTPATIENT_FILE)
def ask_unmark(account_no: str) -> str:
    """The form that takes a mark back."""
    return _unmark(account_no)


@blueprint.post("/marks/of/<path:account_no>")
@requires(Permission.OUTPATIENT_FILE)
def unmark(account_no: str) -> Any:
    """Somebody was found: the account is open again."""

    def do() -> tuple[str, str]:
        said = read_form(schemas.GroundSchema())
        key = said.idempotency_key
        filing.unmark(current_context(), current_actor(), account_no, said.note, idempotency_key=key)
        return account_href(account_no), "已取消登记，账户回到待清退，可以办退款。"

    return act(do, lambda form: _unmark(account_no, form), {"ground": "note"})


@blueprint.post("")
@requires(Permission.OUTPATIENT_FILE)
def make() -> Any:
    """Make a pack of everything that is marked and in none."""

    def do() -> tuple[str, str]:
        said = read_form(schemas.NotedSchema())
        made = filing.make_filing(current_context(), current_actor(), said.note, idempotency_key=said.idempotency_key)
        return (
            f"{ROOT}/{made.filing_no}",
            f"第 {made.filing_no} 号备案材料做好了。下一步：下载、盖章，报卫生健康部门。",
        )

    return act(do, lambda form: _list("make", form), {"risk_note": "note"})


@blueprint.get("/<int:filing_no>")
@requires(Permission.OUTPATIENT_VIEW)
def show_filing(filing_no: int) -> str:
    """One pack: its steps, figures, files and list."""
    return _page(filing_no)


@blueprint.post("/<int:filing_no>/submit")
@requires(Permission.OUTPATIENT_FILE)
def submit(filing_no: int) -> Any:
    """It was handed in."""

    def do() -> tuple[str, str]:
        said = read_form(schemas.DatedSchema())
        context, actor, key = current_context(), current_actor(), said.idempotency_key
        filing.submit_filing(context, actor, filing_no, said.reference, said.on, idempotency_key=key)
        return f"{ROOT}/{filing_no}", "已登记报送。下一步：拿到回执后，由另一个人登记。"

    return act(do, lambda form: _page(filing_no, "submit", form), view.SUBMIT_FIELDS)


@blueprint.post("/<int:filing_no>/acknowledge")
@requires(Permission.OUTPATIENT_CONFIRM)
def acknowledge(filing_no: int) -> Any:
    """The authority acknowledged it: its accounts are filed."""

    def do() -> tuple[str, str]:
        said = read_form(schemas.DatedSchema())
        context, actor, key = current_context(), current_actor(), said.idempotency_key
        filing.acknowledge_filing(context, actor, filing_no, said.reference, said.on, idempotency_key=key)
        return f"{ROOT}/{filing_no}", "已登记回执，名单上的账户算已备案。患者来了照样退。"

    return act(do, lambda form: _page(filing_no, "acknowledge", form), view.ACKNOWLEDGE_FIELDS)


@blueprint.post("/<int:filing_no>/withdraw")
@requires(Permission.OUTPATIENT_FILE)
def withdraw(filing_no: int) -> Any:
    """Take it back."""

    def do() -> tuple[str, str]:
        said = read_form(schemas.GroundSchema())
        context, actor, key = current_context(), current_actor(), said.idempotency_key
        filing.withdraw_filing(context, actor, filing_no, said.note, idempotency_key=key)
        return ROOT, f"第 {filing_no} 号备案已撤回，名单上的账户等下一份备案。"

    return act(do, lambda form: _page(filing_no, "withdraw", form))


@blueprint.get("/<int:filing_no>/list.<kind>")
@requires(Permission.OUTPATIENT_VIEW)
def download_list(filing_no: int, kind: str) -> Response:
    """The list, masked."""
    made = filing_papers.filing_list(current_context(), current_actor(), filing_no, kind)
    return attachment(made, f"门诊预交金备案表第{filing_no}号", kind)


@blueprint.get("/<int:filing_no>/letter.<kind>")
@requires(Permission.OUTPATIENT_VIEW)
def download_letter(filing_no: int, kind: str) -> Response:
    """The letter that goes with it."""
    made = filing_papers.filing_letter(current_context(), current_actor(), filing_no, kind)
    return attachment(made, f"门诊预交金备案函第{filing_no}号", kind)


@blueprint.get("/<int:filing_no>/identity")
@requires(Permission.OUTPATIENT_FILE)
def ask_identity(filing_no: int) -> str:
    """The form that asks why the list is needed in full."""
    return _identity(filing_no, Form())


@blueprint.post("/<int:filing_no>/identity")
@requires(Permission.OUTPATIENT_FILE)
def reveal(filing_no: int) -> Any:
    """The list in full, once, for a reason that the audit trail keeps."""
    try:
        ground = read_form(RevealSchema()).ground
    except WrongForm as wrong:
        return _identity(filing_no, wrong.form), 422
    made = filing_papers.reveal_filing(current_context(), current_actor(), filing_no, ground)
    return attachment(made, f"门诊预交金备案名单第{filing_no}号（完整信息）", "xlsx")


def _list(opened: str = "", form: Form | None = None, markable: dict[str, Any] | None = None) -> str:
    found = filing_review.list_filings(current_context(), current_actor(), page_number())
    shown = view.list_page(found, opened, form)
    return render_template("pages/outpatient/filings.html", **shown, markable=markable)


def _page(filing_no: int, opened: str = "", form: Form | None = None) -> str:
    found = filing_review.read_filing(current_context(), current_actor(), filing_no, page_number())
    return render_template("pages/outpatient/filing.html", **view.filing_page(found, opened, form))


def _identity(filing_no: int, form: Form) -> str:
    found = filing_review.read_filing(current_context(), current_actor(), filing_no, 1)
    return render_template("pages/outpatient/filing_identity.html", **view.identity_page(found, form))


def _unmark(account_no: str, form: Form | None = None) -> str:
    shown = view.unmark_page(account_no, form)
    if shown is None:
        raise NotFound("这个账户没有登记为退不了。请从清退台账里打开。")
    return render_template("pages/outpatient/unmark.html", **shown)
