"""A stored decision in words: what it says, what it rests on, which facts it used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import quote

from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.audit import ABOUT_STAYS
from hospital_prepay.domain.decision import Decision, Outcome
from hospital_prepay.domain.insured_class import InsuredClass
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.fund.application import ADJUSTED
from hospital_prepay.domain.rules.fund.eligibility import Met
from hospital_prepay.domain.rules.fund.month_papers import STATEMENTS
from hospital_prepay.domain.rules.fund.regime import SettlementsStop
from hospital_prepay.domain.rules.inpatient.deposits import Circumstance
from hospital_prepay.domain.rules.inpatient.similar import Step
from hospital_prepay.domain.rules.outpatient.claims import Claimant, Paper, Route
from hospital_prepay.domain.rules.outpatient.duties import INSTRUMENT
from hospital_prepay.domain.rules.outpatient.duties import PLAIN as OUTPATIENT_PLAIN
from hospital_prepay.domain.rules.outpatient.gate import PLACES
from hospital_prepay.domain.rules.outpatient.reach import Channel
from hospital_prepay.domain.rules.settlement.lateness import LateReason
from hospital_prepay.domain.rules.settlement.result import AMOUNT_LABELS
from hospital_prepay.domain.rules.settlement.settling import Rest, SettlementKind
from hospital_prepay.domain.rules.settlement.stages import Stage
from hospital_prepay.domain.visits import Disposition
from hospital_prepay.http.clauses import chip
from hospital_prepay.http.current import current_actor
from hospital_prepay.rulebook.loader import load_rulebook
from hospital_prepay.services.compliance.decisions import Occasion
from hospital_prepay.services.fund.grants import FUND_NAMES, KIND_NAMES
from hospital_prepay.services.fund.regime_words import STOPS
from hospital_prepay.services.fund.words import CATEGORIES, CLOSINGS, MET, PAIRINGS, SOURCES

OUTCOMES: Final = {
    Outcome.PERMITTED: ("ok", "可以"),
    Outcome.HELD: ("held", "待复核"),
    Outcome.REFUSED: ("stop", "拒绝"),
}
RULES: Final = {
    "inpatient.collect": "能不能收这笔预交金",
    "inpatient.determine_cap": "这次住院的额度",
    "inpatient.void_slip": "这张票能不能作废",
    "inpatient.refund": "能不能退这笔钱",
    "fund.apply": "能不能申请这笔预付金",
    "fund.approve": "这个批复能不能登记",
    "fund.procurement": "这笔集采专项预付能不能登记",
    "fund.spend": "这份用款申请能不能办",
    "fund.recall": "收回情形带来什么",
    "fund.net": "新旧预付怎么轧差",
    "fund.close_duty": "这一项期限能不能登记，早晚怎样",
    "fund.close_period": "这个月能不能结账",
    "fund.henan_apply": "对账申请在哪个月结算",
    "fund.henan_fallback": "先付的款是不是上一周期的金额",
    "outpatient.claim": "这笔门诊退款能不能受理",
    "outpatient.gate": "这笔门诊预交金能不能收",
    "settlement.settle": "这次住院能不能结算",
    "settlement.excuse": "这次逾期能不能容错",
}
_NOTHING: Final = "没有"
_REFUND_STATES: Final = {
    "": "不用等到账",
    "asked": "改退待确认",
    "sent": "已发出，没到账",
    "arrived": "已到账",
    "failed": "退回过",
    "dropped": "不退了",
}
_SLIPS: Final = {
    "deposit": "收款",
    "void": "红字",
    "refund": "退款",
    "topup": "补交结算款",
    "return": "结算退款",
    "again": "改退现金",
}


def decision_number(decision_id: str) -> str:
    """The end of a decision's id: short enough to say on the telephone, found again by search."""
    return "D-" + decision_id[-12:].upper()


def decision_href(decision_id: str | None) -> str | None:
    """The page of a decision, for those who may see it."""
    if decision_id is None or not current_actor().may(Permission.COMPLIANCE_VIEW):
        return None
    return f"/compliance/decisions/{decision_id}"


def outcome(decision: Decision) -> dict[str, str]:
    """The mark of an outcome."""
    kind, word = OUTCOMES[decision.outcome]
    return {"kind": kind, "word": word}


def title(decision: Decision) -> str:
    """What was decided, in one line."""
    why = decision.reasons[0].message.rstrip("。") if decision.reasons else "没有写原因"
    amount = decision.amount
    refused = decision.outcome is Outcome.REFUSED
    match decision.rule:
        case "inpatient.collect":
            return _collected(decision, why) if refused else f"可以收 {amount} 元"
        case "inpatient.determine_cap":
            return f"还没有额度：{why}" if refused else f"额度 {amount} 元"
        case "inpatient.void_slip":
            return f"不能作废：{why}" if refused else f"作废 {amount} 元，由另一个人复核"
        case "inpatient.refund":
            return f"不能退：{why}" if refused else f"退 {amount} 元，由另一个人复核"
        case "fund.apply":
            return f"不能申请：{why}" if refused else f"申请预付金 {Money(decision.facts['amount_fen'])} 元"
        case "fund.approve":
            return f"不能登记批复：{why}" if refused else f"登记批复 {amount} 元"
        case "fund.procurement":
            return f"登记集采专项预付 {amount} 元，由另一个人登记批复"
        case "fund.spend":
            return f"不能用预付金付：{why}" if refused else f"用预付金付 {amount} 元，由别人同意和审批"
        case "fund.recall":
            return f"不用收回：{why}" if refused else f"应还医保 {amount} 元要全部交回"
        case "fund.net":
            return f"新旧预付轧差，差额 {amount} 元"
        case "fund.close_duty":
            return f"不能登记：{why}" if refused else f"期限登记：{why}"
        case "outpatient.claim":
            return f"还不能受理：{why}" if refused else f"受理退款 {amount} 元，由别人审核和确认"
        case "settlement.settle":
            return f"不能结算：{why}" if refused else why
        case "settlement.excuse":
            return f"不能容错：{why}" if refused else why
        case "fund.close_period":
            month = decision.facts["period"]
            return f"{month} 不能结账：{why}" if refused else f"{month} 可以结账：{why}"
    return why


def about(occasion: Occasion | None) -> tuple[str, str | None]:
    """What the decision was about, and its page at the counter."""
    if occasion is None or not occasion.subject:
        return "—", None
    kind, _, key = occasion.subject.rpartition(":")
    if kind == "grant":
        return "预付金", f"/finance/fund/grants/{key}"
    if kind == "outpatient_account":
        return f"门诊账户 {key}", f"/finance/outpatient/accounts/{quote(key, safe='')}"
    if kind == "void" or occasion.action == "slip.request_void":
        return f"票据 {key}", None
    if kind == "refund" or occasion.action in ABOUT_STAYS:
        return f"住院 {key}", f"/desk/stays/{key}"
    return "—", None


def facts(decision: Decision) -> list[dict[str, str]]:
    """The facts in words, in the order in which people ask for them; one that has no words shows as stored."""
    labels = FACTS.get(decision.rule, {})
    known = [name for name in labels if name in decision.facts]
    rest = [name for name in decision.facts if name not in labels]
    found = []
    for name in (*known, *rest):
        label, word = labels.get(name, (name, str))
        value = decision.facts[name]
        found.append({"label": label, "value": _NOTHING if value is None else word(value)})
    return found


def readings(kept: Mapping[str, str] | None) -> list[dict[str, str]] | None:
    """The readings a decision was made under, ``None`` where they weren't kept yet."""
    if kept is None:
        return None
    return [{"question": question, "value_label": label} for question, label in load_rulebook().answers(kept)]


def _collected(decision: Decision, why: str) -> str:
    asked = decision.facts.get("amount_fen")
    if not isinstance(asked, int):
        return f"不能收：{why}"
    over = any(reason.code == "over_cap" for reason in decision.reasons)
    left = 0 if decision.amount is None else decision.amount.fen
    more = f"超过额度 {Money(asked - left)} 元" if over else why
    return f"不能收 {Money(asked)} 元：{more}"


def _yuan(fen: int) -> str:
    return f"{Money(fen)} 元"


def _listed(values: list[str]) -> str:
    return "、".join(values) or _NOTHING


def _places(values: list[str]) -> str:
    return "、".join(PLACES.get(one, one) for one in values) or _NOTHING


def _disposition(code: str) -> str:
    return Disposition(code).label if code in set(Disposition) else code or _NOTHING


def _yes(value: bool) -> str:
    return "是" if value else "否"


def _class(value: str) -> str:
    return InsuredClass(value).label if value in list(InsuredClass) else value


def _circumstance(value: str) -> str:
    return Circumstance(value).label if value in list(Circumstance) else value


def _row(row: Mapping[str, Any]) -> str:
    cap = "没有额度" if row["cap_fen"] is None else _yuan(row["cap_fen"])
    step = row.get("step", "")
    found = f"，{Step(step).label}" if step in list(Step) else ""
    return f"{row['disease_name']} {row['disease_code']}，{cap}，{'已公示' if row['posted'] else '未公示'}{found}"


def _rows(rows: list[Mapping[str, Any]]) -> str:
    return "；".join(_row(row) for row in rows) or _NOTHING


def _tolerated(value: str) -> str:
    return load_rulebook().readings["tolerated_lateness"].choices.get(value, value)


def _reading(value: str) -> str:
    return load_rulebook().readings["similar_disease"].choices.get(value, value) or _NOTHING


def _table(table: Mapping[str, Any]) -> str:
    rows = {"表里的这个病种": table["own"], "选的相似病种": table["chosen"]}
    parts = [f"{label}：{_row(row)}" for label, row in rows.items() if row is not None]
    if table["similar"]:
        parts.append(f"相似病种：{_rows(table['similar'])}")
    return "。".join([_version(table["table_version"]), *parts])


def _version(number: int) -> str:
    return f"第 {number} 版"


def _slip(kind: str) -> str:
    return _SLIPS.get(kind, kind)


def _place(instrument: str) -> str:
    return load_rulebook().instruments[instrument].short_title


def _duty_place(regime: str) -> str:
    known = load_rulebook().regimes.get(regime)
    return known[0].place if known else "贵州" if regime == INSTRUMENT else "本院规定"


def _duty(name: str) -> str:
    duties = (duty for editions in load_rulebook().regimes.values() for duty in editions[-1].duties)
    return next((duty.plain for duty in duties if duty.id == name), OUTPATIENT_PLAIN.get(name, name))


def _fund(fund: str) -> str:
    return FUND_NAMES.get(fund, fund)


def _kind(kind: str) -> str:
    return KIND_NAMES.get(kind, kind)


def _clause(clause: str) -> str:
    return chip(clause).label if clause else "服务协议，通知未作规定"


def _ground(number: int) -> str:
    return f"第 {number} 种"


def _stops(stop: str) -> str:
    return STOPS[SettlementsStop(stop)]


def _claimant(value: str) -> str:
    return Claimant(value).label if value in list(Claimant) else value


def _papers(values: list[str]) -> str:
    return "、".join(Paper(one).label if one in list(Paper) else one for one in values) or _NOTHING


def _route(value: str) -> str:
    return Route(value).label if value in list(Route) else value


def _channel(value: str) -> str:
    return Channel(value).label if value in list(Channel) else value


def _clauses(clauses: list[str]) -> str:
    return "、".join(_clause(one) for one in clauses) or _NOTHING


def _conditions(conditions: list[Mapping[str, Any]]) -> str:
    return "；".join(f"{one['words']}：{MET[Met(one['outcome'])]}" for one in conditions) or _NOTHING


def _emergency(one: Mapping[str, Any]) -> str:
    adjusts = "、".join(ADJUSTED[what] for what in one["adjusts"])
    return f"{one['document']}（{one['issued_on']}），调整{adjusts}"


def _use_lines(lines: list[Mapping[str, Any]]) -> str:
    return "；".join(f"{_category(one)} {one['name']} {_yuan(one['amount_fen'])}" for one in lines)


def _category(one: Mapping[str, Any]) -> str:
    return CATEGORIES.get(str(one["category"]), str(one["category"]))


def _uses(uses: list[Mapping[str, Any]]) -> str:
    words = {"permitted": "可以付", "held": "须两人决定", "refused": "不能付"}
    return "；".join(f"{_category(one)}：{words[one['outcome']]}" for one in uses)


def _due_days(dues: list[Mapping[str, Any]]) -> str:
    return "；".join(f"{one['month']}：{one['on'] or '未知'}" for one in dues)


def _open_items(items: list[Mapping[str, Any]]) -> str:
    found = (f"{PAIRINGS[one['outcome']][1]} {one['count']} 笔，相差 {_yuan(one['difference_fen'])}" for one in items)
    return "；".join(found) or _NOTHING


def _statements(kinds: list[str]) -> str:
    return "、".join(STATEMENTS[one] for one in kinds) or _NOTHING


def _closings(ends: list[Mapping[str, Any]]) -> str:
    return "；".join(
        f"{CLOSINGS[one['item']]}：本院 {_yuan(one['ours_fen'])}，{SOURCES[one['source']]} "
        + ("未知" if one["theirs_fen"] is None else _yuan(one["theirs_fen"]))
        for one in ends
    )


# A guard test holds these to the facts of the rules.
FACTS: Final[dict[str, dict[str, tuple[str, Callable[[Any], str]]]]] = {
    "inpatient.collect": {
        "amount_fen": ("本次", _yuan),
        "cap_fen": ("额度", _yuan),
        "collected_fen": ("已收", _yuan),
        "circumstance": ("情形", _circumstance),
        "unposted": ("未公示病种", _yes),
        "stage_recorded": ("写明了诊疗阶段", _yes),
        "discharged": ("已出院", _yes),
        "cancelled": ("住院已取消", _yes),
    },
    "settlement.settle": {
        "kind": ("结算", lambda kind: SettlementKind(kind).label),
        "is_discharged": ("已出院", _yes),
        "is_settled": ("这次出院已经结算", _yes),
        "is_cancelled": ("住院已取消", _yes),
        "stage": ("在哪一步", lambda stage: Stage(stage).label if stage else _NOTHING),
        "held_fen": ("预交金余额", _yuan),
        **{name: (label, _yuan) for name, label in AMOUNT_LABELS.items()},
        "has_other_patient": ("结果是别人的", _yes),
        "is_result_used": ("结果已经用过", _yes),
        "has_earlier_settlement": ("取消了的出院还有结算单", _yes),
        "rest": ("剩余的", lambda rest: Rest(rest).label),
        "disposition": ("离院方式", _disposition),
        "is_by_hand": ("结果是手工录入的", _yes),
        "other_result": ("医保传来、没有用的结果", str),
    },
    "inpatient.determine_cap": {
        "disease_code": ("病种编码", str),
        "insured_class": ("参保类型", _class),
        "circumstance": ("情形", _circumstance),
        "talk_recorded": ("记了与患者的沟通", _yes),
        "table_version": ("额度表", _version),
        "own": ("表里的这个病种", _row),
        "similar": ("相似病种", _rows),
        "chosen": ("选的相似病种", _row),
        "ground_recorded": ("写明了医生的依据", _yes),
        "reading": ("相似病种怎么找", _reading),
        "late": ("登记那天的额度表", _table),
    },
    "inpatient.void_slip": {
        "kind": ("票据", _slip),
        "amount_fen": ("金额", _yuan),
        "issued_on": ("开票日", str),
        "today": ("当天", str),
        "already_void": ("已经作废过", _yes),
        "balance_fen": ("这次住院的余额", _yuan),
        "cap_fen": ("额度", _yuan),
        "refund_state": ("退款到账没有", lambda state: _REFUND_STATES.get(state, state)),
    },
    "inpatient.refund": {
        "amount_fen": ("要退", _yuan),
        "balance_fen": ("这次住院的余额", _yuan),
    },
    "fund.apply": {
        "regime": ("依据地", _place),
        "year": ("年度", str),
        "fund": ("基金", _fund),
        "amount_fen": ("申请", _yuan),
        "conditions": ("逐条自查", _conditions),
        "permitted": ("统筹基金能不能预付", _yes),
        "quota_fen": ("标准额度", _yuan),
        "largest_fen": ("最高额度", _yuan),
        "quota_clauses": ("额度的依据", _clauses),
        "filed_on": ("申请那天", str),
        "apply_by": ("申请的最后一天", str),
        "apply_clause": ("申请日的依据", _clause),
        "emergency": ("特殊情形的文件", _emergency),
        "deregistered": ("已登记注销", _yes),
        "size_clause": ("规模的依据", _clause),
        "years_open": ("现在可以申请的年度", lambda years: "、".join(map(str, years)) or _NOTHING),
    },
    "fund.approve": {
        "regime": ("依据地", _place),
        "year": ("年度", str),
        "fund": ("基金", _fund),
        "approved_fen": ("批复", _yuan),
        "largest_fen": ("最高额度", _yuan),
        "quota_clauses": ("额度的依据", _clauses),
        "emergency": ("特殊情形的文件", _emergency),
        "size_clause": ("规模的依据", _clause),
    },
    "fund.procurement": {
        "regime": ("依据地", _place),
        "year": ("年度", str),
        "fund": ("基金", _fund),
        "amount_fen": ("金额", _yuan),
        "document": ("文件", str),
        "issued_on": ("文件日期", str),
        "clause": ("通知怎么说", _clause),
    },
    "fund.spend": {
        "regime": ("依据地", _place),
        "lines": ("明细", _use_lines),
        "uses": ("各类用途", _uses),
        "uses_silent": ("通知没有写用途", _yes),
        "unspent_fen": ("专款未用", _yuan),
        "recall_clause": ("收回情形", _clause),
        "kind": ("哪一种预付金", _kind),
        "batch": ("批复文件的集采批次", str),
        "closed_since": ("应全部交回的日期，已过", str),
    },
    "fund.recall": {
        "regime": ("依据地", _place),
        "ground": ("收回情形", _ground),
        "clause": ("情形的依据", _clause),
        "public": ("本院是公立医疗机构", _yes),
        "public_only": ("只针对公立医疗机构", _yes),
        "owed_fen": ("应还医保", _yuan),
        "unpaid_fen": ("已批准还没到账", _yuan),
        "urged_on": ("督促日", str),
        "recall_clause": ("收回的依据", _clause),
        "working_days": ("几个工作日内退回", str),
        "working_days_clause": ("退回期限的依据", _clause),
        "due_on": ("最迟退回", str),
        "expected_on": ("估计的退回日", str),
        "settlements_stop": ("每月结算款", _stops),
        "settlements_clause": ("停拨的依据", _clause),
        "withholds_clause": ("停止拨付的依据", _clause),
    },
    "fund.net": {
        "regime": ("依据地", _place),
        "year": ("新额度的年度", str),
        "owed_fen": ("上年应还", _yuan),
        "unspent_fen": ("上年专款未用", _yuan),
        "allocated_fen": ("今年额度", _yuan),
        "due_on": ("应在哪天前轧差", str),
        "today": ("办理日", str),
        "clause": ("依据", _clause),
    },
    "fund.close_duty": {
        "regime": ("依据地", _duty_place),
        "duty": ("事项", _duty),
        "clause": ("依据", _clause),
        "named_on": ("通知写的日期", str),
        "due_on": ("期限", str),
        "done_on": ("办理日", str),
        "left": ("账上还剩", str),
    },
    "fund.close_period": {
        "period": ("月份", str),
        "over": ("这个月过完了", _yes),
        "matched": ("对上的笔数", str),
        "open": ("没有对上的", _open_items),
        "closings": ("期末余额", _closings),
        "ground_recorded": ("写明了原因", _yes),
        "missing": ("还没有导入", _statements),
    },
    "fund.henan_apply": {
        "period": ("费用月", str),
        "applied_on": ("申请日", str),
        "due": ("各月的期限", _due_days),
    },
    "fund.henan_fallback": {
        "period": ("费用月", str),
        "last_period": ("上一周期", str),
        "last_actual_fen": ("上一周期实际结算", _yuan),
        "paid_fen": ("这次先付", _yuan),
    },
    "outpatient.claim": {
        "claimant": ("谁来办", _claimant),
        "card_lost": ("就诊卡丢失", _yes),
        "papers": ("出示的证明", _papers),
        "route": ("退款方式", _route),
        "channel": ("当初怎么缴的", _channel),
        "last_movement_on": ("最后变动", str),
        "today": ("受理日", str),
        "balance_fen": ("账上余额", _yuan),
        "remitted_fen": ("上缴财政、还没有退的", _yuan),
        "identity_matches": ("患者证件号与登记一致", _yes),
        "beyond_fen": ("本院少计的", _yuan),
        "original_failed": ("原路退过、没退成", _yes),
        "original_route_days": ("原路可退的天数", str),
        "staff_card": ("收款卡是职工的", _yes),
        "name_matches": ("患者姓名与登记一致", _yes),
        "unregistered": ("账户没有登记证件号", _yes),
        "phone_matches": ("手机号与登记一致", _yes),
        "nameless": ("登记的姓名只有符号", _yes),
        "beyond_proved": ("多退的出示了凭条", _yes),
    },
    "outpatient.gate": {
        "kind": ("要收的情形", str),
        "kinds": ("备案保留的情形", _listed),
        "posted": ("已公示的地方", _places),
        "consent": ("患者签了同意书", _yes),
        "amount_fen": ("金额", _yuan),
        "age": ("周岁", str),
        "least_age": ("至少几周岁", str),
    },
    "settlement.excuse": {
        "reason_code": ("原因", lambda code: LateReason(code).label),
        "tolerated": ("容错照顾谁（本院读法）", _tolerated),
        "is_late": ("已经逾期", _yes),
        "discharged": ("病区当月出院（人）", str),
        "late": ("病区当月逾期（人）", str),
        "occasional_percent": ("逾期不超过百分之几算偶发（院内设定）", str),
    },
}
