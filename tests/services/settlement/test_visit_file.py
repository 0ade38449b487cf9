"""Events of visits from a table."""

from __future__ import annotations

from pathlib import Path

import pytest

from hospital_prepay.domain.access import Role
from hospital_prepay.domain.errors import MissingColumn, NotPermitted
from hospital_prepay.services.settlement.taken_file import RejectedRow
from hospital_prepay.services.settlement.visit_file import take_visit_file
from tests.hospital import OFFICER, Hospital, actor

TABLE = """事件,住院号,发生时间,姓名,性别,证件号码,病区,参保类型,诊断编码,入院时间,出院时间,离院方式
出院,Z1,2026-01-15 09:30,吴甲,女,11010519491231002x,呼吸内科,390,J15.900,2026-01-12 08:00,2026-01-15 09:20,医嘱离院
入院,Z1,2026-01-12 08:00,吴甲,女,11010519491231002X,呼吸内科,居民医保,J15.900,2026-01-12 08:00,,
入院,Z2,2026-01-14 10:00,石敏,男,,骨二病区,职工医保,J15.900,2026-01-14 10:00,,
回家,Z3,2026-01-14 10:00,,,,,,,,,
出院,,2026-01-14 10:00,,,,,,,,,
出院,Z4,昨天,,,,,,,,,
出院,Z5,,,,,,,,,,
出院,住院,2026-01-14 10:00,,,,,,,,,
"""

pytestmark = pytest.mark.parametrize("database_urls", ["sqlite"], indirect=True)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030"])
def test_a_table_is_taken_row_by_row_and_may_come_again(hospital: Hospital, tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "events.csv"
    path.write_text(TABLE, encoding)
    taken = take_visit_file(hospital.context, OFFICER, path)
    assert (taken.applied, taken.known) == (3, 0)
    assert [one.line for one in taken.rejected] == [5, 6, 7, 8, 9]
    assert taken.rejected[2] == RejectedRow(7, "发生时间“昨天”读不懂。请写 2025-10-10 09:30 这样的时间。")
    again = take_visit_file(hospital.context, OFFICER, path)
    assert (again.applied, again.known) == (0, 3)
    assert hospital.count("stay") == 2
    assert hospital.count("discharge", "stay_no = 'Z1' AND due_on = '2026-01-20' AND disposition = '1'") == 1
    assert hospital.count("visit_message", "source = 'csv'") == 3


def test_a_table_without_its_columns_is_refused_whole(hospital: Hospital, tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_text("住院号,姓名\nZ1,吴甲\n", "utf-8")
    with pytest.raises(MissingColumn):
        take_visit_file(hospital.context, OFFICER, path)
    with pytest.raises(NotPermitted):
        take_visit_file(hospital.context, actor(Role.CASHIER), path)
