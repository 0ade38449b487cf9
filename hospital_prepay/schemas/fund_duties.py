"""Forms of the fund's duties: where the hospital stands, what closes a duty, why that is withdrawn."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Any, ClassVar

from marshmallow import ValidationError, fields

from hospital_prepay.schemas.base import Choice, CommandSchema, Day, Number, Text
from hospital_prepay.services.fund.duty_closing import CloseDuty
from hospital_prepay.services.fund.places import ProposePlace


class Stands(StrEnum):
    """Whether the hospital stands in the place from that year on."""

    YES = "yes"
    NO = "no"


class Closing(StrEnum):
    """How a duty is closed."""

    DONE = "done"
    NOT_APPLICABLE = "not_applicable"


class ProposePlaceSchema(CommandSchema[ProposePlace]):
    """Where the hospital stands."""

    command: ClassVar = ProposePlace

    regime = Text(required=True, longest=40)
    pool_region = Text(required=True, longest=60)
    from_year = Number(required=True)
    stands = Choice(Stands, required=True)

    def read(self, given: Mapping[str, Any]) -> ProposePlace:
        """The command. Raises ``ValidationError``."""
        found = self.load(given)
        return ProposePlace(**{**found, "stands": found["stands"] is Stands.YES})


class CloseDutySchema(CommandSchema[CloseDuty]):
    """What closes a duty; the day counts only where it was done."""

    command: ClassVar = CloseDuty

    key = Text(required=True, longest=300)
    closing = Choice(Closing, required=True)
    done_on = fields.String(load_default="")
    words = Text(required=True, longest=200)

    def read(self, given: Mapping[str, Any]) -> CloseDuty:
        """The command. Raises ``ValidationError``."""
        found = self.load(given)
        done_on: date | None = None
        if found["closing"] is Closing.DONE:
            try:
                done_on = Day(required=True).deserialize(found["done_on"])
            except ValidationError as error:
                raise ValidationError({"done_on": error.messages}) from error
        return CloseDuty(found["key"], done_on, found["words"])
