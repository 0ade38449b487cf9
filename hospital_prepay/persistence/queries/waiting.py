"""What waits for somebody, and which cap table is in force: the figures of the home page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute, aliased

from hospital_prepay.persistence.models.fund import FundGrant, FundRequest
from hospital_prepay.persistence.models.fund_apply import FundDistribution
from hospital_prepay.persistence.models.fund_duties import FundPlace
from hospital_prepay.persistence.models.fund_members import FundMember
from hospital_prepay.persistence.models.fund_recall import FundIncident, FundRecall
from hospital_prepay.persistence.models.fund_reconciliation import FundMonth, FundPeriodStep, FundSettlement
from hospital_prepay.persistence.models.fund_returns import FundCorrection, FundOffset
from hospital_prepay.persistence.models.inpatient import CapRow, CapTable, SlipRequest, StayCap
from hospital_prepay.persistence.models.publication import DepositRules
from hospital_prepay.persistence.queries.named_similar import standing


@dataclass(frozen=True, slots=True)
class Pile:
    """So many things wait, the oldest since ``since``; of what is dated, the first on that day. ``first`` names what
    to open, where the things have no list of their own: a grant, a month."""

    count: int
    since: datetime | date | None
    first: str = ""


@dataclass(frozen=True, slots=True)
class PublishedTable:
    """The cap table in force."""

    number: int
    effective_on: date
    diseases: int


def drafts_of_others(connection: sa.Connection, institution_id: str, person: str) -> Pile:
    """Cap tables measured by somebody else and not yet decided on."""
    return pile(
        connection,
        CapTable.measured_at,
        CapTable.institution_id == institution_id,
        CapTable.state == "draft",
        CapTable.measured_by != person,
    )


def tables_to_publish(connection: sa.Connection, institution_id: str) -> Pile:
    """Cap tables approved and not yet published."""
    return pile(
        connection, CapTable.approved_at, CapTable.institution_id == institution_id, CapTable.state == "approved"
    )


def slips_of_others(connection: sa.Connection, institution_id: str, person: str) -> Pile:
    """Voids and refunds asked for by somebody else."""
    return pile(
        connection,
        SlipRequest.requested_at,
        SlipRequest.institution_id == institution_id,
        SlipRequest.state == "waiting",
        SlipRequest.requested_by != person,
    )


def rules_of_others(connection: sa.Connection, institution_id: str, person: str) -> Pile:
    """Deposit rules written by somebody else and not yet approved."""
    return pile(
        connection,
        DepositRules.written_at,
        DepositRules.institution_id == institution_id,
        DepositRules.approved_by.is_(None),
        DepositRules.written_by != person,
    )


def similar_named_by_others(connection: sa.Connection, institution_id: str, person: str) -> Pile:
    """Stays that rest on a similar disease which somebody else named at the counter."""
    return pile(connection, StayCap.recorded_at, *standing(institution_id), StayCap.recorded_by != person)


def approvals_to_record(connection: sa.Connection, institution_id: str, person: str) -> Pile:
    """Applications for prepayment that somebody else filed and whose answer isn't written down."""
    return pile(
        connection,
        FundGrant.applied_at,
        FundGrant.institution_id == institution_id,
        FundGrant.state == "applied",
        FundGrant.applied_by != person,
    )


def receipts_to_book(connection: sa.Connection, institution_id: str, _person: str) -> Pile:
    """Approved grants whose money isn't booked; ``first`` is the one that waits longest."""
    query = sa.select(FundGrant.grant_id, FundGrant.recorded_at).where(
        FundGrant.institution_id == institution_id, FundGrant.state == "approved"
    )
    return _listed(connection.execute(query.order_by(FundGrant.recorded_at, FundGrant.grant_id)).all())


def plans_to_repay(connection: sa.Connection, institution_id: str, _person: str) -> Pile:
    """Negative plans of the agency that aren't paid back; ``first`` is the month of the one told of first."""
    plan, repaid = FundMonth, FundSettlement
    answered = sa.exists().where(
        repaid.institution_id == plan.institution_id,
        repaid.plan_id == plan.event_id,
    )
    query = sa.select(plan.period, plan.on_day).where(
        plan.institution_id == institution_id, plan.kind == "negative_plan", ~answered
    )
    return _listed(connection.execute(query.order_by(plan.on_day, plan.event_id)).all())


def payments_to_agree(connection: sa.Connection, institution_id: str, person: str) -> Pile:
    """Requests to spend prepayment that somebody else made and the department hasn't agreed to."""
    return _requests(connection, institution_id, "asked", FundRequest.asked_by != person)


def payments_to_reserve(connection: sa.Connection, institution_id: str, person: str) -> Pile:
    """Requests that others made and agreed to, before finance; none that a ground of recall stops."""
    others = (FundRequest.asked_by != person, FundRequest.department_by != person)
    return _requests(connection, institution_id, "department", *others, ~_is_stopped())


def payments_to_make(connection: sa.Connection, institution_id: str, person: str) -> Pile:
    """Requests that somebody else reserved the money for; none that a ground of recall stops."""
    return _requests(connection, institution_id, "reserved", FundRequest.finance_by != person, ~_is_stopped())


def payments_to_prove(connection: sa.Connection, institution_id: str, _person: str) -> Pile:
    """Paid requests whose invoices aren't complete: whoever paid may record them."""
    own = (FundRequest.institution_id == institution_id, FundRequest.state == "paid")
    return pile(connection, FundRequest.paid_at, *own)


def own_requests(connection: sa.Connection, institution_id: str, person: str) -> Pile:
    """What the person asked for and others haven't decided or paid yet; ``first`` is the oldest of them."""
    query = sa.select(FundRequest.request_id, FundRequest.asked_at).where(
        FundRequest.institution_id == institution_id,
        FundRequest.asked_by == person,
        FundRequest.state.in_(("asked", "department", "reserved")),
    )
    return _listed(connection.execute(query.order_by(FundRequest.asked_at)).all())


def recalls_standing(connection: sa.Connection, institution_id: str, _person: str) -> Pile:
    """Grounds of recall that stand: everybody's money is stopped by them."""
    own = (FundRecall.institution_id == institution_id, FundRecall.state == "standing")
    return pile(connection, FundRecall.recorded_at, *own)


def losses_to_confirm(connection: sa.Connection, institution_id: str, person: str) -> Pile:
    """Losses that somebody else recorded and nobody decided on."""
    own = (FundIncident.institution_id == institution_id, FundIncident.state == "recorded")
    return pile(connection, FundIncident.recorded_at, *own, FundIncident.recorded_by != person)


def offsets_to_confirm(connection: sa.Connection, institution_id: str, person: str) -> Pile:
    """Offsets that somebody else recorded and nobody decided on; ``first`` is the grant of the oldest."""
    query = sa.select(FundOffset.grant_id, FundOffset.recorded_at).where(
        FundOffset.institution_id == institution_id, FundOffset.state == "recorded", FundOffset.recorded_by != person
    )
    return _listed(connection.execute(query.order_by(FundOffset.recorded_at)).all())


def corrections_to_approve(connection: sa.Connection, institution_id: str, person: str) -> Pile:
    """Corrections that somebody else asked for and nobody decided on; ``first`` is the grant of the oldest."""
    query = sa.select(FundCorrection.grant_id, FundCorrection.asked_at).where(
        FundCorrection.institution_id == institution_id,
        FundCorrection.state == "asked",
        FundCorrection.asked_by != person,
    )
    return _listed(connection.execute(query.order_by(FundCorrection.asked_at)).all())


def places_to_confirm(connection: sa.Connection, institution_id: str, person: str) -> Pile:
    """Words on places that somebody else wrote down and nobody decided on."""
    own = (FundPlace.institution_id == institution_id, FundPlace.state == "proposed")
    return pile(connection, FundPlace.proposed_at, *own, FundPlace.proposed_by != person)


def members_to_confirm(connection: sa.Connection, institution_id: str, person: str) -> Pile:
    """Members of the community that somebody else wrote down and nobody decided on."""
    own = (FundMember.institution_id == institution_id, FundMember.state == "proposed")
    return pile(connection, FundMember.proposed_at, *own, FundMember.proposed_by != person)


def distributions_to_decide(connection: sa.Connection, institution_id: str, person: str) -> Pile:
    """Distributions to members that somebody else asked for; ``first`` is the grant of the oldest."""
    query = sa.select(FundDistribution.grant_id, FundDistribution.asked_at).where(
        FundDistribution.institution_id == institution_id,
        FundDistribution.state == "asked",
        FundDistribution.asked_by != person,
    )
    return _listed(connection.execute(query.order_by(FundDistribution.asked_at)).all())


def months_to_check(connection: sa.Connection, institution_id: str, person: str) -> Pile:
    """Months that somebody else closed and nobody has checked; ``first`` is the oldest month."""
    later = aliased(FundPeriodStep)
    followed = sa.exists().where(
        later.institution_id == FundPeriodStep.institution_id,
        later.period == FundPeriodStep.period,
        later.step_no > FundPeriodStep.step_no,
    )
    query = sa.select(FundPeriodStep.period, FundPeriodStep.taken_at).where(
        FundPeriodStep.institution_id == institution_id,
        FundPeriodStep.step == "made",
        FundPeriodStep.taken_by != person,
        ~followed,
    )
    return _listed(connection.execute(query.order_by(FundPeriodStep.period)).all())


def _listed(rows: Sequence[Any]) -> Pile:
    """Things with what to open and since when, the first to open first."""
    return Pile(len(rows), min((since for _, since in rows), default=None), str(rows[0][0]) if rows else "")


def _is_stopped() -> sa.ColumnElement[bool]:
    """A ground of recall stops what is asked of the grant's place."""
    return sa.exists().where(
        FundGrant.institution_id == FundRequest.institution_id,
        FundGrant.grant_id == FundRequest.grant_id,
        FundRecall.institution_id == FundGrant.institution_id,
        FundRecall.regime == FundGrant.regime,
        FundRecall.state == "standing",
    )


def _requests(connection: sa.Connection, institution_id: str, state: str, *others: sa.ColumnElement[bool]) -> Pile:
    own = (FundRequest.institution_id == institution_id, FundRequest.state == state)
    return pile(connection, FundRequest.asked_at, *own, *others)


def table_in_force(connection: sa.Connection, institution_id: str, day: date) -> PublishedTable | None:
    """The newest published table that has taken effect by ``day``."""
    row = connection.execute(
        sa.select(CapTable.table_id, CapTable.version_no, CapTable.effective_on)
        .where(CapTable.institution_id == institution_id, CapTable.state == "published", CapTable.effective_on <= day)
        .order_by(CapTable.effective_on.desc(), CapTable.version_no.desc())
        .limit(1)
    ).one_or_none()
    if row is None:
        return None
    diseases = connection.scalar(
        sa.select(sa.func.count(sa.distinct(CapRow.disease_code))).where(
            CapRow.institution_id == institution_id, CapRow.table_id == row.table_id, CapRow.posted
        )
    )
    return PublishedTable(row.version_no, row.effective_on, diseases or 0)


def pile(connection: sa.Connection, moment: InstrumentedAttribute[Any], *fits: sa.ColumnElement[bool]) -> Pile:
    count, since = connection.execute(
        sa.select(sa.func.count(), sa.func.min(moment, type_=moment.type)).where(*fits)
    ).one()
    return Pile(count, since)
