"""Who bears a settlement, and the lines of its entry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from hospital_prepay.domain.ledger.chart import (
    FROM_INSURANCE,
    IN_HOSPITAL,
    OWN_COST,
    arrears_account,
    stay_account,
)
from hospital_prepay.domain.ledger.entry import Posting
from hospital_prepay.domain.money import Money


class Posted(Protocol):
    """Who bears a settlement, in fen."""

    @property
    def total_fen(self) -> int: ...
    @property
    def fund_fen(self) -> int: ...
    @property
    def account_fen(self) -> int: ...
    @property
    def hospital_fen(self) -> int: ...
    @property
    def applied_fen(self) -> int: ...
    @property
    def shortfall_fen(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Shares:
    """A settlement's columns of money."""

    total_fen: int
    fund_fen: int
    account_fen: int
    cash_fen: int
    hospital_fen: int
    applied_fen: int
    shortfall_fen: int


def posted_lines(stay_no: str, of: Posted) -> tuple[Posting, ...]:
    """The lines of a settlement: what the deposit pays, what is owed by insurance and patient, what the hospital
    bears; against what the stay cost."""
    debits = (
        (stay_account(stay_no), of.applied_fen),
        (FROM_INSURANCE, of.fund_fen + of.account_fen),
        (arrears_account(stay_no), of.shortfall_fen),
        (OWN_COST, of.hospital_fen),
    )
    lines = [Posting(account, debit=Money(fen)) for account, fen in debits if fen]
    return (*lines, Posting(IN_HOSPITAL, credit=Money(of.total_fen)))
