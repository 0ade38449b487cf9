"""What belongs to an entry of the restricted fund: the grants on its lines, the bank's slip, a settlement's month."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.persistence import fund_recalls, fund_reconciliation, funds
from hospital_prepay.persistence.fund_recalls import Slip
from hospital_prepay.services.context import Context
from hospital_prepay.services.fund.grants import grant_words

_SETTLEMENT = "settlement:"


@dataclass(frozen=True, slots=True)
class EntryPapers:
    """Titles of all grants by id; ``slip`` and ``settled_period`` are ``None`` where there is none."""

    titles: Mapping[str, str]
    slip: Slip | None
    settled_period: str | None


def entry_papers(context: Context, actor: Actor, entry_no: int, source: str) -> EntryPapers:
    """The papers of one entry. Needs ``ledger.view``."""
    actor.require(Permission.LEDGER_VIEW)
    own = actor.institution_id
    with context.database.reading() as connection:
        settlements = fund_reconciliation.settlements(connection, own) if source.startswith(_SETTLEMENT) else []
        periods = {_SETTLEMENT + one.settlement_id: one.period for one in settlements}
        return EntryPapers(
            {one.grant_id: f"{grant_words(one)}（{one.pool_region}）" for one in funds.grants(connection, own)},
            fund_recalls.slips(connection, own).get(entry_no),
            periods.get(source),
        )
