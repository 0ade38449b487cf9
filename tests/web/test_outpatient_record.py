"""What people read of what was done: the record of a claim and lists keep what happened, whatever came later."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from apiflask import APIFlask

from hospital_prepay.clock import FixedClock
from hospital_prepay.domain.access import Role
from tests.people import Browser, House
from tests.services.outpatient.conftest import OWN
from tests.web.test_fund import words
from tests.web.test_outpatient_claims import APPROVER, AUDITOR, BANK, CASHIER, OFFICER
from tests.web.test_outpatient_escheat import Treasury


@pytest.fixture
def desk(house: House, login_as: Callable[[Role], Browser], tmp_path: Path, app: APIFlask) -> Treasury:
    found = Treasury(house, login_as, tmp_path, app=app)
    found.counted()
    return found


def record(desk: Treasury, claim: str) -> list[tuple[str, ...]]:
    """办理记录, the newest first: moment, who, words."""
    page = desk.as_(OFFICER).get(claim).text
    rows = page.partition("办理记录，新的在前")[2].partition("</table>")[0]
    cells = re.compile(r"<td[^>]*>(.*?)</td>")
    return [tuple(re.sub(r"<.*?>", "", cell) for cell in cells.findall(row)) for row in rows.split("<tr>")[2:]]


def test_the_record_keeps_what_later_steps_did_again(desk: Treasury, clock: FixedClock) -> None:
    """A refund bounces, gets another way, a second review and a second confirmation: each stands at its moment."""

    def later() -> None:
        clock.moment += timedelta(minutes=1)

    claim = desk.accepted(**BANK)
    number = desk.number(claim)
    later()
    desk.send(OFFICER, f"{claim}/review")
    later()
    desk.send(APPROVER, f"{claim}/confirm")
    later()
    assert desk.choose(CASHIER, claim).status_code == 303
    later()
    desk.answer((number, "64.50", "成功", "YH-1", ""))
    later()
    assert desk.send(CASHIER, f"{claim}/bounce", ground="账户注销，电话 13985001236", slip="TH-1").status_code == 303
    later()
    other = desk.another(OFFICER, "o2")
    assert desk.by(other, f"{claim}/redirect", route="cash").status_code == 303
    later()
    assert desk.send(APPROVER, f"{claim}/confirm").status_code == 303
    later()
    assert desk.send(CASHIER, f"{claim}/pay", receipt="LK-9").status_code == 303
    said = record(desk, claim)
    expected = (
        "付现金，凭证",
        "确认",
        "改退款方式为现金，审核通过",
        "登记银行把到账的钱退回来了，账户注销，电话 139 **** 1236，凭证",
        "银行（第 1 次，第 1 号文件）：到账，凭据 YH1，凭证",
        "第 1 次送银行，第 1 号文件",
        "确认",
        "审核通过",
        "窗口受理，收材料 1 份",
    )
    assert [words.startswith(start) for (_, _, words), start in zip(said, expected, strict=True)] == [True] * 9, said
    moments = [at for at, _, _ in said]
    assert moments == sorted(moments, reverse=True)
    assert len(set(moments)) == 9
    people = [who for _, who, _ in said]
    names = {role: desk.house.actor(role).name for role in (CASHIER, OFFICER, APPROVER)}
    assert people[2] == f"{OFFICER.label}o2"
    assert [people[at] for at in (0, 1, 3, 6, 7)] == [
        names[one] for one in (CASHIER, APPROVER, CASHIER, APPROVER, OFFICER)
    ]


def test_the_record_tells_every_answer_of_the_bank_and_what_was_decided(desk: Treasury, clock: FixedClock) -> None:
    claim = desk.confirmed(**BANK)
    clock.moment += timedelta(minutes=1)
    desk.choose(CASHIER, claim)
    number = desk.number(claim)
    for result, reference, reason in (("失败", "", "账号已销户"), ("成功", "YH-1", "")):
        clock.moment += timedelta(minutes=1)
        desk.answer((number, "64.50", result, reference, reason))
    clock.moment += timedelta(minutes=1)
    answer = {"number": "1", "verdict": "paid", "ground": "银行柜员 13985001236 说到账"}
    assert desk.send(APPROVER, f"{claim}/decide", **answer).status_code == 303
    said = [words for _, _, words in record(desk, claim)]
    assert [one for one in said if "没有退成，账号已销户" in one] == [
        "银行（第 1 次，第 1 号文件）：没有退成，账号已销户"
    ]
    held = next(one for one in said if "先停住" in one)
    assert "原来说没有退成，后来说到账（银行流水号 YH1）" in held
    assert any(one.startswith("按银行已经付到入账，凭证") for one in said)
    assert "决定：第 1 次付款银行已经付到，银行柜员 139 **** 1236 说到账" in said
    assert "13985001236" not in "".join(said)


def test_an_account_finds_the_entries_of_its_refunds_and_a_reversal_says_how_it_is_booked(desk: Treasury) -> None:
    claim = desk.confirmed(**BANK)
    desk.choose(CASHIER, claim)
    desk.answer((desk.number(claim), "64.50", "成功", "YH-1", ""))
    desk.send(CASHIER, f"{claim}/bounce", ground="账户注销，退汇", slip="TH-1")
    found = desk.as_(OFFICER).get("/finance/ledger?q=M001").text
    entries = re.findall(r'"row-link" href="(/finance/ledger/\d+)"', found)
    assert len(entries) == 3, "the opening, the refund and its reversal"
    page = desk.as_(OFFICER).get(entries[0]).text
    assert "金额相同，借贷与它相反" in page
    assert '<a class="code" href="/finance/outpatient/accounts/M001">M001</a>' in page


def test_an_account_says_where_what_was_paid_after_remittance_stands(desk: Treasury) -> None:
    desk.remitted()
    said = "上缴以后退给患者的钱由医院垫付，不从这个账户出"
    assert said not in words(desk.as_(OFFICER).get("/finance/outpatient/accounts/M001"))
    claim = desk.confirmed("M001", **BANK)
    desk.choose(CASHIER, claim)
    desk.answer((desk.number(claim), "64.50", "成功", "YH-1", ""))
    assert said in words(desk.as_(OFFICER).get("/finance/outpatient/accounts/M001"))
    desk.send(CASHIER, f"{claim}/bounce", ground="账户注销，退汇", slip="TH-1")
    assert said not in words(desk.as_(OFFICER).get("/finance/outpatient/accounts/M001")), "it came back"


def test_what_the_bank_contradicts_shows_at_the_head_with_who_decides(desk: Treasury) -> None:
    """Booked as arrived, then told to have failed: no green header, a name, and links from the file's lines."""
    claim = desk.confirmed(**BANK)
    desk.choose(CASHIER, claim)
    number = desk.number(claim)
    desk.answer((number, "64.50", "成功", "YH-1", ""))
    answered = desk.answer((number, "64.50", "失败", "", "账号已销户"))
    assert f'href="{claim}">{number}</a>' in answered.text
    assert "1 行银行前后说法不一，先停住" in words(answered)
    assert "行没有办" not in words(answered)
    page = words(desk.as_(OFFICER).get(claim))
    assert page.count("银行说法不一，待决定") == 2, "in the header and in the last step"
    assert "后来说没有退成（账号已销户）" in page
    assert f"由有确认权限、没有送款也没有导入回单的人决定：{desk.house.actor(APPROVER).name}" in page
    desk.send(CASHIER, f"{claim}/bounce", ground="账户注销", slip="TH-1")
    desk.send(APPROVER, f"{claim}/decide", number="1", verdict="unpaid", ground="电话核对，没有付到")
    assert "银行说法不一，待决定" not in words(desk.as_(OFFICER).get(claim))


def test_a_refused_page_is_named_by_its_number_and_isnt_another_persons_step(desk: Treasury) -> None:
    refused = desk.as_(CASHIER).get("/finance/ledger/136")
    assert refused.status_code == 403
    assert "您的岗位没有这一项" in words(refused)
    assert "这一步要由另一个人做" not in words(refused)
    desk.as_(CASHIER).get("/finance/outpatient/owners/of/110105194912310021")
    log = words(desk.as_(Role.SECURITY_ADMINISTRATOR).get("/security/log"))
    assert "GET /finance/ledger/136" in log
    assert "<int:" not in log
    assert "110105194912310021" not in log
    claim = desk.accepted()
    desk.as_(APPROVER)
    own = desk.send(OFFICER, f"{claim}/review")
    assert own.status_code == 303


def test_what_was_written_down_before_shows_without_numbers_of_persons(desk: Treasury) -> None:
    """As acts stored it once; days, sums and the refund's number stay."""
    claim = desk.confirmed(**BANK)
    said = f"{desk.number(claim)} 2026-01-05 退 64.50 元，卡 6217 0000 0000 0000 001，电话 139-8500-1236，证 {OWN}"
    subject = f"outpatient_claim:{claim.rpartition('/')[2]}"
    with desk.house.context.work(desk.house.actor(CASHIER), "outpatient.bounce", subject) as work:
        work.audit(detail={"reason": said})
    [line] = [cells[-1] for cells in record(desk, claim) if "退回来了" in cells[-1]]
    kept = f"{desk.number(claim)} 2026-01-05 退 64.50 元"
    assert f"{kept}，卡 6217 **** 0001，电话 139 **** 1236，证 1101 **** 002X" in line


def test_the_auditor_finds_outpatients_money_from_home(desk: Treasury) -> None:
    assert 'href="/finance/outpatient"' in desk.as_(AUDITOR).get("/").text.partition("<main")[2]


def test_an_account_that_went_to_the_treasury_is_not_offered_to_be_marked(desk: Treasury) -> None:
    desk.told()
    offer = "各渠道都有凭据，登记退不了"
    before = desk.as_(OFFICER).get("/finance/outpatient/accounts/M001").text
    desk.remitted()
    assert offer in before
    assert offer not in desk.as_(OFFICER).get("/finance/outpatient/accounts/M001").text
