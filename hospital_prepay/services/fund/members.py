"""The register of a lead hospital's members: written down by a finance officer, confirmed by a finance approver.

Only who stands in it is handed a prepayment (:mod:`hospital_prepay.services.fund.distribution`); otherwise two people
could send restricted money to any name they thought of.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import Conflict, MalformedInput, NotFound
from hospital_prepay.domain.plain_text import LONGEST_NAME, check_text
from hospital_prepay.domain.references import payment_reference, plain_name
from hospital_prepay.domain.rules.fund.accounts import is_same_account
from hospital_prepay.persistence import fund_members as store
from hospital_prepay.persistence.database import Connection
from hospital_prepay.persistence.fund_members import MemberRow
from hospital_prepay.persistence.queries import people
from hospital_prepay.services.context import Context
from hospital_prepay.services.fund.accounts import LONGEST_ACCOUNT, is_own_account

__all__ = ["MemberRow"]

_CODE: Final = re.compile(r"H\d{11}")
_ACCOUNT_SIGNS: Final = 8
_TEXTS: Final = (
    ("member_name", "单位名称", 120),
    ("account_no", "银行账号", LONGEST_ACCOUNT),
    ("document", "协议或文件", LONGEST_NAME),
)


@dataclass(frozen=True, slots=True)
class ProposeMember:
    """A member by its code, with the account its share goes to and the community's document that names it."""

    member_code: str
    member_name: str
    account_no: str
    document: str


@dataclass(frozen=True, slots=True)
class Register:
    """Every word on members, newest first; ``names`` of people by id."""

    rows: list[MemberRow]
    names: Mapping[str, str]

    @property
    def standing(self) -> list[MemberRow]:
        """Those whom money may be handed on to."""
        return [one for one in self.rows if one.state == "confirmed"]


def propose_member(context: Context, actor: Actor, command: ProposeMember) -> int:
    """Write a member down; returns its number. It counts once another person confirmed it.

    Needs ``fund.apply``. Raises :class:`MalformedInput`, :class:`Conflict` while the same code stands or waits, or
    for an account of the hospital or of another member.
    """
    actor.require(Permission.FUND_APPLY)
    code = payment_reference(command.member_code)
    if not code or code == payment_reference(actor.institution_id):
        raise MalformedInput("请填成员单位的机构编码，不能是本院。", details={"field": "member_code"})
    if not _CODE.fullmatch(code):
        words = "医保定点医疗机构编码是 H 加 11 位数字，请核对。"
        raise MalformedInput(words, details={"field": "member_code"})
    if len(payment_reference(command.account_no)) < _ACCOUNT_SIGNS:
        words = f"银行账号至少 {_ACCOUNT_SIGNS} 位，请照银行开户资料填。"
        raise MalformedInput(words, details={"field": "account_no"})
    for field, name, longest in _TEXTS:
        _require_text(field, name, getattr(command, field).strip(), longest)
    with context.work(actor, "fund.member") as work:
        require_its_own_account(work.connection, work.institution_id, code, command.account_no)
        number = store.add_member(
            work.connection,
            work.institution_id,
            member_code=code,
            member_name=command.member_name.strip(),
            account_no=command.account_no.strip(),
            document=command.document.strip(),
            proposed_by=actor.actor_id,
            proposed_at=work.now,
        )
        work.audit(subject=f"fund_member:{number}", detail={"member": code, "document": command.document.strip()})
        return number


def decide_member(context: Context, actor: Actor, member_no: int, *, confirmed: bool) -> None:
    """Confirm what another person wrote down, or decline it. Needs ``fund.record``.

    Raises :class:`SecondPersonRequired`, :class:`NotFound`, :class:`Conflict` when it was decided before, or when its
    account is known for the hospital's or another member's by now.
    """
    actor.require(Permission.FUND_RECORD)
    with context.work(actor, "fund.member_decide", f"fund_member:{member_no}") as work:
        found = _find(work.connection, work.institution_id, member_no)
        actor.require_other_than(found.proposed_by, "核对成员单位")
        if confirmed and found.state == "proposed":
            require_its_own_account(work.connection, work.institution_id, found.member_code, found.account_no)
        state = "confirmed" if confirmed else "declined"
        by = {"decided_by": actor.actor_id, "decided_at": work.now}
        store.walk_member(work.connection, work.institution_id, member_no, "proposed", state=state, **by)
        work.audit(detail={"state": state})


def end_member(context: Context, actor: Actor, member_no: int, ground: str) -> None:
    """Take a member off: nothing is handed on to it from now on, what it holds is owed back all the same.

    Needs ``fund.record`` or ``fund.apply``: one person suffices for what only narrows. Raises :class:`MalformedInput`
    without a ground, :class:`NotFound`, :class:`Conflict` unless it stands.
    """
    if not actor.may(Permission.FUND_RECORD):
        actor.require(Permission.FUND_APPLY)
    if not plain_name(ground):
        raise MalformedInput("请写明为什么移出，备查。", details={"field": "ground"})
    with context.work(actor, "fund.member_end", f"fund_member:{member_no}") as work:
        by = {"left_by": actor.actor_id, "left_at": work.now, "left_ground": ground.strip()}
        store.walk_member(work.connection, work.institution_id, member_no, "confirmed", state="left", **by)
        work.audit(detail={"ground": ground.strip()})


def read_register(context: Context, actor: Actor) -> Register:
    """Every word on members. Needs ``fund.view``."""
    actor.require(Permission.FUND_VIEW)
    with context.database.reading() as connection:
        rows = store.members(connection, actor.institution_id)
        return Register(rows[::-1], people.names(connection, actor.institution_id))


def require_its_own_account(connection: Connection, institution_id: str, code: str, account_no: str) -> None:
    """Raise :class:`Conflict` where the account is the hospital's own, and the money would never leave it, or another
    member's: two members with one account would be one."""
    if is_own_account(connection, institution_id, account_no):
        raise Conflict("这是本院自己的账户，不是成员单位的。请照它的银行开户资料核对账号；本次没有保存。")
    for one in store.members(connection, institution_id):
        stands = one.state in ("proposed", "confirmed") and one.member_code != code
        if stands and is_same_account(one.account_no, account_no):
            raise Conflict(f"这个账户已经是{one.member_name}的。请核对账号；本次没有保存。")


def _require_text(field: str, name: str, text: str, longest: int) -> None:
    if not plain_name(text):
        raise MalformedInput(f"{name}要填，看不见的字符不算。", details={"field": field})
    try:
        check_text(text, longest)
    except MalformedInput as error:
        raise MalformedInput(f"{name}{error.message}", code=error.reason, details={"field": field}) from error


def _find(connection: Connection, institution_id: str, member_no: int) -> MemberRow:
    for one in store.members(connection, institution_id):
        if one.member_no == member_no:
            return one
    raise NotFound("名册里没有这一条。请刷新后再看。")
