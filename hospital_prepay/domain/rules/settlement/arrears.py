"""What discharged patients owe (article 25): how old it is, whether a promise is kept, what may be provided and
written off.

Nothing here holds a discharge back and nothing adds interest: that is the hospital's own rule. The bands are a house
setting; no notice gives them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from hospital_prepay.domain.clauses import house_rule, implements

PURSUED: Final = "guizhou-deposit-2025/25"


class Band(StrEnum):
    """How long something is owed, in days from the day of its settlement."""

    D30 = "30"
    D90 = "90"
    D180 = "180"
    D365 = "365"
    OVER = "over"

    @property
    def label(self) -> str:
        """The words on screens."""
        return _BANDS[self][1]

    @property
    def most_days(self) -> int | None:
        """The last day of the band, itself counted; ``None`` for the oldest."""
        return _BANDS[self][0]


_BANDS: Final[dict[Band, tuple[int | None, str]]] = {
    Band.D30: (30, "30 天以内"),
    Band.D90: (90, "31–90 天"),
    Band.D180: (180, "91–180 天"),
    Band.D365: (365, "181–365 天"),
    Band.OVER: (None, "365 天以上"),
}


class ActKind(StrEnum):
    """What the books do about arrears."""

    PROVISION = "provision"
    RELEASE = "release"
    WRITE_OFF = "write_off"
    REOPEN = "reopen"

    @property
    def label(self) -> str:
        """The words on screens and in entries."""
        return _ACTS[self]


_ACTS: Final = {
    ActKind.PROVISION: "计提坏账准备",
    ActKind.RELEASE: "转回坏账准备",
    ActKind.WRITE_OFF: "核销欠费",
    ActKind.REOPEN: "恢复已核销的欠费",
}


class Kept(StrEnum):
    """How a promise stands."""

    KEPT = "kept"
    OPEN = "open"
    BROKEN = "broken"

    @property
    def label(self) -> str:
        """The words on screens."""
        return {Kept.KEPT: "已兑现", Kept.OPEN: "在期限内", Kept.BROKEN: "到期没有交足"}[self]


@dataclass(frozen=True, slots=True)
class Instalment:
    """A part of what is owed, in fen, and the last day for it."""

    due_on: date
    amount_fen: int


@implements(PURSUED)
def band_of(settled_on: date, today: date) -> Band:
    """The band of what was left owing on ``settled_on``."""
    days = (today - settled_on).days
    return next((band for band in Band if band.most_days is not None and days <= band.most_days), Band.OVER)


@implements(PURSUED)
def promise_state(instalments: Sequence[Instalment], paid_fen: int, today: date) -> Kept:
    """How a promise stands by what was paid since it was made: every instalment covers those before it. The day it
    is due on counts itself."""
    if paid_fen >= sum(one.amount_fen for one in instalments):
        return Kept.KEPT
    due = sum(one.amount_fen for one in instalments if one.due_on < today)
    return Kept.BROKEN if paid_fen < due else Kept.OPEN


@house_rule
def promise_fault(instalments: Sequence[Instalment], owed_fen: int, today: date) -> str:
    """Why a plan can't be kept as a promise; empty where it can."""
    if not instalments:
        return "请至少写一期：日期和金额。"
    if any(one.amount_fen <= 0 for one in instalments):
        return "每一期的金额要大于零。"
    days = [one.due_on for one in instalments]
    if days != sorted(set(days)):
        return "各期的日期要一期比一期晚。"
    if days[0] < today:
        return f"第一期不能早于今天（{today}）。"
    if sum(one.amount_fen for one in instalments) > owed_fen:
        return "各期加起来超过了还欠的。请核对金额。"
    return ""


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands of one stay in fen: owed, provided for, and written off without having come back."""

    owed_fen: int
    provided_fen: int
    written_off_fen: int

    @property
    def unprovided_fen(self) -> int:
        """What of the arrears isn't provided for."""
        return max(0, self.owed_fen - self.provided_fen)

    def most_fen(self, kind: ActKind) -> int:
        """How much an act of this kind may move: nobody provides above what is owed, writes off what isn't provided
        for, or releases what isn't there. A claim comes back only as far as it was written off."""
        return {
            ActKind.PROVISION: self.unprovided_fen,
            ActKind.RELEASE: self.provided_fen,
            ActKind.WRITE_OFF: min(self.owed_fen, self.provided_fen),
            ActKind.REOPEN: self.written_off_fen,
        }[kind]


@house_rule
def reopened_fen(paid_fen: int, standing: Standing) -> int:
    """How much of a written-off claim comes back to take a payment: what the payment is above what is owed. Money
    for a claim is never refused because it was written off."""
    return min(max(0, paid_fen - standing.owed_fen), standing.written_off_fen)
