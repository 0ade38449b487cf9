"""Imports that run behind the page: the upload is kept until it is stored, and everybody can see how far it is.

A run is a file of facts beside the upload, both in the data folder, so that every worker knows of it. The thread that
works holds a lock on the upload: when its process dies the lock goes with it, and the run can be taken up again.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import re
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import IO, Final

from hospital_prepay.crypto import new_id
from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import Conflict, NotFound, PrepayError
from hospital_prepay.domain.plain_text import spelled_out
from hospital_prepay.services.context import Context
from hospital_prepay.services.inpatient.case_imports import import_cases
from hospital_prepay.settings import private_folder

_log = logging.getLogger("hospital_prepay.imports")
_ID: Final = re.compile(r"[0-9a-f-]{36}", re.ASCII)
_READING_PERCENT: Final = 80
_A_MOMENT: Final = 0.05


class State(StrEnum):
    """Where a run stands. ``interrupted``: its process died; nothing was stored, the upload is still there."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class ImportRun:
    """One run. ``percent`` while it reads and stores; ``import_id`` when it is done; ``code``, ``message`` and
    ``lines`` when it failed."""

    run_id: str
    file_name: str
    size: int
    started_by: str
    started_at: str
    state: State = State.RUNNING
    percent: int = 0
    import_id: str | None = None
    already_known: bool = False
    code: str | None = None
    message: str = ""
    lines: tuple[str, ...] = ()


def start_import(
    context: Context, actor: Actor, upload: IO[bytes], file_name: str, *, patience: float = 0.0
) -> ImportRun:
    """Keep the upload and begin; returns as the run stands after at most ``patience`` seconds."""
    actor.require(Permission.CASES_IMPORT)
    run_id = new_id(context.clock)
    files = _Files(context, actor.institution_id, run_id)
    with files.upload.open("wb") as target:
        shutil.copyfileobj(upload, target)
    size = files.upload.stat().st_size
    run = ImportRun(run_id, spelled_out(file_name)[:120], size, actor.actor_id, context.clock.now().isoformat())
    files.write(run)
    return _begin(context, actor, run, files, patience)


def resume_import(context: Context, actor: Actor, run_id: str, *, patience: float = 0.0) -> ImportRun:
    """Take up an interrupted run. Raises :class:`NotFound`, and :class:`Conflict` when it isn't interrupted."""
    actor.require(Permission.CASES_IMPORT)
    run = read_run(context, actor, run_id)
    if run.state is not State.INTERRUPTED:
        raise Conflict("这次导入没有中断，不用重来。请刷新后查看。")
    files = _Files(context, actor.institution_id, run_id)
    return _begin(context, actor, replace(run, state=State.RUNNING, percent=0), files, patience)


def read_run(context: Context, actor: Actor, run_id: str) -> ImportRun:
    """A run as it stands. Raises :class:`NotFound`."""
    actor.require(Permission.CAPS_VIEW)
    if not _ID.fullmatch(run_id):
        raise NotFound("没有这次导入。请回到额度列表查看。")
    return _Files(context, actor.institution_id, run_id).read()


def open_runs(context: Context, actor: Actor) -> list[ImportRun]:
    """Runs that are at work or were interrupted, oldest first."""
    actor.require(Permission.CAPS_VIEW)
    folder = _folder(context, actor.institution_id)
    names = sorted(path.stem for path in folder.glob("*.upload")) if folder.is_dir() else []
    runs = [_Files(context, actor.institution_id, name).read() for name in names]
    return [run for run in runs if run.state in (State.RUNNING, State.INTERRUPTED)]


def _begin(context: Context, actor: Actor, run: ImportRun, files: _Files, patience: float) -> ImportRun:
    ready = threading.Event()
    thread = threading.Thread(target=_work, args=(context, actor, run, files, ready), name=f"import-{run.run_id}")
    thread.start()
    ready.wait()
    thread.join(patience)
    return files.read()


def _work(context: Context, actor: Actor, run: ImportRun, files: _Files, ready: threading.Event) -> None:
    with files.locked(tries=20) as free:
        ready.set()
        if not free:
            return  # somebody else took it up in the same moment
        files.write(run)
        files.write(_outcome(context, actor, run, files))
        files.upload.unlink(missing_ok=True)


def _outcome(context: Context, actor: Actor, run: ImportRun, files: _Files) -> ImportRun:
    shown = 0

    def report(done: int, whole: int) -> None:
        nonlocal shown
        percent = done * _READING_PERCENT // max(whole, 1)
        if percent > shown:
            shown = percent
            files.write(replace(run, percent=percent))

    try:
        done = import_cases(context, actor, files.upload, run.file_name, report)
    except PrepayError as error:
        lines = tuple(str(line) for line in error.details.get("lines", ()))
        return replace(run, state=State.FAILED, code=error.reason, message=error.message, lines=lines)
    except Exception:
        _log.exception("import %s failed", run.run_id)
        message = "系统出了故障，没有收下。请再传一次；仍不行请报信息科。"
        return replace(run, state=State.FAILED, code="fault", message=message)
    return replace(run, state=State.DONE, percent=100, import_id=done.import_id, already_known=done.already_known)


def _folder(context: Context, institution_id: str) -> Path:
    return context.settings.data_dir / "imports" / institution_id


def _lock(handle: int, tries: int) -> bool:
    # A page that looks whether somebody works here holds the lock for a moment; the worker waits for that.
    for _ in range(tries):
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            time.sleep(_A_MOMENT)
        else:
            return True
    return False


class _Files:
    """The two files of one run."""

    def __init__(self, context: Context, institution_id: str, run_id: str) -> None:
        folder = _folder(context, institution_id)
        # Uploads name patients' stays: nobody else on the machine reads them.
        private_folder(folder)
        self.upload = folder / f"{run_id}.upload"
        self._facts = folder / f"{run_id}.json"

    def write(self, run: ImportRun) -> None:
        """Replace the facts as a whole."""
        fresh = self._facts.with_suffix(".next")
        fresh.write_text(json.dumps(asdict(run), ensure_ascii=False), "utf-8")
        fresh.replace(self._facts)

    def read(self) -> ImportRun:
        """The run; one that says it is running while nobody works on it was interrupted."""
        run = self._read()
        if run.state is not State.RUNNING:
            return run
        with self.locked() as free:
            if not free:
                return run
            # Looked at again: it may have ended between reading and locking.
            run = self._read()
        return replace(run, state=State.INTERRUPTED) if run.state is State.RUNNING else run

    def _read(self) -> ImportRun:
        try:
            facts = json.loads(self._facts.read_text("utf-8"))
        except FileNotFoundError:
            raise NotFound("没有这次导入。请回到额度列表查看。") from None
        return ImportRun(**{**facts, "state": State(facts["state"]), "lines": tuple(facts["lines"])})

    @contextmanager
    def locked(self, tries: int = 1) -> Iterator[bool]:
        """Whether nobody else worked on the upload; held until the end of the block or of the process."""
        try:
            handle = os.open(self.upload, os.O_RDONLY)
        except FileNotFoundError:
            yield True
            return
        try:
            yield _lock(handle, tries)
        finally:
            os.close(handle)
