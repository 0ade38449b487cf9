"""From what can't be refunded to the treasury, and back to its owner: every step by other people."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from hospital_prepay.domain.access import Actor, Role
from hospital_prepay.domain.errors import Conflict, MalformedInput, NotPermitted, SecondPersonRequired
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules import RULES
from hospital_prepay.domain.rules.outpatient.claims import Paper, Route
from hospital_prepay.persistence.queries.outpatient_left import left_of_batch
from hospital_prepay.services.access.home import tasks
from hospital_prepay.services.outpatient import advances, batch_review, escheat, filing, payouts, proposals, register
from hospital_prepay.services.outpatient.claim_steps import reject_claim, withdraw_claim
from hospital_prepay.services.outpatient.claims import ShownPaper
from hospital_prepay.services.outpatient.escheat import Part, Remittance
from hospital_prepay.services.outpatient.filing import MarkUnclearable, Reason
from tests.hospital import INSTITUTION, Hospital, actor
from tests.services.outpatient.conftest import (
    APPROVER,
    APPROVER_AND_OFFICER,
    CLERK,
    OFFICER,
    PAYER,
    Outpatients,
)
from tests.told import tell_everybody

REVIEWERS = (actor(Role.FINANCE_OFFICER, "2"), actor(Role.FINANCE_OFFICER, "3"), actor(Role.FINANCE_APPROVER, "2"))
REMITTER = actor(Role.FINANCE_APPROVER, "3")
LAST = date(2025, 12, 31)


@pytest.fixture
def filed(outpatients: Outpatients) -> Outpatients:
    outpatients.census()
    tell_everybody(outpatients.context)
    marked = MarkUnclearable(Reason.CONTACT_CHANGED, "短信退回、电话停机", account_nos=("M001", "M003"))
    assert filing.mark_unclearable(outpatients.context, OFFICER, marked).accounts == 2
    made = filing.make_filing(outpatients.context, OFFICER, "可能有患者事后来领，随到随退。")
    assert (made.accounts, made.total_fen) == (2, 9450)
    filing.submit_filing(outpatients.context, OFFICER, made.filing_no, "某市卫生健康局", date(2025, 12, 20))
    filing.acknowledge_filing(outpatients.context, APPROVER, made.filing_no, "备〔2025〕1号", date(2025, 12, 25))
    return outpatients


def frozen(outpatients: Outpatients) -> int:
    proposed = proposals.propose_batch(outpatients.context, OFFICER, LAST)
    assert proposed is not None
    return escheat.freeze_batch(outpatients.context, OFFICER, proposed.batch_no).batch_no


def remitted(outpatients: Outpatients) -> int:
    batch_no = frozen(outpatients)
    for part, reviewer in zip(Part, REVIEWERS, strict=True):
        escheat.review_batch(outpatients.context, reviewer, batch_no, part, "核对无误")
    escheat.approve_batch(outpatients.context, APPROVER, batch_no)
    escheat.remit_batch(outpatients.context, REMITTER, batch_no, Remittance("缴款书1", "回单1", date(2025, 12, 31)))
    return batch_no


def test_the_money_goes_by_2103_and_is_never_income(filed: Outpatients, hospital: Hospital) -> None:
    batch_no = remitted(filed)
    assert filed.account("M001").state == "remitted"
    assert filed.account("M001").balance_fen == 0
    assert hospital.balance("2103") == Money(0)
    assert hospital.balance("410101") == Money(0)
    assert hospital.balance("1002") == Money(519450 - 9450)
    assert escheat.book_batch(filed.context, APPROVER, batch_no).state == "remitted"


def test_an_account_that_is_not_filed_is_held_back_as_a_duty(filed: Outpatients) -> None:
    proposal = proposals.propose(filed.context, OFFICER.institution_id, LAST)
    assert (proposal.accounts, proposal.total) == (2, Money(9450))
    filing.unmark(filed.context, OFFICER, "M003", "家属来电")
    proposal = proposals.propose(filed.context, OFFICER.institution_id, LAST)
    assert proposal.held_back == {"open": (1, 3000)}
    assert proposal.accounts == 1


def test_an_account_keeps_its_filings_and_how_its_mark_was_taken_back(filed: Outpatients) -> None:
    card = register.account_card(filed.context, OFFICER, "M003")
    [pack], reason = card.filings, card.account.unclearable_reason
    assert (pack.filing_no, pack.state, pack.reason, pack.made_by) == (1, "acknowledged", reason, OFFICER.actor_id)
    assert card.unmarks == ()
    for _ in range(2):
        filing.unmark(filed.context, OFFICER, "M003", "家属来电", idempotency_key="form-1")
    card = register.account_card(filed.context, OFFICER, "M003")
    [found] = card.unmarks
    assert (found.actor, found.detail) == (OFFICER.actor_id, {"ground": "家属来电", "reason": reason})
    assert card.account.unclearable_reason == ""
    assert [one.filing_no for one in card.filings] == [1]
    assert register.account_card(filed.context, OFFICER, "M001").unmarks == ()


def test_another_day_than_31_december_is_refused(filed: Outpatients) -> None:
    with pytest.raises(MalformedInput, match="12 月 31 日"):
        proposals.propose_batch(filed.context, OFFICER, date(2025, 12, 30))


def test_three_people_review_and_a_fourth_approves(filed: Outpatients) -> None:
    batch_no = frozen(filed)
    with pytest.raises(SecondPersonRequired):
        escheat.review_batch(filed.context, OFFICER, batch_no, Part.BOOKS, "自己复核")
    escheat.review_batch(filed.context, REVIEWERS[0], batch_no, Part.BOOKS, "好")
    with pytest.raises(Conflict, match="三个人复核"):
        escheat.review_batch(filed.context, REVIEWERS[0], batch_no, Part.FILING, "好")
    with pytest.raises(Conflict, match="还没有复核完"):
        escheat.approve_batch(filed.context, APPROVER, batch_no)
    escheat.review_batch(filed.context, REVIEWERS[1], batch_no, Part.CONTACTS, "好")
    escheat.review_batch(filed.context, REVIEWERS[2], batch_no, Part.FILING, "好")
    with pytest.raises(SecondPersonRequired):
        escheat.approve_batch(filed.context, REVIEWERS[2], batch_no)
    assert escheat.approve_batch(filed.context, APPROVER, batch_no).state == "booked"
    with pytest.raises(SecondPersonRequired):
        escheat.remit_batch(filed.context, APPROVER, batch_no, Remittance("缴款书1", "回单1", date(2025, 12, 31)))


def test_a_list_is_fixed_and_reviewed_before_its_day_and_goes_from_it_on(filed: Outpatients) -> None:
    filed.context.clock.moment = datetime(2025, 12, 30, 15, 59, tzinfo=UTC)  # type: ignore[attr-defined]
    batch_no = frozen(filed)
    for part, reviewer in zip(Part, REVIEWERS, strict=True):
        escheat.review_batch(filed.context, reviewer, batch_no, part, "核对无误")
    with pytest.raises(Conflict, match="2025-12-31 起才能批准"):
        escheat.approve_list(filed.context, APPROVER, batch_no)
    midnight = datetime(2025, 12, 30, 16, tzinfo=UTC)
    filed.context.clock.moment = midnight  # type: ignore[attr-defined]
    escheat.approve_list(filed.context, APPROVER, batch_no)
    filed.context.clock.moment = datetime(2025, 12, 30, 15, tzinfo=UTC)  # type: ignore[attr-defined]
    with pytest.raises(Conflict, match="起才能入账"):
        escheat.book_batch(filed.context, APPROVER, batch_no)
    assert filed.account("M001").balance_fen == 6450
    filed.context.clock.moment = midnight  # type: ignore[attr-defined]
    assert escheat.book_batch(filed.context, APPROVER, batch_no).state == "booked"
    paid = Remittance("缴款书1", "回单1", LAST)
    filed.context.clock.moment = datetime(2025, 12, 30, 15, tzinfo=UTC)  # type: ignore[attr-defined]
    with pytest.raises(Conflict, match="起才能登记缴款"):
        escheat.remit_batch(filed.context, REMITTER, batch_no, paid)
    filed.context.clock.moment = midnight  # type: ignore[attr-defined]
    with pytest.raises(MalformedInput, match="早于上缴日"):
        escheat.remit_batch(filed.context, REMITTER, batch_no, Remittance("缴款书1", "回单1", date(2025, 12, 30)))
    with pytest.raises(MalformedInput, match="还没有到"):
        escheat.remit_batch(filed.context, REMITTER, batch_no, Remittance("缴款书1", "回单1", date(2026, 1, 1)))
    assert escheat.remit_batch(filed.context, REMITTER, batch_no, paid).state == "remitted"


def test_a_claim_between_freezing_and_the_day_is_paid_and_the_list_made_anew(filed: Outpatients) -> None:
    filed.context.clock.moment = datetime(2025, 12, 29, 2, tzinfo=UTC)  # type: ignore[attr-defined]
    batch_no = frozen(filed)
    payouts.pay_cash(filed.context, PAYER, filed.confirmed("M001"), "LK-1")
    assert filed.account("M001").balance_fen == 0
    for part, reviewer in zip(Part, REVIEWERS, strict=True):
        escheat.review_batch(filed.context, reviewer, batch_no, part, "核对无误")
    filed.context.clock.moment = datetime(2025, 12, 31, 2, tzinfo=UTC)  # type: ignore[attr-defined]
    assert tasks_of(filed, APPROVER) == tasks_of(filed, REMITTER) == {"outpatient_stale"}
    with pytest.raises(Conflict, match=r"名单里有 1 个账户来办了退款（M001）.*请作废这一批，再重新提出"):
        escheat.approve_list(filed.context, APPROVER, batch_no)
    with filed.context.database.reading() as connection:
        left = left_of_batch(connection, INSTITUTION, batch_no)
    assert (left.count, [(one.account_no, one.is_claimed) for one in left.first]) == (1, [("M001", False)])
    escheat.drop_batch(filed.context, APPROVER, batch_no, "有人来领，重新冻结")
    batch_no = frozen(filed)
    assert "outpatient_stale" not in tasks_of(filed, APPROVER)
    for part, reviewer in zip(Part, REVIEWERS, strict=True):
        escheat.review_batch(filed.context, reviewer, batch_no, part, "核对无误")
    assert escheat.approve_batch(filed.context, APPROVER, batch_no).total_fen == 3000


@pytest.mark.parametrize(
    ("voucher_no", "bank_reference", "field"),
    [
        ("", "1", "voucher_no"),
        ("缴款书", "1", "voucher_no"),
        ("1", " ", "bank_reference"),
        ("1", "无", "bank_reference"),
    ],
)
def test_evidence_that_cant_be_compared_is_none(
    filed: Outpatients, voucher_no: str, bank_reference: str, field: str
) -> None:
    with pytest.raises(MalformedInput) as refused:
        escheat.remit_batch(filed.context, REMITTER, 1, Remittance(voucher_no, bank_reference, LAST))
    assert refused.value.details["field"] == field


def test_whoever_comes_before_approval_takes_the_account_off_the_list(filed: Outpatients) -> None:
    batch_no = frozen(filed)
    assert filed.accept("M001").claim_id
    for part, reviewer in zip(Part, REVIEWERS, strict=True):
        escheat.review_batch(filed.context, reviewer, batch_no, part, "核对无误")
    with pytest.raises(Conflict):
        escheat.approve_batch(filed.context, APPROVER, batch_no)
    escheat.drop_batch(filed.context, REMITTER, batch_no, "有人来领，重新冻结")
    again = proposals.propose_batch(filed.context, OFFICER, LAST)
    assert again is not None
    assert again.accounts == 1


def test_whom_a_review_stands_against_doesnt_undo_it(filed: Outpatients) -> None:
    """Before a review the freezer may give the list up; after it an approver who didn't freeze it."""
    escheat.drop_batch(filed.context, OFFICER, frozen(filed), "再核一遍")
    proposed = proposals.propose_batch(filed.context, OFFICER, LAST)
    assert proposed is not None
    batch_no = escheat.freeze_batch(filed.context, APPROVER_AND_OFFICER, proposed.batch_no).batch_no
    escheat.review_batch(filed.context, REVIEWERS[0], batch_no, Part.BOOKS, "核对无误")
    with pytest.raises(SecondPersonRequired, match="作废复核过的名单"):
        escheat.drop_batch(filed.context, APPROVER_AND_OFFICER, batch_no, "不要了")
    with pytest.raises(NotPermitted):
        escheat.drop_batch(filed.context, OFFICER, batch_no, "不要了")
    assert escheat.drop_batch(filed.context, APPROVER, batch_no, "名单重做").state == "dropped"


def test_a_list_that_somebody_left_is_no_longer_up_for_review(filed: Outpatients) -> None:
    batch_no = frozen(filed)
    assert tasks_of(filed, REVIEWERS[0]) == {"outpatient_part"}
    claim_id = filed.accept("M001").claim_id
    assert "outpatient_part" not in tasks_of(filed, REVIEWERS[0])
    assert "outpatient_stale" in tasks_of(filed, OFFICER)
    reject_claim(filed.context, REVIEWERS[0], claim_id, "证件看不清")
    assert "outpatient_stale" in tasks_of(filed, OFFICER), "a refused claim doesn't bring the account back"
    assert batch_review.read_batch(filed.context, OFFICER, batch_no).left.count == 1


def tasks_of(outpatients: Outpatients, who: Actor) -> set[str]:
    return {task.kind for task in tasks(outpatients.context, who)}


def test_a_claim_after_remittance_is_paid_listed_and_reimbursed(filed: Outpatients, hospital: Hospital) -> None:
    remitted(filed)
    claim_id = filed.confirmed("M001")
    payouts.pay_cash(filed.context, PAYER, claim_id, "LK-9")
    assert filed.account("M001").state == "reclaimed"
    assert hospital.balance(f"1218:advance:{claim_id}") == Money(6450)
    made = advances.make_advance_list(filed.context, OFFICER, 2027)
    assert (made.claims, made.total_fen) == (1, 6450)
    with pytest.raises(Conflict, match="没有要申请"):
        advances.make_advance_list(filed.context, OFFICER, 2027)
    advances.submit_advance_list(filed.context, APPROVER, made.list_no, "请〔2026〕1号", date(2026, 1, 10))
    advances.reimburse_advance_list(filed.context, OFFICER, made.list_no, "HD1", date(2026, 1, 14))
    assert hospital.balance(f"1218:advance:{claim_id}") == Money(0)
    with pytest.raises(Conflict):
        advances.reimburse_advance_list(filed.context, OFFICER, made.list_no, "HD1", date(2026, 1, 14))


def test_what_we_miscounted_is_the_hospitals_cost_and_on_no_list(filed: Outpatients, hospital: Hospital) -> None:
    remitted(filed)
    claim_id = filed.confirmed("M001", beyond=Money(1000), ground="患者持 2019 年凭条，少计 10 元")
    payouts.pay_cash(filed.context, PAYER, claim_id, "LK-9")
    assert hospital.balance("5901") == Money(1000)
    assert hospital.balance("1001") == Money(-7450)
    assert advances.make_advance_list(filed.context, OFFICER, 2027).total_fen == 6450


def test_what_goes_beyond_the_books_needs_the_slip_and_a_ground_that_says_something(filed: Outpatients) -> None:
    remitted(filed)
    asked: dict[str, object] = {"beyond": Money(1000), "papers": (ShownPaper(Paper.OWN_ID, "身份证"),)}
    refused = filed.accept("M001", **asked, ground="凭条上多 10 元")
    assert [one.code for one in refused.decision.reasons] == ["missing_slip"]
    assert (refused.claim_id, refused.decision.facts["beyond_proved"]) == (None, False)
    for ground in ("", "x", "凭 条"):
        with pytest.raises(MalformedInput, match="写明依据") as wrong:
            filed.accept("M001", beyond=Money(1000), ground=ground)
        assert wrong.value.details == {"field": "ground"}
    accepted = filed.accept("M001", beyond=Money(1000), ground="凭条上多 10 元")
    assert accepted.decision.amount == Money(7450)
    assert accepted.decision.facts["beyond_proved"] is True


def test_an_answer_of_before_the_slip_was_asked_for_is_the_same_when_it_is_computed_again(filed: Outpatients) -> None:
    remitted(filed)
    decision = filed.accept("M001", beyond=Money(1000), ground="凭条上多 10 元").decision
    before = {**decision.facts, "papers": ["own_id"]}
    del before["beyond_proved"]
    assert RULES["outpatient.claim"](before, decision.rule_version).permitted


def test_a_refused_list_frees_its_claims(filed: Outpatients) -> None:
    remitted(filed)
    payouts.pay_cash(filed.context, PAYER, filed.confirmed("M001"), "LK-9")
    first = advances.make_advance_list(filed.context, OFFICER, 2027)
    advances.refuse_advance_list(filed.context, OFFICER, first.list_no, "格式不对")
    assert advances.make_advance_list(filed.context, OFFICER, 2027).total_fen == 6450


def test_a_remitted_account_is_claimed_once(filed: Outpatients) -> None:
    remitted(filed)
    payouts.pay_cash(filed.context, PAYER, filed.confirmed("M001"), "LK-9")
    again = filed.accept("M001", route=Route.CASH)
    assert again.claim_id is None
    assert "nothing_left" in [reason.code for reason in again.decision.reasons]


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (datetime(2025, 12, 30, 15, 59, tzinfo=UTC), ["nothing", "nothing"]),
        (datetime(2025, 12, 30, 16, 0, tzinfo=UTC), ["proposed", "nothing"]),
        (datetime(2026, 1, 5, 1, 0, tzinfo=UTC), ["proposed", "nothing"]),
    ],
)
def test_the_scheduler_proposes_once_from_midnight_on_and_moves_nothing(
    filed: Outpatients, moment: datetime, expected: list[str]
) -> None:
    filed.context.clock.moment = moment  # type: ignore[attr-defined]
    said = [proposals.propose_for_the_year(filed.context, OFFICER.institution_id) for _ in range(2)]
    assert said == expected
    assert filed.account("M001").balance_fen == 6450


def doubted(filed: Outpatients, folder: Path) -> Callable[[], None]:
    """M001's refund failed at the bank and was withdrawn; then the bank says that it arrived."""
    claim_id = filed.confirmed("M001", route=Route.BANK, bank="某银行", card_no="6217000000000000001")
    payouts.make_bank_file(filed.context, PAYER, Route.BANK, [claim_id])

    def read(name: str, result: str) -> None:
        path = folder / name
        number = filed.claim(claim_id).refund_no
        path.write_text(f"退款单号,金额,结果,文件号\n{number},64.50,{result},1\n", "utf-8")
        payouts.take_answers(filed.context, PAYER, path, name)

    read("1.csv", "失败")
    withdraw_claim(filed.context, CLERK, claim_id, "患者改天再来")
    return lambda: read("2.csv", "成功")


def test_what_the_bank_may_have_paid_is_not_frozen(filed: Outpatients, tmp_path: Path) -> None:
    doubted(filed, tmp_path)()
    proposed = proposals.propose_batch(filed.context, OFFICER, LAST)
    assert proposed is not None
    batch = escheat.freeze_batch(filed.context, OFFICER, proposed.batch_no)
    assert (batch.accounts, batch.total_fen) == (1, 3000)
    assert filed.account("M001").state == "filed"


def test_what_the_bank_may_have_paid_meanwhile_is_not_approved(filed: Outpatients, tmp_path: Path) -> None:
    doubt = doubted(filed, tmp_path)
    batch_no = frozen(filed)
    for part, reviewer in zip(Part, REVIEWERS, strict=True):
        escheat.review_batch(filed.context, reviewer, batch_no, part, "核对无误")
    doubt()
    with pytest.raises(Conflict, match="说付到过（M001）"):
        escheat.approve_list(filed.context, APPROVER, batch_no)
