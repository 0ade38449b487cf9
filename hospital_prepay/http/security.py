"""What every answer tells the browser not to do."""

from __future__ import annotations

from typing import Final

from flask import Flask, Response, current_app, g, request

from hospital_prepay.http.current import current_context
from hospital_prepay.http.permission import access_of

POLICY: Final = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_ALWAYS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=()",
}
_ONE_YEAR: Final = "max-age=31536000; includeSubDomains"


def harden(app: Flask) -> None:
    """Add the headers to every answer of ``app``."""
    app.after_request(_headers)


def _headers(response: Response) -> Response:
    for name, value in _ALWAYS.items():
        response.headers.setdefault(name, value)
    if not current_context().settings.is_demo:
        response.headers.setdefault("Strict-Transport-Security", _ONE_YEAR)
    if request.endpoint != "static":
        response.vary.add("HX-Request")
        if _is_personal():
            response.headers["Cache-Control"] = "no-store"
    return response


def _is_personal() -> bool:
    """Whether the answer is for one person: anything but a public page seen by the public."""
    view = current_app.view_functions.get(request.endpoint or "")
    access = view and access_of(view)
    return not access or access.permission is not None or g.get("signed_in") is not None or "form_cookie" in g
