"""At which moment a discharge counts as settled that waited for its refund, whatever happened meanwhile."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hospital_prepay.clock import FixedClock
from hospital_prepay.domain.ledger.chart import Tender
from hospital_prepay.domain.visits import VisitEventKind
from hospital_prepay.persistence.discharges import DischargeRow
from hospital_prepay.services.settlement.arrivals import Awaited, decide_again, mark_arrived
from hospital_prepay.services.settlement.board import discharges_of
from hospital_prepay.services.settlement.by_hand import WrittenDown, write_down
from tests.hospital import CASHIER, OFFICER, Hospital
from tests.services.settlement.test_arrivals import choose, fail_and_ask, ready
from tests.services.settlement.test_mended import verified
from tests.services.settlement.test_settling import AT, NO, settled

__all__ = ["ready"]
pytestmark = pytest.mark.clause("guizhou-deposit-2025/19")


@pytest.fixture
def waits(ready: Hospital, clock: FixedClock) -> Awaited:
    """A refund on its way, for which the discharge still waits."""
    choose(ready, "refund_arrived")
    clock.moment += timedelta(minutes=1)
    return Awaited(settled(ready).slips[0], 1)


def standing(hospital: Hospital) -> DischargeRow:
    [row] = [one.row for one in discharges_of(hospital.context, OFFICER, NO).records if one.row.ended_at is None]
    return row


def told(hospital: Hospital, kind: VisitEventKind, clock: FixedClock) -> None:
    clock.moment += timedelta(hours=1)
    at = AT if kind is VisitEventKind.DISCHARGE else clock.moment
    write_down(hospital.context, CASHIER, WrittenDown(NO, kind, at))


def test_what_arrived_while_the_discharge_was_taken_back_settles_it_once_it_stands_again(
    ready: Hospital, waits: Awaited, clock: FixedClock
) -> None:
    told(ready, VisitEventKind.CANCEL_DISCHARGE, clock)
    clock.moment += timedelta(hours=1)
    arrived_at = clock.moment
    mark_arrived(ready.context, OFFICER, waits, "对账单 1015-33")
    told(ready, VisitEventKind.DISCHARGE, clock)
    assert (standing(ready).stage, standing(ready).settled_at) == ("invoice", arrived_at)
    assert verified(ready) == []


def test_cash_on_a_second_way_does_so_as_well(ready: Hospital, waits: Awaited, clock: FixedClock) -> None:
    again = fail_and_ask(ready, waits, Tender.CASH)
    told(ready, VisitEventKind.CANCEL_DISCHARGE, clock)
    arrived_at = clock.moment
    decide_again(ready.context, OFFICER, again, approve=True)
    told(ready, VisitEventKind.DISCHARGE, clock)
    assert standing(ready).settled_at == arrived_at


def test_what_is_still_awaited_then_goes_on_being_awaited(ready: Hospital, waits: Awaited, clock: FixedClock) -> None:
    told(ready, VisitEventKind.CANCEL_DISCHARGE, clock)
    told(ready, VisitEventKind.DISCHARGE, clock)
    assert standing(ready).settled_at is None
    assert verified(ready) == []
    mark_arrived(ready.context, OFFICER, waits, "对账单 1015-33")
    assert standing(ready).settled_at == clock.moment


def test_by_the_document_alone_it_stays_settled_at_the_documents_moment(ready: Hospital, clock: FixedClock) -> None:
    clock.moment += timedelta(minutes=1)
    document_at = clock.moment
    sent = Awaited(settled(ready).slips[0], 1)
    told(ready, VisitEventKind.CANCEL_DISCHARGE, clock)
    mark_arrived(ready.context, OFFICER, sent, "对账单 1015-33")
    told(ready, VisitEventKind.DISCHARGE, clock)
    assert standing(ready).settled_at == document_at


@pytest.mark.parametrize("seconds", [1, -1])
def test_of_two_servers_whose_clocks_differ_the_later_moment_counts(
    ready: Hospital, waits: Awaited, clock: FixedClock, seconds: int
) -> None:
    document_at = clock.moment
    clock.moment += timedelta(seconds=seconds)
    mark_arrived(ready.context, OFFICER, waits, "对账单 1015-33")
    assert standing(ready).settled_at == max(document_at, clock.moment)
    assert verified(ready) == []
