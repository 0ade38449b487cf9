"""What is done in the ward, online and at windows: counted from the books, or as other systems report it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from hospital_prepay.clock import SHANGHAI, FixedClock
from hospital_prepay.domain.access import Actor, Role
from hospital_prepay.domain.errors import Conflict, MalformedInput, NotPermitted, ReusedKey
from hospital_prepay.domain.ledger.chart import Tender
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.settlement.channels import Service
from hospital_prepay.domain.rules.settlement.settling import Channel, SettlementKind
from hospital_prepay.persistence.database import Database
from hospital_prepay.persistence.models.access import ApiClient
from hospital_prepay.services.inpatient.deposits import CollectDeposit, collect_deposit
from hospital_prepay.services.inpatient.slips import DecideRequest, RequestVoid, decide_request, request_void
from hospital_prepay.services.settlement.channels import Count, read_channels, take_channel_file, write_counts
from hospital_prepay.services.settlement.settling import SettleStay, settle_stay
from hospital_prepay.services.settlement.slips import PayArrears, TopUp, pay_arrears
from tests.hospital import CASHIER, INSTITUTION, OFFICER, Hospital
from tests.settled import discharged, pass_to_cashier, settled

MONTH = "2026-01"
BEDSIDE = Count(MONTH, Service.ADMISSION, Channel.BEDSIDE, 30)


def numbers(hospital: Hospital, service: Service) -> tuple[tuple[int, ...], str]:
    report = read_channels(hospital.context, OFFICER, MONTH, MONTH)
    line = next(one for one in report.lines if one.service is service)
    return tuple(line.numbers[channel] for channel in Channel), line.share


def write(hospital: Hospital, *counts: Count, key: str = "key-00001", source: str = "HIS") -> int:
    return write_counts(hospital.context, OFFICER, counts, source, key)


@pytest.mark.clause("guizhou-deposit-2025/20")
def test_settlements_are_counted_by_their_channel(hospital: Hospital, clock: FixedClock) -> None:
    for number, channel in enumerate((Channel.BEDSIDE, Channel.ONLINE, Channel.ONLINE, Channel.WINDOW)):
        at = datetime(2026, 1, 5, 9, tzinfo=SHANGHAI)
        settled(hospital.context, clock, f"S{number}", at, 3, channel=channel)
    settled(hospital.context, clock, "S9", datetime(2025, 12, 30, 9, tzinfo=SHANGHAI), 3)  # of another month
    assert numbers(hospital, Service.SETTLEMENT) == ((1, 2, 1), "75.0%")


@pytest.mark.clause("guizhou-deposit-2025/20")
def test_payments_by_another_system_are_online(hospital: Hospital, database: Database) -> None:
    hospital.admit()
    system = Actor(INSTITUTION, "client-1", "自助机", frozenset({Role.CASHIER}), is_system=True)
    with database.writing() as connection:
        connection.execute(
            sa.insert(ApiClient).values(
                institution_id=INSTITUTION,
                client_id=system.actor_id,
                name="自助机",
                role="cashier",
                token_hash="0" * 64,
                is_active=True,
                created_at=hospital.context.clock.now(),
            )
        )
    for number, who in enumerate((system, CASHIER, CASHIER)):
        command = CollectDeposit("2601140001", Money(10_000), Tender.CASH, f"pay-{number:05}")
        assert collect_deposit(hospital.context, who, command).receipt_no
    asked = request_void(hospital.context, CASHIER, RequestVoid("A02-000002", "录错"))
    decide_request(hospital.context, OFFICER, DecideRequest(asked.request_id, True))
    assert numbers(hospital, Service.PAYMENT) == ((0, 1, 1), "50.0%")


@pytest.mark.clause("guizhou-deposit-2025/20")
def test_payments_are_counted_where_they_were_taken(hospital: Hospital) -> None:
    hospital.admit()
    ward = Actor(INSTITUTION, "cashier-3", "病区收费", frozenset({Role.CASHIER, Role.WARD}))
    system = Actor(INSTITUTION, "client-1", "床旁结算车", frozenset({Role.CASHIER}), is_system=True)
    for number, (who, said) in enumerate(
        (
            (CASHIER, None),  # the window
            (CASHIER, Channel.BEDSIDE),
            (ward, None),  # the bedside
            (ward, Channel.WINDOW),
            (system, None),  # online
            (system, Channel.BEDSIDE),
        )
    ):
        command = CollectDeposit("2601140001", Money(10_000), Tender.CASH, f"pay-{number:05}", channel=said)
        taken = collect_deposit(hospital.context, who, command)
        assert collect_deposit(hospital.context, who, command) == taken
    assert numbers(hospital, Service.PAYMENT) == ((3, 1, 2), "66.6%")
    with pytest.raises(ReusedKey):
        collect_deposit(hospital.context, system, replace(command, channel=Channel.ONLINE))


@pytest.mark.clause("guizhou-deposit-2025/20")
def test_what_a_settlement_takes_and_gives_back_is_done_where_it_is(hospital: Hospital, clock: FixedClock) -> None:
    at = datetime(2026, 1, 5, 9, tzinfo=SHANGHAI)
    discharged(hospital.context, clock, "S1", at)
    pass_to_cashier(hospital.context, "S1")
    paid = TopUp(Money(60_000), Tender.CASH)
    said = {"self_pay_total": Money(100_000), "top_up": paid}
    command = SettleStay("S1", SettlementKind.DISCHARGE, Channel.BEDSIDE, "settle-S1", **said)  # type: ignore[arg-type]
    assert settle_stay(hospital.context, CASHIER, command).number
    later = TopUp(Money(10_000), Tender.CASH)
    pay_arrears(hospital.context, CASHIER, PayArrears("S1", later, "pay-00001"))
    pay_arrears(hospital.context, CASHIER, PayArrears("S1", later, "pay-00002", Channel.ONLINE))
    assert numbers(hospital, Service.PAYMENT) == ((1, 1, 1), "66.6%")


@pytest.mark.clause("guizhou-deposit-2025/20")
def test_what_others_report_is_kept_and_the_newest_holds(hospital: Hospital) -> None:
    window = replace(BEDSIDE, channel=Channel.WINDOW, number=70)
    assert write(hospital, BEDSIDE, window) == 2
    assert write(hospital, BEDSIDE, window) == 2  # the same form again
    assert numbers(hospital, Service.ADMISSION) == ((30, 0, 70), "30.0%")
    assert write(hospital, replace(BEDSIDE, number=50), window, key="key-00002") == 1
    assert numbers(hospital, Service.ADMISSION) == ((50, 0, 70), "41.6%")
    assert hospital.count("channel_count") == 3
    report = read_channels(hospital.context, OFFICER)
    assert [one.months for one in report.lines] == [1, 0, None, 0, None]
    assert report.months == 12


def test_what_is_counted_here_or_lies_ahead_or_comes_from_nowhere_is_refused(hospital: Hospital) -> None:
    for count, source in (
        (replace(BEDSIDE, service=Service.PAYMENT), "HIS"),
        (replace(BEDSIDE, period="2026-02"), "HIS"),
        (replace(BEDSIDE, period="2026-13"), "HIS"),
        (replace(BEDSIDE, number=-1), "HIS"),
        (BEDSIDE, " "),
    ):
        with pytest.raises(MalformedInput):
            write(hospital, count, source=source)
    with pytest.raises(NotPermitted):
        write_counts(hospital.context, CASHIER, [BEDSIDE], "HIS", "key-00001")
    assert hospital.count("channel_count") == 0


def test_a_table_is_taken_whole_or_not(hospital: Hospital, tmp_path: Path) -> None:
    path = tmp_path / "counts.csv"
    path.write_text('月份,事项,渠道,件数\n2026-01,医保登记,线上,"1,200"\n2026-01,查询,窗口,8\n', "utf-8")
    assert take_channel_file(hospital.context, OFFICER, path, "HIS", "key-00001") == 2
    assert numbers(hospital, Service.REGISTRATION) == ((0, 1200, 0), "100.0%")
    path.write_text("月份,事项,渠道,件数\n2026-01,查询,线上,5\n2026-01,结算,窗口,8\n", "utf-8")
    with pytest.raises(MalformedInput, match="第 3 行"):
        take_channel_file(hospital.context, OFFICER, path, "HIS", "key-00002")
    assert numbers(hospital, Service.QUERY) == ((0, 0, 8), "0.0%")


def test_eight_that_report_at_once_leave_one_series(hospital: Hospital) -> None:
    def report(number: int) -> int:
        try:
            return write(hospital, replace(BEDSIDE, number=number), key=f"key-{number:05}")
        except Conflict:
            return 0

    with ThreadPoolExecutor(8) as pool:
        written = sum(pool.map(report, range(8)))
    assert hospital.count("channel_count") == written
    assert hospital.count("channel_count", f"count_no > {written}") == 0


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE channel_count SET number = 99",
        "DELETE FROM channel_count",
        "INSERT INTO channel_count SELECT institution_id, period, service, channel, 3, number, source, written_by,"
        " written_at FROM channel_count",
        "INSERT INTO channel_count SELECT institution_id, period, 'payment', channel, 1, number, source, written_by,"
        " written_at FROM channel_count",
    ],
)
def test_raw_sql_rewrites_no_count(hospital: Hospital, database: Database, statement: str) -> None:
    write(hospital, BEDSIDE)
    with pytest.raises(sa.exc.DBAPIError), database.writing() as connection:
        connection.execute(sa.text(statement))
