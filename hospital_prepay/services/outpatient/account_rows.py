"""A file of outpatient accounts, row by row: what the calculator and the census both read.

Nothing about a person is required: legacy accounts hold 15-digit numbers, phones only, newborns named for their
mother. What can't be done without is the account's number and its balance.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from operator import itemgetter
from pathlib import Path
from typing import Final, NamedTuple

from hospital_prepay.domain.days import UNREADABLE_DAY as UNREADABLE_DAY
from hospital_prepay.domain.days import NotADate, day_of
from hospital_prepay.domain.errors import MalformedInput
from hospital_prepay.domain.masking import mask_within
from hospital_prepay.domain.money import Money, NegativeAmount
from hospital_prepay.domain.plain_text import LONGEST_CODE, LONGEST_NAME, check_text
from hospital_prepay.domain.references import plain_name
from hospital_prepay.domain.rules.outpatient.kinds import MoneyKind, kind_of
from hospital_prepay.domain.rules.outpatient.online import names_somebody
from hospital_prepay.files.tables import Column, Table, open_table

COLUMNS: Final[Mapping[str, Column]] = {
    "account_no": Column("账户号", ("account_no", "账户号", "账号", "门诊号", "就诊卡号", "卡号")),
    "name": Column("姓名", ("name", "姓名", "患者姓名"), required=False),
    "certno": Column("证件号码", ("certno", "证件号码", "证件号", "身份证号", "身份证号码"), required=False),
    "phone": Column("手机号", ("phone", "手机号", "电话", "联系电话", "手机号码"), required=False),
    "balance": Column("余额", ("balance", "余额", "账户余额", "预交金余额")),
    "last_movement_on": Column("最后变动日期", ("last_movement_on", "最后变动日期", "最后交易日期", "最后变动时间")),
    "kind": Column("款项种类", ("kind", "款项种类", "种类", "款项类别"), required=False),
    "unclearable_reason": Column(
        "退不了的原因", ("unclearable_reason", "退不了的原因", "无法清退原因"), required=False
    ),
    "filed_on": Column("备案日期", ("filed_on", "备案日期"), required=False),
    "channel": Column("缴纳途径", ("channel", "缴纳途径", "缴费方式", "充值方式"), required=False),
    "patient_no": Column("患者号", ("patient_no", "患者号", "病人号", "患者ID", "病人ID"), required=False),
}
_KINDS: Final = {**{kind.value: kind for kind in MoneyKind}, **{kind.label: kind for kind in MoneyKind}}
_LONGEST: Final = {"account_no": 40, "unclearable_reason": LONGEST_NAME, "phone": 40, "certno": 40}
# What is this short, printable and without a sign of a formula needs no closer look.
_SHORT: Final = 40
# A spreadsheet reckons with what begins so, and names go into the bank's file.
_FORMULA: Final = tuple("=+-@＝＋－＠")
# The fields of an account after its line, in its order.
_FIELDS: Final = (
    "account_no",
    "kind",
    "balance",
    "last_movement_on",
    "filed_on",
    "name",
    "certno",
    "phone",
    "unclearable_reason",
    "channel",
    "patient_no",
)


class AccountRow(NamedTuple):
    """One account as the file has it. ``kind`` is a deposit where the file has no such column; a day that can't be
    read is unknown, and stands in ``unread`` with the name of its column and what is there instead."""

    line: int
    account_no: str
    kind: MoneyKind
    balance: Money
    last_movement_on: date | None
    filed_on: date | None
    unread: tuple[tuple[str, str], ...] = ()
    name: str = ""
    certno: str = ""
    phone: str = ""
    unclearable_reason: str = ""
    channel: str = ""
    patient_no: str = ""


@dataclass(frozen=True, slots=True)
class RejectedAccount:
    """A row that can't be taken, and what to do about it."""

    line: int
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class _Refused(Exception):
    code: str
    message: str


class AccountReader:
    """Reads the rows of one table. Whether a number stands twice is for its user to find.

    A reader holds nothing but where the columns stand and the day of the balances, if there is one, so that another
    process can go on with it.
    """

    def __init__(self, table: Table, balances_on: date | None = None) -> None:
        self._balances_on = balances_on
        places = table.columns(COLUMNS)
        self._width = len(table.header)
        self._names = tuple(places)
        self._number = places["account_no"]
        self._cells = itemgetter(*places.values())
        # Where each field of an account lies among the cells that are read; an empty text follows the last of them.
        order = {name: number for number, name in enumerate(self._names)}
        self._fields = itemgetter(*(order.get(name, len(order)) for name in _FIELDS))

    def read(self, line: int, cells: Sequence[str]) -> AccountRow | RejectedAccount:
        """The account on one line, or why it can't be taken: words that quote a cell have its numbers masked. In a
        file with its columns shifted that may be a person's."""
        try:
            return self._judge(line, cells)
        except _Refused as refused:
            return RejectedAccount(line, refused.code, mask_within(self._named(cells) + refused.message))

    def _named(self, cells: Sequence[str]) -> str:
        """Which account a row is of, as far as it says so in a way that can be shown."""
        number = cells[self._number].strip() if self._number < len(cells) else ""
        return f"账户 {number}：" if number.isprintable() and 0 < len(number) <= _SHORT else ""

    def _judge(self, line: int, cells: Sequence[str]) -> AccountRow:
        width = len(cells)
        if width != self._width:
            if any(cell.strip() for cell in cells[self._width :]):
                raise _Refused("not_an_amount", "这一行的单元格比表头多，金额里可能有逗号。请给它加上英文双引号。")
            cells = [*cells, *[""] * (self._width - width)]
        values = [cell.strip() for cell in self._cells(cells)]
        values.append("")
        number, kind_word, balance, moved, filed, *texts = self._fields(values)
        if not number:
            raise _Refused("missing_value", "没有账户号。请补上后重新上传。")
        whole = "".join(values)
        if not whole.isprintable() or "=" in whole or max(map(len, values)) > _SHORT:
            for key, text in zip(self._names, values, strict=False):
                if not (text.isprintable() and len(text) <= _SHORT and not text.startswith("=")):
                    _check_text(key, text)
        if not (number.isascii() and number.isalnum()):
            # One account has one number, however wide or widely spaced it was typed.
            number = plain_name(number)
        if texts[0][:1] in _FORMULA and names_somebody(texts[0]):
            raise _Refused("formula", f"姓名以“{texts[0][0]}”开头，表格会当成公式。请照证件改正后重新上传。")
        kind = (_KINDS.get(kind_word) or kind_of(kind_word)) if kind_word else MoneyKind.OUTPATIENT_DEPOSIT
        if kind is None:
            raise _Refused(
                "unknown_kind", f"款项种类“{kind_word[:20]}”不认识。请写以下之一：{'；'.join(_labels())}。"
            )
        row = AccountRow(line, number, kind, _balance(balance), _day(moved), _day(filed), (), *texts)
        if self._balances_on and row.last_movement_on and row.last_movement_on > self._balances_on:
            raise _Refused(
                "date_ahead", f"最后变动日期 {row.last_movement_on} 在余额日期之后。请照原始账查对，改正后重新上传。"
            )
        if (moved and row.last_movement_on is None) or (filed and row.filed_on is None):
            days = (("last_movement_on", moved, row.last_movement_on), ("filed_on", filed, row.filed_on))
            return row._replace(unread=tuple((key, text) for key, text, day in days if text and day is None))
        return row


def duplicate(line: int, account_no: str, first_line: int) -> RejectedAccount:
    """The refusal of an account number that stood on an earlier line."""
    words = f"账户号“{account_no}”与第 {first_line} 行重复。请保留一行，删去另一行。"
    return RejectedAccount(line, "duplicate_account", words)


def unreadable_day(key: str, text: str) -> str:
    """What of a row that was taken deserves a look: a day that nobody can read, and as what it was taken."""
    shown = mask_within(text)[:20]
    if key == "filed_on":
        return f"备案日期“{shown}”读不出来，按没有备案算。请写成 2023-02-28 这样。"
    return f"最后变动日期“{shown}”读不出来，按不详算，不详的不上缴。请写成 2023-02-28 这样。"


def read_accounts(path: Path, take: Callable[[AccountRow | RejectedAccount], None]) -> tuple[str, int]:
    """Hand each row of the file to ``take``; returns the file's SHA-256 and its size in bytes.

    Raises what :func:`open_table` raises, and ``MissingColumn``.
    """
    with open_table(path) as table:
        reader = AccountReader(table)
        for line, cells in table.rows:
            take(reader.read(line, cells))
        return table.sha256, table.size


def _labels() -> list[str]:
    return [kind.label for kind in MoneyKind]


def _check_text(key: str, text: str) -> None:
    if text.startswith("="):
        raise _Refused("formula", f"{COLUMNS[key].label}是公式。请粘贴为数值后重新上传。")
    try:
        check_text(text, _LONGEST.get(key, LONGEST_CODE))
    except MalformedInput as error:
        raise _Refused(error.reason, f"{COLUMNS[key].label}{error.message}") from error


@lru_cache(maxsize=50_000)
def _balance(text: str) -> Money:
    if not text:
        raise _Refused("missing_value", "没有余额。没有钱请写 0。")
    try:
        return Money.of_cell(text)
    except NegativeAmount:
        return -Money.of_cell(text.replace("-", "", 1))
    except MalformedInput as error:
        raise _Refused(error.reason, f"余额{error.message}") from error


@lru_cache(maxsize=20_000)
def _day(text: str) -> date | None:
    try:
        return day_of(text) if text else None
    except NotADate:
        return None
