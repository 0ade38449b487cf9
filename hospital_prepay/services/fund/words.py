"""The Chinese words for what the fund's rules speak of by id; one place for pages, papers and the command line."""

from __future__ import annotations

from typing import Final

from hospital_prepay.domain.rules.fund.eligibility import Met
from hospital_prepay.domain.rules.fund.regime import DutyHolder, UseOutcome

CONDITIONS: Final = {
    "agreement_and_history": "履行协议、正常结算满一年、考核合格",
    "sound_finance": "财务健全，能够归还",
    "no_asset_or_judgment_burden": "没有财产被保全、未履行判决和执行案件",
    "priority_work": "落实医保重点工作",
    "tracing_codes": "追溯码应扫尽扫、应传尽传",
    "convenience_services": "医保码、移动支付等便民服务在用",
    "cooperation": "配合各类检查",
    "no_penalty": "12 个月内没有被医保行政处罚",
    "no_fraud_referral": "12 个月内没有因涉嫌骗保被移送",
    "repays_procurement_shortfall": "集采垫付不足抵扣的差额按时交回",
    "credit_grade": "医保信用等级达到要求",
    "monthly_floor": "月均结算额达到门槛",
    "no_debts_to_agency": "不欠经办机构医保资金",
    "level": "医院等级达到要求",
    "cleared_last_year": "上年预付金已经清算完",
}
FACTS: Final = {
    "level": "医院等级",
    "inpatient": "有没有住院",
    "full_years_settled": "正常结算的完整自然年数（1 月到 12 月）",
    "assessment": "最近一次考核或综合清算",
    "credit_grade": "医保信用等级",
    "priority_work": "医保重点工作",
    "sound_finance": "财务健全，能够归还",
    "cooperates_with_inspections": "配合各类检查",
    "tracing_codes_complete": "追溯码应扫尽扫、应传尽传",
    "convenience_services": "便民服务都在用",
    "penalised_in_12_months": "12 个月内被医保行政处罚（按决定日期）",
    "referred_for_fraud_in_12_months": "12 个月内因涉嫌骗保被移送",
    "debts_to_agency": "欠经办机构医保资金",
    "assets_preserved": "有财产被保全",
    "unperformed_judgment": "有未履行的生效判决",
    "enforcement_pending": "有没执行完的案件",
    "repays_procurement_shortfall": "集采垫付的差额按时交回",
    "cleared_last_year": "上年预付金已经清算完，或没有领过",
}
POOL_FACTS: Final = {
    "months": "累计结余可支付月数",
    "deficit_last_year": "上年出现当期赤字",
    "deficit_forecast": "预计本年赤字",
}
CATEGORIES: Final = {
    "drug": "药品",
    "consumable": "医用耗材",
    "reagent": "试剂",
    "blood": "血液",
    "oxygen": "医用氧气",
    "outsourced_test": "外送检验",
    "supplier_arrears": "欠供应商的旧账",
    "construction": "基本建设",
    "equipment": "设备、固定资产、租赁",
    "payroll": "工资和奖金",
    "utilities": "水、电、气",
    "office": "办公、差旅、物业",
    "debt_service": "还本付息、债券",
    "lending": "出借",
    "investment": "投资",
    "guarantee": "保证金",
    "tax": "税款和罚款",
}
VERDICTS: Final = {
    True: "条件都符合",
    False: "有条件不符合，不能预付",
    None: "还有没弄清的条件，暂时不能下结论",
}
# Every condition of the hospital is met, and a fact for the size or the funds is missing still.
INCOMPLETE: Final = "还缺事实，结论不完整"
MET: Final = {Met.MET: "符合", Met.UNMET: "不符合", Met.WAIVED: "过渡期内不要求", Met.UNKNOWN: "未知"}
WITHOUT_TEXT: Final = "未知（没有原文）"
REPORTED: Final = "据转载，没有原文"
HOLDERS: Final = {DutyHolder.HOSPITAL: "本院", DutyHolder.AUTHORITY: "非本院"}
OUTCOMES: Final = {
    UseOutcome.PERMITTED: "可以用预付金付。",
    UseOutcome.HELD: "先挂起：补齐资料，或由两人书面决定之后才能付。",
    UseOutcome.REFUSED: "不能用预付金付。任何人都不能放行；有别的项目请分开申请。",
}
LINE_OUTCOMES: Final = {
    UseOutcome.PERMITTED: "可以付",
    UseOutcome.HELD: "须两人决定",
    UseOutcome.REFUSED: "不能付",
}
GRANT_STATES: Final = {
    "applied": ("wait", "等批复"),
    "approved": ("wait", "等到账"),
    "withheld": ("stop", "暂停拨付"),
    "received": ("info", "在用"),
    "cleared": ("ok", "已清算"),
    "declined": ("idle", "没有批准"),
    "withdrawn": ("idle", "申请已撤回"),
}
REQUEST_STATES: Final = {
    "refused": ("stop", "被拒"),
    "asked": ("wait", "等科室同意"),
    "department": ("wait", "等财务审批"),
    "reserved": ("wait", "已预留，等付款"),
    "paid": ("info", "已付，等票据"),
    "evidenced": ("ok", "已办结"),
    "rejected": ("idle", "已退回"),
    "released": ("idle", "预留已退回"),
}
RAN_OUT: Final = ("wait", "预留已到期，等退回")
BOUNCED: Final = ("idle", "退票，已退回专款")
EVENTS: Final = {
    "grant": "预付金到账",
    "return": "预付金交回",
    "offset": "结算冲抵",
    "settlement": "结算款",
    "payment": "付供应商",
    "member": "成员单位分配、退回",
    "claim": "还给本院的垫款",
    None: "认不出的银行流水",
}
PAIRINGS: Final = {
    "matched": ("ok", "对上"),
    "amount_differs": ("stop", "金额不同"),
    "only_ours": ("wait", "只在本院账上"),
    "only_bank": ("wait", "只在银行"),
    "only_agency": ("wait", "只在医保"),
    "one_sided": ("wait", "一进一出，等另一人确认"),
}
MATCHED_BY: Final = {
    0: "手工",
    1: "回单号、金额",
    2: "回单号",
    3: "金额、日期、单位或险种",
    4: "金额、日期",
    5: "同月同险种只剩这一对",
    6: "",
}
SIDES: Final = {"bank": "银行", "agency": "医保"}
CLOSINGS: Final = {
    "owed": "应还医保",
    "earmark": "专款未用（含已预留）",
    "procurement_owed": "集采专项预付应还",
    "procurement_earmark": "集采专项预付未用（含已预留）",
    "earmark_at_bank": "专款合计（账户余额要够）",
}
SOURCES: Final = {"totals": "本院期末余额表", "agency": "医保对账单", "bank": "银行流水"}
PERIOD_STEPS: Final = {"made": "结账", "checked": "复核", "reopened": "重开"}
SETTLEMENTS: Final = {"settlement": "结算款", "fallback": "先付", "actual": "实际结算", "repayment": "退回负数计划"}
UPLOAD_DAYS: Final = {
    "complete": ("ok", "齐"),
    "late": ("wait", "上传晚了"),
    "short": ("stop", "没传齐"),
    "over": ("wait", "多于在院人数"),
    "missing": ("stop", "没有登记"),
}
