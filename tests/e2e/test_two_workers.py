"""Money over HTTP against two server processes, on both databases."""

from __future__ import annotations

import itertools
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from hospital_prepay.clock import Clock
from hospital_prepay.domain.access import Role
from hospital_prepay.persistence.database import Database
from hospital_prepay.services.access.api_clients import NewClient, create_client
from hospital_prepay.services.context import Context
from hospital_prepay.settings import Settings
from tests import servers
from tests.hospital import Hospital, actor, open_hospital
from tests.serving import Answer, Served, serving

BOTH = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]
numbers = itertools.count(1)


@dataclass(frozen=True)
class Desk:
    """A calling system's counter."""

    served: Served
    token: str

    def collect(self, stay_no: str, amount_fen: int, key: str) -> Answer:
        headers = {"Authorization": f"Bearer {self.token}", "Idempotency-Key": key}
        body = {"amount_fen": amount_fen, "tender": "cash"}
        return self.served.call("POST", f"/api/v1/stays/{stay_no}/deposits", body, headers)


@dataclass(frozen=True)
class Running:
    """A hospital and the server in front of it."""

    hospital: Hospital
    served: Served

    def desk(self) -> Desk:
        """Another system's counter, with a book of its own."""
        issued = create_client(
            self.hospital.context, actor(Role.SYSTEM_ADMINISTRATOR), NewClient("窗口", Role.CASHIER)
        )
        return Desk(self.served, issued.token)

    def admit(self) -> str:
        """A fresh stay; its cap is 3,200.00."""
        stay_no = f"26{next(numbers):08d}"
        self.hospital.admit(stay_no)
        return stay_no

    def receipts(self, stay_no: str) -> int:
        """How many receipts a stay has."""
        return self.hospital.count("receipt", f"stay_no = '{stay_no}'")


@pytest.fixture(scope="module", params=BOTH)
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if request.param == "sqlite":
        path = tmp_path_factory.mktemp("served") / "prepay.sqlite3"
        shutil.copyfile(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    server, template = request.getfixturevalue("postgres_server"), request.getfixturevalue("postgres_template")
    with servers.cloned_database(server, template) as urls:
        yield urls[1]


@pytest.fixture(scope="module")
def running(url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("var")
    database = Database(url)
    settings = Settings.from_environment({"PREPAY_MODE": "demo", "PREPAY_DATA_DIR": str(folder)})
    hospital = open_hospital(Context(settings, database, Clock()))
    with serving(url, folder) as served:
        yield Running(hospital, served)
    database.close()


def at_once(width: int, jobs: list[Callable[[], Answer]]) -> list[Answer]:
    with ThreadPoolExecutor(width) as pool:
        return list(pool.map(lambda job: job(), jobs))


def test_fifty_identical_posts_at_once_make_one_receipt_and_fifty_equal_answers(running: Running) -> None:
    desk, stay_no = running.desk(), running.admit()
    answers = at_once(16, [lambda: desk.collect(stay_no, 120000, "one-payment")] * 50)
    assert {(answer.status, answer.body) for answer in answers} == {(201, answers[0].body)}
    assert running.receipts(stay_no) == 1


def test_fifty_identical_refused_posts_at_once_make_one_decision_and_fifty_equal_answers(running: Running) -> None:
    desk, stay_no = running.desk(), running.admit()
    answers = at_once(16, [lambda: desk.collect(stay_no, 320001, "one-refusal")] * 50)
    assert {(answer.status, answer.body) for answer in answers} == {(422, answers[0].body)}
    refused = f"rule = 'inpatient.collect' AND decision_id = '{answers[0].json()['decision_id']}'"
    assert running.hospital.count("decision", refused) == 1


def test_sixteen_collections_at_once_take_exactly_the_room(running: Running) -> None:
    desks, stay_no = [running.desk() for _ in range(4)], running.admit()
    before = running.hospital.balance("1001").fen
    jobs = [
        lambda n=n: desks[n % 4].collect(stay_no, 40000, f"payment-{n:02d}")  # type: ignore[misc]
        for n in range(16)
    ]
    answers = at_once(16, jobs)
    assert Counter(answer.status for answer in answers) == {201: 8, 422: 8}
    assert {answer.json()["code"] for answer in answers if answer.status == 422} == {"over_cap"}
    assert running.hospital.balance(f"23050103:{stay_no}").fen == -320000
    assert running.hospital.balance("1001").fen - before == 320000
    assert max(answer.json()["collected_fen"] for answer in answers if answer.status == 201) == 320000


def test_eight_cashiers_number_their_receipts_without_a_gap(running: Running) -> None:
    desks, stays = [running.desk() for _ in range(8)], [running.admit() for _ in range(8)]
    each = 40

    def work(desk: int) -> list[Answer]:
        # Every desk meets every stay, so that desks wait for each other's stays but never for a book.
        return [desks[desk].collect(stays[(desk + n) % 8], 100, f"receipt-{n:03d}") for n in range(each)]

    with ThreadPoolExecutor(8) as pool:
        answers = [answer for part in pool.map(work, range(8)) for answer in part]
    assert {answer.status for answer in answers} == {201}
    issued = [answer.json()["receipt_no"] for answer in answers]
    assert len(set(issued)) == 8 * each
    books: dict[str, list[int]] = {}
    for number in issued:
        book, _, serial = number.rpartition("-")
        books.setdefault(book, []).append(int(serial))
    assert len(books) == 8
    for serials in books.values():
        assert sorted(serials) == list(range(1, each + 1))


def test_one_key_with_many_contents_at_once_takes_one_of_them(running: Running) -> None:
    desk, stay_no = running.desk(), running.admit()
    jobs: list[Any] = [lambda n=n: desk.collect(stay_no, 1000 + n, "contested") for n in range(16)]
    answers = at_once(16, jobs)
    assert Counter(answer.status for answer in answers) == {201: 1, 409: 15}
    assert {answer.json()["code"] for answer in answers if answer.status == 409} == {"reused_key"}
    assert running.receipts(stay_no) == 1
