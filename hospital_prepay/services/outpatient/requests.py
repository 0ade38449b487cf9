"""Applications made on-line, at the counter: taken up by a member of staff as any claim is, or declined."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import Conflict, MalformedInput
from hospital_prepay.domain.masking import mask_card, mask_certificate, mask_name, mask_phone, mask_within
from hospital_prepay.domain.rules.outpatient.claims import Claimant, Route
from hospital_prepay.domain.rules.outpatient.notice import lapsing_words
from hospital_prepay.domain.rules.outpatient.online import names_somebody, plain_name, told_number
from hospital_prepay.persistence import outpatient_claims as accounts
from hospital_prepay.persistence import outpatient_public as store
from hospital_prepay.persistence.database import Connection
from hospital_prepay.persistence.outpatient_public import RequestRow
from hospital_prepay.persistence.queries import people
from hospital_prepay.persistence.queries.outpatient_public import known_accounts
from hospital_prepay.services.context import Context
from hospital_prepay.services.outpatient.claim_review import MOST_FOUND, Owner, owner_on
from hospital_prepay.services.outpatient.claims import AcceptClaim, AcceptedClaim, ShownPaper, accept_claim
from hospital_prepay.services.outpatient.grounds import required_ground
from hospital_prepay.services.outpatient.online import PERSONAL
from hospital_prepay.services.outpatient.sealing import CERTNO

WAITING: Final = ("asked",)
ENDED: Final = ("taken", "declined")


@dataclass(frozen=True, slots=True)
class People:
    """Whom an application speaks of, as its writer typed it."""

    patient_name: str
    patient_certno: str
    patient_phone: str
    patient_card: str
    claimant_name: str
    certno: str
    phone: str
    bank: str
    card_no: str


@dataclass(frozen=True, slots=True)
class ListedRequest:
    """An application in a list, its people masked. ``decider`` is the name of who took it up or declined it."""

    request: RequestRow
    people: People
    decider: str = ""


@dataclass(frozen=True, slots=True)
class RequestDetail:
    """An application with its account, ``None`` where what was written fits none; ``alike`` are then those of the
    patient's name and certificate number, or card, for the counter to check by the papers."""

    request: RequestRow
    people: People
    owner: Owner | None
    names: Mapping[str, str]
    alike: tuple[Owner, ...] = ()


@dataclass(frozen=True, slots=True)
class TakeUp:
    """What the counter adds: the account, the papers that were seen and how, the way of payment with its bank card
    where the application names none or another, and the patient's name and certificate number on the papers where
    they were written otherwise or not at all; why a refund that was confirmed is taken over."""

    account_no: str
    papers: tuple[ShownPaper, ...]
    route: Route
    idempotency_key: str
    patient_name: str = ""
    patient_certno: str = ""
    taken_over_for: str = ""
    bank: str = ""
    card_no: str = ""


def list_requests(
    context: Context, actor: Actor, states: Sequence[str], *, start: int = 0, size: int = 50
) -> tuple[list[ListedRequest], dict[str, int]]:
    """One page of applications, and how many stand in each state. Needs ``outpatient.view``."""
    actor.require(Permission.OUTPATIENT_VIEW)
    with context.database.reading() as connection:
        rows = store.requests_in(connection, actor.institution_id, states, start=start, size=size)
        counts = store.count_requests(connection, actor.institution_id)
        names = people.names(connection, actor.institution_id)
    return [
        ListedRequest(
            replace(row, ground=mask_within(row.ground)),
            _masked(actor, _clear(context, actor, row)),
            names.get(row.decided_by or "", row.decided_by or ""),
        )
        for row in rows
    ], counts


def count_waiting(context: Context, actor: Actor) -> int:
    """How many applications wait for the counter. Needs ``outpatient.view``."""
    actor.require(Permission.OUTPATIENT_VIEW)
    with context.database.reading() as connection:
        counts = store.count_requests(connection, actor.institution_id)
    return sum(counts.get(one, 0) for one in WAITING)


def read_request(context: Context, actor: Actor, request_id: str) -> RequestDetail:
    """One application. Needs ``outpatient.view``. Raises :class:`NotFound`."""
    actor.require(Permission.OUTPATIENT_VIEW)
    own = actor.institution_id
    with context.database.reading() as connection:
        row = store.read_request(connection, own, request_id)
        owner = owner_on(context, actor, connection, row.account_no) if row.account_no else None
        names = people.names(connection, own)
        told = _clear(context, actor, row)
        alike = () if owner is not None or row.state != "asked" else _alike(context, actor, connection, told)
    return RequestDetail(row, _masked(actor, told), owner, names, alike)


def waiting_for(context: Context, actor: Actor, account_no: str) -> list[ListedRequest]:
    """The applications on an account that wait for the counter. Needs ``outpatient.view``."""
    actor.require(Permission.OUTPATIENT_VIEW)
    with context.database.reading() as connection:
        rows = store.waiting_requests(connection, actor.institution_id, account_no)
    return [ListedRequest(row, _masked(actor, _clear(context, actor, row))) for row in rows]


def take_up(context: Context, actor: Actor, request_id: str, command: TakeUp) -> AcceptedClaim:
    """Accept the application as a claim (受理): the first of the three people, by the same rule as at the counter.

    A rule's "no" is the ``decision`` of the answer; the application goes on waiting. Raises :class:`NotFound`,
    :class:`Conflict` when it doesn't wait any more or names another account, :class:`MalformedInput` for a paper that
    nobody says how they saw: whoever applies on-line may never stand at the counter.
    """
    actor.require(Permission.OUTPATIENT_ACCEPT)
    unseen = next((paper.kind.label for paper in command.papers if not paper.reference.strip()), "")
    if unseen:
        words = f"请写明{unseen}是怎么看的，例如“电话回访核对”“窗口看过原件”。"
        raise MalformedInput(words, code="missing_value", details={"field": "papers"})
    with context.database.reading() as connection:
        row = store.read_request(connection, actor.institution_id, request_id)
    if row.account_no and row.account_no != command.account_no.strip():
        raise Conflict("这份申请核对到的是另一个账户。请按申请上的账户受理；本次没有受理。")
    found = _clear(context, actor, row)
    bank, card_no = _card(command, found)
    claim = AcceptClaim(
        account_no=command.account_no.strip(),
        claimant=Claimant(row.claimant),
        claimant_name=found.claimant_name,
        certno=found.certno,
        phone=found.phone,
        papers=command.papers,
        route=command.route,
        idempotency_key=command.idempotency_key,
        card_lost=row.card_lost,
        bank=bank,
        card_no=card_no,
        online=True,
        request_id=request_id,
        patient_name=command.patient_name.strip() or found.patient_name,
        patient_phone=found.patient_phone,
        patient_certno=command.patient_certno.strip() or found.patient_certno,
        taken_over_for=command.taken_over_for,
    )
    return accept_claim(context, actor, claim)


def decline(context: Context, actor: Actor, request_id: str, ground: str) -> None:
    """Turn an application down with the ground that its owner reads; another may follow at any time."""
    actor.require(Permission.OUTPATIENT_ACCEPT)
    ground = required_ground(ground, "请写明原因和怎么办，申请人会看到。")
    if found := lapsing_words(ground):
        words = f"“{found}”要改掉：细则第八条没有规定期限，什么时候来都退。"
        raise MalformedInput(words, code="lapsing_words", details={"field": "ground"})
    with context.work(actor, "outpatient.decline_online", "outpatient_request") as work:
        store.read_request(work.connection, work.institution_id, request_id)
        work.about(f"outpatient_request:{request_id}")
        by = {"decided_by": actor.actor_id, "decided_at": work.now}
        values = {"state": "declined", "ground": ground, **by}
        store.walk_request(work.connection, work.institution_id, request_id, **values)
        work.audit(detail={"ground": ground})


def reveal(context: Context, actor: Actor, request_id: str, ground: str) -> People:
    """Everything in full, for a written reason that the audit trail keeps."""
    actor.require(Permission.REVEAL_IDENTITY)
    with context.work(actor, "identity.reveal", "outpatient_request") as work:
        row = store.read_request(work.connection, work.institution_id, request_id)
        work.about(f"outpatient_request:{request_id}")
        work.audit(detail={"ground": ground})
    return _clear(context, actor, row)


def _alike(context: Context, actor: Actor, connection: Connection, told: People) -> tuple[Owner, ...]:
    """Accounts of the name and the certificate number that were told of the patient, whatever phone or card; by the
    card alone only where no two numbers could differ."""
    own = actor.institution_id
    if not names_somebody(told.patient_name):
        return ()
    certnos = context.keyed_hash.candidates(told_number(told.patient_certno), institution=own, field=CERTNO)
    holders = {one.account_no: one.holder_name for one in known_accounts(connection, own, certnos, MOST_FOUND)}
    by_card = accounts.find_account(connection, own, told.patient_card) if told.patient_card else None
    if by_card is not None and not (told.patient_certno and by_card.certno_hash):
        holders[by_card.account_no] = by_card.holder_name
    name = plain_name(told.patient_name)
    found = [number for number, holder in holders.items() if plain_name(holder) == name]
    return tuple(owner_on(context, actor, connection, one) for one in found)


def _card(command: TakeUp, found: People) -> tuple[str, str]:
    """The bank and the card of a transfer: those that the counter typed, else those of the application."""
    if command.route is not Route.BANK:
        return "", ""
    typed = command.bank.strip(), command.card_no.strip()
    return typed if any(typed) else (found.bank, found.card_no)


def _clear(context: Context, actor: Actor, row: RequestRow) -> People:
    text = context.cipher.decrypt(row.personal, institution=actor.institution_id, field=PERSONAL)
    return People(**json.loads(text))


def _masked(actor: Actor, one: People) -> People:
    name = (lambda text: text) if actor.calls_patients else mask_name
    return People(
        name(one.patient_name),
        mask_certificate(one.patient_certno),
        mask_phone(one.patient_phone),
        mask_card(one.patient_card),
        name(one.claimant_name),
        mask_certificate(one.certno),
        mask_phone(one.phone),
        one.bank,
        mask_card(one.card_no),
    )
