"""Decisions keep the readings they were made under, and a collection asks the database no more often for it."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

from hospital_prepay.domain.ledger.chart import Tender
from hospital_prepay.domain.money import Money
from hospital_prepay.persistence import decisions
from hospital_prepay.services.inpatient.deposits import CollectDeposit, Collected, collect_deposit
from hospital_prepay.services.inpatient.slips import RequestRefund, request_refund
from hospital_prepay.services.publication.readings import NewChoice, change_reading
from tests.hospital import CASHIER, INSTITUTION, OFFICER, Hospital

STAY = "2601140001"
DEFAULTS = {
    "class_known_later": "known_class_from_then",
    "self_pay_classes": "put_with_self_pay",
    "similar_disease": "table_then_groups",
}


def collect(hospital: Hospital, key: str) -> Collected:
    return collect_deposit(hospital.context, CASHIER, CollectDeposit(STAY, Money(100), Tender.CASH, key))


def kept(hospital: Hospital, decision_id: str) -> object:
    with hospital.context.database.reading() as connection:
        return decisions.find_stored(connection, INSTITUTION, decision_id).readings


def choose(hospital: Hospital, value: str) -> None:
    change_reading(hospital.context, OFFICER, "similar_disease", NewChoice(value, "试"))


def test_a_decision_keeps_the_readings_in_force_when_it_was_made(hospital: Hospital) -> None:
    placed = hospital.admit()
    before = collect(hospital, "before-it")
    choose(hospital, "table_only")
    after, again = collect(hospital, "after-it"), hospital.admit("2")
    choose(hospital, "table_then_groups")
    back = collect(hospital, "back-again")
    changed = DEFAULTS | {"similar_disease": "table_only"}
    assert [kept(hospital, one.decision_id) for one in (placed, before, back)] == [DEFAULTS] * 3
    assert [kept(hospital, one.decision_id) for one in (after, again)] == [changed] * 2


def test_another_hospitals_readings_are_not_kept(hospital: Hospital) -> None:
    hospital.admit()
    with hospital.context.database.writing() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO setting_value (institution_id, name, version_no, value, ground, changed_by, changed_at)"
                " VALUES ('H99', 'similar_disease', 1, 'table_only', '', 'x', '2026-01-01T00:00:00+00:00')"
            )
        )
    assert kept(hospital, collect(hospital, "of-our-own").decision_id) == DEFAULTS


def test_a_rule_that_rests_on_no_reading_keeps_none(hospital: Hospital) -> None:
    hospital.admit()
    collect(hospital, "something")
    asked = request_refund(hospital.context, CASHIER, RequestRefund(STAY, Money(100), Tender.CASH, "退"))
    assert kept(hospital, asked.decision_id) == {}


def test_a_collection_asks_nothing_more_for_its_readings(hospital: Hospital) -> None:
    hospital.admit()
    asking: list[str] = []

    def watch(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if "setting_value" in statement:
            asking.append(statement)

    event.listen(hospital.context.database.engine, "before_cursor_execute", watch)
    # They come with the stay, whose question goes past the library to the driver and so isn't seen here.
    assert kept(hospital, collect(hospital, "watched-it").decision_id) == DEFAULTS
    assert asking == []
