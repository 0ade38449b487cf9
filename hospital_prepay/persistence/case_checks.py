"""One row of a file of cases, judged: the reference that the bulk check must agree with.

The bulk check lets through only what it is certain of; every other row comes here, so that each amount is read by
``Money`` and each refusal is worded in one place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from hospital_prepay.domain.days import NotADate, day_of
from hospital_prepay.domain.errors import MalformedInput
from hospital_prepay.domain.insured_class import InsuredClass, UnknownClass, insured_class_of, is_self_pay_by_choice
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.plain_text import LONGEST_CODE, LONGEST_NAME, check_text, spelled_out
from hospital_prepay.domain.rules.inpatient.readings import Burden
from hospital_prepay.persistence.case_columns import COLUMNS

# Of several faults in a row the first of these is named.
CODES: Final = (
    "formula",
    "missing_value",
    "invisible_character",
    "too_long",
    "not_a_date",
    "not_an_amount",
    "negative_amount",
    "too_many_decimals",
    "unknown_class",
    "duplicate_case",
    "burden_above_cost",
)

# The longest text of each column that is kept as it stands.
LONGEST: Final = {"case_no": LONGEST_CODE, "disease_code": LONGEST_CODE, "disease_name": LONGEST_NAME}
# Of a cell at fault so much is kept: enough to find it again in the file.
_LONGEST_ORIGINAL: Final = 200
_TEXTS: Final = ("case_no", "discharged_on", "disease_code", "disease_name", "insured_class")


@dataclass(frozen=True, slots=True)
class Case:
    """One discharge that counts. Of a self-pay patient the burden is the whole cost; ``self_pay_by_choice`` tells
    those who are one only because article 14 lets a hospital count them so."""

    case_no: str
    discharged_on: date
    disease_code: str
    disease_name: str
    insured_class: InsuredClass
    total_cost: Money
    burden: Money
    copayment: Money | None
    self_pay_by_choice: bool
    line: int


@dataclass(frozen=True, slots=True)
class RejectedCase:
    """A row left out, where it starts in the file, and what to do about it.

    ``field`` names the column at fault and ``original`` is its cell as it stood, cut short if need be; both are empty
    when the row as a whole is at fault. No other cell is kept.
    """

    line: int
    code: str
    message: str
    field: str = ""
    original: str = ""


@dataclass(frozen=True, slots=True)
class _Fault:
    field: str
    code: str
    message: str


def judge_row(
    line: int,
    cells: Sequence[str],
    columns: Mapping[str, int],
    width: int,
    burden: Burden,
    until: date | None = None,
) -> Case | RejectedCase:
    """Read the cells of a row whose header has ``width`` cells, ``columns`` saying where each value stands.

    Only cells that the measurement uses are judged: not the burden of a self-pay patient, and the copayment only
    when it is the burden (an unreadable one is unknown otherwise). A row with more cells than the header is
    rejected as no amount: its values can't be told apart, mostly because of a bare thousands separator. A discharge
    after ``until`` hasn't happened yet.
    """
    if any(cell.strip() for cell in cells[width:]):
        message = "这一行的单元格比表头多，金额或名称里可能有逗号。请给它加上英文双引号。"
        return RejectedCase(line, "not_an_amount", message)
    values = {key: cells[at].strip() if at < len(cells) else "" for key, at in columns.items()}
    faults: list[_Fault] = []
    insured = _class_of(values["insured_class"], faults)
    used = _used(insured, burden)
    faults += [fault for key in used if (fault := _unusable(key, values[key]))]
    day = _day(values["discharged_on"], until, faults)
    amounts = {key: _amount(key, values[key], faults) for key in used if key not in _TEXTS}
    cost = amounts["total_cost"]
    if cost is not None:
        faults += [_above_cost(key) for key, amount in amounts.items() if amount is not None and amount > cost]
    share = cost if insured is InsuredClass.SELF_PAY else amounts.get("burden")
    if faults or insured is None or day is None or cost is None or share is None:
        first = min(faults, key=lambda fault: CODES.index(fault.code))
        original = spelled_out(values[first.field])
        return RejectedCase(line, first.code, first.message, first.field, original[:_LONGEST_ORIGINAL])
    return Case(
        values["case_no"],
        day,
        values["disease_code"],
        values["disease_name"],
        insured,
        cost,
        share,
        _copayment(values.get("copayment"), insured, cost),
        is_self_pay_by_choice(values["insured_class"]),
        line,
    )


def duplicate(line: int, case_no: str, first_line: int) -> RejectedCase:
    """The refusal of a case number that stood on an earlier line."""
    message = f"结算流水号“{case_no[:40]}”与第 {first_line} 行重复。请保留一行，删去另一行。"
    return RejectedCase(line, "duplicate_case", message, "case_no", case_no)


def _used(insured: InsuredClass | None, burden: Burden) -> tuple[str, ...]:
    if insured is InsuredClass.SELF_PAY:
        return (*_TEXTS, "total_cost")
    return (*_TEXTS, "total_cost", "burden", *(("copayment",) if burden is Burden.COPAYMENT else ()))


def _unusable(key: str, value: str) -> _Fault | None:
    label = COLUMNS[key].label
    if not value:
        return _Fault(key, "missing_value", f"缺少{label}。请补上。")
    if value.startswith("="):
        return _Fault(key, "formula", f"{label}是公式“{spelled_out(value[:40])}”。请改成数值后重新导出。")
    try:
        check_text(value, LONGEST.get(key, len(value)))
    except MalformedInput as error:
        return _Fault(key, error.reason, label + error.message)
    return None


def _class_of(value: str, faults: list[_Fault]) -> InsuredClass | None:
    try:
        return insured_class_of(value)
    except UnknownClass as error:
        faults.append(_Fault("insured_class", error.reason, error.message))
        return None


def _day(value: str, until: date | None, faults: list[_Fault]) -> date | None:
    try:
        day = day_of(value)
    except NotADate as error:
        faults.append(_Fault("discharged_on", error.reason, "出院日期" + error.message))
        return None
    if until is not None and day > until:
        message = f"出院日期“{value[:40]}”在将来（今天是 {until}）。请核对年份。"
        faults.append(_Fault("discharged_on", NotADate.code, message))
    return day


def _amount(key: str, value: str, faults: list[_Fault]) -> Money | None:
    try:
        return Money.of_cell(value)
    except MalformedInput as error:
        faults.append(_Fault(key, error.reason, COLUMNS[key].label + error.message))
        return None


def _above_cost(key: str) -> _Fault:
    return _Fault(key, "burden_above_cost", f"{COLUMNS[key].label}大于住院总费用。请核对这两个金额。")


def _copayment(value: str | None, insured: InsuredClass, cost: Money) -> Money | None:
    if insured is InsuredClass.SELF_PAY:
        return cost
    try:
        amount = Money.of_cell(value or "")
    except MalformedInput:
        return None
    return amount if amount <= cost else None
