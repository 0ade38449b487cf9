"""Which column of a statement holds what: the fields of each kind of file, and how banks and agencies head them.

Headings are guesses that a person confirms; what was confirmed is kept for the next file with the same headings.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain, islice
from pathlib import Path
from typing import Final

from hospital_prepay.domain.errors import MalformedInput
from hospital_prepay.domain.plain_text import spelled_out
from hospital_prepay.files.tables import Rows, open_table

# Banks print the account and the span above the headings; further down than this there are none.
_MOST_ABOVE: Final = 20
MOST_COLUMNS: Final = 100
_SAMPLE: Final = 4
_LONGEST_HEADING: Final = 60
_LONGEST_CELL: Final = 40
_ACCOUNT: Final = re.compile(r"(?<!对方)(?:账号|帐号|账户号码|卡号)[:： ]*([0-9*][0-9* -]{4,38}[0-9])", re.ASCII)


class StatementKind(StrEnum):
    """What a file is."""

    BANK = "bank"
    AGENCY = "agency"
    TOTALS = "totals"

    @property
    def label(self) -> str:
        """The Chinese word on screens."""
        return {"bank": "银行流水", "agency": "医保对账单", "totals": "本院期末余额"}[self.value]


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a statement: its Chinese name, whether it must be there, and its usual headings, surest first."""

    label: str
    hints: tuple[str, ...]
    required: bool = False


_DAY: Final = Field("日期", ("交易日期", "业务日期", "拨付日期", "记账日期", "入账日期", "交易时间", "日期"), True)
_REFERENCE: Final = ("交易流水号", "业务流水号", "流水号", "回单号", "凭证号", "单据号")
_REMARK: Final = Field("摘要或备注", ("摘要", "备注", "附言", "用途", "款项说明"))
FIELDS: Final[Mapping[StatementKind, Mapping[str, Field]]] = {
    StatementKind.BANK: {
        "day": _DAY,
        "credit": Field("贷方发生额（收入）", ("贷方发生额", "贷方金额", "收入金额", "转入金额", "贷方", "收入")),
        "debit": Field("借方发生额（支出）", ("借方发生额", "借方金额", "支出金额", "转出金额", "借方", "支出")),
        "amount": Field("发生额（只有一列时）", ("发生额", "交易金额", "金额")),
        "direction": Field("借贷标志（只有一列时）", ("借贷标志", "借贷方向", "收支方向", "借贷")),
        "balance": Field("余额", ("账户余额", "余额")),
        "payee": Field("对方户名", ("对方户名", "对方名称", "对方单位", "对方账户名称", "收款人", "付款人")),
        "remark": _REMARK,
        "reference": Field("流水号", _REFERENCE),
    },
    StatementKind.AGENCY: {
        "day": _DAY,
        "event": Field("业务类型", ("业务类型", "款项性质", "款项类型", "事项", "类型"), True),
        "amount": Field("金额", ("发生额", "金额"), True),
        "fund": Field("险种", ("险种", "基金", "医保类型")),
        "balance": Field("预付金余额", ("预付金余额", "余额")),
        "remark": _REMARK,
        "reference": Field("流水号", _REFERENCE),
    },
    StatementKind.TOTALS: {
        "item": Field("项目", ("项目", "科目名称", "科目", "名称"), True),
        "balance": Field("期末余额", ("期末余额", "余额", "金额"), True),
    },
}


@dataclass(frozen=True, slots=True)
class Sheet:
    """An opened statement: its headings, the rows below them with their lines, and the account that the bank prints
    above them, if it does."""

    headings: tuple[str, ...]
    rows: Rows
    sha256: str
    account: str = ""

    @property
    def digest(self) -> str:
        """The set of headings as one number; their order is part of it."""
        return hashlib.sha256("\x1f".join(self.headings).encode()).hexdigest()


@contextmanager
def open_statement(path: Path, kind: StatementKind) -> Iterator[Sheet]:
    """Open a file and find its headings: of the first rows the one in which most fields are named.

    Raises as :func:`~hospital_prepay.files.tables.open_table`.
    """
    with open_table(path) as table:
        if len(table.header) > MOST_COLUMNS:
            words = f"第一行有 {len(table.header)} 列，不像对账文件。"
            raise MalformedInput(f"{words}请只导出要用的列，最多 {MOST_COLUMNS} 列。")
        above = [(1, list(table.header)), *islice(table.rows, _MOST_ABOVE)]
        named = [len(guesses(kind, _headings(cells))) for _, cells in above]
        at = named.index(max(named))
        printed = _printed_account([cells for _, cells in above[:at]])
        yield Sheet(_headings(above[at][1]), chain(above[at + 1 :], table.rows), table.sha256, printed)


def guesses(kind: StatementKind, headings: Sequence[str]) -> dict[str, str]:
    """For each field the heading that is probably its own; no heading twice."""
    found: dict[str, str] = {}
    for exact in (True, False):
        for name, one in FIELDS[kind].items():
            free = [heading for heading in headings if heading and heading not in found.values()]
            if name not in found:
                heading = _first(one.hints, free, exact=exact)
                if heading is not None:
                    found[name] = heading
    if "credit" in found or "debit" in found:
        found.pop("amount", None)
        found.pop("direction", None)
    return found


def check_columns(kind: StatementKind, columns: Mapping[str, str], headings: Sequence[str]) -> dict[str, str]:
    """The mapping as it may be kept. Raises :class:`MalformedInput` with the field at fault."""
    fields = FIELDS[kind]
    chosen = {name: heading for name, heading in columns.items() if heading and name in fields}
    for name, heading in chosen.items():
        if list(headings).count(heading) != 1:
            raise _wrong(name, f"表头里没有“{heading}”，或有两列同名。请重新选。")
        if list(chosen.values()).count(heading) > 1:
            raise _wrong(name, f"“{heading}”选了两次。一列只能选一次。")
    for name, one in fields.items():
        if one.required and name not in chosen:
            raise _wrong(name, f"请选哪一列是{one.label}。")
    if kind is StatementKind.BANK and not ({"credit", "debit"} <= set(chosen) or "amount" in chosen):
        raise _wrong("credit", "请选收入和支出两列；只有一列金额的，选“发生额”。")
    return chosen


def sample_of(sheet: Sheet) -> list[list[str]]:
    """The first rows under the headings, cut to be looked at."""
    width = len(sheet.headings)
    rows = (list(cells[:width]) + [""] * (width - len(cells)) for _, cells in islice(sheet.rows, _SAMPLE))
    return [[spelled_out(cell.strip())[:_LONGEST_CELL] for cell in cells] for cells in rows]


def _printed_account(rows: Sequence[Sequence[str]]) -> str:
    """The account that stands above the headings, in one cell with its name or in the next one. The first counts."""
    for cells in rows:
        found = _ACCOUNT.search(" ".join(cell.strip() for cell in cells if cell.strip()))
        if found:
            return "".join(found[1].split())
    return ""


def _headings(cells: Sequence[str]) -> tuple[str, ...]:
    return tuple(spelled_out(cell.strip().strip("\ufeff").strip())[:_LONGEST_HEADING] for cell in cells)


def _first(hints: Sequence[str], headings: Sequence[str], *, exact: bool) -> str | None:
    for hint in hints:
        for heading in headings:
            plain = heading.replace("（", "(").partition("(")[0].strip()
            if plain == hint if exact else hint in heading:
                return heading
    return None


def _wrong(name: str, message: str) -> MalformedInput:
    return MalformedInput(message, code="wrong_column", details={"field": f"column-{name}"})
