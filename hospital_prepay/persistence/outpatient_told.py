"""What was tried for every account, in whole statements.

What :mod:`hospital_prepay.domain.rules.outpatient.contact` says of one account is said here for a million of them; a
property test holds the two together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from hospital_prepay.domain.rules.outpatient.contact import Standing
from hospital_prepay.domain.rules.outpatient.reach import Way
from hospital_prepay.persistence.models.outpatient import OutpatientAccount
from hospital_prepay.persistence.models.outpatient_contact import (
    OutpatientCampaign,
    OutpatientContact,
    OutpatientContactProof,
    OutpatientContactResult,
)

_GONE: Final = ("wrong_number", "dead_number")
_BY_NUMBER: Final = ("sms", "phone")


@dataclass(frozen=True, slots=True)
class ToldColumns:
    """``joined`` (one row an account that was ever tried) is to be joined by ``on``, outer; then the expressions say
    where an account stands."""

    joined: sa.FromClause
    on: sa.ColumnElement[bool]

    def flag(self, name: str) -> sa.ColumnElement[bool]:
        """One of the things that were found out; false for an account that was never tried."""
        return sa.func.coalesce(self.joined.c[name], 0) == 1

    @property
    def reached(self) -> sa.ColumnElement[bool]:
        """The owner was reached."""
        return self.flag("reached")

    def possible(self, way: Way) -> sa.ColumnElement[bool]:
        """Whether there is such a way, and the number hasn't turned out to be of no use."""
        match way:
            case Way.SMS:
                return sa.and_(OutpatientAccount.reach == "phone", ~self.flag("gone"), ~self.flag("unsuited"))
            case Way.PHONE:
                return sa.and_(OutpatientAccount.reach == "phone", ~self.flag("gone"))
            case Way.WECHAT:
                return sa.or_(OutpatientAccount.patient_no != "", OutpatientAccount.channel == "wechat")
        return sa.true()

    def left(self, way: Way) -> sa.ColumnElement[bool]:
        """Whether the way is still to be tried; the owner isn't reached."""
        return sa.and_(self.possible(way), ~self.flag(f"tried_{way.value}"))

    @property
    def next_way(self) -> sa.ColumnElement[str | None]:
        """The first way that is left."""
        left = [(self.left(way), sa.literal(way.value)) for way in Way]
        return sa.case((self.reached, sa.null()), *left, else_=sa.null())

    @property
    def standing(self) -> sa.ColumnElement[str]:
        """The mark."""
        nothing_left = ~sa.or_(*(self.left(way) for way in Way))
        return sa.case(
            (self.reached, sa.literal(Standing.REACHED.value)),
            (nothing_left, sa.literal(Standing.COMPLETE.value)),
            else_=sa.literal(Standing.LEFT.value),
        )


@dataclass(frozen=True, slots=True)
class Tried:
    """One thing that is known of an account's attempts. ``outcome`` is ``None`` while nothing is; ``is_current``
    unless it was about another number than the present one."""

    campaign_no: int
    title: str
    channel: str
    released_at: datetime | None
    outcome: str | None
    receipt: str | None
    happened_at: datetime | None
    is_current: bool


def told_columns(
    institution_id: str, way: Way | None = None, account_nos: Sequence[str] | None = None
) -> ToldColumns:
    """What was found out about each account, or about those of ``account_nos``. With ``way`` also ``waiting`` (an
    attempt by it that nothing is known of) and ``refused`` (by it)."""
    contact, result, account = OutpatientContact, OutpatientContactResult, OutpatientAccount
    proved = (
        sa.select(OutpatientContactProof.campaign_no)
        .where(OutpatientContactProof.institution_id == institution_id)
        .distinct()
        .subquery("proved")
    )
    # What was found out about another number than the present one says nothing of the present one.
    current = sa.or_(contact.channel.not_in(_BY_NUMBER), contact.phone_hash == account.phone_hash)
    went_out = sa.and_(current, result.outcome != "unsuited")
    by_file = [one for one in Way if one is not Way.BOARD]
    flags: dict[str, sa.ColumnElement[bool]] = {
        "reached": result.outcome == "reached",
        "gone": sa.and_(current, contact.channel.in_(_BY_NUMBER), result.outcome.in_(_GONE)),
        "unsuited": sa.and_(current, result.outcome == "unsuited"),
        "tried_board": sa.and_(contact.channel == "board", proved.c.campaign_no.is_not(None)),
        **{f"tried_{one.value}": sa.and_(contact.channel == one.value, went_out) for one in by_file},
    }
    if way is not None:
        unknown = proved.c.campaign_no if way is Way.BOARD else result.outcome
        flags["waiting"] = sa.and_(contact.channel == way.value, current, unknown.is_(None))
        flags["refused"] = sa.and_(contact.channel == way.value, current, result.outcome == "refused")
    columns = [sa.func.max(sa.case((found, 1), else_=0)).label(name) for name, found in flags.items()]
    told = (
        sa.select(contact.account_no, *columns)
        .join(account, same_account())
        .outerjoin(result, same_attempt())
        .outerjoin(proved, proved.c.campaign_no == contact.campaign_no)
        .where(
            contact.institution_id == institution_id,
            *(() if account_nos is None else (contact.account_no.in_(account_nos),)),
        )
        .group_by(contact.account_no)
        .subquery("told")
    )
    return ToldColumns(told, told.c.account_no == account.account_no)


def narrowed_by(columns: ToldColumns, told: str) -> sa.ColumnElement[bool]:
    """The accounts with a mark, or those for which a way is the next; ``told`` is the value of either."""
    if told in list(Way):
        return columns.next_way == told
    return columns.standing == told


def same_attempt() -> sa.ColumnElement[bool]:
    """A result belongs to its attempt."""
    pairs: list[tuple[Any, Any]] = [
        (OutpatientContactResult.institution_id, OutpatientContact.institution_id),
        (OutpatientContactResult.campaign_no, OutpatientContact.campaign_no),
        (OutpatientContactResult.account_no, OutpatientContact.account_no),
    ]
    return sa.and_(*(one == other for one, other in pairs))


def same_account() -> sa.ColumnElement[bool]:
    """An attempt belongs to its account."""
    contact, account = OutpatientContact, OutpatientAccount
    return sa.and_(account.institution_id == contact.institution_id, account.account_no == contact.account_no)


def history_of(connection: sa.Connection, institution_id: str, account_no: str) -> list[Tried]:
    """Every attempt to find the owner of an account with what came of it, the newest campaign first."""
    contact, campaign, result = OutpatientContact, OutpatientCampaign, OutpatientContactResult
    current = sa.or_(contact.channel.not_in(("sms", "phone")), contact.phone_hash == OutpatientAccount.phone_hash)
    query = (
        sa.select(
            contact.campaign_no,
            campaign.title,
            contact.channel,
            campaign.released_at,
            result.outcome,
            result.receipt,
            result.happened_at,
            current,
        )
        .join_from(contact, OutpatientAccount, same_account())
        .join(
            campaign,
            sa.and_(campaign.institution_id == contact.institution_id, campaign.campaign_no == contact.campaign_no),
        )
        .outerjoin(result, same_attempt())
        .where(contact.institution_id == institution_id, contact.account_no == account_no)
        .order_by(contact.campaign_no.desc(), result.happened_at)
    )
    found = [Tried(*row[:-1], bool(row[-1])) for row in connection.execute(query)]
    shown = _photos(connection, institution_id, [one.campaign_no for one in found if one.channel == "board"])
    return [one if one.campaign_no not in shown else _on_the_board(one, *shown[one.campaign_no]) for one in found]


def _on_the_board(one: Tried, place: str, seen_at: datetime) -> Tried:
    return Tried(one.campaign_no, one.title, one.channel, one.released_at, "sent", place, seen_at, one.is_current)


def _photos(
    connection: sa.Connection, institution_id: str, numbers: Sequence[int]
) -> dict[int, tuple[str, datetime]]:
    proof = OutpatientContactProof
    query = sa.select(proof.campaign_no, proof.place, proof.seen_at).where(
        proof.institution_id == institution_id, proof.campaign_no.in_(numbers), proof.proof_no == 1
    )
    return {number: (place, seen_at) for number, place, seen_at in connection.execute(query)} if numbers else {}
