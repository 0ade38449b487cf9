"""Bringing discharges to whoever must do the next step, each level once; the scheduler's daily step."""

from __future__ import annotations

from typing import Final

from hospital_prepay.domain.access import Actor
from hospital_prepay.domain.rules.settlement.escalation import level_on
from hospital_prepay.persistence import escalations as store
from hospital_prepay.services.context import Context
from hospital_prepay.services.publication.holidays import calendar_within
from hospital_prepay.services.settlement.board import next_working_day

SCHEDULER: Final = "scheduler"


def escalate(context: Context, institution_id: str) -> str:
    """Keep an escalation, and an audit event, for each open discharge that reached a level; returns ``escalated`` or
    ``nothing``. Asked again it adds nothing. Moves no money and sends nothing."""
    scheduler = Actor(institution_id, SCHEDULER, "定时任务", frozenset())
    with context.work(scheduler, "settlement.escalate") as work:
        calendar = calendar_within(work.connection, institution_id)
        through = next_working_day(calendar, work.today)
        rows = store.pressing(work.connection, institution_id, through)
        given = store.given(work.connection, institution_id, through)
        fresh = []
        for one in rows:
            level = level_on(one.expected_on, work.today, calendar)
            if level is None or (one.stay_no, one.discharged_at, level.value) in given:
                continue
            fresh.append(
                {
                    "institution_id": institution_id,
                    "stay_no": one.stay_no,
                    "discharged_at": one.discharged_at,
                    "level": level.value,
                    "stage": one.stage,
                    "expected_on": one.expected_on,
                    "raised_on": work.today,
                    "raised_at": work.now,
                }
            )
            work.audit(subject=one.stay_no, detail={"level": level.value, "stage": one.stage})
        store.add_all(work.connection, fresh)
    return "escalated" if fresh else "nothing"
