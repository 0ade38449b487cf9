"""``hospital-prepay fund duties``: what a hospital has to do by when, as its books stand today."""

from __future__ import annotations

from typing import Any

import click

from hospital_prepay.cli.output import format_option, print_json, print_table
from hospital_prepay.clock import Clock
from hospital_prepay.domain.rules.fund.duty_states import Standing
from hospital_prepay.rulebook.loader import load_rulebook
from hospital_prepay.services.context import Context
from hospital_prepay.services.fund.duties import duty_book, year_of_duties
from hospital_prepay.services.fund.duty_words import duty_name, left_words, owed_words, state_words, whose
from hospital_prepay.services.fund.words import REPORTED
from hospital_prepay.services.ledger.opening import opened_books
from hospital_prepay.services.publication.institution import hospital_of
from hospital_prepay.settings import Settings


@click.command("duties")
@click.option("--institution", metavar="代码", required=True, help="机构代码。")
@click.option("--year", metavar="年份", type=int, required=True, help="哪一年，例如 2026。")
@format_option
def duties(institution: str, year: int, form: str) -> None:
    """列出一家医院一年的期限：哪天、谁办、办了没有、应还多少。读数据库，不改数据。"""
    settings = Settings.from_environment()
    with opened_books(settings) as database:
        context = Context(settings, database, Clock())
        hospital_of(context, institution)
        book = duty_book(context, institution)
    found = year_of_duties(book, year)
    if form == "json":
        print_json({"institution": institution, "year": year, "today": str(book.today), "duties": _rows(found)})
        return
    rows = [
        (_day(one), left_words(one), duty_name(one), whose(one), state_words(one)[1], owed_words(one), _cite(one))
        for one in found
    ]
    print_table(("期限", "还有", "事项", "谁办", "状态", "应还或还剩", "依据"), rows)


def _rows(found: list[Standing]) -> list[dict[str, Any]]:
    return [
        {
            "key": one.item.key,
            "id": one.item.name,
            "name": duty_name(one),
            "regime": one.item.regime or None,
            "clause": one.item.clause,
            "addressee": one.item.holder.value,
            "pool_region": one.item.pool_region or None,
            "fund": one.item.fund or None,
            "due_on": _iso(one.item.due_on),
            "provisional": one.provisional,
            "expected_on": _iso(one.expected_on),
            "rolls": one.item.rolls,
            "state": one.state.value,
            "days_left": one.days_left,
            "done_on": _iso(one.done_on),
            "late": one.late,
            "owed_fen": one.owed_fen if one.known.owed else None,
            "left": None if one.known.left is None else one.known.left.count,
            "left_fen": None if one.known.left is None else one.known.left.fen,
        }
        for one in found
    ]


def _iso(day: Any) -> str | None:
    return None if day is None else str(day)


def _day(one: Standing) -> str:
    return f"约 {one.expected_on}" if one.provisional else str(one.expected_on)


def _cite(one: Standing) -> str:
    if one.item.clause is not None:
        return load_rulebook().cite(one.item.clause)
    if one.item.document:
        return one.item.document
    return REPORTED if one.item.regime else "本院规定"
