"""One name for one pool region, however it is typed: a second spelling would be a second grant of one year."""

from __future__ import annotations

from hospital_prepay.domain.errors import MalformedInput
from hospital_prepay.domain.references import region_name
from hospital_prepay.persistence import fund_duties, funds
from hospital_prepay.persistence.database import Connection


def known_region(connection: Connection, institution_id: str, text: str) -> str:
    """The region's name as the hospital's places and grants have it already, else as typed but for blanks and width.

    Raises :class:`MalformedInput` for a name of blanks.
    """
    plain = region_name(text)
    if not plain:
        raise MalformedInput("请填统筹区，例如临溪市。", code="missing_value", details={"field": "pool_region"})
    known = [one.pool_region for one in fund_duties.places(connection, institution_id)]
    known += [one.pool_region for one in funds.grants(connection, institution_id)]
    return next((region_name(one) for one in known if same_region(one, plain)), plain)


def same_region(one: str, other: str) -> bool:
    """Whether two names mean one region."""
    return region_name(one).casefold() == region_name(other).casefold()
