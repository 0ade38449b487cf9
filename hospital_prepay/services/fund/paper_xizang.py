"""The two annexes of Xizang's measures: the application by its template, and the form of the assessment."""

from __future__ import annotations

from hospital_prepay.files.papers import Cell, Grid, Line, Paper
from hospital_prepay.services.fund.paper_facts import Known, has


def application(known: Known) -> Paper:
    """Annex 1: the six headings with what is known below each, a blank line where nothing is, and the four
    undertakings."""
    items = (
        ("1.定点医疗机构基本信息（名称、地址、医疗机构等级、定点医疗机构编码等信息）。", _basics(known)),
        ("2.履行基本医疗保险定点医疗机构服务协议相关约定及绩效考核的情况。", _agreement(known)),
        ("3.定点医疗机构财务管理制度、经营状况及偿还能力的情况。", _finance(known)),
        (
            "4.配合医保部门落实各项医保重点工作的情况（开展支付方式改革、集中带量采购、国家谈判药品落地等医保重点任务）。",
            _work(known),
        ),
        ("5.配合医保部门开展基金监管日常检查、专项检查、飞行检查等工作的情况。", _inspections(known)),
        (
            "6.12 个月内是否存在医保行政部门处罚或因欺诈骗保涉嫌犯罪被移送司法机关的情形。",
            [has(known.penalised)],
        ),
    )
    lines = [Line("（医保经办机构全称）:"), Line("一、基本情况", strong=True)]
    for label, said in items:
        lines.append(Line(label))
        lines += [Line(text) for text in said if text] or [Line("")]
    lines += [
        Line("二、医疗机构承诺", strong=True),
        Line("1.将严格按照医保相关政策规定使用医保基金预付金，确保专款专用，不挪作他用。"),
        Line(
            "2.若发现由违规使用医保基金行为，愿意承担相关的法律责任，并接受医保经办机构的处罚，"
            "包括但不限于追回预付的医保基金等。"
        ),
        Line("3.在年底配合医保经办部门退回预付金工作。"),
        Line("4.对以上基本情况的真实性、准确性、完整性负责。"),
        Line("定点医疗机构（签章）：", "right"),
        Line("委托人（法定代表签名）：", "right"),
        Line("年    月    日", "right"),
    ]
    return Paper("定点医疗机构医保基金预付申请", tuple(lines))


def assessment(known: Known) -> Paper:
    """Annex 2: the hospital's head; all else is the agency's."""
    # One office fills two of the six columns: the fund's supervision.
    offices = (
        Cell("协议管理部门"),
        Cell("药械招标采购部门"),
        Cell("基金监管部门", 2),
        Cell("医疗费用结算部门"),
        Cell("异地就医管理部门"),
    )
    contents = (
        *("协议管理状况", "药械采购情况", "财务管理状况"),
        *("是否有重大违规情况", "预付金基数（万元）", "预付金基数（万元）"),
    )
    rows = (
        (
            Cell("定点医疗机构名称"),
            Cell(known.hospital, 2),
            Cell("定点医疗机构编码"),
            Cell(known.code),
            Cell("医疗机构级别"),
            Cell(known.level_words),
        ),
        (Cell("审核部门"), *offices),
        (Cell("审核内容"), *(Cell(one) for one in contents)),
        (Cell("审核情况"), *(Cell("", height=30) for _ in contents)),
        (Cell(""), *(Cell("签字：", align="left", height=12) for _ in contents)),
        (Cell("核定预付金金额（万元）", 2), Cell("", 2), Cell("经办机构负责人：", 3, align="left", height=14)),
    )
    return Paper("基本医疗保险定点医疗机构预付金核定表", (Grid((3, 3, 3, 3, 5, 3, 3), rows),))


def _basics(known: Known) -> list[str]:
    level = known.level_words or "          "
    return [f"名称：{known.hospital}", "地址：", f"医疗机构等级：{level}", f"定点医疗机构编码：{known.code}"]


def _agreement(known: Known) -> list[str]:
    years = known.institution.get("full_years_settled")
    found = [] if years is None else [f"正常结算 {years} 个完整自然年度。"]
    return [*found, f"最近一次绩效考核结果：{known.assessment}。"] if known.assessment else found


def _finance(known: Known) -> list[str]:
    own = known.institution
    found = ["财务管理制度健全，经营状况正常，具有偿还能力。"] if own.get("sound_finance") else []
    asked = (
        ("assets_preserved", "财产被保全的情形"),
        ("unperformed_judgment", "未履行完毕生效法律文书确认的债务"),
        ("enforcement_pending", "作为被执行人尚未执行终结的情形"),
    )
    return found + [f"{has(own[name])}{words}。" for name, words in asked if own.get(name) is not None]


def _work(known: Known) -> list[str]:
    words = {"outstanding": "各项重点工作已经落实，表现突出。", "done": "各项重点工作已经落实。"}
    codes = known.institution.get("tracing_codes_complete")
    found = [words.get(str(known.institution.get("priority_work")), "")]
    return [*found, "药品耗材追溯码信息应扫尽扫、应传尽传。" if codes else ""]


def _inspections(known: Known) -> list[str]:
    return ["积极配合日常检查、专项检查、飞行检查。"] if known.institution.get("cooperates_with_inspections") else []
