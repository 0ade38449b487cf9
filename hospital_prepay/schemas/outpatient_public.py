"""Forms of patients on-line, of the announcement, and of taking an application up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from marshmallow import ValidationError

from hospital_prepay.domain.rules.outpatient.claims import Claimant, Route
from hospital_prepay.schemas.base import Choice, CommandSchema, Number, Text, Ticked
from hospital_prepay.schemas.fund_forms import FormKey
from hospital_prepay.schemas.outpatient_claims import shown_papers
from hospital_prepay.services.outpatient.notice import WriteNotice
from hospital_prepay.services.outpatient.online import AskForAnother, AskOwn, Identity
from hospital_prepay.services.outpatient.requests import TakeUp

_MOST_PLACES = 20


class NoticeSchema(CommandSchema[WriteNotice]):
    """A version of the announcement."""

    command: ClassVar = WriteNotice

    version_no = Number(required=True)
    steps = Text(required=True, longest=2_000, lines=True)
    windows = Text(required=True, longest=1_000, lines=True)
    hours = Text(required=True, longest=100)
    phone = Text(required=True, longest=60)


class IdentitySchema(CommandSchema[Identity]):
    """What the owner tells to see a balance."""

    command: ClassVar = Identity

    name = Text(required=True, longest=60)
    certno = Text(required=True, longest=40)
    phone = Text(load_default="", longest=40)
    card = Text(load_default="", longest=40)


class AskOwnSchema(CommandSchema[AskOwn]):
    """What the owner asks."""

    command: ClassVar = AskOwn

    place = Number(required=True, most=_MOST_PLACES - 1)
    route = Choice(Route, required=True)
    phone = Text(load_default="", longest=40)
    bank = Text(load_default="", longest=80)
    card_no = Text(load_default="", longest=40)
    card_lost = Ticked()


class AskForAnotherSchema(CommandSchema[AskForAnother]):
    """A visit of a proxy or heir; the patient's fields begin with ``patient_``."""

    command: ClassVar = AskForAnother

    claimant = Choice(Claimant, required=True)
    patient_name = Text(required=True, longest=60)
    patient_certno = Text(load_default="", longest=40)
    patient_phone = Text(load_default="", longest=40)
    patient_card = Text(load_default="", longest=40)
    name = Text(required=True, longest=60)
    certno = Text(required=True, longest=40)
    phone = Text(required=True, longest=40)
    card_lost = Ticked()
    idempotency_key = FormKey()

    def read(self, given: Mapping[str, Any]) -> AskForAnother:
        """The visit; the owner in person is another form."""
        found = self.load(given)
        if found["claimant"] is Claimant.SELF:
            raise ValidationError({"claimant": ["请选代办或继承。"]})
        patient = Identity(*(found.pop(f"patient_{name}") for name in ("name", "certno", "phone", "card")))
        return AskForAnother(patient=patient, **found)


class TakeUpSchema(CommandSchema[TakeUp]):
    """What the counter saw; papers come as ``paper-<kind>`` with ``reference-<kind>``."""

    command: ClassVar = TakeUp

    account_no = Text(required=True, longest=40)
    route = Choice(Route, required=True)
    idempotency_key = FormKey()
    patient_name = Text(load_default="", longest=60)
    patient_certno = Text(load_default="", longest=40)
    taken_over_for = Text(load_default="", longest=300)
    bank = Text(load_default="", longest=80)
    card_no = Text(load_default="", longest=40)

    def read(self, given: Mapping[str, Any]) -> TakeUp:
        """With its papers in the order of the list."""
        return TakeUp(**self.load(given), papers=shown_papers(given))


@dataclass(frozen=True, slots=True)
class Declined:
    """Why an application isn't taken up; its owner reads it."""

    ground: str


class DeclinedSchema(CommandSchema[Declined]):
    """The ground."""

    command: ClassVar = Declined

    ground = Text(required=True, longest=300)
