"""``hospital-prepay db``: the database's version, and the first account of a new installation."""

from __future__ import annotations

import click

from hospital_prepay.cli.output import format_option, print_json
from hospital_prepay.clock import Clock
from hospital_prepay.domain.access import Role
from hospital_prepay.domain.errors import DatabaseFault
from hospital_prepay.domain.rules.publication.scope import Ownership
from hospital_prepay.services.access.users import NewUser, create_first_administrator
from hospital_prepay.services.context import Context
from hospital_prepay.services.database import database_standing, upgrade_database
from hospital_prepay.services.publication.institution import ChangedInstitution, NewInstitution, open_institution
from hospital_prepay.settings import Settings


@click.group()
def db() -> None:
    """数据库：升级、看版本、建机构和第一个账号。"""


@db.command()
def upgrade() -> None:
    """升级到这一版程序；升级前先备份。"""
    done = upgrade_database(Settings.from_environment(), Clock())
    if done.backup:
        click.echo(f"已备份到 {done.backup}")
    click.echo(f"已升级：{'、'.join(done.steps)}" if done.steps else "已经是最新，不用升级。")


@db.command()
@format_option
def current(form: str) -> None:
    """看数据库版本和程序需要的版本。"""
    standing = database_standing(Settings.from_environment())
    if form == "json":
        print_json({"found": standing.found, "needed": standing.needed, "current": standing.is_current})
        return
    click.echo(f"数据库  {standing.found or '空'}")
    click.echo(f"程序    {standing.needed}")
    click.echo("可以启动。" if standing.is_current else "请先运行 hospital-prepay db upgrade。")


@db.command()
@click.argument("code", metavar="机构代码")
@click.option("--hospital", required=True, help="机构名称。")
@click.option("--login", required=True, help="第一个系统管理员的用户名。")
@click.option("--name", required=True, help="第一个系统管理员的姓名。")
@click.option("--phone", default="", help="住院收费处电话。")
@click.option("--hours", default="", help="办理时间。")
@click.option("--place", default="", help="收费处地点。")
def found(code: str, hospital: str, login: str, name: str, phone: str, hours: str, place: str) -> None:
    """建机构（12 位医保机构代码，例如 H52010300125）和第一个系统管理员，显示首次密码。"""
    context = Context.of(Settings.from_environment())
    if not database_standing(context.settings).is_current:
        raise DatabaseFault("数据库还没有升级到这一版程序。请先运行 hospital-prepay db upgrade；数据没有动。")
    details = ChangedInstitution(hospital, phone, hours, place, Ownership.PUBLIC, True)
    open_institution(context, NewInstitution(code, details, is_default=True))
    administrator = NewUser(login, name, frozenset({Role.SYSTEM_ADMINISTRATOR}))
    handed_out = create_first_administrator(context, code, administrator)
    context.database.close()
    click.echo(f"用户名    {handed_out.login}")
    click.echo(f"首次密码  {handed_out.password}")
    click.echo("只显示这一次。登录后先换密码、启用动态码，再开其他账号。")
