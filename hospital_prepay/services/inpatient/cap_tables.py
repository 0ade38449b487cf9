"""From cases to a published cap table: measured by one person, approved by another, kept for ever."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Final

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.days import years_after
from hospital_prepay.domain.errors import Conflict, LedgerFault, MalformedInput, NoUsableRow
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.inpatient.evidence import Reach, YearCount
from hospital_prepay.domain.rules.inpatient.standards import EVERY_DISEASE
from hospital_prepay.persistence import cap_tables as store
from hospital_prepay.persistence import case_store
from hospital_prepay.persistence.case_statistics import year_counts
from hospital_prepay.persistence.models.base import canonical_json
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.services.context import Context
from hospital_prepay.services.inpatient.measure import (
    MeasuredRow,
    MeasureOptions,
    SnapshotMeasurement,
    measure_snapshot,
)
from hospital_prepay.services.inpatient.measuring_readings import measuring_readings
from hospital_prepay.services.publication.announcement import announce
from hospital_prepay.services.publication.readings import ChosenReading, list_readings

TEN_YUAN: Final = Money(1000)
_LATER: Final = frozenset({"mean_fen", "evidence"})


@dataclass(frozen=True, slots=True)
class MeasureTable:
    """How to measure: ``min_cases`` and ``round_down_to`` are said each time, the rest are readings."""

    as_of: date
    min_cases: int = 10
    round_down_to: Money = TEN_YUAN


@dataclass(frozen=True, slots=True)
class PublishTable:
    """Put an approved table in force."""

    table_id: str
    effective_on: date


def measure_table(context: Context, actor: Actor, command: MeasureTable) -> str:
    """Measure every case the hospital has stored and keep the result as a draft; returns its id.

    Raises ``NoRuleInForce`` for a day before the rules, ``NoUsableRow`` when the window holds no case (12), and
    ``MalformedInput`` when the stored cases can't carry a reading: never is another one taken in silence.
    """
    actor.require(Permission.CAPS_MEASURE)
    every = _measuring_readings(context, actor.institution_id)
    readings = measuring_readings({one.reading.name: one.value for one in every})
    snapshot = case_store.Snapshot(context.settings.data_dir, actor.institution_id, context.keyed_hash)
    # Held to the end of measuring: every figure of a table comes from the same cases.
    with snapshot.locked():
        with context.database.reading() as connection:
            path = snapshot.ensure(connection, actor.institution_id)
            stored = case_store.stored_cases(connection, actor.institution_id)
            rejected = case_store.rejected_rows(connection, actor.institution_id)
            standards = store.standards(connection, actor.institution_id)
            similar = store.similar(connection, actor.institution_id)
        options = MeasureOptions(
            command.as_of, command.min_cases, command.round_down_to, standards, similar, readings
        )
        measured = measure_snapshot(path, options, spread=True)
        years = year_counts(path, measured.window, readings)
    if not measured.cases_used:
        window = measured.window
        raise NoUsableRow(f"{window.first} 至 {window.last} 没有病例，不能测算。请先导入这三年的病例。")
    evidence = {
        "reach": _reach(measured.reach),
        "years": [_year(year) for year in years],
        "readings": {one.reading.name: str(one.value) for one in every},
        "left_out": measured.left_out.in_window if measured.left_out else 0,
        "rejected": rejected,
    }
    with context.work(actor, "caps.measure", command.as_of.isoformat()) as work:
        return _keep_draft(work, command, measured, stored, evidence)


def approve_table(context: Context, actor: Actor, table_id: str) -> None:
    """Approve a draft somebody else measured. Raises ``SecondPersonRequired``, :class:`Conflict`."""
    actor.require(Permission.CAPS_APPROVE)
    with context.work(actor, "caps.approve", table_id) as work:
        head = store.head(work.connection, work.institution_id, table_id, lock=True)
        actor.require_other_than(head.measured_by, "批准")
        _require_state(head, "draft", "批准")
        _require_digest(work, head)
        values = {"state": "approved", "approved_by": actor.actor_id, "approved_at": work.now}
        store.walk(work.connection, work.institution_id, table_id, values)
        work.audit(detail={"digest": head.digest})


def reject_table(context: Context, actor: Actor, table_id: str, ground: str) -> None:
    """Send a draft back with a written ground."""
    actor.require(Permission.CAPS_APPROVE)
    if not ground.strip():
        raise MalformedInput("请写明退回的原因。", code="missing_value", details={"field": "ground"})
    with context.work(actor, "caps.reject", table_id) as work:
        head = store.head(work.connection, work.institution_id, table_id, lock=True)
        if head.state not in ("draft", "approved"):
            raise Conflict("这张额度表已经发布或退回，不能再退回。")
        values = {"state": "rejected", "rejected_by": actor.actor_id, "rejected_ground": ground.strip()}
        store.walk(work.connection, work.institution_id, table_id, values)
        work.audit(detail={"ground": ground.strip()})


def publish_table(context: Context, actor: Actor, command: PublishTable) -> int:
    """Publish an approved table from a day on (18); returns its version. Patients' pages follow at once.

    The day may not lie in the past: a patient can't be held to a table that nobody could read. A table that was
    taken over from a posted sheet keeps the day on which that one took effect.
    """
    actor.require(Permission.CAPS_PUBLISH)
    with context.work(actor, "caps.publish", command.table_id) as work:
        case_store.lock_institution(work.connection, work.institution_id)
        head = store.head(work.connection, work.institution_id, command.table_id, lock=True)
        _require_state(head, "approved", "发布")
        _require_digest(work, head)
        if command.effective_on < work.today and not _was_posted(head, command.effective_on):
            raise MalformedInput(
                f"执行日期不能早于今天（{work.today}）。", code="not_a_date", details={"field": "effective_on"}
            )
        if command.effective_on > (last := years_after(work.today, 1)):
            raise MalformedInput(
                f"执行日期不能晚于 {last}，最多提前一年发布。请核对年份。",
                code="not_a_date",
                details={"field": "effective_on"},
            )
        version = store.next_version(work.connection, work.institution_id)
        values = {
            "state": "published",
            "version_no": version,
            "published_by": actor.actor_id,
            "published_at": work.now,
            "effective_on": command.effective_on,
        }
        store.walk(work.connection, work.institution_id, command.table_id, values)
        work.audit(detail={"version": version, "effective_on": command.effective_on.isoformat()})
    announce(context.settings.data_dir, actor.institution_id, str(version))
    return version


def table_digest(rows: Sequence[dict[str, Any]]) -> str:
    """SHA-256 over all rows of a table in order: what the approver saw is what is published.

    A row without a mean of its own or without evidence is hashed without it, as rows were before there could be any.
    """
    kept = [{name: value for name, value in row.items() if name not in _LATER or value is not None} for row in rows]
    return hashlib.sha256(canonical_json(kept).encode()).hexdigest()


def _measuring_readings(context: Context, institution_id: str) -> list[ChosenReading]:
    return [one for one in list_readings(context, institution_id) if "inpatient.measure" in one.reading.used_in]


def _reach(reach: Reach) -> dict[str, int]:
    return {
        "year": reach.year,
        "diseases": reach.diseases,
        "cost_fen": reach.cost.fen,
        "posted_cost_fen": reach.posted_cost.fen,
        "admissions": reach.admissions,
        "posted_admissions": reach.posted_admissions,
    }


def _year(count: YearCount) -> dict[str, int]:
    return {"year": count.year, "cases": count.cases, "diseases": count.diseases}


def _keep_draft(
    work: UnitOfWork,
    command: MeasureTable,
    measured: SnapshotMeasurement,
    stored: int,
    evidence: dict[str, Any],
) -> str:
    posted = set(measured.posted)
    rows = [_row(row, posted, own_mean=not measured.readings.is_plain_mean) for row in measured.rows]
    table_id = work.new_id()
    head = {
        "institution_id": work.institution_id,
        "table_id": table_id,
        "as_of": command.as_of,
        "window_from": measured.window.first,
        "window_to": measured.window.last,
        "parameters": {
            "min_cases": command.min_cases,
            "round_down_to_fen": command.round_down_to.fen,
            "burden": evidence["readings"]["burden_measure"],
            **evidence,
        },
        "cases_read": stored,
        "cases_used": measured.cases_used,
        "row_count": len(rows),
        "rule_version": work.rule_version,
        "digest": table_digest(rows),
        "measured_by": work.act.actor.actor_id,
        "measured_at": work.now,
    }
    store.add_draft(work.connection, head, rows)
    work.audit(subject=table_id, detail={"rows": len(rows), "cases": measured.cases_used, "digest": head["digest"]})
    return table_id


def _was_posted(head: store.TableHead, day: date) -> bool:
    return bool(head.parameters.get("source")) and head.as_of == day


def _row(row: MeasuredRow, posted: set[str], *, own_mean: bool) -> dict[str, Any]:
    statistics = row.statistics
    spread = statistics.spread
    return {
        "disease_code": statistics.disease_code,
        "insured_class": statistics.insured_class.value,
        "disease_name": row.disease_name or statistics.disease_code,
        "cases": statistics.cases,
        "sum_cost_fen": statistics.sum_cost.fen,
        "sum_burden_fen": statistics.sum_burden.fen,
        "legacy_fen": None if row.legacy is None else row.legacy.fen,
        "cap_fen": None if row.cap.amount is None else row.cap.amount.fen,
        "basis": row.cap.basis.value,
        "clauses": list(row.cap.clauses),
        "quantiles": [] if spread is None else [spread.p10.fen, spread.p50.fen, spread.p90.fen],
        "posted": statistics.disease_code in posted,
        "mean_fen": row.mean.fen if own_mean and row.mean is not None else None,
        "evidence": _evidence(row),
    }


def _evidence(row: MeasuredRow) -> dict[str, Any]:
    """What the row rests on beside its sums: its years, the day of its standard and the disease it is referred to."""
    standard = row.standard
    return {
        "years": [[one.year, one.cases, one.sum_burden.fen] for one in row.years],
        "standard_from": standard.in_force_from.isoformat() if standard else None,
        "standard_is_uniform": standard is not None and standard.disease_code == EVERY_DISEASE,
        "similar_to": row.cap.similar_to,
    }


def _require_state(head: store.TableHead, state: str, step: str) -> None:
    if head.state != state:
        words = {"draft": "还是草稿", "approved": "已批准", "rejected": "已退回", "published": "已发布"}[head.state]
        raise Conflict(f"这张额度表{words}，不能{step}。请刷新后查看。")


def _require_digest(work: UnitOfWork, head: store.TableHead) -> None:
    rows = [asdict(row) for row in store.rows(work.connection, work.institution_id, head.table_id)]
    if table_digest(rows) != head.digest:
        raise LedgerFault("额度表与测算时的摘要不一致，不能批准或发布。请重新测算，并报告信息科。")
