"""Is this paper genuine and current? What a token on a receipt or a posted table stands for, without any identity."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from hospital_prepay.domain.errors import NotFound
from hospital_prepay.domain.money import Money
from hospital_prepay.persistence import receipts, settlements
from hospital_prepay.persistence.receipts import Slip
from hospital_prepay.services.context import Context
from hospital_prepay.services.publication.institution import Hospital, hospital_of
from hospital_prepay.services.publication.posted_table import Version, find_by_serial


@dataclass(frozen=True, slots=True)
class CheckedSlip:
    """A receipt as its QR code may tell it; ``cancelled_by`` is the number of the slip that undid it."""

    hospital: Hospital
    number: str
    kind: str
    amount: Money
    tender: str
    issued_at: datetime
    cancelled_by: str | None


@dataclass(frozen=True, slots=True)
class CheckedSettlement:
    """A settlement as its QR code may tell it."""

    hospital: Hospital
    number: str
    total: Money
    settled_at: datetime
    recalled_at: datetime | None


@dataclass(frozen=True, slots=True)
class CheckedTable:
    """A posted table as its serial tells it."""

    hospital: Hospital
    version: Version


def check_paper(context: Context, token: str) -> CheckedSlip | CheckedSettlement | CheckedTable | None:
    """What ``token`` stands for, or ``None`` when we issued no such paper."""
    table = find_by_serial(context, token)
    if table is not None:
        return CheckedTable(*table)
    with context.database.reading() as connection:
        settled = settlements.find_by_token(connection, token)
        if settled is not None:
            hospital, one = hospital_of(context, settled[0]), settled[1]
            return CheckedSettlement(hospital, one.number, Money(one.total_fen), one.settled_at, one.recalled_at)
        try:
            institution_id, slip = receipts.find_slip_by_token(connection, token)
        except NotFound:
            return None
    return _checked(hospital_of(context, institution_id), slip)


def _checked(hospital: Hospital, slip: Slip) -> CheckedSlip:
    return CheckedSlip(
        hospital, slip.number, slip.kind, Money(slip.amount_fen), slip.tender, slip.issued_at, slip.cancelled_by
    )
