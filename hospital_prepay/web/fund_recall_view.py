"""What the pages of recall and clearing show."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final
from urllib.parse import urlencode

from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.decision import Decision
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.fund.forecast import Forecast, ForecastFacts
from hospital_prepay.domain.rules.fund.regime import Absence, Regime
from hospital_prepay.http.clauses import Chip, chip, number_chip
from hospital_prepay.http.current import current_actor
from hospital_prepay.http.forms import Form
from hospital_prepay.rulebook.loader import load_rulebook
from hospital_prepay.services.fund.recall_review import (
    BookedSettlement,
    Outlook,
    Pair,
    RecallDetail,
    RecallOverview,
    RecallState,
    Unready,
    stands_again,
)
from hospital_prepay.web.decision_view import decision_href, decision_number
from hospital_prepay.web.fund_words import grant_line, grant_title, keyed, mark_of, stopped_line

STATES: Final = {"standing": ("stop", "没有办结"), "returned": ("ok", "已全部交回"), "lifted": ("idle", "已解除")}
_SILENT: Final = Chip("通知未作规定", "按服务协议", None)


def overview_page(found: RecallOverview, outlooks: list[Outlook]) -> dict[str, Any]:
    """Every ground, each grant's day and gap, and what waits to be netted."""
    return {
        "recalls": [_recall_line(one, stands_again(one, found.recalls)) for one in found.recalls],
        "standing": sum(one.state == "standing" for one in found.recalls),
        "outlooks": [_outlook_line(one) for one in outlooks],
        "pairs": [_pair(one) for one in found.pairs],
        "unready": [_unready(one) for one in found.unready],
        "incidents": len(found.incidents),
        "may_see_losses": current_actor().may(Permission.LEDGER_VIEW),
        "may_record": current_actor().may(Permission.FUND_RETURN),
    }


def new_page(found: RecallOverview, form: Form, today: date) -> dict[str, Any]:
    """The form of a ground, under one place; the place of the newest grant unless another is chosen."""
    rulebook = load_rulebook()
    places = {one[-1].instrument: one[-1] for one in rulebook.regimes.values() if one[-1].text_at_hand}
    own = next((one.regime for one in found.grants if one.regime in places), next(iter(places)))
    chosen = str(form.entered.get("regime", ""))
    regime = places[chosen if chosen in places else own]
    entered = {"since_on": today.isoformat(), **form.entered, "regime": regime.instrument}
    return {
        "regime": {"id": regime.instrument, "place": regime.place, "number": regime.number},
        "others": [
            {"href": f"/finance/fund/recall/new?regime={one.instrument}", "place": one.place}
            for one in places.values()
            if one is not regime
        ],
        "grounds": _grounds(regime),
        "form": keyed(Form(entered, form.errors)),
    }


def ground_page(found: RecallDetail, today: date, name: str, form: Form | None) -> dict[str, Any]:
    """One ground. ``name`` is the form that came back, with ``form`` as it was typed."""
    one, names, actor = found.recall, found.names, current_actor()
    stands = one.state == "standing"
    mine = actor.actor_id == one.recorded_by
    owed = found.decision.facts["owed_fen"]
    may_urge = stands and owed and one.urged_on is None and actor.may(Permission.FUND_RETURN)
    offered = ["urge"] if may_urge else []
    offered += ["lift"] if stands and actor.may(Permission.FUND_RECORD) and not mine else []
    defaults = {"urge": {"urged_on": today.isoformat()}, "lift": dict[str, str]()}
    return {
        "recall": _recall_line(one, found.again),
        "what": one.what.splitlines(),
        "again": _href(found.again),
        "before": _href(found.before),
        "facts": _ground_facts(one, names),
        "consequences": [
            {"words": reason.message, "clause": _clause_of(reason.clause, reason.code)}
            for reason in found.decision.reasons
        ],
        "decision": {"number": decision_number(one.decision_id), "href": decision_href(one.decision_id)},
        "due_on": found.decision.facts["due_on"] if found.decision.facts["owed_fen"] else None,
        "expected_on": found.decision.facts["expected_on"] if found.decision.facts["owed_fen"] else None,
        "has_term": found.decision.facts["working_days"] is not None,
        "owed_fen": found.decision.facts["owed_fen"],
        "grants": [
            stopped_line(grant, stands=stands or (found.again is not None and found.again.state == "standing"))
            for grant in found.grants
            if grant.state not in ("applied", "declined", "withdrawn")
        ],
        "offered": offered,
        "opened": name,
        "forms": {key: keyed(form if key == name else None, **defaults[key]) for key in offered},
        "why_not": "您登记了这条情形，解除要由另一个人办。" if stands and mine else None,
        "stands": stands,
        "problem": _problem(form, name, offered),
    }


def urged_words(decision: Decision) -> str:
    """What to say once the day of urging is written down."""
    due, expected = decision.facts["due_on"], decision.facts["expected_on"]
    if not decision.facts["owed_fen"]:
        return "已登记督促。没有应还的预付金，不用退回；情形没有了，由另一个人登记解除。"
    if due:
        return f"已登记督促。最迟 {due} 退回。"
    if expected:
        return f"已登记督促。期限暂定，估计 {expected}；放假安排公布后再看。"
    return "已登记督促。通知没有写几天，请及时退回。"


def forecast_page(grant_id: str, found: Outlook | None, form: Form | None) -> dict[str, Any]:
    """One grant's day: needed, there, what lacks, month by month."""
    if found is None:
        return {"grant": None, "href": f"/finance/fund/grants/{grant_id}", "found": None, "form": Form()}
    facts, cash = found.facts, found.forecast
    entered = {"monthly": facts.monthly.plain(), "own_cash": facts.own_cash.plain()}
    return {
        "grant": grant_line(found.grant),
        "href": f"/finance/fund/grants/{grant_id}",
        "found": {
            **_outlook_line(found),
            "unspent": facts.unspent,
            "reserved": facts.reserved,
            "offsets": cash.offsets,
            "own_cash": facts.own_cash,
            "there": cash.there,
            "stopped": facts.settlements_stopped,
            "months": cash.months,
            "settled_on": _settled_since(facts),
            "members": _members(found) if found.grant.distributed_fen else None,
            "clause": found.clause and number_chip(found.clause),
            "document": found.document,
            "estimate": found.last and _estimate(found.last),
            "rests_on_estimate": cash.rests_on_estimate,
            "bar": found.bar and chip(found.bar),
        },
        "form": form or Form(entered),
    }


def netting_page(pair: Pair, today: date, form: Form | None) -> dict[str, Any]:
    """What a netting would do, and its form."""
    return {
        **_pair(pair),
        "reasons": [
            {"words": reason.message, "clause": _clause_of(reason.clause, reason.code)}
            for reason in pair.decision.reasons
        ],
        "form": keyed(form, netted_on=today.isoformat()),
        "may_net": current_actor().may(Permission.FUND_RETURN),
        "reserved_fen": pair.old.reserved_fen,
        "early": pair.new.year if pair.new.year > today.year else None,
    }


def _href(one: RecallState | None) -> str | None:
    return f"/finance/fund/recall/{one.recall_id}" if one else None


def _recall_line(one: RecallState, again: RecallState | None = None) -> dict[str, Any]:
    regime = load_rulebook().regime(one.regime)
    return {
        "href": f"/finance/fund/recall/{one.recall_id}",
        "id": one.recall_id,
        "place": regime.place,
        "title": load_rulebook().clause(one.clause).title if one.clause else "按服务协议收回",
        "clause": chip(one.clause) if one.clause else _SILENT,
        "since_on": one.since_on,
        "urged_on": one.urged_on,
        "document": one.document,
        "state": {"kind": "idle", "word": "交回后又冲销"} if again else mark_of(one.state, STATES),
    }


def _ground_facts(one: RecallState, names: Mapping[str, str]) -> list[tuple[str, str]]:
    def who(person: str | None) -> str:
        return names.get(person or "", person or "")

    pairs = [
        ("出现日", one.since_on.isoformat()),
        ("依据文件", one.document),
        ("谁登记", who(one.recorded_by)),
        ("督促日", one.urged_on.isoformat() if one.urged_on else ""),
        ("督促文号", one.urged_document),
        ("谁办结", who(one.ended_by)),
        ("办结原因", one.ended_ground),
        ("办结文号", one.ended_document),
    ]
    return [(label, value) for label, value in pairs if value]


def _clause_of(clause: str | None, code: str) -> Chip:
    if clause:
        return number_chip(clause)
    silent = code in ("by_agreement", "no_term", "all_is_due", "nothing_is_due")
    return _SILENT if silent else Chip("本院规定", "", None)


def _grounds(regime: Regime) -> list[dict[str, str]]:
    if isinstance(regime.recall, Absence):
        return []
    titles = ((one.number, load_rulebook().clause(one.provision.clause or "").title) for one in regime.recall.grounds)
    return [{"value": str(number), "label": f"情形 {number}：{title}"} for number, title in titles]


def _settled_since(facts: ForecastFacts) -> date | None:
    """The day of the settlement of this month, which isn't expected again."""
    months = [day for day in facts.settled_on if day.replace(day=1) == facts.today.replace(day=1)]
    return max(months, default=None)


def _members(found: Outlook) -> dict[str, Any]:
    """What is with members: to be collected, or to be paid for them; and what lacks once all is in."""
    facts = found.facts
    collected = facts.members_hold + facts.members_used
    return {
        "hold": facts.members_hold,
        "used": facts.members_used,
        "gap_after": Money(max(0, found.forecast.gap.fen - collected.fen)),
        "href": f"/finance/fund/grants/{found.grant.grant_id}/members",
    }


def _estimate(last: BookedSettlement) -> dict[str, Any]:
    may_open = current_actor().may(Permission.LEDGER_VIEW)
    return {
        "entry_no": last.entry_no,
        "on": last.booked_on,
        "amount": Money(last.fen),
        "href": f"/finance/ledger/{last.entry_no}" if may_open else None,
    }


def _outlook_line(found: Outlook) -> dict[str, Any]:
    cash, days = found.forecast, (found.forecast.clear_on - found.facts.today).days
    return {
        "grant": grant_line(found.grant),
        "href": f"/finance/fund/recall/forecast/{found.grant.grant_id}",
        "clear_on": cash.clear_on,
        "expected": found.expected,
        "days": days,
        "needed": cash.needed,
        "there": cash.there,
        "gap": cash.gap,
        "state": _outlook_state(cash),
        "recalled": found.stands is not None,
    }


def _outlook_state(cash: Forecast) -> dict[str, str]:
    if cash.alarm:
        return {"kind": "stop", "word": "钱不够"}
    return {"kind": "wait", "word": "靠估计的结算才够"} if cash.rests_on_estimate else {"kind": "ok", "word": "够"}


def _pair(pair: Pair) -> dict[str, Any]:
    words = {"hospital_pays": "医院付", "hospital_receives": "医院收", "nothing_moves": "没有收付"}
    codes = {reason.code for reason in pair.decision.reasons}
    return {
        "old": {**grant_line(pair.old), "title": grant_title(pair.old)},
        "new": {**grant_line(pair.new), "title": grant_title(pair.new)},
        "difference": pair.decision.amount or Money(0),
        "direction": next(word for code, word in words.items() if code in codes),
        "late": "late" in codes,
        "href": f"/finance/fund/recall/netting/{pair.old.grant_id}/{pair.new.grant_id}",
    }


def _unready(one: Unready) -> dict[str, Any]:
    """What comes before a netting, and where it is done."""
    old = grant_line(one.old)
    if one.new is None:
        words = f"先申请 {one.old.year + 1} 年的额度并登记批复，再轧差"
        asked = urlencode({"regime": one.old.regime, "year": one.old.year + 1})
        return {"old": old, "words": words, "button": "去申请", "href": f"/finance/fund/apply/new?{asked}"}
    href = f"/finance/fund/grants/{one.new.grant_id}"
    if one.new.state == "withheld":
        words = f"{one.new.year} 年的额度暂停拨付：先登记恢复，再轧差"
        return {"old": old, "words": words, "button": "看今年这笔", "href": href}
    words = f"{one.new.year} 年的额度等登记批复：批复后再轧差，不用另记到账"
    return {"old": old, "words": words, "button": "看今年这笔", "href": href}


def _problem(form: Form | None, name: str, offered: list[str]) -> dict[str, str] | None:
    if form is None or not form.errors or name in offered:
        return None
    return {"title": "没有办成", "message": "".join(form.errors.values())}
