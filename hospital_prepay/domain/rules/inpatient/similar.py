"""Which diseases count as similar: articles 17.2 and 18 of ``guizhou-deposit-2025``, read in steps.

The notice doesn't say what makes two diseases alike. The hospital's own table comes first; where it has nothing, the
codes themselves say how near two diseases stand, as far as their catalogue carries it: the same parent group, then
the same chapter. Departments aren't in the data.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from hospital_prepay.domain.clauses import implements

UNCLEAR: Final = "guizhou-deposit-2025/17.2"
UNPOSTED: Final = "guizhou-deposit-2025/18"
TABLE_ONLY: Final = "table_only"


class Step(StrEnum):
    """Where a similar disease was found, nearest first; ``NAMED`` is one that the counter named outside them all."""

    TABLE = "table"
    PARENT = "parent"
    CHAPTER = "chapter"
    NAMED = "named"

    @property
    def label(self) -> str:
        """The Chinese words on screens and in grounds."""
        return _LABELS[self]


_LABELS: Final = {
    Step.TABLE: "本院相似病种表",
    Step.PARENT: "同一分组",
    Step.CHAPTER: "同一疾病章节",
    Step.NAMED: "收费处自选",
}


@dataclass(frozen=True, slots=True)
class TableCap:
    """One row of the cap table in force for the stay. ``cap_fen`` is ``None`` where the table has no amount.

    ``step`` says in which step a similar disease was found; decisions from before the steps have none.
    """

    disease_code: str
    disease_name: str
    cap_fen: int | None
    posted: bool
    step: str = ""

    @property
    def serves(self) -> bool:
        """Whether another disease may be referred to it: posted, with an amount (18)."""
        return self.posted and self.cap_fen is not None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a code stands in its catalogue; ``None`` where the code doesn't carry it."""

    parent: str | None
    chapter: str | None


_NOWHERE: Final = Place(None, None)
# J15.900, C20.x00, K80.000x004, and pairs of them: M51.100x002+G55.1*. The first is the one that counts.
_DETAIL: Final = r"(?:\.[0-9X]{1,4}(?:X[0-9]{3,4})?)?[+*†]?"
_ICD: Final = re.compile(rf"([A-Z][0-9]{{2}}){_DETAIL}(?:[+/ ]?[A-Z][0-9]{{2}}{_DETAIL})?")
# A DIP group begins with its diagnosis: I20.0:36.0600x004.
_DIP: Final = re.compile(r"([A-Z][0-9]{2}(?:\.[0-9X]{1,4})?):.*")
# CHS-DRG: MDC letter, kind letter, ADRG digit, severity digit: ES21 is in ES2, in MDC E.
_DRG: Final = re.compile(r"(([A-Z])[A-Z][0-9])[0-9]?")
# APR-DRG with severity and procedure: 194-3-none is in 194. The number carries no chapter.
_BASE_DRG: Final = re.compile(r"([0-9]{3})-[0-9](?:-.*)?")
# First and last category of each chapter of ICD-10.
_CHAPTERS: Final = (
    ("A00", "B99"),
    ("C00", "D48"),
    ("D50", "D89"),
    ("E00", "E90"),
    ("F00", "F99"),
    ("G00", "G99"),
    ("H00", "H59"),
    ("H60", "H95"),
    ("I00", "I99"),
    ("J00", "J99"),
    ("K00", "K93"),
    ("L00", "L99"),
    ("M00", "M99"),
    ("N00", "N99"),
    ("O00", "O99"),
    ("P00", "P96"),
    ("Q00", "Q99"),
    ("R00", "R99"),
    ("S00", "T98"),
    ("U00", "U99"),
    ("V01", "Y98"),
    ("Z00", "Z99"),
)
# What the name of a catalogue says about its codes; a catalogue of wards or departments says nothing of diseases.
_DRG_WORDS: Final = ("DRG",)
_DIAGNOSIS_WORDS: Final = ("DIP", "ICD", "诊断", "疾病", "病种")


@implements(UNCLEAR, UNPOSTED)
def place_of(catalogue: str, code: str) -> Place:
    """Where ``code`` stands in its catalogue: parent group and chapter, as far as the code carries them.

    ``catalogue`` is what the hospital calls it; an empty one leaves the shape of the code to decide.
    """
    named, text = catalogue.strip().upper(), code.strip().upper()
    as_group = not named or any(word in named for word in _DRG_WORDS)
    as_diagnosis = not named or any(word in named for word in _DIAGNOSIS_WORDS)
    if as_diagnosis and (found := _DIP.fullmatch(text) or _ICD.fullmatch(text)):
        category = found[1][:3]
        return Place(f"ICD {category}", _chapter(category))
    if as_group and (found := _DRG.fullmatch(text)):
        return Place(f"ADRG {found[1]}", f"MDC {found[2]}")
    if as_group and (found := _BASE_DRG.fullmatch(text)):
        return Place(f"DRG {found[1]}", None)
    return _NOWHERE


@implements(UNCLEAR, UNPOSTED)
def similar_in_steps(
    disease_code: str,
    rows: Iterable[TableCap],
    held: Collection[str],
    catalogues: Mapping[str, str],
    reading: str,
) -> tuple[TableCap, ...]:
    """The rows of a table that are similar to a disease, each with the step that found it, nearest step first.

    ``held`` are the codes of the hospital's own table of similar diseases, ``catalogues`` names the catalogue of a
    code. Within a step the lowest comes first. Groups bring in only rows that serve: posted, with an amount.
    """
    place = place_of(catalogues.get(disease_code, ""), disease_code)
    found: list[TableCap] = []
    for row in rows:
        step = _step(place, row, held, catalogues, reading) if row.disease_code != disease_code else None
        if step is not None:
            found.append(replace(row, step=step.value))
    order = list(Step)
    return tuple(
        sorted(
            found,
            key=lambda row: (order.index(Step(row.step)), row.cap_fen is None, row.cap_fen or 0, row.disease_code),
        )
    )


@implements(UNPOSTED)
def looked_at(similar: Iterable[TableCap]) -> tuple[TableCap, ...]:
    """The rows of the steps that are looked at: up to the first with a row that serves, which ends the search."""
    looked: list[TableCap] = []
    for row in similar:
        if looked and row.step != looked[-1].step and any(one.serves for one in looked):
            break
        looked.append(row)
    return tuple(looked)


@implements(UNPOSTED)
def nearest(similar: Iterable[TableCap]) -> tuple[TableCap, ...]:
    """The rows that serve of the nearest step that has any."""
    return tuple(row for row in looked_at(similar) if row.serves)


def _step(
    place: Place, row: TableCap, held: Collection[str], catalogues: Mapping[str, str], reading: str
) -> Step | None:
    if row.disease_code in held:
        return Step.TABLE
    if reading == TABLE_ONLY or not row.serves:
        return None
    other = place_of(catalogues.get(row.disease_code, ""), row.disease_code)
    if place.parent is not None and place.parent == other.parent:
        return Step.PARENT
    if place.chapter is not None and place.chapter == other.chapter:
        return Step.CHAPTER
    return None


def _chapter(category: str) -> str | None:
    """The chapter of a category by its range; a category that no chapter covers (D49) has none."""
    return next((f"ICD {first}-{last}" for first, last in _CHAPTERS if first <= category <= last), None)
