"""Campaigns to find the owners of outpatient deposits (7): proposed by one person, released by another.

The release fixes whom a campaign is for; what goes out, and what came of it, is in the modules beside this one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import Conflict, MalformedInput, NotFound
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.outpatient.contact import (
    BY_NUMBER,
    Outcome,
    Standing,
    Told,
    is_still_told,
    next_way,
    standing,
)
from hospital_prepay.domain.rules.outpatient.contact import left as ways_left
from hospital_prepay.domain.rules.outpatient.notice import check_notice, example
from hospital_prepay.domain.rules.outpatient.reach import Channel, Reach, Way, ways
from hospital_prepay.persistence import outpatient_campaigns as store
from hospital_prepay.persistence import outpatient_claims as accounts
from hospital_prepay.persistence import outpatient_contacts as contacts
from hospital_prepay.persistence.locks import lock_name
from hospital_prepay.persistence.outpatient_campaigns import CampaignRow, FileRow, ImportRow, ProofRow, RejectedLine
from hospital_prepay.persistence.outpatient_contacts import Chosen, Funnel
from hospital_prepay.persistence.outpatient_told import Tried, history_of
from hospital_prepay.persistence.queries import people
from hospital_prepay.persistence.rows import refusing
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.services.context import Context
from hospital_prepay.services.outpatient.grounds import plain_line, required_ground
from hospital_prepay.services.outpatient.once import keep_number, known_number
from hospital_prepay.services.publication.institution import hospital_of

_LONGEST_TEXT: Final = 2_000
MISSING: Final = "没有这次通知。请从通知列表里打开。"


class Who(StrEnum):
    """Which of the accounts that a channel can be used for."""

    NEXT = "next"
    UNTRIED = "untried"
    UNREACHED = "unreached"

    @property
    def label(self) -> str:
        """The words on screens."""
        return WHO_LABELS[self]


WHO_LABELS: Final = {
    Who.NEXT: "下一步正该用这个渠道的",
    Who.UNTRIED: "这个渠道还没有试过的",
    Who.UNREACHED: "所有还没有联系上的，试过的再试一次",
}


@dataclass(frozen=True, slots=True)
class ProposeCampaign:
    """A campaign as it is proposed; the criteria narrow the deposits that still have money and no claim."""

    title: str
    way: Way
    text: str
    who: Who = Who.NEXT
    least: Money = Money(0)  # noqa: RUF009 - Money is frozen
    moved_until: date | None = None
    idempotency_key: str = ""


@dataclass(frozen=True, slots=True)
class CampaignView:
    """One campaign with everything that came of it. ``estimate``: accounts and fen that it would be for now;
    ``example``: its text as it goes out, with an owner who is made up."""

    head: CampaignRow
    example: str
    estimate: tuple[int, int] | None
    file: FileRow | None
    funnel: Funnel | None
    imports: list[ImportRow]
    rejected: list[RejectedLine]
    proofs: list[ProofRow]
    names: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ContactCard:
    """What was tried to find the owner of one account, by which ways to go on, and the mark. ``is_over`` where nobody
    is to be told any more."""

    history: tuple[Tried, ...]
    ways: tuple[Way, ...]
    tried: tuple[Way, ...]
    left: tuple[Way, ...]
    next_way: Way | None
    standing: Standing
    is_over: bool = False


def propose_campaign(context: Context, actor: Actor, command: ProposeCampaign) -> int:
    """Propose a campaign; nothing goes out before another person releases it. Returns its number.

    Raises :class:`MalformedInput` for a text that may not go out, and when nobody would be told.
    """
    actor.require(Permission.OUTPATIENT_CONTACT)
    plain_line(command.title, "title", "名称")
    required_ground(command.text, "请写通知的内容。", "text", longest=_LONGEST_TEXT)
    check_notice(command.way, command.text)
    if not hospital_of(context, actor.institution_id).phone.strip():
        words = "本院资料里还没有咨询电话，通知里写不出来。请先在“本院”里填电话。"
        raise MalformedInput(words, code="no_phone", details={"field": "text"})
    payload = {"title": command.title, "way": command.way.value, "text": command.text, **_criteria(command)}
    with context.work(actor, "outpatient.propose_campaign", "outpatient_campaign") as work:
        lock_name(work.connection, f"outpatient_campaign:{work.institution_id}")
        known = work.known_answer(command.idempotency_key, payload) if command.idempotency_key else None
        if known is not None:
            return int(known["campaign_no"])
        count, _ = contacts.count_chosen(
            work.connection, work.institution_id, _chosen(command.way.value, _criteria(command))
        )
        if not count:
            raise MalformedInput("这样选，一个账户也没有。请换一个渠道，或放宽条件。", details={"field": "who"})
        before = store.campaigns(work.connection, work.institution_id)
        campaign_no = 1 + max((one.campaign_no for one in before), default=0)
        values = {
            "institution_id": work.institution_id,
            "campaign_no": campaign_no,
            "title": command.title.strip(),
            "channel": command.way.value,
            "text": command.text.strip(),
            "criteria": _criteria(command),
            "state": "proposed",
            "chosen": 0,
            "total_fen": 0,
            "proposed_by": actor.actor_id,
            "proposed_at": work.now,
        }
        store.add_campaign(work.connection, values)
        work.audit(detail={"campaign": campaign_no, "way": command.way.value, "accounts": count})
        if command.idempotency_key:
            work.keep_answer(command.idempotency_key, payload, {"campaign_no": campaign_no})
        return campaign_no


def release_campaign(context: Context, actor: Actor, campaign_no: int) -> int:
    """Another person releases it: whom it is for is chosen now. Returns how many accounts.

    Raises :class:`SecondPersonRequired`, :class:`Conflict` for another step or when nobody is left to be told.
    """
    actor.require(Permission.OUTPATIENT_CONFIRM)
    with context.work(actor, "outpatient.release_campaign", f"outpatient_campaign:{campaign_no}") as work:
        found = locked(work, campaign_no, "proposed")
        actor.require_other_than(found.proposed_by, "放行")
        check_notice(Way(found.channel), found.text)
        chosen = _chosen(found.channel, found.criteria)
        with refusing("放行时有账户正在办理。请再试一次；本次没有改动。"):
            count, fen = contacts.choose(work.connection, work.institution_id, campaign_no, chosen)
        if not count:
            raise Conflict("现在一个账户也选不到了，不用发。请作废这次通知。")
        step = {"state": "released", "released_by": actor.actor_id, "released_at": work.now}
        store.walk_campaign(work.connection, work.institution_id, campaign_no, **step, chosen=count, total_fen=fen)
        work.audit(detail={"campaign": campaign_no, "accounts": count, "total_fen": fen})
        return count


def drop_campaign(
    context: Context, actor: Actor, campaign_no: int, ground: str, *, idempotency_key: str = ""
) -> None:
    """Take back a campaign that wasn't released. Raises :class:`MalformedInput` without a ground and
    :class:`Conflict` after its release."""
    actor.require(Permission.OUTPATIENT_CONTACT)
    ground = required_ground(ground, "请写明为什么作废。")
    with context.work(actor, "outpatient.drop_campaign", f"outpatient_campaign:{campaign_no}") as work:
        payload = {"campaign": campaign_no, "ground": ground}
        store.lock_campaign(work.connection, work.institution_id, campaign_no)
        if known_number(work, idempotency_key, payload) is not None:
            return
        locked(work, campaign_no, "proposed")
        dropped = {"dropped_by": actor.actor_id, "dropped_at": work.now, "dropped_ground": ground}
        store.walk_campaign(work.connection, work.institution_id, campaign_no, state="dropped", **dropped)
        keep_number(work, idempotency_key, payload, campaign_no)
        work.audit(detail={"campaign": campaign_no, "ground": ground})


def list_campaigns(context: Context, actor: Actor) -> tuple[list[CampaignRow], Mapping[str, str]]:
    """Every campaign, the newest first, and who people are by id."""
    actor.require(Permission.OUTPATIENT_VIEW)
    with context.database.reading() as connection:
        found = store.campaigns(connection, actor.institution_id)
        return found, people.names(connection, actor.institution_id)


def show_campaign(context: Context, actor: Actor, campaign_no: int) -> CampaignView:
    """One campaign, how far it got, its file, imports and photos. Raises :class:`NotFound`."""
    actor.require(Permission.OUTPATIENT_VIEW)
    own = actor.institution_id
    hospital = hospital_of(context, own)
    with context.database.reading() as connection:
        head = next(iter(store.campaigns(connection, own, campaign_no)), None)
        if head is None:
            raise NotFound(MISSING)
        released = head.state == "released"
        chosen = _chosen(head.channel, head.criteria)
        imports = store.imports_of(connection, own, campaign_no)
        return CampaignView(
            head,
            example(head.text, hospital.name, hospital.phone),
            contacts.count_chosen(connection, own, chosen) if head.state == "proposed" else None,
            store.find_file(connection, own, campaign_no),
            contacts.funnel(connection, own, campaign_no) if released else None,
            imports,
            store.rejected_lines(connection, own, imports[0].import_no) if imports else [],
            store.proofs_of(connection, own, campaign_no),
            people.names(connection, own),
        )


def contact_card(context: Context, actor: Actor, account_no: str) -> ContactCard:
    """What was tried for one account and what is left. Raises :class:`NotFound`."""
    actor.require(Permission.OUTPATIENT_VIEW)
    with context.database.reading() as connection:
        account = accounts.find_account(connection, actor.institution_id, account_no)
        if account is None:
            raise NotFound("没有这个账户。请核对账户号。")
        history = history_of(connection, actor.institution_id, account_no)
    possible = ways(Reach(account.reach), Channel(account.channel), has_patient_no=bool(account.patient_no))
    told = Told.of(
        possible, ((Way(one.channel), Outcome(one.outcome)) for one in history if one.outcome and _of(one))
    )
    is_over = not is_still_told(account.balance_fen if account.is_open else None)
    return ContactCard(tuple(history), possible, told.tried, ways_left(told), next_way(told), standing(told), is_over)


def locked(work: UnitOfWork, campaign_no: int, state: str) -> CampaignRow:
    """The campaign, held, in ``state``. Raises :class:`NotFound` and :class:`Conflict`."""
    found = store.lock_campaign(work.connection, work.institution_id, campaign_no)
    if found is None:
        raise NotFound(MISSING)
    if found.state != state:
        raise Conflict("这次通知现在不能办这一步。请刷新后再看；本次没有改动。")
    return found


def _of(one: Tried) -> bool:
    # What was found out about a number that is no longer the owner's counts only if the owner was reached by it.
    return one.is_current or Way(one.channel) not in BY_NUMBER or one.outcome == Outcome.REACHED


def _criteria(command: ProposeCampaign) -> dict[str, object]:
    until = command.moved_until.isoformat() if command.moved_until else None
    return {"who": command.who.value, "least_fen": command.least.fen, "moved_until": until}


def _chosen(channel: str, criteria: Mapping[str, object]) -> Chosen:
    until = criteria["moved_until"]
    return Chosen(
        Way(channel),
        str(criteria["who"]),
        int(str(criteria["least_fen"])),
        date.fromisoformat(str(until)) if until else None,
    )
