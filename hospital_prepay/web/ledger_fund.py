"""Entries of the restricted fund among those of the ledger: their words, their grants, what they rest on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.ledger.chart import PREPAYMENT
from hospital_prepay.domain.money import Money
from hospital_prepay.http.current import current_actor
from hospital_prepay.services.fund.entry_papers import EntryPapers
from hospital_prepay.services.fund.spending import request_number
from hospital_prepay.services.ledger.journal import JournalSide

FUND: Final = "/finance/fund"
FUND_KINDS: Final = {
    "fund_receipt": ("ok", "到账"),
    "fund_reserve": ("info", "预留"),
    "fund_unreserve": ("idle", "退回预留"),
    "fund_payment": ("info", "付款"),
    "fund_payment_bounced": ("stop", "退票"),
    "fund_return": ("info", "交回"),
    "fund_offset": ("info", "冲抵"),
    "fund_receipt_undone": ("stop", "到账冲销"),
    "fund_return_undone": ("stop", "交回冲销"),
    "fund_offset_undone": ("stop", "冲抵冲销"),
    "fund_release": ("idle", "解除限定"),
    "fund_netting": ("info", "轧差"),
    "fund_distribution": ("info", "分配"),
    "fund_distribution_return": ("info", "成员退回"),
    "fund_claim_repaid": ("ok", "成员还款"),
    "fund_claim_repaid_undone": ("stop", "成员还款冲销"),
    "fund_loss": ("stop", "损失垫补"),
    "fund_compensation": ("ok", "损失赔偿"),
    "fund_settlement": ("info", "结算款"),
}


def earmark(grant_id: str, papers: EntryPapers) -> dict[str, str | None] | None:
    """The grant of a line, by its name and with its page."""
    if not grant_id:
        return None
    return {"words": papers.titles.get(grant_id, grant_id), "href": _seen(f"{FUND}/grants/{grant_id}")}


def document(source: str, grant_id: str, papers: EntryPapers) -> dict[str, str | None] | None:
    """What an entry of the fund rests on; ``None`` for one of another room."""
    kind, _, key = source.partition(":")
    match kind:
        case "fund_request":
            return _link(f"用款申请 {request_number(key)}", f"{FUND}/requests/{key}")
        case "grant":
            return _link(papers.titles.get(key, key), f"{FUND}/grants/{key}")
        case "fund_offset" | "fund_correction":
            words = "冲抵登记" if kind == "fund_offset" else "更正申请"
            if not grant_id:  # of a member's repayment
                return {"words": words, "href": None}
            return _link(words, f"{FUND}/grants/{grant_id}#h-seconds")
        case "settlement":
            return _link(
                f"结算款 {papers.settled_period}", f"{FUND}/reconcile/settlements?period={papers.settled_period}"
            )
        case "fund_distribution":
            if not grant_id:  # what a member paid back of a claim is nobody's restricted money
                return {"words": "成员单位还款", "href": None}
            return _link("分配给成员单位", f"{FUND}/grants/{grant_id}/members")
        case "fund_incident":
            return _link("损失登记", f"{FUND}/recall/losses#h-{key}")
    return None


def owed_words(sides: Sequence[JournalSide]) -> str:
    """What an entry moved of what is owed to the agency. The sum of its debits says that not: an offset frees as much
    as it gives back, and a return for members claims the same from them."""
    owed = [side for side in sides if side.subject == PREPAYMENT]
    fallen, risen = (Money(sum(getattr(side, name) for side in owed)) for name in ("debit_fen", "credit_fen"))
    told = (("减少", fallen), ("增加", risen))
    return "，".join(f"应还医保{word} {amount} 元" for word, amount in told if amount)


def slip(papers: EntryPapers) -> dict[str, Any] | None:
    """The bank's slip behind an entry."""
    return None if papers.slip is None else {"reference": papers.slip.shown, "on": papers.slip.value_on}


def _link(words: str, href: str) -> dict[str, str | None]:
    return {"words": words, "href": _seen(href)}


def _seen(href: str) -> str | None:
    return href if current_actor().may(Permission.FUND_VIEW) else None
