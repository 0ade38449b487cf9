"""``hospital-prepay demo``: the synthetic hospital, from nothing to a page in the browser."""

from __future__ import annotations

import socket
import time
from typing import Final

import click

from hospital_prepay.cli.children import Children, Stopped, children
from hospital_prepay.cli.output import print_table
from hospital_prepay.cli.serve import LOCAL, require_free_port
from hospital_prepay.clock import Clock
from hospital_prepay.domain.errors import PrepayError
from hospital_prepay.services.access.second_factor import current_code
from hospital_prepay.services.context import Context
from hospital_prepay.services.database import database_standing, upgrade_database
from hospital_prepay.services.demonstration.hospital import (
    SMALL,
    Scale,
    load_demonstration,
    require_demonstration,
)
from hospital_prepay.services.demonstration.logins import HouseLogins, house_logins, program, short_path
from hospital_prepay.settings import Settings, demonstration_environment

_SECONDS_TO_START: Final = 60


class ChildEnded(PrepayError):
    """The site or the scheduler ended without being asked to."""

    code = "child_ended"


@click.group()
def demo() -> None:
    """演示：一所虚构的医院。"""


@demo.command()
@click.argument("user", metavar="用户名")
def code(user: str) -> None:
    """显示演示用户现在的动态码（只在演示环境）。"""
    context = Context.of(Settings.from_environment(demonstration_environment()))
    try:
        require_demonstration(context)
        click.echo(current_code(context, user))
    finally:
        context.database.close()


@demo.command()
@click.option("--small", is_flag=True, help="只载入少量数据，几秒钟就好。")
def run(small: bool) -> None:
    """准备演示数据（第一次不到一分钟），启动网站和定时任务；按 Ctrl-C 停止。"""
    environment = demonstration_environment()
    settings = Settings.from_environment(environment)
    require_free_port(LOCAL, settings.port)
    try:
        with children(environment) as started:
            logins = _prepare(settings, SMALL if small else Scale())
            started.start("serve")
            started.start("scheduler")
            _await_site(started, settings.port)
            if started.ended is None:
                _tell_where(settings, logins)
            while started.ended is None:
                time.sleep(0.5)
            raise ChildEnded("网站或定时任务自己停了，演示已全部停止。请看上面的提示，处理后重新启动。")
    except Stopped:
        click.echo("\n演示已停止；数据还在，下次启动接着用。", err=True)


def _prepare(settings: Settings, scale: Scale) -> list[HouseLogins]:
    context = Context.of(settings)
    try:
        if database_standing(settings).found is not None:
            require_demonstration(context, or_empty=True)
        upgrade = upgrade_database(settings, Clock())
        if upgrade.backup:
            _step(f"数据库已升级，升级前的备份在 {short_path(upgrade.backup)}")
        load_demonstration(context, _step, scale)
        return house_logins(context)
    finally:
        context.database.close()


def _step(words: str) -> None:
    click.echo(f"· {words}", err=True)


def _await_site(started: Children, port: int) -> None:
    until = time.monotonic() + _SECONDS_TO_START
    while started.ended is None and time.monotonic() < until:
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex((LOCAL, port)) == 0:
                return
        time.sleep(0.1)


def _tell_where(settings: Settings, logins: list[HouseLogins]) -> None:
    click.echo(f"\n首页        http://{LOCAL}:{settings.port}/")
    click.echo(f"患者查额度  http://{LOCAL}:{settings.port}/public/deposits")
    click.echo(f"工作人员    http://{LOCAL}:{settings.port}/login")
    for house in logins:
        click.echo(f"\n{house.name}：{house.remark}")
        rows = [(person.login, house.password, person.name, person.role.label) for person in house.people]
        print_table(("用户名", "密码", "姓名（虚构）", "角色"), rows)
    click.echo(f"\n动态码（收费员不用）：另开一个终端运行  {program()} demo code 用户名")
    click.echo(f"数据在 {short_path(settings.data_dir)}，再次启动仍在。按 Ctrl-C 停止。")
