"""All places side by side: a topic's rows, a column a place. Computed from the packs alone, so a new place shows by
itself."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from hospital_prepay.domain.rules.fund.regime import DatedDuty, DutyHolder, Regime
from hospital_prepay.rulebook.loader import load_rulebook
from hospital_prepay.services.fund import regime_words as words
from hospital_prepay.services.fund.regime_words import Said, Standing, Statement
from hospital_prepay.services.fund.words import CATEGORIES, CONDITIONS

_FLOORS: Final = ("monthly_floor", "credit_grade", "level")
_POOLS: Final = {
    "employee": "职工医保统筹基金结余",
    "resident": "居民医保基金结余",
    "apart": "两个基金怎么看",
    "deficit": "赤字",
}
_SIZES: Final = {"base": "基数", "size": "一般额度", "largest": "上限", "emergency": "突发公共卫生事件"}
_GROUNDS: Final = {str(number): f"情形 {number}" for number in range(1, 10)}
_EVERYBODY: Final = tuple(DutyHolder)
_STOPS: Final = {"days": "多久退回", "stop": "医保结算费用", "withheld": "还没拨付的"}


@dataclass(frozen=True, slots=True)
class Row:
    """One thing, and what each place says of it, in the order of the places; empty where the question isn't one."""

    label: str
    cells: tuple[tuple[Statement, ...], ...]


@dataclass(frozen=True, slots=True)
class Topic:
    """The rows of one topic."""

    id: str
    label: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """The places, each by the edition that stands last, and the topics."""

    places: tuple[Regime, ...]
    topics: tuple[Topic, ...]


@cache
def compare_regimes() -> Comparison:
    """Every place of the rulebook, those whose text we have first."""
    editions = load_rulebook().regimes.values()
    places = tuple(sorted((one[-1] for one in editions), key=lambda one: (not one.text_at_hand, one.first_year)))
    applies = {name: label for name, label in CONDITIONS.items() if name not in _FLOORS}
    topics = (
        _topic("apply", "谁能申请", places, words.conditions, applies),
        _topic("floors", "门槛", places, words.conditions, {name: CONDITIONS[name] for name in _FLOORS}),
        _topic("pool", "基金够不够", places, words.solvency, _POOLS),
        _topic("size", "基数和额度", places, words.base_and_size, _SIZES),
        _topic("dates", "日期，谁来办", places, words.duties, _duty_labels(places)),
        _topic("recall", "收回的情形", places, words.recall, _GROUNDS),
        _topic("stops", "收回时怎样、停什么", places, words.recall, _STOPS),
        _topic("uses", "用途", places, words.uses, CATEGORIES),
    )
    # Of the days, silence tells something where the duty would be the hospital's.
    ours = _topic("dates", "本院的日期", places, words.duties, _duty_labels(places, {DutyHolder.HOSPITAL}))
    judged = tuple(ours if topic.id == ours.id else topic for topic in topics)
    return Comparison(places, (*topics, _readings(places), _silence(places, judged)))


def _topic(
    name: str,
    label: str,
    places: tuple[Regime, ...],
    read: Callable[[Regime], Said],
    labels: Mapping[str, str],
) -> Topic:
    said = [(regime, read(regime)) for regime in places]
    rows = (
        Row(words_of, tuple(found.get(key) or words.nothing(regime) for regime, found in said))
        for key, words_of in labels.items()
    )
    return Topic(name, label, tuple(rows))


def _duty_labels(places: tuple[Regime, ...], holders: Collection[DutyHolder] = _EVERYBODY) -> Mapping[str, str]:
    """Every duty that some place lays on ``holders``, yearly ones through the year and then the monthly ones."""
    found: dict[str, DatedDuty] = {}
    for duty in (duty for regime in places for duty in regime.duties if duty.holder in holders):
        found.setdefault(duty.id, duty)
    ordered = sorted(found.values(), key=lambda one: (len(one.months) == 12, one.months[0], one.day or 31))
    return {one.id: one.plain for one in ordered}


def _readings(places: tuple[Regime, ...]) -> Topic:
    """What our own readings answer; of no concern to a place that doesn't raise the question."""
    said = [words.readings(regime) for regime in places]
    asked = [one for one in load_rulebook().readings.values() if any(one.name in found for found in said)]
    rows = (Row(one.question, tuple(found.get(one.name, ()) for found in said)) for one in asked)
    return Topic("readings", "本院的读法", tuple(rows))


def _silence(places: tuple[Regime, ...], topics: tuple[Topic, ...]) -> Topic:
    """What each notice doesn't speak of, topic by topic."""
    rows = (
        Row(topic.label, tuple(_left_open(regime, topic, index) for index, regime in enumerate(places)))
        for topic in topics
    )
    return Topic("silence", "通知没有写的", tuple(rows))


def _left_open(regime: Regime, topic: Topic, index: int) -> tuple[Statement, ...]:
    if not regime.text_at_hand:
        return words.nothing(regime)
    silent = [row.label for row in topic.rows if row.cells[index][0].standing is Standing.SILENT]
    if not silent:
        return ()
    return (Statement("全都没有写" if len(silent) == len(topic.rows) else "、".join(silent), Standing.SILENT),)
