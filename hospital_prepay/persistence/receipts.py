"""Receipts, their books, and the requests that wait for a second person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from hospital_prepay.domain.errors import Conflict, NotFound
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.inpatient.slips import MONEY_IN, MONEY_OUT
from hospital_prepay.persistence.appending import AppendedRows
from hospital_prepay.persistence.locks import lock_name
from hospital_prepay.persistence.models.inpatient import Receipt, ReceiptBook, SlipRequest
from hospital_prepay.persistence.query import Query


@dataclass(frozen=True, slots=True)
class Slip:
    """A receipt as written, the slip that cancelled it, if any, and of a void what it undid and that one's kind."""

    book: str
    serial: int
    kind: str
    stay_no: str
    amount_fen: int
    tender: str
    payment_reference: str
    payer: str
    ground: str
    entry_no: int
    token: str
    issued_at: datetime
    issued_by: str
    approved_by: str | None
    decision_id: str | None
    channel: str
    cancelled_by: str | None
    cancels: str | None
    cancels_kind: str | None

    @property
    def amount(self) -> Money:
        """What is written on it."""
        return Money(self.amount_fen)

    @property
    def moved_fen(self) -> int:
        """What it put into the drawer, below zero when it took out; undoing does the opposite of what is undone."""
        came_in = self.cancels_kind in MONEY_OUT if self.kind == "void" else self.kind in MONEY_IN
        return self.amount_fen if came_in else -self.amount_fen

    @property
    def number(self) -> str:
        """The number on paper: ``A03-000412``."""
        return receipt_number(self.book, self.serial)


@dataclass(frozen=True, slots=True)
class Request:
    """A void or refund somebody asked for."""

    request_id: str
    kind: str
    source: str
    stay_no: str
    book: str | None
    serial: int | None
    amount_fen: int
    tender: str
    payment_reference: str
    ground: str
    requested_by: str
    requested_at: datetime
    state: str


def receipt_number(book: str, serial: int) -> str:
    """Book and serial as printed."""
    return f"{book}-{serial:06d}"


def split_number(number: str) -> tuple[str, int]:
    """The opposite of :func:`receipt_number`. Raises :class:`NotFound` for what can be no receipt number."""
    book, _, serial = number.strip().upper().rpartition("-")
    if not (book and serial.isascii() and serial.isdigit() and len(serial) <= 12):
        raise NotFound(f"没有票号 {number[:20]}。票号的样子是 A03-000412。")
    return book, int(serial)


def next_serial(
    connection: sa.Connection, institution_id: str, holder: str, series: str, now: datetime
) -> tuple[str, int]:
    """Lock the holder's open book (opened when there is none) and tell its next serial.

    The number is only taken when the receipt is inserted: a rollback leaves no gap.
    """
    row = _open_book_of(connection, institution_id, holder)
    if row is None:
        # One book is opened at a time, so that desks starting together get one each.
        lock_name(connection, f"receipt_book:{institution_id}")
        row = _open_book_of(connection, institution_id, holder)  # perhaps opened by the same holder just now
    if row is None:
        return _open_book(connection, institution_id, holder, series, now), 1
    return row


def _open_book_of(connection: sa.Connection, institution_id: str, holder: str) -> tuple[str, int] | None:
    row = _OPEN_BOOK.first(connection, institution=institution_id, holder=holder)
    return None if row is None else (row[0], row[1] + 1)


_OPEN_BOOK = Query(
    sa.select(ReceiptBook.book, ReceiptBook.last_serial)
    .where(
        ReceiptBook.institution_id == sa.bindparam("institution"),
        ReceiptBook.holder == sa.bindparam("holder"),
        ReceiptBook.closed_at.is_(None),
    )
    .order_by(ReceiptBook.book)
    .limit(1)
    .with_for_update()
)


def _open_book(connection: sa.Connection, institution_id: str, holder: str, series: str, now: datetime) -> str:
    taken = connection.scalar(
        sa.select(sa.func.count())
        .select_from(ReceiptBook)
        .where(ReceiptBook.institution_id == institution_id, ReceiptBook.book.startswith(series))
    )
    book = f"{series}{(taken or 0) + 1:02d}"
    connection.execute(
        sa.insert(ReceiptBook).values(
            institution_id=institution_id, book=book, holder=holder, last_serial=0, opened_at=now
        )
    )
    return book


def add_receipt(rows: AppendedRows, values: dict[str, Any]) -> None:
    """Write a receipt with the other rows of the act; the database checks its serial and its amount."""
    rows.add(Receipt, values)


def find_slip(connection: sa.Connection, institution_id: str, book: str, serial: int) -> Slip:
    """A receipt by its number. Raises :class:`NotFound`."""
    return _one_slip(
        connection,
        sa.and_(Receipt.institution_id == institution_id, Receipt.book == book, Receipt.serial == serial),
        receipt_number(book, serial),
    )


def number_of_entry(connection: sa.Connection, institution_id: str, entry_no: int) -> str | None:
    """The number of the receipt that an entry stands behind, if any."""
    row = connection.execute(
        sa.select(Receipt.book, Receipt.serial).where(
            Receipt.institution_id == institution_id, Receipt.entry_no == entry_no
        )
    ).one_or_none()
    return None if row is None else receipt_number(row.book, row.serial)


def find_slip_by_token(connection: sa.Connection, token: str) -> tuple[str, Slip]:
    """The institution and receipt a QR code speaks of. Raises :class:`NotFound`."""
    institution = connection.scalar(sa.select(Receipt.institution_id).where(Receipt.token == token))
    return str(institution), _one_slip(connection, Receipt.token == token, "")


def _one_slip(connection: sa.Connection, where: sa.ColumnElement[bool], number: str) -> Slip:
    row = connection.execute(slips().where(where)).one_or_none()
    if row is None:
        raise NotFound(
            f"没有票号 {number}。请核对票号。" if number else "没有这张票据。请核对二维码，或到收费处查询。"
        )
    return slip(row)


def slips() -> sa.Select[Any]:
    """The statement behind every list of slips; see :func:`slip`."""
    cancelling, undone = sa.orm.aliased(Receipt), sa.orm.aliased(Receipt)
    columns = (
        "book serial kind stay_no amount_fen tender payment_reference payer ground entry_no token issued_at "
        "issued_by approved_by decision_id channel"
    )
    return (
        sa.select(
            *(getattr(Receipt, name) for name in columns.split()),
            cancelling.book.label("by_book"),
            cancelling.serial.label("by_serial"),
            Receipt.cancels_book,
            Receipt.cancels_serial,
            undone.kind.label("cancels_kind"),
        )
        .join(
            cancelling,
            sa.and_(
                cancelling.institution_id == Receipt.institution_id,
                cancelling.cancels_book == Receipt.book,
                cancelling.cancels_serial == Receipt.serial,
            ),
            isouter=True,
        )
        .join(
            undone,
            sa.and_(
                undone.institution_id == Receipt.institution_id,
                undone.book == Receipt.cancels_book,
                undone.serial == Receipt.cancels_serial,
            ),
            isouter=True,
        )
    )


def slip(row: sa.Row[Any]) -> Slip:
    """A row of :func:`slips` as a value."""
    fields = dict(row._mapping)
    book, serial = fields.pop("by_book"), fields.pop("by_serial")
    of_book, of_serial = fields.pop("cancels_book"), fields.pop("cancels_serial")
    return Slip(
        **fields,
        cancelled_by=None if book is None else receipt_number(book, serial),
        cancels=None if of_book is None else receipt_number(of_book, of_serial),
    )


def has_slip(connection: sa.Connection, institution_id: str, stay_no: str) -> bool:
    """Whether anything was ever receipted for a stay."""
    slip_of_it = sa.select(Receipt.serial).where(Receipt.institution_id == institution_id, Receipt.stay_no == stay_no)
    return connection.scalar(slip_of_it.limit(1)) is not None


def reference_in_use(connection: sa.Connection, institution_id: str, reference: str) -> str | None:
    """The number of a standing deposit with the same payment reference, by whatever tender: the same money twice.

    The reference is held until the transaction ends: desks that take it for two stays at once wait for each other.
    """
    lock_name(connection, f"payment:{institution_id}:{reference}")
    row = connection.execute(
        slips().where(
            Receipt.institution_id == institution_id,
            Receipt.kind == "deposit",
            Receipt.payment_reference == reference,
        )
    )
    return next((one.number for one in map(slip, row) if one.cancelled_by is None), None)


def add_request(connection: sa.Connection, values: dict[str, Any]) -> None:
    """Ask for a void or a refund; :class:`Conflict` while one is waiting for the same source."""
    try:
        with connection.begin_nested():
            connection.execute(sa.insert(SlipRequest).values(**values, state="waiting"))
    except sa.exc.IntegrityError as error:
        raise Conflict("这一笔已经有一份申请在等复核。请等复核结果，不要重复申请。") from error


def stay_of_request(connection: sa.Connection, institution_id: str, request_id: str) -> str:
    """The stay a request is about. Raises :class:`NotFound`."""
    stay_no = connection.scalar(
        sa.select(SlipRequest.stay_no).where(
            SlipRequest.institution_id == institution_id, SlipRequest.request_id == request_id
        )
    )
    if stay_no is None:
        raise NotFound("没有这份申请。请回到待复核列表查看。")
    return str(stay_no)


def lock_request(connection: sa.Connection, institution_id: str, request_id: str) -> Request:
    """Lock a waiting request. Raises :class:`Conflict` when somebody decided it already."""
    names = list(Request.__dataclass_fields__)
    row = connection.execute(
        sa.select(*(getattr(SlipRequest, name) for name in names))
        .where(SlipRequest.institution_id == institution_id, SlipRequest.request_id == request_id)
        .with_for_update()
    ).one()
    request = Request(**row._mapping)
    if request.state != "waiting":
        raise Conflict("这份申请已经有人办理过了。请刷新列表查看结果；本次没有改动。")
    return request


def decide(connection: sa.Connection, institution_id: str, request_id: str, values: dict[str, Any]) -> None:
    """Write the second person's decision on a request."""
    connection.execute(
        sa.update(SlipRequest)
        .where(SlipRequest.institution_id == institution_id, SlipRequest.request_id == request_id)
        .values(**values)
    )


def last_tender(connection: sa.Connection, institution_id: str, stay_no: str) -> str | None:
    """The way the newest standing deposit of a stay was paid."""
    rows = connection.execute(
        slips()
        .where(Receipt.institution_id == institution_id, Receipt.stay_no == stay_no, Receipt.kind == "deposit")
        .order_by(Receipt.issued_at.desc())
    )
    return next((one.tender for one in map(slip, rows) if one.cancelled_by is None), None)


def waiting_refund(connection: sa.Connection, institution_id: str, stay_no: str) -> str | None:
    """The open refund request of a stay, if any."""
    return connection.scalar(
        sa.select(SlipRequest.request_id).where(
            SlipRequest.institution_id == institution_id,
            SlipRequest.source == f"refund:{stay_no}",
            SlipRequest.state == "waiting",
        )
    )
