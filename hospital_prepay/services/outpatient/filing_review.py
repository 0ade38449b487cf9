"""Reading marks and filings for pages: what waits, one pack with its list, whose step is next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import NotFound
from hospital_prepay.persistence import outpatient_escheat as store
from hospital_prepay.persistence.database import Connection
from hospital_prepay.persistence.outpatient_escheat import FilingRow
from hospital_prepay.persistence.queries import outpatient_escheat as queries
from hospital_prepay.persistence.queries import people
from hospital_prepay.persistence.queries.outpatient_escheat import MarkedAccount
from hospital_prepay.services.context import Context
from hospital_prepay.services.fund.review import Turn
from hospital_prepay.services.outpatient.register import Contact, masked_contact, shown_name
from hospital_prepay.services.outpatient.turns import turn_of

__all__ = ["FilingRow", "MarkedAccount"]

PAGE: Final = 50
FILING_TURNS: Final = {"made": Permission.OUTPATIENT_FILE, "submitted": Permission.OUTPATIENT_CONFIRM}
Shown = tuple[MarkedAccount, Contact]


@dataclass(frozen=True, slots=True)
class Filings:
    """Accounts that are marked and not filed, a page of them with count and fen of all; how many fit into the next
    pack; every pack, the newest first."""

    marked: tuple[Shown, ...]
    accounts: int
    total_fen: int
    next_accounts: int
    next_fen: int
    filings: list[FilingRow]
    names: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class FilingDetail:
    """One pack with a page of its list; ``reasons`` are count and fen by the reason's kind; ``turn`` is the next
    step's."""

    filing: FilingRow
    lines: tuple[Shown, ...]
    reasons: tuple[tuple[str, int, int], ...]
    turn: Turn | None
    names: Mapping[str, str]


def list_filings(context: Context, actor: Actor, page: int) -> Filings:
    """Marks and filings. Needs ``outpatient.view``."""
    actor.require(Permission.OUTPATIENT_VIEW)
    own = actor.institution_id
    with context.database.reading() as connection:
        rows, accounts, total = queries.marked_accounts(connection, own, (page - 1) * PAGE, PAGE)
        count, fen = store.unfiled_sum(connection, own)
        return Filings(
            tuple(_shown(context, actor, row) for row in rows),
            accounts,
            total,
            count,
            fen,
            store.filings(connection, own),
            people.names(connection, own),
        )


def read_filing(context: Context, actor: Actor, filing_no: int, page: int) -> FilingDetail:
    """One filing. Needs ``outpatient.view``. Raises :class:`NotFound`."""
    actor.require(Permission.OUTPATIENT_VIEW)
    own = actor.institution_id
    with context.database.reading() as connection:
        found = filing_of(connection, own, filing_no)
        rows = queries.filing_lines(connection, own, filing_no, (page - 1) * PAGE, PAGE)
        barred = (found.made_by,) if found.state == "submitted" else ()
        return FilingDetail(
            found,
            tuple(_shown(context, actor, row) for row in rows),
            reasons_of(connection, own, filing_no),
            turn_of(connection, own, FILING_TURNS.get(found.state), barred),
            people.names(connection, own),
        )


def filing_of(connection: Connection, institution_id: str, filing_no: int) -> FilingRow:
    """One filing. Raises :class:`NotFound`."""
    found = store.filings(connection, institution_id, filing_no)
    if not found:
        raise NotFound("没有这份备案。请从备案列表里打开。")
    return found[0]


def reasons_of(connection: Connection, institution_id: str, filing_no: int) -> tuple[tuple[str, int, int], ...]:
    """Count and fen of a filing by the kind of reason, the most frequent first."""
    sums: dict[str, tuple[int, int]] = {}
    for reason, count, fen in queries.reasons_of_filing(connection, institution_id, filing_no):
        kind = reason.split("：", 1)[0]
        before = sums.get(kind, (0, 0))
        sums[kind] = (before[0] + count, before[1] + fen)
    return tuple((kind, *pair) for kind, pair in sorted(sums.items(), key=lambda one: (-one[1][0], one[0])))


def _shown(context: Context, actor: Actor, row: MarkedAccount) -> Shown:
    name = shown_name(actor, row.holder_name)
    return replace(row, holder_name=name, personal=""), masked_contact(context, actor.institution_id, row.personal)
