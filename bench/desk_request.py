"""The desk request over HTTP: ``python -m bench desk [--clients N] [--seconds N] [--repeats N]``.

A deposit is collected through the API under granian with 2 workers of 8 threads, on a durable PostgreSQL, driven by
wrk; beside it, in the same run and in turn, the bare function and the ORM application of ``desk_rivals``. Every
connection is a desk of its own with its own token, as 16 counters would be. Only ratios within one run count.
"""

from __future__ import annotations

import argparse
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import psycopg

from bench import desk_rivals
from hospital_prepay.clock import Clock
from hospital_prepay.domain.access import Role
from hospital_prepay.persistence.database import Database
from hospital_prepay.persistence.migrate import upgrade
from hospital_prepay.services.access.api_clients import NewClient, create_client
from hospital_prepay.services.context import Context
from hospital_prepay.settings import Settings
from tests import servers
from tests.hospital import actor, open_hospital, publish_caps
from tests.serving import serving

SCRIPT = """
local threads = 0
function setup(thread) threads = threads + 1; thread:set("desk", threads) end
function init(args)
  tokens, stays, round = {}, tonumber(args[1]), args[2]
  for i = 3, #args do tokens[#tokens + 1] = args[i] end
  math.randomseed(desk * 7919 + tonumber(round))
  count = 0
end
function request()
  count = count + 1
  return wrk.format("POST", string.format("/api/v1/stays/26%08d/deposits", math.random(1, stays)), {
    ["Content-Type"] = "application/json",
    ["Authorization"] = "Bearer " .. tokens[(desk - 1) % #tokens + 1],
    ["Idempotency-Key"] = string.format("bench-%s-%d-%d", round, desk, count)
  }, '{"amount_fen":100,"tender":"cash"}')
end
"""


@dataclass
class Contender:
    """One application and what it reached, round by round."""

    name: str
    target: str
    url: str
    rates: list[float] = field(default_factory=list)
    p50: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        """The middle rate, a second."""
        return statistics.median(self.rates)


def run(options: argparse.Namespace) -> None:
    """Measure and print."""
    if shutil.which("wrk") is None:
        sys.exit("wrk is needed: apt-get install wrk")
    with servers.postgres_server(durable=True) as server, tempfile.TemporaryDirectory() as folder:
        ours, tokens = prepare(server, Path(folder), options.clients)
        contenders = [
            Contender("bare function", "bench.desk_rivals:create_bare", ours[1]),
            Contender("ORM application", "bench.desk_rivals:create_orm", ours[1]),
            Contender("hospital-prepay", "hospital_prepay.app:create_app", ours[0]),
        ]
        script = Path(folder, "desk.lua")
        script.write_text(SCRIPT, "utf-8")
        for turn in range(options.repeats):
            for contender in contenders:
                measure(contender, script, tokens, turn, options, Path(folder))
        show(contenders)


def prepare(server: str, folder: Path, desks: int) -> tuple[tuple[str, str], list[str]]:
    """A hospital of ours and the rivals' tables, each in its own database; the desks' tokens open both."""
    owner_url, app_url = servers.new_database(server)
    owner = Database(owner_url, pool_size=1)
    role = owner_url.split("//")[1].split("@")[0].removesuffix("_owner") + "_app"
    upgrade(owner, app_role=role, backup_folder=folder, moment=Clock().now())
    owner.close()
    settings = Settings.from_environment({"PREPAY_MODE": "demo", "PREPAY_DATA_DIR": str(folder)})
    database = Database(app_url)
    hospital = open_hospital(Context(settings, database, Clock()))
    classes: dict[str, int | None] = dict.fromkeys(("employee", "resident", "self_pay"), desk_rivals.CAP_FEN)
    with database.writing() as connection:
        caps = {"J15.900": ("细菌性肺炎", True, classes)}
        publish_caps(connection, hospital.context.clock, caps, version=2, effective_on=date(2026, 1, 2))
    for number in range(1, desk_rivals.STAYS + 1):
        hospital.admit(desk_rivals.stay_no(number))
    administrator = actor(Role.SYSTEM_ADMINISTRATOR)
    tokens = [
        create_client(hospital.context, administrator, NewClient(f"窗口{n}", Role.CASHIER)).token
        for n in range(desks)
    ]
    database.close()
    rival_url, _ = servers.new_database(server)
    desk_rivals.set_up(rival_url, tokens)
    return (app_url, rival_url), tokens


def measure(
    contender: Contender, script: Path, tokens: list[str], turn: int, options: argparse.Namespace, folder: Path
) -> None:
    """One round: start the server, warm it, measure it, stop it.

    Between warming and measuring the tables are analysed, as autovacuum does within the first minute of any database:
    plans made for empty tables would be measured otherwise.
    """
    with serving(contender.url, folder, target=contender.target) as served:
        call = [str(script), served.url, "--", str(desk_rivals.STAYS)]
        _driven(contender, options.clients, 2, [*call, f"{turn}1", *tokens])
        _analyse(contender.url)
        output = _driven(contender, options.clients, max(2, round(options.seconds)), [*call, f"{turn}2", *tokens])
    contender.rates.append(float(_found(r"Requests/sec:\s+([\d.]+)", output)))
    contender.p50.append(_milliseconds(_found(r"(?m)^ +50% +(\S+)", output)))
    contender.p99.append(_milliseconds(_found(r"(?m)^ +99% +(\S+)", output)))


def _driven(contender: Contender, clients: int, seconds: int, call: list[str]) -> str:
    load = [f"-t{clients}", f"-c{clients}", f"-d{seconds}s", "--latency", "--timeout", "10s"]
    output = subprocess.run(["wrk", *load, "-s", *call], capture_output=True, text=True, check=True).stdout
    if "Non-2xx or 3xx responses" in output or "Socket errors" in output:
        raise RuntimeError(f"{contender.name} didn't answer every request:\n{output}")
    return output


def _analyse(url: str) -> None:
    with psycopg.connect("postgresql://postgres@" + url.split("@")[1], autocommit=True) as administrator:
        administrator.execute("ANALYZE")


def show(contenders: list[Contender]) -> None:
    """Print what was reached, and the ratios that count."""
    print(f"{'desk request':<18}{'median/s':>10}{'lowest':>9}{'highest':>9}{'p50 ms':>9}{'p99 ms':>9}")
    for one in contenders:
        print(
            f"{one.name:<18}{one.median:>10,.0f}{min(one.rates):>9,.0f}{max(one.rates):>9,.0f}"
            f"{statistics.median(one.p50):>9.1f}{statistics.median(one.p99):>9.1f}"
        )
    ours = contenders[-1]
    for other in contenders[:-1]:
        print(f"{ours.name} / {other.name}: {ours.median / other.median:.2f}")


def _found(pattern: str, output: str) -> str:
    match = re.search(pattern, output)
    if match is None:
        raise RuntimeError(f"wrk said something else:\n{output}")
    return match[1]


def _milliseconds(text: str) -> float:
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s)", text).groups()  # type: ignore[union-attr]
    return float(number) * {"us": 0.001, "ms": 1, "s": 1000}[unit]
