"""What is asked of an application for funds, and what is answered."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Final

from hospital_prepay.domain.decision import Decision
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.fund.facts import AssessmentFacts

AGREEMENT: Final = "agreement"


@dataclass(frozen=True, slots=True)
class Evidence:
    """The document behind one condition, or the agreement (``item`` agreement) with the further grounds of recall
    that it names."""

    item: str
    document: str
    number: str = ""
    version: str = ""
    issued_on: date | None = None
    recall_grounds: str = ""


@dataclass(frozen=True, slots=True)
class ApplyForFunds:
    """Applications for several funds at once, with evidence, on what the hospital says of itself.

    ``emergency_id`` names a document of an emergency; ``notified`` tells whether the hospital was named for breaches
    in procurement, which only a form asks.
    """

    regime: str
    pool_region: str
    amounts: tuple[tuple[str, Money], ...]
    facts: AssessmentFacts
    evidence: tuple[Evidence, ...]
    idempotency_key: str
    emergency_id: str | None = None
    notified: bool | None = None


@dataclass(frozen=True, slots=True)
class Applied:
    """The answer to an application; ``grant_id`` is ``None`` unless it was permitted, ``decision_id`` is empty when
    nothing was kept."""

    decision: Decision
    decision_id: str
    grant_id: str | None

    def to_json(self) -> dict[str, Any]:
        """As stored for the next request with the same key."""
        return {**asdict(self), "decision": self.decision.to_json()}

    @classmethod
    def of_json(cls, stored: dict[str, Any]) -> Applied:
        """The opposite of :meth:`to_json`."""
        return cls(Decision.of_json(stored["decision"]), stored["decision_id"], stored["grant_id"])
