"""A whole year of prepayment under each of the four notices, in made-up hospitals: applied for or allocated,
received, spent and proved, given back or netted. What a year does is a list of dated acts, done in their order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from fractions import Fraction
from functools import partial
from typing import Final

from hospital_prepay.clock import SHANGHAI
from hospital_prepay.domain.access import Actor, Role
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.fund.facts import AssessmentFacts, Paid, PoolFacts
from hospital_prepay.domain.rules.fund.regime import Fund
from hospital_prepay.persistence.funds import GrantState
from hospital_prepay.services.context import Context
from hospital_prepay.services.demonstration.fund import GOOD, Spent, consumable, drug, spend
from hospital_prepay.services.demonstration.houses import LINXI, WEIHAI, XIZANG, House
from hospital_prepay.services.demonstration.stage import Stage, open_house
from hospital_prepay.services.fund import grants, returns

# The people are there before the first application, and so are the books.
OPENED: Final = datetime(2024, 12, 26, 9, 0, tzinfo=SHANGHAI)
_NINE: Final = time(9, 0)
_HOSPITAL: Final = replace(GOOD, credit_grade="A", repays_procurement_shortfall=True)


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
class PastYear:
    """A grant and what became of it; ``returned_on`` when the rest went back by bank."""

    house: House
    grant: Allocation
    bills: tuple[Bill, ...]
    settlements: tuple[Settlement, ...] = ()
    returned_on: date | None = None


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
)


def lead_through_past_years(context: Context) -> None:
    """Lead every year from its application to zero; what was done stays done."""
    for past in YEARS:
        Year(open_house(context, past.house, OPENED), past).lead()


@dataclass
class Year:
    """A past year on its stage; each act takes the moment at which it is done."""

    stage: Stage
    past: PastYear
    grant_id: str = ""

    def lead(self) -> None:
        """Do every act in the order of its day."""
        for day, act in sorted(self._acts(), key=lambda one: one[0]):
            act(datetime.combine(day, _NINE, SHANGHAI))

    def _acts(self) -> Iterator[tuple[date, Callable[[datetime], object]]]:
        grant = self.past.grant
        yield grant.applied_on, self.apply
        yield grant.approved_on, self.approve
        yield grant.received_on, self.receive
        for bill in self.past.bills:
            yield bill.on, partial(self.pay, bill=bill)
        for settlement in self.past.settlements:
            yield settlement.on, partial(self.settle, settlement=settlement)
        if self.past.returned_on is not None:
            yield self.past.returned_on, self.return_rest

    def apply(self, moment: datetime) -> None:
        """Hold the hospital against the place's conditions and file the application."""
        grant, monthly = self.past.grant, Money.of_yuan(self.past.grant.monthly)
        pools = tuple(PoolFacts(one, Fraction("13.2"), False, False) for one in Fund)
        paid = tuple(Paid(grant.year - back, one, Money(12 * monthly.fen)) for one in Fund for back in (1, 2, 3))
        facts = AssessmentFacts(grant.year, _HOSPITAL, pools, paid, Fraction("0.043"))
        amount = Money.of_yuan(grant.amount)
        command = grants.ApplyForGrant(grant.regime, grant.region, grant.fund, amount, facts, self._key("apply"))
        self.grant_id = grants.apply_for_grant(self._at(moment), self._officer, command).grant_id or ""

    def approve(self, moment: datetime) -> None:
        """Write down the authority's yes."""
        if self._state.state == "applied":
            grant = self.past.grant
            amount = Money.of_yuan(grant.amount)
            module_no = f"YF-演示-{grant.year}"
            command = grants.RecordApproval(self.grant_id, amount, grant.approved_on, grant.document, module_no)
            approver = self.stage.actor(Role.FINANCE_APPROVER)
            grants.record_approval(self._at(moment), approver, command)

    def receive(self, moment: datetime) -> None:
        """Book the money with the bank's reference."""
        received_on = self.past.grant.received_on
        command = grants.ReceiveGrant(self.grant_id, self._slip("到账"), received_on, self._key("receive"))
        grants.receive_grant(self._at(moment), self._officer, command)

    def pay(self, moment: datetime, bill: Bill) -> None:
        """Ask for a bill and lead it to its invoice."""
        spend(self.stage, moment, self.grant_id, bill.spent)

    def settle(self, moment: datetime, settlement: Settlement) -> None:
        """Book a monthly settlement with its offset."""
        settled, offset = Money.of_yuan(settlement.settled), Money.of_yuan(settlement.offset)
        document = f"{settlement.on.year} 年 {settlement.on.month} 月结算单（演示）"
        command = returns.OffsetGrant(self.grant_id, settled, offset, document, self._key(f"offset-{settlement.on}"))
        returns.offset_grant(self._at(moment), self._officer, command)

    def return_rest(self, moment: datetime) -> None:
        """Send back by bank what is still owed."""
        if owed := self._state.owed_fen:
            command = returns.ReturnGrant(self.grant_id, Money(owed), self._slip("交回"), self._key("return"))
            returns.return_grant(self._at(moment), self._officer, command)

    def _at(self, moment: datetime) -> Context:
        return self.stage.at(moment)

    @property
    def _officer(self) -> Actor:
        return self.stage.actor(Role.FINANCE_OFFICER)

    @property
    def _state(self) -> GrantState:
        return grants.find_grant(self.stage.context, self._officer, self.grant_id)

    def _key(self, step: str) -> str:
        grant = self.past.grant
        return f"demonstration:{grant.regime}:{grant.fund.value}:{grant.year}:{step}"

    def _slip(self, what: str) -> str:
        grant = self.past.grant
        return f"演示回单 {grant.year}-{grant.fund.value}-{what}"
