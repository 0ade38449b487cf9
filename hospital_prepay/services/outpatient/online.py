"""A patient on-line: their own balance, and an application that the counter takes up (7).

Whoever asks tells what only the owner is likely to know together: the name, the whole certificate number, and the
phone or the card's number on record. Everything told must agree. "No such person", "wrong details" and "nothing left"
are one answer after the same look-ups; a balance shows only to who told everything, and only to the owner in person.
An application is no step of a claim: a member of staff accepts it by the same service as at the counter.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from hospital_prepay.crypto import FieldUnreadable, new_token
from hospital_prepay.domain.access import Actor
from hospital_prepay.domain.errors import Conflict, MalformedInput
from hospital_prepay.domain.rules.outpatient.claims import Claimant, Paper, Route, needed_papers
from hospital_prepay.domain.rules.outpatient.life import ClaimState
from hospital_prepay.domain.rules.outpatient.online import OnRecord, Told, is_owner, told_number
from hospital_prepay.domain.rules.outpatient.reach import phone_number
from hospital_prepay.persistence import outpatient_claims as accounts
from hospital_prepay.persistence import outpatient_public as store
from hospital_prepay.persistence.locks import lock_name
from hospital_prepay.persistence.outpatient_owners import changed_hands_at
from hospital_prepay.persistence.queries.outpatient_public import KnownAccount, known_accounts
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.services.context import Context
from hospital_prepay.services.outpatient.alarms import check_transfer, plain_card
from hospital_prepay.services.outpatient.attempts import may_try
from hospital_prepay.services.outpatient.claim_review import Owner, owner_on, ways_of
from hospital_prepay.services.outpatient.claims import require_right_number
from hospital_prepay.services.outpatient.grounds import plain_line
from hospital_prepay.services.outpatient.sealing import CERTNO, PHONE

PERSONAL: Final = "outpatient_request.personal"
_PAGE: Final = "outpatient_online.page"
_MOST: Final = 20
_LONGEST_KEY: Final = 120
HOLDS_FOR: Final = timedelta(minutes=15)
_OVER: Final = "这一页已经过期（15 分钟）。请重新查询；本次没有提交。"
_CORRECTED: Final = "查询以后，医院更正过这个账户登记的资料，这一页不能再用。请重新查询；本次没有提交。"


@dataclass(frozen=True, slots=True)
class Identity:
    """What somebody tells of the patient. One of ``phone`` and ``card`` is needed for a balance."""

    name: str
    certno: str
    phone: str = ""
    card: str = ""


@dataclass(frozen=True, slots=True)
class OwnDeposit:
    """A deposit as its owner sees it. ``waits`` says why nothing can be asked now; empty: it can."""

    place: int
    tail: str
    due_fen: int
    ways: tuple[tuple[Route, str], ...]
    waits: str
    told: str


@dataclass(frozen=True, slots=True)
class Looked:
    """The answer to :func:`look_up`: no ``deposits`` is every "no" alike. ``sealed`` holds what the next form needs,
    for a quarter of an hour and this browser only. ``allowed`` is off when it was tried too often; ``by_card`` where
    a card was told, so that the owner's other accounts aren't among them."""

    allowed: bool
    deposits: tuple[OwnDeposit, ...] = ()
    sealed: str = ""
    by_card: bool = False


@dataclass(frozen=True, slots=True)
class AskOwn:
    """What the owner asks: which deposit of the page, the way of payment, the own bank card where it needs one."""

    place: int
    route: Route
    phone: str = ""
    bank: str = ""
    card_no: str = ""
    card_lost: bool = False


@dataclass(frozen=True, slots=True)
class AskForAnother:
    """A proxy or an heir books a visit: who the patient is, who comes."""

    claimant: Claimant
    patient: Identity
    name: str
    certno: str
    phone: str
    idempotency_key: str
    card_lost: bool = False


@dataclass(frozen=True, slots=True)
class Booked:
    """An application that waits for the counter; ``papers`` are to be brought in original, none where nobody need
    come."""

    request_no: str
    papers: tuple[Paper, ...]

    def to_json(self) -> dict[str, Any]:
        """As stored for the next request with the same key."""
        return {"request_no": self.request_no, "papers": [paper.value for paper in self.papers]}

    @classmethod
    def of_json(cls, stored: dict[str, Any]) -> Booked:
        """The opposite of :meth:`to_json`."""
        return cls(stored["request_no"], tuple(Paper(one) for one in stored["papers"]))


def look_up(context: Context, actor: Actor, told: Identity, proof: str) -> Looked:
    """The deposits of whoever told everything that is on record; ``proof`` is that of the browser's form.

    Raises :class:`MalformedInput` when neither phone nor card was told, or a resident card's number was mistyped.
    """
    if not (phone_number(told.phone) or told.card.strip()) or not told.name.strip() or not told.certno.strip():
        words = "请填登记的手机号，或就诊卡号，两样填一样就行。"
        raise MalformedInput(words, code="missing_value", details={"field": "phone"})
    require_right_number(told.certno, "certno")
    if not may_try(context, actor, told.certno):
        return Looked(allowed=False)
    with context.work(actor, "outpatient.look_online", "outpatient_online") as work:
        found = _own_accounts(context, work, told)
        work.audit(outcome="done" if found else "refused", detail={"accounts": [one.account_no for one in found]})
        if not found:
            return Looked(allowed=True)
        deposits = tuple(_deposit(context, work, place, one) for place, one in enumerate(found))
        page = {
            "told": asdict(told),
            "accounts": [one.account_no for one in found],
            "proof": proof,
            "number": new_token(),
            "until": (work.now + HOLDS_FOR).isoformat(),
        }
    sealed = context.cipher.encrypt(
        json.dumps(page, ensure_ascii=False), institution=actor.institution_id, field=_PAGE
    )
    return Looked(True, deposits, sealed, bool(told.card.strip()))


def read_sealed(context: Context, actor: Actor, sealed: str, proof: str) -> dict[str, Any]:
    """What a page of :func:`look_up` holds.

    Raises :class:`MalformedInput` when it isn't this browser's or is over.
    """
    try:
        text = context.cipher.decrypt(sealed, institution=actor.institution_id, field=_PAGE)
    except FieldUnreadable as error:
        raise MalformedInput(_OVER, code="page_over") from error
    page: dict[str, Any] = json.loads(text)
    if page["proof"] != proof or datetime.fromisoformat(page["until"]) < context.clock.now():
        raise MalformedInput(_OVER, code="page_over")
    return page


def shown_again(context: Context, actor: Actor, sealed: str, proof: str) -> Looked:
    """The deposits of a page once more, for a form with something to mend."""
    page = read_sealed(context, actor, sealed, proof)
    told = Identity(**page["told"])
    with context.work(actor, "outpatient.look_online", "outpatient_online") as work:
        found = [one for one in _own_accounts(context, work, told) if one.account_no in page["accounts"]]
        work.audit(detail={"accounts": [one.account_no for one in found]})
        deposits = tuple(_deposit(context, work, page["accounts"].index(one.account_no), one) for one in found)
    return Looked(True, deposits, sealed, bool(told.card.strip()))


def ask_own(context: Context, actor: Actor, sealed: str, proof: str, command: AskOwn) -> Booked:
    """The owner applies for one of their deposits. The same page sent twice books once.

    Raises :class:`MalformedInput` for a page that is over or whose account was corrected since, a deposit that isn't
    on it, or a way that isn't open;
    :class:`Conflict` while another application or claim is under way, or when nothing is left.
    """
    page = read_sealed(context, actor, sealed, proof)
    if not 0 <= command.place < len(page["accounts"]):
        raise MalformedInput("请从列出的账户里选一个。", details={"field": "place"})
    account_no = page["accounts"][command.place]
    payload = {**asdict(command), "number": page["number"]}
    with context.work(actor, "outpatient.ask_online", f"outpatient_account:{account_no}") as work:
        # The number before the account, as for somebody else's visit, which must tell nothing of an account.
        lock_name(work.connection, f"outpatient_request_no:{work.institution_id}")
        accounts.lock_account(work.connection, work.institution_id, account_no)
        key = f"online:{page['number']}:{command.place}"
        known = work.known_answer(key, payload)
        if known is not None:
            return Booked.of_json(known)
        told = Identity(**page["told"])
        # The holder may have been corrected since the page was shown; no correction is agreed to under this lock.
        if account_no not in {one.account_no for one in _told_accounts(context, work, told)}:
            raise MalformedInput(_CORRECTED, code="page_over")
        owner = owner_on(context, actor, work.connection, account_no)
        _check(context, work, owner, command)
        personal = {
            "patient_name": told.name.strip(),
            "patient_certno": told.certno.strip(),
            "patient_phone": told.phone.strip(),
            "patient_card": told.card.strip(),
            "claimant_name": told.name.strip(),
            "certno": told.certno.strip(),
            "phone": (command.phone or told.phone).strip(),
            "bank": command.bank.strip() if command.route is Route.BANK else "",
            "card_no": plain_card(command.card_no) if command.route is Route.BANK else "",
        }
        at_window = command.route is Route.CASH or command.card_lost
        papers = needed_papers(Claimant.SELF, card_lost=command.card_lost) if at_window else ()
        booked = _book(context, work, account_no, Claimant.SELF, command.route, command.card_lost, personal, papers)
        work.keep_answer(key, payload, booked.to_json())
        return booked


def ask_for_another(context: Context, actor: Actor, command: AskForAnother) -> Booked | None:
    """A proxy or heir books a visit with the originals; ``None`` when it was tried too often.

    The answer is the same whether the patient has an account or not; nothing of one is told. Raises
    :class:`MalformedInput` for a part that is missing.
    """
    if command.claimant is Claimant.SELF:
        raise MalformedInput("请选代办或继承。", details={"field": "claimant"})
    if not (command.patient.name.strip() and command.name.strip() and command.certno.strip()):
        raise MalformedInput("请填患者和来办的人。", code="missing_value", details={"field": "name"})
    plain_line(command.patient.name, "patient_name", "患者姓名")
    plain_line(command.name, "name", "姓名")
    require_right_number(command.certno, "certno")
    require_right_number(command.patient.certno, "patient_certno")
    if not may_try(context, actor, command.patient.certno or command.certno, books=True):
        return None
    payload = asdict(command)
    with context.work(actor, "outpatient.ask_online", "outpatient_online") as work:
        key = f"online:{command.idempotency_key}"
        if len(key) > _LONGEST_KEY:
            raise MalformedInput("提交编号太长。请刷新页面后再提交。", details={"field": "idempotency_key"})
        lock_name(work.connection, f"outpatient_online:{work.institution_id}:{key}")
        known = work.known_answer(key, payload)
        if known is not None:
            return Booked.of_json(known)
        found = _own_accounts(context, work, command.patient)
        patient = command.patient
        personal = {
            **{f"patient_{name}": getattr(patient, name).strip() for name in ("name", "certno", "phone", "card")},
            "claimant_name": command.name.strip(),
            "certno": command.certno.strip(),
            "phone": command.phone.strip(),
            "bank": "",
            "card_no": "",
        }
        account_no = found[0].account_no if found else None
        papers = needed_papers(command.claimant, card_lost=command.card_lost)
        booked = _book(context, work, account_no, command.claimant, Route.CASH, command.card_lost, personal, papers)
        work.keep_answer(key, payload, booked.to_json())
        return booked


def _own_accounts(context: Context, work: UnitOfWork, told: Identity) -> list[KnownAccount]:
    """Deposits with something left whose record agrees with everything told. The look-ups are the same for all."""
    return [one for one in _told_accounts(context, work, told) if one.due_fen]


def _told_accounts(context: Context, work: UnitOfWork, told: Identity) -> list[KnownAccount]:
    """Those, and the ones with nothing left."""
    hashed, phone, own = context.keyed_hash, phone_number(told.phone), work.institution_id
    certnos = hashed.candidates(told_number(told.certno), institution=own, field=CERTNO)
    phones = hashed.candidates(phone or told.phone, institution=own, field=PHONE)
    said = Told(told.name, phones if told.phone.strip() else (), told.card)
    known = known_accounts(work.connection, own, certnos, _MOST)
    agreed = [
        is_owner(OnRecord(one.holder_name, one.phone_hash, one.patient_no, one.account_no), said) for one in known
    ]
    return [one for one, agrees in zip(known, agreed, strict=True) if agrees]


def _deposit(context: Context, work: UnitOfWork, place: int, known: KnownAccount) -> OwnDeposit:
    owner = owner_on(context, work.act.actor, work.connection, known.account_no)
    waiting, told = _under_way(work, owner)
    return OwnDeposit(
        place, known.account_no[-4:], owner.due_fen, ways_of(context, owner, Claimant.SELF), waiting, told
    )


def _under_way(work: UnitOfWork, owner: Owner) -> tuple[str, str]:
    """Why nothing can be asked now, and what the counter said the last time."""
    came_back = _came_back(owner)
    if owner.open_claim is not None and not came_back:
        return f"退款单 {owner.open_claim.refund_no}：{ClaimState(owner.open_claim.state).label}。", ""
    own = (work.connection, work.institution_id, owner.account.account_no)
    # What somebody else asked while the account stood in their name isn't shown to whose it is now.
    latest = store.latest_own_request(*own, changed_hands_at(*own))
    if latest is None:
        return "", came_back
    if latest.state == "asked":
        return f"网上申请 {latest.request_no} 已收到，等医院受理。", ""
    if latest.state == "declined":
        return "", f"上次的申请 {latest.request_no} 没有受理：{latest.ground}"
    return "", came_back


def _came_back(owner: Owner) -> str:
    """Words on what the bank sent back after the treasury gave it, empty where nothing waits: who it is owed to asks
    anew, and the counter lets them take that refund over."""
    found = owner.open_claim
    if found is None or not owner.owed_fen or found.state != ClaimState.FAILED:
        return ""
    return f"退款单 {found.refund_no} 被银行退了回来，钱在医院，可以再申请；金额和退款单号不变。"


def _check(context: Context, work: UnitOfWork, owner: Owner, command: AskOwn) -> None:
    waiting, _ = _under_way(work, owner)
    if waiting:
        raise Conflict(f"{waiting}不用再交。")
    if not owner.due_fen or not owner.account.is_open:
        raise Conflict("这个账户现在没有可以退的余额。如有疑问，请带证件到窗口核对。")
    closed = {way: why for way, why in ways_of(context, owner, Claimant.SELF) if why}
    if command.route in closed:
        raise MalformedInput(f"{closed[command.route]}。请选别的方式。", details={"field": "route"})
    if command.route is Route.BANK:
        check_transfer(command.bank, command.card_no)


def _book(
    context: Context,
    work: UnitOfWork,
    account_no: str | None,
    claimant: Claimant,
    route: Route,
    card_lost: bool,
    personal: dict[str, str],
    papers: tuple[Paper, ...],
) -> Booked:
    lock_name(work.connection, f"outpatient_request_no:{work.institution_id}")
    request_no = store.next_request_no(work.connection, work.institution_id, work.today)
    text = json.dumps(personal, ensure_ascii=False)
    values = {
        "institution_id": work.institution_id,
        "request_id": work.new_id(),
        "request_no": request_no,
        "account_no": account_no,
        "claimant": claimant.value,
        "card_lost": card_lost,
        "route": route.value,
        "personal": context.cipher.encrypt(text, institution=work.institution_id, field=PERSONAL),
        "state": "asked",
        "asked_at": work.now,
    }
    store.add_request(work.connection, values)
    work.audit(detail={"request_no": request_no, "claimant": claimant.value, "route": route.value})
    return Booked(request_no, papers)
