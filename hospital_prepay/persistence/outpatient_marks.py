"""Deposits that can't be refunded for now, marked in whole statements."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from hospital_prepay.domain.rules.outpatient.contact import Standing
from hospital_prepay.persistence.models.ledger import LedgerAccount
from hospital_prepay.persistence.models.outpatient import OutpatientAccount
from hospital_prepay.persistence.models.outpatient_claims import OutpatientClaim
from hospital_prepay.persistence.outpatient_told import ToldColumns, told_columns
from hospital_prepay.persistence.planning import in_bulk
from hospital_prepay.persistence.rows import refusing

_UNDER_WAY: Final = ("accepted", "reviewed", "confirmed", "sent", "failed")
_STALE: Final = "有账户正在办理。请再试一次；本次没有改动。"


def standings(
    connection: sa.Connection, institution_id: str, numbers: Sequence[str] | None, reach: Sequence[str]
) -> dict[Standing, int]:
    """How many open deposits with money and no claim there are of each standing: of ``numbers``, or with one of
    ``reach``."""
    told = told_columns(institution_id, account_nos=numbers)
    each = _open_ones(told, institution_id, numbers, reach, told.standing.label("standing")).subquery()
    query = sa.select(each.c.standing, sa.func.count()).group_by(each.c.standing)
    with _planned(connection, numbers):
        return {Standing(standing): int(count) for standing, count in connection.execute(query)}


def some_of_standing(
    connection: sa.Connection,
    institution_id: str,
    numbers: Sequence[str] | None,
    reach: Sequence[str],
    standing: Standing,
    most: int,
) -> list[str]:
    """The first ``most`` by number of those that :func:`standings` counts with one standing."""
    told = told_columns(institution_id, account_nos=numbers)
    query = _open_ones(told, institution_id, numbers, reach, OutpatientAccount.account_no)
    query = query.where(told.standing == standing.value).order_by(OutpatientAccount.account_no).limit(most)
    with _planned(connection, numbers):
        return list(connection.scalars(query))


@dataclass(frozen=True, slots=True)
class NoneToMark:
    """An account of the register that can't be marked, however its owner was told. ``balance_fen`` is ``None`` before
    its money is in the books."""

    account_no: str
    kind: str
    state: str
    balance_fen: int | None
    is_claimed: bool


def none_to_mark(
    connection: sa.Connection, institution_id: str, numbers: Sequence[str], most: int
) -> list[NoneToMark]:
    """Which of a few numbers are in the register and among none of :func:`standings`; the first ``most``."""
    account = OutpatientAccount
    open_ones = _open_ones(
        told_columns(institution_id, account_nos=numbers), institution_id, numbers, (), account.account_no
    )
    is_claimed = sa.exists().where(
        OutpatientClaim.institution_id == account.institution_id,
        OutpatientClaim.account_no == account.account_no,
        OutpatientClaim.state.in_(_UNDER_WAY),
    )
    query = (
        sa.select(account.account_no, account.kind, account.state, LedgerAccount.balance_fen, is_claimed)
        .select_from(account)
        .outerjoin(LedgerAccount, _in_books())
        .where(
            account.institution_id == institution_id,
            account.account_no.in_(numbers),
            account.account_no.not_in(open_ones.correlate(None)),
        )
        .order_by(account.account_no)
        .limit(most)
    )
    return [NoneToMark(*row[:4], bool(row[4])) for row in connection.execute(query)]


def unknown(connection: sa.Connection, institution_id: str, numbers: Sequence[str]) -> tuple[str, ...]:
    """Which of a few numbers the register doesn't have, as they were given."""
    if not numbers:
        return ()
    query = sa.select(OutpatientAccount.account_no).where(
        OutpatientAccount.institution_id == institution_id, OutpatientAccount.account_no.in_(numbers)
    )
    known = set(connection.scalars(query))
    return tuple(one for one in numbers if one not in known)


def mark(
    connection: sa.Connection,
    institution_id: str,
    numbers: Sequence[str] | None,
    reach: Sequence[str],
    takes: Iterable[Standing],
    reason: str,
) -> int:
    """Mark those of them whose standing is one of ``takes``. Returns how many."""
    told = told_columns(institution_id, account_nos=numbers)
    chosen = _open_ones(told, institution_id, numbers, reach, OutpatientAccount.account_no)
    chosen = chosen.where(told.standing.in_([one.value for one in takes])).correlate(None)
    with refusing(_STALE), _planned(connection, numbers):
        done = connection.execute(
            sa.update(OutpatientAccount)
            .where(
                OutpatientAccount.institution_id == institution_id,
                OutpatientAccount.state == "open",
                OutpatientAccount.account_no.in_(chosen),
            )
            .values(state="unclearable", unclearable_reason=reason)
        )
    return done.rowcount


def reopen(connection: sa.Connection, institution_id: str, account_no: str) -> int:
    """Take the mark back: somebody was found. Returns 1, or 0 when the account has none."""
    done = connection.execute(
        sa.update(OutpatientAccount)
        .where(
            OutpatientAccount.institution_id == institution_id,
            OutpatientAccount.account_no == account_no,
            OutpatientAccount.state.in_(("unclearable", "filed")),
        )
        .values(state="open", unclearable_reason="", filed_on=None)
    )
    return done.rowcount


@contextmanager
def _planned(connection: sa.Connection, numbers: Sequence[str] | None) -> Iterator[None]:
    """A few accounts are looked up, the whole register is gone through once."""
    if numbers is not None:
        yield
        return
    with in_bulk(connection):
        yield


def _in_books() -> sa.ColumnElement[bool]:
    return sa.and_(
        LedgerAccount.institution_id == OutpatientAccount.institution_id,
        LedgerAccount.account_id == "23050102:" + OutpatientAccount.account_no,
    )


def _open_ones(
    told: ToldColumns, institution_id: str, numbers: Sequence[str] | None, reach: Sequence[str], *columns: Any
) -> sa.Select[Any]:
    account, claim = OutpatientAccount, OutpatientClaim
    is_claimed = sa.and_(
        claim.institution_id == account.institution_id,
        claim.account_no == account.account_no,
        claim.state.in_(_UNDER_WAY),
    )
    return (
        sa.select(*columns)
        .select_from(account)
        .join(LedgerAccount, _in_books())
        .outerjoin(claim, is_claimed)
        .outerjoin(told.joined, told.on)
        .where(
            account.institution_id == institution_id,
            account.kind == "outpatient_deposit",
            account.state == "open",
            account.account_no.in_(numbers) if numbers is not None else account.reach.in_(reach),
            LedgerAccount.balance_fen > 0,
            claim.claim_id.is_(None),
        )
    )
