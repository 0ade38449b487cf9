"""What must hold between the values of one place's pack, whatever each of them says."""

from __future__ import annotations

from collections.abc import Iterator

from hospital_prepay.domain.rules.fund.regime import SILENT, UNKNOWN, Absence, NamedBy, Provision, Regime, UseOutcome
from hospital_prepay.rulebook.fields import fault


def check_regime(regime: Regime, where: str) -> None:
    """Refuse an unknown where the text can be read; and where it can't, a clause, a silence or a permission.

    Raises :class:`RulebookFault`.
    """
    for problem in _with_text(regime) if regime.text_at_hand else _without_text(regime):
        raise fault(where, problem)


def clauses_of(regime: Regime) -> Iterator[str]:
    """Every clause that an edition rests on, some of them more than once."""
    for provision in (*_provisions(regime), *_of_uses(regime)):
        if provision.clause is not None:
            yield provision.clause


def _with_text(regime: Regime) -> Iterator[str]:
    own, uses = list(_provisions(regime)), list(_of_uses(regime))
    if UNKNOWN in _absences(regime) or any(duty.rolls is None for duty in regime.duties):
        yield "有原文，就不能写未知"
    if NamedBy.REPORTED in _named_by(regime) or any(one.in_principle is None for one in (*own, *uses)):
        yield "有原文，每项都要看过原文再写"
    if any(one.clause is None for one in own):
        yield "有原文，每项都要写条款"
    if any((one.clause is None) is not regime.uses_silent for one in uses):
        yield "通知没有写用途，就不能引用条款；写了，就每一类都要引用"


def _without_text(regime: Regime) -> Iterator[str]:
    if SILENT in _absences(regime) or regime.uses_silent:
        yield "没有原文，就不能说通知没有写"
    if NamedBy.NOTICE in _named_by(regime) or list(clauses_of(regime)):
        yield "没有原文，就不能引用通知"
    if any(one.in_principle is not None for one in (*_provisions(regime), *_of_uses(regime))):
        yield "没有原文，就不知道是不是原则上"
    if any(duty.rolls is not None for duty in regime.duties):
        yield "没有原文，就不知道遇节假日顺不顺延"
    if any(use.outcome is UseOutcome.PERMITTED for use in regime.uses.values()):
        yield "没有原文，就不能放行任何用途"


def _provisions(regime: Regime) -> Iterator[Provision]:
    """Those of all values but the uses, which alone may be the hospital's own where the notice is silent."""
    if not isinstance(regime.conditions, Absence):
        for condition in regime.conditions:
            yield condition.provision
            if condition.waived_through is not None:
                yield condition.waived_through.provision
    if not isinstance(regime.solvency, Absence):
        yield from (regime.solvency.months.provision, regime.solvency.deficit_bars.provision)
    if not isinstance(regime.size, Absence) and not isinstance(regime.size.largest, Absence):
        yield regime.size.largest.provision
    for part in (regime.base, regime.size, regime.emergency):
        if not isinstance(part, Absence):
            yield part.provision
    yield from (duty.provision for duty in regime.duties)
    yield from _of_recall(regime)


def _of_recall(regime: Regime) -> Iterator[Provision]:
    recall = regime.recall
    if isinstance(recall, Absence):
        return
    yield from (recall.provision, recall.settlements_stop.provision, *(one.provision for one in recall.grounds))
    if not isinstance(recall.working_days, Absence):
        yield recall.working_days.provision
    if not isinstance(recall.withholds_unpaid, Absence):
        yield recall.withholds_unpaid


def _of_uses(regime: Regime) -> Iterator[Provision]:
    return (use.provision for use in regime.uses.values())


def _named_by(regime: Regime) -> set[NamedBy]:
    apart = set() if isinstance(regime.solvency, Absence) else {regime.solvency.apart_by}
    told = {one.named_by for one in (*_provisions(regime), *_of_uses(regime))}
    return told | apart | {duty.holder_by for duty in regime.duties}


def _absences(regime: Regime) -> set[Absence]:
    parts: list[object] = [regime.conditions, regime.solvency, regime.base, regime.size, regime.emergency]
    parts += [regime.recall]
    if not isinstance(regime.size, Absence):
        parts.append(regime.size.largest)
    if not isinstance(regime.recall, Absence):
        parts += [regime.recall.working_days, regime.recall.withholds_unpaid]
    return {part for part in parts if isinstance(part, Absence)}
