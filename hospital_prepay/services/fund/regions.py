"""One name for one pool region, however it is typed: a second spelling would be a second grant of one year."""

from __future__ import annotations

from hospital_prepay.domain.errors import MalformedInput
from hospital_prepay.domain.references import region_core, region_name
from hospital_prepay.persistence import fund_duties, funds
from hospital_prepay.persistence.database import Connection


def known_region(connection: Connection, institution_id: str, text: str) -> str:
    """The region's name as the hospital's places and grants have it already, else as typed but for blanks, width and
    the province before it.

    Raises :class:`MalformedInput` for a name of blanks, or one that is a known region's but for a word that may
    make it another: which one is meant, people say.
    """
    plain = region_name(text)
    if not plain:
        raise MalformedInput("请填统筹区，例如临溪市。", code="missing_value", details={"field": "pool_region"})
    known = [one.pool_region for one in fund_duties.places(connection, institution_id)]
    known += [one.pool_region for one in funds.grants(connection, institution_id)]
    for one in known:
        if same_region(one, plain):
            return region_name(one)
    for one in known:
        if region_core(one) == region_core(plain):
            words = f"“{plain}”和本院已有的统筹区“{one}”像是同一个地方。请照“{one}”填写，一个地方只用一个名称。"
            raise MalformedInput(words, code="similar_region", details={"field": "pool_region"})
    return plain


def same_region(one: str, other: str) -> bool:
    """Whether two names mean one region."""
    return region_name(one).casefold() == region_name(other).casefold()
