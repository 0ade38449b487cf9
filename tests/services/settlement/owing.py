"""A stay that owes 1,000 after its settlement, for the tests of what is done about it."""

from __future__ import annotations

from hospital_prepay.domain.ledger.chart import Tender
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.settlement.arrears import ActKind
from hospital_prepay.domain.rules.settlement.result import ResultAmounts
from hospital_prepay.services.inpatient.deposits import CollectDeposit, collect_deposit
from hospital_prepay.services.settlement.arrears_acts import AskAct, DecideAct, ask_act, decide_act
from hospital_prepay.services.settlement.settling import settle_stay
from hospital_prepay.services.settlement.slips import PayArrears, TopUp, pay_arrears
from tests.hospital import APPROVER, CASHIER, OFFICER, Hospital
from tests.services.settlement.test_settling import NO, command, hand_over, result

OWED = 100_000


def leave_owing(hospital: Hospital, **more: str) -> Hospital:
    """A settlement whose cash part is 3,000 beside a deposit of 2,000."""
    hospital.admit()
    taken = CollectDeposit(NO, Money(200_000), Tender.CASH, "c-owing")
    assert collect_deposit(hospital.context, CASHIER, taken).receipt_no
    hand_over(hospital)
    answer = settle_stay(
        hospital.context,
        CASHIER,
        command(result=result(ResultAmounts(600_000, 300_000, 300_000, 0, 300_000), **more)),
    )
    assert answer.owed == Money(OWED)
    return hospital


def ask(hospital: Hospital, kind: ActKind, fen: int, key: str = "", **more: str) -> str:
    """Ask for an act as the officer."""
    said = {"ground": "多次联系没有结果", "evidence": "催缴记录 3 次", **more}
    return ask_act(
        hospital.context, OFFICER, AskAct(NO, kind, Money(fen), **said, idempotency_key=key or f"ask-{kind}-{fen}")
    )


def decide(hospital: Hospital, act_id: str, approve: bool = True, answer: str = "同意") -> None:
    """Decide it as the approver."""
    decide_act(hospital.context, APPROVER, DecideAct(NO, act_id, approve, answer, f"decide-{act_id}"))


def do(hospital: Hospital, kind: ActKind, fen: int, key: str = "") -> None:
    """Ask and decide."""
    decide(hospital, ask(hospital, kind, fen, key))


def pay(hospital: Hospital, fen: int, key: str) -> str:
    """Pay in cash towards what is owed."""
    return pay_arrears(hospital.context, CASHIER, PayArrears(NO, TopUp(Money(fen), Tender.CASH), key))
