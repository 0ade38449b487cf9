"""Totals of the lines on grants, so that a usage report needn't add up millions of them each time.

When books are sealed, the lines of the next :data:`RUN_ENTRIES` sealed entries are added up by account, kind and
month and written down for good; a report takes these totals and adds the lines behind them. Nothing at a desk writes
them. The check of the books adds every run up again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import astuple
from datetime import date, datetime
from typing import Any, Final

import sqlalchemy as sa

from hospital_prepay.domain.ledger.chart import reserved_account
from hospital_prepay.domain.ledger.grant_usage import PAYMENTS, Turnover, accounts_of, month_of
from hospital_prepay.persistence.models.fund import FundGrant
from hospital_prepay.persistence.models.fund_reports import FundTotal, FundTotalRun
from hospital_prepay.persistence.models.ledger import LedgerBlock

# Entries whose lines are added up at once: what a report has to add up by itself is never much more.
RUN_ENTRIES: Final = 50_000
_LAST: Final = 2**62

_LINES: Final = """
SELECT p.account_id, e.kind, e.effective_on AS day, '' AS category,
  sum(p.debit_fen) AS debit, sum(p.credit_fen) AS credit, count(*) AS line_count
FROM ledger_posting p
JOIN ledger_entry e ON e.institution_id = p.institution_id AND e.entry_no = p.entry_no
WHERE p.institution_id = :i AND p.account_id IN :accounts AND p.entry_no > :after AND p.entry_no <= :through
GROUP BY p.account_id, e.kind, e.effective_on
"""

# What payments were for, from the lines of the request that the entry names as its source.
_USES: Final = """
SELECT p.account_id, e.kind, e.effective_on AS day, l.category,
  sum(CASE WHEN p.debit_fen > 0 THEN l.amount_fen ELSE 0 END) AS debit,
  sum(CASE WHEN p.credit_fen > 0 THEN l.amount_fen ELSE 0 END) AS credit, count(*) AS line_count
FROM ledger_posting p
JOIN ledger_entry e ON e.institution_id = p.institution_id AND e.entry_no = p.entry_no
JOIN fund_request_line l ON l.institution_id = p.institution_id AND l.request_id = substr(e.source, 14)
WHERE p.institution_id = :i AND p.account_id IN :accounts AND p.entry_no > :after AND p.entry_no <= :through
  AND e.kind IN :payments AND e.source LIKE 'fund_request:%'
GROUP BY p.account_id, e.kind, e.effective_on, l.category
"""


def grant_turnovers(
    connection: sa.Connection, institution_id: str, *, after: int = 0, through: int = _LAST
) -> list[Turnover]:
    """Every line on a grant of the entries after one number and through another, added up by account, kind, month."""
    grants = _grants(connection, institution_id)
    if not grants:
        return []
    where = {"i": institution_id, "after": after, "through": through}
    everything = [account for grant_id in grants for account in accounts_of(grant_id)]
    lines = _asked(_LINES, "accounts").columns(day=sa.Date())
    uses = _asked(_USES, "accounts", "payments").columns(day=sa.Date())
    rows = [
        *connection.execute(lines, {**where, "accounts": everything}),
        *connection.execute(
            uses, {**where, "accounts": [reserved_account(one) for one in grants], "payments": PAYMENTS}
        ),
    ]
    return _by_month(rows)


def stored_turnovers(connection: sa.Connection, institution_id: str) -> tuple[int, list[Turnover]]:
    """The totals of all runs, and the number through which they go."""
    key = (FundTotal.account_id, FundTotal.kind, FundTotal.month, FundTotal.category)
    sums = (sa.func.sum(column) for column in (FundTotal.debit_fen, FundTotal.credit_fen, FundTotal.line_count))
    rows = connection.execute(sa.select(*key, *sums).where(FundTotal.institution_id == institution_id).group_by(*key))
    found = [Turnover(*row[:4], *(int(amount) for amount in row[4:])) for row in rows]
    return _through(connection, institution_id), found


def keep_totals(connection: sa.Connection, institution_id: str, now: datetime) -> bool:
    """Add up the next run of sealed entries and keep it; whether there was one.

    The run is written last: the database takes none whose totals aren't what its lines come to.
    """
    after = _through(connection, institution_id)
    sealed = connection.scalar(
        sa.select(sa.func.max(LedgerBlock.last_no)).where(LedgerBlock.institution_id == institution_id)
    )
    through = after + RUN_ENTRIES
    if through > (sealed or 0):
        return False
    key = {"institution_id": institution_id, "through_no": through}
    found = grant_turnovers(connection, institution_id, after=after, through=through)
    if found:
        fields = tuple(Turnover.__dataclass_fields__)
        rows = [{**key, **dict(zip(fields, astuple(one), strict=True))} for one in found]
        connection.execute(sa.insert(FundTotal), rows)
    connection.execute(sa.insert(FundTotalRun).values(**key, after_no=after, made_at=now))
    return True


def wrong_runs(connection: sa.Connection, institution_id: str) -> Iterator[tuple[int, int]]:
    """Runs as ``(first, last)`` that don't follow the one before, or whose totals aren't the sums of their lines."""
    before = 0
    kept: dict[int, set[Turnover]] = defaultdict(set)
    names = list(Turnover.__dataclass_fields__)
    for row in connection.execute(
        sa.select(FundTotal.through_no, *(getattr(FundTotal, name) for name in names)).where(
            FundTotal.institution_id == institution_id
        )
    ):
        kept[row[0]].add(Turnover(*row[1:]))
    for through, after in connection.execute(
        sa.select(FundTotalRun.through_no, FundTotalRun.after_no)
        .where(FundTotalRun.institution_id == institution_id)
        .order_by(FundTotalRun.through_no)
    ).all():
        summed = set(grant_turnovers(connection, institution_id, after=before, through=through))
        if after != before or kept.pop(through, set()) != summed:
            yield before + 1, through
        before = through
    for through in kept:
        yield before + 1, through


def _through(connection: sa.Connection, institution_id: str) -> int:
    query = sa.select(sa.func.max(FundTotalRun.through_no)).where(FundTotalRun.institution_id == institution_id)
    return connection.scalar(query) or 0


def _grants(connection: sa.Connection, institution_id: str) -> list[str]:
    query = sa.select(FundGrant.grant_id).where(FundGrant.institution_id == institution_id)
    return list(connection.scalars(query.order_by(FundGrant.grant_id)))


def _asked(text: str, *lists: str) -> sa.TextClause:
    return sa.text(text).bindparams(*(sa.bindparam(name, expanding=True) for name in lists))


def _by_month(rows: list[Any]) -> list[Turnover]:
    sums: dict[tuple[str, str, str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    for account_id, kind, day, category, *amounts in rows:
        assert isinstance(day, date)
        held = sums[account_id, kind, month_of(day), category]
        for at, amount in enumerate(amounts):
            held[at] += int(amount)
    return [Turnover(*key, *held) for key, held in sums.items()]
