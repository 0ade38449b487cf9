"""Corrections of a miscount: asked, decided, and what the account had before and after."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from hospital_prepay.persistence.models.ledger import LedgerEntry, LedgerPosting
from hospital_prepay.persistence.models.outpatient import OutpatientAccount, OutpatientCorrection
from hospital_prepay.persistence.rows import rows_of


@dataclass(frozen=True, slots=True)
class CorrectionRow:
    """The correction of a miscount as it stands; ``answer`` says why it was turned down."""

    correction_id: str
    account_no: str
    change_fen: int
    ground: str
    state: str
    asked_by: str
    asked_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    answer: str


@dataclass(frozen=True, slots=True)
class ListedCorrection:
    """A correction with the account's holder, and what the books have or had of it: ``before_fen`` when it was
    decided, or now while it waits; ``after_fen`` with the change, ``None`` where it was turned down; ``paid_fen`` had
    been given back by then, beside the balance."""

    correction: CorrectionRow
    holder_name: str
    before_fen: int
    after_fen: int | None
    paid_fen: int


@dataclass(frozen=True, slots=True)
class _Line:
    entry_no: int
    source: str
    posted_at: datetime
    fen: int


def corrections_of(connection: sa.Connection, institution_id: str, account_no: str) -> list[CorrectionRow]:
    """The corrections of one account, the newest first."""
    return _where(connection, institution_id, OutpatientCorrection.account_no == account_no)


def find_correction(connection: sa.Connection, institution_id: str, correction_id: str) -> CorrectionRow | None:
    """One correction, ``None`` when there is none."""
    found = _where(connection, institution_id, OutpatientCorrection.correction_id == correction_id)
    return found[0] if found else None


def list_corrections(
    connection: sa.Connection, institution_id: str, first: int, size: int
) -> tuple[list[CorrectionRow], int]:
    """A page of all corrections, those that wait first and then the newest first, and how many there are."""
    table = OutpatientCorrection
    columns = [getattr(table, name) for name in CorrectionRow.__dataclass_fields__]
    own = table.institution_id == institution_id
    order = (sa.case((table.state == "asked", 0), else_=1), table.asked_at.desc(), table.correction_id)
    rows = connection.execute(sa.select(*columns).where(own).order_by(*order).offset(first).limit(size))
    count = connection.scalar(sa.select(sa.func.count()).select_from(table).where(own))
    return [CorrectionRow(*row) for row in rows], int(count or 0)


def with_balances(
    connection: sa.Connection, institution_id: str, corrections: Sequence[CorrectionRow]
) -> list[ListedCorrection]:
    """Each with its holder and balances, in a query each for all of them: an account has few lines."""
    numbers = sorted({one.account_no for one in corrections})
    names = _names(connection, institution_id, numbers)
    lines = _lines(connection, institution_id, numbers)
    return [_with_balance(one, names.get(one.account_no, ""), lines[one.account_no]) for one in corrections]


def paid_fen(connection: sa.Connection, institution_id: str, account_no: str) -> int:
    """What of an account was given back to its owner and didn't return, in fen."""
    return _paid(_lines(connection, institution_id, [account_no])[account_no])


def add_correction(connection: sa.Connection, values: dict[str, Any]) -> None:
    """Write down that a correction is asked; the database looks at the account."""
    connection.execute(sa.insert(OutpatientCorrection).values(**values))


def walk_correction(connection: sa.Connection, institution_id: str, correction_id: str, **values: Any) -> None:
    """Decide a correction."""
    connection.execute(
        sa.update(OutpatientCorrection)
        .where(
            OutpatientCorrection.institution_id == institution_id,
            OutpatientCorrection.correction_id == correction_id,
        )
        .values(**values)
    )


def _with_balance(one: CorrectionRow, name: str, lines: Sequence[_Line]) -> ListedCorrection:
    if one.state == "approved":
        source = f"outpatient_correction:{one.correction_id}"
        booked = next((line.entry_no for line in lines if line.source == source), None)
        then = [line for line in lines if booked is None or line.entry_no <= booked]
        after = sum(line.fen for line in then)
        return ListedCorrection(one, name, after - one.change_fen, after, _paid(then))
    until = one.decided_at
    then = [line for line in lines if until is None or line.posted_at <= until]
    before = sum(line.fen for line in then)
    after_fen = before + one.change_fen if one.state == "asked" else None
    return ListedCorrection(one, name, before, after_fen, _paid(then))


def _paid(lines: Sequence[_Line]) -> int:
    return -sum(line.fen for line in lines if line.source.startswith("outpatient_claim:"))


def _names(connection: sa.Connection, institution_id: str, numbers: Sequence[str]) -> dict[str, str]:
    account = OutpatientAccount
    query = sa.select(account.account_no, account.holder_name).where(
        account.institution_id == institution_id, account.account_no.in_(numbers)
    )
    return {row.account_no: row.holder_name for row in connection.execute(query)} if numbers else {}


def _lines(connection: sa.Connection, institution_id: str, numbers: Sequence[str]) -> dict[str, list[_Line]]:
    found: dict[str, list[_Line]] = defaultdict(list)
    ids = [f"{subject}:{number}" for number in numbers for subject in ("23050102", "230502")]
    if not ids:
        return found
    on = sa.and_(
        LedgerEntry.institution_id == LedgerPosting.institution_id, LedgerEntry.entry_no == LedgerPosting.entry_no
    )
    query = (
        sa.select(
            *(LedgerPosting.account_id, LedgerEntry.entry_no, LedgerEntry.source, LedgerEntry.posted_at),
            LedgerPosting.credit_fen - LedgerPosting.debit_fen,
        )
        .join(LedgerEntry, on)
        .where(LedgerPosting.institution_id == institution_id, LedgerPosting.account_id.in_(ids))
    )
    for account_id, entry_no, source, posted_at, fen in connection.execute(query):
        found[account_id.partition(":")[2]].append(_Line(entry_no, source, posted_at, int(fen)))
    return found


def _where(connection: sa.Connection, institution_id: str, *where: sa.ColumnElement[bool]) -> list[CorrectionRow]:
    order = (OutpatientCorrection.asked_at.desc(), OutpatientCorrection.correction_id)
    return rows_of(connection, OutpatientCorrection, CorrectionRow, institution_id, *where, order=order)
