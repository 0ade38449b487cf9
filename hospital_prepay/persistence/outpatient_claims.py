"""Claims on outpatient accounts, their papers, and the attempts to pay them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

import sqlalchemy as sa

from hospital_prepay.domain.errors import Conflict, NotFound
from hospital_prepay.domain.ledger.chart import advance_account, overpaid_account, owed_refund_account
from hospital_prepay.domain.rules.outpatient.life import CLAIM_STEPS, ClaimState
from hospital_prepay.persistence.ledger import open_account
from hospital_prepay.persistence.models.ledger import LedgerAccount
from hospital_prepay.persistence.models.outpatient import OutpatientAccount, OutpatientImport
from hospital_prepay.persistence.models.outpatient_claims import (
    OutpatientClaim,
    OutpatientClaimPaper,
    OutpatientPayout,
)
from hospital_prepay.persistence.models.outpatient_escheat import OutpatientBatch, OutpatientBatchLine
from hospital_prepay.persistence.rows import refusing, rows_of

_STALE: Final = "这一步刚被别人办了，或现在不能办。请刷新后再看；本次没有改动。"


@dataclass(frozen=True, slots=True)
class AccountState:
    """An account with its balance in the books; ``is_open`` tells whether its import is booked whole."""

    account_no: str
    kind: str
    holder_name: str
    personal: str
    certno_hash: str
    phone_hash: str
    reach: str
    channel: str
    patient_no: str
    opening_fen: int
    last_movement_on: date | None
    person_id: str
    state: str
    unclearable_reason: str
    filed_on: date | None
    import_no: int | None
    balance_fen: int
    is_open: bool

    @property
    def is_kept(self) -> bool:
        """Whether it was opened by taking a deposit of a kept kind (6), and not by the census."""
        return self.import_no is None


@dataclass(frozen=True, slots=True)
class ClaimRow:
    """A claim as it stands."""

    claim_id: str
    refund_no: str
    account_no: str
    remitted: bool
    amount_fen: int
    claimant: str
    card_lost: bool
    claimant_name: str
    personal: str
    card_hash: str
    taken_at: str
    route: str
    state: str
    decision_id: str
    accepted_by: str
    accepted_at: datetime
    reviewed_by: str | None
    reviewed_at: datetime | None
    confirmed_by: str | None
    confirmed_at: datetime | None
    paid_by: str | None
    paid_at: datetime | None
    ended_by: str | None
    ended_at: datetime | None
    ground: str


@dataclass(frozen=True, slots=True)
class PaperRow:
    """A paper that was shown."""

    paper_no: int
    kind: str
    reference: str
    recorded_by: str
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class PayoutRow:
    """One attempt to pay."""

    claim_id: str
    attempt_no: int
    route: str
    file_no: int | None
    amount_fen: int
    state: str
    sent_by: str
    sent_at: datetime
    answered_at: datetime | None
    bank_reference: str
    failure: str
    entry_no: int | None
    return_reference: str = ""


def lock_account(connection: sa.Connection, institution_id: str, account_no: str) -> AccountState:
    """The account, held until the transaction ends. Raises :class:`NotFound`."""
    found = _account(connection, institution_id, account_no, lock=True)
    if found is None:
        raise NotFound("没有这个账户。请核对账户号。")
    return found


def find_account(connection: sa.Connection, institution_id: str, account_no: str) -> AccountState | None:
    """The account as it stands, ``None`` when there is none."""
    return _account(connection, institution_id, account_no, lock=False)


def walk_account(connection: sa.Connection, institution_id: str, account_no: str, **values: Any) -> None:
    """Let an account go its next step; the database refuses any other (:class:`Conflict`)."""
    with refusing(_STALE):
        connection.execute(
            sa.update(OutpatientAccount)
            .where(OutpatientAccount.institution_id == institution_id, OutpatientAccount.account_no == account_no)
            .values(**values)
        )


def add_claim(connection: sa.Connection, values: dict[str, Any], papers: Sequence[dict[str, Any]]) -> None:
    """Write a claim down with its papers. Raises :class:`Conflict` when the account has an open one."""
    with refusing("这个账户已经有一笔退款在办，一个账户同时只能办一笔。请先办完那一笔；本次没有受理。"):
        connection.execute(sa.insert(OutpatientClaim).values(**values))
    if papers:
        connection.execute(sa.insert(OutpatientClaimPaper), list(papers))


def add_papers(connection: sa.Connection, papers: Sequence[dict[str, Any]]) -> None:
    """Add papers to a claim."""
    connection.execute(sa.insert(OutpatientClaimPaper), list(papers))


def proved_with(connection: sa.Connection, institution_id: str, slip_key: str, account_no: str) -> str | None:
    """Another account than ``account_no`` of which a slip is the proof in a claim that was neither turned down nor
    taken back."""
    query = (
        sa.select(OutpatientClaim.account_no)
        .join(
            OutpatientClaimPaper,
            sa.and_(
                OutpatientClaimPaper.institution_id == OutpatientClaim.institution_id,
                OutpatientClaimPaper.claim_id == OutpatientClaim.claim_id,
            ),
        )
        .where(
            OutpatientClaimPaper.institution_id == institution_id,
            OutpatientClaimPaper.slip_key == slip_key,
            OutpatientClaim.account_no != account_no,
            OutpatientClaim.state.notin_(("rejected", "withdrawn")),
        )
    )
    return connection.scalar(query.limit(1))


def next_refund_no(connection: sa.Connection, institution_id: str, day: date) -> str:
    """``TF`` with the day and a number that counts on within it; ask under the lock of ``outpatient_refund_no``."""
    head = f"TF{day:%Y%m%d}"
    last = connection.scalar(
        sa.select(sa.func.max(OutpatientClaim.refund_no)).where(
            OutpatientClaim.institution_id == institution_id, OutpatientClaim.refund_no.like(f"{head}%")
        )
    )
    return f"{head}{int(last[len(head) :]) + 1 if last else 1:06d}"


def account_of_claim(connection: sa.Connection, institution_id: str, claim_id: str) -> str:
    """The account a claim is on. Raises :class:`NotFound`."""
    found = connection.scalar(
        sa.select(OutpatientClaim.account_no).where(
            OutpatientClaim.institution_id == institution_id, OutpatientClaim.claim_id == claim_id
        )
    )
    if found is None:
        raise NotFound("没有这笔退款申请。请从退款列表里打开。")
    return str(found)


def read_claim(connection: sa.Connection, institution_id: str, claim_id: str) -> ClaimRow:
    """The claim as it stands. Raises :class:`NotFound`."""
    found = claims_where(connection, institution_id, OutpatientClaim.claim_id == claim_id)
    if not found:
        raise NotFound("没有这笔退款申请。请从退款列表里打开。")
    return found[0]


def hold_batches(connection: sa.Connection, institution_id: str, account_no: str) -> None:
    """Let no batch that an account stands on go on, until the transaction ends; asked before the account is held, in
    the order in which batches take theirs."""
    listed = sa.select(OutpatientBatchLine.batch_no).where(
        OutpatientBatchLine.institution_id == institution_id, OutpatientBatchLine.account_no == account_no
    )
    connection.execute(
        sa.select(OutpatientBatch.batch_no)
        .where(
            OutpatientBatch.institution_id == institution_id,
            OutpatientBatch.batch_no.in_(listed),
            OutpatientBatch.state.in_(("proposed", "frozen", "approved")),
        )
        .with_for_update(read=True)
    )


def claim_of_refund_no(connection: sa.Connection, institution_id: str, refund_no: str) -> ClaimRow | None:
    """The claim with this refund number, ``None`` when there is none."""
    found = claims_where(connection, institution_id, OutpatientClaim.refund_no == refund_no)
    return found[0] if found else None


def claims_of_account(connection: sa.Connection, institution_id: str, account_no: str) -> list[ClaimRow]:
    """Every claim on an account, the newest first."""
    return claims_where(connection, institution_id, OutpatientClaim.account_no == account_no)


def under_way(
    connection: sa.Connection, institution_id: str, claims: Sequence[ClaimRow]
) -> tuple[ClaimRow | None, int]:
    """Of an account's claims the one that is under way, and what of it came back and is owed; of several the one that
    is owed and nobody came for again yet."""
    there = [
        (one, owed_fen(connection, institution_id, one.claim_id) or 0)
        for one in claims
        if ClaimState(one.state).is_open
    ]
    return min(there, key=_order_of_coming, default=(None, 0))


def _order_of_coming(one: tuple[ClaimRow, int]) -> tuple[bool, bool, bool]:
    claim, owed = one
    return "accepted" not in CLAIM_STEPS[claim.state], not owed, claim.state != "failed"


def claims_in_state(
    connection: sa.Connection, institution_id: str, states: Sequence[str], *, start: int = 0, size: int = 50
) -> list[ClaimRow]:
    """One page of the claims in ``states``, the oldest first."""
    columns = [getattr(OutpatientClaim, name) for name in ClaimRow.__dataclass_fields__]
    query = (
        sa.select(*columns)
        .where(OutpatientClaim.institution_id == institution_id, OutpatientClaim.state.in_(states))
        .order_by(OutpatientClaim.accepted_at, OutpatientClaim.claim_id)
        .offset(start)
        .limit(size)
    )
    return [ClaimRow(*row) for row in connection.execute(query)]


def count_by_state(
    connection: sa.Connection, institution_id: str, without: Collection[str] = ()
) -> dict[str, tuple[int, int]]:
    """How many claims stand in each state, and their fen, those ``without`` left out."""
    others = (OutpatientClaim.claim_id.not_in(without),) if without else ()
    rows = connection.execute(
        sa.select(OutpatientClaim.state, sa.func.count(), sa.func.sum(OutpatientClaim.amount_fen))
        .where(OutpatientClaim.institution_id == institution_id, *others)
        .group_by(OutpatientClaim.state)
    )
    return {state: (int(count), int(fen)) for state, count, fen in rows}


def claims_where(connection: sa.Connection, institution_id: str, *where: sa.ColumnElement[bool]) -> list[ClaimRow]:
    """The claims that match, the newest first."""
    return rows_of(
        connection,
        OutpatientClaim,
        ClaimRow,
        institution_id,
        *where,
        order=(OutpatientClaim.accepted_at.desc(), OutpatientClaim.claim_id.desc()),
    )


def walk_claim(connection: sa.Connection, institution_id: str, claim_id: str, **values: Any) -> None:
    """Let a claim go its next step; the database refuses any other (:class:`Conflict`)."""
    with refusing(_STALE):
        done = connection.execute(
            sa.update(OutpatientClaim)
            .where(OutpatientClaim.institution_id == institution_id, OutpatientClaim.claim_id == claim_id)
            .values(**values)
        )
    if done.rowcount != 1:
        raise Conflict(_STALE)


def papers_of(connection: sa.Connection, institution_id: str, claim_id: str) -> list[PaperRow]:
    """What was shown, in order."""
    where = OutpatientClaimPaper.claim_id == claim_id
    order = (OutpatientClaimPaper.paper_no,)
    return rows_of(connection, OutpatientClaimPaper, PaperRow, institution_id, where, order=order)


def payouts_of(connection: sa.Connection, institution_id: str, claim_id: str) -> list[PayoutRow]:
    """Every attempt to pay a claim, the first first."""
    where = OutpatientPayout.claim_id == claim_id
    return rows_of(
        connection, OutpatientPayout, PayoutRow, institution_id, where, order=(OutpatientPayout.attempt_no,)
    )


def original_failed(connection: sa.Connection, institution_id: str, account_no: str) -> bool:
    """Whether a refund of the account was tried by the way the money came, and failed."""
    query = (
        sa.select(OutpatientPayout.claim_id)
        .join(
            OutpatientClaim,
            sa.and_(
                OutpatientClaim.institution_id == OutpatientPayout.institution_id,
                OutpatientClaim.claim_id == OutpatientPayout.claim_id,
            ),
        )
        .where(
            OutpatientClaim.institution_id == institution_id,
            OutpatientClaim.account_no == account_no,
            OutpatientPayout.route == "original",
            OutpatientPayout.state == "failed",
        )
    )
    return connection.scalar(query.limit(1)) is not None


def add_payout(connection: sa.Connection, values: dict[str, Any]) -> None:
    """Begin an attempt to pay; the database takes one at a time and none of another sum."""
    with refusing(_STALE):
        connection.execute(sa.insert(OutpatientPayout).values(**values))


def paid_with_receipt(connection: sa.Connection, institution_id: str, key: str) -> str | None:
    """The refund number that was paid in cash against the receipt with this key."""
    return _number_with(connection, institution_id, OutpatientPayout.receipt_key == key)


def returned_with(connection: sa.Connection, institution_id: str, key: str) -> str | None:
    """The refund number whose payment came back with the bank's slip that has this key."""
    return _number_with(connection, institution_id, OutpatientPayout.return_key == key)


def _number_with(connection: sa.Connection, institution_id: str, has_key: sa.ColumnElement[bool]) -> str | None:
    of_claim = sa.and_(
        OutpatientPayout.institution_id == OutpatientClaim.institution_id,
        OutpatientPayout.claim_id == OutpatientClaim.claim_id,
    )
    query = sa.select(OutpatientClaim.refund_no).join(OutpatientPayout, of_claim)
    return connection.scalar(query.where(OutpatientPayout.institution_id == institution_id, has_key))


@dataclass(frozen=True, slots=True)
class FailedAttempt:
    """The last attempt of a refund that failed: who sent it and what the bank said."""

    sent_by: str
    failure: str


def failed_attempts(connection: sa.Connection, institution_id: str) -> dict[str, FailedAttempt]:
    """The last attempt of every refund that failed and waits, by claim."""
    rows = connection.execute(
        sa.select(OutpatientPayout.claim_id, OutpatientPayout.sent_by, OutpatientPayout.failure)
        .join(
            OutpatientClaim,
            sa.and_(
                OutpatientClaim.institution_id == OutpatientPayout.institution_id,
                OutpatientClaim.claim_id == OutpatientPayout.claim_id,
            ),
        )
        .where(OutpatientClaim.institution_id == institution_id, OutpatientClaim.state == "failed")
        .order_by(OutpatientPayout.claim_id, OutpatientPayout.attempt_no)
    )
    return {claim_id: FailedAttempt(sent_by, failure) for claim_id, sent_by, failure in rows}


def answer_payout(
    connection: sa.Connection, institution_id: str, claim_id: str, attempt_no: int, **values: Any
) -> None:
    """Write down how an attempt ended, once."""
    with refusing(_STALE):
        connection.execute(
            sa.update(OutpatientPayout)
            .where(
                OutpatientPayout.institution_id == institution_id,
                OutpatientPayout.claim_id == claim_id,
                OutpatientPayout.attempt_no == attempt_no,
            )
            .values(**values)
        )


def other_cards(
    connection: sa.Connection,
    institution_id: str,
    card_hashes: Sequence[str],
    account_no: str,
    another: sa.ColumnElement[bool],
) -> list[tuple[str, str]]:
    """Claims of other people that were or will be paid to the same card: refund number, account. ``another`` says of
    an account beside ``account_no`` that it isn't the same person's."""
    if not card_hashes:
        return []
    rows = connection.execute(
        sa.select(OutpatientClaim.refund_no, OutpatientClaim.account_no)
        .join(
            OutpatientAccount,
            sa.and_(
                OutpatientAccount.institution_id == OutpatientClaim.institution_id,
                OutpatientAccount.account_no == OutpatientClaim.account_no,
            ),
        )
        .where(
            OutpatientClaim.institution_id == institution_id,
            OutpatientClaim.card_hash.in_(card_hashes),
            OutpatientClaim.account_no != account_no,
            another,
            OutpatientClaim.state.notin_(("rejected", "withdrawn")),
        )
        .order_by(OutpatientClaim.refund_no)
    )
    return [(refund_no, account_no) for refund_no, account_no in rows]


def open_advance(connection: sa.Connection, institution_id: str, claim_id: str, at: datetime) -> None:
    """Open the account of what is paid ahead on a claim, once."""
    _open_once(connection, institution_id, advance_account(claim_id), "垫付的门诊预交金", at)


def open_owed(connection: sa.Connection, institution_id: str, claim_id: str, at: datetime) -> None:
    """Open the account of what came back of a claim and is owed to its patient, once."""
    _open_once(connection, institution_id, owed_refund_account(claim_id), "银行退回待再付的门诊退款", at)


def open_overpaid(
    connection: sa.Connection, institution_id: str, claim_id: str, attempt_no: int, at: datetime
) -> None:
    """Open the account of what the bank paid once too often, once."""
    _open_once(connection, institution_id, overpaid_account(claim_id, attempt_no), "多付待追回的门诊退款", at)


def owed_fen(connection: sa.Connection, institution_id: str, claim_id: str) -> int | None:
    """What came back of a claim and is owed to its patient; ``None`` where nothing ever was."""
    return _balance(connection, institution_id, owed_refund_account(claim_id))


def owed_of(connection: sa.Connection, institution_id: str, claims: Sequence[ClaimRow]) -> int:
    """What came back of these claims and is owed to their patients."""
    return sum(owed_fen(connection, institution_id, one.claim_id) or 0 for one in claims)


def _open_once(connection: sa.Connection, institution_id: str, account_id: str, name: str, at: datetime) -> None:
    if _balance(connection, institution_id, account_id) is None:
        open_account(connection, institution_id, account_id, name=name, opened_at=at, guarded=True)


def _balance(connection: sa.Connection, institution_id: str, account_id: str) -> int | None:
    query = sa.select(LedgerAccount.balance_fen).where(
        LedgerAccount.institution_id == institution_id, LedgerAccount.account_id == account_id
    )
    return connection.scalar(query)


def _account(connection: sa.Connection, institution_id: str, account_no: str, *, lock: bool) -> AccountState | None:
    names = [name for name in AccountState.__dataclass_fields__ if name not in ("balance_fen", "is_open")]
    query = sa.select(*(getattr(OutpatientAccount, name) for name in names)).where(
        OutpatientAccount.institution_id == institution_id, OutpatientAccount.account_no == account_no
    )
    row = connection.execute(query.with_for_update() if lock else query).first()
    if row is None:
        return None
    balance = connection.scalar(
        sa.select(LedgerAccount.balance_fen).where(
            LedgerAccount.institution_id == institution_id,
            LedgerAccount.account_id.in_((f"23050102:{account_no}", f"230502:{account_no}")),
        )
    )
    booked = sa.select(OutpatientImport.state).where(
        OutpatientImport.institution_id == institution_id,
        OutpatientImport.import_no == OutpatientAccount.import_no,
    )
    state = connection.scalar(
        sa.select(sa.func.coalesce(booked.scalar_subquery(), "booked")).where(
            OutpatientAccount.institution_id == institution_id, OutpatientAccount.account_no == account_no
        )
    )
    values: list[Any] = [*row, int(balance or 0), balance is not None and state == "booked"]
    return AccountState(*values)
