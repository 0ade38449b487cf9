"""The lists of claims, by state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.rules.outpatient.claims import Claimant, Route
from hospital_prepay.domain.rules.outpatient.life import ClaimState
from hospital_prepay.http.current import current_actor
from hospital_prepay.http.paging import page_number, page_of
from hospital_prepay.services.outpatient.claim_review import HELD, ClaimList, ListedClaim
from hospital_prepay.web.fund_words import done_by
from hospital_prepay.web.outpatient_words import CLAIM_MARKS

A_PAGE: Final = 50
ROOT: Final = "/desk/refunds/claims"
PAYMENTS: Final = "/finance/outpatient/payments"
HELD_MARK: Final = {"kind": "stop", "word": "银行说法不一，待决定"}


@dataclass(frozen=True, slots=True)
class Tab:
    """One list of claims."""

    key: str
    label: str
    states: tuple[str, ...]
    newest_first: bool = False


TABS: Final = (
    Tab("accepted", "待审核", ("accepted",)),
    Tab("reviewed", "待确认", ("reviewed",)),
    Tab("confirmed", "待退款", ("confirmed",)),
    Tab("sent", "待到账", ("sent",)),
    Tab("failed", "没退成", ("failed",)),
    Tab(HELD, "银行说法不一", (HELD,)),
    Tab("arrived", "已到账", ("arrived",), newest_first=True),
    Tab("ended", "已退回", ("rejected", "withdrawn"), newest_first=True),
)


def tab_of(key: str) -> Tab:
    """The list asked for, the first without one."""
    return next((one for one in TABS if one.key == key), TABS[0])


def list_page(found: ClaimList, tab: Tab) -> dict[str, Any]:
    """One list, every other with its count."""
    count, fen = _of(found, tab)
    return {
        "tabs": [
            {
                "label": one.label,
                "href": f"{ROOT}?tab={one.key}",
                "current": one is tab,
                "count": _of(found, one)[0],
            }
            for one in TABS
        ],
        "title": tab.label,
        "claims": [
            {**claim_line(one, found.names), **({"state": HELD_MARK} if tab.key == HELD else {})}
            for one in found.claims
        ],
        "count": count,
        "sum_fen": fen,
        "page": page_of(len(found.claims), count, "笔", A_PAGE),
        "page_no": page_number(),
        "payments_href": PAYMENTS if current_actor().may(Permission.OUTPATIENT_PAY) else None,
    }


def claim_line(one: ListedClaim, names: Any) -> dict[str, Any]:
    """A claim in a list."""
    return {
        "claim_id": one.claim_id,
        "refund_no": one.refund_no,
        "href": f"{ROOT}/{one.claim_id}",
        "account_no": one.account_no,
        "holder": one.holder_name or "没有姓名",
        "who": Claimant(one.claimant).label + ("" if one.claimant == Claimant.SELF else f" {one.claimant_name}"),
        "route": Route(one.route).label,
        "amount_fen": one.amount_fen,
        "remitted": one.remitted,
        "accepted_by": names.get(one.accepted_by, one.accepted_by),
        "accepted_at": one.accepted_at,
        "alarms": one.alarms,
        "state": CLAIM_MARKS[ClaimState(one.state)],
        "ended": "".join(done_by(one.ended_by, one.ended_at, names)),
        "ground": one.ground,
        "mine": current_actor().actor_id in (one.accepted_by, one.reviewed_by, one.confirmed_by),
    }


def _of(found: ClaimList, tab: Tab) -> tuple[int, int]:
    parts = [found.counts.get(state, (0, 0)) for state in tab.states]
    return sum(count for count, _ in parts), sum(fen for _, fen in parts)
