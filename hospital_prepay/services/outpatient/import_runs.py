"""Counting a file of accounts, and booking one that was confirmed, behind the page: both take their time."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Final

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.services.context import Context
from hospital_prepay.services.import_runs import Importer, ImportRun, Report, Stored
from hospital_prepay.services.outpatient.census import confirm_import, count_accounts
from hospital_prepay.services.outpatient.escheat import book_batch


def _count(context: Context, actor: Actor, upload: Path, run: ImportRun, report: Report) -> Stored:
    day = date.fromisoformat(run.options["balances_on"])
    return Stored(str(count_accounts(context, actor, upload, run.file_name, day, report).import_no))


def _book(context: Context, actor: Actor, _upload: Path, run: ImportRun, report: Report) -> Stored:
    confirm_import(context, actor, int(run.options["import_no"]), report)
    return Stored(run.options["import_no"])


_MISSING: Final = "没有这次导入。请回到清查导入页查看。"
COUNTS: Final = Importer(
    "outpatient-imports", Permission.OUTPATIENT_IMPORT, Permission.OUTPATIENT_VIEW, _MISSING, _count
)
# A booking has no file of its own; what it was cut short of is in the database, and it goes on from there.
BOOKINGS: Final = Importer(
    "outpatient-bookings", Permission.OUTPATIENT_CONFIRM, Permission.OUTPATIENT_VIEW, _MISSING, _book
)


def _book_batch(context: Context, actor: Actor, _upload: Path, run: ImportRun, report: Report) -> Stored:
    book_batch(context, actor, int(run.options["batch_no"]), report)
    return Stored(run.options["batch_no"])


REMITTANCES: Final = Importer(
    "outpatient-remittances",
    Permission.OUTPATIENT_APPROVE,
    Permission.OUTPATIENT_VIEW,
    "没有这次入账。请回到上缴批次查看。",
    _book_batch,
)
