"""What can't be refunded for now (8): every way was tried (7), marked with its reason, filed, acknowledged.

Nothing here ends a claim: whoever comes is paid, and the mark is taken back.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import Conflict, MalformedInput, NotFound
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.outpatient.contact import Standing
from hospital_prepay.domain.rules.outpatient.life import FILING_STEPS
from hospital_prepay.domain.rules.outpatient.reach import Reach
from hospital_prepay.persistence import outpatient_claims as accounts
from hospital_prepay.persistence import outpatient_escheat as store
from hospital_prepay.persistence import outpatient_marks as marks
from hospital_prepay.persistence.locks import lock_name
from hospital_prepay.persistence.outpatient_escheat import FilingRow, ListedAccount
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.services.context import Context
from hospital_prepay.services.outpatient.grounds import required_ground, required_line
from hospital_prepay.services.outpatient.once import keep_number, known_number
from hospital_prepay.services.outpatient.turns import refuse_last

MOST_ACCOUNTS: Final = 5_000
_LONGEST: Final = 200
_LONGEST_NOTE: Final = 1_000
_MAKING: Final = (Permission.OUTPATIENT_FILE, "做备案材料")


class Reason(StrEnum):
    """Objective reasons why money can't be given back yet; article 8 names the first two."""

    UNKNOWN_PERSON = "unknown_person"
    CONTACT_CHANGED = "contact_changed"
    NO_ANSWER = "no_answer"
    DIED = "died"
    NOT_COME = "not_come"
    OTHER = "other"

    @property
    def label(self) -> str:
        """The words on screens and in the filing."""
        return REASON_LABELS[self]

    @property
    def prefix(self) -> str:
        """What the text of an account begins with that was marked for this reason; its evidence follows."""
        return f"{self.label}："


REASON_LABELS: Final = {
    Reason.UNKNOWN_PERSON: "患者信息不明",
    Reason.CONTACT_CHANGED: "联系方式变更，联系不上",
    Reason.NO_ANSWER: "多次联系，没有回应",
    Reason.DIED: "患者已故，继承人还没有来办",
    Reason.NOT_COME: "已经联系上，一直没有来办",
    Reason.OTHER: "其他客观原因",
}


_ALTHOUGH_REACHED: Final = frozenset({Reason.DIED, Reason.NOT_COME})


@dataclass(frozen=True, slots=True)
class MarkUnclearable:
    """Accounts by number, or all open ones with one of ``reach``, why, and what shows it."""

    reason: Reason
    evidence: str
    account_nos: tuple[str, ...] = ()
    reach: tuple[Reach, ...] = ()

    @property
    def takes(self) -> frozenset[Standing]:
        """Which accounts can be marked: those whose owners no way found. Somebody who was reached, or whose heirs
        were, and doesn't come, is named one by one, with what shows it."""
        although_reached = self.account_nos and self.reason in _ALTHOUGH_REACHED
        return frozenset({Standing.COMPLETE, Standing.REACHED} if although_reached else {Standing.COMPLETE})


@dataclass(frozen=True, slots=True)
class Marked:
    """How many accounts are marked, or would be; how many have a way that nobody tried, and whose owner was reached:
    neither is one that can't be refunded. ``unknown`` are numbers that the register doesn't have."""

    accounts: int
    left: int
    reached: int
    unknown: tuple[str, ...] = ()


def count_markable(context: Context, actor: Actor, command: MarkUnclearable) -> Marked:
    """What :func:`mark_unclearable` would come to now. Raises as it does."""
    actor.require(Permission.OUTPATIENT_FILE)
    _require_which(command)
    with context.database.reading() as connection:
        found = marks.standings(connection, actor.institution_id, command.account_nos or None, command.reach)
        unknown = marks.unknown(connection, actor.institution_id, command.account_nos)
    count = sum(found.pop(one, 0) for one in command.takes)
    return _marked(count, found, unknown)


def mark_unclearable(
    context: Context, actor: Actor, command: MarkUnclearable, *, idempotency_key: str = ""
) -> Marked:
    """Mark open deposits that have money, no claim, and no way left to tell their owners: article 8 files those alone
    whom the ways of article 7 didn't find, or who, named one by one, were reached and don't come. The others stay as
    they are, and the same form sent again tells the first numbers.

    Raises :class:`MalformedInput` without evidence, or for neither numbers nor reach.
    """
    actor.require(Permission.OUTPATIENT_FILE)
    required_ground(command.evidence, "请写明依据，例如短信、电话的联系记录。", "evidence")
    _require_which(command)
    reason = f"{command.reason.prefix}{command.evidence.strip()}"[:_LONGEST]
    payload = {"reason": reason, "accounts": sorted(command.account_nos), "reach": sorted(command.reach)}
    with context.work(actor, "outpatient.mark", f"outpatient_reason:{command.reason}") as work:
        lock_name(work.connection, f"outpatient_filing:{work.institution_id}")
        known = work.known_answer(idempotency_key, payload) if idempotency_key else None
        if known is not None:
            unknown = tuple(known.get("unknown", ()))
            return Marked(known["number"], known.get("left", 0), known.get("reached", 0), unknown)
        which = (work.institution_id, command.account_nos or None, command.reach)
        count = marks.mark(work.connection, *which, command.takes, reason)
        unknown = marks.unknown(work.connection, work.institution_id, command.account_nos)
        found = _marked(count, marks.standings(work.connection, *which), unknown)
        if idempotency_key:
            answer = {"number": count, "left": found.left, "reached": found.reached, "unknown": list(unknown)}
            work.keep_answer(idempotency_key, payload, answer)
        work.audit(detail={"accounts": count, "left": found.left, "reached": found.reached, "reason": reason})
        return found


def _require_which(command: MarkUnclearable) -> None:
    if not (command.account_nos or command.reach) or len(command.account_nos) > MOST_ACCOUNTS:
        raise MalformedInput(
            f"请选账户（一次最多 {MOST_ACCOUNTS} 个），或按联系情况选。", details={"field": "account_nos"}
        )


def _marked(count: int, found: Mapping[Standing, int], unknown: tuple[str, ...]) -> Marked:
    return Marked(count, found.get(Standing.LEFT, 0), found.get(Standing.REACHED, 0), unknown)


def unmark(context: Context, actor: Actor, account_no: str, ground: str, *, idempotency_key: str = "") -> None:
    """Somebody was found: the account is open again, and the audit trail alone keeps how it was marked. Raises
    :class:`Conflict` for one that isn't marked or filed."""
    actor.require(Permission.OUTPATIENT_FILE)
    ground = required_ground(ground, "请写明怎么联系上的。")
    with context.work(actor, "outpatient.unmark", "outpatient_account") as work:
        payload = {"account": account_no, "ground": ground}
        account = accounts.lock_account(work.connection, work.institution_id, account_no)
        work.about(f"outpatient_account:{account.account_no}")
        if known_number(work, idempotency_key, payload) is not None:
            return
        if not marks.reopen(work.connection, work.institution_id, account_no):
            raise Conflict("这个账户没有登记为退不了，或已经列入上缴。请刷新后再看；本次没有改动。")
        keep_number(work, idempotency_key, payload, 1)
        work.audit(detail={"ground": ground, "reason": account.unclearable_reason})


def make_filing(context: Context, actor: Actor, risk_note: str, *, idempotency_key: str = "") -> FilingRow:
    """Put every marked account that isn't filed into one pack, with the note on disputes that may come.

    Raises :class:`MalformedInput` without the note, :class:`Conflict` when nothing waits.
    """
    actor.require(Permission.OUTPATIENT_FILE)
    risk_note = required_ground(
        risk_note, "请写风险排查的结论：可能有哪些纠纷，怎么防范。", "risk_note", longest=_LONGEST_NOTE
    )
    with context.work(actor, "outpatient.file", "outpatient_filing") as work:
        payload = {"risk_note": risk_note}
        lock_name(work.connection, f"outpatient_filing:{work.institution_id}")
        known = known_number(work, idempotency_key, payload)
        if known is not None:
            return _filing(work, known)
        listed = list(store.unfiled(work.connection, work.institution_id))
        if not listed:
            raise Conflict("没有等备案的账户。先登记退不了的原因，再做备案材料。")
        refuse_last(work, actor, _MAKING, (Permission.OUTPATIENT_CONFIRM, "登记回执"))
        filing_no = store.next_filing_no(work.connection, work.institution_id)
        values = {
            "filing_no": filing_no,
            "accounts": len(listed),
            "total_fen": sum(one.balance_fen for one in listed),
            "sha256": list_digest(listed),
            "risk_note": risk_note,
            "state": "made",
            "made_by": actor.actor_id,
            "made_at": work.now,
        }
        store.add_filing(work.connection, work.institution_id, values, listed)
        keep_number(work, idempotency_key, payload, filing_no)
        work.audit(detail={"filing": filing_no, "accounts": len(listed), "total_fen": values["total_fen"]})
        return _filing(work, filing_no)


def submit_filing(
    context: Context,
    actor: Actor,
    filing_no: int,
    authority: str,
    submitted_on: date,
    *,
    idempotency_key: str = "",
) -> FilingRow:
    """The pack went to the health authority. Raises :class:`MalformedInput` for a day ahead or no authority."""
    actor.require(Permission.OUTPATIENT_FILE)
    authority = required_line(authority, "请填报给哪个卫生健康部门。", "authority", "部门名称")
    with context.work(actor, "outpatient.submit_filing", f"outpatient_filing:{filing_no}") as work:
        payload = {"filing": filing_no, "authority": authority, "on": submitted_on.isoformat()}
        found = _locked(work, filing_no)
        if known_number(work, idempotency_key, payload) is not None:
            return found
        _require_step(found, "submitted")
        require_past_day(submitted_on, work.today, "submitted_on")
        values = {"authority": authority, "submitted_on": submitted_on, "submitted_by": actor.actor_id}
        store.walk_filing(work.connection, work.institution_id, filing_no, state="submitted", **values)
        keep_number(work, idempotency_key, payload, filing_no)
        work.audit(detail={"filing": filing_no, "submitted_on": submitted_on.isoformat()})
        return _filing(work, filing_no)


def acknowledge_filing(
    context: Context,
    actor: Actor,
    filing_no: int,
    acknowledgement_no: str,
    acknowledged_on: date,
    *,
    idempotency_key: str = "",
) -> FilingRow:
    """The authority's acknowledgement, recorded by another person than who made the pack: its accounts are filed.

    Raises :class:`SecondPersonRequired`, :class:`MalformedInput` without a number or for a day before submitting.
    """
    actor.require(Permission.OUTPATIENT_CONFIRM)
    acknowledgement_no = required_line(
        acknowledgement_no, "请填备案回执的编号。", "acknowledgement_no", "备案回执编号"
    )
    with context.work(actor, "outpatient.acknowledge", f"outpatient_filing:{filing_no}") as work:
        payload = {"filing": filing_no, "number": acknowledgement_no, "on": acknowledged_on.isoformat()}
        found = _locked(work, filing_no)
        if known_number(work, idempotency_key, payload) is not None:
            return found
        _require_step(found, "acknowledged")
        actor.require_other_than(found.made_by, "登记回执")
        require_past_day(acknowledged_on, work.today, "acknowledged_on")
        if found.submitted_on is not None and acknowledged_on < found.submitted_on:
            words = f"回执日期早于报送日期 {found.submitted_on}，请核对。"
            raise MalformedInput(words, details={"field": "acknowledged_on"})
        values = {
            "acknowledgement_no": acknowledgement_no,
            "acknowledged_on": acknowledged_on,
            "recorded_by": actor.actor_id,
            "recorded_at": work.now,
        }
        store.walk_filing(work.connection, work.institution_id, filing_no, state="acknowledged", **values)
        filed = store.file_accounts(work.connection, work.institution_id, filing_no, acknowledged_on)
        keep_number(work, idempotency_key, payload, filing_no)
        work.audit(detail={"filing": filing_no, "filed": filed, "acknowledgement": acknowledgement_no})
        return _filing(work, filing_no)


def withdraw_filing(
    context: Context, actor: Actor, filing_no: int, ground: str, *, idempotency_key: str = ""
) -> FilingRow:
    """Take a pack back that isn't acknowledged; its accounts wait for another. Raises :class:`MalformedInput` without
    a ground."""
    actor.require(Permission.OUTPATIENT_FILE)
    ground = required_ground(ground, "请写明为什么撤回。", "note")
    with context.work(actor, "outpatient.withdraw_filing", f"outpatient_filing:{filing_no}") as work:
        payload = {"filing": filing_no, "step": "withdrawn", "ground": ground}
        found = _locked(work, filing_no)
        if known_number(work, idempotency_key, payload) is not None:
            return found
        _require_step(found, "withdrawn")
        ended = {"ended_by": actor.actor_id, "ended_at": work.now, "ended_ground": ground}
        store.walk_filing(work.connection, work.institution_id, filing_no, state="withdrawn", **ended)
        keep_number(work, idempotency_key, payload, filing_no)
        work.audit(detail={"filing": filing_no, "ground": ground})
        return _filing(work, filing_no)


def list_digest(listed: Iterable[ListedAccount]) -> str:
    """SHA-256 over the list as everybody can write it again: ``account,yuan`` a line, by number, UTF-8."""
    digest = hashlib.sha256()
    for one in listed:
        digest.update(digest_line(one))
    return digest.hexdigest()


def digest_line(one: ListedAccount) -> bytes:
    """One line of the text that :func:`list_digest` is made of."""
    return f"{one.account_no},{Money(one.balance_fen).plain()}\n".encode()


def require_past_day(day: date, today: date, field: str) -> None:
    """Raise :class:`MalformedInput` for a day that hasn't come."""
    if day > today:
        words = f"{day} 还没有到。请填今天（{today}）或之前的日期。"
        raise MalformedInput(words, code="day_ahead", details={"field": field})


def _locked(work: UnitOfWork, filing_no: int) -> FilingRow:
    lock_name(work.connection, f"outpatient_filing:{work.institution_id}")
    return _filing(work, filing_no)


def _require_step(found: FilingRow, target: str) -> None:
    if target not in FILING_STEPS[found.state]:
        raise Conflict("这份备案现在不能办这一步。请刷新后再看；本次没有改动。")


def _filing(work: UnitOfWork, filing_no: int) -> FilingRow:
    found: Sequence[FilingRow] = store.filings(work.connection, work.institution_id, filing_no)
    if not found:
        raise NotFound("没有这份备案。请从备案列表里打开。")
    return found[0]
