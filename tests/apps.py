"""Applications for tests: built once a process and settings, put on another house for each test.

Building the application and reading its templates takes as long as a whole test of a page.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from apiflask import APIFlask

from hospital_prepay.app import create_app
from hospital_prepay.http.current import EXTENSION
from hospital_prepay.http.public_cache import PublicFront
from hospital_prepay.services.context import Context
from hospital_prepay.settings import Settings

_built: dict[Settings, tuple[APIFlask, Callable[..., Any]]] = {}


def application(context: Context) -> APIFlask:
    """The application on ``context``, nothing kept in memory; one at a time for the same settings."""
    # Where the house is kept is the context's own; the application keeps nothing of it.
    alike = replace(context.settings, database_url="", owner_url="", direct_url="", data_dir=Path())
    if alike not in _built:
        app = create_app(context)
        _built[alike] = app, app.wsgi_app._inner._inner  # type: ignore[attr-defined]
    app, flask = _built[alike]
    app.extensions[EXTENSION] = context
    app.wsgi_app._inner = PublicFront(flask, context)  # type: ignore[attr-defined]
    app.config["PROPAGATE_EXCEPTIONS"] = True
    return app
