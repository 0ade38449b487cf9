"""The books on the screen: journal, entry, seals, trial balance."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa

from hospital_prepay.clock import FixedClock
from hospital_prepay.domain.access import Role
from hospital_prepay.persistence.database import Database
from hospital_prepay.services.inpatient.slips import DecideRequest, RequestVoid, decide_request, request_void
from hospital_prepay.services.ledger.seals import seal_ledger
from tests.counter import NAME, STAY, UNPOSTED, Counter, collect, words
from tests.people import Browser

LoginAs = Callable[[Role], Browser]


@pytest.fixture
def books(counter: Counter, login_as: LoginAs) -> Counter:
    """Entry 1: 1,200 in cash. Entry 2: 300 by WeChat, of another stay. Entry 3: entry 1 in red."""
    cashier = login_as(Role.CASHIER)
    collect(cashier, "1200")
    paid = {"tender": "wechat", "payment_reference": "42000027", "disease": "A03.900", "insured_class": "self_pay"}
    collect(cashier, "300", stay_no=UNPOSTED, **paid)
    house = counter.house
    asked = request_void(house.context, house.actor(Role.CASHIER), RequestVoid("A01-000001", "录错"))
    decide_request(house.context, house.actor(Role.FINANCE_OFFICER), DecideRequest(asked.request_id, approve=True))
    return counter


@pytest.fixture
def auditor(books: Counter, login_as: LoginAs) -> Browser:
    return login_as(Role.AUDITOR)


def seal(counter: Counter) -> None:
    context = counter.house.context
    seal_ledger(context.database, context.settings.data_dir, context.clock)


def listed(page: str) -> list[int]:
    return [int(number) for number in re.findall(r'class="row-link" href="/finance/ledger/(\d+)"', page)]


def test_the_journal_shows_every_entry_with_its_lines_newest_first(auditor: Browser) -> None:
    page = auditor.get("/finance/ledger").text
    assert listed(page) == [3, 2, 1]
    shown = words(page)
    for part in ("收住院预交金 2601140001", "A01-000001", "1001 库存现金", "1021 其他货币资金", "23050103", "红字"):
        assert part in shown
    assert "还没有封存，等封存 3 笔" in shown
    assert "2,700.00" in shown, "the sum of what was found"


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("q=2", [2]),
        ("q=A01-000001", [1]),
        ("q=a01-000003", [3]),
        (f"q={STAY}", [3, 1]),
        (f"q={UNPOSTED}", [2]),
        ("q=nothing", []),
        ("account=1021", [2]),
        ("account=23050103", [3, 2, 1]),
        (f"account=23050103:{STAY}", [3, 1]),
        ("account=23", []),
        ("since=2026-01-15&until=2026-01-15", [3, 2, 1]),
        ("since=2026-01-16", []),
        ("until=2026-01-14", []),
        (f"q={STAY}&account=1001", [3, 1]),
        ("q=" + "9" * 20, []),
        ("q=" + "9" * 5000, []),
        ("since=gestern&page=x", [3, 2, 1]),
    ],
)
def test_entries_are_found_by_number_receipt_stay_account_and_day(
    auditor: Browser, query: str, numbers: list[int]
) -> None:
    page = auditor.get(f"/finance/ledger?{query}")
    assert page.status_code == 200
    assert listed(page.text) == numbers
    if not numbers:
        assert "没有这样的凭证" in page.text


def test_long_journals_are_paged(auditor: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hospital_prepay.services.ledger.journal.PAGE_SIZE", 2)
    first = auditor.get("/finance/ledger?account=23050103").text
    assert listed(first) == [3, 2]
    [following] = re.findall(r'href="(/finance/ledger\?[^"]*page=2)"', first)
    assert listed(auditor.get(following.replace("&amp;", "&")).text) == [1]


def test_an_entry_shows_where_it_came_from_and_that_it_is_untouched(auditor: Browser, books: Counter) -> None:
    seal(books)
    page = auditor.get("/finance/ledger/1").text
    shown = words(page)
    for part in ("凭证 1", "收费员员", "与内容相符", "第 1 段", "已由 凭证 3 红字冲销", "收预交金"):
        assert part in shown
    assert re.search(r'href="/compliance/decisions/[0-9a-f-]{36}"', page)
    assert shown.count("1,200.00") == 4, "both lines and both sums"
    red = words(auditor.get("/finance/ledger/3").text)
    assert "红字冲销 凭证 1" in red
    assert "复核作废或退款" in red


def test_an_entry_before_the_next_seal_says_so(auditor: Browser) -> None:
    assert "等封存" in words(auditor.get("/finance/ledger/1").text)


def test_an_entry_of_nowhere_is_not_found(auditor: Browser) -> None:
    for number in ("9", "0", "99999999999999999999", "9" * 5000):
        assert auditor.get(f"/finance/ledger/{number}").status_code == 404


def tampered(books: Counter, statement: str) -> None:
    with books.house.context.database.writing() as connection:
        table = statement.split()[1]
        find = sa.text("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = :table")
        for name in connection.scalars(find, {"table": table}).all():
            connection.execute(sa.text(f'DROP TRIGGER "{name}"'))
        connection.execute(sa.text(statement))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_entry SET summary = '改过' WHERE entry_no = 2",
        "UPDATE ledger_posting SET account_id = '1002' WHERE entry_no = 2 AND account_id = '1021'",
        "UPDATE ledger_posting SET debit_fen = 1 WHERE entry_no = 2 AND debit_fen > 0",
    ],
)
def test_an_altered_entry_is_shown_as_one_and_found_by_the_check(
    auditor: Browser, books: Counter, statement: str
) -> None:
    seal(books)
    tampered(books, statement)
    assert "与内容不符" in auditor.get("/finance/ledger/2").text
    assert "与内容相符" in auditor.get("/finance/ledger/1").text
    page = words(auditor.post("/finance/ledger/verify", follow_redirects=True).text)
    assert "对不上" in page
    assert "凭证 2" in page
    assert "先别记新账" in page
    assert books.count("audit_event", "action = 'ledger.verify' AND outcome = 'failed'") == 1


def test_sound_books_are_checked_and_the_check_is_on_record(auditor: Browser, books: Counter) -> None:
    before = words(auditor.get("/finance/ledger/seals").text)
    assert "核对一致" not in before
    assert "还有 3 笔等封存" in before
    seal(books)
    page = words(auditor.post("/finance/ledger/verify", follow_redirects=True).text)
    assert "核对一致" in page
    assert "3 笔凭证、1 段封存，都和摘要相符" in page
    assert "没有等封存的凭证" in page
    assert "1–3" in page
    assert "核对一致" in words(auditor.get("/finance/ledger/seals").text), "it stays until the next check"
    assert books.count("audit_event", "action = 'ledger.verify' AND outcome = 'done'") == 1


def test_a_head_that_is_missing_outside_is_marked(auditor: Browser, books: Counter) -> None:
    seal(books)
    [heads] = (books.house.context.settings.data_dir / "seals").glob("*.jsonl")
    assert "缺" not in words(auditor.get("/finance/ledger/seals").text)
    heads.write_bytes(b"")
    assert "缺" in words(auditor.get("/finance/ledger/seals").text)


def test_a_sealing_that_lags_behind_is_told(
    auditor: Browser, clock: FixedClock, login_as: LoginAs, books: Counter
) -> None:
    clock.moment += timedelta(minutes=5)
    page = words(login_as(Role.AUDITOR).get("/finance/ledger/seals").text)
    assert "最久的等了 5 分钟" in page
    assert "封存落后了" in page


def test_the_trial_balance_holds_every_subject_on_a_day(auditor: Browser) -> None:
    page = words(auditor.get("/finance/ledger/trial-balance").text)
    assert "借贷平衡" in page
    for row in (
        "1001 库存现金 0.00 1,200.00 1,200.00 借 0.00",
        "1021 其他货币资金 0.00 300.00 0.00 借 300.00",
        "23050103 住院预收款 0.00 1,200.00 1,500.00 贷 300.00",
    ):
        assert row.replace(" ", "") in page.replace(" ", "")
    assert "到这天还没有账" in auditor.get("/finance/ledger/trial-balance?on=2026-01-14").text


def test_next_year_opens_with_this_years_balances(auditor: Browser) -> None:
    page = words(auditor.get("/finance/ledger/trial-balance?on=2027-01-01").text).replace(" ", "")
    assert "1021其他货币资金300.000.000.00借300.00" in page


def test_no_page_of_the_books_names_a_patient(auditor: Browser, login_as: LoginAs, books: Counter) -> None:
    seal(books)
    paths = ("", "/1", "/2", "/3", "/seals", "/trial-balance", f"?q={STAY}")
    for role in (Role.AUDITOR, Role.FINANCE_OFFICER, Role.FINANCE_APPROVER):
        for path in paths:
            page = login_as(role).get(f"/finance/ledger{path}").text
            assert "凭证" in page
            assert NAME not in page
            assert "石生" not in page


@pytest.mark.parametrize("role", [Role.CASHIER, Role.SYSTEM_ADMINISTRATOR, Role.SECURITY_ADMINISTRATOR])
def test_the_books_are_shut_to_everybody_else(books: Counter, login_as: LoginAs, role: Role) -> None:
    browser = login_as(role)
    for path in ("", "/1", "/seals", "/trial-balance"):
        assert browser.get(f"/finance/ledger{path}").status_code == 403
    assert browser.post("/finance/ledger/verify").status_code == 403


def test_an_entry_of_another_hospital_is_not_shown(
    auditor: Browser, books: Counter, sqlite_database: Database
) -> None:
    with sqlite_database.reading() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM ledger_entry")) == 3
    from tests.books import entry, line, open_books, post

    clock = books.house.context.clock
    open_books(sqlite_database, clock)
    [number] = post(sqlite_database, *[entry(clock, line("1001", 77700), line("410101", -77700))])
    assert "777.00" not in auditor.get("/finance/ledger").text
    assert "777.00" not in auditor.get(f"/finance/ledger/{number}").text
