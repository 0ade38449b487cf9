"""What stays owe, and everything that was done about it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from hospital_prepay.domain.errors import NotFound
from hospital_prepay.domain.ledger.chart import ARREARS, allowance_account, arrears_account
from hospital_prepay.domain.rules.settlement.arrears import Standing
from hospital_prepay.persistence.models.arrears import ArrearsAct, ArrearsContact, ArrearsPromise, ReliefApplication
from hospital_prepay.persistence.models.inpatient import Stay, StayCap
from hospital_prepay.persistence.models.ledger import LedgerAccount
from hospital_prepay.persistence.models.settlement import SettlementRow
from hospital_prepay.persistence.settlements import topups_of


@dataclass(frozen=True, slots=True)
class ActRow:
    """A provision, release, write-off or reopening; amounts in fen."""

    act_id: str
    stay_no: str
    kind: str
    amount_fen: int
    ground: str
    evidence: str
    state: str
    asked_by: str
    asked_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    answer: str
    entry_no: int | None


@dataclass(frozen=True, slots=True)
class PromiseRow:
    """A promise as it was made; ``instalments`` as ``{due_on, amount_fen}``."""

    stay_no: str
    promise_no: int
    instalments: list[Any]
    owed_fen: int
    paid_before_fen: int
    note: str
    made_by: str
    made_at: datetime


@dataclass(frozen=True, slots=True)
class ContactRow:
    """One contact about what is owed."""

    stay_no: str
    contact_no: int
    way: str
    words: str
    owed_fen: int
    made_by: str
    made_at: datetime


@dataclass(frozen=True, slots=True)
class OwingRow:
    """A stay that owes; ``settled_at`` is when the oldest settlement that left something owing was made."""

    stay_no: str
    patient_name: str
    ward: str
    insured_class: str
    settled_at: datetime
    owed_fen: int
    provided_fen: int


_ACT = tuple(getattr(ArrearsAct, name) for name in ActRow.__dataclass_fields__)
_PROMISE = tuple(getattr(ArrearsPromise, name) for name in PromiseRow.__dataclass_fields__)
_CONTACT = tuple(getattr(ArrearsContact, name) for name in ContactRow.__dataclass_fields__)


def standing_of(connection: sa.Connection, institution_id: str, stay_no: str) -> Standing:
    """What stands of a stay."""
    claim, allowance = arrears_account(stay_no), allowance_account(stay_no)
    found = connection.execute(
        sa.select(LedgerAccount.account_id, LedgerAccount.balance_fen).where(
            LedgerAccount.institution_id == institution_id, LedgerAccount.account_id.in_((claim, allowance))
        )
    )
    balances = {row.account_id: row.balance_fen for row in found}
    signed = sa.case((ArrearsAct.kind == "write_off", ArrearsAct.amount_fen), else_=-ArrearsAct.amount_fen)
    written_off = connection.scalar(
        sa.select(sa.func.coalesce(sa.func.sum(signed), 0)).where(
            ArrearsAct.institution_id == institution_id,
            ArrearsAct.stay_no == stay_no,
            ArrearsAct.state == "done",
            ArrearsAct.kind.in_(("write_off", "reopen")),
        )
    )
    return Standing(balances.get(claim, 0), balances.get(allowance, 0), int(written_off or 0))


def paid_fen(connection: sa.Connection, institution_id: str, stay_no: str) -> int:
    """What came in for a stay's arrears so far: of the patient, and of the relief fund."""
    granted = connection.scalar(
        sa.select(sa.func.coalesce(sa.func.sum(ReliefApplication.received_fen), 0)).where(
            ReliefApplication.institution_id == institution_id,
            ReliefApplication.stay_no == stay_no,
            ReliefApplication.state == "received",
        )
    )
    topped_up = sum(slip.amount_fen for slip in topups_of(connection, institution_id, stay_no))
    return topped_up + int(granted or 0)


def owing(connection: sa.Connection, institution_id: str) -> list[OwingRow]:
    """Every stay that owes, the oldest first."""
    stay_no = sa.func.substr(LedgerAccount.account_id, len(ARREARS) + 2)
    allowance = sa.orm.aliased(LedgerAccount)
    provided = (
        sa.select(allowance.balance_fen)
        .where(allowance.institution_id == Stay.institution_id, allowance.account_id == "1219:" + Stay.stay_no)
        .scalar_subquery()
    )
    settled = (
        sa.select(sa.func.min(SettlementRow.settled_at))
        .where(
            SettlementRow.institution_id == Stay.institution_id,
            SettlementRow.stay_no == Stay.stay_no,
            SettlementRow.shortfall_fen > 0,
            SettlementRow.recalled_at.is_(None),
        )
        .scalar_subquery()
    )
    insured = (
        sa.select(StayCap.insured_class)
        .where(StayCap.institution_id == Stay.institution_id, StayCap.stay_no == Stay.stay_no)
        .order_by(StayCap.version_no.desc())
        .limit(1)
        .scalar_subquery()
    )
    rows = connection.execute(
        sa.select(
            Stay.stay_no,
            Stay.patient_name,
            Stay.ward,
            insured,
            sa.type_coerce(settled, SettlementRow.settled_at.type),
            LedgerAccount.balance_fen,
            sa.func.coalesce(provided, 0),
        )
        .join(Stay, sa.and_(Stay.institution_id == LedgerAccount.institution_id, Stay.stay_no == stay_no))
        .where(
            LedgerAccount.institution_id == institution_id,
            LedgerAccount.subject == sa.literal_column(f"'{ARREARS}'"),
            LedgerAccount.balance_fen > sa.literal_column("0"),
        )
        .order_by(settled, Stay.stay_no)
    )
    return [OwingRow(*row) for row in rows]


def written_off(connection: sa.Connection, institution_id: str) -> list[tuple[str, str, int]]:
    """Stays with claims that were written off and haven't come back: number, patient, fen."""
    signed = sa.case((ArrearsAct.kind == "write_off", ArrearsAct.amount_fen), else_=-ArrearsAct.amount_fen)
    left = sa.func.sum(signed)
    rows = connection.execute(
        sa.select(Stay.stay_no, Stay.patient_name, left)
        .join(Stay, sa.and_(Stay.institution_id == ArrearsAct.institution_id, Stay.stay_no == ArrearsAct.stay_no))
        .where(
            ArrearsAct.institution_id == institution_id,
            ArrearsAct.state == "done",
            ArrearsAct.kind.in_(("write_off", "reopen")),
        )
        .group_by(Stay.stay_no, Stay.patient_name)
        .having(left > 0)
        .order_by(Stay.stay_no)
    )
    return [(stay_no, name, int(fen)) for stay_no, name, fen in rows]


def acts_of(connection: sa.Connection, institution_id: str, stay_no: str) -> list[ActRow]:
    """What the books did, or are asked to do, about a stay's arrears, the newest first."""
    rows = connection.execute(
        sa.select(*_ACT)
        .where(ArrearsAct.institution_id == institution_id, ArrearsAct.stay_no == stay_no)
        .order_by(ArrearsAct.act_id.desc())
    )
    return [ActRow(*row) for row in rows]


def waiting_acts(connection: sa.Connection, institution_id: str) -> list[ActRow]:
    """What waits for a second person, the oldest first."""
    rows = connection.execute(
        sa.select(*_ACT)
        .where(ArrearsAct.institution_id == institution_id, ArrearsAct.state == "waiting")
        .order_by(ArrearsAct.act_id)
    )
    return [ActRow(*row) for row in rows]


def find_act(connection: sa.Connection, institution_id: str, act_id: str) -> ActRow:
    """One act. Raises :class:`NotFound`."""
    row = connection.execute(
        sa.select(*_ACT).where(ArrearsAct.institution_id == institution_id, ArrearsAct.act_id == act_id)
    ).one_or_none()
    if row is None:
        raise NotFound("没有这个申请。请从欠费页打开。")
    return ActRow(*row)


def add_act(connection: sa.Connection, values: dict[str, Any]) -> None:
    """Ask for an act, or write down a reopening."""
    connection.execute(sa.insert(ArrearsAct).values(**values))


def decide_act(connection: sa.Connection, institution_id: str, act_id: str, values: dict[str, Any]) -> None:
    """The second person's word."""
    connection.execute(
        sa.update(ArrearsAct)
        .where(ArrearsAct.institution_id == institution_id, ArrearsAct.act_id == act_id)
        .values(**values)
    )


def promises_of(connection: sa.Connection, institution_id: str, *stay_nos: str) -> list[PromiseRow]:
    """The promises of stays, the newest of each first."""
    rows = connection.execute(
        sa.select(*_PROMISE)
        .where(ArrearsPromise.institution_id == institution_id, ArrearsPromise.stay_no.in_(stay_nos))
        .order_by(ArrearsPromise.promise_no.desc())
    )
    return [PromiseRow(*row) for row in rows]


def add_promise(connection: sa.Connection, institution_id: str, row: PromiseRow) -> None:
    """Keep a promise."""
    values = {name: getattr(row, name) for name in PromiseRow.__dataclass_fields__}
    connection.execute(sa.insert(ArrearsPromise).values(institution_id=institution_id, **values))


def contacts_of(connection: sa.Connection, institution_id: str, *stay_nos: str) -> list[ContactRow]:
    """The contacts of stays, the newest of each first."""
    rows = connection.execute(
        sa.select(*_CONTACT)
        .where(ArrearsContact.institution_id == institution_id, ArrearsContact.stay_no.in_(stay_nos))
        .order_by(ArrearsContact.contact_no.desc())
    )
    return [ContactRow(*row) for row in rows]


def add_contact(connection: sa.Connection, institution_id: str, row: ContactRow) -> None:
    """Keep a contact."""
    values = {name: getattr(row, name) for name in ContactRow.__dataclass_fields__}
    connection.execute(sa.insert(ArrearsContact).values(institution_id=institution_id, **values))
