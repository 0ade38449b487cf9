"""A claim on an outpatient account: 受理 → 审核 → 确认, by three people (7), wherever the money is by now (8).

One open claim an account, beside what came back of others and is owed; the database holds that, the three people, and
that the sum is the account's. No step looks at how late a claim comes.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any, Final

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.decision import Decision
from hospital_prepay.domain.errors import Conflict, MalformedInput
from hospital_prepay.domain.identity import (
    WrongResidentId,
    certificate_fault,
    is_resident_id,
    resident_id,
    same_person_number,
)
from hospital_prepay.domain.money import ZERO, Money
from hospital_prepay.domain.plain_text import check_ground
from hospital_prepay.domain.references import plain_name
from hospital_prepay.domain.rules.outpatient.claims import (
    Claimant,
    ClaimFacts,
    Paper,
    Route,
    claim,
)
from hospital_prepay.domain.rules.outpatient.life import CLAIM_STEPS, ClaimState
from hospital_prepay.domain.rules.outpatient.online import names_somebody
from hospital_prepay.domain.rules.outpatient.online import plain_name as compared_name
from hospital_prepay.domain.rules.outpatient.reach import phone_number
from hospital_prepay.persistence import outpatient_claims as store
from hospital_prepay.persistence import outpatient_public as requests
from hospital_prepay.persistence import outpatient_treasury as treasury
from hospital_prepay.persistence.locks import lock_name
from hospital_prepay.persistence.outpatient_claims import AccountState, ClaimRow
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.services.context import Context
from hospital_prepay.services.outpatient.alarms import (
    CARD,
    check_transfer,
    holds_staff_card,
    note_alarms,
    plain_card,
)
from hospital_prepay.services.outpatient.contradictions import refuse_contradicted
from hospital_prepay.services.outpatient.grounds import named, plain_line, refuse_formula, required_ground
from hospital_prepay.services.outpatient.proofs import proof_key, require_own_proof
from hospital_prepay.services.outpatient.sealing import CERTNO, PHONE
from hospital_prepay.services.publication.readings import readings_within

PERSONAL: Final = "outpatient_claim.personal"
# What is asked beyond what was remitted is the hospital's loss: its ground is a few words at least.
_LEAST_GROUND: Final = 4
_CONFIRMED: Final = "这笔退款已经有人审核、确认过，换人办请写明为什么，例如患者已去世。"


@dataclass(frozen=True, slots=True)
class ShownPaper:
    """A paper and its number or a word about it."""

    kind: Paper
    reference: str = ""


@dataclass(frozen=True, slots=True)
class AcceptClaim:
    """What the counter or the page takes down. ``beyond`` is asked above what was remitted, for a miscount of ours,
    with its ``ground``; ``taken_over_for`` says why somebody else has a refund that was confirmed. ``request_id``
    names the application on-line that this takes up; ``patient_name``, ``patient_phone`` and ``patient_certno`` are
    those of whom a proxy or an heir comes for."""

    account_no: str
    claimant: Claimant
    claimant_name: str
    certno: str
    phone: str
    papers: tuple[ShownPaper, ...]
    route: Route
    idempotency_key: str
    card_lost: bool = False
    bank: str = ""
    card_no: str = ""
    beyond: Money = ZERO
    ground: str = ""
    online: bool = False
    request_id: str = ""
    patient_name: str = ""
    patient_phone: str = ""
    patient_certno: str = ""
    taken_over_for: str = ""


@dataclass(frozen=True, slots=True)
class AcceptedClaim:
    """The answer to :func:`accept_claim`; ``claim_id`` is ``None`` when the rule refused."""

    decision: Decision
    decision_id: str
    claim_id: str | None
    refund_no: str | None

    def to_json(self) -> dict[str, Any]:
        """As stored for the next request with the same key."""
        return {**asdict(self), "decision": self.decision.to_json()}

    @classmethod
    def of_json(cls, stored: dict[str, Any]) -> AcceptedClaim:
        """The opposite of :meth:`to_json`."""
        return cls(
            Decision.of_json(stored["decision"]), stored["decision_id"], stored["claim_id"], stored["refund_no"]
        )


def accept_claim(context: Context, actor: Actor, command: AcceptClaim) -> AcceptedClaim:
    """Take a claim down (受理). A rule's "no" is the ``decision`` of the answer and names what is missing. What came
    back of a refund after the treasury gave it is owed: whoever comes for that takes the refund over, past the same
    three steps, under its number and for its sum.

    Raises :class:`NotFound`, :class:`Conflict` when the account has an open claim or isn't in the books yet,
    :class:`MalformedInput` for a resident card's number that was mistyped, a way that lacks its bank card, or a slip
    without its number or of another account.
    """
    actor.require(Permission.OUTPATIENT_ACCEPT)
    _check(command)
    payload = {**asdict(command), "beyond": command.beyond.fen}
    with context.work(actor, "outpatient.accept", "outpatient_account") as work:
        store.hold_batches(work.connection, work.institution_id, command.account_no)
        account = store.lock_account(work.connection, work.institution_id, command.account_no)
        work.about(f"outpatient_account:{account.account_no}")
        known = work.known_answer(command.idempotency_key, payload)
        if known is not None:
            return AcceptedClaim.of_json(known)
        if not account.is_open:
            raise Conflict("这个账户的期初余额还没有入账，请等财务核对确认后再受理；本次没有受理。")
        _require_patient_number(account, command)
        proofs = (proof_key(paper.kind, paper.reference) for paper in command.papers)
        require_own_proof(work, account.account_no, proofs)
        owed = _owed_claim(work, account)
        facts = _facts(context, work, account, command, owed)
        if command.beyond and not facts.remitted_fen:
            words = "这个账户的钱还没有上缴财政，不填多退的数；账面数错的，先办更正再受理。"
            if account.state == "reclaimed":
                words = "这个账户上缴的钱已经退完，不能再另外多退。患者有不同意见的，请带凭条交财务核对。"
            raise MalformedInput(words, details={"field": "beyond"})
        decision = claim(facts, work.rule_version)
        decision_id = work.keep_decision(decision, work.today, readings_within(work, "outpatient.claim"))
        answer = AcceptedClaim(decision, decision_id, None, None)
        if decision.permitted:
            write_down = _write_down if owed is None else partial(_take_over, owed)
            answer = write_down(context, work, account, command, facts, answer)
        detail: dict[str, Any] = {
            "claim": answer.claim_id,
            "refund_no": answer.refund_no,
            "route": command.route.value,
        }
        if command.beyond:
            detail.update(beyond_fen=command.beyond.fen, beyond_ground=command.ground.strip())
        if owed is not None:
            detail["taken_over"] = True
            if command.taken_over_for.strip():
                detail["ground"] = command.taken_over_for.strip()
        outcome = "done" if decision.permitted else "refused"
        work.audit(outcome=outcome, decision_id=decision_id, detail=detail)
        work.keep_answer(command.idempotency_key, payload, answer.to_json())
        return answer


def card_hash(context: Context, institution_id: str, card_no: str) -> str:
    """The keyed hash by which a bank card is found again; empty without one."""
    plain = plain_card(card_no)
    return context.keyed_hash.digest(plain, institution=institution_id, field=CARD) if plain else ""


def _facts(
    context: Context, work: UnitOfWork, account: AccountState, command: AcceptClaim, owed: ClaimRow | None
) -> ClaimFacts:
    remitted, balance, beyond = _what_is_due(work, account, command, owed)
    failed = store.original_failed(work.connection, work.institution_id, account.account_no)
    return ClaimFacts(
        claimant=command.claimant.value,
        card_lost=command.card_lost,
        papers=tuple(sorted({paper.kind.value for paper in command.papers})),
        route=command.route.value,
        channel=account.channel,
        last_movement_on=None if account.last_movement_on is None else account.last_movement_on.isoformat(),
        today=work.today.isoformat(),
        balance_fen=balance,
        remitted_fen=remitted,
        identity_matches=_identity_matches(context, account, command, work.institution_id),
        beyond_fen=beyond,
        original_failed=failed,
        staff_card=command.route is Route.BANK and holds_staff_card(context, work, command.card_no),
        name_matches=_name_matches(account, command),
        unregistered=not account.certno_hash,
        phone_matches=_phone_matches(context, account, command, work.institution_id),
        nameless=_nameless(account),
        beyond_proved=_beyond_proved(command) if owed is None else None,
    )


def _beyond_proved(command: AcceptClaim) -> bool | None:
    return any(one.kind is Paper.SLIP for one in command.papers) if command.beyond else None


def _what_is_due(
    work: UnitOfWork, account: AccountState, command: AcceptClaim, owed: ClaimRow | None
) -> tuple[int, int, int]:
    """Of what the treasury has, of the balance, and beyond either, in fen: what is owed is paid first, for itself."""
    own = (work.connection, work.institution_id, account.account_no)
    if owed is None:
        return treasury.left_with_treasury(*own), account.balance_fen, command.beyond.fen
    if not owed.remitted:
        return 0, owed.amount_fen, 0
    remitted = min(owed.amount_fen, treasury.left_with_treasury(*own, owed.claim_id))
    return remitted, account.balance_fen, owed.amount_fen - remitted


def _identity_matches(
    context: Context, account: AccountState, command: AcceptClaim, institution_id: str
) -> bool | None:
    """Of the patient, whoever comes: a proxy's or heir's own number is another's by nature."""
    if not account.certno_hash:
        return None
    number = same_person_number(command.certno if command.claimant is Claimant.SELF else command.patient_certno)
    return account.certno_hash in context.keyed_hash.candidates(number, institution=institution_id, field=CERTNO)


def _require_patient_number(account: AccountState, command: AcceptClaim) -> None:
    """Raise :class:`MalformedInput` where a number is on record and whoever comes for the patient named none."""
    if command.claimant is not Claimant.SELF and account.certno_hash and not command.patient_certno.strip():
        words = "账户登记了证件号，请填患者证件号，照患者的证件写（人已去世的，照死亡证明或户口簿）。"
        raise MalformedInput(words, code="missing_value", details={"field": "patient_certno"})


def require_right_number(text: str, field: str) -> None:
    """Raise :class:`MalformedInput` for what looks like a resident card's number and isn't one: somebody mistyped it.
    No other certificate tells that of itself, and whoever has none writes so."""
    if certificate_fault(text) != "resident_id":
        return
    try:
        resident_id(text)
    except WrongResidentId as error:
        raise MalformedInput(error.message, code=error.reason, details={"field": field}) from error


def _name_matches(account: AccountState, command: AcceptClaim) -> bool | None:
    """Of the patient, whoever comes; a newborn is called as it was registered."""
    registered = compared_name(account.holder_name) if names_somebody(account.holder_name) else ""
    given = command.claimant_name if command.claimant is Claimant.SELF else command.patient_name
    return compared_name(given) == registered if registered else None


def _nameless(account: AccountState) -> bool:
    """Whether the name on record is of signs alone; an account without any is known by its number."""
    return bool(account.holder_name.strip()) and not names_somebody(account.holder_name)


def _phone_matches(context: Context, account: AccountState, command: AcceptClaim, institution_id: str) -> bool:
    """Whether a phone that was given is the one on record: the counter sees it masked, so who comes told it."""
    told = [number for number in map(phone_number, (command.phone, command.patient_phone)) if number]
    hashes = [context.keyed_hash.candidates(one, institution=institution_id, field=PHONE) for one in told]
    return bool(account.phone_hash) and any(account.phone_hash in one for one in hashes)


def _write_down(
    context: Context,
    work: UnitOfWork,
    account: AccountState,
    command: AcceptClaim,
    facts: ClaimFacts,
    answer: AcceptedClaim,
) -> AcceptedClaim:
    assert answer.decision.amount is not None
    if account.state == "frozen" and not facts.remitted_fen:
        # Whoever comes is paid: the account leaves the list for the treasury, which must then be made anew.
        store.walk_account(work.connection, work.institution_id, account.account_no, state="filed")
    lock_name(work.connection, f"outpatient_refund_no:{work.institution_id}")
    claim_id = work.new_id()
    refund_no = store.next_refund_no(work.connection, work.institution_id, work.today)
    values = {
        "institution_id": work.institution_id,
        "claim_id": claim_id,
        "refund_no": refund_no,
        "account_no": account.account_no,
        "remitted": facts.remitted_fen > 0,
        "amount_fen": answer.decision.amount.fen,
        **_claimant_values(context, work, command, answer),
    }
    store.add_claim(work.connection, values, _papers(work, command, claim_id, first=1))
    return _taken_down(work, account, command, replace(answer, claim_id=claim_id, refund_no=refund_no))


def _owed_claim(work: UnitOfWork, account: AccountState) -> ClaimRow | None:
    """The refund of an account that came back after the treasury gave its money, while it isn't on its way again."""
    own = (work.connection, work.institution_id)
    found, owed = store.under_way(*own, store.claims_of_account(*own, account.account_no))
    return found if found is not None and owed and "accepted" in CLAIM_STEPS[found.state] else None


def _take_over(
    owed: ClaimRow,
    context: Context,
    work: UnitOfWork,
    account: AccountState,
    command: AcceptClaim,
    facts: ClaimFacts,
    answer: AcceptedClaim,
) -> AcceptedClaim:
    refuse_contradicted(work, owed)
    if command.beyond:
        words = "银行退回的这笔钱按原来的金额退，不另外多退。请不要填“另外多退”。"
        raise MalformedInput(words, details={"field": "beyond"})
    if owed.state == ClaimState.CONFIRMED:
        required_ground(command.taken_over_for, _CONFIRMED, "taken_over_for")
    papers = 1 + len(store.papers_of(work.connection, work.institution_id, owed.claim_id))
    store.walk_claim(
        work.connection,
        work.institution_id,
        owed.claim_id,
        **{**_claimant_values(context, work, command, answer), "ground": owed.ground},
        **dict.fromkeys(("reviewed_by", "reviewed_at", "confirmed_by", "confirmed_at", "paid_by", "paid_at")),
    )
    store.add_papers(work.connection, _papers(work, command, owed.claim_id, first=papers))
    return _taken_down(work, account, command, replace(answer, claim_id=owed.claim_id, refund_no=owed.refund_no))


def _claimant_values(
    context: Context, work: UnitOfWork, command: AcceptClaim, answer: AcceptedClaim
) -> dict[str, Any]:
    """Who comes and how it is paid, as a claim keeps it from its acceptance on."""
    personal = {
        "certno": command.certno.strip(),
        "phone": command.phone.strip(),
        "bank": command.bank.strip(),
        "card_no": plain_card(command.card_no),
        "patient_name": command.patient_name.strip(),
        "patient_certno": command.patient_certno.strip(),
    }
    return {
        "claimant": command.claimant.value,
        "card_lost": command.card_lost,
        "claimant_name": command.claimant_name.strip(),
        "personal": sealed_personal(context, work.institution_id, personal),
        "card_hash": card_hash(context, work.institution_id, command.card_no),
        "taken_at": "online" if command.online else "window",
        "route": command.route.value,
        "state": "accepted",
        "decision_id": answer.decision_id,
        "accepted_by": work.act.actor.actor_id,
        "accepted_at": work.now,
        "ground": command.ground.strip(),
    }


def _papers(work: UnitOfWork, command: AcceptClaim, claim_id: str, *, first: int) -> list[dict[str, Any]]:
    return [
        {
            "institution_id": work.institution_id,
            "claim_id": claim_id,
            "paper_no": number,
            "kind": paper.kind.value,
            "reference": paper.reference.strip(),
            "recorded_by": work.act.actor.actor_id,
            "recorded_at": work.now,
            "slip_key": proof_key(paper.kind, paper.reference),
        }
        for number, paper in enumerate(command.papers, first)
    ]


def _taken_down(
    work: UnitOfWork, account: AccountState, command: AcceptClaim, answer: AcceptedClaim
) -> AcceptedClaim:
    assert answer.claim_id is not None
    if command.request_id:
        _take_up(work, command, answer.claim_id)
    note_alarms(work, account, store.read_claim(work.connection, work.institution_id, answer.claim_id))
    return answer


def _take_up(work: UnitOfWork, command: AcceptClaim, claim_id: str) -> None:
    by = {"decided_by": work.act.actor.actor_id, "decided_at": work.now}
    values = {"state": "taken", "account_no": command.account_no, "claim_id": claim_id, **by}
    requests.walk_request(work.connection, work.institution_id, command.request_id, **values)


def sealed_personal(context: Context, institution_id: str, personal: dict[str, str]) -> str:
    return context.cipher.encrypt(
        json.dumps(personal, ensure_ascii=False), institution=institution_id, field=PERSONAL
    )


def _check(command: AcceptClaim) -> None:
    if not names_somebody(command.claimant_name):
        raise MalformedInput("请填来办的人的姓名。", code="missing_value", details={"field": "claimant_name"})
    if command.claimant is not Claimant.SELF and not names_somebody(command.patient_name):
        words = "请填患者姓名，照患者的证件写。"
        raise MalformedInput(words, code="missing_value", details={"field": "patient_name"})
    refuse_formula(command.claimant_name, "claimant_name", "来办的人的姓名")
    plain_line(command.claimant_name, "claimant_name", "来办的人的姓名")
    refuse_formula(command.patient_name, "patient_name", "患者姓名")
    plain_line(command.patient_name, "patient_name", "患者姓名")
    plain_line(command.patient_certno, "patient_certno", "患者证件号")
    require_right_number(command.certno, "certno")
    require_right_number(command.patient_certno, "patient_certno")
    own, patients = same_person_number(command.certno), same_person_number(command.patient_certno)
    if command.claimant is not Claimant.SELF and is_resident_id(own) and own == patients:
        words = "来办的人的证件号与患者的相同。请照来办的人自己的证件填；是患者本人来的，按本人办。"
        raise MalformedInput(words, details={"field": "certno"})
    for paper in command.papers:
        plain_line(paper.reference, "papers", f"{paper.kind.label}的号码")
        proof_key(paper.kind, paper.reference)
    check_ground(command.ground)
    with named("taken_over_for"):
        check_ground(command.taken_over_for)
    if command.beyond.fen < 0 or (command.beyond and len(plain_name(command.ground)) < _LEAST_GROUND):
        words = "比上缴的多要退，请写明依据：凭条上是多少，怎么少计的，例如“凭条 11 元，清查时只录了 6 元”。"
        raise MalformedInput(words, code="missing_value", details={"field": "ground"})
    check_route(command.route, command.bank, command.card_no)


def check_route(route: Route, bank: str, card_no: str) -> None:
    if route is not Route.BANK:
        return
    check_transfer(bank, card_no)
