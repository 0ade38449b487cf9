"""What the pages of the gate show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.ledger.chart import Tender
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.outpatient.gate import GATE, PLACES
from hospital_prepay.domain.rules.outpatient.kinds import NOT_DEPOSITS, MoneyKind
from hospital_prepay.http.clauses import chip
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.forms import Form
from hospital_prepay.http.paging import page_of
from hospital_prepay.schemas.outpatient_gate import ELDERLY, KIND
from hospital_prepay.services.outpatient.gate import TakenDeposit
from hospital_prepay.services.outpatient.gate_review import (
    REFUSED_A_PAGE,
    GateState,
    KeptRow,
    OtherKindRow,
    RefusedDeposit,
)
from hospital_prepay.web.decision_view import decision_href, decision_number
from hospital_prepay.web.fund_words import keyed

_FILED: Final = {
    "proposed": {"kind": "held", "word": "等另一个人核对"},
    "approved": {"kind": "ok", "word": "施行中"},
    "rejected": {"kind": "idle", "word": "退回"},
    "ended": {"kind": "idle", "word": "已停用"},
}
_OTHER: Final = {
    "proposed": {"kind": "held", "word": "等另一个人认定"},
    "approved": {"kind": "ok", "word": "认定不是预交金"},
    "rejected": {"kind": "idle", "word": "没有认定"},
}
_LINES: Final = 6


def account_href(account_no: str) -> str:
    """The page of an account."""
    return f"/finance/outpatient/accounts/{quote(account_no)}"


def gate_page(found: GateState, name: str, form: Form) -> dict[str, Any]:
    """The whole gate."""
    actor, force = current_actor(), found.in_force
    labels = _labels(found.filings)
    return {
        "clause": chip(GATE),
        "state": _verdict(found),
        "force": None if force is None else _filing(force, found),
        "filings": [_filing(one, found) for one in found.filings if one is not force],
        "places": _places(force, found),
        "may_file": actor.may(Permission.OUTPATIENT_FILE),
        "may_take": actor.may(Permission.OUTPATIENT_ACCEPT),
        "open_form": name,
        "form": form,
        "propose": form if name == "propose" else Form(),
        "post": form if name == "post" else Form({"posted_on": current_context().clock.today().isoformat()}),
        "kind_lines": [
            {"label": f"{KIND}{number}", "elderly": f"{ELDERLY}{number}", "number": number}
            for number in range(1, _LINES + 1)
        ],
        "taken": [
            {
                "account_no": one.account_no,
                "href": account_href(one.account_no),
                "amount_fen": one.amount_fen,
                "tender": Tender(one.tender).label,
                "kind": labels.get((one.filing_id, one.kept_kind), one.kept_kind),
                "consent": one.consent,
                "by": found.names.get(one.taken_by, one.taken_by),
                "at": one.taken_at,
            }
            for one in found.taken
        ],
        "taken_count": found.taken_count,
        "taken_fen": found.taken_fen,
        "refused": [_refused(one, found) for one in found.refused],
        "refused_count": found.refused_count,
        "page": page_of(len(found.refused), found.refused_count, "次", REFUSED_A_PAGE),
    }


def take_page(found: GateState, form: Form, refused: TakenDeposit | None) -> dict[str, Any]:
    """The form of a deposit, and why one was refused."""
    force = found.in_force
    return {
        "clause": chip(GATE),
        "state": _verdict(found),
        "document": None if force is None else force.document,
        "kinds": [
            {
                "value": str(kind["code"]),
                "label": str(kind["label"]),
                "note": "核对年龄" if kind["for_elderly"] else None,
            }
            for kind in (force.kinds if force else [])
        ],
        "tenders": [{"value": one.value, "label": one.label, "note": None} for one in Tender],
        "form": keyed(form),
        "refused": None if refused is None else _refusal(refused),
    }


def kinds_page(found: list[OtherKindRow], names: Mapping[str, str], form: Form) -> dict[str, Any]:
    """Article 9's kinds and the hospital's own."""
    actor = current_actor()
    return {
        "clause": chip(NOT_DEPOSITS),
        "named": [kind.label for kind in MoneyKind if kind.clause == NOT_DEPOSITS],
        "others": [
            {
                "id": one.kind_id,
                "label": one.label,
                "ground": one.ground,
                "state": _OTHER[one.state],
                "proposed_by": names.get(one.proposed_by, one.proposed_by),
                "proposed_at": one.proposed_at,
                "decided_by": names.get(one.decided_by or "", one.decided_by),
                "decided_at": one.decided_at,
                "may_decide": _decides(one.state == "proposed", one.proposed_by),
                "is_mine": one.state == "proposed" and one.proposed_by == actor.actor_id,
            }
            for one in sorted(found, key=lambda one: one.state != "proposed")
        ],
        "may_propose": actor.may(Permission.OUTPATIENT_FILE),
        "form": form,
    }


def _verdict(found: GateState) -> dict[str, Any]:
    """Whether anything may be taken today, in one sentence."""
    force = found.in_force
    if force is None:
        return {"kind": "stop", "words": "门诊预交金已停收：没有施行中的备案，什么都不能收。", "open": False}
    missing = [one["label"] for one in _places(force, found) if one["posting"] is None]
    if missing:
        return {"kind": "wait", "words": f"还不能收：备案还没有在{'、'.join(missing)}公示。", "open": False}
    return {"kind": "ok", "words": "只收备案保留的情形，要患者自愿、签同意书；其余一律不收。", "open": True}


def _places(force: KeptRow | None, found: GateState) -> list[dict[str, Any]]:
    posted = {} if force is None else {one.place: one for one in found.postings[force.filing_id]}
    return [
        {
            "value": place,
            "label": label,
            "posting": None
            if place not in posted
            else {
                "posted_on": posted[place].posted_on,
                "proof": posted[place].proof,
                "by": found.names.get(posted[place].recorded_by, posted[place].recorded_by),
            },
        }
        for place, label in PLACES.items()
    ]


def _filing(one: KeptRow, found: GateState) -> dict[str, Any]:
    actor, names = current_actor(), found.names
    return {
        "id": one.filing_id,
        "document": one.document,
        "authority": one.authority,
        "filed_on": one.filed_on,
        "kinds": [f"{kind['label']}{'（老年人）' if kind['for_elderly'] else ''}" for kind in one.kinds],
        "state": _FILED[one.state],
        "proposed_by": names.get(one.proposed_by, one.proposed_by),
        "proposed_at": one.proposed_at,
        "decided_by": names.get(one.decided_by or "", one.decided_by),
        "decided_at": one.decided_at,
        "ended_by": names.get(one.ended_by or "", one.ended_by),
        "ended_at": one.ended_at,
        "may_decide": _decides(one.state == "proposed", one.proposed_by),
        "is_mine": one.state == "proposed" and one.proposed_by == actor.actor_id,
        "may_end": one.state == "approved" and actor.may(Permission.OUTPATIENT_APPROVE),
    }


def _decides(waits: bool, maker: str) -> bool:
    actor = current_actor()
    return waits and actor.actor_id != maker and actor.may(Permission.OUTPATIENT_APPROVE)


def _labels(filings: list[KeptRow]) -> dict[tuple[str, str], str]:
    return {(one.filing_id, str(kind["code"])): str(kind["label"]) for one in filings for kind in one.kinds}


def _refused(one: RefusedDeposit, found: GateState) -> dict[str, Any]:
    return {
        "at": one.decided_at,
        "by": found.names.get(one.actor, one.actor),
        "amount_fen": int(one.facts["amount_fen"]),
        "reasons": [str(reason["message"]) for reason in one.reasons],
        "href": decision_href(one.decision_id),
    }


def _refusal(answer: TakenDeposit) -> dict[str, Any]:
    """The rule's "no", with what is possible instead: paying by visit."""
    decision = answer.decision
    asked = Money(int(decision.facts["amount_fen"]))
    first = decision.reasons[0].message.split("。")[0]
    return {
        "title": f"不能收 {asked} 元：{first}",
        "lines": [
            "没有入账；填写的内容都还在。这次尝试已记录。",
            *(one.message for one in decision.reasons),
        ],
        "clauses": [chip(GATE)],
        "options": [],
        "number": decision_number(answer.decision_id),
        "number_href": decision_href(answer.decision_id),
        "rule_version": decision.rule_version,
        "print_href": None,
        "folded": True,
    }
