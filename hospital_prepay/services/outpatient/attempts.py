"""How often patients' identity may be tried on-line: by address, and by the certificate number that is tried.

A number counts whether anybody has it or not, so that a refusal tells nothing. Counters stand in the database under
keyed hashes: neither a restart nor a second worker begins anew, and nobody reads addresses or numbers from them.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from hospital_prepay.domain.access import Actor
from hospital_prepay.domain.rules.outpatient.online import told_number
from hospital_prepay.persistence import outpatient_attempts as store
from hospital_prepay.services.context import Context

_FORGOTTEN_AFTER: Final = timedelta(days=2)
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Limit:
    """So many attempts within a time; one more waits until it has passed."""

    scope: str
    most: int
    within: timedelta


# Families and mobile networks share an address, so it bears more than a number, which people try for themselves.
BY_ADDRESS: Final = Limit("address", 30, _HOUR)
BY_NUMBER: Final = Limit("number", 5, _HOUR)
BY_NUMBER_A_DAY: Final = Limit("number_day", 10, _DAY)
BOOKINGS: Final = Limit("booking", 10, _HOUR)
# Behind a proxy that doesn't say for whom it speaks, one address is everybody.
EVERYBODY: Final = 20


def may_try(context: Context, actor: Actor, certno: str, *, books: bool = False) -> bool:
    """Count one attempt and tell whether it is still allowed. It counts all the same when it isn't, and the first
    beyond a limit is written to the audit trail."""
    place, number = network(actor.address), told_number(certno)
    limits = [(BY_ADDRESS, place), (BY_NUMBER, number), (BY_NUMBER_A_DAY, number)]
    limits += [(BOOKINGS, place)] if books else []
    with context.work(actor, "outpatient.try_online", "outpatient_online") as work:
        store.drop_attempts(work.connection, work.institution_id, work.now - _FORGOTTEN_AFTER)
        beyond = []
        for limit, key in sorted(limits, key=lambda one: one[0].scope):
            field = f"outpatient_attempt.{limit.scope}"
            hashed = context.keyed_hash.digest(key, institution=work.institution_id, field=field)
            scope, own = limit.scope, work.institution_id
            count = store.count_attempt(work.connection, own, scope, hashed, work.now, limit.within)
            most = limit.most * EVERYBODY if key == place and stands_for_all(place) else limit.most
            if count > most:
                beyond.append((scope, count == most + 1))
        if any(first for _, first in beyond):
            work.audit(outcome="refused", detail={"limits": [scope for scope, _ in beyond]})
    return not beyond


def stands_for_all(place: str) -> bool:
    """Whether an address is that of the machine itself, where only a proxy or somebody at its console asks from."""
    try:
        return ipaddress.ip_address(place).is_loopback
    except ValueError:
        return False


def network(address: str) -> str:
    """Whom an address stands for: itself, or of IPv6 the /64 that one line has."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if found.version == 6 and found.ipv4_mapped is None:
        return str(ipaddress.ip_network((found, 64), strict=False))
    return str(found)
