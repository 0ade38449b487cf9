"""Messages from a folder: other systems put files there, each with one message or many."""

from __future__ import annotations

import re
import time
from codecs import BOM_UTF8
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from hospital_prepay.domain.access import Actor
from hospital_prepay.hl7.frames import BEGIN, FrameReader
from hospital_prepay.services.context import Context
from hospital_prepay.services.settlement.intake import LARGEST, Outcome, take_hl7

DONE: Final = "done"
PROBLEM: Final = "problem"
_ENDINGS: Final = frozenset({".hl7", ".txt"})
_HEADER: Final = re.compile(rb"(?:^|(?<=[\r\n]))(?=MSH.)")
_SECONDS_AT_REST: Final = 2.0


def messages_in(content: bytes) -> list[bytes]:
    """The messages of a file: framed as for a socket, or one after the other, each from its MSH on.

    What stands before the first header, and isn't blank, is a message of its own: it will be set aside.
    """
    content = content.removeprefix(BOM_UTF8)
    if BEGIN in content:
        return [frame.content for frame in FrameReader(LARGEST).feed(content)]
    return [part for part in _HEADER.split(content) if part.strip(b"\r\n \t\x00\x1a")]


def take_folder(
    context: Context, actor: Actor, folder: Path, seconds_between: float | None
) -> Iterator[tuple[str, Counter[Outcome]]]:
    """Take in every file of ``folder``, oldest first, and move it away; yields its name and what came of it.

    With ``seconds_between`` it goes on looking for new ones, and leaves a file alone that was written to just now.
    Raises what the intake raises; the file then stays where it is and is taken again, which comes to the same.
    """
    while True:
        for path in _files(folder, at_rest=seconds_between is not None):
            outcomes = Counter(
                take_hl7(context, actor, message, "folder").outcome for message in messages_in(path.read_bytes())
            )
            _move(path, folder / (PROBLEM if outcomes[Outcome.QUARANTINED] else DONE))
            yield path.name, outcomes
        if seconds_between is None:
            return
        time.sleep(seconds_between)


def _files(folder: Path, *, at_rest: bool) -> list[Path]:
    before = time.time() - _SECONDS_AT_REST
    found = [path for path in folder.iterdir() if path.is_file() and path.suffix.lower() in _ENDINGS]
    rested = [path for path in found if not at_rest or path.stat().st_mtime < before]
    return sorted(rested, key=lambda path: (path.stat().st_mtime, path.name))


def _move(path: Path, to: Path) -> None:
    to.mkdir(exist_ok=True)
    target, number = to / path.name, 1
    while target.exists():
        number += 1
        target = to / f"{path.stem}-{number}{path.suffix}"
    path.rename(target)
