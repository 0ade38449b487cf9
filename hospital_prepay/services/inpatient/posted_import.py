"""Taking over a table that a hospital has posted: as its earlier standards, and as a version to post here.

A hospital that posted its amounts before this program came goes on with them until it measures: the sheet becomes
a draft like any other, approved by a second person and published with the day on which it took effect.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import MalformedInput
from hospital_prepay.domain.initials import initials
from hospital_prepay.domain.insured_class import InsuredClass
from hospital_prepay.domain.rules.inpatient.standards import EarlierStandard
from hospital_prepay.persistence import cap_tables as store
from hospital_prepay.persistence import case_store, choices
from hospital_prepay.persistence.choices import SettingRow
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.services.context import Context
from hospital_prepay.services.inpatient.cap_tables import table_digest
from hospital_prepay.services.inpatient.posted_sheet import ColumnMapping, Sheet, read_sheet
from hospital_prepay.services.inpatient.standards_import import Added, add_standards, kept_refusal

# Kept beside the readings, every version of it; it answers no question of a notice, so the list of readings has none.
_SETTING: Final = "posted_sheet.columns"
_LONGEST_SOURCE: Final = 200
_POSTED: Final = "guizhou-deposit-2025/18"


@dataclass(frozen=True, slots=True)
class TakeOver:
    """What to make of a sheet. ``effective_on`` is the day it took effect; ``as_standards`` also records its amounts
    as standards in force before the rules, ``as_table`` makes a draft to post."""

    mapping: ColumnMapping
    source: str
    effective_on: date
    as_standards: bool = True
    as_table: bool = True


@dataclass(frozen=True, slots=True)
class TakenOver:
    """What came of it; ``table_id`` names the draft."""

    diseases: int
    standards: Added | None
    table_id: str | None


def take_over_sheet(context: Context, actor: Actor, path: Path, command: TakeOver) -> TakenOver:
    """Read a posted sheet and store what was asked for, all of it or nothing; the mapping is kept for next time.

    Raises what :func:`read_sheet` raises, and ``Conflict`` for a standard that is known with another amount.
    """
    actor.require(Permission.CASES_IMPORT)
    with kept_refusal(context, actor, "caps.posted", command.source[:120]):
        sheet = read_sheet(path, command.mapping)
        if not 1 <= len(command.source) <= _LONGEST_SOURCE:
            raise MalformedInput(f"请写明这张表的来源，最多 {_LONGEST_SOURCE} 个字。")
    with context.work(actor, "caps.posted", command.source[:120]) as work:
        case_store.lock_institution(work.connection, work.institution_id)
        standards = add_standards(work, _standards(sheet), command.source) if command.as_standards else None
        table_id = _draft(work, sheet, command) if command.as_table else None
        _add_catalogue(work, sheet, command.mapping.catalogue)
        _keep_mapping(work, command.mapping)
        work.audit(detail={"diseases": len(sheet.rows), "table": table_id})
    return TakenOver(len(sheet.rows), standards, table_id)


def kept_mapping(context: Context, institution_id: str) -> ColumnMapping | None:
    """The mapping that the institution used last."""
    with context.database.reading() as connection:
        row = choices.newest_settings(connection, institution_id).get(_SETTING)
    return None if row is None else ColumnMapping.of_json(json.loads(row.value))


def _standards(sheet: Sheet) -> list[EarlierStandard]:
    # They were in force before the rules, says who ticked it; the sheet's own day may be that of a later printing.
    return [
        EarlierStandard(row.disease_code, insured, amount)
        for row in sheet.rows
        for insured, amount in row.caps.items()
    ]


def _draft(work: UnitOfWork, sheet: Sheet, command: TakeOver) -> str:
    rows = sorted(
        (_cap_row(row.disease_code, row.disease_name, insured, amount.fen) for row in sheet.rows
         for insured, amount in row.caps.items()),
        key=lambda row: (row["disease_code"], list(InsuredClass).index(InsuredClass(row["insured_class"]))),
    )  # fmt: skip
    table_id = work.new_id()
    head = {
        "institution_id": work.institution_id,
        "table_id": table_id,
        # The sheet says nothing of cases: the day it took effect stands for all three.
        "as_of": command.effective_on,
        "window_from": command.effective_on,
        "window_to": command.effective_on,
        "parameters": {"source": command.source, "remark": sheet.remark},
        "cases_read": 0,
        "cases_used": 0,
        "row_count": len(rows),
        "rule_version": work.rule_version,
        "digest": table_digest(rows),
        "measured_by": work.act.actor.actor_id,
        "measured_at": work.now,
    }
    store.add_draft(work.connection, head, rows)
    return table_id


def _cap_row(code: str, name: str, insured: InsuredClass, fen: int) -> dict[str, Any]:
    return {
        "disease_code": code,
        "insured_class": insured.value,
        "disease_name": name,
        "cases": 0,
        "sum_cost_fen": 0,
        "sum_burden_fen": 0,
        "legacy_fen": fen,
        "cap_fen": fen,
        "basis": "legacy",
        "clauses": [_POSTED],
        "quantiles": [],
        "posted": True,
    }


def _add_catalogue(work: UnitOfWork, sheet: Sheet, catalogue: str) -> None:
    names = {row.disease_code: (row.disease_name, initials(row.disease_name, surname=False)) for row in sheet.rows}
    case_store.add_diseases(work.connection, work.institution_id, names, catalogue)


def _keep_mapping(work: UnitOfWork, mapping: ColumnMapping) -> None:
    value = json.dumps(mapping.to_json(), ensure_ascii=False, sort_keys=True)
    row = choices.newest_settings(work.connection, work.institution_id).get(_SETTING)
    if row is not None and row.value == value:
        return
    version_no = 1 if row is None else row.version_no + 1
    actor_id = work.act.actor.actor_id
    kept = SettingRow(_SETTING, version_no, value, "录入已公示的表", actor_id, work.now)
    choices.add_setting(work.connection, work.institution_id, kept)
