"""What stands wrong of an account's holder (姓名、证件号、手机号): asked with its proof, decided by another person.

Claims compare the name and the numbers on record, so that a slip of a legacy register would keep its owner from the
money. What stood before stays with the correction, and claims keep what they were accepted with. Nothing is corrected
while a refund of the account is under way.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any, Final

from hospital_prepay.clock import local
from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import Conflict, MalformedInput, NotFound, PrepayError, SecondPersonRequired
from hospital_prepay.domain.identity import check_certificate, same_person_number
from hospital_prepay.domain.masking import mask_within
from hospital_prepay.domain.plain_text import LONGEST_NAME, check_text
from hospital_prepay.domain.rules.outpatient.alarms import OWNER_DAYS
from hospital_prepay.domain.rules.outpatient.life import ClaimState
from hospital_prepay.domain.rules.outpatient.online import names_somebody, plain_name
from hospital_prepay.domain.rules.outpatient.reach import phone_number, reach
from hospital_prepay.persistence import outpatient_claims as claims
from hospital_prepay.persistence import outpatient_owners as store
from hospital_prepay.persistence import outpatient_public as requests
from hospital_prepay.persistence.database import Connection
from hospital_prepay.persistence.locks import lock_name
from hospital_prepay.persistence.outpatient_claims import AccountState, ClaimRow
from hospital_prepay.persistence.outpatient_owners import FIELD_LABELS, OwnerChangeRow, fields_of
from hospital_prepay.persistence.queries.outpatient_record import looked_at
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.services.context import Context
from hospital_prepay.services.outpatient.grounds import refuse_formula, required_ground, required_line
from hospital_prepay.services.outpatient.sealing import CERTNO, PERSONAL, PHONE

PAPER: Final = "outpatient_owner_change.paper"
NO_ANSWER: Final = "请写明为什么退回，申请的人要看。"
_LONGEST_NUMBER: Final = 40
_LONGEST_PAPER: Final = 80
_NUMBER_IN_GROUND: Final = (
    "依据里不要写证件号、手机号和银行卡号：看的人都能看到。请删掉号码，只写错在哪里、凭什么改。"
)
_CLAIMED: Final = "这个账户有退款 {} 在办，姓名和号码现在不能改。请先办完或撤回那一笔；本次没有改动。"
_NOT_BOOKED: Final = "这个账户的期初余额还没有入账，清查导入确认入账之后才能更正；本次没有改动。"


@dataclass(frozen=True, slots=True)
class AskOwnerChange:
    """What should stand on record, each empty where nothing is to change, and what proves it: a ground in words and
    the paper's number."""

    account_no: str
    name: str
    certno: str
    phone: str
    ground: str
    paper: str
    idempotency_key: str


def ask_owner_change(context: Context, actor: Actor, command: AskOwnerChange) -> int:
    """Ask that a holder be corrected; nothing on record changes yet. Returns the correction's number.

    Raises :class:`MalformedInput` without ground, paper or change, or for a number that can't be one;
    :class:`Conflict` for an account that is claimed, isn't in the books, or has a correction under way.
    """
    actor.require(Permission.OUTPATIENT_IMPORT)
    _check(command)
    with context.work(actor, "outpatient.ask_owner", "outpatient_account") as work:
        account = claims.lock_account(work.connection, work.institution_id, command.account_no)
        work.about(f"outpatient_account:{account.account_no}")
        payload = asdict(command)
        known = work.known_answer(command.idempotency_key, payload)
        if known is not None:
            return int(known["change_no"])
        _require_free(work, account)
        values = _values(context, work, account, command)
        fields = _changed(values)
        if not fields:
            raise MalformedInput("和登记的一样，不用更正。只填要改的那一项。", details={"field": "name"})
        lock_name(work.connection, f"outpatient_owner_change:{work.institution_id}")
        change_no = store.next_change_no(work.connection, work.institution_id)
        store.add_change(work.connection, {**values, "change_no": change_no})
        # What is personal stays with the correction: here stands what of the holder it is about, and no more.
        work.audit(detail={"change_no": change_no, "fields": fields})
        work.keep_answer(command.idempotency_key, payload, {"change_no": change_no})
        return change_no


def approve_owner_change(context: Context, actor: Actor, change_no: int) -> OwnerChangeRow:
    """Another person agrees, who had it shown in full, and it stands on record at once. Raises
    :class:`SecondPersonRequired`, :class:`NotFound`, :class:`Conflict` when it was decided or they didn't look at it,
    or a refund of the account is under way or asked on-line."""
    actor.require(Permission.OUTPATIENT_CONFIRM)
    with context.work(actor, "outpatient.approve_owner", f"outpatient_owner_change:{change_no}") as work:
        account, found = _locked(work, change_no)
        actor.require_other_than(found.asked_by, "批准更正")
        _require_free(work, account)
        _require_nobody_waits(work, account.account_no)
        if not looked_at(work.connection, work.institution_id, actor.actor_id, change_no):
            words = "您还没有看过完整的姓名和号码。请先显示完整信息，与证明材料逐字核对，再批准；本次没有改动。"
            raise Conflict(words)
        _decide(work, change_no, state="approved")
        work.audit(detail={"account": account.account_no, "fields": fields_of(found)})
        return found


def reject_owner_change(context: Context, actor: Actor, change_no: int, ground: str) -> None:
    """Another person turns it down and says why; what is on record stays. Raises as :func:`approve_owner_change`."""
    actor.require(Permission.OUTPATIENT_CONFIRM)
    answer = required_ground(ground, NO_ANSWER, "answer")
    with context.work(actor, "outpatient.reject_owner", f"outpatient_owner_change:{change_no}") as work:
        account, found = _locked(work, change_no)
        actor.require_other_than(found.asked_by, "退回更正")
        _decide(work, change_no, state="rejected", answer=answer)
        work.audit(detail={"account": account.account_no, "fields": fields_of(found)})


def corrected_before(connection: Connection, institution_id: str, claim: ClaimRow, names: Mapping[str, str]) -> str:
    """What of the holder was corrected before a claim came, and by whom, in words; empty where nothing was. Of a
    phone in the thirty days before the claim's own day, so that waiting doesn't clear it; of a name or a certificate
    number whenever it was."""
    found = _before(connection, institution_id, claim)
    if not found:
        return ""
    last, what = found[0], {field for one in found for field in fields_of(one)}
    assert last.decided_at is not None, "it was agreed to"
    fields = "、".join(label for field, label in FIELD_LABELS.items() if field in what)
    asked, decided = names.get(last.asked_by, last.asked_by), names.get(last.decided_by or "", last.decided_by)
    day = f"{local(last.decided_at):%Y-%m-%d}"
    return f"账户的{fields} {day} 更正过（{asked}申请，{decided}批准），请核对来办的人和当时的证明材料"


def correctors(connection: Connection, institution_id: str, claim: ClaimRow) -> frozenset[str]:
    """Who asked for or agreed to a correction of the holder, as :func:`corrected_before` counts them, and so may
    neither review nor confirm the claim."""
    found = _before(connection, institution_id, claim)
    return frozenset(who for one in found for who in (one.asked_by, one.decided_by) if who)


def refuse_corrector(work: UnitOfWork, actor: Actor, claim: ClaimRow, words: str = "") -> None:
    """Raise :class:`SecondPersonRequired` for one of :func:`correctors`: nobody makes an account somebody's and then
    lets it be paid. ``words`` say what the step is and who may take it, where it is neither of the usual two."""
    if actor.actor_id in correctors(work.connection, work.institution_id, claim):
        words = words or "它的退款要由另外的人审核、确认。"
        raise SecondPersonRequired(
            f"您申请或批准过这个账户的更正（姓名、证件号不论多久，手机号 {OWNER_DAYS} 天内），{words}本次尝试已记录。"
        )


def is_anothers(work: UnitOfWork, account: AccountState, claim: ClaimRow) -> bool:
    """Whether the account is another person's since a claim was accepted. Who has the same certificate number is the
    same person, whatever letter of the name was mended; without a number the names tell."""
    then = store.account_at(work.connection, work.institution_id, account, claim.accepted_at)
    if then.certno_hash:
        return then.certno_hash != account.certno_hash
    return plain_name(then.holder_name) != plain_name(account.holder_name)


def refuse_anothers(work: UnitOfWork, account: AccountState, claim: ClaimRow) -> None:
    """Raise :class:`Conflict` for a refund that came back and would go again as it was accepted, though the holder's
    name or number was corrected since: whoever has the account now shows who they are."""
    then = store.account_at(work.connection, work.institution_id, account, claim.accepted_at)
    if then.holder_name != account.holder_name or is_anothers(work, account, claim):
        words = (
            f"{claim.refund_no}：账户的姓名或证件号在受理以后更正过，不能按原来的人付。请撤回这一笔，由现在登记的人"
            "重新受理；银行退回后欠患者的，在账户页直接重新受理。本次没有付。"
        )
        raise Conflict(words)


def _before(connection: Connection, institution_id: str, claim: ClaimRow) -> list[OwnerChangeRow]:
    since = claim.accepted_at - timedelta(days=OWNER_DAYS)
    return store.approved_before(connection, institution_id, claim.account_no, since)


def _check(command: AskOwnerChange) -> None:
    ground = required_ground(command.ground, "请写明错在哪里，凭什么改。")
    if mask_within(ground) != ground:
        raise MalformedInput(_NUMBER_IN_GROUND, code="number_in_ground", details={"field": "ground"})
    if not (command.name.strip() or command.certno.strip() or command.phone.strip()):
        words = "请填要改的那一项：正确的姓名、证件号或手机号。"
        raise MalformedInput(words, code="missing_value", details={"field": "name"})
    required_line(command.paper, "请填证明材料的名称和编号。", "paper", "证明材料", _LONGEST_PAPER)
    limits = (
        ("name", "姓名", command.name, LONGEST_NAME),
        ("certno", "证件号", command.certno, _LONGEST_NUMBER),
        ("phone", "手机号", command.phone, _LONGEST_NUMBER),
    )
    refuse_formula(command.name, "name", "姓名")
    if command.name.strip() and command.name.isprintable() and not names_somebody(command.name):
        raise MalformedInput("姓名里没有文字。请照证件填写。", details={"field": "name"})
    for field, label, text, longest in limits:
        try:
            check_text(text.strip(), longest)
            _check_number(field, text)
        except PrepayError as error:
            words = (
                error.message if field in ("certno", "phone") and text.isprintable() else f"{label}{error.message}"
            )
            raise MalformedInput(words, code=error.reason, details={"field": field}) from error


def _check_number(field: str, text: str) -> None:
    if field == "certno":
        check_certificate(text)
    if field == "phone" and text.strip() and not phone_number(text):
        raise MalformedInput("手机号应为 11 位，固定电话要带区号。请核对。")


def _require_free(work: UnitOfWork, account: AccountState) -> None:
    """Raise :class:`Conflict` while a refund is under way, or before the account is in the books."""
    if not account.is_open:
        raise Conflict(_NOT_BOOKED)
    if found := _open_refund(work.connection, work.institution_id, account.account_no):
        raise Conflict(_CLAIMED.format(found))


def _open_refund(connection: Connection, institution_id: str, account_no: str) -> str:
    found = claims.claims_of_account(connection, institution_id, account_no)
    return next((one.refund_no for one in found if ClaimState(one.state).is_open), "")


def why_not_now(context: Context, actor: Actor, account_no: str) -> str:
    """Why the account's holder can't be corrected now, in words; empty where it can. Needs ``outpatient.import``."""
    actor.require(Permission.OUTPATIENT_IMPORT)
    with context.database.reading() as connection:
        found = _open_refund(connection, actor.institution_id, account_no)
    return f"这个账户有退款 {found} 在办，姓名和号码现在不能改。请先办完或撤回那一笔。" if found else ""


def _require_nobody_waits(work: UnitOfWork, account_no: str) -> None:
    """Raise :class:`Conflict` while somebody who applied on-line waits: they asked as whom the account names now."""
    if found := requests.waiting_request_no(work.connection, work.institution_id, account_no):
        words = f"这个账户有一份网上申请 {found} 在等受理。请先受理它，或写明原因不受理，再批准更正；本次没有改动。"
        raise Conflict(words)


def _values(context: Context, work: UnitOfWork, account: AccountState, command: AskOwnerChange) -> dict[str, Any]:
    """The row: the holder as the census would have written it, had it stood right. What doesn't change keeps its very
    text: its hash may be of an older key."""
    own = work.institution_id
    kept = numbers(context, own, account.personal)
    name = command.name.strip() or account.holder_name
    certno, phone = command.certno.strip() or kept["certno"], command.phone.strip() or kept["phone"]
    new_certno = same_person_number(certno) != same_person_number(kept["certno"])
    new_phone = phone_number(phone) != phone_number(kept["phone"])
    now = {"certno": certno if new_certno else kept["certno"], "phone": phone if new_phone else kept["phone"]}
    digest = context.keyed_hash.digest
    sealed = context.cipher.encrypt(json.dumps(now, ensure_ascii=False), institution=own, field=PERSONAL)
    return {
        "institution_id": own,
        "account_no": account.account_no,
        "old_name": account.holder_name,
        "new_name": name,
        "old_personal": account.personal,
        "new_personal": sealed if new_certno or new_phone else account.personal,
        "old_certno_hash": account.certno_hash,
        "new_certno_hash": (
            digest(same_person_number(certno), institution=own, field=CERTNO) if new_certno else account.certno_hash
        ),
        "old_phone_hash": account.phone_hash,
        "new_phone_hash": (
            digest(phone_number(phone), institution=own, field=PHONE) if new_phone else account.phone_hash
        ),
        "old_reach": account.reach,
        "new_reach": reach(name, now["certno"], now["phone"]).value,
        "ground": command.ground.strip(),
        "paper": context.cipher.encrypt(command.paper.strip(), institution=own, field=PAPER),
        "state": "asked",
        "asked_by": work.act.actor.actor_id,
        "asked_at": work.now,
    }


def numbers(context: Context, institution_id: str, personal: str) -> dict[str, str]:
    """Certificate number and phone of an encrypted text, each empty where there is none."""
    if not personal:
        return {"certno": "", "phone": ""}
    kept = json.loads(context.cipher.decrypt(personal, institution=institution_id, field=PERSONAL))
    return {"certno": kept.get("certno", ""), "phone": kept.get("phone", "")}


def _changed(values: Mapping[str, Any]) -> list[str]:
    columns = {"name": "name", "certno": "certno_hash", "phone": "phone_hash"}
    return [field for field in FIELD_LABELS if values[f"old_{columns[field]}"] != values[f"new_{columns[field]}"]]


def _locked(work: UnitOfWork, change_no: int) -> tuple[AccountState, OwnerChangeRow]:
    seen = store.find_change(work.connection, work.institution_id, change_no)
    if seen is None:
        raise NotFound("没有这项更正。请从身份更正列表里打开。")
    account = claims.lock_account(work.connection, work.institution_id, seen.account_no)
    found = store.find_change(work.connection, work.institution_id, change_no)
    if found is None or found.state != "asked":
        raise Conflict("这项更正已经决定过。请刷新后再看；本次没有改动。")
    return account, found


def _decide(work: UnitOfWork, change_no: int, **step: Any) -> None:
    by = {"decided_by": work.act.actor.actor_id, "decided_at": work.now}
    store.walk_change(work.connection, work.institution_id, change_no, **step, **by)
