"""The scheduler's daily steps for the restricted fund, each once a day of Shanghai and institution."""

from __future__ import annotations

from typing import Final

from hospital_prepay.jobs.daily import daily
from hospital_prepay.services.fund import reminders

DUTIES: Final = "fund_duties"
RELEASE: Final = "fund_release"
ACCOUNT: Final = "fund_account"


def remind_duties() -> dict[str, str]:
    """Remind of what is due; returns ``reminded`` or ``nothing`` by institution. Moves no money."""
    return daily(DUTIES, reminders.remind)


def release_reservations() -> dict[str, str]:
    """Give back what ran out, within its grant; returns ``released`` or ``nothing`` by institution."""
    return daily(RELEASE, reminders.give_back_expired)


def check_shared_account() -> dict[str, str]:
    """Keep the day's figure of the shared account; returns ``covered`` or ``short`` by institution."""
    return daily(ACCOUNT, reminders.check_shared_account)
