"""The periodic risk assessment of article 25: figures as the books give them, findings and measures by one person,
approved by another."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, time, timedelta
from typing import Any

from hospital_prepay.clock import SHANGHAI, local
from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import Conflict, MalformedInput
from hospital_prepay.domain.rules.settlement.arrears import ActKind, Band
from hospital_prepay.domain.rules.settlement.assessment import Period, is_overdue, next_period
from hospital_prepay.domain.rules.settlement.clocks import is_late
from hospital_prepay.persistence import assessments as store
from hospital_prepay.persistence.assessments import AssessmentRow
from hospital_prepay.persistence.locks import lock_name
from hospital_prepay.persistence.queries import people
from hospital_prepay.services.context import Context
from hospital_prepay.services.publication.readings import reading_in_force
from hospital_prepay.services.settlement.arrears import Chosen, list_arrears
from hospital_prepay.services.settlement.costs import warnings

__all__ = ["AssessmentRow"]


@dataclass(frozen=True, slots=True)
class Assessments:
    """Every assessment, and the next one with its figures of now. ``has_ended`` when its period is over."""

    rows: tuple[AssessmentRow, ...]
    period: Period
    figures: dict[str, Any]
    months: int
    has_ended: bool
    is_overdue: bool
    names: dict[str, str]


@dataclass(frozen=True, slots=True)
class Assess:
    """What somebody found in a period and what is to be done."""

    findings: str
    measures: str
    idempotency_key: str


def list_assessments(context: Context, actor: Actor) -> Assessments:
    """Every assessment and the next one. Needs ``settlement.view``."""
    actor.require(Permission.SETTLEMENT_VIEW)
    own, today = actor.institution_id, context.clock.today()
    with context.database.reading() as connection:
        months = int(str(reading_in_force(connection, own, "assessment_months")))
        rows = store.assessments(connection, own)
        names = people.names(connection, own)
    period = next_period(rows[0].period_to if rows else None, months, today)
    return Assessments(
        rows=tuple(rows),
        period=period,
        figures=figures_of(context, actor, period),
        months=months,
        has_ended=period.last < today,
        is_overdue=is_overdue(period, months, today),
        names=names,
    )


def figures_of(context: Context, actor: Actor, period: Period) -> dict[str, Any]:
    """The figures of a period: settlements and acts within it, arrears and warnings as they stand now. Amounts in
    fen."""
    own = actor.institution_id
    start = datetime.combine(period.first, time(), SHANGHAI)
    end = datetime.combine(period.last + timedelta(days=1), time(), SHANGHAI)
    owing, warned = list_arrears(context, actor, Chosen(), page=None), warnings(context, actor)
    with context.database.reading() as connection:
        number, clocks, left, left_fen = store.settled_counts(connection, own, start, end)
        acts = store.acts_done(connection, own, start, end)
    late = sum(due is not None and is_late(due, local(settled).date()) for due, settled in clocks)
    return {
        "settled": number,
        "late": late,
        "left_owing": left,
        "left_owing_fen": left_fen,
        "owing": owing.number,
        "owed_fen": owing.owed_fen,
        "provided_fen": owing.provided_fen,
        "bands": {band.value: one.owed_fen for band in Band for one in owing.bands if one.band is band},
        "acts": {kind.value: acts.get(kind.value, 0) for kind in ActKind},
        "warned": len(warned.rows),
        "gap_fen": warned.gap_fen,
        "on": context.clock.today().isoformat(),
    }


def assess(context: Context, actor: Actor, command: Assess) -> int:
    """Write the next assessment down with the figures of now; returns its number. Needs ``settlement.manage``.

    Raises :class:`Conflict` while the period runs or an assessment waits for approval, :class:`MalformedInput` for
    what isn't written.
    """
    actor.require(Permission.SETTLEMENT_MANAGE)
    for field, said, words in (("findings", command.findings, "评估情况"), ("measures", command.measures, "措施")):
        if not said.strip():
            raise MalformedInput(f"请写{words}。", code="missing_value", details={"field": field})
    found = list_assessments(context, actor)
    with context.work(actor, "risk.assess", "risk_assessment") as work:
        lock_name(work.connection, f"risk_assessment:{work.institution_id}")
        payload = asdict(command)
        known = work.known_answer(command.idempotency_key, payload)
        if known is not None:
            return int(known["assessment_no"])
        rows = store.assessments(work.connection, work.institution_id)
        if len(rows) != len(found.rows):
            raise Conflict("刚有别人写好了这一期评估。请刷新。")
        if rows and rows[0].approved_at is None:
            raise Conflict("上一期评估还没有批准。请另一个人先批准。")
        if not found.has_ended:
            raise Conflict(f"这一期到 {found.period.last} 才结束，结束后再评估。")
        number = len(rows) + 1
        store.add(
            work.connection,
            {
                "institution_id": work.institution_id,
                "assessment_no": number,
                "period_from": found.period.first,
                "period_to": found.period.last,
                "figures": found.figures,
                "findings": command.findings.strip(),
                "measures": command.measures.strip(),
                "assessed_by": actor.actor_id,
                "assessed_at": work.now,
            },
        )
        work.audit(detail={"assessment": number, "period": [str(found.period.first), str(found.period.last)]})
        work.keep_answer(command.idempotency_key, payload, {"assessment_no": number})
        return number


def approve(context: Context, actor: Actor, number: int) -> None:
    """Approve an assessment that another person wrote. Needs ``settlement.manage``. Raises
    :class:`SecondPersonRequired` and :class:`Conflict` when it was approved before."""
    actor.require(Permission.SETTLEMENT_MANAGE)
    with context.work(actor, "risk.approve", "risk_assessment") as work:
        lock_name(work.connection, f"risk_assessment:{work.institution_id}")
        row = store.find(work.connection, work.institution_id, number)
        if row.approved_at is not None:
            raise Conflict("这次评估已经批准过。")
        actor.require_other_than(row.assessed_by, "批准评估")
        values = {"approved_by": actor.actor_id, "approved_at": work.now}
        store.approve(work.connection, work.institution_id, number, values)
        work.audit(detail={"assessment": number})
