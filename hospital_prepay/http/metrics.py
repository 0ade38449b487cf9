"""Requests counted: route template, method, class of status and how long the answer took. No address, no person.

Server processes write into files that they share, so that whichever is asked tells of all of them (see
:func:`hospital_prepay.settings.share_measurements`); a program that shares nothing counts for itself.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from flask import Flask, request
from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.multiprocess import MultiProcessCollector

from hospital_prepay.http.public_cache import PATHS
from hospital_prepay.settings import shared_measurements

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_OWN: Final = CollectorRegistry()
_REQUESTS: Final = Histogram(
    "prepay_http_request_seconds",
    "Requests by route template, method and class of status, and how long the answer took.",
    ("route", "method", "status"),
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0),
    registry=_OWN,
)
_ROUTE: Final = "prepay.route"
# A stranger may send any word as a method and any path: labels are only what is known beforehand.
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_OTHER: Final = "other"


def measure_requests(app: Flask) -> None:
    """Measure every request of ``app``, those answered from memory too: call this last."""
    app.before_request_funcs.setdefault(None, []).insert(0, _note_route)
    app.wsgi_app = _Measured(app.wsgi_app)  # type: ignore[method-assign]


def request_registry() -> CollectorRegistry:
    """What was counted: by all server processes where they share, else by this one."""
    folder = shared_measurements()
    if folder is None:
        return _OWN
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=str(folder))
    return registry


def _note_route() -> None:
    if request.url_rule is not None:
        request.environ[_ROUTE] = request.url_rule.rule


class _Measured:
    """WSGI: the time from the request to its whole answer."""

    def __init__(self, inner: WSGIApplication) -> None:
        self._inner = inner

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        begun = time.perf_counter()
        status = "5xx"

        def started(line: str, headers: list[tuple[str, str]], *fault: Any) -> Any:
            nonlocal status
            status = f"{line[:1]}xx"
            return start_response(line, headers, *fault)

        try:
            return self._inner(environ, started)
        finally:
            path, method = environ.get("PATH_INFO", ""), environ["REQUEST_METHOD"]
            route = environ.get(_ROUTE) or (path if path in PATHS else _OTHER)
            series = _series(route, method if method in _METHODS else _OTHER, status)
            series.observe(time.perf_counter() - begun)


@cache  # labels are few, see above, and the library's own way to a series costs more than a page from memory
def _series(route: str, method: str, status: str) -> Histogram:
    return _REQUESTS.labels(route, method, status)
