"""What the books know of duties: when each grant arrived, and the shared account."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import sqlalchemy as sa

from hospital_prepay.domain.ledger.chart import owed_account
from hospital_prepay.persistence.fund_returns import undone
from hospital_prepay.persistence.funds import RequestState, requests
from hospital_prepay.persistence.models.fund import FundRequest
from hospital_prepay.persistence.models.ledger import LedgerAccount, LedgerEntry, LedgerPosting


def received_days(connection: sa.Connection, institution_id: str, grant_ids: Iterable[str]) -> dict[str, date]:
    """By grant, the day on which its money arrived."""
    line, entry = LedgerPosting, LedgerEntry
    query = (
        sa.select(line.fund, sa.func.min(entry.effective_on, type_=entry.effective_on.type).label("first"))
        .join(entry, sa.and_(entry.institution_id == line.institution_id, entry.entry_no == line.entry_no))
        .where(
            line.institution_id == institution_id,
            line.account_id.in_([owed_account(grant_id) for grant_id in grant_ids]),
            entry.kind == "fund_receipt",
            entry.entry_no.not_in(undone(connection, institution_id)),
        )
        .group_by(line.fund)
    )
    return {row.fund: row.first for row in connection.execute(query)}


def waiting_requests(connection: sa.Connection, institution_id: str) -> list[RequestState]:
    """Requests that wait for their payment or their invoices."""
    return requests(connection, institution_id, FundRequest.state.in_(("reserved", "paid")))


def shared_account(connection: sa.Connection, institution_id: str) -> tuple[int, int]:
    """The bank deposits (1002) in fen: the hospital's own part, summed from its postings, and what stands in the
    accounts of grants, free and reserved."""
    account, line = LedgerAccount, LedgerPosting
    bank = (account.institution_id == institution_id, account.subject == "1002")
    own = (
        sa.select(sa.func.coalesce(sa.func.sum(line.debit_fen - line.credit_fen), 0))
        .join(
            account,
            sa.and_(account.institution_id == line.institution_id, account.account_id == line.account_id),
        )
        .where(*bank, account.fund == "")
    )
    restricted = sa.select(sa.func.coalesce(sa.func.sum(account.balance_fen), 0)).where(*bank, account.fund != "")
    return int(connection.scalar(own) or 0), int(connection.scalar(restricted) or 0)
