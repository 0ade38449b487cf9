"""The forms of refunds on their way, and of what nobody has fetched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from hospital_prepay.domain.ledger.chart import Tender
from hospital_prepay.domain.rules.settlement.refunds import Claimant
from hospital_prepay.schemas.base import Choice, CommandSchema, Number, Text
from hospital_prepay.schemas.fund_forms import FormKey
from hospital_prepay.schemas.settlement import LONGEST_NOTE


@dataclass(frozen=True, slots=True)
class RefundForm:
    """A step of one refund as somebody had it before them: what was said about it, by which way it goes again."""

    attempt_no: int
    words: str
    route: Tender | None
    bank: str
    card_no: str


class RefundSchema(CommandSchema[RefundForm]):
    """A step of one refund."""

    command: ClassVar = RefundForm

    attempt_no = Number(required=True)
    words = Text(longest=LONGEST_NOTE, load_default="")
    route = Choice(Tender, load_default=None)
    bank = Text(longest=80, load_default="")
    card_no = Text(longest=40, load_default="")


@dataclass(frozen=True, slots=True)
class ClaimForm:
    """Who comes for what was left, by what paper, and how it is given."""

    claimant: Claimant
    relation: str
    name: str
    paper_kind: str
    paper_no: str
    tender: Tender
    bank: str
    card_no: str
    idempotency_key: str


class ClaimSchema(CommandSchema[ClaimForm]):
    """Somebody comes for what was left."""

    command: ClassVar = ClaimForm

    claimant = Choice(Claimant, required=True)
    relation = Text(longest=40, load_default="")
    name = Text(longest=80, load_default="")
    paper_kind = Text(longest=40, load_default="")
    paper_no = Text(longest=60, load_default="")
    tender = Choice(Tender, required=True)
    bank = Text(longest=80, load_default="")
    card_no = Text(longest=40, load_default="")
    idempotency_key = FormKey()


@dataclass(frozen=True, slots=True)
class DecidedForm:
    """The second person's word on who comes for what was left."""

    turn_no: int
    ground: str


class DecidedSchema(CommandSchema[DecidedForm]):
    """The second person's word."""

    command: ClassVar = DecidedForm

    turn_no = Number(required=True)
    ground = Text(longest=LONGEST_NOTE, load_default="")
