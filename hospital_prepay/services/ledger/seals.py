"""Seal the books and check them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from hospital_prepay.clock import Clock
from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import LedgerFault
from hospital_prepay.domain.ledger.seal import Block
from hospital_prepay.domain.ledger.verification import InstitutionReport, Verification
from hospital_prepay.persistence.database import Database
from hospital_prepay.persistence.ledger.fund_totals import keep_totals
from hospital_prepay.persistence.ledger.heads import HeadsDamaged, SealHeads
from hospital_prepay.persistence.ledger.seals import seal
from hospital_prepay.persistence.ledger.verify import verify
from hospital_prepay.persistence.locks import lock_name
from hospital_prepay.persistence.queries import journal as queries
from hospital_prepay.persistence.queries.journal import BlockRow, CheckRow
from hospital_prepay.services.context import Context

# What the audit trail calls the books, and the job that checks them every night.
_BOOKS: Final = "ledger"
_NIGHTLY: Final = "ledger_verify"
BLOCKS_A_PAGE: Final = 20


class LedgerAltered(LedgerFault):
    """The check of the books found something altered, missing or contradictory. Exit 70."""

    code = "ledger_altered"


@dataclass(frozen=True, slots=True)
class SealPage:
    """One page of the blocks. ``outside_to`` is the last block whose head also stands outside the database; the
    heads are only looked at here, the check of the books reads every one."""

    blocks: list[BlockRow]
    total: int
    outside_to: int
    waiting: int
    oldest: datetime | None
    check: CheckRow | None


def seal_ledger(database: Database, data_dir: Path, clock: Clock, *, adopt: bool = False) -> list[Block]:
    """Close every complete entry into blocks and write their heads under ``data_dir``; returns the new blocks. What
    was sealed is then added up for the usage report, a run at a time.

    Raises :class:`LedgerFault` when database and heads contradict each other, or a transaction stays open.
    ``adopt`` takes the blocks as they stand where the heads are missing: for a data folder moved on purpose.
    """
    blocks = seal(database, _heads(data_dir), clock.now(), adopt=adopt)
    for institution_id in sorted({block.institution_id for block in blocks}):
        while _next_run(database, institution_id, clock.now()):
            pass
    return blocks


def _next_run(database: Database, institution_id: str, now: datetime) -> bool:
    with database.writing() as connection:
        lock_name(connection, f"fund_totals:{institution_id}")
        return keep_totals(connection, institution_id, now)


def verify_ledger(database: Database, data_dir: Path, clock: Clock) -> Verification:
    """Recompute content, seals and balances of every institution. Never raises for what it finds."""
    return verify(database, _heads(data_dir), clock.now())


def read_seals(context: Context, actor: Actor, page: int) -> SealPage:
    """Page ``page`` (from 1) of the blocks, newest first, with the last check. Needs ``ledger.view``."""
    actor.require(Permission.LEDGER_VIEW)
    own = actor.institution_id
    with context.database.reading() as connection:
        first = (max(page, 1) - 1) * BLOCKS_A_PAGE
        blocks, total = queries.block_rows(connection, own, first=first, size=BLOCKS_A_PAGE)
        waiting, oldest = queries.waiting_for_seal(connection, own, queries.sealed_to(connection, own))
        check = queries.last_check(connection, own, _BOOKS, _NIGHTLY)
    return SealPage(blocks, total, _outside_to(context, own), waiting, oldest, check)


def check_books(context: Context, actor: Actor) -> InstitutionReport | None:
    """Check the books now and keep in the audit trail what came of it; ``None`` when there are no books yet.

    Needs ``ledger.view``: whoever may read the books may doubt them. Never raises for what it finds.
    """
    actor.require(Permission.LEDGER_VIEW)
    found = verify_ledger(context.database, context.settings.data_dir, context.clock)
    report = next((one for one in found.institutions if one.institution_id == actor.institution_id), None)
    if report is not None:
        first = report.findings[0] if report.findings else None
        detail = {
            "entries": report.entries,
            "blocks": report.blocks,
            "found": len(report.findings),
            "message": first and first.message,
            "entry_no": first and first.entry_no,
            "block_no": first and first.block_no,
        }
        with context.work(actor, "ledger.verify", _BOOKS) as work:
            work.audit(outcome="failed" if first else "done", detail=detail)
    return report


def _outside_to(context: Context, institution_id: str) -> int:
    try:
        last = _heads(context.settings.data_dir).last(institution_id)
    except HeadsDamaged:
        return 0
    return 0 if last is None else last.block_no


def require_intact(verification: Verification) -> None:
    """Raise :class:`LedgerAltered` naming the first broken place, if there is one."""
    if verification.intact:
        return
    first = verification.findings[0]
    raise LedgerAltered(
        f"账本核对没有通过，机构 {first.institution_id}：{first.message}请停止收款，保留现场并通知财务和信息科。",
        details={
            "kind": first.kind.value,
            "institution_id": first.institution_id,
            "block_no": first.block_no,
            "entry_no": first.entry_no,
            "last_no": first.last_no,
            "account_id": first.account_id,
            "found": len(verification.findings),
        },
    )


def _heads(data_dir: Path) -> SealHeads:
    return SealHeads(data_dir / "seals")
