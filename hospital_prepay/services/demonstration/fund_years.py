"""A whole year of prepayment under each of the four notices, in made-up hospitals: applied for or allocated,
received, spent and proved, given back or netted. What a year does is a list of dated acts, done in their order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
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
from hospital_prepay.services.demonstration.fund import GOOD, SUPPLIER, Spent, consumable, drug, evidence_for, spend
from hospital_prepay.services.demonstration.fund_henan import HenanMonths
from hospital_prepay.services.demonstration.fund_papers import Papers, reconcile_year
from hospital_prepay.services.demonstration.fund_watch import say_what_is_not_applied_for, say_where
from hospital_prepay.services.demonstration.houses import HENAN, LINXI, WEIHAI, XIZANG, House
from hospital_prepay.services.demonstration.stage import Stage, open_house
from hospital_prepay.services.fund import grants, offsets, returns
from hospital_prepay.services.fund.application_command import ApplyForFunds
from hospital_prepay.services.fund.applications import apply_for_funds
from hospital_prepay.services.fund.netting import NetGrants, net_grants

# The people are there before the first application, and so are the books.
OPENED: Final = datetime(2024, 12, 26, 9, 0, tzinfo=SHANGHAI)
_NINE: Final = time(9, 0)
_NOTHING: Final = Money(0)
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
    netted: Allocation | None = None

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


def lead_through_past_years(context: Context) -> None:
    """Lead every year from its application or allocation to zero and reconcile it; what was done stays done."""
    for past in YEARS:
        stage, grant = open_house(context, past.house, OPENED), past.grant
        say_where(stage, OPENED + timedelta(hours=3), grant.regime, grant.region, grant.year)
        year = Year(stage, past, Papers(past.agency, grant.fund.value))
        year.lead()
        reconcile_year(year.stage, year.papers, date(2026, 2, 5) if past.netted else date(2026, 1, 6))
        if past.netted is not None:
            HenanMonths(stage, year.papers).go_on()
        if stage.house is not LINXI:
            say_what_is_not_applied_for(stage, datetime.combine(date(2026, 1, 20), _NINE, SHANGHAI))


@dataclass
class Year:
    """A past year on its stage; each act takes the moment at which it is done and leaves its lines on the papers."""

    stage: Stage
    past: PastYear
    papers: Papers
    grant_id: str = ""
    owed: Money = _NOTHING
    cash: Money = _NOTHING

    def lead(self) -> None:
        """Do every act in the order of its day."""
        for day, act in sorted(self._acts(), key=lambda one: one[0]):
            act(datetime.combine(day, _NINE, SHANGHAI))
            self.papers.stood(day, self.owed, self.cash)

    def _acts(self) -> Iterator[tuple[date, Callable[[datetime], object]]]:
        grant, netted = self.past.grant, self.past.netted
        yield grant.applied_on, partial(self.apply, grant=grant)
        yield grant.approved_on, partial(self.approve, grant=grant)
        yield grant.received_on, self.receive
        for bill in self.past.bills:
            yield bill.on, partial(self.pay, bill=bill)
        for settlement in self.past.settlements:
            yield settlement.on, partial(self.settle, settlement=settlement)
        if self.past.returned_on is not None:
            yield self.past.returned_on, self.return_rest
        if netted is not None:
            yield netted.received_on, partial(self.net, allocation=netted)
            yield from HenanMonths(self.stage, self.papers).acts()

    def apply(self, moment: datetime, grant: Allocation) -> str:
        """Hold the hospital against the place's conditions, with a document for each, and file the application."""
        monthly, day = Money.of_yuan(grant.monthly), moment.date()
        pools = tuple(PoolFacts(one, Fraction("13.2"), False, False) for one in Fund)
        paid = tuple(Paid(grant.year - back, one, Money(12 * monthly.fen)) for one in Fund for back in (1, 2, 3))
        facts = AssessmentFacts(grant.year, _HOSPITAL, pools, paid, Fraction("0.043"))
        amounts = ((grant.fund.value, Money.of_yuan(grant.amount)),)
        evidence = evidence_for(grant.regime, grant.year, day)
        key = self._key(grant, "apply")
        command = ApplyForFunds(grant.regime, grant.region, amounts, facts, evidence, key, notified=False)
        (applied,) = apply_for_funds(self._at(moment), self._officer, command)
        if grant is self.past.grant:
            self.grant_id = applied.grant_id or ""
        return applied.grant_id or ""

    def approve(self, moment: datetime, grant: Allocation, grant_id: str = "") -> None:
        """Write down the authority's yes."""
        grant_id = grant_id or self.grant_id
        if self._state(grant_id).state == "applied":
            amount, module_no = Money.of_yuan(grant.amount), f"YF-演示-{grant.year}"
            command = grants.RecordApproval(grant_id, amount, grant.approved_on, grant.document, module_no)
            grants.record_approval(self._at(moment), self.stage.actor(Role.FINANCE_APPROVER), command)

    def receive(self, moment: datetime) -> None:
        """Book the money with the bank's reference."""
        grant = self.past.grant
        amount, slip = Money.of_yuan(grant.amount), self._slip("到账")
        command = grants.ReceiveGrant(self.grant_id, slip, grant.received_on, self._key(grant, "receive"))
        grants.receive_grant(self._at(moment), self._officer, command)
        self.owed = self.cash = amount
        self.papers.came(moment.date(), amount, f"{grant.year} 年医保预付金", slip)
        self.papers.said(moment.date(), "拨付预付金", amount)

    def pay(self, moment: datetime, bill: Bill) -> None:
        """Ask for a bill and lead it to its invoice."""
        spend(self.stage, moment, self.grant_id, bill.spent)
        amount = Money(sum(line.amount.fen for line in bill.spent.lines))
        self.cash -= amount
        self.papers.left(bill.on, amount, SUPPLIER[0], bill.spent.purpose, f"演示付款 {bill.spent.key}")

    def settle(self, moment: datetime, settlement: Settlement) -> None:
        """Book a monthly settlement with its offset."""
        settled, offset = Money.of_yuan(settlement.settled), Money.of_yuan(settlement.offset)
        document = f"{settlement.on.year} 年 {settlement.on.month} 月结算单（演示）"
        key = self._key(self.past.grant, f"offset-{settlement.on}")
        slip = self._slip(f"结算-{settlement.on}") if settled != offset else ""
        command = offsets.OffsetGrant(self.grant_id, settled, offset, document, slip, settlement.on, key)
        offset_id = offsets.record_offset(self._at(moment), self._officer, command)
        if offsets.find_offset(self._at(moment), self._officer, offset_id).state == "recorded":
            confirmer = self.stage.actor(Role.FINANCE_APPROVER)
            offsets.decide_offset(self._at(moment), confirmer, offset_id, confirmed=True)
        self.owed -= offset
        self.cash -= Money(min(self.cash.fen, offset.fen))
        self.papers.came(settlement.on, settled - offset, f"{settlement.on.month} 月医保结算款", slip)
        self.papers.said(settlement.on, "结算冲抵预付金", offset)
        self.papers.said(settlement.on, "月度结算", settled - offset)

    def return_rest(self, moment: datetime) -> None:
        """Send back by bank what is still owed."""
        slip, key = self._slip("交回"), self._key(self.past.grant, "return")
        returns.return_grant(
            self._at(moment), self._officer, returns.ReturnGrant(self.grant_id, self.owed, slip, key)
        )
        self.papers.left(moment.date(), self.owed, "", "交回医保预付金", slip)
        self.papers.said(moment.date(), "交回预付金", self.owed)
        self.owed = self.cash = _NOTHING

    def net(self, moment: datetime, allocation: Allocation) -> None:
        """Net next year's allocation against this year's; the bank moves the difference."""
        new_id = self.apply(datetime.combine(allocation.applied_on, _NINE, SHANGHAI), allocation)
        self.approve(datetime.combine(allocation.approved_on, _NINE, SHANGHAI), allocation, new_id)
        amount, slip = Money.of_yuan(allocation.amount), self._slip("轧差")
        key = self._key(allocation, "net")
        command = NetGrants(self.grant_id, new_id, allocation.received_on, slip, key)
        net_grants(self._at(moment), self._officer, command)
        self.papers.came(moment.date(), amount - self.owed, "2026 年医保预拨轧差", slip)
        self.papers.said(moment.date(), "上年预拨轧差", self.owed)
        self.papers.said(moment.date(), "拨付预拨资金", amount)
        self.owed = self.cash = amount

    def _at(self, moment: datetime) -> Context:
        return self.stage.at(moment)

    @property
    def _officer(self) -> Actor:
        return self.stage.actor(Role.FINANCE_OFFICER)

    def _state(self, grant_id: str) -> GrantState:
        return grants.find_grant(self.stage.context, self._officer, grant_id)

    def _key(self, grant: Allocation, step: str) -> str:
        return f"demonstration:{grant.regime}:{grant.fund.value}:{grant.year}:{step}"

    def _slip(self, what: str) -> str:
        grant = self.past.grant
        return f"演示回单 {grant.year}-{grant.fund.value}-{what}"
