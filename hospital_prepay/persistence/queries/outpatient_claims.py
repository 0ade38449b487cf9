"""Outpatient claims for pages: an account found at the counter, lists by state, the entries of one claim."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

import sqlalchemy as sa

from hospital_prepay.persistence.models.ledger import LedgerAccount, LedgerEntry
from hospital_prepay.persistence.models.outpatient import OutpatientAccount
from hospital_prepay.persistence.models.outpatient_alarms import OutpatientAlarm
from hospital_prepay.persistence.models.outpatient_claims import OutpatientClaim, OutpatientPayout
from hospital_prepay.persistence.outpatient_owners import is_parted, name_then
from hospital_prepay.persistence.outpatient_register import accounts_of_person

_AT_ONCE: Final = 5_000
_ENDED: Final = ("arrived", "rejected", "withdrawn")


@dataclass(frozen=True, slots=True)
class FoundAccount:
    """An account in a list; ``personal`` is encrypted, ``balance_fen`` is ``None`` before the books have it;
    ``other_name`` where it is listed beside one of the same certificate number that has another name."""

    account_no: str
    holder_name: str
    personal: str
    kind: str
    state: str
    channel: str
    last_movement_on: date | None
    balance_fen: int | None
    other_name: bool = False


@dataclass(frozen=True, slots=True)
class ListedClaim:
    """A claim in a list, with the owner of its account and how much was noticed about it."""

    claim_id: str
    refund_no: str
    account_no: str
    holder_name: str
    claimant: str
    claimant_name: str
    route: str
    state: str
    amount_fen: int
    remitted: bool
    accepted_by: str
    accepted_at: datetime
    reviewed_by: str | None
    confirmed_by: str | None
    paid_at: datetime | None
    ended_by: str | None
    ended_at: datetime | None
    ground: str
    alarms: int


@dataclass(frozen=True, slots=True)
class ClaimEntry:
    """An entry of the books that belongs to a claim; ``reverses_no`` names the one it takes back."""

    entry_no: int
    summary: str
    posted_at: datetime
    reverses_no: int | None


def find_accounts(
    connection: sa.Connection,
    institution_id: str,
    text: str,
    certno_hashes: Sequence[str],
    phone_hashes: Sequence[str],
    limit: int,
) -> list[FoundAccount]:
    """Accounts by number, certificate, phone or whole name: each by an index of its own."""
    account = OutpatientAccount
    numbers: set[str] = set()
    ways = [account.account_no == text, account.holder_name == text]
    ways += [account.certno_hash.in_(certno_hashes)] if certno_hashes else []
    ways += [account.phone_hash.in_(phone_hashes)] if phone_hashes else []
    for way in ways:
        query = sa.select(account.account_no).where(account.institution_id == institution_id, way)
        numbers.update(connection.scalars(query.order_by(account.account_no).limit(limit)))
    return _listed(connection, institution_id, sorted(numbers)[:limit])


def accounts_beside(
    connection: sa.Connection, institution_id: str, account_no: str, certno_hash: str, person_id: str, limit: int
) -> list[FoundAccount]:
    """Other accounts that were decided to be the same person's, none corrected to another's number, or that have the
    same certificate number."""
    account = OutpatientAccount
    joined = (
        set()
        if is_parted(connection, institution_id, account_no)
        else set(accounts_of_person(connection, institution_id, person_id))
    )
    numbers = {one for one in joined if not is_parted(connection, institution_id, one)}
    if certno_hash:
        same = sa.select(account.account_no).where(
            account.institution_id == institution_id,
            account.certno_hash == certno_hash,
            # Said once more as a literal: the index leaves out those without a number.
            account.certno_hash != sa.literal_column("''"),
        )
        numbers.update(connection.scalars(same.order_by(account.account_no).limit(limit + 1)))
    return _listed(connection, institution_id, sorted(numbers - {account_no})[:limit])


def under_way_on(
    connection: sa.Connection, institution_id: str, numbers: Sequence[str]
) -> dict[str, tuple[str, str]]:
    """The claim under way on each of a few accounts, and its state; of several the one that was accepted last."""
    claim = OutpatientClaim
    query = (
        sa.select(claim.account_no, claim.claim_id, claim.state)
        .where(claim.institution_id == institution_id, claim.account_no.in_(numbers), claim.state.not_in(_ENDED))
        .order_by(claim.accepted_at, claim.claim_id)
    )
    return {row.account_no: (row.claim_id, row.state) for row in connection.execute(query)}


def _listed(connection: sa.Connection, institution_id: str, numbers: Sequence[str]) -> list[FoundAccount]:
    if not numbers:
        return []
    account, book = OutpatientAccount, LedgerAccount
    ledger_id = sa.case((account.kind == "outpatient_deposit", "23050102:"), else_="230502:") + account.account_no
    columns: list[Any] = [
        getattr(account, name)
        for name in FoundAccount.__dataclass_fields__
        if name not in ("balance_fen", "other_name")
    ]
    query_of_all: sa.Select[Any] = (
        sa.select(*columns, book.balance_fen)
        .outerjoin(book, sa.and_(book.institution_id == account.institution_id, book.account_id == ledger_id))
        .where(account.institution_id == institution_id, account.account_no.in_(numbers))
        .order_by(account.account_no)
    )
    return [FoundAccount(*row) for row in connection.execute(query_of_all)]


def list_claims(
    connection: sa.Connection,
    institution_id: str,
    states: Sequence[str],
    *,
    routes: Sequence[str] = (),
    only: Collection[str] | None = None,
    without: Collection[str] = (),
    newest_first: bool = False,
    start: int = 0,
    size: int = 50,
) -> list[ListedClaim]:
    """One page of the claims in ``states``, those by one of ``routes`` and of ``only`` where they name any, and none
    of ``without``."""
    claim, account = OutpatientClaim, OutpatientAccount
    noticed = (
        sa.select(sa.func.count())
        .where(OutpatientAlarm.institution_id == claim.institution_id, OutpatientAlarm.claim_id == claim.claim_id)
        .scalar_subquery()
    )
    names = [name for name in ListedClaim.__dataclass_fields__ if name not in ("holder_name", "alarms")]
    columns: list[Any] = [getattr(claim, name) for name in names]
    # A claim that has ended stays under the name that it was accepted with.
    was = name_then(claim.account_no, claim.institution_id, claim.accepted_at)
    ended = sa.func.coalesce(was, account.holder_name)
    columns.insert(3, sa.case((claim.state.in_(_ENDED), ended), else_=account.holder_name))
    order = (claim.accepted_at.desc(), claim.claim_id.desc()) if newest_first else (claim.accepted_at, claim.claim_id)
    query: sa.Select[Any] = (
        sa.select(*columns, noticed)
        .join(
            account,
            sa.and_(account.institution_id == claim.institution_id, account.account_no == claim.account_no),
        )
        .where(
            claim.institution_id == institution_id,
            claim.state.in_(states),
            *((claim.route.in_(routes),) if routes else ()),
            *(() if only is None else (claim.claim_id.in_(only),)),
            *((claim.claim_id.not_in(without),) if without else ()),
        )
        .order_by(*order)
    )
    return [ListedClaim(*row) for row in connection.execute(query.offset(start).limit(size))]


def count_claims(connection: sa.Connection, institution_id: str, claim_ids: Sequence[str]) -> tuple[int, int]:
    """How many of these claims there are, and their fen."""
    claim = OutpatientClaim
    query = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(claim.amount_fen), 0))
    count, fen = connection.execute(
        query.where(claim.institution_id == institution_id, claim.claim_id.in_(claim_ids))
    ).one()
    return int(count), int(fen)


def entries_of(connection: sa.Connection, institution_id: str, claim_id: str) -> list[ClaimEntry]:
    """The entries of a claim, those that took others back among them, in order."""
    entry = LedgerEntry
    columns = [getattr(entry, name) for name in ClaimEntry.__dataclass_fields__]
    query = sa.select(*columns).where(
        entry.institution_id == institution_id,
        entry.source == f"outpatient_claim:{claim_id}",
        entry.kind.like("outpatient%"),
    )
    return [ClaimEntry(*row) for row in connection.execute(query.order_by(entry.entry_no))]


def arrived_routes(connection: sa.Connection, institution_id: str, claim_ids: Sequence[str]) -> dict[str, str]:
    """The way by which each of these claims arrived, by claim: its attempt's, whatever way was named since."""
    payout = OutpatientPayout
    query = sa.select(payout.claim_id, payout.route).where(
        payout.institution_id == institution_id, payout.claim_id.in_(claim_ids), payout.state == "arrived"
    )
    return {row.claim_id: row.route for row in connection.execute(query)}


def claims_of_numbers(connection: sa.Connection, institution_id: str, numbers: Sequence[str]) -> dict[str, str]:
    """The claims behind these refund numbers, a few thousand a statement; a number of no claim is left out."""
    claim, wanted, found = OutpatientClaim, sorted(set(numbers)), dict[str, str]()
    for start in range(0, len(wanted), _AT_ONCE):
        query = sa.select(claim.refund_no, claim.claim_id).where(
            claim.institution_id == institution_id, claim.refund_no.in_(wanted[start : start + _AT_ONCE])
        )
        found |= {row.refund_no: row.claim_id for row in connection.execute(query)}
    return found


def refund_numbers(connection: sa.Connection, institution_id: str, claim_ids: Sequence[str]) -> dict[str, str]:
    """The refunds' numbers of these claims, a few thousand a statement."""
    claim, wanted, found = OutpatientClaim, sorted(set(claim_ids)), dict[str, str]()
    for start in range(0, len(wanted), _AT_ONCE):
        query = sa.select(claim.claim_id, claim.refund_no).where(
            claim.institution_id == institution_id, claim.claim_id.in_(wanted[start : start + _AT_ONCE])
        )
        found |= {row.claim_id: row.refund_no for row in connection.execute(query)}
    return found
