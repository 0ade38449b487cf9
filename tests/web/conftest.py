"""A house with people and an application on it; SQLite."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from apiflask import APIFlask

from hospital_prepay.clock import FixedClock
from hospital_prepay.domain.access import Role
from hospital_prepay.persistence.database import Database
from tests.apps import application
from tests.counter import Counter
from tests.people import Browser, House


@pytest.fixture
def house(sqlite_database: Database, clock: FixedClock, tmp_path: Path) -> House:
    """One person of each role."""
    return House.built(sqlite_database, clock, tmp_path)


@pytest.fixture
def app(house: House) -> APIFlask:
    """The application on :func:`house`."""
    return application(house.context)


@pytest.fixture
def browser(app: APIFlask) -> Browser:
    """A browser of somebody who isn't signed in."""
    return Browser(app)


@pytest.fixture
def login_as(app: APIFlask, house: House) -> Callable[[Role], Browser]:
    """A browser signed in as the person of a role, second factor and all."""
    return lambda role: Browser(app).signed_in(house.session(role))


@pytest.fixture
def counter(house: House) -> Counter:
    """The house with open books, a published table and two stays."""
    return Counter.opened(house)
