"""What money of an outpatient is a deposit, and what isn't (articles 5 and 9)."""

from __future__ import annotations

import unicodedata
from enum import StrEnum
from typing import Final

from hospital_prepay.domain.clauses import implements

DEFINED: Final = "guizhou-deposit-2025/5"
NOT_DEPOSITS: Final = "guizhou-deposit-2025/9"


class MoneyKind(StrEnum):
    """The deposit itself, the five kinds that article 9 names, and what the hospital added to its open list."""

    OUTPATIENT_DEPOSIT = "outpatient_deposit"
    REGISTRATION_FEE = "registration_fee"
    TREATMENT_COURSE = "treatment_course"
    GROUP_CHECKUP = "group_checkup"
    PRE_SURGERY = "pre_surgery"
    SPECIAL_DISEASE = "special_disease"
    OTHER_NOT_DEPOSIT = "other_not_deposit"

    @property
    def label(self) -> str:
        """The words on screens."""
        return KIND_LABELS[self]

    @property
    def clause(self) -> str | None:
        """The clause that says so; ``None`` for what the hospital added to the open list by its own decision."""
        if self is MoneyKind.OUTPATIENT_DEPOSIT:
            return DEFINED
        return None if self is MoneyKind.OTHER_NOT_DEPOSIT else NOT_DEPOSITS


KIND_LABELS: Final = {
    MoneyKind.OUTPATIENT_DEPOSIT: "门诊预交金",
    MoneyKind.REGISTRATION_FEE: "预约挂号的诊查费",
    MoneyKind.TREATMENT_COURSE: "疗程费用",
    MoneyKind.GROUP_CHECKUP: "团体体检费",
    MoneyKind.PRE_SURGERY: "日间、门诊、急诊手术前的检查费",
    MoneyKind.SPECIAL_DISEASE: "门诊特殊病费用",
    MoneyKind.OTHER_NOT_DEPOSIT: "本院认定的其他款项",
}
# What article 9 names by the way, and how counters write it.
_NAMED: Final = {
    MoneyKind.REGISTRATION_FEE: ("诊查", "挂号", "预约挂号", "预约挂号诊查"),
    MoneyKind.TREATMENT_COURSE: (
        *("疗程", "口腔正畸", "正畸", "血液透析", "血透", "透析", "康复理疗", "康复", "理疗", "中医治疗", "化疗"),
        *("放疗", "放化疗", "孕产期保健", "孕产保健", "产检", "儿童保健", "儿保"),
    ),
    MoneyKind.GROUP_CHECKUP: ("团体体检", "单位体检", "团检"),
    MoneyKind.PRE_SURGERY: ("日间手术前检查", "门诊手术前检查", "急诊手术前检查", "手术前检查", "术前检查"),
    MoneyKind.SPECIAL_DISEASE: ("门诊特殊病", "门诊特殊疾病", "门诊慢特病", "特殊病", "慢特病", "门特"),
}
_WORDS: Final = {
    **{word: kind for kind, words in _NAMED.items() for word in words},
    **{label: kind for kind, label in KIND_LABELS.items()},
    **{kind.value: kind for kind in MoneyKind},
}
_ENDINGS: Final = ("预交金", "预交款", "费用", "费")


def kind_of(word: str) -> MoneyKind | None:
    """The kind that a file calls so, by its label, its value, or a treatment that article 9 names; ``None`` for a
    word that tells none."""
    plain = "".join(unicodedata.normalize("NFKC", word).split())
    found = _WORDS.get(plain)
    for ending in _ENDINGS if found is None else ():
        if plain.endswith(ending):
            found = _WORDS.get(plain.removesuffix(ending))
            break
    return found


@implements(DEFINED, NOT_DEPOSITS)
def is_outpatient_deposit(kind: MoneyKind) -> bool:
    """Whether ``kind`` is refunded, filed and remitted as an outpatient deposit; all others are other people's money
    that the hospital holds for a purpose."""
    return kind is MoneyKind.OUTPATIENT_DEPOSIT
