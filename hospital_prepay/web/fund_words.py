"""What the fund's pages share: marks, names of grants, step bars, whose turn it is, a form's number."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hospital_prepay.domain.access import GRANTS, Role
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.filters import moment
from hospital_prepay.http.forms import Form
from hospital_prepay.rulebook.loader import load_rulebook
from hospital_prepay.services.fund.grants import FUND_NAMES, grant_words
from hospital_prepay.services.fund.recall import basis_of
from hospital_prepay.services.fund.review import GrantState, RecallState, RequestState, Turn
from hospital_prepay.services.fund.spending import has_run_out, request_number
from hospital_prepay.services.fund.words import BOUNCED, GRANT_STATES, RAN_OUT, REQUEST_STATES


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a bar. ``kind`` is done, now, bad or empty (to come); ``lines`` say who, when, and who may not."""

    kind: str
    title: str
    lines: tuple[str, ...] = ()


def mark_of(state: str, words: Mapping[str, tuple[str, str]]) -> dict[str, str]:
    """The mark of a state."""
    kind, word = words[state]
    return {"kind": kind, "word": word}


def grant_title(grant: GrantState) -> str:
    """A grant as papers call it, too."""
    return grant_words(grant)


def grant_place(grant: GrantState) -> str:
    """Whose notice and which pool: ``浙江省 临溪市``; once where they are the same."""
    place = load_rulebook().regime(grant.regime, grant.year).place
    return place if place.endswith(grant.pool_region) else f"{place} {grant.pool_region}"


def grant_line(grant: GrantState) -> dict[str, Any]:
    """A grant in a list, and at the head of its own page."""
    return {
        "id": grant.grant_id,
        "href": f"/finance/fund/grants/{grant.grant_id}",
        "title": grant_title(grant),
        "place": load_rulebook().regime(grant.regime, grant.year).place,
        "region": grant.pool_region,
        "fund": FUND_NAMES[grant.fund],
        "year": grant.year,
        "state": mark_of(grant.state, GRANT_STATES),
        "applied_fen": grant.applied_fen,
        "approved_fen": grant.approved_fen,
        "owed_fen": grant.owed_fen,
        "unspent_fen": grant.unspent_fen,
        "reserved_fen": grant.reserved_fen,
    }


def stopped_line(grant: GrantState, *, stands: bool) -> dict[str, Any]:
    """The same while a ground of recall stands: what is in use is paused."""
    line = grant_line(grant)
    if not stands or grant.state not in ("approved", "withheld", "received"):
        return line
    return {**line, "state": {"kind": "stop", "word": "暂停"}}


def rule_words(regime: str, version: str) -> str:
    """The notice by its number, and the version of the rulebook that was applied."""
    return f"{load_rulebook().instruments[regime].number} {version}"


def request_states(request: RequestState) -> Mapping[str, tuple[str, str]]:
    """The words of a request's states: what was paid and given back bounced; what nobody paid in time ran out."""
    if has_run_out(request, current_context().clock.now()):
        return {**REQUEST_STATES, "reserved": RAN_OUT}
    return {**REQUEST_STATES, "released": BOUNCED} if request.paid_by else REQUEST_STATES


def request_line(request: RequestState, names: Mapping[str, str]) -> dict[str, Any]:
    """A request in a list."""
    return {
        "number": request_number(request.request_id),
        "href": f"/finance/fund/requests/{request.request_id}",
        "purpose": request.purpose,
        "payee": request.payee_name,
        "asked_by": names.get(request.asked_by, request.asked_by),
        "asked_at": request.asked_at,
        "total_fen": request.total_fen,
        "held": request.held,
        "state": mark_of(request.state, request_states(request)),
        "refused": request.state == "refused",
    }


def stands_note(found: RecallState | None) -> dict[str, str] | None:
    """The ground that stops spending, with its page."""
    if found is None:
        return None
    return {"words": basis_of(found), "href": f"/finance/fund/recall/{found.recall_id}"}


def done_by(person: str | None, at: datetime | None, names: Mapping[str, str]) -> tuple[str, ...]:
    """Who did a step and when."""
    return (f"{names.get(person or '', person or '')} {moment(at)}",) if person else ()


def turn_lines(turn: Turn | None, names: Mapping[str, str]) -> tuple[str, ...]:
    """Whose step it is, and who may not take it."""
    if turn is None:
        return ()
    able = "、".join(names.get(one, one) for one in turn.holders)
    roles = "、".join(role.label for role in Role if turn.permission in GRANTS[role])
    lines = [f"由{roles}办：{able}" if able else f"由{roles}办；现在没有能办的人，请系统管理开账号"]
    if turn.barred:
        lines.append(f"{'、'.join(names.get(one, one) for one in sorted(turn.barred))}经手过，不能办")
    return tuple(lines)


def is_my_turn(turn: Turn | None) -> bool:
    """Whether the viewer may take the next step."""
    actor = current_actor()
    return turn is not None and actor.may(turn.permission) and actor.actor_id not in turn.barred


def why_not_mine(turn: Turn | None) -> str | None:
    """Why the viewer may not, where the role alone would allow it."""
    actor = current_actor()
    barred = turn is not None and actor.may(turn.permission) and actor.actor_id in turn.barred
    return "您经手了前面的步骤，这一步要由另一个人办。" if barred else None


def stranded(name: str, form: Form | None, offered: list[str]) -> dict[str, str] | None:
    """What became of a form that came back and has no place on the page any more: somebody was quicker."""
    if form is None or not form.errors or name in offered:
        return None
    return {"title": "没有办成", "message": "".join(form.errors.values())}


def keyed(form: Form | None, **defaults: str) -> Form:
    """A form with its number: what was typed, or a fresh one."""
    entered = {**defaults, **(form.entered if form else {})}
    entered["idempotency_key"] = str(entered.get("idempotency_key") or uuid.uuid4())
    return Form(entered, form.errors if form else {})
