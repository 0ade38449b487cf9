"""Forms of the campaigns that find owners of outpatient deposits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import ClassVar

from hospital_prepay.domain.money import ZERO
from hospital_prepay.domain.rules.outpatient.reach import Way
from hospital_prepay.schemas.base import Choice, CommandSchema, Day, Text, Yuan
from hospital_prepay.schemas.fund_forms import FormKey
from hospital_prepay.services.outpatient.campaign_file import Form
from hospital_prepay.services.outpatient.campaigns import ProposeCampaign, Who


class CampaignFormSchema(CommandSchema[ProposeCampaign]):
    """Channel, words, and who is chosen."""

    command: ClassVar = ProposeCampaign

    title = Text(required=True, longest=80)
    way = Choice(Way, required=True)
    text = Text(required=True, longest=2000, lines=True)
    who = Choice(Who, required=True)
    least = Yuan(load_default=ZERO)
    moved_until = Day(load_default=None)
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
