"""``hospital-prepay demo``: the synthetic hospital."""

from __future__ import annotations

import click

from hospital_prepay.services.access.second_factor import current_code
from hospital_prepay.services.context import Context
from hospital_prepay.settings import Settings


@click.group()
def demo() -> None:
    """演示：一所虚构的医院。"""


@demo.command()
@click.argument("user")
def code(user: str) -> None:
    """显示演示用户 USER 现在的动态码（只在演示环境）。"""
    context = Context.of(Settings.from_environment())
    try:
        click.echo(current_code(context, user))
    finally:
        context.database.close()
