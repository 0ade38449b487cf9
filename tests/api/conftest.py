"""Systems that call the API of a small hospital."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from apiflask import APIFlask
from werkzeug.test import TestResponse

from hospital_prepay.clock import FixedClock
from hospital_prepay.domain.access import Role
from hospital_prepay.persistence.database import Database
from hospital_prepay.services.access.api_clients import NewClient, create_client
from hospital_prepay.services.context import Context
from hospital_prepay.settings import Settings
from tests.apps import application
from tests.hospital import Hospital, actor, open_hospital

_keys = (f"test-key-{number}" for number in itertools.count())


class System:
    """A calling system with its token."""

    def __init__(self, app: APIFlask, token: str) -> None:
        self.client = app.test_client()
        self.headers = {"Authorization": f"Bearer {token}"}

    def get(self, path: str, **options: Any) -> TestResponse:
        """Read."""
        return self.client.get(f"/api/v1{path}", headers=self.headers, **options)

    def post(self, path: str, body: Any, key: str | None = None, **headers: str) -> TestResponse:
        """Send JSON under an idempotency key, a fresh one unless said otherwise; ``""`` sends none."""
        key = next(_keys) if key is None else key
        named = {"Idempotency-Key": key} if key else {}
        return self.client.post(f"/api/v1{path}", json=body, headers={**self.headers, **named, **headers})


@pytest.fixture
def app(hospital: Hospital) -> APIFlask:
    """The application on the small hospital, on SQLite and on PostgreSQL."""
    return application(hospital.context)


@pytest.fixture
def system(app: APIFlask, hospital: Hospital) -> Callable[[Role], System]:
    """Let in a new system of a role."""

    def let_in(role: Role) -> System:
        administrator = actor(Role.SYSTEM_ADMINISTRATOR)
        return System(app, create_client(hospital.context, administrator, NewClient("HIS", role)).token)

    return let_in


@pytest.fixture
def cashier(system: Callable[[Role], System]) -> System:
    """A system that may do a counter's work."""
    return system(Role.CASHIER)


@pytest.fixture
def officer(system: Callable[[Role], System]) -> System:
    """A system that may do a finance officer's work."""
    return system(Role.FINANCE_OFFICER)


@pytest.fixture
def small_hospital(sqlite_database: Database, clock: FixedClock, tmp_path: Any) -> Hospital:
    """The small hospital on SQLite alone, for contracts that no database changes."""
    environment = {"PREPAY_MODE": "demo", "PREPAY_DATA_DIR": str(tmp_path / "var")}
    return open_hospital(Context(Settings.from_environment(environment), sqlite_database, clock))
