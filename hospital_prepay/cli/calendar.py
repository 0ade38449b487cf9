"""``hospital-prepay calendar``: working days, without a database."""

from __future__ import annotations

import json
import re
from datetime import date
from typing import Any

import click

from hospital_prepay.domain.calendar import DueDay
from hospital_prepay.domain.errors import MalformedInput
from hospital_prepay.rulebook.holidays import working_day_calendar

_ISO_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


class NotADate(MalformedInput):
    """The text names no day."""

    code = "not_a_date"


class DayType(click.ParamType[date]):
    """A day as ``2025-09-26``; click's own date type takes other spellings and complains in English."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """The day. Raises :class:`NotADate`."""
        if isinstance(value, date):
            return value
        if not _ISO_DAY.fullmatch(value):
            raise NotADate(f"“{value[:20]}”不是日期，请写成 2025-09-26 这样。")
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise NotADate(f"{value} 这一天不存在，请核对。") from None


class NumberType(click.ParamType[int]):
    """A whole number in plain digits."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number. Raises :class:`MalformedInput`."""
        if isinstance(value, int):
            return value
        if not re.fullmatch(r"-?[0-9]{1,9}", value, re.ASCII):
            raise MalformedInput(f"“{value[:20]}”不是整数，请写成 3 这样。")
        return int(value)


@click.group()
def calendar() -> None:
    """工作日历：按国务院办公厅公布的放假安排计算。"""


@calendar.command()
@click.argument("from_day", metavar="FROM", type=DayType())
@click.option("--working-days", required=True, metavar="N", type=NumberType(), help="第几个工作日，起算日为第 0 日。")
@click.option("--format", "format_", type=click.Choice(["table", "json"]), default="table", help="输出格式。")
def due(from_day: date, working_days: int, format_: str) -> None:
    """从 FROM 次日起数到第 N 个工作日。"""
    answer = working_day_calendar().due(from_day, working_days)
    if format_ == "json":
        click.echo(json.dumps(due_as_json(answer), ensure_ascii=False))
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
