"""``hospital-prepay fund reconcile``: a month's books, bank statement and agency statement side by side."""

from __future__ import annotations

import click

from hospital_prepay.cli.output import format_option, print_json, print_table
from hospital_prepay.clock import Clock
from hospital_prepay.domain.money import Money
from hospital_prepay.services.fund.reconciliation import MonthReading, as_json, reconcile
from hospital_prepay.services.fund.words import CLOSINGS, EVENTS, PAIRINGS, SIDES, SOURCES
from hospital_prepay.services.ledger.opening import opened_books
from hospital_prepay.settings import Settings


@click.command("reconcile")
@click.option("--institution", required=True, metavar="代码", help="机构代码。")
@click.option("--period", required=True, metavar="月份", help="例如 2026-03。")
@format_option
def reconcile_month(institution: str, period: str, form: str) -> None:
    """一个月的对账：本院账、银行、医保三方的差额。"""
    with opened_books(Settings.from_environment()) as database:
        found = reconcile(database, institution, period, Clock().today())
    if form == "json":
        print_json(as_json(found, institution))
        return
    click.echo(f"{period} {'零差异对平' if found.zero else '还没有对平'}\n")
    sums = [
        (
            EVENTS[row.event and row.event.value],
            str(Money(row.ours_fen)),
            _fen(row.bank_fen),
            str(Money(row.bank_difference_fen)),
            _fen(row.agency_fen),
            str(Money(row.agency_difference_fen)),
        )
        for row in found.sums
    ]
    headings = ("款项", "本院账（元）", "银行（元）", "与银行差（元）", "医保（元）", "与医保差（元）")
    print_table(headings, sums, right=(1, 2, 3, 4, 5))
    click.echo()
    ends = [
        (CLOSINGS[one.item], SOURCES[one.source], str(Money(one.ours_fen)), _fen(one.theirs_fen))
        for one in found.closings
    ]
    print_table(("期末余额", "和哪份比", "本院账（元）", "那一份（元）"), ends, right=(2, 3))
    click.echo()
    print_table(("日期", "和谁", "结果", "凭证", "差额（元）", "挂了几天"), _open_rows(found), right=(4, 5))


def _open_rows(found: MonthReading) -> list[tuple[str, ...]]:
    return [
        (
            one.day.isoformat(),
            SIDES[one.side.value],
            PAIRINGS[one.outcome.value][1],
            "、".join(str(leg.entry_no) for leg in one.ours) or "–",
            str(Money(one.difference_fen)),
            str(found.age_of(one)[0]),
        )
        for one in (*found.older, *found.open_items)
    ]


def _fen(fen: int | None) -> str:
    return "–" if fen is None else str(Money(fen))
