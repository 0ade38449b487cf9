"""The register of outpatient accounts (清退台账) as pages read it: totals, a narrowed list, one account's lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

import sqlalchemy as sa

from hospital_prepay.domain.days import UNREADABLE_DAY
from hospital_prepay.domain.rules.outpatient.contact import Standing
from hospital_prepay.domain.rules.outpatient.life import APART, EMPTY, KEPT
from hospital_prepay.domain.rules.outpatient.reach import Way
from hospital_prepay.persistence.models.ledger import LedgerAccount, LedgerEntry, LedgerPosting
from hospital_prepay.persistence.models.outpatient import OutpatientAccount, OutpatientRejection
from hospital_prepay.persistence.outpatient_told import narrowed_by, told_columns
from hospital_prepay.persistence.planning import in_bulk

_DEPOSIT: Final = OutpatientAccount.kind == "outpatient_deposit"
_KEPT: Final = OutpatientAccount.import_no.is_(None)
_EMPTY: Final = sa.and_(OutpatientAccount.state == "open", LedgerAccount.balance_fen == 0)
_KEPT_OPEN: Final = sa.and_(_KEPT, OutpatientAccount.state == "open", LedgerAccount.balance_fen > 0)
_OWED: Final = sa.and_(~_KEPT, OutpatientAccount.state == "open", sa.func.coalesce(LedgerAccount.balance_fen, 1) > 0)
# What domain.rules.outpatient.contact.is_still_told says of one account.
_TOLD: Final = sa.func.coalesce(LedgerAccount.balance_fen, 1) != 0
_YEAR: Final = sa.func.coalesce(sa.extract("year", OutpatientAccount.last_movement_on), 0)
UNKNOWN_YEAR: Final = 0
_AT_ONCE: Final = 5_000


@dataclass(frozen=True, slots=True)
class Cell:
    """Accounts that agree in all of these, and what the books have of them. ``state`` is what lists tell apart."""

    is_deposit: bool
    is_kept: bool
    state: str
    year: int
    channel: str
    reach: str
    accounts: int
    balance_fen: int


@dataclass(frozen=True, slots=True)
class Narrowed:
    """Which accounts a list shows; an empty value lets all pass. ``text`` is what was typed into the search field,
    with the keyed hashes it may stand under; ``kept`` are deposits that article 6 lets the hospital take. Accounts
    that the books don't have yet show only in the list of their import and when they are looked for: totals are of
    the books."""

    state: str = ""
    year: int | None = None
    channel: str = ""
    reach: str = ""
    deposits: bool | None = None
    kept: bool | None = None
    moved_until: date | None = None
    import_no: int | None = None
    told: str = ""
    text: str = ""
    certno_hashes: tuple[str, ...] = ()
    phone_hashes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RegisterRow:
    """An account in the register; ``balance_fen`` is ``None`` until the books have it."""

    account_no: str
    kind: str
    holder_name: str
    personal: str
    channel: str
    reach: str
    last_movement_on: date | None
    state: str
    opening_fen: int
    import_no: int | None
    balance_fen: int | None


@dataclass(frozen=True, slots=True)
class Movement:
    """A line on an account, with its entry."""

    entry_no: int
    kind: str
    summary: str
    posted_at: datetime
    posted_by: str
    debit_fen: int
    credit_fen: int
    reverses_no: int | None


@dataclass(frozen=True, slots=True)
class RejectionRow:
    """A row of a file that couldn't be taken."""

    line: int
    code: str
    message: str


def read_cells(connection: sa.Connection, institution_id: str) -> list[Cell]:
    """Every account the books have, added up by what pages ask for, in one pass."""
    told = (
        sa.select(
            _DEPOSIT.label("is_deposit"),
            _KEPT.label("is_kept"),
            sa.case((_EMPTY, EMPTY), (_KEPT_OPEN, KEPT), else_=OutpatientAccount.state).label("state"),
            _YEAR.label("year"),
            OutpatientAccount.channel,
            OutpatientAccount.reach,
            LedgerAccount.balance_fen,
        )
        .join_from(OutpatientAccount, LedgerAccount, _in_books())
        .where(OutpatientAccount.institution_id == institution_id)
        .subquery("told")
    )
    # Grouped outside: PostgreSQL takes the same expression for another when its values are bound twice.
    by = (told.c.is_deposit, told.c.is_kept, told.c.state, told.c.year, told.c.channel, told.c.reach)
    query = sa.select(*by, sa.func.count(), sa.func.sum(told.c.balance_fen)).group_by(*by)
    with in_bulk(connection):
        rows = connection.execute(query).all()
    return [
        Cell(bool(is_deposit), bool(is_kept), state, int(year), channel, reach, int(count), int(fen))
        for is_deposit, is_kept, state, year, channel, reach, count, fen in rows
    ]


def list_accounts(
    connection: sa.Connection, institution_id: str, narrowed: Narrowed, first: int, size: int
) -> list[RegisterRow]:
    """Accounts by number, from the ``first`` on (0 is the first)."""
    query = _listed(institution_id, narrowed).offset(first).limit(size)
    return [RegisterRow(*tuple(row)) for row in _told(connection, institution_id, narrowed, query)]


def every_account(connection: sa.Connection, institution_id: str, narrowed: Narrowed) -> Iterator[RegisterRow]:
    """All that a list has, by number, a part at a time, however many there are."""
    query = _listed(institution_id, narrowed).execution_options(yield_per=_AT_ONCE)
    for row in _told(connection, institution_id, narrowed, query):
        yield RegisterRow(*tuple(row))


def sum_accounts(connection: sa.Connection, institution_id: str, narrowed: Narrowed) -> tuple[int, int]:
    """How many accounts a list has, and what the books have of them, in fen."""
    query = (
        sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(LedgerAccount.balance_fen), 0))
        .join_from(OutpatientAccount, LedgerAccount, _in_books(), isouter=True)
        .where(*_where(institution_id, narrowed))
    )
    count, fen = tuple(_told(connection, institution_id, narrowed, query).one())
    return int(count), int(fen)


def movements_of(connection: sa.Connection, institution_id: str, account_ids: Sequence[str]) -> list[Movement]:
    """Every line on these ledger accounts, the newest first."""
    names = [name for name in Movement.__dataclass_fields__ if name not in ("debit_fen", "credit_fen", "reverses_no")]
    query = (
        sa.select(
            *(getattr(LedgerEntry, name) for name in names),
            LedgerPosting.debit_fen,
            LedgerPosting.credit_fen,
            LedgerEntry.reverses_no,
        )
        .join(
            LedgerEntry,
            sa.and_(
                LedgerEntry.institution_id == LedgerPosting.institution_id,
                LedgerEntry.entry_no == LedgerPosting.entry_no,
            ),
        )
        .where(LedgerPosting.institution_id == institution_id, LedgerPosting.account_id.in_(account_ids))
    )
    # Sorted here: asked to sort, a database may read the whole journal in its order.
    found = [Movement(*tuple(row)) for row in connection.execute(query)]
    return sorted(found, key=lambda one: one.entry_no, reverse=True)


def accounts_of_person(connection: sa.Connection, institution_id: str, person_id: str) -> list[str]:
    """The numbers of all accounts that were decided to be one person's, by number."""
    # Two look-ups, each by an index of its own: one query with OR reads a million accounts.
    own = OutpatientAccount.institution_id == institution_id, OutpatientAccount.person_id == person_id
    number = sa.select(OutpatientAccount.account_no)
    itself = number.where(*own, OutpatientAccount.account_no == person_id)
    joined = number.where(*own, OutpatientAccount.person_id != OutpatientAccount.account_no)
    return sorted({*connection.scalars(itself), *connection.scalars(joined)})


def rejections_of(
    connection: sa.Connection, institution_id: str, import_no: int, first: int, size: int, *, taken: bool = False
) -> list[RejectionRow]:
    """Rows of an import that were set aside, by line; those that were ``taken`` with something to look at instead."""
    query = (
        sa.select(OutpatientRejection.line, OutpatientRejection.code, OutpatientRejection.message)
        .where(*_noted(institution_id, import_no, taken=taken))
        .order_by(OutpatientRejection.line)
        .offset(first)
        .limit(size)
    )
    return [RejectionRow(*row) for row in connection.execute(query)]


def count_doubtful(connection: sa.Connection, institution_id: str, import_no: int) -> int:
    """How many rows of an import were taken with something to look at."""
    query = sa.select(sa.func.count()).select_from(OutpatientRejection)
    return connection.scalar(query.where(*_noted(institution_id, import_no, taken=True))) or 0


def _noted(institution_id: str, import_no: int, *, taken: bool) -> tuple[sa.ColumnElement[bool], ...]:
    table = OutpatientRejection
    doubtful = table.code == UNREADABLE_DAY
    return table.institution_id == institution_id, table.import_no == import_no, doubtful if taken else ~doubtful


def _listed(institution_id: str, narrowed: Narrowed) -> sa.Select[Any]:
    names = [name for name in RegisterRow.__dataclass_fields__ if name != "balance_fen"]
    return (
        sa.select(*(getattr(OutpatientAccount, name) for name in names), LedgerAccount.balance_fen)
        .join_from(OutpatientAccount, LedgerAccount, _in_books(), isouter=True)
        .where(*_where(institution_id, narrowed))
        .order_by(OutpatientAccount.account_no)
    )


def _told(connection: sa.Connection, institution_id: str, narrowed: Narrowed, query: Any) -> sa.Result[Any]:
    """The answer to ``query``; only a list that asks for it pays for what was tried for every account."""
    if not narrowed.told:
        whole: sa.Result[Any] = connection.execute(query)
        return whole
    columns = told_columns(institution_id)
    to_do = (_TOLD,) if narrowed.told in (Standing.LEFT, *Way) else ()
    deposits = query.outerjoin(columns.joined, columns.on).where(
        _DEPOSIT, ~_KEPT, narrowed_by(columns, narrowed.told), *to_do
    )
    with in_bulk(connection):
        narrow: sa.Result[Any] = connection.execute(deposits)
    return narrow


def _in_books() -> sa.ColumnElement[bool]:
    subject = sa.case((_DEPOSIT, "23050102:"), else_="230502:")
    return sa.and_(
        LedgerAccount.institution_id == OutpatientAccount.institution_id,
        LedgerAccount.account_id == subject + OutpatientAccount.account_no,
    )


def _where(institution_id: str, narrowed: Narrowed) -> list[sa.ColumnElement[bool]]:
    where = [OutpatientAccount.institution_id == institution_id]
    listed = {
        "open": sa.and_(_OWED, _DEPOSIT),
        EMPTY: _EMPTY,
        KEPT: _KEPT_OPEN,
        APART: sa.and_(_OWED, ~_DEPOSIT),
    }
    if narrowed.state:
        where.append(listed.get(narrowed.state, OutpatientAccount.state == narrowed.state))
    if narrowed.kept is not None:
        where.append(_KEPT if narrowed.kept else ~_KEPT)
    if narrowed.moved_until is not None:
        where.append(OutpatientAccount.last_movement_on <= narrowed.moved_until)
    for column, value in (
        (OutpatientAccount.channel, narrowed.channel),
        (OutpatientAccount.reach, narrowed.reach),
    ):
        if value:
            where.append(column == value)
    if narrowed.import_no is not None:
        where.append(OutpatientAccount.import_no == narrowed.import_no)
    if narrowed.deposits is not None:
        where.append(_DEPOSIT if narrowed.deposits else ~_DEPOSIT)
    if narrowed.year == UNKNOWN_YEAR:
        where.append(OutpatientAccount.last_movement_on.is_(None))
    elif narrowed.year is not None:
        where.append(OutpatientAccount.last_movement_on.between(*_days(narrowed.year)))
    if narrowed.text:
        where.append(_found(narrowed))
    if not narrowed.text and narrowed.import_no is None:
        where.append(LedgerAccount.account_id.is_not(None))
    return where


def _found(narrowed: Narrowed) -> sa.ColumnElement[bool]:
    text = narrowed.text
    found = [
        OutpatientAccount.account_no == text,
        OutpatientAccount.holder_name == text,
        OutpatientAccount.patient_no == text,
    ]
    if narrowed.certno_hashes:
        found.append(OutpatientAccount.certno_hash.in_(narrowed.certno_hashes))
    if narrowed.phone_hashes:
        found.append(OutpatientAccount.phone_hash.in_(narrowed.phone_hashes))
    return sa.or_(*found)


def _days(year: int) -> tuple[date, date]:
    return date(year, 1, 1), date(year, 12, 31)
