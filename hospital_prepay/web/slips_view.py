"""What the pages of voids, refunds, changes and the day's slips show."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import MalformedInput
from hospital_prepay.domain.insured_class import InsuredClass
from hospital_prepay.domain.ledger.chart import Tender
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.inpatient.deposits import Circumstance, excess
from hospital_prepay.domain.rules.inpatient.similar import Step, TableCap
from hospital_prepay.domain.rules.inpatient.slips import MONEY_OUT
from hospital_prepay.http.clauses import chip
from hospital_prepay.http.forms import Form
from hospital_prepay.schemas.desk import Change
from hospital_prepay.services.context import Context
from hospital_prepay.services.inpatient.desk import DeskStay, DiseaseHit
from hospital_prepay.services.inpatient.lookup import DecidedRequest, Slip, WaitingRequest
from hospital_prepay.services.inpatient.stays import Placement, preview_placement
from hospital_prepay.web.desk_view import class_label

_CASES: Final = (
    ("disease", "病种变了", "第十七条（三）", "guizhou-deposit-2025/17.3"),
    ("unclear", "诊断不明、病情复杂", "第十七条（二）", "guizhou-deposit-2025/17.2"),
    ("identity", "身份未定或第三方纠纷", "第十七条（一）", "guizhou-deposit-2025/17.1"),
    ("class", "参保类型变了", "本院规定", None),
)


def waiting(one: WaitingRequest, actor: Actor) -> dict[str, Any]:
    """A request in the list of those that wait."""
    own = one.requested_by == actor.actor_id
    why_not = "您自己申请的，由别人复核" if own else None
    if not own and not actor.may(Permission.SLIP_APPROVE):
        why_not = "由财务复核"
    return {
        "id": one.request_id,
        "kind": one.kind,
        "receipt_no": one.number or "退款",
        "name": one.patient_name,
        "stay_no": one.stay_no,
        "amount_fen": one.amount_fen,
        "tender_label": Tender(one.tender).label,
        "reason": one.ground,
        "asked_by": one.requested_by_name or one.requested_by,
        "asked_at": one.requested_at,
        "may_decide": why_not is None,
        "why_not": why_not,
        "idempotency_key": one.request_id,
    }


def paid_out(slip: Slip | None) -> dict[str, bool]:
    """Whether a slip to be voided paid money out, and whether in cash: that the patient has to bring back."""
    out = slip is not None and slip.kind in MONEY_OUT
    return {"paid_out": out, "collect_back": out and slip is not None and slip.tender == Tender.CASH}


def decided(one: DecidedRequest) -> dict[str, Any]:
    """A request that was approved or turned down."""
    return {
        "receipt_no": one.number or one.stay_no,
        "what": "退款" if one.kind == "refund" else "作废",
        "red_no": one.receipt_no or "没有同意",
        "ground": one.ground,
        "amount_fen": one.amount_fen,
        "asked_by": one.asked_by or "—",
        "confirmed_by": one.decided_by or "—",
        "at": one.decided_at,
    }


def tender_of(route: str, found: DeskStay) -> Tender:
    """The way of paying behind a route of refund: the way the money came, the patient's bank account, or cash.

    Raises :class:`MalformedInput` for none of these.
    """
    came = next((slip.tender for slip in found.slips if slip.kind == "deposit" and not slip.cancelled_by), None)
    if route == "original" and came:
        return Tender(came)
    tender = {"bank": Tender.TRANSFER, "cash": Tender.CASH}.get(route)
    if tender is None:
        raise MalformedInput("请选一种退回方式。")
    return tender


def refund_page(found: DeskStay) -> dict[str, Any]:
    """What the refund form says about a stay: it may give back up to what the stay holds."""
    blocked = None
    if found.waiting_refund:
        blocked = "这次住院已有一份退款在等复核。"
    elif not found.collected:
        blocked = "这次住院的预交金已经没有余额，没有钱可退。"
    why = f"额度现在是 {found.cap} 元，已收 {found.collected} 元。" if found.cap else ""
    return {
        "stay": _head(found),
        "held_fen": found.collected.fen,
        "excess_fen": found.excess.fen,
        "clause": chip(None, "额度变低，多收的当即退" if found.excess else "退款由另一个人复核后办理"),
        "why": why,
        "sources": [
            {
                "receipt_no": slip.number,
                "at": slip.issued_at,
                "tender_label": Tender(slip.tender).label,
                "amount_fen": slip.amount_fen,
            }
            for slip in found.slips
            if slip.kind == "deposit" and not slip.cancelled_by
        ],
        "routes": [
            {"value": "original", "label": "原路退回", "note": "怎么交的怎么退"},
            {"value": "bank", "label": "患者本人银行卡", "note": "填开户行和卡号后四位"},
            {"value": "cash", "label": "现金", "note": None},
        ],
        "blocked": blocked,
    }


def changed_placement(now: Placement, case: str, said: Change, name_of: Callable[[str], str]) -> Placement:
    """The placement that a filled change form asks for (17.1–17.3)."""
    talk = f"{said.talked_at} {said.talked_with}：{said.talk}"
    if case == "identity":
        circumstance = Circumstance.THIRD_PARTY if said.reason == "third_party" else Circumstance.IDENTITY_UNKNOWN
        return replace(now, circumstance=circumstance.value, talk=talk)
    if case == "unclear":
        similar = said.similar_other or said.similar_to or None
        kind = Circumstance.SIMILAR if similar else Circumstance.STAGED
        ground = said.similar_ground
        return replace(now, circumstance=kind.value, similar_code=similar, similar_ground=ground, talk=talk)
    if case == "class" and said.insured_class in list(InsuredClass):
        return replace(now, insured_class=said.insured_class, circumstance=Circumstance.PLAIN.value, talk=talk)
    code = said.disease or now.disease_code
    return replace(
        now,
        disease_code=code,
        disease_name=name_of(code),
        circumstance=Circumstance.CHANGED.value,
        similar_code=None,
        talk=talk,
    )


def effect(
    context: Context, actor: Actor, found: DeskStay, case: str, form: Form, name_of: Callable[[str], str]
) -> dict[str, Any] | None:
    """What the change would do to the cap, once enough of it is filled."""
    keys = ("disease", "similar_to", "similar_other", "insured_class")
    given = {key: str(form.entered.get(key, "")).strip() for key in ("reason", *keys)}
    if case != "identity" and not any(given[key] for key in keys):
        return None
    said = Change(**given, similar_ground="预览", talked_with="", talked_at="", talk="预览")
    decision = preview_placement(
        context, actor, found.card.stay_no, changed_placement(found.placement, case, said, name_of)
    )
    if not decision.permitted or decision.amount is None:
        return None
    before = found.cap or Money(0)
    kind = "same" if decision.amount == before else ("up" if decision.amount > before else "down")
    over = excess(decision.amount.fen, found.card.collected_fen)
    return {
        "words": "".join(reason.message for reason in decision.reasons),
        "cap_fen": decision.amount.fen,
        "room_fen": max(0, decision.amount.fen - found.card.collected_fen),
        "excess_fen": over.fen,
        "kind": kind,
    }


def change_page(
    found: DeskStay, case: str, similar: list[TableCap], diseases: list[DiseaseHit], shown: dict[str, Any] | None
) -> dict[str, Any]:
    """The change form around its fields."""
    path = f"/desk/stays/{found.card.stay_no}/change"
    chosen = next((one for one in _CASES if one[0] == case), _CASES[0])
    return {
        "stay": _head(found),
        "now": {
            "disease_name": found.placement.disease_name,
            "disease_code": found.placement.disease_code,
            "class_label": class_label(found.placement),
            "cap_fen": None if found.cap is None else found.cap.fen,
            "taken_fen": found.collected.fen,
        },
        "cases": [
            {
                "value": value,
                "label": label,
                "clause_label": clause,
                "href": f"{path}?case={value}",
                "current": value == chosen[0],
                "count": None,
            }
            for value, label, clause, _ in _CASES
        ],
        "case": chosen[0],
        "clause": chip(chosen[3], chosen[1] if chosen[3] is None else ""),
        "diseases": [_option(hit) for hit in diseases],
        "similar": [_similar_option(row) for row in similar],
        "effect": shown,
        "staged": chosen[0] == "unclear",
        "seen_version": found.card.cap_version,
        "idempotency_key": str(uuid.uuid4()),
    }


def _option(hit: DiseaseHit) -> dict[str, str]:
    cap = "" if hit.cap_fen is None else f"，额度 {Money(hit.cap_fen)} 元"
    return {"value": hit.disease_code, "label": f"{hit.name} {hit.disease_code}{cap}"}


def _similar_option(row: TableCap) -> dict[str, str]:
    cap = "" if row.cap_fen is None else f"，额度 {Money(row.cap_fen)} 元"
    return {"value": row.disease_code, "label": f"{Step(row.step).label}：{row.disease_name} {row.disease_code}{cap}"}


def _head(found: DeskStay) -> dict[str, str]:
    return {"stay_no": found.card.stay_no, "name": found.card.patient_name, "ward": found.card.ward}
