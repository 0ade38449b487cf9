"""What the books know of outpatients' deposits for the calendar of duties: counts and sums, nobody's name."""

from __future__ import annotations

from datetime import date
from typing import Final

from hospital_prepay.clock import local
from hospital_prepay.domain.rules.outpatient.duties import (
    FIRST_YEAR,
    PROVINCE,
    Batch,
    KeptFiling,
    OutpatientFacts,
    Pack,
    PaidAhead,
)
from hospital_prepay.domain.rules.outpatient.escheat import moved_before
from hospital_prepay.domain.rules.outpatient.gate import PLACES
from hospital_prepay.domain.rules.publication.scope import Binding, Ownership, Profile, binding
from hospital_prepay.persistence import institutions, outpatient_advances, outpatient_escheat, outpatient_gate
from hospital_prepay.persistence.database import Connection
from hospital_prepay.persistence.outpatient_gate import KeptRow
from hospital_prepay.persistence.queries import outpatient_advances as advances
from hospital_prepay.persistence.queries import outpatient_duties as queries
from hospital_prepay.persistence.queries import outpatient_left
from hospital_prepay.rulebook.loader import load_rulebook

_DORMANT_YEARS: Final = "guizhou-deposit-2025/dormant_years"


def outpatient_facts(connection: Connection, institution_id: str, today: date) -> OutpatientFacts | None:
    """The facts as of today; ``None`` where the rules of Guizhou don't bind the hospital (2)."""
    own = institutions.by_id(connection, institution_id)
    if own is None or not institution_id.startswith(PROVINCE):
        return None
    if binding(Profile(Ownership(own.ownership), own.is_designated)) is not Binding.BOUND:
        return None
    accounts = queries.accounts_by_age(connection, institution_id, _days(today.year + 1))
    stands = any(one.is_stock and one.accounts and one.state in ("open", "unclearable") for one in accounts)
    refunded_at = None if stands else queries.last_refund(connection, institution_id)
    stale = outpatient_left.stale_batches(connection, institution_id)
    return OutpatientFacts(
        accounts=accounts,
        refunded_on=None if refunded_at is None else local(refunded_at).date(),
        batches=[
            Batch(one.on_day, one.state, one.accounts, one.total_fen, one.remitted_on, one.batch_no in stale)
            for one in outpatient_escheat.batches(connection, institution_id)
        ],
        packs=[
            Pack(one.filing_no, one.accounts, one.total_fen, local(one.made_at).date(), one.submitted_on)
            for one in outpatient_escheat.filings(connection, institution_id)
            if one.state in ("made", "submitted")
        ],
        paid_ahead=_paid_ahead(connection, institution_id),
        kept=_kept(connection, institution_id),
    )


def _days(last_year: int) -> list[tuple[date, date]]:
    """Each 31 December with the day before which an account must have moved last to be old on it."""
    days = [date(year, 12, 31) for year in range(FIRST_YEAR, last_year + 1)]
    rules = load_rulebook()
    return [(on, moved_before(on, rules.value_on(_DORMANT_YEARS, on).whole())) for on in days]


def _paid_ahead(connection: Connection, institution_id: str) -> list[PaidAhead]:
    handed_in = {
        one.list_no: one.submitted_on for one in outpatient_advances.advance_lists(connection, institution_id)
    }
    return [
        PaidAhead(local(one.advanced_at).date(), one.may_apply_fen, handed_in.get(one.list_no or 0), one.list_no)
        for one in advances.advances(connection, institution_id)
        if one.advanced_at is not None
    ]


def _kept(connection: Connection, institution_id: str) -> list[KeptFiling]:
    found = outpatient_gate.kept(connection, institution_id)
    waiting = [one for one in found if one.state == "proposed" or (one.state == "approved" and one.decided_at)]
    kept = [_kept_filing(connection, institution_id, one) for one in waiting]
    return [one for one in kept if one.missing or not one.is_approved]


def _kept_filing(connection: Connection, institution_id: str, one: KeptRow) -> KeptFiling:
    posted = {row.place for row in outpatient_gate.postings(connection, institution_id, one.filing_id)}
    since = local(one.decided_at or one.proposed_at).date()
    missing = tuple(label for place, label in PLACES.items() if place not in posted)
    return KeptFiling(one.filing_id, since, one.state == "approved", missing)
