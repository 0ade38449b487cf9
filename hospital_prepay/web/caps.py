"""``/finance/caps``: the list of cap tables and imports, and measuring a draft."""

from __future__ import annotations

from typing import Any, Final

from flask import Blueprint, redirect, render_template

from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.errors import MalformedInput
from hospital_prepay.domain.rules.inpatient.readings import PastYears
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.filters import whole_yuan
from hospital_prepay.http.flash import say
from hospital_prepay.http.forms import Form, WrongForm, read_form, typed
from hospital_prepay.http.permission import requires
from hospital_prepay.schemas.inpatient_caps import MeasureSchema
from hospital_prepay.services.import_runs import ImportRun, State
from hospital_prepay.services.inpatient import cap_review
from hospital_prepay.services.inpatient.cap_review import ListedTable, Overview
from hospital_prepay.services.inpatient.cap_tables import TEN_YUAN, MeasureTable, measure_table
from hospital_prepay.services.inpatient.import_runs import CASES
from hospital_prepay.services.publication.readings import chosen_readings

blueprint = Blueprint("caps", __name__, url_prefix="/finance/caps")
STATE_KINDS: Final = {"draft": "wait", "approved": "info", "rejected": "stop", "published": "idle"}
_WINDOWS: Final[dict[str, str]] = {
    PastYears.CALENDAR: "基准日前三个完整年度的",
    PastYears.ROLLING: "到基准日前一天为止三十六个月的",
}
_STEPS: Final = {"approved": "去发布", "rejected": "改好后重新测算", "published": "—"}


@blueprint.get("")
@requires(Permission.CAPS_VIEW)
def show_caps() -> str:
    """Tables, imports and what can be done next."""
    return caps_page()


@blueprint.post("")
@requires(Permission.CAPS_MEASURE)
def measure() -> Any:
    """Measure a draft from every case stored."""
    context, actor = current_context(), current_actor()
    try:
        form = read_form(MeasureSchema())
        command = MeasureTable(form.as_of, form.min_cases, form.round_down_to)
        table_id = measure_table(context, actor, command)
    except WrongForm as wrong:
        return caps_page(measure_form=wrong.form), 422
    except MalformedInput as error:
        return caps_page(measure_form=typed().with_error(error, _field_of(error))), 422
    say("ok", "已测算，存为草稿。请另一个人看过后批准。")
    return redirect(f"/finance/caps/{table_id}", 303)


def caps_page(import_form: Form | None = None, measure_form: Form | None = None) -> str:
    """The page, with forms as they were typed."""
    context, actor = current_context(), current_actor()
    found = cap_review.overview(context, actor)
    running = CASES.open_runs(context, actor)
    return render_template(
        "pages/inpatient/caps.html",
        tables=[_listed(one) for one in found.tables],
        imports=[_import(one, found) for one in found.imports],
        stored_cases=sum(one.rows_accepted for one in found.imports),
        window_words=_WINDOWS[str(chosen_readings(context, actor.institution_id)["past_three_years"])],
        standards=found.standards,
        similar=found.similar,
        import_form=import_form or Form(),
        measure_form=measure_form or Form(_measure_defaults()),
        may_import=actor.may(Permission.CASES_IMPORT),
        may_measure=actor.may(Permission.CAPS_MEASURE),
        running=running_of(running[0]) if running and running[0].state is State.RUNNING else None,
        interrupted=[
            {"file_name": one.file_name, "href": f"/finance/caps/imports/{one.run_id}"}
            for one in running
            if one.state is State.INTERRUPTED
        ],
    )


def running_of(run: ImportRun) -> dict[str, Any]:
    """A run at work, for the progress bar."""
    address = f"/finance/caps/imports/{run.run_id}"
    words = "正在检查每一行" if run.percent < 80 else "正在存入"
    return {
        "file_name": run.file_name,
        "percent": run.percent,
        "words": words,
        "href": address,
        "poll_href": f"{address}/progress",
    }


def _field_of(error: MalformedInput) -> str:
    return "as_of" if error.reason in ("no_rule_in_force", "no_usable_row") else ""


def _measure_defaults() -> dict[str, str]:
    context, actor = current_context(), current_actor()
    least = chosen_readings(context, actor.institution_id)["minimum_cases"]
    return {
        "as_of": context.clock.today().isoformat(),
        "min_cases": str(least),
        "round_down_to": whole_yuan(TEN_YUAN),
    }


def _listed(one: ListedTable) -> dict[str, Any]:
    head = one.head
    own = head.measured_by == current_actor().actor_id
    waiting = "等另一个人批准" if own or not current_actor().may(Permission.CAPS_APPROVE) else "等您批准"
    word = "现行" if one.current else cap_review.STATE_LABELS[head.state]
    return {
        "title": f"第 {head.version_no} 版" if head.version_no else "草稿",
        "state": {"kind": "ok" if one.current else STATE_KINDS[head.state], "word": word},
        "as_of": head.as_of,
        "rows": head.row_count,
        "posted": one.posted,
        "made_by": one.measured_by,
        "made_at": head.measured_at,
        "approved_by": one.approved_by,
        "effective_on": head.effective_on,
        "next_step": _STEPS.get(head.state, waiting),
        "href": f"/finance/caps/{head.table_id}",
    }


def _import(one: Any, found: Overview) -> dict[str, Any]:
    return {
        "file_name": one.file_name,
        "at": one.imported_at,
        "by": found.names.get(one.imported_by, one.imported_by),
        "accepted": one.rows_accepted,
        "rejected": one.rows_rejected,
        "repeated": one.rows_known,
        "state": {"kind": "ok", "word": "已收下"},
        "href": f"/finance/caps/imports/{one.import_id}",
    }
