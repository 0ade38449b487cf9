"""The forms beside the clocks of discharges: reasons, excuses, counts of other systems."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from hospital_prepay.domain.rules.settlement.channels import Service
from hospital_prepay.domain.rules.settlement.lateness import LateReason
from hospital_prepay.schemas.base import Choice, CommandSchema, Number, Text, Ticked
from hospital_prepay.schemas.fund_forms import FormKey
from hospital_prepay.schemas.settlement import LONGEST_NOTE


@dataclass(frozen=True, slots=True)
class LateReasonForm:
    """Why a discharge is late."""

    reason: LateReason
    words: str
    asks_excuse: bool
    idempotency_key: str


class LateReasonSchema(CommandSchema[LateReasonForm]):
    """A reason from the list, in words."""

    command: ClassVar = LateReasonForm

    reason = Choice(LateReason, required=True)
    words = Text(required=True, longest=LONGEST_NOTE)
    asks_excuse = Ticked()
    idempotency_key = FormKey()


@dataclass(frozen=True, slots=True)
class AnswerForm:
    """What somebody says to a request."""

    answer: str


class AnswerSchema(CommandSchema[AnswerForm]):
    """The words of an answer, none where it is a yes."""

    command: ClassVar = AnswerForm

    answer = Text(longest=LONGEST_NOTE, load_default="")


@dataclass(frozen=True, slots=True)
class CountForm:
    """A month's counts of one service by channel, as another system reports them."""

    period: str
    service: Service
    bedside: int
    online: int
    window: int
    source: str
    idempotency_key: str


class CountSchema(CommandSchema[CountForm]):
    """Three figures and where they come from."""

    command: ClassVar = CountForm

    period = Text(required=True, longest=7)
    service = Choice(Service, required=True)
    bedside = Number(required=True)
    online = Number(required=True)
    window = Number(required=True)
    source = Text(required=True, longest=80)
    idempotency_key = FormKey()


@dataclass(frozen=True, slots=True)
class CountFileForm:
    """Where a file of counts comes from."""

    source: str
    idempotency_key: str


class CountFileSchema(CommandSchema[CountFileForm]):
    """The words beside a file."""

    command: ClassVar = CountFileForm

    source = Text(required=True, longest=80)
    idempotency_key = FormKey()
