"""``/admin/clients``: other systems and their tokens (system administrator)."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect, render_template

from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.errors import MalformedInput
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.flash import say
from hospital_prepay.http.forms import Form, WrongForm, read_form, typed
from hospital_prepay.http.permission import requires
from hospital_prepay.schemas.access import NewClientSchema
from hospital_prepay.services.access import api_clients
from hospital_prepay.services.access.api_clients import IssuedToken

blueprint = Blueprint("clients", __name__, url_prefix="/admin/clients")


@blueprint.get("")
@requires(Permission.USERS_MANAGE)
def list_clients() -> str:
    """Every system that may call."""
    return _page(Form())


@blueprint.post("")
@requires(Permission.USERS_MANAGE)
def create_client() -> Any:
    """Let a system in and show its token once."""
    try:
        command = read_form(NewClientSchema())
        issued = api_clients.create_client(current_context(), current_actor(), command)
    except WrongForm as wrong:
        return _page(wrong.form), 422
    except MalformedInput as error:
        return _page(typed().with_error(error, "name")), 422
    return _page(Form(), issued)


@blueprint.post("/<client_id>/disable")
@requires(Permission.USERS_MANAGE)
def disable_client(client_id: str) -> Any:
    """Refuse a system's token from now on."""
    api_clients.disable_client(current_context(), current_actor(), client_id)
    say("ok", "令牌已停用，这个系统不能再调用。")
    return redirect("/admin/clients", 303)


def _page(form: Form, issued: IssuedToken | None = None) -> str:
    return render_template(
        "pages/access/clients.html",
        clients=[
            {
                "id": one.client_id,
                "name": one.name,
                "role": one.role.label,
                "created_at": one.created_at,
                "enabled": one.is_active,
                "state": {"kind": "ok", "word": "在用"} if one.is_active else {"kind": "idle", "word": "停用"},
            }
            for one in api_clients.list_clients(current_context(), current_actor())
        ],
        roles=[{"value": role.value, "label": role.label} for role in api_clients.ROLES],
        form=form,
        issued=issued,
    )
