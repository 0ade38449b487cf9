"""Whom a campaign is for and what came of it: chosen in one statement, read as a stream, results added in bulk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, cast

import psycopg
import sqlalchemy as sa

from hospital_prepay.domain.rules.outpatient.reach import Way
from hospital_prepay.persistence.models.base import moment_text
from hospital_prepay.persistence.models.ledger import LedgerAccount
from hospital_prepay.persistence.models.outpatient import OutpatientAccount
from hospital_prepay.persistence.models.outpatient_claims import OutpatientClaim
from hospital_prepay.persistence.models.outpatient_contact import (
    OutpatientCampaign,
    OutpatientContact,
    OutpatientContactResult,
)
from hospital_prepay.persistence.outpatient_told import ToldColumns, same_account, told_columns
from hospital_prepay.persistence.planning import in_bulk

STILL_OWED: Final = ("open", "unclearable", "filed")
_UNDER_WAY: Final = ("accepted", "reviewed", "confirmed", "sent", "failed")
_AT_ONCE: Final = 2_000
_RESULT: Final = ("institution_id", "campaign_no", "account_no", "outcome", "receipt", "happened_at", "import_no")


@dataclass(frozen=True, slots=True)
class Chosen:
    """Who is chosen: ``who`` is ``next``, ``untried`` or ``unreached``; the rest narrows it."""

    way: Way
    who: str
    least_fen: int
    moved_until: date | None


@dataclass(frozen=True, slots=True)
class Addressee:
    """One attempt with what its line needs; ``is_owed``: there is still something to tell its owner."""

    seq: int
    account_no: str
    holder_name: str
    personal: str
    patient_no: str
    balance_fen: int
    is_owed: bool


@dataclass(frozen=True, slots=True)
class Funnel:
    """How far a campaign got, in accounts; ``outcomes`` counts accounts by what came of them."""

    sent: int
    delivered: int
    reached: int
    claimed: int
    outcomes: dict[str, int]


@dataclass(frozen=True, slots=True)
class ResultRow:
    """What came of one attempt, on its way in."""

    account_no: str
    outcome: str
    receipt: str
    happened_at: datetime


def count_chosen(connection: sa.Connection, institution_id: str, chosen: Chosen) -> tuple[int, int]:
    """How many accounts a campaign would be for, and their fen."""
    inner = _choose(institution_id, chosen, LedgerAccount.balance_fen).subquery()
    query = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(inner.c.balance_fen), 0))
    with in_bulk(connection):
        count, fen = connection.execute(query.select_from(inner)).one()
    return int(count), int(fen)


def choose(connection: sa.Connection, institution_id: str, campaign_no: int, chosen: Chosen) -> tuple[int, int]:
    """Write down whom the campaign is for, numbered by account. Returns how many, and their fen."""
    source = _choose(
        institution_id,
        chosen,
        OutpatientAccount.institution_id,
        sa.literal(campaign_no),
        OutpatientAccount.account_no,
        sa.func.row_number().over(order_by=OutpatientAccount.account_no),
        sa.literal(chosen.way.value),
        OutpatientAccount.phone_hash,
    )
    names = ("institution_id", "campaign_no", "account_no", "seq", "channel", "phone_hash")
    total = (
        sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(LedgerAccount.balance_fen), 0))
        .join_from(OutpatientContact, LedgerAccount, _in_books(OutpatientContact))
        .where(OutpatientContact.institution_id == institution_id, OutpatientContact.campaign_no == campaign_no)
    )
    with in_bulk(connection):
        connection.execute(sa.insert(OutpatientContact).from_select(names, source, include_defaults=False))
        count, fen = connection.execute(total).one()
    return int(count), int(fen)


def addressees(connection: sa.Connection, institution_id: str, campaign_no: int) -> Iterator[Addressee]:
    """Every attempt of a campaign by its number, as a stream: memory stays flat however many there are."""
    account = OutpatientAccount
    owed = sa.and_(account.state.in_(STILL_OWED), LedgerAccount.balance_fen > 0, ~_is_claimed())
    query = (
        sa.select(
            OutpatientContact.seq,
            account.account_no,
            account.holder_name,
            account.personal,
            account.patient_no,
            LedgerAccount.balance_fen,
            owed,
        )
        .join_from(OutpatientContact, account, same_account())
        .join(LedgerAccount, _in_books(OutpatientContact))
        .where(OutpatientContact.institution_id == institution_id, OutpatientContact.campaign_no == campaign_no)
        .order_by(OutpatientContact.seq)
    )
    with in_bulk(connection):
        rows = connection.execute(query, execution_options={"yield_per": _AT_ONCE})
        for row in rows:
            yield Addressee(*row[:-1], bool(row[-1]))
        rows.close()


def accounts_of(connection: sa.Connection, institution_id: str, campaign_no: int, seqs: list[int]) -> dict[int, str]:
    """The accounts behind the numbers of a campaign's attempts."""
    query = sa.select(OutpatientContact.seq, OutpatientContact.account_no).where(
        OutpatientContact.institution_id == institution_id,
        OutpatientContact.campaign_no == campaign_no,
        OutpatientContact.seq.in_(seqs),
    )
    return {int(seq): number for seq, number in connection.execute(query)}


def known_results(
    connection: sa.Connection, institution_id: str, campaign_no: int, account_nos: list[str]
) -> set[tuple[str, str, str]]:
    """The results of these attempts that are there already, as account, outcome and receipt."""
    result = OutpatientContactResult
    query = sa.select(result.account_no, result.outcome, result.receipt).where(
        result.institution_id == institution_id,
        result.campaign_no == campaign_no,
        result.account_no.in_(account_nos),
    )
    return {(number, outcome, receipt) for number, outcome, receipt in connection.execute(query)}


def add_results(
    connection: sa.Connection, institution_id: str, campaign_no: int, import_no: int | None, rows: Iterable[ResultRow]
) -> None:
    """Add results, many at once."""
    driver = connection.connection.driver_connection
    own = institution_id, campaign_no
    if connection.dialect.name == "postgresql":
        statement = f"COPY outpatient_contact_result ({', '.join(_RESULT)}) FROM STDIN"
        with cast("psycopg.Connection[Any]", driver).cursor() as cursor, cursor.copy(statement) as copy:
            for one in rows:
                copy.write_row((*own, one.account_no, one.outcome, one.receipt, one.happened_at, import_no))
        return
    marks = ", ".join("?" * len(_RESULT))
    cast(Any, driver).executemany(
        f"INSERT INTO outpatient_contact_result ({', '.join(_RESULT)}) VALUES ({marks})",
        ((*own, one.account_no, one.outcome, one.receipt, moment_text(one.happened_at), import_no) for one in rows),
    )


def funnel(connection: sa.Connection, institution_id: str, campaign_no: int) -> Funnel:
    """How far a campaign got. ``claimed``: a claim was made after its release and not turned down."""
    own = OutpatientContact.institution_id == institution_id, OutpatientContact.campaign_no == campaign_no
    result, claim = OutpatientContactResult, OutpatientClaim
    whose = result.institution_id == institution_id, result.campaign_no == campaign_no
    by_outcome = (
        sa.select(result.outcome, sa.func.count(result.account_no.distinct())).where(*whose).group_by(result.outcome)
    )
    outcomes = {outcome: int(count) for outcome, count in connection.execute(by_outcome)}
    arrived = ("delivered", "reached", "refused", "wrong_number")
    reached = sa.case((result.outcome == "reached", result.account_no))
    delivered = sa.case((result.outcome.in_(arrived), result.account_no))
    sent = sa.case((result.outcome != "unsuited", result.account_no))
    counts = sa.select(*(sa.func.count(one.distinct()) for one in (sent, delivered, reached))).where(*whose)
    went = connection.execute(counts).one()
    claimed = (
        sa.select(sa.func.count(OutpatientContact.account_no.distinct()))
        .join(
            claim,
            sa.and_(
                claim.institution_id == OutpatientContact.institution_id,
                claim.account_no == OutpatientContact.account_no,
                claim.state.not_in(("rejected", "withdrawn")),
            ),
        )
        .join(
            OutpatientCampaign,
            sa.and_(
                OutpatientCampaign.institution_id == OutpatientContact.institution_id,
                OutpatientCampaign.campaign_no == OutpatientContact.campaign_no,
            ),
        )
        .where(*own, claim.accepted_at >= OutpatientCampaign.released_at)
    )
    with in_bulk(connection):
        came = int(connection.scalar(claimed) or 0)
    return Funnel(int(went[0]), int(went[1]), int(went[2]), came, outcomes)


def _choose(institution_id: str, chosen: Chosen, *columns: sa.ColumnElement[Any] | Any) -> sa.Select[Any]:
    account, told = OutpatientAccount, told_columns(institution_id, chosen.way)
    where = [
        account.institution_id == institution_id,
        account.kind == "outpatient_deposit",
        account.state.in_(STILL_OWED),
        LedgerAccount.balance_fen >= max(chosen.least_fen, 1),
        ~_is_claimed(),
        ~told.reached,
        told.possible(chosen.way),
        *_who(told, chosen),
    ]
    if chosen.moved_until is not None:
        where.append(account.last_movement_on <= chosen.moved_until)
    else:  # What article 6 lets the hospital keep is no stock: its owners are told only where it lay still for long.
        where.append(account.import_no.is_not(None))
    return (
        sa.select(*columns)
        .select_from(account)
        .join(LedgerAccount, _in_books(account))
        .outerjoin(told.joined, told.on)
        .where(*where)
    )


def _who(told: ToldColumns, chosen: Chosen) -> tuple[sa.ColumnElement[bool], ...]:
    if chosen.who == "unreached":
        return (~told.flag("refused"),)
    wanted = told.next_way == chosen.way.value if chosen.who == "next" else told.left(chosen.way)
    return wanted, ~told.flag("waiting")


def _in_books(whose: Any) -> sa.ColumnElement[bool]:
    """The ledger account of a deposit."""
    return sa.and_(
        LedgerAccount.institution_id == whose.institution_id,
        LedgerAccount.account_id == "23050102:" + whose.account_no,
    )


def _is_claimed() -> sa.Exists:
    """Whether a refund of the account is under way."""
    return sa.exists().where(
        OutpatientClaim.institution_id == OutpatientAccount.institution_id,
        OutpatientClaim.account_no == OutpatientAccount.account_no,
        OutpatientClaim.state.in_(_UNDER_WAY),
    )
