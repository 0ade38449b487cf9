"""Recall and clearing in the browser: recorded, urged, lifted, foreseen, netted, lost; and every way it says no."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from datetime import date, datetime

import pytest

from hospital_prepay.clock import SHANGHAI, FixedClock
from hospital_prepay.domain.access import Role
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.fund.regime import Fund
from hospital_prepay.services.fund import grants
from tests.funding import MILLION_YUAN, application, apply_one, good_facts
from tests.people import Browser, House
from tests.web.test_fund import APPROVER, HEAD, OFFICER, SETTLED, Fundhouse, hidden, line, words

ROOM = "/finance/fund/recall"
GROUND = {"regime": "zhejiang-prepay-2025", "ground": "4", "what": "基本户被法院保全"}
EVIDENCE = {"since_on": "2026-01-14", "document": "（2026）浙01执保1号"}


@pytest.fixture
def fund(house: House, login_as: Callable[[Role], Browser]) -> Fundhouse:
    return Fundhouse(house, login_as)


def recorded(fund: Fundhouse, **changes: str) -> str:
    answer = fund.send(OFFICER, f"{ROOM}/new", **{**GROUND, **EVIDENCE, **changes})
    assert answer.status_code == 303, words(answer)
    return answer.location


def test_a_ground_is_recorded_urged_and_lifted_by_another(fund: Fundhouse) -> None:
    assert "没有收回情形" in words(fund.as_(OFFICER).get(ROOM))
    fund.received()
    asked = fund.asked(line("1000"))
    page = words(fund.as_(OFFICER).get(f"{ROOM}/new"))
    assert "情形 4：财产被保全" in page
    assert "暂停审批和付款（本院规定）" in page
    place = recorded(fund)
    shown = words(fund.as_(OFFICER).get(place))
    assert "应还医保 1,000,000.00 元要全部交回" in shown
    assert "停拨每月结算款" in shown
    assert "登记督促" in shown
    assert "收回情形还没有办结" in words(fund.as_(HEAD).get(asked))
    fund.send(HEAD, f"{asked}/agree")
    refused = fund.send(APPROVER, f"{asked}/reserve")
    assert refused.status_code == 409
    assert "浙江预付办法 第四部分第（三）项第4点" in words(refused)
    another = fund.ask(line("5"))
    assert another.status_code == 422
    assert fund.send(OFFICER, f"{place}/urge", urged_on="2026-01-15", document="函 1 号").status_code == 303
    late = fund.send(APPROVER, f"{place}/lift", ground="保全已解除", document="")
    assert (late.status_code, "请填写" in words(late)) == (422, True)
    assert fund.send(APPROVER, f"{place}/lift", ground="保全已解除", document="执 2 号").status_code == 303
    assert "已解除" in words(fund.as_(OFFICER).get(place))
    assert fund.send(APPROVER, f"{asked}/reserve").status_code == 303


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"ground": "x"}, "请从列出的情形里选"),
        ({"ground": ""}, "请从通知列出的情形里选一种"),
        ({"what": ""}, "请填写"),
        ({"since_on": "2026-01-16"}, "还没有到"),
        ({"since_on": "昨天"}, "不是日期"),
        ({"document": " "}, "请填写"),
        ({"regime": "henan-settlement-2023"}, "没有写收回情形"),
    ],
)
def test_a_wrong_form_says_what_and_stores_nothing(fund: Fundhouse, changes: dict[str, str], said: str) -> None:
    fund.received()
    answer = fund.send(OFFICER, f"{ROOM}/new", **{**GROUND, **EVIDENCE, **changes})
    assert answer.status_code == 422
    assert said in words(answer)
    assert fund.count("fund_recall") == 0


def test_henan_is_recorded_by_the_agreement_and_never_looks_like_law(fund: Fundhouse) -> None:
    page = words(fund.as_(OFFICER).get(f"{ROOM}/new?regime=henan-settlement-2023"))
    assert "没有写收回情形" in page
    place = recorded(fund, regime="henan-settlement-2023", ground="")
    shown = words(fund.as_(OFFICER).get(place))
    assert "通知未作规定" in shown
    assert "本院规定" in shown
    assert "/compliance/clauses/henan" not in fund.as_(OFFICER).get(place).text


def test_the_forecast_is_computed_from_what_is_typed_and_stores_nothing(fund: Fundhouse) -> None:
    fund.received()
    path = f"{ROOM}/forecast/{fund.grant_id}"
    assert "还有 334 日" in words(fund.as_(OFFICER).get(path))
    request = fund.asked(line("900000"))
    for role, step in ((HEAD, "agree"), (APPROVER, "reserve")):
        fund.send(role, f"{request}/{step}")
    fund.send(OFFICER, f"{request}/pay", bank_reference="P-1", paid_on="2026-01-15")
    shown = words(fund.send(OFFICER, path, monthly="50000", own_cash="0"))
    assert "还差350,000.00" in shown
    assert "次年不受理本院的申请" in shown
    assert "还差0.00" in words(fund.send(OFFICER, path, monthly="50000", own_cash="350000"))
    wrong = fund.send(OFFICER, path, monthly="12e3", own_cash="0")
    assert (wrong.status_code, "不是金额" in words(wrong)) == (422, True)
    assert "钱不够" in words(fund.as_(OFFICER).get(ROOM))
    assert "已经入账，不再估计" not in shown
    fund.send(OFFICER, f"{fund.grant}/offset", settlement="900", offset="400", **SETTLED)
    found = re.search(r'action="([^"]+/offsets/[^"]+/confirm)"', fund.as_(APPROVER).get(fund.grant).text)
    assert found is not None
    assert fund.send(APPROVER, found.group(1)).status_code == 303
    page = fund.as_(OFFICER).get(path)
    assert "本月的结算 2026-01-15 已经入账，不再估计" in words(page)
    assert 'value="400.00"' in page.text


def test_returns_and_payments_ask_for_the_banks_day_and_take_a_slip_once(fund: Fundhouse) -> None:
    fund.received()
    ahead = fund.send(OFFICER, f"{fund.grant}/return", amount="100", bank_reference="R-1", returned_on="2026-01-16")
    assert (ahead.status_code, "还没有到" in words(ahead)) == (422, True)
    given = {"amount": "100", "bank_reference": "R-1", "returned_on": "2026-01-15"}
    assert fund.send(OFFICER, f"{fund.grant}/return", **given).status_code == 303
    twice = fund.send(OFFICER, f"{fund.grant}/return", **given)
    assert (twice.status_code, "回单已经记过" in words(twice)) == (409, True)
    assert fund.count("fund_bank_evidence") == 2


def test_a_loss_is_confirmed_by_another_and_compensated(fund: Fundhouse) -> None:
    fund.received()
    given = {"grant_id": fund.grant_id, "amount": "1200", "found_on": "2026-01-15", "what": "误付", "persons": "待查"}
    wrong = fund.send(OFFICER, f"{ROOM}/losses", **{**given, "persons": ""})
    assert (wrong.status_code, fund.count("fund_incident")) == (422, 0)
    assert fund.send(OFFICER, f"{ROOM}/losses", **given).status_code == 303
    page = fund.as_(APPROVER).get(f"{ROOM}/losses")
    assert "确认，自有资金垫补 1,200.00 元" in words(page)
    place = page.text.split(f'action="{ROOM}/losses/')[1].split("/confirm")[0]
    booked = fund.count("ledger_entry")
    asked = fund.send(APPROVER, f"{ROOM}/losses/{place}/confirm", confirmed="")
    assert (asked.status_code, fund.count("ledger_entry")) == (200, booked)
    shown = words(asked)
    for said in (
        "确认损失 1,200.00 元？",
        "壹仟贰佰元整",
        "2026-01-15",
        "看得到",
        "确认，自有资金垫补 1,200.00 元",
        "先不记",
    ):
        assert said in shown
    assert "不是损失，退回" not in shown, "one question at a time"
    assert "确认损失 1,200.00 元？" not in words(fund.send(OFFICER, f"{ROOM}/losses/{place}/confirm", confirmed=""))
    assert fund.as_(APPROVER).post(f"{ROOM}/losses/{place}/confirm", hidden(asked)).status_code == 303
    assert fund.count("ledger_entry") == booked + 1
    assert fund.send(APPROVER, f"{ROOM}/losses/{place}/reject").status_code == 409
    more = {"amount": "1200.01", "bank_reference": "PC-1", "received_on": "2026-01-15"}
    refused = fund.send(OFFICER, f"{ROOM}/losses/{place}/compensate", **more)
    assert (refused.status_code, "比还没追回的多" in words(refused)) == (422, True)
    assert fund.send(OFFICER, f"{ROOM}/losses/{place}/compensate", **{**more, "amount": "1200"}).status_code == 303
    assert "已追回" in words(fund.as_(OFFICER).get(f"{ROOM}/losses"))


def test_the_agencys_book_is_for_reading_and_a_write_off_moves_nothing(fund: Fundhouse) -> None:
    fund.received()
    entries = fund.count("ledger_entry")
    given = {"grant_id": fund.grant_id, "amount": "500", "written_off_on": "2026-01-15", "document": "终 1 号"}
    assert fund.send(APPROVER, f"{ROOM}/memorandum", **given).status_code == 303
    shown = words(fund.as_(OFFICER).get(f"{ROOM}/memorandum"))
    for said in ("医保方的账，不是本院的账", "暂付款—医保预付金", "500.00", "终 1 号"):
        assert said in shown
    assert fund.count("ledger_entry") == entries


def test_a_netting_is_shown_before_it_is_booked(fund: Fundhouse, clock: FixedClock) -> None:
    ids = []
    for year, fen, moment in (
        (2025, MILLION_YUAN, datetime(2025, 1, 10, 9, tzinfo=SHANGHAI)),
        (2026, 90_000_000, None),
    ):
        clock.moment = moment or datetime(2026, 1, 16, 9, tzinfo=SHANGHAI)
        context = fund.house.context
        command = application(
            "henan-settlement-2023", "平顶山", Fund.EMPLOYEE, Money(fen), good_facts(year), f"apply-{year}"
        )
        grant_id = apply_one(context, fund.house.actor(OFFICER), command).grant_id or ""
        if moment is None:
            assert "2026 年的额度等登记批复：批复后再轧差" in words(fund.as_(OFFICER).get(ROOM))
        approval = grants.RecordApproval(grant_id, Money(fen), clock.today(), "批复", "")
        grants.record_approval(context, fund.house.actor(APPROVER), approval)
        if moment:
            received = grants.ReceiveGrant(grant_id, "B-1", date(2025, 1, 10), "received-2025")
            grants.receive_grant(context, fund.house.actor(OFFICER), received)
        if moment:
            clock.moment = datetime(2025, 11, 26, 9, tzinfo=SHANGHAI)
            fund.browsers.clear()
            lines = words(fund.as_(OFFICER).get("/finance/fund"))
            shown = words(fund.as_(OFFICER).get(f"/finance/fund/grants/{grant_id}"))
            assert "2026-01-15 前由财务和下一年的额度轧差" in lines
            assert "付货款不减少它；和下一年的额度轧差才减少" in shown
            assert "不轧差，银行单独交回的" in shown
            assert "归还或冲抵" not in lines + shown
            room = fund.as_(OFFICER).get(ROOM).text
            asked = re.search(r'href="(/finance/fund/apply/new[^"]*)"', room)
            assert asked is not None
            form = fund.as_(OFFICER).get(html.unescape(asked[1]))
            assert re.search(r'name="year"[^>]*value="2026"', form.text)
            assert "河南省" in words(form)
        fund.browsers.clear()
        ids.append(grant_id)
    assert "等着轧差的" in words(fund.as_(OFFICER).get(ROOM))
    assert "年还没有到" not in words(fund.as_(OFFICER).get(f"{ROOM}/netting/{ids[0]}/{ids[1]}"))
    path = f"{ROOM}/netting/{ids[0]}/{ids[1]}"
    clock.moment = datetime(2025, 12, 26, 9, tzinfo=SHANGHAI)
    assert "2026 年还没有到" in words(fund.as_(OFFICER).get(path))
    clock.moment = datetime(2026, 1, 16, 9, tzinfo=SHANGHAI)
    overview = fund.as_(OFFICER).get("/finance/fund")
    assert "由财务办轧差：和 2025 年职工医保预付金对抵" in words(overview)
    assert "由财务办轧差：和 2026 年职工医保预付金对抵" in words(overview)
    assert "等银行到账" not in words(overview), "the whole allocation isn't to be received"
    assert ("等轧差" in words(overview), "等到账" in words(overview)) == (True, False)
    assert overview.text.count(f'href="{path}"') == 2
    grant = fund.as_(OFFICER).get(f"/finance/fund/grants/{ids[1]}")
    assert "2025 年职工医保预付金还有应还 1,000,000.00 元" in words(grant)
    assert f'class="btn btn-primary" href="{path}"' in grant.text
    assert ("等轧差" in words(grant), "等到账" in words(grant)) == (True, False)
    plain = fund.send(
        OFFICER, f"/finance/fund/grants/{ids[1]}/receipt", bank_reference="B-2", received_on="2026-01-16"
    )
    assert (plain.status_code, "要求和今年额度轧差" in words(plain)) == (409, True)
    shown = words(fund.as_(OFFICER).get(path))
    for said in ("差额，医院付100,000.00 元", "已过期", "轧差，医院付 100,000.00 元"):
        assert said in shown
    assert "轧差由财务办" in words(fund.as_(APPROVER).get(path))
    lacking = fund.send(OFFICER, path, netted_on="2026-01-16", bank_reference="")
    assert (lacking.status_code, "请填银行回单号" in words(lacking)) == (422, True)
    done = fund.send(OFFICER, path, netted_on="2026-01-16", bank_reference="ZC-1")
    assert done.location == f"/finance/fund/grants/{ids[1]}"
    assert fund.as_(OFFICER).get(path).status_code == 404
    assert "和上年轧差" in words(fund.as_(OFFICER).get(f"/finance/fund/grants/{ids[1]}"))
    assert "没有交回的清算日" in words(fund.as_(OFFICER).get(f"{ROOM}/forecast/{ids[1]}"))
