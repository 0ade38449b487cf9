"""The duties as a calendar to subscribe to: a personal address that tells duties, days, states and amounts owed, and
nobody's name. It ends with the account, with its right to see the fund, or when its owner stops it."""

from __future__ import annotations

from typing import Final
from uuid import UUID, uuid5

from hospital_prepay.crypto import new_token
from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import NotFound
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.fund.duty_states import DutyState, Standing
from hospital_prepay.files.calendar_feed import FeedEvent, calendar_feed
from hospital_prepay.persistence import fund_reminders as store
from hospital_prepay.persistence import users
from hospital_prepay.persistence.fund_reminders import CalendarRow
from hospital_prepay.services.context import Context
from hospital_prepay.services.fund.duties import duty_book
from hospital_prepay.services.fund.duty_words import PROVISIONAL, duty_name, grant_name, owed_words, state_words

_TOKEN_BITS: Final = 256
_ALARMS: Final = (7, 1)
_NAMESPACE: Final = UUID("6f1c3b0e-3f0d-5a55-9d3c-6a1d7a0c9b1e")
_WAITING: Final = (DutyState.OPEN, DutyState.DUE_SOON, DutyState.OVERDUE)


def open_calendar(context: Context, actor: Actor) -> str:
    """A fresh token of one's own, shown this once; the one before ends. Needs ``fund.view``."""
    actor.require(Permission.FUND_VIEW)
    token = new_token(_TOKEN_BITS)
    with context.work(actor, "fund.calendar", f"user:{actor.actor_id}") as work:
        store.revoke_calendars(work.connection, work.institution_id, actor.actor_id, work.now)
        row = CalendarRow(work.institution_id, _hash(context, token), actor.actor_id, work.now, None)
        store.add_calendar(work.connection, row)
        work.audit()
    return token


def end_calendar(context: Context, actor: Actor) -> None:
    """Stop one's own subscription. Raises :class:`NotFound` when there is none."""
    actor.require(Permission.FUND_VIEW)
    with context.work(actor, "fund.calendar_end", f"user:{actor.actor_id}") as work:
        if not store.revoke_calendars(work.connection, work.institution_id, actor.actor_id, work.now):
            raise NotFound("您没有开着的日历订阅。")
        work.audit()


def own_calendar(context: Context, actor: Actor) -> CalendarRow | None:
    """One's own subscription. Needs ``fund.view``."""
    actor.require(Permission.FUND_VIEW)
    with context.database.reading() as connection:
        return store.live_calendar(connection, actor.institution_id, actor.actor_id)


def read_calendar(context: Context, token: str) -> bytes:
    """The calendar of a token. Raises :class:`NotFound` for any that opens none (any more), never saying why."""
    with context.database.reading() as connection:
        row = store.calendar_by_hash(connection, _hash(context, token))
        user = None if row is None else users.by_id(connection, row.institution_id, row.user_id)
    if row is None or row.revoked_at is not None or user is None or not user.is_active:
        raise NotFound("没有这个日历，或订阅已停。请到期限页重新订阅。")
    if not user.actor().may(Permission.FUND_VIEW):
        raise NotFound("没有这个日历，或订阅已停。请到期限页重新订阅。")
    found = duty_book(context, row.institution_id).for_actor(user.actor()).around()
    events = [_event(row.institution_id, one) for one in found if one.state is not DutyState.NOT_APPLICABLE]
    return calendar_feed("财务期限：预付金、门诊预交金", events, context.clock.now())


def _event(institution_id: str, one: Standing) -> FeedEvent:
    whose = "" if one.is_ours else "【非本院】"
    tentative = "【暂定，估计】" if one.provisional else ""
    done = "【已办】" if one.state is DutyState.DONE else ""
    firm = one.is_ours and not one.provisional and one.state in _WAITING
    return FeedEvent(
        uid=f"{uuid5(_NAMESPACE, f'{institution_id}/{one.item.key}')}@hospital-prepay",
        on=one.expected_on,
        title=f"{whose}{tentative}{done}{_title(one)}",
        text="\n".join(_lines(one)),
        tentative=one.provisional,
        alarms=_ALARMS if firm else (),
    )


def _title(one: Standing) -> str:
    # Without what a request is about: people type that, and may name somebody.
    name = duty_name(one, subject=False)
    return "，".join(part for part in (name, owed_words(one)) if part)


def _lines(one: Standing) -> list[str]:
    lines = [f"状态：{state_words(one)[1]}"]
    if one.done_on is not None:
        lines.append(f"办理日：{one.done_on}")
    if one.provisional:
        lines.append(f"{PROVISIONAL}，这一天是估计的。")
    lines += [f"{grant_name(grant)}：应还 {Money(grant.owed_fen)} 元" for grant in one.known.owed]
    return lines


def _hash(context: Context, token: str) -> str:
    # Whose token it is isn't known before it was found: one field for all institutions.
    return context.keyed_hash.digest(token, institution="", field="fund_calendar")
