"""Whether a request to spend the earmark may go on to people. What the rule refuses, nobody can let through."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hospital_prepay.domain.clauses import implements
from hospital_prepay.domain.decision import Decision, Outcome, Reason
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules import RULES
from hospital_prepay.domain.rules.fund.regime import NamedBy, Provision, Use, UseOutcome
from hospital_prepay.domain.rules.fund.uses import (
    RANK,
    LineReason,
    UseLine,
    line_outcome,
    procured_outcome,
)


@dataclass(frozen=True, slots=True)
class SpendFacts:
    """What :func:`spend` looks at: the request's lines, what the place's pack gives each of their categories, what is
    left of the grant in fen, and the clause of the recall ground that stands: ``None`` when none does, empty when one
    stands by the agreement alone; the grant's kind: basic or procurement; the batch that a procurement
    grant's document names, ``None`` where it wasn't looked at; and the day by which all had to be back, once it
    is past."""

    regime: str
    lines: tuple[UseLine, ...]
    uses: tuple[Use, ...]
    uses_silent: bool
    unspent_fen: int
    recall_clause: str | None = None
    kind: str = "basic"
    batch: str | None = None
    closed_since: str | None = None


@implements(
    "weihai-prepay-2025/1",
    "weihai-prepay-2025/3",
    "xizang-prepay-2024/9",
    "xizang-prepay-2024/12",
    "zhejiang-prepay-2025/1",
    "zhejiang-prepay-2025/5.3",
)
def spend(facts: SpendFacts, rule_version: str) -> Decision:
    """Whether a request may go on to people: refused for good with a line that isn't medical, held with a grey one.

    House rules: medical and grey lines don't go in one request (a mixed request must be split), nothing is spent
    while a ground of recall stands or after the day by which all had to be back, and never more than is left.
    """
    answers = [_line_of(facts, number, line) for number, line in enumerate(facts.lines, 1)]
    outcomes = {outcome for outcome, _ in answers}
    worst = max(outcomes, key=RANK.__getitem__)
    worst_first = sorted(answers, key=lambda answer: RANK[answer[0]], reverse=True)
    reasons = [_worded(reason, facts.lines) for _, found in worst_first for reason in found]
    if len(outcomes) > 1:
        reasons.append(Reason("mixed_request", "不同结果的项目不能放在一张申请里，请分开申请。"))
        worst = UseOutcome.REFUSED
    if facts.recall_clause is not None:
        reasons.append(Reason("recall_stands", "已有收回情形，预付金暂停使用（本院规定）。"))
        worst = UseOutcome.REFUSED
    if facts.closed_since is not None:
        words = f"这笔预付金到 {facts.closed_since} 应全部交回，过了这一天不再用款（本院规定）。"
        reasons.append(Reason("year_is_over", words))
        worst = UseOutcome.REFUSED
    total = sum(line.amount.fen for line in facts.lines)
    if total > facts.unspent_fen:
        reasons.append(Reason("more_than_left", f"可用只有 {Money(facts.unspent_fen)} 元，请减少金额。"))
        worst = UseOutcome.REFUSED
    return Decision("fund.spend", rule_version, Outcome(worst.value), Money(total), tuple(reasons), facts_of(facts))


def facts_of(facts: SpendFacts) -> dict[str, Any]:
    """The facts as stored with the decision; :func:`spend` can be asked again with them."""
    return {
        "regime": facts.regime,
        "lines": [
            {
                "category": x.category,
                "name": x.name,
                "amount_fen": x.amount.fen,
                "code": x.code,
                "order_no": x.order_no,
                "batch": x.batch,
            }
            for x in facts.lines
        ],
        "uses": [
            {
                "category": u.category,
                "outcome": u.outcome.value,
                "clause": u.provision.clause,
                "named_by": u.provision.named_by.value,
            }
            for u in facts.uses
        ],
        "uses_silent": facts.uses_silent,
        "unspent_fen": facts.unspent_fen,
        "recall_clause": facts.recall_clause,
        "kind": facts.kind,
        **({} if facts.batch is None else {"batch": facts.batch}),
        "closed_since": facts.closed_since,
    }


def line_answers(stored: Mapping[str, Any]) -> list[tuple[UseOutcome, list[LineReason]]]:
    """What each line of a stored decision got, and why."""
    facts = _facts_from(stored)
    return [_line_of(facts, number, line) for number, line in enumerate(facts.lines, 1)]


def _replay_spend(stored: Mapping[str, Any], rule_version: str) -> Decision:
    """The decision again from its stored facts."""
    return spend(_facts_from(stored), rule_version)


def _facts_from(stored: Mapping[str, Any]) -> SpendFacts:
    lines = tuple(
        UseLine(x["category"], x["name"], Money(x["amount_fen"]), x["code"], x["order_no"], x.get("batch", ""))
        for x in stored["lines"]
    )
    uses = tuple(
        Use(u["category"], UseOutcome(u["outcome"]), Provision(u["clause"], NamedBy(u.get("named_by", "notice"))))
        for u in stored["uses"]
    )
    rest = (stored["uses_silent"], stored["unspent_fen"], stored["recall_clause"])
    own = {"kind": stored.get("kind", "basic"), "batch": stored.get("batch")}
    return SpendFacts(stored["regime"], lines, uses, *rest, **own, closed_since=stored.get("closed_since"))


def _line_of(facts: SpendFacts, number: int, line: UseLine) -> tuple[UseOutcome, list[LineReason]]:
    if facts.kind == "procurement":
        return procured_outcome(number, line, facts.batch)
    return line_outcome({use.category: use for use in facts.uses}, facts.uses_silent, number, line)


def _worded(reason: LineReason, lines: tuple[UseLine, ...]) -> Reason:
    name = lines[reason.line - 1].name
    return Reason(reason.code, f"第 {reason.line} 行“{name}”：{reason.words}。", reason.clause)


RULES["fund.spend"] = _replay_spend
