"""``hospital-prepay fund usage``: what the books say of each grant by month, quarter or year."""

from __future__ import annotations

import click

from hospital_prepay.cli.output import format_option, print_json, print_table
from hospital_prepay.cli.parameters import Month
from hospital_prepay.clock import Clock
from hospital_prepay.domain.money import Money
from hospital_prepay.services.fund.grants import KIND_NAMES, grant_words
from hospital_prepay.services.fund.usage import (
    ByCategory,
    GrantUsage,
    Step,
    UsageQuery,
    report_as_json,
    usage_of_books,
)
from hospital_prepay.services.fund.usage_words import BALANCES, column_words, columns_of, period_words
from hospital_prepay.services.ledger.opening import opened_books
from hospital_prepay.settings import Settings


@click.command("usage")
@click.option("--institution", metavar="代码", required=True, help="机构代码。")
@click.option("--from", "first", type=Month(), required=True, help="从哪个月起，例如 2026-01。")
@click.option("--to", "last", type=Month(), required=True, help="到哪个月止（含）；还没有到的月份不列。")
@click.option("--by", "step", type=click.Choice([one.value for one in Step]), default="month", help="按月、季或年。")
@click.option(
    *("--kind", "kind"),
    type=click.Choice(list(KIND_NAMES)),
    default="basic",
    help="预付金（basic）或集采专项预付（procurement），两种不相加。",
)
@format_option
def usage(institution: str, first: str, last: str, step: str, kind: str, form: str) -> None:
    """预付金使用报表：应还医保和专款两个余额，期初加变动等于期末。"""
    with opened_books(Settings.from_environment()) as database:
        report = usage_of_books(database, Clock(), institution, UsageQuery(first, last, Step(step), kind=kind))
    if form == "json":
        print_json(report_as_json(report))
        return
    for one in report.grants:
        assert one.grant is not None
        click.echo(f"{grant_words(one.grant)}（{one.grant.pool_region}）")
        _print_usage(one)
    click.echo(f"各笔{KIND_NAMES[kind]}合计")
    _print_usage(report.total)


def _print_usage(one: GrantUsage) -> None:
    for balance, lines in one.balances.items():
        columns = columns_of(balance, {column for line in lines for column in line.moved})
        heads = ("", "期初", *(column_words(column, balance) for column in columns), "期末")
        rows = [
            (
                period_words(line.period),
                *map(_fen, (line.opening_fen, *(line.moved.get(column, 0) for column in columns), line.closing_fen)),
            )
            for line in lines
        ]
        click.echo(f"  {BALANCES[balance]}（元）")
        print_table(heads, rows, right=range(1, len(heads)))
    _print_counted("成员单位用款（元）", "笔数", one.members)
    _print_counted("被拒的用款申请（元）", "份数", one.blocked)
    click.echo()


def _print_counted(title: str, counted: str, lines: list[ByCategory]) -> None:
    rows = [(period_words(each.period), str(each.count), _fen(each.fen)) for each in lines if each.count]
    if rows:
        click.echo(f"  {title}")
        print_table(("", counted, "金额"), rows, right=(1, 2))


def _fen(amount: int) -> str:
    return str(Money(amount))
