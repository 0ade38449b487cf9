"""What a text file is, found in one pass over its bytes: digest, encoding, line ends.

Only two encodings are met in Chinese hospitals, UTF-8 and GB18030 (which contains GBK and GB2312); whatever is
neither, or holds NUL bytes, is no text.
"""

from __future__ import annotations

import codecs
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from hospital_prepay.domain.errors import NotATable

CHUNK: Final = 1 << 20
FIELD_MARK: Final = "\x1f"
LINE_MARK: Final = "\x1e"
_MARKS: Final = (FIELD_MARK.encode(), LINE_MARK.encode())

Encoding = Literal["utf-8-sig", "gb18030"]
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Survey:
    """``regular`` says that nothing but quotes keeps lines and records apart: there are no blank lines, one kind of
    line end, and none of our marks. Without quotes each physical line of such a file is one record."""

    sha256: str
    size: int
    encoding: Encoding
    regular: bool
    quotes: bool
    newline: Literal["\n", "\r\n"]


@dataclass(slots=True)
class _Lines:
    """What tells whether lines and records are the same thing. All bytes looked for are ASCII, and neither UTF-8
    nor GB18030 uses them inside a longer character."""

    returns: int = 0
    feeds: int = 0
    pairs: int = 0
    irregular: bool = False
    quotes: bool = False
    tail: bytes = b"\n"

    def add(self, block: bytes) -> None:
        joined = self.tail + block
        if b"\r" in joined:
            self.returns += block.count(b"\r")
            self.pairs += block.count(b"\r\n") + (self.tail.endswith(b"\r") and block.startswith(b"\n"))
            self.irregular = self.irregular or b"\n\r\n" in joined
        # Line feeds matter only beside carriage returns, but those may come later in the file.
        self.feeds += block.count(b"\n")
        self.irregular = self.irregular or b"\n\n" in joined or any(mark in block for mark in _MARKS)
        self.quotes = self.quotes or b'"' in block
        self.tail = joined[-2:]

    @property
    def regular(self) -> bool:
        return not self.irregular and (self.returns == 0 or self.returns == self.feeds == self.pairs)


def survey(path: Path, progress: Progress | None = None) -> Survey:
    """Read the whole of ``path`` once. Raises :class:`NotATable` for what isn't text."""
    size = path.stat().st_size
    digest, lines, done = hashlib.sha256(), _Lines(), 0
    decoder, utf8 = codecs.getincrementaldecoder("utf-8")(), True
    with path.open("rb") as source:
        while block := source.read(CHUNK):
            if b"\0" in block:
                raise not_text()
            digest.update(block)
            lines.add(block.removeprefix(codecs.BOM_UTF8) if not done else block)
            utf8 = utf8 and _decodes(decoder, block)
            done += len(block)
            if progress:
                progress(done, size)
    utf8 = utf8 and _decodes(decoder, b"", final=True)
    if not utf8:
        _check_gb18030(path)
    return Survey(
        digest.hexdigest(),
        size,
        "utf-8-sig" if utf8 else "gb18030",
        lines.regular,
        lines.quotes,
        "\r\n" if lines.returns else "\n",
    )


def not_text() -> NotATable:
    """The refusal of a file that is neither table nor text."""
    return NotATable("这个文件不是表格。请上传 CSV（UTF-8 或 GB18030 编码）或 XLSX 文件。")


def digest_of(path: Path) -> str:
    """SHA-256 of the file's bytes, in hexadecimal."""
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def _decodes(decoder: codecs.IncrementalDecoder, block: bytes, *, final: bool = False) -> bool:
    if block.isascii() and not decoder.getstate()[0]:
        return True
    try:
        decoder.decode(block, final)
    except UnicodeDecodeError:
        return False
    return True


def _check_gb18030(path: Path) -> None:
    decoder = codecs.getincrementaldecoder("gb18030")()
    with path.open("rb") as source:
        while block := source.read(CHUNK):
            if not _decodes(decoder, block):
                raise not_text()
    if not _decodes(decoder, b"", final=True):
        raise not_text()
