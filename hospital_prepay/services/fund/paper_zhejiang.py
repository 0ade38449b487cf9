"""The two annexes of Zhejiang's notice, cell by cell with its own labels."""

from __future__ import annotations

from typing import Final

from hospital_prepay.files.papers import Cell, Grid, Line, Paper
from hospital_prepay.services.fund.paper_facts import Known, has, whether

_NOTE: Final = Line("备注：此表为参考格式，可根据实际情况调整。")
_UNDERTAKING: Final = (
    "根据《浙江省定点医疗机构基本医疗保险基金预付管理办法》相关规定，现提出预付金申请，并郑重作出如下承诺：\n"
    "1.本单位符合预付金申请条件，提供的所有涉及本单位运行及医保管理服务的资料或信息均合法、准确和有效，"
    "并承诺对所提交资料的真实性负责。\n"
    "2.本单位严格执行医保各项政策，积极配合医保部门落实各项医保重点工作，为参保人员做好医保服务。\n"
    "3.本单位承诺按规定使用预付金，且在规定期限内足额返还。\n"
    "4.本单位自愿接受监管，如果违反承诺事项，将承担相应法律责任。\n\n"
    "医院负责人：(签字并在此处加盖公章)\n\n年    月    日"
)


def application(known: Known) -> Paper:
    """Annex 1: what the hospital says of itself, and its undertaking."""
    own = known.institution
    finance = whether(True if own.get("sound_finance") else None)
    asked = (
        ("是否正常结算满一年以上", whether(known.settled_a_year)),
        ("近一年度医保协议综合清算或医保绩效考核结果", known.assessment),
        ("近一年是否有被医保行政部门处罚或因欺诈骗保涉嫌犯罪被移送司法机关的情形", whether(known.penalised)),
        ("近一年在药械采购中是否有违规行为、拖欠货款行为被医疗保障部门通报的情形", whether(known.notified)),
        ("是否正常经营且具有偿还能力", finance),
        ("财务管理制度是否健全", finance),
        ("有无财产被保全的情形", has(own.get("assets_preserved"))),
        ("有无未履行完毕生效法律文书确认的债务的情形", has(own.get("unperformed_judgment"))),
        ("有无作为被执行人尚未执行终结的情形", has(own.get("enforcement_pending"))),
        ("是否存在欠付医保经办机构医保资金的情况", whether(own.get("debts_to_agency"))),
    )
    rows: list[tuple[Cell, ...]] = [
        (Cell("医保统筹区"), Cell(known.region, 2), Cell("定点医疗机构名称"), Cell(known.hospital, 2)),
        (Cell("定点医疗机构编码"), Cell(known.code, 2), Cell("医疗机构级别"), Cell(known.level_words, 2)),
    ]
    for begin in range(0, len(asked), 5):
        part = asked[begin : begin + 5]
        head = (Cell("定点医疗机构自查情况", rows=4),) if begin == 0 else ()
        rows.append((*head, *(Cell(label) for label, _ in part)))
        rows.append(tuple(Cell(value, height=14) for _, value in part))
    rows.append((Cell("定点医疗机构预付金使用申请及承诺"), Cell(_UNDERTAKING, 5, align="left")))
    return Paper("定点医疗机构基本医疗保险预付金使用申请表", (Grid((3, 3, 3, 4, 4, 3), tuple(rows)), _NOTE))


def assessment(known: Known) -> Paper:
    """Annex 2: the hospital's head and what it was told of the pools; all else is the authority's."""
    offices = (
        *("医药服务管理部门", "医药价格管理部门", "医保基金监管部门"),
        *("医保经办管理部门", "集中采购管理部门", "医保信息管理部门"),
    )
    rows = (
        (Cell("医保统筹区", 2), Cell(known.region, 2), Cell("定点医疗机构名称", 2), Cell(known.hospital, 3)),
        (Cell("定点医疗机构编码", 2), Cell(known.code, 2), Cell("医疗机构级别", 2), Cell(known.level_words, 3)),
        (
            Cell("本统筹地区职工基本医疗保险统筹基金累计结余可支付月数", 2),
            Cell(known.months_payable("employee"), 2),
            Cell("本统筹地区城乡居民基本医疗保险基金累计结余可支付月数", 2),
            Cell(known.months_payable("resident"), 3),
        ),
        (
            Cell("审核部门（指标）", rows=2),
            Cell("审核部门", 6),
            Cell("客观指标", 2),
        ),
        (
            *(Cell(one) for one in offices),
            Cell("医保协议综合清算或医保绩效考核结果"),
            Cell("基本医疗保险基金支出增速(%)"),
        ),
        (Cell("审核意见（结果）"), *(Cell("", height=24) for _ in range(8))),
        (Cell("是否符合预付条件"), Cell("", 8, height=12)),
        (Cell("预付金额(元)", rows=3), Cell("职工基本医疗保险", 4), Cell("城乡居民基本医疗保险", 4)),
        (
            *(Cell(one) for one in ("本险种是否开展预付", "职工医保预付金基数", "预付月数", "职工医保预付金额度")),
            *(Cell(one) for one in ("本险种是否开展预付", "居民医保预付金基数", "预付月数", "居民医保预付金额度")),
        ),
        tuple(Cell("", height=16) for _ in range(8)),
    )
    return Paper("定点医疗机构基本医疗保险预付金核定表", (Grid((1,) * 9, rows), _NOTE))
