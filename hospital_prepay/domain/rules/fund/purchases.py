"""The watch on all purchases of drugs and consumables: which were bought off the provincial platform.

Not buying all of them there is a ground on which a public hospital's prepayment is recalled, under three places'
notices. A purchase counts as bought there when it carries the platform's order number; whether a reason for another
way holds, the authority says.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from hospital_prepay.domain.clauses import implements

_NONE: Final = frozenset(
    {"", "-", "--", "—", "——", "/", "\\", "0", "无", "没有", "无订单", "无订单号", "none", "null", "n/a"}
)


@dataclass(frozen=True, slots=True)
class Bought:
    """Purchases together: how many lines for how much, and how much of it off the platform. Amounts in fen; what was
    given back to suppliers is taken off."""

    lines: int = 0
    fen: int = 0
    off_lines: int = 0
    off_fen: int = 0

    def __add__(self, other: Bought) -> Bought:
        return Bought(
            self.lines + other.lines,
            self.fen + other.fen,
            self.off_lines + other.off_lines,
            self.off_fen + other.off_fen,
        )

    @property
    def off_share(self) -> Fraction | None:
        """The part of the amount bought off the platform, from nothing to all of it; ``None`` when no more was bought
        than given back."""
        return min(Fraction(1), max(Fraction(0), Fraction(self.off_fen, self.fen))) if self.fen > 0 else None

    @property
    def more_returned(self) -> bool:
        """Whether more was given back than bought, of all or of what is off the platform: an earlier purchase went
        back, and the share says nothing of these months."""
        return self.fen < 0 or self.off_fen < 0


@implements("weihai-prepay-2025/4.8", "xizang-prepay-2024/6.8", "zhejiang-prepay-2025/4.3.8")
def platform_order(text: str) -> str:
    """The platform's order number that a purchase carries; empty for one bought off the platform, however the
    purchasing system writes that there is none."""
    found = text.strip()
    return "" if found.casefold() in _NONE else found
