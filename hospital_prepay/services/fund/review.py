"""Reading the fund for its pages: a grant or a request with everything that belongs to it, and who may go on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from hospital_prepay.domain.access import GRANTS, Actor, Permission
from hospital_prepay.domain.decision import Decision
from hospital_prepay.domain.rules.fund.spending import spend
from hospital_prepay.domain.rules.fund.uses import UseLine
from hospital_prepay.persistence import decisions, fund_recalls, users
from hospital_prepay.persistence import fund_applications as kept
from hospital_prepay.persistence import fund_evidence as invoices
from hospital_prepay.persistence import funds as store
from hospital_prepay.persistence.fund_applications import ApplicationRow, EmergencyRow, ModuleRow, ProcurementRow
from hospital_prepay.persistence.fund_evidence import Invoice
from hospital_prepay.persistence.fund_recalls import RecallState, Slip
from hospital_prepay.persistence.funds import GrantState, LineState, RequestState
from hospital_prepay.persistence.queries import funds as queries
from hospital_prepay.persistence.queries import people
from hospital_prepay.persistence.queries.funds import GrantEntry, SameOrder
from hospital_prepay.services.context import Context
from hospital_prepay.services.fund.predecessors import owed_predecessor
from hospital_prepay.services.fund.spendable import closed_since
from hospital_prepay.services.fund.spending import batch_of, spend_facts

__all__ = ["GrantEntry", "GrantState", "Invoice", "LineState", "RecallState", "RequestState"]

# Who takes the next step of a grant and of a request, by state.
GRANT_STEPS: Final = {
    "applied": Permission.FUND_RECORD,
    "approved": Permission.FUND_APPLY,
    "withheld": Permission.FUND_RECORD,
    "received": Permission.FUND_RETURN,
}
REQUEST_STEPS: Final = {
    "asked": Permission.FUND_AGREE,
    "department": Permission.FUND_RESERVE,
    "reserved": Permission.FUND_PAY,
    "paid": Permission.FUND_PAY,
}
# What a ground of recall stops.
STOPPED_STEPS: Final = frozenset({"department", "reserved"})


@dataclass(frozen=True, slots=True)
class Turn:
    """Whose step is next: the permission it takes, who holds it, and who may not for having taken an earlier one."""

    permission: Permission
    holders: tuple[str, ...]
    barred: frozenset[str]


@dataclass(frozen=True, slots=True)
class GrantDetail:
    """One grant with its requests (newest first) and entries (oldest first); ``stands`` is the ground of recall, if
    any; ``names`` of people by id.

    ``application`` is ``None`` for a grant from before applications were kept and for a procurement prepayment, which
    has its ``procurement`` document instead; ``emergencies`` are those of its place and year. ``to_net`` is the owed
    grant of the year before that an approved one is to be netted against, where the place nets; ``slips`` are the
    bank's, by entry.
    """

    grant: GrantState
    requests: list[RequestState]
    entries: list[GrantEntry]
    turn: Turn | None
    stands: RecallState | None
    names: Mapping[str, str]
    application: ApplicationRow | None
    procurement: ProcurementRow | None
    module: list[ModuleRow]
    emergencies: list[EmergencyRow]
    to_net: GrantState | None
    slips: Mapping[int, Slip]


@dataclass(frozen=True, slots=True)
class RequestDetail:
    """One request with its lines, invoices and entries, and the decision it was written down with; ``slips`` are the
    bank's, by entry; ``same_orders`` what other requests ask for under the same order and code."""

    request: RequestState
    grant: GrantState
    lines: list[LineState]
    same_orders: list[SameOrder]
    invoices: list[Invoice]
    entries: list[GrantEntry]
    slips: Mapping[int, Slip]
    decision: Decision
    turn: Turn | None
    stands: RecallState | None
    names: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class FundOverview:
    """Every grant and every request; ``stands``: the ground of recall that stops spending, by place."""

    grants: list[GrantState]
    requests: list[RequestState]
    stands: Mapping[str, RecallState]
    names: Mapping[str, str]


def fund_overview(context: Context, actor: Actor) -> FundOverview:
    """All of it, newest first. Needs ``fund.view``."""
    actor.require(Permission.FUND_VIEW)
    with context.database.reading() as connection:
        own = actor.institution_id
        return FundOverview(
            grants=store.grants(connection, own),
            requests=store.requests(connection, own),
            stands=fund_recalls.standing_by_place(connection, own),
            names=people.names(connection, own),
        )


def read_grant(context: Context, actor: Actor, grant_id: str) -> GrantDetail:
    """One grant. Needs ``fund.view``. Raises :class:`NotFound`."""
    actor.require(Permission.FUND_VIEW)
    with context.database.reading() as connection:
        own = actor.institution_id
        grant = store.read_grant(connection, own, grant_id)
        found = [one for one in store.requests(connection, own) if one.grant_id == grant_id]
        staff = users.all_of(connection, own)
        return GrantDetail(
            grant=grant,
            requests=found,
            entries=queries.grant_entries(connection, own, grant_id),
            turn=_turn(staff, GRANT_STEPS.get(grant.state), grant_barred(grant)),
            stands=fund_recalls.standing(connection, own, grant.regime),
            names=people.names(connection, own),
            application=kept.application_of(connection, own, grant.decision_id),
            procurement=kept.procurements(connection, own).get(grant_id),
            module=kept.module_steps(connection, own, grant_id),
            emergencies=[
                one
                for one in kept.emergencies(connection, own)
                if (one.regime, one.year) == (grant.regime, grant.year) and one.recorded_by != grant.applied_by
            ],
            to_net=owed_predecessor(fund_recalls.grants_of(connection, own, grant.regime), grant)
            if grant.state == "approved"
            else None,
            slips=fund_recalls.slips(connection, own),
        )


def read_request(context: Context, actor: Actor, request_id: str) -> RequestDetail:
    """One request. Needs ``fund.view``. Raises :class:`NotFound`."""
    actor.require(Permission.FUND_VIEW)
    with context.database.reading() as connection:
        own = actor.institution_id
        request = store.read_request(connection, own, request_id)
        entries = queries.grant_entries(connection, own, request.grant_id)
        staff = users.all_of(connection, own)
        grant = store.read_grant(connection, own, request.grant_id)
        return RequestDetail(
            request=request,
            grant=grant,
            lines=store.lines_of(connection, own, request_id),
            same_orders=queries.same_orders(connection, own, request_id),
            invoices=invoices.invoices_of(connection, own, request_id),
            entries=[one for one in entries if one.source == f"fund_request:{request_id}"],
            slips=fund_recalls.slips(connection, own),
            decision=decisions.find(connection, own, request.decision_id)[0],
            turn=_turn(staff, REQUEST_STEPS.get(request.state), request_barred(request)),
            stands=fund_recalls.standing(connection, own, grant.regime),
            names=people.names(connection, own),
        )


def preview_payment(context: Context, actor: Actor, grant_id: str, lines: tuple[UseLine, ...]) -> Decision:
    """What a request of these lines would get; nothing is written down. Needs ``fund.ask``."""
    actor.require(Permission.FUND_ASK)
    with context.database.reading() as connection:
        grant = store.read_grant(connection, actor.institution_id, grant_id)
        stands = fund_recalls.standing(connection, actor.institution_id, grant.regime)
        batch = batch_of(connection, actor.institution_id, grant)
        closed = closed_since(connection, actor.institution_id, grant, context.clock.today())
    facts = replace(spend_facts(grant, lines, stands, batch), closed_since=closed)
    return spend(facts, context.rule_version)


def grant_barred(grant: GrantState) -> frozenset[str]:
    """Who may not take the grant's next step."""
    return frozenset({grant.applied_by}) if grant.state == "applied" else frozenset()


def request_barred(request: RequestState) -> frozenset[str]:
    """Who may not take the request's next step, having taken an earlier one."""
    earlier = {
        "asked": (request.asked_by,),
        "department": (request.asked_by, request.department_by),
        "reserved": (request.finance_by,),
    }
    return frozenset(one for one in earlier.get(request.state, ()) if one)


def _turn(staff: list[users.UserRow], permission: Permission | None, barred: frozenset[str]) -> Turn | None:
    if permission is None:
        return None
    able = [one for one in staff if one.is_active and any(permission in GRANTS[role] for role in one.roles)]
    return Turn(permission, tuple(one.user_id for one in able if one.user_id not in barred), barred)
