"""Entries streamed for a check: the database builds the canonical text of each, Python hashes it.

The text is that of :meth:`hospital_prepay.domain.ledger.entry.JournalEntry.canonical`, made from the stored columns;
a test holds the two together. A page is one statement: asking entry by entry costs twenty times as much.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from hospital_prepay.domain.ledger.seal import leaf

PAGE_ENTRIES = 20_000
_LOWEST, _HIGHEST = -(2**63), 2**63 - 1


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
        yield read(connection, {"i": institution_id, "after": after, "to": _HIGHEST if to is None else to})
        if to is None:
            return
        after = int(to)


def _read_postgresql(connection: sa.Connection, where: dict[str, int | str]) -> Page:
    row = connection.exec_driver_sql(_POSTGRESQL, where).one()
    numbers = row.numbers or []
    texts = row.texts.encode().split(b"\x1d") if numbers else []
    altered: list[int] = []
    if len(texts) != len(numbers) or _digests(texts) != (row.hashes or b""):
        altered = _altered_one_by_one(connection, where)
    return _page(where, numbers, row.leaves or b"", altered, row.suspects or [], row.line_count or 0)


def _read_sqlite(connection: sa.Connection, where: dict[str, int | str]) -> Page:
    rows = connection.exec_driver_sql(_SQLITE, where).all()
    sha256 = hashlib.sha256
    altered = [no for no, stored, text, _, _ in rows if text is None or sha256(text).digest() != stored]
    try:
        leaves = b"".join([leaf(no, stored) for no, stored, _, _, _ in rows])
    except (AttributeError, TypeError):  # a value of another type than the column's: no root will match
        leaves = b""
    suspects = [row[0] for row in rows if row[3] != 1]
    return _page(where, [row[0] for row in rows], leaves, altered, suspects, sum(row[4] for row in rows))


def _page(
    where: dict[str, int | str],
    numbers: list[int],
    leaves: bytes,
    altered: list[int],
    suspects: list[int],
    line_count: int,
) -> Page:
    after, to = int(where["after"]), int(where["to"])
    return Page(numbers, leaves, altered, suspects, line_count, after, to)


def _altered_one_by_one(connection: sa.Connection, where: dict[str, int | str]) -> list[int]:
    rows = connection.exec_driver_sql(_POSTGRESQL_EACH, where)
    return [
        row.entry_no
        for row in rows
        if row.canonical is None or hashlib.sha256(row.canonical.encode()).digest() != row.content_hash
    ]


def _digests(texts: Sequence[bytes]) -> bytes:
    sha256 = hashlib.sha256
    return b"".join([sha256(text).digest() for text in texts])


# One row an entry: number, stored hash, canonical text, whether its lines are sound. A column that is NULL makes
# the text NULL, and that never hashes to anything stored.
_POSTGRESQL_EACH = r"""
SELECT e.entry_no, e.content_hash,
  concat_ws(E'\x1f', 'v1', e.line_count, e.institution_id, e.idempotency_key, e.kind, e.summary, e.source,
    coalesce(e.reverses_no::text, ''),
    to_char(e.occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"'),
    to_char(e.posted_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"'),
    to_char(e.effective_on, 'YYYY-MM-DD'), e.posted_by) || E'\x1e' || l.lines AS canonical,
  (l.sound AND l.n = e.line_count) IS TRUE AS sound, coalesce(l.n, 0) AS n
FROM ledger_entry e LEFT JOIN (
  SELECT p.entry_no, count(*) AS n,
    string_agg(concat_ws(E'\x1f', p.account_id, p.debit_fen, p.credit_fen, p.fund), E'\x1e' ORDER BY p.line_no)
      AS lines,
    bool_and(p.debit_fen >= 0 AND p.credit_fen >= 0 AND (p.debit_fen = 0) <> (p.credit_fen = 0))
      AND sum(p.debit_fen) = sum(p.credit_fen) AND min(p.fund) = max(p.fund) AS sound
  FROM ledger_posting p
  WHERE p.institution_id = %(i)s AND p.entry_no > %(after)s AND p.entry_no <= %(to)s
  GROUP BY p.entry_no) l ON l.entry_no = e.entry_no
WHERE e.institution_id = %(i)s AND e.entry_no > %(after)s AND e.entry_no <= %(to)s
ORDER BY e.entry_no
"""

# The same, gathered into one row a page: a row an entry costs more than hashing it.
_POSTGRESQL = rf"""
SELECT array_agg(x.entry_no) AS numbers, string_agg(x.content_hash, ''::bytea) AS hashes,
  string_agg(int8send(x.entry_no) || x.content_hash, ''::bytea) AS leaves,
  string_agg(coalesce(x.canonical, ''), E'\x1d') AS texts,
  array_agg(x.entry_no) FILTER (WHERE NOT x.sound) AS suspects, sum(x.n)::bigint AS line_count
FROM ({_POSTGRESQL_EACH}) x
"""

_SQLITE = r"""
SELECT e.entry_no, e.content_hash,
  CAST('v1' || char(31) || e.line_count || char(31) || e.institution_id || char(31) ||
  e.idempotency_key || char(31) || e.kind || char(31) ||
  e.summary || char(31) || e.source || char(31) || coalesce(e.reverses_no, '') || char(31) || e.occurred_at ||
  char(31) || e.posted_at || char(31) || e.effective_on || char(31) || e.posted_by || char(30) || l.lines
    AS BLOB),
  l.sound AND l.n = e.line_count, coalesce(l.n, 0)
FROM ledger_entry e LEFT JOIN (
  SELECT p.entry_no, count(*) AS n,
    group_concat(p.account_id || char(31) || p.debit_fen || char(31) || p.credit_fen || char(31) || p.fund,
      char(30)) AS lines,
    min(p.debit_fen >= 0 AND p.credit_fen >= 0 AND (p.debit_fen = 0) <> (p.credit_fen = 0))
      AND sum(p.debit_fen) = sum(p.credit_fen) AND min(p.fund) = max(p.fund) AS sound
  FROM (SELECT * FROM ledger_posting
        WHERE institution_id = :i AND entry_no > :after AND entry_no <= :to
        ORDER BY institution_id, entry_no, line_no) p
  GROUP BY p.entry_no) l ON l.entry_no = e.entry_no
WHERE e.institution_id = :i AND e.entry_no > :after AND e.entry_no <= :to
ORDER BY e.entry_no
"""
