"""``hospital-prepay settlement``: when a discharge must be settled."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from hospital_prepay.cli.output import format_option, print_json, print_table
from hospital_prepay.cli.parameters import InputFile
from hospital_prepay.clock import Clock
from hospital_prepay.domain.access import Actor, Role
from hospital_prepay.services.context import Context
from hospital_prepay.services.ledger.opening import opened_books
from hospital_prepay.services.settlement.due import SettlementDue, compute_due
from hospital_prepay.services.settlement.interface import terminal_of
from hospital_prepay.services.settlement.result_file import take_result_file
from hospital_prepay.services.settlement.taken_file import TakenFile
from hospital_prepay.services.settlement.visit_file import take_visit_file
from hospital_prepay.settings import Settings


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


_INSTITUTION = click.option("--institution", metavar="代码", help="机构代码；只有一家的不用写。")


@settlement.command("import")
@click.argument("file", metavar="文件", type=InputFile())
@_INSTITUTION
def import_events(file: Path, institution: str | None) -> None:
    """导入出入院事件表（CSV 或 XLSX），一行一件事。

    必有的列：事件（入院、转科转床、出院、信息变更、取消入院、取消出院）、住院号、发生时间。
    可有的列：姓名、性别、患者号、证件号码、电话、病区、床号、参保类型、诊断编码、诊断名称、入院时间、出院时间、
    出院医嘱时间、离院方式。同一个文件可以重复导入，结果一样。有要处理的行时退出码是 1。
    """
    _take(file, institution, Role.FINANCE_OFFICER, take_visit_file)


@settlement.command("results")
@click.argument("file", metavar="文件", type=InputFile())
@_INSTITUTION
def import_results(file: Path, institution: str | None) -> None:
    """导入医保结算结果表（CSV 或 XLSX），一行一次结算，金额写元。

    必有的列：住院号、结算流水号、结算时间、医疗费总额、基金支付总额、个人负担总额、个人账户支出、个人现金支出。
    可有的列：医院负担金额、个人账户共济支出、就诊流水号、人员编号、证件号码、险种、医疗类别。
    同一个流水号只收一次；两个等式对不平的也收下，但不能用来结算。有要处理的行时退出码是 1。
    """
    _take(file, institution, Role.INSURANCE_CLERK, take_result_file)


def _take(file: Path, institution: str | None, role: Role, take: Callable[[Context, Actor, Path], TakenFile]) -> None:
    settings = Settings.from_environment()
    with opened_books(settings) as database:
        context = Context(settings, database, Clock())
        taken = take(context, terminal_of(context, institution, role), file)
    click.echo(taken.words)
    if taken.rejected:
        print_table(("行", "怎么改"), [(str(one.line), one.message) for one in taken.rejected[:50]])
        raise SystemExit(1)  # whoever started it at night learns that something is left to do


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
