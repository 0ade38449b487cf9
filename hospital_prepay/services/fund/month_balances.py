"""The closing balances of a month, ours beside what the papers print, and the statements that it still needs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from datetime import date
from typing import Final

from hospital_prepay.clock import local
from hospital_prepay.domain.rules.fund.accounts import NamedAccount, account_on, is_of_prepayments
from hospital_prepay.domain.rules.fund.balances import Printed, closing_balance
from hospital_prepay.domain.rules.fund.henan_month import month_after
from hospital_prepay.domain.rules.fund.month_papers import AGENCY, BANK, Paper, missing_statements, unread_statements
from hospital_prepay.domain.rules.fund.movements import Movement
from hospital_prepay.domain.rules.fund.period import Closing
from hospital_prepay.persistence.fund_statements import Statement, StatementLine
from hospital_prepay.persistence.queries.fund_movements import GrantBalance
from hospital_prepay.services.fund.months import first_and_last, month_of
from hospital_prepay.services.fund.statement_totals import is_procurement

_NOTHING: Final[Mapping[str, Sequence[date]]] = {}


def closings(
    last: date, held: Sequence[GrantBalance], rows: Sequence[StatementLine], at_bank: int | None
) -> tuple[Closing, ...]:
    """What is owed and unspent at the end of ``last``, held against totals, agency and bank; the account of the
    prepayments must hold no less than what is unspent (``at_bank``: what it holds). Central-procurement prepayments
    stand apart from the others; at the bank all of it lies together."""
    totals = _totals(rows, last)
    basic = [one for one in held if one.kind == "basic"]
    special = [one for one in held if one.kind != "basic"]
    owed, earmark = sum(one.owed_fen for one in basic), sum(one.earmark_fen for one in basic)
    ends = [
        Closing("owed", "totals", owed, totals.get(("owed", False)), required=True),
        Closing("owed", "agency", owed, agency_balance(rows, last), required=False),
        Closing("earmark", "totals", earmark, totals.get(("earmark", False)), required=False),
    ]
    if special or any(apart for _, apart in totals):
        owed, more = sum(one.owed_fen for one in special), sum(one.earmark_fen for one in special)
        said = [totals.get((item, True)) for item in ("owed", "earmark")]
        ends.append(Closing("procurement_owed", "totals", owed, said[0], required=owed > 0))
        ends.append(Closing("procurement_earmark", "totals", more, said[1], required=False))
        earmark += more
    return (*ends, Closing("earmark_at_bank", "bank", earmark, at_bank, required=earmark > 0, at_least=True))


def _totals(rows: Iterable[StatementLine], last: date) -> dict[tuple[str, bool], int]:
    """By item, and whether it is of central procurement: the parts in the newest file that speaks of it, added up."""
    said: defaultdict[tuple[str, bool], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for row in rows:
        if row.kind == "totals" and row.on_day == last:
            said[row.item, is_procurement(row.remark)][row.statement_id] += row.amount_fen
    return {item: files[max(files)] for item, files in said.items()}  # ids sort by time


def bank_balance(
    statements: Iterable[Statement], rows: Iterable[StatementLine], holds: str | None, last: date
) -> int | None:
    """What the account ``holds`` of the prepayments holds at the end of ``last``: the newest balance printed by then,
    and the lines since. What another account of the house holds is none of it."""
    files = {one.statement_id for one in statements if is_of_prepayments(one.account, holds)}
    mine = [one for one in rows if one.kind == BANK and one.on_day <= last and one.statement_id in files]
    return closing_balance(_by_day((one.on_day, one.amount_fen, one.balance_fen) for one in mine))


def agency_balance(rows: Iterable[StatementLine], last: date) -> int | None:
    """What the agency prints at the end of the month, one for each fund, added up; lines that speak of central
    procurement have a balance of their own."""
    of_fund: defaultdict[str, list[tuple[date, int, int | None]]] = defaultdict(list)
    for row in rows:
        if row.kind == AGENCY and month_of(row.on_day) == month_of(last) and not is_procurement(row.remark):
            of_fund[row.fund].append((row.on_day, _effect(row), row.balance_fen))
    ends = [closing_balance(_by_day(lines)) for lines in of_fund.values() if any(one[2] is not None for one in lines)]
    known = [one for one in ends if one is not None]
    return sum(known) if ends and len(known) == len(ends) else None


def _effect(row: StatementLine) -> int:
    """What a line of the agency does to what is owed to it."""
    return {"grant": row.amount_fen, "settlement": 0}.get(row.event, -row.amount_fen)


def _by_day(lines: Iterable[tuple[date, int, int | None]]) -> list[list[Printed]]:
    days: defaultdict[date, list[Printed]] = defaultdict(list)
    for day, fen, balance in lines:
        days[day].append((fen, balance))
    return [days[day] for day in sorted(days)]


def still_missing(
    period: str,
    statements: Iterable[Statement],
    rows: Iterable[StatementLine],
    movements: Iterable[Movement],
    held: Iterable[GrantBalance],
    holds: str | None,
    quiet: Iterable[str],
    unread: Mapping[str, Sequence[date]] = _NOTHING,
) -> tuple[str, ...]:
    """The kinds of statements that a month needs and nobody imported: of the bank those of the account ``holds`` of
    the prepayments. A grant stood in the month when it moved then, or something was owed on it at the end. Of
    ``quiet`` kinds a person said that the month has no line. Then what couldn't be taken of them: ``unread`` has the
    files of which nobody said what it is, with the days that could be read."""
    first, last = first_and_last(period)
    papers = _papers(statements, rows, holds, unread)
    moved = {one.grant_id for each in movements if month_of(each.day) == period for one in each.owed}
    regimes = {one.regime for one in held if one.owed_fen or one.grant_id in moved}
    return (*missing_statements(papers, regimes, first, last, quiet), *unread_statements(papers, first, last))


def bank_is_known(
    period: str,
    statements: Iterable[Statement],
    rows: Iterable[StatementLine],
    named: Sequence[NamedAccount],
    quiet: Set[str],
) -> bool:
    """Whether the newest balance that the bank printed still says what the account held at the end of ``period``: a
    statement speaks of the month, or of an earlier one and every month since is one of the ``quiet`` ones. That word
    is of the account that was ``named`` for the prepayments then: of another one it says nothing."""
    holds = account_on(named, first_and_last(period)[1])
    papers = _papers(statements, rows, holds)
    while BANK in missing_statements(papers, (), *first_and_last(period)):
        if period not in quiet or account_on(named, first_and_last(period)[1]) != holds:
            return False
        period = month_after(period, -1)
    return True


def _papers(
    statements: Iterable[Statement],
    rows: Iterable[StatementLine],
    holds: str | None,
    unread: Mapping[str, Sequence[date]] = _NOTHING,
) -> list[Paper]:
    """The statements that count, those of the bank of the account ``holds`` only."""
    days: defaultdict[str, list[date]] = defaultdict(list)
    for row in rows:
        days[row.statement_id].append(row.on_day)
    mine = [one for one in statements if one.kind != BANK or is_of_prepayments(one.account, holds)]
    return [_paper(one, days.get(one.statement_id, []), unread.get(one.statement_id)) for one in mine]


def _paper(one: Statement, days: Sequence[date], unread: Sequence[date] | None) -> Paper:
    """The days of all lines of the file; of one from before they were kept, the days of those that were new."""
    ends = [day for day in (one.first_on, one.last_on, *days) if day is not None]
    first, last = (min(ends), max(ends)) if ends else (None, None)
    imported_on = local(one.imported_at).date()
    return Paper(one.kind, imported_on, first, last, unread is not None, one.period, tuple(unread or ()))
