"""Our own entries as a reconciliation looks at them. The one place where entries meet the papers that name them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final

import sqlalchemy as sa

from hospital_prepay.clock import local
from hospital_prepay.domain.ledger.chart import PREPAYMENT
from hospital_prepay.domain.rules.fund.movements import Movement, OwedChange
from hospital_prepay.persistence.fund_returns import mistaken
from hospital_prepay.persistence.models.fund import FundGrant, FundRequest
from hospital_prepay.persistence.models.fund_apply import FundDistribution
from hospital_prepay.persistence.models.fund_recall import FundBankEvidence
from hospital_prepay.persistence.models.fund_reconciliation import FundSettlement
from hospital_prepay.persistence.models.ledger import LedgerAccount, LedgerEntry, LedgerPosting

_RECEIVABLE: Final = "12120201"
_BANK: Final = "1002"
# Lines of it that name a grant are what members hold; what is claimed for a loss names none.
_MEMBERS: Final = "1218"


@dataclass(frozen=True, slots=True)
class Paper:
    """What bank or form says of an entry: its reference, payee and, of a settlement, its fund."""

    reference: str = ""
    payee: str = ""
    fund: str = ""


@dataclass(frozen=True, slots=True)
class GrantBalance:
    """What is owed on a grant, and the money of it that is unspent or reserved."""

    grant_id: str
    regime: str
    kind: str
    owed_fen: int
    earmark_fen: int


def our_movements(connection: sa.Connection, institution_id: str, period: str) -> list[Movement]:
    """Every entry up to the end of ``period`` that touches a grant or the receivable from the insurance, or by which
    somebody paid the hospital what it had to give back in his place.

    Its day is the one it belongs to, by the bank's slip; the day of the books stands beside it. What was typed
    wrongly and taken back never was.
    """
    slips = _slips(connection, institution_id)
    touched = sa.union(
        sa.select(LedgerPosting.entry_no)
        .join(LedgerAccount, _same(LedgerAccount.account_id == LedgerPosting.account_id, LedgerAccount))
        .where(
            LedgerPosting.institution_id == institution_id,
            sa.or_(LedgerAccount.fund != "", LedgerAccount.account_id == _RECEIVABLE),
        ),
        sa.select(FundBankEvidence.entry_no).where(FundBankEvidence.institution_id == institution_id),
    )
    amount = sa.func.sum(LedgerPosting.debit_fen - LedgerPosting.credit_fen)
    rows = connection.execute(
        sa.select(LedgerPosting.entry_no, LedgerAccount.subject, LedgerPosting.fund, amount)
        .join(LedgerAccount, _same(LedgerAccount.account_id == LedgerPosting.account_id, LedgerAccount))
        .where(LedgerPosting.institution_id == institution_id, LedgerPosting.entry_no.in_(touched))
        .group_by(LedgerPosting.entry_no, LedgerAccount.subject, LedgerPosting.fund)
    )
    parts: defaultdict[int, list[tuple[str, str, int]]] = defaultdict(list)
    for entry_no, subject, fund, fen in rows:
        parts[int(entry_no)].append((subject, fund, int(fen)))
    papers = {
        **_requests(connection, institution_id),
        **_settlements(connection, institution_id),
        **_members(connection, institution_id),
    }
    funds = {row.grant_id: row.fund for row in connection.execute(_grant_funds(institution_id))}
    heads = connection.execute(_heads(institution_id, touched))
    found = [_movement(row, parts[int(row.entry_no)], _paper(row, papers, slips), funds) for row in heads]
    never = mistaken(connection, institution_id)
    return [one for one in found if one.day.isoformat()[:7] <= period and one.entry_no not in never]


def balances_on(connection: sa.Connection, institution_id: str, day: date) -> list[GrantBalance]:
    """What every grant that was booked by the end of ``day`` stood at then."""
    amount = sa.func.coalesce(sa.func.sum(LedgerPosting.debit_fen - LedgerPosting.credit_fen), 0)
    rows = connection.execute(
        sa.select(FundGrant.grant_id, FundGrant.regime, FundGrant.kind, LedgerAccount.subject, amount)
        .join(LedgerPosting, _same(LedgerAccount.account_id == LedgerPosting.account_id, LedgerAccount))
        .join(LedgerEntry, _same(LedgerEntry.entry_no == LedgerPosting.entry_no, LedgerEntry))
        .join(FundGrant, _same(FundGrant.grant_id == LedgerAccount.fund, FundGrant))
        .where(LedgerPosting.institution_id == institution_id, LedgerEntry.effective_on <= day)
        .group_by(FundGrant.grant_id, FundGrant.regime, FundGrant.kind, LedgerAccount.subject)
        .order_by(FundGrant.grant_id)
    )
    found: dict[tuple[str, str, str], dict[str, int]] = defaultdict(dict)
    for *grant, subject, fen in rows:
        found[grant[0], grant[1], grant[2]][subject] = int(fen)
    return [GrantBalance(*grant, -of.get(PREPAYMENT, 0), of.get(_BANK, 0)) for grant, of in found.items()]


def suppliers(connection: sa.Connection, institution_id: str) -> list[str]:
    """Everybody who was paid from a grant, by name."""
    rows = connection.scalars(
        sa.select(FundRequest.payee_name)
        .where(FundRequest.institution_id == institution_id, FundRequest.paid_at.is_not(None))
        .distinct()
        .order_by(FundRequest.payee_name)
    )
    return list(rows)


def _movement(row: Any, parts: Iterable[tuple[str, str, int]], paper: Paper, funds: dict[str, str]) -> Movement:
    bank = receivable = claimed = 0
    owed: defaultdict[str, int] = defaultdict(int)
    restricted = to_member = False
    for subject, fund, fen in parts:
        restricted = restricted or bool(fund)
        to_member = to_member or (subject == _MEMBERS and bool(fund))
        if subject == _BANK:
            bank += fen
        elif subject == _MEMBERS and not fund:
            claimed += fen
        elif subject == _RECEIVABLE:
            receivable += fen
        elif subject == PREPAYMENT:
            owed[fund] -= fen
    changes = tuple(OwedChange(grant, funds.get(grant, ""), fen) for grant, fen in sorted(owed.items()))
    return Movement(
        entry_no=int(row.entry_no),
        day=row.effective_on,
        booked_on=local(row.posted_at).date(),
        summary=row.summary,
        bank_fen=bank,
        receivable_fen=receivable,
        owed=changes,
        restricted=restricted,
        reference=paper.reference,
        payee=paper.payee,
        fund=paper.fund,
        to_member=to_member,
        on_claim=bank == -claimed != 0,
    )


def _paper(row: Any, papers: dict[str, Paper], slips: dict[int, str]) -> Paper:
    """What the form says; the reference by the bank's own slip, where one was kept."""
    paper = papers.get(row.source, Paper())
    slip = slips.get(int(row.entry_no))
    return paper if slip is None else replace(paper, reference=slip)


def _slips(connection: sa.Connection, institution_id: str) -> dict[int, str]:
    table = FundBankEvidence
    rows = connection.execute(
        sa.select(table.entry_no, table.reference).where(table.institution_id == institution_id)
    )
    return {int(row.entry_no): row.reference for row in rows}


def _requests(connection: sa.Connection, institution_id: str) -> dict[str, Paper]:
    rows = connection.execute(
        sa.select(FundRequest.request_id, FundRequest.bank_reference, FundRequest.payee_name).where(
            FundRequest.institution_id == institution_id, FundRequest.paid_at.is_not(None)
        )
    )
    return {f"fund_request:{request_id}": Paper(reference, payee) for request_id, reference, payee in rows}


def _settlements(connection: sa.Connection, institution_id: str) -> dict[str, Paper]:
    table = FundSettlement
    rows = connection.execute(
        sa.select(table.settlement_id, table.bank_reference, table.payer, table.fund).where(
            table.institution_id == institution_id
        )
    )
    return {f"settlement:{row.settlement_id}": Paper(*row[1:]) for row in rows}


def _members(connection: sa.Connection, institution_id: str) -> dict[str, Paper]:
    table = FundDistribution
    rows = connection.execute(
        sa.select(table.distribution_id, table.member_name).where(table.institution_id == institution_id)
    )
    return {f"fund_distribution:{row.distribution_id}": Paper(payee=row.member_name) for row in rows}


def _grant_funds(institution_id: str) -> sa.Select[str, str]:
    return sa.select(FundGrant.grant_id, FundGrant.fund).where(FundGrant.institution_id == institution_id)


def _heads(institution_id: str, touched: sa.CompoundSelect[int]) -> sa.Select[*tuple[Any, ...]]:
    entry = LedgerEntry
    return (
        sa.select(entry.entry_no, entry.summary, entry.source, entry.effective_on, entry.posted_at)
        .where(entry.institution_id == institution_id, entry.entry_no.in_(touched))
        .order_by(entry.entry_no)
    )


def _same(
    condition: sa.ColumnElement[bool], table: type[LedgerAccount] | type[LedgerEntry] | type[FundGrant]
) -> sa.ColumnElement[bool]:
    return sa.and_(table.institution_id == LedgerPosting.institution_id, condition)
