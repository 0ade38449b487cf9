"""What a settlement left because nobody was there to take it: listed, and given to whoever comes with a paper.

Who is told to be the patient by the number on record gets it at once; of an heir, or where no number is on record,
another person looks at the papers and gives it out.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Final

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import Conflict, MalformedInput
from hospital_prepay.domain.identity import is_resident_id
from hospital_prepay.domain.ledger.chart import Tender
from hospital_prepay.domain.rules.settlement.refunds import Claimant, needs_second
from hospital_prepay.domain.rules.settlement.settling import GoesBack
from hospital_prepay.domain.visits import Disposition
from hospital_prepay.persistence import discharges, settlements, stays
from hospital_prepay.persistence import receipts as books
from hospital_prepay.persistence import unclaimed as store
from hospital_prepay.persistence.unclaimed import Unclaimed
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.services.context import Context
from hospital_prepay.services.outpatient.alarms import check_transfer, holds_staff_card
from hospital_prepay.services.settlement.arrivals import BankAccount, count_as_settled
from hospital_prepay.services.settlement.slips import Signed, give_back

PAPERS: Final = ("居民身份证", "户口簿", "死亡证明和亲属关系证明", "公证书或法院文书", "其他证件")
CLAIMANT: Final = "unclaimed_claimant"
OWN_CERTIFICATE: Final = PAPERS[0]


@dataclass(frozen=True, slots=True)
class Papers:
    """Who came, and by what paper."""

    name: str
    paper_kind: str
    paper_no: str


@dataclass(frozen=True, slots=True)
class Claim:
    """Somebody comes for what was left of a stay; in cash, or to their bank account."""

    stay_no: str
    claimant: Claimant
    relation: str
    papers: Papers
    tender: Tender
    idempotency_key: str
    account: BankAccount | None = None


def waiting_claims(context: Context, actor: Actor) -> list[Unclaimed]:
    """What waits to be fetched, the oldest first. Needs ``settlement.view``."""
    actor.require(Permission.SETTLEMENT_VIEW)
    with context.database.reading() as connection:
        return store.waiting(connection, actor.institution_id)


def claim(context: Context, actor: Actor, command: Claim) -> str | None:
    """Give what was left to the patient, and return the slip's number; of an heir note who came, for another person
    to confirm, and return nothing. Needs ``settlement.settle``.

    Raises :class:`~hospital_prepay.domain.errors.NotFound` where nothing waits, :class:`MalformedInput` for papers
    that are missing or not the patient's, :class:`Conflict` when somebody asked already.
    """
    actor.require(Permission.SETTLEMENT_SETTLE)
    _check(command)
    with context.work(actor, "settlement.claim_left", command.stay_no) as work:
        stays.lock_stay(work.connection, work.institution_id, command.stay_no)
        payload = asdict(command)
        known = work.known_answer(command.idempotency_key, payload)
        if known is not None:
            return str(known["slip"]) if known["slip"] else None
        one = store.find_open(work.connection, work.institution_id, command.stay_no)
        if one.state != "waiting":
            raise Conflict("已经有人登记领取，在等另一个人确认。请刷新。")
        _check_patient(context, work, command)
        values = {
            "state": "asked",
            "claimant": command.claimant.value,
            "relation": command.relation.strip(),
            "claimant_enc": _sealed(context, work, command),
            "tender": command.tender.value,
            "asked_by": actor.actor_id,
            "asked_at": work.now,
        }
        store.change(work.connection, work.institution_id, one, values)
        work.audit(detail={"claimant": command.claimant.value, "amount_fen": one.held_fen})
        own = settlements.certificate_hash_of(work.connection, work.institution_id, command.stay_no)
        # Who can't be told by the number on record is looked at by a second person, as an heir is.
        alone = own is not None and not needs_second(command.claimant)
        number = _pay(work, command.stay_no) if alone else None
        work.keep_answer(command.idempotency_key, payload, {"slip": number})
        return number


def decide_claim(
    context: Context, actor: Actor, stay_no: str, turn_no: int, *, approve: bool, ground: str = ""
) -> str | None:
    """Give what was left to an heir whose papers another person took, and return the slip's number; or turn them away
    with a ground. Needs ``settlement.manage``.

    Raises :class:`~hospital_prepay.domain.errors.SecondPersonRequired`, and :class:`Conflict` when it was decided.
    """
    actor.require(Permission.SETTLEMENT_MANAGE)
    if not approve and not ground.strip():
        raise MalformedInput("请写明为什么不同意。", code="missing_value", details={"field": "ground"})
    action = "settlement.pay_left" if approve else "settlement.refuse_left"
    with context.work(actor, action, stay_no) as work:
        stays.lock_stay(work.connection, work.institution_id, stay_no)
        one = store.find_open(work.connection, work.institution_id, stay_no)
        if one.state != "asked" or one.turn_no != turn_no or one.asked_by is None:
            raise Conflict("没有等您确认的领取，或者已经有人办理过。请刷新。")
        actor.require_other_than(one.asked_by, "确认领取")
        if approve:
            return _pay(work, stay_no)
        end(work, one, ground.strip())
        store.note(work.connection, work.institution_id, stay_no, actor.actor_id, work.now)
        work.audit(detail={"ground": ground.strip()})
        return None


def papers_to_compare(context: Context, actor: Actor, stay_no: str) -> tuple[Papers, BankAccount | None] | None:
    """Name, number and account of who came, whole, for the person who has to compare them with the papers; the audit
    trail knows of it. ``None`` where nothing waits for this person. Needs ``settlement.manage``."""
    actor.require(Permission.SETTLEMENT_MANAGE)
    with context.work(actor, "settlement.see_claimant", stay_no) as work:
        stays.lock_stay(work.connection, work.institution_id, stay_no)
        one = store.find_open(work.connection, work.institution_id, stay_no)
        if one.state != "asked" or one.asked_by == actor.actor_id or one.claimant_enc is None:
            return None
        work.audit(detail={"turn": one.turn_no})
        return papers_of(context, work.institution_id, one.claimant_enc)


def end(work: UnitOfWork, one: Unclaimed, ground: str) -> None:
    """It waits no longer in this turn, for a reason."""
    values = {"state": "ended", "decided_by": work.act.actor.actor_id, "decided_at": work.now, "ground": ground}
    store.change(work.connection, work.institution_id, one, values)


def papers_of(context: Context, institution_id: str, sealed: str) -> tuple[Papers, BankAccount | None]:
    """Who came by what paper, and to which account it goes."""
    said = json.loads(context.cipher.decrypt(sealed, institution=institution_id, field=CLAIMANT))
    account = said.pop("account")
    return Papers(**said), account and BankAccount(**account)


def _pay(work: UnitOfWork, stay_no: str) -> str:
    """All that lies there, on a slip in the book of who took the papers."""
    one = store.find_open(work.connection, work.institution_id, stay_no)
    assert one.tender is not None
    assert one.asked_by is not None
    actor_id = work.act.actor.actor_id
    signed = None
    if actor_id != one.asked_by:
        signed = Signed(one.asked_by, actor_id, f"退结算后待领的预交金，{one.relation}领")
    back = GoesBack(one.tender, "", one.held_fen)
    number = give_back(work, stay_no, back, f"left:{stay_no}:{one.turn_no}", signed)
    book, serial = books.split_number(number)
    values: dict[str, Any] = {"state": "paid", "decided_by": actor_id, "decided_at": work.now}
    store.change(work.connection, work.institution_id, one, {**values, "book": book, "serial": serial})
    count_as_settled(work, stay_no)
    return number


def _check(command: Claim) -> None:
    said = {
        "relation": (command.relation, "请写与患者的关系。"),
        "name": (command.papers.name, "请填领款人姓名。"),
        "paper_no": (command.papers.paper_no, "请填证件号码。"),
    }
    missing = {field: words for field, (text, words) in said.items() if not text.strip()}
    if missing:
        first = next(iter(missing))
        raise MalformedInput(
            "".join(missing.values()), code="missing_value", details={"field": first, "fields": missing}
        )
    if command.papers.paper_kind not in PAPERS:
        raise MalformedInput("请选凭什么证件领。", code="missing_value", details={"field": "paper_kind"})
    if command.papers.paper_kind == OWN_CERTIFICATE and not is_resident_id(command.papers.paper_no.strip()):
        words = "身份证号不对：应是 18 位，最后一位是校验码。请核对。"
        raise MalformedInput(words, details={"field": "paper_no"})
    if command.tender not in (Tender.CASH, Tender.TRANSFER):
        raise MalformedInput("请选现金或转账。", code="missing_value", details={"field": "tender"})
    if command.tender is Tender.TRANSFER:
        account = command.account or BankAccount("", "")
        check_transfer(account.bank, account.card_no)


def _check_patient(context: Context, work: UnitOfWork, command: Claim) -> None:
    if command.account is not None and holds_staff_card(context, work, command.account.card_no):
        raise MalformedInput("这是本院职工的银行卡，不能退到这里。请核对卡号。", details={"field": "card_no"})
    if command.claimant is not Claimant.PATIENT:
        return
    rows = discharges.of_stay(work.connection, work.institution_id, command.stay_no)
    if any(row.ended_at is None and row.disposition == Disposition.DIED for row in rows):
        raise MalformedInput("登记的是死亡，请由继承人或家属领。", details={"field": "claimant"})
    state = stays.read_stay(work.connection, work.institution_id, command.stay_no)
    if command.papers.name.strip() != state.patient_name:
        words = "姓名和住院登记的不一样。请核对证件；别人代领的，按家属登记。"
        raise MalformedInput(words, details={"field": "name"})
    own = settlements.certificate_hash_of(work.connection, work.institution_id, command.stay_no)
    if own is None:
        return
    if command.papers.paper_kind != OWN_CERTIFICATE:
        words = "住院登记了居民身份证号，请凭身份证领；没带的，按家属登记，由另一个人确认。"
        raise MalformedInput(words, details={"field": "paper_kind"})
    number = command.papers.paper_no.strip().upper()
    if own not in context.keyed_hash.candidates(number, institution=work.institution_id, field="certificate"):
        raise MalformedInput(
            "证件号和住院登记的不一样。请核对证件；别人代领的，按家属登记。", details={"field": "paper_no"}
        )


def _sealed(context: Context, work: UnitOfWork, command: Claim) -> str:
    said = {name: text.strip() for name, text in asdict(command.papers).items()}
    account = asdict(command.account) if command.account and command.tender is Tender.TRANSFER else None
    text = json.dumps({**said, "account": account}, ensure_ascii=False)
    return context.cipher.encrypt(text, institution=work.institution_id, field=CLAIMANT)
