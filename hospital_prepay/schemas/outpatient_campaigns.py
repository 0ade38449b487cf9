"""Forms of the campaigns that find owners of outpatient deposits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar

from hospital_prepay.domain.money import ZERO, Money
from hospital_prepay.domain.rules.outpatient.reach import Way
from hospital_prepay.schemas.base import Choice, CommandSchema, Day, PerhapsDay, Text, Yuan
from hospital_prepay.schemas.fund_forms import FormKey
from hospital_prepay.services.outpatient.campaign_file import Form
from hospital_prepay.services.outpatient.campaigns import ProposeCampaign, Who


class PerhapsYuan(Yuan):
    """An amount, or none: a form sends a field that was left empty as an empty text."""

    def __init__(self) -> None:
        super().__init__(load_default=ZERO)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Money:
        empty = isinstance(value, str) and not value.strip()
        return ZERO if empty else super()._deserialize(value, attr, data, **options)


class CampaignFormSchema(CommandSchema[ProposeCampaign]):
    """Channel, words, and who is chosen."""

    command: ClassVar = ProposeCampaign

    title = Text(required=True, longest=80)
    way = Choice(Way, required=True)
    text = Text(required=True, longest=2000, lines=True)
    who = Choice(Who, required=True)
    least = PerhapsYuan()
    moved_until = PerhapsDay()
    idempotency_key = FormKey()


@dataclass(frozen=True, slots=True)
class ExportForm:
    """The kind of file."""

    form: Form


class ExportFormSchema(CommandSchema[ExportForm]):
    """CSV or XLSX."""

    command: ClassVar = ExportForm

    form = Choice(Form, required=True)


@dataclass(frozen=True, slots=True)
class PhotoForm:
    """Where the notice hangs, and when it was seen there."""

    place: str
    seen_on: date


class PhotoFormSchema(CommandSchema[PhotoForm]):
    """What stands beside a photo."""

    command: ClassVar = PhotoForm

    place = Text(required=True, longest=80)
    seen_on = Day(required=True)
