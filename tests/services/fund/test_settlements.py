"""Settlements without offset and Henan's month: what is booked, when it is settled, what is still to go back."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest
import sqlalchemy as sa

from hospital_prepay.clock import SHANGHAI, FixedClock
from hospital_prepay.domain.access import Role
from hospital_prepay.domain.errors import Conflict, MalformedInput, NotPermitted
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.fund.henan_month import HENAN
from hospital_prepay.persistence.models.fund_reconciliation import FundMonth, FundSettlement
from hospital_prepay.services.fund.henan import (
    NegativePlan,
    apply_reconciliation,
    read_henan_month,
    record_negative_plan,
    report_step,
)
from hospital_prepay.services.fund.henan_uploads import Uploads, read_uploads, record_uploads
from hospital_prepay.services.fund.settlements import (
    PaidByBank,
    RecordSettlement,
    RepayPlan,
    SettleActual,
    Settled,
    list_settlements,
    record_settlement,
    repay_plan,
    settle_actual,
)
from tests.funding import MILLION_YUAN
from tests.hospital import Hospital, actor
from tests.services.fund.conftest import Year

OFFICER, APPROVER = actor(Role.FINANCE_OFFICER), actor(Role.FINANCE_APPROVER)


@pytest.fixture(autouse=True)
def april(clock: FixedClock, hospital: Hospital) -> None:
    """A hospital of Henan, late in April."""
    assert Year(hospital, regime=HENAN).apply().grant_id
    clock.moment = datetime(2026, 4, 28, 9, 0, tzinfo=SHANGHAI)


def bank(key: str, **changes: Any) -> PaidByBank:
    given = PaidByBank(
        date(2026, 4, 20), f"HD-{key}", "平顶山市医保中心", "2026年3月职工医保住院统筹结算款", f"key-{key}"
    )
    return replace(given, **changes)


def settle(hospital: Hospital, key: str = "1", fen: int = 90_000, **changes: Any) -> Settled:
    paper = changes.pop("bank", None) or bank(key)
    command = replace(RecordSettlement("2026-03", "employee", False, Money(fen), paper), **changes)
    return record_settlement(hospital.context, OFFICER, command)


def booked(hospital: Hospital) -> tuple[int, int]:
    """Bank and receivable, in fen."""
    return hospital.balance("1002").fen, hospital.balance("12120201").fen


def test_a_settlement_moves_bank_and_receivable_once(hospital: Hospital) -> None:
    assert settle(hospital).moved_fen == 90_000
    assert settle(hospital).moved_fen == 90_000, "the same key again"
    assert booked(hospital) == (90_000, -90_000)
    [kept] = list_settlements(hospital.context, OFFICER)
    assert (kept.kind, kept.settled_fen, kept.entry_no is not None) == ("settlement", 90_000, True)
    with pytest.raises(Conflict):
        settle(hospital, bank=bank("1", idempotency_key="another key"))
    assert booked(hospital) == (90_000, -90_000)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"amount": Money(0)}, "amount"),
        ({"period": "2026-05"}, "period"),
        ({"period": "x"}, "period"),
        ({"fund": "commercial"}, "fund"),
        ({"bank": bank("1", bank_reference=" ")}, "bank_reference"),
        ({"bank": bank("1", paid_on=date(2026, 4, 29))}, "paid_on"),
        ({"bank": bank("1", paid_on=date(2026, 2, 28))}, "paid_on"),
        ({"bank": bank("1", paid_on=date(1, 1, 1))}, "paid_on"),
        ({"period": "2024-02"}, "paid_on"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_nothing_is_booked(
    hospital: Hospital, changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(MalformedInput) as caught:
        settle(hospital, **changes)
    assert caught.value.details["field"] == field
    assert hospital.count("fund_settlement") == hospital.count("ledger_entry") == 0


def test_a_slip_stands_behind_one_settlement_of_whatever_month_and_fund(hospital: Hospital) -> None:
    settle(hospital, "1", 80_000, bank=bank("1", bank_reference="HD-1"))
    for changes in ({"fund": "resident"}, {"period": "2026-02"}, {"cross_region": True}, {"ahead": True}):
        for spelled in ("HD-1", "hd 1", "ＨＤ—1"):
            paper = bank("2", bank_reference=spelled)
            with pytest.raises(Conflict, match="这张回单已经登记在 2026-03 的结算款上"):
                settle(hospital, "2", 80_000, bank=paper, **changes)
    with pytest.raises(MalformedInput, match="没有数字或字母"):
        settle(hospital, "3", bank=bank("3", bank_reference="——"))
    assert hospital.count("fund_settlement") == 1


@pytest.mark.parametrize("spelled", ["HD-1", "hd 1", "HD/1"])
def test_the_database_takes_a_slip_for_one_settlement(hospital: Hospital, spelled: str) -> None:
    settle(hospital, "1", 80_000)
    with hospital.context.database.reading() as connection:
        row = connection.execute(sa.select(*FundSettlement.__table__.columns)).mappings().one()
    again = {**row, "settlement_id": "s", "fund": "resident", "bank_reference": spelled}
    with pytest.raises(sa.exc.DBAPIError, match="slip"), hospital.context.database.writing() as connection:
        connection.execute(sa.insert(FundSettlement).values(**again))


def test_a_settlement_far_beyond_other_months_is_confirmed_by_a_person(hospital: Hospital) -> None:
    # The application said twelve million yuan a year: a million a month.
    most = 10 * MILLION_YUAN
    with pytest.raises(MalformedInput, match="数额比往月大得多，请核对后勾选确认") as caught:
        settle(hospital, "1", most + 1)
    assert caught.value.details["field"] == "unusual"
    assert hospital.count("ledger_entry") == 0
    settle(hospital, "1", most)
    settle(hospital, "2", 10 * most, period="2026-02")
    with pytest.raises(MalformedInput, match="往月最多约 100,000,000"):
        settle(hospital, "3", 100 * most + 1, period="2026-01")
    settle(hospital, "3", 100 * most + 1, period="2026-01", unusual=True)
    assert hospital.count("audit_event", "outcome = 'done' AND detail LIKE '%unusual%'") == 1


@pytest.mark.clause("henan-settlement-2023/3.3")
def test_the_database_takes_a_notice_for_one_plan_and_repays_it_no_sooner_than_it_came(hospital: Hospital) -> None:
    plan = NegativePlan("2026-03", "resident", Money(4_000), date(2026, 4, 20), None, "收付款通知 12", "plan-1")
    plan_id = record_negative_plan(hospital.context, OFFICER, plan)
    with pytest.raises(MalformedInput):
        repay_plan(hospital.context, OFFICER, RepayPlan(plan_id, "通知", bank("8", paid_on=date(2026, 4, 19))))
    with hospital.context.database.reading() as connection:
        row = connection.execute(sa.select(*FundMonth.__table__.columns)).mappings().one()
    for changes in ({}, {"fund": "all"}, {"document_key": ""}):
        with pytest.raises(sa.exc.DBAPIError, match="plan_used"), hospital.context.database.writing() as connection:
            connection.execute(sa.insert(FundMonth).values(**{**row, "event_id": "x", **changes}))
    both = replace(plan, fund="employee", idempotency_key="plan-2")
    assert record_negative_plan(hospital.context, OFFICER, both) != plan_id, "a notice may name both funds"


def test_only_finance_books_settlements(hospital: Hospital) -> None:
    with pytest.raises(NotPermitted):
        record_settlement(
            hospital.context, APPROVER, RecordSettlement("2026-03", "employee", False, Money(1), bank("1"))
        )


@pytest.mark.clause("henan-settlement-2023/3.1")
def test_money_paid_ahead_is_compared_with_the_last_cycle_and_booked_all_the_same(hospital: Hospital) -> None:
    unknown = settle(hospital, "0", 70_000, period="2026-01", ahead=True)
    assert unknown.decision
    assert [one.code for one in unknown.decision.reasons] == ["last_cycle_unknown"]
    settle(hospital, "1", 80_000, period="2026-02")
    same = settle(hospital, "2", 80_000, ahead=True)
    assert same.decision
    assert [one.code for one in same.decision.reasons] == ["as_the_last_cycle"]
    again = settle(hospital, "2", 80_000, ahead=True)
    assert again.decision == same.decision
    other = settle(hospital, "3", 80_001, ahead=True, bank=bank("3"))
    assert other.decision
    assert [one.code for one in other.decision.reasons] == ["not_the_last_cycle"]
    assert booked(hospital)[0] == 70_000 + 80_000 + 80_000 + 80_001


@pytest.mark.clause("henan-settlement-2023/3.1")
@pytest.mark.parametrize(("actual", "moved"), [(95_000, 5_000), (85_000, -5_000), (90_000, 0)])
def test_the_actual_settlement_moves_only_the_difference(hospital: Hospital, actual: int, moved: int) -> None:
    ahead = settle(hospital, "1", 90_000, ahead=True).settlement_id
    paper = bank("9") if moved else None
    command = SettleActual(ahead, Money(actual), "结算单 4", paper, "key-actual")
    assert settle_actual(hospital.context, OFFICER, command).moved_fen == moved
    assert settle_actual(hospital.context, OFFICER, command).moved_fen == moved
    assert booked(hospital) == (90_000 + moved, -90_000 - moved)
    with pytest.raises(Conflict):
        settle_actual(hospital.context, OFFICER, replace(command, idempotency_key="key-other"))
    follows = settle(hospital, "5", actual, period="2026-04", ahead=True)
    assert follows.decision
    assert [one.code for one in follows.decision.reasons] == ["as_the_last_cycle"]


@pytest.mark.clause("henan-settlement-2023/3.1")
def test_the_actual_settlement_follows_the_money_paid_ahead_and_its_key_holds_its_slip(hospital: Hospital) -> None:
    ahead = settle(hospital, "1", 90_000, ahead=True).settlement_id
    command = SettleActual(ahead, Money(85_000), "结算单 4", bank("9", paid_on=date(2026, 4, 19)), "key-actual")
    for day in (date(2026, 4, 19), date(2020, 1, 1), date(1, 1, 1)):
        with pytest.raises(MalformedInput) as caught:
            settle_actual(hospital.context, OFFICER, replace(command, bank=bank("9", paid_on=day)))
        assert caught.value.details["field"] == "paid_on"
    first = replace(command, bank=bank("9"))
    assert settle_actual(hospital.context, OFFICER, first).moved_fen == -5_000
    assert settle_actual(hospital.context, OFFICER, first).moved_fen == -5_000
    with pytest.raises(Conflict):
        settle_actual(hospital.context, OFFICER, replace(command, bank=bank("8")))
    assert booked(hospital) == (85_000, -85_000)


def test_a_difference_needs_its_bank_reference(hospital: Hospital) -> None:
    ahead = settle(hospital, "1", 90_000, ahead=True).settlement_id
    with pytest.raises(MalformedInput):
        settle_actual(hospital.context, OFFICER, SettleActual(ahead, Money(1), "x", None, "key-actual"))
    assert booked(hospital) == (90_000, -90_000)


@pytest.mark.parametrize("changes", [{}, {"paid_on": date(2099, 1, 1)}, {"bank_reference": "HD-2"}])
def test_where_nothing_moved_no_slip_is_kept_and_none_is_taken_away(
    hospital: Hospital, changes: dict[str, Any]
) -> None:
    ahead = settle(hospital, "1", 90_000, ahead=True).settlement_id
    settle(hospital, "2", 50_000, fund="resident")
    command = SettleActual(ahead, Money(90_000), "结算单 4", bank("9", **changes), "key-actual")
    with pytest.raises(MalformedInput, match="不用填回单号") as caught:
        settle_actual(hospital.context, OFFICER, command)
    assert caught.value.details == {"field": "bank_reference"}
    assert len(list_settlements(hospital.context, OFFICER)) == 2
    assert settle_actual(hospital.context, OFFICER, replace(command, bank=None)).moved_fen == 0
    assert settle(hospital, "9", 1_000, fund="resident", period="2026-02").moved_fen == 1_000


@pytest.mark.clause("henan-settlement-2023/3.3")
def test_a_negative_plan_goes_back_with_its_document(hospital: Hospital) -> None:
    plan = NegativePlan(
        "2026-03", "resident", Money(4_000), date(2026, 4, 20), date(2026, 4, 30), "收付款通知 12", "plan-1"
    )
    plan_id = record_negative_plan(hospital.context, OFFICER, plan)
    month = read_henan_month(hospital.context, OFFICER, "2026-03")
    assert [(one.amount_fen, one.due_on, repaid) for one, repaid in month.plans] == [(4_000, date(2026, 4, 30), None)]
    with pytest.raises(MalformedInput):
        repay_plan(hospital.context, OFFICER, RepayPlan(plan_id, " ", bank("8")))
    command = RepayPlan(plan_id, "通知 12", bank("8"))
    assert repay_plan(hospital.context, OFFICER, command).moved_fen == -4_000
    assert repay_plan(hospital.context, OFFICER, command).moved_fen == -4_000
    assert booked(hospital) == (-4_000, 4_000)
    with pytest.raises(Conflict):
        repay_plan(hospital.context, OFFICER, RepayPlan(plan_id, "通知 12", bank("7")))
    assert record_negative_plan(hospital.context, OFFICER, plan) == plan_id, "the same key again"
    with pytest.raises(Conflict):
        record_negative_plan(hospital.context, OFFICER, replace(plan, amount=Money(4_001)))
    for spelled in ("收付款通知 12", "收付款通知012", "收付款通知（12）"):
        for changes in ({}, {"period": "2026-02"}, {"fund": "all"}):
            other = replace(plan, document=spelled, idempotency_key="plan-2", **changes)
            with pytest.raises(Conflict, match="一张只登记一次"):
                record_negative_plan(hospital.context, OFFICER, other)
    [(_, repaid)] = read_henan_month(hospital.context, OFFICER, "2026-03").plans
    assert repaid


@pytest.mark.clause("henan-settlement-2023/3.1")
@pytest.mark.parametrize(("applied_on", "settled"), [(date(2026, 4, 7), "2026-04"), (date(2026, 4, 8), "2026-05")])
def test_an_application_after_the_fifth_goes_to_the_next_month(
    hospital: Hospital, applied_on: date, settled: str
) -> None:
    done = apply_reconciliation(hospital.context, OFFICER, "2026-03", applied_on, "回执 3")
    assert done.settled_in == settled
    kept = read_henan_month(hospital.context, OFFICER, "2026-03").applied
    assert kept
    assert (kept.settled_in, kept.decision_id) == (settled, done.decision_id)
    with pytest.raises(Conflict):
        apply_reconciliation(hospital.context, OFFICER, "2026-03", applied_on, "回执 3")


@pytest.mark.parametrize("applied_on", [date(2026, 3, 31), date(2026, 4, 29)])
def test_an_application_is_neither_before_the_month_is_over_nor_ahead_of_today(
    hospital: Hospital, applied_on: date
) -> None:
    with pytest.raises(MalformedInput):
        apply_reconciliation(hospital.context, OFFICER, "2026-03", applied_on, "")
    assert hospital.count("fund_month") == 0


@pytest.mark.clause("henan-settlement-2023/3.2", "henan-settlement-2023/3.3", "henan-settlement-2023/3.4")
def test_the_authoritys_steps_stand_beside_with_their_state_as_reported(hospital: Hospital) -> None:
    report_step(hospital.context, OFFICER, "2026-04", "fund_cross_region", date(2026, 4, 23), "通知")
    steps = read_henan_month(hospital.context, OFFICER, "2026-03").steps
    assert [(one.duty.due_on, one.reported is not None) for one in steps] == [
        (date(2026, 4, 20), False),
        (date(2026, 4, 20), False),
        (date(2026, 4, 20), False),
        (date(2026, 4, 23), True),
        (date(2026, 4, 27), False),
        (date(2026, 4, 30), False),
    ]
    march = read_henan_month(hospital.context, OFFICER, "2026-02").steps
    assert march[-1].duty.id == "clear_cross_region"
    assert march[-1].duty.due_on == date(2026, 3, 31)
    with pytest.raises(MalformedInput):
        report_step(hospital.context, OFFICER, "2026-04", "clear_cross_region", date(2026, 4, 23), "")
    with pytest.raises(MalformedInput):
        report_step(hospital.context, OFFICER, "2026-04", "pay_cross_region", date(2026, 4, 30), "")


def test_elsewhere_henans_clauses_are_not_cited(hospital: Hospital) -> None:
    other = replace(OFFICER, institution_id="H52010000009")
    with pytest.raises(Conflict):
        apply_reconciliation(hospital.context, other, "2026-03", date(2026, 4, 7), "")
    with pytest.raises(Conflict):
        report_step(hospital.context, other, "2026-04", "fund_cross_region", date(2026, 4, 23), "")
    with pytest.raises(Conflict):
        record_uploads(hospital.context, other, [uploads(1)])
    plan = NegativePlan("2026-03", "resident", Money(4_000), date(2026, 4, 20), None, "通知 1", "plan-1")
    with pytest.raises(Conflict):
        record_negative_plan(hospital.context, other, plan)
    command = RecordSettlement("2026-03", "employee", False, Money(1), bank("1"), ahead=True)
    with pytest.raises(Conflict):
        record_settlement(hospital.context, other, command)
    assert hospital.count("decision", "rule LIKE 'fund.henan%'") == 0


def uploads(day: int, in_house: int = 40, uploaded: int = 40, on: int | None = None) -> Uploads:
    return Uploads(date(2026, 3, day), in_house, uploaded, datetime(2026, 3, on or day, 20, 0, tzinfo=SHANGHAI))


@pytest.mark.clause("henan-settlement-2023/3.1")
def test_uploads_are_watched_day_by_day_and_a_later_count_counts(hospital: Hospital) -> None:
    record_uploads(hospital.context, OFFICER, [uploads(1), uploads(2, uploaded=30), uploads(3, on=5)])
    record_uploads(hospital.context, OFFICER, [uploads(2, on=4)])
    days = read_henan_month(hospital.context, OFFICER, "2026-03").days
    assert len(days) == 31
    assert [(one.state.value, one.days_late) for one in days[:4]] == [
        ("complete", 0),
        ("late", 2),
        ("late", 2),
        ("missing", 0),
    ]


@pytest.mark.parametrize(
    "row",
    [
        Uploads(date(2026, 4, 29), 1, 0, None),
        Uploads(date(2026, 4, 1), 1, 1, None),
        Uploads(date(2026, 4, 1), 1, 1, datetime(2026, 3, 31, 23, 0, tzinfo=SHANGHAI)),
        Uploads(date(2026, 4, 1), 1, 1, datetime(2026, 4, 28, 9, 1, tzinfo=SHANGHAI)),
        Uploads(date(2026, 4, 1), -1, 0, None),
        Uploads(date(2026, 4, 1), 40, 81, datetime(2026, 4, 1, 20, 0, tzinfo=SHANGHAI)),
        Uploads(date(2026, 4, 1), 0, 21, datetime(2026, 4, 1, 20, 0, tzinfo=SHANGHAI)),
    ],
)
def test_a_wrong_day_keeps_all_of_them_out(hospital: Hospital, row: Uploads) -> None:
    with pytest.raises(MalformedInput):
        record_uploads(hospital.context, OFFICER, [uploads(1), row])
    assert hospital.count("fund_upload_day") == 0


def test_a_file_of_days(tmp_path: Path) -> None:
    path = tmp_path / "uploads.csv"
    head = "日期,在院人数,已上传份数,最后上传时间\n"
    path.write_text(head + "2026-03-01,40,40,2026-03-01 20:00\n2026/3/2,0,0,\n", "utf-8")
    found = read_uploads(path)
    assert [(one.day.day, one.in_house, one.uploaded) for one in found] == [(1, 40, 40), (2, 0, 0)]
    for line, code in (
        ("2026-03-01,x,1,", "not_a_number"),
        ("2026-02-30,1,1,", "not_a_date"),
        ("2026-03-01,1,1,昨天", "not_a_time"),
    ):
        path.write_text(head + line + "\n", "utf-8")
        with pytest.raises(MalformedInput) as caught:
            read_uploads(path)
        assert (caught.value.reason, caught.value.details["line"]) == (code, 2)
    path.write_text(head + "2026-03-01,1,0,\n2026-03-01,2,0,\n", "utf-8")
    with pytest.raises(MalformedInput):
        read_uploads(path)


def test_some_more_lists_than_patients_are_taken_and_shown(hospital: Hospital) -> None:
    record_uploads(hospital.context, OFFICER, [uploads(1, in_house=40, uploaded=80), uploads(2, 3, uploaded=20)])
    states = [one.state.value for one in read_henan_month(hospital.context, OFFICER, "2026-03").days[:2]]
    assert states == ["over", "over"]


def test_a_long_file_of_days_is_read_in_no_time(tmp_path: Path) -> None:
    path = tmp_path / "uploads.csv"
    days = [f"{date(1900, 1, 1) + timedelta(days=number)},1,0,\n" for number in range(20_000)]
    path.write_text("日期,在院人数,已上传份数,最后上传时间\n" + "".join(days), "utf-8")
    began = perf_counter()
    assert len(read_uploads(path)) == 20_000
    assert perf_counter() - began < 10, "once through; a look back at every line takes half a minute"


@pytest.mark.parametrize("change", [{"moved_fen": 5}, {"settled_fen": -1}, {"kind": "gift"}, {"fund": ""}])
def test_the_database_takes_no_settlement_without_its_entry(hospital: Hospital, change: dict[str, Any]) -> None:
    row = {
        "institution_id": OFFICER.institution_id,
        "settlement_id": "s",
        "kind": "settlement",
        "period": "2026-03",
        "fund": "all",
        "cross_region": False,
        "settled_fen": 5,
        "moved_fen": 5,
        "paid_on": date(2026, 4, 1),
        "bank_reference": "x",
        "payer": "",
        "remark": "",
        "document": "",
        "entry_no": None,
        "recorded_by": OFFICER.actor_id,
        "recorded_at": hospital.context.clock.now(),
        **change,
    }
    with pytest.raises(sa.exc.DBAPIError), hospital.context.database.writing() as connection:
        connection.execute(sa.insert(FundSettlement).values(**row))
