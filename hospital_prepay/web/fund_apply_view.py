"""What the pages of the applications show."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from fractions import Fraction
from typing import Any, Final

from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.fund.application import ADJUSTED
from hospital_prepay.domain.rules.fund.eligibility import Met
from hospital_prepay.domain.rules.fund.regime import Absence, Regime
from hospital_prepay.http.clauses import chip, number_chip
from hospital_prepay.http.current import current_actor
from hospital_prepay.http.filters import yuan
from hospital_prepay.http.forms import Form
from hospital_prepay.rulebook.loader import load_rulebook
from hospital_prepay.services.fund.application_command import AGREEMENT
from hospital_prepay.services.fund.application_review import ApplicationDetail, ApplicationOverview, ApplicationRow
from hospital_prepay.services.fund.assess import decimal_text
from hospital_prepay.services.fund.grants import FUND_NAMES
from hospital_prepay.services.fund.missing import fact_labels
from hospital_prepay.services.fund.review import GrantState
from hospital_prepay.services.fund.words import CONDITIONS, FACTS, GRANT_STATES, MET
from hospital_prepay.web.decision_view import decision_href, decision_number, outcome
from hospital_prepay.web.fund_apply_form import chosen, facts_asked, late_words
from hospital_prepay.web.fund_assess import fact_words
from hospital_prepay.web.fund_papers import paper_links
from hospital_prepay.web.fund_words import grant_title, keyed, mark_of

_UNKNOWN: Final = "没有填"
_DEFICITS: Final = ("deficit_last_year", "deficit_forecast")
_WITHDRAWN: Final = mark_of("withdrawn", GRANT_STATES)
_KINDS: Final = {Met.MET: "ok", Met.UNMET: "stop", Met.WAIVED: "info", Met.UNKNOWN: "wait"}


def overview_page(found: ApplicationOverview, today: date, opened: str, form: Form | None) -> dict[str, Any]:
    """Every application, the documents of an emergency, and the forms that the viewer may use."""
    actor = current_actor()
    regime = chosen(Form(), found, today)
    filed = any(one.year == today.year and one.kind == "basic" for one in found.grants)
    places = [edition[-1] for edition in load_rulebook().regimes.values()]
    empty = {"year": str(today.year), "eased_year": str(today.year)}
    return {
        "applications": [_line(one, found) for one in found.applications],
        "late": late_words(regime, today.year, today) if regime and not filed else None,
        "place": regime.place if regime else None,
        "emergencies": [
            {
                "document": one.document,
                "issued_on": one.issued_on,
                "place": load_rulebook().regime(one.regime, one.year).place,
                "year": one.year,
                "adjusts": "、".join(ADJUSTED[what] for what in one.adjusts),
                "by": found.names.get(one.recorded_by, one.recorded_by),
            }
            for one in found.emergencies
        ],
        "procurements": [_procurement(found, grant) for grant in found.grants if grant.kind == "procurement"],
        "funds": [{"value": value, "label": label} for value, label in FUND_NAMES.items()],
        "places": [{"value": one.instrument, "label": f"{one.place} {one.number}"} for one in places],
        "adjusted": [{"name": f"adjusts_{key}", "label": words} for key, words in ADJUSTED.items()],
        "may_apply": actor.may(Permission.FUND_APPLY),
        "may_record": actor.may(Permission.FUND_RECORD),
        "opened": opened,
        "form": keyed(form, **empty),
    }


def _procurement(found: ApplicationOverview, grant: GrantState) -> dict[str, Any]:
    document = found.procurements.get(grant.grant_id)
    return {
        "href": f"/finance/fund/grants/{grant.grant_id}",
        "title": grant_title(grant),
        "region": grant.pool_region,
        "document": document.document if document else "",
        "batch": document.batch if document else "",
        "return_on": document.return_on if document else None,
        "amount_fen": grant.approved_fen or grant.applied_fen,
        "state": mark_of(grant.state, GRANT_STATES),
    }


def application_page(found: ApplicationDetail, form: Form | None = None) -> dict[str, Any]:
    """One application; ``form`` is the one that came back."""
    application, decision, back = found.application, found.decision, found.withdrawn
    regime = load_rulebook().regime(application.regime, application.year)
    grant = found.grant
    grant_id = back.grant_id if back else grant.grant_id if grant else None
    open_still = back is None and grant is not None and grant.state == "applied" and grant.kind == "basic"
    evidence = {one.item: one for one in found.evidence}
    conditions = [
        {
            "label": one["words"],
            "state": {"kind": _KINDS[Met(one["outcome"])], "word": MET[Met(one["outcome"])]},
            "clause": number_chip(one["clause"]) if one["clause"] else None,
            "evidence": evidence.get(one["id"]),
        }
        for one in sorted(decision.facts["conditions"], key=lambda one: list(CONDITIONS).index(one["id"]))
    ]
    return {
        "application": {
            "id": application.decision_id,
            "title": f"{application.year} 年{FUND_NAMES[application.fund]}预付金申请",
            "place": regime.place,
            "region": application.pool_region,
            "amount_fen": application.amount_fen,
            "in_words": Money(application.amount_fen).in_words(),
            "by": found.names.get(application.applied_by, application.applied_by),
            "at": application.applied_at,
            "state": _WITHDRAWN
            if back
            else outcome(decision)
            if grant is None
            else mark_of(grant.state, GRANT_STATES),
            "quota_fen": application.quota_fen,
            "largest_fen": decision.facts["largest_fen"],
            "base_fen": application.base_fen,
            "months": application.months,
        },
        "answered": _answered(application.facts, application.year, regime),
        "conditions": conditions,
        "agreement": evidence.get(AGREEMENT),
        "reasons": [chip(one.clause, one.message.rstrip("。")) for one in decision.reasons],
        "papers": paper_links(application.regime, application.decision_id),
        "filed": grant_id is not None,
        "grant_href": f"/finance/fund/grants/{grant_id}" if grant_id else None,
        "withdrawn": back
        and {
            "by": found.names.get(back.withdrawn_by, back.withdrawn_by),
            "at": back.withdrawn_at,
            "ground": back.ground,
        },
        "may_withdraw": open_still and current_actor().may(Permission.FUND_APPLY),
        "form": form or Form(),
        "number": decision_number(application.decision_id),
        "number_href": decision_href(application.decision_id),
    }


def _answered(facts: Mapping[str, Any], year: int, regime: Regime) -> list[dict[str, str]]:
    """All that the place asks for, as it was kept: the hospital, the pools, the payments by year, the growth."""
    asked = facts_asked(regime)
    labels = fact_labels()
    rows = [
        (label, fact_words(name, facts["institution"].get(name))) for name, label in FACTS.items() if name in asked
    ]
    notified = facts.get("notified")
    if notified is not None:
        rows.append(("近一年药械采购违规或拖欠货款被通报", fact_words("notified", notified)))
    for pool in facts["pools"]:
        fund = pool["fund"]
        if regime.solvency is not Absence.SILENT:
            rows.append((labels[f"{fund}_months"], pool["months_payable"] or _UNKNOWN))
            rows += [(labels[f"{fund}_{key}"], fact_words(key, pool[key])) for key in _DEFICITS]
    rows += [
        (f"{one['year']} 年{FUND_NAMES[one['fund']]}付给本院", f"{yuan(one['amount'])} 元")
        for one in sorted(facts["paid"], key=lambda one: (one["fund"], -one["year"]))
        if one["year"] < year
    ]
    growth = facts["growth"]
    if "growth" in asked:
        rows.append((labels["growth"], _UNKNOWN if growth is None else f"{_percent(growth)} %"))
    return [{"label": label, "value": value} for label, value in rows]


def _percent(growth: str) -> str:
    return decimal_text(Fraction(growth) * 100)


def _line(one: ApplicationRow, found: ApplicationOverview) -> dict[str, Any]:
    grant = found.grant_of(one.decision_id)
    refused = {"kind": "stop", "word": "没有递交"}
    return {
        "href": f"/finance/fund/apply/{one.decision_id}",
        "title": f"{one.year} 年{FUND_NAMES[one.fund]}",
        "place": load_rulebook().regime(one.regime, one.year).place,
        "region": one.pool_region,
        "amount_fen": one.amount_fen,
        "approved_fen": grant.approved_fen if grant else None,
        "by": found.names.get(one.applied_by, one.applied_by),
        "at": one.applied_at,
        "state": _WITHDRAWN
        if one.decision_id in found.withdrawn
        else mark_of(grant.state, GRANT_STATES)
        if grant
        else refused,
    }
