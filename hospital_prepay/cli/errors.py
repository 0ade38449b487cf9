"""The one table from a reason to an exit code, and how a problem is told on standard error."""

from __future__ import annotations

from typing import Final

import click

from hospital_prepay.domain.errors import (
    Conflict,
    InsufficientFund,
    MalformedInput,
    NotAuthenticated,
    NotFound,
    NotPermitted,
    PrepayError,
    RuleRefused,
)
from hospital_prepay.settings import SettingMissing

EXIT_CODES: Final[dict[type[PrepayError], int]] = {
    MalformedInput: 2,
    SettingMissing: 2,
    NotAuthenticated: 3,
    NotPermitted: 3,
    NotFound: 4,
    Conflict: 5,
    RuleRefused: 6,
    InsufficientFund: 6,
}
FAULT: Final = 70
USAGE: Final = 2


def exit_code_of(error: PrepayError) -> int:
    """The exit code of an error's family; what belongs to no family is a fault of ours."""
    return next((EXIT_CODES[family] for family in type(error).__mro__ if family in EXIT_CODES), FAULT)


def report(error: PrepayError) -> int:
    """Tell ``error`` on standard error, its stable code first, and return the exit code."""
    click.echo(f"{error.reason}: {error.message}", err=True)
    return exit_code_of(error)


def report_usage(error: click.ClickException) -> int:
    """Tell a wrong call on standard error in Chinese and return the exit code."""
    click.echo(f"usage: {_usage_message(error)}", err=True)
    return USAGE


def _usage_message(error: click.ClickException) -> str:
    match error:
        case click.NoSuchOption():
            return f"没有选项 {error.option_name}。请加 --help 查看用法。"
        case click.MissingParameter():
            name = error.param.get_error_hint(error.ctx) if error.param and error.ctx else ""
            return f"缺少参数 {name}。请加 --help 查看用法。"
        case click.BadParameter():
            name = error.param.get_error_hint(error.ctx) if error.param and error.ctx else ""
            return f"参数 {name} 不正确：{error.message}"
        case click.FileError():
            return f"打不开 {error.ui_filename}。请检查路径和读取权限。"
        case _:
            return f"命令写得不对：{error.format_message()}"
