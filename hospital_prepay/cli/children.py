"""Programs started side by side: they end together, and nothing else is ever stopped."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Final

_SECONDS_TO_FINISH: Final = 20
_ENDINGS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(BaseException):
    """Somebody asked the whole program to end. Not an error: no handler of errors may keep it."""


class Children:
    """This program's own child processes."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = dict(environment)
        self._started: list[subprocess.Popen[bytes]] = []

    def start(self, *arguments: str) -> None:
        """Start ``hospital-prepay ARGUMENTS`` in a process group of its own: Ctrl-C reaches it through us alone."""
        command = [sys.executable, "-m", "hospital_prepay", *arguments]
        self._started.append(subprocess.Popen(command, env=self._environment, process_group=0))

    @property
    def ended(self) -> int | None:
        """The exit code of the first that ended by itself, ``None`` while all run."""
        codes = (child.poll() for child in self._started)
        return next((code for code in codes if code is not None), None)

    def stop(self) -> None:
        """Ask each to finish, and end those that don't in time."""
        for child in self._started:
            if child.poll() is None:
                child.terminate()
        for child in self._started:
            try:
                child.wait(_SECONDS_TO_FINISH)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


@contextmanager
def children(environment: Mapping[str, str]) -> Iterator[Children]:
    """Children that are stopped at the end, however it comes: Ctrl-C and a plain kill raise :class:`Stopped`."""
    before = {ending: signal.signal(ending, _raise_stopped) for ending in _ENDINGS}
    started = Children(environment)
    try:
        yield started
    finally:
        for ending in _ENDINGS:
            signal.signal(ending, signal.SIG_IGN)  # a second Ctrl-C must not leave half of them running
        started.stop()
        for ending, handler in before.items():
            signal.signal(ending, handler)


def _raise_stopped(_number: int, _frame: FrameType | None) -> None:
    raise Stopped
