"""A receipt or slip of outpatients' money is one number with and without the word before it, in the program and in
both databases, whoever goes round the program by raw SQL; and numbers of before are told theirs."""

from __future__ import annotations

import runpy
from contextlib import nullcontext
from pathlib import Path
from typing import Final

import pytest
import sqlalchemy as sa

from hospital_prepay.clock import FixedClock
from hospital_prepay.domain.errors import MalformedInput, PrepayError
from hospital_prepay.domain.references import slip_number
from hospital_prepay.persistence import migrate
from hospital_prepay.persistence.database import Database
from hospital_prepay.persistence.ledger import ledger_on
from hospital_prepay.persistence.models import outpatient_claims, outpatient_contradictions, outpatient_escheat
from hospital_prepay.services.outpatient import advances, escheat, payouts
from tests.books import HOSPITAL
from tests.db.test_outpatient_books import BANK, Books, books, filed, outpatients, unchanged
from tests.db.test_outpatient_life import untriggered
from tests.db.test_outpatient_overpaid import _BACK, Told, told
from tests.db.test_outpatient_owners import ACCOUNT
from tests.db.test_outpatient_slips import booked, fund_slip, remit, second_batch
from tests.db.test_outpatient_ties import listed, put, remitted
from tests.db.test_upgrade import empty_urls
from tests.hospital import INSTITUTION
from tests.services.outpatient.conftest import APPROVER, PAYER, answered
from tests.services.outpatient.test_escheat import LAST, REMITTER

__all__ = ["books", "empty_urls", "filed", "outpatients", "told"]
pytestmark = pytest.mark.clause("guizhou-deposit-2025/7", "guizhou-deposit-2025/8")
REFUSED: Final = (sa.exc.DBAPIError, PrepayError)
MIGRATION: Final = Path(__file__).parents[2] / "migrations" / "0052_outpatient_slip_words.py"
SPELLED: Final = [
    ("77", "77"),
    ("No.77", "77"),
    ("no77", "77"),
    ("NO.NO 77", "77"),
    ("编号：77", "77"),
    ("编号：No．77", "77"),
    ("A77", "A77"),
    ("No.A77", "A77"),
    ("no. a-77", "A77"),
    ("NO：A77", "A77"),
    ("NO。A77", "A77"),
    ("ＮＯ．Ａ７７", "A77"),
    ("凭条 No.　A77 号", "A77"),
    ("NO\u00a0A77", "A77"),
    ("No.NO.A77", "A77"),
    ("No.NOV12", "NOV12"),
    ("NOV12", "NOV12"),
    ("NORTH1", "NORTH1"),
    ("NO-A77", "NOA77"),
    ("NOA77", "NOA77"),
    ("PIANO.7", "PIANO7"),
    ("7NO.7", "7NO7"),
    ("NO.", "NO"),
    ("编号：", ""),
]
SIGNS: Final = [("№77", "77"), ("№A77", "A77"), ("№ 77", "77"), ("Nº 77", "77"), ("nºA77", "A77"), ("NO｡A77", "A77")]


@pytest.mark.parametrize(("typed", "number"), [*SPELLED, *SIGNS])
def test_the_word_before_a_number_is_none_of_it(typed: str, number: str) -> None:
    assert slip_number(typed) == number
    assert slip_number(number) == number
    assert runpy.run_path(str(MIGRATION))["_number"](typed) == number


@pytest.mark.parametrize(
    ("first", "again"),
    [("77", "No.77"), ("No.77", "77"), ("77", "№77"), ("77", "编号：77"), ("A77", "No.A77"), ("№ A77", "a-77")],
)
@pytest.mark.usefixtures("unproved")
def test_a_receipt_of_cash_is_one(books: Books, first: str, again: str) -> None:
    one, two = books.outpatients.confirmed(), books.outpatients.confirmed("M003", certno="")
    payouts.pay_cash(books.context, PAYER, one, first)
    with pytest.raises(MalformedInput, match="只能付一笔"):
        payouts.pay_cash(books.context, PAYER, two, again)
    source = f"outpatient_claim:{two}"
    entry = books.post("outpatient_refund", ("23050102:M003", 3000), ("1001", -3000), source=source)
    insert = (
        "INSERT INTO outpatient_payout (institution_id, claim_id, attempt_no, route, amount_fen,"
        " state, sent_by, sent_at, bank_reference, failure, entry_no, receipt_key) VALUES"
        " (:i, :id, 1, 'cash', 3000, 'arrived', :by, :now, :typed, '', :entry, :key)"
    )
    own = {"i": INSTITUTION, "id": two, "by": PAYER.actor_id, "entry": entry}
    own["now"] = books.context.clock.now().isoformat()
    for typed, key in ((again, slip_number(again)), ("NO.77", "NO77"), ("No. A77", "NOA77")):
        unchanged(books, insert, typed=typed, key=key, **own)
    books.sql(insert, typed="No. A78", key="A78", **own)


def test_the_treasurys_slip_is_one_lists(filed: Books) -> None:
    remitted(filed, "No.1")
    today = filed.context.clock.today()
    one, two = listed(filed, "M001", "LK-1"), listed(filed, "M003", "LK-2", certno="")
    for number, paper in ((one, "文1"), (two, "文2")):
        advances.submit_advance_list(filed.context, APPROVER, number, paper, today)
    with pytest.raises(MalformedInput, match="第 1 批上缴"):
        advances.reimburse_advance_list(filed.context, PAYER, one, "№ 1", today)
    with filed.context.database.writing() as connection:
        fund_slip(connection, filed, "编号 No.88", "NO88")
    with pytest.raises(MalformedInput, match="已经记过一笔"):
        advances.reimburse_advance_list(filed.context, PAYER, one, "88", today)
    advances.reimburse_advance_list(filed.context, PAYER, one, "No.A77", today)
    with pytest.raises(MalformedInput, match="第 1 份申请表"):
        advances.reimburse_advance_list(filed.context, PAYER, two, "A77", today)
    step = "UPDATE outpatient_advance_list SET state = 'reimbursed', slip_key = '{}', bank_reference = '{}'"
    for key, typed in (("NOA77", "No.A77"), ("A77", "No.A77"), ("A77", "A77"), ("88", "88"), ("NO78", "No.78")):
        unchanged(filed, f"{step.format(key, typed)} WHERE list_no = 2")
    assert advances.reimburse_advance_list(filed.context, PAYER, two, "NOA77", today).state == "reimbursed"


@pytest.mark.parametrize(
    ("voucher", "slip", "field"), [("No.1", "HD02", "voucher_no"), ("2", "№ HD-01", "bank_reference")]
)
def test_a_batchs_numbers_are_one(filed: Books, voucher: str, slip: str, field: str) -> None:
    batch_no = second_batch(filed)
    typed = {"voucher_no": voucher, "bank_reference": slip}
    bare = {"voucher_key": slip_number(voucher), "slip_key": slip_number(slip)}
    plain = {"voucher_key": voucher.upper().replace(".", ""), "slip_key": slip.upper().replace("№ HD-", "NOHD")}
    for keys in (bare, plain) if "№" not in slip or filed.context.database.is_postgresql else (bare,):
        with pytest.raises(REFUSED):
            remit(filed, batch_no, 3000, **typed, **keys)
    with pytest.raises(MalformedInput, match="第 1 批") as refused:
        escheat.remit_batch(filed.context, REMITTER, batch_no, escheat.Remittance(voucher, slip, LAST))
    assert refused.value.details["field"] == field
    other = escheat.Remittance("No.3", "No.HD03", LAST)
    assert escheat.remit_batch(filed.context, REMITTER, batch_no, other).bank_reference == "No.HD03"


def test_a_slip_of_the_restricted_fund_is_no_batchs(filed: Books) -> None:
    batch_no = booked(filed)
    with filed.context.database.writing() as connection:
        fund_slip(connection, filed, "No. HD01", "NOHD01")
    with pytest.raises(REFUSED):
        remit(filed, batch_no)
    with pytest.raises(MalformedInput, match="已经记过一笔"):
        escheat.remit_batch(filed.context, REMITTER, batch_no, escheat.Remittance("1", "hd01", LAST))
    remit(filed, batch_no, bank_reference="HD-02", slip_key="HD02")


def test_a_slip_of_a_batch_or_a_list_is_none_of_the_restricted_fund(filed: Books) -> None:
    remitted(filed, "No.HD02")
    today = filed.context.clock.today()
    listed(filed, "M001", "LK-1")
    advances.submit_advance_list(filed.context, APPROVER, 1, "文1", today)
    advances.reimburse_advance_list(filed.context, PAYER, 1, "A77", today)
    for typed, reference in (("编号：No.HD02", "NOHD02"), ("HD02", "HD02"), ("No. A77", "NOA77")):
        with pytest.raises(sa.exc.DBAPIError, match="slip_used"), filed.context.database.writing() as connection:
            fund_slip(connection, filed, typed, reference)
    with filed.context.database.writing() as connection:
        fund_slip(connection, filed, "NOHD 02", "NOHD02")


@pytest.mark.usefixtures("unproved")
def test_the_banks_slip_of_a_return_is_one(books: Books, tmp_path: Path) -> None:
    """And for nothing that was kept under another number than was typed."""
    one = books.outpatients.confirmed(**BANK)
    answered(books.outpatients, tmp_path, one)
    two = books.outpatients.confirmed("M003", certno="", **{**BANK, "card_no": "6217000000000000019"})
    answered(books.outpatients, tmp_path, two)
    payouts.bounce_refund(books.context, PAYER, one, "销户", "77")
    for again in ("No.77", "№77", "编号：77"):
        with pytest.raises(MalformedInput, match="的退回"):
            payouts.bounce_refund(books.context, PAYER, two, "销户", again)
    step = "UPDATE outpatient_payout SET state = 'returned', return_reference = '{}', return_key = '{}'"
    for typed, key in (("No.78", "NO78"), ("No.77", "77"), ("A7", "A8"), ("No.A7", "NOA7")):
        unchanged(books, f"{step.format(typed, key)} WHERE state = 'arrived'")
    books.sql(f"{step.format('No.A7', 'A7')} WHERE state = 'arrived'")


def agrees(connection: sa.Connection) -> None:
    """The database says of each number what the program does. SQLite leaves to that what is other letters once it is
    narrow."""
    sqlite = connection.dialect.name == "sqlite"
    said = runpy.run_path(str(MIGRATION))["_slip"]("v.typed") if sqlite else "outpatient_plain_slip(v.typed)"
    for typed, number in SPELLED if sqlite else [*SPELLED, *SIGNS]:
        query = f"SELECT coalesce({said}, '') FROM (SELECT CAST('{typed}' AS text) AS typed) v"
        assert (typed, connection.exec_driver_sql(query).scalar_one()) == (typed, number)


def test_numbers_of_before_are_told_theirs(empty_urls: tuple[str, str], clock: FixedClock, tmp_path: Path) -> None:
    """Of two that were alike but for the word one has the number, and both stand; nothing new is like either."""
    owner = Database(empty_urls[0], pool_size=1)
    role = sa.make_url(empty_urls[1]).username if owner.is_postgresql else None

    def upgraded(target: str) -> None:
        migrate.upgrade(owner, app_role=role, backup_folder=tmp_path, moment=clock.now(), target=target)

    upgraded("0050")
    now, day = clock.now(), clock.today()
    receipts = [("No.77", "NO77"), ("77", "77"), ("No.A7", "NOA7"), ("NOV12", "NOV12"), ("№ 9", "NO9")]
    with owner.writing() as connection, untriggered(connection):
        connection.execute(sa.text(ACCOUNT), {"i": HOSPITAL})
        for number, (typed, key) in enumerate(receipts):
            asked = {"claim_id": f"c{number}", "refund_no": f"R{number}", "account_no": "M001", "remitted": False}
            asked |= {"amount_fen": 1, "claimant": "self", "card_lost": False, "claimant_name": "x", "personal": ""}
            asked |= {"card_hash": "", "taken_at": "window", "route": "cash", "state": "arrived", "decision_id": "d"}
            by = {"accepted_by": "a", "accepted_at": now, "reviewed_by": "b", "confirmed_by": "c", "paid_by": "d"}
            put(connection, outpatient_claims.OutpatientClaim, **asked, **by, ground="")
            paid = {"claim_id": f"c{number}", "attempt_no": 1, "route": "cash", "amount_fen": 1, "state": "arrived"}
            who = {"sent_by": "a", "sent_at": now, "bank_reference": typed, "failure": "", "entry_no": number + 1}
            back = {"receipt_key": key, "return_reference": f"No.B{number}", "return_key": f"NOB{number}"}
            put(connection, outpatient_claims.OutpatientPayout, **paid, **who, **back)
            own = {"claim_id": f"c{number}", "paper_no": 1, "kind": "slip", "reference": typed, "slip_key": key}
            put(connection, outpatient_claims.OutpatientClaimPaper, **own, recorded_by="a", recorded_at=now)
        owed = {"claim_id": "c0", "attempt_no": 1, "amount_fen": 1, "entry_no": 1, "recorded_by": "a"}
        back = {"state": "recovered", "way": "cash", "reference": "No.5", "slip_key": "NO5", "recovered_by": "b"}
        ends = {"recorded_at": now, "recovered_at": now, "back_entry_no": 2}
        put(connection, outpatient_contradictions.OutpatientOverpayment, **owed, **back, **ends)
        made = {"list_no": 1, "budget_year": 2027, "state": "reimbursed", "claims": 1, "total_fen": 1, "made_by": "a"}
        sent = {"document": "文1", "bank_reference": "No. HD", "submitted_on": day, "submitted_by": "b"}
        keys = {"document_key": "文|1", "slip_key": "NOHD", "made_at": now, "ground": ""}
        put(connection, outpatient_escheat.OutpatientAdvanceList, **made, **sent, **keys)
    upgraded("head")
    with owner.reading() as connection:
        agrees(connection)

        def kept(columns: str, table: str) -> list[tuple[str, ...]]:
            found = connection.execute(sa.text(f"SELECT {columns} FROM {table} ORDER BY 1"))
            return [tuple(row)[1:] for row in found]

        payouts_kept = kept("claim_id, receipt_key, return_key", "outpatient_payout")
        assert [row[0] for row in payouts_kept] == ["NO77", "77", "A7", "NOV12", "9"]
        assert [row[1] for row in payouts_kept] == [f"B{number}" for number in range(5)]
        assert kept("claim_id, slip_key", "outpatient_claim_paper") == [("77",), ("77",), ("A7",), ("NOV12",), ("9",)]
        assert kept("claim_id, slip_key", "outpatient_overpayment") == [("5",)]
        assert kept("list_no, slip_key", "outpatient_advance_list") == [("HD",)]
    owner.close()


@pytest.mark.parametrize(
    ("typed", "key", "stands"),
    [("No.7", "NO7", False), ("A7", "A8", False), ("No.A7", "NOA7", False), ("№ 7", "7", True)],
)
def test_what_came_back_of_an_overpayment_is_kept_under_its_number(
    told: Told, typed: str, key: str, stands: bool
) -> None:
    told.twice()
    told.decide()
    entry = told.held.entry("outpatient_overpaid_back", (told.account, -6450), ("1002", 6450), source=told.source)
    step = _BACK.replace("'SJ-1'", f"'{typed}'").replace("'SJ1'", f"'{key}'")
    with nullcontext() if stands else pytest.raises(REFUSED), told.context.database.writing() as connection:
        ledger_on(connection).post(entry, lambda number: connection.execute(sa.text(step.format(number))))
