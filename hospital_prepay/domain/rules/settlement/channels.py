"""What article 20 wants done in the ward or online, with windows kept open: five things, each by channel."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from hospital_prepay.domain.access import Actor, Role
from hospital_prepay.domain.clauses import house_rule
from hospital_prepay.domain.rules.settlement.settling import Channel


class Service(StrEnum):
    """The five things."""

    ADMISSION = "admission"
    REGISTRATION = "registration"
    PAYMENT = "payment"
    QUERY = "query"
    SETTLEMENT = "settlement"

    @property
    def label(self) -> str:
        """The words on screens."""
        return SERVICE_LABELS[self]


SERVICE_LABELS: Final = {
    Service.ADMISSION: "入院登记",
    Service.REGISTRATION: "医保登记",
    Service.PAYMENT: "支付",
    Service.QUERY: "查询",
    Service.SETTLEMENT: "结算",
}
# What other systems do and report; the rest this program counts itself.
REPORTED: Final = (Service.ADMISSION, Service.REGISTRATION, Service.QUERY)


@house_rule
def in_ward_or_online(numbers: dict[Channel, int]) -> tuple[int, int]:
    """How many were done in the ward or online, and how many in all."""
    whole = sum(numbers.values())
    return whole - numbers.get(Channel.WINDOW, 0), whole


@house_rule
def usual_channel(actor: Actor) -> Channel:
    """Where somebody does it unless they say otherwise: another system online, a ward at the bedside, others at the
    window."""
    if actor.is_system:
        return Channel.ONLINE
    return Channel.BEDSIDE if Role.WARD in actor.roles else Channel.WINDOW
