"""``/compliance``: every clause with what stands behind it, and every decision, computed again on demand."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from typing import Any, Final
from urllib.parse import urlencode

from flask import Blueprint, redirect, render_template, request

from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.decision import Reason
from hospital_prepay.http.clauses import chip
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.permission import requires
from hospital_prepay.rulebook.coverage import Coverage
from hospital_prepay.rulebook.loader import load_rulebook
from hospital_prepay.rulebook.model import Addressee, DatedValue, Status
from hospital_prepay.services.compliance import clauses as service
from hospital_prepay.services.compliance import decisions
from hospital_prepay.services.compliance.decisions import StoredDecision
from hospital_prepay.services.compliance.replay import Difference
from hospital_prepay.services.publication.readings import ChosenReading
from hospital_prepay.web import decision_view as words

blueprint = Blueprint("compliance", __name__, url_prefix="/compliance")
_STATUSES: Final = {
    Status.ENFORCED: ("ok", "系统把关"),
    Status.EVIDENCED: ("info", "留证据"),
    Status.REPORTED: ("info", "列报表"),
    Status.PLANNED: ("wait", "待建"),
    Status.NOT_OURS: ("idle", "不归医院"),
}
_ADDRESSEES: Final = {Addressee.HOSPITAL: "医院", Addressee.AUTHORITY: "主管部门", Addressee.BOTH: "双方"}
_UNITS: Final = {"years": " 年", "working_days": " 个工作日", "hours": " 小时"}


@blueprint.get("")
@requires(Permission.CLAUSES_VIEW)
def list_clauses() -> str:
    """Every article and numbered item, by notice, status and words."""
    actor = current_actor()
    q = request.args.get("q", "").strip()[:40]
    instrument, status = request.args.get("instrument", ""), request.args.get("status", "")
    every = [one for one in service.every_clause() if _says(one, q)]
    cited = decisions.citations(current_context(), actor) if actor.may(Permission.COMPLIANCE_VIEW) else None
    return render_template(
        "pages/compliance/clauses.html",
        instruments=_instrument_tabs(every, instrument, status, q),
        statuses=_status_tabs(every, instrument, status, q),
        q=q,
        instrument=instrument,
        status=status,
        clauses=[_line(one, cited) for one in every if _is_in(one, instrument) and _has(one, status)],
        counts_words=_counts_words(),
        may_see_decisions=cited is not None,
        latest=decisions.LATEST,
    )


@blueprint.get("/clauses/<path:clause_id>")
@requires(Permission.CLAUSES_VIEW)
def show_clause(clause_id: str) -> str:
    """One clause: the paraphrase, its values and readings, and for those who check, code, tests and decisions."""
    context, actor = current_context(), current_actor()
    found = service.read_clause(context, actor.institution_id, clause_id)
    clause = found.covered.clause
    may_check = actor.may(Permission.COMPLIANCE_VIEW)
    citing = decisions.citing(context, actor, clause_id) if may_check else []
    return render_template(
        "pages/compliance/clause.html",
        clause={
            "clause": clause.id,
            "label": chip(clause.id).label,
            "title": clause.title,
            "instrument": found.instrument.title,
            "in_force_since": found.instrument.effective_on,
            "addressee": _ADDRESSEES[clause.addressee],
            "state": _state(clause.status),
            "paraphrase": clause.plain,
        },
        values=[_value(one) for one in found.values],
        readings=[_reading(one) for one in found.readings],
        by=[name.removeprefix("hospital_prepay.") for name in found.covered.by],
        tests=[f"{path}（{count} 例）" for path, count in sorted(found.tests.items())],
        decisions=[_decision_line(one) for one in citing],
        siblings=[chip(one.id) for one in found.related],
        may_check=may_check,
    )


@blueprint.get("/decisions")
@requires(Permission.COMPLIANCE_VIEW)
def find_decision() -> Any:
    """From the number that people read out to the decision's page."""
    number = request.args.get("number", "").strip().upper().removeprefix("D-")[:36]
    found = decisions.find_by_number(current_context(), current_actor(), number)
    return redirect(f"/compliance/decisions/{found}", 303)


@blueprint.get("/decisions/<decision_id>")
@requires(Permission.COMPLIANCE_VIEW)
def show_decision(decision_id: str) -> str:
    """One decision: what it said, why, and the facts it used."""
    return _decision_page(decision_id, None)


@blueprint.post("/decisions/<decision_id>/replay")
@requires(Permission.COMPLIANCE_VIEW)
def replay(decision_id: str) -> str:
    """Compute it again from its stored facts."""
    found = decisions.replay_decision(current_context(), current_actor(), decision_id)
    return _decision_page(decision_id, _replayed(found))


def _decision_page(decision_id: str, replayed: dict[str, Any] | None) -> str:
    found = decisions.read_decision(current_context(), current_actor(), decision_id)
    stored = found.stored
    decision = stored.decision
    about, about_href = words.about(found.occasion)
    entry_no = found.occasion.entry_no if found.occasion else None
    return render_template(
        "pages/compliance/decision.html",
        decision={
            "number": words.decision_number(decision_id),
            "replay_href": f"/compliance/decisions/{decision_id}/replay",
            "at": stored.decided_at,
            "outcome": words.outcome(decision),
            "title": words.title(decision),
            "rule": words.RULES.get(decision.rule, decision.rule),
            "rule_version": decision.rule_version,
            "amount_fen": None if decision.amount is None else decision.amount.fen,
            "by": found.by,
            "about": about,
            "about_href": about_href if current_actor().may(Permission.DESK_VIEW) else None,
            "entry": None if entry_no is None else {"entry_no": entry_no, "href": f"/finance/ledger/{entry_no}"},
        },
        reasons=[_reason(one) for one in decision.reasons],
        facts=words.facts(decision),
        readings=words.readings(stored.readings),
        replay=replayed,
        may_replay=True,
    )


def _reason(reason: Reason) -> dict[str, Any]:
    return {"words": reason.message, "clause": chip(reason.clause, "" if reason.clause else "通知没有写到")}


def _replayed(found: Difference | None) -> dict[str, Any]:
    if found is None:
        return {"same": True, "words": "用当时的事实重新计算，结果相同。"}
    if found.computed is None:
        return {"same": False, "words": "算不出来：规则或事实被改过。请保留现场，报审计和信息科。"}
    return {"same": False, "words": "重新计算，结果不一样：事实、结果或规则被改过。请保留现场，报审计和信息科。"}


def _says(one: Coverage, q: str) -> bool:
    clause = one.clause
    return not q or any(q.lower() in text.lower() for text in (clause.id, clause.cited, clause.title, clause.plain))


def _is_in(one: Coverage, instrument: str) -> bool:
    return not instrument or one.clause.instrument == instrument


def _has(one: Coverage, status: str) -> bool:
    return not status or one.clause.status == status


def _line(one: Coverage, cited: Counter[str] | None) -> dict[str, Any]:
    clause = one.clause
    return {
        "clause": clause.id,
        "label": chip(clause.id).label,
        "title": clause.title,
        "addressee": _ADDRESSEES[clause.addressee],
        "state": _state(clause.status),
        "evidence": 0 if cited is None else cited[clause.id],
        "href": f"/compliance/clauses/{clause.id}",
    }


def _state(status: Status) -> dict[str, str]:
    kind, word = _STATUSES[status]
    return {"kind": kind, "word": word}


def _instrument_tabs(every: list[Coverage], chosen: str, status: str, q: str) -> list[dict[str, Any]]:
    listed = [one for one in every if _has(one, status)]
    tabs = [_tab("全部", len(listed), not chosen, instrument="", status=status, q=q)]
    for instrument in load_rulebook().instruments.values():
        count = sum(_is_in(one, instrument.id) for one in listed)
        is_chosen = chosen == instrument.id
        tabs.append(_tab(instrument.short_title, count, is_chosen, instrument=instrument.id, status=status, q=q))
    return tabs


def _status_tabs(every: list[Coverage], instrument: str, chosen: str, q: str) -> list[dict[str, Any]]:
    listed = [one for one in every if _is_in(one, instrument)]
    tabs = [_tab("全部", len(listed), not chosen, instrument=instrument, status="", q=q)]
    for status, (_, word) in _STATUSES.items():
        count = sum(_has(one, status) for one in listed)
        if count or chosen == status:
            tabs.append(_tab(word, count, chosen == status, instrument=instrument, status=status.value, q=q))
    return tabs


def _tab(label: str, count: int, current: bool, **kept: str) -> dict[str, Any]:
    query = urlencode({name: value for name, value in kept.items() if value})
    return {
        "label": label,
        "href": "/compliance" + (f"?{query}" if query else ""),
        "current": current,
        "count": count,
    }


def _counts_words() -> str:
    count = Counter(one.clause.status for one in service.every_clause())
    parts = [f"{word} {count[status]} 条" for status, (_, word) in _STATUSES.items() if count[status]]
    return f"五个通知，{count.total()} 条：" + "，".join(parts)


def _value(one: DatedValue) -> dict[str, Any]:
    match one.value:
        case bool():
            value = "是" if one.value else "否"
        case Fraction():
            value = f"{one.value.numerator}/{one.value.denominator}"
        case _:
            value = f"{one.value}{_UNITS.get(one.unit, '')}"
    notes = ["原则上"] if one.in_principle else []
    notes += ["本院的读法"] if one.named_by == "reading" else []
    return {"from_day": one.effective_on, "name": one.plain, "value": value, "words": "，".join(notes)}


def _reading(one: ChosenReading) -> dict[str, Any]:
    label = one.reading.label(str(one.value))
    may_open = current_actor().may(Permission.INSTITUTION_VIEW)
    href = f"/admin/settings?open={one.reading.name}" if may_open else None
    return {"question": one.reading.question, "value_label": label, "href": href}


def _decision_line(stored: StoredDecision) -> dict[str, Any]:
    return {
        "number": words.decision_number(stored.decision_id),
        "at": stored.decided_at,
        "outcome": words.outcome(stored.decision),
        "words": words.title(stored.decision),
        "href": f"/compliance/decisions/{stored.decision_id}",
    }
