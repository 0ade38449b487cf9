"""HL7 v2 messages of admissions (ADT) read into events of a visit."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import hl7

from hospital_prepay.domain.days import NotADate, moment_of
from hospital_prepay.domain.errors import MalformedInput
from hospital_prepay.domain.visits import PatientMerge, VisitEvent, VisitEventKind, VisitFacts
from hospital_prepay.files.hl7_charset import decode

_KINDS: Final = {
    "A01": VisitEventKind.ADMIT,
    "A02": VisitEventKind.TRANSFER,
    "A03": VisitEventKind.DISCHARGE,
    "A08": VisitEventKind.UPDATE,
    "A11": VisitEventKind.CANCEL_ADMIT,
    "A13": VisitEventKind.CANCEL_DISCHARGE,
    "A40": VisitEventKind.MERGE,
}
# The rest may be long and many; nothing of it is looked at.
_SEGMENTS: Final = ("MSH", "EVN", "PID", "PV1", "PV2", "DG1", "IN1", "MRG")
# Whoever has more diagnoses than this named the main one before; and reading takes its time for each.
_MOST_OF_ONE: Final = 50
_UNSEEN: Final = re.compile(r"[\x00-\x1f\x7f]")
_NULL: Final = '""'
_CERTIFICATES: Final = frozenset({"NI", "NNCHN", "NN", "ID", "SFZ", "IDCARD"})
_PATIENT_NUMBERS: Final = frozenset({"", "PI", "PN", "MR", "PT"})
_SEXES: Final = {"M": "M", "F": "F", "1": "M", "2": "F", "男": "M", "女": "F"}
_MOMENT: Final = re.compile(r"(\d{8})(\d{2})?(\d{2})?(\d{2})?(?:\.\d{1,4})?([+-]\d{4})?", re.ASCII)
_LONGEST: Final = 80


class UnreadableMessage(MalformedInput):
    """The text is no HL7 v2 message."""

    code = "unreadable_message"


class MessageIncomplete(MalformedInput):
    """A message lacks what it can't be used without."""

    code = "message_incomplete"


class NotForUs(MalformedInput):
    """A message that is in order and speaks of nothing that is kept here: another event, an outpatient."""

    code = "not_for_us"


@dataclass(frozen=True, slots=True)
class Header:
    """Who sent a message and what it calls itself: enough to answer it, whatever else is wrong with it."""

    sender: str
    sender_facility: str
    receiver: str
    receiver_facility: str
    trigger: str
    control_no: str
    processing: str
    version: str
    sequence_no: int | None


@dataclass(frozen=True, slots=True)
class AdmissionMessage:
    """A message that was read: its header and what it says."""

    header: Header
    said: VisitEvent | PatientMerge


def digest_of(raw: bytes) -> str:
    """What names a message: the SHA-256 of its bytes. The same bytes are the same message."""
    return hashlib.sha256(raw).hexdigest()


def read_header(raw: bytes) -> Header:
    """The header of a message, even of one in the wrong character set. Raises :class:`UnreadableMessage`."""
    line = raw.lstrip()[:2000].split(b"\r", 1)[0].split(b"\n", 1)[0].decode("utf-8", "replace")
    if not line.startswith("MSH") or len(line) < 8:
        raise UnreadableMessage("不是 HL7 报文：应当以 MSH 段开头。")
    parts = [_UNSEEN.sub("", part).strip()[:_LONGEST] for part in line.split(line[3])]
    parts += [""] * (14 - len(parts))
    kind = parts[8].split(line[4])
    return Header(
        sender=parts[2],
        sender_facility=parts[3],
        receiver=parts[4],
        receiver_facility=parts[5],
        trigger=kind[1] if len(kind) > 1 and kind[0] == "ADT" else kind[0],
        control_no=parts[9],
        processing=parts[10] or "P",
        version=parts[11] or "2.4",
        sequence_no=int(parts[12]) if re.fullmatch(r"[0-9]{1,18}", parts[12]) else None,
    )


def read_message(raw: bytes) -> AdmissionMessage:
    """What a message says.

    Raises :class:`~hospital_prepay.files.hl7_charset.WrongCharset`, :class:`UnreadableMessage`,
    :class:`MessageIncomplete`, :class:`~hospital_prepay.domain.days.NotADate`, and :class:`NotForUs` for what is in
    order and doesn't concern an inpatient visit.
    """
    header = read_header(raw)
    kind = _KINDS.get(header.trigger)
    if kind is None:
        raise NotForUs(f"不处理 {header.trigger or '这种'} 消息。")
    message = _Message(decode(raw))
    occurred_at = message.moment("EVN", 6) or message.moment("EVN", 2)
    sent_at = message.moment("MSH", 7)
    occurred_at, sent_at = occurred_at or sent_at, sent_at or occurred_at
    if occurred_at is None or sent_at is None:
        raise MessageIncomplete("报文没有时间：请填 EVN-2（记录时间）或 MSH-7（发送时间）。")
    if kind is VisitEventKind.MERGE:
        return AdmissionMessage(header, _merge(message, occurred_at, digest_of(raw)))
    if message.text("PV1", 2).upper() not in ("", "I"):
        raise NotForUs("不是住院病人的消息。")
    visit_no = message.text("PV1", 19) or message.text("PID", 18)
    if not visit_no:
        raise MessageIncomplete("报文没有住院号：请填 PV1-19（就诊号）。")
    return AdmissionMessage(header, VisitEvent(kind, visit_no, occurred_at, sent_at, digest_of(raw), _facts(message)))


def _merge(message: _Message, occurred_at: datetime, digest: str) -> PatientMerge:
    into_no, from_no = message.patient_no("PID", 3), message.patient_no("MRG", 1)
    if not into_no or not from_no:
        raise MessageIncomplete("合并患者的报文缺患者号：PID-3 是留下的，MRG-1 是被合并的。")
    return PatientMerge(from_no, into_no, occurred_at, digest)


def _facts(message: _Message) -> VisitFacts:
    discharged = message.text("PV1", 45)
    code, name = message.diagnosis()
    return VisitFacts(
        patient_no=message.patient_no("PID", 3) or None,
        name=message.name() or None,
        sex=_SEXES.get(message.text("PID", 8).upper()),
        certificate=message.certificate() or None,
        phone=message.phone() or None,
        ward=message.text("PV1", 3) or None,
        bed=message.text("PV1", 3, component=3) or None,
        insured=message.insured() or None,
        disease_code=code or None,
        disease_name=name or None,
        admitted_at=message.moment("PV1", 44),
        discharged_at=message.moment("PV1", 45),
        disposition=message.text("PV1", 36).lstrip("0") or None,
        no_discharge=discharged == "" and message.is_null("PV1", 45),
    )


class _Message:
    """The fields of a message, by segment and number; what isn't there is empty."""

    def __init__(self, text: str) -> None:
        lines = [
            line.strip("\n\x00 ") for line in text.lstrip().replace("\r\n", "\r").replace("\n", "\r").split("\r")
        ]
        kept, met = list[str](), Counter[str]()
        for line in lines:
            name = line[:3]
            met[name] += 1
            if name in _SEGMENTS and met[name] <= _MOST_OF_ONE:
                kept.append(line)
        try:
            self._message = hl7.parse("\r".join(kept) + "\r")
        except (hl7.HL7Exception, IndexError, ValueError) as error:
            raise UnreadableMessage("HL7 报文的结构读不出来。请对照接口文档检查分隔符。") from error

    def text(self, segment: str, number: int, *, repetition: int = 1, component: int = 1, index: int = 1) -> str:
        """A component of a field, unescaped; the explicit null of HL7 is empty too."""
        value = self._raw(segment, number, repetition, component, index)
        if value == _NULL:
            return ""
        return _UNSEEN.sub("", str(self._message.unescape(value))).strip()[:_LONGEST]

    def is_null(self, segment: str, number: int) -> bool:
        """Whether a field says in so many words that there is nothing."""
        return self._raw(segment, number, 1, 1, 1) == _NULL

    def _raw(self, segment: str, number: int, repetition: int, component: int, index: int) -> str:
        try:
            found: Any = self._message.extract_field(segment, index, number, repetition, component)
        except (IndexError, KeyError, hl7.HL7Exception):
            return ""
        return str(found or "").strip()

    def moment(self, segment: str, number: int) -> datetime | None:
        """A field as a moment in Shanghai, ``None`` when it is empty. Raises
        :class:`~hospital_prepay.domain.days.NotADate` that names the field."""
        text = self.text(segment, number)
        if not text:
            return None
        match = _MOMENT.fullmatch(text)
        try:
            if match is None:
                return moment_of(text)
            day, hours, minutes, seconds, offset = match.groups()
            return moment_of(f"{day} {hours or '00'}:{minutes or '00'}:{seconds or '00'}{offset or ''}")
        except NotADate as error:
            raise NotADate(f"{segment}-{number} 的时间“{text[:30]}”读不懂。请写成 20251010093000。") from error

    def _repetitions(self, segment: str, number: int) -> range:
        try:
            return range(1, len(self._message.segments(segment)[0][number]) + 1)
        except (IndexError, KeyError):
            return range(0)

    def _identifiers(self, segment: str, number: int) -> list[tuple[str, str]]:
        return [
            (
                self.text(segment, number, repetition=at, component=5).upper(),
                self.text(segment, number, repetition=at),
            )
            for at in self._repetitions(segment, number)
        ]

    def patient_no(self, segment: str, number: int) -> str:
        """The patient's number among the identifiers of a field."""
        return next((no for kind, no in self._identifiers(segment, number) if no and kind in _PATIENT_NUMBERS), "")

    def certificate(self) -> str:
        """The number of the resident's card: among the identifiers, or in PID-19 where many systems put it."""
        of_list = (no for kind, no in self._identifiers("PID", 3) if no and kind in _CERTIFICATES)
        return (next(of_list, "") or self.text("PID", 19)).upper()

    def phone(self) -> str:
        """The first phone number of PID-13."""
        return self.text("PID", 13) or self.text("PID", 13, component=12)

    def name(self) -> str:
        """The patient's name as it is called out: family name and given name, in ideographs where both are given."""
        found = self._repetitions("PID", 5)
        written = sorted(found, key=lambda at: self.text("PID", 5, repetition=at, component=8) != "I")
        for at in written:
            name = self.text("PID", 5, repetition=at) + self.text("PID", 5, repetition=at, component=2)
            if name:
                return name
        return ""

    def diagnosis(self) -> tuple[str, str]:
        """Code and name of the main diagnosis: a final one before a working one before that of admission."""
        ranked = []
        for index in range(1, self._count("DG1") + 1):
            code, name = (self.text("DG1", 3, component=at, index=index) for at in (1, 2))
            kind = self.text("DG1", 6, index=index).upper()
            priority = self.text("DG1", 15, index=index) or str(index)
            if code or name:
                ranked.append(
                    ("FWA".find(kind) if kind in ("F", "W", "A") else 3, priority.zfill(4), index, code, name)
                )
        return min(ranked)[3:] if ranked else ("", "")

    def _count(self, segment: str) -> int:
        try:
            return len(self._message.segments(segment))
        except KeyError:
            return 0

    def insured(self) -> str:
        """The code or word of the insurance, as it was sent: plan type, plan, or the financial class of the visit."""
        places = (("IN1", 15, 1), ("IN1", 2, 1), ("IN1", 2, 2), ("PV1", 20, 1))
        return next((said for place in places if (said := self.text(place[0], place[1], component=place[2]))), "")
