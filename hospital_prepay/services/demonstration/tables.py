"""Cap tables of the demonstration: measured from cases by one person, approved and published by another."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import date, datetime, timedelta
from importlib.resources import as_file, files
from pathlib import Path
from typing import Final

from hospital_prepay.clock import local
from hospital_prepay.domain.access import Actor, Role
from hospital_prepay.domain.money import Money
from hospital_prepay.persistence import cap_tables as store
from hospital_prepay.services.demonstration.cases import write_demonstration_cases
from hospital_prepay.services.demonstration.stage import Stage
from hospital_prepay.services.inpatient.cap_tables import (
    MeasureTable,
    PublishTable,
    approve_table,
    measure_table,
    publish_table,
)
from hospital_prepay.services.inpatient.case_imports import import_cases
from hospital_prepay.services.inpatient.posted_import import TakeOver, take_over_sheet
from hospital_prepay.services.inpatient.posted_sheet import ColumnMapping
from hospital_prepay.services.inpatient.standards_import import import_similar, import_standards

AS_OF: Final = date(2026, 1, 15)
SAMPLE_AS_OF: Final = date(2025, 12, 31)
_SAMPLES: Final = files("hospital_prepay.services.demonstration") / "samples"
_HOUR: Final = timedelta(hours=1)
_HUNDRED_YUAN: Final = Money(10_000)


def import_synthetic_cases(stage: Stage, moment: datetime, cases: int, dirty_of_each_kind: int) -> None:
    """Three years of cases with some dirty rows, the earlier standards and the similar diseases.

    The same numbers give the same file, and the same file counts once.
    """
    officer, context = stage.actor(Role.FINANCE_OFFICER), stage.at(moment)
    with tempfile.TemporaryDirectory(prefix="prepay-demo-") as folder:
        written = write_demonstration_cases(Path(folder), cases=cases, dirty_of_each_kind=dirty_of_each_kind)
        import_cases(context, officer, written.cases, "2023至2025年出院病例（演示）.csv")
        import_standards(context, officer, written.legacy, "2025年6月以前的预交金标准（演示）.csv")
        import_similar(context, officer, written.similar, "相似病种（演示）.csv")


def import_sample_cases(stage: Stage, moment: datetime) -> None:
    """The real sample: public data, its source in the file's name."""
    with as_file(_SAMPLES / "inpatient_cases.csv") as path:
        name = "公开出院病例（纽约州SPARCS 2024）.csv"
        import_cases(stage.at(moment), stage.actor(Role.FINANCE_OFFICER), path, name)


def publish_first_table(stage: Stage, moment: datetime, min_cases: int) -> None:
    """Version 1: measured, approved and published by two people."""
    _publish(stage, moment, lambda officer: measure_table(stage.at(moment), officer, MeasureTable(AS_OF, min_cases)))


def publish_posted_table(stage: Stage, moment: datetime, name: str, mapping: ColumnMapping, source: str) -> None:
    """A table that a real hospital posted: its earlier standards, and version 1 from the day of ``moment`` on."""
    command = TakeOver(mapping, source, local(moment).date())
    with as_file(_SAMPLES / name) as path:
        _publish(
            stage,
            moment,
            lambda officer: take_over_sheet(stage.at(moment), officer, path, command).table_id or "",
        )


def leave_second_draft(stage: Stage, moment: datetime, min_cases: int) -> None:
    """A draft that waits for a second person; it asks for more cases behind each cap than the table in force."""
    if len(_tables(stage)) < 2:
        _measure(stage, moment, MeasureTable(AS_OF, 2 * min_cases, _HUNDRED_YUAN))


def leave_sample_draft(stage: Stage, moment: datetime) -> None:
    """The sample measured and waiting for a second person."""
    if not _tables(stage):
        _measure(stage, moment, MeasureTable(SAMPLE_AS_OF))


def _measure(stage: Stage, moment: datetime, command: MeasureTable) -> None:
    measure_table(stage.at(moment), stage.actor(Role.FINANCE_OFFICER), command)


def _publish(stage: Stage, moment: datetime, make: Callable[[Actor], str]) -> None:
    """Make a draft, approve and publish it on the day of ``moment``, as far as that isn't done."""
    approver, found = stage.actor(Role.FINANCE_APPROVER), _tables(stage)
    table_id = found[0].table_id if found else make(stage.actor(Role.FINANCE_OFFICER))
    state = found[0].state if found else "draft"
    if state == "draft":
        approve_table(stage.at(moment + _HOUR), approver, table_id)
    if state in ("draft", "approved"):
        at = moment + 2 * _HOUR
        publish_table(stage.at(at), approver, PublishTable(table_id, local(at).date()))


def _tables(stage: Stage) -> list[store.TableHead]:
    """Every table, the oldest first."""
    with stage.context.database.reading() as connection:
        return store.heads(connection, stage.house.code)[::-1]
