"""What both databases refuse of the restricted fund, whoever posts: the application's own user with raw SQL."""

from __future__ import annotations

import runpy
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from hospital_prepay.clock import FixedClock
from hospital_prepay.domain.errors import Conflict, InsufficientFund, PrepayError
from hospital_prepay.domain.ledger.chart import earmark_account, owed_account, reserved_account
from hospital_prepay.domain.ledger.entry import JournalEntry, Posting, reversing
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.references import payment_reference
from hospital_prepay.persistence.database import Database
from hospital_prepay.persistence.ledger import ledger_on, open_account
from hospital_prepay.persistence.models.access import ApiClient
from hospital_prepay.persistence.models.base import Base
from hospital_prepay.persistence.models.fund import FundEvidence, FundGrant, FundRequest, FundRequestLine
from hospital_prepay.persistence.models.fund_recall import FundBankEvidence
from hospital_prepay.persistence.models.fund_returns import FundOffset
from hospital_prepay.persistence.models.ledger import LedgerEntry
from tests.books import HOSPITAL, balance, open_books
from tests.hospital import enter_people

MIGRATIONS = Path(__file__).parents[2] / "migrations"
GRANT = "01a21035-0000-7000-8000-000000000001"
FORBIDDEN = (
    *("construction", "debt_service", "equipment", "guarantee", "investment", "lending", "office", "payroll"),
    *("tax", "utilities", "party"),
)
pytestmark = pytest.mark.clause(
    "weihai-prepay-2025/1",
    "weihai-prepay-2025/3",
    "xizang-prepay-2024/9",
    "xizang-prepay-2024/12",
    "zhejiang-prepay-2025/1",
    "zhejiang-prepay-2025/5.3",
)


class Books:
    """A grant of 1,000.00 yuan that has arrived, and raw acts on it."""

    def __init__(self, database: Database, clock: FixedClock) -> None:
        self.database, self.clock, self.count = database, clock, 0
        open_books(database, clock)
        now = clock.now()
        with database.writing() as connection:
            enter_people(connection, clock, HOSPITAL, "a", "b", "c", "d")
            connection.execute(
                sa.insert(FundGrant).values(
                    institution_id=HOSPITAL,
                    grant_id=GRANT,
                    regime="zhejiang-prepay-2025",
                    pool_region="x",
                    fund="employee",
                    year=2026,
                    kind="basic",
                    state="applied",
                    applied_fen=100000,
                    decision_id="d",
                    applied_by="a",
                    applied_at=now,
                )
            )
            self.set(
                connection,
                FundGrant,
                FundGrant.grant_id == GRANT,
                state="approved",
                approved_fen=100000,
                approved_on=clock.today(),
                recorded_by="b",
                recorded_at=now,
            )
            for account in (earmark_account(GRANT), reserved_account(GRANT), owed_account(GRANT)):
                open_account(connection, HOSPITAL, account, name="x", opened_at=now, guarded=True, fund=GRANT)
        self.post("fund_receipt", (earmark_account(GRANT), 100000, 0), (owed_account(GRANT), 0, 100000))

    @staticmethod
    def set(connection: sa.Connection, table: Any, where: Any, **values: Any) -> None:
        connection.execute(sa.update(table).where(where).values(**values))

    def offset(self, offset_id: str, fen: int, let_go: int) -> int:
        """A settlement kept whole, confirmed by ``b``, of which so much of the earmark is let go."""
        self.record_offset(offset_id, fen)
        with self.database.writing() as connection:
            decided = {"state": "confirmed", "decided_by": "b", "decided_at": self.clock.now()}
            self.set(connection, FundOffset, FundOffset.offset_id == offset_id, **decided)
        return self.post_offset(offset_id, fen, let_go)

    def record_offset(self, offset_id: str, fen: int) -> None:
        with self.database.writing() as connection:
            connection.execute(
                sa.insert(FundOffset).values(
                    institution_id=HOSPITAL,
                    offset_id=offset_id,
                    grant_id=GRANT,
                    settlement_fen=fen,
                    offset_fen=fen,
                    document=offset_id,
                    document_key=offset_id,
                    bank_reference="",
                    value_on=self.clock.today(),
                    state="recorded",
                    recorded_by="a",
                    recorded_at=self.clock.now(),
                )
            )

    def post_offset(self, offset_id: str, fen: int, let_go: int, kind: str = "fund_offset") -> int:
        freed = (("1002", let_go, 0), (earmark_account(GRANT), 0, let_go)) if let_go else ()
        lines = ((owed_account(GRANT), fen, 0), ("12120201", 0, fen), *freed)
        return self.post(kind, *lines, source=f"fund_offset:{offset_id}")

    def entry(self, kind: str, *lines: tuple[str, int, int], source: str = "x", fund: str = GRANT) -> JournalEntry:
        self.count += 1
        return JournalEntry(
            institution_id=HOSPITAL,
            idempotency_key=f"k{self.count}",
            kind=kind,
            summary="x",
            source=source,
            occurred_at=self.clock.now(),
            posted_at=self.clock.now(),
            effective_on=self.clock.today(),
            posted_by="x",
            postings=tuple(Posting(account, Money(debit), Money(credit), fund) for account, debit, credit in lines),
        )

    def post(self, kind: str, *lines: tuple[str, int, int], source: str = "x", fund: str = GRANT) -> int:
        with self.database.writing() as connection:
            number = ledger_on(connection).post(self.entry(kind, *lines, source=source, fund=fund))
            if kind == "fund_return":
                self.keep_slip(connection, kind, number)
            return number

    def keep_slip(self, connection: sa.Connection, kind: str, number: int, typed: str = "") -> None:
        """The bank's slip of an entry, as whoever books one keeps it; by another number where none is ``typed``."""
        typed = typed or f"HD-{number}"
        values = {"institution_id": HOSPITAL, "kind": kind, "entry_no": number, "value_on": self.clock.today()}
        by = {"as_typed": typed, "recorded_by": "a", "recorded_at": self.clock.now()}
        connection.execute(sa.insert(FundBankEvidence).values(**values, **by, reference=payment_reference(typed)))

    def ask(self, name: str, fen: int, category: str = "drug", outcome: str = "permitted", **values: Any) -> None:
        with self.database.writing() as connection:
            given: dict[str, Any] = {
                "institution_id": HOSPITAL,
                "request_id": name,
                "grant_id": GRANT,
                "payee_name": "x",
                "payee_credit_code": "9144030071526726XG",
                "purpose": "x",
                "total_fen": fen,
                "state": "asked",
                "decision_id": "d",
                "held": outcome == "held",
                "asked_by": "a",
                "asked_at": self.clock.now(),
                **values,
            }
            connection.execute(sa.insert(FundRequest).values(**given))
            connection.execute(
                sa.insert(FundRequestLine).values(
                    institution_id=HOSPITAL,
                    request_id=name,
                    line_no=1,
                    category=category,
                    name="x",
                    code="",
                    order_no="",
                    amount_fen=fen,
                    outcome=outcome,
                )
            )

    def walk(self, name: str, **values: Any) -> None:
        with self.database.writing() as connection:
            self.set(connection, FundRequest, FundRequest.request_id == name, **values)

    def reserve(self, name: str, fen: int) -> None:
        self.ask(name, fen)
        self.walk(name, state="department", department_by="b", department_at=self.clock.now())
        self.book_reservation(name, fen)
        self.walk(name, **self.reserved)

    @property
    def reserved(self) -> dict[str, Any]:
        """What finance writes when it reserves."""
        now = self.clock.now()
        return {"state": "reserved", "finance_by": "c", "finance_at": now, "expires_at": now + timedelta(days=7)}

    def book_reservation(self, name: str, fen: int, kind: str = "fund_reserve") -> None:
        lines = ((reserved_account(GRANT), fen, 0), (earmark_account(GRANT), 0, fen))
        self.post(kind, *lines, source=f"fund_request:{name}")

    def book_release(self, name: str, fen: int) -> None:
        lines = ((earmark_account(GRANT), fen, 0), (reserved_account(GRANT), 0, fen))
        self.post("fund_unreserve", *lines, source=f"fund_request:{name}")

    def walk_paid(self, name: str) -> None:
        self.walk(name, state="paid", paid_by="d", paid_at=self.clock.now(), bank_reference="B1")

    def pay(self, name: str, fen: int, kind: str = "fund_payment", to: str = "2302") -> int:
        return self.post(kind, (to, fen, 0), (reserved_account(GRANT), 0, fen), source=f"fund_request:{name}")

    def prove(self, name: str, invoice_no: str) -> None:
        with self.database.writing() as connection:
            connection.execute(
                sa.insert(FundEvidence).values(
                    institution_id=HOSPITAL,
                    request_id=name,
                    line_no=1,
                    invoice_no=invoice_no,
                    amount_fen=1,
                    detail={},
                    recorded_by="a",
                    recorded_at=self.clock.now(),
                )
            )

    def bounce(self, name: str, fen: int) -> None:
        """The payment in red and the reservation back, as the program books it."""
        source = f"fund_request:{name}"
        with self.database.writing() as connection:
            number = connection.scalar(
                sa.select(LedgerEntry.entry_no).where(
                    LedgerEntry.source == source, LedgerEntry.kind == "fund_payment"
                )
            )
        assert number is not None
        paid = (("2302", fen, 0), (reserved_account(GRANT), 0, fen))
        reverse(self, "fund_payment", number, *paid, source=source, red="fund_payment_bounced")
        self.book_release(name, fen)
        self.walk(name, state="released", ended_by="c", ended_at=self.clock.now(), ended_ground="x")

    @property
    def standing(self) -> tuple[int, int, int]:
        """Unspent, reserved, owed."""
        accounts = (earmark_account(GRANT), reserved_account(GRANT), owed_account(GRANT))
        return tuple(balance(self.database, account) for account in accounts)  # type: ignore[return-value]


@pytest.fixture
def books(database: Database, clock: FixedClock) -> Books:
    return Books(database, clock)


def test_a_request_that_walked_past_three_people_is_paid_and_what_is_owed_stays(books: Books) -> None:
    books.reserve("r1", 30000)
    assert books.standing == (70000, 30000, 100000)
    books.pay("r1", 30000)
    books.walk_paid("r1")
    assert books.standing == (70000, 0, 100000)


def test_a_reservation_that_ran_out_pays_nothing(books: Books) -> None:
    books.reserve("r1", 30000)
    books.clock.moment += timedelta(days=7)
    with pytest.raises(Conflict, match="预留已经到期"):
        books.pay("r1", 30000)
    books.clock.moment -= timedelta(seconds=1)
    books.pay("r1", 30000)
    assert books.standing == (70000, 0, 100000)


@pytest.mark.parametrize("account", ["2302", "2307", "1001", "1002", "1218", "410101", "130201"])
@pytest.mark.parametrize("kind", ["fund_payment", "fund_receipt", "anything"])
def test_no_entry_takes_money_out_without_a_request(books: Books, account: str, kind: str) -> None:
    with pytest.raises(InsufficientFund, match="医保预付金只能用于"):
        books.post(kind, (account, 100, 0), (earmark_account(GRANT), 0, 100))
    assert books.standing == (100000, 0, 100000)


def test_money_of_a_grant_cannot_leave_under_another_name(books: Books) -> None:
    for fund in ("", "01a21035-0000-7000-8000-000000000002"):
        with pytest.raises(PrepayError):
            books.post("x", ("2302", 100, 0), (earmark_account(GRANT), 0, 100), fund=fund)


def test_a_request_pays_once_its_own_sum_and_only_what_is_payable(books: Books) -> None:
    books.reserve("r1", 30000)
    for attempt in (
        lambda: books.pay("r1", 29999),
        lambda: books.pay("r1", 30000, to="2307"),
        lambda: books.pay("r1", 30000, kind="fund_paid"),
        lambda: books.pay("r2", 30000),
    ):
        with pytest.raises(PrepayError):
            attempt()
    books.pay("r1", 30000)
    books.walk_paid("r1")
    books.post("fund_reserve", (reserved_account(GRANT), 30000, 0), (earmark_account(GRANT), 0, 30000))
    with pytest.raises(PrepayError):
        books.pay("r1", 30000)
    assert books.standing == (40000, 30000, 100000)


@pytest.mark.parametrize(
    "step",
    [
        {"state": "reserved", "finance_by": "c"},
        {"state": "paid", "paid_by": "d", "bank_reference": "x"},
        {"state": "department", "department_by": "a"},
        {"state": "department", "department_by": None},
        {"state": "department", "department_by": "b", "total_fen": 1},
        {"state": "evidenced"},
        {"state": "refused"},
    ],
)
def test_a_request_jumps_no_step_and_changes_no_sum(books: Books, step: dict[str, Any]) -> None:
    books.ask("r1", 30000)
    with pytest.raises(sa.exc.DBAPIError):
        books.walk("r1", **step)


@pytest.mark.parametrize("department", ["a", "A", " a ", "nobody", ""])
def test_whoever_asked_or_is_nobody_does_not_agree(books: Books, department: str) -> None:
    books.ask("r1", 30000)
    with pytest.raises(sa.exc.DBAPIError):
        books.walk("r1", state="department", department_by=department)


@pytest.mark.parametrize("finance", ["a", "b", "A", " b", "nobody"])
def test_whoever_asked_or_agreed_or_is_nobody_does_not_reserve(books: Books, finance: str) -> None:
    books.ask("r1", 30000)
    books.walk("r1", state="department", department_by="b")
    with pytest.raises(sa.exc.DBAPIError):
        books.walk("r1", state="reserved", finance_by=finance)


@pytest.mark.parametrize("category", FORBIDDEN)
def test_a_forbidden_use_can_only_be_written_down_as_refused(books: Books, category: str) -> None:
    for outcome in ("permitted", "held"):
        with pytest.raises(sa.exc.DBAPIError):
            books.ask("r1", 100, category, outcome)
    books.ask("r1", 100, category, "refused", state="refused")
    with pytest.raises(sa.exc.DBAPIError):
        books.walk("r1", state="department", department_by="b")


@pytest.mark.parametrize("category", FORBIDDEN)
def test_no_statement_pays_a_forbidden_use(books: Books, category: str) -> None:
    books.ask("no", 100, category, "refused", state="refused")
    books.reserve("drug", 100)
    moment = books.clock.now().isoformat()
    walked = f"department_by='b', finance_by='c', finance_at='{moment}', paid_by='d', paid_at='{moment}'"
    for statement in (
        *(f"UPDATE fund_request SET state='{state}' WHERE request_id='no'" for state in ("asked", "department")),
        *(
            f"UPDATE fund_request SET state='{state}', {walked} WHERE request_id='no'"
            for state in ("reserved", "paid")
        ),
        f"UPDATE fund_request_line SET category='{category}' WHERE request_id='drug'",
        "UPDATE fund_request_line SET outcome='permitted' WHERE request_id='no'",
        "DELETE FROM fund_request_line WHERE request_id='drug'",
        "UPDATE fund_request SET request_id='drug2' WHERE request_id='drug'",
    ):
        with pytest.raises(sa.exc.DBAPIError), books.database.writing() as connection:
            connection.execute(sa.text(statement))
    names = "institution_id, request_id, line_no, category, name, code, order_no, amount_fen, outcome"
    for outcome in ("permitted", "held", "refused"):
        values = f"'{HOSPITAL}', 'drug', 2, '{category}', 'x', '', '', 100, '{outcome}'"
        with pytest.raises(sa.exc.DBAPIError), books.database.writing() as connection:
            connection.execute(sa.text(f"INSERT INTO fund_request_line ({names}) VALUES ({values})"))
    with pytest.raises(InsufficientFund):
        books.pay("no", 100)
    assert books.standing == (99900, 100, 100000)


def test_an_asked_request_with_a_refused_line_goes_nowhere(books: Books) -> None:
    books.ask("r1", 100, "payroll", "refused")
    with pytest.raises(sa.exc.DBAPIError):
        books.walk("r1", state="department", department_by="b")


def test_a_grey_line_needs_a_ground_of_another_person(books: Books) -> None:
    books.ask("r1", 100, "reagent", "held")
    for given in ({}, {"ground": "x"}, {"ground": "x", "grounded_by": "a"}):
        with pytest.raises(sa.exc.DBAPIError):
            books.walk("r1", state="department", department_by="b", **given)
    books.walk("r1", state="department", department_by="b", ground="x", grounded_by="b")


@pytest.mark.parametrize("payer", ["c", "C", "nobody"])
def test_whoever_reserved_or_is_nobody_does_not_pay(books: Books, payer: str) -> None:
    books.reserve("r1", 30000)
    books.pay("r1", 30000)
    with pytest.raises(sa.exc.DBAPIError):
        books.walk("r1", state="paid", paid_by=payer, paid_at=books.clock.now(), bank_reference="B1")


def test_lines_join_only_while_nobody_agreed(books: Books) -> None:
    books.ask("r1", 100)
    books.walk("r1", state="department", department_by="b")
    with pytest.raises(sa.exc.DBAPIError), books.database.writing() as connection:
        connection.execute(
            sa.insert(FundRequestLine).values(
                institution_id=HOSPITAL,
                request_id="r1",
                line_no=2,
                category="drug",
                name="x",
                code="",
                order_no="",
                amount_fen=1,
                outcome="permitted",
            )
        )


def test_what_is_returned_lowers_what_is_owed_and_the_rest_is_let_go(books: Books) -> None:
    books.post("fund_return", (owed_account(GRANT), 60000, 0), (earmark_account(GRANT), 0, 60000))
    assert books.standing == (40000, 0, 40000)
    # An offset in a settlement lets the unspent money go with it, never more, and never leaves more than is owed.
    with pytest.raises(InsufficientFund):
        books.offset("o1", 10000, 0)
    with pytest.raises(InsufficientFund):
        books.offset("o2", 10000, 20000)
    books.offset("o3", 40000, 40000)
    assert books.standing == (0, 0, 0)


def test_a_bounced_payment_comes_back_in_red_and_what_lies_over_may_be_let_go(books: Books) -> None:
    books.reserve("r1", 60000)
    number = books.pay("r1", 60000)
    books.walk_paid("r1")
    books.offset("o1", 80000, 40000)
    assert books.standing == (0, 0, 20000)
    with books.database.writing() as connection:
        original = books.entry(
            "fund_payment", ("2302", 60000, 0), (reserved_account(GRANT), 0, 60000), source="fund_request:r1"
        )
        red = reversing(
            original,
            number,
            idempotency_key="red",
            kind="fund_payment_bounced",
            summary="x",
            at=books.clock.now(),
            day=books.clock.today(),
            by="x",
        )
        ledger_on(connection).post(red)
    assert books.standing == (0, 60000, 20000)
    over = (("1002", 40000, 0), (reserved_account(GRANT), 0, 40000))
    books.post("fund_release", *over, source="fund_request:r1")
    assert books.standing == (0, 20000, 20000)
    with pytest.raises(InsufficientFund):
        books.post("fund_release", ("1002", 1, 0), (reserved_account(GRANT), 0, 1), source="fund_request:r1")


@pytest.mark.parametrize(("name", "fen"), [("r2", 10000), ("r1", 9999)])
def test_a_request_is_not_reserved_by_another_entry(books: Books, name: str, fen: int) -> None:
    books.ask("r1", 10000)
    books.walk("r1", state="department", department_by="b", department_at=books.clock.now())
    with pytest.raises(InsufficientFund):
        books.book_reservation("r1", 10000, "x")
    books.book_reservation(name, fen)
    with pytest.raises(sa.exc.DBAPIError, match="not_booked: fund_request"):
        books.walk("r1", **books.reserved)


def test_a_request_is_reserved_by_its_entry_only(books: Books) -> None:
    books.ask("r1", 10000)
    books.walk("r1", state="department", department_by="b", department_at=books.clock.now())
    books.book_reservation("r1", 10000)
    with pytest.raises(sa.exc.DBAPIError, match="not_booked: fund_request"):
        books.walk("r1", **{**books.reserved, "expires_at": None})
    books.walk("r1", **books.reserved)


def test_a_request_is_released_by_its_entry_only(books: Books) -> None:
    ended = {"state": "released", "ended_by": "c", "ended_at": books.clock.now(), "ended_ground": "x"}
    books.reserve("r1", 30000)
    with pytest.raises(sa.exc.DBAPIError, match="not_booked: fund_request"):
        books.walk("r1", **ended)
    books.book_release("r1", 30000)
    books.walk("r1", **ended)
    books.reserve("r2", 30000)
    books.pay("r2", 30000)
    books.walk("r2", state="paid", paid_by="d", paid_at=books.clock.now(), bank_reference="B1")
    with pytest.raises(sa.exc.DBAPIError, match="not_booked: fund_request"):
        books.walk("r2", **ended)
    books.bounce("r2", 30000)
    assert books.standing == (100000, 0, 100000)


@pytest.mark.parametrize("name", ["nobody", "", " a", "A", "elsewhere", "scheduler"])
def test_a_request_is_asked_for_by_somebody_of_the_institution(books: Books, name: str) -> None:
    with books.database.writing() as connection:
        enter_people(connection, books.clock, "H52010000002", "elsewhere")
    with pytest.raises(sa.exc.DBAPIError, match="maker: fund_request"):
        books.ask("r1", 100, asked_by=name)


def test_a_request_may_be_asked_for_by_another_system_of_the_institution(books: Books) -> None:
    for own, client in ((HOSPITAL, "ours"), ("H52010000002", "theirs")):
        row = {"institution_id": own, "client_id": client, "name": client, "role": "finance_officer"}
        with books.database.writing() as connection:
            connection.execute(sa.insert(ApiClient).values(**row, token_hash=client, created_at=books.clock.now()))
    books.ask("r1", 100, asked_by="ours")
    with pytest.raises(sa.exc.DBAPIError, match="maker: fund_request"):
        books.ask("r2", 100, asked_by="theirs")


def test_every_row_that_is_a_step_begins_with_somebody_of_the_institution(books: Books) -> None:
    makers = runpy.run_path(str(MIGRATIONS / "0018_fund_makers.py"))["MAKERS"]
    assert len(makers) == 23
    # On SQLite the triggers that repeat the constraints look first; PostgreSQL shows every maker's.
    values: dict[str, Any] = {
        "UtcMoment": books.clock.now(),
        "JsonText": {},
        "Date": books.clock.today(),
        "Boolean": False,
    }
    values |= dict.fromkeys(("SmallInteger", "Integer", "BigInteger"), 1)
    # What a member gave back or used is first held against what it was handed on, and an invoice against its line.
    steps = {"fund_distribution_return", "fund_distribution_use", "fund_evidence", "fund_rejection_explained"}
    for name, column in makers.items():
        table = Base.metadata.tables[name]
        row = {one.name: values.get(type(one.type).__name__, "x") for one in table.columns if not one.nullable}
        row |= {"institution_id": HOSPITAL, column: "nobody"}
        with (
            pytest.raises(
                sa.exc.DBAPIError,
                match=f"maker: {name}|check: ck_{name}|append_only: {name}"
                + f"|wrong_step: {name}" * (name in steps),
            ),
            books.database.writing() as connection,
        ):
            connection.execute(sa.insert(table).values(**row))


def test_an_invoice_proves_one_request(books: Books) -> None:
    for name in ("r1", "r2"):
        books.reserve(name, 30000)
        books.pay(name, 30000)
        books.walk(name, state="paid", paid_by="d", paid_at=books.clock.now(), bank_reference="B1")
    books.prove("r1", "FP-1")
    for spelled in ("FP-1", "fp 1", "Fp/1"):
        with pytest.raises(sa.exc.DBAPIError, match="invoice_used"):
            books.prove("r2", spelled)
    books.prove("r2", "FP-2")
    books.bounce("r1", 30000)
    books.prove("r2", "FP-1")


def test_the_earmark_takes_only_what_is_owed_in_turn(books: Books) -> None:
    books.reserve("r1", 30000)
    books.pay("r1", 30000)
    with pytest.raises(InsufficientFund):
        books.post("x", (earmark_account(GRANT), 100, 0), ("1002", 0, 100))


@pytest.mark.parametrize("state", ["asked", "department", "rejected"])
def test_a_request_that_is_not_reserved_pays_nothing(books: Books, state: str) -> None:
    books.reserve("r1", 30000)
    books.ask("r2", 30000)
    if state != "asked":
        books.walk("r2", state=state, department_by="b" if state == "department" else None)
    with pytest.raises(InsufficientFund):
        books.pay("r2", 30000)


def test_the_lines_of_a_request_make_up_its_sum(books: Books) -> None:
    books.ask("r1", 30000)
    with books.database.writing() as connection:
        connection.execute(
            sa.insert(FundRequestLine).values(
                institution_id=HOSPITAL,
                request_id="r1",
                line_no=2,
                category="drug",
                name="x",
                code="",
                order_no="",
                amount_fen=1,
                outcome="permitted",
            )
        )
    with pytest.raises(sa.exc.DBAPIError):
        books.walk("r1", state="department", department_by="b")


def test_prepayment_stands_on_the_accounts_of_its_grant_or_nowhere(books: Books) -> None:
    with pytest.raises(PrepayError):
        books.post("x", ("1002", 100, 0), ("23050101", 0, 100), fund="")


@pytest.mark.parametrize(
    ("account", "fund"),
    [
        (earmark_account(GRANT) + "x", GRANT),
        (earmark_account(GRANT), ""),
        ("1002:earmark:unknown", "unknown"),
        ("2307:x", GRANT),
        ("23050101:x", ""),
    ],
)
def test_no_account_of_a_grant_is_opened_beside_its_three(books: Books, account: str, fund: str) -> None:
    with pytest.raises(sa.exc.DBAPIError), books.database.writing() as connection:
        open_account(connection, HOSPITAL, account, name="x", opened_at=books.clock.now(), guarded=True, fund=fund)


def test_a_grant_is_cleared_only_at_zero(books: Books) -> None:
    cleared = {"state": "cleared", "cleared_at": books.clock.now()}
    with books.database.writing() as connection:
        books.set(connection, FundGrant, FundGrant.grant_id == GRANT, state="received")
    with pytest.raises(sa.exc.DBAPIError), books.database.writing() as connection:
        books.set(connection, FundGrant, FundGrant.grant_id == GRANT, **cleared)
    books.post("fund_return", (owed_account(GRANT), 100000, 0), (earmark_account(GRANT), 0, 100000))
    with books.database.writing() as connection:
        books.set(connection, FundGrant, FundGrant.grant_id == GRANT, **cleared)


def test_a_prepayment_arrives_once_and_never_as_free_money(books: Books) -> None:
    for attempt in (
        ((earmark_account(GRANT), 100000, 0), (owed_account(GRANT), 0, 100000)),
        (("1002", 500, 0), (owed_account(GRANT), 0, 500)),
        (("2307", 500, 0), (owed_account(GRANT), 0, 500)),
        ((earmark_account(GRANT), 200, 0), ("1002", 300, 0), (owed_account(GRANT), 0, 500)),
    ):
        with pytest.raises(PrepayError):
            books.post("fund_receipt", *attempt)
    assert books.standing == (100000, 0, 100000)


def reverse(
    books: Books, kind: str, number: int, *lines: tuple[str, int, int], source: str = "x", red: str = ""
) -> None:
    original = books.entry(kind, *lines, source=source)
    entry = reversing(
        original,
        number,
        idempotency_key=f"red-{number}",
        kind=red or ("fund_payment_bounced" if kind == "fund_payment" else f"{kind}_red"),
        summary="x",
        at=books.clock.now(),
        day=books.clock.today(),
        by="x",
    )
    with books.database.writing() as connection:
        ledger_on(connection).post(entry)


def test_red_letters_free_nothing(books: Books) -> None:
    books.reserve("r1", 60000)
    paid = (("2302", 60000, 0), (reserved_account(GRANT), 0, 60000))
    payment = books.pay("r1", 60000)
    books.walk_paid("r1")
    returned = ((owed_account(GRANT), 60000, 0), ("1002", 0, 60000))
    given_back = books.post("fund_return", *returned)
    reverse(books, "fund_payment", payment, *paid, source="fund_request:r1")
    assert books.standing == (40000, 60000, 40000)
    for account in ("2307", "410101", "1001", "1218"):
        with pytest.raises(InsufficientFund):
            books.post("x", (account, 60000, 0), (reserved_account(GRANT), 0, 60000), source="fund_request:r1")
    let_go = (("1002", 60000, 0), (reserved_account(GRANT), 0, 60000))
    books.post("fund_release", *let_go, source="fund_request:r1")
    books.walk("r1", state="released", ended_by="d", ended_at=books.clock.now(), ended_ground="x")
    with pytest.raises(PrepayError):
        reverse(books, "fund_return", given_back, *returned)
    assert books.standing == (40000, 0, 40000)


def test_an_entry_of_the_fund_touches_nothing_beside(books: Books) -> None:
    books.reserve("r1", 30000)
    wages = (("2302", 30000, 0), (reserved_account(GRANT), 0, 30000), ("2307", 30000, 0), ("2302", 0, 30000))
    income = ((owed_account(GRANT), 100, 0), ("2307", 100, 0), (earmark_account(GRANT), 0, 100), ("410101", 0, 100))
    payable = ((owed_account(GRANT), 100, 0), ("2302", 0, 100))
    for kind, lines in (("fund_payment", wages), ("fund_return", income), ("x", income), ("x", payable)):
        with pytest.raises(PrepayError):
            books.post(kind, *lines, source="fund_request:r1")
    assert books.standing == (70000, 30000, 100000)
