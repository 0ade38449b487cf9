"""The scheduler's sealing, every :data:`~hospital_prepay.domain.ledger.seal.WINDOW_SECONDS` seconds."""

from __future__ import annotations

from hospital_prepay.clock import Clock
from hospital_prepay.services.ledger.opening import opened_books
from hospital_prepay.services.ledger.seals import seal_ledger
from hospital_prepay.settings import Settings


def seal_books() -> int:
    """Seal whatever is complete; returns the number of new blocks. Moves no money.

    Takes nothing, so that a job row holds no object. Raises :class:`LedgerFault`, which the scheduler must report.
    """
    settings = Settings.from_environment()
    with opened_books(settings, direct=True) as database:
        return len(seal_ledger(database, settings.data_dir, Clock()))
