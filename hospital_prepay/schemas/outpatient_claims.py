"""Forms of refunds of outpatient deposits: a claim with its papers, its steps, files for the bank, cards of staff."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from marshmallow import ValidationError, fields

from hospital_prepay.domain.errors import MalformedInput
from hospital_prepay.domain.money import ZERO
from hospital_prepay.domain.rules.outpatient.claims import Claimant, Paper, Route
from hospital_prepay.schemas.base import Choice, CommandSchema, Number, Text, Ticked, Yuan, messages_of
from hospital_prepay.schemas.fund_forms import FormKey
from hospital_prepay.services.outpatient.alarms import check_transfer
from hospital_prepay.services.outpatient.claims import AcceptClaim, ShownPaper
from hospital_prepay.services.outpatient.contradictions import Verdict

PAPER: Final = "paper-"
REFERENCE: Final = "reference-"
CLAIM: Final = "claim-"
_LONGEST_REFERENCE: Final = 60


class AcceptClaimSchema(CommandSchema[AcceptClaim]):
    """A claim as the counter takes it down; papers come as ``paper-<kind>`` with ``reference-<kind>``."""

    command: ClassVar = AcceptClaim

    account_no = Text(required=True, longest=40)
    claimant = Choice(Claimant, required=True)
    claimant_name = Text(required=True, longest=60)
    certno = Text(required=True, longest=40)
    phone = Text(load_default="", longest=40)
    route = Choice(Route, required=True)
    idempotency_key = FormKey()
    card_lost = Ticked()
    bank = Text(load_default="", longest=80)
    card_no = Text(load_default="", longest=40)
    beyond = fields.String(load_default="")
    ground = Text(load_default="", longest=300)
    patient_name = Text(load_default="", longest=60)
    patient_phone = Text(load_default="", longest=40)
    patient_certno = Text(load_default="", longest=40)
    taken_over_for = Text(load_default="", longest=300)

    def read(self, given: Mapping[str, Any]) -> AcceptClaim:
        """The claim, its papers in the order of the list; every field that is wrong is named at once."""
        wrong = _opened_gaps(given)
        try:
            found = self.load(given)
        except ValidationError as error:
            raise ValidationError({**messages_of(error), **wrong}) from error
        typed = str(found["beyond"]).strip()
        try:
            beyond = Yuan(required=True).deserialize(typed) if typed else ZERO
        except ValidationError as error:
            raise ValidationError({**wrong, "beyond": error.messages}) from error
        if wrong:
            raise ValidationError(wrong)
        return AcceptClaim(**{**found, "beyond": beyond, "papers": shown_papers(given)})


def _opened_gaps(given: Mapping[str, Any]) -> dict[str, Any]:
    """What is missing of the fields that another field asks for: who the patient is, whose card it goes to."""
    gaps: dict[str, Any] = {}
    if given.get("claimant") in (Claimant.PROXY, Claimant.HEIR) and not str(given.get("patient_name", "")).strip():
        gaps["patient_name"] = ["请填患者姓名，照患者的证件写。"]
    try:
        if given.get("route") == Route.BANK:
            check_transfer(str(given.get("bank", "")), str(given.get("card_no", "")))
    except MalformedInput as error:
        told = error.details.get("fields") or {str(error.details["field"]): error.message}
        gaps.update({name: [words] for name, words in told.items()})
    return gaps


@dataclass(frozen=True, slots=True)
class Confirmed:
    """Why a claim is confirmed in spite of what was noticed, and how many alarms the person had before them."""

    ground: str
    alarms: int


class ConfirmSchema(CommandSchema[Confirmed]):
    """The third person's word."""

    command: ClassVar = Confirmed

    ground = Text(load_default="", longest=300)
    alarms = Number(load_default=0)


@dataclass(frozen=True, slots=True)
class DecidedAnswer:
    """What the bank meant, with the ground; ``number`` is which of its contradictions."""

    number: int
    verdict: Verdict
    ground: str


class DecidedAnswerSchema(CommandSchema[DecidedAnswer]):
    """Somebody asked the bank."""

    command: ClassVar = DecidedAnswer

    number = Number(required=True)
    verdict = Choice(Verdict, required=True)
    ground = Text(required=True, longest=300)


@dataclass(frozen=True, slots=True)
class CashPaid:
    """The number of the receipt form that was signed."""

    receipt: str
    idempotency_key: str


class CashPaidSchema(CommandSchema[CashPaid]):
    """Cash over the counter."""

    command: ClassVar = CashPaid

    receipt = Text(required=True, longest=40)
    idempotency_key = FormKey()


@dataclass(frozen=True, slots=True)
class AnotherWay:
    """Another way of payment, with the bank card it may need."""

    route: Route
    bank: str
    card_no: str


class AnotherWaySchema(CommandSchema[AnotherWay]):
    """Another way for a refund that failed."""

    command: ClassVar = AnotherWay

    route = Choice(Route, required=True)
    bank = Text(load_default="", longest=80)
    card_no = Text(load_default="", longest=40)


@dataclass(frozen=True, slots=True)
class Bounced:
    """Why the bank sent a refund back, and the number of its slip."""

    ground: str
    slip: str


class BouncedSchema(CommandSchema[Bounced]):
    """A refund that had arrived came back."""

    command: ClassVar = Bounced

    ground = Text(required=True, longest=200)
    slip = Text(required=True, longest=64)


@dataclass(frozen=True, slots=True)
class Recovered:
    """How money that was paid too often came back, and its proof; ``attempt`` is which payment it was."""

    attempt: int
    way: Route
    reference: str
    idempotency_key: str


class RecoveredSchema(CommandSchema[Recovered]):
    """What was paid too often came back."""

    command: ClassVar = Recovered

    attempt = Number(required=True)
    way = Choice(Route, required=True)
    reference = Text(required=True, longest=64)
    idempotency_key = FormKey()


@dataclass(frozen=True, slots=True)
class BankFileForm:
    """Claims chosen for one file."""

    route: Route
    claims: tuple[str, ...]
    idempotency_key: str


class BankFileSchema(CommandSchema[BankFileForm]):
    """A file for the bank; the chosen claims come as ``claim-<id>``."""

    command: ClassVar = BankFileForm

    route = Choice(Route, required=True)
    idempotency_key = FormKey()

    def read(self, given: Mapping[str, Any]) -> BankFileForm:
        """At least one claim has to be chosen."""
        found = self.load(given)
        chosen = tuple(name.removeprefix(CLAIM) for name in given if name.startswith(CLAIM))
        if not chosen:
            raise ValidationError({"claims": ["请先选要送银行的退款。"]})
        return BankFileForm(found["route"], chosen, found["idempotency_key"])


@dataclass(frozen=True, slots=True)
class StaffCardForm:
    """A bank card of a member of staff."""

    holder: str
    card_no: str


class StaffCardSchema(CommandSchema[StaffCardForm]):
    """A card to enter."""

    command: ClassVar = StaffCardForm

    holder = Text(required=True, longest=60)
    card_no = Text(required=True, longest=40)


def shown_papers(given: Mapping[str, Any]) -> tuple[ShownPaper, ...]:
    """The papers that were ticked, in the order of the list. Raises marshmallow's ``ValidationError``."""
    shown = [kind for kind in Paper if given.get(f"{PAPER}{kind.value}")]
    found = []
    for kind in shown:
        name = f"{REFERENCE}{kind.value}"
        try:
            reference = Text(longest=_LONGEST_REFERENCE).deserialize(str(given.get(name, "")))
        except ValidationError as error:
            raise ValidationError({name: error.messages}) from error
        found.append(ShownPaper(kind, reference))
    return tuple(found)
