"""May the earmark pay this: line by line, the worst line deciding. ``refused`` is final for every role.

What a category gets comes from the pack. The national code and the platform order number that drugs and consumables
must carry are rules of the house, and are never cited as law.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from hospital_prepay.domain.clauses import house_rule, implements
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.references import payment_reference, plain_name
from hospital_prepay.domain.rules.fund.regime import NamedBy, Regime, Use, UseOutcome

# 23 signs from X: western drugs; 20 from Z: Chinese patent drugs; 27 from C, or the 20 of its class: consumables.
CODE_SHAPES: Final[Mapping[str, re.Pattern[str]]] = {
    "drug": re.compile(r"X[0-9A-Z]{22}|Z[0-9A-Z]{19}", re.ASCII),
    "consumable": re.compile(r"C[0-9A-Z]{26}|C[0-9A-Z]{19}", re.ASCII),
}
REASON_WORDS: Final[Mapping[str, str]] = {
    "medical_use": "药品、耗材等医疗费用周转",
    "needs_two_person_decision": "通知没有点名，或没有原文可查，须两人书面决定",
    "non_medical_use": "不是医疗费用周转，任何人都不能放行",
    "notice_silent": "通知没有写用途，按本院规定定",
    "missing_national_code": "没有国家编码，请补上",
    "malformed_national_code": "国家编码的位数或开头不对，请核对",
    "missing_order_no": "没有省平台订单号，请补上",
    "unknown_category": "没有这一类用途，请从列出的类别里选",
    "procured_use": "集采中选的药品、耗材",
    "not_procured": "集采专项预付只付集采中选的药品、耗材，请写集采批次",
    "other_batch": "集采批次和批复文件写的不一样，请照文件填写",
    "procurement_only": "集采专项预付只付药品、耗材，别的任何人都不能放行",
}
RANK: Final = {UseOutcome.PERMITTED: 0, UseOutcome.HELD: 1, UseOutcome.REFUSED: 2}
_CODE_OF: Final = {
    UseOutcome.PERMITTED: "medical_use",
    UseOutcome.HELD: "needs_two_person_decision",
    UseOutcome.REFUSED: "non_medical_use",
}


@dataclass(frozen=True, slots=True)
class UseLine:
    """One line of a request: what is bought or paid, under which code, for how much, by which platform order, and
    in which batch of central procurement (empty for what isn't centrally procured)."""

    category: str
    name: str
    amount: Money
    code: str = ""
    order_no: str = ""
    batch: str = ""


@dataclass(frozen=True, slots=True)
class LineReason:
    """Why a line got what it got. ``line`` counts from 1; ``clause`` is ``None`` for a rule of the house. By a
    ``reading`` the clause is understood so, it doesn't name this use."""

    code: str
    line: int
    clause: str | None
    reading: bool = False

    @property
    def words(self) -> str:
        """In Chinese, with the mark of a reading."""
        return REASON_WORDS[self.code] + ("（按读法，通知没有点名）" if self.reading else "")


@dataclass(frozen=True, slots=True)
class UseAnswer:
    """The outcome of the whole request, of each line, and the reasons."""

    outcome: UseOutcome
    lines: tuple[UseOutcome, ...]
    reasons: tuple[LineReason, ...]


@implements(
    "weihai-prepay-2025/1",
    "weihai-prepay-2025/3",
    "xizang-prepay-2024/9",
    "xizang-prepay-2024/12",
    "zhejiang-prepay-2025/1",
    "zhejiang-prepay-2025/5.3",
)
def check_use(regime: Regime, lines: tuple[UseLine, ...]) -> UseAnswer:
    """What each line gets, and the worst of it for the whole."""
    outcomes: list[UseOutcome] = []
    reasons: list[LineReason] = []
    for number, line in enumerate(lines, 1):
        outcome, found = line_outcome(regime.uses, regime.uses_silent, number, line)
        outcomes.append(outcome)
        reasons += found
    return UseAnswer(max(outcomes, key=RANK.__getitem__), tuple(outcomes), tuple(reasons))


def line_outcome(
    uses: Mapping[str, Use], uses_silent: bool, number: int, line: UseLine
) -> tuple[UseOutcome, list[LineReason]]:
    """What one line gets, and why."""
    use = uses.get(line.category)
    if use is None:
        return UseOutcome.REFUSED, [LineReason("unknown_category", number, None)]
    silent = [LineReason("notice_silent", number, None)] if uses_silent else []
    lacking = [LineReason(code, number, None) for code in lacking_evidence(line)]
    if use.outcome is UseOutcome.PERMITTED and lacking:
        return UseOutcome.HELD, [*silent, *lacking]
    return use.outcome, silent or [_reason(use, number)]


@implements("weihai-prepay-2025/1", "xizang-prepay-2024/2", "zhejiang-prepay-2025/1")
def procured_outcome(number: int, line: UseLine, batch: str | None = None) -> tuple[UseOutcome, list[LineReason]]:
    """What one line gets of a central-procurement prepayment: drugs and consumables of a batch, with the platform's
    order. The notices leave it to rules of its own, so their uses don't apply and none of their clauses is cited.
    ``batch`` is the one that the grant's document names, ``None`` where it wasn't looked at."""
    if line.category not in CODE_SHAPES:
        return UseOutcome.REFUSED, [LineReason("procurement_only", number, None)]
    lacking = lacking_evidence(line)
    wrong = [LineReason("not_procured", number, None)] if not line.batch.strip() else []
    if line.batch.strip() and batch is not None and _batch(line.batch) != _batch(batch):
        wrong = [LineReason("other_batch", number, None)]
    wrong += [LineReason("missing_order_no", number, None)] if "missing_order_no" in lacking else []
    if wrong:
        return UseOutcome.REFUSED, wrong
    if lacking:
        return UseOutcome.HELD, [LineReason(code, number, None) for code in lacking]
    return UseOutcome.PERMITTED, [LineReason("procured_use", number, None)]


def _batch(text: str) -> str:
    """Letters of every script and digits: ``第九批`` and ``第十批`` are two."""
    return "".join(sign for sign in plain_name(text).upper() if sign.isalnum())


def _reason(use: Use, number: int) -> LineReason:
    reading = use.provision.named_by is NamedBy.READING and use.provision.clause is not None
    return LineReason(_CODE_OF[use.outcome], number, use.provision.clause, reading)


@house_rule
def is_same_thing(one: tuple[str, str], other: tuple[str, str]) -> bool:
    """Whether two lines, each by code and name, are of one thing: by their codes, and by their names where one has no
    code."""
    codes = payment_reference(one[0]), payment_reference(other[0])
    if all(codes):
        return codes[0] == codes[1]
    return plain_name(one[1]) == plain_name(other[1])


@house_rule
def lacking_evidence(line: UseLine) -> tuple[str, ...]:
    """What a drug or consumable must carry before it is paid: a national code of the right shape, and the order
    number of the provincial platform. Other categories carry neither."""
    shape = CODE_SHAPES.get(line.category)
    if shape is None:
        return ()
    found = []
    if not line.code:
        found.append("missing_national_code")
    elif not shape.fullmatch(line.code):
        found.append("malformed_national_code")
    if not payment_reference(line.order_no):
        found.append("missing_order_no")  # "无" and "--" are none either
    return tuple(found)
