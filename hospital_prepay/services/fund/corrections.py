"""A receipt, return, offset or member's repayment that was typed wrongly, and a return that the bank sent back: a
red-letter entry asked for by one person and approved by another. Nothing is written over; what was right is booked
anew."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date
from typing import Final

from hospital_prepay.clock import local
from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import Conflict, InsufficientFund, MalformedInput, NotFound
from hospital_prepay.domain.ledger.entry import JournalEntry
from hospital_prepay.domain.references import plain_name
from hospital_prepay.persistence import fund_distributions as distributions
from hospital_prepay.persistence import fund_recalls as recalls
from hospital_prepay.persistence import fund_returns as store
from hospital_prepay.persistence import funds
from hospital_prepay.persistence.fund_distributions import CLAIM_REPAID
from hospital_prepay.persistence.fund_returns import Booked, CorrectionState
from hospital_prepay.persistence.funds import GrantState
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.services.context import Context
from hospital_prepay.services.fund.grants import withhold_while_recalled
from hospital_prepay.services.fund.recall import stand_again
from hospital_prepay.services.fund.slips import (
    is_late_slip,
    keep_slip,
    reopen_past_month,
    require_not_before,
    require_past,
)

MISTYPED: Final = "mistyped"
SENT_BACK: Final = "sent_back"
KINDS: Final = {"fund_receipt": "到账", "fund_return": "交回", "fund_offset": "冲抵", CLAIM_REPAID: "成员单位还款"}


@dataclass(frozen=True, slots=True)
class AskCorrection:
    """Take an entry back: ``mistyped``, or ``sent_back`` by the bank with its slip on a day. ``ground`` says how that
    is known."""

    grant_id: str
    entry_no: int
    why: str
    ground: str
    idempotency_key: str
    bank_reference: str = ""
    value_on: date | None = None


def ask_correction(context: Context, actor: Actor, command: AskCorrection) -> str:
    """Ask for a red-letter entry; nothing is booked before another person approves it. Returns its id.

    Raises :class:`MalformedInput` without a ground, or without slip and day of what the bank sent back;
    :class:`Conflict` for an entry that can't be corrected so.
    """
    actor.require(Permission.FUND_RETURN)
    payload = {**asdict(command), "value_on": command.value_on and command.value_on.isoformat()}
    with context.work(actor, "fund.correct", f"grant:{command.grant_id}") as work:
        grant = funds.lock_grant(work.connection, work.institution_id, command.grant_id)
        known = work.known_answer(command.idempotency_key, payload)
        if known is not None:
            return str(known["correction_id"])
        entry = store.booked(work.connection, work.institution_id, command.entry_no)
        _check(work, grant, entry, command)
        correction_id = work.new_id()
        values = {
            "institution_id": work.institution_id,
            "correction_id": correction_id,
            "grant_id": grant.grant_id,
            "entry_no": command.entry_no,
            "why": command.why,
            "ground": command.ground.strip(),
            "bank_reference": command.bank_reference.strip(),
            "value_on": command.value_on,
            "state": "asked",
            "asked_by": actor.actor_id,
            "asked_at": work.now,
        }
        store.add_correction(work.connection, values)
        work.audit(detail={"correction": correction_id, "entry": command.entry_no, "why": command.why})
        work.keep_answer(command.idempotency_key, payload, {"correction_id": correction_id})
        return correction_id


@dataclass(frozen=True, slots=True)
class Decided:
    """The grant after a correction was decided, what kind of entry it was about, and whether a ground of recall
    stands again for it."""

    grant: GrantState
    kind: str
    stands_again: bool

    @property
    def state(self) -> str:
        """That of the grant."""
        return self.grant.state


def decide_correction(context: Context, actor: Actor, correction_id: str, *, approved: bool) -> Decided:
    """Another person approves it, and the mirror of the entry is booked; or turns it down.

    The grant follows: without its receipt it waits for the money again, owing again it is in use again, and the
    grounds of recall that ended with what it had given back stand again. Raises :class:`SecondPersonRequired`,
    :class:`Conflict` when it was decided, or when money of it has moved on.
    """
    actor.require(Permission.FUND_RECORD)
    with context.work(actor, "fund.correct_decide", f"correction:{correction_id}") as work:
        own = work.institution_id
        grant_id = store.read_correction(work.connection, own, correction_id).grant_id
        grant = funds.lock_grant(work.connection, own, grant_id)
        found = store.read_correction(work.connection, own, correction_id)
        actor.require_other_than(found.asked_by, "批准更正")
        if found.state != "asked":
            raise Conflict("这份更正已经有人办过。请刷新后再看；本次没有入账。")
        state = "approved" if approved else "rejected"
        entry = store.booked(work.connection, own, found.entry_no)
        if approved:
            reopen_past_month(work, found.value_on or entry.effective_on, "更正")
        values = {"state": state, "decided_by": actor.actor_id, "decided_at": work.now}
        store.walk_correction(work.connection, own, correction_id, **values)
        entry_no = _mirror(work, found, entry) if approved else None
        work.audit(entry_no=entry_no, detail={"state": state, "entry": found.entry_no})
        again = _follow(work, grant, entry) if approved else []
        return Decided(funds.read_grant(work.connection, own, grant.grant_id), entry.kind, bool(again))


def require_correction_of(context: Context, actor: Actor, grant_id: str, correction_id: str) -> None:
    """Raise :class:`NotFound` unless the correction is one of this grant. Needs ``fund.view``."""
    actor.require(Permission.FUND_VIEW)
    with context.database.reading() as connection:
        if store.read_correction(connection, actor.institution_id, correction_id).grant_id != grant_id:
            raise NotFound("这笔预付金没有这份更正。请回到预付金查看。")


@dataclass(frozen=True, slots=True)
class CheckSlip:
    """The day of a return, held against the bank's slip; ``document`` says what was looked at."""

    grant_id: str
    entry_no: int
    document: str


def check_slip(context: Context, actor: Actor, command: CheckSlip) -> None:
    """A second person vouches for the slip's day of a return that was booked days later: from then on it counts.

    Raises :class:`SecondPersonRequired`, :class:`Conflict` when it was checked or needs no check.
    """
    actor.require(Permission.FUND_RECORD)
    with context.work(actor, "fund.check_slip", f"grant:{command.grant_id}") as work:
        funds.lock_grant(work.connection, work.institution_id, command.grant_id)
        slip = recalls.slips(work.connection, work.institution_id).get(command.entry_no)
        falls = recalls.falls_of_owed(work.connection, work.institution_id, command.grant_id)
        if slip is None or slip.kind != "fund_return" or command.entry_no not in {one.entry_no for one in falls}:
            raise Conflict("这张凭证不是交回，不用核对回单日期。请刷新后再看。")
        actor.require_other_than(slip.recorded_by, "核对回单日期")
        if not is_late_slip(slip.value_on, local(slip.recorded_at).date()):
            raise Conflict("这张回单是当时入账的，不用再核对。")
        if not plain_name(command.document):
            words = "请写明核对了什么，例如银行回单原件。"
            raise MalformedInput(words, code="missing_value", details={"field": "document"})
        values = {
            "institution_id": work.institution_id,
            "entry_no": command.entry_no,
            "document": command.document.strip(),
            "checked_by": actor.actor_id,
            "checked_at": work.now,
        }
        store.add_slip_check(work.connection, values)
        work.audit(detail={"entry": command.entry_no, "on": slip.value_on.isoformat()})


def _check(work: UnitOfWork, grant: GrantState, entry: Booked, command: AskCorrection) -> None:
    if entry.kind not in KINDS or not _is_of(work, grant, entry):
        raise Conflict("只有到账、交回、冲抵和成员单位还款的凭证可以更正。请核对凭证号；本次没有登记。")
    if not plain_name(command.ground):
        words = "请写明依据，例如哪张回单、错在哪里。"
        raise MalformedInput(words, code="missing_value", details={"field": "ground"})
    if command.why == MISTYPED:
        if command.value_on is not None:
            raise MalformedInput("填错的没有退回日，请清空这一项。", details={"field": "value_on"})
        return
    if command.why != SENT_BACK or entry.kind != "fund_return":
        raise MalformedInput("只有交回会被银行退回，请核对凭证和原因。", details={"field": "why"})
    if command.value_on is None:
        words = "请填退回日，照银行回单。"
        raise MalformedInput(words, code="missing_value", details={"field": "value_on"})
    if not command.bank_reference.strip():
        words = "请填退回的银行回单号。"
        raise MalformedInput(words, code="missing_value", details={"field": "bank_reference"})
    require_past(command.value_on, work.today, "value_on")
    require_not_before(command.value_on, entry.effective_on, "交回日", "value_on")


def _is_of(work: UnitOfWork, grant: GrantState, entry: Booked) -> bool:
    """What a member paid back carries no grant: its distribution names it."""
    if entry.kind != CLAIM_REPAID:
        return any(line.fund == grant.grant_id for line in entry.postings)
    distribution_id = entry.source.removeprefix("fund_distribution:")
    return distributions.find(work.connection, work.institution_id, distribution_id).grant_id == grant.grant_id


def _mirror(work: UnitOfWork, found: CorrectionState, entry: Booked) -> int:
    words = "银行退回，红字冲销" if found.why == SENT_BACK else "填错更正，红字冲销"
    kind = f"{entry.kind}_undone"
    red = JournalEntry(
        institution_id=work.institution_id,
        idempotency_key=f"{kind}:{found.correction_id}",
        kind=kind,
        summary=f"{KINDS[entry.kind]}{words}",
        source=f"fund_correction:{found.correction_id}",
        occurred_at=work.now,
        posted_at=work.now,
        # What was typed wrongly never was; what the bank sent back came back on its day.
        effective_on=found.value_on or entry.effective_on,
        posted_by=work.act.actor.actor_id,
        postings=tuple(line.reversed() for line in entry.postings),
        reverses_no=entry.entry_no,
    )
    try:
        entry_no = work.ledger.post(red)
    except InsufficientFund as error:
        words = "这笔钱后来已经用过、还过或预留了，不能整张冲销。请先退回后面的业务；本次没有入账。"
        raise Conflict(words, code="moved_on") from error
    if found.value_on is not None:
        keep_slip(work, kind, entry_no, found.bank_reference, found.value_on)
    return entry_no


def _follow(work: UnitOfWork, grant: GrantState, entry: Booked) -> list[str]:
    """The grant's state follows its entry; the grounds of recall that stand again with it."""
    own, again = work.institution_id, list[str]()
    after = funds.read_grant(work.connection, own, grant.grant_id)
    if entry.kind == "fund_receipt":
        funds.walk_grant(work.connection, own, grant.grant_id, state="approved")
        withhold_while_recalled(work, grant)
    elif after.state == "cleared" and after.owed_fen:
        again = stand_again(work, after, entry.entry_no)
        funds.walk_grant(work.connection, own, grant.grant_id, state="received", cleared_at=None)
    return again
