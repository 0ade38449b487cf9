"""The lines of a statement, read one by one: what can't be taken is told with its line and a stable code."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final, TypeVar

from hospital_prepay.domain.days import day_of
from hospital_prepay.domain.errors import MalformedInput
from hospital_prepay.domain.money import ZERO, Money
from hospital_prepay.domain.plain_text import LONGEST_CODE, LONGEST_NAME, check_text, spelled_out
from hospital_prepay.domain.references import payment_reference
from hospital_prepay.domain.rules.fund.movements import Event
from hospital_prepay.services.fund.statement_columns import FIELDS, Sheet, StatementKind

_T = TypeVar("_T")
# Every page of a reconciliation looks at all lines: a month of a hospital's prepayments has some dozens.
MOST_LINES: Final = 20_000
# No hospital was prepaid anything before.
EARLIEST: Final = date(2000, 1, 1)
_LONGEST_ORIGINAL: Final = 200
_MINUS: Final = ("-", "−", "－", "﹣")
_IN: Final = ("贷", "收", "入", "C", "+")
_OUT: Final = ("借", "支", "付", "出", "D", "-")
# What agencies call their lines; the first that fits counts: an offset within a settlement is an offset.
_EVENTS: Final = (
    (Event.OFFSET, ("冲抵", "抵扣", "抵减", "轧差")),
    (Event.RETURN, ("收回", "交回", "退回", "归还")),
    (Event.SETTLEMENT, ("结算", "清算")),
    (Event.GRANT, ("拨付", "预付", "预拨", "下达")),
)
_ITEMS: Final = (("earmark", ("未用", "专款")), ("owed", ("应还", "医保预付金", "23050101", "集采专项预付")))


@dataclass(frozen=True, slots=True)
class ReadLine:
    """One line as it may be kept; ``line_id`` follows from its content."""

    line_no: int
    on_day: date
    amount_fen: int
    balance_fen: int | None = None
    event: str = ""
    fund: str = ""
    item: str = ""
    reference: str = ""
    payee: str = ""
    remark: str = ""
    line_id: str = ""


@dataclass(frozen=True, slots=True)
class RejectedLine:
    """A line left out, why, and the cell at fault; its day where that could be read."""

    line_no: int
    code: str
    message: str
    original: str = ""
    on_day: date | None = None


@dataclass(frozen=True, slots=True)
class ReadStatement:
    """The lines of a file: new to it, repeated within it, and rejected."""

    lines: tuple[ReadLine, ...]
    repeated: int
    rejected: tuple[RejectedLine, ...]


class _Fault(MalformedInput):
    """A cell that can't be read; ``original`` is what stands there."""

    def __init__(self, code: str, message: str, original: str = "") -> None:
        super().__init__(message, code=code)
        self.original = spelled_out(original)[:_LONGEST_ORIGINAL]


def read_lines(
    sheet: Sheet, kind: StatementKind, columns: Mapping[str, str], last_day: date, today: date
) -> ReadStatement:
    """Every line of ``sheet``; totals stand for ``last_day`` of their month. Nothing after ``today``
    or before 2000 is taken."""
    at = {name: sheet.headings.index(heading) for name, heading in columns.items()}
    make = {StatementKind.BANK: _bank, StatementKind.AGENCY: _agency, StatementKind.TOTALS: _totals}[kind]
    found: dict[str, ReadLine] = {}
    rejected: list[RejectedLine] = []
    without_number: Counter[str] = Counter()
    repeated = 0
    for line_no, cells in sheet.rows:
        if len(found) + len(rejected) >= MOST_LINES:
            raise MalformedInput(f"一份对账文件最多 {MOST_LINES:,} 行。请按月分开导出后再导入；本次没有导入。")
        try:
            _check_width(cells, len(sheet.headings))
            values = {name: cells[place].strip() if place < len(cells) else "" for name, place in at.items()}
            _check_cells(kind, values)
            line = _dated(make(line_no, values, last_day), today)
        except _Fault as fault:
            day = _day_of(cells, at)
            rejected.append(RejectedLine(line_no, fault.reason, fault.message, fault.original, day))
            continue
        known = _identified(kind, line, without_number, sheet.sha256)
        repeated += known.line_id in found
        found.setdefault(known.line_id, known)
    return ReadStatement(tuple(found.values()), repeated, tuple(rejected))


def _day_of(cells: Sequence[str], at: Mapping[str, int]) -> date | None:
    place = at.get("day", len(cells))
    try:
        return _day(cells[place].strip()) if place < len(cells) else None
    except _Fault:
        return None


def _bank(line_no: int, values: Mapping[str, str], _last_day: date) -> ReadLine:
    day = _day(values["day"])
    if "amount" in values:
        amount = _directed(values)
    else:
        credit, debit = _amount("credit", values), _amount("debit", values)
        if credit and debit:
            raise _Fault("both_sides", "收入和支出两列都有金额，只能有一个。请核对这一行。", values["debit"])
        amount = (credit - debit).fen
    if not amount:
        raise _Fault("no_amount", "这一行没有金额。请核对；不是流水的行可以不理。")
    balance = _signed("balance", values["balance"]) if values.get("balance") else None
    texts = {name: values.get(name, "") for name in ("reference", "payee", "remark")}
    return ReadLine(line_no, day, amount, balance, **texts)


def _agency(line_no: int, values: Mapping[str, str], _last_day: date) -> ReadLine:
    day = _day(values["day"])
    event = next((one for one, words in _EVENTS if any(word in values["event"] for word in words)), None)
    if event is None:
        words = f"不认识业务类型“{values['event'][:20]}”。请写明拨付、收回、冲抵或结算。"
        raise _Fault("unknown_event", words, values["event"])
    signed = event is Event.SETTLEMENT
    amount = _signed("amount", values["amount"]) if signed else _amount("amount", values).fen
    if not amount:
        raise _Fault("no_amount", "这一行的金额是零。请核对。", values["amount"])
    balance = _signed("balance", values["balance"]) if values.get("balance") else None
    texts = {name: values.get(name, "") for name in ("reference", "remark")}
    fund = _fund(values.get("fund", ""))
    return ReadLine(line_no, day, amount, balance, event.value, fund, **texts)


def _totals(line_no: int, values: Mapping[str, str], last_day: date) -> ReadLine:
    item = next((one for one, words in _ITEMS if any(word in values["item"] for word in words)), None)
    if item is None:
        words = f"用不到项目“{values['item'][:20]}”。这里只收应还医保（预收医保预付金）和专款未用的余额。"
        raise _Fault("unknown_item", words, values["item"])
    return ReadLine(line_no, last_day, _signed("balance", values["balance"]), item=item, remark=values["item"])


def _dated(line: ReadLine, today: date) -> ReadLine:
    if line.on_day < EARLIEST:
        words = f"日期 {line.on_day} 太早，对账只收 {EARLIEST.year} 年以后的。请核对年份。"
        raise _Fault("too_early", words, str(line.on_day))
    if line.on_day > today:
        raise _Fault("future_date", f"日期 {line.on_day} 在将来（今天是 {today}）。请核对年份。", str(line.on_day))
    return line


def _identified(kind: StatementKind, line: ReadLine, without_number: Counter[str], sha256: str) -> ReadLine:
    """The same with its id: the bank's reference with day and amount; without one all that it says, and which of the
    equal ones in its file it is. A closing balance is said anew by every file."""
    parts = [kind.value, line.on_day.isoformat(), str(line.amount_fen), line.event, line.item]
    reference = payment_reference(line.reference)
    if line.item:
        parts += [sha256, str(line.line_no)]
    elif reference:
        parts.append(reference)
    else:
        parts += [line.fund, str(line.balance_fen), line.payee, line.remark]
        content = "\x1f".join(parts)
        without_number[content] += 1
        parts.append(f"#{without_number[content]}")
    return replace(line, line_id=hashlib.sha256("\x1f".join(parts).encode()).hexdigest())


def _directed(values: Mapping[str, str]) -> int:
    """The one amount of a bank that prints a sign, or a column that says which way."""
    amount = _signed("amount", values["amount"])
    word = values.get("direction", "").upper()
    if not word:
        return amount
    if any(sign in word for sign in _IN):
        return amount
    if any(sign in word for sign in _OUT):
        return -amount
    raise _Fault("unknown_direction", f"看不出“{word[:20]}”是收入还是支出。请写借或贷。", word)


def _amount(name: str, values: Mapping[str, str]) -> Money:
    text = values.get(name, "")
    return _read(name, text, Money.of_cell) if text not in ("", "-", "—", "/") else ZERO


def _signed(name: str, text: str) -> int:
    plain = text.lstrip()
    minus = plain[:1] in _MINUS
    amount = _read(name, plain[1:] if minus else plain, Money.of_cell, text)
    return -amount.fen if minus else amount.fen


def _day(text: str) -> date:
    return _read("day", text, day_of)


def _read(name: str, text: str, read: Callable[[str], _T], original: str = "") -> _T:
    try:
        return read(text)
    except MalformedInput as error:
        raise _Fault(error.reason, f"{_LABELS[name]}{error.message}", original or text) from error


def _fund(text: str) -> str:
    employee, resident = "职工" in text or "310" in text, "居民" in text or "390" in text
    if employee and resident:
        return "all"
    return "employee" if employee else "resident" if resident else "all" if "合计" in text else ""


def _check_width(cells: Sequence[str], width: int) -> None:
    if any(cell.strip() for cell in cells[width:]):
        raise _Fault("too_many_cells", "这一行的单元格比表头多。金额或名称里有逗号时，请加上英文双引号。")


def _check_cells(kind: StatementKind, values: Mapping[str, str]) -> None:
    for name, value in values.items():
        if value.startswith("="):
            words = f"{_LABELS[name]}是公式“{spelled_out(value[:40])}”。请改成数值后重新导出。"
            raise _Fault("formula", words, value)
        if not value and FIELDS[kind][name].required:
            raise _Fault("missing_value", f"缺少{_LABELS[name]}。请补上；合计之类的行可以不理。")
        try:
            check_text(value, LONGEST_CODE if name == "reference" else LONGEST_NAME)
        except MalformedInput as error:
            raise _Fault(error.reason, _LABELS[name] + error.message, value) from error


_LABELS: Final = {name: one.label for fields in FIELDS.values() for name, one in fields.items()}
