"""Duties of outpatients' deposits in the calendar: where each is seen to, and the words of what closed it."""

from __future__ import annotations

from typing import Any, Final

from hospital_prepay.domain.rules.fund.duty_states import Standing
from hospital_prepay.domain.rules.outpatient.duties import is_outpatient

ROOT: Final = "/finance/outpatient"
# The same calendar, in the rooms of outpatients.
LIST: Final = f"{ROOT}/duties"
DONE: Final = {
    "clear_stock": "存量都已退还或备案",
    "file_old": "超过三年的都已退还或备案",
    "remit_old": "已上缴财政，有缴款书",
    "apply_for_advances": "已报送申请表",
}
# What to press, and where it leads; a consequence leads to what it is about.
_ACTS: Final = {
    "clear_stock": ("去清退台账", f"{ROOT}/accounts?kind=deposit&state=open"),
    "file_old": ("去标记和备案", f"{ROOT}/filings"),
    "remit_old": ("去上缴财政", f"{ROOT}/batches"),
    "apply_for_advances": ("去做申请表", f"{ROOT}/advances"),
    "submit_filing": ("去登记报送", f"{ROOT}/filings/{{}}"),
    "acknowledge_filing": ("去登记回执", f"{ROOT}/filings/{{}}"),
    "post_kept": ("去登记公示", f"{ROOT}/gate"),
    "decide_kept": ("去核对", f"{ROOT}/gate"),
}
# Whoever has nothing to do says so: the title, what it means, an example, and the button.
NONE_TO_DO: Final = {
    "apply": (
        "今年不申请",
        "申请是自愿的。提交了申请，账本会自己办结这一项；不申请的写明理由。",
        "例如：居民基金上年赤字，今年不预付",
        "登记不申请",
    ),
    "clear_stock": (
        "没有存量",
        "账上还没有存量账户。有存量的先导入余额清单；确实没有的，写明怎么查的。导入了账户，这句话就不算了。",
        "例如：财务和信息科核对，2025 年 6 月前没有开过门诊预交金账户",
        "登记没有存量",
    ),
}


def act_on(one: Standing) -> tuple[str, str]:
    """The words of the link and where it leads; before anything was counted, the census comes first, and a list that
    was made has only to be handed in."""
    left = one.known.left
    if one.item.name == "clear_stock" and left is None:
        return "去清查导入", f"{ROOT}/imports"
    if left is not None and left.list_no is not None:
        return f"去报送第 {left.list_no} 号申请表", f"{ROOT}/advances/{left.list_no}"
    words, href = _ACTS[one.item.name]
    return words, href.format(one.item.key.rpartition("/")[2])


def consequence_href(key: str) -> str:
    """Where a consequence, of the fund or of outpatients, is seen to."""
    area, name, *rest = key.split("/")
    return _ACTS[name][1].format(rest[-1]) if area == "outpatient" else f"/finance/fund/requests/{name}"


def left_panel(one: Standing) -> dict[str, Any] | None:
    """What is left of a duty, with where to see to it; nothing where the books know of nothing."""
    left = one.known.left
    if left is None or not is_outpatient(one.item.key):
        return None
    words, href = act_on(one)
    return {"count": left.count, "of": left.of, "fen": left.fen, "act": words, "href": href}
