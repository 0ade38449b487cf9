"""Offsets, corrections and late slips on the page of a grant: recorded by one, decided by another."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime

import pytest

from hospital_prepay.clock import SHANGHAI, FixedClock
from hospital_prepay.domain.access import Role
from tests.people import Browser, House
from tests.web.test_fund import APPROVER, OFFICER, RECEIPT, SETTLED, Fundhouse, words
from tests.web.test_no_path_pays import in_weihai

# As a browser sends it: fields left empty come as empty texts.
WRONG = {"entry_no": "1", "why": "mistyped", "ground": "回单是 HD-1，金额看错", "bank_reference": "", "value_on": ""}


@pytest.fixture
def fund(house: House, login_as: Callable[[Role], Browser]) -> Fundhouse:
    return Fundhouse(house, login_as).received()


def press(fund: Fundhouse, ending: str) -> int:
    """Press the approver's button whose form ends so; the answer's status."""
    found = re.search(rf'action="([^"]+{ending})"', fund.as_(APPROVER).get(fund.grant).text)
    assert found is not None, ending
    return fund.send(APPROVER, found.group(1)).status_code


def test_an_offset_is_shown_and_decided_by_another(fund: Fundhouse) -> None:
    path = f"{fund.grant}/offset"
    asked = words(fund.send(OFFICER, path, confirmed="", settlement="900", offset="400", **SETTLED))
    assert "登记冲抵 400.00 元？" in asked
    assert "另一个人确认后才入账" in asked
    answer = fund.send(OFFICER, path, settlement="900", offset="400", **SETTLED)
    assert answer.status_code == 303
    mine = words(fund.as_(OFFICER).get(fund.grant))
    assert "还没有入账" in mine
    assert "其余 500.00 元到账，回单 JS-11" in mine
    assert "确认冲抵" not in mine
    assert press(fund, "/reject") == 303
    assert "冲抵 400.00 元 已退回" in words(fund.as_(OFFICER).get(fund.grant))
    assert fund.count("ledger_entry") == 1


@pytest.mark.parametrize(
    ("changes", "field", "says"),
    [
        ({"bank_reference": ""}, "bank_reference", "请填银行回单号"),
        ({"bank_reference": "hd1"}, "", "一张回单只能记一笔"),
        ({"value_on": "2026-01-14"}, "value_on", "早于到账日"),
        ({"value_on": ""}, "value_on", ""),
        ({"document": "——"}, "document", "照结算单填写"),
    ],
)
def test_what_an_offset_lacks_is_told_at_the_first_press(
    fund: Fundhouse, changes: dict[str, str], field: str, says: str
) -> None:
    data = {"settlement": "900", "offset": "400", **SETTLED, **changes}
    answer = fund.send(OFFICER, f"{fund.grant}/offset", confirmed="", **data)
    assert answer.status_code in (409, 422)
    assert says in words(answer)
    if field:
        assert f'href="#f-{field}"' in answer.text


def test_a_wrong_receipt_is_asked_to_be_taken_back_and_approved_by_another(fund: Fundhouse) -> None:
    assert fund.send(OFFICER, f"{fund.grant}/corrections", **{**WRONG, "ground": " "}).status_code == 422
    wrong = fund.send(OFFICER, f"{fund.grant}/corrections", **{**WRONG, "why": "sent_back"})
    assert wrong.status_code == 422
    assert "只有交回会被银行退回" in words(wrong)
    dated = fund.send(OFFICER, f"{fund.grant}/corrections", **{**WRONG, "value_on": "2026-01-15"})
    assert dated.status_code == 422
    assert "填错的没有退回日" in words(dated)
    assert 'href="#f-value_on"' in dated.text
    assert fund.send(OFFICER, f"{fund.grant}/corrections", **WRONG).status_code == 303
    assert "凭证更正等批准" in words(fund.as_(APPROVER).get("/"))
    assert "红字冲销凭证 1" not in words(fund.as_(OFFICER).get(fund.grant))
    assert press(fund, '/corrections/[^"]+/confirm') == 303
    page = words(fund.as_(OFFICER).get(fund.grant))
    assert "更正凭证 1 已冲销" in page
    assert "等到账" in page
    assert "到账的银行回单" not in page, "it was taken back"
    assert fund.send(OFFICER, f"{fund.grant}/receipt", **RECEIPT).status_code == 303
    assert "到账冲销" in words(fund.as_(Role.AUDITOR).get("/finance/ledger"))


@pytest.mark.parametrize("number", ["99999999999999999999", "2147483648", "-1", "x"])
def test_an_entry_that_no_book_has_is_told_at_its_field(fund: Fundhouse, number: str) -> None:
    answer = fund.send(OFFICER, f"{fund.grant}/corrections", **{**WRONG, "entry_no": number})
    assert answer.status_code == 422
    assert "数字太大" in words(answer) if number[0] in "92" else "请选一张凭证" in words(answer)
    assert 'href="#f-entry_no"' in answer.text


def test_a_late_slip_says_so_and_is_checked_by_another(fund: Fundhouse, clock: FixedClock) -> None:
    clock.moment = datetime(2026, 1, 22, 9, 0, tzinfo=SHANGHAI)
    fund.browsers.clear()  # everybody was signed out by then
    answer = fund.send(OFFICER, f"{fund.grant}/return", amount="100", bank_reference="R-1", returned_on="2026-01-16")
    assert answer.status_code == 303
    mine = words(fund.as_(OFFICER).get(fund.grant))
    assert "要由财务审批核对，才按回单那天算" in mine
    assert "回单日期没错" not in mine
    found = re.search(r'action="([^"]+/slips/[0-9]+/check)"', fund.as_(APPROVER).get(fund.grant).text)
    assert found is not None
    assert fund.send(APPROVER, found.group(1), document="").status_code == 422
    assert fund.send(APPROVER, found.group(1), document="回单原件").status_code == 303
    assert "回单日期没错" not in words(fund.as_(APPROVER).get(fund.grant))


def test_an_unknown_button_asks_for_nothing(fund: Fundhouse) -> None:
    answer = fund.send(OFFICER, "/finance/fund/requests/new", do="anything", grant=fund.grant_id)
    assert answer.status_code == 422
    assert fund.count("fund_request") == 0


def test_nothing_is_decided_or_booked_at_the_address_of_another_grant(fund: Fundhouse) -> None:
    elsewhere = f"/finance/fund/grants/{in_weihai(fund.house).grant_id}"
    fund.send(OFFICER, f"{fund.grant}/offset", settlement="900", offset="400", **SETTLED)
    fund.send(OFFICER, f"{fund.grant}/corrections", **WRONG)
    shown = fund.as_(APPROVER).get(fund.grant).text
    found = re.findall(rf'action="{fund.grant}(/(?:offsets|corrections)/[^"]+)"', shown)
    assert len(found) == 4
    for path in found:
        assert fund.send(APPROVER, f"{elsewhere}{path}").status_code == 404, path
    assert fund.send(APPROVER, f"{elsewhere}/slips/1/check", document="回单原件").status_code == 409
    assert fund.send(OFFICER, f"{elsewhere}/corrections", **WRONG).status_code == 409, "its entry is another grant's"
    assert press(fund, '/offsets/[^"]+/confirm') == 303, "it waited all the while"


def test_no_member_act_is_done_at_the_address_of_another_grant(fund: Fundhouse) -> None:
    lead = in_weihai(fund.house)
    lead.hand_on()
    (handed,) = lead.handed_on()
    sent: dict[str, dict[str, str]] = {
        "use": {"category": "drug", "name": "药", "code": "X" + "A" * 22, "order_no": "P-1", "document": "FP-1"},
        "return": {"bank_reference": "HD-9", "returned_on": "2026-01-15"},
        "repay": {"bank_reference": "HD-9", "paid_on": "2026-01-15"},
        "decide": {"do": "reject"},
        "use/1/withdraw": {"ground": "填错"},
    }
    who = {"decide": APPROVER, "use/1/withdraw": APPROVER}
    for path, typed in sent.items():
        answer = fund.send(who.get(path, OFFICER), f"{fund.grant}/members/{handed}/{path}", amount="0.01", **typed)
        assert answer.status_code == 404, path
    assert lead.uses() == 0
    own = f"/finance/fund/grants/{lead.grant_id}/members/{handed}/use"
    assert fund.send(OFFICER, own, amount="0.01", **sent["use"]).status_code == 303
