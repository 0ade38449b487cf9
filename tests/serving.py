"""The program behind its real server, as a hospital runs it: granian with two worker processes.

For tests over HTTP and in a browser::

    with serving(database_url, tmp_path) as served:
        answer = served.call("GET", "/readyz")
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

CHECKOUT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Answer:
    """What came back over the wire."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Served:
    """A running server."""

    url: str
    pid: int

    def call(self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None) -> Answer:
        """One request on a connection of its own; ``body`` goes as JSON."""
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=60)
        try:
            content = None if body is None else json.dumps(body)
            kind = {} if body is None else {"Content-Type": "application/json"}
            connection.request(method, path, content, {**kind, **(headers or {})})
            answer = connection.getresponse()
            return Answer(answer.status, dict(answer.getheaders()), answer.read())
        finally:
            connection.close()


@contextlib.contextmanager
def serving(
    database_url: str,
    data_dir: Path,
    *,
    workers: int = 2,
    threads: int = 8,
    target: str = "hospital_prepay.app:create_app",
    environment: Mapping[str, str] | None = None,
) -> Iterator[Served]:
    """Start the server on a free port of loopback, wait until it is ready, and stop it by its process id.

    ``target`` names another application factory, which must answer ``/readyz`` as well.
    """
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    log = data_dir / f"server-{port}.log"
    data_dir.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port)),
                *("--workers", str(workers), "--blocking-threads", str(threads)),
                *("--no-ws", "--no-access-log", "--log-level", "warning", "--factory", target),
            ],
            cwd=CHECKOUT,
            env={**os.environ, **_settings(database_url, data_dir, port), **(environment or {})},
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            served = Served(url, process.pid)
            _wait_until_ready(served, process, log)
            yield served
        finally:
            _stop(process)


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _settings(database_url: str, data_dir: Path, port: int) -> dict[str, str]:
    return {
        "PREPAY_MODE": "demo",
        "PREPAY_DATABASE_URL": database_url,
        "PREPAY_DATA_DIR": str(data_dir),
        "PREPAY_PORT": str(port),
        "PREPAY_PUBLIC_URL": f"http://127.0.0.1:{port}",
    }


def _wait_until_ready(served: Served, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        with contextlib.suppress(OSError, http.client.HTTPException):
            if served.call("GET", "/readyz").status == 200:
                return
        time.sleep(0.1)
    raise RuntimeError(f"the server did not get ready:\n{log.read_text('utf-8', 'replace')[-4000:]}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)  # the group that start_new_session made for it alone
        process.wait(15)
