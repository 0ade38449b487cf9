"""Addresses of the posted table. They name the institution unless it is the one that the server speaks for."""

from __future__ import annotations

from urllib.parse import urlencode

from hospital_prepay.http.current import current_context
from hospital_prepay.services.publication.institution import default_hospital


def public_question(institution_id: str, version: int | None = None) -> dict[str, str]:
    """What such an address asks for; without a version, the table in force."""
    asked = {} if version is None else {"version": str(version)}
    if institution_id != default_hospital(current_context()).code:
        asked["institution"] = institution_id
    return asked


def public_path(name: str, institution_id: str, version: int | None = None) -> str:
    """Where ``name`` (``deposits``, ``deposits.csv``, ``screen`` …) of an institution stands."""
    query = urlencode(public_question(institution_id, version))
    return f"/public/{name}" + (f"?{query}" if query else "")
