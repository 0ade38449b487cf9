"""``hospital-prepay hl7``: admissions and discharges from other systems, over a socket and from a folder."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import signal
from collections import Counter
from pathlib import Path
from typing import Final

import click

from hospital_prepay.clock import Clock
from hospital_prepay.domain.access import Actor
from hospital_prepay.domain.errors import Conflict, DatabaseFault, MalformedInput
from hospital_prepay.hl7.answers import REJECTED, answer, answer_to
from hospital_prepay.hl7.folder import DONE, PROBLEM, take_folder
from hospital_prepay.hl7.frames import Frame
from hospital_prepay.hl7.listener import Listener, run
from hospital_prepay.services.context import Context
from hospital_prepay.services.ledger.opening import opened_books
from hospital_prepay.services.settlement.intake import Outcome, take_hl7, take_too_long
from hospital_prepay.services.settlement.interface import interface_of
from hospital_prepay.settings import Settings

LOCAL: Final = "127.0.0.1"
PORT: Final = 2575
_SECONDS_BETWEEN_LOOKS: Final = 5.0
_AGAIN: Final = "数据库现在用不了，没有收下。请稍后重发。"
_OUTCOMES: Final = {
    Outcome.APPLIED: "收下",
    Outcome.DUPLICATE: "重复",
    Outcome.IGNORED: "不处理",
    Outcome.QUARANTINED: "搁置",
}
_log = logging.getLogger(__name__)


class AddressTaken(Conflict):
    """The address can't be listened on."""

    code = "address_taken"


class OpenToAnybody(MalformedInput):
    """A listener on an outside address without the addresses that may connect."""

    code = "open_to_anybody"


@click.group("hl7")
def hl7() -> None:
    """出入院接口：HL7 v2 的 ADT 消息。"""


@hl7.command("serve")
@click.option("--host", default=LOCAL, show_default=True, help="监听的地址。")
@click.option("--port", default=PORT, show_default=True, type=click.IntRange(1, 65535), help="监听的端口。")
@click.option("--peer", "peers", multiple=True, metavar="地址", help="允许连接的地址，可以写几次。")
@click.option("--institution", metavar="代码", help="机构代码；只有一家的不用写。")
def serve(host: str, port: int, peers: tuple[str, ...], institution: str | None) -> None:
    """启动 MLLP 监听，收 A01、A02、A03、A08、A11、A13、A40；按 Ctrl-C 停止。

    收下的回 AA；读不了的搁置待人处理，回 AE；数据库用不了的回 AR，请对方重发。
    监听本机以外的地址时，要用 --peer 写明允许哪些地址连接：MLLP 本身不加密，也不认人。
    """
    allowed = frozenset(_address(one) for one in peers)
    if not allowed and not _is_own(host):
        raise OpenToAnybody("监听本机以外的地址时，请用 --peer 写明允许连接的地址，例如 --peer 10.1.2.3。")
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s")
    settings = Settings.from_environment()
    with opened_books(settings) as database:
        context = Context(settings, database, Clock())
        actor = interface_of(context, institution, "mllp")
        listener = Listener(lambda frame: handle(context, actor, frame), allowed)
        try:
            asyncio.run(_until_stopped(listener, host, port))
        except OSError as error:
            raise AddressTaken(
                f"{host} 的端口 {port} 不能用：另一个程序正占着它，或这台机器没有这个地址。请换一个；没有启动。"
            ) from error


@hl7.command("folder")
@click.argument("folder", metavar="目录", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--watch", is_flag=True, help="一直看着这个目录；不写就处理完现有的文件后结束。")
@click.option("--institution", metavar="代码", help="机构代码；只有一家的不用写。")
def folder(folder: Path, watch: bool, institution: str | None) -> None:
    """处理目录里的报文文件（.hl7 或 .txt，一个文件可以有许多条）。

    处理完的文件移到 done；里面有搁置的移到 problem，搁置的原因在网页“出院结算 › 接口消息”里看。
    """
    settings = Settings.from_environment()
    with opened_books(settings) as database:
        context = Context(settings, database, Clock())
        actor = interface_of(context, institution, "folder")
        try:
            for name, outcomes in take_folder(context, actor, folder, _SECONDS_BETWEEN_LOOKS if watch else None):
                click.echo(f"{name}：{told(outcomes)}")
        except KeyboardInterrupt:
            click.echo("已停止。", err=True)


def handle(context: Context, actor: Actor, frame: Frame) -> bytes:
    """Take in one frame and say what became of it; whatever happens is an answer."""
    now = context.clock.now()
    take = take_too_long if frame.is_too_long else take_hl7
    try:
        return answer_to(frame.content, take(context, actor, frame.content, "mllp"), now)
    except (DatabaseFault, Conflict) as error:
        _log.warning("%s", error.message)
        return answer(frame.content, REJECTED, _AGAIN, now)
    except Exception:
        # A fault of ours: the sender is told to send again, and the listener lives on.
        _log.exception("处理报文时出错。")
        return answer(frame.content, REJECTED, "处理时出错，没有收下。请稍后重发，并报信息科。", now)


def told(outcomes: Counter[Outcome]) -> str:
    """How many messages of a file came to what."""
    parts = [f"{words} {outcomes[one]} 条" for one, words in _OUTCOMES.items() if outcomes[one]]
    moved = f"，移到 {PROBLEM if outcomes[Outcome.QUARANTINED] else DONE}"
    return ("，".join(parts) or "没有报文") + moved


async def _until_stopped(listener: Listener, host: str, port: int) -> None:
    stopped = asyncio.Event()
    for one in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(one, stopped.set)
    words = f"正在 {host}:{port} 收 HL7 消息；按 Ctrl-C 停止。"
    await run(listener, host, port, lambda: click.echo(words, err=True), stopped.wait())
    click.echo("已停止。", err=True)


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError as error:
        raise MalformedInput(f"“{text}”不是 IP 地址。请写成 10.1.2.3 这样的地址。") from error


def _is_own(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
