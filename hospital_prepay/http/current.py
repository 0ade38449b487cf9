"""What belongs to the request being answered: the context, who acts, and where they come from."""

from __future__ import annotations

from typing import Final, cast

from flask import current_app, g, request

from hospital_prepay.domain.access import Actor
from hospital_prepay.domain.errors import NotAuthenticated
from hospital_prepay.services.access.refusals import nobody
from hospital_prepay.services.access.sessions import Origin, SignedIn
from hospital_prepay.services.context import Context

EXTENSION: Final = "prepay"
API: Final = "/api/"


def current_context() -> Context:
    """The context to hand to services."""
    return cast(Context, current_app.extensions[EXTENSION])


def current_actor() -> Actor:
    """Who acts: the signed-in person, or the calling system under ``/api/``; on public pages the public."""
    found = g.get("actor")
    if found is None:
        found = g.actor = nobody(current_context(), address())
    return cast(Actor, found)


def current_sign_in() -> SignedIn:
    """The person's session. Raises :class:`NotAuthenticated` where there is none."""
    found = g.get("signed_in")
    if found is None:
        raise NotAuthenticated("请先登录。")
    return cast(SignedIn, found)


def address() -> str:
    """The caller's network address."""
    return request.remote_addr or ""


def origin() -> Origin:
    """Address and browser, as a session keeps them."""
    return Origin(address(), request.user_agent.string)


def is_api() -> bool:
    """Whether a program asks, and gets JSON."""
    return request.path.startswith(API)


def is_partial() -> bool:
    """Whether htmx asks for a part of a page."""
    return request.headers.get("HX-Request") == "true" and request.headers.get("HX-History-Restore-Request") != "true"
