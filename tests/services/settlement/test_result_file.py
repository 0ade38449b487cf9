"""Results of the insurance from a table."""

from __future__ import annotations

from pathlib import Path

import pytest

from hospital_prepay.domain.access import Role
from hospital_prepay.domain.errors import MissingColumn, NotPermitted
from hospital_prepay.services.settlement.result_file import take_result_file
from tests.hospital import OFFICER, Hospital, actor

INSURANCE = actor(Role.INSURANCE_CLERK)
HEAD = (
    "住院号,结算流水号,结算时间,医疗费总额,基金支付总额,个人负担总额,个人账户支出,个人现金支出,医院负担金额,证件号码"
)
ROWS = f"""{HEAD}
2601140001,520000S1,2026-01-15 09:30,"5,000.00",3000,2000.00,300.00,1700.00,,11010519491231002x
2601140001,520000S2,2026-01-15 09:40,5000.00,3000.00,2000.00,300.00,1699.99,0,
9999,520000S3,2026-01-15 09:30,1.00,1.00,0,0,0,,
2601140001,520000S4,昨天,1.00,1.00,0,0,0,,
2601140001,520000S5,2026-01-15 09:30,一元,1.00,0,0,0,,
2601140001,,2026-01-15 09:30,1.00,1.00,0,0,0,,
2601140001,520000S1,2026-01-15 09:30,5001.00,3001.00,2000.00,300.00,1700.00,,
2601140001,{"5" * 41},2026-01-15 09:30,1.00,1.00,0,0,0,,
"""

pytestmark = pytest.mark.parametrize("database_urls", ["sqlite"], indirect=True)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030"])
def test_results_are_kept_once_and_what_is_wrong_is_said(hospital: Hospital, tmp_path: Path, encoding: str) -> None:
    hospital.admit()
    path = tmp_path / "results.csv"
    path.write_text(ROWS, encoding)
    taken = take_result_file(hospital.context, INSURANCE, path)
    assert (taken.applied, taken.known) == (2, 0)
    said = {one.line: one.message for one in taken.rejected}
    assert list(said) == [3, 4, 5, 6, 7, 8, 9]
    assert "已收下，但不能用来结算" in said[3]
    assert "9999" in said[4]
    assert "结算时间“昨天”读不懂" in said[5]
    assert "医疗费总额：“一元”不是金额" in said[6]
    assert "没有结算流水号" in said[7]
    assert "内容不一样" in said[8]
    assert "最多 40 个字" in said[9]
    again = take_result_file(hospital.context, INSURANCE, path)
    assert (again.applied, again.known) == (0, 2)
    assert hospital.count("settlement_result", "source = 'csv' AND medfee_sumamt_fen = 500000") == 2
    assert hospital.count("settlement_result", "certificate_hash IS NOT NULL") == 1


def test_only_the_insurance_office_brings_results(hospital: Hospital, tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    path.write_text("住院号,结算流水号\nZ1,S1\n", "utf-8")
    with pytest.raises(MissingColumn):
        take_result_file(hospital.context, INSURANCE, path)
    with pytest.raises(NotPermitted):
        take_result_file(hospital.context, OFFICER, path)
