"""What couldn't be given back: marked, filed, remitted on 31 December 2025 with its voucher; what was paid ahead."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from typing import Final

from hospital_prepay.clock import local
from hospital_prepay.domain.access import Actor, Role
from hospital_prepay.services.demonstration.outpatient_claims import Act
from hospital_prepay.services.demonstration.outpatient_plan import (
    LAST_DAY,
    at,
    contact_changed,
    never_answered,
    reached,
    unknown,
)
from hospital_prepay.services.demonstration.outpatient_rows import BRANCH, Legacy
from hospital_prepay.services.demonstration.stage import Stage
from hospital_prepay.services.outpatient import advances, escheat, filing
from hospital_prepay.services.outpatient.escheat import Part, Remittance
from hospital_prepay.services.outpatient.filing import MarkUnclearable, Reason
from hospital_prepay.services.outpatient.proposals import propose_batch

AUTHORITY: Final = "黔岭市卫生健康局（演示）"
_RISK: Final = (
    "可能有患者或继承人事后持凭条来领：随到随退，已上缴的由本院垫付。已排查重复账户和同一人账户，"
    "大额账户逐户电话核实；公告、短信、电话记录留存备查。"
)
_NOTES: Final = {
    Part.BOOKS: "逐段核对余额与明细账，一致。",
    Part.CONTACTS: "抽查 60 户，短信、电话、公告栏都有记录。",
    Part.FILING: "与备案回执逐户核对；正好满三年的没有列入。",
}
_MARKS: Final = (
    (Reason.UNKNOWN_PERSON, unknown, "只有姓名或什么都没有登记，公告栏已公示"),
    (Reason.CONTACT_CHANGED, contact_changed, "短信、电话显示号码已换，见清退通知 1、2"),
    (Reason.NO_ANSWER, never_answered, "短信、电话、公告栏都试过，见清退通知 1 至 4"),
)
_KEY: Final = "demonstration:outpatient"
_DAY: Final = timedelta(days=1)


@dataclass
class Treasury:
    """Marks, filings, batches and lists of one hospital, each act dated to its day."""

    stage: Stage
    rows: list[Legacy]
    now: datetime

    def acts(self) -> Iterator[Act]:
        """Everything in its order, the last weeks counted from the day of loading."""
        yield at(date(2025, 11, 18)), self.mark
        yield from self._first_filings()
        yield from self._batch_of_2025()
        yield from self._advances()
        yield from self._last_weeks()

    def mark(self, moment: datetime) -> None:
        """Say of each account why it can't be given back for now."""
        for reason, fits, evidence in _MARKS:
            self._mark_many(moment, reason, evidence, (row.account_no for row in self._counted if fits(row)))

    def _mark_many(self, moment: datetime, reason: Reason, evidence: str, numbers: Iterable[str]) -> None:
        listed, most = tuple(numbers), filing.MOST_ACCOUNTS
        for start in range(0, len(listed), most):
            part = MarkUnclearable(reason, evidence, listed[start : start + most])
            self._mark(moment, part, f"{reason}:{start}")

    def _mark(self, moment: datetime, command: MarkUnclearable, name: str) -> None:
        filing.mark_unclearable(self.stage.at(moment), self._officer, command, idempotency_key=f"{_KEY}:mark:{name}")

    def _first_filings(self) -> Iterator[Act]:
        """A pack that was taken back, and the one that was acknowledged; afterwards somebody was found after all."""
        yield at(date(2025, 11, 19)), partial(self.file, number=1)
        yield at(date(2025, 11, 19), 16), self.withdraw
        yield at(date(2025, 11, 20)), partial(self.file, number=2)
        yield at(date(2025, 11, 21)), partial(self.submit, number=2)
        yield at(date(2025, 12, 2)), partial(self.acknowledge, number=2)
        yield at(date(2025, 12, 8)), self.find_somebody

    def file(self, moment: datetime, number: int) -> None:
        """Make a pack of everything that is marked."""
        key = f"{_KEY}:file:{number}"
        filing.make_filing(self.stage.at(moment), self._officer, _RISK, idempotency_key=key)

    def withdraw(self, moment: datetime) -> None:
        """Take the first pack back."""
        key = f"{_KEY}:withdraw:1"
        ground = "风险排查漏了一条，补上以后重新做"
        filing.withdraw_filing(self.stage.at(moment), self._officer, 1, ground, idempotency_key=key)

    def submit(self, moment: datetime, number: int) -> None:
        """It went to the health authority."""
        key, day = f"{_KEY}:submit:{number}", local(moment).date()
        filing.submit_filing(self.stage.at(moment), self._officer, number, AUTHORITY, day, idempotency_key=key)

    def acknowledge(self, moment: datetime, number: int) -> None:
        """Another person records the acknowledgement."""
        key, day = f"{_KEY}:acknowledge:{number}", local(moment).date()
        paper = f"黔岭卫健备〔{day.year}〕{number + 15}号（演示）"
        filing.acknowledge_filing(self.stage.at(moment), self._approver(), number, paper, day, idempotency_key=key)

    def find_somebody(self, moment: datetime) -> None:
        """Two owners called back: their accounts are open again."""
        found = [row for row in self._counted if contact_changed(row)][-2:]
        for row in found:
            key = f"{_KEY}:unmark:{row.account_no}"
            ground = "患者看到公告栏后来电，已核对身份"
            filing.unmark(self.stage.at(moment), self._officer, row.account_no, ground, idempotency_key=key)

    def _batch_of_2025(self) -> Iterator[Act]:
        """The first list lost an account that morning; the second was reviewed, approved, booked and remitted."""
        yield at(LAST_DAY, 8, 10), partial(self.propose, number=1, on=LAST_DAY)
        yield at(LAST_DAY, 8, 20), partial(self.freeze, number=1)
        yield at(LAST_DAY, 8, 50), self.drop
        yield at(LAST_DAY, 9), partial(self.propose, number=2, on=LAST_DAY)
        yield at(LAST_DAY, 9, 10), partial(self.freeze, number=2)
        for place, part in enumerate(Part):
            yield at(LAST_DAY, 9, 30 + 10 * place), partial(self.review, number=2, part=part, place=place)
        yield at(LAST_DAY, 10, 20), self.approve
        yield at(LAST_DAY, 11, 30), self.remit

    def propose(self, moment: datetime, number: int, on: date) -> None:
        """Write down what is due."""
        key = f"{_KEY}:propose:{number}"
        propose_batch(self.stage.at(moment), self._officer, on, idempotency_key=key)

    def freeze(self, moment: datetime, number: int) -> None:
        """Fix the list."""
        key = f"{_KEY}:freeze:{number}"
        escheat.freeze_batch(self.stage.at(moment), self._officer, number, idempotency_key=key)

    def drop(self, moment: datetime) -> None:
        """Give the first list up."""
        ground, key = "名单里有一位患者刚来办理退款，名单重做", f"{_KEY}:drop:1"
        escheat.drop_batch(self.stage.at(moment), self._officer, 1, ground, idempotency_key=key)

    def review(self, moment: datetime, number: int, part: Part, place: int) -> None:
        """One of the three reviews."""
        roles = ((Role.FINANCE_OFFICER, 1), (Role.FINANCE_OFFICER, 2), (Role.FINANCE_APPROVER, 1))
        key, reviewer = f"{_KEY}:review:{number}:{part}", self.stage.actor(*roles[place])
        escheat.review_batch(self.stage.at(moment), reviewer, number, part, _NOTES[part], idempotency_key=key)

    def approve(self, moment: datetime) -> None:
        """Approve the list and book it."""
        key, context = f"{_KEY}:approve:2", self.stage.at(moment)
        escheat.approve_list(context, self._approver(), 2, idempotency_key=key)
        escheat.book_batch(context, self._approver(), 2)

    def remit(self, moment: datetime) -> None:
        """The money went to the treasury."""
        paid = Remittance("演示缴款书 52-2025-0031", "演示回单 20251231-7", local(moment).date())
        key = f"{_KEY}:remit:2"
        escheat.remit_batch(self.stage.at(moment), self._approver(1), 2, paid, idempotency_key=key)

    def _advances(self) -> Iterator[Act]:
        """What was paid ahead: reimbursed, refused, submitted again; the last list waits."""
        yield at(LAST_DAY, 16, 40), partial(self.list_advances, number=1, year=2026)
        yield at(LAST_DAY, 17), partial(self.submit_advances, number=1)
        yield at(date(2026, 1, 16)), partial(self.list_advances, number=2, year=2027)
        yield at(date(2026, 1, 19)), self.refuse_advances
        yield at(date(2026, 1, 20)), partial(self.list_advances, number=3, year=2027)
        yield at(date(2026, 1, 21)), partial(self.submit_advances, number=3)
        yield at(date(2026, 2, 26)), self.reimburse
        last = self.now - 2 * _DAY
        yield last, partial(self.list_advances, number=4, year=local(last).year + 1)

    def list_advances(self, moment: datetime, number: int, year: int) -> None:
        """Put what stands on no list into one."""
        key = f"{_KEY}:list:{number}"
        advances.make_advance_list(self.stage.at(moment), self._officer, year, idempotency_key=key)

    def submit_advances(self, moment: datetime, number: int) -> None:
        """It went to the health authority."""
        day, key = local(moment).date(), f"{_KEY}:submit-list:{number}"
        document = f"黔岭医财〔{day.year}〕{number + 3}号（演示）"
        context = self.stage.at(moment)
        advances.submit_advance_list(context, self._approver(), number, document, day, idempotency_key=key)

    def refuse_advances(self, moment: datetime) -> None:
        """A list that was taken back."""
        ground, key = "漏附缴款书复印件，退回重报", f"{_KEY}:refuse:2"
        advances.refuse_advance_list(self.stage.at(moment), self._officer, 2, ground, idempotency_key=key)

    def reimburse(self, moment: datetime) -> None:
        """The budget's money arrived."""
        key, day = f"{_KEY}:reimburse:1", local(moment).date()
        slip = "演示回单 20260226-2"
        advances.reimburse_advance_list(self.stage.at(moment), self._officer, 1, slip, day, idempotency_key=key)

    def _last_weeks(self) -> Iterator[Act]:
        """A filing that waits for its acknowledgement, one that waits to be submitted, marks that wait for a filing;
        and this year's list, two of its three reviews done."""
        for number, days in ((3, 12), (4, 4)):
            yield self.now - days * _DAY, partial(self._mark_left, share=number)
            yield self.now - (days - 1) * _DAY, partial(self.file, number=number)
        yield self.now - 10 * _DAY, partial(self.submit, number=3)
        yield self.now - 2 * _DAY, partial(self._mark_left, share=5)
        on = date(local(self.now).year, 12, 31)
        yield self.now - 5 * _DAY, partial(self.propose, number=3, on=on)
        yield self.now - 4 * _DAY, partial(self.freeze, number=3)
        for place, part in enumerate((Part.BOOKS, Part.CONTACTS)):
            days = 3 - place
            yield self.now - days * _DAY, partial(self.review, number=3, part=part, place=place)

    def _mark_left(self, moment: datetime, share: int) -> None:
        """Mark some of those of whom only the certificate is known, and whom neither message nor board reached."""
        known = (row for row in self._counted if row.is_deposit and row.certno and not row.phone)
        left = [row for row in known if not reached(row)]
        part = tuple(row.account_no for row in left[share::20][: len(left) // 30])
        words = MarkUnclearable(Reason.CONTACT_CHANGED, "按证件号找不到现在的联系方式", part)
        self._mark(moment, words, f"left:{share}")

    @property
    def _counted(self) -> list[Legacy]:
        return self.rows[:-BRANCH]

    @property
    def _officer(self) -> Actor:
        return self.stage.actor(Role.FINANCE_OFFICER)

    def _approver(self, number: int = 0) -> Actor:
        return self.stage.actor(Role.FINANCE_APPROVER, number)
