"""What is asked once more before it is booked: what it does, on which day, and who will see it (design, Words)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from hospital_prepay.domain.money import Money
from hospital_prepay.schemas import fund_forms as schemas
from hospital_prepay.services.fund.recall_review import IncidentState
from hospital_prepay.services.fund.review import RequestDetail
from hospital_prepay.web.fund_words import grant_title


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What is asked once more before it is done: the amount stands in title and button."""

    title: str
    lines: tuple[str, ...]
    button: str
    other: str


def confirmation(said: Any) -> Confirmation | None:
    """What to ask once more; ``None`` for what names its amount already, or has none."""
    match said:
        case schemas.Approval():
            return _confirm_approval(said)
        case schemas.Returned():
            on = f"，交回日 {said.returned_on}" if said.returned_on else ""
            return Confirmation(
                f"交回 {said.amount} 元？",
                (
                    f"大写 {said.amount.in_words()}；银行回单 {said.bank_reference}{on}。",
                    "先用专款未用的部分，不够的用医院自有资金；应还医保同额减少。填错了要两个人更正。",
                ),
                f"交回 {said.amount} 元",
                "先不交回",
            )
        case schemas.Offset():
            rest = said.settlement - said.offset
            slip = f"，银行回单 {said.bank_reference}" if said.bank_reference else ""
            return Confirmation(
                f"登记冲抵 {said.offset} 元？",
                (
                    f"本次结算 {said.settlement} 元，冲抵后到账 {rest} 元{slip}；"
                    f"依据 {said.document}，{said.value_on}。",
                    "现在只登记：另一个人确认后才入账，应还医保按冲抵额减少，未用的专款随之解除限定。",
                ),
                f"登记冲抵 {said.offset} 元",
                "先不冲抵",
            )
    return None


def _confirm_approval(said: schemas.Approval) -> Confirmation:
    if said.approved is None:
        lines = ("登记后这笔申请到此为止，不能再改。",)
        return Confirmation("登记“没有批准”？", lines, "登记没有批准", "先不登记")
    return Confirmation(
        f"登记批复 {said.approved} 元？",
        (
            f"大写 {said.approved.in_words()}；批复日 {said.approved_on}，文号 {said.document}。",
            "到账只能按这个金额入账。登记错了的，到账之前由另一个人写明原因撤回，再重新登记。",
        ),
        f"登记批复 {said.approved} 元",
        "先不登记",
    )


def confirm_payment(found: RequestDetail, said: schemas.BankPayment, today: date) -> Confirmation:
    """A payment from the restricted money: to whom, when, and what is left of it."""
    amount = Money(found.request.total_fen)
    return Confirmation(
        f"付给 {found.request.payee_name} {amount} 元？",
        (
            f"大写 {amount.in_words()}；付款日 {said.paid_on or today}，银行付款回单 {said.bank_reference}。",
            f"从{grant_title(found.grant)}付出，预留用掉，应还医保不变；不能撤回，银行退款的用红字冲销。",
            "申请的科室、财务、财务审批和审计都看得到这次付款。",
        ),
        f"付 {amount} 元",
        "先不付",
    )


def confirm_loss(found: IncidentState, title: str, today: date) -> Confirmation:
    """A loss that the hospital's own money makes good."""
    amount = Money(found.amount_fen)
    return Confirmation(
        f"确认损失 {amount} 元？",
        (
            f"大写 {amount.in_words()}；{title}。",
            f"今天（{today}）入账：从自有资金垫补，专款不减少，应还医保不变。入账后不能撤回，追回的赔偿以后另记。",
            "财务、财务审批和审计看得到这笔损失和责任人。",
        ),
        f"确认，自有资金垫补 {amount} 元",
        "先不记",
    )
