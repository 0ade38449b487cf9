"""Certificate numbers at the counter and what the tasks around a refund name: nobody is sent round in circles."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hospital_prepay.domain.access import Role
from tests.people import Browser, House
from tests.web.test_fund import words
from tests.web.test_outpatient_claims import (
    BANK,
    CASH,
    CASHIER,
    FIND,
    OFFICER,
    OWN,
    PAYMENTS,
    Desk,
)

pytestmark = pytest.mark.clause("guizhou-deposit-2025/7")
WRONG = "110105194912310021"
ROWS = (
    ("M001", "吴桂兰", OWN, "13800000001", "64.50", "2020-03-01", "门诊预交金", "现金"),
    ("M002", "吴桂花", OWN, "", "10.00", "2020-03-01", "门诊预交金", "现金"),
    ("M003", "李乙", WRONG, "13800000002", "30.00", "2019-05-05", "门诊预交金", "现金"),
    ("M005", "吴 桂兰", OWN, "", "5.00", "2020-03-01", "门诊预交金", "现金"),
    ("M006", "郑七", "110105198001011238", "", "6.00", "2020-03-01", "门诊预交金", "现金"),
    ("M007", "郑七", "110105198001011238", "", "7.00", "2020-03-01", "门诊预交金", "现金"),
    ("M004", "王六", "军字第", "13800000003", "20.00", "2019-05-05", "门诊预交金", "现金"),
)


@pytest.fixture
def desk(house: House, login_as: Callable[[Role], Browser], tmp_path: Path) -> Desk:
    return Desk(house, login_as, tmp_path).counted(ROWS)


@pytest.mark.parametrize("field", ["certno", "patient_certno"])
def test_a_mistyped_number_is_told_by_its_field_and_nothing_is_lost(desk: Desk, field: str) -> None:
    proxy = {"claimant": "proxy", "claimant_name": "何代办", "certno": "110105198001011238", "patient_name": "吴桂兰"}
    proxy |= {"patient_certno": OWN, "paper-patient_id": "yes"}
    papers = {"paper-proxy_id": "yes", "paper-proxy_letter": "yes", "phone": "13912345678"}
    told = desk.send(CASHIER, f"{FIND}/accounts/M001", **{**CASH, **proxy, **papers, field: WRONG})
    assert told.status_code == 422
    assert f'href="#f-{field}"' in told.text
    assert "最后一位校验不符" in words(told)
    assert 'value="13912345678"' in told.text
    assert desk.count("outpatient_claim") == 0
    assert desk.accepted("M001", **{**CASH, **proxy, **papers})


def test_an_account_whose_own_number_is_wrong_names_its_way_out(desk: Desk) -> None:
    for role, link in ((CASHIER, False), (OFFICER, True)):
        page = desk.as_(role).get(f"{FIND}/accounts/M003")
        assert "先办身份更正" in words(page)
        assert "登记有误" in words(page)
        assert "受理退款 30.00 元" not in words(page)
        assert ('href="/finance/outpatient/owners/of/M003"' in page.text) is link
    assert desk.as_(OFFICER).get("/finance/outpatient/owners/of/M003").status_code == 200
    odd = desk.as_(CASHIER).get(f"{FIND}/accounts/M004")
    assert "不像证件号" in words(odd)
    assert "受理退款 20.00 元" in words(odd)


def test_one_number_under_two_names_is_told(desk: Desk) -> None:
    assert "证件号相同，姓名不同" in words(desk.as_(CASHIER).get(f"{FIND}/accounts/M001"))
    assert "姓名不同" in words(desk.as_(OFFICER).get("/finance/outpatient/accounts/M002"))
    for alone in ("M004", "M006", "M007"):
        page = desk.as_(CASHIER).get(f"{FIND}/accounts/{alone}")
        assert page.status_code == 200
        assert "姓名不同" not in words(page)


@pytest.mark.parametrize("claimant", ["proxy", "heir"])
def test_who_comes_for_another_has_another_number(desk: Desk, claimant: str) -> None:
    kinds = ("patient_id", "proxy_id", "proxy_letter", "heir_id", "death", "kinship")
    came = {"claimant": claimant, "claimant_name": "何代办", "patient_name": "吴桂兰", "patient_certno": OWN.lower()}
    papers = {f"paper-{one}": "yes" for one in kinds}
    told = desk.send(CASHIER, f"{FIND}/accounts/M001", **{**CASH, **came, **papers})
    assert told.status_code == 422
    assert "证件号与患者的相同" in words(told)
    assert desk.count("outpatient_claim") == 0


@pytest.mark.parametrize("receipt", ["X", "无", "7", "TF20990101000001"])
def test_a_receipt_has_a_number_and_its_own(desk: Desk, receipt: str) -> None:
    claim = desk.confirmed("M001")
    refused = desk.send(CASHIER, f"{claim}/pay", receipt=receipt)
    assert refused.status_code == 422
    assert desk.number(claim) in words(refused)
    assert desk.balance() == 6450
    assert desk.send(CASHIER, f"{claim}/pay", receipt=desk.number(claim)).status_code == 303


def test_the_file_names_what_is_ticked_and_a_failure_who_names_another_way(desk: Desk) -> None:
    claim = desk.confirmed("M001", **BANK)
    page = desk.as_(CASHIER).get(PAYMENTS)
    assert "做成银行文件：1 笔，64.50 元" in words(page)
    assert desk.choose(CASHIER, claim).status_code == 303
    file = f"{PAYMENTS}/files/1.csv"
    assert desk.as_(CASHIER).get(file).status_code == 200
    assert desk.answer((desk.number(claim), "64.50", "失败", "", "账号不存在")).status_code == 200
    assert desk.as_(CASHIER).get(file).status_code == 409
    assert file not in desk.as_(CASHIER).get(PAYMENTS).text
    failed = words(desk.as_(CASHIER).get(claim))
    assert "账号不对的先不要再送：改退款方式由" in failed
    assert desk.house.actor(OFFICER).actor_id not in failed
    assert "做成银行文件" not in words(desk.as_(CASHIER).get(PAYMENTS))
