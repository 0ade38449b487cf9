"""Journal entries as values: balanced before they reach a database, hashed the same on every one."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

from hospital_prepay.domain.errors import LedgerFault
from hospital_prepay.domain.money import ZERO, Money

_FIELD, _LINE = "\x1f", "\x1e"
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Posting:
    """One line: an account and either a debit or a credit. ``fund`` names a restricted fund, or is empty."""

    account_id: str
    debit: Money = ZERO
    credit: Money = ZERO
    fund: str = ""

    def reversed(self) -> Posting:
        """The same line in red: its sides exchanged."""
        return replace(self, debit=self.credit, credit=self.debit)


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """A balanced entry (记账凭证), ready to be posted.

    ``occurred_at`` is when it happened at the counter or the bank, ``posted_at`` when the books took it,
    ``effective_on`` the day whose rule applied. ``source`` names what it stands for, ``idempotency_key`` makes it
    unique. Raises :class:`LedgerFault` when it does not balance within each fund.
    """

    institution_id: str
    idempotency_key: str
    kind: str
    summary: str
    source: str
    occurred_at: datetime
    posted_at: datetime
    effective_on: date
    posted_by: str
    postings: tuple[Posting, ...]
    reverses_no: int | None = None

    def __post_init__(self) -> None:
        # Sorted accounts are the lock order; ties keep the order given.
        object.__setattr__(self, "postings", tuple(sorted(self.postings, key=lambda p: p.account_id.encode())))
        _check_balance(self.postings)
        texts = (self.institution_id, self.idempotency_key, self.kind, self.summary, self.source, self.posted_by)
        lines = [text for posting in self.postings for text in (posting.account_id, posting.fund)]
        if _CONTROL.search("".join((*texts, *lines))):
            raise LedgerFault("凭证文字里有不能入账的控制字符，没有入账。")

    def canonical(self) -> bytes:
        """The bytes that the content hash covers: every stored field but the number.

        The number of lines stands first, so that no text with separators in it can pass for lines.
        """
        head = (
            "v1",
            str(len(self.postings)),
            self.institution_id,
            self.idempotency_key,
            self.kind,
            self.summary,
            self.source,
            "" if self.reverses_no is None else str(self.reverses_no),
            utc_text(self.occurred_at),
            utc_text(self.posted_at),
            self.effective_on.isoformat(),
            self.posted_by,
        )
        lines = [f"{p.account_id}{_FIELD}{p.debit.fen}{_FIELD}{p.credit.fen}{_FIELD}{p.fund}" for p in self.postings]
        return _LINE.join((_FIELD.join(head), *lines)).encode()

    def content_hash(self) -> bytes:
        """SHA-256 of :meth:`canonical`."""
        return hashlib.sha256(self.canonical()).digest()


@dataclass(frozen=True, slots=True)
class ReadyEntry:
    """A long entry that only has to be written: its lines as columns in their order, its hash computed, and nothing
    in it that another process couldn't hand over quickly. Made of an entry, which balances."""

    institution_id: str
    idempotency_key: str
    kind: str
    summary: str
    source: str
    occurred_at: datetime
    posted_at: datetime
    effective_on: date
    posted_by: str
    content_hash: bytes
    account_ids: list[str]
    debits: list[int]
    credits: list[int]
    funds: list[str]
    reverses_no: int | None = None

    @classmethod
    def of(cls, entry: JournalEntry) -> ReadyEntry:
        """The same entry; amounts in fen."""
        lines = entry.postings
        return cls(
            institution_id=entry.institution_id,
            idempotency_key=entry.idempotency_key,
            kind=entry.kind,
            summary=entry.summary,
            source=entry.source,
            occurred_at=entry.occurred_at,
            posted_at=entry.posted_at,
            effective_on=entry.effective_on,
            posted_by=entry.posted_by,
            content_hash=entry.content_hash(),
            account_ids=[line.account_id for line in lines],
            debits=[line.debit.fen for line in lines],
            credits=[line.credit.fen for line in lines],
            funds=[line.fund for line in lines],
            reverses_no=entry.reverses_no,
        )


def shared_head(entries: Sequence[JournalEntry]) -> JournalEntry:
    """The first of entries that may be posted in one call. Raises :class:`LedgerFault` when their heads differ."""
    first = entries[0]
    head = _batch_head(first)
    if first.reverses_no is not None or any(_batch_head(entry) != head for entry in entries):
        raise LedgerFault("一起入账的凭证，除编号、来源和分录外必须相同；没有入账。")
    return first


def _batch_head(entry: JournalEntry) -> tuple[object, ...]:
    return (
        entry.institution_id,
        entry.kind,
        entry.summary,
        entry.occurred_at,
        entry.posted_at,
        entry.effective_on,
        entry.posted_by,
        entry.reverses_no is None,
    )


def reversing(
    entry: JournalEntry,
    entry_no: int,
    *,
    idempotency_key: str,
    kind: str,
    summary: str,
    at: datetime,
    day: date,
    by: str,
) -> JournalEntry:
    """The red-letter entry (红字冲销) of ``entry``: the same lines with their sides exchanged."""
    return JournalEntry(
        institution_id=entry.institution_id,
        idempotency_key=idempotency_key,
        kind=kind,
        summary=summary,
        source=entry.source,
        occurred_at=at,
        posted_at=at,
        effective_on=day,
        posted_by=by,
        postings=tuple(p.reversed() for p in entry.postings),
        reverses_no=entry_no,
    )


def utc_text(moment: datetime) -> str:
    """ISO text in UTC, always with microseconds: what both databases keep of a moment."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def _check_balance(postings: Iterable[Posting]) -> None:
    sums: dict[str, int] = {}
    count = 0
    for posting in postings:
        count += 1
        debit, credit = posting.debit.fen, posting.credit.fen
        if debit < 0 or credit < 0 or (debit == 0) == (credit == 0):
            raise LedgerFault("每条分录只能有一边，且金额大于零；没有入账。")
        sums[posting.fund] = sums.get(posting.fund, 0) + debit - credit
    if count < 2 or any(sums.values()):
        raise LedgerFault("凭证借贷不平，没有入账。")
