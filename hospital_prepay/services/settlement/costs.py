"""Costs so far of stays in hospital, and the warnings that follow from them (article 25)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from hospital_prepay.clock import local
from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.days import moment_of
from hospital_prepay.domain.errors import Conflict, MalformedInput
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.settlement.cost_risk import CostRisk, risk_of, what_may_be_done
from hospital_prepay.files.tables import Column
from hospital_prepay.persistence import costs as store
from hospital_prepay.persistence import stays
from hospital_prepay.persistence.costs import CostRow
from hospital_prepay.persistence.queries.waiting import Pile
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.services.access.home import Task
from hospital_prepay.services.context import Context
from hospital_prepay.services.hardship.asking import asking_of
from hospital_prepay.services.publication.readings import reading_in_force
from hospital_prepay.services.settlement.taken_file import TakenFile, TakenRow, take_rows, untold

__all__ = ["CostRow"]
COLUMNS: Final[Mapping[str, Column]] = {
    "stay_no": Column("住院号", ("stay_no", "visit_no", "住院号", "就诊号")),
    "as_of": Column("截至时间", ("as_of", "截至时间", "统计时间", "时间")),
    "total": Column("费用总额", ("total", "费用总额", "住院总费用", "总费用")),
    "own": Column("预计个人负担", ("own", "预计个人负担", "个人负担", "预计自付")),
}


@dataclass(frozen=True, slots=True)
class Costs:
    """What a stay has cost up to a moment, and what of it the patient is expected to bear."""

    stay_no: str
    as_of: datetime
    total: Money
    own: Money


@dataclass(frozen=True, slots=True)
class Warned:
    """A stay with its warning and the words what may be done."""

    row: CostRow
    risk: CostRisk
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Warnings:
    """The warnings, the largest gap first; ``known`` is of how many stays costs are known."""

    rows: tuple[Warned, ...]
    known: int
    percent: int
    gap_fen: int
    wards: tuple[str, ...]


def record_costs(context: Context, actor: Actor, costs: Costs) -> None:
    """Keep what another system says of a stay's costs, once for each moment. Needs ``stay.register``.

    Raises :class:`NotFound` for an unknown stay, :class:`Conflict` for other amounts of the same moment,
    :class:`MalformedInput` for a moment to come or an own share above the total.
    """
    actor.require(Permission.STAY_REGISTER)
    with context.work(actor, "cost.take", costs.stay_no) as work:
        _take(work, costs, "api")
        work.audit(detail={"total_fen": costs.total.fen, "own_fen": costs.own.fen})


def take_cost_file(context: Context, actor: Actor, path: Path) -> TakenFile:
    """Take a table in; a row that can't be used keeps no other back. Needs ``settlement.manage``."""
    actor.require(Permission.SETTLEMENT_MANAGE)
    with context.work(actor, "cost.take", "stay_cost") as work:

        def take(cells: Sequence[str], places: Mapping[str, int]) -> TakenRow:
            said = {name: cells[place].strip() for name, place in places.items() if place < len(cells)}
            _take(work, _costs(said), "csv")
            return TakenRow(is_new=True)

        taken = take_rows(path, COLUMNS, take, untold)
        work.audit(detail={"taken": taken.applied, "rejected": len(taken.rejected)})
    return taken


def warnings(context: Context, actor: Actor, ward: str = "") -> Warnings:
    """Stays in hospital whose costs run ahead of their deposit. Needs ``settlement.view``."""
    actor.require(Permission.SETTLEMENT_VIEW)
    own = actor.institution_id
    with context.database.reading() as connection:
        percent = int(str(reading_in_force(connection, own, "cost_warning")))
        rows = store.in_hospital(connection, own)
        found = []
        for row in rows:
            risk = risk_of(row.own_fen, row.collected_fen, row.cap_fen, percent)
            if risk is None or ward not in ("", row.ward):
                continue
            asking = asking_of(context, connection, own, row.stay_no, local(row.admitted_at).date())
            is_self_pay = row.insured_class == "self_pay"
            words = what_may_be_done(risk, is_self_pay=is_self_pay, pays_later=asking.pays_later)
            found.append(Warned(row, risk, tuple(words)))
    found.sort(key=lambda one: (-one.risk.gap_fen, one.row.stay_no))
    return Warnings(
        rows=tuple(found),
        known=len(rows),
        percent=percent,
        gap_fen=sum(one.risk.gap_fen for one in found),
        wards=tuple(sorted({row.ward for row in rows if row.ward})),
    )


def risk_tasks(context: Context, actor: Actor) -> list[Task]:
    """Stays in hospital that are warned of, and the oldest costs that do so: for finance and wards at home."""
    if not any(actor.may(one) for one in (Permission.SETTLEMENT_MANAGE, Permission.SETTLEMENT_WARD)):
        return []
    with context.database.reading() as connection:
        percent = int(str(reading_in_force(connection, actor.institution_id, "cost_warning")))
        since = [
            row.as_of
            for row in store.in_hospital(connection, actor.institution_id)
            if risk_of(row.own_fen, row.collected_fen, row.cap_fen, percent) is not None
        ]
    return [Task("cost_risk", Pile(len(since), min(since)))] if since else []


def _take(work: UnitOfWork, costs: Costs, source: str) -> None:
    if costs.as_of > work.now:
        raise MalformedInput("截至时间不能晚于现在。", details={"field": "as_of"})
    if costs.own > costs.total:
        raise MalformedInput("预计个人负担不能大于费用总额。", details={"field": "own"})
    stays.lock_stay(work.connection, work.institution_id, costs.stay_no)
    known = store.find(work.connection, work.institution_id, costs.stay_no, costs.as_of)
    if known is not None:
        if known != (costs.total.fen, costs.own.fen):
            raise Conflict("这个截至时间的费用已经报过，金额不一样。请用新的截至时间再报。")
        return
    store.add(
        work.connection,
        {
            "institution_id": work.institution_id,
            "stay_no": costs.stay_no,
            "as_of": costs.as_of,
            "total_fen": costs.total.fen,
            "own_fen": costs.own.fen,
            "source": source,
            "taken_by": work.act.actor.actor_id,
            "taken_at": work.now,
        },
    )


def _costs(said: Mapping[str, str]) -> Costs:
    if not said.get("stay_no"):
        raise MalformedInput("没有住院号。请补上。")
    if not said.get("as_of"):
        raise MalformedInput("没有截至时间。请写 2025-10-10 09:30 这样的时间。")
    amounts = [Money.of_yuan(said.get(name, "")) for name in ("total", "own")]
    return Costs(said["stay_no"][:40], moment_of(said["as_of"]), *amounts)
