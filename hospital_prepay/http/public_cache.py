"""Public pages answered from memory, before Flask: bytes with a strong ETag, made again when something changed.

What is kept is asked of the application itself as a stranger would ask, so that body and headers are the very same.
Each worker looks at one small file before each answer (see ``services/publication/announcement.py``) and asks anew
when it was replaced, and after a minute in any case, for a version takes effect at midnight without anybody's doing.
"""

from __future__ import annotations

import hashlib
import io
import os
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from flask import Flask, Response, request

from hospital_prepay.http.current import EXTENSION
from hospital_prepay.services.context import Context
from hospital_prepay.services.publication.announcement import marker
from hospital_prepay.services.publication.institution import default_hospital

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

PATHS: Final = frozenset(
    {
        "/public/deposits",
        "/public/deposits.json",
        "/public/deposits.csv",
        "/public/deposits.schema.json",
        "/public/deposits/poster",
        "/public/deposits/qr.svg",
        "/public/outpatient",
        "/public/rules",
        "/public/screen",
    }
)
_KEPT_SECONDS: Final = 60.0
_NOT_IN_304: Final = frozenset({"content-type", "content-length", "content-disposition"})
_CACHE_CONTROL: Final = "public, no-cache"

Stamp = tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class _Kept:
    """One page, and until when and under which stamp it may be shown."""

    body: bytes
    etag: str
    headers: list[tuple[str, str]]
    headers_304: list[tuple[str, str]]
    marker: Path
    stamp: Stamp
    until: float


def revalidated(response: Response, *, keep: bool = True) -> Response:
    """A public answer: browsers may keep it but ask each time whether it still holds.

    With ``keep`` off it is kept nowhere.
    """
    if not keep:
        response.headers["Cache-Control"] = "no-store"
        return response
    response.headers["Cache-Control"] = _CACHE_CONTROL
    response.set_etag(hashlib.sha256(response.get_data()).hexdigest()[:32])
    response.make_conditional(request)
    # The server dates each answer; a date kept in memory would be yesterday's.
    response.headers.pop("Date", None)
    return response


def answer_in_front(app: Flask) -> None:
    """Put the pages in memory before ``app``."""
    context: Context = app.extensions[EXTENSION]
    app.wsgi_app = PublicFront(app.wsgi_app, context)  # type: ignore[method-assign]


class PublicFront:
    """WSGI: a GET or HEAD of a plain public path is answered here, everything else goes on."""

    def __init__(
        self, inner: WSGIApplication, context: Context, seconds: Callable[[], float] = time.monotonic
    ) -> None:
        self._inner = inner
        self._context = context
        self._seconds = seconds
        self._kept: dict[str, _Kept] = {}
        self._making = threading.Lock()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        method = environ["REQUEST_METHOD"]
        if path not in PATHS or environ.get("QUERY_STRING") or method not in ("GET", "HEAD"):
            return self._inner(environ, start_response)
        kept = self._kept.get(path)
        if kept is None or kept.stamp != _stamp(kept.marker) or kept.until < self._seconds():
            kept = self._fresh(path, environ)
            if kept is None:
                return self._inner(environ, start_response)
        wanted = environ.get("HTTP_IF_NONE_MATCH")
        if wanted is not None and (wanted == kept.etag or _matches(wanted, kept.etag)):
            start_response("304 Not Modified", kept.headers_304)
            return []
        start_response("200 OK", kept.headers)
        return [kept.body] if method == "GET" else []

    def _marker(self) -> Path | None:
        try:
            return marker(self._context.settings.data_dir, default_hospital(self._context).code)
        except Exception:
            return None  # the database can't be asked: the application tells so in its own way

    def _fresh(self, path: str, environ: WSGIEnvironment) -> _Kept | None:
        """Ask the application, one thread at a time; ``None`` when its answer isn't one to keep."""
        with self._making:
            known = self._kept.get(path)
            if known and known.stamp == _stamp(known.marker) and known.until >= self._seconds():
                return known
            place = self._marker()
            if place is None:
                return None
            # Looked at before the page is made: a change meanwhile shows as another stamp at the next request.
            stamp = _stamp(place)
            made = _ask(self._inner, _as_a_stranger(environ, path))
            found = made and _kept(*made, place, stamp, self._seconds() + _KEPT_SECONDS)
            if found is None:
                self._kept.pop(path, None)
            else:
                self._kept[path] = found
            return found


def _stamp(path: Path) -> Stamp:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino


def _as_a_stranger(environ: WSGIEnvironment, path: str) -> WSGIEnvironment:
    """The same request without anything that tells who asks or what they have already."""
    plain = {name: value for name, value in environ.items() if not name.startswith("HTTP_") or name == "HTTP_HOST"}
    # What a server left in the environment for the request itself (werkzeug.request, …) is not carried over.
    plain = {name: value for name, value in plain.items() if name.isupper() or name.startswith("wsgi.")}
    return {
        **plain,
        "REQUEST_METHOD": "GET",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "CONTENT_LENGTH": "0",
        "wsgi.input": io.BytesIO(),
    }


def _ask(inner: WSGIApplication, environ: WSGIEnvironment) -> tuple[list[tuple[str, str]], bytes] | None:
    told: list[Any] = []

    def start(status: str, headers: list[tuple[str, str]], error: Any = None) -> Callable[[bytes], object]:
        told[:] = [status, headers]
        return lambda part: None

    parts = inner(environ, start)
    try:
        body = b"".join(parts)
    finally:
        if hasattr(parts, "close"):
            parts.close()
    return (told[1], body) if told and told[0].startswith("200 ") else None


def _kept(headers: list[tuple[str, str]], body: bytes, place: Path, stamp: Stamp, until: float) -> _Kept | None:
    etag = next((value for name, value in headers if name.lower() == "etag"), None)
    if etag is None or any(name.lower() == "set-cookie" for name, _ in headers):
        return None
    short = [(name, value) for name, value in headers if name.lower() not in _NOT_IN_304]
    return _Kept(body, etag, headers, short, place, stamp, until)


def _matches(wanted: str, etag: str) -> bool:
    """Whether one of the tags in an If-None-Match header is ours; a GET compares weakly (RFC 9110, 13.1.2)."""
    if wanted.strip() == "*":
        return True
    return any(tag.strip().removeprefix("W/") == etag for tag in wanted.split(","))
