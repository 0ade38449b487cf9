"""The form of an application: only what the place asks for, the evidence of each condition, and the answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from hospital_prepay.domain.decision import Decision, Outcome
from hospital_prepay.domain.errors import MalformedInput
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.fund.application import ADJUSTED, ALL_FUNDS, opens_on
from hospital_prepay.domain.rules.fund.eligibility import NEEDS, check_conditions
from hospital_prepay.domain.rules.fund.facts import AssessmentFacts
from hospital_prepay.domain.rules.fund.quota import quotas
from hospital_prepay.domain.rules.fund.readings import AssessmentReadings
from hospital_prepay.domain.rules.fund.regime import UNKNOWN, Absence, Fund, Raised, Regime
from hospital_prepay.http.clauses import chip, number_chip
from hospital_prepay.http.forms import Form
from hospital_prepay.rulebook.loader import load_rulebook
from hospital_prepay.schemas.fund_apply import EVIDENCE_FIELDS
from hospital_prepay.services.fund.application_command import AGREEMENT, Applied, ApplyForFunds
from hospital_prepay.services.fund.application_facts import apply_day
from hospital_prepay.services.fund.application_review import ApplicationOverview
from hospital_prepay.services.fund.applications import missing_evidence
from hospital_prepay.services.fund.clearing import LastYear
from hospital_prepay.services.fund.grants import FUND_NAMES
from hospital_prepay.services.fund.missing import fact_labels, missing_for_condition, missing_for_quota
from hospital_prepay.services.fund.regions import same_region
from hospital_prepay.services.fund.words import CONDITIONS, FACTS
from hospital_prepay.web.decision_view import decision_href, decision_number
from hospital_prepay.web.fund_assess import YES_NO, fact_entry, named_fields, pool_fields
from hospital_prepay.web.fund_words import grant_title, keyed

_EVIDENCE: Final = {"document": "材料名称", "number": "编号", "version": "版本", "issued_on": "日期"}
_OUTCOMES: Final = {
    Outcome.PERMITTED: ("permit", "ok", "可以申请"),
    Outcome.HELD: ("", "wait", "还不能递交"),
    Outcome.REFUSED: ("refuse", "stop", "不能申请"),
}


@dataclass(frozen=True, slots=True)
class Answered:
    """What was asked, what came of it, and what our books say of the year before."""

    command: ApplyForFunds | None
    answers: list[Applied]
    books: LastYear | None


def form_page(found: ApplicationOverview, today: date, form: Form, answered: Answered) -> dict[str, Any]:
    """The form for the place and year that stand in it."""
    command, answers = answered.command, answered.answers
    places = [edition[-1] for edition in load_rulebook().regimes.values()]
    regime = chosen(form, found, today)
    entered = {"year": str(today.year), **form.entered}
    year = _year(entered, today)
    if regime is not None:
        entered = {"regime": regime.instrument, **entered}
    entered.setdefault("pool_region", next((one.pool_region for one in found.applications), ""))
    return {
        "form": keyed(Form(entered, form.errors)),
        "labels": labels(regime),
        "places": [{"value": one.instrument, "label": f"{one.place} {one.number}"} for one in places],
        "regime": regime and {"place": regime.place, "number": regime.number},
        "yes_no": YES_NO,
        "answers": [_answer(one) for one in answers],
        "missing": _missing(regime, command, found.readings) if regime and command and answers else [],
        "unnamed": _unnamed(regime, command) if regime and command and answers else [],
        "known": _known(found, command) if command and answers else [],
        "books": _books(command, answered.books) if command and answers else None,
        "late": late_words(regime, year, today) if regime else None,
        **(_of_place(regime, year, found) if regime else {}),
    }


def chosen(form: Form, found: ApplicationOverview, today: date) -> Regime | None:
    """The place in the form, or the one of the last application or grant; ``None`` before one is chosen."""
    known = [one.regime for one in found.applications] or [one.regime for one in found.grants]
    instrument = str(form.entered.get("regime", "") or next(iter(known), ""))
    try:
        return load_rulebook().regime(instrument, _year(form.entered, today))
    except MalformedInput:
        return None


def late_words(regime: Regime, year: int, today: date) -> dict[str, Any] | None:
    """By when to apply, the warning after that day with its clause, and before the year opens from when."""
    day, opens = apply_day(regime, year), opens_on(year)
    if today < opens:
        by = f"请在 {day[0]} 前递交。" if day else "现在还不能递交。"
        words = f"{year} 年的从 {opens} 起可以申请（本院规定），{by}"
        return {"late": False, "words": words, "clause": number_chip(day[1]) if day and day[1] else None}
    if day is None:
        return None
    on, clause = day
    late = today > on
    words = (
        f"申请日是 {on}，已过 {(today - on).days} 天。仍可递交，收不收由医保部门定；这条提醒随申请一起留存。"
        if late
        else f"请在 {on} 前递交，还有 {(on - today).days} 日。"
    )
    return {"late": late, "words": words, "clause": number_chip(clause) if clause else None}


def labels(regime: Regime | None) -> dict[str, str]:
    """Every field's name on screen."""
    found = {
        **fact_labels(),
        "pool_region": "统筹区",
        "emergency": "特殊情形的文件",
        "notified": "近一年药械采购违规或拖欠货款被通报",
        "idempotency_key": "这一页",
        "recall_grounds-agreement": "协议约定应当收回的其他情形",
    }
    found |= {f"amount_{fund}": f"{FUND_NAMES[fund]}申请金额" for fund in (*Fund, ALL_FUNDS)}
    for item, words in _items(regime):
        found |= {f"{field}-{item}": f"{words}的{label}" for field, label in _EVIDENCE.items()}
    return found


def _of_place(regime: Regime, year: int, found: ApplicationOverview) -> dict[str, Any]:
    facts = facts_asked(regime)
    together = not isinstance(regime.base, Absence) and regime.base.together
    years = 0 if isinstance(regime.base, Absence) else regime.base.years
    return {
        "facts": [{"name": name, "label": FACTS[name], **fact_entry(name)} for name in FACTS if name in facts],
        "pools": [pool_fields(fund, years) for fund in Fund],
        "asks_solvency": regime.solvency is not Absence.SILENT,
        "asks_growth": "growth" in facts,
        "asks_notified": regime.instrument.startswith("zhejiang"),
        "amounts": [{"name": f"amount_{one}", "label": f"{FUND_NAMES[one]}（元）"} for one in _funds(together)],
        "together": together,
        "evidence": [{"item": item, "label": words, "clause": clause} for item, words, clause in _rows(regime)],
        "evidence_fields": [{"name": name, "label": _EVIDENCE[name]} for name in EVIDENCE_FIELDS],
        "counts": "" if isinstance(regime.base, Absence) else regime.base.counts,
        "emergencies": [
            {"value": one.emergency_id, "label": f"{one.document}，调整{_adjusts(one.adjusts)}"}
            for one in found.emergencies
            if (one.regime, one.year) == (regime.instrument, year)
        ],
    }


def _adjusts(adjusts: Iterable[str]) -> str:
    return "、".join(ADJUSTED[one] for one in adjusts)


def _funds(together: bool) -> tuple[str, ...]:
    return (*Fund, ALL_FUNDS) if together else tuple(Fund)


def facts_asked(regime: Regime) -> set[str]:
    """What the place's conditions, and its largest size, ask of the hospital."""
    if isinstance(regime.conditions, Absence):
        return set()
    found = {name for one in regime.conditions for name in NEEDS[one.id]}
    largest = UNKNOWN if isinstance(regime.size, Absence) else regime.size.largest
    if not isinstance(largest, Absence) and isinstance(largest.value, Raised):
        found |= {"growth", "assessment", "priority_work"}
    return found


def _rows(regime: Regime) -> list[tuple[str, str, Any]]:
    if isinstance(regime.conditions, Absence):
        return []
    clauses = {one.id: one.provision.clause for one in regime.conditions}
    return [
        (item, words, number_chip(clause) if clause else None)
        for item, words in CONDITIONS.items()
        if item in clauses
        for clause in [clauses[item]]
    ]


def _items(regime: Regime | None) -> list[tuple[str, str]]:
    rows = [(item, words) for item, words, _ in _rows(regime)] if regime else []
    return [*rows, (AGREEMENT, "服务协议")]


def _year(entered: Any, today: date) -> int:
    text = str(entered.get("year", ""))
    return int(text) if text.isascii() and text.isdigit() and len(text) == 4 else today.year


def _answer(one: Applied) -> dict[str, Any]:
    decision = one.decision
    kind, icon, words = _OUTCOMES[decision.outcome]
    if _is_above(decision):
        kind, icon, words = "", "wait", f"{words}，但超过一般额度"
    amount = Money(decision.facts["amount_fen"])
    return {
        "kind": kind,
        "icon": icon,
        "title": f"{FUND_NAMES[decision.facts['fund']]} {amount} 元：{words}",
        "says": _says(one) + _size_words(decision.facts),
        "reasons": [chip(reason.clause, reason.message.rstrip("。")) for reason in decision.reasons],
        "number": one.decision_id and decision_number(one.decision_id),
        "number_href": decision_href(one.decision_id or None),
    }


def _is_above(decision: Decision) -> bool:
    """Whether what may be applied for is more than the ordinary size of the notice."""
    quota = decision.facts["quota_fen"]
    return decision.permitted and quota is not None and decision.facts["amount_fen"] > quota


def _size_words(facts: Mapping[str, Any]) -> str:
    """The size by the notice beside the amount, where it could be worked out; empty else."""
    amount, quota, largest = (facts[name] for name in ("amount_fen", "quota_fen", "largest_fen"))
    if quota is None:
        return ""
    most = f"，最高 {Money(largest)} 元" if largest is not None else ""
    more = f"；填的金额比一般额度多 {Money(amount - quota)} 元，请再核对" if amount > quota else ""
    return f"按通知算的一般额度 {Money(quota)} 元{most}{more}。"


def _says(one: Applied) -> str:
    if one.decision.outcome is Outcome.HELD:
        return "没有递交，也没有留存；填写的内容都还在。补上缺的再递交。"
    if one.grant_id:
        return "已递交。"
    if one.decision_id:
        return "没有递交；这次自查和材料已留存备查。"
    return "这是预览，没有递交。"


def _unnamed(regime: Regime, command: ApplyForFunds) -> list[dict[str, str]]:
    """The documents that filing will ask for and nobody has named yet."""
    words = dict(_items(regime))
    return [{"name": f"document-{item}", "label": words[item]} for item in missing_evidence(command)]


def _known(found: ApplicationOverview, command: ApplyForFunds) -> list[dict[str, str]]:
    """What has been applied for already: filing it again would be refused."""
    funds = {str(fund) for fund, _ in command.amounts}
    where = (command.regime, command.facts.year, "basic")
    return [
        {"title": grant_title(one), "href": f"/finance/fund/grants/{one.grant_id}"}
        for one in found.grants
        if (one.regime, one.year, one.kind) == where
        and one.state != "withdrawn"
        and same_region(one.pool_region, command.pool_region)
        and (one.fund in funds or ALL_FUNDS in (one.fund, *funds))
    ]


def _books(command: ApplyForFunds, found: LastYear | None) -> dict[str, Any] | None:
    """Why our books answer otherwise than what was typed, or bar the year: each grant, and what became of it."""
    if found is None or (found.cleared and command.facts.institution.cleared_last_year is True):
        return None
    return {
        "cleared": found.cleared,
        "due_on": found.due_on,
        "grants": [
            {
                "title": grant_title(one),
                "href": f"/finance/fund/grants/{one.grant_id}",
                "words": f"还欠 {Money(one.owed_fen)} 元" if day is None else f"{day} 还清",
            }
            for one, day in found.grants
        ],
    }


def _missing(regime: Regime, command: ApplyForFunds, readings: AssessmentReadings) -> list[dict[str, str]]:
    facts: AssessmentFacts = command.facts
    names: dict[str, None] = {}
    checked = check_conditions(regime, facts, readings)
    for one in checked:
        names |= dict.fromkeys(missing_for_condition(facts, one))
    wanted = {fund for fund, _ in command.amounts}
    for quota in quotas(regime, facts, True, readings):
        if quota.fund in wanted or ALL_FUNDS in wanted:
            names |= dict.fromkeys(missing_for_quota(regime, facts, quota, readings))
    return named_fields(names)
