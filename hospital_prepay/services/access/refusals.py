"""Attempts that were turned away at the door, before any service saw them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hospital_prepay.domain.access import Actor
from hospital_prepay.persistence.queries.access import default_institution
from hospital_prepay.services.access.login import NOBODY
from hospital_prepay.services.context import Context


def keep_refusal(context: Context, actor: Actor | None, action: str, subject: str, detail: Mapping[str, Any]) -> None:
    """Write the refusal to the audit trail; ``actor`` is ``None`` when nobody is known."""
    if actor is None:
        actor = nobody(context)
    with context.work(actor, action, subject[:120]) as work:
        work.audit(outcome="refused", detail=detail)


def nobody(context: Context, address: str = "") -> Actor:
    """Somebody who isn't signed in: the public, who may do nothing that needs a permission."""
    with context.database.reading() as connection:
        institution_id = default_institution(connection)
    return Actor(institution_id, NOBODY, "", frozenset(), address)
