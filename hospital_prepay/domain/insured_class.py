"""Whose insurance pays: the three classes of Guizhou's deposit rules, and every name a file gives them.

Article 14 names employee, resident and self-pay, and lets three further kinds of patients be put with self-pay.
That "may" is a reading, and so is what a hospital does with the insurance codes that are left to local decision.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from hospital_prepay.domain.clauses import implements
from hospital_prepay.domain.errors import MalformedInput


class UnknownClass(MalformedInput):
    """The text names no insured class."""

    code = "unknown_class"


class InsuredClass(StrEnum):
    """The classes of article 14, in the order in which tables show them."""

    EMPLOYEE = "employee"
    RESIDENT = "resident"
    SELF_PAY = "self_pay"

    @property
    def label(self) -> str:
        """What a patient reads."""
        return _LABELS[self]


_LABELS: Final = {
    InsuredClass.EMPLOYEE: "职工医保",
    InsuredClass.RESIDENT: "城乡居民医保",
    InsuredClass.SELF_PAY: "自费",
}

# 320, 330 and 370 supplement 310; 380, 391 and 392 are kinds of resident insurance.
# The rural cooperative scheme (新农合) is left out: it was merged into the residents' insurance years ago, so a case
# of the window that still carries the name is to be looked at by a person.
_NAMES: Final = {
    InsuredClass.EMPLOYEE: (
        "employee 310 320 330 370 职工 职工医保 城镇职工 城镇职工医保 在职城镇职工医保 职工医疗保险 职工基本医保 "
        "职工基本医疗保险 城镇职工基本医保 城镇职工基本医疗保险"
    ),
    InsuredClass.RESIDENT: (
        "resident 390 380 391 392 居民 居民医保 城乡居民 城乡居民医保 城镇居民 城镇居民医保 居民医疗保险 "
        "居民基本医保 居民基本医疗保险 城乡居民基本医保 城乡居民基本医疗保险 城镇居民基本医疗保险"
    ),
    InsuredClass.SELF_PAY: "self_pay 自费 自费患者 自费病人 全自费",
}

_MAY_BE_SELF_PAY: Final = (
    "全公费 公费 公费医疗 商业保险 商业医疗保险 商业健康保险 商保 异地非实时结算 异地医保非实时结算 "
    "异地基本医保非实时结算 跨省非实时结算"
)

# The retired revolutionary cadres, disabled servicemen, Red Army veterans and other special groups (340, 350, 360,
# 399) are paid for publicly, so they go where article 14 lets the fully public go; maternity insurance (510) has
# been collected and paid together with employee insurance since 2019.
DEFAULT_LOCAL_CODES: Final[Mapping[str, InsuredClass]] = MappingProxyType(
    {
        "340": InsuredClass.SELF_PAY,
        "350": InsuredClass.SELF_PAY,
        "360": InsuredClass.SELF_PAY,
        "399": InsuredClass.SELF_PAY,
        "510": InsuredClass.EMPLOYEE,
    }
)


@dataclass(frozen=True, slots=True)
class ClassReadings:
    """How the open questions of article 14 are read here.

    ``may_be_self_pay``: the fully public, the commercially insured and the cross-region patients without real-time
    settlement stand with self-pay, and so do the local codes paid for publicly; when it is off none of them has a
    class. ``local_codes``: the class of the insurance codes whose place is a local decision.
    """

    may_be_self_pay: bool = True
    local_codes: Mapping[str, InsuredClass] = field(default_factory=lambda: DEFAULT_LOCAL_CODES)


DEFAULT_READINGS: Final = ClassReadings()


@implements("guizhou-deposit-2025/14")
def class_names(readings: ClassReadings = DEFAULT_READINGS) -> dict[str, InsuredClass]:
    """Every name and code that has a class under ``readings``."""
    names = {name: insured for insured, listed in _NAMES.items() for name in listed.split()}
    if readings.may_be_self_pay:
        names |= dict.fromkeys(_MAY_BE_SELF_PAY.split(), InsuredClass.SELF_PAY)
    local = readings.local_codes.items()
    return names | {code: to for code, to in local if readings.may_be_self_pay or to is not InsuredClass.SELF_PAY}


_DEFAULT_NAMES: Final = class_names()
# Names that stand with self-pay only because article 14 lets a hospital put them there.
SELF_PAY_BY_CHOICE: Final = _DEFAULT_NAMES.keys() - class_names(ClassReadings(may_be_self_pay=False)).keys()


def insured_class_of(text: str, readings: ClassReadings = DEFAULT_READINGS) -> InsuredClass:
    """The class that ``text`` names: a code such as ``310``, a Chinese name or a class of ours.

    Raises :class:`UnknownClass`.
    """
    names = _DEFAULT_NAMES if readings is DEFAULT_READINGS else class_names(readings)
    key = text.strip()
    found = names.get(key) or names.get(key.lower())
    if found is None:
        raise UnknownClass(f"“{key[:40]}”不是参保类型。请写职工医保、居民医保或自费。")
    return found


@implements("guizhou-deposit-2025/14")
def is_self_pay_by_choice(text: str) -> bool:
    """Whether ``text`` names a class that only the "may" of article 14 puts with self-pay."""
    return text.strip() in SELF_PAY_BY_CHOICE
