"""What deserves a second look before a refund is confirmed (7: the whole way is supervised).

All of it is the hospital's own rule: an alarm refuses nothing, it asks for a written ground.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, time
from enum import StrEnum
from typing import Final

from hospital_prepay.domain.money import Money

# A clerk's day stands out from so many claims on, when it is also half as much again as the clerk's own mean.
MANY_A_DAY: Final = 20
_HALF_AS_MUCH_AGAIN: Final = 3, 2
# A maker always met by the same reviewer stands out from so many claims on, at nine in ten.
PAIR_FROM: Final = 20
# A phone that was corrected so many days before a claim, or fewer, stands out; a name or a certificate number always.
OWNER_DAYS: Final = 30
_NEARLY_ALWAYS: Final = 9, 10
_HOUSE_HOURS: Final = (time(8), time(18))
_CLOCK: Final = r"(\d{1,2})\s*[:：时点]\s*(\d{2})?"
_SPAN: Final = re.compile(rf"{_CLOCK}\D{{1,4}}{_CLOCK}")
_ALL_DAY: Final = re.compile(r"24\s*小时|全天")
_EVERY_DAY: Final = re.compile(r"每天|每日|周一至周日|全年|节假日(照常|不休)")


class AlarmKind(StrEnum):
    """What was noticed."""

    OWNER = "owner"
    AGAIN = "again"
    BEYOND = "beyond"
    UNPROVEN = "unproven"
    SAME_CARD = "same_card"
    STAFF_CARD = "staff_card"
    STAFF_NAME = "staff_name"
    HOURS = "hours"
    MANY = "many"
    PAIR = "pair"

    @property
    def label(self) -> str:
        """The check in words, as it stands when nothing was found."""
        return ALARM_LABELS[self]


ALARM_LABELS: Final = {
    AlarmKind.OWNER: "账户的姓名或证件号更正过，或手机号近 30 天更正过",
    AlarmKind.AGAIN: "账户退过，余额更正后再退",
    AlarmKind.BEYOND: "退的比上缴的多，由本院承担",
    AlarmKind.UNPROVEN: "账户没有登记证件号，或姓名只有符号",
    AlarmKind.SAME_CARD: "同一银行卡用于其他患者",
    AlarmKind.STAFF_CARD: "收款银行卡属于本院职工",
    AlarmKind.STAFF_NAME: "来办的人与本院职工同名",
    AlarmKind.HOURS: "在办公时间以外受理",
    AlarmKind.MANY: "受理人当天受理得特别多",
    AlarmKind.PAIR: "受理人总由同一人审核",
}


@dataclass(frozen=True, slots=True)
class Hours:
    """When the windows are open."""

    begins: time
    ends: time
    every_day: bool

    def holds(self, moment: datetime, *, working_day: bool) -> bool:
        """Whether the windows are open at a local ``moment``."""
        return (working_day or self.every_day) and self.begins <= moment.time() <= self.ends


@dataclass(frozen=True, slots=True)
class AlarmFacts:
    """What :func:`alarms` looks at. ``same_card`` names claims of other people paid to the card.

    ``paid_before`` counts the refunds that the account's owner got before its balance was corrected upwards by
    ``corrected_fen`` altogether; ``beyond_fen`` is what is paid above what the treasury has; ``owner`` says what of
    the holder on record was corrected before; ``unproven`` says what the claim rests on where the account has no
    certificate number; ``usual_a_day`` is the maker's mean of earlier days, ``None`` without any; ``pair_shared`` of
    ``pair_reviewed`` claims of the maker went past this reviewer while ``reviewers`` people could have looked.
    """

    same_card: tuple[str, ...] = ()
    owner: str = ""
    paid_before: int = 0
    corrected_fen: int = 0
    beyond_fen: int = 0
    unproven: str = ""
    staff_card: bool = False
    staff_name: bool = False
    outside_hours: str = ""
    maker: str = ""
    that_day: int = 0
    usual_a_day: float | None = None
    reviewer: str = ""
    pair_shared: int = 0
    pair_reviewed: int = 0
    reviewers: int = 0


@dataclass(frozen=True, slots=True)
class Alarm:
    """One thing that was noticed, in words."""

    kind: AlarmKind
    words: str


def opening_hours(text: str) -> Hours:
    """The hours that the hospital posts, such as ``每天 8:00–18:00``; 8:00 to 18:00 on working days where it posts
    none that can be read. Several spans count from the first opening to the last closing."""
    every_day = bool(_EVERY_DAY.search(text))
    if _ALL_DAY.search(text):
        return Hours(time.min, time.max, every_day)
    spans = [(_time(a, b), _time(c, d)) for a, b, c, d in _SPAN.findall(text)]
    if not spans:
        return Hours(*_HOUSE_HOURS, every_day)
    return Hours(min(first for first, _ in spans), max(last for _, last in spans), every_day)


def alarms(facts: AlarmFacts) -> tuple[Alarm, ...]:
    """Everything that stands out, the gravest first."""
    found: list[Alarm] = []
    if facts.staff_card:
        found.append(Alarm(AlarmKind.STAFF_CARD, "收款银行卡登记为本院职工的卡，不能退到这张卡上"))
    if facts.same_card:
        named = "、".join(facts.same_card[:3])
        more = f" 等 {len(facts.same_card)} 笔" if len(facts.same_card) > 3 else ""
        found.append(Alarm(AlarmKind.SAME_CARD, f"这张银行卡也收其他患者的退款：{named}{more}"))
    if facts.owner:
        found.append(Alarm(AlarmKind.OWNER, facts.owner))
    if facts.paid_before:
        times = "一次" if facts.paid_before == 1 else f" {facts.paid_before} 次"
        words = f"这个账户退过{times}，余额更正后再退：更正多出 {Money(facts.corrected_fen)} 元，请核对更正的依据"
        found.append(Alarm(AlarmKind.AGAIN, words))
    if facts.beyond_fen:
        words = f"比上缴的多退 {Money(facts.beyond_fen)} 元，由本院承担。请核对依据，确认时写明理由"
        found.append(Alarm(AlarmKind.BEYOND, words))
    if facts.unproven:
        found.append(Alarm(AlarmKind.UNPROVEN, facts.unproven))
    if facts.staff_name:
        found.append(Alarm(AlarmKind.STAFF_NAME, "来办的人与本院职工同名，请核对是不是职工本人的余额"))
    if facts.outside_hours:
        found.append(Alarm(AlarmKind.HOURS, facts.outside_hours))
    if _many(facts):
        usual = "" if facts.usual_a_day is None else f"，平时每天 {facts.usual_a_day:.0f} 笔"
        found.append(Alarm(AlarmKind.MANY, f"受理人{facts.maker}当天受理 {facts.that_day} 笔{usual}"))
    if _pair(facts):
        words = f"{facts.maker}受理的 {facts.pair_reviewed} 笔里，{facts.pair_shared} 笔由{facts.reviewer}审核"
        found.append(Alarm(AlarmKind.PAIR, words))
    return tuple(found)


def _many(facts: AlarmFacts) -> bool:
    if facts.that_day < MANY_A_DAY:
        return False
    above, below = _HALF_AS_MUCH_AGAIN
    return facts.usual_a_day is None or facts.that_day * below >= facts.usual_a_day * above


def _pair(facts: AlarmFacts) -> bool:
    """Where only one person could have looked, nothing stands out."""
    part, whole = _NEARLY_ALWAYS
    enough = facts.pair_reviewed >= PAIR_FROM and facts.reviewers > 1
    return enough and facts.pair_shared * whole >= facts.pair_reviewed * part


def _time(hour: str, minute: str) -> time:
    if int(hour) >= 24:
        return time.max
    return time(int(hour), min(int(minute or 0), 59))
