"""What waits for somebody of outpatient refunds, for the home page."""

from __future__ import annotations

from datetime import date
from typing import Any, Final

import sqlalchemy as sa

from hospital_prepay.domain.access import GRANTS, Permission
from hospital_prepay.persistence import users
from hospital_prepay.persistence.models.outpatient import OutpatientCorrection, OutpatientImport
from hospital_prepay.persistence.models.outpatient_claims import OutpatientClaim, OutpatientPayout
from hospital_prepay.persistence.models.outpatient_contact import OutpatientCampaign
from hospital_prepay.persistence.models.outpatient_contradictions import (
    OutpatientContradiction,
    OutpatientOverpayment,
)
from hospital_prepay.persistence.models.outpatient_escheat import (
    OutpatientAdvanceList,
    OutpatientBatch,
    OutpatientBatchReview,
    OutpatientFiling,
)
from hospital_prepay.persistence.models.outpatient_owners import OutpatientOwnerChange
from hospital_prepay.persistence.models.outpatient_people import OutpatientLikeness
from hospital_prepay.persistence.models.outpatient_public import OutpatientRequest
from hospital_prepay.persistence.queries.outpatient_left import stale_batches
from hospital_prepay.persistence.queries.waiting import Pile


def requests_to_accept(connection: sa.Connection, institution_id: str, _person: str) -> Pile:
    """Applications made on-line that nobody took up yet."""
    table = OutpatientRequest
    query = sa.select(sa.func.count(), sa.func.min(table.asked_at, type_=table.asked_at.type)).where(
        table.institution_id == institution_id, table.state == "asked"
    )
    count, first = connection.execute(query).one()
    return Pile(int(count), first)


def claims_to_review(connection: sa.Connection, institution_id: str, person: str) -> Pile:
    """Claims that somebody else accepted."""
    claim = OutpatientClaim
    return _pile(connection, institution_id, claim.accepted_at, "accepted", claim.accepted_by != person)


def claims_to_confirm(connection: sa.Connection, institution_id: str, person: str) -> Pile:
    """Claims that others accepted and reviewed."""
    claim = OutpatientClaim
    others = (claim.accepted_by != person, claim.reviewed_by != person)
    return _pile(connection, institution_id, claim.reviewed_at, "reviewed", *others)


def claims_to_pay(connection: sa.Connection, institution_id: str, person: str) -> Pile:
    """Confirmed claims to pay in cash by who neither reviewed nor confirmed them."""
    claim = OutpatientClaim
    return _pile(connection, institution_id, claim.confirmed_at, "confirmed", *_others(person), claim.route == "cash")


def claims_to_send(connection: sa.Connection, institution_id: str, person: str) -> Pile:
    """Confirmed claims for the bank's next file."""
    claim = OutpatientClaim
    return _pile(connection, institution_id, claim.confirmed_at, "confirmed", *_others(person), claim.route != "cash")


def claims_that_failed(connection: sa.Connection, institution_id: str, _person: str) -> Pile:
    """Refunds that the bank couldn't make: to be sent again, or by another way. Those of which it said two things
    wait for a decision first."""
    claim, table = OutpatientClaim, OutpatientContradiction
    held = sa.select(table.claim_id).where(table.institution_id == institution_id, table.decision == "")
    return _pile(connection, institution_id, claim.paid_at, "failed", claim.claim_id.not_in(held))


def claims_contradicted(connection: sa.Connection, institution_id: str, person: str) -> Pile:
    """Refunds of whose payment the bank said two things, which somebody else read."""
    table = OutpatientContradiction
    where = (table.decision == "", table.raised_by != person)
    return _steps(connection, institution_id, table.claim_id, table.raised_at, *where)


def claims_said_returned(connection: sa.Connection, institution_id: str, _person: str) -> Pile:
    """Refunds that arrived and of which the bank said later that they hadn't: where the money came back, that is
    noted before anybody can decide so."""
    table, payout = OutpatientContradiction, OutpatientPayout
    arrived = sa.exists().where(
        payout.institution_id == table.institution_id,
        payout.claim_id == table.claim_id,
        payout.attempt_no == table.attempt_no,
        payout.state == "arrived",
    )
    where = (table.decision == "", table.told == "failed", arrived)
    return _steps(connection, institution_id, table.claim_id, table.raised_at, *where)


def overpayments_to_recover(connection: sa.Connection, institution_id: str, _person: str) -> Pile:
    """What the bank paid too often and nobody has got back yet."""
    table = OutpatientOverpayment
    return _steps(connection, institution_id, table.claim_id, table.recorded_at, table.state == "owed")


def claims_on_their_way(connection: sa.Connection, institution_id: str, _person: str) -> Pile:
    """Refunds that the bank hasn't answered."""
    return _pile(connection, institution_id, OutpatientClaim.paid_at, "sent")


def imports_to_confirm(connection: sa.Connection, institution_id: str, person: str) -> Pile:
    """Counted files that somebody else took in."""
    table = OutpatientImport
    where = (table.state == "counted", table.imported_by != person)
    return _steps(connection, institution_id, table.import_no, table.imported_at, *where)


def corrections_to_decide(connection: sa.Connection, institution_id: str, person: str) -> Pile:
    """Corrections of a miscount that somebody else asked for."""
    table = OutpatientCorrection
    where = (table.state == "asked", table.asked_by != person)
    return _steps(connection, institution_id, table.correction_id, table.asked_at, *where)


def owners_to_decide(connection: sa.Connection, institution_id: str, person: str) -> Pile:
    """Corrections of a holder that somebody else asked for."""
    table = OutpatientOwnerChange
    where = (table.state == "asked", table.asked_by != person)
    return _steps(connection, institution_id, table.change_no, table.asked_at, *where)


def pairs_to_decide(connection: sa.Connection, institution_id: str, person: str) -> Pile:
    """Likely same persons that somebody else had looked for."""
    table = OutpatientLikeness
    where = (table.state == "proposed", table.proposed_by != person)
    return _steps(connection, institution_id, table.first_no, table.proposed_at, *where)


def campaigns_to_release(connection: sa.Connection, institution_id: str, person: str) -> Pile:
    """Campaigns that somebody else proposed."""
    table = OutpatientCampaign
    where = (table.state == "proposed", table.proposed_by != person)
    return _steps(connection, institution_id, table.campaign_no, table.proposed_at, *where)


def filings_to_submit(connection: sa.Connection, institution_id: str, _person: str) -> Pile:
    """Packs that were made and not handed in."""
    table = OutpatientFiling
    return _steps(connection, institution_id, table.filing_no, table.made_at, table.state == "made")


def filings_to_acknowledge(connection: sa.Connection, institution_id: str, person: str) -> Pile:
    """Packs of others that were handed in."""
    table = OutpatientFiling
    where = (table.state == "submitted", table.made_by != person)
    return _steps(connection, institution_id, table.filing_no, table.submitted_on, *where)


def batches_to_freeze(connection: sa.Connection, institution_id: str, _person: str) -> Pile:
    """Proposals whose list isn't fixed."""
    table = OutpatientBatch
    return _steps(connection, institution_id, table.batch_no, table.proposed_at, table.state == "proposed")


def batches_to_review(connection: sa.Connection, institution_id: str, person: str) -> Pile:
    """Frozen lists that lack a review, by who neither froze nor reviewed them; a list that an account left is past
    reviewing. Who alone may still approve one doesn't review it."""
    table = OutpatientBatch
    approvers = _able(connection, institution_id, Permission.OUTPATIENT_APPROVE)
    kept: sa.ColumnElement[bool] = sa.false()
    if person in approvers:
        free = [sa.and_(table.frozen_by != one, ~_reviewed_by(one)) for one in sorted(approvers - {person})]
        kept = ~sa.or_(sa.false(), *free)
    whole = table.batch_no.not_in(stale_batches(connection, institution_id))
    where = (
        table.state == "frozen",
        table.frozen_by != person,
        _reviews() < _REVIEWS,
        ~_reviewed_by(person),
        whole,
        ~kept,
    )
    return _steps(connection, institution_id, table.batch_no, table.frozen_at, *where)


def batches_to_approve(connection: sa.Connection, institution_id: str, person: str, today: date) -> Pile:
    """Lists whose day has come with their three reviews, by who neither froze nor reviewed them; and those whose
    booking stopped."""
    table = OutpatientBatch
    whole = table.batch_no.not_in(stale_batches(connection, institution_id))
    others = (table.frozen_by != person, ~_reviewed_by(person))
    ready = sa.and_(table.state == "frozen", *others, _reviews() == _REVIEWS, whole)
    where = sa.or_(ready, table.state == "approved")
    return _steps(connection, institution_id, table.batch_no, table.frozen_at, table.on_day <= today, where)


def batches_to_make_anew(connection: sa.Connection, institution_id: str, person: str, *, may_undo: bool) -> Pile:
    """Frozen lists that an account left: to be given up and proposed anew. One that was reviewed waits for who
    ``may_undo`` reviews and didn't freeze it."""
    table = OutpatientBatch
    mine = _reviews() == 0
    if may_undo:
        mine = sa.or_(mine, table.frozen_by != person)
    where = (table.state == "frozen", table.batch_no.in_(stale_batches(connection, institution_id)), mine)
    return _steps(connection, institution_id, table.batch_no, table.frozen_at, *where)


def batches_to_remit(connection: sa.Connection, institution_id: str, person: str) -> Pile:
    """Booked batches that others approved."""
    table = OutpatientBatch
    where = (table.state == "booked", table.approved_by != person)
    return _steps(connection, institution_id, table.batch_no, table.approved_at, *where)


def batches_stranded(connection: sa.Connection, institution_id: str) -> Pile:
    """Batches whose next step nobody may take: too few people are left who took no earlier one."""
    batch, review = OutpatientBatch, OutpatientBatchReview
    own = batch.institution_id == institution_id
    columns = (batch.batch_no, batch.state, batch.frozen_by, batch.frozen_at, batch.approved_by)
    stale = stale_batches(connection, institution_id)
    query = sa.select(*columns).where(own, batch.state.in_(("frozen", "booked"))).order_by(batch.batch_no)
    waiting = [row for row in connection.execute(query) if row.batch_no not in stale]
    if not waiting:
        return Pile(0, None)
    took: dict[int, set[str]] = {}
    reviews = sa.select(review.batch_no, review.reviewed_by).where(review.institution_id == institution_id)
    for batch_no, person in connection.execute(reviews):
        took.setdefault(batch_no, set()).add(person)
    able = {one: _able(connection, institution_id, one) for one in _OF_BATCHES}
    stuck = [row for row in waiting if _is_stuck(row, took.get(row.batch_no, set()), able)]
    first = min((row.frozen_at for row in stuck if row.frozen_at is not None), default=None)
    return Pile(len(stuck), first, str(stuck[0].batch_no) if stuck else "")


_OF_BATCHES: Final = (Permission.OUTPATIENT_REVIEW, Permission.OUTPATIENT_APPROVE, Permission.OUTPATIENT_REMIT)


def _able(connection: sa.Connection, institution_id: str, permission: Permission) -> set[str]:
    staff = users.all_of(connection, institution_id)
    return {one.user_id for one in staff if one.is_active and any(permission in GRANTS[role] for role in one.roles)}


def _is_stuck(row: Any, took: set[str], able: dict[Permission, set[str]]) -> bool:
    if row.state == "booked":
        return not able[Permission.OUTPATIENT_REMIT] - {row.approved_by}
    out, missing = took | {row.frozen_by}, _REVIEWS - len(took)
    approvers, reviewers = able[Permission.OUTPATIENT_APPROVE] - out, able[Permission.OUTPATIENT_REVIEW] - out
    # One of those who are left approves, and so doesn't review.
    return not approvers or len(reviewers | approvers) < missing + 1 or len(reviewers) < missing


def advances_to_submit(connection: sa.Connection, institution_id: str, person: str) -> Pile:
    """Lists of advances that others made."""
    table = OutpatientAdvanceList
    where = (table.state == "made", table.made_by != person)
    return _steps(connection, institution_id, table.list_no, table.made_at, *where)


_REVIEWS: Final = 3


def _reviews() -> Any:
    return sa.select(sa.func.count()).select_from(OutpatientBatchReview).where(*_of_batch()).scalar_subquery()


def _reviewed_by(person: str) -> sa.ColumnElement[bool]:
    query = sa.select(OutpatientBatchReview.part)
    return query.where(*_of_batch(), OutpatientBatchReview.reviewed_by == person).exists()


def _of_batch() -> tuple[sa.ColumnElement[bool], ...]:
    return (
        OutpatientBatchReview.institution_id == OutpatientBatch.institution_id,
        OutpatientBatchReview.batch_no == OutpatientBatch.batch_no,
    )


def _steps(
    connection: sa.Connection, institution_id: str, number: Any, since: Any, *where: sa.ColumnElement[bool]
) -> Pile:
    """Things that stand before a step; the first of them is what to open."""
    own = number.class_.institution_id == institution_id
    query = sa.select(sa.func.count(), sa.func.min(since, type_=since.type), sa.func.min(number)).where(own, *where)
    count, first, lowest = connection.execute(query).one()
    return Pile(int(count), first, "" if lowest is None else str(lowest))


def _others(person: str) -> tuple[sa.ColumnElement[bool], ...]:
    return OutpatientClaim.reviewed_by != person, OutpatientClaim.confirmed_by != person


def _pile(
    connection: sa.Connection, institution_id: str, since: Any, state: str, *where: sa.ColumnElement[bool]
) -> Pile:
    query = sa.select(sa.func.count(), sa.func.min(since, type_=since.type)).where(
        OutpatientClaim.institution_id == institution_id, OutpatientClaim.state == state, *where
    )
    count, first = connection.execute(query).one()
    return Pile(int(count), first)
