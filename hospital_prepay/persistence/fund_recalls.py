"""Grounds of recall, losses, the agency's write-offs and the bank slip of every entry (see migration 0008)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from hospital_prepay.domain.errors import NotFound
from hospital_prepay.domain.ledger.chart import owed_account
from hospital_prepay.persistence.funds import GrantState, grants
from hospital_prepay.persistence.models.fund import FundGrant
from hospital_prepay.persistence.models.fund_recall import FundBankEvidence, FundIncident, FundRecall, FundWriteOff
from hospital_prepay.persistence.models.ledger import LedgerAccount, LedgerEntry, LedgerPosting
from hospital_prepay.persistence.rows import refusing

_WALK = "这一步现在不能办：别人刚办过，或者前面的步骤还没有办完。请刷新后再看。"
_OPEN = ("approved", "withheld", "received")
SLIP_USED = "这张银行回单已经记过一笔业务，一张回单只能记一笔。请核对回单号；本次没有入账。"


@dataclass(frozen=True, slots=True)
class RecallState:
    """A ground as it stands."""

    recall_id: str
    regime: str
    ground: int | None
    clause: str
    what: str
    since_on: date
    document: str
    state: str
    decision_id: str
    recorded_by: str
    recorded_at: datetime
    urged_on: date | None
    urged_document: str
    urged_by: str | None
    ended_by: str | None
    ended_at: datetime | None
    ended_ground: str
    ended_document: str


@dataclass(frozen=True, slots=True)
class IncidentState:
    """A loss as it stands."""

    incident_id: str
    grant_id: str
    amount_fen: int
    found_on: date
    what: str
    persons: str
    document: str
    state: str
    recorded_by: str
    recorded_at: datetime
    decided_by: str | None
    decided_at: datetime | None


@dataclass(frozen=True, slots=True)
class WriteOff:
    """What the agency wrote off of one grant, by its document."""

    grant_id: str
    document: str
    amount_fen: int
    written_off_on: date
    recorded_by: str


@dataclass(frozen=True, slots=True)
class Slip:
    """The bank's slip of an entry: ``reference`` is compared, ``as_typed`` shown (``None`` on older rows)."""

    kind: str
    reference: str
    entry_no: int
    value_on: date
    recorded_by: str
    recorded_at: datetime
    as_typed: str | None = None

    @property
    def shown(self) -> str:
        """The number for people and print."""
        return self.as_typed or self.reference


@dataclass(frozen=True, slots=True)
class BookedSettlement:
    """What was offset from a monthly settlement, as its entry has it, in fen."""

    entry_no: int
    booked_on: date
    fen: int


def add_recall(connection: sa.Connection, values: dict[str, Any]) -> None:
    """A ground that stands from now on."""
    connection.execute(sa.insert(FundRecall).values(**values))


def recalls(connection: sa.Connection, institution_id: str, *where: sa.ColumnElement[bool]) -> list[RecallState]:
    """Grounds, newest first."""
    rows = connection.execute(
        _select(FundRecall, RecallState)
        .where(FundRecall.institution_id == institution_id, *where)
        .order_by(FundRecall.recorded_at.desc(), FundRecall.recall_id.desc())
    )
    return [RecallState(*row) for row in rows]


def standing(connection: sa.Connection, institution_id: str, regime: str) -> RecallState | None:
    """The ground that stands for this place, the oldest of several."""
    found = all_standing(connection, institution_id, regime)
    return found[-1] if found else None


def standing_by_place(connection: sa.Connection, institution_id: str) -> dict[str, RecallState]:
    """The ground that stands for each place that has one, the oldest of several."""
    return {one.regime: one for one in recalls(connection, institution_id, FundRecall.state == "standing")}


def all_standing(connection: sa.Connection, institution_id: str, regime: str) -> list[RecallState]:
    """Every ground that stands for this place, newest first."""
    return recalls(connection, institution_id, FundRecall.regime == regime, FundRecall.state == "standing")


def all_returned(connection: sa.Connection, institution_id: str, regime: str) -> list[RecallState]:
    """Every ground that ended because everything was returned, newest first."""
    return recalls(connection, institution_id, FundRecall.regime == regime, FundRecall.state == "returned")


def all_lifted(connection: sa.Connection, institution_id: str, regime: str) -> list[RecallState]:
    """Every ground that a second person lifted, newest first."""
    return recalls(connection, institution_id, FundRecall.regime == regime, FundRecall.state == "lifted")


def deregistered(connection: sa.Connection, institution_id: str, ground: int) -> RecallState | None:
    """The ground of deregistration, unless it was lifted; of whatever place."""
    found = recalls(connection, institution_id, FundRecall.ground == ground, FundRecall.state != "lifted")
    return found[-1] if found else None


def lock_recall(connection: sa.Connection, institution_id: str, recall_id: str) -> RecallState:
    """Lock a ground and read it. Raises :class:`NotFound`."""
    which = (FundRecall.institution_id == institution_id, FundRecall.recall_id == recall_id)
    connection.execute(sa.select(FundRecall.recall_id).where(*which).with_for_update())
    return read_recall(connection, institution_id, recall_id)


def read_recall(connection: sa.Connection, institution_id: str, recall_id: str) -> RecallState:
    """The same without the lock."""
    found = recalls(connection, institution_id, FundRecall.recall_id == recall_id)
    if not found:
        raise NotFound("没有这条收回记录。请回到收回与清算查看。")
    return found[0]


def walk_recall(connection: sa.Connection, institution_id: str, recall_id: str, **values: Any) -> None:
    """Take a ground's next step; :class:`Conflict` when its state doesn't allow it."""
    which = (FundRecall.institution_id == institution_id, FundRecall.recall_id == recall_id)
    with refusing(_WALK), connection.begin_nested():
        connection.execute(sa.update(FundRecall).where(*which).values(**values))


def lock_grants_of(connection: sa.Connection, institution_id: str, regime: str) -> None:
    """Lock every grant of a place, in one order: no payment and no approval goes on beside."""
    query = sa.select(FundGrant.grant_id).where(
        FundGrant.institution_id == institution_id, FundGrant.regime == regime
    )
    connection.execute(query.order_by(FundGrant.grant_id).with_for_update()).all()


def lock_standing(connection: sa.Connection, institution_id: str, regime: str) -> list[str]:
    """Lock the grounds that stand for a place; their ids. Whoever comes second sees what the first cleared."""
    query = sa.select(FundRecall.recall_id).where(
        FundRecall.institution_id == institution_id, FundRecall.regime == regime, FundRecall.state == "standing"
    )
    return list(connection.scalars(query.order_by(FundRecall.recall_id).with_for_update()))


def grants_of(connection: sa.Connection, institution_id: str, regime: str) -> list[GrantState]:
    """Every grant under a place's notice, newest year first; none of those that follow a document of their own."""
    return grants(connection, institution_id, FundGrant.regime == regime, FundGrant.kind == "basic")


def has_open_grant(connection: sa.Connection, institution_id: str, regime: str) -> bool:
    """Whether a grant under the place's notice is still approved, withheld or owed."""
    query = sa.select(FundGrant.grant_id).where(
        FundGrant.institution_id == institution_id,
        FundGrant.regime == regime,
        FundGrant.kind == "basic",
        FundGrant.state.in_(_OPEN),
    )
    return connection.execute(query.limit(1)).first() is not None


def add_incident(connection: sa.Connection, values: dict[str, Any]) -> None:
    """A loss as it was found."""
    connection.execute(sa.insert(FundIncident).values(**values))


def incidents(connection: sa.Connection, institution_id: str, *where: sa.ColumnElement[bool]) -> list[IncidentState]:
    """Losses, newest first."""
    rows = connection.execute(
        _select(FundIncident, IncidentState)
        .where(FundIncident.institution_id == institution_id, *where)
        .order_by(FundIncident.recorded_at.desc(), FundIncident.incident_id.desc())
    )
    return [IncidentState(*row) for row in rows]


def incidents_of(connection: sa.Connection, institution_id: str, grant_id: str) -> list[IncidentState]:
    """The losses of one grant, newest first."""
    return incidents(connection, institution_id, FundIncident.grant_id == grant_id)


def grant_of_incident(connection: sa.Connection, institution_id: str, incident_id: str) -> str:
    """Which grant a loss is about: every act locks that first. Raises :class:`NotFound`."""
    found = incidents(connection, institution_id, FundIncident.incident_id == incident_id)
    if not found:
        raise NotFound("没有这条损失记录。请回到收回与清算查看。")
    return found[0].grant_id


def lock_incident(connection: sa.Connection, institution_id: str, incident_id: str) -> IncidentState:
    """Lock a loss and read it. Raises :class:`NotFound`."""
    which = (FundIncident.institution_id == institution_id, FundIncident.incident_id == incident_id)
    connection.execute(sa.select(FundIncident.incident_id).where(*which).with_for_update())
    found = incidents(connection, institution_id, which[1])
    if not found:
        raise NotFound("没有这条损失记录。请回到收回与清算查看。")
    return found[0]


def walk_incident(connection: sa.Connection, institution_id: str, incident_id: str, **values: Any) -> None:
    """Take a loss's next step; :class:`Conflict` when its state doesn't allow it."""
    which = (FundIncident.institution_id == institution_id, FundIncident.incident_id == incident_id)
    with refusing(_WALK), connection.begin_nested():
        connection.execute(sa.update(FundIncident).where(*which).values(**values))


def add_write_off(connection: sa.Connection, values: dict[str, Any]) -> None:
    """What the agency wrote off; :class:`Conflict` when the document is recorded for this grant already."""
    with refusing("这份核销文件已经记在这笔预付金上。请核对后再记。"), connection.begin_nested():
        connection.execute(sa.insert(FundWriteOff).values(**values))


def write_offs(connection: sa.Connection, institution_id: str) -> list[WriteOff]:
    """All of them, by day."""
    rows = connection.execute(
        _select(FundWriteOff, WriteOff)
        .where(FundWriteOff.institution_id == institution_id)
        .order_by(FundWriteOff.written_off_on, FundWriteOff.document)
    )
    return [WriteOff(*row) for row in rows]


def add_slip(connection: sa.Connection, values: dict[str, Any]) -> None:
    """The slip behind an entry; :class:`Conflict` when it stands for another movement."""
    with refusing(SLIP_USED), connection.begin_nested():
        connection.execute(sa.insert(FundBankEvidence).values(**values))


def slips(connection: sa.Connection, institution_id: str) -> dict[int, Slip]:
    """The slip of every entry that has one, by the entry's number."""
    rows = connection.execute(
        _select(FundBankEvidence, Slip).where(FundBankEvidence.institution_id == institution_id)
    )
    return {slip.entry_no: slip for slip in (Slip(*row) for row in rows)}


@dataclass(frozen=True, slots=True)
class Fall:
    """An entry by which what is owed of a grant fell, for good: none that was taken back."""

    entry_no: int
    kind: str
    effective_on: date
    posted_at: datetime


def falls_of_owed(connection: sa.Connection, institution_id: str, grant_id: str) -> list[Fall]:
    """Every one of them, oldest first."""
    entry, line, mirror = LedgerEntry, LedgerPosting, aliased(LedgerEntry)
    taken_back = sa.exists().where(
        mirror.institution_id == entry.institution_id, mirror.reverses_no == entry.entry_no
    )
    rows = connection.execute(
        sa.select(*(getattr(entry, name) for name in Fall.__dataclass_fields__))
        .join(line, sa.and_(line.institution_id == entry.institution_id, line.entry_no == entry.entry_no))
        .where(
            entry.institution_id == institution_id,
            line.account_id == owed_account(grant_id),
            line.debit_fen > 0,
            entry.reverses_no.is_(None),
            ~taken_back,
        )
        .order_by(entry.entry_no)
    )
    return [Fall(*row) for row in rows]


def arrived_on(connection: sa.Connection, institution_id: str, grant_id: str) -> date | None:
    """The day on which the grant's money came by the bank's slip, ``None`` where none was kept."""
    entry, line, slip = LedgerEntry, LedgerPosting, FundBankEvidence
    found = connection.scalars(
        sa.select(slip.value_on)
        .join(entry, sa.and_(entry.institution_id == slip.institution_id, entry.entry_no == slip.entry_no))
        .join(line, sa.and_(line.institution_id == entry.institution_id, line.entry_no == entry.entry_no))
        .where(
            slip.institution_id == institution_id,
            line.account_id == owed_account(grant_id),
            line.credit_fen > 0,
            entry.reverses_no.is_(None),
        )
        .order_by(entry.entry_no.desc())
    )
    return next(iter(found), None)


def settlements(connection: sa.Connection, institution_id: str, grant: GrantState) -> list[BookedSettlement]:
    """The monthly settlements from which something of the same place and fund was offset, of whatever year, newest
    first: one of another fund says nothing of this one, and would be counted twice. What was taken back never was."""
    same = sa.select(sa.literal(owed_account("")) + FundGrant.grant_id).where(
        FundGrant.institution_id == institution_id,
        FundGrant.regime == grant.regime,
        FundGrant.pool_region == grant.pool_region,
        FundGrant.fund == grant.fund,
        FundGrant.kind == grant.kind,
    )
    entry, line, red = LedgerEntry, LedgerPosting, aliased(LedgerEntry)
    undone = sa.exists().where(red.institution_id == entry.institution_id, red.reverses_no == entry.entry_no)
    rows = connection.execute(
        sa.select(entry.entry_no, entry.effective_on, sa.func.sum(line.debit_fen))
        .join(line, sa.and_(line.institution_id == entry.institution_id, line.entry_no == entry.entry_no))
        .where(
            entry.institution_id == institution_id, entry.kind == "fund_offset", line.account_id.in_(same), ~undone
        )
        .group_by(entry.entry_no, entry.effective_on)
        .order_by(entry.entry_no.desc())
    )
    return [BookedSettlement(int(number), on, int(fen)) for number, on, fen in rows]


def balances(connection: sa.Connection, institution_id: str, prefix: str) -> dict[str, int]:
    """What guarded accounts hold whose id begins with ``prefix``, in fen."""
    rows = connection.execute(
        sa.select(LedgerAccount.account_id, LedgerAccount.balance_fen).where(
            LedgerAccount.institution_id == institution_id, LedgerAccount.account_id.startswith(prefix)
        )
    )
    return {str(account): int(fen) for account, fen in rows}


def _select(table: Any, state: Any) -> sa.Select[Any]:
    names: Sequence[str] = list(state.__dataclass_fields__)
    return sa.select(*(getattr(table, name) for name in names))
