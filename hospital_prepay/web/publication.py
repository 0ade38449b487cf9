"""``/admin/institution``, ``/admin/calendar``, ``/admin/settings``: the hospital, its days and its readings."""

from __future__ import annotations

from datetime import date
from typing import Any, Final

from flask import Blueprint, redirect, render_template, request

from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.errors import MalformedInput
from hospital_prepay.domain.rules.publication.scope import Binding, binding
from hospital_prepay.http.clauses import chip
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.flash import say
from hospital_prepay.http.forms import Form, WrongForm, read_form, typed
from hospital_prepay.http.permission import requires
from hospital_prepay.rulebook.loader import load_rulebook
from hospital_prepay.schemas.publication import ChoiceSchema, InstitutionSchema, RulesSchema
from hospital_prepay.services.publication import deposit_rules, institution, readings
from hospital_prepay.services.publication.deposit_rules import RulesVersion, State
from hospital_prepay.services.publication.institution import Hospital
from hospital_prepay.services.publication.readings import ChosenReading

blueprint = Blueprint("publication", __name__, url_prefix="/admin")
_GUIZHOU: Final = "guizhou-deposit-2025"
_BINDINGS: Final = {
    Binding.BOUND: ("ok", "适用", "公立医疗机构和医保定点医疗机构都适用。"),
    Binding.BY_REFERENCE: ("info", "参照执行", "非公立、又不是医保定点的，可以参照执行。"),
    Binding.APART: ("idle", "不适用", "军队主办的医疗机构按军队后勤部门的规定办。"),
}
_STATES: Final = {
    State.DRAFT: ("wait", "等批准"),
    State.COMING: ("info", "已批准，未到执行日"),
    State.IN_FORCE: ("ok", "现行"),
    State.REPLACED: ("idle", "已被新版代替"),
}
_AREAS: Final = {
    "inpatient": "住院额度和收款",
    "settlement": "出院结算",
    "outpatient": "门诊余额",
    "fund": "医保预付金",
    "ledger": "记账",
}
_UNITS: Final = {"day": "日期", "cases": "例", "years": "岁", "working_days": "个工作日", "percent": "%"}


@blueprint.get("/institution")
@requires(Permission.INSTITUTION_VIEW)
def show_institution() -> str:
    """Who the hospital is, which rules bind it, and its own rules."""
    return _institution_page()


@blueprint.post("/institution")
@requires(Permission.INSTITUTION_MANAGE)
def change_institution() -> Any:
    """Change name, contact and profile."""
    try:
        institution.change_institution(current_context(), current_actor(), read_form(InstitutionSchema()))
    except WrongForm as wrong:
        return _institution_page(form=wrong.form), 422
    say("ok", "本院资料已改，患者页面马上按新的显示。")
    return redirect("/admin/institution", 303)


@blueprint.post("/institution/rules")
@requires(Permission.INSTITUTION_MANAGE)
def write_rules() -> Any:
    """Store a draft of the hospital's own rules."""
    try:
        version_no = deposit_rules.write_rules(current_context(), current_actor(), read_form(RulesSchema()))
    except WrongForm as wrong:
        return _institution_page(rules_form=wrong.form), 422
    except MalformedInput as error:
        return _institution_page(rules_form=typed().with_error(error)), 422
    say("ok", f"第 {version_no} 版已存为草稿，等财务审批批准。")
    return redirect("/admin/institution", 303)


@blueprint.post("/institution/rules/<int:version_no>/approve")
@requires(Permission.RULES_APPROVE)
def approve_rules(version_no: int) -> Any:
    """Approve a draft that another person wrote."""
    deposit_rules.approve_rules(current_context(), current_actor(), version_no)
    say("ok", f"第 {version_no} 版已批准，到执行日生效。")
    return redirect("/admin/institution", 303)


@blueprint.get("/settings")
@requires(Permission.INSTITUTION_VIEW)
def show_settings() -> str:
    """Every open question and the hospital's answer."""
    return _settings_page(request.args.get("open"), None)


@blueprint.post("/settings/<name>")
@requires(Permission.SETTINGS_MANAGE)
def change_setting(name: str) -> Any:
    """Answer a question anew."""
    try:
        readings.change_reading(current_context(), current_actor(), name, read_form(ChoiceSchema()))
    except WrongForm as wrong:
        return _settings_page(name, wrong.form), 422
    except MalformedInput as error:
        return _settings_page(name, typed().with_error(error, "value")), 422
    say("ok", "读法已改，从下一个决定起生效。")
    return redirect("/admin/settings", 303)


def _institution_page(form: Form | None = None, rules_form: Form | None = None) -> str:
    context, actor = current_context(), current_actor()
    hospital = institution.hospital_of(context, actor.institution_id)
    values = _values(hospital)
    if form:
        values = {name: str(form.entered.get(name, "")) for name in values}
    values["code"] = hospital.code
    return render_template(
        "pages/publication/institution.html",
        form=Form(values, form.errors if form else {}),
        may_edit=actor.may(Permission.INSTITUTION_MANAGE),
        binding=_binding(hospital),
        instruments=[_instrument(one_id, hospital) for one_id in load_rulebook().instruments],
        rules=[_rules(one) for one in deposit_rules.list_rules(context, actor.institution_id)],
        rules_form=rules_form or Form({"effective_on": context.clock.today().isoformat()}),
        may_write_rules=actor.may(Permission.INSTITUTION_MANAGE),
    )


def _values(hospital: Hospital) -> dict[str, str]:
    return {
        "name": hospital.name,
        "phone": hospital.phone,
        "hours": hospital.hours,
        "place": hospital.place,
        "ownership": hospital.profile.ownership.value,
        "designated": "yes" if hospital.profile.is_designated else "",
    }


def _binding(hospital: Hospital) -> dict[str, Any]:
    kind, word, words = _BINDINGS[binding(hospital.profile)]
    return {"kind": kind, "word": word, "words": words, "clause": chip(f"{_GUIZHOU}/2")}


def _instrument(instrument_id: str, hospital: Hospital) -> dict[str, Any]:
    instrument = load_rulebook().instruments[instrument_id]
    if instrument_id == _GUIZHOU:
        kind, word, _ = _BINDINGS[binding(hospital.profile)]
    else:
        # The insurance notices bind the hospitals of their own region.
        kind, word = "idle", "外地的通知，供对照"
    first = next(one.id for one in load_rulebook().clauses if one.instrument == instrument_id)
    return {
        "name": instrument.short_title,
        "clause": chip(first),
        "since": instrument.effective_on,
        "state": {"kind": kind, "word": word},
    }


def _rules(one: RulesVersion) -> dict[str, Any]:
    kind, word = _STATES[one.state]
    actor = current_actor()
    is_draft = one.state is State.DRAFT
    may = is_draft and actor.may(Permission.RULES_APPROVE) and one.written_by_id != actor.actor_id
    own = is_draft and one.written_by_id == actor.actor_id
    return {
        "version": one.version_no,
        "title": one.title,
        "text": one.text,
        "effective_on": one.effective_on,
        "state": {"kind": kind, "word": word},
        "written_by": one.written_by,
        "written_at": one.written_at,
        "approved_by": one.approved_by,
        "approved_at": one.approved_at,
        "may_approve": may,
        "why_not": "您拟的稿，要由另一位财务审批批准。" if own else "等财务审批批准。" if is_draft else None,
    }


def _settings_page(open_id: str | None, form: Form | None) -> str:
    context, actor = current_context(), current_actor()
    items = [
        (one.reading.used_in[0].partition(".")[0], _setting(one, form if one.reading.name == open_id else None))
        for one in readings.list_readings(context, actor.institution_id)
    ]
    groups = [
        {"title": title, "readings": [one for key, one in items if key == area]} for area, title in _AREAS.items()
    ]
    return render_template(
        "pages/publication/settings.html",
        groups=[group for group in groups if group["readings"]],
        may_edit=actor.may(Permission.SETTINGS_MANAGE),
        open_id=open_id,
    )


def _setting(one: ChosenReading, form: Form | None) -> dict[str, Any]:
    reading = one.reading
    return {
        "id": reading.name,
        "question": reading.question,
        "value": str(one.value),
        "value_label": _label(one, one.value),
        "default_label": _label(one, reading.default),
        "is_default": one.value == reading.default,
        "clause": chip(reading.clauses[0] if reading.clauses else None, "" if reading.clauses else "通知没有写到"),
        "is_followed": one.is_followed,
        "why": one.chosen.ground if one.chosen else None,
        "options": [{"value": code, "label": label} for code, label in reading.choices.items()],
        "unit": _UNITS.get(reading.unit or ""),
        "changed_by": one.changed_by,
        "changed_at": one.chosen.changed_at if one.chosen else None,
        "form": form or Form({"value": str(one.value)}),
    }


def _label(one: ChosenReading, value: str | int | date) -> str:
    if one.reading.choices:
        return one.reading.choices[str(value)]
    unit = _UNITS.get(one.reading.unit or "", "")
    return str(value) if isinstance(value, date) else f"{value} {unit}"
