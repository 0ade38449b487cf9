"""What bank or platform says of refunds, from a table: line by line, and the same again changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from hospital_prepay.clock import FixedClock
from hospital_prepay.domain.errors import MissingColumn, NotPermitted
from hospital_prepay.domain.ledger.chart import Tender
from hospital_prepay.domain.money import Money
from hospital_prepay.services.settlement.arrival_file import Told, said_lines, take_arrival_file
from hospital_prepay.services.settlement.arrivals import AskAgain, Awaited, ask_again, decide_again
from hospital_prepay.services.settlement.refund_list import waiting_refunds
from tests.hospital import CASHIER, OFFICER, Hospital, require_named
from tests.services.settlement.test_settling import collect, hand_over, settled

pytestmark = pytest.mark.parametrize("database_urls", ["sqlite"], indirect=True)


@pytest.fixture
def ready(hospital: Hospital) -> Iterator[Hospital]:
    """Two refunds on their way: A01-000003 by WeChat 500.00 of all that was taken, A01-000004 by card."""
    hospital.admit()
    collect(hospital, "1500.00", Tender.CARD, "POS1")
    collect(hospital, "500.00", Tender.WECHAT, "WX1")
    hand_over(hospital)
    settled(hospital, result=None, self_pay_total=Money(100_000))
    yield hospital
    require_named(hospital)


def take(hospital: Hospital, folder: Path, text: str) -> list[tuple[int, str, Told, str]]:
    path = folder / "results.csv"
    path.write_text(text, "utf-8")
    lines = take_arrival_file(hospital.context, OFFICER, path)
    return [(one.line, one.number, one.told, one.problem) for one in lines]


FILE = (
    "票据号,结果,凭证号,原因\n"
    "A01-000003,到账,WX-9901,\n"
    "A01-000004,失败,,卡号户名不符\n"
    "A01-000009,到账,1,\n"
    "A01-000001,到账,1,\n"
    "乱写,到账,1,\n"
    "A01-000003,好了,1,\n"
    "A01-000003,到账,,\n"
    "A01-000004,失败,2,\n"
)


def test_each_line_is_told_and_the_file_again_changes_nothing(ready: Hospital, tmp_path: Path) -> None:
    told = take(ready, tmp_path, FILE)
    assert [one[2] for one in told] == [Told.ARRIVED, Told.FAILED, *(6 * [Told.REJECTED])]
    assert [one[0] for one in told] == list(range(2, 10))
    for words, (_, _, _, problem) in zip(
        ("没有票号", "刚有别人办过", "没有票号", "读不懂", "要有凭证号", "要写原因"), told[2:], strict=True
    ):
        assert words in problem, problem
    again = take(ready, tmp_path, FILE)
    assert [one[2] for one in again] == [Told.KNOWN, Told.KNOWN, *(6 * [Told.REJECTED])]
    assert ready.count("refund_arrival") == 2
    assert ready.count("ledger_entry", "kind = 'settlement_refund_back'") == 1


def test_the_same_failure_again_does_not_fail_what_was_sent_since(ready: Hospital, tmp_path: Path) -> None:
    take(ready, tmp_path, FILE)
    ask_again(ready.context, CASHIER, AskAgain(Awaited("A01-000004", 1), Tender.CARD))
    decide_again(ready.context, OFFICER, Awaited("A01-000004", 2), approve=True)
    assert take(ready, tmp_path, FILE)[1][2] is Told.KNOWN
    assert ready.count("refund_arrival", "state = 'sent'") == 1
    lines = take(ready, tmp_path, "票号,状态,流水号,失败原因\nA01-000004,失败,B2,卡号户名不符\n")
    assert lines[0][2] is Told.FAILED


def test_a_table_that_lacks_a_column_is_refused_whole(ready: Hospital, tmp_path: Path) -> None:
    with pytest.raises(MissingColumn):
        take(ready, tmp_path, "票据号,凭证号\nA01-000003,1\n")
    path = tmp_path / "results.csv"
    with pytest.raises(NotPermitted):
        take_arrival_file(ready.context, CASHIER, path)
    assert said_lines([])[Told.KNOWN] == 0


def test_how_long_they_are_on_their_way_counts_working_days(ready: Hospital, clock: FixedClock) -> None:
    """Sent on Thursday, 15 January: five working days later it is in time by the hospital's limit, then no more."""

    def days() -> list[tuple[int, bool]]:
        return [(one.days, one.is_overdue) for one in waiting_refunds(ready.context, OFFICER).on_the_way]

    assert days() == [(0, False)] * 2
    clock.moment += timedelta(days=7)
    assert days() == [(5, False)] * 2
    clock.moment += timedelta(days=1)
    assert days() == [(6, True)] * 2
