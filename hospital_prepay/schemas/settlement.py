"""The forms of discharges' settlement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Final

from hospital_prepay.domain.rules.settlement.stages import Stage
from hospital_prepay.domain.visits import Disposition, VisitEventKind
from hospital_prepay.schemas.base import Choice, CommandSchema, Number, Text
from hospital_prepay.schemas.desk import LocalMoment, StayNumber

LONGEST_NOTE: Final = 200


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
    """A discharge, its cancelling or a move as somebody at a ward or counter writes it down."""

    stay_no: str
    kind: VisitEventKind
    at: datetime
    ward: str
    disposition: Disposition | None


class HandEventSchema(CommandSchema[HandEvent]):
    """One event by hand."""

    command: ClassVar = HandEvent

    stay_no = StayNumber(required=True, longest=40)
    kind = Choice(VisitEventKind, required=True)
    at = LocalMoment(required=True)
    ward = Text(longest=80, load_default="")
    disposition = Choice(Disposition, load_default=None)

    def read(self, given: Mapping[str, Any]) -> HandEvent:
        """The event; how the patient left may be left open."""
        return super().read({name: said for name, said in given.items() if said or name != "disposition"})
