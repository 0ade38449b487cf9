"""``hospital-prepay calendar``: working days, without a database."""

from __future__ import annotations

from datetime import date
from typing import Any

import click

from hospital_prepay.cli.output import format_option, print_json
from hospital_prepay.cli.parameters import Day
from hospital_prepay.domain.calendar import DueDay
from hospital_prepay.rulebook.holidays import working_day_calendar


@click.group()
def calendar() -> None:
    """工作日历：按国务院办公厅公布的放假安排计算。"""


@calendar.command()
@click.argument("from_day", metavar="起算日", type=Day())
@click.option("--working-days", required=True, metavar="N", type=int, help="第几个工作日，起算日为第 0 日。")
@format_option
def due(from_day: date, working_days: int, form: str) -> None:
    """从起算日的次日起数到第 N 个工作日。

    只用程序自带年份的放假安排，不读数据库，所以不认识在网页“工作日历”里导入的年份。
    那些年份的期限以网页为准；要在这里算，请先升级程序。
    """
    answer = working_day_calendar().due(from_day, working_days)
    if form == "json":
        print_json(due_as_json(answer))
        return
    click.echo(f"起算日    {answer.from_}（第 0 日）")
    click.echo(f"到期日    {answer.due_on or '暂定：所需年份的放假安排尚未公布'}")
    if answer.provisional:
        click.echo(f"估计      {answer.expected_on}（按周一至周五推算，公布后重算）")
    for number, day in enumerate(answer.working_days, 1):
        click.echo(f"第 {number} 个工作日  {day}")


def due_as_json(answer: DueDay) -> dict[str, Any]:
    """The shape that ``contract.md`` promises for a due day."""
    return {
        "from": answer.from_.isoformat(),
        "due_on": answer.due_on and answer.due_on.isoformat(),
        "provisional": answer.provisional,
        "expected_on": answer.expected_on.isoformat(),
        "working_days": [day.isoformat() for day in answer.working_days],
    }
