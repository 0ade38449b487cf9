"""What may be collected in a stay: articles 12, 17 and 18 of ``guizhou-deposit-2025``.

Two questions, two rules. :func:`determine_cap` says which cap binds a stay and why; :func:`collect` says whether
one more amount may be taken under it. Both are pure functions of their facts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any, Final

from hospital_prepay.domain.clauses import house_rule, implements
from hospital_prepay.domain.decision import Decision, Outcome, Reason
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules import RULES
from hospital_prepay.domain.rules.inpatient.similar import TABLE_ONLY, Step, TableCap, nearest

TABLE: Final = "guizhou-deposit-2025/12"
TOTAL: Final = "guizhou-deposit-2025/17"
IDENTITY: Final = "guizhou-deposit-2025/17.1"
UNCLEAR: Final = "guizhou-deposit-2025/17.2"
CHANGED: Final = "guizhou-deposit-2025/17.3"
UNPOSTED: Final = "guizhou-deposit-2025/18"


class Circumstance(StrEnum):
    """How a stay stands to the ordinary case of article 17: diagnosis clear, class known."""

    PLAIN = "plain"
    IDENTITY_UNKNOWN = "identity_unknown"
    THIRD_PARTY = "third_party"
    SIMILAR = "similar"
    STAGED = "staged"
    CHANGED = "changed"

    @property
    def label(self) -> str:
        """The Chinese words on screens."""
        return _LABELS[self]

    @property
    def needs_talk(self) -> bool:
        """Whether the talk with the patient must be on record first (17.1, 17.3)."""
        return self in (Circumstance.IDENTITY_UNKNOWN, Circumstance.THIRD_PARTY, Circumstance.CHANGED)

    @property
    def takes_self_pay(self) -> bool:
        """Whether the self-pay standard applies whatever the class (17.1)."""
        return self in (Circumstance.IDENTITY_UNKNOWN, Circumstance.THIRD_PARTY)


_LABELS: Final = {
    Circumstance.PLAIN: "诊断明确",
    Circumstance.IDENTITY_UNKNOWN: "医保身份未定",
    Circumstance.THIRD_PARTY: "第三方纠纷",
    Circumstance.SIMILAR: "诊断不明，参照相似病种",
    Circumstance.STAGED: "诊断不明，分阶段收",
    Circumstance.CHANGED: "住院期间病种变化",
}


@dataclass(frozen=True, slots=True)
class TableFacts:
    """What one cap table says of a stay: the row of its disease in the class that applies, the rows of similar
    diseases that were looked at, and the similar one picked at the desk (17.2)."""

    table_version: int
    own: TableCap | None
    similar: tuple[TableCap, ...] = ()
    chosen: TableCap | None = None


@dataclass(frozen=True, slots=True)
class CapFacts:
    """What :func:`determine_cap` looks at. ``own``, ``similar`` and ``chosen`` are rows of the table in force on the
    day of admission (see :class:`TableFacts`); ``late`` is what the table of the day of registration says when that
    is another one. ``reading`` is how similar diseases were looked for."""

    disease_code: str
    insured_class: str
    circumstance: str
    talk_recorded: bool
    table_version: int | None
    own: TableCap | None
    similar: tuple[TableCap, ...] = ()
    chosen: TableCap | None = None
    ground_recorded: bool = False
    reading: str = ""
    late: TableFacts | None = None


@dataclass(frozen=True, slots=True)
class CollectFacts:
    """What :func:`collect` looks at; all amounts in fen. ``collected_fen`` is net of what was given back."""

    amount_fen: int
    cap_fen: int | None
    collected_fen: int
    circumstance: str
    unposted: bool
    stage_recorded: bool
    discharged: bool
    cancelled: bool = False


@implements(TABLE, TOTAL, IDENTITY, UNCLEAR, CHANGED, UNPOSTED)
def determine_cap(facts: CapFacts, rule_version: str) -> Decision:
    """The cap of a stay: the posted one, or what articles 17 and 18 put in its place.

    Permitted with the cap as its amount; refused when something must be done first (talk to the patient, pick a
    similar disease, publish a table).
    """
    decision = _under_one_table(binding_facts(facts), rule_version)
    reasons = decision.reasons
    if facts.late is not None and decision.permitted:
        words = f"登记那天执行第 {facts.late.table_version} 版额度表，入院那天是第 {facts.table_version} 版：取低的。"
        reasons = (*reasons, Reason("registered_late", words))
    return replace(decision, reasons=reasons, facts=asdict(facts))


@house_rule
def binding_facts(facts: CapFacts) -> CapFacts:
    """The facts under the one table that binds. A stay registered when another table was in force than on the day of
    admission follows the lower of the two caps, so that nobody gains by registering into the past (house rule).
    Where only one table has a cap, or both the same, the table of the day of admission binds.
    """
    if facts.late is None:
        return facts
    late = facts.late
    admission = replace(facts, late=None)
    registration = replace(
        admission, table_version=late.table_version, own=late.own, similar=late.similar, chosen=late.chosen
    )
    at_admission = _under_one_table(admission, "").amount
    at_registration = _under_one_table(registration, "").amount
    if at_admission is None or at_registration is None:
        return admission
    return registration if at_registration < at_admission else admission


@implements(TOTAL, TABLE, IDENTITY, UNCLEAR, CHANGED, UNPOSTED)
def collect(facts: CollectFacts, rule_version: str) -> Decision:
    """Whether ``amount_fen`` more may be collected: the total of a stay never passes its cap (17).

    Refused with the room that is left as its amount. The cap binds the total, however many payments make it up.
    """
    circumstance = Circumstance(facts.circumstance)
    room = max(0, (facts.cap_fen or 0) - facts.collected_fen)
    reasons: list[Reason] = []
    if facts.discharged:
        reasons.append(Reason("discharged", "患者已经出院，不再收预交金。"))
    if facts.cancelled:
        reasons.append(Reason("admission_cancelled", "这次住院已经取消，不再收预交金；收过的请申请退还患者。"))
    if facts.cap_fen is None:
        reasons.append(Reason("no_cap", "这次住院还没有额度。请先办额度那一栏写明的一步，再收款。", UNPOSTED))
    if facts.amount_fen > room and facts.cap_fen is not None:
        over = Money(facts.amount_fen - room)
        reasons.append(Reason("over_cap", f"多次收取合计不能超过额度，超出 {over} 元。", TOTAL))
        reasons.append(Reason("cap_table", f"额度 {Money(facts.cap_fen)} 元出自额度表。", TABLE))
    if circumstance is Circumstance.STAGED and not facts.stage_recorded:
        reasons.append(Reason("stage_missing", "诊断不明分阶段收款，请写明这一次是哪个诊疗阶段。", UNCLEAR))
    if reasons:
        return Decision(
            "inpatient.collect", rule_version, Outcome.REFUSED, Money(room), tuple(reasons), asdict(facts)
        )
    grounds = [Reason("within_cap", "合计在额度以内。", TOTAL), Reason("cap_table", "额度出自额度表。", TABLE)]
    grounds += _circumstance_reasons(circumstance)
    if facts.unposted:
        grounds.append(Reason("unposted", "未公示病种，参照相似病种就低收取。", UNPOSTED))
    return Decision(
        "inpatient.collect", rule_version, Outcome.PERMITTED, Money(facts.amount_fen), tuple(grounds), asdict(facts)
    )


def excess(cap_fen: int | None, collected_fen: int) -> Money:
    """What stands above the cap after it fell: to be refunded at once (house rule, no clause says it)."""
    return Money(max(0, collected_fen - (cap_fen or 0)))


def _under_one_table(facts: CapFacts, rule_version: str) -> Decision:
    circumstance = Circumstance(facts.circumstance)
    if facts.table_version is None:
        return _cap_refused(facts, rule_version, "no_table", "还没有公布的额度表，暂时不能收预交金。", TABLE)
    if circumstance.needs_talk and not facts.talk_recorded:
        clause = CHANGED if circumstance is Circumstance.CHANGED else IDENTITY
        return _cap_refused(facts, rule_version, "talk_missing", "请先与患者沟通，并记下沟通内容。", clause)
    if circumstance is Circumstance.SIMILAR:
        return _similar_chosen(facts, rule_version)
    own = facts.own
    if own is not None and own.posted and own.cap_fen is not None:
        return _cap(facts, rule_version, own.cap_fen, _circumstance_reasons(circumstance))
    return _unposted(facts, rule_version, circumstance)


def _similar_chosen(facts: CapFacts, rule_version: str) -> Decision:
    """Article 17.2. Who names a disease outside the steps writes down the doctor's ground (house rule)."""
    chosen = facts.chosen
    if chosen is None or chosen.cap_fen is None:
        return _cap_refused(facts, rule_version, "similar_missing", "请选一个有额度的相似病种。", UNCLEAR)
    named = chosen.step == Step.NAMED.value
    if named and not facts.ground_recorded:
        words = f"“{chosen.disease_name}”不在列出的相似病种里。要参照它，请写明医生的依据。"
        return _cap_refused(facts, rule_version, "ground_missing", words, None)
    where = Step(chosen.step).label if chosen.step and not named else ""
    found = f"（{where}）" if where else ""
    reasons = [Reason("similar", f"诊断不明，参照相似病种“{chosen.disease_name}”{found}的额度。", UNCLEAR)]
    if named:
        reasons.append(Reason("similar_named", "收费处按医生的依据自选的相似病种，由财务事后核对。"))
    return _cap(facts, rule_version, chosen.cap_fen, reasons)


def _unposted(facts: CapFacts, rule_version: str, circumstance: Circumstance) -> Decision:
    """Article 18: the lowest of the nearest similar posted ones, never above the disease's own measured cap."""
    similar = nearest(facts.similar)
    posted = [row.cap_fen for row in similar if row.cap_fen is not None]
    own = facts.own.cap_fen if facts.own is not None else None
    candidates = [*posted, *([] if own is None else [own])]
    if not candidates:
        return _cap_refused(facts, rule_version, "no_similar", _nothing_similar(facts.reading), UNPOSTED)
    reasons = [Reason("unposted", _found_words(similar), UNPOSTED), *_circumstance_reasons(circumstance)]
    return _cap(facts, rule_version, min(candidates), reasons)


def _found_words(similar: tuple[TableCap, ...]) -> str:
    if not similar:
        return "未公示病种：按本院测算的额度收。"
    step = similar[0].step
    found = f"（{Step(step).label}）" if step else ""
    return f"未公示病种：参照相似的已公示病种{found}，就低不就高。"


def _nothing_similar(reading: str) -> str:
    where = "本院相似病种表里" if reading == TABLE_ONLY else "本院相似病种表、同一分组、同一疾病章节里"
    return (
        f"这个病种没有公示，{where}也没有已公示、有额度的相似病种。"
        "请财务在“额度表”的“原标准和相似病种”里补上，收费处再收。"
    )


def _circumstance_reasons(circumstance: Circumstance) -> list[Reason]:
    if circumstance.takes_self_pay:
        return [Reason(circumstance.value, "沟通后按自费标准。", IDENTITY)]
    if circumstance is Circumstance.STAGED:
        return [Reason("staged", "诊断不明，按诊疗过程分阶段收到额度为止。", UNCLEAR)]
    if circumstance is Circumstance.CHANGED:
        return [Reason("changed", "住院期间病种变化，补收不超过新病种的额度。", CHANGED)]
    return []


def _cap(facts: CapFacts, rule_version: str, cap_fen: int, reasons: list[Reason]) -> Decision:
    ground = Reason("cap_table", f"额度 {Money(cap_fen)} 元出自第 {facts.table_version} 版额度表。", TABLE)
    return Decision(
        "inpatient.determine_cap",
        rule_version,
        Outcome.PERMITTED,
        Money(cap_fen),
        (ground, *reasons),
        asdict(facts),
    )


def _cap_refused(facts: CapFacts, rule_version: str, code: str, message: str, clause: str | None) -> Decision:
    reason = Reason(code, message, clause)
    return Decision("inpatient.determine_cap", rule_version, Outcome.REFUSED, None, (reason,), asdict(facts))


def _table_facts(stored: Mapping[str, Any]) -> dict[str, Any]:
    """The rows of one table as they were stored; decisions from before the steps have none in their rows."""

    def row(one: Mapping[str, Any] | None) -> TableCap | None:
        return None if one is None else TableCap(**one)

    similar = tuple(TableCap(**one) for one in stored["similar"])
    return {**stored, "own": row(stored["own"]), "similar": similar, "chosen": row(stored["chosen"])}


def cap_facts(stored: Mapping[str, Any]) -> CapFacts:
    """The facts of a cap's decision, from how they were stored."""
    late = stored.get("late")
    return CapFacts(**_table_facts(stored) | {"late": None if late is None else TableFacts(**_table_facts(late))})


RULES["inpatient.determine_cap"] = lambda stored, version: determine_cap(cap_facts(stored), version)
RULES["inpatient.collect"] = lambda stored, version: collect(CollectFacts(**stored), version)
