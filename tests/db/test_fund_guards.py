"""Lending, second persons and red letters of the restricted fund: what raw SQL can't do on either database."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from hospital_prepay.clock import FixedClock
from hospital_prepay.domain.errors import InsufficientFund, PrepayError
from hospital_prepay.domain.ledger.chart import distributed_account, earmark_account, owed_account, reserved_account
from hospital_prepay.domain.ledger.entry import reversing
from hospital_prepay.domain.rules.fund.distribution import may_distribute
from hospital_prepay.domain.rules.fund.recall import withholding
from hospital_prepay.persistence.database import Database
from hospital_prepay.persistence.ledger import ledger_on, open_account
from hospital_prepay.persistence.models.fund import FundGrant
from hospital_prepay.persistence.models.fund_apply import FundApplication, FundDistribution, FundEmergency
from hospital_prepay.persistence.models.fund_members import FundMember
from hospital_prepay.persistence.models.fund_recall import FundRecall
from hospital_prepay.persistence.models.fund_reconciliation import FundPeriodStep
from hospital_prepay.rulebook.loader import load_rulebook
from tests.books import HOSPITAL, balance, book_receipt
from tests.db.test_restricted_fund import FORBIDDEN, GRANT, Books
from tests.hospital import enter_people

RESERVED, EARMARK, OWED = reserved_account(GRANT), earmark_account(GRANT), owed_account(GRANT)


REGIMES = sorted(load_rulebook().regimes)


@pytest.fixture
def books(database: Database, clock: FixedClock) -> Books:
    return Books(database, clock)


def insert(books: Books, table: Any, **values: Any) -> None:
    with books.database.writing() as connection:
        connection.execute(sa.insert(table).values(institution_id=HOSPITAL, **values))


def add_grant(books: Books, regime: str, name: str, state: str) -> None:
    now = books.clock.now()
    by = {"decision_id": "d", "applied_by": "a", "applied_at": now}
    place = {"regime": regime, "pool_region": name, "fund": "employee", "year": 2026, "kind": "basic"}
    insert(books, FundGrant, grant_id=name, state="applied", applied_fen=100, **place, **by)
    walk: list[dict[str, Any]] = [
        {"state": "approved", "approved_fen": 100, "approved_on": books.clock.today(), "recorded_by": "b"},
        *([{"state": state}] if state != "approved" else []),
    ]
    for values in walk:
        if values["state"] == "received":
            book_receipt(books.database, books.clock, name, 100)
        with books.database.writing() as connection:
            books.set(connection, FundGrant, FundGrant.grant_id == name, **values)


MEMBER = {"member_code": "H52010000002", "member_name": "x", "account_no": "1", "document": "x"}
HANDED = {"member_code": "H52010000002", "member_name": "x", "member_no": 1, "document": "x"}


def enter_member(books: Books, number: int = 1, one: str = "a", another: str = "b", **changes: Any) -> None:
    """Two people put a member into the register."""
    by = {"state": "proposed", "proposed_by": one, "proposed_at": books.clock.now(), "left_ground": ""}
    insert(books, FundMember, member_no=number, **{**MEMBER, **changes}, **by)
    decide_member(books, number, state="confirmed", decided_by=another)


def decide_member(books: Books, number: int, **values: Any) -> None:
    with books.database.writing() as connection:
        books.set(connection, FundMember, FundMember.member_no == number, **values)


def hand_on(books: Books, grant: str, member: str = "H52010000002") -> None:
    given = {"member_code": member, "member_name": "x", "member_no": 1, "amount_fen": 100, "document": "x"}
    by = {"state": "asked", "asked_by": "a", "asked_at": books.clock.now()}
    insert(books, FundDistribution, distribution_id="d1", grant_id=grant, **given, **by)


# -- Lending --------------------------------------------------------------------------------------------------------


@pytest.mark.clause("zhejiang-prepay-2025/5.3", "xizang-prepay-2024/12", "weihai-prepay-2025/2.3")
@pytest.mark.parametrize("regime", REGIMES)
def test_only_where_a_lead_hospital_is_named_is_a_prepayment_handed_on(books: Books, regime: str) -> None:
    enter_member(books)
    add_grant(books, regime, "g", "received")
    if may_distribute(regime):
        hand_on(books, "g")
        return
    with pytest.raises(sa.exc.DBAPIError, match="no_lead_hospital"):
        hand_on(books, "g")


@pytest.mark.parametrize("member", [HOSPITAL, HOSPITAL.lower()])
def test_a_prepayment_is_not_handed_on_to_the_house_itself(books: Books, member: str) -> None:
    add_grant(books, "weihai-prepay-2025", "g", "received")
    with pytest.raises(sa.exc.DBAPIError, match=r"no_lead_hospital|member_is_another|not_a_member"):
        hand_on(books, "g", member)


@pytest.mark.clause("weihai-prepay-2025/2.3", "weihai-prepay-2025/3")
def test_a_prepayment_is_handed_on_only_to_who_stands_in_the_register(books: Books) -> None:
    add_grant(books, "weihai-prepay-2025", "g", "received")
    with pytest.raises(sa.exc.DBAPIError, match="not_a_member"):
        hand_on(books, "g")
    by = {"state": "proposed", "proposed_by": "a", "proposed_at": books.clock.now(), "left_ground": ""}
    insert(books, FundMember, member_no=1, **MEMBER, **by)
    with pytest.raises(sa.exc.DBAPIError, match="not_a_member"):
        hand_on(books, "g")
    decide_member(books, 1, state="confirmed", decided_by="b")
    with pytest.raises(sa.exc.DBAPIError, match="not_a_member"):
        hand_on(books, "g", "H52010000003")
    hand_on(books, "g")
    decide_member(books, 1, state="left", left_by="c", left_at=books.clock.now(), left_ground="退出医共体")
    with pytest.raises(sa.exc.DBAPIError, match="not_a_member"):
        approve(books, "d1", "c")


@pytest.mark.parametrize(("asked", "agreed"), [("a", "b"), ("b", "a")])
def test_the_two_who_entered_a_member_do_not_hand_on_to_it_alone(books: Books, asked: str, agreed: str) -> None:
    add_grant(books, "weihai-prepay-2025", "g", "received")
    enter_member(books)
    hand_on_by(books, "d1", asked)
    with pytest.raises(sa.exc.DBAPIError, match="third_person"):
        approve(books, "d1", agreed)
    for person in ("B", " b", "nobody"):
        with pytest.raises(sa.exc.DBAPIError, match=r"third_person|second_person"):
            approve(books, "d1", person)
    approve(books, "d1", "c")


def hand_on_by(books: Books, name: str, person: str) -> None:
    given = {**HANDED, "amount_fen": 100}
    by = {"state": "asked", "asked_by": person, "asked_at": books.clock.now()}
    insert(books, FundDistribution, distribution_id=name, grant_id="g", **given, **by)


def approve(books: Books, name: str, person: str) -> None:
    with books.database.writing() as connection:
        which = FundDistribution.distribution_id == name
        books.set(connection, FundDistribution, which, state="approved", decided_by=person)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"state": "confirmed"}, "second_person"),
        ({"state": "confirmed", "decided_by": "a"}, "second_person"),
        ({"state": "confirmed", "decided_by": "A "}, "second_person"),
        ({"state": "confirmed", "decided_by": "nobody"}, "second_person"),
        ({"state": "confirmed", "decided_by": "elsewhere"}, "second_person"),
        ({"state": "confirmed", "decided_by": "b", "account_no": "2"}, "wrong_step|permission"),
        ({"state": "confirmed", "decided_by": "b", "member_code": "H1"}, "wrong_step|permission"),
        ({"state": "left", "left_by": "b", "left_ground": "x"}, "wrong_step|second_person"),
        ({"state": "left", "decided_by": "b", "left_by": "b", "left_ground": "x"}, "wrong_step"),
        ({"member_name": "y"}, "wrong_step|permission"),
    ],
)
def test_the_register_takes_two_people_and_is_never_written_over(
    books: Books, changes: dict[str, str], told: str
) -> None:
    with books.database.writing() as connection:
        enter_people(connection, books.clock, "H52010000002", "elsewhere")
    by = {"state": "proposed", "proposed_by": "a", "proposed_at": books.clock.now(), "left_ground": ""}
    insert(books, FundMember, member_no=1, **MEMBER, **by)
    with pytest.raises(sa.exc.DBAPIError, match=told):
        decide_member(books, 1, **changes)
    decide_member(books, 1, state="confirmed", decided_by="b")
    with pytest.raises(sa.exc.DBAPIError):
        decide_member(books, 1, state="declined", decided_by="c")
    with pytest.raises(sa.exc.DBAPIError), books.database.writing() as connection:
        connection.execute(sa.delete(FundMember))


@pytest.mark.parametrize(
    "changes",
    [
        {"state": "confirmed", "decided_by": "b"},
        {"proposed_by": "nobody"},
        {"member_no": 2},
        {"member_code": "h52010000002"},
        {"member_code": "H5201-000002"},
        {"member_code": HOSPITAL},
        {"account_no": " "},
        {"document": ""},
    ],
)
def test_a_member_is_written_down_whole_by_somebody_of_the_house(books: Books, changes: dict[str, Any]) -> None:
    by = {
        "state": "proposed",
        "proposed_by": "a",
        "proposed_at": books.clock.now(),
        "left_ground": "",
        "member_no": 1,
    }
    with pytest.raises(sa.exc.DBAPIError):
        insert(books, FundMember, **{**MEMBER, **by, **changes})
    insert(books, FundMember, **{**MEMBER, **by})
    with pytest.raises(sa.exc.DBAPIError):
        insert(books, FundMember, **{**MEMBER, **by, "member_no": 2})


def test_no_raw_statement_lends_the_earmark(books: Books) -> None:
    enter_member(books)
    with books.database.writing() as connection:
        books.set(connection, FundGrant, FundGrant.grant_id == GRANT, state="received")
        open_account(
            connection,
            HOSPITAL,
            distributed_account(GRANT),
            name="x",
            opened_at=books.clock.now(),
            guarded=True,
            fund=GRANT,
        )
    with pytest.raises(sa.exc.DBAPIError, match="no_lead_hospital"):
        hand_on(books, GRANT)
    with pytest.raises(InsufficientFund):
        books.post(
            "fund_distribution",
            (distributed_account(GRANT), 100, 0),
            (EARMARK, 0, 100),
            source="fund_distribution:d1",
        )
    assert books.standing == (100000, 0, 100000)


# -- Books and requests agree ---------------------------------------------------------------------------------------


def test_a_payment_takes_only_what_was_reserved(books: Books) -> None:
    books.reserve("r1", 30000)
    with pytest.raises(InsufficientFund):
        books.post("fund_payment", ("2302", 30000, 0), (EARMARK, 0, 30000), source="fund_request:r1")
    mixed = (("2302", 30000, 0), (EARMARK, 0, 1), (RESERVED, 0, 29999))
    with pytest.raises(InsufficientFund):
        books.post("fund_payment", *mixed, source="fund_request:r1")
    assert books.standing == (70000, 30000, 100000)


def reverse(books: Books, number: int, fen: int, kind: str = "fund_payment_bounced", source: str = "r1") -> None:
    original = books.entry("fund_payment", ("2302", fen, 0), (RESERVED, 0, fen), source=f"fund_request:{source}")
    at = {"at": books.clock.now(), "day": books.clock.today(), "by": "x"}
    red = reversing(original, number, idempotency_key=f"red-{number}", kind=kind, summary="x", **at)
    with books.database.writing() as connection:
        ledger_on(connection).post(red)


@pytest.fixture
def paid(books: Books) -> int:
    """The number of the payment of r1; r2 is reserved still."""
    books.reserve("r1", 30000)
    books.reserve("r2", 10000)
    number = books.pay("r1", 30000)
    books.walk_paid("r1")
    return number


@pytest.mark.parametrize(("kind", "source"), [("x", "r1"), ("fund_payment", "r1"), ("fund_payment_bounced", "r2")])
def test_a_payment_is_reversed_only_as_one_that_bounced(books: Books, paid: int, kind: str, source: str) -> None:
    with pytest.raises(PrepayError):
        reverse(books, paid, 30000, kind, source)
    assert books.standing == (60000, 10000, 100000)


def give_back(books: Books, name: str, fen: int) -> None:
    books.post("fund_unreserve", (EARMARK, fen, 0), (RESERVED, 0, fen), source=f"fund_request:{name}")


def end(books: Books, name: str) -> None:
    books.walk(name, state="released", ended_by="d", ended_at=books.clock.now(), ended_ground="x")


def test_after_a_red_letter_nothing_is_booked_until_its_request_has_ended(books: Books, paid: int) -> None:
    reverse(books, paid, 30000)
    with pytest.raises(InsufficientFund):
        books.pay("r2", 10000)
    with pytest.raises(InsufficientFund):
        books.post("fund_reserve", (RESERVED, 100, 0), (EARMARK, 0, 100))
    with pytest.raises(sa.exc.DBAPIError):
        end(books, "r1")  # what it held lies among what is reserved
    with pytest.raises(sa.exc.DBAPIError):
        books.walk("r1", state="evidenced")
    give_back(books, "r1", 30000)
    with pytest.raises(sa.exc.DBAPIError):
        books.walk("r1", state="evidenced")
    with pytest.raises(InsufficientFund):
        books.pay("r2", 10000)
    end(books, "r1")
    books.pay("r2", 10000)
    books.walk_paid("r2")
    assert books.standing == (90000, 0, 100000)


def test_a_payment_that_no_request_knows_of_stops_its_grant(books: Books) -> None:
    books.reserve("r1", 30000)
    books.reserve("r2", 10000)
    books.pay("r1", 30000)
    for attempt in (
        lambda: books.pay("r2", 10000),
        lambda: books.post("fund_return", (OWED, 100, 0), (EARMARK, 0, 100)),
        lambda: end(books, "r1"),
        lambda: end(books, "r2"),
    ):
        with pytest.raises((InsufficientFund, sa.exc.DBAPIError)):
            attempt()
    books.walk_paid("r1")
    books.pay("r2", 10000)


def test_a_request_that_is_paid_does_not_end_without_its_red_letter(books: Books, paid: int) -> None:
    with pytest.raises(sa.exc.DBAPIError):
        end(books, "r1")


@pytest.mark.parametrize("fen", [0, 9999, 10001])
def test_a_request_ends_with_exactly_its_money_given_back(books: Books, paid: int, fen: int) -> None:
    books.reserve("r3", 10000)
    if fen:
        give_back(books, "r2", fen)
    with pytest.raises(sa.exc.DBAPIError):
        end(books, "r2")


def test_nothing_is_reserved_without_its_entry(books: Books) -> None:
    books.ask("r1", 30000)
    books.walk("r1", state="department", department_by="b")
    with pytest.raises(sa.exc.DBAPIError):
        books.walk("r1", state="reserved", finance_by="c")


def test_of_several_entries_in_one_call_a_grant_has_one(books: Books) -> None:
    """Each would be looked at with the balances after the last: a spending hidden by a return behind it."""
    spending = books.entry("x", ("2302", 500, 0), (EARMARK, 0, 500))
    return_ = books.entry("x", (OWED, 500, 0), ("1002", 0, 500))
    with pytest.raises(InsufficientFund, match="医保预付金"), books.database.writing() as connection:
        ledger_on(connection).post_many([spending, return_])
    assert balance(books.database, EARMARK) == 100000


def test_who_misuses_a_grant_books_nothing_beside_it(books: Books) -> None:
    """A call that is refused for a balance leaves that entry out; one that would misuse the fund is refused whole."""
    plain = books.entry("x", ("1001", 7, 0), ("1002", 0, 7), fund="")
    misuse = books.entry("x", ("2302", 500, 0), (EARMARK, 0, 500))
    with pytest.raises(InsufficientFund) as caught, books.database.writing() as connection:
        ledger_on(connection).post_many([plain, misuse])
    assert caught.value.reason == "restricted"
    with books.database.reading() as connection:
        query = sa.text("SELECT 1 FROM ledger_entry WHERE idempotency_key = :key")
        assert not connection.execute(query, {"key": plain.idempotency_key}).all()


# -- Second persons -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("checker", ["a", "A", " a ", "nobody"])
def test_a_month_is_checked_by_somebody_else_of_the_house(books: Books, checker: str) -> None:
    step = {"period": "2026-01", "digest": "0" * 64, "zero": True, "ground": "", "taken_at": books.clock.now()}
    insert(books, FundPeriodStep, step_no=1, step="made", taken_by="a", **step)
    with pytest.raises(sa.exc.DBAPIError):
        insert(books, FundPeriodStep, step_no=2, step="checked", taken_by=checker, **step)
    insert(books, FundPeriodStep, step_no=2, step="checked", taken_by="b", **step)


@pytest.mark.parametrize("user", ["a", "A", " a", "nobody"])
def test_the_document_of_an_emergency_is_used_by_somebody_else(books: Books, user: str) -> None:
    place = {"regime": "weihai-prepay-2025", "year": 2026}
    now, today = books.clock.now(), books.clock.today()
    made = {"document": "x", "issued_on": today, "adjusts": ["size"], "recorded_by": "a", "recorded_at": now}
    insert(books, FundEmergency, emergency_id="e", **place, **made)
    used = {"pool_region": "x", "fund": "employee", "amount_fen": 5, "outcome": "permitted", "facts": {}}
    by = {"emergency_id": "e", "applied_at": now, **place, **used}
    with pytest.raises(sa.exc.DBAPIError):
        insert(books, FundApplication, decision_id="d1", applied_by=user, **by)
    insert(books, FundApplication, decision_id="d2", applied_by="b", **by)


@pytest.mark.parametrize("regime", REGIMES)
def test_what_a_notice_withholds_stays_withheld_while_a_recall_stands(books: Books, regime: str) -> None:
    now, today = books.clock.now(), books.clock.today()
    add_grant(books, regime, "g", "withheld")
    ground = {"ground": 1, "clause": "x", "what": "x", "since_on": today, "document": "x", "decision_id": "d"}
    by = {"state": "standing", "recorded_by": "a", "recorded_at": now}
    insert(books, FundRecall, recall_id="r", regime=regime, **ground, **by)

    def let_go() -> None:
        with books.database.writing() as connection:
            books.set(connection, FundGrant, FundGrant.grant_id == "g", state="approved")

    if withholding(load_rulebook().regime(regime, 2026)) is None:
        let_go()
        return
    with pytest.raises(sa.exc.DBAPIError, match="recall_stands"):
        let_go()
    with books.database.writing() as connection:
        values = {"state": "lifted", "ended_by": "b", "ended_at": now, "ended_document": "x", "ended_ground": "x"}
        known = {name: value for name, value in values.items() if hasattr(FundRecall, name)}
        books.set(connection, FundRecall, FundRecall.recall_id == "r", **known)
    let_go()


# -- What no pragma of SQLite switches off --------------------------------------------------------------------------


@pytest.fixture
def raw(sqlite_database: Database, clock: FixedClock) -> Iterator[tuple[Books, sqlite3.Connection]]:
    """A grant that arrived, and its file opened by somebody who turned everything off that can be turned off."""
    books = Books(sqlite_database, clock)
    connection = sqlite3.connect(str(sqlite_database.url.database), isolation_level=None)
    for pragma in ("recursive_triggers = OFF", "foreign_keys = OFF", "ignore_check_constraints = ON"):
        connection.execute(f"PRAGMA {pragma}")
    yield books, connection
    connection.close()


def raw_line(category: str, outcome: str, fen: str = "100", batch: str = "''", line: int = 1) -> str:
    return (
        "INSERT OR REPLACE INTO fund_request_line (institution_id, request_id, line_no, category, name, code,"
        " order_no, amount_fen, outcome, batch)"
        f" VALUES ('{HOSPITAL}', 'r1', {line}, '{category}', 'x', '', '', {fen}, '{outcome}', {batch})"
    )


@pytest.mark.parametrize("category", FORBIDDEN)
def test_no_pragma_lets_a_forbidden_line_in(raw: tuple[Books, sqlite3.Connection], category: str) -> None:
    books, file = raw
    books.ask("r1", 100)
    for outcome in ("permitted", "held"):
        with pytest.raises(sqlite3.IntegrityError, match="medical"):
            file.execute(raw_line(category, outcome, line=2))


@pytest.mark.parametrize("fen", ["0", "-5", "0.5", "'many'"])
def test_no_pragma_lets_an_amount_in_that_is_none(raw: tuple[Books, sqlite3.Connection], fen: str) -> None:
    books, file = raw
    books.ask("r1", 100)
    with pytest.raises(sqlite3.IntegrityError, match="amount"):
        file.execute(raw_line("drug", "permitted", fen, line=2))
    number = books.count + 1
    for debit, credit in ((fen, "0"), ("0", fen)):
        with pytest.raises(sqlite3.IntegrityError, match=r"amount|sides|one_side"):
            file.execute(
                f"INSERT INTO ledger_posting VALUES ('{HOSPITAL}', {number}, 1, '1001', {debit}, {credit}, '')"
            )


def test_a_default_does_not_come_past_the_triggers(raw: tuple[Books, sqlite3.Connection]) -> None:
    books, file = raw
    books.ask("r1", 100)
    with pytest.raises(sqlite3.IntegrityError, match="not_null"):
        file.execute(raw_line("drug", "permitted", batch="NULL", line=2))


@pytest.mark.parametrize(
    ("before", "step"),
    [
        ("asked", "state = 'department'"),
        ("asked", "state = 'department', department_by = 'a'"),
        ("department", "state = 'reserved'"),
        ("department", "state = 'reserved', finance_by = 'b'"),
        ("paid", "state = 'paid'"),
        ("paid", "state = 'paid', paid_by = 'c', bank_reference = 'B1'"),
        ("paid", "state = 'paid', paid_by = 'd', bank_reference = ''"),
        ("held", "state = 'department', department_by = 'b'"),
        ("held", "state = 'department', department_by = 'b', grounded_by = 'b', ground = ''"),
    ],
)
def test_no_pragma_spares_a_person(raw: tuple[Books, sqlite3.Connection], before: str, step: str) -> None:
    books, file = raw
    if before == "paid":
        books.reserve("r1", 100)
        books.pay("r1", 100)
    else:
        books.ask("r1", 100, *(("reagent", "held") if before == "held" else ("drug", "permitted")))
    if before == "department":
        books.walk("r1", state="department", department_by="b")
        books.post("fund_reserve", (RESERVED, 100, 0), (EARMARK, 0, 100))
    for verb in ("UPDATE", "UPDATE OR REPLACE"):
        with pytest.raises(sqlite3.IntegrityError):
            file.execute(f"{verb} fund_request SET {step} WHERE request_id = 'r1'")


def test_a_request_is_not_paid_again_by_pushing_its_payment_out(raw: tuple[Books, sqlite3.Connection]) -> None:
    books, file = raw
    books.reserve("r1", 100)
    books.reserve("r2", 100)
    number = books.pay("r1", 100) + 1
    moment = "2026-01-15T02:00:00.000000+00:00"
    file.execute("BEGIN")
    file.execute(f"INSERT INTO ledger_posting VALUES ('{HOSPITAL}', {number}, 1, '2302', 100, 0, '{GRANT}')")
    file.execute(f"INSERT INTO ledger_posting VALUES ('{HOSPITAL}', {number}, 2, '{RESERVED}', 0, 100, '{GRANT}')")
    for verb in ("INSERT", "INSERT OR REPLACE", "REPLACE"):
        with pytest.raises(sqlite3.IntegrityError, match="fund_payment"):
            file.execute(
                f"{verb} INTO ledger_entry VALUES ('{HOSPITAL}', {number}, 'fund_payment', 'x', 'fund_request:r1',"
                f" 'k', NULL, 2, '{moment}', '{moment}', '2026-01-15', 'x', zeroblob(32))"
            )
    file.execute("ROLLBACK")
    assert file.execute("SELECT count(*) FROM ledger_entry WHERE kind = 'fund_payment'").fetchone() == (1,)


@pytest.mark.parametrize("booked", [0, 99])
def test_a_grant_is_received_only_with_its_entry(books: Books, booked: int) -> None:
    add_grant(books, "xizang-prepay-2024", "g", "approved")
    if booked:
        with pytest.raises(PrepayError):
            book_receipt(books.database, books.clock, "g", booked)
    with pytest.raises(sa.exc.DBAPIError, match="not_booked"), books.database.writing() as connection:
        books.set(connection, FundGrant, FundGrant.grant_id == "g", state="received")
    book_receipt(books.database, books.clock, "g", 100)
    with books.database.writing() as connection:
        books.set(connection, FundGrant, FundGrant.grant_id == "g", state="received")
