"""What the pages of a month of reconciliation show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.fund.accounts import account_key, is_of_prepayments
from hospital_prepay.domain.rules.fund.agency import THEIR_BOOKS, agency_entry
from hospital_prepay.domain.rules.fund.henan_month import HENAN, month_after
from hospital_prepay.domain.rules.fund.matching import Pairing
from hospital_prepay.domain.rules.fund.month_papers import STATEMENTS
from hospital_prepay.domain.rules.fund.movements import Event, Line
from hospital_prepay.domain.rules.fund.period import Closing, SumRow
from hospital_prepay.http.clauses import chip
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.forms import Form
from hospital_prepay.rulebook.loader import load_rulebook
from hospital_prepay.services.fund.henan import concerns_us
from hospital_prepay.services.fund.reconciliation import MonthReading, QuietMonth, Statement, Withdrawal
from hospital_prepay.services.fund.review import GrantState
from hospital_prepay.services.fund.statement_columns import StatementKind
from hospital_prepay.services.fund.words import (
    CLOSINGS,
    EVENTS,
    PAIRINGS,
    PERIOD_STEPS,
    SIDES,
    SOURCES,
)
from hospital_prepay.web.decision_view import decision_href
from hospital_prepay.web.fund_month_verdict import verdict
from hospital_prepay.web.fund_words import mark_of, stranded

_ROOMS: Final = (
    ("对账", ""),
    ("导入", "/import"),
    ("手工配对", "/match"),
    ("结算款", "/settlements"),
    ("河南月度", "/henan"),
)
_FORMS: Final = ("close", "check", "reopen", "account", "quiet", "not-quiet")
_HENAN: Final[str] = "/henan"
_IMPORT: Final[str] = "/import"
_OURS: Final = {
    Event.GRANT: ("借 1002 银行存款·专款", "贷 23050101 预收医保预付金"),
    Event.RETURN: ("借 23050101 预收医保预付金", "贷 1002 银行存款"),
    Event.OFFSET: ("借 23050101 预收医保预付金", "贷 12120201 应收医保款"),
}


def month_before(period: str) -> str:
    """The month before."""
    return month_after(period, -1)


def rooms(here: str, period: str) -> list[dict[str, Any]]:
    """The pages of this room, for the month that is looked at; Henan's only where its notice rules, the
    import for those who may."""
    root = "/finance/fund/reconcile"
    hidden = {_HENAN} if here != _HENAN and not _is_henan() else set()
    if not current_actor().may(Permission.FUND_RECONCILE):
        hidden.add(_IMPORT)
    return [
        {"label": label, "href": f"{root}{path}?period={period}", "current": path == here, "count": None}
        for label, path in _ROOMS
        if path not in hidden
    ]


def month_page(found: MonthReading, grants: Sequence[GrantState], name: str, form: Form | None) -> dict[str, Any]:
    """A month: its verdict, the three columns, balances, what is open, and the step that is next."""
    actor = current_actor()
    last = found.steps[-1] if found.steps else None
    state = last.step if last else "reopened"
    offered = _offered(found, state)
    return {
        **head_of(found, ""),
        "verdict": verdict(found),
        "sums": [{**_sum(row), "label": EVENTS[row.event and row.event.value]} for row in found.sums],
        "closings": [_closing(one) for one in found.closings],
        "bank_balance_fen": found.bank_balance_fen,
        "items": [_item(found, one) for one in (*found.older, *found.open_items)],
        "matched_count": sum(not one.is_open for one in found.pairings),
        "uncounted": found.uncounted,
        "brought_in": len(found.brought_in),
        "booked_later": [
            {"no": one.entry_no, "href": _entry_href(one.entry_no), "day": one.day, "booked_on": one.booked_on}
            for one in found.booked_later
        ],
        "statements": [_statement(one, found) for one in found.statements],
        "spans": [{**_statement(one, found), "period": one.period} for one in found.spans],
        "has_any": bool(found.pairings or found.older),
        "withdrawn": [_withdrawn(*one, found) for one in found.withdrawn],
        "missing": _still_to_come(found),
        "steps": [_step(one, found) for one in found.steps],
        "state": state,
        "changed": found.changed,
        "digest": found.digest,
        "ground_needed": not found.zero,
        "offered": offered,
        "opened": name,
        "forms": {one: form if one == name and form else Form() for one in _FORMS},
        "account": found.account and found.account.account,
        "other_accounts": _other_accounts(found) if actor.may(Permission.FUND_RECORD) else [],
        "quiet": [_quiet(one, found) for one in found.quiet],
        "said_quiet": _said_quiet(found, state) if actor.may(Permission.FUND_RECONCILE) else [],
        "may_be_quiet": _may_be_quiet(found, state) if actor.may(Permission.FUND_RECONCILE) else [],
        "problem": stranded(name, form, offered),
        "agency": [_books(one) for one in sorted({one.regime for one in grants})],
        "their_books": THEIR_BOOKS,
        "may_match": actor.may(Permission.FUND_RECONCILE),
    }


def _other_accounts(found: MonthReading) -> list[dict[str, str]]:
    """Accounts whose statements were imported, but for the one that holds the prepayments."""
    mine = account_key(found.account.account) if found.account else ""
    return [{"value": one, "label": one} for one in found.accounts if account_key(one) != mine]


def _may_be_quiet(found: MonthReading, state: str) -> list[dict[str, str]]:
    """The statements of which a person may still say that this month has no line."""
    if not found.over or state != "reopened":
        return []
    return [{"value": kind, "label": STATEMENTS[kind]} for kind in found.missing if kind in STATEMENTS]


def _said_quiet(found: MonthReading, state: str) -> list[dict[str, str]]:
    """The statements that were said to have no line, while that may still be taken back."""
    kinds = [one.kind for one in found.quiet] if state == "reopened" else []
    return [{"value": kind, "label": STATEMENTS[kind]} for kind in kinds]


def _quiet(one: QuietMonth, found: MonthReading) -> dict[str, Any]:
    by = found.names.get(one.said_by, one.said_by)
    return {"kind": STATEMENTS[one.kind], "ground": one.ground, "by": by, "at": one.said_at}


def _is_henan() -> bool:
    return concerns_us(current_context(), current_actor())


def _still_to_come(found: MonthReading) -> list[str]:
    """Statements that nobody imported. One whose file was imported for another month speaks of this one, too."""
    here = {one.kind for one in found.statements}
    asked = {*found.missing, StatementKind.TOTALS.value}
    return [kind.label for kind in StatementKind if kind.value in asked - here]


def head_of(found: MonthReading, here: str) -> dict[str, Any]:
    """The month, its neighbours and the pages of the room."""
    return {
        "period": found.period,
        "previous": month_before(found.period),
        "following": month_after(found.period),
        "over": found.over,
        "rooms": rooms(here, found.period),
    }


def _sum(row: Any) -> dict[str, Any]:
    names = ("ours_fen", "bank_fen", "agency_fen", "bank_difference_fen", "agency_difference_fen")
    return {**{name: getattr(row, name) for name in names}, "note": _netted(row)}


def _netted(row: SumRow) -> str:
    """Where the agency's column is held against more of ours than went through the bank: what was netted."""
    if row.bank_fen is None or row.agency_fen is None:
        return ""
    with_agency = row.agency_fen - row.agency_difference_fen
    apart = with_agency - row.ours_fen
    return (
        f"医保那边按 {Money(abs(with_agency))} 元记，其中 {Money(abs(apart))} 元轧差，没有经过银行" if apart else ""
    )


def _closing(one: Closing) -> dict[str, Any]:
    same, apart = ("够", "不够") if one.at_least else ("一致", "不一致")
    words = {True: ("ok", same), False: ("stop", apart), None: ("idle", "没有这份数")}[one.agrees]
    return {
        "label": CLOSINGS[one.item],
        "source": SOURCES[one.source],
        "ours_fen": one.ours_fen,
        "theirs_fen": one.theirs_fen,
        "difference_fen": None if one.theirs_fen is None else one.theirs_fen - one.ours_fen,
        "mark": {"kind": words[0], "word": words[1]},
        "required": one.required,
    }


def _item(found: MonthReading, one: Pairing) -> dict[str, Any]:
    days, band = found.age_of(one)
    return {
        "day": one.day,
        "side": SIDES[one.side.value],
        "mark": mark_of(one.outcome.value, PAIRINGS),
        "words": words_of(one),
        "entries": entries_of(one),
        "ours_fen": one.ours_fen if one.ours else None,
        "theirs_fen": one.theirs_fen if one.theirs else None,
        "difference_fen": one.difference_fen,
        "days": days,
        "band": band,
        "old": days > 30,
    }


def words_of(one: Pairing) -> str:
    """What a pair is about: our words, else theirs."""
    if one.ours:
        return "；".join(dict.fromkeys(leg.summary for leg in one.ours))
    return "；".join(line_words(line) for line in one.theirs)


def line_words(line: Line) -> str:
    """What a line of theirs says."""
    event = EVENTS[line.event.value] if line.event else ""
    return "，".join(part for part in (event, line.payee, line.remark, line.reference) if part) or "没有写摘要"


def entries_of(one: Pairing) -> list[dict[str, Any]]:
    """Our entries of a pair, with their pages for those who may see the ledger."""
    numbers = dict.fromkeys(leg.entry_no for leg in one.ours)
    return [{"no": number, "href": _entry_href(number)} for number in numbers]


def _entry_href(number: int) -> str | None:
    return f"/finance/ledger/{number}" if current_actor().may(Permission.LEDGER_VIEW) else None


def _statement(one: Any, found: MonthReading) -> dict[str, Any]:
    return {
        "href": f"/finance/fund/reconcile/statements/{one.statement_id}",
        "kind": StatementKind(one.kind).label,
        "name": one.file_name,
        "taken": one.rows_taken,
        "known": one.rows_known,
        "elsewhere": one.account if _is_elsewhere(one, found) else "",
        "rejected": one.rows_rejected,
        "explained": said.ground if (said := found.explained.get(one.statement_id)) else "",
        "by": found.names.get(one.imported_by, one.imported_by),
        "at": one.imported_at,
    }


def _is_elsewhere(one: Statement, found: MonthReading) -> bool:
    """Whether a bank's file is of another account than that of the prepayments."""
    holds = account_key(found.account.account) if found.account else None
    return one.kind == StatementKind.BANK and not is_of_prepayments(one.account, holds)


def _withdrawn(one: Statement, gone: Withdrawal, found: MonthReading) -> dict[str, Any]:
    by = found.names.get(gone.withdrawn_by, gone.withdrawn_by)
    return {**_statement(one, found), "ground": gone.ground, "by": by, "at": gone.withdrawn_at}


def _step(one: Any, found: MonthReading) -> dict[str, Any]:
    return {
        "word": PERIOD_STEPS[one.step],
        "by": found.names.get(one.taken_by, one.taken_by),
        "at": one.taken_at,
        "ground": one.ground,
        "zero": one.zero and one.step != "reopened",
        "href": decision_href(one.decision_id),
    }


def _offered(found: MonthReading, state: str) -> list[str]:
    actor = current_actor()
    if state == "reopened":
        return ["close"] if found.over and actor.may(Permission.FUND_RECONCILE) else []
    if not actor.may(Permission.FUND_RECORD):
        return []
    mine = state == "made" and actor.actor_id != found.steps[-1].taken_by and not found.changed
    return ["check", "reopen"] if mine else ["reopen"]


def _books(regime: str) -> dict[str, Any]:
    """Our entry and the agency's for each event, as its notice prints it."""
    rows = []
    for event, ours in _OURS.items():
        theirs = agency_entry(regime, event)
        rows.append(
            {
                "label": EVENTS[event.value],
                "ours": ours,
                "theirs": theirs and (f"借 {theirs.debit}", f"贷 {theirs.credit}"),
                "clause": theirs and chip(theirs.clause),
            }
        )
    silent = all(one["theirs"] is None for one in rows)
    return {"place": load_rulebook().regime(regime).place, "rows": rows, "silent": silent, "henan": regime == HENAN}
