"""What the pages of the books read, the same on both databases."""

from __future__ import annotations

from datetime import date

import pytest

from hospital_prepay.domain.access import Role
from hospital_prepay.domain.errors import NotFound, NotPermitted
from hospital_prepay.domain.ledger.chart import Tender
from hospital_prepay.domain.money import Money
from hospital_prepay.services.compliance.decisions import citations, citing, find_by_number, read_decision
from hospital_prepay.services.inpatient.deposits import CollectDeposit, collect_deposit
from hospital_prepay.services.inpatient.slips import DecideRequest, RequestVoid, decide_request, request_void
from hospital_prepay.services.ledger.balances import trial_balance, year_balance
from hospital_prepay.services.ledger.journal import JournalFilter, read_entry, read_journal, receipt_of
from hospital_prepay.services.ledger.seals import check_books, read_seals, seal_ledger
from tests.hospital import CASHIER, OFFICER, Hospital, actor

STAY = "2601140001"
AUDITOR = actor(Role.AUDITOR)


@pytest.fixture
def busy(hospital: Hospital) -> Hospital:
    """A deposit, another by WeChat, the first voided, and a refusal."""
    hospital.admit()
    for number, (yuan, tender) in enumerate((("1200", Tender.CASH), ("300", Tender.WECHAT), ("9000", Tender.CASH))):
        reference = "" if tender is Tender.CASH else "42000027"
        command = CollectDeposit(STAY, Money.of_yuan(yuan), tender, f"key-{number}", reference)
        collect_deposit(hospital.context, CASHIER, command)
    asked = request_void(hospital.context, CASHIER, RequestVoid("A01-000001", "录错"))
    decide_request(hospital.context, OFFICER, DecideRequest(asked.request_id, approve=True))
    return hospital


def numbers(hospital: Hospital, wanted: JournalFilter) -> list[str | None]:
    page = read_journal(hospital.context, AUDITOR, wanted, 1)
    assert page.totals.entries == len(page.entries)
    return [receipt_of(row) for row in page.entries]


def test_entries_are_found_and_their_sum_is_that_of_the_postings(busy: Hospital) -> None:
    first, second, red = "A01-000001", "A01-000002", "A01-000003"
    assert numbers(busy, JournalFilter()) == [red, second, first]
    assert numbers(busy, JournalFilter(words=STAY)) == [red, second, first]
    assert numbers(busy, JournalFilter(words=first, receipt=("A01", 1))) == [first]
    assert numbers(busy, JournalFilter(account_id="1001")) == [red, first]
    assert numbers(busy, JournalFilter(account_id=f"23050103:{STAY}", until=date(2026, 1, 15))) == [
        red,
        second,
        first,
    ]
    assert numbers(busy, JournalFilter(since=date(2026, 1, 16))) == []
    assert numbers(busy, JournalFilter(words="100%")) == []


def test_what_is_looked_for_by_account_is_added_up_of_its_own_lines(busy: Hospital) -> None:
    """Both sides, of the account alone; of whole entries where no account was looked for."""

    def totals(**wanted: object) -> tuple[int, int, bool]:
        page = read_journal(busy.context, AUDITOR, JournalFilter(**wanted), 1)  # type: ignore[arg-type]
        if page.totals.of_account:
            sums = [page.own[row.entry_no] for row in page.entries if row.entry_no in page.own]
            assert [sum(side) for side in zip(*sums, strict=True)] == [page.totals.debit_fen, page.totals.credit_fen]
        return page.totals.debit_fen, page.totals.credit_fen, page.totals.of_account

    whole, stay = 270_000, f"23050103:{STAY}"
    assert totals() == totals(since=date(2026, 1, 1)) == (whole, whole, False)
    assert totals(words="A01-000001", receipt=("A01", 1)) == (120_000, 120_000, False)
    assert totals(account_id="1001") == (120_000, 120_000, True), "taken and given back"
    assert totals(account_id="1021") == (30_000, 0, True)
    for wanted in ({"words": STAY}, {"account_id": stay}, {"words": STAY, "account_id": "23050103"}):
        assert totals(**wanted) == (120_000, 150_000, True)
    assert totals(words=STAY, account_id="1021") == (30_000, 0, True)


def test_an_entry_is_read_with_all_that_belongs_to_it(busy: Hospital) -> None:
    first, red = [row.entry_no for row in read_journal(busy.context, AUDITOR, JournalFilter(), 1).entries][::-2]
    seal_ledger(busy.context.database, busy.context.settings.data_dir, busy.context.clock)
    found = read_entry(busy.context, AUDITOR, first)
    assert (found.hash_ok, found.block_no, found.reversed_by) == (True, 1, red)
    assert ("deposit.collect", "done") in [(event.action, event.outcome) for event in found.events]
    assert found.row.decision_id is not None
    decision = read_decision(busy.context, AUDITOR, found.row.decision_id)
    assert decision.occasion is not None
    assert (decision.occasion.subject, decision.occasion.entry_no) == (STAY, first)
    with pytest.raises(NotFound):
        read_entry(busy.context, AUDITOR, 2**80)


def test_seals_and_their_check_are_read(busy: Hospital) -> None:
    assert (read_seals(busy.context, AUDITOR, 1).waiting, read_seals(busy.context, AUDITOR, 1).check) == (3, None)
    seal_ledger(busy.context.database, busy.context.settings.data_dir, busy.context.clock)
    report = check_books(busy.context, AUDITOR)
    assert report is not None
    assert report.findings == ()
    page = read_seals(busy.context, AUDITOR, 1)
    assert (page.total, page.waiting, page.outside_to) == (1, 0, 1)
    assert page.check is not None
    assert (page.check.outcome, page.check.detail["entries"]) == ("done", 3)


def test_the_balance_by_subject_is_that_by_account(busy: Hospital) -> None:
    balance = year_balance(busy.context, AUDITOR, date(2026, 1, 15))
    by_account = trial_balance(busy.context.database)
    assert (balance.debit_fen, balance.credit_fen) == (by_account.debit_fen, by_account.credit_fen)
    assert {row.subject: row.closing_fen for row in balance.rows} == {"1001": 0, "1021": 30000, "23050103": 30000}
    assert balance.is_balanced
    later = year_balance(busy.context, AUDITOR, date(2027, 12, 31))
    assert {row.subject: row.opening_fen for row in later.rows} == {"1001": 0, "1021": 30000, "23050103": 30000}
    assert (later.debit_fen, later.is_balanced) == (0, True)


def test_decisions_are_found_by_clause_and_by_the_end_of_their_number(busy: Hospital) -> None:
    cited = citations(busy.context, AUDITOR)
    assert cited["guizhou-deposit-2025/17"] == 3
    assert cited["guizhou-deposit-2025/12"] == 4
    [newest, *_] = citing(busy.context, AUDITOR, "guizhou-deposit-2025/17")
    assert find_by_number(busy.context, AUDITOR, newest.decision_id[-12:].upper()) == newest.decision_id
    with pytest.raises(NotFound):
        find_by_number(busy.context, AUDITOR, "_")


def test_only_those_who_may_read_the_books(busy: Hospital) -> None:
    for read in (
        lambda: read_journal(busy.context, CASHIER, JournalFilter(), 1),
        lambda: read_entry(busy.context, CASHIER, 1),
        lambda: read_seals(busy.context, CASHIER, 1),
        lambda: check_books(busy.context, CASHIER),
        lambda: year_balance(busy.context, CASHIER, date(2026, 1, 15)),
        lambda: citations(busy.context, CASHIER),
    ):
        with pytest.raises(NotPermitted):
            read()
