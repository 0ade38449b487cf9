"""Corrections of miscounts and of holders as their pages show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.masking import mask_within
from hospital_prepay.http.current import current_actor
from hospital_prepay.services.outpatient.correction_review import FIELD_LABELS, ListedCorrection, OwnerChange
from hospital_prepay.services.outpatient.corrections import is_large
from hospital_prepay.web.outpatient_view import ROOT, account_href

_STATES: Final = {
    "asked": ("wait", "等另一个人批准"),
    "approved": ("ok", "已入账"),
    "rejected": ("stop", "已退回"),
}
OWNER_STATES: Final = {**_STATES, "approved": ("ok", "已更正")}
_NOTHING: Final = "没有登记"


def correction(one: ListedCorrection, names: Mapping[str, str]) -> dict[str, Any]:
    """The correction of a miscount."""
    row = one.correction
    kind, word = _STATES[row.state]
    had = one.before_fen + one.paid_fen
    return {
        **_people(row, names),
        "id": row.correction_id,
        "name": one.holder_name or "没有姓名",
        "change_fen": row.change_fen,
        "before_fen": one.before_fen,
        "after_fen": one.after_fen,
        "paid_fen": one.paid_fen,
        "is_large": row.state == "asked" and is_large(had, had + row.change_fen),
        "state": {"kind": kind, "word": word},
    }


def owner_change(one: OwnerChange, names: Mapping[str, str]) -> dict[str, Any]:
    """The correction of a holder."""
    kind, word = OWNER_STATES[one.row.state]
    return {
        **_people(one.row, names),
        "change_no": one.row.change_no,
        "own_href": f"{ROOT}/owners/{one.row.change_no}",
        "fields": fields([each.field for each in one.differences]),
        "differences": [
            {
                "label": FIELD_LABELS[each.field],
                "old": each.old or _NOTHING,
                # Masked, two of them may look alike; that they differ is what it is about.
                "new": f"{each.new}（和原来不同，不同的字遮住了）" if each.old == each.new else each.new,
            }
            for each in one.differences
        ],
        "paper": one.paper,
        "state": {"kind": kind, "word": word},
    }


def fields(found: Sequence[str]) -> str:
    """What of a holder is about to change, in words."""
    return "、".join(FIELD_LABELS[one] for one in found)


def _people(row: Any, names: Mapping[str, str]) -> dict[str, Any]:
    actor, waits = current_actor(), row.state == "asked"
    return {
        "account_no": row.account_no,
        "href": account_href(row.account_no),
        "ground": mask_within(row.ground),
        "answer": mask_within(row.answer),
        "asked_by": names.get(row.asked_by, row.asked_by),
        "asked_at": row.asked_at,
        "decided_by": names.get(row.decided_by or "", row.decided_by),
        "decided_at": row.decided_at,
        "may_decide": waits and actor.may(Permission.OUTPATIENT_CONFIRM) and actor.actor_id != row.asked_by,
        "is_mine": waits and actor.actor_id == row.asked_by,
    }
