"""What the authority published at the end of a year, as it was written down."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa

from hospital_prepay.persistence.models.fund_reports import FundDisclosure


@dataclass(frozen=True, slots=True)
class Disclosure:
    """One fund of one year, in fen."""

    year: int
    fund: str
    paid_out_fen: int
    recovered_fen: int
    balance_fen: int
    published_on: date
    source: str
    recorded_by: str
    recorded_at: datetime


def add_disclosure(
    connection: sa.Connection, institution_id: str, disclosure_id: str, disclosure: Disclosure
) -> None:
    """Write one down; an earlier one of the same year and fund stays and counts no more."""
    values = {name: getattr(disclosure, name) for name in Disclosure.__dataclass_fields__}
    key = {"institution_id": institution_id, "disclosure_id": disclosure_id}
    connection.execute(sa.insert(FundDisclosure).values(**key, **values))


def disclosures(connection: sa.Connection, institution_id: str) -> list[Disclosure]:
    """All of them, in the order in which they were written down."""
    columns = [getattr(FundDisclosure, name) for name in Disclosure.__dataclass_fields__]
    rows = connection.execute(
        sa.select(*columns)
        .where(FundDisclosure.institution_id == institution_id)
        .order_by(FundDisclosure.recorded_at, FundDisclosure.disclosure_id)
    )
    return [Disclosure(*row) for row in rows]
