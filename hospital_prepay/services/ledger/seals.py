"""Seal the books and check them."""

from __future__ import annotations

from pathlib import Path

from hospital_prepay.clock import Clock
from hospital_prepay.domain.errors import LedgerFault
from hospital_prepay.domain.ledger.seal import Block
from hospital_prepay.domain.ledger.verification import Verification
from hospital_prepay.persistence.database import Database
from hospital_prepay.persistence.ledger.heads import SealHeads
from hospital_prepay.persistence.ledger.seals import seal
from hospital_prepay.persistence.ledger.verify import verify


class LedgerAltered(LedgerFault):
    """The check of the books found something altered, missing or contradictory. Exit 70."""

    code = "ledger_altered"


def seal_ledger(database: Database, data_dir: Path, clock: Clock, *, adopt: bool = False) -> list[Block]:
    """Close every complete entry into blocks and write their heads under ``data_dir``; returns the new blocks.

    Raises :class:`LedgerFault` when database and heads contradict each other, or a transaction stays open.
    ``adopt`` takes the blocks as they stand where the heads are missing: for a data folder moved on purpose.
    """
    return seal(database, _heads(data_dir), clock.now(), adopt=adopt)


def verify_ledger(database: Database, data_dir: Path, clock: Clock) -> Verification:
    """Recompute content, seals and balances of every institution. Never raises for what it finds."""
    return verify(database, _heads(data_dir), clock.now())


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
