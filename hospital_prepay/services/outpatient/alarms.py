"""What is noticed about a claim, from its acceptance to its confirmation, and the register of staff's bank cards.

An alarm stays with its claim. It stops nothing but this: whoever confirms the claim writes why, and a card of staff
is paid by nobody's word.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final

from hospital_prepay.clock import SHANGHAI, local
from hospital_prepay.domain.access import GRANTS, Actor, Permission
from hospital_prepay.domain.errors import CalendarUnknown, Conflict, MalformedInput, NotFound
from hospital_prepay.domain.references import plain_name
from hospital_prepay.domain.rules.outpatient.alarms import Alarm, AlarmFacts, AlarmKind, alarms, opening_hours
from hospital_prepay.domain.rules.outpatient.claims import STAFF_CARD, Paper, Route
from hospital_prepay.domain.rules.outpatient.life import ClaimState
from hospital_prepay.domain.rules.outpatient.online import names_somebody
from hospital_prepay.persistence import institutions, users
from hospital_prepay.persistence import outpatient_alarms as store
from hospital_prepay.persistence import outpatient_claims as claims
from hospital_prepay.persistence import outpatient_treasury as treasury
from hospital_prepay.persistence.database import Connection
from hospital_prepay.persistence.outpatient_alarms import AlarmRow, AnswerRow, ListedAlarm, StaffCard
from hospital_prepay.persistence.outpatient_claims import AccountState, ClaimRow
from hospital_prepay.persistence.outpatient_corrections import corrections_of
from hospital_prepay.persistence.outpatient_owners import another_person
from hospital_prepay.persistence.queries import people
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.rulebook.holidays import working_day_calendar
from hospital_prepay.services.context import Context
from hospital_prepay.services.outpatient.grounds import refuse_formula, required_ground, required_line
from hospital_prepay.services.outpatient.owners import corrected_before

__all__ = ["AlarmRow", "AnswerRow", "ListedAlarm", "StaffCard"]

CARD: Final = "outpatient.card"
_USUAL: Final = timedelta(days=28)
_PAIRS: Final = timedelta(days=90)
_A_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class AlarmList:
    """One page of alarms, how many of each kind, and the names of people."""

    alarms: list[ListedAlarm]
    counts: dict[str, int]
    names: dict[str, str]


def plain_card(card_no: str) -> str:
    """A bank card's number without blanks and dashes."""
    return "".join(card_no.split()).replace("-", "")


def check_card(card_no: str) -> str:
    """The plain number of a bank card. Raises :class:`MalformedInput` for what can't be one."""
    plain = plain_card(card_no)
    if not plain:
        raise MalformedInput("请填银行卡号。", code="missing_value", details={"field": "card_no"})
    if not (plain.isascii() and plain.isdigit() and 12 <= len(plain) <= 19):
        raise MalformedInput("银行卡号应为 12 到 19 位数字，请核对。", details={"field": "card_no"})
    return plain


def check_transfer(bank: str, card_no: str) -> None:
    """The bank and the card of a transfer. Raises :class:`MalformedInput`, which names both at once where both are
    wrong."""
    wrong: list[MalformedInput] = []
    try:
        required_line(bank, "请填开户银行。", "bank", "开户银行")
        refuse_formula(bank, "bank", "开户银行")
    except MalformedInput as error:
        wrong.append(error)
    try:
        check_card(card_no)
    except MalformedInput as error:
        wrong.append(error)
    if len(wrong) > 1:
        told = {str(one.details["field"]): one.message for one in wrong}
        raise MalformedInput("".join(told.values()), details={"field": "bank", "fields": told})
    if wrong:
        raise wrong[0]


def holds_staff_card(context: Context, work: UnitOfWork, card_no: str) -> bool:
    """Whether a bank card is a member of staff's."""
    plain = plain_card(card_no)
    hashes = context.keyed_hash.candidates(plain, institution=work.institution_id, field=CARD) if plain else ()
    return store.is_staff_card(work.connection, work.institution_id, hashes)


def noticed(connection: Connection, institution_id: str, account: AccountState, claim: ClaimRow) -> tuple[Alarm, ...]:
    """What stands out about a claim as it is now."""
    return alarms(_facts(connection, institution_id, account, claim))


def missing_alarms(there: Sequence[AlarmRow], found: Sequence[Alarm]) -> list[Alarm]:
    """What isn't noted yet: each kind once, and the same card again when it is used for yet other people."""
    noted = {_mark(one.kind, one.words) for one in there}
    return [one for one in found if _mark(one.kind, one.words) not in noted]


def note_alarms(work: UnitOfWork, account: AccountState, claim: ClaimRow) -> list[AlarmRow]:
    """Note what stands out about a claim; returns everything that was ever noted of it."""
    own = work.institution_id
    there = store.alarms_of(work.connection, own, claim.claim_id)
    new = missing_alarms(there, noticed(work.connection, own, account, claim))
    if not new:
        return there
    head = {"institution_id": own, "claim_id": claim.claim_id, "raised_at": work.now}
    rows = [
        {**head, "alarm_no": number, "kind": one.kind.value, "words": one.words}
        for number, one in enumerate(new, len(there) + 1)
    ]
    store.add_alarms(work.connection, rows)
    return store.alarms_of(work.connection, own, claim.claim_id)


def answer_alarms(
    work: UnitOfWork,
    account: AccountState,
    claim: ClaimRow,
    ground: str,
    *,
    seen: int | None = None,
    is_paid: bool = False,
) -> None:
    """Keep why a claim is confirmed all the same. ``seen`` is how many alarms the person had before them; what
    ``is_paid`` went before, to another card than the one that is named now.

    Raises :class:`MalformedInput` without a ground, :class:`Conflict` when something new was noticed meanwhile or the
    card is a member of staff's.
    """
    there = note_alarms(work, account, claim)
    if not is_paid:
        refuse_staff_card(work, claim)
    if not there:
        return
    if seen is not None and seen != len(there):
        raise Conflict("刚刚又有新的提醒。请看过“自动检查”再确认；本次没有确认。")
    ground = required_ground(ground, "自动检查有要留意的。请写明为什么仍可以确认，备查。")
    number = 1 + len(store.answers_of(work.connection, work.institution_id, claim.claim_id))
    store.add_answer(
        work.connection,
        {
            "institution_id": work.institution_id,
            "claim_id": claim.claim_id,
            "answer_no": number,
            "alarms": len(there),
            "ground": ground,
            "answered_by": work.act.actor.actor_id,
            "answered_at": work.now,
        },
    )


def refuse_staff_card(work: UnitOfWork, claim: ClaimRow) -> None:
    """Raise :class:`Conflict` for a claim that would be paid to a card of staff, entered before or after it."""
    hashes = [claim.card_hash] if claim.route == Route.BANK and claim.card_hash else []
    if store.is_staff_card(work.connection, work.institution_id, hashes):
        raise Conflict(f"{claim.refund_no}：{STAFF_CARD}本次没有办。")


def list_alarms(context: Context, actor: Actor, kind: str, *, start: int = 0, size: int = 50) -> AlarmList:
    """One page of what was noticed, the newest first. Needs ``outpatient.view``."""
    actor.require(Permission.OUTPATIENT_VIEW)
    with context.database.reading() as connection:
        own = actor.institution_id
        return AlarmList(
            store.list_alarms(connection, own, kind, start=start, size=size),
            store.count_alarms(connection, own),
            people.names(connection, own),
        )


def list_staff_cards(context: Context, actor: Actor) -> tuple[list[StaffCard], dict[str, str]]:
    """The register of staff's cards, and the names of people. Needs ``outpatient.approve``."""
    actor.require(Permission.OUTPATIENT_APPROVE)
    with context.database.reading() as connection:
        own = actor.institution_id
        return store.staff_cards(connection, own), people.names(connection, own)


def add_staff_card(context: Context, actor: Actor, holder: str, card_no: str) -> None:
    """Enter a card of a member of staff: no refund goes to it from now on.

    Raises :class:`MalformedInput` for a number that can't be a card's, :class:`Conflict` for one that is there.
    """
    actor.require(Permission.OUTPATIENT_APPROVE)
    plain = check_card(card_no)
    holder = required_line(holder, "请填职工姓名。", "holder", "姓名")
    with context.work(actor, "outpatient.staff_card", f"outpatient_staff:{holder[:40]}") as work:
        store.add_staff_card(
            work.connection,
            {
                "institution_id": work.institution_id,
                "card_id": work.new_id(),
                "card_hash": context.keyed_hash.digest(plain, institution=work.institution_id, field=CARD),
                "tail": plain[-4:],
                "holder": holder,
                "added_by": actor.actor_id,
                "added_at": work.now,
            },
        )
        work.audit(detail={"tail": plain[-4:]})


def remove_staff_card(context: Context, actor: Actor, card_id: str, ground: str) -> None:
    """Take a card off the register, with why. Raises :class:`NotFound` for one that isn't on it."""
    actor.require(Permission.OUTPATIENT_APPROVE)
    ground = required_ground(ground, "请写明为什么停用，例如职工已离职。")
    with context.work(actor, "outpatient.staff_card_end", f"outpatient_staff_card:{card_id}") as work:
        values = {"removed_by": actor.actor_id, "removed_at": work.now, "ground": ground}
        if not store.end_staff_card(work.connection, work.institution_id, card_id, **values):
            raise NotFound("没有这张在用的职工卡。请从列表里选。")
        work.audit(detail={"ground": ground})


def _mark(kind: str, words: str) -> tuple[str, str]:
    return kind, words if kind == AlarmKind.SAME_CARD else ""


def _facts(connection: Connection, own: str, account: AccountState, claim: ClaimRow) -> AlarmFacts:
    staff = users.all_of(connection, own)
    other = another_person(connection, own, account)
    names = {one.user_id: one.name for one in staff}
    hashes = [claim.card_hash] if claim.route == Route.BANK and claim.card_hash else []
    begins = datetime.combine(local(claim.accepted_at).date(), time(), SHANGHAI)
    before = store.accepted_between(connection, own, claim.accepted_by, begins - _USUAL, begins)
    reviewer = claim.reviewed_by or ""
    shared, reviewed = (
        store.reviews_since(connection, own, claim.accepted_by, reviewer, begins - _PAIRS) if reviewer else (0, 0)
    )
    before_it, corrected_fen = _paid_and_corrected(connection, own, claim)
    own_people = [one.name for one in staff if one.is_active] + store.staff_card_holders(connection, own)
    return AlarmFacts(
        same_card=tuple(
            number for number, _ in claims.other_cards(connection, own, hashes, account.account_no, other)
        ),
        owner=corrected_before(connection, own, claim, names),
        paid_before=before_it,
        corrected_fen=corrected_fen,
        beyond_fen=_beyond(connection, own, account, claim),
        unproven=_unproven(connection, own, account, claim),
        staff_card=store.is_staff_card(connection, own, hashes),
        staff_name=_alike(claim.claimant_name) in {_alike(name) for name in own_people},
        outside_hours=_outside_hours(connection, own, claim),
        maker=names.get(claim.accepted_by, claim.accepted_by),
        that_day=store.accepted_between(connection, own, claim.accepted_by, begins, begins + _A_DAY),
        usual_a_day=before / _days(begins - _USUAL) if before else None,
        reviewer=names.get(reviewer, reviewer),
        pair_shared=shared,
        pair_reviewed=reviewed,
        reviewers=sum(_may_review(one) for one in staff if one.user_id != claim.accepted_by),
    )


def _unproven(connection: Connection, own: str, account: AccountState, claim: ClaimRow) -> str:
    """What ties the claim to its account, where no certificate number does or the name is of signs alone."""
    named = not account.holder_name.strip() or names_somebody(account.holder_name)
    if account.certno_hash and named:
        return ""
    kinds = {paper.kind for paper in claims.papers_of(connection, own, claim.claim_id)}
    rests = "交了预交金凭条，请核对凭条" if Paper.SLIP in kinds else "没有交预交金凭条，请核对登记的手机号"
    what = "账户登记的姓名只有符号" if account.certno_hash else "账户没有登记证件号"
    return f"{what}，{rests}和来办的人"


def _paid_and_corrected(connection: Connection, own: str, claim: ClaimRow) -> tuple[int, int]:
    """How many refunds of the account had been paid when its balance was corrected upwards before the claim came, and
    by how much it was, in fen."""
    others = claims.claims_of_account(connection, own, claim.account_no)
    paid = [one.accepted_at for one in others if one.claim_id != claim.claim_id and one.state == ClaimState.ARRIVED]
    raised = [
        (one.decided_at, one.change_fen)
        for one in (corrections_of(connection, own, claim.account_no) if paid else ())
        if one.state == "approved" and one.change_fen > 0 and one.decided_at and min(paid) < one.decided_at
    ]
    raised = [(at, fen) for at, fen in raised if at <= claim.accepted_at]
    if not raised:
        return 0, 0
    last = max(at for at, _ in raised)
    return sum(at < last for at in paid), sum(fen for _, fen in raised)


def _beyond(connection: Connection, own: str, account: AccountState, claim: ClaimRow) -> int:
    """What is paid of a claim at the hospital's own cost."""
    if not claim.remitted:
        return 0
    return max(0, claim.amount_fen - treasury.left_with_treasury(connection, own, account.account_no, claim.claim_id))


def _alike(name: str) -> str:
    return plain_name(name).casefold()


def _may_review(person: users.UserRow) -> bool:
    return person.is_active and any(Permission.OUTPATIENT_REVIEW in GRANTS[role] for role in person.roles)


def _outside_hours(connection: Connection, own: str, claim: ClaimRow) -> str:
    """Of the counter only: the page for patients never closes."""
    if claim.taken_at != "window":
        return ""
    found = institutions.by_id(connection, own)
    hours = opening_hours(found.hours if found else "")
    at = local(claim.accepted_at)
    works = _is_working_day(at)
    if hours.holds(at, working_day=works):
        return ""
    when = "休息日" if not (works or hours.every_day) else "办公时间以外"
    return f"受理时间 {at:%Y-%m-%d %H:%M} 在{when}（本院 {hours.begins:%H:%M}–{hours.ends:%H:%M}）"


def _is_working_day(at: datetime) -> bool:
    try:
        return working_day_calendar().is_working_day(at.date())
    except CalendarUnknown:
        return at.weekday() < 5


def _days(begins: datetime) -> int:
    """The working days of the time before, one at least."""
    return max(1, sum(_is_working_day(begins + _A_DAY * number) for number in range(_USUAL.days)))
