"""Many at once on one account, and work that is cut off in the middle: nothing is lost, nothing is paid twice."""

from __future__ import annotations

import csv
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from hospital_prepay.domain.access import Role
from hospital_prepay.domain.errors import PrepayError
from hospital_prepay.domain.rules.outpatient.claims import Route
from hospital_prepay.services.outpatient import claim_steps, claims, payouts
from tests.hospital import Hospital, actor
from tests.services.outpatient.conftest import APPROVER, CLERK, OFFICER, PAYER, Outpatients

THREADS = 8
HEADING = ("退款单号", "金额", "结果", "银行流水号", "失败原因", "文件号")
CLERKS = (CLERK, PAYER)
BANK = {"route": Route.BANK, "bank": "某银行某支行", "card_no": "6217 0000 0000 0000 001"}


@pytest.fixture
def counted(outpatients: Outpatients) -> Outpatients:
    outpatients.census()
    return outpatients


def together(work: Callable[[int], Any]) -> tuple[list[Any], list[BaseException]]:
    """Run ``work(0)`` … ``work(7)`` at the same moment; what they returned, and what they raised."""
    start = threading.Barrier(THREADS)
    returned: list[Any] = []
    raised: list[BaseException] = []

    def run(number: int) -> None:
        start.wait()
        try:
            returned.append(work(number))
        except BaseException as error:
            raised.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not any(thread.is_alive() for thread in threads)
    return returned, raised


def answers(folder: Path, *rows: tuple[str, ...]) -> Path:
    path = folder / "answers.csv"
    with path.open("w", encoding="utf-8", newline="") as target:
        csv.writer(target).writerows([HEADING, *rows])
    return path


def test_two_clerks_on_one_account_take_one_claim(counted: Outpatients, hospital: Hospital) -> None:
    taken, raised = together(
        lambda number: counted.accept("M001", by=CLERKS[number % 2], idempotency_key=f"desk-{number}")
    )
    assert len(taken) == 1
    assert {type(error) for error in raised} <= {claims.Conflict}
    assert len(raised) == THREADS - 1
    assert hospital.count("outpatient_claim") == 1


def test_two_clerks_on_two_accounts_get_two_numbers(counted: Outpatients) -> None:
    numbers = ("M001", "M003")
    taken, _ = together(
        lambda number: counted.accept(
            numbers[number % 2], by=CLERKS[number % 2], certno="" if number % 2 else "11010519491231002X"
        )
    )
    assert len({one.refund_no for one in taken}) == len(taken) == 2


def test_eight_desks_pay_one_claim_once(counted: Outpatients, hospital: Hospital) -> None:
    claim_id = counted.confirmed()
    paid, raised = together(lambda number: payouts.pay_cash(counted.context, PAYER, claim_id, f"LK-{number}"))
    assert len(paid) == 1
    assert all(isinstance(error, PrepayError) for error in raised)
    assert counted.account("M001").balance_fen == 0
    assert hospital.count("ledger_entry", "kind = 'outpatient_refund'") == 1


def test_one_form_pressed_eight_times_pays_once_and_answers_each(counted: Outpatients, hospital: Hospital) -> None:
    claim_id = counted.confirmed()
    paid, raised = together(
        lambda number: payouts.pay_cash(counted.context, PAYER, claim_id, "LK-1", idempotency_key="the-same-form")
    )
    assert raised == []
    assert {one.state for one in paid} == {"arrived"}
    assert hospital.count("outpatient_payout") == 1


def test_a_claim_goes_into_one_bank_file(counted: Outpatients, hospital: Hospital) -> None:
    claim_id = counted.confirmed(**BANK)
    made, raised = together(
        lambda number: payouts.make_bank_file(counted.context, CLERKS[number % 2], Route.BANK, [claim_id])
    )
    assert len(made) == 1
    assert all(isinstance(error, PrepayError) for error in raised)
    assert hospital.count("outpatient_bank_file") == 1


def test_a_file_of_answers_read_by_eight_at_once_books_once(
    counted: Outpatients, hospital: Hospital, tmp_path: Path
) -> None:
    claim_id = counted.confirmed(**BANK)
    payouts.make_bank_file(counted.context, PAYER, Route.BANK, [claim_id])
    path = answers(tmp_path, (counted.claim(claim_id).refund_no, "64.50", "成功", "Y1", ""))
    told, raised = together(lambda number: payouts.take_answers(counted.context, PAYER, path, "answers.csv"))
    assert raised == []
    assert sum(one.arrived for one in told) == 1
    assert sum(one.known for one in told) == THREADS - 1
    assert hospital.count("ledger_entry", "kind = 'outpatient_refund'") == 1
    assert hospital.count("outpatient_return_file") == 1


def test_a_claim_is_confirmed_or_withdrawn_never_both(counted: Outpatients) -> None:
    accepted = counted.accept("M001").claim_id
    assert accepted
    claim_steps.review_claim(counted.context, OFFICER, accepted)

    def act(number: int) -> str:
        if number % 2:
            return claim_steps.confirm_claim(counted.context, APPROVER, accepted).state
        return claim_steps.reject_claim(counted.context, OFFICER, accepted, "重办").state

    done, _ = together(act)
    assert len(done) == 1
    assert counted.claim(accepted).state == done[0]


def test_killed_before_the_commit_a_bank_file_was_never_made(counted: Outpatients, hospital: Hospital) -> None:
    claim_id = counted.confirmed(**BANK)
    with patch.object(payouts.store, "walk_claim", side_effect=KeyboardInterrupt), pytest.raises(KeyboardInterrupt):
        payouts.make_bank_file(counted.context, PAYER, Route.BANK, [claim_id])
    assert (hospital.count("outpatient_bank_file"), counted.claim(claim_id).state) == (0, "confirmed")
    assert payouts.make_bank_file(counted.context, PAYER, Route.BANK, [claim_id]).file_no == 1


def test_killed_between_two_answers_the_file_read_again_does_the_rest(
    counted: Outpatients, hospital: Hospital, tmp_path: Path
) -> None:
    first = counted.confirmed(**BANK)
    second = counted.confirmed("M003", **{**BANK, "card_no": "6217000000000000002"}, certno="")
    made = payouts.make_bank_file(counted.context, PAYER, Route.BANK, [first, second])
    one, two = counted.claim(first).refund_no, counted.claim(second).refund_no
    path = answers(tmp_path, (one, "64.50", "成功", "Y1", ""), (two, "30.00", "成功", "Y2", ""))
    real, calls = payouts._take_answer, []

    def cut_off(*args: Any) -> str:
        calls.append(args)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(*args)

    with patch.object(payouts, "_take_answer", cut_off), pytest.raises(KeyboardInterrupt):
        payouts.take_answers(counted.context, PAYER, path, "answers.csv")
    assert [counted.claim(claim_id).state for claim_id in (first, second)] == ["arrived", "sent"]
    assert payouts.fetch_bank_file(counted.context, PAYER, made.file_no).text == made.text
    again = payouts.take_answers(counted.context, PAYER, path, "answers.csv")
    assert (again.arrived, again.known) == (1, 1)
    assert counted.account("M001").balance_fen == counted.account("M003").balance_fen == 0
    assert hospital.count("ledger_entry", "kind = 'outpatient_refund'") == 2


def test_an_answer_that_now_says_otherwise_moves_nothing_and_is_told(counted: Outpatients, tmp_path: Path) -> None:
    claim_id = counted.confirmed(**BANK)
    payouts.make_bank_file(counted.context, PAYER, Route.BANK, [claim_id])
    number = counted.claim(claim_id).refund_no
    payouts.take_answers(counted.context, PAYER, answers(tmp_path, (number, "64.50", "成功", "Y1", "")), "a")
    told = payouts.take_answers(counted.context, PAYER, answers(tmp_path, (number, "64.50", "失败", "", "退")), "b")
    assert [line.outcome for line in told.told] == ["open"]
    assert "请与银行核对" in told.told[0].words
    assert counted.account("M001").balance_fen == 0


def test_one_key_for_two_different_payments_is_refused(counted: Outpatients) -> None:
    first, second = counted.confirmed(), counted.confirmed("M003", certno="")
    payouts.pay_cash(counted.context, PAYER, first, "LK-1", idempotency_key="one-key-1")
    with pytest.raises(PrepayError, match="提交编号"):
        payouts.pay_cash(counted.context, PAYER, second, "LK-1", idempotency_key="one-key-1")
    assert counted.account("M003").balance_fen == 3000
    assert payouts.pay_cash(counted.context, actor(Role.CASHIER, "3"), second, "LK-2").state == "arrived"
