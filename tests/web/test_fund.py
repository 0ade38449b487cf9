"""The restricted fund in the browser: a year clicked through by four people, and every way it says no."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from werkzeug.test import TestResponse

from hospital_prepay.clock import FixedClock
from hospital_prepay.domain.access import Actor, Role
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.fund.regime import Fund
from hospital_prepay.domain.rules.fund.uses import UseLine
from hospital_prepay.domain.rules.publication.scope import Ownership
from hospital_prepay.services.fund import grants
from hospital_prepay.services.fund.spending import AskPayment, ask_payment
from hospital_prepay.services.publication.institution import ChangedInstitution, NewInstitution, open_institution
from tests.funding import MILLION_YUAN, application, apply_one, good_facts
from tests.hospital import enter_people
from tests.people import Browser, House
from tests.web.test_links import links

OFFICER, APPROVER, HEAD = Role.FINANCE_OFFICER, Role.FINANCE_APPROVER, Role.DEPARTMENT_HEAD
PAYEE = {"payee_name": "浙药医药有限公司", "payee_credit_code": "9144030071526726XG", "purpose": "一月药款"}
DRUG = {"category": "drug", "name": "注射用头孢曲松", "code": "X" + "A" * 22, "order_no": "P-1"}
LINE: dict[str, Any] = {**DRUG, "amount": Money(100)}
POWER = {"category": "utilities", "name": "病区电费", "code": "", "order_no": ""}
APPROVAL = {"granted": "yes", "approved": "1000000", "document": "浙医保〔2026〕1号", "approved_on": "2026-01-15"}
RECEIPT = {"bank_reference": "HD-1", "received_on": "2026-01-15"}
SETTLED = {"document": "结算单 11", "bank_reference": "JS-11", "value_on": "2026-01-15"}


def words(page: TestResponse) -> str:
    """What a person reads, without tags and in one line."""
    main = re.search(r"<main.*?</main>", page.text, re.DOTALL)
    assert main is not None
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", "", main.group())))


@dataclass
class Fundhouse:
    """A house with an application for a million yuan, and a browser for everybody."""

    house: House
    login_as: Callable[[Role], Browser]
    browsers: dict[Role, Browser] = field(default_factory=dict)
    grant_id: str = ""
    keys: int = 0

    def as_(self, role: Role) -> Browser:
        return self.browsers.setdefault(role, self.login_as(role))

    @property
    def grant(self) -> str:
        return f"/finance/fund/grants/{self.grant_id}"

    def apply(self) -> Fundhouse:
        facts = good_facts(2026)
        command = application("zhejiang-prepay-2025", "临溪市", Fund.EMPLOYEE, Money(MILLION_YUAN), facts, "apply")
        applied = apply_one(self.house.context, self.house.actor(OFFICER), command)
        self.grant_id = applied.grant_id or ""
        return self

    def send(self, role: Role, path: str, confirmed: str = "yes", **data: str) -> TestResponse:
        """Send a form; what the page keeps hidden is filled in."""
        self.keys += 1
        hidden = {"idempotency_key": f"form-key-{self.keys:04}", "confirmed": confirmed}
        return self.as_(role).post(path, {**hidden, **data})

    def received(self) -> Fundhouse:
        self.apply()
        assert self.send(APPROVER, f"{self.grant}/approval", **APPROVAL).status_code == 303
        assert self.send(OFFICER, f"{self.grant}/receipt", **RECEIPT).status_code == 303
        return self

    def ask(self, *lines: dict[str, str], role: Role = OFFICER, do: str = "ask", **changes: Any) -> TestResponse:
        fields = {f"{name}-{n}": text for n, line in enumerate(lines, 1) for name, text in line.items()}
        data = {"grant": self.grant_id, "do": do, **PAYEE, **fields, **changes}
        return self.send(role, "/finance/fund/requests/new", **data)

    def asked(self, *lines: dict[str, str], role: Role = OFFICER) -> str:
        answer = self.ask(*lines, role=role)
        assert answer.status_code == 303, words(answer)
        return answer.location

    def count(self, table: str) -> int:
        with self.house.context.database.reading() as connection:
            return int(connection.scalar(sa.text(f"SELECT count(*) FROM {table}")) or 0)


def line(amount: str = "1000.00", **changes: str) -> dict[str, str]:
    return {**DRUG, "amount": amount, **changes}


@pytest.fixture
def fund(house: House, login_as: Callable[[Role], Browser]) -> Fundhouse:
    return Fundhouse(house, login_as)


def hidden(page: TestResponse) -> dict[str, str]:
    """What the question that is asked once more sends when its button is pressed."""
    asked = page.text.split('role="alertdialog"')[1].split("</form>")[0]
    found = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', asked))
    found.pop("csrf_token")
    return found


def test_a_year_is_clicked_through_by_four_people(fund: Fundhouse) -> None:
    empty = words(fund.as_(OFFICER).get("/finance/fund"))
    assert "还没有预付金" in empty
    assert "自查" in empty
    fund.apply()
    assert "预付金申请等登记批复" in words(fund.as_(APPROVER).get("/"))
    assert "记到账" not in words(fund.as_(OFFICER).get(fund.grant))
    asked_again = fund.send(APPROVER, f"{fund.grant}/approval", confirmed="", **APPROVAL)
    assert asked_again.status_code == 200
    assert "登记批复 1,000,000.00 元？" in words(asked_again)
    assert "壹佰万元整" in words(asked_again)
    assert fund.send(APPROVER, f"{fund.grant}/approval", **APPROVAL).location == fund.grant
    assert "入账 1,000,000.00 元：专款未用" in words(fund.as_(OFFICER).get(fund.grant))
    fund.send(OFFICER, f"{fund.grant}/receipt", **RECEIPT)
    request = fund.asked(line("300000"), line("50000", name="阿莫西林胶囊"), role=OFFICER)
    assert "用款申请等科室同意" in words(fund.as_(HEAD).get("/"))
    assert "同意付 350,000.00 元" in words(fund.as_(HEAD).get(request))
    agreed = fund.send(HEAD, f"{request}/agree")
    assert agreed.location == request
    assert "下一步：财务审批" in words(fund.as_(HEAD).get(request))
    fund.send(APPROVER, f"{request}/reserve")
    assert "已预留，等付款" in words(fund.as_(OFFICER).get("/"))
    fund.send(OFFICER, f"{request}/pay", bank_reference="HD-9")
    grant = words(fund.as_(Role.AUDITOR).get(fund.grant))
    assert re.search(r"应还医保1,000,000\.00.*专款未用650,000\.00.*已预留0\.00.*已付350,000\.00", grant)
    for number, amount in (("1", "300000"), ("2", "50000")):
        fund.send(OFFICER, f"{request}/invoice", line_no=number, invoice_no=f"FP-{number}", amount=amount)
    assert "已办结" in words(fund.as_(Role.AUDITOR).get(request))
    fund.send(OFFICER, f"{fund.grant}/offset", settlement="900000", offset="400000", **SETTLED)
    assert "结算冲抵等确认" in words(fund.as_(APPROVER).get("/"))
    shown = fund.as_(APPROVER).get(fund.grant)
    assert "确认冲抵 400,000.00 元" in words(shown)
    path = re.search(r'action="([^"]+/offsets/[^"]+/confirm)"', shown.text)
    assert path is not None
    assert fund.send(APPROVER, path.group(1)).status_code == 303
    fund.send(OFFICER, f"{fund.grant}/return", amount="600000", bank_reference="HD-20")
    done = words(fund.as_(Role.AUDITOR).get(fund.grant))
    assert "已清算" in done
    assert re.search(r"余额0\.000\.000\.00", done)


def test_an_approval_above_what_was_applied_for_is_told_before_it_is_recorded(fund: Fundhouse) -> None:
    fund.apply()
    usual = words(fund.send(APPROVER, f"{fund.grant}/approval", confirmed="", **APPROVAL))
    assert re.search(r"申请 1,000,000\.00 元，按通知最高 [\d,.]+ 元。", usual)
    assert "注意" not in usual
    more = words(fund.send(APPROVER, f"{fund.grant}/approval", confirmed="", **{**APPROVAL, "approved": "1000001"}))
    assert "注意：批复比申请多 1.00 元，请对照批复文件再看一遍。" in more
    assert "比最高规模多" not in more
    far = words(fund.send(APPROVER, f"{fund.grant}/approval", confirmed="", **{**APPROVAL, "approved": "30000000"}))
    assert "注意：批复比申请多 29,000,000.00 元" in far
    assert "没有特殊情形的文件登记不了" in far


def test_a_wrong_approval_is_taken_back_by_another_and_recorded_anew(fund: Fundhouse) -> None:
    fund.apply()
    fund.send(APPROVER, f"{fund.grant}/approval", **{**APPROVAL, "approved": "100000"})
    assert "批复登记错了" not in words(fund.as_(APPROVER).get(fund.grant))
    assert "批复登记错了" not in words(fund.as_(HEAD).get(fund.grant))
    assert fund.send(APPROVER, f"{fund.grant}/take_back", ground="少打一个零").status_code == 403
    assert fund.send(HEAD, f"{fund.grant}/take_back", ground="少打一个零").status_code == 403
    assert "撤回批复 100,000.00 元" in words(fund.as_(OFFICER).get(fund.grant))
    assert fund.send(OFFICER, f"{fund.grant}/take_back", ground="").status_code == 422
    assert fund.send(OFFICER, f"{fund.grant}/take_back", ground="少打一个零").location == fund.grant
    page = words(fund.as_(APPROVER).get(fund.grant))
    assert "撤回过的批复" in page
    assert "撤回：少打一个零" in page
    fund.send(APPROVER, f"{fund.grant}/approval", **APPROVAL)
    fund.send(OFFICER, f"{fund.grant}/receipt", **RECEIPT)
    assert fund.send(OFFICER, f"{fund.grant}/take_back", ground="少打一个零").status_code == 409


def test_a_receipt_is_looked_at_once_more_before_it_is_booked(fund: Fundhouse) -> None:
    fund.apply()
    fund.send(APPROVER, f"{fund.grant}/approval", **APPROVAL)
    form = words(fund.as_(OFFICER).get(fund.grant))
    assert "入账，先看一遍" in form
    assert "先撤回批复，按实际批准的金额重新登记" in form
    early = fund.send(OFFICER, f"{fund.grant}/receipt", confirmed="", bank_reference="HD-1", received_on="2026-01-14")
    assert (early.status_code, "早于批复日" in words(early)) == (422, True)
    asked = fund.send(OFFICER, f"{fund.grant}/receipt", confirmed="", **RECEIPT)
    assert "入账 1,000,000.00 元？ 大写 人民币壹佰万元整；到账日 2026-01-15，银行回单 HD-1。" in words(asked)
    assert fund.count("ledger_entry") == 0
    fund.send(OFFICER, f"{fund.grant}/receipt", **RECEIPT)
    assert fund.count("ledger_entry") == 1
    assert "到账日2026-01-15到账的银行回单HD-1" in words(fund.as_(APPROVER).get(fund.grant))


def test_the_slip_and_the_day_are_looked_at_once_more_before_money_goes_back(fund: Fundhouse) -> None:
    given = {"amount": "100", "bank_reference": "R-1", "returned_on": "2026-01-15"}
    asked = words(fund.received().send(OFFICER, f"{fund.grant}/return", confirmed="", **given))
    assert "银行回单 R-1，交回日 2026-01-15。" in asked
    asked = words(fund.send(OFFICER, f"{fund.grant}/offset", confirmed="", settlement="9", offset="4", **SETTLED))
    assert "冲抵后到账 5.00 元，银行回单 JS-11；依据 结算单 11，2026-01-15。" in asked


def test_a_look_at_the_result_tells_everything_that_is_wrong_at_once(fund: Fundhouse) -> None:
    fund.received()
    wrong = fund.ask(line("abc"), do="check", payee_credit_code="91440300")
    assert wrong.status_code == 422
    assert re.search(r'id="f-amount-1"[^>]*aria-invalid', wrong.text)
    assert re.search(r'id="f-payee_credit_code"[^>]*aria-invalid', wrong.text)
    blank = fund.ask(line("100"), do="check", payee_credit_code="", payee_name="", purpose="")
    assert (blank.status_code, "这是预览，没有提交" in words(blank)) == (200, True), (
        "what isn't typed yet is no mistake"
    )


def test_an_approval_can_be_withheld_let_go_or_refused(fund: Fundhouse) -> None:
    fund.apply()
    fund.send(APPROVER, f"{fund.grant}/approval", **APPROVAL)
    fund.send(APPROVER, f"{fund.grant}/withhold", ground="通知〔2026〕3号")
    assert "暂停拨付" in words(fund.as_(OFFICER).get(fund.grant))
    assert fund.send(OFFICER, f"{fund.grant}/receipt", **RECEIPT).status_code == 409
    fund.send(APPROVER, f"{fund.grant}/let-go", ground="通知〔2026〕4号")
    assert fund.send(OFFICER, f"{fund.grant}/receipt", **RECEIPT).status_code == 303


def test_a_refused_application_ends(fund: Fundhouse) -> None:
    fund.apply()
    no = {**APPROVAL, "granted": "no", "approved": ""}
    assert "登记“没有批准”？" in words(fund.send(APPROVER, f"{fund.grant}/approval", confirmed="", **no))
    fund.send(APPROVER, f"{fund.grant}/approval", **no)
    assert "没有批准" in words(fund.as_(OFFICER).get(fund.grant))


@pytest.mark.parametrize("role", [OFFICER, HEAD])
def test_a_forbidden_line_is_refused_for_every_role_that_may_ask(fund: Fundhouse, role: Role) -> None:
    fund.received()
    answer = fund.ask(line("96480.00"), line("58214.37", **POWER), role=role)
    said = words(answer)
    assert answer.status_code == 422
    assert "不能付 154,694.37 元：第 2 行“病区电费”：不是医疗费用周转" in said
    assert "任何人都不能放行，系统没有例外的入口" in said
    assert "没有预留，没有付款；填写的内容都还在" in said
    assert "拆开，先办 96,480.00 元" in said
    assert "58,214.37 元，第 2 行“病区电费”改由医院自有资金付" in said
    assert "浙江预付办法 第一部分" in said
    assert "病区电费" in re.findall(r'id="f-name-2"[^>]*value="([^"]*)"', answer.text)
    attempt = re.search(r'href="(/finance/fund/requests/[^"?/]+)"', answer.text.partition('id="decision"')[2])
    assert attempt is not None
    assert "这份申请被拒，到此为止" in words(fund.as_(Role.AUDITOR).get(attempt.group(1)))
    for step in ("agree", "reserve", "pay"):
        for anybody in (OFFICER, HEAD, APPROVER):
            tried = fund.send(anybody, f"{attempt.group(1)}/{step}", bank_reference="HD", ground="领导同意")
            assert tried.status_code in (403, 409)
    split = fund.ask(line("96480.00"), line("58214.37", **POWER), role=role, do="split", keep="1")
    assert "注射用头孢曲松" in split.text
    assert "病区电费" not in split.text
    listed = words(fund.as_(Role.AUDITOR).get("/finance/fund/requests?tab=refused"))
    assert "一分未付" in listed


def test_a_preview_writes_nothing_down(fund: Fundhouse) -> None:
    fund.received()
    before = fund.count("decision")
    held = fund.ask(line(**{"category": "reagent", "code": "", "order_no": ""}), do="check")
    assert held.status_code == 200
    assert "这是预览，没有提交" in words(held)
    assert "须两人决定" in words(held)
    refused = fund.ask(line(**POWER), do="check")
    assert "这是预览，没有动账" in words(refused)
    assert fund.count("fund_request") == 0
    assert fund.count("decision") == before
    assert 'id="f-name-6"' in fund.ask(line(), do="more", rows="3").text


def test_a_grey_line_needs_a_ground(fund: Fundhouse) -> None:
    fund.received()
    request = fund.asked(line(category="reagent", name="试剂", code="", order_no=""))
    assert "有须两人决定的" in words(fund.as_(HEAD).get(request))
    answer = fund.send(HEAD, f"{request}/agree", ground=" ")
    assert answer.status_code == 422
    assert "请写明理由" in words(answer)
    assert fund.send(HEAD, f"{request}/agree", ground="三家比价").status_code == 303
    fund.send(APPROVER, f"{request}/reserve")
    assert "三家比价" in words(fund.as_(APPROVER).get(request))


def test_a_payment_bounces_a_reservation_is_given_back_a_request_turned_down(fund: Fundhouse) -> None:
    fund.received()
    for step, role in (("reject", HEAD), ("release", APPROVER), ("bounce", OFFICER)):
        request = fund.asked(line())
        if step != "reject":
            fund.send(HEAD, f"{request}/agree")
            fund.send(APPROVER, f"{request}/reserve")
        if step == "bounce":
            fund.send(OFFICER, f"{request}/pay", bank_reference="HD-9")
        empty = fund.send(role, f"{request}/{step}", ground="")
        assert empty.status_code == 422
        assert "请填写" in words(empty)
        assert fund.send(role, f"{request}/{step}", ground="账号有误").status_code == 303
        shown = words(fund.as_(Role.AUDITOR).get(request))
        assert "账号有误" in shown
        assert ("退票，已退回专款" in shown) is (step == "bounce")
    assert re.search(r"专款未用1,000,000\.00", words(fund.as_(OFFICER).get(fund.grant)))


def test_an_absurd_settlement_asks_for_a_tick_before_it_is_asked_once_more(fund: Fundhouse) -> None:
    fund.received()
    settled = {"value_on": "2026-01-15", "bank_reference": "HD-8"}
    typed = {"settlement": "10000000.01", "offset": "100", "document": "JS-1", **settled}
    page = fund.send(OFFICER, f"{fund.grant}/offset", confirmed="", **typed)
    assert page.status_code == 422
    assert "数额比往月大得多，请核对后勾选确认" in words(page)
    assert 'name="unusual"' in page.text
    asked = fund.send(OFFICER, f"{fund.grant}/offset", confirmed="", **typed, unusual="yes")
    assert "冲抵 100.00 元？" in words(asked)
    assert '<input type="hidden" name="unusual" value="yes">' in asked.text
    assert fund.send(OFFICER, f"{fund.grant}/offset", **typed, unusual="yes").status_code == 303
    path = "/finance/fund/reconcile/settlements"
    bank = {"period": "2025-12", "fund": "employee", "paid_on": "2026-01-15", "bank_reference": "HD-9"}
    page = fund.send(OFFICER, path, confirmed="", **bank, amount="100000001")
    assert page.status_code == 422
    assert 'name="unusual"' in page.text
    asked = fund.send(OFFICER, path, confirmed="", **bank, amount="100000001", unusual="yes")
    assert "登记收到结算款 100,000,001.00 元？" in words(asked)
    assert fund.send(OFFICER, path, **bank, amount="100000001", unusual="yes").status_code == 303
    again = fund.send(OFFICER, path, confirmed="", **{**bank, "fund": "resident"}, amount="1")
    assert again.status_code == 409
    assert "这张回单已经登记在 2025-12 的结算款上" in words(again)


def test_the_same_order_and_code_in_another_request_is_told_to_who_agrees(fund: Fundhouse) -> None:
    fund.received()
    first = fund.asked(line("1000.00"))
    assert "同一订单号和国家编码" not in words(fund.as_(HEAD).get(first))
    other = fund.asked(line("30.00", order_no="P-2"))
    second = fund.asked(line("200.00", order_no=" p-1 "))
    told = words(fund.as_(HEAD).get(second))
    number = "YK-" + first[-8:].upper()
    assert f"第 1 行，{number}（等科室同意）1,000.00 元。" in told
    assert f'href="{first}"' in fund.as_(HEAD).get(second).text
    assert "同一订单号和国家编码" not in words(fund.as_(HEAD).get(other))
    assert fund.send(HEAD, f"{second}/agree").status_code == 303
    assert number in words(fund.as_(APPROVER).get(second))
    assert fund.send(HEAD, f"{first}/reject", ground="重复了").status_code == 303
    assert "同一订单号和国家编码" not in words(fund.as_(APPROVER).get(second))


def test_a_reservation_that_ran_out_is_shown_so_and_offers_no_payment(fund: Fundhouse, clock: FixedClock) -> None:
    fund.received()
    request = fund.asked(line())
    assert fund.send(HEAD, f"{request}/agree").status_code == 303
    assert fund.send(APPROVER, f"{request}/reserve").status_code == 303
    assert "下一步：付款" in words(fund.as_(OFFICER).get(request))
    clock.moment += timedelta(days=15)
    fund.browsers.clear()
    page = fund.as_(OFFICER).get(request)
    assert "预留已到期，等退回" in words(page)
    assert "预留已经到期，不能付款。请财务退回预留，再重新申请。" in words(page)
    assert f"{request}/pay" not in page.text
    assert f"{request}/release" in page.text
    answer = fund.send(OFFICER, f"{request}/pay", bank_reference="B-1", paid_on="2026-01-30")
    assert answer.status_code == 409
    assert "本次没有入账" in words(answer)


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("payee_name", "", "请填写"),
        ("payee_credit_code", "9144030071526726X0", "统一社会信用代码"),
        ("purpose", "", "请填写"),
        ("amount-1", "12.345", "最多两位小数"),
        ("amount-1", "0", "金额要大于零"),
        ("amount-1", "", "请填写"),
        ("name-1", "", "请填写"),
        ("category-1", "", "请填写"),
    ],
)
def test_a_wrong_request_comes_back_as_it_was_typed(fund: Fundhouse, field: str, value: str, says: str) -> None:
    fund.received()
    answer = fund.ask(line(), **{field: value})
    assert answer.status_code == 422
    assert re.search(rf'id="e-{field}".*?{says}', answer.text, re.DOTALL)
    kept = "order_no-1" if field != "order_no-1" else "name-1"
    assert re.search(rf'id="f-{kept}"[^>]*value="[^"]+"', answer.text)
    assert fund.count("fund_request") == 0


def test_a_request_without_lines_or_grant_is_wrong(fund: Fundhouse) -> None:
    fund.received()
    assert "至少要填一行" in words(fund.ask())
    assert fund.ask(line(), grant="nowhere").status_code == 404
    assert "可用只有 1,000,000.00 元" in words(fund.ask(line("1000000.01")))


@pytest.mark.parametrize(
    ("step", "data", "field", "says"),
    [
        ("return", {"amount": "abc", "bank_reference": "HD"}, "amount", "例如"),
        ("return", {"amount": "1000000.01", "bank_reference": "HD"}, "amount", "应还只有 1,000,000.00 元"),
        ("return", {"amount": "1", "bank_reference": ""}, "bank_reference", "请填写"),
        ("return", {"amount": "-5", "bank_reference": "HD"}, "amount", "金额要大于零"),
        ("return", {"amount": "0", "bank_reference": "HD"}, "amount", "金额要大于零"),
        ("offset", {"settlement": "1", "offset": "2", **SETTLED}, "offset", "不能超过这次结算"),
        ("offset", {"settlement": "2000000", "offset": "1000001", **SETTLED}, "offset", "应还只有"),
    ],
)
def test_wrong_money_is_told_beside_its_field(
    fund: Fundhouse, step: str, data: dict[str, str], field: str, says: str
) -> None:
    fund.received()
    answer = fund.send(OFFICER, f"{fund.grant}/{step}", **data)
    assert answer.status_code == 422
    assert re.search(rf'id="e-{field}".*?{says}', answer.text, re.DOTALL)
    assert fund.count("ledger_entry") == 1


def test_an_offset_above_its_settlement_is_told_before_it_is_asked_once_more(fund: Fundhouse) -> None:
    fund.received()
    data = {"settlement": "1", "offset": "2", **SETTLED}
    answer = fund.send(OFFICER, f"{fund.grant}/offset", confirmed="", **data)
    assert answer.status_code == 422
    assert "不能超过这次结算" in words(answer)


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"document": ""}, "document"), ({"approved": "0"}, "approved"), ({"approved_on": "2026-02-30"}, "approved_on")],
)
def test_a_wrong_approval_is_told_beside_its_field(fund: Fundhouse, changes: dict[str, str], field: str) -> None:
    fund.apply()
    answer = fund.send(APPROVER, f"{fund.grant}/approval", **{**APPROVAL, **changes})
    assert answer.status_code == 422
    assert f'id="e-{field}"' in answer.text


def test_no_step_is_taken_by_the_person_of_the_step_before(fund: Fundhouse) -> None:
    fund.received()
    own = fund.asked(line(), role=HEAD)
    assert "要由另一个人办" in words(fund.as_(HEAD).get(own))
    assert fund.send(HEAD, f"{own}/agree").status_code == 403
    request = fund.asked(line())
    assert fund.send(OFFICER, f"{request}/agree").status_code == 403
    fund.send(HEAD, f"{request}/agree")
    assert fund.send(HEAD, f"{request}/reserve").status_code == 403
    fund.send(APPROVER, f"{request}/reserve")
    assert fund.send(APPROVER, f"{request}/pay", bank_reference="HD").status_code == 403
    assert fund.send(APPROVER, f"{request}/agree").status_code == 403
    late = fund.send(HEAD, f"{request}/agree")
    assert late.status_code == 409
    assert "现在等的是“付款”" in words(late)


def test_two_requests_for_the_same_money_and_the_second_is_told(fund: Fundhouse) -> None:
    fund.received()
    requests = [fund.asked(line("600000")) for _ in range(2)]
    answers = []
    for request in requests:
        fund.send(HEAD, f"{request}/agree")
        answers.append(fund.send(APPROVER, f"{request}/reserve"))
    assert [answer.status_code for answer in answers] == [303, 422]
    assert "有 1 处要改" in words(answers[1])
    assert re.search(r"专款未用\s*400,000\.00", words(answers[1]))


@pytest.mark.parametrize("role", [OFFICER, APPROVER, HEAD, Role.AUDITOR])
def test_every_link_of_the_fund_opens_for_who_sees_it(fund: Fundhouse, role: Role) -> None:
    fund.received()
    request = fund.asked(line())
    fund.send(HEAD, f"{request}/agree")
    fund.send(APPROVER, f"{request}/reserve")
    refused = fund.ask(line(**POWER))
    assert refused.status_code == 422
    browser = fund.as_(role)
    starts = ["/finance/fund", fund.grant, request, "/finance/fund/requests"]
    found = {link for start in starts for link in links(start, browser.get(start).text)}
    assert len(found) > 5
    for link in sorted(found):
        assert browser.get(link).status_code in (200, 303), link


def test_a_decision_of_the_fund_leads_to_its_grant(fund: Fundhouse) -> None:
    fund.received()
    fund.ask(line(**POWER))
    page = fund.as_(Role.AUDITOR).get("/compliance/clauses/zhejiang-prepay-2025/1").text
    [decision] = set(re.findall(r"/compliance/decisions/[0-9a-f-]+", page))
    shown = fund.as_(Role.AUDITOR).get(decision)
    assert fund.grant in shown.text
    assert "水、电、气：不能付" in words(shown)


def test_a_form_sent_twice_counts_once(fund: Fundhouse) -> None:
    fund.received()
    data = {"amount": "100", "bank_reference": "HD", "idempotency_key": "the-same-key"}
    for _ in range(2):
        assert fund.send(OFFICER, f"{fund.grant}/return", **data).status_code == 303
    assert re.search(r"应还医保999,900\.00", words(fund.as_(OFFICER).get(fund.grant)))
    assert fund.send(OFFICER, f"{fund.grant}/return", **{**data, "amount": "200"}).status_code == 409


def test_another_institutions_grants_and_requests_are_not_found(fund: Fundhouse) -> None:
    context = fund.house.context
    details = ChangedInstitution("别处医院", "", "", "", Ownership.PUBLIC, designated=True)
    open_institution(context, NewInstitution("H33990000099", details, level=3))
    there = {role: Actor("H33990000099", f"there-{role}", role.label, frozenset({role})) for role in Role}
    with context.database.writing() as connection:
        enter_people(connection, context.clock, "H33990000099", *(one.actor_id for one in there.values()))
    command = application(
        "zhejiang-prepay-2025", "临溪市", Fund.EMPLOYEE, Money(MILLION_YUAN), good_facts(2026), "apply-there"
    )
    grant_id = apply_one(context, there[OFFICER], command).grant_id or ""
    approval = grants.RecordApproval(grant_id, Money(MILLION_YUAN), date(2026, 1, 15), "文", "")
    grants.record_approval(context, there[APPROVER], approval)
    grants.receive_grant(context, there[OFFICER], grants.ReceiveGrant(grant_id, "HD", date(2026, 1, 15), "there-1"))
    asked = AskPayment(grant_id, "x", PAYEE["payee_credit_code"], "x", (UseLine(**LINE),), "there-2")
    request = f"/finance/fund/requests/{ask_payment(context, there[OFFICER], asked).request_id}"
    grant = f"/finance/fund/grants/{grant_id}"
    for role in (OFFICER, APPROVER, HEAD, Role.AUDITOR):
        assert fund.as_(role).get(grant).status_code == 404
        assert fund.as_(role).get(request).status_code == 404
    assert fund.send(OFFICER, f"{grant}/return", amount="1", bank_reference="HD").status_code == 404
    assert fund.send(HEAD, f"{request}/agree").status_code == 404
    assert fund.send(OFFICER, f"{request}/reject", ground="x").status_code in (403, 404)
    fund.grant_id = grant_id
    assert fund.ask(line()).status_code == 404
    assert fund.as_(OFFICER).get(f"/finance/fund/requests/new?grant={grant_id}").status_code == 404


def test_a_long_list_of_requests_is_paged_and_sums_all_of_them(
    fund: Fundhouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hospital_prepay.web.fund_request_view._A_PAGE", 2)
    fund.received()
    for number in range(3):
        fund.asked(line(f"{number + 1}.00", name=f"药 {number}"))
    first = words(fund.as_(OFFICER).get("/finance/fund/requests"))
    second = words(fund.as_(OFFICER).get("/finance/fund/requests?page=2"))
    assert "第 1–2 份，共 3 份下一页" in first
    assert "第 3–3 份，共 3 份上一页" in second
    assert all("合计 3 份6.00" in page for page in (first, second))


def test_a_wrong_national_code_tells_the_length_expected(fund: Fundhouse) -> None:
    fund.received()
    shown = words(fund.ask(line(code="X123"), do="check"))
    assert "西药 X 开头 23 位" in shown


def test_an_approval_before_its_application_wants_a_reason_that_the_audit_keeps(fund: Fundhouse) -> None:
    fund.apply()
    before = {**APPROVAL, "approved_on": "2026-01-14"}
    asked = fund.send(APPROVER, f"{fund.grant}/approval", confirmed="", **before)
    assert asked.status_code == 422
    assert 'href="#f-approved_on"' in asked.text
    assert "早于申请递交的 2026-01-15" in words(asked)
    assert "为什么批复在前" in words(asked)
    assert fund.send(APPROVER, f"{fund.grant}/approval", **before).status_code == 422
    ahead = fund.send(APPROVER, f"{fund.grant}/approval", confirmed="", **{**APPROVAL, "approved_on": "2026-01-16"})
    assert (ahead.status_code, "还没有到" in words(ahead)) == (422, True)
    reason = "纸质申请一月十日已送出"
    confirmed = fund.send(APPROVER, f"{fund.grant}/approval", confirmed="", **before, early=reason)
    assert "登记批复 1,000,000.00 元？" in words(confirmed)
    assert reason in confirmed.text
    assert fund.send(APPROVER, f"{fund.grant}/approval", **before, early=reason).status_code == 303
    with fund.house.context.database.reading() as connection:
        query = sa.text("SELECT count(*) FROM audit_event WHERE detail LIKE :reason")
        assert connection.scalar(query, {"reason": f"%{reason}%"}) == 1


@pytest.mark.parametrize(
    ("name", "given", "field"),
    [
        ("return", {"amount": "1000000.01", "bank_reference": "R-1", "returned_on": "2026-01-15"}, "amount"),
        ("offset", {"settlement": "2000000", "offset": "1000000.01", **SETTLED}, "offset"),
    ],
)
def test_more_than_is_owed_is_said_before_it_is_confirmed(
    fund: Fundhouse, name: str, given: dict[str, str], field: str
) -> None:
    fund.received()
    answer = fund.send(OFFICER, f"{fund.grant}/{name}", confirmed="", **given)
    assert answer.status_code == 422
    assert "应还只有 1,000,000.00 元" in words(answer)
    assert f'href="#f-{field}"' in answer.text


def test_a_payment_is_asked_once_more_with_what_it_does(fund: Fundhouse) -> None:
    fund.received()
    request = fund.asked(line("1000"))
    for role, step in ((HEAD, "agree"), (APPROVER, "reserve")):
        fund.send(role, f"{request}/{step}")
    booked = fund.count("ledger_entry")
    given = {"bank_reference": "HD-77", "paid_on": "2026-01-15"}
    wrong = fund.send(OFFICER, f"{request}/pay", confirmed="", **{**given, "bank_reference": ""})
    assert (wrong.status_code, "先不付" in words(wrong)) == (422, False)
    asked = fund.send(OFFICER, f"{request}/pay", confirmed="", **given)
    assert (asked.status_code, fund.count("ledger_entry")) == (200, booked)
    shown = words(asked)
    for said in (
        "1,000.00 元？",
        "壹仟元整",
        "2026-01-15",
        "HD-77",
        "应还医保不变",
        "看得到",
        "付 1,000.00 元",
        "先不付",
    ):
        assert said in shown
    assert "退回预留 1,000.00" not in shown, "one question at a time"
    assert f'href="{request}"' in asked.text.split('role="alertdialog"')[1]
    assert fund.send(APPROVER, f"{request}/pay", confirmed="", **given).status_code == 403
    paid = fund.as_(OFFICER).post(f"{request}/pay", hidden(asked))
    assert (paid.status_code, fund.count("ledger_entry")) == (303, booked + 1)
    assert "HD-77" in words(fund.as_(OFFICER).get(request))
    again = fund.send(OFFICER, f"{request}/pay", confirmed="", **given)
    assert (again.status_code, "先不付" in words(again)) == (409, False)


def test_the_grant_to_pay_from_is_named_with_its_place(fund: Fundhouse) -> None:
    fund.received()
    page = fund.as_(OFFICER).get("/finance/fund/requests/new").text
    choice = page.split('name="grant"')[1].split("</select>")[0]
    assert re.search(r">浙江省 \S+ · 2026 年职工医保预付金，可用 1,000,000\.00 元</option>", choice)
    assert page.index('name="grant"') < page.index('class="field-grid"'), (
        "it has a row of its own, so that nothing is cut"
    )
