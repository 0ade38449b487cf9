"""A month held side by side: our books, the bank, the agency and the hospital's totals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import NotFound
from hospital_prepay.domain.rules.fund.accounts import account_key, account_on
from hospital_prepay.domain.rules.fund.matching import Hand, Pairing, age_band, match
from hospital_prepay.domain.rules.fund.movements import (
    Event,
    Leg,
    Line,
    Movement,
    Side,
    counts_for_the_fund,
    legs_of,
    plain_name,
)
from hospital_prepay.domain.rules.fund.period import Closing, SumRow, digest, is_zero, sums
from hospital_prepay.persistence import (
    fund_accounts,
    fund_counted,
    fund_reconciliation,
    fund_statements,
    institutions,
)
from hospital_prepay.persistence.database import Connection, Database
from hospital_prepay.persistence.fund_accounts import PrepayAccount, QuietMonth
from hospital_prepay.persistence.fund_counted import Counted, is_dedicated, line_subject
from hospital_prepay.persistence.fund_reconciliation import Match, PeriodStep
from hospital_prepay.persistence.fund_statements import Explained, Statement, StatementLine, Withdrawal
from hospital_prepay.persistence.queries import fund_movements, people
from hospital_prepay.services.context import Context
from hospital_prepay.services.fund.month_balances import bank_balance, bank_is_known, closings, still_missing
from hospital_prepay.services.fund.months import first_and_last, month_of

__all__ = ["Match", "PeriodStep", "QuietMonth", "Statement", "Withdrawal"]


@dataclass(frozen=True, slots=True)
class Uncounted:
    """Lines of a shared account that have nothing to do with the insurance: shown as a sum, so that nothing is
    silently left out."""

    count: int
    fen: int


@dataclass(frozen=True, slots=True)
class BroughtIn:
    """A line that a person brought in, and on what ground."""

    line: Line
    said: Counted


@dataclass(frozen=True, slots=True)
class MonthReading:
    """A month as it stands today. ``older`` are items of earlier months that are still open; ``missing`` the kinds of
    statements that it needs and nobody imported; ``changed`` when a closed month no longer holds what it held;
    ``booked_later`` what belongs to it by the bank's slip and was booked after its end; ``account`` what holds the
    prepayments, of all ``accounts`` that were imported; ``quiet`` what a person said to have no line; ``spans`` files
    that were imported for another month and hold days of this one; ``withdrawn`` the month's files that stand no
    longer; ``explained`` what was said of lines that couldn't be taken, by file."""

    period: str
    today: date
    over: bool
    pairings: tuple[Pairing, ...]
    older: tuple[Pairing, ...]
    sums: tuple[SumRow, ...]
    closings: tuple[Closing, ...]
    bank_balance_fen: int | None
    missing: tuple[str, ...]
    zero: bool
    digest: str
    steps: Sequence[PeriodStep]
    statements: Sequence[Statement]
    left_out: tuple[Line, ...]
    brought_in: tuple[BroughtIn, ...]
    hands: Sequence[Match]
    names: Mapping[str, str]
    booked_later: tuple[Movement, ...] = ()
    account: PrepayAccount | None = None
    accounts: tuple[str, ...] = ()
    quiet: Sequence[QuietMonth] = ()
    spans: Sequence[Statement] = ()
    withdrawn: Sequence[tuple[Statement, Withdrawal]] = ()
    explained: Mapping[str, Explained] = field(default_factory=dict)

    @property
    def uncounted(self) -> Uncounted:
        """The left-out lines as a sum."""
        return Uncounted(len(self.left_out), sum(line.amount_fen for line in self.left_out))

    @property
    def open_items(self) -> tuple[Pairing, ...]:
        """What of the month is still to be explained."""
        return tuple(one for one in self.pairings if one.is_open)

    @property
    def changed(self) -> bool:
        """Whether the month was closed on something else."""
        last = self.steps[-1] if self.steps else None
        return last is not None and last.step != "reopened" and last.digest != self.digest

    def age_of(self, pairing: Pairing) -> tuple[int, str]:
        """Days since, and the band."""
        return (self.today - pairing.day).days, age_band(pairing.day, self.today)


def read_month(context: Context, actor: Actor, period: str) -> MonthReading:
    """A month for its pages. Needs ``fund.view``. Raises :class:`MalformedInput` for what is no month."""
    actor.require(Permission.FUND_VIEW)
    with context.database.reading() as connection:
        return month_on(connection, actor.institution_id, period, context.clock.today())


def reconcile(database: Database, institution_id: str, period: str, today: date) -> MonthReading:
    """The same for the command line. Raises :class:`NotFound` for an institution that isn't there."""
    with database.reading() as connection:
        if institutions.by_id(connection, institution_id) is None:
            raise NotFound("没有这家机构。请核对机构代码。")
        return month_on(connection, institution_id, period, today)


def month_on(connection: Connection, institution_id: str, period: str, today: date) -> MonthReading:
    """A month inside a transaction."""
    first, last = first_and_last(period)
    found = _Papers.of(connection, institution_id, max(period, month_of(today)))
    every = match(found.legs, found.lines, found.hands)
    mine = tuple(one for one in every if month_of(one.day) == period)
    held = fund_movements.balances_on(connection, institution_id, last)
    holds = account_on([one.named for one in found.accounts], last)
    spoken = fund_accounts.quiet_months(connection, institution_id, period)
    quiet = [one for one in spoken.values() if one.quiet]
    kinds = [one.kind for one in quiet]
    said = fund_statements.explained(connection, institution_id)
    unread = fund_statements.unread(connection, institution_id)
    missing = still_missing(period, found.statements, found.rows, found.movements, held, holds, kinds, unread)
    # An older month's last balance says nothing of this one, unless nothing moved in between.
    silent = fund_accounts.quiet_periods(connection, institution_id, "bank")
    named = [one.named for one in found.accounts]
    known_at_bank = bank_is_known(period, found.statements, found.rows, named, silent)
    at_bank = bank_balance(found.statements, found.rows, holds, last) if known_at_bank else None
    ends = closings(last, held, found.rows, at_bank)
    told = {line.key for one in every for line in one.theirs}
    lines = [line for line in found.lines if month_of(line.day) == period]
    known = fund_reconciliation.matches(connection, institution_id)
    return MonthReading(
        period=period,
        today=today,
        over=last < today,
        pairings=mine,
        older=tuple(one for one in every if one.is_open and one.day < first),
        sums=sums(mine),
        closings=ends,
        bank_balance_fen=at_bank,
        missing=missing,
        zero=is_zero(mine, ends, missing),
        digest=digest(period, mine, ends, missing),
        steps=fund_reconciliation.period_steps(connection, institution_id, period),
        statements=[one for one in found.statements if one.period == period],
        spans=[one for one in found.statements if one.period != period and _spans(one, first, last)],
        left_out=tuple(line for line in lines if line.key not in told),
        brought_in=tuple(BroughtIn(line, found.said[line.key]) for line in lines if line.key in found.said),
        hands=fund_reconciliation.standing(known),
        names=people.names(connection, institution_id),
        booked_later=tuple(
            one for one in found.movements if month_of(one.day) == period and one.booked_later and legs_of(one)
        ),
        account=next((one for one in reversed(found.accounts) if one.from_on <= last), None),
        accounts=tuple(
            sorted({account_key(one.account): one.account for one in found.statements if one.account}.values())
        ),
        quiet=quiet,
        explained=said,
        withdrawn=fund_statements.withdrawn_of_month(connection, institution_id, period),
    )


def _spans(one: Statement, first: date, last: date) -> bool:
    if one.first_on is None or one.last_on is None or one.kind == "totals":
        return False
    return one.first_on <= last and first <= one.last_on


def every_pairing(connection: Connection, institution_id: str, today: date) -> tuple[Pairing, ...]:
    """Every item of every month up to today."""
    found = _Papers.of(connection, institution_id, month_of(today))
    return match(found.legs, found.lines, found.hands)


@dataclass(frozen=True, slots=True)
class _Papers:
    movements: list[Movement]
    legs: list[Leg]
    lines: list[Line]
    statements: list[Statement]
    rows: list[StatementLine]
    hands: list[Hand]
    said: Mapping[str, Counted]
    accounts: list[PrepayAccount]

    @classmethod
    def of(cls, connection: Connection, institution_id: str, through: str) -> _Papers:
        movements = fund_movements.our_movements(connection, institution_id, through)
        rows = fund_statements.statement_lines(connection, institution_id)
        spoken = fund_counted.newest(connection, institution_id)
        statements = fund_statements.statements(connection, institution_id)
        dedicated = {one.statement_id: is_dedicated(one, spoken) for one in statements}
        said = {row.line_id: word for row in rows if (word := spoken.get(line_subject(row.line_id))) and word.counts}
        suppliers = frozenset(plain_name(one) for one in fund_movements.suppliers(connection, institution_id))
        return cls(
            movements=movements,
            legs=[leg for movement in movements for leg in legs_of(movement)],
            lines=[
                _line(one, suppliers, dedicated[one.statement_id] or one.line_id in said)
                for one in rows
                if one.kind != "totals"
            ],
            statements=statements,
            rows=rows,
            hands=fund_reconciliation.hands(fund_reconciliation.matches(connection, institution_id)),
            said=said,
            accounts=fund_accounts.prepay_accounts(connection, institution_id),
        )


def _line(row: StatementLine, suppliers: frozenset[str], every: bool) -> Line:
    """A line for the rule; ``every`` when it counts whatever it says."""
    bank = row.kind == "bank"
    return Line(
        key=row.line_id,
        side=Side.BANK if bank else Side.AGENCY,
        day=row.on_day,
        amount_fen=row.amount_fen,
        event=Event(row.event) if row.event else None,
        reference=row.reference,
        payee=row.payee,
        remark=row.remark,
        fund=row.fund,
        counts=not bank or counts_for_the_fund(row.payee, row.remark, suppliers, dedicated=every),
    )


def as_json(found: MonthReading, institution_id: str) -> dict[str, Any]:
    """A month for programs: amounts in fen, differences theirs less ours."""
    last = found.steps[-1].step if found.steps else "open"
    return {
        "institution": institution_id,
        "period": found.period,
        "state": last,
        "zero_difference": found.zero,
        "missing_statements": list(found.missing),
        "digest": found.digest,
        "sums": [
            {
                "event": row.event and row.event.value,
                "ours_fen": row.ours_fen,
                "bank_fen": row.bank_fen,
                "agency_fen": row.agency_fen,
                "bank_difference_fen": row.bank_difference_fen,
                "agency_difference_fen": row.agency_difference_fen,
            }
            for row in found.sums
        ],
        "closings": [
            {name: getattr(one, name) for name in ("item", "source", "ours_fen", "theirs_fen", "at_least")}
            for one in found.closings
        ],
        "differences": [_difference(found, one) for one in (*found.older, *found.open_items)],
        "booked_later": [
            {"entry_no": one.entry_no, "day": one.day.isoformat(), "booked_on": f"{one.booked_on}"}
            for one in found.booked_later
        ],
        "uncounted": {"count": found.uncounted.count, "fen": found.uncounted.fen},
    }


def _difference(found: MonthReading, one: Pairing) -> dict[str, Any]:
    days, band = found.age_of(one)
    return {
        "side": one.side.value,
        "outcome": one.outcome.value,
        "day": one.day.isoformat(),
        "age_days": days,
        "age_band": band,
        "ours": [leg.entry_no for leg in one.ours],
        "theirs": [line.reference or line.key[:12] for line in one.theirs],
        "ours_fen": one.ours_fen,
        "theirs_fen": one.theirs_fen,
        "difference_fen": one.difference_fen,
    }
