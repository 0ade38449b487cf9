"""``hospital-prepay serve``: the site and the API, on as many processes as the settings say."""

from __future__ import annotations

import socket
from typing import Final

import click
from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

from hospital_prepay.domain.errors import Conflict
from hospital_prepay.services.database import require_current
from hospital_prepay.settings import Settings, share_measurements

LOCAL: Final = "127.0.0.1"
_APPLICATION: Final = "hospital_prepay.app:create_app"
# Requests wait for the database most of the time: more threads than cores, fewer than connections.
_BLOCKING_THREADS: Final = 8
_SECONDS_TO_FINISH: Final = 10


class PortTaken(Conflict):
    """Another program listens where the site was to be served."""

    code = "port_taken"


@click.command()
@click.option("--host", default=LOCAL, show_default=True, help="监听的地址；0.0.0.0 表示所有网卡。")
def serve(host: str) -> None:
    """启动网站和接口（端口由 PREPAY_PORT 决定）；按 Ctrl-C 停止。"""
    settings = Settings.from_environment()
    require_free_port(host, settings.port)
    require_current(settings)
    share_measurements(settings.data_dir / "metrics" / str(settings.port))
    Granian(
        _APPLICATION,
        address=host,
        port=settings.port,
        interface=Interfaces.WSGI,
        factory=True,
        workers=settings.workers,
        blocking_threads=_BLOCKING_THREADS,
        log_level=LogLevels.error,
        respawn_failed_workers=True,
        workers_kill_timeout=_SECONDS_TO_FINISH,
    ).serve()


def require_free_port(host: str, port: int) -> None:
    """Raise :class:`PortTaken` when something listens there: the server itself would share the port with it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise PortTaken(
                f"{host} 的端口 {port} 不能用：另一个程序正占着它，或这台机器没有这个地址。"
                "请先停掉那个程序，或用 PREPAY_PORT 换一个端口；本次没有启动任何东西。"
            ) from error
