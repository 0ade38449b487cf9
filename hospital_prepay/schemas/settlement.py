"""The forms of discharges' settlement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Final

from marshmallow import ValidationError

from hospital_prepay.domain.insured_class import InsuredClass
from hospital_prepay.domain.ledger.chart import Tender
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.settlement.result import AMOUNTS, ResultAmounts, self_paid
from hospital_prepay.domain.rules.settlement.settling import Channel, Rest, SettlementKind
from hospital_prepay.domain.rules.settlement.stages import Stage
from hospital_prepay.domain.visits import Disposition, VisitEventKind
from hospital_prepay.schemas.base import Choice, CommandSchema, Number, Text, Yuan
from hospital_prepay.schemas.desk import LocalMoment, StayNumber
from hospital_prepay.schemas.fund_forms import FormKey
from hospital_prepay.services.settlement.slips import TopUp

LONGEST_NOTE: Final = 200
_NO_AMOUNT: Final = "请填金额；没有的填 0。"
# What nobody but the insurance and the hospital bears.
_INSURERS: Final = ("fund_pay_sumamt", "acct_pay", "hosp_part_amt", "acct_mulaid_pay")


@dataclass(frozen=True, slots=True)
class StepForm:
    """A step of a discharge as it was typed: ``to`` only where it is sent back."""

    step_no: int
    note: str
    to: Stage | None


class StepSchema(CommandSchema[StepForm]):
    """Pass on, send back, or write down what it waits for."""

    command: ClassVar = StepForm

    step_no = Number(required=True)
    note = Text(longest=LONGEST_NOTE, load_default="")
    to = Choice(Stage, load_default=None)


@dataclass(frozen=True, slots=True)
class DroppedForm:
    """Why a message is given up."""

    ground: str


class DroppedSchema(CommandSchema[DroppedForm]):
    """The ground of giving up a message."""

    command: ClassVar = DroppedForm

    ground = Text(required=True, longest=LONGEST_NOTE)


@dataclass(frozen=True, slots=True)
class HandEvent:
    """A discharge, its cancelling or a move as somebody at a ward or counter writes it down; ``ground`` where a late
    discharge is to be cancelled."""

    stay_no: str
    kind: VisitEventKind
    at: datetime
    ward: str
    disposition: Disposition | None
    ground: str


class HandEventSchema(CommandSchema[HandEvent]):
    """One event by hand."""

    command: ClassVar = HandEvent

    stay_no = StayNumber(required=True, longest=40)
    kind = Choice(VisitEventKind, required=True)
    at = LocalMoment(required=True)
    ward = Text(longest=80, load_default="")
    disposition = Choice(Disposition, load_default=None)
    ground = Text(longest=LONGEST_NOTE, load_default="")

    def read(self, given: Mapping[str, Any]) -> HandEvent:
        """The event; how the patient left may be left open."""
        return super().read({name: said for name, said in given.items() if said or name != "disposition"})


@dataclass(frozen=True, slots=True)
class NamedClass:
    """The insured class as somebody found it out."""

    insured: InsuredClass


class NamedClassSchema(CommandSchema[NamedClass]):
    """One of the three classes."""

    command: ClassVar = NamedClass

    insured = Choice(InsuredClass, required=True)


@dataclass(frozen=True, slots=True)
class SettleForm:
    """The form of a settlement as it was typed; amounts of interface 2304 under its own names."""

    kind: SettlementKind
    channel: Channel
    step_no: int | None
    setl_id: str
    setl_time: datetime | None
    amounts: ResultAmounts
    top_up: TopUp | None
    rest: Rest
    idempotency_key: str


class SettleSchema(CommandSchema[SettleForm]):
    """A settlement: what the insurance answered, where it is done, and what is paid towards it at once.

    Without an insurance only the whole cost counts; a stay without cost needs no amount. Of somebody insured for whom
    nothing is filled in, everything that the insurance answers is missing.
    """

    def __init__(self, *, is_insured: bool = False) -> None:
        super().__init__()
        self.is_insured = is_insured

    kind = Choice(SettlementKind, required=True)
    channel = Choice(Channel, required=True)
    step_no = Number(load_default=None, allow_none=True)
    setl_id = Text(longest=40, load_default="")
    setl_time = LocalMoment(load_default=None, allow_none=True)
    medfee_sumamt = Yuan(load_default=None, allow_none=True)
    fund_pay_sumamt = Yuan(load_default=None, allow_none=True)
    psn_part_amt = Yuan(load_default=None, allow_none=True)
    acct_pay = Yuan(load_default=None, allow_none=True)
    psn_cash_pay = Yuan(load_default=None, allow_none=True)
    hosp_part_amt = Yuan(load_default=None, allow_none=True)
    acct_mulaid_pay = Yuan(load_default=None, allow_none=True)
    top_up = Yuan(load_default=None, allow_none=True)
    tender = Choice(Tender, load_default=Tender.CASH)
    payment_reference = Text(longest=64, load_default="")
    rest = Choice(Rest, load_default=Rest.BACK)
    idempotency_key = FormKey()

    def read(self, given: Mapping[str, Any]) -> SettleForm:
        """The form with the amounts together. Raises ``ValidationError``, with every field that is missing."""
        missing = self._missing(given)
        try:
            found = self.load(
                {name: said for name, said in given.items() if said != "" or name in ("kind", "channel")}
            )
        except ValidationError as error:
            raise ValidationError({**missing, **error.messages_dict}) from error
        if missing:
            raise ValidationError(missing)
        fen = {name: found[name] and found[name].fen for name in AMOUNTS}
        amounts = (
            ResultAmounts(**{name: value or 0 for name, value in fen.items()})
            if found["setl_id"]
            else self_paid(fen["medfee_sumamt"] or 0)
        )
        paid = found["top_up"]
        return SettleForm(
            kind=found["kind"],
            channel=found["channel"],
            step_no=found["step_no"],
            setl_id=found["setl_id"],
            setl_time=found["setl_time"],
            amounts=amounts,
            top_up=TopUp(paid, found["tender"], found["payment_reference"]) if paid else None,
            rest=found["rest"],
            idempotency_key=found["idempotency_key"],
        )

    def _missing(self, given: Mapping[str, Any]) -> dict[str, list[str]]:
        """What isn't filled in, each with what to do. The number goes with what only the insurance pays."""
        empty = {name for name in ("setl_id", "setl_time", *AMOUNTS) if not str(given.get(name, "")).strip()}
        if given.get("kind") == SettlementKind.NO_CHARGE:
            return {"setl_time": ["请填结算时间。"]} if "setl_id" not in empty and "setl_time" in empty else {}
        paid = any(str(given.get(name, "")).strip(" 0.,") for name in _INSURERS)
        nothing = self.is_insured and empty.issuperset(("setl_id", *AMOUNTS))
        if "setl_id" in empty and not paid and not nothing:
            return {"medfee_sumamt": [_NO_AMOUNT]} if "medfee_sumamt" in empty else {}
        words = {
            "setl_id": "请填结算流水号；自费的不填，只填医疗费总额。",
            "setl_time": "请填结算时间。",
            **dict.fromkeys(AMOUNTS[:5], _NO_AMOUNT),
        }
        return {name: [said] for name, said in words.items() if name in empty}


@dataclass(frozen=True, slots=True)
class InvoiceForm:
    """The number of an electronic invoice."""

    settlement_no: int
    invoice_no: str


class InvoiceSchema(CommandSchema[InvoiceForm]):
    """The number of an electronic invoice."""

    command: ClassVar = InvoiceForm

    settlement_no = Number(required=True)
    invoice_no = Text(required=True, longest=40)


@dataclass(frozen=True, slots=True)
class RecallForm:
    """A recall asked for, with the ground, or decided."""

    settlement_no: int
    ground: str


class RecallSchema(CommandSchema[RecallForm]):
    """A recall: the ground where it is asked for."""

    command: ClassVar = RecallForm

    settlement_no = Number(required=True)
    ground = Text(longest=LONGEST_NOTE, load_default="")


@dataclass(frozen=True, slots=True)
class PayForm:
    """Money towards what is owed."""

    amount: Money
    tender: Tender
    payment_reference: str
    idempotency_key: str
    channel: Channel | None


class PaySchema(CommandSchema[PayForm]):
    """Money towards what is owed."""

    command: ClassVar = PayForm

    amount = Yuan(required=True)
    tender = Choice(Tender, required=True)
    payment_reference = Text(longest=64, load_default="")
    idempotency_key = FormKey()
    channel = Choice(Channel, load_default=None)
