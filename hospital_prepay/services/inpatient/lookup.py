"""What other systems read of stays and receipts: personal data leaves masked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import NotFound
from hospital_prepay.domain.insured_class import InsuredClass
from hospital_prepay.domain.ledger.chart import Tender
from hospital_prepay.domain.masking import mask_certificate, mask_name, mask_phone
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.inpatient.deposits import Circumstance
from hospital_prepay.persistence import receipts as books
from hospital_prepay.persistence.queries import inpatient as queries
from hospital_prepay.services.context import Context

LONGEST_LIST: Final = 20


@dataclass(frozen=True, slots=True)
class StayView:
    """A stay with what binds it; name, certificate and phone masked."""

    stay_no: str
    patient_name: str
    sex: str
    ward: str
    bed: str
    admitted_at: datetime
    discharged_at: datetime | None
    certificate: str
    phone: str
    disease_code: str
    disease_name: str
    insured_class: InsuredClass
    circumstance: Circumstance
    similar_code: str | None
    similar_ground: str
    unposted: bool
    cap_version: int
    cap: Money | None
    collected: Money
    room: Money
    decision_id: str


@dataclass(frozen=True, slots=True)
class ReceiptView:
    """A slip; the payer masked."""

    number: str
    kind: str
    stay_no: str
    amount: Money
    tender: Tender
    payment_reference: str
    payer: str
    ground: str
    entry_no: int
    issued_at: datetime
    cancelled_by: str | None
    verify_url: str


@dataclass(frozen=True, slots=True)
class DepositsView:
    """The slips of a stay, newest first, and where its deposits stand."""

    stay_no: str
    cap: Money | None
    collected: Money
    room: Money
    receipts: list[ReceiptView]


def find_stay(context: Context, actor: Actor, stay_no: str) -> StayView:
    """One stay. Needs ``desk.view``. Raises :class:`NotFound`."""
    actor.require(Permission.DESK_VIEW)
    with context.database.reading() as connection:
        card = queries.stay_card(connection, actor.institution_id, stay_no)
    if card is None:
        raise NotFound(f"没有找到住院号 {stay_no}。请核对住院号，或先登记这次住院。")
    return _stay(context, actor, card)


def search_stays(context: Context, actor: Actor, text: str) -> list[StayView]:
    """Stays by number, name, initials, or a whole certificate number or phone. Needs ``desk.view``."""
    actor.require(Permission.DESK_VIEW)
    hashes = tuple(
        digest
        for field in ("certificate", "phone")
        for digest in context.keyed_hash.candidates(text, institution=actor.institution_id, field=field)
    )
    with context.database.reading() as connection:
        cards = queries.find_stays(connection, actor.institution_id, text, hashes, LONGEST_LIST)
    return [_stay(context, actor, card) for card in cards]


def deposits_of_stay(context: Context, actor: Actor, stay_no: str) -> DepositsView:
    """Every slip of a stay. Needs ``desk.view``. Raises :class:`NotFound`."""
    stay = find_stay(context, actor, stay_no)
    with context.database.reading() as connection:
        slips = queries.slips_of_stay(connection, actor.institution_id, stay_no)
    return DepositsView(stay_no, stay.cap, stay.collected, stay.room, [_receipt(context, slip) for slip in slips])


def find_receipt(context: Context, actor: Actor, number: str) -> ReceiptView:
    """A slip by its number. Needs ``desk.view``. Raises :class:`NotFound`."""
    actor.require(Permission.DESK_VIEW)
    book, serial = books.split_number(number)
    with context.database.reading() as connection:
        return _receipt(context, books.find_slip(connection, actor.institution_id, book, serial))


def verify_url(context: Context, token: str) -> str:
    """Where anyone can check a receipt: what its QR code says."""
    return f"{context.settings.public_url}/r/{token}"


def _stay(context: Context, actor: Actor, card: queries.StayCard) -> StayView:
    def clear(value: str | None, field: str) -> str:
        if value is None:
            return ""
        return context.cipher.decrypt(value, institution=actor.institution_id, field=field)

    cap = None if card.cap_fen is None else Money(card.cap_fen)
    return StayView(
        stay_no=card.stay_no,
        patient_name=mask_name(card.patient_name),
        sex=card.sex,
        ward=card.ward,
        bed=card.bed,
        admitted_at=card.admitted_at,
        discharged_at=card.discharged_at,
        certificate=mask_certificate(clear(card.certificate_enc, "certificate")),
        phone=mask_phone(clear(card.phone_enc, "phone")),
        disease_code=card.disease_code,
        disease_name=card.disease_name,
        insured_class=InsuredClass(card.insured_class),
        circumstance=Circumstance(card.circumstance),
        similar_code=card.similar_code,
        similar_ground=card.similar_ground,
        unposted=card.unposted,
        cap_version=card.cap_version,
        cap=cap,
        collected=Money(card.collected_fen),
        room=Money(max(0, (card.cap_fen or 0) - card.collected_fen)),
        decision_id=card.decision_id,
    )


def _receipt(context: Context, slip: books.Slip) -> ReceiptView:
    return ReceiptView(
        number=slip.number,
        kind=slip.kind,
        stay_no=slip.stay_no,
        amount=Money(slip.amount_fen),
        tender=Tender(slip.tender),
        payment_reference=slip.payment_reference,
        payer=mask_name(slip.payer),
        ground=slip.ground,
        entry_no=slip.entry_no,
        issued_at=slip.issued_at,
        cancelled_by=slip.cancelled_by,
        verify_url=verify_url(context, slip.token),
    )
