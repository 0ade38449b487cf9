"""What each pack says beyond what its situations compute: who names a value, and what a notice leaves open."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from hospital_prepay.domain.errors import RulebookFault
from hospital_prepay.domain.rules.fund.regime import (
    SILENT,
    UNKNOWN,
    Absence,
    Adjusts,
    NamedBy,
    Regime,
    SettlementsStop,
    UseOutcome,
)
from hospital_prepay.rulebook.loader import load_rulebook
from hospital_prepay.rulebook.regime_check import check_regime

WEIHAI, XIZANG = load_rulebook().regime("weihai-prepay-2025"), load_rulebook().regime("xizang-prepay-2024")
ZHEJIANG, HENAN = load_rulebook().regime("zhejiang-prepay-2025"), load_rulebook().regime("henan-settlement-2023")
READ = {"weihai": WEIHAI, "xizang": XIZANG, "zhejiang": ZHEJIANG, "henan": HENAN}


def solvency(regime: Regime) -> tuple[object, ...]:
    """Whether the months are in principle, who keeps the funds apart, what a deficit bars and who says so."""
    assert not isinstance(regime.solvency, Absence)
    months, deficit = regime.solvency.months, regime.solvency.deficit_bars
    says = (deficit.value.value, deficit.provision.named_by.value, deficit.provision.in_principle)
    return (months.provision.in_principle, regime.solvency.apart_by.value, *says)


def test_only_the_months_are_a_principle_and_a_deficit_bars_without_exception() -> None:
    assert solvency(WEIHAI) == (True, "notice", "fund", "reading", False)
    assert solvency(XIZANG) == (False, "reading", "region", "notice", False)
    assert solvency(ZHEJIANG) == (True, "notice", "region", "notice", False)
    assert HENAN.solvency is SILENT


def recall(regime: Regime) -> tuple[object, ...]:
    """Days to return with their clause, when settlements stop with the clause, where withholding stands."""
    found = regime.recall
    assert not isinstance(found, Absence)
    days, stop, withheld = found.working_days, found.settlements_stop, found.withholds_unpaid
    return (
        days if isinstance(days, Absence) else (days.value, days.provision.clause),
        (stop.value, stop.provision.clause),
        withheld if isinstance(withheld, Absence) else withheld.clause,
    )


@pytest.mark.clause(
    "weihai-prepay-2025/4", "xizang-prepay-2024/6", "xizang-prepay-2024/7", "zhejiang-prepay-2025/4.3"
)
def test_what_follows_a_ground_differs_from_place_to_place() -> None:
    until, unrecoverable = SettlementsStop.UNTIL_RETURNED, SettlementsStop.WHEN_UNRECOVERABLE
    assert recall(WEIHAI) == (SILENT, (unrecoverable, "weihai-prepay-2025/4"), SILENT)
    assert recall(XIZANG) == ((5, "xizang-prepay-2024/7"), (until, "xizang-prepay-2024/7"), "xizang-prepay-2024/6")
    assert recall(ZHEJIANG) == (SILENT, (until, "zhejiang-prepay-2025/4.3"), "zhejiang-prepay-2025/4.3")
    assert HENAN.recall is SILENT


@pytest.mark.parametrize("place", ["weihai", "xizang", "zhejiang"])
def test_nine_grounds_and_the_eighth_for_public_hospitals_only(place: str) -> None:
    found = READ[place].recall
    assert not isinstance(found, Absence)
    assert [one.number for one in found.grounds] == list(range(1, 10))
    assert [one.number for one in found.grounds if one.public_only] == [8]


def test_what_an_emergency_may_ease() -> None:
    eased = {name: regime.emergency for name, regime in READ.items()}
    assert eased.pop("henan") is SILENT
    assert {name: one.value for name, one in eased.items() if not isinstance(one, Absence)} == {
        "weihai": {Adjusts.SIZE},
        "xizang": {Adjusts.TIME, Adjusts.SIZE},
        "zhejiang": {Adjusts.CONDITIONS, Adjusts.SIZE},
    }


def test_days_that_are_read_and_days_that_are_named() -> None:
    read = {
        (name, duty.id)
        for name, regime in READ.items()
        for duty in regime.duties
        if duty.provision.named_by is NamedBy.READING
    }
    # 上旬 and 年底 are no days, and netting has none of its own.
    assert read == {
        ("weihai", "apply"),
        ("weihai", "clear"),
        *((name, "publish") for name in ("weihai", "xizang", "zhejiang")),
        ("henan", "net"),
    }
    in_principle = {(n, d.id) for n, regime in READ.items() for d in regime.duties if d.provision.in_principle}
    assert in_principle == {("zhejiang", "pay_out")}


def test_clearing_is_the_hospitals_by_our_reading_for_the_notices_address_the_authority() -> None:
    by = {(name, d.holder, d.holder_by) for name, regime in READ.items() for d in regime.duties if d.id == "clear"}
    assert by == {(name, "hospital", NamedBy.READING) for name in ("weihai", "xizang", "zhejiang")}


def test_the_transition_is_a_reading_of_its_own_clause() -> None:
    assert not isinstance(WEIHAI.conditions, Absence)
    [waived] = [one.waived_through for one in WEIHAI.conditions if one.waived_through is not None]
    assert (waived.value, waived.provision.clause, waived.provision.named_by) == (
        2025,
        "weihai-prepay-2025/2.2",
        NamedBy.READING,
    )


NAMED_USES = {"drug", "consumable", "construction", "debt_service", "lending"}


@pytest.mark.parametrize("place", ["weihai", "xizang", "zhejiang"])
def test_the_notices_name_five_uses_and_the_rest_is_reading(place: str) -> None:
    uses = READ[place].uses
    assert {name for name, use in uses.items() if use.provision.named_by is NamedBy.NOTICE} == NAMED_USES
    assert {name for name, use in uses.items() if use.outcome is UseOutcome.PERMITTED} == {"drug", "consumable"}


# -- a pack that says more than its text -------------------------------------------------------------------------

CHANGES: dict[str, Callable[[Regime], Regime]] = {
    "an unknown": lambda regime: replace(regime, base=UNKNOWN),
    "an unknown inside": lambda regime: replace(regime, size=replace(regime.size, largest=UNKNOWN)),
    "no clause": lambda regime: replace(regime, base=replace(regime.base, provision=without_clause(regime.base))),
    "hearsay": lambda regime: replace(regime, base=replace(regime.base, provision=reported(regime.base))),
    "a duty that may roll": lambda regime: replace(
        regime, duties=tuple(replace(duty, rolls=None) for duty in regime.duties)
    ),
    "a clause and silence": lambda regime: replace(regime, uses_silent=not regime.uses_silent),
}


def without_clause(part: object) -> object:
    return replace(part.provision, clause=None)


def reported(part: object) -> object:
    return replace(part.provision, named_by=NamedBy.REPORTED)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("place", READ)
def test_a_pack_with_its_text_at_hand_leaves_nothing_unknown(place: str, change: str) -> None:
    with pytest.raises(RulebookFault):
        check_regime(CHANGES[change](READ[place]), place)


def test_every_regime_passes_its_own_check() -> None:
    for name, editions in load_rulebook().regimes.items():
        for edition in editions:
            check_regime(edition, name)


LIAONING = load_rulebook().regime("liaoning-prepay-2024")
ASSUMED: dict[str, Callable[[Regime], Regime]] = {
    "silence": lambda regime: replace(regime, solvency=SILENT),
    "silence on uses": lambda regime: replace(regime, uses_silent=True),
    "a clause": lambda regime: replace(regime, base=replace(regime.base, provision=WEIHAI.base.provision)),
    "in principle or not": lambda regime: replace(
        regime,
        duties=tuple(replace(d, provision=replace(d.provision, in_principle=False)) for d in regime.duties),
    ),
    "a duty that doesn't roll": lambda regime: replace(
        regime, duties=tuple(replace(duty, rolls=False) for duty in regime.duties)
    ),
    "whose duty the notice says it is": lambda regime: replace(
        regime, duties=tuple(replace(duty, holder_by=NamedBy.NOTICE) for duty in regime.duties)
    ),
    "a permission": lambda regime: replace(
        regime, uses={**regime.uses, "drug": replace(regime.uses["drug"], outcome=UseOutcome.PERMITTED)}
    ),
}


@pytest.mark.parametrize("change", ASSUMED)
def test_a_pack_without_its_text_assumes_nothing(change: str) -> None:
    with pytest.raises(RulebookFault):
        check_regime(ASSUMED[change](LIAONING), "liaoning")


def test_a_place_without_text_is_no_instrument_and_has_no_clauses() -> None:
    rulebook = load_rulebook()
    assert set(rulebook.regimes) - set(rulebook.instruments) == {"liaoning-prepay-2024"}
    assert not [clause for clause in rulebook.entries if clause.startswith("liaoning")]
    assert (LIAONING.text_at_hand, LIAONING.in_force_on, LIAONING.number) == (False, None, "辽医保〔2024〕34号")
