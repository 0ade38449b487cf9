"""Two months of Henan's reconciliation in the demonstration: daily lists uploaded, applied for in time and late, a
settlement, one paid ahead and settled, the authority's steps as reported."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import Final

from hospital_prepay.clock import SHANGHAI
from hospital_prepay.domain.access import Actor, Role
from hospital_prepay.domain.money import Money
from hospital_prepay.services.demonstration.fund_papers import Papers
from hospital_prepay.services.demonstration.stage import Stage
from hospital_prepay.services.fund import henan, henan_uploads, settlements

_OCTOBER: Final = Money.of_yuan("2350000")
_NOVEMBER: Final = Money.of_yuan("2410000")
_IN_HOUSE: Final = 212
_LATE: Final = "2025-11"


@dataclass
class HenanMonths:
    """An application each month; of October and November 2025 the rest, too, whose lines go on the year's papers."""

    stage: Stage
    papers: Papers

    def acts(self) -> Iterator[tuple[date, Callable[[datetime], object]]]:
        """Every act with its day."""
        yield date(2025, 1, 14), partial(self.apply, period="2024-12", applied_on=date(2025, 1, 6))
        for period, on in _months(date(2025, 2, 4), date(2026, 1, 31)):
            yield on, partial(self.apply, period=period, applied_on=on)
        yield date(2025, 11, 3), self.upload
        yield date(2025, 11, 19), self.report
        yield date(2025, 11, 28), self.settle
        yield date(2025, 12, 30), self.take_ahead
        yield date(2026, 1, 20), self.settle_actual

    def go_on(self) -> None:
        """The applications since then."""
        for period, on in _months(date(2026, 2, 4), self.stage.context.clock.today()):
            self.apply(datetime.combine(on, time(9), SHANGHAI), period, on)

    def upload(self, moment: datetime) -> None:
        """The daily lists of October: one day short, one day late."""
        days = [date(2025, 10, 1) + timedelta(days=number) for number in range(31)]
        rows = [
            henan_uploads.Uploads(day, _IN_HOUSE, _IN_HOUSE - (3 if day.day == 9 else 0), _uploaded_at(day))
            for day in days
        ]
        henan_uploads.record_uploads(self.stage.at(moment), self._officer, rows)

    def apply(self, moment: datetime, period: str, applied_on: date) -> None:
        """Apply for the reconciliation of a month; after the fifth it goes to the next one."""
        found = henan.read_henan_month(self.stage.context, self._officer, period)
        if found.applied is None:
            document = f"{period} 对账申请（演示）"
            henan.apply_reconciliation(self.stage.at(moment), self._officer, period, applied_on, document)

    def report(self, moment: datetime) -> None:
        """What the agency says it has done for money across regions."""
        found = henan.read_henan_month(self.stage.context, self._officer, "2025-11")
        known = {one.duty.id for one in found.steps if one.reported is not None}
        if "confirm_cross_region" not in known:
            args = ("2025-11", "confirm_cross_region", date(2025, 11, 18), "异地清算通知书 11 号（演示）")
            henan.report_step(self.stage.at(moment), self._officer, *args)

    def settle(self, moment: datetime) -> None:
        """October's settlement arrives."""
        bank = self._bank(moment, "2025 年 10 月居民医保住院结算款", "settle")
        command = settlements.RecordSettlement("2025-10", "resident", False, _OCTOBER, bank)
        settlements.record_settlement(self.stage.at(moment), self._officer, command)
        self._on_paper(bank, _OCTOBER)

    def take_ahead(self, moment: datetime) -> None:
        """November can't be settled in time: the agency pays what the last cycle came to."""
        bank = self._bank(moment, "2025 年 11 月居民医保住院预拨", "ahead")
        command = settlements.RecordSettlement("2025-11", "resident", False, _OCTOBER, bank, ahead=True)
        settlements.record_settlement(self.stage.at(moment), self._officer, command)
        self._on_paper(bank, _OCTOBER)

    def settle_actual(self, moment: datetime) -> None:
        """November's actual settlement, and the difference by bank."""
        waiting = settlements.list_settlements(self.stage.context, self._officer)
        ahead = next(one for one in waiting if one.kind == "fallback")
        bank = self._bank(moment, "2025 年 11 月居民医保住院结算补差", "actual")
        key = "demonstration:henan:actual"
        command = settlements.SettleActual(ahead.settlement_id, _NOVEMBER, "11 月结算单（演示）", bank, key)
        settlements.settle_actual(self.stage.at(moment), self._officer, command)
        self._on_paper(bank, _NOVEMBER - _OCTOBER)

    def _on_paper(self, bank: settlements.PaidByBank, amount: Money) -> None:
        self.papers.came(bank.paid_on, amount, bank.remark, bank.bank_reference)
        self.papers.said(bank.paid_on, "月度结算", amount)

    def _bank(self, moment: datetime, remark: str, key: str) -> settlements.PaidByBank:
        slip, day = f"演示回单 河南-{key}", moment.date()
        return settlements.PaidByBank(day, slip, self.papers.agency, remark, f"demonstration:henan:{key}")

    @property
    def _officer(self) -> Actor:
        return self.stage.actor(Role.FINANCE_OFFICER)


def _months(on: date, last: date) -> Iterator[tuple[str, date]]:
    """Each month with the day of its application: the fourth of the next from ``on``, once too late."""
    while on <= last:
        before = (on.replace(day=1) - timedelta(days=1)).isoformat()[:7]
        yield before, date(2025, 12, 8) if before == _LATE else on
        on = (on.replace(day=28) + timedelta(days=7)).replace(day=4)


def _uploaded_at(day: date) -> datetime:
    late = timedelta(days=1) if day.day == 17 else timedelta()
    return datetime.combine(day, time(22, 40), SHANGHAI) + late
