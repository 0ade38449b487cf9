"""``/admin/users``: accounts of staff (system administrator)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from flask import Blueprint, redirect, render_template, request

from hospital_prepay.domain.access import Permission, Role
from hospital_prepay.domain.errors import MalformedInput
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.flash import say
from hospital_prepay.http.forms import Form, WrongForm, read_form, typed
from hospital_prepay.http.frame import role_words
from hospital_prepay.http.paging import whole
from hospital_prepay.http.permission import requires
from hospital_prepay.schemas.access import ChangedUserSchema, NewUserSchema
from hospital_prepay.services.access import attempts, users
from hospital_prepay.services.access.users import HandedOut, Person, UserRow

blueprint = Blueprint("users", __name__, url_prefix="/admin/users")
_NOTES: Final = {
    Role.CASHIER: "窗口收款、申请作废；不用动态码",
    Role.FINANCE_OFFICER: "导入、测算、复核作废、封存账本",
    Role.FINANCE_APPROVER: "批准额度表和本院制度",
    Role.AUDITOR: "只看：额度、账本、依据、操作记录",
    Role.SYSTEM_ADMINISTRATOR: "开账号、本院资料、日历、读法；不碰钱",
    Role.SECURITY_ADMINISTRATOR: "解锁、强制退出、重置动态码、操作记录",
    Role.DEPARTMENT_HEAD: "申请预付金用款，同意别人的申请；不碰钱",
    Role.WARD: "出院患者的病历、医嘱、首页；不碰钱",
    Role.BILLING_AUDITOR: "出院患者的费用审核；不碰钱",
    Role.INSURANCE_CLERK: "出院患者的医保回传和核对；不碰钱",
}
_STATES: Final = {"": "全部", "active": "在用", "locked": "已锁定", "disabled": "停用"}


@blueprint.get("")
@requires(Permission.USERS_MANAGE)
def list_users() -> str:
    """Everybody, or those found by name and state."""
    words, state = request.args.get("q", "").strip(), request.args.get("state", "")
    people = [one for one in users.list_people(current_context(), current_actor()) if _named(one, words)]
    shown = [one for one in people if state in ("", _state(one.user))]
    tabs = [
        {
            "label": label,
            "href": f"/admin/users?state={key}" if key else "/admin/users",
            "current": key == state,
            "count": sum(key in ("", _state(one.user)) for one in people),
        }
        for key, label in _STATES.items()
    ]
    return render_template(
        "pages/access/users.html",
        people=[_line(one) for one in shown],
        tabs=tabs,
        page=whole(len(shown), "人"),
        q=words,
    )


@blueprint.get("/new")
@requires(Permission.USERS_MANAGE)
def new_user() -> str:
    """An empty form."""
    return _form_page(None, Form({"role": Role.CASHIER.value}))


@blueprint.post("")
@requires(Permission.USERS_MANAGE)
def create_user() -> Any:
    """Open an account and show its first password once."""
    try:
        command = read_form(NewUserSchema())
        handed_out = users.create_user(current_context(), current_actor(), command)
    except WrongForm as wrong:
        return _form_page(None, wrong.form), 422
    except MalformedInput as error:
        return _form_page(None, typed().with_error(error, "login")), 422
    person = users.find_person(current_context(), current_actor(), handed_out.user_id)
    return _form_page(person, _form_of(person), handed_out)


@blueprint.get("/<user_id>")
@requires(Permission.USERS_MANAGE)
def show_user(user_id: str) -> str:
    """One account."""
    person = users.find_person(current_context(), current_actor(), user_id)
    return _form_page(person, _form_of(person))


@blueprint.post("/<user_id>")
@requires(Permission.USERS_MANAGE)
def change_user(user_id: str) -> Any:
    """Change name, role or station."""
    person = users.find_person(current_context(), current_actor(), user_id)
    try:
        users.change_user(current_context(), current_actor(), user_id, read_form(ChangedUserSchema()))
    except WrongForm as wrong:
        return _form_page(person, wrong.form), 422
    except MalformedInput as error:
        return _form_page(person, typed().with_error(error)), 422
    say("ok", f"{person.name} 的账号已改。角色变了的，本人要重新登录。")
    return redirect(f"/admin/users/{user_id}", 303)


@blueprint.post("/<user_id>/password")
@requires(Permission.USERS_MANAGE)
def reset_password(user_id: str) -> str:
    """Hand out a new first password, shown once."""
    handed_out = users.reset_password(current_context(), current_actor(), user_id)
    person = users.find_person(current_context(), current_actor(), user_id)
    return _form_page(person, _form_of(person), handed_out)


@blueprint.post("/<user_id>/disable")
@requires(Permission.USERS_MANAGE)
def disable_user(user_id: str) -> Any:
    """Close an account."""
    return _switch(user_id, users.disable_user, "已停用，本人已退出。")


@blueprint.post("/<user_id>/enable")
@requires(Permission.USERS_MANAGE)
def enable_user(user_id: str) -> Any:
    """Open a closed account again."""
    return _switch(user_id, users.enable_user, "已恢复，可以登录。")


def _switch(user_id: str, act: Callable[..., None], words: str) -> Any:
    act(current_context(), current_actor(), user_id)
    person = users.find_person(current_context(), current_actor(), user_id)
    say("ok", f"{person.name} 的账号{words}")
    return redirect(f"/admin/users/{user_id}", 303)


def _form_page(person: UserRow | None, form: Form, handed_out: HandedOut | None = None) -> str:
    return render_template(
        "pages/access/user_form.html",
        person=person
        and {
            "id": person.user_id,
            "name": person.name,
            "login": person.login,
            "state": _mark(person),
            "enabled": person.is_active,
        },
        form=form,
        roles=[{"value": role.value, "label": role.label, "note": _NOTES[role]} for role in Role],
        handed_out=handed_out,
    )


def _form_of(user: UserRow) -> Form:
    role = next(role for role in Role if role in user.roles)
    return Form({"name": user.name, "login": user.login, "station": user.station, "role": role.value})


def _named(person: Person, words: str) -> bool:
    return words.lower() in person.user.login or words in person.user.name


def _state(user: UserRow) -> str:
    if not user.is_active:
        return "disabled"
    return "locked" if attempts.locked_until(user, current_context().clock.now()) else "active"


def _mark(user: UserRow) -> dict[str, str]:
    state = _state(user)
    return {"kind": {"active": "ok", "locked": "stop", "disabled": "idle"}[state], "word": _STATES[state]}


def _line(person: Person) -> dict[str, Any]:
    user = person.user
    return {
        "id": user.user_id,
        "name": user.name,
        "login": user.login,
        "role": role_words(user.roles),
        "station": user.station or None,
        "state": _mark(user),
        "second_factor": user.is_enrolled,
        "second_factor_required": user.needs_second_factor,
        "last_sign_in_at": person.last_sign_in and person.last_sign_in.at,
        "href": f"/admin/users/{user.user_id}",
    }
