"""``/metrics``: who may read it, what it tells, and what it never tells."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from hospital_prepay.app import create_app
from hospital_prepay.clock import FixedClock
from hospital_prepay.domain.access import GRANTS, Permission, Role
from hospital_prepay.domain.ledger.chart import Tender
from hospital_prepay.domain.money import Money
from hospital_prepay.services.context import Context
from hospital_prepay.services.inpatient.case_imports import import_cases
from hospital_prepay.services.inpatient.deposits import CollectDeposit, collect_deposit
from hospital_prepay.services.job_runs import run_for_each
from hospital_prepay.services.ledger.seals import seal_ledger
from hospital_prepay.settings import SettingMissing, Settings
from tests.hospital import CASHIER, INSTITUTION, OFFICER, Hospital
from tests.people import Browser
from tests.serving import Served, free_port

TOKEN = "the-token-of-the-monitoring-0123456789"
BRINGING = {"Authorization": f"Bearer {TOKEN}"}
STAY = "2601140001"


@pytest.fixture
def context(context: Context) -> Context:
    environment = {"PREPAY_MODE": "demo", "PREPAY_METRICS_TOKEN": TOKEN}
    environment["PREPAY_DATA_DIR"] = str(context.settings.data_dir)
    return Context(Settings.from_environment(environment), context.database, context.clock)


@pytest.fixture
def client(hospital: Hospital) -> FlaskClient:
    return create_app(hospital.context).test_client()


def samples(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Every sample by name and labels."""
    families = text_string_to_metric_families(text)
    return {(one.name, frozenset(one.labels.items())): one.value for family in families for one in family.samples}


def value(text: str, name: str, **labels: str) -> float | None:
    return samples(text).get((name, frozenset(labels.items())))


def collect(hospital: Hospital, fen: int, key: str) -> None:
    collect_deposit(hospital.context, CASHIER, CollectDeposit(STAY, Money(fen), Tender.CASH, key))


def test_only_the_token_of_the_settings_opens_it(client: FlaskClient, hospital: Hospital) -> None:
    assert client.get("/metrics", headers=BRINGING).status_code == 200
    nothing = client.get("/metrics")
    assert (nothing.status_code, nothing.headers["WWW-Authenticate"]) == (401, 'Bearer realm="metrics"')
    assert hospital.count("audit_event", "action = 'access.token'") == 0
    for wrong in (f"Bearer {TOKEN[:-1]}x", "Bearer é", "Bearer"):
        assert client.get("/metrics", headers={"Authorization": wrong}).status_code == 401
    assert client.get("/metrics", headers={"Authorization": TOKEN}).status_code == 401
    assert client.get(f"/metrics?token={TOKEN}").status_code == 401
    assert hospital.count("audit_event", "action = 'access.token' AND outcome = 'refused'") == 2
    assert "no-store" in client.get("/metrics", headers=BRINGING).headers["Cache-Control"]


def test_no_role_of_a_person_opens_it(login_as: object) -> None:
    assert not [role for role in Role if Permission.METRICS_READ in GRANTS[role]]
    for role in Role:
        browser: Browser = login_as(role)  # type: ignore[operator]
        assert browser.get("/metrics").status_code == 404, "no token is set in that house"


def test_a_short_token_is_refused_at_start() -> None:
    with pytest.raises(SettingMissing, match="PREPAY_METRICS_TOKEN"):
        Settings.from_environment({"PREPAY_MODE": "demo", "PREPAY_METRICS_TOKEN": "short"})


def test_it_tells_what_was_decided_booked_sealed_and_imported(
    client: FlaskClient, hospital: Hospital, clock: FixedClock, tmp_path: Path
) -> None:
    here = {"institution": INSTITUTION}
    clock.moment -= timedelta(days=1)
    hospital.admit()
    collect(hospital, 100, "yesterday")
    seal_ledger(hospital.context.database, hospital.context.settings.data_dir, clock)
    clock.moment += timedelta(days=1)
    for number, fen in enumerate((100, 100, 99900000)):
        collect(hospital, fen, f"today-{number}")
    run_for_each(hospital.context, "ledger_verify", clock.today(), lambda _: "intact")
    path = tmp_path / "cases.csv"
    rows = "".join(f"C{n},2025-01-02,J1,肺炎,310,{cost},1\n" for n, cost in enumerate(("10", "20", "x")))
    path.write_text("结算流水号,出院日期,病种编码,病种名称,参保类型,住院总费用,个人负担\n" + rows, "utf-8")
    import_cases(hospital.context, OFFICER, path, "cases.csv")
    text = client.get("/metrics", headers=BRINGING).text
    rule = here | {"rule": "inpatient.collect"}
    assert value(text, "prepay_decisions_today", **rule, outcome="permitted") == 2
    assert value(text, "prepay_decisions_today", **rule, outcome="refused") == 1
    assert value(text, "prepay_receipts_total", **here) == 3
    assert value(text, "prepay_unsealed_entries", **here) == 2
    assert value(text, "prepay_last_seal_age_seconds", **here) == 86400
    ended = value(text, "prepay_job_last_run_timestamp_seconds", **here, job="ledger_verify", outcome="intact")
    assert ended == clock.now().timestamp()
    found = [value(text, "prepay_import_rows_total", **here, result=r) for r in ("accepted", "known", "rejected")]
    assert found == [2, 0, 1]


def test_requests_are_counted_by_route_and_never_by_what_they_name(client: FlaskClient, hospital: Hospital) -> None:
    hospital.admit()
    route = {"route": "/r/<token>", "method": "GET", "status": "4xx"}
    before = value(client.get("/metrics", headers=BRINGING).text, "prepay_http_request_seconds_count", **route) or 0
    client.get("/r/a-token-that-nobody-has")
    client.get(f"/{STAY}/wp-login.php")
    client.open("/healthz", method=f"X{STAY}")
    client.get("/public/deposits")
    text = client.get("/metrics", headers=BRINGING).text
    assert value(text, "prepay_http_request_seconds_count", **route) == before + 1
    for labels in (
        {"route": "other", "method": "GET", "status": "4xx"},
        {"route": "other", "method": "other", "status": "4xx"},
        {"route": "/public/deposits", "method": "GET", "status": "2xx"},
    ):
        assert value(text, "prepay_http_request_seconds_count", **labels), labels
    for secret in (STAY, "吴桂兰", "a-token-that-nobody-has", "wp-login", CASHIER.actor_id, "J15.900"):
        assert secret not in text


def test_labels_are_these_and_no_others(client: FlaskClient, hospital: Hospital) -> None:
    hospital.admit()
    collect(hospital, 100, "something")
    names = {name for _, labels in samples(client.get("/metrics", headers=BRINGING).text) for name, _ in labels}
    assert names <= {"institution", "rule", "outcome", "job", "result", "route", "method", "status", "le"}


def test_without_its_database_it_says_so(
    hospital: Hospital, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = hospital.context.database.url
    away = url.set(database="away/away.sqlite3") if url.get_backend_name() == "sqlite" else url.set(port=1)
    monkeypatch.setattr(hospital.context.database, "url", away)
    answer = client.get("/metrics", headers=BRINGING)
    assert (answer.status_code, "数据库连不上" in answer.text) == (503, True)


@contextlib.contextmanager
def program_serving(url: str, data_dir: Path) -> Iterator[Served]:
    """``hospital-prepay serve`` with two workers, stopped by its process id."""
    port = free_port()
    environment = {
        **os.environ,
        "PREPAY_MODE": "demo",
        "PREPAY_DATABASE_URL": url,
        "PREPAY_DATA_DIR": str(data_dir),
        "PREPAY_PORT": str(port),
        "PREPAY_METRICS_TOKEN": TOKEN,
    }
    process = subprocess.Popen([sys.executable, "-m", "hospital_prepay", "serve"], env=environment)
    served = Served(f"http://127.0.0.1:{port}", process.pid)
    try:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            with contextlib.suppress(OSError):
                if served.call("GET", "/healthz").status == 200:
                    break
            time.sleep(0.2)
        yield served
    finally:
        process.terminate()
        process.wait(30)


def test_whichever_worker_is_asked_tells_of_all(sqlite_urls: tuple[str, str], tmp_path: Path) -> None:
    with program_serving(sqlite_urls[1], tmp_path / "var") as served:
        for _ in range(40):
            assert served.call("GET", "/readyz").status == 200
        route = {"route": "/readyz", "method": "GET", "status": "2xx"}
        counts = set()
        for _ in range(10):
            text = served.call("GET", "/metrics", headers=BRINGING).body.decode()
            counts.add(value(text, "prepay_http_request_seconds_count", **route))
        assert counts == {40}
        writers = {path.name for path in (tmp_path / "var" / "metrics").rglob("histogram_*.db")}
        assert len(writers) == 2, "both workers answered"
