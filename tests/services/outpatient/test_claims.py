"""Claims walk past three people and are paid once, whatever happens on the way."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import sqlalchemy as sa

from hospital_prepay.domain.access import Role
from hospital_prepay.domain.errors import Conflict, MalformedInput, SecondPersonRequired
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.outpatient.claims import Claimant, Paper, Route
from hospital_prepay.persistence import outpatient_claims as store
from hospital_prepay.services.outpatient import claim_review, payouts
from hospital_prepay.services.outpatient.claim_steps import (
    confirm_claim,
    redirect_claim,
    reject_claim,
    review_claim,
    withdraw_claim,
)
from hospital_prepay.services.outpatient.claims import ShownPaper
from tests.hospital import INSTITUTION, actor
from tests.services.outpatient.conftest import APPROVER, CLERK, OFFICER, OWN, PAYER, ROWS, Outpatients

CARD = "6217 0000 0000 0000 001"
BANK = {"route": Route.BANK, "bank": "某银行某支行", "card_no": CARD}


@pytest.fixture
def counted(outpatients: Outpatients) -> Outpatients:
    outpatients.census()
    return outpatients


def answers(folder: Path, *rows: tuple[str, ...]) -> Path:
    path = folder / "answers.csv"
    with path.open("w", encoding="utf-8", newline="") as target:
        csv.writer(target).writerows([("退款单号", "金额", "结果", "银行流水号", "失败原因", "文件号"), *rows])
    return path


def test_cash_past_three_people_empties_the_account_once(counted: Outpatients) -> None:
    claim_id = counted.confirmed()
    done = payouts.pay_cash(counted.context, PAYER, claim_id, "LK-1")
    assert done.state == "arrived"
    account = counted.account("M001")
    assert (account.balance_fen, account.state) == (0, "refunded")
    with pytest.raises(Conflict):
        payouts.pay_cash(counted.context, PAYER, claim_id, "LK-1")
    assert not counted.accept("M001").decision.permitted


def test_the_same_person_takes_no_two_steps(counted: Outpatients) -> None:
    officer = counted.accept("M001", by=OFFICER).claim_id
    assert officer
    with pytest.raises(SecondPersonRequired):
        review_claim(counted.context, OFFICER, officer)
    other = actor(Role.FINANCE_OFFICER, "2")
    review_claim(counted.context, other, officer)
    confirm_claim(counted.context, APPROVER, officer)
    with pytest.raises(SecondPersonRequired):
        payouts.pay_cash(counted.context, other, officer, "LK-1")


def test_one_open_claim_an_account(counted: Outpatients) -> None:
    counted.accept("M001")
    with pytest.raises(Conflict, match="已经有一笔退款在办"):
        counted.accept("M001")


def test_the_same_request_twice_is_one_claim(counted: Outpatients) -> None:
    first = counted.accept("M001", idempotency_key="k")
    assert counted.accept("M001", idempotency_key="k").claim_id == first.claim_id


def test_missing_papers_are_named_and_nothing_is_taken(counted: Outpatients) -> None:
    refused = counted.accept("M001", claimant=Claimant.HEIR, papers=(ShownPaper(Paper.HEIR_ID),))
    assert refused.claim_id is None
    assert [one.code for one in refused.decision.reasons] == ["missing_death", "missing_kinship"]
    assert counted.accept("M001").claim_id


def test_another_persons_number_is_refused(counted: Outpatients) -> None:
    refused = counted.accept("M001", certno="52010219900101123X")
    assert [one.code for one in refused.decision.reasons] == ["another_person"]


def test_a_bank_file_moves_nothing_until_the_bank_answers(counted: Outpatients, tmp_path: Path) -> None:
    claim_id = counted.confirmed(**BANK)
    made = payouts.make_bank_file(counted.context, PAYER, Route.BANK, [claim_id])
    assert counted.account("M001").balance_fen == 6450
    assert "6217000000000000001" in made.text
    with pytest.raises(Conflict):
        payouts.make_bank_file(counted.context, PAYER, Route.BANK, [claim_id])
    assert payouts.fetch_bank_file(counted.context, PAYER, made.file_no).text == made.text
    number = counted.claim(claim_id).refund_no
    path = answers(tmp_path, (number, "64.50", "成功", "YH1", ""))
    first = payouts.take_answers(counted.context, PAYER, path, "answers.csv")
    assert (first.arrived, first.failed, first.known) == (1, 0, 0)
    again = payouts.take_answers(counted.context, PAYER, path, "answers.csv")
    assert (again.arrived, again.known) == (0, 1)
    assert counted.account("M001").balance_fen == 0


def test_a_proxy_is_paid_on_the_patients_own_account(counted: Outpatients) -> None:
    papers = (ShownPaper(Paper.PATIENT_ID), ShownPaper(Paper.PROXY_ID), ShownPaper(Paper.PROXY_LETTER))
    claim_id = counted.confirmed(**BANK, claimant=Claimant.PROXY, claimant_name="郑代办", papers=papers)
    made = payouts.make_bank_file(counted.context, PAYER, Route.BANK, [claim_id])
    assert ("吴甲" in made.text, "郑代办" in made.text) == (True, False)


@pytest.mark.parametrize("word", ["没退成", "退回", "已退回", "退汇", "失败"])
def test_the_banks_words_for_failed_are_understood_with_their_reason(
    counted: Outpatients, tmp_path: Path, word: str
) -> None:
    claim_id = counted.confirmed(**BANK)
    made = payouts.make_bank_file(counted.context, PAYER, Route.BANK, [claim_id])
    assert ",现金,M001," in made.text
    path = tmp_path / "told.csv"
    number = counted.claim(claim_id).refund_no
    path.write_text(f"退款单号,金额,结果,原因\n{number},64.50,{word},户名不符\n", "utf-8")
    assert payouts.take_answers(counted.context, PAYER, path, "told.csv").failed == 1
    with counted.context.database.reading() as connection:
        [attempt] = store.payouts_of(connection, INSTITUTION, claim_id)
    assert attempt.failure == "户名不符"


def test_a_failed_refund_is_sent_again_under_its_number(counted: Outpatients, tmp_path: Path) -> None:
    claim_id = counted.confirmed(**BANK)
    payouts.make_bank_file(counted.context, PAYER, Route.BANK, [claim_id])
    number = counted.claim(claim_id).refund_no
    payouts.take_answers(counted.context, PAYER, answers(tmp_path, (number, "64.50", "失败", "", "户名不符")), "a")
    assert counted.claim(claim_id).state == "failed"
    again = payouts.make_bank_file(counted.context, CLERK, Route.BANK, [claim_id])
    assert number in again.text
    payouts.take_answers(counted.context, PAYER, answers(tmp_path, (number, "64.50", "成功", "Y2", "", "2")), "b")
    assert counted.claim(claim_id).state == "arrived"


def test_another_way_is_confirmed_anew(counted: Outpatients, tmp_path: Path) -> None:
    claim_id = counted.confirmed(**BANK)
    payouts.make_bank_file(counted.context, PAYER, Route.BANK, [claim_id])
    number = counted.claim(claim_id).refund_no
    payouts.take_answers(counted.context, PAYER, answers(tmp_path, (number, "64.50", "失败", "", "销户")), "a")
    moved = redirect_claim(counted.context, OFFICER, claim_id, Route.CASH)
    assert (moved.state, moved.confirmed_by, moved.refund_no) == ("reviewed", None, number)
    confirm_claim(counted.context, APPROVER, claim_id)
    payouts.pay_cash(counted.context, PAYER, claim_id, "LK-2")
    assert counted.account("M001").balance_fen == 0


def test_another_way_is_one_that_is_open(counted: Outpatients, tmp_path: Path) -> None:
    """Paid in cash once, it has no original way; asked of the rule when the way is changed, and by the database."""
    claim_id = counted.confirmed(**BANK)
    payouts.make_bank_file(counted.context, PAYER, Route.BANK, [claim_id])
    number = counted.claim(claim_id).refund_no
    payouts.take_answers(counted.context, PAYER, answers(tmp_path, (number, "64.50", "失败", "", "销户")), "a")
    with pytest.raises(MalformedInput, match="没有原路"):
        redirect_claim(counted.context, OFFICER, claim_id, Route.ORIGINAL)
    with counted.context.database.writing() as connection, pytest.raises(sa.exc.DBAPIError):
        connection.execute(
            sa.text(
                "UPDATE outpatient_claim SET state = 'reviewed', route = 'original', confirmed_by = NULL,"
                " confirmed_at = NULL"
            )
        )
    assert redirect_claim(counted.context, OFFICER, claim_id, Route.BANK, bank="某银行", card_no=CARD).route == "bank"


def test_nothing_is_claimed_of_how_money_came_that_nobody_noted(outpatients: Outpatients) -> None:
    outpatients.census((("M007", "郑庚", OWN, "", "8.00", "2025-12-01", "门诊预交金", "不详"), *ROWS))

    def why(account_no: str) -> str:
        owner = claim_review.read_owner(outpatients.context, CLERK, account_no)
        return dict(claim_review.ways_of(outpatients.context, owner, Claimant.SELF))[Route.ORIGINAL]

    assert why("M007") == "没有登记当时怎么交的，不能原路退"
    assert why("M001") == "当时不是用微信、支付宝或银行卡交的，没有原路"
    assert why("M002") == ""


def test_cash_waits_while_the_original_way_is_open(counted: Outpatients, tmp_path: Path) -> None:
    claim_id = counted.confirmed("M002", **BANK, certno="", claimant_name="李乙")
    payouts.make_bank_file(counted.context, PAYER, Route.BANK, [claim_id])
    number = counted.claim(claim_id).refund_no
    payouts.take_answers(counted.context, PAYER, answers(tmp_path, (number, "100.00", "失败", "", "销户")), "a")
    with pytest.raises(MalformedInput, match="先走原路"):
        redirect_claim(counted.context, OFFICER, claim_id, Route.CASH)
    assert redirect_claim(counted.context, OFFICER, claim_id, Route.ORIGINAL).route == "original"


def test_a_refund_that_comes_back_is_red_and_paid_again(counted: Outpatients, tmp_path: Path) -> None:
    claim_id = counted.confirmed(**BANK)
    payouts.make_bank_file(counted.context, PAYER, Route.BANK, [claim_id])
    number = counted.claim(claim_id).refund_no
    payouts.take_answers(counted.context, PAYER, answers(tmp_path, (number, "64.50", "成功", "Y1", "")), "a")
    for own in ("Y1", "y1", "Y-1"):
        with pytest.raises(MalformedInput, match="付出这笔钱的流水号"):
            payouts.bounce_refund(counted.context, PAYER, claim_id, "账户注销退汇", own)
    payouts.bounce_refund(counted.context, PAYER, claim_id, "账户注销退汇", "TH-1")
    assert (counted.account("M001").balance_fen, counted.claim(claim_id).state) == (6450, "failed")
    payouts.make_bank_file(counted.context, CLERK, Route.BANK, [claim_id])
    payouts.take_answers(counted.context, PAYER, answers(tmp_path, (number, "64.50", "成功", "Y2", "", "2")), "b")
    assert counted.account("M001").balance_fen == 0


def test_a_wrong_sum_or_an_unknown_number_is_told_and_nothing_booked(counted: Outpatients, tmp_path: Path) -> None:
    claim_id = counted.confirmed(**BANK)
    payouts.make_bank_file(counted.context, PAYER, Route.BANK, [claim_id])
    number = counted.claim(claim_id).refund_no
    path = answers(tmp_path, (number, "64.51", "成功", "Y"), ("TF1", "1.00", "成功", "Y"), (number, "64.50", "?"))
    told = payouts.take_answers(counted.context, PAYER, path, "a")
    assert [line for line, _ in told.open_] == [2, 3, 4]
    assert counted.claim(claim_id).state == "sent"


def test_rejected_and_withdrawn_claims_leave_the_account_free(counted: Outpatients) -> None:
    first = counted.accept("M001").claim_id
    assert first
    with pytest.raises(MalformedInput):
        reject_claim(counted.context, OFFICER, first, " ")
    reject_claim(counted.context, OFFICER, first, "证件过期")
    second = counted.accept("M001").claim_id
    assert second
    withdraw_claim(counted.context, CLERK, second, "改日再来")
    assert counted.accept("M001").claim_id


def test_cash_waits_for_the_original_route(counted: Outpatients) -> None:
    refused = counted.accept("M002", claimant_name="李乙")
    assert [one.code for one in refused.decision.reasons] == ["original_first"]
    assert counted.accept("M002", claimant_name="李乙", route=Route.ORIGINAL).claim_id


@pytest.mark.parametrize("words", ["=1+1", " +86", "-甲", "@SUM(A1)", "＝1"])
def test_no_formula_goes_to_the_bank(counted: Outpatients, words: str) -> None:
    with pytest.raises(MalformedInput, match="不能以"):
        counted.accept("M001", claimant_name=words)
    with pytest.raises(MalformedInput, match="不能以"):
        counted.accept("M001", **{**BANK, "bank": words})


@pytest.mark.parametrize("words", ["\u200b", "吴\u200b甲", "\u3164"])
def test_what_nobody_sees_is_no_name_and_no_ground(counted: Outpatients, words: str) -> None:
    with pytest.raises(MalformedInput):
        counted.accept("M001", claimant_name=words)
    claim_id = counted.accept("M001").claim_id
    assert claim_id is not None
    with pytest.raises(MalformedInput):
        withdraw_claim(counted.context, CLERK, claim_id, words)


def test_nothing_goes_beyond_what_the_treasury_never_had(counted: Outpatients) -> None:
    with pytest.raises(MalformedInput, match="还没有上缴财政"):
        counted.accept("M001", beyond=Money(100), ground="凭条上多 1 元")


def test_the_form_that_was_signed_is_this_refunds(counted: Outpatients) -> None:
    """A number like those of printed forms is its own; a receipt of the hospital's has one of another kind."""
    claim_id = counted.confirmed()
    number = counted.claim(claim_id).refund_no
    for other in ("TF1", "tf 20260115000009", number[:-1]):
        with pytest.raises(MalformedInput, match=f"领款单号是 {number}"):
            payouts.pay_cash(counted.context, PAYER, claim_id, other)
    assert payouts.pay_cash(counted.context, PAYER, claim_id, f"领款单 {number.lower()}").state == "arrived"


def test_a_receipt_with_a_letter_that_only_looks_like_one_of_ours_is_refused(counted: Outpatients) -> None:
    claim_id = counted.confirmed()
    with pytest.raises(MalformedInput, match="领款单号里的“\u041a”") as refused:
        payouts.pay_cash(counted.context, PAYER, claim_id, "L\u041a-1")
    assert refused.value.details == {"field": "receipt"}
    assert payouts.pay_cash(counted.context, PAYER, claim_id, "领款单 LK-1").state == "arrived"
    with pytest.raises(MalformedInput, match="凭条的号码里的"):
        counted.accept("M003", papers=(ShownPaper(Paper.OWN_ID), ShownPaper(Paper.SLIP, "\u0410 7")))


def test_a_transfer_names_everything_that_is_wrong_at_once(counted: Outpatients) -> None:
    with pytest.raises(MalformedInput) as refused:
        counted.accept("M001", route=Route.BANK, bank=" ", card_no="12")
    assert sorted(refused.value.details["fields"]) == ["bank", "card_no"]
    with pytest.raises(MalformedInput) as refused:
        counted.accept("M001", route=Route.BANK, bank="某银行", card_no="12")
    assert refused.value.details == {"field": "card_no"}
