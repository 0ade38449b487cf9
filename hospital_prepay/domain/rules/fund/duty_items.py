"""What is due in a year: the duties of each place the hospital stands in, and what its own acts led to."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from hospital_prepay.domain.calendar import WorkingDayCalendar
from hospital_prepay.domain.rules.fund.duties import Duty, duties_of_year
from hospital_prepay.domain.rules.fund.duty_states import DatedItem, GrantFact
from hospital_prepay.domain.rules.fund.readings import HolidayRoll
from hospital_prepay.domain.rules.fund.regime import DutyHolder, Fund, Regime

# House rule: whoever paid has the invoices together within this time.
INVOICES_WITHIN: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class PlaceWord:
    """What was said of a place: from ``from_year`` on the hospital ``stands`` there, or no longer does."""

    regime: str
    pool_region: str
    from_year: int
    stands: bool


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """A request to spend that waits for its payment or its invoices."""

    request_id: str
    purpose: str
    total_fen: int
    expires_on: date | None
    paid_on: date | None


def places_in_year(
    said: Iterable[PlaceWord], granted: Iterable[tuple[str, str, int]], year: int
) -> dict[str, tuple[str, ...]]:
    """The regimes that rule the hospital in ``year``, each with its pool regions.

    ``said`` are the confirmed words, oldest first; of a pair the latest that had begun by then counts. A grant
    (regime, pool region, year) is a place from its year on, unless words of the pair say otherwise.
    """
    words: dict[tuple[str, str], bool] = {}
    for one in sorted(said, key=lambda word: word.from_year):  # stable: of one year the later word counts
        if one.from_year <= year:
            words[one.regime, one.pool_region] = one.stands
    found = {pair for pair, stands in words.items() if stands}
    for regime, region, granted_in in granted:
        if granted_in == year or (granted_in < year and words.get((regime, region), True)):
            found.add((regime, region))
    regimes = sorted({regime for regime, _ in found})
    return {name: tuple(sorted(region for regime, region in found if regime == name)) for name in regimes}


def items_of_year(
    regime: Regime,
    year: int,
    calendar: WorkingDayCalendar,
    pool_regions: Collection[str],
    roll: HolidayRoll = HolidayRoll.EVERY_NON_WORKING_DAY,
) -> list[DatedItem]:
    """The notice's duties of ``year``; an application is one for each pool region and fund."""
    found = []
    for duty in duties_of_year(regime, year, calendar, roll):
        if duty.id == "apply":
            found += [_item(regime, year, duty, pool, fund.value) for pool in pool_regions for fund in Fund]
        else:
            found.append(_item(regime, year, duty))
    return found


def items_of_requests(requests: Iterable[OpenRequest]) -> list[DatedItem]:
    """Reservations about to run out, and payments whose invoices are due (house rules)."""
    found = []
    for one in requests:
        if one.paid_on is not None:
            found.append(_consequence("invoices", "补齐已付款的发票", one, one.paid_on + INVOICES_WITHIN))
        elif one.expires_on is not None:
            found.append(_consequence("reservation", "付款，或退回预留", one, one.expires_on))
    return found


def items_of_documents(grants: Iterable[GrantFact]) -> list[DatedItem]:
    """The return of each central-procurement prepayment by the day of its own document: no clause of a notice."""
    return [
        DatedItem(
            key=f"{one.regime}/return_procurement/{one.return_on.isoformat()}/{one.grant_id}",
            name="return_procurement",
            plain="归还集采专项预付",
            clause=None,
            holder=DutyHolder.HOSPITAL,
            named_on=one.return_on,
            due_on=one.return_on,
            rolls=False,
            regime=one.regime,
            year=one.return_on.year,
            pool_region=one.pool_region,
            fund=one.fund,
            grant_id=one.grant_id,
            document=one.by_document,
        )
        for one in grants
        if one.by_document and one.return_on is not None and not one.declined
    ]


def _item(regime: Regime, year: int, duty: Duty, pool: str = "", fund: str = "") -> DatedItem:
    parts = (regime.instrument, duty.id, duty.named_on.isoformat(), *((pool, fund) if fund else ()))
    return DatedItem(
        key="/".join(parts),
        name=duty.id,
        plain=duty.plain,
        clause=duty.clause,
        holder=duty.holder,
        named_on=duty.named_on,
        due_on=duty.due_on,
        rolls=duty.rolls,
        regime=regime.instrument,
        year=year,
        pool_region=pool,
        fund=fund,
    )


def _consequence(name: str, plain: str, request: OpenRequest, due_on: date) -> DatedItem:
    return DatedItem(
        key=f"request/{request.request_id}/{name}",
        name=name,
        plain=plain,
        clause=None,
        holder=DutyHolder.HOSPITAL,
        named_on=due_on,
        due_on=due_on,
        rolls=False,
        regime="",
        year=due_on.year,
        amount_fen=request.total_fen,
        subject=request.purpose,
    )
