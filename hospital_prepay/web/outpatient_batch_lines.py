"""The list of a batch as its reviewers see it: how each account was filed, why, what was tried, and a sample."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlencode

from hospital_prepay.clock import local
from hospital_prepay.domain.rules.outpatient.life import AccountState
from hospital_prepay.domain.rules.outpatient.reach import Way
from hospital_prepay.services.outpatient.batch_files import outcome_words
from hospital_prepay.services.outpatient.batch_review import BatchRow, LastTried, LinePage, ReviewedLine
from hospital_prepay.services.outpatient.filing import Reason
from hospital_prepay.web.outpatient_batch_view import ROOT, batch_line
from hospital_prepay.web.outpatient_view import account_href, state_mark

SIZES: Final = (30, 60, 100, 200)


def reason_of(text: str) -> Reason | None:
    """The reason that an address asks for; any other text asks for all."""
    return Reason(text) if text in list(Reason) else None


def list_of_lines(batch: BatchRow, page: LinePage, after: str, reason: Reason | None) -> dict[str, Any]:
    """A page of the list with the way on; a page of one reason may be short where much was looked through for it."""
    here = f"{ROOT}/{batch.batch_no}"
    kept = {"reason": reason.value} if reason else {}
    return {
        "lines": [line(one) for one in page.lines],
        "reasons": [{"value": one.value, "label": one.label} for one in Reason],
        "reason": reason.value if reason else "",
        "first_href": _href(here, kept) if after else None,
        "next_href": _href(here, {**kept, "after": page.after}) if page.after else None,
        "sample_href": f"{here}/sample" if batch.sha256 else None,
    }


def sample_page(batch: BatchRow, lines: Sequence[ReviewedLine]) -> dict[str, Any]:
    """What was drawn, with the other sizes."""
    here = f"{ROOT}/{batch.batch_no}/sample"
    return {
        "batch": batch_line(batch, {}),
        "lines": [{**line(one), "history": [_tried(tried) for tried in one.history]} for one in lines],
        "sizes": [{"size": one, "href": f"{here}?size={one}"} for one in SIZES],
    }


def line(one: ReviewedLine) -> dict[str, Any]:
    """One account of the list."""
    return {
        "account_no": one.account_no,
        "href": account_href(one.account_no),
        "balance_fen": one.balance_fen,
        "last_movement_on": one.last_movement_on,
        "state": state_mark(AccountState(one.state)),
        "reason": one.reason,
        "filing": None
        if one.filing_no is None
        else {"no": one.filing_no, "href": f"{ROOT.rpartition('/')[0]}/filings/{one.filing_no}"},
        "filed_on": one.filed_on,
        "attempts": one.attempts,
        "tried": _tried(one.tried) if one.tried else None,
    }


def _tried(one: LastTried) -> dict[str, Any]:
    on = local(one.at).date() if one.at else None
    return {"way": Way(one.channel).label, "on": on, "outcome": outcome_words(one)}


def _href(path: str, query: dict[str, str]) -> str:
    return f"{path}?{urlencode(query)}#h-list" if query else f"{path}#h-list"
