"""The census of the synthetic accounts: two old registers booked, a third that waits; miscounts corrected,
one person's accounts joined."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

from hospital_prepay.clock import local
from hospital_prepay.domain.access import Actor, Role
from hospital_prepay.domain.money import Money
from hospital_prepay.persistence.outpatient_corrections import CorrectionRow
from hospital_prepay.services.demonstration.outpatient_claims import Act
from hospital_prepay.services.demonstration.outpatient_plan import at
from hospital_prepay.services.demonstration.outpatient_rows import BRANCH, Legacy, write_register
from hospital_prepay.services.demonstration.stage import Stage
from hospital_prepay.services.outpatient import corrections, merging, owners
from hospital_prepay.services.outpatient.census import confirm_import, count_accounts, drop_import
from hospital_prepay.services.outpatient.correction_review import (
    OwnerChange,
    list_corrections,
    list_owner_changes,
    reveal_owner_change,
)
from hospital_prepay.services.outpatient.corrections import AskCorrection
from hospital_prepay.services.outpatient.merging import ShownPair
from hospital_prepay.services.outpatient.owners import AskOwnerChange
from hospital_prepay.services.outpatient.register import list_imports

_GROUNDS: Final = {
    True: "证件号、姓名都相同，是同一人先后办的两张卡",
    False: "病人ID 重号，姓名不同，电话核实是两个人",
}
_PER_DIRT: Final = 5_000
_DAY: Final = timedelta(days=1)


@dataclass
class Census:
    """The registers of one hospital; the last accounts are a branch's and wait for the second person."""

    stage: Stage
    rows: list[Legacy]
    now: datetime

    def acts(self) -> Iterator[Act]:
        """Count and confirm, correct, join or keep apart."""
        rest = self.rows[:-BRANCH]
        half = len(rest) * 3 // 5
        parts = (
            ("本部门诊余额", rest[:half], "gb18030", date(2025, 9, 3)),
            ("新区门诊余额", rest[half:], "utf-8-sig", date(2025, 9, 8)),
        )
        yield at(date(2025, 9, 2)), partial(self.miscount, rows=rest[:60])
        for name, rows, encoding, day in parts:
            yield at(day), partial(self.count, name=name, rows=rows, encoding=encoding)
            yield at(day + _DAY), partial(self.confirm, name=name)
        yield at(date(2025, 9, 11)), self.correct
        yield at(date(2025, 9, 12)), self.find_pairs
        yield at(date(2025, 9, 15)), self.decide_pairs
        yield at(date(2025, 9, 18)), self.correct_holders
        branch = partial(self.count, name="分院手工账", rows=self.rows[-BRANCH:], encoding="utf-8")
        yield self.now - _DAY, branch
        yield self.now - _DAY, self.ask_correction
        yield self.now - _DAY, self.ask_holder

    def count(self, moment: datetime, name: str, rows: Sequence[Legacy], encoding: str) -> None:
        """Take a register in."""
        file_name = f"{name}（演示）.csv"
        if self._import_of(file_name):
            return
        dirty = max(1, len(rows) // _PER_DIRT) if len(rows) > BRANCH else 0
        with tempfile.TemporaryDirectory(prefix="prepay-demo-") as folder:
            path = Path(folder) / "register.csv"
            write_register(path, rows, encoding, dirty)
            balances_on = local(moment).date() - _DAY
            count_accounts(self.stage.at(moment), self._officer, path, file_name, balances_on)

    def confirm(self, moment: datetime, name: str) -> None:
        """Another person confirms it, and it is booked."""
        number, state = self._import_of(f"{name}（演示）.csv")[0]
        if state != "booked":
            confirm_import(self.stage.at(moment), self._approver, number)

    def miscount(self, moment: datetime, rows: Sequence[Legacy]) -> None:
        """A trial that was dropped again."""
        self.count(moment, "试导", rows, "utf-8")
        number, state = self._import_of("试导（演示）.csv")[0]
        if state == "counted":
            later = self.stage.at(moment + timedelta(hours=1))
            drop_import(later, self._officer, number, "只是试导，余额日期不对")

    def correct(self, moment: datetime) -> None:
        """One miscount corrected, one request turned down."""
        first, second = self._correctable[:2]
        approved = self._ask(moment, first, first.fen + 1_500, "押金单 0871 漏记 15 元")
        rejected = self._ask(moment, second, second.fen + 20_000, "患者口头说多存过 200 元")
        waiting = {one.correction_id for one in self._corrections if one.state == "asked"}
        later = self.stage.at(moment + timedelta(hours=2))
        if approved in waiting:
            corrections.approve_correction(later, self._approver, approved)
        if rejected in waiting:
            corrections.reject_correction(later, self._approver, rejected, "押金单和日报里都没有这 200 元，请补凭据")

    def ask_correction(self, moment: datetime) -> None:
        """A miscount that waits for the second person."""
        third = self._correctable[2]
        self._ask(moment, third, third.fen + 800, "门诊日报与系统差 8 元，见 2024-03 日报")

    def correct_holders(self, moment: datetime) -> None:
        """One wrong name put right, one new number turned down."""
        first, second = self._correctable[3:5]
        later = self.stage.at(moment + timedelta(hours=2))
        renamed = self._ask_holder(
            moment, first, name=_other_name(first.name), ground="姓名末字录错，与身份证原件不符"
        )
        moved = self._ask_holder(moment, second, phone=f"{second.phone[:-2]}00", ground="来电说换了手机号")
        waiting = {one.row.change_no for one in self._holders if one.row.state == "asked"}
        if renamed in waiting:
            reveal_owner_change(later, self._approver, renamed, "与证件核对身份")
            owners.approve_owner_change(later, self._approver, renamed)
        if moved in waiting:
            owners.reject_owner_change(later, self._approver, moved, "只有来电，请本人带身份证到窗口核对")

    def ask_holder(self, moment: datetime) -> None:
        """A wrong name that waits for the second person."""
        row = self._correctable[5]
        self._ask_holder(moment, row, name=_other_name(row.name), ground="姓名同音字录错，本人带身份证来窗口")

    def _ask_holder(self, moment: datetime, row: Legacy, *, ground: str, name: str = "", phone: str = "") -> int:
        key = f"demonstration:holder:{row.account_no}"
        command = AskOwnerChange(row.account_no, name, "", phone, ground, "身份证原件核对（演示）", key)
        return owners.ask_owner_change(self.stage.at(moment), self._officer, command)

    def find_pairs(self, moment: datetime) -> None:
        """Look for accounts of one person."""
        if not sum(merging.waiting_pairs(self.stage.context, self._approver, 1).counts.values()):
            merging.propose_pairs(self.stage.at(moment), self._officer)

    def decide_pairs(self, moment: datetime) -> None:
        """Decide most of them; a few still wait."""
        found = merging.waiting_pairs(self.stage.context, self._approver, 1)
        decided = sum(found.counts.values()) - found.counts.get("proposed", 0)
        for shown in found.waiting[: max(0, len(found.waiting) * 2 // 3 - decided)]:
            same = _is_same(shown)
            numbers = shown.pair.first_no, shown.pair.second_no
            merging.decide_pair(self.stage.at(moment), self._approver, *numbers, _GROUNDS[same], same=same)

    def _ask(self, moment: datetime, row: Legacy, right_fen: int, ground: str) -> str:
        key = f"demonstration:correction:{row.account_no}"
        command = AskCorrection(row.account_no, Money(right_fen), ground, key)
        return corrections.ask_correction(self.stage.at(moment), self._officer, command)

    @property
    def _correctable(self) -> list[Legacy]:
        """Nobody claims them, and nothing marks them: the money moved this year, and their owners have it noted."""
        young = (row for row in self.rows if row.is_deposit and row.moved_on and row.moved_on.year == 2025)
        return [row for row in young if row.channel == "银行卡" and row.certno and row.is_mobile]

    @property
    def _corrections(self) -> list[CorrectionRow]:
        return [one.correction for one in list_corrections(self.stage.context, self._officer, 1).rows]

    @property
    def _holders(self) -> list[OwnerChange]:
        return list_owner_changes(self.stage.context, self._officer, 1).rows

    def _import_of(self, file_name: str) -> list[tuple[int, str]]:
        found, _ = list_imports(self.stage.context, self._officer)
        return [(one.import_no, one.state) for one in found if one.file_name == file_name]

    @property
    def _officer(self) -> Actor:
        return self.stage.actor(Role.FINANCE_OFFICER)

    @property
    def _approver(self) -> Actor:
        return self.stage.actor(Role.FINANCE_APPROVER)


def _other_name(name: str) -> str:
    return name[:-1] + ("明" if name[-1] != "明" else "鸣")


def _is_same(shown: ShownPair) -> bool:
    return shown.first.account.holder_name == shown.second.account.holder_name
