"""The MLLP listener: reads frames, hands each message to the intake, answers.

It holds nothing between messages. Messages of one connection are taken one after the other; what a connection can
hold back is bounded. Where too many are open, of the address that holds the most the one that has been silent the
longest gives way, so that nobody can keep the hospital's own system out by holding connections.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from hospital_prepay.hl7.frames import Frame, FrameReader, framed
from hospital_prepay.services.settlement.intake import LARGEST

MOST_CONNECTIONS: Final = 64
_CHUNK: Final = 64 * 1024
_SECONDS_FOR_A_MESSAGE: Final = 30.0
_SECONDS_TO_ANSWER: Final = 10.0
_log = logging.getLogger(__name__)

Handler = Callable[[Frame], bytes]


@dataclass(eq=False, slots=True)
class _Connection:
    task: asyncio.Task[None]
    peer: str
    writer: asyncio.StreamWriter
    last_heard: float
    is_busy: bool = False


@dataclass(slots=True)
class Listener:
    """Serves ``handle`` on a socket. ``peers`` are the addresses that may connect; with none given, any."""

    handle: Handler
    peers: frozenset[str] = frozenset()
    most: int = MOST_CONNECTIONS
    largest: int = LARGEST
    seconds_for_a_message: float = _SECONDS_FOR_A_MESSAGE
    _open: set[_Connection] = field(default_factory=set)

    async def start(self, host: str, port: int) -> asyncio.Server:
        """Begin to listen. Raises :class:`OSError` for an address that can't be had."""
        return await asyncio.start_server(self._serve, host, port, limit=_CHUNK)

    async def stop(self) -> None:
        """Hang up on everybody; what is being taken in is taken in, and its sender sends it again."""
        tasks = [one.task for one in self._open]
        for one in list(self._open):
            one.writer.transport.abort()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = (writer.get_extra_info("peername") or ("",))[0]
        if self.peers and peer not in self.peers:
            _log.warning("%s 不在允许的地址里，已断开。", peer)
            await _close(writer)
            return
        task = asyncio.current_task()
        assert task is not None
        connection = _Connection(task, peer, writer, asyncio.get_running_loop().time())
        self._make_room()
        self._open.add(connection)
        try:
            await self._converse(reader, connection)
        except (ConnectionError, TimeoutError, asyncio.IncompleteReadError):
            pass  # whoever was cut off got no answer and sends again
        except Exception:
            _log.exception("处理来自 %s 的报文时出错，已断开这个连接。", peer)
        finally:
            self._open.discard(connection)
            await _close(writer)

    def _make_room(self) -> None:
        while len(self._open) >= self.most:
            held = Counter(one.peer for one in self._open)
            longest = min(self._open, key=lambda one: (one.is_busy, -held[one.peer], one.last_heard))
            self._open.discard(longest)
            longest.writer.transport.abort()

    async def _converse(self, reader: asyncio.StreamReader, connection: _Connection) -> None:
        frames, loop = FrameReader(self.largest), asyncio.get_running_loop()
        began = 0.0
        while True:
            left = began + self.seconds_for_a_message - loop.time() if frames.is_inside else None
            chunk = await asyncio.wait_for(reader.read(_CHUNK), left if left is None else max(left, 0.01))
            if not chunk:
                return
            was_inside = frames.is_inside
            for frame in frames.feed(chunk):
                was_inside = False
                connection.last_heard, connection.is_busy = loop.time(), True
                connection.writer.write(framed(await asyncio.to_thread(self.handle, frame)))
                await asyncio.wait_for(connection.writer.drain(), _SECONDS_TO_ANSWER)
                connection.is_busy = False
            if frames.is_inside and not was_inside:
                began = loop.time()


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(ConnectionError, TimeoutError):
        await asyncio.wait_for(writer.wait_closed(), _SECONDS_TO_ANSWER)


async def run(listener: Listener, host: str, port: int, ready: Callable[[], None], until: Awaitable[object]) -> None:
    """Listen until ``until`` is done."""
    server = await listener.start(host, port)
    ready()
    async with server:
        await until
        server.close()
        await listener.stop()
