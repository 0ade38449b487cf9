"""What pages and prints say of a refund that went another way than it was meant to, and of one that is owed."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from apiflask import APIFlask
from werkzeug.test import TestResponse

from hospital_prepay.clock import FixedClock
from hospital_prepay.domain.access import Role
from tests.people import Browser, House
from tests.services.outpatient.conftest import OWN
from tests.web.test_fund import words
from tests.web.test_outpatient_claims import APPROVER, BANK, CASH, CASHIER, CLAIMS, OFFICER
from tests.web.test_outpatient_escheat import ADVANCES, ROOT, Treasury, sheet

DESK = "/desk/refunds/accounts/M001"
OTHER_CARD = "6217000000000000027"
HEIR = {
    "claimant": "heir",
    "claimant_name": "吴小明",
    "certno": "52010219900101123X",
    "patient_name": "吴桂兰",
    "patient_certno": OWN,
    "paper-own_id": "",
    "paper-heir_id": "yes",
    "paper-death": "yes",
    "paper-kinship": "yes",
    "reference-kinship": "户口簿",
}


@pytest.fixture
def desk(house: House, login_as: Callable[[Role], Browser], tmp_path: Path, app: APIFlask) -> Treasury:
    found = Treasury(house, login_as, tmp_path, app=app)
    found.counted()
    return found


def bar(page: TestResponse) -> list[tuple[str, str]]:
    """The steps of the progress bar: title, lines."""
    steps = page.text.partition('<ol class="stepbar"')[2].partition("</ol>")[0].split("<li ")[1:]
    plain = [re.sub(r"<[^>]+>", " ", one.partition(">")[2]).replace("，已办", "").split() for one in steps]
    return [(one[0], " ".join(one[1:])) for one in plain]


def panel(page: TestResponse, name: str) -> str:
    """The words of one panel of a page."""
    text = page.text.partition(f'aria-labelledby="{name}"')[2].partition("</section>")[0]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text))


def paid_after_all(desk: Treasury, clock: FixedClock, **instead: str) -> str:
    """A refund to a card that failed, was given another way, and had arrived after all, each step a minute later."""

    def later() -> None:
        clock.moment += timedelta(minutes=1)

    claim = desk.accepted(**BANK)
    number = desk.number(claim)
    later()
    desk.send(OFFICER, f"{claim}/review")
    later()
    desk.send(APPROVER, f"{claim}/confirm")
    later()
    desk.choose(CASHIER, claim)
    later()
    desk.answer((number, "64.50", "失败", "", "卡号错"))
    later()
    moved = desk.by(desk.another(OFFICER, "o2"), f"{claim}/redirect", **instead)
    assert moved.status_code == 303, words(moved)
    later()
    desk.answer((number, "64.50", "成功", "YH-1", ""))
    later()
    said = {"number": "1", "verdict": "paid", "ground": "电话核对，YH-1 已到账"}
    decided = desk.by(desk.another(APPROVER, "a2"), f"{claim}/decide", **said)
    assert decided.status_code == 303, words(decided)
    return claim


def test_the_way_that_was_paid_shows_everywhere_once_it_arrived(desk: Treasury, clock: FixedClock) -> None:
    claim = paid_after_all(desk, clock, route="cash")
    way = panel(desk.as_(OFFICER).get(claim), "h-way")
    assert "选用 转账到银行卡：付到第 1 号送款文件所列的收款账户" in way
    assert way.count("选用") == 1
    receipt = words(desk.as_(OFFICER).get(f"{claim}/receipt"))
    assert "退款方式转账到银行卡收款账户第 1 号送款文件所列的收款账户" in receipt
    assert "收到现金" not in receipt
    for path in (f"{CLAIMS}?tab=arrived", f"{ROOT}/accounts/M001"):
        row = re.search(rf"<tr>(?:(?!<tr>).)*{re.escape(claim)}.*?</tr>", desk.as_(OFFICER).get(path).text, re.DOTALL)
        assert row
        assert "转账到银行卡" in row.group()
        assert "现金" not in row.group()


def test_another_card_named_since_isnt_the_one_that_was_paid(desk: Treasury, clock: FixedClock) -> None:
    claim = paid_after_all(desk, clock, route="bank", bank="另一家银行", card_no=OTHER_CARD)
    for page in (desk.as_(OFFICER).get(claim), desk.as_(OFFICER).get(f"{claim}/receipt")):
        assert "第 1 号送款文件所列的收款账户" in words(page)
        assert "另一家银行" not in words(page)


def test_the_bar_stands_in_the_order_of_what_was_paid(desk: Treasury, clock: FixedClock) -> None:
    """The review and confirmation that the payment rested on; what came later is in the record."""
    claim = paid_after_all(desk, clock, route="cash")
    steps = bar(desk.as_(OFFICER).get(claim))
    assert [title for title, _ in steps] == ["受理", "审核", "确认", "退款", "到账"]
    people = [desk.house.actor(role).name for role in (CASHIER, OFFICER, APPROVER, CASHIER)]
    assert [lines.split()[0] for _, lines in steps[:4]] == people
    moments = [re.search(r"\d+:\d+", lines) for _, lines in steps]
    assert all(moments)
    shown = [one.group() for one in moments if one]
    assert shown == sorted(shown)
    assert "决定已付到" in steps[4][1]
    receipt = words(desk.as_(OFFICER).get(f"{claim}/receipt"))
    assert f"审核{people[1]}确认{people[2]}付款{people[3]}" in receipt


def test_a_refund_paid_as_it_was_meant_shows_its_card(desk: Treasury, clock: FixedClock) -> None:
    claim = desk.confirmed(**BANK)
    clock.moment += timedelta(minutes=1)
    desk.choose(CASHIER, claim)
    desk.answer((desk.number(claim), "64.50", "成功", "YH-1", ""))
    for page in (desk.as_(OFFICER).get(claim), desk.as_(OFFICER).get(f"{claim}/receipt")):
        assert "某银行某支行" in words(page)
        assert "6217 **** 0001" in words(page)
        assert "送款文件所列" not in words(page)


def owed(desk: Treasury, clock: FixedClock) -> str:
    """A refund that came back after the treasury gave its money."""
    desk.remitted()
    clock.moment += timedelta(minutes=1)
    claim = desk.confirmed("M001", **BANK)
    desk.choose(CASHIER, claim)
    desk.answer((desk.number(claim), "64.50", "成功", "YH-1", ""))
    at = str(desk.send(OFFICER, ADVANCES, budget_year="2027").location)
    assert desk.send(APPROVER, f"{at}/submit", reference="请1号", on="2026-01-10").status_code == 303
    assert desk.send(CASHIER, f"{claim}/bounce", ground="账户注销", slip="TH-1").status_code == 303
    clock.moment += timedelta(minutes=1)
    return claim


def taken_over(desk: Treasury, clock: FixedClock) -> str:
    claim = owed(desk, clock)
    again = desk.accepted("M001", **HEIR, route="cash")
    assert again == claim
    return claim


def test_papers_of_an_earlier_acceptance_stand_apart_under_their_day(desk: Treasury, clock: FixedClock) -> None:
    claim = taken_over(desk, clock)
    page = desk.as_(OFFICER).get(claim)
    now, _, before = panel(page, "h-papers").partition("以前受理时收的材料")
    assert "亲属或继承关系证明 户口簿" in now
    assert "本人有效证件" not in now
    assert "本人有效证件" in before
    assert "01-15" in before
    receipt = words(desk.as_(OFFICER).get(f"{claim}/receipt"))
    assert "亲属或继承关系证明" in receipt
    assert "本人有效证件" not in receipt


def test_the_desk_is_told_that_what_is_owed_may_be_taken_up_anew(desk: Treasury, clock: FixedClock) -> None:
    claim = owed(desk, clock)
    page = words(desk.as_(CASHIER).get(DESK))
    assert "在原来那笔退款上办" not in page
    assert "请到那一笔改退款方式；换了人来" not in page
    assert "可以在这一页重新受理，来的是原来那个人还是别人都行" in page
    assert "或在账户页重新受理" in words(desk.as_(CASHIER).get(claim)), "the refund says so too"
    account = words(desk.as_(OFFICER).get(f"{ROOT}/accounts/M001"))
    assert "在下面那笔退款上办" not in account
    assert "可以重新受理，或在下面那笔退款上改退款方式" in account


def test_an_owed_refund_under_way_says_that_it_is_being_paid(desk: Treasury, clock: FixedClock) -> None:
    """While it is reviewed, nobody is sent to send it to the bank or to name another way."""
    claim = taken_over(desk, clock)
    for _ in ("accepted", "reviewed"):
        page = words(desk.as_(CASHIER).get(claim))
        assert "正在再付，付到就结清" in page
        assert "来的人不对、材料不符的，不撤回，由应得的人在账户页重新受理" in page
        assert "再送银行或改退款方式" not in page
        for path in (DESK, f"{ROOT}/accounts/M001"):
            shown = words(desk.as_(OFFICER).get(path))
            assert "正在再付" in shown
            assert "改退款方式" not in shown.replace("只换退款方式", "")
        assert desk.send(OFFICER, f"{claim}/review").status_code in (303, 409)


def test_an_advance_keeps_its_own_day_whatever_is_paid_again(desk: Treasury, clock: FixedClock) -> None:
    """Paid ahead in one year, sent back, owed, and paid again in the next."""
    claim = owed(desk, clock)
    clock.moment = clock.moment.replace(year=2027)
    desk.browsers.clear()
    desk.others.clear()
    assert desk.accepted("M001", **CASH) == claim
    page = desk.as_(OFFICER).get(f"{ADVANCES}/1").text
    assert '<td class="date">2026-01-15</td>' in page, "while it is under way anew"
    desk.send(OFFICER, f"{claim}/review")
    desk.send(APPROVER, f"{claim}/confirm", ground="核对过", alarms="0")
    paid = desk.send(CASHIER, f"{claim}/pay", receipt=desk.number(claim))
    assert paid.status_code == 303, words(paid)
    for path in (ADVANCES, f"{ADVANCES}/1"):
        page = desk.as_(OFFICER).get(path).text
        assert '<td class="date">2026-01-15</td>' in page
        assert "2027-01-15</td>" not in page
    for path, title in ((f"{ADVANCES}.xlsx", "先垫后补"), (f"{ADVANCES}/1/list.xlsx", "垫付清单")):
        rows = sheet(desk.as_(OFFICER).get(path), title)
        assert [row[4] for row in rows if row[2] == "M001"] == ["2026-01-15"], path


def test_the_duty_to_apply_leads_to_sending_a_list_that_is_made(desk: Treasury) -> None:
    desk.paid_ahead()
    duties = f"{ROOT}/duties"
    before = desk.as_(OFFICER).get(duties)
    assert "去做申请表" in words(before)
    at = str(desk.send(OFFICER, ADVANCES, budget_year="2027").location)
    after = desk.as_(OFFICER).get(duties)
    assert "去做申请表" not in words(after)
    assert "去报送第 1 号申请表" in words(after)
    assert f'href="{at}"' in after.text


def test_cash_isnt_signed_for_while_the_bank_contradicts_itself(desk: Treasury) -> None:
    claim = desk.confirmed(**BANK)
    desk.choose(CASHIER, claim)
    number = desk.number(claim)
    desk.answer((number, "64.50", "失败", "", "卡号错"))
    assert desk.by(desk.another(OFFICER, "o2"), f"{claim}/redirect", route="cash").status_code == 303
    assert desk.send(APPROVER, f"{claim}/confirm").status_code == 303
    assert "收到现金" in words(desk.as_(CASHIER).get(f"{claim}/receipt"))
    desk.answer((number, "64.50", "成功", "YH-1", ""))
    receipt = words(desk.as_(CASHIER).get(f"{claim}/receipt"))
    assert "银行说法不一，决定以前不能领款" in receipt
    assert "收到现金" not in receipt


def test_every_column_of_money_in_a_list_of_advances_is_added_up(desk: Treasury) -> None:
    desk.paid_ahead(beyond="1.00", counted="1.00", ground="凭条多 1 元，数错了")
    at = str(desk.send(OFFICER, ADVANCES, budget_year="2027").location)
    foot = re.sub(r"<[^>]+>", " ", desk.as_(OFFICER).get(at).text.partition("<tfoot>")[2].partition("</tfoot>")[0])
    assert foot.split() == ["合计", "65.50", "1.00", "64.50"]
    last = sheet(desk.as_(OFFICER).get(f"{at}/list.xlsx"), "垫付清单")[-1]
    assert [str(one) for one in last if one != ""] == ["合计", "65.5", "1.0", "64.5"]


def test_what_the_bank_contradicts_is_counted_once_in_a_tab_of_its_own(desk: Treasury) -> None:
    held = desk.confirmed(**BANK)
    failed = desk.confirmed("M003", **{**BANK, "claimant_name": "罗丙之子", "certno": "无", "card_no": OTHER_CARD})
    desk.choose(CASHIER, held, failed)
    number = desk.number(held)
    desk.answer((number, "64.50", "失败", "", "卡号错"), (desk.number(failed), "30.00", "失败", "", "卡号错"))
    desk.answer((number, "64.50", "成功", "YH-1", ""))
    page = desk.as_(OFFICER).get(f"{CLAIMS}?tab=failed")
    assert "没退成 1" in words(page)
    assert "银行说法不一 1" in words(page)
    assert "合计 1 笔30.00" in words(page)
    assert held not in page.text
    assert f'href="{CLAIMS}?tab=held"' in desk.as_(OFFICER).get(held).text, "back to the tab that it stands in"
    assert "合计 1 笔64.50" in words(desk.as_(OFFICER).get(f"{CLAIMS}?tab=held"))
    home = words(desk.as_(CASHIER).get("/"))
    assert re.search(r"门诊退款没有?退成\D*1", home), home


def test_who_had_the_patient_corrected_is_told_that_and_not_that_they_took_a_step(desk: Treasury) -> None:
    form = {"name": "吴贵兰", "ground": "凭条上是贵", "paper": "凭条 2019-0113"}
    change = str(desk.send(OFFICER, f"{ROOT}/owners/of/M001", **form).location)
    approver = desk.another(APPROVER, "a2")
    desk.by(approver, f"{change}/identity", reason="核对身份更正和证明材料")
    assert desk.by(approver, f"{change}/approve").status_code == 303
    claim = desk.accepted("M001", claimant_name="吴贵兰")
    shown = words(desk.as_(CASHIER).get(claim))
    assert "申请或批准过患者的身份更正，不能办" in shown
    assert f"{desk.house.actor(CASHIER).name}经手过，不能办" in shown
    own = words(desk.as_(OFFICER).get(claim))
    assert "您申请或批准过患者的身份更正，这一步要由另一个人办" in own
    assert "您经手了前面的步骤" not in own
