"""Published cap tables, as programs of the hospital read them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Final

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import LedgerFault, NotFound
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.inpatient.caps import Window
from hospital_prepay.persistence import cap_tables as store
from hospital_prepay.services.context import Context

_HIGHEST_VERSION: Final = 999_999  # beyond it no hospital gets, and a database's integer ends


@dataclass(frozen=True, slots=True)
class PublishedRow:
    """A disease with its cap in each class; ``None`` where the table has no amount."""

    disease_code: str
    disease_name: str
    posted: bool
    employee: Money | None
    resident: Money | None
    self_pay: Money | None


@dataclass(frozen=True, slots=True)
class PublishedTable:
    """One version."""

    version: int
    effective_on: date
    published_at: datetime
    as_of: date
    window: Window
    digest: str
    rows: list[PublishedRow] = field(default_factory=list)


def published_tables(context: Context, actor: Actor) -> list[PublishedTable]:
    """Every published version without its rows, newest first. Needs ``desk.view``: the tables are public."""
    actor.require(Permission.DESK_VIEW)
    with context.database.reading() as connection:
        heads = [head for head in store.heads(connection, actor.institution_id) if head.state == "published"]
    return sorted((_table(head) for head in heads), key=lambda table: table.version, reverse=True)


def published_table(context: Context, actor: Actor, version: int) -> PublishedTable:
    """One published version with its rows. Needs ``desk.view``. Raises :class:`NotFound`."""
    actor.require(Permission.DESK_VIEW)
    with context.database.reading() as connection:
        head = store.published(connection, actor.institution_id, version) if version <= _HIGHEST_VERSION else None
        if head is None:
            raise NotFound(f"没有第 {version} 版额度表。请先查有哪些版本。")
        rows = store.rows(connection, actor.institution_id, head.table_id)
    return replace(_table(head), rows=_by_disease(rows))


def _table(head: store.TableHead) -> PublishedTable:
    if head.version_no is None or head.effective_on is None or head.published_at is None:
        raise LedgerFault("已发布的额度表缺版本号或日期，请报告信息科。")
    return PublishedTable(
        version=head.version_no,
        effective_on=head.effective_on,
        published_at=head.published_at,
        as_of=head.as_of,
        window=Window(head.window_from, head.window_to),
        digest=head.digest,
    )


def _by_disease(rows: list[store.TableRow]) -> list[PublishedRow]:
    found: dict[str, PublishedRow] = {}
    for row in rows:
        one = found.get(row.disease_code)
        one = one or PublishedRow(row.disease_code, row.disease_name, False, None, None, None)
        cap = None if row.cap_fen is None else Money(row.cap_fen)
        found[row.disease_code] = replace(one, posted=one.posted or row.posted, **{row.insured_class: cap})  # type: ignore[arg-type]
    return list(found.values())
