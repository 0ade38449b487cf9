"""Outpatient accounts in bulk: taken in by the thousand, opened in the books a part at a time."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, cast

import psycopg
import sqlalchemy as sa

from hospital_prepay.domain.errors import Conflict
from hospital_prepay.persistence.bulk import bulk_connection, file_literal
from hospital_prepay.persistence.late_indexes import indexes_afterwards
from hospital_prepay.persistence.models.ledger import LedgerAccount
from hospital_prepay.persistence.models.outpatient import OutpatientAccount, OutpatientImport, OutpatientRejection
from hospital_prepay.persistence.planning import in_key_order

TAB: Final = "\t"
SEALED: Final = (
    "person_id",
    "account_no",
    "kind",
    "holder_name",
    "personal",
    "certno_hash",
    "phone_hash",
    "reach",
    "channel",
    "patient_no",
    "opening_fen",
    "last_movement_on",
)
"""The columns of an account in the order of a line of a census that is on its way in."""
_COLUMNS: Final = ("institution_id", "import_no", "state", *SEALED)
_COPY: Final = f"COPY outpatient_account ({', '.join(_COLUMNS)}) FROM STDIN"
# Of what is looked up, hashes come in no order; the other indexes hold no account that is just coming in.
_IN_NO_ORDER: Final = ("ix_outpatient_account__certno", "ix_outpatient_account__phone")
# Of one statement on SQLite; see :mod:`hospital_prepay.persistence.many`.
_ROWS: Final = 100
_DEPOSITS: Final = "23050102"
_OTHERS: Final = "230502"


class AlreadyOpen(Conflict):
    """One of the accounts that were to be opened is in the books already."""


Opening = tuple[str, bool, int]
"""An account's number, whether its money is a deposit, and what it begins with in the books, in fen."""


@dataclass(frozen=True, slots=True)
class ImportState:
    """One import as it stands."""

    import_no: int
    file_name: str
    sha256: str
    balances_on: date
    accepted: int
    rejected: int
    total_fen: int
    state: str
    imported_by: str
    imported_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    booked_at: datetime | None
    doubts: list[dict[str, Any]]


def read_imports(connection: sa.Connection, institution_id: str) -> list[ImportState]:
    """Every import, the newest first."""
    columns = [getattr(OutpatientImport, name) for name in ImportState.__dataclass_fields__]
    query = sa.select(*columns).where(OutpatientImport.institution_id == institution_id)
    return [ImportState(*row) for row in connection.execute(query.order_by(OutpatientImport.import_no.desc()))]


def lock_import(
    connection: sa.Connection, institution_id: str, import_no: int, *, shared: bool = False
) -> ImportState | None:
    """The import, held until the transaction ends: ``shared`` by those who only need it to stay as it is."""
    columns = [getattr(OutpatientImport, name) for name in ImportState.__dataclass_fields__]
    query = sa.select(*columns).where(
        OutpatientImport.institution_id == institution_id, OutpatientImport.import_no == import_no
    )
    row = connection.execute(query.with_for_update(read=shared)).first()
    return None if row is None else ImportState(*row)


def begin_import(connection: sa.Connection, values: dict[str, Any]) -> None:
    """Record an import whose accounts are about to be read: it stands before they do, and is told once how many they
    are. Until then it has none."""
    unread = {"accepted": 0, "rejected": 0, "total_fen": 0, "doubts": [], "state": "counted"}
    connection.execute(sa.insert(OutpatientImport).values(**values, **unread))


def walk_import(connection: sa.Connection, institution_id: str, import_no: int, **values: Any) -> None:
    """Let an import go its next step, or tell once what its file held; the database refuses anything else."""
    connection.execute(
        sa.update(OutpatientImport)
        .where(OutpatientImport.institution_id == institution_id, OutpatientImport.import_no == import_no)
        .values(**values)
    )


def add_rejections(connection: sa.Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Keep the rows that couldn't be taken."""
    if rows:
        connection.execute(sa.insert(OutpatientRejection), rows)


@contextmanager
def adding_accounts(
    connection: sa.Connection, institution_id: str, import_no: int, coming: int
) -> Iterator[Callable[[bytes], None]]:
    """Gives a function that adds accounts, about ``coming`` of them in all; they are there when the block ends. It is
    called with whole lines in the text form of COPY, their columns those of :data:`SEALED`. The connection is taken
    meanwhile."""
    driver = connection.connection.driver_connection
    if connection.dialect.name == "postgresql":
        head = f"{institution_id}\t{import_no}\topen\t".encode()
        with cast("psycopg.Connection[Any]", driver).cursor() as cursor, cursor.copy(_COPY) as copy:
            yield lambda lines: copy.write(head + lines[:-1].replace(b"\n", b"\n" + head) + b"\n" if lines else b"")
        return
    with indexes_afterwards(connection, "outpatient_account", coming, _IN_NO_ORDER):
        cells: list[str | None] = []
        own, width = (institution_id, import_no), _ROWS * len(SEALED)

        def add(lines: bytes) -> None:
            cells.extend(_cells(lines.decode()))
            whole = len(cells) - len(cells) % width
            for start in range(0, whole, width):
                cast(sqlite3.Connection, driver).execute(_insert(_ROWS), (*own, *cells[start : start + width]))
            del cells[:whole]

        yield add
        if cells:
            cast(sqlite3.Connection, driver).execute(_insert(len(cells) // len(SEALED)), (*own, *cells))


def repeated_numbers(marks: Path, folder: Path) -> list[tuple[int, str, int, int]]:
    """Accounts of a census file whose number stands on an earlier line: line, number, first line, fen. ``marks`` has
    a line for each account: where it stands, its fen and its number."""
    source = (
        f"read_csv({file_literal(marks)}, delim='\t', quote='', escape='', header=false, auto_detect=false,"
        " columns={'line': 'BIGINT', 'fen': 'BIGINT', 'number': 'VARCHAR'})"
    )
    # Hashes first: a million numbers cost little memory that way, and few are ever equal.
    query = f"""
        WITH twice AS (SELECT hash(number) AS mark FROM {source} GROUP BY 1 HAVING count(*) > 1),
            numbered AS (SELECT line, fen, number, min(line) OVER (PARTITION BY number) AS first
                FROM {source} WHERE hash(number) IN (SELECT mark FROM twice))
        SELECT line, number, first, fen FROM numbered WHERE line > first ORDER BY line"""
    with bulk_connection(folder) as connection:
        found = connection.execute(query).fetchall()
    return [(int(line), str(number), int(first), int(fen)) for line, number, first, fen in found]


def known_accounts(connection: sa.Connection, institution_id: str, numbers: Sequence[str]) -> set[str]:
    """Which of ``numbers`` there are already."""
    query = sa.select(OutpatientAccount.account_no).where(
        OutpatientAccount.institution_id == institution_id, OutpatientAccount.account_no.in_(numbers)
    )
    return set(connection.scalars(query))


def has_accounts(connection: sa.Connection, institution_id: str) -> bool:
    """Whether there is any account yet."""
    query = sa.select(OutpatientAccount.account_no).where(OutpatientAccount.institution_id == institution_id).limit(1)
    return connection.scalar(query) is not None


def drop_accounts(connection: sa.Connection, institution_id: str, import_no: int) -> None:
    """Take back the accounts of an import that nobody confirmed; the database allows it for no other."""
    connection.execute(
        sa.delete(OutpatientAccount).where(
            OutpatientAccount.institution_id == institution_id, OutpatientAccount.import_no == import_no
        )
    )


def next_accounts(
    connection: sa.Connection, institution_id: str, import_no: int, after: str, size: int, *, fresh: bool
) -> list[Opening]:
    """The next accounts of an import that the books don't have yet, by number, after the number ``after``. Where the
    import is ``fresh`` and the books have none of them, they aren't asked for each: that takes as long as opening."""
    query = (
        sa.select(
            OutpatientAccount.account_no,
            OutpatientAccount.kind == "outpatient_deposit",
            OutpatientAccount.opening_fen,
        )
        .where(
            OutpatientAccount.institution_id == institution_id,
            OutpatientAccount.import_no == import_no,
            OutpatientAccount.account_no > after,
            *(() if fresh else (~_in_books(),)),
        )
        .order_by(OutpatientAccount.account_no)
        .limit(size)
    )
    with in_key_order(connection):
        return [*connection.execute(query)]


def count_open(connection: sa.Connection, institution_id: str, import_no: int) -> int:
    """How many accounts of an import the books have."""
    query = sa.select(sa.func.count()).where(
        OutpatientAccount.institution_id == institution_id, OutpatientAccount.import_no == import_no, _in_books()
    )
    return int(connection.scalar(query) or 0)


def open_in_books(
    connection: sa.Connection, institution_id: str, import_no: int, first: str, last: str, opened_at: datetime
) -> None:
    """Open the ledger accounts of the accounts from ``first`` to ``last`` of an import, all in one statement. Raises
    :class:`AlreadyOpen`."""
    is_deposit = OutpatientAccount.kind == "outpatient_deposit"
    subject = sa.case((is_deposit, _DEPOSITS), else_=_OTHERS)
    moment = sa.literal(opened_at, LedgerAccount.__table__.c.opened_at.type)
    source = sa.select(
        OutpatientAccount.institution_id,
        subject + ":" + OutpatientAccount.account_no,
        subject,
        sa.case((is_deposit, "门急诊预收款"), else_="其他预收账款"),
        sa.literal(-1),
        sa.true(),
        sa.literal(0),
        moment,
    ).where(
        OutpatientAccount.institution_id == institution_id,
        OutpatientAccount.import_no == import_no,
        OutpatientAccount.account_no.between(first, last),
    )
    names = ("institution_id", "account_id", "subject", "name", "normal_side", "guarded", "balance_fen", "opened_at")
    try:
        connection.execute(sa.insert(LedgerAccount).from_select(names, source, include_defaults=False))
    except sa.exc.IntegrityError as error:
        words = "有账户已经开过户，这一段没有入账。请刷新后再看；不见好请把编号报给信息科。"
        raise AlreadyOpen(words, details={"first": first}) from error


def _in_books() -> sa.ColumnElement[bool]:
    """Looked up by key for each account: as EXISTS, PostgreSQL would make a list of all books for every part."""
    subject = sa.case((OutpatientAccount.kind == "outpatient_deposit", f"{_DEPOSITS}:"), else_=f"{_OTHERS}:")
    found = sa.select(LedgerAccount.subject).where(
        LedgerAccount.institution_id == OutpatientAccount.institution_id,
        LedgerAccount.account_id == subject + OutpatientAccount.account_no,
    )
    return found.scalar_subquery().is_not(None)


@lru_cache(maxsize=2)
def _insert(rows: int) -> str:
    """The statement for so many accounts: what is the same for all of them is handed over once."""
    row = f"(?1, ?2, 'open', {', '.join('?' * len(SEALED))})"
    # A bare sign counts on from the last of those with a number.
    values = [row] * rows
    return f"INSERT INTO outpatient_account ({', '.join(_COLUMNS)}) VALUES {', '.join(values)}"


def _cells(lines: str) -> list[str | None]:
    """The cells of some lines one after the other; split all at once, for there are millions."""
    cells: list[Any] = lines.replace("\n", TAB).split(TAB)
    cells.pop()
    if "\\" not in lines:
        return cells
    return [None if cell == "\\N" else cell.replace("\\\\", "\\") for cell in cells]
