"""``hospital-prepay outpatient``: what of legacy outpatient deposits must go to the treasury."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Final

import click

from hospital_prepay.cli.output import format_option, print_json, print_table
from hospital_prepay.cli.parameters import Day, InputFile
from hospital_prepay.services.outpatient.escheat_file import DueAccount, EscheatAnswer, compute_escheat

_SHOWN: Final = 50


@click.group("outpatient")
def outpatient() -> None:
    """门诊预交金清退。"""


@outpatient.command("escheat")
@click.argument("accounts", metavar="账户文件", type=InputFile())
@click.option("--on", type=Day(), required=True, help="上缴日期，例如 2025-12-31")
@format_option
def escheat(accounts: Path, on: date, form: str) -> None:
    """算某一天哪些门诊预交金要上缴财政。账户文件是 CSV 或 XLSX。

    列：账户号、姓名、证件号码、手机号、余额、最后变动日期、款项种类、退不了的原因、备案日期。满三年当天不算超过三年。
    """
    answer = compute_escheat(accounts, on)
    if form == "json":
        print_json(answer.to_json())
    else:
        _print(answer)


def _print(answer: EscheatAnswer) -> None:
    click.echo(f"{answer.on} 应上缴 {len(answer.due):,} 户，共 {answer.total} 元")
    _table(("账户号", "余额（元）", "最后变动"), [_cells(one) for one in answer.due], right=(1,))
    counts: dict[str, int] = {}
    for _, reason in answer.not_due:
        counts[reason.label] = counts.get(reason.label, 0) + 1
    click.echo(f"\n不上缴 {len(answer.not_due):,} 户")
    _table(("原因", "户数"), [(words, f"{count:,}") for words, count in counts.items()], right=(1,))
    if answer.rejected:
        click.echo(f"\n读不了的行 {len(answer.rejected):,}")
        _table(("行", "怎么改"), [(str(one.line), one.message) for one in answer.rejected])
    if answer.remarks:
        click.echo(f"\n请核对 {len(answer.remarks):,} 处")
        _table(
            ("行", "账户号", "说明"),
            [(str(one.line or "—"), one.account_no or "—", one.message) for one in answer.remarks],
        )


def _table(headings: tuple[str, ...], rows: list[tuple[str, ...]], right: tuple[int, ...] = ()) -> None:
    if rows:
        print_table(headings, rows[:_SHOWN], right=right)
    if len(rows) > _SHOWN:
        click.echo(f"……还有 {len(rows) - _SHOWN:,} 行，加 --format json 可看全部。")


def _cells(one: DueAccount) -> tuple[str, ...]:
    return (one.account_no, str(one.balance), one.last_movement_on.isoformat())
