"""Tables whose every cell stands in quotes, as database tools export them, made plain at the speed of the disk."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from hospital_prepay.files.survey import CHUNK, FIELD_MARK


def unquote(source: Path, target: Path, delimiter: str, newline: str) -> bool:
    """Write ``source`` (UTF-8) to ``target`` with cells parted by field marks and without quotes.

    Answers ``False``, with nothing usable at ``target``, when some cell isn't quoted or holds a quote or a line
    break.
    """
    end, separator = newline.encode(), delimiter.encode()
    with source.open("rb") as lines, target.open("wb") as copy:
        for block in _blocks_of_lines(lines, end):
            bare = _without_quotes(block.removesuffix(end), end, separator)
            if bare is None:
                return False
            copy.write(bare + b"\n")
    return True


def _without_quotes(body: bytes, end: bytes, separator: bytes) -> bytes | None:
    """Whole lines without their quotes; ``None`` unless each quote bounds the block, a line or a separator.

    When these bounds use up every quote without sharing any, the next quote after an opening one always closes its
    cell, so nothing can be read differently.
    """
    if len(body) < 2 or not body.startswith(b'"') or not body.endswith(b'"'):
        return None
    bound = b'"' + end + b'"'
    inner = body[1:-1]
    breaks = inner.count(bound)
    bare = inner.replace(bound, b"\n").replace(b'"' + separator + b'"', FIELD_MARK.encode())
    sound = b'"' not in bare and b"\r" not in bare and bare.count(b"\n") == breaks
    return bare if sound else None


def _blocks_of_lines(source: BinaryIO, end: bytes) -> Iterator[bytes]:
    rest = source.read(CHUNK).removeprefix(codecs.BOM_UTF8)
    while block := source.read(CHUNK):
        whole, found, part = (rest + block).rpartition(end)
        if found:
            yield whole + end
            rest = part
        else:
            rest += block
    if rest:
        yield rest
