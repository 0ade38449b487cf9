"""The listener over a real socket, with the client that hospitals' Python scripts use, and with hostile ones."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import hl7
import pytest
from hl7.client import MLLPClient

from hospital_prepay.hl7.command import handle
from hospital_prepay.hl7.frames import framed
from hospital_prepay.hl7.listener import Listener, run
from hospital_prepay.services.settlement.intake import feed
from tests.admissions import adt, raw
from tests.hospital import INSTITUTION, Hospital

ADDRESS = "127.0.0.1"


@dataclass(frozen=True)
class Line:
    """A listener that runs, and what is sent to it."""

    hospital: Hospital
    port: int

    def send(self, message: bytes) -> hl7.Message:
        """Send over a connection of its own and read the answer."""
        with closing(self.open()) as connection:
            return self.say(connection, message)

    def open(self) -> socket.socket:
        return socket.create_connection((ADDRESS, self.port), timeout=20)

    def say(self, connection: socket.socket, message: bytes, charset: str = "utf-8") -> hl7.Message:
        connection.sendall(framed(message))
        return hl7.parse(self.hear(connection).decode(charset))

    def hear(self, connection: socket.socket) -> bytes:
        heard = b""
        while not heard.endswith(b"\x1c\r"):
            part = connection.recv(65536)
            assert part, "the listener hung up"
            heard += part
        return heard.strip(b"\x0b\x1c\r")


@pytest.fixture
def line(hospital: Hospital) -> Iterator[Line]:
    yield from listening(hospital)


def listening(hospital: Hospital, **options: object) -> Iterator[Line]:
    """A listener in a thread of its own, stopped afterwards."""
    actor = feed(INSTITUTION, "mllp")
    listener = Listener(lambda frame: handle(hospital.context, actor, frame), **options)  # type: ignore[arg-type]
    loop, ready = asyncio.new_event_loop(), threading.Event()
    stopped = asyncio.Event()
    with closing(socket.socket()) as probe:
        probe.bind((ADDRESS, 0))
        port = probe.getsockname()[1]
    thread = threading.Thread(
        target=loop.run_until_complete, args=[run(listener, ADDRESS, port, ready.set, stopped.wait())]
    )
    thread.start()
    assert ready.wait(10)
    yield Line(hospital, port)
    loop.call_soon_threadsafe(stopped.set)
    thread.join(20)
    assert not thread.is_alive()
    loop.close()


def code(answer: hl7.Message) -> str:
    return str(answer["MSA"][0][1])


pytestmark = pytest.mark.parametrize("database_urls", ["sqlite"], indirect=True)


def test_a_message_is_acknowledged_to_the_client_of_python_hl7(line: Line) -> None:
    with MLLPClient(ADDRESS, line.port) as client:
        heard = hl7.parse(client.send_message(adt("A01", at="20260115093000")).decode().strip("\x0b\x1c\r"))
    assert (code(heard), str(heard["MSA"][0][2])) == ("AA", "Z2509001A0120260115093000")
    assert str(heard["MSH"][0][5]) == "HIS"
    assert line.hospital.count("stay") == 1


def test_mllp_send_feeds_a_file(line: Line, tmp_path: Path) -> None:
    path = tmp_path / "day.hl7"
    messages = [adt("A01", at="20260115080000"), adt("A03", at="20260115090000", discharged="20260115085500")]
    path.write_bytes(b"".join(framed(one.encode()) for one in messages))
    program = Path(sys.executable).with_name("mllp_send")
    sent = subprocess.run(
        [program, "--file", path, "--port", str(line.port), "--quiet", ADDRESS], capture_output=True, timeout=60
    )
    assert sent.returncode == 0, sent.stderr
    assert line.hospital.count("discharge") == 1


def test_several_messages_come_over_one_connection_also_in_pieces(line: Line) -> None:
    with closing(line.open()) as connection:
        first = framed(raw("A01", at="20260115080000")) + framed(raw("A02", at="20260115083000"))
        for at in range(0, len(first), 50):
            connection.sendall(first[at : at + 50])
        assert {code(hl7.parse(part.strip("\x0b\x1c\r"))) for part in [line.hear(connection).decode()]} == {"AA"}
    assert line.send(raw("A01", at="20260115080000"))["MSA"][0][3] != ""
    assert line.hospital.count("visit_message") == 2


def test_a_doubled_message_is_accepted_and_said_to_be_known(line: Line) -> None:
    line.send(raw("A01", at="20260115093000"))
    again = line.send(raw("A01", at="20260115093000"))
    assert (code(again), str(again["MSA"][0][3])) == ("AA", "收到过，没有重复处理。")


def test_the_answer_is_in_the_charset_of_the_message(line: Line) -> None:
    with closing(line.open()) as connection:
        line.say(connection, raw("A01", at="20260115093000", charset="GB 18030-2000"), "gb18030")
        again = line.say(connection, raw("A01", at="20260115093000", charset="GB 18030-2000"), "gb18030")
    assert (str(again["MSH"][0][18]), str(again["MSA"][0][3])) == ("GB 18030-2000", "收到过，没有重复处理。")


@pytest.mark.parametrize(
    "broken",
    [b"", b"\x00", b"hello", raw("A03", visit=""), adt("A01", charset="UNICODE UTF-8").encode("gb18030")],
)
def test_what_cannot_be_read_is_refused_and_the_connection_goes_on(line: Line, broken: bytes) -> None:
    with closing(line.open()) as connection:
        assert code(line.say(connection, broken)) == "AE"
        assert code(line.say(connection, raw("A01", at="20260115093000"))) == "AA"
    assert line.hospital.count("visit_message", "state = 'quarantined'") == 1


def test_a_message_of_ten_megabytes_is_refused_and_its_head_kept(line: Line) -> None:
    long = adt("A01", at="20260115093000").encode() + b"OBX|1|ED|" + b"x" * 10_000_000 + b"\r"
    with closing(line.open()) as connection:
        assert code(line.say(connection, long)) == "AE"
        assert code(line.say(connection, raw("A01", at="20260115093000"))) == "AA"
    assert line.hospital.count("visit_message", "reason_code = 'too_long'") == 1


def test_a_message_cut_in_half_is_sent_again_and_counts_once(line: Line) -> None:
    whole = framed(raw("A03", at="20260115093000", discharged="20260115091500"))
    with closing(line.open()) as connection:
        connection.sendall(whole[: len(whole) // 2])
    assert code(line.send(raw("A03", at="20260115093000", discharged="20260115091500"))) == "AA"
    with closing(line.open()) as connection:  # cut, and the whole one behind it on the same connection
        connection.sendall(whole[: len(whole) // 2] + whole)
        assert b"MSA|AA" in line.hear(connection)
    assert line.hospital.count("visit_message") == 1


def test_two_hundred_connections_that_say_nothing_keep_nobody_out(line: Line) -> None:
    held = [line.open() for _ in range(200)]
    try:
        for one in held[:100]:
            with suppress(OSError):  # gave way already
                one.sendall(b"\x0bMSH|^~\\&|")  # a message that never ends
        for number in range(5):
            assert code(line.send(raw("A01", visit=f"Z{number}", at="20260115093000"))) == "AA"
    finally:
        for one in held:
            one.close()
    assert line.hospital.count("stay") == 5


def test_an_address_that_holds_many_gives_way_before_one_that_holds_a_single_one(hospital: Hospital) -> None:
    for line in listening(hospital, most=4):
        with closing(line.open()) as own:
            assert code(line.say(own, raw("A01", at="20260115093000"))) == "AA"
            many = [socket.create_connection((ADDRESS, line.port), source_address=("127.0.0.2", 0)) for _ in range(9)]
            time.sleep(0.3)
            assert code(line.say(own, raw("A02", at="20260115094000"))) == "AA"
            for one in many:
                one.close()


def test_a_message_that_dawdles_is_cut_off(hospital: Hospital) -> None:
    for line in listening(hospital, seconds_for_a_message=0.5):
        with closing(line.open()) as connection:
            connection.sendall(b"\x0bMSH|")
            assert connection.recv(10) == b""


def test_only_the_named_addresses_may_connect(hospital: Hospital) -> None:
    for line in listening(hospital, peers=frozenset({"127.0.0.9"})):
        with closing(line.open()) as connection:
            connection.settimeout(10)
            assert connection.recv(10) == b""


def test_while_the_database_is_away_the_sender_is_told_to_send_again(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("a fault of ours")

    with monkeypatch.context() as broken:
        broken.setattr("hospital_prepay.services.settlement.intake.follow_visit", fails)
        assert code(line.send(raw("A01", at="20260115093000"))) == "AR"
    assert line.hospital.count("visit_message") == 0
    assert code(line.send(raw("A01", at="20260115093000"))) == "AA"
