"""What money of an outpatient is a deposit, and what isn't (articles 5 and 9)."""

from __future__ import annotations

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


@implements(DEFINED, NOT_DEPOSITS)
def is_outpatient_deposit(kind: MoneyKind) -> bool:
    """Whether ``kind`` is refunded, filed and remitted as an outpatient deposit; all others are other people's money
    that the hospital holds for a purpose."""
    return kind is MoneyKind.OUTPATIENT_DEPOSIT
