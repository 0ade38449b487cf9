"""Stays and slips as whoever asks may see them: one read for the pages of the desk and for other systems.

What shows of a patient is decided here and nowhere else. People who collect call patients by their names and see
names, payers and payment references whole; everybody else who may look at the desk sees them masked. Other systems
get names and payers masked, references whole where they may collect. Certificates and phones leave masked for all;
:func:`reveal` shows everything, for a written reason that the audit trail keeps.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, time

from hospital_prepay.clock import SHANGHAI
from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import NotFound
from hospital_prepay.domain.masking import mask_certificate, mask_name, mask_payer, mask_phone, mask_reference
from hospital_prepay.persistence import receipts as books
from hospital_prepay.persistence.database import Connection
from hospital_prepay.persistence.queries import inpatient as queries
from hospital_prepay.persistence.queries.inpatient import StayCard, WaitingRequest
from hospital_prepay.persistence.queries.slip_requests import DecidedRequest, decided_requests
from hospital_prepay.persistence.receipts import Slip, receipt_number
from hospital_prepay.services.context import Context

# The frozen rows that adapters show, under the service's own name: adapters know no tables.
__all__ = ["DecidedRequest", "Revealed", "Slip", "StayCard", "WaitingRequest", "receipt_number"]


@dataclass(frozen=True, slots=True)
class Revealed:
    """A stay and its slips with nothing masked."""

    card: StayCard
    slips: list[Slip]


def find_stays(context: Context, actor: Actor, text: str, limit: int = 8) -> list[StayCard]:
    """Stays by number, name, initials, or a whole certificate number or phone; newest first. Needs ``desk.view``."""
    actor.require(Permission.DESK_VIEW)
    text = text.strip()
    if not text:
        return []
    hashes = tuple(
        digest
        for field in ("certificate", "phone")
        for digest in context.keyed_hash.candidates(text, institution=actor.institution_id, field=field)
    )
    with context.database.reading() as connection:
        cards = queries.find_stays(connection, actor.institution_id, text, hashes, limit)
    return [_seen_card(context, actor, card) for card in cards]


def find_stay(context: Context, actor: Actor, stay_no: str) -> StayCard:
    """One stay. Needs ``desk.view``. Raises :class:`NotFound`."""
    actor.require(Permission.DESK_VIEW)
    with context.database.reading() as connection:
        return _seen_card(context, actor, _card(connection, actor, stay_no))


def slips_of_stay(context: Context, actor: Actor, stay_no: str) -> list[Slip]:
    """Every slip of a stay, newest first. Needs ``desk.view``."""
    actor.require(Permission.DESK_VIEW)
    with context.database.reading() as connection:
        return [_seen_slip(actor, one) for one in queries.slips_of_stay(connection, actor.institution_id, stay_no)]


def slips_today(context: Context, actor: Actor) -> list[Slip]:
    """Today's slips of the cashier's books, newest first."""
    actor.require(Permission.DEPOSIT_COLLECT)
    with context.database.reading() as connection:
        found = queries.slips_of_holder(connection, actor.institution_id, actor.actor_id, midnight(context))
    return [_seen_slip(actor, one) for one in found]


def find_slip(context: Context, actor: Actor, number: str) -> Slip:
    """A slip by its number. Needs ``desk.view``. Raises :class:`NotFound`."""
    actor.require(Permission.DESK_VIEW)
    book, serial = books.split_number(number)
    with context.database.reading() as connection:
        return _seen_slip(actor, books.find_slip(connection, actor.institution_id, book, serial))


def waiting_requests(context: Context, actor: Actor, stay_no: str | None = None) -> list[WaitingRequest]:
    """The voids and refunds that wait for a second person, of one stay or of all. Needs ``desk.view``."""
    actor.require(Permission.DESK_VIEW)
    with context.database.reading() as connection:
        found = queries.waiting_requests(connection, actor.institution_id, stay_no)
    return [replace(one, patient_name=_name(actor, one.patient_name)) for one in found]


def requests_decided(
    context: Context, actor: Actor, since: datetime, stay_no: str | None = None
) -> list[DecidedRequest]:
    """What a second person approved or turned down since a moment, newest first. Needs ``desk.view``."""
    actor.require(Permission.DESK_VIEW)
    with context.database.reading() as connection:
        return decided_requests(connection, actor.institution_id, since, stay_no)


def reveal(context: Context, actor: Actor, stay_no: str, ground: str) -> Revealed:
    """Everything about the patient in full, for a written reason that the audit trail keeps."""
    actor.require(Permission.REVEAL_IDENTITY)
    with context.work(actor, "identity.reveal", stay_no) as work:
        card = _card(work.connection, actor, stay_no)
        slips = queries.slips_of_stay(work.connection, actor.institution_id, stay_no)
        work.audit(detail={"ground": ground})
    certificate, phone = _clear(context, actor, card)
    return Revealed(replace(card, certificate=certificate, phone=phone), slips)


def verify_url(context: Context, token: str) -> str:
    """Where anyone can check a receipt: what its QR code says."""
    return f"{context.settings.public_url}/r/{token}"


def midnight(context: Context) -> datetime:
    """When today began."""
    return datetime.combine(context.clock.today(), time(), SHANGHAI)


def _card(connection: Connection, actor: Actor, stay_no: str) -> StayCard:
    card = queries.stay_card(connection, actor.institution_id, stay_no)
    if card is None:
        raise NotFound(f"没有找到住院号 {stay_no[:40]}。请核对住院号，或先登记这次住院。")
    return card


def _seen_card(context: Context, actor: Actor, card: StayCard) -> StayCard:
    certificate, phone = _clear(context, actor, card)
    return replace(
        card,
        patient_name=_name(actor, card.patient_name),
        certificate=mask_certificate(certificate),
        phone=mask_phone(phone),
    )


def _seen_slip(actor: Actor, slip: Slip) -> Slip:
    if actor.calls_patients:
        return slip
    collects = actor.may(Permission.DEPOSIT_COLLECT)
    reference = slip.payment_reference if collects else mask_reference(slip.payment_reference)
    return replace(slip, payer=mask_payer(slip.payer), payment_reference=reference)


def _name(actor: Actor, name: str) -> str:
    return name if actor.calls_patients else mask_name(name)


def _clear(context: Context, actor: Actor, card: StayCard) -> tuple[str, str]:
    """Certificate and phone as they were given."""

    def clear(value: str, field: str) -> str:
        return value and context.cipher.decrypt(value, institution=actor.institution_id, field=field)

    return clear(card.certificate, "certificate"), clear(card.phone, "phone")
