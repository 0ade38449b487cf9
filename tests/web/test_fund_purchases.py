"""The watch on purchases: taken in once, wrong lines told, the share off the platform in fen and lines."""

from __future__ import annotations

import io

import pytest
from werkzeug.test import TestResponse

from hospital_prepay.domain.access import Role
from hospital_prepay.domain.rules.fund.purchases import Bought, platform_order
from hospital_prepay.files.exports import xlsx_bytes
from hospital_prepay.services.fund.purchases import read_watch
from tests.web.test_fund import OFFICER, Fundhouse, fund, words

__all__ = ["fund"]
PURCHASES = "/finance/fund/purchases"
HEADER = "采购日期,类别,名称,国家编码,金额（元）,供应商,平台订单号,网下采购理由"
LINES = (
    '2026-01-02,药品,头孢曲松,X1,"1,000.00",甲医药,P-1,',
    "2026-01-03,耗材,导管,,200.50,乙器械,,急诊抢救",
    "2026-01-03,耗材,导管,,200.50,乙器械,,急诊抢救",
    "2025-12-30,药品,生理盐水,X2,99.00,乙器械,无,",
)


def upload(fund: Fundhouse, *lines: str, header: str = HEADER, role: Role = OFFICER) -> TestResponse:
    return send(fund, "\n".join((header, *lines)).encode(), role)


def send(fund: Fundhouse, content: bytes, role: Role = OFFICER) -> TestResponse:
    data = {"file": (io.BytesIO(content), "采购.csv")}
    return fund.as_(role).post(PURCHASES, data, content_type="multipart/form-data")


def watch(fund: Fundhouse, first: str = "2025-01", supplier: str = "") -> tuple[Bought, list[int]]:
    found = read_watch(fund.house.context, fund.house.actor(OFFICER), first, "2026-12", supplier, 1)
    return found.total, [one.amount_fen for one in found.lines]


def test_the_share_off_the_platform_stands_in_fen_and_lines_by_month_and_supplier(fund: Fundhouse) -> None:
    assert upload(fund, *LINES).status_code == 303
    assert watch(fund) == (Bought(4, 1500_00, 3, 500_00), [200_50, 200_50, 99_00])
    assert watch(fund, first="2026-01") == (Bought(3, 1401_00, 2, 401_00), [200_50, 200_50])
    page = words(fund.as_(Role.AUDITOR).get(f"{PURCHASES}?first=2025-12"))
    assert "网下占比33.33%" in page
    assert "2025 年 12 月199.00199.00100.00%" in page
    assert "2026 年 1 月31,401.002401.0028.62%" in page
    assert "乙器械3500.003500.00100.00%" in page
    assert "甲医药11,000.0000.000.00%" in page
    assert "急诊抢救" in page
    assert "没有写理由" in page


def test_what_went_back_to_the_supplier_is_taken_off(fund: Fundhouse) -> None:
    back = ("2026-01-10,药品,头孢,,-200.00,甲医药,P-1,", "2026-01-11,耗材,退留置针,,－401.00,乙器械,,质量问题")
    assert upload(fund, *LINES, *back).status_code == 303
    assert upload(fund, *back).status_code == 303
    assert watch(fund)[0] == Bought(6, 899_00, 4, 99_00)
    page = words(fund.as_(OFFICER).get(f"{PURCHASES}?first=2025-12"))
    assert "网下占比11.01%" in page
    assert "2026 年 1 月5800.0030.000.00%" in page
    assert "退留置针 退货" in page
    assert "退货多于采购" not in page


def test_more_went_back_than_was_bought_is_said_in_words(fund: Fundhouse) -> None:
    upload(fund, LINES[0], "2026-01-12,药品,头孢,,-1,甲医药,P-9,", "2026-01-13,药品,头孢,,-3000,甲医药,,退")
    for share in (Bought(2, 100, 1, -1).off_share, Bought(2, -5, 1, 5).off_share, Bought(2, 5, 1, 9).off_share):
        assert share is None or 0 <= share <= 1
    page = words(fund.as_(OFFICER).get(f"{PURCHASES}?first=2025-12&last=2026-12"))
    assert "网下占比退货多于采购" in page


def test_a_line_is_there_once_however_often_its_file_comes(fund: Fundhouse) -> None:
    upload(fund, *LINES[:3])
    again = upload(fund, *LINES)
    assert "导入了 1 行采购明细，3 行以前导入过" in words(fund.as_(OFFICER).get(again.location))
    assert fund.count("purchase_line") == 4


def test_lines_of_one_supplier_can_be_looked_at(fund: Fundhouse) -> None:
    upload(fund, *LINES)
    assert watch(fund, supplier="乙器械")[1] == [200_50, 200_50, 99_00]
    assert watch(fund, supplier="甲医药")[1] == []
    assert "看全部供应商" in words(fund.as_(OFFICER).get(f"{PURCHASES}?supplier=乙器械"))


WRONG = {
    "a day ahead": ("2026-01-16,药品,x,,1.00,甲,P,", "2026-01-16"),
    "no day": ("昨天,药品,x,,1.00,甲,P,", "不是有效的日期"),
    "another kind": ("2026-01-02,设备,x,,1.00,甲,P,", "不认识"),
    "no amount": ("2026-01-02,药品,x,,0.00,甲,P,", "不能是零"),
    "half a fen": ("2026-01-02,药品,x,,1.005,甲,P,", "两位小数"),
    "below zero twice": ("2026-01-02,药品,x,,--5.00,甲,P,", "-5.00"),
    "no name": ("2026-01-02,药品,,,1.00,甲,P,", "缺少名称"),
    "a formula": ("2026-01-02,药品,=1+1,,1.00,甲,P,", "公式"),
    "a long order": ("2026-01-02,药品,x,,1.00,甲," + "P" * 81 + ",", "最多 80"),
}


@pytest.mark.parametrize(("line", "told"), WRONG.values(), ids=list(WRONG))
def test_wrong_lines_are_told_by_line_and_nothing_is_stored(fund: Fundhouse, line: str, told: str) -> None:
    answer = upload(fund, LINES[0], line)
    assert answer.status_code == 422
    page = words(answer)
    assert "有 1 行不能导入，没有存任何一行" in page
    assert told in page
    assert '<th scope="row" class="num">3</th>' in answer.text
    assert fund.count("purchase_line") == 0


def test_a_wrong_line_tells_all_its_faults_at_once(fund: Fundhouse) -> None:
    page = words(upload(fund, "昨天,设备,,,--5.00,甲,P,"))
    assert "有 1 行不能导入" in page
    for told in ("采购日期：", "“设备”不认识", "缺少名称", "-5.00"):
        assert told in page


@pytest.mark.parametrize("content", [b"", b"\x00\x01", "采购日期,类别\n2026-01-02,药品".encode(), HEADER.encode()])
def test_a_file_that_is_no_table_of_purchases_is_told(fund: Fundhouse, content: bytes) -> None:
    answer = send(fund, content)
    assert answer.status_code == 422
    assert "field-error" in answer.text
    nothing = fund.as_(OFFICER).post(PURCHASES, {}, content_type="multipart/form-data")
    assert "请选一个" in words(nothing)


def test_a_workbook_is_read_as_well(fund: Fundhouse) -> None:
    rows = [line.replace('"1,000.00"', "1000").split(",") for line in LINES]
    assert send(fund, xlsx_bytes("采购", HEADER.split(","), rows)).status_code == 303
    assert watch(fund)[0] == Bought(4, 1500_00, 3, 500_00)


def test_the_words_name_ground_eight_by_the_clause_of_the_place(fund: Fundhouse) -> None:
    everywhere = fund.as_(OFFICER).get(PURCHASES).text
    for clause in ("weihai-prepay-2025/4.8", "xizang-prepay-2024/6.8", "zhejiang-prepay-2025/4.3.8"):
        assert f"/compliance/clauses/{clause}" in everywhere
    fund.received()
    page = fund.as_(OFFICER).get(PURCHASES)
    assert "收回预付金的第八种情形" in words(page)
    assert "zhejiang-prepay-2025/4.3.8" in page.text
    assert "weihai-prepay-2025/4.8" not in page.text


def test_only_finance_takes_files_in(fund: Fundhouse) -> None:
    assert upload(fund, *LINES, role=Role.AUDITOR).status_code == 403
    assert fund.as_(Role.CASHIER).get(PURCHASES).status_code == 403


@pytest.mark.parametrize("text", ["", " ", "无", "-", "NULL", "/", "n/a", "0"])
def test_however_none_is_written_it_is_no_order(text: str) -> None:
    assert platform_order(text) == ""
    assert platform_order(f" P{text}1 ") == f"P{text}1"
