"""Who must do what next, from discharge to the end of its settlement (article 19, 25).

A discharge passes the ward, the billing audit, the insurance office, the cashier and whoever issues the invoice. Each
passes it on or sends it back with a word; nobody can hold the patient's leaving back by it, for the duty to settle is
the hospital's.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.clauses import house_rule
from hospital_prepay.domain.insured_class import InsuredClass


class Stage(StrEnum):
    """With whom a discharge lies."""

    WARD = "ward"
    AUDIT = "audit"
    INSURANCE = "insurance"
    CASHIER = "cashier"
    INVOICE = "invoice"
    DONE = "done"

    @property
    def label(self) -> str:
        """Who that is, as screens say it."""
        return STAGE_LABELS[self]

    @property
    def task(self) -> str:
        """What is to be done there."""
        return STAGE_TASKS[self]


STAGE_LABELS: Final = {
    Stage.WARD: "病区",
    Stage.AUDIT: "费用审核",
    Stage.INSURANCE: "医保",
    Stage.CASHIER: "收费",
    Stage.INVOICE: "票据",
    Stage.DONE: "已办完",
}
STAGE_TASKS: Final = {
    Stage.WARD: "病历、医嘱、首页",
    Stage.AUDIT: "补录、对码",
    Stage.INSURANCE: "回传、核对",
    Stage.CASHIER: "退补、确认",
    Stage.INVOICE: "开具电子票据",
    Stage.DONE: "",
}
OPEN_STAGES: Final = (Stage.WARD, Stage.AUDIT, Stage.INSURANCE, Stage.CASHIER, Stage.INVOICE)
OWNERS: Final[Mapping[Stage, Permission]] = {
    Stage.WARD: Permission.SETTLEMENT_WARD,
    Stage.AUDIT: Permission.SETTLEMENT_AUDIT,
    Stage.INSURANCE: Permission.SETTLEMENT_INSURANCE,
    Stage.CASHIER: Permission.SETTLEMENT_SETTLE,
    Stage.INVOICE: Permission.SETTLEMENT_SETTLE,
}
# A step to the stage itself is a remark: what it waits for.
DISCHARGE_STEPS: Final[Mapping[str, frozenset[str]]] = {
    "ward": frozenset({"ward", "audit"}),
    "audit": frozenset({"audit", "insurance", "cashier", "ward"}),
    "insurance": frozenset({"insurance", "cashier", "audit", "ward"}),
    "cashier": frozenset({"cashier", "invoice", "insurance", "audit", "ward"}),
    "invoice": frozenset({"invoice", "done", "cashier", "insurance", "audit"}),
    "done": frozenset({"cashier", "insurance", "audit"}),
}


@house_rule
def waits_for_class(stage: Stage, insured: InsuredClass | None) -> bool:
    """Whether a discharge waits at the insurance office until a message or a person names the insured class (self-pay
    included): ``None`` is a class that nobody named (17.1 speaks of the deposit only)."""
    return stage is Stage.INSURANCE and insured is None


@house_rule
def next_stage(stage: Stage, insured: InsuredClass | None) -> Stage:
    """Where a discharge goes when this stage has done its part: self-pay patients need no insurance office, those
    whose class nobody named (``None``) do. See :func:`waits_for_class` for what doesn't go on."""
    if stage is Stage.AUDIT and insured is InsuredClass.SELF_PAY:
        return Stage.CASHIER
    order = list(Stage)
    return order[min(order.index(stage) + 1, len(order) - 1)]


@house_rule
def earlier_stages(stage: Stage, insured: InsuredClass | None) -> tuple[Stage, ...]:
    """To whom a discharge may be sent back, nearest first; once it is settled only a recall brings it back."""
    if stage in (Stage.INVOICE, Stage.DONE):
        return ()
    before = list(Stage)[: list(Stage).index(stage)]
    skipped = {Stage.INSURANCE} if insured is InsuredClass.SELF_PAY else set()
    allowed = DISCHARGE_STEPS[stage.value]
    return tuple(one for one in reversed(before) if one.value in allowed and one not in skipped)
