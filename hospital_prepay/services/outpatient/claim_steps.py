"""What becomes of a claim that was taken down (7, 8): reviewed, confirmed, paid another way, turned down, taken back.

Each step is another person's; who accepted is in :mod:`hospital_prepay.services.outpatient.claims`.
"""

from __future__ import annotations

import json
from typing import Any, Final

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import Conflict, MalformedInput
from hospital_prepay.domain.rules.outpatient.claims import STAFF_CARD, ClaimFacts, Route, routes
from hospital_prepay.domain.rules.outpatient.life import CLAIM_STEPS, ClaimState
from hospital_prepay.persistence import outpatient_claims as store
from hospital_prepay.persistence import outpatient_treasury as treasury
from hospital_prepay.persistence.outpatient_claims import AccountState, ClaimRow
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.services.context import Context
from hospital_prepay.services.outpatient.alarms import answer_alarms, holds_staff_card, note_alarms, plain_card
from hospital_prepay.services.outpatient.claims import PERSONAL, card_hash, check_route, sealed_personal
from hospital_prepay.services.outpatient.contradictions import refuse_contradicted
from hospital_prepay.services.outpatient.grounds import required_ground
from hospital_prepay.services.outpatient.owners import refuse_corrector

OWED: Final = (
    "这笔钱财政已经补回（或正在申请），银行又把它退了回来，是欠患者的钱，不能撤回，也不转作收入。"
    "请改退款方式再付；来的人不对、材料不符的，由应得的人在账户页重新受理；"
    "暂时找不到人的，一直挂在“其他应付款”，什么时候来都付。"
)


def review_claim(context: Context, actor: Actor, claim_id: str) -> ClaimRow:
    """A second person has looked at the papers (审核). Raises :class:`SecondPersonRequired` for who accepted, and for
    who had the account's holder corrected."""
    actor.require(Permission.OUTPATIENT_REVIEW)
    with context.work(actor, "outpatient.review", "outpatient_claim") as work:
        account, found = locked_claim(work, claim_id, "reviewed")
        if found.state != "accepted":
            raise Conflict("没退成的要先改退款方式，由改的人审核。请刷新后再看；本次没有改动。")
        actor.require_other_than(found.accepted_by, "审核")
        refuse_corrector(work, actor, found)
        step = {"state": "reviewed", "reviewed_by": actor.actor_id, "reviewed_at": work.now}
        reviewed = _walk(work, claim_id, **step)
        note_alarms(work, account, reviewed)
        return reviewed


def confirm_claim(
    context: Context, actor: Actor, claim_id: str, ground: str = "", *, alarms_seen: int | None = None
) -> ClaimRow:
    """A third person confirms that it is paid (确认), with a ground where something stands out.

    Raises :class:`SecondPersonRequired` for either before and for who had the account's holder corrected before the
    claim, :class:`MalformedInput` for a ground that is missing,
    :class:`Conflict` for a card of staff, or when something new was noticed after ``alarms_seen``.
    """
    actor.require(Permission.OUTPATIENT_APPROVE)
    with context.work(actor, "outpatient.confirm_claim", "outpatient_claim") as work:
        account, found = locked_claim(work, claim_id, "confirmed")
        actor.require_other_than(found.accepted_by, "确认")
        actor.require_other_than(found.reviewed_by or "", "确认")
        refuse_corrector(work, actor, found)
        answer_alarms(work, account, found, ground, seen=alarms_seen)
        return _walk(work, claim_id, state="confirmed", confirmed_by=actor.actor_id, confirmed_at=work.now)


def reject_claim(context: Context, actor: Actor, claim_id: str, ground: str) -> ClaimRow:
    """Turn a claim down before it is confirmed, with the ground that its owner is told; another may follow."""
    if not (actor.may(Permission.OUTPATIENT_REVIEW) or actor.may(Permission.OUTPATIENT_APPROVE)):
        actor.require(Permission.OUTPATIENT_REVIEW)
    return _end(context, actor, claim_id, "rejected", ground)


def withdraw_claim(context: Context, actor: Actor, claim_id: str, ground: str) -> ClaimRow:
    """Take a claim back on its owner's word, before the money is on its way."""
    actor.require(Permission.OUTPATIENT_ACCEPT)
    return _end(context, actor, claim_id, "withdrawn", ground)


def redirect_claim(
    context: Context, actor: Actor, claim_id: str, route: Route, *, bank: str = "", card_no: str = ""
) -> ClaimRow:
    """Another way for a refund that failed: reviewed by whoever does this, to be confirmed anew by another person.

    Raises :class:`SecondPersonRequired` for who accepted or sent it or had the holder corrected,
    :class:`MalformedInput` for a bank card that is missing, :class:`Conflict` while nobody has decided what the bank
    meant.
    """
    actor.require(Permission.OUTPATIENT_REVIEW)
    check_route(route, bank, card_no)
    with context.work(actor, "outpatient.redirect", "outpatient_claim") as work:
        account, found = locked_claim(work, claim_id, "reviewed")
        if found.state != "failed":
            raise Conflict("只有没退成的才能改退款方式。请刷新后再看；本次没有改动。")
        refuse_contradicted(work, found)
        actor.require_other_than(found.accepted_by, "改退款方式")
        for sent in store.payouts_of(work.connection, work.institution_id, claim_id):
            actor.require_other_than(sent.sent_by, "改退款方式")
        refuse_corrector(work, actor, found)
        _require_offered(work, account, found, route)
        personal = json.loads(context.cipher.decrypt(found.personal, institution=work.institution_id, field=PERSONAL))
        kept = {**personal, "bank": bank.strip(), "card_no": plain_card(card_no)}
        if route is Route.BANK and holds_staff_card(context, work, card_no):
            raise MalformedInput(STAFF_CARD, code="staff_card", details={"field": "card_no"})
        moved = _walk(
            work,
            claim_id,
            state="reviewed",
            route=route.value,
            personal=sealed_personal(context, work.institution_id, kept),
            card_hash=card_hash(context, work.institution_id, card_no),
            reviewed_by=actor.actor_id,
            reviewed_at=work.now,
            confirmed_by=None,
            confirmed_at=None,
        )
        note_alarms(work, account, moved)
        return moved


def _require_offered(work: UnitOfWork, account: AccountState, found: ClaimRow, route: Route) -> None:
    """Raise :class:`MalformedInput` for a way by which this refund can't go, with why."""
    own = (work.connection, work.institution_id, account.account_no)
    facts = ClaimFacts(
        claimant=found.claimant,
        card_lost=found.card_lost,
        papers=(),
        route=route.value,
        channel=account.channel,
        last_movement_on=None if account.last_movement_on is None else account.last_movement_on.isoformat(),
        today=work.today.isoformat(),
        balance_fen=account.balance_fen,
        remitted_fen=treasury.remitted_fen(*own) if found.remitted else 0,
        identity_matches=None,
        original_failed=store.original_failed(*own),
    )
    why = dict(routes(facts))[route]
    if why:
        raise MalformedInput(f"不能改为{route.label}：{why}。请选别的方式。", details={"field": "route"})


def locked_claim(work: UnitOfWork, claim_id: str, target: str) -> tuple[AccountState, ClaimRow]:
    """The account first, then its claim: the order in which every act locks."""
    account_no = store.account_of_claim(work.connection, work.institution_id, claim_id)
    account = store.lock_account(work.connection, work.institution_id, account_no)
    found = store.read_claim(work.connection, work.institution_id, claim_id)
    work.about(f"outpatient_claim:{found.claim_id}")
    if target not in CLAIM_STEPS[found.state]:
        now = ClaimState(found.state).label
        raise Conflict(f"这一步现在不能办：这笔退款“{now}”。请刷新后再看；本次没有改动。")
    return account, found


def _walk(work: UnitOfWork, claim_id: str, **values: Any) -> ClaimRow:
    store.walk_claim(work.connection, work.institution_id, claim_id, **values)
    found = store.read_claim(work.connection, work.institution_id, claim_id)
    kept = {"state": found.state, "refund_no": found.refund_no, "amount_fen": found.amount_fen, "route": found.route}
    work.audit(detail=kept)
    return found


def _end(context: Context, actor: Actor, claim_id: str, state: str, ground: str) -> ClaimRow:
    ground = required_ground(ground, "请写明原因，备查。")
    with context.work(actor, f"outpatient.{state}", "outpatient_claim") as work:
        _, found = locked_claim(work, claim_id, state)
        refuse_contradicted(work, found)
        if store.owed_fen(work.connection, work.institution_id, claim_id):
            raise Conflict(OWED)
        by = {"ended_by": actor.actor_id, "ended_at": work.now, "ground": ground}
        return _walk(work, claim_id, state=state, **by)
