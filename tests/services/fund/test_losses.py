"""A loss and what the agency wrote off: the restricted money never falls by either; on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa

from hospital_prepay.domain.access import Role
from hospital_prepay.domain.errors import (
    Conflict,
    InsufficientFund,
    MalformedInput,
    NotPermitted,
    SecondPersonRequired,
)
from hospital_prepay.domain.money import Money
from hospital_prepay.persistence.models.fund_recall import FundIncident, FundWriteOff
from hospital_prepay.services.fund import incidents, recall_review
from tests.funding import MILLION_YUAN
from tests.hospital import INSTITUTION
from tests.services.fund.conftest import APPROVER, OFFICER, Year, line

M = MILLION_YUAN


def lose(year: Year, fen: int = 500, **changes: Any) -> str:
    given = {"what": "误付给已注销的供应商", "persons": "待查", "document": "公安受案回执 1 号", **changes}
    day = given.pop("found_on", date(2026, 1, 15))
    command = incidents.RecordLoss(
        year.grant_id, Money(fen), found_on=day, idempotency_key=given.pop("key", year.key), **given
    )
    return incidents.record_loss(year.hospital.context, OFFICER, command)


def compensate(year: Year, incident_id: str, fen: int, reference: str = "PC-1", key: str = "") -> int:
    command = incidents.RecordCompensation(incident_id, Money(fen), reference, date(2026, 1, 15), key or year.key)
    return incidents.record_compensation(year.hospital.context, OFFICER, command)


@pytest.mark.clause("weihai-prepay-2025/4", "zhejiang-prepay-2025/4.2")
def test_the_hospitals_own_money_stands_in_and_compensation_makes_it_good(year: Year) -> None:
    year.arrived()
    incident_id = lose(year)
    own = year.hospital.balance("1002")
    account = incidents.standing_in_account(incident_id)
    with pytest.raises(Conflict, match="还没有确认"):
        compensate(year, incident_id, 100)
    incidents.decide_loss(year.hospital.context, APPROVER, incident_id, confirmed=True)
    assert year.standing == (M, 0, M)
    assert year.hospital.balance("1002") == own - Money(500)
    assert year.hospital.balance(account) == Money(500)
    first = compensate(year, incident_id, 200, key="compensate-1")
    assert compensate(year, incident_id, 200, key="compensate-1") == first
    with pytest.raises(InsufficientFund):
        compensate(year, incident_id, 301, "PC-2")
    with pytest.raises(Conflict, match="回单已经记过"):
        compensate(year, incident_id, 100)
    compensate(year, incident_id, 300, "PC-2")
    [loss] = recall_review.losses(year.hospital.context, OFFICER)
    assert (loss.claimable_fen, loss.incident.state) == (0, "confirmed")
    assert year.hospital.balance("1002") == own
    assert year.standing == (M, 0, M)


def test_two_people_and_evidence_or_nothing_is_booked(year: Year) -> None:
    year.arrived()
    for changes, field in (
        ({"what": ""}, "what"),
        ({"persons": " "}, "persons"),
        ({"found_on": date(2026, 1, 16)}, "found_on"),
    ):
        with pytest.raises(MalformedInput) as caught:
            lose(year, **changes)
        assert caught.value.details["field"] == field
    for fen in (0, M + 1):
        with pytest.raises(MalformedInput):
            lose(year, fen)
    incident_id = lose(year, key="lose-once")
    assert lose(year, key="lose-once") == incident_id
    both = replace(OFFICER, roles=frozenset({Role.FINANCE_OFFICER, Role.FINANCE_APPROVER}))
    with pytest.raises(SecondPersonRequired):
        incidents.decide_loss(year.hospital.context, both, incident_id, confirmed=True)
    with pytest.raises(NotPermitted):
        incidents.decide_loss(year.hospital.context, OFFICER, incident_id, confirmed=True)
    incidents.decide_loss(year.hospital.context, APPROVER, incident_id, confirmed=False)
    with pytest.raises(Conflict):
        incidents.decide_loss(year.hospital.context, APPROVER, incident_id, confirmed=True)
    assert year.hospital.count("ledger_entry", "kind = 'fund_loss'") == 0


def test_losses_together_are_never_more_than_is_owed(year: Year) -> None:
    year.arrived()
    context = year.hospital.context
    first = lose(year, M - 100)
    with pytest.raises(MalformedInput, match="别的损失还有") as caught:
        lose(year, 101)
    assert caught.value.details["field"] == "amount"
    second = lose(year, 100)
    incidents.decide_loss(context, APPROVER, first, confirmed=True)
    with pytest.raises(MalformedInput):
        lose(year, 1)
    compensate(year, first, 50)
    third = lose(year, 50)
    incidents.decide_loss(context, APPROVER, third, confirmed=False)
    fourth = lose(year, 50)
    year.give_back(1)
    for waiting in (second, fourth):
        with pytest.raises(Conflict, match="请退回这一条"):
            incidents.decide_loss(context, APPROVER, waiting, confirmed=True)
    incidents.decide_loss(context, APPROVER, second, confirmed=False)
    incidents.decide_loss(context, APPROVER, fourth, confirmed=True)


def loss_row(year: Year, name: str, fen: int) -> dict[str, Any]:
    day, now = year.hospital.context.clock.today(), year.hospital.context.clock.now()
    text = {"found_on": day, "what": "x", "persons": "x", "document": "x", "state": "recorded"}
    own = {"institution_id": INSTITUTION, "incident_id": name, "grant_id": year.grant_id, "amount_fen": fen}
    return {**own, **text, "recorded_by": OFFICER.actor_id, "recorded_at": now}


def test_raw_sql_records_and_confirms_no_more_losses_than_is_owed(year: Year) -> None:
    year.arrived()
    database = year.hospital.context.database
    first = lose(year, M - 100)
    for fen in (101, M):
        with pytest.raises(sa.exc.DBAPIError, match="more_than_owed"), database.writing() as connection:
            connection.execute(sa.insert(FundIncident).values(**loss_row(year, "raw", fen)))
    with database.writing() as connection:
        connection.execute(sa.insert(FundIncident).values(**loss_row(year, "raw", 100)))
    incidents.decide_loss(year.hospital.context, APPROVER, first, confirmed=True)
    with pytest.raises(sa.exc.DBAPIError, match="more_than_owed"), database.writing() as connection:
        connection.execute(sa.insert(FundIncident).values(**loss_row(year, "more", 1)))
    year.give_back(1)
    decided = {"decided_by": APPROVER.actor_id, "decided_at": year.hospital.context.clock.now()}
    with database.writing() as connection:
        raw = sa.update(FundIncident).where(FundIncident.incident_id == "raw")
        with pytest.raises(sa.exc.DBAPIError, match="more_than_owed"), connection.begin_nested():
            connection.execute(raw.values(state="confirmed", **decided))
        connection.execute(raw.values(state="rejected", **decided))


@pytest.mark.parametrize("values", [{"decided_by": OFFICER.actor_id}, {"decided_by": None}, {"decided_by": "x"}])
def test_raw_sql_confirms_no_loss_alone_or_without_its_entry(year: Year, values: dict[str, Any]) -> None:
    year.arrived()
    lose(year)
    now = year.hospital.context.clock.now()
    with pytest.raises(sa.exc.DBAPIError), year.hospital.context.database.writing() as connection:
        connection.execute(sa.update(FundIncident).values(state="confirmed", decided_at=now, **values))


@pytest.mark.clause("weihai-prepay-2025/4", "xizang-prepay-2024/8", "zhejiang-prepay-2025/4.4")
def test_what_the_agency_wrote_off_is_mirrored_and_moves_nothing(year: Year) -> None:
    year.arrived()
    year.pay(year.reserve(line(M)))
    year.offset(60_000_000, 60_000_000)
    year.give_back(10_000_000)
    command = incidents.RecordWriteOff(year.grant_id, Money(30_000_000), date(2026, 1, 15), "（2026）浙01执终1号")
    entries = year.hospital.count("ledger_entry")
    with pytest.raises(NotPermitted):
        incidents.record_write_off(year.hospital.context, OFFICER, command)
    incidents.record_write_off(year.hospital.context, APPROVER, command)
    with pytest.raises(Conflict, match="已经记在"):
        incidents.record_write_off(year.hospital.context, APPROVER, command)
    with pytest.raises(MalformedInput, match="不会超过"):
        incidents.record_write_off(
            year.hospital.context, APPROVER, replace(command, document="x", amount=Money(70_000_001))
        )
    [one] = recall_review.memorandum(year.hospital.context, OFFICER)
    figures = (one.paid_out_fen, one.offset_fen, one.returned_fen, one.balance_fen)
    assert figures == (M, 60_000_000, 10_000_000, 30_000_000)
    assert [entry.event for entry in one.entries] == ["拨付", "收回", "核销"]
    assert year.hospital.count("ledger_entry") == entries
    with pytest.raises(sa.exc.DBAPIError), year.hospital.context.database.writing() as connection:
        connection.execute(sa.update(FundWriteOff).values(amount_fen=1))
