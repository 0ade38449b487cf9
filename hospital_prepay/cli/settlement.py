"""``hospital-prepay settlement``: when a discharge must be settled."""

from __future__ import annotations

import click

from hospital_prepay.cli.output import format_option, print_json
from hospital_prepay.services.settlement.due import SettlementDue, compute_due


@click.group("settlement")
def settlement() -> None:
    """出院结算。"""


@settlement.command("due")
@click.argument("discharged_at", metavar="出院时间")
@format_option
def due(discharged_at: str, form: str) -> None:
    """算一次出院最迟哪天结算，24 小时目标到什么时候。

    出院时间写日期或日期加时间，例如 2025-09-26 或 2025-09-26T10:05；不写时区的按北京时间。
    只用程序自带年份的放假安排，不读数据库；网页“工作日历”里导入的年份以网页为准。
    """
    answer = compute_due(discharged_at)
    if form == "json":
        print_json(answer.to_json())
    else:
        _print(answer)


def _print(answer: SettlementDue) -> None:
    due, target_at = answer.clocks.due, answer.clocks.target_at
    click.echo(f"出院        {due.from_}（第 0 日）")
    click.echo(f"结算期限    {due.due_on or '暂定：所需年份的放假安排尚未公布'}")
    if due.provisional:
        click.echo(f"估计        {due.expected_on}（按周一至周五推算，公布后重算）")
    for number, day in enumerate(due.working_days, 1):
        click.echo(f"第 {number} 个工作日  {day}")
    click.echo(f"24 小时目标 {f'{target_at:%Y-%m-%d %H:%M}' if target_at else '只有日期，算不出'}")
    click.echo("依据        贵州细则第十九条")
