"""``/``: where to go from here."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Final

from flask import Blueprint, redirect, render_template, request

from hospital_prepay.domain.access import Permission
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.filters import day, moment, weekday
from hospital_prepay.http.frame import exists
from hospital_prepay.http.login import load_sign_in
from hospital_prepay.http.permission import public, requires
from hospital_prepay.services.access import home
from hospital_prepay.services.access.home import Task
from hospital_prepay.services.access.sessions import Stage
from hospital_prepay.services.fund.clearing_watch import clearing_tasks
from hospital_prepay.services.fund.reminders import duty_tasks
from hospital_prepay.services.settlement.costs import risk_tasks

blueprint = Blueprint("home", __name__)

# label, words, address, picture, permission
_DOORS: Final = (
    ("收款", "登记住院，收住院预交金，补打收据", "/desk", "table", Permission.DEPOSIT_COLLECT),
    ("住院", "看一次住院的额度、已收和票据，姓名已遮盖", "/desk", "search", Permission.DESK_VIEW),
    ("出院结算", "谁出院了，剩多少时间，卡在哪里", "/settlement", "shift", Permission.SETTLEMENT_VIEW),
    ("退门诊预交金", "找账户，受理、审核、确认、付款", "/desk/refunds", "later", Permission.OUTPATIENT_VIEW),
    ("作废和退款复核", "收费员申请，由您复核", "/desk/voids", "void", Permission.SLIP_APPROVE),
    ("额度表", "导入病例，测算，发布", "/finance/caps", "table", Permission.CAPS_MEASURE),
    ("额度表", "批准，发布", "/finance/caps", "table", Permission.CAPS_APPROVE),
    ("额度表", "看每项额度和它的出处", "/finance/caps", "table", Permission.CAPS_VIEW),
    ("预付金", "医保预付金：应还、未用、用款申请", "/finance/fund", "shift", Permission.FUND_VIEW),
    ("门诊清退", "门诊预交金：台账、通知、备案、上缴", "/finance/outpatient", "later", Permission.OUTPATIENT_IMPORT),
    ("门诊清退", "门诊预交金：确认、备案、上缴", "/finance/outpatient", "later", Permission.OUTPATIENT_CONFIRM),
    ("门诊清退", "门诊预交金：台账、备案、上缴，只看不办", "/finance/outpatient", "later", Permission.LEDGER_VIEW),
    ("预付金规定", "各地的规定并排看，本院自查", "/finance/fund/regimes", "calendar", Permission.FUND_VIEW),
    ("账本", "凭证、余额、封存", "/finance/ledger", "shift", Permission.LEDGER_VIEW),
    ("依据", "五份通知的每一条，本程序怎样落实", "/compliance", "ok", Permission.COMPLIANCE_VIEW),
    ("本院", "名称、电话、适用哪些规定、本院制度", "/admin/institution", "hospital", Permission.INSTITUTION_VIEW),
    ("工作日历", "已公布的放假安排，导入下一年", "/admin/calendar", "calendar", Permission.CALENDAR_MANAGE),
    ("工作日历", "已公布的放假安排", "/admin/calendar", "calendar", Permission.INSTITUTION_VIEW),
    ("读法和参数", "通知没写明的，本院怎样读", "/admin/settings", "info", Permission.INSTITUTION_VIEW),
    ("人员", "开账号，定角色，重发密码", "/admin/users", "user", Permission.USERS_MANAGE),
    ("接口", "给其他系统发令牌", "/admin/clients", "refresh", Permission.USERS_MANAGE),
    ("登录和锁定", "谁在线，谁被锁，强制退出", "/security/sessions", "lock", Permission.SESSIONS_MANAGE),
    ("操作记录", "每一次办理和每一次拒绝", "/security/log", "search", Permission.AUDIT_VIEW),
    ("我的账号", "换密码，看上次登录", "/account", "user", Permission.ACCOUNT_OWN),
)
# kind: title, words, address ({} is what to open first), button
_PRESSING: Final = "/finance/fund/duties?show=pressing"
_TASKS: Final = {
    "slip": ("作废或退款等复核", "申请人自己不能复核", "/desk/voids", "去复核"),
    "draft": ("额度表等批准", "测算的人自己不能批准", "/finance/caps", "去批准"),
    "rules": ("本院制度等批准", "拟稿的人自己不能批准", "/admin/institution", "去批准"),
    "named": (
        "收费处自选的相似病种",
        "诊断不明，按医生的依据另选的；请核对",
        "/finance/caps/standards/named",
        "去核对",
    ),
    "fund_recall": (
        "收回情形没有办结：预付金暂停审批和付款",
        "按本院规定暂停；应还的交回，或由另一个人登记解除",
        "/finance/fund/recall",
        "看怎样交回",
    ),
    "fund_approval": ("预付金申请等登记批复", "申请人自己不能登记", "/finance/fund", "去登记"),
    "fund_receive": (
        "预付金已批复，等到账",
        "钱到了登记银行回单号；有上年应还要轧差的，先办轧差",
        "/finance/fund/grants/{}",
        "去登记到账",
    ),
    "fund_plan": (
        "负数计划等退回",
        "退款之后登记银行回单",
        "/finance/fund/reconcile/henan?period={}",
        "去退回",
    ),
    "fund_short": (
        "清零、交回日 30 天内，钱不够",
        "账上的专款和预计的冲抵还不够应还的",
        "/finance/fund/recall",
        "看差多少",
    ),
    "fund_agree": ("用款申请等科室同意", "申请人自己不能同意", "/finance/fund/requests?tab=asked", "去看"),
    "fund_reserve": (
        "用款申请等财务审批",
        "申请和同意的人不能审批",
        "/finance/fund/requests?tab=department",
        "去审批",
    ),
    "fund_pay": ("已预留，等付款", "审批的人不能付款", "/finance/fund/requests?tab=reserved", "去付款"),
    "fund_prove": ("已付款，还缺发票", "逐行补发票，齐了才办结", "/finance/fund/requests?tab=paid", "去补发票"),
    "fund_loss": ("损失等确认", "登记的人自己不能确认", "/finance/fund/recall/losses", "去确认"),
    "fund_offset": ("结算冲抵等确认", "登记的人自己不能确认", "/finance/fund/grants/{}#h-seconds", "去确认"),
    "fund_correction": ("凭证更正等批准", "申请的人自己不能批准", "/finance/fund/grants/{}#h-seconds", "去批准"),
    "fund_month": ("对账月结等复核", "结账的人自己不能复核", "/finance/fund/reconcile?period={}", "去复核"),
    "fund_members": ("分给成员单位等批准", "申请的人自己不能批准", "/finance/fund/grants/{}/members", "去批准"),
    "fund_register": ("成员单位名册等核对", "登记的人自己不能核对", "/finance/fund/members", "去核对"),
    "fund_place": ("所在地和统筹区等核对", "填写的人自己不能核对", "/finance/fund/duties#h-places", "去核对"),
    "fund_duties": (
        "预付金期限：7 天内到期或已逾期",
        "点开看每一项还差什么",
        "/finance/fund/duties?show=pressing&area=fund",
        "去办",
    ),
    "outpatient_duties": (
        "门诊预交金期限：7 天内到期或已逾期",
        "清退、备案、上缴、申请；点开看每一项还剩多少",
        "/finance/outpatient/duties?show=pressing",
        "去办",
    ),
    "fund_account": (
        "共用账户余额低于专款（含已预留）",
        "专款不能被别的支出占用，请尽快补足",
        "/finance/fund/duties#h-account",
        "去看",
    ),
    "outpatient_online": ("门诊退款网上申请等受理", "患者网上提的，由窗口受理", "/desk/refunds/requests", "去受理"),
    "outpatient_review": ("门诊退款等审核", "受理的人自己不能审核", "/desk/refunds/claims?tab=accepted", "去审核"),
    "outpatient_confirm": (
        "门诊退款等确认",
        "受理、审核的人不能确认",
        "/desk/refunds/claims?tab=reviewed",
        "去确认",
    ),
    "outpatient_cash": ("门诊退款等付现金", "患者签领款单后付", "/desk/refunds/claims?tab=confirmed", "去付款"),
    "outpatient_bank": (
        "门诊退款等送银行",
        "做成文件给银行，账先不动",
        "/finance/outpatient/payments",
        "去做文件",
    ),
    "outpatient_failed": (
        "门诊退款没退成",
        "按原退款单号再送；账号不对的，先由能审核的人改退款方式",
        "/desk/refunds/claims?tab=failed",
        "去办",
    ),
    "outpatient_contradicted": (
        "门诊退款银行说法不一",
        "与银行核对后写明理由决定",
        "/desk/refunds/claims?tab=held",
        "去决定",
    ),
    "outpatient_returned": (
        "门诊退款到账后，银行又说没有付到",
        "查银行账户：钱退回来了的，凭银行回单登记退回；没有退回的等决定",
        "/desk/refunds/claims?tab=held",
        "去核对",
    ),
    "outpatient_overpaid": (
        "门诊退款多付待追回",
        "向收款人追回，拿到凭据后登记",
        "/finance/outpatient/payments#h-overpaid",
        "去看",
    ),
    "outpatient_sent": (
        "门诊退款等银行回单",
        "拿到回单文件后导入",
        "/finance/outpatient/payments#h-answers",
        "去导入",
    ),
    "outpatient_import": (
        "门诊余额清单等确认入账",
        "导入的人自己不能确认",
        "/finance/outpatient/imports/{}",
        "去确认",
    ),
    "outpatient_correction": (
        "门诊余额更正等批准",
        "申请的人自己不能批准",
        "/finance/outpatient/corrections",
        "去批准",
    ),
    "outpatient_owner": (
        "门诊账户的姓名或号码更正等批准",
        "申请的人自己不能批准",
        "/finance/outpatient/owners/{}",
        "去批准",
    ),
    "outpatient_people": (
        "可能是同一人的账户等认定",
        "查找的人自己不能认定",
        "/finance/outpatient/people",
        "去认定",
    ),
    "outpatient_release": (
        "清退通知等放行",
        "提出的人自己不能放行",
        "/finance/outpatient/campaigns/{}",
        "去放行",
    ),
    "outpatient_submit": (
        "门诊备案材料等报送",
        "报卫生健康部门，登记部门和日期",
        "/finance/outpatient/filings/{}",
        "去登记报送",
    ),
    "outpatient_filed": (
        "门诊备案等登记回执",
        "做材料的人自己不能登记",
        "/finance/outpatient/filings/{}",
        "去登记回执",
    ),
    "outpatient_freeze": (
        "上缴批次等冻结名单",
        "冻结前不动账",
        "/finance/outpatient/batches/{}",
        "去冻结",
    ),
    "outpatient_part": (
        "上缴名单等复核",
        "三个部分三个人，冻结的人不能复核",
        "/finance/outpatient/batches/{}",
        "去复核",
    ),
    "outpatient_stale": (
        "上缴名单要重做",
        "名单里有人来办了退款，这份不能批准；先作废，再重新提出",
        "/finance/outpatient/batches/{}",
        "去作废",
    ),
    "outpatient_stranded": (
        "上缴批次没有人能接着办",
        "经手过的人不能办下一步；请系统管理开账号，或作废后由别人重做",
        "/finance/outpatient/batches/{}",
        "去看",
    ),
    "staff_wanted": (
        "上缴批次缺人，请开账号",
        "能复核、批准或登记缴款的人都经手过了；和财务商量开给谁",
        "/admin/users",
        "去开账号",
    ),
    "outpatient_approve": (
        "上缴名单等批准或入账",
        "冻结、复核的人不能批准",
        "/finance/outpatient/batches/{}",
        "去办",
    ),
    "outpatient_remit": (
        "上缴财政等登记缴款",
        "批准的人不能登记",
        "/finance/outpatient/batches/{}",
        "去登记缴款",
    ),
    "outpatient_advances": (
        "垫付申请表等报送",
        "做表的人自己不能报送",
        "/finance/outpatient/advances/{}",
        "去报送",
    ),
    "discharge_ward": (
        "出院结算快到期或已逾期，在病区",
        "先办最早到期的；卡住的写明原因",
        "/settlement?stage=ward",
        "去办",
    ),
    "discharge_audit": (
        "出院结算快到期或已逾期，在费用审核",
        "先办最早到期的；卡住的写明原因",
        "/settlement?stage=audit",
        "去办",
    ),
    "discharge_insurance": (
        "出院结算快到期或已逾期，在医保",
        "先办最早到期的；卡住的写明原因",
        "/settlement?stage=insurance",
        "去办",
    ),
    "discharge_cashier": (
        "出院结算快到期或已逾期，在收费",
        "先办最早到期的；卡住的写明原因",
        "/settlement?stage=cashier",
        "去办",
    ),
    "discharge_head": (
        "出院结算逾期 3 个工作日以上",
        "看卡在哪一步，催办或协调",
        "/settlement?list=late",
        "去看",
    ),
    "recall": ("结算召回等办理", "申请的人自己不能办理", "/settlement/recalls", "去办理"),
    "to_recall": ("出院取消了，结算单还有效", "费用会重复；请申请召回", "/settlement/recalls", "去申请"),
    "refund_failed": ("退款被退回", "钱欠着患者；联系患者，选一种方式再退", "/settlement/refunds", "去改退"),
    "refund_again": ("改退等确认", "申请的人自己不能确认", "/settlement/refunds", "去确认"),
    "refund_left": ("待领款等确认付款", "登记的人自己不能确认", "/settlement/refunds", "去确认"),
    "arrears_act": ("坏账准备或核销等决定", "申请的人自己不能决定", "/settlement/arrears", "去决定"),
    "relief": ("应急救助基金申请等提交", "起草的人自己不能提交", "/settlement/relief", "去提交"),
    "assessment": ("风险评估等批准", "写评估的人自己不能批准", "/settlement/assessments", "去批准"),
    "cost_risk": ("在院费用快到或超出预交金", "收费不超过额度；看可以怎样帮患者", "/settlement/risks", "去看"),
    "take_back": ("取消逾期的出院，等决定", "申请的人自己不能决定", "/settlement/late?list=take_backs", "去决定"),
    "excuse": ("逾期的容错等决定", "申请的人自己不能决定", "/settlement/late?list=excuses", "去决定"),
    "publish": ("额度表已批准，等发布", "发布后患者和窗口都按新表", "/finance/caps", "去发布"),
}


@blueprint.get("/")
@public
def show_home() -> str:
    """Doors by role, what waits, and where patients look."""
    context, actor = current_context(), current_actor()
    signed_in = load_sign_in()
    open_to_all = signed_in is not None and signed_in.stage is Stage.FULL
    today = context.clock.today()
    tasks = list[Task]()
    if open_to_all:
        tasks = [*home.tasks(context, actor), *risk_tasks(context, actor), *clearing_tasks(context, actor)]
    return render_template(
        "pages/access/home.html",
        doors=_doors() if open_to_all else [],
        todo=[shown(task) for task in tasks],
        own=home.own_requests(context, actor) if open_to_all else None,
        todo_count=sum(task.pile.count for task in tasks),
        has_deadlines=open_to_all and actor.may(Permission.FUND_DUTY),
        public_version=home.table_in_force(context, actor.institution_id),
        today=today,
        weekday=weekday(today),
    )


@blueprint.get("/deadlines")
@requires(Permission.FUND_DUTY)
def show_deadlines() -> Any:
    """The part of the page that shows what is due within a week: outpatients' accounts are all added up for it, and
    nobody should wait for that before the rest stands."""
    if not request.headers.get("HX-Request"):
        return redirect(_PRESSING, 303)
    tasks = duty_tasks(current_context(), current_actor())
    return render_template("partials/access/_deadlines.html", todo=[shown(task) for task in tasks])


def _doors() -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}  # of two doors to one place the first that opens is shown
    for label, words, href, icon, needed in _DOORS:
        if current_actor().may(needed) and exists(href):
            found.setdefault(href, {"label": label, "words": words, "href": href, "icon": icon, "state": None})
    return list(found.values())


def _since(since: datetime | date | None) -> str:
    return day(since) if since is None or not isinstance(since, datetime) else moment(since)


def shown(task: Task) -> dict[str, Any]:
    """A task with its words and where it is done."""
    title, words, href, button = _TASKS[task.kind]
    return {
        "when": f"{task.pile.count} 件",
        "when_small": f"最早 {_since(task.pile.since)}",
        "title": title,
        "words": f"{task.about}。{words}" if task.about else words,
        "href": href.format(task.pile.first),
        "button": button,
    }
