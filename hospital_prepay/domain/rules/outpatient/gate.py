"""May an outpatient deposit still be taken (6). It stopped; what is kept is of a kind in the approved filing, posted
in three places, and the patient is willing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from hospital_prepay.domain.clauses import implements
from hospital_prepay.domain.decision import Decision, Outcome, Reason
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules import RULES

GATE: Final = "guizhou-deposit-2025/6"
PLACES: Final = {"website": "官网", "mini_program": "就医小程序", "screen": "电子屏"}


@dataclass(frozen=True, slots=True)
class GateFacts:
    """What :func:`take` looks at. ``kinds`` are those of the filing in force, none without one; ``posted`` the places
    where it stands by today; ``least_age`` is set for a kind that is kept for the elderly."""

    kind: str
    kinds: tuple[str, ...]
    posted: tuple[str, ...]
    consent: bool
    amount_fen: int
    age: int | None = None
    least_age: int | None = None


@implements(GATE)
def take(facts: GateFacts, rule_version: str) -> Decision:
    """May this deposit be taken. ``amount`` is the amount asked for when it may, nothing otherwise."""
    reasons: list[Reason] = []
    if not facts.kinds:
        reasons.append(Reason("stopped", "门诊预交金已经停收，本院没有备案保留的情形。请按次结算。", GATE))
    elif facts.kind not in facts.kinds:
        reasons.append(Reason("not_filed", "这种情形不在备案里，不能收。请按次结算，或选备案里的情形。", GATE))
    else:
        missing = [label for place, label in PLACES.items() if place not in facts.posted]
        if missing:
            words = f"备案内容还没有在{'、'.join(missing)}公示，公示以后才能收。"
            reasons.append(Reason("not_posted", words, GATE))
        if facts.least_age is not None and (facts.age is None or facts.age < facts.least_age):
            words = f"这种情形保留给 {facts.least_age} 周岁及以上的老年人。请核对证件。"
            reasons.append(Reason("not_elderly", words, GATE))
        if not facts.consent:
            reasons.append(Reason("no_consent", "患者自愿才能收。请先让患者签同意书。", GATE))
    if reasons:
        return Decision("outpatient.gate", rule_version, Outcome.REFUSED, Money(0), tuple(reasons), _stored(facts))
    said = (Reason("kept", "备案保留的情形，已公示，患者自愿。", GATE),)
    amount = Money(facts.amount_fen)
    return Decision("outpatient.gate", rule_version, Outcome.PERMITTED, amount, said, _stored(facts))


def _stored(facts: GateFacts) -> dict[str, Any]:
    return {**asdict(facts), "kinds": list(facts.kinds), "posted": list(facts.posted)}


def _replay(stored: Mapping[str, Any], rule_version: str) -> Decision:
    lists = {"kinds": tuple(stored["kinds"]), "posted": tuple(stored["posted"])}
    return take(GateFacts(**{**stored, **lists}), rule_version)


RULES["outpatient.gate"] = _replay
