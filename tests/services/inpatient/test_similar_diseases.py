"""Similar diseases found in steps, named at the counter, and stays registered late; both databases."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta

import pytest
import sqlalchemy as sa

from hospital_prepay.clock import SHANGHAI
from hospital_prepay.domain.errors import NotFound, NotPermitted
from hospital_prepay.domain.money import Money
from hospital_prepay.persistence.models.inpatient import SimilarDisease
from hospital_prepay.services.access.home import tasks
from hospital_prepay.services.compliance.replay import replay_decisions, require_same
from hospital_prepay.services.inpatient.named_similar import add_pair, list_named
from hospital_prepay.services.inpatient.stays import (
    ChangePlacement,
    Placed,
    Placement,
    RegisterStay,
    change_placement,
    register_stay,
)
from hospital_prepay.services.publication.readings import NewChoice, change_reading
from tests.hospital import APPROVER, CAPS, CASHIER, INSTITUTION, OFFICER, Hospital, publish_caps

STAY = "2601140001"
NAMED = {"circumstance": "similar", "similar_code": "G00.900"}
GROUND = "神经内科王医生：脑膜刺激征阳性"


def similar_to(hospital: Hospital, disease_code: str, other: str) -> None:
    with hospital.context.database.writing() as connection:
        pair = {"institution_id": INSTITUTION, "disease_code": disease_code, "similar_to": other}
        connection.execute(sa.insert(SimilarDisease), [pair])


def change(hospital: Hospital, seen: int, **changes: str) -> Placed:
    placement = {"disease_code": "J15.900", "disease_name": "细菌性肺炎", "insured_class": "resident", **changes}
    return change_placement(hospital.context, CASHIER, ChangePlacement(STAY, Placement(**placement), seen))


def facts(hospital: Hospital, placed: Placed) -> dict[str, object]:
    query = sa.text("SELECT facts FROM decision WHERE decision_id = :id")
    with hospital.context.database.reading() as connection:
        stored: dict[str, object] = json.loads(connection.scalar(query, {"id": placed.decision_id}))
    return stored


# --- article 18 ---------------------------------------------------------------------------------------------------


@pytest.mark.clause("guizhou-deposit-2025/18")
@pytest.mark.parametrize(
    ("code", "step", "cap"),
    [("J15.100", "parent", 320000), ("J98.400", "chapter", 320000), ("G03.900", "chapter", 684000)],
)
def test_an_unposted_disease_is_collected_for_by_the_nearest_group(
    hospital: Hospital, code: str, step: str, cap: int
) -> None:
    placed = hospital.admit(disease_code=code, disease_name="未公示")
    assert placed.cap == Money(cap)
    [row] = facts(hospital, placed)["similar"]  # type: ignore[misc]
    assert (row["step"], row["cap_fen"]) == (step, cap)  # type: ignore[index]
    require_same(replay_decisions(hospital.context.database))


@pytest.mark.clause("guizhou-deposit-2025/18")
def test_the_table_comes_before_the_groups_unless_it_has_nothing_posted(hospital: Hospital) -> None:
    similar_to(hospital, "J15.100", "G00.900")
    assert hospital.admit("1", disease_code="J15.100", disease_name="未公示").cap == Money(684000)
    similar_to(hospital, "J15.200", "A04.900")
    placed = hospital.admit("2", disease_code="J15.200", disease_name="未公示")
    assert placed.cap == Money(320000)
    assert [row["step"] for row in facts(hospital, placed)["similar"]] == ["table", "parent"]  # type: ignore[attr-defined]


@pytest.mark.clause("guizhou-deposit-2025/18")
def test_read_narrowly_only_the_table_counts_and_the_refusal_says_who_fills_it(hospital: Hospital) -> None:
    change_reading(hospital.context, OFFICER, "similar_disease", NewChoice("table_only", "本院讨论决定"))
    placed = hospital.admit(disease_code="J15.100", disease_name="未公示")
    assert placed.cap is None
    message = placed.decision.reasons[0].message
    assert "请财务在" in message
    assert "同一分组" not in message
    assert facts(hospital, placed)["reading"] == "table_only"


# --- article 17.2 -------------------------------------------------------------------------------------------------


@pytest.mark.clause("guizhou-deposit-2025/17.2")
def test_a_similar_disease_outside_the_steps_needs_the_doctors_ground(hospital: Hospital) -> None:
    hospital.admit()
    for ground in ("", " \n", "\u200b", "——。"):
        refused = change(hospital, 1, **NAMED, similar_ground=ground)
        assert [reason.code for reason in refused.decision.reasons] == ["ground_missing"]
        assert (refused.cap, refused.cap_version) == (Money(320000), 1)
    placed = change(hospital, 1, **NAMED, similar_ground=f" {GROUND} ")
    assert placed.cap == Money(684000)
    assert [reason.clause for reason in placed.decision.reasons if reason.code == "similar_named"] == [None]
    assert hospital.count("stay_cap", f"similar_ground = '{GROUND}'") == 1
    require_same(replay_decisions(hospital.context.database))


@pytest.mark.clause("guizhou-deposit-2025/17.2")
def test_one_that_the_steps_find_needs_none_and_keeps_none(hospital: Hospital) -> None:
    similar_to(hospital, "J15.900", "G00.900")
    assert hospital.admit(**NAMED, similar_ground=GROUND).cap == Money(684000)
    assert hospital.count("stay_cap", "similar_ground <> ''") == 0


def test_a_disease_is_not_similar_to_itself(hospital: Hospital) -> None:
    """Or an unposted one would take its own measured cap past the lower similar one."""
    unposted = {"disease_code": "A03.900", "disease_name": "细菌性痢疾", "insured_class": "self_pay"}
    placed = hospital.admit(**unposted, circumstance="similar", similar_code="A03.900", similar_ground=GROUND)
    assert placed.cap is None
    assert [reason.code for reason in placed.decision.reasons] == ["similar_missing"]


def test_a_disease_named_without_unclear_diagnosis_counts_for_nothing(hospital: Hospital) -> None:
    assert hospital.admit(similar_code="G00.900", similar_ground=GROUND).cap == Money(320000)
    assert hospital.count("stay_cap", "similar_code IS NOT NULL OR similar_ground <> ''") == 0


# --- registered late ----------------------------------------------------------------------------------------------

OLD, NEW = date(2026, 1, 1), date(2026, 1, 15)


def admitted_before_the_new_table(hospital: Hospital, on: date, new_cap: int, **placement: str) -> Placed:
    """Admitted on the 14th, when version 1 was in force; version 2 follows on the 15th; registered on ``on``."""
    caps = {**CAPS, "J15.900": ("细菌性肺炎", True, {"employee": 100000, "resident": new_cap, "self_pay": 500000})}
    with hospital.context.database.writing() as connection:
        publish_caps(connection, hospital.context.clock, caps, version=2, effective_on=NEW)
    hospital.context.clock.moment = datetime(on.year, on.month, on.day, 10, 0, tzinfo=SHANGHAI)  # type: ignore[attr-defined]
    given = {"disease_code": "J15.900", "disease_name": "细菌性肺炎", "insured_class": "resident", **placement}
    admitted = datetime(2026, 1, 14, 9, 0, tzinfo=SHANGHAI)
    return register_stay(hospital.context, CASHIER, RegisterStay(STAY, "吴桂兰", Placement(**given), admitted))


@pytest.mark.parametrize(
    ("on", "new_cap", "cap", "table"),
    [
        (NEW - timedelta(days=1), 300000, 320000, "table-1"),
        (NEW, 300000, 300000, "table-2"),
        (NEW + timedelta(days=1), 300000, 300000, "table-2"),
        (NEW + timedelta(days=1), 350000, 320000, "table-1"),
    ],
)
def test_a_stay_registered_under_another_table_follows_the_lower(
    hospital: Hospital, on: date, new_cap: int, cap: int, table: str
) -> None:
    placed = admitted_before_the_new_table(hospital, on, new_cap)
    assert placed.cap == Money(cap)
    assert hospital.count("stay_cap", f"table_id = '{table}'") == 1
    late = [reason for reason in placed.decision.reasons if reason.code == "registered_late"]
    assert [reason.clause for reason in late] == ([] if on < NEW else [None])
    assert (facts(hospital, placed)["late"] is None) is (on < NEW)
    require_same(replay_decisions(hospital.context.database))


def test_every_later_placement_of_a_stay_registered_late_follows_the_lower_too(hospital: Hospital) -> None:
    admitted_before_the_new_table(hospital, NEW, 350000)
    hospital.context.clock.moment += timedelta(days=30)  # type: ignore[attr-defined]
    assert change(hospital, 1, insured_class="employee").cap == Money(100000)
    assert change(hospital, 2, insured_class="self_pay").cap == Money(500000)


def test_a_stay_registered_in_time_keeps_its_table_however_late_it_is_changed(hospital: Hospital) -> None:
    admitted_before_the_new_table(hospital, NEW - timedelta(days=1), 300000)
    hospital.context.clock.moment += timedelta(days=30)  # type: ignore[attr-defined]
    assert change(hospital, 1, insured_class="employee").cap == Money(184000)


# --- what finance looks at afterwards -----------------------------------------------------------------------------


def test_the_list_is_what_stands_on_both_databases(hospital: Hospital) -> None:
    hospital.admit("1", **NAMED, similar_ground=GROUND)
    hospital.admit("2", **NAMED)
    hospital.admit("3")
    assert [(one.stay_no, one.similar_ground) for one in list_named(hospital.context, OFFICER)] == [("1", GROUND)]
    [task] = [task for task in tasks(hospital.context, OFFICER) if task.kind == "named"]
    assert task.pile.count == 1
    assert not [task for task in tasks(hospital.context, APPROVER) if task.kind == "named"]
    with pytest.raises(NotPermitted):
        add_pair(hospital.context, CASHIER, "1")
    with pytest.raises(NotFound):
        add_pair(hospital.context, OFFICER, "2")
    add_pair(hospital.context, OFFICER, "1")
    assert (list_named(hospital.context, OFFICER), tasks(hospital.context, OFFICER)) == ([], [])
    assert hospital.count("audit_event", "action = 'caps.similar_pair'") == 2
