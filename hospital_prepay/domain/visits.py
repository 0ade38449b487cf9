"""What a hospital's messages about one inpatient visit add up to, in whatever order they came.

A hospital information system sends an event whenever a patient is admitted, moved, discharged, or something about
them changes; messages get lost, doubled and overtaken by others. :func:`visit_of` is a function of the *set* of
events alone: sorted by when they happened, each says what it knows, and the latest word on each thing holds. An event
carries a whole picture of the visit, so that a later one also heals the loss of an earlier.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

STAY_NO: Final = r"[0-9A-Za-z-]{1,40}"
"""The shape of a stay's number (住院号, 就诊号), as a pattern."""


class VisitEventKind(StrEnum):
    """What happened to a visit."""

    ADMIT = "admit"
    TRANSFER = "transfer"
    DISCHARGE = "discharge"
    UPDATE = "update"
    CANCEL_ADMIT = "cancel_admit"
    CANCEL_DISCHARGE = "cancel_discharge"
    MERGE = "merge"

    @property
    def label(self) -> str:
        """The words on screens."""
        return EVENT_LABELS[self]


EVENT_LABELS: Final = {
    VisitEventKind.ADMIT: "入院",
    VisitEventKind.TRANSFER: "转科转床",
    VisitEventKind.DISCHARGE: "出院",
    VisitEventKind.UPDATE: "信息变更",
    VisitEventKind.CANCEL_ADMIT: "取消入院",
    VisitEventKind.CANCEL_DISCHARGE: "取消出院",
    VisitEventKind.MERGE: "合并患者",
}


class Disposition(StrEnum):
    """How a patient left (离院方式, as the first page of the medical record numbers it)."""

    ORDERED = "1"
    TRANSFERRED = "2"
    TO_COMMUNITY = "3"
    AGAINST_ADVICE = "4"
    DIED = "5"
    OTHER = "9"

    @property
    def label(self) -> str:
        """The words on screens."""
        return DISPOSITION_LABELS[self]


DISPOSITION_LABELS: Final = {
    Disposition.ORDERED: "医嘱离院",
    Disposition.TRANSFERRED: "医嘱转院",
    Disposition.TO_COMMUNITY: "转社区或乡镇卫生院",
    Disposition.AGAINST_ADVICE: "非医嘱离院",
    Disposition.DIED: "死亡",
    Disposition.OTHER: "其他",
}


@dataclass(frozen=True, slots=True)
class VisitFacts:
    """What one event says of a visit; ``None`` where it is silent.

    ``insured`` is the code or word of the insurance as it was sent. ``discharge_ordered_at`` is when the physician
    ordered the discharge. ``no_discharge`` stands where an event says in so many words that there is none.
    """

    patient_no: str | None = None
    name: str | None = None
    sex: str | None = None
    certificate: str | None = None
    phone: str | None = None
    ward: str | None = None
    bed: str | None = None
    insured: str | None = None
    disease_code: str | None = None
    disease_name: str | None = None
    admitted_at: datetime | None = None
    discharged_at: datetime | None = None
    discharge_ordered_at: datetime | None = None
    disposition: str | None = None
    no_discharge: bool = False

    def to_json(self) -> dict[str, Any]:
        """What was said, without what was left open; moments in ISO 8601."""
        said = {one.name: getattr(self, one.name) for one in fields(self)}
        return {
            name: value.isoformat() if isinstance(value, datetime) else value
            for name, value in said.items()
            if value is not None and value is not False
        }

    @classmethod
    def of_json(cls, stored: Mapping[str, Any]) -> VisitFacts:
        """The opposite of :meth:`to_json`."""
        moments = {name: datetime.fromisoformat(text) for name, text in stored.items() if name.endswith("_at")}
        return cls(**{**stored, **moments})

    def under(self, later: VisitFacts) -> VisitFacts:
        """These facts where ``later`` is silent, and ``later`` where it speaks."""
        said = {one.name: value for one in fields(later) if (value := getattr(later, one.name)) is not None}
        return replace(self, **said)


@dataclass(frozen=True, slots=True)
class VisitEvent:
    """One event of a visit. ``occurred_at`` orders events; of two at once the later sent counts, then ``digest``,
    which names the event: the same digest is the same event, however often it came."""

    kind: VisitEventKind
    visit_no: str
    occurred_at: datetime
    sent_at: datetime
    digest: str
    facts: VisitFacts


@dataclass(frozen=True, slots=True)
class PatientMerge:
    """Two patient numbers turned out to be one person's: ``from_no`` goes on as ``into_no``."""

    from_no: str
    into_no: str
    occurred_at: datetime
    digest: str


class Ended(StrEnum):
    """What took a discharge back."""

    CANCELLED = "cancelled"
    CORRECTED = "corrected"
    ADMISSION_CANCELLED = "admission_cancelled"

    @property
    def label(self) -> str:
        """The words on screens."""
        return ENDED_LABELS[self]


ENDED_LABELS: Final = {
    Ended.CANCELLED: "取消出院",
    Ended.CORRECTED: "改了出院时间",
    Ended.ADMISSION_CANCELLED: "取消入院",
}


@dataclass(frozen=True, slots=True)
class DischargeWord:
    """One discharge that was spoken of: when, what took it back, if anything did, how the patient left, and when it
    was ordered."""

    discharged_at: datetime
    ended_at: datetime | None = None
    ended_by: Ended | None = None
    disposition: str | None = None
    ordered_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Visit:
    """What all events of a visit add up to. ``discharges`` holds every discharge that was ever spoken of, by time of
    discharge; one of them stands at most. ``cancelled_at`` stands where the admission was called off;
    ``admission_seen`` is false where none has come yet."""

    facts: VisitFacts
    cancelled_at: datetime | None
    admission_seen: bool
    discharges: tuple[DischargeWord, ...]

    @property
    def standing(self) -> DischargeWord | None:
        """The discharge that stands, if any."""
        return next((one for one in self.discharges if one.ended_at is None), None)


def visit_of(events: Iterable[VisitEvent]) -> Visit:
    """The visit that ``events`` add up to; their order, and how often one came, make no difference."""
    told = _Told()
    for event in sorted({one.digest: one for one in events}.values(), key=_order):
        told.take(event)
    return told.visit()


def _order(event: VisitEvent) -> tuple[datetime, datetime, str]:
    return event.occurred_at, event.sent_at, event.digest


def merged_into(merges: Iterable[PatientMerge]) -> Mapping[str, str]:
    """Under which number each merged patient goes on: the newest merge of a number counts, and chains are followed.

    Of numbers that were merged in a circle, the target of the newest merge goes on.
    """
    newest: dict[str, PatientMerge] = {}
    for merge in sorted(set(merges), key=lambda one: (one.occurred_at, one.digest)):
        if merge.from_no != merge.into_no:
            newest[merge.from_no] = merge
    return MappingProxyType({number: _end_of(number, newest) for number in newest})


def _end_of(number: str, newest: Mapping[str, PatientMerge]) -> str:
    passed: list[PatientMerge] = []
    while number in newest:
        merge = newest[number]
        if merge in passed:
            circle = passed[passed.index(merge) :]
            return max(circle, key=lambda one: (one.occurred_at, one.digest)).into_no
        passed.append(merge)
        number = merge.into_no
    return number


@dataclass(slots=True)
class _Told:
    """The story so far, event by event in order."""

    facts: VisitFacts = field(default_factory=VisitFacts)
    cancelled_at: datetime | None = None
    admission_seen: bool = False
    standing: datetime | None = None
    words: dict[datetime, DischargeWord] = field(default_factory=dict)

    def take(self, event: VisitEvent) -> None:
        self.facts = self.facts.under(replace(event.facts, no_discharge=False))
        at = event.occurred_at
        match event.kind:
            case VisitEventKind.ADMIT:
                self.admission_seen, self.cancelled_at = True, None
            case VisitEventKind.CANCEL_ADMIT:
                self.cancelled_at = at
                self._end(at, Ended.ADMISSION_CANCELLED)
            case VisitEventKind.DISCHARGE:
                # Whoever is discharged was there, whatever was said of the admission before.
                self.cancelled_at = None
                self._discharge(event.facts.discharged_at or at, at)
            case VisitEventKind.CANCEL_DISCHARGE:
                self._end(at, Ended.CANCELLED)
            case VisitEventKind.UPDATE:
                self._update(event.facts, at)
            case _:
                pass

    def _update(self, facts: VisitFacts, at: datetime) -> None:
        """An update tells of a discharge, or of its end, whose own message was lost; it never brings back one that
        was taken back."""
        if facts.no_discharge:
            self._end(at, Ended.CANCELLED)
        elif facts.discharged_at is not None and facts.discharged_at not in self.words:
            self._discharge(facts.discharged_at, at)
            if self.cancelled_at is not None:
                self._end(at, Ended.ADMISSION_CANCELLED)

    def _discharge(self, moment: datetime, at: datetime) -> None:
        if self.standing != moment:
            self._end(at, Ended.CORRECTED)
        self.standing = moment
        self.words[moment] = DischargeWord(moment)

    def _end(self, at: datetime, by: Ended) -> None:
        if self.standing is not None:
            self.words[self.standing] = self._word(self.standing, at, by)
            self.standing = None
            if by is not Ended.CORRECTED:
                # The next discharge has an order and a way of leaving of its own.
                self.facts = replace(self.facts, disposition=None, discharge_ordered_at=None)

    def _word(self, moment: datetime, at: datetime | None = None, by: Ended | None = None) -> DischargeWord:
        return DischargeWord(moment, at, by, self.facts.disposition, self.facts.discharge_ordered_at)

    def visit(self) -> Visit:
        if self.standing is not None:
            self.words[self.standing] = self._word(self.standing)
        words = tuple(self.words[moment] for moment in sorted(self.words))
        facts = replace(self.facts, discharged_at=self.standing)
        return Visit(facts, self.cancelled_at, self.admission_seen, words)
