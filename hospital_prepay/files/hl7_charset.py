"""The characters of an HL7 v2 message: which set it says it is in (MSH-18), found in its raw bytes.

A message can't be split before it is decoded: 464 characters of GBK carry a delimiter of HL7 as their second byte. So
the name of the character set is looked for in the bytes of the first segment, the text is decoded as a whole, and
split after that.
"""

from __future__ import annotations

import re
from typing import Final

from hospital_prepay.domain.errors import MalformedInput

UTF_8: Final = "utf-8"
GB_18030: Final = "gb18030"

# HL7 table 0211, and what Chinese systems write in its place. All of the GB family reads as its largest member.
_NAMES: Final = {
    "UNICODE UTF-8": UTF_8,
    "UNICODE": UTF_8,
    "UTF-8": UTF_8,
    "UTF8": UTF_8,
    "ASCII": UTF_8,
    "GB 18030-2000": GB_18030,
    "GB 18030-2005": GB_18030,
    "GB18030-2000": GB_18030,
    "GB18030": GB_18030,
    "GB 18030": GB_18030,
    "GBK": GB_18030,
    "GB2312": GB_18030,
    "GB 2312": GB_18030,
    "GB 2312-1980": GB_18030,
}
_NAME: Final = re.compile(
    rb"[|~]("
    + b"|".join(re.escape(name.encode()) for name in sorted(_NAMES, key=len, reverse=True))
    + rb")(?=[|~\r]|$)",
    re.IGNORECASE,
)


class WrongCharset(MalformedInput):
    """The bytes aren't in the character set that the message names."""

    code = "wrong_charset"


def named_charset(raw: bytes) -> str | None:
    """The Python name of the character set that MSH-18 names, ``None`` where it names none that is known."""
    found = _NAME.findall(raw.split(b"\r", 1)[0].split(b"\n", 1)[0])
    return _NAMES[found[-1].decode().upper()] if found else None


def decode(raw: bytes) -> str:
    """The text of a message, in the character set that it names; without a name UTF-8 where the bytes are, else
    GB18030.

    Raises :class:`WrongCharset` for bytes that aren't in the named set, also for UTF-8 that calls itself GB18030:
    that would be read without complaint and wrongly.
    """
    charset = named_charset(raw)
    is_utf8 = _reads_as_utf8(raw)
    if charset == UTF_8 and not is_utf8:
        raise WrongCharset("报文说是 UTF-8，内容却不是。请让对方按 MSH-18 写的字符集发送，再重新处理。")
    if charset == GB_18030 and is_utf8 and not raw.isascii():
        raise WrongCharset("报文说是 GB18030，内容却是 UTF-8。请让对方改正 MSH-18，再重新处理。")
    try:
        return raw.decode(UTF_8 if is_utf8 else GB_18030)
    except UnicodeDecodeError as error:
        raise WrongCharset("报文的字符集读不出来。请让对方用 UTF-8 或 GB18030 发送。") from error


def _reads_as_utf8(raw: bytes) -> bool:
    try:
        raw.decode(UTF_8)
    except UnicodeDecodeError:
        return False
    return True
