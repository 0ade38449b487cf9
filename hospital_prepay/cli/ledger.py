"""``hospital-prepay ledger``: seal, check and read the books."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import click

from hospital_prepay.cli.output import print_table
from hospital_prepay.cli.parameters import Day
from hospital_prepay.clock import Clock, local
from hospital_prepay.domain.ledger.verification import InstitutionReport, Verification
from hospital_prepay.domain.money import Money
from hospital_prepay.services.ledger.balances import TrialBalance, trial_balance
from hospital_prepay.services.ledger.opening import opened_books
from hospital_prepay.services.ledger.seals import require_intact, seal_ledger, verify_ledger
from hospital_prepay.settings import Settings

_format = click.option(
    "--format", "format_", type=click.Choice(["table", "json"]), default="table", help="输出格式。"
)
_institution = click.option("--institution", metavar="代码", help="机构代码；只有一家时可省略。")
_through = click.option("--through", type=Day(), help="只算到这一天（含）。")


@click.group()
def ledger() -> None:
    """账本：封存、核对、余额。"""


@ledger.command()
@click.option("--adopt", is_flag=True, help="封存记录缺失时按现有的块补写：只在换了数据目录并核对过账本之后使用。")
@_format
def seal(adopt: bool, format_: str) -> None:
    """把已完成的凭证封存成块，并把块头写到数据库之外。"""
    settings = Settings.from_environment()
    with opened_books(settings, direct=True) as database:
        blocks = seal_ledger(database, settings.data_dir, Clock(), adopt=adopt)
    if format_ == "json":
        _print_json({"sealed": [block.head() for block in blocks]})
        return
    for block in blocks:
        click.echo(
            f"{block.institution_id}  第 {block.block_no} 块  凭证 {block.first_no} 至 {block.last_no}，"
            f"共 {block.entry_count} 张  {block.block_hash().hex()}"
        )
    if not blocks:
        click.echo("没有待封存的凭证。")


@ledger.command()
@_format
def verify(format_: str) -> None:
    """核对全部凭证、封存和余额；发现改动时指出第一处，退出码 70。"""
    settings = Settings.from_environment()
    with opened_books(settings) as database:
        found = verify_ledger(database, settings.data_dir, Clock())
    if format_ == "json":
        _print_json(verification_as_json(found))
    else:
        for report in found.institutions:
            _print_report(report, found.window_seconds)
    require_intact(found)


@ledger.command()
@click.argument("account", metavar="科目")
@_institution
@_through
@_format
def balance(account: str, institution: str | None, through: date | None, format_: str) -> None:
    """一个科目（连同其明细）的发生额和余额。"""
    _print_balances(account, institution, through, format_)


@ledger.command("trial-balance")
@_institution
@_through
@_format
def trial_balance_(institution: str | None, through: date | None, format_: str) -> None:
    """试算平衡表。"""
    _print_balances(None, institution, through, format_)


def verification_as_json(found: Verification) -> dict[str, Any]:
    """The result of a check, for programs."""
    return {
        "intact": found.intact,
        "window_seconds": found.window_seconds,
        "institutions": [
            {
                "institution_id": report.institution_id,
                "entries": report.entries,
                "blocks": report.blocks,
                "sealed_to": report.sealed_to,
                "head": report.head,
                "heads_behind": report.heads_behind,
                "unsealed": {
                    "count": report.unsealed.count,
                    "first_no": report.unsealed.first_no,
                    "last_no": report.unsealed.last_no,
                    "oldest_posted_at": report.unsealed.oldest_posted_at
                    and report.unsealed.oldest_posted_at.isoformat(),
                    "overdue": report.unsealed.overdue,
                },
                "findings": [
                    {
                        "kind": finding.kind.value,
                        "message": finding.message,
                        "block_no": finding.block_no,
                        "entry_no": finding.entry_no,
                        "last_no": finding.last_no,
                        "account_id": finding.account_id,
                    }
                    for finding in report.findings
                ],
            }
            for report in found.institutions
        ],
    }


def trial_balance_as_json(table: TrialBalance) -> dict[str, Any]:
    """Balances, for programs."""
    return {
        "institution_id": table.institution_id,
        "debit_fen": table.debit_fen,
        "credit_fen": table.credit_fen,
        "rows": [
            {
                "account_id": row.account_id,
                "name": row.name,
                "debit_fen": row.debit_fen,
                "credit_fen": row.credit_fen,
                "balance_fen": row.balance_fen,
            }
            for row in table.rows
        ],
    }


def _print_json(value: dict[str, Any]) -> None:
    click.echo(json.dumps(value, ensure_ascii=False))


def _print_report(report: InstitutionReport, window_seconds: int) -> None:
    unsealed = report.unsealed
    click.echo(f"机构      {report.institution_id}")
    click.echo(f"凭证      {report.entries} 张，已封存 {report.blocks} 块，至第 {report.sealed_to} 号")
    if report.head:
        click.echo(f"最新块头  {report.head}")
    if unsealed.count and unsealed.oldest_posted_at:
        since = local(unsealed.oldest_posted_at).strftime("%Y-%m-%d %H:%M:%S")
        click.echo(
            f"未封存    {unsealed.count} 张（{unsealed.first_no} 至 {unsealed.last_no}，最早 {since} 入账）；"
            f"窗口 {window_seconds} 秒，其间只由内容校验和余额核对看守"
        )
    else:
        click.echo(f"未封存    无（窗口 {window_seconds} 秒）")
    if unsealed.overdue:
        click.echo("提醒      封存落后了，请检查定时任务，或运行 hospital-prepay ledger seal。")
    if report.heads_behind:
        click.echo(f"提醒      有 {report.heads_behind} 块的块头还没有写出，下次封存时补写。")
    for finding in report.findings:
        click.echo(f"异常      {finding.message}")
    click.echo(f"结果      {'有异常' if report.findings else '完好'}")


def _print_balances(account: str | None, institution: str | None, through: date | None, format_: str) -> None:
    with opened_books(Settings.from_environment()) as database:
        table = trial_balance(database, institution, account_id=account, through=through)
    if format_ == "json":
        _print_json(trial_balance_as_json(table))
        return
    rows = [
        (row.account_id, row.name, str(Money(row.debit_fen)), str(Money(row.credit_fen)), str(Money(row.balance_fen)))
        for row in table.rows
    ]
    total = ("合计", "", str(Money(table.debit_fen)), str(Money(table.credit_fen)), "")
    print_table(("科目", "名称", "借方", "贷方", "余额"), [*rows, total], right=(2, 3, 4))
