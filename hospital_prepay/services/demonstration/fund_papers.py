"""The papers of a past year as bank, agency and general ledger would send them, written from the plan and not from
the books; taken in, matched, and every month closed by two people at zero difference."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from hospital_prepay.clock import SHANGHAI
from hospital_prepay.domain.access import Role
from hospital_prepay.domain.errors import Conflict
from hospital_prepay.domain.money import Money
from hospital_prepay.services.demonstration.stage import Stage
from hospital_prepay.services.fund.closing import ClosePeriod, check_closing, make_closing
from hospital_prepay.services.fund.grants import FUND_NAMES
from hospital_prepay.services.fund.months import first_and_last
from hospital_prepay.services.fund.reconciliation import read_month
from hospital_prepay.services.fund.statement_columns import StatementKind
from hospital_prepay.services.fund.statements import ImportStatement, import_statement, look_at

_BANK: Final = ("交易日期", "贷方发生额", "借方发生额", "余额", "对方户名", "摘要", "流水号")
_AGENCY: Final = ("业务日期", "业务类型", "险种", "金额", "备注")
_ACCOUNT: Final = "演示账户 2705 0001"
_TOTALS: Final = ("项目", "期末余额")
# The account holds the hospital's own money, too: so much at first, and so much more at the end of every month.
_OWN: Final = Money.of_yuan("2000000")
_TAKEN: Final = Money.of_yuan("186000")


@dataclass(frozen=True, slots=True)
class BankLine:
    """One line on the bank account: money in above zero."""

    on: date
    amount: Money
    payee: str
    words: str
    reference: str


@dataclass
class Papers:
    """Lines of a year in the order of their days; ``owed`` and ``cash`` are what the general ledger shows then."""

    agency: str
    fund: str
    bank_lines: list[BankLine] = field(default_factory=list)
    agency_lines: list[tuple[str, ...]] = field(default_factory=list)
    balances: list[tuple[date, Money, Money]] = field(default_factory=list)

    def came(self, on: date, amount: Money, words: str, reference: str, payer: str = "") -> None:
        """Money on the bank account, from the agency unless ``payer`` is another."""
        self.bank_lines.append(BankLine(on, amount, payer or self.agency, words, reference))

    def left(self, on: date, amount: Money, payee: str, words: str, reference: str) -> None:
        """Money that left it."""
        self.bank_lines.append(BankLine(on, -amount, payee or self.agency, words, reference))

    def said(self, on: date, event: str, amount: Money) -> None:
        """A line of the agency's own statement."""
        self.agency_lines.append((on.isoformat(), event, FUND_NAMES[self.fund], amount.plain(), "演示"))

    def stood(self, on: date, owed: Money, cash: Money) -> None:
        """What is owed and what is unspent of the grant at the end of a day."""
        self.balances.append((on, owed, cash))

    def months(self) -> list[str]:
        """Every month from the first line to the last."""
        days = sorted(on for on, _, _ in self.balances)
        first, last = days[0], days[-1]
        return [
            f"{number // 12:04}-{number % 12 + 1:02}"
            for number in range(first.year * 12 + first.month - 1, last.year * 12 + last.month)
        ]

    def bank_rows(self) -> list[tuple[str, ...]]:
        """The whole account as the bank prints it, with the balance after each line."""
        own = [
            BankLine(_last_day(one), _TAKEN, "演示收单银行", "扫码收款", f"演示收单 {one}") for one in self.months()
        ]
        balance = _OWN
        rows: list[tuple[str, ...]] = []
        for line in sorted((*self.bank_lines, *own), key=lambda one: one.on):
            balance += line.amount
            credit, debit = (line.amount.plain(), "") if line.amount.fen > 0 else ("", (-line.amount).plain())
            day = line.on.isoformat()
            rows.append((day, credit, debit, balance.plain(), line.payee, line.words, line.reference))
        return rows

    def at_end_of(self, month: str) -> tuple[Money, Money]:
        """The balances at the end of a month."""
        _, owed, cash = [one for one in sorted(self.balances, key=lambda x: x[0]) if one[0].isoformat()[:7] <= month][
            -1
        ]
        return owed, cash


def _last_day(month: str) -> date:
    return first_and_last(month)[1]


def reconcile_year(stage: Stage, papers: Papers, day: date) -> None:
    """Take the papers in on ``day`` and close every month. A month that is closed already stays closed."""
    moments = (datetime.combine(day, time(9, minute), SHANGHAI) for minute in count())
    with TemporaryDirectory(dir=stage.context.settings.data_dir) as folder:
        for kind, period, path in _files(papers, Path(folder)):
            _take(stage, next(moments), kind, period, path)
    for month in papers.months():
        _close(stage, next(moments), month)


def _files(papers: Papers, folder: Path) -> Iterator[tuple[StatementKind, str, Path]]:
    last = papers.months()[-1]
    yield StatementKind.BANK, last, _written(folder / "银行流水（演示）.csv", _BANK, papers.bank_rows())
    yield (
        StatementKind.AGENCY,
        last,
        _written(folder / "医保对账单（演示）.csv", _AGENCY, sorted(papers.agency_lines)),
    )
    for month in papers.months():
        owed, cash = papers.at_end_of(month)
        rows = [("预收医保预付金", owed.plain()), ("专款未用", cash.plain())]
        yield StatementKind.TOTALS, month, _written(folder / f"期末余额 {month}（演示）.csv", _TOTALS, rows)


def _written(path: Path, head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Path:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows([head, *rows])
    return path


def _take(stage: Stage, moment: datetime, kind: StatementKind, period: str, path: Path) -> None:
    officer, context = stage.actor(Role.FINANCE_OFFICER), stage.at(moment)
    columns = look_at(context, officer, kind, path).columns
    command = ImportStatement(kind, period, path, path.name, columns, account=_ACCOUNT)
    import_statement(context, officer, command)


def _close(stage: Stage, moment: datetime, month: str) -> None:
    officer, approver, context = (
        stage.actor(Role.FINANCE_OFFICER),
        stage.actor(Role.FINANCE_APPROVER),
        stage.at(moment),
    )
    found = read_month(context, officer, month)
    steps = [one.step for one in found.steps]
    if "checked" in steps:
        return
    if not found.zero:
        raise Conflict(f"演示数据 {month} 没有对平。请换一个数据目录重新启动演示。")
    if "made" not in steps:
        make_closing(context, officer, ClosePeriod(month, found.digest, ""))
    check_closing(context, approver, month, read_month(context, officer, month).digest)
