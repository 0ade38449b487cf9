"""Taking in files of past cases: checked as a whole, bad rows kept aside, every case once."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import NoUsableRow, PrepayError
from hospital_prepay.domain.initials import initials
from hospital_prepay.persistence import case_store
from hospital_prepay.persistence.case_statistics import all_disease_names
from hospital_prepay.persistence.cases import CaseReading, Progress, read_cases
from hospital_prepay.services.access.refusals import keep_refusal
from hospital_prepay.services.context import Context

_SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class ImportedCases:
    """What an import did. ``already_known`` when this very file had been taken in before: nothing was added."""

    import_id: str
    already_known: bool
    rows_new: int
    rows_known: int
    rows_rejected: int


def import_cases(
    context: Context, actor: Actor, path: Path, file_name: str, progress: Progress | None = None
) -> ImportedCases:
    """Store the sound cases of a file (article 12's "historical data of three years") and keep the bad rows aside.

    The same file counts once, and so does a case that an earlier file held. Raises what
    :func:`hospital_prepay.persistence.cases.read_cases` raises, and ``NoUsableRow`` when no row is sound; nothing
    but the refusal is stored then.
    """
    actor.require(Permission.CASES_IMPORT)
    with tempfile.TemporaryDirectory(prefix="prepay-import-") as folder:
        try:
            snapshot, today = Path(folder) / "cases.parquet", context.clock.today()
            reading = read_cases(path, snapshot=snapshot, progress=progress, until=today)
            _require_usable(reading)
        except PrepayError as error:
            detail = {"code": error.reason, "message": error.message}
            keep_refusal(context, actor, "caps.import", file_name, detail)
            raise
        return _store(context, actor, reading, file_name)


def _require_usable(reading: CaseReading) -> None:
    if not reading.accepted:
        lines = [f"第 {row.line} 行：{row.message}" for row in reading.rejected[:_SHOWN]]
        message = f"{len(reading.rejected)} 行都不能用。" if lines else "表头下面没有病例。"
        raise NoUsableRow(f"{message}请改好后重新上传。", details={"lines": lines})


def _store(context: Context, actor: Actor, reading: CaseReading, file_name: str) -> ImportedCases:
    snapshot = case_store.Snapshot(context.settings.data_dir, actor.institution_id, context.keyed_hash)
    with snapshot.locked():
        stored = _store_new(context, actor, reading, file_name, snapshot)
        if not stored.already_known:
            snapshot.adopt()
    return stored


def _store_new(
    context: Context, actor: Actor, reading: CaseReading, file_name: str, snapshot: case_store.Snapshot
) -> ImportedCases:
    with context.work(actor, "caps.import", file_name[:120]) as work:
        case_store.lock_institution(work.connection, work.institution_id)
        before = case_store.import_of_file(work.connection, work.institution_id, reading.sha256)
        if before is not None:
            work.audit(detail={"known_file": before})
            return ImportedCases(before, True, 0, reading.accepted, len(reading.rejected))
        snapshot.ensure(work.connection, work.institution_id)
        new, known = snapshot.prepare(reading.snapshot)
        import_id = work.new_id()
        values = case_store.import_values(
            institution_id=work.institution_id,
            import_id=import_id,
            file_name=file_name,
            sha256=reading.sha256,
            new=new,
            known=known,
            rejected=len(reading.rejected),
            by=actor.actor_id,
            at=work.now,
        )
        case_store.add_import(work.connection, values, reading.rejected)
        snapshot.store(work.connection, work.institution_id, import_id)
        names = all_disease_names(reading.snapshot)
        case_store.add_diseases(
            work.connection,
            work.institution_id,
            {code: (name, initials(name, surname=False)) for code, name in names.items()},
        )
        work.audit(detail={"import": import_id, "new": new, "known": known, "rejected": len(reading.rejected)})
        return ImportedCases(import_id, False, new, known, len(reading.rejected))
