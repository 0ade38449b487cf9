"""``/finance/outpatient/advances``: what the hospital paid ahead for the treasury, and its lists for a budget."""

from __future__ import annotations

from typing import Any, Final

from flask import Blueprint, Response, render_template

from hospital_prepay.domain.access import Permission
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.forms import Form, read_form
from hospital_prepay.http.permission import requires
from hospital_prepay.schemas import outpatient_escheat as schemas
from hospital_prepay.services.outpatient import advance_papers, advance_review, advances
from hospital_prepay.web import outpatient_advance_view as view
from hospital_prepay.web.outpatient_steps import act, attachment

ROOT: Final = view.ROOT
blueprint = Blueprint("outpatient_advances", __name__, url_prefix=ROOT)


@blueprint.get("")
@requires(Permission.OUTPATIENT_VIEW)
def show() -> str:
    """Every claim that was paid ahead, the sums, and every list."""
    return _list()


@blueprint.post("")
@requires(Permission.OUTPATIENT_FILE)
def make() -> Any:
    """Put what waits into a list for a year's budget."""

    def do() -> tuple[str, str]:
        said = read_form(schemas.BudgetSchema())
        made = advances.make_advance_list(
            current_context(), current_actor(), said.budget_year, idempotency_key=said.idempotency_key
        )
        return (
            f"{ROOT}/{made.list_no}",
            f"第 {made.list_no} 号申请表做好了。下一步：另一个人核对后报送。",
        )

    return act(do, lambda form: _list("make", form))


@blueprint.get("/<int:list_no>")
@requires(Permission.OUTPATIENT_VIEW)
def show_list(list_no: int) -> str:
    """One list."""
    return _page(list_no)


@blueprint.post("/<int:list_no>/submit")
@requires(Permission.OUTPATIENT_CONFIRM)
def submit(list_no: int) -> Any:
    """It was handed in."""

    def do() -> tuple[str, str]:
        said = read_form(schemas.DatedSchema())
        context, actor, key = current_context(), current_actor(), said.idempotency_key
        advances.submit_advance_list(context, actor, list_no, said.reference, said.on, idempotency_key=key)
        return f"{ROOT}/{list_no}", "已登记报送。财政补回的钱到账后，登记银行回单。"

    return act(do, lambda form: _page(list_no, "submit", form), {"document": "reference", "submitted_on": "on"})


@blueprint.post("/<int:list_no>/reimburse")
@requires(Permission.OUTPATIENT_PAY)
def reimburse(list_no: int) -> Any:
    """The budget's money arrived."""

    def do() -> tuple[str, str]:
        said = read_form(schemas.DatedSchema())
        context, actor, key = current_context(), current_actor(), said.idempotency_key
        advances.reimburse_advance_list(context, actor, list_no, said.reference, said.on, idempotency_key=key)
        return f"{ROOT}/{list_no}", "已入账，垫付款收回，这份申请办结。"

    fields = {"bank_reference": "reference", "reimbursed_on": "on"}
    return act(do, lambda form: _page(list_no, "reimburse", form), fields)


@blueprint.post("/<int:list_no>/refuse")
@requires(Permission.OUTPATIENT_FILE)
def refuse(list_no: int) -> Any:
    """It was turned down or taken back."""

    def do() -> tuple[str, str]:
        said = read_form(schemas.GroundSchema())
        context, actor, key = current_context(), current_actor(), said.idempotency_key
        done = advances.refuse_advance_list(context, actor, list_no, said.note, idempotency_key=key)
        word = "已撤回" if done.is_withdrawn else "已登记退回"
        return ROOT, f"第 {list_no} 号申请表{word}。{_after_refusal(list_no)}"

    return act(do, lambda form: _page(list_no, "refuse", form), {"ground": "note"})


def _after_refusal(list_no: int) -> str:
    """What of a refused list may be applied for anew: what came back waits until it was paid again."""
    lines = advance_review.read_advance_list(current_context(), current_actor(), list_no).lines
    owed = sum(1 for one in lines if one.owed_fen)
    free = "垫付款可以列入下一份。" if owed < len(lines) else ""
    waits = f"其中 {owed} 笔银行退了回来，再付到患者以后才能列入下一份。" if owed else ""
    return free + (waits if free else waits.removeprefix("其中 "))


@blueprint.get("/<int:list_no>/list.<kind>")
@requires(Permission.OUTPATIENT_VIEW)
def download_list(list_no: int, kind: str) -> Response:
    """The list."""
    made = advance_papers.advance_list(current_context(), current_actor(), list_no, kind)
    return attachment(made, f"垫付清单第{list_no}号", kind)


@blueprint.get("/<int:list_no>/form.<kind>")
@requires(Permission.OUTPATIENT_VIEW)
def download_form(list_no: int, kind: str) -> Response:
    """The form."""
    made = advance_papers.advance_form(current_context(), current_actor(), list_no, kind)
    return attachment(made, f"垫付申请表第{list_no}号", kind)


def _list(opened: str = "", form: Form | None = None) -> str:
    found = advance_review.list_advances(current_context(), current_actor())
    return render_template("pages/outpatient/advances.html", **view.list_page(found, opened, form))


def _page(list_no: int, opened: str = "", form: Form | None = None) -> str:
    found = advance_review.read_advance_list(current_context(), current_actor(), list_no)
    return render_template("pages/outpatient/advance.html", **view.advance_page(found, opened, form))
