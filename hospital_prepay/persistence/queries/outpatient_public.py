"""What patients' pages ask of the register: accounts under one certificate number, and how far giving back is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from hospital_prepay.domain.ledger.chart import owed_refund_account
from hospital_prepay.persistence.models.ledger import LedgerAccount
from hospital_prepay.persistence.models.outpatient import OutpatientAccount, OutpatientImport
from hospital_prepay.persistence.models.outpatient_claims import OutpatientClaim
from hospital_prepay.persistence.models.outpatient_escheat import OutpatientBatch, OutpatientBatchLine
from hospital_prepay.persistence.outpatient_treasury import REMITTED, advanced

_DEPOSIT: Final = OutpatientAccount.kind == "outpatient_deposit"


@dataclass(frozen=True, slots=True)
class KnownAccount:
    """A deposit that the books have, as far as an owner can be told by it. ``due_fen`` is what is paid to the owner:
    the balance, what the treasury has of it and nobody was paid, or what of that came back and is owed."""

    account_no: str
    holder_name: str
    phone_hash: str
    patient_no: str
    due_fen: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How far giving back is, in numbers of accounts and fen. ``left`` is with the hospital, ``remitted`` with the
    treasury and still its owners'."""

    refunded: int
    refunded_fen: int
    left: int
    left_fen: int
    remitted: int
    remitted_fen: int


def known_accounts(
    connection: sa.Connection, institution_id: str, certno_hashes: Sequence[str], limit: int
) -> list[KnownAccount]:
    """Deposits registered under a certificate number. It asks the same whether there are any or not."""
    account, book, counted = OutpatientAccount, LedgerAccount, OutpatientImport
    own = account.institution_id
    query = (
        sa.select(account.account_no, account.holder_name, account.phone_hash, account.patient_no, book.balance_fen)
        .join_from(account, book, sa.and_(book.institution_id == own, book.account_id == _ledger_id()))
        .outerjoin(counted, sa.and_(counted.institution_id == own, counted.import_no == account.import_no))
        .where(
            own == institution_id,
            account.certno_hash.in_(certno_hashes),
            account.certno_hash != "",
            _DEPOSIT,
            sa.func.coalesce(counted.state, "booked") == "booked",
        )
        .order_by(account.account_no)
        .limit(limit)
    )
    rows = connection.execute(query).all()
    numbers = [row.account_no for row in rows] or [""]
    gone = _remitted(connection, institution_id, numbers)
    paid, owed = _paid_ahead(connection, institution_id, numbers), _owed(connection, institution_id, numbers)
    found = []
    for account_no, name, phone_hash, patient_no, balance_fen in rows:
        left = gone.get(account_no, 0) - paid.get(account_no, 0)
        due = owed.get(account_no, 0) or left or int(balance_fen)
        found.append(KnownAccount(account_no, name, phone_hash, patient_no, due))
    return found


def progress(connection: sa.Connection, institution_id: str) -> Progress:
    """Sums over all deposits; nothing of any one of them. What article 6 lets the hospital keep is no stock and
    isn't among them."""
    account, book, claim = OutpatientAccount, LedgerAccount, OutpatientClaim
    left = (
        sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(book.balance_fen), 0))
        .join_from(
            account,
            book,
            sa.and_(book.institution_id == account.institution_id, book.account_id == _ledger_id()),
        )
        .where(
            account.institution_id == institution_id,
            _DEPOSIT,
            account.import_no.is_not(None),
            book.balance_fen > 0,
        )
    )
    refunded = (
        sa.select(sa.func.count(sa.distinct(claim.account_no)), sa.func.coalesce(sa.func.sum(claim.amount_fen), 0))
        .join_from(
            claim,
            account,
            sa.and_(account.institution_id == claim.institution_id, account.account_no == claim.account_no),
        )
        .where(
            claim.institution_id == institution_id, claim.state == "arrived", _DEPOSIT, account.import_no.is_not(None)
        )
    )
    there = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(OutpatientBatchLine.balance_fen), 0)).join_from(
        OutpatientBatchLine, OutpatientBatch, _of_batch()
    )
    there = there.join(
        account,
        sa.and_(
            account.institution_id == OutpatientBatchLine.institution_id,
            account.account_no == OutpatientBatchLine.account_no,
        ),
    ).where(
        OutpatientBatchLine.institution_id == institution_id,
        OutpatientBatch.state == "remitted",
        account.state == "remitted",
    )
    # Of an account that was paid in part the rest is still with the treasury.
    paid = sa.select(sa.func.coalesce(sa.func.sum(advanced()), 0)).where(
        claim.institution_id == institution_id,
        claim.remitted,
        claim.state == "arrived",
        sa.exists().where(
            account.institution_id == claim.institution_id,
            account.account_no == claim.account_no,
            account.state == "remitted",
        ),
    )
    counts = [int(one) for query in (refunded, left, there) for one in connection.execute(query).one()]
    counts[-1] -= int(connection.scalar(paid) or 0)
    return Progress(*counts)


def _remitted(connection: sa.Connection, institution_id: str, numbers: Sequence[str]) -> dict[str, int]:
    line = OutpatientBatchLine
    query = (
        sa.select(line.account_no, sa.func.sum(line.balance_fen))
        .join_from(line, OutpatientBatch, _of_batch())
        .where(
            line.institution_id == institution_id,
            line.account_no.in_(numbers),
            OutpatientBatch.state.in_(REMITTED),
        )
        .group_by(line.account_no)
    )
    return {number: int(fen) for number, fen in connection.execute(query)}


def _paid_ahead(connection: sa.Connection, institution_id: str, numbers: Sequence[str]) -> dict[str, int]:
    claim = OutpatientClaim
    query = (
        sa.select(claim.account_no, sa.func.sum(advanced()))
        .where(claim.institution_id == institution_id, claim.account_no.in_(numbers), claim.remitted)
        .group_by(claim.account_no)
    )
    return {number: int(fen) for number, fen in connection.execute(query)}


def _owed(connection: sa.Connection, institution_id: str, numbers: Sequence[str]) -> dict[str, int]:
    claim, book = OutpatientClaim, LedgerAccount
    of_claim = sa.and_(
        book.institution_id == claim.institution_id, book.account_id == owed_refund_account("") + claim.claim_id
    )
    query = (
        sa.select(claim.account_no, sa.func.sum(book.balance_fen))
        .join_from(claim, book, of_claim)
        .where(claim.institution_id == institution_id, claim.account_no.in_(numbers))
        .group_by(claim.account_no)
    )
    return {number: int(fen) for number, fen in connection.execute(query)}


def _of_batch() -> sa.ColumnElement[bool]:
    return sa.and_(
        OutpatientBatch.institution_id == OutpatientBatchLine.institution_id,
        OutpatientBatch.batch_no == OutpatientBatchLine.batch_no,
    )


def _ledger_id() -> sa.ColumnElement[str]:
    return sa.literal("23050102:") + OutpatientAccount.account_no
