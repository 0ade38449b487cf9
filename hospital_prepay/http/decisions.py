"""From a rule's stored "no" to the error the adapters tell: the one place where a decision is raised."""

from __future__ import annotations

from hospital_prepay.domain.decision import Decision
from hospital_prepay.domain.errors import RuleRefused


def require_permitted(decision: Decision, decision_id: str) -> None:
    """Raise :class:`RuleRefused` with clauses and decision number unless the decision permits.

    Call it after the service has returned: its unit of work has committed the refusal by then.
    """
    if decision.permitted:
        return
    first = decision.reasons[0] if decision.reasons else None
    raise RuleRefused(
        first.message if first else "规则不允许这样办。",
        code=first.code if first else None,
        details={
            "outcome": decision.outcome.value,
            "amount_fen": None if decision.amount is None else decision.amount.fen,
            "clauses": list(decision.clauses),
            "rule_version": decision.rule_version,
            "decision_id": decision_id,
        },
    )
