"""What the bank said of an attempt to pay against what it had said before, and what somebody decided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from hospital_prepay.persistence.models.outpatient import OutpatientAccount
from hospital_prepay.persistence.models.outpatient_claims import OutpatientClaim, OutpatientPayout
from hospital_prepay.persistence.models.outpatient_contradictions import (
    OutpatientContradiction,
    OutpatientOverpayment,
)
from hospital_prepay.persistence.models.outpatient_owners import OutpatientOwnerChange
from hospital_prepay.persistence.rows import refusing, rows_of

_STALE: Final = "这一步刚被别人办了，或现在不能办。请刷新后再看；本次没有改动。"


@dataclass(frozen=True, slots=True)
class ContradictionRow:
    """One of them; ``decision`` is empty until somebody decided."""

    claim_id: str
    contradiction_no: int
    attempt_no: int
    told: str
    bank_reference: str
    raised_by: str
    raised_at: datetime
    decision: str
    decided_by: str | None
    decided_at: datetime | None
    ground: str
    words: str = ""


def contradictions_of(connection: sa.Connection, institution_id: str, claim_id: str) -> list[ContradictionRow]:
    """Every one of a claim, the first first."""
    table = OutpatientContradiction
    order = (table.contradiction_no,)
    return rows_of(connection, table, ContradictionRow, institution_id, table.claim_id == claim_id, order=order)


def add_contradiction(connection: sa.Connection, values: dict[str, Any]) -> None:
    """Keep what the bank said; the database takes one open an attempt."""
    with refusing(_STALE):
        connection.execute(sa.insert(OutpatientContradiction).values(**values))


def decide_contradiction(
    connection: sa.Connection, institution_id: str, claim_id: str, number: int, /, **values: Any
) -> None:
    """Write down what was decided, once."""
    table = OutpatientContradiction
    with refusing(_STALE):
        connection.execute(
            sa.update(table)
            .where(
                table.institution_id == institution_id, table.claim_id == claim_id, table.contradiction_no == number
            )
            .values(**values)
        )


def undecided(connection: sa.Connection, institution_id: str, claim_ids: Sequence[str] | None = None) -> set[str]:
    """Which claims are held, or which of some."""
    table = OutpatientContradiction
    query = sa.select(table.claim_id).where(
        table.institution_id == institution_id,
        table.decision == "",
        *(() if claim_ids is None else (table.claim_id.in_(claim_ids),)),
    )
    return set(connection.scalars(query))


@dataclass(frozen=True, slots=True)
class Doubt:
    """A refund whose money the bank may have paid beside the books; ``is_decided`` where somebody said so."""

    refund_no: str
    is_decided: bool


def doubted_accounts(institution_id: str) -> sa.Select[str]:
    """Accounts whose money the bank may have paid beside the books, by whichever of their claims, ended ones too:
    nobody has decided yet, or it was decided that the bank paid and that isn't in the books, or is owed back of a
    refund that hasn't arrived; whoever has the account since isn't held for what another was paid."""
    return _doubted(institution_id, OutpatientClaim.account_no)


def doubt_of(connection: sa.Connection, institution_id: str, account_no: str) -> Doubt | None:
    """What makes the account one of :func:`doubted_accounts`, what nobody decided yet first."""
    decided = OutpatientContradiction.decision != ""
    query = _doubted(institution_id, OutpatientClaim.refund_no, decided)
    row = connection.execute(query.where(OutpatientClaim.account_no == account_no).order_by(decided).limit(1)).first()
    return None if row is None else Doubt(row[0], bool(row[1]))


def _doubted(institution_id: str, *columns: Any) -> sa.Select[Any]:
    table = OutpatientContradiction
    of_claim = sa.and_(
        OutpatientClaim.institution_id == table.institution_id, OutpatientClaim.claim_id == table.claim_id
    )
    of_attempt = sa.and_(
        OutpatientPayout.institution_id == table.institution_id,
        OutpatientPayout.claim_id == table.claim_id,
        OutpatientPayout.attempt_no == table.attempt_no,
    )
    paid = OutpatientOverpayment
    of_paid = sa.and_(
        paid.institution_id == table.institution_id,
        paid.claim_id == table.claim_id,
        paid.attempt_no == table.attempt_no,
    )
    is_owed = sa.and_(paid.state == "owed", OutpatientClaim.state != "arrived", ~_is_anothers())
    open_ = sa.and_(
        table.decision == "paid",
        OutpatientPayout.state.not_in(("arrived", "returned")),
        sa.or_(paid.state.is_(None), is_owed),
    )
    return (
        sa.select(*columns)
        .select_from(table)
        .join(OutpatientClaim, of_claim)
        .join(OutpatientPayout, of_attempt)
        .outerjoin(paid, of_paid)
        .where(table.institution_id == institution_id, sa.or_(table.decision == "", open_))
    )


def _is_anothers() -> sa.ColumnElement[bool]:
    """Whether a claim's account is another person's since it was accepted, as it was then and as it is now."""
    change, account, claim = OutpatientOwnerChange, OutpatientAccount, OutpatientClaim
    differs = sa.case(
        (change.old_certno_hash != "", change.old_certno_hash != account.certno_hash),
        else_=_unspaced(change.old_name) != _unspaced(account.holder_name),
    )
    of_account = sa.and_(account.institution_id == change.institution_id, account.account_no == change.account_no)
    first = (
        sa.select(differs)
        .join_from(change, account, of_account)
        .where(
            change.institution_id == claim.institution_id,
            change.account_no == claim.account_no,
            change.state == "approved",
            change.decided_at > claim.accepted_at,
        )
        .order_by(change.change_no)
        .limit(1)
        .correlate(claim)
        .scalar_subquery()
    )
    return sa.func.coalesce(first, sa.false())


def _unspaced(name: Any) -> sa.ColumnElement[str]:
    return sa.func.replace(sa.func.replace(name, " ", ""), "\u3000", "")
