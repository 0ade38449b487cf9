"""Inpatients of the synthetic hospital for the desk: fictional names, put together from common characters."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate
from random import Random
from typing import Final

from hospital_prepay.clock import local
from hospital_prepay.services.demonstration.cases import LAST_YEAR, by_frequency
from hospital_prepay.services.demonstration.diseases import Disease

SURNAMES: Final = "杨王李张吴罗陈刘石龙韦潘陆黄蒙覃曾单田冉安杜邓周徐何胡谢余姚解仇"
_WOMEN: Final = "秀桂玉春美兰英芳芬丽敏艳琴群珍梅香萍霞莲"
_MEN: Final = "国建文明德贵福强华军平林海勇生忠云江刚辉"
_WOMEN_ONLY: Final = frozenset({"妇科", "产科"})
_NEWBORN: Final = "新生儿科"
_TWO_WARDS: Final = frozenset({"呼吸内科", "心血管内科", "神经内科", "普外科", "骨科", "消化内科"})
_LONGEST_STAY_MINUTES: Final = 14 * 24 * 60
_CLASSES: Final = ("employee", "resident", "self_pay")


@dataclass(frozen=True, slots=True)
class DemonstrationStay:
    """A fictional inpatient. ``insured_class`` is ``employee``, ``resident`` or ``self_pay``."""

    admission_no: str
    patient_name: str
    ward: str
    insured_class: str
    disease_code: str
    disease_name: str
    admitted_at: datetime


def demonstration_stays(number: int, now: datetime, seed: int = 2026, first: int = 1) -> list[DemonstrationStay]:
    """``number`` stays admitted within the two weeks before ``now``, the earliest first.

    The same seed and moment give the same stays; admission numbers are the day and a running number
    from ``first``.
    """
    rng = Random(seed)
    common = by_frequency(rng)
    chosen = rng.choices(
        [disease for disease, _ in common],
        cum_weights=list(accumulate(weight * disease.season(local(now).month) for disease, weight in common)),
        k=number,
    )
    minutes_ago = sorted((rng.randrange(1, _LONGEST_STAY_MINUTES) for _ in range(number)), reverse=True)
    return [
        _stay(rng, sequence, disease, (now - timedelta(minutes=minutes)).replace(second=0, microsecond=0))
        for sequence, (disease, minutes) in enumerate(zip(chosen, minutes_ago, strict=True), first)
    ]


def _stay(rng: Random, sequence: int, disease: Disease, admitted_at: datetime) -> DemonstrationStay:
    [insured] = rng.choices(_CLASSES, disease.classes(LAST_YEAR))
    return DemonstrationStay(
        f"{local(admitted_at):%y%m%d}{sequence:04d}",
        _name(rng, disease.department),
        _ward(rng, disease.department),
        insured,
        disease.code,
        disease.name,
        admitted_at,
    )


def full_name(rng: Random) -> str:
    """A fictional name."""
    return _given(rng, _WOMEN if rng.random() < 0.5 else _MEN)


def _name(rng: Random, department: str) -> str:
    if department == _NEWBORN:
        return _given(rng, _WOMEN) + rng.choice(("之子", "之女"))
    woman = department in _WOMEN_ONLY or rng.random() < 0.5
    return _given(rng, _WOMEN if woman else _MEN)


def _given(rng: Random, characters: str) -> str:
    return rng.choice(SURNAMES) + "".join(rng.sample(characters, rng.choice((1, 2, 2, 2))))


def _ward(rng: Random, department: str) -> str:
    return f"{department}{rng.choice('一二')}病区" if department in _TWO_WARDS else f"{department}病区"
