"""What a check of the books found, as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from hospital_prepay.domain.ledger.seal import WINDOW_SECONDS


class Kind(StrEnum):
    """What is wrong at a place."""

    HEADS_MISSING = "heads_missing"
    HEADS_DAMAGED = "heads_damaged"
    HEADS_CUT = "heads_cut"
    BLOCK_MISSING = "block_missing"
    BLOCK_ALTERED = "block_altered"
    ENTRIES_MISSING = "entries_missing"
    ENTRIES_ADDED = "entries_added"
    ENTRIES_ALTERED = "entries_altered"
    ENTRY_ALTERED = "entry_altered"
    ENTRY_UNBALANCED = "entry_unbalanced"
    ENTRY_UNDATED = "entry_undated"
    ENTRY_LOST = "entry_lost"
    POSTING_ORPHANED = "posting_orphaned"
    BALANCE_WRONG = "balance_wrong"
    CEILING_WRONG = "ceiling_wrong"
    CAP_WRONG = "cap_wrong"
    SETTLEMENT_WRONG = "settlement_wrong"
    SLIP_WRONG = "slip_wrong"
    OUTPATIENT_WRONG = "outpatient_wrong"
    TOTAL_WRONG = "total_wrong"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken place. ``entry_no`` to ``last_no`` is the narrowest range of numbers that it lies in."""

    kind: Kind
    institution_id: str
    message: str
    block_no: int | None = None
    entry_no: int | None = None
    last_no: int | None = None
    account_id: str | None = None

    @property
    def place(self) -> int:
        """Where it stands in order: the heads first, then by entry number, accounts at the end."""
        if self.kind in (Kind.HEADS_MISSING, Kind.HEADS_DAMAGED, Kind.HEADS_CUT, Kind.UNREADABLE):
            return -1
        return 2**63 if self.entry_no is None else self.entry_no


@dataclass(frozen=True, slots=True)
class Unsealed:
    """The entries behind the last block: their content hash and balance are checked, no seal covers them yet."""

    count: int
    first_no: int | None = None
    last_no: int | None = None
    oldest_posted_at: datetime | None = None
    overdue: bool = False


@dataclass(frozen=True, slots=True)
class InstitutionReport:
    """The books of one institution. ``heads_behind`` counts blocks whose head the next sealing will write out."""

    institution_id: str
    entries: int
    blocks: int
    sealed_to: int
    head: str | None
    unsealed: Unsealed
    heads_behind: int = 0
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Verification:
    """The books of every institution in one database."""

    institutions: tuple[InstitutionReport, ...]
    window_seconds: int = field(default=WINDOW_SECONDS)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Everything found, institution by institution, the first broken place first."""
        return tuple(finding for report in self.institutions for finding in report.findings)

    @property
    def intact(self) -> bool:
        """Whether nothing was found."""
        return not self.findings
