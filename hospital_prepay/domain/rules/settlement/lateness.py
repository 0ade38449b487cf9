"""Why a settlement is late, and which lateness may be excused (article 25). Reasons and excuses stand beside the
clock of article 19: nothing here moves a due day, and what is excused stays late.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Final

from hospital_prepay.domain.clauses import house_rule, implements
from hospital_prepay.domain.decision import Decision, Outcome, Reason
from hospital_prepay.domain.rules import RULES

TOLERATED: Final = "guizhou-deposit-2025/25"


class Side(StrEnum):
    """Whose the delay is."""

    PATIENT = "patient"
    HOSPITAL = "hospital"
    THIRD_PARTY = "third_party"

    @property
    def label(self) -> str:
        """The words on screens."""
        return SIDE_LABELS[self]


class LateReason(StrEnum):
    """The fixed list of reasons; what fits nowhere is the hospital's own."""

    INSURANCE_DOWN = "insurance_down"
    INSURANCE_REVIEW = "insurance_review"
    THIRD_PARTY_CASE = "third_party_case"
    PATIENT_ABSENT = "patient_absent"
    PATIENT_PAPERS = "patient_papers"
    COSTS_DISPUTED = "costs_disputed"
    OWN_RECORDS = "own_records"
    OWN_BILLING = "own_billing"
    OWN_STAFF = "own_staff"
    OWN_SYSTEM = "own_system"
    OTHER = "other"

    @property
    def label(self) -> str:
        """The words on screens."""
        return REASONS[self][0]

    @property
    def side(self) -> Side:
        """Whose the delay is."""
        return REASONS[self][1]


SIDE_LABELS: Final = {Side.PATIENT: "患者", Side.HOSPITAL: "本院", Side.THIRD_PARTY: "第三方"}
REASONS: Final = {
    LateReason.INSURANCE_DOWN: ("医保系统停机或故障", Side.THIRD_PARTY),
    LateReason.INSURANCE_REVIEW: ("等医保经办机构核查", Side.THIRD_PARTY),
    LateReason.THIRD_PARTY_CASE: ("工伤、交通事故等责任没有定", Side.THIRD_PARTY),
    LateReason.PATIENT_ABSENT: ("患者没有来办，联系不上", Side.PATIENT),
    LateReason.PATIENT_PAPERS: ("患者的材料没有交齐", Side.PATIENT),
    LateReason.COSTS_DISPUTED: ("患者对费用有异议", Side.PATIENT),
    LateReason.OWN_RECORDS: ("病历、医嘱没有办完", Side.HOSPITAL),
    LateReason.OWN_BILLING: ("记账、补录、对码没有办完", Side.HOSPITAL),
    LateReason.OWN_STAFF: ("人手不够，没有排上班", Side.HOSPITAL),
    LateReason.OWN_SYSTEM: ("本院系统故障", Side.HOSPITAL),
    LateReason.OTHER: ("其他（算本院的）", Side.HOSPITAL),
}
# Whose delay each answer to the reading ``tolerated_lateness`` excuses. A third party's counts with neither alone.
EXCUSED: Final = {
    "both_apart": frozenset(Side),
    "patient": frozenset({Side.PATIENT}),
    "hospital": frozenset({Side.HOSPITAL}),
}


@dataclass(frozen=True, slots=True)
class ExcuseFacts:
    """What :func:`excuse` looks at: the reason, the reading, and of the ward's month how many were discharged, how
    many of these are late, this one among them, and how many in a hundred still are occasional."""

    reason_code: str
    tolerated: str
    is_late: bool
    discharged: int
    late: int
    occasional_percent: int


@house_rule
def occasional_most(discharged: int, percent: int) -> int:
    """How many late ones of a ward's month still are occasional: the share, rounded down; one always is."""
    return max(1, discharged * percent // 100)


@implements(TOLERATED)
def excuse(facts: ExcuseFacts, rule_version: str) -> Decision:
    """Whether a delay may be excused: it is late, the reading tolerates whose it is, and it is occasional. How many
    are occasional is the hospital's own setting."""
    reasons = []
    side = LateReason(facts.reason_code).side
    most = occasional_most(facts.discharged, facts.occasional_percent)
    if not facts.is_late:
        reasons.append(Reason("not_late", "还没有逾期，不用申请容错。"))
    if side not in EXCUSED[facts.tolerated]:
        words = f"本院的容错不包括{side.label}原因的延迟。原因照样留着，这一件按逾期算。"
        reasons.append(Reason("not_tolerated", words))
    if facts.late > most:
        words = (
            f"这个病区当月出院 {facts.discharged} 人，逾期 {facts.late} 人，超过院内设定的偶发上限 {most} 人，"
            "不是偶发。请先查病区的原因。"
        )
        reasons.append(Reason("not_occasional", words))
    if reasons:
        return _decision(facts, rule_version, Outcome.REFUSED, reasons)
    words = f"偶发：病区当月出院 {facts.discharged} 人，逾期 {facts.late} 人，院内上限 {most} 人。仍算逾期，另外计。"
    return _decision(facts, rule_version, Outcome.PERMITTED, [Reason("occasional", words, TOLERATED)])


def _decision(facts: ExcuseFacts, rule_version: str, outcome: Outcome, reasons: list[Reason]) -> Decision:
    return Decision("settlement.excuse", rule_version, outcome, None, tuple(reasons), asdict(facts))


RULES["settlement.excuse"] = lambda stored, version: excuse(ExcuseFacts(**stored), version)
