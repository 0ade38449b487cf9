"""An application filed again, grounds and accounts that say something, months without a line: raw SQL."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from hospital_prepay.clock import SHANGHAI, FixedClock
from hospital_prepay.domain.rules.fund.regime import Fund
from hospital_prepay.persistence.models import Base
from hospital_prepay.persistence.models.audit import DecisionRecord
from hospital_prepay.persistence.models.fund import FundGrant
from hospital_prepay.persistence.models.fund_members import FundMember
from hospital_prepay.services.fund import approvals, grants
from hospital_prepay.services.fund.withdrawals import withdraw_application
from tests.hospital import INSTITUTION, Hospital
from tests.services.fund.conftest import APPROVER, OFFICER, Year
from tests.services.fund.test_distribution import hand_on, lead, show
from tests.services.fund.test_seconds import correct

__all__ = ["lead"]
UNSEEN = (" ", "\t", "\n", "\u3164", "\u3000", "\u200b\u2800", "")


def insert(hospital: Hospital, table: str, **values: Any) -> None:
    with hospital.context.database.writing() as connection:
        connection.execute(sa.insert(Base.metadata.tables[table]).values(institution_id=INSTITUTION, **values))


def walk(year: Year, **values: Any) -> None:
    with year.hospital.context.database.writing() as connection:
        connection.execute(sa.update(FundGrant).where(FundGrant.grant_id == year.grant_id).values(**values))


def withdrawn_row(year: Year, **changes: Any) -> dict[str, Any]:
    """The row by which the application as it stands is taken back."""
    found = grants.find_grant(year.hospital.context, OFFICER, year.grant_id)
    names = ("grant_id", "decision_id", "applied_fen", "applied_by", "applied_at")
    by = {"withdrawn_by": OFFICER.actor_id, "withdrawn_at": year.hospital.context.clock.now(), "ground": "填错"}
    return {"withdrawn_no": 1, **{name: getattr(found, name) for name in names}, **by, **changes}


# -- An application filed again -------------------------------------------------------------------------------------


@pytest.fixture
def taken_back(hospital: Hospital) -> Year:
    year = Year(hospital)
    applied = year.apply()
    withdraw_application(hospital.context, OFFICER, applied.decision_id, "填错")
    decision(hospital, applied.decision_id, "another")
    decision(hospital, applied.decision_id, "refused", outcome="refused")
    beside = Year(hospital, keys=700).apply(Fund.RESIDENT)
    withdraw_application(hospital.context, OFFICER, beside.decision_id, "填错")
    return year


def decision(hospital: Hospital, given: str, new: str, **changes: str) -> None:
    """A decision like the one that was given."""
    table = DecisionRecord.__table__
    with hospital.context.database.writing() as connection:
        row = connection.execute(sa.select(table).where(table.c.decision_id == given)).mappings().one()
        connection.execute(sa.insert(table).values({**row, "decision_id": new, **changes}))


@pytest.mark.parametrize(
    "changes",
    [
        {"applied_by": "ghost"},
        {"applied_by": f"{OFFICER.actor_id} "},
        {"module_no": "x"},
        {"approval_document": "x"},
        {"recorded_at": datetime(2026, 1, 15, 9, 0, tzinfo=SHANGHAI)},
        {"approved_fen": 777},
        {"approved_on": date(2026, 1, 15)},
        {"recorded_by": APPROVER.actor_id},
        {"applied_fen": 0},
        {"decision_id": "made-up"},
        {"decision_id": "refused"},
        {"cleared_at": datetime(2026, 1, 15, 9, 0, tzinfo=SHANGHAI)},
        {"withheld_ground": "x"},
    ],
)
def test_filed_again_it_is_held_to_what_a_first_one_is(taken_back: Year, changes: dict[str, Any]) -> None:
    by = {"applied_by": OFFICER.actor_id, "applied_at": taken_back.hospital.context.clock.now()}
    filed = {"state": "applied", "decision_id": "another", "applied_fen": 100, **by}
    with pytest.raises(sa.exc.DBAPIError):
        walk(taken_back, **{**filed, **changes})
    walk(taken_back, **filed)


def test_filed_again_it_has_a_decision_of_its_own(taken_back: Year) -> None:
    """Neither the one that was taken back last nor one of before."""
    first = grants.find_grant(taken_back.hospital.context, OFFICER, taken_back.grant_id).decision_id
    taken_back.apply()
    second = grants.find_grant(taken_back.hospital.context, OFFICER, taken_back.grant_id).decision_id
    withdraw_application(taken_back.hospital.context, OFFICER, second, "填错")
    with taken_back.hospital.context.database.reading() as connection:
        query = sa.select(FundGrant.decision_id).where(FundGrant.grant_id != taken_back.grant_id)
        beside = connection.scalars(query).one()
    for known in (first, second, beside):
        with pytest.raises(sa.exc.DBAPIError, match="wrong_step: fund_grant"):
            walk(taken_back, state="applied", decision_id=known)


def test_what_was_taken_back_is_neither_approved_nor_declined_by_somebody(hospital: Hospital) -> None:
    year = Year(hospital)
    year.apply()
    insert(hospital, "fund_application_withdrawn", **withdrawn_row(year))
    now, today = hospital.context.clock.now(), hospital.context.clock.today()
    decided = {"recorded_by": APPROVER.actor_id, "recorded_at": now}
    approved = {"approved_fen": 5, "approved_on": today, "approval_document": "x"}
    for values in (
        {"state": "approved", **approved, **decided},
        {"state": "declined", **decided},
        *({"state": "declined", name: value} for name, value in approved.items()),
        {"state": "declined", "recorded_at": now},
    ):
        with pytest.raises(sa.exc.DBAPIError, match="wrong_step: fund_grant"):
            walk(year, **values)
    walk(year, state="declined")
    year.apply()
    assert year.approve().state == "approved"


def test_an_approval_and_then_its_application_are_taken_back_and_filed_again(hospital: Hospital) -> None:
    """What the agency's module numbered doesn't stay behind."""
    year = Year(hospital)
    first = year.apply()
    document = grants.RecordApproval(
        year.grant_id, first.decision.amount, hospital.context.clock.today(), "1 号", "YF-1"
    )
    grants.record_approval(hospital.context, APPROVER, document)
    other = type(APPROVER)(INSTITUTION, OFFICER.actor_id, "x", APPROVER.roles)
    approvals.withdraw_approval(hospital.context, other, year.grant_id, "看错")
    withdraw_application(hospital.context, OFFICER, first.decision_id, "填错")
    year.apply(fen=500)
    found = grants.find_grant(hospital.context, OFFICER, year.grant_id)
    assert (found.state, found.applied_fen, found.module_no) == ("applied", 500, "")


# -- Words that say something ---------------------------------------------------------------------------------------


def test_a_ground_of_what_nobody_sees_is_none(lead: Year, clock: FixedClock) -> None:
    hospital, now = lead.hospital, clock.now()
    found = hand_on(lead, 100)
    show(lead, found, 50)
    other = Year(hospital, "weihai-prepay-2025", keys=900)
    other.apply(Fund.RESIDENT)
    insert(hospital, "fund_statement", **statement())
    rows: dict[str, dict[str, Any]] = {
        "fund_quiet_month": quiet(clock),
        "fund_prepay_account": account(clock),
        "fund_use_withdrawn": {
            "distribution_id": found,
            "use_no": 1,
            "withdrawn_by": APPROVER.actor_id,
            "withdrawn_at": now,
        },
        "fund_application_withdrawn": withdrawn_row(other),
        "fund_statement_withdrawn": {"statement_id": "s", "withdrawn_by": OFFICER.actor_id, "withdrawn_at": now},
    }
    for table, row in rows.items():
        for ground in UNSEEN:
            with pytest.raises(sa.exc.DBAPIError, match=f"{table}|has_ground|with_a_ground|with_ground"):
                insert(hospital, table, **{**row, "ground": ground})
        insert(hospital, table, **{**row, "ground": " 核对 "})
    left = {"state": "left", "left_by": OFFICER.actor_id, "left_at": now}
    for ground in (*UNSEEN, " 退出 "):
        if ground.strip("\u3164\u200b\u2800 \t\n\u3000"):
            with hospital.context.database.writing() as connection:
                connection.execute(sa.update(FundMember).values(**left, left_ground=ground))
            continue
        with pytest.raises(sa.exc.DBAPIError), hospital.context.database.writing() as connection:
            connection.execute(sa.update(FundMember).values(**left, left_ground=ground))


def statement(**changes: Any) -> dict[str, Any]:
    rows = dict.fromkeys(("rows_read", "rows_taken"), 1) | dict.fromkeys(("rows_known", "rows_rejected"), 0)
    days = {"first_on": date(2025, 12, 1), "last_on": date(2025, 12, 31)}
    by = {"imported_by": OFFICER.actor_id, "imported_at": datetime(2026, 1, 15, 9, 0, tzinfo=SHANGHAI)}
    file = {"file_name": "x", "file_sha256": "0" * 64, "dedicated": False, "account": "6222000011112222"}
    return {"statement_id": "s", "kind": "bank", "period": "2025-12", **file, **rows, **days, **by, **changes}


def quiet(clock: FixedClock) -> dict[str, Any]:
    said = {"said_by": OFFICER.actor_id, "said_at": clock.now(), "ground": "网银没有"}
    return {"period": "2025-12", "kind": "bank", "step_no": 1, "quiet": True, **said}


def account(clock: FixedClock) -> dict[str, Any]:
    named = {"named_by": OFFICER.actor_id, "named_at": clock.now(), "ground": "换户"}
    return {"step_no": 1, "account": "6222000011112222", "from_on": date(2026, 1, 1), **named}


@pytest.mark.parametrize("number", [*UNSEEN, "-", "—\u3164", "账户"])
def test_an_account_has_a_digit_or_a_letter(hospital: Hospital, clock: FixedClock, number: str) -> None:
    with pytest.raises(sa.exc.DBAPIError, match="fund_statement"):
        insert(hospital, "fund_statement", **statement(account=number))
    with pytest.raises(sa.exc.DBAPIError, match="fund_prepay_account"):
        insert(hospital, "fund_prepay_account", **{**account(clock), "account": number})
    insert(hospital, "fund_statement", **statement(account="６２２２"))
    insert(hospital, "fund_statement", **statement(statement_id="t", kind="agency", account="", file_sha256="1" * 64))
    insert(hospital, "fund_prepay_account", **account(clock))


@pytest.mark.parametrize(
    "period", ["2026-01", "2026-02", "2030-01", "2025-13", "2025-00", "2025-1", "x", "", "2025-1x", "２０２５-12"]
)
def test_a_month_without_a_line_is_a_month_that_is_over(hospital: Hospital, clock: FixedClock, period: str) -> None:
    with pytest.raises(sa.exc.DBAPIError):
        insert(hospital, "fund_quiet_month", **{**quiet(clock), "period": period})
    # The month is over in the hospital's own time: at 00:30 of 1 February there it is January in London.
    clock.moment = datetime(2026, 2, 1, 0, 30, tzinfo=SHANGHAI)
    insert(hospital, "fund_quiet_month", **{**quiet(clock), "period": "2026-01"})


def test_a_correction_of_a_receipt_still_walks_its_grant_back(hospital: Hospital) -> None:
    year = Year(hospital, "weihai-prepay-2025").arrived()
    assert correct(year, "fund_receipt") == "approved"
