"""Journal entries as values: balanced before they reach a database, hashed the same on every one."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime
from typing import Final

from hospital_prepay.domain.errors import LedgerFault
from hospital_prepay.domain.money import ZERO, Money

_FIELD, _LINE = "\x1f", "\x1e"
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_ONE_SIDE: Final = "每条分录只能有一边，且金额大于零；没有入账。"


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


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryHead:
    """What an entry (记账凭证) says of itself as a whole.

    ``occurred_at`` is when it happened at the counter or the bank, ``posted_at`` when the books took it,
    ``effective_on`` the day whose rule applied. ``source`` names what it stands for, ``idempotency_key`` makes it
    unique.
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
    reverses_no: int | None = None

    def canonical_of(self, lines: Sequence[tuple[str, int, int, str]]) -> bytes:
        """The bytes that the content hash covers: every stored field but the number. ``lines`` are account, debit
        and credit in fen, and fund.

        The number of lines stands first, so that no text with separators in it can pass for lines.
        """
        head = (
            "v1",
            str(len(lines)),
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
        told = [f"{account}{_FIELD}{debit}{_FIELD}{credit}{_FIELD}{fund}" for account, debit, credit, fund in lines]
        return _LINE.join((_FIELD.join(head), *told)).encode()

    def check_texts(self, accounts: Iterable[str], funds: Iterable[str] = ()) -> None:
        """Nothing for texts that can be entered; raises :class:`LedgerFault` for one with control characters."""
        own = (self.institution_id, self.idempotency_key, self.kind, self.summary, self.source, self.posted_by)
        if _CONTROL.search("".join((*own, *accounts, *funds))):
            raise LedgerFault("凭证文字里有不能入账的控制字符，没有入账。")


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry(EntryHead):
    """A balanced entry, ready to be posted. Raises :class:`LedgerFault` when it does not balance within each fund."""

    postings: tuple[Posting, ...]

    def __post_init__(self) -> None:
        # Sorted accounts are the lock order; ties keep the order given.
        object.__setattr__(self, "postings", tuple(sorted(self.postings, key=lambda p: p.account_id.encode())))
        _check_balance(self.postings)
        self.check_texts((p.account_id for p in self.postings), (p.fund for p in self.postings))

    def canonical(self) -> bytes:
        """The bytes that the content hash covers, see :meth:`canonical_of`."""
        return self.canonical_of([(p.account_id, p.debit.fen, p.credit.fen, p.fund) for p in self.postings])

    def content_hash(self) -> bytes:
        """SHA-256 of :meth:`canonical`."""
        return hashlib.sha256(self.canonical()).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadyEntry(EntryHead):
    """A long entry that only has to be written: its lines as columns in their order, its hash computed, and nothing
    in it that another process couldn't hand over quickly. Made by :meth:`opening`, so it balances."""

    content_hash: bytes
    account_ids: list[str]
    debits: list[int]
    credits: list[int]
    funds: list[str]

    @classmethod
    def opening(cls, head: EntryHead, against: str, account_ids: Sequence[str], fen: Sequence[int]) -> ReadyEntry:
        """An entry that credits each of ``account_ids`` with its ``fen`` and debits their sum to the account
        ``against``; it has no fund. The same as a :class:`JournalEntry` of those lines, in a third of the time.

        Raises :class:`LedgerFault` as :class:`JournalEntry` does.
        """
        if not fen or min(fen) <= 0:
            raise LedgerFault(_ONE_SIDE)
        # The order of characters is that of their bytes in UTF-8.
        sides = sorted(
            [(against, sum(fen), 0), *((name, 0, one) for name, one in zip(account_ids, fen, strict=True))]
        )
        ids, debited, credited = ([*column] for column in zip(*sides, strict=True))
        head.check_texts(ids)
        content = head.canonical_of([(*side, "") for side in sides])
        return cls(
            **{field.name: getattr(head, field.name) for field in fields(EntryHead)},
            content_hash=hashlib.sha256(content).digest(),
            account_ids=ids,
            debits=debited,
            credits=credited,
            funds=[""] * len(ids),
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
            raise LedgerFault(_ONE_SIDE)
        sums[posting.fund] = sums.get(posting.fund, 0) + debit - credit
    if count < 2 or any(sums.values()):
        raise LedgerFault("凭证借贷不平，没有入账。")
