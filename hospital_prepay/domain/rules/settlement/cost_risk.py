"""Fee-risk warnings while somebody is in hospital (article 25): what the patient is expected to bear beside what was
collected, and what may be done.

A warning never asks for more than the cap: that binds whatever a stay costs (17). The share at which one is given is
a house setting.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hospital_prepay.domain.clauses import implements
from hospital_prepay.domain.money import Money

WARNED: Final = "guizhou-deposit-2025/25"


@dataclass(frozen=True, slots=True)
class CostRisk:
    """A stay whose costs run ahead of its deposit, in fen: what isn't covered, and what the cap still leaves room
    for (``None`` where no cap is found yet)."""

    gap_fen: int
    room_fen: int | None


@implements(WARNED)
def risk_of(own_fen: int, collected_fen: int, cap_fen: int | None, warn_percent: int) -> CostRisk | None:
    """The warning of a stay, ``None`` while its expected own share stays below ``warn_percent`` of what was
    collected."""
    if own_fen == 0 or own_fen * 100 < collected_fen * warn_percent:
        return None
    room = None if cap_fen is None else max(0, cap_fen - collected_fen)
    return CostRisk(max(0, own_fen - collected_fen), room)


@implements(WARNED)
def what_may_be_done(risk: CostRisk, *, is_self_pay: bool, pays_later: bool) -> list[str]:
    """What finance and ward may do, in this order; asking above the cap is never among it."""
    words = []
    if is_self_pay:
        words.append("请核对医保：能登记的尽快登记")
    if pays_later:
        words.append("先诊疗后付费，不请患者预交")
    elif risk.room_fen is None:
        words.append("还没有额度，先定病种，定好以前不收")
    elif risk.room_fen and risk.gap_fen:
        words.append(f"可以请患者再交，最多 {Money(min(risk.gap_fen, risk.room_fen))} 元")
    elif not risk.room_fen:
        words.append("预交金已到额度，不再收；差额出院结算时再交")
    words.append("有困难的，帮助申请医疗救助或应急救助基金")
    return words
