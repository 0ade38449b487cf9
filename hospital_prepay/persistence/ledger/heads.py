"""Block heads outside the database: one line a block in ``<data_dir>/seals/<institution>.jsonl``.

The order is: commit the block, then append its head and flush it to disk. The file is therefore never ahead of an
honest database. If the program dies between the two, the file is behind by some blocks; the next sealing appends
them. A file that is *ahead* of the database can only mean that the database lost blocks. A crash in the middle of
a line leaves a line without its end, which no reader counts and the next append cuts off.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from urllib.parse import quote, unquote

from hospital_prepay.domain.errors import Conflict, LedgerFault
from hospital_prepay.domain.ledger.seal import Block
from hospital_prepay.settings import private_folder

_PATIENCE_SECONDS = 15.0


class HeadsDamaged(LedgerFault):
    """A line of the heads file isn't the head that once was written there."""

    code = "heads_damaged"


class SealHeads:
    """The heads of every institution in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, institution_id: str) -> Path:
        """Where the heads of an institution stand. Raises :class:`HeadsDamaged` when it can't be a file."""
        path = self.folder / f"{quote(institution_id, safe='')}.jsonl"
        if path.is_dir():
            raise HeadsDamaged(f"封存记录 {path.name} 是个文件夹，不是文件。请移开它，并用备份恢复这个文件。")
        return path

    def sizes(self) -> dict[str, int]:
        """How many bytes stand there now for each institution. Taken before a look at the database."""
        return {unquote(path.stem): path.stat().st_size for path in sorted(self.folder.glob("*.jsonl"))}

    def read(self, institution_id: str, size: int | None = None) -> Iterator[Block]:
        """Heads in the order written, up to ``size`` bytes, each checked and each following the one before.

        Raises :class:`HeadsDamaged`.
        """
        path = self.path(institution_id)
        if not path.exists():
            return
        with path.open("rb") as file:
            previous: Block | None = None
            for number, line in enumerate(_whole_lines(file, size), 1):
                block = _parse(line, path.name, number)
                if block.institution_id != institution_id or not block.follows(previous):
                    raise HeadsDamaged(f"封存记录 {path.name} 第 {number} 行接不上前一行，请用备份核对这个文件。")
                yield block
                previous = block

    def last(self, institution_id: str) -> Block | None:
        """The newest head. Raises :class:`HeadsDamaged` when it can't be read."""
        path = self.path(institution_id)
        if not path.exists():
            return None
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 8192))
            lines = [line for line in file.read().split(b"\n")[:-1] if line]
        return _parse(lines[-1] + b"\n", path.name, 0) if lines else None

    def create(self, institution_id: str) -> None:
        """Make an empty file before the first block, so that a file that is missing later means something."""
        path = self.path(institution_id)
        if not path.exists():
            path.touch(mode=0o640)
            _flush_folder(self.folder)

    def append(self, institution_id: str, blocks: Sequence[Block]) -> None:
        """Write heads behind the last whole line and flush them to disk."""
        text = "".join(json.dumps(block.head(), ensure_ascii=False) + "\n" for block in blocks)
        with self.path(institution_id).open("r+b") as file:
            file.seek(_end_of_last_line(file))
            file.truncate()
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder: one sealer on this machine at a time. Raises :class:`Conflict` after a while."""
        private_folder(self.folder)
        with (self.folder / ".lock").open("a") as file:
            until = time.monotonic() + _PATIENCE_SECONDS
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > until:
                        raise Conflict("另一个程序正在封存账本，请稍后再试。") from None
                    time.sleep(0.05)
            yield


def _parse(line: bytes, name: str, number: int) -> Block:
    try:
        return Block.from_head(json.loads(line))
    except (ValueError, KeyError, TypeError) as error:
        place = f"第 {number} 行" if number else "最后一行"
        raise HeadsDamaged(f"封存记录 {name} {place}被改过或损坏，请用备份核对这个文件。") from error


def _whole_lines(file: IO[bytes], size: int | None) -> Iterator[bytes]:
    read = 0
    for line in file:
        read += len(line)
        if (size is not None and read > size) or not line.endswith(b"\n"):
            return
        yield line


def _end_of_last_line(file: IO[bytes]) -> int:
    end = file.seek(0, os.SEEK_END)
    while end:
        start = max(0, end - 8192)
        file.seek(start)
        found = file.read(end - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0


def _flush_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
