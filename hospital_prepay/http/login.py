"""Server-side sessions in the browser: a random token in a cookie, and nothing else."""

from __future__ import annotations

from typing import Final

from flask import Response, g, request

from hospital_prepay.http.current import address, current_context
from hospital_prepay.services.access.sessions import Lapse, SignedIn, resume

_NAME: Final = "prepay"
LAPSE_WORDS: Final = {
    Lapse.IDLE: "太久没有操作，已自动退出。请重新登录；没有提交的内容没有入账。",
    Lapse.TOO_LONG: "登录超过 12 小时，已自动退出。请重新登录；没有提交的内容没有入账。",
    Lapse.ENDED: "您已退出，或被安全管理员请出。请重新登录；没有提交的内容没有入账。",
}


def load_sign_in() -> SignedIn | None:
    """Who this browser is signed in as; looked up once a request."""
    if "sign_in_loaded" not in g:
        g.sign_in_loaded = True
        g.signed_in = g.lapse = None
        token = session_token()
        found = resume(current_context(), token, address()) if token else None
        if isinstance(found, SignedIn):
            g.signed_in, g.actor = found, found.actor
        else:
            g.lapse = found
    signed_in: SignedIn | None = g.signed_in
    return signed_in


def lapse() -> Lapse | None:
    """Why the token that the browser brought opens nothing, if it brought one."""
    load_sign_in()
    found: Lapse | None = g.lapse
    return found


def session_token() -> str | None:
    """The token the browser brought."""
    return request.cookies.get(cookie_name(_NAME))


def remember(response: Response, token: str) -> Response:
    """Give the browser a new token; it forgets it when it is closed."""
    return set_cookie(response, _NAME, token)


def forget(response: Response) -> Response:
    """Take the token away."""
    response.delete_cookie(cookie_name(_NAME), path="/", secure=_secure(), httponly=True, samesite="Lax")
    return response


def set_cookie(response: Response, name: str, value: str, *, max_age: int | None = None) -> Response:
    """A cookie no script can read and no other site can send with a form."""
    response.set_cookie(
        cookie_name(name), value, max_age=max_age, path="/", secure=_secure(), httponly=True, samesite="Lax"
    )
    return response


def cookie_name(name: str) -> str:
    """In production the name makes browsers insist on HTTPS and on this very host."""
    return f"__Host-{name}" if _secure() else name


def _secure() -> bool:
    return not current_context().settings.is_demo
