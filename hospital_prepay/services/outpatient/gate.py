"""The gate (6): outpatient deposits stopped; only what the approved filing keeps is taken, posted and by consent.

Beside it the open list of article 9: money that two people hold to be no deposit, with a written ground.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Final

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.decision import Decision
from hospital_prepay.domain.errors import Conflict, MalformedInput, NotFound
from hospital_prepay.domain.identity import WrongResidentId, born_on, is_resident_id, resident_id, same_person_number
from hospital_prepay.domain.ledger.chart import OUTPATIENT_DEPOSITS, Tender, outpatient_account
from hospital_prepay.domain.ledger.entry import JournalEntry, Posting
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.references import plain_name
from hospital_prepay.domain.rules.outpatient.gate import PLACES, GateFacts, take
from hospital_prepay.domain.rules.outpatient.online import names_somebody
from hospital_prepay.domain.rules.outpatient.online import plain_name as compared_name
from hospital_prepay.domain.rules.outpatient.reach import phone_number, reach
from hospital_prepay.persistence import outpatient_claims as accounts
from hospital_prepay.persistence import outpatient_gate as store
from hospital_prepay.persistence.ledger import open_account
from hospital_prepay.persistence.outpatient_claims import AccountState
from hospital_prepay.persistence.outpatient_gate import KeptRow, OtherKindRow
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.services.context import Context
from hospital_prepay.services.outpatient.filing import require_past_day
from hospital_prepay.services.outpatient.grounds import plain_line, refuse_formula, required_ground
from hospital_prepay.services.outpatient.sealing import CERTNO, PERSONAL, PHONE
from hospital_prepay.services.publication.announcement import announce
from hospital_prepay.services.publication.readings import readings_within

MOST_KINDS: Final = 20
_CODE: Final = re.compile(r"[a-z0-9_]{1,40}", re.ASCII)
_RESIDENT: Final = re.compile(r"[0-9]{15}|[0-9]{17}[0-9Xx]", re.ASCII)


@dataclass(frozen=True, slots=True)
class KeptKind:
    """A kind of deposit that the filing keeps; ``for_elderly`` asks for the patient's age."""

    code: str
    label: str
    for_elderly: bool = False


@dataclass(frozen=True, slots=True)
class ProposeKept:
    """A filing as the authority has it."""

    document: str
    authority: str
    filed_on: date
    kinds: tuple[KeptKind, ...]


@dataclass(frozen=True, slots=True)
class TakeDeposit:
    """A deposit asked for at the counter; ``consent`` is the number of the signed consent."""

    account_no: str
    holder_name: str
    certno: str
    phone: str
    kind: str
    amount: Money
    tender: Tender
    consent: str
    idempotency_key: str


@dataclass(frozen=True, slots=True)
class TakenDeposit:
    """The answer to :func:`take_deposit`; ``entry_no`` is ``None`` when the rule refused."""

    decision: Decision
    decision_id: str
    taken_id: str | None
    entry_no: int | None

    def to_json(self) -> dict[str, Any]:
        """As stored for the next request with the same key."""
        return {**asdict(self), "decision": self.decision.to_json()}

    @classmethod
    def of_json(cls, stored: dict[str, Any]) -> TakenDeposit:
        """The opposite of :meth:`to_json`."""
        decision = Decision.of_json(stored["decision"])
        return cls(decision, stored["decision_id"], stored["taken_id"], stored["entry_no"])


def propose_kept(context: Context, actor: Actor, command: ProposeKept) -> str:
    """Write down what the filing keeps; another person approves it. Returns its id.

    Raises :class:`MalformedInput` for a missing paper, a day ahead, or kinds that are none, twice or too many.
    """
    actor.require(Permission.OUTPATIENT_FILE)
    _check_kept(command)
    with context.work(actor, "outpatient.propose_kept", "outpatient_kept") as work:
        require_past_day(command.filed_on, work.today, "filed_on")
        filing_id = work.new_id()
        values = {
            "institution_id": work.institution_id,
            "filing_id": filing_id,
            "document": command.document.strip(),
            "authority": command.authority.strip(),
            "filed_on": command.filed_on,
            "kinds": [asdict(kind) for kind in command.kinds],
            "state": "proposed",
            "proposed_by": actor.actor_id,
            "proposed_at": work.now,
        }
        store.add_kept(work.connection, values)
        work.audit(detail={"filing": filing_id, "kinds": [kind.label for kind in command.kinds]})
        return filing_id


def decide_kept(context: Context, actor: Actor, filing_id: str, *, approved: bool) -> None:
    """Another person has compared it with the authority's paper. Raises :class:`SecondPersonRequired`,
    :class:`Conflict` while another filing is in force."""
    actor.require(Permission.OUTPATIENT_APPROVE)
    with context.work(actor, "outpatient.decide_kept", f"outpatient_kept:{filing_id}") as work:
        found = _kept(work, filing_id, "proposed")
        actor.require_other_than(found.proposed_by, "核对备案")
        state = "approved" if approved else "rejected"
        step = {"state": state, "decided_by": actor.actor_id, "decided_at": work.now}
        store.walk_kept(work.connection, work.institution_id, filing_id, **step)
        work.audit(detail={"filing": filing_id, "state": state})
    _tell_patients(context, actor)


def end_kept(context: Context, actor: Actor, filing_id: str) -> None:
    """The filing is no longer in force: nothing more is taken under it; what was taken stays its owners'."""
    actor.require(Permission.OUTPATIENT_APPROVE)
    with context.work(actor, "outpatient.end_kept", f"outpatient_kept:{filing_id}") as work:
        _kept(work, filing_id, "approved")
        step = {"state": "ended", "ended_by": actor.actor_id, "ended_at": work.now}
        store.walk_kept(work.connection, work.institution_id, filing_id, **step)
        work.audit(detail={"filing": filing_id})
    _tell_patients(context, actor)


def record_posting(context: Context, actor: Actor, filing_id: str, place: str, posted_on: date, proof: str) -> None:
    """The filing stands on the website, in the mini-program or on the screens, since when, with its proof."""
    actor.require(Permission.OUTPATIENT_FILE)
    if place not in PLACES or not proof.strip():
        words = f"请选公示的地方（{'、'.join(PLACES.values())}），并填网址或截图编号。"
        raise MalformedInput(words, code="missing_value", details={"field": "proof"})
    proof = required_ground(proof, "请填网址或截图编号。", "proof")
    with context.work(actor, "outpatient.post_kept", f"outpatient_kept:{filing_id}") as work:
        found = _kept(work, filing_id, "approved")
        require_past_day(posted_on, work.today, "posted_on")
        if posted_on < found.filed_on:
            words = f"公示日期早于备案日期 {found.filed_on}，请核对。"
            raise MalformedInput(words, details={"field": "posted_on"})
        values = {
            "institution_id": work.institution_id,
            "filing_id": filing_id,
            "place": place,
            "posted_on": posted_on,
            "proof": proof,
            "recorded_by": actor.actor_id,
            "recorded_at": work.now,
        }
        store.add_posting(work.connection, values)
        work.audit(detail={"place": place, "posted_on": posted_on.isoformat()})
    _tell_patients(context, actor)


def take_deposit(context: Context, actor: Actor, command: TakeDeposit) -> TakenDeposit:
    """Take a deposit that is kept (借 1001, 1002 or 1021 贷 23050102). A rule's "no" is the answer's ``decision``.

    Raises :class:`MalformedInput` for an amount that isn't above zero, an account number that is missing, or a number
    of a resident card that is mistyped: nobody's age is judged by it.
    """
    actor.require(Permission.OUTPATIENT_ACCEPT)
    if not command.amount or not command.account_no.strip():
        raise MalformedInput("请填账户号和大于零的金额。", code="missing_value", details={"field": "amount"})
    plain_line(command.holder_name, "holder_name", "姓名")
    refuse_formula(command.holder_name, "holder_name", "姓名")
    if command.holder_name.strip() and not names_somebody(command.holder_name):
        raise MalformedInput("姓名里没有文字。请照证件填写。", details={"field": "holder_name"})
    plain_line(command.consent, "consent", "知情同意书编号")
    _check_number(command.certno)
    payload = {**asdict(command), "amount": command.amount.fen}
    with context.work(actor, "outpatient.take", "outpatient_account") as work:
        known = work.known_answer(command.idempotency_key, payload)
        if known is not None:
            return TakenDeposit.of_json(known)
        filing = store.kept_in_force(work.connection, work.institution_id)
        readings = readings_within(work, "outpatient.gate")
        decision = take(_facts(work, command, filing, readings), work.rule_version)
        decision_id = work.keep_decision(decision, work.today, readings)
        answer = TakenDeposit(decision, decision_id, None, None)
        if decision.permitted and filing is not None:
            answer = _take(context, work, command, filing, answer)
        outcome = "done" if decision.permitted else "refused"
        detail = {"taken": answer.taken_id, "amount_fen": command.amount.fen}
        work.audit(outcome=outcome, decision_id=decision_id, entry_no=answer.entry_no, detail=detail)
        work.keep_answer(command.idempotency_key, payload, answer.to_json())
        return answer


def propose_other_kind(context: Context, actor: Actor, label: str, ground: str) -> str:
    """Propose a kind of money that is no outpatient deposit (9 is open), with the ground. Returns its id."""
    actor.require(Permission.OUTPATIENT_FILE)
    if not label.strip() or not ground.strip():
        raise MalformedInput("请填款项名称和依据。", code="missing_value", details={"field": "ground"})
    label, ground = plain_line(label, "label", "款项名称"), required_ground(ground, "请填依据。")
    with context.work(actor, "outpatient.propose_kind", "outpatient_other_kind") as work:
        kind_id = work.new_id()
        values = {
            "institution_id": work.institution_id,
            "kind_id": kind_id,
            "label": label,
            "ground": ground,
            "state": "proposed",
            "proposed_by": actor.actor_id,
            "proposed_at": work.now,
        }
        store.add_other_kind(work.connection, values)
        work.audit(detail={"kind": kind_id, "label": label})
        return kind_id


def decide_other_kind(context: Context, actor: Actor, kind_id: str, *, approved: bool) -> OtherKindRow:
    """Another person decides. Raises :class:`NotFound`, :class:`SecondPersonRequired`, :class:`Conflict`."""
    actor.require(Permission.OUTPATIENT_APPROVE)
    with context.work(actor, "outpatient.decide_kind", f"outpatient_other_kind:{kind_id}") as work:
        found = next(iter(store.other_kinds(work.connection, work.institution_id, kind_id)), None)
        if found is None:
            raise NotFound("没有这一种款项。请从列表里打开。")
        if found.state != "proposed":
            raise Conflict("这一种款项已经决定过。请刷新后再看；本次没有改动。")
        actor.require_other_than(found.proposed_by, "认定")
        state = "approved" if approved else "rejected"
        step = {"state": state, "decided_by": actor.actor_id, "decided_at": work.now}
        store.walk_other_kind(work.connection, work.institution_id, kind_id, **step)
        work.audit(detail={"kind": kind_id, "state": state})
        return store.other_kinds(work.connection, work.institution_id, kind_id)[0]


def _tell_patients(context: Context, actor: Actor) -> None:
    announce(context.settings.data_dir, actor.institution_id, "outpatient kept")


def _facts(work: UnitOfWork, command: TakeDeposit, filing: KeptRow | None, readings: dict[str, str]) -> GateFacts:
    kinds = [] if filing is None else filing.kinds
    chosen = next((kind for kind in kinds if kind["code"] == command.kind), None)
    posted = () if filing is None else store.postings(work.connection, work.institution_id, filing.filing_id)
    age = _age(command.certno, work.today)
    return GateFacts(
        kind=command.kind,
        kinds=tuple(str(kind["code"]) for kind in kinds),
        posted=tuple(one.place for one in posted if one.posted_on <= work.today),
        consent=bool(command.consent.strip()),
        amount_fen=command.amount.fen,
        age=age,
        least_age=int(readings["elderly_age"]) if chosen and chosen["for_elderly"] else None,
    )


def _check_number(certno: str) -> None:
    """Of what looks like a resident card's number only: other papers have numbers of every shape."""
    if not _RESIDENT.fullmatch("".join(certno.split())):
        return
    try:
        resident_id(certno)
    except WrongResidentId as error:
        raise MalformedInput(str(error), code=error.code, details={"field": "certno"}) from error


def _age(certno: str, today: date) -> int | None:
    """Full years by a valid card; ``None`` for any other paper."""
    if not is_resident_id(certno):
        return None
    born = born_on(certno)
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


def _take(
    context: Context, work: UnitOfWork, command: TakeDeposit, filing: KeptRow, answer: TakenDeposit
) -> TakenDeposit:
    account_no = plain_name(command.account_no)
    if accounts.find_account(work.connection, work.institution_id, account_no) is None:
        store.add_account(work.connection, _account(context, work, command))
        own = outpatient_account(account_no, is_deposit=True)
        open_account(work.connection, work.institution_id, own, name="门急诊预收款", opened_at=work.now, guarded=True)
    account = accounts.lock_account(work.connection, work.institution_id, account_no)
    work.about(f"outpatient_account:{account_no}")
    _require_same_person(context, command, account, work.institution_id)
    if not account.is_kept:
        # With what is more than three years old it would go to the treasury (8).
        raise Conflict("这是清退的旧账户，新收的钱不能存进去。请用新的账户号；本次没有入账。")
    if account.state != "open" or account.kind != "outpatient_deposit":
        raise Conflict("这个账户正在清退或已经办结，不能再存。请用新的账户号；本次没有入账。")
    taken_id = work.new_id()
    values = {
        "institution_id": work.institution_id,
        "taken_id": taken_id,
        "account_no": account_no,
        "amount_fen": command.amount.fen,
        "tender": command.tender.value,
        "kept_kind": command.kind,
        "filing_id": filing.filing_id,
        "consent": command.consent.strip(),
        "decision_id": answer.decision_id,
        "taken_by": work.act.actor.actor_id,
        "taken_at": work.now,
    }
    store.add_taken(work.connection, values)
    entry = JournalEntry(
        institution_id=work.institution_id,
        idempotency_key=f"outpatient_deposit:{taken_id}",
        kind="outpatient_deposit",
        summary="收备案保留的门诊预交金",
        source=f"outpatient_taken:{taken_id}",
        occurred_at=work.now,
        posted_at=work.now,
        effective_on=work.today,
        posted_by=work.act.actor.actor_id,
        postings=(
            Posting(command.tender.account_id, debit=command.amount),
            Posting(f"{OUTPATIENT_DEPOSITS}:{account_no}", credit=command.amount),
        ),
    )
    entry_no = work.ledger.post(entry)
    accounts.walk_account(work.connection, work.institution_id, account_no, last_movement_on=work.today)
    return TakenDeposit(answer.decision, answer.decision_id, taken_id, entry_no)


def _require_same_person(context: Context, command: TakeDeposit, account: AccountState, institution_id: str) -> None:
    """Raise :class:`Conflict` for an account that nothing shows to be this person's.

    Its name and the certificate number on record have to agree; without a number only an account that the gate itself
    opened in the same name with the same phone does. Whose a legacy account is otherwise, nobody can tell.
    """
    names = compared_name(account.holder_name), compared_name(command.holder_name)
    digests = context.keyed_hash.candidates
    number, phone = same_person_number(command.certno), phone_number(command.phone)
    certno = bool(number) and account.certno_hash in digests(number, institution=institution_id, field=CERTNO)
    if names[0] != names[1] or (number and account.certno_hash and not certno):
        raise Conflict("这个账户登记的是另一个人。请核对账户号，或用新的账户号；本次没有入账。")
    told = bool(phone) and account.phone_hash in digests(phone, institution=institution_id, field=PHONE)
    opened_alike = account.is_kept and not number and not account.certno_hash and told
    if not names_somebody(account.holder_name) or not (certno or opened_alike):
        raise Conflict(
            "这个账户没有登记证件号，或没有填证件号，认不出是不是同一个人。请照证件填写，或用新的账户号；本次没有入账。"
        )


def _account(context: Context, work: UnitOfWork, command: TakeDeposit) -> dict[str, Any]:
    own = work.institution_id
    certno, phone = same_person_number(command.certno), phone_number(command.phone)
    personal = json.dumps({"certno": command.certno, "phone": command.phone}, ensure_ascii=False)
    account_no = plain_name(command.account_no)
    return {
        "institution_id": own,
        "account_no": account_no,
        "kind": "outpatient_deposit",
        "holder_name": command.holder_name.strip(),
        "personal": context.cipher.encrypt(personal, institution=own, field=PERSONAL),
        "certno_hash": context.keyed_hash.digest(certno, institution=own, field=CERTNO) if certno else "",
        "phone_hash": context.keyed_hash.digest(phone, institution=own, field=PHONE) if phone else "",
        "reach": reach(command.holder_name, command.certno, command.phone).value,
        "channel": command.tender.value,
        "patient_no": "",
        "opening_fen": 0,
        "last_movement_on": work.today,
        "person_id": account_no,
        "state": "open",
    }


def _kept(work: UnitOfWork, filing_id: str, state: str) -> KeptRow:
    found = next(iter(store.kept(work.connection, work.institution_id, filing_id)), None)
    if found is None:
        raise NotFound("没有这份备案。请从列表里打开。")
    if found.state != state:
        raise Conflict("这份备案现在不能办这一步。请刷新后再看；本次没有改动。")
    return found


def _check_kept(command: ProposeKept) -> None:
    if not command.document.strip() or not command.authority.strip():
        raise MalformedInput("请填备案文号和备案部门。", code="missing_value", details={"field": "document"})
    plain_line(command.document, "document", "备案文号")
    plain_line(command.authority, "authority", "备案部门")
    for kind in command.kinds:
        plain_line(kind.label, "kinds", "情形名称")
    codes = [kind.code for kind in command.kinds]
    sound = all(_CODE.fullmatch(code) for code in codes) and all(kind.label.strip() for kind in command.kinds)
    if not 0 < len(codes) <= MOST_KINDS or len(set(codes)) != len(codes) or not sound:
        words = f"请写备案保留的情形，1 到 {MOST_KINDS} 种，不要重复。"
        raise MalformedInput(words, details={"field": "kinds"})
