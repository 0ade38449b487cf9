"""The forms of an application: the official labels, what is known, blanks for the rest; two kinds of file."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import pypdfium2
import pytest
from docx import Document

from hospital_prepay.domain.errors import NotFound
from hospital_prepay.domain.money import Money
from hospital_prepay.files.papers import Cell, Grid, Line, Paper, docx_bytes, pdf_bytes, placed
from hospital_prepay.services.fund.applications import apply_for_funds
from hospital_prepay.services.fund.papers import make_paper, papers_of
from tests.funding import GOOD, MILLION_YUAN, good_facts
from tests.hospital import INSTITUTION, Hospital
from tests.services.fund.conftest import OFFICER
from tests.services.fund.test_applications import command, evidence

ZHEJIANG, XIZANG, WEIHAI = "zhejiang-prepay-2025", "xizang-prepay-2024", "weihai-prepay-2025"
LABELS = {
    (ZHEJIANG, "application"): (
        "定点医疗机构基本医疗保险预付金使用申请表",
        *("医保统筹区", "定点医疗机构名称", "定点医疗机构编码", "医疗机构级别", "定点医疗机构自查情况"),
        *("是否正常结算满一年以上", "近一年度医保协议综合清算或医保绩效考核结果"),
        "近一年是否有被医保行政部门处罚或因欺诈骗保涉嫌犯罪被移送司法机关的情形",
        "近一年在药械采购中是否有违规行为、拖欠货款行为被医疗保障部门通报的情形",
        *("是否正常经营且具有偿还能力", "财务管理制度是否健全", "有无财产被保全的情形"),
        *("有无未履行完毕生效法律文书确认的债务的情形", "有无作为被执行人尚未执行终结的情形"),
        *("是否存在欠付医保经办机构医保资金的情况", "定点医疗机构预付金使用申请及承诺"),
        "3.本单位承诺按规定使用预付金，且在规定期限内足额返还。",
        *("医院负责人：(签字并在此处加盖公章)", "备注：此表为参考格式，可根据实际情况调整。"),
    ),
    (ZHEJIANG, "assessment"): (
        *("定点医疗机构基本医疗保险预付金核定表", "本统筹地区职工基本医疗保险统筹基金累计结余可支付月数"),
        *("本统筹地区城乡居民基本医疗保险基金累计结余可支付月数", "审核部门（指标）", "医药服务管理部门"),
        *("医药价格管理部门", "医保基金监管部门", "医保经办管理部门", "集中采购管理部门", "医保信息管理部门"),
        *("基本医疗保险基金支出增速(%)", "是否符合预付条件", "审核意见（结果）", "预付金额(元)"),
        *("本险种是否开展预付", "职工医保预付金基数", "预付月数", "职工医保预付金额度", "居民医保预付金额度"),
    ),
    (XIZANG, "application"): (
        *("定点医疗机构医保基金预付申请", "（医保经办机构全称）:", "一、基本情况", "二、医疗机构承诺"),
        "1.定点医疗机构基本信息（名称、地址、医疗机构等级、定点医疗机构编码等信息）。",
        "2.履行基本医疗保险定点医疗机构服务协议相关约定及绩效考核的情况。",
        "3.定点医疗机构财务管理制度、经营状况及偿还能力的情况。",
        "5.配合医保部门开展基金监管日常检查、专项检查、飞行检查等工作的情况。",
        "6.12 个月内是否存在医保行政部门处罚或因欺诈骗保涉嫌犯罪被移送司法机关的情形。",
        "1.将严格按照医保相关政策规定使用医保基金预付金，确保专款专用，不挪作他用。",
        *("3.在年底配合医保经办部门退回预付金工作。", "4.对以上基本情况的真实性、准确性、完整性负责。"),
        *("定点医疗机构（签章）：", "委托人（法定代表签名）："),
    ),
    (XIZANG, "assessment"): (
        *("基本医疗保险定点医疗机构预付金核定表", "审核部门", "协议管理部门", "药械招标采购部门", "基金监管部门"),
        *("医疗费用结算部门", "异地就医管理部门", "审核内容", "协议管理状况", "药械采购情况", "财务管理状况"),
        *(
            "是否有重大违规情况",
            "预付金基数（万元）",
            "审核情况",
            "签字：",
            "核定预付金金额（万元）",
            "经办机构负责人：",
        ),
    ),
    (WEIHAI, "application"): ("医保基金预付金申请书", "自愿申请 2026 年", "壹佰万元整", "医保信用评价等级为 A 级"),
}


def filed(hospital: Hospital, regime: str, **changes: Any) -> str:
    given: dict[str, Any] = {"amounts": (("employee", Money(MILLION_YUAN)),), "evidence": evidence(regime), **changes}
    return apply_for_funds(hospital.context, OFFICER, command(regime, **given))[0].decision_id


def read_pdf(content: bytes) -> str:
    pages = pypdfium2.PdfDocument(content)
    return "".join(page.get_textpage().get_text_range() for page in pages)


def read_docx(content: bytes) -> list[str]:
    """Every paragraph and every cell, once."""
    document = Document(io.BytesIO(content))
    cells = [cell.text for table in document.tables for row in table.rows for cell in row.cells]
    return [*(one.text for one in document.paragraphs), *dict.fromkeys(cells)]


def squeezed(text: str) -> str:
    return "".join(text.split())


@pytest.mark.parametrize(("regime", "paper"), LABELS)
@pytest.mark.clause(
    "xizang-prepay-2024/annex1",
    "xizang-prepay-2024/annex1.1",
    "xizang-prepay-2024/annex1.1.1",
    "xizang-prepay-2024/annex1.1.2",
    "xizang-prepay-2024/annex1.1.3",
    "xizang-prepay-2024/annex1.1.4",
    "xizang-prepay-2024/annex1.1.5",
    "xizang-prepay-2024/annex1.1.6",
    "xizang-prepay-2024/annex1.2",
    "xizang-prepay-2024/annex1.2.1",
    "xizang-prepay-2024/annex1.2.2",
    "xizang-prepay-2024/annex1.2.3",
    "xizang-prepay-2024/annex1.2.4",
    "xizang-prepay-2024/annex2",
    "zhejiang-prepay-2025/annex1.1",
    "zhejiang-prepay-2025/annex1.2",
    "zhejiang-prepay-2025/annex1.3",
    "zhejiang-prepay-2025/annex1.4",
)
@pytest.mark.clause("zhejiang-prepay-2025/annex1", "zhejiang-prepay-2025/annex2")
def test_every_official_label_stands_in_both_files(hospital: Hospital, regime: str, paper: str) -> None:
    decision_id = filed(hospital, regime)
    made = {kind: make_paper(hospital.context, OFFICER, decision_id, paper, kind).content for kind in ("pdf", "docx")}
    pdf, docx = squeezed(read_pdf(made["pdf"])), squeezed("".join(read_docx(made["docx"])))
    for label in LABELS[regime, paper]:
        assert squeezed(label) in docx, label
        assert squeezed(label) in pdf, label
    assert "黔岭市人民医院" in pdf
    assert INSTITUTION in pdf
    assert "三级" in pdf or regime == WEIHAI
    again = {kind: make_paper(hospital.context, OFFICER, decision_id, paper, kind).content for kind in made}
    assert again == made, "the same paper is the same file"


def answers(content: bytes) -> dict[str, str]:
    """What stands below each label of the self-check."""
    table = Document(io.BytesIO(content)).tables[0]
    rows = [[cell.text for cell in row.cells] for row in table.rows]
    return {label: rows[at + 1][n] for at in (2, 4) for n, label in enumerate(rows[at]) if n}


def test_the_self_check_is_answered_from_the_facts(hospital: Hospital) -> None:
    decision_id = filed(hospital, ZHEJIANG, notified=False)
    found = answers(make_paper(hospital.context, OFFICER, decision_id, "application", "docx").content)
    assert list(found.values()) == ["是", "优秀", "否", "否", "是", "是", "无", "无", "无", "否"]


def test_what_is_not_known_stays_blank(hospital: Hospital) -> None:
    nobody_knows = replace(GOOD, penalised_in_12_months=None, sound_finance=False, debts_to_agency=None)
    decision_id = filed(hospital, ZHEJIANG)
    hospital_says = answers(make_paper(hospital.context, OFFICER, decision_id, "application", "docx").content)
    notified = "近一年在药械采购中是否有违规行为、拖欠货款行为被医疗保障部门通报的情形"
    assert hospital_says[notified] == ""
    # Refused, so it is kept: its form still says only what is known.
    given = good_facts(2026, institution=nobody_knows)
    refused = filed(hospital, ZHEJIANG, facts=given, idempotency_key="funds-2")
    found = answers(make_paper(hospital.context, OFFICER, refused, "application", "docx").content)
    assert list(found.values()) == ["是", "优秀", "", "", "", "", "无", "无", "无", ""]
    other = filed(hospital, XIZANG, idempotency_key="funds-3")
    assert "地址：" in read_docx(make_paper(hospital.context, OFFICER, other, "application", "docx").content)


def test_the_authority_fills_its_own_cells(hospital: Hospital) -> None:
    content = make_paper(hospital.context, OFFICER, filed(hospital, ZHEJIANG), "assessment", "docx").content
    rows = [[cell.text for cell in row.cells] for row in Document(io.BytesIO(content)).tables[0].rows]
    assert set(rows[5][1:]) == set(rows[6][1:]) == set(rows[9][1:]) == {""}
    assert "13.2" in rows[2]


def test_no_other_paper_is_made(hospital: Hospital) -> None:
    decision_id = filed(hospital, WEIHAI)
    for paper, kind in (("assessment", "pdf"), ("application", "exe"), ("x", "pdf")):
        with pytest.raises(NotFound):
            make_paper(hospital.context, OFFICER, decision_id, paper, kind)
    assert papers_of("henan-settlement-2023") == {}


def test_what_is_typed_is_text_and_never_markup() -> None:
    strange = '#sys.inputs *x* <w:t> & "龘" $1$ \\ = /'
    grid = Grid((1, 2), ((Cell(strange, rows=2), Cell("a")), (Cell("b"),)))
    paper = Paper(strange, (Line(strange), Line(""), grid))
    assert squeezed(strange) in squeezed(read_pdf(pdf_bytes(paper)))
    assert strange in read_docx(docx_bytes(paper))
    assert list(placed(grid))[2][:2] == (1, 1)
