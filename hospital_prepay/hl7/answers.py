"""The answer to a message (ACK): taken, not usable as it stands, or to be sent again."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from hospital_prepay.clock import local
from hospital_prepay.files.hl7_charset import GB_18030, UTF_8, named_charset
from hospital_prepay.files.hl7_messages import Header, UnreadableMessage, read_header
from hospital_prepay.services.settlement.intake import Outcome, Taken

ACCEPTED: Final = "AA"
ERROR: Final = "AE"
REJECTED: Final = "AR"
_NAMES: Final = {UTF_8: "UNICODE UTF-8", GB_18030: "GB 18030-2000"}
_UNKNOWN: Final = Header("", "", "", "", "", "", "P", "2.4", None)
_ESCAPES: Final = {"\\": "\\E\\", "|": "\\F\\", "^": "\\S\\", "&": "\\T\\", "~": "\\R\\", "\r": " ", "\n": " "}


def answer_to(raw: bytes, taken: Taken, now: datetime) -> bytes:
    """What to say to a message that was taken in or set aside: its sender needn't send that one again."""
    code = ERROR if taken.outcome is Outcome.QUARANTINED else ACCEPTED
    words = "" if taken.outcome is Outcome.APPLIED else taken.reason or "收到过，没有重复处理。"
    return answer(raw, code, words, now)


def answer(raw: bytes, code: str, words: str, now: datetime) -> bytes:
    """An ACK with ``code``, in the character set of the message it answers."""
    try:
        header = read_header(raw)
    except UnreadableMessage:
        header = _UNKNOWN
    charset = named_charset(raw) or UTF_8
    moment = f"{local(now):%Y%m%d%H%M%S}"
    trigger = f"ACK^{header.trigger}" if header.trigger else "ACK"
    told = (header.receiver, header.receiver_facility, header.sender, header.sender_facility)
    lines = (
        f"MSH|^~\\&|{'|'.join(told)}|{moment}||{trigger}|A{header.control_no}|{header.processing}|{header.version}"
        f"||||||{_NAMES[charset]}",
        f"MSA|{code}|{header.control_no}|{_escaped(words)}",
    )
    return ("\r".join(lines) + "\r").encode(charset, "replace")


def _escaped(words: str) -> str:
    return "".join(_ESCAPES.get(sign, sign) for sign in words)
