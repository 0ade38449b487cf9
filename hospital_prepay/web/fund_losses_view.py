"""What the pages of losses and of the agency's memorandum book show."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from hospital_prepay.domain.access import Permission
from hospital_prepay.http.clauses import Chip, number_chip
from hospital_prepay.http.current import current_actor
from hospital_prepay.http.forms import Form
from hospital_prepay.rulebook.loader import load_rulebook
from hospital_prepay.services.fund.recall_review import Loss, Mirrored, RecallOverview
from hospital_prepay.services.fund.words import WITHOUT_TEXT
from hospital_prepay.web.fund_confirmation import confirm_loss
from hospital_prepay.web.fund_words import grant_line, grant_title, keyed, mark_of

STATES: Final = {"recorded": ("wait", "等确认"), "confirmed": ("info", "已垫补"), "rejected": ("idle", "已退回")}
_SETTLED: Final = ("ok", "已追回")


@dataclass(frozen=True, slots=True)
class Asked:
    """The form that came back, by ``name``; or the loss whose confirmation is asked once more."""

    name: str = ""
    form: Form | None = None
    confirms: str = ""


def losses_page(found: list[Loss], overview: RecallOverview, today: date, asked: Asked) -> dict[str, Any]:
    """Every loss with what may be done with it."""
    actor, name, form = current_actor(), asked.name, asked.form
    titles = {one.grant_id: grant_title(one) for one in overview.grants}
    owing = [one for one in overview.grants if one.owed_fen]
    return {
        "losses": [_loss(one, titles, overview, today, asked) for one in found],
        "may_record": actor.may(Permission.FUND_RETURN) and bool(owing),
        "grants": [{"value": one.grant_id, "label": grant_title(one)} for one in owing],
        "form": keyed(form if name == "loss" else None, found_on=today.isoformat()),
        "opened": name,
        "problem": _problem(name, form),
    }


def memorandum_page(found: list[Mirrored], today: date, form: Form | None) -> dict[str, Any]:
    """Every grant as the agency's book must have it; the entries once a place."""
    places: dict[str, dict[str, Any]] = {}
    for one in found:
        regime = load_rulebook().regime(one.grant.regime)
        silent = Chip("通知未作规定" if regime.text_at_hand else WITHOUT_TEXT, "没有印分录", None)
        places[one.grant.regime] = {
            "place": regime.place,
            "silent": silent,
            "entries": [{"entry": entry, "clause": number_chip(entry.clause)} for entry in one.entries],
        }
    return {
        "rows": [
            {
                "grant": grant_line(one.grant),
                "paid_out_fen": one.paid_out_fen,
                "returned_fen": one.returned_fen,
                "offset_fen": one.offset_fen,
                "netted_fen": one.netted_fen,
                "written_off_fen": sum(each.amount_fen for each in one.write_offs),
                "balance_fen": one.balance_fen,
                "documents": "、".join(each.document for each in one.write_offs),
            }
            for one in found
        ],
        "places": list(places.values()),
        "may_record": current_actor().may(Permission.FUND_RECORD) and bool(found),
        "grants": [{"value": one.grant.grant_id, "label": grant_title(one.grant)} for one in found],
        "form": keyed(form, written_off_on=today.isoformat()),
    }


def _loss(one: Loss, titles: dict[str, str], overview: RecallOverview, today: date, asked: Asked) -> dict[str, Any]:
    incident, actor = one.incident, current_actor()
    mine, key = incident.recorded_by == actor.actor_id, f"compensate-{incident.incident_id}"
    waits = incident.state == "recorded"
    settled = incident.state == "confirmed" and not one.claimable_fen
    may_decide = waits and not mine and actor.may(Permission.FUND_RECORD)
    title = titles.get(incident.grant_id, "")
    return {
        "id": incident.incident_id,
        "title": title,
        "amount_fen": incident.amount_fen,
        "claimable_fen": one.claimable_fen,
        "found_on": incident.found_on,
        "what": incident.what,
        "persons": incident.persons,
        "document": incident.document,
        "by": overview.names.get(incident.recorded_by, incident.recorded_by),
        "at": incident.recorded_at,
        "decided_by": overview.names.get(incident.decided_by or "", incident.decided_by),
        "decided_at": incident.decided_at,
        "decided": "谁退回" if incident.state == "rejected" else "谁确认",
        "state": {"kind": _SETTLED[0], "word": _SETTLED[1]} if settled else mark_of(incident.state, STATES),
        "may_decide": may_decide,
        "confirm": confirm_loss(incident, title, today)
        if may_decide and asked.confirms == incident.incident_id
        else None,
        "why_not": waits and mine and actor.may(Permission.FUND_RECORD),
        "may_compensate": bool(one.claimable_fen) and actor.may(Permission.FUND_RETURN),
        "form": keyed(asked.form if asked.name == key else None, received_on=today.isoformat()),
        "open": asked.name == key,
    }


def _problem(name: str, form: Form | None) -> dict[str, str] | None:
    if name != "decide" or form is None or not form.errors:
        return None
    return {"title": "没有办成", "message": "".join(form.errors.values())}
