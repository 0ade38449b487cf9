"""The door: every route says who may enter, and one function checks it before any view runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from urllib.parse import quote, urlsplit

from flask import Flask, Response, current_app, g, make_response, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import MalformedInput, NotAuthenticated, NotFound, NotPermitted
from hospital_prepay.http.csrf import SAFE, ForeignForm, check_form
from hospital_prepay.http.current import address, current_actor, current_context, is_api, is_partial
from hospital_prepay.http.login import load_sign_in
from hospital_prepay.services.access.api_clients import authenticate
from hospital_prepay.services.access.refusals import keep_refusal
from hospital_prepay.services.access.sessions import Stage
from hospital_prepay.services.operations import is_monitor

View = TypeVar("View", bound=Callable[..., Any])
_MARK: Final = "__access__"
_NUL: Final = "\0"
_LARGEST_UPLOAD: Final = 512 * 1024 * 1024
NEXT_STEP: Final = {Stage.CODE: "/login/code", Stage.ACCOUNT: "/account", Stage.FULL: "/"}


class UnguardedRoute(RuntimeError):
    """A route doesn't say who may enter; the application isn't built."""


@dataclass(frozen=True, slots=True)
class Access:
    """Who may enter: everybody (no permission), or holders of one permission whose sign-in has come far enough;
    without any stage no person, only the monitoring."""

    permission: Permission | None
    stages: frozenset[Stage] = frozenset({Stage.FULL})
    takes_file: bool = False


def public(view: View) -> View:
    """Open to everybody."""
    setattr(view, _MARK, Access(None))
    return view


def requires(
    permission: Permission, *, stages: frozenset[Stage] = frozenset({Stage.FULL}), takes_file: bool = False
) -> Callable[[View], View]:
    """Open to people and systems that hold ``permission``; pages of sign-in itself name earlier ``stages``.

    A form that ``takes_file`` may be as large as an upload.
    """

    def mark(view: View) -> View:
        setattr(view, _MARK, Access(permission, stages, takes_file))
        return view

    return mark


def for_monitoring(view: View) -> View:
    """Open to the monitoring, which brings the token of the settings, and to no person or calling system."""
    setattr(view, _MARK, Access(Permission.METRICS_READ, frozenset()))
    return view


def access_of(view: Callable[..., Any]) -> Access | None:
    """What a view says about itself."""
    found: Access | None = getattr(view, _MARK, None)
    return found


def takes_file() -> bool:
    """Whether the request's route takes a file."""
    view = current_app.view_functions.get(request.endpoint or "")
    access = view and access_of(view)
    return bool(access and access.takes_file)


def guard(app: Flask) -> None:
    """Put the door in front of every view. Raises :class:`UnguardedRoute` for a view that says nothing."""
    silent = sorted(name for name, view in app.view_functions.items() if access_of(view) is None)
    if silent:
        raise UnguardedRoute(f"routes without @public or @requires: {', '.join(silent)}")
    app.before_request(_refuse_nul)
    app.before_request(_admit)


def _refuse_nul() -> None:
    # No text of ours holds one, and PostgreSQL takes none: a fault of the database for what is a wrong request.
    if _NUL in request.path:
        raise NotFound("没有这个地址。请核对后再试。")
    _refuse_nul_in(request.args.values())


def _refuse_nul_in(values: Iterable[str]) -> None:
    if any(_NUL in value for value in values):
        raise MalformedInput("有看不见的字符，没有办成。请重新输入后再试。")


def _admit() -> AnyResponse | None:
    if request.endpoint is None:
        return None
    access = access_of(current_app.view_functions[request.endpoint])
    assert access is not None, "guard() saw every view"
    if access.permission is Permission.METRICS_READ:
        return _admit_monitoring()
    if is_api():
        if access.permission is not None:
            g.actor = _calling_system()
            _check(g.actor, access.permission)
        return None
    # On public pages too, so that whoever is signed in is known there; without a cookie it costs nothing.
    signed_in = None if request.endpoint == "static" else load_sign_in()
    if access.permission is not None:
        if signed_in is None:
            return _to_sign_in()
        _check(signed_in.actor, access.permission)
        if signed_in.stage not in access.stages:
            return lead_to(NEXT_STEP[signed_in.stage])
    if request.method not in SAFE:
        if access.takes_file:
            request.max_content_length = _LARGEST_UPLOAD
        _check_form()
        _refuse_nul_in(request.form.values())
    return None


def _calling_system() -> Actor:
    token = _bearer_token()
    if not token:
        raise NotAuthenticated("请带上令牌（Authorization: Bearer …）。令牌由系统管理员发给。")
    try:
        return authenticate(current_context(), token, address())
    except NotAuthenticated as error:
        keep_refusal(current_context(), current_actor(), "access.token", _what(), {"code": error.reason})
        raise


def _admit_monitoring() -> AnyResponse | None:
    context, token = current_context(), _bearer_token()
    if not context.settings.metrics_token:
        raise NotFound("没有开监控。需要时请设置 PREPAY_METRICS_TOKEN。")
    if is_monitor(context, token):
        return None
    if token:
        detail = {"code": NotAuthenticated.code}
        keep_refusal(context, current_actor(), "access.token", _what(), detail)
    words = "请带上监控令牌（Authorization: Bearer …），就是 PREPAY_METRICS_TOKEN 里的那个。\n"
    headers = {"WWW-Authenticate": 'Bearer realm="metrics"', "Content-Type": "text/plain; charset=utf-8"}
    return make_response(words, 401, headers)


def _bearer_token() -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _check(actor: Actor, permission: Permission) -> None:
    try:
        actor.require(permission)
    except NotPermitted as error:
        detail = {"code": error.reason, "permission": permission.value}
        keep_refusal(current_context(), actor, "access.open", _what(), detail)
        raise


def _check_form() -> None:
    try:
        check_form()
    except ForeignForm:
        keep_refusal(current_context(), current_actor(), "access.form", _what(), {"code": "foreign_form"})
        raise


def _to_sign_in() -> AnyResponse:
    """To the log-in, and from there back: a form can't be sent again, so after one its page comes back."""
    wanted = request.full_path.rstrip("?") if request.method in SAFE and not is_partial() else _page_before()
    return lead_to("/login" + (f"?next={quote(wanted)}" if wanted not in ("", "/") else ""))


def _page_before() -> str:
    before = request.headers.get("HX-Current-URL") or request.referrer or ""
    try:
        parts = urlsplit(before)
    except ValueError:
        return ""
    same = parts.netloc == request.host
    return (parts.path + (f"?{parts.query}" if parts.query else "")) if same else ""


def lead_to(path: str) -> AnyResponse:
    """Another page instead of this answer, for a whole page and for htmx."""
    if not is_partial():
        return redirect(path, 303)
    # A swap would put the log-in page into the middle of another: htmx goes there as a whole instead.
    response: Response = make_response("", 401)
    response.headers["HX-Redirect"] = path
    return response


def safe_next(path: str) -> str:
    """Where to go after signing in: a path of ours, or home. ``//host`` and ``/\\host`` lead elsewhere."""
    try:
        parts = urlsplit(path)
    except ValueError:
        return "/"
    ours = path.startswith("/") and not path.startswith(("//", "/\\")) and not parts.scheme and not parts.netloc
    plain = path.isprintable() and "\\" not in path
    return path if ours and plain and not path.startswith(("/login", "/logout")) else "/"


def _what() -> str:
    """The address asked for, as its route has it: numbers stand in it, and nothing else that somebody typed."""
    rule = request.url_rule.rule if request.url_rule else request.path
    for name, value in (request.view_args or {}).items():
        head, found, tail = rule.partition(f"{name}>")
        shown = str(value) if isinstance(value, int) else "…"
        rule = f"{head[: head.rfind('<')]}{shown}{tail}" if found else rule
    return f"{request.method} {rule}"
