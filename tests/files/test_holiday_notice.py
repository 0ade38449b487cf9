from __future__ import annotations

from datetime import date

import pytest

from hospital_prepay.domain.calendar import WrongSchedule
from hospital_prepay.domain.errors import MissingColumn, NotATable
from hospital_prepay.files.holiday_notice import WrongScheduleRows, read_holiday_notice

ROWS = """\
2027-01-01,off,元旦
2027-01-02,off,元旦
2027-02-20,work,春节
2027-05-01,off,劳动节
2027-05-02,off,劳动节
2027-10-01,off,国庆节
2027-10-02,off,国庆节
2027-10-03,off,国庆节
"""
GOOD = f"date,kind,name\n{ROWS}"
SOURCE = "演示：虚构的 2027 年安排"


def problems_of(text: str) -> list[tuple[int, str]]:
    with pytest.raises(WrongScheduleRows) as caught:
        read_holiday_notice(text.encode(), SOURCE)
    assert caught.value.message.startswith(f"第 {caught.value.details['rows'][0]['line']} 行")
    return [(row["line"], row["message"]) for row in caught.value.details["rows"]]


def test_a_schedule_is_read_with_its_year_and_source() -> None:
    announced = read_holiday_notice(GOOD.encode(), SOURCE)
    assert (announced.year, announced.source) == (2027, SOURCE)
    assert announced.off[date(2027, 5, 2)] == "劳动节"
    assert announced.work == {date(2027, 2, 20): "春节"}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_chinese_headings_comments_and_empty_lines_are_understood(encoding: str) -> None:
    text = "# 备注\n\n日期,类型,名称,备注\n" + ROWS.replace(",off,", ",放假,").replace(",work,", ",上班,")
    assert read_holiday_notice(text.encode(encoding), SOURCE) == read_holiday_notice(GOOD.encode(), SOURCE)


def test_a_notice_may_name_the_last_days_of_december_before() -> None:
    assert date(2026, 12, 31) in read_holiday_notice((GOOD + "2026-12-31,off,元旦\n").encode(), SOURCE).off


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("2027/3/1,off,元旦", "不是日期"),
        ("2027-02-29,off,春节", "不存在"),
        ("2027-03-01,holiday,春节", "类型"),
        ("2027-03-01,off,", "节日名称"),
        ("2027-03-01,off", "节日名称"),
        ("2027-03-01,work,春节", "不是周末"),
        ("2072-03-01,off,春节", "不是 2027 年"),
        ("2027-01-02,work,元旦", "与第 3 行重复"),
    ],
)
def test_a_wrong_row_is_named_with_its_line(row: str, message: str) -> None:
    [(line, said)] = problems_of(GOOD + row + "\n")
    assert line == 10
    assert message in said


def test_all_wrong_rows_are_named_at_once() -> None:
    assert [line for line, _ in problems_of(GOOD + "x,off,元旦\n\n2027-03-01,off,\n")] == [10, 12]


def test_the_line_is_where_the_record_starts() -> None:
    text = 'date,kind,name\n2027-01-01,off,"元\n旦"\nx,off,元旦\n'
    assert [line for line, _ in problems_of(text)] == [4]


def test_a_schedule_that_stops_early_is_refused_as_a_whole() -> None:
    with pytest.raises(WrongSchedule, match="2027-10-03"):
        read_holiday_notice(GOOD.replace("2027-10-03,off,国庆节\n", "").encode(), SOURCE)


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"date,kind\n2027-01-01,off\n", MissingColumn),
        (b"date,kind,name,\xe5\x90\x8d\xe7\xa7\xb0\n", MissingColumn),
        (b"", NotATable),
        (b"date,kind,name\n", NotATable),
        (b"PK\x03\x04\0\0", NotATable),
        (b"\xff\xff\xff", NotATable),
        (b'date,kind,name\n2027-01-01,off,"x"y\n', NotATable),
        (b"#" * 200_001, NotATable),
    ],
)
def test_what_is_no_schedule_is_refused(content: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        read_holiday_notice(content, SOURCE)
