"""Money that the bank says went to somebody else is never matched without a person. On both databases."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import pytest

from hospital_prepay.clock import SHANGHAI, FixedClock
from hospital_prepay.domain.money import Money
from hospital_prepay.services.fund import distribution, spending
from hospital_prepay.services.fund.hand_matching import PairByHand, put_together
from hospital_prepay.services.fund.reconciliation import read_month
from hospital_prepay.services.fund.statement_columns import StatementKind
from tests.funding import enter_member
from tests.hospital import Hospital
from tests.services.fund.conftest import APPROVER, OFFICER, PAYER, Year, line
from tests.statements import take

JANUARY = "2026-01"
BUILDER = "某某建筑工程有限公司"
MEMBER = ("H37100000002", "某镇卫生院")


def bank_outcomes(year: Year) -> list[tuple[str, int, int]]:
    found = read_month(year.hospital.context, OFFICER, JANUARY).pairings
    return [(one.outcome.value, one.ours_fen, one.theirs_fen) for one in found if one.side.value == "bank"]


def bank_file(year: Year, clock: FixedClock, folder: Path, left: str) -> None:
    clock.moment = datetime(2026, 2, 3, 9, 0, tzinfo=SHANGHAI)
    came = f"2026-01-15,1000000.00,,1000000.00,某市医疗保障事务中心,预付金,B-1-{year.grant_id}"
    take(year.hospital.context, OFFICER, folder, StatementKind.BANK, JANUARY, came, left)


def test_our_reference_on_a_line_to_somebody_else_is_not_our_payment(
    hospital: Hospital, clock: FixedClock, tmp_path: Path
) -> None:
    year = Year(hospital, "xizang-prepay-2024").arrived()
    paid = spending.PayRequest(year.reserve(line(35_000_000)), "HD-77", year.key)
    spending.pay_request(hospital.context, PAYER, paid)
    bank_file(year, clock, tmp_path, f"2026-01-15,,350000.00,650000.00,{BUILDER},门诊楼工程款,HD-77")
    open_ones = [("only_bank", 0, -35_000_000), ("only_ours", -35_000_000, 0)]
    assert sorted(bank_outcomes(year))[1:] == open_ones
    opened = read_month(hospital.context, OFFICER, JANUARY).open_items
    bank = [one for one in opened if one.side.value == "bank"]
    keys = [tuple(x.key for one in bank for x in side(one)) for side in (lambda o: o.ours, lambda o: o.theirs)]
    put_together(hospital.context, OFFICER, PairByHand(keys[0], keys[1], "供应商委托收款书 3 号"))
    assert {outcome for outcome, *_ in bank_outcomes(year)} == {"matched"}


@pytest.mark.clause("weihai-prepay-2025/2.3")
@pytest.mark.parametrize(("payee", "outcome"), [(BUILDER, "only_ours"), (MEMBER[1], "matched"), ("", "matched")])
def test_a_members_money_goes_to_the_member(
    hospital: Hospital, clock: FixedClock, tmp_path: Path, payee: str, outcome: str
) -> None:
    enter_member(hospital.context, PAYER, APPROVER, *MEMBER)
    year = Year(hospital, "weihai-prepay-2025").arrived()
    asked = distribution.AskDistribution(year.grant_id, MEMBER[0], Money(50_000_000), "医共体分配协议", year.key)
    handed = distribution.ask_distribution(hospital.context, OFFICER, asked)
    decided = distribution.DecideDistribution(handed, True, "ZZ-1", date(2026, 1, 15))
    distribution.decide_distribution(hospital.context, APPROVER, decided)
    bank_file(year, clock, tmp_path, f"2026-01-15,,500000.00,500000.00,{payee},转款,OTHER-SLIP")
    ours = [one for one in bank_outcomes(year) if one[1] == -50_000_000]
    assert [one[0] for one in ours] == [outcome]
