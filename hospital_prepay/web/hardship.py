"""``/settlement/groups``: lists of people who are treated first and pay later, and what the hospital follows."""

from __future__ import annotations

from typing import Any, Final

from flask import Blueprint, redirect, render_template

from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.errors import Conflict, MalformedInput
from hospital_prepay.domain.rules.inpatient.paying_later import Group
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.flash import say
from hospital_prepay.http.forms import Form, WrongForm, read_form, typed
from hospital_prepay.http.permission import requires
from hospital_prepay.http.uploads import uploaded
from hospital_prepay.schemas.hardship import ListSchema
from hospital_prepay.services.hardship import groups as service
from hospital_prepay.services.hardship.groups import NewList
from hospital_prepay.services.publication.readings import list_readings

ROOT: Final = "/settlement/groups"
blueprint = Blueprint("hardship", __name__, url_prefix=ROOT)


@blueprint.get("")
@requires(Permission.SETTLEMENT_VIEW)
def show_lists() -> str:
    """The lists, and what the hospital follows."""
    return _page(Form())


@blueprint.post("")
@requires(Permission.SETTLEMENT_MANAGE, takes_file=True)
def take_list() -> Any:
    """Take a list in."""
    try:
        said = read_form(ListSchema())
        new = NewList(said.region, said.source, said.dated_on, said.group)
        with uploaded("file") as (path, _):
            taken = service.import_list(current_context(), current_actor(), path, new)
    except WrongForm as wrong:
        return _page(wrong.form), 422
    except MalformedInput as error:
        return _page(typed().with_error(error, str(error.details.get("field", "file")))), 422
    except Conflict as error:
        return _page(typed().with_error(error)), 409
    words = "、".join(f"{one.group.label} {one.members:,} 人" for one in taken)
    say("ok", f"已导入：{words}。同一地区同类的旧名单不再使用。")
    return redirect(ROOT, 303)


def _page(form: Form) -> str:
    context, actor = current_context(), current_actor()
    answers = {one.reading.name: one for one in list_readings(context, actor.institution_id)}
    followed = []
    for group in Group:
        found = answers[f"pay_later_{group.value}"]
        ground = found.chosen.ground if found.chosen and found.value == "yes" else ""
        followed.append({"label": group.label, "is_on": found.value == "yes", "ground": ground})
    return render_template(
        "pages/settlement/groups.html",
        lists=[{"one": one, "group": Group(one.row.group_code).label} for one in service.list_groups(context, actor)],
        followed=followed,
        groups=[{"value": one.value, "label": one.label} for one in Group],
        form=form,
        may_manage=actor.may(Permission.SETTLEMENT_MANAGE),
        settings_href="/admin/settings" if actor.may(Permission.INSTITUTION_VIEW) else None,
    )
