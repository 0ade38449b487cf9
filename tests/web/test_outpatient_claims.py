"""Refunds of outpatient deposits in the browser: four people click one through, and every way it says no."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import sqlalchemy as sa
from werkzeug.test import TestResponse

from hospital_prepay.clock import FixedClock
from hospital_prepay.domain.access import Role
from hospital_prepay.services.outpatient.alarms import add_staff_card
from hospital_prepay.services.outpatient.census import confirm_import, count_accounts
from hospital_prepay.web import outpatient_accept_view
from tests.people import Browser, House
from tests.web.test_fund import words
from tests.web.test_links import links

CASHIER, OFFICER, APPROVER, AUDITOR = Role.CASHIER, Role.FINANCE_OFFICER, Role.FINANCE_APPROVER, Role.AUDITOR
HEADER = ("账户号", "姓名", "身份证号", "手机号", "余额", "最后变动日期", "款项种类", "缴纳途径")
OWN = "11010519491231002X"
ROWS = (
    ("M001", "吴桂兰", OWN, "13800000001", "64.50", "2020-03-01", "门诊预交金", "现金"),
    ("M002", "李乙", "", "13800000002", "100.00", "2026-01-01", "门诊预交金", "微信"),
    ("M003", "罗丙之子", "", "", "30.00", "2019-05-05", "门诊预交金", "银行卡"),
    ("MZ/4", "张丁", "", "", "0", "2018-01-01", "门诊预交金", "现金"),
)
CARD = "6217 0000 0000 0000 001"
FIND, CLAIMS, PAYMENTS = "/desk/refunds", "/desk/refunds/claims", "/finance/outpatient/payments"
CLAIM = {"claimant": "self", "claimant_name": "吴桂兰", "certno": OWN, "phone": "", "paper-own_id": "yes"}
CASH = {**CLAIM, "route": "cash", "reference-own_id": "原件"}
BANK = {**CLAIM, "route": "bank", "bank": "某银行某支行", "card_no": CARD}


@dataclass
class Desk:
    """A house with a few accounts in its books, and a browser for everybody."""

    house: House
    login_as: Callable[[Role], Browser]
    folder: Path
    browsers: dict[Role, Browser] = field(default_factory=dict)
    keys: int = 0

    def counted(self, rows: tuple[tuple[str, ...], ...] = ROWS) -> Desk:
        context = self.house.context
        path = self.folder / "census.csv"
        with path.open("w", encoding="utf-8", newline="") as target:
            csv.writer(target).writerows([HEADER, *rows])
        officer, approver = self.house.actor(OFFICER), self.house.actor(APPROVER)
        counted = count_accounts(context, officer, path, "清查.csv", date(2026, 1, 1))
        confirm_import(context, approver, counted.import_no)
        return self

    def as_(self, role: Role) -> Browser:
        return self.browsers.setdefault(role, self.login_as(role))

    def send(self, role: Role, path: str, **data: Any) -> TestResponse:
        self.keys += 1
        return self.as_(role).post(path, {"idempotency_key": f"form-key-{self.keys:04}", **data})

    def find(self, role: Role, q: str) -> TestResponse:
        return self.as_(role).get(str(self.send(role, FIND, q=q).location))

    def accepted(self, account: str = "M001", role: Role = CASHIER, **changes: Any) -> str:
        plain = account == "M001" and "beyond" not in changes
        slip = {} if plain else {"paper-slip": "yes", "reference-slip": f"凭条 {account}"}
        answer = self.send(role, f"{FIND}/accounts/{account}", **{**CASH, **slip, **changes})
        assert answer.status_code == 303, words(answer)
        return str(answer.location)

    def confirmed(self, account: str = "M001", **changes: Any) -> str:
        claim = self.accepted(account, **changes)
        reviewed = self.send(OFFICER, f"{claim}/review")
        assert reviewed.status_code == 303, words(reviewed)
        plain = account == "M001" and "beyond" not in changes
        slip = {} if plain else {"ground": "核对过凭条", "alarms": "1"}
        done = self.send(APPROVER, f"{claim}/confirm", **slip)
        assert done.status_code == 303, words(done)
        return claim

    def number(self, claim: str) -> str:
        found = re.search(r"TF\d+", words(self.as_(CASHIER).get(claim)))
        assert found
        return found.group()

    def choose(self, role: Role, *claims: str, way: str = "bank", **changes: Any) -> TestResponse:
        chosen = {f"claim-{claim.rsplit('/', 1)[1]}": "yes" for claim in claims}
        return self.send(role, f"{PAYMENTS}/files", route=way, **chosen, **changes)

    def answer(self, *rows: tuple[str, ...]) -> TestResponse:
        text = io.StringIO()
        csv.writer(text).writerows([("退款单号", "金额", "结果", "银行流水号", "失败原因"), *rows])
        upload = (io.BytesIO(text.getvalue().encode()), "回单.csv")
        return self.send(CASHIER, f"{PAYMENTS}/answers", file=upload)

    def balance(self, account: str = "M001") -> int:
        query = sa.text("SELECT balance_fen FROM ledger_account WHERE account_id = :id")
        with self.house.context.database.reading() as connection:
            return int(connection.scalar(query, {"id": f"23050102:{account}"}) or 0)

    def count(self, table: str) -> int:
        with self.house.context.database.reading() as connection:
            return int(connection.scalar(sa.text(f"SELECT count(*) FROM {table}")) or 0)


@pytest.fixture
def desk(house: House, login_as: Callable[[Role], Browser], tmp_path: Path) -> Desk:
    return Desk(house, login_as, tmp_path).counted()


@pytest.mark.parametrize("q", [OWN, "13800000001", "吴桂兰"])
def test_what_is_searched_for_stands_in_no_address(desk: Desk, q: str) -> None:
    sent = desk.send(CASHIER, FIND, q=q)
    assert sent.status_code == 303
    assert q not in unquote(str(sent.location))
    assert "找到 1 个账户" in words(desk.as_(CASHIER).get(str(sent.location)))
    torn = words(desk.as_(CASHIER).get(str(sent.location)[:-4] + "AAAA"))
    assert "找到" not in torn


@pytest.mark.parametrize("q", ["M001", OWN, OWN.lower(), "138 0000 0001", "吴桂兰"])
def test_an_account_is_found_by_number_certificate_phone_or_name(desk: Desk, q: str) -> None:
    found = words(desk.find(CASHIER, q))
    assert "找到 1 个账户" in found
    assert "吴桂兰" in found
    assert OWN not in found
    assert "13800000001" not in found


@pytest.mark.parametrize("q", ["", "   ", "\u3000"])
def test_a_search_for_nothing_is_told_what_to_type(desk: Desk, q: str) -> None:
    answer = desk.send(CASHIER, FIND, q=q)
    assert answer.status_code == 422
    assert "还没有填。请填账户号、证件号、手机号或完整姓名" in words(answer)
    assert 'aria-invalid="true" aria-describedby="e-q"' in answer.text
    assert "还没有填" not in words(desk.as_(CASHIER).get(FIND))


def test_what_is_found_says_that_its_refund_is_under_way(desk: Desk) -> None:
    assert "正在退款" not in words(desk.find(CASHIER, "M001"))
    claim = desk.confirmed(**BANK)
    found = desk.find(CASHIER, "M001")
    assert "待清退正在退款：已确认，待退款" in words(found)
    assert f'href="{claim}"' in found.text
    assert "正在退款" not in words(desk.find(CASHIER, "M002"))
    desk.choose(CASHIER, claim)
    number = desk.number(claim)
    desk.answer((number, "64.50", "失败", "", "卡号错"))
    desk.answer((number, "64.50", "成功", "YH-1", ""))
    assert "正在退款：银行说法不一，待决定" in words(desk.find(CASHIER, "M001"))
    desk.send(APPROVER, f"{claim}/decide", number="1", verdict="paid", ground="电话核对，已到账")
    assert "正在退款" not in words(desk.find(CASHIER, "M001"))


def test_who_doesnt_collect_sees_names_masked(desk: Desk) -> None:
    found = words(desk.find(AUDITOR, "M001"))
    assert "吴＊兰" in found
    assert "吴桂兰" not in found
    assert "吴桂兰" not in desk.as_(AUDITOR).get(f"{FIND}/accounts/M001").text
    assert "没有找到" in words(desk.find(AUDITOR, "无名"))


def test_four_people_click_a_cash_refund_through(desk: Desk) -> None:
    assert "受理退款 64.50 元" in words(desk.as_(CASHIER).get(f"{FIND}/accounts/M001"))
    claim = desk.accepted()
    assert "门诊退款等审核" in words(desk.as_(OFFICER).get("/"))
    assert "审核通过 64.50 元" in desk.as_(OFFICER).get(claim).text
    assert desk.send(OFFICER, f"{claim}/review").status_code == 303
    assert "您经手了前面的步骤" not in words(desk.as_(APPROVER).get(claim))
    assert "门诊退款等确认" in words(desk.as_(APPROVER).get("/"))
    assert desk.send(APPROVER, f"{claim}/confirm").status_code == 303
    assert "门诊退款等付现金" in words(desk.as_(CASHIER).get("/"))
    slip = words(desk.as_(CASHIER).get(f"{claim}/receipt"))
    assert "人民币陆拾肆元伍角整" in slip
    page = desk.as_(CASHIER).get(claim)
    assert "付现金 64.50 元" in page.text
    assert desk.send(CASHIER, f"{claim}/pay", receipt=desk.number(claim)).status_code == 303
    done = words(desk.as_(CASHIER).get(claim))
    assert "已到账" in done
    assert "凭证" in done
    assert desk.balance() == 0
    assert "没有余额可退" in words(desk.as_(CASHIER).get(f"{FIND}/accounts/M001"))
    for role in (CASHIER, OFFICER, APPROVER, AUDITOR):
        assert desk.as_(role).get(claim).status_code == 200


def test_a_wrong_number_on_record_says_who_asks_for_its_correction_and_with_what(desk: Desk) -> None:
    desk.counted((("M009", "陈己", "110105194912310021", "", "5.00", "2019-01-01", "门诊预交金", "现金"),))
    page = desk.as_(CASHIER).get(f"{FIND}/accounts/M009")
    assert "凭患者的证件原件和当年的预交金凭条（没有凭条的凭缴费记录）申请" in words(page)
    assert "能申请的人：财务员" in words(page)
    assert "/finance/outpatient/owners/of/M009" not in page.text
    page = desk.as_(OFFICER).get(f"{FIND}/accounts/M009")
    assert "能申请的人" not in words(page)
    assert '<a href="/finance/outpatient/owners/of/M009">申请身份更正</a>' in page.text


def test_the_receipt_form_for_cash_is_signed_only_once_the_refund_is_confirmed(desk: Desk) -> None:
    claim = desk.accepted()

    def form() -> str:
        return words(desk.as_(CASHIER).get(f"{claim}/receipt"))

    for step in (lambda: None, lambda: desk.send(OFFICER, f"{claim}/review")):
        step()
        assert "未确认，不能领款" in form()
        assert "收到现金" not in form()
        assert "领款人签名：" not in form()
    desk.send(APPROVER, f"{claim}/confirm")
    assert "收到现金人民币陆拾肆元伍角整。" in form()
    assert "领款人签名：" in form()
    assert "不能领款" not in form()
    desk.send(CASHIER, f"{claim}/withdraw", ground="改天再来")
    assert "已撤回，不能领款" in form()
    assert "领款人签名：" not in form()


def test_whoever_comes_agrees_to_a_transfer_when_the_claim_is_taken_down(desk: Desk) -> None:
    form = words(desk.as_(CASHIER).get(f"{desk.accepted(**BANK)}/receipt"))
    assert "同意退到上述账户。" in form
    assert "领款人签名：" in form


def test_the_page_says_who_did_it_who_is_next_and_who_may_not(desk: Desk) -> None:
    claim = desk.accepted()
    shown = words(desk.as_(CASHIER).get(claim))
    assert "收费员员" in shown
    assert "经手过，不能办" in shown
    assert "由财务、财务审批办" in shown
    desk.send(OFFICER, f"{claim}/review")
    assert "您经手了前面的步骤，这一步要由另一个人办" not in words(desk.as_(AUDITOR).get(claim))
    said = "受理 收费员员，审核 财务员，确认（待定）：三步须由三个人办。"
    assert said in words_of_bar(desk.as_(APPROVER).get(claim))


def words_of_bar(page: TestResponse) -> str:
    bar = re.search(r'<div class="actionbar".*?</div>', page.text, re.DOTALL)
    assert bar
    return re.sub(r"<[^>]+>", "", bar.group())


def test_the_same_person_posting_the_next_step_is_refused_and_it_is_on_record(desk: Desk) -> None:
    claim = desk.accepted(role=OFFICER)
    assert "审核通过" not in desk.as_(OFFICER).get(claim).text
    assert "门诊退款等审核" not in words(desk.as_(OFFICER).get("/"))
    assert desk.send(OFFICER, f"{claim}/review").status_code == 403
    assert desk.send(APPROVER, f"{claim}/review").status_code == 303
    assert desk.send(APPROVER, f"{claim}/confirm").status_code == 403
    assert desk.send(CASHIER, f"{claim}/confirm").status_code == 403
    with desk.house.context.database.reading() as connection:
        query = sa.text("SELECT action FROM audit_event WHERE outcome = 'refused'")
        refused = sorted(row[0] for row in connection.execute(query))
    assert refused == ["access.open", "outpatient.confirm_claim", "outpatient.review"]


def test_whoever_reviewed_can_neither_pay_nor_send(desk: Desk) -> None:
    cash, bank = desk.confirmed(), desk.confirmed("M003", **{**BANK, "claimant_name": "罗丙之子", "certno": "无"})
    assert "付现金 64.50 元" not in desk.as_(OFFICER).get(cash).text
    assert desk.send(OFFICER, f"{cash}/pay", receipt="LK-1").status_code == 403
    assert "您审核或确认过，由另一个人送" in words(desk.as_(OFFICER).get(PAYMENTS))
    assert desk.choose(OFFICER, bank).status_code == 403
    assert desk.balance() == 6450


def test_a_refusal_says_why_that_nothing_is_lost_and_what_can_be_done(desk: Desk) -> None:
    answer = desk.send(CASHIER, f"{FIND}/accounts/M001", **{**CASH, "paper-own_id": ""})
    said = words(answer)
    assert answer.status_code == 422
    assert "没有受理，没有付款；填写的内容都还在" in said
    assert "还缺本人有效证件" in said
    assert "可以这样办" in said
    assert 'value="吴桂兰"' in answer.text
    assert desk.count("outpatient_claim") == 0
    told = desk.send(OFFICER, f"{FIND}/accounts/M001", **{**CASH, "paper-own_id": ""})
    decision = re.search(r"/compliance/decisions/[0-9a-f-]+", told.text)
    assert decision
    page = words(desk.as_(OFFICER).get(decision.group()))
    assert "不能受理：还缺本人有效证件" in page
    assert "门诊账户 M001" in page
    assert "账上余额" in page


def test_cash_waits_for_the_original_route_and_one_button_changes_to_it(desk: Desk) -> None:
    page = desk.as_(CASHIER).get(f"{FIND}/accounts/M002").text
    assert page.index("原路退回") < page.index("现金</span>")
    assert "还能原路退回，先走原路" in page
    data = {**CASH, "claimant_name": "李乙", "certno": "无", "phone": "13800000002"}
    refused = desk.send(CASHIER, f"{FIND}/accounts/M002", **data)
    assert refused.status_code == 422
    assert "按原路退回受理" in words(refused)
    assert 'name="instead" value="original"' in refused.text
    assert desk.accepted("M002", **data, instead="original")


def test_who_isnt_the_owner_is_led_to_the_other_ways(desk: Desk) -> None:
    refused = desk.send(CASHIER, f"{FIND}/accounts/M001", **{**CASH, "certno": "52010219900101123X"})
    assert "按代办人办" in words(refused)
    assert 'name="as" value="heir"' in refused.text
    kept = desk.send(CASHIER, f"{FIND}/accounts/M001", **{**CASH, "phone": "13912345678"}, **{"as": "proxy"})
    assert kept.status_code == 200
    assert "代办人证件号" in words(kept)
    assert 'value="13912345678"' in kept.text
    assert 'value="吴桂兰"' in kept.text
    assert 'id="f-patient_name"' in kept.text
    assert 'id="f-patient_certno"' in kept.text
    assert desk.count("outpatient_claim") == 0
    heirs = words(desk.as_(CASHIER).get(f"{FIND}/accounts/M001", query_string={"claimant": "heir"}))
    assert "亲属或继承关系证明" in heirs


@pytest.mark.parametrize(
    ("change", "field_"),
    [
        ({"claimant_name": ""}, "claimant_name"),
        ({"certno": ""}, "certno"),
        ({"route": ""}, "route"),
        ({"route": "bank"}, "bank"),
        ({"route": "bank", "bank": "某行", "card_no": "12"}, "card_no"),
    ],
)
def test_a_wrong_field_is_named_and_what_was_typed_stays(desk: Desk, change: dict[str, str], field_: str) -> None:
    answer = desk.send(CASHIER, f"{FIND}/accounts/M001", **{**CASH, "phone": "13800009999", **change})
    assert answer.status_code == 422
    assert f'href="#f-{field_}"' in answer.text
    assert 'value="13800009999"' in answer.text
    assert desk.count("outpatient_claim") == 0


def test_one_form_sent_twice_takes_one_claim_and_pays_once(desk: Desk) -> None:
    first = desk.accepted(idempotency_key="the-same-form")
    assert desk.accepted(idempotency_key="the-same-form") == first
    desk.send(OFFICER, f"{first}/review")
    desk.send(APPROVER, f"{first}/confirm")
    for _ in range(2):
        paid = desk.send(CASHIER, f"{first}/pay", receipt="LK-1", idempotency_key="the-same-cash")
        assert paid.status_code == 303
    assert desk.send(CASHIER, f"{first}/pay", receipt="LK-1").status_code == 409
    assert desk.balance() == 0
    assert desk.count("outpatient_payout") == 1


def test_a_second_claim_waits_for_the_first(desk: Desk) -> None:
    claim = desk.accepted()
    page = words(desk.as_(CASHIER).get(f"{FIND}/accounts/M001"))
    assert "已经有一笔退款在办" in page
    second = desk.send(CASHIER, f"{FIND}/accounts/M001", **CASH)
    assert second.status_code == 409
    assert "已经有一笔退款在办" in words(second)
    assert claim in desk.as_(CASHIER).get(f"{FIND}/accounts/M001").text


def test_a_claim_is_turned_down_or_taken_back_with_a_ground(desk: Desk) -> None:
    claim = desk.accepted()
    nothing = desk.send(OFFICER, f"{claim}/reject", ground=" ")
    assert nothing.status_code == 422
    assert "请填写" in words(nothing)
    assert desk.send(OFFICER, f"{claim}/reject", ground="证件照片看不清").status_code == 303
    officer = desk.house.actor(OFFICER).name
    page = desk.as_(CASHIER).get(claim).text
    bar = re.sub(r"<[^>]+>", "|", page[page.index('class="stepbar"') :].partition("</ol>")[0])
    assert re.search(rf"不予受理\|+{officer} [-0-9]+ [0-9:]+\|+证件照片看不清\|", bar)
    again = desk.accepted()
    assert desk.send(CASHIER, f"{again}/withdraw", ground="改日再来，电话 13985001236").status_code == 303
    listed = words(desk.as_(AUDITOR).get(f"{CLAIMS}?tab=ended"))
    assert re.search(rf"不予受理{officer} [-0-9]+ [0-9:]+：证件照片看不清", listed)
    assert re.search(r"已撤回[^ ]+ [-0-9]+ [0-9:]+：改日再来，电话 139 \*\*\*\* 1236", listed)
    assert (
        "：" not in words(desk.as_(AUDITOR).get(f"{CLAIMS}?tab=accepted")).partition("合计")[0].partition("状态")[2]
    )
    late = desk.send(OFFICER, f"{again}/review")
    assert late.status_code == 409
    assert "已撤回" in words(late)


def test_whoever_comes_for_themselves_is_named_once_over_the_papers(desk: Desk) -> None:
    own = desk.accepted(patient_certno=OWN)
    assert re.search(r"材料本人：吴桂兰 1101 \*{4} 002X *请核对", words(desk.as_(CASHIER).get(own)))
    desk.send(CASHIER, f"{own}/withdraw", ground="儿子来办")
    other = {"claimant": "proxy", "claimant_name": "吴小", "certno": "110105200001010016", "patient_certno": OWN}
    other["patient_name"] = "吴桂兰"
    papers = {f"paper-{one}": "yes" for one in ("patient_id", "proxy_id", "proxy_letter")}
    papers |= {f"reference-{one.removeprefix('paper-')}": "原件" for one in papers}
    came = desk.accepted(**other, **papers, route="bank", bank="某银行", card_no=CARD)
    page = desk.as_(CASHIER).get(came)
    assert re.search(r"材料代办人：吴小 1101 \*{4} 0016，患者 1101 \*{4} 002X *请核对", words(page))
    assert re.search(r'<span class="end quiet"><span>代办人：.*?</span></span></header>', page.text), (
        "one piece, no gaps"
    )


def test_a_bank_refund_is_sent_answered_bounced_and_paid_another_way(desk: Desk) -> None:
    claim = desk.confirmed(**BANK)
    assert "门诊退款等送银行" in words(desk.as_(CASHIER).get("/"))
    assert desk.choose(CASHIER).status_code == 422
    made = desk.choose(CASHIER, claim)
    assert made.status_code == 303
    file = desk.as_(CASHIER).get(f"{PAYMENTS}/files/1.csv")
    assert "6217000000000000001" in file.text
    assert desk.as_(CASHIER).get(f"{PAYMENTS}/files/1.csv").data == file.data
    assert desk.as_(APPROVER).get(f"{PAYMENTS}/files/1.csv").status_code == 403
    assert desk.balance() == 6450
    assert desk.choose(CASHIER, claim).status_code == 409
    number = desk.number(claim)
    assert "门诊退款等银行回单" in words(desk.as_(CASHIER).get("/"))
    assert "到账，已入账" in words(desk.answer((number, "64.50", "成功", "YH-1", "")))
    assert desk.balance() == 0
    unproven = desk.send(CASHIER, f"{claim}/bounce", ground="账户注销，退汇")
    assert (unproven.status_code, desk.balance()) == (422, 0)
    assert desk.send(CASHIER, f"{claim}/bounce", ground="账户注销，退汇", slip="TH-1").status_code == 303
    assert desk.balance() == 6450
    shown = words(desk.as_(OFFICER).get(claim))
    assert "登记银行把到账的钱退回来了，账户注销，退汇" in shown
    assert "红字冲销" in shown
    cashier = desk.house.actor(CASHIER).name
    assert re.search(rf"退回的回单 TH-1，{cashier} [-0-9]+ [0-9:]+ 登记", shown)
    moved = desk.send(OFFICER, f"{claim}/redirect", route="bank", bank="", card_no="")
    assert moved.status_code == 422
    assert desk.send(OFFICER, f"{claim}/redirect", route="cash").status_code == 303
    assert desk.number(claim) == number
    assert desk.send(APPROVER, f"{claim}/confirm").status_code == 303
    assert desk.send(CASHIER, f"{claim}/pay", receipt="LK-9").status_code == 303
    assert desk.balance() == 0


def test_what_the_bank_contradicts_is_decided_on_the_page_of_the_refund(desk: Desk) -> None:
    claim = desk.confirmed(**BANK)
    desk.choose(CASHIER, claim)
    number = desk.number(claim)
    desk.answer((number, "64.50", "失败", "", "卡号错"))
    assert "前后说法不一" in words(desk.answer((number, "64.50", "成功", "YH-1", "")))
    assert "有 1 笔银行前后说法不一" in words(desk.as_(CASHIER).get(PAYMENTS))
    assert f"claim-{claim.rpartition('/')[2]}" not in desk.as_(CASHIER).get(PAYMENTS).text
    assert "门诊退款银行说法不一" in words(desk.as_(APPROVER).get("/"))
    assert "银行又说没有付到" not in words(desk.as_(CASHIER).get("/")), "nothing of it is in the books"
    assert number in words(desk.as_(APPROVER).get(f"{CLAIMS}?tab=held"))
    shown = words(desk.as_(CASHIER).get(claim))
    assert "第 1 次付款，银行原来说没有退成，后来说到账" in shown
    assert "由有确认权限" in shown
    assert f"{claim}/withdraw" not in desk.as_(CASHIER).get(claim).text
    answer = {"number": "1", "verdict": "paid", "ground": "电话核对，YH-1 已到账"}
    assert desk.send(CASHIER, f"{claim}/decide", **answer).status_code == 403
    for wrong in ({"verdict": ""}, {"ground": ""}, {"ground": "好\u200b"}):
        assert desk.send(APPROVER, f"{claim}/decide", **{**answer, **wrong}).status_code == 422
    assert desk.send(APPROVER, f"{claim}/decide", **{**answer, "number": "9"}).status_code == 404
    assert desk.send(APPROVER, f"{claim}/decide", **answer).status_code == 303
    assert desk.balance() == 0
    assert desk.send(APPROVER, f"{claim}/decide", **answer).status_code == 409
    shown = words(desk.as_(AUDITOR).get(claim))
    assert "决定：银行已经付到" in shown
    assert "凭据 YH1" in shown
    with desk.house.context.database.reading() as connection:
        query = sa.text("SELECT detail FROM audit_event WHERE action = 'outpatient.decide_answer'")
        assert "YH-1 已到账" in str(connection.scalars(query).all())


def test_the_history_tells_what_waits_for_a_person_from_what_did_nothing(desk: Desk, clock: FixedClock) -> None:
    claim = desk.confirmed(**BANK)
    desk.choose(CASHIER, claim)
    number = desk.number(claim)
    desk.answer((number, "64.50", "失败", "", "卡号错"))
    rows = ((number, "64.50", "成功", "YH-1", ""), ("TF0", "1.00", "成功", "Y", ""))
    desk.answer(*rows)
    unpaid = {"number": "1", "verdict": "unpaid", "ground": "电话核对，没有付到"}
    assert desk.send(APPROVER, f"{claim}/decide", **unpaid).status_code == 303
    clock.moment += timedelta(minutes=5)
    assert "以前已办 1 笔" in words(desk.answer(*rows)), "read again, it contradicts nothing that isn't decided"
    page = words(desk.as_(CASHIER).get(PAYMENTS))
    assert page.count("到账 0，没退成 0，前后说法不一、交人判断 1，没有办 1") == 1
    assert "到账 0，没退成 1" in page
    assert "没退成 1，" not in page


def test_whoever_decides_is_told_first_what_else_must_be_done(desk: Desk) -> None:
    """Booked as arrived, then told to have failed: the return is noted by others before it counts as not paid."""
    claim = desk.confirmed(**BANK)
    desk.choose(CASHIER, claim)
    number = desk.number(claim)
    desk.answer((number, "64.50", "成功", "YH-1", ""))
    desk.answer((number, "64.50", "失败", "", "账户销户"))
    task = "门诊退款到账后，银行又说没有付到"
    for who in (CASHIER, OFFICER):
        assert task in words(desk.as_(who).get("/")), who
        assert "先由收费员或财务凭银行回单在这一页登记" in words(desk.as_(who).get(claim)), who
    assert task not in words(desk.as_(APPROVER).get("/")), "may not note it"
    assert "先由收费员或财务登记" in words(desk.as_(APPROVER).get(claim))
    desk.send(CASHIER, f"{claim}/bounce", ground="账户注销，电话 13985001236", slip="TH-1")
    shown = words(desk.as_(CASHIER).get(claim))
    assert "已登记退回 64.50 元。银行说法不一还没有决定" in shown
    assert task not in words(desk.as_(CASHIER).get("/"))
    assert "139 **** 1236" in shown
    assert "13985001236" not in shown
    assert "不能选这一项" in words(desk.as_(APPROVER).get(claim))


def test_a_payment_too_many_is_seen_until_it_came_back(desk: Desk) -> None:
    """Failed at the bank, paid in cash, then the bank says it arrived: owed by its payee, on the home page of whoever
    pays, until somebody notes the proof of its return, once."""
    claim = desk.confirmed(**BANK)
    desk.choose(CASHIER, claim)
    number = desk.number(claim)
    desk.answer((number, "64.50", "失败", "", "卡号错"))
    desk.send(OFFICER, f"{claim}/redirect", route="cash")
    desk.send(APPROVER, f"{claim}/confirm")
    assert desk.send(CASHIER, f"{claim}/pay", receipt="LK-9").status_code == 303
    desk.answer((number, "64.50", "成功", "YH-1", ""))
    decided = desk.send(APPROVER, f"{claim}/decide", number="1", verdict="paid", ground="电话核对，YH-1 已到账")
    assert decided.status_code == 303
    assert "请向收款人追回" in words(desk.as_(APPROVER).get(claim))
    assert "第 1 次付款多付了 64.50 元，还没有追回" in words(desk.as_(AUDITOR).get(claim))
    assert "门诊退款多付待追回" in words(desk.as_(CASHIER).get("/"))
    assert "多付待追回：1 笔" in words(desk.as_(CASHIER).get(PAYMENTS))
    back = {"attempt": "1", "way": "bank", "reference": "SJ-1", "idempotency_key": "one-return"}
    assert f"{claim}/recover" not in desk.as_(APPROVER).get(claim).text
    assert desk.send(APPROVER, f"{claim}/recover", **back).status_code == 403
    for wrong in ({"way": ""}, {"way": "original"}, {"reference": " "}, {"attempt": "x"}):
        assert desk.send(CASHIER, f"{claim}/recover", **{**back, **wrong}).status_code == 422
    for _ in range(2):
        assert desk.send(CASHIER, f"{claim}/recover", **back).status_code == 303
    assert desk.send(CASHIER, f"{claim}/recover", **{**back, "idempotency_key": "another-one"}).status_code == 409
    assert desk.count("outpatient_overpayment") == 1
    shown = words(desk.as_(CASHIER).get(claim))
    assert "已追回：银行，回单号 SJ-1" in shown
    assert "多付待追回" not in words(desk.as_(CASHIER).get(PAYMENTS))


def test_a_form_for_a_bank_file_sent_twice_makes_one_file(desk: Desk) -> None:
    claim = desk.confirmed(**BANK)
    for _ in range(2):
        assert desk.choose(CASHIER, claim, idempotency_key="one-bank-file").status_code == 303
    assert desk.count("outpatient_bank_file") == 1
    assert desk.count("outpatient_payout") == 1


def test_half_an_answer_then_the_whole_then_the_whole_again(desk: Desk) -> None:
    first = desk.confirmed(**BANK)
    second = desk.confirmed(
        "M003", **{**BANK, "claimant_name": "罗丙之子", "certno": "无", "card_no": CARD[:-1] + "2"}
    )
    assert desk.choose(CASHIER, first, second).status_code == 303
    one, two = desk.number(first), desk.number(second)
    rows = ((one, "64.50", "成功", "Y1", ""), (two, "30.00", "失败", "", "户名不符"))
    assert "到账并入账 1 笔" in words(desk.answer(rows[0]))
    assert "等回单 1 笔" in words(desk.as_(CASHIER).get(PAYMENTS))
    whole = words(desk.answer(*rows))
    assert "到账并入账 0 笔，没退成 1 笔，以前已办 1 笔" in whole
    assert "户名不符" in whole
    assert "以前已办 2 笔" in words(desk.answer(*rows))
    assert (desk.balance("M001"), desk.balance("M003")) == (0, 3000)
    assert desk.count("outpatient_return_file") == 2
    # What failed is sent again by another; the list says why it failed.
    page = desk.as_(CASHIER).get(PAYMENTS)
    assert "上次是您送的，由另一个人再送" in words(page)
    assert desk.choose(CASHIER, second).status_code == 403
    assert re.search(r"户名不符.*30\.00", words(page))


def test_killed_after_the_file_was_made_it_is_fetched_again_and_nothing_is_sent_twice(desk: Desk) -> None:
    """The browser never saw the answer: the file stands in the list, its claims can't be chosen again."""
    claim = desk.confirmed(**BANK)
    desk.choose(CASHIER, claim)
    page = desk.as_(CASHIER).get(PAYMENTS)
    assert f"claim-{claim.rsplit('/', 1)[1]}" not in page.text
    assert "/files/1.csv" in page.text
    assert "没有可以送的转账到银行卡退款" in words(page)
    file = desk.as_(CASHIER).get(f"{PAYMENTS}/files/1.csv").text
    row = next(csv.DictReader(io.StringIO(file)))
    assert "到账并入账 1 笔" in words(desk.answer((row["退款单号"], row["金额"], "成功", "Y1", "")))
    assert desk.balance() == 0


@pytest.mark.parametrize("content", [b"", b"\x00\x01", "甲,乙\n1,2\n".encode()])
def test_a_file_that_cant_be_read_is_refused_in_a_sentence(desk: Desk, content: bytes) -> None:
    answer = desk.send(CASHIER, f"{PAYMENTS}/answers", file=(io.BytesIO(content), "回单.csv"))
    assert answer.status_code == 422
    assert "回单文件" in words(answer)
    assert desk.send(CASHIER, f"{PAYMENTS}/answers").status_code == 422


def test_lines_that_cant_be_used_are_told_one_by_one(desk: Desk) -> None:
    claim = desk.confirmed(**BANK)
    desk.choose(CASHIER, claim)
    number = desk.number(claim)
    told = words(
        desk.answer((number, "1.00", "成功", "Y", ""), ("TF0", "1.00", "成功", "Y", ""), (number, "x", "成功"))
    )
    assert "3 行没有办" in told
    page = desk.as_(CASHIER).get(PAYMENTS).text
    kept = re.search(rf'href="({PAYMENTS}/answers/[0-9a-f]+)"', page)
    assert kept is not None
    later = words(desk.as_(CASHIER).get(kept.group(1)))
    assert "没有退款单号 TF0" in later
    assert "3 行没有办" in later
    assert desk.as_(CASHIER).get(f"{PAYMENTS}/answers/nothing").status_code == 404
    assert "没有退款单号 TF0" in told
    assert "文件里是 1.00 元" in told
    assert desk.balance() == 6450


def test_everything_is_shown_for_a_reason_that_is_kept(desk: Desk) -> None:
    claim = desk.accepted(**BANK)
    assert OWN not in desk.as_(OFFICER).get(claim).text
    assert desk.send(OFFICER, f"{claim}/identity", reason="其他", note="").status_code == 422
    shown = words(desk.send(OFFICER, f"{claim}/identity", reason="与银行核对退款"))
    assert OWN in shown
    assert "6217000000000000001" in shown
    with desk.house.context.database.reading() as connection:
        query = sa.text("SELECT detail FROM audit_event WHERE action = 'identity.reveal'")
        assert "与银行核对退款" in str(connection.scalar(query))


def test_a_card_of_staff_is_refused_with_words_and_cash_is_offered(desk: Desk) -> None:
    added = desk.send(APPROVER, "/finance/outpatient/alarms/staff", holder="赵某", card_no=CARD)
    assert added.status_code == 303
    register = words(desk.as_(APPROVER).get("/finance/outpatient/alarms/staff"))
    assert "赵某 尾号 0001" in register
    assert "6217000000000000001" not in register
    refused = desk.send(CASHIER, f"{FIND}/accounts/M001", **BANK)
    assert refused.status_code == 422
    assert "本院职工的卡" in words(refused)
    assert 'name="instead" value="cash"' in refused.text
    assert desk.as_(OFFICER).get("/finance/outpatient/alarms/staff").status_code == 403


def test_a_card_entered_later_stops_the_confirmation_and_can_be_taken_off(desk: Desk) -> None:
    claim = desk.accepted(**BANK)
    desk.send(OFFICER, f"{claim}/review")
    add_staff_card(desk.house.context, desk.house.actor(APPROVER), "赵某", CARD)
    assert "收款银行卡登记为本院职工的卡" in words(desk.as_(APPROVER).get(claim))
    stopped = desk.send(APPROVER, f"{claim}/confirm", ground="就要退", alarms="1")
    assert stopped.status_code == 409
    assert "本院职工的卡" in words(stopped)
    page = desk.as_(APPROVER).get("/finance/outpatient/alarms/staff").text
    end = re.search(r"/finance/outpatient/alarms/staff/[^/]+/end", page)
    assert end
    assert desk.send(APPROVER, end.group(), ground="").status_code == 422
    assert desk.send(APPROVER, end.group(), ground="登错了").status_code == 303
    assert desk.send(APPROVER, f"{claim}/confirm", alarms="0").status_code == 303


def test_whoever_confirms_in_spite_of_an_alarm_writes_why(desk: Desk, clock: FixedClock) -> None:
    clock.moment += timedelta(hours=12)
    claim = desk.accepted()
    assert "在办公时间以外" in words(desk.as_(OFFICER).get(claim))
    desk.send(OFFICER, f"{claim}/review")
    silent = desk.send(APPROVER, f"{claim}/confirm", alarms="1")
    assert silent.status_code == 422
    assert "请写明为什么仍可以确认" in words(silent)
    unseen = desk.send(APPROVER, f"{claim}/confirm", ground="加班核对过", alarms="0")
    assert unseen.status_code == 409
    assert desk.send(APPROVER, f"{claim}/confirm", ground="加班核对过", alarms="1").status_code == 303
    assert "有提醒仍确认：加班核对过" in words(desk.as_(AUDITOR).get(claim))
    listed = words(desk.as_(AUDITOR).get("/finance/outpatient/alarms"))
    assert "在办公时间以外" in listed


def test_lists_say_how_many_wait_and_every_link_leads_somewhere(desk: Desk, clock: FixedClock) -> None:
    clock.moment += timedelta(hours=12)
    desk.accepted()
    claim = desk.accepted("M003", **{**BANK, "claimant_name": "罗丙之子", "certno": "无"})
    desk.send(OFFICER, f"{claim}/review")
    shown = words(desk.as_(AUDITOR).get(CLAIMS))
    assert "待审核 1" in shown
    assert "待确认 1" in shown
    assert "合计 1 笔" in shown
    pages = (
        FIND,
        str(desk.send(CASHIER, FIND, q="M001").location),
        f"{FIND}/accounts/M001",
        CLAIMS,
        claim,
        PAYMENTS,
        "/finance/outpatient/alarms",
    )
    for path in pages:
        for role in (CASHIER, OFFICER, APPROVER, AUDITOR):
            page = desk.as_(role).get(path)
            assert page.status_code == 200, (path, role)
            for link in links(path, page.text):
                assert desk.as_(role).get(link).status_code in (200, 303), (path, role, link)


def test_no_page_says_that_a_claim_lapses(desk: Desk) -> None:
    claim = desk.accepted()
    for path in (FIND, f"{FIND}/accounts/M001", claim, f"{claim}/receipt", CLAIMS, PAYMENTS):
        text = desk.as_(CASHIER).get(path).text
        assert "逾期作废" not in text
        assert "视为放弃" not in text


def test_a_number_with_a_slash_is_an_account_too(desk: Desk) -> None:
    found = desk.find(CASHIER, "MZ/4")
    assert "/desk/refunds/accounts/MZ/4" in found.text
    assert "没有余额可退" in words(desk.as_(CASHIER).get(f"{FIND}/accounts/MZ/4"))
    assert desk.as_(CASHIER).get(f"{FIND}/accounts/none").status_code == 404


def test_forms_ask_for_what_only_a_paper_or_a_choice_can_tell(desk: Desk) -> None:
    claim = desk.confirmed()
    page = desk.as_(CASHIER).get(claim).text
    assert re.search(r'name="receipt"[^>]*value=""', page), "copied from the signed receipt form"
    asked = desk.send(OFFICER, f"{claim}/identity", note="x")
    assert asked.status_code == 422
    assert "理由：请从下面选一个" in words(asked)
    form = desk.as_(CASHIER).get(f"{FIND}/accounts/M002").text
    assert not re.search(r'for="f-(bank|card_no)">[^<]*<span class="quiet">（可不填）', form)
    assert "要交预交金凭条，或说得出登记的手机号" in form


def test_a_lost_card_asks_for_its_paper_once_it_was_refused(desk: Desk) -> None:
    def mark_of(page: str) -> str:
        found = re.search(r"<li><span>((?:(?!<li>).)*)</span><label[^>]*><input[^>]*paper-lost_card", page, re.DOTALL)
        assert found
        return found[1]

    assert "可不交" in mark_of(desk.as_(CASHIER).get(f"{FIND}/accounts/M001").text)
    refused = desk.send(CASHIER, f"{FIND}/accounts/M001", **{**CASH, "card_lost": "yes"})
    assert refused.status_code == 422
    assert "要交" in mark_of(refused.text)
    assert refused.text.count('name="paper-lost_card"') == 1


def test_an_empty_account_says_so_to_the_counter(desk: Desk) -> None:
    page = words(desk.as_(CASHIER).get(f"{FIND}/accounts/MZ/4"))
    assert "请带凭条到窗口" not in page
    assert "请核对他的凭条" in page
    assert "没有余额" in page
    assert "待清退" not in page


def test_no_phone_is_asked_for_where_none_is_on_record(desk: Desk) -> None:
    page = desk.as_(CASHIER).get(f"{FIND}/accounts/M003").text
    assert "没有登记手机号：要交预交金凭条" in page
    assert "说得出登记的手机号" not in page
    assert "登记时留的手机号" not in page
    for claimant in ("proxy", "heir"):
        shown = desk.as_(CASHIER).get(f"{FIND}/accounts/M003", query_string={"claimant": claimant}).text
        assert 'name="patient_phone"' not in shown
        asked = desk.as_(CASHIER).get(f"{FIND}/accounts/M002", query_string={"claimant": claimant}).text
        assert 'name="patient_phone"' in asked
    refused = desk.send(CASHIER, f"{FIND}/accounts/M003", **{**CASH, "claimant_name": "罗丙之子"})
    assert refused.status_code == 422
    assert "或填账户登记的手机号" not in words(refused)
    assert "请交预交金凭条" in words(refused)
    other = desk.send(CASHIER, f"{FIND}/accounts/M002", **{**CASH, "claimant_name": "李乙"})
    assert "或填账户登记的手机号" in words(other)


@pytest.mark.parametrize(
    ("account", "claimant", "gaps"),
    [
        ("M001", "self", ("claimant_name", "certno", "papers", "bank", "card_no")),
        (
            "M001",
            "heir",
            ("claimant_name", "certno", "patient_name", "patient_certno", "papers", "bank", "card_no"),
        ),
        ("M003", "proxy", ("claimant_name", "certno", "patient_name", "papers", "bank", "card_no")),
    ],
)
def test_an_empty_form_names_all_its_gaps_at_their_fields(
    desk: Desk, account: str, claimant: str, gaps: tuple[str, ...]
) -> None:
    answer = desk.send(CASHIER, f"{FIND}/accounts/{account}", claimant=claimant, route="bank")
    assert answer.status_code == 422
    assert f"有 {len(gaps)} 处要改" in words(answer)
    named = re.findall(r'<a href="#f-([a-z_]+)">', answer.text)
    assert tuple(named) == gaps
    assert all(f'id="e-{one}"' in answer.text for one in gaps)
    assert desk.count("outpatient_claim") == 0
    assert re.search(r'<form class="panel"[^>]* novalidate>', answer.text), "a browser names one gap at a time"


def test_papers_alone_are_refused_by_the_rule_and_on_record(desk: Desk) -> None:
    before = desk.count("decision")
    answer = desk.send(CASHIER, f"{FIND}/accounts/M001", **{**CASH, "paper-own_id": ""})
    assert "还缺本人有效证件" in words(answer)
    assert "处要改" not in words(answer)
    assert desk.count("decision") == before + 1


def test_an_account_that_was_paid_names_no_next_way(desk: Desk) -> None:
    at = "/finance/outpatient/accounts"
    officer = desk.as_(OFFICER)
    assert "下一步：短信" in words(officer.get(f"{at}/M001"))
    assert f'href="{at}/M001"' in officer.get(f"{at}?told=sms").text
    claim = desk.confirmed()
    assert desk.send(CASHIER, f"{claim}/pay", receipt=desk.number(claim)).status_code == 303
    for account, why in (("M001", "已退完，不用再联系"), ("MZ/4", "没有余额，不用再联系")):
        page = words(officer.get(f"{at}/{account}")).rpartition("每一笔变动")[2]
        assert "下一步：" not in page
        assert "还没试" not in page
        assert why in page
    for told in ("sms", "board", "left"):
        listed = officer.get(f"{at}?told={told}").text
        assert f'href="{at}/M001"' not in listed
        assert f'href="{at}/MZ%2F4"' not in listed
    assert f'href="{at}/M002"' in officer.get(f"{at}?told=left").text


def test_numbers_for_auditors_stand_in_nobodys_way(desk: Desk) -> None:
    claim = desk.confirmed(**BANK)
    desk.choose(CASHIER, claim)
    page = desk.as_(OFFICER).get("/finance/outpatient/accounts/M001").text
    assert "看决定</a>" in page
    assert not re.search(r">D-?\d{8}", page)
    assert not re.search(r">[0-9a-f]{12}", desk.as_(CASHIER).get(PAYMENTS).text)
    for shown in (
        desk.as_(CASHIER).get(claim).text,
        desk.send(CASHIER, f"{FIND}/accounts/M002", **{**CASH, "claimant_name": "李乙"}).text,
    ):
        folded = re.search(r"<details>(?:(?!</details>).)*决定号(?:(?!</details>).)*</details>", shown, re.DOTALL)
        assert folded
        assert shown.count("决定号") == folded.group().count("决定号")


def test_the_counter_asks_why_a_confirmed_refund_is_taken_over(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    at = f"{FIND}/accounts/M001"
    assert 'name="taken_over_for"' not in desk.as_(CASHIER).get(at).text
    monkeypatch.setattr(outpatient_accept_view, "takes_over_confirmed", lambda owner: True)
    assert 'name="taken_over_for"' in desk.as_(CASHIER).get(at).text
