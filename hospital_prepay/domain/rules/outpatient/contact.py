"""What was tried to find an owner, by which way to go on, and when enough was tried (7, and 8 for what is filed).

The article names several ways (公众号、多媒体、公告栏、短信等多种渠道) and no order: that the most direct
comes first, and that a wrong or dead number ends both texting and calling it, is the hospital's own rule.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from hospital_prepay.domain.clauses import implements
from hospital_prepay.domain.rules.outpatient.reach import Way

TOLD: Final = "guizhou-deposit-2025/7"
FILED: Final = "guizhou-deposit-2025/8"
BY_NUMBER: Final = frozenset({Way.SMS, Way.PHONE})


class Outcome(StrEnum):
    """What came of one attempt. ``unsuited``: nothing went out, for the number can't take it."""

    SENT = "sent"
    DELIVERED = "delivered"
    REACHED = "reached"
    NO_ANSWER = "no_answer"
    REFUSED = "refused"
    WRONG_NUMBER = "wrong_number"
    DEAD_NUMBER = "dead_number"
    UNSUITED = "unsuited"

    @property
    def label(self) -> str:
        """The words on screens."""
        return OUTCOME_LABELS[self]


class Standing(StrEnum):
    """The mark of an account: reached, tried in every way, or something left."""

    REACHED = "reached"
    COMPLETE = "complete"
    LEFT = "left"

    @property
    def label(self) -> str:
        """The words on screens."""
        return STANDING_LABELS[self]


OUTCOME_LABELS: Final = {
    Outcome.SENT: "已发出",
    Outcome.DELIVERED: "已送达",
    Outcome.REACHED: "已联系上",
    Outcome.NO_ANSWER: "没有人接",
    Outcome.REFUSED: "拒接或拒收",
    Outcome.WRONG_NUMBER: "不是本人的号码",
    Outcome.DEAD_NUMBER: "空号或停机",
    Outcome.UNSUITED: "固定电话，没有发",
}
STANDING_LABELS: Final = {
    Standing.REACHED: "已联系上",
    Standing.COMPLETE: "各渠道都试过",
    Standing.LEFT: "还有渠道没试",
}
NUMBER_GONE: Final = frozenset({Outcome.WRONG_NUMBER, Outcome.DEAD_NUMBER})
# What shows that something went out. A number that doesn't suit was never tried.
TRIED: Final = frozenset(Outcome) - {Outcome.UNSUITED}
# What shows that it arrived at somebody.
ARRIVED: Final = frozenset({Outcome.DELIVERED, Outcome.REACHED, Outcome.REFUSED, Outcome.WRONG_NUMBER})


@dataclass(frozen=True, slots=True)
class Told:
    """What was tried for one account: its possible ways, and what came of each attempt by them. For the notice board
    ``sent`` says that a photo shows it."""

    ways: tuple[Way, ...]
    outcomes: Mapping[Way, frozenset[Outcome]] = field(default_factory=dict)

    @classmethod
    def of(cls, ways: tuple[Way, ...], history: Iterable[tuple[Way, Outcome]]) -> Told:
        """Gather a history; its order doesn't matter."""
        found: dict[Way, set[Outcome]] = {}
        for way, outcome in history:
            found.setdefault(way, set()).add(outcome)
        return cls(ways, {way: frozenset(outcomes) for way, outcomes in found.items()})

    @property
    def reached(self) -> bool:
        """Whether the owner was reached, by whichever way."""
        return any(Outcome.REACHED in outcomes for outcomes in self.outcomes.values())

    @property
    def number_gone(self) -> bool:
        """Whether the number turned out to be nobody's or somebody else's."""
        return any(self.outcomes.get(way, frozenset()) & NUMBER_GONE for way in BY_NUMBER)

    @property
    def tried(self) -> tuple[Way, ...]:
        """The ways that were tried, with proof."""
        return tuple(way for way in Way if self.outcomes.get(way, frozenset()) & TRIED)


@implements(TOLD)
def left(told: Told) -> tuple[Way, ...]:
    """The ways that are still to be tried, in their order; none once the owner is reached."""
    if told.reached:
        return ()
    return tuple(way for way in told.ways if way not in told.tried and not _is_shut(told, way))


@implements(TOLD)
def next_way(told: Told) -> Way | None:
    """The way to try next: the first that is left. A wrong or dead number leads past both texting and calling."""
    return next(iter(left(told)), None)


@implements(TOLD, FILED)
def standing(told: Told) -> Standing:
    """Whether what article 7 asks for was done, so that the account may be filed as one that can't be refunded: the
    owner was told in every way there is. A reached owner isn't one who can't be found."""
    if told.reached:
        return Standing.REACHED
    return Standing.LEFT if left(told) else Standing.COMPLETE


def is_still_told(balance_fen: int | None) -> bool:
    """Whether anybody is to be told of an account at all: not of one that has nothing, be it that its money was paid
    or is the treasury's. ``balance_fen`` is ``None`` before its money is in the books."""
    return balance_fen != 0


def _is_shut(told: Told, way: Way) -> bool:
    if way in BY_NUMBER and told.number_gone:
        return True
    return Outcome.UNSUITED in told.outcomes.get(way, frozenset())
