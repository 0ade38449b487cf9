"""What takes its time, behind the page: counting a file of accounts and booking it; releasing a campaign, making its
file, taking in what came of it."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Final

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.services.context import Context
from hospital_prepay.services.import_runs import Importer, ImportRun, Report, Stored
from hospital_prepay.services.outpatient.campaign_file import Form, export_campaign
from hospital_prepay.services.outpatient.campaigns import MISSING, release_campaign
from hospital_prepay.services.outpatient.census import confirm_import, count_accounts
from hospital_prepay.services.outpatient.contact_results import import_results
from hospital_prepay.services.outpatient.escheat import book_batch


def _count(context: Context, actor: Actor, upload: Path, run: ImportRun, report: Report) -> Stored:
    day = date.fromisoformat(run.options["balances_on"])
    return Stored(str(count_accounts(context, actor, upload, run.file_name, day, report).import_no))


def _book(context: Context, actor: Actor, _upload: Path, run: ImportRun, report: Report) -> Stored:
    confirm_import(context, actor, int(run.options["import_no"]), report)
    return Stored(run.options["import_no"])


def _release(context: Context, actor: Actor, _upload: Path, run: ImportRun, _report: Report) -> Stored:
    release_campaign(context, actor, int(run.options["campaign_no"]))
    return Stored(run.options["campaign_no"])


def _export(context: Context, actor: Actor, _upload: Path, run: ImportRun, report: Report) -> Stored:
    export_campaign(context, actor, int(run.options["campaign_no"]), Form(run.options["form"]), report)
    return Stored(run.options["campaign_no"])


def _results(context: Context, actor: Actor, upload: Path, run: ImportRun, report: Report) -> Stored:
    import_results(context, actor, upload, run.file_name, int(run.options["campaign_no"]), report)
    return Stored(run.options["campaign_no"])


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
_VIEW: Final = Permission.OUTPATIENT_VIEW
RELEASES: Final = Importer("outpatient-releases", Permission.OUTPATIENT_CONFIRM, _VIEW, MISSING, _release)
EXPORTS: Final = Importer("outpatient-exports", Permission.OUTPATIENT_CONTACT, _VIEW, MISSING, _export)
RESULTS: Final = Importer("outpatient-results", Permission.OUTPATIENT_CONTACT, _VIEW, MISSING, _results)
