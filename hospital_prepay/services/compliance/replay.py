"""Stored decisions computed again from their stored facts.

A rule is a pure function, so the same facts must give the same answer for ever: another one means that a fact, an
answer or the code of a rule was changed afterwards. Only the words may differ.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hospital_prepay.domain.errors import PrepayError, RulebookFault
from hospital_prepay.domain.rules import RULES
from hospital_prepay.persistence import decisions
from hospital_prepay.persistence.database import Database
from hospital_prepay.persistence.decisions import StoredDecision, UnreadableDecision
from hospital_prepay.rulebook.coverage import implemented

Progress = Callable[[int, int], None]
_STEP = 500
_Key = tuple[str, str, bool, tuple[tuple[str, str], ...]]


class DecisionsDiffer(RulebookFault):
    """At least one stored decision doesn't come out again as it was stored. Exit 70."""

    code = "decision_differs"


@dataclass(frozen=True, slots=True)
class Difference:
    """A decision that came out otherwise. ``computed`` is ``None`` when its rule or facts can't be read any more."""

    decision_id: str
    institution_id: str
    rule: str
    rule_version: str
    readings: Mapping[str, str] | None
    decided_at: datetime
    stored: Mapping[str, Any]
    computed: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class RuleCount:
    """How many decisions a rule gave under one version of the rulebook and the same readings, and how many came out
    otherwise. ``readings`` is ``None`` for decisions from before they were kept."""

    rule: str
    rule_version: str
    readings: Mapping[str, str] | None
    decisions: int
    different: int


@dataclass(frozen=True, slots=True)
class Replay:
    """Every stored decision, computed again. ``first`` is the earliest that differs; those that can't be read
    stand in ``unreadable`` and in no count of a rule."""

    counts: tuple[RuleCount, ...]
    first: Difference | None
    unreadable: tuple[UnreadableDecision, ...] = ()

    @property
    def decisions(self) -> int:
        """How many there are."""
        return sum(count.decisions for count in self.counts) + len(self.unreadable)

    @property
    def different(self) -> int:
        """How many came out otherwise."""
        return sum(count.different for count in self.counts)


def replay_decisions(database: Database, progress: Progress | None = None) -> Replay:
    """Compute every stored decision again, of every institution. Never raises for what it finds."""
    total, different = Counter[_Key](), Counter[_Key]()
    first: Difference | None = None
    unreadable: list[UnreadableDecision] = []
    with database.reading() as connection:
        whole = decisions.count(connection)
        for at, stored in enumerate(decisions.every(connection), 1):
            if isinstance(stored, UnreadableDecision):
                unreadable.append(stored)
                continue
            key = _key(stored)
            total[key] += 1
            found = compare(stored)
            if found is not None:
                different[key] += 1
                first = first if first and first.decided_at <= found.decided_at else found
            if progress and at % _STEP == 0:
                progress(at, whole)
        if progress:
            progress(whole, whole)
    counts = (_count(key, total[key], different[key]) for key in sorted(total))
    return Replay(tuple(counts), first, tuple(unreadable))


def compare(stored: StoredDecision) -> Difference | None:
    """Compute one decision again: ``None`` when outcome, amount and reasons are what was stored."""
    decision = stored.decision
    computed = _computed(decision.rule, decision.facts, decision.rule_version)
    if computed == decision.answer():
        return None
    return Difference(
        stored.decision_id,
        stored.institution_id,
        decision.rule,
        decision.rule_version,
        stored.readings,
        stored.decided_at,
        decision.answer(),
        computed,
    )


def require_same(replay: Replay) -> None:
    """Raise :class:`DecisionsDiffer` naming the first decision that can't be read any more or came out otherwise, if
    there is one."""
    if replay.unreadable:
        unreadable = replay.unreadable[0]
        raise DecisionsDiffer(
            f"有 {len(replay.unreadable)} 个决定的内容读不出来，第一个是机构 {unreadable.institution_id} 的决定 "
            f"{unreadable.decision_id}。存下的内容被改过，请保留现场并通知审计和信息科。",
            code="decision_unreadable",
            details={"decision_id": unreadable.decision_id, "institution_id": unreadable.institution_id},
        )
    first = replay.first
    if first is None:
        return
    raise DecisionsDiffer(
        f"有 {replay.different} 个决定重新计算后不一样，最早的是机构 {first.institution_id} 的决定 "
        f"{first.decision_id}。事实、结果或规则程序被改过，请保留现场并通知审计和信息科。",
        details={"decision_id": first.decision_id, "institution_id": first.institution_id, "rule": first.rule},
    )


def _key(stored: StoredDecision) -> _Key:
    known = stored.readings is not None
    return stored.decision.rule, stored.decision.rule_version, known, tuple(sorted((stored.readings or {}).items()))


def _count(key: _Key, decisions: int, different: int) -> RuleCount:
    rule, version, known, readings = key
    return RuleCount(rule, version, dict(readings) if known else None, decisions, different)


def _computed(rule: str, facts: Mapping[str, Any], version: str) -> dict[str, Any] | None:
    implemented()  # reads in every module of rules, each of which enters its own
    replay = RULES.get(rule)
    if replay is None:
        return None
    try:
        return replay(facts, version).answer()
    except (ArithmeticError, AttributeError, LookupError, PrepayError, RecursionError, TypeError, ValueError):
        return None  # facts that the rule can't read aren't the facts it was given
