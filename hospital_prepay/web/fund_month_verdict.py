"""What the page of a month says first: reconciled, or what is missing or doesn't agree, and what to do about it."""

from __future__ import annotations

from typing import Any, Final

from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.fund.period import Closing
from hospital_prepay.services.fund.reconciliation import MonthReading
from hospital_prepay.services.fund.words import CLOSINGS, SOURCES

_ASKED: Final = {
    "bank": "还没有 {period} 的银行流水：请从银行导出整月流水（要有余额一列），在月末之后导入。",
    "agency": "还没有 {period} 的医保对账单：请向医保经办机构要来，在月末之后导入。",
    "bank_lines": "银行流水有没收下的行，可能也是钱：请打开右边的文件，改好后重新导入，或写明这些行是什么。",
    "agency_lines": "医保对账单有没收下的行：请打开右边的文件，改好后重新导入，或写明这些行是什么。",
}
_UNPRINTED: Final = {
    "totals": "还不知道总账的期末余额：请导入本院期末余额表。",
    "bank": "银行流水没有印余额，不知道专款在不在：以后请导出带余额一列的流水；这个月核对网银余额，写明后结账。",
}


def verdict(found: MonthReading) -> dict[str, Any]:
    """Whether the month is reconciled; else, line by line, what keeps it from that and what to do."""
    if found.zero:
        lines = ["逐笔都对上，期末余额一致。"]
        if found.older:
            lines = ["本月逐笔都对上，期末余额一致。", f"以前各月还有 {len(found.older)} 笔没有对上，见下面。"]
        return {"kind": "ok", "title": f"{found.period} 零差异对平", "lines": lines}
    lines = _what_is_missing(found)
    if found.open_items:
        before = f"，以前各月 {len(found.older)} 笔" if found.older else ""
        lines.append(f"本月 {len(found.open_items)} 笔没有对上{before}，见下面“没有对上的”。")
    lines += [_apart(one) for one in found.closings if one.agrees is False]
    made = next((one for one in reversed(found.steps) if one.step == "made"), None)
    if made is not None and found.steps[-1].step != "reopened" and not found.changed:
        title = f"{found.period} 带着 {_differences(found)} 处差异结账"
        return {"kind": "wait", "title": title, "lines": [f"写明的原因：{made.ground}", *lines]}
    return {"kind": "wait", "title": f"{found.period} 还没有对平", "lines": lines}


def _what_is_missing(found: MonthReading) -> list[str]:
    """What isn't at hand for the month, each with what to do about it."""
    if not found.over and (found.missing or any(_unknown(one) for one in found.closings)):
        return ["期末余额和整月的明细要等月末：请在月末之后导入银行流水、医保对账单和本院期末余额表。"]
    lines = [_ASKED[kind].format(period=found.period) for kind in found.missing]
    unknown = [one.source for one in found.closings if _unknown(one) and one.source not in found.missing]
    return lines + [_UNPRINTED[source] for source in unknown]


def _unknown(one: Closing) -> bool:
    return one.required and one.theirs_fen is None


def _apart(one: Closing) -> str:
    if not one.at_least or one.theirs_fen is None:
        return f"{CLOSINGS[one.item]}：{SOURCES[one.source]}与本院账不一致。"
    theirs, ours = Money(one.theirs_fen), Money(one.ours_fen)
    short = Money(one.ours_fen - one.theirs_fen)
    return f"银行账户月末只有 {theirs} 元，少于专款未用的 {ours} 元，差 {short} 元。请查清钱去了哪里，补足后再结账。"


def _differences(found: MonthReading) -> int:
    """What is open, balances that don't agree, and papers that aren't at hand."""
    unsound = [one for one in found.closings if one.agrees is False]
    return len(found.open_items) + len(unsound) + len(_what_is_missing(found))
