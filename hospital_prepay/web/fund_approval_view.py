"""What is said before an approval or its money is written down, and of an approval that was taken back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hospital_prepay.domain.money import Money
from hospital_prepay.http.current import current_actor
from hospital_prepay.schemas import fund_forms as schemas
from hospital_prepay.services.fund.approvals import GrantState, Sizes, Withdrawn, may_withdraw
from hospital_prepay.web.fund_confirmation import Confirmation


def compared(approved: Money, sizes: Sizes, *, eased: bool) -> tuple[str, ...]:
    """The amount beside what was applied for and the largest size, with a warning where it is above either."""
    applied = Money(sizes.applied_fen)
    largest = None if sizes.largest_fen is None else Money(sizes.largest_fen)
    lines = [f"申请 {applied} 元" + (f"，按通知最高 {largest} 元。" if largest is not None else "。")]
    if approved.fen > applied.fen:
        lines.append(f"注意：批复比申请多 {approved - applied} 元，请对照批复文件再看一遍。")
    if largest is not None and approved.fen > largest.fen and not eased:
        lines.append(f"注意：比最高规模多 {approved - largest} 元，没有特殊情形的文件登记不了。")
    return tuple(lines)


def confirm_receipt(grant: GrantState, said: schemas.Received) -> Confirmation:
    """The whole approved amount, before it is booked."""
    amount = Money(grant.approved_fen or 0)
    return Confirmation(
        f"入账 {amount} 元？",
        (
            f"大写 {amount.in_words()}；到账日 {said.received_on}，银行回单 {said.bank_reference}。",
            f"请对照回单：银行到账的正好是 {amount} 元才入账。专款未用和应还医保各增加这么多，入账后不能撤回。",
        ),
        f"入账 {amount} 元",
        "先不入账",
    )


def may_take_back(grant: GrantState) -> bool:
    """Whether the viewer may take the approval back: nothing was received, and somebody else recorded it."""
    actor = current_actor()
    return grant.state == "approved" and may_withdraw(actor) and actor.actor_id != grant.recorded_by


def taken_back(found: Sequence[Withdrawn], names: Mapping[str, str]) -> list[dict[str, Any]]:
    """Every approval that was taken back, as the page lists it."""
    return [
        {
            "approved_fen": one.approved_fen,
            "approved_on": one.approved_on,
            "document": one.approval_document,
            "recorded_by": names.get(one.recorded_by, one.recorded_by),
            "ground": one.ground,
            "by": names.get(one.withdrawn_by, one.withdrawn_by),
            "at": one.withdrawn_at,
        }
        for one in found
    ]
