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
MET: Final = {Met.MET: "符合", Met.UNMET: "不符合", Met.WAIVED: "过渡期内不要求", Met.UNKNOWN: "未知"}
DUTIES: Final = {
    "apply": "递交预付金申请",
    "pay_out": "拨付预付金",
    "clear": "全额交回或抵扣",
    "repay_treasury": "收回的预付金缴回财政专户",
    "publish": "公布拨付情况和计算方法",
    "net": "与上年预拨金额轧差",
    "reconcile": "完成上月对账申请",
    "confirm_cross_region": "确认异地就医清算数据",
    "check_cross_region": "核对异地资金使用并提交财政",
    "plan_cross_region": "提交异地资金用款计划",
    "fund_cross_region": "异地资金拨到省支出户",
    "forward_cross_region": "异地资金拨到统筹区支出户",
    "pay_cross_region": "异地资金拨到医院",
    "clear_cross_region": "异地资金年度清算",
}
HOLDERS: Final = {DutyHolder.HOSPITAL: "本院", DutyHolder.AUTHORITY: "非本院"}
OUTCOMES: Final = {
    UseOutcome.PERMITTED: "可以用预付金付。",
    UseOutcome.HELD: "先挂起：补齐资料，或由两人书面决定之后才能付。",
    UseOutcome.REFUSED: "不能用预付金付。任何人都不能放行；有别的项目请分开申请。",
}
CATEGORIES: Final = {
    "drug": "药品",
    "consumable": "医用耗材",
    "reagent": "检验试剂",
    "blood": "血液",
    "oxygen": "医用氧",
    "outsourced_test": "外送检验",
    "supplier_arrears": "以前欠供应商的药品耗材款",
    "construction": "基建",
    "equipment": "设备",
    "payroll": "工资、绩效",
    "utilities": "水、电、气",
    "office": "办公、日常运行",
    "debt_service": "还债、付息",
    "lending": "出借",
    "investment": "投资",
    "guarantee": "担保",
    "tax": "税费",
}
GRANT_STATES: Final = {
    "applied": ("wait", "等批复"),
    "approved": ("wait", "等到账"),
    "withheld": ("stop", "暂停拨付"),
    "received": ("info", "在用"),
    "cleared": ("ok", "已清算"),
    "declined": ("idle", "没有批准"),
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
