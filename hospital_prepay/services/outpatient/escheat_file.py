"""What of a file of accounts must go to the treasury on a day: the pure calculator."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

from hospital_prepay.domain.masking import mask_within
from hospital_prepay.domain.money import ZERO, Money
from hospital_prepay.domain.rules.outpatient.escheat import DormantAccount, NotDue, is_reason, not_due
from hospital_prepay.domain.rules.outpatient.reach import doubts
from hospital_prepay.rulebook.loader import load_rulebook
from hospital_prepay.services.outpatient.account_rows import (
    UNREADABLE_DAY,
    AccountRow,
    RejectedAccount,
    duplicate,
    read_accounts,
    unreadable_day,
)
from hospital_prepay.services.outpatient.census_doubts import Doubted, Doubts
from hospital_prepay.services.outpatient.filing import REASON_LABELS, Reason

DORMANT_YEARS: Final = "guizhou-deposit-2025/dormant_years"
_REMITTED_ON: Final = (12, 31)
_NOT_THE_DAY: Final = "每年 12 月 31 日上缴（细则第八条），{} 不是这一天。只作试算，正式名单请按 12 月 31 日算。"


@dataclass(frozen=True, slots=True)
class DueAccount:
    """An account whose balance goes to the treasury."""

    account_no: str
    balance: Money
    last_movement_on: date


@dataclass(frozen=True, slots=True)
class Remark:
    """Something that was reckoned with as it stands and looks like a slip: of an account's row, or of the day asked
    for (``line`` 0, no account)."""

    line: int
    account_no: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class EscheatAnswer:
    """What is due on ``on`` and why the rest isn't, both by account number; rows that can't be read, and what
    deserves a second look, by line."""

    on: date
    due: tuple[DueAccount, ...]
    not_due: tuple[tuple[str, NotDue], ...]
    rejected: tuple[RejectedAccount, ...]
    remarks: tuple[Remark, ...]

    @property
    def total(self) -> Money:
        """The sum of what is due."""
        return sum((account.balance for account in self.due), ZERO)

    def to_json(self) -> dict[str, Any]:
        """The shape that is promised to programs, with the rows that can't be read and the remarks beside it."""
        return {
            "on": self.on.isoformat(),
            "total_fen": self.total.fen,
            "due": [
                {
                    "account_no": one.account_no,
                    "balance_fen": one.balance.fen,
                    "last_movement_on": one.last_movement_on.isoformat(),
                }
                for one in self.due
            ],
            "not_due": [{"account_no": number, "reason": reason.value} for number, reason in self.not_due],
            "rejected": [{"line": one.line, "code": one.code, "message": one.message} for one in self.rejected],
            "remarks": [
                {
                    "line": one.line or None,
                    "account_no": one.account_no or None,
                    "code": one.code,
                    "message": one.message,
                }
                for one in self.remarks
            ],
        }


def compute_escheat(path: Path, on: date) -> EscheatAnswer:
    """Hold every account of the file at ``path`` against article 8 as in force on ``on``.

    Raises :class:`NoRuleInForce` for a day before the rules, and what reading a table raises.
    """
    years = load_rulebook().value_on(DORMANT_YEARS, on).whole()
    due: list[DueAccount] = []
    kept: list[tuple[str, NotDue]] = []
    rejected: list[RejectedAccount] = []
    remarks = [] if (on.month, on.day) == _REMITTED_ON else [Remark(0, "", "not_the_day", _NOT_THE_DAY.format(on))]

    seen: dict[str, int] = {}
    unknown: dict[str, tuple[AccountRow, int]] = {}
    noted = Doubts()

    def take(row: AccountRow | RejectedAccount) -> None:
        if isinstance(row, RejectedAccount):
            rejected.append(row)
            return
        first = seen.setdefault(row.account_no, row.line)
        if first != row.line:
            rejected.append(duplicate(row.line, row.account_no, first))
            return
        remarks.extend(_remarks(row, on))
        noted.note(row, doubts(row.certno, row.phone, row.channel))
        if is_reason(row.unclearable_reason) and not _is_known(row.unclearable_reason):
            first_row, count = unknown.get(row.unclearable_reason, (row, 0))
            unknown[row.unclearable_reason] = (first_row, count + 1)
        facts = DormantAccount(row.kind, row.balance, row.last_movement_on, row.unclearable_reason, row.filed_on)
        reason = not_due(facts, on, years)
        if reason is not None:
            kept.append((row.account_no, reason))
            return
        assert row.last_movement_on is not None
        due.append(DueAccount(row.account_no, row.balance, row.last_movement_on))

    read_accounts(path, take)
    remarks += [_doubted(one) for one in noted.of_others_than(())]
    remarks += [_unknown_reason(*one) for one in unknown.values()]
    remarks.sort(key=lambda one: one.line)
    in_order = tuple(sorted(due, key=lambda one: one.account_no))
    return EscheatAnswer(on, in_order, tuple(sorted(kept)), tuple(rejected), tuple(remarks))


def _doubted(one: Doubted) -> Remark:
    """One remark on all rows whose numbers or way of payment don't look right."""
    words = f"{one.what}，共 {one.rows:,} 行，{one.where}。不影响要不要上缴，请核对。"
    return Remark(one.lines[0], "", one.kind.value, words)


def _unknown_reason(row: AccountRow, count: int) -> Remark:
    """One remark on all rows with the same words: a file of another system has its own."""
    more = f"（共 {count:,} 户）" if count > 1 else ""
    shown = mask_within(row.unclearable_reason)[:20]
    words = f"退不了的原因“{shown}”{more}不是登记的那几种，按有原因算。请核对是不是真的退不了。"
    return Remark(row.line, row.account_no, "unknown_reason", words)


def _is_known(reason: str) -> bool:
    """Whether a reason is one of the kinds, alone or with its evidence after a colon."""
    kind = reason.replace(":", "：").split("：", 1)[0].strip()
    return kind in {*Reason, *REASON_LABELS.values()}


def _remarks(row: AccountRow, on: date) -> list[Remark]:
    found = []
    if row.balance < ZERO:
        words = f"余额是负数（{row.balance} 元），按没有余额算。请核对是不是多退了或录错了。"
        found.append(Remark(row.line, row.account_no, "negative_balance", words))
    if row.last_movement_on is not None and row.last_movement_on > on:
        words = f"最后变动日期 {row.last_movement_on} 在 {on} 之后，按没有超过三年算。请核对日期。"
        found.append(Remark(row.line, row.account_no, "moved_later", words))
    found += [Remark(row.line, row.account_no, UNREADABLE_DAY, unreadable_day(*one)) for one in row.unread]
    return found
