"""Tables that are taken in behind the page: events of visits, results of the insurance."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.services.context import Context
from hospital_prepay.services.import_runs import Importer, ImportRun, Report, Stored
from hospital_prepay.services.settlement.result_file import take_result_file
from hospital_prepay.services.settlement.taken_file import TakenFile
from hospital_prepay.services.settlement.visit_file import take_visit_file

_MOST_LINES: Final = 500


def _importer(
    folder: str, may: Permission, take_file: Callable[[Context, Actor, Path, Report], TakenFile]
) -> Importer:
    def take(context: Context, actor: Actor, upload: Path, run: ImportRun, report: Report) -> Stored:
        taken = take_file(context, actor, upload, report)
        lines = [f"第 {one.line} 行：{one.message}" for one in taken.rejected[:_MOST_LINES]]
        if len(taken.rejected) > _MOST_LINES:
            lines.append(f"还有 {len(taken.rejected) - _MOST_LINES:,} 行没有列出。先改这些，再导入一次。")
        return Stored(run.run_id, message=taken.words, lines=tuple(lines))

    return Importer(folder, may, may, "没有这次导入。请回到导入表格查看。", take)


EVENTS: Final = _importer("settlement-events", Permission.SETTLEMENT_MANAGE, take_visit_file)
RESULTS: Final = _importer("settlement-results", Permission.SETTLEMENT_INSURANCE, take_result_file)
