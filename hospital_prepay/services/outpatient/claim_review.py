"""Reading accounts and claims for the counter and for whoever decides: what shows of a patient is decided here.

People who collect call patients by their names; everybody else sees names masked. Certificates, phones and bank cards
leave masked for all; :func:`reveal_claim` shows them, for a written reason that the audit trail keeps.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from hospital_prepay.domain.access import GRANTS, Actor, Permission
from hospital_prepay.domain.decision import Decision
from hospital_prepay.domain.errors import NotFound
from hospital_prepay.domain.identity import certificate_fault, same_person_number
from hospital_prepay.domain.masking import mask_card, mask_certificate, mask_name, mask_phone, mask_within
from hospital_prepay.domain.rules.outpatient.alarms import Alarm
from hospital_prepay.domain.rules.outpatient.claims import Claimant, ClaimFacts, Route, payee, routes
from hospital_prepay.domain.rules.outpatient.life import ClaimState
from hospital_prepay.domain.rules.outpatient.online import plain_name
from hospital_prepay.domain.rules.outpatient.reach import phone_number
from hospital_prepay.persistence import decisions, users
from hospital_prepay.persistence import outpatient_advances as advances
from hospital_prepay.persistence import outpatient_alarms as alarm_store
from hospital_prepay.persistence import outpatient_claims as store
from hospital_prepay.persistence import outpatient_contradictions as contradictions
from hospital_prepay.persistence import outpatient_treasury as treasury
from hospital_prepay.persistence.database import Connection
from hospital_prepay.persistence.outpatient_alarms import AlarmRow, AnswerRow
from hospital_prepay.persistence.outpatient_claims import AccountState, ClaimRow, PaperRow, PayoutRow
from hospital_prepay.persistence.outpatient_contradictions import ContradictionRow
from hospital_prepay.persistence.outpatient_overpayments import OverpaymentRow, overpayments_of
from hospital_prepay.persistence.outpatient_owners import account_at
from hospital_prepay.persistence.queries import outpatient_claims as queries
from hospital_prepay.persistence.queries import people
from hospital_prepay.persistence.queries.outpatient_claims import ClaimEntry, FoundAccount, ListedClaim
from hospital_prepay.services.context import Context
from hospital_prepay.services.fund.review import Turn
from hospital_prepay.services.outpatient import alarms, owners
from hospital_prepay.services.outpatient.claim_record import RecordEvent, record_on
from hospital_prepay.services.outpatient.claims import PERSONAL
from hospital_prepay.services.outpatient.grounds import required_ground
from hospital_prepay.services.outpatient.paid_way import PaidWay, paid_way
from hospital_prepay.services.outpatient.sealing import CERTNO, PHONE
from hospital_prepay.services.outpatient.sealing import PERSONAL as OWNERS
from hospital_prepay.services.outpatient.turns import able_to, turn_of

__all__ = ["AlarmRow", "AnswerRow", "ClaimEntry", "ClaimRow", "FoundAccount", "ListedClaim", "PaperRow", "PayoutRow"]

MOST_FOUND: Final = 20
# Beside the states of claims: those of whose payment the bank said two things.
HELD: Final = "held"
# Who takes the next step of a claim, by state; a refund that failed is sent again, or another way is named.
CLAIM_TURNS: Final = {
    "accepted": Permission.OUTPATIENT_REVIEW,
    "reviewed": Permission.OUTPATIENT_APPROVE,
    "confirmed": Permission.OUTPATIENT_PAY,
    "sent": Permission.OUTPATIENT_PAY,
    "failed": Permission.OUTPATIENT_PAY,
}


@dataclass(frozen=True, slots=True)
class Personal:
    """Numbers of a person; masked unless they were asked for with a reason."""

    certno: str = ""
    phone: str = ""
    bank: str = ""
    card_no: str = ""
    patient_name: str = ""
    patient_certno: str = ""


@dataclass(frozen=True, slots=True)
class Owner:
    """An account at the counter, its owner's numbers masked. ``open_claim`` is the claim that is under way;
    ``others`` are the same person's other accounts, where somebody looks at the account itself; ``owed_fen`` is what
    the bank sent back of that claim after the treasury gave it, or was asked for it; ``certno_fault`` says why the
    number on record can't be one of a certificate; ``menders`` are the names of who may ask that it be corrected."""

    account: AccountState
    personal: Personal
    remitted_fen: int
    treasury_fen: int
    original_failed: bool
    claims: list[ClaimRow]
    names: Mapping[str, str]
    others: tuple[FoundAccount, ...] = ()
    open_id: str = ""
    owed_fen: int = 0
    certno_fault: str = ""
    menders: tuple[str, ...] = ()

    @property
    def open_claim(self) -> ClaimRow | None:
        """The claim under way."""
        return next((one for one in self.claims if one.claim_id == self.open_id), None)

    @property
    def unregistered(self) -> bool:
        """Whether no certificate number is on record, so that something else has to tell whose the account is."""
        return not self.account.certno_hash

    @property
    def has_phone(self) -> bool:
        """Whether a phone is on record, by which who comes can show whose the account is."""
        return bool(self.account.phone_hash)

    @property
    def due_fen(self) -> int:
        """What is paid to whoever may claim: the balance, what the treasury has of it, or what is owed of it."""
        return self.owed_fen or self.treasury_fen or self.account.balance_fen


@dataclass(frozen=True, slots=True)
class FoundOwner:
    """An account in the list of what was found. ``claim_id`` is the claim under way on it, in ``claim_state`` or
    :data:`HELD`; both are empty where there is none."""

    account: FoundAccount
    certno: str
    phone: str
    claim_id: str = ""
    claim_state: str = ""


@dataclass(frozen=True, slots=True)
class ClaimList:
    """One page of claims, how many and how much there are in each state, the names of people, and which claims wait
    for somebody to decide what the bank meant."""

    claims: list[ListedClaim]
    counts: Mapping[str, tuple[int, int]]
    names: Mapping[str, str]
    held: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ClaimDetail:
    """One claim with everything that belongs to it. ``alarms`` are those noted, ``fresh`` what stands out by now and
    will be noted with the next step; ``owed_fen`` came back after the treasury gave it and waits for the patient;
    ``overpaid`` is what the bank paid too often; ``payee`` is whose name stands on the bank card; ``correctors`` had
    the holder corrected and may not review or confirm; ``ways`` are those of :func:`routes` on the day it was taken;
    ``record`` is what was done, the first first; ``paid`` is how it was paid, or is to be; ``is_applied_for`` while
    it counts on a list that went to the treasury; ``deciders`` may say what the bank meant, until that is decided;
    ``redirectors`` may name another way for a refund that failed."""

    claim: ClaimRow
    personal: Personal
    payee: str
    owner: Owner
    correctors: frozenset[str]
    papers: list[PaperRow]
    payouts: list[PayoutRow]
    entries: list[ClaimEntry]
    decision: Decision
    ways: tuple[tuple[Route, str], ...]
    alarms: list[AlarmRow]
    fresh: list[Alarm]
    answers: list[AnswerRow]
    contradictions: list[ContradictionRow]
    overpaid: list[OverpaymentRow]
    record: list[RecordEvent]
    paid: PaidWay
    owed_fen: int
    is_applied_for: bool
    deciders: tuple[str, ...]
    redirectors: tuple[str, ...]
    turn: Turn | None
    names: Mapping[str, str]


def find_accounts(context: Context, actor: Actor, text: str) -> list[FoundOwner]:
    """Accounts by number, whole certificate number, phone or whole name. Needs ``outpatient.view``."""
    actor.require(Permission.OUTPATIENT_VIEW)
    text = text.strip()
    if not text:
        return []
    own, hashed, phone = actor.institution_id, context.keyed_hash, phone_number(text)
    certno = hashed.candidates(same_person_number(text), institution=own, field=CERTNO)
    phones = hashed.candidates(phone, institution=own, field=PHONE) if phone else ()
    with context.database.reading() as connection:
        found = queries.find_accounts(connection, own, text, certno, phones, MOST_FOUND)
        claims = queries.under_way_on(connection, own, [one.account_no for one in found])
        held = contradictions.undecided(connection, own, [claim_id for claim_id, _ in claims.values()])
    under_way = {
        number: (claim_id, HELD if claim_id in held else state) for number, (claim_id, state) in claims.items()
    }
    return [_found(context, actor, one, *under_way.get(one.account_no, ("", ""))) for one in found]


def read_owner(context: Context, actor: Actor, account_no: str) -> Owner:
    """One account with its claims. Needs ``outpatient.view``. Raises :class:`NotFound`."""
    actor.require(Permission.OUTPATIENT_VIEW)
    with context.database.reading() as connection:
        owner = owner_on(context, actor, connection, account_no)
        menders = tuple(able_to(connection, actor.institution_id, Permission.OUTPATIENT_IMPORT).values())
        return replace(owner, others=accounts_beside(actor, connection, owner.account), menders=menders)


def accounts_beside(actor: Actor, connection: Connection, account: AccountState) -> tuple[FoundAccount, ...]:
    """The same person's other accounts, joined by decision or of one certificate number; names as the viewer may see
    them, and which aren't this account's: then somebody's number was mistaken, or a name."""
    found = queries.accounts_beside(
        connection, actor.institution_id, account.account_no, account.certno_hash, account.person_id, MOST_FOUND
    )
    name = plain_name(account.holder_name)
    return tuple(
        replace(
            one,
            personal="",
            holder_name=_name(actor, one.holder_name),
            other_name=plain_name(one.holder_name) != name,
        )
        for one in found
    )


def ways_of(context: Context, owner: Owner, claimant: Claimant) -> tuple[tuple[Route, str], ...]:
    """Every way of payment for who asks, the likeliest first, with why it isn't offered."""
    return routes(_way_facts(owner, claimant, context.clock.today().isoformat()))


def list_claims(
    context: Context,
    actor: Actor,
    states: Sequence[str],
    *,
    routes: Sequence[str] = (),
    newest_first: bool = False,
    start: int = 0,
    size: int = 50,
) -> ClaimList:
    """One page of the claims in ``states``; those that are held stand under :data:`HELD` alone, in whatever state.
    Needs ``outpatient.view``."""
    actor.require(Permission.OUTPATIENT_VIEW)
    with context.database.reading() as connection:
        own = actor.institution_id
        held = contradictions.undecided(connection, own)
        narrowed: dict[str, Any] = {"only": sorted(held)} if HELD in states else {"without": sorted(held)}
        found = queries.list_claims(
            connection,
            own,
            list(ClaimState) if HELD in states else states,
            routes=routes,
            newest_first=newest_first,
            start=start,
            size=size,
            **narrowed,
        )
        paid = queries.arrived_routes(connection, own, [one.claim_id for one in found if one.state == "arrived"])
        return ClaimList(
            [
                replace(
                    one,
                    holder_name=_name(actor, one.holder_name),
                    claimant_name=_name(actor, one.claimant_name),
                    ground=mask_within(one.ground),
                    route=paid.get(one.claim_id, one.route),
                )
                for one in found
            ],
            {
                **store.count_by_state(connection, own, sorted(held)),
                HELD: queries.count_claims(connection, own, sorted(held)),
            },
            people.names(connection, own),
            frozenset(held),
        )


def claims_of_numbers(context: Context, actor: Actor, numbers: Sequence[str]) -> dict[str, str]:
    """The claims behind refund numbers, as far as there are any. Needs ``outpatient.view``."""
    actor.require(Permission.OUTPATIENT_VIEW)
    with context.database.reading() as connection:
        return queries.claims_of_numbers(connection, actor.institution_id, numbers)


def read_claim(context: Context, actor: Actor, claim_id: str) -> ClaimDetail:
    """One claim; numbers that somebody typed into its words are masked. Needs ``outpatient.view``. Raises
    :class:`NotFound`."""
    actor.require(Permission.OUTPATIENT_VIEW)
    with context.database.reading() as connection:
        own = actor.institution_id
        claim = store.read_claim(connection, own, claim_id)
        correctors = owners.correctors(connection, own, claim)
        account = _account_of(connection, own, claim)
        payouts = store.payouts_of(connection, own, claim_id)
        told = contradictions.contradictions_of(connection, own, claim_id)
        booked = [one.entry_no for one in payouts if one.entry_no is not None]
        decision = decisions.find(connection, own, claim.decision_id)[0]
        personal = _clear(context, own, claim.personal, PERSONAL)
        # Whoever it was accepted for, whatever was corrected before it came back.
        then = account_at(connection, own, account, claim.accepted_at).holder_name
        named = payee(Claimant(claim.claimant), then, personal.patient_name, claim.claimant_name)
        noted = alarm_store.alarms_of(connection, own, claim_id)
        waits = claim.state in ("accepted", "reviewed")
        fresh = alarms.missing_alarms(noted, alarms.noticed(connection, own, account, claim)) if waits else []
        record = record_on(connection, own, claim, payouts, told)
        return ClaimDetail(
            claim=replace(claim, claimant_name=_name(actor, claim.claimant_name), ground=mask_within(claim.ground)),
            personal=_masked(personal),
            payee=_name(actor, named),
            owner=owner_on(context, actor, connection, claim.account_no, account),
            correctors=correctors,
            papers=[
                replace(one, reference=mask_within(one.reference))
                for one in store.papers_of(connection, own, claim_id)
            ],
            payouts=[replace(one, failure=mask_within(one.failure)) for one in payouts],
            entries=queries.entries_of(connection, own, claim_id) if booked else [],
            decision=decision,
            ways=routes(_stored_facts(decision)),
            alarms=noted,
            fresh=fresh,
            answers=[
                replace(one, ground=mask_within(one.ground))
                for one in alarm_store.answers_of(connection, own, claim_id)
            ],
            contradictions=[
                replace(one, ground=mask_within(one.ground), words=mask_within(one.words)) for one in told
            ],
            overpaid=overpayments_of(connection, own, claim_id),
            record=record,
            paid=paid_way(claim, payouts, record),
            owed_fen=store.owed_fen(connection, own, claim_id) or 0,
            is_applied_for=advances.is_applied_for(connection, own, claim_id),
            deciders=_deciders(connection, own, payouts, told),
            redirectors=_redirectors(connection, own, claim, payouts, correctors),
            turn=_turn(users.all_of(connection, own), claim, correctors, payouts),
            names=people.names(connection, own),
        )


def _redirectors(
    connection: Connection,
    institution_id: str,
    claim: ClaimRow,
    payouts: Sequence[PayoutRow],
    correctors: Collection[str],
) -> tuple[str, ...]:
    """Who may name another way for a refund that failed: neither who accepted or sent it, nor who had its holder
    corrected."""
    if claim.state != "failed":
        return ()
    barred = (claim.accepted_by, *(one.sent_by for one in payouts), *correctors)
    turn = turn_of(connection, institution_id, Permission.OUTPATIENT_REVIEW, barred)
    return turn.holders if turn else ()


def _deciders(
    connection: Connection, institution_id: str, payouts: Sequence[PayoutRow], told: Sequence[ContradictionRow]
) -> tuple[str, ...]:
    """Who may decide what the bank meant: neither who sent the money nor who read the answer."""
    one = next((one for one in told if not one.decision), None)
    if one is None:
        return ()
    barred = (one.raised_by, payouts[one.attempt_no - 1].sent_by)
    turn = turn_of(connection, institution_id, Permission.OUTPATIENT_APPROVE, barred)
    return turn.holders if turn else ()


@dataclass(frozen=True, slots=True)
class Revealed:
    """A claim's people with nothing masked."""

    holder_name: str
    holder: Personal
    claimant_name: str
    claimant: Personal


def reveal_claim(context: Context, actor: Actor, claim_id: str, ground: str) -> Revealed:
    """Everything about a claim's people in full, for a written reason that the audit trail keeps. Raises
    :class:`MalformedInput` without one."""
    actor.require(Permission.REVEAL_IDENTITY)
    ground = required_ground(ground, "请写明为什么要看完整信息，备查。")
    with context.work(actor, "identity.reveal", "outpatient_claim") as work:
        claim = store.read_claim(work.connection, work.institution_id, claim_id)
        work.about(f"outpatient_claim:{claim.claim_id}")
        account = _account_of(work.connection, work.institution_id, claim)
        work.audit(detail={"ground": ground})
    own = actor.institution_id
    return Revealed(
        account.holder_name,
        _clear(context, own, account.personal, OWNERS),
        claim.claimant_name,
        _clear(context, own, claim.personal, PERSONAL),
    )


def barred_from(claim: ClaimRow) -> frozenset[str]:
    """Who may not take the claim's next step for having taken an earlier one. Who accepted may pay: the two between
    looked at it."""
    earlier = {
        "accepted": (claim.accepted_by,),
        "reviewed": (claim.accepted_by, claim.reviewed_by),
        "confirmed": (claim.reviewed_by, claim.confirmed_by),
        "failed": (claim.reviewed_by, claim.confirmed_by),
    }
    return frozenset(one for one in earlier.get(claim.state, ()) if one)


def _account_of(connection: Connection, institution_id: str, claim: ClaimRow) -> AccountState:
    """A claim's account; of one that has ended, with its holder as it was accepted with: nothing is told anew."""
    account = store.find_account(connection, institution_id, claim.account_no)
    assert account is not None, "a claim has an account"
    if ClaimState(claim.state).is_open:
        return account
    return account_at(connection, institution_id, account, claim.accepted_at)


def _turn(
    staff: list[users.UserRow], claim: ClaimRow, correctors: frozenset[str], payouts: Sequence[PayoutRow]
) -> Turn | None:
    permission = CLAIM_TURNS.get(claim.state)
    if permission is None:
        return None
    barred = barred_from(claim) | (correctors if claim.state in ("accepted", "reviewed") else frozenset())
    if claim.state == "failed" and payouts:
        barred |= {payouts[-1].sent_by}
    able = [one for one in staff if one.is_active and any(permission in GRANTS[role] for role in one.roles)]
    return Turn(permission, tuple(one.user_id for one in able if one.user_id not in barred), barred)


def owner_on(
    context: Context, actor: Actor, connection: Connection, account_no: str, account: AccountState | None = None
) -> Owner:
    """The same inside a transaction, of an ``account`` that was read already or isn't; names are masked for whoever
    doesn't collect."""
    own = actor.institution_id
    account = account or store.find_account(connection, own, account_no)
    if account is None:
        raise NotFound("没有这个账户。请核对账户号。")
    claims = store.claims_of_account(connection, own, account_no)
    open_, owed_fen = store.under_way(connection, own, claims)
    personal = _clear(context, own, account.personal, OWNERS)
    return Owner(
        account=replace(account, holder_name=_name(actor, account.holder_name)),
        personal=_masked(personal),
        remitted_fen=treasury.remitted_fen(connection, own, account_no),
        treasury_fen=treasury.left_with_treasury(connection, own, account_no),
        original_failed=store.original_failed(connection, own, account_no),
        claims=[replace(one, claimant_name=_name(actor, one.claimant_name)) for one in claims],
        names=people.names(connection, own),
        open_id="" if open_ is None else open_.claim_id,
        owed_fen=owed_fen,
        certno_fault=certificate_fault(personal.certno) if personal.certno else "",
    )


def _way_facts(owner: Owner, claimant: Claimant, today: str) -> ClaimFacts:
    account = owner.account
    return ClaimFacts(
        claimant=claimant.value,
        card_lost=False,
        papers=(),
        route=Route.CASH.value,
        channel=account.channel,
        last_movement_on=None if account.last_movement_on is None else account.last_movement_on.isoformat(),
        today=today,
        balance_fen=account.balance_fen,
        remitted_fen=owner.remitted_fen,
        identity_matches=None,
        original_failed=owner.original_failed,
    )


def _stored_facts(decision: Decision) -> ClaimFacts:
    return ClaimFacts(**{**decision.facts, "papers": tuple(decision.facts["papers"])})


def _found(context: Context, actor: Actor, one: FoundAccount, claim_id: str, claim_state: str) -> FoundOwner:
    personal = _masked(_clear(context, actor.institution_id, one.personal, OWNERS))
    shown = replace(one, holder_name=_name(actor, one.holder_name))
    return FoundOwner(shown, personal.certno, personal.phone, claim_id, claim_state)


def _name(actor: Actor, name: str) -> str:
    return name if actor.calls_patients else mask_name(name)


def _clear(context: Context, institution_id: str, sealed: str, field: str) -> Personal:
    if not sealed:
        return Personal()
    return Personal(**json.loads(context.cipher.decrypt(sealed, institution=institution_id, field=field)))


def _masked(one: Personal) -> Personal:
    return Personal(
        mask_certificate(one.certno),
        mask_phone(one.phone),
        one.bank,
        mask_card(one.card_no),
        patient_certno=mask_certificate(one.patient_certno),
    )
