"""Where a stay's cap comes from, in the words beneath the meter."""

from __future__ import annotations

from typing import Final

from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.inpatient.cap_origin import CapOrigin, lacks_cases
from hospital_prepay.services.inpatient.desk import CapSource, DeskStay

_BASES: Final = {"mean": "取均值", "legacy": "取原标准"}
FEW_CASES: Final = "本类型例数不足"
_TOLD: Final = ("unposted", "similar", "staged")


def source_words(view: DeskStay) -> str:
    """Which disease's row of which table gives the cap, and what that row rests on."""
    origin, source = view.origin, view.source
    if origin is None or source is None:
        return view.cap_decision.reasons[0].message
    words = _basis(source)
    if not origin.is_own:
        words = f"参照〈{origin.row.disease_name}，{origin.row.disease_code}〉的额度。它的额度：{words}"
    elif not origin.row.posted:
        words = f"本病种没有公示，按它自己测算的额度：{words}"
    return words + _late(origin)


def refusal_words(view: DeskStay) -> str:
    """Why the stay has no cap yet."""
    words = view.cap_decision.reasons[0].message.rstrip("。")
    return words.replace("没有公示", FEW_CASES, 1) if lacks_cases(view.cap_decision) else words


def warning_words(view: DeskStay) -> str | None:
    """What the patient must be told of a cap that isn't the posted one of the disease and class."""
    reason = next((one for one in view.cap_decision.reasons if one.code in _TOLD), None)
    if reason is None:
        return None
    words = reason.message.rstrip("。")
    if lacks_cases(view.cap_decision):
        words = words.replace("未公示病种", FEW_CASES, 1)
    return f"{words}，请向患者说明"


def _basis(source: CapSource) -> str:
    years = f"{source.window_from.year}–{source.window_to.year} 年 {source.cases} 例"
    if source.basis == "similar":
        return f"{years}，例数不足，测算时取它的相似病种里最低的额度。"
    words = years
    if source.cases:
        mean = source.sum_burden_fen // source.cases if source.mean_fen is None else source.mean_fen
        words += f"，个人负担均值 {Money(mean)} 元"
    if source.legacy_fen is not None:
        words += f"，原标准 {Money(source.legacy_fen)} 元"
    return f"{words}，{_BASES.get(source.basis, '例数不足')}，向下取整。"


def _late(origin: CapOrigin) -> str:
    if origin.other_version is None:
        return ""
    used, other = origin.table_version, origin.other_version
    return f"入院和登记隔着两版额度表，本院规定取低的一版：用第 {used} 版，不用第 {other} 版。"
