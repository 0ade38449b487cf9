"""A rule's answer, kept so that it can be given again.

A rule is a pure function of its facts. Its answer, the facts it used and the version of the rulebook it used are
stored together; ``hospital-prepay rules replay`` computes every stored decision again and compares.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from hospital_prepay.domain.money import Money


class Outcome(StrEnum):
    """What the rule said; ``held`` waits for a second person."""

    PERMITTED = "permitted"
    HELD = "held"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Reason:
    """One ground of a decision. ``clause`` is ``None`` for a house rule (本院规定), which is never cited as law."""

    code: str
    message: str
    clause: str | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """Outcome, the amount it allows, and everything needed to recompute it.

    ``facts`` holds JSON values only. ``amount`` is what may be done: the amount itself when permitted, the most
    that would have been permitted when refused.
    """

    rule: str
    rule_version: str
    outcome: Outcome
    amount: Money | None
    reasons: tuple[Reason, ...]
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def clauses(self) -> tuple[str, ...]:
        """Clause ids cited, in the order of the reasons, each once."""
        return tuple(dict.fromkeys(r.clause for r in self.reasons if r.clause))

    @property
    def permitted(self) -> bool:
        """Whether the action may go on now."""
        return self.outcome is Outcome.PERMITTED

    def to_json(self) -> dict[str, Any]:
        """All of it, as stored with an answer that may be asked for again."""
        return {
            "rule": self.rule,
            "rule_version": self.rule_version,
            "outcome": self.outcome.value,
            "amount_fen": None if self.amount is None else self.amount.fen,
            "reasons": [asdict(reason) for reason in self.reasons],
            "facts": dict(self.facts),
        }

    @classmethod
    def of_json(cls, stored: Mapping[str, Any]) -> Decision:
        """The opposite of :meth:`to_json`."""
        return cls(
            stored["rule"],
            stored["rule_version"],
            Outcome(stored["outcome"]),
            None if stored["amount_fen"] is None else Money(stored["amount_fen"]),
            tuple(Reason(**reason) for reason in stored["reasons"]),
            stored["facts"],
        )

    def answer(self) -> dict[str, Any]:
        """What replay compares: everything but the words."""
        return {
            "outcome": self.outcome.value,
            "amount_fen": None if self.amount is None else self.amount.fen,
            "reasons": [[r.code, r.clause] for r in self.reasons],
        }
