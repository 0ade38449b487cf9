"""Every reason this program can give for not doing something.

Each class carries a stable ``code`` that programs may match and a Chinese ``message`` for people that says what
to do next. The families decide the HTTP status (``http/errors.py``) and the exit code (``cli/errors.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar


class PrepayError(Exception):
    """Root of all expected failures."""

    code: ClassVar[str] = "error"

    def __init__(self, message: str, *, code: str | None = None, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.reason = code or self.code
        self.details: dict[str, Any] = dict(details or {})


class MalformedInput(PrepayError):
    """The input can't be understood; nothing was stored. HTTP 422, exit 2."""

    code = "malformed_input"


class NotATable(MalformedInput):
    """The file is neither a readable CSV nor a spreadsheet."""

    code = "not_a_table"


class MissingColumn(MalformedInput):
    """A required column is absent from the header row."""

    code = "missing_column"


class NoUsableRow(MalformedInput):
    """Every row was rejected or lay outside the window."""

    code = "no_usable_row"


class NoRuleInForce(MalformedInput):
    """The date asked for lies before the rule's first effective date."""

    code = "no_rule_in_force"


class CalendarUnknown(MalformedInput):
    """No announced holiday schedule covers the day asked for."""

    code = "calendar_unknown"


class NotAuthenticated(PrepayError):
    """Nobody is signed in, or the second factor is missing. HTTP 401, exit 3."""

    code = "not_authenticated"


class NotPermitted(PrepayError):
    """The role does not hold the permission, or the step needs another person. HTTP 403, exit 3."""

    code = "not_permitted"


class SecondPersonRequired(NotPermitted):
    """The same person may not take both steps."""

    code = "second_person_required"


class NotFound(PrepayError):
    """No such record in this institution. HTTP 404, exit 4."""

    code = "not_found"


class Conflict(PrepayError):
    """Somebody else changed it first, or its state doesn't allow the step. HTTP 409, exit 5."""

    code = "conflict"


class ReusedKey(Conflict):
    """An idempotency key came back with another payload."""

    code = "reused_key"


class RuleRefused(PrepayError):
    """A rule said no to an attempted action; the decision is stored. HTTP 422, exit 6."""

    code = "rule_refused"


class InsufficientFund(PrepayError):
    """A guarded account would fall below zero or rise above its ceiling. HTTP 422, exit 6."""

    code = "insufficient_fund"


class LedgerFault(PrepayError):
    """The books contradict themselves: our fault. HTTP 500, exit 70."""

    code = "ledger_fault"


class RulebookFault(PrepayError):
    """A rule file is wrong: an unknown key, a missing clause, an orphan. Exit 70."""

    code = "rulebook_fault"


class DatabaseFault(PrepayError):
    """The database is newer or older than the code, or can't be reached. Exit 70."""

    code = "database_fault"


class DatabaseUnreachable(DatabaseFault):
    """The database can't be reached: nothing is known of the books. Exit 70, HTTP 503."""

    code = "database_unreachable"
