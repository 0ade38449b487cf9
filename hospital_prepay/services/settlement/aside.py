"""Messages that stand aside: seen by people, taken again once what was wrong is mended, or dropped with a ground."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Final

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import Conflict, MalformedInput, PrepayError
from hospital_prepay.domain.masking import mask_name, mask_within
from hospital_prepay.files.hl7_charset import UTF_8, WrongCharset, decode
from hospital_prepay.persistence import visits as store
from hospital_prepay.persistence.visits import AsideRow, SourceCount
from hospital_prepay.services.context import Context
from hospital_prepay.services.settlement.intake import RAW, Outcome, Taken, TooLong, take_hl7

# Frozen rows that pages show, under the service's own name: pages know no tables.
__all__ = ["SourceCount"]
A_PAGE: Final = 50
_A_WEEK: Final = timedelta(days=7)
_A_DAY: Final = timedelta(days=1)
_MOST_NUMBERS: Final = 100_000
_SHOWN: Final = 1500


@dataclass(frozen=True, slots=True)
class AsideMessage:
    """A message that stands aside; its text with the numbers of people masked."""

    message_id: str
    source: str
    sender: str
    control_no: str
    event: str
    reason: str
    received_at: datetime
    text: str
    may_be_taken: bool


@dataclass(frozen=True, slots=True)
class Gap:
    """Sequence numbers that a sender left out."""

    sender: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Intake:
    """What came in of late: by source in a day, what stands aside, and gaps in the numbers of a week."""

    sources: tuple[SourceCount, ...]
    number: int
    messages: tuple[AsideMessage, ...]
    gaps: tuple[Gap, ...]


def look(context: Context, actor: Actor, page: int) -> Intake:
    """What came in, and what stands aside."""
    actor.require(Permission.SETTLEMENT_MANAGE)
    institution, now = actor.institution_id, context.clock.now()
    with context.database.reading() as connection:
        rows = store.aside(connection, institution, limit=A_PAGE, offset=(page - 1) * A_PAGE)
        return Intake(
            tuple(store.sources_since(connection, institution, now - _A_DAY)),
            store.aside_count(connection, institution),
            tuple(_shown(context, institution, row) for row in rows),
            tuple(gaps_in(store.sequence_numbers(connection, institution, now - _A_WEEK, _MOST_NUMBERS))),
        )


def gaps_in(numbers: Iterable[tuple[str, int]]) -> Iterator[Gap]:
    """The numbers that are missing between those that came, by sender; ``numbers`` are sorted."""
    for sender, told in groupby(numbers, key=lambda one: one[0]):
        before: int | None = None
        for _, number in told:
            if before is not None and number > before + 1:
                yield Gap(sender, before + 1, number - 1)
            before = number


def take_again(context: Context, actor: Actor, message_id: str) -> Taken:
    """Take in a message that stands aside. What still can't be used stays where it is; what turns out to be none of
    ours is dropped. Raises as :func:`drop` does."""
    actor.require(Permission.SETTLEMENT_MANAGE)
    with context.work(actor, "visit.replay", message_id) as work:
        row = store.lock_aside(work.connection, work.institution_id, message_id)
        raw = _bytes(context, work.institution_id, row)
        if row.reason_code == TooLong.code or raw is None:
            raise Conflict("只留下了这条报文的开头，不能重新处理。请让对方重发，再作废这一条。")
        work.audit(detail={"control_no": row.control_no})
    taken = take_hl7(context, actor, raw, row.source)
    if taken.outcome is Outcome.IGNORED:
        drop(context, actor, message_id, taken.reason)
    return taken


def take_all_again(context: Context, actor: Actor, message_ids: Iterable[str]) -> list[Taken | PrepayError]:
    """:func:`take_again` for each, one by one; what keeps one back keeps no other back."""
    answers: list[Taken | PrepayError] = []
    for one in message_ids:
        try:
            answers.append(take_again(context, actor, one))
        except PrepayError as error:
            answers.append(error)
    return answers


def drop(context: Context, actor: Actor, message_id: str, ground: str) -> None:
    """Give up a message that stands aside. Raises :class:`~hospital_prepay.domain.errors.NotFound`, and
    :class:`Conflict` when somebody was first."""
    actor.require(Permission.SETTLEMENT_MANAGE)
    if not ground.strip():
        raise MalformedInput("请写明为什么作废。", code="missing_value", details={"field": "ground"})
    with context.work(actor, "visit.drop", message_id) as work:
        row = store.lock_aside(work.connection, work.institution_id, message_id)
        values = {"state": "dropped", "decided_by": actor.actor_id, "decided_at": work.now, "raw_enc": None}
        store.decide_message(work.connection, work.institution_id, message_id, values)
        work.audit(detail={"control_no": row.control_no, "ground": ground.strip()})


def _bytes(context: Context, institution_id: str, row: AsideRow) -> bytes | None:
    if row.raw_enc is None:
        return None
    return context.cipher.decrypt(row.raw_enc, institution=institution_id, field=RAW).encode("latin-1")


def _shown(context: Context, institution_id: str, row: AsideRow) -> AsideMessage:
    raw = _bytes(context, institution_id, row) or b""
    try:
        text = decode(raw)
    except WrongCharset:
        text = raw.decode(UTF_8, "replace")
    return AsideMessage(
        row.message_id,
        row.source,
        row.sender,
        row.control_no,
        row.event,
        row.reason,
        row.received_at,
        mask_within(_without_names(text[:_SHOWN].replace("\r", "\n"))),
        row.reason_code != TooLong.code,
    )


# Fields that hold names of people: of the patient, of relatives, of whoever is insured.
_NAMES: Final = {"PID": (5, 6, 9), "NK1": (2,), "IN1": (16,), "MRG": (7,), "GT1": (3,)}


def _without_names(text: str) -> str:
    lines = []
    for line in text.split("\n"):
        fields = line.split(line[3]) if len(line) > 3 else [line]
        for number in _NAMES.get(line[:3], ()):
            if len(fields) > number and fields[number]:
                fields[number] = mask_name(fields[number].partition("^")[0] or "无名")
        lines.append(line[3].join(fields) if len(line) > 3 else line)
    return "\n".join(lines)
