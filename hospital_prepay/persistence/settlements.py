"""Settlements of stays: the insurance's results, the documents, what is owed and what was paid in."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from hospital_prepay.domain.errors import NotFound
from hospital_prepay.domain.ledger.chart import arrears_account
from hospital_prepay.domain.rules.settlement.settling import PaidIn
from hospital_prepay.persistence.models.inpatient import Receipt, Stay
from hospital_prepay.persistence.models.ledger import LedgerAccount
from hospital_prepay.persistence.models.settlement import Discharge, SettlementResult, SettlementRow
from hospital_prepay.persistence.query import Query
from hospital_prepay.persistence.receipts import Slip, slip, slips


@dataclass(frozen=True, slots=True)
class ResultRow:
    """A result of interface 2304 as it was taken; amounts in fen."""

    setl_id: str
    stay_no: str
    certificate_hash: str | None
    insutype: str
    med_type: str
    setl_time: datetime
    medfee_sumamt_fen: int
    fund_pay_sumamt_fen: int
    psn_part_amt_fen: int
    acct_pay_fen: int
    psn_cash_pay_fen: int
    hosp_part_amt_fen: int
    acct_mulaid_pay_fen: int
    source: str
    taken_by: str
    taken_at: datetime


@dataclass(frozen=True, slots=True)
class Settlement:
    """A settlement as it stands; amounts in fen."""

    stay_no: str
    settlement_no: int
    kind: str
    discharged_at: datetime | None
    setl_id: str | None
    total_fen: int
    fund_fen: int
    account_fen: int
    cash_fen: int
    hospital_fen: int
    held_fen: int
    applied_fen: int
    shortfall_fen: int
    channel: str
    entry_no: int | None
    decision_id: str
    settled_by: str
    settled_at: datetime
    token: str
    invoice_no: str | None
    invoiced_by: str | None
    invoiced_at: datetime | None
    recall_ground: str | None
    recall_asked_by: str | None
    recall_asked_at: datetime | None
    recalled_by: str | None
    recalled_at: datetime | None

    @property
    def number(self) -> str:
        """As printed."""
        return settlement_number(self.stay_no, self.settlement_no)


_RESULT = tuple(getattr(SettlementResult, name) for name in ResultRow.__dataclass_fields__)
_COLUMNS = tuple(getattr(SettlementRow, name) for name in Settlement.__dataclass_fields__)


def settlement_number(stay_no: str, settlement_no: int) -> str:
    """A settlement's number: the stay's, and its count in the stay."""
    return f"{stay_no}-{settlement_no}"


def add_result(connection: sa.Connection, values: dict[str, Any]) -> None:
    """Write down what the insurance answered."""
    connection.execute(sa.insert(SettlementResult).values(**values))


def replace_result(connection: sa.Connection, values: dict[str, Any]) -> None:
    """Write another result in the place of one that was typed; the database keeps what stood there."""
    key = {name: values[name] for name in ("institution_id", "setl_id")}
    said = {name: value for name, value in values.items() if name not in key}
    connection.execute(sa.update(SettlementResult).filter_by(**key).values(**said))


def find_result(connection: sa.Connection, institution_id: str, setl_id: str) -> ResultRow | None:
    """The result with this number."""
    return _result_of(connection, _by_number(institution_id, setl_id))


def lock_result(connection: sa.Connection, institution_id: str, setl_id: str) -> ResultRow | None:
    """The same, and nobody puts another in its place until the transaction ends."""
    return _result_of(connection, _by_number(institution_id, setl_id).with_for_update())


def _by_number(institution_id: str, setl_id: str) -> sa.Select[Any]:
    same = (SettlementResult.institution_id == institution_id, SettlementResult.setl_id == setl_id)
    return sa.select(*_RESULT).where(*same)


def _result_of(connection: sa.Connection, query: sa.Select[Any]) -> ResultRow | None:
    row = connection.execute(query).one_or_none()
    return None if row is None else ResultRow(*row)


def results_of(connection: sa.Connection, institution_id: str, stay_no: str) -> list[ResultRow]:
    """The results of a stay, the newest first."""
    rows = connection.execute(
        sa.select(*_RESULT)
        .where(SettlementResult.institution_id == institution_id, SettlementResult.stay_no == stay_no)
        .order_by(SettlementResult.setl_time.desc(), SettlementResult.setl_id)
    )
    return [ResultRow(*row) for row in rows]


def is_used(connection: sa.Connection, institution_id: str, setl_id: str) -> bool:
    """Whether a settlement that stands rests on this result."""
    found = sa.select(SettlementRow.stay_no).where(
        SettlementRow.institution_id == institution_id,
        SettlementRow.setl_id == setl_id,
        SettlementRow.recalled_at.is_(None),
    )
    return connection.scalar(found.limit(1)) is not None


def add(connection: sa.Connection, values: dict[str, Any]) -> None:
    """Write down a settlement; the database holds it to its entry and its decision."""
    connection.execute(sa.insert(SettlementRow).values(**values))


def change(connection: sa.Connection, institution_id: str, one: Settlement, values: dict[str, Any]) -> None:
    """Number the invoice of a settlement, or take a step of its recall."""
    connection.execute(
        sa.update(SettlementRow)
        .where(
            SettlementRow.institution_id == institution_id,
            SettlementRow.stay_no == one.stay_no,
            SettlementRow.settlement_no == one.settlement_no,
        )
        .values(**values)
    )


def of_stay(connection: sa.Connection, institution_id: str, stay_no: str) -> list[Settlement]:
    """Every settlement of a stay, the newest first."""
    rows = connection.execute(
        sa.select(*_COLUMNS)
        .where(SettlementRow.institution_id == institution_id, SettlementRow.stay_no == stay_no)
        .order_by(SettlementRow.settlement_no.desc())
    )
    return [Settlement(*row) for row in rows]


def find(connection: sa.Connection, institution_id: str, stay_no: str, settlement_no: int) -> Settlement:
    """One settlement. Raises :class:`NotFound`."""
    found = [one for one in of_stay(connection, institution_id, stay_no) if one.settlement_no == settlement_no]
    if not found:
        number = settlement_number(stay_no, settlement_no)
        raise NotFound(f"没有结算单 {number}。请核对单号。")
    return found[0]


def find_by_token(connection: sa.Connection, token: str) -> tuple[str, Settlement] | None:
    """The institution and settlement a paper speaks of."""
    row = connection.execute(
        sa.select(SettlementRow.institution_id, *_COLUMNS).where(SettlementRow.token == token)
    ).one_or_none()
    return None if row is None else (row[0], Settlement(*row[1:]))


def recalls_asked(connection: sa.Connection, institution_id: str) -> list[Settlement]:
    """Settlements whose recall was asked for and isn't decided, the oldest request first."""
    rows = connection.execute(
        sa.select(*_COLUMNS)
        .where(
            SettlementRow.institution_id == institution_id,
            SettlementRow.recall_asked_at.is_not(None),
            SettlementRow.recalled_at.is_(None),
        )
        .order_by(SettlementRow.recall_asked_at)
    )
    return [Settlement(*row) for row in rows]


def owed_fen(connection: sa.Connection, institution_id: str, stay_no: str) -> int:
    """What the patient still owes of a stay."""
    return int(
        connection.scalar(
            sa.select(LedgerAccount.balance_fen).where(
                LedgerAccount.institution_id == institution_id,
                LedgerAccount.account_id == arrears_account(stay_no),
            )
        )
        or 0
    )


def certificate_hash_of(connection: sa.Connection, institution_id: str, stay_no: str) -> str | None:
    """The keyed hash of a stay's certificate."""
    return connection.scalar(
        sa.select(Stay.certificate_hash).where(Stay.institution_id == institution_id, Stay.stay_no == stay_no)
    )


def paid_in(connection: sa.Connection, institution_id: str, stay_no: str) -> list[PaidIn]:
    """A stay's deposits, the oldest first, each with what of it hasn't gone back: refunds are taken off those that
    came by the same way, the newest first, and then off any."""
    rows = connection.execute(
        slips()
        .where(Receipt.institution_id == institution_id, Receipt.stay_no == stay_no)
        .order_by(Receipt.issued_at, Receipt.book, Receipt.serial)
    )
    standing = [one for one in map(slip, rows) if one.cancelled_by is None]
    deposits = [one for one in standing if one.kind == "deposit"]
    left = {one.number: one.amount_fen for one in deposits}
    for back in (one for one in standing if one.kind in ("refund", "return")):
        amount = back.amount_fen
        for same in (True, False):
            for one in reversed(deposits):
                if amount and (one.tender == back.tender) is same:
                    taken = min(amount, left[one.number])
                    left[one.number] -= taken
                    amount -= taken
    return [
        PaidIn(one.number, one.tender, one.payment_reference, left[one.number])
        for one in deposits
        if left[one.number]
    ]


def topups_of(connection: sa.Connection, institution_id: str, stay_no: str) -> list[Slip]:
    """What was paid in towards what a stay's settlements left owing, and stands; the newest first."""
    rows = connection.execute(
        slips()
        .where(Receipt.institution_id == institution_id, Receipt.stay_no == stay_no, Receipt.kind == "topup")
        .order_by(Receipt.issued_at.desc(), Receipt.book.desc(), Receipt.serial.desc())
    )
    return [one for one in map(slip, rows) if one.cancelled_by is None]


def to_recall(connection: sa.Connection, institution_id: str) -> list[Settlement]:
    """Settlements that stand though their discharge was taken back, those of the oldest cancelling first."""
    query = _to_recall(*_COLUMNS).order_by(Discharge.ended_at, SettlementRow.stay_no)
    return [Settlement(*row) for row in connection.execute(query, {"institution": institution_id})]


def to_recall_count(connection: sa.Connection, institution_id: str) -> int:
    """How many settlements stand though their discharge was taken back."""
    ((number,),) = _TO_RECALL_COUNT.all(connection, institution=institution_id)
    return int(number)


def _to_recall(*columns: Any) -> sa.Select[Any]:
    return (
        sa.select(*columns)
        .select_from(SettlementRow)
        .join(
            Discharge,
            sa.and_(
                Discharge.institution_id == SettlementRow.institution_id,
                Discharge.stay_no == SettlementRow.stay_no,
                Discharge.discharged_at == SettlementRow.discharged_at,
            ),
        )
        .where(
            Discharge.institution_id == sa.bindparam("institution"),
            Discharge.ended_at.is_not(None),
            SettlementRow.recalled_at.is_(None),
        )
    )


_TO_RECALL_COUNT: Final = Query(_to_recall(sa.func.count()))


def names_of_stays(connection: sa.Connection, institution_id: str, stay_nos: Collection[str]) -> dict[str, str]:
    """The patients of some stays."""
    rows = connection.execute(
        sa.select(Stay.stay_no, Stay.patient_name).where(
            Stay.institution_id == institution_id, Stay.stay_no.in_(stay_nos)
        )
    )
    return dict(iter(rows))
