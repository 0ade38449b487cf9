"""What doesn't look right in a file of accounts and was taken all the same, counted by its kind.

A legacy register may have it on every second row: how many there are and where the first stand is kept, not each.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Any, Final

from hospital_prepay.domain.masking import mask_within
from hospital_prepay.domain.rules.outpatient.reach import Doubt
from hospital_prepay.services.outpatient.account_rows import AccountRow

# Told of one kind: the first lines, and words that nobody knows.
_LINES: Final = 10
_WORDS: Final = 5
_LONGEST_WORD: Final = 20


@dataclass(frozen=True, slots=True)
class Doubted:
    """One kind of doubt: how many rows have it, the first of their lines, and the first of the words where the words
    are the matter, with no number of a person in them."""

    kind: Doubt
    rows: int
    lines: tuple[int, ...]
    words: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As kept with the import."""
        return asdict(self)

    @classmethod
    def of_json(cls, stored: dict[str, Any]) -> Doubted:
        """The opposite of :meth:`to_json`."""
        return cls(Doubt(stored["kind"]), stored["rows"], tuple(stored["lines"]), tuple(stored["words"]))

    @property
    def where(self) -> str:
        """The first of its lines, in words."""
        more = " 等" if self.rows > len(self.lines) else ""
        return f"第 {'、'.join(str(line) for line in self.lines)} 行{more}"

    @property
    def what(self) -> str:
        """What is the matter, with the words where they are it."""
        named = "、".join(f"“{word}”" for word in self.words)
        return f"{self.kind.label}（{named}）" if named else self.kind.label


@dataclass(slots=True)
class Doubts:
    """The lines of doubtful rows by kind, four bytes each or eight, so that a long register fits."""

    lines: dict[Doubt, array[int]] = field(default_factory=dict)
    words: dict[str, None] = field(default_factory=dict)

    def note(self, row: AccountRow, kinds: Iterable[Doubt]) -> None:
        """Note what doesn't look right of one row that is taken."""
        for kind in kinds:
            if kind not in self.lines:
                self.lines[kind] = array("L")
            self.lines[kind].append(row.line)
            if kind is Doubt.CHANNEL:
                self._name((row.channel,))

    def add(self, later: Doubts) -> None:
        """What was noted of rows further down in the file."""
        for kind, lines in later.lines.items():
            self.lines.setdefault(kind, array("L")).extend(lines)
        self._name(later.words)

    def of_others_than(self, left_out: Collection[int]) -> list[Doubted]:
        """What there is of each kind, without the lines that were ``left_out``."""
        found = []
        for kind in Doubt:
            lines = self.lines.get(kind, array("L"))
            rows = sum(line not in left_out for line in lines)
            if rows:
                first = islice((line for line in lines if line not in left_out), _LINES)
                words = tuple(self.words) if kind is Doubt.CHANNEL else ()
                found.append(Doubted(kind, rows, tuple(first), words))
        return found

    def _name(self, words: Iterable[str]) -> None:
        for word in words:
            if len(self.words) >= _WORDS:
                return
            self.words[mask_within(word)[:_LONGEST_WORD]] = None
