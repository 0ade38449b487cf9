"""``/finance/outpatient/notice``: the announcement of the refunds, version by version."""

from __future__ import annotations

from typing import Any, Final

from flask import Blueprint, redirect, render_template

from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.errors import Conflict, MalformedInput
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.flash import say
from hospital_prepay.http.forms import Form, WrongForm, read_form, typed
from hospital_prepay.http.permission import requires
from hospital_prepay.http.public_paths import public_path
from hospital_prepay.schemas.outpatient_public import NoticeSchema
from hospital_prepay.services.outpatient import notice
from hospital_prepay.services.publication.institution import hospital_of

ROOT: Final = "/finance/outpatient/notice"
blueprint = Blueprint("outpatient_notice", __name__, url_prefix=ROOT)


@blueprint.get("")
@requires(Permission.OUTPATIENT_VIEW)
def show() -> str:
    """The announcement in force, its form, and every version."""
    return _page(Form())


@blueprint.post("")
@requires(Permission.OUTPATIENT_FILE)
def write() -> Any:
    """Write the next version; patients read it at once."""
    try:
        number = notice.write_notice(current_context(), current_actor(), read_form(NoticeSchema()))
    except WrongForm as wrong:
        return _page(wrong.form), 422
    except MalformedInput as error:
        return _page(typed().with_error(error, error.details.get("field", ""))), 422
    except Conflict as error:
        return _page(typed().with_error(error)), 409
    say("ok", f"第 {number} 版公告已发布，患者现在看到的就是它。", href=_public(), link_label="看患者的页")
    return redirect(ROOT, 303)


def _page(form: Form) -> str:
    context, actor = current_context(), current_actor()
    found = notice.notice_of(context, hospital_of(context, actor.institution_id))
    versions, names = notice.list_notices(context, actor)
    entered = {
        "steps": "\n".join(found.steps),
        "windows": "\n".join(found.windows),
        "hours": found.hours,
        "phone": found.phone,
        "version_no": str(found.version_no),
    }
    return render_template(
        "pages/outpatient/notice.html",
        form=Form({**entered, **form.entered}, form.errors),
        notice=found,
        versions=[
            {
                "number": one.version_no,
                "steps": one.steps,
                "windows": one.windows,
                "hours": one.hours,
                "phone": one.phone,
                "by": names.get(one.written_by, one.written_by),
                "at": one.written_at,
            }
            for one in versions
        ],
        may_write=actor.may(Permission.OUTPATIENT_FILE),
        public_href=_public(),
    )


def _public() -> str:
    return public_path("outpatient", current_actor().institution_id)
