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
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import IO, Final

from hospital_prepay.crypto import new_id
from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import Conflict, NotFound, PrepayError
from hospital_prepay.domain.plain_text import spelled_out
from hospital_prepay.services.context import Context
from hospital_prepay.settings import private_folder

_log = logging.getLogger("hospital_prepay.imports")
_ID: Final = re.compile(r"[0-9a-f-]{36}", re.ASCII)
_READING_PERCENT: Final = 80
_A_MOMENT: Final = 0.05
Report = Callable[[int, int], None]


class State(StrEnum):
    """Where a run stands. ``interrupted``: its process died; the upload is still there."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class ImportRun:
    """One run. ``percent`` while it reads and stores, ``rows`` when nobody knows how many there are; ``import_id``
    when it is done; ``code``, ``message`` and ``lines`` when it failed, the latter two also where what was taken
    has no page of its own. ``options`` are what came with the file."""

    run_id: str
    file_name: str
    size: int
    started_by: str
    started_at: str
    state: State = State.RUNNING
    percent: int = 0
    rows: int = 0
    import_id: str | None = None
    already_known: bool = False
    code: str | None = None
    message: str = ""
    lines: tuple[str, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stored:
    """What an import was stored as; with ``message`` what became of it, and ``lines`` what wasn't taken, where an
    import has no page of its own."""

    import_id: str
    already_known: bool = False
    message: str = ""
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Importer:
    """One kind of import: where its runs lie, who may do what, and what takes the upload in.

    ``missing`` are the words for a run that isn't there.
    """

    folder: str
    may_start: Permission
    may_view: Permission
    missing: str
    take: Callable[[Context, Actor, Path, ImportRun, Report], Stored]

    def start(
        self,
        context: Context,
        actor: Actor,
        upload: IO[bytes],
        file_name: str,
        *,
        options: Mapping[str, str] | None = None,
        patience: float = 0.0,
    ) -> ImportRun:
        """Keep the upload and begin; returns as the run stands after at most ``patience`` seconds."""
        actor.require(self.may_start)
        run_id = new_id(context.clock)
        files = self._files(context, actor.institution_id, run_id)
        with files.upload.open("wb") as target:
            shutil.copyfileobj(upload, target)
        size, at = files.upload.stat().st_size, context.clock.now().isoformat()
        name = spelled_out(file_name)[:120]
        run = ImportRun(run_id, name, size, actor.actor_id, at, options=dict(options or {}))
        files.write(run)
        return self._begin(context, actor, run, files, patience)

    def resume(self, context: Context, actor: Actor, run_id: str, *, patience: float = 0.0) -> ImportRun:
        """Take up an interrupted run. Raises :class:`NotFound`, and :class:`Conflict` when it isn't interrupted."""
        actor.require(self.may_start)
        run = self.read(context, actor, run_id)
        if run.state is not State.INTERRUPTED:
            raise Conflict("这次导入没有中断，不用重来。请刷新后查看。")
        files = self._files(context, actor.institution_id, run_id)
        return self._begin(context, actor, replace(run, state=State.RUNNING, percent=0), files, patience)

    def read(self, context: Context, actor: Actor, run_id: str) -> ImportRun:
        """A run as it stands. Raises :class:`NotFound`."""
        actor.require(self.may_view)
        if not _ID.fullmatch(run_id):
            raise NotFound(self.missing)
        return self._files(context, actor.institution_id, run_id).read()

    def open_runs(self, context: Context, actor: Actor) -> list[ImportRun]:
        """Runs that are at work or were interrupted, oldest first."""
        actor.require(self.may_view)
        folder = self._folder(context, actor.institution_id)
        names = sorted(path.stem for path in folder.glob("*.upload")) if folder.is_dir() else []
        runs = [self._files(context, actor.institution_id, name).read() for name in names]
        return [run for run in runs if run.state in (State.RUNNING, State.INTERRUPTED)]

    def _begin(self, context: Context, actor: Actor, run: ImportRun, files: _Files, patience: float) -> ImportRun:
        ready = threading.Event()
        thread = threading.Thread(
            target=self._work, args=(context, actor, run, files, ready), name=f"import-{run.run_id}"
        )
        thread.start()
        ready.wait()
        thread.join(patience)
        return files.read()

    def _work(self, context: Context, actor: Actor, run: ImportRun, files: _Files, ready: threading.Event) -> None:
        with files.locked(tries=20) as free:
            ready.set()
            if not free:
                return  # somebody else took it up in the same moment
            files.write(run)
            files.write(_outcome(self, context, actor, run, files))
            files.upload.unlink(missing_ok=True)

    def _folder(self, context: Context, institution_id: str) -> Path:
        return context.settings.data_dir / self.folder / institution_id

    def _files(self, context: Context, institution_id: str, run_id: str) -> _Files:
        return _Files(self._folder(context, institution_id), run_id, self.missing)


def _outcome(importer: Importer, context: Context, actor: Actor, run: ImportRun, files: _Files) -> ImportRun:
    shown = replace(run)

    def report(done: int, whole: int) -> None:
        nonlocal shown
        percent = done * _READING_PERCENT // whole if whole else 0
        if percent > shown.percent or not whole:
            shown = replace(run, percent=percent, rows=done)
            files.write(shown)

    try:
        done = importer.take(context, actor, files.upload, run, report)
    except PrepayError as error:
        lines = tuple(str(line) for line in error.details.get("lines", ()))
        return replace(run, state=State.FAILED, code=error.reason, message=error.message, lines=lines)
    except Exception:
        _log.exception("import %s failed", run.run_id)
        message = "系统出了故障，没有收下。请再传一次；仍不行请报信息科。"
        return replace(run, state=State.FAILED, code="fault", message=message)
    return replace(
        run,
        state=State.DONE,
        percent=100,
        import_id=done.import_id,
        already_known=done.already_known,
        message=done.message,
        lines=done.lines,
    )


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

    def __init__(self, folder: Path, run_id: str, missing: str) -> None:
        # Uploads name patients: nobody else on the machine reads them.
        private_folder(folder)
        self.upload = folder / f"{run_id}.upload"
        self._facts = folder / f"{run_id}.json"
        self._missing = missing

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
            raise NotFound(self._missing) from None
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
