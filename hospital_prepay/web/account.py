"""``/account``: one's own password and second factor."""

from __future__ import annotations

from typing import Any, Final

from flask import Blueprint, Response, make_response, redirect, render_template, request
from markupsafe import Markup

from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.errors import MalformedInput
from hospital_prepay.http.current import current_context, current_sign_in, origin
from hospital_prepay.http.flash import say
from hospital_prepay.http.forms import Form, WrongForm, read_form
from hospital_prepay.http.frame import role_words
from hospital_prepay.http.login import cookie_name, remember, set_cookie
from hospital_prepay.http.permission import requires
from hospital_prepay.schemas.access import NewPasswordSchema
from hospital_prepay.services.access import account
from hospital_prepay.services.access.account import Enrolment, WrongPassword
from hospital_prepay.services.access.sessions import Stage
from hospital_prepay.services.publication.institution import hospital_of

blueprint = Blueprint("account", __name__)
_OWN: Final = frozenset({Stage.ACCOUNT, Stage.FULL})
_PENDING: Final = "prepay_enrol"
_TEN_MINUTES: Final = 600


@blueprint.get("/account")
@requires(Permission.ACCOUNT_OWN, stages=_OWN)
def show_account() -> str:
    """The own account; at a first sign-in what has to be set up before anything else."""
    return _page()


@blueprint.post("/account/password")
@requires(Permission.ACCOUNT_OWN, stages=_OWN)
def change_password() -> Any:
    """Set a new password."""
    try:
        command = read_form(NewPasswordSchema(), "current_password", "new_password", "new_password_again")
        token = account.change_password(current_context(), current_sign_in(), command, origin())
    except WrongForm as wrong:
        return _page(password_form=wrong.form), 422
    except MalformedInput as error:
        name = "current_password" if isinstance(error, WrongPassword) else "new_password"
        return _page(password_form=Form().with_error(error, name)), 422
    say("ok", "密码已换，别处的登录都已退出。")
    return remember(make_response(redirect("/account", 303)), token)


@blueprint.post("/account/second-factor/begin")
@requires(Permission.ACCOUNT_OWN, stages=_OWN)
def begin_second_factor() -> Response:
    """Show a new secret. The browser keeps it sealed until the first code confirms it."""
    context, signed_in = current_context(), current_sign_in()
    enrolment = account.begin_enrolment(context, signed_in, _hospital())
    response = make_response(_page(enrolment=enrolment))
    return set_cookie(response, _PENDING, enrolment.sealed, max_age=_TEN_MINUTES)


@blueprint.post("/account/second-factor")
@requires(Permission.ACCOUNT_OWN, stages=_OWN)
def confirm_second_factor() -> Any:
    """Put the new secret in force."""
    context, signed_in = current_context(), current_sign_in()
    sealed = request.cookies.get(cookie_name(_PENDING), "")
    code = "".join(request.form.get("code", "").split())
    try:
        token = account.confirm_enrolment(context, signed_in, sealed, code, origin())
    except MalformedInput as error:
        again = account.resume_enrolment(context, signed_in, _hospital(), sealed)
        return _page(enrolment=again, code_form=Form().with_error(error, "code")), 422
    say("ok", "动态码已启用，下次登录要输。")
    response = remember(make_response(redirect("/account", 303)), token)
    return set_cookie(response, _PENDING, "", max_age=0)


def _hospital() -> str:
    return hospital_of(current_context(), current_sign_in().user.institution_id).name


def _page(
    *,
    password_form: Form | None = None,
    code_form: Form | None = None,
    enrolment: Enrolment | None = None,
) -> str:
    signed_in = current_sign_in()
    user = signed_in.user
    own = account.own_account(current_context(), signed_in)
    # The picture is drawn by us from one path; nothing a user typed is in it.
    picture = enrolment and {"qr_svg": Markup(enrolment.qr_svg), "secret": enrolment.secret}
    return render_template(
        "pages/access/account.html",
        person={
            "name": user.name,
            "login": user.login,
            "role": role_words(user.roles),
            "password_changed_at": None if user.must_change_password else user.password_changed_at,
            "last_sign_in_at": own.previous and own.previous.at,
            "last_sign_in_from": own.previous.address if own.previous else "",
        },
        password_form=password_form or Form(),
        code_form=code_form or Form(),
        must_change=user.must_change_password,
        second_factor={"required": user.needs_second_factor, "enrolled_at": own.enrolled_at},
        enrolment=picture,
    )
