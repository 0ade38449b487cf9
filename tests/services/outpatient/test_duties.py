"""Dated duties of outpatients' deposits in finance's one calendar: count and sum of what is open, what closes it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from hospital_prepay.clock import SHANGHAI
from hospital_prepay.domain.access import Role
from hospital_prepay.domain.rules.fund.duty_states import DutyState, Left, Standing
from hospital_prepay.domain.rules.outpatient import duties as rules
from hospital_prepay.domain.rules.outpatient.duties import Accounts, Batch, OutpatientFacts, outpatient_duties
from hospital_prepay.domain.rules.publication.scope import Ownership
from hospital_prepay.persistence import fund_reminders
from hospital_prepay.services.compliance.replay import replay_decisions
from hospital_prepay.services.fund import duties, duty_closing, reminders
from hospital_prepay.services.fund.duty_closing import CloseDuty
from hospital_prepay.services.fund.duty_words import reminder_words
from hospital_prepay.services.outpatient import advances, escheat, filing, gate, payouts, proposals
from hospital_prepay.services.outpatient.escheat import Part, Remittance
from hospital_prepay.services.outpatient.filing import MarkUnclearable, Reason
from hospital_prepay.services.outpatient.gate import KeptKind, ProposeKept
from hospital_prepay.services.publication.institution import ChangedInstitution, change_institution
from tests.hospital import INSTITUTION, Hospital, actor
from tests.services.outpatient.conftest import APPROVER, OFFICER, PAYER, Outpatients
from tests.told import tell_everybody

pytestmark = pytest.mark.clause("guizhou-deposit-2025/7", "guizhou-deposit-2025/8")
REVIEWERS = (actor(Role.FINANCE_OFFICER, "2"), actor(Role.FINANCE_OFFICER, "3"), actor(Role.FINANCE_APPROVER, "2"))
REMITTER = actor(Role.FINANCE_APPROVER, "3")
STOCK = "guizhou-deposit-2025/clear_stock/2025-12-31"
FILE, REMIT, APPLY = (
    f"guizhou-deposit-2025/{name}/{{}}-12-31" for name in ("file_old", "remit_old", "apply_for_advances")
)


def at(outpatients: Outpatients, *moment: int) -> None:
    outpatients.context.clock.moment = datetime(*moment, 9, tzinfo=SHANGHAI).astimezone(UTC)  # type: ignore[arg-type,attr-defined]


def find(outpatients: Outpatients, key: str, year: int | None = None) -> Standing:
    book = duties.read_duties(outpatients.context, OFFICER)
    return duties.find_duty(book, key if year is None else key.format(year))


def filed(outpatients: Outpatients, *numbers: str, on: date) -> None:
    """Mark accounts and have them filed on a day."""
    marked = MarkUnclearable(Reason.CONTACT_CHANGED, "短信退回、电话停机", account_nos=numbers)
    tell_everybody(outpatients.context)
    assert filing.mark_unclearable(outpatients.context, OFFICER, marked).accounts == len(numbers)
    made = filing.make_filing(outpatients.context, OFFICER, "可能有患者事后来领，随到随退。")
    filing.submit_filing(outpatients.context, OFFICER, made.filing_no, "某市卫生健康局", on)
    filing.acknowledge_filing(outpatients.context, APPROVER, made.filing_no, f"备{made.filing_no}号", on)


def frozen(outpatients: Outpatients, year: int) -> int:
    proposed = proposals.propose_batch(outpatients.context, OFFICER, date(year, 12, 31))
    assert proposed is not None
    return escheat.freeze_batch(outpatients.context, OFFICER, proposed.batch_no).batch_no


def remitted(outpatients: Outpatients, year: int, on: date) -> None:
    batch_no = frozen(outpatients, year)
    for part, reviewer in zip(Part, REVIEWERS, strict=True):
        escheat.review_batch(outpatients.context, reviewer, batch_no, part, "核对无误")
    escheat.approve_batch(outpatients.context, APPROVER, batch_no)
    escheat.remit_batch(outpatients.context, REMITTER, batch_no, Remittance("缴款书1", "回单1", on))


def test_the_stock_that_is_neither_refunded_nor_filed_is_overdue_with_count_and_sum(outpatients: Outpatients) -> None:
    outpatients.census()
    at(outpatients, 2025, 12, 31)
    assert find(outpatients, STOCK).state is DutyState.DUE_SOON
    at(outpatients, 2026, 1, 1)
    found = find(outpatients, STOCK)
    # Without what is no deposit (M004) and what has no money (M005).
    assert (found.state, found.known.left) == (DutyState.OVERDUE, Left(3, 19450, "个账户"))
    assert reminder_words(found) == "清退存量门诊预交金：逾期 1 天，期限 2025-12-31，还有 3 个账户，194.50 元"
    tell_everybody(outpatients.context)
    marked = MarkUnclearable(Reason.NO_ANSWER, "三次未接", account_nos=("M002",))
    filing.mark_unclearable(outpatients.context, OFFICER, marked)
    assert find(outpatients, STOCK).known.left == Left(3, 19450, "个账户")


def test_refunds_and_filings_clear_the_stock_on_the_day_of_the_last(outpatients: Outpatients) -> None:
    outpatients.census()
    at(outpatients, 2026, 1, 5)
    filed(outpatients, "M002", "M003", on=date(2026, 1, 4))
    assert find(outpatients, STOCK).known.left == Left(1, 6450, "个账户")
    at(outpatients, 2026, 1, 8)
    claim_id = outpatients.confirmed("M001")
    assert find(outpatients, STOCK).state is DutyState.OVERDUE
    payouts.pay_cash(outpatients.context, PAYER, claim_id, "LK-1")
    found = find(outpatients, STOCK)
    assert (found.state, found.done_on, found.late) == (DutyState.DONE, date(2026, 1, 8), True)


def test_without_a_census_the_stock_is_overdue_until_somebody_says_that_there_is_none(
    outpatients: Outpatients, hospital: Hospital
) -> None:
    at(outpatients, 2026, 1, 2)
    assert [one.item.key for one in duties.read_duties(outpatients.context, OFFICER).around()] == [STOCK]
    assert find(outpatients, STOCK).state is DutyState.OVERDUE
    said = duty_closing.record_closure(outpatients.context, OFFICER, CloseDuty(STOCK, None, "没有开过账户"))
    assert said.decision.permitted
    assert find(outpatients, STOCK).state is DutyState.NOT_APPLICABLE
    outpatients.census()
    found = find(outpatients, STOCK)
    assert (found.state, found.by_person) == (DutyState.OVERDUE, False)
    duty_closing.withdraw_closure(outpatients.context, OFFICER, STOCK, "查到了")
    said = duty_closing.record_closure(outpatients.context, OFFICER, CloseDuty(STOCK, None, "没有"))
    assert (said.decision.permitted, said.decision.facts["left"]) == (False, 3)
    assert replay_decisions(hospital.context.database).different == 0


def test_nobodys_word_closes_what_the_books_decide(outpatients: Outpatients) -> None:
    outpatients.census()
    at(outpatients, 2026, 1, 2)
    for key in (STOCK, FILE.format(2025), REMIT.format(2025)):
        for day in (date(2026, 1, 1), None):
            said = duty_closing.record_closure(outpatients.context, OFFICER, CloseDuty(key, day, "缴款书 1"))
            assert not said.decision.permitted


def test_an_old_account_that_is_not_filed_is_an_overdue_duty(outpatients: Outpatients) -> None:
    outpatients.census()
    at(outpatients, 2026, 1, 2)
    found = find(outpatients, FILE, 2025)
    assert (found.state, found.known.left) == (DutyState.OVERDUE, Left(2, 9450, "个账户"))  # M001, M003
    assert find(outpatients, FILE, 2026).known.left == Left(2, 9450, "个账户")
    filed(outpatients, "M001", "M003", on=date(2026, 1, 2))
    found = find(outpatients, FILE, 2025)
    assert (found.state, found.done_on, found.late) == (DutyState.DONE, date(2026, 1, 2), True)


def test_what_is_due_on_31_december_is_closed_by_its_remitted_batch(outpatients: Outpatients) -> None:
    outpatients.census()
    at(outpatients, 2025, 12, 26)
    assert find(outpatients, REMIT, 2025).state is DutyState.NOT_APPLICABLE  # for now: nothing is filed
    filed(outpatients, "M001", "M003", on=date(2025, 12, 25))
    found = find(outpatients, REMIT, 2025)
    assert (found.state, found.known.left) == (DutyState.DUE_SOON, Left(2, 9450, "个账户"))
    at(outpatients, 2026, 1, 6)
    batch_no = frozen(outpatients, 2025)
    found = find(outpatients, REMIT, 2025)
    assert (found.state, found.known.left) == (DutyState.OVERDUE, Left(2, 9450, "个账户"))
    for part, reviewer in zip(Part, REVIEWERS, strict=True):
        escheat.review_batch(outpatients.context, reviewer, batch_no, part, "核对无误")
    escheat.approve_batch(outpatients.context, APPROVER, batch_no)
    assert find(outpatients, REMIT, 2025).known.left == Left(2, 9450, "个账户")  # booked, the money isn't gone
    escheat.remit_batch(outpatients.context, REMITTER, batch_no, Remittance("缴款书1", "回单1", date(2026, 1, 5)))
    found = find(outpatients, REMIT, 2025)
    assert (found.state, found.done_on, found.late) == (DutyState.DONE, date(2026, 1, 5), True)
    assert find(outpatients, REMIT, 2026).state is DutyState.NOT_APPLICABLE


def test_what_went_with_a_later_years_batch_was_late_for_its_own(outpatients: Outpatients) -> None:
    outpatients.census()
    at(outpatients, 2025, 12, 26)
    filed(outpatients, "M001", on=date(2025, 12, 25))
    at(outpatients, 2027, 1, 3)
    assert find(outpatients, REMIT, 2025).known.left == Left(1, 6450, "个账户")
    batch_no = frozen(outpatients, 2026)
    assert find(outpatients, REMIT, 2025).known.left == Left(1, 6450, "个账户")
    escheat.drop_batch(outpatients.context, OFFICER, batch_no, "重来")
    remitted(outpatients, 2026, date(2027, 1, 2))
    assert (find(outpatients, REMIT, 2025).done_on, find(outpatients, REMIT, 2025).late) == (date(2027, 1, 2), True)
    assert find(outpatients, REMIT, 2026).done_on == date(2027, 1, 2)


def test_what_was_paid_ahead_is_applied_for_within_the_year(outpatients: Outpatients) -> None:
    outpatients.census()
    at(outpatients, 2025, 12, 31)
    filed(outpatients, "M001", "M003", on=date(2025, 12, 25))
    remitted(outpatients, 2025, date(2025, 12, 31))
    at(outpatients, 2026, 3, 2)
    assert find(outpatients, APPLY, 2026).state is DutyState.NOT_APPLICABLE
    payouts.pay_cash(outpatients.context, PAYER, outpatients.confirmed("M001"), "LK-9")
    found = find(outpatients, APPLY, 2026)
    assert (found.state, found.known.left) == (DutyState.OPEN, Left(1, 6450, "笔"))
    at(outpatients, 2027, 1, 3)
    made = advances.make_advance_list(outpatients.context, OFFICER, 2028)
    found = find(outpatients, APPLY, 2026)
    assert (found.state, found.known.left) == (DutyState.OVERDUE, Left(1, 6450, "笔", made.list_no))
    advances.submit_advance_list(outpatients.context, APPROVER, made.list_no, "请1号", date(2027, 1, 2))
    found = find(outpatients, APPLY, 2026)
    assert (found.state, found.done_on, found.late) == (DutyState.DONE, date(2027, 1, 2), True)
    advances.refuse_advance_list(outpatients.context, OFFICER, made.list_no, "退回重报")
    assert find(outpatients, APPLY, 2026).state is DutyState.OVERDUE


def test_packs_wait_for_their_submission_and_their_acknowledgement(outpatients: Outpatients) -> None:
    outpatients.census()
    at(outpatients, 2025, 12, 20)
    tell_everybody(outpatients.context)
    marked = MarkUnclearable(Reason.DIED, "家属告知", account_nos=("M003",))
    filing.mark_unclearable(outpatients.context, OFFICER, marked)
    made = filing.make_filing(outpatients.context, OFFICER, "随到随退。")

    def packs() -> list[tuple[str, date, str | None, int]]:
        found = duties.read_duties(outpatients.context, OFFICER).around()
        return [
            (one.item.name, one.expected_on, one.item.clause, one.known.left.fen)
            for one in found
            if one.item.key.startswith("outpatient/") and one.known.left
        ]

    assert packs() == [("submit_filing", date(2026, 1, 19), None, 3000)]
    filing.submit_filing(outpatients.context, OFFICER, made.filing_no, "某局", date(2025, 12, 20))
    assert packs() == [("acknowledge_filing", date(2026, 1, 19), None, 3000)]
    filing.acknowledge_filing(outpatients.context, APPROVER, made.filing_no, "备1", date(2025, 12, 20))
    assert packs() == []


@pytest.mark.clause("guizhou-deposit-2025/6")
def test_a_filing_of_kept_kinds_is_checked_and_posted_before_money_is_taken(outpatients: Outpatients) -> None:
    at(outpatients, 2026, 1, 5)
    command = ProposeKept("备〔2026〕1号", "某市卫生健康局", date(2026, 1, 4), (KeptKind("emergency", "急诊"),))
    filing_id = gate.propose_kept(outpatients.context, OFFICER, command)

    def kept() -> list[tuple[str, str, date]]:
        found = duties.read_duties(outpatients.context, OFFICER).around()
        return [
            (one.item.name, one.item.plain, one.expected_on)
            for one in found
            if one.item.key.startswith("outpatient/")
        ]

    assert kept() == [("decide_kept", "核对保留门诊预交金的备案", date(2026, 1, 12))]
    gate.decide_kept(outpatients.context, APPROVER, filing_id, approved=True)
    missing = "公示保留门诊预交金的备案，还缺官网、就医小程序、电子屏"
    assert kept() == [("post_kept", missing, date(2026, 1, 12))]
    for place in ("website", "mini_program", "screen"):
        gate.record_posting(outpatients.context, OFFICER, filing_id, place, date(2026, 1, 5), "截图")
    assert kept() == []


def test_the_scheduler_reminds_and_moves_nothing(outpatients: Outpatients, hospital: Hospital) -> None:
    outpatients.census()
    at(outpatients, 2026, 1, 2)
    entries = hospital.count("ledger_entry")
    assert reminders.remind(outpatients.context, INSTITUTION) == "reminded"
    assert hospital.count("ledger_entry") == entries
    with outpatients.context.database.reading() as connection:
        given = fund_reminders.given(connection, INSTITUTION)
    assert (STOCK, "late-2") in given
    assert (FILE.format(2025), "late-2") in given
    assert reminders.remind(outpatients.context, INSTITUTION) == "nothing"
    kinds = {task.kind for task in reminders.duty_tasks(outpatients.context, OFFICER)}
    assert kinds == {"outpatient_duties"}
    assert reminders.duty_tasks(outpatients.context, actor(Role.AUDITOR)) == []


def test_who_may_not_see_outpatients_sees_none_of_their_duties(outpatients: Outpatients) -> None:
    outpatients.census()
    at(outpatients, 2026, 1, 2)
    assert duties.read_duties(outpatients.context, actor(Role.DEPARTMENT_HEAD)).around() == []
    assert duties.read_duties(outpatients.context, actor(Role.AUDITOR)).around()


def test_a_hospital_that_the_rules_do_not_bind_has_no_such_duty(outpatients: Outpatients) -> None:
    outpatients.census()
    at(outpatients, 2026, 1, 2)
    manager = actor(Role.SYSTEM_ADMINISTRATOR)
    changed = ChangedInstitution("某部队医院", "0851-1", "", "", Ownership.MILITARY, designated=True)
    change_institution(outpatients.context, manager, changed)
    assert duties.read_duties(outpatients.context, OFFICER).around() == []


@pytest.mark.parametrize(
    ("accounts", "batches", "expected"),
    [
        # Frozen on a later batch: still waiting, for its own year, too.
        ([Accounts("frozen", True, False, 2025, 2025, 2, 5, date(2025, 12, 1))], [], Left(2, 5, "个账户")),
        # Claimed: refunded first, not due.
        ([Accounts("filed", True, True, 2025, 2025, 2, 5, date(2025, 12, 1))], [], None),
        # Filed after that day: due the year after.
        ([Accounts("filed", True, False, 2025, 2026, 2, 5, date(2026, 1, 1))], [], None),
        # Remitted in part, and more filed meanwhile.
        (
            [Accounts("filed", True, False, 2025, 2025, 1, 4, date(2025, 12, 1))],
            [Batch(date(2025, 12, 31), "remitted", 9, 9, date(2025, 12, 31))],
            Left(1, 4, "个账户"),
        ),
    ],
)
def test_what_is_left_to_remit(accounts: list[Accounts], batches: list[Batch], expected: Left | None) -> None:
    _, known = rules.remit_old(OutpatientFacts(accounts, batches=batches), 2025)
    assert known.left == expected


def test_a_batch_under_way_is_no_done_duty() -> None:
    gone = Accounts("remitted", True, False, 2025, 2025, 0, 0, date(2025, 12, 1))
    booked = Batch(date(2026, 12, 31), "booked", 2, 5, None)
    known = {item.key: said for item, said in outpatient_duties(OutpatientFacts([gone], batches=[booked]), 2026)}
    assert known[REMIT.format(2025)] == replace(known[REMIT.format(2025)], done_on=None, nothing_due="", left=None)
    assert known[REMIT.format(2026)].left == Left(2, 5, "个账户")
