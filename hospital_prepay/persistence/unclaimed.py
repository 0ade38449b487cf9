"""What settlements left of deposits because nobody was there to take it, and who came for it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from hospital_prepay.domain.errors import NotFound
from hospital_prepay.domain.ledger.chart import INPATIENT_DEPOSITS, stay_account
from hospital_prepay.persistence.models.inpatient import Stay
from hospital_prepay.persistence.models.ledger import LedgerAccount
from hospital_prepay.persistence.models.settlement import SettlementRow
from hospital_prepay.persistence.models.settlement_refunds import UnclaimedDeposit

OPEN = ("waiting", "asked")


@dataclass(frozen=True, slots=True)
class Unclaimed:
    """What waits on a stay's account: since when, who asks for it by what paper (encrypted), and how much lies there,
    in fen."""

    stay_no: str
    turn_no: int
    since: datetime
    noted_by: str
    state: str
    claimant: str | None
    relation: str | None
    claimant_enc: str | None
    tender: str | None
    asked_by: str | None
    asked_at: datetime | None
    decided_by: str | None
    decided_at: datetime | None
    ground: str | None
    book: str | None
    serial: int | None
    patient_name: str
    held_fen: int


def note(connection: sa.Connection, institution_id: str, stay_no: str, by: str, now: datetime) -> None:
    """Note that money lies with a settled stay and waits for somebody; once, and nothing where none is settled."""
    known = of_stay(connection, institution_id, stay_no)
    stands = sa.select(SettlementRow.settlement_no).where(
        SettlementRow.institution_id == institution_id,
        SettlementRow.stay_no == stay_no,
        SettlementRow.discharged_at.is_not(None),
        SettlementRow.recalled_at.is_(None),
    )
    if any(one.state in OPEN for one in known) or connection.scalar(stands.limit(1)) is None:
        return
    connection.execute(
        sa.insert(UnclaimedDeposit).values(
            institution_id=institution_id,
            stay_no=stay_no,
            turn_no=len(known) + 1,
            since=now,
            noted_by=by,
            state="waiting",
        )
    )


def note_held(connection: sa.Connection, institution_id: str, stay_no: str, by: str, now: datetime) -> None:
    """:func:`note` where money does lie there."""
    held = connection.scalar(
        sa.select(LedgerAccount.balance_fen).where(
            LedgerAccount.institution_id == institution_id, LedgerAccount.account_id == stay_account(stay_no)
        )
    )
    if held:
        note(connection, institution_id, stay_no, by, now)


def of_stay(connection: sa.Connection, institution_id: str, stay_no: str) -> list[Unclaimed]:
    """Every turn of a stay, the first one first."""
    return _found(connection, institution_id, UnclaimedDeposit.stay_no == stay_no)


def waiting(connection: sa.Connection, institution_id: str) -> list[Unclaimed]:
    """What waits with money there, the oldest first."""
    return _found(connection, institution_id, UnclaimedDeposit.state.in_(OPEN), LedgerAccount.balance_fen > 0)


def find_open(connection: sa.Connection, institution_id: str, stay_no: str) -> Unclaimed:
    """What waits of a stay; whoever asks holds the stay. Raises :class:`NotFound`."""
    found = [one for one in of_stay(connection, institution_id, stay_no) if one.state in OPEN and one.held_fen]
    if not found:
        raise NotFound(f"住院号 {stay_no} 没有待领的钱。请核对住院号，或者已经有人领走，请刷新。")
    return found[0]


def change(connection: sa.Connection, institution_id: str, one: Unclaimed, values: dict[str, Any]) -> None:
    """Take a step; the database holds their order and the second person of an heir."""
    connection.execute(
        sa.update(UnclaimedDeposit)
        .where(
            UnclaimedDeposit.institution_id == institution_id,
            UnclaimedDeposit.stay_no == one.stay_no,
            UnclaimedDeposit.turn_no == one.turn_no,
        )
        .values(**values)
    )


def _found(connection: sa.Connection, institution_id: str, *where: sa.ColumnElement[bool]) -> list[Unclaimed]:
    columns: list[Any] = [getattr(UnclaimedDeposit, name) for name in list(Unclaimed.__dataclass_fields__)[:-2]]
    rows: Iterable[Any] = connection.execute(
        sa.select(*columns, Stay.patient_name, sa.func.coalesce(LedgerAccount.balance_fen, 0))
        .join(
            Stay,
            sa.and_(Stay.institution_id == UnclaimedDeposit.institution_id, Stay.stay_no == UnclaimedDeposit.stay_no),
        )
        .join(
            LedgerAccount,
            sa.and_(
                LedgerAccount.institution_id == UnclaimedDeposit.institution_id,
                LedgerAccount.account_id == f"{INPATIENT_DEPOSITS}:" + UnclaimedDeposit.stay_no,
            ),
            isouter=True,
        )
        .where(UnclaimedDeposit.institution_id == institution_id, *where)
        .order_by(UnclaimedDeposit.since, UnclaimedDeposit.stay_no, UnclaimedDeposit.turn_no)
    )
    return [Unclaimed(*row) for row in rows]
