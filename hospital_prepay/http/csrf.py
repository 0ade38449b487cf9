"""Forms of ours only: each carries a proof bound to the session it was shown in.

The proof is a keyed hash of the session's token, so it needs no storage and ends with the session. Before sign-in
a random cookie stands in for the session.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

from flask import Response, g, request
from werkzeug.exceptions import BadRequest

from hospital_prepay.crypto import derive, new_token
from hospital_prepay.http.current import current_context
from hospital_prepay.http.login import cookie_name, load_sign_in, session_token, set_cookie

_COOKIE: Final = "prepay_form"
FIELD: Final = "csrf_token"
HEADER: Final = "X-CSRF-Token"
SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class ForeignForm(BadRequest):
    """The form lacks its proof, or brings another session's."""


def csrf_token() -> str:
    """The proof for forms of the page being shown."""
    return token_for(_binding(create=True))


def token_for(binding: str) -> str:
    """The proof that belongs to one session token or one form cookie."""
    key = derive(current_context().settings.secret_key, "forms")
    return hmac.new(key, binding.encode(), hashlib.sha256).hexdigest()


def check_form() -> None:
    """Raise :class:`ForeignForm` unless the request carries the proof of its own session."""
    binding = _binding(create=False)
    given = request.headers.get(HEADER) or request.form.get(FIELD, "")
    if not binding or not hmac.compare_digest(token_for(binding).encode(), given.encode()):
        raise ForeignForm()


def keep_cookie(response: Response) -> Response:
    """After the request: hand out the form cookie if one was made."""
    made = g.get("form_cookie")
    return set_cookie(response, _COOKIE, made) if made else response


def _binding(*, create: bool) -> str:
    if load_sign_in() is not None:
        return f"session {session_token()}"
    known = g.get("form_cookie") or request.cookies.get(cookie_name(_COOKIE))
    if not known and create:
        known = g.form_cookie = new_token()
    return f"form {known}" if known else ""
