from __future__ import annotations

import csv
from datetime import date
from pathlib import Path

import pytest

from hospital_prepay.domain.errors import RulebookFault
from hospital_prepay.rulebook.holidays import announced_years, read_announced_year

GOOD = """\
year: 2025
source: a notice
holidays:
  - {name: 元旦, from: 2025-01-01, to: 2025-01-01}
  - {name: 劳动节, from: 2025-05-01, to: 2025-05-05, work: [2025-04-27]}
  - {name: 国庆节, from: 2025-10-01, to: 2025-10-08}
"""


def test_the_notices_of_2025_and_2026_come_with_the_program() -> None:
    years = announced_years()
    assert sorted(years) == [2025, 2026]
    assert "国办发明电〔2024〕12号" in years[2025].source
    assert "国办发明电〔2025〕7号" in years[2026].source
    assert (len(years[2025].off), len(years[2025].work)) == (28, 5)
    assert (len(years[2026].off), len(years[2026].work)) == (33, 6)


def test_a_well_formed_file_is_read() -> None:
    announced = read_announced_year(GOOD, "cn-2025.yaml")
    assert announced.off[date(2025, 10, 8)] == "国庆节"
    assert announced.work == {date(2025, 4, 27): "劳动节"}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("source: a notice", "sources: a notice"),
        ("source: a notice", "source: a notice\nextra: 1"),
        ("source: a notice", "source: a notice\nsource: another"),
        ("source: a notice", "source: ''"),
        ("year: 2025", "year: '2025'"),
        ("work: [2025-04-27]", "works: [2025-04-27]"),
        ("work: [2025-04-27]", "work: 2025-04-27"),
        ("work: [2025-04-27]", "work: [2025-04-28]"),
        ("to: 2025-05-05,", ""),
        ("to: 2025-05-05", "to: 2025-04-05"),
        ("to: 2025-05-05", "to: soon"),
        ("to: 2025-05-05", "to: 2025-05-05 10:00:00"),
        ("to: 2025-10-08", "to: 2025-10-18"),
        ("to: 2025-10-08", "to: 2025-10-02"),
        ("name: 元旦", "name: 1"),
        ("{name: 元旦, from: 2025-01-01, to: 2025-01-01}", "{name: 元旦, from: 2025-05-01, to: 2025-05-01}"),
        ("holidays:", "holidays: {"),
        ("holidays:", "holidays: 1\nmore:"),
        (GOOD, "[]"),
    ],
)
def test_a_wrong_or_misplaced_key_stops_loading(old: str, new: str) -> None:
    assert old in GOOD
    with pytest.raises(RulebookFault) as caught:
        read_announced_year(GOOD.replace(old, new), "cn-2025.yaml")
    assert caught.value.details["file"] == "calendar/cn-2025.yaml"
    assert caught.value.details["problem"]


def test_the_files_say_what_the_shared_list_of_days_says() -> None:
    listed = Path(__file__).parents[1] / "data" / "holidays_cn_2025_2026.csv"
    rows = csv.DictReader(line for line in listed.read_text("utf-8").splitlines() if not line.startswith("#"))
    expected = {(date.fromisoformat(row["date"]), row["kind"], CHINESE[row["name"]]) for row in rows}
    found = set()
    for announced in announced_years().values():
        found |= {(day, "off", name) for day, name in announced.off.items()}
        found |= {(day, "work", name) for day, name in announced.work.items()}
    assert found == expected


CHINESE = {
    "New Year's Day": "元旦",
    "Spring Festival": "春节",
    "Tomb-sweeping Day": "清明节",
    "Labour Day": "劳动节",
    "Dragon Boat Festival": "端午节",
    "Mid-autumn Festival": "中秋节",
    "National Day": "国庆节",
}
