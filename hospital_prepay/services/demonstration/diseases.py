"""The diseases of the synthetic hospital: ordinary terms and codes, invented levels and frequencies."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

# Share of employee and resident patients per hundred; the rest pays for itself.
_CLASSES = (34, 58)
_CLASSES_OF = {
    "儿科": (0, 93),
    "新生儿科": (0, 86),
    "产科": (38, 54),
    "急诊医学科": (26, 52),
    "骨科": (31, 56),
    "眼科": (44, 52),
    "康复医学科": (47, 49),
    "肿瘤科": (36, 60),
}

_STEADY = (100,) * 12
_WINTER = (165, 140, 115, 95, 85, 75, 65, 65, 75, 95, 130, 160)
_COLD = (120, 112, 105, 98, 95, 90, 88, 88, 92, 100, 110, 118)
_SUMMER = (70, 75, 90, 100, 110, 130, 145, 135, 115, 95, 80, 75)
_SEASON_OF = {
    "呼吸内科": _WINTER,
    "儿科": _WINTER,
    "心血管内科": _COLD,
    "神经内科": _COLD,
    "急诊医学科": _SUMMER,
    "骨科": (95, 90, 95, 100, 105, 105, 110, 110, 100, 105, 95, 90),
    "泌尿外科": (85, 85, 90, 95, 105, 115, 125, 125, 110, 95, 85, 85),
    "皮肤科": _SUMMER,
}


@dataclass(frozen=True, slots=True)
class Disease:
    """One disease. ``mean_cost_yuan`` is the mean total cost of a case in the middle of 2024."""

    code: str
    name: str
    department: str
    mean_cost_yuan: int
    employee_percent: int
    resident_percent: int
    frequency: int

    def classes(self, year: int) -> tuple[int, int, int]:
        """Patients per hundred that are employee, resident, self-pay: each year a few residents find employment."""
        employee, resident = _CLASSES_OF.get(self.department, _CLASSES)
        moved = 2 * (year - 2023) if employee else 0
        fewer_self_pay = year - 2023
        self_pay = 100 - employee - resident - fewer_self_pay
        return employee + moved, resident - moved + fewer_self_pay, self_pay

    def season(self, month: int) -> int:
        """How many of a hundred usual cases come in ``month`` (1 to 12)."""
        return _SEASON_OF.get(self.department, _STEADY)[month - 1]


@cache
def diseases() -> tuple[Disease, ...]:
    """All diseases of the synthetic hospital, by code."""
    text = (files("hospital_prepay.services.demonstration") / "diseases.csv").read_text("utf-8")
    rows = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    return tuple(
        Disease(
            row["code"],
            row["name"],
            row["department"],
            int(row["mean_cost"]),
            int(row["employee_percent"]),
            int(row["resident_percent"]),
            int(row["frequency"]),
        )
        for row in rows
    )
