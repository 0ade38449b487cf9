"""Refunds on their way to patients: each attempt of a slip, what came of it, and those that are awaited."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from hospital_prepay.domain.ledger.chart import returned_account
from hospital_prepay.persistence.ledger import has_account, open_account
from hospital_prepay.persistence.models.inpatient import Receipt, Stay
from hospital_prepay.persistence.models.ledger import LedgerAccount
from hospital_prepay.persistence.models.settlement_refunds import RefundArrival
from hospital_prepay.persistence.receipts import receipt_number


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to bring a slip's money to the patient; ``kind``, ``tender`` and amount are the slip's."""

    book: str
    serial: int
    attempt_no: int
    route: str
    account_enc: str | None
    state: str
    asked_by: str | None
    asked_at: datetime | None
    sent_by: str | None
    sent_at: datetime | None
    entry_no: int | None
    evidence: str | None
    known_by: str | None
    known_at: datetime | None
    stay_no: str
    patient_name: str
    kind: str
    tender: str
    payment_reference: str
    amount_fen: int
    issued_at: datetime

    @property
    def number(self) -> str:
        """The slip's number, under which the refund goes however often."""
        return receipt_number(self.book, self.serial)


_OF_SLIP = frozenset({"stay_no", "kind", "tender", "payment_reference", "amount_fen", "issued_at"})
# Neither with the patient nor given up: on its way, come back, or about to go another way.
AWAITED = ("asked", "sent", "failed")


def of_slip(connection: sa.Connection, institution_id: str, book: str, serial: int) -> list[Attempt]:
    """Every attempt of a slip, the first one first."""
    return _attempts(connection, institution_id, Receipt.book == book, Receipt.serial == serial)


def of_stay(connection: sa.Connection, institution_id: str, stay_no: str) -> list[Attempt]:
    """Every attempt of a stay's slips, by slip, the first one first."""
    return _attempts(connection, institution_id, Receipt.stay_no == stay_no)


def awaited(connection: sa.Connection, institution_id: str) -> list[Attempt]:
    """Of every slip whose money isn't with the patient the attempt that matters; what was sent first comes first."""
    later = sa.orm.aliased(RefundArrival)
    goes_on = sa.exists().where(
        later.institution_id == RefundArrival.institution_id,
        later.book == RefundArrival.book,
        later.serial == RefundArrival.serial,
        later.attempt_no > RefundArrival.attempt_no,
        later.state != "dropped",
    )
    return _attempts(connection, institution_id, RefundArrival.state.in_(AWAITED), ~goes_on)


def is_awaited(connection: sa.Connection, institution_id: str, stay_no: str) -> bool:
    """Whether any refund of a stay isn't with the patient yet."""
    newest: dict[str, str] = {}
    for one in of_stay(connection, institution_id, stay_no):
        if one.state != "dropped":
            newest[one.number] = one.state
    return any(state in AWAITED for state in newest.values())


def lock(connection: sa.Connection, institution_id: str, book: str, serial: int) -> list[Attempt]:
    """:func:`of_slip`; whoever asks holds the stay."""
    return of_slip(connection, institution_id, book, serial)


def add(connection: sa.Connection, values: dict[str, Any]) -> None:
    """Ask for another attempt; the database takes one at a time, and none after it arrived."""
    connection.execute(sa.insert(RefundArrival).values(**values))


def change(connection: sa.Connection, institution_id: str, one: Attempt, values: dict[str, Any]) -> None:
    """Take a step of an attempt; the database holds the order of the steps, and each to its entry."""
    connection.execute(
        sa.update(RefundArrival)
        .where(
            RefundArrival.institution_id == institution_id,
            RefundArrival.book == one.book,
            RefundArrival.serial == one.serial,
            RefundArrival.attempt_no == one.attempt_no,
        )
        .values(**values)
    )


def open_returned(connection: sa.Connection, institution_id: str, stay_no: str, now: datetime) -> None:
    """Open the account of what came back of a stay's refunds, once."""
    account = returned_account(stay_no)
    if not has_account(connection, institution_id, account):
        name = f"退款退回待付 {stay_no}"
        open_account(connection, institution_id, account, name=name, opened_at=now, guarded=True)


def returned_fen(connection: sa.Connection, institution_id: str, stay_no: str) -> int:
    """What came back of a stay's refunds and is owed to the patient."""
    return int(
        connection.scalar(
            sa.select(LedgerAccount.balance_fen).where(
                LedgerAccount.institution_id == institution_id,
                LedgerAccount.account_id == returned_account(stay_no),
            )
        )
        or 0
    )


def _attempts(connection: sa.Connection, institution_id: str, *where: sa.ColumnElement[bool]) -> list[Attempt]:
    rows = connection.execute(
        sa.select(*_columns(Attempt.__dataclass_fields__))
        .join(
            Receipt,
            sa.and_(
                Receipt.institution_id == RefundArrival.institution_id,
                Receipt.book == RefundArrival.book,
                Receipt.serial == RefundArrival.serial,
            ),
        )
        .join(Stay, sa.and_(Stay.institution_id == Receipt.institution_id, Stay.stay_no == Receipt.stay_no))
        .where(RefundArrival.institution_id == institution_id, *where)
        .order_by(Receipt.issued_at, RefundArrival.book, RefundArrival.serial, RefundArrival.attempt_no)
    )
    return [Attempt(*row) for row in rows]


def _columns(names: Iterable[str]) -> list[Any]:
    tables = dict.fromkeys(_OF_SLIP, Receipt) | {"patient_name": Stay}
    return [getattr(tables.get(name, RefundArrival), name) for name in names]
