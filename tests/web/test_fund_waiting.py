"""What the home page says waits, and what a ground of recall stops wherever somebody might begin."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime

import pytest

from hospital_prepay.clock import SHANGHAI, FixedClock
from hospital_prepay.domain.access import Actor, Role
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.fund.henan_month import HENAN
from hospital_prepay.domain.rules.fund.regime import Fund
from hospital_prepay.persistence.models.fund_reconciliation import FundPeriodStep
from hospital_prepay.services.access.home import tasks
from hospital_prepay.services.fund import distribution, grants, henan, incidents, members, places
from hospital_prepay.services.fund.clearing_watch import clearing_tasks
from tests.funding import MILLION_YUAN, application, apply_one, enter_member, good_facts
from tests.people import Browser, House
from tests.web.test_fund import APPROVAL, APPROVER, HEAD, OFFICER, RECEIPT, Fundhouse, line, words

RECALL = "/finance/fund/recall"
HENAN_PAGE = "/finance/fund/reconcile/henan"


@pytest.fixture
def fund(house: House, login_as: Callable[[Role], Browser]) -> Fundhouse:
    return Fundhouse(house, login_as).received()


def recalled(fund: Fundhouse) -> str:
    said = {"what": "基本户被法院保全", "since_on": "2026-01-14", "document": "（2026）浙01执保1号"}
    return fund.send(OFFICER, f"{RECALL}/new", regime="zhejiang-prepay-2025", ground="4", **said).location


def waiting(fund: Fundhouse, role: Role) -> dict[str, str]:
    """Every kind that waits for a person, with what to open first."""
    return {one.kind: one.pile.first for one in tasks(fund.house.context, fund.house.actor(role))}


def test_a_ground_of_recall_is_said_before_anybody_begins(fund: Fundhouse) -> None:
    request = fund.asked(line("1000"))
    fund.send(HEAD, f"{request}/agree")
    assert "审批并预留 1,000.00 元" in words(fund.as_(APPROVER).get(request))
    ground = recalled(fund)
    for role in (OFFICER, APPROVER, HEAD):
        assert "收回情形没有办结：预付金暂停审批和付款" in words(fund.as_(role).get("/"))
    overview = fund.as_(OFFICER).get("/finance/fund")
    assert "暂停审批和付款（本院规定）：看怎样交回" in words(overview)
    assert "由科室或财务申请用款" not in words(overview)
    assert "/finance/fund/requests/new" not in overview.text
    form = fund.as_(HEAD).get(f"/finance/fund/requests/new?grant={fund.grant_id}")
    assert "2026 年职工医保预付金暂停用款（本院规定）" in words(form)
    assert f'href="{ground}"' in form.text
    shown = words(fund.as_(APPROVER).get(request))
    assert "审批并预留" not in shown
    assert "现在不能审批" in shown
    assert "fund_reserve" not in waiting(fund, APPROVER)
    assert "其中 1 份您能办" not in words(fund.as_(APPROVER).get("/finance/fund"))
    assert "现在没有能申请用款的预付金" in words(form)
    assert "暂停用款" in words(fund.as_(OFFICER).get(fund.grant))
    recall = words(fund.as_(OFFICER).get(ground))
    assert "2026 年职工医保预付金暂停" in recall
    assert "全部还清，这条自动办结" in recall
    fund.send(APPROVER, f"{ground}/lift", ground="保全已解除", document="执 2 号")
    assert "审批并预留 1,000.00 元" in words(fund.as_(APPROVER).get(request))
    assert "收回情形没有办结" not in words(fund.as_(OFFICER).get("/"))
    assert "全部还清，这条自动办结" not in words(fund.as_(OFFICER).get(ground))
    assert "fund_reserve" in waiting(fund, APPROVER)


def test_where_nothing_is_owed_no_urging_is_asked_for(house: House, login_as: Callable[[Role], Browser]) -> None:
    fund = Fundhouse(house, login_as).apply()
    ground = fund.as_(OFFICER).get(recalled(fund))
    assert "没有要退回的" in words(ground)
    assert "登记督促" not in words(ground)


def test_who_asked_sees_on_the_home_page_that_others_are_at_it(fund: Fundhouse) -> None:
    assert "您申请的用款" not in words(fund.as_(HEAD).get("/"))
    request = fund.asked(line("1000"), role=HEAD)
    home = fund.as_(HEAD).get("/")
    assert "1 份在别人那里" in words(home)
    assert f'href="{request}"' in home.text
    page = words(fund.as_(HEAD).get(request))
    assert "撤回这份申请" in page
    assert "不同意，退回" not in page
    assert "不同意，退回" in words(fund.as_(APPROVER).get(request))
    fund.asked(line("2000"), role=HEAD)
    assert "/finance/fund/requests?tab=mine" in fund.as_(HEAD).get("/").text
    assert "合计 2 份" in words(fund.as_(HEAD).get("/finance/fund/requests?tab=mine"))
    assert "没有这样的申请" in words(fund.as_(OFFICER).get("/finance/fund/requests?tab=mine"))


def test_a_reserved_request_offers_no_payment_while_a_ground_stands(fund: Fundhouse) -> None:
    request = fund.asked(line("1000"))
    fund.send(HEAD, f"{request}/agree")
    fund.send(APPROVER, f"{request}/reserve")
    recalled(fund)
    shown = words(fund.as_(OFFICER).get(request))
    assert "现在不能付款" in shown
    assert "付 1,000.00 元" not in shown


def test_what_a_second_person_has_to_do_is_counted_for_them(fund: Fundhouse) -> None:
    house = fund.house
    officer = house.actor(OFFICER)
    loss = incidents.RecordLoss(fund.grant_id, Money(100), date(2026, 1, 15), "误付", "待查", "函 1", "loss-1")
    incidents.record_loss(house.context, officer, loss)
    places.propose_place(house.context, officer, places.ProposePlace("zhejiang-prepay-2025", "临溪市", 2026, True))
    grant_id = _in_weihai(fund)
    members.propose_member(
        house.context, officer, members.ProposeMember("H37100000003", "另一家", "37000099", "章程")
    )
    enter_member(house.context, house.actor(OFFICER), house.actor(APPROVER), "H37100000002")
    ask = distribution.AskDistribution(grant_id, "H37100000002", Money(100), "协议", "member-1")
    distribution.ask_distribution(house.context, officer, ask)
    _month_closed(fund, officer)
    found = waiting(fund, APPROVER)
    kinds = {"fund_loss", "fund_place", "fund_members", "fund_register", "fund_month"}
    assert kinds <= set(found)
    assert (found["fund_members"], found["fund_month"]) == (grant_id, "2025-12")
    assert not kinds & set(waiting(fund, OFFICER))
    home = fund.as_(APPROVER).get("/")
    assert f'href="/finance/fund/grants/{grant_id}/members"' in home.text
    assert 'href="/finance/fund/reconcile?period=2025-12"' in home.text
    own = Actor(officer.institution_id, officer.actor_id, officer.name, frozenset({APPROVER}))
    assert {one.kind for one in tasks(house.context, own)} & {"fund_loss", "fund_place", "fund_month"} == set()


def test_a_paid_request_without_its_invoices_waits_for_the_officer(fund: Fundhouse) -> None:
    request = fund.asked(line("1000"))
    fund.send(HEAD, f"{request}/agree")
    fund.send(APPROVER, f"{request}/reserve")
    assert "fund_prove" not in waiting(fund, OFFICER)
    fund.send(OFFICER, f"{request}/pay", bank_reference="HD-9")
    assert "已付款，还缺发票" in words(fund.as_(OFFICER).get("/"))
    fund.send(OFFICER, f"{request}/invoice", line_no="1", invoice_no="FP-1", amount="1000")
    assert "fund_prove" not in waiting(fund, OFFICER)
    assert "银行退款" in words(fund.as_(OFFICER).get(request)), "the bank may send it back after the last invoice"
    sent_back = {"ground": "户名不符", "bounced_on": "2026-01-15"}
    assert fund.send(OFFICER, f"{request}/bounce", **sent_back).status_code == 303


def test_an_approved_grant_waits_for_its_receipt(house: House, login_as: Callable[[Role], Browser]) -> None:
    fund = Fundhouse(house, login_as).apply()
    assert "fund_receive" not in waiting(fund, OFFICER)
    fund.send(APPROVER, f"{fund.grant}/approval", **APPROVAL)
    assert waiting(fund, OFFICER)["fund_receive"] == fund.grant_id
    assert "fund_receive" not in waiting(fund, APPROVER)
    assert f'href="{fund.grant}"' in fund.as_(OFFICER).get("/").text
    fund.send(OFFICER, f"{fund.grant}/receipt", **RECEIPT)
    assert "fund_receive" not in waiting(fund, OFFICER)


def test_a_clearing_for_which_money_lacks_is_told_a_month_before(fund: Fundhouse, clock: FixedClock) -> None:
    request = fund.asked(line("712800"))
    fund.send(HEAD, f"{request}/agree")
    fund.send(APPROVER, f"{request}/reserve")
    fund.send(OFFICER, f"{request}/pay", bank_reference="HD-9")
    clock.moment = datetime(2026, 10, 20, 9, tzinfo=SHANGHAI)
    assert clearing_tasks(fund.house.context, fund.house.actor(OFFICER)) == []
    clock.moment = datetime(2026, 11, 26, 9, tzinfo=SHANGHAI)
    fund.browsers.clear()
    home = words(fund.as_(OFFICER).get("/"))
    assert "清零、交回日 30 天内，钱不够共差 712,800.00 元。" in home
    page = words(fund.as_(OFFICER).get("/finance/fund/duties"))
    assert "清零的钱不够" in page
    assert "7 天内没有到期的" not in page
    assert "2026 年职工医保预付金 2026-12-15 清零，还有 19 天，还差 712,800.00 元。" in page
    assert clearing_tasks(fund.house.context, fund.house.actor(APPROVER)) == []


def test_a_negative_plan_waits_until_it_is_paid_back(fund: Fundhouse) -> None:
    officer, context = fund.house.actor(OFFICER), fund.house.context
    facts, money = good_facts(2026), Money(MILLION_YUAN)
    apply_one(context, officer, application(HENAN, "x", Fund.EMPLOYEE, money, facts, "apply-henan"))
    plan = henan.NegativePlan("2025-11", "resident", Money(4_000), date(2026, 1, 10), None, "收付款通知 12", "plan-1")
    plan_id = henan.record_negative_plan(context, officer, plan)
    assert waiting(fund, OFFICER)["fund_plan"] == "2025-11"
    assert "/finance/fund/reconcile/henan?period=2025-11" in fund.as_(OFFICER).get("/").text
    paid = {"bank_reference": "HD-7", "paid_on": "2026-01-15", "document": "收付款通知 12"}
    assert fund.send(OFFICER, f"{HENAN_PAGE}/2025-11/plans/{plan_id}/repay", **paid).status_code == 303
    assert "fund_plan" not in waiting(fund, OFFICER)


def _in_weihai(fund: Fundhouse) -> str:
    context, officer = fund.house.context, fund.house.actor(OFFICER)
    regime, money = "weihai-prepay-2025", Money(MILLION_YUAN)
    command = application(regime, "x", Fund.EMPLOYEE, money, good_facts(2026), "apply-weihai")
    grant_id = apply_one(context, officer, command).grant_id or ""
    approval = grants.RecordApproval(grant_id, money, date(2026, 1, 15), "批复", "")
    grants.record_approval(context, fund.house.actor(APPROVER), approval)
    grants.receive_grant(context, officer, grants.ReceiveGrant(grant_id, "W-1", date(2026, 1, 15), "received-w"))
    return grant_id


def _month_closed(fund: Fundhouse, officer: Actor) -> None:
    with fund.house.context.work(officer, "fund.close_period", "month:2025-12") as work:
        for number, step in enumerate(("made", "reopened", "made"), 1):
            key = {"institution_id": officer.institution_id, "period": "2025-12", "step_no": number, "step": step}
            by = {"taken_by": officer.actor_id, "taken_at": work.now}
            rest = {"digest": "0" * 64, "zero": True, "ground": "核对", "decision_id": None}
            work.connection.execute(FundPeriodStep.__table__.insert().values(**key, **by, **rest))
        work.audit(detail={})
