"""What the bank said of a refund on its page: its attempts, what it contradicts, what it paid too often."""

from __future__ import annotations

from typing import Any, Final

from hospital_prepay.clock import local
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.outpatient.claims import Route
from hospital_prepay.services.outpatient.claim_review import ClaimDetail, PayoutRow
from hospital_prepay.services.outpatient.contradictions import VERDICT_LABELS, ContradictionRow, Verdict
from hospital_prepay.services.outpatient.overpayments import OverpaymentRow
from hospital_prepay.web.fund_words import done_by
from hospital_prepay.web.outpatient_claim_log import contradiction_words

_VERDICT_NOTES: Final = {
    Verdict.PAID: "这次付款记为到账：退款没有别的到账的，按这一次入账（已撤回的也是）；另有到账的，记为多付，待追回",
    Verdict.UNPAID: "这次付款仍算没有退成，可以再送银行或改退款方式",
}
# What must be done first where the attempt stands otherwise in the books.
_VERDICT_FIRST: Final = {
    (Verdict.UNPAID, "arrived"): "账上已记到账：先由收费员或财务登记“银行把到账的钱退回来了”，再选这一项",
    (Verdict.PAID, "returned"): "登记过“银行把到账的钱退回来了”，不能选这一项；请先与银行对清",
}
_BACK: Final = {Route.CASH: "交回现金", Route.BANK: "到了医院的银行账户"}
_DECIDERS: Final = "由有确认权限、没有送款也没有导入回单的人决定"


def bounced_words(found: ClaimDetail) -> str:
    """What somebody is told who noted that the bank sent the money back."""
    words = f"已登记退回 {Money(found.claim.amount_fen)} 元。"
    if undecided(found):
        return f"{words}银行说法不一还没有决定：{deciders(found)}，然后再付。"
    return f"{words}下一步：另一个人再送银行；账号不对的，{redirectors(found)}。"


def redirectors(found: ClaimDetail) -> str:
    """Who may name another way, by name."""
    able = "、".join(found.names.get(one, one) for one in found.redirectors)
    return f"改退款方式由{able}办" if able else "改退款方式要由没有受理、没有送过的人办，请系统管理开账号"


def decided_words(found: ClaimDetail, number: int) -> str:
    """What somebody is told who decided what the bank meant by contradiction ``number``."""
    one = found.contradictions[number - 1]
    if one.decision == Verdict.UNPAID:
        return "已记下银行没有付到，这笔退款可以接着办。"
    paid = f"已记下银行付到 {Money(found.claim.amount_fen)} 元"
    if _is_settled(one, found):
        return f"{paid}，账上原来就记着到账，不变。" if one.told == "failed" else f"{paid}，按这一次入账。"
    return f"{paid}。这笔钱另外已经付过，所以记为多付（其他应收款），请向收款人追回，再在这一页登记。"


def contradiction(one: ContradictionRow, found: ClaimDetail) -> dict[str, Any]:
    """One thing that the bank said twice, with what was decided of it."""
    names, kind, word = found.names, "stop", "待决定"
    if one.decision:
        kind, word = _overpaid_mark(one, found) or ("ok", "已决定")
    return {
        "no": one.contradiction_no,
        "open": not one.decision,
        "mark": {"kind": kind, "word": word},
        "words": contradiction_words(one),
        "decision": VERDICT_LABELS[Verdict(one.decision)] if one.decision else "",
        "ground": one.ground,
        "who": names.get(one.decided_by or one.raised_by, one.decided_by or one.raised_by),
        "at": one.decided_at or one.raised_at,
    }


def _overpaid_mark(one: ContradictionRow, found: ClaimDetail) -> tuple[str, str] | None:
    paid = next((each for each in found.overpaid if each.attempt_no == one.attempt_no), None)
    if paid is None or one.decision != Verdict.PAID:
        return None
    return ("stop", "多付，待追回") if paid.state == "owed" else ("ok", "多付的已追回")


def _is_settled(one: ContradictionRow, found: ClaimDetail) -> bool:
    """Whether what was decided is what the books say of the attempt."""
    return one.decision == Verdict.UNPAID or found.payouts[one.attempt_no - 1].state == "arrived"


def verdicts(found: ClaimDetail) -> list[dict[str, str]]:
    """What may be decided of it, each with what follows."""
    one = undecided(found)
    state = found.payouts[one.attempt_no - 1].state if one else ""
    return [
        {"value": each.value, "label": each.label, "note": _VERDICT_FIRST.get((each, state), _VERDICT_NOTES[each])}
        for each in Verdict
    ]


def owed(found: ClaimDetail) -> OverpaymentRow | None:
    """What the bank paid too often and its payee still owes."""
    return next((one for one in found.overpaid if one.state == "owed"), None)


def undecided(found: ClaimDetail) -> ContradictionRow | None:
    """What the bank said twice and nobody decided yet."""
    return next((one for one in found.contradictions if not one.decision), None)


def overpaid(found: ClaimDetail) -> dict[str, Any] | None:
    """What its payee still owes, or the last that came back."""
    if not found.overpaid:
        return None
    one = owed(found) or found.overpaid[-1]
    names, back = found.names, one.recovered_by or ""
    how = "现金，收据号" if one.way == Route.CASH else "银行，回单号"
    return {
        "attempt": one.attempt_no,
        "amount_fen": one.amount_fen,
        "owed": one.state == "owed",
        "words": f"{how} {one.reference}" if one.recovered_at else "",
        "who": names.get(back, back),
        "at": one.recovered_at,
        "ways": [{"value": way.value, "label": label, "note": None} for way, label in _BACK.items()],
    }


def deciders(found: ClaimDetail) -> str:
    """Who may decide what the bank meant, by name."""
    able = "、".join(found.names.get(one, one) for one in found.deciders)
    return f"{_DECIDERS}：{able or '现在没有这样的人，请系统管理开账号'}"


def held_lines(found: ClaimDetail) -> tuple[str, ...]:
    """Who decides what the bank meant, and what else must be done first where the books have the money as paid."""
    one = undecided(found)
    if one is None or found.payouts[one.attempt_no - 1].state != "arrived":
        return (deciders(found),)
    returned = "钱退回了医院账户的，先由收费员或财务凭银行回单在这一页登记“银行把到账的钱退回来了”"
    return returned, f"再{deciders(found)}"


def attempt(one: PayoutRow, found: ClaimDetail) -> dict[str, Any]:
    """One attempt to pay, with what the bank said of it."""
    marks = {
        "sent": ("info", "已送"),
        "arrived": ("ok", "到账"),
        "failed": ("stop", "没退成"),
        "returned": ("stop", "银行退回"),
        "overpaid": ("stop", "多付了"),
        "recovered": ("ok", "多付，已追回"),
    }
    over = next((each for each in found.overpaid if each.attempt_no == one.attempt_no), None)
    kind, word = marks[one.state if over is None else "overpaid" if over.state == "owed" else "recovered"]
    way = Route(one.route).label + (f"，第 {one.file_no} 号文件" if one.file_no else "")
    returned = one.return_reference and f"退回的回单 {one.return_reference}{_returned_by(one, found)}"
    told = one.answered_at is not None and one.route != Route.CASH and f"回单 {local(one.answered_at):%m-%d %H:%M}"
    # Of what was paid beside the books the bank's first word was wrong: its later number is the proof.
    proof, failure = (_proof(one, found), "") if over is not None else (one.bank_reference, one.failure)
    details = [part for part in (proof and f"凭据 {proof}", failure, told, returned) if part]
    return {
        "no": one.attempt_no,
        "mark": {"kind": kind, "word": word},
        "words": "；".join([way, *details]),
        "who": found.names.get(one.sent_by, one.sent_by),
        "at": one.sent_at,
    }


def _returned_by(one: PayoutRow, found: ClaimDetail) -> str:
    """Who noted that the bank sent an attempt back, and when. An act of before it kept the attempt's number is found
    by the reason."""
    for event in found.record:
        told = event.detail
        is_it = told["attempt"] == one.attempt_no if "attempt" in told else told.get("reason") == one.failure
        if event.action == "outpatient.bounce" and is_it:
            return "".join(f"，{words} 登记" for words in done_by(event.actor, event.at, found.names))
    return ""


def _proof(one: PayoutRow, found: ClaimDetail) -> str:
    """The bank's number of an attempt that it said later it had paid."""
    said = [each for each in found.contradictions if each.attempt_no == one.attempt_no and each.told == "arrived"]
    return said[-1].bank_reference if said else ""
