"""What waits for the person who just signed in, and the table in force for everybody."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import hospital_prepay.persistence.queries.outpatient_waiting as outpatient
import hospital_prepay.persistence.queries.settlement_waiting as settlement
import hospital_prepay.persistence.queries.waiting as queries
from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.rules.settlement.stages import OWNERS
from hospital_prepay.persistence import escalations
from hospital_prepay.persistence.queries.waiting import Pile, PublishedTable
from hospital_prepay.services.context import Context


@dataclass(frozen=True, slots=True)
class Task:
    """Things of one kind that wait for a decision; ``about`` says how much is at stake."""

    kind: str
    pile: Pile
    about: str = ""


# Kind, the permission that decides it (one of several), and how to count it for one person.
_KINDS: Final[tuple[tuple[str, Permission | tuple[Permission, ...], Callable[..., Pile]], ...]] = (
    ("fund_recall", (Permission.FUND_ASK, Permission.FUND_RECORD), queries.recalls_standing),
    ("slip", Permission.SLIP_APPROVE, queries.slips_of_others),
    ("draft", Permission.CAPS_APPROVE, queries.drafts_of_others),
    ("rules", Permission.RULES_APPROVE, queries.rules_of_others),
    ("named", Permission.CASES_IMPORT, queries.similar_named_by_others),
    ("fund_approval", Permission.FUND_RECORD, queries.approvals_to_record),
    ("fund_receive", Permission.FUND_APPLY, queries.receipts_to_book),
    ("fund_plan", Permission.FUND_RETURN, queries.plans_to_repay),
    ("fund_agree", Permission.FUND_AGREE, queries.payments_to_agree),
    ("fund_reserve", Permission.FUND_RESERVE, queries.payments_to_reserve),
    ("fund_pay", Permission.FUND_PAY, queries.payments_to_make),
    ("fund_prove", Permission.FUND_PAY, queries.payments_to_prove),
    ("fund_loss", Permission.FUND_RECORD, queries.losses_to_confirm),
    ("fund_offset", Permission.FUND_RECORD, queries.offsets_to_confirm),
    ("fund_correction", Permission.FUND_RECORD, queries.corrections_to_approve),
    ("fund_month", Permission.FUND_RECORD, queries.months_to_check),
    ("fund_members", Permission.FUND_RESERVE, queries.distributions_to_decide),
    ("fund_register", Permission.FUND_RECORD, queries.members_to_confirm),
    ("fund_place", Permission.FUND_RECORD, queries.places_to_confirm),
    ("outpatient_online", Permission.OUTPATIENT_ACCEPT, outpatient.requests_to_accept),
    ("outpatient_review", Permission.OUTPATIENT_REVIEW, outpatient.claims_to_review),
    ("outpatient_confirm", Permission.OUTPATIENT_APPROVE, outpatient.claims_to_confirm),
    ("outpatient_cash", Permission.OUTPATIENT_PAY, outpatient.claims_to_pay),
    ("outpatient_bank", Permission.OUTPATIENT_PAY, outpatient.claims_to_send),
    ("outpatient_failed", Permission.OUTPATIENT_PAY, outpatient.claims_that_failed),
    ("outpatient_contradicted", Permission.OUTPATIENT_APPROVE, outpatient.claims_contradicted),
    ("outpatient_returned", Permission.OUTPATIENT_PAY, outpatient.claims_said_returned),
    ("outpatient_overpaid", Permission.OUTPATIENT_PAY, outpatient.overpayments_to_recover),
    ("outpatient_sent", Permission.OUTPATIENT_PAY, outpatient.claims_on_their_way),
    ("outpatient_import", Permission.OUTPATIENT_CONFIRM, outpatient.imports_to_confirm),
    ("outpatient_correction", Permission.OUTPATIENT_CONFIRM, outpatient.corrections_to_decide),
    ("outpatient_owner", Permission.OUTPATIENT_CONFIRM, outpatient.owners_to_decide),
    ("outpatient_people", Permission.OUTPATIENT_CONFIRM, outpatient.pairs_to_decide),
    ("outpatient_release", Permission.OUTPATIENT_CONFIRM, outpatient.campaigns_to_release),
    ("outpatient_submit", Permission.OUTPATIENT_FILE, outpatient.filings_to_submit),
    ("outpatient_filed", Permission.OUTPATIENT_CONFIRM, outpatient.filings_to_acknowledge),
    ("outpatient_freeze", Permission.OUTPATIENT_FILE, outpatient.batches_to_freeze),
    ("outpatient_part", Permission.OUTPATIENT_REVIEW, outpatient.batches_to_review),
    ("outpatient_remit", Permission.OUTPATIENT_REMIT, outpatient.batches_to_remit),
    ("outpatient_advances", Permission.OUTPATIENT_CONFIRM, outpatient.advances_to_submit),
    *((f"discharge_{one.value}", OWNERS[one], escalations.lying_with(one)) for one in escalations.STAGES),
    ("discharge_head", Permission.SETTLEMENT_MANAGE, escalations.very_late),
    ("excuse", Permission.SETTLEMENT_MANAGE, escalations.excuses_of_others),
    ("take_back", Permission.SETTLEMENT_MANAGE, settlement.take_backs_of_others),
    ("recall", Permission.SETTLEMENT_MANAGE, settlement.recalls_of_others),
    ("to_recall", Permission.SETTLEMENT_SETTLE, settlement.settlements_to_recall),
    ("refund_failed", (Permission.SETTLEMENT_MANAGE, Permission.SETTLEMENT_SETTLE), settlement.refunds_that_failed),
    ("refund_again", Permission.SETTLEMENT_MANAGE, settlement.refunds_to_send_again),
    ("refund_left", Permission.SETTLEMENT_MANAGE, settlement.left_to_pay),
    ("arrears_act", Permission.SETTLEMENT_MANAGE, settlement.arrears_acts_of_others),
    ("relief", Permission.SETTLEMENT_MANAGE, settlement.relief_of_others),
    ("assessment", Permission.SETTLEMENT_MANAGE, settlement.assessments_of_others),
)


def tasks(context: Context, actor: Actor) -> list[Task]:
    """What the person may decide now; what they made themselves waits for somebody else."""
    with context.database.reading() as connection:
        found = [
            Task(kind, count(connection, actor.institution_id, actor.actor_id))
            for kind, permission, count in _KINDS
            if any(actor.may(one) for one in (permission if isinstance(permission, tuple) else (permission,)))
        ]
        may_approve = actor.may(Permission.OUTPATIENT_APPROVE)
        if may_approve or actor.may(Permission.OUTPATIENT_FILE):
            who = (actor.institution_id, actor.actor_id)
            stale = outpatient.batches_to_make_anew(connection, *who, may_undo=may_approve)
            found.append(Task("outpatient_stale", stale))
            found.append(Task("outpatient_stranded", outpatient.batches_stranded(connection, actor.institution_id)))
        if actor.may(Permission.USERS_MANAGE):
            found.append(Task("staff_wanted", outpatient.batches_stranded(connection, actor.institution_id)))
        if may_approve:
            own, today = (actor.institution_id, actor.actor_id), context.clock.today()
            found.append(Task("outpatient_approve", outpatient.batches_to_approve(connection, *own, today)))
        if actor.may(Permission.CAPS_PUBLISH):
            found.append(Task("publish", queries.tables_to_publish(connection, actor.institution_id)))
    return [task for task in found if task.pile.count]


def outpatient_tasks(context: Context, actor: Actor) -> list[Task]:
    """What of :func:`tasks` is of outpatients' money."""
    return [task for task in tasks(context, actor) if task.kind.startswith("outpatient_")]


def own_requests(context: Context, actor: Actor) -> Pile | None:
    """What the person asked to pay from the fund and others are at; ``None`` when nothing is, or never may be."""
    if not actor.may(Permission.FUND_ASK):
        return None
    with context.database.reading() as connection:
        found = queries.own_requests(connection, actor.institution_id, actor.actor_id)
    return found if found.count else None


def table_in_force(context: Context, institution_id: str) -> PublishedTable | None:
    """The cap table patients can look up today."""
    with context.database.reading() as connection:
        return queries.table_in_force(connection, institution_id, context.clock.today())
