"""What waits for somebody of outpatient refunds, for the home page."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from hospital_prepay.persistence.models.outpatient_claims import OutpatientClaim
from hospital_prepay.persistence.models.outpatient_public import OutpatientRequest
from hospital_prepay.persistence.queries.waiting import Pile


def requests_to_accept(connection: sa.Connection, institution_id: str, _person: str) -> Pile:
    """Applications made on-line that nobody took up yet."""
    table = OutpatientRequest
    query = sa.select(sa.func.count(), sa.func.min(table.asked_at, type_=table.asked_at.type)).where(
        table.institution_id == institution_id, table.state == "asked"
    )
    count, first = connection.execute(query).one()
    return Pile(int(count), first)


def claims_to_review(connection: sa.Connection, institution_id: str, person: str) -> Pile:
    """Claims that somebody else accepted."""
    claim = OutpatientClaim
    return _pile(connection, institution_id, claim.accepted_at, "accepted", claim.accepted_by != person)


def claims_to_confirm(connection: sa.Connection, institution_id: str, person: str) -> Pile:
    """Claims that others accepted and reviewed."""
    claim = OutpatientClaim
    others = (claim.accepted_by != person, claim.reviewed_by != person)
    return _pile(connection, institution_id, claim.reviewed_at, "reviewed", *others)


def claims_to_pay(connection: sa.Connection, institution_id: str, person: str) -> Pile:
    """Confirmed claims to pay in cash by who neither reviewed nor confirmed them."""
    claim = OutpatientClaim
    return _pile(connection, institution_id, claim.confirmed_at, "confirmed", *_others(person), claim.route == "cash")


def claims_to_send(connection: sa.Connection, institution_id: str, person: str) -> Pile:
    """Confirmed claims for the bank's next file."""
    claim = OutpatientClaim
    return _pile(connection, institution_id, claim.confirmed_at, "confirmed", *_others(person), claim.route != "cash")


def claims_that_failed(connection: sa.Connection, institution_id: str, _person: str) -> Pile:
    """Refunds that the bank couldn't make: to be sent again, or by another way."""
    return _pile(connection, institution_id, OutpatientClaim.paid_at, "failed")


def claims_on_their_way(connection: sa.Connection, institution_id: str, _person: str) -> Pile:
    """Refunds that the bank hasn't answered."""
    return _pile(connection, institution_id, OutpatientClaim.paid_at, "sent")


def _others(person: str) -> tuple[sa.ColumnElement[bool], ...]:
    return OutpatientClaim.reviewed_by != person, OutpatientClaim.confirmed_by != person


def _pile(
    connection: sa.Connection, institution_id: str, since: Any, state: str, *where: sa.ColumnElement[bool]
) -> Pile:
    query = sa.select(sa.func.count(), sa.func.min(since, type_=since.type)).where(
        OutpatientClaim.institution_id == institution_id, OutpatientClaim.state == state, *where
    )
    count, first = connection.execute(query).one()
    return Pile(int(count), first)
