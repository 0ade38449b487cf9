"""Which accounts a mark would leave out, and why; and whether one account may be marked at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.rules.outpatient.contact import Standing
from hospital_prepay.domain.rules.outpatient.kinds import MoneyKind
from hospital_prepay.domain.rules.outpatient.life import LISTED_LABELS, AccountState
from hospital_prepay.persistence import outpatient_marks as marks
from hospital_prepay.persistence.outpatient_marks import NoneToMark
from hospital_prepay.services.context import Context
from hospital_prepay.services.outpatient.filing import MarkUnclearable

MOST_NAMED: Final = 20


@dataclass(frozen=True, slots=True)
class LeftOut:
    """The first :data:`MOST_NAMED` numbers of accounts that a mark leaves out: a way to tell their owners is left,
    their owners were reached, or there is nothing to mark, each of these with why."""

    left: tuple[str, ...] = ()
    reached: tuple[str, ...] = ()
    others: tuple[tuple[str, str], ...] = ()


def left_out(context: Context, actor: Actor, command: MarkUnclearable) -> LeftOut:
    """What :func:`~hospital_prepay.services.outpatient.filing.count_markable` counts and doesn't take, by number.
    Needs ``outpatient.file``."""
    actor.require(Permission.OUTPATIENT_FILE)
    numbers, own = command.account_nos or None, actor.institution_id
    with context.database.reading() as connection:
        named = {
            one: tuple(marks.some_of_standing(connection, own, numbers, command.reach, one, MOST_NAMED))
            for one in (Standing.LEFT, Standing.REACHED)
            if one not in command.takes
        }
        others = marks.none_to_mark(connection, own, numbers, MOST_NAMED) if numbers else []
    return LeftOut(
        named.get(Standing.LEFT, ()),
        named.get(Standing.REACHED, ()),
        tuple((one.account_no, _why_none(one)) for one in others),
    )


def markable_standing(context: Context, actor: Actor, account_no: str) -> Standing | None:
    """Where an account stands that may be marked now: every way was tried, or its owner was reached and, with a
    reason that says so, doesn't come. ``None`` for any other. Needs ``outpatient.file``."""
    actor.require(Permission.OUTPATIENT_FILE)
    with context.database.reading() as connection:
        found = marks.standings(connection, actor.institution_id, (account_no,), ())
    return next((one for one in found if one is not Standing.LEFT), None)


def _why_none(one: NoneToMark) -> str:
    if one.kind != MoneyKind.OUTPATIENT_DEPOSIT:
        return f"是{MoneyKind(one.kind).label}，不是门诊预交金"
    if one.state != AccountState.OPEN:
        return LISTED_LABELS[one.state]
    if one.is_claimed:
        return "正在退款"
    return "没有余额" if one.balance_fen == 0 else "还没有入账"
