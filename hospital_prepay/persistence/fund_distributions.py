"""What a lead hospital handed on to its members, what came back, and what they showed of its use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

import sqlalchemy as sa
import sqlalchemy.orm

from hospital_prepay.domain.errors import Conflict, NotFound
from hospital_prepay.persistence.models.fund_apply import (
    FundDistribution,
    FundDistributionReturn,
    FundDistributionUse,
)
from hospital_prepay.persistence.models.fund_members import FundClaimPayment, FundUseWithdrawn
from hospital_prepay.persistence.models.fund_recall import FundBankEvidence
from hospital_prepay.persistence.models.ledger import LedgerEntry, LedgerPosting
from hospital_prepay.persistence.outages import is_outage

# The entry of a repayment: its key carries the repayment's number.
CLAIM_REPAID: Final = "fund_claim_repaid"
_BOOKED_AS: Final[dict[type[Any], tuple[str, str]]] = {
    FundDistributionReturn: ("fund_distribution_return", "return_no"),
    FundClaimPayment: (CLAIM_REPAID, "payment_no"),
}
_NUMBERED: Final[dict[type[Any], str]] = {
    FundDistributionReturn: "return_no",
    FundDistributionUse: "use_no",
    FundClaimPayment: "payment_no",
}
_NOT_NOW = "这一步现在不能办：别人刚办过，或者金额超过了。请刷新后再看；本次没有改动。"


@dataclass(frozen=True, slots=True)
class DistributionRow:
    """One distribution with what came back, what was shown of it (but for what was withdrawn) and what the member
    paid back of the claim on it (but for what was taken back), in fen: what the books say, too. The counts are
    their last numbers, to number the next."""

    distribution_id: str
    grant_id: str
    member_code: str
    member_name: str
    member_no: int | None
    amount_fen: int
    document: str
    state: str
    asked_by: str
    asked_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    returned_fen: int
    returns: int
    used_fen: int
    uses: int
    repaid_fen: int
    repayments: int

    @property
    def in_hand_fen(self) -> int:
        """What the member holds: handed on, neither given back nor shown in use."""
        return self.amount_fen - self.returned_fen - self.used_fen if self.state == "approved" else 0


@dataclass(frozen=True, slots=True)
class RepaymentRow:
    """What a member paid back of the claim on it, by its entry; ``undone`` once that was mirrored in red."""

    member_name: str
    distribution_id: str
    entry_no: int
    effective_on: date
    amount_fen: int
    bank_reference: str
    recorded_by: str
    recorded_at: datetime
    undone: bool


@dataclass(frozen=True, slots=True)
class UseRow:
    """One line that a member paid, as it was shown; and by whom it was withdrawn, if it was."""

    member_name: str
    distribution_id: str
    use_no: int
    category: str
    name: str
    code: str
    order_no: str
    amount_fen: int
    document: str
    recorded_by: str
    recorded_at: datetime
    withdrawn_by: str | None
    withdrawn_at: datetime | None
    ground: str | None


def add(connection: sa.Connection, table: type[Any], values: Mapping[str, Any]) -> None:
    """Append a distribution, a return or a use; :class:`Conflict` where the database refuses it."""
    _held(connection, sa.insert(table).values(**values))


def walk(connection: sa.Connection, institution_id: str, distribution_id: str, **values: Any) -> None:
    """Decide a distribution; :class:`Conflict` when it was decided or more than the grant would be handed on."""
    which = (FundDistribution.institution_id == institution_id, FundDistribution.distribution_id == distribution_id)
    _held(connection, sa.update(FundDistribution).where(*which).values(**values))


def of_grant(connection: sa.Connection, institution_id: str, grant_id: str) -> list[DistributionRow]:
    """The distributions of a grant, newest first."""
    return _rows(connection, institution_id, FundDistribution.grant_id == grant_id)


def handed_on(connection: sa.Connection, institution_id: str, distribution_id: str) -> date | None:
    """The day on which the money left for the member, by the bank's slip; ``None`` before."""
    return connection.scalar(
        sa.select(LedgerEntry.effective_on).where(
            LedgerEntry.institution_id == institution_id,
            LedgerEntry.kind == "fund_distribution",
            LedgerEntry.source == f"fund_distribution:{distribution_id}",
        )
    )


def in_hand(connection: sa.Connection, institution_id: str, grant_id: str) -> int:
    """What all members of a grant hold, in fen."""
    return sum(one.in_hand_fen for one in of_grant(connection, institution_id, grant_id))


def uses_of_grant(connection: sa.Connection, institution_id: str, grant_id: str) -> list[UseRow]:
    """Every use that members showed of a grant, newest first."""
    return _uses(connection, institution_id, FundDistribution.grant_id == grant_id)


def uses_of_member(connection: sa.Connection, institution_id: str, member_code: str) -> list[UseRow]:
    """Every use that a member showed, of whatever grant, newest first."""
    return _uses(connection, institution_id, FundDistribution.member_code == member_code)


def repayments_of_grant(connection: sa.Connection, institution_id: str, grant_id: str) -> list[RepaymentRow]:
    """Everything that members of a grant paid back, newest first."""
    paid, handed, entry = FundClaimPayment, FundDistribution, LedgerEntry
    columns = [getattr(paid, name) for name in ("amount_fen", "bank_reference", "recorded_by", "recorded_at")]
    same = sa.and_(paid.institution_id == handed.institution_id, paid.distribution_id == handed.distribution_id)
    rows = connection.execute(
        sa.select(
            handed.member_name, paid.distribution_id, entry.entry_no, entry.effective_on, *columns, _taken_back()
        )
        .join(handed, same)
        .join(entry, _its_entry(entry))
        .where(paid.institution_id == institution_id, handed.grant_id == grant_id)
        .order_by(entry.entry_no.desc())
    )
    return [RepaymentRow(*row) for row in rows]


def uses_that_stand(connection: sa.Connection, institution_id: str) -> list[UseRow]:
    """Every use that any member showed and nobody withdrew, newest first."""
    return _uses(connection, institution_id, FundUseWithdrawn.withdrawn_by.is_(None))


def claim_on_members(connection: sa.Connection, institution_id: str, grant_id: str) -> int:
    """What the hospital gave back in place of members of a grant, without what they paid back, in fen. Below zero
    where they paid for a return that was taken back since."""
    line = LedgerPosting
    claimed = connection.scalar(
        sa.select(sa.func.coalesce(sa.func.sum(line.debit_fen - line.credit_fen), 0)).where(
            line.institution_id == institution_id, line.account_id == "1218", line.fund == grant_id
        )
    )
    return int(claimed or 0) - sum(one.repaid_fen for one in of_grant(connection, institution_id, grant_id))


def claim_by(connection: sa.Connection, institution_id: str, grant_id: str, day: date) -> int:
    """What of the claim on members of a grant stood on ``day``, by the days of the slips: what the hospital gave back
    in their place by then, without what they paid by then. In fen."""
    line, entry, mirror = LedgerPosting, LedgerEntry, sa.orm.aliased(LedgerEntry)
    sources = [f"fund_distribution:{one.distribution_id}" for one in of_grant(connection, institution_id, grant_id)]
    undone = sa.exists().where(mirror.institution_id == entry.institution_id, mirror.reverses_no == entry.entry_no)
    paid = sa.and_(entry.kind == CLAIM_REPAID, entry.source.in_(sources), ~undone)
    owed = connection.scalar(
        sa.select(sa.func.coalesce(sa.func.sum(line.debit_fen - line.credit_fen), 0))
        .join(entry, sa.and_(entry.institution_id == line.institution_id, entry.entry_no == line.entry_no))
        .where(line.institution_id == institution_id, line.account_id == "1218", entry.effective_on <= day)
        .where(sa.or_(line.fund == grant_id, paid))
    )
    return int(owed or 0)


def find(connection: sa.Connection, institution_id: str, distribution_id: str) -> DistributionRow:
    """One of them. Raises :class:`NotFound`."""
    found = _rows(connection, institution_id, FundDistribution.distribution_id == distribution_id)
    if not found:
        raise NotFound("没有这份分配。请回到预付金查看。")
    return found[0]


def _rows(connection: sa.Connection, institution_id: str, where: sa.ColumnElement[bool]) -> list[DistributionRow]:
    own = [name for name in DistributionRow.__dataclass_fields__ if hasattr(FundDistribution, name)]
    counted: tuple[tuple[type[Any], Any], ...] = (
        (FundDistributionReturn, _booked(FundDistributionReturn)),
        (FundDistributionUse, ~_withdrawn()),
        (FundClaimPayment, _booked(FundClaimPayment, by_slip=True)),
    )
    sums = [part for table, stands in counted for part in _sums(table, stands)]
    rows = connection.execute(
        sa.select(*(getattr(FundDistribution, name) for name in own), *sums)
        .where(FundDistribution.institution_id == institution_id, where)
        .order_by(FundDistribution.asked_at.desc(), FundDistribution.distribution_id)
    )
    return [DistributionRow(*row[:-6], *(int(part) for part in row[-6:])) for row in rows]


def _sums(table: type[Any], stands: sa.ColumnElement[bool]) -> tuple[sa.ColumnElement[int], sa.ColumnElement[int]]:
    same = (
        table.institution_id == FundDistribution.institution_id,
        table.distribution_id == FundDistribution.distribution_id,
    )
    total = sa.select(sa.func.coalesce(sa.func.sum(table.amount_fen), 0)).where(*same, stands).scalar_subquery()
    last = sa.func.coalesce(sa.func.max(getattr(table, _NUMBERED[table])), 0)
    return total, sa.select(last).where(*same).scalar_subquery()


def _withdrawn() -> sa.ColumnElement[bool]:
    names = ("institution_id", "distribution_id", "use_no")
    same = (getattr(FundUseWithdrawn, name) == getattr(FundDistributionUse, name) for name in names)
    return sa.exists().where(*same)


def _booked(table: type[Any], *, by_slip: bool = False) -> sa.ColumnElement[bool]:
    """As the view ``fund_distribution_sums`` has it: the row's entry is there, and no mirror of it; what ends a debt
    has its slip, too."""
    entry, mirror, slip = sa.orm.aliased(LedgerEntry), sa.orm.aliased(LedgerEntry), FundBankEvidence
    reversed_by = (mirror.institution_id == entry.institution_id, mirror.reverses_no == entry.entry_no)
    where = [_its_entry(entry, table), ~sa.exists().where(*reversed_by).correlate(entry)]
    if by_slip:
        its = (slip.institution_id == entry.institution_id, slip.entry_no == entry.entry_no)
        where.append(sa.exists().where(*its).correlate(entry))
    return sa.exists().where(*where).correlate(table)


def _taken_back() -> sa.ColumnElement[bool]:
    entry, mirror = sa.orm.aliased(LedgerEntry), sa.orm.aliased(LedgerEntry)
    reversed_by = sa.and_(mirror.institution_id == entry.institution_id, mirror.reverses_no == entry.entry_no)
    return sa.exists().where(_its_entry(entry), reversed_by).correlate(FundClaimPayment)


def _its_entry(entry: Any, table: type[Any] = FundClaimPayment) -> sa.ColumnElement[bool]:
    """The entry that carries the row's number in its key."""
    kind, name = _BOOKED_AS[table]
    key = sa.literal(f"{kind}:") + table.distribution_id + ":" + sa.cast(getattr(table, name), sa.String)
    same = entry.institution_id == table.institution_id
    return sa.and_(same, entry.kind == kind, entry.idempotency_key == key)


def _uses(connection: sa.Connection, institution_id: str, where: sa.ColumnElement[bool]) -> list[UseRow]:
    use, handed, taken_back = FundDistributionUse, FundDistribution, FundUseWithdrawn
    columns = [getattr(use, name) for name in UseRow.__dataclass_fields__ if hasattr(use, name)]
    same = sa.and_(use.institution_id == handed.institution_id, use.distribution_id == handed.distribution_id)
    its = sa.and_(
        taken_back.institution_id == use.institution_id,
        taken_back.distribution_id == use.distribution_id,
        taken_back.use_no == use.use_no,
    )
    rows = connection.execute(
        sa.select(handed.member_name, *columns, taken_back.withdrawn_by, taken_back.withdrawn_at, taken_back.ground)
        .join(handed, same)
        .outerjoin(taken_back, its)
        .where(use.institution_id == institution_id, where)
        .order_by(use.recorded_at.desc(), use.distribution_id, use.use_no.desc())
    )
    return [UseRow(*row) for row in rows]


def _held(connection: sa.Connection, statement: sa.Executable) -> None:
    try:
        with connection.begin_nested():
            connection.execute(statement)
    except sa.exc.DBAPIError as error:
        if is_outage(error):
            raise
        raise Conflict(_NOT_NOW) from error
