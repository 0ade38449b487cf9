"""The frames of MLLP: a message stands between ``0x0B`` and ``0x1C 0x0D``.

Neither byte can be part of a character of UTF-8 or GB18030, so frames are found before anything is decoded. A message
that is too long is let pass without being kept; one that breaks off when another begins is forgotten, for its sender
got no answer and will send it again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from hospital_prepay.services.settlement.intake import HEAD

BEGIN: Final = b"\x0b"
END: Final = b"\x1c"


@dataclass(frozen=True, slots=True)
class Frame:
    """A message as it stood between its bytes; of one that was too long its head only."""

    content: bytes
    is_too_long: bool = False


@dataclass(slots=True)
class FrameReader:
    """Cuts a stream into frames, chunk by chunk; keeps ``largest`` bytes at most."""

    largest: int
    _kept: bytearray = field(default_factory=bytearray)
    _is_inside: bool = False
    _is_too_long: bool = False

    @property
    def is_inside(self) -> bool:
        """Whether a message has begun and not yet ended."""
        return self._is_inside

    def feed(self, chunk: bytes) -> Iterator[Frame]:
        """The frames that end in ``chunk``."""
        while chunk:
            if not self._is_inside:
                _, begin, chunk = chunk.partition(BEGIN)
                self._is_inside = bool(begin)
                continue
            at = min((place for mark in (BEGIN, END) if (place := chunk.find(mark)) >= 0), default=len(chunk))
            self._keep(chunk[:at])
            mark, chunk = chunk[at : at + 1], chunk[at + 1 :]
            if mark == END:
                yield Frame(bytes(self._kept), self._is_too_long)
            if mark:
                self._kept, self._is_too_long, self._is_inside = bytearray(), False, mark == BEGIN

    def _keep(self, part: bytes) -> None:
        if self._is_too_long:
            return
        self._kept += part
        if len(self._kept) > self.largest:
            self._is_too_long = True
            del self._kept[HEAD:]


def framed(message: bytes) -> bytes:
    """A message between its bytes."""
    return BEGIN + message + END + b"\r"
