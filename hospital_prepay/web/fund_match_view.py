"""What the page of matching by hand shows: what is open by side, the pairs of the rule, and what people said."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.rules.fund.matching import By, Outcome, Pairing
from hospital_prepay.domain.rules.fund.movements import Leg, Line
from hospital_prepay.http.current import current_actor
from hospital_prepay.http.forms import Form
from hospital_prepay.services.fund.reconciliation import MonthReading
from hospital_prepay.services.fund.words import (
    MATCHED_BY,
    PAIRINGS,
    SIDES,
)
from hospital_prepay.web.fund_reconcile_view import entries_of, head_of, line_words, words_of
from hospital_prepay.web.fund_words import mark_of


def matching_page(found: MonthReading, form: Form, ticked: Collection[str]) -> dict[str, Any]:
    """What is open, by side, to be ticked; the pairs that the rule found; what people said."""
    actor = current_actor()
    every = (*found.older, *found.open_items)
    single = [one for one in every if one.by is not By.HAND]
    waiting = {one.match_id for one in every if one.outcome is Outcome.ONE_SIDED}
    return {
        **head_of(found, "/match"),
        "sides": [
            {
                "label": label,
                "ours": [_ours(leg, found, ticked) for one in single if one.side == side for leg in one.ours],
                "theirs": [_theirs(line, found, ticked) for one in single if one.side == side for line in one.theirs],
            }
            for side, label in SIDES.items()
        ],
        "pairs": [_pair(one) for one in found.pairings if one.ours and one.theirs and one.by is not By.HAND],
        "hands": [
            {
                "id": one.match_id,
                "verb": {"together": "配在一起", "apart": "拆开"}[one.verb],
                "count": f"本院 {len(one.ours)} 笔，对方 {len(one.theirs)} 笔",
                "ground": one.ground,
                "by": found.names.get(one.made_by, one.made_by),
                "at": one.made_at,
                "ours": one.ours,
                "theirs": one.theirs,
                "waits": one.match_id in waiting,
                "mine": one.made_by == actor.actor_id,
            }
            for one in found.hands
        ],
        "form": form,
        "may_match": actor.may(Permission.FUND_RECONCILE),
        "shut": bool(found.steps) and found.steps[-1].step != "reopened",
    }


def _ours(leg: Leg, found: MonthReading, ticked: Collection[str]) -> dict[str, Any]:
    return {
        "key": leg.key,
        "name": "ours",
        "day": leg.day,
        "words": f"凭证 {leg.entry_no}，{leg.summary}",
        "payee": leg.payee,
        "fen": leg.amount_fen,
        "ticked": leg.key in ticked,
    }


def _theirs(line: Line, found: MonthReading, ticked: Collection[str]) -> dict[str, Any]:
    return {
        "key": line.key,
        "name": "theirs",
        "day": line.day,
        "words": line_words(line),
        "payee": line.payee,
        "fen": line.amount_fen,
        "ticked": line.key in ticked,
    }


def _pair(one: Pairing) -> dict[str, Any]:
    return {
        "ours": one.ours[0].key,
        "theirs": one.theirs[0].key,
        "day": one.day,
        "side": SIDES[one.side.value],
        "entries": entries_of(one),
        "words": words_of(one),
        "line": line_words(one.theirs[0]),
        "fen": one.ours_fen,
        "mark": mark_of(one.outcome.value, PAIRINGS),
        "by": MATCHED_BY[one.by],
    }
