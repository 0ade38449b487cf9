"""What waits around settlements for a second person, or for whoever comes first: the figures of the home page."""

from __future__ import annotations

import sqlalchemy as sa

from hospital_prepay.persistence.models.arrears import ArrearsAct, ReliefApplication, RiskAssessment
from hospital_prepay.persistence.models.settlement import Discharge, SettlementRow
from hospital_prepay.persistence.models.settlement_refunds import RefundArrival, UnclaimedDeposit
from hospital_prepay.persistence.models.settlement_watch import TakeBack
from hospital_prepay.persistence.queries.waiting import Pile, pile
from hospital_prepay.persistence.take_backs import of_discharge, stands


def recalls_of_others(connection: sa.Connection, institution_id: str, person: str) -> Pile:
    """Recalls of settlements that somebody else asked for."""
    return pile(
        connection,
        SettlementRow.recall_asked_at,
        SettlementRow.institution_id == institution_id,
        SettlementRow.recall_asked_at.is_not(None),
        SettlementRow.recalled_at.is_(None),
        SettlementRow.recall_asked_by != person,
    )


def take_backs_of_others(connection: sa.Connection, institution_id: str, person: str) -> Pile:
    """Late discharges that stand and somebody else asks to take back."""
    return pile(
        connection,
        TakeBack.asked_at,
        TakeBack.institution_id == institution_id,
        TakeBack.state == "asked",
        TakeBack.asked_by != person,
        sa.exists().where(*of_discharge(), stands()),
    )


def settlements_to_recall(connection: sa.Connection, institution_id: str, _person: str) -> Pile:
    """Settlements that stand though their discharge was taken back, and whose recall nobody asked for."""
    return pile(
        connection,
        SettlementRow.settled_at,
        SettlementRow.institution_id == institution_id,
        SettlementRow.recalled_at.is_(None),
        SettlementRow.recall_asked_at.is_(None),
        sa.exists().where(
            Discharge.institution_id == SettlementRow.institution_id,
            Discharge.stay_no == SettlementRow.stay_no,
            Discharge.discharged_at == SettlementRow.discharged_at,
            Discharge.ended_at.is_not(None),
        ),
    )


def refunds_that_failed(connection: sa.Connection, institution_id: str, _person: str) -> Pile:
    """Refunds that came back and go nowhere yet: of their slip no other attempt is at work or was better."""
    later = sa.orm.aliased(RefundArrival)
    again = sa.select(sa.literal(1)).where(
        later.institution_id == RefundArrival.institution_id,
        later.book == RefundArrival.book,
        later.serial == RefundArrival.serial,
        later.attempt_no > RefundArrival.attempt_no,
        later.state != "dropped",
    )
    return pile(
        connection,
        RefundArrival.known_at,
        RefundArrival.institution_id == institution_id,
        RefundArrival.state == "failed",
        ~sa.exists(again),
    )


def refunds_to_send_again(connection: sa.Connection, institution_id: str, person: str) -> Pile:
    """Refunds that somebody else asked to send another way."""
    return pile(
        connection,
        RefundArrival.asked_at,
        RefundArrival.institution_id == institution_id,
        RefundArrival.state == "asked",
        RefundArrival.asked_by != person,
    )


def left_to_pay(connection: sa.Connection, institution_id: str, person: str) -> Pile:
    """What an heir asked for, taken down by somebody else."""
    return pile(
        connection,
        UnclaimedDeposit.asked_at,
        UnclaimedDeposit.institution_id == institution_id,
        UnclaimedDeposit.state == "asked",
        UnclaimedDeposit.asked_by != person,
    )


def arrears_acts_of_others(connection: sa.Connection, institution_id: str, person: str) -> Pile:
    """Provisions and write-offs that somebody else asked for."""
    return pile(
        connection,
        ArrearsAct.asked_at,
        ArrearsAct.institution_id == institution_id,
        ArrearsAct.state == "waiting",
        ArrearsAct.asked_by != person,
    )


def relief_of_others(connection: sa.Connection, institution_id: str, person: str) -> Pile:
    """Applications to the emergency relief fund that somebody else drafted."""
    return pile(
        connection,
        ReliefApplication.made_at,
        ReliefApplication.institution_id == institution_id,
        ReliefApplication.state == "draft",
        ReliefApplication.made_by != person,
    )


def assessments_of_others(connection: sa.Connection, institution_id: str, person: str) -> Pile:
    """Risk assessments that somebody else wrote."""
    return pile(
        connection,
        RiskAssessment.assessed_at,
        RiskAssessment.institution_id == institution_id,
        RiskAssessment.approved_by.is_(None),
        RiskAssessment.assessed_by != person,
    )
