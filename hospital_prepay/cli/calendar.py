"""``hospital-prepay calendar``: working days, without a database, and a further year for the one of the hospital."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import click

from hospital_prepay.cli.output import format_option, print_json
from hospital_prepay.cli.parameters import Day, InputFile
from hospital_prepay.clock import Clock
from hospital_prepay.domain.access import Role
from hospital_prepay.domain.calendar import DueDay
from hospital_prepay.rulebook.holidays import working_day_calendar
from hospital_prepay.services.context import Context
from hospital_prepay.services.ledger.opening import opened_books
from hospital_prepay.services.publication.holidays import check_notice, import_year
from hospital_prepay.services.settlement.clock_keeping import recompute_clocks
from hospital_prepay.services.settlement.interface import terminal_of
from hospital_prepay.settings import Settings


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


@calendar.command("import")
@click.argument("file", metavar="安排文件", type=InputFile())
@click.option("--source", required=True, metavar="文号", help="通知文号，例如 国办发明电〔2026〕9号。")
@click.option("--institution", metavar="代码", help="机构代码；只有一家的不用写。")
def import_notice(file: Path, source: str, institution: str | None) -> None:
    """导入一年的放假安排到数据库，暂定的出院结算期限随之重算。

    文件是 CSV，列：日期、类型（放假或上班）、名称。和网页“工作日历”导入的一样。
    """
    settings = Settings.from_environment()
    with opened_books(settings) as database:
        context = Context(settings, database, Clock())
        actor = terminal_of(context, institution, Role.SYSTEM_ADMINISTRATOR)
        announced = check_notice(context, actor, file.read_bytes(), source)
        import_year(context, actor, announced, recompute_clocks)
    click.echo(
        f"{announced.year} 年的放假安排已导入：放假 {len(announced.off)} 天，调休上班 {len(announced.work)} 天。"
    )


def due_as_json(answer: DueDay) -> dict[str, Any]:
    """The shape that ``contract.md`` promises for a due day."""
    return {
        "from": answer.from_.isoformat(),
        "due_on": answer.due_on and answer.due_on.isoformat(),
        "provisional": answer.provisional,
        "expected_on": answer.expected_on.isoformat(),
        "working_days": [day.isoformat() for day in answer.working_days],
    }
