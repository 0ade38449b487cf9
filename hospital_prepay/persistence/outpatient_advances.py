"""Claims that the hospital paid ahead, on lists for the next year's budget: applied for, reimbursed, refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

import sqlalchemy as sa

from hospital_prepay.persistence.models.outpatient_claims import OutpatientClaim
from hospital_prepay.persistence.models.outpatient_escheat import OutpatientAdvanceLine, OutpatientAdvanceList
from hospital_prepay.persistence.outpatient_escheat import next_number
from hospital_prepay.persistence.outpatient_treasury import advanced
from hospital_prepay.persistence.rows import refusing, rows_of

_STALE: Final = "这一步刚被别人办了，或现在不能办。请刷新后再看；本次没有改动。"


@dataclass(frozen=True, slots=True)
class AdvanceListRow:
    """A list of claims paid ahead, as it stands."""

    list_no: int
    budget_year: int
    state: str
    claims: int
    total_fen: int
    made_by: str
    made_at: datetime
    document: str
    submitted_on: date | None
    submitted_by: str | None
    bank_reference: str
    reimbursed_on: date | None
    reimbursed_by: str | None
    ended_by: str | None
    ended_at: datetime | None
    ground: str

    @property
    def is_withdrawn(self) -> bool:
        """Whether its maker took it back before it went: nobody turned it down."""
        return self.state == "refused" and self.submitted_on is None and self.ended_by == self.made_by


@dataclass(frozen=True, slots=True)
class AdvanceLineRow:
    """A claim on a list."""

    claim_id: str
    account_no: str
    applied_fen: int
    counts: bool


def next_list_no(connection: sa.Connection, institution_id: str) -> int:
    """The number of the next list of claims paid ahead."""
    return next_number(connection, institution_id, OutpatientAdvanceList, OutpatientAdvanceList.list_no)


def claims_to_apply_for(connection: sa.Connection, institution_id: str) -> list[tuple[str, str, int]]:
    """Claims that were paid ahead and stand on no list: id, account, and the fen that were paid ahead."""
    counted = sa.select(OutpatientAdvanceLine.claim_id).where(
        OutpatientAdvanceLine.institution_id == institution_id,
        OutpatientAdvanceLine.claim_id == OutpatientClaim.claim_id,
        OutpatientAdvanceLine.counts,
    )
    rows = connection.execute(
        sa.select(OutpatientClaim.claim_id, OutpatientClaim.account_no, advanced())
        .where(
            OutpatientClaim.institution_id == institution_id,
            OutpatientClaim.remitted,
            OutpatientClaim.state == "arrived",
            ~counted.exists(),
        )
        .order_by(OutpatientClaim.claim_id)
    )
    return [(claim_id, account_no, int(fen)) for claim_id, account_no, fen in rows]


def applied_fen(connection: sa.Connection, institution_id: str, account_no: str) -> int:
    """What was applied for of one account so far."""
    total = sa.select(sa.func.coalesce(sa.func.sum(OutpatientAdvanceLine.applied_fen), 0)).where(
        OutpatientAdvanceLine.institution_id == institution_id,
        OutpatientAdvanceLine.account_no == account_no,
        OutpatientAdvanceLine.counts,
    )
    return int(connection.scalar(total) or 0)


def add_advance_list(connection: sa.Connection, values: dict[str, Any], lines: Sequence[dict[str, Any]]) -> None:
    """Write a list down with its claims. Raises :class:`Conflict` when it asks for more than was remitted."""
    with refusing("申请的数超过已上缴的数，没有入表。请核对上缴记录。"):
        # Empty at first: what it says it holds is compared with what stands on it (migration 0045).
        connection.execute(sa.insert(OutpatientAdvanceList).values(**{**values, "claims": 0, "total_fen": 0}))
        connection.execute(sa.insert(OutpatientAdvanceLine), list(lines))
        sums = {name: values[name] for name in ("claims", "total_fen")}
        walk_advance_list(connection, values["institution_id"], values["list_no"], **sums)


def advance_lists(connection: sa.Connection, institution_id: str, list_no: int | None = None) -> list[AdvanceListRow]:
    """Every list, the newest first, or the one asked for."""
    where = () if list_no is None else (OutpatientAdvanceList.list_no == list_no,)
    order = (OutpatientAdvanceList.list_no.desc(),)
    return rows_of(connection, OutpatientAdvanceList, AdvanceListRow, institution_id, *where, order=order)


def advance_lines(connection: sa.Connection, institution_id: str, list_no: int) -> list[AdvanceLineRow]:
    """The claims that count on a list."""
    where = sa.and_(OutpatientAdvanceLine.list_no == list_no, OutpatientAdvanceLine.counts)
    order = (OutpatientAdvanceLine.claim_id,)
    return rows_of(connection, OutpatientAdvanceLine, AdvanceLineRow, institution_id, where, order=order)


def walk_advance_list(connection: sa.Connection, institution_id: str, list_no: int, **values: Any) -> None:
    """Let a list go its next step; the database refuses any other."""
    with refusing(_STALE):
        connection.execute(
            sa.update(OutpatientAdvanceList)
            .where(OutpatientAdvanceList.institution_id == institution_id, OutpatientAdvanceList.list_no == list_no)
            .values(**values)
        )


def uncount_lines(connection: sa.Connection, institution_id: str, list_no: int) -> None:
    """The claims of a refused list may stand on another."""
    connection.execute(
        sa.update(OutpatientAdvanceLine)
        .where(
            OutpatientAdvanceLine.institution_id == institution_id,
            OutpatientAdvanceLine.list_no == list_no,
            OutpatientAdvanceLine.counts,
        )
        .values(counts=False)
    )


def list_with(connection: sa.Connection, institution_id: str, column: str, key: str) -> int | None:
    """The number of the list, not refused, that has this ``document_key`` or ``slip_key``."""
    query = sa.select(OutpatientAdvanceList.list_no).where(
        OutpatientAdvanceList.institution_id == institution_id,
        getattr(OutpatientAdvanceList, column) == key,
        OutpatientAdvanceList.state != "refused",
    )
    return connection.scalar(query.limit(1))


def open_list_of(connection: sa.Connection, institution_id: str, claim_id: str) -> int | None:
    """The number of the list that nobody has yet and that a claim counts on."""
    return _list_of(connection, institution_id, claim_id, "made")


def is_applied_for(connection: sa.Connection, institution_id: str, claim_id: str) -> bool:
    """Whether a claim counts on a list that went to the treasury."""
    return _list_of(connection, institution_id, claim_id, "submitted", "reimbursed") is not None


def _list_of(connection: sa.Connection, institution_id: str, claim_id: str, *states: str) -> int | None:
    query = (
        sa.select(OutpatientAdvanceLine.list_no)
        .join(
            OutpatientAdvanceList,
            sa.and_(
                OutpatientAdvanceList.institution_id == OutpatientAdvanceLine.institution_id,
                OutpatientAdvanceList.list_no == OutpatientAdvanceLine.list_no,
            ),
        )
        .where(
            OutpatientAdvanceLine.institution_id == institution_id,
            OutpatientAdvanceLine.claim_id == claim_id,
            OutpatientAdvanceLine.counts,
            OutpatientAdvanceList.state.in_(states),
        )
    )
    return connection.scalar(query.limit(1))


def take_line_off(connection: sa.Connection, institution_id: str, list_no: int, claim_id: str) -> None:
    """A claim leaves a list; the rest stays on it. Where nothing is left, see :func:`walk_advance_list`."""
    with refusing(_STALE):
        connection.execute(
            sa.update(OutpatientAdvanceLine)
            .where(
                OutpatientAdvanceLine.institution_id == institution_id,
                OutpatientAdvanceLine.list_no == list_no,
                OutpatientAdvanceLine.claim_id == claim_id,
            )
            .values(counts=False)
        )


def not_arrived(connection: sa.Connection, institution_id: str, list_no: int) -> list[str]:
    """The refund numbers of a list that didn't arrive, or came back."""
    query = (
        sa.select(OutpatientClaim.refund_no)
        .join(
            OutpatientAdvanceLine,
            sa.and_(
                OutpatientAdvanceLine.institution_id == OutpatientClaim.institution_id,
                OutpatientAdvanceLine.claim_id == OutpatientClaim.claim_id,
            ),
        )
        .where(
            OutpatientAdvanceLine.institution_id == institution_id,
            OutpatientAdvanceLine.list_no == list_no,
            OutpatientAdvanceLine.counts,
            OutpatientClaim.state != "arrived",
        )
        .order_by(OutpatientClaim.refund_no)
    )
    return list(connection.scalars(query))
