"""The counter's stay, discharged and settled with 1,000 owing."""

from __future__ import annotations

from datetime import datetime

from hospital_prepay.clock import SHANGHAI
from hospital_prepay.domain.access import Role
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.settlement.result import ResultAmounts
from hospital_prepay.domain.rules.settlement.settling import Channel, SettlementKind
from hospital_prepay.domain.visits import VisitEventKind
from hospital_prepay.services.settlement.by_hand import WrittenDown, write_down
from hospital_prepay.services.settlement.progress import Seen, pass_on
from hospital_prepay.services.settlement.results import InsuranceResult
from hospital_prepay.services.settlement.settling import SettleStay, settle_stay
from tests.counter import STAY, Counter

AT = datetime(2026, 1, 15, 9, 30, tzinfo=SHANGHAI)


def leave_owing(counter: Counter, owed_fen: int = 100_000, **more: str) -> None:
    """Discharge and settle the stay; it has no deposit."""
    context, house = counter.house.context, counter.house
    cashier = house.actor(Role.CASHIER)
    write_down(context, cashier, WrittenDown(STAY, VisitEventKind.DISCHARGE, AT))
    for step, role in enumerate((Role.WARD, Role.BILLING_AUDITOR, Role.INSURANCE_CLERK)):
        pass_on(context, house.actor(role), Seen(STAY, step))
    amounts = ResultAmounts(300_000 + owed_fen, 300_000, owed_fen, 0, owed_fen)
    command = SettleStay(
        STAY,
        SettlementKind.DISCHARGE,
        Channel.WINDOW,
        "settle-owing",
        result=InsuranceResult("S-OWING", AT, amounts, **more),
    )
    assert settle_stay(context, cashier, command).owed == Money(owed_fen)
