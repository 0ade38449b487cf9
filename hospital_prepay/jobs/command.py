"""``hospital-prepay scheduler``: the process that does what is due."""

from __future__ import annotations

import logging
import signal

import click

from hospital_prepay.jobs.scheduler import run
from hospital_prepay.settings import Settings


@click.command()
def scheduler() -> None:
    """启动定时任务（封存账本、每日核对、提醒期限）；可以启动几个，只有一个在工作。"""
    settings = Settings.from_environment()
    # What a job raises is told by the scheduler's own log, on standard error.
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(message)s")
    # Ctrl-C too: a process started in the background begins with it switched off.
    for ending in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(ending, signal.default_int_handler)
    try:
        run(settings, lambda words: click.echo(words, err=True))
    except KeyboardInterrupt:
        click.echo("定时任务已停止。", err=True)
