"""The posted table over HTTP: ours beside a bare WSGI application that answers the very same bytes, and beside Flask.

Those three run under granian with 2 workers; nginx, when it is installed, serves the same bytes from a file with 2
workers of its own. All are driven by wrk in turn, for the page and for its 304.
"""

from __future__ import annotations

import argparse
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from hospital_prepay.app import create_app
from hospital_prepay.clock import Clock
from hospital_prepay.persistence.database import Database
from hospital_prepay.persistence.migrate import upgrade
from hospital_prepay.services.context import Context
from hospital_prepay.settings import Settings
from tests.hospital import open_hospital, publish_caps
from tests.serving import Served, free_port, serving

PAGE = "/public/deposits"
DISEASES = 30
CONNECTIONS = 16
OURS, BARE, FLASK, NGINX = "hospital-prepay", "bare WSGI bytes", "Flask, no front", "nginx"
_TARGETS = {
    NGINX: "",
    BARE: "bench.public_page:create_bare",
    OURS: "hospital_prepay.app:create_app",
    FLASK: "bench.public_page:create_flask",
}


@dataclass
class Series:
    """What one contender reached with one kind of answer."""

    name: str
    rates: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        """The middle rate, a second."""
        return statistics.median(self.rates)


def run(options: argparse.Namespace) -> None:
    """Measure and print."""
    if shutil.which("wrk") is None:
        sys.exit("wrk is needed: apt-get install wrk")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        url = _publish(folder)
        targets = {one: target for one, target in _TARGETS.items() if one != NGINX or shutil.which("nginx")}
        page, not_modified = ({one: Series(one) for one in targets} for _ in range(2))
        for _ in range(min(options.repeats, 3)):
            for contender, target in targets.items():
                _measure(folder, url, target, options, page[contender], not_modified[contender])
    _show("posted table page", page, 0.65)
    _show("the same, 304", not_modified, 0.6)


def create_bare() -> Any:
    """The limit: the page's bytes and headers, looked up by nothing but the path."""
    app = create_app()
    answer = app.test_client().get(PAGE)
    body, etag = answer.data, answer.headers["ETag"]
    headers = list(answer.headers)
    short = [(name, value) for name, value in headers if name not in ("Content-Type", "Content-Length")]

    def bare(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ.get("HTTP_IF_NONE_MATCH") == etag:
            start_response("304 Not Modified", short)
            return []
        start_response("200 OK", headers)
        return [body]

    return bare


def create_flask() -> Any:
    """Our application without its pages in memory."""
    app = create_app()
    app.wsgi_app = app.wsgi_app._inner._inner  # type: ignore[method-assign, attr-defined]
    return app


def _publish(folder: Path) -> str:
    """A hospital that posts as many diseases as one of its kind does."""
    url = f"sqlite:///{folder / 'bench.sqlite3'}"
    database = Database(url)
    upgrade(database, app_role=None, backup_folder=folder, moment=Clock().now())
    settings = Settings.from_environment({"PREPAY_MODE": "demo", "PREPAY_DATA_DIR": str(folder)})
    hospital = open_hospital(Context(settings, database, Clock()))
    classes: dict[str, int | None] = {"employee": 184000, "resident": 320000, "self_pay": 600000}
    caps = {f"J{n:02}.900": (f"慢性阻塞性肺病伴有急性加重 {n}", True, classes) for n in range(DISEASES)}
    with database.writing() as connection:
        publish_caps(connection, hospital.context.clock, caps, version=2, effective_on=date(2026, 1, 2))
    database.close()
    return url


def _measure(
    folder: Path, url: str, target: str, options: argparse.Namespace, page: Series, not_modified: Series
) -> None:
    """One round: start the server, warm it, measure both answers, stop it."""
    with serving(url, folder, target=target) if target else _nginx(folder, url) as served:
        answer = served.call("GET", PAGE)
        assert answer.status == 200, answer.status
        etag = {name.lower(): value for name, value in answer.headers.items()}["etag"]
        for series, script in ((page, ""), (not_modified, f"wrk.headers['If-None-Match'] = '{etag}'")):
            lua = folder / "request.lua"
            lua.write_text(script + "\n", "ascii")
            _wrk(served, lua, 1)
            rate, p99 = _wrk(served, lua, max(int(options.seconds), 2))
            series.rates.append(rate)
            series.p99.append(p99)


@contextmanager
def _nginx(folder: Path, url: str) -> Iterator[Served]:
    """The same page as a file behind nginx."""
    root = folder / "nginx"
    file = root / "html" / PAGE.lstrip("/")
    if not file.exists():
        with serving(url, folder) as served:
            body = served.call("GET", PAGE).body
        file.parent.mkdir(parents=True)
        file.write_bytes(body)
        root.chmod(0o755)
    port = free_port()
    configuration = root / "nginx.conf"
    configuration.write_text(_NGINX.format(root=root, port=port), "ascii")
    process = subprocess.Popen(["nginx", "-p", str(root), "-c", str(configuration)])
    served = Served(f"http://127.0.0.1:{port}", process.pid)
    try:
        for _ in range(100):
            try:
                served.call("GET", PAGE)
                break
            except ConnectionRefusedError:
                time.sleep(0.05)
        yield served
    finally:
        process.terminate()
        process.wait(10)


_NGINX = """daemon off; worker_processes 2; pid {root}/nginx.pid; error_log {root}/error.log; user root;
events {{}}
http {{
  access_log off; default_type "text/html; charset=utf-8"; keepalive_requests 1000000;
  server {{ listen 127.0.0.1:{port}; root {root}/html; }}
}}
"""


def _wrk(served: Served, script: Path, seconds: int) -> tuple[float, float]:
    command = [
        "wrk",
        "-t1",
        f"-c{CONNECTIONS}",
        f"-d{seconds}s",
        "--timeout",
        "30s",
        "--latency",
        "-s",
        str(script),
        served.url + PAGE,
    ]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in output or "Socket errors" in output:
        raise RuntimeError(f"not every request was answered:\n{output}")
    rate = re.search(r"Requests/sec:\s+([\d.]+)", output)
    slow = re.search(r"(?m)^ +99% +([\d.]+)(us|ms|s) *$", output)
    assert rate is not None, output
    assert slow is not None, output
    return float(rate[1]), float(slow[1]) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[slow[2]]


def _show(title: str, series: dict[str, Series], goal_to_nginx: float) -> None:
    print(f"{title:<20}{'median/s':>10}{'lowest':>9}{'highest':>9}{'p99 ms':>9}")
    for one in series.values():
        slow = statistics.median(one.p99)
        print(f"{one.name:<20}{one.median:>10,.0f}{min(one.rates):>9,.0f}{max(one.rates):>9,.0f}{slow:>9.2f}")
    for other, goal in ((NGINX, goal_to_nginx), (BARE, None), (FLASK, None)):
        if other not in series:
            print(f"{other} isn't installed; to have it in the comparison: apt-get install nginx-light")
            continue
        ratio = series[OURS].median / series[other].median
        verdict = "" if goal is None else f", goal {goal:g}: {'reached' if ratio >= goal else 'missed'}"
        print(f"{OURS} / {other}: {ratio:.2f}{verdict}")
