"""Members' rows, the books and the bank's slips are tied to each other: raw SQL by the application's own user."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa

from hospital_prepay.domain.errors import InsufficientFund, PrepayError
from hospital_prepay.domain.ledger.chart import distributed_account, earmark_account, owed_account, reserved_account
from hospital_prepay.domain.ledger.entry import JournalEntry, Posting
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.references import payment_reference
from hospital_prepay.persistence import fund_distributions as store
from hospital_prepay.persistence.ledger import ledger_on
from hospital_prepay.persistence.models.fund import FundGrant
from hospital_prepay.persistence.models.fund_apply import FundDistributionReturn, FundDistributionUse
from hospital_prepay.persistence.models.fund_members import FundClaimPayment
from hospital_prepay.persistence.models.fund_recall import FundBankEvidence
from hospital_prepay.persistence.models.fund_reconciliation import FundSettlement
from hospital_prepay.services.fund import spending
from tests.hospital import INSTITUTION, Hospital
from tests.services.fund.conftest import HEAD, OFFICER, Year, line
from tests.services.fund.test_distribution import M, give_back, hand_on, held, lead, show
from tests.services.fund.test_member_debts import HALF, claim, intact, owed, repay

__all__ = ["lead"]
RETURN, REPAID = "fund_distribution_return", "fund_claim_repaid"
Lines = tuple[tuple[str, int, int, str], ...]


class Raw:
    """Statements in one transaction of the application's own user."""

    def __init__(self, year: Year, connection: sa.Connection) -> None:
        self.year, self.connection, self.clock = year, connection, year.hospital.context.clock

    def row(self, table: Any, found: str, fen: int, number: int = 1, slip: str = "") -> None:
        numbered = {FundDistributionReturn: "return_no", FundClaimPayment: "payment_no"}[table]
        values = {"distribution_id": found, numbered: number, "amount_fen": fen, "bank_reference": slip or "S-1"}
        self.insert(table, **values, **self.by)

    def insert(self, table: Any, **values: Any) -> None:
        self.connection.execute(sa.insert(table).values(institution_id=INSTITUTION, **values))

    def use(self, found: str, fen: int, number: int = 1) -> None:
        what = {"category": "drug", "name": "x", "code": "", "order_no": "", "document": "x"}
        self.insert(FundDistributionUse, distribution_id=found, use_no=number, amount_fen=fen, **what, **self.by)

    @property
    def by(self) -> dict[str, Any]:
        return {"recorded_by": OFFICER.actor_id, "recorded_at": self.clock.now()}

    def post(self, kind: str, lines: Lines, *, source: str = "x", key: str = "k", slip: str = "") -> int:
        """An entry, and its slip where one is given."""
        entry = JournalEntry(
            institution_id=INSTITUTION,
            idempotency_key=key,
            kind=kind,
            summary="x",
            source=source,
            occurred_at=self.clock.now(),
            posted_at=self.clock.now(),
            effective_on=self.clock.today(),
            posted_by="x",
            postings=tuple(Posting(a, Money(debit), Money(credit), fund) for a, debit, credit, fund in lines),
        )
        number = ledger_on(self.connection).post(entry)
        if slip:
            self.slip(kind, number, slip)
        return number

    def slip(self, kind: str, number: int, typed: str, reference: str | None = None) -> None:
        plain = payment_reference(typed) if reference is None else reference
        kept = {"kind": kind, "entry_no": number, "as_typed": typed, "reference": plain}
        self.insert(FundBankEvidence, **kept, value_on=self.clock.today(), **self.by)

    def member(self, kind: str, found: str, fen: int, number: int = 1, slip: str = "") -> int:
        """The entry that belongs to a row of a member."""
        grant = self.year.grant_id
        lines = {
            RETURN: ((earmark_account(grant), fen, 0, grant), (distributed_account(grant), 0, fen, grant)),
            REPAID: (("1002", fen, 0, ""), ("1218", 0, fen, "")),
        }[kind]
        key = f"{kind}:{found}:{number}"
        return self.post(kind, lines, source=f"fund_distribution:{found}", key=key, slip=slip)


@contextmanager
def raw(year: Year) -> Iterator[Raw]:
    with year.hospital.context.database.writing() as connection:
        yield Raw(year, connection)


def in_hand(year: Year, found: str) -> int:
    with year.hospital.context.database.reading() as connection:
        return store.find(connection, INSTITUTION, found).in_hand_fen


def is_sqlite(year: Year) -> bool:
    return not year.hospital.context.database.is_postgresql


REFUSED = (sa.exc.DBAPIError, PrepayError)


def test_a_debt_falls_only_by_a_row_with_its_entry_and_its_slip(lead: Year) -> None:
    found = hand_on(lead, HALF)
    show(lead, found, HALF)
    lead.give_back(M)
    with raw(lead) as books:
        books.row(FundClaimPayment, found, HALF)
    assert claim(lead) == HALF, "a row alone forgives nothing"
    for number, fen in ((1, HALF - 1), (2, HALF), (0, HALF)):
        with pytest.raises(InsufficientFund), raw(lead) as books:
            books.member(REPAID, found, fen, number)
    with pytest.raises(sa.exc.DBAPIError, match="slip"), raw(lead) as books:
        books.member(REPAID, found, HALF, slip="S-2")  # the row names another slip
    if is_sqlite(lead):
        with raw(lead) as books:
            number = books.member(REPAID, found, HALF)
        assert claim(lead) == HALF, "nor does an entry without its slip"
        with raw(lead) as books:
            books.slip(REPAID, number, "S-1")
    else:
        with pytest.raises(sa.exc.DBAPIError, match="slip: ledger_entry"), raw(lead) as books:
            books.member(REPAID, found, HALF)
        with raw(lead) as books:
            books.member(REPAID, found, HALF, slip="S-1")
    assert (claim(lead), owed(lead)) == (0, 0)
    assert intact(lead)


def test_a_debt_is_paid_once_however_many_rows_were_written(lead: Year) -> None:
    found = hand_on(lead, HALF)
    show(lead, found, HALF)
    lead.give_back(M)
    with raw(lead) as books:
        books.row(FundClaimPayment, found, HALF, 1, "S-1")
        books.row(FundClaimPayment, found, HALF, 2, "S-2")
        books.member(REPAID, found, HALF, 1, slip="S-1")
    with pytest.raises(sa.exc.DBAPIError, match="slip: fund_bank_evidence"), raw(lead) as books:
        books.member(REPAID, found, HALF, 2, slip="S-2")
    assert (claim(lead), owed(lead)) == (0, 0)


def test_a_row_alone_keeps_nobody_from_paying(lead: Year) -> None:
    found = hand_on(lead, 1000)
    show(lead, found, 400)
    with raw(lead) as books:
        books.row(FundDistributionReturn, found, 600)
    assert in_hand(lead, found) == 600 == held(lead) - 400
    give_back(lead, found, 600)
    lead.give_back(M)
    repay(lead, found, 400)
    assert (in_hand(lead, found), claim(lead), lead.standing) == (0, 0, (0, 0, 0))


def test_what_a_member_gave_back_is_booked_by_its_row_alone(lead: Year) -> None:
    found, grant = hand_on(lead, 1000), lead.grant_id
    earmark, reserved, members = earmark_account(grant), reserved_account(grant), distributed_account(grant)
    with raw(lead) as books:
        books.row(FundDistributionReturn, found, 600, 1, "S-1")
        books.row(FundDistributionReturn, found, 600, 2, "S-2")
    source = f"fund_distribution:{found}"
    for kind, key, account, fen in (
        (RETURN, "k", earmark, 600),
        (RETURN, f"{RETURN}:{found}:1", earmark, 599),
        (RETURN, f"{RETURN}:{found}:1", reserved, 600),
        (RETURN, f"{RETURN}:{found}:3", earmark, 600),
        ("x", f"{RETURN}:{found}:1", earmark, 600),
        ("fund_reserve", f"{RETURN}:{found}:1", earmark, 600),
    ):
        with pytest.raises(InsufficientFund), raw(lead) as books:
            books.post(kind, ((account, fen, 0, grant), (members, 0, fen, grant)), source=source, key=key, slip="S-1")
    with raw(lead) as books:
        books.member(RETURN, found, 600, 1, slip="S-1")
    with pytest.raises(InsufficientFund), raw(lead) as books:
        books.member(RETURN, found, 600, 2, slip="S-2")
    assert (in_hand(lead, found), held(lead)) == (400, 400)


def test_a_handing_on_is_not_undone_by_a_red_letter(lead: Year) -> None:
    found, grant = hand_on(lead, 1000), lead.grant_id
    with lead.hospital.context.database.reading() as connection:
        query = "SELECT entry_no FROM ledger_entry WHERE kind = 'fund_distribution'"
        number = int(connection.scalar(sa.text(query)) or 0)
    lines = (Posting(earmark_account(grant), Money(1000), Money(0), grant),)
    lines += (Posting(distributed_account(grant), Money(0), Money(1000), grant),)
    clock = lead.hospital.context.clock
    red = JournalEntry(
        institution_id=INSTITUTION,
        idempotency_key="red",
        kind="x",
        summary="x",
        source=f"fund_distribution:{found}",
        occurred_at=clock.now(),
        posted_at=clock.now(),
        effective_on=clock.today(),
        posted_by="x",
        postings=lines[::-1],
        reverses_no=number,
    )
    with pytest.raises(InsufficientFund), raw(lead) as books:
        ledger_on(books.connection).post(red)


@pytest.mark.parametrize("kind", ["fund_return", RETURN])
def test_money_that_went_back_has_its_slip_before_anything_more_is_booked(lead: Year, kind: str) -> None:
    found, grant = hand_on(lead, 1000), lead.grant_id

    def book(books: Raw) -> int:
        if kind == RETURN:
            books.row(FundDistributionReturn, found, 5)
            return books.member(RETURN, found, 5)
        return books.post(kind, ((owed_account(grant), 5, 0, grant), (earmark_account(grant), 0, 5, grant)))

    if not is_sqlite(lead):
        with pytest.raises(sa.exc.DBAPIError, match="slip: ledger_entry"), raw(lead) as books:
            book(books)
        return
    with raw(lead) as books:
        number = book(books)
    with pytest.raises(PrepayError):
        lead.give_back(100)
    with raw(lead) as books:
        books.slip(kind, number, "S-1")
    lead.give_back(100)


# PostgreSQL ends no transaction without the slip.
@pytest.mark.parametrize("database_urls", ["sqlite"], indirect=True)
def test_a_grant_is_cleared_with_all_its_slips(lead: Year) -> None:
    grant = lead.grant_id
    with raw(lead) as books:
        number = books.post(
            "fund_return", ((owed_account(grant), M, 0, grant), (earmark_account(grant), 0, M, grant))
        )
    clear = sa.update(FundGrant).values(state="cleared", cleared_at=lead.hospital.context.clock.now())
    with pytest.raises(sa.exc.DBAPIError, match="slip: fund_grant"), raw(lead) as books:
        books.connection.execute(clear)
    with raw(lead) as books:
        books.slip("fund_return", number, "S-1")
        books.connection.execute(clear)


def test_a_reserve_takes_from_the_earmark_alone(lead: Year) -> None:
    hand_on(lead, M - 1000)
    grant = lead.grant_id
    earmark, reserved, members = earmark_account(grant), reserved_account(grant), distributed_account(grant)
    asked = lead.ask(line(1000)).request_id
    spending.agree_request(lead.hospital.context, HEAD, asked, "x")
    source = f"fund_request:{asked}"
    for kind, lines in (
        ("fund_reserve", ((reserved, 1000, 0, grant), (members, 0, 1000, grant))),
        ("fund_reserve", ((reserved, 1000, 0, grant), (members, 0, 400, grant), (earmark, 0, 600, grant))),
        ("x", ((reserved, 1000, 0, grant), (earmark, 0, 1000, grant))),
    ):
        with pytest.raises(InsufficientFund), raw(lead) as books:
            books.post(kind, lines, source=source)
    assert lead.standing == (1000, 0, M)


@pytest.mark.parametrize("kind", ["x", "fund_netting", "fund_receipt", "fund_returned"])
def test_what_is_owed_falls_under_no_other_name(lead: Year, kind: str) -> None:
    grant = lead.grant_id
    lines = ((owed_account(grant), 5, 0, grant), (earmark_account(grant), 0, 5, grant))
    with pytest.raises(InsufficientFund), raw(lead) as books:
        books.post(kind, lines, slip="S-1")
    with raw(lead) as books:
        books.post("fund_return", lines, slip="S-1")


# SQLite has one writer.
@pytest.mark.postgres
@pytest.mark.parametrize("database_urls", ["postgres"], indirect=True)
@pytest.mark.parametrize("second", ["use", "return"])
@pytest.mark.parametrize("first", ["use", "return"])
def test_two_rows_at_once_wait_for_each_other(lead: Year, first: str, second: str) -> None:
    found = hand_on(lead, HALF)
    engine = sa.create_engine(lead.hospital.context.database.url)

    def act(connection: sa.Connection, what: str, number: int) -> None:
        books = Raw(lead, connection)
        if what == "use":
            books.use(found, HALF, number)
            return
        books.row(FundDistributionReturn, found, HALF, number, f"S-{number}")
        books.member(RETURN, found, HALF, number, slip=f"S-{number}")

    with engine.connect() as one, engine.connect() as two:
        two.execute(sa.text("SET lock_timeout = '500ms'"))
        two.commit()
        act(one, first, 1)
        # What isn't committed counts for nobody else: the other holds its row for the first of its kind.
        with pytest.raises(REFUSED, match=r"lock timeout|锁|繁忙"):
            act(two, second, 1)
        two.rollback()
        one.commit()
        with pytest.raises(REFUSED):
            act(two, second, 2 if first == second else 1)
        two.rollback()
    engine.dispose()
    assert in_hand(lead, found) == 0


@pytest.mark.parametrize(
    "typed",
    ["b-1", "回单 B-1 号", "Ｂ－１", "B1\u200b", "\u3164B-1", "B-1\u00ad", "b_1", "B/1.", " B\t1", "№Ｂ①", "ß9"],
)
def test_a_slip_is_compared_by_the_number_that_was_typed(hospital: Hospital, typed: str) -> None:
    year = Year(hospital, "weihai-prepay-2025").arrived()
    grant = year.grant_id
    lines = ((owed_account(grant), 5, 0, grant), (earmark_account(grant), 0, 5, grant))
    # SQLite can't work out composed signs: what is typed with them isn't the number of any other slip.
    if not (is_sqlite(year) and set(typed) & set("№①ß")):
        for reference in ("QQ1", "B", f"{payment_reference(typed)}0"):
            with pytest.raises(sa.exc.DBAPIError, match="append_only: fund_bank_evidence"), raw(year) as books:
                books.slip("fund_return", books.post("fund_return", lines), typed, reference)
    with raw(year) as books:
        books.post("fund_return", lines, slip=typed)


def test_one_slip_stands_behind_no_receipt_and_settlement(hospital: Hospital) -> None:
    year = Year(hospital, "weihai-prepay-2025").arrived()
    slip, today = f"B-1-{year.grant_id}", hospital.context.clock.today()
    with hospital.context.database.reading() as connection:
        typed = connection.scalars(sa.select(FundBankEvidence.as_typed)).all()
    assert typed == [slip]
    row = {"settlement_id": "s1", "kind": "settlement", "period": "2025-12", "fund": "all", "cross_region": False}
    row |= {"settled_fen": 500, "moved_fen": 500, "paid_on": today, "payer": "x", "remark": "x", "document": ""}
    for reference in ("QQ1", payment_reference(slip)):
        with pytest.raises(sa.exc.DBAPIError, match="fund_bank_evidence"), raw(year) as books:
            settle(books, slip, reference, row)
    with raw(year) as books:
        settle(books, "HD-2", "HD2", row)


def settle(books: Raw, slip: str, reference: str, row: dict[str, Any]) -> None:
    lines = (("1002", 500, 0, ""), ("12120201", 0, 500, ""))
    number = books.post("fund_settlement", lines, source="settlement:s1")
    books.slip("fund_settlement", number, slip, reference)
    books.insert(FundSettlement, **row, bank_reference=slip, entry_no=number, **books.by)
