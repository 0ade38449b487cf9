"""One outpatient account as its page shows it: movements to their entries, claims to their decisions, corrections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from flask import render_template

from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.masking import mask_within
from hospital_prepay.domain.rules.outpatient.claims import Claimant, Route
from hospital_prepay.domain.rules.outpatient.contact import Standing
from hospital_prepay.domain.rules.outpatient.kinds import MoneyKind
from hospital_prepay.domain.rules.outpatient.life import AccountState as State
from hospital_prepay.domain.rules.outpatient.life import ClaimState
from hospital_prepay.domain.rules.outpatient.reach import Channel, Reach
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.forms import Form
from hospital_prepay.services.outpatient import campaigns, register
from hospital_prepay.services.outpatient.left_out import markable_standing
from hospital_prepay.services.outpatient.register import AccountCard, FiledIn, HolderChange, RecordEvent
from hospital_prepay.web.decision_view import decision_href
from hospital_prepay.web.ledger_outpatient import OUTPATIENT_KINDS
from hospital_prepay.web.outpatient_campaign_view import contact_panel
from hospital_prepay.web.outpatient_correction_view import OWNER_STATES, correction, fields
from hospital_prepay.web.outpatient_filing_view import ROOT as FILINGS
from hospital_prepay.web.outpatient_filing_view import STATES
from hospital_prepay.web.outpatient_view import ROOT, account_href, account_mark, head, quoted, state_mark

_CLAIM_MARKS: Final = {
    ClaimState.ARRIVED: "ok",
    ClaimState.FAILED: "stop",
    ClaimState.REJECTED: "stop",
    ClaimState.WITHDRAWN: "idle",
}


def account_page(account_no: str, form: Form) -> str:
    """The page of an account, with the form of a correction as it was typed."""
    card = register.account_card(current_context(), current_actor(), account_no)
    panel = contact_panel(campaigns.contact_card(current_context(), current_actor(), account_no))
    shown = {"contact": panel, "mark_link": _mark_link(card), **shown_account(card)}
    return render_template("pages/outpatient/account.html", form=form, **shown)


def _mark_link(card: AccountCard) -> dict[str, str] | None:
    """The way to the form that marks the account, for who may and where the rule lets it."""
    actor, account_no = current_actor(), card.account.account_no
    if not actor.may(Permission.OUTPATIENT_FILE):
        return None
    standing = markable_standing(current_context(), actor, account_no)
    if standing is None:
        return None
    words = "一直没有来办的，登记退不了" if standing is Standing.REACHED else "各渠道都有凭据，登记退不了"
    return {"href": f"{FILINGS}/marks/for/{quoted(account_no)}#h-mark", "words": words}


def shown_account(card: AccountCard) -> dict[str, Any]:
    """One account: what it has, every movement to its entry, claims to their decisions, corrections."""
    account, actor = card.account, current_actor()
    is_claimed = any(ClaimState(one.state).is_open for one in card.claims)
    may_ask = actor.may(Permission.OUTPATIENT_IMPORT) and account.is_open and not is_claimed
    return {
        "account": {
            **head(card),
            "kind": MoneyKind(account.kind).label,
            "is_deposit": account.kind == MoneyKind.OUTPATIENT_DEPOSIT,
            "channel": Channel(account.channel).label,
            "reach": Reach(account.reach).label,
            "patient_no": account.patient_no,
            "opening_fen": account.opening_fen,
            "balance_fen": account.balance_fen,
            "paid_fen": card.paid_fen,
            "is_open": account.is_open,
            "last_movement_on": account.last_movement_on,
            "state": account_mark(account),
            "is_kept": account.is_kept,
            "owed_fen": card.owed_fen,
            "owed_words": _owed_words(card),
            "overpaid_fen": card.overpaid_fen,
            "reason": account.unclearable_reason,
            "filed_on": account.filed_on,
            "others": [
                {
                    "account_no": one.account_no,
                    "href": account_href(one.account_no),
                    "other_name": one.other_name,
                    "state": state_mark(one.state),
                    "balance_fen": one.balance_fen,
                }
                for one in card.others
            ],
        },
        "paid_ahead": any(one.remitted and one.state == ClaimState.ARRIVED for one in card.claims)
        or card.owed_fen > 0,
        "movements": [_movement(one, card.names) for one in card.movements],
        "claims": [_claim(one, card.names) for one in card.claims],
        "marks": _marks(card),
        "corrections": [correction(one, card.names) for one in card.corrections],
        "may_reveal": actor.may(Permission.REVEAL_IDENTITY) and bool(card.contact.certno or card.contact.phone),
        "unmark_href": f"{FILINGS}/marks/of/{quoted(account.account_no)}"
        if actor.may(Permission.OUTPATIENT_FILE) and account.state in (State.UNCLEARABLE, State.FILED)
        else None,
        "owner_changes": [_owner_change(one, card.names) for one in card.owner_changes],
        "may_correct": may_ask and account.state in ("open", "refunded") and not _waits(card.corrections),
        "owner_href": f"{ROOT}/owners/of/{quoted(account.account_no)}"
        if may_ask and not any(one.state == "asked" for one in card.owner_changes)
        else None,
    }


def _owed_words(card: AccountCard) -> str:
    """What may be done about what came back and is owed."""
    if any(ClaimState(one.state).is_open and one.state != ClaimState.FAILED for one in card.claims):
        return "银行退回过，正在再付，付到就结清"
    return "银行退回，待再付；可以重新受理，或在下面那笔退款上改退款方式"


def _waits(found: Sequence[Any]) -> bool:
    return any(one.correction.state == "asked" for one in found)


def _marks(card: AccountCard) -> list[dict[str, Any]]:
    """The packs that the account was filed in and every mark that was taken back, the newest first."""
    told = [*(_unmarked(one) for one in card.unmarks), *(_filed(one, card.names) for one in card.filings)]
    return sorted(told, key=lambda one: one["at"], reverse=True)


def _filed(one: FiledIn, names: Mapping[str, str]) -> dict[str, Any]:
    kind, word = STATES[one.state]
    return {
        "title": f"第 {one.filing_no} 号备案",
        "href": f"{FILINGS}/{one.filing_no}",
        "state": {"kind": kind, "word": word},
        "words": (f"登记的原因：{mask_within(one.reason)}",),
        "by": names.get(one.made_by, one.made_by),
        "at": one.made_at,
    }


def _unmarked(one: RecordEvent) -> dict[str, Any]:
    reason = str(one.detail.get("reason", ""))
    words = (f"怎么联系上的：{one.detail.get('ground', '')}", f"原来登记的原因：{reason}" if reason else "")
    return {
        "title": "取消登记",
        "href": None,
        "state": {"kind": "ok", "word": "找到人了"},
        "words": tuple(mask_within(each) for each in words if each),
        "by": one.actor_name or one.actor,
        "at": one.at,
    }


def _owner_change(one: HolderChange, names: Mapping[str, str]) -> dict[str, Any]:
    kind, word = OWNER_STATES[one.state]
    return {
        "change_no": one.change_no,
        "href": f"{ROOT}/owners/{one.change_no}",
        "fields": fields(one.fields),
        "ground": mask_within(one.ground),
        "state": {"kind": kind, "word": word},
        "asked_by": names.get(one.asked_by, one.asked_by),
        "decided_by": names.get(one.decided_by or "", one.decided_by),
        "answer": mask_within(one.answer),
    }


def _movement(one: Any, names: Mapping[str, str]) -> dict[str, Any]:
    kind, word = OUTPATIENT_KINDS.get(one.kind, ("idle", "其他"))
    sees = current_actor().may(Permission.LEDGER_VIEW)
    return {
        "entry_no": one.entry_no,
        "href": f"/finance/ledger/{one.entry_no}" if sees else None,
        "kind": {"kind": kind, "word": word},
        "summary": one.summary,
        "at": one.posted_at,
        "by": names.get(one.posted_by, one.posted_by),
        "change_fen": one.credit_fen - one.debit_fen,
    }


def _claim(one: Any, names: Mapping[str, str]) -> dict[str, Any]:
    state = ClaimState(one.state)
    sees = current_actor().may(Permission.COMPLIANCE_VIEW)
    people = (("受理", one.accepted_by), ("审核", one.reviewed_by), ("确认", one.confirmed_by), ("退款", one.paid_by))
    return {
        "refund_no": one.refund_no,
        "href": f"/desk/refunds/claims/{one.claim_id}",
        "claimant": f"{Claimant(one.claimant).label} {one.claimant_name}",
        "amount_fen": one.amount_fen,
        "route": Route(one.route).label,
        "state": {"kind": _CLAIM_MARKS.get(state, "wait"), "word": state.label},
        "at": one.accepted_at,
        "people": "，".join(f"{step} {names.get(by, by)}" for step, by in people if by),
        "remitted": one.remitted,
        "decision": {"href": decision_href(one.decision_id)} if sees else None,
    }
