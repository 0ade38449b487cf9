"""``/login``, ``/logout``: signing in and out."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

from flask import Blueprint, Response, make_response, redirect, render_template, request

from hospital_prepay.clock import local
from hospital_prepay.domain.access import Permission
from hospital_prepay.http.current import current_context, current_sign_in, origin
from hospital_prepay.http.flash import said, say
from hospital_prepay.http.forms import Form, WrongForm, read_form, typed
from hospital_prepay.http.login import LAPSE_WORDS, forget, lapse, load_sign_in, remember
from hospital_prepay.http.permission import NEXT_STEP, public, requires, safe_next
from hospital_prepay.schemas.access import SignInSchema
from hospital_prepay.services.access import login, sessions
from hospital_prepay.services.access.login import Attempt, Outcome
from hospital_prepay.services.access.sessions import Stage
from hospital_prepay.services.demonstration.logins import HouseLogins, house_logins, program

blueprint = Blueprint("sign_in", __name__)
_ANY_STAGE: Final = frozenset(Stage)


@blueprint.get("/login")
@public
def show_login() -> Any:
    """The log-in page, and why one is here again."""
    signed_in = load_sign_in()
    if signed_in is not None and signed_in.stage is Stage.FULL:
        return redirect(safe_next(request.args.get("next", "/")), 303)
    words = [one["text"] for one in said()]
    if (found := lapse()) in LAPSE_WORDS:
        words.insert(0, LAPSE_WORDS[found])
    return _login_page(Form(), request.args.get("next", ""), words[0] if words else None)


@blueprint.post("/login")
@public
def sign_in() -> Any:
    """Check the password; the page that comes next depends on how far that carries."""
    wanted = request.form.get("next", "")
    try:
        command = read_form(SignInSchema(), "password")
    except WrongForm as wrong:
        return _login_page(wrong.form, wanted), 422
    attempt = login.sign_in(current_context(), command, origin())
    if attempt.outcome is not Outcome.DONE:
        return _login_page(
            Form(typed("password").entered, {"": _refusal(attempt, "用户名或密码不对。")}), wanted
        ), 422
    return _go_on(attempt, wanted)


@blueprint.get("/login/code")
@requires(Permission.ACCOUNT_OWN, stages=frozenset({Stage.CODE}))
def show_code() -> str:
    """Ask for the six digits."""
    return _code_page(Form(), request.args.get("next", ""))


@blueprint.post("/login/code")
@requires(Permission.ACCOUNT_OWN, stages=frozenset({Stage.CODE}))
def confirm_code() -> Any:
    """Check the six digits."""
    wanted = request.form.get("next", "")
    code = "".join(request.form.get("code", "").split())
    attempt = login.confirm_code(current_context(), current_sign_in(), code, origin())
    if attempt.outcome is Outcome.DONE:
        return _go_on(attempt, wanted)
    words = _refusal(attempt, "动态码不对或已经用过。请输入手机上现在显示的 6 位数字。")
    if attempt.outcome is Outcome.LOCKED:
        return forget(make_response(_login_page(Form({}, {"": words}), wanted), 422))
    return _code_page(Form({}, {"code": words}), wanted), 422


@blueprint.post("/logout")
@requires(Permission.ACCOUNT_OWN, stages=_ANY_STAGE)
def sign_out() -> Response:
    """End the session."""
    sessions.sign_out(current_context(), current_sign_in())
    say("info", "您已退出。")
    return forget(make_response(redirect("/login", 303)))


def _go_on(attempt: Attempt, wanted: str) -> Response:
    """To the page that was asked for; the door leads aside when a code or a password is still due."""
    assert attempt.token is not None, "a session was opened"
    return remember(make_response(redirect(_aside(attempt.token, wanted), 303)), attempt.token)


def _aside(token: str, wanted: str) -> str:
    found = sessions.resume(current_context(), token)
    path = safe_next(wanted)
    stage = found.stage if isinstance(found, sessions.SignedIn) else Stage.FULL
    if stage is Stage.CODE and path != "/":
        return f"{NEXT_STEP[stage]}?next={quote(path)}"
    return path if stage is Stage.FULL else NEXT_STEP[stage]


def _refusal(attempt: Attempt, wrong: str) -> str:
    if attempt.locked_until is not None:
        return f"连续输错 5 次，账号锁定到 {local(attempt.locked_until):%H:%M}。到时再试，或请安全管理员解锁。"
    return f"{wrong}连续输错 5 次会锁定 15 分钟。"


def _login_page(form: Form, wanted: str, notice: str | None = None) -> str:
    return render_template(
        "pages/access/login.html",
        form=form,
        next=safe_next(wanted) if wanted else "",
        notice=notice,
        demo_houses=[_house(one) for one in house_logins(current_context())],
        program=program(),
    )


def _house(house: HouseLogins) -> dict[str, Any]:
    people = [{"login": one.login, "name": one.name, "role": one.role.label} for one in house.people]
    return {"name": house.name, "remark": house.remark, "password": house.password, "people": people}


def _code_page(form: Form, wanted: str) -> str:
    return render_template(
        "pages/access/second_factor.html",
        form=form,
        next=safe_next(wanted) if wanted else "",
        login=current_sign_in().user.login,
        program=program() if current_context().settings.is_demo else None,
    )
