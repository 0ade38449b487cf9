"""``/healthz`` and ``/readyz``: what a supervisor asks of a server."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, jsonify

from hospital_prepay.http.current import current_context
from hospital_prepay.http.permission import public
from hospital_prepay.services.readiness import obstacle

blueprint = Blueprint("operations", __name__)
_FRESH = {"Cache-Control": "no-store"}


@blueprint.get("/healthz")
@public
def show_health() -> Any:
    """The process answers; no database is asked."""
    return jsonify(status="ok"), 200, _FRESH


@blueprint.get("/readyz")
@public
def show_readiness() -> Any:
    """The database answers and is of the right version; otherwise 503 and what to do."""
    found = obstacle(current_context())
    if found is None:
        return jsonify(status="ready"), 200, _FRESH
    return jsonify(status="unavailable", detail=found), 503, _FRESH
