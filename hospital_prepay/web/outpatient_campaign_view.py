"""Campaigns as their pages show them, and what was tried for one account."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.masking import mask_within
from hospital_prepay.domain.rules.outpatient.contact import Outcome, Standing
from hospital_prepay.domain.rules.outpatient.reach import Way
from hospital_prepay.http.current import current_actor
from hospital_prepay.services.import_runs import ImportRun, State
from hospital_prepay.services.outpatient.campaigns import CampaignView, ContactCard, Who
from hospital_prepay.services.outpatient.contact_results import MOMENT_EXAMPLE, RESULT_WORDS
from hospital_prepay.web.fund_words import done_by

ROOT: Final = "/finance/outpatient/campaigns"
MEDIA: Final = {
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_STATES: Final = {"proposed": ("wait", "等另一个人放行"), "released": ("ok", "已放行"), "dropped": ("idle", "已作废")}
_OUTCOMES: Final = {
    Outcome.SENT: "info",
    Outcome.DELIVERED: "info",
    Outcome.REACHED: "ok",
    Outcome.NO_ANSWER: "wait",
    Outcome.REFUSED: "warn",
    Outcome.WRONG_NUMBER: "stop",
    Outcome.DEAD_NUMBER: "stop",
    Outcome.UNSUITED: "warn",
}
_STANDINGS: Final = {Standing.REACHED: "ok", Standing.COMPLETE: "info", Standing.LEFT: "wait"}
_RUNNING: Final = {"release": "正在选账户", "export": "正在导出名单", "results": "正在读结果文件"}


def told_choices() -> list[dict[str, str]]:
    """What the register can be narrowed by: the mark, or the next way."""
    marks = [{"value": one.value, "label": one.label} for one in Standing]
    return [*marks, *({"value": one.value, "label": f"下一步：{one.label}"} for one in Way)]


def campaign_line(one: Any, names: Mapping[str, str]) -> dict[str, Any]:
    """A campaign in the list and at the head of its page."""
    kind, word = _STATES[one.state]
    return {
        "no": one.campaign_no,
        "href": f"{ROOT}/{one.campaign_no}",
        "title": one.title,
        "way": Way(one.channel).label,
        "step": one.state,
        "state": {"kind": kind, "word": word},
        "chosen": one.chosen,
        "total_fen": one.total_fen,
        "proposed_by": names.get(one.proposed_by, one.proposed_by),
        "proposed_at": one.proposed_at,
        "released_by": names.get(one.released_by or "", one.released_by),
        "released_at": one.released_at,
        "dropped": "".join(done_by(one.dropped_by, one.dropped_at, names)),
        "dropped_ground": mask_within(one.dropped_ground) or "没有记下原因",
    }


def campaign_page(found: CampaignView) -> dict[str, Any]:
    """One campaign: its words, whom it is for, how far it got, file, imports, photos, and what may be done now."""
    head, actor, names = found.head, current_actor(), found.names
    mine = actor.actor_id == head.proposed_by
    released, board = head.state == "released", head.channel == Way.BOARD
    contacts = actor.may(Permission.OUTPATIENT_CONTACT)
    return {
        "campaign": {
            **campaign_line(head, names),
            "text": head.text,
            "example": found.example,
            "who": Who(head.criteria["who"]).label,
            "least_fen": head.criteria["least_fen"],
            "moved_until": head.criteria["moved_until"],
            "is_board": board,
            "is_sms": head.channel == Way.SMS,
        },
        "estimate": found.estimate,
        "funnel": _funnel(found) if found.funnel else [],
        "outcomes": _outcomes(found),
        "file": _file(found) if found.file else None,
        "imports": [
            {
                "no": one.import_no,
                "name": one.file_name,
                "taken": one.taken,
                "known": one.known,
                "rejected": one.rejected,
                "by": names.get(one.imported_by, one.imported_by),
                "at": one.imported_at,
            }
            for one in found.imports
        ],
        "rejected": found.rejected,
        "photos": [
            {
                "href": f"{ROOT}/{head.campaign_no}/photos/{one.proof_no}",
                "place": one.place,
                "seen_at": one.seen_at,
                "by": names.get(one.recorded_by, one.recorded_by),
            }
            for one in found.proofs
        ],
        "result_words": RESULT_WORDS,
        "moment_example": MOMENT_EXAMPLE,
        "is_mine": mine,
        "may_release": head.state == "proposed" and not mine and actor.may(Permission.OUTPATIENT_CONFIRM),
        "may_drop": head.state == "proposed" and contacts,
        "may_export": released and not board and found.file is None and contacts,
        "may_fetch": found.file is not None and contacts,
        "may_import": released and found.file is not None and contacts and not mine,
        "may_prove": released and board and contacts and not mine,
    }


def running(kind: str, run: ImportRun) -> dict[str, str]:
    """The words of a run at work."""
    return {"file_name": run.file_name, "words": _RUNNING[kind] + (f"，已办 {run.rows:,} 行" if run.rows else "")}


def run_mark(run: ImportRun) -> dict[str, str]:
    """The mark of a run."""
    kind, word = {
        State.RUNNING: ("wait", "正在办"),
        State.FAILED: ("stop", "没有办成"),
        State.INTERRUPTED: ("warn", "中断了"),
        State.DONE: ("ok", "办完了"),
    }[run.state]
    return {"kind": kind, "word": word}


def contact_panel(card: ContactCard) -> dict[str, Any]:
    """What was tried for one account: the mark, way by way, and every attempt with its proof; no way is named where
    nobody is to be told any more."""
    is_over = card.is_over
    left = () if is_over else card.left
    mark = {"kind": _STANDINGS[card.standing], "word": card.standing.label}
    return {
        "mark": None if is_over and card.left else mark,
        "is_over": is_over,
        "fulfilled": card.standing is Standing.COMPLETE and not is_over,
        "next": left[0].label if left else "",
        "left": "、".join(way.label for way in left),
        "tried": "、".join(way.label for way in card.tried),
        "history": [
            {
                "title": one.title,
                "href": f"{ROOT}/{one.campaign_no}",
                "way": Way(one.channel).label,
                "mark": {"kind": _OUTCOMES[Outcome(one.outcome)], "word": Outcome(one.outcome).label}
                if one.outcome
                else {"kind": "wait", "word": "还没有结果"},
                "receipt": one.receipt or "—",
                "at": one.happened_at or one.released_at,
                "is_current": one.is_current,
            }
            for one in card.history
        ],
    }


def _funnel(found: CampaignView) -> list[dict[str, Any]]:
    assert found.funnel is not None
    chosen, funnel = found.head.chosen, found.funnel
    if found.head.channel == Way.BOARD:
        steps = [
            ("选中", chosen, ""),
            ("已张贴", chosen if found.proofs else 0, ""),
            ("来办退款", funnel.claimed, ""),
        ]
    else:
        steps = [
            ("选中", chosen, ""),
            ("发过或打过", funnel.sent, "有结果的都算"),
            ("有人收到或接到", funnel.delivered, "含拒接或拒收、不是本人的"),
            ("已联系上", funnel.reached, ""),
            ("来办退款", funnel.claimed, ""),
        ]
    return [
        {"label": label, "count": count, "share": _share(count, chosen), "note": note} for label, count, note in steps
    ]


def _share(count: int, chosen: int) -> str:
    """Full percents; few are shown as few, not as nobody."""
    percent = 100 * count // chosen if chosen else 0
    return "不到 1%" if count and not percent else f"{percent}%"


def _outcomes(found: CampaignView) -> list[dict[str, Any]]:
    counts = found.funnel.outcomes if found.funnel else {}
    return [
        {"mark": {"kind": _OUTCOMES[one], "word": one.label}, "count": counts[one.value]}
        for one in Outcome
        if counts.get(one.value)
    ]


def _file(found: CampaignView) -> dict[str, Any]:
    file = found.file
    assert file is not None
    return {
        "href": f"{ROOT}/{file.campaign_no}/file",
        "form": file.form.upper(),
        "lines": file.lines,
        "left_out": file.left_out,
        "sha256": file.sha256,
        "by": found.names.get(file.made_by, file.made_by),
        "at": file.made_at,
    }
