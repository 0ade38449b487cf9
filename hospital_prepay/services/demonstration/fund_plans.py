"""The plans of the past years: what was applied for, billed, handed on to a member, offset and returned, and when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

from hospital_prepay.domain.rules.fund.regime import Fund
from hospital_prepay.services.demonstration.fund import Spent, consumable, drug
from hospital_prepay.services.demonstration.houses import HENAN, LINXI, WEIHAI, XIZANG, House


@dataclass(frozen=True, slots=True)
class Bill:
    """A supplier's bill, asked for on a day."""

    on: date
    spent: Spent


@dataclass(frozen=True, slots=True)
class Settlement:
    """A monthly settlement of which the agency kept ``offset``, in yuan."""

    on: date
    settled: str
    offset: str


@dataclass(frozen=True, slots=True)
class Allocation:
    """A grant: ``monthly`` is what the fund paid a month in the years before, in yuan."""

    regime: str
    region: str
    fund: Fund
    year: int
    monthly: str
    amount: str
    applied_on: date
    approved_on: date
    received_on: date
    document: str


@dataclass(frozen=True, slots=True)
class Member:
    """A member of the community and what it was handed on, ``used`` and gave back on their days, in yuan."""

    code: str
    name: str
    account_no: str
    entered_on: date
    handed_on: date
    amount: str
    used: str
    back_on: date


@dataclass(frozen=True, slots=True)
class PastYear:
    """A grant and what became of it; ``returned_on`` when the rest went back by bank."""

    house: House
    grant: Allocation
    bills: tuple[Bill, ...]
    settlements: tuple[Settlement, ...] = ()
    returned_on: date | None = None
    netted: Allocation | None = None
    member: Member | None = None

    @property
    def agency(self) -> str:
        """Who pays and is paid back."""
        return f"{self.grant.region}医疗保障服务中心（演示）"


def _bill(key: str, month: int, day: int, purpose: str, yuan: str, number: int) -> Bill:
    line = (
        consumable("一次性使用输液器", yuan, number) if "耗材" in purpose else drug("注射用头孢曲松钠", yuan, number)
    )
    return Bill(date(2025, month, day), Spent(key, purpose, 0, "evidenced", (line,)))


YEARS: Final = (
    PastYear(
        WEIHAI,
        Allocation(
            "weihai-prepay-2025",
            "威海市",
            Fund.EMPLOYEE,
            2025,
            *("4200000", "4200000"),
            *(date(2025, 1, 10), date(2025, 3, 18), date(2025, 3, 21)),
            "文医保〔2025〕9 号（演示）",
        ),
        (
            _bill("wy-1", 4, 15, "一季度药品款", "1365400.20", 101),
            _bill("wy-2", 6, 18, "二季度耗材款", "980000", 102),
            _bill("wy-3", 9, 16, "三季度药品款", "1230450.75", 103),
        ),
        (Settlement(date(2025, 11, 20), "4310000", "2000000"),),
        date(2025, 12, 5),
        member=Member(
            *("H37990000016", "文屿区葛家镇卫生院（演示）", "37990001600000001"),
            *(date(2025, 4, 1), date(2025, 4, 8)),
            *("360000", "248160.50"),
            date(2025, 11, 12),
        ),
    ),
    PastYear(
        XIZANG,
        Allocation(
            "xizang-prepay-2024",
            "那曲市",
            Fund.RESIDENT,
            2025,
            *("1500000", "1500000"),
            *(date(2025, 1, 8), date(2025, 1, 22), date(2025, 1, 26)),
            "那医保〔2025〕3 号（演示）",
        ),
        (
            _bill("xy-1", 3, 12, "一季度药品款", "418620.40", 201),
            _bill("xy-2", 7, 9, "上半年耗材款", "380100", 202),
        ),
        (
            Settlement(date(2025, 10, 22), "1480000", "600000"),
            Settlement(date(2025, 11, 21), "1510500.60", "600000"),
            Settlement(date(2025, 12, 8), "700000", "300000"),
        ),
    ),
    PastYear(
        LINXI,
        Allocation(
            "zhejiang-prepay-2025",
            "临溪市",
            Fund.RESIDENT,
            2025,
            *("9200000", "9200000"),
            *(date(2025, 3, 20), date(2025, 3, 27), date(2025, 3, 31)),
            "临医保〔2025〕11 号（演示）",
        ),
        (
            _bill("lx25-1", 5, 14, "春季药品款", "3650000", 301),
            _bill("lx25-2", 8, 20, "夏季耗材款", "2480300.15", 302),
            _bill("lx25-3", 10, 22, "秋季药品款", "1904210.85", 303),
        ),
        (Settlement(date(2025, 11, 25), "9500000", "5000000"),),
        date(2025, 12, 12),
    ),
    PastYear(
        HENAN,
        Allocation(
            "henan-settlement-2023",
            "豫川市",
            Fund.RESIDENT,
            2025,
            *("2400000", "3600000"),
            *(date(2025, 1, 13), date(2025, 1, 14), date(2025, 1, 15)),
            "豫川医保〔2025〕1 号（演示）",
        ),
        (
            _bill("yc-1", 3, 11, "一季度药品款", "1208300.60", 401),
            _bill("yc-2", 8, 12, "上半年耗材款", "960450", 402),
        ),
        netted=Allocation(
            "henan-settlement-2023",
            "豫川市",
            Fund.RESIDENT,
            2026,
            *("2600000", "3900000"),
            *(date(2026, 1, 12), date(2026, 1, 13), date(2026, 1, 14)),
            "豫川医保〔2026〕1 号（演示）",
        ),
    ),
)
