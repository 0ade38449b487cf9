"""Entries streamed for a check: the database builds the canonical text of each, Python hashes it.

The text is that of :meth:`hospital_prepay.domain.ledger.entry.JournalEntry.canonical`, made from the stored columns;
a test holds the two together. A page is two statements, headers and lines, each one run along a primary key; they
are joined here, because a database that was never analysed may join them row by row.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from hospital_prepay.domain.ledger.seal import leaf

PAGE_ENTRIES = 20_000
_LOWEST, _HIGHEST = -(2**63), 2**63 - 1

Where = dict[str, int | str]
# Number, stored hash, line count, text of a header; number, lines, text, sound of the lines under it.
_Headers = tuple[Sequence[int], Sequence[Any], Sequence[Any], Sequence[bytes | None]]
_Lines = tuple[Sequence[int], Sequence[int], Sequence[bytes | None], Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Page:
    """Entries in order of number; ``leaves`` stand one after another.

    ``altered`` are those whose content doesn't hash to what is stored; ``suspects`` those whose lines are not as
    many as the header says, not balanced, or spread over several funds, which is looked at more closely.
    ``line_count`` counts the lines found under these headers, all above ``after`` and up to ``to``.
    """

    numbers: Sequence[int]
    leaves: bytes
    altered: Sequence[int]
    suspects: Sequence[int]
    line_count: int
    after: int
    to: int


def pages(connection: sa.Connection, institution_id: str) -> Iterator[Page]:
    """Every entry of an institution, also under a number that no honest entry has."""
    after = _LOWEST
    read = _read_postgresql if connection.dialect.name == "postgresql" else _read_sqlite
    bound = sa.text(
        "SELECT entry_no FROM ledger_entry WHERE institution_id = :i AND entry_no > :after"
        " ORDER BY entry_no LIMIT 1 OFFSET :skip"
    )
    while True:
        to = connection.scalar(bound, {"i": institution_id, "after": after, "skip": PAGE_ENTRIES - 1})
        where: Where = {"i": institution_id, "after": after, "to": _HIGHEST if to is None else int(to)}
        yield _page(*read(connection, where), where)
        if to is None:
            return
        after = int(to)


def _page(headers: _Headers, lines: _Lines, where: Where) -> Page:
    numbers, hashes, line_counts, heads = headers
    if lines[0] != numbers:
        lines = _aligned(numbers, lines)
    _, counts, texts, sound = lines
    sha256 = hashlib.sha256
    altered = [
        number
        for number, stored, head, text in zip(numbers, hashes, heads, texts, strict=True)
        if head is None or text is None or sha256(head + b"\x1e" + text).digest() != stored
    ]
    suspects = [
        number
        for number, promised, found, good in zip(numbers, line_counts, counts, sound, strict=True)
        if promised != found or not good
    ]
    return Page(
        numbers, _leaves(numbers, hashes), altered, suspects, sum(counts), int(where["after"]), int(where["to"])
    )


def _aligned(numbers: Sequence[int], lines: _Lines) -> _Lines:
    """Lines for exactly these headers: none for a header without lines; lines without a header fall away."""
    found = {number: rest for number, *rest in zip(*lines, strict=True)}
    rows = [found.get(number, (0, None, False)) for number in numbers]
    return numbers, [row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows]


def _leaves(numbers: Sequence[int], hashes: Sequence[Any]) -> bytes:
    try:
        return b"".join(map(leaf, numbers, hashes))
    except TypeError:  # a value of another type than the column's: no root will match
        return b""


def _read_postgresql(connection: sa.Connection, where: Where) -> tuple[_Headers, _Lines]:
    head = connection.exec_driver_sql(_POSTGRESQL_HEADERS, where).one()
    line = connection.exec_driver_sql(_POSTGRESQL_LINES, where).one()
    return (
        (head.numbers or [], head.hashes or [], head.line_counts or [], _split(head.texts, len(head.numbers or []))),
        (line.numbers or [], line.counts or [], _split(line.texts, len(line.numbers or [])), line.sound or []),
    )


def _split(texts: str | None, count: int) -> Sequence[bytes | None]:
    """Texts that came as one. Group separators inside a text spoil the page, and then all of it counts as altered."""
    parts = texts.encode().split(b"\x1d") if texts is not None else []
    return parts if len(parts) == count else [None] * count


def _read_sqlite(connection: sa.Connection, where: Where) -> tuple[_Headers, _Lines]:
    heads = connection.exec_driver_sql(_SQLITE_HEADERS, where).all()
    lines = connection.exec_driver_sql(_SQLITE_LINES, where).all()
    empty: tuple[list[Any], ...] = ([], [], [], [])
    number, stored, count, text = map(list, zip(*heads, strict=True)) if heads else empty
    under, found, joined, sound = map(list, zip(*lines, strict=True)) if lines else empty
    return (number, stored, count, text), (under, found, joined, sound)


# Gathered into one row a page: a row an entry costs more than hashing it.
_POSTGRESQL_HEADERS = r"""
SELECT array_agg(x.entry_no) AS numbers, array_agg(x.content_hash) AS hashes, array_agg(x.line_count) AS line_counts,
  string_agg(x.canonical, E'\x1d') AS texts
FROM (
  SELECT e.entry_no, e.content_hash, e.line_count,
    concat_ws(E'\x1f', 'v1', e.line_count, e.institution_id, e.idempotency_key, e.kind, e.summary, e.source,
      coalesce(e.reverses_no::text, ''),
      to_char(e.occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"'),
      to_char(e.posted_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"'),
      to_char(e.effective_on, 'YYYY-MM-DD'), e.posted_by) AS canonical
  FROM ledger_entry e
  WHERE e.institution_id = %(i)s AND e.entry_no > %(after)s AND e.entry_no <= %(to)s
  ORDER BY e.entry_no) x
"""

_POSTGRESQL_LINES = r"""
SELECT array_agg(x.entry_no ORDER BY x.entry_no) AS numbers, array_agg(x.n ORDER BY x.entry_no) AS counts,
  string_agg(x.canonical, E'\x1d' ORDER BY x.entry_no) AS texts, array_agg(x.sound ORDER BY x.entry_no) AS sound
FROM (
  SELECT p.entry_no, count(*) AS n,
    string_agg(concat_ws(E'\x1f', p.account_id, p.debit_fen, p.credit_fen, p.fund), E'\x1e' ORDER BY p.line_no)
      AS canonical,
    bool_and(p.debit_fen >= 0 AND p.credit_fen >= 0 AND (p.debit_fen = 0) <> (p.credit_fen = 0))
      AND sum(p.debit_fen) = sum(p.credit_fen) AND min(p.fund) = max(p.fund) AS sound
  FROM (
    SELECT * FROM ledger_posting l
    WHERE l.institution_id = %(i)s AND l.entry_no > %(after)s AND l.entry_no <= %(to)s
    ORDER BY l.entry_no, l.line_no) p
  GROUP BY p.entry_no) x
"""

# Blobs, because a text that isn't UTF-8 could not even be read. NOT INDEXED leaves the primary key, in whose order
# the lines are then joined.
_SQLITE_HEADERS = r"""
SELECT e.entry_no, e.content_hash, e.line_count,
  CAST('v1' || char(31) || e.line_count || char(31) || e.institution_id || char(31) ||
    e.idempotency_key || char(31) || e.kind || char(31) || e.summary || char(31) || e.source || char(31) ||
    coalesce(e.reverses_no, '') || char(31) || e.occurred_at || char(31) || e.posted_at || char(31) ||
    e.effective_on || char(31) || e.posted_by AS BLOB)
FROM ledger_entry e NOT INDEXED
WHERE e.institution_id = :i AND e.entry_no > :after AND e.entry_no <= :to ORDER BY e.entry_no
"""

_SQLITE_LINES = r"""
SELECT p.entry_no, count(*),
  CAST(group_concat(p.account_id || char(31) || p.debit_fen || char(31) || p.credit_fen || char(31) || p.fund,
    char(30)) AS BLOB),
  min(p.debit_fen >= 0 AND p.credit_fen >= 0 AND (p.debit_fen = 0) <> (p.credit_fen = 0))
    AND sum(p.debit_fen) = sum(p.credit_fen) AND min(p.fund) = max(p.fund)
FROM ledger_posting p NOT INDEXED
WHERE p.institution_id = :i AND p.entry_no > :after AND p.entry_no <= :to
GROUP BY p.entry_no ORDER BY p.entry_no
"""
