"""Reminders that were given, the shared account's daily figure, and subscribed calendars."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from hospital_prepay.persistence.fund_duties import add_once
from hospital_prepay.persistence.models.fund_duties import FundAccountCheck, FundCalendar, FundReminder


@dataclass(frozen=True, slots=True)
class ReminderRow:
    """One reminder."""

    duty_key: str
    stage: str
    words: str
    reminded_on: date
    reminded_at: datetime

    @property
    def days_away(self) -> int:
        """How far its day was, before or after, by its stage; the shared account's is of the day itself."""
        days = self.stage.removeprefix("late-")
        return int(days) if days.isdecimal() else 0


@dataclass(frozen=True, slots=True)
class AccountCheck:
    """The shared account on a day, in fen: the hospital's own part, and what is restricted."""

    business_date: date
    general_fen: int
    restricted_fen: int
    checked_at: datetime

    @property
    def total_fen(self) -> int:
        """The account's balance in the books."""
        return self.general_fen + self.restricted_fen

    @property
    def short_fen(self) -> int:
        """How much of the restricted money isn't covered; 0 when all of it is, or there is none."""
        return max(0, self.restricted_fen - self.total_fen) if self.restricted_fen else 0


@dataclass(frozen=True, slots=True)
class CalendarRow:
    """A subscription."""

    institution_id: str
    token_hash: str
    user_id: str
    made_at: datetime
    revoked_at: datetime | None


def given(connection: sa.Connection, institution_id: str) -> set[tuple[str, str]]:
    """Duty and stage of every reminder."""
    query = sa.select(FundReminder.duty_key, FundReminder.stage)
    return {(key, stage) for key, stage in connection.execute(query.where(_own(FundReminder, institution_id)))}


def latest(connection: sa.Connection, institution_id: str, number: int) -> list[ReminderRow]:
    """The newest reminder of each duty, the newest first; of one day the nearest first."""
    columns = [getattr(FundReminder, name) for name in ReminderRow.__dataclass_fields__]
    query = sa.select(*columns).where(_own(FundReminder, institution_id))
    rows = connection.execute(query.order_by(FundReminder.reminded_at.desc(), FundReminder.duty_key))
    newest: dict[str, ReminderRow] = {}
    for row in rows:
        newest.setdefault(row.duty_key, ReminderRow(*row))
    # Sorted by what is nearest, then by day: the second sort keeps the first's order within a day.
    nearest = sorted(newest.values(), key=lambda one: one.days_away)
    return sorted(nearest, key=lambda one: one.reminded_on, reverse=True)[:number]


def add_reminder(connection: sa.Connection, institution_id: str, reminder: ReminderRow) -> None:
    """Keep a reminder. Raises :class:`Conflict` for the second of a stage."""
    values = {name: getattr(reminder, name) for name in ReminderRow.__dataclass_fields__}
    add_once(connection, FundReminder, {"institution_id": institution_id, **values}, "这条提醒已经有了。")


def latest_check(connection: sa.Connection, institution_id: str) -> AccountCheck | None:
    """The newest figure of the shared account."""
    columns = [getattr(FundAccountCheck, name) for name in AccountCheck.__dataclass_fields__]
    query = sa.select(*columns).where(_own(FundAccountCheck, institution_id))
    row = connection.execute(query.order_by(FundAccountCheck.business_date.desc()).limit(1)).one_or_none()
    return None if row is None else AccountCheck(*row)


def add_check(connection: sa.Connection, institution_id: str, check: AccountCheck) -> None:
    """Keep a day's figure. Raises :class:`Conflict` for the second of a day."""
    values = {name: getattr(check, name) for name in AccountCheck.__dataclass_fields__}
    add_once(connection, FundAccountCheck, {"institution_id": institution_id, **values}, "这一天已经核对过了。")


def calendar_by_hash(connection: sa.Connection, token_hash: str) -> CalendarRow | None:
    """The subscription with this token's hash, of whatever institution, live or revoked."""
    row = connection.execute(sa.select(FundCalendar.__table__).where(FundCalendar.token_hash == token_hash))
    found = row.one_or_none()
    return None if found is None else CalendarRow(**found._mapping)


def live_calendar(connection: sa.Connection, institution_id: str, user_id: str) -> CalendarRow | None:
    """A person's own subscription."""
    query = sa.select(FundCalendar.__table__).where(
        _own(FundCalendar, institution_id), FundCalendar.user_id == user_id, FundCalendar.revoked_at.is_(None)
    )
    found = connection.execute(query).one_or_none()
    return None if found is None else CalendarRow(**found._mapping)


def add_calendar(connection: sa.Connection, calendar: CalendarRow) -> None:
    """Keep a subscription. Raises :class:`Conflict` while the person has another."""
    values = {name: getattr(calendar, name) for name in CalendarRow.__dataclass_fields__}
    add_once(connection, FundCalendar, values, "您刚才已经开了一个订阅。请刷新后再看。")


def revoke_calendars(connection: sa.Connection, institution_id: str, user_id: str, at: datetime) -> int:
    """End a person's subscription; how many there were."""
    done = connection.execute(
        sa.update(FundCalendar)
        .where(_own(FundCalendar, institution_id), FundCalendar.user_id == user_id, FundCalendar.revoked_at.is_(None))
        .values(revoked_at=at)
    )
    return done.rowcount


def _own(table: Any, institution_id: str) -> sa.ColumnElement[bool]:
    own: sa.ColumnElement[bool] = table.institution_id == institution_id
    return own
