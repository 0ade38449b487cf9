"""What the home page tells of settlements: each thing once, and nothing of one's own."""

from __future__ import annotations

from datetime import datetime

import pytest

from hospital_prepay.clock import SHANGHAI, FixedClock
from hospital_prepay.domain.access import Actor
from hospital_prepay.domain.ledger.chart import Tender
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.settlement.arrears import ActKind
from hospital_prepay.services.access.home import tasks
from hospital_prepay.services.settlement.arrears_acts import AskAct, ask_act
from hospital_prepay.services.settlement.arrivals import AskAgain, Awaited, ask_again, decide_again, mark_failed
from hospital_prepay.services.settlement.assessments import Assess, approve, assess
from hospital_prepay.services.settlement.recalls import ask_recall, decide_recall
from hospital_prepay.services.settlement.relief import Draft, draft, submit
from tests.hospital import APPROVER, CASHIER, OFFICER, Hospital
from tests.services.settlement.owing import NO, leave_owing
from tests.services.settlement.test_arrivals import ACCOUNT, ready, sent

__all__ = ["ready", "sent"]


def waiting(hospital: Hospital, who: Actor) -> set[str]:
    """The kinds of tasks around settlements that somebody is told of, each of one thing."""
    found = tasks(hospital.context, who)
    assert all(task.pile.count == 1 for task in found)
    ours = {"recall", "refund_failed", "refund_again", "refund_left", "arrears_act", "relief", "assessment"}
    return {task.kind for task in found} & ours


def test_a_recall_waits_for_the_other_one(ready: Hospital, sent: Awaited) -> None:
    ask_recall(ready.context, CASHIER, "2601140001", 1, "医保退回")
    assert waiting(ready, OFFICER) == {"recall"}
    decide_recall(ready.context, OFFICER, "2601140001", 1, approve=False)
    assert waiting(ready, OFFICER) == set()


def test_a_refund_that_came_back_waits_until_it_goes_another_way(ready: Hospital, sent: Awaited) -> None:
    mark_failed(ready.context, OFFICER, sent, "账户已注销")
    assert waiting(ready, CASHIER) == {"refund_failed"}
    ask_again(ready.context, OFFICER, AskAgain(sent, Tender.TRANSFER, ACCOUNT))
    assert waiting(ready, OFFICER) == set()  # one's own waits for somebody else
    assert waiting(ready, APPROVER) == {"refund_again"}
    decide_again(ready.context, APPROVER, Awaited(sent.number, 2), approve=False, ground="联系不上")
    assert waiting(ready, OFFICER) == {"refund_failed"}


@pytest.mark.parametrize("database_urls", ["sqlite"], indirect=True)
def test_arrears_relief_and_assessments_wait_for_a_second_person(hospital: Hospital, clock: FixedClock) -> None:
    leave_owing(hospital)
    ask_act(hospital.context, OFFICER, AskAct(NO, ActKind.PROVISION, Money(100), "困难", "核实记录", "k-act-01"))
    application = draft(hospital.context, OFFICER, Draft(NO, Money(100), "急救", "急救记录", "k-relief1"))
    assert waiting(hospital, OFFICER) == set()
    assert waiting(hospital, APPROVER) == {"arrears_act", "relief"}
    submit(hospital.context, APPROVER, NO, application)
    clock.moment = datetime(2026, 4, 3, 10, tzinfo=SHANGHAI)
    number = assess(hospital.context, OFFICER, Assess("欠费集中", "当天问明", "k-assess1"))
    assert waiting(hospital, APPROVER) == {"arrears_act", "assessment"}
    approve(hospital.context, APPROVER, number)
    assert waiting(hospital, APPROVER) == {"arrears_act"}
