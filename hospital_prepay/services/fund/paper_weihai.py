"""A plain letter: Weihai's notice asks for an application and gives no form."""

from __future__ import annotations

from hospital_prepay.files.papers import Line, Paper
from hospital_prepay.services.fund.paper_facts import Known, has


def application(known: Known) -> Paper:
    """The application in plain words, only with what is known."""
    own = known.institution
    said = (
        _counted(own.get("full_years_settled"), "基本医疗保险正常结算 {} 个完整自然年度"),
        _counted(known.assessment, "最近一次医保绩效考核结果为{}"),
        "财务管理制度健全，经营状况正常，具有偿还能力" if own.get("sound_finance") else "",
        _held(own.get("assets_preserved"), "财产被保全的情形"),
        _held(own.get("unperformed_judgment"), "未履行完毕生效法律文书确认的债务"),
        _held(own.get("enforcement_pending"), "作为被执行人尚未执行终结的情形"),
        "各项医保重点工作已经落实" if own.get("priority_work") in ("outstanding", "done") else "",
        "药品耗材追溯码信息应扫尽扫、应传尽传" if own.get("tracing_codes_complete") else "",
        "积极配合日常检查、专项检查、飞行检查" if own.get("cooperates_with_inspections") else "",
        _held(known.penalised, "被医保行政部门处罚或因欺诈骗保涉嫌犯罪被移送司法机关的情形", "近 12 个月内"),
        "医保基金垫付药品耗材款不足抵扣的差额按要求及时交回" if own.get("repays_procurement_shortfall") else "",
        _counted(own.get("credit_grade"), "医保信用评价等级为 {} 级"),
    )
    known_ones = [text for text in said if text]
    lines = [
        Line("（属地医疗保障部门全称）："),
        Line(
            f"按照威医保发〔2025〕2号，{known.hospital}（定点医疗机构编码 {known.code}）自愿申请 {known.year} 年"
            f"{known.fund}基金预付金 {known.amount} 元（大写：{known.amount.in_words()}），"
            "用于药品和医用耗材采购等医疗费用周转支出。"
        ),
        Line("我院情况如下：", strong=True),
        *(Line(f"{number}.{text}。") for number, text in enumerate(known_ones, 1)),
        Line("以上情况真实。预付金专款专用，单独核算，按规定交回或冲抵。"),
        Line("申请单位（盖章）：", "right"),
        Line("法定代表人（签字）：", "right"),
        Line("年    月    日", "right"),
    ]
    return Paper("医保基金预付金申请书", tuple(lines))


def _counted(fact: object, words: str) -> str:
    return "" if fact in (None, "") else words.format(fact)


def _held(fact: bool | None, words: str, when: str = "") -> str:
    return "" if fact is None else f"{when}{has(fact)}{words}"
