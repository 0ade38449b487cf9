"""``/finance/fund``: the insurance prepayment's pages for finance and audit."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlencode

from flask import Blueprint, render_template, request

from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.rules.fund.regime import Regime
from hospital_prepay.http.clauses import Chip, number_chip
from hospital_prepay.http.permission import requires
from hospital_prepay.services.fund.regime_words import Standing, Statement
from hospital_prepay.services.fund.regimes import Row, Topic, compare_regimes
from hospital_prepay.services.fund.words import REPORTED, WITHOUT_TEXT

blueprint = Blueprint("fund", __name__, url_prefix="/finance/fund")
# What says whether a statement is law: a mark beside the clause. The others carry a chip of their own instead.
_MARKS: Final = {
    Standing.NOTICE: {"kind": "info", "word": "通知写明"},
    Standing.READING: {"kind": "idle", "word": "本院理解"},
}
_UNSAID: Final = {
    Standing.REPORTED: REPORTED,
    Standing.HOUSE: "本院规定",
    Standing.SILENT: "通知未作规定",
    Standing.UNKNOWN: WITHOUT_TEXT,
}


@blueprint.get("/regimes")
@requires(Permission.FUND_VIEW)
def show_regimes() -> str:
    """Every place's rules side by side, whole or one topic of them."""
    found = compare_regimes()
    chosen = request.args.get("topic", "")
    shown = [topic for topic in found.topics if topic.id == chosen] or list(found.topics)
    tabs = [_tab("全部", "", len(shown) > 1)]
    return render_template(
        "pages/fund/regimes.html",
        places=[_place(one) for one in found.places],
        topics=[_topic(one) for one in shown],
        tabs=tabs + [_tab(topic.label, topic.id, shown == [topic]) for topic in found.topics],
        unsaid=[_UNSAID[Standing.HOUSE], _UNSAID[Standing.SILENT], WITHOUT_TEXT, REPORTED],
        marks=list(_MARKS.values()),
    )


def _tab(label: str, topic: str, current: bool) -> dict[str, Any]:
    query = f"?{urlencode({'topic': topic})}" if topic else ""
    return {"label": label, "href": f"/finance/fund/regimes{query}", "current": current, "count": None}


def _place(regime: Regime) -> dict[str, Any]:
    href = f"/compliance?{urlencode({'instrument': regime.instrument})}" if regime.text_at_hand else None
    return {
        "name": regime.place,
        "number": regime.number,
        "href": href,
        "since": f"{regime.first_year} 年起",
        "reported_by": regime.reported_by,
    }


def _topic(topic: Topic) -> dict[str, Any]:
    return {"label": topic.label, "rows": [_row(row) for row in topic.rows]}


def _row(row: Row) -> dict[str, Any]:
    return {"label": row.label, "cells": [[_statement(one) for one in cell] for cell in row.cells]}


def _statement(one: Statement) -> dict[str, Any]:
    """Words, then what they rest on: the clause as its number within the column's notice, and marks."""
    unsaid = _UNSAID.get(one.standing)
    if unsaid is not None:
        return {"words": one.words, "chip": Chip(unsaid, "", None), "marks": []}
    marks = [_MARKS[one.standing]]
    if one.in_principle:
        marks.append({"kind": "wait", "word": "原则上"})
    return {"words": one.words, "chip": one.clause and number_chip(one.clause), "marks": marks}
