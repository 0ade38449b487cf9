"""Taking in the hospital's earlier standards and its table of similar diseases: all rows or none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hospital_prepay.clock import local
from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import Conflict, NoUsableRow, PrepayError
from hospital_prepay.domain.plain_text import look_alike
from hospital_prepay.domain.rules.inpatient.standards import SINCE_EVER, EarlierStandard
from hospital_prepay.persistence import cap_tables as store
from hospital_prepay.persistence import case_store
from hospital_prepay.persistence.queries import caps as queries
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.services.access.refusals import keep_refusal
from hospital_prepay.services.context import Context
from hospital_prepay.services.inpatient.standards import read_similar, read_standards


@dataclass(frozen=True, slots=True)
class Added:
    """How many rows are new and how many stood there already with the same content; ``look_alike`` are codes of the
    file and the catalogue together."""

    new: int
    known: int
    look_alike: tuple[tuple[str, ...], ...] = ()


def import_standards(context: Context, actor: Actor, path: Path, file_name: str) -> Added:
    """Record earlier standards (12). They were in force once: another amount for a known pair is a :class:`Conflict`.

    Raises what :func:`read_standards` raises; nothing but the refusal is stored then.
    """
    actor.require(Permission.CASES_IMPORT)
    with kept_refusal(context, actor, "caps.standards", file_name):
        standards = read_standards(path, local(context.clock.now()).date())
        if not standards:
            raise NoUsableRow("表头下面没有原标准。请补上后重新上传。")
    with context.work(actor, "caps.standards", file_name[:120]) as work:
        added = add_standards(work, standards, file_name)
        groups = _look_alike(work, {one.disease_code for one in standards})
        work.audit(detail={"new": added.new, "known": added.known})
    return replace(added, look_alike=groups)


def import_similar(context: Context, actor: Actor, path: Path, file_name: str) -> Added:
    """Add pairs to the table of similar diseases (17.2, 18); pairs it has already are passed over."""
    actor.require(Permission.CASES_IMPORT)
    with kept_refusal(context, actor, "caps.similar", file_name):
        similar = read_similar(path)
        if not similar:
            raise NoUsableRow("表头下面没有相似病种。请补上后重新上传。")
    pairs = {(code, other) for code, others in similar.items() for other in others}
    with context.work(actor, "caps.similar", file_name[:120]) as work:
        case_store.lock_institution(work.connection, work.institution_id)
        held = store.similar(work.connection, work.institution_id)
        fresh = sorted(pairs - {(code, other) for code, others in held.items() for other in others})
        key = {"institution_id": work.institution_id}
        if fresh:
            rows = [{**key, "disease_code": code, "similar_to": other} for code, other in fresh]
            store.add_similar(work.connection, rows)
        groups = _look_alike(work, {code for pair in pairs for code in pair})
        work.audit(detail={"new": len(fresh), "known": len(pairs) - len(fresh)})
    return Added(len(fresh), len(pairs) - len(fresh), groups)


def add_standards(work: UnitOfWork, standards: Sequence[EarlierStandard], source: str) -> Added:
    """Write the standards that aren't known yet. Raises :class:`Conflict` naming the first that differs."""
    case_store.lock_institution(work.connection, work.institution_id)
    held = {(one.key, one.in_force_from): one.amount for one in store.standards(work.connection, work.institution_id)}
    fresh = [one for one in standards if (one.key, one.in_force_from) not in held]
    for one in standards:
        before = held.get((one.key, one.in_force_from), one.amount)
        if before != one.amount:
            since = "" if one.in_force_from == SINCE_EVER else f"{one.in_force_from} 起"
            raise Conflict(
                f"{one.disease_code}（{one.insured_class.label}）{since}的原标准已经记为 {before} 元，"
                f"这次是 {one.amount} 元。原标准是以前执行过的，不能改；请核对后删去这一行。本次一行也没有存。"
            )
    if fresh:
        store.add_standards(work.connection, [_row(work, one, source) for one in fresh])
    return Added(len(fresh), len(standards) - len(fresh))


@contextmanager
def kept_refusal(context: Context, actor: Actor, action: str, file_name: str) -> Iterator[None]:
    """Write to the audit trail that a file was refused, and let the error go on."""
    try:
        yield
    except PrepayError as error:
        keep_refusal(context, actor, action, file_name, {"code": error.reason, "message": error.message})
        raise


def _look_alike(work: UnitOfWork, codes: set[str]) -> tuple[tuple[str, ...], ...]:
    known = queries.disease_codes(work.connection, work.institution_id)
    return tuple(group for group in look_alike({*codes, *known}) if codes & set(group))


def _row(work: UnitOfWork, one: EarlierStandard, source: str) -> dict[str, Any]:
    return {
        "institution_id": work.institution_id,
        "disease_code": one.disease_code,
        "insured_class": one.insured_class.value,
        "in_force_from": one.in_force_from,
        "standard_fen": one.amount.fen,
        "source": source,
        "recorded_by": work.act.actor.actor_id,
        "recorded_at": work.now,
    }
