"""The chosen readings as those a table is measured under, and back into words for whoever looks at the table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, Final

from hospital_prepay.domain.errors import MalformedInput
from hospital_prepay.domain.rules.inpatient.readings import (
    Burden,
    MeanOverYears,
    MeasuringReadings,
    Outliers,
    PastYears,
    PostedHalf,
    SelfPayClasses,
    StandardScope,
)
from hospital_prepay.rulebook.loader import load_rulebook
from hospital_prepay.services.publication.readings import Value, read_answer

# The calculator has options of their own for two more, and takes the table of similar diseases as a file.
_OF_CALCULATOR: Final = (
    "past_three_years",
    "mean_over_years",
    "outliers",
    "earlier_standard_scope",
    "earlier_standard_day",
    "posted_half",
    "self_pay_classes",
)


def measuring_readings(chosen: Mapping[str, Value]) -> MeasuringReadings:
    """The readings of measuring among all that a hospital chose, by name."""
    issued_on = chosen["earlier_standard_day"]
    assert isinstance(issued_on, date), "the rulebook bounds this reading by days"
    return MeasuringReadings(
        Burden(str(chosen["burden_measure"])),
        PastYears(str(chosen["past_three_years"])),
        MeanOverYears(str(chosen["mean_over_years"])),
        Outliers(str(chosen["outliers"])),
        StandardScope(str(chosen["earlier_standard_scope"])),
        issued_on,
        PostedHalf(str(chosen["posted_half"])),
        SelfPayClasses(str(chosen["self_pay_classes"])),
    )


def readings_of_calculator(burden: Burden, given: Iterable[str]) -> MeasuringReadings:
    """The defaults but for ``given``, each ``NAME=VALUE``. Raises :class:`MalformedInput` for any other text."""
    known = load_rulebook().readings
    chosen: dict[str, Value] = {name: reading.default for name, reading in known.items()}
    named: set[str] = set()
    for text in given:
        name, _, value = text.partition("=")
        if name not in _OF_CALCULATOR:
            raise MalformedInput(f"“{name[:40]}”不是测算用的读法。可以写：{'、'.join(_OF_CALCULATOR)}。")
        if name in named:
            raise MalformedInput(f"读法“{name}”写了两次。请只写一次。")
        named.add(name)
        reading = known[name]
        try:
            chosen[name] = reading.chosen(read_answer(reading, value))
        except MalformedInput as error:
            ends = reading.bounds or ()
            offered = "、".join(reading.choices) or " 至 ".join(map(str, ends))
            raise MalformedInput(f"读法“{name}”不能是“{value[:40]}”。可以写：{offered}。") from error
    return measuring_readings(chosen | {"burden_measure": burden.value})


def offered_readings() -> list[tuple[str, str, list[tuple[str, str]]]]:
    """Name, question and answers (value and words, the default first told so) of the calculator's readings."""
    known = load_rulebook().readings
    found = []
    for name in _OF_CALCULATOR:
        reading = known[name]
        answers = [
            (value, f"{words}（默认）" if value == str(reading.default) else words)
            for value, words in reading.choices.items()
        ]
        ends = " 至 ".join(map(str, reading.bounds or ()))
        found.append((name, reading.question, answers or [(ends, f"默认 {reading.default}")]))
    return found


def unusual_readings(parameters: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Question and answer of every reading of a stored table that isn't the default.

    Readings that the rulebook no longer has were never measured under any other way than the default.
    """
    kept = dict(parameters.get("readings", {}))
    if "minimum_cases" in kept:
        kept["minimum_cases"] = str(parameters["min_cases"])  # the form may say another number than the reading
    found = []
    for name, reading in load_rulebook().readings.items():
        value = kept.get(name, str(reading.default))
        if value != str(reading.default):
            found.append((reading.question, reading.choices.get(value, value)))
    return found
