"""What the audit trail calls each act, in words for people."""

from __future__ import annotations

from typing import Final

# A guard test reads every action named in the services and fails when one has no words here.
ACTIONS: Final[dict[str, str]] = {
    "access.open": "打开页面或接口",
    "access.form": "提交表单",
    "access.token": "接口令牌",
    "login.password": "登录",
    "login.code": "输动态码",
    "login.end": "退出登录",
    "session.seen": "在线",
    "account.password": "换自己的密码",
    "account.second_factor": "启用动态码",
    "user.create": "开账号",
    "user.change": "改账号和角色",
    "user.disable": "停用账号",
    "user.enable": "恢复账号",
    "user.password": "重发首次密码",
    "user.second_factor": "重置动态码",
    "user.unlock": "解锁账号",
    "session.end": "强制退出",
    "api_client.create": "开接口令牌",
    "api_client.disable": "停用接口令牌",
    "institution.open": "建立机构",
    "institution.change": "改本院资料",
    "deposit_rules.write": "拟本院制度",
    "deposit_rules.approve": "批准本院制度",
    "calendar.import": "导入放假安排",
    "setting.change": "改读法",
    "caps.measure": "测算额度表",
    "caps.import": "导入病例",
    "caps.approve": "批准额度表",
    "caps.reject": "退回额度表",
    "caps.publish": "发布额度表",
    "ledger.verify": "核对账本",
    "decision.replay": "重新计算决定",
    "caps.standards": "导入原标准",
    "caps.similar": "导入相似病种",
    "caps.similar_pair": "补进相似病种表",
    "stay.register": "登记住院",
    "stay.change": "改病种或类别",
    "deposit.collect": "收预交金",
    "slip.request_void": "申请作废",
    "slip.request_refund": "申请退款",
    "slip.decide": "复核作废或退款",
    "identity.reveal": "显示完整信息",
    "job.ledger_verify": "定时核对账本",
    "demonstration.load": "载入演示数据",
    "caps.posted": "录入已公示的表",
    "fund.apply": "申请预付金",
    "fund.record_emergency": "登记特殊情形的文件",
    "fund.record_procurement": "登记集采专项预付",
    "fund.ask_distribution": "申请分给成员单位",
    "fund.decide_distribution": "决定分给成员单位",
    "fund.return_distribution": "成员单位退回",
    "fund.show_use": "记成员单位的用款",
    "fund.record_module": "登记国家平台的状态",
    "fund.record_approval": "登记预付金批复",
    "fund.withhold": "登记暂停拨付",
    "fund.receive": "预付金到账",
    "fund.ask": "申请用款",
    "fund.agree": "科室同意用款",
    "fund.reserve": "财务审批用款",
    "fund.pay": "用预付金付款",
    "fund.reject": "退回用款申请",
    "fund.release": "退回预留",
    "fund.expire": "预留到期退回",
    "fund.bounce": "付款被退回",
    "fund.evidence": "记发票",
    "fund.return": "交回预付金",
    "fund.offset": "结算冲抵预付金",
}
# The acts whose subject is a stay.
ABOUT_STAYS: Final = frozenset({"deposit.collect", "stay.register", "stay.change", "slip.request_refund"})


def action_label(action: str) -> str:
    """The words for an action; an action of a later version shows as it is stored."""
    return ACTIONS.get(action, action)
