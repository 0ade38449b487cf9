"""Counting wrong passwords and codes: five in a row lock the account for a quarter of an hour."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from hospital_prepay.persistence import users
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.persistence.users import UserRow

ALLOWED: Final = 5
LOCKED_FOR: Final = timedelta(minutes=15)


def locked_until(user: UserRow, now: datetime) -> datetime | None:
    """Until when the account takes no sign-in, if it is locked now."""
    return user.locked_until if user.locked_until is not None and now < user.locked_until else None


def note_failure(work: UnitOfWork, user: UserRow) -> datetime | None:
    """Count one wrong attempt of a locked row; the end of the lock when this one was the last allowed."""
    served = user.locked_until is not None and user.locked_until <= work.now
    count = 1 if served else user.failed_attempts + 1
    until = work.now + LOCKED_FOR if count >= ALLOWED else None
    users.change(work.connection, user, failed_attempts=count, locked_until=until)
    return until


def forget_failures(work: UnitOfWork, user: UserRow) -> None:
    """Start counting anew after a complete sign-in or an unlock."""
    if user.failed_attempts or user.locked_until is not None:
        users.change(work.connection, user, failed_attempts=0, locked_until=None)
