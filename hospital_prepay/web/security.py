"""``/security``: who is signed in, who is locked out, what was done."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from urllib.parse import quote

from flask import Blueprint, Response, redirect, render_template, request

from hospital_prepay.clock import SHANGHAI, local
from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.audit import ACTIONS, action_label
from hospital_prepay.domain.masking import mask_within
from hospital_prepay.domain.rules.outpatient.claims import Route
from hospital_prepay.http.current import current_actor, current_context, current_sign_in
from hospital_prepay.http.flash import say
from hospital_prepay.http.frame import role_words
from hospital_prepay.http.paging import page_number, page_of
from hospital_prepay.http.permission import requires
from hospital_prepay.services.access import sessions, trail, users
from hospital_prepay.services.access.trail import AuditFilter, AuditRow, TrailPage
from hospital_prepay.web.decision_view import decision_number

blueprint = Blueprint("security", __name__, url_prefix="/security")
_OUTCOMES: Final = {"done": ("ok", "办成"), "refused": ("stop", "拒绝"), "failed": ("warn", "失败")}
_KINDS: Final = {
    "user": "账号 ",
    "client": "接口 ",
    "login": "没有的用户名",
    "session": "一个登录",
    "institution": "机构 ",
    "deposit_rules": "本院制度版本 ",
    "year": "年份 ",
    "setting": "读法 ",
    "void": "票据 ",
    "refund": "退款，住院号 ",
    "outpatient_account": "门诊账户 ",
    "outpatient_import": "清查导入第 ",
    "outpatient_correction": "一项清查更正",
    "outpatient_owner_change": "身份更正第 ",
    "outpatient_claim": "一笔门诊退款",
    "outpatient_refund": "退款单号 ",
    "outpatient_online": "网上，患者",
    "outpatient_request": "一份网上申请",
    "outpatient_notice": "门诊退费公告版本 ",
    "outpatient_kept": "一份保留备案",
    "outpatient_other_kind": "一种款项",
    "outpatient_reason": "原因 ",
    "outpatient_filing": "备案第 ",
    "outpatient_batch": "上缴批次 ",
    "outpatient_advance_list": "垫付申请第 ",
    "outpatient_bank_file": "银行文件第 ",
    "outpatient_campaign": "清退通知第 ",
    "outpatient_route": "退款方式 ",
    "outpatient_budget": "垫付申请，预算年度 ",
    "outpatient_staff": "职工银行卡，",
    "outpatient_staff_card": "一张职工银行卡",
}
_TAILS: Final = {
    "outpatient_import": " 次",
    "outpatient_filing": " 号",
    "outpatient_advance_list": " 号",
    "outpatient_bank_file": " 号",
    "outpatient_campaign": " 次",
    "outpatient_owner_change": " 号",
}
# Where what was acted on is shown; {} is its key.
_PAGES: Final = {
    "outpatient_account": "/finance/outpatient/accounts/{}",
    "outpatient_owner_change": "/finance/outpatient/owners/{}",
    "outpatient_import": "/finance/outpatient/imports/{}",
    "outpatient_claim": "/desk/refunds/claims/{}",
    "outpatient_filing": "/finance/outpatient/filings/{}",
    "outpatient_batch": "/finance/outpatient/batches/{}",
    "outpatient_advance_list": "/finance/outpatient/advances/{}",
    "outpatient_campaign": "/finance/outpatient/campaigns/{}",
}
_ROUTES: Final = {one.value: one.label for one in Route}
# What a person or a file gave as it pleased, so that it may hold a patient's number: kinds, and words of ``_BARE``.
_TYPED: Final = frozenset({"outpatient_refund"})
_NAMES: Final = frozenset({"", "文件 ", "来源 "})
# What a subject without a kind is, by the act.
_BARE: Final = {
    "stay.register": "住院号 ",
    "stay.change": "住院号 ",
    "deposit.collect": "住院号 ",
    "identity.reveal": "住院号 ",
    "slip.request_refund": "住院号 ",
    "slip.request_void": "票据 ",
    "caps.measure": "截至 ",
    "caps.import": "文件 ",
    "caps.standards": "文件 ",
    "caps.similar": "文件 ",
    "caps.posted": "来源 ",
    "outpatient.count": "文件 ",
}
_WHOLE: Final = {
    "ledger": "全部账本",
    "begun": "开始",
    "finished": "完成",
    "outpatient_people": "全部门诊账户",
    "outpatient_register": "清退台账",
    "outpatient_kept": "保留备案",
    "outpatient_other_kind": "其他款项种类",
    "outpatient_filing": "备案材料",
    "outpatient_online": "网上退款",
    "outpatient_campaign": "清退通知",
}
# The first that fits: most browsers also call themselves by the names of others.
_BROWSERS: Final = (
    ("Edge", re.compile(r"Edg/(\d+)")),
    ("火狐", re.compile(r"Firefox/(\d+)")),
    ("Chrome", re.compile(r"Chrome/(\d+)")),
    ("Safari", re.compile(r"Version/(\d+).* Safari/")),
)
_SYSTEMS: Final = (
    ("Android", "安卓"),
    ("iPhone", "苹果手机"),
    ("iPad", "苹果平板"),
    ("Windows", "Windows"),
    ("Mac OS X", "苹果电脑"),
    ("Linux", "Linux"),
)
# What is kept under a number that says nothing to people.
_NAMELESS: Final = frozenset(
    {
        *("login", "session", "user", "client", "outpatient_correction", "outpatient_claim", "outpatient_reason"),
        *("outpatient_request", "outpatient_kept", "outpatient_other_kind", "outpatient_staff_card"),
    }
)
_HIDDEN: Final = frozenset({"session.seen"})


@blueprint.get("/sessions")
@requires(Permission.SESSIONS_MANAGE)
def show_sessions() -> str:
    """Open sessions and locked accounts."""
    context, actor = current_context(), current_actor()
    own = current_sign_in().session.session_id
    return render_template(
        "pages/access/sessions.html",
        sessions=[
            {
                "id": one.session_id,
                "name": one.name,
                "login": one.login,
                "role": role_words(one.roles),
                "since": one.started_at,
                "seen_at": one.last_seen_at,
                "address": one.address,
                "agent": _device(one.agent),
                "own": one.session_id == own,
            }
            for one in sessions.list_open(context, actor)
        ],
        lockouts=[
            {
                "login": one.user.login,
                "name": one.user.name,
                "failures": one.user.failed_attempts,
                "locked_until": one.user.locked_until,
                "address": one.address,
                "user_id": one.user.user_id,
            }
            for one in users.list_lockouts(context, actor)
        ],
        idle_minutes=int(sessions.IDLE.total_seconds() // 60),
    )


@blueprint.get("/lockouts")
@requires(Permission.SESSIONS_MANAGE)
def show_lockouts() -> Any:
    """The locked accounts stand on the page of sessions."""
    return redirect("/security/sessions#h-locks", 303)


@blueprint.post("/sessions/<session_id>/end")
@requires(Permission.SESSIONS_MANAGE)
def end_session(session_id: str) -> Any:
    """End somebody's session at once."""
    sessions.end_session(current_context(), current_actor(), session_id)
    say("ok", "已强制退出，对方要重新登录。")
    return redirect("/security/sessions", 303)


@blueprint.post("/lockouts/<login>/clear")
@requires(Permission.SESSIONS_MANAGE)
def unlock(login: str) -> Any:
    """Let a locked account sign in again."""
    users.unlock(current_context(), current_actor(), login)
    say("ok", f"{login} 已解锁，可以登录。")
    return redirect("/security/sessions", 303)


@blueprint.post("/second-factor/reset")
@requires(Permission.SESSIONS_MANAGE)
def reset_second_factor() -> Any:
    """Take a lost second factor away; the person enrols anew at the next sign-in."""
    login = request.form.get("login", "")
    users.reset_second_factor(current_context(), current_actor(), login)
    say("ok", f"{login} 的动态码已重置，本人下次登录时重新扫码。")
    return redirect("/security/sessions", 303)


@blueprint.get("/log")
@requires(Permission.AUDIT_VIEW)
def show_log() -> str:
    """One page of the audit trail."""
    found = trail.read_trail(current_context(), current_actor(), _wanted(), page_number())
    return render_template(
        "pages/access/access_log.html",
        events=[_line(one, found.names) for one in found.events],
        filters={name: request.args.get(name, "") for name in ("q", "action", "outcome", "since", "until")},
        actions=[{"value": name, "label": label} for name, label in ACTIONS.items() if name not in _HIDDEN],
        page=page_of(len(found.events), found.total, "条", trail.PAGE_SIZE),
    )


@blueprint.get("/log.csv")
@requires(Permission.AUDIT_VIEW)
def export_log() -> Response:
    """The events that fit, for a spreadsheet."""
    found = trail.read_trail(current_context(), current_actor(), _wanted(), 1, trail.EXPORT_SIZE)
    return Response(
        "\ufeff" + _table(found),
        mimetype="text/csv",
        headers={"Content-Disposition": 'attachment; filename="access-log.csv"'},
    )


def _table(found: TrailPage) -> str:
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(["时间", "姓名", "角色", "做了什么", "对什么", "结果", "地址", "决定号", "凭证号"])
    for one in found.events:
        cells = [_line(one, found.names)[name] for name in ("who", "role", "action", "about")]
        rest = [_OUTCOMES[one.outcome][1], one.address, one.decision_id or "", one.entry_no or ""]
        table.writerow([f"{local(one.at):%Y-%m-%d %H:%M:%S}", *(_inert(str(cell)) for cell in (*cells, *rest))])
    return text.getvalue()


def _wanted() -> AuditFilter:
    given = request.args
    until = _midnight(given.get("until", ""))
    return AuditFilter(
        words=given.get("q", "").strip()[:80],
        action=given.get("action", "") if given.get("action") in ACTIONS else "",
        outcome=given.get("outcome", "") if given.get("outcome") in _OUTCOMES else "",
        since=_midnight(given.get("since", "")),
        before=until and until + timedelta(days=1),
    )


def _midnight(text: str) -> datetime | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    # The first and the last day of the calendar have no midnight in every zone.
    return datetime.combine(day, time(), SHANGHAI) if date.min < day < date.max else None


def _line(one: AuditRow, names: Mapping[str, str]) -> dict[str, Any]:
    kind, word = _OUTCOMES[one.outcome]
    decision = one.decision_id and f"/compliance/decisions/{one.decision_id}"
    return {
        "id": one.event_id,
        "at": one.at,
        "who": one.actor_name or "没有登录的人",
        "login": "",
        "role": role_words(one.roles),
        "action": action_label(one.action),
        "about": _about(one, names),
        "about_href": _about_href(one),
        "outcome": {"kind": kind, "word": word},
        "address": one.address or "—",
        "decision_href": decision if decision and current_actor().may(Permission.COMPLIANCE_VIEW) else None,
    }


def _device(agent: str) -> str:
    """A browser's own words about itself, as people call browser and machine."""
    browser = next((f"{name} {found[1]}" for name, told in _BROWSERS if (found := told.search(agent))), "其他程序")
    system = next((word for name, word in _SYSTEMS if name in agent), "")
    return f"{browser}，{system}" if system else browser


def _about(one: AuditRow, names: Mapping[str, str]) -> str:
    """What was acted on, in words: a person or a cap table by name, an unknown user name not at all."""
    kind, _, key = one.subject.partition(":")
    if kind in _KINDS and key:
        bare = "" if kind in _NAMELESS else _ROUTES.get(key, key) if kind == "outpatient_route" else key
        bare = mask_within(bare) if kind in _TYPED else bare
        return f"{_KINDS[kind]}{names.get(key, bare)}{_TAILS.get(kind, '')}"
    if one.action == "decision.replay":
        return f"决定 {decision_number(one.subject)}"
    known = names.get(one.subject) or _WHOLE.get(one.subject)
    before = _BARE.get(one.action, "")
    return known or f"{before}{mask_within(one.subject) if before in _NAMES else one.subject}" or "—"


def _about_href(one: AuditRow) -> str | None:
    """Where it is shown, for who may look there; a proposal of a batch stands under its day and has no page."""
    kind, _, key = one.subject.partition(":")
    if kind not in _PAGES or not key or not current_actor().may(Permission.OUTPATIENT_VIEW):
        return None
    if kind == "outpatient_batch" and not key.isdigit():
        return None
    return _PAGES[kind].format(quote(key, safe=""))


def _inert(cell: str) -> str:
    """A cell that a spreadsheet can't take for a formula."""
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell
