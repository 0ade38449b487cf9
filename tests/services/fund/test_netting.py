"""Henan's netting: next year's allocation against this year's in one entry; on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

import pytest
import sqlalchemy as sa

from hospital_prepay.clock import SHANGHAI, FixedClock
from hospital_prepay.domain.errors import Conflict, MalformedInput, NotPermitted
from hospital_prepay.domain.ledger.grant_usage import Balance, Column, Movement
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.fund.regime import Fund
from hospital_prepay.persistence import fund_recalls as store
from hospital_prepay.services.compliance.replay import replay_decisions
from hospital_prepay.services.fund import grants, netting, recall_review, returns, spending, usage
from hospital_prepay.services.fund.usage_papers import usage_paper
from hospital_prepay.services.ledger.seals import seal_ledger, verify_ledger
from tests.funding import MILLION_YUAN
from tests.hospital import INSTITUTION, Hospital
from tests.services.fund.conftest import APPROVER, OFFICER, PAYER, Year, line

M = MILLION_YUAN
pytestmark = pytest.mark.clause("henan-settlement-2023/2.2")


class Pair:
    """This year's grant, partly spent, and next year's approved one."""

    def __init__(self, hospital: Hospital, clock: FixedClock, spent: int, allocated: int) -> None:
        self.hospital, self.clock = hospital, clock
        self.old = Year(hospital, "henan-settlement-2023").arrived()
        if spent:
            self.old.pay(self.old.reserve(line(spent)))
        clock.moment = datetime(2027, 1, 12, 10, 0, tzinfo=SHANGHAI)
        self.new = Year(hospital, "henan-settlement-2023", year=2027, keys=50)
        self.new.apply(fen=allocated)
        self.new.approve(allocated)

    def command(self, **changes: object) -> netting.NetGrants:
        given = netting.NetGrants(self.old.grant_id, self.new.grant_id, date(2027, 1, 12), "ZC-1", "net-key-1")
        return replace(given, **changes)  # type: ignore[arg-type]

    def net(self, **changes: object) -> netting.Netted:
        return netting.net_grants(self.hospital.context, OFFICER, self.command(**changes))

    @property
    def bank(self) -> int:
        """All of 1002, the earmarks with it: what the bank's statement moved by."""
        where = "account_id = '1002' OR account_id LIKE '1002:%'"
        with self.hospital.context.database.reading() as connection:
            query = f"SELECT coalesce(sum(debit_fen - credit_fen), 0) FROM ledger_posting WHERE {where}"
            return int(connection.scalar(sa.text(query)) or 0)


@pytest.mark.parametrize("spent", [0, 30_000_000, M])
@pytest.mark.parametrize("allocated", [M - 20_000_000, M, M + 20_000_000])
def test_the_old_goes_to_zero_the_new_begins_whole_and_the_difference_alone_moves(
    hospital: Hospital, clock: FixedClock, spent: int, allocated: int
) -> None:
    pair = Pair(hospital, clock, spent, allocated)
    before = pair.bank
    done = pair.net()
    assert (done.old.state, done.new.state) == ("cleared", "received")
    assert pair.old.standing == (0, 0, 0)
    assert pair.new.standing == (allocated, 0, allocated)
    assert pair.bank - before == allocated - M
    assert done.decision.amount == Money(abs(allocated - M))
    with hospital.context.database.reading() as connection:
        kinds = [one.kind for one in store.slips(connection, INSTITUTION).values()]
    assert kinds.count("fund_netting") == (allocated != M)
    context = hospital.context
    seal_ledger(context.database, context.settings.data_dir, clock)
    assert verify_ledger(context.database, context.settings.data_dir, clock).intact
    assert replay_decisions(context.database).first is None


def test_the_same_key_nets_once(hospital: Hospital, clock: FixedClock) -> None:
    pair = Pair(hospital, clock, 0, M + 100)
    assert pair.net().decision == pair.net().decision
    assert hospital.count("ledger_entry", "kind = 'fund_netting'") == 1
    with pytest.raises(Conflict, match="已经清算"):
        pair.net(idempotency_key="net-key-2", bank_reference="ZC-2")


def test_what_is_reserved_is_paid_or_released_first(hospital: Hospital, clock: FixedClock) -> None:
    pair = Pair(hospital, clock, 0, M)
    waiting = pair.old.reserve(line(100))
    with pytest.raises(Conflict, match=r"还有预留 1\.00 元没有付款"):
        pair.net()
    spending.release_request(hospital.context, PAYER, waiting, "轧差前退回")
    assert pair.net().old.state == "cleared"


@pytest.mark.parametrize(("day", "late"), [(14, False), (15, False), (16, True)])
def test_a_netting_after_the_day_is_booked_and_called_late(
    hospital: Hospital, clock: FixedClock, day: int, late: bool
) -> None:
    old = Year(hospital, "henan-settlement-2023", year=2025)
    clock.moment = datetime(2025, 6, 1, 10, 0, tzinfo=SHANGHAI)
    old.apply()
    clock.moment = datetime(2026, 1, day, 10, 0, tzinfo=SHANGHAI)
    approve_early(old)
    new = Year(hospital, "henan-settlement-2023", keys=50)
    new.apply()
    approve_early(new)
    old_receipt(old, day)
    command = netting.NetGrants(old.grant_id, new.grant_id, date(2026, 1, day), "", "net-key-1")
    done = netting.net_grants(hospital.context, OFFICER, command)
    assert ("late" in {reason.code for reason in done.decision.reasons}) is late


def approve_early(year: Year) -> None:
    command = grants.RecordApproval(
        year.grant_id, Money(M), date(2026, 1, 5), "豫医保〔2026〕1号", "", early="先批后报"
    )
    grants.record_approval(year.hospital.context, APPROVER, command)


def old_receipt(year: Year, day: int) -> None:
    command = grants.ReceiveGrant(year.grant_id, "HN-1", date(2026, 1, day), "hn-receipt")
    grants.receive_grant(year.hospital.context, OFFICER, command)


def test_only_the_next_year_of_the_same_fund_and_only_where_the_notice_nets(
    hospital: Hospital, clock: FixedClock
) -> None:
    pair = Pair(hospital, clock, 0, M)
    other = Year(hospital, "henan-settlement-2023", year=2027, keys=80)
    other.apply(fund=Fund.RESIDENT)
    other.approve()
    with pytest.raises(Conflict, match="下一年额度"):
        pair.net(new_grant_id=other.grant_id)
    zhejiang = Year(hospital, year=2027, keys=90).arrived()
    nothing = Year(hospital, "weihai-prepay-2025", year=2027, keys=100)
    nothing.apply()
    nothing.approve()
    with pytest.raises(Conflict, match="没有写轧差"):
        pair.net(old_grant_id=zhejiang.grant_id, new_grant_id=nothing.grant_id)
    with pytest.raises(NotPermitted):
        netting.net_grants(hospital.context, APPROVER, pair.command())
    with pytest.raises(MalformedInput, match="还没有到"):
        pair.net(netted_on=date(2027, 1, 13))
    [found] = recall_review.recall_overview(hospital.context, OFFICER).pairs
    assert (found.old.grant_id, found.new.grant_id) == (pair.old.grant_id, pair.new.grant_id)


def test_a_difference_needs_its_slip(hospital: Hospital, clock: FixedClock) -> None:
    pair = Pair(hospital, clock, 0, M + 100)
    with pytest.raises(MalformedInput, match=r"差额 1\.00 元要经过银行"):
        pair.net(bank_reference=" ")
    assert pair.old.standing == (M, 0, M)


def test_the_whole_amount_is_received_only_where_somebody_says_that_it_came(
    hospital: Hospital, clock: FixedClock
) -> None:
    pair = Pair(hospital, clock, 0, M)
    plain = grants.ReceiveGrant(pair.new.grant_id, "HN-9", date(2027, 1, 12), "in-full-1")
    with pytest.raises(Conflict, match=r"2026 年的预付金还有应还 1,000,000\.00 元，这里的通知要求和今年额度轧差"):
        grants.receive_grant(hospital.context, OFFICER, plain)
    assert pair.new.standing == (0, 0, 0)
    stated = replace(plain, in_full="医保中心按全额拨付，上年另行交回", idempotency_key="in-full-2")
    for _ in range(2):
        assert grants.receive_grant(hospital.context, OFFICER, stated).state == "received"
    assert pair.new.standing == (M, 0, M)
    assert hospital.count("audit_event", "detail LIKE '%医保中心按全额拨付%'") == 1


def test_once_the_old_one_is_cleared_nothing_is_to_be_netted(hospital: Hospital, clock: FixedClock) -> None:
    pair = Pair(hospital, clock, 0, M)
    command = returns.ReturnGrant(pair.old.grant_id, Money(M), "HN-8", "back-1", date(2027, 1, 12))
    returns.return_grant(hospital.context, OFFICER, command)
    plain = grants.ReceiveGrant(pair.new.grant_id, "HN-9", date(2027, 1, 12), "after-1")
    assert grants.receive_grant(hospital.context, OFFICER, plain).state == "received"


def test_what_is_netted_in_and_out_in_one_year_shows_both_ways_and_opens(
    hospital: Hospital, clock: FixedClock
) -> None:
    pair = Pair(hospital, clock, 0, M)
    pair.net()
    clock.moment = datetime(2027, 12, 26, 10, 0, tzinfo=SHANGHAI)
    after = Year(hospital, "henan-settlement-2023", year=2028, keys=90)
    after.apply(fen=M // 2)
    after.approve(M // 2)
    out = netting.NetGrants(pair.new.grant_id, after.grant_id, date(2027, 12, 26), "ZC-2", "net-key-2")
    netting.net_grants(hospital.context, OFFICER, out)
    both = {Column(Movement.NETTED): M, Column(Movement.NETTED_OUT): -M}
    query = usage.UsageQuery("2027-01", "2027-12", usage.Step.YEAR, pair.new.grant_id)
    [one] = usage.read_usage(hospital.context, OFFICER, query).total.balances[Balance.OWED]
    assert (one.opening_fen, dict(one.moved), one.closing_fen) == (0, both, 0)
    every = usage.UsageQuery("2027-01", "2027-12", usage.Step.YEAR)
    [whole] = usage.read_usage(hospital.context, OFFICER, every).total.balances[Balance.OWED]
    for asked, line_of in ((query, one), (every, whole)):
        for column in both:
            figure = usage.Figure(asked, Balance.OWED, column)
            assert usage.read_figure(hospital.context, OFFICER, figure, 1).fen == line_of.moved[column]
    assert whole.moved == {Column(Movement.NETTED): M + M // 2, Column(Movement.NETTED_OUT): -2 * M}
    paper = usage_paper(hospital.context, OFFICER, every)
    assert any("2027 年" in table.title for table in paper.tables), (
        "cleared in the year it came, and on paper all the same"
    )
