"""Arrears of discharged patients (欠费): who owes, since when, what was promised and who spoke with whom.

Nothing here holds a discharge back or adds interest: house rule.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any, Final

from hospital_prepay.clock import local
from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import Conflict, MalformedInput
from hospital_prepay.domain.rules.settlement.arrears import (
    Band,
    Instalment,
    Kept,
    Standing,
    band_of,
    promise_fault,
    promise_state,
)
from hospital_prepay.persistence import arrears as store
from hospital_prepay.persistence import stays
from hospital_prepay.persistence.arrears import ActRow, ContactRow, OwingRow, PromiseRow
from hospital_prepay.persistence.queries import people
from hospital_prepay.persistence.stays import StayState
from hospital_prepay.services.context import Context

__all__ = ["ActRow", "ContactRow", "OwingRow", "PromiseRow", "StayState"]
A_PAGE: Final = 100
WAYS: Final = {"phone": "电话", "sms": "短信", "visit": "当面", "letter": "催缴函"}
_LONGEST: Final = 200


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which arrears a list holds; empty where all are meant."""

    ward: str = ""
    insured_class: str = ""
    band: Band | None = None
    kept: Kept | None = None


@dataclass(frozen=True, slots=True)
class BandSum:
    """How many stays of a band owe, and how much, in fen."""

    band: Band
    number: int
    owed_fen: int


@dataclass(frozen=True, slots=True)
class Owing:
    """A stay that owes, with how old that is, how its newest promise stands and the last contact."""

    row: OwingRow
    settled_on: date
    band: Band
    kept: Kept | None
    contact: ContactRow | None


@dataclass(frozen=True, slots=True)
class Arrears:
    """A list of arrears with its sums in fen. ``bands`` counts what the other filters leave; ``written_off`` are the
    stays (number, patient, fen) whose claim is out of the books and still taken."""

    rows: tuple[Owing, ...]
    bands: tuple[BandSum, ...]
    number: int
    owed_fen: int
    provided_fen: int
    wards: tuple[str, ...]
    waiting: tuple[ActRow, ...]
    written_off: tuple[tuple[str, str, int], ...]


@dataclass(frozen=True, slots=True)
class Promise:
    """A promise and how it stands; only the newest of a stay counts."""

    row: PromiseRow
    instalments: tuple[Instalment, ...]
    paid_fen: int
    kept: Kept


@dataclass(frozen=True, slots=True)
class StayArrears:
    """Everything about one stay's arrears; ``names`` are the people by id."""

    state: StayState
    standing: Standing
    paid_fen: int
    promises: tuple[Promise, ...]
    contacts: tuple[ContactRow, ...]
    acts: tuple[ActRow, ...]
    names: dict[str, str]


@dataclass(frozen=True, slots=True)
class MakePromise:
    """A plan of the patient: how much by when."""

    stay_no: str
    instalments: tuple[Instalment, ...]
    note: str
    idempotency_key: str


@dataclass(frozen=True, slots=True)
class NoteContact:
    """A contact that took place, or a letter to be sent."""

    stay_no: str
    way: str
    words: str
    idempotency_key: str


def list_arrears(context: Context, actor: Actor, chosen: Chosen, *, page: int | None = 1) -> Arrears:
    """Who owes, the oldest first; ``page`` ``None`` for all. Needs ``settlement.view``."""
    actor.require(Permission.SETTLEMENT_VIEW)
    own, today = actor.institution_id, context.clock.today()
    with context.database.reading() as connection:
        everyone = store.owing(connection, own)
        found = [
            _owing(one, today)
            for one in everyone
            if chosen.ward in ("", one.ward) and chosen.insured_class in ("", one.insured_class)
        ]
        rows = [one for one in found if chosen.band in (None, one.band)]
        first = 0 if page is None else (page - 1) * A_PAGE
        needed = rows if page is None or chosen.kept is not None else rows[first : first + A_PAGE]
        stay_nos = [one.row.stay_no for one in needed]
        promises = _newest(store.promises_of(connection, own, *stay_nos))
        contacts = _newest(store.contacts_of(connection, own, *stay_nos))
        paid = {stay_no: store.paid_fen(connection, own, stay_no) for stay_no in promises}
        waiting = store.waiting_acts(connection, own)
        written_off = store.written_off(connection, own)
    told = [
        replace(one, kept=_kept(promises.get(no), paid.get(no, 0), today), contact=contacts.get(no))
        for one in needed
        for no in (one.row.stay_no,)
    ]
    if chosen.kept is not None:
        rows = told = [one for one in told if one.kept is chosen.kept]
        told = told if page is None else told[first : first + A_PAGE]
    return Arrears(
        rows=tuple(told),
        bands=tuple(_sum(band, found) for band in Band),
        number=len(rows),
        owed_fen=sum(one.row.owed_fen for one in rows),
        provided_fen=sum(one.row.provided_fen for one in rows),
        wards=tuple(sorted({one.ward for one in everyone})),
        waiting=tuple(waiting),
        written_off=tuple(written_off),
    )


def arrears_of(context: Context, actor: Actor, stay_no: str) -> StayArrears:
    """One stay's arrears. Needs ``settlement.view``. Raises :class:`NotFound` for an unknown stay."""
    actor.require(Permission.SETTLEMENT_VIEW)
    own, today = actor.institution_id, context.clock.today()
    with context.database.reading() as connection:
        paid = store.paid_fen(connection, own, stay_no)
        return StayArrears(
            state=stays.read_stay(connection, own, stay_no),
            standing=store.standing_of(connection, own, stay_no),
            paid_fen=paid,
            promises=tuple(_promise(one, paid, today) for one in store.promises_of(connection, own, stay_no)),
            contacts=tuple(store.contacts_of(connection, own, stay_no)),
            acts=tuple(store.acts_of(connection, own, stay_no)),
            names=people.names(connection, own),
        )


def make_promise(context: Context, actor: Actor, command: MakePromise) -> int:
    """Keep a promise; returns its number. It takes the place of an earlier one. Needs ``settlement.manage``.

    Raises :class:`MalformedInput` for a plan that can't be kept, above what is owed or in the past.
    """
    actor.require(Permission.SETTLEMENT_MANAGE)
    with context.work(actor, "arrears.promise", command.stay_no) as work:
        stays.lock_stay(work.connection, work.institution_id, command.stay_no)
        parts = [{"due_on": one.due_on.isoformat(), "amount_fen": one.amount_fen} for one in command.instalments]
        payload = {**asdict(command), "instalments": parts}
        known = work.known_answer(command.idempotency_key, payload)
        if known is not None:
            return int(known["promise_no"])
        owed = store.standing_of(work.connection, work.institution_id, command.stay_no).owed_fen
        fault = "这次住院没有欠费。" if not owed else promise_fault(command.instalments, owed, work.today)
        if fault:
            raise MalformedInput(fault, details={"field": "instalments"})
        number = 1 + len(store.promises_of(work.connection, work.institution_id, command.stay_no))
        before = store.paid_fen(work.connection, work.institution_id, command.stay_no)
        row = PromiseRow(command.stay_no, number, parts, owed, before, command.note.strip(), actor.actor_id, work.now)
        store.add_promise(work.connection, work.institution_id, row)
        work.audit(detail={"promise": number, "instalments": parts})
        work.keep_answer(command.idempotency_key, payload, {"promise_no": number})
        return number


def note_contact(context: Context, actor: Actor, command: NoteContact) -> int:
    """Keep a contact, or write a letter; returns its number. Needs ``settlement.manage``.

    Raises :class:`Conflict` where nothing is owed: nobody is written to then.
    """
    actor.require(Permission.SETTLEMENT_MANAGE)
    words = command.words.strip()
    if command.way not in WAYS:
        raise MalformedInput("请选联系的方式。", details={"field": "way"})
    if command.way != "letter" and not words:
        raise MalformedInput("请写联系的结果。", code="missing_value", details={"field": "words"})
    if len(words) > _LONGEST:
        raise MalformedInput(f"最多 {_LONGEST} 个字。", details={"field": "words"})
    with context.work(actor, "arrears.contact", command.stay_no) as work:
        stays.lock_stay(work.connection, work.institution_id, command.stay_no)
        payload = asdict(command)
        known = work.known_answer(command.idempotency_key, payload)
        if known is not None:
            return int(known["contact_no"])
        owed = store.standing_of(work.connection, work.institution_id, command.stay_no).owed_fen
        if not owed:
            raise Conflict("这次住院没有欠费，不用联系。")
        number = 1 + len(store.contacts_of(work.connection, work.institution_id, command.stay_no))
        row = ContactRow(command.stay_no, number, command.way, words, owed, actor.actor_id, work.now)
        store.add_contact(work.connection, work.institution_id, row)
        work.audit(detail={"contact": number, "way": command.way, "owed_fen": owed})
        work.keep_answer(command.idempotency_key, payload, {"contact_no": number})
        return number


def _owing(row: OwingRow, today: date) -> Owing:
    settled_on = local(row.settled_at).date()
    return Owing(row, settled_on, band_of(settled_on, today), None, None)


def _sum(band: Band, found: list[Owing]) -> BandSum:
    of = [one.row.owed_fen for one in found if one.band is band]
    return BandSum(band, len(of), sum(of))


def _newest(rows: Any) -> dict[str, Any]:
    newest: dict[str, Any] = {}
    for one in rows:
        newest.setdefault(one.stay_no, one)
    return newest


def _promise(row: PromiseRow, paid_fen: int, today: date) -> Promise:
    parts = tuple(Instalment(date.fromisoformat(one["due_on"]), one["amount_fen"]) for one in row.instalments)
    since = max(0, paid_fen - row.paid_before_fen)
    return Promise(row, parts, since, promise_state(parts, since, today))


def _kept(row: PromiseRow | None, paid_fen: int, today: date) -> Kept | None:
    return None if row is None else _promise(row, paid_fen, today).kept
