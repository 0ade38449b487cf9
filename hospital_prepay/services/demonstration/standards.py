"""What the synthetic hospital asked for before the rules, and which of its diseases resemble each other."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from hospital_prepay.services.demonstration.diseases import Disease, diseases

_PRICED_PERCENT = 72
_UNCOMMON = 3
_MOST_SIMILAR = 3
_CLASSES = ("employee", "resident", "self_pay")


def legacy_standards(rng: Random) -> Iterator[tuple[str, str, str]]:
    """Code, class and standard in whole hundreds of yuan, for most diseases; mostly above what patients bear."""
    for disease in diseases():
        if rng.randrange(100) >= _PRICED_PERCENT:
            continue
        for insured, percent in zip(_CLASSES, (disease.employee_percent, disease.resident_percent, 100), strict=True):
            borne = disease.mean_cost_yuan * percent // 100
            yield disease.code, insured, str(max(1, borne * rng.randrange(75, 185) // 10_000) * 100)


def similar_pairs() -> Iterator[tuple[str, str]]:
    """For each uncommon disease the commoner ones of its department, those of its own chapter first."""
    for disease in diseases():
        if disease.frequency <= _UNCOMMON:
            for other in _similar(disease):
                yield disease.code, other.code


def _similar(disease: Disease) -> list[Disease]:
    commoner = [
        other
        for other in diseases()
        if other.department == disease.department and other.frequency > disease.frequency
    ]
    same_chapter = [other for other in commoner if other.code[0] == disease.code[0]]
    place = int(disease.code[1:3])
    return sorted(same_chapter or commoner, key=lambda other: abs(int(other.code[1:3]) - place))[:_MOST_SIMILAR]
