"""What every page shows around its content: the hospital, the person, the areas of the role.

Each part is looked up only when a template asks, so that the page for a broken database needs no database.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Final

from flask import Flask, current_app, request
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from hospital_prepay.domain.access import Permission, Role
from hospital_prepay.http.csrf import csrf_token
from hospital_prepay.http.current import current_context
from hospital_prepay.http.flash import said
from hospital_prepay.http.login import load_sign_in
from hospital_prepay.http.public_paths import public_path
from hospital_prepay.services.access.sessions import Stage
from hospital_prepay.services.publication.institution import Hospital, default_hospital, hospital_of

# The areas in the order of the bar; a room shows once its pages exist and the role may open them.
AREAS: Final = (
    ("收款", "/desk", Permission.DEPOSIT_COLLECT),
    ("住院", "/desk", Permission.DESK_VIEW),  # to who looks on
    ("复核", "/desk/voids", Permission.SLIP_APPROVE),
    ("出院结算", "/settlement", Permission.SETTLEMENT_VIEW),
    ("门诊退款", "/desk/refunds", Permission.OUTPATIENT_VIEW),
    ("额度", "/finance/caps", Permission.CAPS_VIEW),
    ("预付金", "/finance/fund", Permission.FUND_VIEW),
    ("门诊清退", "/finance/outpatient", Permission.OUTPATIENT_VIEW),
    ("账本", "/finance/ledger", Permission.LEDGER_VIEW),
    ("依据", "/compliance", Permission.COMPLIANCE_VIEW),
    ("本院", "/admin/institution", Permission.INSTITUTION_VIEW),
    ("日历", "/admin/calendar", Permission.INSTITUTION_VIEW),
    ("读法", "/admin/settings", Permission.INSTITUTION_VIEW),
    ("人员", "/admin/users", Permission.USERS_MANAGE),
    ("接口", "/admin/clients", Permission.USERS_MANAGE),
    ("登录和锁定", "/security/sessions", Permission.SESSIONS_MANAGE),
    ("操作记录", "/security/log", Permission.AUDIT_VIEW),
)
# The rooms of the restricted fund in the order of their bar; everybody who sees the fund sees all that exist.
FUND_ROOMS: Final = (
    ("总览", "/finance/fund"),
    ("自查与申请", "/finance/fund/apply"),
    ("用款", "/finance/fund/requests"),
    ("期限", "/finance/fund/duties"),
    ("收回与清算", "/finance/fund/recall"),
    ("对账", "/finance/fund/reconcile"),
    ("报表", "/finance/fund/usage"),
    ("采购监测", "/finance/fund/purchases"),
    ("各地规定", "/finance/fund/regimes"),
)
# The rooms of outpatients' deposits, each with its pages; everybody who sees them sees all that exist, but for what
# asks for more.
OUTPATIENT_ROOMS: Final[Mapping[str, Mapping[str, str]]] = {
    "总览": {"余额和待办": "/finance/outpatient", "清退进度": "/finance/outpatient/progress"},
    "期限": {"期限": "/finance/outpatient/duties"},
    "清退台账": {"清退台账": "/finance/outpatient/accounts"},
    "清查": {
        "导入": "/finance/outpatient/imports",
        "余额更正": "/finance/outpatient/corrections",
        "身份更正": "/finance/outpatient/owners",
        "同一人": "/finance/outpatient/people",
    },
    "通知": {"通知": "/finance/outpatient/campaigns"},
    "退款": {
        "在办的退款": "/desk/refunds/claims",
        "网上申请": "/desk/refunds/requests",
        "银行退款": "/finance/outpatient/payments",
        "退款提醒": "/finance/outpatient/alarms",
    },
    "退不了的": {"标记和备案": "/finance/outpatient/filings"},
    "上缴财政": {"上缴批次": "/finance/outpatient/batches"},
    "垫付": {"垫付和申请": "/finance/outpatient/advances"},
    "停收": {
        "停收和保留": "/finance/outpatient/gate",
        "公告": "/finance/outpatient/notice",
    },
}
# The rooms of discharges and their settlement.
SETTLEMENT_ROOMS: Final[Mapping[str, Mapping[str, str]]] = {
    "名单": {"名单": "/settlement"},
    "逾期和容错": {"逾期和容错": "/settlement/late"},
    "退款": {"没到账、待领": "/settlement/refunds", "召回": "/settlement/recalls"},
    "欠费": {
        "欠费": "/settlement/arrears",
        "应急救助基金": "/settlement/relief",
        "风险评估": "/settlement/assessments",
    },
    "在院": {"费用预警": "/settlement/risks", "先诊疗后付费人群": "/settlement/groups"},
    "报表": {"及时率": "/settlement/reports", "床旁、线上和窗口": "/settlement/channels"},
    "接口": {"接口消息": "/settlement/messages", "导入表格": "/settlement/tables"},
}
# Pages that ask for one of these besides.
_ASKS_FOR: Final = {
    "/finance/outpatient/duties": (Permission.FUND_VIEW,),
    "/settlement/messages": (Permission.SETTLEMENT_MANAGE,),
    "/settlement/tables": (Permission.SETTLEMENT_MANAGE, Permission.SETTLEMENT_INSURANCE),
}
_FUND_BESIDE: Final = {"/finance/fund/assess": "/finance/fund/apply"}
_POSTED: Final = {
    "page": "deposits",
    "screen": "screen",
    "poster": "deposits/poster",
    "json": "deposits.json",
    "csv": "deposits.csv",
}
SUPPORT: Final = {"place": "信息科", "phone": ""}


class Frame:
    """One page's frame."""

    support: Mapping[str, str] = SUPPORT

    @cached_property
    def hospital(self) -> Hospital:
        """The person's institution, on public pages the one the server speaks for."""
        signed_in = load_sign_in()
        context = current_context()
        return hospital_of(context, signed_in.user.institution_id) if signed_in else default_hospital(context)

    @cached_property
    def posted(self) -> dict[str, str]:
        """Where patients and programs read the institution's posted table."""
        code = self.hospital.code
        return {key: public_path(name, code) for key, name in _POSTED.items()}

    @cached_property
    def demo(self) -> bool:
        """Whether all data is synthetic."""
        return current_context().settings.is_demo

    @property
    def answers_form(self) -> bool:
        """Whether the page answers a form that was sent, so that its address isn't that of a page."""
        return request.method == "POST"

    @cached_property
    def user(self) -> dict[str, Any] | None:
        """The person, once the sign-in is complete enough to act on the own account."""
        signed_in = load_sign_in()
        if signed_in is None or signed_in.stage is Stage.CODE:
            return None
        user = signed_in.user
        return {"name": user.name, "role": role_words(user.roles), "station": user.station or None}

    @cached_property
    def nav(self) -> list[dict[str, Any]]:
        """The areas of the role."""
        signed_in = load_sign_in()
        if signed_in is None or signed_in.stage is not Stage.FULL:
            return []
        open_to: dict[str, str] = {}
        for label, href, needed in AREAS:
            if signed_in.actor.may(needed) and exists(href):
                open_to.setdefault(href, label)
        return _marked(open_to)

    @cached_property
    def fund_rooms(self) -> list[dict[str, Any]]:
        """The rooms of the restricted fund."""
        rooms = {href: label for label, href in FUND_ROOMS if exists(href)}
        return _marked(rooms, _FUND_BESIDE)

    @cached_property
    def outpatient_rooms(self) -> list[dict[str, Any]]:
        """The rooms of outpatients' deposits, each with its pages; a room leads to its first page."""
        return _rooms(OUTPATIENT_ROOMS)

    @cached_property
    def settlement_rooms(self) -> list[dict[str, Any]]:
        """The rooms of discharges, each with its pages."""
        return _rooms(SETTLEMENT_ROOMS)

    @cached_property
    def messages(self) -> list[dict[str, Any]]:
        """What was just done."""
        return said()


def add_frame(app: Flask) -> None:
    """Give every template ``frame`` and ``csrf_token()``."""
    app.context_processor(lambda: {"frame": Frame(), "csrf_token": csrf_token})


def role_words(roles: frozenset[Role]) -> str:
    """The roles' names, in their own order."""
    return "、".join(role.label for role in Role if role in roles)


def exists(path: str) -> bool:
    """Whether this program has a page at ``path``."""
    known: dict[str, bool] = current_app.extensions.setdefault("paths", {})
    if path not in known:
        known[path] = _leads_somewhere(path)
    return known[path]


def _leads_somewhere(path: str) -> bool:
    try:
        current_app.url_map.bind("").match(path, "GET")
    except RequestRedirect:
        return True
    except HTTPException:
        return False
    return True


def _opens(href: str) -> bool:
    """Whether the person may open a page that asks for more than its rooms."""
    needed, signed_in = _ASKS_FOR.get(href), load_sign_in()
    return needed is None or (signed_in is not None and any(map(signed_in.actor.may, needed)))


def _rooms(of: Mapping[str, Mapping[str, str]]) -> list[dict[str, Any]]:
    """The rooms of an area with the pages that exist and the person may open."""
    pages = {href: label for room in of.values() for label, href in room.items() if exists(href) and _opens(href)}
    marked = {one["href"]: one for one in _marked(pages)}
    rooms: list[dict[str, Any]] = []
    for label, room in of.items():
        if found := [marked[href] for href in room.values() if href in marked]:
            current = any(one["current"] for one in found)
            rooms.append({"label": label, "href": found[0]["href"], "current": current, "pages": found})
    return rooms


def _marked(labels: Mapping[str, str], beside: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
    """Links, the one that leads here marked; a page ``beside`` a room belongs to it."""
    here = (beside or {}).get(request.path) or max(filter(_is_within, labels), key=len, default=None)
    return [{"label": label, "href": href, "current": href == here, "count": None} for href, label in labels.items()]


def _is_within(href: str) -> bool:
    return request.path == href or request.path.startswith(href + "/")
