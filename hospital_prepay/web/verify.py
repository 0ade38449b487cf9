"""``/r/<token>``: is this receipt or table genuine and current? It never tells whose it is."""

from __future__ import annotations

from typing import Any, Final

from flask import Blueprint, Response, make_response, render_template

from hospital_prepay.http.current import current_context
from hospital_prepay.http.filters import day, stamp, yuan
from hospital_prepay.http.permission import public
from hospital_prepay.http.public_cache import revalidated
from hospital_prepay.http.public_paths import public_path
from hospital_prepay.services.publication.genuineness import (
    CheckedSettlement,
    CheckedSlip,
    CheckedTable,
    check_paper,
)
from hospital_prepay.services.publication.institution import NAMELESS

blueprint = Blueprint("verify", __name__)
_KINDS: Final = {
    "deposit": "收据",
    "refund": "退款单",
    "void": "作废单",
    "topup": "结算补交单",
    "return": "结算退款单",
    "again": "改退现金单",
}
_TENDERS: Final = {"cash": "现金", "card": "银行卡", "wechat": "微信", "alipay": "支付宝", "transfer": "转账"}
_UNKNOWN: Final = {
    "kind": "stop",
    "title": "查不到这张单据",
    "words": "编号不对，或不是这里开出的。请不要凭它付款或退款。",
}


@blueprint.get("/r/<token>")
@public
def check(token: str) -> Response:
    """What the paper with this token is worth."""
    context = current_context()
    found = check_paper(context, token)
    if found is None:
        shown: dict[str, Any] = {"kind": "receipt", "verdict": _UNKNOWN, "facts": [], "next": None}
        return _page(shown, NAMELESS, 404)
    match found:
        case CheckedSlip():
            shown = _slip(found)
        case CheckedSettlement():
            shown = _settlement(found)
        case CheckedTable():
            shown = _table(found)
    return _page(shown, found.hospital, 200)


def _page(shown: dict[str, Any], hospital: Any, status: int) -> Response:
    frame = {"hospital": hospital, "demo": current_context().settings.is_demo}
    page = render_template("pages/publication/receipt_check.html", frame=frame, **shown)
    response = make_response(page, status)
    # A receipt can be voided at any moment, and its address shouldn't stay in anybody's cache.
    return revalidated(response, keep=False)


def _slip(found: CheckedSlip) -> dict[str, Any]:
    what = _KINDS[found.kind]
    if found.cancelled_by:
        words = f"已用红字冲销（{found.cancelled_by}）。请以新的单据为准。"
        verdict = {"kind": "wait", "title": f"这张{what}已作废", "words": words}
    else:
        verdict = {"kind": "ok", "title": f"这张{what}是真的", "words": "由本院开出，现在有效。"}
    return {
        "kind": "receipt",
        "verdict": verdict,
        "facts": [
            _fact("金额", f"{yuan(found.amount)} 元", big=True),
            _fact("票号", found.number),
            _fact("时间", stamp(found.issued_at)[:16]),
            _fact("方式", _TENDERS[found.tender]),
            _fact("医院", found.hospital.name),
            _fact("状态", "已作废" if found.cancelled_by else "有效"),
        ],
        "next": {
            "words": "最多交多少、什么时候退：",
            "href": public_path("deposits", found.hospital.code),
            "label": "看额度表",
        },
    }


def _settlement(found: CheckedSettlement) -> dict[str, Any]:
    if found.recalled_at is not None:
        words = f"{stamp(found.recalled_at)[:16]} 已召回。请以重新结算的为准。"
        verdict = {"kind": "wait", "title": "这张结算单已召回", "words": words}
    else:
        verdict = {"kind": "ok", "title": "这张结算单是真的", "words": "由本院开出，现在有效。"}
    return {
        "kind": "receipt",
        "verdict": verdict,
        "facts": [
            _fact("医疗费总额", f"{yuan(found.total)} 元", big=True),
            _fact("单号", found.number),
            _fact("时间", stamp(found.settled_at)[:16]),
            _fact("医院", found.hospital.name),
            _fact("状态", "已召回" if found.recalled_at else "有效"),
        ],
        "next": None,
    }


def _table(found: CheckedTable) -> dict[str, Any]:
    version = found.version
    coming = version.effective_on > current_context().clock.today()
    if version.current:
        verdict = {"kind": "ok", "title": "这张额度表是真的", "words": "由本院发布，现在执行。"}
    elif coming:
        words = f"由本院发布，{day(version.effective_on)} 起执行。"
        verdict = {"kind": "wait", "title": "这张额度表还没有到执行日", "words": words}
    else:
        words = f"{day(version.replaced_on)} 起已被新版代替。"
        verdict = {"kind": "wait", "title": "这张额度表是以前的", "words": words}
    return {
        "kind": "table",
        "verdict": verdict,
        "facts": [
            _fact("版本", f"第 {version.number} 版", big=True),
            _fact("医院", found.hospital.name),
            _fact("执行日", day(version.effective_on)),
            _fact("批准", version.approved_by),
            _fact("编号", version.serial),
        ],
        "next": {"words": "现在执行的：", "href": public_path("deposits", found.hospital.code), "label": "看额度表"},
    }


def _fact(label: str, value: str, *, big: bool = False) -> dict[str, Any]:
    return {"label": label, "value": value, "big": big}
