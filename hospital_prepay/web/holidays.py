"""``/admin/calendar``: announced years, and the import of another."""

from __future__ import annotations

from datetime import date
from typing import Any, Final

from flask import Blueprint, current_app, redirect, render_template, request
from itsdangerous import BadData, URLSafeTimedSerializer

from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.calendar import AnnouncedYear
from hospital_prepay.domain.errors import MalformedInput
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.filters import weekday
from hospital_prepay.http.flash import say
from hospital_prepay.http.forms import Form, typed
from hospital_prepay.http.permission import requires
from hospital_prepay.services.publication import holidays
from hospital_prepay.services.publication.holidays import KnownYear
from hospital_prepay.services.settlement.clock_keeping import recompute_clocks

blueprint = Blueprint("holidays", __name__, url_prefix="/admin/calendar")
_HALF_AN_HOUR: Final = 1800
_LARGEST: Final = 200_000


class ExpiredCheck(MalformedInput):
    """The notice was checked too long ago, or by somebody else."""

    code = "expired_check"


@blueprint.get("")
@requires(Permission.INSTITUTION_VIEW)
def show_calendar() -> str:
    """The years, and the days of one."""
    return _page(Form())


@blueprint.post("")
@requires(Permission.CALENDAR_MANAGE, takes_file=True)
def check_notice() -> Any:
    """Read a notice and show what it says; nothing is stored yet."""
    source = request.form.get("source", "").strip()
    upload = request.files.get("file")
    errors: dict[str, str] = {}
    if not 1 <= len(source) <= 64:
        errors["source"] = "请写通知文号，例如：国办发明电〔2025〕7号。"
    if upload is None or not upload.filename:
        errors["file"] = "请选一个文件。"
    if errors or upload is None:
        return _page(Form(typed().entered, errors)), 422
    try:
        content = upload.read(_LARGEST + 1)
        announced = holidays.check_notice(current_context(), current_actor(), content, source)
    except MalformedInput as error:
        rows = [f"第 {row['line']} 行：{row['message']}" for row in error.details.get("rows", [])]
        return _page(Form(typed().entered, {"file": "".join(rows[:20]) or error.message})), 422
    return _page(typed(), _preview(announced))


@blueprint.post("/confirm")
@requires(Permission.CALENDAR_MANAGE)
def confirm_notice() -> Any:
    """Store the notice that was checked."""
    announced = _unpacked(request.form.get("token", ""))
    holidays.import_year(current_context(), current_actor(), announced, recompute_clocks)
    say("ok", f"{announced.year} 年的放假安排已导入，暂定的期限按它重新计算。")
    return redirect(f"/admin/calendar?year={announced.year}", 303)


def _preview(announced: AnnouncedYear) -> dict[str, Any]:
    return {
        "year": announced.year,
        "off_days": len(announced.off),
        "make_up_days": len(announced.work),
        "token": _packed(announced),
    }


def _page(form: Form, preview: dict[str, Any] | None = None) -> str:
    context, actor = current_context(), current_actor()
    known = holidays.known_years(context, actor.institution_id)
    wanted = request.args.get("year", "")
    year = int(wanted) if wanted.isascii() and wanted.isdigit() and len(wanted) == 4 else context.clock.today().year
    return render_template(
        "pages/publication/calendar.html",
        years=[_year(number, known.get(number), year) for number in range(min(known), max(known) + 2)],
        days=_days(known[year].announced) if year in known else [],
        year=year,
        form=form,
        may_edit=actor.may(Permission.CALENDAR_MANAGE),
        preview=preview,
    )


def _year(number: int, known: KnownYear | None, shown: int) -> dict[str, Any]:
    return {
        "year": number,
        "announced": known is not None,
        "off_days": len(known.announced.off) if known else 0,
        "make_up_days": len(known.announced.work) if known else 0,
        "source": known and known.announced.source,
        "imported_by": known and known.imported_by,
        "imported_at": known and known.imported_at,
        "current": number == shown,
    }


def _days(announced: AnnouncedYear) -> list[dict[str, Any]]:
    days = [(day, "off", name) for day, name in announced.off.items()]
    days += [(day, "work", name) for day, name in announced.work.items()]
    return [{"date": day, "weekday": weekday(day), "kind": kind, "name": name} for day, kind, name in sorted(days)]


def _seal() -> URLSafeTimedSerializer:
    assert current_app.secret_key is not None, "create_app() sets it"
    return URLSafeTimedSerializer(current_app.secret_key, salt=f"holiday notice {current_actor().actor_id}")


def _packed(announced: AnnouncedYear) -> str:
    """The checked notice, signed, for the browser to bring back with the confirmation."""
    off, work = ({day.isoformat(): name for day, name in days.items()} for days in (announced.off, announced.work))
    packed = _seal().dumps({"year": announced.year, "source": announced.source, "off": off, "work": work})
    return packed if isinstance(packed, str) else packed.decode()


def _unpacked(token: str) -> AnnouncedYear:
    try:
        given = _seal().loads(token, max_age=_HALF_AN_HOUR)
    except BadData as error:
        raise ExpiredCheck("检查结果过时了，没有导入。请重新选文件检查一次。") from error
    off, work = ({date.fromisoformat(day): name for day, name in given[kind].items()} for kind in ("off", "work"))
    return AnnouncedYear(given["year"], off, work, given["source"])
