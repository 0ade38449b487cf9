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
from hospital_prepay.services.demonstration.fund import GOOD, SUPPLIER, drug, evidence_for, spend
from hospital_prepay.services.demonstration.fund_henan import HenanMonths
from hospital_prepay.services.demonstration.fund_papers import Papers, reconcile_year
from hospital_prepay.services.demonstration.fund_plans import YEARS, Allocation, Bill, Member, PastYear, Settlement
from hospital_prepay.services.demonstration.fund_watch import say_what_is_not_applied_for, say_where
from hospital_prepay.services.demonstration.houses import LINXI
from hospital_prepay.services.demonstration.stage import Stage, open_house
from hospital_prepay.services.fund import distribution, grants, members, offsets, returns
from hospital_prepay.services.fund.application_command import ApplyForFunds
from hospital_prepay.services.fund.applications import apply_for_funds
from hospital_prepay.services.fund.netting import NetGrants, net_grants

# The people are there before the first application, and so are the books.
OPENED: Final = datetime(2024, 12, 26, 9, 0, tzinfo=SHANGHAI)
_NINE: Final = time(9, 0)
_NOTHING: Final = Money(0)
_HOSPITAL: Final = replace(GOOD, credit_grade="A", repays_procurement_shortfall=True)


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
        if (member := self.past.member) is not None:
            yield member.entered_on, partial(self.enter, member=member)
            yield member.handed_on, partial(self.hand_on, member=member)
            yield member.back_on, partial(self.take_back, member=member)
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
            grants.record_approval(self._at(moment), self._approver, command)

    def receive(self, moment: datetime) -> None:
        """Book the money with the bank's reference."""
        grant = self.past.grant
        amount, slip = Money.of_yuan(grant.amount), self._slip("DZ")
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

    def enter(self, moment: datetime, member: Member) -> None:
        """Put the member into the register: another officer writes it down, the approver confirms it."""
        context, officer = self._at(moment), self.stage.actor(Role.FINANCE_OFFICER, 1)
        if not members.read_register(context, officer).rows:
            words = "紧密型医共体协议 2025-1（演示）"
            said = members.ProposeMember(member.code, member.name, member.account_no, words)
            number = members.propose_member(context, officer, said)
            members.decide_member(context, self._approver, number, confirmed=True)

    def hand_on(self, moment: datetime, member: Member) -> None:
        """Hand its share on; the member holds it, and it is owed back all the same."""
        amount, slip = Money.of_yuan(member.amount), self._slip("FP")
        key = self._key(self.past.grant, "hand-on")
        ask = distribution.AskDistribution(self.grant_id, member.code, amount, "2025 年分配方案（演示）", key)
        asked = distribution.ask_distribution(self._at(moment), self._officer, ask)
        if self._handed(moment).state == "asked":
            yes = distribution.DecideDistribution(asked, True, slip, member.handed_on)
            distribution.decide_distribution(self._at(moment), self._approver, yes)
        self.cash -= amount
        self.papers.left(member.handed_on, amount, member.name, "医共体内分配预付金", slip)

    def take_back(self, moment: datetime, member: Member) -> None:
        """Keep what the member paid with it, and book what it gives back."""
        used, amount = Money.of_yuan(member.used), Money.of_yuan(member.amount)
        found, back = self._handed(moment), self._slip("TH")
        line, key = drug("注射用头孢曲松钠", member.used, 104), self._key(self.past.grant, "member")
        shown = distribution.ShowUse(found.distribution_id, line, "演示发票 wy-member-1", f"{key}-use")
        distribution.show_use(self._at(moment), self._officer, shown)
        rest = distribution.ReturnDistribution(
            found.distribution_id, amount - used, back, f"{key}-back", member.back_on
        )
        distribution.return_distribution(self._at(moment), self._officer, rest)
        self.cash += amount - used
        self.papers.came(member.back_on, amount - used, "成员单位退回预付金", back, member.name)

    def settle(self, moment: datetime, settlement: Settlement) -> None:
        """Book a monthly settlement with its offset."""
        settled, offset = Money.of_yuan(settlement.settled), Money.of_yuan(settlement.offset)
        document = f"{settlement.on.year} 年 {settlement.on.month} 月结算单（演示）"
        key = self._key(self.past.grant, f"offset-{settlement.on}")
        slip = self._slip(f"JS-{settlement.on}") if settled != offset else ""
        command = offsets.OffsetGrant(self.grant_id, settled, offset, document, slip, settlement.on, key)
        offset_id = offsets.record_offset(self._at(moment), self._officer, command)
        if offsets.find_offset(self._at(moment), self._officer, offset_id).state == "recorded":
            offsets.decide_offset(self._at(moment), self._approver, offset_id, confirmed=True)
        self.owed -= offset
        self.cash -= Money(min(self.cash.fen, offset.fen))
        self.papers.came(settlement.on, settled - offset, f"{settlement.on.month} 月医保结算款", slip)
        self.papers.said(settlement.on, "结算冲抵预付金", offset)
        self.papers.said(settlement.on, "月度结算", settled - offset)

    def return_rest(self, moment: datetime) -> None:
        """Send back by bank what is still owed."""
        slip, key = self._slip("JH"), self._key(self.past.grant, "return")
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
        amount, slip = Money.of_yuan(allocation.amount), self._slip("ZC")
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

    @property
    def _approver(self) -> Actor:
        return self.stage.actor(Role.FINANCE_APPROVER)

    def _handed(self, moment: datetime) -> distribution.DistributionRow:
        (found,) = distribution.distributions_of(self._at(moment), self._officer, self.grant_id)
        return found

    def _state(self, grant_id: str) -> GrantState:
        return grants.find_grant(self.stage.context, self._officer, grant_id)

    def _key(self, grant: Allocation, step: str) -> str:
        return f"demonstration:{grant.regime}:{grant.fund.value}:{grant.year}:{step}"

    def _slip(self, what: str) -> str:
        # Numbers differ by letters A to Z and digits; nothing else is compared.
        grant = self.past.grant
        return f"演示回单 {grant.year}-{grant.fund.value}-{what}"
