"""What ended a ground of recall is taken back: the ground stands again with it. On both databases."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from hospital_prepay.clock import SHANGHAI, FixedClock
from hospital_prepay.domain.decision import Outcome
from hospital_prepay.domain.errors import Conflict
from hospital_prepay.domain.rules.fund.regime import Fund
from hospital_prepay.persistence.database import Database
from hospital_prepay.persistence.models.fund import FundGrant
from hospital_prepay.services.fund import recall, recall_review, spending
from tests.funding import MILLION_YUAN as M
from tests.hospital import Hospital
from tests.services.fund.conftest import APPROVER, HEAD, OFFICER, Year, line
from tests.services.fund.test_recall import call_back, lift, standing
from tests.services.fund.test_seconds import correct, entry_of

BOUNCED: dict[str, Any] = {"why": "sent_back", "bank_reference": "TH-1", "value_on": date(2026, 1, 15)}


@pytest.mark.parametrize(
    ("kind", "said"),
    [("fund_return", {}), ("fund_return", BOUNCED), ("fund_offset", {})],
    ids=["typed", "bank", "offset"],
)
def test_the_ground_stands_again_when_what_was_given_back_is_not(year: Year, kind: str, said: dict[str, Any]) -> None:
    year.arrived()
    first = call_back(year)
    if kind == "fund_return":
        year.give_back(M)
    else:
        year.offset(M, M)
    assert standing(year) == []
    assert correct(year, kind, **said) == "received"
    [again] = standing(year)
    assert (again.ground, again.since_on, again.recorded_by) == (4, date(2026, 1, 12), OFFICER.actor_id)
    assert again.recall_id != first, "the first stays ended on record"
    context = year.hospital.context
    old, new = (recall_review.read_recall(context, OFFICER, one) for one in (first, again.recall_id))
    assert (old.again, new.before) == (again, old.recall)
    assert "已红字冲销，原已办结的情形重新成立" in again.what
    refused = year.ask(line(100))
    assert refused.decision.outcome is Outcome.REFUSED
    assert "recall_stands" in [one.code for one in refused.decision.reasons]
    # Given back once more it ends, and another person may lift it as any other.
    if kind == "fund_offset":
        year.give_back(M)
    else:
        lift(year, again.recall_id)
    assert standing(year) == []


def test_a_request_agreed_meanwhile_is_not_reserved(year: Year) -> None:
    year.arrived()
    agreed = year.ask(line(100)).request_id
    spending.agree_request(year.hospital.context, HEAD, agreed)
    call_back(year)
    year.give_back(M)
    correct(year, "fund_return")
    with pytest.raises(Conflict, match="没有预留"):
        spending.reserve_request(year.hospital.context, APPROVER, agreed)


def test_its_clock_runs_on_from_the_day_of_urging(hospital: Hospital) -> None:
    year = Year(hospital, "xizang-prepay-2024").arrived()
    urge = recall.UrgeRecall(call_back(year), date(2026, 1, 13), "催交函 1 号")
    recall.urge_recall(hospital.context, OFFICER, urge)
    year.give_back(M)
    correct(year, "fund_return")
    [again] = standing(year)
    assert (again.urged_on, again.urged_document) == (date(2026, 1, 13), "催交函 1 号")


def test_what_is_approved_meanwhile_is_withheld_where_the_notice_says_so(hospital: Hospital) -> None:
    first = Year(hospital, "xizang-prepay-2024").arrived()
    second = Year(hospital, "xizang-prepay-2024", keys=700)
    second.apply(Fund.RESIDENT)
    call_back(first)
    first.give_back(M)
    correct(first, "fund_return")
    assert second.approve().state == "withheld"


def test_what_was_lifted_by_two_people_stays_lifted(year: Year) -> None:
    year.arrived()
    lift(year, call_back(year))
    year.give_back(M)
    correct(year, "fund_return")
    assert standing(year) == []


def test_a_grant_is_not_owed_again_without_its_ground_by_raw_statements(year: Year) -> None:
    year.arrived()
    call_back(year)
    year.give_back(M)
    back = sa.update(FundGrant).where(FundGrant.grant_id == year.grant_id).values(state="received", cleared_at=None)
    database = year.hospital.context.database
    with pytest.raises(sa.exc.DBAPIError, match="recall_stands"), database.writing() as connection:
        connection.execute(back)


def test_a_receipt_taken_back_while_a_ground_stands_is_withheld(hospital: Hospital, clock: FixedClock) -> None:
    year = Year(hospital, "xizang-prepay-2024").arrived()
    call_back(year)
    clock.moment = datetime(2026, 1, 16, 9, 0, tzinfo=SHANGHAI)
    assert correct(year, "fund_receipt") == "withheld"


def test_what_stood_again_and_was_lifted_by_two_people_does_not_stand_a_third_time(
    year: Year, clock: FixedClock
) -> None:
    first = year.arrived()
    second = Year(year.hospital, keys=700)
    second.apply(Fund.RESIDENT)
    second.approve()
    second.receive()
    call_back(first)
    returned = []
    for one in (first, second):
        clock.moment += timedelta(minutes=5)
        one.give_back(M)
        returned.append(entry_of(one, "fund_return"))
    assert standing(first) == []
    clock.moment += timedelta(minutes=5)
    correct(first, "fund_return", entry_no=returned[0])
    clock.moment += timedelta(minutes=5)
    lift(first, standing(first)[0].recall_id)
    clock.moment += timedelta(minutes=5)
    assert correct(second, "fund_return", entry_no=returned[1]) == "received"
    assert standing(first) == []


def test_of_a_grant_cleared_nobody_knows_when_every_ground_stands_again(year: Year, owner_database: Database) -> None:
    year.arrived()
    call_back(year)
    year.give_back(M)
    with owner_database.writing() as connection:
        if owner_database.is_postgresql:
            connection.exec_driver_sql("ALTER TABLE fund_grant DISABLE TRIGGER USER")
        query = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'fund_grant'"
        kept = [] if owner_database.is_postgresql else connection.execute(sa.text(query)).all()
        for one in kept:
            connection.exec_driver_sql(f"DROP TRIGGER {one.name}")
        connection.execute(sa.update(FundGrant).values(cleared_at=None))
        for one in kept:
            connection.exec_driver_sql(one.sql)
        if owner_database.is_postgresql:
            connection.exec_driver_sql("ALTER TABLE fund_grant ENABLE TRIGGER USER")
    back = sa.update(FundGrant).values(state="received")
    with pytest.raises(sa.exc.DBAPIError, match="recall_stands"), year.hospital.context.database.writing() as books:
        books.execute(back)
    assert correct(year, "fund_return") == "received"
    assert len(standing(year)) == 1
