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
EXIT_CODES_EXPLAINED: Final = """\b
退出码：
  0   办成了，或算出来了（算出来是不能，也是 0）
  2   写得不对：参数、文件、设置
  3   没有权限，或要由另一个人做
  4   没有找到
  5   情况变了，或已经有了
  6   要办的事规则不允许，没有办
  70  系统的问题；看标准错误的第一个词：ledger_altered 账被改过，
      database_unreachable 数据库连不上
"""
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
    see = "请加 --help 查看用法。"
    match error:
        case click.NoSuchOption():
            return f"没有选项 {error.option_name}。{see}"
        case click.exceptions.NoSuchCommand():
            return f"没有命令 {error.command_name}。{see}"
        case click.MissingParameter():
            return f"缺少参数 {_name(error)}。{see}"
        case click.BadParameter():
            return f"参数 {_name(error)} 不正确：{_value_message(error)}"
        case click.BadOptionUsage():
            return f"选项 {error.option_name} 的写法不对。{see}"
        case click.FileError():
            return f"打不开 {error.ui_filename}。请检查路径和读取权限。"
        case _:
            # What is left are words too many or too few; the library says them in English.
            return f"命令的参数多了或少了。{see}"


def _name(error: click.BadParameter) -> str:
    return error.param.get_error_hint(error.ctx) if error.param and error.ctx else ""


def _value_message(error: click.BadParameter) -> str:
    """What the value should be: our own types say it themselves."""
    match error.param and error.param.type:
        case click.Choice() as choice:
            return f"只能写 {'、'.join(map(str, choice.choices))}。"
        case click.IntRange() as within:
            return f"要写{_range_words(within)}的整数。"
        case click.types.IntParamType():
            return "要写整数。"
        case click.Path():
            return "没有这个目录，或不能读写它。"
        case _:
            return error.message


def _range_words(within: click.IntRange) -> str:
    if within.max is None:
        return f"不小于 {within.min} "
    return f" {within.min or 0} 到 {within.max} "
