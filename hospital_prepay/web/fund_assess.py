"""``/finance/fund/assess``: may this hospital apply, for how much, by when. Nothing is stored and nothing is decided:
the page runs the very function of ``hospital-prepay fund assess``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from flask import Blueprint, render_template

from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.errors import MalformedInput
from hospital_prepay.domain.rules.fund.duties import Duty
from hospital_prepay.domain.rules.fund.eligibility import Checked, Met
from hospital_prepay.domain.rules.fund.facts import AssessmentFacts
from hospital_prepay.domain.rules.fund.quota import Quota
from hospital_prepay.domain.rules.fund.regime import DutyHolder, Fund, Regime
from hospital_prepay.http.clauses import Chip, number_chip
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.forms import Form, WrongForm, read_form, typed
from hospital_prepay.http.permission import requires
from hospital_prepay.rulebook.loader import load_rulebook
from hospital_prepay.schemas.fund_form import GRADES, YEARS_BACK, FundFormSchema
from hospital_prepay.services.fund.assess import AssessFund, assess_fund, decimal_text
from hospital_prepay.services.fund.duties import read_duties
from hospital_prepay.services.fund.missing import fact_labels, missing_for_condition, missing_for_quota, why_barred
from hospital_prepay.services.fund.words import CONDITIONS, FACTS, HOLDERS, MET, REPORTED, VERDICTS

blueprint = Blueprint("fund_assess", __name__, url_prefix="/finance/fund/assess")
_KINDS: Final = {Met.MET: "ok", Met.UNMET: "stop", Met.WAIVED: "info", Met.UNKNOWN: "wait"}
_MAY: Final = {True: ("permit", "ok"), False: ("refuse", "stop"), None: ("", "wait")}
_PERMITTED: Final = {True: ("ok", "可预付"), False: ("stop", "不能预付"), None: ("wait", "未知")}
YES_NO: Final = ({"value": "yes", "label": "是"}, {"value": "no", "label": "否"})
_CHOICES: Final[dict[str, tuple[dict[str, str], ...]]] = {
    "level": tuple({"value": str(n), "label": f"{word}级"} for n, word in enumerate("一二三", 1)),
    "assessment": (
        {"value": "excellent", "label": "优秀"},
        {"value": "qualified", "label": "合格"},
        {"value": "unqualified", "label": "不合格"},
    ),
    "credit_grade": tuple({"value": grade, "label": grade} for grade in GRADES),
    "priority_work": (
        {"value": "outstanding", "label": "表现突出"},
        {"value": "done", "label": "已经落实"},
        {"value": "not_done", "label": "没有落实"},
    ),
}
_TYPED: Final = {"full_years_settled"}


@blueprint.get("")
@requires(Permission.FUND_VIEW)
def show_form() -> str:
    """The empty form, on the place that the hospital stands in."""
    book = read_duties(current_context(), current_actor())
    own = next(iter(book.places_of(book.today.year)), "")
    return _page(Form({"year": str(book.today.year), "regime": own}))


@blueprint.post("")
@requires(Permission.FUND_VIEW)
def assess() -> Any:
    """The answer beside the form as it was typed."""
    try:
        command = read_form(FundFormSchema())
        found = _answer(command)
    except WrongForm as wrong:
        return _page(wrong.form), 422
    except MalformedInput as error:
        field = "year" if error.reason == "no_rule_in_force" else "regime"
        return _page(typed().with_error(error, field)), 422
    return _page(typed(), found)


def _page(form: Form, answer: dict[str, Any] | None = None) -> str:
    facts = [{"name": name, "label": label, **fact_entry(name)} for name, label in FACTS.items()]
    places = [edition[-1] for edition in load_rulebook().regimes.values()]
    return render_template(
        "pages/fund/assess.html",
        form=form,
        labels=fact_labels(),
        places=[{"value": one.instrument, "label": f"{one.place} {one.number}"} for one in places],
        facts=facts,
        pools=[pool_fields(fund) for fund in Fund],
        yes_no=YES_NO,
        may_apply=current_actor().may(Permission.FUND_APPLY),
        answer=answer,
    )


def fact_entry(name: str) -> dict[str, Any]:
    """The choices of a fact, or none where a number is typed."""
    return {"options": None if name in _TYPED else _CHOICES.get(name, YES_NO)}


def fact_words(name: str, value: Any) -> str:
    """What was answered, in words."""
    if value is None:
        return "没有填"
    if isinstance(value, bool):
        return "是" if value else "否"
    labels = {one["value"]: one["label"] for one in _CHOICES.get(name, ())}
    return labels.get(str(value), str(value))


def pool_fields(fund: Fund, years: int = len(YEARS_BACK)) -> dict[str, Any]:
    """The fields of one fund, with what it paid in the last ``years``."""

    def named(keys: Iterable[str]) -> list[dict[str, str]]:
        return [{"name": f"{fund.value}_{key}", "label": fact_labels()[f"{fund.value}_{key}"]} for key in keys]

    return {
        "label": fund.label,
        "months": named(["months"])[0],
        "deficits": named(["deficit_last_year", "deficit_forecast"]),
        "paid": named(f"paid_{back}" for back in YEARS_BACK[:years]),
    }


def _answer(command: AssessFund) -> dict[str, Any]:
    found, facts = assess_fund(command), command.facts
    regime = load_rulebook().regime(command.regime, facts.year)
    kind, icon = _MAY[found.eligible]
    return {
        "kind": kind,
        "icon": icon,
        "title": f"{regime.place} {facts.year} 年：{VERDICTS[found.eligible]}",
        "text_at_hand": regime.text_at_hand,
        "conditions": [_condition(facts, one) for one in sorted(found.conditions, key=_as_listed)],
        "quotas": [_quota(regime, facts, one) for one in found.quotas],
        "duties": [_duty(one) for one in sorted(found.duties, key=lambda one: (one.named_on, one.id))],
    }


def _condition(facts: AssessmentFacts, one: Checked) -> dict[str, Any]:
    return {
        "label": CONDITIONS[one.id],
        "state": {"kind": _KINDS[one.outcome], "word": MET[one.outcome]},
        "missing": named_fields(missing_for_condition(facts, one)),
        "clause": number_chip(one.clause) if one.clause else None,
    }


def _as_listed(one: Checked) -> int:
    return list(CONDITIONS).index(one.id)


def _quota(regime: Regime, facts: AssessmentFacts, one: Quota) -> dict[str, Any]:
    kind, word = _PERMITTED[one.permitted]
    return {
        "label": one.fund.label,
        "state": {"kind": kind, "word": word},
        "base": one.base,
        "months": None if one.months is None else decimal_text(one.months),
        "quota": one.quota,
        "max_quota": one.max_quota,
        "missing": named_fields(missing_for_quota(regime, facts, one)),
        "barred": "；".join(why_barred(regime, facts, one)),
        "clauses": [number_chip(clause) for clause in one.clauses],
    }


def _duty(one: Duty) -> dict[str, Any]:
    return {
        "on": one.due_on,
        "named_on": one.named_on,
        "words": one.plain,
        "holder": HOLDERS[one.holder],
        "ours": one.holder is DutyHolder.HOSPITAL,
        "clause": Chip(REPORTED, "", None) if one.clause is None else number_chip(one.clause),
    }


def named_fields(names: Iterable[str]) -> list[dict[str, str]]:
    """Facts by the names that lead to their fields."""
    labels = fact_labels()
    return [{"name": name, "label": labels[name]} for name in names]
