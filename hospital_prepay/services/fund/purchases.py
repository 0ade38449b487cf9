"""All purchases of drugs and consumables, and how much of them was bought off the provincial platform.

A file is taken in whole or not at all: whoever corrects the lines that were told sends the file again, and lines that
are there already are passed over.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.days import day_of
from hospital_prepay.domain.errors import MalformedInput, NoUsableRow, PrepayError
from hospital_prepay.domain.ledger.grant_usage import month_of
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.plain_text import check_text
from hospital_prepay.domain.rules.fund.purchases import Bought, platform_order
from hospital_prepay.domain.rules.publication.scope import Ownership
from hospital_prepay.files.tables import Column, open_table
from hospital_prepay.persistence import purchases as store
from hospital_prepay.persistence.locks import lock_name
from hospital_prepay.persistence.purchases import Purchase
from hospital_prepay.persistence.queries import fund_usage
from hospital_prepay.services.access.refusals import keep_refusal
from hospital_prepay.services.context import Context
from hospital_prepay.services.fund.usage import days_of
from hospital_prepay.services.publication.institution import hospital_of

LINES_A_PAGE: Final = 50
_SHOWN: Final = 20
_FIRST_DAY: Final = date(2000, 1, 1)
_KINDS: Final = {
    "药品": "drug",
    "drug": "drug",
    "耗材": "consumable",
    "医用耗材": "consumable",
    "consumable": "consumable",
}
COLUMNS: Final[Mapping[str, Column]] = {
    "bought_on": Column("采购日期", ("bought_on", "采购日期", "日期", "入库日期")),
    "kind": Column("类别", ("kind", "类别", "种类")),
    "name": Column("名称", ("name", "名称", "品名", "药品名称", "耗材名称")),
    "code": Column("国家编码", ("code", "国家编码", "医保编码"), required=False),
    "amount": Column("金额", ("amount", "金额", "采购金额")),
    "supplier": Column("供应商", ("supplier", "供应商", "供货单位")),
    "order_no": Column("平台订单号", ("order_no", "平台订单号", "订单号")),
    "reason": Column("网下采购理由", ("reason", "网下采购理由", "理由"), required=False),
}
_MINUS: Final = ("-", "−", "－", "﹣")
_LONGEST: Final = {"code": 40, "order_no": 80}
_MAY_BE_EMPTY: Final = frozenset({"code", "order_no", "reason"})
# Where the ground stands: of each place's notice the clause that names it.
GROUNDS: Final = {
    "weihai-prepay-2025": "weihai-prepay-2025/4.8",
    "xizang-prepay-2024": "xizang-prepay-2024/6.8",
    "zhejiang-prepay-2025": "zhejiang-prepay-2025/4.3.8",
}


@dataclass(frozen=True, slots=True)
class RejectedLine:
    """A line of the file that can't be taken, and why."""

    line: int
    message: str


class RejectedLines(NoUsableRow):
    """Some lines can't be taken; nothing was stored. ``rejected`` are the first of them, ``count`` is all."""

    code = "rejected_lines"

    def __init__(self, rejected: list[RejectedLine], count: int) -> None:
        super().__init__(f"有 {count} 行不能导入，没有存任何一行。请按下面改正后重新上传。")
        self.rejected = rejected


@dataclass(frozen=True, slots=True)
class TakenIn:
    """How many lines are new, and how many were there already."""

    new: int
    known: int


@dataclass(frozen=True, slots=True)
class Watch:
    """The purchases of some months: in sum, by month and by supplier, and one page of the lines off the platform.

    ``clauses`` name the ground of recall in the notices of the hospital's grants; it stands for public ones only.
    """

    total: Bought
    by_month: Mapping[str, Bought]
    by_supplier: Mapping[str, Bought]
    lines: list[Purchase]
    line_count: int
    clauses: tuple[str, ...]
    is_public: bool


def take_in_purchases(context: Context, actor: Actor, path: Path, file_name: str) -> TakenIn:
    """Take in a file of the purchasing system. Needs ``fund.apply``. Raises :class:`RejectedLines` and what
    ``open_table`` raises; nothing but the refusal is stored then."""
    actor.require(Permission.FUND_APPLY)
    with _kept_refusal(context, actor, file_name):
        lines = read_purchases(path, context.clock.today())
    with context.work(actor, "fund.purchases", file_name[:120]) as work:
        lock_name(work.connection, f"purchases:{work.institution_id}")
        new = store.add_purchases(
            work.connection, work.institution_id, lines, file_name[:200], actor.actor_id, work.now
        )
        found = TakenIn(new, len(lines) - new)
        work.audit(detail={"new": found.new, "known": found.known})
        return found


def read_purchases(path: Path, today: date) -> list[Purchase]:
    """The lines of a file. Raises :class:`RejectedLines` naming each that can't be taken."""
    found: list[Purchase] = []
    rejected: list[RejectedLine] = []
    faults = 0
    equal: Counter[tuple[str, ...]] = Counter()
    with open_table(path) as table:
        columns = table.columns(COLUMNS)
        for line, cells in table.rows:
            row = {key: cells[at].strip() if at < len(cells) else "" for key, at in columns.items()}
            try:
                found.append(_purchase(row, today, equal))
            except MalformedInput as error:
                faults += 1
                if len(rejected) < _SHOWN:
                    rejected.append(RejectedLine(line, error.message))
    if faults:
        raise RejectedLines(rejected, faults)
    if not found:
        raise NoUsableRow("表头下面没有采购明细。请补上后重新上传。")
    return found


def read_watch(context: Context, actor: Actor, first: str, last: str, supplier: str, page: int) -> Watch:
    """The watch over whole months, both in; the lines of one supplier or of all. Needs ``fund.view``."""
    actor.require(Permission.FUND_VIEW)
    own, (since, until) = actor.institution_id, days_of(first, last)
    with context.database.reading() as connection:
        days = store.bought_by_day(connection, own, since, until)
        start = (max(page, 1) - 1) * LINES_A_PAGE
        lines = store.off_platform_lines(connection, own, since, until, supplier, start=start, size=LINES_A_PAGE)
        regimes = {one.regime for one in fund_usage.grants_asked(connection, own, None)}
    by_month: dict[str, Bought] = defaultdict(Bought)
    by_supplier: dict[str, Bought] = defaultdict(Bought)
    for one in days:
        by_month[month_of(one.bought_on)] += one.sums
        by_supplier[one.supplier] += one.sums
    asked = by_supplier.get(supplier, Bought()) if supplier else sum(by_supplier.values(), Bought())
    return Watch(
        total=sum(by_month.values(), Bought()),
        by_month=dict(sorted(by_month.items())),
        by_supplier=dict(sorted(by_supplier.items(), key=lambda item: (-item[1].off_fen, -item[1].fen, item[0]))),
        lines=lines,
        line_count=asked.off_lines,
        clauses=tuple(clause for regime, clause in GROUNDS.items() if regime in regimes),
        is_public=hospital_of(context, own).profile.ownership is Ownership.PUBLIC,
    )


def _purchase(row: Mapping[str, str], today: date, equal: Counter[tuple[str, ...]]) -> Purchase:
    faults = [words for key, text in row.items() if (words := _fault(key, text, today))]
    if faults:
        raise MalformedInput("".join(faults))
    bought_on, amount = day_of(row["bought_on"]), _amount(row["amount"])
    content = (
        bought_on.isoformat(),
        _KINDS[row["kind"]],
        row["name"],
        row.get("code", ""),
        str(amount.fen),
        row["supplier"],
        platform_order(row["order_no"]),
        row.get("reason", ""),
    )
    equal[content] += 1
    key = hashlib.sha256("\x1f".join((*content, str(equal[content]))).encode()).hexdigest()
    return Purchase(
        key, bought_on, content[1], content[2], content[3], amount.fen, content[5], content[6], content[7]
    )


def _amount(text: str) -> Money:
    """A purchase, or below zero what was given back to the supplier."""
    minus = text[:1] in _MINUS
    amount = Money.of_cell(text[1:] if minus else text)
    return -amount if minus else amount


def _fault(key: str, text: str, today: date) -> str:
    """What is wrong with a cell, or nothing."""
    label = COLUMNS[key].label
    if not text:
        return "" if key in _MAY_BE_EMPTY else f"缺少{label}，请补上。"
    if text.startswith("="):
        return f"{label}是公式，请改成数值。"
    try:
        check_text(text, _LONGEST.get(key, 200))
        if key == "bought_on" and not _FIRST_DAY <= (day := day_of(text)) <= today:
            return f"采购日期 {day} 不在 {_FIRST_DAY} 到今天之间，请核对。"
        if key == "kind" and text not in _KINDS:
            return f"类别“{text[:20]}”不认识，请写药品或耗材。"
        if key == "amount" and not _amount(text):
            return "金额不能是零；退货写成负数。"
    except MalformedInput as error:
        return f"{label}：{error.message}"
    return ""


@contextmanager
def _kept_refusal(context: Context, actor: Actor, file_name: str) -> Iterator[None]:
    try:
        yield
    except PrepayError as error:
        keep_refusal(context, actor, "fund.purchases", file_name, {"code": error.reason, "message": error.message})
        raise
