"""Costs of stays in hospital, and warnings that never ask for more than the cap."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from hospital_prepay.clock import FixedClock
from hospital_prepay.domain.access import Role
from hospital_prepay.domain.errors import Conflict, MalformedInput, NotFound, NotPermitted
from hospital_prepay.domain.ledger.chart import Tender
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.settlement.cost_risk import CostRisk, risk_of, what_may_be_done
from hospital_prepay.persistence.database import Database
from hospital_prepay.services.inpatient.deposits import CollectDeposit, collect_deposit
from hospital_prepay.services.settlement.costs import Costs, record_costs, risk_tasks, take_cost_file, warnings
from tests.hospital import ADMITTED, CASHIER, OFFICER, Hospital, actor
from tests.services.settlement.test_settling import NO, hand_over

pytestmark = pytest.mark.clause("guizhou-deposit-2025/25")


@pytest.fixture
def lying(hospital: Hospital) -> Hospital:
    """A stay with a cap of 3,200 and a deposit of 1,000."""
    hospital.admit()
    taken = CollectDeposit(NO, Money(100_000), Tender.CASH, "c-first-1")
    assert collect_deposit(hospital.context, CASHIER, taken).receipt_no
    return hospital


def tell(hospital: Hospital, total: int, own: int, at: datetime = ADMITTED) -> None:
    record_costs(hospital.context, CASHIER, Costs(NO, at, Money(total), Money(own)))


def warned(hospital: Hospital) -> list[tuple[int, tuple[str, ...]]]:
    return [(one.risk.gap_fen, one.words) for one in warnings(hospital.context, OFFICER).rows]


def test_costs_that_run_ahead_are_warned_of_up_to_the_cap(lying: Hospital) -> None:
    tell(lying, 400_000, 79_999)
    assert warned(lying) == []
    later = ADMITTED + timedelta(hours=1)
    tell(lying, 500_000, 150_000, later)
    [(gap, words)] = warned(lying)
    assert gap == 50_000
    assert "最多 500.00 元" in words[0]
    tell(lying, 9_000_000, 2_000_000, later + timedelta(hours=1))
    [(gap, words)] = warned(lying)
    assert (gap, "最多 2,200.00 元" in words[0]) == (1_900_000, True), "the cap of 3,200 binds whatever it costs"
    taken = CollectDeposit(NO, Money(220_000), Tender.CASH, "c-second-1")
    assert collect_deposit(lying.context, CASHIER, taken).receipt_no
    [(_, words)] = warned(lying)
    assert "已到额度，不再收" in words[0]
    assert warnings(lying.context, OFFICER, "儿科").rows == ()


def test_finance_and_wards_find_the_warnings_at_home(lying: Hospital) -> None:
    tell(lying, 400_000, 79_999)
    assert risk_tasks(lying.context, OFFICER) == []
    later = ADMITTED + timedelta(hours=1)
    tell(lying, 500_000, 150_000, later)
    for who in (OFFICER, actor(Role.WARD)):
        [task] = risk_tasks(lying.context, who)
        assert (task.kind, task.pile.count, task.pile.since) == ("cost_risk", 1, later)
    assert risk_tasks(lying.context, CASHIER) == []


def test_who_was_discharged_is_warned_of_no_more(lying: Hospital) -> None:
    tell(lying, 500_000, 150_000)
    assert warned(lying)
    hand_over(lying)
    assert warned(lying) == []


def test_the_same_moment_is_told_once(lying: Hospital, clock: FixedClock) -> None:
    tell(lying, 500_000, 150_000)
    tell(lying, 500_000, 150_000)
    with pytest.raises(Conflict):
        tell(lying, 500_001, 150_000)
    with pytest.raises(MalformedInput, match="不能晚于现在"):
        tell(lying, 1, 1, clock.now() + timedelta(seconds=1))
    with pytest.raises(MalformedInput, match="不能大于费用总额"):
        tell(lying, 1, 2, ADMITTED + timedelta(hours=1))
    with pytest.raises(NotFound):
        record_costs(lying.context, CASHIER, Costs("NONE", ADMITTED, Money(1), Money(1)))
    with pytest.raises(NotPermitted):
        record_costs(lying.context, OFFICER, Costs(NO, ADMITTED, Money(1), Money(1)))
    assert lying.count("stay_cost") == 1


def test_a_file_takes_what_can_be_used(lying: Hospital, tmp_path: Path) -> None:
    path = tmp_path / "costs.csv"
    path.write_text(
        "住院号,截至时间,费用总额,预计个人负担\n"
        f'{NO},2026-01-14 10:00,5000.00,"1,500.00"\n'
        "NONE,2026-01-14 10:00,1,1\n"
        f"{NO},昨天,1,1\n"
        f"{NO},2026-01-14 11:00,x,1\n",
        "utf-8",
    )
    taken = take_cost_file(lying.context, OFFICER, path)
    assert (taken.applied, [one.line for one in taken.rejected]) == (1, [3, 4, 5])
    assert [gap for gap, _ in warned(lying)] == [50_000]
    with pytest.raises(NotPermitted):
        take_cost_file(lying.context, CASHIER, path)


def test_the_words_never_ask_above_the_cap() -> None:
    assert risk_of(80, 100, None, 80) == CostRisk(0, None)
    assert risk_of(79, 100, 100, 80) is None
    assert risk_of(0, 0, 100, 80) is None
    for gap in (0, 1, 10_000):
        for room in (0, 1, 5_000):
            words = "；".join(what_may_be_done(CostRisk(gap, room), is_self_pay=False, pays_later=False))
            assert ("最多" in words) == (gap > 0 and room > 0)
            if gap and room:
                assert f"最多 {Money(min(gap, room))} 元" in words
    later = what_may_be_done(CostRisk(1, 1), is_self_pay=True, pays_later=True)
    assert [one[:5] for one in later] == ["请核对医保", "先诊疗后付", "有困难的，"]


@pytest.mark.parametrize("statement", ["UPDATE stay_cost SET own_fen = 0", "DELETE FROM stay_cost"])
def test_raw_sql_changes_no_costs(lying: Hospital, database: Database, statement: str) -> None:
    tell(lying, 500_000, 150_000)
    with (
        pytest.raises(sa.exc.DBAPIError, match=r"append_only|permission denied"),
        database.writing() as connection,
    ):
        connection.execute(sa.text(statement))
