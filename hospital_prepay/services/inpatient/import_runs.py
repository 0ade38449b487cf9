"""Imports of cases that run behind the page."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.services.context import Context
from hospital_prepay.services.import_runs import Importer, ImportRun, Report, Stored
from hospital_prepay.services.inpatient.case_imports import import_cases


def _take(context: Context, actor: Actor, upload: Path, run: ImportRun, report: Report) -> Stored:
    done = import_cases(context, actor, upload, run.file_name, report)
    return Stored(done.import_id, done.already_known)


CASES: Final = Importer(
    "imports", Permission.CASES_IMPORT, Permission.CAPS_VIEW, "没有这次导入。请回到额度列表查看。", _take
)
