"""Values of the command line: a day, an amount of yuan, a file that can be read. Messages are Chinese."""

from __future__ import annotations

import os
from datetime import date, datetime
from pathlib import Path

import click

from hospital_prepay.domain.errors import MalformedInput
from hospital_prepay.domain.ledger.grant_usage import month_of
from hospital_prepay.domain.money import Money


class Day(click.ParamType[date]):
    """A day as ``2026-01-15``."""

    name = "日期"

    def convert(self, value: str | date, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """Read ISO 8601 with dashes only."""
        if isinstance(value, date):
            return value
        try:
            return datetime.strptime(value, "%Y-%m-%d").date()  # noqa: DTZ007 - a day has no offset
        except ValueError:
            self.fail(f"“{value}”不是有效的日期。请写成 2026-01-15 这样的日期。", param, ctx)


class Month(click.ParamType[str]):
    """A month as ``2026-01``."""

    name = "月份"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Take it as it is written."""
        try:
            return month_of(date.fromisoformat(f"{value}-01"))
        except ValueError:
            self.fail(f"“{value}”不是有效的月份。请写成 2026-01 这样的月份。", param, ctx)


class Yuan(click.ParamType[Money]):
    """An amount above zero with at most two decimals."""

    name = "元"

    def convert(self, value: str | Money, param: click.Parameter | None, ctx: click.Context | None) -> Money:
        """Read it as :class:`Money` does."""
        if isinstance(value, Money):
            return value
        try:
            amount = Money.of_yuan(value)
        except MalformedInput as error:
            self.fail(error.message, param, ctx)
        if not amount:
            self.fail("金额必须大于零。", param, ctx)
        return amount


class InputFile(click.ParamType[Path]):
    """A file that exists and may be read."""

    name = "文件"

    def convert(self, value: str | Path, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Say in Chinese what keeps it from being read."""
        path = Path(value)
        if not path.is_file():
            self.fail(f"找不到文件 {path}。请检查路径。", param, ctx)
        if not os.access(path, os.R_OK):
            self.fail(f"没有读取 {path} 的权限。请检查文件权限。", param, ctx)
        return path
