"""Discharges that go all the way to their settlement, at times a test chooses."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from hospital_prepay.clock import FixedClock
from hospital_prepay.domain.access import Actor, Role
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.settlement.settling import Channel, SettlementKind
from hospital_prepay.services.context import Context
from hospital_prepay.services.settlement.intake import feed, take_hl7
from hospital_prepay.services.settlement.progress import Seen, pass_on
from hospital_prepay.services.settlement.settling import SettleStay, settle_stay
from tests.admissions import raw
from tests.hospital import INSTITUTION, actor

STEPS = (Role.WARD, Role.BILLING_AUDITOR, Role.INSURANCE_CLERK)
_FORMAT = "%Y%m%d%H%M%S"


def discharged(
    context: Context, clock: FixedClock, stay_no: str, at: datetime, institution_id: str = INSTITUTION, **said: Any
) -> None:
    """A discharge at a moment, told at once; insured, of its own patient."""
    clock.moment = at
    told = {"certificate": "", "patient": stay_no, "admitted": f"{at - timedelta(days=5):{_FORMAT}}", **said}
    message = raw("A03", visit=stay_no, at=f"{at:{_FORMAT}}", discharged=f"{at:{_FORMAT}}", **told)
    take_hl7(context, feed(institution_id, "mllp"), message, "mllp")


def pass_to_cashier(context: Context, stay_no: str, *people: Actor) -> None:
    """Ward, billing audit and insurance office do their parts."""
    for step, who in enumerate(people or [actor(role) for role in STEPS]):
        pass_on(context, who, Seen(stay_no, step))


def settled(
    context: Context,
    clock: FixedClock,
    stay_no: str,
    at: datetime,
    hours: float,
    *,
    channel: Channel = Channel.WINDOW,
    cashier: Actor | None = None,
    people: tuple[Actor, ...] = (),
    **said: Any,
) -> None:
    """A discharge that is settled so many hours later; until half an hour before it lies with the ward."""
    discharged(context, clock, stay_no, at, **said)
    clock.moment = at + timedelta(hours=hours) - timedelta(minutes=30)
    pass_to_cashier(context, stay_no, *people)
    clock.moment = at + timedelta(hours=hours)
    command = SettleStay(
        stay_no, SettlementKind.DISCHARGE, channel, f"settle-{stay_no}", self_pay_total=Money(100_000)
    )
    answer = settle_stay(context, cashier or actor(Role.CASHIER), command)
    assert answer.number, answer.decision
