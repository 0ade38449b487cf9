"""A central-procurement prepayment: no application of this notice, recorded as its own document says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from hospital_prepay.domain.clauses import implements
from hospital_prepay.domain.decision import Decision, Outcome, Reason
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules import RULES

# Where each notice leaves it to the rules that are in force for it already; the others don't speak of it.
LEFT_TO_OTHERS: Final = {
    "weihai-prepay-2025": "weihai-prepay-2025/1",
    "xizang-prepay-2024": "xizang-prepay-2024/2",
    "zhejiang-prepay-2025": "zhejiang-prepay-2025/1",
}


@dataclass(frozen=True, slots=True)
class ProcurementFacts:
    """What :func:`record` looks at, in fen; ``clause`` leaves the matter to other rules, ``None`` where the notice is
    silent."""

    regime: str
    year: int
    fund: str
    amount_fen: int
    document: str
    issued_on: str
    clause: str | None


@implements("weihai-prepay-2025/1", "xizang-prepay-2024/2", "zhejiang-prepay-2025/1")
def record(facts: ProcurementFacts, rule_version: str) -> Decision:
    """Permitted on its own document: neither the self-check nor the dates of the notice apply to it."""
    words = f"集采专项预付按现行规定办，依据{facts.document}；不适用这里的自查、额度和清算日期。"
    reasons = (Reason("own_rules", words, facts.clause),)
    amount = Money(facts.amount_fen)
    return Decision("fund.procurement", rule_version, Outcome.PERMITTED, amount, reasons, asdict(facts))


def _replay(stored: Mapping[str, Any], rule_version: str) -> Decision:
    return record(ProcurementFacts(**stored), rule_version)


RULES["fund.procurement"] = _replay
