"""The register of a lead hospital's members, as rows. The database holds its steps (see migration 0027)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from hospital_prepay.domain.errors import Conflict, NotFound
from hospital_prepay.persistence.models.fund_members import FundMember
from hospital_prepay.persistence.rows import refusing, rows_of


@dataclass(frozen=True, slots=True)
class MemberRow:
    """A member as it was written down, who confirmed it, and since when it is no member any more."""

    member_no: int
    member_code: str
    member_name: str
    account_no: str
    document: str
    state: str
    proposed_by: str
    proposed_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    left_by: str | None
    left_at: datetime | None
    left_ground: str

    def entered_by(self, *people: str | None) -> bool:
        """Whether all of ``people`` are among the two who put the member into the register."""
        return all(one in (self.proposed_by, self.decided_by) for one in people)


def members(connection: sa.Connection, institution_id: str) -> list[MemberRow]:
    """Every word on members, in the order it was written down."""
    return rows_of(connection, FundMember, MemberRow, institution_id, order=(FundMember.member_no,))


def standing_member(
    connection: sa.Connection, institution_id: str, *, code: str | None = None, number: int | None = None
) -> MemberRow:
    """The confirmed member of that code, or of that row of the register. Raises :class:`NotFound`."""
    which = FundMember.member_no == number if code is None else FundMember.member_code == code
    found = rows_of(connection, FundMember, MemberRow, institution_id, which, FundMember.state == "confirmed")
    if not found:
        raise NotFound("名册里没有这家成员单位。请先登记，由另一人核对。")
    return found[0]


def add_member(connection: sa.Connection, institution_id: str, **values: Any) -> int:
    """A proposal; returns its number. Raises :class:`Conflict` when its code stands or somebody was quicker."""
    number = 1 + len(members(connection, institution_id))
    row = {"institution_id": institution_id, "member_no": number, "state": "proposed", "left_ground": "", **values}
    with (
        refusing("这家成员单位已在名册里，或者别人刚登记过。请刷新后再看；本次没有保存。"),
        connection.begin_nested(),
    ):
        connection.execute(sa.insert(FundMember).values(**row))
    return number


def walk_member(connection: sa.Connection, institution_id: str, member_no: int, since: str, **values: Any) -> None:
    """Walk on from the state ``since``. Raises :class:`NotFound`, :class:`Conflict` when it isn't there any more."""
    if not any(one.member_no == member_no for one in members(connection, institution_id)):
        raise NotFound("名册里没有这一条。请刷新后再看。")
    own = (FundMember.institution_id == institution_id, FundMember.member_no == member_no)
    refused = "这一条已经有人办过了。请刷新后再看；本次没有改动。"
    with refusing(refused), connection.begin_nested():
        done = connection.execute(sa.update(FundMember).where(*own, FundMember.state == since).values(**values))
    if done.rowcount != 1:
        raise Conflict(refused)
