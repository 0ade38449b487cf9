"""The legacy deposits of outpatients in the synthetic hospital, led along every branch of an account's life.

Counted, corrected, their owners looked for and paid by every way; what couldn't be given back filed and remitted on
31 December 2025, and paid all the same to whoever came later. What is done is found and stays.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from hospital_prepay.clock import local
from hospital_prepay.services.demonstration.outpatient_census import Census
from hospital_prepay.services.demonstration.outpatient_claims import Counter
from hospital_prepay.services.demonstration.outpatient_contacts import Contacts
from hospital_prepay.services.demonstration.outpatient_gate import Front
from hospital_prepay.services.demonstration.outpatient_plan import EARLIEST_NOW, plan_visits
from hospital_prepay.services.demonstration.outpatient_rows import legacy_accounts
from hospital_prepay.services.demonstration.outpatient_treasury import Treasury
from hospital_prepay.services.demonstration.stage import Stage


def lead_outpatients(stage: Stage, begun: datetime, accounts: int) -> None:
    """Do every act in the order of its day, for ``accounts`` accounts."""
    now, rows = max(_ten_o_clock(begun), EARLIEST_NOW), legacy_accounts(accounts)
    owners = plan_visits(rows)
    parts = (
        Census(stage, rows, now),
        Contacts(stage, now),
        Front(stage, owners, now),
        Counter(stage, owners, now),
        Treasury(stage, rows, now),
    )
    acts = [act for part in parts for act in part.acts()]
    for moment, act in sorted(acts, key=lambda one: one[0]):
        act(moment)


def _ten_o_clock(begun: datetime) -> datetime:
    """The last ten in the morning, when the windows are open, before the loading began."""
    ten = local(begun).replace(hour=10, minute=0, second=0, microsecond=0)
    return ten if ten <= begun else ten - timedelta(days=1)
